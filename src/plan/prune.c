/* Columns that nobody reads are not made: down from the roots to learn what is needed, up again to
 * leave out the rest and renumber. What is read is united over all consumers of a relation. */
#include <assert.h>

#include "plan/internal.h"

/* ---- Downwards: marks ------------------------------------------------------------------ */

static void mark_all(Rel *rel)
{
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->needed[i] = true;
}

static void mark_aggregates(bool *below, const PlanAggregate *aggregates, int32_t count,
                            const bool *needed)
{
    for (int32_t i = 0; i < count; i++) {
        const PlanAggregate *aggregate = &aggregates[i];
        if (!needed[i])
            continue;
        for (int32_t a = 0; a < aggregate->call->arg_count; a++)
            below[aggregate->args[a]] = true;
        if (aggregate->filter >= 0)
            below[aggregate->filter] = true;
    }
}

static void mark_keys(bool *below, const int32_t *keys, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        below[keys[i]] = true;
}

static void mark_calc(const Rel *rel, bool *below)
{
    const PlanNode *node = &rel->node;
    if (node->calc.filter != NULL)
        expr_mark_columns(node->calc.filter, below);
    for (int32_t i = 0; i < node->schema.count; i++) {
        if (!rel->needed[i])
            continue;
        if (node->calc.exprs == NULL)
            below[i] = true;
        else
            expr_mark_columns(node->calc.exprs[i], below);
    }
}

static void mark_passed(const Rel *rel, bool *below, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        below[i] = below[i] || rel->needed[i];
}

static void mark_inputs(Rel *rel)
{
    const PlanNode *node = &rel->node;
    bool *below = node->input_count > 0 ? rel_input(rel, 0)->needed : NULL;
    switch (node->kind) {
    case PLAN_SOURCE:
    case PLAN_VALUES: break;
    case PLAN_CALC: mark_calc(rel, below); break;
    case PLAN_WATERMARK:
        mark_passed(rel, below, node->schema.count);
        below[node->watermark.time_column] = true;
        expr_mark_columns(node->watermark.watermark, below);
        break;
    case PLAN_WINDOW_ASSIGN:
        mark_passed(rel, below, node->schema.count - 3);
        below[node->window_assign.window.time_column] = true;
        break;
    case PLAN_WINDOW_AGGREGATE:
        mark_keys(below, node->window_aggregate.keys, node->window_aggregate.key_count);
        below[node->window_aggregate.window.time_column] = true;
        mark_aggregates(below, node->window_aggregate.aggregates,
                        node->window_aggregate.aggregate_count,
                        rel->needed + node->window_aggregate.key_count);
        break;
    case PLAN_GROUP_AGGREGATE:
        mark_keys(below, node->group_aggregate.keys, node->group_aggregate.key_count);
        mark_aggregates(below, node->group_aggregate.aggregates,
                        node->group_aggregate.aggregate_count,
                        rel->needed + node->group_aggregate.key_count);
        break;
    case PLAN_NORMALIZE:
        mark_passed(rel, below, node->schema.count);
        mark_keys(below, node->normalize.keys, node->normalize.key_count);
        break;
    case PLAN_UNION:
        for (int32_t i = 0; i < node->input_count; i++)
            mark_passed(rel, rel_input(rel, i)->needed, node->schema.count);
        break;
    case PLAN_SINK:
    case PLAN_SERVE: mark_all(rel_input(rel, 0)); break;
    }
}

/* ---- Upwards: renumber ----------------------------------------------------------------- */

/* Keep the needed fields; fills rel->map and returns their old positions. */
static int32_t *keep_needed(Planner *planner, Rel *rel, int32_t *kept_count)
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

/* The input with exactly the columns wanted (by their numbers before pruning), in their order. */
static Rel *narrow(Planner *planner, Rel *input, const bool *wanted, int32_t count, int32_t *map)
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

