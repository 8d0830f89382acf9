/* The rows that a key keeps until no match can use them: rows of state/rows.h behind a header. */
#ifndef WEIR_EXEC_MATCH_ROWS_H
#define WEIR_EXEC_MATCH_ROWS_H

#include "base/buffer.h"
#include "data/batch.h"
#include "data/datetime.h"
#include "plan/plan.h"
#include "state/rows.h"

typedef struct MatchRow MatchRow;
struct MatchRow {
    MatchRow *previous,
        *next; /* of the key's rows that wait; then only next, of those that are due */
    Timestamp time;
};

static inline RowLayout *match_row_layout(Arena *arena, const Schema *schema)
{
    return row_layout(arena, schema, (int32_t)sizeof(MatchRow));
}

/* The selected rows, times unset. */
void match_rows_new(const RowLayout *layout, Blocks *heap, const Batch *batch, MatchRow **out);

static inline void match_row_free(const RowLayout *layout, Blocks *heap, MatchRow *row)
{
    blocks_give(heap, (uint8_t *)row, row_stored_size(layout, (const uint8_t *)row));
}

/* out[i] = the column's value in rows[i], NULL where the row is NULL. Texts are borrowed; `out` is
 * flat, with room for `count`. */
static inline void match_rows_gather(const RowLayout *layout, const MatchRow *const *rows,
                                     int32_t count, int32_t column, Column *out, Arena *arena)
{
    row_gather(layout, column, (const uint8_t *const *)rows, count, out, arena);
}

/* The order of two rows by one column: -1, 0, 1. */
int match_row_compare(const RowLayout *layout, const MatchRow *a, const MatchRow *b,
                      const PlanMatchOrder *by, Arena *arena);

void match_row_save(const RowLayout *layout, const MatchRow *row, Buffer *out);
/* NULL on malformed bytes. */
MatchRow *match_row_load(const RowLayout *layout, Blocks *heap, ByteReader *in);

#endif
