/* SUM and AVG. Both keep a sum and the number of values; they differ in the result.
 *
 * Integers add in 64 bits and wrap, and the result is cut to its type, which is the same as
 * wrapping all along. Decimals add in 128 bits, or 192 where 2^63 rows could overflow those,
 * so that a sum is exact whatever was added and taken back in between. Reals add in DOUBLE;
 * taking back rounds, so they are retractable but not called invertible. */
#include "data/decimal.h"
#include "expr/aggregate/aggregate.h"

enum { NARROW_DIGITS = 18 };

typedef struct IntegerSum {
    int64_t sum;
    int64_t count;
} IntegerSum;

typedef struct RealSum {
    double sum;
    int64_t count;
} RealSum;

/* Accumulators are aligned to 8 bytes only. */
typedef Int128 __attribute__((aligned(8))) LooseInt128;

typedef struct DecimalSum {
    LooseInt128 sum;
    int64_t count;
} DecimalSum;

/* sum + high * 2^128, sum unsigned. */
typedef struct WideSum {
    LooseInt128 sum;
    int64_t high;
    int64_t count;
} WideSum;

#define INTEGER_ADD(state, value, weight)                                                          \
    ((state)->sum = (int64_t)((uint64_t)(state)->sum + (uint64_t)(value) * (uint64_t)(weight)))

#define SUM_NAME sum_i8_update
#define SUM_LOOP sum_i8_loop
#define SUM_TYPE int8_t
#define SUM_STATE IntegerSum
#define SUM_ADD INTEGER_ADD
#include "expr/kernels/sum.inc"
#define SUM_NAME sum_i16_update
#define SUM_LOOP sum_i16_loop
#define SUM_TYPE int16_t
#define SUM_STATE IntegerSum
#define SUM_ADD INTEGER_ADD
#include "expr/kernels/sum.inc"
#define SUM_NAME sum_i32_update
#define SUM_LOOP sum_i32_loop
#define SUM_TYPE int32_t
#define SUM_STATE IntegerSum
#define SUM_ADD INTEGER_ADD
#include "expr/kernels/sum.inc"
#define SUM_NAME sum_i64_update
#define SUM_LOOP sum_i64_loop
#define SUM_TYPE int64_t
#define SUM_STATE IntegerSum
#define SUM_ADD INTEGER_ADD
#include "expr/kernels/sum.inc"

/* Decimals of up to 18 digits lie in the low word. */
#define NARROW_ADD(state, value, weight) ((state)->sum += (int64_t)(value) * (weight))
#define SUM_NAME sum_decimal_update
#define SUM_LOOP sum_decimal_loop
#define SUM_TYPE Int128
#define SUM_STATE DecimalSum
#define SUM_ADD NARROW_ADD
#include "expr/kernels/sum.inc"

static inline void wide_add(WideSum *state, Int128 value, int64_t weight)
{
    Int128 term = weight < 0 ? -value : weight == 0 ? 0 : value;
    Uint128 before = (Uint128)state->sum;
    Uint128 after = before + (Uint128)term;
    state->sum = (Int128)after;
    state->high += (after < before) - (term < 0);
}

#define SUM_NAME sum_wide_update
#define SUM_LOOP sum_wide_loop
#define SUM_TYPE Int128
#define SUM_STATE WideSum
#define SUM_ADD wide_add
#include "expr/kernels/sum.inc"

/* A NULL's value may be NaN, which no weight makes harmless. */
static inline void real_add(RealSum *state, double value, int64_t weight)
{
    if (weight != 0)
        state->sum += weight < 0 ? -value : value;
}

#define SUM_NAME sum_f32_update
#define SUM_LOOP sum_f32_loop
#define SUM_TYPE float
#define SUM_STATE RealSum
#define SUM_ADD(state, value, weight) real_add(state, (double)(value), weight)
#include "expr/kernels/sum.inc"
#define SUM_NAME sum_f64_update
#define SUM_LOOP sum_f64_loop
#define SUM_TYPE double
#define SUM_STATE RealSum
#define SUM_ADD real_add
#include "expr/kernels/sum.inc"

