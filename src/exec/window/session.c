/* SESSION windows: rows of a key that are less than a gap apart are one window. Grouped by it, they
 * are aggregated; else they are kept, and given out with their window when it is over.
 *
 *     key ──> sessions, earliest first:  [start, end) records, accumulators or rows
 *                                             │
 *     queue of ends, or of keys  ─────────────┘  watermark at the last millisecond: out, +I
 *
 * A row opens a window of one gap, and windows that overlap or touch become one, so a row between
 * two sessions joins them. Sessions grow while they are queued: what is taken from the queue too
 * early goes back. Where state may leave memory nothing points at a session: its key is due when
 * the first of its sessions is, and then asked for again (due.h). A row is late whose window, as
 * it would be then, is over already. Rows that are taken back leave the accumulators, not the
 * extent, as in Flink; a group without rows gives nothing. */
#include <assert.h>

#include "data/rowcode.h"
#include "exec/accumulator.h"
#include "exec/due.h"
#include "exec/join/time_queue.h"
#include "exec/operators.h"
#include "exec/rowout.h"
#include "exec/window/clock.h"
#include "state/blocks.h"
#include "state/table.h"

typedef struct Session Session;
typedef struct SessionKey SessionKey;

/* A change that waits for the end of its session: its kind and its row as rowcode. */
typedef struct SessionRow SessionRow;
struct SessionRow {
    SessionRow *next;
    int32_t kind; /* RowKind */
    int64_t length;
    char bytes[];
};

/* The accumulators follow. */
struct Session {
    Session *next; /* of the key, later */
    SessionKey *key;
    Session *merged_into; /* it lives on there; only the queue knows it still, or `absorbed` */
    Timestamp start, end; /* wall clock */
    int64_t records;
    SessionRow *first_row, *last_row;
};

struct SessionKey {
    Session *first;
};

/* Sessions on their way out. There may be very many, which then go on later (OperatorKind.go_on).
 */
typedef struct SessionFiring {
    Timestamp until;
    bool has_watermark; /* that is passed on behind all */
} SessionFiring;

typedef struct SessionAggregate {
    Operator base;
    TableKey key;
    StateTable *table;
    AccumulatorGroup group;
    Blocks blocks;
    TimeQueue queue;   /* Session, by the instant at which it is over; or, if state may leave: */
    DueKeys due;       /* keys, by that of their first session, or before */
    Session *absorbed; /* in this batch, of those that are in no queue */
    bool spills;
    SessionFiring firing;
    const WindowSpec *window;
    const int32_t *keys;
    int32_t key_count;
    bool keeps_rows; /* a table function without aggregation */
    RowOut out;
    Buffer bytes;         /* rowcode of the row at hand */
    const TimeZone *zone; /* NULL: no shift */
    int64_t gap_us;
    bool is_processing_time;
    Metric *late, *null_time, *state_bytes;
} SessionAggregate;

static int64_t session_bytes(const SessionAggregate *self)
{
    return (int64_t)sizeof(Session) + self->group.bytes;
}

static uint8_t *session_state(Session *session)
{
    return (uint8_t *)(session + 1);
}

/* ---- Checkpoints ------------------------------------------------------------------------- */

enum { SESSION_STATE_VERSION = 3 };

static void session_keep(SessionAggregate *self, Session *session, Str bytes, int32_t kind)
{
    SessionRow *row = blocks_take(&self->blocks, (int64_t)sizeof *row + bytes.length);
    row->next = NULL;
    row->kind = kind;
    row->length = bytes.length;
    if (bytes.length > 0)
        memcpy(row->bytes, bytes.data, (size_t)bytes.length);
    if (session->last_row == NULL)
        session->first_row = row;
    else
        session->last_row->next = row;
    session->last_row = row;
}

static void session_free(SessionAggregate *self, Session *session)
{
    while (session->first_row != NULL) {
        SessionRow *row = session->first_row;
        session->first_row = row->next;
        blocks_give(&self->blocks, row, (int64_t)sizeof *row + row->length);
    }
    accumulators_clear(&self->group, session_state(session));
    blocks_give(&self->blocks, session, session_bytes(self));
}

