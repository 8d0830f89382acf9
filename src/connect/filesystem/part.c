/* Files in progress. */
#include "connect/filesystem/part.h"

#include "base/memory.h"
#include "base/planted.h"

Status part_retriable(Status status, Error *error)
{
    if (status == ERR_FULL && error != NULL) {
        error->is_retriable = true;
        error_hint(error, "writing goes on by itself when there is room again");
    }
    return status;
}

Status part_fail_gone(const char *hidden, Error *error)
{
    Status status = fail(error, ERR_LOST, "WR3412",
                         "`%s`, which was being written, is gone or shorter than it was: rows that "
                         "it held are lost",
                         hidden);
    error_hint(error,
               "put it back, or start over with --fresh; names that begin with a dot are for "
               "weir alone until the file is complete");
    return status;
}

/* Somebody may have taken it away meanwhile, and opening has made another. */
static Status part_check_whole(const Part *part, Error *error)
{
    FileInfo info = {0};
    if (part->file_bytes == 0)
        return OK;
    Status status = part->world->kind->stat(part->world, part->hidden, &info, error);
    if (status != ERR_NOT_FOUND)
        TRY(status);
    return info.size_bytes < part->file_bytes ? part_fail_gone(part->hidden, error) : OK;
}

/* Open the file at its end, without the rubbish of a failed write. */
static Status part_open_file(Part *part, Error *error)
{
    const WorldKind *kind = part->world->kind;
    if (part->file != NULL)
        return OK;
    TRY(kind->make_folder(part->world, part->folder, error));
    TRY(kind->open(part->world, part->hidden, FILE_APPEND, &part->file, error));
    TRY(part_check_whole(part, error));
    if (part->is_torn)
        TRY(kind->truncate(part->world, part->hidden, part->file_bytes, error));
    part->is_torn = false;
    return OK;
}

static void part_tear(Part *part)
{
    if (part->file != NULL)
        (void)part->world->kind->close(part->file, NULL);
    part->file = NULL;
    part->is_torn = true;
}

Status part_flush(Part *part, Error *error)
{
    if (part->buffer.length == 0)
        return OK;
    Status status = part_open_file(part, error);
    if (status == OK)
        status =
            part->world->kind->write(part->file, part->buffer.data, part->buffer.length, error);
    if (status != OK) {
        part_tear(part);
        return part_retriable(status, error);
    }
    part->file_bytes += part->buffer.length;
    part->buffer.length = 0;
    part->is_synced = false;
    return OK;
}

Status part_rest(Part *part, Error *error)
{
    File *file = part->file;
    part->file = NULL;
    return file == NULL ? OK : part->world->kind->close(file, error);
}

Status part_sync(Part *part, Error *error)
{
    TRY(part_flush(part, error));
    if (part->is_synced)
        return OK;
    Status status = part_open_file(part, error);
    if (status != OK)
        return part_retriable(status, error);
    if (!planted(PLANTED_PART_NOT_SYNCED))
        TRY(part->world->kind->sync(part->file, error));
    part->is_synced = true;
    /* A file that was removed takes writes and syncs like any other. */
    return part_check_whole(part, error);
}

/* The bulk writer leaves a file that is neither synced nor open. */
static Status part_close_bulk(Part *part, Error *error)
{
    const WorldKind *kind = part->world->kind;
    Status status = kind->make_folder(part->world, part->folder, error);
    if (status == OK)
        status = part->kind->finish(part->bulk, part->hidden, error);
    if (status != OK)
        return part_retriable(status, error);
    TRY(kind->open(part->world, part->hidden, FILE_APPEND, &part->file, error));
    TRY(kind->sync(part->file, error));
    FileInfo info;
    TRY(kind->stat(part->world, part->hidden, &info, error));
    part->file_bytes = info.size_bytes;
    part->kind->writer_free(part->bulk);
    part->bulk = NULL;
    return OK;
}

Status part_close(Part *part, Error *error)
{
    if (part->bulk != NULL)
        TRY(part_close_bulk(part, error));
    else
        TRY(part_sync(part, error));
    return part_rest(part, error);
}

Status part_publish(World *world, const char *hidden, const char *final, Error *error)
{
    return part_retriable(world->kind->rename(world, hidden, final, error), error);
}

int64_t part_bytes(const Part *part)
{
    if (part->bulk != NULL)
        return part->kind->bytes(part->bulk);
    return part->file_bytes + part->buffer.length;
}

void part_free(Part *part)
{
    if (part->file != NULL)
        (void)part->world->kind->close(part->file, NULL);
    if (part->bulk != NULL)
        part->kind->writer_free(part->bulk);
    buffer_free(&part->buffer);
    memory_free((void *)part->partition.data);
    memory_free((void *)part->folder);
    memory_free((void *)part->hidden);
    memory_free((void *)part->final);
    memory_free(part);
}
