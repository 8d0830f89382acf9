/* The calendar: civil days, reading and printing of dates and times. */
#include "data/datetime.h"

#include <assert.h>

enum {
    DAYS_PER_ERA = 146097, /* 400 years */
    NANOS_PER_MICRO = 1000,
    NANOS_PER_SECOND = 1000000000,
    SECONDS_PER_DAY = 86400,
};

int32_t days_from_civil(int32_t year, int32_t month, int32_t day)
{
    assert(month >= 1 && month <= 12);
    year -= month <= 2;
    int32_t era = (int32_t)floor_div(year, 400);
    int32_t year_of_era = year - era * 400;
    int32_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - 719468;
}

void civil_from_days(int32_t days, int32_t *year, int32_t *month, int32_t *day)
{
    int64_t shifted = (int64_t)days + 719468;
    int64_t era = floor_div(shifted, DAYS_PER_ERA);
    int32_t day_of_era = (int32_t)(shifted - era * DAYS_PER_ERA);
    int32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int32_t month_index = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * month_index + 2) / 5 + 1;
    *month = month_index < 10 ? month_index + 3 : month_index - 9;
    *year = (int32_t)(year_of_era + era * 400) + (*month <= 2);
}

bool civil_is_valid(int32_t year, int32_t month, int32_t day)
{
    static const int8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1)
        return false;
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= lengths[month - 1] + (month == 2 && is_leap);
}

CivilTime civil_from_micros(Timestamp micros)
{
    CivilTime civil;
    int64_t day_micros = floor_mod(micros, MICROS_PER_DAY);
    int32_t days = (int32_t)floor_div(micros, MICROS_PER_DAY);
    civil_from_days(days, &civil.year, &civil.month, &civil.day);
    int32_t seconds = (int32_t)(day_micros / MICROS_PER_SECOND);
    civil.hour = seconds / 3600;
    civil.minute = seconds / 60 % 60;
    civil.second = seconds % 60;
    civil.nanosecond = (int32_t)(day_micros % MICROS_PER_SECOND) * NANOS_PER_MICRO;
    return civil;
}

Timestamp micros_from_civil(const CivilTime *civil)
{
    int64_t days = days_from_civil(civil->year, civil->month, civil->day);
    int64_t seconds = civil->hour * 3600 + civil->minute * 60 + civil->second;
    return days * MICROS_PER_DAY + seconds * MICROS_PER_SECOND +
           civil->nanosecond / NANOS_PER_MICRO;
}

Timestamp timestamp_add_months(Timestamp micros, int32_t months)
{
    int64_t day_micros = floor_mod(micros, MICROS_PER_DAY);
    int32_t year, month, day;
    civil_from_days((int32_t)floor_div(micros, MICROS_PER_DAY), &year, &month, &day);
    int64_t index = (int64_t)year * 12 + month - 1 + months;
    year = (int32_t)floor_div(index, 12);
    month = (int32_t)floor_mod(index, 12) + 1;
    while (!civil_is_valid(year, month, day))
        day--;
    return days_from_civil(year, month, day) * MICROS_PER_DAY + day_micros;
}

/* `count` digits, or -1. */
static int32_t digits_take(const char *at, int32_t count)
{
    int32_t value = 0;
    for (int32_t i = 0; i < count; i++) {
        uint32_t digit = (uint32_t)(unsigned char)at[i] - '0';
        if (digit > 9)
            return -1;
        value = value * 10 + (int32_t)digit;
    }
    return value;
}

bool date_parse(Str text, int32_t *days)
{
    if (text.length != 10 || text.data[4] != '-' || text.data[7] != '-')
        return false;
    int32_t year = digits_take(text.data, 4);
    int32_t month = digits_take(text.data + 5, 2);
    int32_t day = digits_take(text.data + 8, 2);
    if ((year | month | day) < 0 || !civil_is_valid(year, month, day))
        return false;
    *days = days_from_civil(year, month, day);
    return true;
}

/* ".f…" as nanoseconds; digits beyond nine are read and cut. */
static bool fraction_parse(Str text, int32_t *nanos)
{
    *nanos = 0;
    if (text.length == 0)
        return true;
    if (text.data[0] != '.' || text.length == 1)
        return false;
    int32_t scale = NANOS_PER_SECOND;
    for (int64_t i = 1; i < text.length; i++) {
        uint32_t digit = (uint32_t)(unsigned char)text.data[i] - '0';
        if (digit > 9)
            return false;
        scale /= 10;
        *nanos += (int32_t)digit * scale;
    }
    return true;
}

