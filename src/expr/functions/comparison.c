/* = <> < <= > >=, IS [NOT] DISTINCT FROM, GREATEST and LEAST. */
#include "expr/functions/order.h"
#include "expr/internal.h"

#include "data/decimal.h"
#include "data/nested.h"

typedef enum Comparison {
    COMPARISON_EQUAL,
    COMPARISON_UNEQUAL,
    COMPARISON_LESS,
    COMPARISON_MOST,
    COMPARISON_GREATER,
    COMPARISON_LEAST,
    COMPARISON_COUNT,
} Comparison;

#define PLAIN_EQUAL(a, b) ((a) == (b))
#define PLAIN_LESS(a, b) ((a) < (b))
#define PLAIN_MOST(a, b) ((a) <= (b))
#define PLAIN_GUARD(valid, test) ((valid) & (test))

#define COMPARE(name) name##_u8
#define COMPARE_TYPE uint8_t
#define COMPARE_EQUAL PLAIN_EQUAL
#define COMPARE_LESS PLAIN_LESS
#define COMPARE_MOST PLAIN_MOST
#define COMPARE_GUARD PLAIN_GUARD
#include "expr/kernels/compare_type.inc"
#define COMPARE(name) name##_i8
#define COMPARE_TYPE int8_t
#define COMPARE_EQUAL PLAIN_EQUAL
#define COMPARE_LESS PLAIN_LESS
#define COMPARE_MOST PLAIN_MOST
#define COMPARE_GUARD PLAIN_GUARD
#include "expr/kernels/compare_type.inc"
#define COMPARE(name) name##_i16
#define COMPARE_TYPE int16_t
#define COMPARE_EQUAL PLAIN_EQUAL
#define COMPARE_LESS PLAIN_LESS
#define COMPARE_MOST PLAIN_MOST
#define COMPARE_GUARD PLAIN_GUARD
#include "expr/kernels/compare_type.inc"
#define COMPARE(name) name##_i32
#define COMPARE_TYPE int32_t
#define COMPARE_EQUAL PLAIN_EQUAL
#define COMPARE_LESS PLAIN_LESS
#define COMPARE_MOST PLAIN_MOST
#define COMPARE_GUARD PLAIN_GUARD
#include "expr/kernels/compare_type.inc"
#define COMPARE(name) name##_i64
#define COMPARE_TYPE int64_t
#define COMPARE_EQUAL PLAIN_EQUAL
#define COMPARE_LESS PLAIN_LESS
#define COMPARE_MOST PLAIN_MOST
#define COMPARE_GUARD PLAIN_GUARD
#include "expr/kernels/compare_type.inc"
#define COMPARE(name) name##_i128
#define COMPARE_TYPE Int128
#define COMPARE_EQUAL PLAIN_EQUAL
#define COMPARE_LESS PLAIN_LESS
#define COMPARE_MOST PLAIN_MOST
#define COMPARE_GUARD PLAIN_GUARD
#include "expr/kernels/compare_type.inc"
#define COMPARE(name) name##_f32
#define COMPARE_TYPE float
#define COMPARE_EQUAL PLAIN_EQUAL
#define COMPARE_LESS PLAIN_LESS
#define COMPARE_MOST PLAIN_MOST
#define COMPARE_GUARD PLAIN_GUARD
#include "expr/kernels/compare_type.inc"
#define COMPARE(name) name##_f64
#define COMPARE_TYPE double
#define COMPARE_EQUAL PLAIN_EQUAL
#define COMPARE_LESS PLAIN_LESS
#define COMPARE_MOST PLAIN_MOST
#define COMPARE_GUARD PLAIN_GUARD
#include "expr/kernels/compare_type.inc"
#define COMPARE(name) name##_text
#define COMPARE_TYPE StrView
#define COMPARE_EQUAL(a, b) str_view_equal(&(a), &(b))
#define COMPARE_LESS(a, b) (str_view_compare(&(a), &(b)) < 0)
#define COMPARE_MOST(a, b) (str_view_compare(&(a), &(b)) <= 0)
#define COMPARE_GUARD(valid, test) ((valid) && (test))
#include "expr/kernels/compare_type.inc"

