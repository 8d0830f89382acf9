/* The four steps of AWS's documentation: canonical request, string to sign, key, signature. */
#include "store/sigv4.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <time.h>

enum { DIGEST_BYTES = 32, DAY_BYTES = 8 };

static const char algorithm[] = "AWS4-HMAC-SHA256";

/* ---- Encoding ---------------------------------------------------------------------------- */

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static void encode(Str text, bool keeps_slash, Buffer *out)
{
    for (int64_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (is_unreserved(c) || (c == '/' && keeps_slash))
            buffer_append_char(out, c);
        else
            buffer_printf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
}

void sigv4_encode_path(Str path, Buffer *out)
{
    encode(path, true, out);
}

static int compare_fields(const void *a, const void *b)
{
    const SigField *left = a, *right = b;
    int order = str_compare(left->name, right->name);
    return order != 0 ? order : str_compare(left->value, right->value);
}

static Str encode_copy(Str text, Arena *arena)
{
    Buffer encoded = {0};
    encode(text, false, &encoded);
    Str copy = str_copy(arena, buffer_str(&encoded));
    buffer_free(&encoded);
    return copy;
}

/* Sorted by what they are encoded to: `%` stands before letters. */
void sigv4_encode_query(const SigField *query, int32_t count, Buffer *out)
{
    Arena *arena = arena_new(0);
    SigField *fields = ARENA_ARRAY(arena, SigField, count);
    for (int32_t i = 0; i < count; i++)
        fields[i] = (SigField){.name = encode_copy(query[i].name, arena),
                               .value = encode_copy(query[i].value, arena)};
    if (count > 1)
        qsort(fields, (size_t)count, sizeof *fields, compare_fields);
    for (int32_t i = 0; i < count; i++)
        buffer_printf(out, "%s%.*s=%.*s", i > 0 ? "&" : "", STR_ARGS(fields[i].name),
                      STR_ARGS(fields[i].value));
    arena_free(arena);
}

static void append_hex(const uint8_t *bytes, int32_t count, Buffer *out)
{
    for (int32_t i = 0; i < count; i++)
        buffer_printf(out, "%02x", (unsigned)bytes[i]);
}

void sigv4_hash(Str bytes, char hex[SIGV4_HASH_BYTES])
{
    uint8_t digest[DIGEST_BYTES];
    unsigned length = sizeof digest;
    int is_done = EVP_Digest(bytes.data, (size_t)bytes.length, digest, &length, EVP_sha256(), NULL);
    assert(is_done == 1 && length == sizeof digest);
    Buffer text = {0};
    append_hex(digest, DIGEST_BYTES, &text);
    memcpy(hex, buffer_terminated(&text), SIGV4_HASH_BYTES);
    buffer_free(&text);
}

void sigv4_time(int64_t time_us, char text[SIGV4_TIME_BYTES])
{
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    size_t length = strftime(text, SIGV4_TIME_BYTES, "%Y%m%dT%H%M%SZ", &parts);
    assert(length == SIGV4_TIME_BYTES - 1);
}

/* ---- Signing ----------------------------------------------------------------------------- */

static SigField *sorted_headers(const SigRequest *request, Arena *arena)
{
    SigField *headers = ARENA_ARRAY(arena, SigField, request->header_count);
    memcpy(headers, request->headers, sizeof *headers * (size_t)request->header_count);
    qsort(headers, (size_t)request->header_count, sizeof *headers, compare_fields);
    return headers;
}

static void append_signed_names(const SigField *headers, int32_t count, Buffer *out)
{
    for (int32_t i = 0; i < count; i++)
        buffer_printf(out, "%s%.*s", i > 0 ? ";" : "", STR_ARGS(headers[i].name));
}

static void canonical_request(const SigRequest *request, const SigField *headers, Buffer *out)
{
    buffer_printf(out, "%s\n", request->method);
    sigv4_encode_path(request->path, out);
    buffer_append_char(out, '\n');
    sigv4_encode_query(request->query, request->query_count, out);
    buffer_append_char(out, '\n');
    for (int32_t i = 0; i < request->header_count; i++)
        buffer_printf(out, "%.*s:%.*s\n", STR_ARGS(headers[i].name), STR_ARGS(headers[i].value));
    buffer_append_char(out, '\n');
    append_signed_names(headers, request->header_count, out);
    buffer_printf(out, "\n%s", request->payload_hash);
}

/* The digest becomes the key of the next step. */
static void hmac_step(uint8_t key[DIGEST_BYTES], Str text)
{
    unsigned length = DIGEST_BYTES;
    uint8_t digest[DIGEST_BYTES];
    const uint8_t *done = HMAC(EVP_sha256(), key, DIGEST_BYTES, (const uint8_t *)text.data,
                               (size_t)text.length, digest, &length);
    assert(done != NULL && length == DIGEST_BYTES);
    memcpy(key, digest, DIGEST_BYTES);
}

static void derive_key(const SigKey *key, Str day, uint8_t out[DIGEST_BYTES])
{
    Buffer secret = {0};
    unsigned length = DIGEST_BYTES;
    buffer_append_text(&secret, "AWS4");
    buffer_append_str(&secret, key->secret_key);
    const uint8_t *done = HMAC(EVP_sha256(), secret.data, (int)secret.length,
                               (const uint8_t *)day.data, (size_t)day.length, out, &length);
    assert(done != NULL);
    buffer_free(&secret);
    hmac_step(out, key->region);
    hmac_step(out, key->service);
    hmac_step(out, STR("aws4_request"));
}

void sigv4_sign(const SigRequest *request, const SigKey *key, Buffer *out)
{
    Arena *arena = arena_new(0);
    Buffer text = {0};
    char hash[SIGV4_HASH_BYTES];
    uint8_t digest[DIGEST_BYTES];
    assert(request->path.length > 0 && request->path.data[0] == '/');
    const SigField *headers = sorted_headers(request, arena);
    canonical_request(request, headers, &text);
    sigv4_hash(buffer_str(&text), hash);
    Str day = str_make(request->time, DAY_BYTES);
    const char *scope = arena_printf(arena, "%.*s/%.*s/%.*s/aws4_request", STR_ARGS(day),
                                     STR_ARGS(key->region), STR_ARGS(key->service));
    text.length = 0;
    buffer_printf(&text, "%s\n%s\n%s\n%s", algorithm, request->time, scope, hash);
    derive_key(key, day, digest);
    hmac_step(digest, buffer_str(&text));
    buffer_printf(out, "%s Credential=%.*s/%s, SignedHeaders=", algorithm,
                  STR_ARGS(key->access_key), scope);
    append_signed_names(headers, request->header_count, out);
    buffer_append_text(out, ", Signature=");
    append_hex(digest, DIGEST_BYTES, out);
    buffer_free(&text);
    arena_free(arena);
}
