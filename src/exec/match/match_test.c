/* MATCH_RECOGNIZE against a matcher that tries every way to cut the rows: random patterns and rows,
 * watermarks in between, and chains of checkpoints, taken bit by bit between the rows, from which
 * another number of shards goes on. */
#include "exec/testing.h"

#include <stdlib.h>

#include "base/hash.h"
#include "data/rowcode.h"
#include "exec/match/match.h"

enum { VARIABLES = 4, ROWS_MAX = 60, SHARDS = 3, KEYS = 3, CAPACITY = 64, COLUMNS = 3 + VARIABLES };

typedef struct Row {
    int64_t id;
    int32_t key;
    bool fits[VARIABLES]; /* what each variable's condition says of the row */
} Row;

typedef struct Found {
    int64_t first, last; /* ids */
} Found;

typedef struct Trial {
    uint64_t seed;
    Arena *arena;
    Bench bench[SHARDS];
    BenchChain *chain;
    Operator *ops[SHARDS];
    Capture *captures[SHARDS];
    int32_t shard_count;
    PlanTable table;
    PlanNode source, node;
    PlanNode *inputs[1];
    Field fields[COLUMNS], outputs[4];
    PlanMatchVariable variables[VARIABLES];
    PlanMatchSlot slots[VARIABLES], measures[3];
    int32_t variable_count;
    Row rows[ROWS_MAX];
    int32_t row_count;
    Buffer got;
    uint64_t spills; /* odd: all state leaves memory after each batch */
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

/* ---- The plan -------------------------------------------------------------------------- */

static const int32_t key_columns[] = {1};
static const ColumnList key_list = {.columns = key_columns, .count = 1};

static void trial_quantifier(Trial *trial, PlanMatchVariable *variable, bool is_last)
{
    static const int32_t bounds[][2] = {{1, 1}, {0, 1},  {1, -1}, {0, -1}, {2, 2},
                                        {1, 3}, {2, -1}, {0, 2},  {2, 4},  {1, 1}};
    int64_t which = trial_below(trial, 10);
    variable->min = bounds[which][0];
    variable->max = bounds[which][1];
    bool is_plain = variable->min == variable->max || variable->max == 1;
    variable->is_reluctant = !is_plain && (is_last || trial_below(trial, 2) == 0);
}

/* The variable takes rows whose column of that number is true. */
static void trial_condition(Trial *trial, int32_t v)
{
    trial->slots[v] = (PlanMatchSlot){.kind = MATCH_SLOT_LAST,
                                      .variable = v,
                                      .has_current = true,
                                      .column = 3 + v,
                                      .field = trial->fields[3 + v]};
    trial->variables[v].condition = expr_column(trial->arena, v, trial->fields[3 + v].type);
}

static void trial_pattern(Trial *trial)
{
    trial->variable_count = 1 + (int32_t)trial_below(trial, VARIABLES);
    bool is_empty = true;
    for (int32_t v = 0; v < trial->variable_count; v++) {
        PlanMatchVariable *variable = &trial->variables[v];
        *variable = (PlanMatchVariable){.name = str_from("v")};
        trial_quantifier(trial, variable, v + 1 == trial->variable_count);
        is_empty = is_empty && variable->min == 0;
        trial_condition(trial, v);
    }
    if (is_empty)
        trial->variables[0].min = trial->variables[0].max = 1;
}

static void trial_plan(Trial *trial)
{
    static const char *const names[] = {"id", "k", "ts", "a", "b", "c", "d"};
    for (int32_t i = 0; i < COLUMNS; i++)
        trial->fields[i] =
            (Field){str_from(names[i]), type_simple(i < 2 ? TYPE_BIGINT : TYPE_BOOLEAN)};
    trial->fields[2].type = type_timestamp(3);
    trial_pattern(trial);
    trial->table = (PlanTable){.name = STR("events")};
    trial->source = (PlanNode){.kind = PLAN_SOURCE,
                               .schema = {.fields = trial->fields, .count = COLUMNS},
                               .source = {.table = &trial->table}};
    trial->inputs[0] = &trial->source;
    for (int32_t i = 0; i < 2; i++)
        trial->measures[i] = (PlanMatchSlot){.kind = i == 0 ? MATCH_SLOT_FIRST : MATCH_SLOT_LAST,
                                             .variable = MATCH_ALL_VARIABLES,
                                             .field = trial->fields[0]};
    AggregateCall *count = NULL;
    assert_int_equal(
        aggregate_bind(STR("COUNT"), trial->arena, NULL, 0, false, false, &count, NULL), OK);
    trial->measures[2] =
        (PlanMatchSlot){.kind = MATCH_SLOT_AGGREGATE,
                        .variable = MATCH_ALL_VARIABLES,
                        .aggregate = {.call = count, .args = {-1, -1}, .filter = -1},
                        .field = {STR("n"), count->result}};
    trial->outputs[0] = trial->fields[1];
    for (int32_t i = 0; i < 3; i++)
        trial->outputs[1 + i] = trial->measures[i].field;
    trial->node = (PlanNode){.kind = PLAN_MATCH,
                             .label = "match",
                             .inputs = trial->inputs,
                             .input_count = 1,
                             .distribution = DISTRIBUTION_HASH,
                             .distribution_keys = &key_list,
                             .schema = {.fields = trial->outputs, .count = 4}};
    trial->node.match.keys = key_columns;
    trial->node.match.key_count = 1;
    trial->node.match.time_column = 2;
    trial->node.match.variables = trial->variables;
    trial->node.match.variable_count = trial->variable_count;
    trial->node.match.skip =
        trial_below(trial, 2) == 0 ? MATCH_SKIP_TO_NEXT_ROW : MATCH_SKIP_PAST_LAST_ROW;
    /* Often longer than all: at the end what waits for an unfinished match comes out. */
    int64_t within = trial_below(trial, 2) == 0 ? 3600 : 2 + trial_below(trial, 12);
    trial->node.match.within_us = within * MICROS_PER_SECOND;
    trial->node.match.unfinished_max = 100000;
    trial->node.match.slots = trial->slots;
    trial->node.match.slot_count = trial->variable_count;
    trial->node.match.measures = trial->measures;
    trial->node.match.measure_count = 3;
}

/* ---- Every way to cut the rows --------------------------------------------------------- */

static bool variable_is_greedy(const PlanMatchVariable *variable)
{
    return !variable->is_reluctant && variable->max != 1 && variable->min != variable->max;
}

/* Whether the rows at … end - 1 are a run for the variables v and later. `guard` is the variable
 * directly before in the pattern if it is greedy: v and what may be passed by to after it is not
 * for rows which that could have. */
static bool cut_fits(const Trial *trial, const Row *const *rows, int32_t at, int32_t end, int32_t v)
{
    if (v >= trial->variable_count || v >= VARIABLES)
        return at == end;
    const PlanMatchVariable *variable = &trial->variables[v];
    int32_t max = variable->max < 0 ? end - at : variable->max;
    bool is_guarded = v > 0 && variable_is_greedy(&trial->variables[v - 1]);
    for (int32_t n = 0; n <= max && at + n <= end; n++) {
        if (n > 0 && !rows[at + n - 1]->fits[v])
            return false;
        if (n < variable->min)
            continue;
        /* The first row behind a greedy variable, whoever takes it. With none left the pattern
         * looks at the last row, which is quaint but Flink's way. */
        const Row *judged = rows[at < end ? at : end - 1];
        if (is_guarded && judged->fits[v - 1])
            continue;
        if (cut_fits(trial, rows, at + n, end, v + 1))
            return true;
    }
    return false;
}

/* The matches of one key's rows: from each row the shortest one. */
static int32_t brute_matches(const Trial *trial, const Row *const *rows, int32_t count, Found *out)
{
    int32_t found = 0;
    for (int32_t from = 0; from < count; from++) {
        for (int32_t end = from + 1; end <= count; end++) {
            int64_t taken = (rows[end - 1]->id - rows[from]->id) * MICROS_PER_SECOND;
            if (taken >= trial->node.match.within_us)
                break;
            if (!cut_fits(trial, rows, from, end, 0))
                continue;
            out[found++] = (Found){.first = rows[from]->id, .last = rows[end - 1]->id};
            if (trial->node.match.skip == MATCH_SKIP_PAST_LAST_ROW)
                from = end - 1;
            break;
        }
    }
    return found;
}

/* The lines in order. */
static const char *sorted_lines(Arena *arena, const char *text)
{
    Buffer out = {0};
    buffer_append_text(&out, text);
    sort_lines(arena, &out);
    const char *sorted = arena_printf(arena, "%s", buffer_terminated(&out));
    buffer_free(&out);
    return sorted;
}

static const char *brute_text(Trial *trial)
{
    Buffer out = {0};
    for (int32_t key = 0; key < KEYS; key++) {
        const Row *rows[ROWS_MAX];
        Found found[ROWS_MAX];
        int32_t count = 0;
        for (int32_t i = 0; i < trial->row_count; i++) {
            if (trial->rows[i].key == key)
                rows[count++] = &trial->rows[i];
        }
        int32_t matches = brute_matches(trial, rows, count, found);
        for (int32_t i = 0; i < matches; i++) {
            int32_t length = 0;
            for (int32_t r = 0; r < count; r++)
                length += rows[r]->id >= found[i].first && rows[r]->id <= found[i].last;
            buffer_printf(&out, "+I %d,%lld,%lld,%d\n", key, (long long)found[i].first,
                          (long long)found[i].last, length);
        }
    }
    const char *text = sorted_lines(trial->arena, buffer_terminated(&out));
    buffer_free(&out);
    return text;
}

/* ---- The operator ---------------------------------------------------------------------- */

static void trial_open(Trial *trial, int32_t shards)
{
    trial->shard_count = shards;
    for (int32_t i = 0; i < shards; i++) {
        bench_open(&trial->bench[i]);
        bench_spill(&trial->bench[i], 1, trial->spills);
        trial->bench[i].task.shard = i;
        trial->bench[i].task.shard_count = shards;
        trial->ops[i] = operator_new(&trial->bench[i].task, &trial->node);
        assert_int_equal(trial->ops[i]->kind->open(trial->ops[i]), OK);
        trial->captures[i] = capture_new(&trial->bench[i]);
        operator_connect(trial->ops[i], &trial->captures[i]->base, 0);
    }
    chain_follow(trial->chain, trial->bench, trial->ops, shards);
}

static void trial_close(Trial *trial)
{
    for (int32_t i = 0; i < trial->shard_count; i++) {
        buffer_append_text(&trial->got, capture_text(trial->captures[i]));
        operator_close(trial->ops[i]);
        capture_close(&trial->captures[i]->base);
        bench_close(&trial->bench[i]);
    }
}

/* The state of all shards, taken up by another number of them: as of the last checkpoint, or of a
 * savepoint of this moment. */
static void trial_rescale(Trial *trial)
{
    Buffer states[SHARDS] = {0};
    int32_t before = trial->shard_count;
    bool is_savepoint = trial_below(trial, 2) == 0;
    if (is_savepoint) {
        chain_step(trial->chain, INT64_MAX);
        bench_save(trial->ops, before, states);
    } else {
        chain_end(trial->chain);
    }
    trial_close(trial);
    trial_open(trial, 1 + (int32_t)trial_below(trial, SHARDS));
    if (is_savepoint)
        bench_restore(trial->ops, trial->shard_count, states, before);
    else
        chain_resume(trial->chain);
}

static void trial_push(Trial *trial, const Row *const *rows, int32_t count)
{
    Batch *batches[SHARDS];
    Batch *one = batch_new(&trial->source.schema, CAPACITY);
    for (int32_t i = 0; i < trial->shard_count; i++)
        batches[i] = batch_new(&trial->source.schema, CAPACITY);
    for (int32_t r = 0; r < count; r++) {
        batch_reset(one, &trial->source.schema, CAPACITY);
        put_i64(one, 0, 0, rows[r]->id);
        put_i64(one, 1, 0, rows[r]->key);
        put_i64(one, 2, 0, rows[r]->id * MICROS_PER_SECOND);
        for (int32_t v = 0; v < VARIABLES; v++)
            ((uint8_t *)one->columns[3 + v].values)[0] = rows[r]->fits[v];
        one->row_count = 1;
        batch_select_all(one);
        uint64_t hash;
        rowcode_hash(one, key_columns, 1, one->selection, &hash);
        batch_append(batches[exchange_shard_of(hash, trial->shard_count)], one, one->selection,
                     CAPACITY);
    }
    for (int32_t i = 0; i < trial->shard_count; i++) {
        bench_push(&trial->bench[i], trial->ops[i], 0, batches[i]);
        batch_free(batches[i]);
    }
    batch_free(one);
}

static void trial_rows(Trial *trial)
{
    trial->row_count = 1 + (int32_t)trial_below(trial, ROWS_MAX - 1);
    for (int32_t i = 0; i < trial->row_count; i++) {
        Row *row = &trial->rows[i];
        *row = (Row){.id = i + 1, .key = (int32_t)trial_below(trial, KEYS)};
        for (int32_t v = 0; v < VARIABLES; v++)
            row->fits[v] = trial_below(trial, 5) < 3;
    }
}

/* Rows come in blocks, shuffled within, with a watermark behind each: at its end, or some rows
 * before, which go on waiting. */
static void trial_run(Trial *trial)
{
    trial_open(trial, 1 + (int32_t)trial_below(trial, SHARDS));
    for (int32_t from = 0; from < trial->row_count;) {
        const Row *block[CAPACITY] = {NULL};
        int32_t count = 1 + (int32_t)trial_below(trial, 12);
        if (count > trial->row_count - from)
            count = trial->row_count - from;
        for (int32_t i = 0; i < count; i++) {
            int32_t to = (int32_t)trial_below(trial, i + 1);
            block[i] = block[to];
            block[to] = &trial->rows[from + i];
        }
        trial_push(trial, block, count / 2);
        if (trial_below(trial, 4) == 0)
            trial_rescale(trial);
        trial_push(trial, block + count / 2, count - count / 2);
        from += count;
        int64_t passed = trial_below(trial, 2) == 0 ? from : from - trial_below(trial, 6);
        for (int32_t i = 0; i < trial->shard_count; i++)
            bench_watermark(&trial->bench[i], trial->ops[i], 0, passed * MICROS_PER_SECOND);
        if (trial_below(trial, 4) == 0)
            trial_rescale(trial);
    }
    for (int32_t i = 0; i < trial->shard_count; i++)
        bench_watermark(&trial->bench[i], trial->ops[i], 0, TIMESTAMP_MAX);
    trial_close(trial);
}

static int trials = 400;

static void test_matches_are_those_of_every_cut(void **state)
{
    (void)state;
    for (int32_t i = 0; i < trials; i++) {
        Trial *trial = memory_allocate_zeroed((int64_t)sizeof(Trial));
        trial->seed = hash_u64((uint64_t)i + 1);
        trial->arena = arena_new(0);
        trial->chain = chain_new((uint64_t)i + 1);
        trial->spills = (uint64_t)i;
        trial_plan(trial);
        trial_rows(trial);
        trial_run(trial);
        const char *expected = brute_text(trial);
        const char *got = sorted_lines(trial->arena, buffer_terminated(&trial->got));
        if (strcmp(expected, got) != 0) {
            print_error("trial %d\n", i);
            for (int32_t v = 0; v < trial->variable_count; v++)
                print_error("  {%d,%d}%s\n", trial->variables[v].min, trial->variables[v].max,
                            trial->variables[v].is_reluctant ? "?" : "");
        }
        assert_string_equal(got, expected);
        buffer_free(&trial->got);
        chain_free(trial->chain);
        arena_free(trial->arena);
        memory_free(trial);
    }
}

/* ---- Around a checkpoint --------------------------------------------------------------- */

/* A row for which v0 holds and one for which v1 does, within ten seconds. */
static Trial *pair_new(bool spills)
{
    Trial *trial = memory_allocate_zeroed((int64_t)sizeof(Trial));
    trial->seed = 1;
    trial->spills = spills;
    trial->arena = arena_new(0);
    trial->chain = chain_new(1);
    trial_plan(trial);
    for (int32_t v = 0; v < 2; v++) {
        trial->variables[v] = (PlanMatchVariable){.name = str_from("v"), .min = 1, .max = 1};
        trial_condition(trial, v);
    }
    trial->node.match.variable_count = trial->node.match.slot_count = 2;
    trial->node.match.within_us = 10 * MICROS_PER_SECOND;
    trial_open(trial, 1);
    return trial;
}

static void pair_free(Trial *trial)
{
    trial_close(trial);
    chain_free(trial->chain);
    buffer_free(&trial->got);
    arena_free(trial->arena);
    memory_free(trial);
}

/* The row of this second, and the watermark at it; no step of a pass in between. */
static void pair_row(Trial *trial, int64_t second, bool is_first)
{
    Batch *batch = batch_new(&trial->source.schema, CAPACITY);
    put_i64(batch, 0, 0, second);
    put_i64(batch, 1, 0, 7);
    put_i64(batch, 2, 0, second * MICROS_PER_SECOND);
    for (int32_t v = 0; v < VARIABLES; v++)
        ((uint8_t *)batch->columns[3 + v].values)[0] = v == (is_first ? 0 : 1);
    batch->row_count = 1;
    batch_select_all(batch);
    assert_int_equal(operator_push(trial->ops[0], 0, batch), OK);
    arena_reset(trial->bench[0].task.scratch);
    batch_free(batch);
}

static void pair_watermark(Trial *trial, int64_t second)
{
    assert_int_equal(operator_receive_watermark(trial->ops[0], 0, second * MICROS_PER_SECOND), OK);
    arena_reset(trial->bench[0].task.scratch);
}

/* The rest of the pass, and an operator that goes on from the checkpoint. */
static void pair_resume(Trial *trial)
{
    chain_step(trial->chain, INT64_MAX);
    trial_close(trial);
    trial_open(trial, 1);
    chain_resume(trial->chain);
}

static int64_t pair_keys(const Trial *trial)
{
    return table_count(((const MatchOperator *)trial->ops[0])->table);
}

/* A match that grows too old while a checkpoint is written is in it as it was, and in the next one
 * its key is no more. */
static void a_match_expires_during_a_pass(bool spills)
{
    Trial *trial = pair_new(spills);
    pair_row(trial, 1, true);
    pair_watermark(trial, 2);
    chain_barrier(trial->chain, true);
    pair_watermark(trial, 20);
    assert_int_equal(pair_keys(trial), 0);
    pair_resume(trial);
    assert_int_equal(pair_keys(trial), 1);
    pair_row(trial, 3, false);
    pair_watermark(trial, 4);
    assert_string_equal(capture_text(trial->captures[0]), "+I 7,1,3,2\n");
    pair_row(trial, 5, true);
    pair_watermark(trial, 6);
    chain_barrier(trial->chain, true);
    chain_step(trial->chain, INT64_MAX);
    pair_watermark(trial, 30);
    chain_barrier(trial->chain, false);
    pair_resume(trial);
    assert_int_equal(pair_keys(trial), 0);
    pair_free(trial);
}

static void test_a_match_that_expires_during_a_pass(void **state)
{
    (void)state;
    a_match_expires_during_a_pass(false);
    a_match_expires_during_a_pass(true);
}

static void timers_are_set_again(bool spills)
{
    Trial *trial = pair_new(spills);
    pair_row(trial, 1, true);
    pair_watermark(trial, 2);
    chain_barrier(trial->chain, true);
    pair_resume(trial);
    assert_int_equal(pair_keys(trial), 1);
    pair_watermark(trial, 20);
    assert_int_equal(pair_keys(trial), 0);
    pair_free(trial);
}

/* Nobody comes for a match that was brought back, and it goes all the same. */
static void test_timers_are_set_again(void **state)
{
    (void)state;
    timers_are_set_again(false);
    timers_are_set_again(true);
}

/* A row that the watermark had passed before the restart is late behind it. */
static void test_late_rows_are_late_after_a_restart(void **state)
{
    (void)state;
    Trial *trial = pair_new(false);
    pair_row(trial, 50, true);
    pair_watermark(trial, 40);
    chain_barrier(trial->chain, true);
    pair_resume(trial);
    pair_row(trial, 30, true);
    const MatchOperator *op = (const MatchOperator *)trial->ops[0];
    assert_int_equal(op->pending.count, 1);
    pair_free(trial);
}

/* ---- Its parts ------------------------------------------------------------------------- */

static void test_due_rows_come_in_order_of_time_and_arrival(void **state)
{
    (void)state;
    Trial trial = {.seed = 99};
    Pending pending = {0};
    static int64_t waiting[5000]; /* by arrival: time, or -1 when it is out */
    int64_t arrived = 0, out = 0;
    Timestamp watermark = 0;
    while (arrived < 5000) {
        for (int32_t i = 0; i < 40 && arrived < 5000; i++, arrived++) {
            waiting[arrived] = watermark + 1 + trial_below(&trial, 60);
            pending_add(&pending, (PendingRow){.time = waiting[arrived],
                                               .row = (MatchRow *)(uintptr_t)(arrived + 1)});
        }
        watermark += trial_below(&trial, 40);
        PendingRow *due = NULL;
        int64_t count = pending_take(&pending, watermark, &due);
        for (int64_t i = 0; i < count; i++) {
            int64_t number = (int64_t)(uintptr_t)due[i].row - 1;
            assert_int_equal(waiting[number], due[i].time);
            assert_true(due[i].time <= watermark);
            waiting[number] = -1;
            if (i > 0 && due[i].time == due[i - 1].time)
                assert_true(due[i].row > due[i - 1].row);
            else
                assert_true(i == 0 || due[i].time > due[i - 1].time);
        }
        out += count;
        for (int64_t i = 0; i < arrived; i++)
            assert_true(waiting[i] == -1 || waiting[i] > watermark);
        assert_int_equal(pending.count, arrived - out);
    }
    pending_free(&pending);
}

/* Of equal ones the order is that of the heap's moves, worked out by hand: 5 3 3 8 3 1 and the end,
 * added one by one, lie as 1 3 3 8 5 3 end, with the third 3 in front of the first. */
static void test_the_queue_moves_as_javas_does(void **state)
{
    (void)state;
    Blocks blocks = {0};
    Match *matches[6];
    static const int64_t starts[] = {5, 3, 3, 8, 3, 1};
    MatchQueue queue = {0}, removed = {0};
    for (int32_t i = 0; i < 6; i++) {
        matches[i] = blocks_take(&blocks, (int64_t)sizeof(Match));
        *matches[i] = (Match){.start = starts[i]};
        queue_add(&queue, &blocks, matches[i]);
    }
    queue_add(&queue, &blocks, NULL);
    assert_int_equal(queue.count, 7);
    const Match *order[] = {matches[5], matches[4], matches[1], matches[3],
                            matches[0], matches[2], NULL};
    for (int32_t i = 0; i < 7; i++)
        assert_ptr_equal(queue.items[i], order[i]);
    queue_remove_before(&queue, 4, &removed, &blocks);
    assert_int_equal(removed.count, 4);
    assert_int_equal(queue.count, 3);
    assert_ptr_equal(queue_poll(&queue), matches[0]);
    assert_ptr_equal(queue_poll(&queue), matches[3]);
    assert_ptr_equal(queue_poll(&queue), NULL);
    queue_free(&queue, &blocks);
    queue_free(&removed, &blocks);
    blocks_close(&blocks);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        trials = (int)strtol(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches_are_those_of_every_cut),
        cmocka_unit_test(test_a_match_that_expires_during_a_pass),
        cmocka_unit_test(test_timers_are_set_again),
        cmocka_unit_test(test_late_rows_are_late_after_a_restart),
        cmocka_unit_test(test_due_rows_come_in_order_of_time_and_arrival),
        cmocka_unit_test(test_the_queue_moves_as_javas_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
