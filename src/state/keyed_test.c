/* Checkpoints of keyed tables that are taken bit by bit while keys change, against a plain copy of
 * what was there at the barrier. */
#include "base/testing.h"

#include <stddef.h>

#include "base/memory.h"
#include "data/value.h"
#include "state/cold_internal.h"
#include "state/edit.h"
#include "state/keyed.h"
#include "state/spill.h"

enum { TRIALS = 12, KEYS = 600, TABLES = 5, ROWS = 16, CHAIN_MAX = 64, ORIGINS = 2 };

#define LONG_KEY "key that is long: "

static uint64_t seed = 7;
static Spill *spill;          /* NULL: all stays in memory */
static uint32_t paddings = 5; /* lengths of saved values */
static bool has_words;        /* values are saved as words */
static bool passes_by;        /* mostly nothing stays at hand, and it is noted where records lie */

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static bool chance(uint32_t one_in)
{
    return next_random() % one_in == 0;
}

/* What a table has: 0 no such key, else its number. Key 0 is NULL; of words key k is k - 1, so that
 * one of them is 0, as that of NULL is. */
typedef struct Model {
    bool is_there[TABLES];
    uint32_t numbers[TABLES][KEYS];
} Model;

/* The number is kept three times: in the value as it is and with zeros below, and behind a pointer.
 */
typedef struct Numbered {
    uint32_t *owned;
    uint64_t number, moved;
} Numbered;

typedef struct Shelf {
    Arena *arena;
    Schema schema;
    TableKey key;
    KeyedState *keyed;
    StateTable *tables[TABLES];
    Model now;
    int64_t live;   /* values that own something */
    Buffer *saving; /* the checkpoint under way, or NULL */
    int64_t let_go, inherited;
} Shelf;

static void numbered_save(void *owner, const uint8_t *value, Buffer *out)
{
    const Numbered *numbered = (const Numbered *)(const void *)value;
    (void)owner;
    assert_int_equal(*numbered->owned, numbered->number);
    buffer_append_u32(out, *numbered->owned);
    for (uint32_t i = 0; i < *numbered->owned % paddings; i++)
        buffer_append_u8(out, (uint8_t)i);
}

static void numbered_set(Shelf *world, Numbered *numbered, uint32_t number)
{
    if (numbered->owned == NULL) {
        numbered->owned = memory_allocate((int64_t)sizeof(uint32_t));
        world->live++;
    }
    *numbered->owned = number;
    numbered->number = number;
    numbered->moved = (uint64_t)number << number % 57;
}

static bool numbered_load(void *owner, uint8_t *value, ByteReader *in)
{
    Numbered *numbered = (Numbered *)(void *)value;
    assert_null(numbered->owned);
    numbered_set(owner, numbered, byte_reader_u32(in));
    byte_reader_take(in, *numbered->owned % paddings);
    return !in->is_short;
}

static void numbered_clear(void *owner, uint8_t *value)
{
    Shelf *world = owner;
    Numbered *numbered = (Numbered *)(void *)value;
    world->live -= numbered->owned != NULL;
    memory_free(numbered->owned);
    numbered->owned = NULL;
}

static const TableCodec codec = {
    .save = numbered_save, .load = numbered_load, .clear = numbered_clear};

/* The same where all that is saved are words of the value. */
static void words_save(void *owner, const uint8_t *value, Buffer *out)
{
    const Numbered *numbered = (const Numbered *)(const void *)value;
    (void)owner;
    assert_int_equal(*numbered->owned, numbered->number);
    buffer_append_u64(out, numbered->moved);
    buffer_append_u64(out, 0);
    buffer_append_u64(out, numbered->number);
}

static bool words_load(void *owner, uint8_t *value, ByteReader *in)
{
    Numbered *numbered = (Numbered *)(void *)value;
    assert_null(numbered->owned);
    uint64_t moved = byte_reader_u64(in), zero = byte_reader_u64(in);
    numbered_set(owner, numbered, (uint32_t)byte_reader_u64(in));
    return !in->is_short && zero == 0 && moved == numbered->moved;
}

