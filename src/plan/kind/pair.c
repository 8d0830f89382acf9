/* What the joins of two inputs that are bound in time have in common: a PlanJoin in the payload,
 * rows of both inputs kept whole. */
#include "plan/kind/pair.h"

#include <assert.h>

#include "base/hash.h"

static int32_t left_width(const Rel *rel)
{
    return rel->node.inputs[0]->schema.count;
}

void pair_digest(Buffer *out, const Rel *rel, const PlanJoin *join)
{
    buffer_printf(out, "%d", (int)join->kind);
    for (int32_t i = 0; i < 2; i++)
        ints_digest(out, join->keys[i].columns, join->keys[i].count);
    for (int32_t i = 0; join->matches_null != NULL && i < join->keys[0].count; i++)
        buffer_append_char(out, join->matches_null[i] ? 'n' : '=');
    ints_digest(out, join->columns, rel->node.schema.count);
    if (join->condition != NULL)
        expr_digest(out, join->condition);
}

/* ---- Keys -------------------------------------------------------------------------------- */

/* A row of the output is told apart by a key of the left with a key of the right. */
void pair_keys(Planner *planner, Rel *rel, const PlanJoin *join)
{
    if (join->kind == JOIN_SEMI || join->kind == JOIN_ANTI) {
        keys_pass(planner, rel);
        return;
    }
    const List *left = rel_unique_keys(planner, rel_input(rel, 0));
    const List *right = rel_unique_keys(planner, rel_input(rel, 1));
    if (left->count == 0 || right->count == 0)
        return;
    const ColumnSet *a = LIST_AT(*left, 0, ColumnSet), *b = LIST_AT(*right, 0, ColumnSet);
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, a->count + b->count + 1);
    int32_t count = 0;
    for (int32_t i = 0; i < rel->node.schema.count; i++) {
        int32_t column = join->columns[i];
        bool is_left = column < left_width(rel);
        const ColumnSet *set = is_left ? a : b;
        for (int32_t k = 0; k < set->count; k++)
            if (set->columns[k] == (is_left ? column : column - left_width(rel)))
                columns[count++] = i;
    }
    if (count == a->count + b->count)
        keys_add(planner, rel, columns, count);
}

/* ---- Pruning ----------------------------------------------------------------------------- */

/* By the numbers before pruning, as it may be under way already. */
static void mark_both(const Rel *rel, bool *const *below, int32_t column)
{
    int32_t left = rel_input(rel, 0)->width;
    if (column < left)
        below[0][column] = true;
    else
        below[1][column - left] = true;
}

static void mark_condition(const Rel *rel, bool *const *below, const Expr *expr)
{
    if (expr->kind == EXPR_COLUMN)
        mark_both(rel, below, expr->column);
    for (int32_t i = 0; i < expr->arg_count; i++)
        mark_condition(rel, below, expr->args[i]);
}

void pair_mark(const Rel *rel, const PlanJoin *join, bool *const *below)
{
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        if (rel->needed[i])
            mark_both(rel, below, join->columns[i]);
    for (int32_t i = 0; i < 2; i++)
        mark_columns(below[i], join->keys[i].columns, join->keys[i].count);
    if (join->condition != NULL)
        mark_condition(rel, below, join->condition);
}

int32_t **pair_prune(Planner *planner, Rel *rel, PlanJoin *join)
{
    int32_t widths[2] = {rel_input(rel, 0)->width, rel_input(rel, 1)->width};
    int32_t **maps = prune_inputs(planner, rel);
    int32_t count, left = left_width(rel);
    int32_t *kept = prune_keep_needed(planner, rel, &count);
    int32_t *both = ARENA_ARRAY(planner->arena, int32_t, widths[0] + widths[1] + 1);
    for (int32_t i = 0; i < widths[0] + widths[1]; i++) {
        int32_t right = i - widths[0];
        both[i] = right < 0 ? maps[0][i] : maps[1][right] < 0 ? -1 : left + maps[1][right];
    }
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++)
        columns[i] = both[join->columns[kept[i]]];
    join->columns = columns;
    for (int32_t i = 0; i < 2; i++)
        join->keys[i].columns =
            prune_remap(planner, join->keys[i].columns, join->keys[i].count, maps[i]);
    if (join->condition != NULL)
        join->condition = expr_remap(planner->arena, join->condition, both);
    return maps;
}

