/* AND, OR, NOT and the IS tests: logic with three values. */
#include "expr/internal.h"

/* AND is decided for a row by its first FALSE, OR by its first TRUE; later operands are
 * computed only for rows that are still open. */
static void connective_kernel(Call *call)
{
    Eval *eval = call->eval;
    uint8_t decides = call->node->expr->function->info.name[0] == 'O';
    uint64_t unknown[BATCH_ROWS_MAX / 64] = {0};
    const Rows *open = call->lazy_rows;
    call->out = eval_column(eval, call->node->expr->type);
    uint8_t *out = call->out.values;
    for (int32_t k = 0; k < call->node->arg_count && open->selection.count > 0; k++) {
        Column column = eval_node(eval, call->node->args[k], open);
        const uint8_t *values = column.values;
        int32_t step = column_stride(&column);
        int64_t bytes = (int64_t)sizeof(int32_t) * open->selection.count;
        int32_t *left = arena_allocate(eval->scratch, bytes);
        int32_t left_count = 0;
        for (int32_t i = 0; i < open->selection.count; i++) {
            int32_t row = selection_row(open->selection, i);
            bool is_null = column_is_null(&column, row);
            bool is_decided = !is_null && (values[row * step] != 0) == decides;
            unknown[row >> 6] |= (uint64_t)is_null << (row & 63);
            out[row] = decides;
            left[left_count] = row;
            left_count += !is_decided;
        }
        open = eval_rows(eval, left, left_count, open);
    }
    for (int32_t i = 0; i < open->selection.count; i++) {
        int32_t row = selection_row(open->selection, i);
        out[row] = !decides;
        if (bitmap_get(unknown, row))
            column_set_null(&call->out, eval->scratch, row, call->capacity);
    }
}

static Status bind_booleans(Binding *binding)
{
    for (int32_t i = 0; i < binding->arg_count; i++) {
        Type type = binding->args[i]->type;
        if (type.id == TYPE_NULL)
            binding_cast(binding, i, type_simple(TYPE_BOOLEAN));
        else if (type.id != TYPE_BOOLEAN)
            return binding_refuse(binding);
    }
    binding->result = type_simple(TYPE_BOOLEAN);
    binding->result.is_nullable = binding_any_nullable(binding);
    return OK;
}

/* TRUE AND x is x, FALSE AND x is FALSE. */
static Status bind_connective(Binding *binding)
{
    TRY(bind_booleans(binding));
    bool decides = binding->function->info.name[0] == 'O';
    if (binding->arg_count != 2)
        return OK;
    for (int32_t i = 0; i < 2; i++) {
        const Expr *arg = binding->args[i];
        if (arg->kind != EXPR_LITERAL || arg->literal.is_null)
            continue;
        bool is_deciding = (arg->literal.integer != 0) == decides;
        binding->rewritten = binding->args[is_deciding ? i : 1 - i];
        return OK;
    }
    return OK;
}

static void not_kernel(Call *call)
{
    Selection rows = call_dense_rows(call);
    const uint8_t *restrict a = call->args[0].values;
    uint8_t *restrict out = call->out.values;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        out[row] = a[row] == 0;
    }
}

/* ---- IS … ------------------------------------------------------------------------------ */

static void is_null(Call *call, bool expected)
{
    uint8_t *out = call->out.values;
    const Column *column = &call->args[0];
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        out[row] = column_is_null(column, row) == expected;
    }
}

static void is_null_kernel(Call *call)
{
    is_null(call, true);
}

static void is_not_null_kernel(Call *call)
{
    is_null(call, false);
}

static void is_value(Call *call, bool value, bool expected)
{
    uint8_t *out = call->out.values;
    const Column *column = &call->args[0];
    const uint8_t *values = column->values;
    int32_t step = column_stride(column);
    for (int32_t i = 0; i < call->rows.count; i++) {
        int32_t row = selection_row(call->rows, i);
        bool is_it = !column_is_null(column, row) && (values[row * step] != 0) == value;
        out[row] = is_it == expected;
    }
}

static void is_true_kernel(Call *call)
{
    is_value(call, true, true);
}

static void is_not_true_kernel(Call *call)
{
    is_value(call, true, false);
}

static void is_false_kernel(Call *call)
{
    is_value(call, false, true);
}

static void is_not_false_kernel(Call *call)
{
    is_value(call, false, false);
}

static Status bind_is_null(Binding *binding)
{
    binding->result = type_not_null(type_simple(TYPE_BOOLEAN));
    return OK;
}

static Status bind_is(Binding *binding)
{
    TRY(bind_booleans(binding));
    binding->result.is_nullable = false;
    return OK;
}

#define IS_ROW(test, binder, function_kernel)                                                      \
    {                                                                                              \
        .info = {"IS " test, "logic", "a IS " test " -> BOOLEAN NOT NULL", "never unknown itself", \
                 false},                                                                           \
        .types = "x>B", .bind = binder, .kernel = function_kernel, .flags = FUNCTION_NULLS         \
    }

static const Function functions[] = {
    {.info = {"AND", "logic", "a AND b -> BOOLEAN", "TRUE if both are, FALSE if one is FALSE",
              false},
     .types = "xx*>B",
     .bind = bind_connective,
     .kernel = connective_kernel,
     .flags = FUNCTION_LAZY},
    {.info = {"OR", "logic", "a OR b -> BOOLEAN", "TRUE if one is, FALSE if both are FALSE", false},
     .types = "xx*>B",
     .bind = bind_connective,
     .kernel = connective_kernel,
     .flags = FUNCTION_LAZY},
    {.info = {"NOT", "logic", "NOT a -> BOOLEAN", "the opposite; unknown stays unknown", false},
     .types = "x>B",
     .bind = bind_booleans,
     .kernel = not_kernel,
     .flags = FUNCTION_TOTAL},
    IS_ROW("NULL", bind_is_null, is_null_kernel),
    IS_ROW("NOT NULL", bind_is_null, is_not_null_kernel),
    IS_ROW("TRUE", bind_is, is_true_kernel),
    IS_ROW("NOT TRUE", bind_is, is_not_true_kernel),
    IS_ROW("FALSE", bind_is, is_false_kernel),
    IS_ROW("NOT FALSE", bind_is, is_not_false_kernel),
    IS_ROW("UNKNOWN", bind_is, is_null_kernel),
    IS_ROW("NOT UNKNOWN", bind_is, is_not_null_kernel),
};

const FunctionFamily logic_family = {functions, FUNCTION_COUNT(functions)};
