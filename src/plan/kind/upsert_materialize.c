/* Before a sink whose key is not the one that changes go by: the rows of each key in order, so that
 * the last one wins and an older one comes back when it is taken back. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"

static void materialize_digest(Buffer *out, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    ints_digest(out, node->upsert_materialize.key.columns, node->upsert_materialize.key.count);
    ints_digest(out, node->upsert_materialize.upsert_key.columns,
                node->upsert_materialize.upsert_key.count);
    buffer_printf(out, "%d/%d", node->upsert_materialize.has_upsert_key,
                  (int)node->upsert_materialize.rule);
}

static ChangelogMode materialize_mode(const Rel *rel, ChangelogMode optional)
{
    (void)optional;
    ChangelogMode mode = CHANGELOG_INSERT | CHANGELOG_UPDATE_AFTER;
    return mode_is_append(inputs_mode(rel)) ? mode : mode | CHANGELOG_DELETE;
}

/* Rows that are found again by the sink's own key replace each other without being taken back. */
static UpdateBefore materialize_asks(Planner *planner, const Rel *rel, int32_t input)
{
    (void)planner, (void)input;
    ColumnList key = rel->node.upsert_materialize.key;
    ColumnList upsert_key = rel->node.upsert_materialize.upsert_key;
    int32_t found = 0;
    for (int32_t i = 0; i < key.count; i++) {
        for (int32_t k = 0; k < upsert_key.count; k++)
            found += key.columns[i] == upsert_key.columns[k];
    }
    return found == key.count && found == upsert_key.count ? UPDATE_BEFORE_UNNEEDED
                                                           : UPDATE_BEFORE_NEEDED;
}

static void materialize_keys(Planner *planner, Rel *rel)
{
    ColumnList key = rel->node.upsert_materialize.key;
    keys_add(planner, rel, key.columns, key.count);
}

static void materialize_mark(const Rel *rel, bool *const *below)
{
    mark_passed(rel, below[0], rel->node.schema.count);
    mark_columns(below[0], rel->node.upsert_materialize.key.columns,
                 rel->node.upsert_materialize.key.count);
    mark_columns(below[0], rel->node.upsert_materialize.upsert_key.columns,
                 rel->node.upsert_materialize.upsert_key.count);
}

static void materialize_prune(Planner *planner, Rel *rel)
{
    const int32_t *map = prune_inputs(planner, rel)[0];
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->map[i] = map[i];
    ColumnList *key = &rel->node.upsert_materialize.key;
    ColumnList *upsert_key = &rel->node.upsert_materialize.upsert_key;
    key->columns = prune_remap(planner, key->columns, key->count, map);
    upsert_key->columns = prune_remap(planner, upsert_key->columns, upsert_key->count, map);
    rel->node.schema = rel->node.inputs[0]->schema;
}

/* Whole rows are kept. */
static uint64_t materialize_identify(Rel *rel)
{
    uint64_t hash = hash_combine(identity_pass_on(rel), 67);
    ColumnList key = rel->node.upsert_materialize.key;
    ColumnList upsert_key = rel->node.upsert_materialize.upsert_key;
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        hash = hash_combine(hash, rel->column_identities[i]);
    for (int32_t i = 0; i < key.count; i++)
        hash = hash_combine(hash, rel->column_identities[key.columns[i]]);
    for (int32_t i = 0; i < upsert_key.count; i++)
        hash = hash_combine(hash, rel->column_identities[upsert_key.columns[i]]);
    return hash_combine(hash, rel->node.upsert_materialize.has_upsert_key);
}

static void materialize_label(Buffer *out, const PlanNode *node)
{
    buffer_append_text(out, "upsert materialize");
    explain_keys(out, node, node->upsert_materialize.key.columns,
                 node->upsert_materialize.key.count);
}

static void materialize_details(Buffer *out, const PlanNode *node)
{
    ColumnList upsert_key = node->upsert_materialize.upsert_key;
    if (!node->upsert_materialize.has_upsert_key) {
        buffer_append_text(out, "rows told apart by all columns");
    } else if (upsert_key.count == 0) {
        buffer_append_text(out, "at most one row");
    } else {
        buffer_append_text(out, "rows told apart by ");
        explain_names(out, &node->schema, upsert_key.columns, upsert_key.count);
    }
    if (node->upsert_materialize.rule == CONFLICT_FIRST)
        buffer_append_text(out, ", the first one counts");
    else if (node->upsert_materialize.rule == CONFLICT_FAIL)
        buffer_append_text(out, ", several fail");
    if (node->upsert_materialize.state_ttl_us == 0)
        return;
    buffer_append_text(out, ", state ttl ");
    duration_print(out, node->upsert_materialize.state_ttl_us / 1000);
}

static void materialize_distribute(Planner *planner, PlanNode *node)
{
    ColumnList key = node->upsert_materialize.key;
    distribute_by(planner, node, key.columns, key.count);
}

const RelKind upsert_materialize_kind = {
    .kind = PLAN_UPSERT_MATERIALIZE,
    .name = "upsert_materialize",
    .state = STATE_MAY_SPILL,
    .digest = materialize_digest,
    .mode = materialize_mode,
    .asks = materialize_asks,
    .keys = materialize_keys,
    .mark = materialize_mark,
    .prune = materialize_prune,
    .identify = materialize_identify,
    .label = materialize_label,
    .details = materialize_details,
    .distribute = materialize_distribute,
};
