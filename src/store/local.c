/* Objects as files of a folder.
 *
 * A file is written aside as NAME.tmp, synced, renamed to NAME, and the folder synced: readers and
 * a machine that comes back after a power cut see all of it or nothing. The entry of a folder is
 * durable when the one above is synced, so each folder is made and then its parent synced before
 * anything is written there; which folders are known to be durable is remembered for a few. A
 * folder that has become empty is removed. */
#include <assert.h>
#include <pthread.h>

#include "base/memory.h"
#include "base/planted.h"
#include "store/internal.h"

enum {
    FOLDERS_KNOWN = 8,
    FOLDERS_SYNCED = 4, /* above and including the one that holds the root */
};

#define ASIDE ".tmp"

typedef struct LocalStore {
    Store base;
    char *root;
    pthread_mutex_t folders;    /* held while one is made and gets its first file, or is removed */
    char *known[FOLDERS_KNOWN]; /* durable ones */
    int32_t next_known;
    bool has_root;
} LocalStore;

typedef struct LocalWrite {
    StoreWrite base;
    Arena *arena;
    const char *name, *aside, *final;
    File *file;
    int64_t bytes; /* written so far */
} LocalWrite;

/* A full disk that shows only at a sync has perhaps lost pages already: not to be tried again. */
static Status sync_result(Status status)
{
    return status == ERR_FULL ? ERR_IO : status;
}

static const char *local_path(const Store *base, const char *name, Arena *arena)
{
    const LocalStore *store = (const LocalStore *)base;
    if (name[0] == '\0')
        return arena_printf(arena, "%s", store->root);
    bool has_slash = str_has_suffix(str_from(store->root), STR("/"));
    return arena_printf(arena, "%s%s%s", store->root, has_slash ? "" : "/", name);
}

/* ---- Folders ----------------------------------------------------------------------------- */

/* What is above a path: "." for a single name, "/" for the root of all. */
static const char *path_above(const char *path, Arena *arena)
{
    int64_t length = (int64_t)strlen(path);
    while (length > 0 && path[length - 1] != '/')
        length--;
    if (length == 0)
        return ".";
    while (length > 1 && path[length - 1] == '/')
        length--;
    return arena_printf(arena, "%.*s", (int)length, path);
}

static bool folder_is_known(const LocalStore *store, const char *path)
{
    for (int32_t i = 0; i < FOLDERS_KNOWN; i++)
        if (store->known[i] != NULL && strcmp(store->known[i], path) == 0)
            return true;
    return false;
}

static void folder_remember(LocalStore *store, const char *path)
{
    char **place = &store->known[store->next_known];
    store->next_known = (store->next_known + 1) % FOLDERS_KNOWN;
    int64_t bytes = (int64_t)strlen(path) + 1;
    *place = memory_resize(*place, bytes);
    memcpy(*place, path, (size_t)bytes);
}

static void folder_forget(LocalStore *store, const char *path)
{
    for (int32_t i = 0; i < FOLDERS_KNOWN; i++) {
        if (store->known[i] == NULL || strcmp(store->known[i], path) != 0)
            continue;
        memory_free(store->known[i]);
        store->known[i] = NULL;
    }
}

static Status folder_sync(LocalStore *store, const char *path, Error *error)
{
    if (planted(PLANTED_RENAME_NOT_SYNCED))
        return OK;
    World *world = store->base.world;
    return sync_result(world->kind->sync_folder(world, path, error));
}

/* What is above the root may be none of ours to read. */
static Status root_make(LocalStore *store, Arena *arena, Error *error)
{
    if (store->has_root)
        return OK;
    World *world = store->base.world;
    TRY(world->kind->make_folder(world, store->root, error));
    const char *path = store->root;
    for (int32_t i = 0; i < FOLDERS_SYNCED && strcmp(path, ".") != 0 && strcmp(path, "/") != 0;
         i++) {
        path = path_above(path, arena);
        Status status = folder_sync(store, path, error);
        if (status != ERR_PERMISSION || i == 0)
            TRY(status);
    }
    store->has_root = true;
    return OK;
}

/* All folders of the object, durably. */
static Status folders_make(LocalStore *store, const char *name, Arena *arena, Error *error)
{
    World *world = store->base.world;
    TRY(root_make(store, arena, error));
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        const char *part = arena_printf(arena, "%.*s", (int)(slash - name), name);
        const char *path = local_path(&store->base, part, arena);
        if (folder_is_known(store, path))
            continue;
        TRY(world->kind->make_folder(world, path, error));
        TRY(folder_sync(store, path_above(path, arena), error));
        folder_remember(store, path);
    }
    return OK;
}

