/* Objects in a bucket.
 *
 * Up to PART_BYTES an object is sent by one PUT. A larger one goes in parts as they come, and
 * appears when they are put together; a write that is cut short leaves parts that nobody sees but
 * the bill, until the next sweep. A bucket gives no partial objects and, once it has answered,
 * forgets none. */
#include <assert.h>
#include <stdio.h>

#include "base/memory.h"
#include "store/internal.h"
#include "store/s3_answer.h"
#include "store/s3_blocks.h"
#include "store/s3_client.h"

enum { PART_BYTES = 8 * 1024 * 1024, PARTS_MAX = 10000, MARK_BYTES = 33 };

typedef struct S3Store {
    Store base;
    Arena *arena; /* of the settings */
    S3Settings settings;
    S3Client *client;
    S3Blocks *blocks;
} S3Store;

typedef struct S3Write {
    StoreWrite base;
    Arena *arena;
    const char *key;
    Buffer part;
    int64_t taken;         /* of the bytes that could not be added and will be given again */
    const char *upload_id; /* NULL: all of it is in `part` */
    char mark[MARK_BYTES]; /* by which the object is known to be of this write */
    List etags;            /* const char *, of the parts that were sent */
} S3Write;

static S3Store *store_of(Store *base)
{
    return (S3Store *)base;
}

static const char *s3_key(const Store *base, const char *name, Arena *arena)
{
    return arena_printf(arena, "%s%s", ((const S3Store *)base)->settings.prefix, name);
}

static const char *s3_path(const Store *base, const char *name, Arena *arena)
{
    const S3Settings *settings = &((const S3Store *)base)->settings;
    const char *key = s3_key(base, name, arena);
    return arena_printf(arena, "s3://%s/%s", settings->bucket, key);
}

static void request_ask(S3Request *request, Str name, Str value)
{
    assert(request->query_count < S3_QUERY_MAX);
    request->query[request->query_count++] = (SigField){.name = name, .value = value};
}

/* A request whose reply is of no interest beyond that it succeeded. */
static Status send_only(Store *base, const S3Request *request, Error *error)
{
    S3Reply reply = {0};
    Status status = s3_send(store_of(base)->client, request, &reply, error);
    s3_reply_free(&reply);
    return status;
}

/* A request that is answered in XML. */
static Status send_and_read(Store *base, const S3Request *request, Arena *arena, S3Answer *answer,
                            Error *error)
{
    S3Reply reply = {0};
    Status status = s3_send(store_of(base)->client, request, &reply, error);
    if (status == OK && !s3_answer_read(buffer_str(&reply.body), arena, answer))
        status = fail(error, ERR_DECODE, "WR4449",
                      "the server of `%s` does not answer as an S3 server does",
                      s3_path(base, "", arena));
    s3_reply_free(&reply);
    return status;
}

/* ---- Writing ----------------------------------------------------------------------------- */

static Status s3_write_begin(Store *base, const char *name, StoreWrite **out, Error *error)
{
    (void)error;
    World *world = base->world;
    s3_blocks_forget(store_of(base)->blocks);
    S3Write *write = memory_allocate_zeroed((int64_t)sizeof *write);
    write->base.store = base;
    write->arena = arena_new(0);
    write->key = s3_key(base, name, write->arena);
    snprintf(write->mark, sizeof write->mark, "%016llx%016llx",
             (unsigned long long)world->kind->random_u64(world),
             (unsigned long long)world->kind->random_u64(world));
    *out = &write->base;
    return OK;
}

static void write_free(S3Write *write)
{
    buffer_free(&write->part);
    arena_free(write->arena);
    memory_free(write);
}

static Status upload_begin(S3Write *write, Error *error)
{
    S3Answer answer;
    S3Request request = {.method = "POST", .key = write->key, .mark = write->mark};
    request_ask(&request, STR("uploads"), STR(""));
    TRY(send_and_read(write->base.store, &request, write->arena, &answer, error));
    if (answer.upload_id[0] == '\0')
        return fail(error, ERR_DECODE, "WR4449",
                    "the server began an upload of `%s` but gave it no name", write->key);
    write->upload_id = answer.upload_id;
    return OK;
}

/* The next part is what was gathered. */
static Status upload_part(S3Write *write, Error *error)
{
    if (write->upload_id == NULL)
        TRY(upload_begin(write, error));
    if (write->etags.count == PARTS_MAX)
        return fail(error, ERR_LIMIT, "WR4451",
                    "`%s` is larger than %d parts of %d MiB, the most that a bucket takes",
                    write->key, PARTS_MAX, PART_BYTES / 1024 / 1024);
    const char *number = arena_printf(write->arena, "%d", (int)write->etags.count + 1);
    S3Request request = {.method = "PUT", .key = write->key, .body = buffer_str(&write->part)};
    S3Reply reply = {0};
    request_ask(&request, STR("partNumber"), str_from(number));
    request_ask(&request, STR("uploadId"), str_from(write->upload_id));
    Status status = s3_send(store_of(write->base.store)->client, &request, &reply, error);
    if (status == OK) {
        list_append(&write->etags, write->arena, arena_printf(write->arena, "%s", reply.etag));
        write->part.length = 0;
    }
    s3_reply_free(&reply);
    return status;
}

