/* PostgreSQL by libpq: one prepared statement, a pipeline of its executions.
 *
 * A key that the server cannot compare ends the pipeline: the keys behind it make another one. */
#include <libpq-fe.h>

#include "base/memory.h"
#include "connect/jdbc/postgres.h"
#include "data/value.h"

static const char STATEMENT[] = "lookup";

static PGconn *session_pg(const JdbcSession *session)
{
    return session->connection;
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
    jdbc_columns(session, out, jdbc_pg_quote);
    buffer_append_text(out, " FROM ");
    jdbc_table(session, out, jdbc_pg_quote);
    for (int32_t i = 0; i < reader->key_count; i++) {
        buffer_append_text(out, i == 0 ? " WHERE " : " AND ");
        jdbc_pg_quote(out, fetched->fields[reader->keys[i]].name);
        buffer_printf(out, " = $%d", i + 1);
        types[i] = parameter_type(fetched->fields[reader->keys[i]].type);
    }
    bool is_sent = PQsendPrepare(session_pg(session), STATEMENT, buffer_terminated(out),
                                 reader->key_count, types) == 1;
    memory_free(types);
    return jdbc_pg_done(session, is_sent, error);
}

static Status pg_start(JdbcSession *session, Error *error)
{
    TRY(jdbc_pg_connect(session, error));
    TRY(pg_prepare(session, error));
    if (PQenterPipelineMode(session_pg(session)) != 1)
        return jdbc_pg_fail(session, ERR_UNAVAILABLE, PQerrorMessage(session_pg(session)), error);
    return OK;
}

/* The keys that are asked for, up to one that the server cannot compare: that is `next` - 1. */
typedef struct PgRound {
    JdbcSession *session;
    const Batch *keys;
    LookupRows *rows;
    int64_t deadline_us;
    int32_t next; /* the first key without an answer */
    bool is_stopped;
} PgRound;

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
    return is_sent
               ? OK
               : jdbc_pg_fail(round->session, ERR_UNAVAILABLE, PQerrorMessage(connection), error);
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
        return jdbc_pg_refused(round->session, result, error);
    }
    return OK;
}

/* The results of one execution, up to the NULL behind them. */
static Status pg_take(PgRound *round, int32_t key, Error *error)
{
    for (;;) {
        PGresult *result = NULL;
        TRY(jdbc_pg_result(round->session, round->deadline_us, &result, error));
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
    TRY(jdbc_pg_result(round->session, round->deadline_us, &sync, error));
    bool is_synced = PQresultStatus(sync) == PGRES_PIPELINE_SYNC;
    PQclear(sync);
    return is_synced ? OK
                     : jdbc_pg_fail(round->session, ERR_UNAVAILABLE, "the pipeline lost its place",
                                    error);
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
    .connect = jdbc_pg_connect,
    .open = pg_start,
    .find = pg_find,
    .close = jdbc_pg_drop,
    .run = jdbc_pg_run,
    .check = jdbc_pg_check,
    .apply = jdbc_pg_apply,
    .scan = jdbc_pg_scan,
    .fetch = jdbc_pg_fetch,
    .begin = "BEGIN ISOLATION LEVEL READ COMMITTED; SET CONSTRAINTS ALL IMMEDIATE",
    .bytes_type = "BYTEA",
    .table_tail = "",
};
