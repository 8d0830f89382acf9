/* The operators that keep no keyed state: what they pass on, and in which order. */
#include "exec/testing.h"

#include <stdio.h>
#include <unistd.h>

#include "exec/operators.h"

enum { SECOND = MICROS_PER_SECOND, CAPACITY = 16 };

/* Columns of the source of these tests: a BIGINT, a rowtime, another BIGINT. */
typedef struct Fixture {
    Bench bench;
    Field fields[3], outputs[6];
    PlanTable table;
    PlanNode source, node;
    PlanNode *inputs[2];
    Operator *op;
    Capture *capture;
    Batch *batch;
} Fixture;

static char letters_folder[64];

static void fixture_open(Fixture *fixture, PlanKind kind)
{
    *fixture = (Fixture){.table = {.name = STR("events")}};
    bench_open(&fixture->bench);
    snprintf(letters_folder, sizeof letters_folder, "operator-test-%d", (int)getpid());
    assert_int_equal(world_remove_tree(world_system(), letters_folder, NULL), OK);
    fixture->bench.task.dead_letters = deadletters_open(world_system(), letters_folder);
    fixture->fields[0] = (Field){STR("a"), type_simple(TYPE_BIGINT)};
    fixture->fields[1] = (Field){STR("ts"), type_timestamp(3)};
    fixture->fields[2] = (Field){STR("b"), type_simple(TYPE_BIGINT)};
    fixture->source = (PlanNode){.kind = PLAN_SOURCE,
                                 .schema = {.fields = fixture->fields, .count = 3},
                                 .source = {.table = &fixture->table}};
    fixture->inputs[0] = fixture->inputs[1] = &fixture->source;
    fixture->node = (PlanNode){.kind = kind,
                               .label = "test",
                               .inputs = fixture->inputs,
                               .input_count = 1,
                               .changelog = CHANGELOG_ALL,
                               .schema = fixture->source.schema};
    fixture->batch = batch_new(&fixture->source.schema, CAPACITY);
}

/* After the node is filled in. */
static void fixture_start(Fixture *fixture)
{
    fixture->op = operator_new(&fixture->bench.task, &fixture->node);
    if (fixture->op->kind->open != NULL)
        assert_int_equal(fixture->op->kind->open(fixture->op), OK);
    fixture->capture = capture_new(&fixture->bench);
    fixture->capture->has_watermarks = true;
    operator_connect(fixture->op, &fixture->capture->base, 0);
}

static void fixture_close(Fixture *fixture)
{
    operator_close(fixture->op);
    capture_close(&fixture->capture->base);
    batch_free(fixture->batch);
    bench_close(&fixture->bench);
    assert_int_equal(world_remove_tree(world_system(), letters_folder, NULL), OK);
}

static void fixture_row(Fixture *fixture, int64_t a, Timestamp time, int64_t b)
{
    int32_t row = fixture->batch->row_count++;
    put_i64(fixture->batch, 0, row, a);
    put_i64(fixture->batch, 1, row, time);
    put_i64(fixture->batch, 2, row, b);
    batch_select_all(fixture->batch);
}

static void fixture_push(Fixture *fixture)
{
    bench_push(&fixture->bench, fixture->op, 0, fixture->batch);
    batch_reset(fixture->batch, &fixture->source.schema, CAPACITY);
}

static void expect(Fixture *fixture, const char *text)
{
    assert_string_equal(capture_text(fixture->capture), text);
    capture_clear(fixture->capture);
}

/* ---- Watermarks -------------------------------------------------------------------------- */

static void watermark_start(Fixture *fixture, int64_t interval_us, int64_t idle_us)
{
    fixture_open(fixture, PLAN_WATERMARK);
    fixture->node.watermark.time_column = 1;
    fixture->node.watermark.watermark =
        expr_column(fixture->bench.task.query, 1, fixture->fields[1].type);
    fixture->node.watermark.interval_us = interval_us;
    fixture->node.watermark.idle_timeout_us = idle_us;
    fixture_start(fixture);
}

