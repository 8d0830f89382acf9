/* OpenSSL over buffers. */
#include "base/tls.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

enum { LOOK_US = 1000 * 1000, RECORD_BYTES = 16 * 1024 };

struct TlsServer {
    World *world;
    TlsFiles files;
    TlsLook look;
    SSL_CTX *context;
};

struct TlsSession {
    SSL *ssl;
    BIO *in, *out; /* the session's own memory, of `ssl` */
    TlsState state;
    char reason[128];
};

const char *tls_reason(void)
{
    unsigned long code = ERR_get_error();
    const char *reason = ERR_reason_error_string(code);
    ERR_clear_error();
    if (reason == NULL && ERR_SYSTEM_ERROR(code))
        reason = strerror(ERR_GET_REASON(code));
    return reason != NULL ? reason : "protocol error";
}

/* ---- Certificates ------------------------------------------------------------------------ */

bool tls_files_have_changed(World *world, const TlsFiles *files, TlsLook *look)
{
    const char *paths[TLS_FILE_COUNT] = {files->cert, files->key, files->client_ca};
    int64_t now_us = world_monotonic_us(world);
    bool has_changed = false;
    if (look->looked_us != 0 && now_us - look->looked_us < LOOK_US)
        return false;
    look->looked_us = now_us;
    for (int32_t i = 0; i < TLS_FILE_COUNT; i++) {
        FileInfo info = {0};
        if (paths[i] != NULL && world->kind->stat(world, paths[i], &info, NULL) != OK)
            info = (FileInfo){0};
        has_changed |= info.modified_us != look->seen[i].modified_us ||
                       info.size_bytes != look->seen[i].size_bytes;
        look->seen[i] = info;
    }
    return has_changed;
}

static Status fail_files(const char *what, const char *path, Error *error)
{
    Status status =
        fail(error, ERR_INVALID, "WR5108", "cannot use the %s `%s`: %s", what, path, tls_reason());
    error_hint(error, "PEM files are needed that this user may read; the key has to be that of the "
                      "certificate, and without a passphrase");
    return status;
}

/* A key with a passphrase is of no use to a server that starts by itself. */
static int no_passphrase(char *into, int bytes, int for_writing, void *context)
{
    (void)into, (void)bytes, (void)for_writing, (void)context;
    return -1;
}

