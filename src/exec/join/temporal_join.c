/* Rows with the version of their time: FOR SYSTEM_TIME AS OF an event time.
 *
 *     left  ──> wait, in order of arrival ─────────┐ watermark: those up to it look for the version
 *     right ──> versions of each key by time ──────┘ of their time ──> out, then old versions go
 *
 *     versions of a key     1 +I ······· 4 +U ··· 7 -D ····· 9 +I
 *     a row of time 5                     └─ this one;  of time 8: none
 *
 * Rows go out in the order in which they came, with the kind that they came with: that way an
 * update's two rows stay in order. Of the versions up to the watermark the last one stays, unless
 * it is a deletion: no row can ask for the others any more. */
#include "exec/operators.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "exec/join/output.h"
#include "exec/join/rows.h"

typedef struct VersionEntry {
    RowChain versions;
    int64_t used_us; /* wall clock; for the TTL */
} VersionEntry;

typedef struct TemporalJoin {
    Operator base;
    TableKey key;
    StateTable *table; /* VersionEntry */
    RowPool rows, versions;
    TimeQueue waiting, coming; /* rows, and versions whose time has not come */
    PlanJoin by_position;      /* keys of a batch that holds nothing but them */
    JoinOutput out;
    Arena *lent;
    int64_t sequence; /* of the next row */
    StoredRow **due;
    int64_t due_count, due_capacity;
    bool is_left;
    int64_t swept_us;
    Metric *late, *null_times, *state_bytes;
    JoinDelays delays;
} TemporalJoin;

static PlanJoin temporal_by_position(Operator *op)
{
    const ColumnList *keys = &op->node->temporal_join.join.keys[0];
    int32_t *columns = ARENA_ARRAY(op->task->query, int32_t, keys->count + 1);
    for (int32_t i = 0; i < keys->count; i++)
        columns[i] = i;
    ColumnList all = {.columns = columns, .count = keys->count};
    return (PlanJoin){.keys = {all, all},
                      .matches_null = op->node->temporal_join.join.matches_null};
}

static Status temporal_open(Operator *op)
{
    TemporalJoin *self = (TemporalJoin *)op;
    const PlanNode *node = op->node;
    const PlanJoin *join = &node->temporal_join.join;
    assert(join->kind == JOIN_INNER || join->kind == JOIN_LEFT);
    self->key = join_table_key(op, join);
    self->table = table_new(&self->key, (int32_t)sizeof(VersionEntry));
    self->rows.schema = &node->inputs[0]->schema;
    self->versions.schema = &node->inputs[1]->schema;
    time_queue_open(&self->waiting);
    time_queue_open(&self->coming);
    self->by_position = temporal_by_position(op);
    self->lent = arena_new(0);
    self->is_left = join->kind == JOIN_LEFT;
    self->late = metric_get(METRIC_COUNTER, "weir_late_records_total", operator_labels(op, ""),
                            "Rows that came after their last window had fired.", 1);
    self->null_times = metric_get(METRIC_COUNTER, "weir_null_time_records_total",
                                  operator_labels(op, ""), "Rows without event time.", 1);
    self->state_bytes = metric_get(METRIC_GAUGE, "weir_state_size_bytes", operator_shard_labels(op),
                                   "Bytes of state in memory.", 1);
    self->delays = join_delays_open(op);
    TRY(join_output_open(&self->out, op, join));
    self->out.passes_kinds = node->inputs[0]->changelog != CHANGELOG_APPEND;
    self->out.pads_failed = self->is_left;
    return OK;
}

/* ---- Rows in ----------------------------------------------------------------------------- */

static void temporal_wait(TemporalJoin *self, StoredRow *row, Timestamp time, bool is_late)
{
    row->time = time;
    row->sequence = self->sequence++;
    row->is_due = is_late;
    time_queue_put(&self->waiting, time, row);
}

