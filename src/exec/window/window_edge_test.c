/* Windows at their edges: late rows, far futures, zones, damaged state. */
#include "exec/testing.h"

#include <stdio.h>
#include <unistd.h>

enum { SECOND = MICROS_PER_SECOND, CAPACITY = 16 };

typedef struct Fixture {
    Bench bench;
    Field fields[3], outputs[4];
    PlanTable table;
    PlanNode source, node;
    PlanNode *inputs[1];
    PlanAggregate aggregates[1];
    Operator *op;
    Capture *capture;
    Batch *batch;
    char folder[64];
} Fixture;

static const int32_t keys[] = {0};
static const WindowColumn columns[] = {WINDOW_END, WINDOW_TIME};

static void fixture_start(Fixture *fixture)
{
    fixture->op = operator_new(&fixture->bench.task, &fixture->node);
    assert_int_equal(fixture->op->kind->open(fixture->op), OK);
    fixture->capture = capture_new(&fixture->bench);
    operator_connect(fixture->op, &fixture->capture->base, 0);
}

static void fixture_open(Fixture *fixture, WindowSpec spec, const char *zone)
{
    *fixture = (Fixture){.table = {.name = STR("payments")}};
    Bench *bench = &fixture->bench;
    bench_open(bench);
    snprintf(fixture->folder, sizeof fixture->folder, "window-test-%d", (int)getpid());
    bench->task.dead_letters = deadletters_open(world_system(), fixture->folder);
    if (zone != NULL)
        assert_int_equal(
            timezone_find(world_system(), str_from(zone), &bench->task.eval.zone, NULL), OK);
    Type bigint = type_simple(TYPE_BIGINT);
    fixture->fields[0] = fixture->outputs[0] = (Field){STR("k"), bigint};
    Type rowtime = zone == NULL ? type_timestamp(3) : type_timestamp_ltz(3);
    fixture->fields[1] = (Field){STR("ts"), rowtime};
    fixture->fields[2] = (Field){STR("v"), bigint};
    fixture->source = (PlanNode){.kind = PLAN_SOURCE,
                                 .schema = {.fields = fixture->fields, .count = 3},
                                 .source = {.table = &fixture->table}};
    fixture->inputs[0] = &fixture->source;
    AggregateCall *call = NULL;
    assert_int_equal(
        aggregate_bind(STR("SUM"), bench->task.query, &bigint, 1, false, true, &call, NULL), OK);
    fixture->aggregates[0] = (PlanAggregate){.call = call, .args = {2, -1}, .filter = -1};
    fixture->outputs[1] = (Field){STR("s"), call->result};
    fixture->outputs[2] = (Field){STR("e"), type_timestamp(3)};
    fixture->outputs[3] = (Field){STR("t"), rowtime};
    fixture->node = (PlanNode){.kind = PLAN_WINDOW_AGGREGATE,
                               .label = "window",
                               .inputs = fixture->inputs,
                               .input_count = 1,
                               .schema = {.fields = fixture->outputs, .count = 4}};
    spec.time_column = 1;
    fixture->node.window_aggregate.window = spec;
    fixture->node.window_aggregate.keys = keys;
    fixture->node.window_aggregate.key_count = 1;
    fixture->node.window_aggregate.aggregates = fixture->aggregates;
    fixture->node.window_aggregate.aggregate_count = 1;
    fixture->node.window_aggregate.window_columns = columns;
    fixture->node.window_aggregate.window_column_count = 2;
    fixture->node.window_aggregate.has_retractions = true;
    fixture->batch = batch_new(&fixture->source.schema, CAPACITY);
    fixture_start(fixture);
}

static void fixture_stop(Fixture *fixture)
{
    operator_close(fixture->op);
    capture_close(&fixture->capture->base);
}

static void fixture_close(Fixture *fixture)
{
    fixture_stop(fixture);
    batch_free(fixture->batch);
    bench_close(&fixture->bench);
    assert_int_equal(world_remove_tree(world_system(), fixture->folder, NULL), OK);
}

static void push(Fixture *fixture, int64_t key, Timestamp time, int64_t value, RowKind kind)
{
    Batch *batch = fixture->batch;
    batch_need_kinds(batch, CAPACITY);
    put_i64(batch, 0, 0, key);
    put_i64(batch, 1, 0, time);
    put_i64(batch, 2, 0, value);
    batch->kinds[0] = (uint8_t)kind;
    batch->row_count = 1;
    batch_select_all(batch);
    bench_push(&fixture->bench, fixture->op, 0, batch);
    batch_reset(batch, &fixture->source.schema, CAPACITY);
}

