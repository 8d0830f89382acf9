/* The vtable over a Disk. */
#include "sim/world.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "sim/network.h"

static const int64_t START_US = (int64_t)1704067200 * 1000000; /* 2024-01-01 00:00:00 UTC */

enum { SLEEP_LEAST_US = 1, UPTIME_AT_START_US = 1000 * 1000 };

struct File {
    SimWorld *world;
    Inode *inode;
    char *path;
    bool is_lock;
};

static SimWorld *sim_of(World *world)
{
    return (SimWorld *)world;
}

/* ---- Faults ------------------------------------------------------------------------------ */

/* In the order of their bits. */
static const char *const call_names[] = {
    "open",     "read",        "write",       "sync", "close", "stat",    "rename", "remove",
    "truncate", "make folder", "sync folder", "list", "lock",  "connect", "send",   "receive"};

static const char *call_name(SimCall call)
{
    return call_names[__builtin_ctz((unsigned)call)];
}

static Status fail_off(Error *error)
{
    return fail(error, ERR_IO, "WR5001", "the power is off");
}

static Status fail_missing(Error *error, const char *path)
{
    return fail(error, ERR_NOT_FOUND, "WR5002", "could not open `%s`: no such file", path);
}

static Status fail_full(Error *error, const char *path)
{
    return fail(error, ERR_FULL, "WR5004", "could not write `%s`: no space left on device", path);
}

void sim_trace(SimWorld *world, uint64_t word)
{
    world->trace = hash_combine(world->trace, word);
}

static void sim_note(SimWorld *world, SimCall call, const char *path, Str detail)
{
    sim_trace(world, (uint64_t)call);
    sim_trace(world, (uint64_t)world->now_us);
    world->trace = hash_combine(world->trace, hash_bytes(path, (int64_t)strlen(path)));
    world->trace = hash_combine(world->trace, hash_bytes(detail.data, detail.length));
    if (world->is_traced)
        fprintf(stderr, "%6lld %8lld us  %s %s (%lld)\n", (long long)world->changes,
                (long long)(world->now_us - world->started_us), call_name(call), path,
                (long long)detail.length);
}

/* What stands before each call. */
static Status sim_begin(SimWorld *world, SimCall call, const char *path, Str detail, Error *error)
{
    if (world->is_off)
        return fail_off(error);
    const SimFaults *faults = &world->faults;
    bool is_change = (call & SIM_CHANGES) != 0;
    if (is_change && world->is_leaving && world->late[0] == '\0')
        snprintf(world->late, sizeof world->late, "%s", path);
    world->changes += is_change;
    sim_note(world, call, path, detail);
    if (is_change && world->changes == faults->cut_at && !faults->cuts_after) {
        world->is_off = true;
        return fail_off(error);
    }
    if ((call & faults->fail_calls) == 0)
        return OK;
    world->failable++;
    bool fails =
        world->failable == faults->fail_at ||
        (faults->fails_for_ever && faults->fail_at > 0 && world->failable > faults->fail_at);
    if (!fails)
        return OK;
    world->failed++;
    bool is_sync = (call & SIM_SYNCS) != 0;
    if (is_sync)
        return fail(error, ERR_IO, "WR5009", "could not %s `%s`: %s", call_name(call), path,
                    faults->fail_with == ERR_FULL ? "no space left on device"
                                                  : "input/output error");
    if (faults->fail_with == ERR_FULL)
        return fail_full(error, path);
    return fail(error, ERR_IO, "WR5001", "could not %s `%s`: input/output error", call_name(call),
                path);
}

/* What stands behind each change. */
static Status sim_end(SimWorld *world, Error *error)
{
    if (world->changes != world->faults.cut_at || !world->faults.cuts_after)
        return OK;
    world->is_off = true;
    return fail_off(error);
}

bool sim_world_call(SimWorld *world, SimCall call, const char *what, Str detail)
{
    return sim_begin(world, call, what, detail, NULL) == OK;
}

bool sim_world_called(SimWorld *world)
{
    return sim_end(world, NULL) == OK;
}

static bool sim_is_full(const SimWorld *world, int64_t more)
{
    const SimFaults *faults = &world->faults;
    if (faults->disk_bytes == 0 || world->now_us >= faults->disk_room_back_us)
        return false;
    return disk_bytes(world->disk) + more > faults->disk_bytes;
}

/* ---- Clock and chance ---------------------------------------------------------------------- */

