/* Expressions: names to columns, operators and functions to calls with types. */
#include <assert.h>

#include "plan/subquery.h"
#include "sql/sql.h"

static Expr *expr_at(Expr *expr, Span span)
{
    if (expr->span_end == 0) {
        expr->span_start = span.start;
        expr->span_end = span.end;
    }
    return expr;
}

static Expr *poison_at(ExprBinder *binder, Span span)
{
    return expr_at(expr_poison(binder->planner->arena), span);
}

static Expr *unsupported(ExprBinder *binder, Span span, const char *what)
{
    planner_unsupported(binder->planner, span, what);
    return poison_at(binder, span);
}

/* ---- Calls ----------------------------------------------------------------------------- */

Expr *bind_function(ExprBinder *binder, const char *name, Expr **args, int32_t arg_count, Span span)
{
    Planner *planner = binder->planner;
    for (int32_t i = 0; i < arg_count; i++) {
        if (expr_is_poison(args[i]))
            return poison_at(binder, span);
    }
    const Function *function = function_find(str_from(name));
    if (function == NULL)
        return unsupported(binder, span, arena_printf(planner->arena, "`%s`", name));
    Expr **given = ARENA_ARRAY(planner->arena, Expr *, arg_count + 1);
    for (int32_t i = 0; i < arg_count; i++)
        given[i] = args[i];
    Expr *bound = NULL;
    int32_t bad_arg = -1;
    Error error = {0};
    if (function_bind(function, planner->arena, args, arg_count, &bound, &bad_arg, &error) != OK) {
        Span at = span;
        if (bad_arg >= 0 && bad_arg < arg_count && args[bad_arg]->span_end > 0)
            at = span_make(args[bad_arg]->span_start, args[bad_arg]->span_end);
        Diagnostic *d =
            REPORT(planner, error.code[0] != '\0' ? error.code : "WR2044", at, "%s", error.text);
        if (error.hint[0] != '\0')
            diagnostic_help(d, "%s", error.hint);
        return poison_at(binder, span);
    }
    assert(bound != NULL);
    portable_call(planner, name, given, arg_count, span);
    for (int32_t i = 0; i < arg_count; i++) {
        if (bound == args[i])
            return bound;
    }
    if (!expr_is_small(planner, bound, span))
        return poison_at(binder, span);
    bool is_proctime = str_equal_ignoring_case(str_from(name), STR("PROCTIME"));
    bound->type.time_attribute = is_proctime ? TIME_PROCTIME : TIME_NONE;
    return expr_at(bound, span);
}

static Expr *bind_function1(ExprBinder *binder, const char *name, Expr *arg, Span span)
{
    Expr **args = ARENA_ARRAY(binder->planner->arena, Expr *, 1);
    args[0] = arg;
    return bind_function(binder, name, args, 1, span);
}

static Expr *bind_function2(ExprBinder *binder, const char *name, Expr *a, Expr *b, Span span)
{
    Expr **args = ARENA_ARRAY(binder->planner->arena, Expr *, 2);
    args[0] = a;
    args[1] = b;
    return bind_function(binder, name, args, 2, span);
}

static Expr *bind_negated(ExprBinder *binder, Expr *expr, bool is_negated, Span span)
{
    return is_negated ? bind_function1(binder, "NOT", expr, span) : expr;
}

static Expr *bind_unary(ExprBinder *binder, const SqlExpr *expr)
{
    const SqlExpr *number = expr->unary.operand;
    if (expr->unary.op == SQL_MINUS && number->kind == SQL_LITERAL &&
        number->literal.kind == SQL_EXACT)
        return expr_at(bind_negative(binder->planner, number), expr->span);
    Expr *operand = bind_expr(binder, expr->unary.operand);
    switch (expr->unary.op) {
    case SQL_PLUS: portable_plus(binder->planner, operand, expr->span); return operand;
    case SQL_MINUS: return bind_function1(binder, "-", operand, expr->span);
    case SQL_NOT: return bind_function1(binder, "NOT", operand, expr->span);
    }
    return operand;
}

