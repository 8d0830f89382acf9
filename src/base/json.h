/* Writing JSON text, with commas and escapes taken care of. For answers, manifests and
 * sinks; reading JSON is simdjson's work, behind format/. */
#ifndef WEIR_BASE_JSON_H
#define WEIR_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

enum { JSON_DEPTH_MAX = 64 };

/* Zero-initialise with the buffer to write to. Keys and values alternate in objects. */
typedef struct JsonWriter {
    Buffer *out;
    int32_t depth;
    bool has_item[JSON_DEPTH_MAX]; /* a comma is due before the next item */
    bool is_after_key;
} JsonWriter;

void json_begin_object(JsonWriter *json);
void json_end_object(JsonWriter *json);
void json_begin_array(JsonWriter *json);
void json_end_array(JsonWriter *json);
void json_key(JsonWriter *json, const char *key);
void json_key_str(JsonWriter *json, Str key);
void json_text(JsonWriter *json, const char *value);
void json_str(JsonWriter *json, Str value);
void json_int(JsonWriter *json, int64_t value);
void json_bool(JsonWriter *json, bool value);
void json_null(JsonWriter *json);
/* Bytes that are JSON already. */
void json_raw(JsonWriter *json, Str value);

/* The quoted, escaped form alone; bytes that are not UTF-8 become U+FFFD. */
void json_append_quoted(Buffer *out, Str value);

#endif
