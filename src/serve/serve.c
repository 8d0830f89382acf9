/* The listener: addresses, the daemon, and the way of a request to its route and back. */
#include "serve/serve.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "serve/internal.h"

enum {
    CONNECTIONS_MAX = 1024,
    CONNECTIONS_PER_IP_MAX = 256,
    CONNECTION_IDLE_SECONDS = 60,
    CONNECTION_BYTES = 32768,
    SERVER_THREADS = 2,
    /* Instead of a count of parameters. */
    PARAMS_BROKEN = -1,
    PARAMS_TOO_MANY = -2,
};

/* ---- Requests --------------------------------------------------------------------------- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool serve_decode(Arena *arena, Str text, bool is_query, Str *out)
{
    char *to = arena_allocate(arena, text.length + 1);
    int64_t length = 0;
    for (int64_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '%') {
            if (i + 2 >= text.length || hex_value(text.data[i + 1]) < 0 ||
                hex_value(text.data[i + 2]) < 0)
                return false;
            c = (char)(hex_value(text.data[i + 1]) << 4 | hex_value(text.data[i + 2]));
            i += 2;
        } else if (c == '+' && is_query) {
            c = ' ';
        }
        if (c == '\0')
            return false;
        to[length++] = c;
    }
    to[length] = '\0';
    *out = str_make(to, length);
    return true;
}

Str serve_param(const Request *request, const char *name)
{
    for (int32_t i = 0; i < request->param_count; i++)
        if (str_is(request->params[i].name, name))
            return request->params[i].value;
    return (Str){0};
}

/* Segments taken by {…} go to request->segments; the last one of a pattern stays undecoded, since
 * a key is split before it is decoded. */
static bool route_matches(const Route *route, Request *request)
{
    Str pattern = str_from(route->pattern + 1);
    Str path = str_from(request->path + 1);
    request->segment_count = 0;
    while (pattern.data != NULL && path.data != NULL) {
        Str wanted = str_split(pattern, '/', &pattern);
        Str given = str_split(path, '/', &path);
        if (wanted.data[0] != '{') {
            if (!str_equal(wanted, given))
                return false;
            continue;
        }
        if (given.length == 0)
            return false;
        Str *into = &request->segments[request->segment_count++];
        if (str_is(wanted, "{key}"))
            *into = given;
        else if (!serve_decode(request->arena, given, false, into))
            return false;
    }
    return pattern.data == NULL && path.data == NULL;
}

static enum MHD_Result take_param(void *context, enum MHD_ValueKind kind, const char *key,
                                  const char *value)
{
    (void)kind;
    Request *request = context;
    const int32_t room = (int32_t)(sizeof request->params / sizeof request->params[0]);
    if (request->param_count == room) {
        request->param_count = PARAMS_TOO_MANY;
        return MHD_NO;
    }
    Param *param = &request->params[request->param_count];
    if (!serve_decode(request->arena, str_from(key), true, &param->name) ||
        !serve_decode(request->arena, str_from(value != NULL ? value : ""), true, &param->value)) {
        request->param_count = PARAMS_BROKEN;
        return MHD_NO;
    }
    request->param_count++;
    return MHD_YES;
}

static const Route *request_route(Request *request, const char *method)
{
    const Route *route = NULL;
    for (int32_t i = 0; route == NULL && i < serve_route_count; i++)
        if (route_matches(&serve_routes[i], request))
            route = &serve_routes[i];
    if (route == NULL) {
        serve_problem(request, MHD_HTTP_NOT_FOUND, "WR6012", "no such resource",
                      "there is nothing at this path", "GET /openapi.json lists what there is");
    } else if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
               strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        serve_problem(request, MHD_HTTP_METHOD_NOT_ALLOWED, "WR6013", "method not allowed",
                      "only GET and HEAD are answered here", NULL);
    } else {
        MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, take_param, request);
        if (request->param_count >= 0)
            return route;
        bool is_broken = request->param_count == PARAMS_BROKEN;
        request->param_count = 0;
        serve_problem(request, MHD_HTTP_BAD_REQUEST, is_broken ? "WR6014" : "WR6007",
                      is_broken ? "broken query" : "too many parameters",
                      is_broken ? "a percent escape in the query is not one"
                                : "a filter left out would give rows that were not asked for",
                      NULL);
    }
    return NULL;
}

static bool has_same_etag(const Request *request, const char *etag)
{
    const char *known =
        MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "If-None-Match");
    return known != NULL && strcmp(known, etag) == 0;
}

