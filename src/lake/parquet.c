/* Parquet files through DuckDB: rows are appended to a table in memory, and the table is copied
 * to the file. */
#include "lake/parquet.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/metrics.h"
#include "data/datetime.h"
#include "lake/duck.h"
#include "lake/duck_type.h"

struct ParquetWriter {
    const DuckApi *api;
    duckdb_connection connection;
    duckdb_appender appender;
    duckdb_data_chunk chunk;
    char table[32];
    const char *compression;
    int32_t column_count;
    int64_t bytes, rows;
    Metric *holder; /* of what DuckDB keeps for it */
};

struct ParquetReader {
    const DuckApi *api;
    duckdb_connection connection;
    duckdb_prepared_statement statement;
    duckdb_pending_result pending;
    duckdb_result result;
    bool has_result;
    duckdb_data_chunk chunk;
    int32_t chunk_at, chunk_rows;
    int32_t column_count;
    bool is_bounded;        /* its last column is the number of the row */
    const int64_t *numbers; /* of the chunk */
    int64_t skip_rows;
    int64_t row;
};

/* With its usual megabyte a filter over ten million rows took 0.48 to 0.53 s, with 4 to 16 MB 0.39
 * to 0.40: of its two threads one waited for the other. */
static const char *const READ_AHEAD = "SET streaming_buffer_size = '8MB'";

bool parquet_takes_type(Type type)
{
    for (int32_t i = 0; i < type.child_count; i++)
        if (!parquet_takes_type(type.children[i]))
            return false;
    return type_physical(type) != PHYSICAL_NONE;
}

static void print_quoted(Buffer *out, Str text, char quote)
{
    buffer_append_char(out, quote);
    for (int64_t i = 0; i < text.length; i++) {
        if (text.data[i] == quote)
            buffer_append_char(out, quote);
        buffer_append_char(out, text.data[i]);
    }
    buffer_append_char(out, quote);
}

static Status run_text(const DuckApi *api, duckdb_connection connection, Buffer *sql, Error *error)
{
    Status status = duck_run(api, connection, buffer_terminated(sql), error);
    buffer_free(sql);
    return status;
}

static Status writer_create_table(ParquetWriter *writer, const Schema *schema, Error *error)
{
    Buffer sql = {0};
    buffer_printf(&sql, "CREATE TABLE %s (", writer->table);
    for (int32_t i = 0; i < schema->count; i++) {
        buffer_append_text(&sql, i > 0 ? ", " : "");
        print_quoted(&sql, schema->fields[i].name, '"');
        buffer_append_char(&sql, ' ');
        duck_type_print(&sql, schema->fields[i].type);
    }
    buffer_append_char(&sql, ')');
    return run_text(writer->api, writer->connection, &sql, error);
}

static Status writer_start(ParquetWriter *writer, const Schema *schema, Error *error)
{
    const DuckApi *api = writer->api;
    TRY(writer_create_table(writer, schema, error));
    if (api->duckdb_appender_create(writer->connection, NULL, writer->table, &writer->appender) !=
        DuckDBSuccess)
        return duck_fail(api->duckdb_appender_error(writer->appender), "collect rows", error);
    int64_t bytes = (int64_t)sizeof(duckdb_logical_type) * schema->count;
    duckdb_logical_type *types = memory_allocate(bytes);
    for (int32_t i = 0; i < schema->count; i++)
        types[i] = duck_type_make(api, schema->fields[i].type);
    writer->chunk = api->duckdb_create_data_chunk(types, (idx_t)schema->count);
    for (int32_t i = 0; i < schema->count; i++)
        api->duckdb_destroy_logical_type(&types[i]);
    memory_free(types);
    return OK;
}

static const char *compression_name(Str compression)
{
    static const char *const names[] = {"snappy", "zstd", "gzip", "uncompressed"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_equal_ignoring_case(compression, str_from(names[i])))
            return names[i];
    return "snappy";
}