/* Those of the object that are empty go; not durably, because an empty one does no harm. */
static void folders_drop(LocalStore *store, const char *name, Arena *arena)
{
    World *world = store->base.world;
    pthread_mutex_lock(&store->folders);
    for (const char *part = name; strchr(part, '/') != NULL;) {
        part = path_above(part, arena);
        const char *path = local_path(&store->base, part, arena);
        List left = {0};
        Status status = world->kind->list(world, path, arena, &left, NULL);
        if (status == OK && left.count == 0)
            status = world->kind->remove(world, path, NULL);
        if ((status != OK && status != ERR_NOT_FOUND) || left.count > 0)
            break;
        folder_forget(store, path);
    }
    pthread_mutex_unlock(&store->folders);
}

/* ---- Writing ----------------------------------------------------------------------------- */

/* A leftover may be a second name of a file that is in use: it is removed, not written over. */
static Status aside_clear(World *world, const char *aside, Error *error)
{
    Status status = world->kind->remove(world, aside, error);
    return status == ERR_NOT_FOUND ? OK : status;
}

static void write_free(LocalWrite *write)
{
    arena_free(write->arena);
    memory_free(write);
}

/* What was written of an object that will not be. */
static void write_undo(LocalWrite *write)
{
    LocalStore *store = (LocalStore *)write->base.store;
    Status removed = store->base.world->kind->remove(store->base.world, write->aside, NULL);
    (void)removed; /* or the next sweep does it */
    folders_drop(store, write->name, write->arena);
}

static LocalWrite *write_new(Store *store, const char *name)
{
    LocalWrite *write = memory_allocate_zeroed((int64_t)sizeof *write);
    write->base.store = store;
    write->arena = arena_new(0);
    write->name = arena_printf(write->arena, "%s", name);
    write->final = local_path(store, name, write->arena);
    write->aside = arena_printf(write->arena, "%s" ASIDE, write->final);
    return write;
}

static Status local_write_begin(Store *base, const char *name, StoreWrite **out, Error *error)
{
    LocalStore *store = (LocalStore *)base;
    World *world = base->world;
    LocalWrite *write = write_new(base, name);
    pthread_mutex_lock(&store->folders);
    Status status = folders_make(store, name, write->arena, error);
    if (status == OK)
        status = aside_clear(world, write->aside, error);
    if (status == OK)
        status = world->kind->open(world, write->aside, FILE_APPEND_UNREAD, &write->file, error);
    pthread_mutex_unlock(&store->folders);
    if (status == OK) {
        *out = &write->base;
        return OK;
    }
    folders_drop(store, name, write->arena);
    write_free(write);
    return status;
}

static Status local_write_add(StoreWrite *base, Str bytes, Error *error)
{
    LocalWrite *write = (LocalWrite *)base;
    World *world = base->store->world;
    Status status = world->kind->write(write->file, bytes.data, bytes.length, error);
    if (status == OK)
        write->bytes += bytes.length;
    /* What found room of it goes again, so that all of it can be tried once more. */
    if (status == ERR_FULL && world->kind->truncate(world, write->aside, write->bytes, NULL) != OK)
        return ERR_IO;
    return status;
}

static Status file_sync(World *world, File *file, Error *error)
{
    if (planted(PLANTED_STATE_NOT_SYNCED))
        return OK;
    Status status = world->kind->sync(file, error);
    if (status == ERR_IO && planted(PLANTED_SYNC_RETRIED))
        status = world->kind->sync(file, error);
    return sync_result(status);
}

/* From aside, where all of it is durable, to its name. */
static Status write_show(LocalWrite *write, Error *error)
{
    LocalStore *store = (LocalStore *)write->base.store;
    World *world = store->base.world;
    Status status = world->kind->rename(world, write->aside, write->final, error);
    if (status != OK) {
        write_undo(write);
        return status;
    }
    return folder_sync(store, path_above(write->final, write->arena), error);
}

static Status local_write_end(StoreWrite *base, Error *error)
{
    LocalWrite *write = (LocalWrite *)base;
    World *world = base->store->world;
    Status status = file_sync(world, write->file, error);
    Status closed = world->kind->close(write->file, status == OK ? error : NULL);
    if (status == OK)
        status = closed;
    if (status == OK)
        status = write_show(write, error);
    else
        write_undo(write);
    write_free(write);
    return status;
}

