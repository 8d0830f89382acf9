/* How fast a window takes rows: SUM and COUNT by 1,000 keys over half an hour, for slides from a
 * minute down to a second. Build with `ninja -C build src/exec/exec-window_bench`.
 *
 *     exec-window_bench [ROWS] [SECONDS OF EVENT TIME] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "exec/exec.h"

enum { BENCH_KEYS = 1000, BENCH_BATCHES = 64 };

/* The operators' list of connectors is not linked. */
const Connector *connector_find(const ConnectorInfo *info)
{
    (void)info;
    return NULL;
}

static int64_t rows_out;

static Status count_push(Operator *op, int32_t input, Batch *batch)
{
    (void)op;
    (void)input;
    rows_out += batch->selection.count;
    return OK;
}

static const OperatorKind count_kind = {
    .name = "count", .size = sizeof(Operator), .push = count_push};

typedef struct WindowBench {
    Arena *arena;
    TaskContext task;
    Error error;
    PlanTable table;
    PlanNode source, node;
    PlanNode *inputs[1];
    Field fields[3], outputs[5];
    PlanAggregate aggregates[2];
    Batch *batches[BENCH_BATCHES];
    bool has_text_keys;
    bool has_min;
} WindowBench;

static const int32_t keys[] = {0};

static void bench_plan(WindowBench *bench, int64_t slide_ms)
{
    static const WindowColumn columns[] = {WINDOW_START, WINDOW_END};
    Type bigint = type_simple(TYPE_BIGINT);
    bench->fields[0] = (Field){STR("k"), bench->has_text_keys ? type_string() : bigint};
    bench->fields[1] = (Field){STR("ts"), type_timestamp(3)};
    bench->fields[2] = (Field){STR("v"), type_decimal(10, 2)};
    bench->table = (PlanTable){.name = STR("bench")};
    bench->source = (PlanNode){.kind = PLAN_SOURCE,
                               .schema = {.fields = bench->fields, .count = 3},
                               .source = {.table = &bench->table}};
    bench->inputs[0] = &bench->source;
    bench->outputs[0] = bench->fields[0];
    static const char *const names[] = {"SUM", "COUNT", "MIN"};
    for (int32_t i = 0; i < 2; i++) {
        AggregateCall *call = NULL;
        const char *name = i == 0 && bench->has_min ? names[2] : names[i];
        Status status = aggregate_bind(str_from(name), bench->arena, &bench->fields[2].type, i == 0,
                                       false, false, &call, &bench->error);
        assert(status == OK);
        bench->aggregates[i] = (PlanAggregate){.call = call, .args = {2, -1}, .filter = -1};
        bench->outputs[1 + i] = (Field){STR("a"), call->result};
    }
    bench->outputs[3] = bench->outputs[4] = (Field){STR("w"), type_timestamp(3)};
    bench->node = (PlanNode){.kind = PLAN_WINDOW_AGGREGATE,
                             .label = "window",
                             .inputs = bench->inputs,
                             .input_count = 1,
                             .schema = {.fields = bench->outputs, .count = 5}};
    bench->node.window_aggregate.window = (WindowSpec){
        .kind = WINDOW_HOP, .time_column = 1, .size_ms = 1800000, .slide_ms = slide_ms};
    bench->node.window_aggregate.keys = keys;
    bench->node.window_aggregate.key_count = 1;
    bench->node.window_aggregate.aggregates = bench->aggregates;
    bench->node.window_aggregate.aggregate_count = 2;
    bench->node.window_aggregate.window_columns = columns;
    bench->node.window_aggregate.window_column_count = 2;
}

