/* Top-N: the rows of each key whose rank by ORDER BY lies between two numbers.
 *
 *     rows ──> key of PARTITION BY ──> list in order ──> what changed between first and last
 *
 * How much of a list is kept depends on the input: of rows that only come, those up to the last
 * rank (append.c); of rows that can be taken back, all (retract.c); of rows that only get better,
 * those up to the last rank and where each of them is (update.c). Rows that are equal in ORDER BY
 * stay in the order in which they came. Row kinds and their order are those of Flink's operators.
 *
 * In batch mode nothing is emitted before the end of input. */
#include "exec/rank/rank.h"

#include <assert.h>

#include "data/rowcode.h"
#include "data/sortkey.h"

static TableKey rank_key(Operator *op, const int32_t *columns, int32_t count)
{
    const Schema *schema = &op->node->inputs[0]->schema;
    Type *types = ARENA_ARRAY(op->task->query, Type, count + 1);
    for (int32_t i = 0; i < count; i++)
        types[i] = schema->fields[columns[i]].type;
    return table_key(op->task->query, types, count);
}

static Status rank_open(Operator *op)
{
    Rank *self = (Rank *)op;
    const PlanNode *node = op->node;
    int32_t width = node->inputs[0]->schema.count;
    assert(node->schema.count == width + node->rank.has_number);
    assert(node->rank.first >= 1);
    self->key = rank_key(op, node->rank.keys, node->rank.key_count);
    self->table = operator_new_table(op, 0, &self->key, (int32_t)sizeof(RankState), &rank_codec);
    self->first = node->rank.first;
    self->has_number = node->rank.has_number;
    self->has_shifts = self->has_number || self->first > 1;
    self->has_before = (node->changelog & CHANGELOG_UPDATE_BEFORE) != 0;
    switch (node->rank.strategy) {
    case RANK_APPEND: self->take = rank_take_append; break;
    case RANK_RETRACT: self->take = rank_take_retract; break;
    case RANK_UPDATE_FAST:
        self->take = rank_take_update;
        self->row_key = rank_key(op, node->rank.row_keys, node->rank.row_key_count);
        if (op->task->spill == NULL)
            self->index = table_new(&self->row_key, (int32_t)sizeof(RankIndex));
        else
            self->marking = batch_new(&node->inputs[0]->schema, BATCH_ROWS_MAX);
        break;
    }
    operator_spill_table(op, self->table);
    rowout_open(&self->out, op, width);
    self->out.borrows = node->rank.strategy == RANK_APPEND && !rank_is_final(self);
    self->state_bytes = metric_get(METRIC_GAUGE, "weir_state_size_bytes", operator_shard_labels(op),
                                   "Bytes of keyed state.", 1);
    return OK;
}

/* ---- What goes out ----------------------------------------------------------------------- */

Str rank_bytes(Rank *self, const RankRow *row)
{
    self->bytes.length = 0;
    rowcode_write(&self->bytes, row->batch, row->row, NULL, self->out.width);
    return buffer_str(&self->bytes);
}

/* `place`: where the row lies in the output already, if it does; then where it was put, if it was.
 */
static Status rank_emit_again(Rank *self, const RankState *state, Str bytes, int64_t rank,
                              RowKind kind, RowPlace *place)
{
    if (rank < self->first || rank > state->last || (rank_is_final(self) && !self->has_ended))
        return OK;
    if (kind == ROW_UPDATE_BEFORE && !self->has_before)
        return OK;
    TRY(rowout_repeat(&self->out, *place, bytes, kind));
    *place = rowout_place_of_last(&self->out);
    if (self->has_number) {
        int32_t row = rowout_last(&self->out);
        ((int64_t *)self->out.batch->columns[self->out.width].values)[row] = rank;
    }
    return OK;
}

Status rank_emit(Rank *self, const RankState *state, Str bytes, int64_t rank, RowKind kind)
{
    RowPlace nowhere = {0};
    return rank_emit_again(self, state, bytes, rank, kind, &nowhere);
}

Status rank_emit_change(Rank *self, const RankState *state, Str before, Str after, int64_t rank)
{
    TRY(rank_emit(self, state, before, rank, ROW_UPDATE_BEFORE));
    return rank_emit(self, state, after, rank, ROW_UPDATE_AFTER);
}

