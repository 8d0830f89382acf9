/* INSERT INTO: columns matched by position, implicit casts, the sink. */
#include <assert.h>
#include <string.h>

#include "plan/internal.h"

/* A column that INSERT can write, and what goes into it. */
typedef struct InsertTarget {
    const TableColumn *column;
    Type type;
    Expr *expr;   /* over the query; NULL until matched */
    bool is_free; /* waits for a column of the query */
} InsertTarget;

typedef struct InsertBinder {
    Planner *planner;
    const SqlInsert *insert;
    TableEntry *entry;
    InsertTarget *targets;
    int32_t target_count;
    Bound query;
} InsertBinder;

static bool column_is_writable(const TableColumn *column)
{
    return column->kind == SQL_COLUMN_PHYSICAL ||
           (column->kind == SQL_COLUMN_METADATA && !column->is_virtual);
}

static InsertTarget *insert_find(InsertBinder *binder, const SqlName *name)
{
    for (int32_t i = 0; i < binder->target_count; i++) {
        if (str_equal(binder->targets[i].column->field.name, name->text))
            return &binder->targets[i];
    }
    Planner *planner = binder->planner;
    for (int32_t i = 0; i < binder->entry->column_count; i++) {
        const TableColumn *column = &binder->entry->columns[i];
        if (!str_equal(column->field.name, name->text))
            continue;
        REPORT(planner, "WR2101", name->span, "%s column `%.*s` cannot be written",
               column->kind == SQL_COLUMN_COMPUTED ? "computed" : "virtual metadata",
               STR_ARGS(name->text));
        return NULL;
    }
    Diagnostic *d = REPORT(planner, "WR2041", name->span, "column `%.*s` not found in table `%.*s`",
                           STR_ARGS(name->text), STR_ARGS(binder->entry->table.name));
    diagnostic_suggest_columns(planner, d, &binder->entry->schema, name->text);
    diagnostic_note_columns(d, &binder->entry->schema);
    return NULL;
}

static void insert_list_targets(InsertBinder *binder)
{
    const TableEntry *entry = binder->entry;
    bool has_list = binder->insert->columns.count > 0;
    binder->targets = ARENA_ARRAY(binder->planner->arena, InsertTarget, entry->column_count + 1);
    for (int32_t i = 0; i < entry->column_count; i++) {
        const TableColumn *column = &entry->columns[i];
        if (!column_is_writable(column))
            continue;
        InsertTarget *target = &binder->targets[binder->target_count++];
        *target = (InsertTarget){.column = column, .is_free = !has_list};
        target->type = type_plain(column->field.type);
    }
}

/* PARTITION (c = value): a constant goes into the column. */
static bool insert_bind_partition(InsertBinder *binder)
{
    Planner *planner = binder->planner;
    ExprBinder exprs = {.planner = planner, .place = "PARTITION"};
    bool is_good = true;
    for (int32_t i = 0; i < binder->insert->partition.count; i++) {
        const SqlPartitionValue *value = LIST_AT(binder->insert->partition, i, SqlPartitionValue);
        InsertTarget *target = insert_find(binder, &value->column);
        if (target == NULL) {
            is_good = false;
            continue;
        }
        if (value->value == NULL)
            continue;
        Expr *expr = bind_expr(&exprs, value->value);
        if (expr_is_poison(expr)) {
            is_good = false;
            continue;
        }
        if (cast_kind(expr->type, target->type) == CAST_NONE) {
            REPORT(planner, "WR2103", value->value->span, "%s cannot be a value of `%.*s`",
                   type_text(planner->arena, type_nullable(expr->type)),
                   STR_ARGS(value->column.text));
            is_good = false;
            continue;
        }
        Type to = target->type;
        to.is_nullable = expr->type.is_nullable;
        target->expr = expr_cast(planner->arena, expr, to, false);
        target->is_free = false;
    }
    return is_good;
}

