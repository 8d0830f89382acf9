/* Connections over the network of a world (base/network.h), with deadlines and OpenSSL.
 *
 * Waiting is for the connection and for a bell that socket_interrupt rings. OpenSSL reads and
 * writes through a BIO of our own: bytes go by the world's network, and none raises SIGPIPE. */
#include "base/socket.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/network.h"
#include "base/tls.h"

struct Socket {
    World *world;
    const NetworkKind *net; /* the world's */
    int link;               /* -1: closed */
    int bell;               /* rung for good once interrupted */
    SSL *ssl;               /* NULL: plain */
    SSL_CTX *context;
    char peer[320]; /* for messages */
};

Socket *socket_new(World *world)
{
    assert(world != NULL);
    Socket *sock = memory_allocate_zeroed(sizeof *sock);
    sock->world = world;
    sock->net = world_network(world);
    sock->link = -1;
    sock->bell = sock->net->bell(world);
    assert(sock->bell >= 0);
    return sock;
}

void socket_free(Socket *sock)
{
    if (sock == NULL)
        return;
    socket_close(sock);
    sock->net->close(sock->world, sock->bell);
    memory_free(sock);
}

void socket_close(Socket *sock)
{
    if (sock->ssl != NULL)
        SSL_free(sock->ssl);
    if (sock->context != NULL)
        SSL_CTX_free(sock->context);
    sock->ssl = NULL;
    sock->context = NULL;
    if (sock->link >= 0)
        sock->net->close(sock->world, sock->link);
    sock->link = -1;
}

bool socket_is_open(const Socket *sock)
{
    return sock->link >= 0;
}

bool socket_is_tls(const Socket *sock)
{
    return sock->ssl != NULL;
}

void socket_interrupt(Socket *sock)
{
    sock->net->ring(sock->world, sock->bell);
}

bool socket_is_interrupted(const Socket *sock)
{
    return sock->net->wait(sock->world, -1, sock->bell, 0, 0) == NET_RUNG;
}

static Status socket_cancelled(Error *error)
{
    return fail(error, ERR_CANCELLED, "WR5106", "the connection was interrupted to stop");
}

/* OK: `events` (NetWait) or an error is there. ERR_AGAIN: the deadline passed. */
static Status socket_wait(Socket *sock, int events, int64_t deadline_us, Error *error)
{
    int woken = sock->net->wait(sock->world, sock->link, sock->bell, events, deadline_us);
    if (woken < 0)
        return fail(error, ERR_IO, "WR5107", "could not wait for %s: %s", sock->peer,
                    strerror(-woken));
    if (woken == NET_RUNG)
        return socket_cancelled(error);
    return woken == NET_READY ? OK : ERR_AGAIN;
}

Status socket_pause(Socket *sock, int64_t duration_us)
{
    int64_t deadline_us = world_monotonic_us(sock->world) + duration_us;
    int open = sock->link;
    sock->link = -1;
    Status status = socket_wait(sock, 0, deadline_us, NULL);
    sock->link = open;
    return status == ERR_CANCELLED ? status : OK;
}

static Status fail_lost(Error *error, const Socket *sock, const char *what, const char *why)
{
    Status status = fail(error, ERR_UNAVAILABLE, "WR5103",
                         "the connection to %s broke while %s: %s", sock->peer, what, why);
    if (error != NULL)
        error->is_retriable = true;
    return status;
}

static Status fail_connect(Error *error, const Socket *sock, const char *why)
{
    Status status =
        fail(error, ERR_UNAVAILABLE, "WR5101", "could not connect to %s: %s", sock->peer, why);
    error_hint(error, "check that the server runs and listens there");
    if (error != NULL)
        error->is_retriable = true;
    return status;
}

static Status socket_connect_address(Socket *sock, const NetAddress *address, int64_t deadline_us,
                                     Error *error)
{
    bool is_there = false;
    int link = sock->net->connect(sock->world, address, &is_there);
    if (link < 0)
        return fail_connect(error, sock, strerror(-link));
    sock->link = link;
    if (is_there)
        return OK;
    Status status = socket_wait(sock, NET_WRITE, deadline_us, error);
    if (status == ERR_AGAIN)
        status = fail_connect(error, sock, "no answer in time");
    int code = status == OK ? -sock->net->verdict(sock->world, link) : 0;
    if (code != 0)
        status = fail_connect(error, sock, strerror(code));
    if (status != OK)
        socket_close(sock);
    return status;
}

static Status socket_connect_path(Socket *sock, const char *path, int64_t deadline_us, Error *error)
{
    NetAddress address;
    snprintf(sock->peer, sizeof sock->peer, "%s", path);
    if (sock->net->find_path(sock->world, path, &address) != 0)
        return fail(error, ERR_INVALID, "WR5102", "the socket path `%s` is too long", path);
    return socket_connect_address(sock, &address, deadline_us, error);
}

