/* From what a stop or a crash has left on disk to a partition that can be used.
 *
 * What is below the mark was synced: it must be there. Of what is behind it only the process knew
 * whether a sync has succeeded, and the system's memory may hold bytes that never reached the disk;
 * so the end is written again, into a segment of its own, and synced before anybody reads it. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/planted.h"
#include "log/internal.h"

enum { SNAPSHOT_BYTES_MAX = 1 << 30, COPY_BYTES = 1 << 20 };

static Status fail_missing(const Partition *partition, int64_t from, int64_t to, Error *error)
{
    Status status = fail(error, ERR_CORRUPT, "WR5305",
                         "partition `%s` lacks offsets %lld to %lld, which were acknowledged",
                         partition->folder, (long long)from, (long long)to - 1);
    error_hint(error, "put the segments back from a backup, or move the partition's folder away");
    return status;
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* Base offsets of the names with that suffix, ascending; the names are sorted. */
static int32_t find_bases(const List *names, const char *suffix, int64_t *bases)
{
    int32_t count = 0;
    for (int32_t i = 0; i < names->count; i++) {
        int64_t base = log_segment_base_of_name(LIST_AT(*names, i, const char), suffix);
        if (base >= 0)
            bases[count++] = base;
    }
    return count;
}

/* What a crash has left of a file that was to be renamed. */
static Status remove_unfinished(const Partition *partition, const List *names, Arena *arena,
                                Error *error)
{
    World *world = partition->log->world;
    for (int32_t i = 0; i < names->count; i++) {
        const char *name = LIST_AT(*names, i, const char);
        if (str_has_suffix(str_from(name), STR(".new")) ||
            str_has_suffix(str_from(name), STR(".tmp")))
            TRY(world->kind->remove(world, arena_printf(arena, "%s/%s", partition->folder, name),
                                    error));
    }
    return OK;
}

/* The folders above the partition's, from the log's own on. */
static Status sync_parents(const Partition *partition, Error *error)
{
    World *world = partition->log->world;
    Arena *arena = arena_new(0);
    char *path = arena_printf(arena, "%s", partition->folder);
    Status status = OK;
    for (char *slash = strrchr(path, '/');
         status == OK && slash != NULL && slash - path >= (int64_t)strlen(partition->log->folder);
         slash = strrchr(path, '/')) {
        *slash = '\0';
        Error why = {0};
        status = world->kind->sync_folder(world, path, &why);
        if (status != OK && error != NULL)
            *error = why;
        if (status != OK && status != ERR_LIMIT)
            status = log_break(partition->log, status, &why);
    }
    arena_free(arena);
    return status;
}

/* ---- Segments -------------------------------------------------------------------------------- */

/* What a walk over a segment has found. */
typedef struct Walk {
    int64_t good_bytes;     /* up to the first fault, or the offset where to stop */
    int64_t durable_at;     /* position of the first batch that is not below the mark */
    int64_t durable_offset; /* of that batch */
    const char *fault;
} Walk;

/* Take the segment in by its batches, as long as they are below `stop_offset`. */
static Status walk_segment(const Partition *partition, Segment *segment, int64_t size,
                           int64_t stop_offset, Walk *walk, Error *error)
{
    *walk = (Walk){.durable_at = -1};
    BatchCursor cursor;
    cursor_open(&cursor, segment, partition->log->files, 0, size);
    cursor.allows_gaps = segment->base_offset < partition->mark.gaps_end;
    Str batch;
    Status status = OK;
    while (cursor.expected_offset < stop_offset &&
           (status = cursor_next(&cursor, &batch, error)) == OK) {
        if (cursor.header.base_offset >= stop_offset)
            break;
        if (walk->durable_at < 0 && cursor.header.base_offset >= partition->mark.durable_end) {
            walk->durable_at = segment->bytes;
            walk->durable_offset = cursor.header.base_offset;
        }
        log_segment_note(segment, str_make(batch.data, BATCH_HEADER_BYTES), &cursor.header,
                         partition->config.index_interval_bytes);
    }
    walk->good_bytes = segment->bytes;
    walk->fault = cursor.fault;
    if (walk->durable_at < 0) {
        walk->durable_at = segment->bytes;
        walk->durable_offset = segment->end_offset;
    }
    cursor_close(&cursor);
    return status == ERR_END ? OK : status;
}

