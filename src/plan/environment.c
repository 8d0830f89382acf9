/* Modules, JARs and jobs: what Flink's sessions have around their tables, and weir's hardly. */
#include <assert.h>

#include "plan/internal.h"

/* ---- Modules --------------------------------------------------------------------------- */

/* There is one: `core`, the functions that are built in. */
static bool module_check(Planner *planner, const SqlName *name)
{
    if (str_is(name->text, "core"))
        return true;
    Diagnostic *d =
        REPORT(planner, "WR2405", name->span, "there is no module `%.*s`", STR_ARGS(name->text));
    diagnostic_note(d, "the only module is `core`, with the functions that are built in");
    return false;
}

static void module_use(Planner *planner, const SqlModule *module)
{
    for (int32_t i = 0; i < module->names.count; i++) {
        const SqlName *name = LIST_AT(module->names, i, SqlName);
        if (!module_check(planner, name))
            return;
        if (i > 0) {
            REPORT(planner, "WR2405", name->span, "module `%.*s` appears more than once",
                   STR_ARGS(name->text));
            return;
        }
    }
}

void bind_module(Planner *planner, const SqlModule *module)
{
    if (module->action == SQL_MODULE_USE) {
        module_use(planner, module);
        return;
    }
    const SqlName *name = LIST_AT(module->names, 0, SqlName);
    if (!module_check(planner, name))
        return;
    REPORT(planner, "WR2405", name->span,
           module->action == SQL_MODULE_LOAD ? "module `core` is loaded already"
                                             : "module `core` cannot be unloaded");
}

void show_modules(Planner *planner, const SqlShow *show)
{
    static const char *const heads[] = {"module name", "used"};
    const Str cells[] = {STR("core"), STR("TRUE")};
    StatementResult *result = result_new(planner, heads, show->is_full ? 2 : 1);
    result_add(planner, result, cells);
}

/* ---- JARs ------------------------------------------------------------------------------ */

void bind_jar(Planner *planner, const SqlJar *jar)
{
    Map *jars = planner->session->jars;
    if (jar->is_removed) {
        if (!map_remove(jars, jar->path))
            REPORT(planner, "WR2406", jar->path_span, "JAR '%.*s' was not added",
                   STR_ARGS(jar->path));
        return;
    }
    map_put(jars, jar->path, jars);
    Diagnostic *d =
        WARN(planner, "WR2015", jar->path_span, "a JAR has no effect: weir runs no Java");
    diagnostic_note(d, "connectors and formats are built in; `weir connector list` shows them");
}

void show_jars(Planner *planner)
{
    static const char *const heads[] = {"jars"};
    StatementResult *result = result_new(planner, heads, 1);
    const Map *jars = planner->session->jars;
    for (int32_t i = 0; i < map_count(jars); i++) {
        Str path = map_key_at(jars, i);
        result_add(planner, result, &path);
    }
}

/* ---- Jobs ------------------------------------------------------------------------------ */

/* Who runs statements one by one answers for jobs; in a script none has begun. */
void show_no_jobs(Planner *planner)
{
    static const char *const heads[] = {"job id", "job name", "status", "start time"};
    (void)result_new(planner, heads, 4);
}

void report_no_job(Planner *planner, Str job, Span span)
{
    Diagnostic *d = REPORT(planner, "WR2407", span, "there is no job '%.*s'", STR_ARGS(job));
    diagnostic_help(d, "SHOW JOBS lists those of a `weir sql` session");
}
