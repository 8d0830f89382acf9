/* The joins that know time against the same joins written down row by row: random rows, bounds,
 * kinds and conditions, late rows, NULL keys, and chains of checkpoints, taken bit by bit between
 * the rows, from which another number of shards goes on. What has gone out is compared after every
 * step. */
#include "exec/testing.h"

#include <stdlib.h>

#include "base/hash.h"
#include "data/rowcode.h"
#include "exec/join/kept.h"
#include "exec/operators.h"

enum {
    KEYS = 5, /* key 0 is NULL */
    VALUES = 6,
    SHARDS = 3,
    BATCH_CAPACITY = 16,
    ROWS_MAX = 4000,
    COLUMNS = 5, /* key, second key, time, value, id */
    SECOND = 1000000,
};

typedef struct Row {
    int32_t key, value;
    int64_t id;
    Timestamp time;
    RowKind kind;
    bool is_gone, is_matched;
} Row;

typedef struct Trial {
    uint64_t seed;
    PlanKind plan;
    JoinKind kind;
    bool has_condition, has_text_key, has_changes, matches_null;
    int64_t lower_us, upper_us;
    Bench bench[SHARDS];
    BenchChain *chain;
    PlanTable tables[2];
    PlanNode sources[2], node;
    PlanNode *inputs[2];
    ColumnList distribution[2];
    Field fields[COLUMNS], outputs[4];
    Operator *ops[SHARDS];
    Capture *captures[SHARDS];
    int32_t shard_count;
    uint64_t spills; /* odd: all state leaves memory after each batch */
    Arena *arena;
    Row *rows[2];
    int32_t counts[2];
    int64_t next_id;
    Timestamp watermark;
    Buffer expected, got;
} Trial;

static const int32_t keys[] = {0, 1, 2};
static const int32_t columns[] = {4, 9, 0, 5};
static const bool nulls_match[] = {true, true, true};

static int64_t trial_below(Trial *trial, int64_t bound)
{
    trial->seed ^= trial->seed << 13;
    trial->seed ^= trial->seed >> 7;
    trial->seed ^= trial->seed << 17;
    return (int64_t)(trial->seed >> 11) % bound;
}

/* ---- The plan ---------------------------------------------------------------------------- */

/* left.value <= right.value */
static Expr *trial_condition(Trial *trial)
{
    Type bigint = type_simple(TYPE_BIGINT);
    Expr *args[] = {expr_column(trial->arena, 3, bigint), expr_column(trial->arena, 8, bigint)};
    Expr *condition;
    int32_t bad;
    assert_int_equal(
        function_bind(function_find(STR("<=")), trial->arena, args, 2, &condition, &bad, NULL), OK);
    return condition;
}

static PlanJoin trial_join(Trial *trial)
{
    int32_t count = trial->plan == PLAN_WINDOW_JOIN ? 3 : 2;
    ColumnList list = {.columns = keys, .count = count};
    PlanJoin join = {.kind = trial->kind, .keys = {list, list}, .columns = columns};
    if (trial->matches_null)
        join.matches_null = nulls_match;
    if (trial->has_condition)
        join.condition = trial_condition(trial);
    trial->distribution[0] = trial->distribution[1] = list;
    return join;
}

