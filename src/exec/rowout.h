/* Rows kept as bytes on their way out again: gathered into batches and emitted when full. */
#ifndef WEIR_EXEC_ROWOUT_H
#define WEIR_EXEC_ROWOUT_H

#include "exec/operators.h"

typedef struct RowOut {
    Operator *op;
    Batch *batch;  /* of the operator's schema */
    Arena *lent;   /* scratch of those downstream */
    int32_t width; /* the first columns, which come from bytes; the operator writes the others */
    int64_t bytes; /* of the rows in the batch, which goes out when they are many */
    int64_t flush_count;
    bool borrows; /* texts stay in the bytes, which the operator keeps until the batch is out */
} RowOut;

/* Where a row lies in the batch. All zero: nowhere. */
typedef struct RowPlace {
    int64_t flushes; /* flush_count then, and one */
    int32_t row;
} RowPlace;

void rowout_open(RowOut *out, Operator *op, int32_t width);
/* May be called twice. */
void rowout_close(RowOut *out);

/* Append a row (rowcode of the first `width` columns). It lies in the last row of out->batch until
 * the next call, so that its other columns can be written. */
Status rowout_append(RowOut *out, Str bytes, RowKind kind);
/* The same for a row that has been appended before: where it is still in the batch, it is copied
 * from there. */
Status rowout_repeat(RowOut *out, RowPlace place, Str bytes, RowKind kind);
/* Append a row of a batch that has the first `width` columns. */
Status rowout_copy(RowOut *out, const Batch *batch, int32_t row, RowKind kind);
/* Emit what there is. */
Status rowout_flush(RowOut *out);
/* Forget what there is. */
void rowout_drop(RowOut *out);

/* Of rows, until they are so many bytes that the next one to come emits those before it; negative:
 * that is so. Whoever writes other columns later than that has to look. */
int64_t rowout_room_bytes(const RowOut *out);

/* The last row was written into the batch by the operator itself: its texts count, too. */
void rowout_note_last(RowOut *out);

static inline int32_t rowout_last(const RowOut *out)
{
    return out->batch->row_count - 1;
}

static inline RowPlace rowout_place_of_last(const RowOut *out)
{
    return (RowPlace){.flushes = out->flush_count + 1, .row = rowout_last(out)};
}

#endif
