/* A regular join: what is known of either input meets what is known of the other. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"

static bool join_is_semi(const PlanNode *node)
{
    return node->regular_join.join.kind == JOIN_SEMI || node->regular_join.join.kind == JOIN_ANTI;
}

static bool join_pads(const PlanNode *node, int32_t side)
{
    JoinKind kind = node->regular_join.join.kind;
    return kind == JOIN_FULL || kind == (side == 0 ? JOIN_RIGHT : JOIN_LEFT);
}

static void join_digest(Buffer *out, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    buffer_printf(out, "%d", (int)node->regular_join.join.kind);
    for (int32_t i = 0; i < 2; i++) {
        ints_digest(out, node->regular_join.join.keys[i].columns,
                    node->regular_join.join.keys[i].count);
        buffer_printf(out, "%lld", (long long)node->regular_join.state_ttl_us[i]);
    }
    for (int32_t i = 0; i < node->regular_join.join.keys[0].count; i++)
        buffer_append_char(out, node->regular_join.join.matches_null[i] ? 'n' : '=');
    if (node->regular_join.join.condition != NULL)
        expr_digest(out, node->regular_join.join.condition);
    ints_digest(out, node->regular_join.join.columns, node->schema.count);
}

/* ---- Changelog ------------------------------------------------------------------------- */

static ChangelogMode join_mode(const Rel *rel, ChangelogMode optional)
{
    if (rel->node.regular_join.is_final)
        return CHANGELOG_APPEND;
    ChangelogMode inputs = inputs_mode(rel);
    if (rel->node.regular_join.join.kind == JOIN_INNER ||
        rel->node.regular_join.join.kind == JOIN_SEMI)
        return inputs;
    return inputs | CHANGELOG_INSERT | CHANGELOG_UPDATE_AFTER | CHANGELOG_DELETE | optional;
}

/* An update of the side's rows cannot change the key of the join, nor what matches. */
static bool join_takes_upserts(Planner *planner, const Rel *rel, int32_t side)
{
    if (rel->node.regular_join.join.condition != NULL)
        return false;
    const List *keys = rel_unique_keys(planner, rel_input(rel, side));
    const ColumnList *hashed = &rel->node.regular_join.join.keys[side];
    for (int32_t i = 0; i < keys->count; i++) {
        if (column_set_holds(LIST_AT(*keys, i, ColumnSet), hashed->columns, hashed->count))
            return true;
    }
    return false;
}

/* As Flink: for all inputs or for none. */
static UpdateBefore join_asks(Planner *planner, const Rel *rel, int32_t input)
{
    (void)input;
    for (int32_t i = 0; i < 2; i++) {
        if (mode_has_updates(rel->node.inputs[i]->changelog) &&
            !join_takes_upserts(planner, rel, i))
            return UPDATE_BEFORE_NEEDED;
    }
    return UPDATE_BEFORE_AS_ASKED;
}

static const char *join_changes(const Rel *rel)
{
    switch (rel->node.regular_join.join.kind) {
    case JOIN_LEFT: return "LEFT JOIN";
    case JOIN_RIGHT: return "RIGHT JOIN";
    case JOIN_FULL: return "FULL JOIN";
    case JOIN_ANTI: return "NOT EXISTS or NOT IN";
    case JOIN_INNER:
    case JOIN_SEMI: break;
    }
    return NULL;
}

/* The key by which rows of the side are found again: one within the key of the join if there is
 * one, else the smallest. */
static void join_settle_side(Planner *planner, Rel *rel, int32_t side)
{
    Rel *input = rel_input(rel, side);
    bool is_append = mode_is_append(input->node.changelog);
    rel->node.regular_join.has_retractions[side] = !is_append;
    const ColumnList *key = &rel->node.regular_join.join.keys[side];
    const ColumnSet *best = rel_key_within(planner, input, key->columns, key->count);
    const List *keys = rel_unique_keys(planner, input);
    for (int32_t i = 0; best == NULL && !is_append && i < keys->count; i++) {
        const ColumnSet *set = LIST_AT(*keys, i, ColumnSet);
        bool is_smallest = true;
        for (int32_t k = 0; k < keys->count; k++)
            is_smallest &= set->count <= LIST_AT(*keys, k, ColumnSet)->count;
        if (is_smallest)
            best = set;
    }
    rel->node.regular_join.has_unique[side] = best != NULL;
    if (best != NULL)
        rel->node.regular_join.unique[side] =
            (ColumnList){.columns = best->columns, .count = best->count};
}

