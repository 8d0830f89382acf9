/* Rows in order: a list in which the place of a key, and the row at a place, are found in
 * logarithmic time.
 *
 *     [ 7 | 20 | 13 ]            inner nodes: rows below each child, and its first row
 *       │    │    └─ …
 *       │    └─ [ r r r … ]      leaves: pointers to rows, at most 32
 *       └─ [ r r r r r r r ]     a short list is one leaf of the size it needs
 *
 * Rows are compared by their keys (data/sortkey.h); among equal ones the order is that of
 * insertion when each goes to ordered_upper. A list is 24 bytes in the value of a state table and
 * owns its rows, which lie in the Blocks that every call is given. */
#ifndef WEIR_STATE_ORDERED_H
#define WEIR_STATE_ORDERED_H

#include <stdbool.h>

#include "base/buffer.h"
#include "state/blocks.h"

/* A row with its key: bytes of the key, then of the row (rowcode). */
typedef struct OrderedRow {
    void *owner; /* the caller's */
    int32_t key_bytes, row_bytes;
    char bytes[];
} OrderedRow;

/* All zero is empty. */
typedef struct OrderedRows {
    void *root;
    int64_t count;
    int32_t depth; /* levels of inner nodes */
    int32_t room;  /* of the root, if it is a leaf */
} OrderedRows;

static inline Str ordered_key(const OrderedRow *row)
{
    return str_make(row->bytes, row->key_bytes);
}

static inline Str ordered_bytes(const OrderedRow *row)
{
    return str_make(row->bytes + row->key_bytes, row->row_bytes);
}

OrderedRow *ordered_row_new(Blocks *blocks, Str key, Str bytes);
void ordered_row_free(Blocks *blocks, OrderedRow *row);

/* Rows whose keys are below `key`; rows whose keys are not above it. */
int64_t ordered_lower(const OrderedRows *rows, Str key);
int64_t ordered_upper(const OrderedRows *rows, Str key);

/* The row at a place, which must be there: 0 … count - 1. */
OrderedRow *ordered_at(const OrderedRows *rows, int64_t place);
/* The same with those behind it that lie together: `*count` of them, at least one. */
OrderedRow *const *ordered_run(const OrderedRows *rows, int64_t place, int32_t *count);

/* The row gets this place, those from there on move up by one. */
void ordered_insert(OrderedRows *rows, Blocks *blocks, int64_t place, OrderedRow *row);
/* Take the row out; it is the caller's now. */
OrderedRow *ordered_take(OrderedRows *rows, Blocks *blocks, int64_t place);
/* Empty it; its rows are freed too. */
void ordered_clear(OrderedRows *rows, Blocks *blocks);

/* Into and out of snapshots. Load needs an empty list; false on malformed bytes. */
void ordered_save(const OrderedRows *rows, Buffer *out);
bool ordered_load(OrderedRows *rows, Blocks *blocks, ByteReader *in);

#endif
