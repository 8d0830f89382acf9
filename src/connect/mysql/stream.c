/* The binlog as it is written.
 *
 * The server sends events as if to a replica. A transaction's end is where a restart may begin;
 * inside of one the wanted rows are counted, so that a restart leaves out those that were
 * delivered. Reference: MySQL 8.0 Source Code Documentation, "Replication Protocol"; MariaDB
 * Knowledge Base, "Replica Registration" and "COM_BINLOG_DUMP". */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "connect/mysql/lexer.h"
#include "connect/mysql/source.h"

enum {
    COMMAND_BINLOG_DUMP = 0x12,
    COMMAND_REGISTER_REPLICA = 0x15,
    COMMAND_BINLOG_DUMP_GTID = 0x1e,
    FLAG_THROUGH_GTID = 4,
    BINLOG_START = 4,
    POLL_EVENTS_MAX = 20000,
    HEARTBEATS_PER_INTERVAL = 3,
    DUMMY_TABLE_ID = 0xffffff,
    ERROR_BINLOG_FATAL = 1236,
    ERROR_REPLICA_ID = 1593,
    ERROR_SAME_ID = 4052,
};

void mysql_stream_close(MysqlSource *source)
{
    SourceStream *stream = &source->stream;
    mysql_client_close(&source->dump);
    stream->is_open = false;
    stream->binding = NULL;
    stream->payload.is_open = false;
}

void mysql_stream_free(MysqlSource *source)
{
    SourceStream *stream = &source->stream;
    payload_free(&stream->payload);
    gtid_free(&stream->gtids);
    xa_free(source);
    temporary_free(source);
    buffer_free(&stream->inflated);
    buffer_free(&stream->scratch);
    buffer_free(&stream->sql_scratch);
}

/* ---- asking for it ---- */

/* Another attempt takes another number, where there is a choice. */
static Status fail_same_id(Error *error)
{
    Status status =
        fail(error, ERR_UNAVAILABLE, "WR3133", "another replica has the same server-id");
    error_hint(error, "give 'server-id' a number of its own");
    error->is_retriable = true;
    return status;
}

/* What an error packet instead of events means. */
static Status stream_fail(MysqlSource *source, Str packet, Error *error)
{
    Status status = mysql_client_fail(&source->dump, packet, error);
    Str text = str_from(source->dump.last_message);
    uint16_t number = source->dump.last_code;
    if (number == ERROR_SAME_ID)
        return fail_same_id(error);
    if (number != ERROR_BINLOG_FATAL && number != ERROR_REPLICA_ID)
        return status;
    if (str_find(text, STR("same server_id")) >= 0 || str_find(text, STR("same server_uuid")) >= 0)
        return fail_same_id(error);
    if (str_find(text, STR("impossible position")) >= 0 ||
        str_find(text, STR("position > file size")) >= 0)
        return mysql_fail_other_history(source, "the file is shorter", error);
    if (str_find(text, STR("not in the master's binlog")) >= 0)
        return mysql_fail_diverged(source, source->dump.last_message, error);
    if (str_find(text, STR("max_allowed_packet")) >= 0) {
        status = fail(error, ERR_LIMIT, "WR3132", "a change is larger than the server may send: %s",
                      source->dump.last_message);
        error_hint(error, "raise max_allowed_packet (or slave_max_allowed_packet) on the server");
        return status;
    }
    return mysql_fail_lost(source, source->dump.last_message, error);
}

static Status stream_register(MysqlSource *source, uint32_t server_id, Error *error)
{
    Buffer body = {0};
    buffer_append_u32(&body, server_id);
    for (int32_t i = 0; i < 3; i++) /* host, user, password as shown by SHOW REPLICA HOSTS */
        buffer_append_u8(&body, 0);
    buffer_append_u16(&body, 0);
    buffer_append_u32(&body, 0);
    buffer_append_u32(&body, 0);
    Status status =
        mysql_client_command(&source->dump, COMMAND_REGISTER_REPLICA, buffer_str(&body), error);
    buffer_free(&body);
    if (status == OK)
        status = mysql_client_expect_ok(&source->dump, error);
    bool is_same = status != OK && source->dump.last_code == ERROR_SAME_ID;
    return is_same ? fail_same_id(error) : status;
}