static void test_rows_go_before_the_watermark_they_raise(void **state)
{
    (void)state;
    Fixture fixture;
    watermark_start(&fixture, 200000, 0);
    fixture_row(&fixture, 1, 3 * SECOND, 0);
    fixture_row(&fixture, 2, 5 * SECOND, 0);
    fixture_push(&fixture);
    expect(&fixture, "+I 1,1970-01-01T00:00:03,0\n+I 2,1970-01-01T00:00:05,0\nW 5000000\n");
    /* Not more than an interval ahead: it waits for the tick. */
    fixture_row(&fixture, 3, 5 * SECOND + 200000, 0);
    fixture_push(&fixture);
    expect(&fixture, "+I 3,1970-01-01T00:00:05.200,0\n");
    assert_int_equal(fixture.op->kind->tick(fixture.op, 100 * SECOND), OK);
    expect(&fixture, "W 5200000\n");
    assert_int_equal(fixture.op->kind->tick(fixture.op, 200 * SECOND), OK);
    expect(&fixture, "");
    /* From above only the end counts. */
    bench_watermark(&fixture.bench, fixture.op, 0, 9 * SECOND);
    expect(&fixture, "");
    bench_watermark(&fixture.bench, fixture.op, 0, TIMESTAMP_MAX);
    expect(&fixture, "W 9223372036854775807\n");
    fixture_close(&fixture);
}

/* However rows are cut into batches, the same rows are late, as if each were pushed alone. */
static void test_a_batch_is_cut_where_its_own_watermark_makes_rows_late(void **state)
{
    (void)state;
    Fixture fixture;
    watermark_start(&fixture, 200000, 0);
    fixture_row(&fixture, 1, 5 * SECOND, 0);
    fixture_row(&fixture, 2, 9 * SECOND, 0);
    fixture_row(&fixture, 3, 5 * SECOND, 0);
    fixture_row(&fixture, 4, 6 * SECOND, 0);
    fixture_row(&fixture, 5, 20 * SECOND, 0);
    fixture_row(&fixture, 6, 20 * SECOND, 0);
    fixture_row(&fixture, 7, 20 * SECOND + 100000, 0);
    fixture_push(&fixture);
    expect(&fixture, "+I 1,1970-01-01T00:00:05,0\n+I 2,1970-01-01T00:00:09,0\nW 9000000\n"
                     "+I 3,1970-01-01T00:00:05,0\n+I 4,1970-01-01T00:00:06,0\n"
                     "+I 5,1970-01-01T00:00:20,0\nW 20000000\n"
                     "+I 6,1970-01-01T00:00:20,0\n+I 7,1970-01-01T00:00:20.100,0\n");
    /* A row that the next batch begins with is late by what the last one said; no cut is due
     * while the stream is less than an interval ahead of that. */
    fixture_row(&fixture, 8, 20 * SECOND + 200000, 0);
    fixture_row(&fixture, 9, 20 * SECOND + 100000, 0);
    fixture_push(&fixture);
    expect(&fixture, "+I 8,1970-01-01T00:00:20.200,0\n+I 9,1970-01-01T00:00:20.100,0\n");
    assert_int_equal(fixture.op->kind->tick(fixture.op, 100 * SECOND), OK);
    expect(&fixture, "W 20200000\n");
    fixture_close(&fixture);
}

static void test_no_watermark_before_1970(void **state)
{
    (void)state;
    Fixture fixture;
    watermark_start(&fixture, 0, 0);
    fixture_row(&fixture, 1, -5 * SECOND, 0);
    fixture_push(&fixture);
    expect(&fixture, "+I 1,1969-12-31T23:59:55,0\n");
    fixture_row(&fixture, 1, 1000, 0);
    fixture_push(&fixture);
    expect(&fixture, "+I 1,1970-01-01T00:00:00.001,0\nW 1000\n");
    fixture_close(&fixture);
}

static void test_rows_without_event_time_are_dead_letters(void **state)
{
    (void)state;
    Fixture fixture;
    watermark_start(&fixture, 0, 0);
    fixture_row(&fixture, 1, SECOND, 0);
    fixture_row(&fixture, 2, 99 * SECOND, 0);
    column_set_null(&fixture.batch->columns[1], fixture.batch->arena, 1, CAPACITY);
    fixture_push(&fixture);
    expect(&fixture, "+I 1,1970-01-01T00:00:01,0\nW 1000000\n");
    assert_int_equal(deadletters_count(fixture.bench.task.dead_letters), 1);
    fixture_close(&fixture);
}