static void watermark(Fixture *fixture, Timestamp time)
{
    bench_watermark(&fixture->bench, fixture->op, 0, time);
}

static void expect(Fixture *fixture, const char *text)
{
    assert_string_equal(capture_text(fixture->capture), text);
    capture_clear(fixture->capture);
}

static const WindowSpec tumble = {.kind = WINDOW_TUMBLE, .size_ms = 10000, .slide_ms = 10000};
static const WindowSpec hop = {.kind = WINDOW_HOP, .size_ms = 20000, .slide_ms = 10000};

static void test_a_late_row_is_a_dead_letter(void **state)
{
    (void)state;
    Fixture fixture;
    fixture_open(&fixture, tumble, NULL);
    push(&fixture, 1, 5 * SECOND, 7, ROW_INSERT);
    watermark(&fixture, 10 * SECOND - 2000);
    push(&fixture, 1, 9 * SECOND, 1, ROW_INSERT);
    expect(&fixture, "");
    watermark(&fixture, 10 * SECOND - 1000);
    expect(&fixture, "+I 1,8,1970-01-01T00:00:10,1970-01-01T00:00:09.999\n");
    push(&fixture, 1, 9 * SECOND, 1, ROW_INSERT);
    watermark(&fixture, TIMESTAMP_MAX);
    expect(&fixture, "");
    assert_int_equal(deadletters_count(fixture.bench.task.dead_letters), 1);
    Error error = {0};
    assert_int_equal(deadletters_sync(fixture.bench.task.dead_letters, &error), OK);
    Str letter = {0};
    const char *path = arena_printf(fixture.bench.task.query, "%s/payments.jsonl", fixture.folder);
    assert_int_equal(
        world_read_file(world_system(), path, 10000, fixture.bench.task.query, &letter, NULL), OK);
    assert_true(str_find(letter, STR("\"stage\":\"late\",\"code\":\"WR4302\"")) > 0);
    assert_true(str_find(letter, STR("{\\\"k\\\":1,\\\"ts\\\":")) > 0);
    fixture_close(&fixture);
}

static void test_a_refund_leaves_its_window_and_a_correction_moves(void **state)
{
    (void)state;
    Fixture fixture;
    fixture_open(&fixture, tumble, NULL);
    push(&fixture, 1, 5 * SECOND, 7, ROW_INSERT);
    push(&fixture, 2, 5 * SECOND, 7, ROW_INSERT);
    push(&fixture, 2, 6 * SECOND, 3, ROW_INSERT);
    push(&fixture, 1, 5 * SECOND, 7, ROW_DELETE);
    push(&fixture, 2, 6 * SECOND, 3, ROW_UPDATE_BEFORE);
    push(&fixture, 2, 16 * SECOND, 4, ROW_UPDATE_AFTER);
    watermark(&fixture, TIMESTAMP_MAX);
    expect(&fixture, "+I 2,7,1970-01-01T00:00:10,1970-01-01T00:00:09.999\n"
                     "+I 2,4,1970-01-01T00:00:20,1970-01-01T00:00:19.999\n");
    fixture_close(&fixture);
}

static void test_a_row_behind_counts_in_the_windows_that_are_left(void **state)
{
    (void)state;
    Fixture fixture;
    fixture_open(&fixture, hop, NULL);
    watermark(&fixture, 10 * SECOND);
    push(&fixture, 1, 5 * SECOND, 7, ROW_INSERT);
    watermark(&fixture, TIMESTAMP_MAX);
    expect(&fixture, "+I 1,7,1970-01-01T00:00:20,1970-01-01T00:00:19.999\n");
    assert_int_equal(deadletters_count(fixture.bench.task.dead_letters), 0);
    fixture_close(&fixture);
}