static const TableCodec words_codec = {
    .save = words_save,
    .load = words_load,
    .clear = numbered_clear,
    .word_count = 3,
    .words = {offsetof(Numbered, moved), -1, offsetof(Numbered, number)}};

static StateTable *world_make(void *context, KeyedId id)
{
    Shelf *world = context;
    if (id.kind != 1 || id.number < 0 || id.number >= TABLES)
        return NULL;
    assert_null(world->tables[id.number]);
    StateTable *table = table_new(&world->key, (int32_t)sizeof(Numbered));
    table_describe(table, has_words ? &words_codec : &codec, world);
    keyed_add(world->keyed, id, table);
    if (spill != NULL)
        table_spill(table, spill);
    world->tables[id.number] = table;
    return table;
}

static void world_drop(void *context, KeyedId id)
{
    Shelf *world = context;
    table_free(world->tables[id.number]);
    world->tables[id.number] = NULL;
}

static void world_open(Shelf *world, const Type *type)
{
    *world = (Shelf){.arena = arena_new(0)};
    Field *field = ARENA_NEW(world->arena, Field);
    *field = (Field){.name = STR("k"), .type = *type};
    world->schema = (Schema){.fields = field, .count = 1};
    world->key = table_key(world->arena, type, 1);
    KeyedOwner owner = {world, world_make, world_drop};
    world->keyed = keyed_new(&owner);
}

static void world_close(Shelf *world)
{
    for (int32_t i = 0; i < TABLES; i++)
        table_free(world->tables[i]);
    keyed_free(world->keyed);
    assert_int_equal(world->live, 0);
    arena_free(world->arena);
}

static Batch *world_batch(Shelf *world, const int32_t *ks, int32_t count)
{
    Batch *batch = batch_new(&world->schema, ROWS);
    Column *column = &batch->columns[0];
    for (int32_t row = 0; row < count; row++) {
        if (ks[row] == 0)
            column_set_null(column, batch->arena, row, ROWS);
        else if (column->physical == PHYSICAL_I64)
            ((int64_t *)column->values)[row] = ks[row] - 1;
        else
            ((StrView *)column->values)[row] =
                str_view_borrow(str_from(arena_printf(batch->arena, LONG_KEY "%d", ks[row])));
        if (ks[row] != 0 && column->valid != NULL)
            bitmap_set(column->valid, row, true);
    }
    batch->row_count = count;
    batch_select_all(batch);
    return batch;
}

static void world_find(Shelf *world, int32_t table, const int32_t *ks, int32_t count,
                       bool may_insert, uint8_t **values)
{
    static const int32_t column = 0;
    Arena *scratch = arena_new(0);
    Batch *batch = world_batch(world, ks, count);
    TableKeys keys = table_keys(&world->key, batch, &column, batch->selection, scratch);
    if (may_insert)
        table_find_or_insert(world->tables[table], &keys, 0, count, values);
    else
        table_find(world->tables[table], &keys, 0, count, values);
    batch_free(batch);
    arena_free(scratch);
}

/* Of all keys, of a few that come often, or of the two whose word is 0. */
static int32_t world_range(void)
{
    return chance(2) ? KEYS : chance(4) ? 2 : 20;
}

static void world_put(Shelf *world, int32_t table, int32_t range, int32_t count)
{
    int32_t ks[ROWS];
    uint8_t *values[ROWS];
    for (int32_t i = 0; i < count; i++)
        ks[i] = (int32_t)(next_random() % (uint32_t)range);
    world_find(world, table, ks, count, true, values);
    for (int32_t i = 0; i < count; i++) {
        uint32_t number = 1 + (uint32_t)(next_random() % 1000000);
        numbered_set(world, (Numbered *)(void *)values[i], number);
        world->now.numbers[table][ks[i]] = number;
    }
}

