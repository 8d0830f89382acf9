/* Tables as the server declares them: columns, types, character sets.
 *
 * A column's type is read from its SQL text ("int(10) unsigned", "enum('a','b')"), which
 * information_schema and DDL statements share. The numbers of MysqlType are those of the
 * binlog. Reference: MySQL 8.0 Source Code Documentation, enum_field_types; MariaDB Knowledge
 * Base, "Rows_event_v1". */
#ifndef WEIR_CONNECT_MYSQL_SCHEMA_H
#define WEIR_CONNECT_MYSQL_SCHEMA_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/list.h"
#include "base/str.h"

typedef enum MysqlType {
    MYSQL_DECIMAL_OLD = 0,
    MYSQL_TINY = 1,
    MYSQL_SHORT = 2,
    MYSQL_LONG = 3,
    MYSQL_FLOAT = 4,
    MYSQL_DOUBLE = 5,
    MYSQL_NULL = 6,
    MYSQL_TIMESTAMP = 7,
    MYSQL_LONGLONG = 8,
    MYSQL_INT24 = 9,
    MYSQL_DATE = 10,
    MYSQL_TIME = 11,
    MYSQL_DATETIME = 12,
    MYSQL_YEAR = 13,
    MYSQL_NEWDATE = 14,
    MYSQL_VARCHAR = 15,
    MYSQL_BIT = 16,
    MYSQL_TIMESTAMP2 = 17,
    MYSQL_DATETIME2 = 18,
    MYSQL_TIME2 = 19,
    MYSQL_TYPED_ARRAY = 20,
    MYSQL_BLOB_COMPRESSED = 140,
    MYSQL_VARCHAR_COMPRESSED = 141,
    MYSQL_VECTOR = 242,
    MYSQL_JSON = 245,
    MYSQL_NEWDECIMAL = 246,
    MYSQL_ENUM = 247,
    MYSQL_SET = 248,
    MYSQL_TINY_BLOB = 249,
    MYSQL_MEDIUM_BLOB = 250,
    MYSQL_LONG_BLOB = 251,
    MYSQL_BLOB = 252,
    MYSQL_VAR_STRING = 253,
    MYSQL_STRING = 254,
    MYSQL_GEOMETRY = 255,
} MysqlType;

/* How the bytes of a text column become UTF-8. */
typedef enum Charset {
    CHARSET_UNKNOWN, /* not said: taken as UTF-8 */
    CHARSET_BINARY,
    CHARSET_UTF8, /* ascii, utf8mb3, utf8mb4 */
    CHARSET_LATIN1,
    CHARSET_OTHER, /* not converted: such columns can be read as BYTES only */
} Charset;

typedef struct MysqlColumn {
    Str name;
    Str declared;   /* "int(10) unsigned", for messages and for comparing */
    MysqlType type; /* as a table map of today's servers has it, ENUM and SET unfolded */
    Charset charset;
    Str charset_name;
    Str collation;      /* where information_schema told it */
    int32_t length;     /* characters, digits or bits as declared; 0: none */
    int32_t scale;      /* DECIMAL: digits behind the point; times: fractional digits */
    const Str *members; /* ENUM and SET */
    int32_t member_count;
    int32_t key_part; /* while a definition is changed: place in the key from 1 on; 0: none */
    bool is_unsigned;
    bool is_nullable;
    bool is_virtual; /* generated, not stored */
} MysqlColumn;

typedef struct MysqlTable {
    Str database;
    Str name;
    MysqlColumn *columns;
    int32_t count;
    const int32_t *key; /* PRIMARY KEY, or a UNIQUE key without NULLs; indexes into columns */
    int32_t key_count;
    Str charset_name; /* default of the table */
    int64_t rows_estimate;
} MysqlTable;

/* Position of the column, ASCII case folded as MySQL does it, or -1. */
int32_t mysql_table_find(const MysqlTable *table, Str name);

/* The type part of a column definition at the start of `*text`, which is moved behind it.
 * `column` gets everything but name and key. False when it is not understood. */
bool mysql_type_parse(Arena *arena, Str *text, Str default_charset, MysqlColumn *column);

Charset charset_from_name(Str name);
Charset charset_from_collation(uint64_t id);
/* Of those that are told apart; NULL data for 0. */
Str charset_name_of_collation(uint64_t id);

/* A collation's name begins with its character set's; NULL data for the names that do not, which go
 * with any. */
Str charset_of_collation(Str collation);

/* Append `bytes` as UTF-8. */
void charset_convert(Charset charset, Str bytes, Buffer *out);

/* Whether the column holds text that Charset applies to. */
bool mysql_column_is_text(const MysqlColumn *column);

#endif
