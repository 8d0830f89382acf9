/* SHOW CREATE: the statement that would make an object again, in Flink's layout. */
#include <assert.h>
#include <stdlib.h>

#include "plan/internal.h"
#include "sql/sql.h"

/* ---- Types ----------------------------------------------------------------------------- */

/* The long form that Flink's catalogs keep: VARCHAR(2147483647) for STRING. */
static void print_long_type(Buffer *out, Type type);

static void print_long_children(Buffer *out, const char *word, Type type)
{
    buffer_printf(out, "%s<", word);
    for (int32_t i = 0; i < type.child_count; i++) {
        buffer_append_text(out, i > 0 ? ", " : "");
        if (type.id == TYPE_ROW) {
            sql_print_name(out, type.child_names[i]);
            buffer_append_char(out, ' ');
        }
        print_long_type(out, type.children[i]);
    }
    buffer_append_char(out, '>');
}

static void print_long_type(Buffer *out, Type type)
{
    switch ((int)type.id) {
    case TYPE_VARCHAR: buffer_printf(out, "VARCHAR(%d)", type.precision); break;
    case TYPE_VARBINARY: buffer_printf(out, "VARBINARY(%d)", type.precision); break;
    case TYPE_TIMESTAMP_LTZ:
        buffer_printf(out, "TIMESTAMP(%d) WITH LOCAL TIME ZONE", type.precision);
        break;
    case TYPE_ARRAY: print_long_children(out, "ARRAY", type); break;
    case TYPE_MAP: print_long_children(out, "MAP", type); break;
    case TYPE_MULTISET: print_long_children(out, "MULTISET", type); break;
    case TYPE_ROW: print_long_children(out, "ROW", type); break;
    default: {
        Type bare = type_nullable(type);
        bare.time_attribute = TIME_NONE;
        type_print(out, bare);
    }
    }
    if (!type.is_nullable)
        buffer_append_text(out, " NOT NULL");
}

/* ---- Tables ---------------------------------------------------------------------------- */

static void print_head(Buffer *out, const char *word, const CatalogObject *object)
{
    buffer_printf(out, "CREATE %s%s ", object->is_temporary ? "TEMPORARY " : "", word);
    sql_print_name(out, object->catalog);
    buffer_append_char(out, '.');
    sql_print_name(out, object->database);
    buffer_append_char(out, '.');
    sql_print_name(out, object->name);
}

static void print_comment(Buffer *out, const SqlComment *comment)
{
    if (!comment->is_given)
        return;
    buffer_append_text(out, "COMMENT ");
    sql_print_string(out, comment->text);
}

static void print_column(Buffer *out, const TableColumn *column,
                         const SqlColumnDefinition *definition)
{
    buffer_append_text(out, "  ");
    sql_print_name(out, column->field.name);
    buffer_append_char(out, ' ');
    if (column->kind == SQL_COLUMN_COMPUTED) {
        buffer_append_text(out, "AS ");
        sql_print_expr(out, definition->computed);
    } else {
        print_long_type(out, column->field.type);
    }
    if (column->kind == SQL_COLUMN_METADATA) {
        buffer_append_text(out, " METADATA");
        if (definition->has_metadata_key) {
            buffer_append_text(out, " FROM ");
            sql_print_string(out, definition->metadata_key);
        }
        buffer_append_text(out, column->is_virtual ? " VIRTUAL" : "");
    }
    if (definition->comment.is_given) {
        buffer_append_char(out, ' ');
        print_comment(out, &definition->comment);
    }
}

static void print_name_list(Buffer *out, const List *names)
{
    for (int32_t i = 0; i < names->count; i++) {
        buffer_append_text(out, i > 0 ? ", " : "");
        sql_print_name(out, LIST_AT(*names, i, SqlName)->text);
    }
}

Str primary_key_name(Arena *arena, const SqlPrimaryKey *key)
{
    if (key->constraint != NULL)
        return key->constraint->text;
    Buffer name = {0};
    buffer_append_text(&name, "PK");
    for (int32_t i = 0; i < key->columns.count; i++)
        buffer_printf(&name, "_%.*s", STR_ARGS(LIST_AT(key->columns, i, SqlName)->text));
    Str copy = str_copy(arena, buffer_str(&name));
    buffer_free(&name);
    return copy;
}

