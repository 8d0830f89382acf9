/* Top-N within windows: the rows of each key of a window by rank, when the window is over. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"
#include "plan/window_property.h"

static void rank_digest(Buffer *out, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    ints_digest(out, node->window_rank.keys, node->window_rank.key_count);
    order_digest(out, node->window_rank.order, node->window_rank.order_count);
    buffer_printf(out, "%lld-%lld/%d/%d/%d", (long long)node->window_rank.first,
                  (long long)node->window_rank.last, node->window_rank.has_number,
                  node->window_rank.prefers_later, node->window_rank.end_column);
}

static ChangelogMode rank_mode(const Rel *rel, ChangelogMode optional)
{
    (void)rel, (void)optional;
    return CHANGELOG_APPEND;
}

static UpdateBefore rank_asks(Planner *planner, const Rel *rel, int32_t input)
{
    (void)planner, (void)rel, (void)input;
    return UPDATE_BEFORE_UNNEEDED;
}

static void rank_settle(Planner *planner, Rel *rel)
{
    if (mode_is_append(inputs_mode(rel)))
        return;
    Diagnostic *d =
        REPORT(planner, "WR2508", rel->span,
               "Top-N of a window takes rows that only come, but here they change by %s",
               changes_origin_text(planner, rel_input(rel, 0)));
    diagnostic_help(d, "aggregate by window first: the results of a window are final");
}

/* With the rank, it tells the rows of a key apart, of which the window is a part. One row per key
 * is known by the key. */
static void rank_keys(Planner *planner, Rel *rel)
{
    const PlanNode *node = &rel->node;
    int32_t count = node->window_rank.key_count;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++)
        columns[i] = node->window_rank.keys[i];
    columns[count] = node->schema.count - 1;
    bool is_single = node->window_rank.first == node->window_rank.last;
    if (is_single || node->window_rank.has_number)
        keys_add(planner, rel, columns, count + !is_single);
    keys_pass(planner, rel);
}

static void rank_mark(const Rel *rel, bool *const *below)
{
    const PlanNode *node = &rel->node;
    mark_passed(rel, below[0], rel_input(rel, 0)->width);
    mark_columns(below[0], node->window_rank.keys, node->window_rank.key_count);
    mark_order(below[0], node->window_rank.order, node->window_rank.order_count);
    below[0][node->window_rank.end_column] = true;
}

static void rank_prune(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    const int32_t *map = prune_inputs(planner, rel)[0];
    node->window_rank.has_number = prune_numbered(planner, rel, map, node->window_rank.has_number);
    node->window_rank.keys =
        prune_remap(planner, node->window_rank.keys, node->window_rank.key_count, map);
    node->window_rank.order =
        prune_order(planner, node->window_rank.order, node->window_rank.order_count, map);
    node->window_rank.end_column = map[node->window_rank.end_column];
}

static uint64_t rank_identify(Rel *rel)
{
    const PlanNode *node = &rel->node;
    const Rel *input = rel_input(rel, 0);
    const uint64_t *columns = input->column_identities;
    int32_t width = input->node.schema.count;
    uint64_t hash = hash_combine(input->identity, (uint64_t)node->kind);
    hash = identity_columns(hash, node->window_rank.keys, node->window_rank.key_count, columns);
    hash = identity_order(hash, node->window_rank.order, node->window_rank.order_count, columns);
    hash = hash_combine(hash, (uint64_t)node->window_rank.first);
    hash = hash_combine(hash, (uint64_t)node->window_rank.last);
    hash = hash_combine(hash, node->window_rank.prefers_later);
    for (int32_t i = 0; i < width; i++)
        rel->column_identities[i] = columns[i];
    if (node->window_rank.has_number)
        rel->column_identities[width] = hash_combine(hash, 61);
    /* The state holds the rows as they come in. */
    return identity_columns(hash, NULL, width, columns);
}

static void rank_label(Buffer *out, const PlanNode *node)
{
    buffer_append_text(out, "window ");
    if (node->window_rank.first > 1)
        buffer_printf(out, "top %lld to %lld", (long long)node->window_rank.first,
                      (long long)node->window_rank.last);
    else
        buffer_printf(out, "top %lld", (long long)node->window_rank.last);
    explain_keys(out, node, node->window_rank.keys, node->window_rank.key_count);
}

static void rank_details(Buffer *out, const PlanNode *node)
{
    buffer_append_text(out, "ORDER BY ");
    explain_order(out, node, node->window_rank.order, node->window_rank.order_count);
    if (node->window_rank.prefers_later)
        buffer_append_text(out, ", of equal rows the last");
}

static void rank_distribute(Planner *planner, PlanNode *node)
{
    distribute_by(planner, node, node->window_rank.keys, node->window_rank.key_count);
}

const RelKind window_rank_kind = {
    .kind = PLAN_WINDOW_RANK,
    .name = "window_rank",
    .state = STATE_MAY_SPILL,
    .digest = rank_digest,
    .mode = rank_mode,
    .asks = rank_asks,
    .settle = rank_settle,
    .keys = rank_keys,
    .window = window_property_pass,
    .mark = rank_mark,
    .prune = rank_prune,
    .identify = rank_identify,
    .label = rank_label,
    .details = rank_details,
    .distribute = rank_distribute,
};
