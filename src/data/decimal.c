/* Decimal arithmetic: 128 bits where that is enough, 256 where it is not. */
#include "data/decimal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "data/real_digits.h"
#include "data/wide.h"

enum {
    DECIMAL_DIGITS_MAX = 40,       /* of any Int128, with one to spare */
    DECIMAL_EXPONENT_MAX = 100000, /* beyond it a number is 0 or too large anyway */
    DOUBLE_MANTISSA_BITS = 53,
};

#define E18 ((Int128)1000000000000000000)

static const Int128 POWERS[DECIMAL_PRECISION_MAX + 1] = {
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
    E18,
    E18 * 10,
    E18 * 100,
    E18 * 1000,
    E18 * 10000,
    E18 * 100000,
    E18 * 1000000,
    E18 * 10000000,
    E18 * 100000000,
    E18 * 1000000000,
    E18 * 10000000000,
    E18 * 100000000000,
    E18 * 1000000000000,
    E18 * 10000000000000,
    E18 * 100000000000000,
    E18 * 1000000000000000,
    E18 * 10000000000000000,
    E18 * 100000000000000000,
    E18 *E18,
    E18 *E18 * 10,
    E18 *E18 * 100,
};

Int128 decimal_power10(int32_t exponent)
{
    assert(exponent >= 0 && exponent <= DECIMAL_PRECISION_MAX);
    return POWERS[exponent];
}

static Uint128 magnitude(Int128 value)
{
    return value < 0 ? -(Uint128)value : (Uint128)value;
}

static Int128 with_sign(Uint128 value, bool is_negative)
{
    return is_negative ? (Int128)-value : (Int128)value;
}

bool decimal_fits(Int128 value, int32_t precision)
{
    return magnitude(value) < (Uint128)decimal_power10(precision);
}

/* The last step of all: 38 digits, and the sign. */
static bool finish(Wide value, bool is_negative, Int128 *out)
{
    if (value.high != 0 || value.low >= (Uint128)POWERS[DECIMAL_PRECISION_MAX])
        return false;
    *out = with_sign(value.low, is_negative);
    return true;
}

/* value / 10^digits, HALF_UP. Cutting composes, so all digits but one are cut first; the last
 * one alone decides the rounding. */
static Wide wide_round(Wide value, int32_t digits)
{
    assert(digits >= 0);
    if (digits == 0)
        return value;
    Uint128 remainder;
    for (int32_t cut = digits - 1; cut > 0; cut -= DECIMAL_PRECISION_MAX) {
        int32_t step = cut < DECIMAL_PRECISION_MAX ? cut : DECIMAL_PRECISION_MAX;
        value = wide_divide(value, (Uint128)POWERS[step], &remainder);
    }
    return wide_divide(wide_add(value, wide_from(5)), 10, &remainder);
}

/* value (scale from) at scale to; false beyond 256 bits. */
static bool wide_rescale(Wide value, int32_t from_scale, int32_t to_scale, Wide *out)
{
    *out = value;
    if (to_scale <= from_scale) {
        *out = wide_round(value, from_scale - to_scale);
        return true;
    }
    for (int32_t left = to_scale - from_scale; left > 0; left -= DECIMAL_PRECISION_MAX) {
        int32_t step = left < DECIMAL_PRECISION_MAX ? left : DECIMAL_PRECISION_MAX;
        if (!wide_multiply(*out, (Uint128)POWERS[step], out))
            return false;
    }
    return true;
}

bool decimal_rescale(Int128 value, int32_t from_scale, int32_t to_scale, Int128 *out)
{
    assert(from_scale >= 0 && to_scale >= 0);
    Wide wide;
    if (from_scale == to_scale) {
        *out = value;
        return decimal_fits(value, DECIMAL_PRECISION_MAX);
    }
    return wide_rescale(wide_from(magnitude(value)), from_scale, to_scale, &wide) &&
           finish(wide, value < 0, out);
}

/* The common case of sums: all in 128 bits. */
static bool add_narrow(Int128 a, int32_t sa, Int128 b, int32_t sb, Int128 *out)
{
    if (sa < sb && __builtin_mul_overflow(a, POWERS[sb - sa], &a))
        return false;
    if (sb < sa && __builtin_mul_overflow(b, POWERS[sa - sb], &b))
        return false;
    return !__builtin_add_overflow(a, b, out);
}

