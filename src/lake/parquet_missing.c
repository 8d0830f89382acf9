/* Parquet in a build without DuckDB's header: every call says so. */
#include "lake/parquet.h"

static Status missing(Error *error)
{
    Status status = fail(error, ERR_INVALID, "WR3461", "this build of weir has no parquet");
    error_hint(error, "run tools/setup and build again");
    return status;
}

bool parquet_takes_type(Type type)
{
    for (int32_t i = 0; i < type.child_count; i++)
        if (!parquet_takes_type(type.children[i]))
            return false;
    return type_physical(type) != PHYSICAL_NONE;
}

Status parquet_writer_open(const Schema *schema, Str compression, ParquetWriter **out, Error *error)
{
    (void)schema, (void)compression, (void)out;
    return missing(error);
}

Status parquet_writer_append(ParquetWriter *writer, const Batch *batch, Selection rows,
                             const int32_t *columns, Error *error)
{
    (void)writer, (void)batch, (void)rows, (void)columns;
    return missing(error);
}

int64_t parquet_writer_bytes(const ParquetWriter *writer)
{
    (void)writer;
    return 0;
}

int64_t parquet_writer_rows(const ParquetWriter *writer)
{
    (void)writer;
    return 0;
}

Status parquet_writer_finish(ParquetWriter *writer, const char *path, Error *error)
{
    (void)writer, (void)path;
    return missing(error);
}

void parquet_writer_free(ParquetWriter *writer)
{
    (void)writer;
}

Status parquet_reader_open(const char *path, const ParquetScan *scan, ParquetReader **out,
                           Error *error)
{
    (void)path, (void)scan, (void)out;
    return missing(error);
}

Status parquet_reader_next(ParquetReader *reader, Batch *into, int32_t capacity, Error *error)
{
    (void)reader, (void)into, (void)capacity;
    return missing(error);
}

int64_t parquet_reader_row(const ParquetReader *reader)
{
    (void)reader;
    return 0;
}

void parquet_reader_free(ParquetReader *reader)
{
    (void)reader;
}
