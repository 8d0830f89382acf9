/* Digits are divided out of B / S, the number over a power of ten, until what is left is below M,
 * half the distance to the next number (Steele and White). Shortest forms are usual but not
 * certain: Java before 19 stops by a test that takes no account of the narrower side of a power of
 * two, always gives two digits before an exponent, and cuts large whole numbers by a table. Who
 * compares text with Flink's needs just that, so this follows java.lang's FloatingDecimal step by
 * step. */
#include "data/real_digits.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    MANTISSA_BITS = 52,
    MANTISSA_BITS_FLOAT = 23,
    SMALL_EXPONENT_MAX = 62,
    SMALL_EXPONENT_MIN = -21,
    POWER_5_MAX = 26, /* 5^27 does not fit 63 bits any more */
    WORDS_MAX = 40,   /* of a Big: 10 * 5^324 * 2^k and the like need about 1,140 bits */
};

/* mantissa = 1.f scaled to bit 52 at the top, times 2^exponent. */
typedef struct Binary {
    uint64_t mantissa;
    int32_t exponent;
    int32_t precision; /* significant bits of the mantissa's type, fewer when denormal */
} Binary;

static int32_t bits_of_power_5(int32_t power)
{
    static const int8_t bits[] = {0,  3,  5,  7,  10, 12, 14, 17, 19, 21, 24, 26, 28, 31,
                                  33, 35, 38, 40, 42, 45, 47, 49, 52, 54, 56, 59, 61};
    return power <= POWER_5_MAX ? bits[power] : power * 3;
}

static int64_t power_5(int32_t power)
{
    int64_t value = 1;
    for (; power > 0; power--)
        value *= 5;
    return value;
}

/* ---- Whole numbers of any size --------------------------------------------------------------- */

typedef struct Big {
    uint32_t words[WORDS_MAX]; /* the lowest first */
    int32_t count;
} Big;

static void big_set(Big *big, uint64_t value)
{
    big->words[0] = (uint32_t)value;
    big->words[1] = (uint32_t)(value >> 32);
    big->count = big->words[1] != 0 ? 2 : big->words[0] != 0;
}

static void big_multiply(Big *big, uint32_t factor)
{
    uint64_t carry = 0;
    for (int32_t i = 0; i < big->count; i++) {
        carry += (uint64_t)big->words[i] * factor;
        big->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry == 0)
        return;
    assert(big->count < WORDS_MAX);
    big->words[big->count++] = (uint32_t)carry;
}

static void big_multiply_5(Big *big, int32_t power)
{
    for (; power >= 13; power -= 13)
        big_multiply(big, 1220703125); /* 5^13 */
    big_multiply(big, (uint32_t)power_5(power));
}

static void big_shift_left(Big *big, int32_t bits)
{
    int32_t words = bits / 32;
    assert(big->count + words < WORDS_MAX);
    if (words > 0 && big->count > 0) {
        memmove(big->words + words, big->words, sizeof(uint32_t) * (size_t)big->count);
        memset(big->words, 0, sizeof(uint32_t) * (size_t)words);
        big->count += words;
    }
    big_multiply(big, (uint32_t)1 << (bits % 32));
}

static int32_t big_compare(const Big *a, const Big *b)
{
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (int32_t i = a->count - 1; i >= 0; i--)
        if (a->words[i] != b->words[i])
            return a->words[i] < b->words[i] ? -1 : 1;
    return 0;
}

