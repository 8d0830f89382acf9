/* ALTER TABLE: a changed copy of the definition takes its place, if it is right. */
#include <assert.h>

#include "plan/internal.h"
#include "sql/sql.h"

typedef struct AlterTable {
    Planner *planner;
    const SqlAlter *alter;
    CatalogObject *object;
    const TableEntry *entry; /* what the old definition means */
    SqlCreateTable *table;   /* the new one */
} AlterTable;

static int32_t alter_find(const AlterTable *change, Str name)
{
    for (int32_t i = 0; i < change->table->columns.count; i++) {
        if (str_equal(LIST_AT(change->table->columns, i, SqlColumnDefinition)->name.text, name))
            return i;
    }
    return -1;
}

/* The column's place; -1 after a report. */
static int32_t alter_find_column(const AlterTable *change, const SqlName *name)
{
    int32_t at = alter_find(change, name->text);
    if (at >= 0)
        return at;
    Diagnostic *d =
        REPORT(change->planner, "WR2041", name->span, "column `%.*s` not found in table `%.*s`",
               STR_ARGS(name->text), STR_ARGS(change->object->name));
    diagnostic_suggest_columns(change->planner, d, &change->entry->schema, name->text);
    diagnostic_note_columns(d, &change->entry->schema);
    return -1;
}

/* ---- ADD, MODIFY ----------------------------------------------------------------------- */

static void list_remove_at(List *list, int32_t at)
{
    for (int32_t i = at; i + 1 < list->count; i++)
        list->items[i] = list->items[i + 1];
    list->count--;
}

static void list_insert_at(List *list, Arena *arena, int32_t at, void *item)
{
    list_append(list, arena, item);
    for (int32_t i = list->count - 1; i > at; i--)
        list->items[i] = list->items[i - 1];
    list->items[at] = item;
}

/* Without FIRST and AFTER a new column comes last and a modified one stays. */
static bool alter_place(AlterTable *change, SqlColumnDefinition *column, int32_t old)
{
    List *columns = &change->table->columns;
    Arena *arena = change->planner->session->arena;
    if (column->after != NULL && str_equal(column->after->text, column->name.text)) {
        REPORT(change->planner, "WR2412", column->after->span,
               "column `%.*s` cannot stand behind itself", STR_ARGS(column->name.text));
        return false;
    }
    if (column->after != NULL && alter_find_column(change, column->after) < 0)
        return false;
    int32_t at = old >= 0 ? old : columns->count;
    if (old >= 0)
        list_remove_at(columns, old);
    if (column->is_first)
        at = 0;
    else if (column->after != NULL)
        at = alter_find(change, column->after->text) + 1;
    list_insert_at(columns, arena, at, column);
    return true;
}

static bool alter_column(AlterTable *change, const SqlColumnDefinition *given)
{
    bool is_add = change->alter->kind == SQL_ALTER_ADD;
    int32_t at = alter_find(change, given->name.text);
    if (is_add && at >= 0) {
        Diagnostic *d = REPORT(change->planner, "WR2412", given->name.span,
                               "column `%.*s` is in table `%.*s` already",
                               STR_ARGS(given->name.text), STR_ARGS(change->object->name));
        diagnostic_help(d, "write ALTER TABLE … MODIFY to change it");
        return false;
    }
    if (!is_add && alter_find_column(change, &given->name) < 0)
        return false;
    SqlColumnDefinition *column = ARENA_NEW(change->planner->session->arena, SqlColumnDefinition);
    *column = *given;
    if (!is_add && !column->comment.is_given)
        column->comment = LIST_AT(change->table->columns, at, SqlColumnDefinition)->comment;
    return alter_place(change, column, at);
}

static bool alter_columns(AlterTable *change)
{
    const List *columns = &change->alter->parts->columns;
    for (int32_t i = 0; i < columns->count; i++) {
        const SqlColumnDefinition *column = LIST_AT(*columns, i, SqlColumnDefinition);
        for (int32_t k = 0; k < i; k++) {
            if (!str_equal(LIST_AT(*columns, k, SqlColumnDefinition)->name.text, column->name.text))
                continue;
            REPORT(change->planner, "WR2021", column->name.span, "column `%.*s` is declared twice",
                   STR_ARGS(column->name.text));
            return false;
        }
        if (!alter_column(change, column))
            return false;
    }
    return true;
}

