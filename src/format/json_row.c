/* JSON objects into rows.
 *
 * Per key: compare with what stood here in the last object, else look the name up. Per unwanted
 * value: step over its tokens. Per wanted value: convert the raw bytes for the column. */
#include "format/json_row.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/hash.h"
#include "format/formats.h"
#include "format/json_nested.h"
#include "format/json_value.h"

static const char *const CODE_MALFORMED = "WR3501";
static const char *const CODE_FIELD = "WR3502";
static const char *const CODE_MISSING = "WR3503";

enum { REASON_BYTES_SHOWN = 80 };

bool json_row_fail(JsonRow *row, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(row->reason, sizeof row->reason, format, args);
    va_end(args);
    row->code = code;
    return false;
}

static int32_t table_slot(const JsonGroup *group, Str name)
{
    int32_t slot = (int32_t)hash_bytes(name.data, name.length) & group->table_mask;
    while (group->table[slot] != 0 && !str_equal(group->columns[group->table[slot] - 1].name, name))
        slot = (slot + 1) & group->table_mask;
    return slot;
}

static JsonShortcut type_shortcut(Type type)
{
    if (type.id == TYPE_INT)
        return SHORTCUT_I32;
    if (type.id == TYPE_BIGINT)
        return SHORTCUT_I64;
    if (type.id == TYPE_DECIMAL)
        return SHORTCUT_DECIMAL;
    if (type_is_text(type))
        return SHORTCUT_TEXT;
    return type.id == TYPE_TIMESTAMP && type.precision <= 6 ? SHORTCUT_TIMESTAMP : SHORTCUT_NONE;
}

static int32_t type_micros_cut(Type type)
{
    bool is_cut = type.id == TYPE_TIMESTAMP && type.precision < 6;
    return is_cut ? (int32_t)TEXT_POWERS[6 - type.precision] : 1;
}

static void group_init(Arena *arena, JsonGroup *group, int32_t columns_max)
{
    assert(columns_max >= 0);
    group->columns = ARENA_ARRAY(arena, JsonColumn, columns_max + 1);
    int32_t slots = 4;
    while (slots < columns_max * 2)
        slots *= 2;
    group->table = ARENA_ARRAY(arena, int32_t, slots);
    group->table_mask = slots - 1;
}

JsonGroup *json_group_new(Arena *arena, int32_t columns_max)
{
    JsonGroup *group = ARENA_NEW(arena, JsonGroup);
    group_init(arena, group, columns_max);
    return group;
}

JsonColumn *json_group_add(Arena *arena, JsonGroup *group, Str name, Type type)
{
    JsonColumn *column = &group->columns[group->column_count++];
    *column = (JsonColumn){.name = str_copy(arena, name),
                           .type = type,
                           .shortcut = type_shortcut(type),
                           .micros_cut = type_micros_cut(type)};
    group->table[table_slot(group, name)] = group->column_count;
    return column;
}

/* The member that is an object of which fields are columns. */
static JsonColumn *group_enter(Arena *arena, JsonGroup *group, Str name, Type type,
                               int32_t columns_max)
{
    int32_t known = group->table[table_slot(group, name)] - 1;
    JsonColumn *column =
        known >= 0 ? &group->columns[known] : json_group_add(arena, group, name, type);
    if (column->group == NULL)
        column->group = json_group_new(arena, columns_max);
    return column;
}

static Status row_open_column(Arena *arena, const DecoderSpec *spec, int32_t index, JsonRow *row,
                              Error *error)
{
    const Field *field = &spec->record->fields[spec->columns[index]];
    FieldPath path = spec->paths == NULL ? (FieldPath){0} : spec->paths[index];
    JsonGroup *group = &row->top;
    Str name = field->name;
    Type type = field->type;
    for (int32_t i = 0; i < path.depth; i++) {
        assert(type.id == TYPE_ROW && path.fields[i] < type.child_count);
        group = group_enter(arena, group, name, type, spec->column_count)->group;
        name = type.child_names[path.fields[i]];
        type = type.children[path.fields[i]];
    }
    JsonColumn *column = json_group_add(arena, group, name, type);
    column->batch_column = spec->first_column + index;
    if (!type_is_nested(type))
        return OK;
    return json_nested_open(arena, name, type, &column->nested, error);
}

