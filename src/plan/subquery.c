/* EXISTS, IN and queries as values. */
#include "plan/subquery.h"

#include <assert.h>

static Expr *subquery_poison(ExprBinder *binder, Span span)
{
    Expr *expr = expr_poison(binder->planner->arena);
    expr->span_start = span.start;
    expr->span_end = span.end;
    return expr;
}

Expr *subquery_call(Planner *planner, const char *name, Expr *a, Expr *b, Span span)
{
    ExprBinder binder = {.planner = planner, .place = "a subquery"};
    Expr **args = ARENA_ARRAY(planner->arena, Expr *, 2);
    args[0] = a;
    args[1] = b;
    return bind_function(&binder, name, args, b == NULL ? 1 : 2, span);
}

Expr *subquery_if(Planner *planner, Expr *condition, Expr *value, Span span)
{
    ExprBinder binder = {.planner = planner, .place = "a subquery"};
    Expr **args = ARENA_ARRAY(planner->arena, Expr *, 3);
    args[0] = condition;
    args[1] = value;
    args[2] = expr_literal(
        planner->arena, (Value){.type = type_nullable(type_plain(value->type)), .is_null = true});
    return bind_function(&binder, "CASE", args, 3, span);
}

static Expr *subquery_boolean(Planner *planner, bool value)
{
    Type type = type_not_null(type_simple(TYPE_BOOLEAN));
    return expr_literal(planner->arena, (Value){.type = type, .integer = value});
}

Expr *subquery_verdict(Planner *planner, Expr *found, Expr *unknown, bool is_negated, Span span)
{
    ExprBinder binder = {.planner = planner, .place = "a subquery"};
    Expr **args = ARENA_ARRAY(planner->arena, Expr *, 5);
    int32_t count = 0;
    args[count++] = found;
    args[count++] = subquery_boolean(planner, !is_negated);
    if (unknown != NULL) {
        args[count++] = unknown;
        args[count++] =
            expr_literal(planner->arena, (Value){.type = type_simple(TYPE_NULL), .is_null = true});
    }
    args[count++] = subquery_boolean(planner, is_negated);
    return bind_function(&binder, "CASE", args, count, span);
}

/* ---- Binding --------------------------------------------------------------------------- */

static const SqlQuery *subquery_query(const SqlExpr *expr)
{
    switch ((int)expr->kind) {
    case SQL_IN: return expr->in.query;
    case SQL_QUANTIFIED: return expr->quantified.query;
    default: return expr->query;
    }
}

/* What stands before IN or a comparison; or NULL. */
static const SqlExpr *subquery_operand(const SqlExpr *expr)
{
    switch ((int)expr->kind) {
    case SQL_IN: return expr->in.operand;
    case SQL_QUANTIFIED: return expr->quantified.left;
    default: return NULL;
    }
}

static bool subquery_bind_operands(ExprBinder *binder, const SqlExpr *operand, Subquery *subquery)
{
    Arena *arena = binder->planner->arena;
    bool is_row = operand->kind == SQL_ROW;
    int32_t count = is_row ? operand->collection.items.count : 1;
    bool is_good = true;
    for (int32_t i = 0; i < count; i++) {
        const SqlExpr *item = is_row ? LIST_AT(operand->collection.items, i, SqlExpr) : operand;
        Expr *bound = bind_expr(binder, item);
        is_good &= !expr_is_poison(bound);
        list_append(&subquery->operands, arena, bound);
    }
    return is_good;
}

static bool subquery_check_width(Planner *planner, const SqlExpr *expr, const Subquery *subquery)
{
    int32_t width = subquery->rel->node.schema.count;
    int32_t wanted = subquery_operand(expr) != NULL ? subquery->operands.count : 1;
    if (expr->kind == SQL_EXISTS || width == wanted)
        return true;
    const char *what = expr->kind == SQL_IN           ? "the query of IN"
                       : expr->kind == SQL_QUANTIFIED ? "the query of ANY or ALL"
                                                      : "a query as a value";
    REPORT(planner, "WR2056", subquery_query(expr)->span,
           "%s must have %d column%s, but this has %d", what, wanted, wanted == 1 ? "" : "s",
           width);
    return false;
}