static void trial_plan(Trial *trial)
{
    Type bigint = type_simple(TYPE_BIGINT);
    trial->fields[0] = (Field){STR("k"), trial->has_text_key ? type_string() : bigint};
    trial->fields[1] = (Field){STR("k2"), type_simple(TYPE_INT)};
    trial->fields[2] = (Field){STR("ts"), type_timestamp(3)};
    trial->fields[3] = (Field){STR("v"), bigint};
    trial->fields[4] = (Field){STR("id"), bigint};
    for (int32_t i = 0; i < 2; i++) {
        trial->tables[i] = (PlanTable){.name = i == 0 ? STR("l") : STR("r")};
        trial->sources[i] = (PlanNode){.kind = PLAN_SOURCE,
                                       .schema = {.fields = trial->fields, .count = COLUMNS},
                                       .changelog = CHANGELOG_APPEND,
                                       .source = {.table = &trial->tables[i]}};
        trial->inputs[i] = &trial->sources[i];
    }
    if (trial->has_changes)
        trial->sources[0].changelog = trial->sources[1].changelog = CHANGELOG_ALL;
    trial->outputs[0] = trial->outputs[1] = (Field){STR("id"), bigint};
    trial->outputs[2] = trial->outputs[3] = trial->fields[0];
    bool is_half = trial->kind == JOIN_SEMI || trial->kind == JOIN_ANTI;
    trial->node = (PlanNode){.kind = trial->plan,
                             .label = "join",
                             .inputs = trial->inputs,
                             .input_count = 2,
                             .distribution = DISTRIBUTION_HASH,
                             .distribution_keys = trial->distribution,
                             .schema = {.fields = trial->outputs, .count = is_half ? 1 : 4}};
    PlanJoin join = trial_join(trial);
    if (trial->plan == PLAN_INTERVAL_JOIN) {
        trial->node.interval_join.join = join;
        trial->node.interval_join.is_event_time = true;
        trial->node.interval_join.times[0] = trial->node.interval_join.times[1] = 2;
        trial->node.interval_join.lower_us = trial->lower_us;
        trial->node.interval_join.upper_us = trial->upper_us;
    } else if (trial->plan == PLAN_TEMPORAL_JOIN) {
        trial->node.temporal_join.join = join;
        trial->node.temporal_join.times[0] = trial->node.temporal_join.times[1] = 2;
    } else {
        trial->node.window_join.join = join;
        trial->node.window_join.ends[0] = trial->node.window_join.ends[1] = 2;
    }
}

static void trial_open_shards(Trial *trial, int32_t count)
{
    if (trial->rows[0] != NULL)
        trial->spills = trial_below(trial, 4) == 0;
    trial->shard_count = count;
    for (int32_t i = 0; i < count; i++) {
        Bench *bench = &trial->bench[i];
        bench_open(bench);
        bench_spill(bench, 1, trial->spills);
        bench->task.shard = i;
        bench->task.shard_count = count;
        trial->ops[i] = operator_new(&bench->task, &trial->node);
        assert_int_equal(trial->ops[i]->kind->open(trial->ops[i]), OK);
        trial->captures[i] = capture_new(bench);
        operator_connect(trial->ops[i], &trial->captures[i]->base, 0);
    }
    chain_follow(trial->chain, trial->bench, trial->ops, count);
}

static void trial_collect(Trial *trial)
{
    for (int32_t i = 0; i < trial->shard_count; i++) {
        buffer_append_str(&trial->got, buffer_str(&trial->captures[i]->text));
        capture_clear(trial->captures[i]);
    }
}

static void trial_close_shards(Trial *trial)
{
    trial_collect(trial);
    for (int32_t i = 0; i < trial->shard_count; i++) {
        capture_close(&trial->captures[i]->base);
        operator_close(trial->ops[i]);
        bench_close(&trial->bench[i]);
    }
}

/* ---- The model --------------------------------------------------------------------------- */

static const char *key_text(Trial *trial, int32_t key)
{
    if (key == 0)
        return "null";
    if (!trial->has_text_key)
        return arena_printf(trial->arena, "%d", key * 7);
    return arena_printf(trial->arena, key % 2 == 0 ? "s%d" : "a key with a long name, %d", key);
}

static void model_print(Trial *trial, const Row *left, const Row *right)
{
    Buffer *out = &trial->expected;
    RowKind kind = trial->plan == PLAN_TEMPORAL_JOIN ? left->kind : ROW_INSERT;
    buffer_printf(out, "%s ", row_kind_text(kind));
    bool is_half = trial->kind == JOIN_SEMI || trial->kind == JOIN_ANTI;
    for (int32_t i = 0; i < (is_half ? 1 : 4); i++) {
        const Row *row = i % 2 == 0 ? left : right;
        if (i > 0)
            buffer_append_char(out, ',');
        if (row == NULL)
            buffer_append_text(out, "null");
        else if (i < 2)
            buffer_printf(out, "%lld", (long long)row->id);
        else
            buffer_append_text(out, key_text(trial, row->key));
    }
    buffer_append_char(out, '\n');
}

