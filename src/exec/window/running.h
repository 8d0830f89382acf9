/* The aggregate of the window that is open, by key, kept up as slices enter and leave.
 *
 * A HOP of 1,800 slices costs no more per row and per firing than one of 30, because nothing
 * here goes over the slices of a window. Accumulators that can be subtracted are one sum: the
 * slice that enters is added, the one that leaves taken away. The others are two stacks:
 *
 *     slices   | a | b | c | d |  e | f |         front = b c d (a has left), back = e f
 *              └──── front ────┘ └ back ┘         result = front + back
 *
 * The front is built from right to left when the old one is used up; each slice keeps, for its
 * keys, the front as it was before the slice came in (`undo`), so that leaving puts that back.
 * Every slice enters, is turned over and leaves once: the cost is that of its own keys.
 *
 * Values in slices:      [ SliceHead | sums | others | undo of others ]
 * Values in the running: [ RunningHead | sums | front of others | back of others ] */
#ifndef WEIR_EXEC_WINDOW_RUNNING_H
#define WEIR_EXEC_WINDOW_RUNNING_H

#include "exec/accumulator.h"
#include "exec/window/clock.h"
#include "exec/window/slices.h"

typedef struct SliceHead {
    int64_t records;  /* rows of the key in the slice, retractions subtracted */
    uint8_t *running; /* the key's value in the running window, once the slice is in it */
} SliceHead;

typedef struct RunningHead {
    int64_t records;
    int32_t slices; /* in the window that have the key: 0 drops it */
    bool has_front, has_back;
} RunningHead;

/* Offsets in values, and the groups they belong to. */
typedef struct WindowLayout {
    AccumulatorGroup sums;
    AccumulatorGroup others; /* empty: no stacks */
    int32_t slice_sums, slice_others, slice_undo, slice_has_undo, slice_bytes;
    int32_t running_sums, running_front, running_back, running_bytes;
} WindowLayout;

WindowLayout window_layout(Arena *arena, const PlanAggregate *aggregates, int32_t count,
                           WindowKind kind);

typedef struct Running {
    const WindowLayout *layout;
    StateTable *table;
    int64_t front_last; /* the last slice in the front; INT64_MIN: none */
    bool is_stale;      /* a row came into a slice of the front: build it anew */
    uint8_t *merged;    /* room for one group of others */
} Running;

void running_open(Running *running, Arena *arena, const TableKey *key, const WindowLayout *layout);
void running_close(Running *running);
/* Empty. */
void running_reset(Running *running);

static inline int64_t running_count(const Running *running)
{
    return table_count(running->table);
}

/* The slice becomes the last of the window. */
void running_enter(Running *running, const StateTable *slice);
/* Slice `number`, the window's first, leaves; `slices` are those of the window, with it. */
void running_leave(Running *running, Slices *slices, int64_t number);
/* The front is as new as the rows; call before results are read. */
void running_settle(Running *running, Slices *slices, int64_t first, int64_t last);

/* The results of one value into columns[result] of each call. */
void running_results(Running *running, const uint8_t *value, Column *columns, Arena *arena,
                     int32_t row, int32_t capacity);

/* Give back what values own; the table is to be retired or freed next. */
void slice_clear(const WindowLayout *layout, StateTable *slice);

#endif
