/* JSON text as it comes in requests: one value or an array of them taken apart, checked, and looked
 * into for a member. Nothing is converted. */
#ifndef WEIR_FORMAT_JSON_RECORDS_H
#define WEIR_FORMAT_JSON_RECORDS_H

#include "base/arena.h"
#include "base/buffer.h"

/* One per thread. */
typedef struct JsonRecords JsonRecords;

JsonRecords *json_records_new(void);
/* NULL is allowed. */
void json_records_free(JsonRecords *records);

/* In all calls `text` is readable for DECODER_PADDING bytes behind its end. */

/* The elements of an array, or the one value that is no array, as they stand in `text`; they are
 * not looked into. NULL, or why it is neither. */
const char *json_records_split(JsonRecords *records, Str text, Arena *arena, Str **out,
                               int32_t *count);

/* NULL if this is one JSON value, or why it is none. Escapes inside strings are not looked at. */
const char *json_records_fault(JsonRecords *records, Str text);

/* The value of a member of the object: the text of a string, or what stands there. False if there
 * is none, if it is null, or an object or array. `out` points into `text` or `scratch`. */
bool json_records_member(JsonRecords *records, Str text, Str name, Buffer *scratch, Str *out);

/* Whether it is UTF-8, JSON or not. */
bool json_records_is_utf8(Str text);

#endif