static bool model_keys_meet(const Trial *trial, const Row *left, const Row *right)
{
    return left->key == right->key && (left->key != 0 || trial->matches_null);
}

static bool model_holds(const Trial *trial, const Row *left, const Row *right)
{
    return !trial->has_condition || left->value <= right->value;
}

static bool model_is_outer(const Trial *trial, int32_t side)
{
    return trial->kind == JOIN_FULL || trial->kind == (side == 0 ? JOIN_LEFT : JOIN_RIGHT) ||
           (side == 0 && trial->kind == JOIN_ANTI);
}

static void model_pad(Trial *trial, int32_t side, const Row *row)
{
    if (side == 0)
        model_print(trial, row, NULL);
    else
        model_print(trial, NULL, row);
}

/* Until which time of the other side partners may come. */
static Timestamp model_last(const Trial *trial, int32_t side, const Row *row)
{
    return row->time + (side == 0 ? -trial->lower_us : trial->upper_us);
}

static void model_interval_row(Trial *trial, int32_t side, Row *row)
{
    bool is_impossible = trial->lower_us > trial->upper_us;
    for (int32_t i = 0; i < trial->counts[!side] && !is_impossible; i++) {
        Row *other = &trial->rows[!side][i];
        Row *left = side == 0 ? row : other, *right = side == 0 ? other : row;
        int64_t distance = left->time - right->time;
        if (other->is_gone || !model_keys_meet(trial, left, right) || distance < trial->lower_us ||
            distance > trial->upper_us || !model_holds(trial, left, right))
            continue;
        row->is_matched = other->is_matched = true;
        model_print(trial, left, right);
    }
    row->is_gone = is_impossible || trial->watermark >= model_last(trial, side, row);
    if (row->is_gone && !row->is_matched && model_is_outer(trial, side))
        model_pad(trial, side, row);
}

static void model_interval_advance(Trial *trial, Timestamp watermark)
{
    for (int32_t side = 0; side < 2; side++) {
        for (int32_t i = 0; i < trial->counts[side]; i++) {
            Row *row = &trial->rows[side][i];
            if (row->is_gone || model_last(trial, side, row) >= watermark)
                continue;
            row->is_gone = true;
            if (!row->is_matched && model_is_outer(trial, side))
                model_pad(trial, side, row);
        }
    }
}

/* The version that a row of this time sees: the latest, of two of one time the one that came last.
 */
static Row *model_version(Trial *trial, const Row *left, Timestamp time)
{
    Row *best = NULL;
    for (int32_t i = 0; i < trial->counts[1]; i++) {
        Row *version = &trial->rows[1][i];
        if (!version->is_gone && model_keys_meet(trial, left, version) && version->time <= time &&
            (best == NULL || version->time >= best->time))
            best = version;
    }
    return best;
}

static void model_temporal_advance(Trial *trial, Timestamp watermark)
{
    for (int32_t i = 0; i < trial->counts[0]; i++) {
        Row *row = &trial->rows[0][i];
        if (row->is_gone || row->time > watermark)
            continue;
        row->is_gone = true;
        Row *version = model_version(trial, row, row->time);
        bool is_there = version != NULL && version->kind != ROW_DELETE;
        if (is_there && model_holds(trial, row, version))
            model_print(trial, row, version);
        else if (trial->kind == JOIN_LEFT)
            model_print(trial, row, NULL);
    }
    /* Of the versions up to the watermark only the last is left, and no deletion. */
    for (int32_t i = 0; i < trial->counts[1]; i++) {
        Row *version = &trial->rows[1][i];
        if (version->is_gone || version->time > watermark)
            continue;
        Row *last = model_version(trial, version, watermark);
        if (last != NULL && last != version)
            version->is_gone = true;
    }
    for (int32_t i = 0; i < trial->counts[1]; i++)
        if (trial->rows[1][i].time <= watermark && trial->rows[1][i].kind == ROW_DELETE)
            trial->rows[1][i].is_gone = true;
}

