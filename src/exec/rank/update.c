/* Top-N over results that only get better, such as a count ordered descending: a row that has
 * fallen behind the last rank comes by itself when it is good enough, so nothing behind it is
 * kept. Rows come as +I and +U, and are known by their own key. */
#include <assert.h>

#include "exec/rank/rank.h"

/* Where the row is: it is among those with its key. */
static int64_t update_place(const OrderedRows *rows, const OrderedRow *row)
{
    int64_t place = ordered_lower(rows, ordered_key(row));
    while (place < rows->count) {
        int32_t count;
        OrderedRow *const *run = ordered_run(rows, place, &count);
        for (int32_t i = 0; i < count; i++, place++)
            if (run[i] == row)
                return place;
    }
    assert(!"a row of the index is in its list");
    return -1;
}

/* The row that was at `from`, as `old` says, has got worse and is at `to` now. */
static Status update_emit_fallen(Rank *self, const RankState *state, const OrderedRow *old,
                                 int64_t from, int64_t to)
{
    const OrderedRow *before = old;
    for (int64_t place = from; place <= to; place++) {
        const OrderedRow *after = ordered_at(&state->rows, place);
        TRY(rank_emit_change(self, state, ordered_bytes(before), ordered_bytes(after), place + 1));
        before = after;
    }
    return OK;
}

/* The row that was at `from`, as `old` says, is at `to` now: between them, each rank has another
 * row. `old` is not in the list any more. As Flink does, it is taken back before it comes again. */
static Status update_emit_moved(Rank *self, const RankState *state, const OrderedRow *old,
                                int64_t from, int64_t to)
{
    const OrderedRows *rows = &state->rows;
    Str after = ordered_bytes(ordered_at(rows, to));
    if (!self->has_shifts)
        return rank_emit_change(self, state, ordered_bytes(old), after, to + 1);
    if (to > from)
        return update_emit_fallen(self, state, old, from, to);
    for (int64_t place = to; place <= from; place++) {
        if (place < from) {
            Str pushed = ordered_bytes(ordered_at(rows, place + 1));
            TRY(rank_emit(self, state, pushed, place + 1, ROW_UPDATE_BEFORE));
        }
        if (place == to)
            TRY(rank_emit(self, state, ordered_bytes(old), from + 1, ROW_UPDATE_BEFORE));
        after = ordered_bytes(ordered_at(rows, place));
        TRY(rank_emit(self, state, after, place + 1, ROW_UPDATE_AFTER));
    }
    return OK;
}

/* A row that is in its list, as `old`, has got better. */
static Status update_move(Rank *self, const RankRow *row, OrderedRow *old, OrderedRow *new)
{
    RankState *state = row->state;
    int64_t from = update_place(&state->rows, old);
    int64_t to = from;
    ordered_take(&state->rows, &self->blocks, from);
    if (!str_equal(ordered_key(old), row->key))
        to = ordered_upper(&state->rows, row->key);
    ordered_insert(&state->rows, &self->blocks, to, new);
    Status status = update_emit_moved(self, state, old, from, to);
    ordered_row_free(&self->blocks, old);
    return status;
}

static void update_forget(Rank *self, OrderedRow *row)
{
    if (self->index != NULL)
        table_delete(self->index, row->owner);
    ordered_row_free(&self->blocks, row);
}

/* A row of another key takes the only place. */
static Status update_replace(Rank *self, RankState *state, OrderedRow *new)
{
    OrderedRow *old = ordered_take(&state->rows, &self->blocks, 0);
    ordered_insert(&state->rows, &self->blocks, 0, new);
    Status status = rank_emit_change(self, state, ordered_bytes(old), ordered_bytes(new), 1);
    update_forget(self, old);
    return status;
}

/* A row that is not in its list, and is good enough for it. */
static Status update_enter(Rank *self, RankState *state, OrderedRow *new, int64_t place)
{
    if (state->last == 1 && !self->has_shifts && state->rows.count == 1)
        return update_replace(self, state, new);
    ordered_insert(&state->rows, &self->blocks, place, new);
    TRY(rank_emit_inserted(self, state, ordered_bytes(new), place));
    if (state->rows.count > state->last)
        update_forget(self, ordered_take(&state->rows, &self->blocks, state->rows.count - 1));
    return OK;
}

/* The row with the same own key that is in the list, or NULL. */
static OrderedRow *update_find(Rank *self, const RankRow *row)
{
    if (self->index == NULL)
        return rank_find_marked(self, row);
    uint8_t *value;
    table_find(self->index, row->row_keys, row->position, 1, &value);
    return value == NULL ? NULL : ((RankIndex *)(void *)value)->row;
}

/* From now on the new row is the one that is found. */
static void update_enlist(Rank *self, const RankRow *row, const OrderedRow *known, OrderedRow *new)
{
    if (self->index == NULL) {
        new->owner = rank_mark(row->row_keys->hashes[row->position]);
        return;
    }
    uint8_t *value = known != NULL ? known->owner : NULL;
    if (value == NULL)
        table_find_or_insert(self->index, row->row_keys, row->position, 1, &value);
    ((RankIndex *)(void *)value)->row = new;
    new->owner = value;
}

Status rank_take_update(Rank *self, const RankRow *row)
{
    RankState *state = row->state;
    assert(row->kind != ROW_DELETE);
    /* Rows are known by their keys: the new one says all. */
    if (row->kind == ROW_UPDATE_BEFORE)
        return OK;
    OrderedRow *known = update_find(self, row);
    int64_t place = known != NULL ? 0 : ordered_upper(&state->rows, row->key);
    if (known == NULL && place >= state->last)
        return OK;
    OrderedRow *new = ordered_row_new(&self->blocks, row->key, rank_bytes(self, row));
    state->written_us = row->now_us;
    update_enlist(self, row, known, new);
    return known != NULL ? update_move(self, row, known, new)
                         : update_enter(self, state, new, place);
}
