/* A script to a plan: statements in order, then passes over the whole graph. */
#include <assert.h>

#include "plan/internal.h"
#include "sql/sql.h"

Diagnostic *planner_unsupported(Planner *planner, Span span, const char *what)
{
    return REPORT(planner, "WR2099", span, "%s is not supported yet", what);
}

void diagnostic_note_table(Diagnostic *diagnostic, Str name, int32_t first, int32_t count,
                           const Schema *schema)
{
    enum { SHOWN_MAX = 30 };
    Buffer list = {0};
    for (int32_t i = 0; i < count && i < SHOWN_MAX; i++)
        buffer_printf(&list, "%s%.*s", i > 0 ? ", " : "", STR_ARGS(schema->fields[first + i].name));
    if (count > SHOWN_MAX)
        buffer_printf(&list, " and %d more", count - SHOWN_MAX);
    if (count > 0 && name.data != NULL)
        diagnostic_note(diagnostic, "columns of `%.*s` are %s", STR_ARGS(name),
                        buffer_terminated(&list));
    else if (count > 0)
        diagnostic_note(diagnostic, "columns are %s", buffer_terminated(&list));
    buffer_free(&list);
}

void diagnostic_note_columns(Diagnostic *diagnostic, const Schema *schema)
{
    diagnostic_note_table(diagnostic, (Str){0}, 0, schema->count, schema);
}

void diagnostic_suggest_columns(Planner *planner, Diagnostic *diagnostic, const Schema *schema,
                                Str name)
{
    Str *names = ARENA_ARRAY(planner->arena, Str, schema->count + 1);
    for (int32_t i = 0; i < schema->count; i++)
        names[i] = schema->fields[i].name;
    diagnostic_suggest(diagnostic, names, schema->count, name);
}

static void bind_query_alone(Planner *planner, const SqlStatement *statement)
{
    if (planner->context->collector != NULL) {
        bind_collect(planner, statement->query, statement->span);
        return;
    }
    bind_query(planner, statement->query);
    Diagnostic *d =
        REPORT(planner, "WR2100", span_make(statement->span.start, statement->span.start + 6),
               "a query alone gives its rows to nobody");
    diagnostic_help(d, "write INSERT INTO table before it, or CREATE MATERIALIZED TABLE name "
                       "FRESHNESS = INTERVAL '1' SECOND AS");
}

void bind_statement(Planner *planner, const SqlStatement *statement)
{
    if (!planner_has_room(planner, statement->span))
        return;
    switch (statement->kind) {
    case SQL_SET_OPTION: settings_set(planner, &statement->setting); break;
    case SQL_RESET_OPTION: settings_reset(planner, &statement->setting); break;
    case SQL_CREATE_TABLE: bind_create_table(planner, statement->create_table); break;
    case SQL_CREATE_VIEW: bind_create_view(planner, statement->create_view); break;
    case SQL_CREATE_MATERIALIZED_TABLE:
        bind_create_materialized(planner, statement->create_materialized_table);
        break;
    case SQL_INSERT: bind_insert(planner, statement->insert); break;
    case SQL_STATEMENT_SET:
        for (int32_t i = 0; i < statement->inserts.count; i++)
            bind_insert(planner, LIST_AT(statement->inserts, i, SqlStatement)->insert);
        break;
    case SQL_CREATE_DATABASE: catalog_create_database(planner, statement->create_object); break;
    case SQL_USE: catalog_use(planner, &statement->use); break;
    case SQL_DROP: bind_drop(planner, statement->drop); break;
    case SQL_QUERY: bind_query_alone(planner, statement); break;
    case SQL_CREATE_CATALOG: catalog_create(planner, statement->create_object); break;
    case SQL_CREATE_FUNCTION: bind_create_function(planner, statement->create_object); break;
    case SQL_ALTER: bind_alter(planner, statement->alter); break;
    case SQL_TRUNCATE: bind_truncate(planner, statement->truncate); break;
    case SQL_MODULE: bind_module(planner, statement->module); break;
    case SQL_JAR: bind_jar(planner, &statement->jar); break;
    case SQL_SHOW: bind_show(planner, statement->show); break;
    case SQL_DESCRIBE: bind_describe(planner, &statement->describe, statement->span); break;
    case SQL_EXPLAIN: bind_explain(planner, &statement->explain); break;
    case SQL_STOP_JOB:
        report_no_job(planner, statement->stop_job.job, statement->stop_job.job_span);
        break;
    case SQL_CLIENT:
        WARN(planner, "WR2014", statement->span, "this has no effect outside of `weir sql`");
        break;
    }
}

