/* A JSON text as a tree to walk: simdjson's, behind a face that C can call.
 *
 * An element points into its document and is valid until the document parses another text. Of
 * members with one key the last counts, as Jackson has it; json_members gives all of them. */
#ifndef WEIR_EXPR_JSON_DOCUMENT_H
#define WEIR_EXPR_JSON_DOCUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct JsonDocument JsonDocument;

/* simdjson's own reference into its tape. */
typedef struct JsonElement {
    const void *tape;
    uint64_t index;
} JsonElement;

typedef enum JsonType {
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,      /* fits int64_t */
    JSON_UNSIGNED, /* only uint64_t */
    JSON_REAL,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
} JsonType;

JsonDocument *json_document_new(void);
/* NULL is allowed. */
void json_document_free(JsonDocument *document);

/* Parse one text, of which a copy is made. False if it is not JSON, is nested more than 1,000
 * deep, or has an integer beyond 64 bits; *root is then unset. */
bool json_document_parse(JsonDocument *document, const char *bytes, int64_t length,
                         JsonElement *root);

JsonType json_element_type(JsonElement element);
bool json_element_bool(JsonElement element);         /* of JSON_BOOL */
int64_t json_element_int(JsonElement element);       /* of JSON_INT */
uint64_t json_element_unsigned(JsonElement element); /* of JSON_UNSIGNED */
double json_element_real(JsonElement element);       /* of JSON_REAL */
Str json_element_string(JsonElement element); /* of JSON_STRING; unescaped, in the document */

/* The children of an array or object, one by one: json_next sets *key (unset in arrays). */
typedef struct JsonChildren {
    JsonElement at;
    uint64_t end;
    bool is_object;
} JsonChildren;

JsonChildren json_children(JsonElement element);
bool json_next(JsonChildren *children, Str *key, JsonElement *value);

/* The member of that name, of objects the last of it; false: it is none, or there is none. */
bool json_find_member(JsonElement object, const char *name, JsonElement *out);
/* The same, if it is of that type. */
bool json_find_typed(JsonElement object, const char *name, JsonType type, JsonElement *out);

#ifdef __cplusplus
}
#endif

#endif
