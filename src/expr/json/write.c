/* Elements and values as JSON text. */
#include "expr/json/write.h"

#include <assert.h>
#include <stdlib.h>

#include "base/json.h"
#include "data/nested.h"
#include "data/real.h"

typedef struct KeyRank {
    Str key;
    int32_t index;
} KeyRank;

static int key_rank_compare(const void *a, const void *b)
{
    const KeyRank *left = a, *right = b;
    int order = str_compare(left->key, right->key);
    return order != 0 ? order : left->index - right->index;
}

int32_t json_sort_keys(const Str *keys, int32_t count, int32_t *order)
{
    enum { FEW = 32 };
    KeyRank few[FEW];
    Arena *arena = count > FEW ? arena_new(0) : NULL;
    KeyRank *ranks = arena != NULL ? ARENA_ARRAY(arena, KeyRank, count) : few;
    for (int32_t i = 0; i < count; i++)
        ranks[i] = (KeyRank){.key = keys[i], .index = i};
    qsort(ranks, (size_t)count, sizeof *ranks, key_rank_compare);
    int32_t kept = 0;
    for (int32_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count || !str_equal(ranks[i].key, ranks[i + 1].key);
        if (is_last)
            order[kept++] = ranks[i].index;
    }
    arena_free(arena);
    return kept;
}

/* Of members with one key, the value of the last stands where the first was, as in Jackson's maps.
 */
static void write_members(Buffer *out, const Str *keys, const JsonElement *values, int32_t count,
                          Arena *arena)
{
    int32_t *place = ARENA_ARRAY(arena, int32_t, count + 1); /* of each key's value */
    KeyRank *ranks = ARENA_ARRAY(arena, KeyRank, count + 1);
    for (int32_t i = 0; i < count; i++)
        ranks[i] = (KeyRank){.key = keys[i], .index = i};
    qsort(ranks, (size_t)count, sizeof *ranks, key_rank_compare);
    for (int32_t i = 0; i < count;) {
        int32_t end = i + 1;
        while (end < count && str_equal(ranks[end].key, ranks[i].key))
            place[ranks[end++].index] = -1;
        place[ranks[i].index] = ranks[end - 1].index;
        i = end;
    }
    buffer_append_char(out, '{');
    bool is_first = true;
    for (int32_t i = 0; i < count; i++) {
        if (place[i] < 0)
            continue;
        if (!is_first)
            buffer_append_char(out, ',');
        is_first = false;
        json_append_quoted(out, keys[i]);
        buffer_append_char(out, ':');
        json_write_element(out, values[place[i]], arena);
    }
    buffer_append_char(out, '}');
}

static void write_object(Buffer *out, JsonElement object, Arena *arena)
{
    int32_t count = 0;
    Str key;
    JsonElement value;
    for (JsonChildren children = json_children(object); json_next(&children, &key, &value);)
        count++;
    Str *keys = ARENA_ARRAY(arena, Str, count + 1);
    JsonElement *values = ARENA_ARRAY(arena, JsonElement, count + 1);
    int32_t at = 0;
    for (JsonChildren children = json_children(object); json_next(&children, &key, &value); at++) {
        keys[at] = key;
        values[at] = value;
    }
    write_members(out, keys, values, count, arena);
}

static void write_array(Buffer *out, JsonElement array, Arena *arena)
{
    bool is_first = true;
    Str key;
    JsonElement value;
    buffer_append_char(out, '[');
    for (JsonChildren children = json_children(array); json_next(&children, &key, &value);) {
        if (!is_first)
            buffer_append_char(out, ',');
        is_first = false;
        json_write_element(out, value, arena);
    }
    buffer_append_char(out, ']');
}

void json_write_scalar(Buffer *out, JsonElement element)
{
    switch (json_element_type(element)) {
    case JSON_NULL: buffer_append_text(out, "null"); break;
    case JSON_BOOL: buffer_append_text(out, json_element_bool(element) ? "true" : "false"); break;
    case JSON_INT: buffer_printf(out, "%lld", (long long)json_element_int(element)); break;
    case JSON_UNSIGNED:
        buffer_printf(out, "%llu", (unsigned long long)json_element_unsigned(element));
        break;
    case JSON_REAL: real_print_double(out, json_element_real(element)); break;
    case JSON_STRING: buffer_append_str(out, json_element_string(element)); break;
    case JSON_ARRAY:
    case JSON_OBJECT: assert(!"a scalar"); break;
    }
}

void json_write_element(Buffer *out, JsonElement element, Arena *arena)
{
    switch (json_element_type(element)) {
    case JSON_OBJECT: write_object(out, element, arena); break;
    case JSON_ARRAY: write_array(out, element, arena); break;
    case JSON_STRING: json_append_quoted(out, json_element_string(element)); break;
    case JSON_NULL:
    case JSON_BOOL:
    case JSON_INT:
    case JSON_UNSIGNED:
    case JSON_REAL: json_write_scalar(out, element); break;
    }
}

