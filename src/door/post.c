/* POST records: the body taken apart, each record checked, written, acknowledged. */
#include <strings.h>

#include "base/hash.h"
#include "base/metrics.h"
#include "door/internal.h"

/* Above all ids that the catalogue gives out. */
enum { SEQUENCE_MASK = 0x3fffffff };
static const uint64_t KEYED_PRODUCER_IDS = UINT64_C(1) << 62;

typedef struct Post {
    HttpRequest *request;
    Door *door;
    DoorTopic topic;
    Arena *arena;
    DoorRecord *records;
    int32_t count, refused;
    int64_t producer_id;
    int32_t first_sequence; /* of its records: another body begins elsewhere */
    bool waits;
    bool has_tombstones; /* all of them are */
} Post;

/* ---- The body ---------------------------------------------------------------------------- */

static bool content_is(const HttpRequest *request, const char *type)
{
    const char *given = http_header(request, MHD_HTTP_HEADER_CONTENT_TYPE);
    size_t length = strlen(type);
    return given != NULL && strncasecmp(given, type, length) == 0 &&
           (given[length] == '\0' || given[length] == ';' || given[length] == ' ');
}

static Str without_space(Str line)
{
    while (line.length > 0 && strchr(" \t\r", line.data[line.length - 1]) != NULL)
        line.length--;
    return line;
}

static int32_t split_lines(Arena *arena, Str text, Str **out)
{
    int32_t capacity = 1, count = 0;
    for (const char *at = text.data;
         (at = memchr(at, '\n', (size_t)(text.data + text.length - at))); at++)
        capacity++;
    *out = ARENA_ARRAY(arena, Str, capacity);
    while (text.length > 0) {
        Str line = without_space(str_split(text, '\n', &text));
        if (line.length > 0)
            (*out)[count++] = line;
    }
    return count;
}

static bool post_fail_body(Post *post, const char *reason)
{
    http_problem(post->request, MHD_HTTP_BAD_REQUEST, "WR6032", "not json",
                 arena_printf(post->arena, "nothing of the body was taken: %s", reason),
                 "send one JSON value or an array, or lines as application/x-ndjson");
    return false;
}

/* Whether the records are not JSON by themselves: the table's format says what they are. */
static bool is_lines_format(const DoorTable *table)
{
    return table != NULL && strstr(table->record.format->info.name, "json") == NULL &&
           strcmp(table->record.format->info.name, "raw") != 0;
}

static bool post_take_apart(Post *post, const DoorTable *table)
{
    HttpRequest *request = post->request;
    Str *texts = &request->content;
    int32_t count = 1;
    if (content_is(request, "application/octet-stream")) {
        count = 1;
    } else if (content_is(request, "application/x-ndjson") ||
               content_is(request, "application/jsonl") || is_lines_format(table)) {
        count = split_lines(post->arena, request->content, &texts);
    } else {
        JsonRecords *json = json_records_new();
        const char *fault = json_records_split(json, request->content, post->arena, &texts, &count);
        json_records_free(json);
        if (fault != NULL)
            return post_fail_body(post, fault);
    }
    if (count == 0)
        return post_fail_body(post, "it has no record");
    if (count > RECORDS_MAX) {
        http_problem(request, MHD_HTTP_CONTENT_TOO_LARGE, "WR6020", "too much at once",
                     arena_printf(post->arena, "a request may have %d records", RECORDS_MAX),
                     "send them in several requests");
        return false;
    }
    post->count = count;
    post->records = ARENA_ARRAY(post->arena, DoorRecord, count);
    for (int32_t i = 0; i < count; i++)
        post->records[i] = (DoorRecord){
            .value = texts[i], .offset = NO_OFFSET, .is_tombstone = post->has_tombstones};
    return true;
}

/* ---- Keys and partitions ----------------------------------------------------------------- */

