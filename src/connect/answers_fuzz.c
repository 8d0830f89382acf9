/* Whatever a server may answer to our own clients: Redis (RESP2), MySQL (greeting, sign-in, rows of
 * a query) and Kafka (the coordinator of a transaction, SCRAM). The first byte says which, and in
 * how small pieces the others come; then the server closes the connection.
 *
 * The call comes back, with what was said or with an error that has a code. (PostgreSQL, and
 * MariaDB behind `jdbc`, are spoken to by their own libraries.) */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/network.h"
#include "connect/kafka/coordinator.h"
#include "connect/mysql/client.h"
#include "connect/redis/resp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    LINK = 1,
    BELL = 2,
    PIECE_BYTES = 3,
    TIMEOUT_US = 1000,
    ANSWERS_MAX = 10000,
    COLUMNS_MAX = 64
};

/* ---- A server that has said it all ----------------------------------------------------------- */

typedef struct Server {
    World base; /* first */
    WorldKind kind;
    NetworkKind network;
    const uint8_t *at;
    int64_t left;
    int64_t now_us;
    bool is_slow; /* a few bytes at a time */
} Server;

static Server *server_of(World *world)
{
    return (Server *)world;
}

static int64_t server_now_us(World *world)
{
    return server_of(world)->now_us;
}

static uint64_t server_random(World *world)
{
    (void)world;
    return 1;
}

static NetFound server_find(World *world, const char *host, int32_t port, NetAddress *out,
                            int32_t *count, const char **why)
{
    (void)world, (void)host, (void)port, (void)why;
    *out = (NetAddress){.length = 1};
    *count = 1;
    return NET_FOUND;
}

static int server_connect(World *world, const NetAddress *address, bool *is_there)
{
    (void)world, (void)address;
    *is_there = true;
    return LINK;
}

static int server_verdict(World *world, int link)
{
    (void)world, (void)link;
    return 0;
}

static int64_t server_read(World *world, int link, void *into, int64_t bytes_max)
{
    (void)link;
    Server *server = server_of(world);
    int64_t bytes = server->left < bytes_max ? server->left : bytes_max;
    if (server->is_slow && bytes > PIECE_BYTES)
        bytes = PIECE_BYTES;
    if (bytes > 0)
        memcpy(into, server->at, (size_t)bytes);
    server->at += bytes;
    server->left -= bytes;
    return bytes;
}

static int64_t server_write(World *world, int link, const void *bytes, int64_t length)
{
    (void)world, (void)link, (void)bytes;
    return length;
}

static void server_close(World *world, int link)
{
    (void)world, (void)link;
}

static int server_bell(World *world)
{
    (void)world;
    return BELL;
}

static int server_wait(World *world, int link, int bell, int events, int64_t deadline_us)
{
    (void)bell, (void)events;
    if (link >= 0 && events != 0)
        return NET_READY;
    if (server_of(world)->now_us < deadline_us)
        server_of(world)->now_us = deadline_us;
    return NET_TIMEOUT;
}

static void server_begin(Server *server, const uint8_t *data, int64_t size, bool is_slow)
{
    *server = (Server){.at = data, .left = size, .is_slow = is_slow};
    server->network = (NetworkKind){.find = server_find,
                                    .connect = server_connect,
                                    .verdict = server_verdict,
                                    .read = server_read,
                                    .write = server_write,
                                    .close = server_close,
                                    .bell = server_bell,
                                    .ring = server_close,
                                    .wait = server_wait};
    server->kind = *world_system()->kind;
    server->kind.monotonic_us = server_now_us;
    server->kind.random_u64 = server_random;
    server->kind.network = &server->network;
    server->base.kind = &server->kind;
}

static void must_have_code(Status status, const Error *error)
{
    bool is_named = status == OK || (error->code[0] == 'W' && error->text[0] != '\0');
    if (!is_named)
        fprintf(stderr, "%s without a code\n", status_name(status));
    assert(is_named);
}

/* ---- Clients --------------------------------------------------------------------------------- */

