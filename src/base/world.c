/* The real world: POSIX files, the system's clocks, getrandom. This file is the only one
 * that may call open, time and their kind. */
#include "base/world.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/ceiling.h"
#include "base/memory.h"
#include "base/planted.h"

struct File {
    World *world;
    int descriptor;
    bool may_be_direct, is_direct; /* FILE_APPEND_UNREAD; how it is open now */
    char *path;
};

enum { PATH_BYTES_MAX = 4096, FAILED_FOLDERS_MAX = 64 };

static Status fail_errno(Error *error, const char *what, const char *path)
{
    int code = errno;
    Status status = ERR_IO;
    const char *number = "WR5001";
    if (code == ENOENT || code == ENOTDIR) {
        status = ERR_NOT_FOUND;
        number = "WR5002";
    } else if (code == EACCES || code == EPERM || code == EROFS) {
        status = ERR_PERMISSION;
        number = "WR5003";
    } else if (code == ENOSPC || code == EDQUOT || code == EFBIG) {
        status = ERR_FULL;
        number = "WR5004";
    }
    if (code == EMFILE || code == ENFILE) {
        status =
            fail(error, ERR_LIMIT, "WR5008", "could not %s `%s`: %s", what, path, strerror(code));
        error_hint(error, "it may be had later; raise `ulimit -n`, or let there be fewer clients");
        if (error != NULL)
            error->is_retriable = true;
        return status;
    }
    if (code == ELOOP) {
        /* Like a link to nothing: there is no such file. */
        status = fail(error, ERR_NOT_FOUND, "WR5007",
                      "could not %s `%s`: its symbolic links lead in a circle", what, path);
        error_hint(error, "let the link point to what is meant: `readlink` says where it leads");
        return status;
    }
    return fail(error, status, number, "could not %s `%s`: %s", what, path, strerror(code));
}

/* Whatever the reason, a full disk and a quota too: pages may be gone, and a later sync would not
 * tell. So it is never one of the errors that pass, as they do where nothing has been done. */
static Status fail_sync(Error *error, const char *what, const char *path)
{
    int code = errno;
    Status status =
        fail(error, ERR_IO, "WR5009", "could not %s `%s`: %s", what, path, strerror(code));
    error_hint(error,
               "what was written may not be on the disk, and to sync again would not tell: "
               "%s, then start again",
               code == ENOSPC || code == EDQUOT ? "free some space" : "look at the disk");
    return status;
}

static int64_t clock_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_now_us(World *world)
{
    (void)world;
    return clock_us(CLOCK_REALTIME);
}

static int64_t system_monotonic_us(World *world)
{
    (void)world;
    return clock_us(CLOCK_MONOTONIC);
}

static int64_t system_uptime_us(World *world)
{
    (void)world;
    return clock_us(CLOCK_BOOTTIME);
}

static void system_sleep_us(World *world, int64_t duration_us)
{
    (void)world;
    struct timespec left = {.tv_sec = duration_us / 1000000,
                            .tv_nsec = (duration_us % 1000000) * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

static uint64_t system_random_u64(World *world)
{
    (void)world;
    uint64_t value = 0;
    ssize_t got = getrandom(&value, sizeof value, 0);
    assert(got == (ssize_t)sizeof value);
    return value;
}

static File *file_new(World *world, int descriptor, const char *path)
{
    File *file = memory_allocate(sizeof *file);
    file->world = world;
    file->descriptor = descriptor;
    file->may_be_direct = file->is_direct = false;
    int64_t path_bytes = (int64_t)strlen(path) + 1;
    file->path = memory_allocate(path_bytes);
    memcpy(file->path, path, (size_t)path_bytes);
    return file;
}

static Status system_open(World *world, const char *path, FileMode mode, File **out, Error *error)
{
    int flags = O_CLOEXEC;
    switch (mode) {
    /* A pipe without a writer must not hold us for ever. */
    case FILE_READ: flags |= O_RDONLY | O_NONBLOCK; break;
    case FILE_CREATE:
    case FILE_CREATE_PRIVATE: flags |= O_WRONLY | O_CREAT | O_TRUNC; break;
    case FILE_CREATE_NEW: flags |= O_WRONLY | O_CREAT | O_EXCL; break;
    case FILE_APPEND:
    case FILE_APPEND_UNREAD: flags |= O_WRONLY | O_CREAT | O_APPEND; break;
    }
    int descriptor = open(path, flags, mode == FILE_CREATE_PRIVATE ? 0600 : 0644);
    if (descriptor < 0)
        return fail_errno(error, mode == FILE_READ ? "open" : "create", path);
    *out = file_new(world, descriptor, path);
    (*out)->may_be_direct = mode == FILE_APPEND_UNREAD;
    return OK;
}

static Status system_lock(World *world, const char *path, File **out, Error *error)
{
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor < 0)
        return fail_errno(error, "create", path);
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        bool is_held = errno == EWOULDBLOCK;
        Status status = is_held ? ERR_AGAIN : fail_errno(error, "lock", path);
        close(descriptor);
        return status;
    }
    *out = file_new(world, descriptor, path);
    return OK;
}

