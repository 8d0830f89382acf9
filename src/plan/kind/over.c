/* Calls with OVER: each row with what its partition says about it. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"
#include "plan/over.h"
#include "plan/window_property.h"

static void over_digest(Buffer *out, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    const OverFrame *frame = &node->over.frame;
    ints_digest(out, node->over.keys, node->over.key_count);
    order_digest(out, node->over.order, node->over.order_count);
    buffer_printf(out, "%d/%d/%d/%lld/%lld", frame->is_rows, (int)frame->from, (int)frame->to,
                  (long long)frame->from_offset, (long long)frame->to_offset);
    for (int32_t i = 0; i < node->over.call_count; i++) {
        const PlanOverCall *call = &node->over.calls[i];
        buffer_printf(out, ";%d", (int)call->function);
        if (call->function == OVER_AGGREGATE)
            aggregates_digest(out, &call->aggregate, 1);
    }
}

static UpdateBefore over_asks(Planner *planner, const Rel *rel, int32_t input)
{
    (void)planner, (void)rel, (void)input;
    return UPDATE_BEFORE_NEEDED;
}

static void over_settle(Planner *planner, Rel *rel)
{
    over_check(planner, rel);
}

static void over_mark(const Rel *rel, bool *const *below)
{
    const PlanNode *node = &rel->node;
    int32_t width = rel_input(rel, 0)->width;
    mark_passed(rel, below[0], width);
    mark_columns(below[0], node->over.keys, node->over.key_count);
    mark_order(below[0], node->over.order, node->over.order_count);
    for (int32_t i = 0; i < node->over.call_count; i++) {
        if (rel->needed[width + i] && node->over.calls[i].function == OVER_AGGREGATE)
            mark_aggregates(below[0], &node->over.calls[i].aggregate, 1, rel->needed + width + i);
    }
}

/* The input's columns that are left, then the results that are needed. */
static void over_prune(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    int32_t width = rel_input(rel, 0)->width;
    const int32_t *map = prune_inputs(planner, rel)[0];
    const Schema *input = &node->inputs[0]->schema;
    Field *fields = ARENA_ARRAY(planner->arena, Field, input->count + node->over.call_count + 1);
    PlanOverCall *calls = ARENA_ARRAY(planner->arena, PlanOverCall, node->over.call_count + 1);
    int32_t count = 0;
    for (int32_t i = 0; i < width; i++) {
        rel->map[i] = map[i];
        if (map[i] >= 0)
            fields[map[i]] = node->schema.fields[i];
    }
    for (int32_t i = 0; i < node->over.call_count; i++) {
        bool is_needed = rel->needed[width + i];
        rel->map[width + i] = is_needed ? input->count + count : -1;
        if (!is_needed)
            continue;
        int32_t one = 1;
        fields[input->count + count] = node->schema.fields[width + i];
        calls[count] = node->over.calls[i];
        if (calls[count].function == OVER_AGGREGATE)
            calls[count].aggregate = *prune_aggregates(planner, &calls[count].aggregate, &one,
                                                       rel->needed + width + i, map);
        count++;
    }
    node->over.keys = prune_remap(planner, node->over.keys, node->over.key_count, map);
    node->over.order = prune_order(planner, node->over.order, node->over.order_count, map);
    node->over.calls = calls;
    node->over.call_count = count;
    node->schema = (Schema){.fields = fields, .count = input->count + count};
}

static uint64_t over_identify(Rel *rel)
{
    const PlanNode *node = &rel->node;
    const Rel *input = rel_input(rel, 0);
    const uint64_t *columns = input->column_identities;
    const OverFrame *frame = &node->over.frame;
    int32_t width = input->node.schema.count;
    uint64_t hash = hash_combine(input->identity, (uint64_t)node->kind);
    hash = identity_columns(hash, node->over.keys, node->over.key_count, columns);
    hash = identity_order(hash, node->over.order, node->over.order_count, columns);
    hash = hash_combine(hash, (uint64_t)frame->is_rows << 8 | (uint64_t)frame->from);
    hash = hash_combine(hash, (uint64_t)frame->from_offset);
    uint64_t window = hash;
    for (int32_t i = 0; i < width; i++)
        rel->column_identities[i] = columns[i];
    for (int32_t i = 0; i < node->over.call_count; i++) {
        const PlanOverCall *call = &node->over.calls[i];
        uint64_t one = hash_combine(window, (uint64_t)call->function);
        if (call->function == OVER_AGGREGATE)
            one = hash_combine(one, identity_aggregate(&call->aggregate, columns));
        rel->column_identities[width + i] = one;
        hash = hash_combine(hash, one);
    }
    return hash;
}

static void over_label(Buffer *out, const PlanNode *node)
{
    buffer_append_text(out, "over");
    explain_keys(out, node, node->over.keys, node->over.key_count);
}

static void over_print_bound(Buffer *out, FrameBound bound, int64_t offset, bool is_rows)
{
    switch (bound) {
    case FRAME_UNBOUNDED_PRECEDING: buffer_append_text(out, "UNBOUNDED PRECEDING"); return;
    case FRAME_CURRENT_ROW: buffer_append_text(out, "CURRENT ROW"); return;
    case FRAME_UNBOUNDED_FOLLOWING: buffer_append_text(out, "UNBOUNDED FOLLOWING"); return;
    case FRAME_PRECEDING:
    case FRAME_FOLLOWING: break;
    }
    if (is_rows)
        buffer_printf(out, "%lld", (long long)offset);
    else
        duration_print(out, offset);
    buffer_append_text(out, bound == FRAME_PRECEDING ? " PRECEDING" : " FOLLOWING");
}

static void over_details(Buffer *out, const PlanNode *node)
{
    const OverFrame *frame = &node->over.frame;
    for (int32_t i = 0; i < node->over.call_count; i++) {
        const PlanOverCall *call = &node->over.calls[i];
        buffer_append_text(out, i > 0 ? ", " : "");
        if (call->function == OVER_AGGREGATE)
            explain_aggregates(out, node, &call->aggregate, 1);
        else
            buffer_printf(out, "%s() AS %.*s", over_function_name(call->function),
                          STR_ARGS(call->name));
    }
    buffer_append_text(out, " ORDER BY ");
    explain_order(out, node, node->over.order, node->over.order_count);
    buffer_append_text(out, frame->is_rows ? " ROWS BETWEEN " : " RANGE BETWEEN ");
    over_print_bound(out, frame->from, frame->from_offset, frame->is_rows);
    buffer_append_text(out, " AND ");
    over_print_bound(out, frame->to, frame->to_offset, frame->is_rows);
}

static void over_distribute(Planner *planner, PlanNode *node)
{
    distribute_by(planner, node, node->over.keys, node->over.key_count);
}

const RelKind over_kind = {
    .kind = PLAN_OVER,
    .name = "over",
    .state = STATE_MAY_SPILL,
    .digest = over_digest,
    .asks = over_asks,
    .settle = over_settle,
    .keys = keys_pass,
    .window = window_property_pass,
    .mark = over_mark,
    .prune = over_prune,
    .identify = over_identify,
    .label = over_label,
    .details = over_details,
    .distribute = over_distribute,
};