static void model_window_pairs(Trial *trial, Row *left, Timestamp watermark)
{
    for (int32_t i = 0; i < trial->counts[1]; i++) {
        Row *right = &trial->rows[1][i];
        if (right->is_gone || right->time - 1000 > watermark || right->time != left->time ||
            !model_keys_meet(trial, left, right) || !model_holds(trial, left, right))
            continue;
        left->is_matched = right->is_matched = true;
        if (trial->kind != JOIN_SEMI && trial->kind != JOIN_ANTI)
            model_print(trial, left, right);
    }
}

static void model_window_advance(Trial *trial, Timestamp watermark)
{
    for (int32_t i = 0; i < trial->counts[0]; i++)
        if (!trial->rows[0][i].is_gone && trial->rows[0][i].time - 1000 <= watermark)
            model_window_pairs(trial, &trial->rows[0][i], watermark);
    for (int32_t side = 0; side < 2; side++) {
        for (int32_t i = 0; i < trial->counts[side]; i++) {
            Row *row = &trial->rows[side][i];
            if (row->is_gone || row->time - 1000 > watermark)
                continue;
            row->is_gone = true;
            bool is_semi = trial->kind == JOIN_SEMI && side == 0;
            if (row->is_matched ? is_semi : model_is_outer(trial, side))
                model_pad(trial, side, row);
        }
    }
}

/* ---- Driving ----------------------------------------------------------------------------- */

static void trial_put(Trial *trial, Batch *batch, const Row *row)
{
    int32_t at = batch->row_count++;
    batch->kinds[at] = (uint8_t)row->kind;
    if (row->key == 0)
        column_set_null(&batch->columns[0], batch->arena, at, BATCH_CAPACITY);
    else if (trial->has_text_key)
        ((StrView *)batch->columns[0].values)[at] =
            str_view_copy(batch->arena, str_from(key_text(trial, row->key)));
    else
        put_i64(batch, 0, at, row->key * 7);
    ((int32_t *)batch->columns[1].values)[at] = row->key / 2;
    put_i64(batch, 2, at, row->time);
    put_i64(batch, 3, at, row->value);
    put_i64(batch, 4, at, row->id);
}

static Row *trial_row(Trial *trial, int32_t side, Timestamp around)
{
    assert_true(trial->counts[side] < ROWS_MAX);
    Row *row = &trial->rows[side][trial->counts[side]];
    *row = (Row){.key = (int32_t)trial_below(trial, KEYS),
                 .value = (int32_t)trial_below(trial, VALUES),
                 .id = ++trial->next_id,
                 .time = (around / 1000 + trial_below(trial, 8000) - 5000) * 1000};
    if (trial->has_changes)
        row->kind = (RowKind)trial_below(trial, 4);
    if (trial->plan == PLAN_WINDOW_JOIN)
        row->time = (row->time / SECOND + 1) * SECOND;
    return row;
}

/* Take the row into the model; false if the join does not see it. */
static bool model_take(Trial *trial, int32_t side, Row *row)
{
    trial->counts[side]++;
    if (trial->plan == PLAN_INTERVAL_JOIN)
        model_interval_row(trial, side, row);
    if (trial->plan == PLAN_WINDOW_JOIN)
        row->is_gone = row->time - 1000 <= trial->watermark;
    if (trial->plan == PLAN_TEMPORAL_JOIN && side == 1)
        row->is_gone = row->kind == ROW_UPDATE_BEFORE;
    return true;
}

static void trial_push(Trial *trial, int32_t side, Timestamp around)
{
    Batch *batch = batch_new(&trial->sources[side].schema, BATCH_CAPACITY);
    batch_need_kinds(batch, BATCH_CAPACITY);
    int64_t count = 1 + trial_below(trial, BATCH_CAPACITY - 1);
    for (int64_t i = 0; i < count; i++) {
        Row *row = trial_row(trial, side, around);
        trial_put(trial, batch, row);
        model_take(trial, side, row);
    }
    batch_select_all(batch);
    uint64_t hashes[BATCH_CAPACITY];
    rowcode_hash(batch, keys, trial->distribution[0].count, batch->selection, hashes);
    for (int32_t shard = 0; shard < trial->shard_count; shard++) {
        int32_t rows[BATCH_CAPACITY];
        int32_t own = 0;
        for (int32_t row = 0; row < batch->row_count; row++)
            if (exchange_shard_of(hashes[row], trial->shard_count) == shard)
                rows[own++] = row;
        Batch view = *batch;
        view.selection = (Selection){.rows = rows, .count = own};
        if (!trial->has_changes)
            view.kinds = NULL;
        bench_push(&trial->bench[shard], trial->ops[shard], side, &view);
    }
    batch_free(batch);
}

