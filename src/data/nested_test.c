/* Nested values: built, read, printed, compared, and checked when the bytes are not trusted. */
#include "base/testing.h"

#include <math.h>

#include "data/datetime.h"
#include "data/nested.h"
#include "data/rowcode.h"

typedef struct Nest {
    Arena *arena;
    NestedBuilder builder;
} Nest;

static Nest nest_open(void)
{
    return (Nest){.arena = arena_new(0)};
}

static void nest_close(Nest *nest)
{
    nested_builder_free(&nest->builder);
    arena_free(nest->arena);
}

static Value text(const char *terminated)
{
    return (Value){.type = type_string(), .text = str_from(terminated)};
}

static Value number(int64_t value)
{
    return (Value){.type = type_simple(TYPE_INT), .integer = value};
}

static void put(Nest *nest, Value value)
{
    nested_put_value(&nest->builder, &value);
}

static Str built(Nest *nest)
{
    nested_end(&nest->builder);
    return str_copy(nest->arena, nested_result(&nest->builder));
}

static void expect_prints(Type type, Str bytes, const char *cast, const char *print,
                          const char *json)
{
    Value value = {.type = type, .text = bytes};
    const char *const expected[] = {cast, print, json, json};
    assert_true(nested_is_valid(bytes, type));
    for (int style = VALUE_CAST; style <= VALUE_PLAIN; style++) {
        Buffer out = {0};
        value_print(&out, &value, (ValueStyle)style, timezone_utc());
        assert_string_equal(buffer_terminated(&out), expected[style]);
        buffer_free(&out);
    }
}

static Type row_type(Arena *arena)
{
    Type *fields = ARENA_ARRAY(arena, Type, 3);
    Str *names = ARENA_ARRAY(arena, Str, 3);
    fields[0] = type_simple(TYPE_INT);
    fields[1] = type_string();
    fields[2] = type_simple(TYPE_BOOLEAN);
    names[0] = STR("id");
    names[1] = STR("the name");
    names[2] = STR("ok");
    return type_row(fields, names, 3);
}

static void arrays_hold_numbers_texts_and_nulls(void **state)
{
    (void)state;
    Nest nest = nest_open();
    Type ints = type_array(nest.arena, type_simple(TYPE_INT));
    nested_begin(&nest.builder, ints);
    put(&nest, number(1));
    nested_put_null(&nest.builder);
    put(&nest, number(-3));
    Str bytes = built(&nest);
    assert_int_equal(bytes.length, 4 + 1 + 3 * 4);
    expect_prints(ints, bytes, "[1, NULL, -3]", "[1, null, -3]", "[1,null,-3]");
    NestedArray array = nested_array(bytes, ints.children[0]);
    assert_int_equal(array.count, 3);
    assert_true(nested_array_is_null(&array, 1));
    assert_int_equal(nested_array_value(&array, 2, ints.children[0]).integer, -3);

    Type texts = type_array(nest.arena, type_string());
    nested_begin(&nest.builder, texts);
    put(&nest, text("a text longer than a view"));
    put(&nest, text(""));
    nested_put_null(&nest.builder);
    put(&nest, text("x\"y"));
    expect_prints(texts, built(&nest), "[a text longer than a view, , NULL, x\"y]",
                  "[a text longer than a view, , null, x\"y]",
                  "[\"a text longer than a view\",\"\",null,\"x\\\"y\"]");
    nested_begin(&nest.builder, texts);
    bytes = built(&nest);
    expect_prints(texts, bytes, "[]", "[]", "[]");
    assert_int_equal(bytes.length, 4);
    nest_close(&nest);
}