/* The member that `key` names, as the record's key. */
static void post_find_keys(Post *post, Str member)
{
    if (member.data == NULL)
        return;
    JsonRecords *json = json_records_new();
    Buffer scratch = {0};
    for (int32_t i = 0; i < post->count; i++) {
        DoorRecord *record = &post->records[i];
        Str key;
        if (record->code != NULL || record->has_key)
            continue;
        record->has_key = json_records_member(json, record->value, member, &scratch, &key);
        if (record->has_key)
            record->key = str_copy(post->arena, key);
        else
            record->code = "WR6036";
        record->reason = record->has_key ? NULL : "the record has no such field to be its key";
    }
    buffer_free(&scratch);
    json_records_free(json);
}

/* Of bytes all are the key. */
static void post_check_tombstones(Post *post, bool is_bytes)
{
    for (int32_t i = 0; post->has_tombstones && i < post->count; i++) {
        DoorRecord *record = &post->records[i];
        if (is_bytes && !record->has_key) {
            record->has_key = true;
            record->key = record->value;
        }
        if (record->code != NULL || record->has_key)
            continue;
        record->code = "WR6036";
        record->reason = "a tombstone has to have a key, of which `key` names the field";
    }
}

/* Kafka's default: records of a key go where its other producers send them. MurmurHash2, as
 * org.apache.kafka.common.utils.Utils has it. */
