/* Calls with OVER: each row of the input once, with what its partition says about it.
 *
 *   event time        rows wait for the watermark, in order of time ──> worked out, +I
 *   processing time   worked out as they come; with RANGE and a bound, when their millisecond is
 * over
 *
 * What a frame without beginning needs is one accumulator per key. A frame with a beginning also
 * keeps the arguments of the rows in it, and takes them out of the accumulator as they leave.
 *
 * Late: without a beginning, a row that is not above the watermark; with one, a row that is not
 * above the last row of its key that was worked out, as in Flink. */
#include "exec/over/over.h"

#include <assert.h>

#include "data/rowcode.h"
#include "data/sortkey.h"

/* ---- Keys of time ------------------------------------------------------------------------ */

Str over_time_key(Timestamp time, char room[9])
{
    uint64_t bits = (uint64_t)time ^ (uint64_t)1 << 63;
    room[0] = 1;
    for (int32_t i = 0; i < 8; i++)
        room[1 + i] = (char)(uint8_t)(bits >> (8 * (7 - i)));
    return str_make(room, 9);
}

Timestamp over_key_time(Str key)
{
    if (key.length != 9 || key.data[0] != 1)
        return TIMESTAMP_MIN;
    uint64_t bits = 0;
    for (int32_t i = 1; i < 9; i++)
        bits = bits << 8 | (uint8_t)key.data[i];
    return (Timestamp)(bits ^ (uint64_t)1 << 63);
}

/* ---- Opening ----------------------------------------------------------------------------- */

static int32_t over_arg(Over *self, int32_t column)
{
    if (column < 0)
        return -1;
    for (int32_t i = 0; i < self->args_schema.count; i++)
        if (self->args[i] == column)
            return i;
    Field *fields = (Field *)self->args_schema.fields;
    fields[self->args_schema.count] = self->base.node->inputs[0]->schema.fields[column];
    self->args[self->args_schema.count] = column;
    return self->args_schema.count++;
}

/* The aggregates among the calls, over the input and over what is kept of its rows. */
static void over_open_accumulators(Over *self)
{
    const PlanNode *node = self->base.node;
    Arena *arena = self->base.task->query;
    int32_t count = 0, places_max = AGGREGATE_ARGS_MAX + 1;
    PlanAggregate *aggregates = ARENA_ARRAY(arena, PlanAggregate, node->over.call_count + 1);
    int32_t *results = ARENA_ARRAY(arena, int32_t, node->over.call_count + 1);
    for (int32_t i = 0; i < node->over.call_count; i++) {
        if (node->over.calls[i].function != OVER_AGGREGATE)
            continue;
        results[count] = i;
        aggregates[count++] = node->over.calls[i].aggregate;
    }
    self->group = accumulators_choose(arena, aggregates, count, CHOOSE_ALL);
    self->args = ARENA_ARRAY(arena, int32_t, places_max * count + 1);
    self->args_schema.fields = ARENA_ARRAY(arena, Field, places_max * count + 1);
    for (int32_t i = 0; i < count; i++) {
        for (int32_t a = 0; a < aggregates[i].call->arg_count; a++)
            aggregates[i].args[a] = over_arg(self, aggregates[i].args[a]);
        aggregates[i].filter = over_arg(self, aggregates[i].filter);
    }
    self->evicted = accumulators_choose(arena, aggregates, count, CHOOSE_ALL);
    for (int32_t i = 0; i < count; i++)
        self->group.calls[i].result = self->evicted.calls[i].result = results[i];
}

static Status over_open(Operator *op)
{
    Over *self = (Over *)op;
    const PlanNode *node = op->node;
    Arena *arena = op->task->query;
    const Schema *input = &node->inputs[0]->schema;
    const OverFrame *frame = &node->over.frame;
    assert(frame->to == FRAME_CURRENT_ROW);
    Type *types = ARENA_ARRAY(arena, Type, node->over.key_count + 1);
    for (int32_t i = 0; i < node->over.key_count; i++)
        types[i] = input->fields[node->over.keys[i]].type;
    self->key = table_key(arena, types, node->over.key_count);
    over_open_accumulators(self);
    self->table = operator_new_table(op, 0, &self->key,
                                     (int32_t)sizeof(OverState) + self->group.bytes, &over_codec);
    operator_spill_table(op, self->table);
    if (op->task->spill != NULL) {
        due_open(&self->due_rows, op, &self->key);
        due_open(&self->due_cleanups, op, &self->key);
    }
    self->is_rows = frame->is_rows;
    self->is_bounded = frame->from == FRAME_PRECEDING;
    self->preceding = frame->is_rows ? frame->from_offset : frame->from_offset * MICROS_PER_MILLI;
    if (node->over.order_count > 0) {
        Type order = input->fields[node->over.order[0].column].type;
        self->is_processing_time = order.time_attribute == TIME_PROCTIME;
    }
    self->waits = !self->is_processing_time || (self->is_bounded && !self->is_rows);
    self->run = 1;
    self->evicting = batch_new(&self->args_schema, BATCH_ROWS_MAX);
    self->evicting_states = ARENA_ARRAY(arena, uint8_t *, BATCH_ROWS_MAX);
    self->work = arena_new(0);
    time_queue_open(&self->cleanups);
    rowout_open(&self->out, op, input->count);
    self->late = metric_get(METRIC_COUNTER, "weir_late_records_total", operator_labels(op, ""),
                            "Rows that came after their last window had fired.", 1);
    self->null_time = metric_get(METRIC_COUNTER, "weir_null_time_records_total",
                                 operator_labels(op, ""), "Rows without event time.", 1);
    self->state_bytes = metric_get(METRIC_GAUGE, "weir_state_size_bytes", operator_shard_labels(op),
                                   "Bytes of keyed state.", 1);
    return OK;
}

