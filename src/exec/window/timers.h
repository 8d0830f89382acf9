/* When keys are due, for state that may leave memory, where a queue cannot point at entries: tables
 * of keys by slices of time, which leave memory themselves.
 *
 *     last slice read ▼
 *       | 6 | 7 | 8 | … | 127 |      128       |      192       | …       numbers of units
 *                                     └ a slice of 64 units, taken apart when its time comes
 *
 * Near slices are narrow, so that few keys are looked at which are not due yet, and far ones wide,
 * so that there are some hundred of them, however far apart times are: a timing wheel in levels.
 * A key may be in several slices, but only once in each; what it is due for its owner knows. None
 * of it is in checkpoints: owners put their keys again at the start. */
#ifndef WEIR_EXEC_WINDOW_TIMERS_H
#define WEIR_EXEC_WINDOW_TIMERS_H

#include "data/datetime.h"
#include "exec/exec.h"
#include "exec/window/slices.h"

enum { TIMERS_RUN_MAX = 256 }; /* keys given out at once */

typedef struct Timers {
    Slices slices;        /* their values are instants, in microseconds */
    int64_t unit_us;      /* of the narrowest slices */
    int64_t recent;       /* the first unit of the last slice that was read, or one before */
    Timestamp given, due; /* keys are given out that are due behind the one, up to the other */
    int64_t cursor;       /* in the first slice … */
    bool is_reading;      /* … which is being gone through */
    int32_t idle;         /* the next slice to be looked at for having entries at hand */
    uint8_t **found;      /* of TIMERS_RUN_MAX: values of that slice */
    Error *error;
} Timers;

/* Of an operator that has a task->spill. `range_us`: how far ahead of time most keys are due. */
void timers_open(Timers *timers, Operator *op, const TableKey *key, int64_t range_us);
/* May be called without the other. */
void timers_close(Timers *timers);

/* The key that `value` has in `table`, whose keys are like those of the timers, is due at the
 * instant, or as soon as possible where it was time already. */
void timers_put(Timers *timers, const StateTable *table, const uint8_t *value, Timestamp instant);

/* Time has come to `due`: the keys that are due are given out by timers_next from now on. */
void timers_begin(Timers *timers, Timestamp due);
/* Those of the keys that are in `table` and have not been given out yet, some at a time and in no
 * order: their values there, TIMERS_RUN_MAX at most, good until the next call, which makes room in
 * that table. *count 0: there are no more. WR5312. */
Status timers_next(Timers *timers, StateTable *table, uint8_t **values, int32_t *count);

/* What they have in memory. */
int64_t timers_bytes(const Timers *timers);

#endif
