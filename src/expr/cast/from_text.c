/* Casts of texts to everything else: what Flink takes, to the letter. Numbers and dates are trimmed
 * first; booleans and timestamps are not. */
#include "data/decimal.h"
#include "data/real.h"
#include "expr/cast/cast.h"

enum {
    NANOS_PER_MICRO = 1000,
    YEAR_MAX = 294246, /* what microseconds since 1970 reach */
};

/* ---- BOOLEAN --------------------------------------------------------------------------- */

static bool is_any_of(Str text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (str_equal_ignoring_case(text, str_from(*words)))
            return true;
    return false;
}

static void text_to_boolean(Call *call)
{
    static const char *const truths[] = {"t", "true", "y", "yes", "1", NULL};
    static const char *const lies[] = {"f", "false", "n", "no", "0", NULL};
    StrArg arg = call_str_arg(call, 0);
    uint8_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_arg(&arg, row);
        out[row] = is_any_of(text, truths);
        if (!out[row] && !is_any_of(text, lies))
            cast_fail_text(call, row, str_arg(&arg, row));
    }
}

/* ---- Numbers --------------------------------------------------------------------------- */

typedef enum Parsed { PARSED, PARSED_BAD, PARSED_RANGE } Parsed;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A sign, digits, and a fraction that is dropped: '12.9' is 12. */
static Parsed parse_integer(Str text, int64_t min, int64_t max, int64_t *out)
{
    const char *at = text.data;
    const char *end = at + text.length;
    bool is_negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    uint64_t limit = is_negative ? (uint64_t)0 - (uint64_t)min : (uint64_t)max;
    uint64_t value = 0;
    const char *digits = at;
    bool is_over = false;
    for (; at < end && is_digit(*at); at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        is_over = is_over || value > (limit - digit) / 10;
        value = value * 10 + digit;
    }
    bool has_value = at > digits;
    if (at < end && *at == '.') {
        has_value = true; /* a point alone is 0 */
        at++;
        while (at < end && is_digit(*at))
            at++;
    }
    if (at < end || !has_value)
        return PARSED_BAD;
    *out = (int64_t)(is_negative ? 0 - value : value);
    return is_over ? PARSED_RANGE : PARSED;
}

static void text_to_integer(Call *call)
{
    StrArg arg = call_str_arg(call, 0);
    int32_t bits = physical_bytes(call->out.physical) * 8;
    int64_t max = (int64_t)(UINT64_MAX >> (65 - bits));
    void *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int64_t value = 0;
        Parsed parsed = parse_integer(str_trim(str_arg(&arg, row)), -max - 1, max, &value);
        if (parsed == PARSED_BAD)
            cast_fail_text(call, row, str_arg(&arg, row));
        else if (parsed == PARSED_RANGE)
            cast_fail_range(call, row, str_arg(&arg, row));
        switch (bits) {
        case 8: ((int8_t *)out)[row] = (int8_t)value; break;
        case 16: ((int16_t *)out)[row] = (int16_t)value; break;
        case 32: ((int32_t *)out)[row] = (int32_t)value; break;
        default: ((int64_t *)out)[row] = value; break;
        }
    }
}

bool text_to_real(Str text, double *out)
{
    char buffer[64];
    if (text.length > 1 && memchr("dDfF", text.data[text.length - 1], 4) != NULL &&
        (is_digit(text.data[text.length - 2]) || text.data[text.length - 2] == '.'))
        text.length--;
    if (real_parse(text, out))
        return true;
    if (text.length == 0 || text.length > (int64_t)sizeof buffer - 2)
        return false;
    const char *point = memchr(text.data, '.', (size_t)text.length);
    if (point == NULL)
        return false;
    /* "5." and ".5" as "5.0" and "0.5". */
    int64_t before = point - text.data;
    bool has_whole = before > 0 && is_digit(point[-1]);
    bool has_part = before + 1 < text.length && is_digit(point[1]);
    if (has_whole == has_part)
        return false;
    int64_t cut = has_whole ? before + 1 : before;
    memcpy(buffer, text.data, (size_t)cut);
    buffer[cut] = '0';
    memcpy(buffer + cut + 1, text.data + cut, (size_t)(text.length - cut));
    return real_parse(str_make(buffer, text.length + 1), out);
}

static void text_to_reals(Call *call)
{
    StrArg arg = call_str_arg(call, 0);
    bool is_float = call->out.physical == PHYSICAL_F32;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        double value = 0;
        if (!text_to_real(str_trim(str_arg(&arg, row)), &value))
            cast_fail_text(call, row, str_arg(&arg, row));
        if (is_float)
            ((float *)call->out.values)[row] = (float)value;
        else
            ((double *)call->out.values)[row] = value;
    }
}

