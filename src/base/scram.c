#include "base/scram.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/memory.h"

static const EVP_MD *digest_of(ScramKind kind)
{
    return kind == SCRAM_SHA_512 ? EVP_sha512() : EVP_sha256();
}

const char *scram_name(ScramKind kind)
{
    return kind == SCRAM_SHA_512 ? "SCRAM-SHA-512" : "SCRAM-SHA-256";
}

int32_t scram_bytes(ScramKind kind)
{
    return kind == SCRAM_SHA_512 ? 64 : 32;
}

bool scram_salt(ScramKind kind, Str password, Str salt, int32_t iterations, uint8_t *salted)
{
    return PKCS5_PBKDF2_HMAC(password.data != NULL ? password.data : "", (int)password.length,
                             (const unsigned char *)salt.data, (int)salt.length, iterations,
                             digest_of(kind), scram_bytes(kind), salted) == 1;
}

void scram_sign(ScramKind kind, const uint8_t *key, Str text, uint8_t *out)
{
    unsigned int size;
    memory_expect(HMAC(digest_of(kind), key, scram_bytes(kind), (const unsigned char *)text.data,
                       (size_t)text.length, out, &size));
}

void scram_client_key(ScramKind kind, const uint8_t *salted, uint8_t *client_key)
{
    scram_sign(kind, salted, STR("Client Key"), client_key);
}

void scram_server_key(ScramKind kind, const uint8_t *salted, uint8_t *server_key)
{
    scram_sign(kind, salted, STR("Server Key"), server_key);
}

void scram_hash(ScramKind kind, const uint8_t *bytes, uint8_t *out)
{
    int is_hashed = EVP_Digest(bytes, (size_t)scram_bytes(kind), out, NULL, digest_of(kind), NULL);
    assert(is_hashed == 1);
}

Str scram_part(Str message, char name)
{
    Str rest = message;
    while (rest.data != NULL) {
        Str part = str_split(rest, ',', &rest);
        if (part.length > 2 && part.data[0] == name && part.data[1] == '=')
            return str_make(part.data + 2, part.length - 2);
    }
    return (Str){0};
}