static uint32_t key_hash(Str key)
{
    const uint32_t factor = 0x5bd1e995;
    uint32_t hash = 0x9747b28c ^ (uint32_t)key.length;
    const uint8_t *at = (const uint8_t *)key.data;
    int64_t left = key.length;
    for (; left >= 4; at += 4, left -= 4) {
        uint32_t word =
            (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        word *= factor;
        word ^= word >> 24;
        hash = (hash * factor) ^ (word * factor);
    }
    if (left >= 3)
        hash ^= (uint32_t)at[2] << 16;
    if (left >= 2)
        hash ^= (uint32_t)at[1] << 8;
    if (left >= 1)
        hash = (hash ^ at[0]) * factor;
    hash ^= hash >> 13;
    hash *= factor;
    return hash ^ (hash >> 15);
}

static bool post_choose_partitions(Post *post)
{
    int64_t given;
    int32_t partition_count = post->topic.partition_count;
    if (!http_number(post->request, "partition", 0, partition_count - 1, -1, &given))
        return false;
    /* A request that is sent again has to go where it went. */
    uint32_t turn = post->producer_id >= 0 ? (uint32_t)hash_u64((uint64_t)post->producer_id)
                                           : atomic_fetch_add(&post->door->turn, 1);
    for (int32_t i = 0; i < post->count; i++) {
        DoorRecord *record = &post->records[i];
        uint32_t spread = record->has_key ? key_hash(record->key) & INT32_MAX : turn;
        record->partition =
            given >= 0 ? (int32_t)given : (int32_t)(spread % (uint32_t)partition_count);
    }
    return true;
}

/* ---- Terms ------------------------------------------------------------------------------- */

static bool post_take_terms(Post *post)
{
    HttpRequest *request = post->request;
    Str ack = http_param(request, "ack");
    post->waits = !str_is(ack, "accepted");
    if (ack.data != NULL && post->waits && !str_is(ack, "durable")) {
        http_problem(request, MHD_HTTP_BAD_REQUEST, "WR6037", "unknown ack",
                     "ack may be `durable` (the default) or `accepted`", NULL);
        return false;
    }
    Str tombstone = http_param(request, "tombstone");
    post->has_tombstones = str_is(tombstone, "true");
    if (tombstone.data != NULL && !post->has_tombstones && !str_is(tombstone, "false")) {
        http_problem(request, MHD_HTTP_BAD_REQUEST, "WR6037", "no truth value",
                     "tombstone may be `true` or `false` (the default)", NULL);
        return false;
    }
    post->producer_id = -1;
    const char *key = http_header(request, "Idempotency-Key");
    if (key == NULL)
        return true;
    size_t length = strlen(key);
    if (length == 0 || length > 255) {
        http_problem(request, MHD_HTTP_BAD_REQUEST, "WR6038", "no idempotency key",
                     "an Idempotency-Key has 1 to 255 bytes", NULL);
        return false;
    }
    const Key *principal = request->principal;
    const char *whole =
        arena_printf(post->arena, "%s\n%s", principal != NULL ? principal->id : "", key);
    post->producer_id = (int64_t)(hash_bytes(whole, (int64_t)strlen(whole)) % KEYED_PRODUCER_IDS +
                                  KEYED_PRODUCER_IDS);
    uint64_t hash = hash_bytes(request->content.data, request->content.length);
    post->first_sequence = (int32_t)((hash + post->has_tombstones) & SEQUENCE_MASK);
    return true;
}

/* The log remembers the last few batches of a producer: all of the request has to be among them. */
static bool post_is_rememberable(const Post *post)
{
    int64_t most = (PRODUCER_BATCHES - 1) * post->topic.message_bytes_max;
    if (post->producer_id < 0 || post->request->content.length <= most)
        return true;
    http_problem(post->request, MHD_HTTP_CONTENT_TOO_LARGE, "WR6020", "too much at once",
                 arena_printf(post->arena, "with an Idempotency-Key a body may have %lld bytes",
                              (long long)most),
                 "send it in several requests, each with a key of its own");
    return false;
}

/* ---- Answers ----------------------------------------------------------------------------- */

static void put_int(Buffer *out, int64_t value)
{
    char digits[24];
    int32_t at = (int32_t)sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    buffer_append(out, digits + at, (int64_t)sizeof digits - at);
}

static void put_result(Buffer *out, const DoorRecord *record)
{
    if (record->code == NULL) {
        buffer_append_text(out, "{\"partition\":");
        put_int(out, record->partition);
        buffer_append_text(out, ",\"offset\":");
        put_int(out, record->offset);
    } else {
        buffer_append_text(out, "{\"code\":");
        json_append_quoted(out, str_from(record->code));
        buffer_append_text(out, ",\"reason\":");
        json_append_quoted(out, str_from(record->reason != NULL ? record->reason : ""));
    }
    buffer_append_char(out, '}');
}

static void post_answer(Post *post)
{
    Buffer *out = &post->request->body;
    buffer_append_text(out, "{\"topic\":");
    json_append_quoted(out, str_from(post->topic.name));
    buffer_append_text(out, ",\"accepted\":");
    put_int(out, post->count - post->refused);
    buffer_append_text(out, ",\"rejected\":");
    put_int(out, post->refused);
    buffer_append_text(out, ",\"records\":[");
    for (int32_t i = 0; i < post->count; i++) {
        if (i > 0)
            buffer_append_char(out, ',');
        put_result(out, &post->records[i]);
    }
    buffer_append_text(out, "]}");
    if (post->refused == post->count)
        post->request->status = MHD_HTTP_UNPROCESSABLE_CONTENT;
}

static void post_count(const Post *post)
{
    const char *labels[] = {"accepted", "rejected"};
    int64_t counts[] = {post->count - post->refused, post->refused};
    for (int32_t i = 0; i < 2; i++)
        if (counts[i] > 0)
            metric_add(metric_get(METRIC_COUNTER, "weir_http_records_total",
                                  arena_printf(post->arena, "topic=\"%s\",result=\"%s\"",
                                               post->topic.name, labels[i]),
                                  "Records that came by HTTP.", 1),
                       counts[i]);
}

/* ---- Dead letters ------------------------------------------------------------------------ */

static const char *letters_name(const Post *post)
{
    return arena_printf(post->arena, "%s" DEAD_LETTERS_SUFFIX, post->topic.name);
}

/* With a key they are set aside once, as the other records are taken once. */
static Status post_set_aside(Post *post, Error *error)
{
    DoorTopic letters;
    DoorRecord *refused = ARENA_ARRAY(post->arena, DoorRecord, post->refused);
    int32_t count = 0;
    for (int32_t i = 0; i < post->count; i++)
        if (post->records[i].code != NULL) {
            refused[count] = post->records[i];
            refused[count++].is_tombstone = false;
        }
    if (!door_find_letters(post->request, letters_name(post), &letters, error))
        return error->status;
    const Key *principal = post->request->principal;
    DoorAppend append = {.topic = &letters,
                         .records = refused,
                         .count = count,
                         .producer_id = post->producer_id,
                         .first_sequence = post->first_sequence,
                         .waits = true,
                         .caller = principal != NULL ? principal->name : ""};
    Status status = door_append_letters(post->request, &append, error);
    door_release(&letters);
    return status;
}

/* ---- The request ------------------------------------------------------------------------- */

static Status post_write(Post *post, Error *error)
{
    DoorAppend append = {.topic = &post->topic,
                         .records = post->records,
                         .count = post->count,
                         .producer_id = post->producer_id,
                         .first_sequence = post->first_sequence,
                         .waits = post->waits};
    TRY(door_append(post->request, &append, error));
    post->refused = 0;
    for (int32_t i = 0; i < post->count; i++)
        post->refused += post->records[i].code != NULL;
    return post->refused > 0 ? post_set_aside(post, error) : OK;
}

/* Nothing is taken before it is known that the key was not used with another body: neither in a
 * partition to which this one does not write nor for dead letters. */
static Status post_check_key(Post *post, Error *error)
{
    DoorTopic letters;
    TRY(door_check_key(post->request, &post->topic, post->producer_id, post->first_sequence,
                       error));
    if (!door_has_topic(post->request, letters_name(post)))
        return OK;
    if (!door_find_letters(post->request, letters_name(post), &letters, error))
        return error->status;
    Status status =
        door_check_key(post->request, &letters, post->producer_id, post->first_sequence, error);
    door_release(&letters);
    return status;
}

static Status post_write_once(Post *post, Error *error)
{
    if (post->producer_id < 0)
        return post_write(post, error);
    pthread_mutex_t *lock = &post->door->key_locks[post->producer_id % DOOR_KEY_LOCKS];
    pthread_mutex_lock(lock);
    Status status = post_check_key(post, error);
    if (status == OK)
        status = post_write(post, error);
    pthread_mutex_unlock(lock);
    return status;
}

static void post_take(Post *post)
{
    Error error = {0};
    const DoorTable *table = door_table(post->door, post->topic.name);
    bool is_bytes = table == NULL && content_is(post->request, "application/octet-stream");
    if (!post_take_apart(post, table))
        return;
    Status status =
        is_bytes ? OK : door_check(post->request, table, post->records, post->count, &error);
    post_find_keys(post, http_param(post->request, "key"));
    post_check_tombstones(post, is_bytes);
    if (status == OK && !post_choose_partitions(post))
        return;
    if (status == OK)
        status = post_write_once(post, &error);
    const Key *principal = post->request->principal;
    if (principal != NULL)
        keys_charge(post->door->config.keys, principal, post->count, post->request->content.length);
    if (status != OK) {
        door_fail(post->request, &error);
        return;
    }
    post_count(post);
    post_answer(post);
}

void door_post_records(HttpRequest *request)
{
    Door *door = door_of(request);
    Post post = {.request = request, .door = door, .arena = request->arena};
    if (str_has_prefix(request->segments[0], STR("__"))) {
        http_problem(request, MHD_HTTP_BAD_REQUEST, "WR6030", "not a name to write to",
                     "topics whose names begin with `__` are the hub's own", NULL);
        return;
    }
    if (!post_take_terms(&post) || !door_find_topic(request, request->segments[0], true,
                                                    door->config.default_partitions, &post.topic))
        return;
    if (post_is_rememberable(&post))
        post_take(&post);
    door_release(&post.topic);
}