static void text_to_decimal(Call *call)
{
    StrArg arg = call_str_arg(call, 0);
    Type to = call->node->expr->type;
    Int128 *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Str text = str_trim(str_arg(&arg, row));
        bool is_overflow = false;
        if (decimal_parse(text, to.precision, to.scale, &out[row], &is_overflow))
            continue;
        if (is_overflow)
            cast_fail_range(call, row, str_arg(&arg, row));
        else
            cast_fail_text(call, row, str_arg(&arg, row));
    }
}

/* ---- Dates and times ------------------------------------------------------------------- */

/* Up to `digits_max` digits as a number; false if there are none. */
static bool take_number(Str *text, int32_t digits_max, int32_t *out)
{
    int32_t count = 0;
    *out = 0;
    while (count < text->length && count < digits_max && is_digit(text->data[count]))
        *out = *out * 10 + (text->data[count++] - '0');
    text->data += count;
    text->length -= count;
    return count > 0;
}

static bool take_char(Str *text, char c)
{
    if (text->length == 0 || text->data[0] != c)
        return false;
    text->data++;
    text->length--;
    return true;
}

/* yyyy[-M[-d]], with whatever stands behind a space. */
bool text_to_date(Str text, int32_t *days)
{
    int32_t year, month = 1, day = 1;
    if (!take_number(&text, 4, &year))
        return false;
    if (take_char(&text, '-')) {
        if (!take_number(&text, 2, &month))
            return false;
        if (take_char(&text, '-') && !take_number(&text, 2, &day))
            return false;
    }
    bool is_end = text.length == 0 || text.data[0] == ' ';
    if (!is_end || !civil_is_valid(year, month, day))
        return false;
    *days = days_from_civil(year, month, day);
    return true;
}

/* Digits with spaces around them and nothing else, below `limit`. */
static bool parse_part(Str text, int32_t limit, int32_t *out)
{
    text = str_trim(text);
    *out = 0;
    for (int64_t i = 0; i < text.length; i++) {
        if (!is_digit(text.data[i]) || *out >= limit)
            return false;
        *out = *out * 10 + (text.data[i] - '0');
    }
    return text.length > 0 && *out < limit;
}

/* Milliseconds of the digits behind a point, rounded by the fourth. */
static int32_t parse_millis(Str text)
{
    int32_t millis = 0, weight = 100;
    for (int64_t i = 0; i < text.length && weight > 0; i++, weight /= 10) {
        if (is_digit(text.data[i]))
            millis += (text.data[i] - '0') * weight;
    }
    return millis + (text.length > 3 && text.data[3] >= '5');
}

/* H[:m[:s[.f…]]] */
static bool parse_time(Str text, int32_t *millis)
{
    Str minutes, seconds, fraction;
    Str hours = str_split(text, ':', &minutes);
    bool has_minutes = minutes.data != NULL;
    minutes = str_split(minutes, ':', &seconds);
    bool has_seconds = seconds.data != NULL;
    seconds = str_split(seconds, '.', &fraction);
    int32_t hour, minute = 0, second = 0;
    if (!parse_part(hours, 24, &hour) || (has_minutes && !parse_part(minutes, 60, &minute)) ||
        (has_seconds && !parse_part(seconds, 60, &second)))
        return false;
    *millis = ((hour * 60 + minute) * 60 + second) * 1000 + parse_millis(fraction);
    return *millis < MILLIS_PER_DAY;
}

/* ---- Timestamps, as Java's formatter reads yyyy-[MM][M]-[dd][d][ [HH][H]:[mm][m]:[ss][s][.n…]] */

/* Four digits, or a plus sign and more of them. */
static bool take_year(Str *text, int32_t *year)
{
    bool has_sign = take_char(text, '+');
    int64_t before = text->length;
    if (!take_number(text, has_sign ? 9 : 4, year))
        return false;
    int64_t digits = before - text->length;
    return has_sign ? digits > 4 : digits == 4;
}

/* One or two digits, or none, which leaves *out as it is. */
static void take_part(Str *text, int32_t *out)
{
    int32_t value;
    if (take_number(text, 2, &value))
        *out = value;
}

/* Up to nine digits as nanoseconds. */
static int32_t take_nanos(Str *text)
{
    int32_t nanos = 0;
    for (int32_t weight = 100000000; weight > 0; weight /= 10) {
        if (text->length == 0 || !is_digit(text->data[0]))
            break;
        nanos += (text->data[0] - '0') * weight;
        *text = str_make(text->data + 1, text->length - 1);
    }
    return nanos;
}

