/* Making relations, and finding the one that computes the same already. */
#include <assert.h>

#include "plan/kind.h"

Rel *rel_new(Planner *planner, PlanKind kind, const Schema *schema, Rel *const *inputs,
             int32_t input_count)
{
    Rel *rel = ARENA_NEW(planner->arena, Rel);
    rel->node.kind = kind;
    rel->node.schema = *schema;
    rel->node.inputs = ARENA_ARRAY(planner->arena, PlanNode *, input_count + 1);
    rel->node.input_count = input_count;
    rel->serial = -1;
    for (int32_t i = 0; i < input_count; i++) {
        assert(inputs[i] != NULL);
        rel->node.inputs[i] = (PlanNode *)inputs[i];
        if (inputs[i]->depth >= rel->depth)
            rel->depth = inputs[i]->depth + 1;
    }
    return rel;
}

void window_digest(Buffer *out, const WindowSpec *window)
{
    buffer_printf(out, "%d@%d/%lld/%lld/%lld/%d%s", (int)window->kind, window->time_column,
                  (long long)window->size_ms, (long long)window->slide_ms,
                  (long long)window->offset_ms, window->is_local_time,
                  window->is_attached          ? "a"
                  : window->is_processing_time ? "p"
                                               : "");
}

void ints_digest(Buffer *out, const int32_t *values, int32_t count)
{
    buffer_append_char(out, '[');
    for (int32_t i = 0; i < count; i++)
        buffer_printf(out, "%d,", values[i]);
    buffer_append_char(out, ']');
}

void order_digest(Buffer *out, const SortColumn *order, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        buffer_printf(out, "%d%s%s,", order[i].column, order[i].is_descending ? "-" : "+",
                      order[i].has_nulls_last ? "l" : "f");
}

void aggregates_digest(Buffer *out, const PlanAggregate *aggregates, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        const PlanAggregate *a = &aggregates[i];
        buffer_printf(out, "%s%s(", aggregate_name(a->call), a->call->is_distinct ? "!" : "");
        ints_digest(out, a->args, a->call->arg_count);
        buffer_printf(out, ")?%d;", a->filter);
    }
}

void rel_digest(Buffer *out, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    buffer_printf(out, "%d", (int)node->kind);
    for (int32_t i = 0; i < node->input_count; i++)
        buffer_printf(out, "#%d", rel_input(rel, i)->serial);
    buffer_append_char(out, ' ');
    const RelKind *kind = rel_kind(node->kind);
    if (kind->digest != NULL)
        kind->digest(out, rel);
}

Rel *rel_intern(Planner *planner, Rel *rel)
{
    Buffer digest = {0};
    rel_digest(&digest, rel);
    Rel *known = map_find(planner->interned, buffer_str(&digest));
    if (known == NULL) {
        map_put(planner->interned, buffer_str(&digest), rel);
        rel->serial = planner->rels.count;
        list_append(&planner->rels, planner->arena, rel);
        known = rel;
    }
    buffer_free(&digest);
    assert(known->node.kind == rel->node.kind);
    return known;
}

Str field_name_add(Planner *planner, Map *taken, Str name)
{
    Str unique = name;
    int32_t *number = map_find(taken, name); /* the next to try */
    while (map_find(taken, unique) != NULL)
        unique = str_from(arena_printf(planner->arena, "%.*s%d", STR_ARGS(name), (*number)++));
    map_put(taken, unique, ARENA_NEW(planner->arena, int32_t));
    return unique;
}

Schema schema_concat(Arena *arena, const Schema *a, const Schema *b)
{
    int32_t count = a->count + b->count;
    Field *fields = ARENA_ARRAY(arena, Field, count + 1);
    for (int32_t i = 0; i < count; i++)
        fields[i] = i < a->count ? a->fields[i] : b->fields[i - a->count];
    return (Schema){.fields = fields, .count = count};
}

Expr **rel_columns_at(Planner *planner, const Schema *schema, int32_t first)
{
    Expr **columns = ARENA_ARRAY(planner->arena, Expr *, schema->count + 1);
    for (int32_t i = 0; i < schema->count; i++)
        columns[i] = expr_column(planner->arena, first + i, schema->fields[i].type);
    return columns;
}

Expr **rel_columns(Planner *planner, const Schema *schema)
{
    return rel_columns_at(planner, schema, 0);
}

static bool exprs_are_identity(Expr *const *exprs, int32_t count, const Schema *input)
{
    if (count != input->count)
        return false;
    for (int32_t i = 0; i < count; i++) {
        if (exprs[i]->kind != EXPR_COLUMN || exprs[i]->column != i ||
            exprs[i]->type.time_attribute != input->fields[i].type.time_attribute)
            return false;
    }
    return true;
}

Rel *rel_calc(Planner *planner, Rel *input, Expr *filter, Expr *const *exprs, const Schema *schema)
{
    assert(input != NULL && exprs != NULL);
    bool is_identity = exprs_are_identity(exprs, schema->count, &input->node.schema);
    if (is_identity && filter == NULL)
        return input;
    Rel *rel = rel_new(planner, PLAN_CALC, schema, &input, 1);
    rel->node.calc.filter = filter;
    rel->node.calc.exprs = is_identity ? NULL : exprs;
    return rel_intern(planner, rel);
}

Bound bound_make(Planner *planner, Rel *rel, const Schema *schema, Span span)
{
    Bound bound = {.rel = rel, .schema = *schema};
    bound.spans = ARENA_ARRAY(planner->arena, Span, schema->count + 1);
    for (int32_t i = 0; i < schema->count; i++)
        bound.spans[i] = span;
    return bound;
}