/* ---- Merging --------------------------------------------------------------------------- */

static void integer_combine(uint8_t *into, const uint8_t *from, int64_t weight)
{
    IntegerSum *a = (void *)into;
    const IntegerSum *b = (const void *)from;
    INTEGER_ADD(a, b->sum, weight);
    a->count += b->count * weight;
}

static void integer_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    (void)call;
    integer_combine(into, from, 1);
}

static void integer_subtract(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    (void)call;
    integer_combine(into, from, -1);
}

static void integer_combine_run(const AggregatePairs *pairs, int64_t weight)
{
    for (int32_t i = 0; i < pairs->count; i++)
        integer_combine(aggregate_into(pairs, i), aggregate_from(pairs, i), weight);
}

static void real_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    (void)call;
    RealSum *a = (void *)into;
    const RealSum *b = (const void *)from;
    a->sum += b->sum;
    a->count += b->count;
}

static void decimal_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    (void)call;
    DecimalSum *a = (void *)into;
    const DecimalSum *b = (const void *)from;
    a->sum += b->sum;
    a->count += b->count;
}

static void decimal_unmerge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    (void)call;
    DecimalSum *a = (void *)into;
    const DecimalSum *b = (const void *)from;
    a->sum -= b->sum;
    a->count -= b->count;
}

static void decimal_combine_run(const AggregatePairs *pairs, int64_t weight)
{
    for (int32_t i = 0; i < pairs->count; i++) {
        DecimalSum *a = aggregate_into(pairs, i);
        const DecimalSum *b = aggregate_from(pairs, i);
        a->sum += weight < 0 ? -b->sum : b->sum;
        a->count += b->count * weight;
    }
}

static void wide_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    (void)call;
    WideSum *a = (void *)into;
    const WideSum *b = (const void *)from;
    Uint128 sum = (Uint128)a->sum + (Uint128)b->sum;
    a->high += b->high + (sum < (Uint128)b->sum);
    a->sum = (Int128)sum;
    a->count += b->count;
}

static void wide_unmerge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    (void)call;
    WideSum *a = (void *)into;
    const WideSum *b = (const void *)from;
    a->high -= b->high + ((Uint128)a->sum < (Uint128)b->sum);
    a->sum = (Int128)((Uint128)a->sum - (Uint128)b->sum);
    a->count -= b->count;
}

/* ---- Results --------------------------------------------------------------------------- */

static bool integer_set(Column *out, int32_t row, int64_t value)
{
    switch (out->physical) {
    case PHYSICAL_I8: ((int8_t *)out->values)[row] = (int8_t)value; break;
    case PHYSICAL_I16: ((int16_t *)out->values)[row] = (int16_t)value; break;
    case PHYSICAL_I32: ((int32_t *)out->values)[row] = (int32_t)value; break;
    case PHYSICAL_I64: ((int64_t *)out->values)[row] = value; break;
    case PHYSICAL_NONE:
    case PHYSICAL_BOOL:
    case PHYSICAL_I128:
    case PHYSICAL_F32:
    case PHYSICAL_F64:
    case PHYSICAL_STRING: assert(!"not an integer");
    }
    return true;
}

static bool real_set(Column *out, int32_t row, double value)
{
    if (out->physical == PHYSICAL_F32)
        ((float *)out->values)[row] = (float)value;
    else
        ((double *)out->values)[row] = value;
    return true;
}

static bool integer_sum_result(const AggregateCall *call, const uint8_t *state, Column *out,
                               Arena *arena, int32_t row)
{
    (void)call;
    (void)arena;
    const IntegerSum *sum = (const void *)state;
    return sum->count != 0 && integer_set(out, row, sum->sum);
}

