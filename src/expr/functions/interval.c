/* Time and interval arithmetic: time ± interval, interval ± interval, interval * number.
 *
 * The interval always stands second in the bound call. A DATE moves by whole days, a TIME
 * wraps at midnight, adding months clamps the day to the month's length. */
#include "expr/functions/interval.h"

static const int64_t NANOS_PER_MILLI = 1000000;
static const int64_t NANOS_PER_MICRO = 1000;

static bool is_interval(Type type)
{
    return type.id == TYPE_INTERVAL_MONTHS || type.id == TYPE_INTERVAL_MILLIS;
}

static bool is_moment(Type type)
{
    return type.id == TYPE_DATE || type.id == TYPE_TIME || type_is_timestamp(type);
}

static void swap_args(Binding *binding)
{
    Expr *first = binding->args[0];
    binding->args[0] = binding->args[1];
    binding->args[1] = first;
}

Status interval_bind(Binding *binding, char sign)
{
    bool is_sum = sign == '+' || sign == '-';
    bool commutes = sign == '+' || sign == '*';
    if (commutes && is_interval(binding->args[0]->type) && is_moment(binding->args[1]->type))
        swap_args(binding);
    if (sign == '*' && is_interval(binding->args[1]->type))
        swap_args(binding);
    Type a = binding->args[0]->type;
    Type b = binding->args[1]->type;
    bool is_ok = false;
    if (is_sum && is_interval(b))
        is_ok =
            (is_moment(a) && !(a.id == TYPE_TIME && b.id == TYPE_INTERVAL_MONTHS)) || a.id == b.id;
    else if (sign == '*' && is_interval(a) && type_is_integer(b))
        is_ok = true;
    else if (sign == '/' && is_interval(a) && type_is_integer(b))
        is_ok = true;
    if (!is_ok)
        return binding_refuse(binding);
    if (type_is_integer(b))
        binding_cast(binding, 1, type_simple(TYPE_BIGINT));
    binding->result = a;
    binding->result.time_attribute = TIME_NONE;
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

/* ---- Kernels --------------------------------------------------------------------------- */

static bool call_is_difference(const Call *call)
{
    return call->node->expr->function->info.name[0] == '-';
}

static void add_millis_i64(Call *call)
{
    IntArg a = call_int_arg(call, 0);
    IntArg b = call_int_arg(call, 1);
    bool is_time = call->out.type.id != TYPE_INTERVAL_MILLIS;
    uint64_t factor = is_time ? MICROS_PER_MILLI : 1;
    if (call_is_difference(call))
        factor = 0 - factor;
    int64_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        out[row] = (int64_t)((uint64_t)int_arg(&a, row) + (uint64_t)int_arg(&b, row) * factor);
    }
}

static void add_millis_i128(Call *call)
{
    const Int128 *a = call->args[0].values;
    int32_t step = column_stride(&call->args[0]);
    IntArg b = call_int_arg(call, 1);
    int64_t factor = call_is_difference(call) ? -NANOS_PER_MILLI : NANOS_PER_MILLI;
    Int128 *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        out[row] = a[row * step] + (Int128)int_arg(&b, row) * factor;
    }
}

/* Days are floored as Flink does: the time part is lost. */
static void add_millis_date(Call *call)
{
    DateArg a = call_date_arg(call, 0);
    IntArg b = call_int_arg(call, 1);
    int64_t factor = call_is_difference(call) ? -1 : 1;
    int32_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int64_t days = int_arg(&b, row) / MILLIS_PER_DAY * factor;
        out[row] = (int32_t)((uint32_t)date_arg(&a, row) + (uint32_t)days);
    }
}

static void add_millis_time(Call *call)
{
    DateArg a = call_date_arg(call, 0);
    IntArg b = call_int_arg(call, 1);
    int64_t factor = call_is_difference(call) ? -1 : 1;
    int32_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int64_t millis = date_arg(&a, row) + int_arg(&b, row) % MILLIS_PER_DAY * factor;
        out[row] = (int32_t)floor_mod(millis, MILLIS_PER_DAY);
    }
}

static void add_months(Call *call)
{
    DateArg b = call_date_arg(call, 1);
    int32_t factor = call_is_difference(call) ? -1 : 1;
    const Column *a = &call->args[0];
    int32_t step = column_stride(a);
    TypeId id = call->out.type.id;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int32_t months = (int32_t)((uint32_t)date_arg(&b, row) * (uint32_t)factor);
        if (id == TYPE_INTERVAL_MONTHS) {
            uint32_t first = (uint32_t)((const int32_t *)a->values)[row * step];
            ((int32_t *)call->out.values)[row] = (int32_t)(first + (uint32_t)months);
        } else if (id == TYPE_DATE) {
            int64_t micros = ((const int32_t *)a->values)[row * step] * MICROS_PER_DAY;
            int64_t moved = timestamp_add_months(micros, months);
            ((int32_t *)call->out.values)[row] = (int32_t)floor_div(moved, MICROS_PER_DAY);
        } else if (call->out.physical == PHYSICAL_I128) {
            Int128 nanos = ((const Int128 *)a->values)[row * step];
            Int128 rest = (nanos % NANOS_PER_MICRO + NANOS_PER_MICRO) % NANOS_PER_MICRO;
            int64_t micros = (int64_t)((nanos - rest) / NANOS_PER_MICRO);
            ((Int128 *)call->out.values)[row] =
                (Int128)timestamp_add_months(micros, months) * NANOS_PER_MICRO + rest;
        } else {
            int64_t micros = ((const int64_t *)a->values)[row * step];
            ((int64_t *)call->out.values)[row] = timestamp_add_months(micros, months);
        }
    }
}

static int64_t interval_at(const Column *column, int32_t row)
{
    int32_t index = row * column_stride(column);
    return column->physical == PHYSICAL_I32 ? ((const int32_t *)column->values)[index]
                                            : ((const int64_t *)column->values)[index];
}

static void interval_set(Column *column, int32_t row, int64_t value)
{
    if (column->physical == PHYSICAL_I32)
        ((int32_t *)column->values)[row] = (int32_t)value;
    else
        ((int64_t *)column->values)[row] = value;
}

static void scale_interval(Call *call)
{
    IntArg b = call_int_arg(call, 1);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        uint64_t a = (uint64_t)interval_at(&call->args[0], row);
        interval_set(&call->out, row, (int64_t)(a * (uint64_t)int_arg(&b, row)));
    }
}

static void divide_interval(Call *call)
{
    IntArg b = call_int_arg(call, 1);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int64_t a = interval_at(&call->args[0], row);
        int64_t divisor = int_arg(&b, row);
        if (divisor == 0)
            call_reject(call, row, "WR4101", "division by zero");
        else
            interval_set(&call->out, row, divisor == -1 ? (int64_t)(0 - (uint64_t)a) : a / divisor);
    }
}

Kernel interval_resolve(const Expr *call, char sign)
{
    if (sign == '*')
        return scale_interval;
    if (sign == '/')
        return divide_interval;
    if (call->args[1]->type.id == TYPE_INTERVAL_MONTHS)
        return add_months;
    if (call->type.id == TYPE_DATE)
        return add_millis_date;
    if (call->type.id == TYPE_TIME)
        return add_millis_time;
    return type_physical(call->type) == PHYSICAL_I128 ? add_millis_i128 : add_millis_i64;
}
