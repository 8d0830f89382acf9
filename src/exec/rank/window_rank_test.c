/* Top-N of windows against a model that keeps all rows of a window and sorts them, across snapshots
 * and other numbers of shards; and rows that come too late. */
#include "exec/testing.h"

#include "base/hash.h"
#include "data/rowcode.h"

enum { KEYS = 3, ROWS_MAX = 3000, CAPACITY = 64, SHARDS = 2 };

static const int64_t WINDOW_US = 10 * MICROS_PER_SECOND;

typedef struct Row {
    int32_t key, value, window, id;
} Row;

typedef struct Trial {
    uint64_t seed;
    Bench bench[SHARDS];
    BenchChain *chain;
    PlanNode source, node;
    PlanNode *inputs[1];
    Field fields[5];
    SortColumn order;
    PlanTable table;
    int32_t shard_count;
    Operator *ops[SHARDS];
    Capture *captures[SHARDS];
    Row rows[ROWS_MAX];
    int32_t row_count, next_id;
    int32_t over; /* windows that are over */
    Timestamp watermark;
} Trial;

static int32_t trial_below(Trial *trial, int32_t bound)
{
    trial->seed = hash_u64(trial->seed + 0x9e3779b97f4a7c15ULL);
    return (int32_t)((trial->seed >> 11) % (uint64_t)bound);
}

static const int32_t key_columns[] = {0, 1};
static const ColumnList key_list = {key_columns, 2};

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