static const Kernel *const test_kernels[] = {
    [PHYSICAL_BOOL] = test_kernels_u8,     [PHYSICAL_I8] = test_kernels_i8,
    [PHYSICAL_I16] = test_kernels_i16,     [PHYSICAL_I32] = test_kernels_i32,
    [PHYSICAL_I64] = test_kernels_i64,     [PHYSICAL_I128] = test_kernels_i128,
    [PHYSICAL_F32] = test_kernels_f32,     [PHYSICAL_F64] = test_kernels_f64,
    [PHYSICAL_STRING] = test_kernels_text,
};
static const SelectKernel *const select_kernels[] = {
    [PHYSICAL_BOOL] = select_kernels_u8,     [PHYSICAL_I8] = select_kernels_i8,
    [PHYSICAL_I16] = select_kernels_i16,     [PHYSICAL_I32] = select_kernels_i32,
    [PHYSICAL_I64] = select_kernels_i64,     [PHYSICAL_I128] = select_kernels_i128,
    [PHYSICAL_F32] = select_kernels_f32,     [PHYSICAL_F64] = select_kernels_f64,
    [PHYSICAL_STRING] = select_kernels_text,
};

static Comparison comparison_of(const Expr *call)
{
    const char *name = call->function->info.name;
    bool has_equal = name[1] == '=';
    if (name[0] == '=')
        return COMPARISON_EQUAL;
    if (name[1] == '>')
        return COMPARISON_UNEQUAL;
    if (name[0] == '<')
        return has_equal ? COMPARISON_MOST : COMPARISON_LESS;
    return has_equal ? COMPARISON_LEAST : COMPARISON_GREATER;
}

static bool comparison_holds(Comparison comparison, int order)
{
    switch (comparison) {
    case COMPARISON_EQUAL: return order == 0;
    case COMPARISON_UNEQUAL: return order != 0;
    case COMPARISON_LESS: return order < 0;
    case COMPARISON_MOST: return order <= 0;
    case COMPARISON_GREATER: return order > 0;
    case COMPARISON_LEAST: return order >= 0;
    case COMPARISON_COUNT: break;
    }
    return false;
}

/* Decimals of different scales. */
static void test_scales(Call *call)
{
    Comparison comparison = comparison_of(call->node->expr);
    const Int128 *a = call->args[0].values;
    const Int128 *b = call->args[1].values;
    int32_t step_a = column_stride(&call->args[0]);
    int32_t step_b = column_stride(&call->args[1]);
    int32_t scale_a = call->args[0].type.scale;
    int32_t scale_b = call->args[1].type.scale;
    uint8_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        int order = decimal_compare(a[row * step_a], scale_a, b[row * step_b], scale_b);
        out[row] = comparison_holds(comparison, order);
    }
}

/* Nested values are equal or not, and have no order. Maps may hold their entries in another
 * order, so bytes alone do not tell. */
static bool nested_same(const Column *a, const Column *b, int32_t row)
{
    const StrView *left = (const StrView *)a->values + (int64_t)row * column_stride(a);
    const StrView *right = (const StrView *)b->values + (int64_t)row * column_stride(b);
    return nested_equal(str_view_str(left), str_view_str(right), a->type);
}

static void test_nested(Call *call)
{
    bool is_equal = comparison_of(call->node->expr) == COMPARISON_EQUAL;
    uint8_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        out[row] = nested_same(&call->args[0], &call->args[1], row) == is_equal;
    }
}

static int32_t select_nested_equal(Selection rows, const uint64_t *valid, const Column *a,
                                   const Column *b, int32_t *restrict out)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        bool is_valid = valid == NULL || bitmap_get(valid, row);
        out[kept] = row;
        kept += is_valid && nested_same(a, b, row);
    }
    return kept;
}

static bool has_two_scales(const Expr *call)
{
    return call->args[0]->type.id == TYPE_DECIMAL &&
           call->args[0]->type.scale != call->args[1]->type.scale;
}

static Kernel resolve_comparison(const Expr *call)
{
    Physical physical = type_physical(call->args[0]->type);
    if (has_two_scales(call))
        return test_scales;
    if (type_is_nested(call->args[0]->type))
        return test_nested;
    return physical == PHYSICAL_NONE ? NULL : test_kernels[physical][comparison_of(call)];
}

