/* Gives a stream its event time: the WatermarkAssigner of Flink 1.20.
 *
 * The watermark is the greatest value of the expression so far. It is emitted behind the rows
 * that raised it: at once when it is more than an interval of event time ahead of the last one,
 * else with the periodic tick. It starts at 0, as Flink's does, so none before 1970 is emitted.
 * Watermarks from above are ignored, except the end of input.
 *
 * Which rows are late must not depend on how rows were put into batches: a batch is cut in front
 * of a row that is not above the watermark which the rows before it have made due, and that
 * watermark goes out between the parts.
 *
 * A source with splits (SourceSplits) has a greatest value for each, as Flink's Kafka source has,
 * and the watermark is the least of them: a partition that is read behind the others has no late
 * rows for that. Splits that are done, or idle, do not count. */
#include "exec/operators.h"

#include <assert.h>

#include "base/memory.h"

/* How far one split is. */
typedef struct SplitClock {
    Timestamp current;
    int64_t active_us; /* wall clock at the first tick after its last rows */
    bool has_rows;     /* since the last tick */
    bool is_idle;
} SplitClock;

typedef struct WatermarkOperator {
    Operator base;
    Program *expression; /* NULL when it is a plain column */
    Arena *lent;         /* scratch of the parts of one batch */
    SplitClock *clocks;  /* of the source's splits */
    int32_t clock_count;
    SplitClock *clock; /* that of the batch at hand; NULL: it has none */
    Timestamp others;  /* … and the least of the other ones */
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
    self->lent = arena_new(0);
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
    if (!column_has_nulls(time, batch->row_count))
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
    if (rows.rows == NULL && !column_has_nulls(column, rows.count)) {
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
static Timestamp watermark_whole(Timestamp mark)
{
    return floor_div(mark, MICROS_PER_MILLI) * MICROS_PER_MILLI;
}

/* ---- Splits ------------------------------------------------------------------------------ */

static const SourceSplits *watermark_splits(const WatermarkOperator *self)
{
    const SourceSplits *splits = self->base.task->splits;
    return splits == NULL || splits->count == 0 ? NULL : splits;
}

/* Those that have been found hold time back until they have rows. */
static void watermark_need_clocks(WatermarkOperator *self, const SourceSplits *splits)
{
    if (self->clock_count >= splits->count)
        return;
    self->clocks = memory_resize(self->clocks, (int64_t)sizeof(SplitClock) * splits->count);
    for (; self->clock_count < splits->count; self->clock_count++)
        self->clocks[self->clock_count] = (SplitClock){.current = TIMESTAMP_MIN};
}

/* The least of all that count but `except`; TIMESTAMP_MAX: none does. */
static Timestamp watermark_least(const WatermarkOperator *self, const SourceSplits *splits,
                                 const SplitClock *except)
{
    Timestamp least = TIMESTAMP_MAX;
    for (int32_t i = 0; i < self->clock_count; i++) {
        const SplitClock *clock = &self->clocks[i];
        if (clock != except && !clock->is_idle && !splits->is_done[i] && clock->current < least)
            least = clock->current;
    }
    return least;
}

/* The rows to come are of this split. */
static void watermark_enter_split(WatermarkOperator *self, int32_t split)
{
    const SourceSplits *splits = watermark_splits(self);
    self->clock = NULL;
    if (splits == NULL || split == 0)
        return;
    assert(split <= splits->count);
    watermark_need_clocks(self, splits);
    self->clock = &self->clocks[split - 1];
    self->clock->has_rows = true;
    self->clock->is_idle = false;
    self->others = watermark_least(self, splits, self->clock);
}

/* A row has this mark, or is below it. */
static void watermark_note(WatermarkOperator *self, Timestamp mark)
{
    if (self->clock != NULL) {
        self->clock->current = mark > self->clock->current ? mark : self->clock->current;
        mark = self->clock->current < self->others ? self->clock->current : self->others;
    }
    self->current = mark > self->current ? mark : self->current;
}

/* Find idle splits. Those that are left may be further. Whether all are idle. */
static bool watermark_tick_splits(WatermarkOperator *self, const SourceSplits *splits,
                                  int64_t now_us)
{
    int64_t timeout_us = self->base.node->watermark.idle_timeout_us;
    int32_t active = 0, left = 0;
    watermark_need_clocks(self, splits);
    for (int32_t i = 0; i < self->clock_count; i++) {
        SplitClock *clock = &self->clocks[i];
        if (clock->has_rows || clock->active_us == 0)
            clock->active_us = now_us;
        clock->has_rows = false;
        if (timeout_us > 0 && now_us - clock->active_us >= timeout_us)
            clock->is_idle = true;
        left += !splits->is_done[i];
        active += !splits->is_done[i] && !clock->is_idle;
    }
    Timestamp least = watermark_least(self, splits, NULL);
    if (active > 0 && least > self->current)
        self->current = least;
    return left > 0 && active == 0;
}

/* ---- Emitting ---------------------------------------------------------------------------- */

/* In batch mode all rows count, in whatever order they come: time stands still until the end. */
static Status watermark_emit(WatermarkOperator *self, Timestamp watermark)
{
    const PlanSettings *settings = self->base.task->settings;
    if (watermark <= self->emitted || self->has_ended || settings->is_batch)
        return OK;
    self->emitted = watermark;
    return operator_advance(&self->base, watermark);
}

/* Whether no row of the batch can be late by what the others make due. */
static bool watermark_is_in_order(const WatermarkOperator *self, const Column *time, Selection rows)
{
    Timestamp min = TIMESTAMP_MAX;
    const int64_t *values = time->values;
    if (rows.rows == NULL && !time->is_constant) {
        for (int32_t i = 0; i < rows.count; i++)
            min = values[i] < min ? values[i] : min;
        return min > self->current;
    }
    for (int32_t i = 0; i < rows.count; i++) {
        Timestamp value = values[time->is_constant ? 0 : selection_row(rows, i)];
        min = value < min ? value : min;
    }
    return min > self->current;
}

static bool watermark_is_due(const WatermarkOperator *self, Timestamp since)
{
    int64_t interval_us = self->base.node->watermark.interval_us;
    return interval_us == 0 ? self->current > since : self->current - since > interval_us;
}

static Status watermark_emit_part(WatermarkOperator *self, const Batch *batch, Selection part)
{
    Batch view = *batch;
    view.selection = part;
    return operator_emit_lending(&self->base, &view, self->lent);
}

/* Emit the rows, and between them the watermarks by which one of them is late. */
static Status watermark_emit_cut(WatermarkOperator *self, const Batch *batch, const Column *marks)
{
    const Column *time = &batch->columns[self->base.node->watermark.time_column];
    const int64_t *times = time->values, *values = marks->values;
    int32_t count = batch->selection.count, from = 0;
    int32_t *rows = ARENA_ARRAY(self->base.task->scratch, int32_t, count);
    Timestamp due = self->emitted, greatest = TIMESTAMP_MIN;
    for (int32_t i = 0; i < count; i++) {
        int32_t row = rows[i] = selection_row(batch->selection, i);
        if (times[time->is_constant ? 0 : row] <= due && due > self->emitted) {
            TRY(watermark_emit_part(self, batch, (Selection){rows + from, i - from}));
            TRY(watermark_emit(self, due));
            from = i;
        }
        int32_t at = marks->is_constant ? 0 : row;
        bool is_greater = values[at] > greatest && !column_is_null(marks, at);
        if (is_greater) {
            greatest = values[at];
            watermark_note(self, watermark_whole(greatest));
        }
        if ((is_greater || i == 0) && watermark_is_due(self, due))
            due = self->current;
    }
    TRY(watermark_emit_part(self, batch, (Selection){rows + from, count - from}));
    return watermark_emit(self, due);
}

/* The rows, then the watermark that they raised. */
static Status watermark_emit_rows(WatermarkOperator *self, Batch *batch, const Column *marks)
{
    Timestamp current = self->current;
    Timestamp of_split = self->clock == NULL ? TIMESTAMP_MIN : self->clock->current;
    Timestamp max = column_max(marks, batch->selection);
    if (max != TIMESTAMP_MIN)
        watermark_note(self, watermark_whole(max));
    const Column *time = &batch->columns[self->base.node->watermark.time_column];
    bool is_batch = self->base.task->settings->is_batch;
    if (!is_batch && !watermark_is_in_order(self, time, batch->selection)) {
        self->current = current;
        if (self->clock != NULL)
            self->clock->current = of_split;
        return watermark_emit_cut(self, batch, marks);
    }
    TRY(operator_emit(&self->base, batch));
    return watermark_is_due(self, self->emitted) ? watermark_emit(self, self->current) : OK;
}

static Status watermark_push(Operator *op, int32_t input, Batch *batch)
{
    WatermarkOperator *self = (WatermarkOperator *)op;
    assert(input == 0);
    watermark_reject_nulls(op, batch);
    if (batch->selection.count == 0)
        return OK;
    Column marks = {0};
    if (self->expression == NULL) {
        marks = batch->columns[op->node->watermark.watermark->column];
    } else {
        op->task->eval.watermark = op->watermark;
        op->task->eval.error_count = 0;
        program_run(self->expression, &op->task->eval, batch, &marks);
        operator_reject_errors(op, batch);
    }
    self->has_rows = true;
    watermark_enter_split(self, batch->split);
    if (self->is_asleep) {
        self->is_asleep = false;
        TRY(operator_pass_idle(op, false));
    }
    return watermark_emit_rows(self, batch, &marks);
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
    int64_t timeout_us = op->node->watermark.idle_timeout_us;
    const SourceSplits *splits = watermark_splits(self);
    bool is_idle = splits != NULL ? watermark_tick_splits(self, splits, now_us)
                                  : timeout_us > 0 && now_us - self->active_us >= timeout_us;
    if (now_us - self->ticked_us >= op->node->watermark.interval_us || now_us < self->ticked_us) {
        self->ticked_us = now_us;
        TRY(watermark_emit(self, self->current));
    }
    if (is_idle && !self->is_asleep) {
        self->is_asleep = true;
        return operator_pass_idle(op, true);
    }
    return OK;
}

Status watermark_raise(Operator *op, Timestamp watermark)
{
    WatermarkOperator *self = (WatermarkOperator *)op;
    Timestamp mark = watermark_whole(watermark);
    if (mark <= self->current)
        return OK;
    self->current = mark;
    return watermark_emit(self, mark);
}

Status watermark_take_over(Operator *op, const Operator *from)
{
    WatermarkOperator *self = (WatermarkOperator *)op;
    const WatermarkOperator *other = (const WatermarkOperator *)from;
    self->current = other->current;
    self->emitted = other->emitted;
    self->ticked_us = other->ticked_us;
    self->active_us = other->active_us;
    self->has_rows = other->has_rows;
    self->is_asleep = other->is_asleep;
    if (self->emitted > 0)
        TRY(operator_advance(op, self->emitted));
    return self->is_asleep ? operator_pass_idle(op, true) : OK;
}

static void watermark_close(Operator *op)
{
    WatermarkOperator *self = (WatermarkOperator *)op;
    arena_free(self->lent);
    memory_free(self->clocks);
}

const OperatorKind watermark_operator = {
    .name = "watermark",
    .size = sizeof(WatermarkOperator),
    .open = watermark_open,
    .push = watermark_push,
    .advance = watermark_advance,
    .tick = watermark_tick,
    .close = watermark_close,
};
