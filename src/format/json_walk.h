/* A walk over the tokens of one JSON record. Private to format/. */
#ifndef WEIR_FORMAT_JSON_WALK_H
#define WEIR_FORMAT_JSON_WALK_H

#include <stdbool.h>

#include "base/str.h"
#include "format/json_index.h"

/* Tokens at `at` and up to the first one at or behind `end` belong to the record. The index
 * ends with a position behind all records, so the walk needs no count. */
typedef struct JsonWalk {
    const char *base;
    const uint32_t *at;
    uint32_t end;
} JsonWalk;

/* The first byte of the next token, whose position goes to `position`; '\0' at the end. */
static inline char json_walk_next(JsonWalk *walk, uint32_t *position)
{
    uint32_t here = *walk->at;
    if (here >= walk->end)
        return '\0';
    walk->at++;
    *position = here;
    return walk->base[here];
}

/* Where the token that was taken last ends at the latest: at the next one. */
static inline uint32_t json_walk_limit(const JsonWalk *walk)
{
    uint32_t next = *walk->at;
    return next < walk->end ? next : walk->end;
}

static inline bool json_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The bytes of the scalar that begins at `start` (the token taken last), without the white
 * space behind it; a string has its quotes still. */
static inline Str json_walk_scalar(const JsonWalk *walk, uint32_t start)
{
    uint32_t end = json_walk_limit(walk);
    while (end > start && json_is_space(walk->base[end - 1]))
        end--;
    return str_make(walk->base + start, end - start);
}

/* Past the object or array whose bracket was taken last. False when it does not end. */
static inline bool json_walk_skip_nested(JsonWalk *walk, uint32_t *last)
{
    int32_t depth = 1;
    while (depth > 0) {
        char c = json_walk_next(walk, last);
        if (c == '\0')
            return false;
        depth += (c == '{') | (c == '[');
        depth -= (c == '}') | (c == ']');
    }
    return true;
}

/* Whether a string, number or literal can begin with this byte. */
static inline bool json_begins_scalar(char c)
{
    return c == '"' || (c >= '0' && c <= '9') || c == '-' || c == 't' || c == 'f' || c == 'n';
}

/* Whether a value can begin with this byte. */
static inline bool json_begins_value(char c)
{
    return json_begins_scalar(c) || c == '{' || c == '[';
}

#endif
