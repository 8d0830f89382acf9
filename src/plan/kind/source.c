/* The rows of a table, as its connector reads them. */
#include <assert.h>

#include "plan/kind.h"

static void source_digest(Buffer *out, const Rel *rel)
{
    const TableEntry *entry = rel->entry;
    buffer_append_str(out, entry->table.path);
    for (int32_t i = 0; i < entry->option_count; i++)
        buffer_printf(out, "|%.*s=%.*s", STR_ARGS(entry->options[i].key),
                      STR_ARGS(entry->options[i].value));
}

static ChangelogMode source_mode(const Rel *rel, ChangelogMode optional)
{
    (void)optional;
    return rel->node.changelog;
}

static FieldPath source_path(const Rel *rel, int32_t column)
{
    const FieldPath *paths = rel->node.source.paths;
    return paths == NULL ? (FieldPath){0} : paths[column];
}

/* The table's primary key, if all of it is read. */
static void source_keys(Planner *planner, Rel *rel)
{
    const PlanTable *table = rel->node.source.table;
    if (table->key_count == 0)
        return;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, table->key_count);
    for (int32_t k = 0; k < table->key_count; k++) {
        columns[k] = -1;
        for (int32_t i = 0; i < rel->node.schema.count; i++) {
            if (rel->node.source.columns[i] == table->key[k] && source_path(rel, i).depth == 0)
                columns[k] = i;
        }
        if (columns[k] < 0)
            return;
    }
    keys_add(planner, rel, columns, table->key_count);
}

static void source_mark(const Rel *rel, bool *const *below)
{
    (void)rel, (void)below;
}

static void source_prune(Planner *planner, Rel *rel)
{
    bool is_any = false;
    for (int32_t i = 0; i < rel->node.schema.count; i++)
        is_any = is_any || rel->needed[i];
    if (!is_any && rel->node.schema.count > 0)
        rel->needed[0] = true; /* COUNT(*): readers want at least one column to count by */
    int32_t count;
    const int32_t *kept = prune_keep_needed(planner, rel, &count);
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++)
        columns[i] = rel->node.source.columns[kept[i]];
    rel->node.source.columns = columns;
    const FieldPath *old = rel->node.source.paths;
    if (old == NULL)
        return;
    FieldPath *paths = ARENA_ARRAY(planner->arena, FieldPath, count + 1);
    for (int32_t i = 0; i < count; i++)
        paths[i] = old[kept[i]];
    rel->node.source.paths = paths;
}

/* A field of a column is named by its path. */
static uint64_t source_identify_column(const Rel *rel, int32_t index)
{
    const PlanTable *table = &rel->entry->table;
    int32_t column = rel->node.source.columns[index];
    uint64_t hash = identity_str(11, table->physical.fields[column].name);
    FieldPath path = source_path(rel, index);
    const Type *type = &table->physical.fields[column].type;
    for (int32_t i = 0; i < path.depth; i++) {
        hash = identity_str(hash, type->child_names[path.fields[i]]);
        type = &type->children[path.fields[i]];
    }
    return hash;
}

static uint64_t source_identify_metadata(const Rel *rel, int32_t index)
{
    const PlanTable *table = &rel->entry->table;
    bool is_connectors = index < table->connector->metadata_count;
    return identity_text(is_connectors ? 12 : 13,
                         metadata_at(table->connector, table->options.format, index)->key);
}

/* Metadata go by their keys: tables on a shared source may call them differently. */
static uint64_t source_identify(Rel *rel)
{
    for (int32_t i = 0; i < rel->node.schema.count; i++) {
        int32_t column = rel->node.source.columns[i];
        uint64_t hash = column >= 0 ? source_identify_column(rel, i)
                                    : source_identify_metadata(rel, -column - 1);
        rel->column_identities[i] = identity_type(hash, rel->node.schema.fields[i].type);
    }
    return identity_table(rel->entry);
}

static void source_label(Buffer *out, const PlanNode *node)
{
    buffer_printf(out, "source %.*s", STR_ARGS(node->source.table->name));
}

static void source_print_bounds(Buffer *out, const PlanNode *node)
{
    for (int32_t i = 0; i < node->source.bound_count; i++) {
        const ColumnBound *bound = &node->source.bounds[i];
        const char *quote = type_is_text(bound->value.type) ? "'" : "";
        buffer_printf(out, "%s%.*s %s %s", i == 0 ? " WHERE " : " AND ",
                      STR_ARGS(node->schema.fields[bound->column].name), bound->sign, quote);
        value_print(out, &bound->value, VALUE_PRINT, timezone_utc());
        buffer_append_text(out, quote);
    }
}

static void source_details(Buffer *out, const PlanNode *node)
{
    const PlanTable *table = node->source.table;
    buffer_printf(out, "%s", table->connector->name);
    if (table->options.format != NULL)
        buffer_printf(out, " %s", table->options.format->name);
    buffer_printf(out, ", %s: ", node->source.is_bounded ? "bounded" : "unbounded");
    for (int32_t i = 0; i < node->schema.count; i++)
        buffer_printf(out, "%s%.*s", i > 0 ? ", " : "", STR_ARGS(node->schema.fields[i].name));
    source_print_bounds(out, node);
    if (table->key_count > 0) {
        buffer_append_text(out, ", key (");
        explain_names(out, &table->physical, table->key, table->key_count);
        buffer_append_char(out, ')');
    }
}

const RelKind source_kind = {
    .kind = PLAN_SOURCE,
    .name = "source",
    .digest = source_digest,
    .mode = source_mode,
    .keys = source_keys,
    .mark = source_mark,
    .prune = source_prune,
    .identify = source_identify,
    .label = source_label,
    .details = source_details,
};
