/* VAR_POP, VAR_SAMP, STDDEV_POP, STDDEV_SAMP and their short names.
 *
 * Integers keep exact sums and divide as integers, cutting, as Flink's rewriting into SUM and
 * COUNT does. Reals and decimals keep mean and squared distance (Welford; merged by Chan's
 * formula), which does not cancel as sums of squares do. */
#include <math.h>

#include "data/decimal.h"
#include "expr/aggregate/aggregate.h"

typedef Int128 __attribute__((aligned(8))) LooseInt128;

typedef struct IntegerSpread {
    LooseInt128 sum;
    LooseInt128 squares;
    int64_t count;
} IntegerSpread;

typedef struct RealSpread {
    double mean;
    double distance; /* sum of squared distances from the mean */
    int64_t count;
} RealSpread;

static bool is_root(const AggregateCall *call)
{
    return call->kind->name[0] == 'S';
}

/* What the squared distances are divided by; 0: the result is NULL. */
static int64_t divisor(const AggregateCall *call, int64_t count)
{
    bool is_population = strstr(call->kind->name, "POP") != NULL;
    return count <= 0 ? 0 : is_population ? count : count - 1;
}

/* ---- Integers -------------------------------------------------------------------------- */

static int64_t integer_at(const Column *column, int32_t index)
{
    switch (column->physical) {
    case PHYSICAL_I8: return ((const int8_t *)column->values)[index];
    case PHYSICAL_I16: return ((const int16_t *)column->values)[index];
    case PHYSICAL_I32: return ((const int32_t *)column->values)[index];
    case PHYSICAL_I64: return ((const int64_t *)column->values)[index];
    case PHYSICAL_NONE:
    case PHYSICAL_BOOL:
    case PHYSICAL_I128:
    case PHYSICAL_F32:
    case PHYSICAL_F64:
    case PHYSICAL_STRING: break;
    }
    assert(!"not an integer");
    return 0;
}

static void integer_add(IntegerSpread *into, Int128 sum, Int128 squares, int64_t count)
{
    into->sum = (Int128)((Uint128)into->sum + (Uint128)sum);
    into->squares = (Int128)((Uint128)into->squares + (Uint128)squares);
    into->count += count;
}

static void integer_update(const AggregateCall *call, const AggregateRows *in)
{
    (void)call;
    const Column *column = &in->args[0];
    for (int32_t i = 0; i < in->rows.count; i++) {
        int32_t row = selection_row(in->rows, i);
        if (column_is_null(column, row))
            continue;
        int64_t weight = aggregate_weight(in->kinds, row);
        Int128 value = integer_at(column, column_index(column, row));
        integer_add(aggregate_state(in, i), value * weight, value * value * weight, weight);
    }
}

static void integer_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    (void)call;
    const IntegerSpread *other = (const void *)from;
    integer_add((void *)into, other->sum, other->squares, other->count);
}

static void integer_subtract(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    (void)call;
    const IntegerSpread *other = (const void *)from;
    integer_add((void *)into, (Int128)(0 - (Uint128)other->sum),
                (Int128)(0 - (Uint128)other->squares), -other->count);
}

static void integer_put(Column *out, int32_t row, int64_t value)
{
    switch (physical_bytes(out->physical)) {
    case 1: ((int8_t *)out->values)[row] = (int8_t)value; break;
    case 2: ((int16_t *)out->values)[row] = (int16_t)value; break;
    case 4: ((int32_t *)out->values)[row] = (int32_t)value; break;
    default: ((int64_t *)out->values)[row] = value; break;
    }
}

static bool integer_result(const AggregateCall *call, const uint8_t *state, Column *out,
                           Arena *arena, int32_t row)
{
    (void)arena;
    const IntegerSpread *spread = (const void *)state;
    int64_t count = divisor(call, spread->count);
    if (count == 0)
        return false;
    Int128 sum = spread->sum;
    Int128 variance;
    if (sum > INT64_MIN && sum < INT64_MAX) {
        variance = (spread->squares - sum * sum / spread->count) / count;
    } else {
        double square = (double)sum * (double)sum / (double)spread->count;
        variance = (Int128)(((double)spread->squares - square) / (double)count);
    }
    if (is_root(call))
        variance = (Int128)sqrt((double)variance);
    integer_put(out, row, (int64_t)variance);
    return true;
}

/* ---- Reals and decimals ---------------------------------------------------------------- */

