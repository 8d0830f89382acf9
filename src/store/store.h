/* Named byte objects under one root: in a local folder or in an S3 bucket.
 *
 * Checkpoints and savepoints are made of them. An object is written once, in pieces, appears as a
 * whole when it is durable, and never changes afterwards, which is what both a disk and a bucket
 * can promise. A name is a relative path, `chk-7/MANIFEST`: its parts may not be empty, `.` or
 * `..`, nor end in `.tmp`. Folders come and go with the objects in them.
 *
 * A Store may be used by several threads, a StoreWrite by one at a time. All calls block. */
#ifndef WEIR_STORE_STORE_H
#define WEIR_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/list.h"
#include "base/status.h"
#include "base/str.h"
#include "base/world.h"

typedef struct Store Store;
typedef struct StoreWrite StoreWrite;

/* Where in a URL a bucket stands: BUCKET.HOST or HOST/BUCKET. AUTO: in the host at AWS itself, in
 * the path elsewhere. */
typedef enum StoreAddressing {
    STORE_ADDRESSING_AUTO,
    STORE_ADDRESSING_PATH,
    STORE_ADDRESSING_HOST,
} StoreAddressing;

/* How to reach a bucket. NULL: what AWS_ACCESS_KEY_ID and its kind say in the environment, then
 * the files of AWS in ~/.aws. Copied by store_open. */
typedef struct StoreOptions {
    const char *access_key;
    const char *secret_key;
    const char *session_token;
    const char *region;
    const char *endpoint; /* http://HOST:PORT or https://…; NULL: AWS itself */
    StoreAddressing addressing;
} StoreOptions;

/* `location`: the path of a folder, file:///PATH, s3://BUCKET/PREFIX or s3a://BUCKET/PREFIX.
 * Nothing is read or made there yet. `options` may be NULL. Close with store_close. */
Status store_open(World *world, const char *location, const StoreOptions *options, Store **out,
                  Error *error);
/* What store_open would say of its form; nothing is looked at. */
Status store_location_check(const char *location, Error *error);
/* Whether it means a bucket, where each call takes as long as the network. */
bool store_location_is_bucket(const char *location);
/* NULL is allowed. Writes that were begun must have ended. */
void store_close(Store *store);

/* What a person calls the object, for messages: its path or its s3:// address. The root itself
 * if the name is empty. */
const char *store_path(const Store *store, const char *name, Arena *arena);

/* A new object. Nothing of it can be read before store_write_end, which makes it durable and then
 * visible, in place of one that had the name. ERR_FULL (only locally) leaves nothing behind and
 * may be tried again; after any other failure of a local write the disk must not be trusted. */
Status store_write_begin(Store *store, const char *name, StoreWrite **out, Error *error);
/* ERR_FULL (only locally) and ERR_UNAVAILABLE (only of a bucket): what was added before stands, and
 * the same bytes may be added again. After another failure the only thing left to do is
 * store_write_abandon. */
Status store_write_add(StoreWrite *write, Str bytes, Error *error);
/* Frees the write, even on failure, but for ERR_UNAVAILABLE (only of a bucket): then it may be
 * ended again, or abandoned. */
Status store_write_end(StoreWrite *write, Error *error);
/* Nothing is left of it, unless its end came back with ERR_UNAVAILABLE: then nobody knows. NULL is
 * allowed. */
void store_write_abandon(StoreWrite *write);

/* A whole object in one call, durable and visible when OK. */
Status store_put(Store *store, const char *name, Str bytes, Error *error);

/* The bytes of a local file as an object, durable when OK: by a hard link where that can be, so
 * nobody may change the file in place afterwards. */
Status store_put_file(Store *store, const char *name, const char *path, Error *error);
/* The other direction: the object as a new file whose folder is there; not synced. The same holds
 * for changing it. */
Status store_get_file(Store *store, const char *name, const char *path, Error *error);

/* ERR_NOT_FOUND if there is no such object; so for the two behind. */
Status store_size(Store *store, const char *name, int64_t *bytes, Error *error);
/* Appended to `out`; less than `bytes` only at the end of the object. */
Status store_read_at(Store *store, const char *name, int64_t offset, int64_t bytes, Buffer *out,
                     Error *error);
/* Appended to `out`. ERR_LIMIT above `bytes_max`. */
Status store_read_whole(Store *store, const char *name, int64_t bytes_max, Buffer *out,
                        Error *error);

/* The names (const char *) that begin with `prefix`, sorted by bytes; none if the root does not
 * exist. */
Status store_list(Store *store, const char *prefix, Arena *arena, List *names, Error *error);

/* OK if it is not there. Durable when OK. */
Status store_remove(Store *store, const char *name, Error *error);

/* Remove what writes that were cut short have left under names that begin with `prefix`. Only for
 * one who knows that nobody is writing there. */
Status store_sweep(Store *store, const char *prefix, Error *error);

#endif
