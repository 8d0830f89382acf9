/* JSON arrays and objects as values of nested types. Objects that become rows are read as the
 * record itself is, key by key (json_row.c), only into the builder. */
#include "format/json_nested.h"

#include <assert.h>

#include "format/formats.h"
#include "format/json_value.h"

static const char *const CODE_MALFORMED = "WR3501";
static const char *const CODE_FIELD = "WR3502";

enum { REASON_BYTES_SHOWN = 80 };

/* A type inside of a column's type. */
struct JsonNested {
    Type type;
    Str path;                /* "items[].price", for messages */
    JsonGroup *fields;       /* ROW */
    JsonNested *children[2]; /* ARRAY: elements; MAP, MULTISET: keys and values */
    /* Other types: read into a column of one value. */
    JsonColumn reader;
    Column column;
    Int128 value;
};

static Status nested_open(Arena *arena, Str path, Type type, JsonNested **out, Error *error);

static Status nested_open_child(Arena *arena, const JsonNested *parent, const char *step, Type type,
                                JsonNested **out, Error *error)
{
    Str path = str_from(arena_printf(arena, "%.*s%s", STR_ARGS(parent->path), step));
    return nested_open(arena, path, type, out, error);
}

static Status nested_open_row(Arena *arena, JsonNested *nested, Error *error)
{
    Type type = nested->type;
    nested->fields = json_group_new(arena, type.child_count);
    nested->fields->is_built = true;
    for (int32_t i = 0; i < type.child_count; i++) {
        JsonColumn *column =
            json_group_add(arena, nested->fields, type.child_names[i], type.children[i]);
        const char *step = arena_printf(arena, ".%.*s", STR_ARGS(type.child_names[i]));
        TRY(nested_open_child(arena, nested, step, type.children[i], &column->nested, error));
    }
    return OK;
}

static Status nested_open_map(Arena *arena, JsonNested *nested, Error *error)
{
    Type key = nested_key_type(nested->type);
    if (!type_is_text(key))
        return fail(error, ERR_INVALID, "WR3504",
                    "column `%.*s`: the keys of a map in json are texts, not %s",
                    STR_ARGS(nested->path), type_text(arena, type_nullable(key)));
    TRY(nested_open_child(arena, nested, "{}", key, &nested->children[0], error));
    return nested_open_child(arena, nested, "{}", nested_value_type(nested->type),
                             &nested->children[1], error);
}

static Status nested_open(Arena *arena, Str path, Type type, JsonNested **out, Error *error)
{
    JsonNested *nested = ARENA_NEW(arena, JsonNested);
    nested->type = type;
    nested->path = path;
    *out = nested;
    if (type.id == TYPE_ROW)
        return nested_open_row(arena, nested, error);
    if (type.id == TYPE_ARRAY)
        return nested_open_child(arena, nested, "[]", type.children[0], &nested->children[0],
                                 error);
    if (type_is_nested(type))
        return nested_open_map(arena, nested, error);
    nested->column = (Column){.type = type, .physical = type_physical(type)};
    nested->column.values = &nested->value;
    nested->reader = (JsonColumn){.name = path, .type = type, .column = &nested->column};
    nested->reader.values = &nested->value;
    return OK;
}

Status json_nested_open(Arena *arena, Str name, Type type, JsonNested **out, Error *error)
{
    assert(type_is_nested(type));
    return nested_open(arena, str_copy(arena, name), type, out, error);
}

/* ---- Reading --------------------------------------------------------------------------- */

static bool nested_malformed(JsonRow *row, const JsonWalk *walk, const char *expectation)
{
    if (*walk->at >= walk->end)
        return json_row_fail(row, CODE_MALFORMED, "the record ends where %s is expected",
                             expectation);
    return json_row_fail(row, CODE_MALFORMED, "malformed json: %s is expected before `%c`",
                         expectation, walk->base[*walk->at]);
}

/* The whole value that begins at `start`. False when it does not end. */
static bool value_raw(JsonRow *row, JsonWalk *walk, uint32_t start, Str *raw)
{
    char c = walk->base[start];
    uint32_t last = start;
    if (c != '{' && c != '[') {
        *raw = json_walk_scalar(walk, start);
        return true;
    }
    if (!json_walk_skip_nested(walk, &last))
        return json_row_fail(row, CODE_MALFORMED, "the record ends inside a value");
    *raw = str_make(walk->base + start, last + 1 - start);
    return true;
}

/* Not a value of the type. */
static bool nested_bad(JsonRow *row, const JsonNested *nested, Str raw)
{
    if (row->ignores_errors) {
        nested_put_null(&row->builder);
        return true;
    }
    Buffer type = {0};
    type_print(&type, type_nullable(nested->type));
    bool is_cut = raw.length > REASON_BYTES_SHOWN;
    Str shown = str_make(raw.data, is_cut ? REASON_BYTES_SHOWN : raw.length);
    json_row_fail(row, CODE_FIELD, "field `%.*s`: %.*s%s is not a value of type %s",
                  STR_ARGS(nested->path), STR_ARGS(shown), is_cut ? "…" : "",
                  buffer_terminated(&type));
    buffer_free(&type);
    return false;
}

