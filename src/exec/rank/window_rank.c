/* Top-N within windows: the rows of each key of a window by rank, when the window is over.
 *
 *     rows ──> window, by its end ──> key ──> list in order, up to the last rank
 *                 │
 *     watermark ──┘ at the window's last millisecond: ranks out, as +I; the window is forgotten
 *
 * The first or last row by time is Top-1, where of rows of one time the last to come is the last.
 * A row of a window that has gone out is late. */
#include <assert.h>

#include "exec/operators.h"

#include "data/rowcode.h"
#include "data/sortkey.h"
#include "exec/rowout.h"
#include "exec/window/clock.h"
#include "exec/window/slices.h"
#include "state/ordered.h"

typedef struct WindowRank {
    Operator base;
    TableKey key;
    Slices windows; /* by the instant at which they go out; values are OrderedRows */
    Blocks blocks;
    RowOut out;
    Buffer bytes;         /* rowcode of the row at hand */
    const TimeZone *zone; /* NULL: no shift */
    Metric *late, *null_time, *state_bytes;
} WindowRank;

static OrderedRows *window_rank_rows(uint8_t *value)
{
    return (OrderedRows *)(void *)value;
}

/* ---- Checkpoints ------------------------------------------------------------------------- */

enum { WINDOW_RANK_STATE_VERSION = 2 };

static void window_rank_save(void *owner, const uint8_t *value, Buffer *out)
{
    (void)owner;
    ordered_save((const OrderedRows *)(const void *)value, out);
}

static bool window_rank_load(void *owner, uint8_t *value, ByteReader *in)
{
    WindowRank *self = owner;
    return ordered_load(window_rank_rows(value), &self->blocks, in);
}

static void window_rank_clear(void *owner, uint8_t *value)
{
    WindowRank *self = owner;
    ordered_clear(window_rank_rows(value), &self->blocks);
}

static const TableCodec window_rank_codec = {
    .save = window_rank_save, .load = window_rank_load, .clear = window_rank_clear};

static StateTable *window_rank_make(void *context, KeyedId id)
{
    WindowRank *self = context;
    return id.kind == SLICES_KEYED_KIND ? slices_get(&self->windows, id.number) : NULL;
}

static void window_rank_drop(void *context, KeyedId id)
{
    WindowRank *self = context;
    slices_drop(&self->windows, id.number);
}

static Status window_rank_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    (void)checkpoint;
    operator_save_watermark(op, WINDOW_RANK_STATE_VERSION, out);
    return OK;
}

static Status window_rank_restore(Operator *op, Str state)
{
    return operator_load_watermark(op, WINDOW_RANK_STATE_VERSION, state);
}

/* ---- Opening ----------------------------------------------------------------------------- */

static Status window_rank_open(Operator *op)
{
    WindowRank *self = (WindowRank *)op;
    const PlanNode *node = op->node;
    const Schema *schema = &node->inputs[0]->schema;
    assert(node->schema.count == schema->count + node->window_rank.has_number);
    Type *types = ARENA_ARRAY(op->task->query, Type, node->window_rank.key_count + 1);
    for (int32_t i = 0; i < node->window_rank.key_count; i++)
        types[i] = schema->fields[node->window_rank.keys[i]].type;
    self->key = table_key(op->task->query, types, node->window_rank.key_count);
    KeyedOwner owner = {.context = self, .make = window_rank_make, .drop = window_rank_drop};
    op->keyed = keyed_new(&owner);
    slices_open(&self->windows, op->keyed, &self->key, (int32_t)sizeof(OrderedRows),
                &window_rank_codec, self);
    slices_spill(&self->windows, op->task->spill);
    if (node->window_rank.is_local_time && op->task->eval.zone != timezone_utc())
        self->zone = op->task->eval.zone;
    rowout_open(&self->out, op, schema->count);
    self->late = metric_get(METRIC_COUNTER, "weir_late_records_total", operator_labels(op, ""),
                            "Rows that came after their last window had fired.", 1);
    self->null_time = metric_get(METRIC_COUNTER, "weir_null_time_records_total",
                                 operator_labels(op, ""), "Rows without event time.", 1);
    self->state_bytes = metric_get(METRIC_GAUGE, "weir_state_size_bytes", operator_shard_labels(op),
                                   "Bytes of keyed state.", 1);
    return OK;
}

/* ---- Rows in ----------------------------------------------------------------------------- */

/* The instants at which the windows of the selected rows go out, by row; late rows leave the
 * selection. */
static Timestamp *window_rank_instants(WindowRank *self, Batch *batch)
{
    Operator *op = &self->base;
    Arena *scratch = op->task->scratch;
    const Column *ends = &batch->columns[op->node->window_rank.end_column];
    assert(ends->physical == PHYSICAL_I64);
    Timestamp *instants = arena_allocate(scratch, (int64_t)sizeof(Timestamp) * batch->row_count);
    uint8_t *is_gone = arena_allocate_zeroed(scratch, batch->row_count);
    int32_t gone = 0;
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        Timestamp end = ((const int64_t *)ends->values)[column_index(ends, row)];
        bool is_null = column_is_null(ends, row);
        instants[row] = window_instant(self->zone, end - MICROS_PER_MILLI);
        if (!is_null && instants[row] > op->watermark)
            continue;
        is_gone[row] = 1;
        gone++;
        metric_add(is_null ? self->null_time : self->late, 1);
        if (is_null)
            operator_letter(op, batch, row, STAGE_COMPUTE, "WR4301",
                            "the event time of the row is NULL");
        else
            operator_letter(op, batch, row, STAGE_LATE, "WR4302",
                            "the row came after its last window had fired");
    }
    if (gone > 0)
        batch->selection = selection_without(batch->selection, is_gone, scratch);
    return instants;
}

