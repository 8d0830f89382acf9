/* GROUP BY: keys and arguments computed below, aggregates, items above.
 *
 *     CALC (items, HAVING)
 *       GROUP_AGGREGATE (keys, results)
 *         CALC (keys, arguments, filters)
 *           input */
#include <assert.h>

#include "plan/subquery.h"

int32_t group_column(Planner *planner, GroupColumns *columns, Expr *expr, Str name)
{
    for (int32_t i = 0; i < columns->exprs.count; i++) {
        const Expr *known = LIST_AT(columns->exprs, i, Expr);
        if (expr_equal(known, expr))
            return i;
    }
    Str *kept = ARENA_NEW(planner->arena, Str);
    *kept = name;
    if (expr->kind == EXPR_COLUMN && expr_outer_depth(expr) == 0)
        *kept = columns->input->node.schema.fields[expr->column].name;
    else if (name.data == NULL)
        *kept = str_from(arena_printf(planner->arena, "$f%d", columns->exprs.count));
    list_append(&columns->exprs, planner->arena, expr);
    list_append(&columns->names, planner->arena, kept);
    return columns->exprs.count - 1;
}

PlanAggregate *group_aggregates(Planner *planner, GroupColumns *columns, const List *uses)
{
    PlanAggregate *aggregates = ARENA_ARRAY(planner->arena, PlanAggregate, uses->count + 1);
    for (int32_t i = 0; i < uses->count; i++) {
        const AggregateUse *use = LIST_AT(*uses, i, AggregateUse);
        PlanAggregate *aggregate = &aggregates[i];
        *aggregate = (PlanAggregate){.call = use->call, .args = {-1, -1}, .filter = -1};
        for (int32_t a = 0; a < use->arg_count; a++)
            aggregate->args[a] = group_column(planner, columns, use->args[a], (Str){0});
        if (use->filter != NULL)
            aggregate->filter = group_column(planner, columns, use->filter, (Str){0});
        aggregate->name = str_from(arena_printf(planner->arena, "$a%d", i));
    }
    return aggregates;
}

Rel *group_columns_rel(Planner *planner, GroupColumns *columns, Expr *filter)
{
    int32_t count = columns->exprs.count;
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 1);
    for (int32_t i = 0; i < count; i++) {
        fields[i].name = *LIST_AT(columns->names, i, Str);
        fields[i].type = LIST_AT(columns->exprs, i, Expr)->type;
    }
    Schema schema = {.fields = fields, .count = count};
    if (columns->exprs.items == NULL) /* COUNT(*) alone: no column is read */
        columns->exprs.items = (void **)ARENA_ARRAY(planner->arena, Expr *, 1);
    return rel_calc(planner, columns->input, filter, (Expr *const *)columns->exprs.items, &schema);
}

static Expr *rewrite_column(Planner *planner, const GroupQuery *group, Expr *expr,
                            Expr *const *results)
{
    if (expr->column >= SUBQUERY_COLUMN_FIRST && group->subquery_values != NULL)
        return group->subquery_values[expr->column - SUBQUERY_COLUMN_FIRST];
    if (expr->column >= AGGREGATE_COLUMN_FIRST)
        return results[expr->column - AGGREGATE_COLUMN_FIRST];
    Str name = group->input.schema.fields[expr->column].name;
    Span span = span_make(expr->span_start, expr->span_end);
    if (span.end == 0)
        span = group->span;
    Diagnostic *d =
        REPORT(planner, "WR2061", span, "column `%.*s` is not being grouped", STR_ARGS(name));
    diagnostic_help(d, "add it to GROUP BY, or put it into an aggregate such as MAX(%.*s)",
                    STR_ARGS(name));
    return expr_poison(planner->arena);
}

/* Whether there are some that go above the aggregation. */
static bool subqueries_are_due(const GroupQuery *group)
{
    for (int32_t i = 0; i < group->subqueries.count; i++) {
        if (!LIST_AT(group->subqueries, i, Subquery)->is_in_aggregate)
            return true;
    }
    return false;
}

