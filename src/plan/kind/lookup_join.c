/* Rows with what a table outside has for them now. The table is no input: it is asked. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind/pair.h"

static void lookup_digest(Buffer *out, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    const TableEntry *entry = rel->looked_up;
    buffer_append_str(out, entry->table.path);
    for (int32_t i = 0; i < entry->option_count; i++)
        buffer_printf(out, "|%.*s=%.*s", STR_ARGS(entry->options[i].key),
                      STR_ARGS(entry->options[i].value));
    pair_digest(out, rel, &node->lookup_join.join);
    for (int32_t i = 0; i < node->lookup_join.right.count; i++)
        expr_digest(out, node->lookup_join.exprs[i]);
    buffer_printf(out, "%d/%d/%d/%lld/%d/%lld", node->lookup_join.is_async,
                  node->lookup_join.is_ordered, node->lookup_join.capacity,
                  (long long)node->lookup_join.timeout_us, node->lookup_join.attempts,
                  (long long)node->lookup_join.retry_us);
}

/* Whether a key has at most one row in the table. */
static bool lookup_is_single(const PlanNode *node)
{
    const PlanTable *table = node->lookup_join.table;
    const ColumnList *keys = &node->lookup_join.join.keys[1];
    for (int32_t k = 0; k < table->key_count; k++) {
        bool is_found = false;
        for (int32_t i = 0; i < keys->count; i++)
            is_found |= node->lookup_join.columns[keys->columns[i]] == table->key[k];
        if (!is_found)
            return false;
    }
    return table->key_count > 0;
}

static void lookup_keys(Planner *planner, Rel *rel)
{
    if (lookup_is_single(&rel->node))
        keys_pass(planner, rel);
}

/* ---- Pruning ----------------------------------------------------------------------------- */

static int32_t input_width(const Rel *rel)
{
    return rel_input(rel, 0)->width;
}

static void mark_both(const Rel *rel, bool *left, bool *right, int32_t column)
{
    if (column < input_width(rel))
        left[column] = true;
    else if (right != NULL)
        right[column - input_width(rel)] = true;
}

static void mark_condition(const Rel *rel, bool *left, bool *right, const Expr *expr)
{
    if (expr->kind == EXPR_COLUMN)
        mark_both(rel, left, right, expr->column);
    for (int32_t i = 0; i < expr->arg_count; i++)
        mark_condition(rel, left, right, expr->args[i]);
}

static void lookup_mark_sides(const Rel *rel, bool *left, bool *right)
{
    const PlanJoin *join = &rel->node.lookup_join.join;
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        if (rel->needed[i])
            mark_both(rel, left, right, join->columns[i]);
    if (join->condition != NULL)
        mark_condition(rel, left, right, join->condition);
}

static void lookup_mark(const Rel *rel, bool *const *below)
{
    const PlanJoin *join = &rel->node.lookup_join.join;
    lookup_mark_sides(rel, below[0], NULL);
    mark_columns(below[0], join->keys[0].columns, join->keys[0].count);
}

/* Leave in `right` the columns that are read; gives the new number of each old one. */
static int32_t *lookup_prune_right(Planner *planner, Rel *rel, const bool *read)
{
    PlanNode *node = &rel->node;
    int32_t count = node->lookup_join.right.count, kept_count = 0;
    int32_t *map = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    int32_t *kept = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, count + 1);
    for (int32_t i = 0; i < count; i++) {
        map[i] = read[i] ? kept_count : -1;
        if (!read[i])
            continue;
        exprs[kept_count] = node->lookup_join.exprs[i];
        kept[kept_count++] = i;
    }
    node->lookup_join.right =
        schema_pick(planner->arena, &node->lookup_join.right, kept, kept_count);
    node->lookup_join.exprs = exprs;
    return map;
}

