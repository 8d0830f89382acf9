/* The daemon, and the way of a request to its route and back. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "http/internal.h"

enum {
    CONNECTIONS_MAX = 1024,
    CONNECTIONS_PER_IP_MAX = 256,
    CONNECTION_IDLE_SECONDS = 60,
    CONNECTION_BYTES = 32768,
    THREADS_DEFAULT = 2,
    CONTENT_OF_ALL_BYTES_MAX = 128 * 1024 * 1024, /* of bodies that are under way */
};

/* What has come of a request so far. */
typedef struct Incoming {
    HttpServer *server;
    Buffer content;
    int64_t counted; /* of it in HttpServer.content_bytes */
    bool is_too_large, is_turned_away;
} Incoming;

/* ---- Bodies ------------------------------------------------------------------------------ */

static void incoming_drop(Incoming *incoming)
{
    atomic_fetch_sub(&incoming->server->content_bytes, incoming->counted);
    incoming->counted = 0;
    buffer_free(&incoming->content);
}

/* What is too large, or too much beside all that others send, is read to its end, so that the
 * client hears of it, and dropped. */
static void incoming_add(Incoming *incoming, const char *bytes, int64_t count)
{
    HttpServer *server = incoming->server;
    int64_t bytes_max = server->config.content_bytes_max;
    if (bytes_max == 0 || incoming->is_too_large || incoming->is_turned_away)
        return;
    incoming->is_too_large = incoming->content.length + count > bytes_max;
    if (!incoming->is_too_large) {
        incoming->counted += count;
        int64_t all = atomic_fetch_add(&server->content_bytes, count) + count;
        incoming->is_turned_away = all > CONTENT_OF_ALL_BYTES_MAX;
    }
    if (incoming->is_too_large || incoming->is_turned_away)
        incoming_drop(incoming);
    else
        buffer_append(&incoming->content, bytes, count);
}

static void fail_too_large(HttpRequest *request)
{
    http_problem(request, MHD_HTTP_CONTENT_TOO_LARGE, "WR6020", "too much at once",
                 arena_printf(request->arena, "the body may have %lld bytes, unpacked",
                              (long long)request->server->config.content_bytes_max),
                 "send it in several requests");
}

/* False with a problem set. */
static bool request_take_content(HttpRequest *request, Incoming *incoming)
{
    int64_t bytes_max = request->server->config.content_bytes_max;
    if (incoming->is_too_large) {
        fail_too_large(request);
        return false;
    }
    if (incoming->is_turned_away) {
        http_add_header(request, "Retry-After", "1");
        http_problem(request, MHD_HTTP_SERVICE_UNAVAILABLE, "WR6023", "too much at the moment",
                     "the requests of all clients have more bytes than there is room for",
                     "try again in a second");
        return false;
    }
    const char *coding = http_header(request, MHD_HTTP_HEADER_CONTENT_ENCODING);
    if (coding != NULL && strcasecmp(coding, "gzip") == 0 && incoming->content.length > 0) {
        Buffer unpacked = {0};
        Status status = request_unpack(buffer_str(&incoming->content), bytes_max, &unpacked);
        buffer_free(&incoming->content);
        incoming->content = unpacked;
        if (status == ERR_LIMIT)
            fail_too_large(request);
        else if (status != OK)
            http_problem(request, MHD_HTTP_BAD_REQUEST, "WR6021", "not gzip",
                         "the body does not unpack as its Content-Encoding says", NULL);
        if (status != OK)
            return false;
    } else if (coding != NULL && strcasecmp(coding, "gzip") != 0 &&
               strcasecmp(coding, "identity") != 0) {
        http_problem(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "WR6022", "unknown coding",
                     "a body may be packed with gzip, or not at all", NULL);
        return false;
    }
    memset(buffer_reserve(&incoming->content, HTTP_PADDING), 0, HTTP_PADDING);
    request->content = buffer_str(&incoming->content);
    return true;
}

/* ---- Answers ----------------------------------------------------------------------------- */

static bool has_same_etag(const HttpRequest *request)
{
    const char *known = http_header(request, MHD_HTTP_HEADER_IF_NONE_MATCH);
    return known != NULL && strcmp(known, request->etag) == 0;
}

