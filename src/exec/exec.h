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
#include "state/keyed.h"
#include "state/served.h"
#include "state/spill.h"

typedef struct Operator Operator;

/* Which shard a row of this hash (rowcode_hash over the distribution keys) belongs to. State is
 * restored by the same rule. It takes the high half: tables of state use the low one. */
static inline int32_t exchange_shard_of(uint64_t hash, int32_t shard_count)
{
    return (int32_t)(((hash >> 32) * (uint64_t)shard_count) >> 32);
}

/* Shared by the operators of one task. */
typedef struct TaskContext {
    World *world;
    Arena *query;     /* lives as long as the task */
    Arena *scratch;   /* reset by the task between input messages, never by operators; read it anew
                       * in each call: an operator that emits much lends its own meanwhile */
    EvalContext eval; /* eval.scratch = scratch */
    DeadLetters *dead_letters;
    const char *const *letter_folders; /* see SourceReader */
    const char *sink_notes;            /* see SinkWriter */
    int32_t shard, shard_count;
    const PlanSettings *settings;
    const SourceSplits *splits;     /* of the task's source; NULL: it has none */
    EmbeddedHub *hub;               /* see SourceReader */
    SourceBegin begin;              /* see SourceReader */
    bool tells_end;                 /* see SourceReader */
    const char *metric_labels;      /* see SourceReader; NULL: none */
    const _Atomic bool *keeps_rows; /* sinks by key keep what they are given; NULL: they do not */
    Spill *spill;    /* for state that memory has no room for; NULL: all stays there */
    bool is_clogged; /* what the task has sent is not taken */
    bool is_hurried; /* … but nothing may be left for later */
    Error *error;    /* filled by whoever fails first */
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
     * operator_advance. NULL: pass on. Several inputs: the minimum of the active ones. */
    Status (*advance)(Operator *op, Timestamp watermark);
    /* The inputs are one stream: one that wakes up behind the watermark does not hold it back
     * before it has caught up. As Flink's StatusWatermarkValve does for the channels of an input;
     * operators with two inputs wait for both. */
    bool is_union;
    /* All inputs are idle now, or one is active again. NULL: pass on. */
    Status (*idle)(Operator *op, bool is_idle);
    /* Where advance or tick makes very much, it may stop when operator_is_clogged says so, set
     * has_more, and be called here to go on: again and again until that is no longer set. What
     * comes meanwhile waits; a watermark is passed on when all is done. NULL: never. */
    Status (*go_on)(Operator *op);
    /* Wall clock has moved: at least every 50 ms. For periodic watermarks, TTL, flushes. NULL:
     * nothing. */
    Status (*tick)(Operator *op, int64_t now_us);
    /* All state that is not in op->keyed, at a barrier. NULL: none at all. */
    Status (*snapshot)(Operator *op, int64_t checkpoint, Buffer *out);
    /* Bring back what snapshot wrote (perhaps of several shards, one call each); rows whose key
     * hash is not this shard's are skipped. Called after open, before push; what was in op->keyed
     * is there already. */
    Status (*restore)(Operator *op, Str state);
    /* Called once, after open and every restore, before push: sinks connect. NULL: nothing. */
    Status (*start)(Operator *op);
    /* The checkpoint is durable. NULL: nothing. */
    Status (*committed)(Operator *op, int64_t checkpoint);
    void (*close)(Operator *op);
} OperatorKind;

/* What an operator knows of one of its inputs. */
typedef struct OperatorInput {
    Timestamp watermark; /* TIMESTAMP_MIN: none yet */
    bool is_idle;        /* left out of the minimum */
} OperatorInput;

struct Operator {
    const OperatorKind *kind;
    const PlanNode *node;
    TaskContext *task;
    KeyedState *keyed; /* tables that are saved while processing goes on; made in open, or NULL */
    KeyedState
        *derived; /* tables that are never saved: at the start they are made from the others */
    /* Where emitted batches go: operators of the same task. The last in a chain is the task's
     * own exchange writer. Several outputs each see the batch with a selection of their own. */
    Operator **outputs;
    int32_t *output_inputs; /* which input of it this is */
    int32_t output_count;
    Metric *records_in, *records_out;
    OperatorInput *inputs; /* kept by operator_receive_* */
    int32_t input_count;
    Timestamp watermark; /* what advance was last called with; TIMESTAMP_MIN before */
    Timestamp restored;  /* the earliest of operator_restore_watermark */
    bool is_restored;
    bool is_idle;
    Metric *holder;      /* for whom memory counts while it is at work */
    bool has_more;       /* it has stopped in the midst of something: see go_on */
    StateTable *awaited; /* … until this table has been saved; NULL: it may go on at once */
};