static SelectKernel resolve_select(const Expr *call)
{
    Physical physical = type_physical(call->args[0]->type);
    if (has_two_scales(call) || type_is_nested(call->args[0]->type))
        return NULL;
    return physical == PHYSICAL_NONE ? NULL : select_kernels[physical][comparison_of(call)];
}

/* ---- Typing ---------------------------------------------------------------------------- */

static bool is_temporal(Type type)
{
    return type.id == TYPE_DATE || type.id == TYPE_TIME || type_is_timestamp(type);
}

/* `=`, `<>` and IS [NOT] DISTINCT FROM, which need no order. */
static bool function_is_equality(const Function *function)
{
    const char *name = function->info.name;
    return strcmp(name, "=") == 0 || strcmp(name, "<>") == 0 || name[0] == 'I';
}

/* The type both sides of a comparison are brought to; false if they cannot be compared. */
static bool comparison_type(const Binding *binding, Type a, Type b, Type *out)
{
    if (type_is_text(a) && is_temporal(b)) {
        *out = b;
        return true;
    }
    if (type_is_text(b) && is_temporal(a)) {
        *out = a;
        return true;
    }
    if (!type_common(binding->arena, a, b, out))
        return false;
    /* Only = and <> bring reals to the type of the first, as Flink's planner does. */
    bool is_plain = str_is(str_from(function_name(binding->function)), "=") ||
                    str_is(str_from(function_name(binding->function)), "<>");
    if (!is_plain && b.id == TYPE_DOUBLE && out->id == TYPE_FLOAT)
        *out = b;
    if (out->id == TYPE_NULL)
        *out = type_simple(TYPE_BOOLEAN);
    return !type_is_nested(*out) || function_is_equality(binding->function);
}

static Status bind_operands(Binding *binding)
{
    Type common;
    if (!comparison_type(binding, binding->args[0]->type, binding->args[1]->type, &common))
        return binding_refuse(binding);
    for (int32_t i = 0; i < 2; i++)
        binding_cast(binding, i, common);
    return OK;
}

/* Decimals that have no common type of 38 digits are compared as they are. */
static bool are_far_decimals(Type a, Type b)
{
    if (a.id != TYPE_DECIMAL && b.id != TYPE_DECIMAL)
        return false;
    bool are_exact = (a.id == TYPE_DECIMAL || type_is_integer(a)) &&
                     (b.id == TYPE_DECIMAL || type_is_integer(b));
    if (!are_exact)
        return false;
    a = type_as_decimal(a);
    b = type_as_decimal(b);
    int32_t whole_a = a.precision - a.scale;
    int32_t whole_b = b.precision - b.scale;
    int32_t scale = a.scale > b.scale ? a.scale : b.scale;
    return (whole_a > whole_b ? whole_a : whole_b) + scale > DECIMAL_PRECISION_MAX;
}

static Status bind_comparison(Binding *binding)
{
    if (are_far_decimals(binding->args[0]->type, binding->args[1]->type)) {
        binding_cast(binding, 0, type_as_decimal(binding->args[0]->type));
        binding_cast(binding, 1, type_as_decimal(binding->args[1]->type));
    } else {
        TRY(bind_operands(binding));
    }
    binding->result = type_simple(TYPE_BOOLEAN);
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

/* ---- IS [NOT] DISTINCT FROM ------------------------------------------------------------ */

/* A lazy kernel only to have both NULLs and the typed test: the rows where both are valid go
 * through `=`. */
static void distinct_kernel(Call *call)
{
    Eval *eval = call->eval;
    bool is_not = strcmp(call->node->expr->function->info.name, "IS NOT DISTINCT FROM") == 0;
    Column a = call_arg(call, 0);
    Column b = call_arg(call, 1);
    SelectKernel equal =
        type_is_nested(a.type) ? select_nested_equal : select_kernels[a.physical][COMPARISON_EQUAL];
    call->out = eval_column(eval, call->node->expr->type);
    uint8_t *out = call->out.values;
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        bool is_null_a = column_is_null(&a, row);
        bool is_null_b = column_is_null(&b, row);
        bool is_same = is_null_a && is_null_b;
        if (!is_null_a && !is_null_b) {
            int32_t kept;
            is_same = equal((Selection){.rows = &row, .count = 1}, NULL, &a, &b, &kept) == 1;
        }
        out[row] = is_same == is_not;
    }
}

