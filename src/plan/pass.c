/* The early passes: what is used, connectors, normalisation, merging of CALCs. */
#include <assert.h>

#include "plan/internal.h"

/* ---- Reach ----------------------------------------------------------------------------- */

static void reach(Planner *planner, Rel *rel, List *order)
{
    rel->consumer_count++;
    if (rel->is_reached)
        return;
    rel->is_reached = true;
    for (int32_t i = 0; i < rel->node.input_count; i++)
        reach(planner, rel_input(rel, i), order);
    list_append(order, planner->arena, rel);
}

void pass_reach(Planner *planner)
{
    for (int32_t i = 0; i < planner->rels.count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        rel->is_reached = false;
        rel->consumer_count = 0;
    }
    List order = {0};
    for (int32_t i = 0; i < planner->roots.count; i++)
        reach(planner, LIST_AT(planner->roots, i, Rel), &order);
    planner->rels = order;
}

/* ---- Stand-ins ------------------------------------------------------------------------- */

/* Who makes inserts of raw changes has nothing of changes put in order. */
static bool takes_stand_in(const Rel *rel, const Rel *stand_in)
{
    bool is_raw = rel->node.kind == PLAN_CALC && rel->node.calc.makes_append;
    return !is_raw || stand_in->node.kind != PLAN_NORMALIZE;
}

void pass_stand_in(Planner *planner)
{
    bool is_changed = false;
    for (int32_t i = 0; i < planner->rels.count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        for (int32_t k = 0; k < rel->node.input_count; k++) {
            Rel *stand_in = rel_input(rel, k)->stand_in;
            if (stand_in == NULL || !takes_stand_in(rel, stand_in))
                continue;
            rel->node.inputs[k] = (PlanNode *)stand_in;
            is_changed = true;
        }
    }
    for (int32_t i = 0; i < planner->rels.count; i++)
        LIST_AT(planner->rels, i, Rel)->stand_in = NULL;
    if (is_changed)
        pass_reach(planner);
}

/* ---- Connect --------------------------------------------------------------------------- */

bool pass_connect(Planner *planner)
{
    bool is_good = true;
    for (int32_t i = 0; i < planner->rels.count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        if (rel->node.kind != PLAN_SOURCE)
            continue;
        if (!entry_connect_source(planner, rel->entry, rel->span)) {
            is_good = false;
            continue;
        }
        rel->node.source.is_bounded = rel->entry->is_bounded;
        rel->node.changelog = rel->entry->read_mode;
    }
    return is_good;
}

/* ---- Normalize ------------------------------------------------------------------------- */

static bool source_needs_normalize(Planner *planner, const Rel *rel)
{
    ChangelogMode mode = rel->node.changelog;
    if (mode == CHANGELOG_APPEND)
        return false;
    if ((mode & CHANGELOG_UPDATE_AFTER) != 0 && (mode & CHANGELOG_UPDATE_BEFORE) == 0)
        return true;
    if (!settings_is(planner, "table.exec.source.cdc-events-duplicate", "true"))
        return false;
    if (rel->entry->table.key_count > 0)
        return true;
    REPORT(planner, "WR2084", rel->span,
           "'table.exec.source.cdc-events-duplicate' needs a PRIMARY KEY on table `%.*s`",
           STR_ARGS(rel->entry->table.name));
    return false;
}

static Rel *normalize_rel(Planner *planner, Rel *source)
{
    const PlanTable *table = &source->entry->table;
    int32_t *keys = ARENA_ARRAY(planner->arena, int32_t, table->key_count + 1);
    for (int32_t k = 0; k < table->key_count; k++) {
        for (int32_t i = 0; i < source->node.schema.count; i++) {
            if (source->node.source.columns[i] == table->key[k])
                keys[k] = i;
        }
    }
    Rel *rel = rel_new(planner, PLAN_NORMALIZE, &source->node.schema, &source, 1);
    rel->span = source->span;
    rel->node.normalize.keys = keys;
    rel->node.normalize.key_count = table->key_count;
    rel->node.normalize.state_ttl_us = settings_duration_us(planner, "table.exec.state.ttl");
    return rel;
}

void pass_normalize(Planner *planner)
{
    for (int32_t i = 0; i < planner->rels.count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        if (rel->node.kind == PLAN_SOURCE && source_needs_normalize(planner, rel))
            rel->stand_in = normalize_rel(planner, rel);
    }
    pass_stand_in(planner);
}

/* ---- Merge ----------------------------------------------------------------------------- */

/* No work is lost by doing it for every consumer. */
static bool calc_is_free(const Rel *calc)
{
    if (calc->node.calc.filter != NULL)
        return false;
    for (int32_t i = 0; calc->node.calc.exprs != NULL && i < calc->node.schema.count; i++) {
        if (calc->node.calc.exprs[i]->kind == EXPR_CALL)
            return false;
    }
    return true;
}

static bool calc_is_deterministic(const Rel *calc)
{
    for (int32_t i = 0; calc->node.calc.exprs != NULL && i < calc->node.schema.count; i++) {
        if (!expr_is_deterministic(calc->node.calc.exprs[i]))
            return false;
    }
    return true;
}

/* Nodes of all expressions, up to a little more than the limit. */
static int32_t calc_size(const Rel *calc)
{
    int32_t size = 0;
    if (calc->node.calc.filter != NULL)
        size += expr_size(calc->node.calc.filter, PLAN_EXPR_NODES_MAX);
    for (int32_t i = 0; calc->node.calc.exprs != NULL && i < calc->node.schema.count; i++) {
        if (size <= PLAN_EXPR_NODES_MAX)
            size += expr_size(calc->node.calc.exprs[i], PLAN_EXPR_NODES_MAX);
    }
    return size;
}

/* The upper one takes over what the lower one does. False if it would grow too large. */
static bool calc_absorb(Planner *planner, Rel *upper, const Rel *lower)
{
    Arena *arena = planner->arena;
    Expr *const *below = lower->node.calc.exprs;
    Rel merged = *upper;
    if (below != NULL) {
        int32_t count = upper->node.schema.count;
        Expr **exprs = ARENA_ARRAY(arena, Expr *, count + 1);
        for (int32_t i = 0; i < count; i++)
            exprs[i] = upper->node.calc.exprs == NULL
                           ? below[i]
                           : expr_substitute(arena, upper->node.calc.exprs[i], below);
        merged.node.calc.exprs = exprs;
        if (merged.node.calc.filter != NULL)
            merged.node.calc.filter = expr_substitute(arena, merged.node.calc.filter, below);
    }
    merged.node.calc.filter = expr_and(arena, lower->node.calc.filter, merged.node.calc.filter);
    merged.node.calc.makes_append |= lower->node.calc.makes_append;
    merged.entry = lower->entry;
    if (calc_size(&merged) > PLAN_EXPR_NODES_MAX)
        return false;
    *upper = merged;
    upper->node.inputs = ARENA_ARRAY(arena, PlanNode *, 1);
    upper->node.inputs[0] = lower->node.inputs[0];
    return true;
}

void pass_merge(Planner *planner)
{
    for (int32_t i = 0; i < planner->rels.count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        while (rel->node.kind == PLAN_CALC && rel_input(rel, 0)->node.kind == PLAN_CALC) {
            const Rel *lower = rel_input(rel, 0);
            bool may_merge =
                (lower->consumer_count == 1 && calc_is_deterministic(lower)) || calc_is_free(lower);
            if (!may_merge || !calc_absorb(planner, rel, lower))
                break;
        }
    }
    pass_reach(planner);
}
