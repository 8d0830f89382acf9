/* Rows with the version of their time. */
#include "base/hash.h"
#include "plan/kind/pair.h"

static void temporal_digest(Buffer *out, const Rel *rel)
{
    pair_digest(out, rel, &rel->node.temporal_join.join);
    ints_digest(out, rel->node.temporal_join.times, 2);
}

/* A row of the left goes out with the kind with which it came. */
static ChangelogMode temporal_mode(const Rel *rel, ChangelogMode optional)
{
    (void)optional;
    return rel->node.inputs[0]->changelog;
}

/* A version ends where the next one begins: what was before is known. */
static UpdateBefore temporal_asks(Planner *planner, const Rel *rel, int32_t input)
{
    (void)planner, (void)rel;
    return input == 0 ? UPDATE_BEFORE_AS_ASKED : UPDATE_BEFORE_UNNEEDED;
}

static void temporal_keys(Planner *planner, Rel *rel)
{
    const ColumnList *hashed = &rel->node.temporal_join.join.keys[0];
    keys_pass_holding(planner, rel, hashed->columns, hashed->count);
}

static void temporal_mark(const Rel *rel, bool *const *below)
{
    pair_mark(rel, &rel->node.temporal_join.join, below);
    for (int32_t i = 0; i < 2; i++)
        below[i][rel->node.temporal_join.times[i]] = true;
}

static void temporal_prune(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    int32_t **maps = pair_prune(planner, rel, &node->temporal_join.join);
    for (int32_t i = 0; i < 2; i++)
        node->temporal_join.times[i] = maps[i][node->temporal_join.times[i]];
}

static uint64_t temporal_identify(Rel *rel)
{
    uint64_t hash = pair_identify(rel, &rel->node.temporal_join.join);
    for (int32_t i = 0; i < 2; i++)
        hash = hash_combine(hash,
                            rel_input(rel, i)->column_identities[rel->node.temporal_join.times[i]]);
    return hash;
}

static void temporal_label(Buffer *out, const PlanNode *node)
{
    pair_label(out, node, "temporal join", &node->temporal_join.join);
}

static void temporal_details(Buffer *out, const PlanNode *node)
{
    const PlanJoin *join = &node->temporal_join.join;
    const Field *asked = &node->inputs[0]->schema.fields[node->temporal_join.times[0]];
    const Field *version = &node->inputs[1]->schema.fields[node->temporal_join.times[1]];
    buffer_printf(out, "%s, as of %.*s, versions by %.*s", join_kind_text(join->kind),
                  STR_ARGS(asked->name), STR_ARGS(version->name));
    pair_explain_condition(out, node, join);
}

static void temporal_distribute(Planner *planner, PlanNode *node)
{
    pair_distribute(planner, node, &node->temporal_join.join);
}

const RelKind temporal_join_kind = {
    .kind = PLAN_TEMPORAL_JOIN,
    .name = "temporal_join",
    .state = STATE_MAY_SPILL,
    .digest = temporal_digest,
    .mode = temporal_mode,
    .asks = temporal_asks,
    .keys = temporal_keys,
    .mark = temporal_mark,
    .prune = temporal_prune,
    .identify = temporal_identify,
    .label = temporal_label,
    .details = temporal_details,
    .distribute = temporal_distribute,
};
