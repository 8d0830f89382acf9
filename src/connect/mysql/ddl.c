/* Following DDL: see ddl.h. */
#include "connect/mysql/ddl.h"

#include <assert.h>

#include "connect/mysql/lexer.h"

enum { DDL_COLUMNS_MAX = 4096 };

static void column_copy(Arena *arena, MysqlColumn *into, const MysqlColumn *from)
{
    *into = *from;
    into->name = str_copy(arena, from->name);
    into->declared = str_copy(arena, from->declared);
    into->charset_name = str_copy(arena, from->charset_name);
    into->collation = str_copy(arena, from->collation);
    Str *members = ARENA_ARRAY(arena, Str, from->member_count + 1);
    for (int32_t i = 0; i < from->member_count; i++)
        members[i] = str_copy(arena, from->members[i]);
    into->members = members;
}

MysqlTable *mysql_table_copy(Arena *arena, const MysqlTable *table)
{
    MysqlTable *copy = ARENA_NEW(arena, MysqlTable);
    *copy = *table;
    copy->database = str_copy(arena, table->database);
    copy->name = str_copy(arena, table->name);
    copy->charset_name = str_copy(arena, table->charset_name);
    copy->columns = ARENA_ARRAY(arena, MysqlColumn, table->count + 1);
    for (int32_t i = 0; i < table->count; i++)
        column_copy(arena, &copy->columns[i], &table->columns[i]);
    copy->key = arena_copy(arena, table->key, (int64_t)sizeof *table->key * table->key_count);
    return copy;
}

/* [database.]name */
static bool take_table(SqlLexer *lexer, Arena *arena, Str standard, Str *database, Str *name)
{
    if (!sql_lexer_take_name(lexer, arena, name))
        return false;
    *database = standard;
    if (!sql_lexer_take(lexer, "."))
        return true;
    *database = *name;
    return sql_lexer_take_name(lexer, arena, name);
}

static void take_if_exists(SqlLexer *lexer)
{
    if (sql_lexer_take(lexer, "IF")) {
        (void)sql_lexer_take(lexer, "NOT");
        (void)sql_lexer_take(lexer, "EXISTS");
    }
}

/* ---- columns ---- */

/* Behind a column's name: its type and what follows, up to the comma. */
static bool take_definition(SqlLexer *lexer, Arena *arena, Str charset, MysqlColumn *column)
{
    Str text = sql_lexer_rest(lexer);
    if (!mysql_type_parse(arena, &text, charset, column))
        return false;
    *lexer = sql_lexer(text);
    return true;
}

/* Attributes of a column up to the end of its item; `is_first` and `after` tell its place. */
static void take_attributes(SqlLexer *lexer, Arena *arena, MysqlColumn *column, bool *is_first,
                            Str *after)
{
    int32_t depth = 0;
    while (lexer->kind != SQL_END) {
        char sign = lexer->kind == SQL_SIGN ? lexer->token.data[0] : '\0';
        if (depth == 0 && (sign == ',' || sign == ')'))
            return;
        depth += sign == '(' ? 1 : sign == ')' ? -1 : 0;
        if (depth > 0) {
            sql_lexer_next(lexer);
        } else if (sql_lexer_take(lexer, "NOT")) {
            if (sql_lexer_take(lexer, "NULL"))
                column->is_nullable = false;
        } else if (sql_lexer_take(lexer, "VIRTUAL")) {
            column->is_virtual = true;
        } else if (sql_lexer_take(lexer, "FIRST")) {
            *is_first = true;
        } else if (sql_lexer_take(lexer, "AFTER")) {
            (void)sql_lexer_take_name(lexer, arena, after);
        } else {
            sql_lexer_next(lexer);
        }
    }
}

static void table_remove(MysqlTable *table, int32_t at)
{
    for (int32_t i = at; i + 1 < table->count; i++)
        table->columns[i] = table->columns[i + 1];
    table->count--;
}

static bool table_insert(MysqlTable *table, const MysqlColumn *column, bool is_first, Str after)
{
    int32_t at = is_first ? 0 : table->count;
    if (after.data != NULL) {
        at = mysql_table_find(table, after) + 1;
        if (at == 0)
            return false;
    }
    if (table->count >= DDL_COLUMNS_MAX)
        return false;
    for (int32_t i = table->count; i > at; i--)
        table->columns[i] = table->columns[i - 1];
    table->columns[at] = *column;
    table->count++;
    return true;
}

static bool add_column(SqlLexer *lexer, Arena *arena, MysqlTable *table)
{
    MysqlColumn column = {0};
    bool is_first = false;
    Str after = {0};
    if (!sql_lexer_take_name(lexer, arena, &column.name) ||
        !take_definition(lexer, arena, table->charset_name, &column))
        return false;
    take_attributes(lexer, arena, &column, &is_first, &after);
    /* A column that is there already: the definition is ahead of the statement. */
    return mysql_table_find(table, column.name) < 0 &&
           table_insert(table, &column, is_first, after);
}