/* What happens by itself as time goes on. */
static void sim_set_clock(SimWorld *world)
{
    SimFaults *faults = &world->faults;
    if (faults->clock_set_after_us == 0 ||
        world->now_us < world->started_us + faults->clock_set_after_us)
        return;
    faults->clock_set_after_us = 0;
    world->clock_off_us += faults->clock_jump_us;
    world->now_us += faults->frozen_us;
}

static int64_t sim_now_us(World *world)
{
    sim_set_clock(sim_of(world));
    return sim_of(world)->now_us + sim_of(world)->clock_off_us;
}

static int64_t sim_monotonic_us(World *world)
{
    sim_set_clock(sim_of(world));
    return sim_of(world)->now_us;
}

static int64_t sim_uptime_us(World *world)
{
    return sim_monotonic_us(world) - START_US + UPTIME_AT_START_US;
}

static void sim_sleep_us(World *world, int64_t duration_us)
{
    sim_of(world)->now_us += duration_us < SLEEP_LEAST_US ? SLEEP_LEAST_US : duration_us;
}

static uint64_t sim_random_u64(World *world)
{
    uint64_t drawn = random_next(&sim_of(world)->seed);
    sim_trace(sim_of(world), drawn);
    return drawn;
}

/* ---- Files --------------------------------------------------------------------------------- */

static File *file_new(SimWorld *world, Inode *inode, const char *path)
{
    File *file = memory_allocate_zeroed((int64_t)sizeof *file);
    file->world = world;
    file->inode = inode;
    int64_t bytes = (int64_t)strlen(path) + 1;
    file->path = memory_allocate(bytes);
    memcpy(file->path, path, (size_t)bytes);
    return file;
}

static Status sim_open(World *base, const char *path, FileMode mode, File **out, Error *error)
{
    SimWorld *world = sim_of(base);
    SimCall call = mode == FILE_READ ? SIM_READ : SIM_OPEN;
    TRY(sim_begin(world, call, path, (Str){0}, error));
    Inode *inode = disk_find(world->disk, path);
    if (inode != NULL && inode_is_folder(inode))
        return fail(error, ERR_IO, "WR5001", "`%s` is a folder", path);
    if (mode == FILE_READ && inode == NULL)
        return fail_missing(error, path);
    if (mode != FILE_READ && inode == NULL && !disk_has_parent(world->disk, path))
        return fail_missing(error, path);
    if (mode == FILE_CREATE_NEW && inode != NULL)
        return fail(error, ERR_IO, "WR5001", "`%s` exists", path);
    if (mode != FILE_READ && inode == NULL && sim_is_full(world, 1))
        return fail_full(error, path);
    if (mode != FILE_READ && inode == NULL)
        inode = disk_make(world->disk, path, false, world->now_us);
    else if (mode == FILE_CREATE || mode == FILE_CREATE_PRIVATE)
        disk_cut(world->disk, inode, 0, world->now_us);
    if (mode != FILE_READ)
        TRY(sim_end(world, error));
    *out = file_new(world, inode, path);
    return OK;
}

static Status sim_read_at(File *file, int64_t offset, void *into, int64_t bytes, int64_t *got,
                          Error *error)
{
    *got = 0;
    TRY(sim_begin(file->world, SIM_READ, file->path, (Str){0}, error));
    Str content = inode_content(file->inode);
    int64_t left = content.length - offset;
    if (left <= 0)
        return OK;
    *got = left < bytes ? left : bytes;
    memcpy(into, content.data + offset, (size_t)*got);
    return OK;
}

static Status sim_write(File *file, const void *bytes, int64_t length, Error *error)
{
    SimWorld *world = file->world;
    TRY(sim_begin(world, SIM_WRITE, file->path, str_make(bytes, length), error));
    if (sim_is_full(world, length)) {
        /* What fits is written, as write(2) does it. */
        int64_t room = world->faults.disk_bytes - disk_bytes(world->disk);
        if (room > 0)
            disk_write(world->disk, file->inode, bytes, room, world->now_us);
        return fail_full(error, file->path);
    }
    disk_write(world->disk, file->inode, bytes, length, world->now_us);
    return sim_end(world, error);
}

static void sim_note_retry(SimWorld *world, const Inode *inode, const char *path)
{
    if (inode == NULL || !inode_sync_has_failed(inode) || world->is_off)
        return;
    if (world->syncs_retried++ == 0)
        snprintf(world->retried, sizeof world->retried, "%s", path);
}

