/* Calls with OVER against a model that keeps all rows and goes over each frame anew: rows in and
 * out of order, late ones, watermarks that jump, snapshots, other numbers of shards. */
#include "exec/testing.h"

#include <stdlib.h>

#include "base/hash.h"
#include "data/rowcode.h"

enum { KEYS = 4, ROWS_MAX = 3000, CAPACITY = 64, SHARDS = 2, CALLS = 5, NULL_VALUE = 20 };

typedef struct Row {
    int32_t key, value; /* NULL_VALUE is NULL */
    Timestamp time;
    bool is_done, is_gone;
} Row;

typedef struct Trial {
    uint64_t seed;
    Bench bench[SHARDS];
    BenchChain *chain;
    PlanNode source, node;
    PlanNode *inputs[1];
    Field fields[3 + CALLS];
    PlanOverCall calls[CALLS];
    SortColumn order;
    PlanTable table;
    int32_t shard_count;
    Operator *ops[SHARDS];
    Capture *captures[SHARDS];
    Row rows[ROWS_MAX]; /* in order of arrival */
    int32_t row_count;
    Timestamp watermark, triggered[KEYS];
    Buffer expected;
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
        bench->task.shard = i;
        bench->task.shard_count = count;
        trial->ops[i] = operator_new(&bench->task, &trial->node);
        assert_int_equal(trial->ops[i]->kind->open(trial->ops[i]), OK);
        trial->captures[i] = capture_new(bench);
        operator_connect(trial->ops[i], &trial->captures[i]->base, 0);
    }
    chain_follow(trial->chain, trial->bench, trial->ops, count);
}

static void trial_plan(Trial *trial, bool is_rows, int64_t preceding)
{
    static const char *const names[CALLS] = {"COUNT", "SUM", "MIN", "MAX", NULL};
    Arena *arena = trial->bench[0].task.query;
    Type bigint = type_simple(TYPE_BIGINT);
    trial->table = (PlanTable){.name = STR("t")};
    trial->fields[0] = (Field){STR("k"), bigint};
    trial->fields[1] = (Field){STR("ts"), type_timestamp(3)};
    trial->fields[1].type.time_attribute = TIME_ROWTIME;
    trial->fields[2] = (Field){STR("v"), bigint};
    trial->source = (PlanNode){.kind = PLAN_SOURCE,
                               .schema = {.fields = trial->fields, .count = 3},
                               .source = {.table = &trial->table}};
    trial->inputs[0] = &trial->source;
    trial->order = (SortColumn){.column = 1};
    for (int32_t i = 0; i < CALLS; i++) {
        PlanOverCall *call = &trial->calls[i];
        *call = (PlanOverCall){.function = is_rows ? OVER_ROW_NUMBER : OVER_RANK, .result = bigint};
        trial->fields[3 + i] = (Field){STR("r"), bigint};
        if (names[i] == NULL)
            continue;
        AggregateCall *bound = NULL;
        assert_int_equal(aggregate_bind(str_from(names[i]), arena, &bigint, i > 0, false,
                                        preceding >= 0, &bound, NULL),
                         OK);
        call->function = OVER_AGGREGATE;
        call->aggregate = (PlanAggregate){.call = bound, .args = {i > 0 ? 2 : -1, -1, -1}};
        call->aggregate.filter = -1;
    }
    trial->node = (PlanNode){.kind = PLAN_OVER,
                             .label = "over",
                             .schema = {.fields = trial->fields, .count = 3 + CALLS},
                             .inputs = trial->inputs,
                             .input_count = 1,
                             .changelog = CHANGELOG_APPEND,
                             .distribution = DISTRIBUTION_HASH,
                             .distribution_keys = &key_list};
    trial->node.over.keys = key_columns;
    trial->node.over.key_count = 1;
    trial->node.over.order = &trial->order;
    trial->node.over.order_count = 1;
    trial->node.over.calls = trial->calls;
    trial->node.over.call_count = CALLS;
    trial->node.over.frame =
        (OverFrame){.is_rows = is_rows,
                    .from = preceding < 0 ? FRAME_UNBOUNDED_PRECEDING : FRAME_PRECEDING,
                    .to = FRAME_CURRENT_ROW,
                    .from_offset = preceding};
}

static Trial *trial_new(uint64_t seed, bool is_rows, int64_t preceding)
{
    Trial *trial = memory_allocate_zeroed((int64_t)sizeof *trial);
    trial->seed = seed;
    trial->watermark = TIMESTAMP_MIN;
    for (int32_t k = 0; k < KEYS; k++)
        trial->triggered[k] = TIMESTAMP_MIN;
    for (int32_t i = 0; i < SHARDS; i++) {
        bench_open(&trial->bench[i]);
        trial->bench[i].task.dead_letters = NULL;
    }
    bench_spill(trial->bench, SHARDS, seed);
    trial_plan(trial, is_rows, preceding);
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
    buffer_free(&trial->expected);
    chain_free(trial->chain);
    memory_free(trial);
}

/* ---- The model --------------------------------------------------------------------------- */

