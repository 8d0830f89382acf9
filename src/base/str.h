/* Text as pointer and length. A Str borrows its bytes and need not be terminated; whoever
 * hands one out says how long the bytes live. */
#ifndef WEIR_BASE_STR_H
#define WEIR_BASE_STR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"

typedef struct Str {
    const char *data; /* may be NULL when length is 0 */
    int64_t length;   /* bytes */
} Str;

/* For printf: `printf("%.*s", STR_ARGS(name))`. */
#define STR_ARGS(str) (int)(str).length, (str).data
#define STR(literal) ((Str){.data = (literal), .length = (int64_t)sizeof(literal) - 1})

static inline Str str_from(const char *terminated)
{
    return (Str){.data = terminated, .length = (int64_t)strlen(terminated)};
}

static inline Str str_make(const char *data, int64_t length)
{
    return (Str){.data = data, .length = length};
}

static inline bool str_equal(Str a, Str b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, (size_t)a.length) == 0);
}

static inline bool str_is(Str a, const char *terminated)
{
    return str_equal(a, str_from(terminated));
}

/* Compare as unsigned bytes, a shorter prefix first: < 0, 0 or > 0. */
int str_compare(Str a, Str b);

/* Equal when ASCII letters are folded. */
bool str_equal_ignoring_case(Str a, Str b);

bool str_has_prefix(Str str, Str prefix);
bool str_has_suffix(Str str, Str suffix);

/* Byte position of the first `needle`, or -1. */
int64_t str_find(Str haystack, Str needle);

/* Without ASCII white space at both ends; borrows the same bytes. */
Str str_trim(Str str);

/* Cut at the first `separator`: returns what is before it and leaves in `rest` what is
 * behind it. Without a separator all of it is returned and `rest` is empty with NULL data. */
Str str_split(Str str, char separator, Str *rest);

/* A copy in the arena; always terminated behind its last byte. */
Str str_copy(Arena *arena, Str str);
const char *str_terminated(Arena *arena, Str str);

/* Upper or lower case for ASCII letters, copied. */
Str str_to_lower(Arena *arena, Str str);

/* Decimal integers, whole text, optional sign. False on anything else or overflow. */
bool str_parse_int64(Str str, int64_t *out);

/* Damerau-Levenshtein distance, ASCII case folded, counted up to `limit` + 1. For "did you
 * mean"; texts over 64 bytes count as far apart. */
int str_edit_distance(Str a, Str b, int limit);

#endif
