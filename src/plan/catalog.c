/* Tables, views and materialized tables by name. */
#include <assert.h>

#include "plan/internal.h"

void catalog_init(Planner *planner)
{
    Catalog *catalog = &planner->catalog;
    catalog->objects = map_new(planner->arena);
    catalog->databases = map_new(planner->arena);
    catalog->catalog = STR("default_catalog");
    catalog->database = STR("default_database");
    map_put(catalog->databases, STR("default_catalog.default_database"), catalog);
}

Str sql_path_text(Arena *arena, const SqlPath *path)
{
    Buffer text = {0};
    for (int32_t i = 0; i < path->parts.count; i++) {
        if (i > 0)
            buffer_append_char(&text, '.');
        buffer_append_str(&text, LIST_AT(path->parts, i, SqlName)->text);
    }
    Str copy = str_copy(arena, buffer_str(&text));
    buffer_free(&text);
    return copy;
}

static Str join_database(Arena *arena, Str catalog, Str database)
{
    return str_from(arena_printf(arena, "%.*s.%.*s", STR_ARGS(catalog), STR_ARGS(database)));
}

static bool catalog_check_database(Planner *planner, Str database, Span span)
{
    const Catalog *catalog = &planner->catalog;
    if (map_find(catalog->databases, database) != NULL)
        return true;
    Diagnostic *d =
        REPORT(planner, "WR2003", span, "database `%.*s` does not exist", STR_ARGS(database));
    int32_t count = map_count(catalog->databases);
    Str *names = ARENA_ARRAY(planner->arena, Str, count);
    for (int32_t i = 0; i < count; i++)
        names[i] = map_key_at(catalog->databases, i);
    diagnostic_suggest(d, names, count, database);
    return false;
}

bool catalog_path(Planner *planner, const SqlPath *path, Str *out)
{
    const Catalog *catalog = &planner->catalog;
    int32_t count = path->parts.count;
    if (count > 3) {
        REPORT(planner, "WR2002", path->span,
               "a table name has at most three parts: catalog.database.table");
        return false;
    }
    Str database = count >= 2 ? LIST_AT(path->parts, count - 2, SqlName)->text : catalog->database;
    Str name = count == 3 ? LIST_AT(path->parts, 0, SqlName)->text : catalog->catalog;
    Str full = join_database(planner->arena, name, database);
    if (!catalog_check_database(planner, full, path->span))
        return false;
    *out = str_from(arena_printf(planner->arena, "%.*s.%.*s", STR_ARGS(full),
                                 STR_ARGS(sql_path_last(path)->text)));
    return true;
}

static const char *object_word(ObjectKind kind)
{
    switch (kind) {
    case OBJECT_TABLE: return "table";
    case OBJECT_VIEW: return "view";
    case OBJECT_MATERIALIZED: return "materialized table";
    }
    return "object";
}

CatalogObject *catalog_find(Planner *planner, const SqlPath *path, bool *is_broken)
{
    *is_broken = false;
    Str full;
    if (!catalog_path(planner, path, &full))
        return NULL;
    CatalogObject *object = map_find(planner->catalog.objects, full);
    if (object != NULL) {
        *is_broken = object->is_broken;
        return object;
    }
    if (planner->is_partial) {
        *is_broken = true;
        return NULL;
    }
    Str name = sql_path_last(path)->text;
    Diagnostic *d = REPORT(planner, "WR2001", path->span, "table `%.*s` not found",
                           STR_ARGS(sql_path_text(planner->arena, path)));
    int32_t count = map_count(planner->catalog.objects);
    Str *names = ARENA_ARRAY(planner->arena, Str, count + 1);
    for (int32_t i = 0; i < count; i++) {
        const CatalogObject *other = map_value_at(planner->catalog.objects, i);
        names[i] = other->name;
    }
    if (!diagnostic_suggest(d, names, count, name) && count == 0)
        diagnostic_help(d, "create it before this statement with CREATE TABLE %.*s (…) WITH (…)",
                        STR_ARGS(name));
    return NULL;
}

