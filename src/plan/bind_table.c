/* CREATE TABLE, and the rows that a table gives when it is read. */
#include <assert.h>

#include "plan/internal.h"

/* ---- Columns --------------------------------------------------------------------------- */

static void table_count_columns(const SqlCreateTable *create, int32_t *physical, int32_t *metadata)
{
    *physical = 0;
    *metadata = 0;
    for (int32_t i = 0; i < create->columns.count; i++) {
        const SqlColumnDefinition *c = LIST_AT(create->columns, i, SqlColumnDefinition);
        *physical += c->kind == SQL_COLUMN_PHYSICAL;
        *metadata += c->kind == SQL_COLUMN_METADATA;
    }
}

static Type table_declared_type(Planner *planner, const SqlColumnDefinition *definition)
{
    Type type = definition->type->type;
    if (!type_is_small(planner, type, definition->type->span))
        return type_poison();
    if (type_physical(type) != PHYSICAL_NONE)
        return type;
    const char *name = type_text(planner->arena, type_nullable(type));
    planner_unsupported(planner, definition->type->span,
                        arena_printf(planner->arena, "a column of type %s", name));
    return type_poison();
}

/* Physical and metadata columns; computed ones only get their places. */
static void table_declare_columns(Planner *planner, const SqlCreateTable *create, TableEntry *entry)
{
    int32_t physical_count, metadata_count;
    table_count_columns(create, &physical_count, &metadata_count);
    int32_t base_count = physical_count + metadata_count;
    entry->column_count = create->columns.count;
    entry->columns = ARENA_ARRAY(planner->arena, TableColumn, entry->column_count + 1);
    Field *base = ARENA_ARRAY(planner->arena, Field, base_count + 1);
    int32_t physical = 0, metadata = physical_count;
    for (int32_t i = 0; i < entry->column_count; i++) {
        const SqlColumnDefinition *definition = LIST_AT(create->columns, i, SqlColumnDefinition);
        TableColumn *column = &entry->columns[i];
        *column = (TableColumn){.field.name = definition->name.text,
                                .kind = definition->kind,
                                .span = definition->span,
                                .physical = -1,
                                .base = -1,
                                .metadata = -1,
                                .is_virtual = definition->is_virtual};
        if (definition->kind == SQL_COLUMN_COMPUTED)
            continue;
        column->field.type = table_declared_type(planner, definition);
        bool is_physical = definition->kind == SQL_COLUMN_PHYSICAL;
        column->physical = is_physical ? physical : -1;
        column->base = is_physical ? physical++ : metadata++;
        column->metadata_key =
            definition->has_metadata_key ? definition->metadata_key : definition->name.text;
        base[column->base] = column->field;
    }
    entry->base = (Schema){.fields = base, .count = base_count};
    entry->table.physical = (Schema){.fields = base, .count = physical_count};
}

/* A computed column that names another computed column gets the message that says so. */
static bool table_refers_to_computed(Planner *planner, const TableEntry *entry, const SqlExpr *expr,
                                     Str name)
{
    if (expr->kind != SQL_COLUMN || expr->column->parts.count != 1)
        return false;
    Str used = sql_path_last(expr->column)->text;
    for (int32_t i = 0; i < entry->column_count; i++) {
        const TableColumn *column = &entry->columns[i];
        if (column->kind != SQL_COLUMN_COMPUTED || !str_equal(column->field.name, used))
            continue;
        Diagnostic *d = REPORT(planner, "WR2022", expr->span,
                               "computed column `%.*s` cannot use computed column `%.*s`",
                               STR_ARGS(name), STR_ARGS(used));
        diagnostic_help(d, "repeat its expression here");
        return true;
    }
    return false;
}