/* a -= b, where a >= b. */
static void big_subtract(Big *a, const Big *b)
{
    int64_t carry = 0;
    for (int32_t i = 0; i < a->count; i++) {
        carry += (int64_t)a->words[i] - (i < b->count ? (int64_t)b->words[i] : 0);
        a->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    assert(carry == 0);
    while (a->count > 0 && a->words[a->count - 1] == 0)
        a->count--;
}

static Big big_sum(const Big *a, const Big *b)
{
    Big sum = {0};
    uint64_t carry = 0;
    int32_t count = a->count > b->count ? a->count : b->count;
    for (int32_t i = 0; i < count || carry > 0; i++) {
        carry += (i < a->count ? a->words[i] : 0);
        carry += (i < b->count ? b->words[i] : 0);
        assert(i < WORDS_MAX);
        sum.words[sum.count++] = (uint32_t)carry;
        carry >>= 32;
    }
    return sum;
}

/* The quotient, which is below 10; a becomes the remainder. */
static int32_t big_divide_small(Big *a, const Big *b)
{
    int32_t quotient = 0;
    for (; big_compare(a, b) >= 0; quotient++)
        big_subtract(a, b);
    assert(quotient < 10);
    return quotient;
}

/* ---- Digits ---------------------------------------------------------------------------------- */

/* The powers of 2 and 5 in B (the number), S (what it is divided by) and M (half of the distance
 * between numbers). */
typedef struct Scale {
    uint64_t fraction;
    int32_t fraction_bits;
    int32_t b2, b5, s2, s5, m2, m5;
    int32_t exponent; /* of ten: the number is B / S * 10^exponent */
} Scale;

static bool has_exponent_form(int32_t exponent)
{
    return exponent < -3 || exponent >= 8;
}

static void digits_round_up(RealDigits *digits)
{
    int32_t i = digits->count - 1;
    while (i > 0 && digits->text[i] == '9')
        digits->text[i--] = '0';
    if (digits->text[i] == '9') {
        digits->text[0] = '1'; /* 99 becomes 10, one place higher */
        digits->whole++;
        return;
    }
    digits->text[i]++;
}

/* Where the division stopped: below the number, above it, or both, and then on which side of half.
 */
typedef struct Stop {
    bool is_low, is_high;
    int64_t side;
} Stop;

static void digits_finish(RealDigits *digits, Stop stop)
{
    if (!stop.is_high)
        return;
    bool is_odd = (digits->text[digits->count - 1] & 1) != 0;
    if (!stop.is_low || stop.side > 0 || (stop.side == 0 && is_odd))
        digits_round_up(digits);
}

static void digits_put(RealDigits *digits, int64_t digit)
{
    assert(digit >= 0 && digit < 10 && digits->count < REAL_DIGITS_MAX);
    digits->text[digits->count++] = (char)('0' + (char)digit);
}

/* All numbers fit 64 bits, but m may overflow: then it is surely large enough. `bits` is 32 where
 * Java counts in 32 bits, so that m overflows as early as there. */
static void digits_from_words(RealDigits *digits, const Scale *scale, int32_t bits)
{
    int64_t b = (int64_t)((scale->fraction * (uint64_t)power_5(scale->b5)) << scale->b2);
    int64_t s = (int64_t)((uint64_t)power_5(scale->s5) << scale->s2);
    int64_t m = (int64_t)((uint64_t)power_5(scale->m5) << scale->m2);
    int64_t tens = s * 10;
    int32_t exponent = scale->exponent;
    Stop stop = {0};
    for (int32_t i = 0;; i++) {
        int64_t q = b / s;
        b = 10 * (b % s);
        m = (int64_t)((uint64_t)m * 10);
        if (bits == 32)
            m = (int32_t)m;
        int64_t sum = (int64_t)((uint64_t)b + (uint64_t)m);
        if (bits == 32)
            sum = (int32_t)sum;
        stop.is_low = i > 0 && m <= 0 ? true : b < m;
        stop.is_high = i > 0 && m <= 0 ? true : sum > tens;
        if (i == 0 && q == 0 && !stop.is_high)
            exponent--; /* the estimate was too high */
        else
            digits_put(digits, q);
        if (i == 0 && has_exponent_form(exponent))
            continue; /* two digits at least */
        if (stop.is_low || stop.is_high)
            break;
    }
    stop.side = 2 * b - tens;
    digits->whole = exponent + 1;
    digits_finish(digits, stop);
}

static void big_make(Big *big, uint64_t value, int32_t power5, int32_t power2)
{
    big_set(big, value);
    big_multiply_5(big, power5);
    big_shift_left(big, power2);
}

static void digits_from_big(RealDigits *digits, const Scale *scale)
{
    Big b, s, m, tens;
    big_make(&b, scale->fraction, scale->b5, scale->b2);
    big_make(&s, 1, scale->s5, scale->s2);
    big_make(&m, 1, scale->m5, scale->m2);
    tens = s;
    big_multiply(&tens, 10);
    int32_t exponent = scale->exponent;
    Stop stop = {0};
    for (int32_t i = 0;; i++) {
        int32_t q = big_divide_small(&b, &s);
        big_multiply(&b, 10);
        big_multiply(&m, 10);
        Big sum = big_sum(&b, &m);
        stop.is_low = big_compare(&b, &m) < 0;
        stop.is_high = big_compare(&tens, &sum) <= 0;
        if (i == 0 && q == 0 && !stop.is_high)
            exponent--;
        else
            digits_put(digits, q);
        if (i == 0 && has_exponent_form(exponent))
            continue;
        if (stop.is_low || stop.is_high)
            break;
    }
    if (stop.is_low && stop.is_high) {
        big_multiply(&b, 2);
        stop.side = big_compare(&b, &tens);
    }
    digits->whole = exponent + 1;
    digits_finish(digits, stop);
}

/* How many of the last digits of a whole number say nothing, by the bits that were shifted in. */
static int32_t insignificant_digits(int32_t bits)
{
    static const int8_t counts[] = {0,  0,  0,  0,  1,  1,  1,  2,  2,  2,  3,  3,  3,  3,  4,  4,
                                    4,  5,  5,  5,  6,  6,  6,  6,  7,  7,  7,  8,  8,  8,  9,  9,
                                    9,  9,  10, 10, 10, 11, 11, 11, 12, 12, 12, 12, 13, 13, 13, 14,
                                    14, 14, 15, 15, 15, 15, 16, 16, 16, 17, 17, 17, 18, 18, 18, 19};
    return bits > 1 && bits < (int32_t)sizeof counts ? counts[bits] : 0;
}

static void digits_from_whole(RealDigits *digits, const Binary *binary)
{
    int32_t over = binary->exponent > binary->precision
                       ? insignificant_digits(binary->exponent - binary->precision - 1)
                       : 0;
    int32_t shift = binary->exponent - MANTISSA_BITS;
    uint64_t value = shift >= 0 ? binary->mantissa << shift : binary->mantissa >> -shift;
    uint64_t unit = 1;
    for (int32_t i = 0; i < over; i++)
        unit *= 10;
    value = value / unit + (over > 0 && value % unit >= unit / 2);
    char text[REAL_DIGITS_MAX];
    int32_t count = 0;
    for (uint64_t rest = value; rest > 0; rest /= 10)
        text[count++] = (char)('0' + (char)(rest % 10));
    digits->whole = count + over;
    for (int32_t i = count - 1; i >= 0; i--)
        digits->text[digits->count++] = text[i];
    while (digits->count > 1 && digits->text[digits->count - 1] == '0')
        digits->count--;
}

/* floor(log10) or one more. */
static int32_t estimate_exponent(const Binary *binary)
{
    uint64_t bits = (UINT64_C(1023) << MANTISSA_BITS) |
                    (binary->mantissa & ((UINT64_C(1) << MANTISSA_BITS) - 1));
    double mantissa;
    memcpy(&mantissa, &bits, sizeof mantissa);
    double guess =
        (mantissa - 1.5) * 0.289529654 + 0.176091259 + (double)binary->exponent * 0.301029995663981;
    return (int32_t)floor(guess);
}

static Scale scale_make(const Binary *binary, int32_t tail_zeros, int32_t tiny_bits)
{
    Scale scale = {.exponent = estimate_exponent(binary)};
    scale.fraction = binary->mantissa >> tail_zeros;
    scale.fraction_bits = MANTISSA_BITS + 1 - tail_zeros;
    scale.b5 = scale.m5 = scale.exponent < 0 ? -scale.exponent : 0;
    scale.s5 = scale.exponent > 0 ? scale.exponent : 0;
    scale.b2 = scale.b5 + tiny_bits + binary->exponent;
    scale.s2 = scale.s5 + tiny_bits;
    scale.m2 = scale.b2 - binary->precision;
    scale.b2 -= scale.fraction_bits - 1;
    int32_t common = scale.b2 < scale.s2 ? scale.b2 : scale.s2;
    scale.b2 -= common;
    scale.s2 -= common;
    scale.m2 -= common;
    if (scale.fraction_bits == 1)
        scale.m2--; /* below a power of two numbers lie closer */
    if (scale.m2 < 0) {
        scale.b2 -= scale.m2;
        scale.s2 -= scale.m2;
        scale.m2 = 0;
    }
    return scale;
}

static RealDigits digits_of(const Binary *binary)
{
    assert((binary->mantissa >> MANTISSA_BITS) == 1);
    RealDigits digits = {0};
    int32_t tail_zeros = __builtin_ctzll(binary->mantissa);
    int32_t fraction_bits = MANTISSA_BITS + 1 - tail_zeros;
    int32_t tiny_bits = fraction_bits - binary->exponent - 1;
    tiny_bits = tiny_bits < 0 ? 0 : tiny_bits;
    if (tiny_bits == 0 && binary->exponent <= SMALL_EXPONENT_MAX &&
        binary->exponent >= SMALL_EXPONENT_MIN) {
        digits_from_whole(&digits, binary);
        return digits;
    }
    Scale scale = scale_make(binary, tail_zeros, tiny_bits);
    int32_t b_bits = scale.fraction_bits + scale.b2 + bits_of_power_5(scale.b5);
    int32_t tens_bits = scale.s2 + 1 + bits_of_power_5(scale.s5 + 1);
    if (b_bits < 32 && tens_bits < 32)
        digits_from_words(&digits, &scale, 32);
    else if (b_bits < 64 && tens_bits < 64)
        digits_from_words(&digits, &scale, 64);
    else
        digits_from_big(&digits, &scale);
    return digits;
}

RealDigits real_digits_double(double value)
{
    assert(value > 0 && isfinite(value));
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    Binary binary = {.mantissa = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1),
                     .exponent = (int32_t)(bits >> MANTISSA_BITS),
                     .precision = MANTISSA_BITS + 1};
    if (binary.exponent == 0) {
        int32_t zeros = __builtin_clzll(binary.mantissa);
        int32_t shift = zeros - (63 - MANTISSA_BITS);
        binary.mantissa <<= shift;
        binary.exponent = 1 - shift;
        binary.precision = 64 - zeros;
    } else {
        binary.mantissa |= UINT64_C(1) << MANTISSA_BITS;
    }
    binary.exponent -= 1023;
    return digits_of(&binary);
}

RealDigits real_digits_float(float value)
{
    assert(value > 0 && isfinite(value));
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint32_t mantissa = bits & (((uint32_t)1 << MANTISSA_BITS_FLOAT) - 1);
    Binary binary = {.exponent = (int32_t)(bits >> MANTISSA_BITS_FLOAT),
                     .precision = MANTISSA_BITS_FLOAT + 1};
    if (binary.exponent == 0) {
        int32_t zeros = __builtin_clz(mantissa);
        int32_t shift = zeros - (31 - MANTISSA_BITS_FLOAT);
        mantissa <<= shift;
        binary.exponent = 1 - shift;
        binary.precision = 32 - zeros;
    } else {
        mantissa |= (uint32_t)1 << MANTISSA_BITS_FLOAT;
    }
    binary.exponent -= 127;
    binary.mantissa = (uint64_t)mantissa << (MANTISSA_BITS - MANTISSA_BITS_FLOAT);
    return digits_of(&binary);
}