static enum MHD_Result request_answer(HttpRequest *request)
{
    struct MHD_Response *response = request->stream;
    if (request->etag != NULL && has_same_etag(request)) {
        request->status = MHD_HTTP_NOT_MODIFIED;
        request->body.length = 0;
    }
    if (response == NULL)
        response = MHD_create_response_from_buffer((size_t)request->body.length, request->body.data,
                                                   MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", request->content_type);
    MHD_add_response_header(response, "X-Request-Id", request->id);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    for (int32_t i = 0; i < request->header_count; i++)
        MHD_add_response_header(response, request->headers[i].name, request->headers[i].value);
    if (request->etag != NULL) {
        MHD_add_response_header(response, "ETag", request->etag);
        MHD_add_response_header(response, "Cache-Control", "private, max-age=0, must-revalidate");
    } else {
        MHD_add_response_header(response, "Cache-Control", "no-store");
    }
    enum MHD_Result queued = MHD_queue_response(request->connection, request->status, response);
    MHD_destroy_response(response);
    return queued;
}

static void count_request(const HttpRequest *request)
{
    const HttpRoute *route = request->route;
    metric_add(metric_get(METRIC_COUNTER, "weir_http_requests_total",
                          arena_printf(request->arena, "route=\"%s\",code=\"%u\"",
                                       route != NULL ? route->pattern : "none", request->status),
                          "HTTP requests by route and status code.", 1),
               1);
}

static enum MHD_Result request_handle(HttpServer *server, struct MHD_Connection *connection,
                                      const char *url, const char *method, Incoming *incoming)
{
    HttpRequest request = {
        .server = server,
        .context = server->config.context,
        .connection = connection,
        .arena = arena_new(0),
        .method = method,
        .path = url,
        .status = MHD_HTTP_OK,
        .content_type = "application/json",
    };
    int64_t number = atomic_fetch_add(&server->request_count, 1);
    snprintf(request.id, sizeof request.id, "%08x-%08x", (uint32_t)server->seed, (uint32_t)number);
    if (url[0] != '/' || strlen(url) > URL_BYTES_MAX)
        http_problem(&request, MHD_HTTP_URI_TOO_LONG, "WR6015", "path not usable",
                     "the path must begin with / and have at most 8192 bytes", NULL);
    else
        request.route = request_find_route(&request);
    if (request.route != NULL && (server->config.guard == NULL || server->config.guard(&request)) &&
        (server->config.content_bytes_max == 0 || request_take_content(&request, incoming)))
        request.route->handle(&request);
    count_request(&request);
    enum MHD_Result result = request_answer(&request);
    buffer_free(&request.body);
    arena_free(request.arena);
    return result;
}

/* Called first with *state NULL when the headers are in, then with pieces of the body, then once
 * more to answer. */
static enum MHD_Result take_request(void *context, struct MHD_Connection *connection,
                                    const char *url, const char *method, const char *version,
                                    const char *body, size_t *body_bytes, void **state)
{
    (void)version;
    HttpServer *server = context;
    if (*state == NULL) {
        Incoming *incoming = memory_allocate_zeroed(sizeof *incoming);
        incoming->server = server;
        *state = incoming;
        return MHD_YES;
    }
    if (*body_bytes > 0) {
        incoming_add(*state, body, (int64_t)*body_bytes);
        *body_bytes = 0;
        return MHD_YES;
    }
    return request_handle(server, connection, url, method, *state);
}

static void end_request(void *context, struct MHD_Connection *connection, void **state,
                        enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    Incoming *incoming = *state;
    if (incoming == NULL)
        return;
    incoming_drop(incoming);
    memory_free(incoming);
    *state = NULL;
}

/* Paths and queries are decoded by us, after they are split. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* ---- Listening --------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 0))) static void log_trouble(void *context, const char *format,
                                                              va_list args)
{
    (void)context;
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    log_event(LOG_DEBUG, "http", "%s", text);
}

/* NULL: the system has no threads left. */
static struct MHD_Daemon *start_daemon(HttpServer *server, int descriptor)
{
    int32_t threads =
        server->config.thread_count > 0 ? server->config.thread_count : THREADS_DEFAULT;
    HttpTls *tls = server->tls;
    struct MHD_OptionItem with_tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, tls != NULL ? (char *)http_tls_cert(tls) : NULL},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, tls != NULL ? (char *)http_tls_key(tls) : NULL},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%NO_TICKETS"},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)http_tls_notify, tls},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
            (tls != NULL ? MHD_USE_TLS : MHD_NO_FLAG),
        0, NULL, NULL, take_request, server, MHD_OPTION_EXTERNAL_LOGGER, log_trouble, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, end_request, NULL, MHD_OPTION_LISTEN_SOCKET, descriptor,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned int)threads, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned int)CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned int)CONNECTIONS_PER_IP_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned int)CONNECTION_IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
        keep_escapes, NULL, MHD_OPTION_ARRAY, tls != NULL ? with_tls : &with_tls[4],
        MHD_OPTION_END);
}

Status http_start(const HttpConfig *config, HttpServer **out, Error *error)
{
    int descriptor;
    bool is_local;
    HttpTls *tls = NULL;
    if (config->tls.cert != NULL)
        TRY(http_tls_new(config->world, &config->tls, &tls, error));
    Status status = listener_open(config, &descriptor, &is_local, error);
    if (status != OK) {
        http_tls_free(tls);
        return status;
    }
    HttpServer *server = memory_allocate_zeroed(sizeof *server);
    server->tls = tls;
    server->is_local = is_local;
    server->config = *config;
    server->arena = arena_new(0);
    server->seed = config->world->kind->random_u64(config->world);
    server->url = listener_url(server->arena, descriptor, tls != NULL ? "https" : "http");
    server->daemon = start_daemon(server, descriptor);
    if (server->daemon == NULL) {
        close(descriptor);
        http_stop(server);
        return fail(error, ERR_INTERNAL, "WR6019", "could not start the HTTP server");
    }
    *out = server;
    return OK;
}

const char *http_url(const HttpServer *server)
{
    return server->url;
}

bool http_is_local(const HttpServer *server)
{
    return server->is_local;
}

uint64_t http_seed(const HttpServer *server)
{
    return server->seed;
}

void http_stop(HttpServer *server)
{
    if (server == NULL)
        return;
    /* The daemon goes on listening until it stops: MHD_quiesce_daemon with epoll and a pool races
     * with the pool's threads, which then abort the process (libmicrohttpd 0.9.75). */
    if (server->daemon != NULL)
        MHD_stop_daemon(server->daemon);
    http_tls_free(server->tls);
    arena_free(server->arena);
    memory_free(server);
}
