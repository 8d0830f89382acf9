/* Exactly once: the rows of a checkpoint become visible in one transaction, which also notes that
 * they have.
 *
 *     write      rows wait in memory; what does not fit lies in weir_staged, as bytes
 *     prepare    the checkpoint has the rows, or the numbers of the chunks they are staged in
 *     commit     BEGIN, rows, UPDATE weir_commits SET checkpoint = N, COMMIT, dead letters
 *
 * weir_commits has a row for each run ("attempt") of a writer. The transaction locks its own row
 * first: whoever is in doubt whether a commit was done waits there until that is settled, and reads
 * the answer. A new run marks the rows of all runs before it as superseded, in the transaction that
 * finishes what its checkpoint has prepared: a process that still lives somewhere finds the mark
 * and commits nothing any more. Checkpoints count per run, because an older savepoint begins again
 * with numbers that have been used.
 *
 * Rows that the server refuses become dead letters behind what checkpoint N has noted of the files:
 * a start from N cuts them off (state/lettermark.h) and commits nothing again. So the transaction
 * keeps them in weir_refused, a start from N sets them aside again from there, and the commit of a
 * later checkpoint, which has noted them, takes them away. */
#include "connect/jdbc/sink.h"

#include <stdio.h>

#include "base/log.h"

enum {
    STATE_VERSION = 1,
    CHUNK_BYTES_MAX = 1 << 20,
    STATEMENT_BYTES_MAX = 1 << 30, /* where the server names no limit */
    STATEMENT_BYTES_SPARE = 1 << 10,
    CREATE_TRIES = 5,
    CLAIM_TRIES = 20,
};

/* ---- The state --------------------------------------------------------------------------- */

static void epoch_clear(JdbcEpoch *epoch)
{
    jdbc_rows_clear(&epoch->rows);
    *epoch = (JdbcEpoch){0};
}

static bool epoch_is_empty(const JdbcEpoch *epoch)
{
    return epoch->rows.row_count == 0 && epoch->staged_from == epoch->staged_to;
}

static void state_write(const JdbcSink *sink, const JdbcEpoch *epoch, Buffer *out)
{
    buffer_append_u8(out, STATE_VERSION);
    buffer_append_bytes(out, str_from(sink->writer));
    buffer_append_u64(out, (uint64_t)epoch->attempt);
    buffer_append_u64(out, (uint64_t)epoch->checkpoint);
    buffer_append_u64(out, (uint64_t)epoch->committed);
    buffer_append_u64(out, (uint64_t)epoch->staged_from);
    buffer_append_u64(out, (uint64_t)epoch->staged_to);
    buffer_append_u32(out, (uint32_t)epoch->rows.count);
    for (int32_t i = 0; i < epoch->rows.count; i++) {
        int64_t start = out->length;
        buffer_append_u32(out, 0);
        int32_t next = jdbc_batch_save(epoch->rows.batches[i], 0, INT64_MAX, out);
        assert(next == epoch->rows.batches[i]->row_count);
        uint32_t length = (uint32_t)(out->length - start - (int64_t)sizeof length);
        memcpy(out->data + start, &length, sizeof length);
    }
}

static bool is_writer_name(Str name)
{
    bool is_good = name.length == JDBC_WRITER_BYTES - 1;
    for (int64_t i = 0; is_good && i < name.length; i++)
        is_good = (name.data[i] >= '0' && name.data[i] <= '9') ||
                  (name.data[i] >= 'a' && name.data[i] <= 'f');
    return is_good;
}