/* ---- States ------------------------------------------------------------------------------ */

void over_clear(Over *self, OverState *state)
{
    assert(state->waiting.count == 0);
    accumulators_clear(&self->group, (uint8_t *)state + sizeof *state);
    ordered_clear(&state->kept, &self->blocks);
    bool is_queued = state->is_queued;
    *state = (OverState){.triggered = TIMESTAMP_MIN, .is_made = true, .is_queued = is_queued};
}

static bool over_is_expired(const Over *self, const OverState *state, int64_t now_us)
{
    int64_t ttl_us = self->base.node->over.state_ttl_us;
    return ttl_us > 0 && state->is_made && state->waiting.count == 0 && !state->is_queued &&
           now_us - state->written_us >= ttl_us;
}

/* The states of the selected rows; new ones are made, those that have expired begin anew. */
static uint8_t **over_states(Over *self, const Batch *batch, Selection rows)
{
    Operator *op = &self->base;
    Arena *scratch = op->task->scratch;
    int64_t now_us = op->node->over.state_ttl_us > 0 ? world_now_us(op->task->world) : 0;
    uint8_t **states = arena_allocate(scratch, (int64_t)sizeof(uint8_t *) * (rows.count + 1));
    TableKeys keys = table_keys(&self->key, batch, op->node->over.keys, rows, scratch);
    table_find_or_insert(self->table, &keys, 0, rows.count, states);
    for (int32_t i = 0; i < rows.count; i++) {
        OverState *state = over_state(states[i]);
        if (!state->is_made || over_is_expired(self, state, now_us))
            over_clear(self, state);
        state->written_us = now_us;
    }
    return states;
}

/* ---- Rows in ----------------------------------------------------------------------------- */

static void over_reject(Over *self, const Batch *batch, int32_t row, bool is_null)
{
    metric_add(is_null ? self->null_time : self->late, 1);
    if (is_null)
        operator_letter(&self->base, batch, row, STAGE_COMPUTE, "WR4301",
                        "the event time of the row is NULL");
    else
        operator_letter(&self->base, batch, row, STAGE_LATE, "WR4302",
                        "the row came after its time had been worked out");
}

/* The selected rows without those that have no time, or whose frame has no beginning and that are
 * not above the watermark. */
static Selection over_in_time(Over *self, const Batch *batch)
{
    Operator *op = &self->base;
    Selection rows = batch->selection;
    if (op->task->settings->is_batch)
        return rows;
    const Column *time = &batch->columns[op->node->over.order[0].column];
    const int64_t *times = time->values;
    uint8_t *is_gone = arena_allocate_zeroed(op->task->scratch, batch->row_count);
    bool any = false;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        bool is_null = column_is_null(time, row);
        bool is_late = !self->is_bounded && times[column_index(time, row)] <= op->watermark;
        if (!is_null && !is_late)
            continue;
        any = true;
        is_gone[row] = 1;
        over_reject(self, batch, row, is_null);
    }
    return any ? selection_without(rows, is_gone, op->task->scratch) : rows;
}

static Status over_push_event(Over *self, const Batch *batch)
{
    Operator *op = &self->base;
    const PlanNode *node = op->node;
    Arena *scratch = op->task->scratch;
    Selection rows = over_in_time(self, batch);
    bool has_late = self->is_bounded && !op->task->settings->is_batch;
    uint8_t **states = over_states(self, batch, rows);
    Str *keys = arena_allocate(scratch, (int64_t)sizeof(Str) * (rows.count + 1));
    sortkeys_make(batch, node->over.order, node->over.order_count, rows, scratch, keys);
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        OverState *state = over_state(states[i]);
        if (has_late && over_key_time(keys[i]) <= state->triggered) {
            over_reject(self, batch, row, false);
            continue;
        }
        self->bytes.length = 0;
        rowcode_write(&self->bytes, batch, row, NULL, self->out.width);
        over_wait(self, state, keys[i]);
    }
    return OK;
}

