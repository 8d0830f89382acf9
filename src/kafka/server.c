/* Connections, their calls, and what wakes those that wait. */
#include "kafka/server.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/bigendian.h"
#include "base/log.h"
#include "base/memory.h"
#include "kafka/broker.h"

enum {
    REQUEST_BYTES_MAX = 100 * 1024 * 1024, /* socket.request.max.bytes */
    READ_BYTES = 64 * 1024,
    CALLS_MAX = 64,                      /* of a connection, waiting for their answer */
    UNSENT_BYTES_MAX = 64 * 1024 * 1024, /* of a connection: then nothing more is read */
    CONNECTIONS_MAX = 10000,
    BACKLOG = 511,
    FLUSHERS = 2,
    TICK_US = 100 * 1000, /* of groups */
};

typedef struct Connection Connection;

struct Hub {
    HubConfig config;
    Arena *arena;
    Topics *topics;
    Broker *broker;
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_async_t waker;
    uv_timer_t timer;
    const char *address;
    Connection *connections;
    int32_t connection_count, waiting_count;
    int64_t next_us; /* when the timer comes, by the monotonic clock; 0: not set */
    _Atomic bool is_stopping, has_progress;
    bool is_closing;
    pthread_mutex_t lock; /* of `handed` */
    Buffer handed;        /* sockets of clients in this process that are not served yet */
};

/* A call in its place among those of its connection. */
typedef struct Turn {
    Call *call; /* NULL: its answer is in `out`, or there is none */
    Buffer out;
} Turn;

struct Connection {
    uv_tcp_t socket; /* first: a uv_handle_t * is a Connection * */
    Hub *hub;
    Connection *next, *before;
    Buffer received;
    Turn turns[CALLS_MAX]; /* the oldest first */
    int32_t turn_count;
    int64_t unsent_bytes;
    bool is_paused, is_closing;
};

/* ---- Connections ----------------------------------------------------------------------------- */

static void connection_free(uv_handle_t *handle)
{
    Connection *connection = (Connection *)handle;
    Hub *hub = connection->hub;
    for (int32_t i = 0; i < connection->turn_count; i++) {
        hub->waiting_count -= connection->turns[i].call != NULL;
        call_free(connection->turns[i].call);
        buffer_free(&connection->turns[i].out);
    }
    *(connection->before != NULL ? &connection->before->next : &hub->connections) =
        connection->next;
    if (connection->next != NULL)
        connection->next->before = connection->before;
    hub->connection_count--;
    buffer_free(&connection->received);
    memory_free(connection);
}

static void connection_close(Connection *connection)
{
    if (connection->is_closing)
        return;
    connection->is_closing = true;
    uv_close((uv_handle_t *)&connection->socket, connection_free);
}

/* ---- Answers --------------------------------------------------------------------------------- */

typedef struct Sending {
    uv_write_t request; /* first */
    Connection *connection;
    Buffer bytes;
} Sending;

static void connection_pump(Connection *connection);

static void sending_done(uv_write_t *request, int status)
{
    Sending *sending = (Sending *)request;
    Connection *connection = sending->connection;
    connection->unsent_bytes -= sending->bytes.length;
    buffer_free(&sending->bytes);
    memory_free(sending);
    if (status != 0)
        connection_close(connection);
    else if (!connection->is_closing)
        connection_pump(connection);
}

static void connection_send(Connection *connection, Buffer bytes)
{
    Sending *sending = memory_allocate_zeroed((int64_t)sizeof *sending);
    sending->connection = connection;
    sending->bytes = bytes;
    connection->unsent_bytes += bytes.length;
    uv_buf_t piece = uv_buf_init(bytes.data, (unsigned)bytes.length);
    if (uv_write(&sending->request, (uv_stream_t *)&connection->socket, &piece, 1, sending_done) !=
        0) {
        connection->unsent_bytes -= bytes.length;
        buffer_free(&sending->bytes);
        memory_free(sending);
        connection_close(connection);
    }
}

/* Send those at the front that have their answer. */
static void connection_send_ready(Connection *connection)
{
    int32_t ready = 0;
    Buffer bytes = {0};
    while (ready < connection->turn_count && connection->turns[ready].call == NULL) {
        Turn *turn = &connection->turns[ready++];
        if (bytes.length == 0) {
            buffer_free(&bytes);
            bytes = turn->out;
        } else {
            buffer_append_str(&bytes, buffer_str(&turn->out));
            buffer_free(&turn->out);
        }
    }
    connection->turn_count -= ready;
    memmove(connection->turns, connection->turns + ready,
            sizeof(Turn) * (size_t)connection->turn_count);
    if (bytes.length > 0)
        connection_send(connection, bytes);
    else
        buffer_free(&bytes);
}