/* What was said is looked at, byte by byte. */
static volatile uint32_t seen;

static const SocketTarget target = {.host = "server", .port = 1};

static uint32_t sum(Str text)
{
    uint32_t all = 0;
    for (int64_t i = 0; i < text.length; i++)
        all = all * 31 + (uint8_t)text.data[i];
    return all;
}

static void ask_redis(World *world)
{
    Error error = {0};
    RespReader reader = {.socket = socket_new(world), .timeout_us = TIMEOUT_US};
    RespReply reply;
    Status status = socket_connect(reader.socket, &target, TIMEOUT_US, &error);
    for (int32_t i = 0; status == OK && i < ANSWERS_MAX; i++) {
        status = i % 4 == 3 ? resp_read_open(&reader, &reply, &error)
                            : resp_read(&reader, &reply, &error);
        if (status == OK && (reply.kind == RESP_TEXT || reply.kind == RESP_ERROR))
            seen += sum(reply.text);
    }
    must_have_code(status, &error);
    buffer_free(&reader.buffer);
    socket_free(reader.socket);
}

static void ask_mysql(World *world)
{
    static const MysqlEndpoint endpoint = {.target = {.host = "server", .port = 1},
                                           .user = "user",
                                           .password = {"secret", 6},
                                           .connect_timeout_us = TIMEOUT_US,
                                           .query_timeout_us = TIMEOUT_US};
    MysqlClient client;
    Error error = {0};
    Str values[COLUMNS_MAX];
    mysql_client_init(&client, world, &endpoint);
    Status status = mysql_client_open(&client, &error);
    for (int32_t i = 0; status == OK && i < ANSWERS_MAX; i++) {
        int32_t columns = 0;
        status = mysql_client_query(&client, STR("SELECT 1"), &columns, &error);
        while (status == OK && columns > 0 && columns <= COLUMNS_MAX) {
            status = mysql_client_fetch(&client, values, columns, &error);
            for (int32_t c = 0; status == OK && c < columns; c++)
                seen += values[c].data == NULL ? 1 : sum(values[c]);
        }
        if (columns > COLUMNS_MAX)
            break;
        if (status == ERR_END)
            status = mysql_client_execute(&client, "COMMIT", &error);
    }
    must_have_code(status, &error);
    mysql_client_close(&client);
    mysql_client_free(&client);
}

static Status ask_coordinator(KafkaWire *wire, Error *error)
{
    Str body, text;
    int32_t number;
    int16_t code;
    kafka_wire_begin(wire, 10, 1);
    TRY(kafka_wire_ask(wire, &body, error));
    while (body.length > 0 && kafka_wire_take32(&body, &number) &&
           kafka_wire_take16(&body, &code) && kafka_wire_take_text(&body, &text)) {
        seen += sum(text);
        if (kafka_wire_take_bytes(&body, &text))
            seen += sum(text);
    }
    return OK;
}

static void ask_kafka(World *world)
{
    Error error = {0};
    KafkaWire wire = {
        .world = world, .arena = arena_new(0), .socket = socket_new(world), .pair = -1};
    Status status = socket_connect(wire.socket, &target, TIMEOUT_US, &error);
    if (status == OK)
        status = ask_coordinator(&wire, &error);
    if (status == OK)
        status = kafka_sasl(&wire, STR("SCRAM-SHA-256"), STR("user"), STR("pencil"), &error);
    must_have_code(status, &error);
    socket_free(wire.socket);
    buffer_free(&wire.in);
    buffer_free(&wire.out);
    arena_free(wire.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const clients[])(World *) = {ask_redis, ask_mysql, ask_kafka};
    enum { CLIENTS = (int)(sizeof clients / sizeof clients[0]), IS_SLOW = 0x80 };
    Server server;
    if (size == 0)
        return 0;
    log_configure(LOG_OFF, LOG_TEXT, false);
    server_begin(&server, data + 1, (int64_t)size - 1, (data[0] & IS_SLOW) != 0);
    clients[(data[0] & ~IS_SLOW) % CLIENTS](&server.base);
    return 0;
}