static void session_save_rows(const SessionAggregate *self, const Session *session, Buffer *out)
{
    uint64_t count = 0;
    if (!self->keeps_rows)
        return;
    for (const SessionRow *row = session->first_row; row != NULL; row = row->next)
        count++;
    buffer_append_u64(out, count);
    for (const SessionRow *row = session->first_row; row != NULL; row = row->next) {
        buffer_append_u8(out, (uint8_t)row->kind);
        buffer_append_bytes(out, str_make(row->bytes, row->length));
    }
}

static bool session_load_rows(SessionAggregate *self, Session *session, ByteReader *in)
{
    uint64_t count = self->keeps_rows ? byte_reader_u64(in) : 0;
    for (uint64_t i = 0; i < count; i++) {
        uint8_t kind = byte_reader_u8(in);
        Str bytes = byte_reader_bytes(in);
        if (in->is_short || kind > ROW_DELETE)
            return false;
        session_keep(self, session, bytes, kind);
    }
    return true;
}

static void session_save(void *owner, const uint8_t *value, Buffer *out)
{
    const SessionAggregate *self = owner;
    const SessionKey *key = (const SessionKey *)(const void *)value;
    uint32_t count = 0;
    for (const Session *session = key->first; session != NULL; session = session->next)
        count++;
    buffer_append_u32(out, count);
    for (Session *session = key->first; session != NULL; session = session->next) {
        buffer_append_u64(out, (uint64_t)session->start);
        buffer_append_u64(out, (uint64_t)session->end);
        buffer_append_u64(out, (uint64_t)session->records);
        accumulators_save(&self->group, session_state(session), out);
        session_save_rows(self, session, out);
    }
}

static bool session_load(void *owner, uint8_t *value, ByteReader *in)
{
    SessionAggregate *self = owner;
    SessionKey *key = (SessionKey *)(void *)value;
    Session **link = &key->first;
    uint32_t count = byte_reader_u32(in);
    for (uint32_t i = 0; i < count && !in->is_short; i++) {
        Session *session = blocks_take(&self->blocks, session_bytes(self));
        memset(session, 0, (size_t)session_bytes(self));
        *link = session;
        link = &session->next;
        session->key = key;
        session->start = (Timestamp)byte_reader_u64(in);
        session->end = (Timestamp)byte_reader_u64(in);
        session->records = (int64_t)byte_reader_u64(in);
        if (!accumulators_load(&self->group, session_state(session), in) ||
            !session_load_rows(self, session, in))
            return false;
    }
    return !in->is_short && count > 0;
}

static void session_clear(void *owner, uint8_t *value)
{
    SessionKey *key = (SessionKey *)(void *)value;
    while (key->first != NULL) {
        Session *session = key->first;
        key->first = session->next;
        session_free(owner, session);
    }
}

static int64_t session_owned(const void *owner)
{
    return blocks_used_bytes(&((const SessionAggregate *)owner)->blocks);
}

static const TableCodec session_codec = {.save = session_save,
                                         .load = session_load,
                                         .clear = session_clear,
                                         .owned_bytes = session_owned};

static Status session_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    (void)checkpoint;
    operator_save_watermark(op, SESSION_STATE_VERSION, out);
    return OK;
}

static Status session_restore(Operator *op, Str state)
{
    return operator_load_watermark(op, SESSION_STATE_VERSION, state);
}

/* When the session's timer goes off. */
static Timestamp session_instant(const SessionAggregate *self, Timestamp end)
{
    return window_instant(self->zone, end - MICROS_PER_MILLI);
}

/* The keys that were loaded are due when their first sessions are. */
static Status session_start_spilled(SessionAggregate *self)
{
    Operator *op = &self->base;
    uint8_t *values[DUE_RUN_MAX];
    int64_t cursor = 0;
    int32_t count;
    TRY(table_put_away(self->table, op->task->error));
    while ((count = table_read_run(self->table, &cursor, values, DUE_RUN_MAX)) > 0) {
        for (int32_t i = 0; i < count; i++) {
            const SessionKey *key = (const SessionKey *)(const void *)values[i];
            due_put(&self->due, self->table, values[i], session_instant(self, key->first->end));
        }
        TRY(due_make_room(&self->due));
    }
    return OK;
}

