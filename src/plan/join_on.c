/* ON with subqueries.
 *
 * Of an inner join they are joined to its result, as those of WHERE are. Of an outer join they must
 * be known before it: each is joined as a value to the one input whose columns it refers to, behind
 * whose columns it then stands.
 *
 *     l LEFT JOIN r ON l.id = r.id AND r.x > (SELECT MIN(y) FROM t WHERE t.id = l.id)
 *     (l LEFT JOIN t' …) LEFT JOIN r ON l.id = r.id AND r.x > t'.min */
#include "plan/subquery.h"

static bool expr_is_good(const Expr *condition, From *join)
{
    join->is_failed |= expr_is_poison(condition);
    return !join->is_failed;
}

static void on_add(Planner *planner, From *join, Expr *condition, Span span)
{
    List conjuncts = {0};
    expr_conjuncts(planner->arena, condition, &conjuncts);
    for (int32_t i = 0; i < conjuncts.count; i++) {
        Expr *conjunct = LIST_AT(conjuncts, i, Expr);
        bool is_unnest = join->right->collection != NULL;
        if (is_unnest && portable_reads(conjunct, join->left->scope.schema.count))
            EXTENSION(planner, UNNEST_CONDITION, span, NULL);
        portable_on_add(planner, join, conjunct);
        join->has_on |= conjunct->kind != EXPR_LITERAL;
        from_condition(planner, join, conjunct);
    }
}

/* ---- Inner joins ----------------------------------------------------------------------- */

/* The conjunct's subqueries become joins above *root, and what it says of them a filter. */
static void on_filter(Planner *planner, From **root, Expr *condition, const List *subqueries)
{
    Expr **values = ARENA_ARRAY(planner->arena, Expr *, subqueries->count + 1);
    for (int32_t i = 0; i < subqueries->count; i++) {
        values[i] = subquery_join(planner, root, LIST_AT(*subqueries, i, Subquery), NULL);
        if (values[i] == NULL) {
            (*root)->is_failed = true;
            return;
        }
    }
    List conjuncts = {0};
    expr_conjuncts(planner->arena, expr_with_subqueries(planner, condition, values), &conjuncts);
    for (int32_t i = 0; i < conjuncts.count; i++)
        from_filter(planner, *root, LIST_AT(conjuncts, i, Expr));
}

static void on_bind_inner(ExprBinder *binder, From *join, From **root, const SqlExpr *on)
{
    if (on->kind == SQL_BINARY && on->binary.op == SQL_AND) {
        on_bind_inner(binder, join, root, on->binary.left);
        on_bind_inner(binder, join, root, on->binary.right);
        return;
    }
    if (subquery_is_predicate(binder->planner, on)) {
        ExprBinder predicate = *binder;
        predicate.from = root;
        if (!bind_subquery_predicate(&predicate, on))
            (*root)->is_failed = true;
        return;
    }
    List subqueries = {0};
    ExprBinder inner = *binder;
    inner.subqueries = &subqueries;
    Expr *condition = bind_condition(&inner, on);
    if (!expr_is_good(condition, join))
        (*root)->is_failed = true;
    else if (subqueries.count == 0)
        on_add(binder->planner, join, condition, on->span);
    else if (!join->scope.is_broken)
        on_filter(binder->planner, root, condition, &subqueries);
}

/* ---- Outer joins ----------------------------------------------------------------------- */

/* The condition's columns, and what its subqueries have become, over the join as it is now. */
typedef struct OnColumns {
    Planner *planner;
    Expr **columns;
    Expr **values;
} OnColumns;

static Expr *on_replace(const OnColumns *on, Expr *expr)
{
    if (expr->kind == EXPR_COLUMN) {
        if (expr_outer_depth(expr) > 0)
            return expr;
        return expr->column >= SUBQUERY_COLUMN_FIRST
                   ? on->values[expr->column - SUBQUERY_COLUMN_FIRST]
                   : on->columns[expr->column];
    }
    if (expr->arg_count == 0)
        return expr;
    Expr *copy = arena_copy(on->planner->arena, expr, (int64_t)sizeof *expr);
    copy->args = ARENA_ARRAY(on->planner->arena, Expr *, expr->arg_count);
    for (int32_t i = 0; i < expr->arg_count; i++)
        copy->args[i] = on_replace(on, expr->args[i]);
    return copy;
}

static void expr_add_sides(const Expr *expr, int32_t left_count, bool sides[2])
{
    if (expr->kind == EXPR_COLUMN && expr_outer_depth(expr) == 0)
        sides[expr->column >= left_count] = true;
    for (int32_t i = 0; i < expr->arg_count; i++)
        expr_add_sides(expr->args[i], left_count, sides);
}

