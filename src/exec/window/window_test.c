/* Windows against a recomputation from all rows: random changelogs, windows, late rows, and
 * snapshots taken up by another number of shards. */
#include "exec/testing.h"

#include <stdlib.h>

#include "base/hash.h"
#include "data/rowcode.h"
#include "exec/window/clock.h"

enum {
    KEYS = 9,      /* key 0 is NULL */
    VALUES = 40,   /* values are 0 … 39 less 10; 40 stands for NULL */
    WINDOWS = 700, /* numbers -300 … 399 */
    WINDOW_BASE = 300,
    SHARDS = 2,
    LIVE_ROWS = 64,
    BATCH_CAPACITY = 64,
};

typedef struct Row {
    int32_t key, value;
    bool flag;
    Timestamp time;
} Row;

/* What the model keeps for a window and key. */
typedef struct Cell {
    int64_t records;
    int32_t counts[VALUES + 1], flagged[VALUES + 1];
} Cell;

enum KeyShape { KEY_BIGINT, KEY_STRING, KEY_PAIR };

typedef struct Trial {
    uint64_t seed;
    Bench bench[SHARDS];
    BenchChain *chain;
    PlanNode source, node;
    PlanTable table;
    PlanNode *inputs[1];
    ColumnList distribution;
    Field fields[6], outputs[16];
    PlanAggregate aggregates[8];
    int32_t aggregate_count;
    enum KeyShape shape;
    bool has_retractions;
    WindowClock clock;
    Operator *ops[SHARDS];
    Capture *captures[SHARDS];
    int32_t shard_count;
    Arena *arena;
    Row live[LIVE_ROWS];
    int32_t live_count;
    Timestamp watermark;
    Cell *cells; /* WINDOWS x KEYS */
    Buffer expected, got;
} Trial;

static uint64_t trial_random(Trial *trial)
{
    trial->seed ^= trial->seed << 13;
    trial->seed ^= trial->seed >> 7;
    trial->seed ^= trial->seed << 17;
    return trial->seed;
}

static int64_t trial_below(Trial *trial, int64_t bound)
{
    return (int64_t)(trial_random(trial) >> 11) % bound;
}

static const char *const calls[] = {"COUNT", "SUM", "MIN", "MAX", "COUNT", "SUM", "AVG"};

/* Columns: key, second key, time, value, flag. */
static const int32_t pair_keys[] = {0, 1};

static void trial_add_call(Trial *trial, int32_t which)
{
    Type bigint = type_simple(TYPE_BIGINT);
    AggregateCall *call = NULL;
    bool is_distinct = which == 4;
    assert_int_equal(aggregate_bind(str_from(calls[which]), trial->arena, &bigint, which != 0,
                                    is_distinct, trial->has_retractions, &call, NULL),
                     OK);
    trial->aggregates[trial->aggregate_count++] =
        (PlanAggregate){.call = call, .args = {3, -1}, .filter = which == 5 ? 4 : -1};
}

static void trial_schema(Trial *trial)
{
    Type key = trial->shape == KEY_BIGINT ? type_simple(TYPE_BIGINT) : type_string();
    trial->fields[0] = (Field){STR("k"), key};
    trial->fields[1] = (Field){STR("k2"), type_simple(TYPE_INT)};
    trial->fields[2] = (Field){STR("ts"), type_timestamp(3)};
    trial->fields[3] = (Field){STR("v"), type_simple(TYPE_BIGINT)};
    trial->fields[4] = (Field){STR("f"), type_simple(TYPE_BOOLEAN)};
    trial->table = (PlanTable){.name = STR("payments")};
    trial->source = (PlanNode){.kind = PLAN_SOURCE,
                               .schema = {.fields = trial->fields, .count = 5},
                               .source = {.table = &trial->table}};
    trial->inputs[0] = &trial->source;
}

static void trial_spec(Trial *trial, WindowSpec *spec)
{
    *spec = (WindowSpec){.kind = (WindowKind)trial_below(trial, 3), .time_column = 2};
    spec->slide_ms = 200 + trial_below(trial, 5) * 100;
    int64_t slices = spec->kind == WINDOW_TUMBLE ? 1 : 1 + trial_below(trial, 30);
    spec->size_ms = spec->slide_ms * slices;
    spec->offset_ms = trial_below(trial, 2 * spec->slide_ms - 1) - spec->slide_ms + 1;
}

