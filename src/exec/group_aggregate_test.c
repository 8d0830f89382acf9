/* GROUP BY against a recomputation: its changelog, applied step by step, must always give the
 * table that the query over all rows would, and no step may contradict what is there. */
#include "exec/testing.h"

#include "base/hash.h"
#include "data/rowcode.h"
#include "exec/group_aggregate.h"

enum { KEYS = 12, VALUES = 20, LIVE = 200, CAPACITY = 2048, RESULT_BYTES = 128 };

typedef struct Row {
    int32_t key, value;
} Row;

typedef struct Trial {
    uint64_t seed;
    BenchWorld world;
    Bench bench[2];
    BenchChain *chain;
    PlanTable table;
    PlanNode source, node;
    PlanNode *inputs[1];
    Field fields[2], outputs[8];
    PlanAggregate aggregates[5];
    int32_t shard_count;
    Operator *ops[2];
    Capture *captures[2];
    Row live[LIVE];
    int32_t live_count;
    int64_t counts[KEYS][VALUES + 1];
    char seen[KEYS][RESULT_BYTES]; /* the row as the changelog has it; "" for none */
    bool is_strict;                /* no row may be unchanged */
} Trial;

static int64_t trial_below(Trial *trial, int64_t bound)
{
    trial->seed = hash_u64(trial->seed + 0x9e3779b97f4a7c15ULL);
    return (int64_t)(trial->seed >> 11) % bound;
}

static const int32_t key_columns[] = {0};
static const ColumnList key_list = {.columns = key_columns, .count = 1};

static void trial_plan(Trial *trial, int32_t aggregate_count, bool has_retractions)
{
    static const char *const names[] = {"COUNT", "SUM", "MIN", "MAX", "COUNT"};
    Arena *arena = trial->bench[0].task.query;
    Type bigint = type_simple(TYPE_BIGINT);
    trial->table = (PlanTable){.name = STR("orders")};
    trial->fields[0] = trial->outputs[0] = (Field){STR("k"), type_string()};
    trial->fields[1] = (Field){STR("v"), bigint};
    trial->source = (PlanNode){.kind = PLAN_SOURCE,
                               .schema = {.fields = trial->fields, .count = 2},
                               .source = {.table = &trial->table}};
    trial->inputs[0] = &trial->source;
    for (int32_t i = 0; i < aggregate_count; i++) {
        AggregateCall *call = NULL;
        assert_int_equal(aggregate_bind(str_from(names[i]), arena, &bigint, i > 0, i == 4,
                                        has_retractions, &call, NULL),
                         OK);
        trial->aggregates[i] = (PlanAggregate){.call = call, .args = {1, -1}, .filter = -1};
        trial->outputs[1 + i] = (Field){STR("a"), call->result};
    }
    trial->node = (PlanNode){.kind = PLAN_GROUP_AGGREGATE,
                             .label = "group",
                             .inputs = trial->inputs,
                             .input_count = 1,
                             .distribution = DISTRIBUTION_HASH,
                             .distribution_keys = &key_list,
                             .schema = {.fields = trial->outputs, .count = 1 + aggregate_count}};
    trial->node.group_aggregate.keys = key_columns;
    trial->node.group_aggregate.key_count = 1;
    trial->node.group_aggregate.aggregates = trial->aggregates;
    trial->node.group_aggregate.aggregate_count = aggregate_count;
    trial->node.group_aggregate.has_retractions = has_retractions;
    trial->node.group_aggregate.emits_update_before = true;
}

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

static Trial *trial_new(uint64_t seed)
{
    Trial *trial = memory_allocate_zeroed((int64_t)sizeof *trial);
    trial->seed = seed;
    trial->is_strict = true;
    bench_world_open(&trial->world);
    for (int32_t i = 0; i < 2; i++)
        bench_open(&trial->bench[i]);
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
    for (int32_t i = 0; i < 2; i++)
        bench_close(&trial->bench[i]);
    chain_free(trial->chain);
    memory_free(trial);
}

static const char *const key_names[KEYS] = {
    NULL, "b", "c", "d", "e", "f", "g", "a key of more than twelve bytes", "i", "j", "k", "l",
};

