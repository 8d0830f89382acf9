/* Loading libcurl. */
#include "store/s3_curl.h"

#include <dlfcn.h>
#include <pthread.h>

static pthread_mutex_t curl_lock = PTHREAD_MUTEX_INITIALIZER;
static CurlApi curl_api;
static bool curl_is_loaded;

static Status curl_find(Error *error)
{
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        Status status =
            fail(error, ERR_NOT_FOUND, "WR4452", "could not load libcurl: %s", dlerror());
        error_hint(error, "buckets need it: install the package libcurl4");
        return status;
    }
#define CURL_LOAD(name)                                                                            \
    *(void **)&curl_api.name = dlsym(library, #name);                                              \
    if (curl_api.name == NULL)                                                                     \
        return fail(error, ERR_INVALID, "WR4452", "this libcurl has no function " #name);
    CURL_FUNCTIONS(CURL_LOAD)
#undef CURL_LOAD
    if (curl_api.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return fail(error, ERR_INVALID, "WR4452", "libcurl does not start");
    return OK;
}

Status curl_load(const CurlApi **out, Error *error)
{
    Status status = OK;
    pthread_mutex_lock(&curl_lock);
    if (!curl_is_loaded)
        status = curl_find(error);
    curl_is_loaded = status == OK;
    pthread_mutex_unlock(&curl_lock);
    *out = &curl_api;
    return status;
}
