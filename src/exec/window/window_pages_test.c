/* HOP and CUMULATE over many keys whose state leaves memory, against the same in memory: what goes
 * out by each watermark, and that either can go on from what the other has saved. */
#include "exec/testing.h"

enum { KEYS = 1500, ROWS = 256, STEPS = 60, SIDES = 2, AGGREGATES = 4, TRIALS = 24 };

static uint64_t seed;

static int64_t below(int64_t bound)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (int64_t)(seed >> 11) % bound;
}

/* Rows in whatever order they come: how many, and a sum over them. Now and then it takes no more.
 */
typedef struct Tally {
    Operator base;
    int64_t rows;
    uint64_t sum;
} Tally;

static Status tally_push(Operator *op, int32_t input, Batch *batch)
{
    Tally *tally = (Tally *)op;
    assert_int_equal(input, 0);
    int32_t columns[8];
    uint64_t hashes[BATCH_ROWS_MAX];
    for (int32_t i = 0; i < batch->column_count; i++)
        columns[i] = i;
    rowcode_hash(batch, columns, batch->column_count, batch->selection, hashes);
    for (int32_t i = 0; i < batch->selection.count; i++)
        tally->sum += hashes[selection_row(batch->selection, i)];
    tally->rows += batch->selection.count;
    op->task->is_clogged = tally->rows % 3 == 0;
    return OK;
}

static const OperatorKind tally_kind = {.name = "tally", .size = sizeof(Tally), .push = tally_push};

typedef struct Trial {
    Arena *arena;
    bool has_text, owns_heap;
    Field fields[3], outputs[1 + AGGREGATES + 1];
    PlanTable table;
    PlanNode source, node;
    PlanNode *inputs[1];
    PlanAggregate aggregates[AGGREGATES];
    Bench benches[SIDES];
    Operator *ops[SIDES];
    Tally *tallies[SIDES];
    int64_t budget;
} Trial;

static const int32_t keys[] = {0};

static void trial_plan(Trial *trial)
{
    static const char *const names[AGGREGATES] = {"COUNT", "SUM", "MAX", "COUNT"};
    static const WindowColumn columns[] = {WINDOW_END};
    Type bigint = type_simple(TYPE_BIGINT);
    trial->fields[0] = trial->outputs[0] =
        (Field){STR("k"), trial->has_text ? type_string() : bigint};
    trial->fields[1] = (Field){STR("ts"), type_timestamp(3)};
    trial->fields[2] = (Field){STR("v"), bigint};
    trial->source = (PlanNode){.kind = PLAN_SOURCE,
                               .schema = {.fields = trial->fields, .count = 3},
                               .source = {.table = &trial->table}};
    trial->inputs[0] = &trial->source;
    int32_t count = trial->owns_heap ? AGGREGATES : 1 + (int32_t)below(AGGREGATES - 1);
    for (int32_t i = 0; i < count; i++) {
        AggregateCall *call = NULL;
        assert_int_equal(aggregate_bind(str_from(names[i]), trial->arena, &bigint, 1, i == 3, false,
                                        &call, NULL),
                         OK);
        trial->aggregates[i] = (PlanAggregate){.call = call, .args = {2, -1}, .filter = -1};
        trial->outputs[1 + i] = (Field){STR("a"), call->result};
    }
    trial->outputs[1 + count] = (Field){STR("e"), type_timestamp(3)};
    trial->node = (PlanNode){.kind = PLAN_WINDOW_AGGREGATE,
                             .label = "window",
                             .inputs = trial->inputs,
                             .input_count = 1,
                             .schema = {.fields = trial->outputs, .count = count + 2}};
    trial->node.window_aggregate.window =
        (WindowSpec){.kind = below(4) == 0 ? WINDOW_CUMULATE : WINDOW_HOP,
                     .time_column = 1,
                     .slide_ms = 1000,
                     .size_ms = 1000 * (below(3) == 0 ? 60 + below(80) : 1 + below(12))};
    trial->node.window_aggregate.keys = keys;
    trial->node.window_aggregate.key_count = 1;
    trial->node.window_aggregate.aggregates = trial->aggregates;
    trial->node.window_aggregate.aggregate_count = count;
    trial->node.window_aggregate.window_columns = columns;
    trial->node.window_aggregate.window_column_count = 1;
}

/* The second of them may put state away. */
static void trial_open_sides(Trial *trial)
{
    for (int32_t i = 0; i < SIDES; i++) {
        Bench *bench = &trial->benches[i];
        bench_open(bench);
        if (i == 1)
            bench->task.spill = spill_new(world_system(), NULL, trial->budget);
        trial->ops[i] = operator_new(&bench->task, &trial->node);
        assert_int_equal(trial->ops[i]->kind->open(trial->ops[i]), OK);
        trial->tallies[i] = (Tally *)operator_make(&bench->task, &tally_kind, NULL, 1);
        operator_connect(trial->ops[i], &trial->tallies[i]->base, 0);
    }
}

