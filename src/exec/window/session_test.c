/* SESSION windows against a model that sorts all rows of a key and cuts them at the gaps, with rows
 * out of order, watermarks that jump, snapshots and other numbers of shards. */
#include "exec/testing.h"

#include <stdlib.h>

#include "base/hash.h"
#include "data/rowcode.h"

enum { KEYS = 3, ROWS_MAX = 2000, CAPACITY = 64, SHARDS = 2 };

static const int64_t GAP_US = 5 * MICROS_PER_SECOND;

typedef struct Row {
    int32_t key;
    int64_t value;
    Timestamp time;
    bool is_done;
} Row;

typedef struct Trial {
    uint64_t seed;
    Bench bench[SHARDS];
    BenchChain *chain;
    PlanNode source, node;
    PlanNode *inputs[1];
    Field fields[3], outputs[6];
    PlanAggregate aggregates[2];
    PlanTable table;
    bool keeps_rows;
    int32_t shard_count;
    Operator *ops[SHARDS];
    Capture *captures[SHARDS];
    Row rows[ROWS_MAX];
    int32_t row_count;
    Timestamp watermark;
} Trial;

static int32_t trial_below(Trial *trial, int32_t bound)
{
    trial->seed = hash_u64(trial->seed + 0x9e3779b97f4a7c15ULL);
    return (int32_t)((trial->seed >> 11) % (uint64_t)bound);
}

/* So much time, or now and then some weeks. */
static Timestamp trial_distance(Trial *trial, int32_t seconds)
{
    int32_t doublings = trial_below(trial, 8) == 0 ? trial_below(trial, 16) : 0;
    return (int64_t)seconds * MICROS_PER_SECOND << doublings;
}

static const int32_t key_columns[] = {0};
static const ColumnList key_list = {key_columns, 1};
static const WindowColumn window_columns[] = {WINDOW_START, WINDOW_END};

static void trial_open_shards(Trial *trial, int32_t count)
{
    trial->shard_count = count;
    for (int32_t i = 0; i < count; i++) {
        Bench *bench = &trial->bench[i];
        bench->task.shard = i;
        bench->task.shard_count = count;
        trial->ops[i] = operator_new(&bench->task, &trial->node);
        assert_int_equal(trial->ops[i]->kind->open(trial->ops[i]), OK);
        trial->captures[i] = capture_new(bench);
        operator_connect(trial->ops[i], &trial->captures[i]->base, 0);
    }
    chain_follow(trial->chain, trial->bench, trial->ops, count);
}

static void trial_plan_aggregate(Trial *trial)
{
    Arena *arena = trial->bench[0].task.query;
    Type bigint = type_simple(TYPE_BIGINT);
    trial->outputs[0] = trial->fields[0];
    for (int32_t i = 0; i < 2; i++) {
        AggregateCall *call = NULL;
        assert_int_equal(aggregate_bind(i == 0 ? STR("COUNT") : STR("SUM"), arena, &bigint, i,
                                        false, false, &call, NULL),
                         OK);
        trial->aggregates[i] = (PlanAggregate){.call = call, .args = {i == 0 ? -1 : 2, -1, -1}};
        trial->aggregates[i].filter = -1;
        trial->outputs[1 + i] = (Field){STR("a"), bigint};
        trial->outputs[3 + i] = (Field){STR("w"), type_timestamp(3)};
    }
    trial->node.kind = PLAN_WINDOW_AGGREGATE;
    trial->node.schema = (Schema){.fields = trial->outputs, .count = 5};
    trial->node.window_aggregate.window =
        (WindowSpec){.kind = WINDOW_SESSION, .time_column = 1, .size_ms = GAP_US / 1000};
    trial->node.window_aggregate.keys = key_columns;
    trial->node.window_aggregate.key_count = 1;
    trial->node.window_aggregate.aggregates = trial->aggregates;
    trial->node.window_aggregate.aggregate_count = 2;
    trial->node.window_aggregate.window_columns = window_columns;
    trial->node.window_aggregate.window_column_count = 2;
}

