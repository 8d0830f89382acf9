/* Casts of texts to everything else: trimmed first, then the whole must be a value. */
#include "data/decimal.h"
#include "data/real.h"
#include "expr/cast/cast.h"

static const int64_t NANOS_PER_MICRO = 1000;

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
        Str text = str_trim(str_arg(&arg, row));
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
    int64_t digit_count = at - digits;
    if (at < end && *at == '.') {
        for (at++; at < end && is_digit(*at); at++)
            digit_count++;
    }
    if (at < end || digit_count == 0)
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

/* Java's forms: also a trailing d or f, and a point with digits on one side only. */
static bool parse_real(Str text, double *out)
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

static void text_to_real(Call *call)
{
    StrArg arg = call_str_arg(call, 0);
    bool is_float = call->out.physical == PHYSICAL_F32;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        double value = 0;
        if (!parse_real(str_trim(str_arg(&arg, row)), &value))
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

/* yyyy[-M[-d]], with whatever stands behind a space or a T. */
static bool parse_date(Str text, int32_t *days)
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
    bool is_end = text.length == 0 || text.data[0] == ' ' || text.data[0] == 'T';
    if (!is_end || !civil_is_valid(year, month, day))
        return false;
    *days = days_from_civil(year, month, day);
    return true;
}

/* HH[:mm[:ss[.f…]]] */
static bool parse_time(Str text, int32_t *millis)
{
    int32_t hour, minute = 0, second = 0, fraction = 0;
    if (!take_number(&text, 2, &hour))
        return false;
    if (take_char(&text, ':')) {
        if (!take_number(&text, 2, &minute))
            return false;
        if (take_char(&text, ':') && !take_number(&text, 2, &second))
            return false;
    }
    if (take_char(&text, '.')) {
        int32_t weight = 100;
        while (text.length > 0 && is_digit(text.data[0])) {
            fraction += (text.data[0] - '0') * weight;
            weight /= 10;
            text = str_make(text.data + 1, text.length - 1);
        }
    }
    if (text.length > 0 || hour > 23 || minute > 59 || second > 59)
        return false;
    *millis = ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
    return true;
}

static void text_to_date(Call *call)
{
    StrArg arg = call_str_arg(call, 0);
    int32_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        if (!parse_date(str_trim(str_arg(&arg, row)), &out[row]))
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
        Timestamp micros;
        if (!timestamp_parse(str_trim(str_arg(&arg, row)), ' ', &micros)) {
            cast_fail_text(call, row, str_arg(&arg, row));
            continue;
        }
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
        Int128 nanos;
        if (!timestamp_parse_nanos(str_trim(str_arg(&arg, row)), ' ', &nanos)) {
            cast_fail_text(call, row, str_arg(&arg, row));
            continue;
        }
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
    case TYPE_DOUBLE: return text_to_real;
    case TYPE_DECIMAL: return text_to_decimal;
    case TYPE_DATE: return text_to_date;
    case TYPE_TIME: return text_to_time;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ: return to.precision > 6 ? text_to_timestamp_nanos : text_to_timestamp;
    default: return NULL;
    }
}
