/* Drives a connector's sink: writes, retries, prepares and commits.
 *
 * What may pass (a server that went away, a full disk) is retried with growing pauses for as
 * long as the job runs; meanwhile nothing is taken from the input, which is the back-pressure.
 * Rows of a table that holds them back go to the connector when their checkpoint is durable, and
 * are part of it until then (exec/held.h). A job that runs beside another one, whose place it is to
 * take, keeps the rows of all its sinks by key in the same way, until it has done so.
 * Rows with NULL in a NOT NULL column never reach the connector: by the not-null enforcer they
 * are dropped (DROP) or, where Flink would fail the job (ERROR), become dead letters. */
#include "exec/operators.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/backoff.h"
#include "base/log.h"
#include "exec/held.h"
#include "state/table.h"

/* In the number of the shard that begins a sink's state: rows that were kept stand before what the
 * connector has saved. */
#define SINK_HAS_KEPT UINT32_C(0x80000000)

enum {
    SINK_PAUSE_FIRST_US = 50000,
    SINK_PAUSE_MAX_US = 5000000,
    SINK_PAUSE_STEP_US = 50000, /* how soon a stop is noticed while pausing */
};

typedef struct SinkOperator {
    Operator base;
    SinkWriter *writer;
    const int32_t *required; /* columns of the input that must not be NULL */
    int32_t required_count;
    const int32_t *key; /* columns of the input, where the sink goes by a key and skips -U */
    TableKey key_shape;
    StateTable *later; /* of one batch: key -> whether rows have been seen, from its end on */
    HeldRows *held, *prepared; /* since the last barrier, before it; or NULL */
    HeldRows *kept;            /* while another job is in charge; or NULL */
    bool is_open, has_finished;
    Buffer restored; /* the writer's own state of the checkpoint, until start */
    bool is_restored;
    Metric *written, *dropped, *rejected, *retries;
} SinkOperator;

/* One call of the connector, in a form that can be repeated. */
typedef struct SinkCall {
    enum {
        CALL_OPEN,
        CALL_WRITE,
        CALL_TICK,
        CALL_ADVANCE,
        CALL_PREPARE,
        CALL_COMMIT,
        CALL_FINISH
    } what;
    const Batch *batch;
    int64_t number; /* checkpoint, time or watermark */
    Buffer *state;
    Str restored;
} SinkCall;

static Status sink_call(SinkWriter *writer, const SinkCall *call, Error *error)
{
    const SinkKind *kind = writer->kind;
    switch (call->what) {
    case CALL_OPEN: return kind->open(writer, call->restored, error);
    case CALL_WRITE: return kind->write(writer, call->batch, error);
    case CALL_TICK: return kind->tick == NULL ? OK : kind->tick(writer, call->number, error);
    case CALL_ADVANCE:
        return kind->advance == NULL ? OK : kind->advance(writer, call->number, error);
    case CALL_PREPARE: return kind->prepare(writer, call->number, call->state, error);
    case CALL_COMMIT: return kind->commit == NULL ? OK : kind->commit(writer, call->number, error);
    case CALL_FINISH: return kind->finish == NULL ? OK : kind->finish(writer, error);
    }
    return ERR_INTERNAL;
}

static bool sink_is_stopping(const SinkOperator *sink)
{
    const _Atomic bool *flag = sink->base.task->is_stopping;
    return flag != NULL && atomic_load_explicit(flag, memory_order_relaxed);
}

/* False when the job stops meanwhile. */
static bool sink_pause(SinkOperator *sink, int64_t pause_us)
{
    World *world = sink->base.task->world;
    while (pause_us > 0 && !sink_is_stopping(sink)) {
        int64_t step_us = pause_us < SINK_PAUSE_STEP_US ? pause_us : SINK_PAUSE_STEP_US;
        world->kind->sleep_us(world, step_us);
        pause_us -= step_us;
    }
    return !sink_is_stopping(sink);
}

