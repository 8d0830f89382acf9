/* The server's side of TLS without a socket: bytes that came go in, plain bytes and bytes to be
 * sent come out. TLS 1.2 or later; the keys of OpenSSL, from files that may change meanwhile.
 *
 *     network ──> tls_session_take ──> plain          plain ──> tls_session_put ──> network
 *                        └──> what the handshake answers ──> network
 *
 * A session belongs to one thread at a time; a TlsServer belongs to the thread that makes sessions
 * of it. The client's side is in base/socket.h. */
#ifndef WEIR_BASE_TLS_H
#define WEIR_BASE_TLS_H

#include "base/buffer.h"
#include "base/status.h"
#include "base/world.h"

typedef struct TlsServer TlsServer;
typedef struct TlsSession TlsSession;

/* PEM files; the names are borrowed as long as they are used. */
typedef struct TlsFiles {
    const char *cert; /* the certificate, and those between it and its authority; NULL: no TLS */
    const char *key;
    const char *client_ca; /* clients have to show a certificate of it; NULL: they need none */
} TlsFiles;

enum { TLS_FILE_COUNT = 3 };

/* What is known of the files; zeroed. */
typedef struct TlsLook {
    int64_t looked_us; /* by the monotonic clock */
    FileInfo seen[TLS_FILE_COUNT];
} TlsLook;

/* Whether one of the files is another one than at the last look. Looks once a second at most, and
 * says no in between. */
bool tls_files_have_changed(World *world, const TlsFiles *files, TlsLook *look);

/* WR5108 when the files cannot be read or do not belong together. Close with tls_server_free. */
Status tls_server_new(World *world, const TlsFiles *files, TlsServer **out, Error *error);
/* NULL is allowed. Sessions may outlive it. */
void tls_server_free(TlsServer *server);

/* For a connection that was accepted. Files that have changed count from here on; if they are of no
 * use, what was there before does, and a line of the log says so. */
TlsSession *tls_session_new(TlsServer *server);
void tls_session_free(TlsSession *session);

typedef enum TlsState {
    TLS_GREETING, /* the handshake goes on */
    TLS_OPEN,
    TLS_ENDED,  /* the other side has said that nothing more comes */
    TLS_FAILED, /* what is in `out` says why to the other side; then it has to be closed */
} TlsState;

/* Take what came: plain bytes are appended to `plain`, what is to be sent to `out`. */
TlsState tls_session_take(TlsSession *session, Str came, Buffer *plain, Buffer *out);

/* Encrypt what is to be sent, to the end of `out`; the state is TLS_OPEN. */
void tls_session_put(TlsSession *session, Str plain, Buffer *out);

TlsState tls_session_state(const TlsSession *session);

/* The subject of the client's certificate (RFC 2253: "CN=alice,O=Example"), in the arena; NULL: it
 * has shown none. */
const char *tls_session_subject(const TlsSession *session, Arena *arena);

/* Why it failed: "certificate has expired". */
const char *tls_session_reason(const TlsSession *session);

/* What OpenSSL of this thread last complained about; all complaints are dropped. */
const char *tls_reason(void);

#endif