/* The targets in the order in which the query's columns fill them. */
static bool insert_order(InsertBinder *binder, InsertTarget **order, int32_t *count)
{
    *count = 0;
    const List *names = &binder->insert->columns;
    bool is_good = true;
    for (int32_t i = 0; i < names->count; i++) {
        const SqlName *name = LIST_AT(*names, i, SqlName);
        InsertTarget *target = insert_find(binder, name);
        if (target == NULL) {
            is_good = false;
            continue;
        }
        if (target->is_free || target->expr != NULL) {
            REPORT(binder->planner, "WR2102", name->span, "column `%.*s` is given twice",
                   STR_ARGS(name->text));
            is_good = false;
            continue;
        }
        target->is_free = true;
        order[(*count)++] = target;
    }
    if (names->count > 0)
        return is_good;
    for (int32_t i = 0; i < binder->target_count; i++) {
        if (binder->targets[i].is_free)
            order[(*count)++] = &binder->targets[i];
    }
    return true;
}

static void schema_note(Planner *planner, Diagnostic *d, const char *what, const Schema *schema)
{
    Buffer text = {0};
    for (int32_t i = 0; i < schema->count; i++) {
        Type type = type_plain(schema->fields[i].type);
        buffer_printf(&text, "%s%.*s: %s", i > 0 ? ", " : "", STR_ARGS(schema->fields[i].name),
                      type_is_poison(type) ? "?" : type_text(planner->arena, type));
    }
    diagnostic_note(d, "%s: [%s]", what, buffer_terminated(&text));
    buffer_free(&text);
}

static void insert_note_schemas(InsertBinder *binder, Diagnostic *d, InsertTarget *const *order,
                                int32_t count)
{
    Field *fields = ARENA_ARRAY(binder->planner->arena, Field, count + 1);
    for (int32_t i = 0; i < count; i++)
        fields[i] = (Field){order[i]->column->field.name, order[i]->type};
    Schema sink = {.fields = fields, .count = count};
    schema_note(binder->planner, d, "query schema", &binder->query.schema);
    schema_note(binder->planner, d, "sink schema", &sink);
}

/* By table.exec.sink.type-length-enforcer: what is longer than the column is cut, CHAR and BINARY
 * are filled up. Types say nothing of what the values are, so that equal ones are enforced too. */
static Expr *insert_enforce_length(Planner *planner, Expr *expr, Type to)
{
    bool is_text = type_is_text(to), is_bytes = type_is_bytes(to);
    if ((!is_text && !is_bytes) ||
        !settings_is(planner, "table.exec.sink.type-length-enforcer", "trim_pad"))
        return expr;
    Type any = is_text ? type_string() : type_bytes();
    if (to.id == any.id && to.precision == any.precision)
        return expr;
    any.is_nullable = to.is_nullable = expr->type.is_nullable;
    return expr_cast(planner->arena, expr_cast(planner->arena, expr, any, false), to, false);
}

static bool insert_match_column(InsertBinder *binder, InsertTarget *const *order, int32_t count,
                                int32_t i)
{
    Planner *planner = binder->planner;
    InsertTarget *target = order[i];
    Type from = binder->query.schema.fields[i].type;
    if (type_is_poison(from) || type_is_poison(target->type))
        return false;
    Expr *expr = expr_column(planner->arena, i, from);
    Type to = target->type;
    to.is_nullable = from.is_nullable || from.id == TYPE_NULL;
    if (from.id == TYPE_NULL || (!type_equal(from, to) && cast_kind(from, to) == CAST_IMPLICIT)) {
        target->expr = expr_cast(planner->arena, expr, to, false);
    } else if (type_equal(from, to)) {
        expr->type.time_attribute = TIME_NONE;
        target->expr = insert_enforce_length(planner, expr, to);
    } else {
        Str name = target->column->field.name;
        Diagnostic *d = REPORT(planner, "WR2103", binder->query.spans[i],
                               "column `%.*s` of `%.*s` is %s, but the query gives %s",
                               STR_ARGS(name), STR_ARGS(binder->entry->table.name),
                               type_text(planner->arena, type_nullable(to)),
                               type_text(planner->arena, type_plain(type_nullable(from))));
        diagnostic_label(d, "not %s", type_text(planner->arena, type_nullable(to)));
        if (cast_kind(from, to) != CAST_NONE)
            diagnostic_help(d, "convert it: CAST(… AS %s)",
                            type_text(planner->arena, type_nullable(to)));
        insert_note_schemas(binder, d, order, count);
        return false;
    }
    return true;
}

