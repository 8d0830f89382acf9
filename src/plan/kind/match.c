/* MATCH_RECOGNIZE: a row for each run of rows that fits the pattern. */
#include <assert.h>

#include "base/hash.h"
#include "plan/kind.h"

/* ---- Interning ------------------------------------------------------------------------- */

static void slots_digest(Buffer *out, const PlanMatchSlot *slots, int32_t count)
{
    buffer_append_char(out, '{');
    for (int32_t i = 0; i < count; i++) {
        const PlanMatchSlot *slot = &slots[i];
        buffer_printf(out, "%d/%d/%d/%lld/%d", (int)slot->kind, slot->variable, slot->has_current,
                      (long long)slot->offset, slot->column);
        if (slot->kind == MATCH_SLOT_AGGREGATE)
            aggregates_digest(out, &slot->aggregate, 1);
        type_print(out, slot->field.type);
        buffer_append_char(out, ';');
    }
    buffer_append_char(out, '}');
}

static void match_digest(Buffer *out, const Rel *rel)
{
    const PlanNode *node = &rel->node;
    ints_digest(out, node->match.keys, node->match.key_count);
    buffer_printf(out, "@%d+%lld %d/%d ", node->match.time_column, (long long)node->match.within_us,
                  (int)node->match.skip, node->match.skip_variable);
    for (int32_t i = 0; i < node->match.order_count; i++)
        buffer_printf(out, "o%d/%d/%d", node->match.order[i].column,
                      node->match.order[i].is_descending, node->match.order[i].has_nulls_last);
    for (int32_t i = 0; i < node->match.variable_count; i++) {
        const PlanMatchVariable *variable = &node->match.variables[i];
        buffer_printf(out, "%.*s{%d,%d,%d}", STR_ARGS(variable->name), variable->min, variable->max,
                      variable->is_reluctant);
        if (variable->condition != NULL)
            expr_digest(out, variable->condition);
    }
    slots_digest(out, node->match.slots, node->match.slot_count);
    slots_digest(out, node->match.measures, node->match.measure_count);
}

/* ---- Changelog ------------------------------------------------------------------------- */

static ChangelogMode match_mode(const Rel *rel, ChangelogMode optional)
{
    (void)rel, (void)optional;
    return CHANGELOG_APPEND;
}

static void match_settle(Planner *planner, Rel *rel)
{
    if (mode_is_append(inputs_mode(rel)))
        return;
    Diagnostic *d = REPORT(planner, "WR2160", rel->span,
                           "MATCH_RECOGNIZE takes rows that are only inserted, but these change");
    diagnostic_help(d, "match the rows before they are grouped, or group them in windows");
}

/* ---- Pruning --------------------------------------------------------------------------- */

static void slot_mark(bool *below, const PlanMatchSlot *slot)
{
    switch (slot->kind) {
    case MATCH_SLOT_FIRST:
    case MATCH_SLOT_LAST: below[slot->column] = true; break;
    case MATCH_SLOT_AGGREGATE:
        mark_columns(below, slot->aggregate.args, slot->aggregate.call->arg_count);
        break;
    case MATCH_SLOT_ROWTIME: break;
    }
}

static void match_mark(const Rel *rel, bool *const *below)
{
    const PlanNode *node = &rel->node;
    mark_columns(below[0], node->match.keys, node->match.key_count);
    if (node->match.time_column >= 0)
        below[0][node->match.time_column] = true;
    for (int32_t i = 0; i < node->match.order_count; i++)
        below[0][node->match.order[i].column] = true;
    for (int32_t i = 0; i < node->match.slot_count; i++)
        slot_mark(below[0], &node->match.slots[i]);
    for (int32_t i = 0; i < node->match.measure_count; i++) {
        if (rel->needed[node->match.key_count + i])
            slot_mark(below[0], &node->match.measures[i]);
    }
}

/* The slots that are needed (all if that is NULL), over the columns as they are numbered now. */
static PlanMatchSlot *slots_prune(Planner *planner, const PlanMatchSlot *slots, int32_t *count,
                                  const bool *needed, const int32_t *map)
{
    PlanMatchSlot *out = ARENA_ARRAY(planner->arena, PlanMatchSlot, *count + 1);
    int32_t kept = 0;
    for (int32_t i = 0; i < *count; i++) {
        if (needed != NULL && !needed[i])
            continue;
        PlanMatchSlot *slot = &out[kept++];
        *slot = slots[i];
        if (slot->kind == MATCH_SLOT_FIRST || slot->kind == MATCH_SLOT_LAST)
            slot->column = map[slot->column];
        for (int32_t a = 0;
             slot->kind == MATCH_SLOT_AGGREGATE && a < slot->aggregate.call->arg_count; a++)
            slot->aggregate.args[a] = map[slot->aggregate.args[a]];
    }
    *count = kept;
    return out;
}

static void match_prune(Planner *planner, Rel *rel)
{
    PlanNode *node = &rel->node;
    int32_t key_count = node->match.key_count;
    for (int32_t i = 0; i < key_count; i++)
        rel->needed[i] = true;
    const int32_t *map = prune_inputs(planner, rel)[0];
    node->match.keys = prune_remap(planner, node->match.keys, key_count, map);
    if (node->match.time_column >= 0)
        node->match.time_column = map[node->match.time_column];
    PlanMatchOrder *order =
        ARENA_ARRAY(planner->arena, PlanMatchOrder, node->match.order_count + 1);
    for (int32_t i = 0; i < node->match.order_count; i++) {
        order[i] = node->match.order[i];
        order[i].column = map[order[i].column];
    }
    node->match.order = order;
    node->match.slots = slots_prune(planner, node->match.slots, &node->match.slot_count, NULL, map);
    node->match.measures = slots_prune(planner, node->match.measures, &node->match.measure_count,
                                       rel->needed + key_count, map);
    int32_t count;
    prune_keep_needed(planner, rel, &count);
}

