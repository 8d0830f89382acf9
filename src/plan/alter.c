/* ALTER of everything but the parts of tables. */
#include <assert.h>

#include "plan/internal.h"

/* ---- Tables and views ------------------------------------------------------------------ */

static bool alter_fits(SqlObjectKind asked, ObjectKind kind)
{
    return (asked == SQL_OBJECT_TABLE && kind == OBJECT_TABLE) ||
           (asked == SQL_OBJECT_VIEW && kind == OBJECT_VIEW) ||
           (asked == SQL_OBJECT_MATERIALIZED_TABLE && kind == OBJECT_MATERIALIZED);
}

static const char *alter_statement(ObjectKind kind)
{
    switch (kind) {
    case OBJECT_TABLE: return "ALTER TABLE";
    case OBJECT_VIEW: return "ALTER VIEW";
    case OBJECT_MATERIALIZED: return "ALTER MATERIALIZED TABLE";
    }
    return "ALTER";
}

/* The object to change; NULL after a report, or silently with IF EXISTS. */
static CatalogObject *alter_find_object(Planner *planner, const SqlAlter *alter)
{
    ObjectPath full;
    if (!catalog_resolve(planner, alter->name, &full))
        return NULL;
    if (alter->if_exists && catalog_object_at(planner->session, &full) == NULL)
        return NULL;
    bool is_broken;
    CatalogObject *object = catalog_find(planner, alter->name, &is_broken);
    if (object == NULL || is_broken)
        return NULL;
    if (!alter_fits(alter->object, object->kind)) {
        Diagnostic *d = REPORT(planner, "WR2005", alter->name->span, "`%.*s` is a %s",
                               STR_ARGS(object->name), object_word(object->kind));
        diagnostic_help(d, "write %s", alter_statement(object->kind));
        return NULL;
    }
    if (object->is_temporary && object->kind == OBJECT_TABLE) {
        Diagnostic *d =
            REPORT(planner, "WR2402", alter->name->span,
                   "`%.*s` is a temporary table: it cannot be changed", STR_ARGS(object->name));
        diagnostic_help(d, "DROP TEMPORARY TABLE and create it anew");
        return NULL;
    }
    return object;
}

/* RENAME TO: within its database. */
static void alter_rename(Planner *planner, const SqlAlter *alter, CatalogObject *object)
{
    ObjectPath full;
    if (!catalog_resolve(planner, alter->new_name, &full))
        return;
    bool is_here =
        str_equal(full.catalog, object->catalog) && str_equal(full.database, object->database);
    if (!is_here && alter->new_name->parts.count > 1) {
        REPORT(planner, "WR2412", alter->new_name->span,
               "a %s stays in its database when it is renamed", object_word(object->kind));
        return;
    }
    if (object->is_temporary)
        EXTENSION(planner, TEMPORARY_RENAME, alter->new_name->span,
                  str_terminated(planner->arena, object->name));
    catalog_rename(planner, object, sql_path_last(alter->new_name));
}

/* ALTER VIEW … AS: the same columns list does not hold for another query. */
static void alter_view(Planner *planner, const SqlAlter *alter, CatalogObject *object)
{
    Arena *arena = planner->session->arena;
    SqlCreateView *view = arena_copy(arena, object->view, (int64_t)sizeof *view);
    view->query = alter->query;
    view->columns = (List){0};
    CatalogObject changed = *object;
    changed.view = view;
    changed.scope_catalog = planner->session->catalog.catalog;
    changed.scope_database = planner->session->catalog.database;
    catalog_redefine(planner, object, changed);
}

/* In Flink a materialized table has a job of its own in a cluster, which these control. Here its
 * upkeep is part of the pipeline that the script describes. */