static void timer_called(uv_timer_t *timer);

/* The timer comes then, or sooner. */
static void hub_wait_until(Hub *hub, int64_t time_us)
{
    if (hub->is_closing || (hub->next_us != 0 && hub->next_us <= time_us))
        return;
    int64_t left_us = time_us - world_monotonic_us(hub->config.world);
    hub->next_us = time_us;
    uv_timer_start(&hub->timer, timer_called, left_us > 0 ? (uint64_t)left_us / 1000 + 1 : 0, 0);
}

static void hub_wait_for_tick(Hub *hub)
{
    if (broker_needs_ticks(hub->broker))
        hub_wait_until(hub, world_monotonic_us(hub->config.world) + TICK_US);
}

/* Run a call; whether it is over. */
static bool turn_run(Hub *hub, Turn *turn)
{
    if (call_run(turn->call, &turn->out) == CALL_WAITS) {
        hub_wait_until(hub, call_deadline_us(turn->call));
        return false;
    }
    call_free(turn->call);
    turn->call = NULL;
    hub->waiting_count--;
    return true;
}

static void hub_progress(void *context, Partition *partition);

/* ---- Requests -------------------------------------------------------------------------------- */

/* The next whole request, or NULL data: false if the connection is of no use. */
static bool connection_take(Connection *connection, int64_t *at, Str *request)
{
    *request = (Str){0};
    int64_t left = connection->received.length - *at;
    if (left < 4)
        return true;
    int64_t length = (int32_t)load_be32(connection->received.data + *at);
    if (length < 0 || length > REQUEST_BYTES_MAX)
        return false;
    if (left - 4 < length)
        return true;
    *request = str_make(connection->received.data + *at + 4, length);
    *at += 4 + length;
    return true;
}

static bool connection_has_room(const Connection *connection)
{
    return connection->turn_count < CALLS_MAX && connection->unsent_bytes < UNSENT_BYTES_MAX;
}

/* False: close it. */
static bool connection_run_requests(Connection *connection)
{
    Hub *hub = connection->hub;
    int64_t at = 0;
    bool is_good = true;
    while (is_good && connection_has_room(connection)) {
        Str request;
        is_good = connection_take(connection, &at, &request);
        if (!is_good || request.data == NULL)
            break;
        Call *call = call_new(hub->broker, request);
        is_good = call != NULL;
        if (!is_good)
            break;
        Turn *turn = &connection->turns[connection->turn_count++];
        *turn = (Turn){.call = call};
        hub->waiting_count++;
        turn_run(hub, turn);
    }
    /* A join or a leave is what others wait for. */
    if (broker_tick(hub->broker))
        hub_progress(hub, NULL);
    hub_wait_for_tick(hub);
    Buffer *received = &connection->received;
    received->length -= at;
    if (at > 0 && received->length > 0)
        memmove(received->data, received->data + at, (size_t)received->length);
    if (received->length == 0 && received->capacity > READ_BYTES * 4)
        buffer_free(received);
    return is_good;
}

static void read_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    Connection *connection = (Connection *)handle;
    *out = uv_buf_init(buffer_reserve(&connection->received, READ_BYTES), READ_BYTES);
}

static void read_done(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    (void)buffer;
    Connection *connection = (Connection *)stream;
    if (count < 0) {
        connection_close(connection);
        return;
    }
    connection->received.length += count;
    if (!connection->is_closing)
        connection_pump(connection);
}