static Status sink_retry(SinkOperator *sink, const SinkCall *call)
{
    Backoff backoff = {.first_us = SINK_PAUSE_FIRST_US, .most_us = SINK_PAUSE_MAX_US};
    int64_t state_start = call->state == NULL ? 0 : call->state->length;
    for (int64_t attempt = 1;; attempt++) {
        Error error = {0};
        Status status = sink_call(sink->writer, call, &error);
        if (status == OK) {
            if (attempt > 1)
                log_event(LOG_INFO, "sink", "%s goes on after %lld attempts",
                          sink->base.node->label, (long long)attempt);
            return OK;
        }
        if (!error.is_retriable || sink_is_stopping(sink)) {
            *sink->base.task->error = error;
            return status;
        }
        metric_add(sink->retries, 1);
        log_event(LOG_WARN, "sink", "%s: %s; trying again", sink->base.node->label, error.text);
        if (call->state != NULL)
            call->state->length = state_start;
        if (!sink_pause(sink, backoff_take_us(&backoff, sink->base.task->world))) {
            *sink->base.task->error = error;
            return ERR_CANCELLED;
        }
    }
}

static void sink_find_required(SinkOperator *sink)
{
    const PlanNode *node = sink->base.node;
    const PlanTable *table = node->sink.table;
    int32_t *required = ARENA_ARRAY(sink->base.task->query, int32_t, node->schema.count);
    for (int32_t i = 0; i < node->schema.count; i++) {
        int32_t target = node->sink.writes[i];
        if (target >= 0 && !table->physical.fields[target].type.is_nullable)
            required[sink->required_count++] = i;
    }
    sink->required = required;
}

/* The column of the input that is written to this one, or -1. */
static int32_t sink_column_of(const PlanNode *node, int32_t target)
{
    for (int32_t i = 0; i < node->schema.count; i++)
        if (node->sink.writes[i] == target)
            return i;
    return -1;
}

bool sink_is_keyed(const PlanNode *node)
{
    const PlanTable *table = node->sink.table;
    ChangelogMode accepts = node->sink.accepts;
    if ((accepts & CHANGELOG_DELETE) == 0 || (accepts & CHANGELOG_UPDATE_BEFORE) != 0)
        return false;
    for (int32_t k = 0; k < table->key_count; k++)
        if (sink_column_of(node, table->key[k]) < 0)
            return false;
    return table->key_count > 0;
}

/* The columns that carry the primary key, for sinks that take updates by key without -U. */
static void sink_find_key(SinkOperator *sink, bool holds_rows)
{
    const PlanNode *node = sink->base.node;
    const PlanTable *table = node->sink.table;
    Arena *arena = sink->base.task->query;
    bool has_before = (node->inputs[0]->changelog & CHANGELOG_UPDATE_BEFORE) != 0;
    int32_t *key = ARENA_ARRAY(arena, int32_t, table->key_count + 1);
    Type *types = ARENA_ARRAY(arena, Type, table->key_count + 1);
    int32_t count = 0;
    bool has_key = sink_is_keyed(node);
    for (int32_t k = 0; has_key && k < table->key_count; k++) {
        key[count] = sink_column_of(node, table->key[k]);
        types[count] = node->schema.fields[key[count]].type;
        count++;
    }
    /* The connector has checked that there is a key: no row that must wait is written at once. */
    assert(has_key || !holds_rows);
    if (!has_key)
        return;
    if (holds_rows) {
        sink->held = held_new(&node->schema, key, count);
        sink->prepared = held_new(&node->schema, key, count);
    } else {
        sink->kept = held_new(&node->schema, key, count);
    }
    if (!has_before)
        return;
    sink->key = key;
    sink->key_shape = table_key(arena, types, count);
    sink->later = table_new(&sink->key_shape, (int32_t)sizeof(uint64_t));
}

static Metric *sink_metric(SinkOperator *sink, const char *name, const char *more, const char *help)
{
    return metric_get(METRIC_COUNTER, name, operator_labels(&sink->base, more), help, 1);
}

static SinkWriter *sink_make_writer(SinkOperator *sink)
{
    TaskContext *task = sink->base.task;
    const PlanNode *node = sink->base.node;
    const Connector *connector = connector_find(node->sink.table->connector);
    assert(connector != NULL && connector->sink != NULL);
    assert(connector->sink->size >= (int32_t)sizeof(SinkWriter));
    SinkWriter *writer = arena_allocate_zeroed(task->query, connector->sink->size);
    *writer = (SinkWriter){.kind = connector->sink,
                           .node = node,
                           .world = task->world,
                           .arena = task->query,
                           .dead_letters = task->dead_letters,
                           .zone = task->eval.zone,
                           .notes = task->sink_notes,
                           .hub = task->hub,
                           .memory_bytes = task->settings->memory_limit_bytes,
                           .subtask = task->shard,
                           .subtask_count = task->shard_count};
    return writer;
}