static double real_at(const Column *column, int32_t index)
{
    if (column->physical == PHYSICAL_F32)
        return (double)((const float *)column->values)[index];
    if (column->physical == PHYSICAL_F64)
        return ((const double *)column->values)[index];
    return decimal_to_double(((const Int128 *)column->values)[index], column->type.scale);
}

static void real_take(RealSpread *spread, double value, int64_t weight)
{
    int64_t count = spread->count + weight;
    if (count == 0) {
        *spread = (RealSpread){0};
        return;
    }
    double away = value - spread->mean;
    double mean = spread->mean + away * (double)weight / (double)count;
    spread->distance += (double)weight * away * (value - mean);
    spread->mean = mean;
    spread->count = count;
}

static void real_update(const AggregateCall *call, const AggregateRows *in)
{
    (void)call;
    const Column *column = &in->args[0];
    for (int32_t i = 0; i < in->rows.count; i++) {
        int32_t row = selection_row(in->rows, i);
        if (!column_is_null(column, row))
            real_take(aggregate_state(in, i), real_at(column, column_index(column, row)),
                      aggregate_weight(in->kinds, row));
    }
}

static void real_merge(const AggregateCall *call, uint8_t *into, const uint8_t *from)
{
    (void)call;
    RealSpread *a = (void *)into;
    const RealSpread *b = (const void *)from;
    int64_t count = a->count + b->count;
    if (b->count == 0 || count == 0)
        return;
    double away = b->mean - a->mean;
    double share = (double)b->count / (double)count;
    a->distance += b->distance + away * away * (double)a->count * share;
    a->mean += away * share;
    a->count = count;
}

static bool real_result(const AggregateCall *call, const uint8_t *state, Column *out, Arena *arena,
                        int32_t row)
{
    (void)arena;
    const RealSpread *spread = (const void *)state;
    int64_t count = divisor(call, spread->count);
    if (count == 0)
        return false;
    double variance = spread->distance / (double)count;
    if (variance < 0)
        variance = 0;
    /* Of decimals the root is that of the variance as a decimal, digits cut off. */
    Int128 wide;
    int32_t scale = call->result.scale;
    if (is_root(call) && out->physical == PHYSICAL_I128 &&
        decimal_from_double(variance, call->result.precision, scale, &wide))
        variance = decimal_to_double(wide, scale);
    if (is_root(call))
        variance = sqrt(variance);
    switch (out->physical) {
    case PHYSICAL_F32: ((float *)out->values)[row] = (float)variance; return true;
    case PHYSICAL_F64: ((double *)out->values)[row] = variance; return true;
    case PHYSICAL_NONE:
    case PHYSICAL_BOOL:
    case PHYSICAL_I8:
    case PHYSICAL_I16:
    case PHYSICAL_I32:
    case PHYSICAL_I64:
    case PHYSICAL_I128:
    case PHYSICAL_STRING: break;
    }
    return decimal_from_double(variance, call->result.precision, call->result.scale,
                               &((Int128 *)out->values)[row]);
}

/* ---- Kinds ----------------------------------------------------------------------------- */

#define INTEGER_KIND(text)                                                                         \
    {                                                                                              \
        .name = (text), .state_bytes = sizeof(IntegerSpread), .update = integer_update,            \
        .merge = integer_merge, .subtract = integer_subtract, .result = integer_result             \
    }
#define REAL_KIND(text)                                                                            \
    {                                                                                              \
        .name = (text), .state_bytes = sizeof(RealSpread), .update = real_update,                  \
        .merge = real_merge, .result = real_result                                                 \
    }

static const AggregateKind integer_kinds[] = {
    INTEGER_KIND("STDDEV_POP"), INTEGER_KIND("STDDEV_SAMP"), INTEGER_KIND("STDDEV"),
    INTEGER_KIND("VAR_POP"),    INTEGER_KIND("VAR_SAMP"),    INTEGER_KIND("VARIANCE"),
};

static const AggregateKind real_kinds[] = {
    REAL_KIND("STDDEV_POP"), REAL_KIND("STDDEV_SAMP"), REAL_KIND("STDDEV"),
    REAL_KIND("VAR_POP"),    REAL_KIND("VAR_SAMP"),    REAL_KIND("VARIANCE"),
};

const AggregateKind *variance_kind(Type arg, const char *name)
{
    if (!type_is_numeric(arg))
        return NULL;
    const AggregateKind *kinds = type_is_integer(arg) ? integer_kinds : real_kinds;
    for (size_t i = 0; i < sizeof real_kinds / sizeof real_kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}
