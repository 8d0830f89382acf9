/* Rows kept as bytes on their way out again. */
#include "exec/rowout.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/ceiling.h"
#include "data/rowcode.h"

/* A row may be of any size, and 2,048 of them many times that. */
enum { ROWOUT_BYTES_MAX = 4 << 20, ROWOUT_PART = 64 };

void rowout_open(RowOut *out, Operator *op, int32_t width)
{
    assert(width >= 0 && width <= op->node->schema.count);
    *out = (RowOut){.op = op, .width = width};
    out->batch = batch_new(&op->node->schema, BATCH_ROWS_MAX);
    out->lent = arena_new(0);
}

void rowout_close(RowOut *out)
{
    batch_free(out->batch);
    arena_free(out->lent);
    *out = (RowOut){0};
}

Status rowout_flush(RowOut *out)
{
    const _Atomic bool *is_stopping = out->op->task->is_stopping;
    if (out->batch->row_count == 0)
        return OK;
    if (is_stopping != NULL && atomic_load_explicit(is_stopping, memory_order_relaxed))
        return ERR_CANCELLED;
    batch_select_all(out->batch);
    TRY(operator_emit_lending(out->op, out->batch, out->lent));
    out->flush_count++;
    rowout_drop(out);
    return OK;
}

void rowout_drop(RowOut *out)
{
    batch_reset(out->batch, &out->op->node->schema, BATCH_ROWS_MAX);
    out->bytes = 0;
}

int64_t rowout_room_bytes(const RowOut *out)
{
    return ceiling_share(ROWOUT_PART, ROWOUT_BYTES_MAX) - out->bytes;
}

void rowout_note_last(RowOut *out)
{
    int64_t bytes;
    int32_t last = rowout_last(out);
    (void)batch_rows_within(out->batch, (Selection){.rows = &last, .count = 1}, INT64_MAX, &bytes);
    out->bytes += bytes;
}

/* Before one more row of so many bytes. */
static Status rowout_make_room(RowOut *out, int64_t bytes)
{
    if (out->batch->row_count == BATCH_ROWS_MAX || rowout_room_bytes(out) < 0)
        TRY(rowout_flush(out));
    out->bytes += bytes;
    return OK;
}

/* The batch without the columns that are not in the bytes. */
static Batch rowout_view(const RowOut *out)
{
    Batch view = *out->batch;
    view.column_count = out->width;
    return view;
}

static void rowout_take_back(RowOut *out, const Batch *view)
{
    out->batch->row_count = view->row_count;
    out->batch->selection = view->selection;
    out->batch->kinds = view->kinds;
}

Status rowout_append(RowOut *out, Str bytes, RowKind kind)
{
    TRY(rowout_make_room(out, bytes.length));
    Batch view = rowout_view(out);
    bool is_read = out->borrows ? rowcode_borrow(bytes, &view, BATCH_ROWS_MAX, kind)
                                : rowcode_read(bytes, &view, BATCH_ROWS_MAX, kind);
    if (!is_read)
        return fail(out->op->task->error, ERR_CORRUPT, "WR4201", "the state of %s is damaged",
                    out->op->node->label);
    rowout_take_back(out, &view);
    return OK;
}

static void rowout_copy_cells(Batch *batch, int32_t from, int32_t to, int32_t width)
{
    for (int32_t i = 0; i < width; i++) {
        Column *column = &batch->columns[i];
        int32_t bytes = physical_bytes(column->physical);
        char *values = column->values;
        if (column->valid != NULL)
            bitmap_set(column->valid, to, bitmap_get(column->valid, from));
        if (bytes == 8)
            ((int64_t *)column->values)[to] = ((const int64_t *)column->values)[from];
        else if (bytes == 16)
            ((Int128 *)column->values)[to] = ((const Int128 *)column->values)[from];
        else
            memcpy(values + (int64_t)to * bytes, values + (int64_t)from * bytes, (size_t)bytes);
    }
}

Status rowout_repeat(RowOut *out, RowPlace place, Str bytes, RowKind kind)
{
    if (out->batch->row_count == BATCH_ROWS_MAX || rowout_room_bytes(out) < 0 ||
        place.flushes != out->flush_count + 1)
        return rowout_append(out, bytes, kind);
    Batch *batch = out->batch;
    int32_t row = batch->row_count;
    assert(place.row >= 0 && place.row < row);
    rowout_copy_cells(batch, place.row, row, out->width);
    if (kind != ROW_INSERT)
        batch_need_kinds(batch, BATCH_ROWS_MAX);
    if (batch->kinds != NULL)
        batch->kinds[row] = (uint8_t)kind;
    batch->row_count++;
    batch_select_all(batch);
    return OK;
}

Status rowout_copy(RowOut *out, const Batch *batch, int32_t row, RowKind kind)
{
    Batch from = *batch;
    from.column_count = out->width;
    int64_t bytes;
    (void)batch_rows_within(&from, (Selection){.rows = &row, .count = 1}, INT64_MAX, &bytes);
    TRY(rowout_make_room(out, bytes));
    Batch view = rowout_view(out);
    from.kinds = NULL;
    batch_append(&view, &from, (Selection){.rows = &row, .count = 1}, BATCH_ROWS_MAX);
    if (kind != ROW_INSERT)
        batch_need_kinds(&view, BATCH_ROWS_MAX);
    if (view.kinds != NULL)
        view.kinds[view.row_count - 1] = (uint8_t)kind;
    rowout_take_back(out, &view);
    return OK;
}