/* For kinds whose answer to a row depends on how far time was: in restore, the watermark that was
 * kept with the state. Of several shards the earliest counts, from operator_start on. */
void operator_restore_watermark(Operator *op, Timestamp watermark);

/* Calls the kind's start; once, after open and every restore, before push. */
Status operator_start(Operator *op);

/* The operator for a plan node (not for sources and values), allocated in task->query, not yet
 * open and without outputs. */
Operator *operator_new(TaskContext *task, const PlanNode *node);
/* Whether its operator writes state into checkpoints; sinks, which may have something to commit, do
 * not count. */
bool operator_keeps_state(const PlanNode *node);
/* Of a PLAN_SINK: whether it goes by a key, so that the last row under each is all that counts. */
bool sink_is_keyed(const PlanNode *node);
/* The same for a kind that is not in the plan, such as an exchange writer. */
Operator *operator_make(TaskContext *task, const OperatorKind *kind, const PlanNode *node,
                        int32_t input_count);
/* Add `to` to the outputs of `from`, as its input number `input`. Before any data. */
void operator_connect(Operator *from, Operator *to, int32_t input);

/* What the task calls for what comes in on input `input` (and operators for their outputs):
 * counts, keeps the minimum over inputs, and calls the kind's push, advance or idle. A watermark
 * that is not above the last one is ignored. */
Status operator_push(Operator *op, int32_t input, Batch *batch);
Status operator_receive_watermark(Operator *op, int32_t input, Timestamp watermark);
Status operator_receive_idle(Operator *op, int32_t input, bool is_idle);

/* Go on with what was left, if there is something. */
Status operator_go_on(Operator *op);
/* Whether to leave the rest for later. */
static inline bool operator_is_clogged(const Operator *op)
{
    return op->task->is_clogged && !op->task->is_hurried;
}

/* The same where state leaves as rows go out: while a checkpoint is under way it has its turn in
 * between, since what goes before it has been saved is kept in memory until then. */
bool operator_is_to_pause(const Operator *op);

/* The same before a table goes as a whole (NULL: none does), as long as it is still to be saved:
 * has_more is set then, and there is nothing to go on with before. Not where all state stays in
 * memory: there is room for what is saved at once, and nothing waits for the writer. */
bool operator_is_to_wait(Operator *op, StateTable *table);
/* Whether it has stopped so, and the table is still to be saved. */
bool operator_is_waiting(const Operator *op);

/* Hand the selected rows to every output; nothing happens for an empty selection. */
Status operator_emit(Operator *op, Batch *batch);
/* Pass a watermark on to every output. */
Status operator_advance(Operator *op, Timestamp watermark);
/* Tell every output that nothing comes for a while, or that it does again. */
Status operator_pass_idle(Operator *op, bool is_idle);

/* Dead letters for the rows that program_run or program_select rejected, and the batch's
 * selection without them. */
void operator_reject_errors(Operator *op, Batch *batch);

/* For PLAN_SINK: the sink's instance is made and driven by the operator; retriable failures are
 * retried with back-off until *task->is_stopping. For PLAN_SERVE: the table, so that serve/
 * can find it. */
ServedTable *operator_served_table(Operator *op);

/* For PLAN_SERVE: its table is the caller's from now on, who may give it to the operator of the
 * same node that takes its place, not open yet: that begins with the rows as they are, and readers
 * see no difference. */
ServedTable *operator_give_served_table(Operator *op);
void operator_take_served_table(Operator *op, ServedTable *table);

/* For an operator of PLAN_WATERMARK, from tests of pipelines: raise its watermark as if a row had;
 * take over the time of another one, which no snapshot has, and tell it downstream. */
Status operator_raise_watermark(Operator *op, Timestamp watermark);
Status operator_take_over_time(Operator *op, const Operator *from);

/* Who wrote state: shards divide keys by exchange_shard_of. */
typedef struct StateOrigin {
    int32_t shard, shard_count;
} StateOrigin;

/* All state in one piece, at a barrier; nothing if there is none. */
Status operator_save(Operator *op, int64_t checkpoint, Buffer *out);
/* And back, after open; of several shards, one call for each. Keys that are not this shard's are
 * left out. ERR_CORRUPT (WR4201) if it is not what was saved. */
Status operator_load(Operator *op, Str state, const StateOrigin *origin);
/* The same in pieces: records of op->keyed, in the order in which they were saved; after them the
 * kind's restore. */
Status operator_load_records(Operator *op, Str records, const StateOrigin *origin);

/* Between messages, when no operator of the task is at work: state leaves memory as far as its
 * share is used up. WR5312. */
Status operator_make_room(Operator *op);

/* After open, whatever came of it. */
void operator_close(Operator *op);

/* Make the blocking call of a sink or a look-up return soon; from another thread. */
void operator_interrupt(Operator *op);

#endif
