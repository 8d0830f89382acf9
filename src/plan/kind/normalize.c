/* Upserts by key made a full changelog. */
#include <assert.h>

#include "plan/kind.h"

static void normalize_digest(Buffer *out, const Rel *rel)
{
    ints_digest(out, rel->node.normalize.keys, rel->node.normalize.key_count);
}

static ChangelogMode normalize_mode(const Rel *rel, ChangelogMode optional)
{
    (void)rel;
    return CHANGELOG_INSERT | CHANGELOG_UPDATE_AFTER | CHANGELOG_DELETE | optional;
}

static UpdateBefore normalize_asks(Planner *planner, const Rel *rel, int32_t input)
{
    (void)planner, (void)rel, (void)input;
    return UPDATE_BEFORE_UNNEEDED;
}

static void normalize_keys(Planner *planner, Rel *rel)
{
    keys_add(planner, rel, rel->node.normalize.keys, rel->node.normalize.key_count);
}

static void normalize_mark(const Rel *rel, bool *const *below)
{
    mark_passed(rel, below[0], rel->node.schema.count);
    mark_columns(below[0], rel->node.normalize.keys, rel->node.normalize.key_count);
}

static void normalize_prune(Planner *planner, Rel *rel)
{
    const int32_t *map = prune_inputs(planner, rel)[0];
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->map[i] = map[i];
    rel->node.normalize.keys =
        prune_remap(planner, rel->node.normalize.keys, rel->node.normalize.key_count, map);
    rel->node.schema = rel->node.inputs[0]->schema;
}

static void normalize_label(Buffer *out, const PlanNode *node)
{
    buffer_append_text(out, "normalize");
    explain_keys(out, node, node->normalize.keys, node->normalize.key_count);
}

static void normalize_distribute(Planner *planner, PlanNode *node)
{
    distribute_by(planner, node, node->normalize.keys, node->normalize.key_count);
}

const RelKind normalize_kind = {
    .kind = PLAN_NORMALIZE,
    .name = "normalize",
    .state = STATE_MAY_SPILL,
    .digest = normalize_digest,
    .mode = normalize_mode,
    .asks = normalize_asks,
    .keys = normalize_keys,
    .mark = normalize_mark,
    .prune = normalize_prune,
    .identify = identity_pass_on,
    .label = normalize_label,
    .distribute = normalize_distribute,
};
