/* ABS, SIGN, CEIL, FLOOR, ROUND, TRUNCATE, and random numbers. */
#include <math.h>

#include "data/decimal.h"
#include "data/real.h"
#include "expr/functions/calendar.h"
#include "expr/internal.h"

/* ---- A number of any type as digits ---------------------------------------------------- */

enum {
    REAL_SCALE = 17,       /* digits behind the point that a real is rounded from */
    REAL_TEXT_BYTES = 400, /* of any DOUBLE in plain or E notation */
    DIGITS_MAX = 38,
};

static const double REAL_EXACT_MAX = 1e20; /* above it a DOUBLE has nothing behind the point */

static Int128 integer_get(const Column *column, int32_t index)
{
    switch (column->physical) {
    case PHYSICAL_I8: return ((const int8_t *)column->values)[index];
    case PHYSICAL_I16: return ((const int16_t *)column->values)[index];
    case PHYSICAL_I32: return ((const int32_t *)column->values)[index];
    case PHYSICAL_I64: return ((const int64_t *)column->values)[index];
    case PHYSICAL_I128: return ((const Int128 *)column->values)[index];
    case PHYSICAL_NONE:
    case PHYSICAL_BOOL:
    case PHYSICAL_F32:
    case PHYSICAL_F64:
    case PHYSICAL_STRING: break;
    }
    assert(!"not an exact number");
    return 0;
}

static void integer_put(Column *column, int32_t row, Int128 value)
{
    switch (column->physical) {
    case PHYSICAL_I8: ((int8_t *)column->values)[row] = (int8_t)value; break;
    case PHYSICAL_I16: ((int16_t *)column->values)[row] = (int16_t)value; break;
    case PHYSICAL_I32: ((int32_t *)column->values)[row] = (int32_t)value; break;
    case PHYSICAL_I64: ((int64_t *)column->values)[row] = (int64_t)value; break;
    case PHYSICAL_I128: ((Int128 *)column->values)[row] = value; break;
    case PHYSICAL_NONE:
    case PHYSICAL_BOOL:
    case PHYSICAL_F32:
    case PHYSICAL_F64:
    case PHYSICAL_STRING: assert(!"not an exact number");
    }
}

static double real_get(const Column *column, int32_t index)
{
    return column->physical == PHYSICAL_F32 ? (double)((const float *)column->values)[index]
                                            : ((const double *)column->values)[index];
}

static void real_put(Column *column, int32_t row, double value)
{
    if (column->physical == PHYSICAL_F32)
        ((float *)column->values)[row] = (float)value;
    else
        ((double *)column->values)[row] = value;
}

static bool is_real(Type type)
{
    return type.id == TYPE_FLOAT || type.id == TYPE_DOUBLE;
}

/* The value with its last `digits` digits made zero. */
static Int128 digits_round(Int128 value, int32_t digits, bool is_cut)
{
    if (digits <= 0)
        return value;
    if (digits > DIGITS_MAX)
        return 0;
    Int128 unit = decimal_power10(digits);
    Int128 rest = value % unit;
    value -= rest;
    if (!is_cut && rest >= unit - rest)
        value += unit;
    else if (!is_cut && -rest >= unit + rest)
        value -= unit;
    return value;
}

/* Java: of the shortest decimal that reads back as the same number, not of the exact binary
 * value, so that 2.675 rounds to 2.68. */
static double real_round(const Column *column, int32_t index, int64_t places, bool is_cut)
{
    double value = real_get(column, index);
    if (!(fabs(value) < REAL_EXACT_MAX) || places > REAL_SCALE)
        return value;
    Buffer text = {0};
    (void)buffer_reserve(&text, REAL_TEXT_BYTES);
    if (column->physical == PHYSICAL_F32)
        real_print_float(&text, (float)value);
    else
        real_print_double(&text, value);
    Int128 digits = 0;
    bool is_overflow;
    bool is_ok = decimal_parse(buffer_str(&text), DIGITS_MAX, REAL_SCALE, &digits, &is_overflow);
    buffer_free(&text);
    if (!is_ok)
        return value;
    int64_t cut = REAL_SCALE - places;
    digits = digits_round(digits, cut > DIGITS_MAX + 1 ? DIGITS_MAX + 1 : (int32_t)cut, is_cut);
    return decimal_to_double(digits, REAL_SCALE);
}

