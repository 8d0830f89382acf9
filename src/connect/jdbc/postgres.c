/* PostgreSQL by libpq: one prepared statement, a pipeline of its executions.
 *
 * A key that the server cannot compare ends the pipeline: the keys behind it make another one. */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/memory.h"
#include "connect/jdbc/jdbc.h"
#include "data/value.h"

static const char STATEMENT[] = "lookup";

static PGconn *session_pg(const JdbcSession *session)
{
    return session->connection;
}

/* ---- Mistakes ---------------------------------------------------------------------------- */

/* A line of what libpq says, which ends its messages with a line break. */
static void line_of(Buffer *out, const char *text)
{
    Str line = str_trim(str_from(text == NULL ? "" : text));
    for (int64_t i = 0; i < line.length; i++)
        buffer_append_char(out, line.data[i] == '\n' ? ' ' : line.data[i]);
}

static Status pg_fail(JdbcSession *session, Status status, const char *text, Error *error)
{
    Buffer line = {0};
    line_of(&line, text);
    bool is_passing = status == ERR_UNAVAILABLE;
    status = fail(error, status, is_passing ? "WR3311" : "WR3312",
                  "table `%.*s`, PostgreSQL at %s:%d: %s",
                  STR_ARGS(session->reader->node->lookup_join.table->name), session->url->host,
                  session->url->port, buffer_terminated(&line));
    error->is_retriable = is_passing && !atomic_load(&session->is_interrupted);
    buffer_free(&line);
    return status;
}

/* Classes of SQLSTATE that pass: connection, resources, operator intervention, serialization. */
static bool state_is_passing(const char *state)
{
    static const char *const classes[] = {"08", "53", "57", "40"};
    for (size_t i = 0; state != NULL && i < sizeof classes / sizeof classes[0]; i++)
        if (str_has_prefix(str_from(state), str_from(classes[i])))
            return true;
    return state == NULL;
}

static Status pg_refused(JdbcSession *session, const PGresult *result, Error *error)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    Status status = pg_fail(session, state_is_passing(state) ? ERR_UNAVAILABLE : ERR_INVALID,
                            PQresultErrorMessage(result), error);
    if (state != NULL && str_is(str_from(state), "42703"))
        error_hint(error,
                   "declare the columns by their names in the database; a name with capitals "
                   "means the small letters, as in Flink");
    else if (state != NULL && str_is(str_from(state), "42883"))
        error_hint(error,
                   "the key's type and that of the column in the database do not go together");
    return status;
}

/* ---- Names ------------------------------------------------------------------------------- */

/* Flink does not quote, so a name with capitals is folded; one that needs quotes gets them. */
static void quote_name(Buffer *out, Str name)
{
    bool is_plain = name.length > 0, has_capitals = false;
    for (int64_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool is_capital = c >= 'A' && c <= 'Z';
        has_capitals |= is_capital;
        is_plain &= is_capital || (c >= 'a' && c <= 'z') || c == '_' ||
                    (i > 0 && ((c >= '0' && c <= '9') || c == '$'));
    }
    if (is_plain && has_capitals) {
        buffer_append_str(out, name);
        return;
    }
    buffer_append_char(out, '"');
    for (int64_t i = 0; i < name.length; i++) {
        if (name.data[i] == '"')
            buffer_append_char(out, '"');
        buffer_append_char(out, name.data[i]);
    }
    buffer_append_char(out, '"');
}

/* ---- Connecting -------------------------------------------------------------------------- */

static void pg_drop(JdbcSession *session)
{
    if (session->connection != NULL)
        PQfinish(session_pg(session));
    session->connection = NULL;
}

static PGconn *pg_dial(const JdbcSession *session, Arena *scratch)
{
    const JdbcUrl *url = session->url;
    const char *schema = jdbc_url_parameter(scratch, url, "currentSchema");
    const char *options = "-c datestyle=ISO -c bytea_output=hex -c extra_float_digits=1";
    if (schema != NULL)
        options = arena_printf(scratch, "%s -c search_path=%s", options, schema);
    const struct {
        const char *key, *value;
    } settings[] = {{"host", url->host},
                    {"port", arena_printf(scratch, "%d", url->port)},
                    {"dbname", url->database[0] == '\0' ? NULL : url->database},
                    {"user", session->user},
                    {"password", session->password},
                    {"sslmode", jdbc_url_parameter(scratch, url, "sslmode")},
                    {"connect_timeout", "10"},
                    {"client_encoding", "UTF8"},
                    {"options", options}};
    enum { COUNT = sizeof settings / sizeof settings[0] };
    const char *keys[COUNT + 1] = {0}, *values[COUNT + 1] = {0};
    for (int32_t i = 0; i < COUNT; i++) {
        keys[i] = settings[i].key;
        values[i] = settings[i].value;
    }
    return PQconnectdbParams(keys, values, 0);
}

