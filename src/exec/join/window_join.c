/* A join of rows of the same window.
 *
 *     left  ──> window, by its end ──> rows by key ──┐ watermark at the window's last millisecond:
 *     right ──> window, by its end ──> rows by key ──┘ pairs out, and rows without partner, then
 *                                                      the window is forgotten
 *
 * Windows go out in order of their ends, and each goes as a whole; what it has is complete then, so
 * nothing is ever taken back. */
#include "exec/operators.h"

#include <assert.h>

#include "exec/join/output.h"
#include "exec/join/rows.h"
#include "exec/window/clock.h"
#include "exec/window/slices.h"

/* Windows on their way out. They may have very much, and then go on later (OperatorKind.go_on). */
typedef struct JoinFiring {
    Timestamp watermark; /* that is passed on behind all */
    int64_t cursor;      /* in the first window */
    bool is_emitting;
} JoinFiring;

typedef struct WindowJoin {
    Operator base;
    TableKey key;
    Slices windows; /* by the instant at which they go out; values are JoinEntry */
    KeptRows kept[2];
    bool shows_matched, shows_unmatched[2];
    JoinOutput out;
    const TimeZone *zone; /* NULL: no shift */
    JoinFiring firing;
    uint8_t **entries; /* of BATCH_ROWS_MAX: those that go out */
    Metric *late, *null_times, *state_bytes;
    JoinDelays delays;
} WindowJoin;

static StateTable *window_join_make(void *context, KeyedId id)
{
    WindowJoin *self = context;
    return id.kind == SLICES_KEYED_KIND ? slices_get(&self->windows, id.number) : NULL;
}

static void window_join_drop(void *context, KeyedId id)
{
    WindowJoin *self = context;
    slices_drop(&self->windows, id.number);
}

static void window_join_open_windows(WindowJoin *self)
{
    Operator *op = &self->base;
    KeyedOwner owner = {.context = self, .make = window_join_make, .drop = window_join_drop};
    op->keyed = keyed_new(&owner);
    slices_open(&self->windows, op->keyed, &self->key, (int32_t)sizeof(JoinEntry),
                &join_entry_codec, self->kept);
    slices_spill(&self->windows, op->task->spill);
    self->entries = ARENA_ARRAY(op->task->query, uint8_t *, BATCH_ROWS_MAX);
}