static void every_physical_comes_back(void **state)
{
    (void)state;
    static const Value values[] = {
        {.type = {.id = TYPE_BOOLEAN}, .integer = 1},
        {.type = {.id = TYPE_TINYINT}, .integer = -7},
        {.type = {.id = TYPE_SMALLINT}, .integer = -700},
        {.type = {.id = TYPE_INT}, .integer = -70000},
        {.type = {.id = TYPE_BIGINT}, .integer = INT64_MIN},
        {.type = {.id = TYPE_FLOAT}, .real = 1.5},
        {.type = {.id = TYPE_DOUBLE}, .real = -0.0},
        {.type = {.id = TYPE_DECIMAL, .precision = 38}, .wide = (Int128)1 << 100},
        {.type = {.id = TYPE_VARCHAR, .precision = 10}, .text = {"abc", 3}},
        {.type = {.id = TYPE_TIMESTAMP, .precision = 9}, .wide = -1},
    };
    enum { COUNT = sizeof values / sizeof values[0] };
    Nest nest = nest_open();
    Type fields[COUNT];
    Str names[COUNT];
    for (int32_t i = 0; i < COUNT; i++) {
        fields[i] = values[i].type;
        names[i] = STR("f");
    }
    Type row = type_row(fields, names, COUNT);
    nested_begin(&nest.builder, row);
    for (int32_t i = 0; i < COUNT; i++)
        nested_put_value(&nest.builder, &values[i]);
    Str bytes = built(&nest);
    assert_true(nested_is_valid(bytes, row));
    for (int32_t i = 0; i < COUNT; i++) {
        Value back = nested_row_value(bytes, row, i);
        assert_true(value_equal(&back, &values[i]));
        Column column = column_new(nest.arena, fields[i], 2);
        nested_slot_load(&column, 1, bytes.data, bytes.data + nested_row_slot(row, i));
        back = value_get(&column, 1);
        assert_true(value_equal(&back, &values[i]));
        nested_begin(&nest.builder, type_array(nest.arena, fields[i]));
        nested_put_column(&nest.builder, &column, 1);
        nested_put_slot(&nest.builder, bytes.data, bytes.data + nested_row_slot(row, i));
        Str pair = built(&nest);
        NestedArray array = nested_array(pair, fields[i]);
        for (int32_t k = 0; k < 2; k++) {
            back = nested_array_value(&array, k, fields[i]);
            assert_true(value_equal(&back, &values[i]));
        }
    }
    nest_close(&nest);
}

static void fields_of_a_row_may_come_in_any_order(void **state)
{
    (void)state;
    Nest nest = nest_open();
    Type type = row_type(nest.arena);
    nested_begin(&nest.builder, type);
    put(&nest, number(1));
    put(&nest, text("ann"));
    put(&nest, (Value){.type = type_simple(TYPE_BOOLEAN), .integer = 1});
    Str straight = built(&nest);
    expect_prints(type, straight, "(1, ann, TRUE)", "+I[1, ann, true]",
                  "{\"id\":1,\"the name\":\"ann\",\"ok\":true}");

    nested_begin(&nest.builder, type);
    nested_field(&nest.builder, 2);
    put(&nest, (Value){.type = type_simple(TYPE_BOOLEAN), .integer = 1});
    nested_field(&nest.builder, 1);
    put(&nest, text("overwritten"));
    nested_field(&nest.builder, 0);
    put(&nest, number(1));
    nested_field(&nest.builder, 1);
    put(&nest, text("ann"));
    assert_true(str_equal(built(&nest), straight));

    nested_begin(&nest.builder, type);
    nested_field(&nest.builder, 1);
    put(&nest, text(""));
    expect_prints(type, built(&nest), "(NULL, , NULL)", "+I[null, , null]",
                  "{\"id\":null,\"the name\":\"\",\"ok\":null}");
    nest_close(&nest);
}