static Status pg_connect(JdbcSession *session, Error *error)
{
    Arena *scratch = arena_new(0);
    PGconn *connection = pg_dial(session, scratch);
    arena_free(scratch);
    session->connection = connection;
    if (PQstatus(connection) == CONNECTION_OK) {
        atomic_store(&session->socket, PQsocket(connection));
        return OK;
    }
    /* libpq does not give the state; a server that starts or is full refuses as well. */
    static const char *const refusals[] = {"authentication failed", "does not exist",
                                           "no pg_hba.conf entry", "no password supplied",
                                           "is not permitted to log in"};
    const char *text = PQerrorMessage(connection);
    bool is_refused = false;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        is_refused |= strstr(text, refusals[i]) != NULL;
    if (!is_refused)
        return pg_fail(session, ERR_UNAVAILABLE, text, error);
    Status status = pg_fail(session, ERR_PERMISSION, text, error);
    error_hint(error, "check 'url', 'username' and 'password'");
    return status;
}

/* The type of a parameter as the server knows it, from its table pg_type. Numbers are compared
 * across types, as Flink does. A text is taken for what the column is: a uuid, an enum. */
static Oid parameter_type(Type type)
{
    static const struct {
        TypeId type;
        Oid oid;
    } types[] = {{TYPE_BOOLEAN, 16}, {TYPE_TINYINT, 21}, {TYPE_SMALLINT, 21}, {TYPE_INT, 23},
                 {TYPE_BIGINT, 20},  {TYPE_FLOAT, 700},  {TYPE_DOUBLE, 701},  {TYPE_DECIMAL, 1700}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].type == type.id)
            return types[i].oid;
    return InvalidOid;
}

static Status pg_prepare(JdbcSession *session, Error *error)
{
    const LookupReader *reader = session->reader;
    const Schema *fetched = &reader->node->lookup_join.fetched;
    Oid *types = memory_allocate((int64_t)sizeof(Oid) * reader->key_count);
    Buffer *out = &session->statement;
    out->length = 0;
    buffer_append_text(out, "SELECT ");
    jdbc_columns(session, out, quote_name);
    buffer_append_text(out, " FROM ");
    jdbc_table(session, out, quote_name);
    for (int32_t i = 0; i < reader->key_count; i++) {
        buffer_append_text(out, i == 0 ? " WHERE " : " AND ");
        quote_name(out, fetched->fields[reader->keys[i]].name);
        buffer_printf(out, " = $%d", i + 1);
        types[i] = parameter_type(fetched->fields[reader->keys[i]].type);
    }
    PGresult *result =
        PQprepare(session_pg(session), STATEMENT, buffer_terminated(out), reader->key_count, types);
    memory_free(types);
    Status status = OK;
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        status = pg_refused(session, result, error);
    PQclear(result);
    return status;
}

static Status pg_start(JdbcSession *session, Error *error)
{
    TRY(pg_connect(session, error));
    TRY(pg_prepare(session, error));
    if (PQsetnonblocking(session_pg(session), 1) != 0 ||
        PQenterPipelineMode(session_pg(session)) != 1)
        return pg_fail(session, ERR_UNAVAILABLE, PQerrorMessage(session_pg(session)), error);
    return OK;
}

/* ---- Waiting ----------------------------------------------------------------------------- */

/* The keys that are asked for, up to one that the server cannot compare: that is `next` - 1. */
typedef struct PgRound {
    JdbcSession *session;
    const Batch *keys;
    LookupRows *rows;
    int64_t deadline_us;
    int32_t next; /* the first key without an answer */
    bool is_stopped;
} PgRound;

/* Until the server has taken or sent something, at the latest until the deadline. */
static Status pg_wait(const PgRound *round, bool wants_write, Error *error)
{
    JdbcSession *session = round->session;
    PGconn *connection = session_pg(session);
    int64_t left_us = round->deadline_us - world_monotonic_us(session->reader->world);
    struct pollfd wait = {.fd = PQsocket(connection),
                          .events = (short)(POLLIN | (wants_write ? POLLOUT : 0))};
    int ready = left_us <= 0 ? 0 : poll(&wait, 1, (int)(left_us / 1000 + 1));
    if (ready == 0)
        return pg_fail(session, ERR_UNAVAILABLE, "no answer in time", error);
    if (ready < 0 && errno != EINTR)
        return pg_fail(session, ERR_UNAVAILABLE, "the connection cannot be waited for", error);
    if ((wait.revents & ~POLLOUT) != 0 && PQconsumeInput(connection) != 1)
        return pg_fail(session, ERR_UNAVAILABLE, PQerrorMessage(connection), error);
    return OK;
}

/* The next result; NULL ends those of one execution. Sends what has not been sent meanwhile. */
static Status pg_result(const PgRound *round, PGresult **out, Error *error)
{
    JdbcSession *session = round->session;
    PGconn *connection = session_pg(session);
    for (;;) {
        int flushed = PQflush(connection);
        if (flushed < 0)
            return pg_fail(session, ERR_UNAVAILABLE, PQerrorMessage(connection), error);
        if (PQisBusy(connection) == 0)
            break;
        TRY(pg_wait(round, flushed == 1, error));
    }
    *out = PQgetResult(connection);
    return OK;
}