/* Looks for a mention of a computed column in the most common shapes of expressions. */
static bool table_find_computed(Planner *planner, const TableEntry *entry, const SqlExpr *expr,
                                Str name)
{
    if (expr->kind == SQL_BINARY)
        return table_find_computed(planner, entry, expr->binary.left, name) ||
               table_find_computed(planner, entry, expr->binary.right, name);
    if (expr->kind == SQL_UNARY)
        return table_find_computed(planner, entry, expr->unary.operand, name);
    if (expr->kind == SQL_CAST)
        return table_find_computed(planner, entry, expr->cast.operand, name);
    if (expr->kind == SQL_CALL) {
        for (int32_t i = 0; i < expr->call->arguments.count; i++) {
            const SqlExpr *argument = LIST_AT(expr->call->arguments, i, SqlExpr);
            if (table_find_computed(planner, entry, argument, name))
                return true;
        }
        return false;
    }
    return table_refers_to_computed(planner, entry, expr, name);
}

static void table_bind_computed(Planner *planner, const SqlCreateTable *create, TableEntry *entry)
{
    Scope scope = scope_of(planner, entry->table.name, entry->table.path, &entry->base);
    ExprBinder binder = {.planner = planner, .scope = &scope, .place = "a computed column"};
    for (int32_t i = 0; i < entry->column_count; i++) {
        TableColumn *column = &entry->columns[i];
        if (column->kind != SQL_COLUMN_COMPUTED)
            continue;
        const SqlColumnDefinition *definition = LIST_AT(create->columns, i, SqlColumnDefinition);
        Str name = column->field.name;
        if (table_find_computed(planner, entry, definition->computed, name))
            column->computed = expr_poison(planner->arena);
        else
            column->computed = bind_expr(&binder, definition->computed);
        column->field.type = column->computed->type;
    }
}

static void table_fill_schema(Planner *planner, TableEntry *entry)
{
    Field *fields = ARENA_ARRAY(planner->arena, Field, entry->column_count + 1);
    for (int32_t i = 0; i < entry->column_count; i++)
        fields[i] = entry->columns[i].field;
    entry->schema = (Schema){.fields = fields, .count = entry->column_count};
}

static OptionEntry option_entry(const SqlOption *option)
{
    return (OptionEntry){.key = option->key,
                         .value = option->value,
                         .span_start = option->value_span.start,
                         .span_end = option->value_span.end,
                         .key_start = option->key_span.start,
                         .key_end = option->key_span.end};
}

static void table_copy_options(Planner *planner, const List *options, TableEntry *entry)
{
    entry->option_count = options->count;
    entry->options = ARENA_ARRAY(planner->arena, OptionEntry, options->count + 1);
    for (int32_t i = 0; i < options->count; i++)
        entry->options[i] = option_entry(LIST_AT(*options, i, SqlOption));
}

TableEntry *bind_table(Planner *planner, const CatalogObject *object)
{
    const SqlCreateTable *create = object->table;
    TableEntry *entry = ARENA_NEW(planner->arena, TableEntry);
    entry->table.name = object->name;
    entry->table.path = object->path;
    entry->span = object->span;
    entry->watermark_column = -1;
    int32_t errors = diagnostics_mistake_count(planner->diagnostics);
    table_check_columns(planner, create);
    table_declare_columns(planner, create, entry);
    bool is_good = table_bind_keys(planner, create, entry);
    is_good &= table_bind_partition(planner, create, entry);
    table_bind_computed(planner, create, entry);
    table_fill_schema(planner, entry);
    is_good &= table_bind_watermark(planner, create, entry);
    is_good &= table_bind_distribution(planner, create, entry);
    table_copy_options(planner, &create->options, entry);
    is_good &= diagnostics_mistake_count(planner->diagnostics) == errors;
    return is_good ? entry : NULL;
}

/* CREATE OR REPLACE without a query would throw data away and put nothing in its place. */
static bool table_check_replace(Planner *planner, const SqlCreateTable *create)
{
    if (!create->is_replace)
        return true;
    Diagnostic *d =
        REPORT(planner, "WR2411", create->name->span, "REPLACE TABLE needs AS and a query");
    diagnostic_help(d, "write DROP TABLE IF EXISTS, then CREATE TABLE");
    return false;
}

