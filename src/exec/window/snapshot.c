/* The state of a window operator in a checkpoint: the watermark, the slices with their keys, and
 * for CUMULATE, which lets go of its slices, the running values. A HOP's running values are
 * built from the slices again. */
#include <assert.h>

#include "exec/window/aggregate.h"

enum { WINDOW_STATE_VERSION = 1 };

static void window_save_slice(const WindowLayout *layout, const StateTable *table, Buffer *out)
{
    buffer_append_u64(out, (uint64_t)table_count(table));
    int64_t cursor = 0;
    for (const uint8_t *value = table_next(table, &cursor); value != NULL;
         value = table_next(table, &cursor)) {
        table_save_key(table, value, out);
        buffer_append_u64(out, (uint64_t)((const SliceHead *)(const void *)value)->records);
        accumulators_save(&layout->sums, value + layout->slice_sums, out);
        accumulators_save(&layout->others, value + layout->slice_others, out);
    }
}

static void window_save_running(const WindowLayout *layout, const StateTable *table, Buffer *out)
{
    buffer_append_u64(out, (uint64_t)table_count(table));
    int64_t cursor = 0;
    for (const uint8_t *value = table_next(table, &cursor); value != NULL;
         value = table_next(table, &cursor)) {
        table_save_key(table, value, out);
        buffer_append_u64(out, (uint64_t)((const RunningHead *)(const void *)value)->records);
        accumulators_save(&layout->sums, value + layout->running_sums, out);
    }
}

Status window_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    WindowAggregate *self = (WindowAggregate *)op;
    (void)checkpoint;
    if (self->is_restored)
        window_rebuild(self);
    buffer_append_u8(out, WINDOW_STATE_VERSION);
    bool is_processing_time = op->node->window_aggregate.window.is_processing_time;
    buffer_append_u64(out, (uint64_t)(is_processing_time ? self->clock_us : op->watermark));
    buffer_append_u32(out, (uint32_t)slices_count(&self->slices));
    for (int32_t i = 0; i < slices_count(&self->slices); i++) {
        const Slice *slice = slices_at(&self->slices, i);
        buffer_append_u64(out, (uint64_t)slice->number);
        window_save_slice(&self->layout, slice->table, out);
    }
    bool has_running = self->clock.kind == WINDOW_CUMULATE;
    buffer_append_u8(out, has_running);
    if (has_running)
        window_save_running(&self->layout, self->running.table, out);
    return OK;
}

/* One table's keys, of which only this shard's stay. `sums` and `others` are where the groups
 * lie in a value (`others` is not there for the running). */
static bool window_load_table(WindowAggregate *self, StateTable *table, int32_t sums,
                              int32_t others, ByteReader *in)
{
    const WindowLayout *layout = &self->layout;
    uint64_t count = byte_reader_u64(in);
    for (uint64_t i = 0; i < count && !in->is_short; i++) {
        uint64_t hash = table_peek_hash(in);
        uint8_t *value = table_load_key(table, in);
        if (value == NULL || *(int64_t *)(void *)value != 0)
            return false;
        *(int64_t *)(void *)value = (int64_t)byte_reader_u64(in);
        bool is_whole = accumulators_load(&layout->sums, value + sums, in);
        if (is_whole && others > 0)
            is_whole = accumulators_load(&layout->others, value + others, in);
        if (is_whole && operator_owns_hash(&self->base, hash))
            continue;
        accumulators_clear(&layout->sums, value + sums);
        if (others > 0)
            accumulators_clear(&layout->others, value + others);
        table_delete(table, value);
        if (!is_whole)
            return false;
    }
    return !in->is_short;
}

static bool window_load(WindowAggregate *self, ByteReader *in)
{
    const WindowLayout *layout = &self->layout;
    if (byte_reader_u8(in) != WINDOW_STATE_VERSION)
        return false;
    Timestamp watermark = (Timestamp)byte_reader_u64(in);
    Timestamp *time = self->base.node->window_aggregate.window.is_processing_time
                          ? &self->clock_us
                          : &self->base.watermark;
    if (!self->is_restored || watermark < *time)
        *time = watermark;
    self->is_restored = true;
    uint32_t count = byte_reader_u32(in);
    for (uint32_t i = 0; i < count && !in->is_short; i++) {
        int64_t number = (int64_t)byte_reader_u64(in);
        if (in->is_short)
            return false;
        StateTable *table = slices_get(&self->slices, number);
        bool is_whole =
            window_load_table(self, table, layout->slice_sums, layout->slice_others, in);
        if (table_count(table) == 0)
            table_free(slices_take(&self->slices, number));
        if (!is_whole)
            return false;
    }
    if (byte_reader_u8(in) != 0 &&
        !window_load_table(self, self->running.table, layout->running_sums, 0, in))
        return false;
    return !in->is_short && byte_reader_left(in) == 0;
}

Status window_restore(Operator *op, Str state)
{
    ByteReader in = byte_reader(state);
    if (window_load((WindowAggregate *)op, &in))
        return OK;
    return fail(op->task->error, ERR_CORRUPT, "WR4201", "the state of %s is damaged",
                op->node->label);
}

void window_rebuild(WindowAggregate *self)
{
    assert(self->is_restored);
    self->is_restored = false;
    bool is_processing_time = self->base.node->window_aggregate.window.is_processing_time;
    self->fired =
        window_fired(&self->clock, is_processing_time ? self->clock_us : self->base.watermark);
    if (self->clock.kind != WINDOW_HOP)
        return;
    for (int32_t i = 0; i < slices_count(&self->slices); i++) {
        const Slice *slice = slices_at(&self->slices, i);
        running_link(&self->running, slice);
        if (slice->number <= self->fired)
            running_enter(&self->running, slice->table);
    }
}
