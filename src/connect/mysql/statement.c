/* Statements of the binlog that changed rows without showing them.
 *
 * A session with another binlog_format than ROW logs what it ran, not what changed. The text does
 * not tell which tables that were: a view, a trigger, a function or a procedure leads anywhere. So
 * each statement that can change rows stops the source, unless it is sure that none of them is
 * read:
 *
 *   - MySQL logs the databases of all tables that a statement opened, those behind views, triggers
 *     and functions included: none of them is read. MariaDB does not.
 *   - Its only target is a table that is not read and has no triggers: a temporary one, one of the
 *     database `mysql`, or one that it makes itself. All that it calls is part of the server, and
 *     all that it reads are tables.
 *
 * Reference: MySQL 8.0 Source Code Documentation, "Query_event"; MySQL 8.0 Reference Manual,
 * "Mixed Binary Logging Format" and "Function Name Parsing and Resolution". */
#include "connect/mysql/source.h"

enum { STATEMENT_BYTES_SHOWN = 200 };

#define COUNT_OF(words) (sizeof(words) / sizeof *(words))

static bool take_any(SqlLexer *lexer, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sql_lexer_take(lexer, words[i]))
            return true;
    return false;
}

static bool is_sign(const SqlLexer *lexer, char sign)
{
    return lexer->kind == SQL_SIGN && lexer->token.data[0] == sign;
}

Str statement_text(Str sql)
{
    SqlLexer lexer = sql_lexer(sql);
    if (!sql_lexer_take(&lexer, "SET") || !sql_lexer_take(&lexer, "STATEMENT"))
        return sql;
    for (int32_t depth = 0; lexer.kind != SQL_END; sql_lexer_next(&lexer)) {
        if (depth == 0 && sql_lexer_take(&lexer, "FOR"))
            return statement_text(sql_lexer_rest(&lexer));
        depth += is_sign(&lexer, '(') ? 1 : is_sign(&lexer, ')') ? -1 : 0;
    }
    return sql;
}

bool statement_take_create(SqlLexer *lexer, bool *is_temporary)
{
    if (!sql_lexer_take(lexer, "CREATE"))
        return false;
    if (sql_lexer_take(lexer, "OR"))
        (void)sql_lexer_take(lexer, "REPLACE");
    *is_temporary = sql_lexer_take(lexer, "TEMPORARY");
    if (!sql_lexer_take(lexer, "TABLE"))
        return false;
    (void)ddl_take_if_exists(lexer);
    return true;
}

/* ---- what can change rows ---- */

/* Behind CREATE TABLE: whether it takes rows from a query. These words are reserved. */
static bool takes_rows(SqlLexer lexer)
{
    while (lexer.kind != SQL_END) {
        if (sql_lexer_take(&lexer, "SELECT") || sql_lexer_take(&lexer, "TABLE"))
            return true;
        if (!sql_lexer_take(&lexer, "VALUES"))
            sql_lexer_next(&lexer);
        else if (!sql_lexer_take(&lexer, "LESS") && !sql_lexer_take(&lexer, "IN"))
            return true; /* no bounds of a partition */
    }
    return false;
}

/* Statements that are logged and change no row, or what docs/mysql-cdc.md says of ALTER, DROP and
 * TRUNCATE. One that is not known may change rows. */
static bool can_change_rows(Str sql)
{
    static const char *const harmless[] = {
        "ALTER",  "DROP",   "RENAME", "TRUNCATE", "GRANT",     "REVOKE",  "SET",
        "FLUSH",  "REPAIR", "CHECK",  "OPTIMIZE", "INSTALL",   "RELEASE", "SAVEPOINT",
        "COMMIT", "BEGIN",  "START",  "ROLLBACK", "UNINSTALL", "USE",     "RESET",
        "PURGE",  "CHANGE", "STOP",   "KILL",     "CREATE",    "LOCK",    "UNLOCK",
        "CACHE",  "SHOW",   "IMPORT", "BACKUP",   "XA",        "COMMENT", "SHUTDOWN"};
    static const char *const analyzed[] = {"TABLE", "TABLES", "LOCAL", "NO_WRITE_TO_BINLOG"};
    SqlLexer lexer = sql_lexer(sql);
    SqlLexer look = lexer;
    bool is_temporary = false;
    if (lexer.kind == SQL_END)
        return false; /* MariaDB puts a comment where it leaves something out */
    if (statement_take_create(&look, &is_temporary))
        return takes_rows(look);
    if (sql_lexer_take(&lexer, "ANALYZE")) /* MariaDB runs what it analyzes */
        return !take_any(&lexer, analyzed, COUNT_OF(analyzed));
    return !take_any(&lexer, harmless, COUNT_OF(harmless));
}

