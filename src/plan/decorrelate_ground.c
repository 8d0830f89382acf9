/* Grounding: where conditions with outer columns cannot go further up, because the operator above
 * must see all rows of one outer row together, the values of outer columns become columns.
 *
 *     x = outer.a AND y > outer.a     outer.a is x:                      y > x
 *     y > outer.a                     join with the distinct values v of the query around: y > v
 *
 * What is left of the conditions is `outer.a = x` or `outer.a = v`, by which any operator can keep
 * the rows of one outer row apart. */
#include <assert.h>

#include "plan/decorrelate.h"

/* ---- Outer columns --------------------------------------------------------------------- */

static int32_t outer_find(const List *outer, const Expr *column)
{
    for (int32_t i = 0; i < outer->count; i++) {
        if (LIST_AT(*outer, i, Expr)->column == column->column)
            return i;
    }
    return -1;
}

void outer_collect(Planner *planner, Expr *expr, List *out)
{
    if (expr->kind == EXPR_COLUMN && expr_outer_depth(expr) > 0 && outer_find(out, expr) < 0)
        list_append(out, planner->arena, expr);
    for (int32_t i = 0; i < expr->arg_count; i++)
        outer_collect(planner, expr->args[i], out);
}

Expr *outer_replace(Planner *planner, Expr *expr, const List *outer, const List *values)
{
    if (expr->kind == EXPR_COLUMN) {
        int32_t at = outer_find(outer, expr);
        return at < 0 ? expr : LIST_AT(*values, at, Expr);
    }
    if (expr->arg_count == 0)
        return expr;
    Expr *copy = arena_copy(planner->arena, expr, (int64_t)sizeof *expr);
    copy->args = ARENA_ARRAY(planner->arena, Expr *, expr->arg_count);
    for (int32_t i = 0; i < expr->arg_count; i++)
        copy->args[i] = outer_replace(planner, expr->args[i], outer, values);
    return copy;
}

Expr *outer_condition(Planner *planner, Expr *outer, Expr *column)
{
    bool is_nullable = outer->type.is_nullable && column->type.is_nullable;
    return subquery_call(planner, is_nullable ? "IS NOT DISTINCT FROM" : "=", outer, column,
                         (Span){0});
}

/* ---- The query around -------------------------------------------------------------------- */

/* The tree, to be built without a trace on the one that is built in the end; without conditions
 * that refer to queries still further out, as more values do no harm. */
static From *from_copy(Planner *planner, const From *from)
{
    From *copy = arena_copy(planner->arena, from, (int64_t)sizeof *from);
    copy->filters = (List){0};
    for (int32_t i = 0; i < from->filters.count; i++) {
        if (!expr_has_outer(LIST_AT(from->filters, i, Expr)))
            list_append(&copy->filters, planner->arena, LIST_AT(from->filters, i, Expr));
    }
    if (from->left != NULL) {
        copy->left = from_copy(planner, from->left);
        copy->right = from_copy(planner, from->right);
    }
    return copy;
}

/* The smallest part of the tree that has all values of the columns; they are then counted in it. */
static const From *from_part(const From *from, int32_t *columns, int32_t count)
{
    while (from->left != NULL) {
        int32_t left = from->left->scope.schema.count, of_left = 0;
        for (int32_t i = 0; i < count; i++)
            of_left += columns[i] < left;
        bool is_right_alone = from->kind == JOIN_INNER && !from->is_lateral &&
                              from->as_of == NULL && from->right->collection == NULL;
        if (of_left == count && from->kind != JOIN_RIGHT && from->kind != JOIN_FULL) {
            from = from->left;
        } else if (of_left == 0 && is_right_alone) {
            from = from->right;
            for (int32_t i = 0; i < count; i++)
                columns[i] -= left;
        } else {
            return from;
        }
    }
    return from;
}

/* The relation around, and the columns' numbers in it; NULL after a report. */
static Rel *around_rel(Pull *pull, int32_t *columns, int32_t count)
{
    const Around *around = pull->around;
    if (around->rel != NULL)
        return around->rel;
    const From *part = from_part(around->from, columns, count);
    if (part->scope.is_broken || part->is_failed)
        return NULL;
    Rel *rel = from_build(pull->planner, from_copy(pull->planner, part));
    around->from->is_failed |= rel == NULL;
    return rel;
}

/* The distinct values of the outer columns. */
static Rel *around_values(Pull *pull, const List *outer)
{
    Planner *planner = pull->planner;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, outer->count + 1);
    for (int32_t i = 0; i < outer->count; i++) {
        Expr *column = around_column(planner, pull->around, LIST_AT(*outer, i, Expr), pull->span);
        if (column == NULL)
            return NULL;
        columns[i] = expr_outer_index(column);
    }
    Rel *rel = around_rel(pull, columns, outer->count);
    if (rel == NULL)
        return NULL;
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, outer->count + 1);
    Field *fields = ARENA_ARRAY(planner->arena, Field, outer->count + 1);
    Map *taken = map_new(planner->arena);
    for (int32_t i = 0; i < outer->count; i++) {
        const Field *field = &rel->node.schema.fields[columns[i]];
        exprs[i] = expr_column(planner->arena, columns[i], type_plain(field->type));
        fields[i] = (Field){.type = exprs[i]->type};
        fields[i].name = field_name_add(planner, taken, field->name);
    }
    Schema schema = {.fields = fields, .count = outer->count};
    bool is_distinct = rel_key_within(planner, rel, columns, outer->count) != NULL;
    Rel *values = rel_calc(planner, rel, NULL, exprs, &schema);
    if (is_distinct)
        return values;
    return bind_distinct(planner, bound_make(planner, values, &schema, pull->span), pull->span).rel;
}