/* Batches that are used again and again, with new times. */
static void bench_fill(WindowBench *bench)
{
    uint64_t seed = 88172645463325252ULL;
    for (int32_t b = 0; b < BENCH_BATCHES; b++) {
        Batch *batch = batch_new(&bench->source.schema, BATCH_ROWS_MAX);
        for (int32_t row = 0; row < BATCH_ROWS_MAX; row++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            int64_t key = (int64_t)(seed >> 20) % BENCH_KEYS;
            if (bench->has_text_keys)
                ((StrView *)batch->columns[0].values)[row] = str_view_copy(
                    batch->arena, str_from(arena_printf(batch->arena, "store-%04d", (int)key)));
            else
                ((int64_t *)batch->columns[0].values)[row] = key;
            ((Int128 *)batch->columns[2].values)[row] = (Int128)(seed % 100000);
        }
        batch->row_count = BATCH_ROWS_MAX;
        batch_select_all(batch);
        bench->batches[b] = batch;
    }
}

/* Processor time: there is one thread, and other loads on the machine do not count. */
static double bench_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static double bench_run(WindowBench *bench, int64_t rows, int64_t seconds)
{
    Operator *op = operator_new(&bench->task, &bench->node);
    Operator *sink = operator_make(&bench->task, &count_kind, NULL, 1);
    Status status = op->kind->open(op);
    operator_connect(op, sink, 0);
    rows_out = 0;
    Timestamp base = (Timestamp)1700000000 * MICROS_PER_SECOND;
    double began = bench_seconds();
    for (int64_t done = 0; done < rows && status == OK; done += BATCH_ROWS_MAX) {
        Batch *batch = bench->batches[(done / BATCH_ROWS_MAX) % BENCH_BATCHES];
        int64_t *times = batch->columns[1].values;
        for (int32_t row = 0; row < BATCH_ROWS_MAX; row++)
            times[row] = base + (done + row) * (seconds * 1000) / rows * 1000;
        Batch view = *batch;
        status = operator_push(op, 0, &view);
        arena_reset(bench->task.scratch);
        if (status == OK)
            status = operator_receive_watermark(op, 0, times[BATCH_ROWS_MAX - 1] - 1000);
        arena_reset(bench->task.scratch);
    }
    if (status == OK)
        status = operator_receive_watermark(op, 0, TIMESTAMP_MAX);
    assert(status == OK);
    double taken = bench_seconds() - began;
    operator_close(op);
    return taken;
}

static void bench_shape(int64_t rows, int64_t seconds, bool has_text_keys, bool has_min)
{
    static const int64_t slides_ms[] = {1800000, 60000, 10000, 1000};
    for (int32_t i = 0; i < 4; i++) {
        WindowBench bench = {
            .arena = arena_new(0), .has_text_keys = has_text_keys, .has_min = has_min};
        bench.task = (TaskContext){.world = world_system(),
                                   .query = bench.arena,
                                   .scratch = arena_new(0),
                                   .shard_count = 1,
                                   .error = &bench.error};
        bench.task.eval.scratch = bench.task.scratch;
        bench.task.eval.zone = timezone_utc();
        bench_plan(&bench, slides_ms[i]);
        bench_fill(&bench);
        double taken = bench_run(&bench, rows, seconds);
        printf("%-6s keys, %s, %4lld slices: %6.2f M rows/s in, %8lld rows out, %.3f s\n",
               has_text_keys ? "text" : "bigint", has_min ? "MIN" : "SUM",
               (long long)(1800000 / slides_ms[i]), (double)rows / taken / 1e6, (long long)rows_out,
               taken);
        for (int32_t b = 0; b < BENCH_BATCHES; b++)
            batch_free(bench.batches[b]);
        arena_free(bench.task.scratch);
        arena_free(bench.arena);
    }
}

int main(int argc, char **argv)
{
    int64_t rows = 10000000, seconds = 7200;
    if (argc > 1)
        (void)str_parse_int64(str_from(argv[1]), &rows);
    if (argc > 2)
        (void)str_parse_int64(str_from(argv[2]), &seconds);
    bench_shape(rows, seconds, false, false);
    bench_shape(rows, seconds, true, false);
    bench_shape(rows, seconds, true, true);
    return 0;
}
