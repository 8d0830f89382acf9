/* The regular join as an operator: batches of one side meet the rows kept of the other. */
#include "exec/regular_join/regular_join.h"

#include <assert.h>

enum { PREFETCH_AHEAD = 8 };

static void join_mark_column(Expr *column, void *context)
{
    ((bool *)context)[column->column] = true;
}

static Status join_compile(Join *join)
{
    const PlanNode *node = join->base.node;
    if (node->regular_join.join.condition == NULL)
        return OK;
    Arena *arena = join->base.task->query;
    const Schema *left = join->sides[0].schema, *right = join->sides[1].schema;
    int32_t width = left->count + right->count;
    bool *is_read = ARENA_ARRAY(arena, bool, width + 1);
    expr_visit_columns(node->regular_join.join.condition, join_mark_column, is_read);
    int32_t *map = ARENA_ARRAY(arena, int32_t, width + 1);
    int32_t *read = ARENA_ARRAY(arena, int32_t, width + 1);
    int32_t count = 0;
    Field *fields = ARENA_ARRAY(arena, Field, width + 1);
    for (int32_t i = 0; i < width; i++) {
        if (!is_read[i])
            continue;
        map[i] = count;
        fields[count] = i < left->count ? left->fields[i] : right->fields[i - left->count];
        read[count++] = i;
    }
    join->condition_columns = (ColumnList){.columns = read, .count = count};
    join->condition_schema = (Schema){.fields = fields, .count = count};
    Expr *condition = expr_remap(arena, node->regular_join.join.condition, map);
    return program_compile(arena, &condition, 1, &join->condition_schema, &join->condition,
                           join->base.task->error);
}

static Status join_open(Operator *op)
{
    Join *join = (Join *)op;
    assert(op->node->input_count == 2);
    emit_open(join);
    op->keyed = keyed_new(NULL);
    for (int32_t i = 0; i < 2; i++)
        side_open(join, i);
    join->state_bytes = metric_get(METRIC_GAUGE, "weir_state_size_bytes", operator_shard_labels(op),
                                   "Bytes of keyed state.", 1);
    return join_compile(join);
}

/* The rows that can match at all: no NULL in a key that does not match NULLs. */
static Selection join_keyed(const JoinInput *input, Arena *arena)
{
    const PlanNode *node = input->join->base.node;
    const ColumnList *keys = &input->join->sides[input->side].keys;
    const Batch *batch = input->batch;
    uint8_t *is_null = NULL;
    for (int32_t k = 0; k < keys->count; k++) {
        const Column *column = &batch->columns[keys->columns[k]];
        const bool *matches_null = node->regular_join.join.matches_null;
        if ((matches_null != NULL && matches_null[k]) || column->valid == NULL)
            continue;
        if (is_null == NULL)
            is_null = arena_allocate_zeroed(arena, batch->row_count);
        for (int32_t i = 0; i < batch->selection.count; i++) {
            int32_t row = selection_row(batch->selection, i);
            is_null[row] |= column_is_null(column, row);
        }
    }
    return is_null == NULL ? batch->selection : selection_without(batch->selection, is_null, arena);
}

/* The sets of one batch's rows, by their position among those that have a key. */
typedef struct JoinSets {
    Selection keyed;
    uint8_t **own;   /* RowSet; NULL: the rows are not kept */
    uint8_t **other; /* RowSet; NULL: no row of that key there */
} JoinSets;

static JoinSets join_find(const JoinInput *input, bool keeps, Arena *arena)
{
    Join *join = input->join;
    JoinSide *own = &join->sides[input->side];
    JoinSets sets = {.keyed = join_keyed(input, arena)};
    TableKeys keys = table_keys(&own->key, input->batch, own->keys.columns, sets.keyed, arena);
    int64_t bytes = (int64_t)sizeof(uint8_t *) * sets.keyed.count;
    sets.other = arena_allocate(arena, bytes);
    table_find(join->sides[1 - input->side].table, &keys, 0, sets.keyed.count, sets.other);
    if (!keeps)
        return sets;
    sets.own = arena_allocate(arena, bytes);
    table_find_or_insert(own->table, &keys, 0, sets.keyed.count, sets.own);
    return sets;
}