static bool integer_sum_result_run(const AggregateStates *in, Column *out, int32_t row)
{
    if (out->physical != PHYSICAL_I64)
        return false;
    int64_t *values = (int64_t *)out->values + row;
    bool is_good = true;
    for (int32_t i = 0; i < in->count; i++) {
        const IntegerSum *sum = (const void *)(in->states[i] + in->offset);
        values[aggregate_run_row(in, i)] = sum->sum;
        is_good = is_good && sum->count != 0;
    }
    return is_good;
}

static bool integer_average_result(const AggregateCall *call, const uint8_t *state, Column *out,
                                   Arena *arena, int32_t row)
{
    (void)call;
    (void)arena;
    const IntegerSum *sum = (const void *)state;
    if (sum->count == 0)
        return false;
    /* count is -1 only for rows taken back before they came. */
    int64_t mean = sum->count == -1 ? (int64_t)(0 - (uint64_t)sum->sum) : sum->sum / sum->count;
    return integer_set(out, row, mean);
}

static bool real_sum_result(const AggregateCall *call, const uint8_t *state, Column *out,
                            Arena *arena, int32_t row)
{
    (void)call;
    (void)arena;
    const RealSum *sum = (const void *)state;
    return sum->count != 0 && real_set(out, row, sum->sum);
}

static bool real_average_result(const AggregateCall *call, const uint8_t *state, Column *out,
                                Arena *arena, int32_t row)
{
    (void)call;
    (void)arena;
    const RealSum *sum = (const void *)state;
    return sum->count != 0 && real_set(out, row, sum->sum / (double)sum->count);
}

/* The sum and count of either decimal state; false if the sum has more than 128 bits. */
static bool decimal_total(const AggregateCall *call, const uint8_t *state, Int128 *sum,
                          int64_t *count)
{
    if (call->arg_types[0].precision <= NARROW_DIGITS) {
        const DecimalSum *narrow = (const void *)state;
        *sum = narrow->sum;
        *count = narrow->count;
        return true;
    }
    const WideSum *wide = (const void *)state;
    *sum = wide->sum;
    *count = wide->count;
    return wide->high == (wide->sum < 0 ? -1 : 0);
}

static bool decimal_sum_result(const AggregateCall *call, const uint8_t *state, Column *out,
                               Arena *arena, int32_t row)
{
    (void)arena;
    Int128 sum;
    int64_t count;
    if (!decimal_total(call, state, &sum, &count) || count == 0 ||
        !decimal_fits(sum, DECIMAL_PRECISION_MAX))
        return false;
    ((Int128 *)out->values)[row] = sum;
    return true;
}

/* Sums whose high half is next to nothing fit whatever the digits. */
static bool narrow_sum_result_run(const AggregateStates *in, Column *out, int32_t row)
{
    Int128 *values = (Int128 *)out->values + row;
    bool is_good = true;
    for (int32_t i = 0; i < in->count; i++) {
        const DecimalSum *state = (const void *)(in->states[i] + in->offset);
        int64_t high = (int64_t)(state->sum >> 64);
        is_good &= (state->count != 0) & (high + 1 >= 0) & (high <= 0);
        values[aggregate_run_row(in, i)] = state->sum;
    }
    return is_good;
}

static bool decimal_average_result(const AggregateCall *call, const uint8_t *state, Column *out,
                                   Arena *arena, int32_t row)
{
    (void)arena;
    Int128 sum;
    int64_t count;
    if (!decimal_total(call, state, &sum, &count) || count == 0 ||
        !decimal_fits(sum, DECIMAL_PRECISION_MAX))
        return false;
    return decimal_divide(sum, call->arg_types[0].scale, count, 0, call->result.scale,
                          &((Int128 *)out->values)[row]);
}

/* ---- Kinds ----------------------------------------------------------------------------- */

