/* The POSIX TZ rule at the end of a tz file (RFC 8536, section 3.3): "CET-1CEST,M3.5.0,M10.5.0/3".
 * Private to data/. */
#ifndef WEIR_DATA_TZRULE_H
#define WEIR_DATA_TZRULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

typedef enum TzDayForm { TZ_DAY_MONTH_WEEK, TZ_DAY_JULIAN, TZ_DAY_OF_YEAR } TzDayForm;

typedef struct TzDay {
    TzDayForm form;
    int32_t month, week, weekday; /* TZ_DAY_MONTH_WEEK; week 5 is the last */
    int32_t day;                  /* J1 … J365 without 29 February; 0 … 365 with it */
    int32_t second;               /* local time of the change, may be negative or above a day */
} TzDay;

typedef struct TzRule {
    int32_t standard_offset; /* seconds east of Greenwich */
    bool has_summer;
    int32_t summer_offset;
    TzDay start, end;
} TzRule;

bool tzrule_parse(Str text, TzRule *rule);

/* Seconds to add to UTC at this second since 1970. */
int32_t tzrule_offset_at(const TzRule *rule, int64_t second);

#endif
