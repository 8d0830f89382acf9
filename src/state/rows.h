/* Whole rows kept in compact form, for state that holds rows and not only numbers about them.
 *
 *   row   [ header | null bits | values, packed | end of each text, u32 | texts ]
 *           ▲        ╰────────── body: canonical, so equal rows have equal bytes ──╯
 *           └ header_bytes that belong to the caller
 *
 * A RowLayout says where the columns of a schema lie; a column of many rows is read at one go. Rows
 * lie in Blocks. One thread at a time. */
#ifndef WEIR_STATE_ROWS_H
#define WEIR_STATE_ROWS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "data/batch.h"
#include "state/blocks.h"

typedef struct RowPlace {
    Physical physical;
    int32_t width;  /* bytes of a value; 0 for text */
    int32_t offset; /* of the value, or of the text's end, from the start of the row */
    int32_t start;  /* of texts: offset of the end of the text before, or 0 for the first */
} RowPlace;

typedef struct RowLayout {
    int32_t header_bytes; /* a multiple of 8 */
    int32_t column_count;
    RowPlace *places;
    const Type *types;
    int32_t fixed_bytes; /* all but the texts */
    int32_t last_end;    /* offset of the last text's end, or 0 without texts */
} RowLayout;

/* In the arena; the types are copied. */
RowLayout *row_layout(Arena *arena, const Schema *schema, int32_t header_bytes);

/* ---- Rows ------------------------------------------------------------------------------ */

/* Bytes of the row of the batch, header included. */
int64_t row_size(const RowLayout *layout, const Batch *batch, int32_t row);
/* Write all but the header; `out` has room for row_size. The batch has the layout's columns. */
void row_write(const RowLayout *layout, const Batch *batch, int32_t row, uint8_t *out);
/* The same for many rows, column by column: out[i] is the i-th's. */
void rows_write(const RowLayout *layout, const Batch *batch, Selection rows, uint8_t *const *out);
/* Bytes of a stored row, header included. */
int64_t row_stored_size(const RowLayout *layout, const uint8_t *row);
/* The same values, to the bit. */
bool row_equal(const RowLayout *layout, const uint8_t *a, const uint8_t *b);
/* The same values in the columns, where NULL equals NULL. */
bool row_equal_columns(const RowLayout *layout, const uint8_t *a, const uint8_t *b,
                       const int32_t *columns, int32_t count);
/* Of the body. */
uint64_t row_hash(const RowLayout *layout, const uint8_t *row);

/* Column `column` of many rows into values 0 … count - 1 of a flat column that has room for them
 * and no NULLs yet; a row that is NULL gives NULL. Texts are borrowed from the rows. */
void row_gather(const RowLayout *layout, int32_t column, const uint8_t *const *rows, int32_t count,
                Column *out, Arena *arena);

/* Body of the row as length-prefixed bytes, and back: from `in` into a new row of the heap whose
 * header is not written; NULL on malformed bytes. */
void row_save(const RowLayout *layout, const uint8_t *row, Buffer *out);
uint8_t *row_load(const RowLayout *layout, Blocks *heap, ByteReader *in);

#endif