Status parquet_writer_open(const Schema *schema, Str compression, ParquetWriter **out, Error *error)
{
    static _Atomic int64_t writers;
    assert(schema->count > 0);
    ParquetWriter *writer = memory_allocate_zeroed(sizeof *writer);
    writer->compression = compression_name(compression);
    writer->column_count = schema->count;
    writer->holder = memory_holder();
    snprintf(writer->table, sizeof writer->table, "w%" PRId64, atomic_fetch_add(&writers, 1));
    Status status = duck_connect(&writer->api, &writer->connection, error);
    if (status == OK)
        status = writer_start(writer, schema, error);
    if (status != OK) {
        parquet_writer_free(writer);
        return status;
    }
    *out = writer;
    return OK;
}

static int64_t rows_bytes(const Column *column, Selection rows)
{
    int64_t bytes = (int64_t)physical_bytes(column->physical) * rows.count;
    if (column->physical != PHYSICAL_STRING)
        return bytes;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t index = column_index(column, selection_row(rows, i));
        uint32_t length = ((const StrView *)column->values)[index].length;
        bytes += length > STR_VIEW_INLINE_MAX ? length : 0;
    }
    return bytes;
}

/* DuckDB's memory does not come through ours. */
static void writer_note(ParquetWriter *writer, int64_t bytes)
{
    writer->bytes += bytes;
    if (writer->holder != NULL)
        metric_add(writer->holder, bytes);
}

Status parquet_writer_append(ParquetWriter *writer, const Batch *batch, Selection rows,
                             const int32_t *columns, Error *error)
{
    const DuckApi *api = writer->api;
    assert(rows.count <= BATCH_ROWS_MAX);
    api->duckdb_data_chunk_reset(writer->chunk);
    int64_t bytes = 0;
    for (int32_t i = 0; i < writer->column_count; i++) {
        const Column *column = &batch->columns[columns[i]];
        duckdb_vector vector = api->duckdb_data_chunk_get_vector(writer->chunk, (idx_t)i);
        duck_vector_write(api, vector, column, rows);
        bytes += rows_bytes(column, rows);
    }
    writer_note(writer, bytes);
    api->duckdb_data_chunk_set_size(writer->chunk, (idx_t)rows.count);
    if (api->duckdb_append_data_chunk(writer->appender, writer->chunk) != DuckDBSuccess)
        return duck_fail(api->duckdb_appender_error(writer->appender), "collect rows", error);
    writer->rows += rows.count;
    return OK;
}

int64_t parquet_writer_bytes(const ParquetWriter *writer)
{
    return writer->bytes;
}

int64_t parquet_writer_rows(const ParquetWriter *writer)
{
    return writer->rows;
}

Status parquet_writer_finish(ParquetWriter *writer, const char *path, Error *error)
{
    const DuckApi *api = writer->api;
    if (api->duckdb_appender_flush(writer->appender) != DuckDBSuccess)
        return duck_fail(api->duckdb_appender_error(writer->appender), "collect rows", error);
    Buffer sql = {0};
    buffer_printf(&sql, "COPY %s TO ", writer->table);
    print_quoted(&sql, str_from(path), '\'');
    /* Where the file exists (an attempt that failed half-way), DuckDB would write a `tmp_…` beside
     * it, which readers of the folder would take for data. */
    buffer_printf(&sql, " (FORMAT parquet, COMPRESSION %s, USE_TMP_FILE false)",
                  writer->compression);
    Status status = run_text(api, writer->connection, &sql, error);
    if (status == ERR_FULL && error != NULL)
        error->is_retriable = true;
    return status;
}

void parquet_writer_free(ParquetWriter *writer)
{
    if (writer == NULL)
        return;
    if (writer->chunk != NULL)
        writer->api->duckdb_destroy_data_chunk(&writer->chunk);
    if (writer->appender != NULL)
        writer->api->duckdb_appender_destroy(&writer->appender);
    if (writer->connection != NULL) {
        char sql[64];
        snprintf(sql, sizeof sql, "DROP TABLE IF EXISTS %s", writer->table);
        (void)duck_run(writer->api, writer->connection, sql, NULL);
        writer->api->duckdb_disconnect(&writer->connection);
    }
    writer_note(writer, -writer->bytes);
    memory_free(writer);
}

