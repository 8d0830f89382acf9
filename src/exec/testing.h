/* For the unit tests of exec/: a task without a job, and an operator at the end of the chain that
 * writes down what reaches it. */
#ifndef WEIR_EXEC_TESTING_H
#define WEIR_EXEC_TESTING_H

#include <stdlib.h>

#include "base/testing.h"

#include "base/memory.h"
#include "data/value.h"
#include "exec/exec.h"

/* Takes the place of the real list of connectors, which the tests of operators do not need. */
static const Connector *bench_connector;

const Connector *connector_find(const ConnectorInfo *info)
{
    (void)info;
    return bench_connector;
}

typedef struct Bench {
    TaskContext task;
    EvalContext *eval;
    RowError *errors;
    Error error;
    PlanSettings settings;
} Bench;

static inline void bench_open(Bench *bench)
{
    *bench = (Bench){0};
    bench->errors = memory_allocate((int64_t)sizeof(RowError) * ROW_ERRORS_MAX);
    bench->task = (TaskContext){.world = world_system(),
                                .query = arena_new(0),
                                .scratch = arena_new(0),
                                .shard_count = 1,
                                .settings = &bench->settings,
                                .error = &bench->error};
    bench->task.eval = (EvalContext){.world = world_system(),
                                     .scratch = bench->task.scratch,
                                     .zone = timezone_utc(),
                                     .watermark = TIMESTAMP_MIN,
                                     .errors = bench->errors};
}

static inline void bench_close(Bench *bench)
{
    if (bench->task.dead_letters != NULL)
        deadletters_close(bench->task.dead_letters);
    arena_free(bench->task.query);
    arena_free(bench->task.scratch);
    memory_free(bench->errors);
}

/* Writes "+I a,b,c" lines for rows, "W <micros>" for watermarks if asked to, "idle 1". */
typedef struct Capture {
    Operator base;
    Buffer text;
    bool has_watermarks;
    int64_t rows;
} Capture;

static inline Status capture_push(Operator *op, int32_t input, Batch *batch)
{
    Capture *capture = (Capture *)op;
    (void)input;
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        buffer_append_text(&capture->text, row_kind_text(batch_kind(batch, row)));
        for (int32_t c = 0; c < batch->column_count; c++) {
            Value value = value_get(&batch->columns[c], row);
            buffer_append_char(&capture->text, c == 0 ? ' ' : ',');
            value_print(&capture->text, &value, VALUE_PRINT, timezone_utc());
        }
        buffer_append_char(&capture->text, '\n');
        capture->rows++;
    }
    return OK;
}

static inline Status capture_advance(Operator *op, Timestamp watermark)
{
    Capture *capture = (Capture *)op;
    if (capture->has_watermarks)
        buffer_printf(&capture->text, "W %lld\n", (long long)watermark);
    return OK;
}

static inline Status capture_idle(Operator *op, bool is_idle)
{
    Capture *capture = (Capture *)op;
    if (capture->has_watermarks)
        buffer_printf(&capture->text, "idle %d\n", is_idle);
    return OK;
}

static inline void capture_close(Operator *op)
{
    buffer_free(&((Capture *)op)->text);
}

static const OperatorKind capture_kind = {
    .name = "capture",
    .size = sizeof(Capture),
    .push = capture_push,
    .advance = capture_advance,
    .idle = capture_idle,
    .close = capture_close,
};

static inline Capture *capture_new(Bench *bench)
{
    return (Capture *)operator_make(&bench->task, &capture_kind, NULL, 1);
}

static inline const char *capture_text(Capture *capture)
{
    return buffer_terminated(&capture->text);
}

static inline void capture_clear(Capture *capture)
{
    capture->text.length = 0;
}

/* What the task does with a batch that came in: push, then forget the temporaries. */
static inline void bench_push(Bench *bench, Operator *op, int32_t input, Batch *batch)
{
    assert_int_equal(operator_push(op, input, batch), OK);
    arena_reset(bench->task.scratch);
}

static inline void bench_watermark(Bench *bench, Operator *op, int32_t input, Timestamp watermark)
{
    assert_int_equal(operator_receive_watermark(op, input, watermark), OK);
    arena_reset(bench->task.scratch);
}

/* What each operator keeps, as a checkpoint takes it. */
static inline void bench_save(Operator *const *ops, int32_t count, Buffer *saved)
{
    for (int32_t i = 0; i < count; i++)
        assert_int_equal(operator_save(ops[i], 1, &saved[i]), OK);
}

/* New operators, perhaps another number of them, go on from there: each takes what is its own of
 * everything. */
static inline void bench_restore(Operator *const *ops, int32_t count, Buffer *saved,
                                 int32_t saved_count)
{
    for (int32_t i = 0; i < count; i++) {
        for (int32_t k = 0; k < saved_count; k++)
            assert_int_equal(
                operator_load(ops[i], buffer_str(&saved[k]), &(StateOrigin){k, saved_count}), OK);
        assert_int_equal(operator_start(ops[i]), OK);
    }
    for (int32_t k = 0; k < saved_count; k++)
        buffer_free(&saved[k]);
}

/* A column of int64 values appended row by row by the tests. */
static inline void put_i64(Batch *batch, int32_t column, int32_t row, int64_t value)
{
    ((int64_t *)batch->columns[column].values)[row] = value;
}

static inline int compare_lines(const void *a, const void *b)
{
    return str_compare(*(const Str *)a, *(const Str *)b);
}

/* The lines in order, so that two outputs can be compared as sets. */
static inline void sort_lines(Arena *arena, Buffer *text)
{
    int64_t count = 0;
    for (int64_t i = 0; i < text->length; i++)
        count += text->data[i] == '\n';
    Str *lines = ARENA_ARRAY(arena, Str, count);
    Str rest = buffer_str(text);
    for (int64_t i = 0; i < count; i++)
        lines[i] = str_split(rest, '\n', &rest);
    qsort(lines, (size_t)count, sizeof *lines, compare_lines);
    Buffer sorted = {0};
    for (int64_t i = 0; i < count; i++) {
        buffer_append_str(&sorted, lines[i]);
        buffer_append_char(&sorted, '\n');
    }
    buffer_free(text);
    *text = sorted;
}

#endif
