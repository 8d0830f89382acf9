/* TLS of libmicrohttpd, which brings GnuTLS: each connection gets, when it begins, the certificate
 * that counts then, and holds it to its end. */
#include <assert.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>

#include "base/log.h"
#include "base/memory.h"
#include "http/internal.h"

enum { PEM_BYTES_MAX = 1024 * 1024 };

typedef struct Identity {
    gnutls_certificate_credentials_t credentials;
    int32_t holders; /* connections, and the server itself */
} Identity;

struct HttpTls {
    World *world;
    TlsFiles files;
    Arena *arena;
    Str cert, key; /* as the daemon is started with them */
    pthread_mutex_t mutex;
    TlsLook look;
    Identity *now;
};

/* Under the mutex. */
static void identity_release(Identity *identity)
{
    if (identity == NULL || --identity->holders > 0)
        return;
    gnutls_certificate_free_credentials(identity->credentials);
    memory_free(identity);
}

static Status fail_files(const char *what, const char *path, int code, Error *error)
{
    Status status = fail(error, ERR_INVALID, "WR5108", "cannot use the %s `%s`: %s", what, path,
                         gnutls_strerror(code));
    error_hint(error, "PEM files are needed that this user may read; the key has to be that of the "
                      "certificate, and without a passphrase");
    return status;
}

/* Read the files; what is of no use leaves the identity as it is. */
static Status tls_load(HttpTls *tls, Error *error)
{
    gnutls_certificate_credentials_t credentials;
    int code = gnutls_certificate_allocate_credentials(&credentials);
    if (code < 0)
        memory_exhausted(0);
    Status status = OK;
    code = gnutls_certificate_set_x509_key_file(credentials, tls->files.cert, tls->files.key,
                                                GNUTLS_X509_FMT_PEM);
    if (code < 0)
        status = fail_files("certificate and its key", tls->files.cert, code, error);
    if (status == OK && tls->files.client_ca != NULL) {
        code = gnutls_certificate_set_x509_trust_file(credentials, tls->files.client_ca,
                                                      GNUTLS_X509_FMT_PEM);
        if (code <= 0)
            status = fail_files("authority of clients", tls->files.client_ca,
                                code < 0 ? code : GNUTLS_E_NO_CERTIFICATE_FOUND, error);
    }
    if (status != OK) {
        gnutls_certificate_free_credentials(credentials);
        return status;
    }
    identity_release(tls->now);
    tls->now = memory_allocate_zeroed(sizeof *tls->now);
    *tls->now = (Identity){.credentials = credentials, .holders = 1};
    return OK;
}

Status http_tls_new(World *world, const TlsFiles *files, HttpTls **out, Error *error)
{
    HttpTls *tls = memory_allocate_zeroed(sizeof *tls);
    tls->world = world;
    tls->files = *files;
    tls->arena = arena_new(0);
    pthread_mutex_init(&tls->mutex, NULL);
    (void)tls_files_have_changed(world, files, &tls->look);
    Status status = tls_load(tls, error);
    if (status == OK)
        status = world_read_file(world, files->cert, PEM_BYTES_MAX, tls->arena, &tls->cert, error);
    if (status == OK)
        status = world_read_file(world, files->key, PEM_BYTES_MAX, tls->arena, &tls->key, error);
    if (status == OK)
        *out = tls;
    else
        http_tls_free(tls);
    return status;
}

void http_tls_free(HttpTls *tls)
{
    if (tls == NULL)
        return;
    identity_release(tls->now);
    pthread_mutex_destroy(&tls->mutex);
    arena_free(tls->arena);
    memory_free(tls);
}

const char *http_tls_cert(const HttpTls *tls)
{
    return tls->cert.data;
}

const char *http_tls_key(const HttpTls *tls)
{
    return tls->key.data;
}

static Identity *identity_hold(HttpTls *tls)
{
    Error error = {0};
    pthread_mutex_lock(&tls->mutex);
    if (tls_files_have_changed(tls->world, &tls->files, &tls->look) && tls_load(tls, &error) != OK)
        log_event(LOG_WARN, "tls", "the certificate before still counts: %s", error.text);
    Identity *identity = tls->now;
    identity->holders++;
    pthread_mutex_unlock(&tls->mutex);
    return identity;
}

void http_tls_notify(void *context, struct MHD_Connection *connection, void **held,
                     enum MHD_ConnectionNotificationCode code)
{
    HttpTls *tls = context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        pthread_mutex_lock(&tls->mutex);
        identity_release(*held);
        pthread_mutex_unlock(&tls->mutex);
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    assert(info != NULL && info->tls_session != NULL);
    gnutls_session_t session = info->tls_session;
    Identity *identity = identity_hold(tls);
    *held = identity;
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, identity->credentials);
    if (tls->files.client_ca == NULL)
        return;
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    gnutls_session_set_verify_cert(session, NULL, 0);
}
