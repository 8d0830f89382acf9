/* Keeps a materialized table. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"

static uint64_t serve_identify(Rel *rel)
{
    uint64_t hash = identity_str(43, rel->node.serve.path);
    hash = identity_schema(hash, &rel->node.schema);
    const Rel *input = rel_input(rel, 0);
    hash = hash_combine(hash, input->identity);
    return identity_columns(hash, NULL, input->node.schema.count, input->column_identities);
}

static void serve_label(Buffer *out, const PlanNode *node)
{
    buffer_printf(out, "serve %.*s", STR_ARGS(node->serve.name));
}

static void serve_details(Buffer *out, const PlanNode *node)
{
    if (node->serve.key_count > 0) {
        buffer_append_text(out, "key (");
        explain_names(out, &node->schema, node->serve.key, node->serve.key_count);
        buffer_append_char(out, ')');
    } else {
        buffer_append_text(out, "append-only");
    }
    if (node->serve.freshness_us > 0) {
        buffer_append_text(out, ", freshness ");
        duration_print(out, node->serve.freshness_us / 1000);
    }
    if (node->serve.ttl_us > 0) {
        buffer_append_text(out, ", ttl ");
        duration_print(out, node->serve.ttl_us / 1000);
    }
}

static void serve_distribute(Planner *planner, PlanNode *node)
{
    distribute_by(planner, node, NULL, 0);
}

const RelKind serve_kind = {
    .kind = PLAN_SERVE,
    .name = "serve",
    .state = STATE_IN_MEMORY,
    .mark = mark_root,
    .prune = prune_root,
    .identify = serve_identify,
    .label = serve_label,
    .details = serve_details,
    .distribute = serve_distribute,
};
