/* Writing rows to a table of a database.
 *
 * At least once, rows wait until there are enough of them or for long enough, and at each barrier
 * all are written; by key, a replay changes nothing. Exactly once is in exact.c.
 *
 * A run of rows is one savepoint of the transaction. Where the server refuses a row, the run is
 * halved until the culprit stands alone. */
#include "connect/jdbc/sink.h"

#include <stdatomic.h>
#include <sys/socket.h>

#include "base/json.h"
#include "base/log.h"
#include "data/value.h"

enum {
    /* What is written under one savepoint ends at the batch with which it reaches one of these. */
    RUN_ROWS = 16 * 1024,
    RUN_BYTES = 16 << 20,
    WAITING_ROWS_MAX = 64 * 1024,
};

/* ---- Dead letters ------------------------------------------------------------------------ */

/* Kept until the transaction commits, so that a transaction that is tried again tells of it once.
 */
void jdbc_sink_refuse(JdbcSink *sink, const Batch *batch, int32_t row)
{
    const Schema *physical = sink->target.columns;
    Buffer text = {0};
    for (int32_t i = 0; i < physical->count; i++) {
        Value value = value_get(&batch->columns[i], row);
        buffer_append_char(&text, i == 0 ? '{' : ',');
        json_append_quoted(&text, physical->fields[i].name);
        buffer_append_char(&text, ':');
        value_print(&text, &value, VALUE_JSON, NULL);
    }
    buffer_append_char(&text, '}');
    buffer_append_u8(&sink->letters, (uint8_t)batch_kind(batch, row));
    buffer_append_bytes(&sink->letters, buffer_str(&sink->session.reason));
    buffer_append_bytes(&sink->letters, buffer_str(&text));
    buffer_free(&text);
}

/* Before the commit, or from weir_refused: what is left out is never lost. Where a transaction is
 * tried again, its letters are told once. */
Status jdbc_sink_post_letters(JdbcSink *sink, Error *error)
{
    if (sink->letters.length == 0 || sink->base.dead_letters == NULL)
        return OK;
    Str letters = buffer_str(&sink->letters), posted = buffer_str(&sink->posted);
    /* This is the second try of a transaction that has told of them. */
    bool is_told = str_has_prefix(letters, posted);
    int64_t told = is_told ? posted.length : 0;
    ByteReader reader = byte_reader(str_make(letters.data + told, letters.length - told));
    while (byte_reader_left(&reader) > 0) {
        RowKind kind = (RowKind)byte_reader_u8(&reader);
        const char *reason = str_terminated(sink->scratch, byte_reader_bytes(&reader));
        DeadLetter letter = {.table = sink->session.table->name,
                             .stage = STAGE_DELIVER,
                             .code = "WR3315",
                             .reason = reason,
                             .position = str_from(row_kind_text(kind)),
                             .bytes = byte_reader_bytes(&reader)};
        deadletters_add(sink->base.dead_letters, &letter);
    }
    sink->posted.length = 0;
    buffer_append_str(&sink->posted, letters);
    /* Without space the rows wait with their letters: what is committed is told of. */
    Status status = deadletters_sync(sink->base.dead_letters, error);
    if (status == ERR_FULL)
        error->is_retriable = true;
    return status;
}

/* ---- Connecting -------------------------------------------------------------------------- */

static void sink_advise(const JdbcSink *sink, Error *error)
{
    Buffer text = {0};
    Str table = sink->session.table_name;
    bool has_key = sink->target.key_count > 0;
    switch (sink->session.refusal) {
    case REFUSED_TABLE:
        jdbc_create_table(&sink->target, sink->url.kind, &text);
        error_hint(error, "create it: %s", buffer_terminated(&text));
        break;
    case REFUSED_COLUMN:
        jdbc_create_table(&sink->target, sink->url.kind, &text);
        error_hint(error,
                   "declare the columns by their names in the database; as they are "
                   "declared it would be: %s",
                   buffer_terminated(&text));
        break;
    case REFUSED_UPSERT:
        jdbc_create_table(&sink->target, sink->url.kind, &text);
        error_hint(error, "give it that key, as in: %s", buffer_terminated(&text));
        break;
    case REFUSED_RIGHTS:
        error_hint(error, "GRANT %s ON %.*s TO the user of 'username'",
                   has_key ? "SELECT, INSERT, UPDATE, DELETE" : "SELECT, INSERT", STR_ARGS(table));
        break;
    case REFUSED_OTHER:
    case REFUSED_ROW: break;
    }
    buffer_free(&text);
}

