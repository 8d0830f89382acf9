/* Inside exec/: the state of GROUP BY, shared by the operator and its snapshots. */
#ifndef WEIR_EXEC_GROUP_AGGREGATE_H
#define WEIR_EXEC_GROUP_AGGREGATE_H

#include "exec/accumulator.h"
#include "exec/operators.h"
#include "state/table.h"

/* At the start of a key's value; the accumulators follow. */
typedef struct GroupHead {
    int64_t records;    /* rows, retractions subtracted; 0: nothing was emitted, or taken back */
    int64_t written_us; /* wall clock of the last change, for the time to live */
    int32_t touched;    /* 1 + position among the keys of the batch at hand, or 0 */
    int32_t unused;
} GroupHead;

typedef struct GroupAggregate {
    Operator base;
    TableKey key;
    AccumulatorGroup group;
    StateTable *table;
    Schema key_schema, result_schema;
    Batch *keys_out; /* the key columns of what is emitted */
    int64_t swept_us;
    bool has_ended; /* batch mode: the final rows are out */
    Arena *lent;
    Metric *state_bytes;
} GroupAggregate;

static inline GroupHead *group_head(uint8_t *value)
{
    return (GroupHead *)(void *)value;
}

static inline uint8_t *group_state(uint8_t *value)
{
    return value + sizeof(GroupHead);
}

bool group_is_expired(const GroupAggregate *self, const GroupHead *head, int64_t now_us);

/* In batch mode (group_final.c): count rows in; emit every group at the end of input. */
Status group_final_push(GroupAggregate *self, const Batch *batch);
Status group_final_end(GroupAggregate *self);

extern const TableCodec group_codec;
Status group_snapshot(Operator *op, int64_t checkpoint, Buffer *out);
Status group_restore(Operator *op, Str state);

#endif
