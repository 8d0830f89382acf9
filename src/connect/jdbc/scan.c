/* Reading a table once, from one end to the other.
 *
 * The rows come through a cursor, so that any number of them fits. With the scan.partition options
 * one range of the column comes after the other. A checkpoint knows the range and how many of its
 * rows have been read: a run that resumes, or finds its connection again, leaves out as many. That
 * is exact as long as nobody writes to the table meanwhile: nothing in SQL gives the same rows in
 * the same order twice otherwise. */
#include "connect/jdbc/jdbc.h"

#include <stdatomic.h>
#include <sys/socket.h>

#include "base/backoff.h"
#include "base/ceiling.h"
#include "base/log.h"
#include "connect/jdbc/mysql.h"
#include "connect/jdbc/postgres.h"
#include "data/value.h"

enum {
    STATE_VERSION = 1,
    SILENCE_SECONDS = 3600, /* the first rows of a query may take long */
    PAUSE_FIRST_US = 50 * 1000,
    PAUSE_MAX_US = 5 * 1000 * 1000,
    PAUSE_STEP_US = 50 * 1000,
    LETTER_TEXT_MAX = 200,
    FETCH_ROWS_FIRST = 8, /* nothing is known of them yet */
    FETCH_BYTES_MAX = 8 << 20,
    FETCH_PART = 64, /* of the limit of memory */
};

typedef struct JdbcScan {
    SourceReader base;
    JdbcUrl url;
    JdbcSession session;
    const JdbcDriver *driver;
    Str column; /* of the partitions; no data: there is one range, of everything */
    int64_t lower, upper;
    int32_t range_count, range; /* which is read */
    int64_t rows_done;          /* of it */
    int32_t rows_max;           /* that are fetched at once … */
    int32_t fetch_rows;         /* … or fewer, if they are wide */
    bool is_open;               /* the cursor of the range is */
    Backoff backoff;
    int64_t retry_at_us;
    Batch *batch;
    int64_t empty_bytes; /* of the batch before it had rows */
    Buffer scratch;
} JdbcScan;

/* ---- The query --------------------------------------------------------------------------- */

/* Ranges as Flink cuts them: the first ones are one longer where it does not come out even. */
static void scan_bounds(const JdbcScan *scan, int64_t *from, int64_t *to)
{
    Int128 count = (Int128)scan->upper - scan->lower + 1;
    Int128 size = count / scan->range_count, longer = count % scan->range_count;
    Int128 before = scan->range * size + (scan->range < longer ? scan->range : longer);
    *from = (int64_t)(scan->lower + before);
    *to = (int64_t)(scan->lower + before + size - (scan->range < longer ? 0 : 1));
}

static void scan_write_query(const JdbcScan *scan, Buffer *out)
{
    bool is_pg = scan->url.kind == JDBC_POSTGRES;
    void (*quote)(Buffer *, Str) = is_pg ? jdbc_pg_quote : jdbc_mysql_quote;
    const PlanNode *node = scan->base.node;
    out->length = 0;
    buffer_append_text(out, "SELECT ");
    for (int32_t i = 0; i < node->schema.count; i++) {
        buffer_append_text(out, i == 0 ? "" : ", ");
        quote(out, node->source.table->physical.fields[node->source.columns[i]].name);
    }
    if (node->schema.count == 0)
        buffer_append_char(out, '1');
    buffer_append_text(out, " FROM ");
    jdbc_table(&scan->session, out, quote);
    if (scan->column.data != NULL) {
        int64_t from, to;
        scan_bounds(scan, &from, &to);
        buffer_append_text(out, " WHERE ");
        quote(out, scan->column);
        buffer_printf(out, " BETWEEN %lld AND %lld", (long long)from, (long long)to);
    }
    if (scan->rows_done > 0)
        buffer_printf(out, "%s OFFSET %lld", is_pg ? "" : " LIMIT 9223372036854775807",
                      (long long)scan->rows_done);
}

/* ---- Opening ----------------------------------------------------------------------------- */

static void scan_drop(JdbcScan *scan)
{
    atomic_store(&scan->session.socket, -1);
    scan->driver->close(&scan->session);
    scan->is_open = false;
}

static Status scan_connect(JdbcScan *scan, Error *error)
{
    Buffer query = {0};
    scan_drop(scan);
    scan_write_query(scan, &query);
    Status status = scan->driver->connect(&scan->session, error);
    if (status == OK)
        status = scan->driver->scan(&scan->session, buffer_str(&query), error);
    buffer_free(&query);
    scan->is_open = status == OK;
    if (status != OK)
        scan_drop(scan);
    return status;
}