/* NULL after a report. */
static Subquery *subquery_make(ExprBinder *binder, const SqlExpr *expr)
{
    Planner *planner = binder->planner;
    Subquery *subquery = ARENA_NEW(planner->arena, Subquery);
    subquery->ast = expr;
    subquery->is_in_aggregate = binder->is_in_aggregate;
    const SqlExpr *operand = subquery_operand(expr);
    if (expr->kind == SQL_QUANTIFIED && operand->kind == SQL_ROW) {
        planner_unsupported(planner, expr->span,
                            "a comparison of rows with ANY or ALL, other than = ANY and <> ALL,");
        return NULL;
    }
    bool is_good = operand == NULL || subquery_bind_operands(binder, operand, subquery);
    const Scope *outer = planner->outer;
    int32_t errors = diagnostics_mistake_count(planner->diagnostics);
    planner->outer = binder->scope;
    Bound bound = bind_nested_query(planner, subquery_query(expr));
    planner->outer = outer;
    if (bound.rel == NULL || !is_good || diagnostics_mistake_count(planner->diagnostics) > errors)
        return NULL;
    for (int32_t i = 0; i < bound.schema.count; i++) {
        if (type_is_poison(bound.schema.fields[i].type))
            return NULL;
    }
    subquery->rel = bound.rel;
    if (!subquery_check_width(planner, expr, subquery))
        return NULL;
    if (binder->on_width > 0)
        portable_on_subquery(planner, subquery, binder->on_width);
    return subquery;
}

/* The type of a value that is not joined yet. */
static Type subquery_type(const Subquery *subquery)
{
    if (subquery->ast->kind == SQL_SUBQUERY)
        return type_nullable(type_plain(subquery->rel->node.schema.fields[0].type));
    Type type = type_simple(TYPE_BOOLEAN);
    type.is_nullable = subquery->ast->kind != SQL_EXISTS;
    return type;
}

Expr *bind_subquery(ExprBinder *binder, const SqlExpr *expr)
{
    Planner *planner = binder->planner;
    if (binder->from == NULL && binder->subqueries == NULL) {
        planner_unsupported(planner, expr->span,
                            arena_printf(planner->arena, "a subquery in %s", binder->place));
        return subquery_poison(binder, expr->span);
    }
    Subquery *subquery = subquery_make(binder, expr);
    if (subquery == NULL)
        return subquery_poison(binder, expr->span);
    Expr *value;
    if (binder->subqueries != NULL) {
        int32_t column = SUBQUERY_COLUMN_FIRST + binder->subqueries->count;
        list_append(binder->subqueries, planner->arena, subquery);
        value = expr_column(planner->arena, column, subquery_type(subquery));
    } else {
        value = subquery_join(planner, binder->from, subquery, NULL);
    }
    if (value != NULL && expr->kind == SQL_IN && expr->in.is_negated)
        value = subquery_call(planner, "NOT", value, NULL, expr->span);
    return value != NULL ? value : subquery_poison(binder, expr->span);
}

Expr *expr_with_subqueries(Planner *planner, Expr *expr, Expr *const *values)
{
    if (expr->kind == EXPR_COLUMN) {
        bool is_subquery = expr_outer_depth(expr) == 0 && expr->column >= SUBQUERY_COLUMN_FIRST &&
                           expr->column < SUBQUERY_COLUMN_END;
        Expr *value = is_subquery ? values[expr->column - SUBQUERY_COLUMN_FIRST] : NULL;
        return value != NULL ? value : expr;
    }
    if (expr->arg_count == 0)
        return expr;
    Expr *copy = arena_copy(planner->arena, expr, (int64_t)sizeof *expr);
    copy->args = ARENA_ARRAY(planner->arena, Expr *, expr->arg_count);
    for (int32_t i = 0; i < expr->arg_count; i++)
        copy->args[i] = expr_with_subqueries(planner, expr->args[i], values);
    return copy;
}