static void add_table_headers(Request *request, struct MHD_Response *response, const char *etag)
{
    MHD_add_response_header(response, "ETag", etag);
    MHD_add_response_header(response, "Cache-Control", "private, max-age=0, must-revalidate");
    Timestamp watermark = request->watermark;
    if (watermark == TIMESTAMP_MIN || watermark == TIMESTAMP_MAX)
        return;
    Buffer text = {0};
    timestamp_print(&text, watermark, 3, 'T');
    buffer_append_char(&text, 'Z');
    MHD_add_response_header(response, "X-Weir-Watermark", buffer_terminated(&text));
    buffer_free(&text);
}

static enum MHD_Result request_answer(Request *request)
{
    struct MHD_Response *response = request->stream;
    const char *etag = NULL;
    if (request->table != NULL) {
        etag = arena_printf(request->arena, "\"%llx-%lld-%llx\"",
                            (unsigned long long)request->server->request_seed,
                            (long long)request->version,
                            request->shows_watermark ? (unsigned long long)request->watermark : 0);
        if (has_same_etag(request, etag)) {
            request->status = MHD_HTTP_NOT_MODIFIED;
            request->body.length = 0;
        }
    }
    if (response == NULL)
        response = MHD_create_response_from_buffer((size_t)request->body.length, request->body.data,
                                                   MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", request->content_type);
    MHD_add_response_header(response, "X-Request-Id", request->id);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (request->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    if (request->table != NULL)
        add_table_headers(request, response, etag);
    else
        MHD_add_response_header(response, "Cache-Control", "no-store");
    enum MHD_Result queued = MHD_queue_response(request->connection, request->status, response);
    MHD_destroy_response(response);
    return queued;
}

static void count_request(const Request *request, const Route *route)
{
    metric_add(metric_get(METRIC_COUNTER, "weir_http_requests_total",
                          arena_printf(request->arena, "route=\"%s\",code=\"%u\"",
                                       route != NULL ? route->pattern : "none", request->status),
                          "HTTP requests by route and status code.", 1),
               1);
}

/* Called first with *state NULL when the headers are in, then once more to answer; bodies are
 * read and dropped. */
static enum MHD_Result handle_request(void *context, struct MHD_Connection *connection,
                                      const char *url, const char *method, const char *version,
                                      const char *body, size_t *body_bytes, void **state)
{
    (void)version;
    (void)body;
    static int seen;
    if (*state == NULL) {
        *state = &seen;
        return MHD_YES;
    }
    if (*body_bytes > 0) {
        *body_bytes = 0;
        return MHD_YES;
    }
    Server *server = context;
    Request request = {
        .server = server,
        .connection = connection,
        .arena = arena_new(0),
        .path = url,
        .status = MHD_HTTP_OK,
        .content_type = "application/json",
    };
    int64_t number = atomic_fetch_add(&server->request_count, 1);
    snprintf(request.id, sizeof request.id, "%08x-%08x", (uint32_t)server->request_seed,
             (uint32_t)number);
    const Route *route = NULL;
    if (url[0] != '/' || strlen(url) > URL_BYTES_MAX)
        serve_problem(&request, MHD_HTTP_URI_TOO_LONG, "WR6015", "path not usable",
                      "the path must begin with / and have at most 8192 bytes", NULL);
    else
        route = request_route(&request, method);
    if (route != NULL)
        route->handle(&request);
    count_request(&request, route);
    enum MHD_Result result = request_answer(&request);
    buffer_free(&request.body);
    arena_free(request.arena);
    return result;
}

/* Paths and queries are decoded by us, after they are split. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* ---- Listening ---------------------------------------------------------------------------- */

typedef struct Address {
    struct sockaddr_storage storage;
    socklen_t length;
    int port;
    bool is_loopback;
} Address;

static Status address_parse(const char *text, Address *out, Error *error)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    int64_t port = -1;
    if (colon == NULL || !str_parse_int64(str_from(colon + 1), &port) || port < 0 || port > 65535 ||
        colon - text >= (int64_t)sizeof host) {
        Status status =
            fail(error, ERR_INVALID, "WR6016", "`%s` is not an address to listen on", text);
        error_hint(error, "write HOST:PORT, such as 127.0.0.1:8083 or [::1]:8083");
        return status;
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    size_t length = strlen(host);
    *out = (Address){.port = (int)port};
    struct sockaddr_in *four = (struct sockaddr_in *)&out->storage;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&out->storage;
    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        out->length = sizeof *six;
        if (inet_pton(AF_INET6, host + 1, &six->sin6_addr) == 1) {
            out->is_loopback = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
            return OK;
        }
    }
    if (strcmp(host, "localhost") == 0)
        snprintf(host, sizeof host, "127.0.0.1");
    four->sin_family = AF_INET;
    four->sin_port = htons((uint16_t)port);
    out->length = sizeof *four;
    if (inet_pton(AF_INET, host, &four->sin_addr) != 1) {
        Status status =
            fail(error, ERR_INVALID, "WR6016", "`%s` is not an address to listen on", text);
        error_hint(error, "write an IP address and a port, such as 127.0.0.1:8083");
        return status;
    }
    out->is_loopback = (ntohl(four->sin_addr.s_addr) >> 24) == 127;
    return OK;
}

static Status address_listen(const Address *address, int *descriptor, Error *error)
{
    int family = address->storage.ss_family;
    int made = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    if (made >= 0)
        setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (made < 0 || bind(made, (const struct sockaddr *)&address->storage, address->length) != 0 ||
        listen(made, 128) != 0) {
        if (made >= 0)
            close(made);
        Status status = fail(error, ERR_UNAVAILABLE, "WR6017",
                             "could not listen on port %d: it is in use", address->port);
        error_hint(error, "choose another with --listen HOST:PORT, or port 0 for any free one");
        return status;
    }
    *descriptor = made;
    return OK;
}

static Status open_listener(const ServeConfig *config, Address *address, int *descriptor,
                            Error *error)
{
    char fallback[32];
    snprintf(fallback, sizeof fallback, "127.0.0.1:%d", SERVE_PORT_DEFAULT);
    TRY(address_parse(config->listen != NULL ? config->listen : fallback, address, error));
    if (!address->is_loopback && !config->allows_plaintext) {
        Status status = fail(error, ERR_PERMISSION, "WR6018",
                             "refusing to listen on `%s`: it is reachable from other machines, and "
                             "this listener has neither TLS nor credentials",
                             config->listen);
        error_hint(error, "listen on 127.0.0.1 behind a proxy that has them, or insist with "
                          "--allow-plaintext");
        return status;
    }
    Status status = address_listen(address, descriptor, error);
    if (status == OK || config->listen != NULL)
        return status;
    TRY(address_parse("127.0.0.1:0", address, error));
    return address_listen(address, descriptor, error);
}

static void remember_url(Server *server, int descriptor)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    char host[INET6_ADDRSTRLEN] = "";
    int named = getsockname(descriptor, (struct sockaddr *)&bound, &length);
    assert(named == 0);
    if (bound.ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&bound;
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
        server->url = arena_printf(server->arena, "http://[%s]:%d", host, ntohs(six->sin6_port));
    } else {
        const struct sockaddr_in *four = (const struct sockaddr_in *)&bound;
        inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
        server->url = arena_printf(server->arena, "http://%s:%d", host, ntohs(four->sin_port));
    }
}

