/* Units of time, and moments as the calendar functions see them. */
#ifndef WEIR_EXPR_FUNCTIONS_CALENDAR_H
#define WEIR_EXPR_FUNCTIONS_CALENDAR_H

#include "expr/internal.h"

typedef enum CalendarUnit {
    UNIT_NANOSECOND,
    UNIT_MICROSECOND,
    UNIT_MILLISECOND,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_QUARTER,
    UNIT_YEAR,
    UNIT_DECADE,
    UNIT_CENTURY,
    UNIT_MILLENNIUM,
    UNIT_EPOCH,
    UNIT_DOW,
    UNIT_ISODOW,
    UNIT_DOY,
    UNIT_ISOYEAR,
    UNIT_COUNT,
} CalendarUnit;

/* By name, also SQL_TSI_…, DAYOFWEEK and their like; UNIT_COUNT if unknown. */
CalendarUnit calendar_unit(Str name);

/* Microseconds of a unit up to a week; 0 of the longer ones. */
int64_t unit_micros(CalendarUnit unit);

/* ISO 8601: Monday is 1, and the week that holds the year's first Thursday is its first. */
int32_t iso_day_of_week(int32_t days);
int32_t iso_week(int32_t days, int32_t *iso_year);
int32_t day_of_year(int32_t days);

/* Reads a DATE, TIME or timestamp column (precision <= 6) as microseconds of the wall clock:
 * an instant in the session's zone. */
typedef struct MomentArg {
    const Column *column;
    const TimeZone *zone; /* of an instant, else NULL */
    int32_t stride;
} MomentArg;

MomentArg call_moment_arg(const Call *call, int32_t index);
Timestamp moment_arg(const MomentArg *arg, int32_t row);

/* Without a zone: an instant stays one. */
Timestamp moment_utc(const MomentArg *arg, int32_t row);

/* The inverse, into a column of the same type. */
void moment_put(const MomentArg *arg, Column *out, int32_t row, Timestamp local);

/* A date or time argument ready for the above: timestamps of more than 6 digits are cut. */
Status binding_moment(Binding *binding, int32_t index);

/* The unit in the literal `index`, or a message. */
Status binding_unit(Binding *binding, int32_t index, CalendarUnit *unit);

/* FLOOR(t TO unit), CEIL(t TO unit); args (t, unit). */
Status bind_calendar_edge(Binding *binding);
void calendar_edge_kernel(Call *call);

#endif
