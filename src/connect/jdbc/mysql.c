/* MySQL and MariaDB by libmariadb: what look-ups and sinks share. */
#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "connect/jdbc/mysql.h"
#include "data/value.h"

static MYSQL *session_mysql(const JdbcSession *session)
{
    return session->connection;
}

/* Numbers that only one of MySQL and MariaDB has, or that the headers know by different names. */
enum {
    CODE_STATEMENT_TIMEOUT = 1969,
    CODE_CONNECTION_KILLED = 1927,
    CODE_READ_ONLY_MODE = 1836,
    CODE_QUERY_TIMEOUT = 3024,
    CODE_SESSION_KILLED = 3169,
    CODE_CHECK_VIOLATED = 3819,
};

/* A connection that was lost or whose bytes make no sense, a host whose address cannot be found
 * now, a server that starts, stops, is full or read-only, a lock. */
static bool code_is_passing(unsigned code)
{
    static const unsigned codes[] = {
        CR_SERVER_GONE_ERROR,
        CR_SERVER_LOST,
        CR_CONN_HOST_ERROR,
        CR_CONNECTION_ERROR,
        CR_SERVER_LOST_EXTENDED,
        CR_IPSOCK_ERROR,
        CR_UNKNOWN_HOST,
        CR_VERSION_ERROR,
        CR_SERVER_HANDSHAKE_ERR,
        CR_SSL_CONNECTION_ERROR,
        CR_MALFORMED_PACKET,
        CR_ERR_NET_READ,
        CR_ERR_NET_WRITE,
        ER_CON_COUNT_ERROR,
        ER_TOO_MANY_USER_CONNECTIONS,
        ER_USER_LIMIT_REACHED,
        ER_LOCK_WAIT_TIMEOUT,
        ER_LOCK_DEADLOCK,
        ER_SERVER_SHUTDOWN,
        ER_QUERY_INTERRUPTED,
        ER_DISK_FULL,
        ER_RECORD_FILE_FULL,
        ER_ERROR_ON_WRITE,
        ER_ERROR_DURING_COMMIT,
        ER_OUTOFMEMORY,
        ER_OUT_OF_RESOURCES,
        ER_OPTION_PREVENTS_STATEMENT,
        ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION,
        CODE_STATEMENT_TIMEOUT,
        CODE_CONNECTION_KILLED,
        CODE_READ_ONLY_MODE,
        CODE_QUERY_TIMEOUT,
        CODE_SESSION_KILLED,
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i] == code)
            return true;
    return false;
}

static JdbcRefusal code_refusal(unsigned code, const char *state)
{
    switch (code) {
    case ER_NO_SUCH_TABLE:
    case ER_BAD_DB_ERROR: return REFUSED_TABLE;
    case ER_BAD_FIELD_ERROR: return REFUSED_COLUMN;
    case ER_ACCESS_DENIED_ERROR:
    case ER_DBACCESS_DENIED_ERROR:
    case ER_TABLEACCESS_DENIED_ERROR:
    case ER_COLUMNACCESS_DENIED_ERROR: return REFUSED_RIGHTS;
    case ER_TRUNCATED_WRONG_VALUE_FOR_FIELD:
    case WARN_DATA_TRUNCATED:
    case ER_NO_DEFAULT_FOR_FIELD:
    case ER_TOO_BIG_ROWSIZE:
    case CODE_CHECK_VIOLATED: return REFUSED_ROW;
    default: break;
    }
    bool is_of_row = str_has_prefix(str_from(state), STR("22")) ||
                     str_has_prefix(str_from(state), STR("23")) ||
                     str_has_prefix(str_from(state), STR("45"));
    return is_of_row ? REFUSED_ROW : REFUSED_OTHER;
}

