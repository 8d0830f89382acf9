/* Subqueries that weir takes and Flink's planner does not: it does not get the columns of the query
 * around out of them. Found by asking Flink 1.20. See sql/extension.h. */
#include "plan/decorrelate.h"

static bool is_asked(const Planner *planner)
{
    return diagnostics_target(planner->diagnostics) != FLINK_UNKNOWN;
}

/* ---- What a relation has ----------------------------------------------------------------- */

typedef bool (*RelTest)(Planner *planner, const Rel *rel);

/* Whether one of the relations that have outer columns below or in them passes the test. */
static bool rels_have(Planner *planner, Rel *rel, List *seen, RelTest test)
{
    for (int32_t i = 0; i < seen->count; i++) {
        if (LIST_AT(*seen, i, Rel) == rel)
            return false;
    }
    list_append(seen, planner->arena, rel);
    if (!rel_has_outer(rel))
        return false;
    if (test(planner, rel))
        return true;
    for (int32_t i = 0; i < rel->node.input_count; i++) {
        if (rels_have(planner, rel_input(rel, i), seen, test))
            return true;
    }
    return false;
}

/* LIMIT; of 0 it is a filter that lets nothing pass. */
static bool rel_is_top(Planner *planner, const Rel *rel)
{
    List conjuncts = {0};
    bool is_top = rel->node.kind == PLAN_RANK;
    if (rel->node.kind == PLAN_CALC && rel->node.calc.filter != NULL)
        expr_conjuncts(planner->arena, rel->node.calc.filter, &conjuncts);
    for (int32_t i = 0; i < conjuncts.count; i++)
        is_top |= LIST_AT(conjuncts, i, Expr)->kind == EXPR_LITERAL;
    return is_top;
}

static bool list_has(const List *list, const void *item)
{
    for (int32_t i = 0; i < list->count; i++) {
        if (list->items[i] == item)
            return true;
    }
    return false;
}

/* WHERE, HAVING or SELECT with an outer column, no condition by which a subquery was joined. */
static bool rel_computes_outer(Planner *planner, const Rel *rel)
{
    Expr *expr;
    List conjuncts = {0};
    for (int32_t i = 0; rel->node.kind == PLAN_CALC && (expr = rel_expr(rel, i)) != NULL; i++)
        expr_conjuncts(planner->arena, expr, &conjuncts);
    for (int32_t i = 0; i < conjuncts.count; i++) {
        if (expr_has_outer(LIST_AT(conjuncts, i, Expr)) &&
            !list_has(&planner->far_conditions, conjuncts.items[i]))
            return true;
    }
    return false;
}

/* The first rows of what is computed with outer columns. */
static bool rel_ranks_outer(Planner *planner, const Rel *rel)
{
    (void)planner;
    const Rel *input = rel->node.kind == PLAN_RANK ? rel_input(rel, 0) : NULL;
    for (; input != NULL && input->node.kind == PLAN_CALC; input = rel_input(input, 0)) {
        for (int32_t i = 0; input->node.calc.exprs != NULL && i < input->node.schema.count; i++) {
            if (expr_has_outer(input->node.calc.exprs[i]))
                return true;
        }
    }
    return false;
}

static bool rel_has(Planner *planner, Rel *rel, RelTest test)
{
    List seen = {0};
    return rels_have(planner, rel, &seen, test);
}

/* How often it refers to the query next to it, and whether to those further out. */
static int32_t rel_count_outer(Planner *planner, Rel *rel, bool *is_far)
{
    List outer = {0};
    int32_t count = 0;
    rel_collect_outer(planner, rel, &outer);
    *is_far = false;
    for (int32_t i = 0; i < outer.count; i++) {
        bool is_near = expr_outer_depth(LIST_AT(outer, i, Expr)) == 1;
        count += is_near;
        *is_far |= !is_near;
    }
    return count;
}

/* ---- Subqueries -------------------------------------------------------------------------- */

static void far_add(Planner *planner, Span span)
{
    Span *far = ARENA_NEW(planner->arena, Span);
    *far = span;
    list_append(&planner->far_subqueries, planner->arena, far);
}

void portable_joined(Planner *planner, const List *conditions)
{
    for (int32_t i = 0; is_asked(planner) && i < conditions->count; i++) {
        if (expr_has_outer(LIST_AT(*conditions, i, Expr)))
            list_append(&planner->far_conditions, planner->arena, conditions->items[i]);
    }
}

