/* The sink's files: in progress, waiting for their checkpoint, visible. */
#include <stdio.h>

#include "base/map.h"
#include "base/memory.h"
#include "connect/filesystem/sink.h"

enum {
    PATH_BYTES_MAX = 4096,
    NAME_BYTES_MAX = 255, /* of one folder or file */
    FILE_BYTES_SPARE = 256,
};

char *sink_copy(const char *bytes, int64_t length)
{
    char *copy = memory_allocate(length + 1);
    if (length > 0)
        memcpy(copy, bytes, (size_t)length);
    copy[length] = '\0';
    return copy;
}

Part *sink_part_add(FilesystemSink *sink, Str partition, const char *hidden, const char *final)
{
    if (sink->part_count == sink->part_capacity) {
        sink->part_capacity = sink->part_capacity == 0 ? 8 : sink->part_capacity * 2;
        sink->parts =
            memory_resize(sink->parts, sink->part_capacity * (int64_t)sizeof *sink->parts);
    }
    Part *part = memory_allocate_zeroed(sizeof *part);
    const char *slash = strrchr(hidden, '/');
    part->world = sink->base.world;
    part->partition = str_make(sink_copy(partition.data, partition.length), partition.length);
    part->folder = sink_copy(hidden, slash - hidden);
    part->hidden = sink_copy(hidden, (int64_t)strlen(hidden));
    part->final = sink_copy(final, (int64_t)strlen(final));
    part->opened_us = world_now_us(part->world);
    part->written_us = part->opened_us;
    sink->parts[sink->part_count++] = part;
    return part;
}

/* After a restart from an older checkpoint, files that came behind it can be seen and stay. */
static const char *free_name(FilesystemSink *sink, const char *folder)
{
    World *world = sink->base.world;
    for (;;) {
        FileInfo info;
        const char *name =
            arena_printf(sink->scratch, "part-%s-%d-%lld%s", sink->uuid, sink->base.subtask,
                         (long long)sink->counter++, sink->extension);
        const char *path = arena_printf(sink->scratch, "%s/%s", folder, name);
        if (world->kind->stat(world, path, &info, NULL) != OK)
            return name;
    }
}

bool sink_partition_fits(const FilesystemSink *sink, Str partition)
{
    if (partition.length + (int64_t)strlen(sink->root) > PATH_BYTES_MAX - FILE_BYTES_SPARE)
        return false;
    while (partition.length > 0) {
        Str rest;
        if (str_split(partition, '/', &rest).length > NAME_BYTES_MAX)
            return false;
        partition = rest;
    }
    return true;
}

static Status part_new(FilesystemSink *sink, Str partition, Error *error)
{
    Arena *arena = sink->scratch;
    uint64_t random = sink->base.world->kind->random_u64(sink->base.world);
    if (!sink_partition_fits(
            sink, partition)) /* a row's does: it is of a state, and under another root */
        return fail(error, ERR_LIMIT, "WR3411", "the path of partition %.*s is too long",
                    STR_ARGS(partition));
    BulkWriter *bulk = NULL;
    if (sink->bulk != NULL)
        TRY(sink->bulk->writer_open(&sink->spec, &bulk, error));
    const char *folder = arena_printf(arena, "%s%s%.*s", sink->root,
                                      partition.length > 0 ? "/" : "", STR_ARGS(partition));
    const char *name = free_name(sink, folder);
    const char *hidden =
        arena_printf(arena, "%s/.%s.inprogress.%016llx", folder, name, (unsigned long long)random);
    const char *final = arena_printf(arena, "%s/%s", folder, name);
    Part *part = sink_part_add(sink, partition, hidden, final);
    part->kind = sink->bulk;
    part->bulk = bulk;
    return OK;
}

Status sink_part_find(FilesystemSink *sink, Str partition, int32_t *index, Error *error)
{
    for (int32_t i = 0; i < sink->part_count; i++) {
        if (str_equal(sink->parts[i]->partition, partition)) {
            *index = i;
            return OK;
        }
    }
    *index = sink->part_count;
    return part_new(sink, partition, error);
}

void sink_pending_add(FilesystemSink *sink, const char *hidden, const char *final,
                      const char *partition)
{
    if (sink->pending_count == sink->pending_capacity) {
        sink->pending_capacity = sink->pending_capacity == 0 ? 8 : sink->pending_capacity * 2;
        sink->pending =
            memory_resize(sink->pending, sink->pending_capacity * (int64_t)sizeof *sink->pending);
    }
    sink->pending[sink->pending_count++] =
        (PendingFile){.hidden = sink_copy(hidden, (int64_t)strlen(hidden)),
                      .final = sink_copy(final, (int64_t)strlen(final)),
                      .partition = sink_copy(partition, (int64_t)strlen(partition))};
}

