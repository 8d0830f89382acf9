/* Rows beside the elements of a collection of each. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"

static void unnest_digest(Buffer *out, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    buffer_printf(out, "%d/%d ", (int)node->unnest.join.kind, node->unnest.has_ordinality);
    expr_digest(out, node->unnest.collection);
    if (node->unnest.join.condition != NULL) {
        buffer_append_text(out, " ? ");
        expr_digest(out, node->unnest.join.condition);
    }
    ints_digest(out, node->unnest.join.columns, node->schema.count);
}

/* All elements that a row had must go when it does. */
static UpdateBefore unnest_asks(Planner *planner, const Rel *rel, int32_t input)
{
    (void)planner, (void)rel, (void)input;
    return UPDATE_BEFORE_NEEDED;
}

/* Columns of the input as it was when the columns were numbered. */
static int32_t unnest_left_count(const Rel *rel)
{
    return rel->node.inputs[0]->schema.count;
}

static void unnest_keys(Planner *planner, Rel *rel)
{
    const PlanNode *node = &rel->node;
    if (!node->unnest.has_ordinality || node->unnest.join.kind != JOIN_INNER)
        return;
    int32_t ordinality = unnest_left_count(rel) + node->unnest.elements.count - 1;
    const List *keys = rel_unique_keys(planner, rel_input(rel, 0));
    for (int32_t k = 0; k < keys->count; k++) {
        const ColumnSet *set = LIST_AT(*keys, k, ColumnSet);
        int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, set->count + 1);
        int32_t found = 0;
        for (int32_t i = 0; i < node->schema.count; i++) {
            int32_t column = node->unnest.join.columns[i];
            bool is_key = column == ordinality;
            for (int32_t c = 0; c < set->count; c++)
                is_key = is_key || set->columns[c] == column;
            if (is_key && found <= set->count)
                columns[found++] = i;
        }
        if (found == set->count + 1)
            keys_add(planner, rel, columns, found);
    }
}

/* Those of the condition that are the input's. */
static void unnest_mark_condition(const Rel *rel, bool *below)
{
    int32_t left = unnest_left_count(rel);
    int32_t count = left + rel->node.unnest.elements.count;
    Arena *arena = arena_new(0);
    bool *both = ARENA_ARRAY(arena, bool, count + 1);
    expr_mark_columns(rel->node.unnest.join.condition, both);
    for (int32_t i = 0; i < left; i++)
        below[i] = below[i] || both[i];
    arena_free(arena);
}

static void unnest_mark(const Rel *rel, bool *const *below)
{
    const PlanNode *node = &rel->node;
    for (int32_t i = 0; i < node->schema.count; i++)
        if (rel->needed[i] && node->unnest.join.columns[i] < unnest_left_count(rel))
            below[0][node->unnest.join.columns[i]] = true;
    expr_mark_columns(node->unnest.collection, below[0]);
    if (node->unnest.join.condition != NULL)
        unnest_mark_condition(rel, below[0]);
}

static void unnest_prune(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    const Rel *input = rel_input(rel, 0);
    int32_t left = input->node.schema.count;
    /* Columns of both sides, by what they were before. */
    int32_t before = input->width, elements = node->unnest.elements.count;
    int32_t *map = ARENA_ARRAY(planner->arena, int32_t, before + elements + 1);
    for (int32_t i = 0; i < before + elements; i++)
        map[i] = i < before ? input->map[i] : left + i - before;
    const int32_t *old = node->unnest.join.columns;
    int32_t count;
    const int32_t *kept = prune_keep_needed(planner, rel, &count);
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++)
        columns[i] = map[old[kept[i]]];
    node->unnest.join.columns = columns;
    node->unnest.collection = expr_remap(planner->arena, node->unnest.collection, map);
    if (node->unnest.join.condition != NULL)
        node->unnest.join.condition = expr_remap(planner->arena, node->unnest.join.condition, map);
}

static uint64_t unnest_identify(Rel *rel)
{
    const PlanNode *node = &rel->node;
    const Rel *input = rel_input(rel, 0);
    int32_t left = unnest_left_count(rel), elements = node->unnest.elements.count;
    Arena *arena = arena_new(0);
    uint64_t *both = ARENA_ARRAY(arena, uint64_t, left + elements + 1);
    uint64_t collection = identity_expr(rel, node->unnest.collection, input->column_identities);
    for (int32_t i = 0; i < left + elements; i++)
        both[i] =
            i < left ? input->column_identities[i] : hash_combine(collection, (uint64_t)(i - left));
    for (int32_t i = 0; i < node->schema.count; i++)
        rel->column_identities[i] = both[node->unnest.join.columns[i]];
    uint64_t hash = hash_combine(input->identity, collection);
    hash = hash_combine(hash, (uint64_t)node->unnest.join.kind);
    if (node->unnest.join.condition != NULL)
        hash = hash_combine(hash, identity_expr(rel, node->unnest.join.condition, both));
    arena_free(arena);
    return hash;
}

static void unnest_label(Buffer *out, const PlanNode *node)
{
    buffer_append_text(out, node->unnest.join.kind == JOIN_LEFT ? "left join unnest " : "unnest ");
    expr_print(out, node->unnest.collection, &node->inputs[0]->schema);
}

static void unnest_details(Buffer *out, const PlanNode *node)
{
    const Schema *left = &node->inputs[0]->schema;
    const Schema *elements = &node->unnest.elements;
    buffer_append_char(out, '(');
    for (int32_t i = 0; i < elements->count; i++)
        buffer_printf(out, "%s%.*s", i > 0 ? ", " : "", STR_ARGS(elements->fields[i].name));
    buffer_append_char(out, ')');
    if (node->unnest.has_ordinality)
        buffer_append_text(out, " with ordinality");
    if (node->unnest.join.condition == NULL)
        return;
    Arena *arena = arena_new(0);
    Field *fields = ARENA_ARRAY(arena, Field, left->count + elements->count + 1);
    for (int32_t i = 0; i < left->count + elements->count; i++)
        fields[i] = i < left->count ? left->fields[i] : elements->fields[i - left->count];
    Schema both = {.fields = fields, .count = left->count + elements->count};
    buffer_append_text(out, " ON ");
    expr_print(out, node->unnest.join.condition, &both);
    arena_free(arena);
}

const RelKind unnest_kind = {
    .kind = PLAN_UNNEST,
    .name = "unnest",
    .digest = unnest_digest,
    .asks = unnest_asks,
    .keys = unnest_keys,
    .mark = unnest_mark,
    .prune = unnest_prune,
    .identify = unnest_identify,
    .label = unnest_label,
    .details = unnest_details,
};
