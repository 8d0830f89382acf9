/* Top-N: the rows of each key whose rank lies between two numbers. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"

static void rank_digest(Buffer *out, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    ints_digest(out, node->rank.keys, node->rank.key_count);
    order_digest(out, node->rank.order, node->rank.order_count);
    buffer_printf(out, "%lld-%lld/%d/%d", (long long)node->rank.first, (long long)node->rank.last,
                  node->rank.last_column, node->rank.has_number);
}

/* One rank, of which only the row is told, changes by updates; others come and go. */
static ChangelogMode rank_mode(const Rel *rel, ChangelogMode optional)
{
    if (rel->node.rank.is_final)
        return CHANGELOG_APPEND;
    /* The first rows that come are never pushed out. */
    if (rel->node.rank.order_count == 0 && mode_is_append(inputs_mode(rel)))
        return CHANGELOG_APPEND;
    return CHANGELOG_INSERT | CHANGELOG_UPDATE_AFTER | CHANGELOG_DELETE | optional;
}

/* The key of the input's rows within which the keys of PARTITION BY lie, or NULL. */
static const ColumnSet *rank_row_key(Planner *planner, const Rel *rel)
{
    const List *keys = rel_unique_keys(planner, rel_input(rel, 0));
    for (int32_t k = 0; k < keys->count; k++) {
        const ColumnSet *set = LIST_AT(*keys, k, ColumnSet);
        if (set->count > 0 && column_set_holds(set, rel->node.rank.keys, rel->node.rank.key_count))
            return set;
    }
    return NULL;
}

/* Every update of a row makes it better, or leaves it where it is. */
static bool rank_only_improves(const Rel *rel)
{
    for (int32_t i = 0; i < rel->node.rank.order_count; i++) {
        const SortColumn *column = &rel->node.rank.order[i];
        Monotonicity trend = rel_monotonicity(rel_input(rel, 0), column->column);
        Monotonicity wanted = column->is_descending ? MONOTONIC_INCREASING : MONOTONIC_DECREASING;
        if (trend != MONOTONIC_CONSTANT && trend != wanted)
            return false;
        /* From NULL, which comes first, to a value is no improvement. */
        Type type = rel->node.inputs[0]->schema.fields[column->column].type;
        bool is_first = column->has_nulls_last == column->is_descending && !column->is_descending;
        if (trend == MONOTONIC_DECREASING && type.is_nullable && is_first)
            return false;
    }
    return rel->node.rank.order_count > 0;
}

void rank_choose(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    node->rank.strategy = RANK_RETRACT;
    if (mode_is_append(inputs_mode(rel))) {
        node->rank.strategy = RANK_APPEND;
        return;
    }
    const ColumnSet *key = rank_row_key(planner, rel);
    if (key == NULL || (inputs_mode(rel) & CHANGELOG_DELETE) != 0 || !rank_only_improves(rel))
        return;
    node->rank.strategy = RANK_UPDATE_FAST;
    node->rank.row_keys = key->columns;
    node->rank.row_key_count = key->count;
}

static UpdateBefore rank_asks(Planner *planner, const Rel *rel, int32_t input)
{
    (void)planner, (void)input;
    return rel->node.rank.strategy == RANK_RETRACT ? UPDATE_BEFORE_NEEDED : UPDATE_BEFORE_UNNEEDED;
}

static const char *rank_changes(const Rel *rel)
{
    return rel->node.rank.key_count == 0 ? "ORDER BY with LIMIT" : "Top-N";
}

static void rank_finalize(Rel *rel)
{
    rel->node.rank.is_final = true;
    rel->node.rank.state_ttl_us = 0;
}

/* With the rank, it tells the rows of a key apart. One row per key is known by the key. Rows
 * without a rank keep the key that they have. */
static void rank_keys(Planner *planner, Rel *rel)
{
    const PlanNode *node = &rel->node;
    int32_t count = node->rank.key_count;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++)
        columns[i] = node->rank.keys[i];
    columns[count] = node->schema.count - 1;
    bool is_single = node->rank.last_column < 0 && node->rank.first == node->rank.last;
    if (is_single || node->rank.has_number)
        keys_add(planner, rel, columns, count + !is_single);
    else if (node->rank.first == 1)
        keys_pass_holding(planner, rel, node->rank.keys, count);
}