static void local_write_abandon(StoreWrite *base)
{
    LocalWrite *write = (LocalWrite *)base;
    Status closed = base->store->world->kind->close(write->file, NULL);
    (void)closed; /* nobody wants what is in it */
    write_undo(write);
    write_free(write);
}

/* ---- Whole files ------------------------------------------------------------------------- */

static Status path_sync(World *world, const char *path, Error *error)
{
    File *file;
    TRY(world->kind->open(world, path, FILE_READ, &file, error));
    Status status = file_sync(world, file, error);
    Status closed = world->kind->close(file, status == OK ? error : NULL);
    return status != OK ? status : closed;
}

/* ERR_AGAIN if there can be no link. */
static Status link_aside(LocalStore *store, const char *path, LocalWrite *write, Error *error)
{
    World *world = store->base.world;
    if (world->kind->link == NULL)
        return ERR_AGAIN;
    pthread_mutex_lock(&store->folders);
    Status status = folders_make(store, write->name, write->arena, error);
    if (status == OK)
        status = aside_clear(world, write->aside, error);
    if (status == OK && world->kind->link(world, path, write->aside, NULL) != OK)
        status = ERR_AGAIN;
    pthread_mutex_unlock(&store->folders);
    return status;
}

static Status local_put_file(Store *base, const char *name, const char *path, Error *error)
{
    LocalStore *store = (LocalStore *)base;
    TRY(path_sync(base->world, path, error));
    LocalWrite *write = write_new(base, name);
    Status status = link_aside(store, path, write, error);
    if (status == OK)
        status = write_show(write, error);
    else if (status != ERR_AGAIN)
        write_undo(write);
    /* A rename between two names of one file does nothing and leaves both. */
    if (status == OK)
        status = aside_clear(base->world, write->aside, error);
    write_free(write);
    return status == ERR_AGAIN ? store_write_file(base, name, path, error) : status;
}

static Status local_get_file(Store *base, const char *name, const char *path, Error *error)
{
    World *world = base->world;
    Arena *arena = arena_new(0);
    Status status = ERR_AGAIN;
    if (world->kind->link != NULL)
        status = world->kind->link(world, local_path(base, name, arena), path, NULL);
    arena_free(arena);
    return status == OK ? OK : store_read_file(base, name, path, error);
}

/* ---- Reading ----------------------------------------------------------------------------- */

static Status local_size(Store *base, const char *name, int64_t *bytes, Error *error)
{
    World *world = base->world;
    Arena *arena = arena_new(0);
    const char *path = local_path(base, name, arena);
    FileInfo info;
    Status status = world->kind->stat(world, path, &info, error);
    if (status == OK && info.is_folder)
        status = fail(error, ERR_NOT_FOUND, "WR5002", "could not open `%s`: it is a folder", path);
    if (status == OK)
        *bytes = info.size_bytes;
    arena_free(arena);
    return status;
}

/* No more room is made than there are bytes. */
static Status file_read(World *world, const char *path, int64_t offset, int64_t bytes, Buffer *out,
                        Error *error)
{
    FileInfo info;
    File *file;
    int64_t got = 0;
    TRY(world->kind->stat(world, path, &info, error));
    TRY(world->kind->open(world, path, FILE_READ, &file, error));
    int64_t left = info.size_bytes > offset ? info.size_bytes - offset : 0;
    if (bytes > left)
        bytes = left;
    Status status =
        world->kind->read_at(file, offset, buffer_reserve(out, bytes), bytes, &got, error);
    out->length += got;
    Status closed = world->kind->close(file, status == OK ? error : NULL);
    return status != OK ? status : closed;
}

static Status local_read_at(Store *base, const char *name, int64_t offset, int64_t bytes,
                            Buffer *out, Error *error)
{
    Arena *arena = arena_new(0);
    Status status =
        file_read(base->world, local_path(base, name, arena), offset, bytes, out, error);
    arena_free(arena);
    return status;
}

/* ---- Listing ----------------------------------------------------------------------------- */

/* A walk over the folders: of the names with `prefix`, objects go to `names` and leftovers to
 * `asides`. */
typedef struct LocalWalk {
    Store *store;
    Str prefix;
    Arena *arena;
    List *names, *asides;
} LocalWalk;

static Status walk_folder(const LocalWalk *walk, Str folder, Error *error);

