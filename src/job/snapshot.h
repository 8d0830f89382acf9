/* The state of a job at one point: what each operator had when the barrier passed it.
 *
 * A checkpoint is a manifest and the data files that it names, each an object of a store
 * (store/store.h). An incremental one adds what has changed to the files of those before it:
 *
 *     chk-7/MANIFEST ──> shared/state-5   all state (full)
 *                   ├──> shared/state-6   what changed since
 *                   └──> shared/state-7   what changed since
 *
 * The data file is durable before the manifest appears, and the manifest makes the checkpoint. A
 * savepoint is one full file with its manifest beside it, in a place of its own.
 *
 *     MANIFEST   "WEIRCHK4", u32 format version, u32 length, body, u32 CRC-32C of the body
 *        body    u64 id, u64 time in us, u8 flags, u32 shards, u32 files, each:
 *                u64 id, u64 bytes, u64 offset of its table, u32 CRC-32C of its table
 *     state-N    pieces one behind the other, then the table
 *        table   u32 entries, each: uid, label, u8 role, u32 shard
 *                u32 pieces, each: u32 entry, u8 kind, u64 offset, u32 length, u32 CRC-32C
 *                (of the piece as it lies there; 128 in the kind: without its zeros, base/sparse.h)
 *
 * All numbers are little-endian. Of an entry there may be pieces of records (state/keyed.h), which
 * add up over the files, and one piece of everything else, of which that in the newest file counts.
 * Entries that the newest file does not have are not part of the checkpoint. */
#ifndef WEIR_JOB_SNAPSHOT_H
#define WEIR_JOB_SNAPSHOT_H

#include "base/buffer.h"
#include "base/status.h"
#include "store/store.h"

/* Version 2 had no pieces without their zeros, 3 no records of words. */
enum { SNAPSHOT_VERSION = 4, SNAPSHOT_VERSION_LEAST = 2 };

typedef enum StateRole {
    STATE_OPERATOR = 0,
    STATE_SOURCE = 1,  /* a position */
    STATE_SINK = 2,    /* what to commit */
    STATE_LETTERS = 3, /* how long the files of dead letters are; of no plan node */
} StateRole;

typedef enum PieceKind {
    PIECE_REST = 0,
    PIECE_RECORDS = 1,
} PieceKind;

/* Where bytes lie. */
typedef struct StatePiece {
    int32_t file;           /* of Snapshot.files */
    int64_t offset, length; /* there */
    uint32_t crc;
    bool is_sparse;
} StatePiece;

typedef struct StateEntry {
    const char *uid;   /* of the plan node */
    const char *label; /* what a person calls it */
    StateRole role;
    int32_t shard;
    StatePiece *records; /* in the order in which they were saved */
    int32_t record_count, record_capacity;
    StatePiece rest; /* length 0: none */
} StateEntry;

typedef struct SnapshotFile {
    int64_t id; /* of the checkpoint that wrote it */
    int64_t bytes, table_at;
    uint32_t table_crc;
} SnapshotFile;

typedef struct SnapshotFiles {
    SnapshotFile *items; /* ascending by id; the first is full */
    int32_t count, capacity;
} SnapshotFiles;

void snapshot_files_append(SnapshotFiles *files, const SnapshotFile *file);
void snapshot_files_free(SnapshotFiles *files);

/* What a checkpoint says of itself. */
typedef struct SnapshotHead {
    int64_t id;
    int64_t time_us;
    bool is_end;  /* taken at the end of bounded input: only the commit is left to do */
    bool is_over; /* that is done, too: nothing is left but to remove this, and nothing is in it */
    int32_t shard_count;
} SnapshotHead;

/* One that exists, opened for reading. */
typedef struct Snapshot {
    SnapshotHead head;
    SnapshotFiles files;
    StateEntry *entries;
    int32_t entry_count;
    /* Private. */
    Store *store;
    bool owns_store;
    const char *place; /* of the manifest: "chk-7", or "" */
    const char *data;  /* before the names of data files */
    Arena *arena;
} Snapshot;

/* ---- Writing (snapshot_write.c) ---------------------------------------------------------- */

typedef struct SnapshotWriter SnapshotWriter;

/* Where in a store: `place` is the folder of the manifest, "" for a savepoint, whose data is
 * beside it. Nothing is written yet. */
SnapshotWriter *snapshot_writer_new(Store *store, const char *place, const SnapshotHead *head);
/* How much of the data file is written at once, up to SNAPSHOT_BLOCK_BYTES, which it is at first.
 */