static void world_upsert(Shelf *world, int32_t table)
{
    world_put(world, table, world_range(), ROWS);
}

/* Values found without inserting change or go, and others come to lie where these were. */
static void world_change(Shelf *world, int32_t table)
{
    int32_t range = world_range();
    for (int32_t i = 0; i < ROWS; i++) {
        int32_t k = (int32_t)(next_random() % (uint32_t)range);
        uint8_t *value;
        world_find(world, table, &k, 1, false, &value);
        uint32_t *number = &world->now.numbers[table][k];
        assert_int_equal(value != NULL, *number != 0);
        if (value == NULL)
            continue;
        if (chance(2)) {
            table_delete(world->tables[table], value);
            *number = 0;
            if (chance(4))
                world_put(world, table, range, 1);
        } else {
            table_touch(world->tables[table], value);
            numbered_set(world, (Numbered *)(void *)value, ++*number);
        }
    }
}

static int64_t world_key(const Shelf *world, const StateTable *table, const uint8_t *value)
{
    Batch *batch = batch_new(&world->schema, 1);
    table_read_key(table, value, batch, 1);
    const Column *column = &batch->columns[0];
    const int64_t prefix = (int64_t)strlen(LONG_KEY);
    Str text = {0};
    if (column->physical == PHYSICAL_STRING && !column_is_null(column, 0))
        text = str_view_str(column->values);
    int64_t k = 0;
    if (!column_is_null(column, 0) && column->physical == PHYSICAL_I64)
        k = ((const int64_t *)column->values)[0] + 1;
    else if (!column_is_null(column, 0))
        assert_true(str_parse_int64(str_make(text.data + prefix, text.length - prefix), &k));
    batch_free(batch);
    return k;
}

/* All values once, some of which go. */
static void world_walk(Shelf *world, int32_t table)
{
    const Model before = world->now;
    int64_t cursor = 0, count = 0, room = 1 + (int64_t)(next_random() % ROWS);
    StateTable *walked = world->tables[table];
    int64_t wanted = table_count(walked);
    uint8_t *values[ROWS];
    for (;;) {
        int32_t some = table_next_run(walked, &cursor, values, (int32_t)room);
        for (int32_t i = 0; i < some; i++) {
            const Numbered *numbered = (const Numbered *)(void *)values[i];
            int64_t k = world_key(world, walked, values[i]);
            assert_int_equal(before.numbers[table][k], numbered->number);
            assert_int_equal(world->now.numbers[table][k], numbered->number);
            if (!chance(4))
                continue;
            table_delete(walked, values[i]);
            world->now.numbers[table][k] = 0;
        }
        count += some;
        if (some == 0)
            break;
    }
    assert_int_equal(count, wanted);
}

/* What is beside the page at hand comes into it. */
static int64_t edit_merge(Shelf *world, TableEdit *edit, TableBeside *beside, int32_t from,
                          int32_t into)
{
    uint8_t *values[ROWS], *found[ROWS];
    int64_t count = 0;
    int32_t some;
    while ((some = edit_beside(edit, beside, values, ROWS)) > 0) {
        edit_find_or_insert(edit, beside->table, (const uint8_t *const *)values, some, found);
        for (int32_t i = 0; i < some; i++) {
            const Numbered *numbered = (const Numbered *)(const void *)values[i];
            int64_t k = world_key(world, beside->table, values[i]);
            assert_int_equal(world->now.numbers[from][k], numbered->number);
            Numbered *own = (Numbered *)(void *)found[i];
            assert_int_equal(world->now.numbers[into][k], own->number);
            world->now.numbers[into][k] += (uint32_t)numbered->number;
            numbered_set(world, own, world->now.numbers[into][k]);
        }
        count += some;
    }
    return count;
}