Status sink_part_close(FilesystemSink *sink, int32_t index, Error *error)
{
    Part *part = sink->parts[index];
    TRY(part_close(part, error));
    sink_pending_add(sink, part->hidden, part->final, part->partition.data);
    part_free(part);
    sink->parts[index] = sink->parts[--sink->part_count];
    sink->last_part = -1;
    return OK;
}

static void pending_free(PendingFile *file)
{
    memory_free(file->hidden);
    memory_free(file->final);
    memory_free(file->partition);
    *file = (PendingFile){0};
}

/* Up to the root and the folder that holds it: new folders must be durable as well. */
Status sink_sync_folders(FilesystemSink *sink, Map *synced, const char *path, Error *error)
{
    char folder[PATH_BYTES_MAX];
    size_t root_length = strlen(sink->root);
    snprintf(folder, sizeof folder, "%s", path);
    while (strlen(folder) >= root_length) {
        char *slash = strrchr(folder, '/');
        if (slash == NULL)
            snprintf(folder, sizeof folder, ".");
        else
            slash[slash == folder ? 1 : 0] = '\0';
        if (map_find(synced, str_from(folder)) != NULL)
            return OK;
        Status status = sink->base.world->kind->sync_folder(sink->base.world, folder, error);
        /* The folder that holds the table may be one that we must not read. */
        if (status == ERR_PERMISSION && strlen(folder) < root_length)
            return OK;
        TRY(status);
        map_put(synced, str_from(folder), sink);
        if (slash == NULL || slash == folder)
            return OK;
    }
    return OK;
}

Status sink_sync_new_folders(FilesystemSink *sink, Error *error)
{
    Arena *arena = arena_new(0);
    Map *synced = map_new(arena);
    Status status = OK;
    for (int32_t i = 0; status == OK && i < sink->part_count; i++) {
        Part *part = sink->parts[i];
        if (part->is_listed || part->file_bytes == 0)
            continue;
        status = sink_sync_folders(sink, synced, part->hidden, error);
        part->is_listed = status == OK;
    }
    for (int32_t i = 0; status == OK && i < sink->pending_count; i++)
        if (sink->pending[i].checkpoint == 0)
            status = sink_sync_folders(sink, synced, sink->pending[i].hidden, error);
    arena_free(arena);
    return status;
}

/* Files that are visible already, because a call before failed half-way, are passed over. */
static Status publish_file(FilesystemSink *sink, const PendingFile *file, Error *error)
{
    World *world = sink->base.world;
    FileInfo info;
    Status status = part_publish(world, file->hidden, file->final, error);
    if (status != ERR_NOT_FOUND)
        return status;
    return world->kind->stat(world, file->final, &info, NULL) == OK
               ? OK
               : part_fail_gone(file->hidden, error);
}

Status sink_publish(FilesystemSink *sink, int64_t checkpoint, Error *error)
{
    Arena *arena = arena_new(0);
    Map *synced = map_new(arena);
    Status status = OK;
    /* All renames first: a folder that got many files is synced once. */
    for (int32_t pass = 0; pass < 2; pass++) {
        for (int32_t i = 0; status == OK && i < sink->pending_count; i++) {
            const PendingFile *file = &sink->pending[i];
            if (file->checkpoint == 0 || file->checkpoint > checkpoint)
                continue;
            status = pass == 0 ? publish_file(sink, file, error)
                               : sink_sync_folders(sink, synced, file->final, error);
        }
    }
    if (status == OK && sink->removal_checkpoint > 0 && sink->removal_checkpoint <= checkpoint)
        status = overwrite_remove_old(sink, error);
    arena_free(arena);
    TRY(status);
    int32_t kept = 0;
    for (int32_t i = 0; i < sink->pending_count; i++) {
        PendingFile *file = &sink->pending[i];
        if (file->checkpoint != 0 && file->checkpoint <= checkpoint)
            pending_free(file);
        else
            sink->pending[kept++] = *file;
    }
    sink->pending_count = kept;
    return commits_publish(&sink->commits, sink->base.world, sink->root, checkpoint, error);
}

void sink_parts_free(FilesystemSink *sink)
{
    for (int32_t i = 0; i < sink->part_count; i++)
        part_free(sink->parts[i]);
    for (int32_t i = 0; i < sink->pending_count; i++)
        pending_free(&sink->pending[i]);
    memory_free(sink->parts);
    memory_free(sink->pending);
    sink->parts = NULL;
    sink->pending = NULL;
    sink->part_count = sink->part_capacity = 0;
    sink->pending_count = sink->pending_capacity = 0;
}
