/* The sink operator against a connector that does as the test says. */
#include "exec/testing.h"

#include <stdio.h>
#include <unistd.h>

#include "exec/operators.h"

enum { CAPACITY = 8 };

/* What the fake connector was called with, and what it shall answer. */
static Buffer calls;
static int32_t failures_left;
static bool is_retriable;
static bool holds_rows;

typedef struct FakeSink {
    SinkWriter base;
} FakeSink;

static Status fake_answer(const char *what, Error *error)
{
    if (failures_left == 0) {
        buffer_printf(&calls, "%s\n", what);
        return OK;
    }
    failures_left--;
    buffer_printf(&calls, "%s fails\n", what);
    (void)!fail(error, ERR_UNAVAILABLE, "WR3001", "the server went away");
    error->is_retriable = is_retriable;
    return ERR_UNAVAILABLE;
}

static Status fake_open(SinkWriter *writer, Str state, Error *error)
{
    char text[64];
    snprintf(text, sizeof text, "open %d/%d [%.*s]", writer->subtask, writer->subtask_count,
             STR_ARGS(state));
    return fake_answer(text, error);
}

static Status fake_write(SinkWriter *writer, const Batch *batch, Error *error)
{
    (void)writer;
    char text[64];
    snprintf(text, sizeof text, "write %d", batch->selection.count);
    return fake_answer(text, error);
}

static Status fake_prepare(SinkWriter *writer, int64_t checkpoint, Buffer *state, Error *error)
{
    char text[64];
    snprintf(text, sizeof text, "prepare %d", (int)checkpoint);
    if (!holds_rows)
        buffer_printf(state, "state of %d", writer->subtask);
    return fake_answer(text, error);
}

static Status fake_commit(SinkWriter *writer, int64_t checkpoint, Error *error)
{
    (void)writer;
    char text[64];
    snprintf(text, sizeof text, "commit %d", (int)checkpoint);
    return fake_answer(text, error);
}

static Status fake_finish(SinkWriter *writer, Error *error)
{
    (void)writer;
    return fake_answer("finish", error);
}

static void fake_close(SinkWriter *writer)
{
    (void)writer;
    buffer_append_text(&calls, "close\n");
}

static const SinkKind fake_kind = {
    .size = sizeof(FakeSink),
    .open = fake_open,
    .write = fake_write,
    .prepare = fake_prepare,
    .commit = fake_commit,
    .finish = fake_finish,
    .close = fake_close,
};
static const Connector fake_connector = {.sink = &fake_kind};

static bool fake_holds_rows(const TableOptions *table)
{
    (void)table;
    return holds_rows;
}

static const ConnectorInfo fake_info = {.holds_rows = fake_holds_rows};

/* Sleeps take no time, but are counted. */
static int64_t slept_us;
static _Atomic bool is_stopping;

static void fake_sleep(World *world, int64_t duration_us)
{
    (void)world;
    slept_us += duration_us;
    if (slept_us > 60 * (int64_t)MICROS_PER_SECOND)
        is_stopping = true;
}

typedef struct Fixture {
    Bench bench;
    WorldKind world_kind;
    World world;
    Field fields[2];
    PlanTable table;
    PlanNode source, node;
    PlanNode *inputs[1];
    Operator *op;
    Batch *batch;
    char folder[64];
} Fixture;

static const int32_t writes[] = {0, 1};

static void fixture_start(Fixture *fixture)
{
    fixture->op = operator_new(&fixture->bench.task, &fixture->node);
    assert_int_equal(fixture->op->kind->open(fixture->op), OK);
}