static bool insert_match(InsertBinder *binder, InsertTarget *const *order, int32_t count)
{
    int32_t given = binder->query.schema.count;
    if (given != count) {
        Diagnostic *d =
            REPORT(binder->planner, "WR2104", binder->insert->table->span,
                   "`%.*s` takes %d column%s, but the query gives %d",
                   STR_ARGS(binder->entry->table.name), count, count == 1 ? "" : "s", given);
        insert_note_schemas(binder, d, order, count);
        return false;
    }
    bool is_good = true;
    for (int32_t i = 0; i < count; i++)
        is_good &= insert_match_column(binder, order, count, i);
    return is_good;
}

/* Columns without a value get NULL, if they may. */
static bool insert_fill(InsertBinder *binder)
{
    Planner *planner = binder->planner;
    bool is_good = true;
    for (int32_t i = 0; i < binder->target_count; i++) {
        InsertTarget *target = &binder->targets[i];
        if (target->expr != NULL)
            continue;
        Str name = target->column->field.name;
        if (!target->type.is_nullable) {
            Diagnostic *d = REPORT(planner, "WR2105", binder->insert->table->span,
                                   "column `%.*s` of `%.*s` is NOT NULL and gets no value",
                                   STR_ARGS(name), STR_ARGS(binder->entry->table.name));
            diagnostic_help(d, "name it in the column list and give it a value");
            is_good = false;
            continue;
        }
        Value null = {.type = target->type, .is_null = true};
        target->expr = expr_literal(planner->arena, null);
    }
    return is_good;
}

static bool insert_check_metadata(InsertBinder *binder)
{
    bool is_good = true;
    const PlanTable *table = &binder->entry->table;
    for (int32_t i = 0; i < binder->target_count; i++) {
        const TableColumn *column = binder->targets[i].column;
        if (column->kind != SQL_COLUMN_METADATA ||
            metadata_at(table->connector, table->options.format, column->metadata)->is_writable)
            continue;
        Diagnostic *d = REPORT(binder->planner, "WR2106", column->span,
                               "metadata column `%.*s` cannot be written by connector '%s'",
                               STR_ARGS(column->field.name), table->connector->name);
        diagnostic_help(d, "declare it VIRTUAL");
        is_good = false;
    }
    return is_good;
}

static ConflictRule insert_conflict_rule(const SqlInsert *insert)
{
    switch (insert->conflict) {
    case SQL_CONFLICT_NOTHING: return CONFLICT_FIRST;
    case SQL_CONFLICT_ERROR: return CONFLICT_FAIL;
    case SQL_CONFLICT_UNSPECIFIED:
    case SQL_CONFLICT_DEDUPLICATE: break;
    }
    return CONFLICT_LAST;
}

static bool insert_check_conflict(Planner *planner, const SqlInsert *insert,
                                  const TableEntry *entry)
{
    if (insert->conflict == SQL_CONFLICT_UNSPECIFIED || entry->table.key_count > 0)
        return true;
    Diagnostic *d =
        REPORT(planner, "WR2108", insert->conflict_span,
               "ON CONFLICT needs a PRIMARY KEY on table `%.*s`", STR_ARGS(entry->table.name));
    diagnostic_label(d, "conflicts are between rows of one key");
    return false;
}

