/* Patterns of Java's DateTimeFormatter ("yyyy-MM-dd'T'HH:mm:ss.SSS"), for printing and reading.
 *
 * Letters: G y u Y M L d D E e a H h K k m s S n N A Q q w W z Z X x V, 'quoted text'. Names of
 * months and days are English. Weeks are those of ISO 8601. Letters not listed make the
 * pattern invalid, as do optional sections. (Java SE documentation, DateTimeFormatter.) */
#ifndef WEIR_EXPR_DATEPATTERN_H
#define WEIR_EXPR_DATEPATTERN_H

#include "base/arena.h"
#include "base/buffer.h"
#include "data/datetime.h"

typedef struct DatePattern DatePattern;

/* In the arena; NULL if it is not valid. */
DatePattern *datepattern_compile(Arena *arena, Str pattern);

/* The wall clock `local`; `zone` and the offset at that instant serve the zone letters. */
void datepattern_print(Buffer *out, const DatePattern *pattern, Timestamp local,
                       const TimeZone *zone, int32_t offset_s);

/* By how much the wall clock moves on, from one whole multiple to the next, before what is printed
 * is another: a day for "yyyy-MM-dd". In microseconds; while the offset stays the same. */
int64_t datepattern_step_us(const DatePattern *pattern);

/* What a text says. Missing fields are those of 1970-01-01T00:00. A day past the end of its
 * month (up to 31) is that month's last, as Java resolves it. */
typedef struct ParsedDate {
    Timestamp local;
    bool has_offset; /* the text named an offset from UTC */
    int32_t offset_s;
} ParsedDate;

bool datepattern_parse(const DatePattern *pattern, Str text, ParsedDate *out);

/* As SimpleDateFormat reads: what follows is not looked at, fields roll over (month 13 is January
 * of the next year), and digits may be fewer or more where no other field follows at once. */
bool datepattern_parse_lenient(const DatePattern *pattern, Str text, ParsedDate *out);

#endif