static Status state_read(JdbcSink *sink, Str state, JdbcEpoch *epoch, Error *error)
{
    ByteReader reader = byte_reader(state);
    uint8_t version = byte_reader_u8(&reader);
    Str writer = byte_reader_bytes(&reader);
    bool is_good = version == STATE_VERSION && is_writer_name(writer);
    epoch->attempt = (int64_t)byte_reader_u64(&reader);
    epoch->checkpoint = (int64_t)byte_reader_u64(&reader);
    epoch->committed = (int64_t)byte_reader_u64(&reader);
    epoch->staged_from = (int64_t)byte_reader_u64(&reader);
    epoch->staged_to = (int64_t)byte_reader_u64(&reader);
    uint32_t count = byte_reader_u32(&reader);
    for (uint32_t i = 0; is_good && !reader.is_short && i < count; i++)
        is_good = jdbc_batch_load(&epoch->rows, sink->target.columns, byte_reader_bytes(&reader));
    if (!is_good || reader.is_short)
        return fail(error, ERR_CORRUPT, "WR3317",
                    "the saved state of table `%.*s` cannot be read: it is damaged, or of other "
                    "columns",
                    STR_ARGS(sink->session.table->name));
    memcpy(sink->writer, writer.data, (size_t)writer.length);
    sink->writer[writer.length] = '\0';
    return OK;
}

static void new_writer(JdbcSink *sink)
{
    World *world = sink->base.world;
    snprintf(sink->writer, sizeof sink->writer, "%016llx%016llx",
             (unsigned long long)world->kind->random_u64(world),
             (unsigned long long)world->kind->random_u64(world));
}

/* ---- weir's own tables ------------------------------------------------------------------- */

static Status run(JdbcSink *sink, Buffer *statement, JdbcTake *take, void *context, Error *error)
{
    sink->session.refusal = REFUSED_OTHER;
    Status status = sink->driver->run(&sink->session, buffer_str(statement), take, context, error);
    buffer_free(statement);
    *statement = (Buffer){0};
    return status;
}

static const char COMMITS[] =
    "weir_commits (writer VARCHAR(32) NOT NULL, attempt BIGINT NOT NULL, "
    "checkpoint BIGINT NOT NULL, superseded_by BIGINT, sink VARCHAR(200) NOT NULL, "
    "changed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (writer, attempt))";

/* Looked for first: who may not create tables can be given them. Several sinks may start at once,
 * so a failure to create it counts only if it is still not there. */
static Status need_table(JdbcSink *sink, const char *columns, Error *error)
{
    Buffer statement = {0};
    Str rest, name = str_split(str_from(columns), ' ', &rest);
    for (int32_t i = 0;; i++) {
        buffer_printf(&statement, "SELECT 1 FROM %.*s WHERE 1 = 0", STR_ARGS(name));
        Status status = run(sink, &statement, NULL, NULL, error);
        if (status == OK || sink->session.refusal != REFUSED_TABLE || i == CREATE_TRIES)
            return status;
        buffer_printf(&statement, "CREATE TABLE IF NOT EXISTS %s%s", columns,
                      sink->driver->table_tail);
        status = run(sink, &statement, NULL, NULL, error);
        if (status != OK && sink->session.refusal == REFUSED_RIGHTS) {
            error_hint(error,
                       "'sink.delivery-guarantee' = 'exactly-once' keeps its records there; "
                       "create it: CREATE TABLE %s",
                       columns);
            return status;
        }
    }
}

static Status need_tables(JdbcSink *sink, Error *error)
{
    Buffer staged = {0};
    buffer_append_text(&staged,
                       "weir_staged (writer VARCHAR(32) NOT NULL, attempt BIGINT NOT NULL, "
                       "chunk BIGINT NOT NULL, content ");
    buffer_append_text(&staged, sink->driver->bytes_type);
    buffer_append_text(&staged, " NOT NULL, PRIMARY KEY (writer, attempt, chunk))");
    Status status = need_table(sink, COMMITS, error);
    if (status == OK)
        status = need_table(sink, buffer_terminated(&staged), error);
    staged.length = 0;
    buffer_append_text(&staged,
                       "weir_refused (writer VARCHAR(32) NOT NULL, attempt BIGINT NOT NULL, "
                       "checkpoint BIGINT NOT NULL, n BIGINT NOT NULL, content ");
    buffer_append_text(&staged, sink->driver->bytes_type);
    buffer_append_text(&staged, " NOT NULL, PRIMARY KEY (writer, attempt, checkpoint, n))");
    if (status == OK)
        status = need_table(sink, buffer_terminated(&staged), error);
    buffer_free(&staged);
    return status;
}

