/* A join of rows of the same window.
 *
 *     left  ──> rows by key, the window among it ──┐ watermark at the window's last millisecond:
 *     right ──> rows by key, the window among it ──┘ pairs out, then rows without partner, then
 *                                                    the window is forgotten
 *
 * Windows go out in order of their ends; what a window has is complete then, so nothing is ever
 * taken back. */
#include "exec/operators.h"

#include <assert.h>

#include "base/memory.h"
#include "exec/join/output.h"
#include "exec/join/rows.h"
#include "exec/window/clock.h"

typedef struct WindowJoin {
    Operator base;
    TableKey key;
    StateTable *table; /* JoinEntry */
    KeptRows kept[2];
    TimeQueue entries; /* by the instant of the window's end */
    bool shows_matched, shows_unmatched[2];
    JoinOutput out;
    const TimeZone *zone; /* NULL: no shift */
    uint8_t **firing;     /* entries of the window that goes out */
    int64_t firing_count, firing_capacity;
    Metric *late, *null_times, *state_bytes;
    JoinDelays delays;
} WindowJoin;

static Status window_join_open(Operator *op)
{
    WindowJoin *self = (WindowJoin *)op;
    const PlanNode *node = op->node;
    JoinKind kind = node->window_join.join.kind;
    self->key = join_table_key(op, &node->window_join.join);
    self->table = join_entries_new(op, &self->key, self->kept);
    time_queue_open(&self->entries);
    for (int32_t i = 0; i < 2; i++)
        kept_open(&self->kept[i], op->task->query, &node->inputs[i]->schema);
    self->shows_matched = kind != JOIN_SEMI && kind != JOIN_ANTI;
    self->shows_unmatched[0] = kind == JOIN_LEFT || kind == JOIN_FULL || kind == JOIN_ANTI;
    self->shows_unmatched[1] = kind == JOIN_RIGHT || kind == JOIN_FULL;
    if (node->window_join.is_local_time && op->task->eval.zone != timezone_utc())
        self->zone = op->task->eval.zone;
    self->late = metric_get(METRIC_COUNTER, "weir_late_records_total", operator_labels(op, ""),
                            "Rows that came after their last window had fired.", 1);
    self->null_times = metric_get(METRIC_COUNTER, "weir_null_time_records_total",
                                  operator_labels(op, ""), "Rows without event time.", 1);
    self->state_bytes = metric_get(METRIC_GAUGE, "weir_state_size_bytes", operator_shard_labels(op),
                                   "Bytes of state in memory.", 1);
    self->delays = join_delays_open(op);
    TRY(join_output_open(&self->out, op, &node->window_join.join));
    join_output_take_kept(&self->out, &self->kept[0], &self->kept[1]);
    return OK;
}

/* ---- Rows in ----------------------------------------------------------------------------- */

static Timestamp window_join_instant(const WindowJoin *self, Timestamp end)
{
    return window_instant(self->zone, end - MICROS_PER_MILLI);
}

/* The instants at which the rows go out, by row; rows of windows that have gone out are late. */
static Timestamp *window_join_instants(WindowJoin *self, int32_t input, Batch *batch)
{
    Operator *op = &self->base;
    Arena *scratch = op->task->scratch;
    Timestamp *instants = ARENA_ARRAY(scratch, Timestamp, batch->row_count);
    uint8_t *are_late = ARENA_ARRAY(scratch, uint8_t, batch->row_count);
    Letter letter = operator_letter_about(op, input, STAGE_LATE, "WR4302",
                                          "the row came after its last window had fired");
    int32_t count = 0;
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        Timestamp end = join_time(batch, op->node->window_join.ends[input], row);
        instants[row] = window_join_instant(self, end);
        if (instants[row] > op->watermark)
            continue;
        are_late[row] = 1;
        count++;
        operator_write_letter(op, &letter, batch, row);
    }
    if (count > 0) {
        metric_add(self->late, count);
        batch->selection = selection_without(batch->selection, are_late, scratch);
    }
    return instants;
}

