/* Catalogs, databases, and the objects in them by name. */
#include <assert.h>

#include "plan/internal.h"

/* ---- Names ----------------------------------------------------------------------------- */

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

static void suggest_keys(Planner *planner, Diagnostic *d, const Map *map, Str name)
{
    int32_t count = map_count(map);
    Str *names = ARENA_ARRAY(planner->arena, Str, count + 1);
    for (int32_t i = 0; i < count; i++)
        names[i] = map_key_at(map, i);
    diagnostic_suggest(d, names, count, name);
}

const char *object_word(ObjectKind kind)
{
    switch (kind) {
    case OBJECT_TABLE: return "table";
    case OBJECT_VIEW: return "view";
    case OBJECT_MATERIALIZED: return "materialized table";
    }
    return "object";
}

/* ---- Catalogs and databases ------------------------------------------------------------ */

static CatalogDatabase *database_new(PlanSession *session, NamedCatalog *catalog, Str name)
{
    CatalogDatabase *database = ARENA_NEW(session->arena, CatalogDatabase);
    database->name = name;
    database->objects = map_new(session->arena);
    map_put(catalog->databases, name, database);
    return database;
}

static NamedCatalog *named_new(PlanSession *session, Str name, Str default_database)
{
    NamedCatalog *catalog = ARENA_NEW(session->arena, NamedCatalog);
    catalog->name = name;
    catalog->default_database = default_database;
    catalog->databases = map_new(session->arena);
    database_new(session, catalog, default_database);
    map_put(session->catalog.named, name, catalog);
    return catalog;
}

void catalog_init(PlanSession *session)
{
    Catalog *catalog = &session->catalog;
    catalog->named = map_new(session->arena);
    catalog->temporary = map_new(session->arena);
    catalog->catalog = STR("default_catalog");
    catalog->database = STR("default_database");
    named_new(session, catalog->catalog, catalog->database);
}

NamedCatalog *catalog_named(const PlanSession *session, Str name)
{
    return map_find(session->catalog.named, name);
}

CatalogDatabase *catalog_database(const PlanSession *session, Str catalog, Str database)
{
    const NamedCatalog *named = catalog_named(session, catalog);
    return named != NULL ? map_find(named->databases, database) : NULL;
}

NamedCatalog *catalog_find_named(Planner *planner, Str name, Span span)
{
    NamedCatalog *named = catalog_named(planner->session, name);
    if (named != NULL)
        return named;
    Diagnostic *d =
        REPORT(planner, "WR2003", span, "catalog `%.*s` does not exist", STR_ARGS(name));
    suggest_keys(planner, d, planner->session->catalog.named, name);
    return NULL;
}

CatalogDatabase *catalog_find_database(Planner *planner, Str catalog, Str database, Span span)
{
    const NamedCatalog *named = catalog_find_named(planner, catalog, span);
    if (named == NULL)
        return NULL;
    CatalogDatabase *found = map_find(named->databases, database);
    if (found != NULL)
        return found;
    Diagnostic *d =
        REPORT(planner, "WR2003", span, "database `%.*s` does not exist in catalog `%.*s`",
               STR_ARGS(database), STR_ARGS(catalog));
    suggest_keys(planner, d, named->databases, database);
    return NULL;
}

bool catalog_database_path(Planner *planner, const SqlPath *path, Str *catalog, Str *database)
{
    int32_t count = path->parts.count;
    if (count > 2) {
        REPORT(planner, "WR2002", path->span,
               "a database name has at most two parts: catalog.database");
        return false;
    }
    *catalog =
        count == 2 ? LIST_AT(path->parts, 0, SqlName)->text : planner->session->catalog.catalog;
    *database = sql_path_last(path)->text;
    return true;
}

