/* The slices of a window operator that hold rows, in order of time. Between them there may be
 * any distance: a row far in the future costs one slice and nothing else. */
#ifndef WEIR_EXEC_WINDOW_SLICES_H
#define WEIR_EXEC_WINDOW_SLICES_H

#include "state/keyed.h"

enum { SLICES_SPARE_MAX = 4, SLICES_KEYED_KIND = 0 };

typedef struct Slice {
    int64_t number;
    StateTable *table; /* owned */
} Slice;

typedef struct Slices {
    const TableKey *key;
    int32_t value_bytes;
    const TableCodec *codec;
    void *owner; /* of the codec */
    KeyedState *keyed;
    Spill *spill;         /* where slices go that memory has no room for; NULL: nowhere */
    const uint64_t *mark; /* of values in the state */
    Slice *items;         /* ascending, from `first` */
    int32_t first, end;
    int32_t capacity;
    int32_t recent;                      /* where the last one was found: rows come in runs */
    StateTable *spare[SLICES_SPARE_MAX]; /* emptied tables: the next slice is like the last */
    int32_t spare_count;
} Slices;

/* What the tables are like, and the state they are part of, by the numbers of their slices. */
void slices_open(Slices *slices, KeyedState *keyed, const TableKey *key, int32_t value_bytes,
                 const TableCodec *codec, void *owner);
/* From the first on their entries leave memory between messages; NULL: they do not. */
void slices_spill(Slices *slices, Spill *spill);

/* The table of a slice; made if there is none. */
StateTable *slices_get(Slices *slices, int64_t number);
/* NULL if there is none. */
StateTable *slices_find(Slices *slices, int64_t number);
/* The first slice with at least this number, or NULL. */
const Slice *slices_from(const Slices *slices, int64_t number);
/* The slice goes, with all that it has, if there is one. */
void slices_drop(Slices *slices, int64_t number);

/* table_touch of a value in a slice. */
static inline void slices_touch(Slices *slices, int64_t number, const uint8_t *value)
{
    if (table_mark(slices->key, value) != *slices->mark)
        table_touch(slices_get(slices, number), value);
}

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