/* Of the page at hand: all values as they should be; some change, others go. */
static int64_t edit_change(Shelf *world, TableEdit *edit, int32_t table)
{
    int64_t count = 0;
    for (int32_t i = 0; i < edit_count(edit); i++) {
        uint8_t *value = edit_value(edit, i);
        if (value == NULL)
            continue;
        Numbered *numbered = (Numbered *)(void *)value;
        uint32_t *number =
            &world->now.numbers[table][world_key(world, world->tables[table], value)];
        assert_int_equal(*number, numbered->number);
        count++;
        if (chance(8)) {
            edit_delete(edit, value);
            *number = 0;
            assert_null(edit_value(edit, i));
        } else if (chance(8)) {
            edit_touch(edit, value);
            numbered_set(world, numbered, ++*number);
        }
    }
    return count;
}

/* All of a table page by page, and all of another beside it, in the midst of a checkpoint. */
static void world_edit(Shelf *world, int32_t table, int32_t other)
{
    TableEdit *edit = edit_new(world->tables[table]);
    TableBeside beside = {.table = world->tables[other], .cursor = 7};
    int64_t merged = 0, seen = 0, wanted = table_count(beside.table), count = 0;
    for (int32_t k = 0; k < KEYS; k++)
        count += world->now.numbers[table][k] != 0;
    bool is_there, merges = chance(2);
    assert_int_equal(edit_begin(edit, &beside, merges, NULL), OK);
    for (;;) {
        assert_int_equal(edit_next(edit, &beside, merges, &is_there, NULL), OK);
        if (!is_there)
            break;
        merged += merges ? edit_merge(world, edit, &beside, other, table) : 0;
        seen += edit_change(world, edit, table);
        edit_close(edit);
        if (world->saving != NULL && chance(3))
            (void)keyed_step(world->keyed, 1 + (int64_t)(next_random() % 200), world->saving);
        if (chance(4))
            assert_int_equal(keyed_make_room(world->keyed, NULL), OK);
    }
    edit_free(edit);
    assert_int_equal(merged, merges ? wanted : 0);
    assert_true(merges ? seen >= count : seen == count);
}

static void world_inherit(void *context, StateTable *table)
{
    ((Shelf *)context)->inherited++;
    table_free(table);
}

/* A table goes, or what is to be saved of it does first. */
static void world_lose(Shelf *world, int32_t table)
{
    if (spill != NULL || chance(2)) {
        world_drop(world, (KeyedId){1, table});
        return;
    }
    int64_t saved = keyed_saved_bytes(world->keyed);
    keyed_let_go(world->keyed, world->tables[table], (KeyedHeir){world, world_inherit});
    assert_int_equal(keyed_saved_bytes(world->keyed), saved);
    world->tables[table] = NULL;
    world->let_go++;
}

/* Nothing is to stay at hand for a while, or it is just about to be found that nothing should: then
 * the memory of what was there goes. */
static void world_pass_by(Shelf *world)
{
    const StateTable *table = world->tables[next_random() % TABLES];
    if (table == NULL)
        return;
    if (chance(2))
        cold_assume_looked(table->cold, INT32_MAX);
    else
        cold_assume_passing(table->cold, (int64_t)(next_random() % 20000));
}

static void world_turn(Shelf *world)
{
    if (passes_by && chance(2))
        world_pass_by(world);
    if (spill != NULL && chance(2))
        assert_int_equal(keyed_make_room(world->keyed, NULL), OK);
    int32_t table = (int32_t)(next_random() % TABLES);
    Model *now = &world->now;
    if (!now->is_there[table]) {
        now->is_there[table] = true;
        world_make(world, (KeyedId){1, table});
    } else if (chance(25)) {
        if (chance(2)) {
            world_lose(world, table);
            now->is_there[table] = false;
        } else if (spill == NULL && chance(2)) {
            world->tables[table] = keyed_renew(world->tables[table]);
        } else {
            table_clear(world->tables[table]);
        }
        memset(now->numbers[table], 0, sizeof now->numbers[table]);
    } else if (chance(8)) {
        bool is_left = keyed_save_next(world->tables[table]);
        assert_true(!is_left || keyed_is_saving(world->keyed));
        assert_int_equal(keyed_save_next(world->tables[table]), is_left);
    } else if (chance(8)) {
        world_walk(world, table);
    } else if (spill != NULL && chance(8)) {
        int32_t other = (table + 1 + (int32_t)(next_random() % (TABLES - 1))) % TABLES;
        if (now->is_there[other])
            world_edit(world, table, other);
    } else if (chance(3)) {
        world_change(world, table);
    } else {
        world_upsert(world, table);
    }
}

