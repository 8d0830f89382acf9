/* A join of two append-only inputs whose times lie within bounds of each other.
 *
 *     left ──> partners among the right rows kept? emit ──> keep for right rows still to come
 *     right ─> partners among the left rows kept?  emit ──> keep for left rows still to come
 *     watermark ──> rows that no partner can come for any more: the unmatched of an outer side go
 *                   out beside NULLs, all are forgotten ──> the watermark, held back
 *
 * Pairs go out on arrival, so rows leave with times behind the watermark that came in: it is held
 * back by as much as the bounds allow. A row that is late still meets the rows that are kept; if
 * nobody can come for it any more, it is not kept itself. Over processing time a row's time is that
 * of its arrival, and the clock takes the watermark's part. */
#include "exec/operators.h"

#include <assert.h>

#include "exec/join/output.h"
#include "exec/join/rows.h"

static const int64_t STEP_US = MICROS_PER_MILLI; /* times are whole milliseconds */

typedef struct IntervalSide {
    TimeQueue queue;  /* its rows by time */
    int64_t reach_us; /* partners are at most that much later */
    bool is_outer;
} IntervalSide;

typedef struct IntervalJoin {
    Operator base;
    TableKey key;
    StateTable *table; /* JoinEntry */
    KeptRows kept[2];
    IntervalSide sides[2];
    JoinOutput out;
    Timestamp now;      /* watermark or clock, as far as state follows it */
    int64_t delay_us;   /* the output's watermark behind the input's */
    bool is_impossible; /* the bounds leave nothing between them */
    bool is_restored;
    KeptRow **gone; /* rows to give back after the flush */
    Metric *late, *null_times, *state_bytes;
    JoinDelays delays;
} IntervalJoin;

static Status interval_open(Operator *op)
{
    IntervalJoin *self = (IntervalJoin *)op;
    const PlanNode *node = op->node;
    JoinKind kind = node->interval_join.join.kind;
    assert(kind != JOIN_SEMI && kind != JOIN_ANTI);
    self->key = join_table_key(op, &node->interval_join.join);
    self->table = join_entries_new(op, &self->key, self->kept);
    self->sides[0].reach_us = -node->interval_join.lower_us;
    self->sides[1].reach_us = node->interval_join.upper_us;
    self->sides[0].is_outer = kind == JOIN_LEFT || kind == JOIN_FULL;
    self->sides[1].is_outer = kind == JOIN_RIGHT || kind == JOIN_FULL;
    int64_t left = self->sides[0].reach_us, right = self->sides[1].reach_us;
    self->delay_us = left > right ? left : right;
    self->is_impossible = node->interval_join.lower_us > node->interval_join.upper_us;
    self->now = TIMESTAMP_MIN;
    self->gone = ARENA_ARRAY(op->task->query, KeptRow *, BATCH_ROWS_MAX);
    for (int32_t i = 0; i < 2; i++) {
        kept_open(&self->kept[i], op->task->query, &node->inputs[i]->schema);
        time_queue_open(&self->sides[i].queue);
    }
    self->late = metric_get(METRIC_COUNTER, "weir_late_records_total", operator_labels(op, ""),
                            "Rows that came after their last window had fired.", 1);
    self->null_times = metric_get(METRIC_COUNTER, "weir_null_time_records_total",
                                  operator_labels(op, ""), "Rows without event time.", 1);
    self->state_bytes = metric_get(METRIC_GAUGE, "weir_state_size_bytes", operator_shard_labels(op),
                                   "Bytes of state in memory.", 1);
    self->delays = join_delays_open(op);
    TRY(join_output_open(&self->out, op, &node->interval_join.join));
    join_output_take_kept(&self->out, &self->kept[0], &self->kept[1]);
    return OK;
}

/* ---- Expiry ------------------------------------------------------------------------------ */

static void interval_forget(IntervalJoin *self, int32_t side, KeptRow *row)
{
    uint8_t *value = row->entry;
    table_touch(self->table, value);
    row_chain_remove(&join_entry(value)->chains[side], row);
    if (join_entry_is_empty(join_entry(value)))
        table_delete(self->table, value);
    kept_remove(&self->kept[side], row);
}

