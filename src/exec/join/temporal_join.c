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
 * it is a deletion: no row can ask for the others any more.
 *
 * What is due when stands in queues of rows; where state may leave memory, in tables of keys
 * (exec/due.h), each for the earliest of its rows. Then rows go out in their order as far as those
 * of one watermark fit into memory, and those of one key in any case. */
#include "exec/operators.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "exec/due.h"
#include "exec/join/output.h"
#include "exec/join/rows.h"

typedef struct VersionEntry {
    RowChain versions;
    int64_t used_us; /* wall clock; for the TTL */
} VersionEntry;

enum { TABLE_VERSIONS, TABLE_WAITING };

enum {
    RUN_BYTES = 1 << 20,               /* of rows that come back to go out together … */
    DUE_ROWS_MAX = 8 * BATCH_ROWS_MAX, /* … and how many, where they had not left */
    USE_PARTS = 8, /* of the TTL: how exact use is noted of what may leave memory */
};

typedef struct TemporalJoin {
    Operator base;
    TableKey key;
    StateTable *table;        /* VersionEntry */
    StateTable *waiting_rows; /* RowChain: those of a key, in order of time */
    KeptRows rows, versions;
    TimeQueue waiting, coming; /* rows, and versions whose time has not come: in memory, or … */
    DueKeys due_rows, due_versions; /* … their keys; not used while they have no operator */
    JoinOutput out;
    int64_t sequence; /* of the next row */
    KeptRow **due;
    int64_t due_count, due_capacity;
    int64_t due_bytes_max; /* of rows in memory, while they are collected */
    bool has_emitted;      /* since it last went on: so many were due */
    bool has_rows;         /* what is due now: rows, then versions */
    bool is_left;
    Sweep sweep;
    Metric *late, *null_times, *state_bytes;
    JoinDelays delays;
} TemporalJoin;

/* ---- Values ------------------------------------------------------------------------------ */

static bool temporal_spills(const TemporalJoin *self)
{
    return self->due_rows.op != NULL;
}

/* The version is in its chain no more. */
static void temporal_give_up(TemporalJoin *self, KeptRow *version)
{
    if (version->is_due || temporal_spills(self))
        kept_remove(&self->versions, version);
    else
        version->is_forgotten = true; /* it goes when its time comes */
}

static void temporal_remove_version(TemporalJoin *self, KeptRow *version)
{
    VersionEntry *entry = (VersionEntry *)(void *)version->entry;
    row_chain_remove(&entry->versions, version);
    temporal_give_up(self, version);
}

static void versions_save(void *owner, const uint8_t *value, Buffer *out)
{
    const TemporalJoin *self = owner;
    const VersionEntry *entry = (const VersionEntry *)(const void *)value;
    row_chain_save(&entry->versions, &self->versions, out);
    if (self->base.node->temporal_join.state_ttl_us > 0)
        buffer_append_u64(out, (uint64_t)entry->used_us);
}

/* Until the start no version is among those to come. State saved before it was to expire is as old
 * as this moment. */
static bool versions_load(void *owner, uint8_t *value, ByteReader *in)
{
    TemporalJoin *self = owner;
    VersionEntry *entry = (VersionEntry *)(void *)value;
    bool is_whole = row_chain_load(&entry->versions, &self->versions, value, in);
    bool has_use = is_whole && byte_reader_left(in) > 0;
    entry->used_us = has_use ? (int64_t)byte_reader_u64(in) : world_now_us(self->base.task->world);
    for (KeptRow *row = entry->versions.first; row != NULL; row = row->next)
        row->is_due = true;
    return is_whole && !in->is_short && entry->versions.first != NULL;
}

static void versions_clear(void *owner, uint8_t *value)
{
    VersionEntry *entry = (VersionEntry *)(void *)value;
    for (KeptRow *row = entry->versions.first, *next; row != NULL; row = next) {
        next = row->next;
        temporal_give_up(owner, row);
    }
    entry->versions = (RowChain){0};
}

static int64_t versions_owned(const void *owner)
{
    return blocks_used_bytes(&((const TemporalJoin *)owner)->versions.heap);
}

static const TableCodec versions_codec = {.save = versions_save,
                                          .load = versions_load,
                                          .clear = versions_clear,
                                          .owned_bytes = versions_owned};

