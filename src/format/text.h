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

/* Up to 18 digits in one register; everything else goes to decimal_parse. */
static inline TextResult text_decimal(Str text, int32_t precision, int32_t scale, Int128 *out)
{
    const char *at = text.data;
    const char *end = at + text.length;
    bool is_negative = at < end && *at == '-';
    at += is_negative;
    uint64_t value = 0;
    int64_t digits = 0;
    const char *point = NULL;
    if (end - at <= 18) {
        for (; at < end; at++) {
            uint32_t digit = (uint32_t)(unsigned char)*at - '0';
            if (digit <= 9) {
                value = value * 10 + digit;
                digits++;
            } else if (*at == '.' && point == NULL) {
                point = at;
            } else {
                break;
            }
        }
        int64_t fraction = point == NULL ? 0 : end - point - 1;
        if (at == end && digits > 0 && fraction <= scale) {
            Int128 scaled = (Int128)value * decimal_power10(scale - (int32_t)fraction);
            if (scaled >= decimal_power10(precision))
                return TEXT_NULL;
            *out = is_negative ? -scaled : scaled;
            return TEXT_OK;
        }
    }
    bool is_overflow;
    if (decimal_parse(text, precision, scale, out, &is_overflow))
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

/* HH:mm:ss[.f{0,9}] as milliseconds; what is finer is cut. */
bool text_time(Str text, int32_t *millis);

/* date, separator, HH:mm:ss[.f{0,9}], for LTZ a Z behind it (UTC). Cut to the precision; written
 * in the column's physical (micro- or nanoseconds). */
bool text_timestamp(TextDates *dates, Str text, TextTimes times, Type type, Int128 *out);

#endif