/* ---- Identity -------------------------------------------------------------------------- */

static uint64_t slot_identity(const PlanMatchSlot *slot, const uint64_t *columns)
{
    uint64_t hash = hash_combine((uint64_t)slot->kind, (uint64_t)(int64_t)slot->variable);
    hash = hash_combine(hash, (uint64_t)slot->offset);
    switch (slot->kind) {
    case MATCH_SLOT_FIRST:
    case MATCH_SLOT_LAST: return hash_combine(hash, columns[slot->column]);
    case MATCH_SLOT_AGGREGATE:
        hash = identity_text(hash, aggregate_name(slot->aggregate.call));
        for (int32_t a = 0; a < slot->aggregate.call->arg_count; a++)
            hash = hash_combine(hash, columns[slot->aggregate.args[a]]);
        return hash;
    case MATCH_SLOT_ROWTIME: break;
    }
    return hash;
}

/* The state holds whole rows of the columns that are read: all of them are part of it. */
static uint64_t match_identify(Rel *rel)
{
    const PlanNode *node = &rel->node;
    const Rel *input = rel_input(rel, 0);
    const uint64_t *columns = input->column_identities;
    uint64_t hash = hash_combine(input->identity, 61);
    for (int32_t i = 0; i < input->node.schema.count; i++)
        hash = hash_combine(hash, columns[i]);
    for (int32_t i = 0; i < node->match.key_count; i++) {
        rel->column_identities[i] = columns[node->match.keys[i]];
        hash = hash_combine(hash, columns[node->match.keys[i]]);
    }
    uint64_t *slots = rel->column_identities + node->match.key_count;
    Buffer text = {0};
    buffer_printf(&text, "%d %lld %d %d", node->match.time_column >= 0,
                  (long long)node->match.within_us, (int)node->match.skip,
                  node->match.skip_variable);
    for (int32_t i = 0; i < node->match.variable_count; i++) {
        const PlanMatchVariable *variable = &node->match.variables[i];
        buffer_printf(&text, "{%d,%d,%d}", variable->min, variable->max, variable->is_reluctant);
        if (variable->condition == NULL)
            continue;
        expr_digest(&text, variable->condition);
        if (expr_depends_on_zone(variable->condition) && rel->zone_salt != 0)
            buffer_printf(&text, "@%llx", (unsigned long long)rel->zone_salt);
    }
    hash = identity_str(hash, buffer_str(&text));
    buffer_free(&text);
    for (int32_t i = 0; i < node->match.slot_count; i++)
        hash = hash_combine(hash, slot_identity(&node->match.slots[i], columns));
    for (int32_t i = 0; i < node->match.measure_count; i++)
        slots[i] = hash_combine(hash, slot_identity(&node->match.measures[i], columns));
    return hash;
}

/* ---- EXPLAIN --------------------------------------------------------------------------- */

static void match_label(Buffer *out, const PlanNode *node)
{
    buffer_append_text(out, "match");
    explain_keys(out, node, node->match.keys, node->match.key_count);
}

static void variable_print(Buffer *out, const PlanMatchVariable *variable)
{
    buffer_append_str(out, variable->name);
    int32_t min = variable->min, max = variable->max;
    if (min == 1 && max == 1)
        return;
    if (max < 0 && min <= 1)
        buffer_append_char(out, min == 0 ? '*' : '+');
    else if (min == 0 && max == 1)
        buffer_append_char(out, '?');
    else if (max < 0)
        buffer_printf(out, "{%d,}", min);
    else if (min == max)
        buffer_printf(out, "{%d}", min);
    else
        buffer_printf(out, "{%d,%d}", min, max);
    buffer_append_text(out, variable->is_reluctant ? "?" : "");
}

static void match_details(Buffer *out, const PlanNode *node)
{
    static const char *const skips[] = {
        [MATCH_SKIP_TO_NEXT_ROW] = "to next row",
        [MATCH_SKIP_PAST_LAST_ROW] = "past last row",
        [MATCH_SKIP_TO_FIRST] = "to first ",
        [MATCH_SKIP_TO_LAST] = "to last ",
    };
    buffer_append_char(out, '(');
    for (int32_t i = 0; i < node->match.variable_count; i++) {
        buffer_append_text(out, i > 0 ? " " : "");
        variable_print(out, &node->match.variables[i]);
    }
    buffer_append_char(out, ')');
    if (node->match.within_us > 0) {
        buffer_append_text(out, " within ");
        duration_print(out, node->match.within_us / MICROS_PER_MILLI);
    }
    buffer_printf(out, ", skip %s", skips[node->match.skip]);
    if (node->match.skip == MATCH_SKIP_TO_FIRST || node->match.skip == MATCH_SKIP_TO_LAST)
        buffer_append_str(out, node->match.variables[node->match.skip_variable].name);
    if (node->match.time_column < 0)
        buffer_append_text(out, ", processing time");
}

static void match_distribute(Planner *planner, PlanNode *node)
{
    distribute_by(planner, node, node->match.keys, node->match.key_count);
}

const RelKind match_kind = {
    .kind = PLAN_MATCH,
    .name = "match",
    .state = STATE_MAY_SPILL,
    .digest = match_digest,
    .mode = match_mode,
    .settle = match_settle,
    .mark = match_mark,
    .prune = match_prune,
    .identify = match_identify,
    .label = match_label,
    .details = match_details,
    .distribute = match_distribute,
};