static Status system_read_at(File *file, int64_t offset, void *into, int64_t bytes, int64_t *got,
                             Error *error)
{
    int64_t done = 0;
    while (done < bytes) {
        ssize_t count =
            pread(file->descriptor, (char *)into + done, (size_t)(bytes - done), offset + done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return fail_errno(error, "read", file->path);
        if (count == 0)
            break;
        done += count;
    }
    *got = done;
    return OK;
}

static int system_descriptor(const File *file)
{
    return file->descriptor;
}

/* Straight to the device, or by way of the page cache, where a page that is new to the process
 * costs more than the copy: on a virtual machine whose host takes free memory back, 14 MB took 24
 * to 46 ms of a processor, and 2 go straight. */
static void file_set_direct(File *file, bool is_direct)
{
    if (is_direct == file->is_direct)
        return;
    int flags = O_APPEND | (is_direct ? O_DIRECT : 0);
    file->is_direct = fcntl(file->descriptor, F_SETFL, flags) == 0 && is_direct;
}

static bool is_in_blocks(const void *at, int64_t length)
{
    return ((uintptr_t)at | (uintptr_t)length) % FILE_BLOCK_BYTES == 0;
}

static Status system_write(File *file, const void *bytes, int64_t length, Error *error)
{
    const char *at = bytes;
    while (length > 0) {
        if (file->may_be_direct)
            file_set_direct(file, is_in_blocks(at, length));
        ssize_t count = write(file->descriptor, at, (size_t)length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EINVAL && file->is_direct) {
            /* Not all file systems can, and none in the middle of a block. */
            file_set_direct(file, false);
            file->may_be_direct = false;
            continue;
        }
        if (count < 0)
            return fail_errno(error, "write", file->path);
        at += count;
        length -= count;
    }
    return OK;
}

static Status system_sync(File *file, Error *error)
{
    if (fdatasync(file->descriptor) != 0)
        return fail_sync(error, "sync", file->path);
    return OK;
}

static Status system_close(File *file, Error *error)
{
    Status status = OK;
    if (close(file->descriptor) != 0)
        status = fail_errno(error, "close", file->path);
    memory_free(file->path);
    memory_free(file);
    return status;
}

static Status system_stat(World *world, const char *path, FileInfo *out, Error *error)
{
    (void)world;
    struct stat info;
    if (stat(path, &info) != 0)
        return fail_errno(error, "look at", path);
    out->size_bytes = info.st_size;
    out->modified_us = (int64_t)info.st_mtim.tv_sec * 1000000 + info.st_mtim.tv_nsec / 1000;
    out->is_folder = S_ISDIR(info.st_mode);
    out->is_file = S_ISREG(info.st_mode);
    return OK;
}

static Status system_rename(World *world, const char *from, const char *to, Error *error)
{
    (void)world;
    if (rename(from, to) != 0)
        return fail_errno(error, "rename", from);
    return OK;
}

static Status system_remove(World *world, const char *path, Error *error)
{
    (void)world;
    if (remove(path) != 0)
        return fail_errno(error, "remove", path);
    return OK;
}

static Status system_link(World *world, const char *from, const char *to, Error *error)
{
    (void)world;
    if (link(from, to) != 0)
        return fail_errno(error, "link", from);
    return OK;
}

static Status system_truncate(World *world, const char *path, int64_t bytes, Error *error)
{
    (void)world;
    if (truncate(path, bytes) != 0)
        return fail_errno(error, "truncate", path);
    return OK;
}

static Status system_make_folder(World *world, const char *path, Error *error)
{
    (void)world;
    char part[PATH_BYTES_MAX];
    size_t length = strlen(path);
    if (length >= sizeof part)
        return fail(error, ERR_LIMIT, "WR5005", "path is longer than %d bytes: %s", PATH_BYTES_MAX,
                    path);
    memcpy(part, path, length + 1);
    for (size_t i = 1; i <= length; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char saved = part[i];
        part[i] = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return fail_errno(error, "make folder", part);
        part[i] = saved;
    }
    return OK;
}

/* Folders that could not be synced, for the life of the process. A file has one owner, who knows of
 * its sync; a folder is synced by all who have something in it, each for itself. */
typedef struct FailedFolders {
    pthread_mutex_t lock;
    struct {
        dev_t device;
        ino_t inode;
    } folders[FAILED_FOLDERS_MAX];
    int32_t count;
} FailedFolders;

static FailedFolders failed_folders = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Under the lock. */
static bool folder_has_failed(const struct stat *info)
{
    for (int32_t i = 0; i < failed_folders.count; i++)
        if (failed_folders.folders[i].device == info->st_dev &&
            failed_folders.folders[i].inode == info->st_ino)
            return true;
    return failed_folders.count == FAILED_FOLDERS_MAX; /* no room to tell them apart */
}

/* Each sync of a folder that has failed before fails too, or the second would hide the first. One
 * at a time: a folder that is opened between a failure and its being noted would tell nothing. */
static Status folder_sync(int descriptor, const char *path, Error *error)
{
    struct stat info;
    if (fstat(descriptor, &info) != 0)
        return fail_errno(error, "look at", path);
    Status status = OK;
    pthread_mutex_lock(&failed_folders.lock);
    if (folder_has_failed(&info)) {
        status =
            fail(error, ERR_IO, "WR5009", "could not sync folder `%s`: it has failed before", path);
    } else if (fsync(descriptor) != 0) {
        status = fail_sync(error, "sync folder", path);
        failed_folders.folders[failed_folders.count].device = info.st_dev;
        failed_folders.folders[failed_folders.count++].inode = info.st_ino;
    }
    pthread_mutex_unlock(&failed_folders.lock);
    return status;
}

static Status system_sync_folder(World *world, const char *path, Error *error)
{
    (void)world;
    int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return fail_errno(error, "open folder", path);
    Status status = folder_sync(descriptor, path, error);
    close(descriptor);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void world_allow_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    int code = setrlimit(RLIMIT_NOFILE, &limit);
    (void)code; /* then it stays as it was */
}

static Status system_list(World *world, const char *path, Arena *arena, List *names, Error *error)
{
    (void)world;
    DIR *folder = opendir(path);
    if (folder == NULL)
        return fail_errno(error, "list folder", path);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        list_append(names, arena, arena_printf(arena, "%s", entry->d_name));
    }
    closedir(folder);
    if (names->count > 1)
        qsort(names->items, (size_t)names->count, sizeof(void *), compare_names);
    return OK;
}