void jdbc_sink_drop(JdbcSink *sink)
{
    atomic_store(&sink->session.socket, -1);
    sink->driver->close(&sink->session);
    sink->is_connected = false;
}

Status jdbc_sink_connect(JdbcSink *sink, Error *error)
{
    if (sink->is_connected)
        return OK;
    jdbc_sink_drop(sink);
    Status status = sink->driver->connect(&sink->session, error);
    if (status == OK) {
        sink->session.refusal = REFUSED_OTHER;
        status = sink->driver->check(&sink->target, error);
        if (status != OK && !error->is_retriable)
            sink_advise(sink, error);
    }
    sink->is_connected = status == OK;
    if (status != OK)
        jdbc_sink_drop(sink);
    return status;
}

/* ---- Transactions ------------------------------------------------------------------------ */

static Status sink_run(JdbcSink *sink, const char *statement, Error *error)
{
    sink->session.refusal = REFUSED_OTHER;
    return sink->driver->run(&sink->session, str_from(statement), NULL, NULL, error);
}

Status jdbc_sink_begin(JdbcSink *sink, Error *error)
{
    TRY(jdbc_sink_connect(sink, error));
    sink->letters.length = 0;
    sink->target.applied = 0;
    arena_reset(sink->scratch);
    return sink_run(sink, sink->driver->begin, error);
}

Status jdbc_sink_commit(JdbcSink *sink, Error *error)
{
    return sink_run(sink, "COMMIT", error);
}

Status jdbc_sink_end(JdbcSink *sink, Error *error)
{
    TRY(jdbc_sink_post_letters(sink, error));
    TRY(jdbc_sink_commit(sink, error));
    sink->posted.length = 0;
    return OK;
}

/* As deep as rows can be halved. */
static Status apply_run(JdbcSink *sink, const JdbcRow *rows, int32_t count, Error *error)
{
    JdbcSession *session = &sink->session;
    TRY(sink_run(sink, "SAVEPOINT weir_run", error));
    session->refusal = REFUSED_OTHER;
    Status status = sink->driver->apply(&sink->target, rows, count, error);
    if (status == OK)
        return sink_run(sink, "RELEASE SAVEPOINT weir_run", error);
    if (session->refusal != REFUSED_ROW || error->is_retriable)
        return status;
    error_clear(error);
    TRY(sink_run(sink, "ROLLBACK TO SAVEPOINT weir_run", error));
    TRY(sink_run(sink, "RELEASE SAVEPOINT weir_run", error));
    if (count == 1) {
        jdbc_sink_refuse(sink, rows[0].batch, rows[0].row);
        return OK;
    }
    int32_t half = count / 2;
    TRY(apply_run(sink, rows, half, error));
    return apply_run(sink, rows + half, count - half, error);
}

/* Put the rows of the batch before `end`, its last one first; by key only those whose key has not
 * been seen, which is the last one of each. The new beginning. */
static JdbcRow *put_before(JdbcSink *sink, JdbcRow *end, const Batch *batch)
{
    Selection rows = batch->selection;
    uint8_t **later = NULL;
    if (sink->target.key_count > 0) {
        later = arena_allocate(sink->scratch, (int64_t)sizeof(uint8_t *) * rows.count);
        TableKeys keys = table_keys(&sink->key_shape, batch, sink->target.key, rows, sink->scratch);
        table_find_or_insert(sink->later, &keys, 0, rows.count, later);
    }
    for (int32_t i = rows.count - 1; i >= 0; i--) {
        if (later == NULL || later[i][0] == 0)
            *--end = (JdbcRow){.batch = batch, .row = selection_row(rows, i)};
        if (later != NULL)
            later[i][0] = 1;
    }
    return end;
}

static Status apply_batches(JdbcSink *sink, Batch *const *batches, int32_t count, int32_t row_count,
                            Error *error)
{
    arena_reset(sink->scratch);
    JdbcRow *run = arena_allocate(sink->scratch, (int64_t)sizeof(JdbcRow) * row_count);
    JdbcRow *end = run + row_count, *begin = end;
    for (int32_t i = count - 1; i >= 0; i--)
        begin = put_before(sink, begin, batches[i]);
    if (sink->later != NULL && !table_reuse(sink->later))
        table_clear(sink->later);
    return apply_run(sink, begin, (int32_t)(end - begin), error);
}

