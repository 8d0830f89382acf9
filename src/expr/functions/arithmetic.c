/* + - * / % and unary minus on numbers and, through interval.h, on times and intervals. */
#include "expr/functions/decimals.h"
#include "expr/functions/interval.h"
#include "expr/internal.h"

static void reject_zero(Call *call, int32_t row)
{
    call_reject(call, row, "WR4101", "division by zero");
}

#define ARITH(name) name##_i8
#define ARITH_TYPE int8_t
#define ARITH_UNSIGNED uint32_t
#include "expr/kernels/arith.inc"
#define ARITH(name) name##_i16
#define ARITH_TYPE int16_t
#define ARITH_UNSIGNED uint32_t
#include "expr/kernels/arith.inc"
#define ARITH(name) name##_i32
#define ARITH_TYPE int32_t
#define ARITH_UNSIGNED uint32_t
#include "expr/kernels/arith.inc"
#define ARITH(name) name##_i64
#define ARITH_TYPE int64_t
#define ARITH_UNSIGNED uint64_t
#include "expr/kernels/arith.inc"

#define BINARY_NAME add_f32
#define BINARY_TYPE float
#define BINARY_OP(a, b) ((a) + (b))
#include "expr/kernels/binary.inc"
#define BINARY_NAME subtract_f32
#define BINARY_TYPE float
#define BINARY_OP(a, b) ((a) - (b))
#include "expr/kernels/binary.inc"
#define BINARY_NAME multiply_f32
#define BINARY_TYPE float
#define BINARY_OP(a, b) ((a) * (b))
#include "expr/kernels/binary.inc"
#define BINARY_NAME divide_f32
#define BINARY_TYPE float
#define BINARY_OP(a, b) ((a) / (b))
#include "expr/kernels/binary.inc"
#define BINARY_NAME add_f64
#define BINARY_TYPE double
#define BINARY_OP(a, b) ((a) + (b))
#include "expr/kernels/binary.inc"
#define BINARY_NAME subtract_f64
#define BINARY_TYPE double
#define BINARY_OP(a, b) ((a) - (b))
#include "expr/kernels/binary.inc"
#define BINARY_NAME multiply_f64
#define BINARY_TYPE double
#define BINARY_OP(a, b) ((a) * (b))
#include "expr/kernels/binary.inc"
#define BINARY_NAME divide_f64
#define BINARY_TYPE double
#define BINARY_OP(a, b) ((a) / (b))
#include "expr/kernels/binary.inc"

static void negate_f32(Call *call)
{
    const float *a = call->args[0].values;
    float *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        out[row] = -a[row];
    }
}

static void negate_f64(Call *call)
{
    const double *a = call->args[0].values;
    double *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        out[row] = -a[row];
    }
}

static void negate_i128(Call *call)
{
    const Int128 *a = call->args[0].values;
    Int128 *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        out[row] = (Int128)(0 - (Uint128)a[row]);
    }
}

/* ---- Resolution ------------------------------------------------------------------------ */

typedef enum ArithOp { OP_ADD, OP_SUBTRACT, OP_MULTIPLY, OP_DIVIDE, OP_MODULO, OP_COUNT } ArithOp;

