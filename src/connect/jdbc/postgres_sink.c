/* Writing to PostgreSQL by COPY: straight into the table, or, where rows go by a key, into a
 * temporary table of the connection's own, from which they are brought in and out.
 *
 *     COPY weir_rows ─> DELETE … USING weir_rows ─> INSERT … SELECT … ON CONFLICT DO UPDATE
 *
 * The temporary table has the types of the target and none of its rules. */
#include <libpq-fe.h>
#include <stdio.h>

#include "connect/jdbc/postgres.h"
#include "data/nested.h"
#include "data/value.h"

#define STAGE "pg_temp.weir_rows"

static PGconn *target_pg(const JdbcTarget *target)
{
    return target->session->connection;
}

/* ---- Statements -------------------------------------------------------------------------- */

static Status pg_run(const JdbcTarget *target, Buffer *statement, Error *error)
{
    return jdbc_pg_run(target->session, buffer_str(statement), NULL, NULL, error);
}

static void append_columns(const JdbcTarget *target, Buffer *out)
{
    jdbc_target_columns(target, out, jdbc_pg_quote);
}

static void append_key(const JdbcTarget *target, Buffer *out)
{
    for (int32_t i = 0; i < target->key_count; i++) {
        buffer_append_text(out, i == 0 ? "" : ", ");
        jdbc_pg_quote(out, target->columns->fields[target->key[i]].name);
    }
}

static void write_insert(const JdbcTarget *target, Buffer *out)
{
    buffer_append_text(out, "INSERT INTO ");
    jdbc_table(target->session, out, jdbc_pg_quote);
    buffer_append_text(out, " (");
    append_columns(target, out);
    buffer_append_text(out, ")");
}

void jdbc_pg_write_upsert(const JdbcTarget *target, Buffer *out)
{
    write_insert(target, out);
    buffer_append_text(out, " SELECT ");
    append_columns(target, out);
    buffer_append_text(out, " FROM " STAGE " WHERE NOT weir_removed ON CONFLICT (");
    append_key(target, out);
    buffer_append_text(out, ") DO ");
    bool is_first = true;
    for (int32_t i = 0; i < target->columns->count; i++) {
        if (jdbc_target_is_key(target, i))
            continue;
        buffer_append_text(out, is_first ? "UPDATE SET " : ", ");
        jdbc_pg_quote(out, target->columns->fields[i].name);
        buffer_append_text(out, " = EXCLUDED.");
        jdbc_pg_quote(out, target->columns->fields[i].name);
        is_first = false;
    }
    if (is_first)
        buffer_append_text(out, "NOTHING");
}

void jdbc_pg_write_delete(const JdbcTarget *target, Buffer *out)
{
    buffer_append_text(out, "DELETE FROM ");
    jdbc_table(target->session, out, jdbc_pg_quote);
    buffer_append_text(out, " AS weir_target USING " STAGE " AS weir_row WHERE weir_removed");
    for (int32_t i = 0; i < target->key_count; i++) {
        Str name = target->columns->fields[target->key[i]].name;
        buffer_append_text(out, " AND weir_target.");
        jdbc_pg_quote(out, name);
        buffer_append_text(out, " = weir_row.");
        jdbc_pg_quote(out, name);
    }
}

/* ---- Checking ---------------------------------------------------------------------------- */