/* Narrow the input to what this relation itself marks; gives the map of its columns. */
static int32_t *narrow_to_own(Planner *planner, Rel *rel)
{
    Rel *input = rel_input(rel, 0);
    int32_t count = input->width;
    /* Mark as if this were the only consumer. */
    bool *shared = input->needed;
    input->needed = ARENA_ARRAY(planner->arena, bool, count + 1);
    mark_inputs(rel);
    bool *own = input->needed;
    input->needed = shared;
    int32_t *map = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    rel->node.inputs[0] = (PlanNode *)narrow(planner, input, own, count, map);
    return map;
}

static int32_t *remap_columns(Planner *planner, const int32_t *columns, int32_t count,
                              const int32_t *map)
{
    int32_t *out = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++) {
        out[i] = map[columns[i]];
        assert(out[i] >= 0);
    }
    return out;
}

static PlanAggregate *prune_aggregates(Planner *planner, const PlanAggregate *aggregates,
                                       int32_t *count, const bool *needed, const int32_t *map)
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

static void prune_source(Planner *planner, Rel *rel)
{
    bool is_any = false;
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        is_any = is_any || rel->needed[i];
    if (!is_any && rel->node.schema.count > 0)
        rel->needed[0] = true; /* COUNT(*): readers want at least one column to count by */
    int32_t count;
    const int32_t *kept = keep_needed(planner, rel, &count);
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++)
        columns[i] = rel->node.source.columns[kept[i]];
    rel->node.source.columns = columns;
}

static void prune_values(Planner *planner, Rel *rel)
{
    int32_t width = rel->node.schema.count, count;
    const int32_t *kept = keep_needed(planner, rel, &count);
    int32_t rows = rel->node.values.row_count;
    Expr **cells = ARENA_ARRAY(planner->arena, Expr *, (int64_t)rows * count + 1);
    for (int32_t r = 0; r < rows; r++) {
        for (int32_t c = 0; c < count; c++)
            cells[r * count + c] = rel->node.values.rows[r * width + kept[c]];
    }
    rel->node.values.rows = cells;
}

static void prune_calc(Planner *planner, Rel *rel)
{
    Rel *input = rel_input(rel, 0);
    Expr *const *old = rel->node.calc.exprs;
    if (old == NULL)
        old = rel_columns(planner, &rel->node.schema);
    int32_t count;
    const int32_t *kept = keep_needed(planner, rel, &count);
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, count + 1);
    for (int32_t i = 0; i < count; i++)
        exprs[i] = expr_remap(planner->arena, old[kept[i]], input->map);
    rel->node.calc.exprs = exprs;
    if (rel->node.calc.filter != NULL)
        rel->node.calc.filter = expr_remap(planner->arena, rel->node.calc.filter, input->map);
}

static void prune_watermark(Planner *planner, Rel *rel)
{
    const Rel *input = rel_input(rel, 0);
    int32_t count = input->node.schema.count;
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 1);
    for (int32_t i = 0; i < rel->node.schema.count; i++) {
        rel->map[i] = input->map[i];
        if (input->map[i] >= 0)
            fields[input->map[i]] = rel->node.schema.fields[i];
    }
    rel->node.schema = (Schema){.fields = fields, .count = count};
    rel->node.watermark.time_column = input->map[rel->node.watermark.time_column];
    rel->node.watermark.watermark =
        expr_remap(planner->arena, rel->node.watermark.watermark, input->map);
}

static void prune_assign(Planner *planner, Rel *rel)
{
    const Rel *input = rel_input(rel, 0);
    int32_t old = rel->node.schema.count - 3, count = input->node.schema.count;
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 3);
    for (int32_t i = 0; i < count; i++)
        fields[i] = input->node.schema.fields[i];
    for (int32_t i = 0; i < old; i++) {
        rel->map[i] = input->map[i];
        if (input->map[i] >= 0)
            fields[input->map[i]] = rel->node.schema.fields[i];
    }
    for (int32_t i = 0; i < 3; i++) {
        rel->map[old + i] = count + i;
        fields[count + i] = rel->node.schema.fields[old + i];
    }
    rel->node.schema = (Schema){.fields = fields, .count = count + 3};
    rel->node.window_assign.window.time_column =
        input->map[rel->node.window_assign.window.time_column];
}

