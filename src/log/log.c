/* The log as a whole: which partitions there are, what waits for a sync, and the end of it all when
 * a sync fails. */
#include "log/internal.h"

#include <assert.h>

#include "base/log.h"
#include "base/memory.h"

enum { OPEN_FILES_DEFAULT = 512 };

static const int64_t PRODUCER_IDLE_MS = INT64_C(7) * 86400000;

int64_t log_now_ms(Log *log)
{
    return world_now_us(log->world) / 1000;
}

/* ---- What fails ------------------------------------------------------------------------------ */

Status log_break(Log *log, Status status, const Error *error)
{
    pthread_mutex_lock(&log->queue_lock);
    if (log->broken == NULL) {
        log->broken = memory_allocate((int64_t)sizeof *log->broken);
        *log->broken = *error;
    }
    pthread_cond_broadcast(&log->queue_moved);
    pthread_mutex_unlock(&log->queue_lock);
    return status;
}

Status log_fail(Log *log, Status status, const Error *error)
{
    return status == ERR_FULL || status == ERR_LIMIT ? status : log_break(log, status, error);
}

bool log_is_broken(Log *log, Error *why)
{
    pthread_mutex_lock(&log->queue_lock);
    bool is_broken = log->broken != NULL;
    if (is_broken && why != NULL)
        *why = *log->broken;
    pthread_mutex_unlock(&log->queue_lock);
    return is_broken;
}

Status log_replace_file(Log *log, const char *path, Str content, Error *error)
{
    Error why = {0};
    Status status = world_replace_file(log->world, path, content, &why);
    if (status == OK)
        return OK;
    if (error != NULL)
        *error = why;
    return log_fail(log, status, &why);
}

/* ---- What waits for a sync ------------------------------------------------------------------- */

/* Under the queue's lock. */
static void log_enqueue(Log *log, Partition *partition)
{
    partition->queued = QUEUED;
    partition->next_queued = NULL;
    if (log->queue_last != NULL)
        log->queue_last->next_queued = partition;
    else
        log->queue_first = partition;
    log->queue_last = partition;
    pthread_cond_signal(&log->queue_moved);
}

void log_queue(Log *log, Partition *partition)
{
    pthread_mutex_lock(&log->queue_lock);
    if (partition->queued == NOT_QUEUED)
        log_enqueue(log, partition);
    else if (partition->queued == FLUSHED)
        partition->queued = FLUSHED_AGAIN;
    pthread_mutex_unlock(&log->queue_lock);
}

/* To be put back. */
static Partition *log_take_queued(Log *log)
{
    pthread_mutex_lock(&log->lock);
    pthread_mutex_lock(&log->queue_lock);
    Partition *partition = log->queue_first;
    if (partition != NULL) {
        log->queue_first = partition->next_queued;
        if (log->queue_first == NULL)
            log->queue_last = NULL;
        partition->queued = FLUSHED;
        partition->users++;
    }
    pthread_mutex_unlock(&log->queue_lock);
    pthread_mutex_unlock(&log->lock);
    return partition;
}

static void log_put_back(Log *log, Partition *partition)
{
    pthread_mutex_lock(&log->queue_lock);
    if (partition->queued == FLUSHED_AGAIN)
        log_enqueue(log, partition);
    else if (partition->queued == FLUSHED)
        partition->queued = NOT_QUEUED;
    pthread_mutex_unlock(&log->queue_lock);
    partition_release(partition);
}

Status log_flush(Log *log, Error *error)
{
    Partition *partition;
    Status status = OK;
    /* Who waits for a partition behind the failure is to hear of it, too: each is only told then.
     */
    while ((status == OK || log_is_broken(log, NULL)) &&
           (partition = log_take_queued(log)) != NULL) {
        Status flushed = partition_flush(partition, status == OK ? error : NULL);
        log_put_back(log, partition);
        if (status == OK)
            status = flushed;
    }
    return status;
}

/* ---- Opening --------------------------------------------------------------------------------- */

static Status log_lock(Log *log, Error *error)
{
    const char *path = arena_printf(log->arena, "%s/lock", log->folder);
    Status status = log->world->kind->lock(log->world, path, &log->lock_file, error);
    if (status != ERR_AGAIN)
        return status;
    status =
        fail(error, ERR_UNAVAILABLE, "WR5303", "another process uses the log in `%s`", log->folder);
    error_hint(error, "stop it, or give this one another folder");
    return status;
}

