/* A compiled pattern from within, for both ways of reading. */
#ifndef WEIR_EXPR_DATEPATTERN_PARTS_H
#define WEIR_EXPR_DATEPATTERN_PARTS_H

#include "expr/datepattern.h"

typedef struct PatternPart {
    char letter; /* 0: the text */
    int32_t count;
    Str text;
} PatternPart;

struct DatePattern {
    PatternPart *parts;
    int32_t count;
    bool has_weeks;  /* a letter needs the ISO week */
    int64_t step_us; /* of the wall clock, from one whole multiple to the next, prints alike */
};

/* English names; a short one is the first three letters. */
extern const char *const MONTHS[12], *const DAYS[7];

#endif
