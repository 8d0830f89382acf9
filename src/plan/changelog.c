/* Which row kinds flow on each edge: from the sources up, then from the sinks down to learn where
 * -U is needed, then up once more.
 *
 * -U is needed below aggregations of updates, below filters on updates and where every change
 * becomes a row, and by sinks that take it; a sink with a key does without. */
#include <assert.h>

#include "plan/internal.h"

static bool mode_has_updates(ChangelogMode mode)
{
    return (mode & CHANGELOG_UPDATE_AFTER) != 0;
}

static bool mode_is_append(ChangelogMode mode)
{
    return mode == CHANGELOG_APPEND;
}

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

static ChangelogMode inputs_mode(const Rel *rel)
{
    ChangelogMode mode = 0;
    for (int32_t i = 0; i < rel->node.input_count; i++)
        mode |= rel->node.inputs[i]->changelog;
    return mode;
}

/* With every -U that can be had; `is_final` leaves out those that nobody needs. */
static ChangelogMode rel_mode(const Rel *rel, bool is_final)
{
    ChangelogMode optional = !is_final || rel->needs_update_before ? CHANGELOG_UPDATE_BEFORE : 0;
    switch (rel->node.kind) {
    case PLAN_SOURCE: return rel->node.changelog;
    case PLAN_VALUES:
    case PLAN_WINDOW_AGGREGATE: return CHANGELOG_APPEND;
    case PLAN_GROUP_AGGREGATE: {
        if (rel->node.group_aggregate.is_final)
            return CHANGELOG_APPEND;
        ChangelogMode mode = CHANGELOG_INSERT | CHANGELOG_UPDATE_AFTER | optional;
        return mode_is_append(inputs_mode(rel)) ? mode : mode | CHANGELOG_DELETE;
    }
    case PLAN_NORMALIZE:
        return CHANGELOG_INSERT | CHANGELOG_UPDATE_AFTER | CHANGELOG_DELETE | optional;
    case PLAN_CALC: return rel->node.calc.makes_append ? CHANGELOG_APPEND : inputs_mode(rel);
    case PLAN_WATERMARK:
    case PLAN_WINDOW_ASSIGN:
    case PLAN_UNION:
    case PLAN_SINK:
    case PLAN_SERVE: return inputs_mode(rel);
    }
    return CHANGELOG_ALL;
}

static void changelog_up(Planner *planner, bool is_final)
{
    for (int32_t i = 0; i < planner->rels.count; i++) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        rel->node.changelog = rel_mode(rel, is_final);
        if (rel->node.kind == PLAN_GROUP_AGGREGATE)
            rel->node.group_aggregate.emits_update_before =
                (rel->node.changelog & CHANGELOG_UPDATE_BEFORE) != 0;
    }
}

/* ---- Sinks ----------------------------------------------------------------------------- */

/* The operator that makes the changes which a sink refuses, for the message. */
static const Rel *changes_origin(const Rel *rel)
{
    while (rel->node.input_count > 0) {
        const Rel *next = NULL;
        for (int32_t i = 0; i < rel->node.input_count; i++) {
            if (!mode_is_append(rel->node.inputs[i]->changelog))
                next = rel_input(rel, i);
        }
        if (next == NULL || rel->node.kind == PLAN_GROUP_AGGREGATE || rel->entry != NULL)
            break;
        rel = next;
    }
    return rel;
}

static const char *changes_text(Planner *planner, const Rel *origin)
{
    if (origin->node.kind == PLAN_GROUP_AGGREGATE)
        return origin->node.group_aggregate.aggregate_count == 0 ? "DISTINCT" : "GROUP BY";
    if (origin->entry != NULL)
        return arena_printf(planner->arena, "table `%.*s`", STR_ARGS(origin->entry->table.name));
    return "the query";
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

static void changelog_ask(Rel *rel)
{
    bool is_asked = rel->needs_update_before;
    for (int32_t i = 0; i < rel->node.input_count; i++) {
        Rel *input = rel_input(rel, i);
        bool has_updates = mode_has_updates(input->node.changelog);
        bool needs = is_asked;
        if (rel->node.kind == PLAN_CALC &&
            (rel->node.calc.filter != NULL || rel->node.calc.makes_append))
            needs = true;
        if (rel->node.kind == PLAN_GROUP_AGGREGATE || rel->node.kind == PLAN_WINDOW_AGGREGATE)
            needs = true;
        if (rel->node.kind == PLAN_NORMALIZE)
            needs = false;
        input->needs_update_before |= needs && has_updates;
    }
}

/* Aggregates over rows that can be taken back may need another form. */
static void aggregates_rebind(Planner *planner, const Rel *rel, const PlanAggregate *aggregates,
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

static void changelog_mark_retractions(Planner *planner, Rel *rel)
{
    if (rel->node.input_count != 1 || mode_is_append(rel->node.inputs[0]->changelog))
        return;
    if (rel->node.kind == PLAN_GROUP_AGGREGATE) {
        rel->node.group_aggregate.has_retractions = true;
        aggregates_rebind(planner, rel, rel->node.group_aggregate.aggregates,
                          rel->node.group_aggregate.aggregate_count);
    } else if (rel->node.kind == PLAN_WINDOW_AGGREGATE) {
        rel->node.window_aggregate.has_retractions = true;
        aggregates_rebind(planner, rel, rel->node.window_aggregate.aggregates,
                          rel->node.window_aggregate.aggregate_count);
    }
}

/* Bounded input has an end, and nothing expires before it. */
static void changelog_mark_final(Rel *rel)
{
    if (rel->node.kind != PLAN_GROUP_AGGREGATE)
        return;
    rel->node.group_aggregate.is_final = true;
    rel->node.group_aggregate.state_ttl_us = 0;
}

void pass_changelog(Planner *planner)
{
    for (int32_t i = 0; settings_is_batch(planner) && i < planner->rels.count; i++)
        changelog_mark_final(LIST_AT(planner->rels, i, Rel));
    changelog_up(planner, false);
    for (int32_t i = planner->rels.count - 1; i >= 0; i--) {
        Rel *rel = LIST_AT(planner->rels, i, Rel);
        if (rel->node.kind == PLAN_SINK)
            sink_check(planner, rel);
        else if (rel->node.kind == PLAN_SERVE)
            serve_check(planner, rel);
        changelog_ask(rel);
    }
    changelog_up(planner, true);
    for (int32_t i = 0; i < planner->rels.count; i++)
        changelog_mark_retractions(planner, LIST_AT(planner->rels, i, Rel));
}
