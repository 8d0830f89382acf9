/* Fuzzes the check of nested values: what it lets through prints in every style, equals itself,
 * and is built again from its children byte for byte. The first byte picks the type, the rest
 * are the value's bytes. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "data/datetime.h"
#include "data/nested.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TYPE_COUNT = 8 };

static Type type_at(Arena *arena, int32_t index)
{
    Type *fields = ARENA_ARRAY(arena, Type, 4);
    Str *names = ARENA_ARRAY(arena, Str, 4);
    for (int32_t i = 0; i < 4; i++)
        names[i] = str_from(arena_printf(arena, "f%d", i));
    fields[0] = type_simple(TYPE_BOOLEAN);
    fields[1] = type_string();
    fields[2] = type_simple(TYPE_DOUBLE);
    fields[3] = type_array(arena, type_simple(TYPE_SMALLINT));
    Type row = type_row(fields, names, 4);
    switch (index) {
    case 0: return type_array(arena, type_simple(TYPE_INT));
    case 1: return type_array(arena, type_string());
    case 2: return row;
    case 3: return type_map(arena, type_string(), type_decimal(20, 2));
    case 4: return type_multiset(arena, type_simple(TYPE_FLOAT));
    case 5: return type_array(arena, row);
    case 6: return type_map(arena, type_simple(TYPE_BIGINT), type_array(arena, row));
    default: return type_array(arena, type_simple(TYPE_NULL));
    }
}

static void rebuild(NestedBuilder *builder, Str bytes, Type type);

static void put_child(NestedBuilder *builder, const Value *child)
{
    if (!child->is_null && type_is_nested(child->type))
        rebuild(builder, child->text, child->type);
    else
        nested_put_value(builder, child);
}

static void rebuild(NestedBuilder *builder, Str bytes, Type type)
{
    nested_begin(builder, type);
    if (type.id == TYPE_ROW) {
        for (int32_t i = 0; i < type.child_count; i++) {
            Value child = nested_row_value(bytes, type, i);
            put_child(builder, &child);
        }
    } else if (type.id == TYPE_ARRAY) {
        NestedArray array = nested_array(bytes, type.children[0]);
        for (int32_t i = 0; i < array.count; i++) {
            Value child = nested_array_value(&array, i, type.children[0]);
            put_child(builder, &child);
        }
    } else {
        NestedMap map = nested_map(bytes, type);
        for (int32_t i = 0; i < map.keys.count; i++) {
            Value key = nested_array_value(&map.keys, i, nested_key_type(type));
            put_child(builder, &key);
            Value value = nested_array_value(&map.values, i, nested_value_type(type));
            put_child(builder, &value);
        }
    }
    nested_end(builder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    Arena *arena = arena_new(0);
    Type type = type_at(arena, data[0] % TYPE_COUNT);
    Str bytes = str_make((const char *)data + 1, (int64_t)size - 1);
    if (nested_is_valid(bytes, type)) {
        Value value = {.type = type, .text = bytes};
        for (int style = VALUE_CAST; style <= VALUE_PLAIN; style++) {
            Buffer out = {0};
            value_print(&out, &value, (ValueStyle)style, timezone_utc());
            assert(out.length > 0);
            buffer_free(&out);
        }
        assert(nested_equal(bytes, bytes, type));
        NestedBuilder builder = {0};
        rebuild(&builder, bytes, type);
        Str again = nested_result(&builder);
        assert(nested_is_valid(again, type));
        /* The check does not look for keys that come twice; the builder does. */
        bool is_map = type.id == TYPE_MAP || type.id == TYPE_MULTISET;
        assert(is_map || str_equal(again, bytes));
        nested_builder_free(&builder);
    }
    arena_free(arena);
    return 0;
}