static void trial_watermark(Trial *trial, Timestamp watermark)
{
    if (watermark <= trial->watermark)
        return;
    if (trial->plan == PLAN_INTERVAL_JOIN)
        model_interval_advance(trial, watermark);
    else if (trial->plan == PLAN_TEMPORAL_JOIN)
        model_temporal_advance(trial, watermark);
    else
        model_window_advance(trial, watermark);
    trial->watermark = watermark;
    /* The other input is ahead, or catches up. */
    int32_t first = (int32_t)trial_below(trial, 2);
    for (int32_t shard = 0; shard < trial->shard_count; shard++) {
        bench_watermark(&trial->bench[shard], trial->ops[shard], first, watermark);
        bench_watermark(&trial->bench[shard], trial->ops[shard], !first, watermark);
    }
}

/* From a savepoint of this moment. */
static void trial_resume(Trial *trial, int32_t shards)
{
    Buffer saved[SHARDS] = {0};
    int32_t before = trial->shard_count;
    chain_step(trial->chain, INT64_MAX);
    bench_save(trial->ops, before, saved);
    trial_close_shards(trial);
    trial_open_shards(trial, shards);
    bench_restore(trial->ops, shards, saved, before);
}

/* From the last checkpoint of a chain. */
static void trial_recover(Trial *trial, int32_t shards)
{
    chain_end(trial->chain);
    trial_close_shards(trial);
    trial_open_shards(trial, shards);
    chain_resume(trial->chain);
}

static void trial_compare(Trial *trial, uint64_t seed, int32_t step)
{
    trial_collect(trial);
    sort_lines(trial->arena, &trial->expected);
    sort_lines(trial->arena, &trial->got);
    if (!str_equal(buffer_str(&trial->expected), buffer_str(&trial->got)))
        print_message("seed %llu, step %d: plan %d, kind %d, condition %d, bounds %lld %lld\n",
                      (unsigned long long)seed, step, (int)trial->plan, (int)trial->kind,
                      trial->has_condition, (long long)trial->lower_us, (long long)trial->upper_us);
    assert_string_equal(buffer_terminated(&trial->got), buffer_terminated(&trial->expected));
    trial->expected.length = trial->got.length = 0;
}

static void trial_choose(Trial *trial, PlanKind plan)
{
    trial->plan = plan;
    int64_t kinds = plan == PLAN_INTERVAL_JOIN ? 4 : plan == PLAN_TEMPORAL_JOIN ? 2 : 6;
    trial->kind = (JoinKind)trial_below(trial, kinds);
    trial->has_condition = trial_below(trial, 2) == 0;
    trial->has_text_key = trial_below(trial, 2) == 0;
    trial->matches_null = trial_below(trial, 4) == 0;
    trial->has_changes = plan == PLAN_TEMPORAL_JOIN && trial_below(trial, 3) > 0;
    trial->lower_us = (trial_below(trial, 9) - 5) * SECOND;
    trial->upper_us = trial->lower_us + (trial_below(trial, 8) - 1) * SECOND;
    trial->watermark = TIMESTAMP_MIN;
}