/* Which inputs of the join the subquery refers to. */
static void subquery_sides(Planner *planner, const Subquery *subquery, int32_t left_count,
                           bool sides[2])
{
    List outer = {0};
    rel_collect_outer(planner, subquery->rel, &outer);
    for (int32_t i = 0; i < outer.count; i++) {
        const Expr *column = LIST_AT(outer, i, Expr);
        if (expr_outer_depth(column) == 1)
            sides[expr_outer_index(column) >= left_count] = true;
    }
    for (int32_t i = 0; i < subquery->operands.count; i++)
        expr_add_sides(LIST_AT(subquery->operands, i, Expr), left_count, sides);
}

/* The value over the left input, or over the right one: *is_right. NULL after a report. */
static Expr *on_join_value(Planner *planner, From *join, Subquery *subquery, int32_t left_count,
                           Expr *const *of_right, bool *is_right)
{
    bool sides[2] = {false, false};
    subquery_sides(planner, subquery, left_count, sides);
    *is_right = sides[1];
    if (sides[0] && sides[1]) {
        planner_unsupported(planner, subquery->ast->span,
                            "a subquery in ON of an outer join that refers to both of its sides");
        return NULL;
    }
    if (sides[1] && (join->is_lateral || join->as_of != NULL)) {
        planner_unsupported(planner, subquery->ast->span,
                            "a subquery in ON that refers to a table which is looked up");
        return NULL;
    }
    if (!sides[1])
        return subquery_join(planner, &join->left, subquery, NULL);
    for (int32_t i = 0; i < subquery->operands.count; i++)
        subquery->operands.items[i] =
            expr_substitute(planner->arena, LIST_AT(subquery->operands, i, Expr), of_right);
    return subquery_join(planner, &join->right, subquery, of_right);
}

/* The columns of the inputs as the condition knows them, over the wider ones. */
static Expr **on_columns(Planner *planner, const From *join, int32_t left_count, int32_t count)
{
    int32_t width = join->left->scope.schema.count;
    Expr **all = rel_columns(planner, &join->scope.schema);
    Expr **columns = ARENA_ARRAY(planner->arena, Expr *, count + 1);
    for (int32_t i = 0; i < count; i++)
        columns[i] = i < left_count ? all[i] : all[width + i - left_count];
    return columns;
}

static void on_join_values(Planner *planner, From *join, Expr *condition, const List *subqueries)
{
    int32_t left_count = join->left->scope.schema.count, count = join->scope.schema.count;
    Expr **of_right = ARENA_ARRAY(planner->arena, Expr *, count + 1);
    Expr **passed = rel_columns(planner, &join->right->scope.schema);
    for (int32_t i = left_count; i < count; i++)
        of_right[i] = passed[i - left_count];
    OnColumns on = {.planner = planner};
    on.values = ARENA_ARRAY(planner->arena, Expr *, subqueries->count + 1);
    bool *is_right = ARENA_ARRAY(planner->arena, bool, subqueries->count + 1);
    for (int32_t i = 0; i < subqueries->count; i++) {
        on.values[i] = on_join_value(planner, join, LIST_AT(*subqueries, i, Subquery), left_count,
                                     of_right, &is_right[i]);
        join->is_failed |= on.values[i] == NULL;
        if (join->is_failed)
            return;
    }
    join->scope = scope_join(planner, &join->left->scope, &join->right->scope);
    on.columns = on_columns(planner, join, left_count, count);
    Expr **moved =
        rel_columns_at(planner, &join->right->scope.schema, join->left->scope.schema.count);
    for (int32_t i = 0; i < subqueries->count; i++) {
        if (is_right[i])
            on.values[i] = expr_substitute(planner->arena, on.values[i], moved);
    }
    on_add(planner, join, on_replace(&on, condition), join->span);
}

static int32_t from_first_width(const From *from)
{
    while (from->left != NULL)
        from = from->left;
    return from->scope.schema.count;
}

From *join_bind_on(Planner *planner, From *join, const SqlExpr *on)
{
    From *root = join;
    ExprBinder binder = {.planner = planner,
                         .scope = &join->scope,
                         .place = "ON",
                         .on_width = from_first_width(join)};
    if (join->kind == JOIN_INNER) {
        on_bind_inner(&binder, join, &root, on);
        return root;
    }
    List subqueries = {0};
    binder.subqueries = &subqueries;
    Expr *condition = bind_condition(&binder, on);
    if (!expr_is_good(condition, join))
        return join;
    if (subqueries.count == 0)
        on_add(planner, join, condition, on->span);
    else if (!join->scope.is_broken)
        on_join_values(planner, join, condition, &subqueries);
    return join;
}