static void window_join_enqueue(WindowJoin *self, JoinEntry *entry, Timestamp instant)
{
    if (!entry->is_queued)
        time_queue_put(&self->entries, instant, entry);
    entry->is_queued = true;
}

static void window_join_keep(WindowJoin *self, int32_t input, const Batch *batch,
                             const JoinRows *rows, const Timestamp *instants, bool is_unkeyed)
{
    Arena *scratch = self->base.task->scratch;
    int32_t count = rows->keyed.count;
    KeptRow **kept = ARENA_ARRAY(scratch, KeptRow *, count);
    uint8_t **values = ARENA_ARRAY(scratch, uint8_t *, count);
    table_find_or_insert(self->table, &rows->keys, 0, count, values);
    kept_add(&self->kept[input], batch, rows->keyed, kept);
    for (int32_t i = 0; i < count; i++) {
        JoinEntry *entry = join_entry(values[i]);
        entry->is_unkeyed = is_unkeyed;
        kept[i]->time = instants[selection_row(rows->keyed, i)];
        join_entry_keep(entry, input, kept[i]);
        window_join_enqueue(self, entry, kept[i]->time);
    }
}

static Status window_join_push(Operator *op, int32_t input, Batch *batch)
{
    WindowJoin *self = (WindowJoin *)op;
    assert(input == 0 || input == 1);
    assert(batch->kinds == NULL || op->node->inputs[input]->changelog == CHANGELOG_APPEND);
    join_reject_null_times(op, input, op->node->window_join.ends[input], batch, self->null_times);
    const Timestamp *instants = window_join_instants(self, input, batch);
    if (batch->selection.count == 0)
        return OK;
    const PlanJoin *join = &op->node->window_join.join;
    JoinRows rows = join_rows(op, join, &self->key, input, batch);
    window_join_keep(self, input, batch, &rows, instants, false);
    if (self->shows_unmatched[input]) {
        JoinRows unkeyed = join_rows_unkeyed(op, join, &self->key, input, batch, &rows);
        window_join_keep(self, input, batch, &unkeyed, instants, true);
    }
    return OK;
}

/* ---- Windows out ------------------------------------------------------------------------- */

/* Say which rows of the entry have a partner, and show the pairs where they are wanted. */
static Status window_join_pair(WindowJoin *self, JoinEntry *entry)
{
    if (entry->is_unkeyed || entry->chains[0].first == NULL || entry->chains[1].first == NULL)
        return OK;
    if (!self->shows_matched && self->out.condition == NULL) {
        for (KeptRow *row = entry->chains[0].first; row != NULL; row = row->next)
            row->is_matched = 1;
        return OK;
    }
    for (KeptRow *left = entry->chains[0].first; left != NULL; left = left->next)
        for (KeptRow *right = entry->chains[1].first; right != NULL; right = right->next)
            TRY(join_output_add(&self->out, kept_side(left), kept_side(right)));
    return OK;
}

static Status window_join_single(WindowJoin *self, int32_t side, KeptRow *row)
{
    bool is_semi = self->base.node->window_join.join.kind == JOIN_SEMI;
    bool is_shown = row->is_matched ? is_semi && side == 0 : self->shows_unmatched[side];
    return is_shown ? join_output_pad(&self->out, side, kept_side(row)) : OK;
}

/* All entries of one window. */
static Status window_join_fire(WindowJoin *self)
{
    self->out.is_silent = !self->shows_matched;
    for (int64_t i = 0; i < self->firing_count; i++)
        TRY(window_join_pair(self, join_entry(self->firing[i])));
    TRY(join_output_flush(&self->out));
    self->out.is_silent = false;
    for (int64_t i = 0; i < self->firing_count; i++) {
        const JoinEntry *entry = join_entry(self->firing[i]);
        for (int32_t side = 0; side < 2; side++)
            for (KeptRow *row = entry->chains[side].first; row != NULL; row = row->next)
                TRY(window_join_single(self, side, row));
    }
    TRY(join_output_flush(&self->out));
    for (int64_t i = 0; i < self->firing_count; i++)
        table_delete(self->table, self->firing[i]);
    self->firing_count = 0;
    return OK;
}