static void run_trial(PlanKind plan, uint64_t seed)
{
    Trial *trial = memory_allocate_zeroed((int64_t)sizeof *trial);
    trial->seed = hash_u64(seed) | 1;
    trial->arena = arena_new(0);
    for (int32_t i = 0; i < 2; i++)
        trial->rows[i] = memory_allocate_zeroed((int64_t)sizeof(Row) * ROWS_MAX);
    trial_choose(trial, plan);
    trial_plan(trial);
    trial->chain = chain_new(seed);
    trial_open_shards(trial, 1);
    Timestamp now = (int64_t)1000 * SECOND;
    for (int32_t step = 0; step < 50; step++) {
        trial_push(trial, (int32_t)trial_below(trial, 2), now);
        trial_compare(trial, seed, step);
        if (trial_below(trial, 3) > 0)
            trial_watermark(trial, now - trial_below(trial, 4000) * 1000);
        trial_compare(trial, seed, step);
        int64_t end = trial_below(trial, 16);
        if (end == 0)
            trial_resume(trial, 1 + (int32_t)trial_below(trial, SHARDS));
        else if (end <= 2)
            trial_recover(trial, 1 + (int32_t)trial_below(trial, SHARDS));
        now += trial_below(trial, 10) == 0 ? 20 * SECOND : trial_below(trial, 800) * 1000;
    }
    trial_watermark(trial, TIMESTAMP_MAX);
    trial_compare(trial, seed, -1);
    trial_close_shards(trial);
    chain_free(trial->chain);
    buffer_free(&trial->expected);
    buffer_free(&trial->got);
    for (int32_t i = 0; i < 2; i++)
        memory_free(trial->rows[i]);
    arena_free(trial->arena);
    memory_free(trial);
}

/* ---- Moments of a temporal join, one by one --------------------------------------------- */

static Trial *temporal_new(JoinKind kind)
{
    Trial *trial = memory_allocate_zeroed((int64_t)sizeof *trial);
    trial->arena = arena_new(0);
    trial->plan = PLAN_TEMPORAL_JOIN;
    trial->kind = kind;
    trial->chain = chain_new(1);
    trial_plan(trial);
    return trial;
}

static void temporal_free(Trial *trial)
{
    trial_close_shards(trial);
    chain_free(trial->chain);
    buffer_free(&trial->got);
    arena_free(trial->arena);
    memory_free(trial);
}

/* A row, and nothing else in between: no barrier, no step of a pass. */
static void temporal_put(Trial *trial, int32_t side, int32_t key, int64_t id, Timestamp time)
{
    Batch *batch = batch_new(&trial->sources[side].schema, BATCH_CAPACITY);
    batch_need_kinds(batch, BATCH_CAPACITY);
    trial_put(trial, batch, &(Row){.key = key, .id = id, .time = time});
    batch_select_all(batch);
    batch->kinds = NULL;
    assert_int_equal(operator_push(trial->ops[0], side, batch), OK);
    arena_reset(trial->bench[0].task.scratch);
    batch_free(batch);
}

static void temporal_pass(Trial *trial, Timestamp watermark)
{
    for (int32_t side = 0; side < 2; side++)
        assert_int_equal(operator_receive_watermark(trial->ops[0], side, watermark), OK);
    arena_reset(trial->bench[0].task.scratch);
}

static void trial_resume_chain(Trial *trial)
{
    trial_close_shards(trial);
    trial_open_shards(trial, 1);
    chain_resume(trial->chain);
}

/* Of several keys, which one shard had: as they came, not by key or time. */
static void test_waiting_rows_keep_their_order(void **state)
{
    (void)state;
    Trial *trial = temporal_new(JOIN_LEFT);
    trial_open_shards(trial, 1);
    temporal_put(trial, 0, 3, 1, 90 * SECOND);
    temporal_put(trial, 0, 1, 2, 80 * SECOND);
    temporal_put(trial, 0, 0, 3, 70 * SECOND);
    temporal_put(trial, 0, 3, 4, 60 * SECOND);
    chain_barrier(trial->chain, true);
    chain_step(trial->chain, INT64_MAX);
    trial_resume_chain(trial);
    temporal_put(trial, 0, 1, 5, 50 * SECOND);
    temporal_pass(trial, 100 * SECOND);
    assert_string_equal(capture_text(trial->captures[0]), "+I 1,null,21,null\n"
                                                          "+I 2,null,7,null\n"
                                                          "+I 3,null,null,null\n"
                                                          "+I 4,null,21,null\n"
                                                          "+I 5,null,7,null\n");
    temporal_free(trial);
}

