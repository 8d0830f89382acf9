/* Files of Avro (object container files): the schema that they were written by, then blocks of
 * records, each packed by itself, with a mark between them.
 *
 *     Obj 1 │ avro.schema, avro.codec │ mark ║ count │ bytes │ records … │ mark ║ count │ …
 *
 * Specification: Apache Avro 1.12, "Object Container Files". Of one thread each. */
#ifndef WEIR_FORMAT_AVRO_FILE_H
#define WEIR_FORMAT_AVRO_FILE_H

#include "format/format.h"

typedef struct AvroFileReader AvroFileReader;
typedef struct AvroFileWriter AvroFileWriter;

/* A file of the table that the spec has, behind its first `skip_records`. WR3403, ERR_DECODE: it is
 * none, or is packed in a way that is not known here. WR3513: its schema does not go with the
 * table's. Records that cannot be read go to the spec's reject, with their number as offset. */
Status avro_file_open(const DecoderSpec *spec, const char *path, int64_t skip_records,
                      AvroFileReader **out, Error *error);

/* The next rows, of up to `capacity` records, appended to the owned batch; `*taken` gets how many
 * records they were, with those that were rejected, which may be all of them. ERR_END: there are
 * none. ERR_DECODE (WR3403): the file is damaged here. */
Status avro_file_next(AvroFileReader *reader, Batch *into, int32_t capacity, int64_t *taken,
                      Error *error);

/* NULL is allowed. */
void avro_file_close(AvroFileReader *reader);

/* A file to be, in memory, by the options of the avro format: codec, timestamp_mapping.legacy.
 * WR3504: it has no form for a column. */
Status avro_file_writer_open(const EncoderSpec *spec, AvroFileWriter **out, Error *error);

/* Add a row. NULL, or why it cannot be written, until the next call. */
const char *avro_file_write(AvroFileWriter *writer, const Batch *batch, int32_t row);

/* What is in memory. */
int64_t avro_file_bytes(const AvroFileWriter *writer);

/* Write the file; what stands under the path is overwritten. ERR_FULL, retriable, when there is no
 * room; the call may be repeated. Not synced. */
Status avro_file_finish(AvroFileWriter *writer, const char *path, Error *error);

/* NULL is allowed. */
void avro_file_writer_free(AvroFileWriter *writer);

#endif