static void print_primary_key(Planner *planner, Buffer *out, const SqlPrimaryKey *key)
{
    buffer_append_text(out, "  CONSTRAINT ");
    sql_print_name(out, primary_key_name(planner->arena, key));
    buffer_append_text(out, " PRIMARY KEY (");
    print_name_list(out, &key->columns);
    buffer_append_text(out, ") NOT ENFORCED");
}

/* A secret that is not written as a reference is not shown. */
static bool option_is_secret(Planner *planner, const List *options, Str key)
{
    const Registry *registry = planner->context->registry;
    const ConnectorInfo *connector = NULL;
    for (int32_t i = 0; i < options->count; i++) {
        const SqlOption *option = LIST_AT(*options, i, SqlOption);
        for (int32_t c = 0; str_is(option->key, "connector") && c < registry->connector_count;
             c++) {
            if (str_is(option->value, registry->connectors[c]->name))
                connector = registry->connectors[c];
        }
    }
    for (int32_t i = 0; connector != NULL && i < connector->option_count; i++) {
        if (str_is(key, connector->options[i].key))
            return connector->options[i].is_secret;
    }
    Str word = STR("password");
    return connector == NULL && str_find(key, word) >= 0;
}

static int compare_options(const void *a, const void *b)
{
    return str_compare((*(SqlOption *const *)a)->key, (*(SqlOption *const *)b)->key);
}

/* In the order of the names, as Flink's catalogs give them. */
static void print_with(Planner *planner, Buffer *out, const List *options)
{
    if (options->count == 0)
        return;
    List sorted = list_copy(planner->arena, options);
    qsort(sorted.items, (size_t)sorted.count, sizeof *sorted.items, compare_options);
    buffer_append_text(out, "WITH (\n");
    for (int32_t i = 0; i < sorted.count; i++) {
        const SqlOption *option = LIST_AT(sorted, i, SqlOption);
        bool is_hidden = option_is_secret(planner, options, option->key) &&
                         !str_has_prefix(option->value, STR("${"));
        buffer_append_text(out, i > 0 ? ",\n  " : "  ");
        sql_print_string(out, option->key);
        buffer_append_text(out, " = ");
        sql_print_string(out, is_hidden ? STR("******") : option->value);
    }
    buffer_append_text(out, "\n)\n");
}

static void print_table(Planner *planner, Buffer *out, const CatalogObject *object,
                        const TableEntry *entry)
{
    const SqlCreateTable *table = object->table;
    print_head(out, "TABLE", object);
    buffer_append_text(out, " (\n");
    for (int32_t i = 0; i < entry->column_count; i++) {
        buffer_append_text(out, i > 0 ? ",\n" : "");
        print_column(out, &entry->columns[i], LIST_AT(table->columns, i, SqlColumnDefinition));
    }
    if (table->watermark != NULL) {
        buffer_append_text(out, ",\n  WATERMARK FOR ");
        sql_print_name(out, sql_path_last(table->watermark->column)->text);
        buffer_append_text(out, " AS ");
        sql_print_expr(out, table->watermark->expr);
    }
    if (table->primary_key != NULL) {
        buffer_append_text(out, ",\n");
        print_primary_key(planner, out, table->primary_key);
    }
    buffer_append_text(out, "\n) ");
    if (table->comment.is_given) {
        print_comment(out, &table->comment);
        buffer_append_char(out, '\n');
    }
    if (table->distribution != NULL) {
        buffer_append_text(out, "DISTRIBUTED");
        sql_print_distribution(out, table->distribution);
        buffer_append_char(out, '\n');
    }
    if (table->partitioned_by.count > 0) {
        buffer_append_text(out, "PARTITIONED BY (");
        print_name_list(out, &table->partitioned_by);
        buffer_append_text(out, ")\n");
    }
    print_with(planner, out, &table->options);
}

/* ---- Views and materialized tables ----------------------------------------------------- */

