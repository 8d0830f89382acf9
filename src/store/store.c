/* Which kind of store a location means, and what is the same for all of them. */
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "store/internal.h"
#include "store/s3_settings.h"

enum { NAME_BYTES_MAX = 900, PIECE_BYTES = 8 * 1024 * 1024 };

/* ---- Names ------------------------------------------------------------------------------- */

static bool name_part_is_valid(Str part)
{
    if (part.length == 0 || str_equal(part, STR(".")) || str_equal(part, STR("..")))
        return false;
    return !str_has_suffix(part, STR(".tmp"));
}

bool store_name_is_valid(Str name)
{
    bool is_valid = name.length > 0 && name.length <= NAME_BYTES_MAX;
    while (is_valid && name.data != NULL)
        is_valid = name_part_is_valid(str_split(name, '/', &name));
    return is_valid;
}

static Status name_check(const char *name, Error *error)
{
    if (store_name_is_valid(str_from(name)))
        return OK;
    return fail(error, ERR_INVALID, "WR4430", "`%.200s` cannot be the name of a stored object",
                name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void store_sort_names(List *names)
{
    if (names->count > 1)
        qsort(names->items, (size_t)names->count, sizeof(void *), compare_names);
}

/* ---- Opening ----------------------------------------------------------------------------- */

static const char *const bucket_schemes[] = {"s3://", "s3a://"};

/* file:///PATH, or file:/PATH as Java writes it. */
static Str location_of_file(Str location)
{
    Str scheme = STR("file://");
    int64_t length = str_has_prefix(location, scheme) ? scheme.length : scheme.length - 2;
    return str_make(location.data + length, location.length - length);
}

/* What is behind the scheme of a bucket; no data if it is none. */
static Str location_in_buckets(const char *location)
{
    for (size_t i = 0; i < sizeof bucket_schemes / sizeof bucket_schemes[0]; i++)
        if (str_has_prefix(str_from(location), str_from(bucket_schemes[i])))
            return str_from(location + strlen(bucket_schemes[i]));
    return (Str){0};
}

bool store_location_is_bucket(const char *location)
{
    return location_in_buckets(location).data != NULL;
}

/* The path of the folder that it means. */
static Status location_in_files(const char *location, Str *path, Error *error)
{
    *path = str_from(location);
    if (str_has_prefix(*path, STR("file:"))) {
        *path = location_of_file(*path);
        if (!str_has_prefix(*path, STR("/")))
            return fail(error, ERR_INVALID, "WR4431",
                        "`%.200s` names no folder of this machine: after file:// comes the whole "
                        "path, file:///var/lib/weir",
                        location);
    } else if (str_find(*path, STR("://")) >= 0) {
        return fail(error, ERR_INVALID, "WR4431",
                    "`%.200s` is neither a folder nor file:// nor s3://", location);
    }
    if (path->length == 0)
        return fail(error, ERR_INVALID, "WR4431", "the location of a store is empty");
    return OK;
}

Status store_location_check(const char *location, Error *error)
{
    Str path, place = location_in_buckets(location);
    return place.data != NULL ? s3_place_check(place.data, error)
                              : location_in_files(location, &path, error);
}

Status store_open(World *world, const char *location, const StoreOptions *options, Store **out,
                  Error *error)
{
    static const StoreOptions none;
    Str path, place = location_in_buckets(location);
    *out = NULL;
    if (place.data != NULL)
        return store_s3_open(world, place.data, options != NULL ? options : &none, out, error);
    TRY(location_in_files(location, &path, error));
    *out = store_local_open(world, path);
    return OK;
}

void store_close(Store *store)
{
    if (store != NULL)
        store->kind->close(store);
}

const char *store_path(const Store *store, const char *name, Arena *arena)
{
    return store->kind->path(store, name, arena);
}

/* ---- Writing ----------------------------------------------------------------------------- */

Status store_write_begin(Store *store, const char *name, StoreWrite **out, Error *error)
{
    *out = NULL;
    TRY(name_check(name, error));
    return store->kind->write_begin(store, name, out, error);
}

Status store_write_add(StoreWrite *write, Str bytes, Error *error)
{
    return bytes.length == 0 ? OK : write->store->kind->write_add(write, bytes, error);
}

Status store_write_end(StoreWrite *write, Error *error)
{
    return write->store->kind->write_end(write, error);
}

void store_write_abandon(StoreWrite *write)
{
    if (write != NULL)
        write->store->kind->write_abandon(write);
}

Status store_put(Store *store, const char *name, Str bytes, Error *error)
{
    StoreWrite *write = NULL;
    TRY(store_write_begin(store, name, &write, error));
    Status status = store_write_add(write, bytes, error);
    bool is_open = status != OK;
    if (status == OK) {
        status = store_write_end(write, error);
        is_open = status == ERR_UNAVAILABLE;
    }
    if (is_open)
        store_write_abandon(write);
    return status;
}

static Status write_add_file(StoreWrite *write, File *file, Error *error)
{
    World *world = write->store->world;
    char *piece = memory_allocate(PIECE_BYTES);
    Status status = OK;
    int64_t offset = 0, got = PIECE_BYTES;
    while (status == OK && got == PIECE_BYTES) {
        status = world->kind->read_at(file, offset, piece, PIECE_BYTES, &got, error);
        if (status == OK)
            status = store_write_add(write, str_make(piece, got), error);
        offset += got;
    }
    memory_free(piece);
    return status;
}

Status store_write_file(Store *store, const char *name, const char *path, Error *error)
{
    File *file;
    StoreWrite *write;
    TRY(store->world->kind->open(store->world, path, FILE_READ, &file, error));
    Status status = store_write_begin(store, name, &write, error);
    if (status == OK) {
        status = write_add_file(write, file, error);
        bool is_open = status != OK;
        if (status == OK) {
            status = store_write_end(write, error);
            is_open = status == ERR_UNAVAILABLE;
        }
        if (is_open)
            store_write_abandon(write);
    }
    Status closed = store->world->kind->close(file, status == OK ? error : NULL);
    return status != OK ? status : closed;
}

Status store_put_file(Store *store, const char *name, const char *path, Error *error)
{
    TRY(name_check(name, error));
    return store->kind->put_file(store, name, path, error);
}

/* ---- Reading ----------------------------------------------------------------------------- */

static Status read_into_file(Store *store, const char *name, File *file, Error *error)
{
    Buffer piece = {.length = PIECE_BYTES};
    Status status = OK;
    for (int64_t offset = 0; status == OK && piece.length == PIECE_BYTES; offset += piece.length) {
        piece.length = 0;
        status = store_read_at(store, name, offset, PIECE_BYTES, &piece, error);
        if (status == OK && piece.length > 0)
            status = store->world->kind->write(file, piece.data, piece.length, error);
    }
    buffer_free(&piece);
    return status;
}

Status store_read_file(Store *store, const char *name, const char *path, Error *error)
{
    World *world = store->world;
    int64_t bytes;
    File *file;
    TRY(store_size(store, name, &bytes, error));
    TRY(world->kind->open(world, path, FILE_CREATE_NEW, &file, error));
    Status status = read_into_file(store, name, file, error);
    Status closed = world->kind->close(file, status == OK ? error : NULL);
    if (status == OK)
        status = closed;
    if (status != OK) {
        Status removed = world->kind->remove(world, path, NULL);
        (void)removed; /* the first failure is the one to tell */
    }
    return status;
}

Status store_get_file(Store *store, const char *name, const char *path, Error *error)
{
    TRY(name_check(name, error));
    return store->kind->get_file(store, name, path, error);
}

Status store_size(Store *store, const char *name, int64_t *bytes, Error *error)
{
    TRY(name_check(name, error));
    return store->kind->size(store, name, bytes, error);
}

Status store_read_at(Store *store, const char *name, int64_t offset, int64_t bytes, Buffer *out,
                     Error *error)
{
    assert(offset >= 0 && bytes >= 0);
    TRY(name_check(name, error));
    if (bytes == 0)
        return store->kind->size(store, name, &bytes, error);
    return store->kind->read_at(store, name, offset, bytes, out, error);
}

/* One byte more is asked for than is allowed, so that a bucket has to be asked only once. */
Status store_read_whole(Store *store, const char *name, int64_t bytes_max, Buffer *out,
                        Error *error)
{
    assert(bytes_max >= 0 && bytes_max < INT64_MAX);
    int64_t before = out->length;
    TRY(store_read_at(store, name, 0, bytes_max + 1, out, error));
    if (out->length - before <= bytes_max)
        return OK;
    out->length = before;
    Arena *arena = arena_new(0);
    Status status = fail(error, ERR_LIMIT, "WR4432", "`%s` has more than the %lld bytes allowed",
                         store_path(store, name, arena), (long long)bytes_max);
    arena_free(arena);
    return status;
}

Status store_list(Store *store, const char *prefix, Arena *arena, List *names, Error *error)
{
    return store->kind->list(store, prefix, arena, names, error);
}

/* ---- Removing ---------------------------------------------------------------------------- */

Status store_remove(Store *store, const char *name, Error *error)
{
    TRY(name_check(name, error));
    return store->kind->remove(store, name, error);
}

Status store_sweep(Store *store, const char *prefix, Error *error)
{
    return store->kind->sweep(store, prefix, error);
}
