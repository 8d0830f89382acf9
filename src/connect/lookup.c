/* Rows that were found, batch by batch. */
#include "connect/lookup.h"

#include "base/memory.h"

static void rows_new_batch(LookupRows *rows)
{
    if (rows->batch_count == rows->capacity) {
        rows->capacity = rows->capacity == 0 ? 4 : rows->capacity * 2;
        rows->batches = memory_resize(rows->batches, (int64_t)sizeof(Batch *) * rows->capacity);
        rows->keys = memory_resize(rows->keys, (int64_t)sizeof(int32_t *) * rows->capacity);
    }
    rows->batches[rows->batch_count] = batch_new(rows->schema, LOOKUP_ROWS_CAPACITY);
    rows->keys[rows->batch_count++] =
        memory_allocate((int64_t)sizeof(int32_t) * LOOKUP_ROWS_CAPACITY);
}

Batch *lookup_rows_add(LookupRows *rows, int32_t key, int32_t *row)
{
    assert(key >= 0);
    if (rows->used == 0 || rows->batches[rows->used - 1]->row_count == LOOKUP_ROWS_CAPACITY) {
        if (rows->used == rows->batch_count)
            rows_new_batch(rows);
        rows->used++;
    }
    Batch *batch = rows->batches[rows->used - 1];
    *row = batch->row_count;
    rows->keys[rows->used - 1][*row] = key;
    batch->row_count++;
    return batch;
}

void lookup_rows_drop(LookupRows *rows)
{
    assert(rows->used > 0);
    Batch *batch = rows->batches[rows->used - 1];
    assert(batch->row_count > 0);
    int32_t row = --batch->row_count;
    for (int32_t i = 0; i < batch->column_count; i++)
        if (batch->columns[i].valid != NULL)
            bitmap_set(batch->columns[i].valid, row, true);
    if (batch->row_count == 0)
        rows->used--;
}

/* A burst of rows is not held for good. */
void lookup_rows_clear(LookupRows *rows)
{
    while (rows->batch_count > 1) {
        batch_free(rows->batches[--rows->batch_count]);
        memory_free(rows->keys[rows->batch_count]);
    }
    if (rows->batch_count > 0)
        batch_reset(rows->batches[0], rows->schema, LOOKUP_ROWS_CAPACITY);
    rows->used = 0;
}

void lookup_rows_free(LookupRows *rows)
{
    while (rows->batch_count > 0) {
        batch_free(rows->batches[--rows->batch_count]);
        memory_free(rows->keys[rows->batch_count]);
    }
    memory_free(rows->batches);
    memory_free(rows->keys);
    *rows = (LookupRows){.schema = rows->schema};
}