/* Whether `other`, of the same key, is in the frame of `row`. */
static bool frame_has(const Trial *trial, const Row *row, const Row *other)
{
    const OverFrame *frame = &trial->node.over.frame;
    if (other->key != row->key || other->is_gone || (!other->is_done && other != row))
        return false;
    if (!frame->is_rows) {
        Timestamp least = row->time - frame->from_offset * MICROS_PER_MILLI;
        return frame->from == FRAME_UNBOUNDED_PRECEDING ? other->time <= row->time
                                                        : other->time >= least;
    }
    return true;
}

typedef struct Sums {
    int64_t count, values, sum, min, max, before;
} Sums;

static void sums_add(Sums *sums, const Row *row, const Row *of)
{
    sums->count++;
    sums->before += row->time < of->time;
    if (row->value == NULL_VALUE)
        return;
    sums->sum += row->value;
    sums->min = sums->values == 0 || row->value < sums->min ? row->value : sums->min;
    sums->max = sums->values == 0 || row->value > sums->max ? row->value : sums->max;
    sums->values++;
}

/* `done` are the rows worked out so far, in that order; the row is the last of them. */
static void model_emit(Trial *trial, const Row *row, Row *const *done, int32_t done_count)
{
    const OverFrame *frame = &trial->node.over.frame;
    Sums sums = {0};
    int64_t number = 0, left = frame->from == FRAME_PRECEDING ? frame->from_offset + 1 : INT64_MAX;
    for (int32_t i = done_count - 1; i >= 0; i--) {
        if (!frame_has(trial, row, done[i]))
            continue;
        number++;
        if (!frame->is_rows || left-- > 0)
            sums_add(&sums, done[i], row);
    }
    Buffer *out = &trial->expected;
    Value time = {.type = trial->fields[1].type, .integer = row->time};
    buffer_printf(out, "+I %d,", row->key);
    value_print(out, &time, VALUE_PRINT, timezone_utc());
    buffer_printf(out, row->value == NULL_VALUE ? ",null" : ",%d", row->value);
    buffer_printf(out, ",%ld", (long)sums.count);
    int64_t results[] = {sums.sum, sums.min, sums.max};
    for (int32_t i = 0; i < 3; i++)
        buffer_printf(out, sums.values == 0 ? ",null" : ",%ld", (long)results[i]);
    /* ROW_NUMBER counts all rows before; RANK is looked at only where the frame has no bound. */
    bool is_bounded_range = !frame->is_rows && frame->from == FRAME_PRECEDING;
    if (frame->is_rows)
        buffer_printf(out, ",%ld\n", (long)number);
    else
        buffer_printf(out, is_bounded_range ? ",?\n" : ",%ld\n", (long)sums.before + 1);
}

static int row_compare(const void *a, const void *b)
{
    const Row *x = *(Row *const *)a, *y = *(Row *const *)b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x < y ? -1 : x > y;
}

static void model_advance(Trial *trial, Timestamp watermark)
{
    static Row *done[ROWS_MAX];
    static Row *due[ROWS_MAX];
    int32_t done_count = 0, due_count = 0;
    bool is_rows = trial->node.over.frame.is_rows;
    for (int32_t i = 0; i < trial->row_count; i++) {
        Row *row = &trial->rows[i];
        if (row->is_done)
            done[done_count++] = row;
        else if (row->time <= watermark)
            due[due_count++] = row;
    }
    qsort(done, (size_t)done_count, sizeof(Row *), row_compare);
    qsort(due, (size_t)due_count, sizeof(Row *), row_compare);
    for (int32_t i = 0; i < due_count;) {
        int32_t end = i + 1;
        while (!is_rows && end < due_count && due[end]->time == due[i]->time)
            end++;
        for (int32_t k = i; k < end; k++) {
            due[k]->is_done = true;
            done[done_count++] = due[k];
            trial->triggered[due[k]->key] = due[k]->time;
        }
        for (int32_t k = i; k < end; k++)
            model_emit(trial, due[k], done, done_count);
        i = end;
    }
    trial->watermark = watermark;
}

/* RANGE with a bound: a key is forgotten when its rows are out of every frame. */
static void model_forget(Trial *trial)
{
    const OverFrame *frame = &trial->node.over.frame;
    for (int32_t key = 0; key < KEYS; key++) {
        bool is_waiting = false;
        for (int32_t i = 0; i < trial->row_count; i++)
            is_waiting |= trial->rows[i].key == key && !trial->rows[i].is_done;
        Timestamp end = trial->triggered[key] + (frame->from_offset + 1) * MICROS_PER_MILLI;
        if (frame->is_rows || frame->from != FRAME_PRECEDING || is_waiting ||
            trial->triggered[key] == TIMESTAMP_MIN || end > trial->watermark)
            continue;
        trial->triggered[key] = TIMESTAMP_MIN;
        for (int32_t i = 0; i < trial->row_count; i++)
            trial->rows[i].is_gone |= trial->rows[i].key == key;
    }
}

