/* ALTER TABLE: what the columns are behind it.
 *
 * The items of the statement all speak of the columns as they were, whatever their order: with
 * `RENAME COLUMN a TO b, RENAME COLUMN b TO a` two columns change names. So they are gathered
 * first; then the old columns are gone through, and what is new or has been given a place is put
 * in, in the order of the items, beside names as they are by then. */
#include "connect/mysql/ddl.h"

#include <assert.h>

typedef struct Renamed {
    Str from, to;
} Renamed;

typedef struct Defined {
    Str before; /* its name so far; NULL data: it is new */
    MysqlColumn column;
    DdlPlace place;
    bool is_placed; /* it stands in the table already */
} Defined;

typedef struct Alteration {
    SqlLexer lexer;
    Arena *arena;
    const MysqlTable *table;
    MysqlTable *after;
    Str charset;   /* of the database */
    Str converted; /* all text becomes that; NULL data: not so */
    List drops;    /* Str * */
    List renames;  /* Renamed * */
    List defined;  /* Defined * */
    bool keeps_key;
} Alteration;

/* ---- items ---- */

static bool has_column(const Alteration *alter, Str name)
{
    return mysql_table_find(alter->table, name) >= 0;
}

/* name definition, or for CHANGE name new_name definition; `is_new` for ADD. Left out when
 * `is_optional` and it is there already, or is not there to be changed. */
static bool take_definition(Alteration *alter, bool is_new, bool has_new_name, bool is_optional)
{
    Defined *defined = ARENA_NEW(alter->arena, Defined);
    MysqlColumn *column = &defined->column;
    if (!sql_lexer_take_name(&alter->lexer, alter->arena, &column->name))
        return false;
    Str name = column->name;
    if (!is_new)
        defined->before = name;
    if (has_new_name && !sql_lexer_take_name(&alter->lexer, alter->arena, &column->name))
        return false;
    if (is_optional && has_column(alter, name) == is_new) {
        sql_lexer_skip_item(&alter->lexer);
        return true;
    }
    if (!ddl_take_column(&alter->lexer, alter->arena, (Str){0}, column, &defined->place))
        return false;
    list_append(&alter->defined, alter->arena, defined);
    return true;
}

static bool take_add(Alteration *alter)
{
    SqlLexer *lexer = &alter->lexer;
    if (!sql_lexer_take(lexer, "COLUMN")) {
        SqlLexer look = *lexer;
        if (sql_lexer_take(&look, "PRIMARY"))
            alter->keeps_key = false;
        if (ddl_take_versioning(&look))
            return false;
        if (sql_lexer_take(lexer, "PARTITION") || ddl_take_no_column(lexer)) {
            sql_lexer_skip_item(lexer);
            return true;
        }
    }
    bool is_optional = ddl_take_if_exists(lexer);
    if (!sql_lexer_take(lexer, "("))
        return take_definition(alter, true, false, is_optional);
    do {
        if (ddl_take_no_column(lexer))
            sql_lexer_skip_item(lexer);
        else if (!take_definition(alter, true, false, is_optional))
            return false;
    } while (sql_lexer_take(lexer, ","));
    return sql_lexer_take(lexer, ")");
}

/* What lists names behind it, or stands alone. */
static bool skip_rest(SqlLexer *lexer)
{
    while (lexer->kind != SQL_END)
        sql_lexer_next(lexer);
    return true;
}

static bool take_drop(Alteration *alter)
{
    SqlLexer *lexer = &alter->lexer;
    if (!sql_lexer_take(lexer, "COLUMN")) {
        SqlLexer look = *lexer;
        if (sql_lexer_take(&look, "PRIMARY"))
            alter->keeps_key = false;
        if (sql_lexer_take(lexer, "PARTITION"))
            return skip_rest(lexer);
        if (ddl_take_no_column(lexer)) {
            sql_lexer_skip_item(lexer);
            return true;
        }
    }
    bool is_optional = ddl_take_if_exists(lexer);
    Str *name = ARENA_NEW(alter->arena, Str);
    if (!sql_lexer_take_name(lexer, alter->arena, name))
        return false;
    sql_lexer_skip_item(lexer); /* RESTRICT */
    if (!has_column(alter, *name))
        return is_optional;
    list_append(&alter->drops, alter->arena, name);
    return true;
}

