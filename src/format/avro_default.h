/* Defaults of fields, which a schema gives as JSON, as values. Private to format/. */
#ifndef WEIR_FORMAT_AVRO_DEFAULT_H
#define WEIR_FORMAT_AVRO_DEFAULT_H

#include "expr/json/document.h"
#include "format/avro_schema.h"

/* The bytes that a writer of the schema writes for it, in the arena. False: it is no value of it. A
 * union takes the first branch that fits. */
bool avro_default_encode(Arena *arena, const AvroSchema *schema, JsonElement value, Str *out);

#endif
