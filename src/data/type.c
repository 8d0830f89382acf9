/* Types: defaults, physical layouts, names. */
#include "data/type.h"

#include <assert.h>

Type type_simple(TypeId id)
{
    Type type = {.id = id, .is_nullable = true};
    switch (id) {
    case TYPE_DECIMAL: type.precision = 10; break;
    case TYPE_CHAR:
    case TYPE_BINARY: type.precision = 1; break;
    case TYPE_VARCHAR:
    case TYPE_VARBINARY: type.precision = TYPE_LENGTH_MAX; break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ: type.precision = 6; break;
    case TYPE_NULL:
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_INTERVAL_MONTHS:
    case TYPE_INTERVAL_MILLIS:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
    case TYPE_ROW: break;
    }
    return type;
}

static Type type_with_precision(TypeId id, int32_t precision)
{
    return (Type){.id = id, .is_nullable = true, .precision = precision};
}

Type type_decimal(int32_t precision, int32_t scale)
{
    assert(precision >= 1 && precision <= DECIMAL_PRECISION_MAX);
    assert(scale >= 0 && scale <= precision);
    Type type = type_with_precision(TYPE_DECIMAL, precision);
    type.scale = scale;
    return type;
}

Type type_string(void)
{
    return type_simple(TYPE_VARCHAR);
}

Type type_char(int32_t length)
{
    assert(length >= 0);
    return type_with_precision(TYPE_CHAR, length);
}

Type type_varchar(int32_t length)
{
    assert(length >= 0);
    return type_with_precision(TYPE_VARCHAR, length);
}

Type type_bytes(void)
{
    return type_simple(TYPE_VARBINARY);
}

Type type_timestamp(int32_t precision)
{
    assert(precision >= 0 && precision <= TIMESTAMP_PRECISION_MAX);
    return type_with_precision(TYPE_TIMESTAMP, precision);
}

Type type_timestamp_ltz(int32_t precision)
{
    assert(precision >= 0 && precision <= TIMESTAMP_PRECISION_MAX);
    return type_with_precision(TYPE_TIMESTAMP_LTZ, precision);
}

static Type type_of_children(Arena *arena, TypeId id, Type first, const Type *second)
{
    int32_t count = second == NULL ? 1 : 2;
    Type *children = ARENA_ARRAY(arena, Type, count);
    children[0] = first;
    if (second != NULL)
        children[1] = *second;
    return (Type){.id = id, .is_nullable = true, .children = children, .child_count = count};
}

Type type_array(Arena *arena, Type element)
{
    return type_of_children(arena, TYPE_ARRAY, element, NULL);
}

Type type_multiset(Arena *arena, Type element)
{
    return type_of_children(arena, TYPE_MULTISET, element, NULL);
}

Type type_map(Arena *arena, Type key, Type value)
{
    return type_of_children(arena, TYPE_MAP, key, &value);
}

Type type_row(const Type *fields, const Str *names, int32_t count)
{
    assert(count == 0 || (fields != NULL && names != NULL));
    return (Type){.id = TYPE_ROW,
                  .is_nullable = true,
                  .children = fields,
                  .child_names = names,
                  .child_count = count};
}

Type type_not_null(Type type)
{
    type.is_nullable = false;
    return type;
}

Type type_nullable(Type type)
{
    type.is_nullable = true;
    return type;
}

Physical type_physical(Type type)
{
    switch (type.id) {
    case TYPE_BOOLEAN: return PHYSICAL_BOOL;
    case TYPE_TINYINT: return PHYSICAL_I8;
    case TYPE_SMALLINT: return PHYSICAL_I16;
    case TYPE_INT:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_INTERVAL_MONTHS: return PHYSICAL_I32;
    case TYPE_BIGINT:
    case TYPE_INTERVAL_MILLIS: return PHYSICAL_I64;
    case TYPE_FLOAT: return PHYSICAL_F32;
    case TYPE_DOUBLE: return PHYSICAL_F64;
    case TYPE_DECIMAL: return PHYSICAL_I128;
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
    case TYPE_ROW: return PHYSICAL_STRING;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ: return type.precision > 6 ? PHYSICAL_I128 : PHYSICAL_I64;
    case TYPE_NULL: return PHYSICAL_NONE;
    }
    assert(!"unknown type");
    return PHYSICAL_NONE;
}