/* CAST("a" AS INTEGER); of a field: CAST(struct_extract("a", 'b') AS INTEGER). */
static void reader_print_column(Buffer *sql, const Field *column, FieldPath path)
{
    const Type *type = &column->type;
    buffer_append_text(sql, "CAST(");
    for (int32_t i = 0; i < path.depth; i++)
        buffer_append_text(sql, "struct_extract(");
    print_quoted(sql, column->name, '"');
    for (int32_t i = 0; i < path.depth; i++) {
        assert(type->id == TYPE_ROW && path.fields[i] < type->child_count);
        buffer_append_text(sql, ", ");
        print_quoted(sql, type->child_names[path.fields[i]], '\'');
        buffer_append_char(sql, ')');
        type = &type->children[path.fields[i]];
    }
    buffer_append_text(sql, " AS ");
    duck_type_print(sql, *type);
    buffer_append_char(sql, ')');
}

static void reader_print_wanted(Buffer *sql, const ParquetScan *scan, int32_t at)
{
    FieldPath path = scan->paths == NULL ? (FieldPath){0} : scan->paths[at];
    reader_print_column(sql, &scan->wanted->fields[at], path);
}

/* CAST("a" AS INTEGER) > CAST('3' AS INTEGER) */
static void reader_print_bound(Buffer *sql, const ParquetScan *scan, const ColumnBound *bound)
{
    Buffer text = {0};
    reader_print_wanted(sql, scan, bound->column);
    buffer_printf(sql, " %s CAST(", bound->sign);
    value_print(&text, &bound->value, VALUE_PRINT, timezone_utc());
    print_quoted(sql, buffer_str(&text), '\'');
    buffer_append_text(sql, " AS ");
    duck_type_print(sql, bound->value.type);
    buffer_append_char(sql, ')');
    buffer_free(&text);
}

/* SELECT the columns FROM read_parquet('path'); without columns, a constant. With bounds, rows are
 * no longer as many as the file has: each brings its number. */
static void reader_print_query(Buffer *sql, const char *path, const ParquetScan *scan)
{
    bool is_bounded = scan->bound_count > 0;
    buffer_append_text(sql, "SELECT ");
    for (int32_t i = 0; i < scan->wanted->count; i++) {
        buffer_append_text(sql, i > 0 ? ", " : "");
        reader_print_wanted(sql, scan, i);
    }
    if (scan->wanted->count == 0)
        buffer_append_text(sql, "TRUE");
    buffer_append_text(sql,
                       is_bounded ? ", file_row_number FROM read_parquet(" : " FROM read_parquet(");
    print_quoted(sql, str_from(path), '\'');
    buffer_append_text(sql, is_bounded ? ", file_row_number = true)" : ")");
    const char *link = " WHERE ";
    if (is_bounded && scan->first_row > 0) {
        buffer_printf(sql, " WHERE file_row_number >= %" PRId64, scan->first_row);
        link = " AND ";
    }
    for (int32_t i = 0; i < scan->bound_count; i++, link = " AND ") {
        buffer_append_text(sql, link);
        reader_print_bound(sql, scan, &scan->bounds[i]);
    }
}

static Status reader_start(ParquetReader *reader, const char *sql, const char *path, Error *error)
{
    const DuckApi *api = reader->api;
    char what[256];
    snprintf(what, sizeof what, "read %.200s", path);
    if (api->duckdb_prepare(reader->connection, sql, &reader->statement) != DuckDBSuccess)
        return duck_fail(api->duckdb_prepare_error(reader->statement), what, error);
    if (api->duckdb_pending_prepared_streaming(reader->statement, &reader->pending) !=
        DuckDBSuccess)
        return duck_fail(api->duckdb_pending_error(reader->pending), what, error);
    reader->has_result = true;
    if (api->duckdb_execute_pending(reader->pending, &reader->result) != DuckDBSuccess)
        return duck_fail(api->duckdb_result_error(&reader->result), what, error);
    return OK;
}