Status jdbc_mysql_refused(JdbcSession *session, Error *error)
{
    MYSQL *mysql = session_mysql(session);
    unsigned code = mysql_errno(mysql);
    bool is_passing = code_is_passing(code);
    session->refusal = code_refusal(code, mysql_sqlstate(mysql));
    session->reason.length = 0;
    buffer_printf(&session->reason, "SQLSTATE %s, error %u: %s", mysql_sqlstate(mysql), code,
                  mysql_error(mysql));
    Status status = fail(error,
                         is_passing                           ? ERR_UNAVAILABLE
                         : session->refusal == REFUSED_RIGHTS ? ERR_PERMISSION
                                                              : ERR_INVALID,
                         is_passing ? "WR3311" : "WR3312", "table `%.*s`, MySQL at %s:%d: %s",
                         STR_ARGS(session->table->name), session->url->host, session->url->port,
                         mysql_error(mysql));
    error->is_retriable = is_passing && !atomic_load(&session->is_interrupted);
    if (session->refusal == REFUSED_RIGHTS)
        error_hint(error, "check 'username' and 'password'");
    else if (session->refusal == REFUSED_COLUMN)
        error_hint(error, "declare the columns by their names in the database");
    return status;
}

void jdbc_mysql_quote(Buffer *out, Str name)
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

/* What is left of a result would be read before it is let go of, but for the closed socket. */
void jdbc_mysql_drop(JdbcSession *session)
{
    if (session->result != NULL) {
        shutdown((int)mysql_get_socket(session_mysql(session)), SHUT_RDWR);
        mysql_free_result(session->result);
    }
    if (session->connection != NULL)
        mysql_close(session_mysql(session));
    session->result = NULL;
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
    enum { CONNECT_SECONDS = 10 };
    int64_t seconds = (session->silence_us + MICROS_PER_SECOND - 1) / MICROS_PER_SECOND;
    unsigned timeout = (unsigned)seconds; /* 0: none */
    unsigned connect = timeout > 0 && timeout < CONNECT_SECONDS ? timeout : CONNECT_SECONDS;
    mysql_optionsv(session_mysql(session), MYSQL_OPT_CONNECT_TIMEOUT, &connect);
    mysql_optionsv(session_mysql(session), MYSQL_OPT_READ_TIMEOUT, &timeout);
    mysql_optionsv(session_mysql(session), MYSQL_OPT_WRITE_TIMEOUT, &timeout);
}

