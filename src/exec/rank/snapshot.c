/* Top-N in a checkpoint: keys and their rows in order. The index of rows is made again. */
#include <assert.h>

#include "exec/rank/rank.h"

#include "data/rowcode.h"

enum { RANK_STATE_VERSION = 1 };

Status rank_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    Rank *self = (Rank *)op;
    (void)checkpoint;
    buffer_append_u8(out, RANK_STATE_VERSION);
    buffer_append_u8(out, self->has_ended);
    buffer_append_u64(out, (uint64_t)table_count(self->table));
    int64_t cursor = 0;
    for (const uint8_t *value = table_next(self->table, &cursor); value != NULL;
         value = table_next(self->table, &cursor)) {
        const RankState *state = (const RankState *)(const void *)value;
        table_save_key(self->table, value, out);
        buffer_append_u64(out, (uint64_t)state->written_us);
        buffer_append_u64(out, (uint64_t)state->last);
        ordered_save(&state->rows, out);
    }
    return OK;
}

/* Enter a run of rows that came back into the index. */
static bool rank_index_run(Rank *self, Batch *rows, OrderedRow *const *run, int32_t count)
{
    Operator *op = &self->base;
    Arena *scratch = op->task->scratch;
    batch_reset(rows, &op->node->inputs[0]->schema, BATCH_ROWS_MAX);
    for (int32_t i = 0; i < count; i++)
        if (!rowcode_read(ordered_bytes(run[i]), rows, BATCH_ROWS_MAX, ROW_INSERT))
            return false;
    TableKeys keys =
        table_keys(&self->row_key, rows, op->node->rank.row_keys, rows->selection, scratch);
    for (int32_t i = 0; i < count; i++) {
        uint8_t *value;
        table_find_or_insert(self->index, &keys, i, 1, &value);
        RankIndex *index = (RankIndex *)(void *)value;
        if (index->row != NULL)
            return false;
        index->row = run[i];
        run[i]->owner = index;
    }
    return true;
}

static bool rank_index_rows(Rank *self, const RankState *state)
{
    Batch *rows = batch_new(&self->base.node->inputs[0]->schema, BATCH_ROWS_MAX);
    bool is_whole = true;
    for (int64_t place = 0; is_whole && place < state->rows.count;) {
        int32_t count;
        OrderedRow *const *run = ordered_run(&state->rows, place, &count);
        is_whole = rank_index_run(self, rows, run, count);
        place += count;
    }
    batch_free(rows);
    return is_whole;
}

static bool rank_load_key(Rank *self, ByteReader *in)
{
    uint64_t hash = table_peek_hash(in);
    uint8_t *value = table_load_key(self->table, in);
    if (value == NULL)
        return false;
    RankState *state = (RankState *)(void *)value;
    if (state->rows.count != 0)
        return false;
    state->written_us = (int64_t)byte_reader_u64(in);
    state->last = (int64_t)byte_reader_u64(in);
    state->has_last = true;
    if (!ordered_load(&state->rows, &self->blocks, in))
        return false;
    if (!operator_owns_hash(&self->base, hash)) {
        ordered_clear(&state->rows, &self->blocks);
        table_delete(self->table, value);
        return true;
    }
    return self->index == NULL || rank_index_rows(self, state);
}

static bool rank_load(Rank *self, ByteReader *in)
{
    if (byte_reader_u8(in) != RANK_STATE_VERSION)
        return false;
    /* A shard that is done has nothing left to emit, but with keys it may get those of others. */
    if (byte_reader_u8(in) != 0)
        self->has_ended = self->base.node->rank.key_count == 0;
    uint64_t count = byte_reader_u64(in);
    for (uint64_t i = 0; i < count && !in->is_short; i++)
        if (!rank_load_key(self, in))
            return false;
    return !in->is_short && byte_reader_left(in) == 0;
}

Status rank_restore(Operator *op, Str state)
{
    ByteReader in = byte_reader(state);
    if (rank_load((Rank *)op, &in))
        return OK;
    return fail(op->task->error, ERR_CORRUPT, "WR4201", "the state of %s is damaged",
                op->node->label);
}
