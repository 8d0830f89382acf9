/* Which entries stay at hand, where there is room for some of them only. */
#include "base/testing.h"

#include "data/rowcode.h"
#include "state/cold_internal.h"
#include "state/spill.h"

enum {
    KEYS = 60 * 1000,
    FEW = 3 * 1000, /* keys that come again and again */
    BATCH = 2000,
    ROUNDS = 1500, /* longer than it is believed that keys do not come again */
    BUDGET_BYTES = 12 << 20,
};

static const TableCodec PLAIN = {0};

typedef struct Counts {
    Arena *arena;
    Type type;
    TableKey key;
    Spill *spill;
    KeyedState *keyed;
    StateTable *table;
    int64_t wanted[KEYS];
    uint64_t seed;
} Counts;

static Counts counts;

static int setup(void **state)
{
    (void)state;
    counts = (Counts){.arena = arena_new(0), .type = type_simple(TYPE_BIGINT), .seed = 11};
    counts.key = table_key(counts.arena, &counts.type, 1);
    counts.spill = spill_new(world_system(), NULL, BUDGET_BYTES);
    counts.keyed = keyed_new(NULL);
    counts.table = table_new(&counts.key, sizeof(int64_t));
    table_describe(counts.table, &PLAIN, NULL);
    keyed_add(counts.keyed, (KeyedId){1, 0}, counts.table);
    table_spill(counts.table, counts.spill);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    table_free(counts.table);
    keyed_free(counts.keyed);
    spill_free(counts.spill);
    arena_free(counts.arena);
    return 0;
}

/* A batch of some of the first so many keys, each of which is counted. */
static void counts_push(int32_t keys)
{
    static uint64_t hashes[BATCH], words[BATCH];
    static uint8_t *values[BATCH];
    for (int32_t i = 0; i < BATCH; i++) {
        counts.seed = counts.seed * 6364136223846793005U + 1442695040888963407U;
        words[i] = (counts.seed >> 33) % (uint64_t)keys;
        hashes[i] = table_hash_of_key(rowcode_hash_word(words[i]));
        counts.wanted[words[i]]++;
    }
    TableKeys batch = {.hashes = hashes, .words = words, .count = BATCH};
    table_find_or_insert(counts.table, &batch, 0, BATCH, values);
    for (int32_t i = 0; i < BATCH; i++)
        ++*(int64_t *)(void *)values[i];
    assert_int_equal(keyed_make_room(counts.keyed, NULL), OK);
}

static void counts_compare(void)
{
    for (uint64_t k = 0; k < KEYS; k++) {
        Probe probe = {.hash = table_hash_of_key(rowcode_hash_word(k)), .word = k};
        const uint8_t *value = table_get_probe(counts.table, &probe);
        int64_t there = value == NULL ? 0 : *(const int64_t *)(const void *)value;
        assert_int_equal(there, counts.wanted[k]);
    }
}

/* Entries that would go before they are wanted again only make others wait. */
static void keys_that_do_not_come_again_do_not_stay(void **state)
{
    (void)state;
    int64_t most = 0;
    for (int32_t i = 0; i < ROUNDS / 10; i++) {
        counts_push(KEYS);
        most = counts.table->count > most ? counts.table->count : most;
    }
    assert_true(most > BATCH);
    assert_int_equal(counts.table->count, 0);
    counts_compare();
}

static void keys_that_come_again_stay(void **state)
{
    (void)state;
    for (int32_t i = 0; i < ROUNDS / 10; i++)
        counts_push(i % 4 == 0 ? KEYS : FEW);
    assert_true(counts.table->count >= FEW);
    counts_compare();
}

/* What did not come again may do so later. */
static void it_is_noticed_when_they_do(void **state)
{
    (void)state;
    for (int32_t i = 0; i < ROUNDS / 10; i++)
        counts_push(KEYS);
    assert_int_equal(counts.table->count, 0);
    for (int32_t i = 0; i < ROUNDS; i++)
        counts_push(FEW);
    assert_int_equal(counts.table->count, FEW);
    counts_compare();
}

/* A batch of one key, or of NULL. */
static int64_t *counts_find(uint64_t key, bool is_null)
{
    uint64_t hash = table_hash_of_key(rowcode_hash_word(key));
    uint8_t *value;
    uint8_t null = is_null;
    TableKeys batch = {.hashes = &hash, .words = &key, .nulls = &null, .count = 1};
    table_find_or_insert(counts.table, &batch, 0, 1, &value);
    return (int64_t *)(void *)value;
}

/* NULL may come to lie where key 0 has just been, and both have 0 as their word. */
static void null_is_not_put_away_as_zero(void **state)
{
    (void)state;
    *counts_find(0, false) = 5;
    cold_assume_passing(counts.table->cold, INT64_MAX);
    assert_int_equal(keyed_make_room(counts.keyed, NULL), OK);
    assert_int_equal(counts.table->count, 0);
    int64_t *zero = counts_find(0, false);
    assert_int_equal(*zero, 5);
    table_delete(counts.table, (uint8_t *)zero);
    int64_t *null = counts_find(0, true);
    assert_ptr_equal(null, zero);
    *null = 7;
    assert_int_equal(keyed_make_room(counts.keyed, NULL), OK);
    assert_int_equal(table_count(counts.table), 1);
    Probe probe = {.hash = table_hash_of_key(rowcode_hash_word(0)), .word = 0};
    assert_null(table_get_probe(counts.table, &probe));
    assert_non_null(table_get_null(counts.table));
    assert_int_equal(*counts_find(0, true), 7);
}

/* A table that is full of NULLs does not look like one whose keys come again. */
static void nulls_are_not_counted_as_at_hand(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 10; i++)
        (void)counts_find(0, true);
    assert_int_equal(counts.table->cold->looked, 0);
    assert_int_equal(counts.table->cold->hit, 0);
    (void)counts_find(1, false);
    assert_int_equal(counts.table->cold->looked, 1);
    assert_int_equal(counts.table->cold->hit, 0);
    (void)counts_find(1, false);
    assert_int_equal(counts.table->cold->hit, 1);
}

/* What the table is known to have is what it has, also when its memory at hand has just gone. */
static void notes_and_what_has_gone_are_accounted_for(void **state)
{
    (void)state;
    Cold *cold = counts.table->cold;
    while (cold->passing == 0 || counts.table->slab_count > 0) {
        counts_push(KEYS);
        assert_true(cold->accounted >= table_bytes(counts.table));
        assert_true(cold->passing == 0 || cold->accounted == table_bytes(counts.table));
    }
    int64_t before = cold_bytes(cold);
    for (int32_t i = 0; i < 10; i++)
        counts_push(KEYS);
    assert_true(cold->note_capacity >= BATCH / 2);
    assert_true(cold_bytes(cold) - before >= (int64_t)sizeof(Note) * cold->note_capacity);
    assert_int_equal(table_put_away(counts.table, NULL), OK);
    assert_int_equal(cold->note_capacity, 0);
    assert_int_equal(cold->accounted, table_bytes(counts.table));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_that_do_not_come_again_do_not_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_that_come_again_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_noticed_when_they_do, setup, teardown),
        cmocka_unit_test_setup_teardown(null_is_not_put_away_as_zero, setup, teardown),
        cmocka_unit_test_setup_teardown(nulls_are_not_counted_as_at_hand, setup, teardown),
        cmocka_unit_test_setup_teardown(notes_and_what_has_gone_are_accounted_for, setup, teardown),
    };
    return cmocka_run_group_tests_name("state-cold", tests, NULL, NULL);
}
