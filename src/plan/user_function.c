/* CREATE FUNCTION: classes of Java cannot run here; a few that are known are built in. */
#include <assert.h>

#include "plan/internal.h"

/* Classes whose functions the catalogue has under the class's name. */
static const char *const known_classes[] = {
    "com.github.nexmark.flink.udf.CountChar",
};
enum { KNOWN_COUNT = sizeof known_classes / sizeof known_classes[0] };

/* In the session's map under its key. */
typedef struct UserFunction {
    Str name; /* in lower case: names of functions do not tell it from upper case */
    Str catalog, database;
    const char *class_name; /* one of known_classes */
    bool is_temporary, is_system;
} UserFunction;

static const char *class_find(Str name)
{
    for (int32_t i = 0; i < KNOWN_COUNT; i++) {
        if (str_is(name, known_classes[i]))
            return known_classes[i];
    }
    return NULL;
}

static Str name_lower(Arena *arena, Str name)
{
    Str copy = str_copy(arena, name);
    for (int64_t i = 0; i < copy.length; i++) {
        char c = copy.data[i];
        if (c >= 'A' && c <= 'Z')
            ((char *)copy.data)[i] = (char)(c - 'A' + 'a');
    }
    return copy;
}

/* Temporary functions and those of catalogs do not get in each other's way. */
static Str function_key(Arena *arena, const UserFunction *function)
{
    if (function->is_system)
        return str_from(arena_printf(arena, "system %.*s", STR_ARGS(function->name)));
    return str_from(arena_printf(
        arena, "%s %.*s.%.*s.%.*s", function->is_temporary ? "temporary" : "catalog",
        STR_ARGS(function->catalog), STR_ARGS(function->database), STR_ARGS(function->name)));
}

static bool function_path(Planner *planner, const SqlPath *path, bool is_temporary, bool is_system,
                          UserFunction *out)
{
    *out = (UserFunction){.is_temporary = is_temporary, .is_system = is_system};
    if (is_system && path->parts.count > 1) {
        REPORT(planner, "WR2002", path->span, "the name of a system function has one part");
        return false;
    }
    ObjectPath full = {.name = sql_path_last(path)->text};
    if (!is_system && !catalog_resolve(planner, path, &full))
        return false;
    out->name = name_lower(planner->session->arena, full.name);
    out->catalog = full.catalog;
    out->database = full.database;
    return true;
}

static const char *class_check(Planner *planner, Str identifier, Span span)
{
    const char *known = class_find(identifier);
    if (known != NULL)
        return known;
    Diagnostic *d = REPORT(planner, "WR2415", span,
                           "class '%.*s' cannot run here: weir runs no "
                           "Java",
                           STR_ARGS(identifier));
    diagnostic_note(d, "the classes that are built in are %s", known_classes[0]);
    diagnostic_help(d, "`weir functions` lists the functions there are");
    return NULL;
}

void bind_create_function(Planner *planner, const SqlCreateObject *create)
{
    UserFunction function;
    if (!function_path(planner, create->name, create->is_temporary, create->is_system, &function))
        return;
    PlanSession *session = planner->session;
    Str key = function_key(session->arena, &function);
    if (map_find(session->functions, key) != NULL) {
        if (!create->if_not_exists)
            REPORT(planner, "WR2004", create->name->span, "function `%.*s` already exists",
                   STR_ARGS(function.name));
        return;
    }
    function.class_name = class_check(planner, create->identifier, create->identifier_span);
    if (function.class_name == NULL)
        return;
    for (int32_t i = 0; i < create->jars.count; i++)
        WARN(planner, "WR2015", LIST_AT(create->jars, i, SqlOption)->key_span,
             "a JAR has no effect: weir runs no Java");
    map_put(session->functions, key,
            arena_copy(session->arena, &function, (int64_t)sizeof function));
}

static UserFunction *function_at(const PlanSession *session, const UserFunction *path)
{
    return map_find(session->functions, function_key(session->arena, path));
}

static void report_missing(Planner *planner, const SqlPath *path, const UserFunction *function)
{
    REPORT(planner, "WR2042", path->span, "%sfunction `%.*s` not found",
           function->is_system      ? "temporary system "
           : function->is_temporary ? "temporary "
                                    : "",
           STR_ARGS(function->name));
}

void bind_drop_function(Planner *planner, const SqlDrop *drop)
{
    UserFunction function;
    if (!function_path(planner, drop->name, drop->is_temporary, drop->is_system, &function))
        return;
    const PlanSession *session = planner->session;
    bool is_gone = map_remove(session->functions, function_key(session->arena, &function));
    if (!is_gone && !drop->if_exists)
        report_missing(planner, drop->name, &function);
}

void bind_alter_function(Planner *planner, const SqlAlter *alter)
{
    if (alter->is_temporary) {
        Diagnostic *d =
            REPORT(planner, "WR2412", alter->name->span, "a temporary function cannot be changed");
        diagnostic_help(d, "drop it and create it anew");
        return;
    }
    UserFunction path;
    if (!function_path(planner, alter->name, false, false, &path))
        return;
    UserFunction *function = function_at(planner->session, &path);
    if (function == NULL && !alter->if_exists)
        report_missing(planner, alter->name, &path);
    if (function == NULL)
        return;
    const char *class_name = class_check(planner, alter->identifier, alter->action_span);
    if (class_name != NULL)
        function->class_name = class_name;
}

/* In the order in which names are looked for: temporary system functions, what is built in,
 * temporary ones, those of the catalog. */
const char *user_function_find(Planner *planner, const SqlPath *path)
{
    const PlanSession *session = planner->session;
    if (map_count(session->functions) == 0 || path->parts.count > 3)
        return NULL;
    Str name = sql_path_last(path)->text;
    UserFunction wanted = {.name = name_lower(planner->arena, name), .is_system = true};
    const UserFunction *found = path->parts.count == 1 ? function_at(session, &wanted) : NULL;
    if (found != NULL)
        return found->class_name;
    if (path->parts.count == 1 && (function_find(name) != NULL || aggregate_exists(name)))
        return NULL;
    int32_t count = path->parts.count;
    wanted.is_system = false;
    wanted.is_temporary = true;
    wanted.catalog = count == 3 ? LIST_AT(path->parts, 0, SqlName)->text : session->catalog.catalog;
    wanted.database =
        count >= 2 ? LIST_AT(path->parts, count - 2, SqlName)->text : session->catalog.database;
    found = function_at(session, &wanted);
    wanted.is_temporary = false;
    if (found == NULL)
        found = function_at(session, &wanted);
    return found != NULL ? found->class_name : NULL;
}

void user_functions_list(Planner *planner, Str catalog, Str database, Map *names)
{
    const Map *functions = planner->session->functions;
    for (int32_t i = 0; i < map_count(functions); i++) {
        UserFunction *function = map_value_at(functions, i);
        if (function->is_system ||
            (str_equal(function->catalog, catalog) && str_equal(function->database, database)))
            map_put(names, function->name, function);
    }
}