/* ADD wants that there is none yet, MODIFY that there is one. */
static bool alter_check_part(AlterTable *change, Span span, bool is_there, const char *what)
{
    bool is_add = change->alter->kind == SQL_ALTER_ADD;
    if (is_add != is_there)
        return true;
    Diagnostic *d = REPORT(change->planner, "WR2412", span, "table `%.*s` has %s %s",
                           STR_ARGS(change->object->name), is_there ? "already a" : "no", what);
    diagnostic_help(d, "write ALTER TABLE … %s", is_add ? "MODIFY to change it" : "ADD");
    return false;
}

static bool alter_parts(AlterTable *change)
{
    const SqlCreateTable *parts = change->alter->parts;
    SqlCreateTable *table = change->table;
    if (!alter_columns(change))
        return false;
    if (parts->watermark != NULL) {
        if (!alter_check_part(change, parts->watermark->span, table->watermark != NULL,
                              "watermark"))
            return false;
        table->watermark = parts->watermark;
    }
    if (parts->primary_key != NULL) {
        if (!alter_check_part(change, parts->primary_key->span, table->primary_key != NULL,
                              "primary key"))
            return false;
        table->primary_key = parts->primary_key;
    }
    if (parts->distribution != NULL) {
        if (!alter_check_part(change, parts->distribution->span, table->distribution != NULL,
                              "distribution"))
            return false;
        table->distribution = parts->distribution;
    }
    return true;
}

/* ---- DROP, RENAME of columns ----------------------------------------------------------- */

static bool names_have(const List *names, Str name)
{
    for (int32_t i = 0; i < names->count; i++) {
        if (str_equal(LIST_AT(*names, i, SqlName)->text, name))
            return true;
    }
    return false;
}

/* Whether the expression of an entry, over its base or its schema, uses the column. */
static bool expr_uses(Arena *arena, const TableEntry *entry, const Expr *expr, int32_t index)
{
    bool *used = ARENA_ARRAY(arena, bool, entry->column_count + 1);
    expr_mark_columns(expr, used);
    return index >= 0 && used[index];
}

/* What would be left without the column: a computed column (unless it goes as well), the key, the
 * partitions, the watermark. NULL: nothing. */
static const char *alter_user_of(const AlterTable *change, int32_t at, const List *gone)
{
    const TableEntry *entry = change->entry;
    const TableColumn *column = &entry->columns[at];
    Arena *arena = change->planner->arena;
    for (int32_t i = 0; i < entry->column_count; i++) {
        const TableColumn *other = &entry->columns[i];
        if (other->kind == SQL_COLUMN_COMPUTED && !names_have(gone, other->field.name) &&
            expr_uses(arena, entry, other->computed, column->base))
            return arena_printf(arena, "computed column `%.*s`", STR_ARGS(other->field.name));
    }
    const List *partitions = &change->table->partitioned_by;
    if (names_have(partitions, column->field.name))
        return "the partition key";
    if (entry->watermark != NULL &&
        (entry->watermark_column == at || expr_uses(arena, entry, entry->watermark, at)))
        return "the watermark";
    return NULL;
}

static bool alter_check_free(const AlterTable *change, const SqlName *name, int32_t at,
                             const List *gone)
{
    const char *user = alter_user_of(change, at, gone);
    if (user == NULL)
        return true;
    Diagnostic *d = REPORT(change->planner, "WR2413", name->span, "column `%.*s` is used by %s",
                           STR_ARGS(name->text), user);
    diagnostic_help(d, "drop or change that first");
    return false;
}

