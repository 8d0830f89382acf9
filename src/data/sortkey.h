/* Rows as bytes that compare as ORDER BY does.
 *
 * memcmp of two keys, the shorter one first where one begins the other, is the order of the rows:
 *
 *     per column   [ 0 NULL | 1 value | 2 NULL that goes last ][ the value ]
 *
 * numbers big-endian with the sign turned, so that they compare as unsigned bytes; text with its
 * zeros escaped (00 FF) and an end (00 00), so that a prefix comes before what it begins; all of it
 * complemented for DESC. -0.0 is 0.0, and NaN comes behind all numbers. The form stands in
 * checkpoints. */
#ifndef WEIR_DATA_SORTKEY_H
#define WEIR_DATA_SORTKEY_H

#include "data/batch.h"

typedef struct SortColumn {
    int32_t column;
    bool is_descending;
    bool has_nulls_last;
} SortColumn;

/* Whether columns of the type can be ordered. */
bool sortkey_is_possible(Type type);

/* keys[i] gets the key of the i-th selected row; the bytes are in the arena. */
void sortkeys_make(const Batch *batch, const SortColumn *columns, int32_t column_count,
                   Selection rows, Arena *arena, Str *keys);

#endif