static bool system_disk_room(World *world, const char *path, int64_t *free_bytes,
                             int64_t *all_bytes)
{
    (void)world;
    struct statvfs disk;
    if (statvfs(path, &disk) != 0)
        return false;
    *free_bytes = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    *all_bytes = (int64_t)disk.f_blocks * (int64_t)disk.f_frsize;
    return true;
}

static int64_t system_resident_bytes(World *world)
{
    (void)world;
    return ceiling_resident_bytes();
}

static void system_trim_memory(World *world)
{
    (void)world;
    ceiling_trim();
}

static const char *system_environment(World *world, const char *name)
{
    (void)world;
    return getenv(name);
}

static const WorldKind system_kind = {
    .now_us = system_now_us,
    .monotonic_us = system_monotonic_us,
    .uptime_us = system_uptime_us,
    .sleep_us = system_sleep_us,
    .random_u64 = system_random_u64,
    .open = system_open,
    .read_at = system_read_at,
    .descriptor = system_descriptor,
    .write = system_write,
    .sync = system_sync,
    .close = system_close,
    .stat = system_stat,
    .rename = system_rename,
    .remove = system_remove,
    .link = system_link,
    .truncate = system_truncate,
    .make_folder = system_make_folder,
    .sync_folder = system_sync_folder,
    .list = system_list,
    .disk_room = system_disk_room,
    .lock = system_lock,
    .resident_bytes = system_resident_bytes,
    .trim_memory = system_trim_memory,
    .environment = system_environment,
};

