/* What sinks do with changes: which they refuse, which they need -U for, and where changes have to
 * be put in order for a sink's key first. */
#include <assert.h>

#include "plan/kind.h"

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

/* ---- Keys ------------------------------------------------------------------------------ */

/* The columns of the sink's input that carry the table's primary key. */
static ColumnList sink_key(Planner *planner, const Rel *sink)
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
    return (ColumnList){.columns = columns, .count = count};
}

/* The key under which a root keeps rows, as columns of its input; none: it keeps all. */
static ColumnList root_key(Planner *planner, const Rel *root)
{
    if (root->node.kind == PLAN_SINK)
        return sink_key(planner, root);
    return (ColumnList){.columns = root->node.serve.key, .count = root->node.serve.key_count};
}

/* Whether changes go by exactly this key, so that the row before an update is the one that the
 * update replaces. */
static bool key_is_upsert_key(Planner *planner, Rel *input, ColumnList key)
{
    const List *keys = rel_unique_keys(planner, input);
    for (int32_t i = 0; i < keys->count; i++) {
        const ColumnSet *set = LIST_AT(*keys, i, ColumnSet);
        int32_t found = 0;
        for (int32_t k = 0; k < set->count; k++) {
            for (int32_t c = 0; c < key.count; c++)
                found += key.columns[c] == set->columns[k];
        }
        if (set->count == key.count && found == key.count)
            return true;
    }
    return false;
}

/* ---- Putting changes in order ---------------------------------------------------------- */

/* As Flink: where rows under one key of the sink may be several that come and go by another key. */
static bool root_needs_order(Planner *planner, Rel *root, ColumnList key)
{
    Rel *input = rel_input(root, 0);
    if (key.count == 0 || root->is_single_row)
        return false;
    bool is_sink = root->node.kind == PLAN_SINK;
    bool takes_updates = !is_sink || (root->entry->write_mode & CHANGELOG_UPDATE_AFTER) != 0;
    if (!takes_updates || (is_sink && key.count != root->node.sink.table->key_count))
        return false;
    /* ON CONFLICT minds inserts, too. */
    if (root->conflict_rule != CONFLICT_LAST)
        return rel_key_within(planner, input, key.columns, key.count) == NULL;
    if (root->ordering == ORDERING_NONE || mode_is_append(input->node.changelog))
        return false;
    return root->ordering == ORDERING_FORCE ||
           rel_key_within(planner, input, key.columns, key.count) == NULL;
}

static const ColumnSet *smallest_key(Planner *planner, Rel *rel)
{
    const List *keys = rel_unique_keys(planner, rel);
    const ColumnSet *smallest = NULL;
    for (int32_t i = 0; i < keys->count; i++) {
        const ColumnSet *set = LIST_AT(*keys, i, ColumnSet);
        if (smallest == NULL || set->count < smallest->count)
            smallest = set;
    }
    return smallest;
}

static Rel *materialize_rel(Planner *planner, const Rel *root, ColumnList key)
{
    Rel *input = rel_input(root, 0);
    Rel *rel = rel_new(planner, PLAN_UPSERT_MATERIALIZE, &input->node.schema, &input, 1);
    rel->span = root->span;
    rel->node.upsert_materialize.key = key;
    rel->node.upsert_materialize.state_ttl_us = root->ordering_ttl_us;
    rel->node.upsert_materialize.rule = root->conflict_rule;
    const ColumnSet *upsert_key = smallest_key(planner, input);
    rel->node.upsert_materialize.has_upsert_key = upsert_key != NULL;
    if (upsert_key != NULL)
        rel->node.upsert_materialize.upsert_key =
            (ColumnList){.columns = upsert_key->columns, .count = upsert_key->count};
    return rel;
}

bool sinks_materialize(Planner *planner)
{
    bool is_changed = false;
    for (int32_t i = 0; i < planner->roots.count; i++) {
        Rel *root = LIST_AT(planner->roots, i, Rel);
        ColumnList key = root_key(planner, root);
        if (!root_needs_order(planner, root, key))
            continue;
        root->node.inputs[0] = (PlanNode *)materialize_rel(planner, root, key);
        is_changed = true;
    }
    return is_changed;
}

/* ---- Checks ---------------------------------------------------------------------------- */

void sink_check(Planner *planner, Rel *sink)
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
    bool takes_before = (accepts & CHANGELOG_UPDATE_BEFORE) != 0;
    ColumnList key = sink_key(planner, sink);
    bool has_key = sink->node.sink.table->key_count > 0;
    sink->needs_update_before =
        takes_before || (has_key && !key_is_upsert_key(planner, rel_input(sink, 0), key));
}

void serve_check(Planner *planner, Rel *serve)
{
    Rel *input = rel_input(serve, 0);
    if (mode_is_append(input->node.changelog))
        return;
    serve->needs_update_before =
        serve->is_single_row || !key_is_upsert_key(planner, input, root_key(planner, serve));
    if (serve->node.serve.key_count > 0)
        return;
    Diagnostic *d =
        REPORT(planner, "WR2087", serve->span,
               "materialized table `%.*s` gets updates and needs a key", STR_ARGS(serve->owner));
    diagnostic_help(d, "write PRIMARY KEY (…) NOT ENFORCED behind its name");
}