static void trial_plan_assign(Trial *trial)
{
    for (int32_t i = 0; i < 6; i++)
        trial->outputs[i] = i < 3 ? trial->fields[i] : (Field){STR("w"), type_timestamp(3)};
    trial->node.kind = PLAN_WINDOW_ASSIGN;
    trial->node.schema = (Schema){.fields = trial->outputs, .count = 6};
    trial->node.window_assign.window =
        (WindowSpec){.kind = WINDOW_SESSION, .time_column = 1, .size_ms = GAP_US / 1000};
    trial->node.window_assign.keys = key_columns;
    trial->node.window_assign.key_count = 1;
}

static Trial *trial_new(uint64_t seed, bool keeps_rows)
{
    Trial *trial = memory_allocate_zeroed((int64_t)sizeof *trial);
    trial->seed = seed;
    trial->watermark = TIMESTAMP_MIN;
    trial->keeps_rows = keeps_rows;
    for (int32_t i = 0; i < SHARDS; i++)
        bench_open(&trial->bench[i]);
    bench_spill(trial->bench, SHARDS, seed / 2);
    trial->table = (PlanTable){.name = STR("t")};
    trial->fields[0] = (Field){STR("k"), type_simple(TYPE_BIGINT)};
    trial->fields[1] = (Field){STR("ts"), type_timestamp(3)};
    trial->fields[2] = (Field){STR("v"), type_simple(TYPE_BIGINT)};
    trial->source = (PlanNode){.kind = PLAN_SOURCE,
                               .schema = {.fields = trial->fields, .count = 3},
                               .source = {.table = &trial->table}};
    trial->inputs[0] = &trial->source;
    trial->node = (PlanNode){.label = "session",
                             .inputs = trial->inputs,
                             .input_count = 1,
                             .changelog = CHANGELOG_APPEND,
                             .distribution = DISTRIBUTION_HASH,
                             .distribution_keys = &key_list};
    if (keeps_rows)
        trial_plan_assign(trial);
    else
        trial_plan_aggregate(trial);
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
    for (int32_t i = 0; i < SHARDS; i++)
        bench_close(&trial->bench[i]);
    chain_free(trial->chain);
    memory_free(trial);
}

/* ---- The model --------------------------------------------------------------------------- */

static int row_compare(const void *a, const void *b)
{
    const Row *x = *(Row *const *)a, *y = *(Row *const *)b;
    return (x->time > y->time) - (x->time < y->time);
}

static void session_time_print(Buffer *out, Timestamp time)
{
    Value value = {.type = type_timestamp(3), .integer = time};
    buffer_append_char(out, ',');
    value_print(out, &value, VALUE_PRINT, timezone_utc());
}

/* One session, as the operator shows it. */
static void session_print(const Trial *trial, Row *const *rows, int32_t count, Buffer *out)
{
    Timestamp start = rows[0]->time, end = rows[count - 1]->time + GAP_US;
    int64_t sum = 0;
    for (int32_t i = 0; i < count; i++) {
        rows[i]->is_done = true;
        sum += rows[i]->value;
        if (!trial->keeps_rows)
            continue;
        buffer_printf(out, "+I %d", rows[i]->key);
        session_time_print(out, rows[i]->time);
        buffer_printf(out, ",%ld", (long)rows[i]->value);
        session_time_print(out, start);
        session_time_print(out, end);
        session_time_print(out, end - MICROS_PER_MILLI);
        buffer_append_char(out, '\n');
    }
    if (trial->keeps_rows)
        return;
    buffer_printf(out, "+I %d,%d,%ld", rows[0]->key, count, (long)sum);
    session_time_print(out, start);
    session_time_print(out, end);
    buffer_append_char(out, '\n');
}

static void model_advance(Trial *trial, Timestamp watermark, Buffer *out)
{
    static Row *rows[ROWS_MAX];
    for (int32_t key = 0; key < KEYS; key++) {
        int32_t count = 0;
        for (int32_t i = 0; i < trial->row_count; i++)
            if (trial->rows[i].key == key && !trial->rows[i].is_done)
                rows[count++] = &trial->rows[i];
        qsort(rows, (size_t)count, sizeof(Row *), row_compare);
        for (int32_t i = 0; i < count;) {
            int32_t end = i + 1;
            while (end < count && rows[end]->time - rows[end - 1]->time <= GAP_US)
                end++;
            if (rows[end - 1]->time + GAP_US - MICROS_PER_MILLI <= watermark)
                session_print(trial, rows + i, end - i, out);
            i = end;
        }
    }
    trial->watermark = watermark;
}