static void fixture_open(Fixture *fixture)
{
    *fixture = (Fixture){0};
    calls = (Buffer){0};
    failures_left = 0;
    is_retriable = true;
    slept_us = 0;
    is_stopping = false;
    bench_connector = &fake_connector;
    bench_open(&fixture->bench);
    fixture->world_kind = *world_system()->kind;
    fixture->world_kind.sleep_us = fake_sleep;
    fixture->world.kind = &fixture->world_kind;
    fixture->bench.task.world = &fixture->world;
    fixture->bench.task.is_stopping = &is_stopping;
    snprintf(fixture->folder, sizeof fixture->folder, "sink-test-%d", (int)getpid());
    fixture->bench.task.dead_letters = deadletters_open(world_system(), fixture->folder);
    fixture->fields[0] = (Field){STR("id"), type_not_null(type_simple(TYPE_BIGINT))};
    fixture->fields[1] = (Field){STR("v"), type_simple(TYPE_BIGINT)};
    fixture->table = (PlanTable){.name = STR("out"),
                                 .connector = &fake_info,
                                 .physical = {.fields = fixture->fields, .count = 2},
                                 .key = writes,
                                 .key_count = 1};
    fixture->source = (PlanNode){.kind = PLAN_SOURCE,
                                 .schema = fixture->table.physical,
                                 .source = {.table = &fixture->table}};
    fixture->inputs[0] = &fixture->source;
    fixture->node = (PlanNode){
        .kind = PLAN_SINK,
        .label = "sink out",
        .inputs = fixture->inputs,
        .input_count = 1,
        .schema = fixture->table.physical,
        .sink = {.table = &fixture->table, .writes = writes, .accepts = CHANGELOG_UPSERT}};
    fixture->batch = batch_new(&fixture->source.schema, CAPACITY);
    fixture->batch->row_count = 3;
    batch_select_all(fixture->batch);
    fixture_start(fixture);
}

static void fixture_close(Fixture *fixture)
{
    operator_close(fixture->op);
    batch_free(fixture->batch);
    bench_close(&fixture->bench);
    buffer_free(&calls);
    assert_int_equal(world_remove_tree(world_system(), fixture->folder, NULL), OK);
}

static void expect(const char *text)
{
    assert_string_equal(buffer_terminated(&calls), text);
    calls.length = 0;
}

static void test_the_life_of_a_sink(void **state)
{
    (void)state;
    Fixture fixture;
    fixture_open(&fixture);
    Operator *op = fixture.op;
    Buffer saved = {0};
    assert_int_equal(op->kind->start(op), OK);
    bench_push(&fixture.bench, op, 0, fixture.batch);
    assert_int_equal(operator_save(op, 4, &saved), OK);
    assert_int_equal(op->kind->committed(op, 4), OK);
    bench_watermark(&fixture.bench, op, 0, 5);
    bench_watermark(&fixture.bench, op, 0, TIMESTAMP_MAX);
    expect("open 0/1 []\nwrite 3\nprepare 4\ncommit 4\nfinish\n");
    operator_close(op);
    expect("close\n");
    fixture_start(&fixture);
    assert_int_equal(operator_load(fixture.op, buffer_str(&saved), &(StateOrigin){0, 1}), OK);
    assert_int_equal(fixture.op->kind->start(fixture.op), OK);
    expect("open 0/1 [state of 0]\n");
    buffer_free(&saved);
    fixture_close(&fixture);
}

static void test_what_may_pass_is_tried_again(void **state)
{
    (void)state;
    Fixture fixture;
    fixture_open(&fixture);
    assert_int_equal(fixture.op->kind->start(fixture.op), OK);
    failures_left = 2;
    bench_push(&fixture.bench, fixture.op, 0, fixture.batch);
    expect("open 0/1 []\nwrite 3 fails\nwrite 3 fails\nwrite 3\n");
    assert_true(slept_us > 0);
    /* What a failed attempt wrote of its state is not kept. */
    Buffer saved = {0};
    failures_left = 1;
    assert_int_equal(operator_save(fixture.op, 1, &saved), OK);
    assert_int_equal(saved.length, 4 + (int64_t)strlen("state of 0"));
    buffer_free(&saved);
    fixture_close(&fixture);
}

