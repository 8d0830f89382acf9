/* Avro's data as JSON, as Java's JsonEncoder writes it. Private to format/. */
#ifndef WEIR_FORMAT_AVRO_JSON_H
#define WEIR_FORMAT_AVRO_JSON_H

#include "format/avro_schema.h"

/* Append a value of the schema, whose bytes are good. */
void avro_json_print(const AvroSchema *schema, Str bytes, Buffer *out);

#endif
