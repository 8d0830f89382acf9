/* Rows that a join keeps: in columns, chunk by chunk, each known by a record of its own.
 *
 *     StoredRow ──> chunk 0 [ column | column | … ]      appended by batch
 *     StoredRow ──> chunk 1 [ column | column | … ]
 *
 * Records never move; rows do when most of what lies in the chunks has been given back. A chunk
 * goes when its last row does. Rows are handed on by reference: nothing is decoded. */
#ifndef WEIR_EXEC_JOIN_ROW_POOL_H
#define WEIR_EXEC_JOIN_ROW_POOL_H

#include "base/buffer.h"
#include "data/batch.h"
#include "data/datetime.h"

typedef struct StoredRow StoredRow;
typedef struct RowChunk RowChunk;
typedef struct RowSlab RowSlab;

struct StoredRow {
    /* For the owner of the pool: rows of one key in a chain, and the key's entry. */
    StoredRow *previous, *next;
    uint8_t *entry;
    int64_t sequence; /* the owner's, for an order across keys */
    Timestamp time;
    RowChunk *chunk;
    int32_t row;
    uint8_t is_matched;    /* the owner's too, as are these: */
    bool is_due : 1;       /* the time has come */
    bool is_forgotten : 1; /* out of its chain already */
};

struct RowChunk {
    RowChunk *next;
    Batch *batch;
    StoredRow **owners; /* by row; NULL: given back */
    int32_t capacity;
    int32_t live;
};

/* Zero-initialised but for the schema, which must outlive it. */
typedef struct RowPool {
    const Schema *schema;
    RowChunk *first, *last;
    RowSlab *slabs;
    StoredRow *spare;
    int64_t live; /* rows kept */
    int64_t laid; /* rows that lie in the chunks */
    int64_t bytes;
} RowPool;

/* Keep the rows; out[i] becomes the record of the i-th, zeroed but for where it lies. */
void row_pool_add(RowPool *pool, const Batch *batch, Selection rows, StoredRow **out);
/* Keep one row that was written by row_pool_save; NULL on malformed bytes. */
StoredRow *row_pool_load(RowPool *pool, ByteReader *in);
/* Its kind and columns; the record is left to the owner. */
void row_pool_save(const StoredRow *row, Buffer *out);
/* The record is void, the row readable until row_pool_settle. */
void row_pool_remove(RowPool *pool, StoredRow *row);
/* Each gets the other's row. */
void row_pool_swap(StoredRow *a, StoredRow *b);
/* Give memory back. Not while references to rows are about. */
void row_pool_settle(RowPool *pool);
int64_t row_pool_bytes(const RowPool *pool);
void row_pool_close(RowPool *pool);

#endif