/* MODIFY name definition, CHANGE name new_name definition. */
static bool change_column(SqlLexer *lexer, Arena *arena, MysqlTable *table, bool has_new_name)
{
    Str name;
    MysqlColumn column = {0};
    bool is_first = false;
    Str after = {0};
    if (!sql_lexer_take_name(lexer, arena, &name))
        return false;
    column.name = name;
    if (has_new_name && !sql_lexer_take_name(lexer, arena, &column.name))
        return false;
    int32_t at = mysql_table_find(table, name);
    if (at < 0 || !take_definition(lexer, arena, table->charset_name, &column))
        return false;
    column.key_part = table->columns[at].key_part;
    take_attributes(lexer, arena, &column, &is_first, &after);
    table->columns[at] = column;
    if (!is_first && after.data == NULL)
        return true;
    table_remove(table, at);
    return table_insert(table, &column, is_first, after);
}

static bool rename_column(SqlLexer *lexer, Arena *arena, MysqlTable *table)
{
    Str from, to;
    take_if_exists(lexer);
    if (!sql_lexer_take_name(lexer, arena, &from) || !sql_lexer_take(lexer, "TO") ||
        !sql_lexer_take_name(lexer, arena, &to))
        return false;
    int32_t at = mysql_table_find(table, from);
    if (at < 0)
        return false;
    table->columns[at].name = to;
    return true;
}

/* ---- ALTER TABLE ---- */

static bool is_index_word(SqlLexer *lexer)
{
    static const char *const words[] = {"INDEX",    "KEY",       "PRIMARY", "UNIQUE",
                                        "FULLTEXT", "SPATIAL",   "FOREIGN", "CONSTRAINT",
                                        "CHECK",    "PARTITION", "PERIOD",  "SYSTEM"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sql_lexer_take(lexer, words[i]))
            return true;
    return false;
}

static bool alter_add(SqlLexer *lexer, Arena *arena, MysqlTable *table)
{
    bool is_column = sql_lexer_take(lexer, "COLUMN");
    if (!is_column && is_index_word(lexer)) {
        sql_lexer_skip_item(lexer);
        return true;
    }
    bool is_optional = sql_lexer_take(lexer, "IF");
    if (is_optional && (!sql_lexer_take(lexer, "NOT") || !sql_lexer_take(lexer, "EXISTS")))
        return false;
    if (is_optional) {
        SqlLexer look = *lexer;
        Str name;
        if (sql_lexer_take_name(&look, arena, &name) && mysql_table_find(table, name) >= 0) {
            sql_lexer_skip_item(lexer);
            return true;
        }
    }
    if (!sql_lexer_take(lexer, "("))
        return add_column(lexer, arena, table);
    do {
        if (!add_column(lexer, arena, table))
            return false;
    } while (sql_lexer_take(lexer, ","));
    return sql_lexer_take(lexer, ")");
}

static bool alter_drop(SqlLexer *lexer, Arena *arena, MysqlTable *table)
{
    bool is_column = sql_lexer_take(lexer, "COLUMN");
    if (!is_column && is_index_word(lexer)) {
        sql_lexer_skip_item(lexer);
        return true;
    }
    bool is_optional = sql_lexer_take(lexer, "IF") && sql_lexer_take(lexer, "EXISTS");
    Str name;
    if (!sql_lexer_take_name(lexer, arena, &name))
        return false;
    sql_lexer_skip_item(lexer);
    int32_t at = mysql_table_find(table, name);
    if (at < 0)
        return is_optional;
    table_remove(table, at);
    return true;
}

/* CONVERT TO CHARACTER SET x: all text columns. */
static bool alter_convert(SqlLexer *lexer, Arena *arena, MysqlTable *table)
{
    Str name;
    if (!sql_lexer_take(lexer, "TO"))
        return false;
    if (!sql_lexer_take(lexer, "CHARSET") &&
        !(sql_lexer_take(lexer, "CHARACTER") && sql_lexer_take(lexer, "SET")))
        return false;
    if (!sql_lexer_take_name(lexer, arena, &name))
        return false;
    table->charset_name = name;
    for (int32_t i = 0; i < table->count; i++) {
        if (!mysql_column_is_text(&table->columns[i]))
            continue;
        table->columns[i].charset_name = name;
        table->columns[i].charset = charset_from_name(name);
    }
    sql_lexer_skip_item(lexer);
    return true;
}