int64_t mysql_stream_beat_us(const MysqlSource *source)
{
    return source->options.heartbeat_us / HEARTBEATS_PER_INTERVAL;
}

static Status stream_prepare(MysqlSource *source, const ServerInfo *info, bool by_gtid,
                             Error *error)
{
    MysqlClient *dump = &source->dump;
    Buffer sql = {0};
    int64_t beat_us = mysql_stream_beat_us(source);
    buffer_printf(&sql, "SET @master_heartbeat_period = %lld, @source_heartbeat_period = %lld",
                  (long long)beat_us * 1000, (long long)beat_us * 1000);
    if (info->has_checksums)
        buffer_append_text(&sql, ", @master_binlog_checksum = 'CRC32', "
                                 "@source_binlog_checksum = 'CRC32'");
    else
        buffer_append_text(&sql, ", @master_binlog_checksum = 'NONE', "
                                 "@source_binlog_checksum = 'NONE'");
    if (dump->is_mariadb) {
        buffer_append_text(&sql, ", @mariadb_slave_capability = 4");
        if (by_gtid) {
            Buffer gtids = {0};
            gtid_print(&gtids, &source->stream.gtids);
            buffer_printf(&sql,
                          ", @slave_connect_state = '%.*s', @slave_gtid_strict_mode = 0, "
                          "@slave_gtid_ignore_duplicates = 0",
                          (int)gtids.length, gtids.length > 0 ? gtids.data : "");
            buffer_free(&gtids);
        }
    } else {
        uint64_t id[2] = {source->reader.world->kind->random_u64(source->reader.world),
                          source->reader.world->kind->random_u64(source->reader.world)};
        buffer_printf(&sql, ", @slave_uuid = '%08x-%04x-%04x-%04x-%012llx'", (unsigned)id[0],
                      (unsigned)(id[0] >> 32 & 0xffff), (unsigned)(id[0] >> 48),
                      (unsigned)(id[1] & 0xffff), (unsigned long long)id[1] >> 16);
    }
    Status status = mysql_client_execute(dump, buffer_terminated(&sql), error);
    buffer_free(&sql);
    return status;
}

static Status stream_dump(MysqlSource *source, uint32_t server_id, bool by_gtid, Error *error)
{
    const SourceStream *stream = &source->stream;
    Buffer body = {0};
    uint8_t command = COMMAND_BINLOG_DUMP;
    if (by_gtid && !source->dump.is_mariadb) {
        command = COMMAND_BINLOG_DUMP_GTID;
        Buffer set = {0};
        gtid_encode(&set, &stream->gtids);
        buffer_append_u16(&body, FLAG_THROUGH_GTID);
        buffer_append_u32(&body, server_id);
        buffer_append_u32(&body, 0);
        buffer_append_u64(&body, BINLOG_START);
        buffer_append_bytes(&body, buffer_str(&set));
        buffer_free(&set);
    } else {
        buffer_append_u32(&body, by_gtid ? BINLOG_START : (uint32_t)stream->safe.offset);
        buffer_append_u16(&body, 0);
        buffer_append_u32(&body, server_id);
        buffer_append_text(&body, by_gtid ? "" : stream->safe.file);
    }
    Status status = mysql_client_command(&source->dump, command, buffer_str(&body), error);
    buffer_free(&body);
    return status;
}

