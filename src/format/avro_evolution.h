/* What a registry of schemas asks of Avro: one text for all that mean the same schema, and whether
 * what was written by one can be read by another. */
#ifndef WEIR_FORMAT_AVRO_EVOLUTION_H
#define WEIR_FORMAT_AVRO_EVOLUTION_H

#include "base/list.h"
#include "format/avro_schema.h"

/* The schema and its text as Avro's Java library prints it: without white space, members in one
 * order, names as short as they can be; documentation, aliases and properties stay. `is_sorted`:
 * properties, too, are in order. WR3512: it is no schema, and why. */
Status avro_canonical(Arena *arena, const AvroSource *source, bool is_sorted, Str *text,
                      AvroSchema **out, Error *error);

/* Whether whoever reads by the one schema can read all that is written by the other, by the rules
 * of Avro's SchemaCompatibility. ERR_INVALID: no, and why: texts (const char *) are appended.
 * WR3512, ERR_LIMIT: they are too deep or too large to tell. */
Status avro_can_read(Arena *arena, const AvroSchema *reader, const AvroSchema *writer, List *why,
                     Error *error);

#endif