static void trial_put(Trial *trial, Batch *batch, Row row, RowKind kind)
{
    int32_t at = batch->row_count++;
    batch->kinds[at] = (uint8_t)kind;
    if (row.key == 0)
        column_set_null(&batch->columns[0], batch->arena, at, CAPACITY);
    else
        ((StrView *)batch->columns[0].values)[at] = str_view_borrow(str_from(key_names[row.key]));
    if (row.value == VALUES)
        column_set_null(&batch->columns[1], batch->arena, at, CAPACITY);
    else
        put_i64(batch, 1, at, row.value - 5);
    trial->counts[row.key][row.value] += row_kind_is_retraction((uint8_t)kind) ? -1 : 1;
}

static void trial_push(Trial *trial, Batch *batch)
{
    uint64_t hashes[CAPACITY];
    batch_select_all(batch);
    rowcode_hash(batch, key_columns, 1, batch->selection, hashes);
    for (int32_t shard = 0; shard < trial->shard_count; shard++) {
        int32_t rows[CAPACITY];
        int32_t count = 0;
        for (int32_t row = 0; row < batch->row_count; row++)
            if (exchange_shard_of(hashes[row], trial->shard_count) == shard)
                rows[count++] = row;
        Batch view = *batch;
        view.selection = (Selection){.rows = rows, .count = count};
        bench_push(&trial->bench[shard], trial->ops[shard], 0, &view);
    }
}

static void trial_change(Trial *trial, Batch *batch, bool has_retractions)
{
    Row row = {.key = (int32_t)trial_below(trial, KEYS),
               .value = (int32_t)trial_below(trial, VALUES + 1)};
    if (!has_retractions || trial->live_count == 0 || trial_below(trial, 2) == 0) {
        trial_put(trial, batch, row, ROW_INSERT);
        if (trial->live_count < LIVE)
            trial->live[trial->live_count++] = row;
        return;
    }
    int32_t at = (int32_t)trial_below(trial, trial->live_count);
    if (trial_below(trial, 3) > 0) {
        trial_put(trial, batch, trial->live[at], ROW_DELETE);
        trial->live[at] = trial->live[--trial->live_count];
        return;
    }
    trial_put(trial, batch, trial->live[at], ROW_UPDATE_BEFORE);
    trial->live[at].value = row.value;
    trial_put(trial, batch, trial->live[at], ROW_UPDATE_AFTER);
}

static int32_t key_of(Str line)
{
    Str rest;
    Str key = str_split(str_make(line.data + 3, line.length - 3), ',', &rest);
    for (int32_t i = 1; i < KEYS; i++)
        if (str_is(key, key_names[i]))
            return i;
    assert_true(str_is(key, "null"));
    return 0;
}

/* Apply one line of the changelog; it must fit what is there. */
static void trial_apply(Trial *trial, Str line, int32_t *updating)
{
    char *seen = trial->seen[key_of(line)];
    Str row = str_make(line.data + 3, line.length - 3);
    bool is_there = seen[0] != '\0';
    bool is_same = is_there && str_is(row, seen);
    if (str_has_prefix(line, STR("-U")) || str_has_prefix(line, STR("-D"))) {
        assert_true(is_same);
        assert_int_equal(*updating, -1);
        *updating = line.data[1] == 'U' ? key_of(line) : -1;
        if (line.data[1] == 'D')
            seen[0] = '\0';
        return;
    }
    assert_int_equal(is_there, str_has_prefix(line, STR("+U")));
    if (trial->node.group_aggregate.emits_update_before)
        assert_int_equal(*updating, is_there ? key_of(line) : -1);
    if (trial->is_strict)
        assert_false(is_same);
    *updating = -1;
    assert_true(row.length < RESULT_BYTES);
    memcpy(seen, row.data, (size_t)row.length);
    seen[row.length] = '\0';
}

static void append_number(Buffer *out, bool is_null, int64_t value)
{
    if (is_null)
        buffer_append_text(out, ",null");
    else
        buffer_printf(out, ",%lld", (long long)value);
}

