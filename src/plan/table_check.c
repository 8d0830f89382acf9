/* The clauses of CREATE TABLE that name columns: keys, partitions, the watermark. */
#include <assert.h>

#include "plan/internal.h"

void table_check_columns(Planner *planner, const SqlCreateTable *create)
{
    if (create->columns.count == 0)
        REPORT(planner, "WR2020", create->name->span, "table `%.*s` has no columns",
               STR_ARGS(sql_path_last(create->name)->text));
    Map *seen = map_new(planner->arena);
    for (int32_t i = 0; i < create->columns.count; i++) {
        SqlColumnDefinition *column = LIST_AT(create->columns, i, SqlColumnDefinition);
        if (map_find(seen, column->name.text) != NULL)
            REPORT(planner, "WR2021", column->name.span, "column `%.*s` is declared twice",
                   STR_ARGS(column->name.text));
        map_put(seen, column->name.text, column);
    }
    if (create->columns.count > PLAN_COLUMNS_MAX)
        REPORT(planner, "WR2039", create->name->span, "a table has at most %d columns",
               PLAN_COLUMNS_MAX);
}

static const TableColumn *entry_find(const TableEntry *entry, Str name)
{
    for (int32_t i = 0; i < entry->column_count; i++) {
        if (str_equal(entry->columns[i].field.name, name))
            return &entry->columns[i];
    }
    return NULL;
}

/* Indexes of physical columns by name; `what` is "primary key" or "partition key". */
static bool table_bind_names(Planner *planner, const TableEntry *entry, const List *names,
                             const char *what, int32_t *out)
{
    bool is_good = true;
    for (int32_t i = 0; i < names->count; i++) {
        const SqlName *name = LIST_AT(*names, i, SqlName);
        const TableColumn *column = entry_find(entry, name->text);
        if (column == NULL) {
            Diagnostic *d =
                REPORT(planner, "WR2023", name->span, "invalid %s: column `%.*s` does not exist",
                       what, STR_ARGS(name->text));
            diagnostic_suggest_columns(planner, d, &entry->table.physical, name->text);
            diagnostic_note_columns(d, &entry->table.physical);
        } else if (column->physical < 0) {
            Diagnostic *d = REPORT(planner, "WR2024", name->span,
                                   "invalid %s: column `%.*s` is not a physical column", what,
                                   STR_ARGS(name->text));
            diagnostic_note_columns(d, &entry->table.physical);
        }
        if (column == NULL || column->physical < 0) {
            is_good = false;
            continue;
        }
        out[i] = column->physical;
        for (int32_t j = 0; j < i && is_good; j++) {
            if (out[j] != out[i])
                continue;
            REPORT(planner, "WR2025", name->span, "column `%.*s` is named twice in the %s",
                   STR_ARGS(name->text), what);
            is_good = false;
        }
    }
    return is_good;
}

bool table_bind_keys(Planner *planner, const SqlCreateTable *create, TableEntry *entry)
{
    if (create->primary_key == NULL)
        return true;
    const List *names = &create->primary_key->columns;
    int32_t *key = ARENA_ARRAY(planner->arena, int32_t, names->count + 1);
    if (!table_bind_names(planner, entry, names, "primary key", key))
        return false;
    entry->table.key = key;
    entry->table.key_count = names->count;
    /* Columns of the key are NOT NULL. The schemas share the base's fields. */
    for (int32_t i = 0; i < entry->column_count; i++) {
        TableColumn *column = &entry->columns[i];
        for (int32_t k = 0; k < names->count; k++) {
            if (column->physical == key[k]) {
                column->field.type = type_not_null(column->field.type);
                ((Field *)entry->base.fields)[column->base].type = column->field.type;
            }
        }
    }
    return true;
}

bool table_bind_partition(Planner *planner, const SqlCreateTable *create, TableEntry *entry)
{
    const List *names = &create->partitioned_by;
    int32_t *partition = ARENA_ARRAY(planner->arena, int32_t, names->count + 1);
    if (!table_bind_names(planner, entry, names, "partition key", partition))
        return false;
    for (int32_t i = 0; i < names->count; i++) {
        Type type = entry->table.physical.fields[partition[i]].type;
        if (!type_is_nested(type))
            continue;
        planner_unsupported(planner, LIST_AT(*names, i, SqlName)->span,
                            arena_printf(planner->arena, "a partition key of type %s",
                                         type_text(planner->arena, type_nullable(type))));
        return false;
    }
    entry->table.partition = partition;
    entry->table.partition_count = names->count;
    return true;
}