static Trial *trial_new(uint64_t seed)
{
    Trial *trial = memory_allocate_zeroed((int64_t)sizeof *trial);
    trial->seed = seed;
    trial->watermark = TIMESTAMP_MIN;
    for (int32_t i = 0; i < SHARDS; i++)
        bench_open(&trial->bench[i]);
    bench_spill(trial->bench, SHARDS, seed);
    trial->table = (PlanTable){.name = STR("t")};
    trial->fields[0] = (Field){STR("k"), type_simple(TYPE_BIGINT)};
    trial->fields[1] = (Field){STR("window_end"), type_timestamp(3)};
    trial->fields[2] = (Field){STR("v"), type_simple(TYPE_BIGINT)};
    trial->fields[3] = (Field){STR("id"), type_simple(TYPE_BIGINT)};
    trial->fields[4] = (Field){STR("rn"), type_simple(TYPE_BIGINT)};
    trial->source = (PlanNode){.kind = PLAN_SOURCE,
                               .schema = {.fields = trial->fields, .count = 4},
                               .source = {.table = &trial->table}};
    trial->inputs[0] = &trial->source;
    trial->order = (SortColumn){2, trial_below(trial, 2) == 0, false};
    trial->node = (PlanNode){.kind = PLAN_WINDOW_RANK,
                             .label = "top",
                             .schema = {.fields = trial->fields, .count = 5},
                             .inputs = trial->inputs,
                             .input_count = 1,
                             .changelog = CHANGELOG_APPEND,
                             .distribution = DISTRIBUTION_HASH,
                             .distribution_keys = &key_list};
    trial->node.window_rank.keys = key_columns;
    trial->node.window_rank.key_count = 2;
    trial->node.window_rank.order = &trial->order;
    trial->node.window_rank.order_count = 1;
    trial->node.window_rank.first = 1 + trial_below(trial, 2);
    trial->node.window_rank.last = trial->node.window_rank.first + trial_below(trial, 3);
    trial->node.window_rank.has_number = true;
    trial->node.window_rank.prefers_later = trial_below(trial, 3) == 0;
    trial->node.window_rank.end_column = 1;
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

/* Whether a goes before b; they are of one window and key. */
static bool row_is_before(const Trial *trial, const Row *a, const Row *b)
{
    if (a->value != b->value)
        return (a->value < b->value) != trial->order.is_descending;
    return (a->id < b->id) != trial->node.window_rank.prefers_later;
}

static int64_t row_rank(const Trial *trial, const Row *row)
{
    int64_t rank = 1;
    for (int32_t i = 0; i < trial->row_count; i++) {
        const Row *other = &trial->rows[i];
        rank += other->id != row->id && other->window == row->window && other->key == row->key &&
                row_is_before(trial, other, row);
    }
    return rank;
}

static bool text_has_line(const char *text, const char *line)
{
    Str rest = str_from(text);
    while (rest.length > 0) {
        Str one = str_split(rest, '\n', &rest);
        if (str_is(one, line))
            return true;
    }
    return false;
}

/* What came out is the ranks of the windows from `first` to before `end`. */
static void trial_check(Trial *trial, int32_t first, int32_t end)
{
    int64_t expected = 0, got = 0;
    for (int32_t i = 0; i < trial->row_count; i++) {
        const Row *row = &trial->rows[i];
        int64_t rank = row_rank(trial, row);
        if (row->window < first || row->window >= end || rank < trial->node.window_rank.first ||
            rank > trial->node.window_rank.last)
            continue;
        expected++;
        Buffer line = {0};
        Value ends = {.type = trial->fields[1].type, .integer = (row->window + 1) * WINDOW_US};
        buffer_printf(&line, "+I %d,", row->key);
        value_print(&line, &ends, VALUE_PRINT, timezone_utc());
        buffer_printf(&line, ",%d,%d,%ld", row->value, row->id, (long)rank);
        bool is_there = false;
        for (int32_t k = 0; k < trial->shard_count; k++)
            is_there |= text_has_line(capture_text(trial->captures[k]), buffer_terminated(&line));
        if (!is_there)
            fail_msg("`%s` is missing", buffer_terminated(&line));
        buffer_free(&line);
    }
    for (int32_t k = 0; k < trial->shard_count; k++) {
        got += trial->captures[k]->rows;
        trial->captures[k]->rows = 0;
        capture_clear(trial->captures[k]);
    }
    assert_int_equal(got, expected);
}

static void trial_feed(Trial *trial)
{
    Schema schema = {.fields = trial->fields, .count = 4};
    Batch *batch = batch_new(&schema, CAPACITY);
    int32_t count = 1 + trial_below(trial, 30);
    for (int32_t i = 0; i < count; i++) {
        Row row = {.key = trial_below(trial, KEYS),
                   .value = trial_below(trial, 6),
                   .window = trial->over + trial_below(trial, 3),
                   .id = trial->next_id++};
        trial->rows[trial->row_count++] = row;
        put_i64(batch, 0, i, row.key);
        put_i64(batch, 1, i, (row.window + 1) * WINDOW_US);
        put_i64(batch, 2, i, row.value);
        put_i64(batch, 3, i, row.id);
    }
    batch->row_count = count;
    batch_select_all(batch);
    uint64_t hashes[CAPACITY];
    rowcode_hash(batch, key_columns, 2, batch->selection, hashes);
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

static void trial_advance(Trial *trial, int32_t over)
{
    int32_t before = trial->over;
    trial->over = over;
    trial->watermark = over * WINDOW_US - MICROS_PER_MILLI;
    for (int32_t i = 0; i < trial->shard_count; i++)
        bench_watermark(&trial->bench[i], trial->ops[i], 0, trial->watermark);
    trial_check(trial, before, over);
}

static void trial_recover(Trial *trial, int32_t shard_count)
{
    chain_end(trial->chain);
    trial_close_shards(trial);
    trial_open_shards(trial, shard_count);
    chain_resume(trial->chain);
    for (int32_t i = 0; i < shard_count; i++)
        assert_int_equal(trial->ops[i]->watermark, trial->watermark);
}

static void test_windows(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        Trial *trial = trial_new(seed);
        trial->chain = chain_new(seed);
        trial_open_shards(trial, 1 + (int32_t)(seed % 2));
        for (int32_t step = 0; step < 40; step++) {
            trial_feed(trial);
            if (trial_below(trial, 4) == 0)
                trial_advance(trial, trial->over + 1 + trial_below(trial, 2));
            if (trial_below(trial, 6) == 0)
                trial_recover(trial, 1 + trial_below(trial, SHARDS));
        }
        trial_advance(trial, trial->over + 4);
        trial_free(trial);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
