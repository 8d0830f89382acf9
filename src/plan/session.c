/* Sessions: statement after statement over one catalog. */
#include <assert.h>

#include "plan/internal.h"
#include "sql/sql.h"

PlanSession *session_new(const PlanContext *context, Arena *arena)
{
    assert(context->registry != NULL && context->world != NULL);
    PlanSession *session = ARENA_NEW(arena, PlanSession);
    session->context = *context;
    session->arena = arena;
    session->settings = map_new(arena);
    session->initial = map_new(arena);
    session->overrides = map_new(arena);
    session->jars = map_new(arena);
    session->functions = map_new(arena);
    session->errors = map_new(arena);
    session->stars = map_new(arena);
    catalog_init(session);
    return session;
}

void session_free(PlanSession *session)
{
    for (int32_t i = 0; session != NULL && i < session->texts.count; i++)
        arena_free(LIST_AT(session->texts, i, SessionText)->arena);
}

/* ---- Texts ----------------------------------------------------------------------------- */

SessionText *session_read(PlanSession *session, const Source *source, Diagnostics *diagnostics)
{
    Arena *arena = arena_new(0);
    SessionText *text = ARENA_NEW(arena, SessionText);
    text->arena = arena;
    text->user_count = 1;
    text->source = (Source){.name = str_terminated(arena, str_from(source->name)),
                            .text = str_copy(arena, source->text),
                            .allows_open_end = source->allows_open_end,
                            .base = session->text_end};
    /* What comes after two gigabytes of text has the places of the beginning. */
    int64_t end = session->text_end + source->text.length + 1;
    session->text_end = end < INT32_MAX - SQL_SCRIPT_BYTES_MAX ? (int32_t)end : 0;
    list_append(&session->texts, session->arena, text);
    list_append(&session->sources, session->arena, &text->source);
    /* The errors are in the diagnostics. */
    Status status = sql_parse(&text->source, arena, diagnostics, &text->script);
    (void)status;
    return text;
}

SessionText *session_text_use(SessionText *text)
{
    text->user_count++;
    return text;
}

static void list_remove(List *list, const void *item)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < list->count; i++) {
        if (list->items[i] != item)
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
}

void session_text_release(PlanSession *session, SessionText *text)
{
    assert(text->user_count > 0);
    if (--text->user_count > 0 || text->is_kept)
        return;
    list_remove(&session->texts, text);
    list_remove(&session->sources, &text->source);
    arena_free(text->arena);
}

/* ---- Statements ------------------------------------------------------------------------ */

/* Whether the session goes on using the statement's tree. */
static bool statement_is_definition(const SqlStatement *statement)
{
    switch (statement->kind) {
    case SQL_CREATE_TABLE:
    case SQL_CREATE_VIEW:
    case SQL_CREATE_MATERIALIZED_TABLE:
    case SQL_CREATE_CATALOG:
    case SQL_CREATE_DATABASE:
    case SQL_CREATE_FUNCTION:
    case SQL_ALTER: return true;
    case SQL_SET_OPTION:
    case SQL_RESET_OPTION:
    case SQL_DROP:
    case SQL_TRUNCATE:
    case SQL_USE:
    case SQL_MODULE:
    case SQL_JAR:
    case SQL_STOP_JOB:
    case SQL_CLIENT:
    case SQL_SHOW:
    case SQL_DESCRIBE:
    case SQL_INSERT:
    case SQL_STATEMENT_SET:
    case SQL_QUERY:
    case SQL_EXPLAIN: return false;
    }
    return false;
}

void planner_undo(Planner *planner)
{
    for (int32_t i = 0; i < planner->added.count; i++)
        catalog_remove(planner->session, LIST_AT(planner->added, i, CatalogObject));
    for (int32_t i = 0; i < planner->replaced.count; i++)
        catalog_put(planner->session, LIST_AT(planner->replaced, i, CatalogObject));
}

Status session_plan(PlanSession *session, SessionText *text, const SqlStatement *statement,
                    Arena *arena, Diagnostics *diagnostics, PlanStep *out)
{
    *out = (PlanStep){0};
    int32_t errors = diagnostics_mistake_count(diagnostics);
    diagnostics_set_source(diagnostics, &text->source);
    diagnostics_set_others(diagnostics, &session->sources);
    Planner planner;
    planner_begin(&planner, session, arena, diagnostics);
    bind_statement(&planner, statement);
    Plan *plan = planner.roots.count > 0 ? planner_finish(&planner) : NULL;
    text->is_kept |= statement_is_definition(statement);
    if (diagnostics_mistake_count(diagnostics) > errors) {
        planner_undo(&planner);
        return ERR_INVALID;
    }
    out->plan = plan;
    out->dropped = planner.dropped;
    if (planner.results.count > 0)
        out->result = LIST_AT(planner.results, 0, StatementResult);
    return OK;
}
