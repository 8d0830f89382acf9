/* Times out of raw text. */
#include "format/text.h"

enum { NANOS_PER_SECOND = 1000000000, DATE_BYTES = 10, CLOCK_BYTES = 8, FRACTION_DIGITS_MAX = 9 };

static const int32_t POWERS[FRACTION_DIGITS_MAX + 1] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000};

/* ".f{0,9}" as nanoseconds; Java takes the lone point too. */
static bool text_fraction(const char *at, const char *end, int32_t *nanos)
{
    *nanos = 0;
    if (at == end)
        return true;
    int64_t count = end - at - 1;
    if (*at != '.' || count > FRACTION_DIGITS_MAX)
        return false;
    int32_t value = 0;
    for (at++; at < end; at++) {
        uint32_t digit = (uint32_t)(unsigned char)*at - '0';
        if (digit > 9)
            return false;
        value = value * 10 + (int32_t)digit;
    }
    *nanos = value * POWERS[FRACTION_DIGITS_MAX - count];
    return true;
}

/* HH:mm:ss[.f]; `needs_seconds` false takes HH:mm too. */
static bool text_clock(Str text, bool needs_seconds, int32_t *seconds, int32_t *nanos)
{
    if (text.length < 5 || text.data[2] != ':')
        return false;
    uint32_t hour = text_two_digits(text.data);
    uint32_t minute = text_two_digits(text.data + 3);
    if (hour > 23 || minute > 59)
        return false;
    *seconds = (int32_t)(hour * 3600 + minute * 60);
    *nanos = 0;
    if (text.length == 5)
        return !needs_seconds;
    if (text.length < CLOCK_BYTES || text.data[5] != ':')
        return false;
    uint32_t second = text_two_digits(text.data + 6);
    if (second > 59)
        return false;
    *seconds += (int32_t)second;
    return text_fraction(text.data + CLOCK_BYTES, text.data + text.length, nanos);
}

bool text_time(Str text, int32_t *millis)
{
    int32_t seconds, nanos;
    if (!text_clock(text, true, &seconds, &nanos))
        return false;
    *millis = seconds * 1000 + nanos / 1000000;
    return true;
}

bool text_timestamp(TextDates *dates, Str text, TextTimes times, Type type, Int128 *out)
{
    if (type.id == TYPE_TIMESTAMP_LTZ) {
        if (text.length == 0 || text.data[text.length - 1] != 'Z')
            return false;
        text.length--;
    }
    if (text.length <= DATE_BYTES)
        return false;
    char separator = text.data[DATE_BYTES];
    if (times == TEXT_TIMES_SQL ? separator != ' ' : separator != 'T' && separator != 't')
        return false;
    int32_t days, seconds, nanos;
    Str clock = str_make(text.data + DATE_BYTES + 1, text.length - DATE_BYTES - 1);
    if (!text_date(dates, str_make(text.data, DATE_BYTES), &days) ||
        !text_clock(clock, times == TEXT_TIMES_SQL, &seconds, &nanos))
        return false;
    nanos -= nanos % POWERS[FRACTION_DIGITS_MAX - type.precision];
    int64_t whole = (int64_t)days * 86400 + seconds;
    if (type.precision > 6)
        *out = (Int128)whole * NANOS_PER_SECOND + nanos;
    else
        *out = whole * MICROS_PER_SECOND + nanos / 1000;
    return true;
}
