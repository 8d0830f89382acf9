/* Real numbers as text: short ways for the numbers people write, the long ones for the rest. */
#include "data/real.h"

#include <math.h>
#include <stdlib.h>

#include "data/real_digits.h"

enum {
    POWER_EXACT_MAX = 22,    /* 10^22 is the last power of ten a double holds */
    FRACTION_DIGITS_MAX = 9, /* tried before the C library is asked */
    DIGITS_MAX = 20,
};

static const double POWERS[POWER_EXACT_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* digits (no leading zero) with the point behind the first `whole` of them; whole may be <= 0
 * or beyond the digits. */
static void real_print_digits(Buffer *out, const char *digits, int32_t count, int32_t whole)
{
    while (count > 1 && digits[count - 1] == '0')
        count--;
    if (whole > 7 || whole < -2) {
        buffer_append_char(out, digits[0]);
        buffer_append_char(out, '.');
        if (count > 1)
            buffer_append(out, digits + 1, count - 1);
        else
            buffer_append_char(out, '0');
        buffer_printf(out, "E%d", whole - 1);
        return;
    }
    if (whole <= 0) {
        buffer_append_text(out, "0.");
        for (int32_t i = whole; i < 0; i++)
            buffer_append_char(out, '0');
        buffer_append(out, digits, count);
        return;
    }
    for (int32_t i = 0; i < whole; i++)
        buffer_append_char(out, i < count ? digits[i] : '0');
    buffer_append_char(out, '.');
    if (count > whole)
        buffer_append(out, digits + whole, count - whole);
    else
        buffer_append_char(out, '0');
}

static bool real_print_special(Buffer *out, double value)
{
    if (isnan(value)) {
        buffer_append_text(out, "NaN");
        return true;
    }
    if (signbit(value))
        buffer_append_char(out, '-');
    if (isinf(value))
        buffer_append_text(out, "Infinity");
    else if (value == 0.0)
        buffer_append_text(out, "0.0");
    else
        return false;
    return true;
}

static void real_print_integer(Buffer *out, uint64_t value, int32_t fraction_digits)
{
    char text[DIGITS_MAX];
    char *end = text + sizeof text;
    char *at = end;
    for (; value > 0; value /= 10)
        *--at = (char)('0' + (char)(value % 10));
    real_print_digits(out, at, (int32_t)(end - at), (int32_t)(end - at) - fraction_digits);
}

/* value > 0 as n / 10^k with n below 10^15: both are exact, so the quotient is the value again
 * exactly when n / 10^k is its shortest form. */
static bool real_print_short(Buffer *out, double value)
{
    const double limit = 1e15;
    for (int32_t k = 0; k <= FRACTION_DIGITS_MAX; k++) {
        double scaled = value * POWERS[k];
        if (scaled >= limit)
            return false;
        double whole = nearbyint(scaled);
        if (whole > 0 && whole / POWERS[k] == value) {
            real_print_integer(out, (uint64_t)whole, k);
            return true;
        }
    }
    return false;
}

void real_print_double(Buffer *out, double value)
{
    if (real_print_special(out, value))
        return;
    value = fabs(value);
    if (real_print_short(out, value))
        return;
    RealDigits digits = real_digits_double(value);
    real_print_digits(out, digits.text, digits.count, digits.whole);
}

void real_print_float(Buffer *out, float value)
{
    if (real_print_special(out, (double)value))
        return;
    RealDigits digits = real_digits_float(fabsf(value));
    real_print_digits(out, digits.text, digits.count, digits.whole);
}

/* Digits into the mantissa while it stays exact. */
static const char *real_scan_digits(const char *at, const char *end, uint64_t *mantissa)
{
    for (; at < end && (unsigned char)(*at - '0') < 10; at++)
        if (*mantissa < UINT64_C(1) << 60)
            *mantissa = *mantissa * 10 + (uint64_t)(*at - '0');
    return at;
}

typedef struct RealScan {
    uint64_t mantissa;
    int64_t digits;   /* all of them, leading zeros too */
    int64_t exponent; /* of the mantissa's last digit, if no digit was left out */
    bool is_negative;
} RealScan;

static bool real_scan(Str text, RealScan *scan)
{
    const char *at = text.data;
    const char *end = at + text.length;
    *scan = (RealScan){0};
    if (at < end && (*at == '-' || *at == '+'))
        scan->is_negative = *at++ == '-';
    const char *start = at;
    at = real_scan_digits(at, end, &scan->mantissa);
    scan->digits = at - start;
    if (at < end && *at == '.') {
        start = ++at;
        at = real_scan_digits(at, end, &scan->mantissa);
        scan->digits += at - start;
        scan->exponent = start - at;
    }
    if (scan->digits == 0)
        return false;
    if (at == end)
        return true;
    if (*at != 'e' && *at != 'E')
        return false;
    bool is_negative = ++at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    uint64_t exponent = 0;
    start = at;
    at = real_scan_digits(at, end, &exponent);
    if (at == start || at != end)
        return false;
    int64_t clamped = exponent > 100000 ? 100000 : (int64_t)exponent;
    scan->exponent += is_negative ? -clamped : clamped;
    return true;
}

static bool real_parse_slow(Str text, double *out)
{
    Buffer copy = {0};
    buffer_append_str(&copy, text);
    char *end;
    const char *start = buffer_terminated(&copy);
    *out = strtod(start, &end);
    bool is_whole = end == start + text.length;
    buffer_free(&copy);
    return is_whole;
}

static bool real_parse_name(Str text, double *out)
{
    bool is_negative = text.length > 0 && text.data[0] == '-';
    if (text.length > 0 && (text.data[0] == '-' || text.data[0] == '+'))
        text = str_make(text.data + 1, text.length - 1);
    if (str_is(text, "NaN"))
        *out = (double)NAN;
    else if (str_is(text, "Infinity"))
        *out = is_negative ? -(double)INFINITY : (double)INFINITY;
    else
        return false;
    return true;
}

bool real_parse(Str text, double *out)
{
    RealScan scan;
    if (!real_scan(text, &scan))
        return real_parse_name(text, out);
    /* Clinger's case: mantissa and power are exact, so one operation rounds once. */
    bool is_exact = scan.digits <= 18 && scan.mantissa < UINT64_C(1) << 53 &&
                    scan.exponent >= -POWER_EXACT_MAX && scan.exponent <= POWER_EXACT_MAX;
    if (!is_exact)
        return real_parse_slow(text, out);
    double value = (double)scan.mantissa;
    value = scan.exponent < 0 ? value / POWERS[-scan.exponent] : value * POWERS[scan.exponent];
    *out = scan.is_negative ? -value : value;
    return true;
}