/* Types by their numbers in pg_type. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIME = 1083,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_NUMERIC = 1700,
};

static bool oid_is_number(Oid oid)
{
    return oid == OID_INT2 || oid == OID_INT4 || oid == OID_INT8 || oid == OID_FLOAT4 ||
           oid == OID_FLOAT8 || oid == OID_NUMERIC;
}

static bool oid_is_text(Oid oid)
{
    return oid == OID_TEXT || oid == OID_VARCHAR || oid == OID_BPCHAR;
}

static bool oid_is_scalar(Oid oid)
{
    return oid_is_number(oid) || oid == OID_BOOL || oid == OID_BYTEA || oid == OID_DATE ||
           oid == OID_TIME || oid == OID_TIMESTAMP || oid == OID_TIMESTAMPTZ;
}

/* Texts go into what the server reads from texts: uuid, json, enums and so on. */
static bool oid_takes(Oid oid, Type type)
{
    if (type_is_numeric(type))
        return oid_is_number(oid);
    if (type_is_text(type))
        return !oid_is_scalar(oid);
    if (type_is_bytes(type))
        return oid == OID_BYTEA;
    if (type.id == TYPE_ARRAY)
        return !oid_is_scalar(oid) && !oid_is_text(oid);
    static const struct {
        TypeId type;
        Oid oid;
    } pairs[] = {{TYPE_BOOLEAN, OID_BOOL},        {TYPE_DATE, OID_DATE},
                 {TYPE_DATE, OID_TIMESTAMP},      {TYPE_TIME, OID_TIME},
                 {TYPE_TIMESTAMP, OID_TIMESTAMP}, {TYPE_TIMESTAMP_LTZ, OID_TIMESTAMPTZ}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (pairs[i].type == type.id && pairs[i].oid == oid)
            return true;
    return false;
}

static Status type_check(const JdbcTarget *target, int32_t column, Oid oid, Error *error)
{
    if (oid_takes(oid, target->columns->fields[column].type))
        return OK;
    char statement[64], name[64] = "of another type";
    snprintf(statement, sizeof statement, "SELECT format_type(%u, NULL)", oid);
    PGresult *result;
    TRY(jdbc_pg_answer(target->session, PQsendQuery(target_pg(target), statement) == 1, &result,
                       error));
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1 &&
        PQnfields(result) == 1)
        snprintf(name, sizeof name, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return jdbc_type_refused(target, column, name, error);
}

/* The parameters of a prepared INSERT have the types of the columns: no rights are needed to learn
 * them. */
static Status check_types(const JdbcTarget *target, Error *error)
{
    Buffer *out = &target->session->statement;
    out->length = 0;
    write_insert(target, out);
    for (int32_t i = 0; i < target->columns->count; i++)
        buffer_printf(out, "%s$%d", i == 0 ? " VALUES (" : ", ", i + 1);
    buffer_append_char(out, ')');
    bool is_sent = PQsendPrepare(target_pg(target), "", buffer_terminated(out), 0, NULL) == 1;
    TRY(jdbc_pg_done(target->session, is_sent, error));
    PGresult *result;
    is_sent = PQsendDescribePrepared(target_pg(target), "") == 1;
    TRY(jdbc_pg_answer(target->session, is_sent, &result, error));
    Status status = jdbc_pg_take(target->session, result, NULL, NULL, error);
    if (status == OK && PQnparams(result) != target->columns->count)
        status = jdbc_malformed(target->session, "the description of a statement", error);
    for (int32_t i = 0; status == OK && i < target->columns->count; i++)
        status = type_check(target, i, PQparamtype(result, i), error);
    PQclear(result);
    return status;
}

static Status make_stage(const JdbcTarget *target, Error *error)
{
    Buffer *out = &target->session->statement;
    out->length = 0;
    buffer_append_text(out, "CREATE TEMPORARY TABLE weir_rows ON COMMIT DELETE ROWS AS SELECT ");
    append_columns(target, out);
    buffer_append_text(out, ", false AS weir_removed FROM ");
    jdbc_table(target->session, out, jdbc_pg_quote);
    buffer_append_text(out, " WITH NO DATA");
    return pg_run(target, out, error);
}

/* To explain a statement is to have it checked: names, rights, and the key behind ON CONFLICT. */
static Status check_rights(const JdbcTarget *target, Error *error)
{
    Buffer *out = &target->session->statement;
    out->length = 0;
    buffer_append_text(out, "EXPLAIN ");
    if (target->key_count > 0) {
        jdbc_pg_write_upsert(target, out);
        TRY(pg_run(target, out, error));
        out->length = 0;
        buffer_append_text(out, "EXPLAIN ");
        jdbc_pg_write_delete(target, out);
    } else {
        write_insert(target, out);
        for (int32_t i = 0; i < target->columns->count; i++)
            buffer_append_text(out, i == 0 ? " VALUES (DEFAULT" : ", DEFAULT");
        buffer_append_char(out, ')');
    }
    return pg_run(target, out, error);
}

/* Where a commit is confirmed before it is durable, a crash would take back what counts as done. */
static const char DURABLE[] = "SELECT set_config('synchronous_commit', 'on', false) WHERE "
                              "current_setting('synchronous_commit') = 'off'";

Status jdbc_pg_check(JdbcTarget *target, Error *error)
{
    TRY(jdbc_pg_run(target->session, str_from(DURABLE), NULL, NULL, error));
    TRY(check_types(target, error));
    if (target->key_count > 0)
        TRY(make_stage(target, error));
    return check_rights(target, error);
}

/* ---- Rows -------------------------------------------------------------------------------- */

static void copy_escaped(Buffer *out, Str text)
{
    for (int64_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '\\' || c == '\n' || c == '\r' || c == '\t') {
            buffer_append_char(out, '\\');
            c = c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : c;
        }
        buffer_append_char(out, c);
    }
}

