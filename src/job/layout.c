/* One pass over the nodes in topological order. */
#include "job/layout.h"

#include <assert.h>

/* The fragment that all inputs of the node are in, or NULL. */
static Fragment *layout_common_input(const Layout *layout, const PlanNode *node)
{
    const Fragment *common = NULL;
    for (int32_t i = 0; i < node->input_count; i++) {
        const Fragment *fragment = layout->fragment_of[node->inputs[i]->id];
        if (fragment == NULL || (common != NULL && fragment != common))
            return NULL;
        common = fragment;
    }
    return common == NULL ? NULL : layout->fragments[common->id];
}

static int32_t layout_task_count(const Layout *layout, const PlanNode *node, int32_t shard_count)
{
    if (node->kind == PLAN_SINK || node->kind == PLAN_SERVE || node->input_count == 0 ||
        node->kind == PLAN_LOOKUP_JOIN)
        return 1;
    switch (node->distribution) {
    case DISTRIBUTION_HASH: return shard_count;
    case DISTRIBUTION_SINGLE: return 1;
    case DISTRIBUTION_ANY: break;
    }
    /* Rows of one key stay in order only if they take one way: shard by shard where every input
     * has all shards, else through one task. */
    for (int32_t i = 0; i < node->input_count; i++)
        if (layout->fragment_of[node->inputs[i]->id]->task_count != shard_count)
            return 1;
    return shard_count;
}

/* Whether the node can run behind its inputs on their thread. */
static bool layout_joins(const Fragment *input, const PlanNode *node, int32_t task_count)
{
    if (input == NULL || node->kind == PLAN_LOOKUP_JOIN)
        return false;
    if (node->kind == PLAN_SERVE)
        return input->kind == FRAGMENT_SHARDS && input->task_count == 1;
    if (node->distribution == DISTRIBUTION_ANY)
        return true;
    if (node->kind == PLAN_SINK)
        return false;
    /* One task on a worker holds all rows already. Behind a source the work gets a thread of its
     * own all the same: decoding goes on meanwhile. */
    return input->kind == FRAGMENT_SHARDS && input->task_count == 1 && task_count == 1;
}

/* Whether the union is only edges: its inputs come from several fragments, and all that becomes of
 * its rows begins with their way to the shards of their keys. */
static bool layout_dissolves(const Layout *layout, const Plan *plan, const PlanNode *node,
                             int32_t shard_count)
{
    if (node->kind != PLAN_UNION || shard_count == 1 || layout_common_input(layout, node) != NULL)
        return false;
    bool has_any = false;
    for (int32_t i = node->id + 1; i < plan->node_count; i++) {
        const PlanNode *reader = plan->nodes[i];
        for (int32_t k = 0; k < reader->input_count; k++) {
            if (reader->inputs[k] != node)
                continue;
            has_any = true;
            if (reader->distribution != DISTRIBUTION_HASH ||
                layout_task_count(layout, reader, shard_count) == 1)
                return false;
        }
    }
    return has_any;
}

static void layout_add_edge(Layout *layout, Edge edge, const PlanNode *from)
{
    edge.from_node = from;
    edge.from = layout->fragment_of[from->id];
    edge.is_hash = edge.to->head->distribution == DISTRIBUTION_HASH && edge.to->task_count > 1;
    assert(edge.is_hash || edge.to->task_count == 1 ||
           edge.to->task_count == edge.from->task_count);
    layout->edges[layout->edge_count++] = edge;
}

static void layout_add_edges(Layout *layout, const PlanNode *node, const Fragment *fragment)
{
    for (int32_t i = 0; i < node->input_count; i++) {
        const PlanNode *input = node->inputs[i];
        Edge edge = {.passed = input, .to = fragment, .input = i};
        if (layout->fragment_of[input->id] != NULL)
            layout_add_edge(layout, edge, input);
        for (int32_t k = 0; layout->fragment_of[input->id] == NULL && k < input->input_count; k++)
            layout_add_edge(layout, edge, input->inputs[k]);
    }
}

/* No more edges than this. */
static int32_t layout_edge_max(const Plan *plan)
{
    int32_t count = 0;
    for (int32_t i = 0; i < plan->node_count; i++) {
        const PlanNode *node = plan->nodes[i];
        for (int32_t k = 0; k < node->input_count; k++)
            count += node->inputs[k]->kind == PLAN_UNION ? node->inputs[k]->input_count + 1 : 1;
    }
    return count;
}

static FragmentKind layout_kind(const PlanNode *node)
{
    if (node->input_count == 0)
        return FRAGMENT_SOURCE;
    if (node->kind == PLAN_LOOKUP_JOIN)
        return FRAGMENT_LOOKUP;
    return node->kind == PLAN_SINK ? FRAGMENT_SINK : FRAGMENT_SHARDS;
}

Layout *layout_make(Arena *arena, const Plan *plan, int32_t shard_count)
{
    assert(shard_count > 0);
    Layout *layout = ARENA_NEW(arena, Layout);
    layout->fragments = ARENA_ARRAY(arena, Fragment *, plan->node_count);
    layout->fragment_of = ARENA_ARRAY(arena, const Fragment *, plan->node_count);
    layout->edges = ARENA_ARRAY(arena, Edge, layout_edge_max(plan));
    for (int32_t i = 0; i < plan->node_count; i++) {
        const PlanNode *node = plan->nodes[i];
        assert(node->id == i);
        if (layout_dissolves(layout, plan, node, shard_count))
            continue;
        Fragment *fragment = layout_common_input(layout, node);
        int32_t task_count = layout_task_count(layout, node, shard_count);
        if (!layout_joins(fragment, node, task_count)) {
            fragment = ARENA_NEW(arena, Fragment);
            *fragment = (Fragment){.id = layout->fragment_count,
                                   .kind = layout_kind(node),
                                   .head = node,
                                   .task_count = task_count};
            layout->fragments[layout->fragment_count++] = fragment;
            layout_add_edges(layout, node, fragment);
        }
        list_append(&fragment->nodes, arena, plan->nodes[i]);
        layout->fragment_of[i] = fragment;
    }
    return layout;
}