static void world_compare(Shelf *world, const Model *wanted)
{
    for (int32_t i = 0; i < TABLES; i++) {
        int64_t count = 0;
        for (int32_t k = 0; k < KEYS; k++) {
            uint8_t *value = NULL;
            if (world->tables[i] != NULL)
                world_find(world, i, &k, 1, false, &value);
            const Numbered *numbered = (const Numbered *)(void *)value;
            assert_int_equal(value == NULL ? 0 : numbered->number, wanted->numbers[i][k]);
            if (value != NULL)
                assert_int_equal(*numbered->owned, numbered->number);
            count += value != NULL;
        }
        assert_int_equal(world->tables[i] == NULL ? 0 : table_count(world->tables[i]), count);
    }
}

/* Which of the writers a key belongs to, by its hash. */
static bool is_of(const void *context, uint64_t hash)
{
    return (hash >> 40) % ORIGINS == *(const uint64_t *)context;
}

static void world_load(Shelf *world, const Type *type, const Buffer *chain, int32_t count)
{
    world_open(world, type);
    for (int32_t i = 0; i < count; i++) {
        assert_true(keyed_load(world->keyed, buffer_str(&chain[i]), NULL, NULL));
        assert_int_equal(keyed_make_room(world->keyed, NULL), OK);
    }
}

/* One checkpoint: the barrier, changes while it is saved, and what it gives, with those before. */
static void world_checkpoint(Shelf *world, const Type *type, Buffer *chain, int32_t *count)
{
    bool is_full = *count == 0 || *count == CHAIN_MAX || chance(6);
    if (is_full) {
        for (int32_t i = 0; i < *count; i++)
            buffer_free(&chain[i]);
        *count = 0;
    }
    Buffer *out = &chain[(*count)++];
    *out = (Buffer){0};
    Model wanted = world->now;
    keyed_begin(world->keyed, is_full);
    world->saving = out;
    while (!keyed_step(world->keyed, 1 + (int64_t)(next_random() % 800), out))
        for (int32_t i = (int32_t)(next_random() % 4); i > 0; i--)
            world_turn(world);
    world->saving = NULL;
    assert_false(keyed_is_saving(world->keyed));
    assert_int_equal(world->inherited, world->let_go);
    Shelf loaded;
    world_load(&loaded, type, chain, *count);
    world_compare(&loaded, &wanted);
    world_close(&loaded);
}

static void run_trial(const Type *type)
{
    Shelf world;
    Buffer chain[CHAIN_MAX];
    int32_t count = 0;
    world_open(&world, type);
    for (int32_t i = 0; i < 12; i++) {
        for (int32_t k = (int32_t)(next_random() % 40); k > 0; k--)
            world_turn(&world);
        world_checkpoint(&world, type, chain, &count);
    }
    world_compare(&world, &world.now);
    for (int32_t i = 0; i < count; i++)
        buffer_free(&chain[i]);
    world_close(&world);
}

static void checkpoints_hold_the_moment_of_the_barrier(void **state)
{
    (void)state;
    const Type types[] = {type_simple(TYPE_BIGINT), type_string()};
    for (int32_t i = 0; i < 2 * TRIALS; i++) {
        seed = seed * 2 + 1;
        has_words = i % 2 != 0;
        for (int32_t k = 0; k < 2; k++)
            run_trial(&types[k]);
    }
}

