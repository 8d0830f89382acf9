/* Signed requests to one bucket, over libcurl.
 *
 * What may pass by itself is tried again: no connection, an answer that breaks off, 5xx and 429;
 * after a pause that doubles and is never the same twice. A read that broke off goes on where it
 * was. All other refusals are told at once, each with a code and what to do. Safe from any thread;
 * as many connections as there are threads. libcurl is the one thing that reaches the network
 * without base/socket.h. */
#ifndef WEIR_STORE_S3_CLIENT_H
#define WEIR_STORE_S3_CLIENT_H

#include "base/buffer.h"
#include "store/s3_settings.h"
#include "store/sigv4.h"

typedef struct S3Client S3Client;

enum { S3_QUERY_MAX = 4, S3_TEXT_BYTES = 160 };

/* Borrowed while it is sent. */
typedef struct S3Request {
    const char *method;
    const char *key; /* whole; empty: the bucket itself */
    SigField query[S3_QUERY_MAX];
    int32_t query_count;
    const char *mark; /* sent as x-amz-meta-weir-write, or NULL */
    Str body;
    int64_t offset, bytes; /* bytes > 0: read these only */
    bool is_slow;          /* the server may think for minutes */
} S3Request;

/* Zero-initialise; free with s3_reply_free. */
typedef struct S3Reply {
    int64_t length; /* of the object, as HEAD tells it */
    char etag[S3_TEXT_BYTES], mark[S3_TEXT_BYTES];
    char code[S3_TEXT_BYTES]; /* of a refusal: NoSuchKey */
    Buffer body;
} S3Reply;

void s3_reply_free(S3Reply *reply);

/* The settings must outlive the client. */
Status s3_client_open(World *world, const S3Settings *settings, S3Client **out, Error *error);
void s3_client_close(S3Client *client);

/* OK means that the server has said so. ERR_NOT_FOUND for an object only, never for a bucket;
 * ERR_UNAVAILABLE, and retriable, when all tries failed; nothing else is. */
Status s3_send(S3Client *client, const S3Request *request, S3Reply *reply, Error *error);

#endif
