/* Rows as Avro's binary data. Private to format/. */
#ifndef WEIR_FORMAT_AVRO_WRITE_H
#define WEIR_FORMAT_AVRO_WRITE_H

#include "format/avro_schema.h"
#include "format/format.h"

typedef struct AvroWriter AvroWriter;

/* Rows of the spec's columns as records of the schema. WR3513: the two do not go together, and
 * where. */
Status avro_writer_new(Arena *arena, const EncoderSpec *spec, const AvroSchema *schema,
                       AvroWriter **out, Error *error);

/* Append a row. NULL, or why it cannot be written, until the next call. */
const char *avro_write(AvroWriter *writer, const Batch *batch, int32_t row, Buffer *out);

#endif
