/* The arithmetic of SCRAM (RFC 5802; RFC 7677 for SHA-256; SHA-512 as Kafka has it), for both
 * sides.
 *
 *     salted = PBKDF2(password, salt, iterations)
 *     client key = HMAC(salted, "Client Key")      stored key = H(client key)
 *     server key = HMAC(salted, "Server Key")
 *     proof = client key XOR HMAC(stored key, messages)      signature = HMAC(server key, messages)
 *
 * A server that has stored key and server key can check a proof and sign, and cannot log in. */
#ifndef WEIR_BASE_SCRAM_H
#define WEIR_BASE_SCRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

typedef enum ScramKind { SCRAM_SHA_256 = 1, SCRAM_SHA_512 = 2 } ScramKind; /* Kafka's numbers */

enum { SCRAM_KIND_COUNT = 2, SCRAM_BYTES_MAX = 64, SCRAM_ITERATIONS_LEAST = 4096 };

/* "SCRAM-SHA-256" */
const char *scram_name(ScramKind kind);
/* Of a hash: 32 or 64. */
int32_t scram_bytes(ScramKind kind);

/* False: OpenSSL refuses that many iterations, or that salt. */
bool scram_salt(ScramKind kind, Str password, Str salt, int32_t iterations, uint8_t *salted);
void scram_client_key(ScramKind kind, const uint8_t *salted, uint8_t *client_key);
void scram_server_key(ScramKind kind, const uint8_t *salted, uint8_t *server_key);
void scram_hash(ScramKind kind, const uint8_t *bytes, uint8_t *out);
/* HMAC(key, text) */
void scram_sign(ScramKind kind, const uint8_t *key, Str text, uint8_t *out);

/* The value of `name=…` among parts with commas between them; NULL data: there is none. */
Str scram_part(Str message, char name);

#endif