static void test_a_silent_stream_is_idle_until_rows_come(void **state)
{
    (void)state;
    Fixture fixture;
    watermark_start(&fixture, 200000, 2 * SECOND);
    assert_int_equal(fixture.op->kind->tick(fixture.op, 100 * SECOND), OK);
    assert_int_equal(fixture.op->kind->tick(fixture.op, 101 * SECOND), OK);
    expect(&fixture, "");
    assert_int_equal(fixture.op->kind->tick(fixture.op, 102 * SECOND), OK);
    expect(&fixture, "idle 1\n");
    fixture_row(&fixture, 1, SECOND, 0);
    fixture_push(&fixture);
    expect(&fixture, "idle 0\n+I 1,1970-01-01T00:00:01,0\nW 1000000\n");
    fixture_close(&fixture);
}

/* Push the row as one of this split, and say what comes of it. */
static void expect_of_split(Fixture *fixture, int32_t split, Timestamp time, const char *text)
{
    fixture_row(fixture, split, time, 0);
    fixture->batch->split = split;
    fixture_push(fixture);
    expect(fixture, text);
}

static void test_the_slowest_split_says_what_time_it_is(void **state)
{
    (void)state;
    Fixture fixture;
    watermark_start(&fixture, 0, 2 * SECOND);
    uint8_t is_done[3] = {0};
    SourceSplits splits = {2, is_done};
    fixture.bench.task.splits = &splits;
    /* The second has said nothing yet; then it is behind, and what is late is so by both. */
    expect_of_split(&fixture, 1, 50 * SECOND, "+I 1,1970-01-01T00:00:50,0\n");
    expect_of_split(&fixture, 2, 10 * SECOND, "+I 2,1970-01-01T00:00:10,0\nW 10000000\n");
    expect_of_split(&fixture, 1, 60 * SECOND, "+I 1,1970-01-01T00:01,0\n");
    expect_of_split(&fixture, 2, 55 * SECOND, "+I 2,1970-01-01T00:00:55,0\nW 55000000\n");
    /* One more is found, and waited for until it is idle. */
    splits.count = 3;
    expect_of_split(&fixture, 2, 70 * SECOND, "+I 2,1970-01-01T00:01:10,0\n");
    assert_int_equal(fixture.op->kind->tick(fixture.op, 100 * SECOND), OK);
    expect_of_split(&fixture, 1, 61 * SECOND, "+I 1,1970-01-01T00:01:01,0\n");
    expect_of_split(&fixture, 2, 71 * SECOND, "+I 2,1970-01-01T00:01:11,0\n");
    assert_int_equal(fixture.op->kind->tick(fixture.op, 102 * SECOND), OK);
    expect(&fixture, "W 61000000\n");
    /* One that is done is not waited for; when the last one sleeps, all does. */
    is_done[0] = 1;
    assert_int_equal(fixture.op->kind->tick(fixture.op, 103 * SECOND), OK);
    expect(&fixture, "W 71000000\n");
    assert_int_equal(fixture.op->kind->tick(fixture.op, 104 * SECOND), OK);
    expect(&fixture, "idle 1\n");
    /* It wakes up behind: time does not go back. */
    expect_of_split(&fixture, 3, 5 * SECOND, "idle 0\n+I 3,1970-01-01T00:00:05,0\n");
    expect_of_split(&fixture, 3, 80 * SECOND, "+I 3,1970-01-01T00:01:20,0\nW 80000000\n");
    fixture_close(&fixture);
}

/* ---- Union ------------------------------------------------------------------------------- */

static void test_a_union_is_as_far_as_its_slowest_input(void **state)
{
    (void)state;
    Fixture fixture;
    fixture_open(&fixture, PLAN_UNION);
    fixture.node.input_count = 2;
    fixture_start(&fixture);
    bench_watermark(&fixture.bench, fixture.op, 0, 7);
    expect(&fixture, "");
    bench_watermark(&fixture.bench, fixture.op, 1, 5);
    expect(&fixture, "W 5\n");
    bench_watermark(&fixture.bench, fixture.op, 1, 3);
    expect(&fixture, "");
    assert_int_equal(operator_receive_idle(fixture.op, 1, true), OK);
    expect(&fixture, "W 7\n");
    assert_int_equal(operator_receive_idle(fixture.op, 0, true), OK);
    expect(&fixture, "idle 1\n");
    /* Awake again, and behind: time does not go back. */
    bench_watermark(&fixture.bench, fixture.op, 1, 6);
    expect(&fixture, "idle 0\n");
    bench_watermark(&fixture.bench, fixture.op, 1, 9);
    expect(&fixture, "W 9\n");
    fixture_row(&fixture, 1, 0, 2);
    fixture_push(&fixture);
    expect(&fixture, "+I 1,1970-01-01T00:00,2\n");
    bench_watermark(&fixture.bench, fixture.op, 1, TIMESTAMP_MAX);
    expect(&fixture, "");
    bench_watermark(&fixture.bench, fixture.op, 0, TIMESTAMP_MAX);
    expect(&fixture, "W 9223372036854775807\n");
    fixture_close(&fixture);
}