/* Only the columns are looked at: no connector of weir writes into buckets. */
bool table_bind_distribution(Planner *planner, const SqlCreateTable *create, TableEntry *entry)
{
    entry->distribution = create->distribution;
    if (create->distribution == NULL)
        return true;
    const List *names = &create->distribution->columns;
    int32_t *columns = ARENA_ARRAY(planner->arena, int32_t, names->count + 1);
    return table_bind_names(planner, entry, names, "distribution key", columns);
}

static bool watermark_find_column(Planner *planner, const SqlWatermark *watermark,
                                  TableEntry *entry)
{
    if (watermark->column->parts.count > 1) {
        REPORT(planner, "WR2026", watermark->column->span,
               "a nested field cannot be the time of a table: `%.*s`",
               STR_ARGS(sql_path_text(planner->arena, watermark->column)));
        return false;
    }
    Str name = sql_path_last(watermark->column)->text;
    entry->watermark_column = schema_find(&entry->schema, name);
    if (entry->watermark_column >= 0)
        return true;
    Diagnostic *d = REPORT(planner, "WR2026", watermark->column->span,
                           "watermark column `%.*s` does not exist", STR_ARGS(name));
    diagnostic_suggest_columns(planner, d, &entry->schema, name);
    diagnostic_note_columns(d, &entry->schema);
    return false;
}

static bool watermark_check_type(Planner *planner, const SqlWatermark *watermark, Type type)
{
    if (type.time_attribute == TIME_PROCTIME) {
        REPORT(planner, "WR2027", watermark->column->span,
               "a watermark cannot be defined for a processing-time attribute");
        return false;
    }
    if (type_is_timestamp(type) && type.precision <= ROWTIME_PRECISION_MAX)
        return true;
    Diagnostic *d =
        REPORT(planner, "WR2027", watermark->column->span,
               "a watermark needs a column of type TIMESTAMP(p) or TIMESTAMP_LTZ(p) with p from 0 "
               "to 3, but this is %s",
               type_text(planner->arena, type_nullable(type)));
    if (type_is_timestamp(type))
        diagnostic_help(d, "declare it as %s(3)",
                        type.id == TYPE_TIMESTAMP ? "TIMESTAMP" : "TIMESTAMP_LTZ");
    else if (type_is_integer(type))
        diagnostic_help(d, "add a computed column: ts AS TO_TIMESTAMP_LTZ(column, 3)");
    else if (type_is_text(type))
        diagnostic_help(d, "add a computed column: ts AS TO_TIMESTAMP(column)");
    return false;
}

bool table_bind_watermark(Planner *planner, const SqlCreateTable *create, TableEntry *entry)
{
    const SqlWatermark *watermark = create->watermark;
    if (watermark == NULL)
        return true;
    if (!watermark_find_column(planner, watermark, entry))
        return false;
    Field *fields = (Field *)entry->schema.fields;
    int32_t index = entry->watermark_column;
    Type type = fields[index].type;
    if (type_is_poison(type) || !watermark_check_type(planner, watermark, type))
        return false;
    Scope scope = scope_of(planner, entry->table.name, entry->table.path, &entry->schema);
    ExprBinder binder = {.planner = planner, .scope = &scope, .place = "WATERMARK"};
    Expr *expr = bind_expr(&binder, watermark->expr);
    if (expr_is_poison(expr))
        return false;
    if (!type_equal(expr->type, type)) {
        /* `ts - INTERVAL …` may come out finer than the column; that is not the user's doing. */
        bool is_same_kind = expr->type.id == type.id;
        if (!is_same_kind) {
            REPORT(planner, "WR2028", watermark->expr->span,
                   "the watermark is %s, but the column `%.*s` is %s",
                   type_text(planner->arena, type_plain(type_nullable(expr->type))),
                   STR_ARGS(fields[index].name), type_text(planner->arena, type_nullable(type)));
            return false;
        }
        Type to = type;
        to.is_nullable = expr->type.is_nullable;
        expr = expr_cast(planner->arena, expr, to, false);
    }
    entry->watermark = expr;
    fields[index].type.time_attribute = TIME_ROWTIME;
    entry->columns[index].field.type.time_attribute = TIME_ROWTIME;
    return true;
}
