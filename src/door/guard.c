/* Who asks, and whether he may. */
#include "door/internal.h"

#include <strings.h>

#include "base/base64.h"
#include "base/metrics.h"

static void refuse_credentials(HttpRequest *request, const char *reason)
{
    metric_add(metric_get(METRIC_COUNTER, "weir_auth_failures_total",
                          arena_printf(request->arena, "reason=\"%s\"", reason),
                          "Requests without a key that is good for them.", 1),
               1);
}

/* NAME:KEY, or nothing. */
static Str given_basic(const HttpRequest *request, const char *packed, Str *name)
{
    Buffer text = {0};
    Str key = {0};
    if (base64_decode(&text, str_trim(str_from(packed))))
        *name = str_split(str_copy(request->arena, buffer_str(&text)), ':', &key);
    buffer_free(&text);
    return key;
}

/* Bearer KEY, Basic NAME:KEY, or the header X-Api-Key. With a name it has to be the key's. */
static Str given_key(const HttpRequest *request, Str *name)
{
    const char *header = http_header(request, MHD_HTTP_HEADER_AUTHORIZATION);
    if (header != NULL && strncasecmp(header, "Bearer ", 7) == 0)
        return str_from(header + 7);
    if (header != NULL && strncasecmp(header, "Basic ", 6) == 0)
        return given_basic(request, header + 6, name);
    header = http_header(request, "X-Api-Key");
    return header != NULL ? str_from(header) : (Str){0};
}

/* A subject is its topic's, by the names that Confluent's clients give them: TOPIC-key and
 * TOPIC-value. */
static bool may_subject(const Key *key, KeyRole role, Str subject)
{
    static const Str endings[] = {STR(""), STR("-value"), STR("-key")};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (str_has_suffix(subject, endings[i]) &&
            key_may(key, role, str_make(subject.data, subject.length - endings[i].length)))
            return true;
    return false;
}

static bool guard_may(const HttpRequest *request, const Key *key)
{
    uint32_t asked = (uint32_t)request->route->role;
    KeyRole role = (KeyRole)(asked & DOOR_ROLES);
    bool has_role = (key->roles & (uint32_t)(role | KEY_ADMIN)) != 0;
    if ((asked & DOOR_ALL) != 0)
        return has_role && strcmp(key->topics, "*") == 0;
    if ((asked & DOOR_SUBJECT) != 0)
        return may_subject(key, role, request->segments[0]);
    bool is_about_topic = (asked & DOOR_REGISTRY) == 0 && request->segment_count > 0 &&
                          request->segments[0].length > 0;
    return is_about_topic ? key_may(key, role, request->segments[0]) : has_role;
}

static bool guard_throttle(HttpRequest *request, const Key *key)
{
    int64_t wait_us = keys_throttle(door_of(request)->config.keys, key);
    if (wait_us == 0)
        return true;
    metric_add(metric_get(METRIC_COUNTER, "weir_ratelimited_requests_total", "",
                          "Requests that came faster than their key may.", 1),
               1);
    http_problem(request, MHD_HTTP_TOO_MANY_REQUESTS, "WR6043", "too fast",
                 arena_printf(request->arena,
                              "the key `%s` may move %lld records and %lld bytes a second "
                              "(0: any number)",
                              key->name, (long long)key->records_per_second,
                              (long long)key->bytes_per_second),
                 "try again after Retry-After");
    http_add_header(request, "Retry-After",
                    arena_printf(request->arena, "%lld", (long long)(wait_us / 1000000 + 1)));
    return false;
}

/* Whether those who have no key may come in as long as nobody has one. The first request may be
 * here before the door knows its server. */
static bool door_is_open(const Door *door, const HttpServer *server)
{
    const DoorConfig *config = &door->config;
    return http_is_local(server) || config->allows_plaintext || config->tls.client_ca != NULL;
}

bool door_guard(HttpRequest *request)
{
    const Door *door = door_of(request);
    Keys *keys = door->config.keys;
    int32_t role = request->route->role;
    if (role == 0 || keys == NULL || (door_is_open(door, request->server) && keys_count(keys) == 0))
        return true;
    Key *key = ARENA_NEW(request->arena, Key);
    Str name = {0}, given = given_key(request, &name);
    if (given.data == NULL || !keys_find(keys, given, request->arena, key) ||
        (name.data != NULL && !str_is(name, key->name))) {
        refuse_credentials(request, given.data == NULL ? "none" : "unknown");
        http_problem(request, MHD_HTTP_UNAUTHORIZED, "WR6041", "who are you?",
                     given.data == NULL ? "this needs a key" : "the key is not known, or is over",
                     "send it as `Authorization: Bearer KEY`; `weir key create` makes one");
        http_add_header(request, "WWW-Authenticate", "Bearer, Basic realm=\"weir\"");
        return false;
    }
    if (!guard_may(request, key)) {
        refuse_credentials(request, "forbidden");
        http_problem(request, MHD_HTTP_FORBIDDEN, "WR6042", "not allowed",
                     arena_printf(request->arena, "the key `%s` is not good for this", key->name),
                     "`weir key list` shows roles and topics of the keys");
        return false;
    }
    request->principal = key;
    bool has_pace = (role & DOOR_ROLES) == KEY_PRODUCE ||
                    ((role & DOOR_ROLES) == KEY_CONSUME && (role & DOOR_REGISTRY) == 0);
    return !has_pace || guard_throttle(request, key);
}
