/* The codes of S3 and curl, each to an error of ours. */
#include "store/s3_refusal.h"

#include <assert.h>
#include <curl/curl.h>

#include "store/s3_answer.h"

/* What a code means to us. */
typedef enum Trouble {
    TROUBLE_OTHER,
    TROUBLE_NO_OBJECT,
    TROUBLE_NO_BUCKET,
    TROUBLE_DENIED,
    TROUBLE_KEYS,
    TROUBLE_REGION,
    TROUBLE_CLOCK,
    TROUBLE_TLS,
    TROUBLE_PASSING,
} Trouble;

static const struct {
    const char *code;
    Trouble trouble;
} codes[] = {
    {"NoSuchKey", TROUBLE_NO_OBJECT},
    {"NoSuchUpload", TROUBLE_OTHER},
    {"NoSuchBucket", TROUBLE_NO_BUCKET},
    {"InvalidBucketName", TROUBLE_NO_BUCKET},
    {"AccessDenied", TROUBLE_DENIED},
    {"AllAccessDisabled", TROUBLE_DENIED},
    {"AccountProblem", TROUBLE_DENIED},
    {"InvalidAccessKeyId", TROUBLE_KEYS},
    {"SignatureDoesNotMatch", TROUBLE_KEYS},
    {"InvalidToken", TROUBLE_KEYS},
    {"ExpiredToken", TROUBLE_KEYS},
    {"TokenRefreshRequired", TROUBLE_KEYS},
    {"PermanentRedirect", TROUBLE_REGION},
    {"TemporaryRedirect", TROUBLE_REGION},
    {"AuthorizationHeaderMalformed", TROUBLE_REGION},
    {"IllegalLocationConstraintException", TROUBLE_REGION},
    {"RequestTimeTooSkewed", TROUBLE_CLOCK},
    {"RequestTimeout", TROUBLE_PASSING},
};

/* Of answers that say no more, as all to HEAD. */
static const struct {
    int32_t status;
    Trouble trouble;
} statuses[] = {
    {301, TROUBLE_REGION},    {307, TROUBLE_REGION},  {401, TROUBLE_KEYS},    {403, TROUBLE_DENIED},
    {404, TROUBLE_NO_OBJECT}, {408, TROUBLE_PASSING}, {429, TROUBLE_PASSING},
};

void s3_refusal_read(S3Refusal *refusal, Str body, Arena *arena)
{
    S3Answer answer;
    refusal->code = refusal->message = "";
    if (!s3_answer_read(body, arena, &answer) || !answer.is_refusal)
        return;
    refusal->code = answer.code;
    refusal->message = answer.message;
    if (refusal->region[0] == '\0')
        refusal->region = answer.region;
}

bool s3_refusal_is_success(const S3Refusal *refusal)
{
    return refusal->status >= 200 && refusal->status < 300;
}

/* ---- Meaning ----------------------------------------------------------------------------- */

static bool curl_code_may_pass(int32_t code)
{
    static const CURLcode passing[] = {
        CURLE_COULDNT_RESOLVE_PROXY,
        CURLE_COULDNT_RESOLVE_HOST,
        CURLE_COULDNT_CONNECT,
        CURLE_WEIRD_SERVER_REPLY,
        CURLE_PARTIAL_FILE,
        CURLE_OPERATION_TIMEDOUT,
        CURLE_SSL_CONNECT_ERROR,
        CURLE_GOT_NOTHING,
        CURLE_SEND_ERROR,
        CURLE_RECV_ERROR,
    };
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++)
        if ((int32_t)passing[i] == code)
            return true;
    return false;
}

static bool curl_code_is_tls(int32_t code)
{
    static const CURLcode tls[] = {
        CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE,
        CURLE_SSL_ISSUER_ERROR,  CURLE_SSL_CERTPROBLEM,          CURLE_SSL_CIPHER,
    };
    for (size_t i = 0; i < sizeof tls / sizeof tls[0]; i++)
        if ((int32_t)tls[i] == code)
            return true;
    return false;
}

static Trouble refusal_trouble(const S3Refusal *refusal)
{
    const char *region = refusal->region;
    if (refusal->status == 0 && curl_code_is_tls(refusal->curl_code))
        return TROUBLE_TLS;
    if (refusal->status == 0)
        return curl_code_may_pass(refusal->curl_code) ? TROUBLE_PASSING : TROUBLE_OTHER;
    if (refusal->status >= 500)
        return refusal->status != 501 ? TROUBLE_PASSING : TROUBLE_OTHER;
    if (refusal->status == 429)
        return TROUBLE_PASSING;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(codes[i].code, refusal->code) == 0)
            return codes[i].trouble;
    /* A signature for another region is a bad request. */
    if (refusal->status == 400 && region[0] != '\0' &&
        strcmp(region, refusal->settings->region) != 0)
        return TROUBLE_REGION;
    if (refusal->code[0] != '\0')
        return refusal->status == 403 ? TROUBLE_DENIED : TROUBLE_OTHER;
    if (refusal->status == 404 && refusal->key[0] == '\0')
        return TROUBLE_NO_BUCKET;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
        if (statuses[i].status == refusal->status)
            return statuses[i].trouble;
    return TROUBLE_OTHER;
}

