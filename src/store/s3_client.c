/* One request: signed, sent, and sent again as long as that makes sense. */
#include "store/s3_client.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/s3_curl.h"
#include "store/s3_refusal.h"

enum {
    IDLE_MAX = 8,
    TRIES_MAX = 7,
    TRYING_US_MAX = 20 * 1000 * 1000, /* none begins later */
    PAUSE_FIRST_US = 100 * 1000,      /* doubles: 100 ms … 3.2 s, 6.3 s in all */
    CONNECT_MS_MAX = 10 * 1000,
    SILENT_SECONDS_MAX = 30,
    SILENT_SECONDS_MAX_SLOW = 600,
    BODY_BYTES_MAX = 64 * 1024 * 1024, /* of answers that are not part of an object */
    REFUSAL_BYTES_MAX = 64 * 1024,
    HEADERS_MAX = 8,
};

struct S3Client {
    World *world;
    const CurlApi *api;
    const S3Settings *settings;
    pthread_mutex_t mutex; /* guards what follows */
    CURL *idle[IDLE_MAX];  /* each with its connection */
    int32_t idle_count;
};

/* One try. */
typedef struct S3Try {
    S3Client *client;
    const S3Request *request;
    S3Reply *reply;
    CURL *curl;
    Arena *arena;
    Buffer refusal; /* the body of an answer that is none of 2xx */
    char why[CURL_ERROR_SIZE];
    int64_t had; /* bytes of the object that earlier tries have brought */
    bool has_too_much;
} S3Try;

/* ---- Connections ------------------------------------------------------------------------- */

Status s3_client_open(World *world, const S3Settings *settings, S3Client **out, Error *error)
{
    const CurlApi *api;
    TRY(curl_load(&api, error));
    S3Client *client = memory_allocate_zeroed((int64_t)sizeof *client);
    client->world = world;
    client->api = api;
    client->settings = settings;
    pthread_mutex_init(&client->mutex, NULL);
    *out = client;
    return OK;
}

void s3_client_close(S3Client *client)
{
    for (int32_t i = 0; i < client->idle_count; i++)
        client->api->curl_easy_cleanup(client->idle[i]);
    pthread_mutex_destroy(&client->mutex);
    memory_free(client);
}

static CURL *client_take(S3Client *client)
{
    CURL *curl = NULL;
    pthread_mutex_lock(&client->mutex);
    if (client->idle_count > 0)
        curl = client->idle[--client->idle_count];
    pthread_mutex_unlock(&client->mutex);
    if (curl == NULL)
        curl = client->api->curl_easy_init();
    assert(curl != NULL);
    return curl;
}

static void client_give_back(S3Client *client, CURL *curl)
{
    client->api->curl_easy_reset(curl); /* keeps the connection */
    pthread_mutex_lock(&client->mutex);
    bool is_kept = client->idle_count < IDLE_MAX;
    if (is_kept)
        client->idle[client->idle_count++] = curl;
    pthread_mutex_unlock(&client->mutex);
    if (!is_kept)
        client->api->curl_easy_cleanup(curl);
}

void s3_reply_free(S3Reply *reply)
{
    buffer_free(&reply->body);
    *reply = (S3Reply){0};
}

/* ---- What is sent ------------------------------------------------------------------------ */

static Str request_path(const S3Try *one)
{
    const char *path = one->client->settings->path;
    const char *key = one->request->key;
    bool is_root = path[0] == '\0' && key[0] == '\0';
    bool has_key = is_root || key[0] != '\0';
    return str_from(arena_printf(one->arena, "%s%s%s", path, has_key ? "/" : "", key));
}

/* Where the object is read from: behind what an earlier try has brought. */
static const char *request_range(const S3Try *one)
{
    const S3Request *request = one->request;
    return arena_printf(one->arena, "bytes=%lld-%lld",
                        (long long)(request->offset + one->reply->body.length),
                        (long long)(request->offset + request->bytes - 1));
}

/* All of them are signed. */
static int32_t request_headers(const S3Try *one, const char *time, const char *hash,
                               SigField headers[HEADERS_MAX])
{
    const S3Settings *settings = one->client->settings;
    int32_t count = 0;
    headers[count++] = (SigField){STR("host"), str_from(settings->host)};
    headers[count++] = (SigField){STR("x-amz-date"), str_from(time)};
    headers[count++] = (SigField){STR("x-amz-content-sha256"), str_from(hash)};
    if (settings->session_token != NULL)
        headers[count++] =
            (SigField){STR("x-amz-security-token"), str_from(settings->session_token)};
    if (one->request->mark != NULL)
        headers[count++] = (SigField){STR("x-amz-meta-weir-write"), str_from(one->request->mark)};
    if (one->request->bytes > 0)
        headers[count++] = (SigField){STR("range"), str_from(request_range(one))};
    /* The rest must be of the same object as the beginning. */
    if (one->reply->body.length > 0)
        headers[count++] = (SigField){STR("if-match"), str_from(one->reply->etag)};
    assert(count <= HEADERS_MAX);
    return count;
}

