/* Each row as often as its last column says, which is not handed on. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"

/* All rows that a change has made must go when it is taken back. */
static UpdateBefore replicate_asks(Planner *planner, const Rel *rel, int32_t input)
{
    (void)planner, (void)rel, (void)input;
    return UPDATE_BEFORE_NEEDED;
}

static void replicate_mark(const Rel *rel, bool *const *below)
{
    mark_passed(rel, below[0], rel->node.schema.count);
    below[0][rel->node.schema.count] = true;
}

static void replicate_prune(Planner *planner, Rel *rel)
{
    prune_inputs(planner, rel);
    int32_t count;
    prune_keep_needed(planner, rel, &count);
    assert(rel->node.inputs[0]->schema.count == count + 1);
}

static uint64_t replicate_identify(Rel *rel)
{
    return hash_combine(identity_pass_on(rel), 73);
}

static void replicate_label(Buffer *out, const PlanNode *node)
{
    (void)node;
    buffer_append_text(out, "replicate");
}

const RelKind replicate_kind = {
    .kind = PLAN_REPLICATE,
    .name = "replicate",
    .state = STATE_IN_MEMORY,
    .asks = replicate_asks,
    .mark = replicate_mark,
    .prune = replicate_prune,
    .identify = replicate_identify,
    .label = replicate_label,
};
