/* PostgreSQL by libpq: what look-ups and sinks share. */
#include <errno.h>
#include <libpq-fe.h>
#include <linux/sockios.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/memory.h"
#include "connect/jdbc/postgres.h"

/* ---- Mistakes ---------------------------------------------------------------------------- */

/* A line of what libpq says, which ends its messages with a line break. */
static void line_of(Buffer *out, const char *text)
{
    Str line = str_trim(str_from(text == NULL ? "" : text));
    for (int64_t i = 0; i < line.length; i++)
        buffer_append_char(out, line.data[i] == '\n' ? ' ' : line.data[i]);
}

Status jdbc_pg_fail(JdbcSession *session, Status status, const char *text, Error *error)
{
    Buffer line = {0};
    line_of(&line, text);
    bool is_passing = status == ERR_UNAVAILABLE;
    status = fail(error, status, is_passing ? "WR3311" : "WR3312",
                  "table `%.*s`, PostgreSQL at %s:%d: %s", STR_ARGS(session->table->name),
                  session->url->host, session->url->port, buffer_terminated(&line));
    error->is_retriable = is_passing && !atomic_load(&session->is_interrupted);
    buffer_free(&line);
    session->refusal = REFUSED_OTHER;
    return status;
}

/* Classes of SQLSTATE that pass: connection, serialization, resources, operator intervention, the
 * system; and of others a lock that was not to be had, a server that is read-only for a while. */
static bool state_is_passing(const char *state)
{
    static const char *const starts[] = {"08", "40", "53", "57", "58", "55P03", "25006"};
    for (size_t i = 0; state != NULL && i < sizeof starts / sizeof starts[0]; i++)
        if (str_has_prefix(str_from(state), str_from(starts[i])))
            return true;
    return state == NULL;
}

static JdbcRefusal state_refusal(const char *state)
{
    static const struct {
        const char *start;
        JdbcRefusal refusal;
    } kinds[] = {
        {"22", REFUSED_ROW},       {"23", REFUSED_ROW},       {"44", REFUSED_ROW},
        {"54", REFUSED_ROW},       {"P0", REFUSED_ROW},       {"42P01", REFUSED_TABLE},
        {"3F000", REFUSED_TABLE},  {"42703", REFUSED_COLUMN}, {"42501", REFUSED_RIGHTS},
        {"42P10", REFUSED_UPSERT},
    };
    for (size_t i = 0; state != NULL && i < sizeof kinds / sizeof kinds[0]; i++)
        if (str_has_prefix(str_from(state), str_from(kinds[i].start)))
            return kinds[i].refusal;
    return REFUSED_OTHER;
}

Status jdbc_pg_refused(JdbcSession *session, const PGresult *result, Error *error)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    JdbcRefusal refusal = state_refusal(state);
    Status failed = state_is_passing(state)     ? ERR_UNAVAILABLE
                    : refusal == REFUSED_RIGHTS ? ERR_PERMISSION
                                                : ERR_INVALID;
    Status status = jdbc_pg_fail(session, failed, PQresultErrorMessage(result), error);
    session->refusal = refusal;
    session->reason.length = 0;
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    buffer_printf(&session->reason, "SQLSTATE %s: %s%s%s", state == NULL ? "?" : state,
                  primary == NULL ? "" : primary, detail == NULL ? "" : "; ",
                  detail == NULL ? "" : detail);
    if (refusal == REFUSED_COLUMN)
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
void jdbc_pg_quote(Buffer *out, Str name)
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

void jdbc_pg_drop(JdbcSession *session)
{
    if (session->connection != NULL)
        PQfinish(session->connection);
    session->connection = NULL;
}

