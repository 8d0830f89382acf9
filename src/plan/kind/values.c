/* VALUES: constant rows. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"

static void values_digest(Buffer *out, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    for (int32_t i = 0; i < node->values.row_count * node->schema.count; i++) {
        expr_digest(out, node->values.rows[i]);
        buffer_append_char(out, ';');
    }
}

static ChangelogMode values_mode(const Rel *rel, ChangelogMode optional)
{
    (void)rel, (void)optional;
    return CHANGELOG_APPEND;
}

static void values_keys(Planner *planner, Rel *rel)
{
    if (rel->node.values.row_count <= 1)
        keys_add(planner, rel, NULL, 0);
}

static void values_mark(const Rel *rel, bool *const *below)
{
    (void)rel, (void)below;
}

static void values_prune(Planner *planner, Rel *rel)
{
    int32_t width = rel->node.schema.count, count;
    const int32_t *kept = prune_keep_needed(planner, rel, &count);
    int32_t rows = rel->node.values.row_count;
    Expr **cells = ARENA_ARRAY(planner->arena, Expr *, (int64_t)rows * count + 1);
    for (int32_t r = 0; r < rows; r++) {
        for (int32_t c = 0; c < count; c++)
            cells[r * count + c] = rel->node.values.rows[r * width + kept[c]];
    }
    rel->node.values.rows = cells;
}

static uint64_t values_identify(Rel *rel)
{
    Buffer text = {0};
    rel_digest(&text, rel);
    uint64_t hash = hash_bytes(text.data, text.length);
    buffer_free(&text);
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->column_identities[i] = hash_combine(hash, (uint64_t)i);
    return hash;
}

static void values_label(Buffer *out, const PlanNode *node)
{
    (void)node;
    buffer_append_text(out, "values");
}

static void values_details(Buffer *out, const PlanNode *node)
{
    int32_t rows = node->values.row_count;
    buffer_printf(out, "%d row%s", rows, rows == 1 ? "" : "s");
}

const RelKind values_kind = {
    .kind = PLAN_VALUES,
    .name = "values",
    .digest = values_digest,
    .mode = values_mode,
    .keys = values_keys,
    .mark = values_mark,
    .prune = values_prune,
    .identify = values_identify,
    .label = values_label,
    .details = values_details,
};
