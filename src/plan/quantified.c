/* a > ANY (…), a = ALL (…): comparisons with all values of a list or a query.
 *
 *     = ANY, <> ALL     IN, NOT IN
 *     of a list         a > x OR a > y; for ALL: AND
 *     of a query        a comparison with its least and greatest value, which are kept up to date
 *                       in one row: a > ANY is a > MIN, a <> ANY is a <> MIN OR a <> MAX
 *
 * ALL is what ANY of the opposite comparison is not. */
#include <assert.h>

#include "plan/subquery.h"

static bool quantified_is_in(const SqlExpr *expr)
{
    return expr->kind == SQL_QUANTIFIED &&
           expr->quantified.op == (expr->quantified.is_all ? SQL_NOT_EQUAL : SQL_EQUAL);
}

const SqlExpr *quantified_as_in(Planner *planner, const SqlExpr *expr)
{
    if (!quantified_is_in(expr))
        return expr;
    SqlExpr *in = arena_copy(planner->arena, expr, (int64_t)sizeof *expr);
    in->kind = SQL_IN;
    in->in.operand = expr->quantified.left;
    in->in.values = expr->quantified.values;
    in->in.query = expr->quantified.query;
    in->in.is_negated = expr->quantified.is_all;
    return in;
}

static const char *operator_name(SqlBinaryOp op)
{
    switch ((int)op) {
    case SQL_EQUAL: return "=";
    case SQL_NOT_EQUAL: return "<>";
    case SQL_LESS: return "<";
    case SQL_LESS_EQUAL: return "<=";
    case SQL_GREATER: return ">";
    default: assert(op == SQL_GREATER_EQUAL); return ">=";
    }
}

static SqlBinaryOp operator_opposite(SqlBinaryOp op)
{
    switch ((int)op) {
    case SQL_EQUAL: return SQL_NOT_EQUAL;
    case SQL_NOT_EQUAL: return SQL_EQUAL;
    case SQL_LESS: return SQL_GREATER_EQUAL;
    case SQL_LESS_EQUAL: return SQL_GREATER;
    case SQL_GREATER: return SQL_LESS_EQUAL;
    default: assert(op == SQL_GREATER_EQUAL); return SQL_LESS;
    }
}

/* ---- Lists ----------------------------------------------------------------------------- */

Expr *bind_quantified(ExprBinder *binder, const SqlExpr *expr)
{
    Planner *planner = binder->planner;
    assert(expr->kind == SQL_QUANTIFIED);
    if (quantified_is_in(expr))
        return bind_expr(binder, quantified_as_in(planner, expr));
    if (expr->quantified.query != NULL)
        return bind_subquery(binder, expr);
    const char *junction = expr->quantified.is_all ? "AND" : "OR";
    Expr *operand = bind_expr(binder, expr->quantified.left), *whole = NULL;
    for (int32_t i = 0; i < expr->quantified.values.count; i++) {
        Expr *value = bind_expr(binder, LIST_AT(expr->quantified.values, i, SqlExpr));
        Expr *one =
            subquery_call(planner, operator_name(expr->quantified.op), operand, value, expr->span);
        whole = whole == NULL ? one : subquery_call(planner, junction, whole, one, expr->span);
    }
    return whole;
}

/* ---- Queries ----------------------------------------------------------------------------- */

enum { EXTREME_MIN, EXTREME_MAX, EXTREME_ROWS, EXTREME_VALUES, EXTREME_COUNT };

static Expr *extreme_add(Planner *planner, GroupQuery *group, int32_t which)
{
    static const char *const names[] = {"MIN", "MAX", "COUNT", "COUNT"};
    AggregateUse *use = ARENA_NEW(planner->arena, AggregateUse);
    Type type = group->input.schema.fields[0].type;
    *use = (AggregateUse){
        .name = str_from(names[which]), .arg_count = which != EXTREME_ROWS, .span = group->span};
    use->args[0] = expr_column(planner->arena, 0, type);
    Error error = {0};
    if (aggregate_bind(use->name, planner->arena, &type, use->arg_count, false, false, &use->call,
                       &error) != OK)
        return NULL;
    list_append(&group->aggregates, planner->arena, use);
    return expr_column(planner->arena, AGGREGATE_COLUMN_FIRST + group->aggregates.count - 1,
                       use->call->result);
}

Rel *quantified_rel(Planner *planner, const Subquery *subquery)
{
    Span span = subquery->ast->span;
    GroupQuery group = {.span = span, .item_count = EXTREME_COUNT};
    group.input = bound_make(planner, subquery->rel, &subquery->rel->node.schema, span);
    group.items = ARENA_ARRAY(planner->arena, Expr *, EXTREME_COUNT);
    Field *fields = ARENA_ARRAY(planner->arena, Field, EXTREME_COUNT);
    for (int32_t i = 0; i < EXTREME_COUNT; i++) {
        group.items[i] = extreme_add(planner, &group, i);
        if (group.items[i] == NULL) {
            Type type = group.input.schema.fields[0].type;
            REPORT(planner, "WR2522", span, "%s has no order",
                   type_text(planner->arena, type_nullable(type_plain(type))));
            return NULL;
        }
        fields[i].name = str_from(arena_printf(planner->arena, "$%d", i));
        fields[i].type = group.items[i]->type;
    }
    group.schema = (Schema){.fields = fields, .count = EXTREME_COUNT};
    return bind_group(planner, &group).rel;
}

/* The operand compared with the value that is nearest to making it true. */
static Expr *quantified_found(Planner *planner, SqlBinaryOp op, Expr *operand, Expr *const *columns,
                              Span span)
{
    const char *name = operator_name(op);
    Expr *least = subquery_call(planner, name, operand, columns[EXTREME_MIN], span);
    Expr *greatest = subquery_call(planner, name, operand, columns[EXTREME_MAX], span);
    if (op == SQL_NOT_EQUAL)
        return subquery_call(planner, "OR", least, greatest, span);
    return op == SQL_GREATER || op == SQL_GREATER_EQUAL ? least : greatest;
}

Expr *quantified_value(Planner *planner, const Subquery *subquery, Expr *const *columns)
{
    const SqlExpr *ast = subquery->ast;
    Span span = ast->span;
    bool is_all = ast->quantified.is_all;
    SqlBinaryOp op = is_all ? operator_opposite(ast->quantified.op) : ast->quantified.op;
    Expr *operand = LIST_AT(subquery->operands, 0, Expr);
    /* As it is written, for the message. */
    if (expr_is_poison(subquery_call(planner, operator_name(ast->quantified.op), operand,
                                     columns[EXTREME_MIN], span)))
        return NULL;
    Expr *found = quantified_found(planner, op, operand, columns, span);
    Expr *some = subquery_call(planner, ">", columns[EXTREME_ROWS], columns[EXTREME_VALUES], span);
    Expr *zero = expr_literal(planner->arena, (Value){.type = columns[EXTREME_ROWS]->type});
    Expr *any = subquery_call(planner, ">", columns[EXTREME_ROWS], zero, span);
    Expr *none = subquery_call(planner, "IS NULL", operand, NULL, span);
    Expr *unknown =
        subquery_call(planner, "OR", some, subquery_call(planner, "AND", any, none, span), span);
    bool is_nullable =
        operand->type.is_nullable || subquery->rel->node.schema.fields[0].type.is_nullable;
    return subquery_verdict(planner, found, is_nullable ? unknown : NULL, is_all, span);
}
