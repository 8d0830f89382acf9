/* Folders, names and partitions: how a table lies in the file system.
 *
 *     root/day=2024-01-02/store=a%2Fb/part-…      PARTITIONED BY (day, store)
 *     root/_SUCCESS, root/.part-….inprogress.…    hidden from readers
 *
 * Escapes are those of Flink's PartitionPathUtils. Private to connect/filesystem/. */
#ifndef WEIR_CONNECT_FILESYSTEM_PATHS_H
#define WEIR_CONNECT_FILESYSTEM_PATHS_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/list.h"
#include "base/status.h"
#include "base/world.h"

/* The local path of the `path` option: plain, or file: with one to three slashes; without
 * slashes at its end. ERR_INVALID for other schemes. */
Status path_of_option(Arena *arena, Str option, const char **out, Error *error);

void path_escape(Buffer *out, Str value);
void path_unescape(Buffer *out, Str text);

/* The value of the folder `key=value` on the way of `relative`; false if there is none. */
bool path_partition(Str relative, Str key, Str *escaped);

typedef struct FoundFile {
    const char *path;
    Str relative; /* to the root; the name alone when the root is a file */
    int64_t size_bytes;
    int64_t modified_us;
} FoundFile;

/* Every file under `root` (or root itself) that readers see, by path. Items are FoundFile. */
Status paths_find(World *world, Arena *arena, const char *root, List *out, Error *error);

/* Also those that readers do not see. */
Status paths_find_hidden(World *world, Arena *arena, const char *root, List *out, Error *error);

#endif