static Status cut_segment(Partition *partition, Segment *segment, Error *error)
{
    World *world = partition->log->world;
    TRY(world->kind->truncate(world, segment->log_path, segment->bytes, error));
    return partition_sync(partition, segment, error);
}

static Status fail_shorter(const Segment *segment, int64_t size, Error *error)
{
    return log_segment_fail_damaged(segment, size, segment->base_offset,
                                    "the file is shorter than it was when it was complete", error);
}

static Status open_sealed(Partition *partition, Segment *segment, int64_t size, int64_t next_base,
                          Error *error)
{
    Summary summary = log_segment_read_summary(segment, partition->log->files, size);
    if (summary == SUMMARY_IS_MORE)
        return fail_shorter(segment, size, error);
    if (summary == SUMMARY_FITS) {
        if (segment->end_offset == next_base)
            return OK;
        if (segment->end_offset < next_base)
            return fail_missing(partition, segment->end_offset, next_base, error);
    }
    log_segment_reset(segment);
    Walk walk;
    TRY(walk_segment(partition, segment, size, next_base, &walk, error));
    bool has_gap = segment->end_offset < next_base && next_base > partition->mark.gaps_end;
    if (walk.fault != NULL)
        return log_segment_fail_damaged(segment, walk.good_bytes, segment->end_offset, walk.fault,
                                        error);
    if (has_gap)
        return fail_missing(partition, segment->end_offset, next_base, error);
    /* What the next segment holds as well. */
    if (walk.good_bytes < size)
        TRY(cut_segment(partition, segment, error));
    segment->end_offset = next_base;
    TRY(log_segment_write_index(segment, partition->log->files, error));
    log_segment_seal(segment);
    return OK;
}

/* ---- The last segment ------------------------------------------------------------------------ */

/* Batches from `position` on, into the file, and into `tail`. */
static Status copy_batches(const Partition *partition, Segment *segment, int64_t position,
                           File *file, Segment *tail, Error *error)
{
    World *world = partition->log->world;
    BatchCursor cursor;
    cursor_open(&cursor, segment, partition->log->files, position, segment->bytes);
    cursor.allows_gaps = true;
    Buffer waiting = {0};
    Str batch;
    Status status;
    while ((status = cursor_next(&cursor, &batch, error)) == OK) {
        buffer_append_str(&waiting, batch);
        char *copy = waiting.data + waiting.length - batch.length;
        log_segment_seal_batch(tail, copy);
        log_segment_note(tail, str_make(copy, BATCH_HEADER_BYTES), &cursor.header,
                         partition->config.index_interval_bytes);
        if (waiting.length < COPY_BYTES)
            continue;
        if ((status = world->kind->write(file, waiting.data, waiting.length, error)) != OK)
            break;
        waiting.length = 0;
    }
    if (status == ERR_END)
        status = world->kind->write(file, waiting.data, waiting.length, error);
    buffer_free(&waiting);
    cursor_close(&cursor);
    return status;
}

/* A durable file beside the segment's, with its batches from `position` on. */
static Status write_tail(const Partition *partition, Segment *segment, int64_t position,
                         Segment *tail, Arena *arena, Error *error)
{
    World *world = partition->log->world;
    const char *aside = arena_printf(arena, "%s.new", tail->log_path);
    File *file;
    TRY(world->kind->open(world, aside, FILE_CREATE, &file, error));
    Status status = copy_batches(partition, segment, position, file, tail, error);
    Error why = {0};
    if (status == OK && (status = world->kind->sync(file, &why)) != OK) {
        if (error != NULL)
            *error = why;
        status = log_break(partition->log, status, &why);
    }
    Status closed = world->kind->close(file, status == OK ? error : NULL);
    if (status == OK)
        status = closed;
    if (status == OK)
        return world->kind->rename(world, aside, tail->log_path, error);
    /* It may have taken the last of the disk, which others need. */
    Status removed = world->kind->remove(world, aside, NULL);
    (void)removed;
    return status;
}

/* What is not below the mark goes into a segment of its own, which takes the place of `segment` if
 * that is all of it. */
