/* Windows that are over: their rows go out, in order of window_end.
 *
 * Where no key is live there is nothing to fire, so the next slice with rows says where to go
 * on: a watermark that jumps over a year of seconds costs nothing. */
#include <assert.h>
#include <stdatomic.h>

#include "exec/window/aggregate.h"
#include "exec/window/running_pass.h"

static Status window_flush(WindowAggregate *self)
{
    const _Atomic bool *is_stopping = self->base.task->is_stopping;
    if (self->out->row_count == 0)
        return OK;
    /* A small slide and a large size make more windows than anybody waits for. */
    if (is_stopping != NULL && atomic_load_explicit(is_stopping, memory_order_relaxed))
        return ERR_CANCELLED;
    batch_select_all(self->out);
    TRY(operator_emit_lending(&self->base, self->out, self->lent));
    batch_reset(self->out, &self->base.node->schema, BATCH_ROWS_MAX);
    return OK;
}

/* The window columns of the rows first … row_count - 1. */
static void window_write_times(WindowAggregate *self, int64_t window, int32_t first)
{
    const PlanNode *node = self->base.node;
    int32_t at = node->window_aggregate.key_count + node->window_aggregate.aggregate_count;
    for (int32_t i = 0; i < node->window_aggregate.window_column_count; i++) {
        Timestamp time = 0;
        switch (node->window_aggregate.window_columns[i]) {
        case WINDOW_START:
            time = window_slice_start(&self->clock, window_first_slice(&self->clock, window));
            break;
        case WINDOW_END: time = window_slice_end(&self->clock, window); break;
        case WINDOW_TIME: time = window_time(&self->clock, window); break;
        }
        int64_t *values = self->out->columns[at + i].values;
        for (int32_t row = first; row < self->out->row_count; row++)
            values[row] = time;
    }
}

/* The next values that have records, at most `room`, into self->gathered. */
static int32_t window_gather(WindowAggregate *self, const StateTable *table, int64_t *cursor,
                             int32_t room)
{
    for (;;) {
        int32_t found = table_read_run(table, cursor, self->gathered, room);
        int32_t count = 0;
        for (int32_t i = 0; i < found; i++) {
            self->gathered[count] = self->gathered[i];
            count += *(const int64_t *)(const void *)self->gathered[i] != 0;
        }
        if (count > 0 || found == 0)
            return count;
    }
}

/* Rows of these values; `is_running` says which layout they have. */
static void window_add_rows(WindowAggregate *self, const StateTable *table, int32_t count,
                            bool is_running)
{
    Batch *out = self->out;
    int32_t row = out->row_count;
    const uint8_t *const *values = (const uint8_t *const *)self->gathered;
    Column *results = out->columns + self->base.node->window_aggregate.key_count;
    table_read_keys(table, values, count, out, BATCH_ROWS_MAX);
    AggregateStates sums = {.states = values, .offset = self->layout.slice_sums, .count = count};
    if (is_running)
        running_results(&self->running, values, count, results, out->arena, row);
    else
        accumulators_result_run(&self->layout.sums, &sums, results, out->arena, row,
                                BATCH_ROWS_MAX);
    out->row_count += count;
    batch_select_all(out);
    window_write_times(self, self->firing.window, row);
}

/* A row for every key of the table that has records, from the cursor on. Stops where nobody takes
 * them. */
static Status window_emit(WindowAggregate *self, const StateTable *table, bool is_running)
{
    Batch *out = self->out;
    for (;;) {
        if (out->row_count == BATCH_ROWS_MAX)
            TRY(window_flush(self));
        self->base.has_more = out->row_count == 0 && operator_is_clogged(&self->base);
        if (self->base.has_more)
            return OK;
        int32_t room = BATCH_ROWS_MAX - out->row_count;
        int32_t count = window_gather(self, table, &self->firing.cursor, room);
        if (count == 0)
            return OK;
        window_add_rows(self, table, count, is_running);
    }
}

static Status window_fire_tumble(WindowAggregate *self)
{
    WindowFiring *firing = &self->firing;
    for (;;) {
        const Slice *slice = slices_from(&self->slices, INT64_MIN);
        if (slice == NULL || slice->number > firing->until)
            return OK;
        StateTable *table = slice->table;
        if (!firing->is_emitting) {
            /* What is emitted does not move until it is all out. */
            TRY(table_put_away(table, self->base.task->error));
            firing->is_emitting = true;
            firing->window = slice->number;
            firing->cursor = 0;
        }
        TRY(window_emit(self, table, false));
        if (self->base.has_more)
            return OK;
        if (operator_is_to_wait(&self->base, table))
            return window_flush(self);
        firing->is_emitting = false;
        slices_drop(&self->slices, firing->window);
    }
}

