/* A run that dies before its first checkpoint leaves files in progress that no checkpoint knows of.
 * Until there is one, a note in the pipeline's own folder says what their names begin with, so that
 * the next run of this pipeline, and of no other that writes to the same folder, takes them away.
 *
 * After the first checkpoint there is no note: files in progress may belong to a savepoint. */
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "connect/filesystem/sink.h"

enum { NOTE_BYTES_MAX = 64 };

static const char *note_path(const FilesystemSink *sink)
{
    return arena_printf(sink->scratch, "%s/%s-%d", sink->base.notes, sink->base.node->uid,
                        sink->base.subtask);
}

/* What names begin with, and a checksum. */
static Str note_text(const FilesystemSink *sink, Str names)
{
    return str_from(arena_printf(sink->scratch, "%.*s %08x", STR_ARGS(names),
                                 crc32c(0, names.data, names.length)));
}

/* False: it is damaged. Notes of earlier versions have no checksum. */
static bool note_take(FilesystemSink *sink, Str note)
{
    int64_t length = (int64_t)strlen(sink->uuid);
    if (note.length < length)
        return false;
    Str names = str_make(note.data, length);
    if (note.length != length && !str_equal(note, note_text(sink, names)))
        return false;
    memcpy(sink->uuid, names.data, (size_t)length);
    return true;
}

Status note_begin(FilesystemSink *sink, bool *is_left, Error *error)
{
    World *world = sink->base.world;
    *is_left = false;
    if (sink->base.notes == NULL)
        return OK;
    Str left;
    const char *path = note_path(sink);
    Status status = world_read_file(world, path, NOTE_BYTES_MAX, sink->scratch, &left, NULL);
    sink->is_noted = true;
    if (status == OK && note_take(sink, left)) {
        *is_left = true;
        return OK;
    }
    if (status == OK)
        log_event(LOG_WARN, "filesystem",
                  "%s is damaged: files in progress of a run that was killed may stay", path);
    TRY(world->kind->make_folder(world, sink->base.notes, error));
    return world_replace_file(world, path, note_text(sink, str_from(sink->uuid)), error);
}

Status note_end(FilesystemSink *sink, Error *error)
{
    World *world = sink->base.world;
    FileInfo info;
    if (sink->base.notes == NULL || !sink->is_noted)
        return OK;
    const char *path = note_path(sink);
    if (world->kind->stat(world, path, &info, NULL) == OK) {
        TRY(world->kind->remove(world, path, error));
        TRY(world->kind->sync_folder(world, sink->base.notes, error));
    }
    sink->is_noted = false;
    return OK;
}