Status mysql_stream_open(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    const SourceOptions *options = &source->options;
    ServerInfo info;
    bool by_gtid = false;
    assert(!mysql_client_is_open(&source->dump));
    TRY(mysql_client_open(&source->dump, error));
    TRY(mysql_catalog_server(&source->dump, &info, error));
    TRY(mysql_place_choose(source, &info, &by_gtid, error));
    TRY(stream_prepare(source, &info, by_gtid, error));
    World *world = source->reader.world;
    uint64_t span = options->server_id_last - options->server_id_first + 1;
    uint32_t server_id =
        options->server_id_first + (uint32_t)(world->kind->random_u64(world) % span);
    TRY(stream_register(source, server_id, error));
    TRY(stream_dump(source, server_id, by_gtid, error));
    binding_forget_all(source);
    stream->format = (BinlogFormat){.has_checksum = info.has_checksums};
    stream->rows_skip += stream->rows_done;
    stream->rows_done = 0;
    stream->binding = NULL;
    stream->payload.is_open = false;
    stream->is_in_transaction = false;
    stream->has_gtid = false;
    xa_break(source);
    stream->is_filtering = !segments_are_behind(source);
    memcpy(stream->file, stream->safe.file, sizeof stream->file);
    stream->file_made = 0;
    stream->last_heard_us = stream->last_event_us = world_monotonic_us(world);
    stream->is_open = true;
    Buffer gtids = {0};
    gtid_print(&gtids, &stream->gtids);
    log_event(LOG_INFO, "mysql-cdc", "reading the binlog from %s:%llu%s%.*s",
              by_gtid ? "GTID" : stream->safe.file, (unsigned long long)stream->safe.offset,
              gtids.length > 0 ? " behind " : "", (int)gtids.length,
              gtids.length > 0 ? gtids.data : "");
    buffer_free(&gtids);
    return OK;
}

/* ---- transactions ---- */

/* Definitions that were read as of a later position are those of this one. */
static void stream_end_assumption(MysqlSource *source)
{
    for (int32_t i = 0; i < source->table_count; i++)
        source->tables[i]->is_assumed = false;
    source->assumed_until = (BinlogPosition){0};
}

/* All up to `end` is delivered. */
static Status stream_commit(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    uint32_t end = stream->payload.is_open ? stream->payload_end : stream->event.next_position;
    if (stream->rows_skip > 0 && stream->rows_done > 0)
        return mysql_fail_lost(source, "a transaction has fewer rows than it had before", error);
    if (stream->has_gtid)
        gtid_add(&stream->gtids, &stream->gtid);
    stream->has_gtid = false;
    stream->is_in_transaction = false;
    xa_end(source);
    stream->rows_done = 0;
    source->damage_count = 0;
    if (end != 0) {
        memcpy(stream->safe.file, stream->file, sizeof stream->file);
        stream->safe.offset = end;
        stream->safe_made = stream->file_made;
    }
    if (stream->safe.offset != 0 && source->assumed_until.offset != 0 &&
        binlog_position_compare(&stream->safe, &source->assumed_until) >= 0)
        stream_end_assumption(source);
    stream->is_filtering = stream->is_filtering && !segments_are_behind(source);
    return OK;
}

/* Behind "XA". */
static Status stream_take_xa(MysqlSource *source, SqlLexer *lexer, Error *error)
{
    bool gives = false;
    if (sql_lexer_take(lexer, "START") || sql_lexer_take(lexer, "BEGIN")) {
        source->stream.is_in_transaction = true;
        xa_begin(source);
    } else if (sql_lexer_take(lexer, "COMMIT")) {
        TRY(xa_commit(source, sql_lexer_rest(lexer), &gives, error));
        return gives ? OK : stream_commit(source, error);
    } else if (sql_lexer_take(lexer, "ROLLBACK")) {
        xa_roll_back(source, sql_lexer_rest(lexer));
        return stream_commit(source, error);
    }
    return OK; /* XA END */
}

static Status stream_take_prepare(MysqlSource *source, Error *error)
{
    bool gives = false;
    if (source->xa.is_taking)
        TRY(xa_prepare(source, &gives, error));
    return gives ? OK : stream_commit(source, error);
}

static Status stream_take_query(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    QueryEvent query;
    stream->sql_scratch.length = 0;
    TRY(event_read_query(&stream->event, &stream->sql_scratch, &query, error));
    query.sql = statement_text(query.sql);
    SqlLexer lexer = sql_lexer(query.sql);
    if (sql_lexer_take(&lexer, "BEGIN")) {
        stream->is_in_transaction = true;
        return OK;
    }
    if (sql_lexer_take(&lexer, "XA"))
        return stream_take_xa(source, &lexer, error);
    if (sql_lexer_take(&lexer, "COMMIT"))
        return stream_commit(source, error);
    if (sql_lexer_take(&lexer, "ROLLBACK"))
        return sql_lexer_take(&lexer, "TO") ? OK : stream_commit(source, error);
    if (sql_lexer_take(&lexer, "SAVEPOINT"))
        return OK;
    TRY(statement_check(source, &query, error));
    bool is_of_temporary = statement_is_of_temporary(source, &query);
    temporary_follow(source, &query);
    if (!is_of_temporary)
        TRY(follow_statement(source, &query, error));
    return stream->is_in_transaction ? OK : stream_commit(source, error);
}