static void temporal_push_row(TemporalJoin *self, const Batch *batch)
{
    Operator *op = &self->base;
    Selection rows = batch->selection;
    StoredRow **kept = ARENA_ARRAY(op->task->scratch, StoredRow *, rows.count);
    row_pool_add(&self->rows, batch, rows, kept);
    for (int32_t i = 0; i < rows.count; i++) {
        Timestamp time = join_time(batch, op->node->temporal_join.times[0], selection_row(rows, i));
        temporal_wait(self, kept[i], time, time < op->watermark);
    }
}

/* The version of exactly this time, or NULL. */
static StoredRow *versions_at(const VersionEntry *entry, Timestamp time)
{
    StoredRow *version = entry->versions.last;
    while (version != NULL && version->time > time)
        version = version->previous;
    return version != NULL && version->time == time ? version : NULL;
}

static void temporal_keep_version(TemporalJoin *self, StoredRow *version)
{
    VersionEntry *entry = (VersionEntry *)(void *)version->entry;
    StoredRow *replaced = versions_at(entry, version->time);
    if (replaced != NULL) {
        /* What stands for the old one, in its chain and perhaps among those to come, stands for the
         * new one from now on. */
        row_pool_swap(replaced, version);
        row_pool_remove(&self->versions, version);
        return;
    }
    row_chain_insert(&entry->versions, version);
    if (!version->is_due)
        time_queue_put(&self->coming, version->time, version);
}

/* Without the rows that only say what was before. */
static void temporal_drop_before(const Operator *op, Batch *batch)
{
    if (batch->kinds == NULL)
        return;
    uint8_t *are_dropped = ARENA_ARRAY(op->task->scratch, uint8_t, batch->row_count);
    for (int32_t i = 0; i < batch->row_count; i++)
        are_dropped[i] = batch->kinds[i] == ROW_UPDATE_BEFORE;
    batch->selection = selection_without(batch->selection, are_dropped, op->task->scratch);
}

/* Keep the rows as versions; those marked in are_due (by row; may be NULL) are of times past. */
static void temporal_keep_versions(TemporalJoin *self, const Batch *batch, const Timestamp *times,
                                   const uint8_t *are_due)
{
    Operator *op = &self->base;
    Arena *scratch = op->task->scratch;
    JoinRows rows = join_rows(op, &op->node->temporal_join.join, &self->key, 1, batch);
    int32_t count = rows.keyed.count;
    uint8_t **values = ARENA_ARRAY(scratch, uint8_t *, count);
    StoredRow **kept = ARENA_ARRAY(scratch, StoredRow *, count);
    table_find_or_insert(self->table, &rows.keys, 0, count, values);
    row_pool_add(&self->versions, batch, rows.keyed, kept);
    int64_t now_us = world_now_us(op->task->world);
    for (int32_t i = 0; i < count; i++) {
        int32_t row = selection_row(rows.keyed, i);
        ((VersionEntry *)(void *)values[i])->used_us = now_us;
        kept[i]->entry = values[i];
        kept[i]->time = times[row];
        kept[i]->is_due = are_due != NULL && are_due[row] != 0;
        temporal_keep_version(self, kept[i]);
    }
}

static void temporal_push_version(TemporalJoin *self, Batch *batch)
{
    Operator *op = &self->base;
    temporal_drop_before(op, batch);
    Timestamp *times = ARENA_ARRAY(op->task->scratch, Timestamp, batch->row_count);
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        times[row] = join_time(batch, op->node->temporal_join.times[1], row);
    }
    if (batch->selection.count > 0)
        temporal_keep_versions(self, batch, times, NULL);
}

static Status temporal_push(Operator *op, int32_t input, Batch *batch)
{
    TemporalJoin *self = (TemporalJoin *)op;
    assert(input == 0 || input == 1);
    join_reject_null_times(op, input, op->node->temporal_join.times[input], batch,
                           self->null_times);
    if (batch->selection.count == 0)
        return OK;
    if (input == 0)
        temporal_push_row(self, batch);
    else
        temporal_push_version(self, batch);
    row_pool_settle(&self->versions);
    return OK;
}

