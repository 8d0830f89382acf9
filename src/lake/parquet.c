/* Parquet by way of DuckDB's vectors. Strings, bitmaps and most numbers have the same layout on
 * both sides; decimals are narrowed to the width that DuckDB gives their precision, times go from
 * milliseconds to microseconds. */
#include "lake/parquet.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "lake/duck.h"

struct ParquetWriter {
    const DuckApi *api;
    Duck *duck;
    Schema schema;
    const char *compression;
    duckdb_appender appender;
    duckdb_data_chunk chunk;
    int64_t rows;
    int64_t bytes;
};

struct ParquetReader {
    const DuckApi *api;
    Duck *duck;
    Schema schema; /* of the wanted columns; fields are this struct's own */
    Field *fields;
    duckdb_prepared_statement statement;
    duckdb_result result;
    bool has_result;
};

enum {
    DECIMAL_WIDTH_I16 = 4,
    DECIMAL_WIDTH_I32 = 9,
    DECIMAL_WIDTH_I64 = 18,
    NANOS_PER_MICRO = 1000,
};

static duckdb_type duck_type_of(Type type)
{
    switch (type.id) {
    case TYPE_BOOLEAN: return DUCKDB_TYPE_BOOLEAN;
    case TYPE_TINYINT: return DUCKDB_TYPE_TINYINT;
    case TYPE_SMALLINT: return DUCKDB_TYPE_SMALLINT;
    case TYPE_INT: return DUCKDB_TYPE_INTEGER;
    case TYPE_BIGINT: return DUCKDB_TYPE_BIGINT;
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
    case TYPE_INTERVAL_MONTHS:
    case TYPE_INTERVAL_MILLIS:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
    case TYPE_ROW: break;
    }
    return DUCKDB_TYPE_INVALID;
}

bool parquet_supports(Type type)
{
    return duck_type_of(type) != DUCKDB_TYPE_INVALID;
}

/* The type in DuckDB's SQL. */
static void append_duck_type(Buffer *out, Type type)
{
    static const struct {
        duckdb_type type;
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
        {DUCKDB_TYPE_TIMESTAMP_TZ, "TIMESTAMPTZ"},
    };
    if (type.id == TYPE_DECIMAL) {
        buffer_printf(out, "DECIMAL(%d,%d)", type.precision, type.scale);
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].type == duck_type_of(type))
            buffer_append_text(out, names[i].name);
}

/* ---- Writing ---------------------------------------------------------------------------- */

static Status writer_create_table(ParquetWriter *writer, Error *error)
{
    Buffer sql = {0};
    buffer_append_text(&sql, "CREATE OR REPLACE TABLE file (");
    for (int32_t i = 0; i < writer->schema.count; i++) {
        if (i > 0)
            buffer_append_text(&sql, ", ");
        duck_append_name(&sql, writer->schema.fields[i].name);
        buffer_append_char(&sql, ' ');
        append_duck_type(&sql, writer->schema.fields[i].type);
    }
    buffer_append_char(&sql, ')');
    Status status =
        duck_execute(writer->duck, buffer_terminated(&sql), "prepare a Parquet file", error);
    buffer_free(&sql);
    if (status == OK && writer->api->appender_create(duck_connection(writer->duck), NULL, "file",
                                                     &writer->appender) != DuckDBSuccess)
        status = duck_fail(error, "prepare a Parquet file",
                           writer->api->appender_error(writer->appender));
    return status;
}

static void writer_create_chunk(ParquetWriter *writer)
{
    const DuckApi *api = writer->api;
    int32_t count = writer->schema.count;
    duckdb_logical_type *types = memory_allocate(count * (int64_t)sizeof types[0]);
    for (int32_t i = 0; i < count; i++) {
        Type type = writer->schema.fields[i].type;
        types[i] = type.id == TYPE_DECIMAL
                       ? api->create_decimal_type((uint8_t)type.precision, (uint8_t)type.scale)
                       : api->create_logical_type(duck_type_of(type));
    }
    writer->chunk = api->create_data_chunk(types, (idx_t)count);
    for (int32_t i = 0; i < count; i++)
        api->destroy_logical_type(&types[i]);
    memory_free(types);
}

