/* Partitions of tables as the catalog knows them: added and dropped by ALTER TABLE, listed by SHOW
 * PARTITIONS. They are metadata: what is read and written does not depend on them. */
#include <assert.h>

#include "plan/internal.h"

/* A partition in the catalog: one value for each column of PARTITIONED BY, in that order. */
typedef struct PartitionValues {
    Str *values;
} PartitionValues;

static const List *partition_columns(Planner *planner, const CatalogObject *object, Span span)
{
    const List *columns = &object->table->partitioned_by;
    if (columns->count > 0)
        return columns;
    REPORT(planner, "WR2416", span, "table `%.*s` is not partitioned", STR_ARGS(object->name));
    return NULL;
}

/* The text of a literal, as it stands in the name of a folder. */
static bool partition_text(Planner *planner, const SqlPartitionValue *given, Str *out)
{
    const SqlExpr *expr = given->value;
    if (expr != NULL && expr->kind == SQL_LITERAL && expr->literal.text.data != NULL) {
        *out = expr->literal.text;
        return true;
    }
    Diagnostic *d = REPORT(planner, "WR2416", expr != NULL ? expr->span : given->column.span,
                           "partition column `%.*s` needs a literal", STR_ARGS(given->column.text));
    diagnostic_help(d, "write `%.*s` = 'value'", STR_ARGS(given->column.text));
    return false;
}

/* The values in order of the columns; those not given have no data. False after a report. */
static bool partition_read(Planner *planner, const SqlPartition *partition, const List *columns,
                           Str *values)
{
    for (int32_t i = 0; i < partition->values.count; i++) {
        const SqlPartitionValue *given = LIST_AT(partition->values, i, SqlPartitionValue);
        int32_t at = 0;
        while (at < columns->count &&
               !str_equal(LIST_AT(*columns, at, SqlName)->text, given->column.text))
            at++;
        if (at == columns->count) {
            Diagnostic *d = REPORT(planner, "WR2416", given->column.span,
                                   "`%.*s` is no partition column", STR_ARGS(given->column.text));
            Str *names = ARENA_ARRAY(planner->arena, Str, columns->count);
            for (int32_t k = 0; k < columns->count; k++)
                names[k] = LIST_AT(*columns, k, SqlName)->text;
            diagnostic_suggest(d, names, columns->count, given->column.text);
            return false;
        }
        if (!partition_text(planner, given, &values[at]))
            return false;
    }
    return true;
}

static bool partition_read_all(Planner *planner, const SqlPartition *partition, const List *columns,
                               Str *values)
{
    if (!partition_read(planner, partition, columns, values))
        return false;
    for (int32_t i = 0; i < columns->count; i++) {
        if (values[i].data != NULL)
            continue;
        REPORT(planner, "WR2416", partition->span, "partition column `%.*s` gets no value",
               STR_ARGS(LIST_AT(*columns, i, SqlName)->text));
        return false;
    }
    return true;
}

/* Whether the partition has all values that are given. */
static bool partition_fits(const PartitionValues *partition, const Str *values, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        if (values[i].data != NULL && !str_equal(values[i], partition->values[i]))
            return false;
    }
    return true;
}

static int32_t partition_find(const List *partitions, const Str *values, int32_t count)
{
    for (int32_t i = 0; i < partitions->count; i++) {
        if (partition_fits(LIST_AT(*partitions, i, PartitionValues), values, count))
            return i;
    }
    return -1;
}

static bool partition_add(Planner *planner, const SqlAlter *alter, CatalogObject *object,
                          const SqlPartition *given, const List *columns)
{
    Arena *arena = planner->session->arena;
    PartitionValues *partition = ARENA_NEW(arena, PartitionValues);
    partition->values = ARENA_ARRAY(arena, Str, columns->count);
    if (!partition_read_all(planner, given, columns, partition->values))
        return false;
    if (partition_find(&object->partitions, partition->values, columns->count) >= 0) {
        if (!alter->if_partition)
            REPORT(planner, "WR2004", given->span, "this partition of `%.*s` exists already",
                   STR_ARGS(object->name));
        return alter->if_partition;
    }
    list_append(&object->partitions, arena, partition);
    return true;
}

static bool partition_drop(Planner *planner, const SqlAlter *alter, CatalogObject *object,
                           const SqlPartition *given, const List *columns)
{
    Str *values = ARENA_ARRAY(planner->arena, Str, columns->count);
    if (!partition_read_all(planner, given, columns, values))
        return false;
    int32_t at = partition_find(&object->partitions, values, columns->count);
    if (at < 0 && !alter->if_partition)
        REPORT(planner, "WR2416", given->span, "table `%.*s` has no such partition",
               STR_ARGS(object->name));
    for (; at >= 0 && at + 1 < object->partitions.count; at++)
        object->partitions.items[at] = object->partitions.items[at + 1];
    object->partitions.count -= at >= 0;
    return at >= 0 || alter->if_partition;
}

void alter_partitions(Planner *planner, const SqlAlter *alter, CatalogObject *object)
{
    const List *columns = partition_columns(planner, object, alter->name->span);
    for (int32_t i = 0; columns != NULL && i < alter->partitions.count; i++) {
        const SqlPartition *given = LIST_AT(alter->partitions, i, SqlPartition);
        bool is_done = alter->kind == SQL_ALTER_ADD
                           ? partition_add(planner, alter, object, given, columns)
                           : partition_drop(planner, alter, object, given, columns);
        if (!is_done)
            return;
    }
}

void show_partitions(Planner *planner, const SqlShow *show)
{
    static const char *const heads[] = {"partition name"};
    bool is_broken;
    const CatalogObject *object = catalog_find(planner, show->name, &is_broken);
    if (object == NULL || is_broken)
        return;
    if (object->kind != OBJECT_TABLE) {
        REPORT(planner, "WR2005", show->name->span, "`%.*s` is a %s", STR_ARGS(object->name),
               object_word(object->kind));
        return;
    }
    const List *columns = partition_columns(planner, object, show->name->span);
    if (columns == NULL)
        return;
    Str *values = ARENA_ARRAY(planner->arena, Str, columns->count);
    if (show->partition != NULL && !partition_read(planner, show->partition, columns, values))
        return;
    StatementResult *result = result_new(planner, heads, 1);
    for (int32_t i = 0; i < object->partitions.count; i++) {
        const PartitionValues *partition = LIST_AT(object->partitions, i, PartitionValues);
        if (!partition_fits(partition, values, columns->count))
            continue;
        Buffer text = {0};
        for (int32_t c = 0; c < columns->count; c++)
            buffer_printf(&text, "%s%.*s=%.*s", c > 0 ? "/" : "",
                          STR_ARGS(LIST_AT(*columns, c, SqlName)->text),
                          STR_ARGS(partition->values[c]));
        Str name = buffer_str(&text);
        result_add(planner, result, &name);
        buffer_free(&text);
    }
}
