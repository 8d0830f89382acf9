/* What DDL statements do: see ddl.h. */
#include "connect/mysql/ddl.h"

#include <assert.h>

static void column_copy(Arena *arena, MysqlColumn *into, const MysqlColumn *from)
{
    *into = *from;
    into->name = str_copy(arena, from->name);
    into->declared = str_copy(arena, from->declared);
    if (from->charset_name.data != NULL)
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
    if (table->charset_name.data != NULL)
        copy->charset_name = str_copy(arena, table->charset_name);
    copy->columns = ARENA_ARRAY(arena, MysqlColumn, table->count + 1);
    for (int32_t i = 0; i < table->count; i++)
        column_copy(arena, &copy->columns[i], &table->columns[i]);
    copy->key = arena_copy(arena, table->key, (int64_t)sizeof *table->key * table->key_count);
    return copy;
}

/* ---- words that many statements share ---- */

bool ddl_take_table(SqlLexer *lexer, Arena *arena, Str standard, Str *database, Str *name)
{
    if (!sql_lexer_take_name(lexer, arena, name))
        return false;
    *database = standard;
    if (!sql_lexer_take(lexer, "."))
        return true;
    *database = *name;
    return sql_lexer_take_name(lexer, arena, name);
}

bool ddl_take_if_exists(SqlLexer *lexer)
{
    if (!sql_lexer_take(lexer, "IF"))
        return false;
    (void)sql_lexer_take(lexer, "NOT");
    return sql_lexer_take(lexer, "EXISTS");
}

bool ddl_take_alter(SqlLexer *lexer)
{
    if (!sql_lexer_take(lexer, "ALTER"))
        return false;
    (void)sql_lexer_take(lexer, "ONLINE");
    (void)sql_lexer_take(lexer, "IGNORE");
    if (!sql_lexer_take(lexer, "TABLE"))
        return false;
    (void)ddl_take_if_exists(lexer);
    return true;
}

void ddl_take_wait(SqlLexer *lexer)
{
    int64_t seconds = 0;
    if (sql_lexer_take(lexer, "WAIT"))
        (void)sql_lexer_take_number(lexer, &seconds);
    else
        (void)sql_lexer_take(lexer, "NOWAIT");
}

/* Two words; the lexer stays where it is unless both are there. */
static bool take_both(SqlLexer *lexer, const char *first, const char *second)
{
    SqlLexer look = *lexer;
    if (!sql_lexer_take(&look, first) || !sql_lexer_take(&look, second))
        return false;
    *lexer = look;
    return true;
}

