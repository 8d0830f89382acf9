/* Rows that wait for their time. They are saved by key, and worked out in the order of all:
 *
 *     key 7 ──> row ──> row ──> row        as they came; one that is worked out before those in
 *     key 9 ──> row                        front of it stays as an empty link (no owner) for a
 * while
 *
 *     all       row | row | row | row …    in order of time
 *
 * The pointer to the next row of the key lies behind the bytes of a row. */
#include <assert.h>

#include "exec/over/over.h"

enum { OVER_LINKS_MIN = 16 }; /* empty links that are not worth a walk */

static OrderedRow *waiting_next(const OrderedRow *row)
{
    OrderedRow *next;
    Str bytes = over_bytes(row);
    memcpy(&next, bytes.data + bytes.length, sizeof next);
    return next;
}

static void waiting_set_next(OrderedRow *row, OrderedRow *next)
{
    memcpy(row->bytes + row->key_bytes + row->row_bytes - (int64_t)sizeof next, &next, sizeof next);
}

OrderedRow *over_wait(Over *self, OverState *state, Str key)
{
    buffer_append_u64(&self->bytes, 0);
    OrderedRow *row = ordered_row_new(&self->blocks, key, buffer_str(&self->bytes));
    row->owner = state;
    state->pending++;
    if (state->waiting == NULL)
        state->waiting = row;
    else
        waiting_set_next(state->last, row);
    state->last = row;
    return row;
}

/* Free the links at the beginning that are empty. */
static void waiting_shorten(Over *self, OverState *state)
{
    while (state->waiting != NULL && state->waiting->owner == NULL) {
        OrderedRow *row = state->waiting;
        state->waiting = waiting_next(row);
        state->over--;
        ordered_row_free(&self->blocks, row);
    }
}

/* Free all that are empty: there are more of them than others. */
static void waiting_compact(Over *self, OverState *state)
{
    waiting_shorten(self, state);
    for (OrderedRow *row = state->waiting; row != NULL; row = waiting_next(row)) {
        OrderedRow *next = waiting_next(row);
        while (next != NULL && next->owner == NULL) {
            waiting_set_next(row, waiting_next(next));
            ordered_row_free(&self->blocks, next);
            next = waiting_next(row);
        }
        state->last = row;
    }
    state->over = 0;
}

void over_drop(Over *self, int64_t count)
{
    assert(count <= self->pending.count);
    for (int64_t i = 0; i < count; i++) {
        OrderedRow *row = ordered_take(&self->pending, &self->blocks, 0);
        OverState *state = row->owner;
        Timestamp time = over_key_time(ordered_key(row));
        state->triggered = time > state->triggered ? time : state->triggered;
        row->owner = NULL;
        state->pending--;
        state->over++;
        if (row == state->waiting)
            waiting_shorten(self, state);
        else if (state->over > state->pending + OVER_LINKS_MIN)
            waiting_compact(self, state);
    }
}

void over_wait_no_more(Over *self, OverState *state)
{
    for (OrderedRow *row = state->waiting; row != NULL; row = waiting_next(row))
        row->owner = NULL;
    waiting_shorten(self, state);
    state->pending = state->over = 0;
}

void over_enqueue(Over *self, const OverState *state)
{
    for (OrderedRow *row = state->waiting; row != NULL; row = waiting_next(row))
        ordered_insert(&self->pending, &self->blocks,
                       ordered_upper(&self->pending, ordered_key(row)), row);
}

/* ---- Checkpoints ------------------------------------------------------------------------- */

void over_save_waiting(const OverState *state, Buffer *out)
{
    buffer_append_u32(out, (uint32_t)state->pending);
    for (const OrderedRow *row = state->waiting; row != NULL; row = waiting_next(row)) {
        if (row->owner == NULL)
            continue;
        buffer_append_bytes(out, ordered_key(row));
        buffer_append_bytes(out, over_bytes(row));
    }
}

bool over_load_waiting(Over *self, OverState *state, ByteReader *in)
{
    uint32_t count = byte_reader_u32(in);
    for (uint32_t i = 0; i < count && !in->is_short; i++) {
        Str key = byte_reader_bytes(in);
        self->bytes.length = 0;
        buffer_append_str(&self->bytes, byte_reader_bytes(in));
        over_wait(self, state, key);
    }
    return !in->is_short;
}
