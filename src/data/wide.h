/* Unsigned 256-bit arithmetic: what products and quotients of two decimals need in between.
 * Private to data/. */
#ifndef WEIR_DATA_WIDE_H
#define WEIR_DATA_WIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "data/batch.h"

typedef struct Wide {
    Uint128 high, low;
} Wide;

static inline Wide wide_from(Uint128 value)
{
    return (Wide){.low = value};
}

static inline int wide_compare(Wide a, Wide b)
{
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return a.low == b.low ? 0 : a.low < b.low ? -1 : 1;
}

static inline Wide wide_add(Wide a, Wide b)
{
    Wide sum = {.high = a.high + b.high, .low = a.low + b.low};
    sum.high += sum.low < a.low;
    return sum;
}

/* a >= b. */
static inline Wide wide_subtract(Wide a, Wide b)
{
    return (Wide){.high = a.high - b.high - (a.low < b.low), .low = a.low - b.low};
}

static inline Wide wide_product(Uint128 a, Uint128 b)
{
    uint64_t a0 = (uint64_t)a, a1 = (uint64_t)(a >> 64);
    uint64_t b0 = (uint64_t)b, b1 = (uint64_t)(b >> 64);
    Uint128 low = (Uint128)a0 * b0;
    Uint128 cross = (Uint128)a1 * b0 + (uint64_t)(low >> 64);
    Uint128 other = (Uint128)a0 * b1 + (uint64_t)cross;
    return (Wide){
        .high = (Uint128)a1 * b1 + (uint64_t)(cross >> 64) + (uint64_t)(other >> 64),
        .low = (other << 64) | (uint64_t)low,
    };
}

/* a * b; false when it does not fit 256 bits. */
static inline bool wide_multiply(Wide a, Uint128 b, Wide *out)
{
    Wide high = wide_product(a.high, b);
    Wide low = wide_product(a.low, b);
    Uint128 sum = low.high + high.low;
    if (high.high != 0 || sum < low.high)
        return false;
    *out = (Wide){.high = sum, .low = low.low};
    return true;
}

/* a / b with its remainder; b != 0. Bit by bit where 128 bits do not do. */
static inline Wide wide_divide(Wide a, Uint128 b, Uint128 *remainder)
{
    if (a.high == 0) {
        *remainder = a.low % b;
        return wide_from(a.low / b);
    }
    Wide quotient = {.high = a.high / b};
    Uint128 rest = a.high % b;
    for (int bit = 127; bit >= 0; bit--) {
        bool carry = (rest >> 127) != 0;
        rest = (rest << 1) | ((a.low >> bit) & 1);
        if (carry || rest >= b) {
            rest -= b;
            quotient.low |= (Uint128)1 << bit;
        }
    }
    *remainder = rest;
    return quotient;
}

/* a >> bits, bits in 0 … 255. */
static inline Wide wide_shift_right(Wide a, int bits)
{
    if (bits == 0)
        return a;
    if (bits >= 128)
        return wide_from(a.high >> (bits - 128));
    return (Wide){.high = a.high >> bits, .low = (a.low >> bits) | (a.high << (128 - bits))};
}

#endif