bool s3_refusal_may_pass(const S3Refusal *refusal)
{
    if (refusal->status == 0)
        return curl_code_may_pass(refusal->curl_code);
    return refusal_trouble(refusal) == TROUBLE_PASSING;
}

/* ---- Telling ----------------------------------------------------------------------------- */

const char *s3_refusal_reason(const S3Refusal *refusal, Arena *arena)
{
    if (refusal->has_too_much)
        return "the server sends another part of the object than it was asked for";
    if (refusal->status == 0)
        return arena_printf(arena, "%.300s", refusal->why);
    if (refusal->code[0] == '\0')
        return arena_printf(arena, "%d, without a reason", (int)refusal->status);
    if (refusal->message[0] == '\0')
        return arena_printf(arena, "%d %.80s", (int)refusal->status, refusal->code);
    return arena_printf(arena, "%d %.80s (%.300s)", (int)refusal->status, refusal->code,
                        refusal->message);
}

static Status tell_region(const S3Refusal *refusal, Error *error, const char *what)
{
    const S3Settings *settings = refusal->settings;
    Status status = fail(error, ERR_INVALID, "WR4444", "`%s` is not in the region `%s`: %s", what,
                         settings->region, refusal->code[0] != '\0' ? refusal->code : "redirected");
    if (refusal->region[0] != '\0')
        error_hint(error, "it is in `%.60s`: set s3.region, or AWS_REGION", refusal->region);
    else
        error_hint(error, "set s3.region, or AWS_REGION, to the region of the bucket");
    return status;
}

static Status tell_keys(const S3Refusal *refusal, Error *error, const char *what,
                        const char *reason)
{
    Status status =
        fail(error, ERR_PERMISSION, "WR4442", "the keys do not open `%s`: %s", what, reason);
    if (strcmp(refusal->code, "ExpiredToken") == 0)
        error_hint(error, "the session token has run out: get new keys and start again");
    else
        error_hint(error, "compare the access key and the secret key with those of the account");
    return status;
}

static Status tell_other(const S3Refusal *refusal, Error *error, const char *what,
                         const char *reason)
{
    if (refusal->has_too_much)
        return fail(error, ERR_DECODE, "WR4449", "could not read `%s`: %s", what, reason);
    return fail(error, ERR_IO, "WR4448", "the server refuses a request for `%s`: %s", what, reason);
}

static Status tell(const S3Refusal *refusal, Error *error, const char *what, const char *reason)
{
    const S3Settings *settings = refusal->settings;
    Status status = OK;
    switch (refusal_trouble(refusal)) {
    case TROUBLE_NO_OBJECT:
        return fail(error, ERR_NOT_FOUND, "WR4450", "`%s` does not exist", what);
    case TROUBLE_NO_BUCKET:
        status = fail(error, ERR_INVALID, "WR4443", "there is no bucket `%s` at %s: %s",
                      settings->bucket, settings->origin, reason);
        error_hint(error, "create it, or look at the name, at s3.endpoint, and at "
                          "s3.path.style.access");
        return status;
    case TROUBLE_DENIED:
        status =
            fail(error, ERR_PERMISSION, "WR4441", "access to `%s` is denied: %s", what, reason);
        error_hint(error, "the keys need s3:GetObject, s3:PutObject, s3:DeleteObject, "
                          "s3:AbortMultipartUpload under the prefix, and s3:ListBucket, "
                          "s3:ListBucketMultipartUploads of the bucket");
        return status;
    case TROUBLE_KEYS: return tell_keys(refusal, error, what, reason);
    case TROUBLE_REGION: return tell_region(refusal, error, what);
    case TROUBLE_CLOCK:
        status =
            fail(error, ERR_PERMISSION, "WR4445",
                 "the clock of this machine is wrong, so `%s` takes no request: %s", what, reason);
        error_hint(error, "set the clock, best by NTP; more than 15 minutes are refused");
        return status;
    case TROUBLE_TLS:
        status = fail(error, ERR_PERMISSION, "WR4446", "there is no safe connection to %s: %s",
                      settings->origin, reason);
        error_hint(error, "name the certificate of an authority of your own in AWS_CA_BUNDLE; a "
                          "server without TLS has http:// in s3.endpoint");
        return status;
    case TROUBLE_PASSING:
        status = fail(error, ERR_UNAVAILABLE, "WR4447", "could not reach `%s` at %s: %s", what,
                      settings->origin, reason);
        if (error != NULL)
            error->is_retriable = true;
        return status;
    case TROUBLE_OTHER: break;
    }
    return tell_other(refusal, error, what, reason);
}

Status s3_refusal_tell(const S3Refusal *refusal, Error *error)
{
    Arena *arena = arena_new(0);
    const char *what = arena_printf(arena, "s3://%s%s%s", refusal->settings->bucket,
                                    refusal->key[0] != '\0' ? "/" : "", refusal->key);
    Status status = tell(refusal, error, what, s3_refusal_reason(refusal, arena));
    arena_free(arena);
    return status;
}
