/* What a server has and how it is set up: the tables that match, and the settings and rights
 * that capturing needs. Everything wrong here is found at open, with what to do. */
#ifndef WEIR_CONNECT_MYSQL_CATALOG_H
#define WEIR_CONNECT_MYSQL_CATALOG_H

#include "base/list.h"
#include "connect/mysql/client.h"
#include "connect/mysql/schema.h"

/* A name filter: database-name and table-name, each matched as a whole. */
typedef struct TableFilter TableFilter;

/* ERR_INVALID when one is no regular expression. Freed with the arena's owner by
 * table_filter_free. */
Status table_filter_new(Str database, Str table, TableFilter **out, Error *error);
void table_filter_free(TableFilter *filter);
bool table_filter_matches(const TableFilter *filter, Str database, Str name);
bool table_filter_matches_database(const TableFilter *filter, Str database);

/* How the server compares and keeps names of tables (lower_case_table_names). */
typedef enum NameCase { NAMES_EXACT, NAMES_LOWER, NAMES_FOLDED } NameCase;

/* What the server says about itself. */
typedef struct ServerInfo {
    uint32_t server_id;
    NameCase name_case;
    bool has_checksums;
    bool has_gtids; /* MySQL: gtid_mode is ON; MariaDB: always */
} ServerInfo;

Status mysql_catalog_server(MysqlClient *client, ServerInfo *out, Error *error);

/* binlog on, in ROW format, with full images; the rights to read it. */
Status mysql_catalog_check_binlog(MysqlClient *client, Error *error);

typedef struct BinlogPosition {
    char file[256];
    uint64_t offset; /* bytes */
} BinlogPosition;

/* The end of the binlog, and the executed GTIDs ("" where there are none) in the arena. */
Status mysql_catalog_end(MysqlClient *client, Arena *arena, BinlogPosition *position, Str *gtids,
                         Error *error);

/* MariaDB: the GTIDs at a position of the binlog. */
Status mysql_catalog_gtids_at(MysqlClient *client, Arena *arena, const BinlogPosition *position,
                              Str *gtids, Error *error);

/* Names (const char *) of the binlog files, oldest first. */
Status mysql_catalog_files(MysqlClient *client, Arena *arena, List *files, Error *error);

/* What there is at a moment, in the databases that match a filter. */
typedef struct MysqlCatalog {
    List tables;    /* MysqlTable *, ordered by database and name; those that match the filter have
                       their key */
    List databases; /* MysqlTable *, of name and default character set only */
    List sequences; /* MysqlTable *, of names only */
} MysqlCatalog;

Status mysql_catalog_read(MysqlClient *client, Arena *arena, const TableFilter *filter,
                          MysqlCatalog *out, Error *error);
/* What two readings agree in; false when they differ in what matches the filter. Other tables that
 * came, went or changed in between are left out. */
bool mysql_catalog_join(Arena *arena, const TableFilter *filter, const MysqlCatalog *a,
                        const MysqlCatalog *b, MysqlCatalog *out);
bool mysql_tables_equal(const MysqlTable *a, const MysqlTable *b);

/* One table by exact name, with its key; *out stays NULL when it does not exist. */
Status mysql_catalog_table(MysqlClient *client, Arena *arena, Str database, Str name,
                           MysqlTable **out, Error *error);

/* No table matches: say which exist that look alike. */
Status mysql_catalog_fail_unknown(MysqlClient *client, Arena *arena, Str database, Str name,
                                  Error *error);

#endif
