/* Each row as often as its last column says, for INTERSECT ALL and EXCEPT ALL. Nothing is kept:
 * what takes a row back carries the number with which it came. */
#include "exec/operators.h"

#include <assert.h>

#include "base/memory.h"

typedef struct Replicate {
    Operator base;
    int32_t *rows; /* of the input batch, one for each row given out */
    Arena *lent;
} Replicate;

static Status replicate_open(Operator *op)
{
    Replicate *self = (Replicate *)op;
    self->rows = memory_allocate((int64_t)sizeof(int32_t) * BATCH_ROWS_MAX);
    self->lent = arena_new(0);
    return OK;
}

static Status replicate_flush(Replicate *self, const Batch *batch, int32_t count)
{
    Operator *op = &self->base;
    if (count == 0)
        return OK;
    Batch *out = batch_new(&op->node->schema, count);
    Batch rows = *batch;
    rows.column_count = op->node->schema.count;
    batch_append(out, &rows, (Selection){.rows = self->rows, .count = count}, count);
    Status status = operator_emit_lending(op, out, self->lent);
    batch_free(out);
    return status;
}

static Status replicate_push(Operator *op, int32_t input, Batch *batch)
{
    Replicate *self = (Replicate *)op;
    assert(input == 0 && batch->column_count == op->node->schema.count + 1);
    const Column *times = &batch->columns[batch->column_count - 1];
    assert(times->physical == PHYSICAL_I64);
    int32_t count = 0;
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        int64_t left = column_is_null(times, row)
                           ? 0
                           : ((const int64_t *)times->values)[column_index(times, row)];
        for (; left > 0; left--) {
            if (count == BATCH_ROWS_MAX) {
                TRY(replicate_flush(self, batch, count));
                count = 0;
            }
            self->rows[count++] = row;
        }
    }
    return replicate_flush(self, batch, count);
}

static void replicate_close(Operator *op)
{
    Replicate *self = (Replicate *)op;
    memory_free(self->rows);
    arena_free(self->lent);
    *self = (Replicate){.base = self->base};
}

const OperatorKind replicate_operator = {
    .name = "replicate",
    .size = sizeof(Replicate),
    .open = replicate_open,
    .push = replicate_push,
    .close = replicate_close,
};
