/* What the files of serve/ share. */
#ifndef WEIR_SERVE_INTERNAL_H
#define WEIR_SERVE_INTERNAL_H

#include <pthread.h>

#include "http/http.h"
#include "serve/serve.h"

enum {
    PAGE_ROWS_DEFAULT = 100,
    PAGE_ROWS_MAX = 1000,
    FILTERS_MAX = 16,
    FOLLOWERS_MAX = 256,
    HEARTBEAT_US = 15 * 1000 * 1000,
};

typedef struct Follower Follower;

struct Server {
    ServeConfig config;
    HttpServer *http;
    /* The tables of the config: answers are made under the lock, and they change as a whole. To be
     * taken before follower_mutex. */
    pthread_rwlock_t tables_lock;
    int64_t generation; /* of the tables; under the lock */
    /* Followers that wait for a change; a thread of their own wakes them. */
    pthread_mutex_t follower_mutex;
    pthread_cond_t follower_signal;
    pthread_t follower_thread;
    bool has_follower_thread;
    Follower *followers;
    int32_t follower_count;
    _Atomic bool is_stopping; /* set under follower_mutex */
};

static inline Server *serve_server(const HttpRequest *request)
{
    return request->context;
}

/* A table before its rows were looked at: a header must not promise more than the body shows. */
typedef struct ServeView {
    int64_t version;
    Timestamp watermark;
} ServeView;

HttpHandler serve_list_tables, serve_describe_table, serve_list_rows, serve_get_row,
    serve_follow_changes;

/* The table that the path's first {…} names, or NULL with a problem set. */
ServedTable *serve_find_table(HttpRequest *request, ServeView *view);

/* ETag and watermark of an answer. `shows_watermark`: the body does, so it is another one when that
 * moves. */
void serve_tag(HttpRequest *request, const ServeView *view, bool shows_watermark);

/* The thread that wakes followers; started with the server. */
void *serve_wake_followers(void *server);

#endif
