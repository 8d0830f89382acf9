/* Client connections over TCP and unix sockets, with deadlines, TLS and a way to be woken.
 *
 * A Socket is made once and may be connected, closed and connected again. All calls come from
 * one thread except socket_interrupt, which makes every waiting and every later call return
 * ERR_CANCELLED. No call raises SIGPIPE. Timeouts are in microseconds, from the call on.
 *
 *   socket_new -> socket_connect -> [socket_start_tls] -> read / write ... -> socket_free
 *
 * Bytes go over the network of the World, which a simulated one brings itself. */
#ifndef WEIR_BASE_SOCKET_H
#define WEIR_BASE_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "base/world.h"

typedef struct Socket Socket;

/* Where to connect to: a unix socket when `path` is given, else host and port. */
typedef struct SocketTarget {
    const char *host; /* a name, an IPv4 or an IPv6 address */
    int32_t port;
    const char *path; /* NULL: TCP */
} SocketTarget;

typedef enum TlsVerify {
    TLS_VERIFY_NONE, /* encrypted, the other side unknown */
    TLS_VERIFY_CA,   /* the certificate leads to a trusted root */
    TLS_VERIFY_FULL, /* and is made out to the host */
} TlsVerify;

typedef struct TlsOptions {
    TlsVerify verify;
    const char *host;      /* for server name indication and TLS_VERIFY_FULL */
    const char *ca_file;   /* PEM; NULL: the system's roots */
    const char *cert_file; /* PEM, the client's own; NULL: none */
    const char *key_file;
} TlsOptions;

Socket *socket_new(World *world);

/* Closes too. NULL is allowed. */
void socket_free(Socket *socket);

/* Every address of the host is tried in turn. ERR_UNAVAILABLE (retriable) when none answers,
 * ERR_INVALID when the name does not resolve to any. */
Status socket_connect(Socket *socket, const SocketTarget *target, int64_t timeout_us, Error *error);

/* Turn the connection into TLS 1.2 or later. ERR_PERMISSION when the certificate is not
 * trusted. */
Status socket_start_tls(Socket *socket, const TlsOptions *options, int64_t timeout_us,
                        Error *error);

/* At least one byte. ERR_AGAIN when nothing came in time (not an error: `error` stays empty);
 * ERR_END after an orderly close by the other side; ERR_UNAVAILABLE when the connection broke.
 * A timeout of 0 takes what is there. */
Status socket_read(Socket *socket, void *into, int64_t bytes_max, int64_t timeout_us, int64_t *got,
                   Error *error);

/* Exactly `bytes`; an end or a timeout in between is ERR_UNAVAILABLE. */
Status socket_read_full(Socket *socket, void *into, int64_t bytes, int64_t timeout_us,
                        Error *error);

/* All of it. The timeout is for the next bytes to be taken: a slow reader is not a lost one. */
Status socket_write(Socket *socket, const void *bytes, int64_t length, int64_t timeout_us,
                    Error *error);

void socket_close(Socket *socket);
bool socket_is_open(const Socket *socket);
bool socket_is_tls(const Socket *socket);

/* From any thread; stays in force until socket_free. */
void socket_interrupt(Socket *socket);
bool socket_is_interrupted(const Socket *socket);

/* Wait without a connection, for back-offs: ERR_CANCELLED when interrupted, else OK. */
Status socket_pause(Socket *socket, int64_t duration_us);

#endif
