/* Where the tokens of JSON text begin: the first pass of simdjson, behind a C face.
 *
 * The index lists, ascending, the position of every bracket, brace, colon and comma outside
 * strings, of every opening quote, and of the first byte of every number and literal. One pass
 * covers many records at once, which costs a fraction of one pass for each. Whoever walks the
 * index knows the end of each token from the start of the next. Private to format/. */
#ifndef WEIR_FORMAT_JSON_INDEX_H
#define WEIR_FORMAT_JSON_INDEX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct JsonIndex JsonIndex;

typedef enum JsonIndexResult {
    JSON_INDEX_OK,
    JSON_INDEX_CONTROL,  /* a control character inside a string */
    JSON_INDEX_UNCLOSED, /* a string without its closing quote */
    JSON_INDEX_UTF8,     /* bytes that are not UTF-8 */
    JSON_INDEX_FAILED,   /* anything else */
} JsonIndexResult;

JsonIndex *json_index_new(void);
void json_index_free(JsonIndex *index);

/* Index `length` bytes (> 0). Positions are valid until the next call; only when OK. */
JsonIndexResult json_index_scan(JsonIndex *index, const char *bytes, int64_t length);
const uint32_t *json_index_positions(const JsonIndex *index);
int64_t json_index_count(const JsonIndex *index);

/* Whether the bytes are UTF-8. */
int json_index_is_utf8(const char *bytes, int64_t length);

#ifdef __cplusplus
}
#endif

#endif
