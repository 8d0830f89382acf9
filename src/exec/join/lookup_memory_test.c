/* What was found for rows that may go: it comes back once, from checkpoints too, and its memory. */
#include "exec/testing.h"

#include "exec/join/lookup_memory.h"

enum { ROWS = 500, SHARDS = 3, SECOND_US = 1000000 };

static const Field fields[] = {{STR("id"), {.id = TYPE_BIGINT}}, {STR("v"), {.id = TYPE_BIGINT}}};
static const int32_t key_columns[] = {0};

typedef struct Trial {
    Bench bench;
    Schema schema;
    PlanNode input, node;
    PlanNode *inputs[1];
    Operator ops[SHARDS];
    TaskContext tasks[SHARDS];
    LookupMemory *memories[SHARDS];
    int32_t shard_count;
    LookupStore store;
    TableKey key;
    Batch *batch; /* rows (i, 10 i) */
} Trial;

static void trial_open_shards(Trial *trial, int32_t count, int64_t ttl_us)
{
    trial->shard_count = count;
    for (int32_t i = 0; i < count; i++) {
        trial->tasks[i] = trial->bench.task;
        trial->tasks[i].shard = i;
        trial->tasks[i].shard_count = count;
        trial->ops[i] = (Operator){.node = &trial->node, .task = &trial->tasks[i]};
        trial->memories[i] = lookup_memory_new(&trial->ops[i], ttl_us);
    }
}

static void trial_close_shards(Trial *trial)
{
    for (int32_t i = 0; i < trial->shard_count; i++)
        lookup_memory_free(trial->memories[i]);
}

static void trial_open(Trial *trial, int64_t ttl_us)
{
    *trial = (Trial){0};
    bench_open(&trial->bench);
    trial->schema = (Schema){.fields = fields, .count = 2};
    trial->input = (PlanNode){.schema = trial->schema};
    trial->inputs[0] = &trial->input;
    trial->node = (PlanNode){.kind = PLAN_LOOKUP_JOIN,
                             .inputs = trial->inputs,
                             .input_count = 1,
                             .distribution = DISTRIBUTION_HASH};
    trial->node.lookup_join.right = trial->schema;
    trial->node.lookup_join.memory_key = (ColumnList){.columns = key_columns, .count = 1};
    trial->batch = batch_new(&trial->schema, ROWS);
    for (int32_t i = 0; i < ROWS; i++) {
        put_i64(trial->batch, 0, i, i);
        put_i64(trial->batch, 1, i, 10 * (int64_t)i);
    }
    trial->batch->row_count = ROWS;
    batch_select_all(trial->batch);
    LookupCache none = {.kind = LOOKUP_CACHE_NONE};
    Type type = type_simple(TYPE_BIGINT);
    trial->key = table_key(trial->bench.task.query, &type, 1);
    lookup_store_open(&trial->store, &trial->key, &trial->schema, &none);
    trial_open_shards(trial, 1, ttl_us);
}

static void trial_close(Trial *trial)
{
    trial_close_shards(trial);
    lookup_store_close(&trial->store);
    batch_free(trial->batch);
    bench_close(&trial->bench);
}

/* Row `left` comes, and rows first … first + count - 1 are found for it. */
static void trial_put(Trial *trial, int32_t left, int32_t first, int32_t count, int64_t now_us)
{
    LookupMemory *memory = trial->memories[0];
    LookupEntry *entry = lookup_store_new(&trial->store);
    for (int32_t i = first; i < first + count; i++) {
        StoredRow *row;
        row_pool_add(&trial->store.rows, trial->batch, (Selection){.rows = &i, .count = 1}, &row);
        lookup_entry_add(entry, row);
    }
    TableKeys keys = lookup_memory_keys(memory, trial->batch, trial->batch->selection,
                                        trial->bench.task.scratch);
    lookup_memory_put(memory, &keys, left, (LeftRow){trial->batch, left}, entry, now_us);
    lookup_store_release(&trial->store, entry);
    arena_reset(trial->bench.task.scratch);
}