void catalog_use(Planner *planner, const SqlUse *use)
{
    Catalog *current = &planner->session->catalog;
    if (use->object == SQL_OBJECT_CATALOG) {
        const SqlName *name = sql_path_last(use->name);
        if (use->name->parts.count > 1) {
            REPORT(planner, "WR2002", use->name->span, "a catalog name has one part");
            return;
        }
        const NamedCatalog *named = catalog_find_named(planner, name->text, name->span);
        if (named == NULL)
            return;
        current->catalog = named->name;
        current->database = named->default_database;
        return;
    }
    Str catalog, name;
    if (!catalog_database_path(planner, use->name, &catalog, &name))
        return;
    const CatalogDatabase *database =
        catalog_find_database(planner, catalog, name, use->name->span);
    if (database == NULL)
        return;
    current->catalog = catalog_named(planner->session, catalog)->name;
    current->database = database->name;
}

void catalog_create_database(Planner *planner, const SqlCreateObject *create)
{
    Str catalog, name;
    if (!catalog_database_path(planner, create->name, &catalog, &name))
        return;
    NamedCatalog *named = catalog_find_named(planner, catalog, create->name->span);
    if (named == NULL)
        return;
    if (map_find(named->databases, name) != NULL) {
        if (!create->if_not_exists)
            REPORT(planner, "WR2004", create->name->span,
                   "database `%.*s` already exists in catalog `%.*s`", STR_ARGS(name),
                   STR_ARGS(catalog));
        return;
    }
    CatalogDatabase *database = database_new(planner->session, named, name);
    database->comment = create->comment;
    database->options = create->options;
}

int32_t sql_options_find(const List *options, Str key)
{
    for (int32_t i = 0; i < options->count; i++) {
        if (str_equal(LIST_AT(*options, i, SqlOption)->key, key))
            return i;
    }
    return -1;
}

void sql_options_put(List *options, Arena *arena, SqlOption *option)
{
    int32_t at = sql_options_find(options, option->key);
    if (at >= 0)
        options->items[at] = option;
    else
        list_append(options, arena, option);
}

static const SqlOption *option_find(const List *options, const char *key)
{
    int32_t at = sql_options_find(options, str_from(key));
    return at >= 0 ? LIST_AT(*options, at, SqlOption) : NULL;
}

/* The only type of catalog that lives here; its one option is the name of its first database. */
static bool catalog_check_options(Planner *planner, const SqlCreateObject *create)
{
    const SqlOption *type = option_find(&create->options, "type");
    for (int32_t i = 0; i < create->options.count; i++) {
        const SqlOption *option = LIST_AT(create->options, i, SqlOption);
        if (option == type || str_is(option->key, "default-database"))
            continue;
        Diagnostic *d = REPORT(planner, "WR2401", option->key_span,
                               "unsupported option '%.*s' of a catalog", STR_ARGS(option->key));
        Str known[] = {STR("type"), STR("default-database")};
        diagnostic_suggest(d, known, 2, option->key);
        diagnostic_note(d, "options are type and default-database");
        return false;
    }
    if (type == NULL) {
        Diagnostic *d =
            REPORT(planner, "WR2401", create->name->span, "catalog `%.*s` has no 'type' option",
                   STR_ARGS(sql_path_last(create->name)->text));
        diagnostic_help(d, "write WITH ('type' = 'generic_in_memory')");
        return false;
    }
    if (!str_is(type->value, "generic_in_memory")) {
        Diagnostic *d =
            REPORT(planner, "WR2401", type->value_span,
                   "a catalog of type '%.*s' is not supported yet", STR_ARGS(type->value));
        Str known = STR("generic_in_memory");
        if (!diagnostic_suggest(d, &known, 1, type->value))
            diagnostic_note(d, "the only type is 'generic_in_memory', whose tables live as long "
                               "as the script or session");
        return false;
    }
    return true;
}

void catalog_create(Planner *planner, const SqlCreateObject *create)
{
    Str name = sql_path_last(create->name)->text;
    if (create->name->parts.count > 1) {
        REPORT(planner, "WR2002", create->name->span, "a catalog name has one part");
        return;
    }
    if (catalog_named(planner->session, name) != NULL) {
        if (!create->if_not_exists)
            REPORT(planner, "WR2004", create->name->span, "catalog `%.*s` already exists",
                   STR_ARGS(name));
        return;
    }
    if (!catalog_check_options(planner, create))
        return;
    const SqlOption *first = option_find(&create->options, "default-database");
    NamedCatalog *catalog =
        named_new(planner->session, name, first != NULL ? first->value : STR("default"));
    catalog->comment = create->comment;
    catalog->options = create->options;
}

