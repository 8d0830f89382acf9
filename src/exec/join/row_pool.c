/* Rows that were looked up. */
#include "exec/join/row_pool.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

enum {
    CHUNK_ROWS_MIN = 64,
    SLAB_ROWS = 512,
    LAID_PER_LIVE = 4, /* more rows than that lying for each that lives are moved together */
};

struct RowSlab {
    RowSlab *next;
    StoredRow rows[SLAB_ROWS];
};

/* ---- Records ----------------------------------------------------------------------------- */

static StoredRow *pool_record(RowPool *pool)
{
    if (pool->spare == NULL) {
        RowSlab *slab = memory_allocate((int64_t)sizeof(RowSlab));
        slab->next = pool->slabs;
        pool->slabs = slab;
        pool->bytes += (int64_t)sizeof(RowSlab);
        for (int32_t i = SLAB_ROWS - 1; i >= 0; i--) {
            slab->rows[i].next = pool->spare;
            pool->spare = &slab->rows[i];
        }
    }
    StoredRow *row = pool->spare;
    pool->spare = row->next;
    *row = (StoredRow){0};
    return row;
}

static void pool_drop_slabs(RowPool *pool)
{
    while (pool->slabs != NULL) {
        RowSlab *slab = pool->slabs;
        pool->slabs = slab->next;
        memory_free(slab);
        pool->bytes -= (int64_t)sizeof(RowSlab);
    }
    pool->spare = NULL;
}

/* ---- Chunks ------------------------------------------------------------------------------ */

/* Chunks start small and grow, so that a trickle of rows does not hold memory for a flood. */
static RowChunk *pool_new_chunk(RowPool *pool)
{
    int32_t capacity = CHUNK_ROWS_MIN;
    if (pool->last != NULL)
        capacity =
            pool->last->capacity < BATCH_ROWS_MAX ? pool->last->capacity * 4 : pool->last->capacity;
    capacity = capacity < BATCH_ROWS_MAX ? capacity : BATCH_ROWS_MAX;
    RowChunk *chunk = memory_allocate_zeroed((int64_t)sizeof *chunk);
    chunk->batch = batch_new(pool->schema, capacity);
    chunk->owners = memory_allocate_zeroed((int64_t)sizeof(StoredRow *) * capacity);
    chunk->capacity = capacity;
    if (pool->last == NULL)
        pool->first = chunk;
    else
        pool->last->next = chunk;
    pool->last = chunk;
    return chunk;
}

static void chunk_free(RowChunk *chunk)
{
    batch_free(chunk->batch);
    memory_free(chunk->owners);
    memory_free(chunk);
}

/* The last chunk, with room for a row. */
static RowChunk *pool_open_chunk(RowPool *pool)
{
    RowChunk *chunk = pool->last;
    bool is_full = chunk == NULL || chunk->batch->row_count == chunk->capacity;
    return is_full ? pool_new_chunk(pool) : chunk;
}

/* The row at this place of the chunk is the record's. */
static void chunk_own(RowChunk *chunk, int32_t row, StoredRow *owner)
{
    chunk->owners[row] = owner;
    owner->chunk = chunk;
    owner->row = row;
}

/* Lay the rows into the last chunk, as many as fit; how many. owners[i] is the i-th's record. */
static int32_t pool_lay(RowPool *pool, const Batch *batch, Selection rows, StoredRow *const *owners)
{
    RowChunk *chunk = pool_open_chunk(pool);
    int32_t first = chunk->batch->row_count;
    int32_t room = chunk->capacity - first;
    int32_t count = rows.count < room ? rows.count : room;
    batch_append(chunk->batch, batch, (Selection){.rows = rows.rows, .count = count},
                 chunk->capacity);
    for (int32_t i = 0; i < count; i++)
        chunk_own(chunk, first + i, owners[i]);
    chunk->live += count;
    pool->laid += count;
    return count;
}