/* ---- ROUND, TRUNCATE ------------------------------------------------------------------- */

static void round_kernel(Call *call)
{
    const Column *column = &call->args[0];
    bool is_cut = call->node->expr->function->info.name[0] == 'T';
    bool has_places = call->node->arg_count > 1;
    IntArg places_arg = has_places ? call_int_arg(call, 1) : (IntArg){0};
    Type from = column->type;
    Type to = call->node->expr->type;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int64_t places = has_places ? int_arg(&places_arg, row) : 0;
        int32_t index = row * column_stride(column);
        if (is_real(to)) {
            real_put(&call->out, row, real_round(column, index, places, is_cut));
            continue;
        }
        int32_t scale = from.id == TYPE_DECIMAL ? from.scale : 0;
        int64_t cut = scale - places;
        int32_t digits = cut > DIGITS_MAX + 1 ? DIGITS_MAX + 1 : cut < 0 ? 0 : (int32_t)cut;
        Int128 value = digits_round(integer_get(column, index), digits, is_cut);
        if (to.id == TYPE_DECIMAL && to.scale < scale)
            value /= decimal_power10(scale - to.scale);
        if (to.id == TYPE_DECIMAL && !decimal_fits(value, to.precision))
            call_set_null(call, row);
        else
            integer_put(&call->out, row, value);
    }
}

static Type round_type(Type type, const Expr *places)
{
    if (type.id != TYPE_DECIMAL)
        return type;
    int64_t kept = 0;
    if (places != NULL && places->kind != EXPR_LITERAL)
        return type;
    if (places != NULL)
        kept = places->literal.integer;
    if (kept >= type.scale)
        return type;
    int32_t scale = kept < 0 ? 0 : (int32_t)kept;
    int32_t precision = 1 + type.precision - type.scale + scale;
    return type_decimal(precision > DIGITS_MAX ? DIGITS_MAX : precision, scale);
}

static Status bind_round(Binding *binding)
{
    Type type = binding->args[0]->type;
    if (type.id == TYPE_NULL)
        binding_cast(binding, 0, type = type_simple(TYPE_INT));
    bool has_places = binding->arg_count > 1;
    if (!type_is_numeric(type) || (has_places && !type_is_integer(binding->args[1]->type)))
        return binding_refuse(binding);
    if (has_places)
        binding_cast(binding, 1, type_simple(TYPE_BIGINT));
    binding->result = round_type(type, has_places ? binding->args[1] : NULL);
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

/* ---- CEIL, FLOOR ----------------------------------------------------------------------- */

static void edge_kernel(Call *call)
{
    const Column *column = &call->args[0];
    bool is_floor = call->node->expr->function->info.name[0] == 'F';
    Int128 unit = is_real(column->type) ? 1 : decimal_power10(column->type.scale);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int32_t index = row * column_stride(column);
        if (is_real(column->type)) {
            double value = real_get(column, index);
            real_put(&call->out, row, is_floor ? floor(value) : ceil(value));
            continue;
        }
        Int128 value = integer_get(column, index);
        Int128 whole = value / unit;
        Int128 rest = value % unit;
        if (is_floor && rest < 0)
            whole -= 1;
        if (!is_floor && rest > 0)
            whole += 1;
        integer_put(&call->out, row, whole);
    }
}