/* What in the subquery refers only past it needs company: the subquery's own WHERE or SELECT. */
static void far_check(Planner *planner, Rel *rel, Span span)
{
    bool is_lonely = !rel_has(planner, rel, rel_computes_outer);
    for (int32_t i = 0; is_lonely && i < planner->far_subqueries.count; i++) {
        const Span *far = LIST_AT(planner->far_subqueries, i, Span);
        if (span.start < far->start && far->end <= span.end)
            EXTENSION(planner, FAR_SUBQUERY, *far, NULL);
    }
}

void portable_subquery(Planner *planner, const Subquery *subquery, Span span, bool is_predicate)
{
    if (!is_asked(planner))
        return;
    bool is_far, has_top = rel_has(planner, subquery->rel, rel_is_top);
    int32_t near = rel_count_outer(planner, subquery->rel, &is_far);
    if (has_top && (!is_predicate || is_far || rel_has(planner, subquery->rel, rel_ranks_outer)))
        EXTENSION(planner, OUTER_TOP, span, NULL);
    else if (near > 0 && is_far)
        EXTENSION(planner, FAR_SUBQUERY, span, NULL);
    else if (is_far || (!is_predicate && exprs_have_outer(&subquery->operands)))
        far_add(planner, span);
    far_check(planner, subquery->rel, span);
}

/* ---- LATERAL ----------------------------------------------------------------------------- */

/* Columns as they come, in their order; NULL: it computes or filters. */
static const Rel *rel_below_columns(const Rel *rel, bool in_order)
{
    int32_t last = -1;
    if (rel->node.kind != PLAN_CALC)
        return rel;
    for (int32_t i = 0; rel->node.calc.exprs != NULL && i < rel->node.schema.count; i++) {
        const Expr *expr = rel->node.calc.exprs[i];
        if (expr->kind != EXPR_COLUMN || expr_outer_depth(expr) > 0 ||
            (in_order && expr->column <= last))
            return NULL;
        last = expr->column;
    }
    return rel;
}

/* Each of the conjuncts is `column = outer`; the number of them, or -1. */
static int32_t filter_keys(Planner *planner, Expr *filter)
{
    List conjuncts = {0};
    if (filter == NULL)
        return -1;
    expr_conjuncts(planner->arena, filter, &conjuncts);
    for (int32_t i = 0; i < conjuncts.count; i++) {
        Expr *outer, *inner;
        if (!condition_is_key(LIST_AT(conjuncts, i, Expr), &outer, &inner) ||
            outer->kind != EXPR_COLUMN || inner->kind != EXPR_COLUMN)
            return -1;
    }
    return conjuncts.count;
}

/* The form that Flink has a rule for: the first rows for each of the DISTINCT values of some
 * columns, both of the same table. */
static bool is_top_of_distinct(Planner *planner, const From *join, const Rel *left, Rel *right)
{
    if (join->kind != JOIN_INNER || join->has_on || left->node.kind != PLAN_GROUP_AGGREGATE ||
        left->node.group_aggregate.aggregate_count > 0 || right->node.kind != PLAN_RANK ||
        right->node.rank.first > 1 || right->node.rank.order_count == 0)
        return false;
    const Rel *keys = rel_below_columns(rel_input(left, 0), true);
    const Rel *rows = rel_below_columns(rel_input(right, 0), false);
    if (keys == NULL || rows == NULL || (keys->node.kind == PLAN_CALC && keys->node.calc.filter))
        return false;
    Expr *filter = NULL;
    for (; rows->node.kind == PLAN_CALC; rows = rel_input(rows, 0)) {
        if (filter != NULL || rel_below_columns(rows, false) == NULL)
            return false;
        filter = rows->node.calc.filter;
    }
    if (keys->node.kind == PLAN_CALC)
        keys = rel_input(keys, 0);
    return keys == rows && filter_keys(planner, filter) == left->node.schema.count;
}

void portable_lateral(Planner *planner, const From *join, const Rel *left, Rel *right)
{
    if (!is_asked(planner))
        return;
    if (rel_has(planner, right, rel_is_top) && !is_top_of_distinct(planner, join, left, right))
        EXTENSION(planner, OUTER_TOP, join->right->span, NULL);
    far_check(planner, right, join->right->span);
}

/* ---- ON ---------------------------------------------------------------------------------- */

static bool expr_has_column(const Expr *expr)
{
    bool is_found = expr->kind == EXPR_COLUMN;
    for (int32_t i = 0; i < expr->arg_count; i++)
        is_found |= expr_has_column(expr->args[i]);
    return is_found;
}

static int32_t expr_count_outer(const Expr *expr)
{
    int32_t count = expr->kind == EXPR_COLUMN && expr_outer_depth(expr) == 1;
    for (int32_t i = 0; i < expr->arg_count; i++)
        count += expr_count_outer(expr->args[i]);
    return count;
}

