/* Which row kinds flow on each edge: from the sources up, then from the sinks down to learn where
 * -U is needed, then up once more.
 *
 * -U is needed below aggregations of updates, below filters on updates and where every change
 * becomes a row, and by sinks that take it; a sink with a key does without. */
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

/* ---- Sinks ----------------------------------------------------------------------------- */

static const char *rel_changes(const Rel *rel)
{
    const RelKind *kind = rel_kind(rel->node.kind);
    return kind->changes != NULL ? kind->changes(rel) : NULL;
}

/* The operator that makes the changes which a sink refuses, for the message. */
static const Rel *changes_origin(const Rel *rel)
{
    while (rel->node.input_count > 0) {
        const Rel *next = NULL;
        for (int32_t i = 0; i < rel->node.input_count; i++) {
            if (!mode_is_append(rel->node.inputs[i]->changelog))
                next = rel_input(rel, i);
        }
        if (next == NULL || rel_changes(rel) != NULL || rel->entry != NULL)
            break;
        rel = next;
    }
    return rel;
}

static const char *changes_text(Planner *planner, const Rel *origin)
{
    if (rel_changes(origin) != NULL)
        return rel_changes(origin);
    if (origin->entry != NULL)
        return arena_printf(planner->arena, "table `%.*s`", STR_ARGS(origin->entry->table.name));
    return "the query";
}

const char *changes_origin_text(Planner *planner, const Rel *rel)
{
    return changes_text(planner, changes_origin(rel));
}

static void report_refused(Planner *planner, const Rel *sink, ChangelogMode refused)
{
    bool is_update = mode_has_updates(refused);
    bool is_delete = (refused & CHANGELOG_DELETE) != 0;
    const Rel *origin = changes_origin(rel_input(sink, 0));
    const char *kinds = is_update && is_delete ? "updates and deletes"
                        : is_update            ? "updates"
                                               : "deletes";
    Diagnostic *d =
        REPORT(planner, "WR2085", sink->span, "sink `%.*s` does not take %s, which come from %s",
               STR_ARGS(sink->owner), kinds, changes_text(planner, origin));
    diagnostic_label(d, "takes inserts only");
    if (origin->node.kind == PLAN_GROUP_AGGREGATE)
        diagnostic_help(d, "group by window_start and window_end of a window for a final row per "
                           "group, or write to a table with a PRIMARY KEY that takes updates");
    else
        diagnostic_help(d, "write to a table with a PRIMARY KEY whose connector takes updates");
}

static void report_key(Planner *planner, const Rel *root, const Schema *schema, Rel *input)
{
    Diagnostic *d = REPORT(planner, "WR2086", root->span,
                           "the updates for `%.*s` are not keyed by its primary key: writing them "
                           "in the right order is not supported yet",
                           STR_ARGS(root->owner));
    const List *keys = rel_unique_keys(planner, input);
    if (keys->count == 0 && changes_origin(input)->node.kind == PLAN_GROUP_AGGREGATE) {
        diagnostic_help(d, "write all columns of GROUP BY to the table, and make them its key");
        return;
    }
    if (keys->count == 0) {
        diagnostic_help(d, "declare a PRIMARY KEY on the table that is read");
        return;
    }
    const ColumnSet *set = LIST_AT(*keys, 0, ColumnSet);
    Buffer names = {0};
    for (int32_t i = 0; i < set->count; i++)
        buffer_printf(&names, "%s%.*s", i > 0 ? ", " : "",
                      STR_ARGS(schema->fields[set->columns[i]].name));
    diagnostic_help(d, "the rows of the query are told apart by (%s): make that the key",
                    buffer_terminated(&names));
    buffer_free(&names);
}

/* The columns of the sink's input that carry the table's primary key. */
static int32_t sink_key(Planner *planner, const Rel *sink, int32_t **out)
{
    const PlanTable *table = sink->node.sink.table;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, table->key_count + 1);
    int32_t count = 0;
    for (int32_t k = 0; k < table->key_count; k++) {
        for (int32_t i = 0; i < sink->node.schema.count; i++) {
            if (sink->node.sink.writes[i] == table->key[k])
                columns[count++] = i;
        }
    }
    *out = columns;
    return count;
}

static void sink_check(Planner *planner, Rel *sink)
{
    ChangelogMode accepts = sink->entry->write_mode;
    ChangelogMode given = rel_input(sink, 0)->node.changelog;
    sink->node.sink.accepts = accepts;
    if (mode_is_append(given))
        return;
    ChangelogMode refused = given & ~(accepts | CHANGELOG_UPDATE_BEFORE);
    if (refused != 0) {
        report_refused(planner, sink, refused);
        return;
    }
    if ((accepts & CHANGELOG_UPDATE_BEFORE) != 0) {
        sink->needs_update_before = true;
        return;
    }
    int32_t *key;
    int32_t key_count = sink_key(planner, sink, &key);
    bool is_materialized = !settings_is(planner, "table.exec.sink.upsert-materialize", "none");
    if (is_materialized && rel_key_within(planner, rel_input(sink, 0), key, key_count) == NULL)
        report_key(planner, sink, &sink->node.schema, rel_input(sink, 0));
}

static void serve_check(Planner *planner, Rel *serve)
{
    Rel *input = rel_input(serve, 0);
    serve->needs_update_before = serve->is_single_row;
    if (mode_is_append(input->node.changelog) || serve->is_single_row)
        return;
    if (serve->node.serve.key_count == 0) {
        Diagnostic *d = REPORT(planner, "WR2087", serve->span,
                               "materialized table `%.*s` gets updates and needs a key",
                               STR_ARGS(serve->owner));
        diagnostic_help(d, "write PRIMARY KEY (…) NOT ENFORCED behind its name");
        return;
    }
    if (rel_key_within(planner, input, serve->node.serve.key, serve->node.serve.key_count) == NULL)
        report_key(planner, serve, &serve->node.schema, input);
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
