/* GROUP BY window_start, window_end, keys: rows into slices.
 *
 * A row goes into one slice, whatever the window: its key's accumulators there are all that is
 * touched. Retractions go the same way, so a refund leaves the windows of its payment and a
 * correction moves from slice to slice. Firing is in fire.c, snapshots in snapshot.c.
 *
 *     row ──> late? ──> slice ──> key ──> accumulators       watermark ──> fire ──> rows out
 *
 * A row whose slice is behind the watermark, but not all of its windows, counts in those that
 * are left: it goes into its slice and into the running window too. */
#include "exec/window/aggregate.h"

#include <assert.h>
#include <stdlib.h>

#include "exec/window/running_pass.h"

static const int64_t STEADY_US = (int64_t)15 * 60 * MICROS_PER_SECOND;

/* The running values of a HOP are made from its slices again, those of a CUMULATE are saved. */
static StateTable *window_new_running(WindowAggregate *self)
{
    Operator *op = &self->base;
    WindowLayout *layout = &self->layout;
    if (layout->keeps_slices && op->task->spill != NULL)
        return operator_new_derived_table(op, &self->key, layout->running_bytes,
                                          &layout->running_codec, layout);
    StateTable *table = table_new(&self->key, layout->running_bytes);
    table_describe(table, &layout->running_codec, layout);
    if (self->clock.kind != WINDOW_CUMULATE)
        return table;
    keyed_add(op->keyed, (KeyedId){.kind = RUNNING_KEYED_KIND}, table);
    operator_spill_table(op, table);
    return table;
}

static void window_open_running(WindowAggregate *self)
{
    Operator *op = &self->base;
    WindowLayout *layout = &self->layout;
    running_open(&self->running, op->task->query, layout, window_new_running(self),
                 op->task->error);
    if (op->task->spill == NULL || self->clock.kind == WINDOW_TUMBLE)
        return;
    self->running.pass = running_pass_new(self->running.table);
    if (op->derived == NULL)
        return;
    slices_open(&self->running.undos, op->derived, &self->key, layout->undo_bytes,
                &layout->undo_codec, layout);
    slices_spill(&self->running.undos, op->task->spill);
}

static Status window_open(Operator *op)
{
    WindowAggregate *self = (WindowAggregate *)op;
    const PlanNode *node = op->node;
    Arena *arena = op->task->query;
    int32_t key_count = node->window_aggregate.key_count;
    assert(node->schema.count == key_count + node->window_aggregate.aggregate_count +
                                     node->window_aggregate.window_column_count);
    self->clock = window_clock(&node->window_aggregate.window, op->task->eval.zone);
    Type *types = ARENA_ARRAY(arena, Type, key_count);
    for (int32_t i = 0; i < key_count; i++)
        types[i] = node->inputs[0]->schema.fields[node->window_aggregate.keys[i]].type;
    self->key = table_key(arena, types, key_count);
    self->layout = window_layout(arena, node->window_aggregate.aggregates,
                                 node->window_aggregate.aggregate_count, self->clock.kind,
                                 op->task->spill != NULL);
    KeyedOwner owner = window_keyed_owner(self);
    op->keyed = keyed_new(&owner);
    slices_open(&self->slices, op->keyed, &self->key, self->layout.slice_bytes,
                &self->layout.slice_codec, &self->layout);
    slices_spill(&self->slices, op->task->spill);
    window_open_running(self);
    self->fired = INT64_MIN;
    self->clock_us = TIMESTAMP_MIN;
    self->out = batch_new(&node->schema, BATCH_ROWS_MAX);
    self->gathered = ARENA_ARRAY(arena, uint8_t *, BATCH_ROWS_MAX);
    self->lent = arena_new(0);
    self->late = metric_get(METRIC_COUNTER, "weir_late_records_total", operator_labels(op, ""),
                            "Rows that came after their last window had fired.", 1);
    self->null_time = metric_get(METRIC_COUNTER, "weir_null_time_records_total",
                                 operator_labels(op, ""), "Rows without event time.", 1);
    self->state_bytes = metric_get(METRIC_GAUGE, "weir_state_size_bytes", operator_shard_labels(op),
                                   "Bytes of keyed state.", 1);
    return OK;
}

