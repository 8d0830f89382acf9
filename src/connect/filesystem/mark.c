/* Whether a file is the one that was read. */
#include "connect/filesystem/mark.h"

#include <assert.h>

#include "base/hash.h"

void mark_head(FileMark *mark, Str bytes)
{
    mark->head_bytes = (int32_t)(bytes.length < MARK_BYTES ? bytes.length : MARK_BYTES);
    mark->head_hash = hash_bytes(bytes.data, mark->head_bytes);
}

void mark_tail(FileMark *mark, Str bytes)
{
    mark->tail_bytes = (int32_t)(bytes.length < MARK_BYTES ? bytes.length : MARK_BYTES);
    mark->tail_hash = hash_bytes(bytes.data + bytes.length - mark->tail_bytes, mark->tail_bytes);
}

static Status mark_stat(World *world, const char *path, FileMark *mark, Error *error)
{
    FileInfo info;
    TRY(world->kind->stat(world, path, &info, error));
    mark->size_bytes = info.size_bytes;
    mark->modified_us = info.modified_us;
    return OK;
}

Status mark_whole(World *world, const char *path, FileMark *mark, Error *error)
{
    File *file;
    char bytes[MARK_BYTES];
    int64_t got = 0;
    *mark = (FileMark){0};
    TRY(mark_stat(world, path, mark, error));
    TRY(world->kind->open(world, path, FILE_READ, &file, error));
    Status status = world->kind->read_at(file, 0, bytes, MARK_BYTES, &got, error);
    if (status == OK) {
        mark_head(mark, str_make(bytes, got));
        int64_t end = mark->size_bytes - MARK_BYTES;
        status = world->kind->read_at(file, end > 0 ? end : 0, bytes, MARK_BYTES, &got, error);
    }
    if (status == OK)
        mark_tail(mark, str_make(bytes, got));
    (void)world->kind->close(file, NULL);
    return status;
}

bool mark_is_same(const FileMark *a, const FileMark *b)
{
    return a->size_bytes == b->size_bytes && a->head_hash == b->head_hash &&
           a->tail_hash == b->tail_hash;
}

void mark_save(const FileMark *mark, Buffer *out)
{
    buffer_append_u64(out, (uint64_t)mark->size_bytes);
    buffer_append_u64(out, (uint64_t)mark->modified_us);
    buffer_append_u32(out, (uint32_t)mark->head_bytes);
    buffer_append_u64(out, mark->head_hash);
    buffer_append_u32(out, (uint32_t)mark->tail_bytes);
    buffer_append_u64(out, mark->tail_hash);
}

void mark_load(ByteReader *reader, FileMark *mark)
{
    mark->size_bytes = (int64_t)byte_reader_u64(reader);
    mark->modified_us = (int64_t)byte_reader_u64(reader);
    uint32_t head = byte_reader_u32(reader);
    mark->head_hash = byte_reader_u64(reader);
    uint32_t tail = byte_reader_u32(reader);
    mark->tail_hash = byte_reader_u64(reader);
    reader->is_short |= head > MARK_BYTES || tail > MARK_BYTES;
    mark->head_bytes = (int32_t)(head % (MARK_BYTES + 1));
    mark->tail_bytes = (int32_t)(tail % (MARK_BYTES + 1));
}

/* The first bytes of the file, as many as there are; *is_as_was: they begin as `was` does. */
static Status compare_head(World *world, const char *path, const FileMark *was, FileMark *now,
                           bool *is_as_was, Error *error)
{
    FileStream *stream;
    char bytes[MARK_BYTES];
    int64_t got = 0;
    TRY(stream_open(world, path, 0, &stream, error));
    Status status = stream_read(stream, bytes, MARK_BYTES, &got, error);
    stream_close(stream);
    TRY(status);
    mark_head(now, str_make(bytes, got));
    *is_as_was = got >= was->head_bytes && hash_bytes(bytes, was->head_bytes) == was->head_hash;
    return OK;
}

/* A stream at `offset`, or NULL if what stands in front of it is not what was there: a packed file
 * that cannot be unpacked to there is another one as well. */
static Status resume_tail(World *world, const char *path, int64_t offset, const FileMark *was,
                          FileStream **out, Error *error)
{
    char bytes[MARK_BYTES];
    int64_t got = 0;
    FileStream *stream = NULL;
    *out = NULL;
    assert(offset >= was->tail_bytes);
    Status status = stream_open(world, path, offset - was->tail_bytes, &stream, error);
    if (status == OK && was->tail_bytes > 0)
        status = stream_read(stream, bytes, was->tail_bytes, &got, error);
    if (status == OK && got == was->tail_bytes && hash_bytes(bytes, got) == was->tail_hash) {
        *out = stream;
        return OK;
    }
    if (stream != NULL)
        stream_close(stream);
    return status == ERR_DECODE ? OK : status;
}

/* Whether a file of rows has all that was read of it. */
static Status compare_rows(World *world, const char *path, const FileMark *was, FileMark *now,
                           bool *is_as_was, Error *error)
{
    FileStream *stream;
    Status status = compare_head(world, path, was, now, is_as_was, error);
    if (status == ERR_DECODE)
        *is_as_was = false;
    else
        TRY(status);
    *is_as_was = *is_as_was && now->size_bytes >= was->size_bytes;
    if (!*is_as_was || stream_is_packed(path))
        return OK;
    TRY(resume_tail(world, path, was->size_bytes, was, &stream, error));
    *is_as_was = stream != NULL;
    stream_close(stream);
    return OK;
}

Status mark_compare(World *world, const FoundFile *file, bool is_whole, FileMark *mark,
                    FileChange *change, Error *error)
{
    FileMark was = *mark;
    *change = FILE_SAME;
    if (was.size_bytes == file->size_bytes && was.modified_us == file->modified_us)
        return OK;
    FileMark now = was;
    now.size_bytes = file->size_bytes;
    now.modified_us = file->modified_us;
    bool is_as_was;
    if (is_whole) {
        TRY(mark_whole(world, file->path, &now, error));
        is_as_was = mark_is_same(&was, &now);
    } else {
        TRY(compare_rows(world, file->path, &was, &now, &is_as_was, error));
    }
    if (!is_as_was)
        *change = FILE_OTHER;
    else if (now.size_bytes > was.size_bytes)
        *change = FILE_GROWN;
    *mark = now;
    return OK;
}

Status mark_resume(World *world, const char *path, int64_t offset, const FileMark *was,
                   FileStream **out, Error *error)
{
    FileMark now;
    bool is_as_was = false;
    *out = NULL;
    Status status = compare_head(world, path, was, &now, &is_as_was, error);
    if (status == OK && is_as_was)
        status = resume_tail(world, path, offset, was, out, error);
    if (status != OK && status != ERR_DECODE)
        return status;
    if (*out != NULL)
        return OK;
    return mark_fail(path, "was half read, and another file or a cut one has its name now", error);
}

Status mark_fail(const char *path, const char *what, Error *error)
{
    Status status = fail(error, ERR_LOST, "WR3414", "%s %s", path, what);
    error_hint(error, "put the file back as it was, or start over with --fresh; what is new comes "
                      "under a name of its own");
    return status;
}