static void scan_read_options(JdbcScan *scan)
{
    SourceReader *reader = &scan->base;
    const PlanTable *table = reader->node->source.table;
    const OptionSet *options = table->options.options;
    JdbcSession *session = &scan->session;
    const char *mistake = jdbc_url_parse(reader->arena, options_text(options, "url"), &scan->url);
    assert(mistake == NULL); /* or the check would have refused it */
    (void)mistake;
    scan->driver = jdbc_driver(scan->url.kind);
    session->table = table;
    session->world = reader->world;
    int64_t silence_us = SILENCE_SECONDS * (int64_t)MICROS_PER_SECOND;
    session->silence_us = scan->url.says_silence ? scan->url.silence_us : silence_us;
    session->url = &scan->url;
    session->table_name = options_text(options, "table-name");
    if (options_has(options, "username"))
        session->user = options_terminated(options, "username");
    if (options_has(options, "password"))
        session->password = options_terminated(options, "password");
    atomic_store(&session->socket, -1);
    scan->range_count = 1;
    scan->rows_max = BATCH_ROWS_MAX;
    scan->fetch_rows = FETCH_ROWS_FIRST;
    int64_t fetch = options_int(options, "scan.fetch-size");
    if (fetch > 0 && fetch < BATCH_ROWS_MAX)
        scan->rows_max = (int32_t)fetch;
    if (!options_has(options, "scan.partition.column"))
        return;
    scan->column = options_text(options, "scan.partition.column");
    scan->lower = options_int(options, "scan.partition.lower-bound");
    scan->upper = options_int(options, "scan.partition.upper-bound");
    Int128 count = (Int128)scan->upper - scan->lower + 1;
    int64_t ranges = options_int(options, "scan.partition.num");
    scan->range_count = (int32_t)(ranges < count ? ranges : (int64_t)count);
}

static Status scan_open(SourceReader *reader, Str state, Error *error)
{
    JdbcScan *scan = (JdbcScan *)reader;
    scan_read_options(scan);
    scan->backoff = (Backoff){.first_us = PAUSE_FIRST_US, .most_us = PAUSE_MAX_US};
    atomic_store(&reader->progress.phase, PHASE_SNAPSHOT);
    if (state.length == 0)
        return scan_connect(scan, error);
    ByteReader bytes = byte_reader(state);
    uint8_t version = byte_reader_u8(&bytes);
    scan->range = (int32_t)byte_reader_u32(&bytes);
    scan->rows_done = (int64_t)byte_reader_u64(&bytes);
    if (bytes.is_short || version != STATE_VERSION || scan->range < 0 || scan->rows_done < 0)
        return fail(error, ERR_CORRUPT, "WR3317",
                    "the saved state of table `%.*s` cannot be read: it is damaged",
                    STR_ARGS(scan->session.table->name));
    return OK; /* it connects as soon as it can */
}

/* ---- Reading ----------------------------------------------------------------------------- */

static void scan_reject(JdbcScan *scan, const Str *cells, int32_t count, int32_t column)
{
    const Field *field = &scan->base.node->schema.fields[column];
    Buffer reason = {0}, type = {0}, bytes = {0};
    type_print(&type, type_nullable(field->type));
    int64_t shown = cells[column].length < LETTER_TEXT_MAX ? cells[column].length : LETTER_TEXT_MAX;
    buffer_printf(&reason, "column `%.*s`: '%.*s' is no %.*s", STR_ARGS(field->name), (int)shown,
                  cells[column].data, STR_ARGS(buffer_str(&type)));
    for (int32_t i = 0; i < count; i++) {
        buffer_append_text(&bytes, i == 0 ? "" : ", ");
        buffer_append_str(&bytes, cells[i].data == NULL ? STR("NULL") : cells[i]);
    }
    DeadLetter letter = {.table = scan->session.table->name,
                         .stage = STAGE_DECODE,
                         .code = "WR3306",
                         .reason = buffer_terminated(&reason),
                         .bytes = buffer_str(&bytes)};
    deadletters_add(scan->base.dead_letters, &letter);
    buffer_free(&reason);
    buffer_free(&type);
    buffer_free(&bytes);
}

static bool scan_take(void *context, const Str *cells, int32_t count)
{
    JdbcScan *scan = context;
    Batch *batch = scan->batch;
    const Schema *schema = &scan->base.node->schema;
    int32_t row = batch->row_count;
    if (count < schema->count)
        return false;
    for (int32_t i = 0; i < schema->count; i++) {
        Column *column = &batch->columns[i];
        if (column->valid != NULL)
            bitmap_set(column->valid, row, true);
        Value value;
        if (cells[i].data == NULL) {
            column_set_null(column, batch->arena, row, BATCH_ROWS_MAX);
        } else if (jdbc_value(scan->url.kind, cells[i], schema->fields[i].type, &scan->scratch,
                              &value)) {
            value_set(column, batch->arena, row, BATCH_ROWS_MAX, &value);
        } else {
            scan_reject(scan, cells, schema->count, i);
            return true;
        }
    }
    batch->row_count++;
    return true;
}