static Status sink_open(Operator *op)
{
    SinkOperator *sink = (SinkOperator *)op;
    static const char records[] = "weir_sink_records_total";
    static const char help[] = "Rows handed to sinks.";
    sink->writer = sink_make_writer(sink);
    sink_find_required(sink);
    sink_find_key(sink, plan_table_holds_rows(op->node->sink.table));
    sink->written = sink_metric(sink, records, "result=\"written\"", help);
    sink->dropped = sink_metric(sink, records, "result=\"dropped\"", help);
    sink->rejected = sink_metric(sink, records, "result=\"rejected\"", help);
    sink->retries =
        sink_metric(sink, "weir_sink_retries_total", "", "Calls of sinks that are tried again.");
    return OK;
}

static Status sink_damaged(SinkOperator *sink)
{
    return fail(sink->base.task->error, ERR_CORRUPT, "WR4201", "the state of %s is damaged",
                sink->base.node->label);
}

/* Write rows that have waited. Called again after a crash in the middle, it writes all of them once
 * more, which changes nothing. */
static Status sink_write_held(SinkOperator *sink, HeldRows *rows)
{
    Arena *arena = arena_new(0);
    int64_t cursor = 0;
    Batch batch;
    Status status = OK;
    while (status == OK && held_next(rows, &cursor, arena, &batch)) {
        SinkCall call = {.what = CALL_WRITE, .batch = &batch};
        status = sink_retry(sink, &call);
        metric_add(sink->written, status == OK ? batch.row_count : 0);
        arena_reset(arena);
    }
    arena_free(arena);
    if (status == OK)
        held_clear(rows);
    return status;
}

static bool sink_keeps_rows(const SinkOperator *sink)
{
    const _Atomic bool *flag = sink->base.task->keeps_rows;
    return flag != NULL && atomic_load_explicit(flag, memory_order_acquire);
}

/* This job is in charge now: what was kept goes out, and nothing is kept from now on. */
static Status sink_let_go(SinkOperator *sink)
{
    if (sink->kept == NULL || sink_keeps_rows(sink))
        return OK;
    TRY(sink_write_held(sink, sink->kept));
    held_free(sink->kept);
    sink->kept = NULL;
    return OK;
}

static Status sink_start(Operator *op)
{
    SinkOperator *sink = (SinkOperator *)op;
    if (sink->is_open)
        return OK;
    bool holds_rows = sink->held != NULL;
    SinkCall call = {.what = CALL_OPEN};
    if (!holds_rows)
        call.restored = buffer_str(&sink->restored);
    sink->is_open = true; /* close is due even after a failed open */
    Status status = sink_retry(sink, &call);
    if (status == OK && holds_rows && !held_load(sink->prepared, buffer_str(&sink->restored)))
        status = sink_damaged(sink);
    if (status == OK && holds_rows)
        status = sink_write_held(sink, sink->prepared);
    if (status == OK)
        status = sink_let_go(sink);
    buffer_free(&sink->restored);
    sink->restored = (Buffer){0};
    return status;
}

/* Rows that have what the table demands. */
static void sink_enforce_not_null(SinkOperator *sink, Batch *batch)
{
    const PlanNode *node = sink->base.node;
    uint8_t *is_refused = NULL;
    int64_t refused = 0;
    for (int32_t i = 0; i < sink->required_count; i++) {
        const Column *column = &batch->columns[sink->required[i]];
        for (int32_t k = 0; column->valid != NULL && k < batch->selection.count; k++) {
            int32_t row = selection_row(batch->selection, k);
            if (!column_is_null(column, row) || (is_refused != NULL && is_refused[row]))
                continue;
            if (is_refused == NULL)
                is_refused = arena_allocate_zeroed(sink->base.task->scratch, batch->row_count);
            is_refused[row] = 1;
            refused++;
            if (!node->sink.drops_null_rows)
                operator_letter(
                    &sink->base, batch, row, STAGE_DELIVER, "WR4303",
                    arena_printf(sink->base.task->scratch,
                                 "column `%.*s` is NOT NULL, but the value is NULL",
                                 STR_ARGS(node->schema.fields[sink->required[i]].name)));
        }
    }
    if (refused == 0)
        return;
    metric_add(node->sink.drops_null_rows ? sink->dropped : sink->rejected, refused);
    batch->selection = selection_without(batch->selection, is_refused, sink->base.task->scratch);
}