static Status reader_open(const char *path, const ParquetScan *scan, ParquetReader **out,
                          Error *error)
{
    ParquetReader *reader = memory_allocate_zeroed(sizeof *reader);
    reader->row = scan->first_row;
    reader->is_bounded = scan->bound_count > 0;
    reader->skip_rows = reader->is_bounded ? 0 : scan->first_row;
    reader->column_count = scan->wanted->count;
    Status status = duck_connect(&reader->api, &reader->connection, error);
    if (status == OK) {
        Buffer sql = {0};
        (void)duck_run(reader->api, reader->connection, READ_AHEAD, NULL); /* else it is slower */
        reader_print_query(&sql, path, scan);
        status = reader_start(reader, buffer_terminated(&sql), path, error);
        buffer_free(&sql);
    }
    if (status != OK) {
        parquet_reader_free(reader);
        return status;
    }
    *out = reader;
    return OK;
}

Status parquet_reader_open(const char *path, const ParquetScan *scan, ParquetReader **out,
                           Error *error)
{
    assert(scan->first_row >= 0);
    Error refused = {0};
    if (scan->bound_count > 0 && reader_open(path, scan, out, &refused) == OK)
        return OK;
    /* What DuckDB does not take with them, such as a file that has a column of the name that it
     * gives to numbers of rows, is read whole: bounds are a wish. */
    ParquetScan whole = *scan;
    whole.bound_count = 0;
    return reader_open(path, &whole, out, error);
}

/* The next chunk with rows that are not passed over. */
static Status reader_fetch(ParquetReader *reader, Error *error)
{
    const DuckApi *api = reader->api;
    while (reader->chunk_at >= reader->chunk_rows) {
        if (reader->chunk != NULL)
            api->duckdb_destroy_data_chunk(&reader->chunk);
        reader->chunk = api->duckdb_fetch_chunk(reader->result);
        if (reader->chunk == NULL) {
            const char *message = api->duckdb_result_error(&reader->result);
            return message == NULL ? ERR_END : duck_fail(message, "read a parquet file", error);
        }
        reader->chunk_rows = (int32_t)api->duckdb_data_chunk_get_size(reader->chunk);
        if (reader->chunk_rows == 0)
            return ERR_END;
        int64_t skipped =
            reader->skip_rows < reader->chunk_rows ? reader->skip_rows : reader->chunk_rows;
        reader->chunk_at = (int32_t)skipped;
        reader->skip_rows -= skipped;
    }
    if (reader->is_bounded)
        reader->numbers = api->duckdb_vector_get_data(
            api->duckdb_data_chunk_get_vector(reader->chunk, (idx_t)reader->column_count));
    return OK;
}

Status parquet_reader_next(ParquetReader *reader, Batch *into, int32_t capacity, Error *error)
{
    assert(into->arena != NULL && into->row_count < capacity);
    TRY(reader_fetch(reader, error));
    int32_t room = capacity - into->row_count;
    int32_t left = reader->chunk_rows - reader->chunk_at;
    int32_t count = left < room ? left : room;
    DuckRead read = {.api = reader->api,
                     .arena = into->arena,
                     .first = reader->chunk_at,
                     .count = count,
                     .at = into->row_count,
                     .capacity = capacity};
    for (int32_t i = 0; i < reader->column_count; i++)
        duck_vector_read(&read, reader->api->duckdb_data_chunk_get_vector(reader->chunk, (idx_t)i),
                         &into->columns[i]);
    reader->chunk_at += count;
    reader->row =
        reader->is_bounded ? reader->numbers[reader->chunk_at - 1] + 1 : reader->row + count;
    into->row_count += count;
    batch_select_all(into);
    return OK;
}

int64_t parquet_reader_row(const ParquetReader *reader)
{
    return reader->row;
}

void parquet_reader_free(ParquetReader *reader)
{
    if (reader == NULL)
        return;
    const DuckApi *api = reader->api;
    if (reader->chunk != NULL)
        api->duckdb_destroy_data_chunk(&reader->chunk);
    if (reader->has_result)
        api->duckdb_destroy_result(&reader->result);
    if (reader->pending != NULL)
        api->duckdb_destroy_pending(&reader->pending);
    if (reader->statement != NULL)
        api->duckdb_destroy_prepare(&reader->statement);
    if (reader->connection != NULL)
        api->duckdb_disconnect(&reader->connection);
    memory_free(reader);
}