/* ---- Joining --------------------------------------------------------------------------- */

Expr *around_column(Planner *planner, const Around *around, Expr *column, Span span)
{
    if (around->columns == NULL)
        return column;
    const Expr *known = around->columns[expr_outer_index(column)];
    if (known != NULL)
        return expr_outer_column(planner->arena, 1, known->column, known->type);
    Diagnostic *d = REPORT(planner, "WR2061", span,
                           "the subquery refers to a column that is not being grouped");
    diagnostic_help(d, "add the column to GROUP BY");
    return NULL;
}

/* A subquery on its way into a join. */
typedef struct Joining {
    Planner *planner;
    From **from;
    Expr *const *columns; /* what the scope's columns are over *from's; NULL: the same */
    Span span;
    Pulled pulled;
    List conditions; /* Expr: over left, then right */
    bool is_failed;
} Joining;

/* Outer columns of depth 1 by what they are in *from. */
static Expr *joining_left(Joining *joining, Expr *expr)
{
    Planner *planner = joining->planner;
    if (joining->columns == NULL)
        return expr;
    if (expr->kind == EXPR_COLUMN && expr_outer_depth(expr) == 1) {
        Around around = {.columns = joining->columns};
        Expr *column = around_column(planner, &around, expr, joining->span);
        joining->is_failed |= column == NULL;
        return column == NULL ? expr : column;
    }
    if (expr->arg_count == 0)
        return expr;
    Expr *copy = arena_copy(planner->arena, expr, (int64_t)sizeof *expr);
    copy->args = ARENA_ARRAY(planner->arena, Expr *, expr->arg_count);
    for (int32_t i = 0; i < expr->arg_count; i++)
        copy->args[i] = joining_left(joining, expr->args[i]);
    return copy;
}

/* An expression of the pulled subquery over the columns of the join. */
static Expr *joining_expr(Joining *joining, Expr *expr)
{
    int32_t left = (*joining->from)->scope.schema.count;
    return pulled_expr(joining->planner, joining_left(joining, expr), left);
}

static bool joining_pull(Joining *joining, Rel *rel)
{
    joining->conditions = (List){0};
    Around around = {.from = *joining->from, .columns = joining->columns};
    if (!rel_pull(joining->planner, rel, &around, joining->span, &joining->pulled))
        return false;
    if (rel_has_outer(rel))
        pulled_narrow(joining->planner, &joining->pulled);
    for (int32_t i = 0; i < joining->pulled.conditions.count; i++)
        list_append(&joining->conditions, joining->planner->arena,
                    joining_expr(joining, LIST_AT(joining->pulled.conditions, i, Expr)));
    return !joining->is_failed;
}

static void joining_attach(Joining *joining, JoinKind kind)
{
    portable_joined(joining->planner, &joining->conditions);
    *joining->from = from_join_rel(joining->planner, *joining->from, kind, joining->pulled.rel,
                                   &joining->conditions, joining->span);
}

/* The relation with a column more that is TRUE, or with nothing but that. */
static Rel *rel_marked(Planner *planner, Rel *rel, bool keeps_columns)
{
    int32_t count = keeps_columns ? rel->node.schema.count : 0;
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, count + 1);
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 1);
    for (int32_t i = 0; i < count; i++) {
        fields[i] = rel->node.schema.fields[i];
        fields[i].type = type_plain(fields[i].type);
        exprs[i] = expr_column(planner->arena, i, fields[i].type);
    }
    exprs[count] = subquery_boolean(planner, true);
    fields[count] = (Field){.name = STR("$mark"), .type = exprs[count]->type};
    Schema schema = {.fields = fields, .count = count + 1};
    return rel_calc(planner, rel, NULL, exprs, &schema);
}

