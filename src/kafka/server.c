/* Connections, their calls, and what wakes those that wait. */
#include "kafka/server.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/bigendian.h"
#include "base/log.h"
#include "base/memory.h"
#include "kafka/address.h"
#include "kafka/broker.h"
#include "kafka/transport.h"

enum {
    REQUEST_BYTES_MAX = 100 * 1024 * 1024, /* socket.request.max.bytes */
    GREETING_BYTES_MAX = 64 * 1024,        /* before a login */
    CALLS_MAX = 64,                        /* of a connection, waiting for their answer */
    /* Of answers that are not sent and requests that have none yet, of a connection: then nothing
     * more is read. */
    HELD_BYTES_MAX = 64 * 1024 * 1024,
    CONNECTIONS_MAX = 10000,
    BACKLOG = 511,
    FLUSHERS = 2,
    APPENDERS_MIN = 2,
    TICK_US = 100 * 1000,          /* of groups */
    OPEN_US = 15 * 1000 * 1000,    /* of a handshake */
    KEPT_BYTES_MAX = 256 * 1024,   /* of memory, of a connection that has nothing to read */
    ROOM_BYTES = 64 * 1024 * 1024, /* of requests of all connections, in hand or coming in */
    SMALL_BYTES = 4 * 1024,        /* of a request that does not wait for room: a heartbeat */
    BEGUN_BYTES = 64 * 1024,       /* that have come of a larger one, before it takes room */
    ARRIVE_US = 30 * 1000 * 1000,  /* in which a request that others wait for grows by … */
    ARRIVE_PARTS = 4,              /* … such a part, and BEGUN_BYTES at least */
    TAKE_US = 600 * 1000 * 1000,   /* in which something of an answer is taken */
};

typedef struct Connection Connection;

/* A port that clients come to. */
typedef struct Listener {
    uv_tcp_t socket; /* first: a uv_stream_t * is a Listener * */
    Hub *hub;
    const char *host; /* as clients are told; NULL: the one that they came to */
    int32_t port;
} Listener;

struct Hub {
    HubConfig config;
    Arena *arena;
    Topics *topics;
    Broker *broker;
    Logins *logins;
    Appender *appender;
    Room *room;
    uv_loop_t loop;
    Listener listeners[HUB_LISTENERS_MAX];
    int32_t listener_count;
    TransportPacing pacing; /* of whoever is not on this machine */
    uv_async_t waker;
    uv_timer_t timer;
    TlsServer *tls;        /* NULL: plain */
    const char *address;   /* of the first listener */
    const char *addresses; /* of all */
    Connection *connections;
    int32_t connection_count, waiting_count;
    int64_t next_us; /* when the timer comes, by the monotonic clock; 0: not set */
    _Atomic bool is_stopping, has_progress;
    bool is_closing, is_over;
    pthread_mutex_t lock; /* of `handed` */
    Buffer handed;        /* sockets of clients in this process that are not served yet */
};

/* A call in its place among those of its connection. */
typedef struct Turn {
    Call *call; /* NULL: its answer is in `out`, or there is none */
    Call *done; /* whose pieces belong to `out`; or NULL */
    Buffer out;
    int64_t bytes; /* of the request, while `call` is there */
} Turn;

struct Connection {
    Transport transport; /* first: a Transport * is a Connection * */
    Hub *hub;
    Peer *peer;               /* NULL: the transport is not open yet */
    const Listener *listener; /* that it came to; NULL: to none, as there is none */
    bool is_inner;
    RoomPlace place;
    Connection *next, *before;
    Turn turns[CALLS_MAX]; /* the oldest first */
    int32_t turn_count;
    int64_t asked_bytes;    /* of its turns together */
    int64_t opens_by_us;    /* by the monotonic clock: else it is closed; 0: it is open */
    int64_t muted_until_us; /* nothing is run before; 0: it is not muted */
    int64_t takes_by_us;    /* more than taken_bytes of what is sent; 0: all of it is taken */
    int64_t taken_bytes;
    bool is_paused;
};