/* Most texts need no escapes: whole runs are copied. */
static void copy_text(Buffer *out, Str text)
{
    int64_t plain = 0;
    while (plain < text.length && text.data[plain] != '\\' && (uint8_t)text.data[plain] >= ' ')
        plain++;
    buffer_append(out, text.data, plain);
    copy_escaped(out, str_make(text.data + plain, text.length - plain));
}

static void copy_integer(Buffer *out, int64_t value)
{
    char digits[24];
    int32_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        digits[--at] = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (value < 0)
        digits[--at] = '-';
    buffer_append(out, digits + at, (int64_t)sizeof digits - at);
}

static void hex_append(Buffer *out, Str bytes)
{
    static const char digits[] = "0123456789abcdef";
    buffer_append_text(out, "\\x");
    char *into = buffer_reserve(out, bytes.length * 2);
    for (int64_t i = 0; i < bytes.length; i++) {
        uint8_t byte = (uint8_t)bytes.data[i];
        into[i * 2] = digits[byte >> 4];
        into[i * 2 + 1] = digits[byte & 15];
    }
    out->length += bytes.length * 2;
}

static void array_element(Buffer *out, const Value *value)
{
    Buffer text = {0};
    if (type_is_bytes(value->type))
        hex_append(&text, value->text);
    else
        value_print(&text, value, VALUE_PLAIN, NULL);
    buffer_append_char(out, '"');
    for (int64_t i = 0; i < text.length; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            buffer_append_char(out, '\\');
        buffer_append_char(out, text.data[i]);
    }
    buffer_append_char(out, '"');
    buffer_free(&text);
}

/* {"a",NULL} */
static void array_append(Buffer *out, const Value *value)
{
    Type element = value->type.children[0];
    NestedArray array = nested_array(value->text, element);
    buffer_append_char(out, '{');
    for (int32_t i = 0; i < array.count; i++) {
        buffer_append_text(out, i == 0 ? "" : ",");
        Value item = nested_array_value(&array, i, element);
        if (item.is_null)
            buffer_append_text(out, "NULL");
        else
            array_element(out, &item);
    }
    buffer_append_char(out, '}');
}

