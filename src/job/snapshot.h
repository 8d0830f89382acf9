/* The state of a job at one point: what each operator wrote when the barrier passed it.
 *
 * On disk a snapshot is a folder with two files, written aside and made visible by one rename:
 *
 *     chk-7/STATE      the bytes of all entries, one behind the other
 *     chk-7/MANIFEST   "WEIRCHK1", u32 format version, u32 length, body, u32 CRC-32C of the body
 *        body: u64 id, u64 time in us, u8 flags, u32 shards, u64 length and u32 CRC-32C of STATE,
 *        u32 entries, each: uid, u8 role, u32 shard, u64 offset, u64 length, u32 CRC-32C
 *
 * All numbers are little-endian. */
#ifndef WEIR_JOB_SNAPSHOT_H
#define WEIR_JOB_SNAPSHOT_H

#include "base/buffer.h"
#include "base/status.h"
#include "base/world.h"

enum { SNAPSHOT_VERSION = 1 };

typedef enum StateRole {
    STATE_OPERATOR = 0,
    STATE_SOURCE = 1,  /* a position */
    STATE_SINK = 2,    /* what to commit */
    STATE_LETTERS = 3, /* how long the files of dead letters are; of no plan node */
} StateRole;

typedef struct StateEntry {
    char *uid;   /* of the plan node */
    char *label; /* what a person calls it */
    StateRole role;
    int32_t shard;
    Buffer bytes;
} StateEntry;

typedef struct Snapshot {
    int64_t id;
    int64_t time_us;
    bool is_end; /* taken at the end of bounded input: only the commit is left to do */
    int32_t shard_count;
    StateEntry *entries;
    int32_t entry_count, entry_capacity;
} Snapshot;

Snapshot *snapshot_new(int64_t id, int32_t shard_count);
/* NULL is allowed. */
void snapshot_free(Snapshot *snapshot);
/* A new entry whose bytes are to be filled in. Valid until the next one is added. */
StateEntry *snapshot_add(Snapshot *snapshot, const char *uid, const char *label, StateRole role,
                         int32_t shard);
/* The state of the dead letters, or empty. */
Str snapshot_letters(const Snapshot *snapshot);
int64_t snapshot_bytes(const Snapshot *snapshot);

/* Write it to `folder`/chk-ID, durable when OK. ERR_FULL leaves nothing behind and may be tried
 * again; after any other failure the disk must not be trusted. */
Status snapshot_write(World *world, const char *folder, const Snapshot *snapshot, Error *error);

/* The same to a folder of any name, whose parent is there. */
Status snapshot_write_at(World *world, const char *path, const Snapshot *snapshot, Error *error);

/* Read and check all of it. ERR_CORRUPT names the file. */
Status snapshot_read(World *world, const char *folder, int64_t id, Snapshot **out, Error *error);

/* The same of a folder that has any name: a savepoint, or a checkpoint of another job. */
Status snapshot_read_at(World *world, const char *path, Snapshot **out, Error *error);

/* The ids of what lies in `folder`, newest first; none if it does not exist. Leftovers of writes
 * that did not end are removed. */
Status snapshot_list(World *world, const char *folder, Arena *arena, int64_t **ids, int32_t *count,
                     Error *error);
/* The same without touching anything: for a folder in which another process writes. */
Status snapshot_find(World *world, const char *folder, Arena *arena, int64_t **ids, int32_t *count,
                     Error *error);
Status snapshot_remove(World *world, const char *folder, int64_t id, Error *error);

#endif
