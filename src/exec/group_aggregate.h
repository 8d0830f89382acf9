/* Inside exec/: the state of GROUP BY, shared by the operator and its snapshots. */
#ifndef WEIR_EXEC_GROUP_AGGREGATE_H
#define WEIR_EXEC_GROUP_AGGREGATE_H

#include "exec/accumulator.h"
#include "exec/operators.h"
#include "state/table.h"

/* At the start of a key's value; the accumulators follow. COUNT(*) is `records`. */
typedef struct GroupHead {
    int64_t records;  /* rows, retractions subtracted; 0: nothing was emitted, or taken back */
    uint32_t written; /* low bits of the tick (below) at or after the last change; 0 without ttl */
    int32_t touched;  /* 1 + position among the keys of the batch at hand, or 0 */
} GroupHead;

/* The time to live in 32 bits per key: in ticks of the wall clock of at least a millisecond and
 * 2^-24 of the time to live, so that what is up to 128 of those old is told from what is new. A
 * change is noted as of the end of its tick: a key may live that much longer, never shorter. */
typedef struct GroupClock {
    int64_t ttl_us; /* 0: keys live for ever, and the rest is not used */
    int64_t tick_us;
    int64_t now;      /* the tick that had begun when it was last looked at … */
    uint32_t written; /* … and what is noted of changes from then on */
} GroupClock;

typedef struct GroupAggregate {
    Operator base;
    TableKey key;
    AccumulatorGroup group;
    GroupClock clock;
    StateTable *table;
    TableCodec codec; /* of its values */
    Schema key_schema, result_schema;
    Batch *keys_out; /* the key columns of what is emitted */
    Sweep sweep;
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

/* In group_clock.c. `ttl_us` may be 0. */
GroupClock group_clock(int64_t ttl_us);
void group_clock_set(GroupClock *clock, int64_t now_us);
bool group_is_expired(const GroupClock *clock, const GroupHead *head);
/* When the key was last written, and back; 0 without a time to live. */
int64_t group_written_us(const GroupClock *clock, const GroupHead *head);
void group_set_written_us(const GroupClock *clock, GroupHead *head, int64_t written_us);

/* In batch mode (group_final.c): count rows in; emit every group at the end of input. */
Status group_final_push(GroupAggregate *self, const Batch *batch);
Status group_final_end(GroupAggregate *self);

TableCodec group_codec(const GroupAggregate *self);
Status group_snapshot(Operator *op, int64_t checkpoint, Buffer *out);
Status group_restore(Operator *op, Str state);

#endif