/* ---- Rows out ---------------------------------------------------------------------------- */

/* The last version that is not after `time`, or NULL. Looked for from the nearer end. */
static StoredRow *versions_of(const VersionEntry *entry, Timestamp time)
{
    StoredRow *first = entry->versions.first, *last = entry->versions.last;
    if (first == NULL || first->time > time)
        return NULL;
    if (last->time <= time)
        return last;
    if (time - first->time > last->time - time) {
        while (last->time > time)
            last = last->previous;
        return last;
    }
    while (first->next->time <= time)
        first = first->next;
    return first;
}

static bool version_is_there(const StoredRow *version)
{
    return version != NULL &&
           !row_kind_is_retraction((uint8_t)batch_kind(version->chunk->batch, version->row));
}

static Status temporal_emit_row(TemporalJoin *self, StoredRow *row, VersionEntry *entry)
{
    Operator *op = &self->base;
    StoredRow *version = entry == NULL ? NULL : versions_of(entry, row->time);
    if (version_is_there(version))
        return join_output_add(&self->out, pair_side(row), pair_side(version));
    if (self->is_left)
        return join_output_pad(&self->out, 0, pair_side(row));
    if (!row->is_due)
        return OK;
    Letter letter = operator_letter_about(op, 0, STAGE_LATE, "WR4304",
                                          "the row came after the version of its time was gone");
    metric_add(self->late, 1);
    operator_write_letter(op, &letter, row->chunk->batch, row->row);
    return OK;
}

/* The entries of the rows, found by their keys; NULL where there is none. */
static void temporal_find(TemporalJoin *self, StoredRow *const *rows, int32_t count,
                          uint8_t **entries)
{
    Operator *op = &self->base;
    Arena *scratch = op->task->scratch;
    const ColumnList *keys = &op->node->temporal_join.join.keys[0];
    PairSide *sides = ARENA_ARRAY(scratch, PairSide, count);
    for (int32_t i = 0; i < count; i++)
        sides[i] = pair_side(rows[i]);
    Batch batch = {.column_count = keys->count,
                   .row_count = count,
                   .columns = ARENA_ARRAY(scratch, Column, keys->count + 1),
                   .selection = {.count = count}};
    for (int32_t i = 0; i < keys->count; i++) {
        Type type = op->node->inputs[0]->schema.fields[keys->columns[i]].type;
        batch.columns[i] = join_gather(scratch, type, sides, count, keys->columns[i]);
    }
    JoinRows split = join_rows(op, &self->by_position, &self->key, 0, &batch);
    uint8_t **found = ARENA_ARRAY(scratch, uint8_t *, split.keyed.count);
    table_find(self->table, &split.keys, 0, split.keyed.count, found);
    for (int32_t i = 0; i < split.keyed.count; i++)
        entries[selection_row(split.keyed, i)] = found[i];
}

/* One run of the due rows. There may be many: each takes its temporaries from an arena that is
 * emptied behind it. */
static Status temporal_emit_run(TemporalJoin *self, StoredRow *const *rows, int32_t count)
{
    TaskContext *task = self->base.task;
    uint8_t *entries[BATCH_ROWS_MAX] = {0};
    int64_t now_us = world_now_us(task->world);
    Arena *scratch = task->scratch;
    task->scratch = self->lent;
    temporal_find(self, rows, count, entries);
    task->scratch = scratch;
    arena_reset(self->lent);
    for (int32_t i = 0; i < count; i++) {
        VersionEntry *entry = (VersionEntry *)(void *)entries[i];
        if (entry != NULL)
            entry->used_us = now_us;
        TRY(temporal_emit_row(self, rows[i], entry));
    }
    TRY(join_output_flush(&self->out));
    for (int32_t i = 0; i < count; i++)
        row_pool_remove(&self->rows, rows[i]);
    return OK;
}

