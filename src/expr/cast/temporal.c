/* Casts among DATE, TIME, TIMESTAMP and TIMESTAMP_LTZ. All go through nanoseconds of the
 * epoch, read and written in the session's zone where one side is an instant. */
#include "expr/cast/cast.h"

static const int64_t NANOS_PER_MICRO = 1000;

/* Microseconds, and the nanoseconds below them. */
typedef struct Moment {
    int64_t micros;
    int32_t nanos;
} Moment;

static Moment moment_get(const Column *column, int32_t row)
{
    switch ((int)column->type.id) {
    case TYPE_DATE: return (Moment){((const int32_t *)column->values)[row] * MICROS_PER_DAY, 0};
    case TYPE_TIME:
        return (Moment){(int64_t)((const int32_t *)column->values)[row] * MICROS_PER_MILLI, 0};
    default: break;
    }
    if (column->physical == PHYSICAL_I64)
        return (Moment){((const int64_t *)column->values)[row], 0};
    Int128 nanos = ((const Int128 *)column->values)[row];
    Int128 micros = nanos / NANOS_PER_MICRO - (nanos % NANOS_PER_MICRO < 0);
    return (Moment){(int64_t)micros, (int32_t)(nanos - micros * NANOS_PER_MICRO)};
}

static int64_t power10(int32_t exponent)
{
    int64_t power = 1;
    for (; exponent > 0; exponent--)
        power *= 10;
    return power;
}

/* Cut below the precision; `unit` is its step in the stored resolution. */
static void moment_set(Column *column, int32_t row, Moment moment, int64_t unit)
{
    switch ((int)column->type.id) {
    case TYPE_DATE:
        ((int32_t *)column->values)[row] = (int32_t)floor_div(moment.micros, MICROS_PER_DAY);
        return;
    case TYPE_TIME: {
        int64_t millis = floor_mod(moment.micros, MICROS_PER_DAY) / MICROS_PER_MILLI;
        ((int32_t *)column->values)[row] = (int32_t)(millis - millis % unit);
        return;
    }
    default: break;
    }
    if (column->physical == PHYSICAL_I64) {
        ((int64_t *)column->values)[row] = moment.micros - floor_mod(moment.micros, unit);
        return;
    }
    int32_t nanos = moment.nanos - (int32_t)(moment.nanos % unit);
    ((Int128 *)column->values)[row] = (Int128)moment.micros * NANOS_PER_MICRO + nanos;
}

static int64_t precision_unit(Type type)
{
    if (type.id == TYPE_DATE)
        return 1;
    int32_t digits = type.id == TYPE_TIME ? 3 : type.precision > 6 ? 9 : 6;
    return power10(digits > type.precision ? digits - type.precision : 0);
}

static void temporal_kernel(Call *call)
{
    const Column *from = &call->args[0];
    Type to = call->node->expr->type;
    const TimeZone *zone = eval_zone(call->eval);
    bool is_from_instant = from->type.id == TYPE_TIMESTAMP_LTZ && to.id != TYPE_TIMESTAMP_LTZ;
    bool is_to_instant = to.id == TYPE_TIMESTAMP_LTZ && from->type.id != TYPE_TIMESTAMP_LTZ;
    int64_t unit = precision_unit(to);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        Moment moment = moment_get(from, row * column_stride(from));
        if (is_from_instant)
            moment.micros = timezone_to_local(zone, moment.micros);
        if (is_to_instant)
            moment.micros = timezone_to_utc(zone, moment.micros);
        moment_set(&call->out, row, moment, unit);
    }
}

Kernel cast_temporal_kernel(Type from, Type to)
{
    return cast_kind(from, to) == CAST_NONE ? NULL : temporal_kernel;
}