static void join_settle(Planner *planner, Rel *rel)
{
    for (int32_t i = 0; i < 2; i++)
        join_settle_side(planner, rel, i);
}

static void join_finalize(Rel *rel)
{
    rel->node.regular_join.is_final = true;
    rel->node.regular_join.state_ttl_us[0] = 0;
    rel->node.regular_join.state_ttl_us[1] = 0;
}

/* ---- Keys ------------------------------------------------------------------------------ */

/* The output's number of a column counted over left's, then right's; -1: not given out. */
static int32_t join_output_of(const Rel *rel, int32_t column)
{
    for (int32_t i = 0; i < rel->node.schema.count; i++) {
        if (rel->node.regular_join.join.columns[i] == column)
            return i;
    }
    return -1;
}

/* A key of left, of right, or (both given) the two together. */
static void join_add_key(Planner *planner, Rel *rel, const ColumnSet *left, const ColumnSet *right)
{
    int32_t shift = rel->node.inputs[0]->schema.count;
    int32_t left_count = left == NULL ? 0 : left->count;
    int32_t count = left_count + (right == NULL ? 0 : right->count);
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++) {
        columns[i] = join_output_of(rel, i < left_count ? left->columns[i]
                                                        : right->columns[i - left_count] + shift);
        if (columns[i] < 0)
            return;
    }
    keys_add(planner, rel, columns, count);
}

/* Keys of the input that hold the key of the join, as keys_pass_holding. */
static List join_upsert_keys(Planner *planner, const Rel *rel, int32_t side)
{
    const List *keys = rel_unique_keys(planner, rel_input(rel, side));
    const ColumnList *hashed = &rel->node.regular_join.join.keys[side];
    List kept = {0};
    for (int32_t i = 0; i < keys->count; i++) {
        ColumnSet *set = LIST_AT(*keys, i, ColumnSet);
        if (column_set_holds(set, hashed->columns, hashed->count))
            list_append(&kept, planner->arena, set);
    }
    return kept;
}

static bool join_is_unique(Planner *planner, const Rel *rel, int32_t side)
{
    const ColumnList *key = &rel->node.regular_join.join.keys[side];
    return rel_key_within(planner, rel_input(rel, side), key->columns, key->count) != NULL;
}

static void join_keys(Planner *planner, Rel *rel)
{
    List left = join_upsert_keys(planner, rel, 0), right = join_upsert_keys(planner, rel, 1);
    bool is_semi = join_is_semi(&rel->node);
    if (is_semi || (join_is_unique(planner, rel, 1) && !join_pads(&rel->node, 0))) {
        for (int32_t i = 0; i < left.count; i++)
            join_add_key(planner, rel, LIST_AT(left, i, ColumnSet), NULL);
    }
    if (is_semi)
        return;
    if (join_is_unique(planner, rel, 0) && !join_pads(&rel->node, 1)) {
        for (int32_t i = 0; i < right.count; i++)
            join_add_key(planner, rel, NULL, LIST_AT(right, i, ColumnSet));
    }
    for (int32_t i = 0; i < left.count; i++) {
        for (int32_t k = 0; k < right.count; k++)
            join_add_key(planner, rel, LIST_AT(left, i, ColumnSet), LIST_AT(right, k, ColumnSet));
    }
}

/* ---- Pruning --------------------------------------------------------------------------- */

