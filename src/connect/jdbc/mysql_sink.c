/* Writing to MySQL and MariaDB: statements of many rows.
 *
 *     DELETE FROM t WHERE (k = 1) OR (k = 2) ─> INSERT … VALUES (…), (…) ON DUPLICATE KEY UPDATE …
 *
 * A statement is as long as the server takes it at the most, and a megabyte. */
#include <mysql.h>
#include <stdio.h>

#include "connect/jdbc/mysql.h"

enum {
    STATEMENT_BYTES = 1 << 20,
    PACKET_BYTES_LEAST = 64 << 10,
    PACKET_BYTES_SPARE = 1 << 10, /* for what stands around a row */
};

static MYSQL *target_mysql(const JdbcTarget *target)
{
    return target->session->connection;
}

/* ---- Statements -------------------------------------------------------------------------- */

static Status mysql_run(const JdbcTarget *target, Buffer *statement, Error *error)
{
    return jdbc_mysql_run(target->session, buffer_str(statement), NULL, NULL, error);
}

static void write_insert(const JdbcTarget *target, Buffer *out)
{
    buffer_append_text(out, "INSERT INTO ");
    jdbc_table(target->session, out, jdbc_mysql_quote);
    buffer_append_text(out, " (");
    jdbc_target_columns(target, out, jdbc_mysql_quote);
    buffer_append_text(out, ") VALUES ");
}

/* A table of nothing but its key gets an update that changes nothing. */
static void write_update(const JdbcTarget *target, Buffer *out)
{
    const Schema *columns = target->columns;
    bool has_others = target->key_count < columns->count, is_first = true;
    for (int32_t i = 0; target->key_count > 0 && i < columns->count; i++) {
        if (jdbc_target_is_key(target, i) && has_others)
            continue;
        buffer_append_text(out, is_first ? " ON DUPLICATE KEY UPDATE " : ", ");
        jdbc_mysql_quote(out, columns->fields[i].name);
        buffer_append_text(out, " = VALUES(");
        jdbc_mysql_quote(out, columns->fields[i].name);
        buffer_append_char(out, ')');
        is_first = false;
    }
}

static void write_delete(const JdbcTarget *target, Buffer *out)
{
    buffer_append_text(out, "DELETE FROM ");
    jdbc_table(target->session, out, jdbc_mysql_quote);
    buffer_append_text(out, " WHERE ");
}

/* ---- Checking ---------------------------------------------------------------------------- */

static bool field_is_bytes(const MYSQL_FIELD *field)
{
    return field->charsetnr == 63; /* the "character set" of bytes */
}

static bool field_is_number(const MYSQL_FIELD *field)
{
    return IS_NUM(field->type) && field->type != MYSQL_TYPE_TIMESTAMP &&
           field->type != MYSQL_TYPE_YEAR && field->type != MYSQL_TYPE_NULL;
}

static bool field_is_time(const MYSQL_FIELD *field)
{
    return field->type == MYSQL_TYPE_DATE || field->type == MYSQL_TYPE_TIME ||
           field->type == MYSQL_TYPE_DATETIME || field->type == MYSQL_TYPE_TIMESTAMP;
}

static bool field_takes(const MYSQL_FIELD *field, Type type)
{
    bool is_long = !field_is_number(field) && !field_is_time(field);
    if (type_is_numeric(type))
        return field_is_number(field) || field->type == MYSQL_TYPE_YEAR;
    if (type_is_text(type))
        return is_long && (!field_is_bytes(field) || field->type == MYSQL_TYPE_JSON);
    if (type_is_bytes(type))
        return is_long && (field_is_bytes(field) || field->type == MYSQL_TYPE_BIT);
    if (type.id == TYPE_BOOLEAN)
        return field_is_number(field) || field->type == MYSQL_TYPE_BIT;
    if (type.id == TYPE_TIME)
        return field->type == MYSQL_TYPE_TIME;
    bool is_point = field->type == MYSQL_TYPE_DATETIME || field->type == MYSQL_TYPE_TIMESTAMP;
    return type.id == TYPE_DATE ? is_point || field->type == MYSQL_TYPE_DATE : is_point;
}

static const char *field_name(const MYSQL_FIELD *field)
{
    if (field_is_number(field))
        return "a number";
    if (field_is_time(field))
        return field->type == MYSQL_TYPE_DATE   ? "DATE"
               : field->type == MYSQL_TYPE_TIME ? "TIME"
                                                : "DATETIME or TIMESTAMP";
    return field_is_bytes(field) ? "bytes" : "text";
}

