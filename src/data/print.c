/* Values as text, in the four styles, and back from the plain one. */
#include "data/value.h"

#include <inttypes.h>
#include <math.h>

#include "base/base64.h"
#include "base/json.h"
#include "data/datetime.h"
#include "data/decimal.h"
#include "data/nested.h"
#include "data/real.h"

enum {
    NANOS_PER_MICRO = 1000,
    NANOS_PER_SECOND = 1000000000,
    MILLIS_PER_MINUTE = 60000,
    MILLIS_PER_HOUR = 3600000,
};

/* Any timestamp in nanoseconds. */
static Int128 timestamp_nanos(const Value *value)
{
    return value->type.precision > 6 ? value->wide : (Int128)value->integer * NANOS_PER_MICRO;
}

/* Digits needed to show the fraction without trailing zeros. */
static int32_t fraction_digits(int64_t nanos)
{
    if (nanos == 0)
        return 0;
    int32_t digits = 9;
    for (; nanos % 10 == 0; nanos /= 10)
        digits--;
    return digits;
}

static int64_t nanos_of_second(Int128 nanos)
{
    int64_t rest = (int64_t)(nanos % NANOS_PER_SECOND);
    return rest < 0 ? rest + NANOS_PER_SECOND : rest;
}

/* java.time prints fractions in groups of three digits. */
static int32_t round_to_group(int32_t digits)
{
    return (digits + 2) / 3 * 3;
}

/* java.time's LocalTime: no seconds when they and the fraction are zero. */
static void print_clock_java(Buffer *out, int32_t millis)
{
    time_print(out, millis, round_to_group(fraction_digits((int64_t)(millis % 1000) * 1000000)));
    if (millis % MILLIS_PER_MINUTE == 0)
        out->length -= 3;
}

static void print_timestamp_java(Buffer *out, Int128 nanos, bool is_instant)
{
    int32_t digits = round_to_group(fraction_digits(nanos_of_second(nanos)));
    timestamp_print_nanos(out, nanos, digits, 'T');
    if (is_instant)
        buffer_append_char(out, 'Z');
    else if (nanos % ((Int128)NANOS_PER_SECOND * 60) == 0)
        out->length -= 3;
}

static void print_timestamp(Buffer *out, const Value *value, ValueStyle style, const TimeZone *zone)
{
    bool is_instant = value->type.id == TYPE_TIMESTAMP_LTZ;
    Int128 nanos = timestamp_nanos(value);
    if (style == VALUE_PRINT) {
        print_timestamp_java(out, nanos, is_instant);
        return;
    }
    if (style == VALUE_CAST) {
        if (is_instant && zone != NULL) {
            Int128 second = nanos / NANOS_PER_SECOND - (nanos % NANOS_PER_SECOND < 0);
            Timestamp at = (Timestamp)second * MICROS_PER_SECOND;
            nanos += (Int128)timezone_offset_at(zone, at) * NANOS_PER_SECOND;
        }
        timestamp_print_nanos(out, nanos, value->type.precision, ' ');
        return;
    }
    if (style == VALUE_JSON)
        buffer_append_char(out, '"');
    timestamp_print_nanos(out, nanos, fraction_digits(nanos_of_second(nanos)), ' ');
    if (is_instant)
        buffer_append_char(out, 'Z');
    if (style == VALUE_JSON)
        buffer_append_char(out, '"');
}

static void print_time(Buffer *out, const Value *value, ValueStyle style)
{
    int32_t millis = (int32_t)value->integer;
    int32_t precision = value->type.precision < 3 ? value->type.precision : 3;
    switch (style) {
    case VALUE_PRINT: print_clock_java(out, millis); break;
    case VALUE_CAST: time_print(out, millis, precision); break;
    case VALUE_JSON:
        buffer_append_char(out, '"');
        time_print(out, millis, 0);
        buffer_append_char(out, '"');
        break;
    case VALUE_PLAIN:
        time_print(out, millis, fraction_digits((int64_t)(millis % 1000) * 1000000));
        break;
    }
}

