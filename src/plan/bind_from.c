/* FROM: tables, views, common table expressions, window functions, subqueries. */
#include <assert.h>

#include "plan/internal.h"

bool bound_rename(Planner *planner, Bound *bound, const List *names, Span span)
{
    if (names->count == 0 || bound->rel == NULL)
        return true;
    if (names->count != bound->schema.count) {
        REPORT(planner, "WR2031", span, "%d name%s given for %d column%s", names->count,
               names->count == 1 ? " is" : "s are", bound->schema.count,
               bound->schema.count == 1 ? "" : "s");
        return false;
    }
    Field *fields = ARENA_ARRAY(planner->arena, Field, names->count);
    for (int32_t i = 0; i < names->count; i++) {
        fields[i] = bound->schema.fields[i];
        fields[i].name = LIST_AT(*names, i, SqlName)->text;
        for (int32_t j = 0; j < i; j++) {
            if (str_equal(fields[j].name, fields[i].name))
                REPORT(planner, "WR2021", LIST_AT(*names, i, SqlName)->span,
                       "column `%.*s` is declared twice", STR_ARGS(fields[i].name));
        }
    }
    bound->schema.fields = fields;
    return true;
}

static const Cte *from_find_cte(const Planner *planner, const SqlPath *path)
{
    if (path->parts.count != 1)
        return NULL;
    for (const Cte *cte = planner->ctes; cte != NULL; cte = cte->outer) {
        if (str_equal(cte->name, sql_path_last(path)->text))
            return cte;
    }
    return NULL;
}

static Bound from_object(Planner *planner, const SqlTable *table, const CatalogObject *object)
{
    const List *hints = &table->named.hints;
    if (object->kind == OBJECT_TABLE) {
        TableEntry *entry = object_table(planner, object, table->span);
        if (entry == NULL)
            return (Bound){0};
        return bind_scan(planner, bind_hints(planner, entry, hints), table->span);
    }
    if (hints->count > 0) {
        REPORT(planner, "WR2073", LIST_AT(*hints, 0, SqlHint)->name.span,
               "`%.*s` is no table: it cannot take options by a hint", STR_ARGS(object->name));
    }
    return object_query(planner, object, table->span);
}

/* The text of a view means the same wherever it is shown and run again. */
static void from_write_out(PlanSession *session, SqlPath *path, const CatalogObject *object)
{
    const Str texts[] = {object->catalog, object->database, object->name};
    path->parts = (List){0};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        SqlName *part = ARENA_NEW(session->arena, SqlName);
        *part = (SqlName){.text = texts[i], .span = path->span, .is_quoted = true};
        list_append(&path->parts, session->arena, part);
    }
}

static Bound from_named(Planner *planner, const SqlTable *table, ScopeTable *names)
{
    SqlPath *path = table->named.path;
    names->alias = sql_path_last(path)->text;
    const Cte *cte = from_find_cte(planner, path);
    if (cte != NULL)
        return cte->query;
    bool is_broken;
    const CatalogObject *object = catalog_find_readable(planner, path, &is_broken);
    if (object == NULL || is_broken)
        return (Bound){0};
    names->path = object->path;
    if (planner->is_in_view && path->parts.count < 3)
        from_write_out(planner->session, path, object);
    return from_object(planner, table, object);
}

static Bound from_call(Planner *planner, const SqlTable *table)
{
    if (window_is_function(table->call))
        return bind_window(planner, table->call);
    if (table->call->kind != SQL_CALL) {
        planner_unsupported(planner, table->span, "this table function");
        return (Bound){0};
    }
    const SqlName *name = sql_path_last(table->call->call->name);
    Diagnostic *d = REPORT(planner, "WR2042", name->span, "table function `%.*s` not found",
                           STR_ARGS(name->text));
    Str windows[] = {STR("TUMBLE"), STR("HOP"),     STR("CUMULATE"), STR("SESSION"),
                     STR("TABLE"),  STR("LATERAL"), STR("UNNEST"),   STR("VALUES")};
    diagnostic_suggest(d, windows, sizeof windows / sizeof windows[0], name->text);
    diagnostic_note(d, "table functions are TUMBLE, HOP and CUMULATE");
    return (Bound){0};
}

static Bound from_unaliased(Planner *planner, const SqlTable *table, ScopeTable *names)
{
    switch (table->kind) {
    case SQL_TABLE_NAMED: return from_named(planner, table, names);
    case SQL_TABLE_CALL: return from_call(planner, table);
    case SQL_TABLE_QUERY: return bind_nested_query(planner, table->query);
    case SQL_TABLE_UNNEST:
    case SQL_TABLE_JOIN: break;
    case SQL_TABLE_MATCH: return bind_match(planner, table);
    }
    assert(table->kind != SQL_TABLE_JOIN && table->kind != SQL_TABLE_UNNEST);
    return (Bound){0};
}

Bound bind_leaf(Planner *planner, const SqlTable *table, Scope *scope)
{
    ScopeTable names = {0};
    Bound bound = from_unaliased(planner, table, &names);
    if (table->alias != NULL) {
        names.alias = table->alias->text;
        names.path = (Str){0};
    }
    if (!bound_rename(planner, &bound, &table->alias_columns, table->span))
        bound.rel = NULL;
    *scope = scope_of(planner, names.alias, names.path, &bound.schema);
    scope->outer = planner->outer;
    scope->is_broken = bound.rel == NULL;
    scope->tables[0].is_broken = scope->is_broken;
    return bound;
}
