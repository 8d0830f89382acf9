/* Fixed-point numbers up to 38 digits in 128 bits: arithmetic, rounding and text.
 *
 * A decimal is its unscaled value; precision and scale live in the Type. Rounding is HALF_UP
 * (half away from zero), as java.math.BigDecimal does it for Flink. Functions that can leave
 * the 38-digit range return false: SQL then says NULL. */
#ifndef WEIR_DATA_DECIMAL_H
#define WEIR_DATA_DECIMAL_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/str.h"
#include "data/batch.h"

/* 10 to the power of 0 … 38. */
Int128 decimal_power10(int32_t exponent);

/* |value| < 10^precision. */
bool decimal_fits(Int128 value, int32_t precision);

/* Change the scale, HALF_UP when it shrinks; false on overflow of 38 digits. */
bool decimal_rescale(Int128 value, int32_t from_scale, int32_t to_scale, Int128 *out);

/* a (scale sa) ∘ b (scale sb) at `scale`, rounded HALF_UP; intermediate results do not
 * overflow (256-bit where needed). divide and modulo: b must not be 0. */
bool decimal_add(Int128 a, int32_t sa, Int128 b, int32_t sb, int32_t scale, Int128 *out);
bool decimal_subtract(Int128 a, int32_t sa, Int128 b, int32_t sb, int32_t scale, Int128 *out);
bool decimal_multiply(Int128 a, int32_t sa, Int128 b, int32_t sb, int32_t scale, Int128 *out);
bool decimal_divide(Int128 a, int32_t sa, Int128 b, int32_t sb, int32_t scale, Int128 *out);
bool decimal_modulo(Int128 a, int32_t sa, Int128 b, int32_t sb, int32_t scale, Int128 *out);

/* Compare across scales: < 0, 0, > 0. */
int decimal_compare(Int128 a, int32_t sa, Int128 b, int32_t sb);

/* "[+-]digits[.digits][e[+-]digits]" to the scale, HALF_UP. False when it is not a number
 * (is_overflow false) or does not fit the precision (is_overflow true). */
bool decimal_parse(Str text, int32_t precision, int32_t scale, Int128 *out, bool *is_overflow);

/* Plain notation with exactly `scale` digits behind the point. */
void decimal_print(Buffer *out, Int128 value, int32_t scale);

/* BigDecimal.toString: plain unless the scale is negative or there are more than five zeros
 * behind the point: "0.000001", "1E-7". */
void decimal_print_java(Buffer *out, Int128 value, int32_t scale);

/* Trailing zeros stripped, then BigDecimal.toString: "1E+2", "2.7E-8", "10.5". */
void decimal_print_stripped(Buffer *out, Int128 value, int32_t scale);

double decimal_to_double(Int128 value, int32_t scale);

/* HALF_UP of what real_print_double prints; false for NaN, infinities and overflow. */
bool decimal_from_double(double value, int32_t precision, int32_t scale, Int128 *out);

#endif