/* ---- Grounding ------------------------------------------------------------------------- */

static bool types_are_same(Type a, Type b)
{
    /* 0.0 and -0.0 are equal, and not the same. */
    bool is_float = a.id == TYPE_FLOAT || a.id == TYPE_DOUBLE;
    return !is_float && type_equal(type_nullable(type_plain(a)), type_nullable(type_plain(b)));
}

/* The condition `outer = inner` that says what the outer column is, or -1. */
static int32_t ground_find(const Pulled *in, const Expr *column)
{
    for (int32_t i = 0; i < in->conditions.count; i++) {
        Expr *outer, *inner;
        if (condition_is_key(LIST_AT(in->conditions, i, Expr), &outer, &inner) &&
            outer->kind == EXPR_COLUMN && outer->column == column->column &&
            types_are_same(outer->type, inner->type))
            return i;
    }
    return -1;
}

/* Each outer column is said to be equal to something: that takes its place. */
static bool ground_by_keys(Pull *pull, Pulled *in, const List *outer, List *values)
{
    Planner *planner = pull->planner;
    bool *is_kept = ARENA_ARRAY(planner->arena, bool, in->conditions.count + 1);
    List kept = {0};
    Expr *filter = NULL;
    for (int32_t i = 0; i < outer->count; i++) {
        int32_t at = ground_find(in, LIST_AT(*outer, i, Expr));
        if (at < 0 || in->is_one_row)
            return false;
        Expr *condition = LIST_AT(in->conditions, at, Expr), *column, *inner;
        condition_is_key(condition, &column, &inner);
        list_append(values, planner->arena, inner);
        list_append(&kept, planner->arena, condition);
        is_kept[at] = true;
        if (inner->type.is_nullable && str_is(str_from(function_name(condition->function)), "="))
            filter = expr_and(planner->arena, filter,
                              subquery_call(planner, "IS NOT NULL", inner, NULL, pull->span));
    }
    for (int32_t i = 0; i < in->conditions.count; i++) {
        if (!is_kept[i])
            filter =
                expr_and(planner->arena, filter,
                         outer_replace(planner, LIST_AT(in->conditions, i, Expr), outer, values));
    }
    for (int32_t i = 0; i < in->column_count; i++)
        in->columns[i] = outer_replace(planner, in->columns[i], outer, values);
    const Schema *schema = &in->rel->node.schema;
    in->rel = rel_calc(planner, in->rel, filter, rel_columns(planner, schema), schema);
    in->conditions = kept;
    return true;
}

/* A join with the values. */
static bool ground_by_values(Pull *pull, Pulled *in, const List *outer, List *values)
{
    Planner *planner = pull->planner;
    Rel *left = around_values(pull, outer);
    if (left == NULL)
        return false;
    int32_t width = left->node.schema.count;
    Schema schema = schema_concat(planner->arena, &left->node.schema, &in->rel->node.schema);
    for (int32_t i = width; in->is_one_row && i < schema.count; i++)
        ((Field *)schema.fields)[i].type.is_nullable = true;
    JoinSpec spec = {.kind = in->is_one_row ? JOIN_LEFT : JOIN_INNER,
                     .span = pull->span,
                     .left = left,
                     .right = in->rel,
                     .schema = schema};
    Expr **columns = rel_columns(planner, &schema);
    List conditions = {0}, kept = {0};
    *values = (List){0};
    for (int32_t i = 0; i < outer->count; i++) {
        list_append(values, planner->arena, columns[i]);
        list_append(&kept, planner->arena,
                    outer_condition(planner, LIST_AT(*outer, i, Expr), columns[i]));
    }
    for (int32_t i = 0; i < in->conditions.count; i++) {
        Expr *condition =
            expr_substitute(planner->arena, LIST_AT(in->conditions, i, Expr), columns + width);
        list_append(&conditions, planner->arena, outer_replace(planner, condition, outer, values));
    }
    join_split(planner, &conditions, &spec);
    Expr **moved = ARENA_ARRAY(planner->arena, Expr *, in->column_count + 1);
    for (int32_t i = 0; i < in->column_count; i++)
        moved[i] =
            outer_replace(planner, expr_substitute(planner->arena, in->columns[i], columns + width),
                          outer, values);
    *in = (Pulled){.rel = join_regular(planner, &spec),
                   .columns = moved,
                   .column_count = in->column_count,
                   .conditions = kept};
    return in->rel != NULL;
}

bool pull_ground(Pull *pull, const List *wanted, Pulled *in, List *outer, List *values)
{
    Planner *planner = pull->planner;
    List columns = {0}, grounds = {0};
    for (int32_t i = 0; wanted != NULL && i < wanted->count; i++)
        outer_collect(planner, LIST_AT(*wanted, i, Expr), &columns);
    for (int32_t i = 0; i < in->column_count; i++)
        outer_collect(planner, in->columns[i], &columns);
    for (int32_t i = 0; i < in->conditions.count; i++)
        outer_collect(planner, LIST_AT(in->conditions, i, Expr), &columns);
    for (int32_t i = 0; i < columns.count; i++) {
        if (expr_outer_depth(LIST_AT(columns, i, Expr)) > 1)
            return pull_refuse(pull, "another subquery otherwise than by `=`");
    }
    assert(columns.count > 0);
    if (!ground_by_keys(pull, in, &columns, &grounds) &&
        !ground_by_values(pull, in, &columns, &grounds))
        return false;
    if (outer != NULL)
        *outer = columns;
    if (values != NULL)
        *values = grounds;
    return true;
}
