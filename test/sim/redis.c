/* Keys in a map, changes in a journal. */
#include "sim/redis.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/random.h"

enum {
    ARGUMENTS_MAX = 32,
    SYNC_EVERY_US = 1000 * 1000,
    LOADING_US_MAX = 300 * 1000,
    PERMILLE = 1000,
    PEER_PORT = 40000,
};

typedef struct RedisValue {
    Str text;
    Map *fields; /* name -> const Str *; NULL: a string */
} RedisValue;

typedef struct Change {
    Str key;
    Str *arguments;
    int32_t count;
    int64_t at_us;
    const char *line; /* the key as it is now */
} Change;

struct SimRedis {
    Arena *arena;
    Map *keys; /* -> RedisValue */
    List journal;
    SimNetwork *network;
    uint64_t seed;
    bool keeps_all;
    int32_t refusals;
    int64_t loading_us; /* until then */
};

/* ---- Answers ------------------------------------------------------------------------------- */

static void answer_text(Buffer *out, const Str *text)
{
    if (text == NULL) {
        buffer_append_text(out, "$-1\r\n");
        return;
    }
    buffer_printf(out, "$%lld\r\n", (long long)text->length);
    buffer_append_str(out, *text);
    buffer_append_text(out, "\r\n");
}

static void answer_number(Buffer *out, int64_t number)
{
    buffer_printf(out, ":%lld\r\n", (long long)number);
}

/* ---- Keys ---------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return str_compare(*(const Str *)a, *(const Str *)b);
}

static void value_print_line(const RedisValue *value, Arena *arena, Buffer *out)
{
    if (value->fields == NULL) {
        buffer_append_char(out, '=');
        buffer_append_str(out, value->text);
        return;
    }
    int32_t count = map_count(value->fields);
    Str *names = ARENA_ARRAY(arena, Str, count + 1);
    for (int32_t i = 0; i < count; i++)
        names[i] = map_key_at(value->fields, i);
    qsort(names, (size_t)count, sizeof *names, compare_names);
    for (int32_t i = 0; i < count; i++) {
        const Str *text = map_find(value->fields, names[i]);
        buffer_printf(out, " %.*s=%.*s", STR_ARGS(names[i]), STR_ARGS(*text));
    }
}

/* True if the key, or a field of it, was there. */
static int64_t key_remove(SimRedis *redis, Str key, const Str *fields, int32_t count)
{
    RedisValue *value = map_find(redis->keys, key);
    if (fields == NULL)
        return map_remove(redis->keys, key);
    int64_t removed = 0;
    for (int32_t i = 0; value != NULL && i < count; i++)
        removed += map_remove(value->fields, fields[i]);
    if (value != NULL && map_count(value->fields) == 0)
        map_remove(redis->keys, key);
    return removed;
}

static int64_t key_set_fields(SimRedis *redis, Str key, const Str *pairs, int32_t count)
{
    RedisValue *value = map_find(redis->keys, key);
    if (value == NULL) {
        value = ARENA_NEW(redis->arena, RedisValue);
        value->fields = map_new(redis->arena);
        map_put(redis->keys, key, value);
    }
    int64_t added = 0;
    for (int32_t i = 0; i + 1 < count; i += 2) {
        Str *text = ARENA_NEW(redis->arena, Str);
        *text = str_copy(redis->arena, pairs[i + 1]);
        added += map_find(value->fields, pairs[i]) == NULL;
        map_put(value->fields, pairs[i], text);
    }
    return added;
}

/* A change of a key, also when it is made again from the journal. What to answer, if it is a
 * number; -1: OK. */
static int64_t redis_apply(SimRedis *redis, const Str *arguments, int32_t count)
{
    Str name = arguments[0], key = arguments[1];
    if (str_is(name, "SET")) {
        RedisValue *value = ARENA_NEW(redis->arena, RedisValue);
        value->text = str_copy(redis->arena, arguments[2]);
        map_put(redis->keys, key, value);
        return -1;
    }
    if (str_is(name, "HSET"))
        return key_set_fields(redis, key, arguments + 2, count - 2);
    return key_remove(redis, key, str_is(name, "HDEL") ? arguments + 2 : NULL, count - 2);
}

static void redis_note(SimRedis *redis, const Str *arguments, int32_t count, int64_t now_us)
{
    Change *change = ARENA_NEW(redis->arena, Change);
    Buffer line = {0};
    change->at_us = now_us;
    change->count = count;
    change->arguments = ARENA_ARRAY(redis->arena, Str, count);
    for (int32_t i = 0; i < count; i++)
        change->arguments[i] = str_copy(redis->arena, arguments[i]);
    change->key = change->arguments[1];
    buffer_append_str(&line, change->key);
    const RedisValue *value = map_find(redis->keys, change->key);
    if (value != NULL)
        value_print_line(value, redis->arena, &line);
    change->line = arena_printf(redis->arena, "%s", buffer_terminated(&line));
    buffer_free(&line);
    list_append(&redis->journal, redis->arena, change);
}

