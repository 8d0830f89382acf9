/* A connection to a Redis server. */
#include "connect/redis/connection.h"

#include <stdatomic.h>
#include <stdio.h>

#include "base/log.h"
#include "base/planted.h"
#include "data/datetime.h"

void redis_connection_init(RedisConnection *connection, World *world, const PlanTable *table)
{
    const OptionSet *options = table->options.options;
    connection->table = table;
    connection->timeout_us = options_int(options, "timeout") * MICROS_PER_MILLI;
    connection->socket = socket_new(world);
    connection->reader =
        (RespReader){.socket = connection->socket, .timeout_us = connection->timeout_us};
    atomic_store(&connection->interruptible, connection->socket);
}

void redis_connection_drop(RedisConnection *connection)
{
    if (connection->socket != NULL)
        socket_close(connection->socket);
    if (!planted(PLANTED_ANSWER_LEFT))
        resp_reader_reset(&connection->reader);
    if (connection->is_connected)
        redis_fence_leave(&connection->fence);
    connection->is_connected = false;
}

Status redis_connection_ask(RedisConnection *connection, const Str *arguments, int32_t count,
                            RespReply *reply, Error *error)
{
    connection->out.length = 0;
    resp_begin(&connection->out, count);
    for (int32_t i = 0; i < count; i++)
        resp_argument(&connection->out, arguments[i]);
    TRY(socket_write(connection->socket, connection->out.data, connection->out.length,
                     connection->timeout_us, error));
    return resp_read(&connection->reader, reply, error);
}

/* The same; an error reply fails with the server's words. */
static Status redis_ask(RedisConnection *connection, const Str *arguments, int32_t count,
                        Error *error)
{
    RespReply reply;
    TRY(redis_connection_ask(connection, arguments, count, &reply, error));
    if (reply.kind != RESP_ERROR)
        return OK;
    if (str_has_prefix(reply.text, STR("LOADING"))) {
        Status status =
            fail(error, ERR_UNAVAILABLE, "WR3301", "the Redis server is loading its data");
        error->is_retriable = true;
        return status;
    }
    Status status = fail(error, ERR_PERMISSION, "WR3304", "the Redis server refused: %.*s",
                         STR_ARGS(reply.text));
    error_hint(error, "check 'username', 'password' and 'database' of table `%.*s`",
               STR_ARGS(connection->table->name));
    return status;
}

static Status redis_greet(RedisConnection *connection, Error *error)
{
    const OptionSet *options = connection->table->options.options;
    if (options_bool(options, "tls")) {
        TlsOptions tls = {.verify = TLS_VERIFY_FULL, .host = options_terminated(options, "host")};
        if (options_has(options, "tls.ca-file"))
            tls.ca_file = options_terminated(options, "tls.ca-file");
        TRY(socket_start_tls(connection->socket, &tls, connection->timeout_us, error));
    }
    if (options_has(options, "password")) {
        Str arguments[3] = {STR("AUTH")};
        int32_t count = 1;
        if (options_has(options, "username"))
            arguments[count++] = options_text(options, "username");
        arguments[count++] = options_text(options, "password");
        TRY(redis_ask(connection, arguments, count, error));
    }
    char database[24];
    snprintf(database, sizeof database, "%lld", (long long)options_int(options, "database"));
    TRY(redis_ask(connection, (Str[]){STR("SELECT"), str_from(database)}, 2, error));
    return redis_fence_raise(connection, error);
}

Status redis_connection_open(RedisConnection *connection, Error *error)
{
    const OptionSet *options = connection->table->options.options;
    SocketTarget target = {.host = options_terminated(options, "host"),
                           .port = (int32_t)options_int(options, "port")};
    redis_connection_drop(connection);
    TRY(socket_connect(connection->socket, &target, connection->timeout_us, error));
    TRY(redis_greet(connection, error));
    connection->is_connected = true;
    if (connection->was_connected)
        log_event(LOG_INFO, "redis", "connected again to %s:%d", target.host, target.port);
    connection->was_connected = true;
    return OK;
}

void redis_connection_interrupt(RedisConnection *connection)
{
    Socket *socket = atomic_load(&connection->interruptible);
    if (socket != NULL)
        socket_interrupt(socket);
}

void redis_connection_free(RedisConnection *connection)
{
    socket_free(connection->socket);
    buffer_free(&connection->reader.buffer);
    buffer_free(&connection->out);
}

bool redis_refusal_passes(Str text)
{
    static const char *const words[] = {"OOM",         "LOADING",    "READONLY",
                                        "BUSY",        "MASTERDOWN", "TRYAGAIN",
                                        "CLUSTERDOWN", "NOREPLICAS", "MISCONF"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (str_has_prefix(text, str_from(words[i])))
            return true;
    return false;
}