World *world_system(void)
{
    static World system = {.kind = &system_kind};
    return &system;
}

/* ---- Steady time ----------------------------------------------------------------------------- */

/* A clock that says less was not set yet: a machine may begin without knowing the time. */
static const int64_t CLOCK_IS_SET_US = (int64_t)1577836800 * 1000000; /* 2020-01-01 */

enum {
    CLOCK_LOOK_US = 10 * 1000,       /* between two comparisons */
    CLOCK_LOOK_US_MAX = 1000 * 1000, /* what counts of it if it was longer */
    CLOCK_PART = 10,                 /* by what part of the time passed it is put right */
};

/* By how much to put right what was `passed_us` without a look at the clock. */
static int64_t clock_correction_us(int64_t now_us, int64_t lead_us, int64_t passed_us)
{
    if (now_us < CLOCK_IS_SET_US && lead_us > 0)
        return lead_us;
    int64_t most_us = (passed_us < CLOCK_LOOK_US_MAX ? passed_us : CLOCK_LOOK_US_MAX) / CLOCK_PART;
    return lead_us > most_us ? most_us : lead_us < -most_us ? -most_us : lead_us;
}

/* Whoever comes first after a while compares. */
static void clock_look(World *world, int64_t uptime_us)
{
    SteadyClock *clock = &world->clock;
    int64_t looked_us = atomic_load(&clock->looked_us);
    if (uptime_us - looked_us < CLOCK_LOOK_US ||
        !atomic_compare_exchange_strong(&clock->looked_us, &looked_us, uptime_us))
        return;
    int64_t now_us = uptime_us + atomic_load(&clock->ahead_us);
    int64_t lead_us = world->kind->now_us(world) - now_us;
    atomic_fetch_add(&clock->ahead_us, clock_correction_us(now_us, lead_us, uptime_us - looked_us));
}

static int64_t clock_ahead_us(World *world, int64_t uptime_us)
{
    SteadyClock *clock = &world->clock;
    int64_t ahead_us = atomic_load(&clock->ahead_us);
    if (ahead_us != 0)
        return ahead_us;
    int64_t first_us = world->kind->now_us(world) - uptime_us;
    atomic_store(&clock->looked_us, uptime_us);
    /* Of several that begin at once one decides. */
    return atomic_compare_exchange_strong(&clock->ahead_us, &ahead_us, first_us) ? first_us
                                                                                 : ahead_us;
}

int64_t world_now_us(World *world)
{
    if (world->kind->uptime_us == NULL || planted(PLANTED_CLOCK_BELIEVED))
        return world->kind->now_us(world);
    int64_t uptime_us = world->kind->uptime_us(world);
    int64_t now_us = uptime_us + clock_ahead_us(world, uptime_us);
    clock_look(world, uptime_us);
    int64_t last_us = atomic_load(&world->clock.last_us);
    while (now_us > last_us &&
           !atomic_compare_exchange_weak(&world->clock.last_us, &last_us, now_us))
        continue;
    return now_us > last_us ? now_us : last_us;
}