static struct curl_slist *add_header(const S3Try *one, struct curl_slist *list, const char *line)
{
    struct curl_slist *longer = one->client->api->curl_slist_append(list, line);
    assert(longer != NULL);
    return longer;
}

/* As curl wants them; those that it would add by itself are taken away. */
static struct curl_slist *sign(const S3Try *one, Buffer *url)
{
    const S3Settings *settings = one->client->settings;
    const S3Request *request = one->request;
    char time[SIGV4_TIME_BYTES], hash[SIGV4_HASH_BYTES];
    SigField headers[HEADERS_MAX];
    sigv4_time(world_now_us(one->client->world), time);
    sigv4_hash(request->body, hash);
    int32_t count = request_headers(one, time, hash, headers);
    SigRequest signed_request = {.method = request->method,
                                 .path = request_path(one),
                                 .query = request->query,
                                 .query_count = request->query_count,
                                 .headers = headers,
                                 .header_count = count,
                                 .payload_hash = hash,
                                 .time = time};
    SigKey key = {.access_key = str_from(settings->access_key),
                  .secret_key = str_from(settings->secret_key),
                  .region = str_from(settings->region),
                  .service = STR("s3")};
    Buffer line = {0};
    buffer_append_text(&line, "authorization: ");
    sigv4_sign(&signed_request, &key, &line);
    struct curl_slist *list = add_header(one, NULL, buffer_terminated(&line));
    for (int32_t i = 0; i < count; i++) {
        line.length = 0;
        buffer_printf(&line, "%.*s: %.*s", STR_ARGS(headers[i].name), STR_ARGS(headers[i].value));
        list = add_header(one, list, buffer_terminated(&line));
    }
    list = add_header(one, list, "content-type:");
    list = add_header(one, list, "expect:");
    buffer_free(&line);
    buffer_append_text(url, settings->origin);
    sigv4_encode_path(signed_request.path, url);
    if (request->query_count > 0)
        buffer_append_char(url, '?');
    sigv4_encode_query(request->query, request->query_count, url);
    return list;
}

/* ---- What comes back --------------------------------------------------------------------- */

static bool status_is_success(long status)
{
    return status >= 200 && status < 300;
}

/* Returning less than was given ends the transfer. */
static size_t try_take_body(char *bytes, size_t one_byte, size_t length, void *user)
{
    S3Try *one = user;
    long status = 0;
    (void)one_byte;
    one->client->api->curl_easy_getinfo(one->curl, CURLINFO_RESPONSE_CODE, &status);
    if (!status_is_success(status)) {
        if (one->refusal.length < REFUSAL_BYTES_MAX)
            buffer_append(&one->refusal, bytes, (int64_t)length);
        return length;
    }
    Buffer *body = &one->reply->body;
    int64_t most = one->request->bytes > 0 ? one->request->bytes : BODY_BYTES_MAX;
    bool is_from_start = one->request->bytes > 0 && status != 206;
    if ((is_from_start && one->request->offset + one->had > 0) ||
        body->length + (int64_t)length > most) {
        one->has_too_much = true;
        return 0;
    }
    buffer_append(body, bytes, (int64_t)length);
    return length;
}

static void try_take_header(const S3Try *one, const char *name, char *out)
{
    struct curl_header *header;
    if (one->client->api->curl_easy_header(one->curl, name, 0, CURLH_HEADER, -1, &header) ==
        CURLHE_OK)
        snprintf(out, S3_TEXT_BYTES, "%s", header->value);
}

static void try_prepare(S3Try *one, const char *url, struct curl_slist *headers)
{
    const S3Request *request = one->request;
    const CurlApi *api = one->client->api;
    CURL *curl = one->curl;
    long silent = request->is_slow ? SILENT_SECONDS_MAX_SLOW : SILENT_SECONDS_MAX;
    api->curl_easy_setopt(curl, CURLOPT_URL, url);
    api->curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    api->curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    api->curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    api->curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    api->curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    api->curl_easy_setopt(curl, CURLOPT_USERAGENT, "weir");
    api->curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS_MAX);
    api->curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    api->curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, silent);
    api->curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, one->why);
    api->curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, try_take_body);
    api->curl_easy_setopt(curl, CURLOPT_WRITEDATA, one);
    if (one->client->settings->ca_file != NULL)
        api->curl_easy_setopt(curl, CURLOPT_CAINFO, one->client->settings->ca_file);
    if (strcmp(request->method, "PUT") == 0 || strcmp(request->method, "POST") == 0) {
        api->curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.length);
        api->curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
                              request->body.length > 0 ? request->body.data : "");
    }
    if (strcmp(request->method, "HEAD") == 0)
        api->curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else
        api->curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

