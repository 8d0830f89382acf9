/* The tree of FROM becomes Rels: conditions are split into keys and the rest, and the operator of
 * each join is chosen. */
#include <assert.h>

#include "plan/join.h"

/* ---- Conditions ------------------------------------------------------------------------ */

typedef enum Side { SIDE_NONE, SIDE_LEFT, SIDE_RIGHT, SIDE_BOTH } Side;

static Side expr_side(const Expr *expr, int32_t left_count)
{
    if (expr->kind == EXPR_COLUMN)
        return expr_outer_depth(expr) > 0  ? SIDE_BOTH
               : expr->column < left_count ? SIDE_LEFT
                                           : SIDE_RIGHT;
    Side side = SIDE_NONE;
    for (int32_t i = 0; i < expr->arg_count; i++)
        side = (Side)((int)side | (int)expr_side(expr->args[i], left_count));
    return side;
}

static Expr *expr_of_side(Planner *planner, const JoinSpec *spec, Expr *expr, Side side)
{
    if (side == SIDE_LEFT)
        return expr;
    int32_t left = spec->left->node.schema.count;
    const Schema *schema = &spec->right->node.schema;
    Expr **columns = ARENA_ARRAY(planner->arena, Expr *, left + schema->count + 1);
    for (int32_t i = 0; i < schema->count; i++)
        columns[left + i] = expr_column(planner->arena, i, schema->fields[i].type);
    return expr_substitute(planner->arena, expr, columns);
}

/* a = b with a of one side and b of the other. */
static bool join_take_key(Planner *planner, JoinSpec *spec, const Expr *conjunct)
{
    if (conjunct->kind != EXPR_CALL || conjunct->arg_count != 2)
        return false;
    Str name = str_from(function_name(conjunct->function));
    bool is_null_matched = str_is(name, "IS NOT DISTINCT FROM");
    if (!is_null_matched && !str_is(name, "="))
        return false;
    int32_t left_count = spec->left->node.schema.count;
    Expr *left = conjunct->args[0], *right = conjunct->args[1];
    Side left_side = expr_side(left, left_count), right_side = expr_side(right, left_count);
    if (left_side == SIDE_RIGHT && right_side == SIDE_LEFT) {
        left = conjunct->args[1];
        right = conjunct->args[0];
    } else if (left_side != SIDE_LEFT || right_side != SIDE_RIGHT) {
        return false;
    }
    if (!expr_is_deterministic(conjunct) || type_physical(left->type) != type_physical(right->type))
        return false;
    JoinKey *key = ARENA_NEW(planner->arena, JoinKey);
    *key = (JoinKey){.left = left, .is_null_matched = is_null_matched};
    key->right = expr_of_side(planner, spec, right, SIDE_RIGHT);
    for (int32_t i = 0; i < spec->keys.count; i++) {
        const JoinKey *known = LIST_AT(spec->keys, i, JoinKey);
        if (expr_equal(known->left, key->left) && expr_equal(known->right, key->right))
            return true;
    }
    list_append(&spec->keys, planner->arena, key);
    return true;
}

static void join_split(Planner *planner, const From *join, JoinSpec *spec)
{
    for (int32_t i = 0; i < join->conditions.count; i++) {
        Expr *conjunct = LIST_AT(join->conditions, i, Expr);
        if (!join_take_key(planner, spec, conjunct))
            list_append(&spec->others, planner->arena, conjunct);
    }
}

/* ---- Building -------------------------------------------------------------------------- */

static Rel *from_build_join(Planner *planner, From *join)
{
    JoinSpec spec = {.kind = join->kind,
                     .span = join->span,
                     .left_ast = join->left->ast,
                     .right_ast = join->right->ast,
                     .as_of = join->as_of,
                     .schema = join->scope.schema};
    spec.left = from_build(planner, join->left);
    spec.right = from_build(planner, join->right);
    if (spec.left == NULL || spec.right == NULL)
        return NULL;
    join_split(planner, join, &spec);
    return join_choose(planner, &spec);
}

Rel *from_build(Planner *planner, From *from)
{
    assert(!from->scope.is_broken);
    Rel *rel = from->left == NULL ? from->rel : from_build_join(planner, from);
    Expr *filter = NULL;
    for (int32_t i = 0; i < from->filters.count; i++)
        filter = expr_and(planner->arena, filter, LIST_AT(from->filters, i, Expr));
    if (rel != NULL && filter != NULL)
        rel = rel_calc(planner, rel, filter, rel_columns(planner, &rel->node.schema),
                       &rel->node.schema);
    if (rel != NULL && from->left != NULL)
        scope_retype(planner, &from->scope, &rel->node.schema);
    return rel;
}

/* ---- Choosing -------------------------------------------------------------------------- */

Rel *join_regular(Planner *planner, const JoinSpec *spec)
{
    planner_unsupported(planner, spec->span, "JOIN");
    return NULL;
}

/* The operators that know a form of join, the particular ones first. Each gives NULL for a spec
 * that is not of its form, and may make a report of one that is, but cannot be computed. */
typedef Rel *(*JoinChooser)(Planner *planner, const JoinSpec *spec);

Rel *join_choose(Planner *planner, const JoinSpec *spec)
{
    static const JoinChooser choosers[] = {join_regular};
    int32_t errors = diagnostics_error_count(planner->diagnostics);
    for (size_t i = 0; i < sizeof choosers / sizeof choosers[0]; i++) {
        Rel *rel = choosers[i](planner, spec);
        if (rel != NULL || diagnostics_error_count(planner->diagnostics) > errors)
            return rel;
    }
    return NULL;
}
