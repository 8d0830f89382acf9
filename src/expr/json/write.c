/* Elements and values as JSON text. */
#include "expr/json/write.h"

#include <assert.h>
#include <stdlib.h>

#include "base/json.h"
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

static void write_members(Buffer *out, const Str *keys, const JsonElement *values, int32_t count,
                          Arena *arena)
{
    int32_t *order = ARENA_ARRAY(arena, int32_t, count + 1);
    int32_t kept = json_sort_keys(keys, count, order);
    buffer_append_char(out, '{');
    for (int32_t i = 0; i < kept; i++) {
        if (i > 0)
            buffer_append_char(out, ',');
        json_append_quoted(out, keys[order[i]]);
        buffer_append_char(out, ':');
        json_write_element(out, values[order[i]], arena);
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

void json_write_value(Buffer *out, const Value *value, const TimeZone *zone)
{
    if (value->is_null)
        buffer_append_text(out, "null");
    else
        value_print(out, value, VALUE_JSON, zone);
}