Status jdbc_mysql_connect(JdbcSession *session, Error *error)
{
    MYSQL *mysql = memory_expect(mysql_init(NULL));
    session->connection = mysql;
    mysql_optionsv(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    /* Or `localhost` would be a socket's file, whatever the port. */
    enum mysql_protocol_type protocol = MYSQL_PROTOCOL_TCP;
    mysql_optionsv(mysql, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_set_timeouts(session);
    mysql_set_tls(session);
    const JdbcUrl *url = session->url;
    if (mysql_real_connect(mysql, url->host, session->user, session->password,
                           url->database[0] == '\0' ? NULL : url->database, (unsigned)url->port,
                           NULL, 0) == NULL)
        return jdbc_mysql_refused(session, error);
    atomic_store(&session->socket, (int32_t)mysql_get_socket(mysql));
    /* Points in time come as UTC, whatever the server's zone; backslashes mean themselves nowhere.
     */
    if (mysql_query(mysql, "SET time_zone = '+00:00'") != 0)
        return jdbc_mysql_refused(session, error);
    return OK;
}

/* ---- Literals ------------------------------------------------------------------------------ */

static void append_hex(Buffer *out, Str bytes)
{
    static const char digits[] = "0123456789ABCDEF";
    buffer_append_text(out, "X'");
    char *into = buffer_reserve(out, bytes.length * 2);
    for (int64_t i = 0; i < bytes.length; i++) {
        uint8_t byte = (uint8_t)bytes.data[i];
        into[i * 2] = digits[byte >> 4];
        into[i * 2 + 1] = digits[byte & 15];
    }
    out->length += bytes.length * 2;
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

void jdbc_mysql_literal(JdbcSession *session, Buffer *out, const Value *value)
{
    if (type_is_bytes(value->type)) {
        append_hex(out, value->text);
    } else if (type_is_text(value->type)) {
        append_text(session, out, value->text);
    } else if (value->type.id == TYPE_BOOLEAN) {
        buffer_append_char(out, value->integer != 0 ? '1' : '0');
    } else {
        session->text.length = 0;
        value_print(&session->text, value, VALUE_PLAIN, NULL);
        Str text = buffer_str(&session->text);
        /* The session's zone is UTC, and MySQL knows no letter for it. */
        if (value->type.id == TYPE_TIMESTAMP_LTZ && str_has_suffix(text, STR("Z")))
            text.length--;
        /* NaN and Infinity are no numbers there: as texts they are refused, not names. */
        char last = text.length > 0 ? text.data[text.length - 1] : ' ';
        bool is_number = type_is_numeric(value->type) && last >= '0' && last <= '9';
        if (!is_number)
            buffer_append_char(out, '\'');
        buffer_append_str(out, text);
        if (!is_number)
            buffer_append_char(out, '\'');
    }
}

/* ---- Statements -------------------------------------------------------------------------- */

/* Up to `rows_max` rows of the result, and how many there were. False: one is malformed. */
static bool take_rows(MYSQL_RES *result, int32_t rows_max, JdbcTake *take, void *context,
                      int32_t *count)
{
    bool is_good = true;
    int32_t fields = (int32_t)mysql_num_fields(result), taken = 0;
    Str *cells = memory_allocate((int64_t)sizeof(Str) * (fields + 1));
    for (; is_good && taken < rows_max; taken++) {
        MYSQL_ROW texts = mysql_fetch_row(result);
        if (texts == NULL)
            break;
        const unsigned long *lengths = mysql_fetch_lengths(result);
        for (int32_t i = 0; i < fields; i++)
            cells[i] = texts[i] == NULL ? (Str){0} : str_make(texts[i], (int64_t)lengths[i]);
        if (take != NULL)
            is_good = take(context, cells, fields);
    }
    memory_free(cells);
    *count = taken;
    return is_good;
}

Status jdbc_mysql_run(JdbcSession *session, Str statement, JdbcTake *take, void *context,
                      Error *error)
{
    MYSQL *mysql = session->connection;
    if (mysql_real_query(mysql, statement.data, (unsigned long)statement.length) != 0)
        return jdbc_mysql_refused(session, error);
    MYSQL_RES *result = mysql_store_result(mysql);
    /* With its connection the client loses how many columns there were: then zero says nothing. */
    bool is_done = mysql_errno(mysql) == 0 && mysql_field_count(mysql) == 0;
    if (result == NULL)
        return is_done ? OK : jdbc_mysql_refused(session, error);
    int32_t count;
    bool is_good = take_rows(result, INT32_MAX, take, context, &count);
    mysql_free_result(result);
    return is_good ? OK : jdbc_malformed(session, "a row", error);
}

/* ---- Scans ------------------------------------------------------------------------------- */

/* The server sends as fast as it is read, and waits for a day where that stands still. */
Status jdbc_mysql_scan(JdbcSession *session, Str query, Error *error)
{
    MYSQL *mysql = session->connection;
    TRY(jdbc_mysql_run(session, STR("SET SESSION net_write_timeout = 86400"), NULL, NULL, error));
    if (mysql_real_query(mysql, query.data, (unsigned long)query.length) != 0)
        return jdbc_mysql_refused(session, error);
    session->result = mysql_use_result(mysql);
    return session->result == NULL ? jdbc_mysql_refused(session, error) : OK;
}

Status jdbc_mysql_fetch(JdbcSession *session, int32_t rows_max, JdbcTake *take, void *context,
                        int32_t *count, Error *error)
{
    if (!take_rows(session->result, rows_max, take, context, count))
        return jdbc_malformed(session, "a row", error);
    bool has_failed = *count < rows_max && mysql_errno(session->connection) != 0;
    return has_failed ? jdbc_mysql_refused(session, error) : OK;
}
