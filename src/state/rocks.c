/* Loading RocksDB. */
#include "state/rocks.h"

#include <dlfcn.h>
#include <pthread.h>

/* The name changes with each release of the library; its C interface is the same in these. */
static const char *const ROCKS_NAMES[] = {
    "librocksdb.so.7.8",
    "librocksdb.so.8.9",
    "librocksdb.so.9.10",
    "librocksdb.so",
};
enum { ROCKS_NAME_COUNT = sizeof ROCKS_NAMES / sizeof ROCKS_NAMES[0] };

static pthread_mutex_t rocks_lock = PTHREAD_MUTEX_INITIALIZER;
static RocksApi rocks_api;
static bool rocks_is_loaded;

static Status rocks_find(Error *error)
{
    void *library = NULL;
    for (int32_t i = 0; i < ROCKS_NAME_COUNT && library == NULL; i++)
        library = dlopen(ROCKS_NAMES[i], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        Status status =
            fail(error, ERR_NOT_FOUND, "WR5311", "could not load RocksDB: %s", dlerror());
        error_hint(error, "state.backend.type = 'rocksdb' needs it: install the package "
                          "librocksdb7.8, or keep state in memory");
        return status;
    }
#define ROCKS_LOAD(name)                                                                           \
    *(void **)&rocks_api.name = dlsym(library, #name);                                             \
    if (rocks_api.name == NULL)                                                                    \
        return fail(error, ERR_INVALID, "WR5311", "this RocksDB has no function " #name);
    ROCKS_FUNCTIONS(ROCKS_LOAD)
#undef ROCKS_LOAD
    return OK;
}

Status rocks_load(const RocksApi **out, Error *error)
{
    Status status = OK;
    pthread_mutex_lock(&rocks_lock);
    if (!rocks_is_loaded)
        status = rocks_find(error);
    rocks_is_loaded = status == OK;
    pthread_mutex_unlock(&rocks_lock);
    *out = &rocks_api;
    return status;
}