static Status move_tail(Partition *partition, Segment *segment, const Walk *walk, Error *error)
{
    Files *files = partition->log->files;
    Arena *arena = arena_new(0);
    bool is_all = walk->durable_at == 0;
    Segment *tail =
        partition_new_segment(partition, is_all ? segment->base_offset : walk->durable_offset);
    tail->allows_old_seals = false;
    Status status = write_tail(partition, segment, walk->durable_at, tail, arena, error);
    arena_free(arena);
    if (status == OK)
        status = partition_sync_folder(partition, error);
    if (status == OK && !is_all)
        status = open_sealed(partition, segment, segment->bytes, walk->durable_offset, error);
    if (status != OK) {
        log_segment_free(tail, files);
        return status;
    }
    if (is_all) {
        partition->segment_count--;
        log_segment_free(segment, files);
    }
    atomic_fetch_add(&partition->log->unmarked_bytes, tail->bytes);
    partition_add_segment(partition, tail);
    return OK;
}

/* It was left by a clean stop: its table, and the timestamp that decides on its age. */
static Status open_clean(Partition *partition, Segment *segment, Error *error)
{
    Files *files = partition->log->files;
    TRY(log_segment_load_table(segment, files, &segment->table, error));
    if (segment->table.count > 0)
        segment->indexed_at = segment->table.entries[segment->table.count - 1].position;
    BatchCursor cursor;
    cursor_open(&cursor, segment, files, 0, segment->bytes);
    cursor.allows_gaps = true;
    Str batch;
    Status status = cursor_next(&cursor, &batch, error);
    if (status == OK)
        segment->first_timestamp_ms = cursor.header.max_timestamp_ms;
    cursor_close(&cursor);
    return status == ERR_END ? OK : status;
}

static Status open_last(Partition *partition, Segment *segment, int64_t size, Error *error)
{
    Summary summary = log_segment_read_summary(segment, partition->log->files, size);
    if (summary == SUMMARY_IS_MORE && !planted(PLANTED_LOG_CUT_TOO_MUCH))
        return fail_shorter(segment, size, error);
    if (summary == SUMMARY_FITS)
        return open_clean(partition, segment, error);
    Walk walk;
    TRY(walk_segment(partition, segment, size, INT64_MAX, &walk, error));
    bool is_acknowledged = segment->end_offset < partition->mark.durable_end;
    if (walk.fault != NULL && is_acknowledged && !planted(PLANTED_LOG_CUT_TOO_MUCH))
        return log_segment_fail_damaged(segment, walk.good_bytes, segment->end_offset, walk.fault,
                                        error);
    if (walk.good_bytes < size)
        TRY(cut_segment(partition, segment, error));
    if (walk.durable_at < walk.good_bytes && !planted(PLANTED_LOG_TAIL_TRUSTED)) {
        TRY(move_tail(partition, segment, &walk, error));
    } else {
        TRY(partition_sync(partition, segment, error));
        TRY(partition_sync_folder(partition, error));
    }
    return sync_parents(partition, error);
}

/* ---- Producers ------------------------------------------------------------------------------- */

static Status replay_segment(Partition *partition, Segment *segment, int64_t from_offset,
                             Error *error)
{
    BatchCursor cursor;
    cursor_open(&cursor, segment, partition->log->files, 0, segment->bytes);
    cursor.allows_gaps = true;
    Str batch;
    Status status;
    while ((status = cursor_next(&cursor, &batch, error)) == OK)
        if (cursor.header.base_offset >= from_offset)
            producers_note(partition->producers, &cursor.header,
                           batch_has(&cursor.header, BATCH_IS_CONTROL) && marker_is_commit(batch),
                           log_now_ms(partition->log));
    if (status == ERR_END && cursor.fault != NULL)
        status = log_segment_fail_damaged(segment, cursor.position, cursor.expected_offset,
                                          cursor.fault, error);
    cursor_close(&cursor);
    return status == ERR_END ? OK : status;
}

/* The newest snapshot that is whole and not beyond the end; the start if there is none. Snapshots
 * of what is not there any more go. */
static int64_t read_snapshot(Partition *partition, const int64_t *offsets, int32_t count)
{
    int64_t found = NO_OFFSET;
    Arena *arena = arena_new(0);
    for (int32_t i = count - 1; i >= 0; i--) {
        Str snapshot;
        const char *path =
            arena_printf(arena, "%s/%020" PRId64 ".producers", partition->folder, offsets[i]);
        if (found == NO_OFFSET && offsets[i] <= partition->end_offset &&
            world_read_file(partition->log->world, path, SNAPSHOT_BYTES_MAX, arena, &snapshot,
                            NULL) == OK &&
            producers_read(partition->producers, snapshot, partition->identity,
                           offsets[i] <= partition->mark.old_seals_end, offsets[i],
                           log_now_ms(partition->log)))
            found = offsets[i];
        else
            partition_remove_snapshot(partition, offsets[i]);
    }
    arena_free(arena);
    return found == NO_OFFSET ? partition->segments[0]->base_offset : found;
}

