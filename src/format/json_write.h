/* Rows as JSON objects. Shared by json and the change formats. Private to format/. */
#ifndef WEIR_FORMAT_JSON_WRITE_H
#define WEIR_FORMAT_JSON_WRITE_H

#include "format/format.h"
#include "format/text.h"

typedef struct JsonField {
    Str key; /* quoted, with its colon: "name": */
    int32_t column;
} JsonField;

/* Entries of maps whose key is NULL. */
typedef enum JsonNullKeys { NULL_KEYS_FAIL, NULL_KEYS_DROPPED, NULL_KEYS_NAMED } JsonNullKeys;

typedef struct JsonObject {
    JsonField *fields;
    int32_t count;
    bool writes_plain_decimals;
    bool skips_nulls;
    TextTimes times;
    JsonNullKeys null_keys;
    Str null_key; /* quoted, of NULL_KEYS_NAMED */
} JsonObject;

/* ERR_INVALID when a column has a type that is not written to JSON. */
Status json_object_open(Arena *arena, const EncoderSpec *spec, JsonObject *object, Error *error);
/* NULL, or why the row cannot be written. */
const char *json_object_write(const JsonObject *object, const Batch *batch, int32_t row,
                              Buffer *out);

#endif