/* ---- what is read ---- */

static bool database_is_read(const MysqlSource *source, Str database)
{
    if (database.length == 0 || table_filter_matches_database(source->filter, database))
        return true;
    for (int32_t i = 0; i < source->table_count; i++)
        if (mysql_names_agree(source, source->tables[i]->schema->database, database))
            return true;
    return false;
}

/* The first of the databases that a statement touched that is read; NULL data: none is. */
static Str find_read(const MysqlSource *source, Str touched)
{
    for (int64_t i = 0, start = 0; i < touched.length; i++) {
        if (touched.data[i] != '\0')
            continue;
        Str database = str_make(touched.data + start, i - start);
        if (database_is_read(source, database))
            return database;
        start = i + 1;
    }
    return (Str){0};
}

static bool table_is_read(const MysqlSource *source, Arena *arena, Str database, Str name)
{
    if (table_filter_matches(source->filter, database, name))
        return true;
    return source->name_case != NAMES_EXACT &&
           table_filter_matches(source->filter, str_to_lower(arena, database),
                                str_to_lower(arena, name));
}

/* ---- a statement with one target ---- */

typedef struct Statement {
    const MysqlSource *source;
    const QueryEvent *query;
    Arena *arena;
    SqlLexer lexer; /* behind the target */
    Str database, name;
    bool makes, is_temporary; /* CREATE [TEMPORARY] TABLE */
} Statement;

static bool take_target(Statement *statement)
{
    return ddl_take_table(&statement->lexer, statement->arena, statement->query->database,
                          &statement->database, &statement->name);
}

/* "name [AS alias]" and one of the words, or the end. */
static bool take_single(Statement *statement, const char *const *words, size_t count)
{
    if (!take_target(statement))
        return false;
    SqlLexer look = statement->lexer;
    Str alias;
    if (look.kind == SQL_END || take_any(&look, words, count))
        return true;
    (void)sql_lexer_take(&look, "AS");
    return sql_lexer_take_name(&look, statement->arena, &alias) &&
           (look.kind == SQL_END || take_any(&look, words, count));
}

static bool read_target(Statement *statement)
{
    static const char *const modifiers[] = {"LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK",
                                            "IGNORE"};
    static const char *const behind_delete[] = {"WHERE", "ORDER", "LIMIT", "RETURNING"};
    static const char *const behind_update[] = {"SET"};
    SqlLexer *lexer = &statement->lexer;
    *lexer = sql_lexer(statement->query->sql);
    SqlLexer look = *lexer;
    if (statement_take_create(&look, &statement->is_temporary)) {
        *lexer = look;
        statement->makes = true;
        return take_target(statement);
    }
    bool is_insert = sql_lexer_take(lexer, "INSERT") || sql_lexer_take(lexer, "REPLACE");
    bool is_update = !is_insert && sql_lexer_take(lexer, "UPDATE");
    bool is_delete = !is_insert && !is_update && sql_lexer_take(lexer, "DELETE");
    while (take_any(lexer, modifiers, COUNT_OF(modifiers)))
        continue;
    if (is_insert) {
        (void)sql_lexer_take(lexer, "INTO");
        return take_target(statement);
    }
    if (is_update)
        return take_single(statement, behind_update, COUNT_OF(behind_update));
    return is_delete && sql_lexer_take(lexer, "FROM") &&
           take_single(statement, behind_delete, COUNT_OF(behind_delete));
}

static bool target_is_unread(const Statement *statement)
{
    const MysqlSource *source = statement->source;
    uint16_t flags = source->stream.event.flags;
    if (statement->makes)
        return statement->is_temporary ||
               !table_is_read(source, statement->arena, statement->database, statement->name);
    if ((flags & EVENT_FLAG_THREAD_SPECIFIC) != 0 &&
        temporary_has(source, statement->query->thread_id, statement->database, statement->name))
        return true;
    /* Triggers cannot be made there. Providers write to it as statements whatever the format. */
    return str_is(statement->database, "mysql") && !database_is_read(source, statement->database);
}

/* A table to read from, which is no view: a view may call functions. */
static bool take_source(Statement *statement)
{
    const MysqlSource *source = statement->source;
    const QueryEvent *query = statement->query;
    Str database, name;
    if (sql_lexer_take(&statement->lexer, "DUAL"))
        return true;
    if (!ddl_take_table(&statement->lexer, statement->arena, query->database, &database, &name))
        return false;
    return book_find(source, database, name) != NULL ||
           temporary_has(source, query->thread_id, database, name);
}

