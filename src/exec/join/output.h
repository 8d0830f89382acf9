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
#include "exec/join/kept.h"
#include "exec/join/row_pool.h"

/* One side of a pair. Readable until the flush. */
typedef struct PairSide {
    union {
        const Batch *batch; /* NULL: a row of NULLs, for which no condition is asked */
        const KeptRow *kept;
    };
    int32_t row;         /* of the batch, or PAIR_IS_KEPT */
    uint8_t *is_matched; /* becomes 1 when the pair holds; or NULL */
} PairSide;

enum { PAIR_IS_KEPT = -1 };

static inline PairSide pair_side(StoredRow *row)
{
    return (PairSide){.batch = row->chunk->batch, .row = row->row};
}

static inline PairSide kept_side(KeptRow *row)
{
    return (PairSide){.kept = row, .row = PAIR_IS_KEPT, .is_matched = &row->is_matched};
}

typedef struct JoinOutput {
    Operator *op;
    const PlanJoin *join;
    Schema both;        /* the columns of both sides */
    int32_t left_count; /* how many are the left's */
    bool *is_read;      /* by column of both: the output or the condition reads it */
    Program *condition; /* NULL: every pair holds */
    bool passes_kinds;  /* the rows have the left row's kind, else all are +I */
    bool pads_failed;   /* a left row of a pair that does not hold goes out beside NULLs */
    PairSide *sides[2]; /* BATCH_ROWS_MAX each */
    /* Of the rows that are kept on a side; NULL: none are. */
    const RowLayout *layouts[2];
    bool has_kept[2];        /* rows of the side are kept, none is of a batch */
    const uint8_t **kept[2]; /* those rows, during a flush */
    uint8_t *are_rejected;   /* by pair: the condition failed for it */
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

/* Rows that are kept may be among the pairs, of the left side those of `left`. Before any. */
void join_output_take_kept(JoinOutput *out, const KeptRows *left, const KeptRows *right);

/* Flushes when there is no room, and before a side goes from rows of batches to rows that are kept,
 * or back. */
Status join_output_add(JoinOutput *out, PairSide left, PairSide right);
/* The row beside NULLs; `side` is 0 for a left row. */
Status join_output_pad(JoinOutput *out, int32_t side, PairSide row);
Status join_output_flush(JoinOutput *out);

#endif