static bool alter_drop_columns(AlterTable *change)
{
    const List *names = &change->alter->drop.columns;
    for (int32_t i = 0; i < names->count; i++) {
        const SqlName *name = LIST_AT(*names, i, SqlName);
        int32_t at = alter_find_column(change, name);
        if (at < 0 || !alter_check_free(change, name, at, names))
            return false;
        const SqlPrimaryKey *key = change->table->primary_key;
        if (key != NULL && names_have(&key->columns, name->text)) {
            REPORT(change->planner, "WR2413", name->span,
                   "column `%.*s` is used by the primary key", STR_ARGS(name->text));
            return false;
        }
        for (int32_t k = 0; k < i; k++) {
            if (!str_equal(LIST_AT(*names, k, SqlName)->text, name->text))
                continue;
            REPORT(change->planner, "WR2025", name->span, "column `%.*s` is named twice",
                   STR_ARGS(name->text));
            return false;
        }
    }
    for (int32_t i = 0; i < names->count; i++)
        list_remove_at(&change->table->columns,
                       alter_find(change, LIST_AT(*names, i, SqlName)->text));
    return true;
}

/* The key's columns were made NOT NULL by it, and stay so without it. */
static void alter_keep_not_null(AlterTable *change)
{
    Arena *arena = change->planner->session->arena;
    for (int32_t i = 0; i < change->table->primary_key->columns.count; i++) {
        int32_t at =
            alter_find(change, LIST_AT(change->table->primary_key->columns, i, SqlName)->text);
        const SqlColumnDefinition *old = LIST_AT(change->table->columns, at, SqlColumnDefinition);
        SqlColumnDefinition *column = arena_copy(arena, old, (int64_t)sizeof *old);
        column->type = arena_copy(arena, old->type, (int64_t)sizeof *old->type);
        column->type->type = type_not_null(column->type->type);
        change->table->columns.items[at] = column;
    }
}

static bool alter_drop_key(AlterTable *change)
{
    const SqlAlterDrop *drop = &change->alter->drop;
    const SqlPrimaryKey *key = change->table->primary_key;
    Span span = drop->constraint != NULL ? drop->constraint->span : change->alter->action_span;
    if (key == NULL) {
        REPORT(change->planner, "WR2412", span, "table `%.*s` has no primary key",
               STR_ARGS(change->object->name));
        return false;
    }
    Str name = primary_key_name(change->planner->arena, key);
    if (drop->constraint != NULL && !str_equal(drop->constraint->text, name)) {
        Diagnostic *d =
            REPORT(change->planner, "WR2412", span, "table `%.*s` has no constraint `%.*s`",
                   STR_ARGS(change->object->name), STR_ARGS(drop->constraint->text));
        diagnostic_note(d, "its primary key is called `%.*s`", STR_ARGS(name));
        return false;
    }
    alter_keep_not_null(change);
    change->table->primary_key = NULL;
    return true;
}

static bool alter_drop(AlterTable *change)
{
    const SqlAlterDrop *drop = &change->alter->drop;
    if (drop->columns.count > 0)
        return alter_drop_columns(change);
    if (drop->has_primary_key || drop->constraint != NULL)
        return alter_drop_key(change);
    bool is_watermark = drop->has_watermark;
    bool is_there =
        is_watermark ? change->table->watermark != NULL : change->table->distribution != NULL;
    if (!is_there) {
        REPORT(change->planner, "WR2412", change->alter->action_span, "table `%.*s` has no %s",
               STR_ARGS(change->object->name), is_watermark ? "watermark" : "distribution");
        return false;
    }
    if (is_watermark)
        change->table->watermark = NULL;
    else
        change->table->distribution = NULL;
    return true;
}