/* Distinct rows of it. */
static Rel *rel_marks(Planner *planner, Rel *rel, bool keeps_columns, Span span)
{
    Rel *marked = rel_marked(planner, rel, keeps_columns);
    return bind_distinct(planner, bound_make(planner, marked, &marked->node.schema, span), span)
        .rel;
}

/* x = y for each operand and column of the query. */
static void joining_add_equal(Joining *joining, const Subquery *subquery, bool is_null_kept)
{
    Planner *planner = joining->planner;
    for (int32_t i = 0; i < subquery->operands.count; i++) {
        Expr *operand = LIST_AT(subquery->operands, i, Expr);
        Expr *column = joining_expr(joining, joining->pulled.columns[i]);
        Expr *equal = subquery_call(planner, "=", operand, column, joining->span);
        if (expr_is_poison(equal)) {
            joining->is_failed = true;
            return;
        }
        if (is_null_kept && equal->type.is_nullable)
            equal = subquery_call(planner, "IS NOT FALSE", equal, NULL, joining->span);
        list_append(&joining->conditions, planner->arena, equal);
    }
}

/* ---- Values ---------------------------------------------------------------------------- */

/* The column that the conjunct sets equal to something that is no column of the relation, or -1. */
static int32_t pinned_column(const Expr *conjunct)
{
    if (conjunct->kind != EXPR_CALL || conjunct->arg_count != 2 ||
        !str_is(str_from(function_name(conjunct->function)), "="))
        return -1;
    for (int32_t i = 0; i < 2; i++) {
        const Expr *column = conjunct->args[i], *other = conjunct->args[1 - i];
        if (column->kind == EXPR_COLUMN && expr_outer_depth(column) == 0 && !expr_has_inner(other))
            return column->column;
    }
    return -1;
}

/* Whether filters pin a unique key to one value, as `id = outer.id` does. */
static bool rel_is_pinned(Planner *planner, Rel *rel)
{
    List conjuncts = {0};
    while (rel->node.kind == PLAN_CALC) {
        const PlanNode *node = &rel->node;
        List below = {0};
        for (int32_t i = 0; i < conjuncts.count; i++) {
            Expr *conjunct = LIST_AT(conjuncts, i, Expr);
            if (node->calc.exprs != NULL)
                conjunct = expr_substitute(planner->arena, conjunct, node->calc.exprs);
            list_append(&below, planner->arena, conjunct);
        }
        if (node->calc.filter != NULL)
            expr_conjuncts(planner->arena, node->calc.filter, &below);
        conjuncts = below;
        rel = rel_input(rel, 0);
    }
    int32_t *pinned = ARENA_ARRAY(planner->arena, int32_t, conjuncts.count + 1);
    int32_t count = 0;
    for (int32_t i = 0; i < conjuncts.count; i++) {
        int32_t column = pinned_column(LIST_AT(conjuncts, i, Expr));
        if (column >= 0)
            pinned[count++] = column;
    }
    return rel_key_within(planner, rel, pinned, count) != NULL;
}

/* The relation, which has one row at most or is made to have. */
static Rel *rel_single(Planner *planner, Rel *rel, Span span)
{
    if (rel_key_within(planner, rel, NULL, 0) != NULL || rel_is_pinned(planner, rel))
        return rel;
    Rel *single = rel_new(planner, PLAN_SINGLE_ROW, &rel->node.schema, &rel, 1);
    single->span = span;
    single->node.single_row.state_ttl_us = settings_duration_us(planner, "table.exec.state.ttl");
    return rel_intern(planner, single);
}

static Expr *join_scalar(Joining *joining, const Subquery *subquery)
{
    Planner *planner = joining->planner;
    const PlanNode *node = &subquery->rel->node;
    if (node->kind == PLAN_VALUES && node->values.row_count == 1)
        return joining_expr(joining, node->values.rows[0]); /* (SELECT outer + 1) */
    if (!joining_pull(joining, rel_single(planner, subquery->rel, joining->span)))
        return NULL;
    if (!joining->pulled.is_one_row)
        pulled_pad(planner, &joining->pulled, joining->span);
    Expr *value = joining_expr(joining, joining->pulled.columns[0]);
    joining_attach(joining, JOIN_LEFT);
    /* Columns are padded now. */
    return expr_substitute(planner->arena, value,
                           rel_columns(planner, &(*joining->from)->scope.schema));
}