/* By the numbers before pruning, as it may be under way already. */
static void join_mark(const Rel *rel, bool *const *below)
{
    const PlanNode *node = &rel->node;
    int32_t left = rel_input(rel, 0)->width;
    int32_t width = left + rel_input(rel, 1)->width;
    bool all[2 * PLAN_COLUMNS_MAX + 1] = {false};
    assert(width <= 2 * PLAN_COLUMNS_MAX);
    if (node->regular_join.join.condition != NULL)
        expr_mark_columns(node->regular_join.join.condition, all);
    for (int32_t i = 0; i < rel->width; i++)
        all[node->regular_join.join.columns[i]] |= rel->needed[i];
    for (int32_t i = 0; i < width; i++) {
        if (all[i])
            below[i < left ? 0 : 1][i < left ? i : i - left] = true;
    }
    for (int32_t i = 0; i < 2; i++) {
        mark_columns(below[i], node->regular_join.join.keys[i].columns,
                     node->regular_join.join.keys[i].count);
        if (node->regular_join.has_unique[i])
            mark_columns(below[i], node->regular_join.unique[i].columns,
                         node->regular_join.unique[i].count);
    }
}

static ColumnList join_remap(Planner *planner, ColumnList list, const int32_t *map)
{
    list.columns = prune_remap(planner, list.columns, list.count, map);
    return list;
}

static void join_prune(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    int32_t old_left = rel_input(rel, 0)->width, old_right = rel_input(rel, 1)->width;
    int32_t **maps = prune_inputs(planner, rel);
    int32_t left = node->inputs[0]->schema.count;
    int32_t *map = ARENA_ARRAY(planner->arena, int32_t, old_left + old_right + 1);
    for (int32_t i = 0; i < old_left + old_right; i++) {
        map[i] = i < old_left ? maps[0][i] : maps[1][i - old_left];
        if (i >= old_left && map[i] >= 0)
            map[i] += left;
    }
    for (int32_t i = 0; i < 2; i++) {
        node->regular_join.join.keys[i] =
            join_remap(planner, node->regular_join.join.keys[i], maps[i]);
        if (node->regular_join.has_unique[i])
            node->regular_join.unique[i] =
                join_remap(planner, node->regular_join.unique[i], maps[i]);
    }
    if (node->regular_join.join.condition != NULL)
        node->regular_join.join.condition =
            expr_remap(planner->arena, node->regular_join.join.condition, map);
    const int32_t *outputs = node->regular_join.join.columns;
    int32_t count;
    const int32_t *kept = prune_keep_needed(planner, rel, &count);
    int32_t *pruned = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++)
        pruned[i] = map[outputs[kept[i]]];
    node->regular_join.join.columns = pruned;
}

/* ---- Identity -------------------------------------------------------------------------- */

/* The rows that are kept, column by column, and the form in which they are. */
static uint64_t join_identify_side(const Rel *rel, int32_t side, uint64_t hash)
{
    const Rel *input = rel_input(rel, side);
    const ColumnList *keys = &rel->node.regular_join.join.keys[side];
    hash = hash_combine(hash, input->identity);
    for (int32_t i = 0; i < keys->count; i++)
        hash = hash_combine(hash, input->column_identities[keys->columns[i]]);
    for (int32_t i = 0; i < input->node.schema.count; i++)
        hash = hash_combine(hash, input->column_identities[i]);
    for (int32_t i = 0;
         rel->node.regular_join.has_unique[side] && i < rel->node.regular_join.unique[side].count;
         i++)
        hash = hash_combine(hash, (uint64_t)rel->node.regular_join.unique[side].columns[i]);
    return hash_combine(hash, rel->node.regular_join.has_retractions[side]);
}

static uint64_t join_identify(Rel *rel)
{
    const PlanNode *node = &rel->node;
    int32_t left = node->inputs[0]->schema.count;
    int32_t width = left + node->inputs[1]->schema.count;
    uint64_t columns[2 * PLAN_COLUMNS_MAX + 1];
    assert(width <= 2 * PLAN_COLUMNS_MAX);
    /* Two sides may be of one table: its columns on the right are others than on the left. */
    for (int32_t i = 0; i < width; i++)
        columns[i] = i < left ? rel_input(rel, 0)->column_identities[i]
                              : hash_combine(rel_input(rel, 1)->column_identities[i - left], 61);
    uint64_t hash = hash_combine(61, (uint64_t)node->regular_join.join.kind);
    for (int32_t i = 0; i < 2; i++)
        hash = join_identify_side(rel, i, hash);
    if (node->regular_join.join.condition != NULL)
        hash = hash_combine(hash, identity_expr(rel, node->regular_join.join.condition, columns));
    for (int32_t i = 0; i < node->schema.count; i++)
        rel->column_identities[i] = columns[node->regular_join.join.columns[i]];
    /* What streaming has emitted, batch mode still owes. */
    return node->regular_join.is_final ? hash_combine(hash, 62) : hash;
}