/* ---- Which slice ------------------------------------------------------------------------- */

/* Find the slice of a time and remember for which times around it that is the answer. In a zone,
 * that is at most the quarter of an hour around it, if the offset does not change in it. */
static int64_t window_locate(WindowAggregate *self, Timestamp time)
{
    const WindowClock *clock = &self->clock;
    Timestamp local = window_local(clock, time);
    int64_t slice = window_slice(clock, local);
    Timestamp from = window_slice_start(clock, slice) - local + time;
    Timestamp until = from + clock->slice_us;
    if (clock->zone != NULL) {
        Timestamp steady = floor_div(time, STEADY_US) * STEADY_US;
        Timestamp last = steady + STEADY_US - 1;
        bool is_steady =
            timezone_offset_at(clock->zone, steady) == timezone_offset_at(clock->zone, last);
        from = from > steady ? from : steady;
        until = until < last ? until : last;
        if (!is_steady)
            from = until = time;
    }
    self->recent_from = from;
    self->recent_until = until;
    self->recent_slice = slice;
    return slice;
}

static inline int64_t window_slice_of(WindowAggregate *self, Timestamp time)
{
    if (time >= self->recent_from && time < self->recent_until)
        return self->recent_slice;
    /* With slices shorter than the disorder most rows come here: then a division is all. */
    if (self->clock.is_attached)
        return window_slice(&self->clock, window_local(&self->clock, time));
    if (self->clock.zone == NULL && self->clock.slice_us < STEADY_US / 64)
        return window_slice(&self->clock, time);
    return window_locate(self, time);
}

/* The rows of a batch by what becomes of them; slices by position in each selection. */
typedef struct WindowRows {
    int32_t *open_rows, *behind_rows;
    int64_t *open_slices, *behind_slices;
    int32_t open_count;   /* the slice is before the next firing */
    int32_t behind_count; /* the slice is in the running window already */
} WindowRows;

static void window_drop(WindowAggregate *self, const Batch *batch, int32_t row, bool is_null)
{
    metric_add(is_null ? self->null_time : self->late, 1);
    if (is_null)
        operator_letter(&self->base, batch, row, STAGE_COMPUTE, "WR4301",
                        "the event time of the row is NULL");
    else
        operator_letter(&self->base, batch, row, STAGE_LATE, "WR4302",
                        "the row came after its last window had fired");
}

/* Processing time: all rows have the time at which they come. */
static WindowRows window_sort_now(WindowAggregate *self, const Batch *batch)
{
    Arena *scratch = self->base.task->scratch;
    Selection rows = batch->selection;
    WindowRows sorted = {
        .open_rows = arena_allocate(scratch, (int64_t)sizeof(int32_t) * rows.count),
        .open_slices = arena_allocate(scratch, (int64_t)sizeof(int64_t) * rows.count),
        .open_count = rows.count,
    };
    Timestamp now = world_now_us(self->base.task->world);
    int64_t slice = window_slice(&self->clock, window_local(&self->clock, now));
    /* A clock that was put back cannot open what is over. */
    if (slice <= self->fired)
        slice = self->fired + 1;
    for (int32_t i = 0; i < rows.count; i++) {
        sorted.open_rows[i] = selection_row(rows, i);
        sorted.open_slices[i] = slice;
    }
    return sorted;
}