static void print_months(Buffer *out, int64_t months, ValueStyle style)
{
    int64_t years = months / 12;
    int64_t rest = months % 12;
    if (style == VALUE_CAST) {
        bool is_negative = months < 0;
        buffer_printf(out, "%c%" PRId64 "-%02" PRId64, is_negative ? '-' : '+',
                      is_negative ? -years : years, is_negative ? -rest : rest);
    } else if (style != VALUE_PRINT) {
        buffer_printf(out, "%" PRId64, months);
    } else if (months == 0) {
        buffer_append_text(out, "P0D");
    } else {
        buffer_append_char(out, 'P');
        if (years != 0)
            buffer_printf(out, "%" PRId64 "Y", years);
        if (rest != 0)
            buffer_printf(out, "%" PRId64 "M", rest);
    }
}

/* java.time.Duration: "PT1H", "PT-1.5S". */
static void print_duration_java(Buffer *out, int64_t millis)
{
    if (millis == 0) {
        buffer_append_text(out, "PT0S");
        return;
    }
    buffer_append_text(out, "PT");
    int64_t hours = millis / MILLIS_PER_HOUR;
    int64_t minutes = millis / MILLIS_PER_MINUTE % 60;
    int64_t rest = millis % MILLIS_PER_MINUTE;
    if (hours != 0)
        buffer_printf(out, "%" PRId64 "H", hours);
    if (minutes != 0)
        buffer_printf(out, "%" PRId64 "M", minutes);
    if (rest == 0)
        return;
    int64_t absolute = rest < 0 ? -rest : rest;
    buffer_printf(out, "%s%" PRId64, rest < 0 ? "-" : "", absolute / 1000);
    if (absolute % 1000 != 0) {
        buffer_printf(out, ".%03" PRId64, absolute % 1000);
        while (out->data[out->length - 1] == '0')
            out->length--;
    }
    buffer_append_char(out, 'S');
}

static void print_millis(Buffer *out, int64_t millis, ValueStyle style)
{
    if (style == VALUE_PRINT) {
        print_duration_java(out, millis);
    } else if (style == VALUE_CAST) {
        uint64_t absolute = millis < 0 ? -(uint64_t)millis : (uint64_t)millis;
        buffer_printf(out, "%c%" PRIu64 " ", millis < 0 ? '-' : '+', absolute / MILLIS_PER_DAY);
        time_print(out, (int32_t)(absolute % MILLIS_PER_DAY), 3);
    } else {
        buffer_printf(out, "%" PRId64, millis);
    }
}

static void print_bytes(Buffer *out, Str bytes, ValueStyle style)
{
    if (style == VALUE_JSON) {
        buffer_append_char(out, '"');
        base64_encode(out, bytes);
        buffer_append_char(out, '"');
    } else if (style == VALUE_PRINT) {
        buffer_append_char(out, '[');
        for (int64_t i = 0; i < bytes.length; i++)
            buffer_printf(out, "%s%d", i > 0 ? ", " : "", (int)(int8_t)bytes.data[i]);
        buffer_append_char(out, ']');
    } else {
        buffer_append_str(out, bytes);
    }
}

static void print_real(Buffer *out, const Value *value, ValueStyle style)
{
    bool is_quoted = style == VALUE_JSON && !isfinite(value->real);
    if (is_quoted)
        buffer_append_char(out, '"');
    if (value->type.id == TYPE_FLOAT)
        real_print_float(out, (float)value->real);
    else
        real_print_double(out, value->real);
    if (is_quoted)
        buffer_append_char(out, '"');
}

static void print_decimal(Buffer *out, const Value *value, ValueStyle style)
{
    if (style == VALUE_JSON)
        decimal_print_stripped(out, value->wide, value->type.scale);
    else if (style == VALUE_PRINT)
        decimal_print_java(out, value->wide, value->type.scale);
    else
        decimal_print(out, value->wide, value->type.scale);
}

static void print_integer(Buffer *out, int64_t value)
{
    char text[20];
    char *end = text + sizeof text;
    char *at = end;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + (char)(rest % 10));
        rest /= 10;
    } while (rest > 0);
    if (value < 0)
        buffer_append_char(out, '-');
    buffer_append(out, at, end - at);
}