#define INTEGER_KIND(text, updater, finisher, run)                                                 \
    {                                                                                              \
        .name = (text), .state_bytes = sizeof(IntegerSum), .update = (updater),                    \
        .merge = integer_merge, .subtract = integer_subtract, .result = (finisher),                \
        .combine_run = integer_combine_run, .result_run = (run)                                    \
    }
#define REAL_KIND(text, updater, finisher)                                                         \
    {                                                                                              \
        .name = (text), .state_bytes = sizeof(RealSum), .update = (updater), .merge = real_merge,  \
        .result = (finisher)                                                                       \
    }
#define DECIMAL_KIND(text, finisher, run)                                                          \
    {                                                                                              \
        .name = (text), .state_bytes = sizeof(DecimalSum), .update = sum_decimal_update,           \
        .merge = decimal_merge, .subtract = decimal_unmerge, .result = (finisher),                 \
        .combine_run = decimal_combine_run, .result_run = (run)                                    \
    }
#define WIDE_KIND(text, finisher)                                                                  \
    {                                                                                              \
        .name = (text), .state_bytes = sizeof(WideSum), .update = sum_wide_update,                 \
        .merge = wide_merge, .subtract = wide_unmerge, .result = (finisher)                        \
    }

/* By physical type; the narrow decimals stand where no number lies. */
enum { KIND_NARROW = PHYSICAL_STRING, KIND_COUNT };

static const AggregateKind sum_kinds[KIND_COUNT] = {
    [PHYSICAL_I8] = INTEGER_KIND("SUM", sum_i8_update, integer_sum_result, integer_sum_result_run),
    [PHYSICAL_I16] =
        INTEGER_KIND("SUM", sum_i16_update, integer_sum_result, integer_sum_result_run),
    [PHYSICAL_I32] =
        INTEGER_KIND("SUM", sum_i32_update, integer_sum_result, integer_sum_result_run),
    [PHYSICAL_I64] =
        INTEGER_KIND("SUM", sum_i64_update, integer_sum_result, integer_sum_result_run),
    [PHYSICAL_F32] = REAL_KIND("SUM", sum_f32_update, real_sum_result),
    [PHYSICAL_F64] = REAL_KIND("SUM", sum_f64_update, real_sum_result),
    [PHYSICAL_I128] = WIDE_KIND("SUM", decimal_sum_result),
    [KIND_NARROW] = DECIMAL_KIND("SUM", decimal_sum_result, narrow_sum_result_run),
};

static const AggregateKind average_kinds[KIND_COUNT] = {
    [PHYSICAL_I8] = INTEGER_KIND("AVG", sum_i8_update, integer_average_result, NULL),
    [PHYSICAL_I16] = INTEGER_KIND("AVG", sum_i16_update, integer_average_result, NULL),
    [PHYSICAL_I32] = INTEGER_KIND("AVG", sum_i32_update, integer_average_result, NULL),
    [PHYSICAL_I64] = INTEGER_KIND("AVG", sum_i64_update, integer_average_result, NULL),
    [PHYSICAL_F32] = REAL_KIND("AVG", sum_f32_update, real_average_result),
    [PHYSICAL_F64] = REAL_KIND("AVG", sum_f64_update, real_average_result),
    [PHYSICAL_I128] = WIDE_KIND("AVG", decimal_average_result),
    [KIND_NARROW] = DECIMAL_KIND("AVG", decimal_average_result, NULL),
};

static const AggregateKind *pick(const AggregateKind *kinds, Type arg)
{
    if (!type_is_numeric(arg))
        return NULL;
    if (arg.id == TYPE_DECIMAL && arg.precision <= NARROW_DIGITS)
        return &kinds[KIND_NARROW];
    return &kinds[type_physical(arg)];
}

const AggregateKind *sum_kind(Type arg)
{
    return pick(sum_kinds, arg);
}

const AggregateKind *average_kind(Type arg)
{
    return pick(average_kinds, arg);
}
