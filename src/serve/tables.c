/* The routes that read materialized tables. */
#include "serve/internal.h"

#include <string.h>

#include "data/type.h"

void serve_tag(HttpRequest *request, const ServeView *view, bool shows_watermark)
{
    request->etag = arena_printf(
        request->arena, "\"%llx-%lld-%lld-%llx\"", (unsigned long long)http_seed(request->server),
        (long long)serve_server(request)->generation, (long long)view->version,
        shows_watermark ? (unsigned long long)view->watermark : 0);
    if (view->watermark == TIMESTAMP_MIN || view->watermark == TIMESTAMP_MAX)
        return;
    Buffer text = {0};
    timestamp_print(&text, view->watermark, 3, 'T');
    buffer_append_char(&text, 'Z');
    http_add_header(request, "X-Weir-Watermark", str_terminated(request->arena, buffer_str(&text)));
    buffer_free(&text);
}

static const char *suggest_table(const HttpRequest *request, Str name)
{
    const char *best = NULL;
    int best_distance = 3;
    for (int32_t i = 0; i < serve_server(request)->config.table_count; i++) {
        const char *candidate = served_spec(serve_server(request)->config.tables[i])->name;
        int distance = str_edit_distance(name, str_from(candidate), 2);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best == NULL ? NULL : arena_printf(request->arena, "did you mean `%s`?", best);
}

ServedTable *serve_find_table(HttpRequest *request, ServeView *view)
{
    Str name = request->segments[0];
    for (int32_t i = 0; i < serve_server(request)->config.table_count; i++) {
        ServedTable *table = serve_server(request)->config.tables[i];
        if (!str_is(name, served_spec(table)->name))
            continue;
        *view = (ServeView){.version = served_version(table), .watermark = served_watermark(table)};
        return table;
    }
    http_problem(
        request, MHD_HTTP_NOT_FOUND, "WR6001", "no such table",
        arena_printf(request->arena, "there is no materialized table `%.*s`", STR_ARGS(name)),
        suggest_table(request, name));
    return NULL;
}

static void put_time(JsonWriter *json, const char *key, Timestamp micros)
{
    json_key(json, key);
    if (micros == TIMESTAMP_MIN) {
        json_null(json);
        return;
    }
    if (micros == TIMESTAMP_MAX) {
        json_text(json, "end");
        return;
    }
    Buffer text = {0};
    timestamp_print(&text, micros, 3, 'T');
    buffer_append_char(&text, 'Z');
    json_str(json, buffer_str(&text));
    buffer_free(&text);
}

static void put_table(HttpRequest *request, JsonWriter *json, ServedTable *table, bool with_columns)
{
    const ServedSpec *spec = served_spec(table);
    json_begin_object(json);
    json_key(json, "name");
    json_text(json, spec->name);
    json_key(json, "comment");
    json_text(json, spec->comment);
    json_key(json, "rows");
    json_int(json, served_row_count(table));
    json_key(json, "version");
    json_int(json, served_version(table));
    put_time(json, "watermark", served_watermark(table));
    int64_t updated_us = served_updated_us(table);
    put_time(json, "updated_at", updated_us == 0 ? TIMESTAMP_MIN : updated_us);
    json_key(json, "freshness_seconds");
    json_int(json, spec->freshness_us / MICROS_PER_SECOND);
    json_key(json, "ttl_seconds");
    json_int(json, spec->ttl_us / MICROS_PER_SECOND);
    json_key(json, "primary_key");
    json_begin_array(json);
    for (int32_t i = 0; i < spec->key_count; i++)
        json_str(json, spec->schema->fields[spec->key[i]].name);
    json_end_array(json);
    if (with_columns) {
        json_key(json, "columns");
        json_begin_array(json);
        for (int32_t i = 0; i < spec->schema->count; i++) {
            json_begin_object(json);
            json_key(json, "name");
            json_str(json, spec->schema->fields[i].name);
            json_key(json, "type");
            json_text(json, type_text(request->arena, spec->schema->fields[i].type));
            json_end_object(json);
        }
        json_end_array(json);
    }
    json_end_object(json);
}

void serve_list_tables(HttpRequest *request)
{
    JsonWriter json = {.out = &request->body};
    json_begin_object(&json);
    json_key(&json, "schema");
    json_text(&json, "weir.v1.TableList");
    json_key(&json, "items");
    json_begin_array(&json);
    for (int32_t i = 0; i < serve_server(request)->config.table_count; i++)
        put_table(request, &json, serve_server(request)->config.tables[i], false);
    json_end_array(&json);
    json_end_object(&json);
}

void serve_describe_table(HttpRequest *request)
{
    ServeView view;
    ServedTable *table = serve_find_table(request, &view);
    if (table == NULL)
        return;
    JsonWriter json = {.out = &request->body};
    put_table(request, &json, table, true);
    serve_tag(request, &view, true);
}

static const char *suggest_column(const HttpRequest *request, const Schema *schema, Str name)
{
    const char *best = NULL;
    int best_distance = 3;
    for (int32_t i = 0; i < schema->count; i++) {
        int distance = str_edit_distance(name, schema->fields[i].name, 2);
        if (distance < best_distance) {
            best = str_terminated(request->arena, schema->fields[i].name);
            best_distance = distance;
        }
    }
    return best == NULL ? NULL : arena_printf(request->arena, "did you mean `%s`?", best);
}

/* "gt:5" is an operator and its value; anything else is a value to equal. */
static Str take_operator(Str value, ServedFilter *filter)
{
    static const struct {
        const char *text;
        int op;
    } operators[] = {{"eq:", FILTER_EQ}, {"ne:", FILTER_NE},  {"lt:", FILTER_LT},
                     {"le:", FILTER_LE}, {"lte:", FILTER_LE}, {"gt:", FILTER_GT},
                     {"ge:", FILTER_GE}, {"gte:", FILTER_GE}};
    filter->op = FILTER_EQ;
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        Str prefix = str_from(operators[i].text);
        if (!str_has_prefix(value, prefix))
            continue;
        __typeof__(filter->op) op = operators[i].op;
        filter->op = op;
        return str_make(value.data + prefix.length, value.length - prefix.length);
    }
    return value;
}

