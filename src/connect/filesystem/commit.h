/* When a partition is complete, and what is done then. Private to connect/filesystem/.
 *
 * A partition is open from its first row on. It is complete when the clock (process-time) or the
 * watermark (partition-time) has passed its beginning and the delay; that is looked at when a
 * checkpoint is prepared, which then closes its files. When the checkpoint is durable, the files
 * become visible, and then the success file is written. A row that comes later opens it again. */
#ifndef WEIR_CONNECT_FILESYSTEM_COMMIT_H
#define WEIR_CONNECT_FILESYSTEM_COMMIT_H

#include "base/list.h"
#include "connect/connect.h"
#include "plan/options.h"

typedef struct OpenPartition {
    char *path;         /* "day=2024-01-02/store=1", on the heap */
    Timestamp begins;   /* by the clock, or in the zone of the watermark: UTC */
    int64_t checkpoint; /* that completes it; 0: none yet */
} OpenPartition;

typedef struct Commits {
    bool is_on; /* there is something to do for a complete partition */
    bool is_by_watermark;
    int64_t delay_us;
    const char *success_name;
    Str pattern; /* "$dt $hm:00"; empty: the first column */
    const TimeZone *zone;
    Timestamp watermark;
    OpenPartition *open;
    int32_t count, capacity;
} Commits;

/* What is wrong with the options, or NULL; `key` gets the one to point at. */
const char *commits_check(const OptionSet *options, const char **key);
Status commits_init(Commits *commits, World *world, const OptionSet *options, Error *error);

/* Whether the partition is open. */
bool commits_knows(const Commits *commits, Str path);
/* Open it. `values` are the texts of its columns. */
Status commits_open(Commits *commits, Str path, const Schema *columns, const Str *values,
                    Timestamp now, Error *error);

/* It is complete: the next checkpoint closes its files. */
bool commits_is_due(const Commits *commits, const OpenPartition *partition, Timestamp now);

/* Write the success files of partitions that checkpoints up to this one complete. */
Status commits_publish(Commits *commits, World *world, const char *root, int64_t checkpoint,
                       Error *error);

void commits_save(const Commits *commits, Buffer *out);
void commits_restore(Commits *commits, ByteReader *reader);
void commits_free(Commits *commits);

#endif
