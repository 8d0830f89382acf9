/* What the files of http/ share. */
#ifndef WEIR_HTTP_INTERNAL_H
#define WEIR_HTTP_INTERNAL_H

#include <sys/socket.h>

#include "http/http.h"

enum { URL_BYTES_MAX = 8192 };

typedef struct HttpTls HttpTls;

struct HttpServer {
    HttpConfig config;
    HttpTls *tls; /* NULL: plain */
    bool is_local;
    Arena *arena;
    struct MHD_Daemon *daemon;
    char *url;
    uint64_t seed;
    _Atomic int64_t request_count;
    _Atomic int64_t content_bytes; /* of all bodies that are under way, as they come */
};

/* The listening socket for HttpConfig.listen, and whether only this machine can reach it. */
Status listener_open(const HttpConfig *config, int *descriptor, bool *is_local, Error *error);
/* Where it listens, as SCHEME://HOST:PORT. */
char *listener_url(Arena *arena, int descriptor, const char *scheme);

/* ---- tls.c ------------------------------------------------------------------------------- */

/* WR5108: the files do not do. */
Status http_tls_new(World *world, const TlsFiles *files, HttpTls **out, Error *error);
/* When no connection is left. NULL is allowed. */
void http_tls_free(HttpTls *tls);
/* The files' content, for the start of the daemon. */
const char *http_tls_cert(const HttpTls *tls);
const char *http_tls_key(const HttpTls *tls);
/* MHD_OPTION_NOTIFY_CONNECTION, with the HttpTls: a connection gets the certificate that counts
 * now. */
void http_tls_notify(void *context, struct MHD_Connection *connection, void **held,
                     enum MHD_ConnectionNotificationCode code);

/* Take the request apart and find its route; NULL with a problem set. */
const HttpRoute *request_find_route(HttpRequest *request);

/* What was packed with gzip, at the end of `out`. ERR_LIMIT: it is more than bytes_max. */
Status request_unpack(Str packed, int64_t bytes_max, Buffer *out);

#endif