/* Ask for the columns that the right side is made of, and for the keys. */
static void lookup_prune_fetched(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    PlanJoin *join = &node->lookup_join.join;
    int32_t count = node->lookup_join.fetched.count, kept_count = 0;
    bool *read = ARENA_ARRAY(planner->arena, bool, count + 1);
    int32_t *map = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    int32_t *kept = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < node->lookup_join.right.count; i++)
        expr_mark_columns(node->lookup_join.exprs[i], read);
    mark_columns(read, join->keys[1].columns, join->keys[1].count);
    for (int32_t i = 0; i < count; i++) {
        map[i] = read[i] ? kept_count : -1;
        if (!read[i])
            continue;
        columns[kept_count] = node->lookup_join.columns[i];
        kept[kept_count++] = i;
    }
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, node->lookup_join.right.count + 1);
    for (int32_t i = 0; i < node->lookup_join.right.count; i++)
        exprs[i] = expr_remap(planner->arena, node->lookup_join.exprs[i], map);
    node->lookup_join.fetched =
        schema_pick(planner->arena, &node->lookup_join.fetched, kept, kept_count);
    node->lookup_join.columns = columns;
    node->lookup_join.exprs = exprs;
    join->keys[1].columns = prune_remap(planner, join->keys[1].columns, join->keys[1].count, map);
}

/* For a copy of the whole table: what reads it. */
static const PlanNode *lookup_scan(Planner *planner, const PlanNode *node)
{
    PlanNode *scan = ARENA_NEW(planner->arena, PlanNode);
    *scan = (PlanNode){.kind = PLAN_SOURCE,
                       .id = -1,
                       .schema = node->lookup_join.fetched,
                       .changelog = CHANGELOG_APPEND,
                       .inputs = ARENA_ARRAY(planner->arena, PlanNode *, 1)};
    scan->source.table = node->lookup_join.table;
    scan->source.columns = node->lookup_join.columns;
    scan->source.is_bounded = true;
    scan->label =
        arena_printf(planner->arena, "copy of %.*s", STR_ARGS(node->lookup_join.table->name));
    scan->uid = scan->label;
    return scan;
}

static void lookup_prune(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    PlanJoin *join = &node->lookup_join.join;
    int32_t width = input_width(rel), right_width = node->lookup_join.right.count;
    bool *left = ARENA_ARRAY(planner->arena, bool, width + 1);
    bool *right = ARENA_ARRAY(planner->arena, bool, right_width + 1);
    lookup_mark_sides(rel, left, right);
    const int32_t *left_map = prune_inputs(planner, rel)[0];
    const int32_t *right_map = lookup_prune_right(planner, rel, right);
    lookup_prune_fetched(planner, rel);
    int32_t inputs = node->inputs[0]->schema.count;
    int32_t *both = ARENA_ARRAY(planner->arena, int32_t, width + right_width + 1);
    for (int32_t i = 0; i < width; i++)
        both[i] = left_map[i];
    for (int32_t i = 0; i < right_width; i++)
        both[width + i] = right_map[i] < 0 ? -1 : inputs + right_map[i];
    int32_t count;
    const int32_t *kept = prune_keep_needed(planner, rel, &count);
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++)
        columns[i] = both[join->columns[kept[i]]];
    join->columns = columns;
    join->keys[0].columns =
        prune_remap(planner, join->keys[0].columns, join->keys[0].count, left_map);
    if (join->condition != NULL)
        join->condition = expr_remap(planner->arena, join->condition, both);
    if (node->lookup_join.cache.kind == LOOKUP_CACHE_FULL)
        node->lookup_join.scan = lookup_scan(planner, node);
    /* Updates of one key must stay in order. */
    if (node->inputs[0]->changelog != CHANGELOG_APPEND)
        node->lookup_join.is_ordered = true;
}

/* ---- Names ------------------------------------------------------------------------------- */