bool ddl_take_no_column(SqlLexer *lexer)
{
    static const char *const reserved[] = {"INDEX",   "KEY",     "PRIMARY",    "UNIQUE", "FULLTEXT",
                                           "SPATIAL", "FOREIGN", "CONSTRAINT", "CHECK"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (sql_lexer_take(lexer, reserved[i]))
            return true;
    return take_both(lexer, "PERIOD", "FOR") || take_both(lexer, "SYSTEM", "VERSIONING") ||
           take_both(lexer, "VECTOR", "INDEX") || take_both(lexer, "VECTOR", "KEY");
}

bool ddl_take_versioning(SqlLexer *lexer)
{
    return take_both(lexer, "SYSTEM", "VERSIONING");
}

void ddl_take_option(SqlLexer *lexer, Arena *arena, MysqlTable *table)
{
    Str name;
    (void)sql_lexer_take(lexer, "DEFAULT");
    bool is_charset = sql_lexer_take(lexer, "CHARSET") || take_both(lexer, "CHARACTER", "SET");
    bool is_collation = !is_charset && sql_lexer_take(lexer, "COLLATE");
    if (!is_charset && !is_collation) {
        if (sql_lexer_take(lexer, "("))
            while (lexer->kind != SQL_END && !sql_lexer_take(lexer, ")")) {
                sql_lexer_skip_item(lexer);
                (void)sql_lexer_take(lexer, ",");
            }
        else
            sql_lexer_next(lexer);
        return;
    }
    (void)sql_lexer_take(lexer, "=");
    if (!sql_lexer_take_name(lexer, arena, &name) && !sql_lexer_take_string(lexer, arena, &name))
        return;
    if (is_collation)
        name = charset_of_collation(name);
    if (name.data != NULL)
        table->charset_name = name;
}

/* ---- columns ---- */

static void take_collation(SqlLexer *lexer, Arena *arena, MysqlColumn *column)
{
    Str name;
    if (!sql_lexer_take_name(lexer, arena, &name) && !sql_lexer_take_string(lexer, arena, &name))
        return;
    name = charset_of_collation(name);
    if (name.data == NULL || !mysql_column_is_text(column))
        return;
    column->charset_name = name;
    column->charset = charset_from_name(name);
}

/* What follows a column's type, up to the end of its item. */
static void take_attributes(SqlLexer *lexer, Arena *arena, MysqlColumn *column, DdlPlace *place)
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
        } else if (take_both(lexer, "AS", "(")) { /* generated, and VIRTUAL unless told */
            column->is_virtual = true;
            depth = 1;
        } else if (sql_lexer_take(lexer, "STORED") || sql_lexer_take(lexer, "PERSISTENT")) {
            column->is_virtual = false;
        } else if (sql_lexer_take(lexer, "COLLATE")) {
            take_collation(lexer, arena, column);
        } else if (sql_lexer_take(lexer, "FIRST")) {
            place->is_first = true;
        } else if (sql_lexer_take(lexer, "AFTER")) {
            (void)sql_lexer_take_name(lexer, arena, &place->after);
        } else {
            sql_lexer_next(lexer);
        }
    }
}

bool ddl_take_column(SqlLexer *lexer, Arena *arena, Str charset, MysqlColumn *column,
                     DdlPlace *place)
{
    Str text = sql_lexer_rest(lexer);
    *place = (DdlPlace){0};
    if (!mysql_type_parse(arena, &text, charset, column))
        return false;
    *lexer = sql_lexer(text);
    take_attributes(lexer, arena, column, place);
    return true;
}

/* ---- CREATE ---- */

static bool create_columns(SqlLexer *lexer, Arena *arena, MysqlTable *table)
{
    int32_t most = 1; /* columns, as there are commas between them */
    Str text = sql_lexer_rest(lexer);
    for (int64_t i = 0; i < text.length && most < DDL_COLUMNS_MAX; i++)
        most += text.data[i] == ',';
    table->columns = ARENA_ARRAY(arena, MysqlColumn, most);
    do {
        if (ddl_take_no_column(lexer)) {
            sql_lexer_skip_item(lexer);
            continue;
        }
        MysqlColumn *column = &table->columns[table->count];
        DdlPlace place;
        if (table->count == most || !sql_lexer_take_name(lexer, arena, &column->name) ||
            !ddl_take_column(lexer, arena, (Str){0}, column, &place))
            return false;
        table->count++;
    } while (sql_lexer_take(lexer, ","));
    return sql_lexer_take(lexer, ")") && table->count > 0;
}

/* False for CREATE TABLE … SELECT, whose columns are not all told, and for tables that keep their
 * history: the log has rows of it, too. */
static bool create_options(SqlLexer *lexer, Arena *arena, MysqlTable *table)
{
    while (lexer->kind != SQL_END) {
        if (sql_lexer_take(lexer, "SELECT") || sql_lexer_take(lexer, "AS") ||
            ddl_take_versioning(lexer))
            return false;
        if (sql_lexer_take(lexer, "PARTITION"))
            return true;
        ddl_take_option(lexer, arena, table);
    }
    return true;
}

