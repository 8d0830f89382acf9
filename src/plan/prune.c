/* Columns that nobody reads are not made: down from the roots to learn what is needed, up again to
 * leave out the rest and renumber. What is read is united over all consumers of a relation. */
#include <assert.h>

#include "plan/kind.h"

/* ---- Downwards: marks ------------------------------------------------------------------ */

void mark_columns(bool *below, const int32_t *columns, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        below[columns[i]] = true;
}

void mark_order(bool *below, const SortColumn *order, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        below[order[i].column] = true;
}

void mark_passed(const Rel *rel, bool *below, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        below[i] = below[i] || rel->needed[i];
}

void mark_aggregates(bool *below, const PlanAggregate *aggregates, int32_t count,
                     const bool *needed)
{
    for (int32_t i = 0; i < count; i++) {
        const PlanAggregate *aggregate = &aggregates[i];
        if (!needed[i])
            continue;
        mark_columns(below, aggregate->args, aggregate->call->arg_count);
        if (aggregate->filter >= 0)
            below[aggregate->filter] = true;
    }
}

void mark_root(const Rel *rel, bool *const *below)
{
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        below[0][i] = true;
}

/* Mark in all inputs what this consumer reads. */
static void mark_inputs(Planner *planner, Rel *rel)
{
    int32_t count = rel->node.input_count;
    bool **below = ARENA_ARRAY(planner->arena, bool *, count + 1);
    for (int32_t i = 0; i < count; i++)
        below[i] = rel_input(rel, i)->needed;
    rel_kind(rel->node.kind)->mark(rel, below);
}

/* ---- Upwards: renumber ----------------------------------------------------------------- */

int32_t *prune_keep_needed(Planner *planner, Rel *rel, int32_t *kept_count)
{
    int32_t count = rel->node.schema.count;
    int32_t *kept = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    *kept_count = 0;
    for (int32_t i = 0; i < count; i++) {
        rel->map[i] = rel->needed[i] ? *kept_count : -1;
        if (rel->needed[i])
            kept[(*kept_count)++] = i;
    }
    rel->node.schema = schema_pick(planner->arena, &rel->node.schema, kept, *kept_count);
    return kept;
}

Rel *prune_narrow(Planner *planner, Rel *input, const bool *wanted, int32_t count, int32_t *map)
{
    const Schema *schema = &input->node.schema;
    int32_t *picked = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    int32_t picked_count = 0;
    for (int32_t i = 0; i < count; i++) {
        map[i] = wanted[i] ? picked_count : -1;
        assert(!wanted[i] || input->map[i] >= 0);
        if (wanted[i])
            picked[picked_count++] = input->map[i];
    }
    bool is_same = picked_count == schema->count;
    for (int32_t i = 0; i < picked_count && is_same; i++)
        is_same = picked[i] == i;
    if (is_same)
        return input;
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, picked_count + 1);
    for (int32_t i = 0; i < picked_count; i++)
        exprs[i] = expr_column(planner->arena, picked[i], schema->fields[picked[i]].type);
    Schema narrowed = schema_pick(planner->arena, schema, picked, picked_count);
    Rel *calc = rel_new(planner, PLAN_CALC, &narrowed, &input, 1);
    calc->node.calc.exprs = exprs;
    calc->node.changelog = input->node.changelog;
    calc->span = input->span;
    return calc;
}

int32_t **prune_inputs(Planner *planner, Rel *rel)
{
    int32_t count = rel->node.input_count;
    bool **own = ARENA_ARRAY(planner->arena, bool *, count + 1);
    int32_t **maps = ARENA_ARRAY(planner->arena, int32_t *, count + 1);
    for (int32_t i = 0; i < count; i++)
        own[i] = ARENA_ARRAY(planner->arena, bool, rel_input(rel, i)->width + 1);
    rel_kind(rel->node.kind)->mark(rel, own);
    for (int32_t i = 0; i < count; i++) {
        Rel *input = rel_input(rel, i);
        maps[i] = ARENA_ARRAY(planner->arena, int32_t, input->width + 1);
        rel->node.inputs[i] =
            (PlanNode *)prune_narrow(planner, input, own[i], input->width, maps[i]);
    }
    return maps;
}

