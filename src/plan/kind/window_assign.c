/* A window table function without aggregation: rows x windows. The window's start, end and time
 * are the last three columns. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"
#include "plan/window_property.h"

static void assign_digest(Buffer *out, const Rel *rel)
{
    window_digest(out, &rel->node.window_assign.window);
    ints_digest(out, rel->node.window_assign.keys, rel->node.window_assign.key_count);
    buffer_append_text(out, rel->node.window_assign.takes_groups ? "g" : "");
}

static void assign_keys(Planner *planner, Rel *rel)
{
    const List *keys = rel_unique_keys(planner, rel_input(rel, 0));
    for (int32_t k = 0; k < keys->count; k++) {
        const ColumnSet *set = LIST_AT(*keys, k, ColumnSet);
        int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, set->count + 1);
        for (int32_t i = 0; i < set->count; i++)
            columns[i] = set->columns[i];
        columns[set->count] = rel->node.schema.count - 3;
        keys_add(planner, rel, columns, set->count + 1);
    }
}

static void assign_mark(const Rel *rel, bool *const *below)
{
    int32_t count = rel->node.schema.count - rel->grown_count;
    mark_passed(rel, below[0], count - 3);
    for (int32_t i = 0; i < rel->grown_count; i++)
        below[0][count - 3 + i] = below[0][count - 3 + i] || rel->needed[count + i];
    below[0][rel->node.window_assign.window.time_column] = true;
    mark_columns(below[0], rel->node.window_assign.keys, rel->node.window_assign.key_count);
}

static void assign_prune(Planner *planner, Rel *rel)
{
    const Rel *input = rel_input(rel, 0);
    int32_t grown = rel->grown_count, all = rel->node.schema.count;
    int32_t old = all - grown - 3, count = input->node.schema.count;
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 3);
    for (int32_t i = 0; i < count; i++)
        fields[i] = input->node.schema.fields[i];
    for (int32_t i = 0; i < old; i++) {
        rel->map[i] = input->map[i];
        if (input->map[i] >= 0)
            fields[input->map[i]] = rel->node.schema.fields[i];
    }
    for (int32_t i = 0; i < 3; i++) {
        rel->map[old + i] = count + i;
        fields[count + i] = rel->node.schema.fields[old + i];
    }
    for (int32_t i = 0; i < grown; i++)
        rel->map[old + 3 + i] = input->map[old + i];
    rel->grown_count = 0;
    rel->node.schema = (Schema){.fields = fields, .count = count + 3};
    rel->node.window_assign.window.time_column =
        input->map[rel->node.window_assign.window.time_column];
    rel->node.window_assign.keys = prune_remap(planner, rel->node.window_assign.keys,
                                               rel->node.window_assign.key_count, input->map);
}

static uint64_t assign_identify(Rel *rel)
{
    const Rel *input = rel_input(rel, 0);
    int32_t before = rel->node.schema.count - 3;
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->column_identities[i] =
            i < before ? input->column_identities[i] : hash_combine(21, (uint64_t)(i - before));
    uint64_t hash =
        hash_combine(input->identity, identity_window(rel, &rel->node.window_assign.window,
                                                      input->column_identities));
    if (rel->node.window_assign.window.kind != WINDOW_SESSION)
        return hash;
    /* The state holds the rows as they come in. */
    hash = identity_columns(hash, rel->node.window_assign.keys, rel->node.window_assign.key_count,
                            input->column_identities);
    return identity_columns(hash, NULL, before, input->column_identities);
}

static void assign_label(Buffer *out, const PlanNode *node)
{
    explain_window(out, &node->window_assign.window);
}

static const WindowProperty *assign_window(Planner *planner, Rel *rel)
{
    WindowProperty *property = window_property_new(planner, rel, &rel->node.window_assign.window);
    int32_t first = rel->node.schema.count - 3;
    property->starts[first + WINDOW_START] = true;
    property->ends[first + WINDOW_END] = true;
    property->times[first + WINDOW_TIME] = true;
    return property;
}

static void assign_distribute(Planner *planner, PlanNode *node)
{
    if (node->window_assign.window.kind == WINDOW_SESSION)
        distribute_by(planner, node, node->window_assign.keys, node->window_assign.key_count);
}

const RelKind window_assign_kind = {
    .kind = PLAN_WINDOW_ASSIGN,
    .name = "window_assign",
    .state = STATE_MAY_SPILL,
    .digest = assign_digest,
    .keys = assign_keys,
    .window = assign_window,
    .mark = assign_mark,
    .prune = assign_prune,
    .identify = assign_identify,
    .label = assign_label,
    .distribute = assign_distribute,
};