Status jdbc_sink_apply(JdbcSink *sink, const JdbcRows *rows, Error *error)
{
    for (int32_t from = 0; from < rows->count;) {
        int32_t to = from, row_count = 0;
        int64_t bytes = 0;
        while (to < rows->count && (to == from || (row_count < RUN_ROWS && bytes < RUN_BYTES))) {
            row_count += rows->batches[to]->selection.count;
            bytes += batch_bytes(rows->batches[to++]);
        }
        if (row_count > 0)
            TRY(apply_batches(sink, rows->batches + from, to - from, row_count, error));
        from = to;
    }
    return OK;
}

static Status sink_send(JdbcSink *sink, Error *error)
{
    TRY(jdbc_sink_begin(sink, error));
    TRY(jdbc_sink_apply(sink, &sink->waiting, error));
    return jdbc_sink_end(sink, error);
}

static Status sink_flush(JdbcSink *sink, Error *error)
{
    if (sink->waiting.row_count == 0)
        return OK;
    Status status = sink_send(sink, error);
    if (status != OK)
        jdbc_sink_drop(sink);
    else
        jdbc_rows_clear(&sink->waiting);
    return status;
}

/* ---- Opening ----------------------------------------------------------------------------- */

static void sink_read_options(JdbcSink *sink)
{
    SinkWriter *writer = &sink->base;
    const PlanTable *table = writer->node->sink.table;
    const OptionSet *options = table->options.options;
    const char *mistake = jdbc_url_parse(writer->arena, options_text(options, "url"), &sink->url);
    assert(mistake == NULL); /* or the check would have refused it */
    (void)mistake;
    sink->driver = jdbc_driver(sink->url.kind);
    JdbcSession *session = &sink->session;
    session->table = table;
    session->world = writer->world;
    session->silence_us = sink->url.silence_us;
    session->url = &sink->url;
    session->table_name = options_text(options, "table-name");
    if (options_has(options, "username"))
        session->user = options_terminated(options, "username");
    if (options_has(options, "password"))
        session->password = options_terminated(options, "password");
    atomic_store(&session->socket, -1);
    sink->rows_max = options_int(options, "sink.buffer-flush.max-rows");
    sink->interval_us = options_duration_us(options, "sink.buffer-flush.interval");
    sink->is_exact = str_equal_ignoring_case(options_text(options, "sink.delivery-guarantee"),
                                             STR("exactly-once"));
    sink->memory_bytes = options_bytes(options, "sink.exactly-once.memory");
}

static void sink_map_columns(JdbcSink *sink)
{
    const PlanNode *node = sink->base.node;
    const PlanTable *table = node->sink.table;
    Arena *arena = sink->base.arena;
    int32_t *inputs = ARENA_ARRAY(arena, int32_t, table->physical.count);
    for (int32_t i = 0; i < table->physical.count; i++)
        inputs[i] = -1;
    for (int32_t i = 0; i < node->schema.count; i++)
        if (node->sink.writes[i] >= 0)
            inputs[node->sink.writes[i]] = i;
    sink->inputs = inputs;
    sink->target = (JdbcTarget){.session = &sink->session,
                                .columns = &table->physical,
                                .key = table->key,
                                .key_count = table->key_count,
                                .needs_transactions = sink->is_exact || table->key_count == 0};
    if (table->key_count == 0)
        return;
    Type *types = ARENA_ARRAY(arena, Type, table->key_count);
    for (int32_t i = 0; i < table->key_count; i++)
        types[i] = table->physical.fields[table->key[i]].type;
    sink->key_shape = table_key(arena, types, table->key_count);
    sink->later = table_new(&sink->key_shape, (int32_t)sizeof(uint64_t));
}

/* The first connection of a fresh job is tried once, so that a wrong host or password ends the
 * start with a message and not in silence. A job that resumes waits for its database. */
static Status sink_open(SinkWriter *writer, Str state, Error *error)
{
    JdbcSink *sink = (JdbcSink *)writer;
    if (sink->driver == NULL) {
        sink->scratch = arena_new(0);
        sink_read_options(sink);
        sink_map_columns(sink);
    }
    Status status = jdbc_sink_connect(sink, error);
    if (status != OK && state.length == 0 && !sink->was_connected)
        error->is_retriable = false;
    TRY(status);
    sink->was_connected = true;
    return sink->is_exact || state.length > 0 ? jdbc_exact_open(sink, state, error) : OK;
}

