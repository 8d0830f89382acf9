/* Values that are given as JSON: defaults of fields, and records. Private to format/. */
#ifndef WEIR_FORMAT_AVRO_DEFAULT_H
#define WEIR_FORMAT_AVRO_DEFAULT_H

#include "expr/json/document.h"
#include "format/avro_schema.h"

/* The bytes that a writer of the schema writes for it, in the arena. False: it is no value of it. A
 * union takes the first branch that fits. */
bool avro_default_encode(Arena *arena, const AvroSchema *schema, JsonElement value, Str *out);

/* The same of a record that is written in JSON, at the end of `out`: the values of unions say which
 * branch they are of. What is not there gets its default. */
bool avro_json_encode(const AvroSchema *schema, JsonElement value, Buffer *out);

#endif
