/* Gives a stream its event time: the WatermarkAssigner of Flink 1.20.
 *
 * The watermark is the greatest value of the expression so far. It is emitted behind the rows
 * that raised it: at once when it is more than an interval of event time ahead of the last one,
 * else with the periodic tick. It starts at 0, as Flink's does, so none before 1970 is emitted.
 * Watermarks from above are ignored, except the end of input. */
#include "exec/operators.h"

#include <assert.h>

typedef struct WatermarkOperator {
    Operator base;
    Program *expression; /* NULL when it is a plain column */
    Timestamp current, emitted;
    int64_t ticked_us; /* wall clock of the last periodic emission */
    int64_t active_us; /* wall clock at the first tick after the last rows */
    bool has_rows;     /* since the last tick */
    bool is_asleep;    /* no rows for the idle timeout: said so downstream */
    bool has_ended;
    Metric *delay; /* gauge: wall clock less the watermark */
} WatermarkOperator;

static Status watermark_open(Operator *op)
{
    WatermarkOperator *self = (WatermarkOperator *)op;
    Expr *expr = op->node->watermark.watermark;
    self->delay =
        metric_get(METRIC_GAUGE, "weir_watermark_delay_seconds", operator_shard_labels(op),
                   "How far the watermark is behind the wall clock.", MICROS_PER_SECOND);
    if (expr->kind == EXPR_COLUMN)
        return OK;
    return program_compile(op->task->query, &expr, 1, &op->node->inputs[0]->schema,
                           &self->expression, op->task->error);
}

/* Rows without event time cannot take part in anything that depends on it. */
static void watermark_reject_nulls(Operator *op, Batch *batch)
{
    const Column *time = &batch->columns[op->node->watermark.time_column];
    if (time->valid == NULL)
        return;
    uint8_t *is_null = arena_allocate_zeroed(op->task->scratch, batch->row_count);
    bool any = false;
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        if (!column_is_null(time, row))
            continue;
        is_null[row] = 1;
        any = true;
        operator_letter(op, batch, row, STAGE_COMPUTE, "WR4301",
                        "the event time of the row is NULL");
    }
    if (any)
        batch->selection = selection_without(batch->selection, is_null, op->task->scratch);
}

/* The greatest value of the selected rows that is not NULL; TIMESTAMP_MIN if there is none. */
static Timestamp column_max(const Column *column, Selection rows)
{
    const int64_t *values = column->values;
    assert(column->physical == PHYSICAL_I64);
    Timestamp max = TIMESTAMP_MIN;
    if (column->is_constant)
        return column_is_null(column, 0) || rows.count == 0 ? max : values[0];
    if (column->valid == NULL && rows.rows == NULL) {
        for (int32_t i = 0; i < rows.count; i++)
            max = values[i] > max ? values[i] : max;
        return max;
    }
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        if (values[row] > max && !column_is_null(column, row))
            max = values[row];
    }
    return max;
}

/* Watermarks count whole milliseconds, as in Flink. */
static void watermark_raise(WatermarkOperator *self, const Column *column, Selection rows)
{
    Timestamp max = column_max(column, rows);
    if (max == TIMESTAMP_MIN)
        return;
    max = floor_div(max, MICROS_PER_MILLI) * MICROS_PER_MILLI;
    if (max > self->current)
        self->current = max;
}

/* In batch mode all rows count, in whatever order they come: time stands still until the end. */
static Status watermark_emit(WatermarkOperator *self)
{
    const PlanSettings *settings = self->base.task->settings;
    if (self->current <= self->emitted || self->has_ended || settings->is_batch)
        return OK;
    self->emitted = self->current;
    return operator_advance(&self->base, self->current);
}

static Status watermark_push(Operator *op, int32_t input, Batch *batch)
{
    WatermarkOperator *self = (WatermarkOperator *)op;
    assert(input == 0);
    watermark_reject_nulls(op, batch);
    if (batch->selection.count == 0)
        return OK;
    if (self->expression == NULL) {
        const Expr *expr = op->node->watermark.watermark;
        watermark_raise(self, &batch->columns[expr->column], batch->selection);
    } else {
        Column result = {0};
        op->task->eval.watermark = op->watermark;
        op->task->eval.error_count = 0;
        program_run(self->expression, &op->task->eval, batch, &result);
        operator_reject_errors(op, batch);
        watermark_raise(self, &result, batch->selection);
    }
    self->has_rows = true;
    if (self->is_asleep) {
        self->is_asleep = false;
        TRY(operator_pass_idle(op, false));
    }
    TRY(operator_emit(op, batch));
    int64_t interval_us = op->node->watermark.interval_us;
    if (interval_us == 0 || self->current - self->emitted > interval_us)
        return watermark_emit(self);
    return OK;
}

static Status watermark_advance(Operator *op, Timestamp watermark)
{
    WatermarkOperator *self = (WatermarkOperator *)op;
    if (watermark != TIMESTAMP_MAX)
        return OK;
    self->has_ended = true;
    return operator_advance(op, watermark);
}

static Status watermark_tick(Operator *op, int64_t now_us)
{
    WatermarkOperator *self = (WatermarkOperator *)op;
    if (self->has_ended)
        return OK;
    if (self->emitted > 0)
        metric_set(self->delay, now_us - self->emitted);
    if (self->has_rows || self->active_us == 0)
        self->active_us = now_us;
    self->has_rows = false;
    if (now_us - self->ticked_us >= op->node->watermark.interval_us || now_us < self->ticked_us) {
        self->ticked_us = now_us;
        TRY(watermark_emit(self));
    }
    int64_t timeout_us = op->node->watermark.idle_timeout_us;
    if (timeout_us > 0 && !self->is_asleep && now_us - self->active_us >= timeout_us) {
        self->is_asleep = true;
        return operator_pass_idle(op, true);
    }
    return OK;
}

const OperatorKind watermark_operator = {
    .name = "watermark",
    .size = sizeof(WatermarkOperator),
    .open = watermark_open,
    .push = watermark_push,
    .advance = watermark_advance,
    .tick = watermark_tick,
};
