/* Values between batches and DuckDB's vectors. */
#include "lake/duck_type.h"

enum { NANOS_PER_MICRO = 1000, MICROS_PER_TIME_MILLI = 1000 };

DuckWidth duck_width(Type type)
{
    if (type.id == TYPE_DECIMAL)
        return type.precision <= 4    ? DUCK_I16
               : type.precision <= 9  ? DUCK_I32
               : type.precision <= 18 ? DUCK_I64
                                      : DUCK_SAME;
    if (type.id == TYPE_TIME)
        return DUCK_TIME;
    if (type.id == TYPE_TIMESTAMP && type.precision > 6)
        return DUCK_I64;
    return type.id == TYPE_TIMESTAMP_LTZ && type.precision > 6 ? DUCK_NANOS : DUCK_SAME;
}

static duckdb_type duck_type_id(Type type)
{
    switch (type.id) {
    case TYPE_BOOLEAN: return DUCKDB_TYPE_BOOLEAN;
    case TYPE_TINYINT: return DUCKDB_TYPE_TINYINT;
    case TYPE_SMALLINT: return DUCKDB_TYPE_SMALLINT;
    case TYPE_INT:
    case TYPE_INTERVAL_MONTHS: return DUCKDB_TYPE_INTEGER;
    case TYPE_BIGINT:
    case TYPE_INTERVAL_MILLIS: return DUCKDB_TYPE_BIGINT;
    case TYPE_FLOAT: return DUCKDB_TYPE_FLOAT;
    case TYPE_DOUBLE: return DUCKDB_TYPE_DOUBLE;
    case TYPE_DECIMAL: return DUCKDB_TYPE_DECIMAL;
    case TYPE_CHAR:
    case TYPE_VARCHAR: return DUCKDB_TYPE_VARCHAR;
    case TYPE_BINARY:
    case TYPE_VARBINARY: return DUCKDB_TYPE_BLOB;
    case TYPE_DATE: return DUCKDB_TYPE_DATE;
    case TYPE_TIME: return DUCKDB_TYPE_TIME;
    case TYPE_TIMESTAMP:
        return type.precision > 6 ? DUCKDB_TYPE_TIMESTAMP_NS : DUCKDB_TYPE_TIMESTAMP;
    case TYPE_TIMESTAMP_LTZ: return DUCKDB_TYPE_TIMESTAMP_TZ;
    case TYPE_NULL:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
    case TYPE_ROW: break;
    }
    return DUCKDB_TYPE_INVALID;
}

static const char *duck_type_name(duckdb_type id)
{
    static const struct {
        duckdb_type id;
        const char *name;
    } names[] = {
        {DUCKDB_TYPE_BOOLEAN, "BOOLEAN"},
        {DUCKDB_TYPE_TINYINT, "TINYINT"},
        {DUCKDB_TYPE_SMALLINT, "SMALLINT"},
        {DUCKDB_TYPE_INTEGER, "INTEGER"},
        {DUCKDB_TYPE_BIGINT, "BIGINT"},
        {DUCKDB_TYPE_FLOAT, "FLOAT"},
        {DUCKDB_TYPE_DOUBLE, "DOUBLE"},
        {DUCKDB_TYPE_VARCHAR, "VARCHAR"},
        {DUCKDB_TYPE_BLOB, "BLOB"},
        {DUCKDB_TYPE_DATE, "DATE"},
        {DUCKDB_TYPE_TIME, "TIME"},
        {DUCKDB_TYPE_TIMESTAMP, "TIMESTAMP"},
        {DUCKDB_TYPE_TIMESTAMP_NS, "TIMESTAMP_NS"},
        {DUCKDB_TYPE_TIMESTAMP_TZ, "TIMESTAMP WITH TIME ZONE"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].id == id)
            return names[i].name;
    assert(!"not a type that DuckDB takes");
    return "";
}

void duck_type_print(Buffer *out, Type type)
{
    if (type_is_nested(type))
        duck_nested_print(out, type);
    else if (type.id == TYPE_DECIMAL)
        buffer_printf(out, "DECIMAL(%d,%d)", type.precision, type.scale);
    else
        buffer_append_text(out, duck_type_name(duck_type_id(type)));
}

duckdb_logical_type duck_type_make(const DuckApi *api, Type type)
{
    if (type_is_nested(type))
        return duck_nested_make(api, type);
    if (type.id == TYPE_DECIMAL)
        return api->duckdb_create_decimal_type((uint8_t)type.precision, (uint8_t)type.scale);
    return api->duckdb_create_logical_type(duck_type_id(type));
}

static Int128 wide_at(const Column *column, int32_t index)
{
    if (column->physical == PHYSICAL_I32)
        return ((const int32_t *)column->values)[index];
    assert(column->physical == PHYSICAL_I128);
    return ((const Int128 *)column->values)[index];
}

static Int128 floor_divide(Int128 value, int32_t by)
{
    Int128 quotient = value / by;
    return quotient - (value % by < 0);
}