Status json_row_open(Arena *arena, const DecoderSpec *spec, bool has_missing_option, JsonRow *row,
                     Error *error)
{
    *row = (JsonRow){0};
    group_init(arena, &row->top, spec->column_count);
    for (int32_t i = 0; i < spec->column_count; i++)
        TRY(row_open_column(arena, spec, i, row, error));
    row->fails_on_missing = has_missing_option && format_option_bool(spec->options, spec->prefix,
                                                                     "fail-on-missing-field");
    row->ignores_errors = format_option_bool(spec->options, spec->prefix, "ignore-parse-errors");
    Str standard = format_option_text(spec->options, spec->prefix, "timestamp-format.standard");
    row->times =
        str_equal_ignoring_case(standard, STR("ISO-8601")) ? TEXT_TIMES_ISO : TEXT_TIMES_SQL;
    row->separator = row->times == TEXT_TIMES_ISO ? 'T' : ' ';
    if (row->fails_on_missing && row->ignores_errors)
        return fail(error, ERR_INVALID, "WR3505",
                    "json format does not support that fail-on-missing-field and "
                    "ignore-parse-errors are both enabled");
    return OK;
}

void json_row_close(JsonRow *row)
{
    buffer_free(&row->scratch);
    nested_builder_free(&row->builder);
}

static void group_begin(JsonGroup *group, Batch *batch)
{
    for (int32_t i = 0; i < group->column_count; i++) {
        JsonColumn *column = &group->columns[i];
        if (column->group != NULL) {
            group_begin(column->group, batch);
            continue;
        }
        assert(column->batch_column < batch->column_count);
        column->column = &batch->columns[column->batch_column];
        column->values = column->column->values;
        assert(column->column->physical == type_physical(column->type));
    }
}

void json_row_begin(JsonRow *row, Batch *batch, int32_t capacity)
{
    assert(batch->arena != NULL);
    row->batch = batch;
    row->capacity = capacity;
    group_begin(&row->top, batch);
}

/* Remember that the key (`length` bytes and its quote at `text`) stood at this place. */
static void expected_set(JsonExpected *expected, const char *text, int64_t length, int32_t column)
{
    expected->length = 0;
    if (length > JSON_KEY_BYTES_MAX)
        return;
    memset(expected->text, 0, sizeof expected->text);
    memcpy(expected->text, text, (size_t)length + 1);
    expected->length = (int32_t)length + 1;
    expected->column = column;
    char mask[JSON_HEAD_BYTES] = {0};
    memset(mask, 0xff, (size_t)(length < JSON_HEAD_BYTES ? length + 1 : JSON_HEAD_BYTES));
    memcpy(expected->mask, mask, sizeof mask);
    memcpy(expected->head, expected->text, sizeof expected->head);
}

static inline bool expected_matches(const JsonExpected *expected, const char *text)
{
    uint64_t head[2];
    memcpy(head, text, sizeof head);
    uint64_t difference = ((head[0] ^ expected->head[0]) & expected->mask[0]) |
                          ((head[1] ^ expected->head[1]) & expected->mask[1]);
    if (difference != 0 || expected->length == 0)
        return false;
    return expected->length <= JSON_HEAD_BYTES ||
           memcmp(expected->text + JSON_HEAD_BYTES, text + JSON_HEAD_BYTES,
                  (size_t)expected->length - JSON_HEAD_BYTES) == 0;
}

/* The column of a key that did not stand here last time; -2 if it is no string. The colon is
 * the walk's next token. */
static int32_t key_find(JsonRow *row, JsonGroup *group, const JsonWalk *walk, uint32_t start,
                        int32_t place)
{
    Str raw = json_walk_scalar(walk, start);
    if (raw.length < 2 || raw.data[raw.length - 1] != '"')
        return -2;
    Str inner = str_make(raw.data + 1, raw.length - 2);
    Str name;
    if (!json_unescape(inner, &row->scratch, &name))
        return -2;
    int32_t column = group->table[table_slot(group, name)] - 1;
    if (place < JSON_ORDER_MAX)
        expected_set(&group->order[place], inner.data, inner.length, column);
    return column;
}

/* Which column the key at `start` belongs to: -1 none, -2 not a key. */
static inline int32_t key_column(JsonRow *row, JsonGroup *group, const JsonWalk *walk,
                                 uint32_t start, int32_t place)
{
    if (place < JSON_ORDER_MAX && expected_matches(&group->order[place], walk->base + start + 1))
        return group->order[place].column;
    return key_find(row, group, walk, start, place);
}

static void column_null(JsonRow *row, JsonColumn *column, int32_t index)
{
    column_set_null(column->column, row->batch->arena, index, row->capacity);
}