Status parquet_writer_open(Arena *arena, const Schema *schema, const char *compression,
                           ParquetWriter **out, Error *error)
{
    for (int32_t i = 0; i < schema->count; i++)
        if (!parquet_supports(schema->fields[i].type))
            return fail(error, ERR_INVALID, "WR3403",
                        "column `%.*s` of type %s cannot be written to Parquet",
                        STR_ARGS(schema->fields[i].name), type_text(arena, schema->fields[i].type));
    ParquetWriter *writer = ARENA_NEW(arena, ParquetWriter);
    writer->compression = compression != NULL ? arena_printf(arena, "%s", compression) : "snappy";
    int32_t *all = ARENA_ARRAY(arena, int32_t, schema->count);
    for (int32_t i = 0; i < schema->count; i++)
        all[i] = i;
    writer->schema = schema_pick(arena, schema, all, schema->count);
    Status status = duck_load(&writer->api, error);
    if (status == OK)
        status = duck_open(0, &writer->duck, error);
    if (status == OK)
        status = writer_create_table(writer, error);
    if (status == OK)
        writer_create_chunk(writer);
    if (status == OK)
        *out = writer;
    else
        parquet_writer_close(writer);
    return status;
}

/* Narrow or convert the selected values of one column to DuckDB's, packed. */
#define COPY_AS(target_type, source_type, expression)                                              \
    do {                                                                                           \
        target_type *to = data;                                                                    \
        const source_type *from = column->values;                                                  \
        for (int32_t i = 0; i < rows.count; i++) {                                                 \
            source_type value = from[column_index(column, selection_row(rows, i))];                \
            to[i] = (target_type)(expression);                                                     \
        }                                                                                          \
    } while (0)

static void copy_wide(const Column *column, Selection rows, void *data)
{
    Type type = column->type;
    if (type.id != TYPE_DECIMAL) {
        bool is_ltz = type.id == TYPE_TIMESTAMP_LTZ; /* DuckDB has no zoned nanoseconds */
        COPY_AS(int64_t, Int128, is_ltz ? value / NANOS_PER_MICRO : value);
    } else if (type.precision <= DECIMAL_WIDTH_I16) {
        COPY_AS(int16_t, Int128, value);
    } else if (type.precision <= DECIMAL_WIDTH_I32) {
        COPY_AS(int32_t, Int128, value);
    } else if (type.precision <= DECIMAL_WIDTH_I64) {
        COPY_AS(int64_t, Int128, value);
    } else {
        COPY_AS(Int128, Int128, value);
    }
}

static int64_t copy_strings(ParquetWriter *writer, const Column *column, Selection rows,
                            duckdb_vector vector)
{
    const StrView *views = column->values;
    int64_t bytes = 0;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        if (column_is_null(column, row))
            continue;
        Str text = str_view_str(&views[column_index(column, row)]);
        writer->api->vector_assign_string_element_len(vector, (idx_t)i, text.data,
                                                      (idx_t)text.length);
        bytes += text.length;
    }
    return bytes;
}

static void copy_validity(ParquetWriter *writer, const Column *column, Selection rows,
                          duckdb_vector vector)
{
    if (column->valid == NULL)
        return;
    writer->api->vector_ensure_validity_writable(vector);
    uint64_t *valid = writer->api->vector_get_validity(vector);
    for (int32_t i = 0; i < rows.count; i++)
        bitmap_set(valid, i, !column_is_null(column, selection_row(rows, i)));
}