static void rank_mark(const Rel *rel, bool *const *below)
{
    const PlanNode *node = &rel->node;
    mark_passed(rel, below[0], rel_input(rel, 0)->width);
    mark_columns(below[0], node->rank.keys, node->rank.key_count);
    mark_order(below[0], node->rank.order, node->rank.order_count);
    mark_columns(below[0], node->rank.row_keys, node->rank.row_key_count);
    if (node->rank.last_column >= 0)
        below[0][node->rank.last_column] = true;
}

static void rank_prune(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    const int32_t *map = prune_inputs(planner, rel)[0];
    node->rank.has_number = prune_numbered(planner, rel, map, node->rank.has_number);
    node->rank.keys = prune_remap(planner, node->rank.keys, node->rank.key_count, map);
    node->rank.order = prune_order(planner, node->rank.order, node->rank.order_count, map);
    node->rank.row_keys = prune_remap(planner, node->rank.row_keys, node->rank.row_key_count, map);
    if (node->rank.last_column >= 0)
        node->rank.last_column = map[node->rank.last_column];
}

static uint64_t rank_identify(Rel *rel)
{
    const PlanNode *node = &rel->node;
    const Rel *input = rel_input(rel, 0);
    const uint64_t *columns = input->column_identities;
    int32_t width = input->node.schema.count;
    uint64_t hash = hash_combine(input->identity, (uint64_t)node->kind);
    hash = identity_columns(hash, node->rank.keys, node->rank.key_count, columns);
    hash = identity_order(hash, node->rank.order, node->rank.order_count, columns);
    hash = hash_combine(hash, (uint64_t)node->rank.first);
    hash = hash_combine(hash, (uint64_t)node->rank.last);
    hash = hash_combine(hash, (uint64_t)node->rank.strategy << 1 | (uint64_t)node->rank.is_final);
    if (node->rank.last_column >= 0)
        hash = hash_combine(hash, columns[node->rank.last_column]);
    for (int32_t i = 0; i < width; i++)
        rel->column_identities[i] = columns[i];
    if (node->rank.has_number)
        rel->column_identities[width] = hash_combine(hash, 61);
    /* The state holds the rows as they come in. */
    return identity_columns(hash, NULL, width, columns);
}

static void rank_label(Buffer *out, const PlanNode *node)
{
    if (node->rank.last_column >= 0)
        buffer_append_text(out, "top n");
    else if (node->rank.first > 1)
        buffer_printf(out, "top %lld to %lld", (long long)node->rank.first,
                      (long long)node->rank.last);
    else
        buffer_printf(out, "top %lld", (long long)node->rank.last);
    explain_keys(out, node, node->rank.keys, node->rank.key_count);
}

static void rank_details(Buffer *out, const PlanNode *node)
{
    static const char *const strategies[] = {
        [RANK_APPEND] = "rows only come",
        [RANK_UPDATE_FAST] = "rows only get better",
        [RANK_RETRACT] = "rows can be taken back",
    };
    if (node->rank.order_count > 0) {
        buffer_append_text(out, "ORDER BY ");
        explain_order(out, node, node->rank.order, node->rank.order_count);
        buffer_append_text(out, ", ");
    }
    buffer_append_text(out, strategies[node->rank.strategy]);
    if (node->rank.last_column >= 0)
        buffer_printf(out, ", n is %.*s",
                      STR_ARGS(node->inputs[0]->schema.fields[node->rank.last_column].name));
    if (node->rank.state_ttl_us > 0) {
        buffer_append_text(out, ", state ttl ");
        duration_print(out, node->rank.state_ttl_us / 1000);
    }
    if (node->rank.is_final)
        buffer_append_text(out, ", at the end of input");
}

static void rank_distribute(Planner *planner, PlanNode *node)
{
    distribute_by(planner, node, node->rank.keys, node->rank.key_count);
}

const RelKind rank_kind = {
    .kind = PLAN_RANK,
    .name = "rank",
    .state = STATE_MAY_SPILL,
    .digest = rank_digest,
    .mode = rank_mode,
    .asks = rank_asks,
    .changes = rank_changes,
    .finalize = rank_finalize,
    .keys = rank_keys,
    .mark = rank_mark,
    .prune = rank_prune,
    .identify = rank_identify,
    .label = rank_label,
    .details = rank_details,
    .distribute = rank_distribute,
};
