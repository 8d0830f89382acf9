/* UNION ALL: the rows of all inputs, column by column. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"
#include "plan/window_property.h"

static void union_mark(const Rel *rel, bool *const *below)
{
    for (int32_t i = 0; i < rel->node.input_count; i++)
        mark_passed(rel, below[i], rel->node.schema.count);
}

static void union_prune(Planner *planner, Rel *rel)
{
    prune_inputs(planner, rel);
    int32_t count;
    prune_keep_needed(planner, rel, &count);
}

static uint64_t union_identify(Rel *rel)
{
    uint64_t hash = 31;
    for (int32_t k = 0; k < rel->node.input_count; k++) {
        const Rel *input = rel_input(rel, k);
        hash = hash_combine(hash, input->identity);
        for (int32_t i = 0; i < rel->node.schema.count; i++)
            rel->column_identities[i] =
                hash_combine(rel->column_identities[i], input->column_identities[i]);
    }
    return hash;
}

static void union_label(Buffer *out, const PlanNode *node)
{
    (void)node;
    buffer_append_text(out, "union");
}

/* All inputs have the same windows, in the same columns. */
static const WindowProperty *union_window(Planner *planner, Rel *rel)
{
    const WindowProperty *first = rel_window(planner, rel_input(rel, 0));
    if (first == NULL)
        return NULL;
    WindowProperty *property = window_property_new(planner, rel, &first->spec);
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        property->starts[i] = property->ends[i] = property->times[i] = true;
    for (int32_t k = 0; k < rel->node.input_count; k++) {
        const WindowProperty *input = rel_window(planner, rel_input(rel, k));
        if (input == NULL || !window_same(&input->spec, &first->spec))
            return NULL;
        for (int32_t i = 0; i < rel->node.schema.count; i++) {
            property->starts[i] &= input->starts[i];
            property->ends[i] &= input->ends[i];
            property->times[i] &= input->times[i];
        }
    }
    return property;
}

const RelKind union_kind = {
    .kind = PLAN_UNION,
    .name = "union",
    .window = union_window,
    .mark = union_mark,
    .prune = union_prune,
    .identify = union_identify,
    .label = union_label,
};