/* The day is cut to the end of its month, and 24:00:00 is the next day: Java is lenient there. */
static bool parse_timestamp(Str text, int64_t *seconds, int32_t *nanos)
{
    int32_t year, month = 1, day = 1, hour = 0, minute = 0, second = 0;
    *nanos = 0;
    if (!take_year(&text, &year) || !take_char(&text, '-'))
        return false;
    take_part(&text, &month);
    if (!take_char(&text, '-'))
        return false;
    take_part(&text, &day);
    if (text.length > 0) {
        if (!take_char(&text, ' '))
            return false;
        take_part(&text, &hour);
        if (!take_char(&text, ':'))
            return false;
        take_part(&text, &minute);
        if (!take_char(&text, ':'))
            return false;
        take_part(&text, &second);
        if (take_char(&text, '.'))
            *nanos = take_nanos(&text);
    }
    bool is_midnight = hour == 24 && minute == 0 && second == 0 && *nanos == 0;
    if (text.length > 0 || year < 1 || year > YEAR_MAX || month < 1 || month > 12 || day < 1 ||
        day > 31 || (hour > 23 && !is_midnight) || minute > 59 || second > 59)
        return false;
    while (!civil_is_valid(year, month, day))
        day--;
    *seconds =
        (int64_t)days_from_civil(year, month, day) * 86400 + (hour * 60 + minute) * 60 + second;
    return true;
}

static void text_to_dates(Call *call)
{
    StrArg arg = call_str_arg(call, 0);
    int32_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        if (!text_to_date(str_trim(str_arg(&arg, row)), &out[row]))
            cast_fail_text(call, row, str_arg(&arg, row));
    }
}

static void text_to_time(Call *call)
{
    StrArg arg = call_str_arg(call, 0);
    int32_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        if (!parse_time(str_trim(str_arg(&arg, row)), &out[row]))
            cast_fail_text(call, row, str_arg(&arg, row));
    }
}

static int64_t fraction_unit(int32_t digits)
{
    int64_t unit = 1;
    for (; digits > 0; digits--)
        unit *= 10;
    return unit;
}

static void text_to_timestamp(Call *call)
{
    StrArg arg = call_str_arg(call, 0);
    Type to = call->node->expr->type;
    bool is_instant = to.id == TYPE_TIMESTAMP_LTZ;
    const TimeZone *zone = eval_zone(call->eval);
    int64_t *out = call->out.values;
    int64_t unit = fraction_unit(6 - to.precision);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int64_t seconds;
        int32_t nanos;
        if (!parse_timestamp(str_arg(&arg, row), &seconds, &nanos)) {
            cast_fail_text(call, row, str_arg(&arg, row));
            continue;
        }
        Timestamp micros = seconds * MICROS_PER_SECOND + nanos / NANOS_PER_MICRO;
        micros -= floor_mod(micros, unit);
        out[row] = is_instant ? timezone_to_utc(zone, micros) : micros;
    }
}

static void text_to_timestamp_nanos(Call *call)
{
    StrArg arg = call_str_arg(call, 0);
    Type to = call->node->expr->type;
    bool is_instant = to.id == TYPE_TIMESTAMP_LTZ;
    const TimeZone *zone = eval_zone(call->eval);
    Int128 *out = call->out.values;
    int64_t unit = fraction_unit(9 - to.precision);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int64_t seconds;
        int32_t fraction;
        if (!parse_timestamp(str_arg(&arg, row), &seconds, &fraction)) {
            cast_fail_text(call, row, str_arg(&arg, row));
            continue;
        }
        Int128 nanos = (Int128)seconds * MICROS_PER_SECOND * NANOS_PER_MICRO + fraction;
        nanos -= (nanos % unit + unit) % unit;
        Int128 micros = nanos / NANOS_PER_MICRO - (nanos % NANOS_PER_MICRO < 0);
        if (is_instant)
            nanos += (Int128)(timezone_to_utc(zone, (int64_t)micros) - (int64_t)micros) *
                     NANOS_PER_MICRO;
        out[row] = nanos;
    }
}

Kernel cast_from_text_kernel(Type to)
{
    switch ((int)to.id) {
    case TYPE_BOOLEAN: return text_to_boolean;
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT: return text_to_integer;
    case TYPE_FLOAT:
    case TYPE_DOUBLE: return text_to_reals;
    case TYPE_DECIMAL: return text_to_decimal;
    case TYPE_DATE: return text_to_dates;
    case TYPE_TIME: return text_to_time;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ: return to.precision > 6 ? text_to_timestamp_nanos : text_to_timestamp;
    default: return NULL;
    }
}