static Status interval_flush_gone(IntervalJoin *self, int32_t side, int32_t count)
{
    TRY(join_output_flush(&self->out));
    for (int32_t i = 0; i < count; i++)
        interval_forget(self, side, self->gone[i]);
    return OK;
}

/* Let go of the side's rows with a time before `limit`. */
static Status interval_expire_side(IntervalJoin *self, int32_t side, Timestamp limit)
{
    IntervalSide *from = &self->sides[side];
    int32_t count = 0;
    TimeItem item;
    while (time_queue_take(&from->queue, limit - 1, &item)) {
        KeptRow *row = item.value;
        if (from->is_outer && !row->is_matched)
            TRY(join_output_pad(&self->out, side, kept_side(row)));
        self->gone[count++] = row;
        if (count < BATCH_ROWS_MAX)
            continue;
        TRY(interval_flush_gone(self, side, count));
        count = 0;
    }
    TRY(interval_flush_gone(self, side, count));
    return OK;
}

/* Time has come to `now`: for rows whose last partner would be before it, nobody comes. */
static Status interval_expire(IntervalJoin *self, Timestamp now)
{
    if (now <= self->now)
        return OK;
    self->now = now;
    int64_t cleanup_us = self->base.node->interval_join.cleanup_us;
    for (int32_t side = 0; side < 2; side++) {
        Timestamp limit =
            now == TIMESTAMP_MAX ? TIMESTAMP_MAX : now - self->sides[side].reach_us - cleanup_us;
        TRY(interval_expire_side(self, side, limit));
    }
    return OK;
}

/* ---- Rows in ----------------------------------------------------------------------------- */

/* What is known of the rows of a pushed batch, by row number. */
typedef struct IntervalBatch {
    const Batch *batch;
    int32_t side;
    Timestamp *times;
    uint8_t *are_matched;
    JoinEntry **entries; /* NULL: none */
} IntervalBatch;

static Status interval_probe(IntervalJoin *self, const IntervalBatch *in, int32_t row)
{
    int32_t side = in->side;
    const JoinEntry *entry = in->entries[row];
    Timestamp low = in->times[row] - self->sides[!side].reach_us;
    Timestamp high = in->times[row] + self->sides[side].reach_us;
    const RowChain *chain = &entry->chains[!side];
    if (chain->first == NULL || chain->last->time < low || chain->first->time > high)
        return OK;
    KeptRow *partner = chain->first;
    while (partner->time < low)
        partner = partner->next;
    PairSide mine = {.batch = in->batch, .row = row, .is_matched = &in->are_matched[row]};
    for (; partner != NULL && partner->time <= high; partner = partner->next) {
        PairSide theirs = kept_side(partner);
        TRY(side == 0 ? join_output_add(&self->out, mine, theirs)
                      : join_output_add(&self->out, theirs, mine));
    }
    return OK;
}

/* Whether partners may still come. */
static bool interval_is_open(const IntervalJoin *self, const IntervalBatch *in, int32_t row)
{
    return self->now < in->times[row] + self->sides[in->side].reach_us;
}

/* Rows that are not kept: an outer side's go out if they had no partner, a late one of the other
 * side may have missed one. */
static Status interval_dismiss(IntervalJoin *self, const IntervalBatch *in, int32_t row)
{
    IntervalSide *side = &self->sides[in->side];
    if (in->are_matched[row])
        return OK;
    PairSide mine = {.batch = in->batch, .row = row};
    if (side->is_outer)
        return join_output_pad(&self->out, in->side, mine);
    /* Partners that have come are there until they are that far behind. */
    const PlanNode *node = self->base.node;
    bool is_late = node->interval_join.is_event_time &&
                   in->times[row] < self->now - node->interval_join.cleanup_us;
    if (!is_late || self->is_impossible || in->entries[row] == NULL)
        return OK;
    Letter letter =
        operator_letter_about(&self->base, in->side, STAGE_LATE, "WR4304",
                              "the row came after the rows it would be joined with were gone");
    metric_add(self->late, 1);
    operator_write_letter(&self->base, &letter, in->batch, row);
    return OK;
}

