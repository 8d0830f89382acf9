/* What the files of http/ share. */
#ifndef WEIR_HTTP_INTERNAL_H
#define WEIR_HTTP_INTERNAL_H

#include <sys/socket.h>

#include "http/http.h"

enum { URL_BYTES_MAX = 8192 };

struct HttpServer {
    HttpConfig config;
    Arena *arena;
    struct MHD_Daemon *daemon;
    char *url;
    uint64_t seed;
    _Atomic int64_t request_count;
    _Atomic int64_t content_bytes; /* of all bodies that are under way, as they come */
};

/* The listening socket for HttpConfig.listen. */
Status listener_open(const HttpConfig *config, int *descriptor, Error *error);
/* Where it listens, as http://HOST:PORT. */
char *listener_url(Arena *arena, int descriptor);

/* Take the request apart and find its route; NULL with a problem set. */
const HttpRoute *request_find_route(HttpRequest *request);

/* What was packed with gzip, at the end of `out`. ERR_LIMIT: it is more than bytes_max. */
Status request_unpack(Str packed, int64_t bytes_max, Buffer *out);

#endif
