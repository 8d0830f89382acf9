/* DROP of tables, views, databases and catalogs; TRUNCATE. */
#include <assert.h>

#include "plan/internal.h"

static bool drop_fits(SqlObjectKind asked, ObjectKind kind)
{
    return (asked == SQL_OBJECT_TABLE && kind == OBJECT_TABLE) ||
           (asked == SQL_OBJECT_VIEW && kind == OBJECT_VIEW) ||
           (asked == SQL_OBJECT_MATERIALIZED_TABLE && kind == OBJECT_MATERIALIZED);
}

static const char *drop_statement(ObjectKind kind)
{
    switch (kind) {
    case OBJECT_TABLE: return "DROP TABLE";
    case OBJECT_VIEW: return "DROP VIEW";
    case OBJECT_MATERIALIZED: return "DROP MATERIALIZED TABLE";
    }
    return "DROP";
}

/* A permanent object behind a temporary one of the same name is not dropped by mistake. */
static bool drop_check_shadow(Planner *planner, const SqlDrop *drop, const CatalogObject *object)
{
    if (object->is_temporary == drop->is_temporary)
        return true;
    if (!object->is_temporary) {
        Diagnostic *d =
            REPORT(planner, "WR2402", drop->name->span, "temporary %s `%.*s` does not exist",
                   object_word(object->kind), STR_ARGS(object->name));
        diagnostic_note(d, "`%.*s` is a permanent %s: %s drops it", STR_ARGS(object->name),
                        object_word(object->kind), drop_statement(object->kind));
        return false;
    }
    Diagnostic *d = REPORT(planner, "WR2402", drop->name->span, "`%.*s` is a temporary %s",
                           STR_ARGS(object->name), object_word(object->kind));
    diagnostic_help(d, "write DROP TEMPORARY %s", drop_statement(object->kind) + 5);
    return false;
}

/* Queries that read a materialized table compute what it holds themselves, and go on. */
static void drop_upkeep(Planner *planner, const CatalogObject *object)
{
    List kept = {0};
    for (int32_t i = 0; i < planner->roots.count; i++) {
        Rel *root = LIST_AT(planner->roots, i, Rel);
        if (root->node.kind != PLAN_SERVE || !str_equal(root->node.serve.path, object->path))
            list_append(&kept, planner->arena, root);
    }
    planner->roots = kept;
    planner->dropped = object->path;
}

static void drop_object(Planner *planner, const SqlDrop *drop)
{
    ObjectPath full;
    if (!catalog_resolve(planner, drop->name, &full))
        return;
    const CatalogObject *object = catalog_object_at(planner->session, &full);
    if (drop->if_exists && (object == NULL || object->is_temporary < drop->is_temporary))
        return;
    bool is_broken;
    object = catalog_find(planner, drop->name, &is_broken);
    if (object == NULL)
        return;
    if (!drop_fits(drop->object, object->kind)) {
        Diagnostic *d = REPORT(planner, "WR2005", drop->name->span, "`%.*s` is a %s",
                               STR_ARGS(object->name), object_word(object->kind));
        diagnostic_help(d, "write %s", drop_statement(object->kind));
        return;
    }
    if (!drop_check_shadow(planner, drop, object))
        return;
    if (object->kind == OBJECT_MATERIALIZED)
        drop_upkeep(planner, object);
    catalog_remove(planner->session, object);
    objects_forget_queries(planner);
}

static void drop_database(Planner *planner, const SqlDrop *drop)
{
    PlanSession *session = planner->session;
    Str catalog, name;
    if (!catalog_database_path(planner, drop->name, &catalog, &name))
        return;
    const NamedCatalog *named = catalog_named(session, catalog);
    if (drop->if_exists && (named == NULL || map_find(named->databases, name) == NULL))
        return;
    const CatalogDatabase *database =
        catalog_find_database(planner, catalog, name, drop->name->span);
    if (database == NULL)
        return;
    if (str_equal(catalog, session->catalog.catalog) &&
        str_equal(name, session->catalog.database)) {
        Diagnostic *d = REPORT(planner, "WR2403", drop->name->span,
                               "database `%.*s` is the current one", STR_ARGS(name));
        diagnostic_help(d, "USE another database first");
        return;
    }
    int32_t count = map_count(database->objects);
    if (count > 0 && !drop->is_cascade) {
        Diagnostic *d = REPORT(planner, "WR2403", drop->name->span, "database `%.*s` is not empty",
                               STR_ARGS(name));
        diagnostic_help(d, "write DROP DATABASE %.*s CASCADE to drop what is in it",
                        STR_ARGS(name));
        Str first = map_key_at(database->objects, 0);
        diagnostic_note(d, count == 1 ? "`%.*s` is in it" : "`%.*s` and %d more are in it",
                        STR_ARGS(first), count - 1);
        return;
    }
    map_remove(named->databases, name);
}

static void drop_catalog(Planner *planner, const SqlDrop *drop)
{
    PlanSession *session = planner->session;
    Str name = sql_path_last(drop->name)->text;
    if (drop->if_exists && catalog_named(session, name) == NULL)
        return;
    if (catalog_find_named(planner, name, drop->name->span) == NULL)
        return;
    if (str_equal(name, session->catalog.catalog)) {
        Diagnostic *d = REPORT(planner, "WR2403", drop->name->span,
                               "catalog `%.*s` is the current one", STR_ARGS(name));
        diagnostic_help(d, "USE CATALOG another one first");
        return;
    }
    map_remove(session->catalog.named, name);
}

void bind_drop(Planner *planner, const SqlDrop *drop)
{
    switch (drop->object) {
    case SQL_OBJECT_TABLE:
    case SQL_OBJECT_VIEW:
    case SQL_OBJECT_MATERIALIZED_TABLE: drop_object(planner, drop); break;
    case SQL_OBJECT_DATABASE: drop_database(planner, drop); break;
    case SQL_OBJECT_CATALOG: drop_catalog(planner, drop); break;
    case SQL_OBJECT_FUNCTION: bind_drop_function(planner, drop); break;
    }
}

/* As in Flink, a matter of the connector; none of weir's can, nor can one of Flink's own. */
void bind_truncate(Planner *planner, const SqlPath *path)
{
    bool is_broken;
    const CatalogObject *object = catalog_find(planner, path, &is_broken);
    if (object == NULL || is_broken)
        return;
    if (object->kind != OBJECT_TABLE) {
        REPORT(planner, "WR2107", path->span, "%s `%.*s` cannot be truncated",
               object_word(object->kind), STR_ARGS(object->name));
        return;
    }
    TableEntry *entry = object_table(planner, object, path->span);
    if (entry == NULL || !entry_connect_sink(planner, entry, path->span))
        return;
    const ConnectorInfo *connector = entry->table.connector;
    Diagnostic *d =
        REPORT(planner, "WR2109", path->span, "connector '%s' cannot empty table `%.*s`",
               connector->name, STR_ARGS(object->name));
    if (connector->can_overwrite)
        diagnostic_help(d, "in batch mode, INSERT OVERWRITE `%.*s` with a query of no rows does",
                        STR_ARGS(object->name));
}
