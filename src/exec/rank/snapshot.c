/* Top-N in a checkpoint: keys and their rows in order. The index of rows by their own keys, or what
 * takes its place, is made again. */
#include <assert.h>

#include "exec/rank/rank.h"

#include "data/rowcode.h"

enum { RANK_STATE_VERSION = 2 };

/* ---- Rows by their own keys --------------------------------------------------------------- */

/* The own keys of a run of rows, in the arena of the batch they are read into. */
static bool rank_read_keys(Rank *self, Batch *rows, OrderedRow *const *run, int32_t count,
                           TableKeys *keys)
{
    const PlanNode *node = self->base.node;
    batch_reset(rows, &node->inputs[0]->schema, BATCH_ROWS_MAX);
    for (int32_t i = 0; i < count; i++)
        if (!rowcode_read(ordered_bytes(run[i]), rows, BATCH_ROWS_MAX, ROW_INSERT))
            return false;
    *keys = table_keys(&self->row_key, rows, node->rank.row_keys, rows->selection, rows->arena);
    return true;
}

/* Enter a run of rows that came back into the index, or mark them where there is none. */
static bool rank_index_run(Rank *self, Batch *rows, OrderedRow *const *run, int32_t count)
{
    TableKeys keys;
    if (!rank_read_keys(self, rows, run, count, &keys))
        return false;
    for (int32_t i = 0; i < count; i++) {
        if (self->index == NULL) {
            run[i]->owner = rank_mark(keys.hashes[i]);
            continue;
        }
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

static bool rank_index_rows(Rank *self, Batch *rows, const RankState *state)
{
    bool is_whole = true;
    for (int64_t place = 0; is_whole && place < state->rows.count;) {
        int32_t count;
        OrderedRow *const *run = ordered_run(&state->rows, place, &count);
        is_whole = rank_index_run(self, rows, run, count);
        place += count;
    }
    return is_whole;
}

static bool keys_are_equal(const TableKeys *a, int32_t i, const TableKeys *b, int32_t j)
{
    bool is_null = a->nulls != NULL && a->nulls[i];
    if (is_null || (b->nulls != NULL && b->nulls[j]))
        return is_null && b->nulls != NULL && b->nulls[j];
    return a->words != NULL ? a->words[i] == b->words[j]
                            : str_view_equal(&a->views[i], &b->views[j]);
}

OrderedRow *rank_find_marked(Rank *self, const RankRow *row)
{
    const OrderedRows *rows = &row->state->rows;
    const void *mark = rank_mark(row->row_keys->hashes[row->position]);
    for (int64_t place = 0; place < rows->count;) {
        int32_t count;
        OrderedRow *const *run = ordered_run(rows, place, &count);
        for (int32_t i = 0; i < count; i++) {
            TableKeys own;
            if (run[i]->owner != mark || !rank_read_keys(self, self->marking, run + i, 1, &own))
                continue;
            if (keys_are_equal(&own, 0, row->row_keys, row->position))
                return run[i];
        }
        place += count;
    }
    return NULL;
}

/* ---- Checkpoints -------------------------------------------------------------------------- */

static void rank_save(void *owner, const uint8_t *value, Buffer *out)
{
    const RankState *state = (const RankState *)(const void *)value;
    (void)owner;
    buffer_append_u64(out, (uint64_t)state->written_us);
    buffer_append_u64(out, (uint64_t)state->last);
    ordered_save(&state->rows, out);
}

static bool rank_load(void *owner, uint8_t *value, ByteReader *in)
{
    Rank *self = owner;
    RankState *state = (RankState *)(void *)value;
    state->written_us = operator_load_written(&self->base, self->base.node->rank.state_ttl_us, in);
    state->last = (int64_t)byte_reader_u64(in);
    state->has_last = true;
    return ordered_load(&state->rows, &self->blocks, in) &&
           (self->marking == NULL || rank_index_rows(self, self->marking, state));
}

static void rank_clear_value(void *owner, uint8_t *value)
{
    rank_clear(owner, (RankState *)(void *)value);
}

static int64_t rank_owned(const void *owner)
{
    return blocks_used_bytes(&((const Rank *)owner)->blocks);
}

const TableCodec rank_codec = {
    .save = rank_save, .load = rank_load, .clear = rank_clear_value, .owned_bytes = rank_owned};

/* ---- The rest ---------------------------------------------------------------------------- */

Status rank_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    (void)checkpoint;
    buffer_append_u8(out, RANK_STATE_VERSION);
    buffer_append_u8(out, ((const Rank *)op)->has_ended);
    return OK;
}

Status rank_restore(Operator *op, Str state)
{
    Rank *self = (Rank *)op;
    ByteReader in = byte_reader(state);
    uint8_t version = byte_reader_u8(&in);
    /* A shard that is done has nothing left to emit, but with keys it may get those of others. */
    if (byte_reader_u8(&in) != 0)
        self->has_ended = op->node->rank.key_count == 0;
    bool is_whole = !in.is_short && byte_reader_left(&in) == 0;
    return version == RANK_STATE_VERSION && is_whole ? OK : operator_is_damaged(op);
}

Status rank_start(Operator *op)
{
    Rank *self = (Rank *)op;
    if (self->index == NULL)
        return OK;
    Batch *rows = batch_new(&op->node->inputs[0]->schema, BATCH_ROWS_MAX);
    bool is_whole = true;
    int64_t cursor = 0;
    for (const uint8_t *value = table_next(self->table, &cursor); value != NULL && is_whole;
         value = table_next(self->table, &cursor))
        is_whole = rank_index_rows(self, rows, (const RankState *)(const void *)value);
    batch_free(rows);
    return is_whole ? OK : operator_is_damaged(op);
}