/* The library has all rows of a fetch in memory at once. */
static void scan_learn(JdbcScan *scan, int32_t rows)
{
    int64_t most = ceiling_share(FETCH_PART, FETCH_BYTES_MAX), bytes = batch_bytes(scan->batch);
    bytes -= scan->empty_bytes;
    if (bytes > most) {
        int64_t fewer = rows * (most / 2) / bytes;
        scan->fetch_rows = fewer > 1 ? (int32_t)fewer : 1;
    } else if (bytes < most / 4 && rows == scan->fetch_rows && rows < BATCH_ROWS_MAX) {
        scan->fetch_rows *= 2;
    }
}

/* Until there are rows, or the last range has ended. */
static Status scan_fetch(JdbcScan *scan, Error *error)
{
    while (scan->range < scan->range_count) {
        if (!scan->is_open)
            TRY(scan_connect(scan, error));
        int32_t count = 0;
        int32_t wanted = scan->fetch_rows < scan->rows_max ? scan->fetch_rows : scan->rows_max;
        TRY(scan->driver->fetch(&scan->session, wanted, scan_take, scan, &count, error));
        scan_learn(scan, count);
        scan->rows_done += count;
        if (count == 0) {
            scan_drop(scan);
            scan->range++;
            scan->rows_done = 0;
        }
        if (scan->batch->row_count > 0)
            return OK;
    }
    return ERR_END;
}

/* What may pass is tried again after a pause that grows. */
static Status scan_wait(JdbcScan *scan, const Error *error)
{
    int64_t now_us = world_monotonic_us(scan->base.world);
    log_event(LOG_WARN, "jdbc", "%s; trying again", error->text);
    scan_drop(scan);
    scan->retry_at_us = now_us + backoff_take_us(&scan->backoff, scan->base.world);
    return ERR_AGAIN;
}

static Status scan_poll(SourceReader *reader, Batch **out, Error *error)
{
    JdbcScan *scan = (JdbcScan *)reader;
    *out = NULL;
    if (atomic_load(&scan->session.is_interrupted))
        return fail(error, ERR_CANCELLED, "WR3311", "reading was interrupted to stop");
    if (world_monotonic_us(reader->world) < scan->retry_at_us) {
        reader->world->kind->sleep_us(reader->world, PAUSE_STEP_US);
        return ERR_AGAIN;
    }
    scan->batch = batch_new(&reader->node->schema, BATCH_ROWS_MAX);
    scan->empty_bytes = batch_bytes(scan->batch);
    Status status = scan_fetch(scan, error);
    if (status == OK) {
        batch_select_all(scan->batch);
        atomic_fetch_add(&reader->progress.rows_done, scan->batch->row_count);
        backoff_reset(&scan->backoff);
        *out = scan->batch;
        scan->batch = NULL;
        return OK;
    }
    batch_free(scan->batch);
    scan->batch = NULL;
    return status == ERR_UNAVAILABLE && error->is_retriable ? scan_wait(scan, error) : status;
}

static void scan_snapshot(SourceReader *reader, Buffer *out)
{
    const JdbcScan *scan = (const JdbcScan *)reader;
    buffer_append_u8(out, STATE_VERSION);
    buffer_append_u32(out, (uint32_t)scan->range);
    buffer_append_u64(out, (uint64_t)scan->rows_done);
}

static void scan_interrupt(SourceReader *reader)
{
    JdbcScan *scan = (JdbcScan *)reader;
    atomic_store(&scan->session.is_interrupted, true);
    int32_t socket = scan->driver == NULL ? -1 : atomic_load(&scan->session.socket);
    if (socket >= 0)
        shutdown(socket, SHUT_RDWR);
}

static void scan_close(SourceReader *reader)
{
    JdbcScan *scan = (JdbcScan *)reader;
    if (scan->driver == NULL)
        return;
    scan_drop(scan);
    buffer_free(&scan->scratch);
    buffer_free(&scan->session.statement);
    buffer_free(&scan->session.text);
    buffer_free(&scan->session.reason);
}

const SourceKind jdbc_source = {
    .size = sizeof(JdbcScan),
    .open = scan_open,
    .poll = scan_poll,
    .snapshot = scan_snapshot,
    .interrupt = scan_interrupt,
    .close = scan_close,
};