/* What a sink by key makes of -U: nothing where another row of the key comes behind it in the
 * batch, which overwrites or removes what is there; else the row is gone, as by -D. */
static void sink_settle_updates(SinkOperator *sink, Batch *batch)
{
    Arena *scratch = sink->base.task->scratch;
    Selection rows = batch->selection;
    uint8_t has_before = 0;
    for (int32_t i = 0; batch->kinds != NULL && i < rows.count; i++)
        has_before |= batch->kinds[selection_row(rows, i)] == ROW_UPDATE_BEFORE;
    if (!has_before)
        return;
    uint8_t *kinds = arena_copy(scratch, batch->kinds, batch->row_count);
    uint8_t *is_skipped = arena_allocate_zeroed(scratch, batch->row_count);
    uint8_t **later = arena_allocate(scratch, (int64_t)sizeof(uint8_t *) * rows.count);
    TableKeys keys = table_keys(&sink->key_shape, batch, sink->key, rows, scratch);
    table_find_or_insert(sink->later, &keys, 0, rows.count, later);
    for (int32_t i = rows.count - 1; i >= 0; i--) {
        int32_t row = selection_row(rows, i);
        if (kinds[row] == ROW_UPDATE_BEFORE && later[i][0])
            is_skipped[row] = 1;
        else if (kinds[row] == ROW_UPDATE_BEFORE)
            kinds[row] = ROW_DELETE;
        later[i][0] = 1;
    }
    if (!table_reuse(sink->later))
        table_clear(sink->later);
    batch->kinds = kinds;
    batch->selection = selection_without(rows, is_skipped, scratch);
}

static Status sink_push(Operator *op, int32_t input, Batch *batch)
{
    SinkOperator *sink = (SinkOperator *)op;
    assert(input == 0 && !sink->has_finished);
    TRY(sink_start(op));
    TRY(sink_let_go(sink));
    if (sink->required_count > 0)
        sink_enforce_not_null(sink, batch);
    if (sink->key != NULL)
        sink_settle_updates(sink, batch);
    if (batch->selection.count == 0)
        return OK;
    HeldRows *waiting = sink->held != NULL ? sink->held : sink->kept;
    if (waiting != NULL) {
        held_add(waiting, batch);
        return OK;
    }
    int64_t count = batch->selection.count;
    SinkCall call = {.what = CALL_WRITE, .batch = batch};
    TRY(sink_retry(sink, &call));
    metric_add(sink->written, count);
    return OK;
}

static Status sink_advance(Operator *op, Timestamp watermark)
{
    SinkOperator *sink = (SinkOperator *)op;
    TRY(sink_start(op));
    SinkCall advance = {.what = CALL_ADVANCE, .number = watermark};
    TRY(sink_retry(sink, &advance));
    if (watermark == TIMESTAMP_MAX && !sink->has_finished) {
        sink->has_finished = true;
        SinkCall finish = {.what = CALL_FINISH};
        TRY(sink_retry(sink, &finish));
    }
    return operator_advance(op, watermark);
}

static Status sink_tick(Operator *op, int64_t now_us)
{
    SinkOperator *sink = (SinkOperator *)op;
    TRY(sink_start(op));
    TRY(sink_let_go(sink));
    SinkCall call = {.what = CALL_TICK, .number = now_us};
    return sink->has_finished ? OK : sink_retry(sink, &call);
}

static void sink_save_kept(const SinkOperator *sink, Buffer *out)
{
    Buffer rows = {0};
    held_save(sink->kept, &rows);
    buffer_append_u64(out, (uint64_t)rows.length);
    buffer_append_str(out, buffer_str(&rows));
    buffer_free(&rows);
}

