/* libcurl, loaded when a bucket is first opened: with what it stands on it would add a quarter to
 * the start of every run, and most runs have no bucket. */
#ifndef WEIR_STORE_S3_CURL_H
#define WEIR_STORE_S3_CURL_H

/* The macros that check types are in the way of calls through pointers. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "base/status.h"

#define CURL_FUNCTIONS(APPLY)                                                                      \
    APPLY(curl_global_init)                                                                        \
    APPLY(curl_easy_init)                                                                          \
    APPLY(curl_easy_cleanup)                                                                       \
    APPLY(curl_easy_reset)                                                                         \
    APPLY(curl_easy_setopt)                                                                        \
    APPLY(curl_easy_getinfo)                                                                       \
    APPLY(curl_easy_header)                                                                        \
    APPLY(curl_easy_perform)                                                                       \
    APPLY(curl_easy_strerror)                                                                      \
    APPLY(curl_slist_append)                                                                       \
    APPLY(curl_slist_free_all)

typedef struct CurlApi {
#define CURL_MEMBER(name) __typeof__(name) *name;
    CURL_FUNCTIONS(CURL_MEMBER)
#undef CURL_MEMBER
} CurlApi;

/* Safe from any thread; never unloaded. */
Status curl_load(const CurlApi **out, Error *error);

#endif