/* Values whose layouts differ. */
static void vector_write_wide(void *data, DuckWidth width, const Column *column, Selection rows)
{
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        if (column_is_null(column, row))
            continue;
        Int128 value = wide_at(column, column_index(column, row));
        switch (width) {
        case DUCK_I16: ((int16_t *)data)[i] = (int16_t)value; break;
        case DUCK_I32: ((int32_t *)data)[i] = (int32_t)value; break;
        case DUCK_I64: ((int64_t *)data)[i] = (int64_t)value; break;
        case DUCK_TIME: ((int64_t *)data)[i] = (int64_t)value * MICROS_PER_TIME_MILLI; break;
        case DUCK_NANOS:
            ((int64_t *)data)[i] = (int64_t)floor_divide(value, NANOS_PER_MICRO);
            break;
        case DUCK_SAME: assert(!"copied as they are"); break;
        }
    }
}

static void vector_write_strings(const DuckApi *api, duckdb_vector vector, StrView *data,
                                 const Column *column, Selection rows)
{
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        if (column_is_null(column, row))
            continue;
        const StrView *view = (const StrView *)column->values + column_index(column, row);
        Str text = str_view_str(view);
        if (view->length <= STR_VIEW_INLINE_MAX)
            data[i] = *view;
        else
            api->duckdb_vector_assign_string_element_len(vector, (idx_t)i, text.data,
                                                         (idx_t)text.length);
    }
}

static void vector_write_same(char *data, const Column *column, Selection rows)
{
    int32_t width = physical_bytes(column->physical);
    const char *values = column->values;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t index = column_index(column, selection_row(rows, i));
        memcpy(data + (int64_t)i * width, values + (int64_t)index * width, (size_t)width);
    }
}

void duck_vector_write(const DuckApi *api, duckdb_vector vector, const Column *column,
                       Selection rows)
{
    void *data = api->duckdb_vector_get_data(vector);
    DuckWidth width = duck_width(column->type);
    if (type_is_nested(column->type))
        duck_nested_write(api, vector, column, rows);
    else if (column->physical == PHYSICAL_STRING)
        vector_write_strings(api, vector, data, column, rows);
    else if (width == DUCK_SAME)
        vector_write_same(data, column, rows);
    else
        vector_write_wide(data, width, column, rows);
    if (column->valid == NULL)
        return;
    api->duckdb_vector_ensure_validity_writable(vector);
    uint64_t *valid = api->duckdb_vector_get_validity(vector);
    for (int32_t i = 0; i < rows.count; i++)
        bitmap_set(valid, i, !column_is_null(column, selection_row(rows, i)));
}

Int128 duck_wide_read(DuckWidth width, const void *data, int64_t index)
{
    switch (width) {
    case DUCK_I16: return ((const int16_t *)data)[index];
    case DUCK_I32: return ((const int32_t *)data)[index];
    case DUCK_I64: return ((const int64_t *)data)[index];
    case DUCK_TIME: return ((const int64_t *)data)[index] / MICROS_PER_TIME_MILLI;
    case DUCK_NANOS: return (Int128)((const int64_t *)data)[index] * NANOS_PER_MICRO;
    case DUCK_SAME: break;
    }
    assert(!"copied as they are");
    return 0;
}

static void vector_read_wide(const DuckRead *read, const void *data, Column *column)
{
    DuckWidth width = duck_width(column->type);
    for (int32_t i = 0; i < read->count; i++) {
        Int128 value = duck_wide_read(width, data, read->first + i);
        if (column->physical == PHYSICAL_I32)
            ((int32_t *)column->values)[read->at + i] = (int32_t)value;
        else
            ((Int128 *)column->values)[read->at + i] = value;
    }
}

static void vector_read_strings(const DuckRead *read, const StrView *data, const uint64_t *valid,
                                Column *column)
{
    StrView *out = (StrView *)column->values + read->at;
    for (int32_t i = 0; i < read->count; i++) {
        const StrView *view = &data[read->first + i];
        bool is_null = valid != NULL && !bitmap_get(valid, read->first + i);
        out[i] = is_null ? (StrView){0} : str_view_copy(read->arena, str_view_str(view));
    }
}

void duck_vector_read(const DuckRead *read, duckdb_vector vector, Column *column)
{
    const void *data = read->api->duckdb_vector_get_data(vector);
    const uint64_t *valid = read->api->duckdb_vector_get_validity(vector);
    int32_t width = physical_bytes(column->physical);
    assert(read->at + read->count <= read->capacity);
    if (type_is_nested(column->type))
        duck_nested_read(read, vector, column);
    else if (column->physical == PHYSICAL_STRING)
        vector_read_strings(read, data, valid, column);
    else if (duck_width(column->type) == DUCK_SAME)
        memcpy((char *)column->values + (int64_t)read->at * width,
               (const char *)data + (int64_t)read->first * width,
               (size_t)read->count * (size_t)width);
    else
        vector_read_wide(read, data, column);
    for (int32_t i = 0; i < read->count; i++) {
        if (valid != NULL && !bitmap_get(valid, read->first + i))
            column_set_null(column, read->arena, read->at + i, read->capacity);
        else if (column->valid != NULL)
            bitmap_set(column->valid, read->at + i, true);
    }
}
