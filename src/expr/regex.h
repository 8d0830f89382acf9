/* Regular expressions in Java's notation, on PCRE2 with limits.
 *
 * What Java and PCRE2 share is taken as it is: groups, named groups, look-around, possessive
 * and lazy quantifiers, classes, \d \w \s \b \h \R, flags such as (?i). Java's POSIX classes
 * \p{Alpha}, \p{Lower}, … are translated. Not supported: class intersections [a-z&&[^b]]. */
#ifndef WEIR_EXPR_REGEX_H
#define WEIR_EXPR_REGEX_H

#include "base/arena.h"
#include "base/str.h"

typedef struct Regex Regex;

/* In the arena; NULL if the pattern is not valid. */
Regex *regex_compile(Arena *arena, Str pattern);

/* The same for SQL's SIMILAR TO, which matches whole texts; `escape` -1 if there is none. */
Regex *regex_compile_similar(Arena *arena, Str pattern, int escape);

/* Worth it for many texts; does nothing the second time. */
void regex_make_fast(Regex *regex);

typedef enum RegexResult { REGEX_NONE, REGEX_FOUND, REGEX_LIMIT } RegexResult;

/* The first match at or behind byte `from`. */
RegexResult regex_find(Regex *regex, Str text, int64_t from);

/* Of the last match: group 0 is all of it. False if there is no such group; a group that took
 * no part is empty with NULL data. */
bool regex_group(const Regex *regex, Str text, int64_t group, Str *out);

#endif
