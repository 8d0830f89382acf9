/* ORDER BY time over a stream: rows wait in order until the watermark has passed their time.
 *
 * Rows of one time go by the further columns, and then in the order in which they came. A row whose
 * time lies behind one that has gone out is late, as in Flink: the watermark alone makes no row
 * late. */
#include <assert.h>

#include "exec/operators.h"

#include "data/rowcode.h"
#include "data/sortkey.h"
#include "exec/rowout.h"
#include "state/ordered.h"

typedef struct Sort {
    Operator base;
    OrderedRows rows; /* their owner pointers hold the time */
    Blocks blocks;
    RowOut out;
    Buffer bytes;   /* rowcode of the row at hand */
    Timestamp last; /* time of the last row that went out */
    Metric *late, *null_time, *state_bytes;
} Sort;

enum { SORT_STATE_VERSION = 1 };

static Status sort_open(Operator *op)
{
    Sort *self = (Sort *)op;
    assert(op->node->sort.order_count > 0);
    self->last = TIMESTAMP_MIN;
    rowout_open(&self->out, op, op->node->schema.count);
    self->late = metric_get(METRIC_COUNTER, "weir_late_records_total", operator_labels(op, ""),
                            "Rows that came after their last window had fired.", 1);
    self->null_time = metric_get(METRIC_COUNTER, "weir_null_time_records_total",
                                 operator_labels(op, ""), "Rows without event time.", 1);
    self->state_bytes = metric_get(METRIC_GAUGE, "weir_state_size_bytes", operator_shard_labels(op),
                                   "Bytes of keyed state.", 1);
    return OK;
}

static const Column *sort_times(const Operator *op, const Batch *batch)
{
    const Column *times = &batch->columns[op->node->sort.order[0].column];
    assert(times->physical == PHYSICAL_I64);
    return times;
}

/* Late rows and rows without time leave the selection. */
static void sort_drop_late(Sort *self, Batch *batch)
{
    Operator *op = &self->base;
    const Column *times = sort_times(op, batch);
    Arena *scratch = op->task->scratch;
    uint8_t *is_gone = arena_allocate_zeroed(scratch, batch->row_count);
    int32_t gone = 0;
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        bool is_null = column_is_null(times, row);
        if (!is_null && ((const int64_t *)times->values)[column_index(times, row)] > self->last)
            continue;
        is_gone[row] = 1;
        gone++;
        metric_add(is_null ? self->null_time : self->late, 1);
        if (is_null)
            operator_letter(op, batch, row, STAGE_COMPUTE, "WR4301",
                            "the event time of the row is NULL");
        else
            operator_letter(op, batch, row, STAGE_LATE, "WR4302",
                            "a row of a later time had gone out already");
    }
    if (gone > 0)
        batch->selection = selection_without(batch->selection, is_gone, scratch);
}

static Status sort_push(Operator *op, int32_t input, Batch *batch)
{
    Sort *self = (Sort *)op;
    Arena *scratch = op->task->scratch;
    (void)input;
    sort_drop_late(self, batch);
    Selection rows = batch->selection;
    if (rows.count == 0)
        return OK;
    Str *keys = arena_allocate(scratch, (int64_t)sizeof(Str) * rows.count);
    sortkeys_make(batch, op->node->sort.order, op->node->sort.order_count, rows, scratch, keys);
    for (int32_t i = 0; i < rows.count; i++) {
        self->bytes.length = 0;
        rowcode_write(&self->bytes, batch, selection_row(rows, i), NULL, self->out.width);
        ordered_insert(&self->rows, &self->blocks, ordered_upper(&self->rows, keys[i]),
                       ordered_row_new(&self->blocks, keys[i], buffer_str(&self->bytes)));
    }
    return OK;
}

/* Rows up to the key of the watermark: the first column of the key is the time. */
static Str sort_watermark_key(Sort *self, Timestamp watermark)
{
    Operator *op = &self->base;
    Arena *scratch = op->task->scratch;
    SortColumn by = {.has_nulls_last = op->node->sort.order[0].has_nulls_last};
    Column column = {.type = op->node->schema.fields[op->node->sort.order[0].column].type,
                     .physical = PHYSICAL_I64,
                     .is_constant = true,
                     .values = &watermark};
    Batch batch = {.column_count = 1, .row_count = 1, .columns = &column};
    Str *key = ARENA_NEW(scratch, Str);
    sortkeys_make(&batch, &by, 1, (Selection){.count = 1}, scratch, key);
    return *key;
}

/* The row begins with the key of its time, or with less. */
static bool sort_is_due(const OrderedRow *row, Str watermark)
{
    Str key = ordered_key(row);
    int64_t length = key.length < watermark.length ? key.length : watermark.length;
    return memcmp(key.data, watermark.data, (size_t)length) <= 0;
}

static Status sort_advance(Operator *op, Timestamp watermark)
{
    Sort *self = (Sort *)op;
    Str key = sort_watermark_key(self, watermark);
    while (self->rows.count > 0 && sort_is_due(ordered_at(&self->rows, 0), key)) {
        OrderedRow *row = ordered_take(&self->rows, &self->blocks, 0);
        Status status = rowout_append(&self->out, ordered_bytes(row), ROW_INSERT);
        ordered_row_free(&self->blocks, row);
        TRY(status);
        const Column *times = sort_times(op, self->out.batch);
        self->last = ((const int64_t *)times->values)[rowout_last(&self->out)];
    }
    TRY(rowout_flush(&self->out));
    return operator_advance(op, watermark);
}

static Status sort_tick(Operator *op, int64_t now_us)
{
    Sort *self = (Sort *)op;
    (void)now_us;
    metric_set(self->state_bytes, self->blocks.held_bytes);
    return OK;
}

static Status sort_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    Sort *self = (Sort *)op;
    (void)checkpoint;
    buffer_append_u8(out, SORT_STATE_VERSION);
    buffer_append_u64(out, (uint64_t)self->last);
    ordered_save(&self->rows, out);
    return OK;
}

static Status sort_restore(Operator *op, Str state)
{
    Sort *self = (Sort *)op;
    ByteReader in = byte_reader(state);
    if (byte_reader_u8(&in) == SORT_STATE_VERSION) {
        self->last = (Timestamp)byte_reader_u64(&in);
        if (ordered_load(&self->rows, &self->blocks, &in) && byte_reader_left(&in) == 0)
            return OK;
    }
    return fail(op->task->error, ERR_CORRUPT, "WR4201", "the state of %s is damaged",
                op->node->label);
}

static void sort_close(Operator *op)
{
    Sort *self = (Sort *)op;
    if (self->out.batch == NULL)
        return;
    ordered_clear(&self->rows, &self->blocks);
    blocks_close(&self->blocks);
    rowout_close(&self->out);
    buffer_free(&self->bytes);
}

const OperatorKind sort_operator = {
    .name = "sort",
    .size = sizeof(Sort),
    .open = sort_open,
    .push = sort_push,
    .advance = sort_advance,
    .tick = sort_tick,
    .snapshot = sort_snapshot,
    .restore = sort_restore,
    .close = sort_close,
};
