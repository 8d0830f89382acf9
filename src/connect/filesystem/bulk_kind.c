#include "connect/filesystem/bulk_kind.h"

#include <string.h>

#include "data/nested.h"
#include "data/value.h"
#include "format/avro_file.h"
#include "lake/parquet.h"

/* ---- Parquet --------------------------------------------------------------------------------- */

/* Of each file; the schema and columns are the spec's. */
typedef struct ParquetPart {
    Arena *arena;
    ParquetWriter *writer;
    const int32_t *columns;
    int32_t count;
} ParquetPart;

static Status parquet_check(Arena *arena, const EncoderSpec *spec, Error *error)
{
    for (int32_t i = 0; i < spec->record->count; i++)
        if (!parquet_takes_type(spec->record->fields[i].type))
            return fail(error, ERR_INVALID, "WR3504",
                        "column `%.*s` of type %s cannot be written as parquet yet",
                        STR_ARGS(spec->record->fields[i].name),
                        type_text(arena, spec->record->fields[i].type));
    return OK;
}

static Status parquet_open(const EncoderSpec *spec, BulkWriter **out, Error *error)
{
    Arena *arena = arena_new(0);
    ParquetPart *part = ARENA_NEW(arena, ParquetPart);
    *part = (ParquetPart){.arena = arena, .columns = spec->columns, .count = spec->record->count};
    Str compression = options_text(spec->options, "parquet.compression");
    Status status = parquet_writer_open(spec->record, compression, &part->writer, error);
    if (status != OK)
        arena_free(arena);
    else
        *out = (BulkWriter *)part;
    return status;
}

/* What parquet has no form for, or NULL. */
static const char *parquet_problem(const ParquetPart *part, const Batch *batch, int32_t row)
{
    for (int32_t i = 0; i < part->count; i++) {
        const Column *column = &batch->columns[part->columns[i]];
        if (!type_is_nested(column->type) || column_is_null(column, row))
            continue;
        Value value = value_get(column, row);
        if (nested_has_null_key(value.text, value.type))
            return "a map has a NULL key";
    }
    return NULL;
}

static Status parquet_append(BulkWriter *writer, const Batch *batch, Selection rows,
                             const BulkRefuse *refuse, Error *error)
{
    ParquetPart *part = (ParquetPart *)writer;
    Arena *arena = arena_new(0);
    int32_t *good = ARENA_ARRAY(arena, int32_t, rows.count + 1);
    Selection selection = {.rows = good};
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        const char *problem = parquet_problem(part, batch, row);
        if (problem != NULL)
            refuse->take(refuse->context, row, problem);
        else
            good[selection.count++] = row;
    }
    Status status = OK;
    if (selection.count > 0)
        status = parquet_writer_append(part->writer, batch, selection, part->columns, error);
    arena_free(arena);
    return status;
}

static int64_t parquet_bytes(const BulkWriter *writer)
{
    return parquet_writer_bytes(((const ParquetPart *)writer)->writer);
}

static Status parquet_finish(BulkWriter *writer, const char *path, Error *error)
{
    return parquet_writer_finish(((ParquetPart *)writer)->writer, path, error);
}

static void parquet_free(BulkWriter *writer)
{
    ParquetPart *part = (ParquetPart *)writer;
    if (part == NULL)
        return;
    parquet_writer_free(part->writer);
    arena_free(part->arena);
}

static Status parquet_read(const DecoderSpec *spec, const char *path, int64_t skip_records,
                           BulkReader **out, Error *error)
{
    Arena *arena = arena_new(0);
    Schema wanted = schema_pick(arena, spec->record, spec->columns, spec->column_count);
    ParquetReader *reader = NULL;
    ParquetScan scan = {.wanted = &wanted,
                        .paths = spec->paths,
                        .bounds = spec->bounds,
                        .bound_count = spec->bound_count,
                        .first_row = skip_records};
    Status status = parquet_reader_open(path, &scan, &reader, error);
    *out = (BulkReader *)reader;
    arena_free(arena);
    return status;
}

static Status parquet_next(BulkReader *reader, Batch *into, int32_t capacity, int64_t *taken,
                           Error *error)
{
    ParquetReader *parquet = (ParquetReader *)reader;
    int64_t before = parquet_reader_row(parquet);
    Status status = parquet_reader_next(parquet, into, capacity, error);
    *taken = parquet_reader_row(parquet) - before;
    return status;
}

static void parquet_close(BulkReader *reader)
{
    parquet_reader_free((ParquetReader *)reader);
}

static const BulkKind parquet_kind = {
    .format = "parquet",
    .check = parquet_check,
    .writer_open = parquet_open,
    .append = parquet_append,
    .bytes = parquet_bytes,
    .finish = parquet_finish,
    .writer_free = parquet_free,
    .reader_open = parquet_read,
    .next = parquet_next,
    .reader_free = parquet_close,
};

/* ---- Avro ------------------------------------------------------------------------------------ */

static Status avro_check(Arena *arena, const EncoderSpec *spec, Error *error)
{
    AvroFileWriter *writer;
    (void)arena;
    TRY(avro_file_writer_open(spec, &writer, error));
    avro_file_writer_free(writer);
    return OK;
}

static Status avro_open(const EncoderSpec *spec, BulkWriter **out, Error *error)
{
    AvroFileWriter *writer = NULL;
    TRY(avro_file_writer_open(spec, &writer, error));
    *out = (BulkWriter *)writer;
    return OK;
}

static Status avro_append(BulkWriter *writer, const Batch *batch, Selection rows,
                          const BulkRefuse *refuse, Error *error)
{
    (void)error;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        const char *problem = avro_file_write((AvroFileWriter *)writer, batch, row);
        if (problem != NULL)
            refuse->take(refuse->context, row, problem);
    }
    return OK;
}

static int64_t avro_bytes(const BulkWriter *writer)
{
    return avro_file_bytes((const AvroFileWriter *)writer);
}

static Status avro_finish(BulkWriter *writer, const char *path, Error *error)
{
    return avro_file_finish((AvroFileWriter *)writer, path, error);
}

static void avro_free(BulkWriter *writer)
{
    avro_file_writer_free((AvroFileWriter *)writer);
}

static Status avro_read(const DecoderSpec *spec, const char *path, int64_t skip_records,
                        BulkReader **out, Error *error)
{
    AvroFileReader *reader = NULL;
    Status status = avro_file_open(spec, path, skip_records, &reader, error);
    *out = (BulkReader *)reader;
    return status;
}

static Status avro_next(BulkReader *reader, Batch *into, int32_t capacity, int64_t *taken,
                        Error *error)
{
    return avro_file_next((AvroFileReader *)reader, into, capacity, taken, error);
}

static void avro_close(BulkReader *reader)
{
    avro_file_close((AvroFileReader *)reader);
}

static const BulkKind avro_kind = {
    .format = "avro",
    .check = avro_check,
    .writer_open = avro_open,
    .append = avro_append,
    .bytes = avro_bytes,
    .finish = avro_finish,
    .writer_free = avro_free,
    .reader_open = avro_read,
    .next = avro_next,
    .reader_free = avro_close,
};

const BulkKind *bulk_kind_find(const FormatInfo *format)
{
    static const BulkKind *const kinds[] = {&parquet_kind, &avro_kind};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i]->format, format->name) == 0)
            return kinds[i];
    return NULL;
}