static void window_rank_take(WindowRank *self, const Batch *batch, int32_t row, Str key,
                             OrderedRows *rows)
{
    const PlanNode *node = &self->base.node[0];
    int64_t last = node->window_rank.last;
    int64_t place =
        node->window_rank.prefers_later ? ordered_lower(rows, key) : ordered_upper(rows, key);
    if (place >= last)
        return;
    self->bytes.length = 0;
    rowcode_write(&self->bytes, batch, row, NULL, self->out.width);
    ordered_insert(rows, &self->blocks, place,
                   ordered_row_new(&self->blocks, key, buffer_str(&self->bytes)));
    if (rows->count > last)
        ordered_row_free(&self->blocks, ordered_take(rows, &self->blocks, rows->count - 1));
}

/* The lists of the rows, for each run of rows of one window. */
static void window_rank_find(WindowRank *self, const TableKeys *keys, Selection rows,
                             const Timestamp *instants, uint8_t **values)
{
    for (int32_t i = 0, end; i < rows.count; i = end) {
        Timestamp instant = instants[selection_row(rows, i)];
        for (end = i + 1; end < rows.count; end++)
            if (instants[selection_row(rows, end)] != instant)
                break;
        table_find_or_insert(slices_get(&self->windows, instant), keys, i, end - i, values + i);
    }
}

static Status window_rank_push(Operator *op, int32_t input, Batch *batch)
{
    WindowRank *self = (WindowRank *)op;
    const PlanNode *node = op->node;
    Arena *scratch = op->task->scratch;
    assert(input == 0);
    const Timestamp *instants = window_rank_instants(self, batch);
    Selection rows = batch->selection;
    if (rows.count == 0)
        return OK;
    TableKeys keys = table_keys(&self->key, batch, node->window_rank.keys, rows, scratch);
    Str *order = arena_allocate(scratch, (int64_t)sizeof(Str) * rows.count);
    sortkeys_make(batch, node->window_rank.order, node->window_rank.order_count, rows, scratch,
                  order);
    uint8_t **values = arena_allocate(scratch, (int64_t)sizeof(uint8_t *) * rows.count);
    window_rank_find(self, &keys, rows, instants, values);
    for (int32_t i = 0; i < rows.count; i++)
        window_rank_take(self, batch, selection_row(rows, i), order[i],
                         window_rank_rows(values[i]));
    return OK;
}

/* ---- Windows out ------------------------------------------------------------------------- */

static Status window_rank_emit(WindowRank *self, const OrderedRows *rows)
{
    const PlanNode *node = self->base.node;
    for (int64_t rank = node->window_rank.first; rank <= rows->count; rank++) {
        TRY(rowout_append(&self->out, ordered_bytes(ordered_at(rows, rank - 1)), ROW_INSERT));
        if (!node->window_rank.has_number)
            continue;
        Column *numbers = &self->out.batch->columns[self->out.width];
        ((int64_t *)numbers->values)[rowout_last(&self->out)] = rank;
    }
    return OK;
}

static Status window_rank_fire(WindowRank *self, const Slice *window)
{
    const StateTable *table = window->table;
    int64_t instant = window->number;
    Status status = OK;
    int64_t cursor = 0;
    uint8_t *value;
    while (status == OK && table_read_run(table, &cursor, &value, 1) > 0)
        status = window_rank_emit(self, window_rank_rows(value));
    slices_drop(&self->windows, instant);
    return status;
}

static Status window_rank_advance(Operator *op, Timestamp watermark)
{
    WindowRank *self = (WindowRank *)op;
    for (;;) {
        const Slice *next = slices_from(&self->windows, INT64_MIN);
        if (next == NULL || next->number > watermark)
            break;
        TRY(window_rank_fire(self, next));
    }
    TRY(rowout_flush(&self->out));
    return operator_advance(op, watermark);
}

static Status window_rank_tick(Operator *op, int64_t now_us)
{
    WindowRank *self = (WindowRank *)op;
    (void)now_us;
    int64_t bytes = self->blocks.held_bytes;
    for (int32_t i = 0; i < slices_count(&self->windows); i++)
        bytes += table_bytes(slices_at(&self->windows, i)->table);
    metric_set(self->state_bytes, bytes);
    return OK;
}

static void window_rank_close(Operator *op)
{
    WindowRank *self = (WindowRank *)op;
    if (self->out.batch == NULL)
        return;
    slices_free(&self->windows);
    blocks_close(&self->blocks);
    rowout_close(&self->out);
    buffer_free(&self->bytes);
}

const OperatorKind window_rank_operator = {
    .name = "window-rank",
    .size = sizeof(WindowRank),
    .open = window_rank_open,
    .push = window_rank_push,
    .advance = window_rank_advance,
    .tick = window_rank_tick,
    .snapshot = window_rank_snapshot,
    .restore = window_rank_restore,
    .close = window_rank_close,
};