static bool put_leaf(JsonRow *row, JsonWalk *walk, JsonNested *nested, uint32_t start)
{
    Str raw;
    if (!value_raw(row, walk, start, &raw))
        return false;
    bool is_string = raw.length >= 2 && raw.data[0] == '"' && raw.data[raw.length - 1] == '"';
    if (is_string && type_is_text(nested->type)) {
        Str text = str_make(raw.data + 1, raw.length - 2);
        if (!json_unescape(text, &row->scratch, &text))
            return nested_bad(row, nested, raw);
        nested_put_str(&row->builder, text);
        return true;
    }
    switch (json_value_store(row, &nested->reader, raw, 0)) {
    case TEXT_OK: nested_put_column(&row->builder, &nested->column, 0); return true;
    case TEXT_NULL: nested_put_null(&row->builder); return true;
    case TEXT_BAD: break;
    }
    return nested_bad(row, nested, raw);
}

static bool put_array(JsonRow *row, JsonWalk *walk, const JsonNested *nested)
{
    uint32_t position = 0;
    nested_begin(&row->builder, nested->type);
    char c = json_walk_next(walk, &position);
    for (bool is_empty = c == ']'; !is_empty;) {
        if (!json_begins_value(c))
            return nested_malformed(row, walk, "an element");
        if (!json_nested_put(row, walk, nested->children[0], position))
            return false;
        c = json_walk_next(walk, &position);
        if (c == ']')
            break;
        if (c != ',')
            return nested_malformed(row, walk, "a comma or a closing bracket");
        c = json_walk_next(walk, &position);
    }
    nested_end(&row->builder);
    return true;
}

static bool put_entry(JsonRow *row, JsonWalk *walk, const JsonNested *nested, uint32_t start)
{
    uint32_t position = 0;
    if (!put_leaf(row, walk, nested->children[0], start))
        return false;
    if (json_walk_next(walk, &position) != ':')
        return nested_malformed(row, walk, "a colon");
    char c = json_walk_next(walk, &position);
    if (!json_begins_value(c))
        return nested_malformed(row, walk, "a value");
    return json_nested_put(row, walk, nested->children[1], position);
}

static bool put_map(JsonRow *row, JsonWalk *walk, const JsonNested *nested)
{
    uint32_t position = 0;
    nested_begin(&row->builder, nested->type);
    char c = json_walk_next(walk, &position);
    while (c != '}') {
        if (c != '"')
            return nested_malformed(row, walk, "a key");
        if (!put_entry(row, walk, nested, position))
            return false;
        c = json_walk_next(walk, &position);
        if (c != ',' && c != '}')
            return nested_malformed(row, walk, "a comma or a closing brace");
        if (c == ',' && (c = json_walk_next(walk, &position)) != '"')
            return nested_malformed(row, walk, "a key");
    }
    nested_end(&row->builder);
    return true;
}

static bool put_row(JsonRow *row, JsonWalk *walk, JsonNested *nested)
{
    nested_begin(&row->builder, nested->type);
    if (!json_group_read(row, nested->fields, walk, 0))
        return false;
    nested_end(&row->builder);
    return true;
}

bool json_nested_put(JsonRow *row, JsonWalk *walk, JsonNested *nested, uint32_t start)
{
    if (!type_is_nested(nested->type))
        return put_leaf(row, walk, nested, start);
    char c = walk->base[start];
    if (c == (nested->type.id == TYPE_ARRAY ? '[' : '{')) {
        if (nested->type.id == TYPE_ARRAY)
            return put_array(row, walk, nested);
        return nested->type.id == TYPE_ROW ? put_row(row, walk, nested)
                                           : put_map(row, walk, nested);
    }
    Str raw;
    if (!value_raw(row, walk, start, &raw))
        return false;
    if (!str_is(raw, "null"))
        return nested_bad(row, nested, raw);
    nested_put_null(&row->builder);
    return true;
}

bool json_nested_read(JsonRow *row, JsonWalk *walk, JsonNested *nested, uint32_t start, Str *out)
{
    char c = walk->base[start];
    *out = (Str){0};
    nested_abandon(&row->builder);
    if (c != (nested->type.id == TYPE_ARRAY ? '[' : '{')) {
        Str raw;
        if (!value_raw(row, walk, start, &raw))
            return false;
        return row->ignores_errors || nested_bad(row, nested, raw);
    }
    if (!json_nested_put(row, walk, nested, start))
        return false;
    *out = nested_result(&row->builder);
    return true;
}