static int32_t rel_uses_of_outer(Rel *rel)
{
    Expr *expr;
    int32_t count = 0;
    if (!rel_has_outer(rel))
        return 0;
    for (int32_t i = 0; (expr = rel_expr(rel, i)) != NULL; i++)
        count += expr_count_outer(expr);
    /* Two are too many. */
    for (int32_t i = 0; count < 2 && i < rel->node.input_count; i++)
        count += rel_uses_of_outer(rel_input(rel, i));
    return count;
}

static bool on_is_taken(Planner *planner, const Subquery *subquery, int32_t first_width)
{
    const SqlExpr *ast = subquery->ast;
    for (int32_t i = 0; ast->kind == SQL_IN && i < subquery->operands.count; i++) {
        if (ast->in.is_negated || expr_has_column(LIST_AT(subquery->operands, i, Expr)))
            return false;
    }
    if (ast->kind == SQL_QUANTIFIED && (ast->quantified.is_all || ast->quantified.op == SQL_EQUAL ||
                                        ast->quantified.op == SQL_NOT_EQUAL))
        return false;
    List outer = {0};
    rel_collect_outer(planner, subquery->rel, &outer);
    for (int32_t i = 0; i < outer.count; i++) {
        const Expr *column = LIST_AT(outer, i, Expr);
        if (expr_outer_depth(column) == 1 && expr_outer_index(column) >= first_width)
            return false;
    }
    return rel_uses_of_outer(subquery->rel) < 2;
}

void portable_on_subquery(Planner *planner, const Subquery *subquery, int32_t first_width)
{
    if (is_asked(planner) && !on_is_taken(planner, subquery, first_width))
        EXTENSION(planner, ON_SUBQUERY, subquery->ast->span, NULL);
}

/* ---- Conditions of joins in a subquery ----------------------------------------------------- */

static void filters_collect(Planner *planner, const Rel *rel, List *out)
{
    for (; rel->node.kind == PLAN_CALC; rel = rel_input(rel, 0)) {
        if (rel->node.calc.filter != NULL)
            outer_collect(planner, rel->node.calc.filter, out);
    }
}

/* The outer columns of WHERE, here and in the tables of FROM. */
static void where_collect(Planner *planner, const From *from, const List *on, List *out)
{
    for (int32_t i = 0; i < from->filters.count; i++) {
        if (!list_has(on, from->filters.items[i]))
            outer_collect(planner, LIST_AT(from->filters, i, Expr), out);
    }
    if (from->left == NULL) {
        if (from->rel != NULL)
            filters_collect(planner, from->rel, out);
        return;
    }
    where_collect(planner, from->left, on, out);
    where_collect(planner, from->right, on, out);
}

static void on_collect(Planner *planner, const From *from, List *out)
{
    for (int32_t i = 0; i < from->outer_on.count; i++)
        list_append(out, planner->arena, LIST_AT(from->outer_on, i, Expr));
    if (from->left == NULL)
        return;
    on_collect(planner, from->left, out);
    on_collect(planner, from->right, out);
}

void portable_on_add(Planner *planner, From *join, Expr *conjunct)
{
    if (is_asked(planner) && expr_has_outer(conjunct))
        list_append(&join->outer_on, planner->arena, conjunct);
}

static void on_check(Planner *planner, const From *from, const List *known)
{
    for (int32_t i = 0; i < from->outer_on.count; i++) {
        List columns = {0};
        Expr *conjunct = LIST_AT(from->outer_on, i, Expr);
        outer_collect(planner, conjunct, &columns);
        bool is_known = true;
        for (int32_t c = 0; c < columns.count; c++) {
            bool is_one = false;
            for (int32_t k = 0; k < known->count; k++)
                is_one |= LIST_AT(*known, k, Expr)->column == LIST_AT(columns, c, Expr)->column;
            is_known &= is_one;
        }
        bool is_of_subquery = from->right->ast == NULL;
        if (!is_known && is_of_subquery)
            EXTENSION(planner, FAR_SUBQUERY, from->span, NULL);
        else if (!is_known)
            EXTENSION(planner, OUTER_ON, from->span, NULL);
    }
    if (from->left == NULL)
        return;
    on_check(planner, from->left, known);
    on_check(planner, from->right, known);
}

void portable_from(Planner *planner, const From *from)
{
    if (!is_asked(planner))
        return;
    List on = {0}, known = {0};
    on_collect(planner, from, &on);
    if (on.count == 0)
        return;
    where_collect(planner, from, &on, &known);
    on_check(planner, from, &known);
}