/* ---- Writing ----------------------------------------------------------------------------- */

/* More than this is not kept even until the next tick. */
static bool sink_is_full(const JdbcSink *sink)
{
    return sink->waiting.row_count >= WAITING_ROWS_MAX || sink->waiting.bytes >= sink->memory_bytes;
}

/* The batch's columns as physical columns; what the query does not write is NULL. */
static void sink_view(const JdbcSink *sink, const Batch *batch, Batch *view)
{
    const Schema *physical = sink->target.columns;
    *view = *batch;
    view->arena = NULL;
    view->column_count = physical->count;
    view->columns = arena_allocate(sink->scratch, (int64_t)sizeof(Column) * physical->count);
    for (int32_t i = 0; i < physical->count; i++)
        view->columns[i] = sink->inputs[i] >= 0
                               ? batch->columns[sink->inputs[i]]
                               : column_new_constant(sink->scratch, physical->fields[i].type);
}

/* What is there is sent before the batch is taken, so that a failure leaves the batch untaken. */
static Status sink_write(SinkWriter *writer, const Batch *batch, Error *error)
{
    JdbcSink *sink = (JdbcSink *)writer;
    if (sink->is_exact && sink->waiting.bytes >= sink->memory_bytes)
        TRY(jdbc_exact_stage(sink, error));
    else if (!sink->is_exact && sink_is_full(sink))
        TRY(sink_flush(sink, error));
    if (sink->waiting.row_count == 0)
        sink->waiting_since_us = world_monotonic_us(writer->world);
    Batch view;
    arena_reset(sink->scratch);
    sink_view(sink, batch, &view);
    jdbc_rows_add(&sink->waiting, sink->target.columns, &view);
    return OK;
}

/* Rows that come fast are sent together: looking only now and then makes larger transactions of
 * them. */
static Status sink_tick(SinkWriter *writer, int64_t now_us, Error *error)
{
    JdbcSink *sink = (JdbcSink *)writer;
    (void)now_us;
    if (sink->is_exact || sink->waiting.row_count == 0)
        return OK;
    int64_t waited_us = world_monotonic_us(writer->world) - sink->waiting_since_us;
    bool is_due = sink->interval_us > 0 && waited_us >= sink->interval_us;
    bool is_enough = sink->rows_max > 0 && sink->waiting.row_count >= sink->rows_max;
    return is_due || is_enough ? sink_flush(sink, error) : OK;
}

static Status sink_prepare(SinkWriter *writer, int64_t checkpoint, Buffer *state, Error *error)
{
    JdbcSink *sink = (JdbcSink *)writer;
    if (!sink->is_exact)
        return sink_flush(sink, error);
    jdbc_exact_prepare(sink, checkpoint, state);
    return OK;
}

static Status sink_commit(SinkWriter *writer, int64_t checkpoint, Error *error)
{
    JdbcSink *sink = (JdbcSink *)writer;
    (void)checkpoint;
    return sink->is_exact ? jdbc_exact_commit(sink, error) : OK;
}

static void sink_interrupt(SinkWriter *writer)
{
    JdbcSink *sink = (JdbcSink *)writer;
    atomic_store(&sink->session.is_interrupted, true);
    int32_t socket = sink->driver == NULL ? -1 : atomic_load(&sink->session.socket);
    if (socket >= 0)
        shutdown(socket, SHUT_RDWR);
}

static void sink_close(SinkWriter *writer)
{
    JdbcSink *sink = (JdbcSink *)writer;
    if (sink->driver == NULL)
        return;
    jdbc_sink_drop(sink);
    jdbc_rows_clear(&sink->waiting);
    jdbc_rows_clear(&sink->prepared.rows);
    table_free(sink->later);
    arena_free(sink->scratch);
    buffer_free(&sink->letters);
    buffer_free(&sink->posted);
    buffer_free(&sink->target.rows);
    buffer_free(&sink->session.statement);
    buffer_free(&sink->session.text);
    buffer_free(&sink->session.reason);
}

const SinkKind jdbc_sink = {
    .size = sizeof(JdbcSink),
    .open = sink_open,
    .write = sink_write,
    .tick = sink_tick,
    .prepare = sink_prepare,
    .commit = sink_commit,
    .interrupt = sink_interrupt,
    .close = sink_close,
};
