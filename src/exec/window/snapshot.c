/* The state of a window operator in a checkpoint: its tables, one for each slice and one for the
 * running values of CUMULATE, and its time. */
#include "exec/window/aggregate.h"
#include "exec/window/running_pass.h"

enum { WINDOW_STATE_VERSION = 2 };

static StateTable *window_make_table(void *context, KeyedId id)
{
    WindowAggregate *self = context;
    return id.kind == SLICES_KEYED_KIND ? slices_get(&self->slices, id.number) : NULL;
}

static void window_drop_table(void *context, KeyedId id)
{
    WindowAggregate *self = context;
    if (id.kind == SLICES_KEYED_KIND)
        slices_drop(&self->slices, id.number);
    else
        table_clear(self->running.table);
}

KeyedOwner window_keyed_owner(WindowAggregate *self)
{
    return (KeyedOwner){.context = self, .make = window_make_table, .drop = window_drop_table};
}

static bool window_is_processing_time(const WindowAggregate *self)
{
    return self->base.node->window_aggregate.window.is_processing_time;
}

Status window_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    const WindowAggregate *self = (const WindowAggregate *)op;
    (void)checkpoint;
    Timestamp time = window_is_processing_time(self) ? self->clock_us : op->watermark;
    buffer_append_u8(out, WINDOW_STATE_VERSION);
    buffer_append_u64(out, (uint64_t)time);
    return OK;
}

Status window_restore(Operator *op, Str state)
{
    WindowAggregate *self = (WindowAggregate *)op;
    ByteReader in = byte_reader(state);
    uint8_t version = byte_reader_u8(&in);
    Timestamp time = (Timestamp)byte_reader_u64(&in);
    if (version != WINDOW_STATE_VERSION || in.is_short || byte_reader_left(&in) != 0)
        return operator_is_damaged(op);
    if (!window_is_processing_time(self))
        operator_restore_watermark(op, time);
    else if (!self->is_restored || time < self->clock_us)
        self->clock_us = time;
    self->is_restored = true;
    return OK;
}

Status window_start(Operator *op)
{
    WindowAggregate *self = (WindowAggregate *)op;
    if (!self->is_restored)
        return OK;
    bool is_processing_time = window_is_processing_time(self);
    self->fired = window_fired(&self->clock, is_processing_time ? self->clock_us : op->watermark);
    if (self->clock.kind != WINDOW_HOP)
        return OK;
    /* What was still to leave (running_pass.h). */
    const Slice *slice;
    while ((slice = slices_from(&self->slices, INT64_MIN)) != NULL &&
           window_last_of(&self->clock, slice->number) <= self->fired)
        slices_drop(&self->slices, slice->number);
    if (self->running.pass != NULL)
        return running_pass_restore(&self->running, &self->slices, self->fired);
    for (int32_t i = 0; i < slices_count(&self->slices); i++) {
        slice = slices_at(&self->slices, i);
        running_link(&self->running, slice);
        if (slice->number <= self->fired)
            running_enter(&self->running, slice->table);
    }
    return OK;
}