static void model_row(const Trial *trial, int32_t key, int32_t aggregates, Buffer *out)
{
    int64_t records = 0, number = 0, sum = 0, low = VALUES, high = -1, distinct = 0;
    for (int32_t v = 0; v <= VALUES; v++) {
        int64_t count = trial->counts[key][v];
        records += count;
        if (v == VALUES || count == 0)
            continue;
        number += count;
        sum += count * (v - 5);
        low = v < low ? v : low;
        high = v;
        distinct++;
    }
    if (records == 0)
        return;
    buffer_append_text(out, key == 0 ? "null" : key_names[key]);
    int64_t results[] = {records, sum, low - 5, high - 5, distinct};
    for (int32_t i = 0; i < aggregates; i++)
        append_number(out, number == 0 && i > 0 && i < 4, results[i]);
}

static void trial_check(Trial *trial)
{
    for (int32_t shard = 0; shard < trial->shard_count; shard++) {
        Capture *capture = trial->captures[shard];
        int32_t updating = -1;
        Str rest = buffer_str(&capture->text);
        while (rest.length > 0)
            trial_apply(trial, str_split(rest, '\n', &rest), &updating);
        assert_int_equal(updating, -1);
        capture_clear(capture);
    }
    for (int32_t key = 0; key < KEYS; key++) {
        Buffer expected = {0};
        model_row(trial, key, trial->node.group_aggregate.aggregate_count, &expected);
        assert_string_equal(trial->seen[key], buffer_terminated(&expected));
        buffer_free(&expected);
    }
}

/* Write all state down, and go on from it with another number of shards. */
static void trial_resume(Trial *trial, int32_t shards)
{
    Buffer saved[2] = {0};
    int32_t before = trial->shard_count;
    bench_save(trial->ops, before, saved);
    trial_close_shards(trial);
    trial_open_shards(trial, shards);
    bench_restore(trial->ops, shards, saved, before);
}

/* Go on from the last checkpoint. */
static void trial_recover(Trial *trial, int32_t shards)
{
    chain_end(trial->chain);
    trial_close_shards(trial);
    trial_open_shards(trial, shards);
    chain_resume(trial->chain);
}

static void run_trial(uint64_t seed)
{
    Trial *trial = trial_new(seed);
    trial->chain = chain_new(seed);
    bench_spill(trial->bench, 2, seed);
    bool has_retractions = trial_below(trial, 3) > 0;
    trial_plan(trial, (int32_t)trial_below(trial, 6), has_retractions);
    trial->node.group_aggregate.emits_update_before = trial_below(trial, 2) == 0;
    trial_open_shards(trial, 1);
    for (int32_t step = 0; step < 30; step++) {
        Batch *batch = batch_new(&trial->source.schema, CAPACITY);
        batch_need_kinds(batch, CAPACITY);
        int64_t changes = 1 + trial_below(trial, 40);
        for (int64_t i = 0; i < changes; i++)
            trial_change(trial, batch, has_retractions);
        trial_push(trial, batch);
        batch_free(batch);
        trial_check(trial);
        if (trial_below(trial, 6) == 0)
            trial_recover(trial, 1 + (int32_t)trial_below(trial, 2));
    }
    trial_free(trial);
}

static void test_groups_equal_a_recomputation(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++)
        run_trial(seed);
}

static void push_one(Trial *trial, int32_t key, int32_t value, RowKind kind)
{
    Batch *batch = batch_new(&trial->source.schema, 4);
    batch_need_kinds(batch, 4);
    trial_put(trial, batch, (Row){key, value}, kind);
    trial_push(trial, batch);
    batch_free(batch);
}

static void test_retractions_of_unknown_keys_are_ignored(void **state)
{
    (void)state;
    Trial *trial = trial_new(7);
    trial_plan(trial, 2, true);
    trial_open_shards(trial, 1);
    push_one(trial, 1, 8, ROW_DELETE);
    assert_string_equal(capture_text(trial->captures[0]), "");
    push_one(trial, 1, 9, ROW_INSERT);
    assert_string_equal(capture_text(trial->captures[0]), "+I b,1,4\n");
    trial_free(trial);
}

static void test_unchanged_results_are_silent_unless_state_expires(void **state)
{
    (void)state;
    Trial *trial = trial_new(7);
    trial_plan(trial, 0, false);
    trial_open_shards(trial, 1);
    push_one(trial, 1, 8, ROW_INSERT);
    push_one(trial, 1, 8, ROW_INSERT);
    assert_string_equal(capture_text(trial->captures[0]), "+I b\n");
    trial->node.group_aggregate.state_ttl_us = 1000000;
    push_one(trial, 1, 8, ROW_INSERT);
    assert_string_equal(capture_text(trial->captures[0]), "+I b\n-U b\n+U b\n");
    trial_free(trial);
}