/* Sessions that were loaded are queued. */
static Status session_start(Operator *op)
{
    SessionAggregate *self = (SessionAggregate *)op;
    if (self->spills)
        return session_start_spilled(self);
    int64_t cursor = 0;
    for (const uint8_t *value = table_next(self->table, &cursor); value != NULL;
         value = table_next(self->table, &cursor)) {
        Session *session = ((const SessionKey *)(const void *)value)->first;
        for (; session != NULL; session = session->next)
            time_queue_put(&self->queue, session_instant(self, session->end), session);
    }
    return OK;
}

/* ---- Opening ----------------------------------------------------------------------------- */

/* What differs between the two kinds of nodes. */
static void session_read_node(SessionAggregate *self)
{
    const PlanNode *node = self->base.node;
    self->keeps_rows = node->kind == PLAN_WINDOW_ASSIGN;
    if (self->keeps_rows) {
        self->window = &node->window_assign.window;
        self->keys = node->window_assign.keys;
        self->key_count = node->window_assign.key_count;
        return;
    }
    self->window = &node->window_aggregate.window;
    self->keys = node->window_aggregate.keys;
    self->key_count = node->window_aggregate.key_count;
    self->group = accumulators_choose(self->base.task->query, node->window_aggregate.aggregates,
                                      node->window_aggregate.aggregate_count, CHOOSE_ALL);
}

static Status session_open(Operator *op)
{
    SessionAggregate *self = (SessionAggregate *)op;
    const Schema *input = &op->node->inputs[0]->schema;
    session_read_node(self);
    assert(self->window->kind == WINDOW_SESSION && self->window->size_ms > 0);
    Type *types = ARENA_ARRAY(op->task->query, Type, self->key_count + 1);
    for (int32_t i = 0; i < self->key_count; i++)
        types[i] = input->fields[self->keys[i]].type;
    self->key = table_key(op->task->query, types, self->key_count);
    self->table =
        operator_new_table(op, 0, &self->key, (int32_t)sizeof(SessionKey), &session_codec);
    operator_spill_table(op, self->table);
    self->gap_us = self->window->size_ms * MICROS_PER_MILLI;
    self->spills = op->task->spill != NULL;
    time_queue_open(&self->queue);
    if (self->spills)
        due_open(&self->due, op, &self->key);
    rowout_open(&self->out, op, self->keeps_rows ? input->count : 0);
    self->is_processing_time = self->window->is_processing_time;
    if (self->window->is_local_time && op->task->eval.zone != timezone_utc())
        self->zone = op->task->eval.zone;
    self->late = metric_get(METRIC_COUNTER, "weir_late_records_total", operator_labels(op, ""),
                            "Rows that came after their last window had fired.", 1);
    self->null_time = metric_get(METRIC_COUNTER, "weir_null_time_records_total",
                                 operator_labels(op, ""), "Rows without event time.", 1);
    self->state_bytes = metric_get(METRIC_GAUGE, "weir_state_size_bytes", operator_shard_labels(op),
                                   "Bytes of keyed state.", 1);
    return OK;
}

/* ---- Sessions ---------------------------------------------------------------------------- */

/* A new one at its place among those of the key. */
static Session *session_new(SessionAggregate *self, SessionKey *key, Session **link, Timestamp time)
{
    Session *session = blocks_take(&self->blocks, session_bytes(self));
    memset(session, 0, (size_t)session_bytes(self));
    session->key = key;
    session->start = time;
    session->end = time + self->gap_us;
    session->next = *link;
    *link = session;
    Timestamp instant = session_instant(self, session->end);
    if (!self->spills)
        time_queue_put(&self->queue, instant, session);
    else if (link == &key->first)
        due_put(&self->due, self->table, (const uint8_t *)key, instant);
    return session;
}

/* The later one becomes part of the earlier one; its memory is needed until the end of the batch,
 * or until the queue comes to it. */