/* ---- Staging ----------------------------------------------------------------------------- */

static void append_bytes_literal(const JdbcSink *sink, Buffer *out, Str bytes)
{
    static const char digits[] = "0123456789abcdef";
    buffer_append_text(out, sink->url.kind == JDBC_POSTGRES ? "'\\x" : "X'");
    char *into = buffer_reserve(out, bytes.length * 2);
    for (int64_t i = 0; i < bytes.length; i++) {
        uint8_t byte = (uint8_t)bytes.data[i];
        into[i * 2] = digits[byte >> 4];
        into[i * 2 + 1] = digits[byte & 15];
    }
    out->length += bytes.length * 2;
    buffer_append_char(out, '\'');
}

/* What one statement holds as digits, two a byte. */
static int64_t stage_bytes_max(const JdbcSink *sink)
{
    int64_t most = sink->target.packet_bytes > 0 ? sink->target.packet_bytes : STATEMENT_BYTES_MAX;
    return (most - STATEMENT_BYTES_SPARE) / 2;
}

static void refuse_long_row(JdbcSink *sink, const Batch *batch, int32_t row)
{
    Buffer *reason = &sink->session.reason;
    reason->length = 0;
    buffer_printf(reason,
                  "the row is longer than the %lld bytes that a statement can carry to weir_staged",
                  (long long)stage_bytes_max(sink));
    jdbc_sink_refuse(sink, batch, row);
}

static Status stage_batch(JdbcSink *sink, const Batch *batch, int64_t *chunk, Error *error)
{
    Buffer content = {0}, statement = {0};
    Status status = OK;
    int64_t most = stage_bytes_max(sink);
    for (int32_t row = 0; status == OK && row < batch->row_count;) {
        content.length = 0;
        row =
            jdbc_batch_save(batch, row, most < CHUNK_BYTES_MAX ? most : CHUNK_BYTES_MAX, &content);
        if (content.length > most) {
            refuse_long_row(sink, batch, row - 1);
            continue;
        }
        buffer_printf(&statement,
                      "INSERT INTO weir_staged (writer, attempt, chunk, content) VALUES "
                      "('%s', %lld, %lld, ",
                      sink->writer, (long long)sink->attempt, (long long)(*chunk)++);
        append_bytes_literal(sink, &statement, buffer_str(&content));
        buffer_append_char(&statement, ')');
        status = run(sink, &statement, NULL, NULL, error);
    }
    buffer_free(&content);
    return status;
}

/* A transaction whose end was in doubt has left its chunks, or not: they are written over. */
static Status stage_waiting(JdbcSink *sink, int64_t *chunk, Error *error)
{
    Buffer statement = {0};
    TRY(jdbc_sink_begin(sink, error));
    buffer_printf(
        &statement,
        "DELETE FROM weir_staged WHERE writer = '%s' AND attempt = %lld AND chunk >= %lld",
        sink->writer, (long long)sink->attempt, (long long)*chunk);
    TRY(run(sink, &statement, NULL, NULL, error));
    for (int32_t i = 0; i < sink->waiting.count; i++)
        TRY(stage_batch(sink, sink->waiting.batches[i], chunk, error));
    return jdbc_sink_end(sink, error);
}

Status jdbc_exact_stage(JdbcSink *sink, Error *error)
{
    int64_t chunk = sink->staged_next;
    Status status = stage_waiting(sink, &chunk, error);
    if (status != OK) {
        jdbc_sink_drop(sink);
        return status;
    }
    sink->staged_next = chunk;
    jdbc_rows_clear(&sink->waiting);
    return OK;
}

typedef struct Chunk {
    JdbcSink *sink;
    JdbcRows *rows;
    bool is_whole;
} Chunk;

static bool take_chunk(void *context, const Str *cells, int32_t count)
{
    Chunk *chunk = context;
    Buffer scratch = {0};
    Value value;
    if (count != 1)
        return false;
    chunk->is_whole = jdbc_value(chunk->sink->url.kind, cells[0], type_bytes(), &scratch, &value) &&
                      jdbc_batch_load(chunk->rows, chunk->sink->target.columns, value.text);
    buffer_free(&scratch);
    return true;
}

