/* Streaming operators: one file each, the same few verbs.
 *
 * An operator takes batches, watermarks and barriers from its inputs and emits batches to its
 * outputs. It runs on one shard, on one thread at a time, and never blocks (sinks excepted:
 * their tasks have threads of their own). The chain of operators between two exchanges is a
 * task; job/ builds and drives it. Order is kept: what is pushed before a watermark or barrier
 * is emitted before it. */
#ifndef WEIR_EXEC_EXEC_H
#define WEIR_EXEC_EXEC_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/metrics.h"
#include "base/status.h"
#include "base/world.h"
#include "connect/connect.h"
#include "data/batch.h"
#include "expr/expr.h"
#include "plan/plan.h"
#include "state/deadletter.h"
#include "state/served.h"

typedef struct Operator Operator;

/* Shared by the operators of one task. */
typedef struct TaskContext {
    World *world;
    Arena *query;     /* lives as long as the task */
    Arena *scratch;   /* reset by the task between input messages, never by operators */
    EvalContext eval; /* eval.scratch = scratch */
    DeadLetters *dead_letters;
    int32_t shard, shard_count;
    const PlanSettings *settings;
    Error *error;                    /* filled by whoever fails first */
    const _Atomic bool *is_stopping; /* the job is being cancelled: stop retrying */
} TaskContext;

typedef struct OperatorKind {
    const char *name;
    int32_t size; /* of the private struct, whose first member is an Operator */
    /* The node is in operator->node, the task in operator->task. */
    Status (*open)(Operator *op);
    /* Rows from input number `input` (0-based). The batch belongs to the operator until it
     * returns; it may narrow batch->selection; it copies what it keeps. */
    Status (*push)(Operator *op, int32_t input, Batch *batch);
    /* No more rows with event time <= watermark will come. Called with growing values;
     * TIMESTAMP_MAX is the end of input. Emits what is due, then passes it on with
     * operator_advance. NULL: pass on. */
    Status (*advance)(Operator *op, Timestamp watermark);
    /* Wall clock has moved: at least every 50 ms. For periodic watermarks, TTL, flushes. NULL:
     * nothing. */
    Status (*tick)(Operator *op, int64_t now_us);
    /* All state, at a barrier. NULL: none. */
    Status (*snapshot)(Operator *op, int64_t checkpoint, Buffer *out);
    /* Bring back what snapshot wrote (perhaps of several shards, one call each); rows whose key
     * hash is not this shard's are skipped. Called after open, before push. */
    Status (*restore)(Operator *op, Str state);
    /* The checkpoint is durable. NULL: nothing. */
    Status (*committed)(Operator *op, int64_t checkpoint);
    void (*close)(Operator *op);
} OperatorKind;

struct Operator {
    const OperatorKind *kind;
    const PlanNode *node;
    TaskContext *task;
    /* Where emitted batches go: operators of the same task. The last in a chain is the task's
     * own exchange writer. Several outputs each see the batch with a selection of their own. */
    Operator **outputs;
    int32_t *output_inputs; /* which input of it this is */
    int32_t output_count;
    Metric *records_in, *records_out;
};

/* The operator for a plan node, allocated in task->query, not yet open. */
Operator *operator_new(TaskContext *task, const PlanNode *node);

/* Hand the selected rows to every output; nothing happens for an empty selection. */
Status operator_emit(Operator *op, Batch *batch);
/* Pass a watermark on to every output. */
Status operator_advance(Operator *op, Timestamp watermark);

/* Dead letters for the rows that program_run or program_select rejected, and the batch's
 * selection without them. */
void operator_reject_errors(Operator *op, Batch *batch);

/* For PLAN_SINK: the sink's instance is made and driven by the operator; retriable failures are
 * retried with back-off until *task->is_stopping. For PLAN_SERVE: the table, so that serve/
 * can find it. */
ServedTable *operator_served_table(Operator *op);

/* Make the blocking call of a sink return soon; from another thread. */
void operator_interrupt(Operator *op);

#endif