/* ---- Commands ------------------------------------------------------------------------------ */

/* One request. */
typedef struct Request {
    SimRedis *redis;
    int64_t peer, now_us;
    Str arguments[ARGUMENTS_MAX];
    int32_t count;
    Buffer *answer;
} Request;

static bool request_is(const Request *request, const char *name, int32_t least)
{
    return str_equal_ignoring_case(request->arguments[0], str_from(name)) &&
           request->count >= least;
}

/* False, with an answer, when the key holds a value of another kind. */
static bool request_has_kind(const Request *request, bool is_hash)
{
    const RedisValue *value = map_find(request->redis->keys, request->arguments[1]);
    if (value == NULL || (value->fields != NULL) == is_hash)
        return true;
    buffer_append_text(request->answer, "-WRONGTYPE Operation against a key holding the wrong "
                                        "kind of value\r\n");
    return false;
}

static void request_change(Request *request)
{
    SimRedis *redis = request->redis;
    if (random_below(&redis->seed, PERMILLE) < redis->refusals) {
        buffer_append_text(request->answer, "-OOM command not allowed when used memory > "
                                            "'maxmemory'.\r\n");
        return;
    }
    int64_t result = redis_apply(redis, request->arguments, request->count);
    redis_note(redis, request->arguments, request->count, request->now_us);
    if (result < 0)
        buffer_append_text(request->answer, "+OK\r\n");
    else
        answer_number(request->answer, result);
}

static void request_get(const Request *request)
{
    const RedisValue *value = map_find(request->redis->keys, request->arguments[1]);
    answer_text(request->answer, value == NULL ? NULL : &value->text);
}

static void request_get_fields(const Request *request, bool is_one)
{
    const RedisValue *value = map_find(request->redis->keys, request->arguments[1]);
    if (!is_one)
        buffer_printf(request->answer, "*%d\r\n", request->count - 2);
    for (int32_t i = 2; i < request->count; i++)
        answer_text(request->answer,
                    value == NULL ? NULL : map_find(value->fields, request->arguments[i]));
}

static void request_client(const Request *request)
{
    char address[32];
    Str what = request->count > 1 ? request->arguments[1] : (Str){0};
    snprintf(address, sizeof address, "10.0.0.1:%lld", (long long)(PEER_PORT + request->peer));
    if (str_equal_ignoring_case(what, STR("INFO"))) {
        Buffer text = {0};
        buffer_printf(&text, "id=%lld addr=%s laddr=10.0.0.2:6379 fd=8 name= db=0\n",
                      (long long)request->peer, address);
        Str info = buffer_str(&text);
        answer_text(request->answer, &info);
        buffer_free(&text);
        return;
    }
    int64_t peer = 0;
    /* CLIENT KILL ID n ADDR a */
    bool is_kill = str_equal_ignoring_case(what, STR("KILL")) && request->count == 6 &&
                   str_parse_int64(request->arguments[3], &peer);
    if (!is_kill) {
        buffer_append_text(request->answer, "-ERR unknown subcommand\r\n");
        return;
    }
    snprintf(address, sizeof address, "10.0.0.1:%lld", (long long)(PEER_PORT + peer));
    bool is_it = str_is(request->arguments[5], address) && peer != request->peer;
    answer_number(request->answer, is_it && sim_network_hang_up(request->redis->network, peer));
}

static void request_answer(Request *request)
{
    bool is_loading = request->now_us < request->redis->loading_us;
    if (request_is(request, "SELECT", 2) || request_is(request, "AUTH", 2))
        buffer_append_text(request->answer, "+OK\r\n");
    else if (request_is(request, "CLIENT", 2))
        request_client(request);
    else if (is_loading)
        buffer_append_text(request->answer, "-LOADING Redis is loading the dataset in memory\r\n");
    else if (request_is(request, "DEL", 2) || request_is(request, "SET", 3))
        request_change(request);
    else if (request_is(request, "HSET", 4) || request_is(request, "HDEL", 3))
        request_has_kind(request, true) ? request_change(request) : (void)0;
    else if (request_is(request, "GET", 2))
        request_has_kind(request, false) ? request_get(request) : (void)0;
    else if (request_is(request, "HGET", 3) || request_is(request, "HMGET", 3))
        request_has_kind(request, true)
            ? request_get_fields(request, request_is(request, "HGET", 3))
            : (void)0;
    else
        buffer_printf(request->answer, "-ERR unknown command '%.*s'\r\n",
                      STR_ARGS(request->arguments[0]));
}