/* Its rows go behind those of the chunks before. */
static Status load_chunk(JdbcSink *sink, int64_t attempt, int64_t number, JdbcRows *rows,
                         Error *error)
{
    Buffer statement = {0};
    Chunk chunk = {.sink = sink, .rows = rows};
    buffer_printf(&statement,
                  "SELECT content FROM weir_staged WHERE writer = '%s' AND attempt = %lld AND "
                  "chunk = %lld",
                  sink->writer, (long long)attempt, (long long)number);
    TRY(run(sink, &statement, take_chunk, &chunk, error));
    if (chunk.is_whole)
        return OK;
    Status status = fail(error, ERR_LOST, "WR3317",
                         "table `%.*s`: rows of a checkpoint are not in weir_staged any more",
                         STR_ARGS(sink->session.table->name));
    error_hint(error, "the database or the checkpoint was set back; start over with --fresh");
    return status;
}

static Status apply_staged(JdbcSink *sink, const JdbcEpoch *epoch, JdbcRows *rows, Error *error)
{
    for (int64_t i = epoch->staged_from; i < epoch->staged_to; i++) {
        TRY(load_chunk(sink, epoch->attempt, i, rows, error));
        if (rows->bytes < sink->memory_bytes && i + 1 < epoch->staged_to)
            continue;
        TRY(jdbc_sink_apply(sink, rows, error));
        jdbc_rows_clear(rows);
    }
    return OK;
}

static Status apply_epoch(JdbcSink *sink, const JdbcEpoch *epoch, Error *error)
{
    JdbcRows staged = {0};
    Status status = apply_staged(sink, epoch, &staged, error);
    jdbc_rows_clear(&staged);
    return status == OK ? jdbc_sink_apply(sink, &epoch->rows, error) : status;
}

/* ---- Rows that are refused --------------------------------------------------------------- */

/* All letters of a transaction, in as many pieces as statements can carry. */
static Status keep_letters(JdbcSink *sink, int64_t attempt, int64_t checkpoint, Error *error)
{
    Buffer statement = {0};
    Str letters = buffer_str(&sink->letters);
    int64_t most = stage_bytes_max(sink);
    most = most < CHUNK_BYTES_MAX ? most : CHUNK_BYTES_MAX;
    for (int64_t at = 0, n = 0; at < letters.length; at += most, n++) {
        int64_t left = letters.length - at;
        buffer_printf(&statement,
                      "INSERT INTO weir_refused (writer, attempt, checkpoint, n, content) VALUES "
                      "('%s', %lld, %lld, %lld, ",
                      sink->writer, (long long)attempt, (long long)checkpoint, (long long)n);
        append_bytes_literal(sink, &statement,
                             str_make(letters.data + at, left < most ? left : most));
        buffer_append_char(&statement, ')');
        TRY(run(sink, &statement, NULL, NULL, error));
    }
    return OK;
}

static bool take_letters(void *context, const Str *cells, int32_t count)
{
    JdbcSink *sink = context;
    Buffer scratch = {0};
    Value value;
    bool is_good =
        count == 1 && jdbc_value(sink->url.kind, cells[0], type_bytes(), &scratch, &value);
    if (is_good)
        buffer_append_str(&sink->letters, value.text);
    buffer_free(&scratch);
    return is_good;
}

/* Those that a commit of this checkpoint has kept. */
static Status load_letters(JdbcSink *sink, int64_t attempt, int64_t checkpoint, Error *error)
{
    Buffer statement = {0};
    assert(sink->letters.length == 0);
    buffer_printf(&statement,
                  "SELECT content FROM weir_refused WHERE writer = '%s' AND attempt = %lld AND "
                  "checkpoint = %lld ORDER BY n",
                  sink->writer, (long long)attempt, (long long)checkpoint);
    TRY(run(sink, &statement, take_letters, sink, error));
    ByteReader reader = byte_reader(buffer_str(&sink->letters));
    bool is_good = true;
    while (is_good && byte_reader_left(&reader) > 0) {
        is_good = byte_reader_u8(&reader) <= ROW_DELETE;
        byte_reader_bytes(&reader);
        byte_reader_bytes(&reader);
        is_good = is_good && !reader.is_short;
    }
    return is_good ? OK : jdbc_malformed(&sink->session, "what weir_refused holds", error);
}

