/* First and last rows against a model that remembers one row per key; across snapshots, other
 * numbers of shards, and with and without old rows in the changelog. */
#include "exec/testing.h"

#include "base/hash.h"
#include "data/rowcode.h"

enum { KEYS = 7, CAPACITY = 64, SHARDS = 2 };

typedef struct Row {
    int32_t key;
    int64_t time;
    int32_t id;
} Row;

typedef struct Trial {
    uint64_t seed;
    BenchWorld world;
    Bench bench[SHARDS];
    BenchChain *chain;
    PlanNode source, node;
    PlanNode *inputs[1];
    Field fields[3];
    PlanTable table;
    int32_t shard_count;
    Operator *ops[SHARDS];
    Capture *captures[SHARDS];
    Row kept[KEYS];
    bool is_there[KEYS];
    Buffer expected[SHARDS];
} Trial;

static int32_t trial_below(Trial *trial, int32_t bound)
{
    trial->seed = hash_u64(trial->seed + 0x9e3779b97f4a7c15ULL);
    return (int32_t)((trial->seed >> 11) % (uint64_t)bound);
}

static const int32_t key_columns[] = {0};
static const ColumnList key_list = {key_columns, 1};

static void trial_open_shards(Trial *trial, int32_t count)
{
    trial->shard_count = count;
    for (int32_t i = 0; i < count; i++) {
        Bench *bench = &trial->bench[i];
        bench->task.world = &trial->world.base;
        bench->task.shard = i;
        bench->task.shard_count = count;
        trial->ops[i] = operator_new(&bench->task, &trial->node);
        assert_int_equal(trial->ops[i]->kind->open(trial->ops[i]), OK);
        trial->captures[i] = capture_new(bench);
        operator_connect(trial->ops[i], &trial->captures[i]->base, 0);
    }
    chain_follow(trial->chain, trial->bench, trial->ops, count);
}

static Trial *trial_new(uint64_t seed, bool has_time, bool keeps_last, bool has_before)
{
    Trial *trial = memory_allocate_zeroed((int64_t)sizeof *trial);
    trial->seed = seed;
    bench_world_open(&trial->world);
    for (int32_t i = 0; i < SHARDS; i++)
        bench_open(&trial->bench[i]);
    trial->table = (PlanTable){.name = STR("t")};
    trial->fields[0] = (Field){STR("k"), type_string()};
    trial->fields[1] = (Field){STR("ts"), type_timestamp(3)};
    trial->fields[2] = (Field){STR("id"), type_simple(TYPE_BIGINT)};
    trial->source = (PlanNode){.kind = PLAN_SOURCE,
                               .schema = {.fields = trial->fields, .count = 3},
                               .source = {.table = &trial->table}};
    trial->inputs[0] = &trial->source;
    trial->node = (PlanNode){.kind = PLAN_DEDUPLICATE,
                             .label = "row",
                             .schema = {.fields = trial->fields, .count = 3},
                             .inputs = trial->inputs,
                             .input_count = 1,
                             .distribution = DISTRIBUTION_HASH,
                             .distribution_keys = &key_list};
    trial->node.changelog =
        has_time || keeps_last ? CHANGELOG_INSERT | CHANGELOG_UPDATE_AFTER : CHANGELOG_APPEND;
    if (has_before && trial->node.changelog != CHANGELOG_APPEND)
        trial->node.changelog |= CHANGELOG_UPDATE_BEFORE;
    trial->node.deduplicate.keys = key_columns;
    trial->node.deduplicate.key_count = 1;
    trial->node.deduplicate.time_column = has_time ? 1 : -1;
    trial->node.deduplicate.keeps_last = keeps_last;
    trial->node.deduplicate.has_inserts = true;
    return trial;
}

static void trial_close_shards(Trial *trial)
{
    for (int32_t i = 0; i < trial->shard_count; i++) {
        operator_close(trial->ops[i]);
        capture_close(&trial->captures[i]->base);
    }
}

static void trial_free(Trial *trial)
{
    trial_close_shards(trial);
    for (int32_t i = 0; i < SHARDS; i++) {
        bench_close(&trial->bench[i]);
        buffer_free(&trial->expected[i]);
    }
    chain_free(trial->chain);
    memory_free(trial);
}

static const char *const key_names[KEYS] = {"a", "b", "c", "d", "e", "a key of many bytes", "g"};

static void row_print(Buffer *out, const char *kind, const Row *row)
{
    buffer_printf(out, "%s %s,1970-01-01T00:00:%02ld,%d\n", kind, key_names[row->key],
                  (long)(row->time / MICROS_PER_SECOND), row->id);
}

/* What the row does to the model, in words of the changelog. */
static void model_take(Trial *trial, const Row *row, Buffer *out)
{
    const PlanNode *node = &trial->node;
    Row *kept = &trial->kept[row->key];
    bool is_first = !trial->is_there[row->key], wins = is_first;
    if (node->deduplicate.time_column < 0)
        wins |= node->deduplicate.keeps_last;
    else
        wins |= node->deduplicate.keeps_last ? row->time >= kept->time : row->time < kept->time;
    if (!wins)
        return;
    if (!is_first && (node->changelog & CHANGELOG_UPDATE_BEFORE) != 0)
        row_print(out, "-U", kept);
    row_print(out, is_first ? "+I" : "+U", row);
    *kept = *row;
    trial->is_there[row->key] = true;
}

