/* A window TVF without aggregation: every row once for each window it is in.
 *
 * The k-th windows of all rows make one emitted batch, so the input's columns pass by reference.
 * Nothing is late here: whether a window is over is for those downstream to judge. */
#include "exec/operators.h"

#include <assert.h>

#include "exec/window/clock.h"

typedef struct WindowAssignOperator {
    Operator base;
    WindowClock clock;
    Metric *null_time;
} WindowAssignOperator;

static Status window_assign_open(Operator *op)
{
    WindowAssignOperator *self = (WindowAssignOperator *)op;
    self->clock = window_clock(&op->node->window_assign.window, op->task->eval.zone);
    self->null_time = metric_get(METRIC_COUNTER, "weir_null_time_records_total",
                                 operator_labels(op, ""), "Rows without event time.", 1);
    return OK;
}

/* Processing time: all rows are in the slice of the clock. */
static int64_t *window_assign_now(const WindowAssignOperator *self, const Batch *batch)
{
    TaskContext *task = self->base.task;
    int64_t *slices = ARENA_ARRAY(task->scratch, int64_t, batch->row_count);
    Timestamp now = world_now_us(task->world);
    int64_t slice = window_slice(&self->clock, window_local(&self->clock, now));
    for (int32_t i = 0; i < batch->row_count; i++)
        slices[i] = slice;
    return slices;
}

/* Slice of each selected row with event time; the others leave the selection. */
static int64_t *window_assign_slices(WindowAssignOperator *self, Batch *batch)
{
    Operator *op = &self->base;
    const Column *time = &batch->columns[op->node->window_assign.window.time_column];
    assert(time->physical == PHYSICAL_I64);
    int64_t *slices = ARENA_ARRAY(op->task->scratch, int64_t, batch->row_count);
    uint8_t *is_null = ARENA_ARRAY(op->task->scratch, uint8_t, batch->row_count);
    int64_t nulls = 0;
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        is_null[row] = column_is_null(time, row);
        nulls += is_null[row];
        if (is_null[row])
            operator_letter(op, batch, row, STAGE_COMPUTE, "WR4301",
                            "the event time of the row is NULL");
        Timestamp value = ((const int64_t *)time->values)[column_index(time, row)];
        slices[row] = window_slice(&self->clock, window_local(&self->clock, value));
    }
    if (nulls > 0) {
        metric_add(self->null_time, nulls);
        batch->selection = selection_without(batch->selection, is_null, op->task->scratch);
    }
    return slices;
}

/* Emit the rows with the k-th window each: k slices before the last one they are in. */
static Status window_assign_emit(WindowAssignOperator *self, const Batch *batch,
                                 const int64_t *slices, int64_t k)
{
    Operator *op = &self->base;
    Arena *scratch = op->task->scratch;
    const Schema *schema = &op->node->schema;
    int32_t inputs = batch->column_count;
    assert(schema->count == inputs + 3);
    Column *columns = ARENA_ARRAY(scratch, Column, schema->count);
    memcpy(columns, batch->columns, sizeof(Column) * (size_t)inputs);
    for (int32_t i = inputs; i < schema->count; i++)
        columns[i] = column_new(scratch, schema->fields[i].type, batch->row_count);
    int32_t *rows = ARENA_ARRAY(scratch, int32_t, batch->selection.count);
    int32_t count = 0;
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        int64_t window = window_last_of(&self->clock, slices[row]) - k;
        if (window < slices[row])
            continue;
        rows[count++] = row;
        int64_t first = window_first_slice(&self->clock, window);
        ((int64_t *)columns[inputs].values)[row] = window_slice_start(&self->clock, first);
        ((int64_t *)columns[inputs + 1].values)[row] = window_slice_end(&self->clock, window);
        ((int64_t *)columns[inputs + 2].values)[row] = window_time(&self->clock, window);
    }
    Batch out = *batch;
    out.columns = columns;
    out.column_count = schema->count;
    out.selection = (Selection){.rows = rows, .count = count};
    out.arena = NULL;
    return operator_emit(op, &out);
}

static Status window_assign_push(Operator *op, int32_t input, Batch *batch)
{
    WindowAssignOperator *self = (WindowAssignOperator *)op;
    assert(input == 0);
    bool is_processing_time = op->node->window_assign.window.is_processing_time;
    const int64_t *slices =
        is_processing_time ? window_assign_now(self, batch) : window_assign_slices(self, batch);
    if (batch->selection.count == 0)
        return OK;
    for (int64_t k = 0; k < self->clock.slices; k++)
        TRY(window_assign_emit(self, batch, slices, k));
    return OK;
}

const OperatorKind window_assign_operator = {
    .name = "window-assign",
    .size = sizeof(WindowAssignOperator),
    .open = window_assign_open,
    .push = window_assign_push,
};
