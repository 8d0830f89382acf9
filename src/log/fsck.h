/* Looks at a log on disk, every byte of it, without changing anything. The log must not be in use:
 * what is written meanwhile would look torn. */
#ifndef WEIR_LOG_FSCK_H
#define WEIR_LOG_FSCK_H

#include "base/list.h"
#include "base/world.h"

typedef enum FsckKind {
    FSCK_DAMAGED, /* what was acknowledged is damaged or missing: the partition will not open */
    FSCK_TORN,    /* bytes at the end that a start will cut off */
    FSCK_INDEX,   /* an index or a snapshot that will be made again */
} FsckKind;

typedef struct FsckFinding {
    FsckKind kind;
    const char *path;
    int64_t position; /* byte, or -1 */
    int64_t offset;   /* from which on records are concerned, or -1 */
    const char *text;
} FsckFinding;

typedef struct FsckPartition {
    const char *name;
    int64_t start_offset, durable_end, end_offset; /* as found */
    int64_t batches, records, bytes;
    int32_t segments;
} FsckPartition;

typedef struct FsckReport {
    List partitions; /* FsckPartition * */
    List findings;   /* FsckFinding * */
    int32_t damaged; /* findings of that kind */
} FsckReport;

/* All in the arena. ERR_NOT_FOUND if there is no log in `folder`; ERR_CORRUPT if its marks cannot
 * be read. Damage to partitions is what is reported, no failure. */
Status fsck_log(World *world, const char *folder, Arena *arena, FsckReport *out, Error *error);

const char *fsck_kind_name(FsckKind kind);

#endif
