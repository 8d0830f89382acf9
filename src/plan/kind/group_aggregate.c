/* GROUP BY keys: a row per group that changes with its rows. DISTINCT is one without calls. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"

static void group_digest(Buffer *out, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    ints_digest(out, node->group_aggregate.keys, node->group_aggregate.key_count);
    aggregates_digest(out, node->group_aggregate.aggregates, node->group_aggregate.aggregate_count);
}

static ChangelogMode group_mode(const Rel *rel, ChangelogMode optional)
{
    if (rel->node.group_aggregate.is_final)
        return CHANGELOG_APPEND;
    ChangelogMode mode = CHANGELOG_INSERT | CHANGELOG_UPDATE_AFTER | optional;
    return mode_is_append(inputs_mode(rel)) ? mode : mode | CHANGELOG_DELETE;
}

static UpdateBefore group_asks(Planner *planner, const Rel *rel, int32_t input)
{
    (void)planner, (void)rel, (void)input;
    return UPDATE_BEFORE_NEEDED;
}

static const char *group_changes(const Rel *rel)
{
    return rel->node.group_aggregate.aggregate_count == 0 ? "DISTINCT" : "GROUP BY";
}

static void group_settle(Planner *planner, Rel *rel)
{
    rel->node.group_aggregate.emits_update_before =
        (rel->node.changelog & CHANGELOG_UPDATE_BEFORE) != 0;
    if (mode_is_append(inputs_mode(rel)))
        return;
    rel->node.group_aggregate.has_retractions = true;
    aggregates_rebind(planner, rel, rel->node.group_aggregate.aggregates,
                      rel->node.group_aggregate.aggregate_count);
}

/* Bounded input has an end, and nothing expires before it. */
static void group_finalize(Rel *rel)
{
    rel->node.group_aggregate.is_final = true;
    rel->node.group_aggregate.state_ttl_us = 0;
}

static void group_keys(Planner *planner, Rel *rel)
{
    int32_t count = rel->node.group_aggregate.key_count;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++)
        columns[i] = i;
    keys_add(planner, rel, columns, count);
}

/* Over rows that only come, a count and a maximum grow and a minimum falls. */
static Monotonicity group_trend(const Rel *rel, int32_t column)
{
    const PlanNode *node = &rel->node;
    if (!mode_is_append(inputs_mode(rel)))
        return MONOTONIC_NOT;
    if (column < node->group_aggregate.key_count)
        return MONOTONIC_CONSTANT;
    const AggregateCall *call =
        node->group_aggregate.aggregates[column - node->group_aggregate.key_count].call;
    Str name = str_from(aggregate_name(call));
    if (str_is(name, "COUNT") || str_is(name, "MAX"))
        return MONOTONIC_INCREASING;
    return str_is(name, "MIN") ? MONOTONIC_DECREASING : MONOTONIC_NOT;
}

static void group_mark(const Rel *rel, bool *const *below)
{
    const PlanNode *node = &rel->node;
    mark_columns(below[0], node->group_aggregate.keys, node->group_aggregate.key_count);
    mark_aggregates(below[0], node->group_aggregate.aggregates,
                    node->group_aggregate.aggregate_count,
                    rel->needed + node->group_aggregate.key_count);
}

static void group_prune(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    int32_t key_count = node->group_aggregate.key_count;
    for (int32_t i = 0; i < key_count; i++)
        rel->needed[i] = true;
    const int32_t *map = prune_inputs(planner, rel)[0];
    node->group_aggregate.keys = prune_remap(planner, node->group_aggregate.keys, key_count, map);
    node->group_aggregate.aggregates =
        prune_aggregates(planner, node->group_aggregate.aggregates,
                         &node->group_aggregate.aggregate_count, rel->needed + key_count, map);
    int32_t count;
    prune_keep_needed(planner, rel, &count);
}

static uint64_t group_identify(Rel *rel)
{
    const PlanNode *node = &rel->node;
    uint64_t hash =
        identity_keyed(rel, node->group_aggregate.keys, node->group_aggregate.key_count,
                       node->group_aggregate.aggregates, node->group_aggregate.aggregate_count);
    /* What streaming has emitted, batch mode still owes. */
    return node->group_aggregate.is_final ? hash_combine(hash, 51) : hash;
}

static void group_label(Buffer *out, const PlanNode *node)
{
    buffer_append_text(out, node->group_aggregate.aggregate_count == 0 ? "distinct" : "group");
    explain_keys(out, node, node->group_aggregate.keys, node->group_aggregate.key_count);
}

static void group_details(Buffer *out, const PlanNode *node)
{
    explain_aggregates(out, node, node->group_aggregate.aggregates,
                       node->group_aggregate.aggregate_count);
    if (node->group_aggregate.state_ttl_us > 0) {
        buffer_append_text(out, ", state ttl ");
        duration_print(out, node->group_aggregate.state_ttl_us / 1000);
    }
    if (node->group_aggregate.is_final)
        buffer_append_text(out, node->group_aggregate.aggregate_count > 0 ? ", at the end of input"
                                                                          : "at the end of input");
}

static void group_distribute(Planner *planner, PlanNode *node)
{
    distribute_by(planner, node, node->group_aggregate.keys, node->group_aggregate.key_count);
}

const RelKind group_aggregate_kind = {
    .kind = PLAN_GROUP_AGGREGATE,
    .name = "group_aggregate",
    .state = STATE_MAY_SPILL,
    .digest = group_digest,
    .mode = group_mode,
    .asks = group_asks,
    .changes = group_changes,
    .settle = group_settle,
    .finalize = group_finalize,
    .keys = group_keys,
    .trend = group_trend,
    .mark = group_mark,
    .prune = group_prune,
    .identify = group_identify,
    .label = group_label,
    .details = group_details,
    .distribute = group_distribute,
};