__attribute__((format(printf, 2, 0))) static void log_trouble(void *context, const char *format,
                                                              va_list args)
{
    (void)context;
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    log_event(LOG_DEBUG, "serve", "%s", text);
}

Status serve_start(const ServeConfig *config, Server **out, Error *error)
{
    Address address;
    int descriptor;
    TRY(open_listener(config, &address, &descriptor, error));
    Server *server = memory_allocate_zeroed(sizeof *server);
    server->config = *config;
    server->arena = arena_new(0);
    server->request_seed = config->world->kind->random_u64(config->world);
    remember_url(server, descriptor);
    pthread_mutex_init(&server->follower_mutex, NULL);
    pthread_cond_init(&server->follower_signal, NULL);
    server->has_follower_thread =
        pthread_create(&server->follower_thread, NULL, serve_wake_followers, server) == 0;
    if (!server->has_follower_thread) {
        close(descriptor);
        serve_stop(server);
        return fail_thread(error, "for the HTTP server");
    }
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        handle_request, server, MHD_OPTION_EXTERNAL_LOGGER, log_trouble, NULL,
        MHD_OPTION_LISTEN_SOCKET, descriptor, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned int)SERVER_THREADS, MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_MAX,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_PER_IP_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)CONNECTION_IDLE_SECONDS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT,
        1, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_END);
    if (server->daemon == NULL) {
        close(descriptor);
        serve_stop(server);
        return fail(error, ERR_INTERNAL, "WR6019", "could not start the HTTP server");
    }
    *out = server;
    return OK;
}

const char *serve_url(const Server *server)
{
    return server->url;
}

void serve_stop(Server *server)
{
    if (server == NULL)
        return;
    /* The daemon goes on listening until it stops: MHD_quiesce_daemon with epoll and a pool races
     * with the pool's threads, which then abort the process (libmicrohttpd 0.9.75). Who comes
     * meanwhile gets an answer, but nobody is suspended any more. */
    pthread_mutex_lock(&server->follower_mutex);
    server->is_stopping = true;
    pthread_cond_signal(&server->follower_signal);
    pthread_mutex_unlock(&server->follower_mutex);
    if (server->has_follower_thread)
        pthread_join(server->follower_thread, NULL);
    if (server->daemon != NULL)
        MHD_stop_daemon(server->daemon);
    pthread_cond_destroy(&server->follower_signal);
    pthread_mutex_destroy(&server->follower_mutex);
    arena_free(server->arena);
    memory_free(server);
}
