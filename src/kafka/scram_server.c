#include "kafka/scram_server.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/base64.h"

enum { NONCE_BYTES_MAX = 256, NONCE_NUMBERS = 3 };

ScramSecret scram_secret_new(World *world)
{
    ScramSecret secret;
    for (size_t i = 0; i < sizeof secret.bytes; i += sizeof(uint64_t)) {
        uint64_t random = world->kind->random_u64(world);
        memcpy(secret.bytes + i, &random, sizeof random);
    }
    return secret;
}

/* "=2C" and "=3D" are comma and equals sign; any other = is a mistake. */
static bool decode_name(Str name, Arena *arena, Str *out)
{
    char *text = arena_allocate(arena, name.length + 1);
    int64_t length = 0;
    for (int64_t i = 0; i < name.length; i++) {
        Str rest = str_make(name.data + i, name.length - i);
        bool is_comma = str_has_prefix(rest, STR("=2C")),
             is_sign = str_has_prefix(rest, STR("=3D"));
        if (name.data[i] == '=' && !is_comma && !is_sign)
            return false;
        text[length++] = is_comma ? ',' : name.data[i];
        i += is_comma || is_sign ? 2 : 0;
    }
    text[length] = '\0';
    *out = str_make(text, length);
    return length > 0;
}

/* Without channel binding: "n,," or "y,,", or with who he wants to be, if that is himself. */
bool scram_server_begin(ScramServer *scram, ScramKind kind, Str message, Arena *arena, Str *user)
{
    *scram = (ScramServer){.kind = kind};
    message = str_copy(arena, message);
    Str rest, authorization, name = {0};
    Str binding = str_split(message, ',', &rest);
    if (rest.data == NULL || (!str_is(binding, "n") && !str_is(binding, "y")))
        return false;
    authorization = str_split(rest, ',', &rest);
    if (rest.data == NULL)
        return false;
    scram->greeting = str_make(message.data, rest.data - message.data);
    scram->first = rest;
    scram->client_nonce = scram_part(rest, 'r');
    /* A part that begins with m= is an extension that must be understood. */
    if (!str_has_prefix(rest, STR("n=")) || scram->client_nonce.length == 0 ||
        scram->client_nonce.length > NONCE_BYTES_MAX)
        return false;
    name = scram_part(rest, 'n');
    if (!decode_name(name, arena, &scram->user))
        return false;
    *user = scram->user;
    return authorization.length == 0 ||
           (str_has_prefix(authorization, STR("a=")) &&
            str_equal(str_make(authorization.data + 2, authorization.length - 2), name));
}

/* For a user that is not there: a salt that is always the same, keys that nobody has. */
static Verifier invent(ScramKind kind, Str user, const ScramSecret *secret)
{
    Verifier verifier = {.iterations = SCRAM_ITERATIONS_LEAST * 2, .salt_bytes = 16};
    uint8_t hash[SCRAM_BYTES_MAX];
    scram_sign(kind, secret->bytes, user, hash);
    memcpy(verifier.salt, hash, (size_t)verifier.salt_bytes);
    scram_sign(kind, hash, STR("stored"), verifier.stored_key);
    return verifier;
}

void scram_server_challenge(ScramServer *scram, World *world, Arena *arena,
                            const Verifier *verifier, const ScramSecret *secret, Buffer *out)
{
    scram->verifier = verifier != NULL ? *verifier : invent(scram->kind, scram->user, secret);
    Buffer text = {0};
    buffer_append_str(&text, scram->client_nonce);
    for (int32_t i = 0; i < NONCE_NUMBERS; i++)
        buffer_printf(&text, "%016llx", (unsigned long long)world->kind->random_u64(world));
    scram->nonce = str_copy(arena, buffer_str(&text));
    text.length = 0;
    buffer_printf(&text, "r=%.*s,s=", STR_ARGS(scram->nonce));
    base64_encode(&text, str_make((const char *)scram->verifier.salt, scram->verifier.salt_bytes));
    buffer_printf(&text, ",i=%d", scram->verifier.iterations);
    scram->challenge = str_copy(arena, buffer_str(&text));
    buffer_append_str(out, scram->challenge);
    buffer_free(&text);
}

/* What both sides sign. */
static void append_signed(Buffer *out, const ScramServer *scram, Str without_proof)
{
    buffer_append_str(out, scram->first);
    buffer_append_char(out, ',');
    buffer_append_str(out, scram->challenge);
    buffer_append_char(out, ',');
    buffer_append_str(out, without_proof);
}

static bool proof_is_good(const ScramServer *scram, Str messages, Str proof)
{
    int32_t bytes = scram_bytes(scram->kind);
    uint8_t signature[SCRAM_BYTES_MAX], key[SCRAM_BYTES_MAX], stored[SCRAM_BYTES_MAX];
    if (proof.length != bytes)
        return false;
    scram_sign(scram->kind, scram->verifier.stored_key, messages, signature);
    for (int32_t i = 0; i < bytes; i++)
        key[i] = (uint8_t)(signature[i] ^ (uint8_t)proof.data[i]);
    scram_hash(scram->kind, key, stored);
    return CRYPTO_memcmp(stored, scram->verifier.stored_key, (size_t)bytes) == 0;
}

/* Both sides' nonce. librdkafka before 2.6 puts its own before it once more; the proof covers what
 * it sends, with our part in it, so that is as good. */
static bool nonce_is_good(const ScramServer *scram, Str nonce)
{
    bool is_doubled = nonce.length == scram->client_nonce.length + scram->nonce.length &&
                      str_has_prefix(nonce, scram->client_nonce) &&
                      str_has_suffix(nonce, scram->nonce);
    return is_doubled || str_equal(nonce, scram->nonce);
}

bool scram_server_finish(const ScramServer *scram, Str message, Buffer *out)
{
    Buffer binding = {0}, proof = {0}, messages = {0};
    Str encoded = scram_part(message, 'p');
    bool is_last =
        encoded.data != NULL && encoded.data + encoded.length == message.data + message.length;
    bool is_good = is_last && nonce_is_good(scram, scram_part(message, 'r')) &&
                   base64_decode(&binding, scram_part(message, 'c')) &&
                   str_equal(buffer_str(&binding), scram->greeting) &&
                   base64_decode(&proof, encoded);
    if (is_good) {
        append_signed(&messages, scram,
                      str_make(message.data, encoded.data - message.data - 3 /* ,p= */));
        is_good = proof_is_good(scram, buffer_str(&messages), buffer_str(&proof));
    }
    if (is_good) {
        uint8_t signature[SCRAM_BYTES_MAX];
        scram_sign(scram->kind, scram->verifier.server_key, buffer_str(&messages), signature);
        buffer_append_text(out, "v=");
        base64_encode(out, str_make((const char *)signature, scram_bytes(scram->kind)));
    }
    buffer_free(&binding);
    buffer_free(&proof);
    buffer_free(&messages);
    return is_good;
}