/* ---- Calc -------------------------------------------------------------------------------- */

static Expr *call_of(Fixture *fixture, const char *name, Expr *a, Expr *b)
{
    Expr *args[] = {a, b};
    Expr *out = NULL;
    int32_t bad_arg = -1;
    Error error = {0};
    assert_int_equal(function_bind(function_find(str_from(name)), fixture->bench.task.query, args,
                                   2, &out, &bad_arg, &error),
                     OK);
    return out;
}

static Expr *column_of(Fixture *fixture, int32_t column)
{
    return expr_column(fixture->bench.task.query, column, fixture->fields[column].type);
}

static void test_calc_filters_and_projects(void **state)
{
    (void)state;
    Fixture fixture;
    fixture_open(&fixture, PLAN_CALC);
    Expr *exprs[] = {call_of(&fixture, "+", column_of(&fixture, 0), column_of(&fixture, 2)),
                     column_of(&fixture, 0)};
    fixture.outputs[0] = fixture.outputs[1] = fixture.fields[0];
    fixture.node.schema = (Schema){.fields = fixture.outputs, .count = 2};
    fixture.node.calc.filter =
        call_of(&fixture, "<", column_of(&fixture, 0), column_of(&fixture, 2));
    fixture.node.calc.exprs = exprs;
    fixture_start(&fixture);
    /* A second output sees every row, whatever the first does to its selection. */
    Capture *second = capture_new(&fixture.bench);
    operator_connect(fixture.op, &second->base, 0);
    fixture_row(&fixture, 1, 0, 5);
    fixture_row(&fixture, 5, 0, 5);
    fixture_row(&fixture, 2, 0, 3);
    batch_need_kinds(fixture.batch, CAPACITY);
    fixture.batch->kinds[2] = ROW_DELETE;
    fixture_push(&fixture);
    assert_string_equal(capture_text(second), "+I 6,1\n-D 5,2\n");
    expect(&fixture, "+I 6,1\n-D 5,2\n");
    capture_close(&second->base);
    fixture_close(&fixture);
}

/* Others see the changes that an append-only reader takes for inserts. */
static void check_append(bool has_filter, bool has_exprs)
{
    Fixture fixture;
    fixture_open(&fixture, PLAN_CALC);
    Expr *exprs[] = {column_of(&fixture, 2),
                     call_of(&fixture, "+", column_of(&fixture, 0), column_of(&fixture, 2))};
    fixture.outputs[0] = fixture.outputs[1] = fixture.fields[0];
    if (has_exprs) {
        fixture.node.schema = (Schema){.fields = fixture.outputs, .count = 2};
        fixture.node.calc.exprs = exprs;
    }
    if (has_filter)
        fixture.node.calc.filter =
            call_of(&fixture, "<", column_of(&fixture, 0), column_of(&fixture, 2));
    fixture.node.calc.makes_append = true;
    fixture_start(&fixture);
    batch_need_kinds(fixture.batch, CAPACITY);
    static const RowKind kinds[] = {ROW_INSERT, ROW_UPDATE_BEFORE, ROW_UPDATE_AFTER, ROW_DELETE};
    for (int32_t i = 0; i < 4; i++) {
        fixture_row(&fixture, i, 0, 2);
        fixture.batch->kinds[i] = (uint8_t)kinds[i];
    }
    uint8_t *shared = fixture.batch->kinds;
    bench_push(&fixture.bench, fixture.op, 0, fixture.batch);
    assert_ptr_equal(fixture.batch->kinds, shared);
    for (int32_t i = 0; i < 4; i++)
        assert_int_equal(shared[i], kinds[i]);
    Buffer expected = {0};
    for (int32_t i = 0; i < (has_filter ? 2 : 4); i++) {
        if (has_exprs)
            buffer_printf(&expected, "+I 2,%d\n", i + 2);
        else
            buffer_printf(&expected, "+I %d,1970-01-01T00:00,2\n", i);
    }
    expect(&fixture, buffer_terminated(&expected));
    buffer_free(&expected);
    fixture_close(&fixture);
}

static void test_changes_become_inserts(void **state)
{
    (void)state;
    check_append(false, false);
    check_append(false, true);
    check_append(true, false);
    check_append(true, true);
}

