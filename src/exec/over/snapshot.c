/* OVER in a checkpoint: keys with their accumulators and frames, and the rows of each that wait.
 * The order of those that wait is found again at the start. */
#include <assert.h>

#include "exec/over/over.h"

enum { OVER_STATE_VERSION = 2 };

static void over_save(void *owner, const uint8_t *value, Buffer *out)
{
    const Over *self = owner;
    const OverState *state = (const OverState *)(const void *)value;
    buffer_append_u64(out, (uint64_t)state->rows);
    buffer_append_u64(out, (uint64_t)state->ranks);
    buffer_append_u64(out, (uint64_t)state->written_us);
    buffer_append_u64(out, (uint64_t)state->triggered);
    ordered_save(&state->kept, out);
    accumulators_save(&self->group, value + sizeof *state, out);
    over_save_waiting(state, out);
}

static bool over_load(void *owner, uint8_t *value, ByteReader *in)
{
    Over *self = owner;
    OverState *state = over_state(value);
    state->is_made = true;
    state->rows = (int64_t)byte_reader_u64(in);
    state->ranks = (int64_t)byte_reader_u64(in);
    state->written_us = operator_load_written(&self->base, self->base.node->over.state_ttl_us, in);
    state->triggered = (Timestamp)byte_reader_u64(in);
    if (!ordered_load(&state->kept, &self->blocks, in) ||
        !accumulators_load(&self->group, value + sizeof *state, in))
        return false;
    return over_load_waiting(self, state, in);
}

static void over_clear_value(void *owner, uint8_t *value)
{
    Over *self = owner;
    OverState *state = over_state(value);
    ordered_clear(&state->waiting, &self->blocks);
    over_clear(self, state);
}

static int64_t over_owned(const void *owner)
{
    return blocks_used_bytes(&((const Over *)owner)->blocks);
}

const TableCodec over_codec = {
    .save = over_save, .load = over_load, .clear = over_clear_value, .owned_bytes = over_owned};

Status over_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    (void)checkpoint;
    operator_save_watermark(op, OVER_STATE_VERSION, out);
    return OK;
}

Status over_restore(Operator *op, Str state)
{
    return operator_load_watermark(op, OVER_STATE_VERSION, state);
}

Status over_start(Operator *op)
{
    Over *self = (Over *)op;
    uint8_t *values[DUE_RUN_MAX];
    int64_t cursor = 0;
    int32_t count;
    while ((count = table_read_run(self->table, &cursor, values, DUE_RUN_MAX)) > 0) {
        for (int32_t i = 0; i < count; i++) {
            OverState *state = over_state(values[i]);
            if (state->kept.count > 0)
                over_queue_cleanup(self, state);
            over_enqueue(self, state);
        }
        TRY(due_make_room(&self->due_rows));
    }
    return OK;
}