static Log *log_new(World *world, const char *folder, const LogOptions *options)
{
    Log *log = memory_allocate_zeroed((int64_t)sizeof *log);
    log->world = world;
    log->arena = arena_new(0);
    log->folder = arena_printf(log->arena, "%s", folder);
    log->options = *options;
    log->files = files_new(world, options->open_files_max > 0 ? options->open_files_max
                                                              : OPEN_FILES_DEFAULT);
    log->entries = map_new(log->arena);
    pthread_mutex_init(&log->open_lock, NULL);
    pthread_mutex_init(&log->marks_lock, NULL);
    pthread_mutex_init(&log->lock, NULL);
    pthread_mutex_init(&log->queue_lock, NULL);
    pthread_cond_init(&log->queue_moved, NULL);
    return log;
}

/* Any of the folders above may have been made just now, or just before a crash. Those that are
 * closed to us were made by others. */
static Status log_sync_parents(Log *log, Error *error)
{
    char *path = arena_printf(log->arena, "./%s", log->folder);
    const char *above = log->folder[0] == '/' ? path + 2 : path;
    Status status = OK;
    for (char *slash = strrchr(path, '/'); status == OK && slash != NULL && slash >= above;
         slash = strrchr(path, '/')) {
        *slash = '\0';
        Status synced =
            log->world->kind->sync_folder(log->world, above[0] == '\0' ? "/" : above, error);
        status = synced == ERR_PERMISSION ? OK : synced;
    }
    return status;
}

/* Before anything is appended the file is one that an earlier version does not take: that one would
 * cut what is sealed with its place as a torn end. Who only looks at the folder leaves it as it is.
 * A full disk is no reason not to read; then it is written with the first marks. */
static Status log_renew_marks(Log *log, Error *error)
{
    pthread_mutex_lock(&log->marks_lock);
    bool is_old = log->marks_are_old;
    pthread_mutex_unlock(&log->marks_lock);
    Status status = is_old ? log_write_marks(log, error) : OK;
    return status == ERR_FULL || status == ERR_LIMIT ? OK : status;
}

Status log_open(World *world, const char *folder, const LogOptions *options, Log **out,
                Error *error)
{
    *out = NULL;
    TRY(world->kind->make_folder(world, folder, error));
    Log *log = log_new(world, folder, options);
    Status status = log_sync_parents(log, error);
    if (status == OK)
        status = log_lock(log, error);
    if (status == OK)
        status = marks_read(log, error);
    if (status == OK)
        *out = log;
    else
        log_abandon(log);
    return status;
}

void log_abandon(Log *log)
{
    if (log == NULL)
        return;
    assert(log->service == NULL);
    for (int32_t i = 0; i < map_count(log->entries); i++)
        partition_free(((LogEntry *)map_value_at(log->entries, i))->partition);
    files_free(log->files);
    if (log->lock_file != NULL) {
        Status closed = log->world->kind->close(log->lock_file, NULL);
        (void)closed;
    }
    memory_free(log->broken);
    pthread_mutex_destroy(&log->open_lock);
    pthread_mutex_destroy(&log->marks_lock);
    pthread_mutex_destroy(&log->lock);
    pthread_mutex_destroy(&log->queue_lock);
    pthread_cond_destroy(&log->queue_moved);
    arena_free(log->arena);
    memory_free(log);
}

static LogEntry *log_entry(Log *log, const char *name)
{
    pthread_mutex_lock(&log->lock);
    LogEntry *entry = map_find(log->entries, str_from(name));
    if (entry == NULL) {
        entry = ARENA_NEW(log->arena, LogEntry);
        entry->name = arena_printf(log->arena, "%s", name);
        entry->mark.old_seals_end = OLD_SEALS_EVERYWHERE;
        map_put(log->entries, str_from(name), entry);
    }
    if (entry->partition != NULL)
        entry->partition->users++;
    pthread_mutex_unlock(&log->lock);
    return entry;
}

static Status log_open_partition(Log *log, LogEntry *entry, const PartitionConfig *config,
                                 Error *error)
{
    Partition *partition = partition_new(log, entry->name, config);
    partition->mark = entry->mark;
    partition->unflushed_since_ms = NO_TIMESTAMP;
    partition->users = 2; /* the log and the caller */
    Status status = log_renew_marks(log, error);
    if (status == OK)
        status = partition_recover(partition, error);
    if (status == OK)
        status = partition_end_old_seals(partition, error);
    if (status != OK) {
        partition_free(partition);
        return status;
    }
    pthread_mutex_lock(&log->lock);
    entry->partition = partition;
    pthread_mutex_unlock(&log->lock);
    return OK;
}

Status log_partition(Log *log, const char *name, const PartitionConfig *config, Partition **out,
                     Error *error)
{
    *out = NULL;
    if (log_is_broken(log, error))
        return ERR_IO;
    pthread_mutex_lock(&log->open_lock);
    LogEntry *entry = log_entry(log, name);
    Status status = entry->partition != NULL ? OK : log_open_partition(log, entry, config, error);
    *out = entry->partition;
    pthread_mutex_unlock(&log->open_lock);
    return status;
}

