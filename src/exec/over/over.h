/* Inside over/: the state of calls with OVER, shared by the operator, its work and its snapshots.
 */
#ifndef WEIR_EXEC_OVER_OVER_H
#define WEIR_EXEC_OVER_OVER_H

#include "exec/accumulator.h"
#include "exec/due.h"
#include "exec/join/time_queue.h"
#include "exec/operators.h"
#include "exec/rowout.h"
#include "state/ordered.h"
#include "state/table.h"

/* What is kept for a key of PARTITION BY; the accumulators follow. */
typedef struct OverState {
    int64_t rows;        /* that were worked out */
    int64_t ranks;       /* different values of ORDER BY among them */
    int64_t before;      /* RANGE: rows before the run at hand */
    int64_t run;         /* the last run or wave that has touched it */
    OrderedRows waiting; /* rows that wait for their time */
    int64_t written_us;  /* wall clock, for the time to live */
    Timestamp triggered; /* the last time that was worked out */
    OrderedRows kept;    /* bounded frames: arguments of the rows in it, oldest first */
    bool is_made;
    bool is_taken;  /* what is due of it is among the rows that are worked out next */
    bool is_queued; /* RANGE: to be forgotten when its rows are out of every frame */
} OverState;

typedef struct Over {
    Operator base;
    TableKey key;
    StateTable *table;
    AccumulatorGroup group;   /* arguments are columns of the input … */
    AccumulatorGroup evicted; /* … here of what is kept for rows in the frame */
    int32_t *args;            /* columns of the input that are kept */
    Schema args_schema;
    Batch *evicting; /* rows that leave their frame, and their states */
    uint8_t **evicting_states;
    OrderedRows pending; /* rows of all keys that wait, in order; owners are their states. Where
                          * state may leave memory: those that are worked out next */
    int64_t held_most;   /* then: bytes of blocks, before they are worked out */
    DueKeys due_rows, due_cleanups; /* then: keys with rows, and those to be forgotten */
    Timestamp now;                  /* then: up to which time rows are worked out */
    bool has_worked;                /* since it last went on: so many were due */
    bool has_rows;                  /* what is due now: rows, then keys to be forgotten */
    bool has_watermark;             /* which is passed on behind all */
    Blocks blocks;
    RowOut out;
    Buffer bytes;
    Arena *work; /* emptied between pieces of one advance */
    bool is_processing_time, is_rows, is_bounded, waits;
    int64_t preceding; /* rows, or microseconds */
    int64_t run;
    TimeQueue cleanups;
    Sweep sweep;
    Metric *late, *null_time, *state_bytes;
} Over;

static inline OverState *over_state(uint8_t *value)
{
    return (OverState *)(void *)value;
}

/* Some rows of a batch to be worked out, with the states of their keys. `results` are the output's
 * columns behind the input's. */
typedef struct OverRows {
    const Batch *batch;
    const int32_t *rows;
    uint8_t **states;
    int32_t count;
    Timestamp time; /* RANGE */
    Column *results;
    Arena *arena; /* of the results */
    int32_t capacity;
} OverRows;

/* Rows one after the other, each seeing those before it (ROWS). */
void over_work_rows(Over *self, const OverRows *rows);
/* Rows of one time, each seeing all of them (RANGE): first all are taken in … */
void over_take_peers(Over *self, const OverRows *rows, bool is_first);
/* … then each gets its results. */
void over_give_peers(Over *self, const OverRows *rows);

/* The first `due` of the pending rows. */
Status over_work_pending(Over *self, int64_t due);

/* ---- waiting.c --------------------------------------------------------------------------- */

static inline bool over_spills(const Over *self)
{
    return self->due_rows.op != NULL;
}

/* The row in self->bytes waits, of a key that may be written to. */
void over_wait(Over *self, OverState *state, Str key);
/* Of the pending rows, the first have been worked out. */
void over_drop(Over *self, int64_t count);
/* The rows of a key that were loaded are to be worked out in their time. */
void over_enqueue(Over *self, OverState *state);
/* Rows up to the time are worked out. */
Status over_work_until(Over *self, Timestamp time);
/* The same where state may leave memory, of due_rows; it may leave the rest for later. */
Status over_work_due(Over *self);
/* Into a checkpoint, and from there to those that wait. */
void over_save_waiting(const OverState *state, Buffer *out);
bool over_load_waiting(Over *self, OverState *state, ByteReader *in);

/* From a visit: whether the rest, of which `left` keys of its own, is for later. */
bool over_pauses(Over *self, DueKeys *due, int32_t left);

/* As if no row of the key had come. */
void over_clear(Over *self, OverState *state);

/* ---- cleanup.c --------------------------------------------------------------------------- */

/* Look after a state when its last row is out of every frame. RANGE with a bound. */
void over_queue_cleanup(Over *self, OverState *state);
/* Forget keys whose rows are out of every frame that can still come. */
void over_clean_up(Over *self, Timestamp time);
/* The same where state may leave memory, of due_cleanups; it may leave the rest for later. */
Status over_clean_up_due(Over *self);

/* As a key of pending rows. */
Str over_time_key(Timestamp time, char room[9]);
Timestamp over_key_time(Str key);

extern const TableCodec over_codec;
Status over_snapshot(Operator *op, int64_t checkpoint, Buffer *out);
Status over_restore(Operator *op, Str state);
Status over_start(Operator *op);

#endif
