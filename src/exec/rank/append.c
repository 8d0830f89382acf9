/* Top-N over rows that only come: what is behind the last rank never comes back. */
#include <assert.h>

#include "exec/rank/rank.h"

/* One rank of which only the row is told: a better row takes the place of the old one. */
static Status append_replace(Rank *self, const RankRow *row)
{
    RankState *state = row->state;
    OrderedRow *old = ordered_take(&state->rows, &self->blocks, 0);
    OrderedRow *new = ordered_row_new(&self->blocks, row->key, rank_bytes(self, row));
    ordered_insert(&state->rows, &self->blocks, 0, new);
    Status status = rank_emit_change(self, state, ordered_bytes(old), ordered_bytes(new), 1);
    rank_free_later(self, old);
    return status;
}

Status rank_take_append(Rank *self, const RankRow *row)
{
    RankState *state = row->state;
    assert(!row_kind_is_retraction((uint8_t)row->kind));
    int64_t place = ordered_upper(&state->rows, row->key);
    if (place >= state->last)
        return OK;
    state->written_us = row->now_us;
    if (state->last == 1 && !self->has_shifts && state->rows.count == 1)
        return append_replace(self, row);
    OrderedRow *new = ordered_row_new(&self->blocks, row->key, rank_bytes(self, row));
    ordered_insert(&state->rows, &self->blocks, place, new);
    TRY(rank_emit_inserted(self, state, ordered_bytes(new), place));
    if (state->rows.count > state->last)
        rank_free_later(self, ordered_take(&state->rows, &self->blocks, state->rows.count - 1));
    return OK;
}