static Expr *group_rewrite(Planner *planner, const GroupQuery *group, Expr *expr, Expr *const *keys,
                           Expr *const *results)
{
    for (int32_t k = 0; k < group->keys.count; k++) {
        if (expr_equal(expr, LIST_AT(group->keys, k, Expr)))
            return keys[k];
    }
    if (expr->kind == EXPR_COLUMN && expr_outer_depth(expr) == 0)
        return rewrite_column(planner, group, expr, results);
    if (expr->kind != EXPR_CALL)
        return expr;
    Expr *copy = arena_copy(planner->arena, expr, (int64_t)sizeof *expr);
    copy->args = ARENA_ARRAY(planner->arena, Expr *, expr->arg_count + 1);
    for (int32_t i = 0; i < expr->arg_count; i++) {
        copy->args[i] = group_rewrite(planner, group, expr->args[i], keys, results);
        if (expr_is_poison(copy->args[i]))
            return copy->args[i];
    }
    return copy;
}

/* Results are named as the items that are nothing but them. */
void group_name_results(const GroupQuery *group, PlanAggregate *aggregates)
{
    for (int32_t i = 0; i < group->item_count; i++) {
        const Expr *item = group->items[i];
        if (item->kind == EXPR_COLUMN && item->column >= AGGREGATE_COLUMN_FIRST &&
            item->column < SUBQUERY_COLUMN_FIRST)
            aggregates[item->column - AGGREGATE_COLUMN_FIRST].name = group->schema.fields[i].name;
    }
}

Str group_key_name(const GroupQuery *group, const Expr *key)
{
    for (int32_t i = 0; i < group->item_count; i++) {
        if (expr_equal(group->items[i], key))
            return group->schema.fields[i].name;
    }
    return (Str){0};
}

/* What the columns of the input are over the grouped relation: those that are keys. */
static Expr **group_input_columns(Planner *planner, const GroupQuery *group, Expr *const *keys)
{
    int32_t width = group->input.schema.count;
    Expr **columns = ARENA_ARRAY(planner->arena, Expr *, width + 1);
    for (int32_t k = 0; k < group->keys.count; k++) {
        const Expr *key = LIST_AT(group->keys, k, Expr);
        if (key->kind == EXPR_COLUMN && key->column < width && keys[k]->kind == EXPR_COLUMN)
            columns[key->column] = keys[k];
    }
    return columns;
}

/* Joins the subqueries of items and HAVING to the grouped relation, and filters it by HAVING, which
 * may make the joins narrower; NULL after a report. */
static Rel *group_join_subqueries(Planner *planner, GroupQuery *group, Rel *rel, Expr *const *keys,
                                  Expr *const *results)
{
    Scope scope = {.schema = rel->node.schema};
    From *from = from_leaf(planner, NULL, &scope, rel, group->span);
    Expr **columns = group_input_columns(planner, group, keys);
    Expr **values = ARENA_ARRAY(planner->arena, Expr *, group->subqueries.count + 1);
    group->subquery_values = values;
    for (int32_t i = 0; i < group->subqueries.count; i++) {
        Subquery subquery = *LIST_AT(group->subqueries, i, Subquery);
        if (subquery.is_in_aggregate)
            continue;
        List operands = {0};
        for (int32_t k = 0; k < subquery.operands.count; k++) {
            Expr *operand = LIST_AT(subquery.operands, k, Expr);
            operand = group_rewrite(planner, group, operand, keys, results);
            if (expr_is_poison(operand))
                return NULL;
            list_append(&operands, planner->arena, operand);
        }
        subquery.operands = operands;
        values[i] = subquery_join(planner, &from, &subquery, columns);
        if (values[i] == NULL)
            return NULL;
    }
    if (group->having != NULL) {
        Expr *having = group_rewrite(planner, group, group->having, keys, results);
        if (expr_is_poison(having))
            return NULL;
        List conjuncts = {0};
        expr_conjuncts(planner->arena, having, &conjuncts);
        for (int32_t i = 0; i < conjuncts.count; i++)
            from_filter(planner, from, LIST_AT(conjuncts, i, Expr));
        group->having = NULL;
    }
    return from_build(planner, from);
}