static Status join_row(const JoinInput *input, int32_t row, RowSet *set, int32_t first, int32_t end)
{
    return join_is_semi(input->join) ? semi_row(input, row, set, first, end)
                                     : regular_row(input, row, set, first, end);
}

/* The rows from..to - 1 of the selection, whose pairs are gathered. */
static Status join_run(const JoinInput *input, const JoinSets *sets, int32_t from, int32_t to,
                       int32_t *keyed)
{
    Join *join = input->join;
    if (join->condition != NULL)
        pairs_test(input);
    const Pairs *pairs = &join->pairs;
    int32_t first = 0;
    for (int32_t i = from; i < to; i++) {
        int32_t row = selection_row(input->batch->selection, i);
        bool has_key = *keyed < sets->keyed.count && selection_row(sets->keyed, *keyed) == row;
        bool is_kept = has_key && sets->own != NULL;
        RowSet *set = is_kept ? (RowSet *)(void *)sets->own[*keyed] : NULL;
        *keyed += has_key;
        int32_t end = first;
        while (end < pairs->count && pairs->rows[end] == row)
            end++;
        TRY(join_row(input, row, set, first, end));
        first = end;
    }
    join->pairs.count = 0;
    return OK;
}

/* Have the rows of a set to come on their way: of several, the list of them. */
static inline void join_prefetch(const JoinSets *sets, int32_t at)
{
    const RowSet *other =
        at < sets->keyed.count ? (const RowSet *)(const void *)sets->other[at] : NULL;
    if (other != NULL)
        __builtin_prefetch((const void *)(other->bits & ~(uintptr_t)1));
}

/* The pairs of a row with those that the other side has of its key. */
static void join_pair(const JoinInput *input, int32_t row, uint8_t *other)
{
    Join *join = input->join;
    const JoinSide *side = &join->sides[1 - input->side];
    if (side->associations_at >= 0)
        table_touch(side->table, other);
    pairs_add(join, 1 - input->side, row, (const RowSet *)(const void *)other);
}

/* Whether every pair is given out as it is, and nothing else follows from a row. */
static bool join_is_plain(const JoinInput *input, const JoinSets *sets)
{
    const Join *join = input->join;
    const JoinSide *other = &join->sides[1 - input->side];
    return sets->own == NULL && join->condition == NULL && join_kind(join) == JOIN_INNER &&
           other->count_at < 0 && other->written_at < 0 && other->associations_at < 0;
}

static Status join_process_plain(const JoinInput *input, const JoinSets *sets)
{
    for (int32_t i = 0; i < sets->keyed.count; i++) {
        const RowSet *other = (const RowSet *)(const void *)sets->other[i];
        join_prefetch(sets, i + PREFETCH_AHEAD);
        if (other == NULL)
            continue;
        int32_t row = selection_row(sets->keyed, i);
        RowKind kind = batch_kind(input->batch, row);
        uint8_t *one;
        int32_t count;
        uint8_t *const *rows = rowset_rows(other, &one, &count);
        for (int32_t k = 0; k < count; k++) {
            if (rows[k] != NULL)
                TRY(emit_row(input, row, rows[k], kind));
        }
    }
    return emit_flush(input);
}

static Status join_process(const JoinInput *input, const JoinSets *sets)
{
    if (join_is_plain(input, sets))
        return join_process_plain(input, sets);
    Join *join = input->join;
    Selection rows = input->batch->selection;
    int32_t found = 0, done = 0, from = 0;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        if (found < sets->keyed.count && selection_row(sets->keyed, found) == row) {
            uint8_t *other = sets->other[found++];
            join_prefetch(sets, found + PREFETCH_AHEAD);
            if (other != NULL)
                join_pair(input, row, other);
        }
        if (join->pairs.count < BATCH_ROWS_MAX && i + 1 < rows.count)
            continue;
        TRY(join_run(input, sets, from, i + 1, &done));
        from = i + 1;
    }
    return emit_flush(input);
}

