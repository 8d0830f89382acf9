/* CASE, COALESCE and what is written with them. Each branch is computed for the rows that
 * take it and for no other, so a guard such as CASE WHEN b <> 0 THEN a / b END works. */
#include "expr/internal.h"

static void take_branch(Call *call, int32_t index, const Rows *rows)
{
    if (rows->selection.count == 0)
        return;
    Column column = eval_node(call->eval, call->node->args[index], rows);
    eval_copy(call->eval, &call->out, &column, rows);
}

/* CASE(when1, then1, when2, then2, …, else). */
static void case_kernel(Call *call)
{
    Eval *eval = call->eval;
    const Rows *open = call->lazy_rows;
    int32_t count = call->node->arg_count;
    call->out = eval_column(eval, call->node->expr->type);
    for (int32_t i = 0; i + 1 < count; i += 2) {
        const Rows *taken = eval_select(eval, call->node->args[i], open);
        if (taken == call->lazy_rows) { /* every row: nothing to merge */
            call->out = call_arg(call, i + 1);
            return;
        }
        take_branch(call, i + 1, taken);
        open =
            taken == open ? eval_rows(eval, NULL, 0, open) : eval_rows_without(eval, open, taken);
        if (open->selection.count == 0)
            return;
    }
    if (open == call->lazy_rows)
        call->out = call_arg(call, count - 1);
    else
        take_branch(call, count - 1, open);
}

static Status bind_case(Binding *binding)
{
    Arena *arena = binding->arena;
    /* Without ELSE: NULL. */
    if (binding->arg_count % 2 == 0) {
        Expr **args = ARENA_ARRAY(arena, Expr *, binding->arg_count + 1);
        memcpy(args, binding->args, sizeof(Expr *) * (size_t)binding->arg_count);
        Value null = {.type = type_simple(TYPE_NULL), .is_null = true};
        args[binding->arg_count++] = expr_literal(arena, null);
        binding->args = args;
    }
    int32_t last = binding->arg_count - 1;
    Type common = binding->args[1]->type;
    for (int32_t i = 0; i < last; i += 2) {
        Type when = binding->args[i]->type;
        if (when.id != TYPE_BOOLEAN && when.id != TYPE_NULL)
            return binding_fail(binding, i, "WR2303", "a condition must be BOOLEAN, not %s",
                                type_text(arena, type_nullable(when)));
        binding_cast(binding, i, type_simple(TYPE_BOOLEAN));
        Type then = binding->args[i + 1]->type;
        if (!type_common(binding->arena, common, then, &common))
            return binding_fail(
                binding, i + 1, "WR2304", "the branches have no common type: %s and %s",
                type_text(arena, type_nullable(then)), type_text(arena, type_nullable(common)));
    }
    if (!type_common(arena, common, binding->args[last]->type, &common))
        return binding_fail(binding, last, "WR2304", "the branches have no common type: %s and %s",
                            type_text(arena, type_nullable(binding->args[last]->type)),
                            type_text(arena, type_nullable(common)));
    if (common.id == TYPE_NULL)
        return binding_fail(binding, -1, "WR2304",
                            "the branches are all untyped NULLs: write CAST(NULL AS type)");
    common.time_attribute = TIME_NONE;
    for (int32_t i = 1; i < last; i += 2)
        binding_cast(binding, i, common);
    binding_cast(binding, last, common);
    binding->result = common;
    return OK;
}

/* ---- COALESCE -------------------------------------------------------------------------- */

static void coalesce_kernel(Call *call)
{
    Eval *eval = call->eval;
    const Rows *open = call->lazy_rows;
    call->out = eval_column(eval, call->node->expr->type);
    for (int32_t k = 0; k < call->node->arg_count; k++) {
        Column column = eval_node(eval, call->node->args[k], open);
        int64_t bytes = (int64_t)sizeof(int32_t) * open->selection.count;
        int32_t *left = arena_allocate(eval->scratch, bytes);
        int32_t left_count = 0;
        for (int32_t i = 0; i < open->selection.count && column.valid != NULL; i++) {
            int32_t row = selection_row(open->selection, i);
            left[left_count] = row;
            left_count += column_is_null(&column, row);
        }
        if (left_count == 0 && open == call->lazy_rows) {
            call->out = column;
            return;
        }
        const Rows *rest = eval_rows(eval, left, left_count, open);
        if (rest != open)
            eval_copy(eval, &call->out, &column, eval_rows_without(eval, open, rest));
        open = rest;
        if (open->selection.count == 0)
            return;
    }
    for (int32_t i = 0; i < open->selection.count; i++)
        column_set_null(&call->out, eval->scratch, selection_row(open->selection, i),
                        call->capacity);
}

static Status bind_coalesce(Binding *binding)
{
    Type common;
    TRY(binding_unify(binding, 0, "the arguments", &common));
    common.time_attribute = TIME_NONE;
    common.is_nullable = true;
    for (int32_t i = 0; i < binding->arg_count; i++)
        common.is_nullable = common.is_nullable && binding->args[i]->type.is_nullable;
    binding->result = common;
    if (binding->arg_count == 1)
        binding->rewritten = binding->args[0];
    return OK;
}

/* ---- Rewritings ------------------------------------------------------------------------ */

static Status bind_if(Binding *binding)
{
    bool is_nullable = binding->args[0]->type.is_nullable;
    TRY(bind_named(binding->arena, "CASE", binding->args, 3, &binding->rewritten, binding->error));
    /* Unlike CASE, as any function: an argument that may be NULL makes the result so. */
    if (is_nullable) {
        binding->rewritten =
            arena_copy(binding->arena, binding->rewritten, (int64_t)sizeof *binding->rewritten);
        binding->rewritten->type.is_nullable = true;
    }
    return OK;
}

static Status bind_nullif(Binding *binding)
{
    Arena *arena = binding->arena;
    Expr *same;
    TRY(bind_named(arena, "=", binding->args, 2, &same, binding->error));
    Value null = {.type = binding->args[0]->type, .is_null = true};
    Expr *args[] = {same, expr_literal(arena, null), binding->args[0]};
    return bind_named(arena, "CASE", args, 3, &binding->rewritten, binding->error);
}

static const Function functions[] = {
    {.info = {"CASE", "conditional", "CASE WHEN c THEN a [WHEN ...] [ELSE b] END -> common type",
              "the first branch whose condition is TRUE", false},
     .types = "xx*>0",
     .bind = bind_case,
     .kernel = case_kernel,
     .flags = FUNCTION_LAZY},
    {.info = {"COALESCE", "conditional", "COALESCE(a, ...) -> common type",
              "the first argument that is not NULL", false},
     .types = "x*>0",
     .bind = bind_coalesce,
     .kernel = coalesce_kernel,
     .flags = FUNCTION_LAZY},
    {.info = {"IFNULL", "conditional", "IFNULL(a, b) -> common type", "b where a is NULL", false},
     .types = "xx>0",
     .bind = bind_coalesce,
     .kernel = coalesce_kernel,
     .flags = FUNCTION_LAZY},
    {.info = {"IF", "conditional", "IF(c BOOLEAN, a, b) -> common type",
              "a where c is TRUE, else b", false},
     .types = "xxx>0",
     .bind = bind_if},
    {.info = {"NULLIF", "conditional", "NULLIF(a, b) -> type of a", "NULL where a = b, else a",
              false},
     .types = "xx>0",
     .bind = bind_nullif},
};

const FunctionFamily conditional_family = {functions, FUNCTION_COUNT(functions)};
