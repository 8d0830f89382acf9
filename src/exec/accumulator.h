/* The aggregate calls of an operator, laid out one behind the other in a value of a state table.
 *
 * A group is a run of accumulators at some offset of the value; its functions take the pointer
 * to the group. Two groups are used where calls are treated differently (see window/). */
#ifndef WEIR_EXEC_ACCUMULATOR_H
#define WEIR_EXEC_ACCUMULATOR_H

#include "base/arena.h"
#include "data/batch.h"
#include "expr/expr.h"
#include "plan/plan.h"
#include "state/table.h"

typedef struct Accumulator {
    const AggregateCall *call;
    int32_t args[AGGREGATE_ARGS_MAX]; /* columns of the input */
    int32_t filter;                   /* a BOOLEAN column of the input, or -1 */
    int32_t offset;                   /* from the start of the group */
    int32_t result;                   /* position among the results */
    int32_t plain_bytes;              /* saved as they lie there; 0: by a function of its own */
    bool is_kept_outside;             /* COUNT(*), whose owner counts itself: never updated here */
} Accumulator;

typedef struct AccumulatorGroup {
    Accumulator *calls;
    int32_t count;
    int32_t bytes; /* multiple of 8 */
    bool owns_heap;
} AccumulatorGroup;

typedef enum AccumulatorChoice { CHOOSE_ALL, CHOOSE_INVERTIBLE, CHOOSE_OTHERS } AccumulatorChoice;

AccumulatorGroup accumulators_choose(Arena *arena, const PlanAggregate *aggregates, int32_t count,
                                     AccumulatorChoice choice);

/* All of them, for an owner that counts the rows of each group anyway: COUNT(*) is read from that
 * count, an int64_t at `records` (negative) from the start of the group, and takes no room. */
AccumulatorGroup accumulators_choose_counted(Arena *arena, const PlanAggregate *aggregates,
                                             int32_t count, int32_t records);

/* Fold the rows in: the i-th row's group lies at states[i] + offset. */
void accumulators_update(const AccumulatorGroup *group, uint8_t *const *states, int32_t offset,
                         const Batch *batch, Selection rows, Arena *scratch);

void accumulators_merge(const AccumulatorGroup *group, uint8_t *into, const uint8_t *from);
/* The same for runs: the groups lie at the offsets of `pairs`. */
void accumulators_merge_run(const AccumulatorGroup *group, const AggregatePairs *pairs);
void accumulators_subtract_run(const AccumulatorGroup *group, const AggregatePairs *pairs);
/* Give back what they own; the memory is zeroed and empty again. */
void accumulators_clear(const AccumulatorGroup *group, uint8_t *state);
/* `from` becomes empty; `into` was. */
void accumulators_move(const AccumulatorGroup *group, uint8_t *into, uint8_t *from);

/* Results into columns[result] of each call, at `row`. */
void accumulators_result(const AccumulatorGroup *group, const uint8_t *state, Column *columns,
                         Arena *arena, int32_t row, int32_t capacity);

/* Of many groups, the i-th at states[i] + offset, into the rows from `row` on. */
void accumulators_result_run(const AccumulatorGroup *group, const AggregateStates *states,
                             Column *columns, Arena *arena, int32_t row, int32_t capacity);

void accumulators_save(const AccumulatorGroup *group, const uint8_t *state, Buffer *out);
/* Add what accumulators_save appends to the words of `codec`, of whose values the group lies at
 * `offset`; false: these are not always the same, or there is no room for them. */
bool accumulators_add_words(const AccumulatorGroup *group, int32_t offset, TableCodec *codec);
bool accumulators_load(const AccumulatorGroup *group, uint8_t *state, ByteReader *in);

#endif
