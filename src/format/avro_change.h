/* Changes as Debezium writes them in Avro: a record with the row before, the row after and what was
 * done. Private to format/. */
#ifndef WEIR_FORMAT_AVRO_CHANGE_H
#define WEIR_FORMAT_AVRO_CHANGE_H

#include "format/avro_read.h"

typedef struct AvroChanges AvroChanges;
typedef struct AvroChangeWriter AvroChangeWriter;

/* {before ROW<…>, after ROW<…>, op STRING} of these columns. */
Schema avro_change_envelope(Arena *arena, const Schema *record);

/* Rows of the spec's columns out of changes of `writer`; `reader` is the schema of the envelope.
 * WR3513: it is no schema of changes, or does not go with the columns. */
Status avro_changes_new(Arena *arena, const DecoderSpec *spec, const AvroSchema *writer,
                        const AvroSchema *reader, AvroChanges **out, Error *error);

/* A message that is one change and nothing else, as one or two rows of the batch, which has kinds
 * and room for two. False: it is none, and `reading` says why. */
bool avro_changes_read(const AvroChanges *changes, AvroReading *reading, Str message, Batch *into,
                       int32_t capacity);

/* Rows of the spec as changes of the schema of an envelope. WR3513: they cannot be. */
Status avro_change_writer_new(Arena *arena, const EncoderSpec *spec, const AvroSchema *schema,
                              AvroChangeWriter **out, Error *error);
/* As avro_write. */
const char *avro_change_write(AvroChangeWriter *writer, const Batch *batch, int32_t row,
                              Buffer *out);

#endif