/* Before a parenthesis: whether this is no call, or one of a function of the server. A function of
 * users by the same name is only called with its database's, or with a space in between. */
static bool may_open(const SqlLexer *lexer, const SqlLexer *parenthesis)
{
    static const char *const reserved[] = {
        "VALUES",   "VALUE",  "IN",        "AND",    "OR",       "NOT",     "XOR",
        "SELECT",   "EXISTS", "WHERE",     "SET",    "BETWEEN",  "LIKE",    "THEN",
        "WHEN",     "ELSE",   "CASE",      "BY",     "INTERVAL", "HAVING",  "LIMIT",
        "DISTINCT", "KEY",    "PARTITION", "IF",     "LEFT",     "RIGHT",   "MOD",
        "CHAR",     "INT",    "ON",        "BIGINT", "AS",       "VARCHAR", "VARBINARY",
        "BINARY",   "ALL",    "DECIMAL",   "DIV",    "SMALLINT", "TINYINT"};
    static const char *const functions[] = {
        "COUNT",         "SUM",           "MIN",           "MAX",
        "AVG",           "NOW",           "CURDATE",       "CURTIME",
        "CAST",          "CONVERT",       "COALESCE",      "CONCAT",
        "IFNULL",        "CONCAT_WS",     "NULLIF",        "ROUND",
        "FLOOR",         "CEIL",          "ABS",           "LENGTH",
        "LOWER",         "UPPER",         "SUBSTRING",     "DATE_FORMAT",
        "CRC32",         "MD5",           "SHA1",          "RAND",
        "HEX",           "UNHEX",         "UUID",          "GREATEST",
        "LEAST",         "CHAR_LENGTH",   "DATE",          "YEAR",
        "MONTH",         "DAY",           "HOUR",          "SYSDATE",
        "REPLACE",       "GROUP_CONCAT",  "VERSION",       "DATABASE",
        "DATE_ADD",      "DATE_SUB",      "TRIM",          "UNIX_TIMESTAMP",
        "USER",          "UTC_TIMESTAMP", "CONNECTION_ID", "CURRENT_TIMESTAMP",
        "FROM_UNIXTIME", "LAST_INSERT_ID"};
    if (lexer->kind == SQL_SIGN || lexer->kind == SQL_NUMBER)
        return true;
    if (lexer->kind == SQL_STRING)
        return lexer->token.data[0] == '\''; /* else it may be a name */
    SqlLexer look = *lexer;
    if (take_any(&look, reserved, COUNT_OF(reserved)))
        return true;
    return lexer->token.data + lexer->token.length == parenthesis->token.data &&
           take_any(&look, functions, COUNT_OF(functions));
}

/* Where the list of tables behind a FROM may end. */
static bool ends_from(SqlLexer lexer)
{
    static const char *const words[] = {"WHERE", "GROUP", "HAVING", "ORDER",     "LIMIT",
                                        "UNION", "ON",    "EXCEPT", "INTERSECT", "WINDOW"};
    bool is_join = sql_lexer_take(&lexer, "ON") && !sql_lexer_take(&lexer, "DUPLICATE");
    return !is_join && take_any(&lexer, words, COUNT_OF(words));
}

/* Behind the target: nothing but tables is read, nothing of users is called. */
static bool rest_is_plain(Statement *statement)
{
    static const char *const beyond[] = {"TABLE", "WITH", "USE", "FORCE", "STRAIGHT_JOIN", "NEXT"};
    SqlLexer *lexer = &statement->lexer;
    int32_t depth = 0, from = -1; /* the depth of the open list of tables; -1: none is */
    bool is_qualified = false;
    while (lexer->kind != SQL_END) {
        if (take_any(lexer, beyond, COUNT_OF(beyond)))
            return false;
        if (depth == from && ends_from(*lexer))
            from = -1;
        bool is_from = sql_lexer_take(lexer, "FROM");
        if (is_from && from >= 0)
            return false; /* one within another */
        from = is_from ? depth : from;
        bool is_next = !is_from && from == depth && sql_lexer_take(lexer, ",");
        if (is_from || is_next || sql_lexer_take(lexer, "JOIN")) {
            if (!take_source(statement))
                return false;
            continue;
        }
        SqlLexer before = *lexer;
        sql_lexer_next(lexer);
        if (is_sign(lexer, '(') && (is_qualified || !may_open(&before, lexer)))
            return false;
        is_qualified = is_sign(&before, '.');
        depth += is_sign(&before, '(') ? 1 : is_sign(&before, ')') ? -1 : 0;
        from = depth < from ? -1 : from;
    }
    return true;
}