static void alter_materialized(Planner *planner, const SqlAlter *alter, const CatalogObject *object)
{
    Str name = object->name;
    Span span = alter->action_span;
    if (alter->kind == SQL_ALTER_REFRESH) {
        Diagnostic *d = WARN(planner, "WR2417", span, "`%.*s` is always fresh: this has no effect",
                             STR_ARGS(name));
        diagnostic_note(d, "it follows every change of the tables that it is made of");
        return;
    }
    const char *what = alter->kind == SQL_ALTER_SUSPEND  ? "cannot be suspended alone"
                       : alter->kind == SQL_ALTER_RESUME ? "is not suspended"
                                                         : "cannot get another query";
    Diagnostic *d =
        REPORT(planner, "WR2417", span, "materialized table `%.*s` %s", STR_ARGS(name), what);
    if (alter->kind == SQL_ALTER_AS)
        diagnostic_help(d, "change the query in its CREATE MATERIALIZED TABLE");
    else
        diagnostic_help(d, "stop the pipeline that keeps it up to date; the next `weir run` goes "
                           "on from there");
}

static void alter_object(Planner *planner, const SqlAlter *alter)
{
    CatalogObject *object = alter_find_object(planner, alter);
    if (object == NULL)
        return;
    if (alter->object == SQL_OBJECT_MATERIALIZED_TABLE)
        alter_materialized(planner, alter, object);
    else if (alter->kind == SQL_ALTER_RENAME)
        alter_rename(planner, alter, object);
    else if (alter->object == SQL_OBJECT_VIEW && alter->kind == SQL_ALTER_AS)
        alter_view(planner, alter, object);
    else if (alter->partitions.count > 0)
        alter_partitions(planner, alter, object);
    else if (alter->object == SQL_OBJECT_TABLE)
        alter_table(planner, alter, object);
    else
        planner_unsupported(planner, alter->action_span, "this change of a view");
}

/* ---- Catalogs and databases ------------------------------------------------------------ */

static void options_change(Planner *planner, List *options, const SqlAlter *alter)
{
    Arena *arena = planner->session->arena;
    *options = list_copy(arena, options);
    for (int32_t i = 0; i < alter->options.count; i++)
        sql_options_put(options, arena, LIST_AT(alter->options, i, SqlOption));
    for (int32_t i = 0; i < alter->keys.count; i++) {
        int32_t at = sql_options_find(options, LIST_AT(alter->keys, i, SqlOption)->key);
        for (; at >= 0 && at + 1 < options->count; at++)
            options->items[at] = options->items[at + 1];
        options->count -= at >= 0;
    }
}

static void alter_database(Planner *planner, const SqlAlter *alter)
{
    Str catalog, name;
    if (!catalog_database_path(planner, alter->name, &catalog, &name))
        return;
    CatalogDatabase *database = catalog_find_database(planner, catalog, name, alter->name->span);
    if (database == NULL)
        return;
    if (alter->kind == SQL_ALTER_SET)
        options_change(planner, &database->options, alter);
    else
        planner_unsupported(planner, alter->action_span, "RESET of a database");
}

static void alter_catalog(Planner *planner, const SqlAlter *alter)
{
    NamedCatalog *catalog =
        catalog_find_named(planner, sql_path_last(alter->name)->text, alter->name->span);
    if (catalog == NULL)
        return;
    if (alter->kind == SQL_ALTER_COMMENT) {
        catalog->comment = alter->comment;
        return;
    }
    bool is_reset = alter->kind == SQL_ALTER_RESET;
    if (is_reset && alter->keys.count == 0) {
        REPORT(planner, "WR2412", alter->action_span, "RESET needs the keys of options");
        return;
    }
    const List *changed = is_reset ? &alter->keys : &alter->options;
    for (int32_t i = 0; i < changed->count; i++) {
        const SqlOption *option = LIST_AT(*changed, i, SqlOption);
        if (!str_is(option->key, "type"))
            continue;
        REPORT(planner, "WR2412", option->key_span, "the 'type' of a catalog cannot be changed");
        return;
    }
    options_change(planner, &catalog->options, alter);
}

void bind_alter(Planner *planner, const SqlAlter *alter)
{
    switch (alter->object) {
    case SQL_OBJECT_TABLE:
    case SQL_OBJECT_VIEW:
    case SQL_OBJECT_MATERIALIZED_TABLE: alter_object(planner, alter); break;
    case SQL_OBJECT_DATABASE: alter_database(planner, alter); break;
    case SQL_OBJECT_CATALOG: alter_catalog(planner, alter); break;
    case SQL_OBJECT_FUNCTION: bind_alter_function(planner, alter); break;
    }
}