static void copy_column(ParquetWriter *writer, const Column *column, Selection rows,
                        duckdb_vector vector)
{
    void *data = writer->api->vector_get_data(vector);
    switch (column->physical) {
    case PHYSICAL_BOOL:
    case PHYSICAL_I8: COPY_AS(uint8_t, uint8_t, value); break;
    case PHYSICAL_I16: COPY_AS(int16_t, int16_t, value); break;
    case PHYSICAL_I32:
        if (column->type.id == TYPE_TIME)
            COPY_AS(int64_t, int32_t, (int64_t)value * 1000);
        else
            COPY_AS(int32_t, int32_t, value);
        break;
    case PHYSICAL_I64: COPY_AS(int64_t, int64_t, value); break;
    case PHYSICAL_F32: COPY_AS(float, float, value); break;
    case PHYSICAL_F64: COPY_AS(double, double, value); break;
    case PHYSICAL_I128: copy_wide(column, rows, data); break;
    case PHYSICAL_STRING: writer->bytes += copy_strings(writer, column, rows, vector); break;
    case PHYSICAL_NONE: break;
    }
    writer->bytes += rows.count * (int64_t)physical_bytes(column->physical);
    copy_validity(writer, column, rows, vector);
}

Status parquet_writer_append(ParquetWriter *writer, const Batch *batch, const int32_t *columns,
                             Error *error)
{
    Selection rows = batch->selection;
    assert(rows.count <= BATCH_ROWS_MAX);
    if (rows.count == 0)
        return OK;
    const DuckApi *api = writer->api;
    api->data_chunk_reset(writer->chunk);
    for (int32_t i = 0; i < writer->schema.count; i++) {
        const Column *column = &batch->columns[columns != NULL ? columns[i] : i];
        copy_column(writer, column, rows, api->data_chunk_get_vector(writer->chunk, (idx_t)i));
    }
    api->data_chunk_set_size(writer->chunk, (idx_t)rows.count);
    if (api->append_data_chunk(writer->appender, writer->chunk) != DuckDBSuccess)
        return duck_fail(error, "add rows to a Parquet file",
                         api->appender_error(writer->appender));
    writer->rows += rows.count;
    return OK;
}

int64_t parquet_writer_rows(const ParquetWriter *writer)
{
    return writer->rows;
}

int64_t parquet_writer_bytes(const ParquetWriter *writer)
{
    return writer->bytes;
}

/* The appender holds back rows until it is destroyed. */
static Status writer_flush(ParquetWriter *writer, Error *error)
{
    if (writer->appender == NULL)
        return OK;
    if (writer->api->appender_destroy(&writer->appender) == DuckDBSuccess)
        return OK;
    writer->appender = NULL;
    return fail(error, ERR_INTERNAL, "WR3402", "DuckDB lost the rows of a Parquet file");
}

Status parquet_writer_finish(ParquetWriter *writer, const char *path, Error *error)
{
    TRY(writer_flush(writer, error));
    Buffer sql = {0};
    Buffer what = {0};
    buffer_append_text(&sql, "COPY file TO ");
    duck_append_text(&sql, str_from(path));
    buffer_printf(&sql, " (FORMAT parquet, COMPRESSION %s)", writer->compression);
    buffer_printf(&what, "write `%s`", path);
    Status status =
        duck_execute(writer->duck, buffer_terminated(&sql), buffer_terminated(&what), error);
    buffer_free(&sql);
    buffer_free(&what);
    TRY(status);
    writer->rows = 0;
    writer->bytes = 0;
    return writer_create_table(writer, error);
}

void parquet_writer_close(ParquetWriter *writer)
{
    if (writer == NULL)
        return;
    if (writer->appender != NULL)
        writer->api->appender_destroy(&writer->appender);
    if (writer->chunk != NULL)
        writer->api->destroy_data_chunk(&writer->chunk);
    duck_close(writer->duck);
    writer->duck = NULL;
}

/* ---- Reading ------------------------------------------------------------------------------ */

/* Which of the wanted columns the file has, by name. */
static Status reader_find_columns(ParquetReader *reader, const char *path, bool *is_there,
                                  Error *error)
{
    Buffer sql = {0};
    buffer_append_text(&sql, "SELECT * FROM read_parquet(");
    duck_append_text(&sql, str_from(path));
    buffer_append_text(&sql, ", hive_partitioning = false) LIMIT 0");
    duckdb_result result;
    Status status = OK;
    if (reader->api->query(duck_connection(reader->duck), buffer_terminated(&sql), &result) !=
        DuckDBSuccess) {
        status = fail(error, ERR_DECODE, "WR3404", "`%s` cannot be read as Parquet: %s", path,
                      reader->api->result_error(&result));
        error_hint(error, "check that the folder holds only Parquet files, or set 'format'");
    } else {
        idx_t count = reader->api->column_count(&result);
        for (idx_t k = 0; k < count; k++) {
            int32_t at =
                schema_find(&reader->schema, str_from(reader->api->column_name(&result, k)));
            if (at >= 0)
                is_there[at] = true;
        }
    }
    reader->api->destroy_result(&result);
    buffer_free(&sql);
    return status;
}