static bool field_fail(JsonRow *row, const JsonColumn *column, Str raw)
{
    Buffer type = {0};
    type_print(&type, type_nullable(column->type));
    bool is_cut = raw.length > REASON_BYTES_SHOWN;
    Str shown = str_make(raw.data, is_cut ? REASON_BYTES_SHOWN : raw.length);
    json_row_fail(row, CODE_FIELD, "field `%.*s`: %.*s%s is not a value of type %s",
                  STR_ARGS(column->name), STR_ARGS(shown), is_cut ? "…" : "",
                  buffer_terminated(&type));
    buffer_free(&type);
    return false;
}

/* The usual texts of the usual types; false: json_value_store is to look at it. */
static inline bool value_shortcut(JsonRow *row, const JsonColumn *column, Str raw, int32_t index)
{
    bool is_string = raw.data[0] == '"' && raw.length >= 2 && raw.data[raw.length - 1] == '"';
    Str inner = str_make(raw.data + 1, raw.length - 2);
    int64_t integer;
    switch (column->shortcut) {
    case SHORTCUT_I32:
        if (raw.data[0] == '0' || !text_integer(raw, INT32_MIN, INT32_MAX, &integer))
            return false;
        ((int32_t *)column->values)[index] = (int32_t)integer;
        return true;
    case SHORTCUT_I64:
        if (raw.data[0] == '0' || !text_integer(raw, INT64_MIN, INT64_MAX, &integer))
            return false;
        ((int64_t *)column->values)[index] = integer;
        return true;
    case SHORTCUT_DECIMAL:
        if (raw.data[0] == '0' && raw.length > 1 && raw.data[1] != '.')
            return false;
        return text_decimal_short(is_string ? inner : raw, column->type.precision,
                                  column->type.scale, (Int128 *)column->values + index);
    case SHORTCUT_TEXT:
        if (!is_string || memchr(inner.data, '\\', (size_t)inner.length) != NULL)
            return false;
        ((StrView *)column->values)[index] = str_view_copy(row->batch->arena, inner);
        return true;
    case SHORTCUT_TIMESTAMP:
        if (!is_string || !text_timestamp_short(&row->dates, inner, row->separator, &integer))
            return false;
        if (column->micros_cut > 1)
            integer -= floor_mod(integer, column->micros_cut);
        ((int64_t *)column->values)[index] = integer;
        return true;
    case SHORTCUT_NONE: return false;
    }
    return false;
}

/* All columns that the member would have filled. */
static void member_null(JsonRow *row, JsonColumn *column, int32_t index)
{
    if (column->group == NULL) {
        column_null(row, column, index);
        return;
    }
    for (int32_t i = 0; i < column->group->column_count; i++)
        member_null(row, &column->group->columns[i], index);
}

static void column_valid(JsonColumn *column, int32_t index)
{
    if (column->column->valid != NULL)
        bitmap_set(column->column->valid, index, true);
}

/* The value of a nested type, or the object of which single fields are columns. */
static bool nested_read(JsonRow *row, JsonWalk *walk, JsonColumn *column, uint32_t start,
                        int32_t index)
{
    bool is_null = walk->base[start] == 'n' && str_is(json_walk_scalar(walk, start), "null");
    if (is_null || (column->group != NULL && walk->base[start] != '{')) {
        if (!is_null && !row->ignores_errors)
            return json_row_fail(row, CODE_FIELD, "field `%.*s` is not an object",
                                 STR_ARGS(column->name));
        member_null(row, column, index);
        uint32_t last;
        bool is_skipped = walk->base[start] != '[' || json_walk_skip_nested(walk, &last);
        return is_skipped || json_row_fail(row, CODE_MALFORMED, "the record ends inside a value");
    }
    if (column->group != NULL)
        return json_group_read(row, column->group, walk, index);
    Str bytes;
    if (!json_nested_read(row, walk, column->nested, start, &bytes))
        return false;
    if (bytes.data == NULL) {
        column_null(row, column, index);
        return true;
    }
    ((StrView *)column->values)[index] = str_view_copy(row->batch->arena, bytes);
    column_valid(column, index);
    return true;
}

