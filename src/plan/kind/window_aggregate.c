/* GROUP BY the window and keys: one final row per window and key. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"
#include "plan/window_property.h"

static void aggregate_digest(Buffer *out, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    window_digest(out, &node->window_aggregate.window);
    ints_digest(out, node->window_aggregate.keys, node->window_aggregate.key_count);
    aggregates_digest(out, node->window_aggregate.aggregates,
                      node->window_aggregate.aggregate_count);
    for (int32_t i = 0; i < node->window_aggregate.window_column_count; i++)
        buffer_printf(out, "w%d", (int)node->window_aggregate.window_columns[i]);
}

static ChangelogMode aggregate_mode(const Rel *rel, ChangelogMode optional)
{
    (void)rel, (void)optional;
    return CHANGELOG_APPEND;
}

static UpdateBefore aggregate_asks(Planner *planner, const Rel *rel, int32_t input)
{
    (void)planner, (void)rel, (void)input;
    return UPDATE_BEFORE_NEEDED;
}

static void aggregate_settle(Planner *planner, Rel *rel)
{
    if (mode_is_append(inputs_mode(rel)))
        return;
    rel->node.window_aggregate.has_retractions = true;
    aggregates_rebind(planner, rel, rel->node.window_aggregate.aggregates,
                      rel->node.window_aggregate.aggregate_count);
}

/* Group keys with the start, the end or the time of the window. */
static void aggregate_keys(Planner *planner, Rel *rel)
{
    int32_t key_count = rel->node.window_aggregate.key_count;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, key_count + 1);
    for (int32_t i = 0; i < key_count; i++)
        columns[i] = i;
    if (rel->node.window_aggregate.window.is_attached) {
        keys_add(planner, rel, columns, key_count);
        return;
    }
    int32_t window = rel->node.window_aggregate.window_column_count;
    for (int32_t i = 0; i < window; i++) {
        columns[key_count] = rel->node.schema.count - window + i;
        keys_add(planner, rel, columns, key_count + 1);
    }
}

static void aggregate_mark(const Rel *rel, bool *const *below)
{
    const PlanNode *node = &rel->node;
    mark_columns(below[0], node->window_aggregate.keys, node->window_aggregate.key_count);
    below[0][node->window_aggregate.window.time_column] = true;
    mark_aggregates(below[0], node->window_aggregate.aggregates,
                    node->window_aggregate.aggregate_count,
                    rel->needed + node->window_aggregate.key_count);
}

static void aggregate_prune(Planner *planner, Rel *rel)
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
    const int32_t *map = prune_inputs(planner, rel)[0];
    node->window_aggregate.window_columns = window;
    node->window_aggregate.window_column_count = window_count;
    node->window_aggregate.keys = prune_remap(planner, node->window_aggregate.keys, key_count, map);
    node->window_aggregate.window.time_column = map[node->window_aggregate.window.time_column];
    node->window_aggregate.aggregates =
        prune_aggregates(planner, node->window_aggregate.aggregates,
                         &node->window_aggregate.aggregate_count, rel->needed + key_count, map);
    int32_t count;
    prune_keep_needed(planner, rel, &count);
}

static uint64_t aggregate_identify(Rel *rel)
{
    const PlanNode *node = &rel->node;
    int32_t before = node->window_aggregate.key_count + node->window_aggregate.aggregate_count;
    for (int32_t i = before; i < node->schema.count; i++)
        rel->column_identities[i] =
            hash_combine(21, (uint64_t)node->window_aggregate.window_columns[i - before]);
    uint64_t hash =
        identity_keyed(rel, node->window_aggregate.keys, node->window_aggregate.key_count,
                       node->window_aggregate.aggregates, node->window_aggregate.aggregate_count);
    return hash_combine(hash, identity_window(rel, &node->window_aggregate.window,
                                              rel_input(rel, 0)->column_identities));
}

static void aggregate_label(Buffer *out, const PlanNode *node)
{
    explain_window(out, &node->window_aggregate.window);
    explain_keys(out, node, node->window_aggregate.keys, node->window_aggregate.key_count);
}

static void aggregate_details(Buffer *out, const PlanNode *node)
{
    explain_aggregates(out, node, node->window_aggregate.aggregates,
                       node->window_aggregate.aggregate_count);
}

static void aggregate_distribute(Planner *planner, PlanNode *node)
{
    distribute_by(planner, node, node->window_aggregate.keys, node->window_aggregate.key_count);
}

/* Of each output column: the key that it is, or -1. */
static const int32_t *aggregate_key_columns(Planner *planner, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, node->schema.count + 1);
    for (int32_t i = 0; i < node->schema.count; i++)
        columns[i] = i < node->window_aggregate.key_count ? node->window_aggregate.keys[i] : -1;
    return columns;
}

static const WindowProperty *aggregate_window(Planner *planner, Rel *rel)
{
    const PlanNode *node = &rel->node;
    WindowProperty *property = window_property_new(planner, rel, &node->window_aggregate.window);
    int32_t first = node->schema.count - node->window_aggregate.window_column_count;
    for (int32_t i = 0; i < node->window_aggregate.window_column_count; i++) {
        WindowColumn column = node->window_aggregate.window_columns[i];
        bool *columns = column == WINDOW_START ? property->starts
                        : column == WINDOW_END ? property->ends
                                               : property->times;
        columns[first + i] = true;
    }
    if (node->window_aggregate.window.is_attached) {
        const WindowProperty *input = rel_window(planner, rel_input(rel, 0));
        assert(input != NULL);
        window_property_add(property, rel, input, rel_input(rel, 0)->node.schema.count,
                            aggregate_key_columns(planner, rel));
        property->spec.is_attached = false;
    }
    return property;
}

const RelKind window_aggregate_kind = {
    .kind = PLAN_WINDOW_AGGREGATE,
    .name = "window_aggregate",
    .state = STATE_MAY_SPILL,
    .digest = aggregate_digest,
    .mode = aggregate_mode,
    .asks = aggregate_asks,
    .settle = aggregate_settle,
    .keys = aggregate_keys,
    .window = aggregate_window,
    .mark = aggregate_mark,
    .prune = aggregate_prune,
    .identify = aggregate_identify,
    .label = aggregate_label,
    .details = aggregate_details,
    .distribute = aggregate_distribute,
};
