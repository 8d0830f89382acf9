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
 * of its arrival, and the clock takes the watermark's part.
 *
 * What is to be forgotten when stands in queues of rows; where state may leave memory, in tables of
 * keys (exec/due.h), each for the earliest of its rows. */
#include "exec/operators.h"

#include <assert.h>
#include <stdlib.h>

#include "exec/due.h"
#include "exec/join/output.h"
#include "exec/join/rows.h"

static const int64_t STEP_US = MICROS_PER_MILLI; /* times are whole milliseconds */

enum { RUN_BYTES = 1 << 20 }; /* of rows that are forgotten together */

typedef struct IntervalSide {
    TimeQueue queue;  /* its rows by time, where they stay in memory */
    int64_t reach_us; /* partners are at most that much later */
    bool is_outer;
} IntervalSide;

typedef struct IntervalJoin {
    Operator base;
    TableKey key;
    StateTable *table; /* JoinEntry */
    KeptRows kept[2];
    IntervalSide sides[2];
    DueKeys due; /* where they may leave it; not used while it has no operator */
    JoinOutput out;
    Timestamp now;      /* watermark or clock, as far as state follows it */
    bool is_in_push;    /* nothing is left for later */
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
    operator_spill_table(op, self->table);
    if (op->task->spill != NULL)
        due_open(&self->due, op, &self->key);
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

static bool interval_spills(const IntervalJoin *self)
{
    return self->due.op != NULL;
}

/* Rows of the side go whose time is before that. */
static Timestamp interval_limit(const IntervalJoin *self, int32_t side)
{
    int64_t cleanup_us = self->base.node->interval_join.cleanup_us;
    return self->now == TIMESTAMP_MAX ? TIMESTAMP_MAX
                                      : self->now - self->sides[side].reach_us - cleanup_us;
}

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

/* ---- Expiry of what may leave memory ------------------------------------------------------ */

/* The key is to be looked after when the first of its rows goes. */
static void interval_schedule(IntervalJoin *self, const uint8_t *value)
{
    const JoinEntry *entry = (const JoinEntry *)(const void *)value;
    Timestamp first = TIMESTAMP_MAX;
    for (int32_t side = 0; side < 2; side++) {
        const KeptRow *row = entry->chains[side].first;
        Timestamp due = row == NULL ? TIMESTAMP_MAX
                                    : row->time + self->sides[side].reach_us +
                                          self->base.node->interval_join.cleanup_us + STEP_US;
        first = due < first ? due : first;
    }
    due_put(&self->due, self->table, value, first);
}

static int interval_compare(const void *a, const void *b)
{
    Timestamp left = (*(KeptRow *const *)a)->time, right = (*(KeptRow *const *)b)->time;
    return (left > right) - (left < right);
}

static Status interval_pad_gone(IntervalJoin *self, int32_t side, int32_t count)
{
    qsort(self->gone, (size_t)count, sizeof(KeptRow *), interval_compare);
    for (int32_t i = 0; i < count; i++)
        TRY(join_output_pad(&self->out, side, kept_side(self->gone[i])));
    return OK;
}

/* Rows of some keys that nobody has come for go out, in order of time. */
static Status interval_pad_due(IntervalJoin *self, int32_t side, uint8_t *const *entries,
                               int32_t count)
{
    Timestamp limit = interval_limit(self, side);
    int32_t gone = 0;
    for (int32_t i = 0; i < count; i++) {
        KeptRow *row = join_entry(entries[i])->chains[side].first;
        for (; row != NULL && row->time < limit; row = row->next) {
            if (row->is_matched)
                continue;
            self->gone[gone++] = row;
            if (gone < BATCH_ROWS_MAX)
                continue;
            TRY(interval_pad_gone(self, side, gone));
            gone = 0;
        }
    }
    return interval_pad_gone(self, side, gone);
}

static void interval_forget_due(IntervalJoin *self, uint8_t *value)
{
    JoinEntry *entry = join_entry(value);
    table_touch(self->table, value);
    for (int32_t side = 0; side < 2; side++) {
        Timestamp limit = interval_limit(self, side);
        RowChain *chain = &entry->chains[side];
        while (chain->first != NULL && chain->first->time < limit) {
            KeptRow *row = chain->first;
            row_chain_remove(chain, row);
            kept_remove(&self->kept[side], row);
        }
    }
    if (join_entry_is_empty(entry))
        table_delete(self->table, value);
    else
        interval_schedule(self, value);
}

static int64_t interval_rows_bytes(const IntervalJoin *self)
{
    return kept_bytes(&self->kept[0]) + kept_bytes(&self->kept[1]);
}

/* Some keys, fewer where they have many rows. */
static Status interval_visit(void *context, const StateTable *bucket, const uint8_t *const *values,
                             int32_t count)
{
    IntervalJoin *self = context;
    uint8_t *entries[DUE_RUN_MAX];
    table_expect_from(self->table, bucket, values, count);
    for (int32_t i = 0; i < count;) {
        int32_t found = 0;
        int64_t most = interval_rows_bytes(self) + RUN_BYTES;
        for (; i < count && interval_rows_bytes(self) < most; i++) {
            entries[found] = table_find_from(self->table, bucket, values[i]);
            found += entries[found] != NULL;
        }
        for (int32_t side = 0; side < 2; side++)
            if (self->sides[side].is_outer)
                TRY(interval_pad_due(self, side, entries, found));
        TRY(join_output_flush(&self->out));
        for (int32_t k = 0; k < found; k++)
            interval_forget_due(self, entries[k]);
        TRY(table_make_room(self->table, self->base.task->error));
        if (self->is_in_push || !operator_is_to_pause(&self->base))
            continue;
        due_pause(&self->due, count - i);
        self->base.has_more = true;
        return OK;
    }
    return OK;
}

/* ---- Time --------------------------------------------------------------------------------- */

/* Time has come to `now`: for rows whose last partner would be before it, nobody comes. */
static Status interval_expire(IntervalJoin *self, Timestamp now)
{
    if (now <= self->now)
        return OK;
    self->now = now;
    if (interval_spills(self)) {
        due_begin(&self->due, now);
        return due_go_on(&self->due, interval_visit, self);
    }
    for (int32_t side = 0; side < 2; side++)
        TRY(interval_expire_side(self, side, interval_limit(self, side)));
    return OK;
}

static Status interval_expire_all(IntervalJoin *self, Timestamp now)
{
    self->is_in_push = true;
    Status status = interval_expire(self, now);
    self->is_in_push = false;
    return status;
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
        if (!interval_spills(self))
            time_queue_put(&self->sides[in->side].queue, kept[i]->time, kept[i]);
        else if (in->entries[row]->chains[in->side].first == kept[i])
            interval_schedule(self, (uint8_t *)in->entries[row]);
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

static void interval_find(IntervalJoin *self, const IntervalBatch *in, const JoinRows *rows)
{
    uint8_t **values = ARENA_ARRAY(self->base.task->scratch, uint8_t *, rows->keyed.count);
    table_find_or_insert(self->table, &rows->keys, 0, rows->keyed.count, values);
    for (int32_t i = 0; i < rows->keyed.count; i++)
        in->entries[selection_row(rows->keyed, i)] = join_entry(values[i]);
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
        TRY(interval_expire_all(self, floor_div(world_now_us(op->task->world), STEP_US) * STEP_US));
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
    interval_find(self, &in, &rows);
    interval_find(self, &in, &unkeyed);
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

static Status interval_pass(IntervalJoin *self)
{
    bool is_held = self->now != TIMESTAMP_MAX && !self->is_impossible;
    return operator_advance(&self->base, is_held ? self->now - self->delay_us : self->now);
}

static Status interval_go_on(Operator *op)
{
    IntervalJoin *self = (IntervalJoin *)op;
    TRY(due_go_on(&self->due, interval_visit, self));
    bool is_event_time = op->node->interval_join.is_event_time;
    return op->has_more || !is_event_time ? OK : interval_pass(self);
}

static Status interval_advance(Operator *op, Timestamp watermark)
{
    IntervalJoin *self = (IntervalJoin *)op;
    if (!op->node->interval_join.is_event_time)
        return operator_advance(op, watermark);
    TRY(interval_expire(self, watermark));
    return op->has_more ? OK : interval_pass(self);
}

static Status interval_tick(Operator *op, int64_t now_us)
{
    IntervalJoin *self = (IntervalJoin *)op;
    if (!op->node->interval_join.is_event_time)
        TRY(interval_expire(self, floor_div(now_us, STEP_US) * STEP_US));
    int64_t bytes = table_bytes(self->table);
    for (int32_t i = 0; i < 2; i++)
        bytes += kept_bytes(&self->kept[i]) + self->sides[i].queue.bytes;
    bytes += due_bytes(&self->due);
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

static void interval_enqueue(IntervalJoin *self, const uint8_t *value)
{
    const JoinEntry *entry = (const JoinEntry *)(const void *)value;
    if (interval_spills(self)) {
        interval_schedule(self, value);
        return;
    }
    for (int32_t i = 0; i < 2; i++)
        for (KeptRow *row = entry->chains[i].first; row != NULL; row = row->next)
            time_queue_put(&self->sides[i].queue, row->time, row);
}

static Status interval_start(Operator *op)
{
    IntervalJoin *self = (IntervalJoin *)op;
    uint8_t *values[DUE_RUN_MAX];
    int64_t cursor = 0;
    int32_t count;
    while ((count = table_read_run(self->table, &cursor, values, DUE_RUN_MAX)) > 0) {
        for (int32_t i = 0; i < count; i++)
            interval_enqueue(self, values[i]);
        TRY(due_make_room(&self->due));
    }
    if (op->node->interval_join.is_event_time)
        op->watermark = self->now;
    return OK;
}

static void interval_close(Operator *op)
{
    IntervalJoin *self = (IntervalJoin *)op;
    due_close(&self->due);
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
    .go_on = interval_go_on,
    .tick = interval_tick,
    .snapshot = interval_snapshot,
    .restore = interval_restore,
    .start = interval_start,
    .close = interval_close,
};
