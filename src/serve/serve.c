/* The server of a running pipeline: its routes, its threads. */
#include "serve/serve.h"

#include "base/memory.h"
#include "serve/internal.h"

/* An answer is made while the tables stay. */
static void serve_held(HttpRequest *request, HttpHandler *handle)
{
    Server *server = serve_server(request);
    pthread_rwlock_rdlock(&server->tables_lock);
    handle(request);
    pthread_rwlock_unlock(&server->tables_lock);
}

static void list_tables(HttpRequest *request)
{
    serve_held(request, serve_list_tables);
}

static void describe_table(HttpRequest *request)
{
    serve_held(request, serve_describe_table);
}

static void list_rows(HttpRequest *request)
{
    serve_held(request, serve_list_rows);
}

static void get_row(HttpRequest *request)
{
    serve_held(request, serve_get_row);
}

static void follow_changes(HttpRequest *request)
{
    serve_held(request, serve_follow_changes);
}

static const HttpRoute serve_routes[] = {
    {"GET", "/v1/tables", list_tables, "List the materialized tables.", "", 0},
    {"GET", "/v1/tables/{name}", describe_table, "Schema, key, watermark and freshness of a table.",
     "", 0},
    {"GET", "/v1/tables/{name}/rows", list_rows,
     "A page of rows in key order. Any column filters: column=value, or column=op:value with op "
     "one of eq, ne, lt, le, gt, ge.",
     "limit,cursor", 0},
    {"GET", "/v1/tables/{name}/rows/{key}", get_row,
     "One row by its key; the columns of a composite key are separated by commas.", "", 0},
    {"GET", "/v1/tables/{name}/changes", follow_changes,
     "The table's changes as server-sent events; `since` or Last-Event-ID resumes behind a "
     "sequence number.",
     "since", 0},
    HTTP_COMMON_ROUTES,
};

static Status server_listen(Server *server, Error *error)
{
    const ServeConfig *config = &server->config;
    HttpConfig http = {
        .world = config->world,
        .listen = config->listen,
        .port_default = SERVE_PORT_DEFAULT,
        .allows_plaintext = config->allows_plaintext,
        .name = config->pipeline,
        .routes = serve_routes,
        .route_count = (int32_t)(sizeof serve_routes / sizeof serve_routes[0]),
        .context = server,
        .is_ready = config->is_ready,
        .ready_context = config->ready_context,
    };
    return http_start(&http, &server->http, error);
}

Status serve_start(const ServeConfig *config, Server **out, Error *error)
{
    Server *server = memory_allocate_zeroed(sizeof *server);
    server->config = *config;
    pthread_mutex_init(&server->follower_mutex, NULL);
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    /* However many ask all the time, tables can be replaced. */
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&server->tables_lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    pthread_cond_init(&server->follower_signal, NULL);
    server->has_follower_thread =
        pthread_create(&server->follower_thread, NULL, serve_wake_followers, server) == 0;
    Status status = server->has_follower_thread ? server_listen(server, error)
                                                : fail_thread(error, "for the HTTP server");
    if (status != OK) {
        serve_stop(server);
        return status;
    }
    *out = server;
    return OK;
}

void serve_replace(Server *server, ServedTable *const *tables, int32_t table_count)
{
    pthread_rwlock_wrlock(&server->tables_lock);
    server->config.tables = tables;
    server->config.table_count = table_count;
    server->generation++;
    pthread_rwlock_unlock(&server->tables_lock);
}

const char *serve_url(const Server *server)
{
    return http_url(server->http);
}

void serve_stop(Server *server)
{
    if (server == NULL)
        return;
    /* Who comes from now on gets an answer, but nobody is suspended any more. */
    pthread_mutex_lock(&server->follower_mutex);
    server->is_stopping = true;
    pthread_cond_signal(&server->follower_signal);
    pthread_mutex_unlock(&server->follower_mutex);
    if (server->has_follower_thread)
        pthread_join(server->follower_thread, NULL);
    http_stop(server->http);
    pthread_cond_destroy(&server->follower_signal);
    pthread_mutex_destroy(&server->follower_mutex);
    pthread_rwlock_destroy(&server->tables_lock);
    memory_free(server);
}
