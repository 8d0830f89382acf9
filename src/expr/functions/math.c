/* Functions of DOUBLE: powers, logarithms, angles. Domain errors give NaN or an infinity. */
#include <math.h>

#include "expr/internal.h"

#define UNARY_NAME sin_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) (sin(v))
#include "expr/kernels/unary.inc"
#define UNARY_NAME cos_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) (cos(v))
#include "expr/kernels/unary.inc"
#define UNARY_NAME tan_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) (tan(v))
#include "expr/kernels/unary.inc"
#define UNARY_NAME cot_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) (1.0 / tan(v))
#include "expr/kernels/unary.inc"
#define UNARY_NAME asin_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) (asin(v))
#include "expr/kernels/unary.inc"
#define UNARY_NAME acos_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) (acos(v))
#include "expr/kernels/unary.inc"
#define UNARY_NAME atan_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) (atan(v))
#include "expr/kernels/unary.inc"
#define UNARY_NAME sinh_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) (sinh(v))
#include "expr/kernels/unary.inc"
#define UNARY_NAME cosh_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) (cosh(v))
#include "expr/kernels/unary.inc"
#define UNARY_NAME tanh_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) (tanh(v))
#include "expr/kernels/unary.inc"
#define UNARY_NAME degrees_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) ((v) * (180.0 / M_PI))
#include "expr/kernels/unary.inc"
#define UNARY_NAME radians_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) ((v) * (M_PI / 180.0))
#include "expr/kernels/unary.inc"
#define UNARY_NAME sqrt_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) (sqrt(v))
#include "expr/kernels/unary.inc"
#define UNARY_NAME ln_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) (log(v))
#include "expr/kernels/unary.inc"
#define UNARY_NAME log10_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) (log10(v))
#include "expr/kernels/unary.inc"
#define UNARY_NAME log2_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) (log(v) / M_LN2) /* as Flink divides: log2 may be a digit better */
#include "expr/kernels/unary.inc"
#define UNARY_NAME exp_kernel
#define UNARY_FROM double
#define UNARY_TO double
#define UNARY_OP(v) (exp(v))
#include "expr/kernels/unary.inc"

#define BINARY_NAME power_kernel
#define BINARY_TYPE double
#define BINARY_OP(a, b) pow(a, b)
#include "expr/kernels/binary.inc"
#define BINARY_NAME atan2_kernel
#define BINARY_TYPE double
#define BINARY_OP(a, b) atan2(a, b)
#include "expr/kernels/binary.inc"
#define BINARY_NAME log_base_kernel
#define BINARY_TYPE double
#define BINARY_OP(a, b) (log(b) / log(a))
#include "expr/kernels/binary.inc"

static Kernel resolve_log(const Expr *call)
{
    return call->arg_count == 1 ? ln_kernel : log_base_kernel;
}

static Status bind_constant(Binding *binding)
{
    Value value = {.type = type_not_null(type_simple(TYPE_DOUBLE))};
    value.real = binding->function->info.name[0] == 'P' ? M_PI : M_E;
    binding->rewritten = expr_literal(binding->arena, value);
    return OK;
}

#define REAL_ROW(sign, function_kernel, text)                                                      \
    {                                                                                              \
        .info = {sign, "math", sign "(x) -> DOUBLE", text, false}, .types = "d>d",                 \
        .kernel = function_kernel                                                                  \
    }

static const Function functions[] = {
    REAL_ROW("SIN", sin_kernel, "sine"),
    REAL_ROW("COS", cos_kernel, "cosine"),
    REAL_ROW("TAN", tan_kernel, "tangent"),
    REAL_ROW("COT", cot_kernel, "cotangent"),
    REAL_ROW("ASIN", asin_kernel, "arc sine"),
    REAL_ROW("ACOS", acos_kernel, "arc cosine"),
    REAL_ROW("ATAN", atan_kernel, "arc tangent"),
    REAL_ROW("SINH", sinh_kernel, "hyperbolic sine"),
    REAL_ROW("COSH", cosh_kernel, "hyperbolic cosine"),
    REAL_ROW("TANH", tanh_kernel, "hyperbolic tangent"),
    REAL_ROW("DEGREES", degrees_kernel, "radians as degrees"),
    REAL_ROW("RADIANS", radians_kernel, "degrees as radians"),
    REAL_ROW("SQRT", sqrt_kernel, "square root; NaN of a negative number"),
    REAL_ROW("LN", ln_kernel, "natural logarithm"),
    REAL_ROW("LOG10", log10_kernel, "logarithm to base 10"),
    REAL_ROW("LOG2", log2_kernel, "logarithm to base 2"),
    REAL_ROW("EXP", exp_kernel, "e to the power of x"),
    {.info = {"POWER", "math", "POWER(x, y) -> DOUBLE", "x to the power of y", false},
     .types = "dd>d",
     .kernel = power_kernel},
    {.info = {"ATAN2", "math", "ATAN2(y, x) -> DOUBLE", "the angle of the point (x, y)", false},
     .types = "dd>d",
     .kernel = atan2_kernel},
    {.info = {"LOG", "math", "LOG(x), LOG(base, x) -> DOUBLE",
              "logarithm, natural unless a base is given", false},
     .types = "d?d>d",
     .resolve = resolve_log},
    {.info = {"PI", "math", "PI() -> DOUBLE NOT NULL", "3.14159...", false},
     .types = ">d",
     .bind = bind_constant},
    {.info = {"E", "math", "E() -> DOUBLE NOT NULL", "2.71828...", false},
     .types = ">d",
     .bind = bind_constant},
};

const FunctionFamily math_family = {functions, FUNCTION_COUNT(functions)};
