/* Writes a table through its connector. */
#include <assert.h>

#include "plan/kind.h"

static uint64_t sink_identify(Rel *rel)
{
    const PlanTable *table = rel->node.sink.table;
    uint64_t hash = identity_text(identity_str(41, table->path), table->connector->name);
    /* Rows that wait for a checkpoint are in its state. */
    bool holds_rows = plan_table_holds_rows(table) || table->connector->saves_rows;
    return holds_rows ? identity_schema(hash, &rel->node.schema) : hash;
}

static void sink_label(Buffer *out, const PlanNode *node)
{
    buffer_printf(out, "%s %.*s", node->sink.is_overwrite ? "overwrite" : "sink",
                  STR_ARGS(node->sink.table->name));
}

static void sink_details(Buffer *out, const PlanNode *node)
{
    explain_table(out, node->sink.table);
}

/* By the columns that carry the primary key; without one all rows take one way, unless it does not
 * matter which, and so do rows that overwrite: one writer knows which files are old. */
static void sink_distribute(Planner *planner, PlanNode *node)
{
    const PlanTable *table = node->sink.table;
    if (table->key_count == 0 && table->connector->writes_in_place)
        return;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, table->key_count + 1);
    int32_t count = 0;
    for (int32_t k = 0; k < table->key_count; k++) {
        for (int32_t i = 0; i < node->schema.count; i++) {
            if (node->sink.writes[i] == table->key[k])
                columns[count++] = i;
        }
    }
    distribute_by(planner, node, columns,
                  count == table->key_count && !node->sink.is_overwrite ? count : 0);
}

const RelKind sink_kind = {
    .kind = PLAN_SINK,
    .name = "sink",
    .mark = mark_root,
    .prune = prune_root,
    .identify = sink_identify,
    .label = sink_label,
    .details = sink_details,
    .distribute = sink_distribute,
};
