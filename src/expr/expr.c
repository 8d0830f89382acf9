/* Expressions as trees: making, comparing, walking and copying them. */
#include "expr/internal.h"

#include "data/value.h"

Expr *expr_column(Arena *arena, int32_t column, Type type)
{
    assert(column >= 0);
    Expr *expr = ARENA_NEW(arena, Expr);
    expr->kind = EXPR_COLUMN;
    expr->type = type;
    expr->column = column;
    return expr;
}

Expr *expr_literal(Arena *arena, Value value)
{
    Expr *expr = ARENA_NEW(arena, Expr);
    expr->kind = EXPR_LITERAL;
    expr->type = value.type;
    expr->literal = value;
    if (value.is_null)
        expr->type.is_nullable = true;
    expr->literal.type = expr->type;
    return expr;
}

Expr *expr_call(Arena *arena, const Function *function, Expr **args, int32_t arg_count, Type type)
{
    assert(function != NULL);
    Expr *expr = ARENA_NEW(arena, Expr);
    expr->kind = EXPR_CALL;
    expr->type = type;
    expr->function = function;
    expr->args = args;
    expr->arg_count = arg_count;
    return expr;
}

bool expr_is_null_literal(const Expr *expr)
{
    return expr->kind == EXPR_LITERAL && expr->literal.is_null;
}

Expr *expr_cast(Arena *arena, Expr *expr, Type to, bool is_try)
{
    if (type_equal(expr->type, to)) {
        if (expr->type.is_nullable == to.is_nullable || expr->kind != EXPR_LITERAL)
            return expr;
    }
    to.time_attribute = TIME_NONE;
    to.is_nullable = expr->type.is_nullable || is_try;
    if (expr_is_null_literal(expr)) {
        Expr *null = expr_literal(arena, (Value){.type = to, .is_null = true});
        null->span_start = expr->span_start;
        null->span_end = expr->span_end;
        return null;
    }
    if (type_equal(expr->type, to))
        return expr;
    Expr **args = ARENA_ARRAY(arena, Expr *, 1);
    args[0] = expr;
    const Function *function = function_find(is_try ? STR("TRY_CAST") : STR("CAST"));
    Expr *call = expr_fold(arena, expr_call(arena, function, args, 1, to));
    call->span_start = expr->span_start;
    call->span_end = expr->span_end;
    return call;
}

bool expr_is_deterministic(const Expr *expr)
{
    if (expr->kind != EXPR_CALL)
        return true;
    uint32_t flags = expr->function->flags;
    /* UNIX_TIMESTAMP looks at the clock only when it is given no text. */
    bool asks_clock =
        (flags & FUNCTION_CLOCK) != 0 && ((flags & FUNCTION_LAZY) != 0 || expr->arg_count == 0);
    if ((flags & FUNCTION_VOLATILE) != 0 || asks_clock)
        return false;
    for (int32_t i = 0; i < expr->arg_count; i++)
        if (!expr_is_deterministic(expr->args[i]))
            return false;
    return true;
}

static bool call_depends_on_zone(const Expr *call)
{
    uint32_t flags = call->function->flags;
    if (function_is_cast(call->function))
        flags = cast_flags(call->args[0]->type, call->type, false);
    if ((flags & FUNCTION_LOCAL) != 0)
        /* UNIX_TIMESTAMP without a text is an instant. */
        return call->arg_count > 0 || call->type.id != TYPE_BIGINT;
    bool has_instant = type_has_instant(call->type);
    for (int32_t i = 0; !has_instant && i < call->arg_count; i++)
        has_instant = type_has_instant(call->args[i]->type);
    return has_instant && (flags & FUNCTION_ZONE) != 0;
}

bool expr_depends_on_zone(const Expr *expr)
{
    if (expr->kind != EXPR_CALL)
        return false;
    bool depends = call_depends_on_zone(expr);
    for (int32_t i = 0; !depends && i < expr->arg_count; i++)
        depends = expr_depends_on_zone(expr->args[i]);
    return depends;
}

bool expr_equal(const Expr *a, const Expr *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind || !type_equal(a->type, b->type))
        return false;
    switch (a->kind) {
    case EXPR_COLUMN: return a->column == b->column;
    case EXPR_LITERAL:
        if (a->literal.is_null || b->literal.is_null)
            return a->literal.is_null && b->literal.is_null;
        return value_equal(&a->literal, &b->literal);
    case EXPR_CALL: break;
    }
    if (a->function != b->function || a->arg_count != b->arg_count)
        return false;
    for (int32_t i = 0; i < a->arg_count; i++)
        if (!expr_equal(a->args[i], b->args[i]))
            return false;
    return true;
}

void expr_visit_columns(Expr *expr, void (*visit)(Expr *column, void *context), void *context)
{
    if (expr->kind == EXPR_COLUMN)
        visit(expr, context);
    for (int32_t i = 0; i < expr->arg_count; i++)
        expr_visit_columns(expr->args[i], visit, context);
}

Expr *expr_remap(Arena *arena, const Expr *expr, const int32_t *map)
{
    Expr *copy = ARENA_NEW(arena, Expr);
    *copy = *expr;
    if (expr->kind == EXPR_COLUMN) {
        copy->column = map[expr->column];
        assert(copy->column >= 0);
    }
    if (expr->arg_count > 0)
        copy->args = ARENA_ARRAY(arena, Expr *, expr->arg_count);
    for (int32_t i = 0; i < expr->arg_count; i++)
        copy->args[i] = expr_remap(arena, expr->args[i], map);
    return copy;
}