static void prune_window_aggregate(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    int32_t key_count = node->window_aggregate.key_count;
    for (int32_t i = 0; i < key_count; i++)
        rel->needed[i] = true;
    int32_t window_at = node->schema.count - node->window_aggregate.window_column_count;
    WindowColumn *window = ARENA_ARRAY(planner->arena, WindowColumn, 3);
    int32_t window_count = 0;
    for (int32_t i = window_at; i < node->schema.count; i++) {
        if (rel->needed[i])
            window[window_count++] = node->window_aggregate.window_columns[i - window_at];
    }
    const int32_t *map = narrow_to_own(planner, rel);
    node->window_aggregate.window_columns = window;
    node->window_aggregate.window_column_count = window_count;
    node->window_aggregate.keys =
        remap_columns(planner, node->window_aggregate.keys, key_count, map);
    node->window_aggregate.window.time_column = map[node->window_aggregate.window.time_column];
    node->window_aggregate.aggregates =
        prune_aggregates(planner, node->window_aggregate.aggregates,
                         &node->window_aggregate.aggregate_count, rel->needed + key_count, map);
    int32_t count;
    keep_needed(planner, rel, &count);
}

static void prune_group_aggregate(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    int32_t key_count = node->group_aggregate.key_count;
    for (int32_t i = 0; i < key_count; i++)
        rel->needed[i] = true;
    const int32_t *map = narrow_to_own(planner, rel);
    node->group_aggregate.keys = remap_columns(planner, node->group_aggregate.keys, key_count, map);
    node->group_aggregate.aggregates =
        prune_aggregates(planner, node->group_aggregate.aggregates,
                         &node->group_aggregate.aggregate_count, rel->needed + key_count, map);
    int32_t count;
    keep_needed(planner, rel, &count);
}

static void prune_normalize(Planner *planner, Rel *rel)
{
    const int32_t *map = narrow_to_own(planner, rel);
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->map[i] = map[i];
    rel->node.normalize.keys =
        remap_columns(planner, rel->node.normalize.keys, rel->node.normalize.key_count, map);
    rel->node.schema = rel->node.inputs[0]->schema;
}

static void prune_union(Planner *planner, Rel *rel)
{
    int32_t width = rel->node.schema.count;
    int32_t *map = ARENA_ARRAY(planner->arena, int32_t, width + 1);
    for (int32_t i = 0; i < rel->node.input_count; i++)
        rel->node.inputs[i] =
            (PlanNode *)narrow(planner, rel_input(rel, i), rel->needed, width, map);
    int32_t count;
    keep_needed(planner, rel, &count);
}

static void prune_root(Planner *planner, Rel *rel)
{
    mark_all(rel);
    int32_t *map = ARENA_ARRAY(planner->arena, int32_t, rel->node.schema.count + 1);
    rel->node.inputs[0] =
        (PlanNode *)narrow(planner, rel_input(rel, 0), rel->needed, rel->node.schema.count, map);
}

static void prune(Planner *planner, Rel *rel)
{
    switch (rel->node.kind) {
    case PLAN_SOURCE: prune_source(planner, rel); break;
    case PLAN_VALUES: prune_values(planner, rel); break;
    case PLAN_CALC: prune_calc(planner, rel); break;
    case PLAN_WATERMARK: prune_watermark(planner, rel); break;
    case PLAN_WINDOW_ASSIGN: prune_assign(planner, rel); break;
    case PLAN_WINDOW_AGGREGATE: prune_window_aggregate(planner, rel); break;
    case PLAN_GROUP_AGGREGATE: prune_group_aggregate(planner, rel); break;
    case PLAN_NORMALIZE: prune_normalize(planner, rel); break;
    case PLAN_UNION: prune_union(planner, rel); break;
    case PLAN_SINK:
    case PLAN_SERVE: prune_root(planner, rel); break;
    }
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
        mark_inputs(LIST_AT(planner->rels, i, Rel));
    for (int32_t i = 0; i < planner->rels.count; i++)
        prune(planner, LIST_AT(planner->rels, i, Rel));
    pass_reach(planner);
    for (int32_t i = 0; i < planner->rels.count; i++)
        drop_identity(LIST_AT(planner->rels, i, Rel));
    pass_reach(planner);
}