bool decimal_add(Int128 a, int32_t sa, Int128 b, int32_t sb, int32_t scale, Int128 *out)
{
    assert(sa >= 0 && sa <= DECIMAL_PRECISION_MAX);
    assert(sb >= 0 && sb <= DECIMAL_PRECISION_MAX);
    int32_t common = sa > sb ? sa : sb;
    Int128 narrow;
    if (add_narrow(a, sa, b, sb, &narrow))
        return decimal_rescale(narrow, common, scale, out);
    Wide left = wide_product(magnitude(a), (Uint128)POWERS[common - sa]);
    Wide right = wide_product(magnitude(b), (Uint128)POWERS[common - sb]);
    bool is_negative = a < 0;
    Wide sum;
    if ((a < 0) == (b < 0)) {
        sum = wide_add(left, right);
    } else if (wide_compare(left, right) >= 0) {
        sum = wide_subtract(left, right);
    } else {
        sum = wide_subtract(right, left);
        is_negative = b < 0;
    }
    return wide_rescale(sum, common, scale, &sum) && finish(sum, is_negative, out);
}

bool decimal_subtract(Int128 a, int32_t sa, Int128 b, int32_t sb, int32_t scale, Int128 *out)
{
    return decimal_add(a, sa, -b, sb, scale, out);
}

bool decimal_multiply(Int128 a, int32_t sa, Int128 b, int32_t sb, int32_t scale, Int128 *out)
{
    assert(sa >= 0 && sb >= 0 && scale >= 0);
    Wide product = wide_product(magnitude(a), magnitude(b));
    return wide_rescale(product, sa + sb, scale, &product) &&
           finish(product, (a < 0) != (b < 0), out);
}

bool decimal_divide(Int128 a, int32_t sa, Int128 b, int32_t sb, int32_t scale, Int128 *out)
{
    assert(b != 0);
    assert(sa >= 0 && sb >= 0 && scale >= 0);
    bool is_negative = (a < 0) != (b < 0);
    Wide numerator = wide_from(magnitude(a));
    Wide denominator = wide_from(magnitude(b));
    int32_t exponent = scale - sa + sb;
    /* What overflows 256 bits here cannot come back below 38 digits. */
    if (exponent >= 0 && !wide_rescale(numerator, 0, exponent, &numerator))
        return false;
    if (exponent < 0 && !wide_rescale(denominator, 0, -exponent, &denominator))
        return false;
    Wide quotient = {0};
    if (denominator.high != 0) {
        bool is_half = wide_compare(wide_add(numerator, numerator), denominator) >= 0;
        quotient.low = is_half ? 1 : 0;
    } else {
        Uint128 remainder;
        quotient = wide_divide(numerator, denominator.low, &remainder);
        if (remainder >= denominator.low - remainder)
            quotient = wide_add(quotient, wide_from(1));
    }
    return finish(quotient, is_negative, out);
}

bool decimal_modulo(Int128 a, int32_t sa, Int128 b, int32_t sb, int32_t scale, Int128 *out)
{
    assert(b != 0);
    assert(sa >= 0 && sa <= DECIMAL_PRECISION_MAX && sb >= 0 && sb <= DECIMAL_PRECISION_MAX);
    int32_t common = sa > sb ? sa : sb;
    Wide dividend = wide_product(magnitude(a), (Uint128)POWERS[common - sa]);
    Wide divisor = wide_product(magnitude(b), (Uint128)POWERS[common - sb]);
    Uint128 remainder = dividend.low;
    /* A divisor beyond 128 bits is larger than any dividend at its scale. */
    if (divisor.high == 0)
        wide_divide(dividend, divisor.low, &remainder);
    Wide result = wide_from(remainder);
    return wide_rescale(result, common, scale, &result) && finish(result, a < 0, out);
}

int decimal_compare(Int128 a, int32_t sa, Int128 b, int32_t sb)
{
    if (sa == sb || (a < 0) != (b < 0))
        return a < b ? -1 : a > b;
    int32_t common = sa > sb ? sa : sb;
    Wide left = wide_product(magnitude(a), (Uint128)decimal_power10(common - sa));
    Wide right = wide_product(magnitude(b), (Uint128)decimal_power10(common - sb));
    int order = wide_compare(left, right);
    return a < 0 ? -order : order;
}

