/* UNNEST in FROM: a collection of each row of the left side becomes rows beside it. */
#include <assert.h>

#include "plan/join.h"

/* ---- The columns of an element --------------------------------------------------------- */

/* ROW elements give their fields, others themselves; entries of maps key and value. */
static Schema element_schema(Planner *planner, Type type, bool has_ordinality)
{
    Type element = type.children[0];
    int32_t count = element.id == TYPE_ROW ? element.child_count : 1;
    if (type.id == TYPE_MAP)
        count = 2;
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 1);
    for (int32_t i = 0; i < count; i++) {
        if (type.id == TYPE_MAP)
            fields[i] =
                (Field){.name = i == 0 ? STR("KEY") : STR("VALUE"), .type = type.children[i]};
        else if (element.id == TYPE_ROW)
            fields[i] = (Field){.name = element.child_names[i], .type = element.children[i]};
        else
            fields[i] = (Field){.name = STR("EXPR$0"), .type = element};
    }
    if (has_ordinality)
        fields[count++] =
            (Field){.name = STR("ORDINALITY"), .type = type_not_null(type_simple(TYPE_INT))};
    return (Schema){.fields = fields, .count = count};
}

/* AS t (x, y); AS x alone names the one column of elements that are no rows. */
static bool elements_rename(Planner *planner, const SqlTable *table, Schema *elements)
{
    const List *names = &table->alias_columns;
    if (names->count == 0) {
        bool is_one = elements->count == 1 + table->unnest.has_ordinality &&
                      str_is(elements->fields[0].name, "EXPR$0");
        if (table->alias != NULL && is_one)
            ((Field *)elements->fields)[0].name = table->alias->text;
        return true;
    }
    Bound bound = {.rel = ARENA_NEW(planner->arena, Rel), .schema = *elements};
    if (!bound_rename(planner, &bound, names, table->span))
        return false;
    *elements = bound.schema;
    return true;
}

/* ---- FROM ------------------------------------------------------------------------------ */

/* Names are those of the left side, which is the scope outside. */
static Expr *collection_bind(Planner *planner, const SqlTable *table)
{
    Scope scope = {.outer = planner->outer};
    ExprBinder binder = {.planner = planner, .scope = &scope, .place = "UNNEST"};
    Expr *collection = bind_expr(&binder, table->unnest.expr);
    if (expr_is_poison(collection))
        return collection;
    Type type = collection->type;
    if (type_is_nested(type) && type.id != TYPE_ROW)
        return collection;
    Diagnostic *d = REPORT(planner, "WR2055", table->unnest.expr->span,
                           "UNNEST takes an ARRAY, MAP or MULTISET, but this is %s",
                           type_text(planner->arena, type_plain(type_nullable(type))));
    diagnostic_label(d, "not a collection");
    return expr_poison(planner->arena);
}

From *from_unnest(Planner *planner, const SqlTable *table)
{
    assert(table->kind == SQL_TABLE_UNNEST);
    Schema elements = {0};
    Expr *collection = collection_bind(planner, table);
    bool is_broken = expr_is_poison(collection);
    if (!is_broken) {
        elements = element_schema(planner, collection->type, table->unnest.has_ordinality);
        is_broken = !elements_rename(planner, table, &elements);
    }
    Str alias = table->alias != NULL ? table->alias->text : (Str){0};
    Scope scope = scope_of(planner, alias, (Str){0}, &elements);
    scope.outer = planner->outer;
    scope.is_broken = is_broken;
    scope.tables[0].is_broken = is_broken;
    From *from = from_leaf(planner, table, &scope, NULL, table->span);
    from->collection = is_broken ? NULL : collection;
    return from;
}

/* ---- Building -------------------------------------------------------------------------- */