/* [DEFAULT] CHARSET = x among the options of the table. */
static void take_table_option(SqlLexer *lexer, Arena *arena, MysqlTable *table)
{
    Str name;
    (void)sql_lexer_take(lexer, "DEFAULT");
    bool is_charset = sql_lexer_take(lexer, "CHARSET") ||
                      (sql_lexer_take(lexer, "CHARACTER") && sql_lexer_take(lexer, "SET"));
    bool is_collation = !is_charset && sql_lexer_take(lexer, "COLLATE");
    if (!is_charset && !is_collation) {
        sql_lexer_next(lexer);
        return;
    }
    (void)sql_lexer_take(lexer, "=");
    if (sql_lexer_take_name(lexer, arena, &name))
        table->charset_name = is_charset ? name : charset_of_collation(name);
}

static bool alter_rename(SqlLexer *lexer, Arena *arena, MysqlTable *table)
{
    if (sql_lexer_take(lexer, "COLUMN"))
        return rename_column(lexer, arena, table);
    if (sql_lexer_take(lexer, "INDEX") || sql_lexer_take(lexer, "KEY")) {
        sql_lexer_skip_item(lexer);
        return true;
    }
    (void)(sql_lexer_take(lexer, "TO") || sql_lexer_take(lexer, "AS"));
    return take_table(lexer, arena, table->database, &table->database, &table->name);
}

static bool alter_item(SqlLexer *lexer, Arena *arena, MysqlTable *table)
{
    if (sql_lexer_take(lexer, "ADD"))
        return alter_add(lexer, arena, table);
    if (sql_lexer_take(lexer, "DROP"))
        return alter_drop(lexer, arena, table);
    bool is_change = sql_lexer_take(lexer, "CHANGE");
    if (is_change || sql_lexer_take(lexer, "MODIFY")) {
        (void)sql_lexer_take(lexer, "COLUMN");
        take_if_exists(lexer);
        return change_column(lexer, arena, table, is_change);
    }
    if (sql_lexer_take(lexer, "RENAME"))
        return alter_rename(lexer, arena, table);
    if (sql_lexer_take(lexer, "CONVERT"))
        return alter_convert(lexer, arena, table);
    while (lexer->kind != SQL_END && !(lexer->kind == SQL_SIGN && lexer->token.data[0] == ','))
        take_table_option(lexer, arena, table);
    return true;
}

/* "ALTER [ONLINE] [IGNORE] TABLE [IF EXISTS]", or false. */
static bool take_alter(SqlLexer *lexer)
{
    if (!sql_lexer_take(lexer, "ALTER"))
        return false;
    (void)sql_lexer_take(lexer, "ONLINE");
    (void)sql_lexer_take(lexer, "IGNORE");
    if (!sql_lexer_take(lexer, "TABLE"))
        return false;
    take_if_exists(lexer);
    return true;
}

/* The columns carry their place in the key while they move about. */
static void mark_key(MysqlTable *table)
{
    for (int32_t i = 0; i < table->count; i++)
        table->columns[i].key_part = 0;
    for (int32_t i = 0; i < table->key_count; i++)
        table->columns[table->key[i]].key_part = i + 1;
}

/* A key that lost a column is none. */
static void find_key(Arena *arena, MysqlTable *table)
{
    int32_t *key = ARENA_ARRAY(arena, int32_t, table->key_count + 1);
    int32_t found = 0;
    for (int32_t i = 0; i < table->count; i++) {
        if (table->columns[i].key_part == 0)
            continue;
        key[table->columns[i].key_part - 1] = i;
        found++;
    }
    table->key = key;
    table->key_count = found == table->key_count ? found : 0;
}

MysqlTable *ddl_apply(Arena *arena, const MysqlTable *table, Str sql)
{
    SqlLexer lexer = sql_lexer(sql);
    Str database, name;
    if (!take_alter(&lexer) || !take_table(&lexer, arena, table->database, &database, &name))
        return NULL;
    if (sql_lexer_take(&lexer, "WAIT") || sql_lexer_take(&lexer, "NOWAIT")) {
        int64_t seconds = 0;
        (void)sql_lexer_take_number(&lexer, &seconds);
    }
    MysqlTable *after = mysql_table_copy(arena, table);
    MysqlColumn *roomy = ARENA_ARRAY(arena, MysqlColumn, DDL_COLUMNS_MAX + 1);
    for (int32_t i = 0; i < after->count; i++)
        roomy[i] = after->columns[i];
    after->columns = roomy;
    mark_key(after);
    while (lexer.kind != SQL_END) {
        if (!alter_item(&lexer, arena, after))
            return NULL;
        if (lexer.kind != SQL_END && !sql_lexer_take(&lexer, ","))
            sql_lexer_skip_item(&lexer);
    }
    find_key(arena, after);
    return after;
}

/* ---- CREATE TABLE ---- */