static void check_tables(Planner *planner, const Map *objects)
{
    for (int32_t i = 0; i < map_count(objects); i++) {
        const CatalogObject *object = map_value_at(objects, i);
        if (object->kind != OBJECT_TABLE || object->is_broken)
            continue;
        TableEntry *entry = object_table(planner, object, object->span);
        if (entry != NULL && entry_connect(planner, entry))
            list_append(&planner->tables, planner->arena, &entry->table);
    }
}

static void check_all_tables(Planner *planner)
{
    const Catalog *catalog = &planner->session->catalog;
    for (int32_t c = 0; c < map_count(catalog->named); c++) {
        const NamedCatalog *named = map_value_at(catalog->named, c);
        for (int32_t d = 0; d < map_count(named->databases); d++) {
            const CatalogDatabase *database = map_value_at(named->databases, d);
            check_tables(planner, database->objects);
        }
    }
    check_tables(planner, catalog->temporary);
}

void planner_begin(Planner *planner, PlanSession *session, Arena *arena, Diagnostics *diagnostics)
{
    *planner = (Planner){.session = session,
                         .context = &session->context,
                         .arena = arena,
                         .diagnostics = diagnostics,
                         .interned = map_new(arena)};
}

/* NULL after a mistake. Statements that could be bound are examined to the end, whatever is wrong
 * with others. */
static Plan *planner_run_passes(Planner *planner)
{
    pass_reach(planner);
    bool is_connected = pass_connect(planner);
    if (planner->context->checks_all)
        check_all_tables(planner);
    if (!is_connected)
        return NULL;
    pass_share(planner);
    pass_normalize(planner);
    pass_merge(planner);
    pass_top_n(planner);
    pass_changelog(planner);
    if (diagnostics_error_count(planner->diagnostics) > 0)
        return NULL;
    pass_fields(planner);
    pass_prune(planner);
    pass_bounds(planner);
    pass_determinism(planner);
    return pass_finish(planner);
}

Plan *planner_finish(Planner *planner)
{
    Plan *plan = planner_run_passes(planner);
    if (plan == NULL || diagnostics_error_count(planner->diagnostics) > 0)
        return NULL;
    settings_finish(planner, &plan->settings);
    plan->results = planner->results;
    plan->tables = planner->tables;
    return plan;
}

Status plan_script(const PlanContext *context, const Source *source, Arena *arena,
                   Diagnostics *diagnostics, Plan **out)
{
    *out = NULL;
    PlanSession *session = session_new(context, arena);
    Planner planner;
    planner_begin(&planner, session, arena, diagnostics);
    settings_override(&planner);
    SqlScript *script = NULL;
    planner.is_partial = sql_parse(source, arena, diagnostics, &script) != OK;
    for (int32_t i = 0; script != NULL && i < script->statements.count; i++) {
        const SqlStatement *statement = LIST_AT(script->statements, i, SqlStatement);
        if (statement->kind == SQL_CLIENT && statement->client == SQL_CLIENT_QUIT)
            break;
        bind_statement(&planner, statement);
    }
    *out = planner_finish(&planner);
    return *out != NULL ? OK : ERR_INVALID;
}
