/* What a checkpoint knows of the sink's files: those that wait for it, and how much of those
 * being written it covers. */
#include "base/log.h"
#include "base/memory.h"
#include "connect/filesystem/paths.h"
#include "connect/filesystem/sink.h"

enum { STATE_VERSION = 4, COPY_BYTES = 1 << 20 };

void sink_state_write(const FilesystemSink *sink, Buffer *out)
{
    buffer_append_u8(out, STATE_VERSION);
    buffer_append_u8(out, sink->has_ended);
    buffer_append_u64(out, sink->shape);
    buffer_append_bytes(out, str_from(sink->uuid));
    buffer_append_u64(out, (uint64_t)sink->counter);
    buffer_append_u32(out, (uint32_t)sink->pending_count);
    for (int32_t i = 0; i < sink->pending_count; i++) {
        buffer_append_bytes(out, str_from(sink->pending[i].hidden));
        buffer_append_bytes(out, str_from(sink->pending[i].final));
        buffer_append_bytes(out, str_from(sink->pending[i].partition));
    }
    buffer_append_u32(out, (uint32_t)sink->part_count);
    for (int32_t i = 0; i < sink->part_count; i++) {
        const Part *part = sink->parts[i];
        buffer_append_bytes(out, part->partition);
        buffer_append_bytes(out, str_from(part->hidden));
        buffer_append_bytes(out, str_from(part->final));
        buffer_append_u64(out, (uint64_t)part->file_bytes);
        buffer_append_u64(out, (uint64_t)part->opened_us);
    }
    commits_save(&sink->commits, out);
}

static const char *take_text(FilesystemSink *sink, ByteReader *reader)
{
    return str_terminated(sink->scratch, byte_reader_bytes(reader));
}

/* In doubt: the checkpoint is durable, the renames may have been done or not, and if done, their
 * folders may not be durable. Only what overwrites and has not ended waits on. */
static Status restore_pending(FilesystemSink *sink, ByteReader *reader, Error *error)
{
    World *world = sink->base.world;
    uint32_t count = byte_reader_u32(reader);
    for (uint32_t i = 0; i < count && !reader->is_short; i++) {
        const char *hidden = take_text(sink, reader);
        const char *final = take_text(sink, reader);
        const char *partition = take_text(sink, reader);
        FileInfo info;
        Status status = world->kind->stat(world, hidden, &info, error);
        if (status == ERR_NOT_FOUND) {
            if (world->kind->stat(world, final, &info, NULL) != OK) {
                log_event(LOG_WARN, "filesystem", "%s was committed and is gone", final);
                continue;
            }
            status = OK;
        }
        TRY(status);
        sink_pending_add(sink, hidden, final, partition);
        sink->pending[sink->pending_count - 1].checkpoint =
            sink->is_overwrite && !sink->has_ended ? 0 : 1;
    }
    return OK;
}

typedef struct SavedPart {
    Str partition;
    const char *hidden, *final;
    int64_t bytes, opened_us;
} SavedPart;

static Status copy_bytes(World *world, File *from, File *into, int64_t bytes, Error *error)
{
    char *chunk = memory_allocate(COPY_BYTES);
    Status status = OK;
    for (int64_t at = 0; status == OK && at < bytes;) {
        int64_t got = 0;
        int64_t wanted = bytes - at < COPY_BYTES ? bytes - at : COPY_BYTES;
        status = world->kind->read_at(from, at, chunk, wanted, &got, error);
        if (status == OK && got == 0)
            status = fail(error, ERR_LOST, "WR3412", "a file became shorter while it was copied");
        if (status == OK)
            status = world->kind->write(into, chunk, got, error);
        at += got;
    }
    memory_free(chunk);
    return status;
}

/* The beginning of a file that can be seen, as one in progress. */
static Status restore_copy(FilesystemSink *sink, const SavedPart *saved, Error *error)
{
    World *world = sink->base.world;
    int32_t index;
    File *from;
    File *into;
    TRY(sink_part_find(sink, saved->partition, &index, error));
    Part *part = sink->parts[index];
    TRY(world->kind->open(world, saved->final, FILE_READ, &from, error));
    Status status = world->kind->open(world, part->hidden, FILE_CREATE, &into, error);
    if (status == OK) {
        status = copy_bytes(world, from, into, saved->bytes, error);
        Status closed = world->kind->close(into, status == OK ? error : NULL);
        status = status == OK ? closed : status;
    }
    (void)world->kind->close(from, NULL);
    part->file_bytes = saved->bytes;
    part->opened_us = saved->opened_us;
    return part_retriable(status, error);
}

/* The checkpoint is an older one, and the file has been completed since. What the checkpoint covers
 * can be seen and stays, what came behind is written again, to other files. What overwrites
 * takes all of that away in the end, so it goes on with a copy. */
static Status restore_completed(FilesystemSink *sink, const SavedPart *saved, int64_t bytes,
                                Error *error)
{
    if (bytes == saved->bytes && !sink->is_overwrite)
        return OK;
    log_event(LOG_WARN, "filesystem",
              "%s was completed after the checkpoint; rows that came behind it are written again",
              saved->final);
    return sink->is_overwrite ? restore_copy(sink, saved, error) : OK;
}

