/* The cache of looked-up rows: what stays, what leaves, and that its memory comes back. */
#include "base/testing.h"

#include "data/value.h"
#include "exec/join/lookup_store.h"

enum { KEYS = 1000, ROWS_PER_KEY = 3 };

typedef struct Bench {
    Arena *arena;
    Schema schema;
    Field fields[1];
    TableKey key;
    LookupStore store;
    Batch *batch; /* the keys 0 to KEYS - 1 */
    TableKeys keys;
} Bench;

static void bench_open(Bench *bench, LookupCache cache)
{
    *bench = (Bench){.arena = arena_new(0)};
    bench->fields[0] = (Field){.name = STR("k"), .type = type_simple(TYPE_BIGINT)};
    bench->schema = (Schema){.fields = bench->fields, .count = 1};
    Type type = type_simple(TYPE_BIGINT);
    bench->key = table_key(bench->arena, &type, 1);
    bench->batch = batch_new(&bench->schema, KEYS);
    for (int32_t i = 0; i < KEYS; i++) {
        Value value = {.type = type, .integer = i};
        value_set(&bench->batch->columns[0], bench->batch->arena, i, KEYS, &value);
    }
    bench->batch->row_count = bench->batch->selection.count = KEYS;
    static const int32_t columns[] = {0};
    bench->keys =
        table_keys(&bench->key, bench->batch, columns, bench->batch->selection, bench->arena);
    lookup_store_open(&bench->store, &bench->key, &bench->schema, &cache);
}

static void bench_close(Bench *bench)
{
    lookup_store_close(&bench->store);
    batch_free(bench->batch);
    arena_free(bench->arena);
}

/* As the join does it: a new entry with rows, remembered, let go. */
static void put(Bench *bench, int32_t key, int32_t rows, int64_t now_us)
{
    LookupEntry *entry = lookup_store_new(&bench->store);
    for (int32_t i = 0; i < rows; i++) {
        StoredRow *row;
        Selection one = {.rows = &(int32_t){key}, .count = 1};
        row_pool_add(&bench->store.rows, bench->batch, one, &row);
        lookup_entry_add(entry, row);
    }
    lookup_store_put(&bench->store, &bench->keys, key, entry, now_us);
    lookup_store_release(&bench->store, entry);
}

/* How many rows the key has in the cache; -1: it is not there. */
static int32_t found(Bench *bench, int32_t key, int64_t now_us)
{
    LookupEntry *entry = lookup_store_find(&bench->store, &bench->keys, key, now_us);
    if (entry == NULL)
        return -1;
    int32_t count = 0;
    for (const StoredRow *row = entry->first; row != NULL; row = row->next) {
        Value value = value_get(&row->chunk->batch->columns[0], row->row);
        assert_int_equal(value.integer, key);
        count++;
    }
    lookup_store_release(&bench->store, entry);
    return count;
}

static void without_a_cache_nothing_stays(void **state)
{
    (void)state;
    Bench bench;
    bench_open(&bench, (LookupCache){.kind = LOOKUP_CACHE_NONE, .keeps_missing = true});
    put(&bench, 1, 2, 0);
    assert_int_equal(found(&bench, 1, 0), -1);
    row_pool_settle(&bench.store.rows);
    assert_int_equal(bench.store.rows.live, 0);
    bench_close(&bench);
}

static void missing_keys_stay_if_they_shall(void **state)
{
    (void)state;
    Bench bench;
    bench_open(&bench, (LookupCache){.kind = LOOKUP_CACHE_PARTIAL, .keeps_missing = true});
    put(&bench, 1, 0, 0);
    assert_int_equal(found(&bench, 1, 0), 0);
    bench_close(&bench);
    bench_open(&bench, (LookupCache){.kind = LOOKUP_CACHE_PARTIAL});
    put(&bench, 1, 0, 0);
    assert_int_equal(found(&bench, 1, 0), -1);
    bench_close(&bench);
}

static void the_least_used_leave_first(void **state)
{
    (void)state;
    Bench bench;
    bench_open(&bench, (LookupCache){.kind = LOOKUP_CACHE_PARTIAL, .rows_max = 3});
    for (int32_t i = 0; i < 3; i++)
        put(&bench, i, 1, i);
    assert_int_equal(found(&bench, 0, 3), 1);
    put(&bench, 3, 1, 4);
    assert_int_equal(found(&bench, 1, 5), -1);
    assert_int_equal(found(&bench, 0, 5), 1);
    assert_int_equal(found(&bench, 2, 5), 1);
    assert_int_equal(found(&bench, 3, 5), 1);
    bench_close(&bench);
}

static void times_are_counted_from_writing_or_use(void **state)
{
    (void)state;
    Bench bench;
    bench_open(&bench, (LookupCache){.kind = LOOKUP_CACHE_PARTIAL, .expire_after_write_us = 10});
    put(&bench, 1, 1, 0);
    assert_int_equal(found(&bench, 1, 9), 1);
    assert_int_equal(found(&bench, 1, 10), -1);
    put(&bench, 1, 2, 10);
    assert_int_equal(found(&bench, 1, 11), 2);
    bench_close(&bench);
    bench_open(&bench, (LookupCache){.kind = LOOKUP_CACHE_PARTIAL, .expire_after_access_us = 10});
    put(&bench, 1, 1, 0);
    assert_int_equal(found(&bench, 1, 9), 1);
    assert_int_equal(found(&bench, 1, 18), 1);
    assert_int_equal(found(&bench, 1, 28), -1);
    bench_close(&bench);
}

/* Another row of the batch has put the key meanwhile: the newer one counts. */
static void a_key_is_put_again(void **state)
{
    (void)state;
    Bench bench;
    bench_open(&bench, (LookupCache){.kind = LOOKUP_CACHE_PARTIAL});
    put(&bench, 7, 1, 0);
    LookupEntry *held = lookup_store_find(&bench.store, &bench.keys, 7, 0);
    put(&bench, 7, 2, 1);
    assert_non_null(held->first); /* good for who holds it, though it has left the cache */
    lookup_store_release(&bench.store, held);
    assert_int_equal(found(&bench, 7, 1), 2);
    assert_int_equal(table_count(bench.store.table), 1);
    bench_close(&bench);
}

/* A hundred rounds of other keys through a cache of ten: its memory stays that of ten. */
static void memory_comes_back(void **state)
{
    (void)state;
    Bench bench;
    bench_open(&bench, (LookupCache){.kind = LOOKUP_CACHE_PARTIAL, .rows_max = 10});
    int64_t first = 0;
    for (int32_t round = 0; round < 100; round++) {
        for (int32_t i = 0; i < KEYS; i++)
            put(&bench, i, ROWS_PER_KEY, round);
        row_pool_settle(&bench.store.rows);
        assert_int_equal(bench.store.rows.live, 10 * ROWS_PER_KEY);
        if (round == 1)
            first = lookup_store_bytes(&bench.store);
    }
    assert_true(lookup_store_bytes(&bench.store) <= first);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_cache_nothing_stays),
        cmocka_unit_test(missing_keys_stay_if_they_shall),
        cmocka_unit_test(the_least_used_leave_first),
        cmocka_unit_test(times_are_counted_from_writing_or_use),
        cmocka_unit_test(a_key_is_put_again),
        cmocka_unit_test(memory_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
