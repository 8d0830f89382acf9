/* Looking rows up in MySQL and MariaDB: one UNION ALL of a SELECT for each key.
 *
 *     SELECT 0, a, b FROM t WHERE k = 7 UNION ALL SELECT 1, a, b FROM t WHERE k = 9 …
 *
 * A key that the server cannot compare spoils the whole statement: it is found by halves. */
#include <mysql.h>
#include <mysqld_error.h>

#include "connect/jdbc/mysql.h"

/* Far below any max_allowed_packet. */
enum { STATEMENT_BYTES = 256 * 1024 };

static MYSQL *session_mysql(const JdbcSession *session)
{
    return session->connection;
}

static bool code_is_of_key(unsigned code)
{
    return code == ER_WRONG_VALUE || code == ER_TRUNCATED_WRONG_VALUE ||
           code == ER_DATA_OUT_OF_RANGE || code == ER_CANT_AGGREGATE_2COLLATIONS;
}

/* Ask for nothing, to see that everything is there. */
static Status mysql_look(JdbcSession *session, Error *error)
{
    Buffer *statement = &session->statement;
    statement->length = 0;
    buffer_append_text(statement, "SELECT ");
    jdbc_columns(session, statement, jdbc_mysql_quote);
    buffer_append_text(statement, " FROM ");
    jdbc_table(session, statement, jdbc_mysql_quote);
    buffer_append_text(statement, " WHERE 1 = 0");
    MYSQL *mysql = session_mysql(session);
    if (mysql_real_query(mysql, statement->data, (unsigned long)statement->length) != 0)
        return jdbc_mysql_refused(session, error);
    MYSQL_RES *result = mysql_store_result(mysql);
    if (result == NULL)
        return jdbc_mysql_refused(session, error);
    mysql_free_result(result);
    return OK;
}

static Status mysql_start(JdbcSession *session, Error *error)
{
    TRY(jdbc_mysql_connect(session, error));
    return mysql_look(session, error);
}

/* ---- Asking ------------------------------------------------------------------------------ */

static void append_select(JdbcSession *session, const Batch *keys, int32_t key)
{
    Buffer *out = &session->statement;
    const LookupReader *reader = session->reader;
    const Schema *fetched = &reader->node->lookup_join.fetched;
    buffer_printf(out, "%sSELECT %d, ", out->length > 0 ? " UNION ALL " : "", key);
    jdbc_columns(session, out, jdbc_mysql_quote);
    buffer_append_text(out, " FROM ");
    jdbc_table(session, out, jdbc_mysql_quote);
    for (int32_t i = 0; i < reader->key_count; i++) {
        Value value = value_get(&keys->columns[i], key);
        buffer_append_text(out, i == 0 ? " WHERE " : " AND ");
        jdbc_mysql_quote(out, fetched->fields[reader->keys[i]].name);
        buffer_append_text(out, " = ");
        jdbc_mysql_literal(session, out, &value);
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
        return jdbc_mysql_refused(session, error);
    MYSQL_RES *result = mysql_store_result(mysql);
    if (result == NULL)
        return jdbc_mysql_refused(session, error);
    /* The key's number stands in front of the columns. */
    int64_t expected = session->reader->node->lookup_join.fetched.count + 1;
    Status status = OK;
    if ((int64_t)mysql_num_fields(result) != expected)
        status = jdbc_malformed(session, "a row", error);
    for (MYSQL_ROW texts = NULL; status == OK && (texts = mysql_fetch_row(result)) != NULL;)
        take_row(session, result, texts, keys, rows);
    mysql_free_result(result);
    return status;
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
    .connect = jdbc_mysql_connect,
    .open = mysql_start,
    .find = mysql_find,
    .close = jdbc_mysql_drop,
    .run = jdbc_mysql_run,
    .check = jdbc_mysql_check,
    .apply = jdbc_mysql_apply,
    .scan = jdbc_mysql_scan,
    .fetch = jdbc_mysql_fetch,
    .begin = "START TRANSACTION",
    .bytes_type = "LONGBLOB",
    .table_tail = " ENGINE=InnoDB",
};