static void test_state_expires_after_its_last_write(void **state)
{
    (void)state;
    Trial *trial = trial_new(7);
    trial_plan(trial, 2, false);
    trial->node.group_aggregate.state_ttl_us = 1000000;
    trial->world.now_us = 5000000;
    trial_open_shards(trial, 1);
    push_one(trial, 1, 8, ROW_INSERT);
    trial->world.now_us = 5999999;
    push_one(trial, 1, 8, ROW_INSERT);
    trial->world.now_us = 7000000; /* the key was written in the millisecond before 6 s */
    push_one(trial, 1, 8, ROW_INSERT);
    assert_string_equal(capture_text(trial->captures[0]),
                        "+I b,1,3\n-U b,1,3\n+U b,2,6\n+I b,1,3\n");
    assert_int_equal(trial->ops[0]->kind->tick(trial->ops[0], 9000000), OK);
    Buffer saved = {0};
    assert_int_equal(operator_save(trial->ops[0], 1, &saved), OK);
    assert_int_equal(saved.length, 5); /* no records, and the version */
    buffer_free(&saved);
    trial_free(trial);
}

static void test_a_count_and_a_sum_take_32_bytes(void **state)
{
    (void)state;
    Trial *trial = trial_new(7);
    trial_plan(trial, 2, true);
    trial_open_shards(trial, 1);
    assert_int_equal(((GroupAggregate *)trial->ops[0])->group.bytes + (int32_t)sizeof(GroupHead),
                     32);
    trial_free(trial);
}

static void test_the_time_to_live_in_ticks(void **state)
{
    (void)state;
    const int64_t day_us = 86400000000;
    const int64_t ttls[] = {1000, 999999, 3600000000, day_us, 3650 * day_us};
    const int64_t start_us = 20000 * day_us + 1234567;
    for (int32_t i = 0; i < 5; i++) {
        GroupClock clock = group_clock(ttls[i]);
        GroupHead head = {.records = 1};
        group_clock_set(&clock, start_us);
        head.written = clock.written;
        int64_t written_us = group_written_us(&clock, &head);
        assert_in_range(written_us, start_us, start_us + clock.tick_us);
        group_clock_set(&clock, start_us + ttls[i] - 1);
        assert_false(group_is_expired(&clock, &head));
        group_clock_set(&clock, start_us - day_us); /* set back */
        assert_false(group_is_expired(&clock, &head));
        for (int64_t times = 2; times <= 100; times += 14) {
            group_clock_set(&clock, start_us + times * ttls[i] + 2 * clock.tick_us);
            assert_true(group_is_expired(&clock, &head));
            assert_int_equal(group_written_us(&clock, &head), written_us);
        }
        /* Out of a checkpoint, soon and long after. */
        GroupHead loaded = {.records = 1};
        group_clock_set(&clock, start_us + ttls[i] / 2);
        group_set_written_us(&clock, &loaded, written_us);
        assert_int_equal(loaded.written, head.written);
        group_clock_set(&clock, start_us + 100000 * day_us);
        group_set_written_us(&clock, &loaded, written_us);
        assert_true(group_is_expired(&clock, &loaded));
    }
}

static void test_more_keys_than_fit_a_batch_of_updates(void **state)
{
    (void)state;
    Trial *trial = trial_new(7);
    trial_plan(trial, 1, false);
    trial_open_shards(trial, 1);
    Batch *batch = batch_new(&trial->source.schema, CAPACITY);
    for (int32_t i = 0; i < CAPACITY; i++) {
        char *name = arena_printf(batch->arena, "key %d", i);
        ((StrView *)batch->columns[0].values)[i] = str_view_borrow(str_from(name));
    }
    batch->row_count = CAPACITY;
    batch_select_all(batch);
    bench_push(&trial->bench[0], trial->ops[0], 0, batch);
    assert_int_equal(trial->captures[0]->rows, CAPACITY);
    batch_select_all(batch);
    bench_push(&trial->bench[0], trial->ops[0], 0, batch);
    assert_int_equal(trial->captures[0]->rows, 3 * CAPACITY);
    assert_non_null(strstr(capture_text(trial->captures[0]), "-U key 2047,1\n+U key 2047,2\n"));
    batch_free(batch);
    trial_free(trial);
}

