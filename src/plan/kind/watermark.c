/* Gives a stream its event time. */
#include <assert.h>

#include "plan/kind.h"
#include "plan/window_property.h"

static void watermark_digest(Buffer *out, const Rel *rel)
{
    buffer_printf(out, "%d ", rel->node.watermark.time_column);
    expr_digest(out, rel->node.watermark.watermark);
}

static void watermark_mark(const Rel *rel, bool *const *below)
{
    const PlanNode *node = &rel->node;
    mark_passed(rel, below[0], node->schema.count);
    below[0][node->watermark.time_column] = true;
    expr_mark_columns(node->watermark.watermark, below[0]);
}

static void watermark_prune(Planner *planner, Rel *rel)
{
    const Rel *input = rel_input(rel, 0);
    int32_t count = input->node.schema.count;
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 1);
    for (int32_t i = 0; i < rel->node.schema.count; i++) {
        rel->map[i] = input->map[i];
        if (input->map[i] >= 0)
            fields[input->map[i]] = rel->node.schema.fields[i];
    }
    rel->node.schema = (Schema){.fields = fields, .count = count};
    rel->node.watermark.time_column = input->map[rel->node.watermark.time_column];
    rel->node.watermark.watermark =
        expr_remap(planner->arena, rel->node.watermark.watermark, input->map);
}

static void watermark_label(Buffer *out, const PlanNode *node)
{
    buffer_printf(out, "watermark %.*s",
                  STR_ARGS(node->schema.fields[node->watermark.time_column].name));
}

static void watermark_details(Buffer *out, const PlanNode *node)
{
    expr_print(out, node->watermark.watermark, &node->inputs[0]->schema);
    if (node->watermark.idle_timeout_us > 0) {
        buffer_append_text(out, ", idle after ");
        duration_print(out, node->watermark.idle_timeout_us / 1000);
    }
}

const RelKind watermark_kind = {
    .kind = PLAN_WATERMARK,
    .name = "watermark",
    .digest = watermark_digest,
    .keys = keys_pass,
    .window = window_property_pass,
    .mark = watermark_mark,
    .prune = watermark_prune,
    .identify = identity_pass_on,
    .label = watermark_label,
    .details = watermark_details,
};
