/* Rows that were looked up: in columns, chunk by chunk, each known by a record of its own.
 *
 *     StoredRow ──> chunk 0 [ column | column | … ]      appended by batch
 *     StoredRow ──> chunk 1 [ column | column | … ]
 *
 * Records never move; rows do when most of what lies in the chunks has been given back. A chunk
 * goes when its last row does. Rows are handed on by reference: nothing is decoded. */
#ifndef WEIR_EXEC_JOIN_ROW_POOL_H
#define WEIR_EXEC_JOIN_ROW_POOL_H

#include "data/batch.h"

typedef struct StoredRow StoredRow;
typedef struct RowChunk RowChunk;
typedef struct RowSlab RowSlab;

struct StoredRow {
    StoredRow *next; /* for the owner of the pool */
    RowChunk *chunk;
    int32_t row;
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
/* The record is void, the row readable until row_pool_settle. */
void row_pool_remove(RowPool *pool, StoredRow *row);
/* Give memory back. Not while references to rows are about. */
void row_pool_settle(RowPool *pool);
int64_t row_pool_bytes(const RowPool *pool);
void row_pool_close(RowPool *pool);

#endif