/* The next window to fire at or behind the one at hand: itself while there are live keys, else the
 * first that a slice with rows is in. False if there is none up to the last. */
static bool window_next(WindowAggregate *self)
{
    WindowFiring *firing = &self->firing;
    if (running_is_empty(&self->running)) {
        const Slice *slice = slices_from(&self->slices, firing->window);
        if (slice == NULL)
            return false;
        firing->window = slice->number;
    }
    return firing->window <= firing->until;
}

static int64_t window_first(const WindowAggregate *self)
{
    return window_first_slice(&self->clock, self->firing.window);
}

/* The window at hand is in the running values, or will be as its pages come. */
static Status window_enter(WindowAggregate *self)
{
    int64_t window = self->firing.window;
    self->firing.is_emitting = true;
    self->firing.cursor = 0;
    if (self->running.pass != NULL)
        return running_pass_begin(&self->running, &self->slices, window_first(self), window);
    const StateTable *entering = slices_find(&self->slices, window);
    if (entering != NULL)
        running_enter(&self->running, entering);
    running_settle(&self->running, &self->slices, window_first(self), window);
    return OK;
}

/* The page that is at hand. */
static Status window_emit_page(WindowAggregate *self)
{
    for (int32_t at = 0;;) {
        if (self->out->row_count == BATCH_ROWS_MAX)
            TRY(window_flush(self));
        int32_t room = BATCH_ROWS_MAX - self->out->row_count;
        int32_t count = running_pass_values(&self->running, &at, self->gathered, room);
        if (count == 0)
            return OK;
        window_add_rows(self, self->running.table, count, true);
    }
}

/* Page by page. Stops between two where nobody takes the rows, or a checkpoint is under way. */
static Status window_emit_pages(WindowAggregate *self)
{
    while (!self->base.has_more) {
        bool is_there;
        TRY(running_pass_next(&self->running, &is_there));
        if (!is_there)
            return OK;
        TRY(window_emit_page(self));
        running_pass_close(&self->running);
        self->base.has_more = operator_is_to_pause(&self->base);
    }
    return OK;
}

/* Whether what goes with the window is still to be saved. */
static bool window_is_to_wait(WindowAggregate *self)
{
    int64_t window = self->firing.window, first = window_first(self);
    bool keeps_slices = self->layout.keeps_slices;
    int64_t goes = !keeps_slices ? window : self->running.pass != NULL ? first - 1 : first;
    if (operator_is_to_wait(&self->base, slices_find(&self->slices, goes)))
        return true;
    bool resets = !keeps_slices && window == window_last_of(&self->clock, window);
    return resets && operator_is_to_wait(&self->base, self->running.table);
}

/* It is out: what no other window needs goes. */
static void window_leave(WindowAggregate *self)
{
    int64_t window = self->firing.window, first = window_first(self);
    bool has_left = self->running.pass != NULL;
    self->firing.is_emitting = false;
    self->firing.window++;
    if (has_left)
        running_pass_end(&self->running);
    if (!self->layout.keeps_slices) {
        slices_drop(&self->slices, window);
        if (window == window_last_of(&self->clock, window))
            running_reset(&self->running);
        return;
    }
    if (!has_left)
        running_leave(&self->running, &self->slices, first);
    slices_drop(&self->slices, has_left ? first - 1 : first);
}

/* HOP and CUMULATE. */
static Status window_fire_running(WindowAggregate *self)
{
    while (self->firing.is_emitting || window_next(self)) {
        if (!self->firing.is_emitting)
            TRY(window_enter(self));
        TRY(self->running.pass != NULL ? window_emit_pages(self)
                                       : window_emit(self, self->running.table, true));
        if (self->base.has_more)
            return OK;
        if (window_is_to_wait(self))
            return window_flush(self);
        window_leave(self);
    }
    return OK;
}

Status window_go_on(Operator *op)
{
    WindowAggregate *self = (WindowAggregate *)op;
    bool is_tumble = self->clock.kind == WINDOW_TUMBLE;
    TRY(is_tumble ? window_fire_tumble(self) : window_fire_running(self));
    if (op->has_more)
        return OK;
    self->fired = self->firing.until;
    TRY(window_flush(self));
    return self->firing.has_watermark ? operator_advance(op, self->firing.watermark) : OK;
}

Status window_fire(WindowAggregate *self, int64_t until, const Timestamp *watermark)
{
    assert(until > self->fired && !self->firing.is_emitting);
    self->firing = (WindowFiring){.until = until,
                                  .window = self->fired == INT64_MIN ? INT64_MIN : self->fired + 1,
                                  .has_watermark = watermark != NULL,
                                  .watermark = watermark != NULL ? *watermark : 0};
    return window_go_on(&self->base);
}
