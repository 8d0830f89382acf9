/* A query as a value must not have two rows: a check that lets rows through, one per key. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"

static void single_digest(Buffer *out, const Rel *rel)
{
    ints_digest(out, rel->node.single_row.keys.columns, rel->node.single_row.keys.count);
}

static ChangelogMode single_mode(const Rel *rel, ChangelogMode optional)
{
    (void)optional;
    return mode_is_append(inputs_mode(rel)) ? CHANGELOG_APPEND
                                            : CHANGELOG_INSERT | CHANGELOG_DELETE;
}

static UpdateBefore single_asks(Planner *planner, const Rel *rel, int32_t input)
{
    (void)planner, (void)rel, (void)input;
    return UPDATE_BEFORE_NEEDED;
}

static void single_keys(Planner *planner, Rel *rel)
{
    keys_add(planner, rel, rel->node.single_row.keys.columns, rel->node.single_row.keys.count);
}

static void single_mark(const Rel *rel, bool *const *below)
{
    mark_passed(rel, below[0], rel->node.schema.count);
    mark_columns(below[0], rel->node.single_row.keys.columns, rel->node.single_row.keys.count);
}

static void single_prune(Planner *planner, Rel *rel)
{
    const int32_t *map = prune_inputs(planner, rel)[0];
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->map[i] = map[i];
    ColumnList *keys = &rel->node.single_row.keys;
    keys->columns = prune_remap(planner, keys->columns, keys->count, map);
    rel->node.schema = rel->node.inputs[0]->schema;
}

static uint64_t single_identify(Rel *rel)
{
    uint64_t hash = hash_combine(identity_pass_on(rel), 71);
    for (int32_t i = 0; i < rel->node.single_row.keys.count; i++)
        hash = hash_combine(hash, rel->column_identities[rel->node.single_row.keys.columns[i]]);
    return hash;
}

static void single_label(Buffer *out, const PlanNode *node)
{
    buffer_append_text(out, "single row");
    explain_keys(out, node, node->single_row.keys.columns, node->single_row.keys.count);
}

static void single_distribute(Planner *planner, PlanNode *node)
{
    distribute_by(planner, node, node->single_row.keys.columns, node->single_row.keys.count);
}

const RelKind single_row_kind = {
    .kind = PLAN_SINGLE_ROW,
    .name = "single_row",
    .state = STATE_IN_MEMORY,
    .digest = single_digest,
    .mode = single_mode,
    .asks = single_asks,
    .keys = single_keys,
    .mark = single_mark,
    .prune = single_prune,
    .identify = single_identify,
    .label = single_label,
    .distribute = single_distribute,
};