static void print_date(Buffer *out, const Value *value, ValueStyle style)
{
    const char *quote = style == VALUE_JSON ? "\"" : "";
    buffer_append_text(out, quote);
    date_print(out, (int32_t)value->integer);
    buffer_append_text(out, quote);
}

static void print_bool(Buffer *out, bool value, ValueStyle style)
{
    if (style == VALUE_CAST)
        buffer_append_text(out, value ? "TRUE" : "FALSE");
    else
        buffer_append_text(out, value ? "true" : "false");
}

void value_print(Buffer *out, const Value *value, ValueStyle style, const TimeZone *zone)
{
    if (value->is_null) {
        buffer_append_text(out, style == VALUE_CAST ? "<NULL>" : "null");
        return;
    }
    switch (value->type.id) {
    case TYPE_BOOLEAN: print_bool(out, value->integer != 0, style); break;
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT: print_integer(out, value->integer); break;
    case TYPE_FLOAT:
    case TYPE_DOUBLE: print_real(out, value, style); break;
    case TYPE_DECIMAL: print_decimal(out, value, style); break;
    case TYPE_CHAR:
    case TYPE_VARCHAR:
        if (style == VALUE_JSON)
            json_append_quoted(out, value->text);
        else
            buffer_append_str(out, value->text);
        break;
    case TYPE_BINARY:
    case TYPE_VARBINARY: print_bytes(out, value->text, style); break;
    case TYPE_DATE: print_date(out, value, style); break;
    case TYPE_TIME: print_time(out, value, style); break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ: print_timestamp(out, value, style, zone); break;
    case TYPE_INTERVAL_MONTHS: print_months(out, value->integer, style); break;
    case TYPE_INTERVAL_MILLIS: print_millis(out, value->integer, style); break;
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
    case TYPE_ROW: nested_print(out, value, style, zone); break;
    case TYPE_NULL: assert(!"not a value that is computed with"); break;
    }
}

static bool parse_integer(Str text, int64_t min, int64_t max, Value *out)
{
    return str_parse_int64(text, &out->integer) && out->integer >= min && out->integer <= max;
}

static bool parse_bool(Str text, Value *out)
{
    out->integer = str_is(text, "true");
    return out->integer != 0 || str_is(text, "false");
}

static bool parse_timestamp(Str text, Type type, Value *out)
{
    if (type.id == TYPE_TIMESTAMP_LTZ) {
        if (!str_has_suffix(text, STR("Z")))
            return false;
        text.length--;
    }
    if (type.precision > 6)
        return timestamp_parse_nanos(text, ' ', &out->wide);
    return timestamp_parse(text, ' ', &out->integer);
}

static bool parse_days(Str text, Value *out)
{
    int32_t days;
    if (!date_parse(text, &days))
        return false;
    out->integer = days;
    return true;
}

static bool parse_clock(Str text, Value *out)
{
    int32_t millis;
    if (!time_parse(text, &millis))
        return false;
    out->integer = millis;
    return true;
}

bool value_parse(Str text, Type type, Value *out)
{
    bool is_overflow;
    *out = (Value){.type = type};
    switch (type.id) {
    case TYPE_BOOLEAN: return parse_bool(text, out);
    case TYPE_TINYINT: return parse_integer(text, INT8_MIN, INT8_MAX, out);
    case TYPE_SMALLINT: return parse_integer(text, INT16_MIN, INT16_MAX, out);
    case TYPE_INT:
    case TYPE_INTERVAL_MONTHS: return parse_integer(text, INT32_MIN, INT32_MAX, out);
    case TYPE_BIGINT:
    case TYPE_INTERVAL_MILLIS: return parse_integer(text, INT64_MIN, INT64_MAX, out);
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        if (!real_parse(text, &out->real))
            return false;
        out->real = type.id == TYPE_FLOAT ? (double)(float)out->real : out->real;
        return true;
    case TYPE_DECIMAL:
        return decimal_parse(text, type.precision, type.scale, &out->wide, &is_overflow);
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY: out->text = text; return true;
    case TYPE_DATE: return parse_days(text, out);
    case TYPE_TIME: return parse_clock(text, out);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ: return parse_timestamp(text, type, out);
    case TYPE_NULL:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
    case TYPE_ROW: break;
    }
    return false;
}
