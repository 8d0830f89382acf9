/* Definitions of tables as they change along the binlog.
 *
 * A row event names columns by number only, so what number 3 is called must be known as of the
 * event's position, not as of now. The statements of the binlog are followed: CREATE, ALTER,
 * RENAME and DROP TABLE as far as they change columns. What cannot be followed (CREATE TABLE ...
 * LIKE or SELECT, a renamed database) marks the table as unknown: it is then read from
 * information_schema, and compared with the table map before it is trusted. */
#ifndef WEIR_CONNECT_MYSQL_DDL_H
#define WEIR_CONNECT_MYSQL_DDL_H

#include "connect/mysql/schema.h"

typedef enum DdlKind {
    DDL_NONE,    /* nothing about tables */
    DDL_CREATED, /* `after` is the new table, or unknown when its columns are 0 */
    DDL_CHANGED, /* `before` becomes `after` */
    DDL_RENAMED, /* likewise, with another name */
    DDL_DROPPED, /* `before` is gone */
    DDL_EMPTIED, /* TRUNCATE: rows vanish without row events */
    DDL_UNKNOWN, /* `before` changed in a way that was not understood */
} DdlKind;

/* One table that a statement touched. */
typedef struct DdlChange {
    DdlKind kind;
    Str database, name;         /* before */
    Str new_database, new_name; /* after */
    MysqlTable *after;          /* CREATED: its columns; CHANGED: see ddl_apply */
} DdlChange;

enum { DDL_CHANGES_MAX = 64 };

/* Which tables a statement touches. `database` is the default one. Returns how many changes
 * were written. */
int32_t ddl_read(Arena *arena, Str database, Str sql, DdlChange *changes);

/* The table after an ALTER TABLE, as a copy in the arena; NULL when the statement does not fit
 * the table or is not understood. A statement that changes no column gives an equal table. */
MysqlTable *ddl_apply(Arena *arena, const MysqlTable *table, Str sql);

/* Copies that share nothing with the original. */
MysqlTable *mysql_table_copy(Arena *arena, const MysqlTable *table);

#endif