Status socket_connect(Socket *sock, const SocketTarget *target, int64_t timeout_us, Error *error)
{
    assert(sock->link < 0);
    assert(target->path != NULL || target->host != NULL);
    int64_t deadline_us = world_monotonic_us(sock->world) + timeout_us;
    if (target->path != NULL)
        return socket_connect_path(sock, target->path, deadline_us, error);
    snprintf(sock->peer, sizeof sock->peer, "%s:%d", target->host, (int)target->port);
    NetAddress addresses[NET_ADDRESSES_MAX];
    int32_t count = 0;
    const char *why = "";
    NetFound found =
        sock->net->find(sock->world, target->host, target->port, addresses, &count, &why);
    if (found == NET_FIND_LATER)
        return fail_connect(error, sock, why);
    if (found == NET_NO_SUCH_HOST) {
        Status status = fail(error, ERR_INVALID, "WR5102",
                             "cannot find the address of host `%s`: %s", target->host, why);
        error_hint(error, "check the spelling of the host name");
        return status;
    }
    Status status = ERR_UNAVAILABLE;
    for (int32_t i = 0; i < count && status == ERR_UNAVAILABLE; i++)
        status = socket_connect_address(sock, &addresses[i], deadline_us, error);
    return status;
}

/* Nothing now, which a wait may change. */
static bool net_is_for_now(int64_t code)
{
    return code == -EAGAIN || code == -EINTR;
}

/* ---- TLS ---- */

static int bio_write(BIO *bio, const char *bytes, int length)
{
    const Socket *sock = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    int64_t count = sock->net->write(sock->world, sock->link, bytes, length);
    if (count < 0 && net_is_for_now(count))
        BIO_set_retry_write(bio);
    return count < 0 ? -1 : (int)count;
}

static int bio_read(BIO *bio, char *into, int length)
{
    const Socket *sock = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    int64_t count = sock->net->read(sock->world, sock->link, into, length);
    if (count < 0 && net_is_for_now(count))
        BIO_set_retry_read(bio);
    return count < 0 ? -1 : (int)count;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO *bio_new(Socket *sock)
{
    static BIO_METHOD *method;
    BIO_METHOD *made = __atomic_load_n(&method, __ATOMIC_ACQUIRE);
    if (made == NULL) {
        made = memory_expect(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "weir socket"));
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_ctrl(made, bio_control);
        BIO_METHOD *expected = NULL;
        if (!__atomic_compare_exchange_n(&method, &expected, made, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE)) {
            BIO_meth_free(made);
            made = expected;
        }
    }
    BIO *bio = memory_expect(BIO_new(made));
    BIO_set_data(bio, sock);
    BIO_set_init(bio, 1);
    return bio;
}