static void batch_put(Batch *batch, const Row *row)
{
    int32_t at = batch->row_count++;
    ((StrView *)batch->columns[0].values)[at] = str_view_borrow(str_from(key_names[row->key]));
    put_i64(batch, 1, at, row->time);
    put_i64(batch, 2, at, row->id);
}

static void trial_step(Trial *trial, int32_t *next_id)
{
    Schema schema = {.fields = trial->fields, .count = 3};
    Batch *batch = batch_new(&schema, CAPACITY);
    Row rows[CAPACITY];
    int32_t count = 1 + trial_below(trial, CAPACITY);
    for (int32_t i = 0; i < count; i++) {
        rows[i] = (Row){.key = trial_below(trial, KEYS),
                        .time = (1 + trial_below(trial, 50)) * MICROS_PER_SECOND,
                        .id = (*next_id)++};
        batch_put(batch, &rows[i]);
    }
    batch_select_all(batch);
    uint64_t hashes[CAPACITY];
    rowcode_hash(batch, key_columns, 1, batch->selection, hashes);
    for (int32_t shard = 0; shard < trial->shard_count; shard++) {
        int32_t chosen[CAPACITY], chosen_count = 0;
        for (int32_t i = 0; i < count; i++)
            if (exchange_shard_of(hashes[i], trial->shard_count) == shard) {
                chosen[chosen_count++] = i;
                model_take(trial, &rows[i], &trial->expected[shard]);
            }
        Batch view = *batch;
        view.selection = (Selection){.rows = chosen, .count = chosen_count};
        bench_push(&trial->bench[shard], trial->ops[shard], 0, &view);
        assert_string_equal(capture_text(trial->captures[shard]),
                            buffer_terminated(&trial->expected[shard]));
    }
    batch_free(batch);
}

static void trial_recover(Trial *trial, int32_t shard_count)
{
    chain_end(trial->chain);
    trial_close_shards(trial);
    trial_open_shards(trial, shard_count);
    chain_resume(trial->chain);
    for (int32_t i = 0; i < shard_count; i++)
        trial->expected[i].length = 0;
}

static void test_every_kind(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 64; seed++) {
        int32_t next_id = 1;
        Trial *trial = trial_new(seed, (seed & 1) != 0, (seed & 2) != 0, (seed & 4) != 0);
        trial->chain = chain_new(seed);
        bench_spill(trial->bench, SHARDS, seed / 8);
        trial_open_shards(trial, 1 + (int32_t)(seed % 2));
        for (int32_t step = 0; step < 30; step++) {
            trial_step(trial, &next_id);
            if (trial_below(trial, 6) == 0)
                trial_recover(trial, 1 + trial_below(trial, SHARDS));
        }
        trial_free(trial);
    }
}

static const char *trial_take(Trial *trial, Row row)
{
    Schema schema = {.fields = trial->fields, .count = 3};
    Batch *batch = batch_new(&schema, CAPACITY);
    batch_put(batch, &row);
    batch_select_all(batch);
    capture_clear(trial->captures[0]);
    bench_push(&trial->bench[0], trial->ops[0], 0, batch);
    batch_free(batch);
    return capture_text(trial->captures[0]);
}

/* A key that was not written for the time to live begins anew. A first row is written once. */
static void test_state_expires(void **state)
{
    (void)state;
    Trial *trial = trial_new(1, false, false, false);
    trial->node.deduplicate.state_ttl_us = 100;
    trial_open_shards(trial, 1);
    assert_string_equal(trial_take(trial, (Row){0, 0, 1}), "+I a,1970-01-01T00:00,1\n");
    trial->world.now_us += 60;
    assert_string_equal(trial_take(trial, (Row){0, 0, 2}), "");
    trial->world.now_us += 60;
    assert_string_equal(trial_take(trial, (Row){0, 0, 3}), "+I a,1970-01-01T00:00,3\n");
    trial->world.now_us += 200;
    assert_int_equal(trial->ops[0]->kind->tick(trial->ops[0], trial->world.now_us), OK);
    assert_string_equal(trial_take(trial, (Row){0, 0, 4}), "+I a,1970-01-01T00:00,4\n");
    trial_free(trial);
}

/* With a time to live, the same row again keeps the state of those downstream alive. */
static void test_same_row_refreshes(void **state)
{
    (void)state;
    for (int32_t ttl_us = 0; ttl_us <= 100; ttl_us += 100) {
        Trial *trial = trial_new(1, false, true, true);
        trial->node.deduplicate.state_ttl_us = ttl_us;
        trial_open_shards(trial, 1);
        trial_take(trial, (Row){0, 0, 1});
        assert_string_equal(trial_take(trial, (Row){0, 0, 1}),
                            ttl_us == 0 ? ""
                                        : "-U a,1970-01-01T00:00,1\n+U a,1970-01-01T00:00,1\n");
        trial_free(trial);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_state_expires),
        cmocka_unit_test(test_same_row_refreshes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
