/* DESCRIBE: the columns of a table, as Flink shows them. */
#include <assert.h>

#include "plan/internal.h"
#include "sql/sql.h"

enum { DESCRIBE_COLUMNS = 7 };

static const char *const describe_heads[DESCRIBE_COLUMNS] = {
    "name", "type", "null", "key", "extras", "watermark", "comment",
};

static Str buffer_take(Arena *arena, Buffer *text)
{
    Str copy = str_copy(arena, buffer_str(text));
    buffer_free(text);
    return copy;
}

static Str describe_key(Planner *planner, const TableEntry *entry, const TableColumn *column)
{
    bool is_key = false;
    Buffer text = {0};
    buffer_append_text(&text, "PRI(");
    for (int32_t k = 0; k < entry->table.key_count; k++) {
        is_key |= entry->table.key[k] == column->physical;
        Str name = entry->table.physical.fields[entry->table.key[k]].name;
        buffer_printf(&text, "%s%.*s", k > 0 ? ", " : "", STR_ARGS(name));
    }
    buffer_append_char(&text, ')');
    Str key = buffer_take(planner->arena, &text);
    return is_key ? key : (Str){0};
}

/* "METADATA FROM 'k' VIRTUAL", "AS `a` + 1" */
static Str describe_extras(Planner *planner, const SqlColumnDefinition *column)
{
    Buffer text = {0};
    if (column->kind == SQL_COLUMN_COMPUTED) {
        buffer_append_text(&text, "AS ");
        sql_print_expr(&text, column->computed);
    } else if (column->kind == SQL_COLUMN_METADATA) {
        buffer_append_text(&text, "METADATA");
        if (column->has_metadata_key) {
            buffer_append_text(&text, " FROM ");
            sql_print_string(&text, column->metadata_key);
        }
        buffer_append_text(&text, column->is_virtual ? " VIRTUAL" : "");
    }
    return text.length > 0 ? buffer_take(planner->arena, &text) : (Str){0};
}

static Str describe_watermark(Planner *planner, const SqlCreateTable *table, Str column)
{
    if (table->watermark == NULL ||
        !str_equal(sql_path_last(table->watermark->column)->text, column))
        return (Str){0};
    Buffer text = {0};
    sql_print_expr(&text, table->watermark->expr);
    return buffer_take(planner->arena, &text);
}

static void describe_field(Planner *planner, const Field *field, Str *cells)
{
    cells[0] = field->name;
    cells[1] = str_from(type_text(planner->arena, type_nullable(field->type)));
    cells[2] = field->type.is_nullable ? STR("TRUE") : STR("FALSE");
}

static bool table_has_comments(const SqlCreateTable *table)
{
    for (int32_t i = 0; i < table->columns.count; i++) {
        if (LIST_AT(table->columns, i, SqlColumnDefinition)->comment.is_given)
            return true;
    }
    return false;
}

static void describe_table(Planner *planner, const CatalogObject *object, Span span,
                           const SqlShow *filter)
{
    const TableEntry *entry = object_table(planner, object, span);
    if (entry == NULL)
        return;
    const SqlCreateTable *table = object->table;
    int32_t count = table_has_comments(table) ? DESCRIBE_COLUMNS : DESCRIBE_COLUMNS - 1;
    StatementResult *result = result_new(planner, describe_heads, count);
    for (int32_t i = 0; i < entry->column_count; i++) {
        const TableColumn *column = &entry->columns[i];
        const SqlColumnDefinition *definition = LIST_AT(table->columns, i, SqlColumnDefinition);
        if (filter != NULL && !show_matches(filter, column->field.name))
            continue;
        Str cells[DESCRIBE_COLUMNS] = {0};
        describe_field(planner, &column->field, cells);
        cells[3] = describe_key(planner, entry, column);
        cells[4] = describe_extras(planner, definition);
        cells[5] = describe_watermark(planner, table, column->field.name);
        cells[6] = definition->comment.text;
        result_add(planner, result, cells);
    }
}

static void describe_query(Planner *planner, const CatalogObject *object, Span span,
                           const SqlShow *filter)
{
    Bound query = object_query(planner, object, span);
    if (query.rel == NULL)
        return;
    StatementResult *result = result_new(planner, describe_heads, DESCRIBE_COLUMNS - 1);
    for (int32_t i = 0; i < query.schema.count; i++) {
        const Field *field = &query.schema.fields[i];
        if (filter != NULL && !show_matches(filter, field->name))
            continue;
        Str cells[DESCRIBE_COLUMNS] = {0};
        describe_field(planner, field, cells);
        result_add(planner, result, cells);
    }
}

void describe_object(Planner *planner, const CatalogObject *object, Span span,
                     const SqlShow *filter)
{
    if (object->kind == OBJECT_TABLE)
        describe_table(planner, object, span, filter);
    else
        describe_query(planner, object, span, filter);
}

/* ---- Catalogs -------------------------------------------------------------------------- */

static void describe_info(Planner *planner, StatementResult *result, Str name, Str value)
{
    Str cells[2] = {name, value};
    result_add(planner, result, cells);
}

static void describe_catalog(Planner *planner, const SqlDescribe *describe)
{
    static const char *const heads[] = {"info name", "info value"};
    const NamedCatalog *catalog =
        catalog_find_named(planner, sql_path_last(describe->name)->text, describe->name->span);
    if (catalog == NULL)
        return;
    StatementResult *result = result_new(planner, heads, 2);
    describe_info(planner, result, STR("name"), catalog->name);
    describe_info(planner, result, STR("type"), STR("generic_in_memory"));
    describe_info(planner, result, STR("comment"), catalog->comment.text);
    for (int32_t i = 0; describe->is_extended && i < catalog->options.count; i++) {
        const SqlOption *option = LIST_AT(catalog->options, i, SqlOption);
        if (str_is(option->key, "type"))
            continue;
        const char *name = arena_printf(planner->arena, "option:%.*s", STR_ARGS(option->key));
        describe_info(planner, result, str_from(name), option->value);
    }
}

void bind_describe(Planner *planner, const SqlDescribe *describe, Span span)
{
    if (describe->name == NULL) {
        report_no_job(planner, describe->job, span);
        return;
    }
    switch (describe->object) {
    case SQL_OBJECT_CATALOG: describe_catalog(planner, describe); break;
    case SQL_OBJECT_DATABASE: planner_unsupported(planner, span, "DESCRIBE DATABASE"); break;
    case SQL_OBJECT_TABLE:
    case SQL_OBJECT_VIEW:
    case SQL_OBJECT_MATERIALIZED_TABLE:
    case SQL_OBJECT_FUNCTION: {
        bool is_broken;
        const CatalogObject *object = catalog_find_readable(planner, describe->name, &is_broken);
        if (object != NULL && !is_broken)
            describe_object(planner, object, describe->name->span, NULL);
        break;
    }
    }
}
