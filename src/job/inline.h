/* A plan run by hand: one thread, one shard, no channels. What is pushed into a source is worked
 * out to the end before the call returns, row by row, so that the order of everything is known.
 *
 *     inline_open ── inline_push, inline_read, inline_advance, inline_tick … ── inline_close
 *
 * For tests of pipelines. Time is the World's, and stands still unless the caller moves it. */
#ifndef WEIR_JOB_INLINE_H
#define WEIR_JOB_INLINE_H

#include "connect/connect.h"
#include "data/batch.h"
#include "plan/plan.h"
#include "state/deadletter.h"
#include "state/spill.h"

typedef struct Inline Inline;

typedef struct InlineOptions {
    DeadLetters *dead_letters;
    /* The rows of each PLAN_SERVE, by its place among the roots; sinks have their connector. */
    void (*tap)(void *context, int32_t root, const Batch *batch);
    void *tap_context;
    Spill *spill;       /* where state goes that memory has no room for, or NULL */
    bool keeps_batches; /* operators see batches as others emit them, not row by row */
} InlineOptions;

/* Operators made, connected and started; the constant rows of VALUES have gone through. The plan
 * outlives it. */
Status inline_open(World *world, const Plan *plan, const InlineOptions *options, Inline **out,
                   Error *error);

/* Rows of a PLAN_SOURCE, with its columns; the batch stays the caller's. */
Status inline_push(Inline *line, const PlanNode *source, Batch *batch, Error *error);
/* All that the source's own connector gives, to the end of its input. */
Status inline_read(Inline *line, const PlanNode *source, Error *error);
/* The watermark of the rows of this source, where its table has one. False if there is no such
 * table above it. */
Status inline_advance(Inline *line, const PlanNode *source, Timestamp watermark, bool *has_any,
                      Error *error);
/* The wall clock has moved to where the World has it. */
Status inline_tick(Inline *line, Error *error);
/* The source has no more rows. */
Status inline_end(Inline *line, const PlanNode *source, Error *error);

/* Stop and resume: snapshot every operator, throw all of them away, make new ones and restore. */
Status inline_restart(Inline *line, Error *error);

/* NULL is allowed. */
void inline_close(Inline *line);

#endif
