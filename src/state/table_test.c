/* Keyed state tables against a plain list of keys. */
#include "base/testing.h"

#include "data/rowcode.h"
#include "data/value.h"
#include "state/table.h"

enum { MODEL_KEYS = 4096, CAPACITY = 256 };

static uint64_t seed;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* Key number k as a row: NULL for 0, -0.0 and 0.0 alike for doubles, long text for odd ones. */
static void put_key(Batch *batch, int32_t column, int32_t row, int64_t k)
{
    Column *into = &batch->columns[column];
    if (k == 0) {
        column_set_null(into, batch->arena, row, CAPACITY);
        return;
    }
    if (into->valid != NULL)
        bitmap_set(into->valid, row, true);
    switch (into->physical) {
    case PHYSICAL_I16: ((int16_t *)into->values)[row] = (int16_t)(k - 2000); break;
    case PHYSICAL_I64: ((int64_t *)into->values)[row] = k - 2000; break;
    case PHYSICAL_F64: ((double *)into->values)[row] = k == 1 ? -0.0 : (double)(k - 1); break;
    case PHYSICAL_I128: ((Int128 *)into->values)[row] = (Int128)k << 70; break;
    case PHYSICAL_STRING: {
        char *text = arena_printf(batch->arena, k % 2 ? "a long key, the number %ld" : "k%ld", k);
        ((StrView *)into->values)[row] = str_view_borrow(str_from(text));
        break;
    }
    case PHYSICAL_NONE:
    case PHYSICAL_BOOL:
    case PHYSICAL_I8:
    case PHYSICAL_I32:
    case PHYSICAL_F32: assert_true(false);
    }
}

/* What the table should hold: count[k] > 0 for keys that are in it. */
typedef struct Model {
    Arena *arena;
    Schema schema;
    TableKey key;
    StateTable *table;
    int64_t counts[MODEL_KEYS];
} Model;

static void model_open(Model *model, const Type *types, int32_t count)
{
    *model = (Model){.arena = arena_new(0)};
    Field *fields = ARENA_ARRAY(model->arena, Field, count);
    for (int32_t i = 0; i < count; i++)
        fields[i] = (Field){.name = STR("k"), .type = types[i]};
    model->schema = (Schema){.fields = fields, .count = count};
    model->key = table_key(model->arena, types, count);
    model->table = table_new(&model->key, 16);
}

static void model_close(Model *model)
{
    table_free(model->table);
    arena_free(model->arena);
}

static Batch *model_batch(Model *model, const int64_t *ks, int32_t count)
{
    Batch *batch = batch_new(&model->schema, CAPACITY);
    for (int32_t row = 0; row < count; row++)
        for (int32_t i = 0; i < model->schema.count; i++)
            put_key(batch, i, row, i == 0 ? ks[row] : ks[row] / 7 + 1);
    batch->row_count = count;
    batch_select_all(batch);
    return batch;
}

static const int32_t key_columns[] = {0, 1};

static void model_insert(Model *model)
{
    int64_t ks[CAPACITY];
    uint8_t *values[CAPACITY];
    int32_t rows[CAPACITY];
    int32_t count = 0;
    for (int32_t i = 0; i < CAPACITY; i++) {
        ks[i] = (int64_t)(next_random() % MODEL_KEYS);
        if (next_random() % 4 != 0)
            rows[count++] = i;
    }
    Batch *batch = model_batch(model, ks, CAPACITY);
    Arena *scratch = arena_new(0);
    Selection selected = {.rows = rows, .count = count};
    TableKeys keys = table_keys(&model->key, batch, key_columns, selected, scratch);
    int32_t half = count / 2;
    table_find_or_insert(model->table, &keys, 0, half, values);
    table_find_or_insert(model->table, &keys, half, count - half, values + half);
    for (int32_t i = 0; i < count; i++) {
        int64_t *value = (int64_t *)(void *)values[i];
        int64_t k = ks[rows[i]];
        assert_int_equal(value[0], model->counts[k] == 0 ? 0 : k);
        assert_int_equal(value[1], model->counts[k]);
        value[0] = k;
        value[1] = ++model->counts[k];
    }
    batch_free(batch);
    arena_free(scratch);
}

static void model_delete(Model *model)
{
    int64_t ks[CAPACITY];
    uint8_t *values[CAPACITY];
    for (int32_t i = 0; i < CAPACITY; i++)
        ks[i] = (int64_t)(next_random() % MODEL_KEYS);
    Batch *batch = model_batch(model, ks, CAPACITY);
    Arena *scratch = arena_new(0);
    TableKeys keys = table_keys(&model->key, batch, key_columns, batch->selection, scratch);
    for (int32_t i = 0; i < CAPACITY; i++) {
        table_find(model->table, &keys, i, 1, values);
        assert_int_equal(values[0] != NULL, model->counts[ks[i]] != 0);
        if (values[0] == NULL)
            continue;
        table_delete(model->table, values[0]);
        model->counts[ks[i]] = 0;
    }
    batch_free(batch);
    arena_free(scratch);
}

