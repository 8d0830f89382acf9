/* Which row kinds flow on each edge: from the sources up, then from the sinks down to learn where
 * -U is needed, then up once more.
 *
 * -U is needed below aggregations of updates, below filters on updates, below joins by another key
 * and where every change becomes a row, and by sinks that take it; a sink whose key is the one that
 * changes go by does without (sinks.c). */
#include <assert.h>

#include "plan/kind.h"

void changelog_print(Buffer *out, ChangelogMode mode)
{
    static const struct {
        ChangelogMode bit;
        const char *text;
    } names[] = {{CHANGELOG_INSERT, "I"},
                 {CHANGELOG_UPDATE_BEFORE, "UB"},
                 {CHANGELOG_UPDATE_AFTER, "UA"},
                 {CHANGELOG_DELETE, "D"}};
    bool is_first = true;
    buffer_append_char(out, '[');
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if ((mode & names[i].bit) == 0)
            continue;
        buffer_printf(out, "%s%s", is_first ? "" : ",", names[i].text);
        is_first = false;
    }
    buffer_append_char(out, ']');
}

/* ---- Upwards --------------------------------------------------------------------------- */

ChangelogMode inputs_mode(const Rel *rel)
{
    ChangelogMode mode = 0;
    for (int32_t i = 0; i < rel->node.input_count; i++)
        mode |= rel->node.inputs[i]->changelog;
    return mode;
}

/* First with every -U that can be had; `is_final` leaves out those that nobody needs. */
static void changelog_up(Planner *planner, bool is_final)
{
    for (int32_t i = 0; i < planner->rels.count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        const RelKind *kind = rel_kind(rel->node.kind);
        ChangelogMode optional =
            !is_final || rel->needs_update_before ? CHANGELOG_UPDATE_BEFORE : 0;
        rel->node.changelog = kind->mode != NULL ? kind->mode(rel, optional) : inputs_mode(rel);
    }
}

/* ---- Downwards ------------------------------------------------------------------------- */

static void changelog_ask(Planner *planner, Rel *rel)
{
    const RelKind *kind = rel_kind(rel->node.kind);
    for (int32_t i = 0; i < rel->node.input_count; i++) {
        Rel *input = rel_input(rel, i);
        if (!mode_has_updates(input->node.changelog))
            continue;
        UpdateBefore asked =
            kind->asks != NULL ? kind->asks(planner, rel, i) : UPDATE_BEFORE_AS_ASKED;
        switch (asked) {
        case UPDATE_BEFORE_NEEDED: input->needs_update_before = true; break;
        case UPDATE_BEFORE_UNNEEDED: break;
        case UPDATE_BEFORE_AS_ASKED: input->needs_update_before |= rel->needs_update_before; break;
        }
    }
}

void aggregates_rebind(Planner *planner, const Rel *rel, const PlanAggregate *aggregates,
                       int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        PlanAggregate *aggregate = (PlanAggregate *)&aggregates[i];
        const AggregateCall *call = aggregate->call;
        Error error = {0};
        AggregateCall *bound;
        if (aggregate_bind(str_from(aggregate_name(call)), planner->arena, call->arg_types,
                           call->arg_count, call->is_distinct, true, &bound, &error) == OK)
            aggregate->call = bound;
        else
            REPORT(planner, error.code[0] != '\0' ? error.code : "WR2044", rel->span, "%s",
                   error.text);
    }
}

static void changelog_settle(Planner *planner)
{
    for (int32_t i = 0; i < planner->rels.count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        const RelKind *kind = rel_kind(rel->node.kind);
        if (kind->settle != NULL)
            kind->settle(planner, rel);
    }
}

static void changelog_finalize(Planner *planner)
{
    for (int32_t i = 0; i < planner->rels.count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        const RelKind *kind = rel_kind(rel->node.kind);
        if (kind->finalize != NULL)
            kind->finalize(rel);
    }
}

void pass_changelog(Planner *planner)
{
    if (settings_is_batch(planner))
        changelog_finalize(planner);
    changelog_up(planner, false);
    if (sinks_materialize(planner)) {
        pass_reach(planner);
        changelog_up(planner, false);
    }
    for (int32_t i = planner->rels.count - 1; i >= 0; i--) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        if (rel->node.kind == PLAN_SINK)
            sink_check(planner, rel);
        else if (rel->node.kind == PLAN_SERVE)
            serve_check(planner, rel);
        changelog_ask(planner, rel);
    }
    changelog_up(planner, true);
    changelog_settle(planner);
}