void ddl_settle(MysqlTable *table, Str charset)
{
    if (table->charset_name.data == NULL)
        table->charset_name = charset;
    for (int32_t i = 0; i < table->count; i++) {
        MysqlColumn *column = &table->columns[i];
        if (!mysql_column_is_text(column) || column->charset_name.data != NULL ||
            table->charset_name.data == NULL)
            continue;
        column->charset_name = table->charset_name;
        column->charset = charset_from_name(table->charset_name);
    }
}

/* Collects what a statement does. */
typedef struct DdlReader {
    SqlLexer lexer;
    Arena *arena;
    Str database; /* the default one */
    List changes;
} DdlReader;

static DdlChange *reader_add(DdlReader *reader, DdlKind kind)
{
    DdlChange *change = ARENA_NEW(reader->arena, DdlChange);
    change->kind = kind;
    list_append(&reader->changes, reader->arena, change);
    return change;
}

static void read_create_table(DdlReader *reader)
{
    SqlLexer *lexer = &reader->lexer;
    Arena *arena = reader->arena;
    MysqlTable *table = ARENA_NEW(arena, MysqlTable);
    bool is_optional = ddl_take_if_exists(lexer);
    if (!ddl_take_table(lexer, arena, reader->database, &table->database, &table->name))
        return;
    DdlChange *change = reader_add(reader, DDL_CREATED);
    change->database = table->database;
    change->name = table->name;
    change->is_optional = is_optional;
    SqlLexer look = *lexer;
    (void)sql_lexer_take(&look, "(");
    if (sql_lexer_take(&look, "LIKE")) {
        change->kind = DDL_COPIED;
        if (!ddl_take_table(&look, arena, reader->database, &change->other_database,
                            &change->other_name))
            change->kind = DDL_CREATED;
    } else if (sql_lexer_take(lexer, "(") && create_columns(lexer, arena, table) &&
               create_options(lexer, arena, table)) {
        change->after = table;
    }
}

static void read_database(DdlReader *reader, bool is_new)
{
    SqlLexer *lexer = &reader->lexer;
    MysqlTable options = {0};
    Str name = reader->database; /* ALTER DATABASE may leave it out */
    bool is_optional = ddl_take_if_exists(lexer);
    static const char *const words[] = {"DEFAULT", "CHARACTER", "CHARSET", "COLLATE"};
    bool has_name = true;
    for (size_t i = 0; i < sizeof words / sizeof *words && !is_new; i++) {
        SqlLexer look = *lexer;
        has_name = has_name && !sql_lexer_take(&look, words[i]);
    }
    if (has_name && !sql_lexer_take_name(lexer, reader->arena, &name))
        return;
    while (lexer->kind != SQL_END)
        ddl_take_option(lexer, reader->arena, &options);
    if (!is_new && options.charset_name.data == NULL)
        return;
    DdlChange *change = reader_add(reader, DDL_DATABASE);
    change->database = name;
    change->charset = options.charset_name;
    change->is_optional = is_optional;
}

static void read_list(DdlReader *reader, DdlKind kind)
{
    Str database, name;
    (void)ddl_take_if_exists(&reader->lexer);
    do {
        if (!ddl_take_table(&reader->lexer, reader->arena, reader->database, &database, &name))
            return;
        DdlChange *change = reader_add(reader, kind);
        change->database = database;
        change->name = name;
    } while (sql_lexer_take(&reader->lexer, ","));
}

static bool take_database(SqlLexer *lexer)
{
    return sql_lexer_take(lexer, "DATABASE") || sql_lexer_take(lexer, "SCHEMA");
}

static void read_create(DdlReader *reader)
{
    SqlLexer *lexer = &reader->lexer;
    bool is_replacing = take_both(lexer, "OR", "REPLACE");
    if (sql_lexer_take(lexer, "TABLE")) {
        read_create_table(reader);
    } else if (sql_lexer_take(lexer, "SEQUENCE")) {
        read_list(reader, DDL_SEQUENCE);
    } else if (take_database(lexer)) {
        if (is_replacing) {
            SqlLexer look = *lexer;
            DdlChange *gone = reader_add(reader, DDL_DATABASE_DROPPED);
            (void)sql_lexer_take_name(&look, reader->arena, &gone->database);
        }
        read_database(reader, true);
    }
}

