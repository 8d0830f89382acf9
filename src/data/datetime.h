/* Dates, times and zones: proleptic Gregorian calendar, as Java's time package counts it.
 *
 * Days are since 1970-01-01, timestamps microseconds since then. Algorithms for civil days:
 * Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". Zones: RFC 8536 files of
 * the system's tz database. */
#ifndef WEIR_DATA_DATETIME_H
#define WEIR_DATA_DATETIME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"
#include "base/str.h"
#include "base/world.h"

typedef int64_t Timestamp; /* microseconds since 1970-01-01T00:00:00 */

enum {
    MICROS_PER_MILLI = 1000,
    MICROS_PER_SECOND = 1000000,
    MILLIS_PER_DAY = 86400000,
};
static const int64_t MICROS_PER_DAY = (int64_t)86400 * MICROS_PER_SECOND;

/* No watermark yet, and the watermark at the end of input. */
static const Timestamp TIMESTAMP_MIN = INT64_MIN;
static const Timestamp TIMESTAMP_MAX = INT64_MAX;

typedef struct CivilTime {
    int32_t year; /* 1 is AD 1, 0 is 1 BC */
    int32_t month, day;
    int32_t hour, minute, second;
    int32_t nanosecond;
} CivilTime;

int32_t days_from_civil(int32_t year, int32_t month, int32_t day);
void civil_from_days(int32_t days, int32_t *year, int32_t *month, int32_t *day);
CivilTime civil_from_micros(Timestamp micros);
Timestamp micros_from_civil(const CivilTime *civil);
bool civil_is_valid(int32_t year, int32_t month, int32_t day);

/* Floor division and its remainder in [0, b): what windows and calendars need below 1970. */
static inline int64_t floor_div(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    return quotient - (a % b != 0 && (a < 0) != (b < 0));
}

static inline int64_t floor_mod(int64_t a, int64_t b)
{
    int64_t remainder = a % b;
    return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

/* Strict readers of the SQL forms; the whole text must match. Fractions beyond the result's
 * resolution are cut. `separator` is ' ' or 'T'. */
bool date_parse(Str text, int32_t *days);                       /* yyyy-MM-dd */
bool time_parse(Str text, int32_t *millis);                     /* HH:mm[:ss[.f…]] */
bool timestamp_parse(Str text, char separator, Timestamp *out); /* date[ sep time] */
bool timestamp_parse_nanos(Str text, char separator, __int128 *out);

/* yyyy-MM-dd; HH:mm:ss[.f with `precision` digits]; both with the separator between. */
void date_print(Buffer *out, int32_t days);
void time_print(Buffer *out, int32_t millis, int32_t precision);
void timestamp_print(Buffer *out, Timestamp micros, int32_t precision, char separator);
void timestamp_print_nanos(Buffer *out, __int128 nanos, int32_t precision, char separator);

/* Add months, clamping the day to the length of the month. */
Timestamp timestamp_add_months(Timestamp micros, int32_t months);

/* A zone by name: "UTC", "Asia/Shanghai", "GMT+08:00". Cached for the life of the process;
 * never freed. ERR_INVALID with a message for unknown names and abbreviations. */
typedef struct TimeZone TimeZone;
Status timezone_find(World *world, Str name, const TimeZone **out, Error *error);
const TimeZone *timezone_utc(void);
Str timezone_name(const TimeZone *zone);

/* Seconds to add to UTC at this instant. */
int32_t timezone_offset_at(const TimeZone *zone, Timestamp utc);

/* Wall clock to instant: in a gap shifted forward, in an overlap the earlier offset. */
Timestamp timezone_to_utc(const TimeZone *zone, Timestamp local);
Timestamp timezone_to_local(const TimeZone *zone, Timestamp utc);

#endif