/* Outer columns of depth 1 become columns of the input; NULL if others are there. */
static Expr *collection_inward(Planner *planner, const Expr *expr)
{
    Expr *copy = arena_copy(planner->arena, expr, (int64_t)sizeof *expr);
    if (expr->kind == EXPR_COLUMN) {
        if (expr_outer_depth(expr) != 1)
            return NULL;
        copy->column = expr_outer_index(expr);
    }
    if (expr->arg_count > 0)
        copy->args = ARENA_ARRAY(planner->arena, Expr *, expr->arg_count);
    for (int32_t i = 0; i < expr->arg_count; i++) {
        copy->args[i] = collection_inward(planner, expr->args[i]);
        if (copy->args[i] == NULL)
            return NULL;
    }
    return copy;
}

static Rel *unnest_fail_outer(Planner *planner, const From *leaf)
{
    planner_unsupported(planner, leaf->span, "UNNEST of a column of an outer query");
    return NULL;
}

/* The kind and the condition are set in `join`; output are all columns of both sides. */
static Rel *unnest_rel(Planner *planner, const From *leaf, Rel *input, Expr *collection,
                       PlanJoin join, const Schema *schema)
{
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, schema->count + 1);
    for (int32_t i = 0; i < schema->count; i++)
        columns[i] = i;
    join.columns = columns;
    Rel *rel = rel_new(planner, PLAN_UNNEST, schema, &input, 1);
    rel->node.unnest.collection = collection;
    rel->node.unnest.elements = leaf->scope.schema;
    rel->node.unnest.has_ordinality = leaf->ast->unnest.has_ordinality;
    rel->node.unnest.join = join;
    return rel_intern(planner, rel);
}

Rel *unnest_build_join(Planner *planner, const From *join, Rel *left)
{
    const From *leaf = join->right;
    if (join->kind != JOIN_INNER && join->kind != JOIN_LEFT) {
        Diagnostic *d = REPORT(planner, "WR2055", join->span,
                               "UNNEST is joined by CROSS, INNER or LEFT JOIN only");
        diagnostic_help(d, "its elements are those of the row on its left");
        return NULL;
    }
    PlanJoin plan = {.kind = join->kind};
    for (int32_t i = 0; i < join->conditions.count; i++)
        plan.condition =
            expr_and(planner->arena, plan.condition, LIST_AT(join->conditions, i, Expr));
    Expr *collection = collection_inward(planner, leaf->collection);
    if (collection == NULL || (plan.condition != NULL && expr_has_outer(plan.condition)))
        return unnest_fail_outer(planner, leaf);
    return unnest_rel(planner, leaf, left, collection, plan, &join->scope.schema);
}

/* The elements of a constant, beside a row that nobody sees. */
Rel *unnest_build(Planner *planner, const From *leaf)
{
    Arena *arena = planner->arena;
    if (expr_has_outer(leaf->collection))
        return unnest_fail_outer(planner, leaf);
    Value yes = {.type = type_not_null(type_simple(TYPE_BOOLEAN)), .integer = 1};
    Expr **cell = ARENA_ARRAY(arena, Expr *, 1);
    cell[0] = expr_literal(arena, yes);
    const Schema *elements = &leaf->scope.schema;
    Field *fields = ARENA_ARRAY(arena, Field, elements->count + 1);
    fields[0] = (Field){.name = STR("row"), .type = yes.type};
    for (int32_t i = 0; i < elements->count; i++)
        fields[i + 1] = elements->fields[i];
    Schema one = {.fields = fields, .count = 1};
    Schema all = {.fields = fields, .count = elements->count + 1};
    Rel *input = rel_new(planner, PLAN_VALUES, &one, NULL, 0);
    input->node.values.rows = cell;
    input->node.values.row_count = 1;
    Rel *rel = unnest_rel(planner, leaf, rel_intern(planner, input), leaf->collection,
                          (PlanJoin){.kind = JOIN_INNER}, &all);
    Expr **columns = ARENA_ARRAY(arena, Expr *, elements->count + 1);
    for (int32_t i = 0; i < elements->count; i++)
        columns[i] = expr_column(arena, i + 1, elements->fields[i].type);
    return rel_calc(planner, rel, NULL, columns, elements);
}
