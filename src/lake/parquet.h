/* Parquet files, one at a time, written and read through DuckDB.
 *
 * A writer gathers rows in memory and writes the whole file at the end; whoever uses it bounds
 * the rows by rolling to the next file, and gives the file its final name after syncing it. A
 * reader streams the wanted columns, cast to the declared types. One thread at a time each. */
#ifndef WEIR_LAKE_PARQUET_H
#define WEIR_LAKE_PARQUET_H

#include "base/arena.h"
#include "base/status.h"
#include "data/batch.h"

typedef struct ParquetWriter ParquetWriter;
typedef struct ParquetReader ParquetReader;

/* Columns named and typed by `schema` (copied to `arena`, which must outlive the writer).
 * `compression` is snappy, gzip, zstd, lz4 or uncompressed; NULL: snappy. ERR_INVALID for a type
 * that Parquet files of ours do not hold (intervals, collections). */
Status parquet_writer_open(Arena *arena, const Schema *schema, const char *compression,
                           ParquetWriter **out, Error *error);

/* Add the selected rows; column i of the file is batch column columns[i] (NULL: as they are). Row
 * kinds are not looked at. */
Status parquet_writer_append(ParquetWriter *writer, const Batch *batch, const int32_t *columns,
                             Error *error);

int64_t parquet_writer_rows(const ParquetWriter *writer);
/* What the rows weigh uncompressed, for rolling by size. */
int64_t parquet_writer_bytes(const ParquetWriter *writer);

/* Write all rows to `path`, replacing a file there, and begin anew with none. The file is not
 * synced. After ERR_FULL the rows are still there and the call may be repeated. */
Status parquet_writer_finish(ParquetWriter *writer, const char *path, Error *error);

/* Rows not written are dropped. NULL is allowed. */
void parquet_writer_close(ParquetWriter *writer);

/* Read `count` columns of the file: batch column i is record column columns[i], found by its name
 * and cast to its type; NULL where the file lacks it. ERR_DECODE for a file that is not Parquet. */
Status parquet_reader_open(const char *path, const Schema *record, const int32_t *columns,
                           int32_t count, ParquetReader **out, Error *error);

/* Append up to a chunk of rows (2,048 at most) to the owned, empty batch at its columns from
 * `first_column` on. ERR_END behind the last row. */
Status parquet_reader_next(ParquetReader *reader, Batch *into, int32_t first_column, Error *error);

/* NULL is allowed. */
void parquet_reader_close(ParquetReader *reader);

/* Whether the type can stand in a Parquet file of ours. */
bool parquet_supports(Type type);

#endif