/* What the target takes: of a metadata column, the connector's type of it. */
static Expr *insert_expr(InsertBinder *binder, const InsertTarget *target)
{
    Planner *planner = binder->planner;
    if (target->column->physical >= 0)
        return target->expr;
    Type to = entry_metadata_type(planner, binder->entry, target->column);
    to.is_nullable = target->expr->type.is_nullable;
    if (type_equal(target->expr->type, to))
        return target->expr;
    if (cast_kind(target->expr->type, to) != CAST_NONE)
        return expr_cast(planner->arena, target->expr, to, false);
    REPORT(planner, "WR3014", target->column->span,
           "metadata '%.*s' is %s and cannot be made of %s", STR_ARGS(target->column->metadata_key),
           type_text(planner->arena, to),
           type_text(planner->arena, type_plain(type_nullable(target->expr->type))));
    return target->expr;
}

static void insert_build(InsertBinder *binder)
{
    Planner *planner = binder->planner;
    int32_t count = binder->target_count;
    Expr **exprs = ARENA_ARRAY(planner->arena, Expr *, count + 1);
    Field *fields = ARENA_ARRAY(planner->arena, Field, count + 1);
    int32_t *writes = ARENA_ARRAY(planner->arena, int32_t, count + 1);
    for (int32_t i = 0; i < count; i++) {
        const InsertTarget *target = &binder->targets[i];
        exprs[i] = insert_expr(binder, target);
        fields[i] = (Field){target->column->field.name, type_plain(exprs[i]->type)};
        writes[i] = target->column->physical >= 0 ? target->column->physical
                                                  : -target->column->metadata - 1;
    }
    Schema schema = {.fields = fields, .count = count};
    Rel *input = rel_calc(planner, binder->query.rel, NULL, exprs, &schema);
    Rel *sink = rel_new(planner, PLAN_SINK, &schema, &input, 1);
    sink->entry = binder->entry;
    sink->owner = binder->entry->table.name;
    sink->span = binder->insert->table->span;
    sink->node.sink.table = &binder->entry->table;
    sink->node.sink.writes = writes;
    sink->node.sink.is_overwrite = binder->insert->is_overwrite;
    sink->node.sink.drops_null_rows =
        settings_is(planner, "table.exec.sink.not-null-enforcer", "drop");
    sink->ordering_ttl_us = settings_duration_us(planner, "table.exec.state.ttl");
    if (settings_is(planner, "table.exec.sink.upsert-materialize", "none"))
        sink->ordering = ORDERING_NONE;
    else if (settings_is(planner, "table.exec.sink.upsert-materialize", "force"))
        sink->ordering = ORDERING_FORCE;
    sink->conflict_rule = insert_conflict_rule(binder->insert);
    sink->serial = planner->rels.count;
    list_append(&planner->rels, planner->arena, sink);
    list_append(&planner->roots, planner->arena, sink);
}

/* The table to write; NULL after a report. */
static TableEntry *insert_find_table(Planner *planner, const SqlInsert *insert)
{
    bool is_broken;
    const CatalogObject *object = catalog_find(planner, insert->table, &is_broken);
    if (object == NULL || is_broken)
        return NULL;
    if (object->kind != OBJECT_TABLE) {
        REPORT(planner, "WR2107", insert->table->span, "%s `%.*s` cannot be written",
               object->kind == OBJECT_VIEW ? "view" : "materialized table", STR_ARGS(object->name));
        return NULL;
    }
    TableEntry *entry = object_table(planner, object, insert->table->span);
    return entry != NULL ? bind_hints(planner, entry, &insert->hints) : NULL;
}

/* Another statement of the plan that writes the table, or NULL. */
static const Rel *insert_find_other(Planner *planner, const TableEntry *entry)
{
    for (int32_t i = 0; i < planner->roots.count; i++) {
        const Rel *root = LIST_AT(planner->roots, i, Rel);
        if (root->node.kind == PLAN_SINK &&
            str_equal(root->node.sink.table->path, entry->table.path))
            return root;
    }
    return NULL;
}

