/* WHERE and SELECT: filter, then project. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"
#include "plan/window_property.h"

static void calc_digest(Buffer *out, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    buffer_append_text(out, node->calc.makes_append ? "+I " : "");
    if (node->calc.filter != NULL)
        expr_digest(out, node->calc.filter);
    for (int32_t i = 0; node->calc.exprs != NULL && i < node->schema.count; i++) {
        buffer_append_char(out, ';');
        expr_digest(out, node->calc.exprs[i]);
    }
}

static ChangelogMode calc_mode(const Rel *rel, ChangelogMode optional)
{
    (void)optional;
    return rel->node.calc.makes_append ? CHANGELOG_APPEND : inputs_mode(rel);
}

/* A row may leave the filter, and what is made append shows every change. */
static UpdateBefore calc_asks(Planner *planner, const Rel *rel, int32_t input)
{
    (void)planner, (void)input;
    return rel->node.calc.filter != NULL || rel->node.calc.makes_append ? UPDATE_BEFORE_NEEDED
                                                                        : UPDATE_BEFORE_AS_ASKED;
}

/* Keys of the input whose columns are all handed on, perhaps in another form. */
static void calc_keys(Planner *planner, Rel *rel)
{
    const List *keys = rel_unique_keys(planner, rel_input(rel, 0));
    Expr *const *exprs = rel->node.calc.exprs;
    for (int32_t k = 0; k < keys->count; k++) {
        const ColumnSet *set = LIST_AT(*keys, k, ColumnSet);
        int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, set->count + 1);
        bool is_whole = true;
        for (int32_t c = 0; c < set->count; c++) {
            columns[c] = exprs == NULL ? set->columns[c] : -1;
            for (int32_t i = 0; exprs != NULL && i < rel->node.schema.count; i++) {
                if (columns[c] < 0 && expr_injective_column(exprs[i]) == set->columns[c])
                    columns[c] = i;
            }
            is_whole = is_whole && columns[c] >= 0;
        }
        if (is_whole)
            keys_add(planner, rel, columns, set->count);
    }
    top_n_keys(planner, rel);
}

/* Where a filter takes updates apart, rows can also get worse. */
static Monotonicity calc_trend(const Rel *rel, int32_t column)
{
    const PlanNode *node = &rel->node;
    if (node->calc.filter != NULL || node->calc.makes_append)
        return MONOTONIC_NOT;
    if (node->calc.exprs == NULL)
        return rel_monotonicity(rel_input(rel, 0), column);
    const Expr *expr = node->calc.exprs[column];
    if (expr->kind == EXPR_LITERAL)
        return MONOTONIC_CONSTANT;
    return expr->kind == EXPR_COLUMN ? rel_monotonicity(rel_input(rel, 0), expr->column)
                                     : MONOTONIC_NOT;
}

static void calc_mark(const Rel *rel, bool *const *below)
{
    const PlanNode *node = &rel->node;
    if (node->calc.filter != NULL)
        expr_mark_columns(node->calc.filter, below[0]);
    for (int32_t i = 0; i < node->schema.count; i++) {
        if (!rel->needed[i])
            continue;
        if (node->calc.exprs == NULL)
            below[0][i] = true;
        else
            expr_mark_columns(node->calc.exprs[i], below[0]);
    }
}

static void calc_prune(Planner *planner, Rel *rel)
{
    Rel *input = rel_input(rel, 0);
    Expr *const *old = rel->node.calc.exprs;
    if (old == NULL)
        old = rel_columns(planner, &rel->node.schema);
    int32_t count;
    const int32_t *kept = prune_keep_needed(planner, rel, &count);
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, count + 1);
    for (int32_t i = 0; i < count; i++)
        exprs[i] = expr_remap(planner->arena, old[kept[i]], input->map);
    rel->node.calc.exprs = exprs;
    if (rel->node.calc.filter != NULL)
        rel->node.calc.filter = expr_remap(planner->arena, rel->node.calc.filter, input->map);
}

static uint64_t calc_identify(Rel *rel)
{
    const Rel *input = rel_input(rel, 0);
    const uint64_t *columns = input->column_identities;
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        rel->column_identities[i] = rel->node.calc.exprs == NULL
                                        ? columns[i]
                                        : identity_expr(rel, rel->node.calc.exprs[i], columns);
    uint64_t hash = rel->entry != NULL ? identity_table(rel->entry) : input->identity;
    if (rel->node.calc.filter == NULL)
        return hash;
    return hash_combine(hash, identity_expr(rel, rel->node.calc.filter, columns));
}

static void calc_label(Buffer *out, const PlanNode *node)
{
    buffer_append_text(out, node->calc.filter == NULL  ? "project"
                            : node->calc.exprs == NULL ? "filter"
                                                       : "filter and project");
}

static void calc_details(Buffer *out, const PlanNode *node)
{
    const Schema *input = &node->inputs[0]->schema;
    for (int32_t i = 0; node->calc.exprs != NULL && i < node->schema.count; i++) {
        const Expr *expr = node->calc.exprs[i];
        Str name = node->schema.fields[i].name;
        buffer_append_text(out, i > 0 ? ", " : "");
        expr_print(out, expr, input);
        if (expr->kind != EXPR_COLUMN || !str_equal(input->fields[expr->column].name, name))
            buffer_printf(out, " AS %.*s", STR_ARGS(name));
    }
    if (node->calc.filter != NULL) {
        buffer_append_text(out, node->calc.exprs != NULL ? " WHERE " : "WHERE ");
        expr_print(out, node->calc.filter, input);
    }
    if (node->calc.makes_append)
        buffer_append_text(out, node->calc.exprs != NULL || node->calc.filter != NULL
                                    ? ", as append-only"
                                    : "as append-only");
}

/* The window's columns stay its columns wherever they are handed up as they are. */
static const WindowProperty *calc_window(Planner *planner, Rel *rel)
{
    Rel *input = rel_input(rel, 0);
    if (rel->node.calc.exprs == NULL)
        return window_property_pass(planner, rel);
    const WindowProperty *below = rel_window(planner, input);
    if (below == NULL)
        return NULL;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, rel->node.schema.count + 1);
    for (int32_t i = 0; i < rel->node.schema.count; i++) {
        const Expr *expr = rel->node.calc.exprs[i];
        columns[i] = expr->kind == EXPR_COLUMN ? expr->column : -1;
    }
    WindowProperty *property = window_property_new(planner, rel, &below->spec);
    window_property_add(property, rel, below, input->node.schema.count, columns);
    return property;
}

const RelKind calc_kind = {
    .kind = PLAN_CALC,
    .name = "calc",
    .digest = calc_digest,
    .mode = calc_mode,
    .asks = calc_asks,
    .keys = calc_keys,
    .window = calc_window,
    .trend = calc_trend,
    .mark = calc_mark,
    .prune = calc_prune,
    .identify = calc_identify,
    .label = calc_label,
    .details = calc_details,
};