/* Whatever can be done now: run what has come, send what is ready, read on if there is room. */
static void connection_pump(Connection *connection)
{
    if (!connection_run_requests(connection)) {
        connection_close(connection);
        return;
    }
    connection_send_ready(connection);
    if (connection->is_closing)
        return;
    bool has_room = connection_has_room(connection);
    if (has_room && connection->is_paused)
        uv_read_start((uv_stream_t *)&connection->socket, read_allocate, read_done);
    else if (!has_room && !connection->is_paused)
        uv_read_stop((uv_stream_t *)&connection->socket);
    connection->is_paused = !has_room;
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* Run calls that wait; those whose time has come, or all. */
static void hub_run_waiting(Hub *hub, bool all)
{
    int64_t now_us = world_monotonic_us(hub->config.world);
    for (Connection *connection = hub->connections; connection != NULL;) {
        Connection *next = connection->next;
        bool is_any_done = false;
        for (int32_t i = 0; i < connection->turn_count && !connection->is_closing; i++) {
            Turn *turn = &connection->turns[i];
            if (turn->call != NULL && (all || call_deadline_us(turn->call) <= now_us))
                is_any_done |= turn_run(hub, turn);
        }
        if (is_any_done)
            connection_pump(connection);
        connection = next;
    }
}

static void hub_close_handles(Hub *hub)
{
    if (hub->is_closing)
        return;
    hub->is_closing = true;
    for (Connection *connection = hub->connections; connection != NULL;
         connection = connection->next)
        connection_close(connection);
    uv_close((uv_handle_t *)&hub->listener, NULL);
    uv_close((uv_handle_t *)&hub->waker, NULL);
    uv_close((uv_handle_t *)&hub->timer, NULL);
}

static void connection_adopt(Hub *hub, int socket);

static void hub_take_handed(Hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    Buffer handed = hub->handed;
    hub->handed = (Buffer){0};
    pthread_mutex_unlock(&hub->lock);
    ByteReader reader = byte_reader(buffer_str(&handed));
    while (byte_reader_left(&reader) > 0) {
        int socket = (int)byte_reader_u32(&reader);
        if (hub->is_closing)
            close(socket);
        else
            connection_adopt(hub, socket);
    }
    buffer_free(&handed);
}

static void waker_called(uv_async_t *waker)
{
    Hub *hub = waker->data;
    if (hub->is_stopping)
        hub_close_handles(hub);
    hub_take_handed(hub);
    if (hub->is_closing)
        return;
    if (hub->has_progress) {
        hub->has_progress = false;
        broker_advance(hub->broker);
        hub_run_waiting(hub, true);
    }
}

static void timer_called(uv_timer_t *timer)
{
    Hub *hub = timer->data;
    hub->next_us = 0;
    bool has_changed = broker_tick(hub->broker);
    if (hub->waiting_count > 0)
        hub_run_waiting(hub, has_changed);
    for (Connection *connection = hub->connections; connection != NULL;
         connection = connection->next)
        for (int32_t i = 0; i < connection->turn_count; i++)
            if (connection->turns[i].call != NULL)
                hub_wait_until(hub, call_deadline_us(connection->turns[i].call));
    hub_wait_for_tick(hub);
}

/* From the log's threads, and from this one. */
static void hub_progress(void *context, Partition *partition)
{
    (void)partition;
    Hub *hub = context;
    if (!hub->has_progress) {
        hub->has_progress = true;
        uv_async_send(&hub->waker);
    }
}

static void hub_failed(void *context)
{
    hub_stop(context);
}

void hub_stop(Hub *hub)
{
    hub->is_stopping = true;
    uv_async_send(&hub->waker);
}

/* ---- Listening ------------------------------------------------------------------------------- */

static Connection *connection_new(Hub *hub)
{
    Connection *connection = memory_allocate_zeroed((int64_t)sizeof *connection);
    connection->hub = hub;
    connection->next = hub->connections;
    if (hub->connections != NULL)
        hub->connections->before = connection;
    hub->connections = connection;
    hub->connection_count++;
    uv_tcp_init(&hub->loop, &connection->socket);
    return connection;
}

static void connection_start(Connection *connection, bool is_good)
{
    if (!is_good || connection->hub->connection_count > CONNECTIONS_MAX ||
        uv_read_start((uv_stream_t *)&connection->socket, read_allocate, read_done) != 0)
        connection_close(connection);
}

static void connection_accept(uv_stream_t *listener, int status)
{
    if (status != 0)
        return;
    Connection *connection = connection_new(listener->data);
    bool is_good = uv_accept(listener, (uv_stream_t *)&connection->socket) == 0;
    uv_tcp_nodelay(&connection->socket, 1);
    connection_start(connection, is_good);
}

static void connection_adopt(Hub *hub, int socket)
{
    Connection *connection = connection_new(hub);
    bool is_good = uv_tcp_open(&connection->socket, socket) == 0;
    if (!is_good)
        close(socket);
    connection_start(connection, is_good);
}

int hub_connect(Hub *hub)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    pthread_mutex_lock(&hub->lock);
    buffer_append_u32(&hub->handed, (uint32_t)pair[1]);
    pthread_mutex_unlock(&hub->lock);
    uv_async_send(&hub->waker);
    return pair[0];
}

static Status fail_address(const char *listen, const char *why, Error *error)
{
    Status status = fail(error, ERR_INVALID, "WR5402", "cannot listen at `%s`: %s", listen, why);
    error_hint(error, "HOST:PORT is needed, such as 127.0.0.1:9092");
    return status;
}

/* Cut HOST:PORT, where HOST may stand in brackets. */
static Status split_address(Arena *arena, const char *listen, const char **host, int *port,
                            Error *error)
{
    const char *colon = strrchr(listen, ':');
    int64_t number;
    if (colon == NULL || colon == listen || !str_parse_int64(str_from(colon + 1), &number) ||
        number < 0 || number > 65535)
        return fail_address(listen, "there is no port", error);
    Str name = str_make(listen, colon - listen);
    if (name.length > 2 && name.data[0] == '[' && name.data[name.length - 1] == ']')
        name = str_make(name.data + 1, name.length - 2);
    *host = str_terminated(arena, name);
    *port = (int)number;
    return OK;
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)address;
        return (ntohl(four->sin_addr.s_addr) >> 24) == 127;
    }
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

