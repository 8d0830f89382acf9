/* MySQL and MariaDB by libmariadb: one UNION ALL of a SELECT for each key.
 *
 *     SELECT 0, a, b FROM t WHERE k = 7 UNION ALL SELECT 1, a, b FROM t WHERE k = 9 …
 *
 * A key that the server cannot compare spoils the whole statement: it is found by halves. */
#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <stdatomic.h>
#include <stdio.h>

#include "connect/jdbc/jdbc.h"
#include "data/value.h"

/* Far below any max_allowed_packet. */
enum { STATEMENT_BYTES = 256 * 1024 };

static MYSQL *session_mysql(const JdbcSession *session)
{
    return session->connection;
}

static bool code_is_passing(unsigned code)
{
    return code == CR_SERVER_GONE_ERROR || code == CR_SERVER_LOST || code == CR_CONN_HOST_ERROR ||
           code == CR_CONNECTION_ERROR || code == CR_SERVER_LOST_EXTENDED ||
           code == ER_CON_COUNT_ERROR || code == ER_LOCK_WAIT_TIMEOUT || code == ER_LOCK_DEADLOCK ||
           code == ER_SERVER_SHUTDOWN || code == ER_QUERY_INTERRUPTED;
}

static bool code_is_of_key(unsigned code)
{
    return code == ER_WRONG_VALUE || code == ER_TRUNCATED_WRONG_VALUE ||
           code == ER_DATA_OUT_OF_RANGE || code == ER_CANT_AGGREGATE_2COLLATIONS;
}

static Status mysql_refused(JdbcSession *session, Error *error)
{
    unsigned code = mysql_errno(session_mysql(session));
    bool is_passing = code_is_passing(code);
    bool is_denied = code == ER_ACCESS_DENIED_ERROR || code == ER_DBACCESS_DENIED_ERROR;
    const PlanTable *table = session->reader->node->lookup_join.table;
    Status status = fail(error,
                         is_passing  ? ERR_UNAVAILABLE
                         : is_denied ? ERR_PERMISSION
                                     : ERR_INVALID,
                         is_passing ? "WR3311" : "WR3312", "table `%.*s`, MySQL at %s:%d: %s",
                         STR_ARGS(table->name), session->url->host, session->url->port,
                         mysql_error(session_mysql(session)));
    error->is_retriable = is_passing && !atomic_load(&session->is_interrupted);
    if (is_denied)
        error_hint(error, "check 'username' and 'password'");
    else if (code == ER_BAD_FIELD_ERROR)
        error_hint(error, "declare the columns by their names in the database");
    return status;
}

static void quote_name(Buffer *out, Str name)
{
    buffer_append_char(out, '`');
    for (int64_t i = 0; i < name.length; i++) {
        if (name.data[i] == '`')
            buffer_append_char(out, '`');
        buffer_append_char(out, name.data[i]);
    }
    buffer_append_char(out, '`');
}

/* ---- Connecting -------------------------------------------------------------------------- */

static void mysql_drop(JdbcSession *session)
{
    if (session->connection != NULL)
        mysql_close(session_mysql(session));
    session->connection = NULL;
}

static void mysql_set_tls(JdbcSession *session)
{
    Arena *scratch = arena_new(0);
    const char *mode = jdbc_url_parameter(scratch, session->url, "sslMode");
    const char *use = jdbc_url_parameter(scratch, session->url, "useSSL");
    bool is_required = (use != NULL && str_equal_ignoring_case(str_from(use), STR("true"))) ||
                       (mode != NULL && !str_equal_ignoring_case(str_from(mode), STR("DISABLED")) &&
                        !str_equal_ignoring_case(str_from(mode), STR("DISABLE")) &&
                        !str_equal_ignoring_case(str_from(mode), STR("PREFERRED")));
    my_bool on = 1;
    my_bool verifies = mode != NULL && (str_has_prefix(str_from(mode), STR("VERIFY")) ||
                                        str_has_prefix(str_from(mode), STR("verify")));
    arena_free(scratch);
    if (!is_required)
        return;
    mysql_optionsv(session_mysql(session), MYSQL_OPT_SSL_ENFORCE, &on);
    mysql_optionsv(session_mysql(session), MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verifies);
}

static void mysql_set_timeouts(JdbcSession *session)
{
    int64_t seconds = (session->reader->timeout_us + MICROS_PER_SECOND - 1) / MICROS_PER_SECOND;
    unsigned timeout = seconds < 1 ? 1 : seconds > 3600 ? 3600 : (unsigned)seconds;
    unsigned connect = timeout < 10 ? timeout : 10;
    mysql_optionsv(session_mysql(session), MYSQL_OPT_CONNECT_TIMEOUT, &connect);
    mysql_optionsv(session_mysql(session), MYSQL_OPT_READ_TIMEOUT, &timeout);
    mysql_optionsv(session_mysql(session), MYSQL_OPT_WRITE_TIMEOUT, &timeout);
}

/* Ask for nothing, to see that everything is there. */
static Status mysql_look(JdbcSession *session, Error *error)
{
    Buffer *statement = &session->statement;
    statement->length = 0;
    buffer_append_text(statement, "SELECT ");
    jdbc_columns(session, statement, quote_name);
    buffer_append_text(statement, " FROM ");
    jdbc_table(session, statement, quote_name);
    buffer_append_text(statement, " WHERE 1 = 0");
    MYSQL *mysql = session_mysql(session);
    if (mysql_real_query(mysql, statement->data, (unsigned long)statement->length) != 0)
        return mysql_refused(session, error);
    MYSQL_RES *result = mysql_store_result(mysql);
    if (result == NULL)
        return mysql_refused(session, error);
    mysql_free_result(result);
    return OK;
}