static Status window_join_open(Operator *op)
{
    WindowJoin *self = (WindowJoin *)op;
    const PlanNode *node = op->node;
    JoinKind kind = node->window_join.join.kind;
    self->key = join_table_key(op, &node->window_join.join);
    window_join_open_windows(self);
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

/* The entries of the rows, for each run of rows of one window. */
static void window_join_find(WindowJoin *self, const JoinRows *rows, const Timestamp *instants,
                             uint8_t **values)
{
    int32_t count = rows->keyed.count;
    for (int32_t i = 0, end; i < count; i = end) {
        Timestamp instant = instants[selection_row(rows->keyed, i)];
        for (end = i + 1; end < count; end++)
            if (instants[selection_row(rows->keyed, end)] != instant)
                break;
        table_find_or_insert(slices_get(&self->windows, instant), &rows->keys, i, end - i,
                             values + i);
    }
}

static void window_join_keep(WindowJoin *self, int32_t input, const Batch *batch,
                             const JoinRows *rows, const Timestamp *instants, bool is_unkeyed)
{
    Arena *scratch = self->base.task->scratch;
    int32_t count = rows->keyed.count;
    KeptRow **kept = ARENA_ARRAY(scratch, KeptRow *, count);
    uint8_t **values = ARENA_ARRAY(scratch, uint8_t *, count);
    window_join_find(self, rows, instants, values);
    kept_add(&self->kept[input], batch, rows->keyed, kept);
    for (int32_t i = 0; i < count; i++) {
        JoinEntry *entry = join_entry(values[i]);
        entry->is_unkeyed = is_unkeyed;
        kept[i]->time = instants[selection_row(rows->keyed, i)];
        join_entry_keep(entry, input, kept[i]);
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

/* Some entries of a window. A checkpoint under way may find their rows matched already: they will
 * be again, when the window goes out. */
static Status window_join_emit(WindowJoin *self, int32_t count)
{
    self->out.is_silent = !self->shows_matched;
    for (int32_t i = 0; i < count; i++)
        TRY(window_join_pair(self, join_entry(self->entries[i])));
    TRY(join_output_flush(&self->out));
    self->out.is_silent = false;
    for (int32_t i = 0; i < count; i++) {
        const JoinEntry *entry = join_entry(self->entries[i]);
        for (int32_t side = 0; side < 2; side++)
            for (KeptRow *row = entry->chains[side].first; row != NULL; row = row->next)
                TRY(window_join_single(self, side, row));
    }
    return join_output_flush(&self->out);
}

/* What is left of the window; stops where nobody takes it. */
static Status window_join_fire(WindowJoin *self, const Slice *window)
{
    JoinFiring *firing = &self->firing;
    if (!firing->is_emitting)
        TRY(table_put_away(window->table, self->base.task->error));
    firing->cursor = firing->is_emitting ? firing->cursor : 0;
    firing->is_emitting = true;
    while (!self->base.has_more) {
        int32_t count =
            table_read_run(window->table, &firing->cursor, self->entries, BATCH_ROWS_MAX);
        if (count == 0) {
            if (operator_is_to_wait(&self->base, window->table))
                return OK;
            firing->is_emitting = false;
            slices_drop(&self->windows, window->number);
            return OK;
        }
        TRY(window_join_emit(self, count));
        self->base.has_more = operator_is_clogged(&self->base);
    }
    return OK;
}

static Status window_join_go_on(Operator *op)
{
    WindowJoin *self = (WindowJoin *)op;
    for (;;) {
        const Slice *next = slices_from(&self->windows, INT64_MIN);
        if (next == NULL || next->number > self->firing.watermark)
            break;
        TRY(window_join_fire(self, next));
        if (op->has_more)
            return OK;
    }
    return operator_advance(op, self->firing.watermark);
}

static Status window_join_advance(Operator *op, Timestamp watermark)
{
    WindowJoin *self = (WindowJoin *)op;
    self->firing = (JoinFiring){.watermark = watermark};
    return window_join_go_on(op);
}

static Status window_join_tick(Operator *op, int64_t now_us)
{
    WindowJoin *self = (WindowJoin *)op;
    int64_t bytes = 0;
    for (int32_t i = 0; i < slices_count(&self->windows); i++)
        bytes += table_bytes(slices_at(&self->windows, i)->table);
    for (int32_t i = 0; i < 2; i++)
        bytes += kept_bytes(&self->kept[i]);
    metric_set(self->state_bytes, bytes);
    join_delays_tick(&self->delays, op, now_us);
    return OK;
}

/* ---- Checkpoints ------------------------------------------------------------------------- */

/* 1: all rows at the barrier. 2: all windows in the table that is number 0 now. */
enum { WINDOW_JOIN_STATE_VERSION = 3, WINDOW_JOIN_STATE_MIXED = 2 };

static Status window_join_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    (void)checkpoint;
    operator_save_watermark(op, WINDOW_JOIN_STATE_VERSION, out);
    return OK;
}

static Status window_join_restore(Operator *op, Str state)
{
    bool is_mixed = state.length > 0 && state.data[0] == WINDOW_JOIN_STATE_MIXED;
    return operator_load_watermark(
        op, is_mixed ? WINDOW_JOIN_STATE_MIXED : WINDOW_JOIN_STATE_VERSION, state);
}

/* The entry goes to the window of its rows. */
static void window_join_move(WindowJoin *self, StateTable *from, uint8_t *value)
{
    const JoinEntry *entry = join_entry(value);
    const KeptRow *row = entry->chains[0].first;
    row = row == NULL ? entry->chains[1].first : row;
    if (row->time == 0)
        return;
    StateTable *into = slices_get(&self->windows, row->time);
    *join_entry(table_find_or_insert_from(into, from, value)) = *entry;
    memset(value, 0, sizeof *entry);
    table_delete(from, value);
}

/* What an older version has left in one table is sorted by window. */
static Status window_join_start(Operator *op)
{
    WindowJoin *self = (WindowJoin *)op;
    StateTable *mixed = slices_find(&self->windows, 0);
    int64_t cursor = 0;
    uint8_t *value;
    while (mixed != NULL && (value = table_next(mixed, &cursor)) != NULL)
        window_join_move(self, mixed, value);
    return OK;
}

static void window_join_close(Operator *op)
{
    WindowJoin *self = (WindowJoin *)op;
    slices_free(&self->windows);
    for (int32_t i = 0; i < 2; i++)
        kept_close(&self->kept[i]);
    join_output_close(&self->out);
}

const OperatorKind window_join_operator = {
    .name = "window-join",
    .size = sizeof(WindowJoin),
    .open = window_join_open,
    .push = window_join_push,
    .advance = window_join_advance,
    .go_on = window_join_go_on,
    .tick = window_join_tick,
    .snapshot = window_join_snapshot,
    .restore = window_join_restore,
    .start = window_join_start,
    .close = window_join_close,
};
