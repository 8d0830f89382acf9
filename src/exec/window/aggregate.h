/* Inside window/: the operator's state, shared by its rows, its firing and its snapshots. */
#ifndef WEIR_EXEC_WINDOW_AGGREGATE_H
#define WEIR_EXEC_WINDOW_AGGREGATE_H

#include "exec/operators.h"
#include "exec/window/clock.h"
#include "exec/window/running.h"
#include "exec/window/slices.h"

/* Windows on their way out. It may take very long, and then goes on later (OperatorKind.go_on). */
typedef struct WindowFiring {
    int64_t until;      /* the last window to fire … */
    int64_t window;     /* … and the one at hand; of a TUMBLE the first slice there is */
    int64_t cursor;     /* in what is emitted of it */
    bool is_emitting;   /* else it is yet to be made ready */
    bool has_watermark; /* that is passed on behind all */
    Timestamp watermark;
} WindowFiring;

typedef struct WindowAggregate {
    Operator base;
    WindowClock clock;
    TableKey key;
    WindowLayout layout;
    Slices slices;    /* that have not left: HOP keeps them while in the running window */
    Running running;  /* HOP, CUMULATE: what the slices up to `fired` give */
    int64_t fired;    /* the last window that is over; INT64_MIN: none */
    bool is_restored; /* the clock has been brought back */
    WindowFiring firing;
    Timestamp clock_us; /* processing time: the clock up to which windows have fired */

    /* The slice of the last row's time: [from, until) in the attribute's own time. */
    Timestamp recent_from, recent_until;
    int64_t recent_slice;

    Batch *out;
    uint8_t **gathered; /* of BATCH_ROWS_MAX: the values of the rows that go out */
    Arena *lent;
    Metric *late, *null_time, *state_bytes;
} WindowAggregate;

/* Fire everything up to window `until`, and pass the watermark on, NULL: none. */
Status window_fire(WindowAggregate *self, int64_t until, const Timestamp *watermark);
/* OperatorKind.go_on. */
Status window_go_on(Operator *op);

/* In snapshot.c: who makes and drops the tables that are loaded. */
KeyedOwner window_keyed_owner(WindowAggregate *self);
Status window_snapshot(Operator *op, int64_t checkpoint, Buffer *out);
Status window_restore(Operator *op, Str state);
Status window_start(Operator *op);

#endif