static PGconn *pg_dial(const JdbcSession *session, Arena *scratch)
{
    const JdbcUrl *url = session->url;
    const char *schema = jdbc_url_parameter(scratch, url, "currentSchema");
    const char *options = "-c datestyle=ISO -c bytea_output=hex -c extra_float_digits=1";
    if (schema != NULL)
        options = arena_printf(scratch, "%s -c search_path=%s", options, schema);
    enum { CONNECT_SECONDS = 10 };
    int64_t seconds = (session->silence_us + MICROS_PER_SECOND - 1) / MICROS_PER_SECOND;
    bool is_shorter = seconds > 0 && seconds < CONNECT_SECONDS;
    const struct {
        const char *key, *value;
    } settings[] = {{"host", url->host},
                    {"port", arena_printf(scratch, "%d", url->port)},
                    {"dbname", url->database[0] == '\0' ? NULL : url->database},
                    {"user", session->user},
                    {"password", session->password},
                    {"sslmode", jdbc_url_parameter(scratch, url, "sslmode")},
                    {"connect_timeout",
                     arena_printf(scratch, "%d", is_shorter ? (int)seconds : CONNECT_SECONDS)},
                    {"keepalives_idle", "10"},
                    {"keepalives_interval", "5"},
                    {"keepalives_count", "3"},
                    {"tcp_user_timeout", "30000"},
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

/* Or libpq would print it. */
static void pg_ignore_notice(void *context, const char *text)
{
    (void)context, (void)text;
}

/* A statement whose answer is no longer waited for ends in the server, too, which would else see
 * only at its end that nobody is there. Not every system that a server runs on can do that. */
static Status pg_watch_client(JdbcSession *session, Error *error)
{
    enum { CAN_FROM = 140000 };
    if (PQserverVersion(session->connection) < CAN_FROM)
        return OK;
    Str statement = STR("SET client_connection_check_interval = '10s'");
    Status status = jdbc_pg_run(session, statement, NULL, NULL, error);
    return status == ERR_UNAVAILABLE ? status : OK;
}

Status jdbc_pg_connect(JdbcSession *session, Error *error)
{
    Arena *scratch = arena_new(0);
    PGconn *connection = pg_dial(session, scratch);
    arena_free(scratch);
    session->connection = connection;
    PQsetNoticeProcessor(connection, pg_ignore_notice, NULL);
    if (PQstatus(connection) == CONNECTION_OK && PQsetnonblocking(connection, 1) == 0) {
        atomic_store(&session->socket, PQsocket(connection));
        return pg_watch_client(session, error);
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
        return jdbc_pg_fail(session, ERR_UNAVAILABLE, text, error);
    Status status = jdbc_pg_fail(session, ERR_PERMISSION, text, error);
    error_hint(error, "check 'url', 'username' and 'password'");
    return status;
}

/* ---- Waiting ----------------------------------------------------------------------------- */

/* What the server has not taken yet of what the system was given. */
static int queued_bytes(const PGconn *connection)
{
    int queued = 0;
    return ioctl(PQsocket(connection), SIOCOUTQ, &queued) == 0 ? queued : 0;
}

/* libpq may have read a part of a record of TLS: the rest has come, and poll would not see it. */
static bool has_come(PGconn *connection)
{
    SSL *ssl = PQsslStruct(connection, "OpenSSL");
    return ssl != NULL && SSL_pending(ssl) > 0;
}

static Status no_answer(JdbcSession *session, Error *error)
{
    Status status = jdbc_pg_fail(session, ERR_UNAVAILABLE, "no answer in time", error);
    error_hint(error, "`socketTimeout` in the URL says how many seconds the server may take");
    return status;
}

/* Until the server has taken or sent something. PQexec would wait for ever: for bytes that were
 * lost on the way, for a server that stands still behind a proxy that does not. */
static Status pg_wait(JdbcSession *session, int64_t deadline_us, bool wants_write, Error *error)
{
    PGconn *connection = session->connection;
    int64_t now_us = world_monotonic_us(session->world), until_us = deadline_us;
    if (session->silence_us > 0 && session->silence_us < until_us - now_us)
        until_us = now_us + session->silence_us;
    int64_t left_ms = (until_us - now_us) / MICROS_PER_MILLI + 1;
    struct pollfd wait = {.fd = PQsocket(connection),
                          .events = (short)(POLLIN | (wants_write ? POLLOUT : 0))};
    int queued = queued_bytes(connection);
    int ready = 0;
    if (has_come(connection)) {
        wait.revents = POLLIN;
        ready = 1;
    } else if (until_us > now_us) {
        ready = poll(&wait, 1, left_ms > INT32_MAX ? -1 : (int)left_ms);
    }
    /* A slow line takes megabytes before there is room to write again. */
    if (ready == 0 && (until_us == deadline_us || queued_bytes(connection) >= queued))
        return no_answer(session, error);
    if (ready < 0 && errno != EINTR)
        return jdbc_pg_fail(session, ERR_UNAVAILABLE, "the connection cannot be waited for", error);
    if (ready > 0 && (wait.revents & ~POLLOUT) != 0 && PQconsumeInput(connection) != 1)
        return jdbc_pg_fail(session, ERR_UNAVAILABLE, PQerrorMessage(connection), error);
    return OK;
}

Status jdbc_pg_result(JdbcSession *session, int64_t deadline_us, PGresult **out, Error *error)
{
    PGconn *connection = session->connection;
    *out = NULL;
    for (;;) {
        int flushed = PQflush(connection);
        if (flushed < 0)
            return jdbc_pg_fail(session, ERR_UNAVAILABLE, PQerrorMessage(connection), error);
        if (PQisBusy(connection) == 0)
            break;
        TRY(pg_wait(session, deadline_us, flushed == 1, error));
    }
    *out = PQgetResult(connection);
    return OK;
}

Status jdbc_pg_answer(JdbcSession *session, bool is_sent, PGresult **out, Error *error)
{
    *out = NULL;
    if (!is_sent)
        return jdbc_pg_fail(session, ERR_UNAVAILABLE, PQerrorMessage(session->connection), error);
    for (;;) {
        PGresult *next;
        Status status = jdbc_pg_result(session, INT64_MAX, &next, error);
        if (status == OK && next == NULL)
            return OK;
        PQclear(*out);
        *out = next;
        if (status != OK || PQresultStatus(next) == PGRES_COPY_IN)
            return status;
    }
}

Status jdbc_pg_done(JdbcSession *session, bool is_sent, Error *error)
{
    PGresult *result;
    TRY(jdbc_pg_answer(session, is_sent, &result, error));
    Status status = jdbc_pg_take(session, result, NULL, NULL, error);
    PQclear(result);
    return status;
}

/* ---- Statements -------------------------------------------------------------------------- */

Status jdbc_pg_take(JdbcSession *session, const PGresult *result, JdbcTake *take, void *context,
                    Error *error)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_COPY_IN)
        return OK;
    if (status != PGRES_TUPLES_OK)
        return jdbc_pg_refused(session, result, error);
    int32_t count = PQnfields(result);
    Str *cells = memory_allocate((int64_t)sizeof(Str) * (count + 1));
    bool is_good = true;
    for (int row = 0; take != NULL && is_good && row < PQntuples(result); row++) {
        for (int32_t i = 0; i < count; i++)
            cells[i] = PQgetisnull(result, row, i)
                           ? (Str){0}
                           : str_make(PQgetvalue(result, row, i), PQgetlength(result, row, i));
        is_good = take(context, cells, count);
    }
    memory_free(cells);
    return is_good ? OK : jdbc_malformed(session, "a row", error);
}

static Status pg_run(JdbcSession *session, Str statement, JdbcTake *take, void *context,
                     int32_t *count, Error *error)
{
    Arena *scratch = arena_new(0);
    bool is_sent = PQsendQuery(session->connection, str_terminated(scratch, statement)) == 1;
    arena_free(scratch);
    PGresult *result;
    TRY(jdbc_pg_answer(session, is_sent, &result, error));
    Status status = jdbc_pg_take(session, result, take, context, error);
    *count = PQntuples(result);
    PQclear(result);
    return status;
}

Status jdbc_pg_run(JdbcSession *session, Str statement, JdbcTake *take, void *context, Error *error)
{
    int32_t count;
    return pg_run(session, statement, take, context, &count, error);
}

/* ---- Scans ------------------------------------------------------------------------------- */

/* Two scans of a table shall give its rows in the same order: not from where another one is. */
Status jdbc_pg_scan(JdbcSession *session, Str query, Error *error)
{
    Buffer statement = {0};
    buffer_append_text(&statement, "SET synchronize_seqscans = off; BEGIN ISOLATION LEVEL "
                                   "REPEATABLE READ READ ONLY; DECLARE weir_scan NO SCROLL CURSOR "
                                   "FOR ");
    buffer_append_str(&statement, query);
    Status status = jdbc_pg_run(session, buffer_str(&statement), NULL, NULL, error);
    buffer_free(&statement);
    return status;
}

Status jdbc_pg_fetch(JdbcSession *session, int32_t rows_max, JdbcTake *take, void *context,
                     int32_t *count, Error *error)
{
    char statement[64];
    snprintf(statement, sizeof statement, "FETCH %d FROM weir_scan", rows_max);
    return pg_run(session, str_from(statement), take, context, count, error);
}