/* A second of slide and thirty thousand years of distance: nothing may go through them. */
static void test_far_futures_cost_one_slice(void **state)
{
    (void)state;
    static const int64_t year = (int64_t)365 * 86400 * MICROS_PER_SECOND;
    Fixture fixture;
    WindowSpec spec = {.kind = WINDOW_HOP, .size_ms = 3000, .slide_ms = 1000};
    for (int32_t kind = WINDOW_TUMBLE; kind <= WINDOW_CUMULATE; kind++) {
        spec.kind = (WindowKind)kind;
        spec.size_ms = spec.kind == WINDOW_TUMBLE ? 1000 : 3000;
        fixture_open(&fixture, spec, NULL);
        int64_t before = memory_used_bytes();
        push(&fixture, 1, 0, 1, ROW_INSERT);
        push(&fixture, 1, 7000 * year, 1, ROW_INSERT);
        push(&fixture, 1, -2000 * year, 1, ROW_INSERT);
        assert_true(memory_used_bytes() - before < 65536);
        watermark(&fixture, 6000 * year);
        assert_int_equal(fixture.capture->rows, kind == WINDOW_TUMBLE ? 2 : 6);
        watermark(&fixture, TIMESTAMP_MAX);
        assert_int_equal(fixture.capture->rows, kind == WINDOW_TUMBLE ? 3 : 9);
        fixture_close(&fixture);
    }
}

static void test_days_of_the_session_zone(void **state)
{
    (void)state;
    Fixture fixture;
    WindowSpec day = {.kind = WINDOW_TUMBLE,
                      .size_ms = MILLIS_PER_DAY,
                      .slide_ms = MILLIS_PER_DAY,
                      .is_local_time = true};
    fixture_open(&fixture, day, "America/Los_Angeles");
    Timestamp time = 0;
    /* Both passes of 01:30 on the day the clock goes back, and the minute before midnight. */
    assert_true(timestamp_parse(STR("2021-11-07T08:30:00"), 'T', &time));
    push(&fixture, 1, time, 1, ROW_INSERT);
    push(&fixture, 1, time + 3600 * (int64_t)SECOND, 10, ROW_INSERT);
    assert_true(timestamp_parse(STR("2021-11-08T07:59:00"), 'T', &time));
    push(&fixture, 1, time, 100, ROW_INSERT);
    push(&fixture, 1, time + 60 * (int64_t)SECOND, 1000, ROW_INSERT);
    watermark(&fixture, time + 59 * (int64_t)SECOND + 998000);
    expect(&fixture, "");
    watermark(&fixture, time + 59 * (int64_t)SECOND + 999000);
    expect(&fixture, "+I 1,111,2021-11-08T00:00,2021-11-08T07:59:59.999Z\n");
    fixture_close(&fixture);
}

static void test_many_keys_come_out_in_batches(void **state)
{
    (void)state;
    Fixture fixture;
    fixture_open(&fixture, tumble, NULL);
    for (int64_t key = 0; key < 5000; key++)
        push(&fixture, key, key % 2 == 0 ? 0 : 10 * SECOND, 1, ROW_INSERT);
    watermark(&fixture, TIMESTAMP_MAX);
    assert_int_equal(fixture.capture->rows, 5000);
    const char *text = capture_text(fixture.capture);
    assert_non_null(strstr(text, "+I 4998,1,1970-01-01T00:00:10,1970-01-01T00:00:09.999\n"
                                 "+I 1,1,1970-01-01T00:00:20,1970-01-01T00:00:19.999\n"));
    fixture_close(&fixture);
}

static void test_damaged_state_is_refused(void **state)
{
    (void)state;
    Fixture fixture;
    WindowSpec specs[] = {tumble, hop, hop};
    specs[2].kind = WINDOW_CUMULATE;
    for (int32_t i = 0; i < 3; i++) {
        fixture_open(&fixture, specs[i], NULL);
        for (int64_t key = 0; key < 5; key++)
            push(&fixture, key, key * 4 * SECOND, key, ROW_INSERT);
        watermark(&fixture, 12 * SECOND);
        Buffer saved = {0};
        assert_int_equal(operator_save(fixture.op, 1, &saved), OK);
        for (int64_t length = 0; length < saved.length; length++) {
            fixture_stop(&fixture);
            fixture_start(&fixture);
            Str part = str_make(saved.data, length);
            assert_int_equal(operator_load(fixture.op, part, &(StateOrigin){0, 1}), ERR_CORRUPT);
        }
        buffer_free(&saved);
        fixture_close(&fixture);
    }
}