static int temporal_compare(const void *a, const void *b)
{
    const StoredRow *left = *(StoredRow *const *)a, *right = *(StoredRow *const *)b;
    return (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

static Status temporal_emit(TemporalJoin *self, Timestamp watermark)
{
    TimeItem item;
    self->due_count = 0;
    while (time_queue_take(&self->waiting, watermark, &item)) {
        if (self->due_count == self->due_capacity) {
            self->due_capacity = self->due_capacity == 0 ? 256 : self->due_capacity * 2;
            self->due = memory_resize(self->due, (int64_t)sizeof(StoredRow *) * self->due_capacity);
        }
        self->due[self->due_count++] = item.value;
    }
    if (self->due_count == 0)
        return OK;
    qsort(self->due, (size_t)self->due_count, sizeof(StoredRow *), temporal_compare);
    for (int64_t at = 0; at < self->due_count; at += BATCH_ROWS_MAX) {
        int64_t left = self->due_count - at;
        TRY(temporal_emit_run(self, self->due + at,
                              left < BATCH_ROWS_MAX ? (int32_t)left : BATCH_ROWS_MAX));
    }
    row_pool_settle(&self->rows);
    if (self->due_capacity > BATCH_ROWS_MAX) {
        memory_free(self->due);
        self->due = NULL;
        self->due_capacity = 0;
    }
    return OK;
}

/* ---- Versions that nobody asks for any more ---------------------------------------------- */

static void temporal_remove_version(TemporalJoin *self, StoredRow *version)
{
    VersionEntry *entry = (VersionEntry *)(void *)version->entry;
    row_chain_remove(&entry->versions, version);
    if (version->is_due)
        row_pool_remove(&self->versions, version);
    else
        version->is_forgotten = true; /* it goes when its time comes */
}

static void temporal_prune(TemporalJoin *self, uint8_t *value)
{
    VersionEntry *entry = (VersionEntry *)(void *)value;
    StoredRow *first = entry->versions.first;
    while (first != NULL && first->is_due) {
        bool is_replaced = first->next != NULL && first->next->is_due;
        if (!is_replaced && version_is_there(first))
            return;
        temporal_remove_version(self, first);
        first = entry->versions.first;
    }
    if (first == NULL)
        table_delete(self->table, value);
}

static void temporal_pass_versions(TemporalJoin *self, Timestamp watermark)
{
    TimeItem item;
    while (time_queue_take(&self->coming, watermark, &item)) {
        StoredRow *version = item.value;
        if (version->is_forgotten) {
            row_pool_remove(&self->versions, version);
            continue;
        }
        version->is_due = true;
        temporal_prune(self, version->entry);
    }
    row_pool_settle(&self->versions);
}

static Status temporal_advance(Operator *op, Timestamp watermark)
{
    TemporalJoin *self = (TemporalJoin *)op;
    TRY(temporal_emit(self, watermark));
    temporal_pass_versions(self, watermark);
    return operator_advance(op, watermark);
}

/* Keys that have not been used for the TTL lose their versions. */
static void temporal_sweep(TemporalJoin *self, int64_t now_us)
{
    int64_t ttl_us = self->base.node->temporal_join.state_ttl_us;
    if (ttl_us == 0 || now_us - self->swept_us < ttl_us / 2)
        return;
    self->swept_us = now_us;
    int64_t cursor = 0;
    for (uint8_t *value = table_next(self->table, &cursor); value != NULL;
         value = table_next(self->table, &cursor)) {
        VersionEntry *entry = (VersionEntry *)(void *)value;
        if (now_us - entry->used_us < ttl_us)
            continue;
        while (entry->versions.first != NULL)
            temporal_remove_version(self, entry->versions.first);
        table_delete(self->table, value);
    }
    row_pool_settle(&self->versions);
}

static Status temporal_tick(Operator *op, int64_t now_us)
{
    TemporalJoin *self = (TemporalJoin *)op;
    temporal_sweep(self, now_us);
    metric_set(self->state_bytes, table_bytes(self->table) + row_pool_bytes(&self->rows) +
                                      row_pool_bytes(&self->versions) + self->waiting.bytes +
                                      self->coming.bytes);
    join_delays_tick(&self->delays, op, now_us);
    return OK;
}

/* ---- Checkpoints ------------------------------------------------------------------------- */

enum { TEMPORAL_STATE_VERSION = 1 };

/* In a checkpoint the flag beside a row says that its time has come: a version's, or a late row's.
 */
static void temporal_flag(const RowPool *pool)
{
    RowChunk *chunk = pool->first;
    int32_t at = 0;
    for (StoredRow *row = row_pool_next(&chunk, &at); row != NULL; row = row_pool_next(&chunk, &at))
        row->is_matched = row->is_due ? 1 : row->is_forgotten ? 2 : 0;
}

static Status temporal_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    const TemporalJoin *self = (const TemporalJoin *)op;
    (void)checkpoint;
    buffer_append_u8(out, TEMPORAL_STATE_VERSION);
    buffer_append_u64(out, (uint64_t)op->watermark);
    temporal_flag(&self->rows);
    join_save_rows(&self->rows, out);
    temporal_flag(&self->versions);
    join_save_rows(&self->versions, out);
    return OK;
}

static void temporal_take_rows(TemporalJoin *self, const LoadedRows *loaded)
{
    Selection rows = loaded->batch->selection;
    StoredRow **kept = ARENA_ARRAY(self->base.task->scratch, StoredRow *, rows.count);
    row_pool_add(&self->rows, loaded->batch, rows, kept);
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        temporal_wait(self, kept[i], loaded->times[row], loaded->are_matched[row] != 0);
    }
}

