/* The place in the binlog that the stream goes on from, and whether the server still has it.
 *
 * On the server that a position belongs to it is a file and an offset; the moment at which the file
 * was begun, or MariaDB's GTIDs there, tell whether it is the same file. On any other server it is
 * the set of transactions that have been read, all of which it must have. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "connect/mysql/source.h"

Status mysql_fail_lost(MysqlSource *source, const char *why, Error *error)
{
    const BinlogPosition *safe = &source->stream.safe;
    Status status =
        fail(error, ERR_LOST, "WR3130", "the binlog at %s:%llu is gone from the server: %s",
             safe->file[0] != '\0' ? safe->file : "(GTID)", (unsigned long long)safe->offset, why);
    error_hint(error, "changes in between cannot be read any more: start over with --fresh, and "
                      "keep binlogs for longer (binlog_expire_logs_seconds)");
    return status;
}

Status mysql_fail_other_history(MysqlSource *source, const char *why, Error *error)
{
    const BinlogPosition *safe = &source->stream.safe;
    Status status = fail(error, ERR_LOST, "WR3137",
                         "the server's binlog is not the one that was read up to %s:%llu: %s",
                         safe->file, (unsigned long long)safe->offset, why);
    error_hint(error, "it was begun anew (RESET MASTER, restored from a copy), or another server "
                      "answers at this address under the same server_id; point the table to the "
                      "right one, or start over with --fresh");
    return status;
}

Status mysql_fail_diverged(MysqlSource *source, const char *why, Error *error)
{
    Buffer ours = {0};
    gtid_print(&ours, &source->stream.gtids);
    Status status =
        fail(error, ERR_LOST, "WR3139", "the server's binlog does not go on from %s: %s",
             buffer_terminated(&ours), why);
    buffer_free(&ours);
    error_hint(error, "replicas must log what they replicate (log_slave_updates = ON), and nobody "
                      "else may write to them; point the table to a server that has the same "
                      "history, or start over with --fresh");
    return status;
}

Status mysql_fail_behind(uint32_t server_id, Str gtids, Error *error)
{
    Status status = fail(error, ERR_LOST, "WR3138",
                         "server %u does not have all that the pipeline has read (%.*s)", server_id,
                         STR_ARGS(gtids));
    error_hint(error, "wait until the replica has caught up and run again, or point the table to "
                      "one that has; if those transactions died with the old server, start over "
                      "with --fresh");
    return status;
}

/* MariaDB: the server's GTIDs of one kind. */
static Status read_gtids(MysqlClient *client, const char *variable, GtidSet *out, Error *error)
{
    Str row[1];
    Arena *arena = arena_new(0);
    Status status = mysql_client_row(
        client, arena, arena_printf(arena, "SELECT @@global.%s", variable), row, 1, error);
    if (status == OK && row[0].data != NULL)
        (void)gtid_parse(out, row[0]);
    arena_free(arena);
    return status;
}

static Status check_executed_mariadb(MysqlSource *source, uint32_t server_id, Str ours,
                                     Error *error)
{
    GtidSet written = {0}, executed = {0};
    Status status = read_gtids(&source->dump, "gtid_binlog_pos", &written, error);
    if (status == OK)
        status = read_gtids(&source->dump, "gtid_current_pos", &executed, error);
    bool has_written = gtid_includes(&written, &source->stream.gtids);
    bool has_executed = gtid_includes(&executed, &source->stream.gtids);
    gtid_free(&written);
    gtid_free(&executed);
    TRY(status);
    if (has_written)
        return OK;
    if (!has_executed)
        return mysql_fail_behind(server_id, ours, error);
    return mysql_fail_diverged(source, "the server has executed it, but did not log it", error);
}

static Status check_executed_mysql(MysqlSource *source, uint32_t server_id, Str ours, Error *error)
{
    Str row[2];
    Arena *arena = arena_new(0);
    const char *sql = arena_printf(arena,
                                   "SELECT GTID_SUBSET('%.*s', @@global.gtid_executed), "
                                   "GTID_SUBSET(@@global.gtid_purged, '%.*s')",
                                   STR_ARGS(ours), STR_ARGS(ours));
    Status status = mysql_client_row(&source->dump, arena, sql, row, 2, error);
    bool has_executed = status == OK && str_is(row[0], "1");
    bool has_kept = status == OK && str_is(row[1], "1");
    arena_free(arena);
    TRY(status);
    if (!has_executed)
        return mysql_fail_behind(server_id, ours, error);
    return has_kept ? OK
                    : mysql_fail_lost(source, "transactions that are needed were purged", error);
}

/* Another server goes on from our place only if it has all that we have. */
static Status stream_check_executed(MysqlSource *source, uint32_t server_id, Error *error)
{
    Buffer ours = {0};
    gtid_print(&ours, &source->stream.gtids);
    buffer_terminated(&ours);
    Status status = source->dump.is_mariadb
                        ? check_executed_mariadb(source, server_id, buffer_str(&ours), error)
                        : check_executed_mysql(source, server_id, buffer_str(&ours), error);
    buffer_free(&ours);
    return status;
}