static void trial_plan(Trial *trial)
{
    static const WindowColumn columns[] = {WINDOW_START, WINDOW_END, WINDOW_TIME};
    trial_schema(trial);
    for (int32_t i = 0; i < 7; i++)
        if (trial_below(trial, 2) == 0)
            trial_add_call(trial, i);
    int32_t keys = trial->shape == KEY_PAIR ? 2 : 1;
    int32_t count = 0;
    for (int32_t i = 0; i < keys; i++)
        trial->outputs[count++] = trial->fields[i];
    for (int32_t i = 0; i < trial->aggregate_count; i++)
        trial->outputs[count++] = (Field){STR("a"), trial->aggregates[i].call->result};
    for (int32_t i = 0; i < 3; i++)
        trial->outputs[count++] = (Field){STR("w"), type_timestamp(3)};
    trial->distribution = (ColumnList){.columns = pair_keys, .count = keys};
    trial->node = (PlanNode){.kind = PLAN_WINDOW_AGGREGATE,
                             .label = "window",
                             .inputs = trial->inputs,
                             .input_count = 1,
                             .distribution = DISTRIBUTION_HASH,
                             .distribution_keys = &trial->distribution,
                             .schema = {.fields = trial->outputs, .count = count}};
    trial->node.window_aggregate.keys = pair_keys;
    trial->node.window_aggregate.key_count = keys;
    trial->node.window_aggregate.aggregates = trial->aggregates;
    trial->node.window_aggregate.aggregate_count = trial->aggregate_count;
    trial->node.window_aggregate.window_columns = columns;
    trial->node.window_aggregate.window_column_count = 3;
    trial->node.window_aggregate.has_retractions = trial->has_retractions;
    trial_spec(trial, &trial->node.window_aggregate.window);
    trial->clock = window_clock(&trial->node.window_aggregate.window, NULL);
}

static void trial_open_shards(Trial *trial, int32_t count)
{
    trial->shard_count = count;
    /* What one has saved, the other takes up. */
    uint64_t spills = trial_random(trial) >> 11;
    for (int32_t i = 0; i < count; i++) {
        Bench *bench = &trial->bench[i];
        bench_open(bench);
        bench_spill(bench, 1, spills);
        bench->task.shard = i;
        bench->task.shard_count = count;
        trial->ops[i] = operator_new(&bench->task, &trial->node);
        assert_int_equal(trial->ops[i]->kind->open(trial->ops[i]), OK);
        trial->captures[i] = capture_new(bench);
        operator_connect(trial->ops[i], &trial->captures[i]->base, 0);
    }
    chain_follow(trial->chain, trial->bench, trial->ops, count);
}

static void trial_close_shards(Trial *trial)
{
    for (int32_t i = 0; i < trial->shard_count; i++) {
        buffer_append_str(&trial->got, buffer_str(&trial->captures[i]->text));
        capture_close(&trial->captures[i]->base);
        operator_close(trial->ops[i]);
        bench_close(&trial->bench[i]);
    }
}

/* ---- The model --------------------------------------------------------------------------- */

static Cell *trial_cell(Trial *trial, int64_t window, int32_t key)
{
    assert_true(window + WINDOW_BASE >= 0 && window + WINDOW_BASE < WINDOWS);
    return &trial->cells[(window + WINDOW_BASE) * KEYS + key];
}

static void model_add(Trial *trial, const Row *row, int32_t sign)
{
    int64_t slice = window_slice(&trial->clock, row->time);
    for (int64_t window = slice; window <= window_last_of(&trial->clock, slice); window++) {
        Timestamp end = window_slice_end(&trial->clock, window);
        if (end - 1000 <= trial->watermark)
            continue;
        Cell *cell = trial_cell(trial, window, row->key);
        cell->records += sign;
        cell->counts[row->value] += sign;
        if (row->flag)
            cell->flagged[row->value] += sign;
    }
}

static int64_t sum_of(const int32_t *counts, int64_t *number)
{
    int64_t sum = 0;
    *number = 0;
    for (int32_t v = 0; v < VALUES; v++) {
        sum += (int64_t)(v - 10) * counts[v];
        *number += counts[v];
    }
    return sum;
}

static void print_number(Buffer *out, bool is_null, int64_t value)
{
    if (is_null)
        buffer_append_text(out, ",null");
    else
        buffer_printf(out, ",%lld", (long long)value);
}

