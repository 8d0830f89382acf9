/* Where in the binlog a consistent read stands.
 *
 * MariaDB says it. MySQL does not, and writes a transaction into the binlog before InnoDB shows it:
 * while the log is synced, or a replica's receipt is waited for, a read that begins does not see
 * what stands in front of the log's end. So a moment is looked for in which nothing is on its way.
 * Reference: MySQL's sql/binlog.cc, MYSQL_BIN_LOG::ordered_commit; Reference Manual, "gtid_owned".
 */
#include <stdio.h>
#include <string.h>

#include "connect/mysql/source.h"

enum {
    LOOK_US = 10000000, /* for a moment, in all */
    LOOK_STEP_US = 20000,
    COMMIT_US = 100000,  /* from the binlog to InnoDB, where nothing tells that it is done */
    OWNED_FIRST = 50706, /* version since which a GTID is owned until InnoDB has committed */
    DELAY_FIRST = 50705, /* version since which the sync of the binlog can be put off */
};

static const char BEGIN_SQL[] = "START TRANSACTION WITH CONSISTENT SNAPSHOT";

static Status moment_mariadb(MysqlClient *client, BinlogPosition *position, Error *error)
{
    Arena *arena = arena_new(0);
    Str row[2];
    int64_t offset = 0;
    Status status = mysql_client_execute(client, BEGIN_SQL, error);
    if (status == OK)
        status = mysql_client_row(client, arena, "SHOW STATUS LIKE 'binlog_snapshot_file'", row, 2,
                                  error);
    if (status == OK) {
        snprintf(position->file, sizeof position->file, "%.*s", STR_ARGS(row[1]));
        status = mysql_client_row(client, arena, "SHOW STATUS LIKE 'binlog_snapshot_position'", row,
                                  2, error);
    }
    if (status == OK && (!str_parse_int64(row[1], &offset) || position->file[0] == '\0'))
        status = fail(error, ERR_INVALID, "WR3126",
                      "the server gave no binlog position for a consistent read");
    position->offset = (uint64_t)offset;
    arena_free(arena);
    return status;
}

/* Under a lock that waits for commits and holds those that come, for some milliseconds. */
static Status moment_locked(MysqlSource *source, BinlogPosition *position, Str *gtids, Error *error)
{
    MysqlClient *client = &source->client;
    TRY(mysql_client_execute(client, "SET lock_wait_timeout = 10", error));
    TRY(mysql_client_execute(client, "FLUSH TABLES WITH READ LOCK", error));
    TRY(mysql_client_execute(client, BEGIN_SQL, error));
    TRY(mysql_catalog_end(client, source->arena, position, gtids, error));
    return mysql_client_execute(client, "UNLOCK TABLES", error);
}

/* Without GTIDs: wait for as long as a commit should take; none may wait for a replica then. */
static Status commits_outlast(MysqlClient *client, Arena *arena, bool *out, Error *error)
{
    Str row[2];
    int64_t delay_us = 0;
    int32_t columns = 0;
    if (client->version >= DELAY_FIRST) {
        TRY(mysql_client_row(client, arena, "SELECT @@global.binlog_group_commit_sync_delay", row,
                             1, error));
        (void)str_parse_int64(row[0], &delay_us);
    }
    if (socket_pause(client->wire.socket, COMMIT_US + 2 * delay_us) != OK)
        return fail(error, ERR_CANCELLED, "WR5106", "waiting was interrupted to stop");
    TRY(mysql_client_query(client, STR("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_%_wait_sessions'"),
                           &columns, error));
    *out = true;
    Status status = OK;
    while (columns == 2 && (status = mysql_client_fetch(client, row, columns, error)) == OK)
        *out = *out && str_is(row[1], "0");
    return status == ERR_END ? OK : status;
}

/* Whether InnoDB shows all that stood in the binlog when this was asked. */
static Status commits_are_done(MysqlClient *client, Arena *arena, bool has_gtids, bool *out,
                               Error *error)
{
    if (!has_gtids || client->version < OWNED_FIRST)
        return commits_outlast(client, arena, out, error);
    Str row[1];
    TRY(mysql_client_row(client, arena, "SELECT @@global.gtid_owned", row, 1, error));
    *out = row[0].length == 0;
    return OK;
}

/* The log's end is the same before and behind, and in between everything in it was done. */
static Status moment_try(MysqlSource *source, bool has_gtids, BinlogPosition *position, Str *gtids,
                         bool *is_found, Error *error)
{
    MysqlClient *client = &source->client;
    BinlogPosition first = {0}, second = {0};
    Str first_gtids = {0}, second_gtids = {0};
    bool is_done = false;
    Arena *arena = arena_new(0);
    Status status = mysql_catalog_end(client, arena, &first, &first_gtids, error);
    if (status == OK)
        status = commits_are_done(client, arena, has_gtids, &is_done, error);
    if (status == OK && is_done)
        status = mysql_client_execute(client, BEGIN_SQL, error);
    if (status == OK && is_done)
        status = mysql_catalog_end(client, arena, &second, &second_gtids, error);
    *is_found = status == OK && is_done && binlog_position_compare(&first, &second) == 0 &&
                str_equal(first_gtids, second_gtids);
    if (*is_found) {
        *position = first;
        *gtids = str_copy(source->arena, first_gtids);
    } else if (status == OK && is_done) {
        status = mysql_client_execute(client, "ROLLBACK", error);
    }
    arena_free(arena);
    return status;
}

static Status moment_quiet(MysqlSource *source, BinlogPosition *position, Str *gtids, Error *error)
{
    World *world = source->reader.world;
    int64_t until_us = world_monotonic_us(world) + LOOK_US;
    ServerInfo info;
    TRY(mysql_catalog_server(&source->client, &info, error));
    do {
        bool is_found = false;
        TRY(moment_try(source, info.has_gtids, position, gtids, &is_found, error));
        if (is_found)
            return OK;
        if (socket_pause(source->client.wire.socket, LOOK_STEP_US) != OK)
            return fail(error, ERR_CANCELLED, "WR5106", "waiting was interrupted to stop");
    } while (world_monotonic_us(world) < until_us);
    Status status = fail(error, ERR_LIMIT, "WR3132",
                         "the server commits too often to find the position of a snapshot "
                         "without a lock");
    error_hint(error, "allow a lock of some milliseconds by 'debezium.snapshot.locking.mode' = "
                      "'minimal' (needs the right RELOAD)");
    return status;
}

Status mysql_moment_begin(MysqlSource *source, BinlogPosition *position, Str *gtids, Error *error)
{
    MysqlClient *client = &source->client;
    if (!client->is_mariadb)
        return source->options.may_lock ? moment_locked(source, position, gtids, error)
                                        : moment_quiet(source, position, gtids, error);
    TRY(moment_mariadb(client, position, error));
    if (source->options.mode == START_SNAPSHOT)
        return OK;
    return mysql_catalog_gtids_at(client, source->arena, position, gtids, error);
}