enum { SNAPSHOT_BLOCK_BYTES = 1 << 20 };
void snapshot_writer_set_block(SnapshotWriter *writer, int64_t bytes);
/* A data file that did not come to its end is removed; one without its manifest is left to the next
 * sweep. NULL is allowed. */
void snapshot_writer_free(SnapshotWriter *writer);
/* The number of an entry; the same for the same three. */
int32_t snapshot_writer_entry(SnapshotWriter *writer, const char *uid, const char *label,
                              StateRole role, int32_t shard);
/* ERR_FULL: there is no room now, ERR_UNAVAILABLE: the bucket does not answer; the same may be
 * tried again. */
Status snapshot_writer_add(SnapshotWriter *writer, int32_t entry, PieceKind kind, Str bytes,
                           Error *error);
/* The checkpoint exists, durably, when OK: it adds to the files of `earlier`, if these are not
 * NULL. ERR_FULL and ERR_UNAVAILABLE may be tried again: after the latter nobody knows whether it
 * exists until that succeeds. After other failures the disk must not be trusted. */
Status snapshot_writer_end(SnapshotWriter *writer, const SnapshotFiles *earlier, Error *error);
/* Say that the job is over, durably: a manifest that is over, and its empty data file. */
Status snapshot_write_over(Store *store, int64_t id, Error *error);
/* Of the data file; complete after the end. */
const SnapshotFile *snapshot_writer_file(const SnapshotWriter *writer);

/* ---- Reading ----------------------------------------------------------------------------- */

/* What the manifest and the tables of its files say, checked; pieces are checked as they are read.
 * ERR_CORRUPT names the file, ERR_INVALID: another version wrote it, ERR_NOT_FOUND: there is no
 * such manifest. */
Status snapshot_open(Store *store, const char *place, Snapshot **out, Error *error);
/* Checkpoint `id`. One that is not there is damage, too. */
Status snapshot_open_id(Store *store, int64_t id, Snapshot **out, Error *error);
/* It is damaged, or of another version: what it holds nobody can say. */
static inline bool snapshot_cannot_be_read(Status status)
{
    return status == ERR_CORRUPT || status == ERR_INVALID;
}
/* A savepoint, or a checkpoint of any job, by the location of its folder. */
Status snapshot_open_at(World *world, const char *location, const StoreOptions *options,
                        Snapshot **out, Error *error);
/* NULL is allowed. */
void snapshot_close(Snapshot *snapshot);

/* Appended to `out`; from any thread. */
Status snapshot_read(const Snapshot *snapshot, const StatePiece *piece, Buffer *out, Error *error);
/* The only entry of the role and uid; NULL: there is none. */
const StateEntry *snapshot_find(const Snapshot *snapshot, StateRole role, const char *uid);
int64_t entry_bytes(const StateEntry *entry);

/* All of it as a full one of another store or number. */
Status snapshot_copy(const Snapshot *snapshot, Store *store, const char *place, int64_t id,
                     Error *error);

/* ---- The store of a job's checkpoints ---------------------------------------------------- */

/* The folder of checkpoint `id`: "chk-7". */
const char *snapshot_place(Arena *arena, int64_t id);
/* The ids of what lies in the store, newest first. */
Status snapshot_list(Store *store, Arena *arena, int64_t **ids, int32_t *count, Error *error);
/* The manifest first, and durably so, then the data files that none of the others need. One that
 * is not there is no error. */
Status snapshot_remove(Store *store, int64_t id, Error *error);
/* Remove all but the manifest of `id`, which is over, and then that, as the very last. */
Status snapshot_remove_all(Store *store, int64_t id, Error *error);
/* The same, and whatever else is in its folder. */
Status snapshot_discard(Store *store, int64_t id, Error *error);
/* A run starts over, and its checkpoints are numbered from `last` on, where others may have been.
 * To be called before those are removed. */
Status snapshot_note_beginning(Store *store, int64_t last, Error *error);
/* Checkpoint `id` exists, and nothing was committed for it yet: that its manifest is lost will be
 * seen. Each run says so of its first one. */
Status snapshot_note_made(Store *store, int64_t id, Error *error);
/* The number that was noted last; 0: none. */
Status snapshot_last_made(Store *store, int64_t *id, Error *error);
/* Where snapshot_list finds nothing: whether that may be so. ERR_CORRUPT: there must have been a
 * checkpoint. */
Status snapshot_check_found(Store *store, Error *error);
/* Remove data files that no checkpoint names, and leftovers of writes. Only for the one who writes
 * there. */
Status snapshot_sweep(Store *store, Error *error);

#endif