static void model_print_call(Buffer *out, const Cell *cell, const PlanAggregate *aggregate)
{
    const char *name = aggregate_name(aggregate->call);
    int64_t number, low = VALUES, high = -1, distinct = 0;
    int64_t sum = sum_of(aggregate->filter >= 0 ? cell->flagged : cell->counts, &number);
    for (int32_t v = 0; v < VALUES; v++) {
        if (cell->counts[v] <= 0)
            continue;
        low = v < low ? v : low;
        high = v;
        distinct++;
    }
    if (aggregate->call->arg_count == 0)
        print_number(out, false, cell->records);
    else if (aggregate->call->is_distinct)
        print_number(out, false, distinct);
    else if (strncmp(name, "SUM", 3) == 0)
        print_number(out, number == 0, sum);
    else if (strncmp(name, "AVG", 3) == 0)
        print_number(out, number == 0, number == 0 ? 0 : sum / number);
    else
        print_number(out, high < 0, (strncmp(name, "MIN", 3) == 0 ? low : high) - 10);
}

static const char *key_text(Trial *trial, int32_t key)
{
    if (trial->shape == KEY_BIGINT)
        return arena_printf(trial->arena, "%d", key * 1000 - 3000);
    return arena_printf(trial->arena, key % 2 == 0 ? "s%d" : "a store with a long name, %d", key);
}

static void print_time(Buffer *out, Timestamp time)
{
    Value value = {.type = type_timestamp(3), .integer = time};
    buffer_append_char(out, ',');
    value_print(out, &value, VALUE_PRINT, timezone_utc());
}

static void model_fire(Trial *trial, Timestamp watermark)
{
    for (int64_t window = -WINDOW_BASE; window < WINDOWS - WINDOW_BASE; window++) {
        Timestamp end = window_slice_end(&trial->clock, window);
        if (end - 1000 <= trial->watermark || end - 1000 > watermark)
            continue;
        for (int32_t key = 0; key < KEYS; key++) {
            const Cell *cell = trial_cell(trial, window, key);
            if (cell->records == 0)
                continue;
            Buffer *out = &trial->expected;
            buffer_printf(out, "+I %s", key == 0 ? "null" : key_text(trial, key));
            if (trial->shape == KEY_PAIR)
                buffer_printf(out, ",%d", key / 2);
            for (int32_t i = 0; i < trial->aggregate_count; i++)
                model_print_call(out, cell, &trial->aggregates[i]);
            print_time(
                out, window_slice_start(&trial->clock, window_first_slice(&trial->clock, window)));
            print_time(out, end);
            print_time(out, end - 1000);
            buffer_append_char(out, '\n');
        }
    }
    trial->watermark = watermark;
}

/* ---- Driving ----------------------------------------------------------------------------- */

static void trial_put(Trial *trial, Batch *batch, const Row *row, RowKind kind)
{
    int32_t at = batch->row_count++;
    batch->kinds[at] = (uint8_t)kind;
    if (row->key == 0)
        column_set_null(&batch->columns[0], batch->arena, at, BATCH_CAPACITY);
    else if (trial->shape == KEY_BIGINT)
        put_i64(batch, 0, at, row->key * 1000 - 3000);
    else
        ((StrView *)batch->columns[0].values)[at] =
            str_view_copy(batch->arena, str_from(key_text(trial, row->key)));
    ((int32_t *)batch->columns[1].values)[at] = row->key / 2;
    put_i64(batch, 2, at, row->time);
    if (row->value == VALUES)
        column_set_null(&batch->columns[3], batch->arena, at, BATCH_CAPACITY);
    else
        put_i64(batch, 3, at, row->value - 10);
    ((uint8_t *)batch->columns[4].values)[at] = row->flag;
    model_add(trial, row, row_kind_is_retraction((uint8_t)kind) ? -1 : 1);
}

static Row trial_row(Trial *trial, Timestamp around)
{
    return (Row){.key = (int32_t)trial_below(trial, KEYS),
                 .value = (int32_t)trial_below(trial, VALUES + 1),
                 .flag = trial_below(trial, 2) == 0,
                 .time = (around / 1000 + trial_below(trial, 4000) - 2500) * 1000};
}

static void trial_change(Trial *trial, Batch *batch, Timestamp around)
{
    bool takes_back = trial->has_retractions && trial->live_count > 0 && trial_below(trial, 3) == 0;
    if (takes_back) {
        int32_t at = (int32_t)trial_below(trial, trial->live_count);
        Row old = trial->live[at];
        if (trial_below(trial, 2) == 0) {
            trial_put(trial, batch, &old, ROW_DELETE);
            trial->live[at] = trial->live[--trial->live_count];
            return;
        }
        Row new = trial_row(trial, around);
        new.key = old.key;
        trial_put(trial, batch, &old, ROW_UPDATE_BEFORE);
        trial_put(trial, batch, &new, ROW_UPDATE_AFTER);
        trial->live[at] = new;
        return;
    }
    Row row = trial_row(trial, around);
    trial_put(trial, batch, &row, ROW_INSERT);
    if (trial->live_count < LIVE_ROWS)
        trial->live[trial->live_count++] = row;
}

