/* Definitions of tables as they change along the binlog.
 *
 * A row event names columns by number only, so what number 3 is called must be known as of the
 * event's position, not as of now. The statements of the binlog are followed as far as they touch
 * columns:
 *
 *   ddl_read     which tables and databases a statement touches, and how
 *   ddl_alter    the definition behind an ALTER TABLE
 *
 * What is not understood is said (a NULL), never guessed. Reference for the syntax: MySQL 8.4
 * Reference Manual, "Data Definition Statements"; MariaDB Knowledge Base, "ALTER TABLE" and
 * "CREATE TABLE". */
#ifndef WEIR_CONNECT_MYSQL_DDL_H
#define WEIR_CONNECT_MYSQL_DDL_H

#include "connect/mysql/lexer.h"
#include "connect/mysql/schema.h"

enum { DDL_COLUMNS_MAX = 4096 };

typedef enum DdlKind {
    DDL_CREATED,          /* `after` is the new table; NULL: not understood */
    DDL_COPIED,           /* a new table like `other` */
    DDL_CHANGED,          /* see ddl_alter */
    DDL_RENAMED,          /* to `other` */
    DDL_DROPPED,          /* a table or a sequence */
    DDL_EMPTIED,          /* rows vanish without row events */
    DDL_SEQUENCE,         /* created: its row events are not of a table */
    DDL_DATABASE,         /* created or altered: `charset` is its default from now on */
    DDL_DATABASE_DROPPED, /* with all its tables */
} DdlKind;

/* One thing that a statement does. */
typedef struct DdlChange {
    DdlKind kind;
    Str database, name;
    Str other_database, other_name;
    MysqlTable *after;
    Str charset;      /* NULL data: the server's default */
    bool is_optional; /* IF NOT EXISTS: nothing happens to one that is there */
} DdlChange;

/* What the statement does, in order (DdlChange *); nothing for most statements. `database` is the
 * default one. Text columns for which a CREATE TABLE names no character set have none yet: see
 * ddl_settle. */
List ddl_read(Arena *arena, Str database, Str sql);

/* Give columns without a character set that of the table, and the table that of its database. */
void ddl_settle(MysqlTable *table, Str charset);

/* The table behind an ALTER TABLE, in the arena, by another name if it says so; `charset` is its
 * database's default. NULL when the statement does not fit the table or is not understood. One that
 * changes no column gives an equal table. */
MysqlTable *ddl_alter(Arena *arena, const MysqlTable *table, Str sql, Str charset);

/* Copies that share nothing with the original. */
MysqlTable *mysql_table_copy(Arena *arena, const MysqlTable *table);

/* ---- Between ddl.c and alter.c ---- */

/* [database.]name */
bool ddl_take_table(SqlLexer *lexer, Arena *arena, Str standard, Str *database, Str *name);
/* IF [NOT] EXISTS; whether it stood there. */
bool ddl_take_if_exists(SqlLexer *lexer);
/* "ALTER [ONLINE] [IGNORE] TABLE [IF EXISTS]", or false. */
bool ddl_take_alter(SqlLexer *lexer);
/* [WAIT seconds | NOWAIT] */
void ddl_take_wait(SqlLexer *lexer);
/* Whether an index, a constraint or the like begins here, behind whose first word this goes then.
 */
bool ddl_take_no_column(SqlLexer *lexer);
/* SYSTEM VERSIONING */
bool ddl_take_versioning(SqlLexer *lexer);
/* One option of a table; its default character set is kept. */
void ddl_take_option(SqlLexer *lexer, Arena *arena, MysqlTable *table);

/* Where a column goes. Zero: where it is, or the end. */
typedef struct DdlPlace {
    bool is_first;
    Str after;
} DdlPlace;

/* Behind a column's name: its type and attributes, up to the comma. */
bool ddl_take_column(SqlLexer *lexer, Arena *arena, Str charset, MysqlColumn *column,
                     DdlPlace *place);

#endif