/* A full part stays where it is until it could be sent. */
static Status s3_write_add(StoreWrite *base, Str bytes, Error *error)
{
    S3Write *write = (S3Write *)base;
    int64_t done = write->taken;
    assert(done <= bytes.length);
    write->taken = 0;
    for (;;) {
        if (write->part.length == PART_BYTES) {
            Status status = upload_part(write, error);
            if (status == ERR_UNAVAILABLE)
                write->taken = done;
            TRY(status);
        }
        int64_t room = PART_BYTES - write->part.length;
        int64_t length = bytes.length - done < room ? bytes.length - done : room;
        if (length == 0)
            return OK;
        buffer_append(&write->part, bytes.data + done, length);
        done += length;
    }
}

/* An upload is unknown when it is complete. If it was asked for before but the answer got lost,
 * which libcurl may not even tell, the object is there and has the mark of this write. */
static Status upload_settle(S3Write *write, Status refused, Error *error)
{
    S3Request request = {.method = "HEAD", .key = write->key};
    S3Reply reply = {0};
    Error trouble = {0};
    Status status = s3_send(store_of(write->base.store)->client, &request, &reply, &trouble);
    bool is_ours = status == OK && strcmp(reply.mark, write->mark) == 0;
    s3_reply_free(&reply);
    if (status != ERR_UNAVAILABLE)
        return is_ours ? OK : refused;
    if (error != NULL)
        *error = trouble;
    return status;
}

static Status upload_end(S3Write *write, Error *error)
{
    Buffer parts = {0};
    buffer_append_text(&parts, "<CompleteMultipartUpload>");
    for (int32_t i = 0; i < write->etags.count; i++)
        buffer_printf(&parts, "<Part><PartNumber>%d</PartNumber><ETag>%s</ETag></Part>", (int)i + 1,
                      LIST_AT(write->etags, i, const char));
    buffer_append_text(&parts, "</CompleteMultipartUpload>");
    S3Request request = {
        .method = "POST", .key = write->key, .body = buffer_str(&parts), .is_slow = true};
    S3Reply reply = {0};
    request_ask(&request, STR("uploadId"), str_from(write->upload_id));
    Status status = s3_send(store_of(write->base.store)->client, &request, &reply, error);
    if (status != OK && strcmp(reply.code, "NoSuchUpload") == 0)
        status = upload_settle(write, status, error);
    s3_reply_free(&reply);
    buffer_free(&parts);
    return status;
}

/* OK if somebody has done it before. */
static Status upload_abandon(Store *base, const char *key, const char *upload_id, Error *error)
{
    S3Request request = {.method = "DELETE", .key = key};
    S3Reply reply = {0};
    request_ask(&request, STR("uploadId"), str_from(upload_id));
    Status status = s3_send(store_of(base)->client, &request, &reply, error);
    if (strcmp(reply.code, "NoSuchUpload") == 0)
        status = OK;
    s3_reply_free(&reply);
    return status;
}

static void s3_write_abandon(StoreWrite *base)
{
    S3Write *write = (S3Write *)base;
    if (write->upload_id != NULL) {
        Status status = upload_abandon(base->store, write->key, write->upload_id, NULL);
        (void)status; /* or the next sweep does it */
    }
    write_free(write);
}

static Status s3_write_end(StoreWrite *base, Error *error)
{
    S3Write *write = (S3Write *)base;
    Status status = OK;
    if (write->upload_id == NULL) {
        S3Request request = {.method = "PUT", .key = write->key, .body = buffer_str(&write->part)};
        status = send_only(base->store, &request, error);
    } else {
        if (write->part.length > 0)
            status = upload_part(write, error);
        if (status == OK)
            status = upload_end(write, error);
    }
    if (status == OK)
        write_free(write);
    else if (status != ERR_UNAVAILABLE)
        s3_write_abandon(base);
    return status;
}

/* ---- Reading ----------------------------------------------------------------------------- */

static Status s3_size(Store *base, const char *name, int64_t *bytes, Error *error)
{
    Arena *arena = arena_new(0);
    S3Request request = {.method = "HEAD", .key = s3_key(base, name, arena)};
    S3Reply reply = {0};
    Status status = s3_send(store_of(base)->client, &request, &reply, error);
    if (status == OK && reply.length < 0)
        status = fail(error, ERR_DECODE, "WR4449", "the server does not say how large `%s` is",
                      s3_path(base, name, arena));
    if (status == OK)
        *bytes = reply.length;
    s3_reply_free(&reply);
    arena_free(arena);
    return status;
}