/* A file that goes on: cut to what the checkpoint covers. */
static Status restore_part(FilesystemSink *sink, const SavedPart *saved, Error *error)
{
    World *world = sink->base.world;
    FileInfo info = {0};
    FileInfo final = {0};
    if (saved->bytes > 0) {
        Status status = world->kind->stat(world, saved->hidden, &info, error);
        if (status == ERR_NOT_FOUND && world->kind->stat(world, saved->final, &final, NULL) == OK &&
            final.size_bytes >= saved->bytes)
            return restore_completed(sink, saved, final.size_bytes, error);
        if (status != ERR_NOT_FOUND)
            TRY(status);
    }
    if (info.size_bytes < saved->bytes)
        return part_fail_gone(saved->hidden, error);
    Part *part = sink_part_add(sink, saved->partition, saved->hidden, saved->final);
    part->file_bytes = saved->bytes;
    part->opened_us = saved->opened_us;
    part->is_torn = true;
    part->is_synced = true;
    part->is_listed = saved->bytes > 0;
    if (saved->bytes > 0 && info.size_bytes > saved->bytes)
        TRY(world->kind->truncate(world, saved->hidden, saved->bytes, error));
    return OK;
}

static Status restore_parts(FilesystemSink *sink, ByteReader *reader, Error *error)
{
    uint32_t count = byte_reader_u32(reader);
    for (uint32_t i = 0; i < count && !reader->is_short; i++) {
        SavedPart saved = {.partition = byte_reader_bytes(reader)};
        saved.hidden = take_text(sink, reader);
        saved.final = take_text(sink, reader);
        saved.bytes = (int64_t)byte_reader_u64(reader);
        saved.opened_us = (int64_t)byte_reader_u64(reader);
        if (!reader->is_short)
            TRY(restore_part(sink, &saved, error));
    }
    return OK;
}

/* The script was edited: the files end here, with what the checkpoint covers, and records of the
 * new kind, or for the new place, go to others. */
static Status restore_end_parts(FilesystemSink *sink, Error *error)
{
    for (int32_t i = sink->part_count - 1; i >= 0; i--) {
        Part *part = sink->parts[i];
        if (part->file_bytes == 0) {
            part_free(part);
            sink->parts[i] = sink->parts[--sink->part_count];
            continue;
        }
        log_event(LOG_INFO, "filesystem",
                  "%s ends here: the path, the format or the columns of the table are others now",
                  part->final);
        part->is_synced = false; /* it may have been cut */
        TRY(sink_part_close(sink, i, error));
        sink->pending[sink->pending_count - 1].checkpoint =
            sink->is_overwrite && !sink->has_ended ? 0 : 1;
    }
    return OK;
}

static bool is_kept(const FilesystemSink *sink, const char *path)
{
    for (int32_t i = 0; i < sink->part_count; i++)
        if (strcmp(sink->parts[i]->hidden, path) == 0)
            return true;
    for (int32_t i = 0; i < sink->pending_count; i++)
        if (strcmp(sink->pending[i].hidden, path) == 0)
            return true;
    return false;
}

Status sink_remove_leftovers(FilesystemSink *sink, Error *error)
{
    World *world = sink->base.world;
    List files = {0};
    Status status = paths_find_hidden(world, sink->scratch, sink->root, &files, error);
    if (status == ERR_NOT_FOUND)
        return OK;
    TRY(status);
    Str prefix =
        str_from(arena_printf(sink->scratch, ".part-%s-%d-", sink->uuid, sink->base.subtask));
    for (int32_t i = 0; i < files.count; i++) {
        const FoundFile *file = LIST_AT(files, i, FoundFile);
        const char *slash = strrchr(file->path, '/');
        if (!str_has_prefix(str_from(slash + 1), prefix) || is_kept(sink, file->path))
            continue;
        TRY(world->kind->remove(world, file->path, error));
    }
    return OK;
}

Status sink_state_restore(FilesystemSink *sink, Str state, Error *error)
{
    ByteReader reader = byte_reader(state);
    uint8_t version = byte_reader_u8(&reader);
    sink->has_ended = version > 2 && byte_reader_u8(&reader) != 0;
    bool is_of_shape = version <= 3 || byte_reader_u64(&reader) == sink->shape;
    Str uuid = byte_reader_bytes(&reader);
    if (reader.is_short || version < 1 || version > STATE_VERSION ||
        uuid.length >= (int64_t)sizeof sink->uuid)
        return fail(error, ERR_CORRUPT, "WR3408",
                    "the saved state of a filesystem sink cannot be read");
    memcpy(sink->uuid, uuid.data, (size_t)uuid.length);
    sink->uuid[uuid.length] = '\0';
    sink->counter = (int64_t)byte_reader_u64(&reader);
    if (sink->is_overwrite && sink->has_ended)
        TRY(overwrite_find_mark(sink, error));
    TRY(restore_pending(sink, &reader, error));
    TRY(restore_parts(sink, &reader, error));
    if (!is_of_shape)
        TRY(restore_end_parts(sink, error));
    if (version > 1)
        commits_restore(&sink->commits, &reader);
    if (reader.is_short)
        return fail(error, ERR_CORRUPT, "WR3408",
                    "the saved state of a filesystem sink cannot be read");
    TRY(sink_publish(sink, 1, error));
    sink->is_noted = true; /* perhaps: by a run that died when its first checkpoint was there */
    TRY(note_end(sink, error));
    return sink_remove_leftovers(sink, error);
}