/* ---- events ---- */

static Status stream_take_rotate(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    RotateEvent rotate;
    TRY(event_read_rotate(&stream->event, &rotate, error));
    if (rotate.file.length >= (int64_t)sizeof stream->file)
        return event_fail(&stream->event, "it names a file too long", error);
    if (!str_equal(rotate.file, str_from(stream->file)))
        stream->file_made = 0;
    snprintf(stream->file, sizeof stream->file, "%.*s", STR_ARGS(rotate.file));
    bool is_artificial =
        (stream->event.flags & EVENT_FLAG_ARTIFICIAL) != 0 || stream->event.timestamp == 0;
    /* The artificial one at the start only repeats where we asked to begin; after a start by
     * GTID its offset is not where the next transaction begins. */
    if (is_artificial)
        return OK;
    memcpy(stream->safe.file, stream->file, sizeof stream->file);
    stream->safe.offset = rotate.position;
    stream->safe_made = 0;
    return OK;
}

/* Each file says when it was begun, which tells it from another one of the same name. */
static Status stream_take_format(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    uint32_t made = stream->event.timestamp;
    bool is_safe = stream->safe.offset != 0 && strcmp(stream->file, stream->safe.file) == 0;
    if (is_safe && made != 0 && stream->safe_made != 0 && made != stream->safe_made)
        return mysql_fail_other_history(source, "its file of this name was begun at another time",
                                        error);
    if (stream->format.is_after_start)
        temporary_forget_server(source, stream->event.server_id);
    stream->file_made = made;
    if (is_safe && made != 0)
        stream->safe_made = made;
    return OK;
}

static Status stream_take_gtid(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    TRY(gtid_read(&stream->event, &stream->gtid, error));
    TRY(mysql_place_check_next(source, &stream->gtid, error));
    stream->has_gtid = true;
    stream->is_in_transaction = stream->gtid.is_mariadb && !stream->gtid.is_standalone;
    if (stream->gtid.is_xa)
        xa_begin(source);
    return OK;
}

static Status stream_take_table(MysqlSource *source, Error *error)
{
    Binding *binding = NULL;
    return binding_make(source, &source->stream.event, &binding, error);
}

static Status stream_open_rows(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    TRY(rows_open(&stream->format, &stream->event, &stream->inflated, &stream->rows, error));
    Binding *binding = binding_find(source, stream->rows.table_id);
    if (binding == NULL && stream->rows.table_id == DUMMY_TABLE_ID)
        return OK;
    if (binding == NULL)
        return event_fail(&stream->event, "the table of its rows is not known", error);
    if (!binding->is_wanted)
        return OK;
    uint32_t then = source->xa.is_giving ? source->xa.commit.timestamp : stream->event.timestamp;
    bool is_early = source->options.mode == START_TIMESTAMP &&
                    (int64_t)then * 1000 < source->options.timestamp_ms;
    if (is_early)
        return OK;
    if (stream->rows.column_count != binding->map.count)
        return event_fail(&stream->event, "its rows have other columns than its table", error);
    if (stream->rows.is_partial) {
        Status status = fail(error, ERR_LOST, "WR3129",
                             "a JSON column of `%.*s.%.*s` was logged as a difference",
                             STR_ARGS(binding->map.database), STR_ARGS(binding->map.name));
        error_hint(error, "run SET GLOBAL binlog_row_value_options = '' and start over with "
                          "--fresh");
        return status;
    }
    stream->binding = binding;
    return OK;
}