static bool take_rename(Alteration *alter)
{
    SqlLexer *lexer = &alter->lexer;
    if (sql_lexer_take(lexer, "INDEX") || sql_lexer_take(lexer, "KEY")) {
        sql_lexer_skip_item(lexer);
        return true;
    }
    if (!sql_lexer_take(lexer, "COLUMN")) {
        (void)(sql_lexer_take(lexer, "TO") || sql_lexer_take(lexer, "AS") ||
               sql_lexer_take(lexer, "="));
        return ddl_take_table(lexer, alter->arena, alter->table->database, &alter->after->database,
                              &alter->after->name);
    }
    bool is_optional = ddl_take_if_exists(lexer);
    Renamed *renamed = ARENA_NEW(alter->arena, Renamed);
    if (!sql_lexer_take_name(lexer, alter->arena, &renamed->from) || !sql_lexer_take(lexer, "TO") ||
        !sql_lexer_take_name(lexer, alter->arena, &renamed->to))
        return false;
    if (!has_column(alter, renamed->from))
        return is_optional;
    list_append(&alter->renames, alter->arena, renamed);
    return true;
}

/* CONVERT TO CHARACTER SET x [COLLATE y] */
static bool take_convert(Alteration *alter)
{
    SqlLexer *lexer = &alter->lexer;
    if (!sql_lexer_take(lexer, "TO"))
        return sql_lexer_take(lexer, "PARTITION") || sql_lexer_take(lexer, "TABLE");
    if (!sql_lexer_take(lexer, "CHARSET") &&
        !(sql_lexer_take(lexer, "CHARACTER") && sql_lexer_take(lexer, "SET")))
        return false;
    if (sql_lexer_take(lexer, "DEFAULT"))
        alter->converted = alter->charset;
    else if (!sql_lexer_take_name(lexer, alter->arena, &alter->converted) &&
             !sql_lexer_take_string(lexer, alter->arena, &alter->converted))
        return false;
    sql_lexer_skip_item(lexer);
    return alter->converted.data != NULL;
}

static bool is_one_of(const SqlLexer *lexer, const char *const *words)
{
    for (int32_t i = 0; lexer->kind == SQL_WORD && words[i] != NULL; i++)
        if (str_equal_ignoring_case(lexer->token, str_from(words[i])))
            return true;
    return false;
}

/* What says nothing about columns: options of the table, partitions, locks. */
static bool take_other(Alteration *alter)
{
    static const char *const options[] = {
        "ALGORITHM",  "AUTO_INCREMENT", "CHARACTER", "CHARSET", "COLLATE", "COMMENT",   "DEFAULT",
        "DISABLE",    "ENABLE",         "ENGINE",    "FORCE",   "LOCK",    "PARTITION", "REMOVE",
        "ROW_FORMAT", "UNION",          "WITH",      "WITHOUT", NULL};
    static const char *const last[] = {"ANALYZE", "CHECK",    "COALESCE", "DISCARD", "EXCHANGE",
                                       "IMPORT",  "OPTIMIZE", "ORDER",    "REBUILD", "REORGANIZE",
                                       "REPAIR",  "TRUNCATE", NULL};
    SqlLexer *lexer = &alter->lexer;
    if (is_one_of(lexer, last))
        return skip_rest(lexer);
    if (sql_lexer_take(lexer, "ALTER")) { /* a default, or whether an index is used */
        sql_lexer_skip_item(lexer);
        return true;
    }
    SqlLexer look = *lexer;
    sql_lexer_next(&look);
    bool is_set = look.kind == SQL_SIGN && look.token.data[0] == '=';
    if (!is_set && !is_one_of(lexer, options))
        return false;
    while (lexer->kind != SQL_END && !(lexer->kind == SQL_SIGN && lexer->token.data[0] == ','))
        ddl_take_option(lexer, alter->arena, alter->after);
    return true;
}

static bool take_item(Alteration *alter)
{
    SqlLexer *lexer = &alter->lexer;
    if (sql_lexer_take(lexer, "ADD"))
        return take_add(alter);
    if (sql_lexer_take(lexer, "DROP"))
        return take_drop(alter);
    bool is_change = sql_lexer_take(lexer, "CHANGE");
    if (is_change || sql_lexer_take(lexer, "MODIFY")) {
        (void)sql_lexer_take(lexer, "COLUMN");
        bool is_optional = ddl_take_if_exists(lexer);
        return take_definition(alter, false, is_change, is_optional);
    }
    if (sql_lexer_take(lexer, "RENAME"))
        return take_rename(alter);
    if (sql_lexer_take(lexer, "CONVERT"))
        return take_convert(alter);
    return take_other(alter);
}

/* ---- columns ---- */

static bool is_dropped(const Alteration *alter, Str name)
{
    for (int32_t i = 0; i < alter->drops.count; i++)
        if (str_equal_ignoring_case(*LIST_AT(alter->drops, i, Str), name))
            return true;
    return false;
}

static Defined *find_defined(const Alteration *alter, Str before)
{
    for (int32_t i = 0; i < alter->defined.count; i++) {
        Defined *defined = LIST_AT(alter->defined, i, Defined);
        if (defined->before.data != NULL && str_equal_ignoring_case(defined->before, before))
            return defined;
    }
    return NULL;
}

