/* The rows under one key, in the order in which they came: eight bytes in a value of a state
 * table, zero when there are none.
 *
 *   0                          no row
 *   row                        one row
 *   run | 1 ──> [ row, row, –, row … ]   several; removed ones leave gaps until the next growth
 *                  index by hash, once there are many and rows are searched for
 *
 * The rows belong to the caller's Blocks. What a set allocates itself is counted in *bytes. */
#ifndef WEIR_STATE_ROWSET_H
#define WEIR_STATE_ROWSET_H

#include "state/rows.h"

typedef struct RowSet {
    uintptr_t bits;
} RowSet;

/* How rows of a set are told apart. */
typedef struct RowSetKind {
    const RowLayout *layout;
    int32_t hash_at;        /* offset in the header of a u32 hash of what is compared; -1: rows are
                               never searched for */
    const int32_t *columns; /* that are compared; NULL: all */
    int32_t column_count;
} RowSetKind;

/* Rows, gaps as NULL; *one lends its memory to a set of one row. */
static inline uint8_t *const *rowset_rows(const RowSet *set, uint8_t **one, int32_t *count);

void rowset_append(const RowSetKind *kind, RowSet *set, uint8_t *row, int64_t *bytes);
/* Position of the row that equals `probe`, whose hash is in its header, or -1. */
int32_t rowset_find(const RowSetKind *kind, const RowSet *set, const uint8_t *probe);
uint8_t *rowset_at(const RowSet *set, int32_t position);
/* The one that came first, or last; the set is not empty. */
uint8_t *rowset_first(const RowSet *set);
uint8_t *rowset_last(const RowSet *set);
/* Put another row, equal by the kind, in the place. */
void rowset_replace(RowSet *set, int32_t position, uint8_t *row);
void rowset_remove(const RowSetKind *kind, RowSet *set, int32_t position, int64_t *bytes);
/* Gives back what the set has allocated, not the rows; the set is empty. */
void rowset_clear(RowSet *set, int64_t *bytes);

/* ---- Inline ---------------------------------------------------------------------------- */

typedef struct RowRun {
    int32_t capacity;
    int32_t used; /* gaps included */
    int32_t live;
    uint32_t index_mask; /* slots of the index - 1 */
    uint32_t *index;     /* position + 1, or 0; NULL while there is none */
    uint8_t *rows[];
} RowRun;

static inline bool rowset_is_run(const RowSet *set)
{
    return (set->bits & 1) != 0;
}

static inline RowRun *rowset_run(const RowSet *set)
{
    return (RowRun *)(set->bits & ~(uintptr_t)1); /* NOLINT(performance-no-int-to-ptr) */
}

static inline uint8_t *const *rowset_rows(const RowSet *set, uint8_t **one, int32_t *count)
{
    if (rowset_is_run(set)) {
        const RowRun *run = rowset_run(set);
        *count = run->used;
        return run->rows;
    }
    *one = (uint8_t *)set->bits; /* NOLINT(performance-no-int-to-ptr) */
    *count = set->bits != 0;
    return one;
}

static inline int32_t rowset_count(const RowSet *set)
{
    return rowset_is_run(set) ? rowset_run(set)->live : set->bits != 0;
}

#endif