void bind_create_table(Planner *planner, const SqlCreateTable *create)
{
    if (create->query != NULL) {
        bind_create_table_as(planner, create);
        return;
    }
    if (!table_check_replace(planner, create))
        return;
    /* A temporary table may be LIKE the one that it hides. */
    const SqlCreateTable *table = create->like != NULL ? table_like(planner, create) : create;
    CatalogObject *object = catalog_add(planner, create->name, OBJECT_TABLE, create->is_temporary,
                                        create->if_not_exists);
    if (object == NULL || table == NULL)
        return;
    object->table = table;
    object_define(planner, object);
}

/* ---- Reading --------------------------------------------------------------------------- */

static Rel *scan_source(Planner *planner, TableEntry *entry, Span span)
{
    int32_t count = entry->base.count;
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 1);
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < entry->column_count; i++) {
        const TableColumn *column = &entry->columns[i];
        if (column->base < 0)
            continue;
        fields[column->base] = column->field;
        fields[column->base].type = type_plain(column->field.type);
        columns[column->base] = column->physical;
        if (column->kind == SQL_COLUMN_METADATA) {
            fields[column->base].type = entry_metadata_type(planner, entry, column);
            columns[column->base] = -column->metadata - 1;
        }
    }
    Schema schema = {.fields = fields, .count = count};
    Rel *rel = rel_new(planner, PLAN_SOURCE, &schema, NULL, 0);
    rel->entry = entry;
    rel->span = span;
    rel->node.source.table = &entry->table;
    rel->node.source.columns = columns;
    return rel_intern(planner, rel);
}

/* Metadata columns arrive in the connector's type and are cast to the declared one. */
static Expr *scan_base_expr(Planner *planner, const TableEntry *entry, const TableColumn *column,
                            Type from)
{
    (void)entry;
    Expr *expr = expr_column(planner->arena, column->base, from);
    Type to = type_plain(column->field.type);
    if (column->kind != SQL_COLUMN_METADATA || type_equal(from, to) || type_is_poison(from))
        return expr;
    to.is_nullable = from.is_nullable;
    return expr_cast(planner->arena, expr, to, false);
}

static Rel *scan_declared(Planner *planner, TableEntry *entry, Rel *source)
{
    Expr **base = ARENA_ARRAY(planner->arena, Expr *, entry->base.count + 1);
    for (int32_t i = 0; i < entry->column_count; i++) {
        const TableColumn *column = &entry->columns[i];
        if (column->base >= 0)
            base[column->base] = scan_base_expr(planner, entry, column,
                                                source->node.schema.fields[column->base].type);
    }
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, entry->column_count + 1);
    Field *fields = ARENA_ARRAY(planner->arena, Field, entry->column_count + 1);
    for (int32_t i = 0; i < entry->column_count; i++) {
        const TableColumn *column = &entry->columns[i];
        exprs[i] = column->base >= 0 ? base[column->base]
                                     : expr_substitute(planner->arena, column->computed, base);
        fields[i] = entry->schema.fields[i];
        if (i == entry->watermark_column)
            fields[i].type.time_attribute = TIME_NONE;
    }
    Schema schema = {.fields = fields, .count = entry->column_count};
    return rel_calc(planner, source, NULL, exprs, &schema);
}

/* Of sources that have splits, the table may say it for itself. What is no duration is reported
 * with the other options, when the table is used. */
static int64_t scan_idle_timeout(Planner *planner, const TableEntry *entry)
{
    int64_t timeout_us;
    for (int32_t i = 0; i < entry->option_count; i++)
        if (str_is(entry->options[i].key, "scan.watermark.idle-timeout") &&
            duration_parse(entry->options[i].value, &timeout_us))
            return timeout_us;
    return settings_duration_us(planner, "table.exec.source.idle-timeout");
}

