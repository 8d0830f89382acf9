/* The HTTP API: materialized tables, health and metrics, over libmicrohttpd.
 *
 *   GET /v1/tables                       the tables
 *   GET /v1/tables/{name}                schema, key, watermark, freshness
 *   GET /v1/tables/{name}/rows           a page of rows: ?column=value&limit=&cursor=
 *   GET /v1/tables/{name}/rows/{key}     one row; a key of several columns is k1,k2
 *   GET /v1/tables/{name}/changes        the changes as server-sent events
 *   GET /livez /readyz /metrics /buildz /openapi.json
 *
 * Errors are application/problem+json (RFC 9457). The listener binds to loopback unless told
 * otherwise; beyond loopback the caller must say that plain text without credentials is meant. */
#ifndef WEIR_SERVE_SERVE_H
#define WEIR_SERVE_SERVE_H

#include "base/status.h"
#include "base/world.h"
#include "state/served.h"

typedef struct Server Server;

typedef struct ServeConfig {
    World *world;
    const char *listen;         /* "127.0.0.1:8083", "[::1]:0"; NULL: 127.0.0.1 and the default
                                   port, or any free one if that is taken */
    bool allows_plaintext;      /* the user insists on a listener beyond loopback */
    const char *pipeline;       /* name of the job */
    ServedTable *const *tables; /* borrowed until serve_stop */
    int32_t table_count;
    /* Whether the job does its work; a reason in `why` if not. May be NULL: always. Called from
     * the server's threads. */
    bool (*is_ready)(void *context, Buffer *why);
    void *ready_context;
} ServeConfig;

enum { SERVE_PORT_DEFAULT = 8083 };

/* Listen and answer until serve_stop, on threads of its own. ERR_INVALID for an address that is
 * none, ERR_PERMISSION when it is beyond loopback without allows_plaintext, ERR_UNAVAILABLE when
 * the port is taken. */
Status serve_start(const ServeConfig *config, Server **out, Error *error);

/* Serve these tables instead, which are borrowed in the same way, in one step: an answer is made of
 * the old ones or of the new ones. When this returns nobody looks at the old ones any more; who
 * followed the changes of one is told to read its rows anew. */
void serve_replace(Server *server, ServedTable *const *tables, int32_t table_count);

/* "http://127.0.0.1:8083", for people. */
const char *serve_url(const Server *server);

/* End all connections, followers included. NULL is allowed. */
void serve_stop(Server *server);

#endif