/* ---- Connections ----------------------------------------------------------------------------- */

static void connection_free(Transport *transport)
{
    Connection *connection = (Connection *)transport;
    Hub *hub = connection->hub;
    for (int32_t i = 0; i < connection->turn_count; i++) {
        hub->waiting_count -= connection->turns[i].call != NULL;
        call_free(connection->turns[i].call);
        call_free(connection->turns[i].done);
        buffer_free(&connection->turns[i].out);
    }
    *(connection->before != NULL ? &connection->before->next : &hub->connections) =
        connection->next;
    if (connection->next != NULL)
        connection->next->before = connection->before;
    hub->connection_count--;
    room_leave(hub->room, &connection->place);
    peer_free(connection->peer);
    transport_free_parts(transport);
    memory_free(connection);
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void let_go_of_call(void *call, bool is_unreadable)
{
    if (is_unreadable)
        call_distrust_pieces(call);
    call_free(call);
}

/* Send those at the front that have their answer; small ones go together. */
static void connection_send_ready(Connection *connection)
{
    int32_t ready = 0;
    Buffer bytes = {0};
    while (ready < connection->turn_count && connection->turns[ready].call == NULL) {
        Turn *turn = &connection->turns[ready++];
        if (turn->done != NULL) {
            if (bytes.length > 0)
                transport_send(&connection->transport, bytes);
            bytes = (Buffer){0};
            transport_send_pieces(&connection->transport, turn->out, call_pieces(turn->done),
                                  let_go_of_call, turn->done);
        } else if (bytes.length == 0) {
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
        transport_send(&connection->transport, bytes);
    else
        buffer_free(&bytes);
}

static void timer_called(uv_timer_t *timer);

/* The timer comes then, or sooner; at once if it should have come already, as its own clock may be
 * behind. */
static void hub_wait_until(Hub *hub, int64_t time_us)
{
    int64_t now_us = world_monotonic_us(hub->config.world);
    bool is_sooner = hub->next_us == 0 || time_us < hub->next_us;
    if (hub->is_closing || (!is_sooner && hub->next_us > now_us))
        return;
    if (is_sooner)
        hub->next_us = time_us;
    int64_t left_us = hub->next_us - now_us;
    uv_timer_start(&hub->timer, timer_called, left_us > 0 ? (uint64_t)left_us / 1000 + 1 : 0, 0);
}

static void hub_wait_for_tick(Hub *hub)
{
    if (broker_needs_ticks(hub->broker))
        hub_wait_until(hub, world_monotonic_us(hub->config.world) + TICK_US);
}

static bool turn_is_held(const Connection *connection, const Turn *turn)
{
    for (const Turn *before = connection->turns; before < turn; before++)
        if (before->call != NULL && call_is_held_by(turn->call, before->call))
            return true;
    return false;
}

/* Run a call; whether it is over. */
static bool turn_run(Connection *connection, Turn *turn)
{
    Hub *hub = connection->hub;
    if (call_run(turn->call, turn_is_held(connection, turn), &turn->out) == CALL_WAITS) {
        hub_wait_until(hub, call_deadline_us(turn->call));
        return false;
    }
    if (call_muted_us(turn->call) > 0) {
        int64_t until_us = world_monotonic_us(hub->config.world) + call_muted_us(turn->call);
        if (until_us > connection->muted_until_us)
            connection->muted_until_us = until_us;
        hub_wait_until(hub, until_us);
    }
    if (call_pieces(turn->call)->count > 0)
        turn->done = turn->call;
    else
        call_free(turn->call);
    turn->call = NULL;
    connection->asked_bytes -= turn->bytes;
    hub->waiting_count--;
    return true;
}

static void hub_progress(void *context, Partition *partition);

/* ---- Requests -------------------------------------------------------------------------------- */

/* What has come by now is enough for a while. */
static void place_expect_more(RoomPlace *place, int64_t come, int64_t now_us)
{
    int64_t part = place->bytes / ARRIVE_PARTS;
    place->due_bytes = come + (part > BEGUN_BYTES ? part : BEGUN_BYTES);
    place->until_us = now_us + ARRIVE_US;
}

/* For a request of this length of which so much has come. False: there is no room yet. A few bytes
 * take none, as they may be all that ever comes, nor does whoever has not said who he is. */
static bool connection_enter(Connection *connection, int64_t length, int64_t come)
{
    Hub *hub = connection->hub;
    RoomPlace *place = &connection->place;
    bool is_whole = come >= length;
    if (length <= SMALL_BYTES || (!is_whole && come < BEGUN_BYTES) ||
        peer_is_greeting(connection->peer))
        return true;
    bool has_entered = place->bytes > 0 || room_enter(hub->room, place, length);
    if (is_whole && has_entered)
        return true;
    int64_t now_us = world_monotonic_us(hub->config.world);
    if (!has_entered)
        place->until_us = now_us + ARRIVE_US; /* then those who have room are looked at again */
    else if (come >= place->due_bytes)
        place_expect_more(place, come, now_us);
    hub_wait_until(hub, place->until_us);
    return has_entered;
}

/* The next whole request, or NULL data: false if the connection is of no use. */
static bool connection_take(Connection *connection, int64_t *at, Str *request)
{
    int64_t most = peer_is_greeting(connection->peer) ? GREETING_BYTES_MAX : REQUEST_BYTES_MAX;
    *request = (Str){0};
    int64_t left = connection->transport.received.length - *at;
    if (left < 4)
        return true;
    int64_t length = (int32_t)load_be32(connection->transport.received.data + *at);
    if (length < 0 || length > most)
        return false;
    if (!connection_enter(connection, length, left - 4) || left - 4 < length)
        return true;
    *request = str_make(connection->transport.received.data + *at + 4, length);
    *at += 4 + length;
    return true;
}

/* Whether another request may be run. Before a login they come one by one. */
static bool connection_has_room(const Connection *connection)
{
    if (peer_has_failed(connection->peer) || connection->muted_until_us != 0 ||
        connection->place.waits ||
        (peer_is_greeting(connection->peer) && connection->turn_count > 0))
        return false;
    return connection->turn_count < CALLS_MAX &&
           connection->asked_bytes + connection->transport.unsent_bytes < HELD_BYTES_MAX;
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
        Call *call = call_new(hub->broker, connection->peer, request);
        room_leave(hub->room, &connection->place);
        is_good = call != NULL;
        if (!is_good)
            break;
        Turn *turn = &connection->turns[connection->turn_count++];
        *turn = (Turn){.call = call, .bytes = request.length};
        connection->asked_bytes += turn->bytes;
        hub->waiting_count++;
        /* Before the next one is read, so that its memory is used again. */
        if (turn_run(connection, turn) && turn->done != NULL)
            connection_send_ready(connection);
        is_good = !connection->transport.is_closing;
    }
    /* A join or a leave is what others wait for. */
    if (broker_tick(hub->broker))
        hub_progress(hub, NULL);
    hub_wait_for_tick(hub);
    Buffer *received = &connection->transport.received;
    received->length -= at;
    if (at > 0 && received->length > 0)
        memmove(received->data, received->data + at, (size_t)received->length);
    if (received->length == 0 && received->capacity > KEPT_BYTES_MAX)
        buffer_free(received);
    return is_good;
}

static void connection_greet(Connection *connection)
{
    const Transport *transport = &connection->transport;
    const Listener *listener = connection->listener;
    Arena *arena = arena_new(0);
    bool is_told = listener != NULL && listener->host != NULL;
    PeerOrigin origin = {
        .host = transport_host(transport, arena),
        .told_host = is_told ? listener->host : transport_own_host(transport, arena),
        .told_port = listener != NULL ? listener->port : 1,
        .subject = transport->tls != NULL ? tls_session_subject(transport->tls, arena) : NULL,
        .is_inner = connection->is_inner,
        .takes_files = transport->tls == NULL,
    };
    connection->peer = peer_new(connection->hub->logins, &origin);
    arena_free(arena);
}

/* From now on something has to be taken of what is there to be sent. */
static void connection_watch(Connection *connection)
{
    if (connection->takes_by_us != 0 || !transport_has_more(&connection->transport))
        return;
    connection->taken_bytes = transport_taken_bytes(&connection->transport);
    connection->takes_by_us = world_monotonic_us(connection->hub->config.world) + TAKE_US;
    hub_wait_until(connection->hub, connection->takes_by_us);
}

/* Whoever takes nothing of his answer keeps memory and files for nothing. */
static bool connection_is_stuck(Connection *connection, int64_t now_us)
{
    int64_t taken = transport_taken_bytes(&connection->transport);
    if (!transport_has_more(&connection->transport))
        connection->takes_by_us = 0;
    if (connection->takes_by_us == 0)
        return false;
    if (taken > connection->taken_bytes)
        connection->takes_by_us = now_us + TAKE_US;
    connection->taken_bytes = taken;
    return connection->takes_by_us <= now_us;
}

/* Whatever can be done now: run what has come, send what is ready, read on if there is room. */
static void connection_pump(Connection *connection)
{
    Transport *transport = &connection->transport;
    if (!transport_is_open(transport))
        return;
    if (connection->peer == NULL)
        connection_greet(connection);
    bool is_good = connection_run_requests(connection);
    if (is_good)
        connection_send_ready(connection);
    bool is_over = peer_has_failed(connection->peer) && connection->turn_count == 0 &&
                   transport->unsent_bytes == 0;
    if (!is_good || is_over)
        transport_close(transport);
    if (transport->is_closing)
        return;
    if (!peer_is_greeting(connection->peer))
        connection->opens_by_us = 0;
    bool has_room = connection_has_room(connection);
    if (has_room == connection->is_paused)
        transport_read(transport, has_room);
    connection->is_paused = !has_room;
    /* What is not read does not come, through no fault of his who sends it. */
    if (!has_room && !connection->place.waits)
        room_leave(connection->hub->room, &connection->place);
    connection_watch(connection);
}

static void connection_changed(Transport *transport)
{
    connection_pump((Connection *)transport);
}

/* Those that wait for room go on, as long as there is any. */
static void hub_give_room(Hub *hub)
{
    for (RoomPlace *place; (place = room_next(hub->room)) != NULL;)
        connection_pump(place->owner);
}

/* Whoever has begun a request, and keeps others waiting for room with it, has to go on with it. */
static bool connection_is_too_slow(const Connection *connection, int64_t now_us)
{
    return connection->place.bytes > 0 && room_is_awaited(connection->hub->room) &&
           connection->place.until_us <= now_us;
}

/* ---- Waiting --------------------------------------------------------------------------------- */

/* Run calls that wait; those whose time has come and what they may have held, or all. */
static void hub_run_waiting(Hub *hub, bool all)
{
    int64_t now_us = world_monotonic_us(hub->config.world);
    for (Connection *connection = hub->connections; connection != NULL;) {
        Connection *next = connection->next;
        bool is_any_done = false;
        for (int32_t i = 0; i < connection->turn_count && !connection->transport.is_closing; i++) {
            Turn *turn = &connection->turns[i];
            if (turn->call == NULL)
                continue;
            bool was_held = is_any_done && call_may_be_held(turn->call);
            if (all || was_held || call_deadline_us(turn->call) <= now_us)
                is_any_done |= turn_run(connection, turn);
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
        transport_close(&connection->transport);
    for (int32_t i = 0; i < hub->listener_count; i++)
        uv_close((uv_handle_t *)&hub->listeners[i].socket, NULL);
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
        hub_give_room(hub);
    }
}

/* The timer comes again for what it waits for; who is not open by now is closed. */
static void connection_wait(Connection *connection)
{
    Hub *hub = connection->hub;
    if (connection->transport.is_closing)
        return; /* nothing is done for it any more, so that its times would only come again */
    for (int32_t i = 0; i < connection->turn_count; i++)
        if (connection->turns[i].call != NULL)
            hub_wait_until(hub, call_deadline_us(connection->turns[i].call));
    if (connection->muted_until_us != 0) {
        if (connection->muted_until_us > world_monotonic_us(hub->config.world)) {
            hub_wait_until(hub, connection->muted_until_us);
        } else {
            connection->muted_until_us = 0;
            connection_pump(connection);
        }
    }
    int64_t now_us = world_monotonic_us(hub->config.world);
    if (connection_is_too_slow(connection, now_us) || connection_is_stuck(connection, now_us)) {
        transport_close(&connection->transport);
        return;
    }
    if ((connection->place.bytes > 0 || connection->place.waits) &&
        connection->place.until_us > now_us)
        hub_wait_until(hub, connection->place.until_us);
    if (connection->takes_by_us != 0)
        hub_wait_until(hub, connection->takes_by_us);
    if (connection->opens_by_us == 0)
        return;
    if (connection->opens_by_us <= world_monotonic_us(hub->config.world))
        transport_close(&connection->transport);
    else
        hub_wait_until(hub, connection->opens_by_us);
}

static void timer_called(uv_timer_t *timer)
{
    Hub *hub = timer->data;
    hub->next_us = 0;
    bool has_changed = broker_tick(hub->broker);
    if (hub->waiting_count > 0)
        hub_run_waiting(hub, has_changed);
    for (Connection *connection = hub->connections, *next; connection != NULL; connection = next) {
        next = connection->next;
        connection_wait(connection);
    }
    hub_wait_for_tick(hub);
}

/* From the log's threads, and from this one; when the log is closed there is nobody left to hear of
 * what that makes durable. */
static void hub_progress(void *context, Partition *partition)
{
    Hub *hub = context;
    if (hub->is_over)
        return;
    if (partition != NULL && hub->broker != NULL)
        broker_moved(hub->broker, partition);
    if (!hub->has_progress) {
        hub->has_progress = true;
        uv_async_send(&hub->waker);
    }
}

static void hub_appended(void *context)
{
    hub_progress(context, NULL);
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
    connection->place.owner = connection;
    connection->next = hub->connections;
    if (hub->connections != NULL)
        hub->connections->before = connection;
    hub->connections = connection;
    hub->connection_count++;
    connection->transport.on_change = connection_changed;
    connection->transport.on_closed = connection_free;
    transport_init(&connection->transport, &hub->loop);
    return connection;
}

static void connection_start(Connection *connection, bool is_good, TlsServer *tls)
{
    Hub *hub = connection->hub;
    if (!is_good || hub->connection_count > CONNECTIONS_MAX ||
        !transport_start(&connection->transport, tls)) {
        transport_close(&connection->transport);
        return;
    }
    if (tls == NULL && (connection->is_inner || hub->config.logins.mechanisms == 0))
        return;
    connection->opens_by_us = world_monotonic_us(hub->config.world) + OPEN_US;
    hub_wait_until(hub, connection->opens_by_us);
}

static void connection_accept(uv_stream_t *stream, int status)
{
    const Listener *listener = (const Listener *)stream;
    Hub *hub = listener->hub;
    if (status != 0)
        return;
    Connection *connection = connection_new(hub);
    connection->listener = listener;
    bool is_good = uv_accept(stream, (uv_stream_t *)&connection->transport.socket) == 0;
    if (is_good)
        transport_pace(&connection->transport, &hub->pacing);
    connection_start(connection, is_good, hub->tls);
}

static void connection_adopt(Hub *hub, int socket)
{
    Connection *connection = connection_new(hub);
    connection->is_inner = true;
    connection->listener = hub->listener_count > 0 ? &hub->listeners[0] : NULL;
    bool is_good = uv_tcp_open(&connection->transport.socket, socket) == 0;
    if (!is_good)
        close(socket);
    connection_start(connection, is_good, NULL);
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

static void hub_make_broker(Hub *hub)
{
    hub->broker =
        broker_new(hub->config.world, hub->topics,
                   &(BrokerConfig){.default_partitions = hub->config.default_partitions,
                                   .creates_topics = hub->config.creates_topics,
                                   .appender = hub->appender,
                                   .room = hub->room,
                                   .offsets_retention_ms = hub->config.offsets_retention_ms,
                                   .logins = hub->logins,
                                   .acls = hub->config.acls,
                                   .quotas = hub->config.quotas});
}

/* Whoever is beyond this machine has to say who he is, where nobody can listen. */
static Status hub_check_safety(const Hub *hub, const char *listen,
                               const struct sockaddr_storage *address, Error *error)
{
    const HubConfig *config = &hub->config;
    bool is_safe = config->tls.cert != NULL &&
                   (config->tls.client_ca != NULL || config->logins.mechanisms != 0);
    if (address_is_loopback(address) || config->allows_plaintext || is_safe)
        return OK;
    Status status = fail(
        error, ERR_INVALID, "WR5403", "`%s` is not of this machine alone, and the hub has no %s",
        listen, config->tls.cert == NULL ? "encryption" : "way to tell who its clients are");
    error_hint(error,
               "say --tls-cert, --tls-key and --tls-client-ca, or listen at 127.0.0.1, or say "
               "--allow-plaintext if the network is trusted");
    return status;
}

/* Nobody can connect to all addresses, or to any port. `text` NULL or empty: nothing is said. */
static Status listener_advertise(Listener *listener, const char *text, Error *error)
{
    const char *host;
    int port;
    if (text == NULL || text[0] == '\0')
        return OK;
    if (address_split(listener->hub->arena, text, &host, &port) && port > 0 && !host_is_any(host)) {
        listener->host = host;
        listener->port = port;
        return OK;
    }
    Status status = fail(error, ERR_INVALID, "WR5402",
                         "clients cannot be sent to `%s`: it is no address of one machine", text);
    error_hint(error,
               "say --advertise HOST:PORT as clients reach the hub, such as hub.example.com:9092");
    return status;
}

/* The address is one; what is wrong is that it cannot be had. */
static Status bind_fail(const char *listen, int code, Error *error)
{
    Status status =
        fail(error, ERR_INVALID, "WR5402", "cannot listen at `%s`: %s", listen, uv_strerror(code));
    if (code == UV_EADDRINUSE)
        error_hint(error, "another program listens there, perhaps a hub that runs already");
    return status;
}

static Status listener_open(Listener *listener, const char *listen, const char *advertise,
                            Error *error)
{
    Hub *hub = listener->hub;
    const char *host;
    int port;
    struct sockaddr_storage address = {0};
    if (!address_split(hub->arena, listen, &host, &port))
        return address_fail(listen, "there is no port", error);
    TRY(listener_advertise(listener, advertise, error));
    TRY(address_resolve(&hub->loop, listen, host, port, &address, error));
    TRY(hub_check_safety(hub, listen, &address, error));
    int code = uv_tcp_bind(&listener->socket, (const struct sockaddr *)&address, 0);
    if (code == 0)
        transport_listen_unpaced(&listener->socket, &hub->pacing);
    if (code == 0)
        code = uv_listen((uv_stream_t *)&listener->socket, BACKLOG, connection_accept);
    int length = sizeof address;
    if (code == 0)
        code = uv_tcp_getsockname(&listener->socket, (struct sockaddr *)&address, &length);
    if (code != 0)
        return bind_fail(listen, code, error);
    port = ntohs(((const struct sockaddr_in *)&address)->sin_port); /* at the same place in both */
    bool is_first = hub->addresses == NULL;
    const char *bound = arena_printf(hub->arena, "%s:%d", host, port);
    hub->address = is_first ? bound : hub->address;
    hub->addresses =
        is_first ? bound : arena_printf(hub->arena, "%s and %s", hub->addresses, bound);
    if (listener->port == 0) {
        listener->host = address_is_any(&address) ? NULL : host;
        listener->port = port;
    }
    return OK;
}

/* The n-th of the addresses that are told is that of the n-th which is listened at. */
static Status hub_listen(Hub *hub, Error *error)
{
    hub_make_broker(hub);
    /* Nobody comes from outside, and who is inside does not look at it. */
    hub->address = "127.0.0.1:1";
    if (hub->config.listen == NULL)
        return OK;
    const char *told_all = hub->config.advertise;
    Str listens = str_from(hub->config.listen),
        tells = told_all == NULL ? (Str){0} : str_from(told_all);
    while (listens.data != NULL) {
        Str listen = str_trim(str_split(listens, ',', &listens));
        Str told = tells.data == NULL ? (Str){0} : str_trim(str_split(tells, ',', &tells));
        if (hub->listener_count == HUB_LISTENERS_MAX)
            return address_fail(hub->config.listen, "there are too many addresses", error);
        Listener *listener = &hub->listeners[hub->listener_count++];
        listener->hub = hub;
        uv_tcp_init(&hub->loop, &listener->socket);
        TRY(listener_open(listener, str_terminated(hub->arena, listen),
                          told.data == NULL ? NULL : str_terminated(hub->arena, told), error));
    }
    return tells.data == NULL ? OK
                              : address_fail(hub->config.listen,
                                             "more addresses are to be told than these", error);
}

/* One that waits for the disk keeps none of another partition waiting. */
static int32_t appender_threads(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (cores < APPENDERS_MIN)
        return APPENDERS_MIN;
    return cores < APPENDER_THREADS_MAX ? (int32_t)cores : APPENDER_THREADS_MAX;
}

Status hub_open(const HubConfig *config, Hub **out, Error *error)
{
    *out = NULL;
    world_allow_open_files(); /* each connection is one */
    Hub *hub = memory_allocate_zeroed((int64_t)sizeof *hub);
    hub->config = *config;
    hub->arena = arena_new(0);
    hub->logins = logins_new(config->world, &config->logins);
    hub->room = room_new(ROOM_BYTES, hub_appended, hub);
    pthread_mutex_init(&hub->lock, NULL);
    uv_loop_init(&hub->loop);
    uv_async_init(&hub->loop, &hub->waker, waker_called);
    uv_timer_init(&hub->loop, &hub->timer);
    hub->waker.data = hub->timer.data = hub;
    LogOptions options = {
        .on_progress = hub_progress, .context = hub, .reserve_bytes = config->disk_reserve_bytes};
    Status status = OK;
    if (config->tls.cert != NULL)
        status = tls_server_new(config->world, &config->tls, &hub->tls, error);
    if (status == OK)
        status = topics_open(config->world, config->folder, &options, &hub->topics, error);
    if (status == OK)
        status = appender_new(appender_threads(), hub_appended, hub, &hub->appender, error);
    if (status == OK)
        status = hub_listen(hub, error);
    assert(status != OK || hub->broker != NULL); /* the log's threads look at it */
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

const char *hub_addresses(const Hub *hub)
{
    return hub->addresses;
}

Status hub_run(Hub *hub, Error *error)
{
    uv_run(&hub->loop, UV_RUN_DEFAULT);
    return log_is_broken(topics_log(hub->topics), error) ? ERR_IO : OK;
}

Status hub_close(Hub *hub, Error *error)
{
    /* While they can still wake the loop. */
    appender_free(hub->appender);
    if (hub->topics != NULL)
        log_stop(topics_log(hub->topics));
    hub_close_handles(hub);
    uv_run(&hub->loop, UV_RUN_DEFAULT);
    hub_take_handed(hub);
    int code = uv_loop_close(&hub->loop);
    assert(code == 0);
    hub->is_over = true;
    broker_free(hub->broker);
    room_free(hub->room);
    logins_free(hub->logins);
    tls_server_free(hub->tls);
    Status status = OK;
    if (hub->topics != NULL)
        status = topics_close(hub->topics, error);
    pthread_mutex_destroy(&hub->lock);
    arena_free(hub->arena);
    memory_free(hub);
    return status;
}