/* A checkpoint under way may find its rows matched already: they will be again, when the window
 * goes out. */
static void window_join_collect(WindowJoin *self, void *entry)
{
    if (self->firing_count == self->firing_capacity) {
        self->firing_capacity = self->firing_capacity == 0 ? 256 : self->firing_capacity * 2;
        self->firing =
            memory_resize(self->firing, (int64_t)sizeof(uint8_t *) * self->firing_capacity);
    }
    self->firing[self->firing_count++] = entry;
}

static Status window_join_fire_until(WindowJoin *self, Timestamp watermark)
{
    TimeItem item;
    Timestamp window = TIMESTAMP_MIN;
    while (time_queue_take(&self->entries, watermark, &item)) {
        if (item.time != window && self->firing_count > 0)
            TRY(window_join_fire(self));
        window = item.time;
        window_join_collect(self, item.value);
    }
    return window_join_fire(self);
}

static Status window_join_advance(Operator *op, Timestamp watermark)
{
    WindowJoin *self = (WindowJoin *)op;
    TRY(window_join_fire_until(self, watermark));
    if (self->firing_capacity > BATCH_ROWS_MAX) {
        memory_free(self->firing);
        self->firing = NULL;
        self->firing_capacity = 0;
    }
    return operator_advance(op, watermark);
}

static Status window_join_tick(Operator *op, int64_t now_us)
{
    WindowJoin *self = (WindowJoin *)op;
    int64_t bytes = table_bytes(self->table) + self->entries.bytes;
    for (int32_t i = 0; i < 2; i++)
        bytes += kept_bytes(&self->kept[i]);
    metric_set(self->state_bytes, bytes);
    join_delays_tick(&self->delays, op, now_us);
    return OK;
}

/* ---- Checkpoints ------------------------------------------------------------------------- */

/* 1: all rows at the barrier. */
enum { WINDOW_JOIN_STATE_VERSION = 2 };

static Status window_join_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    (void)checkpoint;
    operator_save_watermark(op, WINDOW_JOIN_STATE_VERSION, out);
    return OK;
}

static Status window_join_restore(Operator *op, Str state)
{
    return operator_load_watermark(op, WINDOW_JOIN_STATE_VERSION, state);
}

static Status window_join_start(Operator *op)
{
    WindowJoin *self = (WindowJoin *)op;
    int64_t cursor = 0;
    for (uint8_t *value = table_next(self->table, &cursor); value != NULL;
         value = table_next(self->table, &cursor)) {
        JoinEntry *entry = join_entry(value);
        const KeptRow *row = entry->chains[0].first;
        row = row == NULL ? entry->chains[1].first : row;
        window_join_enqueue(self, entry, row->time);
    }
    return OK;
}

static void window_join_close(Operator *op)
{
    WindowJoin *self = (WindowJoin *)op;
    table_free(self->table);
    self->table = NULL;
    for (int32_t i = 0; i < 2; i++)
        kept_close(&self->kept[i]);
    time_queue_close(&self->entries);
    memory_free(self->firing);
    self->firing = NULL;
    join_output_close(&self->out);
}

const OperatorKind window_join_operator = {
    .name = "window-join",
    .size = sizeof(WindowJoin),
    .open = window_join_open,
    .push = window_join_push,
    .advance = window_join_advance,
    .tick = window_join_tick,
    .snapshot = window_join_snapshot,
    .restore = window_join_restore,
    .start = window_join_start,
    .close = window_join_close,
};