static void test_rows_that_cannot_be_computed_are_dead_letters(void **state)
{
    (void)state;
    Fixture fixture;
    fixture_open(&fixture, PLAN_CALC);
    Expr *exprs[] = {call_of(&fixture, "/", column_of(&fixture, 0), column_of(&fixture, 2))};
    fixture.outputs[0] = (Field){STR("q"), exprs[0]->type};
    fixture.node.schema = (Schema){.fields = fixture.outputs, .count = 1};
    fixture.node.calc.exprs = exprs;
    fixture_start(&fixture);
    fixture_row(&fixture, 6, 0, 3);
    fixture_row(&fixture, 6, 0, 0);
    fixture_row(&fixture, 8, 0, 2);
    fixture_push(&fixture);
    expect(&fixture, "+I 2\n+I 4\n");
    assert_int_equal(deadletters_count(fixture.bench.task.dead_letters), 1);
    fixture_close(&fixture);
}

/* ---- Window assignment ------------------------------------------------------------------- */

static void assign_start(Fixture *fixture, WindowKind kind, int64_t size_ms, int64_t slide_ms)
{
    fixture_open(fixture, PLAN_WINDOW_ASSIGN);
    for (int32_t i = 0; i < 3; i++) {
        fixture->outputs[i] = fixture->fields[i];
        fixture->outputs[3 + i] = (Field){STR("w"), type_timestamp(3)};
    }
    fixture->node.schema = (Schema){.fields = fixture->outputs, .count = 6};
    fixture->node.window_assign.window =
        (WindowSpec){.kind = kind, .time_column = 1, .size_ms = size_ms, .slide_ms = slide_ms};
    fixture_start(fixture);
}

static void test_every_row_goes_to_all_its_windows(void **state)
{
    (void)state;
    Fixture fixture;
    assign_start(&fixture, WINDOW_HOP, 2000, 1000);
    fixture_row(&fixture, 1, -500000, 0);
    fixture_push(&fixture);
    expect(&fixture, "+I 1,1969-12-31T23:59:59.500,0,1969-12-31T23:59:59,1970-01-01T00:00:01,"
                     "1970-01-01T00:00:00.999\n"
                     "+I 1,1969-12-31T23:59:59.500,0,1969-12-31T23:59:58,1970-01-01T00:00,"
                     "1969-12-31T23:59:59.999\n");
    fixture_close(&fixture);

    assign_start(&fixture, WINDOW_CUMULATE, 3000, 1000);
    fixture_row(&fixture, 1, 1 * SECOND, 0);
    fixture_row(&fixture, 2, 2 * SECOND, 0);
    fixture_push(&fixture);
    expect(&fixture, "+I 1,1970-01-01T00:00:01,0,1970-01-01T00:00,1970-01-01T00:00:03,"
                     "1970-01-01T00:00:02.999\n"
                     "+I 2,1970-01-01T00:00:02,0,1970-01-01T00:00,1970-01-01T00:00:03,"
                     "1970-01-01T00:00:02.999\n"
                     "+I 1,1970-01-01T00:00:01,0,1970-01-01T00:00,1970-01-01T00:00:02,"
                     "1970-01-01T00:00:01.999\n");
    fixture_close(&fixture);
}

/* ---- Normalize --------------------------------------------------------------------------- */

static void normalize_row(Fixture *fixture, int64_t a, int64_t b, RowKind kind)
{
    fixture_row(fixture, a, 0, b);
    batch_need_kinds(fixture->batch, CAPACITY);
    fixture->batch->kinds[fixture->batch->row_count - 1] = (uint8_t)kind;
}

static void test_upserts_become_a_full_changelog(void **state)
{
    (void)state;
    static const int32_t keys[] = {0};
    Fixture fixture;
    fixture_open(&fixture, PLAN_NORMALIZE);
    fixture.node.normalize.keys = keys;
    fixture.node.normalize.key_count = 1;
    fixture_start(&fixture);
    normalize_row(&fixture, 1, 10, ROW_UPDATE_AFTER);
    normalize_row(&fixture, 1, 10, ROW_UPDATE_AFTER);
    normalize_row(&fixture, 2, 20, ROW_DELETE);
    normalize_row(&fixture, 1, 11, ROW_INSERT);
    fixture_push(&fixture);
    expect(&fixture, "+I 1,1970-01-01T00:00,10\n-U 1,1970-01-01T00:00,10\n"
                     "+U 1,1970-01-01T00:00,11\n");
    Buffer saved = {0};
    assert_int_equal(operator_save(fixture.op, 1, &saved), OK);
    operator_close(fixture.op);
    capture_close(&fixture.capture->base);
    fixture_start(&fixture);
    assert_int_equal(operator_load(fixture.op, buffer_str(&saved), &(StateOrigin){0, 1}), OK);
    /* The row taken back is the one stored, whatever the delete carries. */
    normalize_row(&fixture, 1, 0, ROW_DELETE);
    normalize_row(&fixture, 1, 0, ROW_DELETE);
    normalize_row(&fixture, 1, 12, ROW_INSERT);
    fixture_push(&fixture);
    expect(&fixture, "-D 1,1970-01-01T00:00,11\n+I 1,1970-01-01T00:00,12\n");
    buffer_free(&saved);
    fixture_close(&fixture);
}