/* Letters of other checkpoints than this one, which have been noted; or whose rows come again. */
static Status forget_letters(JdbcSink *sink, int64_t attempt, int64_t checkpoint, Error *error)
{
    Buffer statement = {0};
    buffer_printf(&statement,
                  "DELETE FROM weir_refused WHERE writer = '%s' AND NOT (attempt = %lld AND "
                  "checkpoint = %lld)",
                  sink->writer, (long long)attempt, (long long)checkpoint);
    return run(sink, &statement, NULL, NULL, error);
}

/* Commit, then tell: whoever dies in between leaves the letters in weir_refused. */
static Status commit_and_tell(JdbcSink *sink, Error *error)
{
    TRY(jdbc_sink_commit(sink, error));
    sink->has_refused = sink->letters.length > 0;
    TRY(jdbc_sink_post_letters(sink, error));
    sink->posted.length = 0;
    return OK;
}

/* ---- Opening ----------------------------------------------------------------------------- */

/* What the rows of weir_commits say to a new run. */
typedef struct Records {
    const JdbcEpoch *epoch;
    int64_t newest;
    int64_t reached; /* by the run that the checkpoint is of */
    bool has_attempt;
} Records;

static bool take_record(void *context, const Str *cells, int32_t count)
{
    Records *records = context;
    int64_t attempt = 0, checkpoint = 0;
    if (count != 2 || !str_parse_int64(cells[0], &attempt) ||
        !str_parse_int64(cells[1], &checkpoint))
        return false;
    records->newest = attempt > records->newest ? attempt : records->newest;
    if (attempt != records->epoch->attempt)
        return true;
    records->has_attempt = true;
    records->reached = checkpoint;
    return true;
}

static Status insert_record(JdbcSink *sink, int64_t attempt, int64_t checkpoint, Error *error)
{
    Buffer statement = {0};
    buffer_printf(&statement,
                  "INSERT INTO weir_commits (writer, attempt, checkpoint, sink) "
                  "VALUES ('%s', %lld, %lld, '",
                  sink->writer, (long long)attempt, (long long)checkpoint);
    Str name = sink->session.table->name;
    for (int64_t i = 0; i < name.length && i < 200; i++) {
        char c = name.data[i];
        bool is_plain = c >= ' ' && c < 127 && c != '\'' && c != '\\';
        buffer_append_char(&statement, is_plain ? c : '_');
    }
    buffer_append_text(&statement, "')");
    Status status = run(sink, &statement, NULL, NULL, error);
    /* Another run has taken the number at the same time; or the end of the transaction was in
     * doubt, and this is a new writer's second try: it takes another name. */
    if (status != OK && sink->session.refusal == REFUSED_ROW)
        error->is_retriable = ++sink->claim_tries < CLAIM_TRIES;
    return status;
}

static Status update_record(JdbcSink *sink, int64_t attempt, int64_t checkpoint, Error *error)
{
    Buffer statement = {0};
    buffer_printf(&statement,
                  "UPDATE weir_commits SET checkpoint = %lld, changed_at = CURRENT_TIMESTAMP "
                  "WHERE writer = '%s' AND attempt = %lld",
                  (long long)checkpoint, sink->writer, (long long)attempt);
    return run(sink, &statement, NULL, NULL, error);
}

/* The database has less than it has confirmed: it was set back, or its commits are not durable. */
static Status check_reached(const JdbcSink *sink, int64_t reached, int64_t committed, Error *error)
{
    if (reached >= committed)
        return OK;
    Status status =
        fail(error, ERR_LOST, "WR3316",
             "table `%.*s`: the database has lost rows: checkpoint %lld was committed, "
             "but weir_commits has %lld",
             STR_ARGS(sink->session.table->name), (long long)committed, (long long)reached);
    error_hint(error, "it was set back, or its commits do not survive a crash "
                      "(synchronous_commit, innodb_flush_log_at_trx_commit); start over with "
                      "--fresh into an empty table");
    return status;
}