static void test_what_cannot_pass_stops_the_job(void **state)
{
    (void)state;
    Fixture fixture;
    fixture_open(&fixture);
    assert_int_equal(fixture.op->kind->start(fixture.op), OK);
    failures_left = 1;
    is_retriable = false;
    assert_int_equal(operator_push(fixture.op, 0, fixture.batch), ERR_UNAVAILABLE);
    assert_string_equal(fixture.bench.error.text, "the server went away");
    /* A stop ends the waiting for a server that never comes back. */
    failures_left = INT32_MAX;
    is_retriable = true;
    assert_int_equal(operator_push(fixture.op, 0, fixture.batch), ERR_CANCELLED);
    failures_left = 0;
    fixture_close(&fixture);
}

static void test_null_does_not_reach_columns_that_refuse_it(void **state)
{
    (void)state;
    Fixture fixture;
    fixture_open(&fixture);
    Batch *batch = fixture.batch;
    column_set_null(&batch->columns[0], batch->arena, 1, CAPACITY);
    column_set_null(&batch->columns[1], batch->arena, 2, CAPACITY);
    bench_push(&fixture.bench, fixture.op, 0, batch);
    expect("open 0/1 []\nwrite 2\n");
    assert_int_equal(deadletters_count(fixture.bench.task.dead_letters), 1);
    fixture.node.sink.drops_null_rows = true;
    batch_select_all(batch);
    bench_push(&fixture.bench, fixture.op, 0, batch);
    expect("write 2\n");
    assert_int_equal(deadletters_count(fixture.bench.task.dead_letters), 1);
    fixture_close(&fixture);
}

static void test_fewer_shards_settle_what_the_others_had_prepared(void **state)
{
    (void)state;
    Fixture fixture;
    fixture_open(&fixture);
    for (int32_t owner = 0; owner < 3; owner++) {
        Buffer saved = {0};
        buffer_append_u32(&saved, (uint32_t)owner);
        buffer_printf(&saved, "state of %d", owner);
        assert_int_equal(operator_load(fixture.op, buffer_str(&saved), &(StateOrigin){0, 1}), OK);
        buffer_free(&saved);
    }
    assert_int_equal(fixture.op->kind->start(fixture.op), OK);
    expect("open 0/1 [state of 1]\nclose\nopen 0/1 [state of 2]\nclose\n"
           "open 0/1 [state of 0]\n");
    fixture_close(&fixture);
}

/* Keys 1, 2, 1: the last row of 1 counts. */
static void test_rows_are_held_until_their_checkpoint(void **state)
{
    (void)state;
    Fixture fixture;
    holds_rows = true;
    fixture_open(&fixture);
    int64_t *ids = (int64_t *)fixture.batch->columns[0].values;
    ids[0] = ids[2] = 1;
    ids[1] = 2;
    assert_int_equal(fixture.op->kind->start(fixture.op), OK);
    bench_push(&fixture.bench, fixture.op, 0, fixture.batch);
    expect("open 0/1 []\n");
    Buffer saved = {0};
    assert_int_equal(operator_save(fixture.op, 1, &saved), OK);
    bench_push(&fixture.bench, fixture.op, 0, fixture.batch);
    expect("prepare 1\n");
    assert_int_equal(fixture.op->kind->committed(fixture.op, 1), OK);
    expect("write 2\ncommit 1\n");
    /* A crash before the commit: what the checkpoint holds is written, what came later is not. */
    operator_close(fixture.op);
    expect("close\n");
    fixture_start(&fixture);
    assert_int_equal(operator_load(fixture.op, buffer_str(&saved), &(StateOrigin){0, 1}), OK);
    assert_int_equal(fixture.op->kind->start(fixture.op), OK);
    expect("open 0/1 []\nwrite 2\n");
    buffer_free(&saved);
    fixture_close(&fixture);
    holds_rows = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_life_of_a_sink),
        cmocka_unit_test(test_what_may_pass_is_tried_again),
        cmocka_unit_test(test_what_cannot_pass_stops_the_job),
        cmocka_unit_test(test_null_does_not_reach_columns_that_refuse_it),
        cmocka_unit_test(test_rows_are_held_until_their_checkpoint),
        cmocka_unit_test(test_fewer_shards_settle_what_the_others_had_prepared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