static const char *binary_name(SqlBinaryOp op)
{
    switch (op) {
    case SQL_OR: return "OR";
    case SQL_AND: return "AND";
    case SQL_EQUAL: return "=";
    case SQL_NOT_EQUAL: return "<>";
    case SQL_LESS: return "<";
    case SQL_LESS_EQUAL: return "<=";
    case SQL_GREATER: return ">";
    case SQL_GREATER_EQUAL: return ">=";
    case SQL_IS_DISTINCT: return "IS DISTINCT FROM";
    case SQL_IS_NOT_DISTINCT: return "IS NOT DISTINCT FROM";
    case SQL_ADD: return "+";
    case SQL_SUBTRACT: return "-";
    case SQL_MULTIPLY: return "*";
    case SQL_DIVIDE: return "/";
    case SQL_MODULO: return "%";
    case SQL_CONCAT: return "||";
    case SQL_OVERLAPS: return "OVERLAPS";
    }
    return "?";
}

static bool is_pair(const SqlExpr *expr)
{
    return expr->kind == SQL_ROW && expr->collection.items.count == 2;
}

/* (a, b) OVERLAPS (c, d) */
static Expr *bind_overlaps(ExprBinder *binder, const SqlExpr *expr)
{
    const SqlExpr *sides[2] = {expr->binary.left, expr->binary.right};
    Expr *args[4];
    for (int32_t i = 0; i < 2; i++) {
        if (!is_pair(sides[i])) {
            REPORT(binder->planner, "WR2301", sides[i]->span,
                   "OVERLAPS compares two periods such as (start, end)");
            return poison_at(binder, expr->span);
        }
        for (int32_t k = 0; k < 2; k++)
            args[i * 2 + k] = bind_expr(binder, LIST_AT(sides[i]->collection.items, k, SqlExpr));
    }
    return bind_function(binder, "OVERLAPS", args, 4, expr->span);
}

static Expr *bind_binary(ExprBinder *binder, const SqlExpr *expr)
{
    if (expr->binary.op == SQL_OVERLAPS)
        return bind_overlaps(binder, expr);
    Expr *rows = bind_row_comparison(binder, expr);
    if (rows != NULL)
        return rows;
    Expr *left = bind_expr(binder, expr->binary.left);
    Expr *right = bind_expr(binder, expr->binary.right);
    return bind_function2(binder, binary_name(expr->binary.op), left, right, expr->span);
}

static Expr *bind_is(ExprBinder *binder, const SqlExpr *expr)
{
    static const char *const names[][2] = {
        [SQL_IS_NULL] = {"IS NULL", "IS NOT NULL"},
        [SQL_IS_TRUE] = {"IS TRUE", "IS NOT TRUE"},
        [SQL_IS_FALSE] = {"IS FALSE", "IS NOT FALSE"},
        [SQL_IS_UNKNOWN] = {"IS UNKNOWN", "IS NOT UNKNOWN"},
        [SQL_IS_JSON_VALUE] = {"IS JSON VALUE", "IS NOT JSON VALUE"},
        [SQL_IS_JSON_SCALAR] = {"IS JSON SCALAR", "IS NOT JSON SCALAR"},
        [SQL_IS_JSON_ARRAY] = {"IS JSON ARRAY", "IS NOT JSON ARRAY"},
        [SQL_IS_JSON_OBJECT] = {"IS JSON OBJECT", "IS NOT JSON OBJECT"},
    };
    Expr *operand = bind_expr(binder, expr->is.operand);
    bool is_negated = expr->is.is_negated;
    const char *name = names[expr->is.test][is_negated];
    if (is_negated && function_find(str_from(name)) == NULL) {
        name = names[expr->is.test][0];
        return bind_negated(binder, bind_function1(binder, name, operand, expr->span), true,
                            expr->span);
    }
    return bind_function1(binder, name, operand, expr->span);
}

