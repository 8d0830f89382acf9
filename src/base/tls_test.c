/* The server's side of TLS against OpenSSL's client, byte by byte and at once; what is no TLS. */
#include "base/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/testing.h"

static char folder[] = "/tmp/weir-tls-XXXXXX";

/* A certificate that signs itself, and its key. */
static void write_identity(const char *cert_path, const char *key_path, int serial)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"hub", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    FILE *file = fopen(cert_path, "w");
    assert_true(PEM_write_X509(file, cert));
    fclose(file);
    file = fopen(key_path, "w");
    assert_true(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
    fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static TlsFiles make_files(void)
{
    static char cert[64], key[64];
    snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    write_identity(cert, key, 1);
    return (TlsFiles){.cert = cert, .key = key};
}

/* OpenSSL's client over buffers. */
typedef struct Client {
    SSL_CTX *context;
    SSL *ssl;
} Client;

static Client client_new(void)
{
    Client client = {.context = SSL_CTX_new(TLS_client_method())};
    client.ssl = SSL_new(client.context);
    SSL_set_bio(client.ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(client.ssl);
    return client;
}

static void client_free(Client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
}

/* What the client has to send, in pieces of that many bytes, and what comes back. */
static void exchange(Client *client, TlsSession *session, size_t piece, Buffer *plain)
{
    char bytes[4096];
    int got;
    while ((got = BIO_read(SSL_get_wbio(client->ssl), bytes, (int)piece)) > 0) {
        Buffer out = {0};
        tls_session_take(session, str_make(bytes, got), plain, &out);
        if (out.length > 0)
            assert_int_equal(BIO_write(SSL_get_rbio(client->ssl), out.data, (int)out.length),
                             out.length);
        buffer_free(&out);
    }
}

static void check_conversation(TlsServer *server, size_t piece)
{
    enum { MANY = 1000 * 1000 };
    Client client = client_new();
    TlsSession *session = tls_session_new(server);
    Buffer plain = {0}, sealed = {0};
    for (int i = 0; i < 4 && SSL_do_handshake(client.ssl) != 1; i++)
        exchange(&client, session, piece, &plain);
    exchange(&client, session, piece, &plain);
    assert_int_equal(tls_session_state(session), TLS_OPEN);
    char *text = malloc(MANY), *back = malloc(MANY);
    for (int i = 0; i < MANY; i++)
        text[i] = (char)(i * 31 % 251);
    assert_int_equal(SSL_write(client.ssl, text, MANY), MANY);
    exchange(&client, session, piece, &plain);
    assert_int_equal(plain.length, MANY);
    assert_memory_equal(plain.data, text, MANY);
    tls_session_put(session, buffer_str(&plain), &sealed);
    assert_int_equal(BIO_write(SSL_get_rbio(client.ssl), sealed.data, (int)sealed.length),
                     sealed.length);
    int count = 0;
    for (int got; count < MANY && (got = SSL_read(client.ssl, back + count, MANY - count)) > 0;)
        count += got;
    assert_int_equal(count, MANY);
    assert_memory_equal(back, text, MANY);
    SSL_shutdown(client.ssl);
    exchange(&client, session, piece, &plain);
    assert_int_equal(tls_session_state(session), TLS_ENDED);
    free(text);
    free(back);
    buffer_free(&plain);
    buffer_free(&sealed);
    tls_session_free(session);
    client_free(&client);
}

static void test_talks(void **state)
{
    (void)state;
    TlsFiles files = make_files();
    TlsServer *server;
    Error error = {0};
    assert_int_equal(tls_server_new(world_system(), &files, &server, &error), OK);
    static const size_t pieces[] = {1, 7, 4096};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
        check_conversation(server, pieces[i]);
    tls_server_free(server);
}

static void test_what_is_no_tls_fails(void **state)
{
    (void)state;
    TlsFiles files = make_files();
    TlsServer *server;
    Error error = {0};
    assert_int_equal(tls_server_new(world_system(), &files, &server, &error), OK);
    static const char *const greetings[] = {"GET / HTTP/1.0\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"};
    for (size_t i = 0; i < sizeof greetings / sizeof greetings[0]; i++) {
        TlsSession *session = tls_session_new(server);
        Buffer plain = {0}, out = {0};
        assert_int_equal(tls_session_take(session, str_from(greetings[i]), &plain, &out),
                         TLS_FAILED);
        assert_true(tls_session_reason(session)[0] != '\0');
        assert_int_equal(plain.length, 0);
        buffer_free(&plain);
        buffer_free(&out);
        tls_session_free(session);
    }
    tls_server_free(server);
}

static void test_files_have_to_fit(void **state)
{
    (void)state;
    TlsFiles files = make_files();
    char other_cert[64], other_key[64];
    snprintf(other_cert, sizeof other_cert, "%s/other.pem", folder);
    snprintf(other_key, sizeof other_key, "%s/other.key", folder);
    write_identity(other_cert, other_key, 2);
    TlsFiles wrong[] = {{files.cert, other_key, NULL},
                        {"/no/such/file", files.key, NULL},
                        {files.key, files.key, NULL},
                        {files.cert, files.key, files.key}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        TlsServer *server = NULL;
        Error error = {0};
        assert_int_equal(tls_server_new(world_system(), &wrong[i], &server, &error), ERR_INVALID);
        assert_string_equal(error.code, "WR5108");
        assert_null(server);
    }
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    return world_remove_tree(world_system(), folder, NULL) != OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_talks),
        cmocka_unit_test(test_what_is_no_tls_fails),
        cmocka_unit_test(test_files_have_to_fit),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
