/* OVER in a checkpoint: keys with their accumulators and frames, and the rows that wait. Whose key
 * a waiting row is of is found out again from the row. */
#include <assert.h>

#include "data/rowcode.h"
#include "exec/over/over.h"

enum { OVER_STATE_VERSION = 1 };

Status over_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    Over *self = (Over *)op;
    (void)checkpoint;
    buffer_append_u8(out, OVER_STATE_VERSION);
    buffer_append_u64(out, (uint64_t)op->watermark);
    buffer_append_u64(out, (uint64_t)table_count(self->table));
    int64_t cursor = 0;
    for (uint8_t *value = table_next(self->table, &cursor); value != NULL;
         value = table_next(self->table, &cursor)) {
        const OverState *state = over_state(value);
        table_save_key(self->table, value, out);
        buffer_append_u64(out, (uint64_t)state->rows);
        buffer_append_u64(out, (uint64_t)state->ranks);
        buffer_append_u64(out, (uint64_t)state->written_us);
        buffer_append_u64(out, (uint64_t)state->triggered);
        ordered_save(&state->kept, out);
        accumulators_save(&self->group, value + sizeof *state, out);
    }
    ordered_save(&self->pending, out);
    return OK;
}

static bool over_load_key(Over *self, ByteReader *in)
{
    uint64_t hash = table_peek_hash(in);
    uint8_t *value = table_load_key(self->table, in);
    if (value == NULL || over_state(value)->is_made)
        return false;
    OverState *state = over_state(value);
    state->is_made = true;
    state->rows = (int64_t)byte_reader_u64(in);
    state->ranks = (int64_t)byte_reader_u64(in);
    state->written_us = (int64_t)byte_reader_u64(in);
    state->triggered = (Timestamp)byte_reader_u64(in);
    if (!ordered_load(&state->kept, &self->blocks, in) ||
        !accumulators_load(&self->group, value + sizeof *state, in))
        return false;
    if (!operator_owns_hash(&self->base, hash))
        over_forget(self, value);
    else if (state->kept.count > 0)
        over_queue_cleanup(self, state);
    return !in->is_short;
}

/* Take over those of a run of waiting rows that are of this shard's keys. */
static bool over_load_run(Over *self, Batch *rows, OrderedRow *const *run, int32_t count)
{
    Operator *op = &self->base;
    batch_reset(rows, &op->node->inputs[0]->schema, BATCH_ROWS_MAX);
    for (int32_t i = 0; i < count; i++)
        if (!rowcode_read(ordered_bytes(run[i]), rows, BATCH_ROWS_MAX, ROW_INSERT))
            return false;
    TableKeys keys =
        table_keys(&self->key, rows, op->node->over.keys, rows->selection, op->task->scratch);
    for (int32_t i = 0; i < count; i++) {
        uint8_t *value;
        if (!operator_owns_hash(op, keys.hashes[i]))
            continue;
        table_find(self->table, &keys, i, 1, &value);
        if (value == NULL)
            return false;
        Str key = ordered_key(run[i]);
        OrderedRow *kept = ordered_row_new(&self->blocks, key, ordered_bytes(run[i]));
        kept->owner = value;
        over_state(value)->pending++;
        ordered_insert(&self->pending, &self->blocks, ordered_upper(&self->pending, key), kept);
    }
    return true;
}

static bool over_load_pending(Over *self, ByteReader *in)
{
    OrderedRows loaded = {0};
    bool is_whole = ordered_load(&loaded, &self->blocks, in);
    Batch *rows = batch_new(&self->base.node->inputs[0]->schema, BATCH_ROWS_MAX);
    for (int64_t place = 0; is_whole && place < loaded.count;) {
        int32_t count;
        OrderedRow *const *run = ordered_run(&loaded, place, &count);
        is_whole = over_load_run(self, rows, run, count);
        place += count;
    }
    batch_free(rows);
    ordered_clear(&loaded, &self->blocks);
    return is_whole;
}

static bool over_load(Over *self, ByteReader *in)
{
    if (byte_reader_u8(in) != OVER_STATE_VERSION)
        return false;
    operator_restore_watermark(&self->base, (Timestamp)byte_reader_u64(in));
    uint64_t count = byte_reader_u64(in);
    for (uint64_t i = 0; i < count && !in->is_short; i++)
        if (!over_load_key(self, in))
            return false;
    return over_load_pending(self, in) && !in->is_short && byte_reader_left(in) == 0;
}

Status over_restore(Operator *op, Str state)
{
    ByteReader in = byte_reader(state);
    if (over_load((Over *)op, &in))
        return OK;
    return fail(op->task->error, ERR_CORRUPT, "WR4201", "the state of %s is damaged",
                op->node->label);
}
