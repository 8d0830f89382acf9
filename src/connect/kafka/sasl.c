/* Passwords: PLAIN, and SCRAM (RFC 5802) with SHA-256 or SHA-512, by which the broker proves that
 * it knows the password, too. */
#include <openssl/crypto.h>

#include "base/base64.h"
#include "base/scram.h"
#include "connect/kafka/coordinator.h"

enum {
    KEY_HANDSHAKE = 17,
    KEY_AUTHENTICATE = 36,
    ITERATIONS_MAX = 1 << 20, /* Kafka: 16,384; more would keep us busy for seconds */
};

static Status sasl_refused(Str reason, Error *error)
{
    return fail(error, ERR_PERMISSION, "WR3429",
                "the Kafka broker refuses the name or password: %.*s", STR_ARGS(reason));
}

static Status sasl_handshake(KafkaWire *wire, Str mechanism, Error *error)
{
    kafka_wire_begin(wire, KEY_HANDSHAKE, 1);
    kafka_wire_put_text(&wire->out, mechanism);
    Str body;
    TRY(kafka_wire_ask(wire, &body, error));
    int16_t code;
    if (!kafka_wire_take16(&body, &code) || code != 0)
        return sasl_refused(STR("it does not know the mechanism"), error);
    return OK;
}

/* One step; *answer borrows until the next. */
static Status sasl_step(KafkaWire *wire, Str bytes, Str *answer, Error *error)
{
    kafka_wire_begin(wire, KEY_AUTHENTICATE, 0);
    buffer_append_u8(&wire->out, (uint8_t)(bytes.length >> 24));
    buffer_append_u8(&wire->out, (uint8_t)(bytes.length >> 16));
    buffer_append_u8(&wire->out, (uint8_t)(bytes.length >> 8));
    buffer_append_u8(&wire->out, (uint8_t)bytes.length);
    buffer_append_str(&wire->out, bytes);
    Str body, message;
    TRY(kafka_wire_ask(wire, &body, error));
    int16_t code;
    if (!kafka_wire_take16(&body, &code) || !kafka_wire_take_text(&body, &message) ||
        !kafka_wire_take_bytes(&body, answer))
        return sasl_refused(STR("its answer makes no sense"), error);
    return code == 0 ? OK : sasl_refused(message, error);
}

static Status sasl_plain(KafkaWire *wire, Str username, Str password, Error *error)
{
    Buffer bytes = {0};
    Str answer;
    buffer_append_char(&bytes, '\0');
    buffer_append_str(&bytes, username);
    buffer_append_char(&bytes, '\0');
    buffer_append_str(&bytes, password);
    Status status = sasl_step(wire, buffer_str(&bytes), &answer, error);
    buffer_free(&bytes);
    return status;
}

/* ---- SCRAM --------------------------------------------------------------------------------- */

typedef struct Scram {
    ScramKind kind;
    Str password;
    Buffer first_bare, server_first, final_bare; /* what the proof covers */
    uint8_t salted[SCRAM_BYTES_MAX];
} Scram;

static bool scram_take_salt(Scram *scram, Str nonce)
{
    Str message = buffer_str(&scram->server_first);
    int64_t iterations;
    Buffer salt = {0};
    bool is_good = str_has_prefix(scram_part(message, 'r'), nonce) &&
                   str_parse_int64(scram_part(message, 'i'), &iterations) &&
                   iterations >= SCRAM_ITERATIONS_LEAST && iterations <= ITERATIONS_MAX &&
                   base64_decode(&salt, scram_part(message, 's')) &&
                   scram_salt(scram->kind, scram->password, buffer_str(&salt), (int32_t)iterations,
                              scram->salted);
    buffer_free(&salt);
    return is_good;
}