static void print_query(Buffer *out, const SqlQuery *query)
{
    buffer_append_text(out, "AS ");
    sql_print_query(out, query);
    buffer_append_char(out, '\n');
}

static void print_view(Buffer *out, const CatalogObject *object, const Schema *schema)
{
    print_head(out, "VIEW", object);
    buffer_append_text(out, " (\n");
    for (int32_t i = 0; i < schema->count; i++) {
        buffer_append_text(out, i > 0 ? ",\n  " : "  ");
        sql_print_name(out, schema->fields[i].name);
    }
    buffer_append_text(out, "\n)\n");
    if (object->view->comment.is_given) {
        print_comment(out, &object->view->comment);
        buffer_append_char(out, '\n');
    }
    print_query(out, object->view->query);
}

static void print_materialized(Planner *planner, Buffer *out, const CatalogObject *object)
{
    const SqlCreateMaterializedTable *table = object->materialized;
    print_head(out, "MATERIALIZED TABLE", object);
    buffer_append_char(out, '\n');
    if (table->primary_key != NULL) {
        buffer_append_text(out, "(\n");
        print_primary_key(planner, out, table->primary_key);
        buffer_append_text(out, "\n)\n");
    }
    if (table->comment.is_given) {
        print_comment(out, &table->comment);
        buffer_append_char(out, '\n');
    }
    print_with(planner, out, &table->options);
    if (table->freshness != NULL) {
        buffer_append_text(out, "FRESHNESS = ");
        sql_print_expr(out, table->freshness);
        buffer_append_char(out, '\n');
    }
    print_query(out, table->query);
}

static const char *show_statement(ObjectKind kind)
{
    switch (kind) {
    case OBJECT_TABLE: return "SHOW CREATE TABLE";
    case OBJECT_VIEW: return "SHOW CREATE VIEW";
    case OBJECT_MATERIALIZED: return "SHOW CREATE MATERIALIZED TABLE";
    }
    return "SHOW CREATE";
}

static bool show_fits(SqlShowKind asked, ObjectKind kind)
{
    return (asked == SQL_SHOW_CREATE_TABLE && kind == OBJECT_TABLE) ||
           (asked == SQL_SHOW_CREATE_VIEW && kind == OBJECT_VIEW) ||
           (asked == SQL_SHOW_CREATE_MATERIALIZED_TABLE && kind == OBJECT_MATERIALIZED);
}

void show_create_object(Planner *planner, const SqlShow *show)
{
    bool is_broken;
    const CatalogObject *object = catalog_find(planner, show->name, &is_broken);
    if (object == NULL || is_broken)
        return;
    if (!show_fits(show->kind, object->kind)) {
        Diagnostic *d = REPORT(planner, "WR2005", show->name->span, "`%.*s` is a %s",
                               STR_ARGS(object->name), object_word(object->kind));
        diagnostic_help(d, "write %s", show_statement(object->kind));
        return;
    }
    Buffer text = {0};
    if (object->kind == OBJECT_TABLE) {
        const TableEntry *entry = object_table(planner, object, show->name->span);
        if (entry != NULL)
            print_table(planner, &text, object, entry);
    } else if (object->kind == OBJECT_VIEW) {
        Bound query = object_query(planner, object, show->name->span);
        if (query.rel != NULL)
            print_view(&text, object, &query.schema);
    } else {
        print_materialized(planner, &text, object);
    }
    if (text.length > 0)
        result_add_text(planner, buffer_str(&text));
    buffer_free(&text);
}

void show_create_catalog(Planner *planner, const SqlShow *show)
{
    const NamedCatalog *catalog =
        catalog_find_named(planner, sql_path_last(show->name)->text, show->name->span);
    if (catalog == NULL)
        return;
    Buffer text = {0};
    buffer_append_text(&text, "CREATE CATALOG ");
    sql_print_name(&text, catalog->name);
    buffer_append_char(&text, ' ');
    if (catalog->comment.is_given) {
        print_comment(&text, &catalog->comment);
        buffer_append_char(&text, ' ');
    }
    print_with(planner, &text, &catalog->options);
    result_add_text(planner, buffer_str(&text));
    buffer_free(&text);
}