/* What the server made of it. Completing an upload is answered before it is done: the refusal is
 * then in the body of a 200. */
static S3Refusal try_outcome(S3Try *one, CURLcode code)
{
    S3Refusal refusal = {.settings = one->client->settings,
                         .key = one->request->key,
                         .curl_code = (int32_t)code,
                         .why = one->why[0] != '\0' ? one->why
                                                    : one->client->api->curl_easy_strerror(code),
                         .has_too_much = one->has_too_much,
                         .region = ""};
    char region[S3_TEXT_BYTES] = "";
    curl_off_t length = 0;
    long status = 0;
    one->client->api->curl_easy_getinfo(one->curl, CURLINFO_RESPONSE_CODE, &status);
    one->client->api->curl_easy_getinfo(one->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    refusal.status = (int32_t)status;
    if (code != CURLE_OK)
        refusal.status = 0;
    one->reply->length = length;
    if (status_is_success(status)) {
        try_take_header(one, "ETag", one->reply->etag);
        try_take_header(one, "x-amz-meta-weir-write", one->reply->mark);
    }
    try_take_header(one, "x-amz-bucket-region", region);
    refusal.region = arena_printf(one->arena, "%s", region);
    Str text = buffer_str(&one->refusal);
    bool is_post = strcmp(one->request->method, "POST") == 0;
    if (is_post && status_is_success(status))
        text = buffer_str(&one->reply->body);
    s3_refusal_read(&refusal, text, one->arena);
    if (is_post && refusal.code[0] != '\0' && status_is_success(refusal.status))
        refusal.status = 500;
    return refusal;
}

static S3Refusal try_once(S3Try *one)
{
    Buffer url = {0};
    one->curl = client_take(one->client);
    struct curl_slist *headers = sign(one, &url);
    try_prepare(one, buffer_terminated(&url), headers);
    CURLcode code = one->client->api->curl_easy_perform(one->curl);
    S3Refusal outcome = try_outcome(one, code);
    client_give_back(one->client, one->curl);
    one->client->api->curl_slist_free_all(headers);
    buffer_free(&url);
    return outcome;
}

/* ---- Again ------------------------------------------------------------------------------- */

/* Between half of it and all of it, so that many who failed together do not come back together. */
static void client_pause(S3Client *client, int32_t tries)
{
    int64_t longest = (int64_t)PAUSE_FIRST_US << (tries - 1);
    uint64_t chance = client->world->kind->random_u64(client->world);
    int64_t half = longest / 2;
    client->world->kind->sleep_us(client->world, half + (int64_t)(chance % (uint64_t)half));
}

/* A range that begins at the end of the object is refused: then there is nothing more to read. */
static bool try_has_succeeded(const S3Try *one, const S3Refusal *outcome)
{
    bool is_part = one->request->bytes > 0;
    if (is_part && one->reply->body.length == one->request->bytes)
        return true;
    return s3_refusal_is_success(outcome) || (is_part && outcome->status == 416);
}

Status s3_send(S3Client *client, const S3Request *request, S3Reply *reply, Error *error)
{
    S3Try one = {.client = client, .request = request, .reply = reply, .arena = arena_new(0)};
    Status status = ERR_AGAIN;
    int64_t until_us = world_monotonic_us(client->world) + TRYING_US_MAX;
    for (int32_t tries = 1; status == ERR_AGAIN; tries++) {
        if (tries > 1)
            client_pause(client, tries - 1);
        if (request->bytes == 0)
            reply->body.length = 0;
        one.had = reply->body.length;
        one.refusal.length = 0;
        one.why[0] = '\0';
        S3Refusal outcome = try_once(&one);
        snprintf(reply->code, sizeof reply->code, "%s", outcome.code);
        if (try_has_succeeded(&one, &outcome))
            status = OK;
        else if (tries == TRIES_MAX || !s3_refusal_may_pass(&outcome) ||
                 world_monotonic_us(client->world) >= until_us)
            status = s3_refusal_tell(&outcome, error);
        else
            log_event(LOG_WARN, "store", "s3://%s: %s; trying again", client->settings->bucket,
                      s3_refusal_reason(&outcome, one.arena));
    }
    buffer_free(&one.refusal);
    arena_free(one.arena);
    return status;
}