/* Whether the distinct marks have one for the row; NULL after a report. */
static Expr *join_mark(Joining *joining, Rel *marks, const Subquery *equal)
{
    if (!joining_pull(joining, marks))
        return NULL;
    int32_t column = marks->node.schema.count - 1;
    Expr *mark = joining_expr(joining, joining->pulled.columns[column]);
    if (equal != NULL)
        joining_add_equal(joining, equal, false);
    if (joining->is_failed)
        return NULL;
    joining_attach(joining, JOIN_LEFT);
    mark = expr_substitute(joining->planner->arena, mark,
                           rel_columns(joining->planner, &(*joining->from)->scope.schema));
    return subquery_call(joining->planner, "IS NOT NULL", mark, NULL, joining->span);
}

static Expr *join_exists(Joining *joining, const Subquery *subquery)
{
    Planner *planner = joining->planner;
    if (!joining_pull(joining, subquery->rel))
        return NULL;
    if (joining->pulled.is_one_row)
        return subquery_boolean(planner, true);
    return join_mark(joining, rel_marks(planner, subquery->rel, false, joining->span), NULL);
}

/* TRUE if there is an equal row, else NULL if a comparison was NULL, else FALSE. */
static Expr *join_in(Joining *joining, const Subquery *subquery)
{
    Planner *planner = joining->planner;
    const Field *field = &subquery->rel->node.schema.fields[0];
    Expr *operand = LIST_AT(subquery->operands, 0, Expr);
    bool is_nullable = operand->type.is_nullable || field->type.is_nullable;
    if (is_nullable && subquery->operands.count > 1) {
        planner_unsupported(planner, joining->span,
                            "IN of several columns that may be NULL, other than in WHERE");
        return NULL;
    }
    Expr *found =
        join_mark(joining, rel_marks(planner, subquery->rel, true, joining->span), subquery);
    if (found == NULL || !is_nullable)
        return found;
    Expr *column = expr_column(planner->arena, 0, field->type);
    Expr *is_null = subquery_call(planner, "IS NULL", column, NULL, joining->span);
    Rel *nulls =
        rel_calc(planner, subquery->rel, is_null, rel_columns(planner, &subquery->rel->node.schema),
                 &subquery->rel->node.schema);
    Expr *any = join_mark(joining, rel_marks(planner, subquery->rel, false, joining->span), NULL);
    Expr *has_null =
        any == NULL ? NULL
                    : join_mark(joining, rel_marks(planner, nulls, false, joining->span), NULL);
    if (has_null == NULL)
        return NULL;
    Expr *no_operand = subquery_call(planner, "IS NULL", operand, NULL, joining->span);
    Expr *unknown =
        subquery_call(planner, "OR", has_null,
                      subquery_call(planner, "AND", any, no_operand, joining->span), joining->span);
    return subquery_verdict(planner, found, unknown, false, joining->span);
}

/* A comparison with what is nearest of all rows. */
static Expr *join_quantified(Joining *joining, const Subquery *subquery)
{
    Planner *planner = joining->planner;
    Rel *rel = quantified_rel(planner, subquery);
    if (rel == NULL || !joining_pull(joining, rel))
        return NULL;
    int32_t count = rel->node.schema.count;
    Expr **columns = ARENA_ARRAY(planner->arena, Expr *, count + 1);
    for (int32_t i = 0; i < count; i++)
        columns[i] = joining_expr(joining, joining->pulled.columns[i]);
    joining_attach(joining, JOIN_LEFT);
    Expr **joined = rel_columns(planner, &(*joining->from)->scope.schema);
    for (int32_t i = 0; i < count; i++)
        columns[i] = expr_substitute(planner->arena, columns[i], joined);
    return quantified_value(planner, subquery, columns);
}