static void append_select(const ParquetReader *reader, const char *path, const bool *is_there,
                          Buffer *sql)
{
    buffer_append_text(sql, "SELECT ");
    for (int32_t i = 0; i < reader->schema.count; i++) {
        buffer_append_text(sql, i > 0 ? ", CAST(" : "CAST(");
        if (is_there[i])
            duck_append_name(sql, reader->schema.fields[i].name);
        else
            buffer_append_text(sql, "NULL");
        buffer_append_text(sql, " AS ");
        append_duck_type(sql, reader->schema.fields[i].type);
        buffer_append_char(sql, ')');
    }
    if (reader->schema.count == 0)
        buffer_append_text(sql, "1");
    buffer_append_text(sql, " FROM read_parquet(");
    duck_append_text(sql, str_from(path));
    buffer_append_text(sql, ", hive_partitioning = false)");
}

static Status reader_start(ParquetReader *reader, const char *sql, const char *path, Error *error)
{
    const DuckApi *api = reader->api;
    Buffer what = {0};
    buffer_printf(&what, "read `%s`", path);
    Status status = OK;
    duckdb_pending_result pending = NULL;
    if (api->prepare(duck_connection(reader->duck), sql, &reader->statement) != DuckDBSuccess)
        status = duck_fail(error, buffer_terminated(&what), api->prepare_error(reader->statement));
    else if (api->pending_prepared_streaming(reader->statement, &pending) != DuckDBSuccess)
        status = duck_fail(error, buffer_terminated(&what), api->pending_error(pending));
    else if (api->execute_pending(pending, &reader->result) != DuckDBSuccess)
        status = duck_fail(error, buffer_terminated(&what), api->result_error(&reader->result));
    else
        reader->has_result = true;
    if (pending != NULL)
        api->destroy_pending(&pending);
    buffer_free(&what);
    return status;
}

Status parquet_reader_open(const char *path, const Schema *record, const int32_t *columns,
                           int32_t count, ParquetReader **out, Error *error)
{
    ParquetReader *reader = memory_allocate_zeroed(sizeof *reader);
    reader->fields = memory_allocate_zeroed(count * (int64_t)sizeof(Field));
    for (int32_t i = 0; i < count; i++)
        reader->fields[i] = record->fields[columns[i]];
    reader->schema = (Schema){.fields = reader->fields, .count = count};
    bool *is_there = memory_allocate_zeroed(count * (int64_t)sizeof(bool));
    Buffer sql = {0};
    Status status = OK;
    for (int32_t i = 0; status == OK && i < count; i++)
        if (!parquet_supports(reader->fields[i].type))
            status = fail(error, ERR_INVALID, "WR3403",
                          "column `%.*s` has a type that cannot be read from Parquet",
                          STR_ARGS(reader->fields[i].name));
    if (status == OK)
        status = duck_load(&reader->api, error);
    if (status == OK)
        status = duck_open(0, &reader->duck, error);
    if (status == OK)
        status = reader_find_columns(reader, path, is_there, error);
    if (status == OK) {
        append_select(reader, path, is_there, &sql);
        status = reader_start(reader, buffer_terminated(&sql), path, error);
    }
    buffer_free(&sql);
    memory_free(is_there);
    if (status == OK)
        *out = reader;
    else
        parquet_reader_close(reader);
    return status;
}

#define TAKE_AS(target_type, source_type, expression)                                              \
    do {                                                                                           \
        target_type *to = into->values;                                                            \
        const source_type *from = data;                                                            \
        for (int32_t row = 0; row < rows; row++) {                                                 \
            source_type value = from[row];                                                         \
            to[row] = (target_type)(expression);                                                   \
        }                                                                                          \
    } while (0)

