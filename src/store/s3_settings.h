/* Where a bucket is and with which keys it opens: from the options, else from the environment, else
 * from the files of AWS's own tools. */
#ifndef WEIR_STORE_S3_SETTINGS_H
#define WEIR_STORE_S3_SETTINGS_H

#include "store/store.h"

/* All of it lives in the arena that was given. */
typedef struct S3Settings {
    const char *bucket;
    const char *prefix; /* of all keys: empty, or ending in a slash */
    const char *access_key;
    const char *secret_key;
    const char *session_token; /* or NULL */
    const char *region;
    const char *origin;  /* https://HOST[:PORT] */
    const char *host;    /* HOST[:PORT], the port if it is not the scheme's own */
    const char *path;    /* before the keys: empty, or beginning with a slash */
    const char *ca_file; /* or NULL */
} S3Settings;

/* Whether it is BUCKET or BUCKET/PREFIX. */
Status s3_place_check(const char *place, Error *error);

/* `place` is such a one. */
Status s3_settings_find(World *world, const char *place, const StoreOptions *options, Arena *arena,
                        S3Settings *out, Error *error);

#endif