/* Processing time: the rows get the time at which they came. */
static Status over_push_waiting(Over *self, const Batch *batch)
{
    Selection rows = batch->selection;
    int64_t now_us = world_now_us(self->base.task->world);
    char room[9];
    Str key = over_time_key(now_us - now_us % MICROS_PER_MILLI, room);
    uint8_t **states = over_states(self, batch, rows);
    for (int32_t i = 0; i < rows.count; i++) {
        self->bytes.length = 0;
        rowcode_write(&self->bytes, batch, selection_row(rows, i), NULL, self->out.width);
        over_wait(self, over_state(states[i]), key);
    }
    return OK;
}

/* Processing time: the rows go on at once, with their results. */
static Status over_push_now(Over *self, const Batch *batch)
{
    Operator *op = &self->base;
    const PlanNode *node = op->node;
    Arena *scratch = op->task->scratch;
    int32_t width = batch->column_count;
    Column *columns = ARENA_ARRAY(scratch, Column, node->schema.count);
    memcpy(columns, batch->columns, sizeof(Column) * (size_t)width);
    for (int32_t i = width; i < node->schema.count; i++)
        columns[i] = column_new(scratch, node->schema.fields[i].type, batch->row_count);
    int32_t *numbers = arena_allocate(scratch, (int64_t)sizeof(int32_t) * batch->selection.count);
    for (int32_t i = 0; i < batch->selection.count; i++)
        numbers[i] = selection_row(batch->selection, i);
    OverRows rows = {.batch = batch,
                     .rows = numbers,
                     .states = over_states(self, batch, batch->selection),
                     .count = batch->selection.count,
                     .results = columns + width,
                     .arena = scratch,
                     .capacity = batch->row_count};
    over_work_rows(self, &rows);
    arena_reset(self->work);
    Batch out = *batch;
    out.columns = columns;
    out.column_count = node->schema.count;
    out.arena = NULL;
    return operator_emit(op, &out);
}

static Status over_push(Operator *op, int32_t input, Batch *batch)
{
    Over *self = (Over *)op;
    assert(input == 0);
    if (!self->waits)
        return over_push_now(self, batch);
    return self->is_processing_time ? over_push_waiting(self, batch) : over_push_event(self, batch);
}

/* ---- Time -------------------------------------------------------------------------------- */

/* Where state may leave memory: rows, then keys, then the watermark, if one has come. */
static Status over_go_on(Operator *op)
{
    Over *self = (Over *)op;
    if (self->has_rows) {
        TRY(over_work_due(self));
        if (op->has_more)
            return OK;
        self->has_rows = false;
        due_begin(&self->due_cleanups, self->now);
    }
    TRY(over_clean_up_due(self));
    return op->has_more || !self->has_watermark ? OK : operator_advance(op, op->watermark);
}

static Status over_advance_to(Over *self, Timestamp time, bool has_watermark)
{
    Operator *op = &self->base;
    if (over_spills(self)) {
        self->now = time;
        self->has_rows = true;
        self->has_watermark = has_watermark;
        due_begin(&self->due_rows, time);
        return over_go_on(op);
    }
    TRY(over_work_until(self, time));
    over_clean_up(self, time);
    return has_watermark ? operator_advance(op, op->watermark) : OK;
}

static Status over_advance(Operator *op, Timestamp watermark)
{
    Over *self = (Over *)op;
    /* At the end of input, rows that wait for their millisecond to be over go too. */
    if (!self->is_processing_time || watermark == TIMESTAMP_MAX)
        return over_advance_to(self, watermark, true);
    return operator_advance(op, watermark);
}

static bool over_is_over(const Operator *op, const uint8_t *value, int64_t now_us)
{
    return over_is_expired((const Over *)op, (const OverState *)(const void *)value, now_us);
}

static Status over_tick(Operator *op, int64_t now_us)
{
    Over *self = (Over *)op;
    metric_set(self->state_bytes, table_bytes(self->table) + self->blocks.held_bytes +
                                      self->cleanups.bytes + due_bytes(&self->due_rows) +
                                      due_bytes(&self->due_cleanups));
    if (self->waits && self->is_processing_time)
        TRY(over_advance_to(self, now_us - MICROS_PER_MILLI, false));
    int64_t ttl_us = op->node->over.state_ttl_us;
    operator_sweep(op, &self->sweep, self->table, ttl_us, now_us, over_is_over);
    return OK;
}

static void over_close(Operator *op)
{
    Over *self = (Over *)op;
    if (self->table == NULL)
        return;
    over_drop(self, self->pending.count);
    due_close(&self->due_rows);
    due_close(&self->due_cleanups);
    table_free(self->table);
    self->table = NULL;
    batch_free(self->evicting);
    blocks_close(&self->blocks);
    time_queue_close(&self->cleanups);
    rowout_close(&self->out);
    buffer_free(&self->bytes);
    arena_free(self->work);
}

const OperatorKind over_operator = {
    .name = "over",
    .size = sizeof(Over),
    .open = over_open,
    .push = over_push,
    .advance = over_advance,
    .go_on = over_go_on,
    .tick = over_tick,
    .snapshot = over_snapshot,
    .restore = over_restore,
    .start = over_start,
    .close = over_close,
};
