/* The bytes of keys compare as the values do. */
#include "base/testing.h"

#include <math.h>

#include "data/sortkey.h"
#include "data/value.h"

enum { ROWS_MAX = 16 };

/* Rows 0 … count - 1 hold ascending values, NULL first; equal ones have the same rank. */
static void check_order(Batch *batch, const int32_t *ranks)
{
    Arena *arena = arena_new(0);
    batch_select_all(batch);
    for (int32_t variant = 0; variant < 4; variant++) {
        SortColumn order = {0, (variant & 1) != 0, (variant & 2) != 0};
        Str keys[ROWS_MAX];
        sortkeys_make(batch, &order, 1, batch->selection, arena, keys);
        for (int32_t a = 0; a < batch->row_count; a++) {
            for (int32_t b = 0; b < batch->row_count; b++) {
                bool a_null = column_is_null(&batch->columns[0], a);
                bool b_null = column_is_null(&batch->columns[0], b);
                int32_t wanted = (ranks[a] > ranks[b]) - (ranks[a] < ranks[b]);
                if (a_null != b_null)
                    wanted = a_null == order.has_nulls_last ? 1 : -1;
                else if (order.is_descending)
                    wanted = -wanted;
                int got = str_compare(keys[a], keys[b]);
                assert_int_equal((got > 0) - (got < 0), wanted);
            }
        }
    }
    arena_free(arena);
}

static Batch *batch_of(Type type)
{
    Field field = {STR("c"), type};
    Schema schema = {.fields = &field, .count = 1};
    Batch *batch = batch_new(&schema, ROWS_MAX);
    column_set_null(&batch->columns[0], batch->arena, 0, ROWS_MAX);
    batch->row_count = 1;
    return batch;
}

static void put(Batch *batch, Value value)
{
    value.type = batch->columns[0].type;
    value_set(&batch->columns[0], batch->arena, batch->row_count++, ROWS_MAX, &value);
}

static const int32_t distinct[ROWS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        TypeId id;
        int64_t values[6];
    } cases[] = {
        {TYPE_TINYINT, {-128, -1, 0, 1, 100, 127}},
        {TYPE_SMALLINT, {INT16_MIN, -256, -1, 0, 255, INT16_MAX}},
        {TYPE_INT, {INT32_MIN, -65536, -1, 0, 256, INT32_MAX}},
        {TYPE_BIGINT, {INT64_MIN, -4294967296, -1, 0, 256, INT64_MAX}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Batch *batch = batch_of(type_simple(cases[i].id));
        for (int32_t k = 0; k < 6; k++)
            put(batch, (Value){.integer = cases[i].values[k]});
        check_order(batch, distinct);
        batch_free(batch);
    }
}

static void test_decimals(void **state)
{
    (void)state;
    Batch *batch = batch_of(type_decimal(38, 2));
    Int128 large = (Int128)1 << 100;
    Int128 values[] = {-large, -large / 3, -1, 0, 1, (Int128)1 << 64, large};
    for (int32_t k = 0; k < 7; k++)
        put(batch, (Value){.wide = values[k]});
    check_order(batch, distinct);
    batch_free(batch);
}

static void test_reals(void **state)
{
    (void)state;
    static const int32_t ranks[] = {0, 1, 2, 3, 3, 4, 5, 6};
    static const double values[] = {-HUGE_VAL, -1.5, -0.0, 0.0, 1e-30, HUGE_VAL, (double)NAN};
    TypeId ids[] = {TYPE_FLOAT, TYPE_DOUBLE};
    for (int32_t i = 0; i < 2; i++) {
        Batch *batch = batch_of(type_simple(ids[i]));
        for (int32_t k = 0; k < 7; k++)
            put(batch, (Value){.real = values[k]});
        check_order(batch, ranks);
        batch_free(batch);
    }
}

static void test_texts(void **state)
{
    (void)state;
    static const char zero[] = {'a', '\0'}, zero_b[] = {'a', '\0', 'b'},
                      zeros[] = {'a', '\0', '\0'};
    Batch *batch = batch_of(type_string());
    Str values[] = {STR(""),           str_make(zero, 0),  str_make(zero, 1),
                    str_make(zero, 2), str_make(zeros, 3), str_make(zero_b, 3),
                    STR("a\x01"),      STR("aa"),          STR("b"),
                    STR("a"),          STR("\xc3\xa9"),    STR("\xff")};
    static const int32_t ranks[] = {0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 2, 9, 10};
    for (int32_t k = 0; k < 12; k++)
        put(batch, (Value){.text = values[k]});
    check_order(batch, ranks);
    batch_free(batch);
}

/* The first column decides, the second where it is equal, each in its own direction. */
static void test_several_columns(void **state)
{
    (void)state;
    Field fields[] = {{STR("t"), type_string()}, {STR("n"), type_simple(TYPE_INT)}};
    Schema schema = {.fields = fields, .count = 2};
    Batch *batch = batch_new(&schema, ROWS_MAX);
    const char *texts[] = {"ab", "ab", "a", "a", "b"};
    int32_t numbers[] = {9, 1, 3, 5, 0};
    for (int32_t i = 0; i < 5; i++) {
        ((StrView *)batch->columns[0].values)[i] = str_view_borrow(str_from(texts[i]));
        ((int32_t *)batch->columns[1].values)[i] = numbers[i];
    }
    column_set_null(&batch->columns[1], batch->arena, 4, ROWS_MAX);
    batch->row_count = 5;
    batch_select_all(batch);
    SortColumn order[] = {{0, false, false}, {1, true, true}};
    Str keys[5];
    Arena *arena = arena_new(0);
    sortkeys_make(batch, order, 2, batch->selection, arena, keys);
    static const int32_t expected[] = {3, 2, 0, 1, 4};
    for (int32_t i = 0; i + 1 < 5; i++)
        assert_true(str_compare(keys[expected[i]], keys[expected[i + 1]]) < 0);
    arena_free(arena);
    batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),        cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_reals),           cmocka_unit_test(test_texts),
        cmocka_unit_test(test_several_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