/* ---- Rows in and out --------------------------------------------------------------------- */

static void trial_feed(Trial *trial)
{
    bool is_bounded = trial->node.over.frame.from == FRAME_PRECEDING;
    Schema schema = {.fields = trial->fields, .count = 3};
    Batch *batch = batch_new(&schema, CAPACITY);
    Timestamp base = trial->watermark == TIMESTAMP_MIN ? 0 : trial->watermark;
    int32_t count = 1 + trial_below(trial, 20);
    for (int32_t i = 0; i < count; i++) {
        Row row = {.key = trial_below(trial, KEYS), .value = trial_below(trial, NULL_VALUE + 1)};
        row.time = (base / MICROS_PER_MILLI + 1 + trial_below(trial, 12)) * MICROS_PER_MILLI;
        assert_true(trial->watermark == TIMESTAMP_MIN || row.time > trial->watermark);
        assert_true(!is_bounded || row.time > trial->triggered[row.key]);
        int32_t at = batch->row_count++;
        put_i64(batch, 0, at, row.key);
        put_i64(batch, 1, at, row.time);
        put_i64(batch, 2, at, row.value);
        if (row.value == NULL_VALUE)
            column_set_null(&batch->columns[2], batch->arena, at, CAPACITY);
        trial->rows[trial->row_count++] = row;
    }
    batch_select_all(batch);
    uint64_t hashes[CAPACITY];
    rowcode_hash(batch, key_columns, 1, batch->selection, hashes);
    for (int32_t shard = 0; shard < trial->shard_count; shard++) {
        int32_t chosen[CAPACITY], chosen_count = 0;
        for (int32_t i = 0; i < batch->row_count; i++)
            if (exchange_shard_of(hashes[i], trial->shard_count) == shard)
                chosen[chosen_count++] = i;
        Batch view = *batch;
        view.selection = (Selection){.rows = chosen, .count = chosen_count};
        bench_push(&trial->bench[shard], trial->ops[shard], 0, &view);
    }
    batch_free(batch);
}

/* As many lines equal to this one; what stands for "?" is not looked at. */
static int32_t lines_like(const char *text, Str line)
{
    Str rest = str_from(text);
    bool is_open = str_has_suffix(line, STR("?"));
    int32_t count = 0;
    while (rest.length > 0) {
        Str one = str_split(rest, '\n', &rest);
        Str head = str_make(line.data, line.length - 1);
        count += is_open ? str_has_prefix(one, head) : str_equal(one, line);
    }
    return count;
}

static void trial_advance(Trial *trial, Timestamp watermark)
{
    trial->expected.length = 0;
    model_advance(trial, watermark);
    model_forget(trial);
    int64_t got = 0, expected = 0;
    for (int32_t i = 0; i < trial->shard_count; i++) {
        bench_watermark(&trial->bench[i], trial->ops[i], 0, watermark);
        got += trial->captures[i]->rows;
    }
    const char *wanted = buffer_terminated(&trial->expected);
    Str rest = buffer_str(&trial->expected);
    while (rest.length > 0) {
        Str line = str_split(rest, '\n', &rest);
        int32_t there = 0;
        for (int32_t i = 0; i < trial->shard_count; i++)
            there += lines_like(capture_text(trial->captures[i]), line);
        expected++;
        if (there < lines_like(wanted, line))
            fail_msg("`%.*s` is missing", STR_ARGS(line));
    }
    assert_int_equal(got, expected);
    for (int32_t i = 0; i < trial->shard_count; i++) {
        capture_clear(trial->captures[i]);
        trial->captures[i]->rows = 0;
    }
}

static void trial_recover(Trial *trial, int32_t shard_count)
{
    chain_end(trial->chain);
    trial_close_shards(trial);
    trial_open_shards(trial, shard_count);
    chain_resume(trial->chain);
}

static void trial_run(uint64_t seed, bool is_rows, int64_t preceding)
{
    Trial *trial = trial_new(seed, is_rows, preceding);
    trial->chain = chain_new(seed);
    trial_open_shards(trial, 1 + (int32_t)(seed % 2));
    for (int32_t step = 0; step < 60; step++) {
        trial_feed(trial);
        Timestamp base = trial->watermark == TIMESTAMP_MIN ? 0 : trial->watermark;
        if (trial_below(trial, 3) > 0)
            trial_advance(trial, base + (1 + trial_below(trial, 9)) * MICROS_PER_MILLI);
        if (trial_below(trial, 8) == 0)
            trial_recover(trial, 1 + trial_below(trial, SHARDS));
    }
    trial_advance(trial, TIMESTAMP_MAX);
    trial_free(trial);
}

static void test_without_a_beginning(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        trial_run(seed, true, -1);
        trial_run(seed, false, -1);
    }
}

static void test_the_last_rows(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        trial_run(seed, true, (int64_t)(seed % 5));
}

static void test_the_last_milliseconds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        trial_run(seed, false, (int64_t)(seed % 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_beginning),
        cmocka_unit_test(test_the_last_rows),
        cmocka_unit_test(test_the_last_milliseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