static Status sim_sync(File *file, Error *error)
{
    SimWorld *world = file->world;
    sim_note_retry(world, file->inode, file->path);
    Status status = sim_begin(world, SIM_SYNC, file->path, (Str){0}, error);
    if (status != OK && !world->is_off)
        disk_fail_sync(world->disk, file->inode, random_next(&world->seed));
    TRY(status);
    disk_sync(world->disk, file->inode);
    return sim_end(world, error);
}

static Status sim_close(File *file, Error *error)
{
    Status status = sim_begin(file->world, SIM_CLOSE, file->path, (Str){0}, error);
    memory_free(file->path);
    memory_free(file);
    return status;
}

/* ---- Folders ------------------------------------------------------------------------------- */

static Status sim_stat(World *base, const char *path, FileInfo *out, Error *error)
{
    SimWorld *world = sim_of(base);
    TRY(sim_begin(world, SIM_STAT, path, (Str){0}, error));
    const Inode *inode = disk_find(world->disk, path);
    if (inode == NULL)
        return fail_missing(error, path);
    *out = (FileInfo){.size_bytes = inode_content(inode).length,
                      .modified_us = inode_modified_us(inode),
                      .is_folder = inode_is_folder(inode),
                      .is_file = !inode_is_folder(inode)};
    return OK;
}

static Status sim_rename(World *base, const char *from, const char *to, Error *error)
{
    SimWorld *world = sim_of(base);
    TRY(sim_begin(world, SIM_RENAME, from, str_from(to), error));
    Inode *inode = disk_find(world->disk, from);
    if (inode == NULL || !disk_has_parent(world->disk, to))
        return fail_missing(error, from);
    const Inode *target = disk_find(world->disk, to);
    if (target != NULL && inode_is_folder(target) && inode_entry_count(target) > 0)
        return fail(error, ERR_IO, "WR5001", "could not rename `%s`: `%s` is not empty", from, to);
    disk_rename(world->disk, from, to);
    return sim_end(world, error);
}

static Status sim_remove(World *base, const char *path, Error *error)
{
    SimWorld *world = sim_of(base);
    TRY(sim_begin(world, SIM_REMOVE, path, (Str){0}, error));
    const Inode *inode = disk_find(world->disk, path);
    if (inode == NULL)
        return fail_missing(error, path);
    if (inode_is_folder(inode) && inode_entry_count(inode) > 0)
        return fail(error, ERR_IO, "WR5001", "could not remove `%s`: it is not empty", path);
    disk_unlink(world->disk, path);
    world->is_leaving = str_is(str_from(path), "weir-data/over-sim");
    return sim_end(world, error);
}

static Status sim_truncate(World *base, const char *path, int64_t bytes, Error *error)
{
    SimWorld *world = sim_of(base);
    TRY(sim_begin(world, SIM_TRUNCATE, path, (Str){0}, error));
    Inode *inode = disk_find(world->disk, path);
    if (inode == NULL)
        return fail_missing(error, path);
    disk_cut(world->disk, inode, bytes, world->now_us);
    return sim_end(world, error);
}

static Status sim_make_one(SimWorld *world, const char *path, Error *error)
{
    const Inode *inode = disk_find(world->disk, path);
    if (inode != NULL && inode_is_folder(inode))
        return OK;
    if (inode != NULL)
        return fail(error, ERR_IO, "WR5001", "`%s` is a file", path);
    TRY(sim_begin(world, SIM_MAKE_FOLDER, path, (Str){0}, error));
    if (sim_is_full(world, 1))
        return fail_full(error, path);
    disk_make(world->disk, path, true, world->now_us);
    return sim_end(world, error);
}

/* Each parent is a call of its own. */
static Status sim_make_folder(World *base, const char *path, Error *error)
{
    SimWorld *world = sim_of(base);
    if (world->is_off)
        return fail_off(error);
    Arena *arena = arena_new(0);
    char *prefix = arena_printf(arena, "%s", path);
    Status status = OK;
    for (char *at = prefix + 1; status == OK; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char kept = *at;
        *at = '\0';
        status = sim_make_one(world, prefix, error);
        *at = kept;
        if (kept == '\0')
            break;
    }
    arena_free(arena);
    return status;
}

