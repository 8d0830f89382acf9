/* Parquet files: batches in, batches out, through DuckDB.
 *
 * A writer collects rows in memory and writes the file in one go; whoever wants files of bounded
 * size and memory looks at parquet_writer_bytes. A reader gives the rows of one file in order.
 * Types: TIMESTAMP is written without a zone (microseconds, nanoseconds above precision 6),
 * TIMESTAMP_LTZ as an instant, DECIMAL as it stands. Format: Apache Parquet, as DuckDB writes
 * it. Neither is safe from several threads at once. */
#ifndef WEIR_LAKE_PARQUET_H
#define WEIR_LAKE_PARQUET_H

#include "base/arena.h"
#include "base/status.h"
#include "data/batch.h"
#include "data/bound.h"
#include "data/schema.h"

typedef struct ParquetWriter ParquetWriter;
typedef struct ParquetReader ParquetReader;

/* Whether values of the type can be written and read. */
bool parquet_takes_type(Type type);

/* An empty file to be. `compression`: SNAPPY, ZSTD, GZIP or UNCOMPRESSED. */
Status parquet_writer_open(const Schema *schema, Str compression, ParquetWriter **out,
                           Error *error);

/* Add the rows; column i of the schema is batch column columns[i]. */
Status parquet_writer_append(ParquetWriter *writer, const Batch *batch, Selection rows,
                             const int32_t *columns, Error *error);

/* About how much memory the rows take. */
int64_t parquet_writer_bytes(const ParquetWriter *writer);
int64_t parquet_writer_rows(const ParquetWriter *writer);

/* Write the file, which must not exist. ERR_FULL, retriable, when there is no room: what was
 * written of it is removed, and the call may be repeated. Not synced. */
Status parquet_writer_finish(ParquetWriter *writer, const char *path, Error *error);

/* NULL is allowed. */
void parquet_writer_free(ParquetWriter *writer);

/* What is read of a file. */
typedef struct ParquetScan {
    const Schema *wanted;   /* columns, by name, as these types */
    const FieldPath *paths; /* of column i only this field, which then is the batch's column; NULL:
                             * all are read whole */
    const ColumnBound *bounds; /* rows that do not meet them may be left out; their columns are
                                  those of `wanted` */
    int32_t bound_count;
    int64_t first_row; /* rows before it are passed over */
} ParquetScan;

/* The scan's parts are borrowed until it returns. ERR_NOT_FOUND; ERR_DECODE: it is no parquet. */
Status parquet_reader_open(const char *path, const ParquetScan *scan, ParquetReader **out,
                           Error *error);

/* The next rows appended to the owned batch, whose first columns are the wanted ones; ERR_END
 * when there are none. */
Status parquet_reader_next(ParquetReader *reader, Batch *into, int32_t capacity, Error *error);

/* How many rows of the file stand before the next one, given out or not. */
int64_t parquet_reader_row(const ParquetReader *reader);

/* NULL is allowed. */
void parquet_reader_free(ParquetReader *reader);

#endif