static Status restore_producers(Partition *partition, const int64_t *snapshots, int32_t count,
                                Error *error)
{
    int64_t from = read_snapshot(partition, snapshots, count);
    producers_begin_replay(partition->producers, partition->mark.clean_end,
                           partition->mark.gaps_end);
    for (int32_t i = 0; i < partition->segment_count; i++) {
        Segment *segment = partition->segments[i];
        if (segment->end_offset > from)
            TRY(replay_segment(partition, segment, from, error));
    }
    producers_end_replay(partition->producers);
    if (planted(PLANTED_LOG_SEQUENCES_FORGOTTEN))
        producers_expire(partition->producers, INT64_MAX, 0);
    if (planted(PLANTED_LOG_ABORT_FORGOTTEN))
        producers_expire(partition->producers, 0, INT64_MAX);
    return OK;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static Status begin_empty(Partition *partition, Error *error)
{
    const Mark *mark = &partition->mark;
    if (mark->durable_end > mark->start_offset)
        return fail_missing(partition, mark->start_offset, mark->durable_end, error);
    Segment *segment = partition_new_segment(partition, mark->durable_end);
    partition_add_segment(partition, segment);
    TRY(partition_sync(partition, segment, error)); /* makes it */
    TRY(partition_sync_folder(partition, error));
    return sync_parents(partition, error);
}

static Status open_segments(Partition *partition, const int64_t *bases, int32_t count, Error *error)
{
    World *world = partition->log->world;
    if (bases[0] > partition->mark.start_offset && partition->mark.durable_end > 0)
        return fail_missing(partition, partition->mark.start_offset, bases[0], error);
    for (int32_t i = 0; i < count; i++) {
        Segment *segment = partition_new_segment(partition, bases[i]);
        if (i + 1 < count && bases[i + 1] <= partition->mark.start_offset) {
            /* Retention has not come to its end. */
            Status removed = world->kind->remove(world, segment->log_path, NULL);
            removed = world->kind->remove(world, segment->index_path, NULL);
            (void)removed;
            log_segment_free(segment, partition->log->files);
            continue;
        }
        partition_add_segment(partition, segment);
        FileInfo info;
        TRY(world->kind->stat(world, segment->log_path, &info, error));
        TRY(i + 1 < count ? open_sealed(partition, segment, info.size_bytes, bases[i + 1], error)
                          : open_last(partition, segment, info.size_bytes, error));
    }
    return OK;
}

static Status recover_files(Partition *partition, const List *names, Arena *arena, Error *error)
{
    int64_t *bases = ARENA_ARRAY(arena, int64_t, names->count + 1);
    int32_t count = find_bases(names, ".log", bases);
    TRY(remove_unfinished(partition, names, arena, error));
    TRY(count == 0 ? begin_empty(partition, error) : open_segments(partition, bases, count, error));
    partition->end_offset = partition_active(partition)->end_offset;
    if (partition->end_offset < partition->mark.durable_end && !planted(PLANTED_LOG_CUT_TOO_MUCH))
        return fail_missing(partition, partition->end_offset, partition->mark.durable_end, error);
    partition->mark.durable_end = partition->end_offset;
    /* With flush.messages above 1 records were deleted that a power cut has taken before they were
     * durable. Those that come now must not lie below the start. */
    if (partition->mark.start_offset > partition->end_offset)
        partition->mark.start_offset = partition->end_offset;
    if (partition->mark.start_offset < partition->segments[0]->base_offset)
        partition->mark.start_offset = partition->segments[0]->base_offset;
    count = find_bases(names, ".producers", bases);
    return restore_producers(partition, bases, count, error);
}

Status partition_recover(Partition *partition, Error *error)
{
    World *world = partition->log->world;
    Arena *arena = arena_new(0);
    List names = {0};
    Status status = world->kind->make_folder(world, partition->folder, error);
    if (status == OK)
        status = world->kind->list(world, partition->folder, arena, &names, error);
    if (status == OK)
        status = recover_files(partition, &names, arena, error);
    arena_free(arena);
    return status;
}