static const Kernel number_kernels[OP_COUNT][PHYSICAL_STRING] = {
    [OP_ADD] = {[PHYSICAL_I8] = add_i8,
                [PHYSICAL_I16] = add_i16,
                [PHYSICAL_I32] = add_i32,
                [PHYSICAL_I64] = add_i64,
                [PHYSICAL_F32] = add_f32,
                [PHYSICAL_F64] = add_f64,
                [PHYSICAL_I128] = decimal_add_kernel},
    [OP_SUBTRACT] = {[PHYSICAL_I8] = subtract_i8,
                     [PHYSICAL_I16] = subtract_i16,
                     [PHYSICAL_I32] = subtract_i32,
                     [PHYSICAL_I64] = subtract_i64,
                     [PHYSICAL_F32] = subtract_f32,
                     [PHYSICAL_F64] = subtract_f64,
                     [PHYSICAL_I128] = decimal_subtract_kernel},
    [OP_MULTIPLY] = {[PHYSICAL_I8] = multiply_i8,
                     [PHYSICAL_I16] = multiply_i16,
                     [PHYSICAL_I32] = multiply_i32,
                     [PHYSICAL_I64] = multiply_i64,
                     [PHYSICAL_F32] = multiply_f32,
                     [PHYSICAL_F64] = multiply_f64,
                     [PHYSICAL_I128] = decimal_multiply_kernel},
    [OP_DIVIDE] = {[PHYSICAL_I8] = divide_i8,
                   [PHYSICAL_I16] = divide_i16,
                   [PHYSICAL_I32] = divide_i32,
                   [PHYSICAL_I64] = divide_i64,
                   [PHYSICAL_F32] = divide_f32,
                   [PHYSICAL_F64] = divide_f64,
                   [PHYSICAL_I128] = decimal_divide_kernel},
    [OP_MODULO] = {[PHYSICAL_I8] = modulo_i8,
                   [PHYSICAL_I16] = modulo_i16,
                   [PHYSICAL_I32] = modulo_i32,
                   [PHYSICAL_I64] = modulo_i64,
                   [PHYSICAL_I128] = decimal_modulo_kernel},
};

static ArithOp arith_op(const Function *function)
{
    switch (function->info.name[0]) {
    case '+': return OP_ADD;
    case '-': return OP_SUBTRACT;
    case '*': return OP_MULTIPLY;
    case '/': return OP_DIVIDE;
    default: return OP_MODULO;
    }
}

static Kernel resolve_negate(const Expr *call)
{
    switch (type_physical(call->type)) {
    case PHYSICAL_I8: return negate_i8;
    case PHYSICAL_I16: return negate_i16;
    case PHYSICAL_I32: return negate_i32;
    case PHYSICAL_I64: return negate_i64;
    case PHYSICAL_I128: return negate_i128;
    case PHYSICAL_F32: return negate_f32;
    case PHYSICAL_F64: return negate_f64;
    case PHYSICAL_NONE:
    case PHYSICAL_BOOL:
    case PHYSICAL_STRING: break;
    }
    return NULL;
}

static Kernel resolve_arith(const Expr *call)
{
    if (call->arg_count == 1)
        return resolve_negate(call);
    if (!type_is_numeric(call->type) || !type_is_numeric(call->args[0]->type))
        return interval_resolve(call, call->function->info.name[0]);
    return number_kernels[arith_op(call->function)][type_physical(call->type)];
}

/* ---- Typing ---------------------------------------------------------------------------- */

