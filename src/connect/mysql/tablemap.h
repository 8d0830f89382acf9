/* Table maps: which table the row events behind them change, and how its columns lie.
 * Reference: MySQL 8.0 Source Code Documentation, "Table_map_event"; its optional metadata is
 * written as far as binlog_row_metadata says. */
#ifndef WEIR_CONNECT_MYSQL_TABLEMAP_H
#define WEIR_CONNECT_MYSQL_TABLEMAP_H

#include "base/arena.h"
#include "connect/mysql/event.h"
#include "connect/mysql/value.h"

enum { TABLE_COLUMNS_MAX = 4096 };

typedef struct TableMap {
    uint64_t id;
    Str database;
    Str name;
    BinlogColumn *columns;
    int32_t count;
    const Str *names;          /* of the columns, or NULL when the server did not write them */
    const Str *const *members; /* per column: ENUM and SET members, or NULL */
    const int32_t *member_counts;
    bool has_signs;    /* is_unsigned of the columns is known from the event */
    bool has_charsets; /* likewise their charset */
} TableMap;

/* The id alone, to see whether the map is known. */
Status tablemap_read_id(const BinlogFormat *format, const Event *event, uint64_t *id, Error *error);

/* All of it, copied to the arena. Types that cannot be walked over are ERR_DECODE. */
Status tablemap_read(const BinlogFormat *format, const Event *event, Arena *arena, TableMap *out,
                     Error *error);

#endif