static Status s3_read_at(Store *base, const char *name, int64_t offset, int64_t bytes, Buffer *out,
                         Error *error)
{
    Arena *arena = arena_new(0);
    Status status = s3_blocks_read(store_of(base)->blocks, s3_key(base, name, arena), offset, bytes,
                                   out, error);
    arena_free(arena);
    return status;
}

/* ---- Listing ----------------------------------------------------------------------------- */

/* Others may keep things under the prefix whose names ours cannot be. */
static void list_take(const S3Store *store, const S3Answer *answer, Arena *arena, List *names)
{
    Str prefix = str_from(store->settings.prefix);
    for (int32_t i = 0; i < answer->keys.count; i++) {
        const char *key = LIST_AT(answer->keys, i, const char);
        if (!str_has_prefix(str_from(key), prefix))
            continue;
        const char *name = key + prefix.length;
        if (store_name_is_valid(str_from(name)))
            list_append(names, arena, (void *)name);
    }
}

static Status s3_list(Store *base, const char *prefix, Arena *arena, List *names, Error *error)
{
    S3Answer answer = {.next_token = "", .is_truncated = true};
    while (answer.is_truncated) {
        S3Request request = {.method = "GET", .key = ""};
        request_ask(&request, STR("list-type"), STR("2"));
        request_ask(&request, STR("prefix"), str_from(s3_key(base, prefix, arena)));
        if (answer.next_token[0] != '\0')
            request_ask(&request, STR("continuation-token"), str_from(answer.next_token));
        TRY(send_and_read(base, &request, arena, &answer, error));
        list_take(store_of(base), &answer, arena, names);
        if (answer.is_truncated && answer.next_token[0] == '\0')
            return fail(error, ERR_DECODE, "WR4449",
                        "the server of `%s` breaks a list off without saying where it goes on",
                        s3_path(base, "", arena));
    }
    store_sort_names(names);
    return OK;
}

/* ---- Removing ---------------------------------------------------------------------------- */

static Status s3_remove(Store *base, const char *name, Error *error)
{
    Arena *arena = arena_new(0);
    s3_blocks_forget(store_of(base)->blocks);
    S3Request request = {.method = "DELETE", .key = s3_key(base, name, arena)};
    Status status = send_only(base, &request, error);
    arena_free(arena);
    return status == ERR_NOT_FOUND ? OK : status;
}

static Status sweep_some(Store *base, const char *prefix, Arena *arena, S3Answer *answer,
                         Error *error)
{
    S3Request request = {.method = "GET", .key = ""};
    request_ask(&request, STR("uploads"), STR(""));
    request_ask(&request, STR("prefix"), str_from(s3_key(base, prefix, arena)));
    if (answer->next_key[0] != '\0') {
        request_ask(&request, STR("key-marker"), str_from(answer->next_key));
        request_ask(&request, STR("upload-id-marker"), str_from(answer->next_upload));
    }
    TRY(send_and_read(base, &request, arena, answer, error));
    for (int32_t i = 0; i < answer->upload_ids.count; i++)
        TRY(upload_abandon(base, LIST_AT(answer->keys, i, const char),
                           LIST_AT(answer->upload_ids, i, const char), error));
    return OK;
}

static Status s3_sweep(Store *base, const char *prefix, Error *error)
{
    Arena *arena = arena_new(0);
    S3Answer answer = {.next_key = "", .next_upload = "", .is_truncated = true};
    Status status = OK;
    while (status == OK && answer.is_truncated)
        status = sweep_some(base, prefix, arena, &answer, error);
    arena_free(arena);
    return status;
}

/* ---- Opening ----------------------------------------------------------------------------- */

static void s3_close(Store *base)
{
    S3Store *store = store_of(base);
    s3_blocks_free(store->blocks);
    s3_client_close(store->client);
    arena_free(store->arena);
    memory_free(store);
}

static const StoreKind s3_kind = {
    .close = s3_close,
    .path = s3_path,
    .write_begin = s3_write_begin,
    .write_add = s3_write_add,
    .write_end = s3_write_end,
    .write_abandon = s3_write_abandon,
    .put_file = store_write_file,
    .get_file = store_read_file,
    .size = s3_size,
    .read_at = s3_read_at,
    .list = s3_list,
    .remove = s3_remove,
    .sweep = s3_sweep,
};

Status store_s3_open(World *world, const char *place, const StoreOptions *options, Store **out,
                     Error *error)
{
    S3Store *store = memory_allocate_zeroed((int64_t)sizeof *store);
    store->base = (Store){.kind = &s3_kind, .world = world};
    store->arena = arena_new(0);
    Status status = s3_settings_find(world, place, options, store->arena, &store->settings, error);
    if (status == OK)
        status = s3_client_open(world, &store->settings, &store->client, error);
    if (status != OK) {
        arena_free(store->arena);
        memory_free(store);
        return status;
    }
    store->blocks = s3_blocks_new(store->client);
    *out = &store->base;
    return OK;
}