/* ---- Objects --------------------------------------------------------------------------- */

static ObjectPath object_path(Arena *arena, Str catalog, Str database, Str name)
{
    const char *text = arena_printf(arena, "%.*s.%.*s.%.*s", STR_ARGS(catalog), STR_ARGS(database),
                                    STR_ARGS(name));
    return (ObjectPath){catalog, database, name, str_from(text)};
}

bool catalog_resolve(Planner *planner, const SqlPath *path, ObjectPath *out)
{
    const Catalog *current = &planner->session->catalog;
    int32_t count = path->parts.count;
    if (count > 3) {
        REPORT(planner, "WR2002", path->span,
               "a table name has at most three parts: catalog.database.table");
        return false;
    }
    Str catalog = count == 3 ? LIST_AT(path->parts, 0, SqlName)->text : current->catalog;
    Str database = count >= 2 ? LIST_AT(path->parts, count - 2, SqlName)->text : current->database;
    if (catalog_find_database(planner, catalog, database, path->span) == NULL)
        return false;
    *out = object_path(planner->arena, catalog, database, sql_path_last(path)->text);
    return true;
}

static CatalogObject *permanent_at(const PlanSession *session, const ObjectPath *path)
{
    const CatalogDatabase *database = catalog_database(session, path->catalog, path->database);
    return database != NULL ? map_find(database->objects, path->name) : NULL;
}

CatalogObject *catalog_object_at(const PlanSession *session, const ObjectPath *path)
{
    CatalogObject *temporary = map_find(session->catalog.temporary, path->text);
    return temporary != NULL ? temporary : permanent_at(session, path);
}

/* Names of the objects that can be named without a database, and of the temporary ones. */
static int32_t catalog_names(Planner *planner, const ObjectPath *path, Str **out)
{
    const PlanSession *session = planner->session;
    const CatalogDatabase *database = catalog_database(session, path->catalog, path->database);
    const Map *temporary = session->catalog.temporary;
    int32_t count = map_count(database->objects) + map_count(temporary);
    *out = ARENA_ARRAY(planner->arena, Str, count + 1);
    int32_t at = 0;
    for (int32_t i = 0; i < map_count(database->objects); i++)
        (*out)[at++] = map_key_at(database->objects, i);
    for (int32_t i = 0; i < map_count(temporary); i++) {
        const CatalogObject *object = map_value_at(temporary, i);
        (*out)[at++] = object->name;
    }
    return at;
}

/* An object of that name in another database, or NULL. */
static const CatalogObject *catalog_elsewhere(const PlanSession *session, Str name)
{
    const Map *catalogs = session->catalog.named;
    for (int32_t c = 0; c < map_count(catalogs); c++) {
        const NamedCatalog *named = map_value_at(catalogs, c);
        for (int32_t d = 0; d < map_count(named->databases); d++) {
            const CatalogDatabase *database = map_value_at(named->databases, d);
            const CatalogObject *object = map_find(database->objects, name);
            if (object != NULL)
                return object;
        }
    }
    return NULL;
}

static void report_missing(Planner *planner, const SqlPath *path, const ObjectPath *full)
{
    Diagnostic *d = REPORT(planner, "WR2001", path->span, "table `%.*s` not found",
                           STR_ARGS(sql_path_text(planner->arena, path)));
    const CatalogObject *other = catalog_elsewhere(planner->session, full->name);
    if (other != NULL) {
        bool is_near = str_equal(other->catalog, planner->session->catalog.catalog);
        diagnostic_help(d, "`%.*s` is in another database: write %.*s%s%.*s.%.*s",
                        STR_ARGS(full->name), is_near ? 0 : (int)other->catalog.length,
                        other->catalog.data, is_near ? "" : ".", STR_ARGS(other->database),
                        STR_ARGS(other->name));
        return;
    }
    Str *names;
    int32_t count = catalog_names(planner, full, &names);
    if (!diagnostic_suggest(d, names, count, full->name) && count == 0)
        diagnostic_help(d, "create it before this statement with CREATE TABLE %.*s (…) WITH (…)",
                        STR_ARGS(full->name));
}