static int32_t max_i32(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static int32_t min_i32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static Type decimal_result(ArithOp op, Type a, Type b)
{
    int32_t whole_a = a.precision - a.scale;
    int32_t whole_b = b.precision - b.scale;
    int32_t scale = max_i32(a.scale, b.scale);
    switch (op) {
    case OP_ADD:
    case OP_SUBTRACT: return type_adjust_decimal(max_i32(whole_a, whole_b) + scale + 1, scale);
    case OP_MULTIPLY: return type_adjust_decimal(a.precision + b.precision + 1, a.scale + b.scale);
    case OP_DIVIDE:
        scale = max_i32(6, a.scale + b.precision + 1);
        return type_adjust_decimal(whole_a + b.scale + scale, scale);
    case OP_MODULO:
    case OP_COUNT: break;
    }
    if (scale == 0)
        return b;
    return type_adjust_decimal(max_i32(min_i32(whole_a, whole_b) + scale, 1), scale);
}

static void bind_decimals(Binding *binding, ArithOp op)
{
    for (int32_t i = 0; i < 2; i++)
        binding_cast(binding, i, type_as_decimal(binding->args[i]->type));
    binding->result = decimal_result(op, binding->args[0]->type, binding->args[1]->type);
}

static Status bind_numbers(Binding *binding, ArithOp op)
{
    Type a = binding->args[0]->type;
    Type b = binding->args[1]->type;
    Type common;
    if (!type_common(binding->arena, a, b, &common))
        return binding_refuse(binding);
    bool is_real = common.id == TYPE_FLOAT || common.id == TYPE_DOUBLE;
    if (is_real && op == OP_MODULO)
        return binding_refuse(binding);
    if (common.id == TYPE_DECIMAL) {
        bind_decimals(binding, op);
    } else {
        binding_cast(binding, 0, common);
        binding_cast(binding, 1, common);
        binding->result = common;
        /* The remainder is not wider than the divisor: a cast on top restores its type. */
        if (op == OP_MODULO && b.id != common.id) {
            common.is_nullable = binding_any_nullable(binding);
            Expr *call =
                expr_fold(binding->arena, expr_call(binding->arena, binding->function,
                                                    binding->args, binding->arg_count, common));
            binding->rewritten = expr_cast(binding->arena, call, b, false);
        }
    }
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

static Status bind_sign(Binding *binding)
{
    Type type = binding->args[0]->type;
    bool is_interval = type.id == TYPE_INTERVAL_MONTHS || type.id == TYPE_INTERVAL_MILLIS;
    if (!type_is_numeric(type) && !is_interval)
        return binding_refuse(binding);
    if (binding->function->info.name[0] == '+')
        binding->rewritten = binding->args[0];
    binding->result = type;
    return OK;
}

/* An untyped NULL takes the type of the other side. */
static Status bind_arith(Binding *binding)
{
    if (binding->arg_count == 1)
        return bind_sign(binding);
    for (int32_t i = 0; i < 2; i++) {
        Type other = binding->args[1 - i]->type;
        if (binding->args[i]->type.id == TYPE_NULL && type_is_numeric(other))
            binding_cast(binding, i, other);
    }
    if (type_is_numeric(binding->args[0]->type) && type_is_numeric(binding->args[1]->type))
        return bind_numbers(binding, arith_op(binding->function));
    return interval_bind(binding, binding->function->info.name[0]);
}

static const Function functions[] = {
    {.info = {"+", "arithmetic", "a + b -> number, time or interval", "sum; integers wrap", false},
     .types = "x?x>0",
     .bind = bind_arith,
     .resolve = resolve_arith,
     .flags = FUNCTION_TOTAL},
    {.info = {"-", "arithmetic", "a - b, -a -> number, time or interval",
              "difference; integers wrap", false},
     .types = "x?x>0",
     .bind = bind_arith,
     .resolve = resolve_arith,
     .flags = FUNCTION_TOTAL},
    {.info = {"*", "arithmetic", "a * b -> number or interval", "product; integers wrap", false},
     .types = "xx>0",
     .bind = bind_arith,
     .resolve = resolve_arith,
     .flags = FUNCTION_TOTAL},
    {.info = {"/", "arithmetic", "a / b -> number",
              "quotient; of integers cut toward zero; a zero divisor rejects the row", false},
     .types = "xx>0",
     .bind = bind_arith,
     .resolve = resolve_arith,
     .flags = FUNCTION_FALLIBLE},
    {.info = {"%", "arithmetic", "a % b -> type of b",
              "remainder with the sign of a; a zero divisor rejects the row", false},
     .types = "xx>0",
     .bind = bind_arith,
     .resolve = resolve_arith,
     .flags = FUNCTION_FALLIBLE},
    {.info = {"MOD", "arithmetic", "MOD(a, b) -> type of b",
              "remainder with the sign of a; a zero divisor rejects the row", false},
     .types = "xx>0",
     .bind = bind_arith,
     .resolve = resolve_arith,
     .flags = FUNCTION_FALLIBLE},
};

const FunctionFamily arithmetic_family = {functions, FUNCTION_COUNT(functions)};