static Rel *scan_watermark(Planner *planner, TableEntry *entry, Rel *input)
{
    if (entry->watermark == NULL)
        return input;
    Rel *rel = rel_new(planner, PLAN_WATERMARK, &entry->schema, &input, 1);
    rel->node.watermark.time_column = entry->watermark_column;
    rel->node.watermark.watermark = entry->watermark;
    rel->node.watermark.interval_us =
        settings_duration_us(planner, "pipeline.auto-watermark-interval");
    rel->node.watermark.idle_timeout_us = scan_idle_timeout(planner, entry);
    return rel_intern(planner, rel);
}

static bool entry_has_metadata(const TableEntry *entry)
{
    for (int32_t i = 0; i < entry->column_count; i++) {
        if (entry->columns[i].kind == SQL_COLUMN_METADATA)
            return true;
    }
    return false;
}

Bound bind_scan(Planner *planner, TableEntry *entry, Span span)
{
    /* Options are checked at use; the types of metadata columns need the connector now. */
    if (entry_has_metadata(entry) && !entry_connect_source(planner, entry, span))
        return (Bound){0};
    Rel *source = scan_source(planner, entry, span);
    Rel *rel = scan_watermark(planner, entry, scan_declared(planner, entry, source));
    return bound_make(planner, rel, &entry->schema, span);
}

/* ---- Hints ----------------------------------------------------------------------------- */

static void hint_merge(TableEntry *entry, const SqlOption *option)
{
    int32_t at = 0;
    while (at < entry->option_count && !str_equal(entry->options[at].key, option->key))
        at++;
    if (at == entry->option_count)
        entry->option_count++;
    entry->options[at] = option_entry(option);
    entry->hints[entry->hint_count++] = at;
}

static TableEntry *hint_copy_entry(Planner *planner, const TableEntry *entry, int32_t extra)
{
    TableEntry *copy = arena_copy(planner->arena, entry, (int64_t)sizeof *entry);
    copy->options = ARENA_ARRAY(planner->arena, OptionEntry, entry->option_count + extra + 1);
    for (int32_t i = 0; i < entry->option_count; i++) {
        copy->options[i] = entry->options[i];
        if (copy->options[i].written.data != NULL)
            copy->options[i].value = copy->options[i].written;
        copy->options[i].written = (Str){0};
    }
    copy->hints = ARENA_ARRAY(planner->arena, int32_t, entry->hint_count + extra + 1);
    for (int32_t i = 0; i < entry->hint_count; i++)
        copy->hints[i] = entry->hints[i];
    copy->columns = arena_copy(planner->arena, entry->columns,
                               (int64_t)sizeof(TableColumn) * (entry->column_count + 1));
    copy->state = ENTRY_UNCHECKED;
    copy->is_checked_as_source = false;
    copy->is_checked_as_sink = false;
    return copy;
}

TableEntry *bind_hints(Planner *planner, TableEntry *entry, const List *hints)
{
    TableEntry *merged = entry;
    for (int32_t i = 0; i < hints->count; i++) {
        const SqlHint *hint = LIST_AT(*hints, i, SqlHint);
        if (!str_equal_ignoring_case(hint->name.text, STR("OPTIONS"))) {
            Str known = STR("OPTIONS");
            Diagnostic *d = REPORT(planner, "WR2071", hint->name.span, "unknown hint `%.*s`",
                                   STR_ARGS(hint->name.text));
            diagnostic_suggest(d, &known, 1, hint->name.text);
            continue;
        }
        if (settings_is(planner, "table.dynamic-table-options.enabled", "false")) {
            REPORT(planner, "WR2072", hint->name.span,
                   "the OPTIONS hint is allowed only when 'table.dynamic-table-options.enabled' "
                   "is true");
            continue;
        }
        merged = hint_copy_entry(planner, merged, hint->options.count);
        for (int32_t o = 0; o < hint->options.count; o++)
            hint_merge(merged, LIST_AT(hint->options, o, SqlOption));
    }
    return merged;
}