static Status bind_edge(Binding *binding)
{
    Type type = binding->args[0]->type;
    if (binding->arg_count == 2)
        return bind_calendar_edge(binding);
    if (!type_is_numeric(type))
        return binding_refuse(binding);
    if (type_is_integer(type)) {
        binding->rewritten = binding->args[0];
        return OK;
    }
    binding->result = type.id == TYPE_DECIMAL ? type_decimal(type.precision, 0) : type;
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

static Kernel resolve_edge(const Expr *call)
{
    return call->arg_count == 2 ? calendar_edge_kernel : edge_kernel;
}

/* ---- ABS, SIGN ------------------------------------------------------------------------- */

static void abs_kernel(Call *call)
{
    const Column *column = &call->args[0];
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int32_t index = row * column_stride(column);
        if (is_real(column->type)) {
            real_put(&call->out, row, fabs(real_get(column, index)));
            continue;
        }
        Int128 value = integer_get(column, index);
        integer_put(&call->out, row, value < 0 ? -value : value);
    }
}

static void sign_kernel(Call *call)
{
    const Column *column = &call->args[0];
    Int128 one = column->type.id == TYPE_DECIMAL ? decimal_power10(column->type.scale) : 1;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int32_t index = row * column_stride(column);
        if (is_real(column->type)) {
            double value = real_get(column, index);
            real_put(&call->out, row, value > 0 ? 1 : value < 0 ? -1 : value);
            continue;
        }
        Int128 value = integer_get(column, index);
        integer_put(&call->out, row, value > 0 ? one : value < 0 ? -one : 0);
    }
}

/* ABS and SIGN of DECIMAL(p, p) would have no room for 1. */
static Status bind_same(Binding *binding)
{
    Type type = binding->args[0]->type;
    if (!type_is_numeric(type))
        return binding_refuse(binding);
    binding->result = type;
    bool is_sign = binding->function->info.name[0] == 'S';
    if (is_sign && type.id == TYPE_DECIMAL && type.precision == type.scale)
        binding_cast(binding, 0, type_adjust_decimal(type.precision + 1, type.scale));
    binding->result = binding->args[0]->type;
    return OK;
}

static const Function functions[] = {
    {.info = {"ABS", "math", "ABS(x) -> type of x", "absolute value; of the least integer it wraps",
              false},
     .types = "x>0",
     .bind = bind_same,
     .kernel = abs_kernel},
    {.info = {"SIGN", "math", "SIGN(x) -> type of x", "-1, 0 or 1", false},
     .types = "x>0",
     .bind = bind_same,
     .kernel = sign_kernel},
    {.info = {"CEIL", "math", "CEIL(x), CEIL(t TO unit) -> type of x, DECIMAL with scale 0",
              "the least integer, or start of a unit of time, not below x", false},
     .types = "x?x>0",
     .bind = bind_edge,
     .resolve = resolve_edge,
     .flags = FUNCTION_ZONE},
    {.info = {"CEILING", "math", "CEILING(x) -> type of x", "CEIL", false},
     .types = "x?x>0",
     .bind = bind_edge,
     .resolve = resolve_edge,
     .flags = FUNCTION_ZONE},
    {.info = {"FLOOR", "math", "FLOOR(x), FLOOR(t TO unit) -> type of x, DECIMAL with scale 0",
              "the largest integer, or start of a unit of time, not above x", false},
     .types = "x?x>0",
     .bind = bind_edge,
     .resolve = resolve_edge,
     .flags = FUNCTION_ZONE},
    {.info = {"ROUND", "math", "ROUND(x [, n INT]) -> type of x, DECIMAL with n digits",
              "half away from zero, to n digits behind the point; n may be negative", false},
     .types = "x?x>0",
     .bind = bind_round,
     .kernel = round_kernel},
    {.info = {"TRUNCATE", "math", "TRUNCATE(x [, n INT]) -> type of x, DECIMAL with n digits",
              "toward zero, to n digits behind the point", false},
     .types = "x?x>0",
     .bind = bind_round,
     .kernel = round_kernel},
};

const FunctionFamily rounding_family = {functions, FUNCTION_COUNT(functions)};