static Str name_behind(const Alteration *alter, Str name)
{
    for (int32_t i = 0; i < alter->renames.count; i++) {
        const Renamed *renamed = LIST_AT(alter->renames, i, Renamed);
        if (str_equal_ignoring_case(renamed->from, name))
            return renamed->to;
    }
    return name;
}

static bool place_column(MysqlTable *table, const MysqlColumn *column, const DdlPlace *place)
{
    int32_t at = place->is_first ? 0 : table->count;
    if (place->after.data != NULL) {
        at = mysql_table_find(table, place->after) + 1;
        if (at == 0)
            return false;
    }
    for (int32_t i = table->count; i > at; i--)
        table->columns[i] = table->columns[i - 1];
    table->columns[at] = *column;
    table->count++;
    return true;
}

/* The columns that were there, in their order; those that are given a place come later. */
static void keep_columns(Alteration *alter)
{
    MysqlTable *after = alter->after;
    for (int32_t i = 0; i < alter->table->count; i++) {
        MysqlColumn column = alter->table->columns[i];
        Defined *defined = find_defined(alter, column.name);
        if (is_dropped(alter, column.name))
            continue;
        for (int32_t k = 0; k < alter->table->key_count; k++)
            if (alter->table->key[k] == i)
                column.key_part = k + 1;
        if (defined != NULL) {
            defined->is_placed = !defined->place.is_first && defined->place.after.data == NULL;
            defined->column.key_part = column.key_part;
            column = defined->column;
        } else {
            column.name = name_behind(alter, column.name);
        }
        if (defined == NULL || defined->is_placed)
            after->columns[after->count++] = column;
    }
}

static bool place_columns(Alteration *alter)
{
    int32_t most = alter->table->count + alter->defined.count;
    if (most > DDL_COLUMNS_MAX)
        return false;
    alter->after->columns = ARENA_ARRAY(alter->arena, MysqlColumn, most + 1);
    keep_columns(alter);
    for (int32_t i = 0; i < alter->defined.count; i++) {
        const Defined *defined = LIST_AT(alter->defined, i, Defined);
        bool is_lost = defined->before.data != NULL &&
                       (!has_column(alter, defined->before) || is_dropped(alter, defined->before));
        if (is_lost ||
            (!defined->is_placed && !place_column(alter->after, &defined->column, &defined->place)))
            return false;
    }
    /* Each name once: or this is not the table that the server had. */
    for (int32_t i = 0; i < alter->after->count; i++)
        if (mysql_table_find(alter->after, alter->after->columns[i].name) != i)
            return false;
    return alter->after->count > 0;
}

static void convert_text(Alteration *alter)
{
    alter->after->charset_name = alter->converted;
    for (int32_t i = 0; i < alter->after->count; i++) {
        MysqlColumn *column = &alter->after->columns[i];
        if (!mysql_column_is_text(column))
            continue;
        column->charset_name = alter->converted;
        column->charset = charset_from_name(alter->converted);
        column->collation = (Str){0};
    }
}

/* A key that lost a column, or that the statement speaks of, is none that is known. */
static void find_key(Alteration *alter)
{
    MysqlTable *after = alter->after;
    int32_t *key = ARENA_ARRAY(alter->arena, int32_t, alter->table->key_count + 1);
    int32_t found = 0;
    for (int32_t i = 0; i < after->count; i++) {
        if (after->columns[i].key_part == 0)
            continue;
        key[after->columns[i].key_part - 1] = i;
        after->columns[i].key_part = 0;
        found++;
    }
    after->key = key;
    after->key_count = alter->keeps_key && found == alter->table->key_count ? found : 0;
}

MysqlTable *ddl_alter(Arena *arena, const MysqlTable *table, Str sql, Str charset)
{
    Alteration alter = {.lexer = sql_lexer(sql),
                        .arena = arena,
                        .table = mysql_table_copy(arena, table),
                        .after = ARENA_NEW(arena, MysqlTable),
                        .charset = charset,
                        .keeps_key = true};
    Str database, name;
    if (!ddl_take_alter(&alter.lexer) ||
        !ddl_take_table(&alter.lexer, arena, table->database, &database, &name))
        return NULL;
    ddl_take_wait(&alter.lexer);
    *alter.after = *alter.table;
    alter.after->count = 0;
    while (alter.lexer.kind != SQL_END) {
        if (!take_item(&alter))
            return NULL;
        if (alter.lexer.kind != SQL_END && !sql_lexer_take(&alter.lexer, ",")) {
            /* PARTITION BY … and the like behind the last item */
            sql_lexer_skip_item(&alter.lexer);
            if (alter.lexer.kind != SQL_END && !sql_lexer_take(&alter.lexer, ","))
                return NULL;
        }
    }
    if (!place_columns(&alter))
        return NULL;
    ddl_settle(alter.after, charset);
    if (alter.converted.data != NULL)
        convert_text(&alter);
    find_key(&alter);
    return alter.after;
}
