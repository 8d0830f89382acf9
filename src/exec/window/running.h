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
 * A HOP's table of running values is also its directory of keys: it has every key that any slice
 * has, and from each key a chain leads through its values in the slices, newest first:
 *
 *     running  | key 7 ──> slice 9 ──> slice 8 ──> slice 5      a row finds its value by a step or
 *              | key 9 ──> slice 9 ──> slice 6                  two along the chain, instead of by
 *                                                               a search in the slice
 *
 * so a key is searched once per row, in one table that stays in the cache, and slices are only
 * gone through. A row far behind its key's newest slice (CHAIN_STEPS_MAX) makes the key one whose
 * slices are searched, for as long as it lives: disorder costs a search, never a walk.
 *
 * Where state may leave memory nothing can point at a value, so there are no chains: rows are
 * searched for in their slices, and windows go page by page (running_pass.h). What a slice keeps to
 * be undone lies in a table beside it then, since a slice in a page is as it stands in checkpoints.
 *
 * Values in slices:      [ SliceHead | sums | others | undo of others ]
 * Values in the running: [ RunningHead | sums | front of others | back of others ]
 * Values beside slices:  [ whether there was a front | undo of others ] */
#ifndef WEIR_EXEC_WINDOW_RUNNING_H
#define WEIR_EXEC_WINDOW_RUNNING_H

#include "exec/accumulator.h"
#include "exec/window/clock.h"
#include "exec/window/slices.h"

/* A key's value in a slice; `value` NULL: none. The slice may have left since: then its number
 * is below that of any slice that rows still go to, and the value must not be looked at. */
typedef struct SliceLink {
    int64_t number;
    uint8_t *value;
} SliceLink;

/* Only `records` is there unless there are chains. */
typedef struct SliceHead {
    int64_t records;  /* rows of the key in the slice, retractions subtracted */
    uint8_t *running; /* the key's running value */
    SliceLink older;
} SliceHead;

typedef struct RunningHead {
    int64_t records; /* in slices that have entered */
    SliceLink newest;
    int32_t slices; /* that have the key; with chains those that have not entered too: 0 drops it;
                       HOP only */
    bool has_front, has_back;
    bool is_scattered; /* the chain does not have all values: search */
} RunningHead;

/* Offsets in values, the groups they belong to, and what is saved of it all. */
typedef struct WindowLayout {
    AccumulatorGroup sums;
    AccumulatorGroup others; /* empty: no stacks */
    bool keeps_slices;       /* HOP: as long as they are in the window */
    bool has_chains;         /* HOP, in memory */
    int32_t slice_sums, slice_others, slice_undo, slice_has_undo, slice_bytes;
    int32_t running_sums, running_front, running_back, running_bytes;
    int32_t undo_bytes; /* of a value beside a slice; 0: there are none */
    TableCodec slice_codec, running_codec, undo_codec; /* of the layout itself */
} WindowLayout;

/* In layout.c. */
WindowLayout window_layout(Arena *arena, const PlanAggregate *aggregates, int32_t count,
                           WindowKind kind, bool spills);

static inline SliceHead *slice_head(uint8_t *value)
{
    return (SliceHead *)(void *)value;
}

static inline RunningHead *running_head(uint8_t *value)
{
    return (RunningHead *)(void *)value;
}

enum { CHAIN_STEPS_MAX = 8, RUNNING_RUN_MAX = 256, RUNNING_KEYED_KIND = 1 };

typedef struct RunningPass RunningPass;

typedef struct Running {
    const WindowLayout *layout;
    StateTable *table;
    RunningPass *pass;  /* where the table may leave memory, else NULL */
    Slices undos;       /* what slices keep to be undone, if they do not keep it themselves */
    int64_t front_last; /* the last slice in the front; INT64_MIN: none */
    bool is_stale;      /* a row came into a slice of the front: build it anew */
    int64_t entered;    /* values of slices that are in the window; with chains only */
    uint8_t *merged;    /* room for one group of others */
    Error *error;
} Running;

/* Takes the table over, whose values are as the layout says. */
void running_open(Running *running, Arena *arena, const WindowLayout *layout, StateTable *table,
                  Error *error);
void running_close(Running *running);
/* Empty. */
void running_reset(Running *running);

/* Whether no slice with rows is in the window. */
static inline bool running_is_empty(const Running *running)
{
    if (running->layout->has_chains)
        return running->entered == 0;
    return table_count(running->table) == 0;
}

/* The value of a key, given by its running value, in a slice; made if there is none. HOP only. */
uint8_t *running_slice_value(Slices *slices, const StateTable *keys, uint8_t *running,
                             int64_t number);
/* Tie values of a slice that come from a checkpoint to their keys; slice by slice, oldest first. */
void running_link(Running *running, const Slice *slice);

/* Whether the front of a window that begins with slice `first` is to be built anew. */
bool running_must_turn(const Running *running, int64_t first);

/* These are for tables that stay in memory. The slice becomes the last of the window. */
void running_enter(Running *running, const StateTable *slice);
/* Slice `number`, the window's first, leaves; `slices` are those of the window, with it. */
void running_leave(Running *running, Slices *slices, int64_t number);
/* The front is as new as the rows; call before results are read. */
void running_settle(Running *running, Slices *slices, int64_t first, int64_t last);

/* The results of `count` values into columns[result] of each call, from `row` on. */
void running_results(Running *running, const uint8_t *const *values, int32_t count, Column *columns,
                     Arena *arena, int32_t row);

/* ---- For both kinds ---------------------------------------------------------------------- */

/* Some values of a slice and the running values they belong to. */
typedef struct RunningRun {
    uint8_t *into[RUNNING_RUN_MAX];
    uint8_t *from[RUNNING_RUN_MAX];
    int32_t count;
} RunningRun;

/* What there was before a slice came into the front, of one of its keys. */
typedef struct FrontUndo {
    uint8_t *has_front;
    uint8_t *others;
} FrontUndo;

/* Rows and sums of the slice come into the window, and leave it. */
void running_add_run(Running *running, const RunningRun *run);
void running_subtract_run(Running *running, const RunningRun *run);
/* The slice's others come behind those of the window. */
void running_push_run(Running *running, const RunningRun *run);
/* There is nothing in the stacks. */
void running_clear_stacks(const WindowLayout *layout, uint8_t *into);
/* The front takes in one more slice on its left; what it was is kept. */
void running_turn_value(const WindowLayout *layout, uint8_t *into, const uint8_t *from,
                        FrontUndo undo);
/* Put the front back to what it was before that. */
void running_undo_value(const WindowLayout *layout, uint8_t *into, FrontUndo undo);

#endif