static Status place_has_file(MysqlSource *source, Arena *arena, bool *out, Error *error)
{
    List files = {0};
    *out = false;
    TRY(mysql_catalog_files(&source->dump, arena, &files, error));
    for (int32_t i = 0; i < files.count; i++)
        *out |= strcmp(LIST_AT(files, i, const char), source->stream.safe.file) == 0;
    return OK;
}

/* MariaDB: whether our GTIDs stand at the position. The server looks for them in the file, so this
 * is asked once; later the age of the file must do. */
static Status stream_check_place(MysqlSource *source, Error *error)
{
    SourceStream *stream = &source->stream;
    bool is_known = stream->is_place_checked && stream->safe_made != 0;
    if (!source->dump.is_mariadb || is_known || gtid_is_empty(&stream->gtids))
        return OK;
    Str gtids;
    GtidSet there = {0};
    Arena *arena = arena_new(0);
    Status status = mysql_catalog_gtids_at(&source->dump, arena, &stream->safe, &gtids, error);
    bool is_good = status == OK && gtid_parse(&there, gtids) &&
                   gtid_includes(&there, &stream->gtids) && gtid_includes(&stream->gtids, &there);
    /* No transaction ends there, or the file is gone, which the server will say itself. */
    bool is_there = gtids.length > 0;
    if (status == OK && !is_there)
        status = place_has_file(source, arena, &is_there, error);
    if (status == OK && !is_good && is_there)
        status = mysql_fail_other_history(source, "other transactions stand at this place", error);
    stream->is_place_checked = status == OK;
    gtid_free(&there);
    arena_free(arena);
    return status;
}

Status mysql_place_check_end(MysqlSource *source, Error *error)
{
    const BinlogPosition *safe = &source->stream.safe;
    BinlogPosition end;
    Str gtids;
    Arena *arena = arena_new(0);
    Error unasked = {0};
    Status status = OK;
    if (!mysql_client_is_open(&source->client))
        status = mysql_client_open(&source->client, &unasked);
    if (status == OK)
        status = mysql_catalog_end(&source->client, arena, &end, &gtids, &unasked);
    arena_free(arena);
    if (status == ERR_CANCELLED) {
        *error = unasked;
        return status;
    }
    if (status != OK) { /* the stream says itself when the server is in trouble */
        mysql_client_close(&source->client);
        return OK;
    }
    if (safe->offset == 0 || binlog_position_compare(&end, safe) >= 0)
        return OK;
    char why[400];
    snprintf(why, sizeof why, "it ends at %s:%llu", end.file, (unsigned long long)end.offset);
    return mysql_fail_other_history(source, why, error);
}

Status mysql_place_check_next(MysqlSource *source, const Gtid *gtid, Error *error)
{
    const GtidSet *done = &source->stream.gtids;
    bool is_known = !gtid->is_mariadb && gtid_contains(done, gtid);
    /* MariaDB's servers may write into one domain in any order, each for itself in its own. */
    for (int32_t i = 0; gtid->is_mariadb && i < done->domain_count; i++)
        is_known |= done->domains[i].domain == gtid->maria.domain &&
                    done->domains[i].server == gtid->maria.server &&
                    done->domains[i].sequence >= gtid->maria.sequence;
    return is_known ? mysql_fail_other_history(source, "a transaction comes a second time", error)
                    : OK;
}

/* By file and offset on the server they belong to, by GTID anywhere else. */
Status mysql_place_choose(MysqlSource *source, const ServerInfo *info, bool *by_gtid, Error *error)
{
    SourceStream *stream = &source->stream;
    bool is_other = stream->server_id != 0 && stream->server_id != info->server_id;
    *by_gtid = is_other || stream->safe.offset == 0;
    if (*by_gtid && gtid_is_empty(&stream->gtids) && (is_other || stream->safe.file[0] == '\0')) {
        Status status =
            fail(error, ERR_LOST, "WR3131",
                 "this is another server (server_id %u, not %u) and no GTID is known to go on from",
                 info->server_id, stream->server_id);
        error_hint(error, "set gtid_mode = ON on the servers before a failover; now start over "
                          "with --fresh");
        return status;
    }
    if (is_other)
        TRY(stream_check_executed(source, info->server_id, error));
    if (*by_gtid) {
        stream->safe = (BinlogPosition){0};
        stream->safe_made = 0;
    } else {
        TRY(stream_check_place(source, error));
    }
    if (stream->safe.offset > UINT32_MAX)
        return fail(error, ERR_LIMIT, "WR3132",
                    "the binlog file %s is beyond the 4 GiB in which a reader can start",
                    stream->safe.file);
    stream->server_id = info->server_id;
    return OK;
}
