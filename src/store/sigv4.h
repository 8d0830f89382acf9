/* AWS Signature Version 4, as S3 wants it: the path is encoded once and not tidied up.
 *
 * A request is written in a canonical form, hashed, and the hash signed with a key that is derived
 * from the secret for one day, region and service. Path and query go over the wire in the same
 * encoding that is signed, so whoever sends takes them from here. */
#ifndef WEIR_STORE_SIGV4_H
#define WEIR_STORE_SIGV4_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/str.h"

enum { SIGV4_HASH_BYTES = 65, SIGV4_TIME_BYTES = 17 }; /* with the terminator */

typedef struct SigField {
    Str name, value;
} SigField;

typedef struct SigKey {
    Str access_key, secret_key;
    Str region, service;
} SigKey;

/* Nothing in it is encoded yet. */
typedef struct SigRequest {
    const char *method;
    Str path; /* begins with a slash */
    const SigField *query;
    int32_t query_count;
    const SigField *headers; /* those to sign, in lower case: host and x-amz-date among them */
    int32_t header_count;
    const char *payload_hash;
    const char *time; /* as in x-amz-date */
} SigRequest;

/* The value of the header Authorization. */
void sigv4_sign(const SigRequest *request, const SigKey *key, Buffer *out);

/* For x-amz-content-sha256: SHA-256 in hexadecimal digits. */
void sigv4_hash(Str bytes, char hex[SIGV4_HASH_BYTES]);
/* For x-amz-date: 20150830T123600Z. */
void sigv4_time(int64_t time_us, char text[SIGV4_TIME_BYTES]);

void sigv4_encode_path(Str path, Buffer *out);
/* name=value&…, sorted. */
void sigv4_encode_query(const SigField *query, int32_t count, Buffer *out);

#endif
