/* Regular joins of two streams of changes: what the files of this folder share.
 *
 *            key ──> rows               input row ──> matches on the other side
 *   left  ┌──────────────────┐                          │ condition, vectorized
 *   ──────┤ JoinSide 0       │          ┌───────────────┴───────────────┐
 *   right ├──────────────────┤          │ OutRows: (input row, other row, kind), │ ──> batch
 *   ──────┤ JoinSide 1       │          │ either of them absent when padded      │
 *         └──────────────────┘          └────────────────────────────────────────┘
 *
 * side.c keeps the rows, match.c finds pairs, regular.c and semi.c say which changes follow, emit.c
 * makes columns of them, end.c gives what batch mode owes at the end of input. */
#ifndef WEIR_EXEC_REGULAR_JOIN_REGULAR_JOIN_H
#define WEIR_EXEC_REGULAR_JOIN_REGULAR_JOIN_H

#include "data/rowcode.h"
#include "exec/operators.h"
#include "state/rowset.h"
#include "state/table.h"

/* One input's rows. What a row's header has depends on what is asked of it; offsets of what it has
 * not are -1. */
typedef struct JoinSide {
    const Schema *schema;
    TableKey key;
    ColumnList keys; /* columns of the input */
    RowLayout *layout;
    Blocks heap;
    StateTable *table; /* key -> RowSet */
    RowSetKind rows;
    bool is_one_row;         /* the key of the join is unique here: a new row takes the old one's
                                place */
    bool is_unique;          /* the same for rows that are equal by rows.columns */
    bool is_upserted;        /* a row may come for another of its unique key without a -U */
    bool is_closing;         /* its rows go with their heap */
    bool is_padded;          /* a row without match is given out with NULLs for the other side */
    int32_t hash_at;         /* u32: of what rows are searched by */
    int32_t count_at;        /* u32: how many equal rows this one stands for */
    int32_t associations_at; /* u32: matches on the other side */
    int32_t written_at;      /* i64: when it was last written, where state expires */
    int64_t ttl_us;
    World *world;
    int64_t set_bytes; /* what RowSets have allocated */
    int64_t sweep;     /* cursor of the search for expired rows */
    Buffer probe;      /* a row being searched for */
    int32_t *hashed;   /* columns of rows.columns, or all, for hashing; see side_hashes */
    int32_t hashed_count;
} JoinSide;

/* Rows to be given out. */
typedef struct OutRows {
    int32_t *rows;    /* of the input batch, or -1: padded */
    uint8_t **others; /* of the other side, or NULL: padded */
    uint8_t *kinds;
    int32_t count; /* at most BATCH_ROWS_MAX */
} OutRows;

/* Pairs of rows of the input batch and rows of the other side, by input row; a row of the other
 * side that stands for several comes as often, one behind the other. */
typedef struct Pairs {
    int32_t *rows;
    uint8_t **others;
    int32_t count;
    int32_t capacity;
} Pairs;

typedef struct Join {
    Operator base;
    JoinSide sides[2];
    Program *condition; /* or NULL */
    Schema condition_schema;
    ColumnList condition_columns; /* of left, then right, that the condition reads */
    Pairs pairs;
    OutRows out;
    Arena *made, *lent, *tested;
    uint8_t **sources; /* scratch for gathering */
    int64_t now_us;
    bool has_ended;
    Metric *state_bytes;
} Join;

/* A batch of one input on its way through the operator. */
typedef struct JoinInput {
    Join *join;
    int32_t side;
    const Batch *batch;
    const uint64_t *row_hashes; /* by row of the batch, of what rows are searched by; or NULL */
} JoinInput;

static inline JoinKind join_kind(const Join *join)
{
    return join->base.node->regular_join.join.kind;
}

static inline bool join_is_semi(const Join *join)
{
    return join_kind(join) == JOIN_SEMI || join_kind(join) == JOIN_ANTI;
}

/* Batch mode: no padding is given out before it is known to stay. */
static inline bool join_is_final(const Join *join)
{
    return join->base.node->regular_join.is_final;
}

/* Batch mode with changes: nothing at all is given out before the end. */
static inline bool join_is_deferred(const Join *join)
{
    const PlanNode *node = join->base.node;
    return join_is_final(join) &&
           (node->regular_join.has_retractions[0] || node->regular_join.has_retractions[1]);
}

/* ---- side.c ---------------------------------------------------------------------------- */

void side_open(Join *join, int32_t side);
void side_close(JoinSide *side);
int64_t side_bytes(const JoinSide *side);
/* Hashes of what the rows are searched by, or NULL if they never are. */
const uint64_t *side_hashes(const JoinSide *side, const Batch *batch, Arena *arena);
bool side_is_expired(const JoinSide *side, const uint8_t *row, int64_t now_us);
/* How many equal rows the row stands for. */
int32_t side_count(const JoinSide *side, const uint8_t *row);
/* Add the row of the input, with so many matches. */
void side_add(const JoinInput *input, RowSet *set, int32_t row, int32_t associations);
/* Whether the row comes for one that is there and was not taken back before; its matches are the
 * same then, because the planner lets such rows come only where nothing but keys decides. */
bool side_is_replacing(const JoinInput *input, const RowSet *set, int32_t row);
/* Take it back; a row that is not there is none to take back. */
void side_retract(const JoinInput *input, RowSet *set, int32_t row);
/* Forget expired rows, some at a time. */
void side_sweep(JoinSide *side, int64_t now_us);
void side_free_row(JoinSide *side, uint8_t *row);

static inline int32_t side_associations(const JoinSide *side, const uint8_t *row)
{
    uint32_t count;
    memcpy(&count, row + side->associations_at, sizeof count);
    return (int32_t)count;
}
void side_set_associations(const JoinSide *side, uint8_t *row, int32_t associations,
                           int64_t now_us);

/* ---- match.c --------------------------------------------------------------------------- */

/* Append the pairs of one input row with the rows of the set, whose condition is still to be
 * tested. */
void pairs_add(Join *join, int32_t other_side, int32_t row, const RowSet *set);
/* Keep only the pairs for which the condition is TRUE. */
void pairs_test(const JoinInput *input);

/* ---- regular.c, semi.c ----------------------------------------------------------------- */

/* Changes that follow from one input row with its pairs first … end - 1; `set` is the key's on the
 * own side, or NULL for a row that is not kept. */
Status regular_row(const JoinInput *input, int32_t row, RowSet *set, int32_t first, int32_t end);
Status semi_row(const JoinInput *input, int32_t row, RowSet *set, int32_t first, int32_t end);

/* ---- operator.c ------------------------------------------------------------------------ */

/* Join the rows of the batch with what the other side has, without keeping them. */
Status join_probe(const JoinInput *input, Arena *arena);

/* ---- emit.c ---------------------------------------------------------------------------- */

void emit_open(Join *join);
void emit_close(Join *join);
Status emit_row(const JoinInput *input, int32_t row, uint8_t *other, RowKind kind);
Status emit_flush(const JoinInput *input);
/* Columns of both sides, counted over left's, then right's, for rows given as in OutRows. */
typedef struct RowPairs {
    const int32_t *rows;
    uint8_t *const *others;
    int32_t count;
} RowPairs;
void emit_columns(const JoinInput *input, RowPairs pairs, ColumnList columns, Column *out,
                  Arena *arena);

/* ---- end.c, snapshot.c ----------------------------------------------------------------- */

/* All input has come: what batch mode has held back. */
Status join_end(Join *join);
extern const TableCodec side_codec; /* of a JoinSide */

#endif