/* Whether strings end where they seem to. */
static bool is_readable(const QueryEvent *query)
{
    bool is_utf8 = query->client_collation == 0 ||
                   charset_from_collation(query->client_collation) == CHARSET_UTF8;
    for (int64_t i = 0; i < query->sql.length; i++) {
        char c = query->sql.data[i];
        if ((c == '\\' && query->is_backslash_plain) || ((uint8_t)c >= 0x80 && !is_utf8))
            return false;
    }
    return true;
}

static bool is_surely_elsewhere(const MysqlSource *source, const QueryEvent *query)
{
    Statement statement = {.source = source, .query = query, .arena = arena_new(0)};
    bool is_sure = is_readable(query) && read_target(&statement) && target_is_unread(&statement) &&
                   rest_is_plain(&statement);
    arena_free(statement.arena);
    return is_sure;
}

/* "DELETE FROM `database`.`table`", which MySQL writes by itself when a table of the engine MEMORY
 * is first used behind a restart. A statement of users names what it touches. */
static bool is_emptied_memory(const MysqlSource *source, const QueryEvent *query)
{
    Str database, name;
    SqlLexer lexer = sql_lexer(query->sql);
    if (source->dump.is_mariadb || query->has_touched || !sql_lexer_take(&lexer, "DELETE") ||
        !sql_lexer_take(&lexer, "FROM") || lexer.kind != SQL_NAME)
        return false;
    Arena *arena = arena_new(0);
    bool is_it = ddl_take_table(&lexer, arena, (Str){.data = ""}, &database, &name) &&
                 lexer.kind == SQL_END && database.length > 0 &&
                 !table_is_read(source, arena, database, name);
    arena_free(arena);
    return is_it;
}

/* ---- judging ---- */

/* Whether it stands in front of what is read: the snapshot has what it changed, or the user asked
 * for changes from a later moment on. */
static bool is_in_front(const MysqlSource *source)
{
    const SourceStream *stream = &source->stream;
    if (source->options.mode == START_TIMESTAMP &&
        (int64_t)stream->event.timestamp * 1000 < source->options.timestamp_ms)
        return true;
    /* What an XA transaction changes is changed at its XA COMMIT. */
    if (!stream->is_filtering || source->xa.is_taking)
        return false;
    for (int32_t i = 0; i < source->segments.count; i++)
        if (!segment_has_seen(source, LIST_AT(source->segments, i, Segment)))
            return false;
    return true;
}

Status statement_check(const MysqlSource *source, const QueryEvent *query, Error *error)
{
    Str read = {0};
    if (!can_change_rows(query->sql) || is_in_front(source))
        return OK;
    if (query->has_touched) {
        read = find_read(source, query->touched);
        if (read.data == NULL)
            return OK;
    }
    if (is_emptied_memory(source, query) || is_surely_elsewhere(source, query))
        return OK;
    const BinlogPosition *safe = &source->stream.safe;
    bool is_long = query->sql.length > STATEMENT_BYTES_SHOWN;
    bool is_known = read.length > 0;
    Status status =
        fail(error, ERR_LOST, "WR3135",
             "a change behind %s:%llu was logged as a statement, without its rows%s%.*s%s: %.*s%s",
             safe->file, (unsigned long long)safe->offset,
             is_known ? ", and touches tables in `" : ", and nothing says which tables it touches",
             is_known ? (int)read.length : 0, is_known ? read.data : "", is_known ? "`" : "",
             is_long ? STATEMENT_BYTES_SHOWN : (int)query->sql.length, query->sql.data,
             is_long ? " …" : "");
    error_hint(error, "set binlog_format = ROW globally, let all sessions connect again, and start "
                      "over with --fresh");
    return status;
}

bool statement_is_of_temporary(const MysqlSource *source, const QueryEvent *query)
{
    Str database, name;
    SqlLexer lexer = sql_lexer(query->sql);
    bool is_it = (source->stream.event.flags & EVENT_FLAG_THREAD_SPECIFIC) != 0;
    if (!is_it || source->temporary.count == 0)
        return false;
    bool is_truncate = sql_lexer_take(&lexer, "TRUNCATE");
    if (is_truncate)
        (void)sql_lexer_take(&lexer, "TABLE");
    if (!is_truncate && !ddl_take_alter(&lexer))
        return false;
    Arena *arena = arena_new(0);
    is_it = ddl_take_table(&lexer, arena, query->database, &database, &name) &&
            temporary_has(source, query->thread_id, database, name);
    arena_free(arena);
    return is_it;
}