static Status sim_sync_folder(World *base, const char *path, Error *error)
{
    SimWorld *world = sim_of(base);
    Inode *inode = disk_find(world->disk, path);
    sim_note_retry(world, inode, path);
    Status status = sim_begin(world, SIM_SYNC_FOLDER, path, (Str){0}, error);
    if (status != OK && !world->is_off && inode != NULL)
        disk_fail_sync_folder(inode);
    TRY(status);
    if (inode == NULL)
        return fail_missing(error, path);
    disk_sync_folder(world->disk, inode);
    return sim_end(world, error);
}

static Status sim_list(World *base, const char *path, Arena *arena, List *names, Error *error)
{
    SimWorld *world = sim_of(base);
    TRY(sim_begin(world, SIM_LIST, path, (Str){0}, error));
    const Inode *inode = disk_find(world->disk, path);
    if (inode == NULL)
        return fail_missing(error, path);
    inode_list(inode, arena, names);
    return OK;
}

/* One process at a time: whoever asks gets it. */
static Status sim_lock(World *base, const char *path, File **out, Error *error)
{
    SimWorld *world = sim_of(base);
    TRY(sim_begin(world, SIM_LOCK, path, (Str){0}, error));
    Inode *inode = disk_find(world->disk, path);
    if (inode == NULL && sim_is_full(world, 1))
        return fail_full(error, path);
    if (inode == NULL)
        inode = disk_make(world->disk, path, false, world->now_us);
    TRY(sim_end(world, error));
    *out = file_new(world, inode, path);
    return OK;
}

static const WorldKind sim_kind = {
    .now_us = sim_now_us,
    .monotonic_us = sim_monotonic_us,
    .uptime_us = sim_uptime_us,
    .sleep_us = sim_sleep_us,
    .random_u64 = sim_random_u64,
    .open = sim_open,
    .read_at = sim_read_at,
    .write = sim_write,
    .sync = sim_sync,
    .close = sim_close,
    .stat = sim_stat,
    .rename = sim_rename,
    .remove = sim_remove,
    .truncate = sim_truncate,
    .make_folder = sim_make_folder,
    .sync_folder = sim_sync_folder,
    .list = sim_list,
    .lock = sim_lock,
    .network = &sim_network_kind,
};

/* ---- Worlds -------------------------------------------------------------------------------- */

SimWorld *sim_world_new(uint64_t seed)
{
    SimWorld *world = memory_allocate_zeroed((int64_t)sizeof *world);
    world->base.kind = &sim_kind;
    world->disk = disk_new();
    world->seed = seed;
    world->started_us = world->now_us = START_US;
    return world;
}

void sim_world_free(SimWorld *world)
{
    if (world == NULL)
        return;
    disk_free(world->disk);
    memory_free(world);
}

SimWorld *sim_world_restart(SimWorld *world, uint64_t seed, bool is_kill)
{
    SimWorld *next = memory_allocate_zeroed((int64_t)sizeof *next);
    if (world->network != NULL)
        sim_network_abandon(world->network, world->now_us, is_kill);
    *next = (SimWorld){.base = {.kind = &sim_kind},
                       .network = world->network,
                       .started_us = world->started_us,
                       .now_us = world->now_us,
                       .clock_off_us = world->clock_off_us,
                       .seed = hash_combine(seed, 1),
                       .trace = world->trace,
                       .syncs_retried = world->syncs_retried,
                       .is_traced = world->is_traced};
    memcpy(next->retried, world->retried, sizeof next->retried);
    if (is_kill) {
        next->disk = world->disk;
        world->disk = NULL;
        disk_forget_failures(next->disk);
    } else {
        next->disk = disk_after_power_cut(world->disk, seed);
    }
    sim_world_free(world);
    return next;
}

void sim_world_put(SimWorld *world, const char *path, Str content)
{
    Arena *arena = arena_new(0);
    char *folder = arena_printf(arena, "%s", path);
    char *slash = strrchr(folder, '/');
    SimFaults faults = world->faults;
    world->faults = (SimFaults){0};
    if (slash != NULL) {
        *slash = '\0';
        Status made = sim_make_folder(&world->base, folder, NULL);
        assert(made == OK);
    }
    Inode *file = disk_make(world->disk, path, false, world->now_us);
    disk_write(world->disk, file, content.data, content.length, world->now_us);
    disk_sync_all(world->disk);
    world->faults = faults;
    world->changes = 0;
    arena_free(arena);
}
