/* What batch mode owes at the end of input: padded rows that stayed so, and, where changes came
 * in, the whole join. */
#include "exec/regular_join/regular_join.h"

#include <assert.h>

/* No row of the side, for what is padded with it. */
static Batch end_nothing(const JoinSide *side, Arena *arena)
{
    Batch batch = {.column_count = side->schema->count};
    batch.columns = ARENA_ARRAY(arena, Column, side->schema->count + 1);
    for (int32_t i = 0; i < side->schema->count; i++)
        batch.columns[i] = column_new(arena, side->schema->fields[i].type, 1);
    return batch;
}

static Status end_set(const JoinInput *input, const RowSet *set)
{
    const JoinSide *side = &input->join->sides[1 - input->side];
    uint8_t *one;
    int32_t count;
    uint8_t *const *rows = rowset_rows(set, &one, &count);
    for (int32_t i = 0; i < count; i++) {
        if (rows[i] == NULL || side_associations(side, rows[i]) > 0)
            continue;
        for (int32_t k = 0; k < side_count(side, rows[i]); k++)
            TRY(emit_row(input, -1, rows[i], ROW_INSERT));
    }
    return OK;
}

/* The rows of one side that have found no match. */
static Status end_unmatched(Join *join, int32_t index)
{
    const JoinSide *side = &join->sides[index];
    Batch nothing = end_nothing(&join->sides[1 - index], join->base.task->scratch);
    JoinInput input = {.join = join, .side = 1 - index, .batch = &nothing};
    int64_t cursor = 0;
    for (const uint8_t *value = table_next(side->table, &cursor); value != NULL;
         value = table_next(side->table, &cursor))
        TRY(end_set(&input, (const RowSet *)(const void *)value));
    return emit_flush(&input);
}

/* ---- Everything ------------------------------------------------------------------------ */

/* Rows of the left side on their way out of the state. */
typedef struct EndRows {
    Join *join;
    uint8_t *rows[BATCH_ROWS_MAX];
    int32_t count;
    Arena *arena;
} EndRows;

static Status end_probe(EndRows *left)
{
    Join *join = left->join;
    JoinSide *side = &join->sides[0];
    Batch batch = {.column_count = side->schema->count, .row_count = left->count};
    batch.columns = ARENA_ARRAY(left->arena, Column, side->schema->count + 1);
    batch.selection.count = left->count;
    for (int32_t i = 0; i < side->schema->count; i++) {
        batch.columns[i] = column_new(left->arena, side->schema->fields[i].type, left->count);
        row_gather(side->layout, i, (const uint8_t *const *)left->rows, left->count,
                   &batch.columns[i], left->arena);
    }
    JoinInput input = {.join = join, .side = 0, .batch = &batch};
    Status status = join_probe(&input, left->arena);
    left->count = 0;
    arena_reset(left->arena);
    return status;
}

static Status end_take(EndRows *left, const RowSet *set)
{
    uint8_t *one;
    int32_t count;
    uint8_t *const *rows = rowset_rows(set, &one, &count);
    for (int32_t i = 0; i < count; i++) {
        int32_t times = rows[i] == NULL ? 0 : side_count(&left->join->sides[0], rows[i]);
        for (int32_t k = 0; k < times; k++) {
            if (left->count == BATCH_ROWS_MAX)
                TRY(end_probe(left));
            left->rows[left->count++] = rows[i];
        }
    }
    return OK;
}

static Status end_all(Join *join)
{
    EndRows *left = ARENA_NEW(join->base.task->scratch, EndRows);
    left->join = join;
    left->arena = arena_new(0);
    Status status = OK;
    int64_t cursor = 0;
    for (const uint8_t *value = table_next(join->sides[0].table, &cursor);
         value != NULL && status == OK; value = table_next(join->sides[0].table, &cursor)) {
        status = end_take(left, (const RowSet *)(const void *)value);
        /* The rows may leave memory with the next key. */
        if (status == OK && join->base.task->spill != NULL && left->count > 0)
            status = end_probe(left);
    }
    if (status == OK && left->count > 0)
        status = end_probe(left);
    arena_free(left->arena);
    return status;
}

Status join_end(Join *join)
{
    assert(join_is_final(join));
    if (join_is_deferred(join))
        TRY(end_all(join));
    bool is_left_due = join->sides[0].is_padded || join_kind(join) == JOIN_ANTI;
    if (is_left_due && !join_is_deferred(join))
        TRY(end_unmatched(join, 0));
    return join->sides[1].is_padded ? end_unmatched(join, 1) : OK;
}