CatalogObject *catalog_add(Planner *planner, const SqlPath *path, ObjectKind kind,
                           bool if_not_exists)
{
    Str full;
    if (!catalog_path(planner, path, &full))
        return NULL;
    const CatalogObject *old = map_find(planner->catalog.objects, full);
    if (old != NULL) {
        if (!if_not_exists) {
            Diagnostic *d = REPORT(planner, "WR2004", path->span, "%s `%.*s` already exists",
                                   object_word(old->kind), STR_ARGS(old->name));
            diagnostic_help(d, "choose another name, or write IF NOT EXISTS to keep the first");
        }
        return NULL;
    }
    CatalogObject *object = ARENA_NEW(planner->arena, CatalogObject);
    object->kind = kind;
    object->name = sql_path_last(path)->text;
    object->path = full;
    object->span = path->span;
    object->is_broken = true;
    map_put(planner->catalog.objects, full, object);
    return object;
}

static bool drop_fits(SqlObjectKind asked, ObjectKind kind)
{
    return (asked == SQL_OBJECT_TABLE && kind == OBJECT_TABLE) ||
           (asked == SQL_OBJECT_VIEW && kind == OBJECT_VIEW) ||
           (asked == SQL_OBJECT_MATERIALIZED_TABLE && kind == OBJECT_MATERIALIZED);
}

void catalog_drop(Planner *planner, const SqlDrop *drop)
{
    if (drop->object == SQL_OBJECT_CATALOG || drop->object == SQL_OBJECT_DATABASE ||
        drop->object == SQL_OBJECT_FUNCTION) {
        planner_unsupported(planner, drop->name->span, "DROP of catalogs, databases and functions");
        return;
    }
    Str full;
    if (!catalog_path(planner, drop->name, &full))
        return;
    if (drop->if_exists && map_find(planner->catalog.objects, full) == NULL)
        return;
    bool is_broken;
    const CatalogObject *object = catalog_find(planner, drop->name, &is_broken);
    if (object == NULL)
        return;
    if (!drop_fits(drop->object, object->kind)) {
        REPORT(planner, "WR2005", drop->name->span, "`%.*s` is a %s", STR_ARGS(object->name),
               object_word(object->kind));
        return;
    }
    if (object->kind == OBJECT_MATERIALIZED) {
        planner_unsupported(planner, drop->name->span,
                            "dropping a materialized table of the same script");
        return;
    }
    map_remove(planner->catalog.objects, full);
}

void catalog_use(Planner *planner, const SqlUse *use)
{
    Catalog *catalog = &planner->catalog;
    Str text = sql_path_text(planner->arena, use->name);
    if (use->object == SQL_OBJECT_CATALOG) {
        if (str_equal(text, catalog->catalog))
            return;
        REPORT(planner, "WR2003", use->name->span, "catalog `%.*s` does not exist", STR_ARGS(text));
        return;
    }
    Str database = sql_path_last(use->name)->text;
    Str full =
        use->name->parts.count == 2 ? text : join_database(planner->arena, catalog->catalog, text);
    if (catalog_check_database(planner, full, use->name->span))
        catalog->database = database;
}

void catalog_create_database(Planner *planner, const SqlCreateObject *create)
{
    Catalog *catalog = &planner->catalog;
    Str text = sql_path_text(planner->arena, create->name);
    Str full = create->name->parts.count == 2
                   ? text
                   : join_database(planner->arena, catalog->catalog, text);
    if (map_find(catalog->databases, full) != NULL) {
        if (!create->if_not_exists)
            REPORT(planner, "WR2004", create->name->span, "database `%.*s` already exists",
                   STR_ARGS(text));
        return;
    }
    map_put(catalog->databases, full, catalog);
}