Bound group_items(Planner *planner, GroupQuery *group, Rel *rel, Expr *filter, Expr *const *keys,
                  Expr *const *results)
{
    if (subqueries_are_due(group)) {
        rel = group_join_subqueries(planner, group, rel, keys, results);
        if (rel == NULL)
            return (Bound){0};
    }
    Expr **items = ARENA_ARRAY(planner->arena, Expr *, group->item_count + 1);
    Field *fields = ARENA_ARRAY(planner->arena, Field, group->item_count + 1);
    bool is_good = true;
    for (int32_t i = 0; i < group->item_count; i++) {
        items[i] = group_rewrite(planner, group, group->items[i], keys, results);
        is_good &= !expr_is_poison(items[i]);
        fields[i].name = group->schema.fields[i].name;
        fields[i].type = items[i]->type;
    }
    Expr *having = NULL;
    if (group->having != NULL) {
        having = group_rewrite(planner, group, group->having, keys, results);
        is_good &= !expr_is_poison(having);
    }
    Schema schema = {.fields = fields, .count = group->item_count};
    if (!is_good)
        return bound_make(planner, group->input.rel, &schema, group->span);
    filter = expr_and(planner->arena, filter, having);
    return bound_make(planner, rel_calc(planner, rel, filter, items, &schema), &schema,
                      group->span);
}

static Bound group_ordinary(Planner *planner, GroupQuery *group)
{
    GroupColumns columns = {.input = group->input.rel};
    int32_t key_count = group->keys.count;
    int32_t *keys = ARENA_ARRAY(planner->arena, int32_t, key_count + 1);
    for (int32_t k = 0; k < key_count; k++) {
        Expr *key = LIST_AT(group->keys, k, Expr);
        keys[k] = group_column(planner, &columns, key, group_key_name(group, key));
    }
    PlanAggregate *aggregates = group_aggregates(planner, &columns, &group->aggregates);
    group_name_results(group, aggregates);
    Rel *input = group_columns_rel(planner, &columns, NULL);
    int32_t count = key_count + group->aggregates.count;
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 1);
    Expr **outputs = ARENA_ARRAY(planner->arena, Expr *, count + 1);
    for (int32_t i = 0; i < count; i++) {
        if (i < key_count) {
            fields[i] = input->node.schema.fields[keys[i]];
            fields[i].type = type_plain(fields[i].type);
        } else {
            fields[i] =
                (Field){aggregates[i - key_count].name, aggregates[i - key_count].call->result};
        }
        outputs[i] = expr_column(planner->arena, i, fields[i].type);
    }
    Schema schema = {.fields = fields, .count = count};
    Rel *rel = rel_new(planner, PLAN_GROUP_AGGREGATE, &schema, &input, 1);
    rel->span = group->span;
    rel->node.group_aggregate.keys = keys;
    rel->node.group_aggregate.key_count = key_count;
    rel->node.group_aggregate.aggregates = aggregates;
    rel->node.group_aggregate.aggregate_count = group->aggregates.count;
    rel->node.group_aggregate.state_ttl_us = state_ttl_us(planner, group->hints, group->from);
    rel = rel_intern(planner, rel);
    return group_items(planner, group, rel, NULL, outputs, outputs + key_count);
}

Bound bind_group(Planner *planner, GroupQuery *group)
{
    assert(group->input.rel != NULL);
    Bound bound;
    if (bind_window_group(planner, group, &bound))
        return bound;
    return group_ordinary(planner, group);
}

Bound bind_distinct(Planner *planner, Bound input, Span span)
{
    GroupQuery group = {.input = input, .span = span, .schema = input.schema};
    group.items = rel_columns(planner, &input.schema);
    group.item_count = input.schema.count;
    for (int32_t i = 0; i < group.item_count; i++) {
        if (type_is_poison(input.schema.fields[i].type))
            return input;
        list_append(&group.keys, planner->arena, group.items[i]);
    }
    Bound bound = group_ordinary(planner, &group);
    for (int32_t i = 0; bound.rel != NULL && i < bound.schema.count; i++)
        bound.spans[i] = input.spans[i];
    return bound;
}