/* How many rows come back for the row, of all shards; -1: it is not known. */
static int32_t trial_take(Trial *trial, int32_t left, int64_t now_us)
{
    int32_t count = -1;
    for (int32_t i = 0; i < trial->shard_count; i++) {
        FoundRow *found;
        LookupMemory *memory = trial->memories[i];
        TableKeys keys = lookup_memory_keys(memory, trial->batch, trial->batch->selection,
                                            trial->bench.task.scratch);
        if (!lookup_memory_take(memory, &keys, left, (LeftRow){trial->batch, left}, now_us, &found))
            continue;
        assert_int_equal(count, -1); /* one shard has it */
        for (count = 0; found != NULL; count++) {
            FoundRow *next = found->next;
            lookup_memory_give_back(memory, found);
            found = next;
        }
    }
    arena_reset(trial->bench.task.scratch);
    return count;
}

static void what_was_found_comes_back_once(void **state)
{
    (void)state;
    Trial trial;
    trial_open(&trial, 0);
    trial_put(&trial, 1, 7, 3, 0);
    trial_put(&trial, 1, 20, 2, 0);
    trial_put(&trial, 2, 0, 0, 0);
    assert_int_equal(trial_take(&trial, 1, 0), 2);
    assert_int_equal(trial_take(&trial, 1, 0), 3);
    assert_int_equal(trial_take(&trial, 1, 0), -1);
    assert_int_equal(trial_take(&trial, 2, 0), 0);
    assert_int_equal(trial_take(&trial, 3, 0), -1);
    trial_close(&trial);
}

static void a_row_that_takes_over_a_key_leaves_the_other(void **state)
{
    (void)state;
    Trial trial;
    trial_open(&trial, 0);
    put_i64(trial.batch, 0, 2, 1); /* row 2 gets the key of row 1, not its values */
    trial_put(&trial, 1, 7, 3, 0);
    trial_put(&trial, 2, 7, 1, 0);
    assert_int_equal(trial_take(&trial, 1, 0), 3);
    assert_int_equal(trial_take(&trial, 2, 0), 1);
    trial_close(&trial);
}

static void what_has_expired_is_forgotten(void **state)
{
    (void)state;
    Trial trial;
    trial_open(&trial, 10 * SECOND_US);
    for (int32_t i = 0; i < ROWS; i++)
        trial_put(&trial, i, i, 1, i < 2 ? 5 * SECOND_US : 0);
    assert_int_equal(trial_take(&trial, 0, 14 * SECOND_US), 1);
    assert_int_equal(trial_take(&trial, 1, 15 * SECOND_US), -1);
    for (int32_t i = 0; i < ROWS; i++)
        lookup_memory_sweep(trial.memories[0], 15 * SECOND_US);
    Buffer saved = {0};
    lookup_memory_save(trial.memories[0], &saved);
    assert_int_equal(saved.length, 8); /* no keys */
    buffer_free(&saved);
    trial_close(&trial);
}

static void checkpoints_have_it_for_any_number_of_shards(void **state)
{
    (void)state;
    Trial trial;
    Buffer saved = {0};
    trial_open(&trial, 0);
    for (int32_t i = 0; i < ROWS; i++)
        trial_put(&trial, i, i / 2, i % 3, 0);
    trial_put(&trial, 5, 0, 4, 0);
    lookup_memory_save(trial.memories[0], &saved);
    trial_close_shards(&trial);
    trial_open_shards(&trial, SHARDS, 0);
    for (int32_t i = 0; i < SHARDS; i++)
        assert_true(lookup_memory_load(trial.memories[i], buffer_str(&saved)));
    assert_int_equal(trial_take(&trial, 5, 0), 4);
    for (int32_t i = 0; i < ROWS; i++)
        assert_int_equal(trial_take(&trial, i, 0), i % 3);
    buffer_free(&saved);
    trial_close(&trial);
}

static void a_damaged_checkpoint_is_refused(void **state)
{
    (void)state;
    Trial trial;
    Buffer saved = {0};
    trial_open(&trial, 0);
    for (int32_t i = 0; i < 3; i++)
        trial_put(&trial, i, i, 2, 0);
    lookup_memory_save(trial.memories[0], &saved);
    for (int64_t length = 0; length < saved.length; length++) {
        trial_close_shards(&trial);
        trial_open_shards(&trial, 1, 0);
        assert_false(lookup_memory_load(trial.memories[0], str_make(saved.data, length)));
    }
    buffer_free(&saved);
    trial_close(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_found_comes_back_once),
        cmocka_unit_test(a_row_that_takes_over_a_key_leaves_the_other),
        cmocka_unit_test(what_has_expired_is_forgotten),
        cmocka_unit_test(checkpoints_have_it_for_any_number_of_shards),
        cmocka_unit_test(a_damaged_checkpoint_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
