/* What the files of this folder share: the insides of a partition and of the log. */
#ifndef WEIR_LOG_INTERNAL_H
#define WEIR_LOG_INTERNAL_H

#include <pthread.h>

#include "base/map.h"
#include "log/files.h"
#include "log/log.h"
#include "log/segment.h"

/* What the file of marks says of a partition. */
typedef struct Mark {
    int64_t start_offset; /* what is below may be missing */
    int64_t durable_end;  /* what is below and not below the start must be there */
    int64_t gaps_end;     /* below, compaction may have taken offsets out */
    int64_t clean_end;    /* below, compaction has been */
    /* Segments whose base is below may hold what an older version has written, sealed without its
     * place. OLD_SEALS_EVERYWHERE: it has not been opened since that version, or never. */
    int64_t old_seals_end;
} Mark;

#define OLD_SEALS_EVERYWHERE INT64_MAX

/* What waits to be made durable. Of one that is written to meanwhile the next sync begins when this
 * one is over, and takes in all that has come by then. */
typedef enum QueueState {
    NOT_QUEUED,
    QUEUED,
    FLUSHED,       /* by somebody who has taken it out */
    FLUSHED_AGAIN, /* it is put back when that is done */
    FORGOTTEN,     /* for good */
} QueueState;

struct Partition {
    Log *log;
    char *name, *folder;
    uint32_t identity;
    int32_t users; /* under the log's lock */
    /* Held while something is appended, by one at a time, and taken before `lock`, which is given
     * up while a batch is written or a segment completed: so no reader waits for that. */
    pthread_mutex_t append_lock;
    pthread_mutex_t sync_lock; /* held while a segment is synced; no other one is taken under it
                                  but those of the log's files and queue */
    pthread_mutex_t lock;
    pthread_cond_t durable_moved;
    /* Under the lock: */
    PartitionConfig config;
    Segment **segments; /* ascending; the last one grows */
    int32_t segment_count, segment_capacity;
    Mark mark;
    int64_t end_offset;
    int64_t unflushed_since_ms; /* when the oldest batch that is not durable was written */
    Producers *producers;
    Error *stopped; /* NULL unless it is damaged */
    bool is_removed;
    int32_t flush_count; /* flushes and writes that are under way, without the lock */
    bool is_tended;      /* compacted or cleaned at this moment: by one at a time */
    /* Under the log's queue_lock: */
    QueueState queued;
    Partition *next_queued;
};

typedef struct LogEntry {
    char *name;
    Mark mark, written;   /* what the file has of it */
    Partition *partition; /* NULL: not open */
} LogEntry;

typedef struct LogService LogService;

struct Log {
    World *world;
    char *folder;
    LogOptions options;
    Files *files;
    File *lock_file;
    /* In the order in which they are taken; the locks of partitions between the last two. */
    pthread_mutex_t open_lock;  /* held while a partition is opened */
    pthread_mutex_t marks_lock; /* held while the file is written */
    pthread_mutex_t lock;
    pthread_mutex_t queue_lock;
    _Atomic int64_t room_bytes;     /* that may be appended until the disk is looked at again */
    _Atomic int64_t room_until_us;  /* or until then */
    _Atomic int64_t unmarked_bytes; /* appended since marks were last written for want of room */
    /* Under `lock`: */
    Arena *arena;
    Map *entries; /* name -> LogEntry */
    /* Under `marks_lock`: */
    bool marks_are_old; /* the file is one of an earlier version */
    /* Under `queue_lock`: */
    pthread_cond_t queue_moved;
    Partition *queue_first, *queue_last;
    Error *broken; /* NULL, or why a sync failed */
    LogService *service;
};

/* ---- log.c ----------------------------------------------------------------------------------- */

/* A sync has failed: `error` is kept, and returned from now on. */
Status log_break(Log *log, Status status, const Error *error);
/* The same, unless it is what passes and has done nothing yet: a full disk, or no file that may be
 * opened. */
Status log_fail(Log *log, Status status, const Error *error);
/* ERR_FULL, with nothing done: so much cannot be appended without touching the reserve. */
Status log_take_room(Log *log, int64_t bytes, Error *error);
/* The partition has something to make durable. Under the partition's lock. */
void log_queue(Log *log, Partition *partition);
int64_t log_now_ms(Log *log);

/* What log_tick does, by parts, each of which may take its time: none keeps another waiting where
 * they have threads of their own. Flushes that are due by the clock, and then the marks; retention;
 * compaction. */
Status log_keep_marks(Log *log, Error *error);
Status log_clean(Log *log, Error *error);
Status log_compact(Log *log, Error *error);

/* ---- marks.c --------------------------------------------------------------------------------- */

/* Read them into the entries. */
Status marks_read(Log *log, Error *error);

/* ---- partition.c ----------------------------------------------------------------------------- */

Partition *partition_new(Log *log, const char *name, const PartitionConfig *config);
void partition_free(Partition *partition);

/* What has been written from now on is sealed with its place, and no segment holds both kinds. Of
 * a partition that was just recovered. */
Status partition_end_old_seals(Partition *partition, Error *error);

static inline Segment *partition_active(const Partition *partition)
{
    return partition->segments[partition->segment_count - 1];
}

/* These are called under the partition's lock. */
Status partition_check(const Partition *partition, Error *error); /* it may be used */
Status partition_stop(Partition *partition, const Error *error);  /* returns ERR_CORRUPT */
Segment *partition_new_segment(const Partition *partition, int64_t base_offset);
void partition_add_segment(Partition *partition, Segment *segment);
void partition_drop_segment(Partition *partition, int32_t index);
int64_t partition_high_watermark(const Partition *partition);
bool partition_is_strict(const Partition *partition);
/* A new last segment; the one before is complete and durable. Under `append_lock`, too; `lock` is
 * given up meanwhile. */
Status partition_roll(Partition *partition, Error *error);
/* Sync a file of a segment's, or the folder; a failure breaks the log, but where it could not even
 * be opened (ERR_LIMIT). */
Status partition_sync(Partition *partition, Segment *segment, Error *error);
Status partition_sync_folder(Partition *partition, Error *error);
/* Write the producers' snapshot for the end offset. */
Status partition_write_snapshot(Partition *partition, Error *error);
void partition_remove_snapshot(Partition *partition, int64_t offset);

/* Whoever is to be told of progress is. Not under a lock. */
void partition_tell(Partition *partition);
/* Make it durable; not under the lock. */
Status partition_flush(Partition *partition, Error *error);

/* A segment that is used without the lock. */
void log_segment_hold(Segment *segment);
void log_segment_let_go(Partition *partition, Segment *segment);

/* ---- recover.c, clean.c, compact.c ----------------------------------------------------------- */

/* Find the segments on disk and bring them into order. */
Status partition_recover(Partition *partition, Error *error);
/* Remove what retention has no use for. Not under the lock. */
Status partition_clean(Partition *partition, Error *error);
/* Compact if enough is dirty. Not under the lock. */
Status partition_compact_if_dirty(Partition *partition, Error *error);

/* Whether the control batch is a commit; false for aborts and what is neither. */
bool marker_is_commit(Str batch);

#endif