/* The digits of a text: up to 38 significant ones, and how many more were left out. */
typedef struct DecimalScan {
    Uint128 mantissa;
    int32_t digit_count; /* significant digits in the mantissa */
    int32_t first_cut;   /* the first digit left out, or -1 */
    int64_t exponent;    /* of the mantissa's last digit */
    bool is_negative;
} DecimalScan;

static void scan_digit(DecimalScan *scan, int32_t digit, bool is_fraction)
{
    if (scan->digit_count == DECIMAL_PRECISION_MAX) {
        if (scan->first_cut < 0)
            scan->first_cut = digit;
        scan->exponent += is_fraction ? 0 : 1;
        return;
    }
    scan->mantissa = scan->mantissa * 10 + (Uint128)digit;
    scan->digit_count += scan->mantissa != 0;
    scan->exponent -= is_fraction ? 1 : 0;
}

/* Up to 18 digits without a 128-bit multiplication each. */
static const char *scan_run(DecimalScan *scan, const char *at, const char *end, bool is_fraction)
{
    if (scan->digit_count == 0 && end - at <= 18) {
        uint64_t value = 0;
        const char *start = at;
        int32_t leading = 0;
        for (; at < end && (unsigned char)(*at - '0') < 10; at++) {
            value = value * 10 + (uint64_t)(*at - '0');
            leading += value == 0;
        }
        scan->mantissa = value;
        scan->digit_count = (int32_t)(at - start) - leading;
        scan->exponent -= is_fraction ? at - start : 0;
        return at;
    }
    for (; at < end && (unsigned char)(*at - '0') < 10; at++)
        scan_digit(scan, *at - '0', is_fraction);
    return at;
}

static bool scan_exponent(const char *at, const char *end, int64_t *out)
{
    bool is_negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (at == end)
        return false;
    int64_t value = 0;
    for (; at < end; at++) {
        if ((unsigned char)(*at - '0') >= 10)
            return false;
        if (value < DECIMAL_EXPONENT_MAX)
            value = value * 10 + (*at - '0');
    }
    *out += is_negative ? -value : value;
    return true;
}

static bool scan_number(Str text, DecimalScan *scan)
{
    const char *at = text.data;
    const char *end = at + text.length;
    *scan = (DecimalScan){.first_cut = -1};
    if (at < end && (*at == '-' || *at == '+'))
        scan->is_negative = *at++ == '-';
    const char *whole = at;
    at = scan_run(scan, at, end, false);
    int64_t digits = at - whole;
    if (at < end && *at == '.') {
        const char *fraction = ++at;
        at = scan_run(scan, at, end, true);
        digits += at - fraction;
    }
    if (digits == 0)
        return false;
    if (at == end)
        return true;
    return (*at == 'e' || *at == 'E') && scan_exponent(at + 1, end, &scan->exponent);
}

/* The scanned number at the scale; false on overflow. */
static bool scan_value(const DecimalScan *scan, int32_t scale, Uint128 *out)
{
    int64_t shift = scan->exponent + scale;
    *out = scan->mantissa;
    if (scan->mantissa == 0)
        return true;
    if (shift > DECIMAL_PRECISION_MAX)
        return false;
    if (shift > 0)
        return !__builtin_mul_overflow(*out, (Uint128)POWERS[shift], out);
    if (shift == 0)
        *out += scan->first_cut >= 5 ? 1 : 0;
    else if (shift < -(DECIMAL_PRECISION_MAX + 1))
        *out = 0;
    else
        *out = (*out / (Uint128)POWERS[-shift - 1] + 5) / 10;
    return true;
}

bool decimal_parse(Str text, int32_t precision, int32_t scale, Int128 *out, bool *is_overflow)
{
    assert(precision >= 1 && precision <= DECIMAL_PRECISION_MAX);
    assert(scale >= 0 && scale <= DECIMAL_PRECISION_MAX);
    *is_overflow = false;
    DecimalScan scan;
    if (text.length == 0 || !scan_number(text, &scan))
        return false;
    Uint128 value;
    if (!scan_value(&scan, scale, &value) || value >= (Uint128)POWERS[precision]) {
        *is_overflow = true;
        return false;
    }
    *out = with_sign(value, scan.is_negative);
    return true;
}