void jdbc_copy_value(Buffer *out, const Value *value, Buffer *scratch)
{
    if (value->is_null) {
        buffer_append_text(out, "\\N");
    } else if (type_is_text(value->type)) {
        copy_text(out, value->text);
    } else if (type_is_integer(value->type)) {
        copy_integer(out, value->integer);
    } else if (type_is_bytes(value->type)) {
        buffer_append_char(out, '\\');
        hex_append(out, value->text);
    } else if (value->type.id == TYPE_ARRAY) {
        scratch->length = 0;
        array_append(scratch, value);
        copy_escaped(out, buffer_str(scratch));
    } else {
        value_print(out, value, VALUE_PLAIN, NULL);
    }
}

static void copy_row(JdbcTarget *target, const JdbcRow *row)
{
    Buffer *out = &target->rows;
    bool is_removed = jdbc_row_is_removed(row);
    for (int32_t i = 0; i < row->batch->column_count; i++) {
        Value value = value_get(&row->batch->columns[i], row->row);
        if (i > 0)
            buffer_append_char(out, '\t');
        if (is_removed && !jdbc_target_is_key(target, i))
            value.is_null = true;
        jdbc_copy_value(out, &value, &target->session->text);
    }
    if (target->key_count > 0)
        buffer_append_text(out, is_removed ? "\tt" : "\tf");
    buffer_append_char(out, '\n');
}

/* ---- Applying ---------------------------------------------------------------------------- */

static Status copy_begin(JdbcTarget *target, Error *error)
{
    Buffer *out = &target->session->statement;
    out->length = 0;
    buffer_append_text(out, "COPY ");
    if (target->key_count > 0) {
        buffer_append_text(out, STAGE);
    } else {
        jdbc_table(target->session, out, jdbc_pg_quote);
        buffer_append_text(out, " (");
        append_columns(target, out);
        buffer_append_text(out, ")");
    }
    buffer_append_text(out, " FROM STDIN");
    return pg_run(target, out, error);
}

/* libpq keeps what the server says of the rows until the end. */
static Status copy_end(JdbcTarget *target, Error *error)
{
    PGconn *connection = target_pg(target);
    JdbcSession *session = target->session;
    if (PQputCopyData(connection, target->rows.data, (int)target->rows.length) != 1 ||
        PQputCopyEnd(connection, NULL) != 1)
        return jdbc_pg_fail(session, ERR_UNAVAILABLE, PQerrorMessage(connection), error);
    return jdbc_pg_done(session, true, error);
}

static Status copy_rows(JdbcTarget *target, const JdbcRow *rows, int32_t count, Error *error)
{
    enum { COPY_BYTES_MAX = 1 << 30 };
    target->rows.length = 0;
    for (int32_t i = 0; i < count; i++) {
        copy_row(target, &rows[i]);
        if (target->rows.length < COPY_BYTES_MAX)
            continue;
        /* More than a message holds: the caller comes again with half of the rows. */
        target->session->refusal = REFUSED_ROW;
        target->session->reason.length = 0;
        buffer_append_text(&target->session->reason, "the row is longer than a message may be");
        return fail(error, ERR_LIMIT, "WR3315", "more rows than a message holds");
    }
    TRY(copy_begin(target, error));
    return copy_end(target, error);
}

Status jdbc_pg_apply(JdbcTarget *target, const JdbcRow *rows, int32_t count, Error *error)
{
    Buffer *out = &target->session->statement;
    int32_t removed = 0;
    if (target->key_count > 0 && target->applied > 0)
        TRY(jdbc_pg_run(target->session, STR("TRUNCATE " STAGE), NULL, NULL, error));
    target->applied++;
    TRY(copy_rows(target, rows, count, error));
    if (target->key_count == 0)
        return OK;
    for (int32_t i = 0; i < count; i++)
        removed += jdbc_row_is_removed(&rows[i]);
    if (removed > 0) {
        out->length = 0;
        jdbc_pg_write_delete(target, out);
        TRY(pg_run(target, out, error));
    }
    if (removed == count)
        return OK;
    out->length = 0;
    jdbc_pg_write_upsert(target, out);
    return pg_run(target, out, error);
}