static Expr *bind_between(ExprBinder *binder, const SqlExpr *expr)
{
    Arena *arena = binder->planner->arena;
    Expr *operand = bind_expr(binder, expr->between.operand);
    Expr *low = bind_expr(binder, expr->between.low);
    Expr *high = bind_expr(binder, expr->between.high);
    Expr **args = ARENA_ARRAY(arena, Expr *, 3);
    args[0] = operand;
    args[1] = low;
    args[2] = high;
    Expr *bound = bind_function(binder, "BETWEEN", args, 3, expr->span);
    if (expr->between.is_symmetric) {
        Expr **swapped = ARENA_ARRAY(arena, Expr *, 3);
        swapped[0] = operand;
        swapped[1] = high;
        swapped[2] = low;
        Expr *other = bind_function(binder, "BETWEEN", swapped, 3, expr->span);
        bound = bind_function2(binder, "OR", bound, other, expr->span);
    }
    return bind_negated(binder, bound, expr->between.is_negated, expr->span);
}

static Expr *bind_in(ExprBinder *binder, const SqlExpr *expr)
{
    Expr *rows = bind_row_in(binder, expr);
    if (rows != NULL)
        return rows;
    if (expr->in.query != NULL)
        return bind_subquery(binder, expr);
    Expr *operand = bind_expr(binder, expr->in.operand);
    int32_t count = expr->in.values.count + 1;
    Expr **args = ARENA_ARRAY(binder->planner->arena, Expr *, count);
    args[0] = operand;
    for (int32_t i = 1; i < count; i++)
        args[i] = bind_expr(binder, LIST_AT(expr->in.values, i - 1, SqlExpr));
    Expr *bound = bind_function(binder, "IN", args, count, expr->span);
    return bind_negated(binder, bound, expr->in.is_negated, expr->span);
}

static Expr *bind_like(ExprBinder *binder, const SqlExpr *expr)
{
    Expr **args = ARENA_ARRAY(binder->planner->arena, Expr *, 3);
    int32_t count = 2;
    args[0] = bind_expr(binder, expr->like.operand);
    args[1] = bind_expr(binder, expr->like.pattern);
    if (expr->like.escape != NULL)
        args[count++] = bind_expr(binder, expr->like.escape);
    const char *name = expr->like.is_similar ? "SIMILAR TO" : "LIKE";
    Expr *bound = bind_function(binder, name, args, count, expr->span);
    return bind_negated(binder, bound, expr->like.is_negated, expr->span);
}

/* CASE c1 r1 c2 r2 … otherwise. */
static Expr *bind_case(ExprBinder *binder, const SqlExpr *expr)
{
    Arena *arena = binder->planner->arena;
    const List *whens = &expr->case_.whens;
    Expr *operand = NULL;
    if (expr->case_.operand != NULL)
        operand = bind_expr(binder, expr->case_.operand);
    Expr **args = ARENA_ARRAY(arena, Expr *, whens->count * 2 + 1);
    for (int32_t i = 0; i < whens->count; i++) {
        const SqlWhen *when = LIST_AT(*whens, i, SqlWhen);
        Expr *condition = bind_expr(binder, when->condition);
        if (operand != NULL)
            condition = bind_function2(binder, "=", operand, condition, when->condition->span);
        args[i * 2] = condition;
        args[i * 2 + 1] = bind_expr(binder, when->result);
    }
    Value null = {.type = type_simple(TYPE_NULL), .is_null = true};
    args[whens->count * 2] = expr->case_.otherwise != NULL
                                 ? bind_expr(binder, expr->case_.otherwise)
                                 : expr_literal(arena, null);
    return bind_function(binder, "CASE", args, whens->count * 2 + 1, expr->span);
}

