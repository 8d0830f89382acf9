/* TABLE$errors: the dead letters of a table, which nobody declares. */
#include <assert.h>
#include <string.h>

#include "plan/internal.h"
#include "sql/sql.h"

static const char suffix[] = "$errors";

/* Columns as the source knows them: connect/deadletters. */
static const char definition[] =
    "CREATE TABLE e (ts TIMESTAMP_LTZ(3), pipeline STRING, `table` STRING, stage STRING,\n"
    "  code STRING, reason STRING, `position` STRING, record BYTES, `text` STRING)\n"
    "  WITH ('connector' = 'dead-letters', 'table' = '%.*s')";

static const SqlCreateTable *errors_definition(Planner *planner, Str table)
{
    Buffer name = {0};
    for (int64_t i = 0; i < table.length; i++) {
        if (table.data[i] == '\'')
            buffer_append_char(&name, '\'');
        buffer_append_char(&name, table.data[i]);
    }
    PlanSession *session = planner->session;
    Source *source = ARENA_NEW(session->arena, Source);
    *source = (Source){
        .name = "$errors",
        .text = str_from(arena_printf(session->arena, definition, STR_ARGS(buffer_str(&name)))),
        .allows_open_end = true,
        .base = session->text_end,
    };
    buffer_free(&name);
    session->text_end += (int32_t)source->text.length + 1;
    list_append(&session->sources, session->arena, source);
    SqlScript *script;
    Diagnostics *diagnostics = diagnostics_new(session->arena, source);
    Status status = sql_parse(source, session->arena, diagnostics, &script);
    assert(status == OK && script->statements.count == 1);
    (void)status;
    return LIST_AT(script->statements, 0, SqlStatement)->create_table;
}

static CatalogObject *errors_of(Planner *planner, const ObjectPath *full, const CatalogObject *base)
{
    PlanSession *session = planner->session;
    CatalogObject *object = map_find(session->errors, full->text);
    if (object != NULL)
        return object;
    object = ARENA_NEW(session->arena, CatalogObject);
    *object = (CatalogObject){.kind = OBJECT_TABLE,
                              .id = session->object_count++,
                              .catalog = str_copy(session->arena, full->catalog),
                              .database = str_copy(session->arena, full->database),
                              .name = str_copy(session->arena, full->name),
                              .path = str_copy(session->arena, full->text),
                              .scope_catalog = base->scope_catalog,
                              .scope_database = base->scope_database,
                              .span = base->span,
                              .table = errors_definition(planner, base->name)};
    map_put(session->errors, object->path, object);
    return object;
}

CatalogObject *catalog_find_readable(Planner *planner, const SqlPath *path, bool *is_broken)
{
    ObjectPath full;
    if (!str_has_suffix(sql_path_last(path)->text, str_from(suffix)) ||
        !catalog_resolve(planner, path, &full) ||
        catalog_object_at(planner->session, &full) != NULL)
        return catalog_find(planner, path, is_broken);
    int64_t cut = (int64_t)strlen(suffix);
    ObjectPath of = full;
    of.name.length -= cut;
    of.text.length -= cut;
    const CatalogObject *base = catalog_object_at(planner->session, &of);
    if (base == NULL || base->kind != OBJECT_TABLE)
        return catalog_find(planner, path, is_broken);
    *is_broken = base->is_broken;
    return errors_of(planner, &full, base);
}