enum { SWEPT_KEYS = 300 * 1000, SWEPT_RUN = 1000 };

/* Every fourth value stays. */
static bool is_swept(const Operator *op, const uint8_t *value, int64_t now_us)
{
    (void)op;
    (void)now_us;
    return *(const int64_t *)(const void *)value % 4 != 0;
}

static void put_numbers(StateTable *table)
{
    uint64_t hashes[SWEPT_RUN], words[SWEPT_RUN];
    uint8_t *values[SWEPT_RUN];
    for (int32_t first = 0; first < SWEPT_KEYS; first += SWEPT_RUN) {
        for (int32_t i = 0; i < SWEPT_RUN; i++) {
            words[i] = (uint64_t)(first + i);
            hashes[i] = hash_u64(words[i]) | 64;
        }
        TableKeys keys = {.hashes = hashes, .words = words, .count = SWEPT_RUN};
        table_find_or_insert(table, &keys, 0, SWEPT_RUN, values);
        for (int32_t i = 0; i < SWEPT_RUN; i++)
            *(int64_t *)(void *)values[i] = first + i;
    }
}

static void test_a_sweep_takes_several_ticks(void **state)
{
    (void)state;
    Bench bench;
    bench_open(&bench);
    Operator op = {.task = &bench.task};
    Type bigint = type_simple(TYPE_BIGINT);
    TableKey key = table_key(bench.task.query, &bigint, 1);
    StateTable *table = table_new(&key, sizeof(int64_t));
    put_numbers(table);
    Sweep sweep = {0};
    operator_sweep(&op, &sweep, table, 0, 1000, is_swept);
    operator_sweep(&op, &sweep, table, 2000, 1000, is_swept);
    assert_int_equal(table_count(table), SWEPT_KEYS);
    operator_sweep(&op, &sweep, table, 2000, 2000, is_swept);
    assert_in_range(table_count(table), SWEPT_KEYS / 4 + 1, SWEPT_KEYS - 1);
    for (int32_t tick = 0; tick < 20 && sweep.is_under_way; tick++)
        operator_sweep(&op, &sweep, table, 2000, 2001, is_swept);
    assert_int_equal(table_count(table), SWEPT_KEYS / 4);
    /* The next one is due when the time has passed again. */
    put_numbers(table);
    operator_sweep(&op, &sweep, table, 2000, 3999, is_swept);
    assert_int_equal(table_count(table), SWEPT_KEYS);
    operator_sweep(&op, &sweep, table, 2000, 4000, is_swept);
    assert_in_range(table_count(table), SWEPT_KEYS / 4 + 1, SWEPT_KEYS - 1);
    table_free(table);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_go_before_the_watermark_they_raise),
        cmocka_unit_test(test_a_batch_is_cut_where_its_own_watermark_makes_rows_late),
        cmocka_unit_test(test_no_watermark_before_1970),
        cmocka_unit_test(test_rows_without_event_time_are_dead_letters),
        cmocka_unit_test(test_a_silent_stream_is_idle_until_rows_come),
        cmocka_unit_test(test_the_slowest_split_says_what_time_it_is),
        cmocka_unit_test(test_a_union_is_as_far_as_its_slowest_input),
        cmocka_unit_test(test_calc_filters_and_projects),
        cmocka_unit_test(test_changes_become_inserts),
        cmocka_unit_test(test_rows_that_cannot_be_computed_are_dead_letters),
        cmocka_unit_test(test_every_row_goes_to_all_its_windows),
        cmocka_unit_test(test_upserts_become_a_full_changelog),
        cmocka_unit_test(test_a_sweep_takes_several_ticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