/* Digits of the value without a sign, at the end of `text`; returns the first. */
static char *digits_write(Uint128 value, char *end)
{
    char *at = end;
    do {
        *--at = (char)('0' + (int)(value % 10));
        value /= 10;
        /* Once it is narrow, the cheap division. */
    } while (value > UINT64_MAX);
    for (uint64_t rest = (uint64_t)value; rest != 0; rest /= 10)
        *--at = (char)('0' + (char)(rest % 10));
    return at;
}

void decimal_print(Buffer *out, Int128 value, int32_t scale)
{
    assert(scale >= 0 && scale <= DECIMAL_PRECISION_MAX);
    char text[DECIMAL_DIGITS_MAX];
    char *end = text + sizeof text;
    char *at = digits_write(magnitude(value), end);
    int32_t count = (int32_t)(end - at);
    char *to = buffer_reserve(out, DECIMAL_DIGITS_MAX * 2);
    char *start = to;
    if (value < 0)
        *to++ = '-';
    if (count <= scale)
        *to++ = '0';
    for (; count > scale; count--)
        *to++ = *at++;
    if (scale > 0)
        *to++ = '.';
    for (int32_t zeros = scale - count; zeros > 0; zeros--)
        *to++ = '0';
    while (at < end)
        *to++ = *at++;
    out->length += to - start;
}

void decimal_print_java(Buffer *out, Int128 value, int32_t scale)
{
    char text[DECIMAL_DIGITS_MAX];
    char *end = text + sizeof text;
    char *at = digits_write(magnitude(value), end);
    int32_t adjusted = (int32_t)(end - at) - 1 - scale;
    if (scale >= 0 && adjusted >= -6) {
        decimal_print(out, value, scale);
        return;
    }
    if (value < 0)
        buffer_append_char(out, '-');
    buffer_append_char(out, *at++);
    if (at < end) {
        buffer_append_char(out, '.');
        buffer_append(out, at, end - at);
    }
    if (adjusted != 0)
        buffer_printf(out, "E%+d", adjusted);
}

void decimal_print_stripped(Buffer *out, Int128 value, int32_t scale)
{
    if (value == 0)
        scale = 0;
    while (value != 0 && value % 10 == 0) {
        value /= 10;
        scale--;
    }
    decimal_print_java(out, value, scale);
}

double decimal_to_double(Int128 value, int32_t scale)
{
    enum { POWER_EXACT_MAX = 22 }; /* 10^22 is the last power of ten a double holds */
    if (scale <= POWER_EXACT_MAX && magnitude(value) < (Uint128)1 << DOUBLE_MANTISSA_BITS)
        return (double)value / (double)POWERS[scale];
    Buffer text = {0};
    decimal_print(&text, value, scale);
    double result = strtod(buffer_terminated(&text), NULL);
    buffer_free(&text);
    return result;
}

/* The digits that print the number, as Java's BigDecimal.valueOf takes them. */
bool decimal_from_double(double value, int32_t precision, int32_t scale, Int128 *out)
{
    assert(precision >= 1 && precision <= DECIMAL_PRECISION_MAX && scale >= 0);
    if (!isfinite(value))
        return false;
    *out = 0;
    if (value == 0)
        return true;
    RealDigits digits = real_digits_double(fabs(value));
    Uint128 unscaled = 0;
    for (int32_t i = 0; i < digits.count; i++)
        unscaled = unscaled * 10 + (Uint128)(digits.text[i] - '0');
    int32_t power = digits.whole - digits.count + scale;
    if (power < -DECIMAL_PRECISION_MAX)
        return true; /* below half a unit */
    if (power < 0) {
        Uint128 divisor = (Uint128)POWERS[-power];
        unscaled = unscaled / divisor + (unscaled % divisor >= divisor - divisor / 2);
    } else if (power > DECIMAL_PRECISION_MAX ||
               unscaled > (Uint128)POWERS[precision] / (Uint128)POWERS[power]) {
        return false;
    } else {
        unscaled *= (Uint128)POWERS[power];
    }
    if (unscaled >= (Uint128)POWERS[precision])
        return false;
    *out = with_sign(unscaled, value < 0);
    return true;
}
