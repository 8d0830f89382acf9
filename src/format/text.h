/* Numbers, dates and decimals out of raw text, by the rules the text formats share.
 *
 * Everything here is on the path of every value: the usual forms are read by short loops, the
 * rest is left to data/. Private to format/. */
#ifndef WEIR_FORMAT_TEXT_H
#define WEIR_FORMAT_TEXT_H

#include "data/batch.h"
#include "data/datetime.h"
#include "data/decimal.h"

typedef enum TextResult {
    TEXT_OK,
    TEXT_NULL, /* the value is NULL by rule: a decimal too large for its type */
    TEXT_BAD,  /* not a value of the type */
} TextResult;

/* Dates repeat from row to row: the last one is kept with its day. Zero-initialise. */
typedef struct TextDates {
    char text[16];
    int32_t days;
} TextDates;

/* How the TIMESTAMP types are written: 'SQL' or 'ISO-8601'. */
typedef enum TextTimes { TEXT_TIMES_SQL, TEXT_TIMES_ISO } TextTimes;

/* Space and tabs off both ends: Java's trim. */
static inline Str text_trim(Str text)
{
    while (text.length > 0 && (unsigned char)text.data[0] <= ' ') {
        text.data++;
        text.length--;
    }
    while (text.length > 0 && (unsigned char)text.data[text.length - 1] <= ' ')
        text.length--;
    return text;
}

/* [+-]digits within the bounds, nothing else. */
static inline bool text_integer(Str text, int64_t min, int64_t max, int64_t *out)
{
    const char *at = text.data;
    const char *end = at + text.length;
    bool is_negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (at == end)
        return false;
    uint64_t value = 0;
    if (end - at <= 18) {
        for (; at < end; at++) {
            uint32_t digit = (uint32_t)(unsigned char)*at - '0';
            if (digit > 9)
                return false;
            value = value * 10 + digit;
        }
    } else {
        for (; at < end; at++) {
            uint32_t digit = (uint32_t)(unsigned char)*at - '0';
            if (digit > 9 || __builtin_mul_overflow(value, 10U, &value) ||
                __builtin_add_overflow(value, digit, &value))
                return false;
        }
        if (value > (uint64_t)INT64_MAX + is_negative)
            return false;
    }
    *out = is_negative ? (int64_t)-value : (int64_t)value;
    return *out >= min && *out <= max;
}

static const uint64_t TEXT_POWERS[19] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
};

/* [-]digits[.digits] with at most 18 digits, at most `scale` of them behind the point; false
 * for everything else, which is left to text_decimal. */
static inline bool text_decimal_short(Str text, int32_t precision, int32_t scale, Int128 *out)
{
    const char *at = text.data;
    const char *end = at + text.length;
    bool is_negative = at < end && *at == '-';
    at += is_negative;
    if (end - at > 18 || scale > 18)
        return false;
    uint64_t value = 0;
    uint32_t digit;
    const char *start = at;
    for (; at < end && (digit = (uint32_t)(unsigned char)*at - '0') <= 9; at++)
        value = value * 10 + digit;
    int64_t digits = at - start;
    int64_t fraction = 0;
    if (at < end && *at == '.') {
        start = ++at;
        for (; at < end && (digit = (uint32_t)(unsigned char)*at - '0') <= 9; at++)
            value = value * 10 + digit;
        fraction = at - start;
        digits += fraction;
    }
    if (at != end || digits == 0 || fraction > scale)
        return false;
    Int128 scaled = (Int128)value * (int64_t)TEXT_POWERS[scale - fraction];
    if (precision <= 18 ? scaled >= (int64_t)TEXT_POWERS[precision] : digits + scale > 18)
        return false;
    *out = is_negative ? -scaled : scaled;
    return true;
}

static inline TextResult text_decimal(Str text, int32_t precision, int32_t scale, Int128 *out)
{
    bool is_overflow;
    if (text_decimal_short(text, precision, scale, out) ||
        decimal_parse(text, precision, scale, out, &is_overflow))
        return TEXT_OK;
    return is_overflow ? TEXT_NULL : TEXT_BAD;
}

/* yyyy-MM-dd. */
static inline bool text_date(TextDates *dates, Str text, int32_t *days)
{
    if (text.length != 10)
        return false;
    if (memcmp(dates->text, text.data, 10) != 0) {
        if (!date_parse(text, days))
            return false;
        memcpy(dates->text, text.data, 10);
        dates->days = *days;
    }
    *days = dates->days;
    return true;
}

/* Two digits, or 100 and more. */
static inline uint32_t text_two_digits(const char *at)
{
    uint32_t tens = (uint32_t)(unsigned char)at[0] - '0';
    uint32_t ones = (uint32_t)(unsigned char)at[1] - '0';
    return tens <= 9 && ones <= 9 ? tens * 10 + ones : 100;
}

/* "yyyy-MM-dd HH:mm:ss[.f{1,6}]" in microseconds, uncut; false for everything else, which is left
 * to text_timestamp. */
static inline bool text_timestamp_short(TextDates *dates, Str text, char separator, int64_t *out)
{
    enum { WHOLE_BYTES = 19, FRACTION_BYTES_MAX = 7 };
    const char *at = text.data;
    int64_t more = text.length - WHOLE_BYTES;
    int32_t days;
    if (more < 0 || more == 1 || more > FRACTION_BYTES_MAX || at[10] != separator ||
        at[13] != ':' || at[16] != ':' || !text_date(dates, str_make(at, 10), &days))
        return false;
    uint32_t hour = text_two_digits(at + 11);
    uint32_t minute = text_two_digits(at + 14);
    uint32_t second = text_two_digits(at + 17);
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    uint32_t micros = 0;
    if (more > 0) {
        if (at[WHOLE_BYTES] != '.')
            return false;
        for (int64_t i = 1; i < more; i++) {
            uint32_t digit = (uint32_t)(unsigned char)at[WHOLE_BYTES + i] - '0';
            if (digit > 9)
                return false;
            micros = micros * 10 + digit;
        }
        micros *= (uint32_t)TEXT_POWERS[FRACTION_BYTES_MAX - more];
    }
    *out =
        ((int64_t)days * 86400 + hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND + micros;
    return true;
}

/* HH:mm:ss[.f{0,9}] as milliseconds; what is finer is cut. */
bool text_time(Str text, int32_t *millis);

/* date, separator, HH:mm:ss[.f{0,9}], for LTZ a Z behind it (UTC). Cut to the precision; written
 * in the column's physical (micro- or nanoseconds). */
bool text_timestamp(TextDates *dates, Str text, TextTimes times, Type type, Int128 *out);

#endif