static void temporal_take_loaded(Operator *op, int32_t input, const LoadedRows *loaded)
{
    TemporalJoin *self = (TemporalJoin *)op;
    if (input == 0) {
        temporal_take_rows(self, loaded);
        return;
    }
    uint8_t *are_forgotten = ARENA_ARRAY(op->task->scratch, uint8_t, loaded->count);
    for (int32_t i = 0; i < loaded->count; i++)
        are_forgotten[i] = loaded->are_matched[i] > 1;
    loaded->batch->selection =
        selection_without(loaded->batch->selection, are_forgotten, op->task->scratch);
    if (loaded->batch->selection.count > 0)
        temporal_keep_versions(self, loaded->batch, loaded->times, loaded->are_matched);
}

static Status temporal_restore(Operator *op, Str state)
{
    const PlanJoin *join = &op->node->temporal_join.join;
    ByteReader in = byte_reader(state);
    bool is_whole = byte_reader_u8(&in) == TEMPORAL_STATE_VERSION;
    operator_restore_watermark(op, (Timestamp)byte_reader_u64(&in));
    for (int32_t i = 0; i < 2 && is_whole; i++)
        is_whole = join_load_rows(op, join, i, &in, temporal_take_loaded);
    if (is_whole && !in.is_short && byte_reader_left(&in) == 0)
        return OK;
    return fail(op->task->error, ERR_CORRUPT, "WR4201", "the state of %s is damaged",
                op->node->label);
}

static void temporal_close(Operator *op)
{
    TemporalJoin *self = (TemporalJoin *)op;
    row_pool_close(&self->rows);
    row_pool_close(&self->versions);
    time_queue_close(&self->waiting);
    time_queue_close(&self->coming);
    table_free(self->table);
    self->table = NULL;
    memory_free(self->due);
    self->due = NULL;
    arena_free(self->lent);
    self->lent = NULL;
    join_output_close(&self->out);
}

const OperatorKind temporal_join_operator = {
    .name = "temporal-join",
    .size = sizeof(TemporalJoin),
    .open = temporal_open,
    .push = temporal_push,
    .advance = temporal_advance,
    .tick = temporal_tick,
    .snapshot = temporal_snapshot,
    .restore = temporal_restore,
    .close = temporal_close,
};
