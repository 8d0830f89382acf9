/* The first or last row of each key by time. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"

static bool deduplicate_is_append(const Rel *rel)
{
    return rel->node.deduplicate.time_column < 0 && !rel->node.deduplicate.keeps_last;
}

static void deduplicate_digest(Buffer *out, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    ints_digest(out, node->deduplicate.keys, node->deduplicate.key_count);
    buffer_printf(out, "%d/%d", node->deduplicate.time_column, node->deduplicate.keeps_last);
}

static ChangelogMode deduplicate_mode(const Rel *rel, ChangelogMode optional)
{
    if (deduplicate_is_append(rel))
        return CHANGELOG_APPEND;
    return CHANGELOG_INSERT | CHANGELOG_UPDATE_AFTER | optional;
}

static const char *deduplicate_changes(const Rel *rel)
{
    return rel->node.deduplicate.keeps_last ? "the last row by time"
                                            : "the first row by event time";
}

static void deduplicate_keys(Planner *planner, Rel *rel)
{
    keys_add(planner, rel, rel->node.deduplicate.keys, rel->node.deduplicate.key_count);
}

static void deduplicate_mark(const Rel *rel, bool *const *below)
{
    const PlanNode *node = &rel->node;
    mark_passed(rel, below[0], node->schema.count);
    mark_columns(below[0], node->deduplicate.keys, node->deduplicate.key_count);
    if (node->deduplicate.time_column >= 0)
        below[0][node->deduplicate.time_column] = true;
}

static void deduplicate_prune(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    const int32_t *map = prune_inputs(planner, rel)[0];
    for (int32_t i = 0; i < node->schema.count; i++)
        rel->map[i] = map[i];
    node->deduplicate.keys =
        prune_remap(planner, node->deduplicate.keys, node->deduplicate.key_count, map);
    if (node->deduplicate.time_column >= 0)
        node->deduplicate.time_column = map[node->deduplicate.time_column];
    node->schema = node->inputs[0]->schema;
}

/* Without -U no rows are kept, only when they were. */
static uint64_t deduplicate_identify(Rel *rel)
{
    const PlanNode *node = &rel->node;
    const Rel *input = rel_input(rel, 0);
    const uint64_t *columns = input->column_identities;
    uint64_t hash = hash_combine(input->identity, (uint64_t)node->kind);
    hash = identity_columns(hash, node->deduplicate.keys, node->deduplicate.key_count, columns);
    hash = hash_combine(hash, node->deduplicate.keeps_last);
    if (node->deduplicate.time_column >= 0)
        hash = hash_combine(hash, columns[node->deduplicate.time_column]);
    for (int32_t i = 0; i < node->schema.count; i++)
        rel->column_identities[i] = columns[i];
    if (deduplicate_keeps_rows(node))
        hash = identity_columns(hash, NULL, node->schema.count, columns);
    return hash;
}

static void deduplicate_label(Buffer *out, const PlanNode *node)
{
    buffer_append_text(out, node->deduplicate.keeps_last ? "last row" : "first row");
    explain_keys(out, node, node->deduplicate.keys, node->deduplicate.key_count);
}

static void deduplicate_details(Buffer *out, const PlanNode *node)
{
    if (node->deduplicate.time_column >= 0)
        buffer_printf(out, "in order of %.*s",
                      STR_ARGS(node->schema.fields[node->deduplicate.time_column].name));
    else
        buffer_append_text(out, "in order of arrival");
    if (node->deduplicate.state_ttl_us > 0) {
        buffer_append_text(out, ", state ttl ");
        duration_print(out, node->deduplicate.state_ttl_us / 1000);
    }
}

static void deduplicate_distribute(Planner *planner, PlanNode *node)
{
    distribute_by(planner, node, node->deduplicate.keys, node->deduplicate.key_count);
}

const RelKind deduplicate_kind = {
    .kind = PLAN_DEDUPLICATE,
    .name = "deduplicate",
    .state = STATE_MAY_SPILL,
    .digest = deduplicate_digest,
    .mode = deduplicate_mode,
    .changes = deduplicate_changes,
    .keys = deduplicate_keys,
    .mark = deduplicate_mark,
    .prune = deduplicate_prune,
    .identify = deduplicate_identify,
    .label = deduplicate_label,
    .details = deduplicate_details,
    .distribute = deduplicate_distribute,
};
