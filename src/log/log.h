/* The durable log: partitions under one folder that no other process uses meanwhile.
 *
 *     DIR/lock
 *     DIR/marks                       what is durable of each partition: below that nothing may be
 *                                     missing after a crash
 *     DIR/NAME/00…0.log, .index       segments (log/segment.h)
 *     DIR/NAME/00…0.producers         snapshots (log/producers.h)
 *
 * Partitions are opened when they are asked for. After a crash the end of the last segment is cut
 * at the first byte that is no whole batch, if that is behind the mark; if it is below, the
 * partition stays closed and the error says file and offset. A failed sync is the end of the log:
 * what the system has of the file is unknown, so all calls fail from then on and the process has to
 * end. */
#ifndef WEIR_LOG_LOG_H
#define WEIR_LOG_LOG_H

#include "base/world.h"
#include "log/partition.h"

typedef struct Log Log;

enum { LOG_RESERVE_DEFAULT = -1 };

typedef struct LogOptions {
    int32_t open_files_max; /* 0: 512 */
    /* Records are refused (ERR_FULL) while less is left on the disk: what the log does for itself
     * needs room, too. LOG_RESERVE_DEFAULT: 1 % of the disk, at most 64 MB. */
    int64_t reserve_bytes;
    /* The start, the high watermark or the durable end has moved, or the partition has stopped;
     * from the thread that did it, without locks. May be NULL. */
    void (*on_progress)(void *context, Partition *partition);
    void *context;
} LogOptions;

/* Open or make it. WR5303 when another process has it, WR5302 when the marks are damaged. */
Status log_open(World *world, const char *folder, const LogOptions *options, Log **out,
                Error *error);

/* Make all durable and leave it so that the next start reads no segment; then free it, also on
 * failure. All partitions are released. */
Status log_close(Log *log, Error *error);

/* Free it as it is, as a crash would leave it. */
void log_abandon(Log *log);

/* The partition of that name ("orders.x7/0": folders, as they will be on disk), opened, made if it
 * is not there. ERR_CORRUPT: it is damaged. Give it back with partition_release. */
Status log_partition(Log *log, const char *name, const PartitionConfig *config, Partition **out,
                     Error *error);

/* Remove its files. Those who hold it get ERR_NOT_FOUND. A name is not used again. */
Status log_remove(Log *log, const char *name, Error *error);

/* Make durable what waits for it. From any thread; several share the work. */
Status log_flush(Log *log, Error *error);

/* What has to be done every second or so: marks, flush.ms, retention, compaction, old producers. A
 * full disk or a damaged partition is logged and is no failure. One thread at a time. */
Status log_tick(Log *log, Error *error);

/* Write the marks now. */
Status log_write_marks(Log *log, Error *error);

/* Whether a sync has failed; `why` may be NULL. */
bool log_is_broken(Log *log, Error *why);

/* As world_replace_file, for files that belong to the log: a failure that is no full disk breaks
 * it. */
Status log_replace_file(Log *log, const char *path, Str content, Error *error);

/* Threads that flush whenever something waits, and three that do what log_tick does, so that marks
 * and retention do not wait for a compaction. A failure
 * is left in log_is_broken and given to `on_failure` once. Stops with log_stop, before log_close.
 */
Status log_start(Log *log, int32_t flusher_count, void (*on_failure)(void *context), Error *error);
void log_stop(Log *log);

#endif
