/* CLIENT INFO says how the server calls a connection (Redis 6.2); CLIENT KILL ends it. An identity
 * begins anew when the server does, so the address goes with it. */
#include "connect/redis/fence.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/planted.h"
#include "connect/redis/connection.h"

enum { NOTE_BYTES_MAX = 256 };

void redis_fence_init(RedisFence *fence, World *world, Arena *arena, const char *notes,
                      const char *name)
{
    *fence = (RedisFence){.world = world, .folder = notes, .is_on = true};
    if (notes != NULL)
        fence->path = arena_printf(arena, "%s/%s", notes, name);
}

void redis_fence_leave(RedisFence *fence)
{
    if (fence->current[0] != '\0')
        memcpy(fence->former, fence->current, sizeof fence->former);
    fence->current[0] = '\0';
}

/* ---- The note ---------------------------------------------------------------------------- */

static void fence_read_note(RedisFence *fence)
{
    Arena *arena = arena_new(0);
    Str note, checksum;
    Status status = fence->path == NULL ? ERR_NOT_FOUND
                                        : world_read_file(fence->world, fence->path, NOTE_BYTES_MAX,
                                                          arena, &note, NULL);
    if (status == OK) {
        Str name = str_split(note, '\n', &checksum);
        const char *expected = arena_printf(arena, "%08x", crc32c(0, name.data, name.length));
        if (name.length < FENCE_NAME_BYTES && str_is(checksum, expected))
            snprintf(fence->former, sizeof fence->former, "%.*s", STR_ARGS(name));
        else
            log_event(LOG_WARN, "redis",
                      "%s is damaged: what a run that was killed has sent may still come",
                      fence->path);
    }
    fence->is_read = true;
    arena_free(arena);
}

static Status fence_write_note(RedisFence *fence, Error *error)
{
    char text[NOTE_BYTES_MAX];
    if (fence->path == NULL)
        return OK;
    int length = snprintf(text, sizeof text, "%s\n%08x", fence->current,
                          crc32c(0, fence->current, (int64_t)strlen(fence->current)));
    Status status = fence->world->kind->make_folder(fence->world, fence->folder, error);
    if (status == OK)
        status = world_replace_file(fence->world, fence->path, str_make(text, length), error);
    if (status == ERR_FULL && error != NULL)
        error->is_retriable = true;
    return status;
}

/* ---- Asking the server -------------------------------------------------------------------- */

/* An error of the server is no failure, unless it passes. */
static Status fence_ask(RedisConnection *connection, const Str *arguments, int32_t count,
                        RespReply *reply, Error *error)
{
    RedisFence *fence = &connection->fence;
    TRY(redis_connection_ask(connection, arguments, count, reply, error));
    if (reply->kind != RESP_ERROR)
        return OK;
    if (redis_refusal_passes(reply->text)) {
        Status status = fail(error, ERR_UNAVAILABLE, "WR3301", "the Redis server refused: %.*s",
                             STR_ARGS(reply->text));
        error->is_retriable = true;
        return status;
    }
    if (!fence->is_refused)
        log_event(LOG_WARN, "redis",
                  "the server does not end a connection for this user (%.*s): what one that broke "
                  "has sent may come late and put old rows in the place of newer ones",
                  STR_ARGS(reply->text));
    fence->is_refused = true;
    return OK;
}

/* The value of "name=" in "id=3 addr=10.0.0.1:4711 …". */
static Str info_value(Str info, const char *name)
{
    while (info.length > 0) {
        Str part = str_split(info, ' ', &info);
        if (str_has_prefix(part, str_from(name)))
            return str_make(part.data + strlen(name), part.length - (int64_t)strlen(name));
    }
    return (Str){0};
}

static Status fence_learn(RedisConnection *connection, Error *error)
{
    RedisFence *fence = &connection->fence;
    RespReply reply;
    TRY(fence_ask(connection, (Str[]){STR("CLIENT"), STR("INFO")}, 2, &reply, error));
    Str id = info_value(reply.text, "id="), address = info_value(reply.text, "addr=");
    bool is_known = reply.kind == RESP_TEXT && id.length > 0 && address.length > 0 &&
                    id.length + address.length + 2 <= FENCE_NAME_BYTES;
    if (is_known)
        snprintf(fence->current, sizeof fence->current, "%.*s %.*s", STR_ARGS(id),
                 STR_ARGS(address));
    return OK;
}

static Status fence_end_former(RedisConnection *connection, Error *error)
{
    RedisFence *fence = &connection->fence;
    Str address, id = str_split(str_from(fence->former), ' ', &address);
    Str arguments[] = {STR("CLIENT"), STR("KILL"), STR("ID"), id, STR("ADDR"), address};
    RespReply reply;
    if (!planted(PLANTED_FORMER_LEFT))
        TRY(fence_ask(connection, arguments, 6, &reply, error));
    fence->former[0] = '\0';
    return OK;
}

Status redis_fence_raise(RedisConnection *connection, Error *error)
{
    RedisFence *fence = &connection->fence;
    if (!fence->is_on)
        return OK;
    if (!fence->is_read)
        fence_read_note(fence);
    fence->current[0] = '\0';
    Status status = fence_learn(connection, error);
    if (status == OK && fence->former[0] != '\0')
        status = fence_end_former(connection, error);
    if (status == OK)
        status = fence_write_note(fence, error);
    if (status != OK) /* nothing has been written by it */
        fence->current[0] = '\0';
    return status;
}
