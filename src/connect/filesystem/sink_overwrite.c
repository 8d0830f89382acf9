/* INSERT OVERWRITE: new files take the place of those that are there.
 *
 *     finish      mark            hidden file, durable before the checkpoint is
 *     prepare                     of the first checkpoint that knows of the end
 *     commit      renames         the new files, which are durable, can be seen
 *                 removal         of all others: of the table, or of the partitions that got rows
 *                 unmark
 *
 * So a restart knows by the mark whether it has to take away files: those that come later, when all
 * is done, are nobody's business. Rows are never missing: for a moment old and new ones are there.
 */
#include "base/arena.h"
#include "connect/filesystem/paths.h"
#include "connect/filesystem/sink.h"

static const char *mark_path(const FilesystemSink *sink)
{
    return arena_printf(sink->scratch, "%s/.part-%s-%d-overwrite", sink->root, sink->uuid,
                        sink->base.subtask);
}

Status overwrite_mark(FilesystemSink *sink, Error *error)
{
    World *world = sink->base.world;
    File *file;
    TRY(part_retriable(world->kind->open(world, mark_path(sink), FILE_CREATE, &file, error),
                       error));
    TRY(world->kind->close(file, error));
    TRY(world->kind->sync_folder(world, sink->root, error));
    sink->is_marked = true;
    return OK;
}

Status overwrite_find_mark(FilesystemSink *sink, Error *error)
{
    World *world = sink->base.world;
    FileInfo info;
    Status status = world->kind->stat(world, mark_path(sink), &info, error);
    sink->is_marked = status == OK;
    sink->removal_checkpoint = sink->is_marked ? 1 : 0; /* as the files that come back with it */
    return status == ERR_NOT_FOUND ? OK : status;
}

/* Of the folder, all that does not become visible now. The names tell nothing: a run that was
 * started again from an older checkpoint finds files that it has written before. */
static Status remove_others(FilesystemSink *sink, const Map *kept, const char *folder, Error *error)
{
    World *world = sink->base.world;
    List files = {0};
    TRY(paths_find(world, sink->scratch, folder, &files, error));
    for (int32_t i = 0; i < files.count; i++) {
        const FoundFile *file = LIST_AT(files, i, FoundFile);
        if (map_find(kept, str_from(file->path)) != NULL)
            continue;
        Status status = world->kind->remove(world, file->path, error);
        if (status != ERR_NOT_FOUND)
            TRY(status);
    }
    return OK;
}

Status overwrite_remove_old(FilesystemSink *sink, Error *error)
{
    World *world = sink->base.world;
    Map *kept = map_new(sink->scratch);
    for (int32_t i = 0; i < sink->pending_count; i++)
        map_put(kept, str_from(sink->pending[i].final), sink);
    if (sink->partition_count == 0)
        TRY(remove_others(sink, kept, sink->root, error));
    for (int32_t i = 0; sink->partition_count > 0 && i < sink->pending_count; i++)
        TRY(remove_others(
            sink, kept,
            arena_printf(sink->scratch, "%s/%s", sink->root, sink->pending[i].partition), error));
    Status status = world->kind->remove(world, mark_path(sink), error);
    if (status != ERR_NOT_FOUND)
        TRY(status);
    sink->is_marked = false;
    sink->removal_checkpoint = 0;
    return OK;
}