static bool create_columns(SqlLexer *lexer, Arena *arena, MysqlTable *table)
{
    table->columns = ARENA_ARRAY(arena, MysqlColumn, DDL_COLUMNS_MAX + 1);
    do {
        if (is_index_word(lexer)) {
            sql_lexer_skip_item(lexer);
            continue;
        }
        if (sql_lexer_take(lexer, "LIKE") || !add_column(lexer, arena, table))
            return false;
    } while (sql_lexer_take(lexer, ","));
    return sql_lexer_take(lexer, ")");
}

/* Text columns that said nothing take the table's character set, which stands at the end. */
static bool create_options(SqlLexer *lexer, Arena *arena, MysqlTable *table)
{
    while (lexer->kind != SQL_END) {
        if (sql_lexer_take(lexer, "SELECT") || sql_lexer_take(lexer, "AS"))
            return false;
        if (sql_lexer_take(lexer, "PARTITION"))
            break;
        take_table_option(lexer, arena, table);
    }
    for (int32_t i = 0; i < table->count; i++) {
        MysqlColumn *column = &table->columns[i];
        if (!mysql_column_is_text(column) || column->charset_name.data != NULL)
            continue;
        if (table->charset_name.data == NULL)
            return false; /* the database's default, which only the server knows */
        column->charset_name = table->charset_name;
        column->charset = charset_from_name(table->charset_name);
    }
    return table->count > 0;
}

static int32_t read_create(SqlLexer *lexer, Arena *arena, Str database, DdlChange *change)
{
    MysqlTable *table = ARENA_NEW(arena, MysqlTable);
    take_if_exists(lexer);
    if (!take_table(lexer, arena, database, &table->database, &table->name))
        return 0;
    *change = (DdlChange){.kind = DDL_CREATED, .database = table->database, .name = table->name};
    change->new_database = table->database;
    change->new_name = table->name;
    if (sql_lexer_take(lexer, "(") && create_columns(lexer, arena, table) &&
        create_options(lexer, arena, table))
        change->after = table;
    return 1;
}

/* ---- which tables ---- */

static int32_t read_rename(SqlLexer *lexer, Arena *arena, Str database, DdlChange *changes)
{
    int32_t count = 0;
    do {
        DdlChange *change = &changes[count];
        *change = (DdlChange){.kind = DDL_RENAMED};
        take_if_exists(lexer);
        if (!take_table(lexer, arena, database, &change->database, &change->name))
            break;
        if (sql_lexer_take(lexer, "WAIT") || sql_lexer_take(lexer, "NOWAIT")) {
            int64_t seconds = 0;
            (void)sql_lexer_take_number(lexer, &seconds);
        }
        if (!sql_lexer_take(lexer, "TO") ||
            !take_table(lexer, arena, database, &change->new_database, &change->new_name))
            break;
        count++;
    } while (count < DDL_CHANGES_MAX && sql_lexer_take(lexer, ","));
    return count;
}

static int32_t read_list(SqlLexer *lexer, Arena *arena, Str database, DdlKind kind,
                         DdlChange *changes)
{
    int32_t count = 0;
    take_if_exists(lexer);
    do {
        DdlChange *change = &changes[count];
        *change = (DdlChange){.kind = kind};
        if (!take_table(lexer, arena, database, &change->database, &change->name))
            break;
        count++;
    } while (count < DDL_CHANGES_MAX && sql_lexer_take(lexer, ","));
    return count;
}

int32_t ddl_read(Arena *arena, Str database, Str sql, DdlChange *changes)
{
    SqlLexer lexer = sql_lexer(sql);
    SqlLexer look = lexer;
    if (take_alter(&look)) {
        changes[0] = (DdlChange){.kind = DDL_CHANGED};
        return take_table(&look, arena, database, &changes[0].database, &changes[0].name) ? 1 : 0;
    }
    if (sql_lexer_take(&lexer, "CREATE")) {
        if (sql_lexer_take(&lexer, "OR"))
            (void)sql_lexer_take(&lexer, "REPLACE");
        return sql_lexer_take(&lexer, "TABLE") ? read_create(&lexer, arena, database, changes) : 0;
    }
    if (sql_lexer_take(&lexer, "RENAME"))
        return sql_lexer_take(&lexer, "TABLE") || sql_lexer_take(&lexer, "TABLES")
                   ? read_rename(&lexer, arena, database, changes)
                   : 0;
    if (sql_lexer_take(&lexer, "DROP"))
        return sql_lexer_take(&lexer, "TABLE") || sql_lexer_take(&lexer, "TABLES")
                   ? read_list(&lexer, arena, database, DDL_DROPPED, changes)
                   : 0;
    if (sql_lexer_take(&lexer, "TRUNCATE")) {
        (void)sql_lexer_take(&lexer, "TABLE");
        return read_list(&lexer, arena, database, DDL_EMPTIED, changes);
    }
    return 0;
}