/* The rows; then of each, in the same order, its place among all and whether it was late. */
static void waiting_save(void *owner, const uint8_t *value, Buffer *out)
{
    const RowChain *chain = (const RowChain *)(const void *)value;
    const TemporalJoin *self = owner;
    row_chain_save(chain, &self->rows, out);
    for (const KeptRow *row = chain->first; row != NULL; row = row->next) {
        buffer_append_u64(out, (uint64_t)row->sequence);
        buffer_append_u8(out, row->is_due);
    }
}

static bool waiting_load(void *owner, uint8_t *value, ByteReader *in)
{
    TemporalJoin *self = owner;
    RowChain *chain = (RowChain *)(void *)value;
    if (!row_chain_load(chain, &self->rows, value, in) || chain->first == NULL)
        return false;
    for (KeptRow *row = chain->first; row != NULL; row = row->next) {
        row->sequence = (int64_t)byte_reader_u64(in);
        uint8_t is_late = byte_reader_u8(in);
        if (row->sequence < 0 || row->sequence == INT64_MAX || is_late > 1)
            return false;
        row->is_due = is_late == 1;
    }
    row_chain_sort(chain);
    return !in->is_short;
}

static void waiting_clear(void *owner, uint8_t *value)
{
    row_chain_clear((RowChain *)(void *)value, &((TemporalJoin *)owner)->rows);
}

static int64_t waiting_owned(const void *owner)
{
    return blocks_used_bytes(&((const TemporalJoin *)owner)->rows.heap);
}

static const TableCodec waiting_codec = {.save = waiting_save,
                                         .load = waiting_load,
                                         .clear = waiting_clear,
                                         .owned_bytes = waiting_owned};

/* ---- Opening ----------------------------------------------------------------------------- */

static Status temporal_open(Operator *op)
{
    TemporalJoin *self = (TemporalJoin *)op;
    const PlanNode *node = op->node;
    const PlanJoin *join = &node->temporal_join.join;
    assert(join->kind == JOIN_INNER || join->kind == JOIN_LEFT);
    self->key = join_table_key(op, join);
    self->table = operator_new_table(op, TABLE_VERSIONS, &self->key, (int32_t)sizeof(VersionEntry),
                                     &versions_codec);
    self->waiting_rows = operator_new_table(op, TABLE_WAITING, &self->key,
                                            (int32_t)sizeof(RowChain), &waiting_codec);
    kept_open(&self->rows, op->task->query, &node->inputs[0]->schema);
    kept_open(&self->versions, op->task->query, &node->inputs[1]->schema);
    operator_spill_table(op, self->table);
    operator_spill_table(op, self->waiting_rows);
    if (op->task->spill != NULL) {
        due_open(&self->due_rows, op, &self->key);
        due_open(&self->due_versions, op, &self->key);
    }
    time_queue_open(&self->waiting);
    time_queue_open(&self->coming);
    self->is_left = join->kind == JOIN_LEFT;
    self->late = metric_get(METRIC_COUNTER, "weir_late_records_total", operator_labels(op, ""),
                            "Rows that came after their last window had fired.", 1);
    self->null_times = metric_get(METRIC_COUNTER, "weir_null_time_records_total",
                                  operator_labels(op, ""), "Rows without event time.", 1);
    self->state_bytes = metric_get(METRIC_GAUGE, "weir_state_size_bytes", operator_shard_labels(op),
                                   "Bytes of state in memory.", 1);
    self->delays = join_delays_open(op);
    TRY(join_output_open(&self->out, op, join));
    join_output_take_kept(&self->out, &self->rows, &self->versions);
    self->out.passes_kinds = node->inputs[0]->changelog != CHANGELOG_APPEND;
    self->out.pads_failed = self->is_left;
    return OK;
}

/* ---- Rows in ----------------------------------------------------------------------------- */

static RowChain *waiting_chain(uint8_t *value)
{
    return (RowChain *)(void *)value;
}

/* Rows with a NULL in the key wait too, under that key: they find no version. */
static void temporal_push_row(TemporalJoin *self, const Batch *batch)
{
    Operator *op = &self->base;
    Arena *scratch = op->task->scratch;
    Selection rows = batch->selection;
    KeptRow **kept = ARENA_ARRAY(scratch, KeptRow *, rows.count);
    uint8_t **values = ARENA_ARRAY(scratch, uint8_t *, rows.count);
    const int32_t *columns = op->node->temporal_join.join.keys[0].columns;
    TableKeys keys = table_keys(&self->key, batch, columns, rows, scratch);
    table_find_or_insert(self->waiting_rows, &keys, 0, rows.count, values);
    kept_add(&self->rows, batch, rows, kept);
    for (int32_t i = 0; i < rows.count; i++) {
        KeptRow *row = kept[i];
        row->time = join_time(batch, op->node->temporal_join.times[0], selection_row(rows, i));
        row->is_due = row->time < op->watermark;
        row->sequence = self->sequence++;
        row->entry = values[i];
        row_chain_insert(waiting_chain(values[i]), row);
        if (!temporal_spills(self))
            time_queue_put(&self->waiting, row->time, row);
        else if (row->previous == NULL)
            due_put(&self->due_rows, self->waiting_rows, values[i], row->time);
    }
}