static void session_absorb(SessionAggregate *self, Session *into, Session *from)
{
    into->end = from->end > into->end ? from->end : into->end;
    into->records += from->records;
    accumulators_merge(&self->group, session_state(into), session_state(from));
    accumulators_clear(&self->group, session_state(from));
    if (from->first_row != NULL && into->last_row != NULL)
        into->last_row->next = from->first_row;
    else if (from->first_row != NULL)
        into->first_row = from->first_row;
    into->last_row = from->last_row != NULL ? from->last_row : into->last_row;
    from->first_row = from->last_row = NULL;
    into->next = from->next;
    from->merged_into = into;
    if (!self->spills)
        return;
    from->next = self->absorbed;
    self->absorbed = from;
}

static void session_free_absorbed(SessionAggregate *self)
{
    while (self->absorbed != NULL) {
        Session *session = self->absorbed;
        self->absorbed = session->next;
        session_free(self, session);
    }
}

/* The session of a row at `time`, made or made of others; NULL for a late row. */
static Session *session_find(SessionAggregate *self, SessionKey *key, Timestamp time,
                             Timestamp watermark)
{
    Timestamp end = time + self->gap_us;
    Session **link = &key->first;
    while (*link != NULL && (*link)->end < time)
        link = &(*link)->next;
    Session *session = *link;
    if (session == NULL || session->start > end) {
        if (session_instant(self, end) <= watermark)
            return NULL;
        return session_new(self, key, link, time);
    }
    session->start = time < session->start ? time : session->start;
    session->end = end > session->end ? end : session->end;
    while (session->next != NULL && session->next->start <= session->end)
        session_absorb(self, session, session->next);
    return session;
}

/* ---- Rows in ----------------------------------------------------------------------------- */

static void session_reject(SessionAggregate *self, const Batch *batch, int32_t row, bool is_null)
{
    metric_add(is_null ? self->null_time : self->late, 1);
    if (is_null)
        operator_letter(&self->base, batch, row, STAGE_COMPUTE, "WR4301",
                        "the event time of the row is NULL");
    else
        operator_letter(&self->base, batch, row, STAGE_LATE, "WR4302",
                        "the row came after its session was over");
}

/* Wall clock of the row; false if it has none. */
static bool session_time(const SessionAggregate *self, const Batch *batch, int32_t row,
                         Timestamp *out)
{
    const Operator *op = &self->base;
    Timestamp time = 0;
    if (self->is_processing_time) {
        time = world_now_us(op->task->world);
        time -= time % MICROS_PER_MILLI;
    } else {
        const Column *column = &batch->columns[self->window->time_column];
        if (column_is_null(column, row))
            return false;
        time = ((const int64_t *)column->values)[column_index(column, row)];
    }
    *out = self->zone == NULL ? time : timezone_to_local(self->zone, time);
    return true;
}

/* Into the accumulators of the sessions, where they are now. */
static void session_aggregate(SessionAggregate *self, const Batch *batch, Selection rows,
                              Session **sessions)
{
    Arena *scratch = self->base.task->scratch;
    uint8_t **states = arena_allocate(scratch, (int64_t)sizeof(uint8_t *) * (rows.count + 1));
    for (int32_t i = 0; i < rows.count; i++) {
        while (sessions[i]->merged_into != NULL)
            sessions[i] = sessions[i]->merged_into;
        states[i] = session_state(sessions[i]);
    }
    accumulators_update(&self->group, states, 0, batch, rows, scratch);
}

/* What the keys of a batch need from disk is read at one go. */
static void session_fetch(const SessionAggregate *self, const TableKeys *keys)
{
    uint8_t **values =
        arena_allocate(self->base.task->scratch, (int64_t)sizeof(uint8_t *) * keys->count);
    table_find(self->table, keys, 0, keys->count, values);
}

