/* Avro's binary data into columns: what one schema wrote, read as the columns of a table.
 *
 * The writer's schema is resolved once against the columns (and the reader's schema, where there is
 * one): fields by name or alias, promotions, defaults, unions by their branch. Reading then follows
 * the writer's order. Private to format/. */
#ifndef WEIR_FORMAT_AVRO_READ_H
#define WEIR_FORMAT_AVRO_READ_H

#include "data/nested.h"
#include "format/avro_schema.h"
#include "format/format.h"

enum { AVRO_REASON_BYTES = 256 };

typedef struct AvroReader AvroReader;

/* What goes on while records are read. Zero-initialise; free with avro_reading_free. */
typedef struct AvroReading {
    NestedBuilder builder;
    const char *code; /* of the last failure */
    char reason[AVRO_REASON_BYTES];
} AvroReading;

void avro_reading_free(AvroReading *reading);

/* The wanted columns of the spec out of records of `writer`. `reader`: the schema that the table
 * stands for, by which defaults, aliases and symbols go; NULL: columns that are not there are NULL,
 * if they may be. WR3513: the schemas do not go together, and where. */
Status avro_reader_new(Arena *arena, const DecoderSpec *spec, const AvroSchema *writer,
                       const AvroSchema *reader, AvroReader **out, Error *error);

/* A message that is one record and nothing else, as the next row of the batch. False: it is none,
 * and `reading` says why. */
bool avro_read_message(const AvroReader *reader, AvroReading *reading, Str message, Batch *into,
                       int32_t capacity);

/* The first of some records, as avro_read_message; `data` comes to be behind it, also if it cannot
 * be read, or to be no data at all: then nobody knows where the next one begins. */
bool avro_read_next(const AvroReader *reader, AvroReading *reading, Str *data, Batch *into,
                    int32_t capacity);

/* Step over a value of the schema. False: it is none, and `data` is no data. */
bool avro_skip_next(const AvroSchema *schema, AvroReading *reading, Str *data);

#endif
