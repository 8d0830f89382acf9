/* Inside exec/: the kinds, and what several of them share. */
#ifndef WEIR_EXEC_OPERATORS_H
#define WEIR_EXEC_OPERATORS_H

#include "exec/exec.h"

extern const OperatorKind calc_operator;
extern const OperatorKind watermark_operator;
extern const OperatorKind window_assign_operator;
extern const OperatorKind window_aggregate_operator;
extern const OperatorKind session_aggregate_operator;
extern const OperatorKind group_aggregate_operator;
extern const OperatorKind normalize_operator;
extern const OperatorKind over_operator;
extern const OperatorKind rank_operator;
extern const OperatorKind deduplicate_operator;
extern const OperatorKind window_rank_operator;
extern const OperatorKind union_operator;
extern const OperatorKind regular_join_operator;
extern const OperatorKind unnest_operator;
extern const OperatorKind interval_join_operator;
extern const OperatorKind temporal_join_operator;
extern const OperatorKind window_join_operator;
extern const OperatorKind replicate_operator;
extern const OperatorKind single_row_operator;
extern const OperatorKind sort_operator;
extern const OperatorKind upsert_materialize_operator;
extern const OperatorKind lookup_join_operator;
extern const OperatorKind match_operator;
extern const OperatorKind sink_operator;
extern const OperatorKind serve_operator;

void sink_interrupt(Operator *op);
void lookup_interrupt(Operator *op);
ServedTable *serve_table(Operator *op);
ServedTable *serve_give_table(Operator *op);
void serve_take_table(Operator *op, ServedTable *table);
Status watermark_raise(Operator *op, Timestamp watermark);
Status watermark_take_over(Operator *op, const Operator *from);

/* When a saved value was written, in microseconds of world_now_us. State that was saved before it
 * was to expire is as old as this moment. */
static inline int64_t operator_load_written(const Operator *op, int64_t ttl_us, ByteReader *in)
{
    int64_t written_us = (int64_t)byte_reader_u64(in);
    return written_us == 0 && ttl_us > 0 ? world_now_us(op->task->world) : written_us;
}

/* Emit while `lent` stands in for the task's scratch, and empty it afterwards: what operators
 * downstream allocate for one of many batches does not pile up; nor does what they keep, if it may
 * leave memory. The batch is not in `lent`. */
Status operator_emit_lending(Operator *op, Batch *batch, Arena *lent);

/* The table whose dead letters the operator's rows join: the first source above it. */
Str operator_letter_table(const PlanNode *node);

/* Why a row is a dead letter, and what it is a row of. */
typedef struct Letter {
    Str table;
    const Schema *schema;
    DeadLetterStage stage;
    const char *code;
    const char *reason;
} Letter;

/* About a row of the operator's input number `input`. */
Letter operator_letter_about(const Operator *op, int32_t input, DeadLetterStage stage,
                             const char *code, const char *reason);
/* The row as a dead letter, in JSON. */
void operator_write_letter(Operator *op, const Letter *about, const Batch *batch, int32_t row);
/* The same about a row of input 0. */
void operator_letter(Operator *op, const Batch *batch, int32_t row, DeadLetterStage stage,
                     const char *code, const char *reason);

/* The selected rows without those whose flag (by row number) is set, in scratch. */
Selection selection_without(Selection rows, const uint8_t *flags, Arena *arena);

/* The views of the batch's columns `indexes`, in scratch; the rest as the batch has it. */
Batch batch_pick(const Batch *batch, const int32_t *indexes, int32_t count, Arena *arena);

/* Whether state of a key with this hash is this shard's. */
static inline bool operator_owns_hash(const Operator *op, uint64_t hash)
{
    const TaskContext *task = op->task;
    if (task->shard_count <= 1 || op->node->distribution != DISTRIBUTION_HASH)
        return true;
    return exchange_shard_of(hash, task->shard_count) == task->shard;
}

/* A table that is part of op->keyed, which is made with the first: `kind` tells it from others, the
 * codec gets the operator as its owner. */
StateTable *operator_new_table(Operator *op, uint8_t kind, const TableKey *key, int32_t value_bytes,
                               const TableCodec *codec);

/* A table that is never saved, as it can be made again from those that are, and that leaves memory
 * as they do; only where the task has where to. */
StateTable *operator_new_derived_table(Operator *op, const TableKey *key, int32_t value_bytes,
                                       const TableCodec *codec, void *owner);

/* Let the entries of such a table leave memory between messages, if the task has where to. For
 * kinds that hold no values from one message to the next and take the keys in any order; plan/
 * knows which they are (StatePlace). */
void operator_spill_table(Operator *op, StateTable *table);

/* A sweep for keys that have outlived their time to live. All zero at first. */
typedef struct Sweep {
    int64_t begun_us; /* wall clock */
    int64_t cursor;
    bool is_under_way;
} Sweep;

/* Whether a value may go. */
typedef bool (*SweepJudge)(const Operator *op, const uint8_t *value, int64_t now_us);

/* To be called in each tick: once in a time to live all values of the table are looked at, some in
 * each call. `ttl_us` 0: nothing happens. */
void operator_sweep(Operator *op, Sweep *sweep, StateTable *table, int64_t ttl_us, int64_t now_us,
                    SweepJudge is_over);

/* What to return where state that is brought back makes no sense: WR4201. */
Status operator_is_damaged(const Operator *op);

/* snapshot and restore of kinds all of whose state is in op->keyed: the version of what is saved of
 * values is left to say. A kind that comes to save something else needs functions of its own. */
Status operator_snapshot_keyed(Operator *op, int64_t checkpoint, Buffer *out);
Status operator_restore_keyed(Operator *op, Str state);

/* The same for kinds that also have to know how far time was: to be called by their snapshot and
 * restore with the version of what they save of values. */
void operator_save_watermark(const Operator *op, uint8_t version, Buffer *out);
/* WR4201 for another version, or if there is more than that. */
Status operator_load_watermark(Operator *op, uint8_t version, Str state);

/* Labels for a metric of this operator: operator="…" and what `more` says. */
const char *operator_labels(const Operator *op, const char *more);
/* The same for a gauge that each shard sets by itself. */
const char *operator_shard_labels(const Operator *op);

#endif