static Status bind_distinct(Binding *binding)
{
    TRY(bind_operands(binding));
    binding->result = type_not_null(type_simple(TYPE_BOOLEAN));
    return OK;
}

/* ---- GREATEST, LEAST ------------------------------------------------------------------- */

static void extreme_kernel(Call *call)
{
    Eval *eval = call->eval;
    bool is_least = call->node->expr->function->info.name[0] == 'L';
    Column best = call->args[0];
    SelectKernel select =
        select_kernels[best.physical][is_least ? COMPARISON_LESS : COMPARISON_GREATER];
    Rows rows = {.selection = call->rows};
    int64_t bytes = (int64_t)sizeof(int32_t) * call->rows.count;
    int32_t *better = arena_allocate(eval->scratch, bytes);
    eval_copy(eval, &call->out, &best, &rows);
    for (int32_t i = 1; i < call->node->arg_count; i++) {
        int32_t count = select(call->rows, NULL, &call->args[i], &call->out, better);
        Rows taken = {.selection = {.rows = better, .count = count}};
        eval_copy(eval, &call->out, &call->args[i], &taken);
    }
}

static Status bind_extreme(Binding *binding)
{
    Type common;
    TRY(binding_unify(binding, 0, "the arguments", &common));
    if (type_is_nested(common))
        return binding_refuse(binding);
    binding->result = common;
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

/* ---- BETWEEN --------------------------------------------------------------------------- */

static Status bind_between(Binding *binding)
{
    Expr **args = binding->args;
    Expr *low[] = {args[0], args[1]};
    Expr *high[] = {args[0], args[2]};
    Expr *both[2];
    TRY(bind_named(binding->arena, ">=", low, 2, &both[0], binding->error));
    TRY(bind_named(binding->arena, "<=", high, 2, &both[1], binding->error));
    return bind_named(binding->arena, "AND", both, 2, &binding->rewritten, binding->error);
}

#define COMPARISON_ROW(sign, text)                                                                 \
    {                                                                                              \
        .info = {sign, "comparison", "a " sign " b -> BOOLEAN", text, false}, .types = "xx>B",     \
        .bind = bind_comparison, .resolve = resolve_comparison, .resolve_select = resolve_select,  \
        .flags = FUNCTION_TOTAL                                                                    \
    }

static const Function functions[] = {
    COMPARISON_ROW("=", "equal; unknown if a side is NULL"),
    COMPARISON_ROW("<>", "not equal; unknown if a side is NULL"),
    COMPARISON_ROW("<", "less; texts compare by bytes"),
    COMPARISON_ROW("<=", "less or equal"),
    COMPARISON_ROW(">", "greater"),
    COMPARISON_ROW(">=", "greater or equal"),
    {.info = {"IS DISTINCT FROM", "comparison", "a IS DISTINCT FROM b -> BOOLEAN NOT NULL",
              "not equal, where two NULLs are equal", false},
     .types = "xx>B",
     .bind = bind_distinct,
     .kernel = distinct_kernel,
     .flags = FUNCTION_LAZY},
    {.info = {"IS NOT DISTINCT FROM", "comparison", "a IS NOT DISTINCT FROM b -> BOOLEAN NOT NULL",
              "equal, where two NULLs are equal", false},
     .types = "xx>B",
     .bind = bind_distinct,
     .kernel = distinct_kernel,
     .flags = FUNCTION_LAZY},
    {.info = {"BETWEEN", "comparison", "x BETWEEN a AND b -> BOOLEAN", "x >= a AND x <= b", false},
     .types = "xxx>B",
     .bind = bind_between},
    {.info = {"GREATEST", "comparison", "GREATEST(a, ...) -> common type",
              "the largest argument; NULL if any is NULL", false},
     .types = "x*>0",
     .bind = bind_extreme,
     .kernel = extreme_kernel},
    {.info = {"LEAST", "comparison", "LEAST(a, ...) -> common type",
              "the smallest argument; NULL if any is NULL", false},
     .types = "x*>0",
     .bind = bind_extreme,
     .kernel = extreme_kernel},
};

const FunctionFamily comparison_family = {functions, FUNCTION_COUNT(functions)};