static Status session_push(Operator *op, int32_t input, Batch *batch)
{
    SessionAggregate *self = (SessionAggregate *)op;
    Arena *scratch = op->task->scratch;
    Selection rows = batch->selection;
    assert(input == 0);
    Timestamp watermark = self->is_processing_time ? TIMESTAMP_MIN : op->watermark;
    TableKeys keys = table_keys(&self->key, batch, self->keys, rows, scratch);
    Session **sessions = arena_allocate(scratch, (int64_t)sizeof(Session *) * rows.count);
    int32_t *kept = arena_allocate(scratch, (int64_t)sizeof(int32_t) * rows.count);
    int32_t count = 0;
    if (self->spills)
        session_fetch(self, &keys);
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        Timestamp time;
        bool has_time = session_time(self, batch, row, &time);
        uint8_t *value = NULL;
        if (has_time)
            table_find_or_insert(self->table, &keys, i, 1, &value);
        SessionKey *key = (SessionKey *)(void *)value;
        Session *session = has_time ? session_find(self, key, time, watermark) : NULL;
        if (session == NULL) {
            session_reject(self, batch, row, !has_time);
            if (value != NULL && key->first == NULL)
                table_delete(self->table, value);
            continue;
        }
        session->records += row_kind_is_retraction((uint8_t)batch_kind(batch, row)) ? -1 : 1;
        sessions[count] = session;
        kept[count++] = row;
        if (!self->keeps_rows)
            continue;
        self->bytes.length = 0;
        rowcode_write(&self->bytes, batch, row, NULL, self->out.width);
        session_keep(self, session, buffer_str(&self->bytes), (int32_t)batch_kind(batch, row));
    }
    if (!self->keeps_rows)
        session_aggregate(self, batch, (Selection){.rows = kept, .count = count}, sessions);
    session_free_absorbed(self);
    return OK;
}

/* ---- Sessions out ------------------------------------------------------------------------ */

static Timestamp session_part(const SessionAggregate *self, const Session *session,
                              WindowColumn column)
{
    switch (column) {
    case WINDOW_START: return session->start;
    case WINDOW_END: return session->end;
    case WINDOW_TIME: break;
    }
    return session_instant(self, session->end);
}

/* What came in it, each with the window: a row that was taken back comes and goes, as in Flink. */
static Status session_emit_rows(SessionAggregate *self, const Session *session)
{
    static const WindowColumn columns[] = {WINDOW_START, WINDOW_END, WINDOW_TIME};
    for (const SessionRow *row = session->first_row; row != NULL; row = row->next) {
        TRY(rowout_append(&self->out, str_make(row->bytes, row->length), (RowKind)row->kind));
        for (int32_t i = 0; i < 3; i++) {
            Column *column = &self->out.batch->columns[self->out.width + i];
            ((int64_t *)column->values)[rowout_last(&self->out)] =
                session_part(self, session, columns[i]);
        }
    }
    return OK;
}

static Status session_emit(SessionAggregate *self, Session *session)
{
    const PlanNode *node = self->base.node;
    if (self->keeps_rows)
        return session_emit_rows(self, session);
    if (self->out.batch->row_count == BATCH_ROWS_MAX || rowout_room_bytes(&self->out) < 0)
        TRY(rowout_flush(&self->out));
    Batch *out = self->out.batch;
    int32_t row = out->row_count;
    int32_t first = self->key_count + node->window_aggregate.aggregate_count;
    table_read_key(self->table, (const uint8_t *)session->key, out, BATCH_ROWS_MAX);
    accumulators_result(&self->group, session_state(session), out->columns + self->key_count,
                        out->arena, row, BATCH_ROWS_MAX);
    for (int32_t i = 0; i < node->window_aggregate.window_column_count; i++)
        ((int64_t *)out->columns[first + i].values)[row] =
            session_part(self, session, node->window_aggregate.window_columns[i]);
    out->row_count++;
    batch_select_all(out);
    rowout_note_last(&self->out);
    return OK;
}

static void session_unlink(SessionAggregate *self, Session *session)
{
    SessionKey *key = session->key;
    Session **link = &key->first;
    table_touch(self->table, (const uint8_t *)key);
    while (*link != session)
        link = &(*link)->next;
    *link = session->next;
    if (key->first == NULL)
        table_delete(self->table, (uint8_t *)key);
}

static Status session_give(SessionAggregate *self, Session *session)
{
    if (session->records > 0 || session->first_row != NULL)
        TRY(session_emit(self, session));
    session_unlink(self, session);
    session_free(self, session);
    return OK;
}

/* What has come out is flushed, the rest is for later. */
static Status session_pause(SessionAggregate *self)
{
    self->base.has_more = true;
    return rowout_flush(&self->out);
}