static Status check_types(const JdbcTarget *target, Error *error)
{
    MYSQL *mysql = target_mysql(target);
    Buffer *out = &target->session->statement;
    out->length = 0;
    buffer_append_text(out, "SELECT ");
    jdbc_target_columns(target, out, jdbc_mysql_quote);
    buffer_append_text(out, " FROM ");
    jdbc_table(target->session, out, jdbc_mysql_quote);
    buffer_append_text(out, " WHERE 1 = 0");
    if (mysql_real_query(mysql, out->data, (unsigned long)out->length) != 0)
        return jdbc_mysql_refused(target->session, error);
    MYSQL_RES *result = mysql_store_result(mysql);
    if (result == NULL)
        return jdbc_mysql_refused(target->session, error);
    Status status = OK;
    if ((int64_t)mysql_num_fields(result) != target->columns->count)
        status = jdbc_malformed(target->session, "the description of a result", error);
    const MYSQL_FIELD *fields = mysql_fetch_fields(result);
    for (int32_t i = 0; status == OK && i < target->columns->count; i++)
        if (!field_takes(&fields[i], target->columns->fields[i].type))
            status = jdbc_type_refused(target, i, field_name(&fields[i]), error);
    mysql_free_result(result);
    return status;
}

static Status check_rights(const JdbcTarget *target, Error *error)
{
    Buffer *out = &target->session->statement;
    out->length = 0;
    buffer_append_text(out, "EXPLAIN ");
    write_insert(target, out);
    for (int32_t i = 0; i < target->columns->count; i++)
        buffer_append_text(out, i == 0 ? "(DEFAULT" : ", DEFAULT");
    buffer_append_char(out, ')');
    write_update(target, out);
    /* A column without a default has none to be explained with: that is no lack of rights. */
    Status status = mysql_run(target, out, error);
    if (status != OK && target->session->refusal != REFUSED_ROW)
        return status;
    if (target->key_count == 0)
        return OK;
    out->length = 0;
    buffer_append_text(out, "EXPLAIN DELETE FROM ");
    jdbc_table(target->session, out, jdbc_mysql_quote);
    buffer_append_text(out, " WHERE 1 = 0");
    return mysql_run(target, out, error);
}

/* The condition that says which table it is in the views of information_schema. */
static void append_identity(const JdbcTarget *target, Buffer *out)
{
    Str rest = {0};
    Str first = str_split(target->session->table_name, '.', &rest);
    Value table = {.type = type_string(), .text = rest.data == NULL ? first : rest};
    Value database = {.type = type_string(), .text = first};
    buffer_append_text(out, " WHERE table_name = ");
    jdbc_mysql_literal(target->session, out, &table);
    buffer_append_text(out, " AND table_schema = ");
    if (rest.data == NULL)
        buffer_append_text(out, "DATABASE()");
    else
        jdbc_mysql_literal(target->session, out, &database);
}

static bool take_number(void *context, const Str *cells, int32_t count)
{
    int64_t *number = context;
    return count == 1 && str_parse_int64(cells[0], number);
}

/* Whether a unique index has exactly the columns of the key: only that finds what is to be
 * updated. */
static Status check_key(const JdbcTarget *target, Error *error)
{
    JdbcSession *session = target->session;
    Buffer *out = &session->statement;
    out->length = 0;
    buffer_append_text(out, "SELECT COUNT(*) FROM (SELECT index_name FROM "
                            "information_schema.statistics");
    append_identity(target, out);
    buffer_append_text(out, " AND non_unique = 0 GROUP BY index_name HAVING SUM(column_name IN (");
    for (int32_t i = 0; i < target->key_count; i++) {
        Value name = {.type = type_string(), .text = target->columns->fields[target->key[i]].name};
        buffer_append_text(out, i == 0 ? "" : ", ");
        jdbc_mysql_literal(session, out, &name);
    }
    buffer_printf(out, ")) = %d AND COUNT(*) = %d) AS found", target->key_count, target->key_count);
    int64_t found = 0;
    TRY(jdbc_mysql_run(session, buffer_str(out), take_number, &found, error));
    if (found > 0)
        return OK;
    session->refusal = REFUSED_UPSERT;
    return fail(error, ERR_INVALID, "WR3312",
                "table `%.*s`: `%.*s` in the database has no unique key of exactly the columns of "
                "the PRIMARY KEY",
                STR_ARGS(session->table->name), STR_ARGS(session->table_name));
}

/* An engine without transactions would keep what is rolled back. */
static Status check_engine(const JdbcTarget *target, Error *error)
{
    JdbcSession *session = target->session;
    Buffer *out = &session->statement;
    out->length = 0;
    buffer_append_text(out, "SELECT COUNT(*) FROM information_schema.tables");
    append_identity(target, out);
    buffer_append_text(out, " AND engine NOT IN (SELECT engine FROM information_schema.engines "
                            "WHERE transactions = 'YES')");
    int64_t found = 0;
    TRY(jdbc_mysql_run(session, buffer_str(out), take_number, &found, error));
    if (found == 0)
        return OK;
    Status status = fail(error, ERR_INVALID, "WR3314",
                         "table `%.*s`: the engine of `%.*s` in the database has no transactions",
                         STR_ARGS(session->table->name), STR_ARGS(session->table_name));
    error_hint(error, "ALTER TABLE %.*s ENGINE = InnoDB", STR_ARGS(session->table_name));
    return status;
}

