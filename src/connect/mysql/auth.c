/* Challenge and response: see auth.h. */
#include "connect/mysql/auth.h"

#include <assert.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/memory.h"

enum { SHA1_BYTES = 20, SHA256_BYTES = 32, PASSWORD_BYTES_MAX = 512 };

static void digest(const EVP_MD *kind, Str a, Str b, uint8_t *out)
{
    EVP_MD_CTX *context = memory_expect(EVP_MD_CTX_new());
    unsigned int length = 0;
    bool is_done = EVP_DigestInit_ex(context, kind, NULL) == 1 &&
                   EVP_DigestUpdate(context, a.data, (size_t)a.length) == 1 &&
                   EVP_DigestUpdate(context, b.data, (size_t)b.length) == 1 &&
                   EVP_DigestFinal_ex(context, out, &length) == 1;
    assert(is_done);
    EVP_MD_CTX_free(context);
}

/* H(password) xor H(...): native mixes (scramble, H(H(password))), sha2 the other way. */
static void auth_scramble(const EVP_MD *kind, bool is_scramble_first, Str password, Str scramble,
                          Buffer *out)
{
    uint8_t once[SHA256_BYTES], twice[SHA256_BYTES], mixed[SHA256_BYTES];
    int32_t bytes = EVP_MD_get_size(kind);
    assert(bytes > 0 && bytes <= SHA256_BYTES);
    digest(kind, password, (Str){.data = ""}, once);
    Str first = str_make((const char *)once, bytes);
    digest(kind, first, (Str){.data = ""}, twice);
    Str second = str_make((const char *)twice, bytes);
    if (is_scramble_first)
        digest(kind, scramble, second, mixed);
    else
        digest(kind, second, scramble, mixed);
    for (int32_t i = 0; i < bytes; i++)
        buffer_append_u8(out, (uint8_t)(once[i] ^ mixed[i]));
}

Status auth_answer(Str plugin, Str password, Str scramble, Buffer *out, Error *error)
{
    if (password.length == 0 &&
        (str_is(plugin, "mysql_native_password") || str_is(plugin, "caching_sha2_password")))
        return OK;
    if (str_is(plugin, "mysql_native_password")) {
        auth_scramble(EVP_sha1(), true, password, scramble, out);
        return OK;
    }
    if (str_is(plugin, "caching_sha2_password")) {
        auth_scramble(EVP_sha256(), false, password, scramble, out);
        return OK;
    }
    Status status = fail(error, ERR_INVALID, "WR3105",
                         "the server asks for the authentication plugin `%.*s`, which is not "
                         "supported",
                         STR_ARGS(plugin));
    error_hint(error, "create the user with mysql_native_password (MariaDB) or "
                      "caching_sha2_password (MySQL)");
    return status;
}

Status auth_encrypt(Str password, Str scramble, Str pem, Buffer *out, Error *error)
{
    char mixed[PASSWORD_BYTES_MAX + 1];
    if (password.length > PASSWORD_BYTES_MAX || scramble.length == 0)
        return fail(error, ERR_LIMIT, "WR3105", "the password is longer than %d bytes",
                    PASSWORD_BYTES_MAX);
    for (int64_t i = 0; i <= password.length; i++)
        mixed[i] = (char)((i < password.length ? password.data[i] : 0) ^
                          scramble.data[i % scramble.length]);
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.length);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    EVP_PKEY_CTX *context = key != NULL ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    size_t length = 0;
    bool is_done = context != NULL && EVP_PKEY_encrypt_init(context) == 1 &&
                   EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
                   EVP_PKEY_encrypt(context, NULL, &length, (const uint8_t *)mixed,
                                    (size_t)password.length + 1) == 1;
    if (is_done) {
        uint8_t *into = (uint8_t *)buffer_reserve(out, (int64_t)length);
        is_done = EVP_PKEY_encrypt(context, into, &length, (const uint8_t *)mixed,
                                   (size_t)password.length + 1) == 1;
        if (is_done)
            out->length += (int64_t)length;
    }
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
    OPENSSL_cleanse(mixed, sizeof mixed);
    return is_done ? OK
                   : fail(error, ERR_DECODE, "WR3105", "cannot use the public key of the server");
}