static Status walk_entry(const LocalWalk *walk, const char *name, Error *error)
{
    World *world = walk->store->world;
    FileInfo info;
    if (!str_has_prefix(str_from(name), walk->prefix))
        return OK;
    if (str_has_suffix(str_from(name), STR(ASIDE))) {
        list_append(walk->asides, walk->arena, (void *)name);
        return OK;
    }
    Status status =
        world->kind->stat(world, local_path(walk->store, name, walk->arena), &info, error);
    if (status == ERR_NOT_FOUND)
        return OK;
    TRY(status);
    if (info.is_folder)
        return walk_folder(walk, str_from(arena_printf(walk->arena, "%s/", name)), error);
    if (info.is_file)
        list_append(walk->names, walk->arena, (void *)name);
    return OK;
}

/* `folder` is empty or ends in a slash. */
static Status walk_folder(const LocalWalk *walk, Str folder, Error *error)
{
    World *world = walk->store->world;
    List entries = {0};
    const char *path = local_path(walk->store, str_terminated(walk->arena, folder), walk->arena);
    Status status = world->kind->list(world, path, walk->arena, &entries, error);
    if (status == ERR_NOT_FOUND)
        return OK;
    TRY(status);
    for (int32_t i = 0; i < entries.count; i++) {
        const char *entry = LIST_AT(entries, i, const char);
        TRY(walk_entry(walk, arena_printf(walk->arena, "%.*s%s", STR_ARGS(folder), entry), error));
    }
    return OK;
}

static Status local_walk(const LocalWalk *walk, Error *error)
{
    int64_t length = walk->prefix.length;
    while (length > 0 && walk->prefix.data[length - 1] != '/')
        length--;
    return walk_folder(walk, str_make(walk->prefix.data, length), error);
}

static Status local_list(Store *base, const char *prefix, Arena *arena, List *names, Error *error)
{
    List ignored = {0};
    LocalWalk walk = {.store = base,
                      .prefix = str_from(prefix),
                      .arena = arena,
                      .names = names,
                      .asides = &ignored};
    TRY(local_walk(&walk, error));
    store_sort_names(names);
    return OK;
}

/* ---- Removing ---------------------------------------------------------------------------- */

/* Also if the file is not there: whoever removed it may have died before the sync. */
static Status local_remove(Store *base, const char *name, Error *error)
{
    LocalStore *store = (LocalStore *)base;
    World *world = base->world;
    Arena *arena = arena_new(0);
    const char *path = local_path(base, name, arena);
    Status status = world->kind->remove(world, path, error);
    if (status == OK || status == ERR_NOT_FOUND) {
        status = sync_result(world->kind->sync_folder(world, path_above(path, arena), error));
        if (status == ERR_NOT_FOUND)
            status = OK;
    }
    if (status == OK)
        folders_drop(store, name, arena);
    arena_free(arena);
    return status;
}

static Status local_sweep(Store *base, const char *prefix, Error *error)
{
    LocalStore *store = (LocalStore *)base;
    Arena *arena = arena_new(0);
    List names = {0}, asides = {0};
    LocalWalk walk = {.store = base,
                      .prefix = str_from(prefix),
                      .arena = arena,
                      .names = &names,
                      .asides = &asides};
    Status status = local_walk(&walk, error);
    for (int32_t i = 0; status == OK && i < asides.count; i++) {
        const char *name = LIST_AT(asides, i, const char);
        status = world_remove_tree(base->world, local_path(base, name, arena), error);
        if (status == OK)
            folders_drop(store, name, arena);
    }
    arena_free(arena);
    return status;
}

static void local_close(Store *base)
{
    LocalStore *store = (LocalStore *)base;
    for (int32_t i = 0; i < FOLDERS_KNOWN; i++)
        memory_free(store->known[i]);
    pthread_mutex_destroy(&store->folders);
    memory_free(store->root);
    memory_free(store);
}

static const StoreKind local_kind = {
    .close = local_close,
    .path = local_path,
    .write_begin = local_write_begin,
    .write_add = local_write_add,
    .write_end = local_write_end,
    .write_abandon = local_write_abandon,
    .put_file = local_put_file,
    .get_file = local_get_file,
    .size = local_size,
    .read_at = local_read_at,
    .list = local_list,
    .remove = local_remove,
    .sweep = local_sweep,
};

Store *store_local_open(World *world, Str folder)
{
    assert(folder.length > 0);
    while (folder.length > 1 && folder.data[folder.length - 1] == '/')
        folder.length--;
    LocalStore *store = memory_allocate_zeroed((int64_t)sizeof *store);
    store->base = (Store){.kind = &local_kind, .world = world};
    pthread_mutex_init(&store->folders, NULL);
    store->root = memory_allocate_zeroed(folder.length + 1);
    memcpy(store->root, folder.data, (size_t)folder.length);
    return &store->base;
}