int64_t world_clock_lead_us(World *world)
{
    return world->kind->now_us(world) - world_now_us(world);
}

void world_not_before(World *world, int64_t time_us)
{
    if (world->kind->uptime_us == NULL)
        return;
    int64_t behind_us = time_us - world_now_us(world);
    if (behind_us > 0)
        atomic_fetch_add(&world->clock.ahead_us, behind_us);
}

Status world_read_file(World *world, const char *path, int64_t bytes_max, Arena *arena, Str *out,
                       Error *error)
{
    FileInfo info;
    TRY(world->kind->stat(world, path, &info, error));
    if (info.is_folder)
        return fail(error, ERR_INVALID, "WR5006", "`%s` is a folder, not a file", path);
    if (info.size_bytes > bytes_max)
        return fail(error, ERR_LIMIT, "WR5005", "`%s` has %lld bytes, more than the %lld allowed",
                    path, (long long)info.size_bytes, (long long)bytes_max);
    File *file;
    TRY(world->kind->open(world, path, FILE_READ, &file, error));
    char *text = arena_allocate(arena, info.size_bytes + 1);
    int64_t got = 0;
    Status status = world->kind->read_at(file, 0, text, info.size_bytes, &got, error);
    Status closed = world->kind->close(file, status == OK ? error : NULL);
    if (status != OK)
        return status;
    text[got] = '\0';
    *out = str_make(text, got);
    return closed;
}

static Status write_and_sync(World *world, const char *path, FileMode mode, Str content,
                             Error *error)
{
    File *file;
    TRY(world->kind->open(world, path, mode, &file, error));
    Status status = world->kind->write(file, content.data, content.length, error);
    if (status == OK)
        status = world->kind->sync(file, error);
    Status closed = world->kind->close(file, status == OK ? error : NULL);
    return status != OK ? status : closed;
}

static Status replace_file(World *world, const char *path, FileMode mode, Str content, Error *error)
{
    char aside[PATH_BYTES_MAX];
    char folder[PATH_BYTES_MAX];
    size_t length = strlen(path);
    if (length + 5 > sizeof aside)
        return fail(error, ERR_LIMIT, "WR5005", "path is longer than %d bytes: %s", PATH_BYTES_MAX,
                    path);
    memcpy(aside, path, length);
    memcpy(aside + length, ".tmp", 5);
    TRY(write_and_sync(world, aside, mode, content, error));
    TRY(world->kind->rename(world, aside, path, error));
    memcpy(folder, path, length + 1);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder ? 1 : 0] = '\0';
    /* It is replaced, and nobody knows whether it stays so: that is not as if nothing had been
     * done. */
    Status synced = world->kind->sync_folder(world, slash != NULL ? folder : ".", error);
    return synced == ERR_LIMIT ? ERR_IO : synced;
}

Status world_replace_file(World *world, const char *path, Str content, Error *error)
{
    return replace_file(world, path, FILE_CREATE, content, error);
}

Status world_replace_private_file(World *world, const char *path, Str content, Error *error)
{
    return replace_file(world, path, FILE_CREATE_PRIVATE, content, error);
}

Status world_remove_tree(World *world, const char *path, Error *error)
{
    FileInfo info;
    Status status = world->kind->stat(world, path, &info, error);
    if (status == ERR_NOT_FOUND)
        return OK;
    TRY(status);
    if (info.is_folder) {
        Arena *arena = arena_new(0);
        List names = {0};
        status = world->kind->list(world, path, arena, &names, error);
        for (int32_t i = 0; status == OK && i < names.count; i++)
            status = world_remove_tree(
                world, arena_printf(arena, "%s/%s", path, LIST_AT(names, i, const char)), error);
        arena_free(arena);
        TRY(status);
    }
    return world->kind->remove(world, path, error);
}
