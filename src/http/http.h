/* An HTTP server: a table of routes over libmicrohttpd.
 *
 *     connection ──> body, up to a limit, unpacked ──> guard ──> route ──> answer
 *
 * A route that is not in the table does not exist, and /openapi.json is printed from it. Errors are
 * application/problem+json (RFC 9457). The listener binds to loopback unless told otherwise;
 * beyond loopback there has to be TLS, and a guard or certificates of clients, or the caller must
 * say that plain text is meant. */
#ifndef WEIR_HTTP_HTTP_H
#define WEIR_HTTP_HTTP_H

#include <microhttpd.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/status.h"
#include "base/tls.h"
#include "base/world.h"

enum { HTTP_SEGMENTS_MAX = 5, HTTP_PARAMS_MAX = 24, HTTP_HEADERS_MAX = 4, HTTP_ID_BYTES = 20 };

typedef struct HttpServer HttpServer;
typedef struct HttpRoute HttpRoute;

/* A query parameter, decoded. */
typedef struct HttpParam {
    Str name, value;
} HttpParam;

typedef struct HttpHeader {
    const char *name, *value;
} HttpHeader;

/* A request in hand and its answer. Owned by the server; the arena is emptied after the answer. */
typedef struct HttpRequest {
    HttpServer *server;
    void *context;                     /* HttpConfig.context */
    void *principal;                   /* whoever asks; for the guard to set */
    struct MHD_Connection *connection; /* for streams */
    Arena *arena;
    const char *method;
    const char *path; /* as it came */
    const HttpRoute *route;
    Str segments[HTTP_SEGMENTS_MAX]; /* of the path, decoded; those that the route's {…} took */
    int32_t segment_count;
    HttpParam params[HTTP_PARAMS_MAX];
    int32_t param_count;
    Str content; /* of the request, unpacked; bytes follow that may be read, HTTP_PADDING of them */
    char id[HTTP_ID_BYTES];
    /* The answer. */
    unsigned int status;
    const char *content_type;
    Buffer body;
    const char *etag; /* NULL: the answer is not to be stored */
    HttpHeader headers[HTTP_HEADERS_MAX];
    int32_t header_count;
    struct MHD_Response *stream; /* instead of body */
} HttpRequest;

enum { HTTP_PADDING = 64 };

typedef void HttpHandler(HttpRequest *request);

struct HttpRoute {
    const char *method;  /* "GET", which answers HEAD too, "POST", "PUT" or "DELETE" */
    const char *pattern; /* "/v1/tables/{name}/rows" */
    HttpHandler *handle;
    const char *summary;
    const char *parameters; /* query parameters for the API description: "limit,cursor" */
    int32_t role;           /* for the guard */
};

typedef struct HttpConfig {
    World *world;
    const char *listen; /* "127.0.0.1:8083", "[::1]:0"; NULL: 127.0.0.1 and port_default, or any
                           free one if that is taken */
    int32_t port_default;
    TlsFiles tls;          /* `cert` NULL: plain */
    bool allows_plaintext; /* the user insists on a listener beyond loopback */
    const char *name;      /* of what is served, for people */
    const HttpRoute *routes;
    int32_t route_count;
    void *context;             /* for handlers */
    int64_t content_bytes_max; /* of a request, unpacked; 0: bodies are read and dropped */
    int32_t thread_count;      /* 0: two */
    /* Whether a request may go to its route; a problem is set if not. NULL: all may. */
    bool (*guard)(HttpRequest *request);
    /* Say what is wrong in another way than problem+json: the status is set, the body empty. False:
     * this request has no other way. May be NULL. */
    bool (*problem)(HttpRequest *request, const char *code, const char *detail);
    /* Whether all is well; a reason in `why` if not. May be NULL: always. From any of the server's
     * threads. */
    bool (*is_ready)(void *context, Buffer *why);
    void *ready_context;
} HttpConfig;

/* Listen and answer until http_stop, on threads of its own. ERR_INVALID for an address that is
 * none (WR6016) or certificates that do not do (WR5108), ERR_PERMISSION when it is beyond loopback
 * without TLS and allows_plaintext (WR6018), ERR_UNAVAILABLE when the port is taken. The config is
 * copied, what it points to is borrowed. */
Status http_start(const HttpConfig *config, HttpServer **out, Error *error);

/* "http://127.0.0.1:8083", for people. */
const char *http_url(const HttpServer *server);

/* Whether only this machine can reach it. */
bool http_is_local(const HttpServer *server);

/* A number that another run of the server does not have. */
uint64_t http_seed(const HttpServer *server);

/* Answer what is under way and end all connections. NULL is allowed. */
void http_stop(HttpServer *server);

/* ---- For handlers ------------------------------------------------------------------------ */

/* Set a problem+json answer. `suggestion` may be NULL. */
void http_problem(HttpRequest *request, unsigned int status, const char *code, const char *title,
                  const char *detail, const char *suggestion);

/* The query parameter, or NULL data. */
Str http_param(const HttpRequest *request, const char *name);

/* The parameter as a number from `least` to `most`; `fallback` where it is not given. False with a
 * problem set. */
bool http_number(HttpRequest *request, const char *name, int64_t least, int64_t most,
                 int64_t fallback, int64_t *out);

/* The header of the request, or NULL. */
const char *http_header(const HttpRequest *request, const char *name);

/* A header of the answer; `value` stays as long as the arena. */
void http_add_header(HttpRequest *request, const char *name, const char *value);

/* Percent-decoding; false for broken escapes and NUL bytes. */
bool http_decode(Arena *arena, Str text, bool is_query, Str *out);

/* Routes that every server has. */
HttpHandler http_show_live, http_show_ready, http_show_metrics, http_show_build, http_show_openapi;

#define HTTP_COMMON_ROUTES                                                                         \
    {"GET", "/livez", http_show_live, "The process is alive.", "", 0},                             \
        {"GET", "/readyz", http_show_ready, "All is well.", "", 0},                                \
        {"GET", "/metrics", http_show_metrics, "Metrics in the Prometheus text format.", "", 0},   \
        {"GET", "/buildz", http_show_build, "Version and name.", "", 0},                           \
    {                                                                                              \
        "GET", "/openapi.json", http_show_openapi, "This description.", "", 0                      \
    }

#endif