void partition_hold(Partition *partition)
{
    pthread_mutex_lock(&partition->log->lock);
    partition->users++;
    pthread_mutex_unlock(&partition->log->lock);
}

void partition_release(Partition *partition)
{
    Log *log = partition->log;
    pthread_mutex_lock(&log->lock);
    bool is_last = --partition->users == 0;
    pthread_mutex_unlock(&log->lock);
    if (is_last)
        partition_free(partition);
}

/* Out of the queue: it will be freed. */
static void log_forget_queued(Log *log, Partition *partition)
{
    pthread_mutex_lock(&log->queue_lock);
    Partition *before = NULL;
    partition->queued = FORGOTTEN;
    for (Partition *at = log->queue_first; at != NULL; before = at, at = at->next_queued) {
        if (at != partition)
            continue;
        *(before != NULL ? &before->next_queued : &log->queue_first) = at->next_queued;
        if (log->queue_last == at)
            log->queue_last = before;
        break;
    }
    pthread_mutex_unlock(&log->queue_lock);
}

Status log_remove(Log *log, const char *name, Error *error)
{
    pthread_mutex_lock(&log->open_lock);
    pthread_mutex_lock(&log->lock);
    LogEntry *entry = map_find(log->entries, str_from(name));
    Partition *partition = entry != NULL ? entry->partition : NULL;
    map_remove(log->entries, str_from(name));
    pthread_mutex_unlock(&log->lock);
    if (partition != NULL) {
        pthread_mutex_lock(&partition->lock);
        partition->is_removed = true;
        pthread_cond_broadcast(&partition->durable_moved);
        /* Nobody may make a file in the folder while it goes. */
        while (partition->is_tended || partition->flush_count > 0)
            pthread_cond_wait(&partition->durable_moved, &partition->lock);
        pthread_mutex_unlock(&partition->lock);
        log_forget_queued(log, partition);
        partition_release(partition);
    }
    Arena *arena = arena_new(0);
    Status status =
        world_remove_tree(log->world, arena_printf(arena, "%s/%s", log->folder, name), error);
    arena_free(arena);
    pthread_mutex_unlock(&log->open_lock);
    return status;
}

/* ---- What is done every second --------------------------------------------------------------- */

/* The open partitions, each to be released. */
static List log_hold_partitions(Log *log, Arena *arena)
{
    List held = {0};
    pthread_mutex_lock(&log->lock);
    for (int32_t i = 0; i < map_count(log->entries); i++) {
        Partition *partition = ((LogEntry *)map_value_at(log->entries, i))->partition;
        if (partition == NULL)
            continue;
        partition->users++;
        list_append(&held, arena, partition);
    }
    pthread_mutex_unlock(&log->lock);
    return held;
}

/* A full disk or damage is not the end. */
static Status tick_result(Log *log, const Partition *partition, Status status, Error *error)
{
    if (status == OK || log_is_broken(log, error))
        return status == OK ? OK : ERR_IO;
    log_event(LOG_WARN, "log", "partition `%s`: %s", partition->name, error->text);
    return OK;
}

static Status flush_if_due(Log *log, Partition *partition, Error *error)
{
    pthread_mutex_lock(&partition->lock);
    bool is_of_use = partition->stopped == NULL && !partition->is_removed;
    bool is_due = partition->unflushed_since_ms != NO_TIMESTAMP &&
                  log_now_ms(log) - partition->unflushed_since_ms >= partition->config.flush_ms;
    pthread_mutex_unlock(&partition->lock);
    Status status = is_of_use && is_due ? partition_flush(partition, error) : OK;
    return tick_result(log, partition, status, error);
}

static Status clean_partition(Log *log, Partition *partition, Error *error)
{
    pthread_mutex_lock(&partition->lock);
    bool is_of_use = partition->stopped == NULL && !partition->is_removed;
    producers_expire(partition->producers, log_now_ms(log) - PRODUCER_IDLE_MS,
                     partition->mark.start_offset);
    pthread_mutex_unlock(&partition->lock);
    Status status = is_of_use ? partition_clean(partition, error) : OK;
    return tick_result(log, partition, status, error);
}

static Status compact_partition(Log *log, Partition *partition, Error *error)
{
    pthread_mutex_lock(&partition->lock);
    bool is_of_use = partition->stopped == NULL && !partition->is_removed;
    pthread_mutex_unlock(&partition->lock);
    Status status = is_of_use ? partition_compact_if_dirty(partition, error) : OK;
    return tick_result(log, partition, status, error);
}

typedef Status PartitionDuty(Log *log, Partition *partition, Error *error);