static void trial_close_sides(Trial *trial)
{
    for (int32_t i = 0; i < SIDES; i++) {
        operator_close(trial->ops[i]);
        bench_close(&trial->benches[i]);
    }
}

/* All that is to go out goes, in pieces. */
static void side_finish(Trial *trial, int32_t side, Status status)
{
    Bench *bench = &trial->benches[side];
    Operator *op = trial->ops[side];
    assert_int_equal(status, OK);
    for (;;) {
        arena_reset(bench->task.scratch);
        assert_int_equal(operator_make_room(op), OK);
        if (!op->has_more)
            return;
        bench->task.is_clogged = false;
        assert_int_equal(operator_go_on(op), OK);
    }
}

static Batch *trial_rows(const Trial *trial, int64_t now_ms)
{
    Batch *batch = batch_new(&trial->source.schema, ROWS);
    for (int32_t row = 0; row < ROWS; row++) {
        int64_t key = below(KEYS);
        if (key == 0)
            column_set_null(&batch->columns[0], batch->arena, row, ROWS);
        else if (trial->has_text)
            ((StrView *)batch->columns[0].values)[row] = str_view_copy(
                batch->arena,
                str_from(arena_printf(batch->arena, key % 3 == 0 ? "%d" : "a long key, number %d",
                                      (int)key)));
        else
            put_i64(batch, 0, row, key * 7919 - KEYS);
        put_i64(batch, 1, row, (now_ms - below(1500)) * 1000);
        put_i64(batch, 2, row, below(50));
    }
    batch->row_count = ROWS;
    batch_select_all(batch);
    return batch;
}

static void trial_push(Trial *trial, int64_t now_ms)
{
    Batch *batch = trial_rows(trial, now_ms);
    for (int32_t i = 0; i < SIDES; i++) {
        Batch view = *batch;
        side_finish(trial, i, operator_push(trial->ops[i], 0, &view));
    }
    batch_free(batch);
}

static void trial_watermark(Trial *trial, Timestamp watermark)
{
    for (int32_t i = 0; i < SIDES; i++)
        side_finish(trial, i, operator_receive_watermark(trial->ops[i], 0, watermark));
    assert_int_equal(trial->tallies[1]->rows, trial->tallies[0]->rows);
    assert_true(trial->tallies[1]->sum == trial->tallies[0]->sum);
}

/* Each goes on from its own state or from that of the other. */
static void trial_resume(Trial *trial)
{
    Buffer saved[SIDES] = {{0}};
    bench_save(trial->ops, SIDES, saved);
    trial_close_sides(trial);
    trial_open_sides(trial);
    for (int32_t i = 0; i < SIDES; i++) {
        int32_t from = (int32_t)below(SIDES);
        assert_int_equal(
            operator_load(trial->ops[i], buffer_str(&saved[from]), &(StateOrigin){0, 1}), OK);
        assert_int_equal(operator_start(trial->ops[i]), OK);
    }
    for (int32_t i = 0; i < SIDES; i++)
        buffer_free(&saved[i]);
}

static void run_trial(uint64_t number)
{
    Trial trial = {.arena = arena_new(0), .table = {.name = STR("visits")}};
    seed = hash_u64(number) | 1;
    trial.has_text = below(3) == 0;
    trial.owns_heap = below(2) == 0;
    trial.budget = below(2) == 0 ? 0 : 200000;
    trial_plan(&trial);
    trial_open_sides(&trial);
    int64_t now_ms = 5000, rows = 0;
    for (int32_t step = 0; step < STEPS; step++) {
        trial_push(&trial, now_ms);
        now_ms += below(12) == 0 ? 90000 : below(900);
        if (below(2) == 0)
            trial_watermark(&trial, (now_ms - 1000 - below(1000)) * 1000);
        rows += trial.tallies[1]->rows;
        if (below(10) == 0)
            trial_resume(&trial);
    }
    trial_watermark(&trial, TIMESTAMP_MAX);
    assert_true(rows + trial.tallies[1]->rows > 0);
    trial_close_sides(&trial);
    arena_free(trial.arena);
}

static void pages_give_what_memory_gives(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= TRIALS; i++) {
        run_trial(i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_give_what_memory_gives),
    };
    return cmocka_run_group_tests_name("exec-window_pages", tests, NULL, NULL);
}