/* Every value once, under the key it was stored with. */
static void model_check(Model *model, const StateTable *table)
{
    Batch *expected = batch_new(&model->schema, CAPACITY);
    Batch *got = batch_new(&model->schema, CAPACITY);
    int64_t cursor = 0, live = 0, seen = 0;
    for (int64_t k = 0; k < MODEL_KEYS; k++)
        live += model->counts[k] != 0;
    assert_int_equal(table_count(table), live);
    for (uint8_t *value = table_next(table, &cursor); value != NULL;
         value = table_next(table, &cursor)) {
        const int64_t *numbers = (const int64_t *)(const void *)value;
        assert_int_equal(numbers[1], model->counts[numbers[0]]);
        Buffer a = {0}, b = {0};
        table_read_key(table, value, got, CAPACITY);
        got->row_count = 1;
        rowcode_write(&a, got, 0, NULL, model->schema.count);
        got->row_count = 0;
        for (int32_t i = 0; i < model->schema.count; i++)
            put_key(expected, i, 0, i == 0 ? numbers[0] : numbers[0] / 7 + 1);
        expected->row_count = 1;
        rowcode_write(&b, expected, 0, NULL, model->schema.count);
        assert_true(str_equal(buffer_str(&a), buffer_str(&b)));
        buffer_free(&a);
        buffer_free(&b);
        seen++;
    }
    assert_int_equal(seen, live);
    batch_free(expected);
    batch_free(got);
}

/* Keys read by the run are those read one by one. */
static void model_check_runs(Model *model, const StateTable *table)
{
    Batch *one = batch_new(&model->schema, CAPACITY);
    Batch *run = batch_new(&model->schema, CAPACITY);
    uint8_t *values[CAPACITY];
    int64_t cursor = 0, seen = 0;
    for (;;) {
        int32_t count = table_next_run(table, &cursor, values, 1 + (int32_t)(seen % CAPACITY));
        if (count == 0)
            break;
        batch_reset(one, &model->schema, CAPACITY);
        batch_reset(run, &model->schema, CAPACITY);
        table_read_keys(table, (const uint8_t *const *)values, count, run, CAPACITY);
        run->row_count = count;
        for (one->row_count = 0; one->row_count < count; one->row_count++)
            table_read_key(table, values[one->row_count], one, CAPACITY);
        for (int32_t row = 0; row < count; row++) {
            Buffer a = {0}, b = {0};
            rowcode_write(&a, one, row, NULL, model->schema.count);
            rowcode_write(&b, run, row, NULL, model->schema.count);
            assert_true(str_equal(buffer_str(&a), buffer_str(&b)));
            buffer_free(&a);
            buffer_free(&b);
        }
        seen += count;
    }
    assert_int_equal(seen, table_count(table));
    batch_free(one);
    batch_free(run);
}

/* Entries appended without a search are found by the next one, and may be deleted. */
static void model_append(Model *model, const StateTable *from)
{
    StateTable *table = table_new(&model->key, 16);
    int64_t cursor = 0, count = 0;
    for (uint8_t *value = table_next(from, &cursor); value != NULL;
         value = table_next(from, &cursor)) {
        memcpy(table_append_from(table, from, value), value, 16);
        if (++count % 50 == 0)
            assert_non_null(table_find_from(table, from, value));
    }
    model_check(model, table);
    model_check_runs(model, table);
    cursor = 0;
    for (uint8_t *value = table_next(from, &cursor); value != NULL;
         value = table_next(from, &cursor)) {
        uint8_t *found = table_find_from(table, from, value);
        assert_non_null(found);
        assert_memory_equal(found, value, 16);
        table_delete(table, found);
        assert_null(table_find_from(table, from, value));
        /* Into the gap of the one that went. */
        memcpy(table_append_from(table, from, value), value, 16);
    }
    model_check(model, table);
    table_free(table);
}

static void model_save_and_load(Model *model)
{
    Buffer saved = {0};
    int64_t cursor = 0, count = 0;
    for (uint8_t *value = table_next(model->table, &cursor); value != NULL;
         value = table_next(model->table, &cursor)) {
        table_save_key(model->table, value, &saved);
        buffer_append(&saved, value, 16);
        count++;
    }
    StateTable *loaded = table_new(&model->key, 16);
    ByteReader reader = byte_reader(buffer_str(&saved));
    for (int64_t i = 0; i < count; i++) {
        uint64_t hash = table_peek_hash(&reader);
        uint8_t *value = table_load_key(loaded, &reader);
        assert_non_null(value);
        assert_true(table_hash_of(loaded, value) == hash);
        memcpy(value, byte_reader_take(&reader, 16).data, 16);
    }
    assert_int_equal(byte_reader_left(&reader), 0);
    model_check(model, loaded);
    StateTable *copied = table_new(&model->key, 16);
    cursor = 0;
    for (uint8_t *value = table_next(loaded, &cursor); value != NULL;
         value = table_next(loaded, &cursor)) {
        assert_null(table_find_from(copied, loaded, value));
        memcpy(table_find_or_insert_from(copied, loaded, value), value, 16);
        assert_non_null(table_find_from(copied, loaded, value));
    }
    model_check(model, copied);
    table_free(copied);
    model_append(model, loaded);
    table_free(loaded);
    buffer_free(&saved);
}

