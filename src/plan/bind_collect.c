/* A query that stands alone, where somebody takes its rows: a shell, a test. It becomes an INSERT
 * into a table of its own, with the query's columns and without a key, so that it gives every
 * change there is. */
#include <assert.h>

#include "plan/internal.h"

static ChangelogMode collect_mode(const ConnectorInfo *collector, const TableOptions *options)
{
    return collector->write_mode != NULL ? collector->write_mode(options) : CHANGELOG_ALL;
}

/* `query`, and `query_2` for the second one. */
static Str collect_name(const Planner *planner)
{
    int32_t count = 1;
    for (int32_t i = 0; i < planner->roots.count; i++) {
        const Rel *root = LIST_AT(planner->roots, i, Rel);
        count += root->node.kind == PLAN_SINK &&
                 root->node.sink.table->connector == planner->context->collector;
    }
    return count == 1 ? STR("query") : str_from(arena_printf(planner->arena, "query_%d", count));
}

static TableEntry *collect_entry(Planner *planner, const Schema *schema, Span span)
{
    TableEntry *entry = ARENA_NEW(planner->arena, TableEntry);
    const ConnectorInfo *collector = planner->context->collector;
    entry->table =
        (PlanTable){.name = collect_name(planner), .connector = collector, .physical = *schema};
    entry->table.path = entry->table.name;
    entry->span = span;
    entry->schema = *schema;
    entry->base = *schema;
    entry->watermark_column = -1;
    entry->state = ENTRY_GOOD;
    entry->is_checked_as_sink = true;
    entry->is_good_as_sink = true;
    entry->write_mode = collect_mode(collector, &entry->table.options);
    return entry;
}

void bind_collect(Planner *planner, const SqlQuery *query, Span span)
{
    assert(planner->context->collector != NULL);
    int32_t errors = diagnostics_mistake_count(planner->diagnostics);
    Bound bound = bind_query(planner, query);
    if (bound.rel == NULL || diagnostics_mistake_count(planner->diagnostics) > errors)
        return;
    int32_t count = bound.schema.count;
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 1);
    Field *targets = ARENA_ARRAY(planner->arena, Field, count + 1);
    int32_t *writes = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++) {
        fields[i] = bound.schema.fields[i];
        fields[i].type = type_plain(fields[i].type);
        targets[i] = (Field){fields[i].name, type_nullable(fields[i].type)};
        writes[i] = i;
    }
    Schema schema = {.fields = fields, .count = count};
    TableEntry *entry = collect_entry(planner, &(Schema){.fields = targets, .count = count}, span);
    Rel *sink = rel_new(planner, PLAN_SINK, &schema, &bound.rel, 1);
    sink->entry = entry;
    sink->owner = entry->table.name;
    sink->span = span;
    sink->node.sink.table = &entry->table;
    sink->node.sink.writes = writes;
    sink->serial = planner->rels.count;
    list_append(&planner->rels, planner->arena, sink);
    list_append(&planner->roots, planner->arena, sink);
}