static Status tls_configure(Socket *sock, const TlsOptions *options, Error *error)
{
    sock->context = memory_expect(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(sock->context, TLS1_2_VERSION);
    SSL_CTX_set_mode(sock->context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    ERR_clear_error();
    if (options->ca_file != NULL) {
        if (SSL_CTX_load_verify_locations(sock->context, options->ca_file, NULL) != 1)
            return fail(error, ERR_INVALID, "WR5104", "cannot read certificates from `%s`: %s",
                        options->ca_file, tls_reason());
    } else if (SSL_CTX_set_default_verify_paths(sock->context) != 1) {
        return fail(error, ERR_INVALID, "WR5104", "cannot read the system's certificates: %s",
                    tls_reason());
    }
    if (options->cert_file != NULL) {
        const char *key = options->key_file != NULL ? options->key_file : options->cert_file;
        if (SSL_CTX_use_certificate_chain_file(sock->context, options->cert_file) != 1 ||
            SSL_CTX_use_PrivateKey_file(sock->context, key, SSL_FILETYPE_PEM) != 1)
            return fail(error, ERR_INVALID, "WR5104",
                        "cannot use the client certificate `%s` with key `%s`: %s",
                        options->cert_file, key, tls_reason());
    }
    SSL_CTX_set_verify(sock->context,
                       options->verify == TLS_VERIFY_NONE ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                       NULL);
    sock->ssl = memory_expect(SSL_new(sock->context));
    if (options->host != NULL)
        SSL_set_tlsext_host_name(sock->ssl, options->host);
    if (options->verify == TLS_VERIFY_FULL) {
        assert(options->host != NULL);
        X509_VERIFY_PARAM *param = SSL_get0_param(sock->ssl);
        if (X509_VERIFY_PARAM_set1_ip_asc(param, options->host) != 1)
            SSL_set1_host(sock->ssl, options->host);
        ERR_clear_error();
    }
    return OK;
}

/* What to wait for after an SSL call gave `code`; 0 when it failed for good. */
static int tls_events(const Socket *sock, int code)
{
    int why = SSL_get_error(sock->ssl, code);
    return why == SSL_ERROR_WANT_READ ? NET_READ : why == SSL_ERROR_WANT_WRITE ? NET_WRITE : 0;
}

Status socket_start_tls(Socket *sock, const TlsOptions *options, int64_t timeout_us, Error *error)
{
    assert(sock->link >= 0 && sock->ssl == NULL);
    int64_t deadline_us = world_monotonic_us(sock->world) + timeout_us;
    TRY(tls_configure(sock, options, error));
    BIO *bio = bio_new(sock);
    SSL_set_bio(sock->ssl, bio, bio);
    for (;;) {
        ERR_clear_error();
        int code = SSL_connect(sock->ssl);
        if (code == 1)
            return OK;
        int events = tls_events(sock, code);
        if (events == 0)
            break;
        Status status = socket_wait(sock, events, deadline_us, error);
        if (status == ERR_AGAIN)
            return fail_connect(error, sock, "no answer to the TLS greeting in time");
        TRY(status);
    }
    long verdict = SSL_get_verify_result(sock->ssl);
    if (options->verify != TLS_VERIFY_NONE && verdict != X509_V_OK) {
        Status status =
            fail(error, ERR_PERMISSION, "WR5105", "the certificate of %s is not trusted: %s",
                 sock->peer, X509_verify_cert_error_string(verdict));
        error_hint(error, "name the authority that signed it by the CA file option, or turn "
                          "verification off if the network is trusted");
        return status;
    }
    return fail_lost(error, sock, "starting TLS", tls_reason());
}

/* ---- bytes ---- */

/* One attempt to read: > 0 bytes, 0 end, -1 failed (errno or TLS reason in *why), -2 wait. */
static int64_t socket_try_read(Socket *sock, void *into, int64_t bytes, int *events,
                               const char **why)
{
    if (sock->ssl == NULL) {
        int64_t count = sock->net->read(sock->world, sock->link, into, bytes);
        *events = NET_READ;
        if (count >= 0)
            return count;
        *why = strerror((int)-count);
        return net_is_for_now(count) ? -2 : -1;
    }
    ERR_clear_error();
    size_t got = 0;
    int code = SSL_read_ex(sock->ssl, into, (size_t)bytes, &got);
    if (code == 1)
        return (int64_t)got;
    *events = tls_events(sock, code);
    if (*events != 0)
        return -2;
    if (SSL_get_error(sock->ssl, code) == SSL_ERROR_ZERO_RETURN)
        return 0;
    *why = tls_reason();
    return -1;
}

Status socket_read(Socket *sock, void *into, int64_t bytes_max, int64_t timeout_us, int64_t *got,
                   Error *error)
{
    assert(bytes_max > 0);
    *got = 0;
    if (sock->link < 0)
        return fail_lost(error, sock, "reading", "it is closed");
    int64_t deadline_us = timeout_us > 0 ? world_monotonic_us(sock->world) + timeout_us : 0;
    for (;;) {
        int events = NET_READ;
        const char *why = "";
        int64_t count = socket_try_read(sock, into, bytes_max, &events, &why);
        if (count > 0) {
            *got = count;
            return OK;
        }
        if (count == 0) {
            (void)fail_lost(error, sock, "reading", "the other side closed it");
            return ERR_END;
        }
        if (count == -1)
            return fail_lost(error, sock, "reading", why);
        TRY(socket_wait(sock, events, deadline_us, error));
    }
}

Status socket_read_full(Socket *sock, void *into, int64_t bytes, int64_t timeout_us, Error *error)
{
    int64_t deadline_us = world_monotonic_us(sock->world) + timeout_us;
    int64_t done = 0;
    while (done < bytes) {
        int64_t got = 0;
        int64_t left_us = deadline_us - world_monotonic_us(sock->world);
        Status status = socket_read(sock, (char *)into + done, bytes - done,
                                    left_us > 0 ? left_us : 0, &got, error);
        if (status == ERR_AGAIN)
            return fail_lost(error, sock, "reading", "no answer in time");
        if (status == ERR_END)
            return ERR_UNAVAILABLE;
        TRY(status);
        done += got;
    }
    return OK;
}

static int64_t socket_try_write(Socket *sock, const void *bytes, int64_t length, int *events,
                                const char **why)
{
    if (sock->ssl == NULL) {
        int64_t count = sock->net->write(sock->world, sock->link, bytes, length);
        *events = NET_WRITE;
        if (count >= 0)
            return count;
        *why = strerror((int)-count);
        return net_is_for_now(count) ? -2 : -1;
    }
    ERR_clear_error();
    size_t done = 0;
    int code = SSL_write_ex(sock->ssl, bytes, (size_t)length, &done);
    if (code == 1)
        return (int64_t)done;
    *events = tls_events(sock, code);
    if (*events != 0)
        return -2;
    *why = tls_reason();
    return -1;
}

Status socket_write(Socket *sock, const void *bytes, int64_t length, int64_t timeout_us,
                    Error *error)
{
    if (sock->link < 0)
        return fail_lost(error, sock, "writing", "it is closed");
    const char *at = bytes;
    while (length > 0) {
        int events = NET_WRITE;
        const char *why = "";
        int64_t count = socket_try_write(sock, at, length, &events, &why);
        if (count == -1)
            return fail_lost(error, sock, "writing", why);
        if (count < 0) {
            int64_t deadline_us = world_monotonic_us(sock->world) + timeout_us;
            Status status = socket_wait(sock, events, deadline_us, error);
            if (status == ERR_AGAIN)
                return fail_lost(error, sock, "writing", "it took nothing in time");
            TRY(status);
            continue;
        }
        at += count;
        length -= count;
    }
    return OK;
}