static void test_damaged_state_is_refused(void **state)
{
    (void)state;
    Trial *trial = trial_new(7);
    trial_plan(trial, 5, true);
    trial_open_shards(trial, 1);
    for (int32_t key = 0; key < KEYS; key++)
        push_one(trial, key, key, ROW_INSERT);
    Buffer saved = {0};
    assert_int_equal(operator_save(trial->ops[0], 1, &saved), OK);
    for (int64_t length = 0; length < saved.length; length++) {
        Operator *fresh = operator_new(&trial->bench[0].task, &trial->node);
        assert_int_equal(fresh->kind->open(fresh), OK);
        assert_int_equal(operator_load(fresh, str_make(saved.data, length), &(StateOrigin){0, 1}),
                         ERR_CORRUPT);
        operator_close(fresh);
    }
    buffer_free(&saved);
    trial_free(trial);
}

/* ---- Batch mode ------------------------------------------------------------------------ */

static void final_end(Trial *trial)
{
    for (int32_t i = 0; i < trial->shard_count; i++)
        bench_watermark(&trial->bench[i], trial->ops[i], 0, TIMESTAMP_MAX);
}

static Trial *final_new(int32_t aggregates, int32_t shards)
{
    Trial *trial = trial_new(7);
    trial_plan(trial, aggregates, false);
    trial->node.group_aggregate.is_final = true;
    trial->node.group_aggregate.emits_update_before = false;
    trial_open_shards(trial, shards);
    return trial;
}

/* Without keys the columns of the output are those of the aggregates alone. */
static Trial *final_new_global(void)
{
    Trial *trial = trial_new(7);
    trial_plan(trial, 4, false);
    trial->node.group_aggregate.is_final = true;
    trial->node.group_aggregate.key_count = 0;
    trial->node.schema = (Schema){.fields = trial->outputs + 1, .count = 4};
    trial->node.distribution = DISTRIBUTION_SINGLE;
    trial_open_shards(trial, 1);
    return trial;
}

static void test_final_rows_come_at_the_end_in_order_of_first_touch(void **state)
{
    (void)state;
    Trial *trial = final_new(4, 1);
    push_one(trial, 5, 8, ROW_INSERT);
    push_one(trial, 0, VALUES, ROW_INSERT);
    push_one(trial, 7, 9, ROW_INSERT);
    push_one(trial, 5, 6, ROW_INSERT);
    push_one(trial, 1, 7, ROW_INSERT);
    bench_watermark(&trial->bench[0], trial->ops[0], 0, 1000);
    assert_string_equal(capture_text(trial->captures[0]), "");
    final_end(trial);
    assert_string_equal(capture_text(trial->captures[0]),
                        "+I f,2,4,1,3\n+I null,1,null,null,null\n"
                        "+I a key of more than twelve bytes,1,4,4,4\n+I b,1,2,2,2\n");
    trial_free(trial);
}

static void test_final_rows_survive_a_restart(void **state)
{
    (void)state;
    for (int32_t shards = 1; shards <= 2; shards++) {
        Trial *trial = final_new(5, 1);
        for (int32_t round = 0; round < 3; round++) {
            for (int32_t key = KEYS - 1; key >= 0; key--)
                push_one(trial, key, (3 * key + round) % VALUES, ROW_INSERT);
            trial_resume(trial, round == 1 ? shards : trial->shard_count);
        }
        if (shards == 1) {
            final_end(trial);
            assert_int_equal(strncmp(capture_text(trial->captures[0]), "+I l,3,", 7), 0);
            assert_int_equal(trial->captures[0]->rows, KEYS);
            trial_check(trial);
            /* What is out does not come again. */
            trial_resume(trial, 2);
            final_end(trial);
            assert_int_equal(trial->captures[0]->rows + trial->captures[1]->rows, 0);
        } else {
            /* One shard is done and the other is not when the state is taken: nothing is lost. */
            bench_watermark(&trial->bench[0], trial->ops[0], 0, TIMESTAMP_MAX);
            int64_t first = trial->captures[0]->rows;
            assert_in_range(first, 1, KEYS - 1);
            trial_resume(trial, 1);
            final_end(trial);
            assert_int_equal(trial->captures[0]->rows, KEYS - first);
        }
        trial_free(trial);
    }
}