/* Every row from `place` on has the rank that the one behind it had: it is taken back from one rank
 * and comes to the next, and is the same row twice. */
static Status rank_emit_shifts(Rank *self, const RankState *state, int64_t place)
{
    const OrderedRows *rows = &state->rows;
    const OrderedRow *current = ordered_at(rows, place);
    RowPlace current_place = {0};
    int64_t rank = place + 1;
    while (rank < rows->count && rank <= state->last) {
        int32_t count;
        OrderedRow *const *run = ordered_run(rows, rank, &count);
        for (int32_t i = 0; i < count && rank <= state->last; i++, rank++) {
            RowPlace before = {0};
            TRY(rank_emit_again(self, state, ordered_bytes(run[i]), rank, ROW_UPDATE_BEFORE,
                                &before));
            TRY(rank_emit_again(self, state, ordered_bytes(current), rank, ROW_UPDATE_AFTER,
                                &current_place));
            current = run[i];
            current_place = before;
        }
    }
    return rank_emit_again(self, state, ordered_bytes(current), rank, ROW_INSERT, &current_place);
}

Status rank_emit_inserted(Rank *self, const RankState *state, Str bytes, int64_t place)
{
    const OrderedRows *rows = &state->rows;
    if (place >= state->last)
        return OK;
    if (self->has_shifts)
        return rank_emit_shifts(self, state, place);
    if (rows->count > state->last) {
        const OrderedRow *pushed_out = ordered_at(rows, state->last);
        TRY(rank_emit(self, state, ordered_bytes(pushed_out), state->last, ROW_DELETE));
    }
    return rank_emit(self, state, bytes, place + 1, ROW_INSERT);
}

/* ---- Rows that come in ------------------------------------------------------------------- */

void rank_clear(Rank *self, RankState *state)
{
    for (int64_t place = 0; self->index != NULL && place < state->rows.count; place++) {
        void *index = ordered_at(&state->rows, place)->owner;
        if (index != NULL)
            table_delete(self->index, index);
    }
    ordered_clear(&state->rows, &self->blocks);
}

static bool rank_is_expired(const Rank *self, const RankState *state, int64_t now_us)
{
    int64_t ttl_us = self->base.node->rank.state_ttl_us;
    return ttl_us > 0 && state->has_last && now_us - state->written_us >= ttl_us;
}

/* The last rank: a constant, or what the first row of the key says. NULL lets nothing through. */
static int64_t rank_last(const Rank *self, const RankRow *row)
{
    const PlanNode *node = self->base.node;
    if (node->rank.last_column < 0)
        return node->rank.last;
    const Column *column = &row->batch->columns[node->rank.last_column];
    int32_t at = column_index(column, row->row);
    if (column_is_null(column, row->row))
        return 0;
    int64_t last = 0;
    switch (physical_bytes(column->physical)) {
    case 1: last = ((const int8_t *)column->values)[at]; break;
    case 2: last = ((const int16_t *)column->values)[at]; break;
    case 4: last = ((const int32_t *)column->values)[at]; break;
    case 8: last = ((const int64_t *)column->values)[at]; break;
    default: assert(!"the planner lets only integers through"); break;
    }
    return last < 0 ? 0 : last;
}

void rank_free_later(Rank *self, OrderedRow *row)
{
    assert(row->owner == NULL);
    row->owner = self->gone;
    self->gone = row;
}

static void rank_free_gone(Rank *self)
{
    while (self->gone != NULL) {
        OrderedRow *row = self->gone;
        self->gone = row->owner;
        ordered_row_free(&self->blocks, row);
    }
}

static Status rank_flush(Rank *self)
{
    TRY(rowout_flush(&self->out));
    rank_free_gone(self);
    return OK;
}

static Status rank_row(Rank *self, RankRow *row)
{
    RankState *state = row->state;
    if (rank_is_expired(self, state, row->now_us)) {
        if (self->out.borrows) /* what of these rows is not out yet */
            TRY(rank_flush(self));
        rank_clear(self, state);
        *state = (RankState){0};
    }
    if (!state->has_last) {
        state->last = rank_last(self, row);
        state->has_last = true;
        state->written_us = row->now_us;
    }
    TRY(self->take(self, row));
    self->has_empty |= state->rows.count == 0;
    return OK;
}