/* The state says whose it is, because each sink takes back only its own. */
static Status sink_snapshot(Operator *op, int64_t checkpoint, Buffer *out)
{
    SinkOperator *sink = (SinkOperator *)op;
    TRY(sink_start(op));
    TRY(sink_let_go(sink));
    int64_t start = out->length;
    bool has_kept = sink->kept != NULL && held_count(sink->kept) > 0;
    buffer_append_u32(out, (uint32_t)op->task->shard | (has_kept ? SINK_HAS_KEPT : 0));
    if (has_kept)
        sink_save_kept(sink, out);
    int64_t own = out->length;
    SinkCall call = {.what = CALL_PREPARE, .number = checkpoint, .state = out};
    TRY(sink_retry(sink, &call));
    if (sink->held != NULL) {
        assert(out->length == own && held_count(sink->prepared) == 0);
        held_save(sink->held, out);
    }
    if (sink->held != NULL && !sink_keeps_rows(sink)) {
        HeldRows *next = sink->prepared;
        sink->prepared = sink->held;
        sink->held = next;
    }
    /* Nothing to say is no state: a writer without one is opened as a fresh one is. */
    if (out->length == own && !has_kept)
        out->length = start;
    return OK;
}

/* With fewer shards than before, a writer is opened for a moment on the state of each one that
 * is gone, so that what it had prepared is committed. */
static Status sink_settle(SinkOperator *sink, Str state)
{
    if (sink->held != NULL) {
        buffer_append_str(&sink->restored, state);
        return OK;
    }
    SinkWriter *mine = sink->writer;
    sink->writer = sink_make_writer(sink);
    SinkCall call = {.what = CALL_OPEN, .restored = state};
    Status status = sink_retry(sink, &call);
    sink->writer->kind->close(sink->writer);
    sink->writer = mine;
    return status;
}

static Status sink_restore(Operator *op, Str state)
{
    SinkOperator *sink = (SinkOperator *)op;
    assert(!sink->is_open);
    ByteReader reader = byte_reader(state);
    uint32_t head = byte_reader_u32(&reader);
    int64_t owner = head & ~SINK_HAS_KEPT;
    int64_t kept_bytes = (head & SINK_HAS_KEPT) == 0 ? 0 : (int64_t)byte_reader_u64(&reader);
    Str kept = byte_reader_take(&reader, kept_bytes);
    Str own = str_make(reader.at, byte_reader_left(&reader));
    if (reader.is_short)
        return sink_damaged(sink);
    if (owner % op->task->shard_count == op->task->shard && kept.length > 0 &&
        (sink->kept == NULL || !held_load(sink->kept, kept)))
        return sink_damaged(sink);
    if (owner % op->task->shard_count != op->task->shard)
        return OK;
    if (owner != op->task->shard || sink->is_restored)
        return sink_settle(sink, own);
    sink->is_restored = true;
    buffer_append_str(&sink->restored, own);
    return OK;
}

static Status sink_committed(Operator *op, int64_t checkpoint)
{
    SinkOperator *sink = (SinkOperator *)op;
    SinkCall call = {.what = CALL_COMMIT, .number = checkpoint};
    if (!sink->is_open)
        return OK;
    if (sink->held != NULL)
        TRY(sink_write_held(sink, sink->prepared));
    return sink_retry(sink, &call);
}

static void sink_close(Operator *op)
{
    SinkOperator *sink = (SinkOperator *)op;
    if (sink->is_open)
        sink->writer->kind->close(sink->writer);
    buffer_free(&sink->restored);
    table_free(sink->later);
    held_free(sink->held);
    held_free(sink->prepared);
    held_free(sink->kept);
    sink->held = sink->prepared = sink->kept = NULL;
    sink->later = NULL;
    sink->is_open = false;
}

void sink_interrupt(Operator *op)
{
    SinkWriter *writer = ((SinkOperator *)op)->writer;
    if (writer != NULL && writer->kind->interrupt != NULL)
        writer->kind->interrupt(writer);
}

const OperatorKind sink_operator = {
    .name = "sink",
    .size = sizeof(SinkOperator),
    .open = sink_open,
    .push = sink_push,
    .advance = sink_advance,
    .tick = sink_tick,
    .snapshot = sink_snapshot,
    .restore = sink_restore,
    .start = sink_start,
    .committed = sink_committed,
    .close = sink_close,
};