/* A row that came late is that after a restart too: without a version it counts as late. */
static void test_late_rows_stay_late(void **state)
{
    (void)state;
    Trial *trial = temporal_new(JOIN_INNER);
    trial_open_shards(trial, 1);
    Metric *late = metric_get(METRIC_COUNTER, "weir_late_records_total",
                              operator_labels(trial->ops[0], ""), "", 1);
    temporal_pass(trial, 100 * SECOND);
    temporal_put(trial, 0, 1, 1, 50 * SECOND);
    temporal_put(trial, 0, 1, 2, 150 * SECOND);
    chain_barrier(trial->chain, true);
    chain_step(trial->chain, INT64_MAX);
    trial_resume_chain(trial);
    int64_t before = metric_value(late);
    temporal_pass(trial, 200 * SECOND);
    assert_int_equal(metric_value(late) - before, 1);
    temporal_free(trial);
}

/* Versions whose time to live ends while a checkpoint is written are in this one, and not in the
 * next. */
static void test_versions_that_expire_during_a_pass(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 4; round++) {
        uint64_t passes = 1 + round / 2;
        Trial *trial = temporal_new(JOIN_LEFT);
        BenchWorld world;
        bench_world_open(&world);
        trial->node.temporal_join.state_ttl_us = 10 * SECOND;
        trial->spills = round % 2;
        trial_open_shards(trial, 1);
        trial->bench[0].task.world = &world.base;
        temporal_put(trial, 1, 1, 1, 10 * SECOND);
        temporal_put(trial, 1, 2, 2, 20 * SECOND);
        temporal_pass(trial, 15 * SECOND);
        chain_barrier(trial->chain, true);
        world.now_us = 60 * SECOND;
        assert_int_equal(trial->ops[0]->kind->tick(trial->ops[0], world.now_us), OK);
        chain_step(trial->chain, INT64_MAX);
        if (passes == 2) {
            chain_barrier(trial->chain, false);
            chain_step(trial->chain, INT64_MAX);
        }
        trial_resume_chain(trial);
        temporal_put(trial, 0, 1, 3, 30 * SECOND);
        temporal_put(trial, 0, 2, 4, 30 * SECOND);
        temporal_pass(trial, 100 * SECOND);
        assert_string_equal(capture_text(trial->captures[0]), passes == 1
                                                                  ? "+I 3,1,7,7\n+I 4,2,14,14\n"
                                                                  : "+I 3,null,7,null\n"
                                                                    "+I 4,null,14,null\n");
        temporal_free(trial);
    }
}

/* As checkpoints had rows before there was a compact form: kind, length, code. */
static void test_rows_of_older_checkpoints(void **state)
{
    (void)state;
    Trial *trial = temporal_new(JOIN_LEFT);
    Schema schema = trial->sources[0].schema;
    KeptRows kept;
    kept_open(&kept, trial->arena, &schema);
    Batch *batch = batch_new(&schema, BATCH_CAPACITY);
    batch_need_kinds(batch, BATCH_CAPACITY);
    trial_put(trial, batch, &(Row){.key = 0, .id = 4, .time = SECOND});
    trial_put(trial, batch, &(Row){.key = 3, .id = 5, .time = SECOND, .kind = ROW_DELETE});
    Buffer code = {0}, old = {0}, now = {0};
    KeptRow *rows[2];
    for (int32_t i = 0; i < 2; i++) {
        code.length = 0;
        rowcode_write(&code, batch, i, NULL, COLUMNS);
        buffer_append_u8(&old, (uint8_t)batch_kind(batch, i));
        buffer_append_bytes(&old, buffer_str(&code));
        ByteReader in = byte_reader(buffer_str(&old));
        rows[i] = kept_load(&kept, &in);
        assert_non_null(rows[i]);
        assert_int_equal(byte_reader_left(&in), 0);
        assert_int_equal(rows[i]->kind, batch_kind(batch, i));
        KeptRow *same;
        kept_add(&kept, batch, (Selection){.rows = &i, .count = 1}, &same);
        assert_true(row_equal(kept.layout, (uint8_t *)rows[i], (uint8_t *)same));
        now.length = 0;
        kept_save(&kept, rows[i], &now);
        in = byte_reader(buffer_str(&now));
        same = kept_load(&kept, &in);
        assert_true(same != NULL && same->kind == rows[i]->kind);
        assert_true(row_equal(kept.layout, (uint8_t *)rows[i], (uint8_t *)same));
        old.length = 0;
    }
    ByteReader damaged = byte_reader(str_make("\x09 and no row", 12));
    assert_null(kept_load(&kept, &damaged));
    damaged = byte_reader(str_make(now.data, now.length - 1));
    assert_null(kept_load(&kept, &damaged));
    buffer_free(&code);
    buffer_free(&old);
    buffer_free(&now);
    batch_free(batch);
    kept_close(&kept);
    chain_free(trial->chain);
    arena_free(trial->arena);
    memory_free(trial);
}