void json_write_found(Buffer *out, const JsonFound *found, Arena *arena)
{
    switch (found->kind) {
    case JSON_FOUND_ELEMENT: json_write_element(out, found->element, arena); break;
    case JSON_FOUND_MEMBERS:
        write_members(out, found->keys, found->items, found->count, arena);
        break;
    case JSON_FOUND_INTEGER: buffer_printf(out, "%lld", (long long)found->integer); break;
    case JSON_FOUND_REAL: real_print_double(out, found->real); break;
    case JSON_FOUND_LIST:
        buffer_append_char(out, '[');
        for (int32_t i = 0; i < found->count; i++) {
            if (i > 0)
                buffer_append_char(out, ',');
            json_write_element(out, found->items[i], arena);
        }
        buffer_append_char(out, ']');
        break;
    case JSON_FOUND_NOTHING: assert(!"something was found"); break;
    }
}

static void write_array_value(Buffer *out, const Value *value, const TimeZone *zone)
{
    Type element = value->type.children[0];
    NestedArray array = nested_array(value->text, element);
    buffer_append_char(out, '[');
    for (int32_t i = 0; i < array.count; i++) {
        if (i > 0)
            buffer_append_char(out, ',');
        Value item = nested_array_value(&array, i, element);
        json_write_value(out, &item, zone);
    }
    buffer_append_char(out, ']');
}

static void write_map_value(Buffer *out, const Value *value, const TimeZone *zone)
{
    NestedMap map = nested_map(value->text, value->type);
    Type key_type = nested_key_type(value->type), value_type = nested_value_type(value->type);
    Arena *arena = arena_new(0);
    Str *keys = ARENA_ARRAY(arena, Str, map.keys.count + 1);
    int32_t *order = ARENA_ARRAY(arena, int32_t, map.keys.count + 1);
    for (int32_t i = 0; i < map.keys.count; i++) {
        Value key = nested_array_value(&map.keys, i, key_type);
        Buffer text = {0};
        value_print(&text, &key, VALUE_PLAIN, zone);
        keys[i] = str_copy(arena, buffer_str(&text));
        buffer_free(&text);
    }
    int32_t count = json_sort_keys(keys, map.keys.count, order);
    buffer_append_char(out, '{');
    for (int32_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append_char(out, ',');
        json_append_quoted(out, keys[order[i]]);
        buffer_append_char(out, ':');
        Value item = nested_array_value(&map.values, order[i], value_type);
        json_write_value(out, &item, zone);
    }
    buffer_append_char(out, '}');
    arena_free(arena);
}

static void write_row_value(Buffer *out, const Value *value, const TimeZone *zone)
{
    buffer_append_char(out, '{');
    for (int32_t i = 0; i < value->type.child_count; i++) {
        if (i > 0)
            buffer_append_char(out, ',');
        json_append_quoted(out, value->type.child_names[i]);
        buffer_append_char(out, ':');
        Value item = nested_row_value(value->text, value->type, i);
        json_write_value(out, &item, zone);
    }
    buffer_append_char(out, '}');
}

/* ISO 8601 with as many digits of the fraction as there are. */
static void write_timestamp(Buffer *out, const Value *value)
{
    enum { NANOS_PER_MICRO = 1000, NANOS_PER_SECOND = 1000000000, DIGITS = 9 };
    Int128 nanos =
        value->type.precision > 6 ? value->wide : (Int128)value->integer * NANOS_PER_MICRO;
    int64_t fraction = (int64_t)(nanos % NANOS_PER_SECOND);
    int32_t digits = fraction == 0 ? 0 : DIGITS;
    for (; digits > 0 && fraction % 10 == 0; fraction /= 10)
        digits--;
    buffer_append_char(out, '"');
    timestamp_print_nanos(out, nanos, digits, 'T');
    buffer_append_text(out, value->type.id == TYPE_TIMESTAMP_LTZ ? "Z\"" : "\"");
}

bool json_can_write(Type type)
{
    switch (type.id) {
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_INTERVAL_MONTHS:
    case TYPE_INTERVAL_MILLIS: return false;
    case TYPE_MAP: return type_is_text(type.children[0]) && json_can_write(type.children[1]);
    case TYPE_MULTISET: return type_is_text(type.children[0]);
    case TYPE_ARRAY:
    case TYPE_ROW:
        for (int32_t i = 0; i < type.child_count; i++) {
            if (!json_can_write(type.children[i]))
                return false;
        }
        return true;
    case TYPE_NULL:
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_DECIMAL:
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ: break;
    }
    return true;
}

void json_write_value(Buffer *out, const Value *value, const TimeZone *zone)
{
    if (value->is_null) {
        buffer_append_text(out, "null");
        return;
    }
    switch ((int)value->type.id) {
    case TYPE_ARRAY: write_array_value(out, value, zone); break;
    case TYPE_MAP:
    case TYPE_MULTISET: write_map_value(out, value, zone); break;
    case TYPE_ROW: write_row_value(out, value, zone); break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ: write_timestamp(out, value); break;
    default: value_print(out, value, VALUE_JSON, zone); break;
    }
}