static WindowRows window_sort(WindowAggregate *self, const Batch *batch)
{
    Arena *scratch = self->base.task->scratch;
    Selection rows = batch->selection;
    const Column *time = &batch->columns[self->base.node->window_aggregate.window.time_column];
    assert(time->physical == PHYSICAL_I64);
    const int64_t *times = time->values;
    WindowRows sorted = {
        .open_rows = arena_allocate(scratch, (int64_t)sizeof(int32_t) * rows.count),
        .open_slices = arena_allocate(scratch, (int64_t)sizeof(int64_t) * rows.count),
    };
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        if (column_is_null(time, row)) {
            window_drop(self, batch, row, true);
            continue;
        }
        int64_t slice = window_slice_of(self, times[column_index(time, row)]);
        if (slice > self->fired) {
            sorted.open_rows[sorted.open_count] = row;
            sorted.open_slices[sorted.open_count++] = slice;
            continue;
        }
        if (window_last_of(&self->clock, slice) <= self->fired) {
            window_drop(self, batch, row, false);
            continue;
        }
        if (sorted.behind_rows == NULL) {
            sorted.behind_rows = arena_allocate(scratch, (int64_t)sizeof(int32_t) * rows.count);
            sorted.behind_slices = arena_allocate(scratch, (int64_t)sizeof(int64_t) * rows.count);
        }
        sorted.behind_rows[sorted.behind_count] = row;
        sorted.behind_slices[sorted.behind_count++] = slice;
    }
    return sorted;
}

/* ---- Into the slices --------------------------------------------------------------------- */

/* Records are counted here, as every value starts with them. */
static void window_count_records(const Batch *batch, Selection rows, uint8_t *const *values)
{
    if (batch->kinds == NULL) {
        for (int32_t i = 0; i < rows.count; i++)
            ++*(int64_t *)(void *)values[i];
        return;
    }
    for (int32_t i = 0; i < rows.count; i++) {
        bool is_back = row_kind_is_retraction(batch->kinds[selection_row(rows, i)]);
        *(int64_t *)(void *)values[i] += is_back ? -1 : 1;
    }
}

static void window_update(WindowAggregate *self, const Batch *batch, Selection rows,
                          uint8_t *const *values)
{
    Arena *scratch = self->base.task->scratch;
    window_count_records(batch, rows, values);
    accumulators_update(&self->layout.sums, values, self->layout.slice_sums, batch, rows, scratch);
    accumulators_update(&self->layout.others, values, self->layout.slice_others, batch, rows,
                        scratch);
}

/* With chains: by way of the running values, which know their slices. */
static void window_find_chained(WindowAggregate *self, const TableKeys *keys, const int64_t *slices,
                                uint8_t **values)
{
    StateTable *table = self->running.table;
    table_find_or_insert(table, keys, 0, keys->count, values);
    for (int32_t i = 0; i < keys->count; i++)
        values[i] = running_slice_value(&self->slices, table, values[i], slices[i]);
}

/* In the slices themselves, for each run of rows of one slice. */
static void window_find_sliced(WindowAggregate *self, const TableKeys *keys, const int64_t *slices,
                               uint8_t **values)
{
    for (int32_t i = 0; i < keys->count;) {
        int32_t end = i + 1;
        while (end < keys->count && slices[end] == slices[i])
            end++;
        StateTable *table = slices_get(&self->slices, slices[i]);
        table_find_or_insert(table, keys, i, end - i, values + i);
        i = end;
    }
}

/* A row, to be put in order of the slices. */
typedef struct SlicedRow {
    int64_t slice;
    int64_t position;
} SlicedRow;

static int sliced_row_order(const void *a, const void *b)
{
    const SlicedRow *left = a, *right = b;
    if (left->slice != right->slice)
        return left->slice < right->slice ? -1 : 1;
    return (left->position > right->position) - (left->position < right->position);
}