/* ---- What older versions have written ---------------------------------------------------- */

/* The number of a window in the records of a checkpoint is 0, where all windows were in one table.
 */
static void state_mix_windows(Buffer *state)
{
    char header[10] = {1, 0}; /* a table's kind of record, its kind; its number */
    int32_t found = 0;
    for (int64_t second = 1; second <= 2; second++) {
        Timestamp instant = second * SECOND - 1000;
        memcpy(header + 2, &instant, sizeof instant);
        for (int64_t i = 0; i + 10 <= state->length; i++) {
            if (memcmp(state->data + i, header, 10) != 0)
                continue;
            memset(state->data + i + 2, 0, 8);
            found++;
        }
    }
    assert_int_equal(found, 2);
    assert_int_equal(state->data[state->length - 9], 3);
    state->data[state->length - 9] = 2;
}

static void test_windows_of_one_table_are_sorted(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        Trial *trial = memory_allocate_zeroed((int64_t)sizeof *trial);
        trial->seed = hash_u64(seed) | 1;
        trial->arena = arena_new(0);
        trial->plan = PLAN_WINDOW_JOIN;
        trial->kind = JOIN_LEFT;
        trial_plan(trial);
        trial->spills = seed;
        trial_open_shards(trial, 1);
        for (int32_t second = 1; second <= 2; second++) {
            temporal_put(trial, 0, 1, second, second * SECOND);
            temporal_put(trial, 1, 1, 10 + second, second * SECOND);
            temporal_put(trial, 0, 2, 20 + second, second * SECOND);
        }
        Buffer saved = {0};
        bench_save(trial->ops, 1, &saved);
        state_mix_windows(&saved);
        trial_close_shards(trial);
        trial->spills = seed / 2;
        trial_open_shards(trial, 1);
        bench_restore(trial->ops, 1, &saved, 1);
        temporal_pass(trial, SECOND);
        Buffer *text = &trial->captures[0]->text;
        sort_lines(trial->arena, text);
        assert_string_equal(buffer_terminated(text), "+I 1,11,7,7\n+I 21,null,14,null\n");
        temporal_pass(trial, 2 * SECOND);
        sort_lines(trial->arena, text);
        assert_string_equal(buffer_terminated(text), "+I 1,11,7,7\n+I 2,12,7,7\n"
                                                     "+I 21,null,14,null\n+I 22,null,14,null\n");
        temporal_free(trial);
    }
}

static int64_t trials = 150; /* more by the first argument */

static void test_interval_joins(void **state)
{
    (void)state;
    for (int64_t seed = 1; seed <= trials; seed++)
        run_trial(PLAN_INTERVAL_JOIN, (uint64_t)seed);
}

static void test_temporal_joins(void **state)
{
    (void)state;
    for (int64_t seed = 1; seed <= trials; seed++)
        run_trial(PLAN_TEMPORAL_JOIN, (uint64_t)seed);
}

static void test_window_joins(void **state)
{
    (void)state;
    for (int64_t seed = 1; seed <= trials; seed++)
        run_trial(PLAN_WINDOW_JOIN, (uint64_t)seed);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        (void)str_parse_int64(str_from(argv[1]), &trials);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interval_joins),
        cmocka_unit_test(test_temporal_joins),
        cmocka_unit_test(test_window_joins),
        cmocka_unit_test(test_waiting_rows_keep_their_order),
        cmocka_unit_test(test_late_rows_stay_late),
        cmocka_unit_test(test_versions_that_expire_during_a_pass),
        cmocka_unit_test(test_windows_of_one_table_are_sorted),
        cmocka_unit_test(test_rows_of_older_checkpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
