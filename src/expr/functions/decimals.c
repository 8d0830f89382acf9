/* DECIMAL arithmetic a column at a time.
 *
 * The types say beforehand what a value can be: while the result's uncut precision is at most
 * 18 digits, 64 bits do; up to 38 digits, 128 bits do and nothing can overflow. Only beyond
 * that each row takes the careful way, and a result that does not fit is NULL. */
#include "expr/functions/decimals.h"

#include "data/decimal.h"

enum { NARROW_DIGITS = 18 }; /* that fit int64_t */

/* The two columns and what their types promise. */
typedef struct Decimals {
    Selection rows;
    const Int128 *a, *b;
    int32_t step_a, step_b;
    int32_t precision_a, precision_b, precision;
    int32_t scale_a, scale_b, scale;
    Int128 *out;
} Decimals;

static Decimals decimals_of(const Call *call)
{
    Type a = call->args[0].type;
    Type b = call->args[1].type;
    Type result = call->node->expr->type;
    assert(a.id == TYPE_DECIMAL && b.id == TYPE_DECIMAL && result.id == TYPE_DECIMAL);
    return (Decimals){.rows = call->rows,
                      .a = call->args[0].values,
                      .b = call->args[1].values,
                      .step_a = column_stride(&call->args[0]),
                      .step_b = column_stride(&call->args[1]),
                      .precision_a = a.precision,
                      .precision_b = b.precision,
                      .precision = result.precision,
                      .scale_a = a.scale,
                      .scale_b = b.scale,
                      .scale = result.scale,
                      .out = call->out.values};
}

