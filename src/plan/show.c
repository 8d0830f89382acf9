/* SHOW: what there is, by name. */
#include <assert.h>

#include "plan/internal.h"

/* ---- Patterns -------------------------------------------------------------------------- */

static bool same_character(char a, char b, bool ignores_case)
{
    return ignores_case ? str_equal_ignoring_case(str_make(&a, 1), str_make(&b, 1)) : a == b;
}

/* Bytes of the UTF-8 character that begins here. */
static int64_t character_bytes(Str text, int64_t at)
{
    int64_t end = at + 1;
    while (end < text.length && ((unsigned char)text.data[end] & 0xC0) == 0x80)
        end++;
    return end - at;
}

/* LIKE: '%' any characters, '_' one, '\' takes the next as it is. Goes back to the last '%' only,
 * so that no pattern takes long. */
static bool like_matches(Str pattern, Str text, bool ignores_case)
{
    int64_t p = 0, t = 0, star = -1, star_text = 0;
    while (t < text.length) {
        bool is_escape = p + 1 < pattern.length && pattern.data[p] == '\\';
        if (p < pattern.length && pattern.data[p] == '%') {
            star = ++p;
            star_text = t;
        } else if (p < pattern.length && pattern.data[p] == '_') {
            p++;
            t += character_bytes(text, t);
        } else if (p < pattern.length &&
                   same_character(pattern.data[p + is_escape], text.data[t], ignores_case)) {
            p += 1 + is_escape;
            t++;
        } else if (star >= 0) {
            p = star;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.length && pattern.data[p] == '%')
        p++;
    return p == pattern.length;
}

bool show_matches(const SqlShow *show, Str name)
{
    return !show->has_pattern ||
           like_matches(show->pattern, name, show->is_case_insensitive) != show->is_negated;
}

/* ---- Lists of names -------------------------------------------------------------------- */

static StatementResult *show_begin(Planner *planner, const char *column)
{
    return result_new(planner, &column, 1);
}

static void show_add(Planner *planner, const SqlShow *show, StatementResult *result, Str name)
{
    if (show_matches(show, name))
        result_add(planner, result, &name);
}

static void show_catalogs(Planner *planner, const SqlShow *show)
{
    StatementResult *result = show_begin(planner, "catalog name");
    const Map *named = planner->session->catalog.named;
    for (int32_t i = 0; i < map_count(named); i++)
        show_add(planner, show, result, map_key_at(named, i));
    result_sort(result);
}

static void show_current(Planner *planner, const char *column, Str name)
{
    result_add(planner, show_begin(planner, column), &name);
}

static void show_databases(Planner *planner, const SqlShow *show)
{
    Str catalog = planner->session->catalog.catalog;
    if (show->name != NULL && show->name->parts.count > 1) {
        REPORT(planner, "WR2002", show->name->span, "a catalog name has one part");
        return;
    }
    if (show->name != NULL)
        catalog = sql_path_last(show->name)->text;
    const NamedCatalog *named =
        catalog_find_named(planner, catalog, show->name != NULL ? show->name->span : (Span){0});
    if (named == NULL)
        return;
    StatementResult *result = show_begin(planner, "database name");
    for (int32_t i = 0; i < map_count(named->databases); i++)
        show_add(planner, show, result, map_key_at(named->databases, i));
    result_sort(result);
}

/* The database of SHOW … FROM, or the current one; NULL after a report. */
static const CatalogDatabase *show_database(Planner *planner, const SqlShow *show, Str *catalog)
{
    *catalog = planner->session->catalog.catalog;
    Str database = planner->session->catalog.database;
    if (show->name != NULL && !catalog_database_path(planner, show->name, catalog, &database))
        return NULL;
    return catalog_find_database(planner, *catalog, database,
                                 show->name != NULL ? show->name->span : (Span){0});
}

static bool show_takes(SqlShowKind kind, ObjectKind object)
{
    if (kind == SQL_SHOW_VIEWS)
        return object == OBJECT_VIEW;
    return kind == SQL_SHOW_TABLES || object == OBJECT_MATERIALIZED;
}

static const char *show_objects_column(SqlShowKind kind)
{
    if (kind == SQL_SHOW_VIEWS)
        return "view name";
    return kind == SQL_SHOW_TABLES ? "table name" : "materialized table name";
}

/* A temporary object and the permanent one behind it are one name. */
static void show_objects(Planner *planner, const SqlShow *show)
{
    Str catalog;
    const CatalogDatabase *database = show_database(planner, show, &catalog);
    if (database == NULL)
        return;
    StatementResult *result = show_begin(planner, show_objects_column(show->kind));
    Map *taken = map_new(planner->arena);
    const Map *temporary = planner->session->catalog.temporary;
    for (int32_t i = 0; i < map_count(temporary); i++) {
        CatalogObject *object = map_value_at(temporary, i);
        bool is_here =
            str_equal(object->catalog, catalog) && str_equal(object->database, database->name);
        if (is_here && show_takes(show->kind, object->kind)) {
            map_put(taken, object->name, object);
            show_add(planner, show, result, object->name);
        }
    }
    for (int32_t i = 0; i < map_count(database->objects); i++) {
        const CatalogObject *object = map_value_at(database->objects, i);
        if (show_takes(show->kind, object->kind) && map_find(taken, object->name) == NULL)
            show_add(planner, show, result, object->name);
    }
    result_sort(result);
}

static Str lower_case(Arena *arena, Str text)
{
    Str copy = str_copy(arena, text);
    for (int64_t i = 0; i < copy.length; i++) {
        char c = copy.data[i];
        if (c >= 'A' && c <= 'Z')
            ((char *)copy.data)[i] = (char)(c - 'A' + 'a');
    }
    return copy;
}

static void show_functions(Planner *planner, const SqlShow *show)
{
    Str catalog;
    const CatalogDatabase *database = show_database(planner, show, &catalog);
    if (database == NULL)
        return;
    StatementResult *result = show_begin(planner, "function name");
    Map *taken = map_new(planner->arena);
    user_functions_list(planner, catalog, database->name, taken);
    for (int32_t i = 0; i < map_count(taken); i++)
        show_add(planner, show, result, map_key_at(taken, i));
    for (int32_t i = 0; !show->is_user && i < function_info_count(); i++) {
        Str name = lower_case(planner->arena, str_from(function_info_at(i)->name));
        if (map_find(taken, name) != NULL)
            continue;
        map_put(taken, name, result);
        show_add(planner, show, result, name);
    }
    result_sort(result);
}

/* ---- Columns --------------------------------------------------------------------------- */

static void show_columns(Planner *planner, const SqlShow *show)
{
    bool is_broken;
    const CatalogObject *object = catalog_find(planner, show->name, &is_broken);
    if (object != NULL && !is_broken)
        describe_object(planner, object, show->name->span, show);
}

void bind_show(Planner *planner, const SqlShow *show)
{
    const Catalog *current = &planner->session->catalog;
    switch (show->kind) {
    case SQL_SHOW_CATALOGS: show_catalogs(planner, show); break;
    case SQL_SHOW_CURRENT_CATALOG:
        show_current(planner, "current catalog name", current->catalog);
        break;
    case SQL_SHOW_CURRENT_DATABASE:
        show_current(planner, "current database name", current->database);
        break;
    case SQL_SHOW_DATABASES: show_databases(planner, show); break;
    case SQL_SHOW_TABLES:
    case SQL_SHOW_VIEWS:
    case SQL_SHOW_MATERIALIZED_TABLES: show_objects(planner, show); break;
    case SQL_SHOW_COLUMNS: show_columns(planner, show); break;
    case SQL_SHOW_FUNCTIONS: show_functions(planner, show); break;
    case SQL_SHOW_PROCEDURES: show_begin(planner, "procedure name"); break;
    case SQL_SHOW_MODULES: show_modules(planner, show); break;
    case SQL_SHOW_JARS: show_jars(planner); break;
    case SQL_SHOW_JOBS: show_no_jobs(planner); break;
    case SQL_SHOW_PARTITIONS: show_partitions(planner, show); break;
    case SQL_SHOW_CREATE_TABLE:
    case SQL_SHOW_CREATE_VIEW:
    case SQL_SHOW_CREATE_MATERIALIZED_TABLE: show_create_object(planner, show); break;
    case SQL_SHOW_CREATE_CATALOG: show_create_catalog(planner, show); break;
    }
}
