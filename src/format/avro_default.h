/* Values that are given as JSON: defaults of fields, and records. Private to format/. */
#ifndef WEIR_FORMAT_AVRO_DEFAULT_H
#define WEIR_FORMAT_AVRO_DEFAULT_H

#include "expr/json/document.h"
#include "format/avro_schema.h"

/* What the defaults of one schema may come to: a field that a default leaves out gets its own, so
 * that a few lines of a schema can name more bytes than there are. And a default may be tried
 * against each branch of each union in it. */
typedef struct AvroDefaultBudget {
    int64_t bytes; /* that are left */
    int64_t work;  /* values and bytes that may still be looked at */
    bool is_spent; /* more was asked for */
} AvroDefaultBudget;

/* The bytes that a writer of the schema writes for it, in the arena. False: it is no value of it,
 * or the budget is spent. A union takes the first branch that fits. */
bool avro_default_encode(Arena *arena, const AvroSchema *schema, JsonElement value,
                         AvroDefaultBudget *budget, Str *out);

/* The same of a record that is written in JSON, at the end of `out`: the values of unions say which
 * branch they are of. What is not there gets its default. */
bool avro_json_encode(const AvroSchema *schema, JsonElement value, Buffer *out);

#endif