static Status session_fire_queued(SessionAggregate *self)
{
    TimeItem item;
    while (time_queue_take(&self->queue, self->firing.until, &item)) {
        Session *session = item.value;
        if (session->merged_into != NULL) {
            session_free(self, session);
            continue;
        }
        Timestamp instant = session_instant(self, session->end);
        if (instant > item.time) {
            time_queue_put(&self->queue, instant, session);
            continue;
        }
        TRY(session_give(self, session));
        if (operator_is_clogged(&self->base))
            return session_pause(self);
    }
    return OK;
}

/* Those of one key; what is left of it is due later. */
static Status session_fire_key(SessionAggregate *self, uint8_t *value)
{
    const SessionKey *key = (const SessionKey *)(const void *)value;
    for (Session *session = key->first, *next; session != NULL; session = next) {
        Timestamp instant = session_instant(self, session->end);
        next = session->next;
        if (instant > self->firing.until) {
            due_put(&self->due, self->table, value, instant);
            return OK;
        }
        TRY(session_give(self, session));
    }
    return OK;
}

static Status session_visit(void *context, const StateTable *bucket, const uint8_t *const *values,
                            int32_t count)
{
    SessionAggregate *self = context;
    for (int32_t i = 0; i < count;) {
        TRY(table_make_room(self->table, self->base.task->error));
        int32_t end = i + table_expect_from(self->table, bucket, values + i, count - i);
        int64_t before = self->out.flush_count;
        for (; i < end && rowout_room_bytes(&self->out) >= 0 && self->out.flush_count == before;
             i++) {
            uint8_t *value = table_find_from(self->table, bucket, values[i]);
            if (value != NULL)
                TRY(session_fire_key(self, value));
        }
        if (rowout_room_bytes(&self->out) < 0)
            TRY(rowout_flush(&self->out));
        if (!operator_is_to_pause(&self->base))
            continue;
        due_pause(&self->due, count - i);
        return session_pause(self);
    }
    return OK;
}

static Status session_go_on(Operator *op)
{
    SessionAggregate *self = (SessionAggregate *)op;
    TRY(self->spills ? due_go_on(&self->due, session_visit, self) : session_fire_queued(self));
    if (op->has_more)
        return OK;
    TRY(rowout_flush(&self->out));
    return self->firing.has_watermark ? operator_advance(op, self->firing.until) : OK;
}

/* Sessions that are over at this time. */
static Status session_fire(SessionAggregate *self, Timestamp until, bool has_watermark)
{
    self->firing = (SessionFiring){.until = until, .has_watermark = has_watermark};
    if (self->spills)
        due_begin(&self->due, until);
    return session_go_on(&self->base);
}

static Status session_advance(Operator *op, Timestamp watermark)
{
    SessionAggregate *self = (SessionAggregate *)op;
    if (!self->is_processing_time)
        return session_fire(self, watermark, true);
    return operator_advance(op, watermark);
}

static Status session_tick(Operator *op, int64_t now_us)
{
    SessionAggregate *self = (SessionAggregate *)op;
    int64_t bytes = table_bytes(self->table) + self->blocks.held_bytes;
    metric_set(self->state_bytes,
               bytes + (self->spills ? due_bytes(&self->due) : self->queue.bytes));
    return self->is_processing_time ? session_fire(self, now_us - MICROS_PER_MILLI, false) : OK;
}

static void session_close(Operator *op)
{
    SessionAggregate *self = (SessionAggregate *)op;
    if (self->table == NULL)
        return;
    TimeItem item;
    /* Those that became part of others are known to the queue only. */
    while (time_queue_take(&self->queue, TIMESTAMP_MAX, &item))
        if (((const Session *)item.value)->merged_into != NULL)
            session_free(self, item.value);
    time_queue_close(&self->queue);
    due_close(&self->due);
    table_free(self->table);
    self->table = NULL;
    blocks_close(&self->blocks);
    rowout_close(&self->out);
    buffer_free(&self->bytes);
}

const OperatorKind session_aggregate_operator = {
    .name = "session-aggregate",
    .size = sizeof(SessionAggregate),
    .open = session_open,
    .push = session_push,
    .advance = session_advance,
    .go_on = session_go_on,
    .tick = session_tick,
    .snapshot = session_snapshot,
    .restore = session_restore,
    .start = session_start,
    .close = session_close,
};