static void pool_lay_all(RowPool *pool, const Batch *batch, Selection rows,
                         StoredRow *const *owners)
{
    assert(rows.rows != NULL || rows.count == 0);
    while (rows.count > 0) {
        int32_t count = pool_lay(pool, batch, rows, owners);
        rows.rows += count;
        rows.count -= count;
        owners += count;
    }
}

void row_pool_add(RowPool *pool, const Batch *batch, Selection rows, StoredRow **out)
{
    int32_t all[BATCH_ROWS_MAX];
    assert(rows.count <= BATCH_ROWS_MAX);
    if (rows.rows == NULL) {
        for (int32_t i = 0; i < rows.count; i++)
            all[i] = i;
        rows.rows = all;
    }
    for (int32_t i = 0; i < rows.count; i++)
        out[i] = pool_record(pool);
    pool_lay_all(pool, batch, rows, out);
    pool->live += rows.count;
}

void row_pool_remove(RowPool *pool, StoredRow *row)
{
    RowChunk *chunk = row->chunk;
    assert(chunk->live > 0 && chunk->owners[row->row] == row);
    chunk->owners[row->row] = NULL;
    chunk->live--;
    pool->live--;
    row->next = pool->spare;
    pool->spare = row;
}

/* Drop the chunks without live rows. */
static void pool_sweep(RowPool *pool)
{
    RowChunk **link = &pool->first;
    pool->last = NULL;
    while (*link != NULL) {
        RowChunk *chunk = *link;
        if (chunk->live > 0) {
            pool->last = chunk;
            link = &chunk->next;
            continue;
        }
        *link = chunk->next;
        pool->laid -= chunk->batch->row_count;
        chunk_free(chunk);
    }
}

/* The live rows of a chunk that has left the list, behind all others. */
static void pool_move(RowPool *pool, RowChunk *chunk)
{
    int32_t rows[BATCH_ROWS_MAX];
    StoredRow *owners[BATCH_ROWS_MAX];
    int32_t count = 0;
    for (int32_t i = 0; i < chunk->batch->row_count; i++) {
        rows[count] = i;
        owners[count] = chunk->owners[i];
        count += chunk->owners[i] != NULL;
    }
    pool_lay_all(pool, chunk->batch, (Selection){.rows = rows, .count = count}, owners);
}

static void pool_compact(RowPool *pool)
{
    RowChunk *old = pool->first;
    pool->first = pool->last = NULL;
    pool->laid = 0;
    while (old != NULL) {
        RowChunk *chunk = old;
        old = chunk->next;
        pool_move(pool, chunk);
        chunk_free(chunk);
    }
}

void row_pool_settle(RowPool *pool)
{
    if (pool->live == 0 && pool->slabs != NULL) {
        pool_sweep(pool);
        pool_drop_slabs(pool);
        return;
    }
    /* The first chunk is the oldest, and usually the first to be empty. */
    if (pool->first != NULL && pool->first->live == 0 && pool->first != pool->last)
        pool_sweep(pool);
    if (pool->laid > LAID_PER_LIVE * pool->live + 2 * BATCH_ROWS_MAX) {
        pool_sweep(pool);
        if (pool->laid > LAID_PER_LIVE * pool->live + 2 * BATCH_ROWS_MAX)
            pool_compact(pool);
    }
}

/* ---- All of it --------------------------------------------------------------------------- */

int64_t row_pool_bytes(const RowPool *pool)
{
    int64_t bytes = pool->bytes;
    for (const RowChunk *chunk = pool->first; chunk != NULL; chunk = chunk->next)
        bytes += (int64_t)sizeof *chunk + batch_bytes(chunk->batch) +
                 (int64_t)sizeof(StoredRow *) * chunk->capacity;
    return bytes;
}

void row_pool_close(RowPool *pool)
{
    while (pool->first != NULL) {
        RowChunk *chunk = pool->first;
        pool->first = chunk->next;
        chunk_free(chunk);
    }
    pool_drop_slabs(pool);
    *pool = (RowPool){.schema = pool->schema};
}