static Status resolve(Hub *hub, const char *host, int port, struct sockaddr_storage *out,
                      Error *error)
{
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    uv_getaddrinfo_t request;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    int code = uv_getaddrinfo(&hub->loop, &request, NULL, host, service, &hints);
    if (code != 0)
        return fail_address(hub->config.listen, uv_strerror(code), error);
    memcpy(out, request.addrinfo->ai_addr, request.addrinfo->ai_addrlen);
    uv_freeaddrinfo(request.addrinfo);
    if (is_loopback(out) || hub->config.allows_plaintext)
        return OK;
    Status status = fail(error, ERR_INVALID, "WR5403",
                         "`%s` is not of this machine alone, and the hub has no encryption and no "
                         "passwords",
                         hub->config.listen);
    error_hint(error, "listen at 127.0.0.1, or say --allow-plaintext if the network is trusted");
    return status;
}

static void hub_make_broker(Hub *hub, const char *host, int port)
{
    hub->address = arena_printf(hub->arena, "%s:%d", host, port);
    hub->broker =
        broker_new(hub->config.world, hub->topics,
                   &(BrokerConfig){.host = host,
                                   .port = port,
                                   .default_partitions = hub->config.default_partitions,
                                   .creates_topics = hub->config.creates_topics,
                                   .offsets_retention_ms = hub->config.offsets_retention_ms});
}

static Status hub_listen(Hub *hub, Error *error)
{
    const char *host;
    int port;
    struct sockaddr_storage address = {0};
    if (hub->config.listen == NULL) {
        /* Nobody comes from outside, and who is inside does not look at it. */
        hub_make_broker(hub, "127.0.0.1", 1);
        return OK;
    }
    TRY(split_address(hub->arena, hub->config.listen, &host, &port, error));
    TRY(resolve(hub, host, port, &address, error));
    int code = uv_tcp_bind(&hub->listener, (const struct sockaddr *)&address, 0);
    if (code == 0)
        code = uv_listen((uv_stream_t *)&hub->listener, BACKLOG, connection_accept);
    int length = sizeof address;
    if (code == 0)
        code = uv_tcp_getsockname(&hub->listener, (struct sockaddr *)&address, &length);
    if (code != 0)
        return fail_address(hub->config.listen, uv_strerror(code), error);
    port = ntohs(((const struct sockaddr_in *)&address)->sin_port); /* at the same place in both */
    hub_make_broker(hub, host, port);
    return OK;
}

Status hub_open(const HubConfig *config, Hub **out, Error *error)
{
    *out = NULL;
    Hub *hub = memory_allocate_zeroed((int64_t)sizeof *hub);
    hub->config = *config;
    hub->arena = arena_new(0);
    pthread_mutex_init(&hub->lock, NULL);
    uv_loop_init(&hub->loop);
    uv_tcp_init(&hub->loop, &hub->listener);
    uv_async_init(&hub->loop, &hub->waker, waker_called);
    uv_timer_init(&hub->loop, &hub->timer);
    hub->listener.data = hub->waker.data = hub->timer.data = hub;
    LogOptions options = {.on_progress = hub_progress, .context = hub};
    Status status = topics_open(config->world, config->folder, &options, &hub->topics, error);
    if (status == OK)
        status = hub_listen(hub, error);
    if (status == OK)
        status = log_start(topics_log(hub->topics), FLUSHERS, hub_failed, error);
    if (status != OK) {
        Status closed = hub_close(hub, NULL);
        (void)closed; /* what failed first is of interest */
        return status;
    }
    *out = hub;
    return OK;
}

Topics *hub_topics(Hub *hub)
{
    return hub->topics;
}

const char *hub_address(const Hub *hub)
{
    return hub->address;
}

Status hub_run(Hub *hub, Error *error)
{
    uv_run(&hub->loop, UV_RUN_DEFAULT);
    return log_is_broken(topics_log(hub->topics), error) ? ERR_IO : OK;
}

Status hub_close(Hub *hub, Error *error)
{
    hub_close_handles(hub);
    uv_run(&hub->loop, UV_RUN_DEFAULT);
    hub_take_handed(hub);
    int code = uv_loop_close(&hub->loop);
    assert(code == 0);
    broker_free(hub->broker);
    Status status = OK;
    if (hub->topics != NULL) {
        log_stop(topics_log(hub->topics));
        status = topics_close(hub->topics, error);
    }
    pthread_mutex_destroy(&hub->lock);
    arena_free(hub->arena);
    memory_free(hub);
    return status;
}