/* Values that do not fit are refused, as Connector/J has it; otherwise they would be cut. */
static Status set_up(JdbcTarget *target, Error *error)
{
    JdbcSession *session = target->session;
    TRY(jdbc_mysql_run(session,
                       STR("SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')"), NULL,
                       NULL, error));
    int64_t bytes = 0;
    TRY(jdbc_mysql_run(session, STR("SELECT @@max_allowed_packet"), take_number, &bytes, error));
    target->packet_bytes = bytes < PACKET_BYTES_LEAST ? PACKET_BYTES_LEAST : bytes;
    return OK;
}

Status jdbc_mysql_check(JdbcTarget *target, Error *error)
{
    TRY(set_up(target, error));
    TRY(check_types(target, error));
    TRY(check_rights(target, error));
    if (target->needs_transactions)
        TRY(check_engine(target, error));
    return target->key_count > 0 ? check_key(target, error) : OK;
}

/* ---- Applying ---------------------------------------------------------------------------- */

static void append_value(const JdbcTarget *target, Buffer *out, const JdbcRow *row, int32_t column)
{
    Value value = value_get(&row->batch->columns[column], row->row);
    if (value.is_null)
        buffer_append_text(out, "NULL");
    else
        jdbc_mysql_literal(target->session, out, &value);
}

/* (1, 'a') */
static void append_row(const JdbcTarget *target, Buffer *out, const JdbcRow *row)
{
    for (int32_t i = 0; i < row->batch->column_count; i++) {
        buffer_append_text(out, i == 0 ? "(" : ", ");
        append_value(target, out, row, i);
    }
    buffer_append_char(out, ')');
}

/* (a = 1 AND b = 2): the servers find that by an index, unlike (a, b) IN (…). */
static void append_condition(const JdbcTarget *target, Buffer *out, const JdbcRow *row)
{
    for (int32_t i = 0; i < target->key_count; i++) {
        buffer_append_text(out, i == 0 ? "(" : " AND ");
        jdbc_mysql_quote(out, target->columns->fields[target->key[i]].name);
        buffer_append_text(out, " = ");
        append_value(target, out, row, target->key[i]);
    }
    buffer_append_char(out, ')');
}

static Status row_is_too_long(const JdbcTarget *target, Error *error)
{
    JdbcSession *session = target->session;
    session->refusal = REFUSED_ROW;
    session->reason.length = 0;
    buffer_printf(&session->reason,
                  "the row is longer than the server's max_allowed_packet of "
                  "%lld bytes",
                  (long long)target->packet_bytes);
    return fail(error, ERR_LIMIT, "WR3315", "%s", buffer_terminated(&session->reason));
}

Status jdbc_mysql_write(JdbcTarget *target, const JdbcRow *rows, int32_t count, bool is_removal,
                        int32_t *next, Error *error)
{
    Buffer *out = &target->rows, *tail = &target->session->statement;
    out->length = tail->length = 0;
    (is_removal ? write_delete : write_insert)(target, out);
    if (!is_removal)
        write_update(target, tail);
    int64_t head = out->length;
    int64_t most = target->packet_bytes - PACKET_BYTES_SPARE - tail->length;
    int64_t enough = most < STATEMENT_BYTES ? most : STATEMENT_BYTES;
    for (; *next < count && out->length < enough; (*next)++) {
        const JdbcRow *row = &rows[*next];
        if (jdbc_row_is_removed(row) != is_removal)
            continue;
        int64_t start = out->length;
        bool is_first = start == head;
        buffer_append_text(out, is_first ? "" : is_removal ? " OR " : ", ");
        (is_removal ? append_condition : append_row)(target, out, row);
        if (out->length <= most)
            continue;
        if (is_first)
            return row_is_too_long(target, error);
        out->length = start;
        break;
    }
    if (out->length == head)
        out->length = 0;
    else
        buffer_append_str(out, buffer_str(tail));
    return OK;
}

static Status apply_kind(JdbcTarget *target, const JdbcRow *rows, int32_t count, bool is_removal,
                         Error *error)
{
    for (int32_t next = 0; next < count;) {
        TRY(jdbc_mysql_write(target, rows, count, is_removal, &next, error));
        if (target->rows.length > 0)
            TRY(mysql_run(target, &target->rows, error));
    }
    return OK;
}

Status jdbc_mysql_apply(JdbcTarget *target, const JdbcRow *rows, int32_t count, Error *error)
{
    target->applied++;
    if (target->key_count > 0)
        TRY(apply_kind(target, rows, count, true, error));
    return apply_kind(target, rows, count, false, error);
}
