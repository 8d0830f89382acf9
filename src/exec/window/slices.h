/* The slices of a window operator that hold rows, in order of time. Between them there may be
 * any distance: a row far in the future costs one slice and nothing else. */
#ifndef WEIR_EXEC_WINDOW_SLICES_H
#define WEIR_EXEC_WINDOW_SLICES_H

#include "state/table.h"

enum { SLICES_SPARE_MAX = 4 };

typedef struct Slice {
    int64_t number;
    StateTable *table; /* owned */
} Slice;

/* Zero-initialise with key and value_bytes set;
 * retire each table, then slices_free. */
typedef struct Slices {
    const TableKey *key;
    int32_t value_bytes;
    Slice *items; /* ascending, from `first` */
    int32_t first, end;
    int32_t capacity;
    int32_t recent;                      /* where the last one was found: rows come in runs */
    StateTable *spare[SLICES_SPARE_MAX]; /* emptied tables: the next slice is like the last */
    int32_t spare_count;
} Slices;

/* The table of a slice; made if there is none. */
StateTable *slices_get(Slices *slices, int64_t number);
/* NULL if there is none. */
StateTable *slices_find(Slices *slices, int64_t number);
/* The first slice with at least this number, or NULL. */
const Slice *slices_from(const Slices *slices, int64_t number);
/* Take it out; the caller hands the table to slices_retire. NULL if there is none. */
StateTable *slices_take(Slices *slices, int64_t number);
/* The end of a table taken out, whose values own nothing any more. */
void slices_retire(Slices *slices, StateTable *table);

static inline int32_t slices_count(const Slices *slices)
{
    return slices->end - slices->first;
}

/* All slices, ascending: 0 … count - 1. */
static inline const Slice *slices_at(const Slices *slices, int32_t index)
{
    return &slices->items[slices->first + index];
}

void slices_free(Slices *slices);

#endif