static Status stream_take_event(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    const Event *event = &stream->event;
    RowsKind kind;
    bool is_counted = stream->events_skip > 0 && !source->xa.is_giving;
    if (is_counted && event->next_position != 0 && event->type != EVENT_FORMAT) {
        stream->events_skip--;
        return event->type == EVENT_TABLE_MAP ? stream_take_table(source, error) : OK;
    }
    bool is_rows = rows_is_event(event->type, &kind);
    if (source->xa.is_taking && (is_rows || event->type == EVENT_TABLE_MAP))
        return xa_take(source, error);
    if (is_rows)
        return stream_open_rows(source, error);
    switch (event->type) {
    case EVENT_TABLE_MAP: return stream_take_table(source, error);
    case EVENT_QUERY:
    case EVENT_EXECUTE_LOAD:
    case EVENT_MARIA_QUERY_COMPRESSED: return stream_take_query(source, error);
    case EVENT_XID: return stream_commit(source, error);
    case EVENT_XA_PREPARE: return stream_take_prepare(source, error);
    case EVENT_GTID:
    case EVENT_ANONYMOUS_GTID:
    case EVENT_GTID_TAGGED:
    case EVENT_MARIA_GTID: return stream_take_gtid(source, error);
    case EVENT_ROTATE: return stream_take_rotate(source, error);
    case EVENT_FORMAT: return stream_take_format(source, error);
    case EVENT_TRANSACTION_PAYLOAD:
        stream->payload_end = event->next_position;
        return payload_open(&stream->payload, event, error);
    case EVENT_PREVIOUS_GTIDS:
    case EVENT_MARIA_GTID_LIST:
        return gtid_is_empty(&stream->gtids) ? gtid_read_set(event, &stream->gtids, error) : OK;
    case EVENT_LOAD:
    case EVENT_LOAD_NEW:
    case EVENT_EXECUTE_LOAD_OLD: /* of servers before 5.0, which a replica may keep */
        return mysql_fail_lost(source, "a LOAD DATA is in it without its rows", error);
    case EVENT_INCIDENT:
        return mysql_fail_lost(source, "the server reports that changes are missing in it", error);
    default: return OK; /* heartbeats, annotations, and what is not known and may be ignored */
    }
}

/* Nothing has come: has nothing happened, or does the server write elsewhere? */
static Status stream_look_idle(MysqlSource *source, int64_t now_us, Error *error)
{
    SourceStream *stream = &source->stream;
    int64_t silent_us = now_us - stream->last_heard_us;
    if (silent_us >= source->options.heartbeat_us * 2) {
        Status status =
            fail(error, ERR_UNAVAILABLE, "WR3102", "the server was silent for %lld seconds",
                 (long long)(silent_us / MICROS_PER_SECOND));
        error->is_retriable = true;
        return status;
    }
    mysql_lag_hear_nothing(source, silent_us);
    if (now_us - stream->last_event_us >= mysql_stream_beat_us(source)) {
        stream->last_event_us = now_us;
        TRY(mysql_place_check_end(source, error));
    }
    return ERR_AGAIN;
}

/* The next event: of an XA transaction, from the open payload, or from the server. */
static Status stream_next(MysqlSource *source, int64_t timeout_us, Error *error)
{
    SourceStream *stream = &source->stream;
    if (source->xa.is_giving)
        return xa_next(source, &stream->event, error);
    if (stream->payload.is_open) {
        Status status = payload_next(&stream->payload, &stream->event, error);
        if (status != ERR_END)
            return status;
    }
    World *world = source->reader.world;
    Str packet;
    Status status = wire_read(&source->dump.wire, timeout_us, &packet, error);
    int64_t now_us = world_monotonic_us(world);
    if (status == ERR_AGAIN)
        return stream_look_idle(source, now_us, error);
    TRY(status);
    stream->last_heard_us = now_us;
    uint8_t kind = packet.length > 0 ? (uint8_t)packet.data[0] : 0xff;
    if (kind == 0xff)
        return stream_fail(source, packet, error);
    if (kind == 0xfe && packet.length < 9) {
        status = fail(error, ERR_UNAVAILABLE, "WR3102", "the server ended the binlog");
        error->is_retriable = true;
        return status;
    }
    TRY(event_parse(&stream->format, str_make(packet.data + 1, packet.length - 1), &stream->event,
                    error));
    mysql_lag_hear(source, &stream->event);
    if (stream->event.type != EVENT_HEARTBEAT && stream->event.type != EVENT_HEARTBEAT_2)
        stream->last_event_us = now_us;
    return OK;
}