bool prune_numbered(Planner *planner, Rel *rel, const int32_t *map, bool has_number)
{
    PlanNode *node = &rel->node;
    const Schema *input = &node->inputs[0]->schema;
    int32_t width = node->schema.count - has_number;
    Field *fields = ARENA_ARRAY(planner->arena, Field, input->count + 1);
    for (int32_t i = 0; i < width; i++) {
        rel->map[i] = map[i];
        if (map[i] >= 0)
            fields[map[i]] = node->schema.fields[i];
    }
    bool is_needed = has_number && rel->needed[width];
    if (has_number) {
        rel->map[width] = is_needed ? input->count : -1;
        fields[input->count] = node->schema.fields[width];
    }
    node->schema = (Schema){.fields = fields, .count = input->count + is_needed};
    return is_needed;
}

int32_t *prune_remap(Planner *planner, const int32_t *columns, int32_t count, const int32_t *map)
{
    int32_t *out = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++) {
        out[i] = map[columns[i]];
        assert(out[i] >= 0);
    }
    return out;
}

SortColumn *prune_order(Planner *planner, const SortColumn *order, int32_t count,
                        const int32_t *map)
{
    SortColumn *out = ARENA_ARRAY(planner->arena, SortColumn, count + 1);
    for (int32_t i = 0; i < count; i++) {
        out[i] = order[i];
        out[i].column = map[order[i].column];
        assert(out[i].column >= 0);
    }
    return out;
}

PlanAggregate *prune_aggregates(Planner *planner, const PlanAggregate *aggregates, int32_t *count,
                                const bool *needed, const int32_t *map)
{
    PlanAggregate *out = ARENA_ARRAY(planner->arena, PlanAggregate, *count + 1);
    int32_t kept = 0;
    for (int32_t i = 0; i < *count; i++) {
        if (!needed[i])
            continue;
        out[kept] = aggregates[i];
        for (int32_t a = 0; a < aggregates[i].call->arg_count; a++)
            out[kept].args[a] = map[aggregates[i].args[a]];
        if (aggregates[i].filter >= 0)
            out[kept].filter = map[aggregates[i].filter];
        kept++;
    }
    *count = kept;
    return out;
}

void prune_root(Planner *planner, Rel *rel)
{
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->needed[i] = true;
    prune_inputs(planner, rel);
}

/* ---- CALCs that do nothing ------------------------------------------------------------- */

static bool calc_has_input_columns(const Rel *rel)
{
    const Schema *input = &rel->node.inputs[0]->schema;
    if (rel->node.calc.exprs == NULL)
        return true;
    if (rel->node.schema.count != input->count)
        return false;
    for (int32_t i = 0; i < input->count; i++) {
        const Expr *expr = rel->node.calc.exprs[i];
        if (expr->kind != EXPR_COLUMN || expr->column != i)
            return false;
    }
    return true;
}

static bool calc_is_idle(const Rel *rel)
{
    return rel->node.kind == PLAN_CALC && rel->node.calc.filter == NULL &&
           !rel->node.calc.makes_append && rel->entry == NULL && calc_has_input_columns(rel);
}

static void drop_identity(Rel *rel)
{
    for (int32_t i = 0; i < rel->node.input_count; i++) {
        Rel *input = rel_input(rel, i);
        while (calc_is_idle(input))
            input = rel_input(input, 0);
        rel->node.inputs[i] = (PlanNode *)input;
    }
    if (rel->node.kind == PLAN_CALC && calc_has_input_columns(rel))
        rel->node.calc.exprs = NULL;
}

void pass_prune(Planner *planner)
{
    for (int32_t i = 0; i < planner->rels.count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        rel->width = rel->node.schema.count;
        rel->needed = ARENA_ARRAY(planner->arena, bool, rel->width + 1);
        rel->map = ARENA_ARRAY(planner->arena, int32_t, rel->width + 1);
    }
    for (int32_t i = planner->rels.count - 1; i >= 0; i--)
        mark_inputs(planner, LIST_AT(planner->rels, i, Rel));
    for (int32_t i = 0; i < planner->rels.count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        rel_kind(rel->node.kind)->prune(planner, rel);
    }
    pass_reach(planner);
    for (int32_t i = 0; i < planner->rels.count; i++)
        drop_identity(LIST_AT(planner->rels, i, Rel));
    pass_reach(planner);
}