/* The client's proof, and the signature that the broker has to answer with. */
static void scram_prove(Scram *scram, Buffer *proof, uint8_t *wanted)
{
    uint8_t client_key[SCRAM_BYTES_MAX], stored[SCRAM_BYTES_MAX];
    uint8_t signature[SCRAM_BYTES_MAX], server_key[SCRAM_BYTES_MAX];
    Buffer covered = {0};
    buffer_append_str(&covered, buffer_str(&scram->first_bare));
    buffer_append_char(&covered, ',');
    buffer_append_str(&covered, buffer_str(&scram->server_first));
    buffer_append_char(&covered, ',');
    buffer_append_str(&covered, buffer_str(&scram->final_bare));
    scram_client_key(scram->kind, scram->salted, client_key);
    scram_hash(scram->kind, client_key, stored);
    scram_sign(scram->kind, stored, buffer_str(&covered), signature);
    scram_server_key(scram->kind, scram->salted, server_key);
    scram_sign(scram->kind, server_key, buffer_str(&covered), wanted);
    int32_t size = scram_bytes(scram->kind);
    for (int32_t i = 0; i < size; i++)
        client_key[i] ^= signature[i];
    base64_encode(proof, str_make((const char *)client_key, size));
    buffer_free(&covered);
}

static void scram_first(Scram *scram, World *world, Str username, Buffer *nonce)
{
    buffer_printf(nonce, "%016llx%016llx", (unsigned long long)world->kind->random_u64(world),
                  (unsigned long long)world->kind->random_u64(world));
    buffer_append_text(&scram->first_bare, "n=");
    for (int64_t i = 0; i < username.length; i++) {
        char c = username.data[i];
        if (c == '=' || c == ',')
            buffer_append_text(&scram->first_bare, c == '=' ? "=3D" : "=2C");
        else
            buffer_append_char(&scram->first_bare, c);
    }
    buffer_append_text(&scram->first_bare, ",r=");
    buffer_append_str(&scram->first_bare, buffer_str(nonce));
}

static Status scram_finish(Scram *scram, KafkaWire *wire, Error *error)
{
    Buffer proof = {0}, message = {0}, signature = {0};
    uint8_t wanted[SCRAM_BYTES_MAX];
    Str nonce = scram_part(buffer_str(&scram->server_first), 'r');
    Str answer;
    buffer_append_text(&scram->final_bare, "c=biws,r=");
    buffer_append_str(&scram->final_bare, nonce);
    scram_prove(scram, &proof, wanted);
    buffer_append_str(&message, buffer_str(&scram->final_bare));
    buffer_append_text(&message, ",p=");
    buffer_append_str(&message, buffer_str(&proof));
    Status status = sasl_step(wire, buffer_str(&message), &answer, error);
    if (status == OK && (!base64_decode(&signature, scram_part(answer, 'v')) ||
                         signature.length != scram_bytes(scram->kind) ||
                         CRYPTO_memcmp(signature.data, wanted, (size_t)signature.length) != 0))
        status = sasl_refused(STR("it does not know the password itself"), error);
    buffer_free(&proof);
    buffer_free(&message);
    buffer_free(&signature);
    return status;
}

static Status sasl_scram(KafkaWire *wire, Str username, Scram *scram, Error *error)
{
    Buffer nonce = {0}, message = {0};
    Str answer;
    scram_first(scram, wire->world, username, &nonce);
    buffer_append_text(&message, "n,,");
    buffer_append_str(&message, buffer_str(&scram->first_bare));
    Status status = sasl_step(wire, buffer_str(&message), &answer, error);
    if (status == OK) {
        buffer_append_str(&scram->server_first, answer);
        status = scram_take_salt(scram, buffer_str(&nonce))
                     ? scram_finish(scram, wire, error)
                     : sasl_refused(STR("its challenge makes no sense"), error);
    }
    buffer_free(&nonce);
    buffer_free(&message);
    return status;
}

Status kafka_sasl(KafkaWire *wire, Str mechanism, Str username, Str password, Error *error)
{
    TRY(sasl_handshake(wire, mechanism, error));
    if (str_is(mechanism, "PLAIN"))
        return sasl_plain(wire, username, password, error);
    Scram scram = {.kind = str_is(mechanism, "SCRAM-SHA-512") ? SCRAM_SHA_512 : SCRAM_SHA_256,
                   .password = password};
    Status status = sasl_scram(wire, username, &scram, error);
    OPENSSL_cleanse(scram.salted, sizeof scram.salted);
    buffer_free(&scram.first_bare);
    buffer_free(&scram.server_first);
    buffer_free(&scram.final_bare);
    return status;
}