/* Without it nobody can say whether a commit was done. */
static Status fail_record_gone(const JdbcSink *sink, Error *error)
{
    Status status = fail(error, ERR_LOST, "WR3316",
                         "table `%.*s`: the record in weir_commits of what was committed is gone",
                         STR_ARGS(sink->session.table->name));
    error_hint(error,
               "somebody has emptied weir_commits, or this is another database: put its rows "
               "back from a copy, or start over with --fresh into an empty table");
    return status;
}

/* Make visible what the restored checkpoint has prepared, unless it is. */
static Status settle(JdbcSink *sink, const JdbcEpoch *restored, const Records *records,
                     Error *error)
{
    const PlanTable *table = sink->session.table;
    if (records->has_attempt)
        TRY(check_reached(sink, records->reached, restored->committed, error));
    else if (restored->committed > 0 || !epoch_is_empty(restored))
        return fail_record_gone(sink, error);
    if (records->reached > restored->checkpoint)
        log_event(LOG_WARN, "jdbc",
                  "table %.*s goes on from checkpoint %lld, but holds rows up to checkpoint %lld: "
                  "those in between are written again",
                  STR_ARGS(table->name), (long long)restored->checkpoint,
                  (long long)records->reached);
    if (records->has_attempt && records->reached >= restored->checkpoint)
        return load_letters(sink, restored->attempt, restored->checkpoint, error);
    TRY(apply_epoch(sink, restored, error));
    TRY(keep_letters(sink, restored->attempt, restored->checkpoint, error));
    if (!epoch_is_empty(restored))
        log_event(LOG_INFO, "jdbc", "table %.*s: finishes the commit of checkpoint %lld",
                  STR_ARGS(table->name), (long long)restored->checkpoint);
    return records->has_attempt
               ? update_record(sink, restored->attempt, restored->checkpoint, error)
               : insert_record(sink, restored->attempt, restored->checkpoint, error);
}

/* The runs before this one are shut out. */
static Status supersede(JdbcSink *sink, int64_t attempt, Error *error)
{
    Buffer statement = {0};
    buffer_printf(&statement,
                  "UPDATE weir_commits SET superseded_by = %lld WHERE writer = '%s' AND "
                  "superseded_by IS NULL",
                  (long long)attempt, sink->writer);
    TRY(run(sink, &statement, NULL, NULL, error));
    buffer_printf(&statement, "DELETE FROM weir_staged WHERE writer = '%s'", sink->writer);
    return run(sink, &statement, NULL, NULL, error);
}

/* All of it in one transaction. A new writer has nothing to look for, and would only stand in the
 * way of others that are new. */
static Status claim(JdbcSink *sink, const JdbcEpoch *restored, Error *error)
{
    Records records = {.epoch = restored};
    Buffer statement = {0};
    bool is_new = restored->checkpoint == 0;
    TRY(jdbc_sink_begin(sink, error));
    if (!is_new) {
        buffer_printf(&statement,
                      "SELECT attempt, checkpoint FROM weir_commits WHERE writer = '%s' FOR UPDATE",
                      sink->writer);
        TRY(run(sink, &statement, take_record, &records, error));
        TRY(forget_letters(sink, restored->attempt, restored->checkpoint, error));
        TRY(settle(sink, restored, &records, error));
    }
    int64_t attempt = (restored->attempt > records.newest ? restored->attempt : records.newest) + 1;
    if (!is_new)
        TRY(supersede(sink, attempt, error));
    TRY(insert_record(sink, attempt, 0, error));
    TRY(commit_and_tell(sink, error));
    sink->attempt = attempt;
    sink->committed = 0;
    sink->claim_tries = 0;
    return OK;
}