static void test_final_row_of_nothing(void **state)
{
    (void)state;
    Trial *trial = final_new(4, 1);
    final_end(trial);
    assert_string_equal(capture_text(trial->captures[0]), "");
    trial_free(trial);
    trial = final_new_global();
    trial_resume(trial, 1);
    final_end(trial);
    assert_string_equal(capture_text(trial->captures[0]), "+I 0,null,null,null\n");
    trial_resume(trial, 1);
    final_end(trial);
    assert_string_equal(capture_text(trial->captures[0]), "");
    trial_free(trial);
    trial = final_new_global();
    push_one(trial, 1, 8, ROW_INSERT);
    trial_resume(trial, 1);
    push_one(trial, 2, 9, ROW_INSERT);
    final_end(trial);
    assert_string_equal(capture_text(trial->captures[0]), "+I 2,7,3,4\n");
    trial_free(trial);
}

static void test_final_rows_of_more_keys_than_a_batch(void **state)
{
    (void)state;
    Trial *trial = final_new(1, 1);
    for (int32_t round = 0; round < 3; round++) {
        Batch *batch = batch_new(&trial->source.schema, CAPACITY);
        for (int32_t i = 0; i < CAPACITY; i++) {
            char *name = arena_printf(batch->arena, "key number %d", i + 1500 * round);
            ((StrView *)batch->columns[0].values)[i] = str_view_borrow(str_from(name));
        }
        batch->row_count = CAPACITY;
        batch_select_all(batch);
        bench_push(&trial->bench[0], trial->ops[0], 0, batch);
        batch_free(batch);
    }
    final_end(trial);
    assert_int_equal(trial->captures[0]->rows, 3000 + CAPACITY);
    const char *text = capture_text(trial->captures[0]);
    assert_int_equal(strncmp(text, "+I key number 0,1\n+I key number 1,1\n", 36), 0);
    assert_non_null(strstr(text, "+I key number 1999,2\n+I key number 2000,2\n"));
    assert_non_null(strstr(text, "+I key number 5047,1\n"));
    trial_free(trial);
}

static void test_damaged_final_state_is_refused(void **state)
{
    (void)state;
    Trial *trial = final_new(5, 1);
    for (int32_t key = 0; key < KEYS; key++)
        push_one(trial, key, key, ROW_INSERT);
    Buffer saved = {0};
    assert_int_equal(operator_save(trial->ops[0], 1, &saved), OK);
    for (int64_t length = 0; length <= saved.length; length++) {
        /* Whole, it is refused by a query of streaming mode. */
        trial->node.group_aggregate.is_final = length < saved.length;
        Operator *fresh = operator_new(&trial->bench[0].task, &trial->node);
        assert_int_equal(fresh->kind->open(fresh), OK);
        assert_int_equal(operator_load(fresh, str_make(saved.data, length), &(StateOrigin){0, 1}),
                         ERR_CORRUPT);
        operator_close(fresh);
    }
    trial->node.group_aggregate.is_final = true;
    buffer_free(&saved);
    trial_free(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_equal_a_recomputation),
        cmocka_unit_test(test_retractions_of_unknown_keys_are_ignored),
        cmocka_unit_test(test_unchanged_results_are_silent_unless_state_expires),
        cmocka_unit_test(test_state_expires_after_its_last_write),
        cmocka_unit_test(test_a_count_and_a_sum_take_32_bytes),
        cmocka_unit_test(test_the_time_to_live_in_ticks),
        cmocka_unit_test(test_more_keys_than_fit_a_batch_of_updates),
        cmocka_unit_test(test_damaged_state_is_refused),
        cmocka_unit_test(test_final_rows_come_at_the_end_in_order_of_first_touch),
        cmocka_unit_test(test_final_rows_survive_a_restart),
        cmocka_unit_test(test_final_row_of_nothing),
        cmocka_unit_test(test_final_rows_of_more_keys_than_a_batch),
        cmocka_unit_test(test_damaged_final_state_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