/* The same keys in the order of `rows`. */
static TableKeys window_ordered_keys(const TableKeys *keys, const SlicedRow *rows, Arena *scratch)
{
    int32_t count = keys->count;
    uint64_t *hashes = arena_allocate(scratch, (int64_t)sizeof(uint64_t) * count);
    uint64_t *words = arena_allocate(scratch, (int64_t)sizeof(uint64_t) * count);
    StrView *views = arena_allocate(scratch, (int64_t)sizeof(StrView) * count);
    uint8_t *nulls = arena_allocate(scratch, count);
    for (int32_t i = 0; i < count; i++) {
        int64_t at = rows[i].position;
        hashes[i] = keys->hashes[at];
        words[i] = keys->words != NULL ? keys->words[at] : 0;
        views[i] = keys->views != NULL ? keys->views[at] : (StrView){0};
        nulls[i] = keys->nulls != NULL && keys->nulls[at] != 0;
    }
    return (TableKeys){.hashes = hashes,
                       .words = keys->words != NULL ? words : NULL,
                       .views = keys->views != NULL ? views : NULL,
                       .nulls = keys->nulls != NULL ? nulls : NULL,
                       .count = count};
}

/* The same slice by slice, whatever order the rows came in: what the keys of a slice need from disk
 * is read at one go then. */
static void window_find_spilled(WindowAggregate *self, const TableKeys *keys, const int64_t *slices,
                                uint8_t **values)
{
    Arena *scratch = self->base.task->scratch;
    int32_t count = keys->count;
    SlicedRow *rows = arena_allocate(scratch, (int64_t)sizeof(SlicedRow) * count);
    bool is_ordered = true;
    for (int32_t i = 0; i < count; i++) {
        rows[i] = (SlicedRow){slices[i], i};
        is_ordered = is_ordered && (i == 0 || slices[i] >= slices[i - 1]);
    }
    if (is_ordered) {
        window_find_sliced(self, keys, slices, values);
        return;
    }
    qsort(rows, (size_t)count, sizeof *rows, sliced_row_order);
    TableKeys ordered = window_ordered_keys(keys, rows, scratch);
    int64_t *ordered_slices = arena_allocate(scratch, (int64_t)sizeof(int64_t) * count);
    uint8_t **found = arena_allocate(scratch, (int64_t)sizeof(uint8_t *) * count);
    for (int32_t i = 0; i < count; i++)
        ordered_slices[i] = rows[i].slice;
    window_find_sliced(self, &ordered, ordered_slices, found);
    for (int32_t i = 0; i < count; i++)
        values[rows[i].position] = found[i];
}

static void window_add_open(WindowAggregate *self, const Batch *batch, const WindowRows *sorted)
{
    Arena *scratch = self->base.task->scratch;
    int32_t count = sorted->open_count;
    /* All rows, as is usual: then say so, for the kernels' sake. */
    bool is_dense = count == batch->row_count;
    Selection rows = {.rows = is_dense ? NULL : sorted->open_rows, .count = count};
    TableKeys keys =
        table_keys(&self->key, batch, self->base.node->window_aggregate.keys, rows, scratch);
    uint8_t **values = arena_allocate(scratch, (int64_t)sizeof(uint8_t *) * count);
    if (self->layout.has_chains)
        window_find_chained(self, &keys, sorted->open_slices, values);
    else if (self->slices.spill != NULL)
        window_find_spilled(self, &keys, sorted->open_slices, values);
    else
        window_find_sliced(self, &keys, sorted->open_slices, values);
    window_update(self, batch, rows, values);
}

/* One row of a slice that the running window holds: what it does to that window. Returns its
 * value in the slice, or NULL if slices are not kept (CUMULATE). */
static uint8_t *window_behind_slice(WindowAggregate *self, int64_t slice, uint8_t *running)
{
    const StateTable *keys = self->running.table;
    RunningHead *head = running_head(running);
    if (!self->layout.keeps_slices)
        return NULL;
    if (self->layout.has_chains) {
        int32_t before = head->slices;
        uint8_t *value = running_slice_value(&self->slices, keys, running, slice);
        self->running.entered += head->slices - before;
        return value;
    }
    StateTable *table = slices_get(&self->slices, slice);
    int64_t before = table_count(table);
    uint8_t *value = table_find_or_insert_from(table, keys, running);
    head->slices += table_count(table) > before;
    return value;
}