int32_t physical_bytes(Physical physical)
{
    switch (physical) {
    case PHYSICAL_NONE: return 0;
    case PHYSICAL_BOOL:
    case PHYSICAL_I8: return 1;
    case PHYSICAL_I16: return 2;
    case PHYSICAL_I32:
    case PHYSICAL_F32: return 4;
    case PHYSICAL_I64:
    case PHYSICAL_F64: return 8;
    case PHYSICAL_I128:
    case PHYSICAL_STRING: return 16;
    }
    assert(!"unknown physical");
    return 0;
}

bool type_is_integer(Type type)
{
    return type.id >= TYPE_TINYINT && type.id <= TYPE_BIGINT;
}

bool type_is_numeric(Type type)
{
    return type.id >= TYPE_TINYINT && type.id <= TYPE_DECIMAL;
}

bool type_is_text(Type type)
{
    return type.id == TYPE_CHAR || type.id == TYPE_VARCHAR;
}

bool type_is_bytes(Type type)
{
    return type.id == TYPE_BINARY || type.id == TYPE_VARBINARY;
}

bool type_is_timestamp(Type type)
{
    return type.id == TYPE_TIMESTAMP || type.id == TYPE_TIMESTAMP_LTZ;
}

bool type_equal(Type a, Type b)
{
    if (a.id != b.id || a.precision != b.precision || a.scale != b.scale ||
        a.child_count != b.child_count)
        return false;
    for (int32_t i = 0; i < a.child_count; i++) {
        if (!type_equal(a.children[i], b.children[i]))
            return false;
        if (a.id == TYPE_ROW && !str_equal(a.child_names[i], b.child_names[i]))
            return false;
    }
    return true;
}

static void type_print_length(Buffer *out, Type type, const char *name, const char *longest)
{
    if (longest != NULL && type.precision == TYPE_LENGTH_MAX)
        buffer_append_text(out, longest);
    else
        buffer_printf(out, "%s(%d)", name, type.precision);
}

static void type_print_children(Buffer *out, Type type, const char *name)
{
    buffer_append_text(out, name);
    buffer_append_char(out, '<');
    for (int32_t i = 0; i < type.child_count; i++) {
        if (i > 0)
            buffer_append_text(out, ", ");
        if (type.id == TYPE_ROW)
            buffer_printf(out, "`%.*s` ", STR_ARGS(type.child_names[i]));
        type_print(out, type.children[i]);
    }
    buffer_append_char(out, '>');
}

static void type_print_bare(Buffer *out, Type type)
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
    case TYPE_CHAR: type_print_length(out, type, "CHAR", NULL); break;
    case TYPE_VARCHAR: type_print_length(out, type, "VARCHAR", "STRING"); break;
    case TYPE_BINARY: type_print_length(out, type, "BINARY", NULL); break;
    case TYPE_VARBINARY: type_print_length(out, type, "VARBINARY", "BYTES"); break;
    case TYPE_DATE: buffer_append_text(out, "DATE"); break;
    case TYPE_TIME: type_print_length(out, type, "TIME", NULL); break;
    case TYPE_TIMESTAMP: type_print_length(out, type, "TIMESTAMP", NULL); break;
    case TYPE_TIMESTAMP_LTZ: type_print_length(out, type, "TIMESTAMP_LTZ", NULL); break;
    case TYPE_INTERVAL_MONTHS: buffer_append_text(out, "INTERVAL YEAR TO MONTH"); break;
    case TYPE_INTERVAL_MILLIS: buffer_append_text(out, "INTERVAL DAY TO SECOND(3)"); break;
    case TYPE_ARRAY: type_print_children(out, type, "ARRAY"); break;
    case TYPE_MAP: type_print_children(out, type, "MAP"); break;
    case TYPE_MULTISET: type_print_children(out, type, "MULTISET"); break;
    case TYPE_ROW: type_print_children(out, type, "ROW"); break;
    }
}

void type_print(Buffer *out, Type type)
{
    type_print_bare(out, type);
    if (!type.is_nullable)
        buffer_append_text(out, " NOT NULL");
    if (type.time_attribute == TIME_ROWTIME)
        buffer_append_text(out, " *ROWTIME*");
    if (type.time_attribute == TIME_PROCTIME)
        buffer_append_text(out, " *PROCTIME*");
}

const char *type_text(Arena *arena, Type type)
{
    Buffer buffer = {0};
    type_print(&buffer, type);
    const char *text = str_terminated(arena, buffer_str(&buffer));
    buffer_free(&buffer);
    return text;
}