static Status context_load(SSL_CTX *context, const TlsFiles *files, Error *error)
{
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    /* Nothing of a session is kept: each handshake looks at the certificates that count now. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, files->cert) != 1)
        return fail_files("certificate", files->cert, error);
    if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return fail_files("key", files->key, error);
    if (files->client_ca == NULL)
        return OK;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(files->client_ca);
    if (names == NULL || SSL_CTX_load_verify_locations(context, files->client_ca, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return fail_files("authority of clients", files->client_ca, error);
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return OK;
}

static Status server_load(TlsServer *server, Error *error)
{
    SSL_CTX *context = memory_expect(SSL_CTX_new(TLS_server_method()));
    Status status = context_load(context, &server->files, error);
    if (status != OK) {
        SSL_CTX_free(context);
        return status;
    }
    SSL_CTX_free(server->context);
    server->context = context;
    return OK;
}

Status tls_server_new(World *world, const TlsFiles *files, TlsServer **out, Error *error)
{
    assert(files->cert != NULL && files->key != NULL);
    TlsServer *server = memory_allocate_zeroed((int64_t)sizeof *server);
    server->world = world;
    server->files = *files;
    (void)tls_files_have_changed(world, files, &server->look);
    Status status = server_load(server, error);
    if (status == OK)
        *out = server;
    else
        tls_server_free(server);
    return status;
}

void tls_server_free(TlsServer *server)
{
    if (server == NULL)
        return;
    SSL_CTX_free(server->context);
    memory_free(server);
}

/* ---- Sessions ---------------------------------------------------------------------------- */

TlsSession *tls_session_new(TlsServer *server)
{
    Error error = {0};
    if (tls_files_have_changed(server->world, &server->files, &server->look)) {
        if (server_load(server, &error) == OK)
            log_event(LOG_INFO, "tls", "another certificate counts: %s", server->files.cert);
        else
            log_event(LOG_WARN, "tls", "the certificate before still counts: %s", error.text);
    }
    TlsSession *session = memory_allocate_zeroed((int64_t)sizeof *session);
    session->ssl = memory_expect(SSL_new(server->context));
    session->in = memory_expect(BIO_new(BIO_s_mem()));
    session->out = memory_expect(BIO_new(BIO_s_mem()));
    SSL_set_bio(session->ssl, session->in, session->out);
    SSL_set_accept_state(session->ssl);
    return session;
}

void tls_session_free(TlsSession *session)
{
    if (session == NULL)
        return;
    SSL_free(session->ssl);
    memory_free(session);
}

static void session_drain(TlsSession *session, Buffer *out)
{
    for (size_t left; (left = BIO_ctrl_pending(session->out)) > 0;) {
        int got = BIO_read(session->out, buffer_reserve(out, (int64_t)left), (int)left);
        assert(got > 0);
        out->length += got;
    }
}

/* What an OpenSSL call that gave `code` means for the session. */
static void session_judge(TlsSession *session, int code)
{
    int why = SSL_get_error(session->ssl, code);
    if (why == SSL_ERROR_WANT_READ)
        return;
    if (why == SSL_ERROR_ZERO_RETURN) {
        session->state = TLS_ENDED;
        return;
    }
    long verdict = SSL_get_verify_result(session->ssl);
    session->state = TLS_FAILED;
    snprintf(session->reason, sizeof session->reason, "%s",
             verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : tls_reason());
}

TlsState tls_session_take(TlsSession *session, Str came, Buffer *plain, Buffer *out)
{
    ERR_clear_error();
    if (came.length > 0)
        memory_expect(BIO_write(session->in, came.data, (int)came.length) == came.length ? session
                                                                                         : NULL);
    if (session->state == TLS_GREETING) {
        int code = SSL_do_handshake(session->ssl);
        if (code == 1)
            session->state = TLS_OPEN;
        else
            session_judge(session, code);
    }
    for (bool is_more = session->state == TLS_OPEN; is_more;) {
        size_t got = 0;
        int code =
            SSL_read_ex(session->ssl, buffer_reserve(plain, RECORD_BYTES), RECORD_BYTES, &got);
        is_more = code == 1;
        plain->length += (int64_t)got;
        if (!is_more)
            session_judge(session, code);
    }
    session_drain(session, out);
    ERR_clear_error();
    return session->state;
}

void tls_session_put(TlsSession *session, Str plain, Buffer *out)
{
    assert(session->state == TLS_OPEN || session->state == TLS_ENDED);
    size_t wrote = 0;
    ERR_clear_error();
    if (plain.length > 0 &&
        SSL_write_ex(session->ssl, plain.data, (size_t)plain.length, &wrote) != 1)
        session->state = TLS_FAILED; /* memory takes all; what is left is a broken session */
    session_drain(session, out);
}

TlsState tls_session_state(const TlsSession *session)
{
    return session->state;
}

const char *tls_session_subject(const TlsSession *session, Arena *arena)
{
    X509 *cert = SSL_get1_peer_certificate(session->ssl);
    if (cert == NULL)
        return NULL;
    BIO *text = memory_expect(BIO_new(BIO_s_mem()));
    /* As Java has it: letters beyond ASCII stay as they are. */
    X509_NAME_print_ex(text, X509_get_subject_name(cert), 0,
                       XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB);
    char *data = NULL;
    long length = BIO_get_mem_data(text, &data);
    const char *subject = arena_printf(arena, "%.*s", (int)length, data);
    BIO_free(text);
    X509_free(cert);
    return subject;
}

const char *tls_session_reason(const TlsSession *session)
{
    return session->reason;
}