/* The version of exactly this time, or NULL. */
static KeptRow *versions_at(const VersionEntry *entry, Timestamp time)
{
    KeptRow *version = entry->versions.last;
    while (version != NULL && version->time > time)
        version = version->previous;
    return version != NULL && version->time == time ? version : NULL;
}

static void temporal_keep_version(TemporalJoin *self, KeptRow *version)
{
    VersionEntry *entry = (VersionEntry *)(void *)version->entry;
    KeptRow *replaced = versions_at(entry, version->time);
    if (replaced != NULL)
        temporal_remove_version(self, replaced);
    row_chain_insert(&entry->versions, version);
    if (!temporal_spills(self))
        time_queue_put(&self->coming, version->time, version);
    else if (version->previous == NULL || version->previous->time <= self->base.watermark)
        due_put(&self->due_versions, self->table, version->entry, version->time);
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

static void temporal_keep_versions(TemporalJoin *self, const Batch *batch)
{
    Operator *op = &self->base;
    Arena *scratch = op->task->scratch;
    JoinRows rows = join_rows(op, &op->node->temporal_join.join, &self->key, 1, batch);
    int32_t count = rows.keyed.count;
    uint8_t **values = ARENA_ARRAY(scratch, uint8_t *, count);
    KeptRow **kept = ARENA_ARRAY(scratch, KeptRow *, count);
    table_find_or_insert(self->table, &rows.keys, 0, count, values);
    kept_add(&self->versions, batch, rows.keyed, kept);
    int64_t now_us = world_now_us(op->task->world);
    for (int32_t i = 0; i < count; i++) {
        int32_t row = selection_row(rows.keyed, i);
        ((VersionEntry *)(void *)values[i])->used_us = now_us;
        kept[i]->entry = values[i];
        kept[i]->time = join_time(batch, op->node->temporal_join.times[1], row);
        temporal_keep_version(self, kept[i]);
    }
}

static void temporal_push_version(TemporalJoin *self, Batch *batch)
{
    temporal_drop_before(&self->base, batch);
    if (batch->selection.count > 0)
        temporal_keep_versions(self, batch);
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
    return OK;
}

/* ---- Rows out ---------------------------------------------------------------------------- */

/* The last version that is not after `time`, or NULL. Looked for from the nearer end. */
static KeptRow *versions_of(const VersionEntry *entry, Timestamp time)
{
    KeptRow *first = entry->versions.first, *last = entry->versions.last;
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

static bool version_is_there(const KeptRow *version)
{
    return version != NULL && !row_kind_is_retraction(version->kind);
}

static Status temporal_emit_row(TemporalJoin *self, KeptRow *row, VersionEntry *entry)
{
    Operator *op = &self->base;
    KeptRow *version = entry == NULL ? NULL : versions_of(entry, row->time);
    if (version_is_there(version))
        return join_output_add(&self->out, kept_side(row), kept_side(version));
    if (self->is_left)
        return join_output_pad(&self->out, 0, kept_side(row));
    if (!row->is_due)
        return OK;
    Letter letter = operator_letter_about(op, 0, STAGE_LATE, "WR4304",
                                          "the row came after the version of its time was gone");
    metric_add(self->late, 1);
    Batch late = kept_batch(&self->rows, row, op->task->scratch);
    operator_write_letter(op, &letter, &late, 0);
    return OK;
}

static void temporal_stop_waiting(TemporalJoin *self, KeptRow *row)
{
    RowChain *chain = waiting_chain(row->entry);
    row_chain_remove(chain, row);
    if (chain->first == NULL)
        table_delete(self->waiting_rows, row->entry);
    kept_remove(&self->rows, row);
}

/* The entry is asked for. Of one that may leave memory that is noted now and then: it would have to
 * be written each time. */
static void temporal_use(TemporalJoin *self, uint8_t *value, int64_t now_us)
{
    VersionEntry *entry = (VersionEntry *)(void *)value;
    if (entry == NULL)
        return;
    int64_t ttl_us = self->base.node->temporal_join.state_ttl_us;
    if (!temporal_spills(self)) {
        entry->used_us = now_us;
    } else if (ttl_us > 0 && now_us - entry->used_us >= ttl_us / USE_PARTS) {
        table_touch(self->table, value);
        entry->used_us = now_us;
    }
    __builtin_prefetch(entry->versions.first);
}

/* One run of the due rows: all are searched for first, so that one search need not wait for what
 * another one finds. */
static Status temporal_emit_run(TemporalJoin *self, KeptRow *const *rows, int32_t count)
{
    const uint8_t *waiting[BATCH_ROWS_MAX];
    uint8_t *found[BATCH_ROWS_MAX];
    int64_t now_us = world_now_us(self->base.task->world);
    for (int32_t i = 0; i < count; i++)
        waiting[i] = rows[i]->entry;
    for (int32_t i = 0; i < count; i++)
        table_touch(self->waiting_rows, waiting[i]);
    table_find_run_from(self->table, self->waiting_rows, waiting, count, found);
    for (int32_t i = 0; i < count; i++)
        temporal_use(self, found[i], now_us);
    for (int32_t i = 0; i < count; i++)
        TRY(temporal_emit_row(self, rows[i], (VersionEntry *)(void *)found[i]));
    TRY(join_output_flush(&self->out));
    for (int32_t i = 0; i < count; i++)
        temporal_stop_waiting(self, rows[i]);
    return OK;
}

static int temporal_compare(const void *a, const void *b)
{
    const KeptRow *left = *(KeptRow *const *)a, *right = *(KeptRow *const *)b;
    return (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

static void temporal_collect(TemporalJoin *self, KeptRow *row)
{
    if (self->due_count == self->due_capacity) {
        self->due_capacity = self->due_capacity == 0 ? 256 : self->due_capacity * 2;
        self->due = memory_resize(self->due, (int64_t)sizeof(KeptRow *) * self->due_capacity);
    }
    self->due[self->due_count++] = row;
}

/* All that have been collected. */
static Status temporal_emit(TemporalJoin *self)
{
    if (self->due_count == 0)
        return OK;
    qsort(self->due, (size_t)self->due_count, sizeof(KeptRow *), temporal_compare);
    for (int64_t at = 0; at < self->due_count; at += BATCH_ROWS_MAX) {
        int64_t left = self->due_count - at;
        TRY(temporal_emit_run(self, self->due + at,
                              left < BATCH_ROWS_MAX ? (int32_t)left : BATCH_ROWS_MAX));
    }
    self->due_count = 0;
    if (self->due_capacity > BATCH_ROWS_MAX) {
        memory_free(self->due);
        self->due = NULL;
        self->due_capacity = 0;
    }
    return OK;
}

/* The rows of a key whose time has come. It is put for the next one, if there is one. A key may
 * have been put for several of them: what has been collected is not again. */
static void temporal_collect_due(TemporalJoin *self, uint8_t *value)
{
    KeptRow *row = waiting_chain(value)->first;
    for (; row != NULL && row->time <= self->base.watermark; row = row->next) {
        if (!row->is_forgotten)
            temporal_collect(self, row);
        row->is_forgotten = true;
    }
    if (row != NULL)
        due_put(&self->due_rows, self->waiting_rows, value, row->time);
}

/* What has been collected, where it has come back into memory for that. */
static Status temporal_emit_spilled(TemporalJoin *self)
{
    Error *error = self->base.task->error;
    TRY(temporal_emit(self));
    TRY(table_make_room(self->waiting_rows, error));
    return table_make_room(self->table, error);
}

static bool temporal_pauses(TemporalJoin *self, DueKeys *due, int32_t left)
{
    if (!operator_is_to_pause(&self->base))
        return false;
    due_pause(due, left);
    self->base.has_more = true;
    return true;
}

/* All rows of a watermark go out together as long as there is memory for them. */
static Status temporal_visit_rows(void *context, const StateTable *bucket,
                                  const uint8_t *const *values, int32_t count)
{
    TemporalJoin *self = context;
    table_expect_from(self->waiting_rows, bucket, values, count);
    table_expect_from(self->table, bucket, values, count);
    for (int32_t i = 0; i < count; i++) {
        uint8_t *value = table_find_from(self->waiting_rows, bucket, values[i]);
        if (value != NULL)
            temporal_collect_due(self, value);
        if (self->due_count < DUE_ROWS_MAX && kept_bytes(&self->rows) <= self->due_bytes_max)
            continue;
        TRY(temporal_emit_spilled(self));
        self->has_emitted = true;
        if (temporal_pauses(self, &self->due_rows, count - i - 1))
            return OK;
    }
    if (self->has_emitted)
        temporal_pauses(self, &self->due_rows, 0);
    return OK;
}

static Status temporal_pass_rows(TemporalJoin *self, Timestamp watermark)
{
    TimeItem item;
    while (time_queue_take(&self->waiting, watermark, &item))
        temporal_collect(self, item.value);
    return temporal_emit(self);
}

/* ---- Versions that nobody asks for any more ---------------------------------------------- */

static void temporal_prune(TemporalJoin *self, uint8_t *value, Timestamp watermark)
{
    VersionEntry *entry = (VersionEntry *)(void *)value;
    KeptRow *first = entry->versions.first;
    while (first != NULL && first->time <= watermark) {
        bool is_replaced = first->next != NULL && first->next->time <= watermark;
        if (!is_replaced && version_is_there(first))
            return;
        table_touch(self->table, value);
        temporal_remove_version(self, first);
        first = entry->versions.first;
    }
    if (first == NULL)
        table_delete(self->table, value);
}

static void temporal_pass_queue(TemporalJoin *self, Timestamp watermark)
{
    TimeItem item;
    while (time_queue_take(&self->coming, watermark, &item)) {
        KeptRow *version = item.value;
        version->is_due = true;
        if (version->is_forgotten)
            kept_remove(&self->versions, version);
        else
            temporal_prune(self, version->entry, watermark);
    }
}

/* A key whose versions have come: it is put for the next one, if there is one. */
static void temporal_settle(TemporalJoin *self, uint8_t *value)
{
    Timestamp watermark = self->base.watermark;
    const KeptRow *next = ((VersionEntry *)(void *)value)->versions.first;
    while (next != NULL && next->time <= watermark)
        next = next->next;
    if (next != NULL)
        due_put(&self->due_versions, self->table, value, next->time);
    temporal_prune(self, value, watermark);
}

static Status temporal_visit_versions(void *context, const StateTable *bucket,
                                      const uint8_t *const *values, int32_t count)
{
    TemporalJoin *self = context;
    table_expect_from(self->table, bucket, values, count);
    for (int32_t i = 0; i < count;) {
        int64_t most = kept_bytes(&self->versions) + RUN_BYTES;
        for (; i < count && kept_bytes(&self->versions) < most; i++) {
            uint8_t *value = table_find_from(self->table, bucket, values[i]);
            if (value != NULL)
                temporal_settle(self, value);
        }
        TRY(table_make_room(self->table, self->base.task->error));
        if (temporal_pauses(self, &self->due_versions, count - i))
            return OK;
    }
    return OK;
}

/* Where state may leave memory: rows, then versions, then the watermark. */
static Status temporal_go_on(Operator *op)
{
    TemporalJoin *self = (TemporalJoin *)op;
    if (self->has_rows) {
        self->due_bytes_max = kept_bytes(&self->rows) + RUN_BYTES;
        self->has_emitted = false;
        TRY(due_go_on(&self->due_rows, temporal_visit_rows, self));
        TRY(temporal_emit_spilled(self));
        if (op->has_more)
            return OK;
        self->has_rows = false;
        due_begin(&self->due_versions, op->watermark);
    }
    TRY(due_go_on(&self->due_versions, temporal_visit_versions, self));
    return op->has_more ? OK : operator_advance(op, op->watermark);
}

static Status temporal_advance(Operator *op, Timestamp watermark)
{
    TemporalJoin *self = (TemporalJoin *)op;
    assert(watermark == op->watermark);
    if (temporal_spills(self)) {
        self->has_rows = true;
        due_begin(&self->due_rows, watermark);
        return temporal_go_on(op);
    }
    TRY(temporal_pass_rows(self, watermark));
    temporal_pass_queue(self, watermark);
    return operator_advance(op, watermark);
}

/* Keys that have not been used for the TTL lose their versions. */
static bool temporal_is_over(const Operator *op, const uint8_t *value, int64_t now_us)
{
    const VersionEntry *entry = (const VersionEntry *)(const void *)value;
    int64_t ttl_us = op->node->temporal_join.state_ttl_us;
    int64_t slack_us = op->task->spill == NULL ? 0 : ttl_us / USE_PARTS;
    return now_us - entry->used_us >= ttl_us + slack_us;
}

static Status temporal_tick(Operator *op, int64_t now_us)
{
    TemporalJoin *self = (TemporalJoin *)op;
    operator_sweep(op, &self->sweep, self->table, op->node->temporal_join.state_ttl_us, now_us,
                   temporal_is_over);
    metric_set(self->state_bytes, table_bytes(self->table) + table_bytes(self->waiting_rows) +
                                      kept_bytes(&self->rows) + kept_bytes(&self->versions) +
                                      self->waiting.bytes + self->coming.bytes);
    join_delays_tick(&self->delays, op, now_us);
    return OK;
}

/* ---- Checkpoints ------------------------------------------------------------------------- */

/* 1: all rows at the barrier. */
enum { TEMPORAL_STATE_VERSION = 2 };

static Status temporal_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    (void)checkpoint;
    operator_save_watermark(op, TEMPORAL_STATE_VERSION, out);
    return OK;
}

static Status temporal_restore(Operator *op, Str state)
{
    return operator_load_watermark(op, TEMPORAL_STATE_VERSION, state);
}

static void temporal_enqueue_rows(TemporalJoin *self, const uint8_t *value)
{
    const RowChain *chain = (const RowChain *)(const void *)value;
    if (temporal_spills(self))
        due_put(&self->due_rows, self->waiting_rows, value, chain->first->time);
    for (KeptRow *row = chain->first; row != NULL; row = row->next) {
        if (!temporal_spills(self))
            time_queue_put(&self->waiting, row->time, row);
        if (row->sequence >= self->sequence)
            self->sequence = row->sequence + 1;
    }
}

/* A single version up to the watermark, and not a deletion, is what the watermark has left of those
 * before. Where there are more, some came late: the next watermark will sort them out. */
static void temporal_enqueue_versions(TemporalJoin *self, const uint8_t *value)
{
    const VersionEntry *entry = (const VersionEntry *)(const void *)value;
    Timestamp watermark = self->base.watermark;
    KeptRow *first = entry->versions.first;
    bool is_settled = first->time <= watermark && version_is_there(first) &&
                      (first->next == NULL || first->next->time > watermark);
    KeptRow *row = is_settled ? first->next : first;
    if (temporal_spills(self)) {
        if (row != NULL)
            due_put(&self->due_versions, self->table, value, row->time);
        return;
    }
    for (; row != NULL; row = row->next) {
        row->is_due = false;
        time_queue_put(&self->coming, row->time, row);
    }
}

/* All keys of a table, into what is due. */
static Status temporal_enqueue(TemporalJoin *self, const StateTable *table,
                               void (*enqueue)(TemporalJoin *self, const uint8_t *value))
{
    uint8_t *values[DUE_RUN_MAX];
    int64_t cursor = 0;
    int32_t count;
    while ((count = table_read_run(table, &cursor, values, DUE_RUN_MAX)) > 0) {
        for (int32_t i = 0; i < count; i++)
            enqueue(self, values[i]);
        TRY(due_make_room(&self->due_rows));
    }
    return OK;
}

static Status temporal_start(Operator *op)
{
    TemporalJoin *self = (TemporalJoin *)op;
    TRY(temporal_enqueue(self, self->waiting_rows, temporal_enqueue_rows));
    return temporal_enqueue(self, self->table, temporal_enqueue_versions);
}

static void temporal_close(Operator *op)
{
    TemporalJoin *self = (TemporalJoin *)op;
    due_close(&self->due_rows);
    due_close(&self->due_versions);
    table_free(self->table);
    table_free(self->waiting_rows);
    self->table = self->waiting_rows = NULL;
    kept_close(&self->rows);
    kept_close(&self->versions);
    time_queue_close(&self->waiting);
    time_queue_close(&self->coming);
    memory_free(self->due);
    self->due = NULL;
    join_output_close(&self->out);
}

const OperatorKind temporal_join_operator = {
    .name = "temporal-join",
    .size = sizeof(TemporalJoin),
    .open = temporal_open,
    .push = temporal_push,
    .advance = temporal_advance,
    .go_on = temporal_go_on,
    .tick = temporal_tick,
    .snapshot = temporal_snapshot,
    .restore = temporal_restore,
    .start = temporal_start,
    .close = temporal_close,
};