Status mysql_stream_poll(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    if (!stream->is_open)
        TRY(mysql_stream_open(source, error));
    for (int32_t i = 0; i < POLL_EVENTS_MAX; i++) {
        if (stream->binding != NULL) {
            TRY(mysql_source_take_rows(source, error));
            if (rows_has_next(&stream->rows))
                return OK; /* the batch is full */
            stream->binding = NULL;
        }
        if (!mysql_source_has_room(source))
            return OK;
        bool has_rows = source->batch->row_count > 0;
        Status status = stream_next(source, has_rows ? 0 : SOURCE_POLL_US, error);
        if (status == ERR_AGAIN)
            return has_rows ? OK : ERR_AGAIN;
        if (status == OK) {
            atomic_store(&source->reader.progress.event_time_us,
                         (int64_t)stream->event.timestamp * MICROS_PER_SECOND);
            status = stream_take_event(source, error);
        }
        TRY(status);
    }
    return source->batch->row_count > 0 ? OK : ERR_AGAIN;
}

/* ---- where to begin ---- */

/* When the file was begun, in milliseconds; 0 when it does not say. */
static Status stream_probe(MysqlSource *source, const char *file, int64_t *out, Error *error)
{
    enum { PROBE_EVENTS_MAX = 8, PROBE_TIMEOUT_US = 10000000 };
    SourceStream *stream = &source->stream;
    *out = 0;
    stream->safe.offset = BINLOG_START;
    snprintf(stream->safe.file, sizeof stream->safe.file, "%s", file);
    Status status = mysql_stream_open(source, error);
    for (int32_t i = 0; i < PROBE_EVENTS_MAX && status == OK && *out == 0; i++) {
        status = stream_next(source, PROBE_TIMEOUT_US, error);
        if (status == OK && stream->event.type == EVENT_FORMAT)
            *out = (int64_t)stream->event.timestamp * 1000;
    }
    mysql_stream_close(source);
    return status == ERR_AGAIN ? OK : status;
}

static Status stream_find_time(MysqlSource *source, Error *error)
{
    List files = {0};
    Arena *arena = arena_new(0);
    Status status = mysql_catalog_files(&source->client, arena, &files, error);
    for (int32_t i = files.count - 1; i >= 0 && status == OK; i--) {
        int64_t begun_ms = 0;
        status = stream_probe(source, LIST_AT(files, i, const char), &begun_ms, error);
        if (begun_ms != 0 && begun_ms <= source->options.timestamp_ms)
            break;
    }
    arena_free(arena);
    return status;
}

static Status stream_find_specific(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    const SourceOptions *options = &source->options;
    stream->events_skip = options->skip_events;
    stream->rows_skip = options->skip_rows;
    if (options->gtid_set.length > 0) {
        if (gtid_parse(&stream->gtids, options->gtid_set))
            return OK;
        return fail(error, ERR_INVALID, "WR3124",
                    "'scan.startup.specific-offset.gtid-set' is no set of GTIDs: %.*s",
                    STR_ARGS(options->gtid_set));
    }
    assert(options->file != NULL);
    snprintf(stream->safe.file, sizeof stream->safe.file, "%s", options->file);
    stream->safe.offset =
        options->offset >= BINLOG_START ? (uint64_t)options->offset : BINLOG_START;
    return OK;
}

Status mysql_stream_find_start(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    Str gtids;
    List files = {0};
    switch (source->options.mode) {
    case START_EARLIEST:
        TRY(mysql_catalog_files(&source->client, source->arena, &files, error));
        snprintf(stream->safe.file, sizeof stream->safe.file, "%s", LIST_AT(files, 0, const char));
        stream->safe.offset = BINLOG_START;
        return OK;
    case START_LATEST:
        TRY(mysql_catalog_end(&source->client, source->arena, &stream->safe, &gtids, error));
        (void)gtid_parse(&stream->gtids, gtids);
        return OK;
    case START_SPECIFIC: return stream_find_specific(source, error);
    case START_TIMESTAMP: return stream_find_time(source, error);
    case START_INITIAL:
    case START_SNAPSHOT: break;
    }
    return OK;
}
