/* Inside rank/: the state of Top-N, shared by the operator, its strategies and its snapshots. */
#ifndef WEIR_EXEC_RANK_RANK_H
#define WEIR_EXEC_RANK_RANK_H

#include "exec/operators.h"
#include "exec/rowout.h"
#include "state/ordered.h"
#include "state/table.h"

/* What is kept for a key of PARTITION BY. */
typedef struct RankState {
    OrderedRows rows;   /* as far as they can come to matter, best first */
    int64_t written_us; /* wall clock of the last change, for the time to live */
    int64_t last;       /* the last rank that is let through, once a row has come */
    bool has_last;
} RankState;

/* What is kept for a row's own key, when updates come without the old row. */
typedef struct RankIndex {
    OrderedRow *row;
} RankIndex;

typedef struct Rank Rank;

/* One row of the input, with what was computed for all rows of its batch. */
typedef struct RankRow {
    const Batch *batch;
    int32_t row;
    RowKind kind;
    Str key; /* of ORDER BY */
    RankState *state;
    const TableKeys *row_keys; /* RANK_UPDATE_FAST: the rows' own keys */
    int32_t position;          /* in the selection */
    int64_t now_us;
} RankRow;

struct Rank {
    Operator base;
    TableKey key;
    StateTable *table;
    TableKey row_key;
    StateTable *index; /* RANK_UPDATE_FAST: the rows of all lists by their own keys; or NULL, where
                          lists leave memory: then their rows have the hashes of these as marks … */
    Batch *marking;    /* … that are found out here */
    Blocks blocks;
    RowOut out;
    OrderedRow *gone; /* from their lists, but the output has their texts; linked by owner */
    Buffer bytes;     /* rowcode of the row at hand */
    int64_t first;
    bool has_number; /* the rank is the last column of the output */
    bool has_shifts; /* what a row pushes to another rank is told */
    bool has_before;
    bool has_empty; /* a list of the batch at hand has become empty */
    bool has_ended; /* batch mode: the final rows are out */
    Sweep sweep;
    Status (*take)(Rank *self, const RankRow *row);
    Metric *state_bytes;
};

static inline bool rank_is_final(const Rank *self)
{
    return self->base.node->rank.is_final;
}

/* The row at hand as bytes, good until the next call. */
Str rank_bytes(Rank *self, const RankRow *row);

/* Emit a row at a rank (from 1), if the rank is let through. */
Status rank_emit(Rank *self, const RankState *state, Str bytes, int64_t rank, RowKind kind);
/* -U and +U of what is at a rank. */
Status rank_emit_change(Rank *self, const RankState *state, Str before, Str after, int64_t rank);

/* The row has left its list; it is freed when the output does not need it any more. Rows that only
 * come: they have no owner. */
void rank_free_later(Rank *self, OrderedRow *row);

/* The strategies: append.c, retract.c, update.c. */
Status rank_take_append(Rank *self, const RankRow *row);
Status rank_take_retract(Rank *self, const RankRow *row);
Status rank_take_update(Rank *self, const RankRow *row);

/* A row has come to `place` of the list, new there: tell what it did to the ranks from there on.
 * When no ranks are told, to the one that falls out at the end. */
Status rank_emit_inserted(Rank *self, const RankState *state, Str bytes, int64_t place);

/* ---- snapshot.c -------------------------------------------------------------------------- */

/* Where there is no index: what stands in place of a row's owner, by the hash of its own key. */
static inline void *rank_mark(uint64_t hash)
{
    return (void *)(uintptr_t)hash; /* NOLINT(performance-no-int-to-ptr) */
}

/* The row of the list with the same own key as this one, or NULL. */
OrderedRow *rank_find_marked(Rank *self, const RankRow *row);

/* Empty the list of a key, and take its rows out of the index. */
void rank_clear(Rank *self, RankState *state);

extern const TableCodec rank_codec;
Status rank_snapshot(Operator *op, int64_t checkpoint, Buffer *out);
Status rank_restore(Operator *op, Str state);
Status rank_start(Operator *op);

#endif