static uint64_t lookup_identify(Rel *rel)
{
    const PlanNode *node = &rel->node;
    const PlanJoin *join = &node->lookup_join.join;
    const Rel *input = rel_input(rel, 0);
    int32_t left = input->node.schema.count, right = node->lookup_join.right.count;
    int32_t fetched = node->lookup_join.fetched.count;
    uint64_t table = identity_table(rel->looked_up);
    uint64_t *both = memory_allocate((int64_t)sizeof(uint64_t) * (left + right + fetched + 1));
    uint64_t *of_table = both + left + right;
    for (int32_t i = 0; i < fetched; i++)
        of_table[i] = identity_str(table, node->lookup_join.fetched.fields[i].name);
    for (int32_t i = 0; i < left + right; i++)
        both[i] = i < left ? input->column_identities[i]
                           : identity_expr(rel, node->lookup_join.exprs[i - left], of_table);
    uint64_t hash = hash_combine(hash_combine(input->identity, table), (uint64_t)join->kind + 43);
    for (int32_t i = 0; i < join->keys[0].count; i++) {
        hash = hash_combine(hash, both[join->keys[0].columns[i]]);
        hash = hash_combine(hash, of_table[join->keys[1].columns[i]]);
    }
    if (join->condition != NULL)
        hash = hash_combine(hash, identity_expr(rel, join->condition, both));
    for (int32_t i = 0; i < node->schema.count; i++)
        rel->column_identities[i] = both[join->columns[i]];
    for (int32_t i = 0; node->lookup_join.remembers && i < left + right; i++)
        hash = hash_combine(hash, both[i]); /* the state holds both sides … */
    const ColumnList *key = &node->lookup_join.memory_key;
    for (int32_t i = 0; node->lookup_join.remembers && i < key->count; i++)
        hash = hash_combine(hash, both[key->columns[i]]); /* … by this */
    memory_free(both);
    return hash;
}

static void lookup_label(Buffer *out, const PlanNode *node)
{
    buffer_printf(out, "lookup join %.*s", STR_ARGS(node->lookup_join.table->name));
}

static void explain_cache(Buffer *out, const PlanNode *node)
{
    switch (node->lookup_join.cache.kind) {
    case LOOKUP_CACHE_NONE: break;
    case LOOKUP_CACHE_PARTIAL: buffer_append_text(out, ", partial cache"); break;
    case LOOKUP_CACHE_FULL: buffer_append_text(out, ", full cache"); break;
    }
    if (node->lookup_join.is_async)
        buffer_printf(out, ", async %s, %d at a time",
                      node->lookup_join.is_ordered ? "ordered" : "unordered",
                      node->lookup_join.capacity);
    if (node->lookup_join.attempts > 1) {
        buffer_printf(out, ", asks again %d times after ", node->lookup_join.attempts - 1);
        duration_print(out, node->lookup_join.retry_us / 1000);
    }
}

static void lookup_details(Buffer *out, const PlanNode *node)
{
    const PlanJoin *join = &node->lookup_join.join;
    buffer_printf(out, "%s, %s by ", join_kind_text(join->kind),
                  node->lookup_join.table->connector->name);
    for (int32_t i = 0; i < join->keys[0].count; i++) {
        Str left = node->inputs[0]->schema.fields[join->keys[0].columns[i]].name;
        Str right = node->lookup_join.fetched.fields[join->keys[1].columns[i]].name;
        buffer_printf(out, "%s%.*s = %.*s", i > 0 ? ", " : "", STR_ARGS(right), STR_ARGS(left));
    }
    pair_explain_condition_over(out, &node->inputs[0]->schema, &node->lookup_join.right, join);
    explain_cache(out, node);
    if (node->lookup_join.remembers)
        buffer_append_text(out, ", remembers what it found");
}

/* A row that is taken back comes to where it was remembered. */
static void lookup_distribute(Planner *planner, PlanNode *node)
{
    const ColumnList *key = &node->lookup_join.memory_key;
    if (node->lookup_join.remembers)
        distribute_by(planner, node, key->columns, key->count);
}

const RelKind lookup_join_kind = {
    .kind = PLAN_LOOKUP_JOIN,
    .name = "lookup_join",
    .digest = lookup_digest,
    .keys = lookup_keys,
    .mark = lookup_mark,
    .prune = lookup_prune,
    .identify = lookup_identify,
    .label = lookup_label,
    .details = lookup_details,
    .distribute = lookup_distribute,
};