static bool alter_rename_column(AlterTable *change)
{
    const SqlAlter *alter = change->alter;
    Arena *arena = change->planner->session->arena;
    const SqlName *name = sql_path_last(alter->new_name);
    List gone = {0};
    int32_t at = alter_find_column(change, alter->column);
    if (at < 0 || !alter_check_free(change, alter->column, at, &gone))
        return false;
    if (alter_find(change, name->text) >= 0) {
        REPORT(change->planner, "WR2412", name->span, "column `%.*s` is in table `%.*s` already",
               STR_ARGS(name->text), STR_ARGS(change->object->name));
        return false;
    }
    const SqlColumnDefinition *old = LIST_AT(change->table->columns, at, SqlColumnDefinition);
    SqlColumnDefinition *column = arena_copy(arena, old, (int64_t)sizeof *old);
    column->name = *name;
    change->table->columns.items[at] = column;
    const SqlPrimaryKey *key = change->table->primary_key;
    if (key == NULL || !names_have(&key->columns, old->name.text))
        return true;
    SqlPrimaryKey *renamed = arena_copy(arena, key, (int64_t)sizeof *key);
    renamed->columns = list_copy(arena, &key->columns);
    if (key->constraint == NULL) { /* The name that it was given stays, as in Flink. */
        renamed->constraint = ARENA_NEW(arena, SqlName);
        renamed->constraint->text = primary_key_name(arena, key);
        renamed->constraint->span = key->span;
    }
    for (int32_t i = 0; i < key->columns.count; i++) {
        if (str_equal(LIST_AT(key->columns, i, SqlName)->text, old->name.text))
            renamed->columns.items[i] = (void *)name;
    }
    change->table->primary_key = renamed;
    return true;
}

/* ---- Options --------------------------------------------------------------------------- */

static bool alter_set(AlterTable *change)
{
    for (int32_t i = 0; i < change->alter->options.count; i++)
        sql_options_put(&change->table->options, change->planner->session->arena,
                        LIST_AT(change->alter->options, i, SqlOption));
    return true;
}

static bool alter_reset(AlterTable *change)
{
    const List *keys = &change->alter->keys;
    if (keys->count == 0) {
        REPORT(change->planner, "WR2412", change->alter->action_span,
               "RESET needs the keys of options");
        return false;
    }
    for (int32_t i = 0; i < keys->count; i++) {
        const SqlOption *key = LIST_AT(*keys, i, SqlOption);
        if (str_is(key->key, "connector")) {
            Diagnostic *d =
                REPORT(change->planner, "WR2412", key->key_span, "'connector' cannot be reset");
            diagnostic_help(d, "write ALTER TABLE … SET ('connector' = '…') to change it");
            return false;
        }
        int32_t at = sql_options_find(&change->table->options, key->key);
        if (at >= 0)
            list_remove_at(&change->table->options, at);
    }
    return true;
}

/* ---- The statement --------------------------------------------------------------------- */

static SqlCreateTable *alter_copy(AlterTable *change)
{
    Arena *arena = change->planner->session->arena;
    const SqlCreateTable *old = change->object->table;
    SqlCreateTable *copy = arena_copy(arena, old, (int64_t)sizeof *old);
    copy->columns = list_copy(arena, &old->columns);
    copy->options = list_copy(arena, &old->options);
    return copy;
}

static bool alter_apply(AlterTable *change)
{
    switch (change->alter->kind) {
    case SQL_ALTER_ADD:
    case SQL_ALTER_MODIFY: return alter_parts(change);
    case SQL_ALTER_DROP: return alter_drop(change);
    case SQL_ALTER_RENAME_COLUMN: return alter_rename_column(change);
    case SQL_ALTER_SET: return alter_set(change);
    case SQL_ALTER_RESET: return alter_reset(change);
    case SQL_ALTER_RENAME:
    case SQL_ALTER_AS:
    case SQL_ALTER_COMMENT:
    case SQL_ALTER_SUSPEND:
    case SQL_ALTER_RESUME:
    case SQL_ALTER_REFRESH: break;
    }
    return false;
}

void alter_table(Planner *planner, const SqlAlter *alter, CatalogObject *object)
{
    assert(object->kind == OBJECT_TABLE);
    AlterTable change = {.planner = planner, .alter = alter, .object = object};
    change.entry = object_table(planner, object, alter->name->span);
    if (change.entry == NULL)
        return;
    change.table = alter_copy(&change);
    if (!alter_apply(&change))
        return;
    CatalogObject changed = *object;
    changed.table = change.table;
    catalog_redefine(planner, object, changed);
}