static void read_drop(DdlReader *reader)
{
    SqlLexer *lexer = &reader->lexer;
    if (take_database(lexer)) {
        Str name;
        (void)ddl_take_if_exists(lexer);
        if (sql_lexer_take_name(lexer, reader->arena, &name))
            reader_add(reader, DDL_DATABASE_DROPPED)->database = name;
    } else if (sql_lexer_take(lexer, "TABLE") || sql_lexer_take(lexer, "TABLES") ||
               sql_lexer_take(lexer, "SEQUENCE")) {
        read_list(reader, DDL_DROPPED);
    }
}

static void read_rename(DdlReader *reader)
{
    SqlLexer *lexer = &reader->lexer;
    if (!sql_lexer_take(lexer, "TABLE") && !sql_lexer_take(lexer, "TABLES"))
        return;
    (void)ddl_take_if_exists(lexer);
    do {
        DdlChange found = {.kind = DDL_RENAMED};
        if (!ddl_take_table(lexer, reader->arena, reader->database, &found.database, &found.name))
            return;
        ddl_take_wait(lexer);
        if (!sql_lexer_take(lexer, "TO") ||
            !ddl_take_table(lexer, reader->arena, reader->database, &found.other_database,
                            &found.other_name))
            return;
        *reader_add(reader, DDL_RENAMED) = found;
    } while (sql_lexer_take(lexer, ","));
}

/* Behind ALTER TABLE: the change, and what it does to partitions. */
static void read_alter(DdlReader *reader)
{
    DdlChange found = {.kind = DDL_CHANGED};
    SqlLexer *lexer = &reader->lexer;
    if (!ddl_take_table(lexer, reader->arena, reader->database, &found.database, &found.name))
        return;
    *reader_add(reader, DDL_CHANGED) = found;
    ddl_take_wait(lexer);
    if (take_both(lexer, "CONVERT", "PARTITION")) {
        Str name;
        if (sql_lexer_take_name(lexer, reader->arena, &name) && take_both(lexer, "TO", "TABLE") &&
            ddl_take_table(lexer, reader->arena, reader->database, &found.other_database,
                           &found.other_name)) {
            *reader_add(reader, DDL_COPIED) = (DdlChange){.kind = DDL_COPIED,
                                                          .database = found.other_database,
                                                          .name = found.other_name,
                                                          .other_database = found.database,
                                                          .other_name = found.name};
        }
    } else if (!take_both(lexer, "TRUNCATE", "PARTITION") &&
               !take_both(lexer, "DROP", "PARTITION") &&
               !take_both(lexer, "EXCHANGE", "PARTITION")) {
        return;
    }
    DdlChange *emptied = reader_add(reader, DDL_EMPTIED);
    emptied->database = found.database;
    emptied->name = found.name;
}

List ddl_read(Arena *arena, Str database, Str sql)
{
    DdlReader reader = {.lexer = sql_lexer(sql), .arena = arena, .database = database};
    SqlLexer *lexer = &reader.lexer;
    SqlLexer look = *lexer;
    if (ddl_take_alter(&look)) {
        *lexer = look;
        read_alter(&reader);
    } else if (sql_lexer_take(lexer, "CREATE")) {
        read_create(&reader);
    } else if (sql_lexer_take(lexer, "RENAME")) {
        read_rename(&reader);
    } else if (sql_lexer_take(lexer, "DROP")) {
        read_drop(&reader);
    } else if (sql_lexer_take(lexer, "TRUNCATE")) {
        (void)sql_lexer_take(lexer, "TABLE");
        read_list(&reader, DDL_EMPTIED);
    } else if (sql_lexer_take(lexer, "ALTER") && take_database(lexer)) {
        read_database(&reader, false);
    }
    return reader.changes;
}