/* ---- Identity ---------------------------------------------------------------------------- */

/* Rows are kept with all their columns, so all of them are part of what the state means. */
uint64_t pair_identify(Rel *rel, const PlanJoin *join)
{
    int32_t left = left_width(rel), right = rel->node.inputs[1]->schema.count;
    uint64_t *both = memory_allocate((int64_t)sizeof(uint64_t) * (left + right + 1));
    uint64_t hash = hash_combine((uint64_t)rel->node.kind + 41, (uint64_t)join->kind);
    for (int32_t side = 0; side < 2; side++) {
        const Rel *input = rel_input(rel, side);
        hash = hash_combine(hash, input->identity);
        for (int32_t i = 0; i < input->node.schema.count; i++) {
            Buffer type = {0};
            type_print(&type, type_plain(input->node.schema.fields[i].type));
            uint64_t column = hash_combine((uint64_t)side + 1, input->column_identities[i]);
            hash = hash_combine(identity_str(hash, buffer_str(&type)), column);
            both[side == 0 ? i : left + i] = column;
            buffer_free(&type);
        }
    }
    for (int32_t i = 0; i < join->keys[0].count; i++) {
        hash = hash_combine(hash, both[join->keys[0].columns[i]]);
        hash = hash_combine(hash, both[left + join->keys[1].columns[i]]);
    }
    if (join->condition != NULL)
        hash = hash_combine(hash, identity_expr(rel, join->condition, both));
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->column_identities[i] = both[join->columns[i]];
    memory_free(both);
    return hash;
}

/* ---- EXPLAIN ----------------------------------------------------------------------------- */

const char *join_kind_text(JoinKind kind)
{
    static const char *const texts[] = {"inner", "left", "right", "full", "semi", "anti"};
    assert((size_t)kind < sizeof texts / sizeof texts[0]);
    return texts[kind];
}

void pair_label(Buffer *out, const PlanNode *node, const char *name, const PlanJoin *join)
{
    buffer_append_text(out, name);
    explain_keys(out, node, join->keys[0].columns, join->keys[0].count);
}

void pair_explain_condition(Buffer *out, const PlanNode *node, const PlanJoin *join)
{
    pair_explain_condition_over(out, &node->inputs[0]->schema, &node->inputs[1]->schema, join);
}

void pair_explain_condition_over(Buffer *out, const Schema *left, const Schema *right,
                                 const PlanJoin *join)
{
    if (join->condition == NULL)
        return;
    Field *fields = memory_allocate((int64_t)sizeof(Field) * (left->count + right->count + 1));
    for (int32_t i = 0; i < left->count + right->count; i++)
        fields[i] = i < left->count ? left->fields[i] : right->fields[i - left->count];
    Schema both = {.fields = fields, .count = left->count + right->count};
    buffer_append_text(out, ", if ");
    expr_print(out, join->condition, &both);
    memory_free(fields);
}

/* ---- Distribution ------------------------------------------------------------------------ */

void pair_distribute(Planner *planner, PlanNode *node, const PlanJoin *join)
{
    if (join->keys[0].count == 0) {
        node->distribution = DISTRIBUTION_SINGLE;
        return;
    }
    ColumnList *keys = ARENA_ARRAY(planner->arena, ColumnList, 2);
    keys[0] = join->keys[0];
    keys[1] = join->keys[1];
    node->distribution = DISTRIBUTION_HASH;
    node->distribution_keys = keys;
}

void pair_report_updates(Planner *planner, Rel *rel, const char *what)
{
    for (int32_t i = 0; i < 2; i++) {
        Rel *input = rel_input(rel, i);
        if (mode_is_append(input->node.changelog))
            continue;
        Diagnostic *d =
            REPORT(planner, "WR2120", rel->span,
                   "%s takes inserts only, but updates come from %s on its %s side", what,
                   changes_origin_text(planner, input), i == 0 ? "left" : "right");
        diagnostic_note(d, "rows leave it for good: there is nothing that could be taken back");
    }
}