Expr *subquery_join(Planner *planner, From **from, const Subquery *subquery, Expr *const *columns)
{
    Joining joining = {
        .planner = planner, .from = from, .columns = columns, .span = subquery->ast->span};
    portable_subquery(planner, subquery, joining.span, false);
    switch ((int)subquery->ast->kind) {
    case SQL_SUBQUERY: return join_scalar(&joining, subquery);
    case SQL_EXISTS: return join_exists(&joining, subquery);
    case SQL_QUANTIFIED: return join_quantified(&joining, subquery);
    default: return join_in(&joining, subquery);
    }
}

/* ---- Conjuncts of WHERE ---------------------------------------------------------------- */

/* Behind NOTs. */
static const SqlExpr *predicate_of(Planner *planner, const SqlExpr *expr, bool *is_negated)
{
    *is_negated = false;
    while (expr->kind == SQL_UNARY && expr->unary.op == SQL_NOT) {
        *is_negated = !*is_negated;
        expr = expr->unary.operand;
    }
    expr = quantified_as_in(planner, expr);
    if (expr->kind == SQL_IN)
        *is_negated ^= expr->in.is_negated;
    return expr;
}

bool subquery_is_predicate(Planner *planner, const SqlExpr *expr)
{
    bool is_negated;
    const SqlExpr *predicate = predicate_of(planner, expr, &is_negated);
    return predicate->kind == SQL_EXISTS ||
           (predicate->kind == SQL_IN && predicate->in.query != NULL);
}

/* There is always one row: EXISTS is known, IN compares with its value. */
static bool predicate_of_one_row(Joining *joining, const Subquery *subquery, bool is_negated)
{
    Planner *planner = joining->planner;
    Expr *condition = subquery_boolean(planner, true);
    if (subquery->ast->kind == SQL_IN) {
        Expr *value = join_scalar(joining, subquery);
        if (value == NULL)
            return false;
        condition =
            subquery_call(planner, "=", LIST_AT(subquery->operands, 0, Expr), value, joining->span);
    }
    if (is_negated)
        condition = subquery_call(planner, "NOT", condition, NULL, joining->span);
    if (expr_is_poison(condition))
        return false;
    from_filter(planner, *joining->from, condition);
    return true;
}

bool bind_subquery_predicate(ExprBinder *binder, const SqlExpr *expr)
{
    Planner *planner = binder->planner;
    assert(binder->from != NULL && subquery_is_predicate(planner, expr));
    bool is_negated;
    const SqlExpr *predicate = predicate_of(planner, expr, &is_negated);
    const Subquery *subquery = subquery_make(binder, predicate);
    if (subquery == NULL)
        return false;
    if ((*binder->from)->scope.is_broken || (*binder->from)->is_failed)
        return true;
    Joining joining = {.planner = planner, .from = binder->from, .span = predicate->span};
    portable_subquery(planner, subquery, joining.span, binder->on_width == 0);
    if (!joining_pull(&joining, subquery->rel))
        return false;
    if (joining.pulled.is_one_row && subquery->operands.count <= 1)
        return predicate_of_one_row(&joining, subquery, is_negated);
    bool is_exists = predicate->kind == SQL_EXISTS;
    if (is_exists && joining.conditions.count == 0 &&
        !joining_pull(&joining, rel_marks(planner, subquery->rel, false, joining.span)))
        return false;
    if (!is_exists)
        joining_add_equal(&joining, subquery, is_negated);
    if (joining.is_failed)
        return false;
    joining_attach(&joining, is_negated ? JOIN_ANTI : JOIN_SEMI);
    for (int32_t i = 0; i < subquery->operands.count; i++)
        portable_on_add(planner, *joining.from, LIST_AT(subquery->operands, i, Expr));
    return true;
}