static void interval_keep(IntervalJoin *self, const IntervalBatch *in, Selection rows)
{
    KeptRow **kept = ARENA_ARRAY(self->base.task->scratch, KeptRow *, rows.count);
    kept_add(&self->kept[in->side], in->batch, rows, kept);
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        kept[i]->time = in->times[row];
        kept[i]->is_matched = in->are_matched[row];
        join_entry_keep(in->entries[row], in->side, kept[i]);
        time_queue_put(&self->sides[in->side].queue, kept[i]->time, kept[i]);
    }
}

/* Entries that were made for rows which are not kept. */
static void interval_drop_empty(IntervalJoin *self, const IntervalBatch *in, const JoinRows *rows)
{
    uint8_t *value;
    for (int32_t i = 0; i < rows->keyed.count; i++) {
        if (interval_is_open(self, in, selection_row(rows->keyed, i)))
            continue;
        /* Rows of the batch may share it: look whether it is still there. */
        table_find(self->table, &rows->keys, i, 1, &value);
        if (value != NULL && join_entry_is_empty(join_entry(value)))
            table_delete(self->table, value);
    }
}

/* The rows that stay: those that partners may come for, of an outer side also without a key. */
static Selection interval_staying(const IntervalJoin *self, const IntervalBatch *in)
{
    Selection rows = in->batch->selection;
    int32_t *staying = ARENA_ARRAY(self->base.task->scratch, int32_t, rows.count);
    int32_t count = 0;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        staying[count] = row;
        count += in->entries[row] != NULL && interval_is_open(self, in, row);
    }
    return (Selection){.rows = staying, .count = count};
}

static void interval_find(IntervalJoin *self, const IntervalBatch *in, const JoinRows *rows,
                          bool is_unkeyed)
{
    uint8_t **values = ARENA_ARRAY(self->base.task->scratch, uint8_t *, rows->keyed.count);
    table_find_or_insert(self->table, &rows->keys, 0, rows->keyed.count, values);
    for (int32_t i = 0; i < rows->keyed.count; i++) {
        JoinEntry *entry = join_entry(values[i]);
        entry->is_unkeyed = is_unkeyed;
        in->entries[selection_row(rows->keyed, i)] = entry;
    }
}

static void interval_times(const IntervalJoin *self, const IntervalBatch *in)
{
    const PlanNode *node = self->base.node;
    for (int32_t i = 0; i < in->batch->selection.count; i++) {
        int32_t row = selection_row(in->batch->selection, i);
        in->times[row] = node->interval_join.is_event_time
                             ? join_time(in->batch, node->interval_join.times[in->side], row)
                             : self->now;
    }
}

static Status interval_push(Operator *op, int32_t input, Batch *batch)
{
    IntervalJoin *self = (IntervalJoin *)op;
    Arena *scratch = op->task->scratch;
    assert(input == 0 || input == 1);
    if (op->node->interval_join.is_event_time)
        join_reject_null_times(op, input, op->node->interval_join.times[input], batch,
                               self->null_times);
    else
        TRY(interval_expire(self, floor_div(world_now_us(op->task->world), STEP_US) * STEP_US));
    if (batch->selection.count == 0)
        return OK;
    IntervalBatch in = {.batch = batch,
                        .side = input,
                        .times = ARENA_ARRAY(scratch, Timestamp, batch->row_count),
                        .are_matched = ARENA_ARRAY(scratch, uint8_t, batch->row_count),
                        .entries = ARENA_ARRAY(scratch, JoinEntry *, batch->row_count)};
    const PlanJoin *join = &op->node->interval_join.join;
    JoinRows rows = {0}, unkeyed = {0};
    interval_times(self, &in);
    if (!self->is_impossible)
        rows = join_rows(op, join, &self->key, input, batch);
    if (self->sides[input].is_outer)
        unkeyed = join_rows_unkeyed(op, join, &self->key, input, batch, &rows);
    interval_find(self, &in, &rows, false);
    interval_find(self, &in, &unkeyed, true);
    for (int32_t i = 0; i < rows.keyed.count; i++)
        TRY(interval_probe(self, &in, selection_row(rows.keyed, i)));
    TRY(join_output_flush(&self->out));
    Selection staying = interval_staying(self, &in);
    for (int32_t i = 0, next = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        if (next < staying.count && selection_row(staying, next) == row)
            next++;
        else
            TRY(interval_dismiss(self, &in, row));
    }
    TRY(join_output_flush(&self->out));
    interval_keep(self, &in, staying);
    interval_drop_empty(self, &in, &rows);
    interval_drop_empty(self, &in, &unkeyed);
    return OK;
}

