/* Printing the small parts: names, strings, types, literals. */
#include <assert.h>

#include "sql/internal.h"

static void print_quoted(Buffer *out, Str text, char quote)
{
    buffer_append_char(out, quote);
    for (int64_t i = 0; i < text.length; i++) {
        buffer_append_char(out, text.data[i]);
        if (text.data[i] == quote)
            buffer_append_char(out, quote);
    }
    buffer_append_char(out, quote);
}

void sql_print_name(Buffer *out, Str name)
{
    assert(name.length > 0);
    print_quoted(out, name, '`');
}

void sql_print_string(Buffer *out, Str text)
{
    print_quoted(out, text, '\'');
}

void print_upper(Buffer *out, Str text)
{
    for (int64_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        buffer_append_char(out, c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
    }
}

void print_word(Buffer *out, const SqlName *name)
{
    if (name->is_quoted)
        sql_print_name(out, name->text);
    else
        print_upper(out, name->text);
}

void print_path(Buffer *out, const SqlPath *path)
{
    for (int32_t i = 0; i < path->parts.count; i++) {
        if (i > 0)
            buffer_append_char(out, '.');
        sql_print_name(out, LIST_AT(path->parts, i, SqlName)->text);
    }
}

void print_names(Buffer *out, List names)
{
    buffer_append_char(out, '(');
    for (int32_t i = 0; i < names.count; i++) {
        buffer_append_text(out, i > 0 ? ", " : "");
        sql_print_name(out, LIST_AT(names, i, SqlName)->text);
    }
    buffer_append_char(out, ')');
}

/* ---- Types ---- */

static void print_type(Buffer *out, Type type, const SqlType *written);

/* The children of a nested type; `written`, if known, adds the comments. */
static void print_type_children(Buffer *out, Type type, const SqlType *written)
{
    buffer_append_char(out, '<');
    for (int32_t i = 0; i < type.child_count; i++) {
        const SqlType *child = written != NULL ? LIST_AT(written->children, i, SqlType) : NULL;
        buffer_append_text(out, i > 0 ? ", " : "");
        if (type.id == TYPE_ROW) {
            sql_print_name(out, type.child_names[i]);
            buffer_append_char(out, ' ');
        }
        print_type(out, type.children[i], child);
        if (child != NULL && child->has_comment) {
            buffer_append_char(out, ' ');
            sql_print_string(out, child->comment);
        }
    }
    buffer_append_char(out, '>');
}

static void print_type_length(Buffer *out, const char *name, const char *unbounded, int32_t length)
{
    if (length == TYPE_LENGTH_MAX && unbounded != NULL)
        buffer_append_text(out, unbounded);
    else
        buffer_printf(out, "%s(%d)", name, length);
}

static void print_type_base(Buffer *out, Type type, const SqlType *written)
{
    switch (type.id) {
    case TYPE_NULL: buffer_append_text(out, "NULL"); break;
    case TYPE_BOOLEAN: buffer_append_text(out, "BOOLEAN"); break;
    case TYPE_TINYINT: buffer_append_text(out, "TINYINT"); break;
    case TYPE_SMALLINT: buffer_append_text(out, "SMALLINT"); break;
    case TYPE_INT: buffer_append_text(out, "INT"); break;
    case TYPE_BIGINT: buffer_append_text(out, "BIGINT"); break;
    case TYPE_FLOAT: buffer_append_text(out, "FLOAT"); break;
    case TYPE_DOUBLE: buffer_append_text(out, "DOUBLE"); break;
    case TYPE_DECIMAL: buffer_printf(out, "DECIMAL(%d, %d)", type.precision, type.scale); break;
    case TYPE_CHAR: print_type_length(out, "CHAR", NULL, type.precision); break;
    case TYPE_VARCHAR: print_type_length(out, "VARCHAR", "STRING", type.precision); break;
    case TYPE_BINARY: print_type_length(out, "BINARY", NULL, type.precision); break;
    case TYPE_VARBINARY: print_type_length(out, "VARBINARY", "BYTES", type.precision); break;
    case TYPE_DATE: buffer_append_text(out, "DATE"); break;
    case TYPE_TIME: buffer_printf(out, "TIME(%d)", type.precision); break;
    case TYPE_TIMESTAMP: buffer_printf(out, "TIMESTAMP(%d)", type.precision); break;
    case TYPE_TIMESTAMP_LTZ: buffer_printf(out, "TIMESTAMP_LTZ(%d)", type.precision); break;
    case TYPE_INTERVAL_MONTHS: buffer_append_text(out, "INTERVAL YEAR TO MONTH"); break;
    case TYPE_INTERVAL_MILLIS: buffer_append_text(out, "INTERVAL DAY TO SECOND"); break;
    case TYPE_ARRAY:
        buffer_append_text(out, "ARRAY");
        print_type_children(out, type, written);
        break;
    case TYPE_MAP:
        buffer_append_text(out, "MAP");
        print_type_children(out, type, written);
        break;
    case TYPE_MULTISET:
        buffer_append_text(out, "MULTISET");
        print_type_children(out, type, written);
        break;
    case TYPE_ROW:
        buffer_append_text(out, "ROW");
        print_type_children(out, type, written);
        break;
    }
}

static void print_type(Buffer *out, Type type, const SqlType *written)
{
    print_type_base(out, type, written);
    if (!type.is_nullable)
        buffer_append_text(out, " NOT NULL");
}

void sql_print_type(Buffer *out, Type type)
{
    print_type(out, type, NULL);
}

void print_sql_type(Buffer *out, const SqlType *type)
{
    print_type(out, type->type, type);
}

/* ---- Literals ---- */

static void print_interval(Buffer *out, const SqlLiteral *literal)
{
    bool is_second = literal->unit_from == SQL_UNIT_SECOND;
    buffer_append_text(out, literal->is_negative ? "INTERVAL -" : "INTERVAL ");
    sql_print_string(out, literal->text);
    buffer_printf(out, " %s", sql_unit_name(literal->unit_from));
    if (is_second && literal->fraction_precision != 6)
        buffer_printf(out, "(%d, %d)", literal->leading_precision, literal->fraction_precision);
    else if (literal->leading_precision != 2)
        buffer_printf(out, "(%d)", literal->leading_precision);
    if (literal->unit_to == literal->unit_from)
        return;
    buffer_printf(out, " TO %s", sql_unit_name(literal->unit_to));
    if (literal->unit_to == SQL_UNIT_SECOND && literal->fraction_precision != 6)
        buffer_printf(out, "(%d)", literal->fraction_precision);
}

void print_literal(Buffer *out, const SqlLiteral *literal)
{
    switch (literal->kind) {
    case SQL_NULL: buffer_append_text(out, "NULL"); break;
    case SQL_UNKNOWN: buffer_append_text(out, "UNKNOWN"); break;
    case SQL_BOOLEAN: buffer_append_text(out, literal->boolean ? "TRUE" : "FALSE"); break;
    case SQL_EXACT:
    case SQL_DOUBLE: buffer_append_str(out, literal->text); break;
    case SQL_STRING: sql_print_string(out, literal->text); break;
    case SQL_BINARY_STRING:
        buffer_append_text(out, "X'");
        for (int64_t i = 0; i < literal->text.length; i++)
            buffer_printf(out, "%02X", (unsigned)(unsigned char)literal->text.data[i]);
        buffer_append_char(out, '\'');
        break;
    case SQL_DATE:
        buffer_append_text(out, "DATE ");
        sql_print_string(out, literal->text);
        break;
    case SQL_TIME:
        buffer_append_text(out, "TIME ");
        sql_print_string(out, literal->text);
        break;
    case SQL_TIMESTAMP:
        buffer_append_text(out, "TIMESTAMP ");
        sql_print_string(out, literal->text);
        break;
    case SQL_INTERVAL_MONTHS:
    case SQL_INTERVAL_MILLIS: print_interval(out, literal); break;
    }
}
