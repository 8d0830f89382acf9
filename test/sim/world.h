/* A World of its own: virtual time, seeded randomness, a disk in memory, a network if it is given
 * one (sim/network.h), and faults on demand.
 *
 * Every call of the file system and of the network is numbered and goes into a hash, the trace,
 * with its time, what was drawn at random and whose turn it was: the same seed and the same program
 * give the same one. A fault plan names calls by number. When the power is off, every call fails
 * and changes nothing; what is left is what sim_world_restart gives.
 *
 * One thread only. */
#ifndef WEIR_TEST_SIM_WORLD_H
#define WEIR_TEST_SIM_WORLD_H

#include "base/world.h"
#include "sim/disk.h"

typedef enum SimCall {
    SIM_OPEN = 1,
    SIM_READ = 2,
    SIM_WRITE = 4,
    SIM_SYNC = 8,
    SIM_CLOSE = 16,
    SIM_STAT = 32,
    SIM_RENAME = 64,
    SIM_REMOVE = 128,
    SIM_TRUNCATE = 256,
    SIM_MAKE_FOLDER = 512,
    SIM_SYNC_FOLDER = 1024,
    SIM_LIST = 2048,
    SIM_LOCK = 4096,
    SIM_ALL = 8191, /* of the disk */
    SIM_CONNECT = 8192,
    SIM_SEND = 16384,
    SIM_RECEIVE = 32768,
    SIM_SYNCS = SIM_SYNC | SIM_SYNC_FOLDER,
    SIM_CHANGES = SIM_OPEN | SIM_WRITE | SIM_SYNC | SIM_RENAME | SIM_REMOVE | SIM_TRUNCATE |
                  SIM_MAKE_FOLDER | SIM_SYNC_FOLDER | SIM_LOCK | SIM_CONNECT | SIM_SEND,
} SimCall;

/* What goes wrong. Calls are counted from 1, those of the named kinds only; 0: never. */
typedef struct SimFaults {
    int64_t cut_at;      /* the power goes at this call of SIM_CHANGES … */
    bool cuts_after;     /* … when it is done, not before */
    int64_t fail_at;     /* this call of `fail_calls` fails … */
    bool fails_for_ever; /* … and all after it */
    uint32_t fail_calls;
    Status fail_with;   /* ERR_IO or ERR_FULL; a sync says ERR_IO to either, with another text */
    int64_t disk_bytes; /* what the disk holds; 0: no limit */
    int64_t disk_room_back_us;  /* from this time on (of the virtual clock) it has no limit */
    int64_t clock_set_after_us; /* from the start, the clock is set … */
    int64_t clock_jump_us;      /* … by so much … */
    int64_t frozen_us;          /* … and nothing runs for so long */
    int64_t stop_after_us; /* from the beginning of the run somebody asks it to stop; 0: never */
    bool is_full;          /* memory has no room for state … */
    int64_t full_after_us; /* … from then on */
} SimFaults;

typedef struct SimWorld {
    World base; /* first: a SimWorld * is a World * */
    Disk *disk;
    struct SimNetwork *network; /* or NULL; not freed with it */
    SimFaults faults;
    int64_t started_us, now_us; /* true time, whatever the clock says */
    int64_t clock_off_us;       /* by how much it is wrong */
    uint64_t seed;              /* of random_u64 and of what faults leave */
    int64_t changes;            /* calls of SIM_CHANGES so far */
    int64_t failable;           /* calls of faults.fail_calls so far */
    int64_t failed;             /* calls that were made to fail */
    int64_t syncs_retried;      /* of what has failed to sync before: never to be done */
    char retried[128];          /* the first of them */
    uint64_t trace;
    bool is_off;
    bool is_leaving;  /* the note that the job is over has gone: nothing resumes any more */
    char late[128];   /* the first change behind that */
    int32_t shards;   /* of the job; 0: as its script says */
    bool has_stopped; /* the run has ended because it was asked to … */
    int64_t rows_in;  /* … and has read so many rows */
    bool is_traced;   /* each call to standard error */
} SimWorld;

/* The clock stands at 2024-01-01 00:00:00 UTC; the disk is empty. */
SimWorld *sim_world_new(uint64_t seed);
void sim_world_free(SimWorld *world);

/* A machine that starts again with what a power cut left, or (`is_kill`) with all that was
 * written: only the process died. The clock goes on as it is; no faults. The old world is freed. */
SimWorld *sim_world_restart(SimWorld *world, uint64_t seed, bool is_kill);

/* One more word for the trace. */
void sim_trace(SimWorld *world, uint64_t word);

/* Before a call of the network, and behind a change of it. False: the power is off. */
bool sim_world_call(SimWorld *world, SimCall call, const char *what, Str detail);
bool sim_world_called(SimWorld *world);

/* A durable file, its folders made. */
void sim_world_put(SimWorld *world, const char *path, Str content);

#endif