static bool parse_filter(HttpRequest *request, const Schema *schema, const HttpParam *param,
                         ServedFilter *filter)
{
    filter->column = schema_find(schema, param->name);
    if (filter->column < 0) {
        http_problem(request, MHD_HTTP_BAD_REQUEST, "WR6002", "no such column",
                     arena_printf(request->arena, "`%.*s` is neither a column nor a parameter",
                                  STR_ARGS(param->name)),
                     suggest_column(request, schema, param->name));
        return false;
    }
    Type type = schema->fields[filter->column].type;
    Str text = take_operator(param->value, filter);
    if (value_parse(text, type, &filter->value))
        return true;
    http_problem(request, MHD_HTTP_BAD_REQUEST, "WR6005", "not a value of the column's type",
                 arena_printf(request->arena, "`%.*s` is not a value of type %s, which `%.*s` has",
                              STR_ARGS(text), type_text(request->arena, type),
                              STR_ARGS(param->name)),
                 NULL);
    return false;
}

static void answer_page(HttpRequest *request, ServedTable *table, const ServeView *view,
                        const ServedPage *page)
{
    Error error = {0};
    Buffer next = {0};
    buffer_append_text(&request->body, "{\"items\":[");
    Status status = served_page_json(table, page, &request->body, &next, &error);
    if (status != OK) {
        http_problem(request, MHD_HTTP_BAD_REQUEST, error.code, "bad cursor",
                     arena_printf(request->arena, "%s", error.text),
                     error.hint[0] == '\0' ? NULL : arena_printf(request->arena, "%s", error.hint));
    } else {
        JsonWriter json = {.out = &request->body};
        buffer_append_text(&request->body, "],\"next_cursor\":");
        if (next.length > 0)
            json_append_quoted(&request->body, buffer_str(&next));
        else
            json_null(&json);
        buffer_append_char(&request->body, '}');
        serve_tag(request, view, false);
    }
    buffer_free(&next);
}

void serve_list_rows(HttpRequest *request)
{
    ServeView view;
    ServedTable *table = serve_find_table(request, &view);
    int64_t limit;
    if (table == NULL ||
        !http_number(request, "limit", 1, PAGE_ROWS_MAX, PAGE_ROWS_DEFAULT, &limit))
        return;
    ServedFilter filters[FILTERS_MAX];
    int32_t count = 0;
    const Schema *schema = served_spec(table)->schema;
    for (int32_t i = 0; i < request->param_count; i++) {
        const HttpParam *param = &request->params[i];
        bool is_paging = str_is(param->name, "limit") || str_is(param->name, "cursor");
        if (is_paging)
            continue;
        if (count == FILTERS_MAX) {
            http_problem(
                request, MHD_HTTP_BAD_REQUEST, "WR6007", "too many filters",
                arena_printf(request->arena, "at most %d columns can be filtered", FILTERS_MAX),
                NULL);
            return;
        }
        if (!parse_filter(request, schema, param, &filters[count++]))
            return;
    }
    ServedPage page = {.filters = filters,
                       .filter_count = count,
                       .limit = (int32_t)limit,
                       .cursor = http_param(request, "cursor")};
    answer_page(request, table, &view, &page);
}

/* The parts of "k1,k2" before decoding, so that an encoded comma belongs to its value. */
static bool parse_key(HttpRequest *request, const ServedSpec *spec, Value *key)
{
    Str rest = request->segments[1];
    for (int32_t i = 0; i < spec->key_count; i++) {
        Str raw = i + 1 < spec->key_count ? str_split(rest, ',', &rest) : rest;
        Type type = spec->schema->fields[spec->key[i]].type;
        Str text;
        if (raw.data != NULL && http_decode(request->arena, raw, false, &text) &&
            value_parse(text, type, &key[i]))
            continue;
        http_problem(request, MHD_HTTP_BAD_REQUEST, "WR6005", "not a key of this table",
                     arena_printf(request->arena,
                                  "part %d of the key must be a value of `%.*s`, which is %s",
                                  i + 1, STR_ARGS(spec->schema->fields[spec->key[i]].name),
                                  type_text(request->arena, type)),
                     spec->key_count > 1 ? "separate the columns of a key with commas" : NULL);
        return false;
    }
    return true;
}

void serve_get_row(HttpRequest *request)
{
    ServeView view;
    ServedTable *table = serve_find_table(request, &view);
    if (table == NULL)
        return;
    const ServedSpec *spec = served_spec(table);
    if (spec->key_count == 0) {
        http_problem(request, MHD_HTTP_NOT_FOUND, "WR6008", "the table has no key",
                     "rows of a table without a key can only be listed", NULL);
        return;
    }
    Value *key = ARENA_ARRAY(request->arena, Value, spec->key_count);
    if (!parse_key(request, spec, key))
        return;
    if (served_find_json(table, key, &request->body))
        serve_tag(request, &view, false);
    else
        http_problem(request, MHD_HTTP_NOT_FOUND, "WR6009", "no such row",
                     arena_printf(request->arena, "`%s` has no row with this key", spec->name),
                     NULL);
}