static Status interval_advance(Operator *op, Timestamp watermark)
{
    IntervalJoin *self = (IntervalJoin *)op;
    if (!op->node->interval_join.is_event_time)
        return operator_advance(op, watermark);
    TRY(interval_expire(self, watermark));
    bool is_held = watermark != TIMESTAMP_MAX && !self->is_impossible;
    return operator_advance(op, is_held ? watermark - self->delay_us : watermark);
}

static Status interval_tick(Operator *op, int64_t now_us)
{
    IntervalJoin *self = (IntervalJoin *)op;
    if (!op->node->interval_join.is_event_time)
        TRY(interval_expire(self, floor_div(now_us, STEP_US) * STEP_US));
    int64_t bytes = table_bytes(self->table);
    for (int32_t i = 0; i < 2; i++)
        bytes += kept_bytes(&self->kept[i]) + self->sides[i].queue.bytes;
    metric_set(self->state_bytes, bytes);
    join_delays_tick(&self->delays, op, now_us);
    return OK;
}

/* ---- Checkpoints ------------------------------------------------------------------------- */

/* 1: all rows at the barrier. */
enum { INTERVAL_STATE_VERSION = 2 };

static Status interval_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    const IntervalJoin *self = (const IntervalJoin *)op;
    (void)checkpoint;
    buffer_append_u8(out, INTERVAL_STATE_VERSION);
    buffer_append_u64(out, (uint64_t)self->now);
    return OK;
}

static Status interval_restore(Operator *op, Str state)
{
    IntervalJoin *self = (IntervalJoin *)op;
    ByteReader in = byte_reader(state);
    uint8_t version = byte_reader_u8(&in);
    Timestamp now = (Timestamp)byte_reader_u64(&in);
    if (version != INTERVAL_STATE_VERSION || in.is_short || byte_reader_left(&in) != 0)
        return operator_is_damaged(op);
    /* Of several shards' times the earliest is safe: what it still keeps, goes with the next. */
    if (!self->is_restored || now < self->now)
        self->now = now;
    self->is_restored = true;
    return OK;
}

static void interval_enqueue(IntervalJoin *self, const JoinEntry *entry)
{
    for (int32_t i = 0; i < 2; i++)
        for (KeptRow *row = entry->chains[i].first; row != NULL; row = row->next)
            time_queue_put(&self->sides[i].queue, row->time, row);
}

static Status interval_start(Operator *op)
{
    IntervalJoin *self = (IntervalJoin *)op;
    int64_t cursor = 0;
    for (uint8_t *value = table_next(self->table, &cursor); value != NULL;
         value = table_next(self->table, &cursor))
        interval_enqueue(self, join_entry(value));
    if (op->node->interval_join.is_event_time)
        op->watermark = self->now;
    return OK;
}

static void interval_close(Operator *op)
{
    IntervalJoin *self = (IntervalJoin *)op;
    table_free(self->table);
    self->table = NULL;
    for (int32_t i = 0; i < 2; i++) {
        kept_close(&self->kept[i]);
        time_queue_close(&self->sides[i].queue);
    }
    join_output_close(&self->out);
}

const OperatorKind interval_join_operator = {
    .name = "interval-join",
    .size = sizeof(IntervalJoin),
    .open = interval_open,
    .push = interval_push,
    .advance = interval_advance,
    .tick = interval_tick,
    .snapshot = interval_snapshot,
    .restore = interval_restore,
    .start = interval_start,
    .close = interval_close,
};
