/* Top-N over rows that can be taken back: all are kept, since each can come to matter. */
#include <assert.h>

#include "exec/rank/rank.h"

/* Where a row equal to `bytes` is among those with the key, or -1. */
static int64_t retract_find(const OrderedRows *rows, Str key, Str bytes)
{
    int64_t place = ordered_lower(rows, key);
    while (place < rows->count) {
        int32_t count;
        OrderedRow *const *run = ordered_run(rows, place, &count);
        for (int32_t i = 0; i < count; i++, place++) {
            if (!str_equal(ordered_key(run[i]), key))
                return -1;
            if (str_equal(ordered_bytes(run[i]), bytes))
                return place;
        }
    }
    return -1;
}

/* The row `gone` was at `place`: those behind it move up, one rank each. */
static Status retract_emit_shifts(Rank *self, const RankState *state, const OrderedRow *gone,
                                  int64_t place)
{
    const OrderedRows *rows = &state->rows;
    const OrderedRow *before = gone;
    int64_t rank = place + 1;
    while (rank <= rows->count && rank <= state->last) {
        int32_t count;
        OrderedRow *const *run = ordered_run(rows, rank - 1, &count);
        for (int32_t i = 0; i < count && rank <= state->last; i++, rank++) {
            TRY(rank_emit_change(self, state, ordered_bytes(before), ordered_bytes(run[i]), rank));
            before = run[i];
        }
    }
    return rank_emit(self, state, ordered_bytes(before), rank, ROW_DELETE);
}

static Status retract_emit_gone(Rank *self, const RankState *state, const OrderedRow *gone,
                                int64_t place)
{
    const OrderedRows *rows = &state->rows;
    if (place >= state->last)
        return OK;
    if (self->has_shifts)
        return retract_emit_shifts(self, state, gone, place);
    TRY(rank_emit(self, state, ordered_bytes(gone), place + 1, ROW_DELETE));
    if (rows->count < state->last)
        return OK;
    const OrderedRow *moved_in = ordered_at(rows, state->last - 1);
    return rank_emit(self, state, ordered_bytes(moved_in), state->last, ROW_INSERT);
}

Status rank_take_retract(Rank *self, const RankRow *row)
{
    RankState *state = row->state;
    Str bytes = rank_bytes(self, row);
    state->written_us = row->now_us;
    if (!row_kind_is_retraction((uint8_t)row->kind)) {
        int64_t place = ordered_upper(&state->rows, row->key);
        ordered_insert(&state->rows, &self->blocks, place,
                       ordered_row_new(&self->blocks, row->key, bytes));
        return rank_emit_inserted(self, state, bytes, place);
    }
    /* What is taken back and not there has expired. */
    int64_t place = retract_find(&state->rows, row->key, bytes);
    if (place < 0)
        return OK;
    OrderedRow *gone = ordered_take(&state->rows, &self->blocks, place);
    Status status = retract_emit_gone(self, state, gone, place);
    ordered_row_free(&self->blocks, gone);
    return status;
}