static void take_wide(Column *into, const void *data, int32_t rows)
{
    Type type = into->type;
    if (type.id == TYPE_TIMESTAMP_LTZ)
        TAKE_AS(Int128, int64_t, (Int128)value * NANOS_PER_MICRO);
    else if (type.id != TYPE_DECIMAL)
        TAKE_AS(Int128, int64_t, value);
    else if (type.precision <= DECIMAL_WIDTH_I16)
        TAKE_AS(Int128, int16_t, value);
    else if (type.precision <= DECIMAL_WIDTH_I32)
        TAKE_AS(Int128, int32_t, value);
    else if (type.precision <= DECIMAL_WIDTH_I64)
        TAKE_AS(Int128, int64_t, value);
    else
        TAKE_AS(Int128, Int128, value);
}

/* DuckDB's string has our layout; only its bytes must outlive the chunk. */
static void take_strings(Column *into, Arena *arena, const void *data, const uint64_t *valid,
                         int32_t rows)
{
    const StrView *from = data;
    StrView *to = into->values;
    for (int32_t row = 0; row < rows; row++) {
        bool is_null = valid != NULL && !bitmap_get(valid, row);
        to[row] = is_null ? (StrView){0} : str_view_copy(arena, str_view_str(&from[row]));
    }
}

static void take_column(Column *into, Arena *arena, const void *data, const uint64_t *valid,
                        int32_t rows)
{
    switch (into->physical) {
    case PHYSICAL_BOOL:
    case PHYSICAL_I8: TAKE_AS(uint8_t, uint8_t, value); break;
    case PHYSICAL_I16: TAKE_AS(int16_t, int16_t, value); break;
    case PHYSICAL_I32:
        if (into->type.id == TYPE_TIME)
            TAKE_AS(int32_t, int64_t, value / 1000);
        else
            TAKE_AS(int32_t, int32_t, value);
        break;
    case PHYSICAL_I64: TAKE_AS(int64_t, int64_t, value); break;
    case PHYSICAL_F32: TAKE_AS(float, float, value); break;
    case PHYSICAL_F64: TAKE_AS(double, double, value); break;
    case PHYSICAL_I128: take_wide(into, data, rows); break;
    case PHYSICAL_STRING: take_strings(into, arena, data, valid, rows); break;
    case PHYSICAL_NONE: break;
    }
    for (int32_t row = 0; valid != NULL && row < rows; row++)
        if (!bitmap_get(valid, row))
            column_set_null(into, arena, row, BATCH_ROWS_MAX);
}

Status parquet_reader_next(ParquetReader *reader, Batch *into, int32_t first_column, Error *error)
{
    assert(into->row_count == 0 && into->arena != NULL);
    const DuckApi *api = reader->api;
    duckdb_data_chunk chunk = api->fetch_chunk(reader->result);
    if (chunk == NULL) {
        const char *reason = api->result_error(&reader->result);
        if (reason != NULL && reason[0] != '\0')
            return duck_fail(error, "read a Parquet file", reason);
        return ERR_END;
    }
    int32_t rows = (int32_t)api->data_chunk_get_size(chunk);
    assert(rows <= BATCH_ROWS_MAX);
    for (int32_t i = 0; i < reader->schema.count; i++) {
        duckdb_vector vector = api->data_chunk_get_vector(chunk, (idx_t)i);
        take_column(&into->columns[first_column + i], into->arena, api->vector_get_data(vector),
                    api->vector_get_validity(vector), rows);
    }
    api->destroy_data_chunk(&chunk);
    into->row_count = rows;
    batch_select_all(into);
    return rows == 0 ? ERR_END : OK;
}

void parquet_reader_close(ParquetReader *reader)
{
    if (reader == NULL)
        return;
    if (reader->has_result)
        reader->api->destroy_result(&reader->result);
    if (reader->statement != NULL)
        reader->api->destroy_prepare(&reader->statement);
    duck_close(reader->duck);
    memory_free(reader->fields);
    memory_free(reader);
}