static Status log_for_all(Log *log, PartitionDuty *duty, Error *error)
{
    Arena *arena = arena_new(0);
    List held = log_hold_partitions(log, arena);
    Status status = OK;
    for (int32_t i = 0; i < held.count; i++) {
        Partition *partition = LIST_AT(held, i, Partition);
        if (status == OK)
            status = duty(log, partition, error);
        partition_release(partition);
    }
    arena_free(arena);
    return status;
}

Status log_keep_marks(Log *log, Error *error)
{
    Status status = log_for_all(log, flush_if_due, error);
    if (status == OK)
        status = log_write_marks(log, error);
    return status == ERR_FULL || status == ERR_LIMIT ? OK : status;
}

Status log_clean(Log *log, Error *error)
{
    return log_for_all(log, clean_partition, error);
}

Status log_compact(Log *log, Error *error)
{
    return log_for_all(log, compact_partition, error);
}

Status log_tick(Log *log, Error *error)
{
    Error ignored = {0};
    if (error == NULL)
        error = &ignored;
    TRY(log_clean(log, error));
    TRY(log_compact(log, error));
    return log_keep_marks(log, error);
}

/* ---- Room on the disk ------------------------------------------------------------------------ */

static int64_t log_reserve(const Log *log, int64_t all_bytes)
{
    static const int64_t MOST = INT64_C(64) << 20;
    if (log->options.reserve_bytes != LOG_RESERVE_DEFAULT)
        return log->options.reserve_bytes;
    return all_bytes / 100 < MOST ? all_bytes / 100 : MOST;
}

static Status flush_partition(Log *log, Partition *partition, Error *error)
{
    return tick_result(log, partition, partition_flush(partition, error), error);
}

/* What a start would write anew is half of what is left at most: where it has no room to, the
 * partition stays closed. */
static Status log_mark_in_time(Log *log, int64_t left, int64_t bytes, Error *error)
{
    int64_t unmarked = log->unmarked_bytes;
    if (unmarked + bytes <= left / 2)
        return OK;
    TRY(log_for_all(log, flush_partition, error));
    TRY(log_write_marks(log, error));
    atomic_fetch_sub(&log->unmarked_bytes, unmarked);
    return OK;
}

/* The disk is looked at each second, as others write to it as well, and when we have written what
 * was left; while nothing is left, each time. */
Status log_take_room(Log *log, int64_t bytes, Error *error)
{
    static const int64_t LOOK_US = 1000 * 1000;
    World *world = log->world;
    if (log->options.reserve_bytes == 0 || world->kind->disk_room == NULL)
        return OK;
    int64_t now_us = world_monotonic_us(world), left, all;
    if (now_us < log->room_until_us && atomic_fetch_sub(&log->room_bytes, bytes) >= bytes) {
        atomic_fetch_add(&log->unmarked_bytes, bytes);
        return OK;
    }
    if (!world->kind->disk_room(world, log->folder, &left, &all))
        return OK;
    int64_t reserve = log_reserve(log, all);
    if (left - reserve >= bytes) {
        TRY(log_mark_in_time(log, left, bytes, error));
        int64_t unmarked = atomic_fetch_add(&log->unmarked_bytes, bytes) + bytes;
        /* Of a byte that is written there is one more to be marked, and one less is left. */
        int64_t until_mark = (left - bytes - 2 * unmarked) / 3;
        int64_t until_full = left - reserve - bytes;
        log->room_bytes = until_mark < until_full ? until_mark : until_full;
        log->room_until_us = now_us + LOOK_US;
        return OK;
    }
    log->room_bytes = 0;
    log->room_until_us = 0;
    Status status =
        fail(error, ERR_FULL, "WR5306",
             "the disk of `%s` has %lld bytes left, and %lld are kept for what the log itself "
             "needs",
             log->folder, (long long)left, (long long)reserve);
    error_hint(error, "make room: what was refused is taken as soon as there is some");
    return status;
}

/* ---- Closing --------------------------------------------------------------------------------- */

static Status close_partition(Partition *partition, Error *error)
{
    TRY(partition_flush(partition, error));
    pthread_mutex_lock(&partition->lock);
    Status status = OK;
    if (partition->stopped == NULL && !partition->is_removed) {
        status = partition_write_snapshot(partition, error);
        if (status == OK)
            status =
                log_segment_write_index(partition_active(partition), partition->log->files, error);
    }
    pthread_mutex_unlock(&partition->lock);
    return status;
}

Status log_close(Log *log, Error *error)
{
    Status status = log_is_broken(log, error) ? ERR_IO : OK;
    for (int32_t i = 0; status == OK && i < map_count(log->entries); i++) {
        Partition *partition = ((LogEntry *)map_value_at(log->entries, i))->partition;
        if (partition != NULL)
            status = close_partition(partition, error);
    }
    if (status == OK)
        status = log_write_marks(log, error);
    log_abandon(log);
    return status;
}