/* The value that begins with token `c` at `start` into the column. */
static bool field_read(JsonRow *row, JsonWalk *walk, JsonColumn *column, uint32_t start,
                       int32_t index)
{
    if (column->nested != NULL || column->group != NULL)
        return nested_read(row, walk, column, start, index);
    Str raw;
    char c = walk->base[start];
    if (c == '{' || c == '[') {
        uint32_t last = start;
        if (!json_walk_skip_nested(walk, &last))
            return json_row_fail(row, CODE_MALFORMED, "the record ends inside a value");
        raw = str_make(walk->base + start, last + 1 - start);
    } else {
        raw = json_walk_scalar(walk, start);
    }
    if (value_shortcut(row, column, raw, index)) {
        column_valid(column, index);
        return true;
    }
    switch (json_value_store(row, column, raw, index)) {
    case TEXT_OK: column_valid(column, index); return true;
    case TEXT_NULL: column_null(row, column, index); return true;
    case TEXT_BAD: break;
    }
    if (!row->ignores_errors)
        return field_fail(row, column, raw);
    column_null(row, column, index);
    return true;
}

/* Columns that the object did not have. */
static bool group_fill_missing(JsonRow *row, JsonGroup *group, int32_t index)
{
    for (int32_t i = 0; i < group->column_count; i++) {
        JsonColumn *column = &group->columns[i];
        if (column->seen == group->object)
            continue;
        if (row->fails_on_missing)
            return json_row_fail(row, CODE_MISSING, "field `%.*s` is missing",
                                 STR_ARGS(column->name));
        if (!group->is_built)
            member_null(row, column, index);
    }
    return true;
}

static bool row_malformed(JsonRow *row, const JsonWalk *walk, const char *expectation)
{
    if (*walk->at >= walk->end)
        return json_row_fail(row, CODE_MALFORMED, "the record ends where %s is expected",
                             expectation);
    return json_row_fail(row, CODE_MALFORMED, "malformed json: %s is expected before `%c`",
                         expectation, walk->base[*walk->at]);
}

/* Key, colon and value. */
static inline bool member_read(JsonRow *row, JsonGroup *group, JsonWalk *walk, uint32_t start,
                               int32_t place, int32_t index)
{
    uint32_t position;
    int32_t found = key_column(row, group, walk, start, place);
    if (found == -2)
        return row_malformed(row, walk, "a field name");
    if (json_walk_next(walk, &position) != ':')
        return row_malformed(row, walk, "a colon");
    char c = json_walk_next(walk, &position);
    if (!json_begins_value(c))
        return row_malformed(row, walk, "a value");
    if (found >= 0) {
        JsonColumn *column = &group->columns[found];
        column->seen = group->object;
        if (!group->is_built)
            return field_read(row, walk, column, position, index);
        nested_field(&row->builder, found);
        return json_nested_put(row, walk, column->nested, position);
    }
    if ((c == '{' || c == '[') && !json_walk_skip_nested(walk, &position))
        return json_row_fail(row, CODE_MALFORMED, "the record ends inside a value");
    return true;
}

/* Step over members that are not wanted, as long as they stand where they stood before, have a
 * scalar value and are not the last: key, colon, value, comma. Returns the place of the member
 * to read, whose key is the walk's next token. */
static inline int32_t members_skip(const JsonGroup *group, JsonWalk *walk, int32_t place)
{
    const uint32_t *at = walk->at;
    const char *base = walk->base;
    while (place < JSON_ORDER_MAX && group->order[place].column < 0 && at[0] < walk->end &&
           at[1] < walk->end && at[2] < walk->end && at[3] < walk->end && base[at[0]] == '"' &&
           expected_matches(&group->order[place], base + at[0] + 1) && base[at[1]] == ':' &&
           base[at[3]] == ',' && json_begins_scalar(base[at[2]])) {
        at += 4;
        place++;
    }
    walk->at = at;
    return place;
}

bool json_group_read(JsonRow *row, JsonGroup *group, JsonWalk *walk, int32_t index)
{
    uint32_t position;
    group->object++;
    char c = '\0';
    for (int32_t place = 0;; place++) {
        int32_t skipped = members_skip(group, walk, place);
        c = json_walk_next(walk, &position);
        if (c == '}' && skipped == 0 && place == 0)
            break;
        if (c != '"')
            return row_malformed(row, walk, "a field name");
        place = skipped;
        if (!member_read(row, group, walk, position, place, index))
            return false;
        c = json_walk_next(walk, &position);
        if (c != ',')
            break;
    }
    if (c != '}')
        return row_malformed(row, walk, "a comma or a closing brace");
    return group_fill_missing(row, group, index);
}

bool json_row_read(JsonRow *row, JsonWalk *walk, int32_t index)
{
    assert(index < row->capacity);
    uint32_t position;
    if (json_walk_next(walk, &position) != '{')
        return json_row_fail(row, CODE_MALFORMED, "the record is not a json object");
    return json_group_read(row, &row->top, walk, index);
}