CatalogObject *catalog_find(Planner *planner, const SqlPath *path, bool *is_broken)
{
    *is_broken = false;
    ObjectPath full;
    if (!catalog_resolve(planner, path, &full))
        return NULL;
    CatalogObject *object = catalog_object_at(planner->session, &full);
    if (object != NULL) {
        /* A view in its own query is no silent matter. */
        *is_broken = object->is_broken && !object_is_begun(planner, object);
        return object;
    }
    if (planner->is_partial) {
        *is_broken = true;
        return NULL;
    }
    report_missing(planner, path, &full);
    return NULL;
}

void catalog_put(PlanSession *session, CatalogObject *object)
{
    if (object->is_temporary)
        map_put(session->catalog.temporary, object->path, object);
    else
        map_put(catalog_database(session, object->catalog, object->database)->objects, object->name,
                object);
}

CatalogObject *catalog_add(Planner *planner, const SqlPath *path, ObjectKind kind,
                           bool is_temporary, bool if_not_exists)
{
    PlanSession *session = planner->session;
    ObjectPath full;
    if (!catalog_resolve(planner, path, &full))
        return NULL;
    const CatalogObject *old = is_temporary ? map_find(session->catalog.temporary, full.text)
                                            : permanent_at(session, &full);
    if (old != NULL) {
        if (!if_not_exists) {
            Diagnostic *d = REPORT(planner, "WR2004", path->span, "%s%s `%.*s` already exists",
                                   is_temporary ? "temporary " : "", object_word(old->kind),
                                   STR_ARGS(old->name));
            diagnostic_help(d, "choose another name, or write IF NOT EXISTS to keep the first");
        }
        return NULL;
    }
    CatalogObject *object = ARENA_NEW(session->arena, CatalogObject);
    *object = (CatalogObject){.kind = kind,
                              .id = session->object_count++,
                              .catalog = full.catalog,
                              .database = full.database,
                              .name = full.name,
                              .path = str_copy(session->arena, full.text),
                              .scope_catalog = session->catalog.catalog,
                              .scope_database = session->catalog.database,
                              .span = path->span,
                              .is_temporary = is_temporary,
                              .is_broken = true};
    catalog_put(session, object);
    if (is_temporary && permanent_at(session, &full) != NULL)
        objects_forget_queries(planner);
    list_append(&planner->added, planner->arena, object);
    return object;
}

void catalog_remove(PlanSession *session, const CatalogObject *object)
{
    if (object->is_temporary)
        map_remove(session->catalog.temporary, object->path);
    else
        map_remove(catalog_database(session, object->catalog, object->database)->objects,
                   object->name);
}

bool catalog_redefine(Planner *planner, CatalogObject *object, CatalogObject changed)
{
    PlanSession *session = planner->session;
    CatalogObject *next = arena_copy(session->arena, &changed, (int64_t)sizeof changed);
    next->id = session->object_count++;
    catalog_put(session, next);
    objects_forget_queries(planner);
    object_define(planner, next);
    if (next->is_broken)
        catalog_put(session, object);
    return !next->is_broken;
}

void catalog_rename(Planner *planner, CatalogObject *object, const SqlName *name)
{
    PlanSession *session = planner->session;
    ObjectPath full = object_path(session->arena, object->catalog, object->database, name->text);
    const CatalogObject *other = object->is_temporary
                                     ? map_find(session->catalog.temporary, full.text)
                                     : permanent_at(session, &full);
    if (other != NULL) {
        REPORT(planner, "WR2004", name->span, "%s `%.*s` already exists", object_word(other->kind),
               STR_ARGS(name->text));
        return;
    }
    CatalogObject renamed = *object;
    renamed.name = name->text;
    renamed.path = full.text;
    catalog_remove(session, object);
    if (!catalog_redefine(planner, object, renamed))
        catalog_put(session, object);
}