/* ---- Requests ------------------------------------------------------------------------------ */

/* "*3\r\n" or "$17\r\n" at the front of `in`, which goes on behind it. False: not all is there. */
static bool take_number(Str *in, char mark, int64_t *number)
{
    const char *end = in->length > 0 ? memmem(in->data, (size_t)in->length, "\r\n", 2) : NULL;
    if (end == NULL)
        return false;
    bool is_good =
        in->data[0] == mark && str_parse_int64(str_make(in->data + 1, end - in->data - 1), number);
    assert(is_good);
    (void)is_good;
    int64_t used = end + 2 - in->data;
    *in = str_make(in->data + used, in->length - used);
    return true;
}

static bool take_request(Str *in, Request *request)
{
    int64_t count = 0, length = 0;
    if (!take_number(in, '*', &count))
        return false;
    assert(count > 0 && count <= ARGUMENTS_MAX);
    request->count = (int32_t)count;
    for (int32_t i = 0; i < count; i++) {
        if (!take_number(in, '$', &length) || in->length < length + 2)
            return false;
        request->arguments[i] = str_make(in->data, length);
        *in = str_make(in->data + length + 2, in->length - length - 2);
    }
    return true;
}

static int64_t redis_receive(void *context, int64_t peer, int64_t now_us, Str in, Buffer *answer)
{
    Request request = {.redis = context, .peer = peer, .now_us = now_us, .answer = answer};
    int64_t taken = 0;
    for (Str left = in; take_request(&left, &request);) {
        request_answer(&request);
        taken = in.length - left.length;
    }
    return taken;
}

/* From the file: what was synced, and of the rest some. */
static void redis_restart(void *context, int64_t now_us, uint64_t *chance)
{
    SimRedis *redis = context;
    List journal = redis->journal;
    int32_t synced = 0;
    while (synced < journal.count &&
           LIST_AT(journal, synced, Change)->at_us + SYNC_EVERY_US < now_us)
        synced++;
    int32_t kept = redis->keeps_all
                       ? journal.count
                       : synced + (int32_t)random_below(chance, journal.count - synced + 1);
    redis->keys = map_new(redis->arena);
    redis->journal.count = kept;
    for (int32_t i = 0; i < kept; i++) {
        const Change *change = LIST_AT(journal, i, Change);
        (void)redis_apply(redis, change->arguments, change->count);
    }
    redis->loading_us = now_us + random_below(chance, LOADING_US_MAX);
}

/* ---- For tests ----------------------------------------------------------------------------- */

SimRedis *sim_redis_new(uint64_t seed, bool keeps_all)
{
    Arena *arena = arena_new(0);
    SimRedis *redis = ARENA_NEW(arena, SimRedis);
    *redis =
        (SimRedis){.arena = arena, .keys = map_new(arena), .seed = seed, .keeps_all = keeps_all};
    return redis;
}

void sim_redis_free(SimRedis *redis)
{
    if (redis != NULL)
        arena_free(redis->arena);
}

SimServer sim_redis_server(SimRedis *redis)
{
    return (SimServer){.host = "redis",
                       .port = 6379,
                       .context = redis,
                       .receive = redis_receive,
                       .restart = redis_restart};
}

void sim_redis_connect(SimRedis *redis, SimNetwork *network)
{
    redis->network = network;
}

void sim_redis_refuse(SimRedis *redis, int32_t share)
{
    redis->refusals = share;
}

void sim_redis_put(SimRedis *redis, const char *key, const char *text)
{
    Str arguments[] = {STR("SET"), str_from(key), str_from(text)};
    (void)redis_apply(redis, arguments, 3);
    redis_note(redis, arguments, 3, 0);
}

void sim_redis_print(const SimRedis *redis, Str prefix, Buffer *out)
{
    for (int32_t i = 0; i < map_count(redis->keys); i++) {
        Str key = map_key_at(redis->keys, i);
        if (!str_has_prefix(key, prefix))
            continue;
        buffer_append(out, key.data + prefix.length, key.length - prefix.length);
        value_print_line(map_value_at(redis->keys, i), redis->arena, out);
        buffer_append_char(out, '\n');
    }
}

const char *sim_redis_change(const SimRedis *redis, Str prefix, int64_t *at)
{
    while (*at < redis->journal.count) {
        const Change *change = LIST_AT(redis->journal, (*at)++, Change);
        if (str_has_prefix(change->key, prefix))
            return change->line + prefix.length;
    }
    return NULL;
}
