/* What a source remembers of files. */
#include "connect/filesystem/seen.h"

#include "base/log.h"

void seen_init(SeenFiles *seen, World *world, Arena *arena, bool is_whole)
{
    *seen = (SeenFiles){.world = world,
                        .arena = arena,
                        .is_whole = is_whole,
                        .known = map_new(arena),
                        .done = map_new(arena)};
}

void seen_queue(SeenFiles *seen, Str relative)
{
    map_put(seen->known, relative, seen);
}

void seen_gone(SeenFiles *seen, Str relative)
{
    map_remove(seen->known, relative);
}

void seen_done(SeenFiles *seen, Str relative, const FileMark *mark)
{
    map_put(seen->known, relative, seen);
    map_put(seen->done, relative, arena_copy(seen->arena, mark, sizeof *mark));
}

/* It is told once: the mark is that of the file as it is now. */
static Status seen_changed(const FoundFile *file, FileChange change, bool is_strict, Error *error)
{
    if (change == FILE_OTHER && is_strict)
        return mark_fail(file->path, "was read, and another file or a cut one has its name now",
                         error);
    log_event(
        LOG_WARN, "filesystem",
        change == FILE_OTHER
            ? "WR3414: %s was read, and another file or a cut one has its name now: it is not "
              "read, as a file is read once; give it another name"
            : "WR3414: %s has grown after it was read: what was added is not read, as a file "
              "is read once; move files to their place when they are whole",
        file->path);
    return OK;
}

Status seen_find(SeenFiles *seen, const FoundFile *file, bool is_strict, bool *is_known,
                 Error *error)
{
    *is_known = map_find(seen->known, file->relative) != NULL;
    FileMark *mark = map_find(seen->done, file->relative);
    if (mark == NULL)
        return OK;
    FileChange change;
    Status status = mark_compare(seen->world, file, seen->is_whole, mark, &change, error);
    if (status == ERR_NOT_FOUND) /* it went away since it was listed */
        return OK;
    TRY(status);
    if (change != FILE_SAME)
        TRY(seen_changed(file, change, is_strict, error));
    return OK;
}

void seen_save(const SeenFiles *seen, int32_t left_out, Buffer *out)
{
    int32_t count = map_count(seen->done) - left_out;
    buffer_append_u32(out, (uint32_t)(count > 0 ? count : 0));
    for (int32_t i = 0; i < count; i++) {
        buffer_append_bytes(out, map_key_at(seen->done, i));
        mark_save(map_value_at(seen->done, i), out);
    }
}

void seen_load(SeenFiles *seen, ByteReader *reader)
{
    uint32_t count = byte_reader_u32(reader);
    for (uint32_t i = 0; i < count && !reader->is_short; i++) {
        FileMark mark;
        Str relative = byte_reader_bytes(reader);
        mark_load(reader, &mark);
        if (!reader->is_short)
            seen_done(seen, relative, &mark);
    }
}
