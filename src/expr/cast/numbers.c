/* Casts among numbers, BOOLEAN and intervals, with Java's narrowing. */
#include "data/decimal.h"
#include "expr/cast/cast.h"

/* A real as Java's (int) and (long) make it: cut, held at the ends, NaN as 0. */
static inline int32_t real_to_i32(double value)
{
    if (value >= 2147483647.0)
        return INT32_MAX;
    if (value <= -2147483648.0)
        return INT32_MIN;
    return value != value ? 0 : (int32_t)value;
}

static inline int64_t real_to_i64(double value)
{
    if (value >= 9223372036854775808.0)
        return INT64_MAX;
    if (value <= -9223372036854775808.0)
        return INT64_MIN;
    return value != value ? 0 : (int64_t)value;
}

#define INTEGER_TO_I32(v) ((int32_t)(v))
#define INTEGER_TO_I64(v) ((int64_t)(v))
#define REAL_TO_I32(v) real_to_i32((double)(v))
#define REAL_TO_I64(v) real_to_i64((double)(v))

#define CAST(name) u8_##name
#define CAST_FROM uint8_t
#define CAST_INT32 INTEGER_TO_I32
#define CAST_INT64 INTEGER_TO_I64
#include "expr/kernels/cast_from.inc"
#define CAST(name) i8_##name
#define CAST_FROM int8_t
#define CAST_INT32 INTEGER_TO_I32
#define CAST_INT64 INTEGER_TO_I64
#include "expr/kernels/cast_from.inc"
#define CAST(name) i16_##name
#define CAST_FROM int16_t
#define CAST_INT32 INTEGER_TO_I32
#define CAST_INT64 INTEGER_TO_I64
#include "expr/kernels/cast_from.inc"
#define CAST(name) i32_##name
#define CAST_FROM int32_t
#define CAST_INT32 INTEGER_TO_I32
#define CAST_INT64 INTEGER_TO_I64
#include "expr/kernels/cast_from.inc"
#define CAST(name) i64_##name
#define CAST_FROM int64_t
#define CAST_INT32 INTEGER_TO_I32
#define CAST_INT64 INTEGER_TO_I64
#include "expr/kernels/cast_from.inc"
#define CAST(name) f32_##name
#define CAST_FROM float
#define CAST_INT32 REAL_TO_I32
#define CAST_INT64 REAL_TO_I64
#include "expr/kernels/cast_from.inc"
#define CAST(name) f64_##name
#define CAST_FROM double
#define CAST_INT32 REAL_TO_I32
#define CAST_INT64 REAL_TO_I64
#include "expr/kernels/cast_from.inc"

static const Kernel *const casts[] = {
    [PHYSICAL_BOOL] = u8_casts, [PHYSICAL_I8] = i8_casts,   [PHYSICAL_I16] = i16_casts,
    [PHYSICAL_I32] = i32_casts, [PHYSICAL_I64] = i64_casts, [PHYSICAL_I128] = NULL,
    [PHYSICAL_F32] = f32_casts, [PHYSICAL_F64] = f64_casts,
};

/* ---- To and from DECIMAL --------------------------------------------------------------- */

static int64_t integer_at(const Column *column, int32_t index)
{
    switch (column->physical) {
    case PHYSICAL_BOOL: return ((const uint8_t *)column->values)[index] != 0;
    case PHYSICAL_I8: return ((const int8_t *)column->values)[index];
    case PHYSICAL_I16: return ((const int16_t *)column->values)[index];
    case PHYSICAL_I32: return ((const int32_t *)column->values)[index];
    case PHYSICAL_I64: return ((const int64_t *)column->values)[index];
    case PHYSICAL_NONE:
    case PHYSICAL_I128:
    case PHYSICAL_F32:
    case PHYSICAL_F64:
    case PHYSICAL_STRING: break;
    }
    assert(!"not an integer");
    return 0;
}

static void integer_to_decimal(Call *call)
{
    const Column *column = &call->args[0];
    Type to = call->node->expr->type;
    Int128 factor = decimal_power10(to.scale);
    Int128 limit = decimal_power10(to.precision - to.scale);
    Int128 *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Int128 value = integer_at(column, row);
        if (value >= limit || value <= -limit)
            call_set_null(call, row);
        else
            out[row] = value * factor;
    }
}

static void real_to_decimal(Call *call)
{
    const Column *column = &call->args[0];
    Type to = call->node->expr->type;
    Int128 *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        double value = column->physical == PHYSICAL_F32 ? (double)((float *)column->values)[row]
                                                        : ((double *)column->values)[row];
        if (!decimal_from_double(value, to.precision, to.scale, &out[row]))
            call_set_null(call, row);
    }
}

static void decimal_to_decimal(Call *call)
{
    const Int128 *in = call->args[0].values;
    int32_t from_scale = call->args[0].type.scale;
    Type to = call->node->expr->type;
    Int128 *out = call->out.values;
    int32_t rise = to.scale - from_scale;
    bool is_safe = rise >= 0 && call->args[0].type.precision + rise <= to.precision;
    Int128 factor = is_safe ? decimal_power10(rise) : 1;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        if (is_safe)
            out[row] = in[row] * factor;
        else if (!decimal_rescale(in[row], from_scale, to.scale, &out[row]) ||
                 !decimal_fits(out[row], to.precision))
            call_set_null(call, row);
    }
}

/* The fraction is cut, the low 64 bits are taken, and those narrowed by wrapping. */
static void decimal_to_integer(Call *call)
{
    const Int128 *in = call->args[0].values;
    Int128 divisor = decimal_power10(call->args[0].type.scale);
    void *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int64_t value = (int64_t)(in[row] / divisor);
        switch (physical_bytes(call->out.physical)) {
        case 1: ((int8_t *)out)[row] = (int8_t)value; break;
        case 2: ((int16_t *)out)[row] = (int16_t)value; break;
        case 4: ((int32_t *)out)[row] = (int32_t)value; break;
        default: ((int64_t *)out)[row] = value; break;
        }
    }
}

static void decimal_to_f32(Call *call)
{
    const Int128 *in = call->args[0].values;
    float *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        out[row] = (float)decimal_to_double(in[row], call->args[0].type.scale);
    }
}

static void decimal_to_f64(Call *call)
{
    const Int128 *in = call->args[0].values;
    double *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        out[row] = decimal_to_double(in[row], call->args[0].type.scale);
    }
}

static Kernel cast_from_decimal(Type to)
{
    switch ((int)to.id) {
    case TYPE_DECIMAL: return decimal_to_decimal;
    case TYPE_FLOAT: return decimal_to_f32;
    case TYPE_DOUBLE: return decimal_to_f64;
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT: return decimal_to_integer;
    default: return NULL;
    }
}

Kernel cast_number_kernel(Type from, Type to)
{
    if (from.id == TYPE_DECIMAL)
        return cast_from_decimal(to);
    if (to.id == TYPE_DECIMAL)
        return from.id == TYPE_FLOAT || from.id == TYPE_DOUBLE ? real_to_decimal
                                                               : integer_to_decimal;
    const Kernel *row = casts[type_physical(from)];
    return row == NULL ? NULL : row[type_physical(to)];
}
