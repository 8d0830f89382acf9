/* Rows as bytes: keys of state tables, rows in checkpoints and on exchanges.
 *
 * The form is for equality and for reading back, not for ordering: per column one byte
 * (0 NULL, 1 value) and then the value: fixed width little-endian, or a u32 length and the
 * bytes. Equal values give equal bytes (-0.0 is written as 0.0, every NaN as one NaN), so
 * bytes compare and hash as keys do. The form stands in checkpoints: changing it needs a new
 * format version there. */
#ifndef WEIR_DATA_ROWCODE_H
#define WEIR_DATA_ROWCODE_H

#include "base/buffer.h"
#include "data/batch.h"

/* Append the row's chosen columns (all when indexes is NULL). */
void rowcode_write(Buffer *out, const Batch *batch, int32_t row, const int32_t *indexes,
                   int32_t count);

/* Read one row into `into` at its row_count, as +I or `kind`; false on malformed bytes. The
 * batch must have room (capacity) and the schema's columns. Strings are copied. */
bool rowcode_read(Str bytes, Batch *into, int32_t capacity, RowKind kind);
/* The same, but strings are not copied: they lie in `bytes`. */
bool rowcode_borrow(Str bytes, Batch *into, int32_t capacity, RowKind kind);

/* A hash for every selected row over the chosen columns, equal for equal keys whatever batch
 * they come from. out[row] is written for selected rows only. */
void rowcode_hash(const Batch *batch, const int32_t *indexes, int32_t count, Selection rows,
                  uint64_t *out);
/* The same for one key that is one number: an integer with its sign extended, or the bits of a
 * double, NaN and zero in their usual form. */
uint64_t rowcode_hash_word(uint64_t word);

#endif
