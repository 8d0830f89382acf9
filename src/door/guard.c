/* Who asks, and whether he may. */
#include "door/internal.h"

#include <strings.h>

#include "base/metrics.h"

static void refuse_credentials(HttpRequest *request, const char *reason)
{
    metric_add(metric_get(METRIC_COUNTER, "weir_auth_failures_total",
                          arena_printf(request->arena, "reason=\"%s\"", reason),
                          "Requests without a key that is good for them.", 1),
               1);
}

/* Bearer KEY, or the header X-Api-Key. */
static Str given_key(const HttpRequest *request)
{
    const char *header = http_header(request, MHD_HTTP_HEADER_AUTHORIZATION);
    if (header != NULL && strncasecmp(header, "Bearer ", 7) == 0)
        return str_from(header + 7);
    header = http_header(request, "X-Api-Key");
    return header != NULL ? str_from(header) : (Str){0};
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
                              "the key `%s` may produce %lld records and %lld bytes a second "
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
    KeyRole role = (KeyRole)request->route->role;
    if (role == 0 || keys == NULL || (door_is_open(door, request->server) && keys_count(keys) == 0))
        return true;
    Key *key = ARENA_NEW(request->arena, Key);
    Str given = given_key(request);
    if (given.data == NULL || !keys_find(keys, given, request->arena, key)) {
        refuse_credentials(request, given.data == NULL ? "none" : "unknown");
        http_problem(request, MHD_HTTP_UNAUTHORIZED, "WR6041", "who are you?",
                     given.data == NULL ? "this needs a key" : "the key is not known, or is over",
                     "send it as `Authorization: Bearer KEY`; `weir key create` makes one");
        http_add_header(request, "WWW-Authenticate", "Bearer");
        return false;
    }
    Str topic = request->segment_count > 0 ? request->segments[0] : STR("");
    bool may = topic.length > 0 ? key_may(key, role, topic)
                                : (key->roles & role) != 0 || (key->roles & KEY_ADMIN) != 0;
    if (!may) {
        refuse_credentials(request, "forbidden");
        http_problem(request, MHD_HTTP_FORBIDDEN, "WR6042", "not allowed",
                     arena_printf(request->arena, "the key `%s` is not good for this", key->name),
                     "`weir key list` shows roles and topics of the keys");
        return false;
    }
    request->principal = key;
    return role != KEY_PRODUCE || guard_throttle(request, key);
}