static void a_map_keeps_first_places_and_last_values(void **state)
{
    (void)state;
    Nest nest = nest_open();
    Type type = type_map(nest.arena, type_string(), type_simple(TYPE_INT));
    nested_begin(&nest.builder, type);
    put(&nest, text("b"));
    put(&nest, number(1));
    put(&nest, text("a"));
    put(&nest, number(2));
    put(&nest, text("b"));
    put(&nest, number(3));
    Str ba = built(&nest);
    expect_prints(type, ba, "{b=3, a=2}", "{b=3, a=2}", "{\"b\":3,\"a\":2}");
    nested_begin(&nest.builder, type);
    put(&nest, text("a"));
    put(&nest, number(2));
    put(&nest, text("b"));
    put(&nest, number(3));
    Str ab = built(&nest);
    assert_false(str_equal(ba, ab));
    assert_true(nested_equal(ba, ab, type));
    nested_begin(&nest.builder, type);
    put(&nest, text("a"));
    nested_put_null(&nest.builder);
    put(&nest, text("b"));
    put(&nest, number(3));
    assert_false(nested_equal(built(&nest), ab, type));
    NestedMap map = nested_map(ab, type);
    assert_int_equal(map.keys.count, 2);
    assert_int_equal(
        nested_map_find(&map, type_string(), map.keys.base, nested_array_slot(&map.keys, 1)), 1);
    assert_int_equal(nested_map_find(&map, type_string(), NULL, NULL), -1);
    nest_close(&nest);
}

static void many_keys_are_told_apart(void **state)
{
    (void)state;
    enum { KEYS = 1000 };
    Nest nest = nest_open();
    Type type = type_map(nest.arena, type_simple(TYPE_INT), type_simple(TYPE_INT));
    nested_begin(&nest.builder, type);
    for (int32_t i = 0; i < KEYS * 2; i++) {
        put(&nest, number(i % KEYS));
        put(&nest, number(i));
    }
    nested_put_null(&nest.builder);
    put(&nest, number(-1));
    Str bytes = built(&nest);
    assert_true(nested_is_valid(bytes, type));
    NestedMap map = nested_map(bytes, type);
    assert_int_equal(map.keys.count, KEYS + 1);
    for (int32_t i = 0; i < KEYS; i++) {
        assert_int_equal(nested_array_value(&map.keys, i, type.children[0]).integer, i);
        assert_int_equal(nested_array_value(&map.values, i, type.children[1]).integer, KEYS + i);
    }
    assert_int_equal(nested_map_find(&map, type.children[0], NULL, NULL), KEYS);
    nest_close(&nest);
}

static void nests_go_deep(void **state)
{
    (void)state;
    Nest nest = nest_open();
    Type row = row_type(nest.arena);
    Type rows = type_array(nest.arena, row);
    Type type = type_map(nest.arena, type_string(), rows);
    nested_begin(&nest.builder, type);
    put(&nest, text("k"));
    nested_begin(&nest.builder, rows);
    for (int32_t i = 0; i < 2; i++) {
        nested_begin(&nest.builder, row);
        put(&nest, number(i));
        put(&nest, text("x"));
        nested_end(&nest.builder);
    }
    nested_put_null(&nest.builder);
    nested_end(&nest.builder);
    put(&nest, text("none"));
    nested_put_null(&nest.builder);
    Str bytes = built(&nest);
    expect_prints(type, bytes, "{k=[(0, x, NULL), (1, x, NULL), NULL], none=NULL}",
                  "{k=[+I[0, x, null], +I[1, x, null], null], none=null}",
                  "{\"k\":[{\"id\":0,\"the name\":\"x\",\"ok\":null},"
                  "{\"id\":1,\"the name\":\"x\",\"ok\":null},null],\"none\":null}");
    assert_true(nested_equal(bytes, bytes, type));

    Type multiset = type_multiset(nest.arena, type_string());
    nested_begin(&nest.builder, multiset);
    put(&nest, text("a"));
    put(&nest, number(2));
    expect_prints(multiset, built(&nest), "{a=2}", "{a=2}", "{\"a\":2}");
    nest_close(&nest);
}