/* The same where nothing stays in memory, where little does, and where all could. */
static void checkpoints_hold_it_where_state_spills(void **state)
{
    (void)state;
    const Type types[] = {type_simple(TYPE_BIGINT), type_string()};
    const int64_t budgets[] = {0, 40000, 1 << 30};
    for (int32_t i = 0; i < 4 * TRIALS; i++) {
        seed = seed * 2 + 1;
        spill = spill_new(world_system(), NULL, budgets[i % 3]);
        paddings = chance(2) ? 5 : 1;
        has_words = chance(2);
        passes_by = i % 2 != 0;
        run_trial(&types[chance(2)]);
        spill_free(spill);
    }
    spill = NULL;
    has_words = passes_by = false;
}

/* Two writers had half of the keys each; what one of them drops is not the other's, be it at hand
 * or put away. */
static void expect_writers_to_come_together(void)
{
    const Type type = type_simple(TYPE_BIGINT);
    static const uint64_t origins[ORIGINS] = {0, 1};
    Shelf world, loaded, half;
    world_open(&world, &type);
    Buffer full = {0}, rest = {0};
    world.now.is_there[0] = true;
    world_make(&world, (KeyedId){1, 0});
    for (int32_t i = 0; i < 60; i++)
        world_upsert(&world, 0);
    const int32_t null = 0; /* it is never put away */
    uint8_t *value;
    world_find(&world, 0, &null, 1, false, &value);
    if (value != NULL)
        table_delete(world.tables[0], value);
    keyed_begin(world.keyed, true);
    assert_true(keyed_step(world.keyed, INT64_MAX, &full));
    KeyedChoice first = {&origins[0], is_of}, second = {&origins[1], is_of};
    /* A new shard that owns the second half only. */
    world_open(&half, &type);
    assert_true(keyed_load(half.keyed, buffer_str(&full), &second, NULL));
    int64_t mine = table_count(half.tables[0]);
    assert_true(mine > 0 && mine < table_count(world.tables[0]));
    world_close(&half);
    /* The first writer drops its table; the keys of the second stay. */
    table_clear(world.tables[0]);
    keyed_begin(world.keyed, false);
    assert_true(keyed_step(world.keyed, INT64_MAX, &rest));
    world_load(&loaded, &type, &full, 1);
    assert_int_equal(table_put_away(loaded.tables[0], NULL), OK);
    assert_true(keyed_load(loaded.keyed, buffer_str(&rest), NULL, &first));
    assert_int_equal(table_count(loaded.tables[0]), mine);
    assert_true(keyed_load(loaded.keyed, buffer_str(&rest), NULL, NULL));
    assert_null(loaded.tables[0]);
    world_close(&loaded);
    buffer_free(&full);
    buffer_free(&rest);
    world_close(&world);
}

static void records_of_several_writers_come_together(void **state)
{
    (void)state;
    expect_writers_to_come_together();
    spill = spill_new(world_system(), NULL, 0);
    expect_writers_to_come_together();
    spill_free(spill);
    spill = NULL;
}

/* Every cut is noticed, or is one between two records. */
static void expect_cuts_are_refused(void)
{
    const Type type = type_simple(TYPE_BIGINT);
    Shelf world;
    Buffer full = {0};
    world_open(&world, &type);
    world.now.is_there[1] = true;
    world_make(&world, (KeyedId){1, 1});
    world_upsert(&world, 1);
    keyed_begin(world.keyed, true);
    assert_true(keyed_step(world.keyed, INT64_MAX, &full));
    int32_t whole = 0;
    for (int64_t length = 0; length < full.length; length++) {
        Shelf loaded;
        world_open(&loaded, &type);
        whole += keyed_load(loaded.keyed, str_make(full.data, length), NULL, NULL);
        world_close(&loaded);
    }
    assert_int_equal(whole, table_count(world.tables[1]) + 1);
    full.data[0] = 77;
    assert_false(keyed_load(world.keyed, buffer_str(&full), NULL, NULL));
    buffer_free(&full);
    world_close(&world);
}