/* Rare: row by row. */
static void window_add_behind(WindowAggregate *self, const Batch *batch, const WindowRows *sorted)
{
    Arena *scratch = self->base.task->scratch;
    const WindowLayout *layout = &self->layout;
    Selection rows = {.rows = sorted->behind_rows, .count = sorted->behind_count};
    TableKeys keys =
        table_keys(&self->key, batch, self->base.node->window_aggregate.keys, rows, scratch);
    for (int32_t i = 0; i < rows.count; i++) {
        Selection one = {.rows = rows.rows + i, .count = 1};
        int64_t slice = sorted->behind_slices[i];
        uint8_t *running;
        table_find_or_insert(self->running.table, &keys, i, 1, &running);
        RunningHead *head = (RunningHead *)(void *)running;
        uint8_t *value = window_behind_slice(self, slice, running);
        if (value != NULL)
            window_update(self, batch, one, &value);
        window_count_records(batch, one, &running);
        accumulators_update(&layout->sums, &running, layout->running_sums, batch, one, scratch);
        if (layout->others.count == 0)
            continue;
        if (slice <= self->running.front_last) {
            self->running.is_stale = true;
            continue;
        }
        head->has_back = true;
        accumulators_update(&layout->others, &running, layout->running_back, batch, one, scratch);
    }
}

static Status window_push(Operator *op, int32_t input, Batch *batch)
{
    WindowAggregate *self = (WindowAggregate *)op;
    assert(input == 0);
    bool is_processing_time = op->node->window_aggregate.window.is_processing_time;
    WindowRows sorted =
        is_processing_time ? window_sort_now(self, batch) : window_sort(self, batch);
    if (sorted.open_count > 0)
        window_add_open(self, batch, &sorted);
    if (sorted.behind_count > 0)
        window_add_behind(self, batch, &sorted);
    return OK;
}

static Status window_advance(Operator *op, Timestamp watermark)
{
    WindowAggregate *self = (WindowAggregate *)op;
    /* Windows of processing time that are open at the end of input stay open, as in Flink. */
    if (op->node->window_aggregate.window.is_processing_time)
        return operator_advance(op, watermark);
    int64_t fired = window_fired(&self->clock, watermark);
    if (fired > self->fired)
        return window_fire(self, fired, &watermark);
    return operator_advance(op, watermark);
}

/* Windows whose last millisecond is over by the clock. */
static Status window_fire_clock(WindowAggregate *self, int64_t now_us)
{
    Timestamp over = now_us - MICROS_PER_MILLI;
    if (over <= self->clock_us)
        return OK;
    int64_t fired = window_fired(&self->clock, over);
    self->clock_us = over;
    return fired > self->fired ? window_fire(self, fired, NULL) : OK;
}

static Status window_tick(Operator *op, int64_t now_us)
{
    WindowAggregate *self = (WindowAggregate *)op;
    if (op->node->window_aggregate.window.is_processing_time)
        TRY(window_fire_clock(self, now_us));
    int64_t bytes = table_bytes(self->running.table) + keyed_leaving_bytes(op->keyed);
    for (int32_t i = 0; i < slices_count(&self->slices); i++)
        bytes += table_bytes(slices_at(&self->slices, i)->table);
    metric_set(self->state_bytes, bytes);
    return OK;
}

static void window_close(Operator *op)
{
    WindowAggregate *self = (WindowAggregate *)op;
    if (self->out == NULL)
        return;
    slices_free(&self->slices);
    running_close(&self->running);
    batch_free(self->out);
    arena_free(self->lent);
    self->out = NULL;
}

const OperatorKind window_aggregate_operator = {
    .name = "window-aggregate",
    .size = sizeof(WindowAggregate),
    .open = window_open,
    .push = window_push,
    .advance = window_advance,
    .go_on = window_go_on,
    .tick = window_tick,
    .snapshot = window_snapshot,
    .restore = window_restore,
    .start = window_start,
    .close = window_close,
};
