/* Rows that wait for their time. They are saved by key, and worked out in the order of all:
 *
 *     key 7 ──> row | row | row        in order of time
 *     key 9 ──> row
 *
 *     pending   row | row | row | row …    of all keys, in order of time
 *
 * In memory all that wait are pending. Where they may leave it, the keys are in a table of what is
 * due (exec/due.h), and the rows of a key become pending when its time has come: all of a watermark
 * together, as long as there is memory for them. */
#include <assert.h>

#include "exec/over/over.h"

/* Of what has come back into memory to be worked out together. */
enum { TAKEN_ROWS_MAX = 8 * BATCH_ROWS_MAX, TAKEN_BYTES_MAX = 1 << 20 };

static OrderedRow *waiting_add(Over *self, OverState *state, Str key)
{
    OrderedRow *row = ordered_row_new(&self->blocks, key, buffer_str(&self->bytes));
    row->owner = state;
    ordered_insert(&state->waiting, &self->blocks, ordered_upper(&state->waiting, key), row);
    return row;
}

static void waiting_make_pending(Over *self, OrderedRow *row)
{
    ordered_insert(&self->pending, &self->blocks, ordered_upper(&self->pending, ordered_key(row)),
                   row);
}

/* The key is to be looked after when the first of its rows is due. */
static void waiting_schedule(Over *self, const OverState *state, int64_t first)
{
    Timestamp time = over_key_time(ordered_key(ordered_at(&state->waiting, first)));
    due_put(&self->due_rows, self->table, (const uint8_t *)state, time);
}

void over_wait(Over *self, OverState *state, Str key)
{
    OrderedRow *row = waiting_add(self, state, key);
    if (!over_spills(self))
        waiting_make_pending(self, row);
    else if (ordered_at(&state->waiting, 0) == row)
        waiting_schedule(self, state, 0);
}

void over_drop(Over *self, int64_t count)
{
    assert(count <= self->pending.count);
    for (int64_t i = 0; i < count; i++) {
        OrderedRow *row = ordered_take(&self->pending, &self->blocks, 0);
        OverState *state = row->owner;
        Timestamp time = over_key_time(ordered_key(row));
        state->triggered = time > state->triggered ? time : state->triggered;
        state->is_taken = false;
        OrderedRow *first = ordered_take(&state->waiting, &self->blocks, 0);
        assert(first == row);
        ordered_row_free(&self->blocks, first);
    }
}

void over_enqueue(Over *self, OverState *state)
{
    if (over_spills(self) && state->waiting.count > 0)
        waiting_schedule(self, state, 0);
    for (int64_t i = 0; !over_spills(self) && i < state->waiting.count; i++)
        waiting_make_pending(self, ordered_at(&state->waiting, i));
}

/* ---- Time -------------------------------------------------------------------------------- */

/* How many of the rows are up to the time. */
static int64_t rows_until(const OrderedRows *rows, Timestamp time)
{
    char room[9];
    return time == TIMESTAMP_MAX ? rows->count : ordered_upper(rows, over_time_key(time, room));
}

static Status waiting_work(Over *self)
{
    if (self->pending.count > 0)
        TRY(over_work_pending(self, self->pending.count));
    return table_make_room(self->table, self->base.task->error);
}

bool over_pauses(Over *self, DueKeys *due, int32_t left)
{
    if (!operator_is_to_pause(&self->base))
        return false;
    due_pause(due, left);
    self->base.has_more = true;
    return true;
}

/* What is due of a key becomes pending, if it is not yet, and it is put for what is left. */
static void waiting_take(Over *self, OverState *state)
{
    int64_t due = rows_until(&state->waiting, self->now);
    for (int64_t i = 0; i < due && !state->is_taken; i++) {
        OrderedRow *row = ordered_at(&state->waiting, i);
        row->owner = state;
        waiting_make_pending(self, row);
    }
    state->is_taken = due > 0;
    if (due < state->waiting.count)
        waiting_schedule(self, state, due);
}

static Status waiting_visit(void *context, const StateTable *bucket, const uint8_t *const *values,
                            int32_t count)
{
    Over *self = context;
    table_expect_from(self->table, bucket, values, count);
    for (int32_t i = 0; i < count; i++) {
        uint8_t *value = table_find_from(self->table, bucket, values[i]);
        if (value != NULL)
            waiting_take(self, over_state(value));
        if (self->pending.count < TAKEN_ROWS_MAX && self->blocks.held_bytes <= self->held_most)
            continue;
        TRY(waiting_work(self));
        self->has_worked = true;
        if (over_pauses(self, &self->due_rows, count - i - 1))
            return OK;
    }
    if (self->has_worked)
        over_pauses(self, &self->due_rows, 0);
    return OK;
}

Status over_work_due(Over *self)
{
    self->held_most = self->blocks.held_bytes + TAKEN_BYTES_MAX;
    self->has_worked = false;
    TRY(due_go_on(&self->due_rows, waiting_visit, self));
    return waiting_work(self);
}

Status over_work_until(Over *self, Timestamp time)
{
    int64_t due = rows_until(&self->pending, time);
    return due > 0 ? over_work_pending(self, due) : OK;
}

/* ---- Checkpoints ------------------------------------------------------------------------- */

void over_save_waiting(const OverState *state, Buffer *out)
{
    buffer_append_u32(out, (uint32_t)state->waiting.count);
    for (int64_t i = 0; i < state->waiting.count;) {
        int32_t count;
        OrderedRow *const *rows = ordered_run(&state->waiting, i, &count);
        for (int32_t k = 0; k < count; k++, i++) {
            buffer_append_bytes(out, ordered_key(rows[k]));
            buffer_append_bytes(out, ordered_bytes(rows[k]));
        }
    }
}

bool over_load_waiting(Over *self, OverState *state, ByteReader *in)
{
    uint32_t count = byte_reader_u32(in);
    for (uint32_t i = 0; i < count && !in->is_short; i++) {
        Str key = byte_reader_bytes(in);
        self->bytes.length = 0;
        buffer_append_str(&self->bytes, byte_reader_bytes(in));
        waiting_add(self, state, key);
    }
    return !in->is_short;
}