static void every_nan_is_one(void **state)
{
    (void)state;
    Nest nest = nest_open();
    Type type = type_array(nest.arena, type_simple(TYPE_DOUBLE));
    uint64_t odd = 0xfff8000000001234ULL;
    nested_begin(&nest.builder, type);
    nested_put_fixed(&nest.builder, &odd);
    Str bytes = built(&nest);
    nested_begin(&nest.builder, type);
    put(&nest, (Value){.type = type_simple(TYPE_DOUBLE), .real = (double)NAN});
    assert_true(str_equal(bytes, built(&nest)));
    char *broken = arena_copy(nest.arena, bytes.data, bytes.length);
    memcpy(broken + 5, &odd, sizeof odd);
    assert_false(nested_is_valid(str_make(broken, bytes.length), type));
    nest_close(&nest);
}

/* Each byte of a valid value, changed, gives a value or is refused; a cut or longer one is
 * always refused. */
static void broken_bytes_are_refused(void **state)
{
    (void)state;
    Nest nest = nest_open();
    Type row = row_type(nest.arena);
    Type type = type_array(nest.arena, row);
    nested_begin(&nest.builder, type);
    nested_begin(&nest.builder, row);
    put(&nest, number(1));
    put(&nest, text("a text longer than a view"));
    nested_end(&nest.builder);
    nested_put_null(&nest.builder);
    Str bytes = built(&nest);
    for (int64_t length = 0; length < bytes.length; length++)
        assert_false(nested_is_valid(str_make(bytes.data, length), type));
    char *copy = arena_allocate_zeroed(nest.arena, bytes.length + 1);
    memcpy(copy, bytes.data, (size_t)bytes.length);
    assert_false(nested_is_valid(str_make(copy, bytes.length + 1), type));
    for (int64_t at = 0; at < bytes.length; at++) {
        for (int32_t bit = 0; bit < 8; bit++) {
            copy[at] = (char)(copy[at] ^ (1 << bit));
            Value value = {.type = type, .text = str_make(copy, bytes.length)};
            if (nested_is_valid(value.text, type)) {
                Buffer out = {0};
                value_print(&out, &value, VALUE_PRINT, NULL);
                assert_true(out.length > 0);
                buffer_free(&out);
            }
            copy[at] = (char)(copy[at] ^ (1 << bit));
        }
    }
    nest_close(&nest);
}

static void rows_with_nested_columns_are_bytes_too(void **state)
{
    (void)state;
    Nest nest = nest_open();
    Type type = type_array(nest.arena, type_string());
    Field fields[] = {{.name = STR("a"), .type = type}};
    Schema schema = {.fields = fields, .count = 1};
    Batch *batch = batch_new(&schema, 1);
    nested_begin(&nest.builder, type);
    put(&nest, text("some text or other"));
    Value value = {.type = type, .text = built(&nest)};
    value_set(&batch->columns[0], batch->arena, 0, 1, &value);
    batch->row_count = 1;
    Buffer out = {0};
    rowcode_write(&out, batch, 0, NULL, 1);
    Batch *back = batch_new(&schema, 1);
    assert_true(rowcode_read(buffer_str(&out), back, 1, ROW_INSERT));
    Value read = value_get(&back->columns[0], 0);
    assert_true(value_equal(&value, &read));
    /* The count of elements says more than there are. */
    out.data[1 + 4] = 2;
    batch_reset(back, &schema, 1);
    assert_false(rowcode_read(buffer_str(&out), back, 1, ROW_INSERT));
    buffer_free(&out);
    batch_free(batch);
    batch_free(back);
    nest_close(&nest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_hold_numbers_texts_and_nulls),
        cmocka_unit_test(every_physical_comes_back),
        cmocka_unit_test(fields_of_a_row_may_come_in_any_order),
        cmocka_unit_test(a_map_keeps_first_places_and_last_values),
        cmocka_unit_test(many_keys_are_told_apart),
        cmocka_unit_test(nests_go_deep),
        cmocka_unit_test(every_nan_is_one),
        cmocka_unit_test(broken_bytes_are_refused),
        cmocka_unit_test(rows_with_nested_columns_are_bytes_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