/* A batch to all shards, each with the rows that are its own. */
static void trial_push(Trial *trial, Timestamp around)
{
    Batch *batch = batch_new(&trial->source.schema, BATCH_CAPACITY);
    batch_need_kinds(batch, BATCH_CAPACITY);
    int64_t changes = 1 + trial_below(trial, BATCH_CAPACITY / 2 - 1);
    for (int64_t i = 0; i < changes; i++)
        trial_change(trial, batch, around);
    batch_select_all(batch);
    if (!trial->has_retractions && trial_below(trial, 2) == 0)
        batch->kinds = NULL;
    uint64_t hashes[BATCH_CAPACITY];
    rowcode_hash(batch, pair_keys, trial->node.window_aggregate.key_count, batch->selection,
                 hashes);
    for (int32_t shard = 0; shard < trial->shard_count; shard++) {
        int32_t rows[BATCH_CAPACITY];
        int32_t count = 0;
        for (int32_t row = 0; row < batch->row_count; row++)
            if (exchange_shard_of(hashes[row], trial->shard_count) == shard)
                rows[count++] = row;
        Batch view = *batch;
        view.selection = (Selection){.rows = rows, .count = count};
        bench_push(&trial->bench[shard], trial->ops[shard], 0, &view);
    }
    batch_free(batch);
}

static void trial_watermark(Trial *trial, Timestamp watermark)
{
    if (watermark <= trial->watermark)
        return;
    model_fire(trial, watermark);
    for (int32_t shard = 0; shard < trial->shard_count; shard++)
        bench_watermark(&trial->bench[shard], trial->ops[shard], 0, watermark);
}

static void trial_recover(Trial *trial, int32_t shards)
{
    chain_end(trial->chain);
    trial_close_shards(trial);
    trial_open_shards(trial, shards);
    chain_resume(trial->chain);
}

static void run_trial(uint64_t seed)
{
    Trial *trial = memory_allocate_zeroed((int64_t)sizeof *trial);
    trial->seed = hash_u64(seed) | 1;
    trial->arena = arena_new(0);
    trial->shape = (enum KeyShape)trial_below(trial, 3);
    trial->has_retractions = trial_below(trial, 3) > 0;
    trial->watermark = TIMESTAMP_MIN;
    trial->cells = memory_allocate_zeroed((int64_t)sizeof(Cell) * WINDOWS * KEYS);
    trial_plan(trial);
    trial->chain = chain_new(seed);
    trial_open_shards(trial, 1);
    Timestamp now = -20000000;
    for (int32_t step = 0; step < 40; step++) {
        trial_push(trial, now);
        if (trial_below(trial, 3) > 0)
            trial_watermark(trial, now - trial_below(trial, 2000) * 1000);
        if (trial_below(trial, 8) == 0)
            trial_recover(trial, 1 + (int32_t)trial_below(trial, SHARDS));
        now += trial_below(trial, 10) == 0 ? 5000000 : trial_below(trial, 800) * 1000;
    }
    trial_watermark(trial, TIMESTAMP_MAX);
    trial_close_shards(trial);
    sort_lines(trial->arena, &trial->expected);
    sort_lines(trial->arena, &trial->got);
    if (!str_equal(buffer_str(&trial->expected), buffer_str(&trial->got)))
        print_message("seed %llu: kind %d, %lld slices\n", (unsigned long long)seed,
                      trial->clock.kind, (long long)trial->clock.slices);
    assert_string_equal(buffer_terminated(&trial->got), buffer_terminated(&trial->expected));
    buffer_free(&trial->expected);
    buffer_free(&trial->got);
    chain_free(trial->chain);
    memory_free(trial->cells);
    arena_free(trial->arena);
    memory_free(trial);
}

static int64_t trials = 200; /* more by the first argument */

static void test_windows_equal_a_recomputation(void **state)
{
    (void)state;
    for (int64_t seed = 1; seed <= trials; seed++)
        run_trial((uint64_t)seed);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        (void)str_parse_int64(str_from(argv[1]), &trials);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_equal_a_recomputation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
