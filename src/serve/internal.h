/* What the files of serve/ share: the request in hand and how to answer it. */
#ifndef WEIR_SERVE_INTERNAL_H
#define WEIR_SERVE_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/list.h"
#include "serve/serve.h"

enum {
    URL_BYTES_MAX = 8192,
    PAGE_ROWS_DEFAULT = 100,
    PAGE_ROWS_MAX = 1000,
    FILTERS_MAX = 16,
    FOLLOWERS_MAX = 256,
    HEARTBEAT_US = 15 * 1000 * 1000,
};

typedef struct Follower Follower;

struct Server {
    ServeConfig config;
    Arena *arena;
    struct MHD_Daemon *daemon;
    char *url;
    uint64_t request_seed;
    _Atomic int64_t request_count;
    /* Followers that wait for a change; a thread of their own wakes them. */
    pthread_mutex_t follower_mutex;
    pthread_cond_t follower_signal;
    pthread_t follower_thread;
    bool has_follower_thread;
    Follower *followers;
    int32_t follower_count;
    _Atomic bool is_stopping; /* set under follower_mutex */
};

/* A query parameter, decoded. */
typedef struct Param {
    Str name;
    Str value;
} Param;

typedef struct Request {
    Server *server;
    struct MHD_Connection *connection;
    Arena *arena;
    const char *path; /* as it came */
    Str segments[5];  /* of the path, decoded; those that the route's {…} took */
    int32_t segment_count;
    Param params[FILTERS_MAX + 8];
    int32_t param_count;
    char id[20];
    /* The answer. */
    unsigned int status;
    const char *content_type;
    Buffer body;
    const ServedTable *table; /* sets ETag and watermark headers */
    /* Of the table before its rows were looked at: a header must not promise more than the body
     * shows. */
    int64_t version;
    Timestamp watermark;
    bool shows_watermark;        /* the body does: it is another one when that moves */
    struct MHD_Response *stream; /* instead of body */
} Request;

typedef void RouteHandler(Request *request);

typedef struct Route {
    const char *pattern; /* "/v1/tables/{name}/rows" */
    RouteHandler *handle;
    const char *summary;
    const char *parameters; /* query parameters for the API description: "limit,cursor" */
} Route;

extern const Route serve_routes[];
extern const int32_t serve_route_count;

RouteHandler serve_list_tables, serve_describe_table, serve_list_rows, serve_get_row,
    serve_follow_changes, serve_live, serve_ready, serve_show_metrics, serve_show_build,
    serve_show_openapi;

/* Set a problem+json answer. `suggestion` may be NULL. */
void serve_problem(Request *request, unsigned int status, const char *code, const char *title,
                   const char *detail, const char *suggestion);

/* The table that the path's first {…} names, or NULL with a problem set. */
ServedTable *serve_find_table(Request *request);

/* The query parameter, or NULL data. */
Str serve_param(const Request *request, const char *name);

/* The thread that wakes followers; started with the server. */
void *serve_wake_followers(void *server);

/* Percent-decoding; false for broken escapes and NUL bytes. */
bool serve_decode(Arena *arena, Str text, bool is_query, Str *out);

#endif