/* ---- EXPLAIN --------------------------------------------------------------------------- */

static const char *join_name(const PlanNode *node)
{
    switch (node->regular_join.join.kind) {
    case JOIN_INNER: return node->regular_join.join.keys[0].count == 0 ? "cross join" : "join";
    case JOIN_LEFT: return "left join";
    case JOIN_RIGHT: return "right join";
    case JOIN_FULL: return "full join";
    case JOIN_SEMI: return "semi join";
    case JOIN_ANTI: return "anti join";
    }
    return "join";
}

static void join_label(Buffer *out, const PlanNode *node)
{
    buffer_append_text(out, join_name(node));
    for (int32_t i = 0; i < node->regular_join.join.keys[0].count; i++) {
        Str left = node->inputs[0]->schema.fields[node->regular_join.join.keys[0].columns[i]].name;
        Str right = node->inputs[1]->schema.fields[node->regular_join.join.keys[1].columns[i]].name;
        buffer_printf(out, "%s%.*s = %.*s", i == 0 ? " on " : ", ", STR_ARGS(left),
                      STR_ARGS(right));
    }
}

static void join_explain_side(Buffer *out, const PlanNode *node, int32_t side)
{
    const Schema *schema = &node->inputs[side]->schema;
    buffer_append_text(out, side == 0 ? "left " : ", right ");
    if (node->regular_join.has_unique[side] && node->regular_join.unique[side].count > 0) {
        buffer_append_text(out, "unique by ");
        explain_names(out, schema, node->regular_join.unique[side].columns,
                      node->regular_join.unique[side].count);
    } else if (node->regular_join.has_unique[side]) {
        buffer_append_text(out, "one row");
    } else {
        buffer_append_text(out, "not unique");
    }
    if (node->regular_join.state_ttl_us[side] == 0)
        return;
    buffer_append_text(out, ", state ttl ");
    duration_print(out, node->regular_join.state_ttl_us[side] / 1000);
}

static void join_details(Buffer *out, const PlanNode *node)
{
    if (node->regular_join.join.condition != NULL) {
        Arena *arena = arena_new(0);
        Schema both = schema_concat(arena, &node->inputs[0]->schema, &node->inputs[1]->schema);
        buffer_append_text(out, "WHERE ");
        expr_print(out, node->regular_join.join.condition, &both);
        buffer_append_text(out, ", ");
        arena_free(arena);
    }
    for (int32_t i = 0; i < 2; i++)
        join_explain_side(out, node, i);
    if (node->regular_join.is_final)
        buffer_append_text(out, ", rows that stay");
}

static void join_distribute(Planner *planner, PlanNode *node)
{
    ColumnList *lists = ARENA_ARRAY(planner->arena, ColumnList, 2);
    lists[0] = node->regular_join.join.keys[0];
    lists[1] = node->regular_join.join.keys[1];
    node->distribution = lists[0].count > 0 ? DISTRIBUTION_HASH : DISTRIBUTION_SINGLE;
    node->distribution_keys = lists;
}

const RelKind regular_join_kind = {
    .kind = PLAN_REGULAR_JOIN,
    .name = "regular_join",
    .state = STATE_MAY_SPILL,
    .digest = join_digest,
    .mode = join_mode,
    .asks = join_asks,
    .changes = join_changes,
    .settle = join_settle,
    .finalize = join_finalize,
    .keys = join_keys,
    .mark = join_mark,
    .prune = join_prune,
    .identify = join_identify,
    .label = join_label,
    .details = join_details,
    .distribute = join_distribute,
};