/* ---- Rows in and out --------------------------------------------------------------------- */

static void trial_feed(Trial *trial)
{
    Schema schema = {.fields = trial->fields, .count = 3};
    Batch *batch = batch_new(&schema, CAPACITY);
    Timestamp base = trial->watermark == TIMESTAMP_MIN ? 0 : trial->watermark;
    int32_t count = 1 + trial_below(trial, 8);
    for (int32_t i = 0; i < count; i++) {
        Row row = {.key = trial_below(trial, KEYS), .value = trial_below(trial, 1000)};
        row.time = base - base % MICROS_PER_MILLI + MICROS_PER_MILLI +
                   trial_distance(trial, trial_below(trial, 40));
        put_i64(batch, 0, i, row.key);
        put_i64(batch, 1, i, row.time);
        put_i64(batch, 2, i, row.value);
        trial->rows[trial->row_count++] = row;
    }
    batch->row_count = count;
    batch_select_all(batch);
    uint64_t hashes[CAPACITY];
    rowcode_hash(batch, key_columns, 1, batch->selection, hashes);
    for (int32_t shard = 0; shard < trial->shard_count; shard++) {
        int32_t chosen[CAPACITY], chosen_count = 0;
        for (int32_t i = 0; i < count; i++)
            if (exchange_shard_of(hashes[i], trial->shard_count) == shard)
                chosen[chosen_count++] = i;
        Batch view = *batch;
        view.selection = (Selection){.rows = chosen, .count = chosen_count};
        bench_push(&trial->bench[shard], trial->ops[shard], 0, &view);
    }
    batch_free(batch);
}

static void trial_advance(Trial *trial, Timestamp watermark)
{
    Buffer expected = {0};
    model_advance(trial, watermark, &expected);
    int64_t wanted = 0, got = 0;
    for (int32_t i = 0; i < trial->shard_count; i++) {
        bench_watermark(&trial->bench[i], trial->ops[i], 0, watermark);
        got += trial->captures[i]->rows;
    }
    Str rest = buffer_str(&expected);
    while (rest.length > 0) {
        Str line = str_split(rest, '\n', &rest);
        bool is_there = false;
        for (int32_t i = 0; i < trial->shard_count; i++) {
            Str text = str_from(capture_text(trial->captures[i]));
            while (text.length > 0 && !is_there)
                is_there = str_equal(str_split(text, '\n', &text), line);
        }
        if (!is_there)
            fail_msg("`%.*s` is missing", STR_ARGS(line));
        wanted++;
    }
    assert_int_equal(got, wanted);
    for (int32_t i = 0; i < trial->shard_count; i++) {
        capture_clear(trial->captures[i]);
        trial->captures[i]->rows = 0;
    }
    buffer_free(&expected);
}

static void trial_recover(Trial *trial, int32_t shard_count)
{
    chain_end(trial->chain);
    trial_close_shards(trial);
    trial_open_shards(trial, shard_count);
    chain_resume(trial->chain);
}

static void trial_run(uint64_t seed, bool keeps_rows)
{
    Trial *trial = trial_new(seed, keeps_rows);
    trial->chain = chain_new(seed);
    trial_open_shards(trial, 1 + (int32_t)(seed % 2));
    for (int32_t step = 0; step < 50; step++) {
        trial_feed(trial);
        Timestamp base = trial->watermark == TIMESTAMP_MIN ? 0 : trial->watermark;
        if (trial_below(trial, 2) == 0)
            trial_advance(trial, base + trial_distance(trial, 1 + trial_below(trial, 20)));
        if (trial_below(trial, 7) == 0)
            trial_recover(trial, 1 + trial_below(trial, SHARDS));
    }
    trial_advance(trial, TIMESTAMP_MAX);
    trial_free(trial);
}

static void test_sessions_aggregated(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++)
        trial_run(seed, false);
}

static void test_rows_of_sessions(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++)
        trial_run(seed, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions_aggregated),
        cmocka_unit_test(test_rows_of_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
