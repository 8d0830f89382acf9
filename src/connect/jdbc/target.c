/* The table that rows are written to, in words: columns, types, and how to create it. */
#include "connect/jdbc/jdbc.h"
#include "connect/jdbc/mysql.h"
#include "connect/jdbc/postgres.h"

void jdbc_target_columns(const JdbcTarget *target, Buffer *out,
                         void (*quote)(Buffer *out, Str name))
{
    for (int32_t i = 0; i < target->columns->count; i++) {
        buffer_append_text(out, i == 0 ? "" : ", ");
        quote(out, target->columns->fields[i].name);
    }
}

bool jdbc_target_is_key(const JdbcTarget *target, int32_t column)
{
    for (int32_t i = 0; i < target->key_count; i++)
        if (target->key[i] == column)
            return true;
    return false;
}

static bool type_is_scalar(Type type)
{
    return !type_is_nested(type) && type.id != TYPE_NULL && type.id != TYPE_INTERVAL_MONTHS &&
           type.id != TYPE_INTERVAL_MILLIS;
}

Status jdbc_malformed(const JdbcSession *session, const char *what, Error *error)
{
    Status status = fail(error, ERR_DECODE, "WR3318",
                         "table `%.*s`: %s from the server has not the shape that was asked for",
                         STR_ARGS(session->table->name), what);
    error_hint(error, "look at what stands between weir and the database: a proxy, a pooler, or a "
                      "server that only speaks its protocol");
    return status;
}

bool jdbc_writes_type(JdbcKind kind, Type type)
{
    bool is_array = type.id == TYPE_ARRAY && kind == JDBC_POSTGRES;
    return is_array ? type_is_scalar(type.children[0]) : type_is_scalar(type);
}

/* ---- Types as the servers call them ------------------------------------------------------ */

static const char *type_name(TypeId type, bool is_pg)
{
    static const struct {
        TypeId type;
        const char *mysql, *pg;
    } names[] = {
        {TYPE_BOOLEAN, "BOOLEAN", "BOOLEAN"},
        {TYPE_TINYINT, "TINYINT", "SMALLINT"},
        {TYPE_SMALLINT, "SMALLINT", "SMALLINT"},
        {TYPE_INT, "INT", "INTEGER"},
        {TYPE_BIGINT, "BIGINT", "BIGINT"},
        {TYPE_FLOAT, "FLOAT", "REAL"},
        {TYPE_DOUBLE, "DOUBLE", "FLOAT8"},
        {TYPE_BINARY, "LONGBLOB", "BYTEA"},
        {TYPE_VARBINARY, "LONGBLOB", "BYTEA"},
        {TYPE_DATE, "DATE", "DATE"},
        {TYPE_TIME, "TIME", "TIME"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].type == type)
            return is_pg ? names[i].pg : names[i].mysql;
    return is_pg ? "TEXT" : "LONGTEXT";
}

/* A key of MySQL needs a length. */
static void append_type(Buffer *out, Type type, JdbcKind kind, bool is_key)
{
    bool is_pg = kind == JDBC_POSTGRES;
    int32_t digits = type.precision < 6 ? type.precision : 6;
    if (type.id == TYPE_ARRAY) {
        append_type(out, type.children[0], kind, false);
        buffer_append_text(out, "[]");
    } else if (type.id == TYPE_DECIMAL) {
        buffer_printf(out, "DECIMAL(%d, %d)", type.precision, type.scale);
    } else if (type.id == TYPE_TIMESTAMP) {
        buffer_printf(out, "%s(%d)", is_pg ? "TIMESTAMP" : "DATETIME", digits);
    } else if (type.id == TYPE_TIMESTAMP_LTZ) {
        buffer_printf(out, "%s(%d)", is_pg ? "TIMESTAMPTZ" : "TIMESTAMP", digits);
    } else if (type_is_text(type) && (type.precision < 16384 || (is_key && !is_pg))) {
        buffer_printf(out, "VARCHAR(%d)", type.precision < 16384 ? type.precision : 255);
    } else if (type_is_bytes(type) && is_key && !is_pg) {
        buffer_printf(out, "VARBINARY(%d)", type.precision < 255 ? type.precision : 255);
    } else {
        buffer_append_text(out, type_name(type.id, is_pg));
    }
}

void jdbc_create_table(const JdbcTarget *target, JdbcKind kind, Buffer *out)
{
    void (*quote)(Buffer *, Str) = kind == JDBC_POSTGRES ? jdbc_pg_quote : jdbc_mysql_quote;
    buffer_append_text(out, "CREATE TABLE ");
    jdbc_table(target->session, out, quote);
    for (int32_t i = 0; i < target->columns->count; i++) {
        const Field *field = &target->columns->fields[i];
        buffer_append_text(out, i == 0 ? " (" : ", ");
        quote(out, field->name);
        buffer_append_char(out, ' ');
        append_type(out, field->type, kind, jdbc_target_is_key(target, i));
        if (!field->type.is_nullable)
            buffer_append_text(out, " NOT NULL");
    }
    for (int32_t i = 0; i < target->key_count; i++) {
        buffer_append_text(out, i == 0 ? ", PRIMARY KEY (" : ", ");
        quote(out, target->columns->fields[target->key[i]].name);
    }
    buffer_append_text(out, target->key_count > 0 ? "))" : ")");
}

Status jdbc_type_refused(const JdbcTarget *target, int32_t column, const char *is, Error *error)
{
    const JdbcSession *session = target->session;
    const Field *field = &target->columns->fields[column];
    Buffer declared = {0}, wanted = {0};
    type_print(&declared, type_nullable(field->type));
    append_type(&wanted, field->type, session->url->kind, jdbc_target_is_key(target, column));
    Status status = fail(error, ERR_INVALID, "WR3314",
                         "table `%.*s`: column `%.*s` is declared %.*s, which does not go into the "
                         "column of `%.*s` in the database: that is %s",
                         STR_ARGS(session->table->name), STR_ARGS(field->name),
                         STR_ARGS(buffer_str(&declared)), STR_ARGS(session->table_name), is);
    error_hint(error,
               "declare the column as the database has it, and CAST in the query; or make "
               "the column %.*s in the database",
               STR_ARGS(buffer_str(&wanted)));
    buffer_free(&declared);
    buffer_free(&wanted);
    return status;
}
