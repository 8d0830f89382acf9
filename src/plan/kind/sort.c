/* ORDER BY time over a stream: rows in order as the watermark passes them. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"

static void sort_digest(Buffer *out, const Rel *rel)
{
    order_digest(out, rel->node.sort.order, rel->node.sort.order_count);
}

static ChangelogMode sort_mode(const Rel *rel, ChangelogMode optional)
{
    (void)rel, (void)optional;
    return CHANGELOG_APPEND;
}

static void sort_settle(Planner *planner, Rel *rel)
{
    if (mode_is_append(inputs_mode(rel)))
        return;
    Diagnostic *d = REPORT(planner, "WR2526", rel->span,
                           "rows that are updated or deleted cannot be sorted by time");
    diagnostic_help(d, "add LIMIT: then the first rows are kept up to date");
}

static void sort_mark(const Rel *rel, bool *const *below)
{
    mark_passed(rel, below[0], rel->node.schema.count);
    mark_order(below[0], rel->node.sort.order, rel->node.sort.order_count);
}

static void sort_prune(Planner *planner, Rel *rel)
{
    const int32_t *map = prune_inputs(planner, rel)[0];
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->map[i] = map[i];
    rel->node.sort.order =
        prune_order(planner, rel->node.sort.order, rel->node.sort.order_count, map);
    rel->node.schema = rel->node.inputs[0]->schema;
}

static uint64_t sort_identify(Rel *rel)
{
    const Rel *input = rel_input(rel, 0);
    const uint64_t *columns = input->column_identities;
    int32_t width = rel->node.schema.count;
    for (int32_t i = 0; i < width; i++)
        rel->column_identities[i] = columns[i];
    uint64_t hash = hash_combine(input->identity, (uint64_t)rel->node.kind);
    hash = identity_order(hash, rel->node.sort.order, rel->node.sort.order_count, columns);
    /* The state holds the rows as they come in. */
    return identity_columns(hash, NULL, width, columns);
}

static void sort_label(Buffer *out, const PlanNode *node)
{
    buffer_append_text(out, "sort by ");
    explain_order(out, node, node->sort.order, node->sort.order_count);
}

static void sort_distribute(Planner *planner, PlanNode *node)
{
    distribute_by(planner, node, NULL, 0);
}

const RelKind sort_kind = {
    .kind = PLAN_SORT,
    .name = "sort",
    .state = STATE_IN_MEMORY,
    .digest = sort_digest,
    .mode = sort_mode,
    .settle = sort_settle,
    .keys = keys_pass,
    .mark = sort_mark,
    .prune = sort_prune,
    .identify = sort_identify,
    .label = sort_label,
    .distribute = sort_distribute,
};
