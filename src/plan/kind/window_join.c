/* A join of rows of the same window. */
#include "base/hash.h"
#include "plan/kind/pair.h"

#include <assert.h>

#include "plan/window_property.h"

static void window_digest_join(Buffer *out, const Rel *rel)
{
    pair_digest(out, rel, &rel->node.window_join.join);
    ints_digest(out, rel->node.window_join.ends, 2);
}

static ChangelogMode window_mode(const Rel *rel, ChangelogMode optional)
{
    (void)rel, (void)optional;
    return CHANGELOG_APPEND;
}

static UpdateBefore window_asks(Planner *planner, const Rel *rel, int32_t input)
{
    (void)planner, (void)rel, (void)input;
    return UPDATE_BEFORE_UNNEEDED;
}

static void window_settle(Planner *planner, Rel *rel)
{
    pair_report_updates(planner, rel, "a window join");
}

static void window_keys(Planner *planner, Rel *rel)
{
    pair_keys(planner, rel, &rel->node.window_join.join);
}

static void window_mark(const Rel *rel, bool *const *below)
{
    pair_mark(rel, &rel->node.window_join.join, below);
    for (int32_t i = 0; i < 2; i++)
        below[i][rel->node.window_join.ends[i]] = true;
}

static void window_prune(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    int32_t **maps = pair_prune(planner, rel, &node->window_join.join);
    for (int32_t i = 0; i < 2; i++)
        node->window_join.ends[i] = maps[i][node->window_join.ends[i]];
}

static uint64_t window_identify(Rel *rel)
{
    uint64_t hash = pair_identify(rel, &rel->node.window_join.join);
    for (int32_t i = 0; i < 2; i++)
        hash =
            hash_combine(hash, rel_input(rel, i)->column_identities[rel->node.window_join.ends[i]]);
    return hash;
}

static void window_label(Buffer *out, const PlanNode *node)
{
    pair_label(out, node, "window join", &node->window_join.join);
}

static void window_details(Buffer *out, const PlanNode *node)
{
    buffer_append_text(out, join_kind_text(node->window_join.join.kind));
    pair_explain_condition(out, node, &node->window_join.join);
}

static void window_distribute(Planner *planner, PlanNode *node)
{
    pair_distribute(planner, node, &node->window_join.join);
}

/* Rows of both sides lie in one window. */
static const WindowProperty *window_window(Planner *planner, Rel *rel)
{
    const PlanJoin *join = &rel->node.window_join.join;
    int32_t left = rel->node.inputs[0]->schema.count, right = rel->node.inputs[1]->schema.count;
    const WindowProperty *a = rel_window(planner, rel_input(rel, 0));
    const WindowProperty *b = rel_window(planner, rel_input(rel, 1));
    assert(a != NULL && b != NULL);
    int32_t *of_right = ARENA_ARRAY(planner->arena, int32_t, rel->node.schema.count + 1);
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        of_right[i] = join->columns[i] - left;
    WindowProperty *property = window_property_new(planner, rel, &a->spec);
    window_property_add(property, rel, a, left, join->columns);
    window_property_add(property, rel, b, right, of_right);
    return property;
}

const RelKind window_join_kind = {
    .kind = PLAN_WINDOW_JOIN,
    .name = "window_join",
    .state = STATE_MAY_SPILL,
    .digest = window_digest_join,
    .mode = window_mode,
    .asks = window_asks,
    .settle = window_settle,
    .keys = window_keys,
    .window = window_window,
    .mark = window_mark,
    .prune = window_prune,
    .identify = window_identify,
    .label = window_label,
    .details = window_details,
    .distribute = window_distribute,
};