/* ---- Asking ------------------------------------------------------------------------------ */

/* Keys as texts, one behind the other, each terminated. */
static void append_parameter(JdbcSession *session, const Value *value)
{
    Buffer *out = &session->text;
    if (type_is_bytes(value->type)) {
        buffer_append_text(out, "\\x");
        for (int64_t i = 0; i < value->text.length; i++)
            buffer_printf(out, "%02x", (uint8_t)value->text.data[i]);
    } else {
        value_print(out, value, VALUE_PLAIN, NULL);
    }
    buffer_append_char(out, '\0');
}

/* No value there holds a zero byte, and the protocol ends a text with it. */
static bool key_is_possible(const Batch *keys, int32_t key)
{
    for (int32_t i = 0; i < keys->column_count; i++) {
        Value value = value_get(&keys->columns[i], key);
        if (type_is_text(value.type) && value.text.length > 0 &&
            memchr(value.text.data, 0, (size_t)value.text.length) != NULL)
            return false;
    }
    return true;
}

static bool pg_send_key(JdbcSession *session, const Batch *keys, int32_t key)
{
    int32_t count = session->reader->key_count;
    const char **values = session->values;
    int64_t *starts = session->starts;
    session->text.length = 0;
    for (int32_t i = 0; i < count; i++) {
        Value value = value_get(&keys->columns[i], key);
        starts[i] = session->text.length;
        append_parameter(session, &value);
    }
    for (int32_t i = 0; i < count; i++)
        values[i] = session->text.data + starts[i];
    return PQsendQueryPrepared(session_pg(session), STATEMENT, count, values, NULL, NULL, 0) == 1;
}

static Status pg_send(const PgRound *round, Error *error)
{
    const Batch *keys = round->keys;
    PGconn *connection = session_pg(round->session);
    bool is_sent = true;
    for (int32_t key = round->next; key < keys->row_count && is_sent; key++)
        is_sent = !key_is_possible(keys, key) || pg_send_key(round->session, keys, key);
    is_sent = is_sent && PQpipelineSync(connection) == 1;
    return is_sent ? OK
                   : pg_fail(round->session, ERR_UNAVAILABLE, PQerrorMessage(connection), error);
}

static void take_rows(const PgRound *round, const PGresult *result, int32_t key)
{
    for (int r = 0; r < PQntuples(result); r++) {
        int32_t row;
        Batch *batch = lookup_rows_add(round->rows, key, &row);
        for (int32_t i = 0; i < batch->column_count; i++) {
            Str text = PQgetisnull(result, r, i)
                           ? (Str){0}
                           : str_make(PQgetvalue(result, r, i), PQgetlength(result, r, i));
            if (jdbc_put(round->session, batch, row, i, text))
                continue;
            jdbc_reject_row(round->session, round->rows, round->keys, key, i, text);
            break;
        }
    }
}

static Status take_result(PgRound *round, const PGresult *result, int32_t key, Error *error)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        take_rows(round, result, key);
    } else if (state != NULL && str_has_prefix(str_from(state), STR("22"))) {
        round->is_stopped = true;
        jdbc_reject_key(round->session, round->keys, key,
                        PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
    } else if (!round->is_stopped) {
        return pg_refused(round->session, result, error);
    }
    return OK;
}

/* The results of one execution, up to the NULL behind them. */
static Status pg_take(PgRound *round, int32_t key, Error *error)
{
    for (;;) {
        PGresult *result = NULL;
        TRY(pg_result(round, &result, error));
        if (result == NULL)
            return OK;
        Status status = take_result(round, result, key, error);
        PQclear(result);
        TRY(status);
    }
}

static Status pg_take_all(PgRound *round, Error *error)
{
    for (int32_t key = round->next; key < round->keys->row_count; key++) {
        round->next += !round->is_stopped;
        if (key_is_possible(round->keys, key))
            TRY(pg_take(round, key, error));
    }
    PGresult *sync = NULL;
    TRY(pg_result(round, &sync, error));
    bool is_synced = PQresultStatus(sync) == PGRES_PIPELINE_SYNC;
    PQclear(sync);
    return is_synced
               ? OK
               : pg_fail(round->session, ERR_UNAVAILABLE, "the pipeline lost its place", error);
}

static Status pg_find(JdbcSession *session, const Batch *keys, LookupRows *rows, Error *error)
{
    const LookupReader *reader = session->reader;
    PgRound round = {.session = session,
                     .keys = keys,
                     .rows = rows,
                     .deadline_us = world_monotonic_us(reader->world) + reader->timeout_us};
    while (round.next < keys->row_count) {
        round.is_stopped = false;
        TRY(pg_send(&round, error));
        TRY(pg_take_all(&round, error));
    }
    return OK;
}

const JdbcDriver jdbc_postgres_driver = {
    .open = pg_start,
    .find = pg_find,
    .close = pg_drop,
};
