/* What came of one request to a bucket: whether it may pass by itself, and how to tell a person. */
#ifndef WEIR_STORE_S3_REFUSAL_H
#define WEIR_STORE_S3_REFUSAL_H

#include "store/s3_settings.h"

typedef struct S3Refusal {
    const S3Settings *settings;
    const char *key;     /* of the object; empty: the bucket */
    int32_t curl_code;   /* CURLcode: how the transfer itself ended … */
    const char *why;     /* … in words */
    bool has_too_much;   /* the server sent what it was not asked for */
    int32_t status;      /* of HTTP; 0: no answer, or not all of it */
    const char *region;  /* where the server says that the bucket is, or empty */
    const char *code;    /* NoSuchKey, …; empty if there was no refusal, or none that says why */
    const char *message; /* of the server */
} S3Refusal;

/* Take code, message and region from the body of the answer, as far as they are there. */
void s3_refusal_read(S3Refusal *refusal, Str body, Arena *arena);

bool s3_refusal_is_success(const S3Refusal *refusal);
/* The same request may succeed a little later. */
bool s3_refusal_may_pass(const S3Refusal *refusal);

/* For a log: "503 SlowDown (reduce your request rate)". */
const char *s3_refusal_reason(const S3Refusal *refusal, Arena *arena);

/* As an error; not for a success. */
Status s3_refusal_tell(const S3Refusal *refusal, Error *error);

#endif