static int32_t max_i32(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* ---- Sums ------------------------------------------------------------------------------ */

static void sum_narrow(const Decimals *d, int64_t factor_a, int64_t factor_b)
{
    for (int32_t i = 0; i < d->rows.count; i++) {
        int32_t row = selection_row(d->rows, i);
        uint64_t a = (uint64_t)d->a[row * d->step_a] * (uint64_t)factor_a;
        uint64_t b = (uint64_t)d->b[row * d->step_b] * (uint64_t)factor_b;
        d->out[row] = (int64_t)(a + b);
    }
}

static void sum_wide(const Decimals *d, Int128 factor_a, Int128 factor_b)
{
    for (int32_t i = 0; i < d->rows.count; i++) {
        int32_t row = selection_row(d->rows, i);
        Uint128 a = (Uint128)d->a[row * d->step_a] * (Uint128)factor_a;
        Uint128 b = (Uint128)d->b[row * d->step_b] * (Uint128)factor_b;
        d->out[row] = (Int128)(a + b);
    }
}

static void sum_careful(Call *call, const Decimals *d, bool is_difference)
{
    for (int32_t i = 0; i < d->rows.count; i++) {
        int32_t row = selection_row(d->rows, i);
        Int128 a = d->a[row * d->step_a];
        Int128 b = d->b[row * d->step_b];
        if (is_difference)
            b = -b;
        bool is_ok = decimal_add(a, d->scale_a, b, d->scale_b, d->scale, &d->out[row]);
        if (!is_ok || !decimal_fits(d->out[row], d->precision))
            call_set_null(call, row);
    }
}

static void decimal_sum(Call *call, bool is_difference)
{
    Decimals d = decimals_of(call);
    int32_t scale = max_i32(d.scale_a, d.scale_b);
    int32_t whole = max_i32(d.precision_a - d.scale_a, d.precision_b - d.scale_b);
    int32_t uncut = whole + scale + 1;
    if (uncut > DECIMAL_PRECISION_MAX) {
        sum_careful(call, &d, is_difference);
        return;
    }
    assert(d.scale == scale);
    Int128 factor_a = decimal_power10(scale - d.scale_a);
    Int128 factor_b = decimal_power10(scale - d.scale_b);
    if (is_difference)
        factor_b = -factor_b;
    if (uncut <= NARROW_DIGITS)
        sum_narrow(&d, (int64_t)factor_a, (int64_t)factor_b);
    else
        sum_wide(&d, factor_a, factor_b);
}

void decimal_add_kernel(Call *call)
{
    decimal_sum(call, false);
}

void decimal_subtract_kernel(Call *call)
{
    decimal_sum(call, true);
}

/* ---- Products -------------------------------------------------------------------------- */

static void multiply_narrow(const Decimals *d)
{
    for (int32_t i = 0; i < d->rows.count; i++) {
        int32_t row = selection_row(d->rows, i);
        d->out[row] = (Int128)(int64_t)d->a[row * d->step_a] * (int64_t)d->b[row * d->step_b];
    }
}

static void multiply_wide(const Decimals *d)
{
    for (int32_t i = 0; i < d->rows.count; i++) {
        int32_t row = selection_row(d->rows, i);
        d->out[row] = d->a[row * d->step_a] * d->b[row * d->step_b];
    }
}

static void multiply_careful(Call *call, const Decimals *d)
{
    for (int32_t i = 0; i < d->rows.count; i++) {
        int32_t row = selection_row(d->rows, i);
        bool is_ok = decimal_multiply(d->a[row * d->step_a], d->scale_a, d->b[row * d->step_b],
                                      d->scale_b, d->scale, &d->out[row]);
        if (!is_ok || !decimal_fits(d->out[row], d->precision))
            call_set_null(call, row);
    }
}

void decimal_multiply_kernel(Call *call)
{
    Decimals d = decimals_of(call);
    if (d.precision_a + d.precision_b + 1 > DECIMAL_PRECISION_MAX)
        multiply_careful(call, &d);
    else if (d.precision_a <= NARROW_DIGITS && d.precision_b <= NARROW_DIGITS)
        multiply_narrow(&d);
    else
        multiply_wide(&d);
}

/* ---- Quotients ------------------------------------------------------------------------- */

static void reject_zero(Call *call, int32_t row)
{
    call_reject(call, row, "WR4101", "division by zero");
}

/* HALF_UP: half away from zero. No value is the least of its type. */
static int64_t quotient_narrow(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    int64_t rest = a % b;
    rest = rest < 0 ? -rest : rest;
    int64_t divisor = b < 0 ? -b : b;
    if (rest >= divisor - rest)
        quotient += (a < 0) == (b < 0) ? 1 : -1;
    return quotient;
}

static Int128 quotient_wide(Int128 a, Int128 b)
{
    Int128 quotient = a / b;
    Int128 rest = a % b;
    rest = rest < 0 ? -rest : rest;
    Int128 divisor = b < 0 ? -b : b;
    if (rest >= divisor - rest)
        quotient += (a < 0) == (b < 0) ? 1 : -1;
    return quotient;
}

static void divide_exact(Call *call, const Decimals *d, int32_t shift)
{
    bool is_narrow = d->precision_a + shift <= NARROW_DIGITS && d->precision_b <= NARROW_DIGITS;
    Int128 factor = decimal_power10(shift);
    for (int32_t i = 0; i < d->rows.count; i++) {
        int32_t row = selection_row(d->rows, i);
        Int128 b = d->b[row * d->step_b];
        if (b == 0)
            reject_zero(call, row);
        else if (is_narrow)
            d->out[row] =
                quotient_narrow((int64_t)d->a[row * d->step_a] * (int64_t)factor, (int64_t)b);
        else
            d->out[row] = quotient_wide(d->a[row * d->step_a] * factor, b);
    }
}

static void divide_careful(Call *call, const Decimals *d)
{
    for (int32_t i = 0; i < d->rows.count; i++) {
        int32_t row = selection_row(d->rows, i);
        Int128 b = d->b[row * d->step_b];
        if (b == 0) {
            reject_zero(call, row);
            continue;
        }
        bool is_ok = decimal_divide(d->a[row * d->step_a], d->scale_a, b, d->scale_b, d->scale,
                                    &d->out[row]);
        if (!is_ok || !decimal_fits(d->out[row], d->precision))
            call_set_null(call, row);
    }
}

void decimal_divide_kernel(Call *call)
{
    Decimals d = decimals_of(call);
    int32_t shift = d.scale - d.scale_a + d.scale_b;
    int32_t uncut = d.precision_a - d.scale_a + d.scale_b + d.scale;
    if (shift >= 0 && d.precision_a + shift <= DECIMAL_PRECISION_MAX && uncut <= d.precision)
        divide_exact(call, &d, shift);
    else
        divide_careful(call, &d);
}

void decimal_modulo_kernel(Call *call)
{
    Decimals d = decimals_of(call);
    bool is_narrow = d.scale_a == d.scale_b && d.scale == d.scale_a &&
                     d.precision_a <= NARROW_DIGITS && d.precision_b <= NARROW_DIGITS;
    for (int32_t i = 0; i < d.rows.count; i++) {
        int32_t row = selection_row(d.rows, i);
        Int128 a = d.a[row * d.step_a];
        Int128 b = d.b[row * d.step_b];
        if (b == 0) {
            reject_zero(call, row);
        } else if (is_narrow) {
            d.out[row] = (int64_t)a % (int64_t)b;
        } else {
            bool is_ok = decimal_modulo(a, d.scale_a, b, d.scale_b, d.scale, &d.out[row]);
            if (!is_ok || !decimal_fits(d.out[row], d.precision))
                call_set_null(call, row);
        }
    }
}