/* HH:mm[:ss[.f…]] as seconds and nanoseconds. */
static bool clock_parse(Str text, int32_t *seconds, int32_t *nanos)
{
    if (text.length < 5 || text.data[2] != ':')
        return false;
    int32_t hour = digits_take(text.data, 2);
    int32_t minute = digits_take(text.data + 3, 2);
    if ((hour | minute) < 0 || hour > 23 || minute > 59)
        return false;
    *seconds = hour * 3600 + minute * 60;
    *nanos = 0;
    if (text.length == 5)
        return true;
    if (text.length < 8 || text.data[5] != ':')
        return false;
    int32_t second = digits_take(text.data + 6, 2);
    if (second < 0 || second > 59)
        return false;
    *seconds += second;
    return fraction_parse(str_make(text.data + 8, text.length - 8), nanos);
}

bool time_parse(Str text, int32_t *millis)
{
    int32_t seconds, nanos;
    if (!clock_parse(text, &seconds, &nanos))
        return false;
    *millis = seconds * 1000 + nanos / (NANOS_PER_MICRO * MICROS_PER_MILLI);
    return true;
}

static bool timestamp_split(Str text, char separator, int64_t *seconds, int32_t *nanos)
{
    int32_t days;
    if (text.length < 10 || !date_parse(str_make(text.data, 10), &days))
        return false;
    int32_t clock = 0;
    *nanos = 0;
    if (text.length > 10) {
        if (text.data[10] != separator)
            return false;
        if (!clock_parse(str_make(text.data + 11, text.length - 11), &clock, nanos))
            return false;
    }
    *seconds = (int64_t)days * SECONDS_PER_DAY + clock;
    return true;
}

bool timestamp_parse(Str text, char separator, Timestamp *out)
{
    int64_t seconds;
    int32_t nanos;
    if (!timestamp_split(text, separator, &seconds, &nanos))
        return false;
    *out = seconds * MICROS_PER_SECOND + nanos / NANOS_PER_MICRO;
    return true;
}

bool timestamp_parse_nanos(Str text, char separator, __int128 *out)
{
    int64_t seconds;
    int32_t nanos;
    if (!timestamp_split(text, separator, &seconds, &nanos))
        return false;
    *out = (__int128)seconds * NANOS_PER_SECOND + nanos;
    return true;
}

static char *two_digits(char *at, int32_t value)
{
    at[0] = (char)('0' + value / 10);
    at[1] = (char)('0' + value % 10);
    return at + 2;
}

void date_print(Buffer *out, int32_t days)
{
    int32_t year, month, day;
    civil_from_days(days, &year, &month, &day);
    if (year < 0 || year > 9999) {
        buffer_printf(out, "%s%04d-%02d-%02d", year < 0 ? "-" : "+", year < 0 ? -year : year, month,
                      day);
        return;
    }
    char *at = buffer_reserve(out, 10);
    at = two_digits(two_digits(at, year / 100), year % 100);
    *at++ = '-';
    at = two_digits(at, month);
    *at++ = '-';
    two_digits(at, day);
    out->length += 10;
}

/* HH:mm:ss and `precision` digits of the nanoseconds. */
static void clock_print(Buffer *out, int32_t seconds, int32_t nanos, int32_t precision)
{
    assert(precision >= 0 && precision <= 9);
    char *start = buffer_reserve(out, 8 + 1 + 9);
    char *at = two_digits(start, seconds / 3600);
    *at++ = ':';
    at = two_digits(at, seconds / 60 % 60);
    *at++ = ':';
    at = two_digits(at, seconds % 60);
    if (precision > 0)
        *at++ = '.';
    int32_t scale = NANOS_PER_SECOND / 10;
    for (int32_t i = 0; i < precision; i++, scale /= 10)
        *at++ = (char)('0' + nanos / scale % 10);
    out->length += at - start;
}

void time_print(Buffer *out, int32_t millis, int32_t precision)
{
    assert(millis >= 0 && millis < MILLIS_PER_DAY);
    clock_print(out, millis / 1000, millis % 1000 * 1000000, precision);
}

void timestamp_print(Buffer *out, Timestamp micros, int32_t precision, char separator)
{
    timestamp_print_nanos(out, (__int128)micros * NANOS_PER_MICRO, precision, separator);
}

void timestamp_print_nanos(Buffer *out, __int128 nanos, int32_t precision, char separator)
{
    const __int128 day_nanos = (__int128)SECONDS_PER_DAY * NANOS_PER_SECOND;
    __int128 day = nanos / day_nanos;
    if (nanos - day * day_nanos < 0)
        day--;
    int64_t rest = (int64_t)(nanos - day * day_nanos);
    date_print(out, (int32_t)day);
    buffer_append_char(out, separator);
    clock_print(out, (int32_t)(rest / NANOS_PER_SECOND), (int32_t)(rest % NANOS_PER_SECOND),
                precision);
}