/* Keys whose lists are empty now. */
static void rank_drop_empty(Rank *self, const TableKeys *keys)
{
    for (int32_t i = 0; self->has_empty && i < keys->count; i++) {
        uint8_t *value;
        table_find(self->table, keys, i, 1, &value);
        if (value != NULL && ((RankState *)(void *)value)->rows.count == 0)
            table_delete(self->table, value);
    }
    self->has_empty = false;
}

static Status rank_push(Operator *op, int32_t input, Batch *batch)
{
    Rank *self = (Rank *)op;
    const PlanNode *node = op->node;
    Arena *scratch = op->task->scratch;
    Selection rows = batch->selection;
    assert(input == 0 && rows.count > 0);
    int64_t now_us = node->rank.state_ttl_us > 0 ? world_now_us(op->task->world) : 0;
    uint8_t **states = arena_allocate(scratch, (int64_t)sizeof(uint8_t *) * rows.count);
    TableKeys keys = table_keys(&self->key, batch, node->rank.keys, rows, scratch);
    table_find_or_insert(self->table, &keys, 0, rows.count, states);
    Str *order = arena_allocate(scratch, (int64_t)sizeof(Str) * rows.count);
    sortkeys_make(batch, node->rank.order, node->rank.order_count, rows, scratch, order);
    TableKeys row_keys = {0};
    if (node->rank.strategy == RANK_UPDATE_FAST)
        row_keys = table_keys(&self->row_key, batch, node->rank.row_keys, rows, scratch);
    for (int32_t i = 0; i < rows.count; i++) {
        RankRow row = {.batch = batch,
                       .row = selection_row(rows, i),
                       .key = order[i],
                       .state = (RankState *)(void *)states[i],
                       .row_keys = &row_keys,
                       .position = i,
                       .now_us = now_us};
        row.kind = batch_kind(batch, row.row);
        TRY(rank_row(self, &row));
    }
    TRY(rank_flush(self));
    rank_drop_empty(self, &keys);
    return OK;
}

/* ---- The end, and time ------------------------------------------------------------------- */

static Status rank_end(Rank *self)
{
    self->has_ended = true;
    int64_t cursor = 0;
    uint8_t *value;
    while (table_read_run(self->table, &cursor, &value, 1) > 0) {
        RankState *state = (RankState *)(void *)value;
        for (int64_t rank = self->first; rank <= state->last && rank <= state->rows.count; rank++) {
            const OrderedRow *row = ordered_at(&state->rows, rank - 1);
            TRY(rank_emit(self, state, ordered_bytes(row), rank, ROW_INSERT));
        }
    }
    table_clear(self->table);
    return rowout_flush(&self->out);
}

static Status rank_advance(Operator *op, Timestamp watermark)
{
    Rank *self = (Rank *)op;
    if (rank_is_final(self) && watermark == TIMESTAMP_MAX && !self->has_ended)
        TRY(rank_end(self));
    return operator_advance(op, watermark);
}

static bool rank_is_over(const Operator *op, const uint8_t *value, int64_t now_us)
{
    return rank_is_expired((const Rank *)op, (const RankState *)(const void *)value, now_us);
}

static Status rank_tick(Operator *op, int64_t now_us)
{
    Rank *self = (Rank *)op;
    int64_t bytes = table_bytes(self->table) + self->blocks.held_bytes;
    metric_set(self->state_bytes, bytes + (self->index != NULL ? table_bytes(self->index) : 0));
    int64_t ttl_us = op->node->rank.state_ttl_us;
    operator_sweep(op, &self->sweep, self->table, ttl_us, now_us, rank_is_over);
    return OK;
}

static void rank_close(Operator *op)
{
    Rank *self = (Rank *)op;
    if (self->table == NULL)
        return;
    table_free(self->index);
    self->index = NULL;
    table_free(self->table);
    self->table = NULL;
    batch_free(self->marking);
    blocks_close(&self->blocks);
    rowout_close(&self->out);
    buffer_free(&self->bytes);
}

const OperatorKind rank_operator = {
    .name = "rank",
    .size = sizeof(Rank),
    .open = rank_open,
    .push = rank_push,
    .advance = rank_advance,
    .tick = rank_tick,
    .snapshot = rank_snapshot,
    .restore = rank_restore,
    .start = rank_start,
    .close = rank_close,
};