Status jdbc_exact_open(JdbcSink *sink, Str state, Error *error)
{
    JdbcEpoch restored = {0};
    if (state.length == 0 && sink->writer[0] == '\0')
        new_writer(sink);
    Status status = state.length > 0 ? state_read(sink, state, &restored, error) : OK;
    if (status == OK)
        status = need_tables(sink, error);
    if (status == OK)
        status = claim(sink, &restored, error);
    if (status != OK && state.length == 0)
        sink->writer[0] = '\0';
    if (status != OK)
        jdbc_sink_drop(sink);
    epoch_clear(&restored);
    return status;
}

/* ---- Checkpoints ------------------------------------------------------------------------- */

void jdbc_exact_prepare(JdbcSink *sink, int64_t checkpoint, Buffer *state)
{
    JdbcEpoch *prepared = &sink->prepared;
    assert(prepared->checkpoint == 0 && checkpoint > 0);
    *prepared = (JdbcEpoch){.attempt = sink->attempt,
                            .checkpoint = checkpoint,
                            .committed = sink->committed,
                            .staged_from = sink->staged_from,
                            .staged_to = sink->staged_next};
    sink->staged_from = sink->staged_next;
    jdbc_rows_move(&prepared->rows, &sink->waiting);
    state_write(sink, prepared, state);
}

typedef struct Record {
    bool is_found, is_superseded;
    int64_t checkpoint;
} Record;

static bool take_own_record(void *context, const Str *cells, int32_t count)
{
    Record *record = context;
    if (count != 2 || !str_parse_int64(cells[0], &record->checkpoint))
        return false;
    record->is_found = true;
    record->is_superseded = cells[1].data != NULL;
    return true;
}

static Status check_record(const JdbcSink *sink, const Record *record, Error *error)
{
    if (!record->is_found)
        return fail_record_gone(sink, error);
    if (!record->is_superseded)
        return OK;
    Status status =
        fail(error, ERR_LOST, "WR3316",
             "table `%.*s`: another run has taken over its checkpoints and commits from now on",
             STR_ARGS(sink->session.table->name));
    error_hint(error, "one of the two must end: each savepoint is gone on from once, and a data "
                      "folder is not copied while its pipeline runs");
    return status;
}

static Status commit_prepared(JdbcSink *sink, Error *error)
{
    const JdbcEpoch *prepared = &sink->prepared;
    Record record = {0};
    Buffer statement = {0};
    TRY(jdbc_sink_begin(sink, error));
    buffer_printf(&statement,
                  "SELECT checkpoint, superseded_by FROM weir_commits WHERE writer = '%s' AND "
                  "attempt = %lld FOR UPDATE",
                  sink->writer, (long long)sink->attempt);
    TRY(run(sink, &statement, take_own_record, &record, error));
    /* The connection was lost while it committed, and it did; or its letters found no place. */
    if (record.is_found && record.checkpoint >= prepared->checkpoint) {
        TRY(load_letters(sink, sink->attempt, prepared->checkpoint, error));
        return commit_and_tell(sink, error);
    }
    TRY(check_record(sink, &record, error));
    TRY(check_reached(sink, record.checkpoint, sink->committed, error));
    TRY(apply_epoch(sink, prepared, error));
    if (prepared->staged_to > prepared->staged_from) {
        buffer_printf(&statement,
                      "DELETE FROM weir_staged WHERE writer = '%s' AND attempt = %lld AND "
                      "chunk < %lld",
                      sink->writer, (long long)sink->attempt, (long long)prepared->staged_to);
        TRY(run(sink, &statement, NULL, NULL, error));
    }
    if (sink->has_refused)
        TRY(forget_letters(sink, sink->attempt, prepared->checkpoint, error));
    TRY(keep_letters(sink, sink->attempt, prepared->checkpoint, error));
    TRY(update_record(sink, sink->attempt, prepared->checkpoint, error));
    return commit_and_tell(sink, error);
}

Status jdbc_exact_commit(JdbcSink *sink, Error *error)
{
    JdbcEpoch *prepared = &sink->prepared;
    bool is_empty = epoch_is_empty(prepared);
    Status status = is_empty ? OK : commit_prepared(sink, error);
    if (status != OK) {
        jdbc_sink_drop(sink);
        return status;
    }
    if (!is_empty)
        sink->committed = prepared->checkpoint;
    epoch_clear(prepared);
    return OK;
}