/* Flink lets the one that ends last win, or lose rows. */
static bool insert_check_alone(Planner *planner, const SqlInsert *insert, const TableEntry *entry)
{
    const Rel *other = insert_find_other(planner, entry);
    if (other == NULL || (!insert->is_overwrite && !other->node.sink.is_overwrite))
        return true;
    Diagnostic *d = REPORT(planner, "WR2110", insert->table->span,
                           "table `%.*s` is overwritten, but two statements write it",
                           STR_ARGS(entry->table.name));
    diagnostic_note(d, "all statements of a script run at the same time");
    diagnostic_help(d, "write one INSERT OVERWRITE, with UNION ALL");
    return false;
}

static bool insert_check_overwrite(Planner *planner, const SqlInsert *insert,
                                   const TableEntry *entry)
{
    if (!insert_check_alone(planner, insert, entry))
        return false;
    if (!insert->is_overwrite)
        return true;
    const ConnectorInfo *connector = entry->table.connector;
    if (!connector->can_overwrite) {
        Diagnostic *d = REPORT(planner, "WR2110", insert->table->span,
                               "connector '%s' cannot overwrite", connector->name);
        diagnostic_help(d, entry->table.key_count > 0
                               ? "write INSERT INTO: rows take the place of those of their key"
                               : "write INSERT INTO, which adds rows");
        return false;
    }
    if (settings_is_batch(planner))
        return true;
    Diagnostic *d = REPORT(planner, "WR2110", insert->table->span,
                           "INSERT OVERWRITE is for batch mode: a stream has no end at which "
                           "old rows could go");
    diagnostic_help(d, "write SET 'execution.runtime-mode' = 'batch' before it");
    return false;
}

static const char *writer_name(Planner *planner, const PlanTable *table, const char **option)
{
    const ConnectorInfo *connector = table->connector;
    return connector->writer_name == NULL
               ? NULL
               : connector->writer_name(planner->arena, &table->options, option);
}

/* Each of two sinks with one name would shut the other one out. */
static bool insert_check_name(Planner *planner, const SqlInsert *insert, const TableEntry *entry)
{
    const char *option, *ignored;
    const char *name = writer_name(planner, &entry->table, &option);
    for (int32_t i = 0; i < planner->roots.count && name != NULL; i++) {
        const Rel *root = LIST_AT(planner->roots, i, Rel);
        const char *other = root->node.kind == PLAN_SINK
                                ? writer_name(planner, root->node.sink.table, &ignored)
                                : NULL;
        if (other == NULL || strcmp(name, other) != 0)
            continue;
        bool is_same = str_equal(root->node.sink.table->path, entry->table.path);
        Diagnostic *d = REPORT(
            planner, "WR2135", insert->table->span,
            "two statements write under one '%s': each would shut the other one out", option);
        diagnostic_note(d, "all statements of a script run at the same time");
        diagnostic_help(d, is_same ? "write one INSERT, with UNION ALL"
                                   : "give each table one of its own");
        return false;
    }
    return true;
}

void bind_insert(Planner *planner, const SqlInsert *insert)
{
    InsertBinder binder = {.planner = planner, .insert = insert};
    binder.entry = insert_find_table(planner, insert);
    binder.query = bind_query(planner, insert->query);
    if (binder.entry == NULL || !entry_connect_sink(planner, binder.entry, insert->table->span) ||
        !insert_check_overwrite(planner, insert, binder.entry) ||
        !insert_check_name(planner, insert, binder.entry))
        return;
    insert_list_targets(&binder);
    bool is_good = insert_check_metadata(&binder);
    is_good &= insert_check_conflict(planner, insert, binder.entry);
    is_good &= insert_bind_partition(&binder);
    InsertTarget **order = ARENA_ARRAY(planner->arena, InsertTarget *, binder.target_count + 1);
    int32_t count;
    is_good &= insert_order(&binder, order, &count);
    if (binder.query.rel == NULL || !is_good)
        return;
    if (insert_match(&binder, order, count) && insert_fill(&binder))
        insert_build(&binder);
}
