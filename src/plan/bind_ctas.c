/* CREATE TABLE … AS: a table with the columns of a query, and the INSERT that fills it. */
#include <assert.h>

#include "plan/internal.h"

/* What Flink 1.20 does not take beside a query either. */
static bool ctas_is_plain(Planner *planner, const SqlCreateTable *create)
{
    const struct {
        bool is_given;
        Span span;
        const char *what;
    } parts[] = {
        {create->is_temporary, create->name->span, "TEMPORARY"},
        {create->primary_key != NULL,
         create->primary_key != NULL ? create->primary_key->span : (Span){0}, "a PRIMARY KEY"},
        {create->watermark != NULL, create->watermark != NULL ? create->watermark->span : (Span){0},
         "a WATERMARK"},
        {create->columns.count > 0,
         create->columns.count > 0 ? LIST_AT(create->columns, 0, SqlColumnDefinition)->span
                                   : (Span){0},
         "columns"},
        {create->distribution != NULL,
         create->distribution != NULL ? create->distribution->span : (Span){0}, "DISTRIBUTED BY"},
        {create->partitioned_by.count > 0,
         create->partitioned_by.count > 0 ? LIST_AT(create->partitioned_by, 0, SqlName)->span
                                          : (Span){0},
         "PARTITIONED BY"},
        {create->like != NULL, create->name->span, "LIKE"},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!parts[i].is_given)
            continue;
        Diagnostic *d = REPORT(planner, "WR2411", parts[i].span, "CREATE TABLE … AS cannot have %s",
                               parts[i].what);
        diagnostic_help(d, "write CREATE TABLE with what is needed, then INSERT INTO");
        return false;
    }
    return true;
}

/* Names and types of the query; times become plain timestamps. */
static SqlCreateTable *ctas_definition(Planner *planner, const SqlCreateTable *create,
                                       const Bound *query)
{
    Arena *arena = planner->session->arena;
    SqlCreateTable *table = ARENA_NEW(arena, SqlCreateTable);
    *table = *create;
    table->query = NULL;
    table->is_replace = false;
    for (int32_t i = 0; i < query->schema.count; i++) {
        SqlColumnDefinition *column = ARENA_NEW(arena, SqlColumnDefinition);
        column->span = query->spans[i];
        column->name =
            (SqlName){.text = str_copy(arena, query->schema.fields[i].name), .span = column->span};
        column->type = ARENA_NEW(arena, SqlType);
        column->type->span = column->span;
        column->type->type = type_plain(query->schema.fields[i].type);
        list_append(&table->columns, arena, column);
    }
    return table;
}

static bool schema_is_good(const Bound *query)
{
    for (int32_t i = 0; query->rel != NULL && i < query->schema.count; i++) {
        if (type_is_poison(query->schema.fields[i].type))
            return false;
    }
    return query->rel != NULL;
}

/* REPLACE takes the place of the table that is there. */
static bool ctas_replace(Planner *planner, const SqlCreateTable *create)
{
    ObjectPath full;
    if (!catalog_resolve(planner, create->name, &full))
        return false;
    CatalogObject *old = catalog_object_at(planner->session, &full);
    if (old == NULL && !create->is_or_create) {
        bool is_broken;
        (void)catalog_find(planner, create->name, &is_broken);
        return false;
    }
    if (old != NULL && (old->kind != OBJECT_TABLE || old->is_temporary)) {
        REPORT(planner, "WR2005", create->name->span, "`%.*s` is a %s%s", STR_ARGS(old->name),
               old->is_temporary ? "temporary " : "", object_word(old->kind));
        return false;
    }
    if (old != NULL) {
        catalog_remove(planner->session, old);
        list_append(&planner->replaced, planner->arena, old);
    }
    return true;
}

void bind_create_table_as(Planner *planner, const SqlCreateTable *create)
{
    int32_t errors = diagnostics_mistake_count(planner->diagnostics);
    Bound query = bind_query(planner, create->query);
    if (!ctas_is_plain(planner, create) || !schema_is_good(&query) ||
        diagnostics_mistake_count(planner->diagnostics) > errors ||
        (create->is_replace && !ctas_replace(planner, create)))
        return;
    CatalogObject *object =
        catalog_add(planner, create->name, OBJECT_TABLE, false, create->if_not_exists);
    if (object == NULL && create->if_not_exists)
        EXTENSION(planner, CTAS_EXISTS, create->name->span,
                  str_terminated(planner->arena, sql_path_last(create->name)->text));
    if (object == NULL)
        return;
    object->table = ctas_definition(planner, create, &query);
    object_define(planner, object);
    if (object->is_broken)
        return;
    SqlInsert insert = {.table = create->name, .query = create->query};
    bind_insert(planner, &insert);
}