static Expr *bind_cast(ExprBinder *binder, const SqlExpr *expr)
{
    Planner *planner = binder->planner;
    Expr *operand = bind_expr(binder, expr->cast.operand);
    Type to = expr->cast.type->type;
    if (type_physical(to) == PHYSICAL_NONE) {
        const char *name = type_text(planner->arena, to);
        return unsupported(binder, expr->cast.type->span,
                           arena_printf(planner->arena, "type %s in expressions", name));
    }
    if (expr_is_poison(operand) || !type_is_small(planner, to, expr->cast.type->span))
        return poison_at(binder, expr->span);
    Type from = operand->type;
    if (cast_kind(from, to) == CAST_NONE) {
        Diagnostic *d = REPORT(planner, "WR2043", expr->span, "%s cannot be cast to %s",
                               type_text(planner->arena, type_plain(type_nullable(from))),
                               type_text(planner->arena, type_nullable(to)));
        const char *advice = cast_advice(from, to);
        if (advice != NULL)
            diagnostic_help(d, "%s", advice);
        return poison_at(binder, expr->span);
    }
    portable_cast(planner, from, to, expr->cast.is_try, expr->span);
    to.is_nullable = from.is_nullable || from.id == TYPE_NULL || expr->cast.is_try;
    Expr *cast = expr_cast(planner->arena, operand, to, expr->cast.is_try);
    if (cast == operand && operand->type.time_attribute != TIME_NONE) {
        /* A cast to its own type makes a time attribute an ordinary timestamp. */
        cast = arena_copy(planner->arena, operand, (int64_t)sizeof *operand);
        cast->type = type_plain(cast->type);
    }
    if (cast->kind == EXPR_CALL)
        cast->type.time_attribute = TIME_NONE;
    return expr_at(cast, expr->span);
}

static Expr *bind_unit(ExprBinder *binder, const SqlExpr *expr)
{
    Str name = str_from(sql_unit_name(expr->unit));
    Type type = type_not_null(type_char((int32_t)name.length));
    Value value = {.type = type, .text = name};
    return expr_at(expr_literal(binder->planner->arena, value), expr->span);
}

Expr *bind_expr(ExprBinder *binder, const SqlExpr *expr)
{
    assert(expr != NULL);
    switch (expr->kind) {
    case SQL_LITERAL: return bind_literal(binder->planner, expr);
    case SQL_COLUMN: return bind_column(binder, expr->column, expr->span);
    case SQL_UNARY: return bind_unary(binder, expr);
    case SQL_BINARY: return bind_binary(binder, expr);
    case SQL_IS: return bind_is(binder, expr);
    case SQL_BETWEEN: return bind_between(binder, expr);
    case SQL_IN: return bind_in(binder, expr);
    case SQL_LIKE: return bind_like(binder, expr);
    case SQL_CASE: return bind_case(binder, expr);
    case SQL_CAST: return bind_cast(binder, expr);
    case SQL_CALL: return bind_call(binder, expr);
    case SQL_UNIT: return bind_unit(binder, expr);
    case SQL_STAR:
        REPORT(binder->planner, "WR2047", expr->span, "`*` stands only in SELECT and COUNT(*)");
        return poison_at(binder, expr->span);
    case SQL_EXISTS:
    case SQL_SUBQUERY: return bind_subquery(binder, expr);
    case SQL_QUANTIFIED: return bind_quantified(binder, expr);
    case SQL_ARRAY:
    case SQL_MAP:
    case SQL_ROW: return bind_constructor(binder, expr);
    case SQL_SUBSCRIPT: return bind_subscript(binder, expr);
    case SQL_FIELD: return bind_field_of(binder, expr);
    case SQL_DESCRIPTOR: return unsupported(binder, expr->span, "DESCRIPTOR outside of windows");
    case SQL_TABLE_ARGUMENT: return unsupported(binder, expr->span, "TABLE outside of windows");
    case SQL_DEFAULT: return unsupported(binder, expr->span, "DEFAULT as a value");
    }
    return poison_at(binder, expr->span);
}

Expr *bind_condition(ExprBinder *binder, const SqlExpr *expr)
{
    Expr *bound = bind_expr(binder, expr);
    if (expr_is_poison(bound))
        return bound;
    if (bound->type.id == TYPE_NULL)
        return expr_cast(binder->planner->arena, bound, type_simple(TYPE_BOOLEAN), false);
    if (bound->type.id != TYPE_BOOLEAN) {
        Diagnostic *d =
            REPORT(binder->planner, "WR2048", expr->span, "%s needs a condition, but this is %s",
                   binder->place, type_text(binder->planner->arena, type_plain(bound->type)));
        diagnostic_label(d, "not BOOLEAN");
        return poison_at(binder, expr->span);
    }
    return bound;
}