static Status mysql_start(JdbcSession *session, Error *error)
{
    MYSQL *mysql = mysql_init(NULL);
    session->connection = mysql;
    mysql_optionsv(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_set_timeouts(session);
    mysql_set_tls(session);
    const JdbcUrl *url = session->url;
    if (mysql_real_connect(mysql, url->host, session->user, session->password,
                           url->database[0] == '\0' ? NULL : url->database, (unsigned)url->port,
                           NULL, 0) == NULL)
        return mysql_refused(session, error);
    atomic_store(&session->socket, (int32_t)mysql_get_socket(mysql));
    /* Points in time come as UTC, whatever the server's zone; backslashes mean themselves nowhere.
     */
    if (mysql_query(mysql, "SET time_zone = '+00:00'") != 0)
        return mysql_refused(session, error);
    return mysql_look(session, error);
}

/* ---- Asking ------------------------------------------------------------------------------ */

static void append_hex(Buffer *out, Str bytes)
{
    buffer_append_text(out, "X'");
    for (int64_t i = 0; i < bytes.length; i++)
        buffer_printf(out, "%02X", (uint8_t)bytes.data[i]);
    buffer_append_char(out, '\'');
}

static void append_text(JdbcSession *session, Buffer *out, Str text)
{
    buffer_append_char(out, '\'');
    char *into = buffer_reserve(out, text.length * 2 + 1);
    out->length += (int64_t)mysql_real_escape_string(session_mysql(session), into, text.data,
                                                     (unsigned long)text.length);
    buffer_append_char(out, '\'');
}

static void append_literal(JdbcSession *session, Buffer *out, const Value *value)
{
    if (type_is_bytes(value->type)) {
        append_hex(out, value->text);
    } else if (type_is_text(value->type)) {
        append_text(session, out, value->text);
    } else if (value->type.id == TYPE_BOOLEAN) {
        buffer_append_char(out, value->integer != 0 ? '1' : '0');
    } else {
        bool is_number = type_is_numeric(value->type);
        session->text.length = 0;
        value_print(&session->text, value, VALUE_PLAIN, NULL);
        if (!is_number)
            buffer_append_char(out, '\'');
        buffer_append_str(out, buffer_str(&session->text));
        if (!is_number)
            buffer_append_char(out, '\'');
    }
}

static void append_select(JdbcSession *session, const Batch *keys, int32_t key)
{
    Buffer *out = &session->statement;
    const LookupReader *reader = session->reader;
    const Schema *fetched = &reader->node->lookup_join.fetched;
    buffer_printf(out, "%sSELECT %d, ", out->length > 0 ? " UNION ALL " : "", key);
    jdbc_columns(session, out, quote_name);
    buffer_append_text(out, " FROM ");
    jdbc_table(session, out, quote_name);
    for (int32_t i = 0; i < reader->key_count; i++) {
        Value value = value_get(&keys->columns[i], key);
        buffer_append_text(out, i == 0 ? " WHERE " : " AND ");
        quote_name(out, fetched->fields[reader->keys[i]].name);
        buffer_append_text(out, " = ");
        append_literal(session, out, &value);
    }
}

static void take_row(JdbcSession *session, MYSQL_RES *result, MYSQL_ROW texts, const Batch *keys,
                     LookupRows *rows)
{
    const unsigned long *lengths = mysql_fetch_lengths(result);
    int64_t key = -1;
    if (!str_parse_int64(str_make(texts[0], (int64_t)lengths[0]), &key) || key < 0 ||
        key >= keys->row_count)
        return;
    int32_t row;
    Batch *batch = lookup_rows_add(rows, (int32_t)key, &row);
    for (int32_t i = 0; i < batch->column_count; i++) {
        Str text =
            texts[i + 1] == NULL ? (Str){0} : str_make(texts[i + 1], (int64_t)lengths[i + 1]);
        if (jdbc_put(session, batch, row, i, text))
            continue;
        jdbc_reject_row(session, rows, keys, (int32_t)key, i, text);
        return;
    }
}

static Status mysql_ask(JdbcSession *session, const Batch *keys, LookupRows *rows, Error *error)
{
    MYSQL *mysql = session_mysql(session);
    const Buffer *statement = &session->statement;
    if (mysql_real_query(mysql, statement->data, (unsigned long)statement->length) != 0)
        return mysql_refused(session, error);
    MYSQL_RES *result = mysql_store_result(mysql);
    if (result == NULL)
        return mysql_refused(session, error);
    for (MYSQL_ROW texts = mysql_fetch_row(result); texts != NULL; texts = mysql_fetch_row(result))
        take_row(session, result, texts, keys, rows);
    mysql_free_result(result);
    return OK;
}

static Status mysql_find(JdbcSession *session, const Batch *keys, LookupRows *rows, Error *error)
{
    int32_t step = keys->row_count;
    for (int32_t from = 0; from < keys->row_count;) {
        int32_t to = from;
        session->statement.length = 0;
        while (to < keys->row_count && to - from < step &&
               session->statement.length < STATEMENT_BYTES)
            append_select(session, keys, to++);
        Status status = mysql_ask(session, keys, rows, error);
        bool is_of_key = status != OK && code_is_of_key(mysql_errno(session_mysql(session)));
        if (status != OK && !is_of_key)
            return status;
        if (is_of_key && to - from > 1) {
            step = (to - from) / 2;
            continue;
        }
        if (is_of_key)
            jdbc_reject_key(session, keys, from, mysql_error(session_mysql(session)));
        from = to;
    }
    return OK;
}

const JdbcDriver jdbc_mysql_driver = {
    .open = mysql_start,
    .find = mysql_find,
    .close = mysql_drop,
};
