/* What a kind of store provides; store.c checks names and hands on. */
#ifndef WEIR_STORE_INTERNAL_H
#define WEIR_STORE_INTERNAL_H

#include "store/store.h"

/* The contracts are those of store.h. Names are valid; `error` may be NULL. */
typedef struct StoreKind {
    void (*close)(Store *store);
    const char *(*path)(const Store *store, const char *name, Arena *arena);
    Status (*write_begin)(Store *store, const char *name, StoreWrite **out, Error *error);
    Status (*write_add)(StoreWrite *write, Str bytes, Error *error);
    Status (*write_end)(StoreWrite *write, Error *error);
    void (*write_abandon)(StoreWrite *write);
    Status (*put_file)(Store *store, const char *name, const char *path, Error *error);
    Status (*get_file)(Store *store, const char *name, const char *path, Error *error);
    Status (*size)(Store *store, const char *name, int64_t *bytes, Error *error);
    Status (*read_at)(Store *store, const char *name, int64_t offset, int64_t bytes, Buffer *out,
                      Error *error);
    Status (*list)(Store *store, const char *prefix, Arena *arena, List *names, Error *error);
    Status (*remove)(Store *store, const char *name, Error *error);
    Status (*sweep)(Store *store, const char *prefix, Error *error);
} StoreKind;

struct Store {
    const StoreKind *kind;
    World *world;
};

struct StoreWrite {
    Store *store;
};

/* In `folder`, an absolute path or one relative to the current folder. */
Store *store_local_open(World *world, Str folder);

/* `place` is BUCKET/PREFIX. */
Status store_s3_open(World *world, const char *place, const StoreOptions *options, Store **out,
                     Error *error);

/* Whether it can be the name of an object. */
bool store_name_is_valid(Str name);

/* The object in pieces of a local file; for put_file without a hard link. */
Status store_write_file(Store *store, const char *name, const char *path, Error *error);

/* The object into a new local file, in pieces; for get_file without a hard link. */
Status store_read_file(Store *store, const char *name, const char *path, Error *error);

/* Sort names by bytes. */
void store_sort_names(List *names);

#endif