static void malformed_records_are_refused(void **state)
{
    (void)state;
    expect_cuts_are_refused();
    has_words = true;
    expect_cuts_are_refused();
    has_words = false;
}

/* They do so when they have been saved, some at a time, or when nobody saves them any more. */
static void tables_that_go_do_not_stop_others(void **state)
{
    (void)state;
    const Type type = type_simple(TYPE_BIGINT);
    Shelf world, loaded;
    Buffer full = {0};
    world_open(&world, &type);
    world.now.is_there[0] = true;
    world_make(&world, (KeyedId){1, 0});
    for (int32_t i = 0; i < 60; i++)
        world_upsert(&world, 0);
    Model wanted = world.now;
    keyed_begin(world.keyed, true);
    int64_t bytes = table_bytes(world.tables[0]);
    assert_int_equal(keyed_leaving_bytes(world.keyed), 0);
    keyed_let_go(world.keyed, world.tables[0], (KeyedHeir){&world, world_inherit});
    assert_int_equal(keyed_leaving_bytes(world.keyed), bytes);
    world.tables[0] = NULL;
    memset(world.now.numbers[0], 0, sizeof world.now.numbers[0]);
    /* Another under the same number does not get in its way. */
    world_make(&world, (KeyedId){1, 0});
    for (int32_t i = 0; i < 5; i++)
        world_upsert(&world, 0);
    assert_int_equal(keyed_saved_bytes(world.keyed), 0);
    assert_int_equal(world.inherited, 0);
    int32_t steps = 1;
    for (; !keyed_step(world.keyed, 100, &full); steps++)
        assert_true(full.length <= steps * (100 + 40));
    assert_true(steps > 10);
    assert_int_equal(world.inherited, 1);
    assert_int_equal(keyed_leaving_bytes(world.keyed), 0);
    world_load(&loaded, &type, &full, 1);
    world_compare(&loaded, &wanted);
    world_close(&loaded);
    world_upsert(&world, 0);
    keyed_begin(world.keyed, false);
    keyed_let_go(world.keyed, world.tables[0], (KeyedHeir){&world, world_inherit});
    world.tables[0] = NULL;
    assert_int_equal(world.inherited, 1);
    world_close(&world);
    assert_int_equal(world.inherited, 2);
    buffer_free(&full);
}

/* They take less than half of what they would with their hashes. */
static void words_are_saved_without_zeros(void **state)
{
    (void)state;
    const Type type = type_simple(TYPE_BIGINT);
    int64_t bytes[2];
    for (int32_t i = 0; i < 2; i++) {
        has_words = i == 0;
        seed = 7;
        Shelf world;
        Buffer full = {0};
        world_open(&world, &type);
        world_make(&world, (KeyedId){1, 0});
        for (int32_t k = 0; k < 100; k++)
            world_upsert(&world, 0);
        keyed_begin(world.keyed, true);
        assert_true(keyed_step(world.keyed, INT64_MAX, &full));
        bytes[i] = full.length / table_count(world.tables[0]);
        buffer_free(&full);
        world_close(&world);
    }
    has_words = false;
    assert_true(2 * bytes[0] < bytes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoints_hold_the_moment_of_the_barrier),
        cmocka_unit_test(checkpoints_hold_it_where_state_spills),
        cmocka_unit_test(records_of_several_writers_come_together),
        cmocka_unit_test(malformed_records_are_refused),
        cmocka_unit_test(tables_that_go_do_not_stop_others),
        cmocka_unit_test(words_are_saved_without_zeros),
    };
    return cmocka_run_group_tests_name("state-keyed", tests, NULL, NULL);
}