/* A checkpoint is under way when a window goes out. */
static void fire_while_saving(Fixture *fixture, WindowSpec spec, bool spills)
{
    fixture_open(fixture, spec, NULL);
    fixture_stop(fixture);
    if (spills)
        fixture->bench.task.spill = spill_new(world_system(), NULL, 0);
    fixture_start(fixture);
    fixture->capture->has_watermarks = true;
    push(fixture, 1, 5 * SECOND, 7, ROW_INSERT);
    push(fixture, 1, 25 * SECOND, 8, ROW_INSERT);
    keyed_begin(fixture->op->keyed, true);
    assert_int_equal(operator_receive_watermark(fixture->op, 0, 30 * SECOND), OK);
}

enum { MANY_KEYS = 400 };

static const WindowSpec cumulate = {.kind = WINDOW_CUMULATE, .size_ms = 20000, .slide_ms = 10000};

static void test_windows_in_memory_do_not_wait_for_the_writer(void **state)
{
    (void)state;
    const WindowSpec *specs[] = {&tumble, &hop, &cumulate};
    for (int32_t i = 0; i < 3; i++) {
        Fixture fixture;
        fire_while_saving(&fixture, *specs[i], false);
        assert_true(keyed_is_saving(fixture.op->keyed));
        assert_false(fixture.op->has_more);
        assert_true(fixture.capture->rows > 0);
        assert_non_null(strstr(capture_text(fixture.capture), "W 30000000\n"));
        fixture_close(&fixture);
    }
}

/* Its rows go out at once, what is still to be saved of it in its turn. */
static void test_a_window_that_goes_is_not_saved_at_once(void **state)
{
    (void)state;
    const WindowSpec *specs[] = {&tumble, &hop, &cumulate};
    for (int32_t i = 0; i < 3; i++) {
        Fixture fixture;
        fixture_open(&fixture, *specs[i], NULL);
        for (int64_t key = 0; key < MANY_KEYS; key++)
            push(&fixture, key, 5 * SECOND, 7, ROW_INSERT);
        KeyedState *keyed = fixture.op->keyed;
        Buffer records = {0};
        keyed_begin(keyed, true);
        keyed_step(keyed, 1, &records);
        assert_int_equal(operator_receive_watermark(fixture.op, 0, 60 * SECOND), OK);
        assert_true(fixture.capture->rows >= MANY_KEYS);
        assert_int_equal(keyed_saved_bytes(keyed), 0);
        int32_t steps = 1;
        while (!keyed_step(keyed, 100, &records))
            steps++;
        assert_true(steps > MANY_KEYS / 20);
        buffer_free(&records);
        fixture_close(&fixture);
    }
}

static void test_a_window_that_may_leave_memory_goes_when_it_is_saved(void **state)
{
    (void)state;
    const WindowSpec *specs[] = {&tumble, &hop, &cumulate};
    for (int32_t i = 0; i < 3; i++) {
        Fixture fixture;
        fire_while_saving(&fixture, *specs[i], true);
        Operator *op = fixture.op;
        Buffer records = {0};
        int32_t waits = 0;
        while (op->has_more) {
            if (operator_is_waiting(op)) {
                waits++;
                assert_int_equal(operator_go_on(op), OK);
                assert_true(op->has_more && operator_is_waiting(op));
                while (operator_is_waiting(op))
                    keyed_step(op->keyed, 1, &records);
            }
            assert_int_equal(operator_go_on(op), OK);
        }
        assert_true(waits > 0);
        assert_non_null(strstr(capture_text(fixture.capture), "W 30000000\n"));
        buffer_free(&records);
        fixture_close(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_late_row_is_a_dead_letter),
        cmocka_unit_test(test_a_refund_leaves_its_window_and_a_correction_moves),
        cmocka_unit_test(test_a_row_behind_counts_in_the_windows_that_are_left),
        cmocka_unit_test(test_far_futures_cost_one_slice),
        cmocka_unit_test(test_days_of_the_session_zone),
        cmocka_unit_test(test_many_keys_come_out_in_batches),
        cmocka_unit_test(test_damaged_state_is_refused),
        cmocka_unit_test(test_windows_in_memory_do_not_wait_for_the_writer),
        cmocka_unit_test(test_a_window_that_goes_is_not_saved_at_once),
        cmocka_unit_test(test_a_window_that_may_leave_memory_goes_when_it_is_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
