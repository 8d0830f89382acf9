/* Pairs of rows on their way out of a join.
 *
 * The operator adds pairs by reference, wherever the two rows lie. When there are enough of them,
 * or at the end of what it does, they are flushed: the columns that are read are gathered, the
 * condition is evaluated over all pairs at once, each side of a pair that holds is told so, and
 * what holds is emitted.
 *
 *     (left row, right row) … ──> gather ──> condition ──> is_matched of both ──> emit
 *     (left row, NULLs)     … ──────────────────────────────────────────────────>  */
#ifndef WEIR_EXEC_JOIN_OUTPUT_H
#define WEIR_EXEC_JOIN_OUTPUT_H

#include "exec/exec.h"
#include "exec/join/row_pool.h"

/* One side of a pair. Readable until the flush. */
typedef struct PairSide {
    const Batch *batch; /* NULL: a row of NULLs, for which no condition is asked */
    int32_t row;
    uint8_t *is_matched; /* becomes 1 when the pair holds; or NULL */
} PairSide;

static inline PairSide pair_side(StoredRow *row)
{
    return (PairSide){.batch = row->chunk->batch, .row = row->row, .is_matched = &row->is_matched};
}

typedef struct JoinOutput {
    Operator *op;
    const PlanJoin *join;
    Schema both;           /* the columns of both sides */
    int32_t left_count;    /* how many are the left's */
    bool *is_read;         /* by column of both: the output or the condition reads it */
    Program *condition;    /* NULL: every pair holds */
    bool passes_kinds;     /* the rows have the left row's kind, else all are +I */
    bool pads_failed;      /* a left row of a pair that does not hold goes out beside NULLs */
    PairSide *sides[2];    /* BATCH_ROWS_MAX each */
    uint8_t *are_rejected; /* by pair: the condition failed for it */
    int32_t count;
    bool is_silent;            /* only tells the sides: nothing is emitted */
    bool is_tested;            /* the condition has been asked already: every pair holds */
    Arena *gathered, *scratch; /* of one flush; for the condition and those downstream */
} JoinOutput;

/* `op` must have two inputs. */
Status join_output_open(JoinOutput *out, Operator *op, const PlanJoin *join);
void join_output_close(JoinOutput *out);

/* For an operator whose inputs[1] is not there: the schema of the right side. */
Status join_output_open_over(JoinOutput *out, Operator *op, const PlanJoin *join,
                             const Schema *right);

static inline bool join_output_is_full(const JoinOutput *out)
{
    return out->count == BATCH_ROWS_MAX;
}

/* Flushes when there is no room. */
Status join_output_add(JoinOutput *out, PairSide left, PairSide right);
/* The row beside NULLs; `side` is 0 for a left row. */
Status join_output_pad(JoinOutput *out, int32_t side, PairSide row);
Status join_output_flush(JoinOutput *out);

/* Column `at` of the rows, NULL where there is no batch; strings are lent. In the arena. */
Column join_gather(Arena *arena, Type type, const PairSide *sides, int32_t count, int32_t at);

#endif