Status join_probe(const JoinInput *input, Arena *arena)
{
    JoinSets sets = join_find(input, false, arena);
    return join_process(input, &sets);
}

/* Keys without rows go only when all rows are done: several may share one. */
static void join_settle(const JoinInput *input, uint8_t *const *own, int32_t count)
{
    StateTable *table = input->join->sides[input->side].table;
    for (int32_t i = 0; i < count; i++) {
        const RowSet *set = (const RowSet *)(const void *)own[i];
        if (set->bits == 0 && table_hash_of(table, own[i]) != 0)
            table_delete(table, own[i]);
    }
}

/* Batch mode with changes: keep now, join at the end. Rows that can match nothing are kept too. */
static void join_keep(const JoinInput *input, Arena *arena)
{
    JoinSide *side = &input->join->sides[input->side];
    Selection rows = input->batch->selection;
    TableKeys keys = table_keys(&side->key, input->batch, side->keys.columns, rows, arena);
    uint8_t **own = arena_allocate(arena, (int64_t)sizeof(uint8_t *) * rows.count);
    table_find_or_insert(side->table, &keys, 0, rows.count, own);
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        RowSet *set = (RowSet *)(void *)own[i];
        if (row_kind_is_retraction((uint8_t)batch_kind(input->batch, row)))
            side_retract(input, set, row);
        else
            side_add(input, set, row, 0);
    }
    join_settle(input, own, rows.count);
}

/* Batch mode: what nobody will ask for is not kept. Of a stream, the other side may go on after a
 * restart with another bound. */
static bool join_keeps(const Join *join, int32_t side)
{
    return !join_is_final(join) || join->base.inputs[1 - side].watermark < TIMESTAMP_MAX;
}

static Status join_push(Operator *op, int32_t side, Batch *batch)
{
    Join *join = (Join *)op;
    assert((side == 0 || side == 1) && batch->selection.count > 0);
    bool expires = join->sides[0].ttl_us > 0 || join->sides[1].ttl_us > 0;
    join->now_us = expires ? world_now_us(op->task->world) : 0;
    op->task->eval.watermark = op->watermark;
    JoinInput input = {.join = join, .side = side, .batch = batch};
    input.row_hashes = side_hashes(&join->sides[side], batch, op->task->scratch);
    if (join_is_deferred(join)) {
        join_keep(&input, op->task->scratch);
        return OK;
    }
    JoinSets sets = join_find(&input, join_keeps(join, side), op->task->scratch);
    TRY(join_process(&input, &sets));
    if (sets.own != NULL)
        join_settle(&input, sets.own, sets.keyed.count);
    return OK;
}

static Status join_advance(Operator *op, Timestamp watermark)
{
    Join *join = (Join *)op;
    if (watermark == TIMESTAMP_MAX && join_is_final(join) && !join->has_ended) {
        join->has_ended = true;
        TRY(join_end(join));
    }
    return operator_advance(op, watermark);
}

static Status join_tick(Operator *op, int64_t now_us)
{
    Join *join = (Join *)op;
    for (int32_t i = 0; i < 2; i++)
        side_sweep(&join->sides[i], now_us);
    metric_set(join->state_bytes, side_bytes(&join->sides[0]) + side_bytes(&join->sides[1]));
    return OK;
}

static void join_close(Operator *op)
{
    Join *join = (Join *)op;
    if (join->made == NULL)
        return;
    for (int32_t i = 0; i < 2; i++)
        side_close(&join->sides[i]);
    emit_close(join);
    join->made = NULL;
}

const OperatorKind regular_join_operator = {
    .name = "regular-join",
    .size = sizeof(Join),
    .open = join_open,
    .push = join_push,
    .advance = join_advance,
    .tick = join_tick,
    .snapshot = operator_snapshot_keyed,
    .restore = operator_restore_keyed,
    .close = join_close,
};