/* A table that is emptied for the next use holds nothing of the last one. */
static void model_reuse(Model *model)
{
    memset(model->counts, 0, sizeof model->counts);
    int64_t bytes = table_bytes(model->table);
    if (table_reuse(model->table))
        assert_true(table_bytes(model->table) >= bytes / 2);
    else
        table_clear(model->table);
    model_check(model, model->table);
    for (int32_t round = 0; round < 5; round++)
        model_insert(model);
    model_check(model, model->table);
}

static void check_types(const Type *types, int32_t count)
{
    Model model;
    seed = 88172645463325252ULL;
    model_open(&model, types, count);
    for (int32_t round = 0; round < 60; round++) {
        model_insert(&model);
        if (round % 3 == 2)
            model_delete(&model);
    }
    model_check(&model, model.table);
    model_save_and_load(&model);
    model_reuse(&model);
    model_reuse(&model);
    for (int32_t round = 0; round < 200; round++)
        model_delete(&model);
    model_check(&model, model.table);
    table_clear(model.table);
    assert_int_equal(table_count(model.table), 0);
    model_close(&model);
}

static void test_keys_of_every_kind(void **state)
{
    (void)state;
    Type small[] = {type_simple(TYPE_SMALLINT)};
    Type big[] = {type_simple(TYPE_BIGINT)};
    Type real[] = {type_simple(TYPE_DOUBLE)};
    Type wide[] = {type_decimal(38, 2)};
    Type text[] = {type_string()};
    Type pair[] = {type_string(), type_simple(TYPE_BIGINT)};
    check_types(small, 1);
    check_types(big, 1);
    check_types(real, 1);
    check_types(wide, 1);
    check_types(text, 1);
    check_types(pair, 2);
}

static void test_the_key_of_no_columns_is_one_key(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    TableKey key = table_key(arena, NULL, 0);
    StateTable *table = table_new(&key, 8);
    Field field = {.name = STR("x"), .type = type_simple(TYPE_BIGINT)};
    Schema schema = {.fields = &field, .count = 1};
    Batch *batch = batch_new(&schema, 3);
    batch->row_count = 3;
    batch_select_all(batch);
    uint8_t *values[3];
    TableKeys keys = table_keys(&key, batch, NULL, batch->selection, arena);
    table_find(table, &keys, 0, 3, values);
    assert_null(values[0]);
    table_find_or_insert(table, &keys, 0, 3, values);
    assert_ptr_equal(values[0], values[2]);
    assert_int_equal(table_count(table), 1);
    batch_free(batch);
    table_free(table);
    arena_free(arena);
}

static void test_a_count_and_a_sum_take_at_most_64_bytes(void **state)
{
    (void)state;
    enum { KEYS = 1500000 };
    Arena *arena = arena_new(0);
    Type type = type_simple(TYPE_BIGINT);
    TableKey key = table_key(arena, &type, 1);
    /* What GROUP BY has of COUNT(*) and SUM(v): exec/group_aggregate_test.c. */
    StateTable *table = table_new(&key, 32);
    Field field = {.name = STR("k"), .type = type};
    Schema schema = {.fields = &field, .count = 1};
    Batch *batch = batch_new(&schema, 1000);
    batch->row_count = 1000;
    batch_select_all(batch);
    for (int64_t start = 0; start < KEYS; start += 1000) {
        uint8_t *values[1000];
        for (int64_t i = 0; i < 1000; i++)
            ((int64_t *)batch->columns[0].values)[i] = start + i;
        const int32_t column = 0;
        TableKeys keys = table_keys(&key, batch, &column, batch->selection, arena);
        table_find_or_insert(table, &keys, 0, 1000, values);
        arena_reset(arena);
        /* However many there are, but for the slabs that are being filled and the list of slabs. */
        assert_true(table_bytes(table) <= 64 * table_count(table) + (7 << 20));
    }
    assert_int_equal(table_count(table), KEYS);
    assert_true(table_bytes(table) <= (int64_t)64 * KEYS);
    batch_free(batch);
    table_free(table);
    arena_free(arena);
}

static void test_malformed_keys_are_refused(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Type type = type_string();
    TableKey key = table_key(arena, &type, 1);
    StateTable *table = table_new(&key, 8);
    static const char *const cases[] = {
        "", "12345678", "12345678\1", "12345678\1\5\0\0\0abc", "12345678\2",
    };
    static const int32_t lengths[] = {0, 8, 9, 16, 9};
    for (int32_t i = 0; i < 5; i++) {
        ByteReader reader = byte_reader(str_make(cases[i], lengths[i]));
        assert_null(table_load_key(table, &reader));
    }
    assert_int_equal(table_count(table), 0);
    table_free(table);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_of_every_kind),
        cmocka_unit_test(test_the_key_of_no_columns_is_one_key),
        cmocka_unit_test(test_a_count_and_a_sum_take_at_most_64_bytes),
        cmocka_unit_test(test_malformed_keys_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
