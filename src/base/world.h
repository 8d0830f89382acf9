/* The outside world as weir sees it: clock, randomness, files, the network.
 *
 * Everything that is not a pure function of its input comes through a World, so that a test
 * can run a whole job under virtual time, with a seeded schedule and a file system that
 * fails when it is told to. Product code receives a World as a parameter; only main makes
 * the real one. What the network is made of stands in base/network.h; product code connects by
 * base/socket.h, on top of it. */
#ifndef WEIR_BASE_WORLD_H
#define WEIR_BASE_WORLD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/status.h"
#include "base/str.h"

typedef struct World World;
typedef struct File File;
typedef struct NetworkKind NetworkKind;

typedef enum FileMode {
    FILE_READ,           /* must exist */
    FILE_CREATE,         /* write; truncated if it exists */
    FILE_CREATE_PRIVATE, /* the same; nobody else may read what is made */
    FILE_CREATE_NEW,     /* write; must not exist */
    FILE_APPEND,         /* write at the end; made if missing */
    FILE_APPEND_UNREAD,  /* the same; nobody will read it soon, so that what is aligned to
                            FILE_BLOCK_BYTES, in memory as in the file, is not kept in memory */
} FileMode;

enum { FILE_BLOCK_BYTES = 4096 };

typedef struct FileInfo {
    int64_t size_bytes;
    int64_t modified_us; /* since 1970 UTC */
    bool is_folder;
    bool is_file; /* neither a folder nor a pipe, socket or device */
} FileInfo;

/* The vtable. Each call may block unless said. Paths are terminated UTF-8. A File belongs to
 * the caller of open until close, and to one thread at a time except for read_at. */
typedef struct WorldKind {
    int64_t (*now_us)(World *world); /* microseconds since 1970 UTC; may jump */
    /* Since the machine began, with the time that it slept; never goes back. NULL: the clock does
     * not jump. */
    int64_t (*uptime_us)(World *world);
    int64_t (*monotonic_us)(World *world); /* never goes back; for intervals */
    void (*sleep_us)(World *world, int64_t duration_us);
    uint64_t (*random_u64)(World *world); /* safe from any thread */

    /* ERR_LIMIT: the system gives no more open files now; nothing has been done. */
    Status (*open)(World *world, const char *path, FileMode mode, File **out, Error *error);
    /* Up to `bytes` from `offset`; *got < bytes only at the end of the file. */
    Status (*read_at)(File *file, int64_t offset, void *into, int64_t bytes, int64_t *got,
                      Error *error);
    /* All of it, at the end of what was written. ERR_FULL when the device is full. */
    Status (*write)(File *file, const void *bytes, int64_t length, Error *error);
    /* The system's own name of an open file, for calls that take two of them. NULL: it has none. */
    int (*descriptor)(const File *file);
    /* Durable when it returns OK. Any failure is ERR_IO, also for want of room: after it the file
     * must not be trusted, and not be synced again. */
    Status (*sync)(File *file, Error *error);
    Status (*close)(File *file, Error *error); /* frees the File even on failure */

    Status (*stat)(World *world, const char *path, FileInfo *out, Error *error);
    Status (*rename)(World *world, const char *from, const char *to, Error *error);
    Status (*remove)(World *world, const char *path, Error *error); /* file or empty folder */
    /* A second name, `to`, of the file `from`. NULL where there is no such thing. */
    Status (*link)(World *world, const char *from, const char *to, Error *error);
    /* Cut the file to `bytes`, or grow it with zeros. */
    Status (*truncate)(World *world, const char *path, int64_t bytes, Error *error);
    Status (*make_folder)(World *world, const char *path, Error *error); /* with parents */
    /* As sync. It is opened first, with the errors of open: then nothing has been done. Of the
     * system, a folder that has failed fails from then on: several may sync it, each for itself. */
    Status (*sync_folder)(World *world, const char *path, Error *error);
    /* Names (const char *) in the folder, sorted by bytes, without . and .. */
    Status (*list)(World *world, const char *path, Arena *arena, List *names, Error *error);
    /* Open or make the file and hold it alone, among all processes, until close or death.
     * ERR_AGAIN, with no error filled, when another one holds it. */
    Status (*lock)(World *world, const char *path, File **out, Error *error);

    /* What is left, for us, of the disk where the path is, and how large it is, in bytes. False:
     * not known. NULL: never known. */
    bool (*disk_room)(World *world, const char *path, int64_t *free_bytes, int64_t *all_bytes);

    /* What the process has in memory now, in bytes, as the system counts it against a limit; 0: not
     * known. NULL: never known. */
    int64_t (*resident_bytes)(World *world);
    /* Give back to the system what the process has freed and still holds. NULL: nothing to do. */
    void (*trim_memory)(World *world);

    /* A variable of the environment, or NULL. May itself be NULL: an empty environment. */
    const char *(*environment)(World *world, const char *name);

    /* base/network.h. NULL: that of the operating system. */
    const NetworkKind *network;
} WorldKind;

/* What world_now_us keeps; zeroed. */
typedef struct SteadyClock {
    _Atomic int64_t ahead_us;  /* of the uptime; 0: not compared yet */
    _Atomic int64_t looked_us; /* uptime of the last comparison with the clock */
    _Atomic int64_t last_us;   /* the latest time that was given out */
} SteadyClock;

struct World {
    const WorldKind *kind;
    SteadyClock clock;
};

/* The operating system itself; never freed. */
World *world_system(void);

/* The process may have as many files open as the system lets it; at first that is often 1,024. */
void world_allow_open_files(void);

/* The time by which a pipeline works: that of the clock, without its jumps, from any thread. It
 * never goes back, and is a tenth faster or slower than it should be until it agrees with a clock
 * that was set (docs/decisions/0016). */
int64_t world_now_us(World *world);

/* The clock itself, for people and other machines to read; it may jump. */
static inline int64_t world_clock_us(World *world)
{
    return world->kind->now_us(world);
}

/* How far the clock is ahead of world_now_us. */
int64_t world_clock_lead_us(World *world);

/* It is at least `time_us`: what was done then is not done again before it. */
void world_not_before(World *world, int64_t time_us);

static inline int64_t world_monotonic_us(World *world)
{
    return world->kind->monotonic_us(world);
}

static inline const char *world_environment(World *world, const char *name)
{
    return world->kind->environment != NULL ? world->kind->environment(world, name) : NULL;
}

/* Whole small files. The text is terminated and lives in the arena. ERR_LIMIT above
 * `bytes_max`. */
Status world_read_file(World *world, const char *path, int64_t bytes_max, Arena *arena, Str *out,
                       Error *error);

/* Write aside, sync, rename over `path`, sync the folder: readers see the old file or the
 * new one, never a part. */
Status world_replace_file(World *world, const char *path, Str content, Error *error);

/* The same; nobody but this user may read it. */
Status world_replace_private_file(World *world, const char *path, Str content, Error *error);

/* Remove a folder and everything below it; OK if it does not exist. */
Status world_remove_tree(World *world, const char *path, Error *error);

#endif
