#include "kafka/transport.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/metrics.h"

enum {
    READ_BYTES = 64 * 1024,
    KEEPALIVE_SECONDS = 60,
    CHUNK_BYTES = 16 * 1024,   /* of a file, to be told when there is room again */
    AHEAD_BYTES = 1024 * 1024, /* of it, that are asked for meanwhile */
};

void transport_init(Transport *transport, uv_loop_t *loop)
{
    uv_tcp_init(loop, &transport->socket);
}

static void transport_closed(uv_handle_t *handle)
{
    Transport *transport = (Transport *)handle;
    transport->on_closed(transport);
}

void transport_close(Transport *transport)
{
    if (transport->is_closing)
        return;
    transport->is_closing = true;
    uv_close((uv_handle_t *)&transport->socket, transport_closed);
}

bool transport_is_open(const Transport *transport)
{
    TlsState state = transport->tls == NULL ? TLS_OPEN : tls_session_state(transport->tls);
    return state == TLS_OPEN || state == TLS_ENDED;
}

static int64_t queued_bytes(const Transport *transport)
{
    return (int64_t)uv_stream_get_write_queue_size((const uv_stream_t *)&transport->socket);
}

int64_t transport_taken_bytes(const Transport *transport)
{
    return transport->handed_bytes - queued_bytes(transport);
}

bool transport_has_more(const Transport *transport)
{
    return transport->first != NULL || queued_bytes(transport) > 0;
}

typedef int AskName(const uv_tcp_t *socket, struct sockaddr *name, int *length);

static const char *host_of(const Transport *transport, AskName *ask, Arena *arena)
{
    struct sockaddr_storage address = {0};
    int length = sizeof address;
    char text[INET6_ADDRSTRLEN] = "";
    if (ask(&transport->socket, (struct sockaddr *)&address, &length) != 0 ||
        (address.ss_family != AF_INET && address.ss_family != AF_INET6))
        return "";
    uv_ip_name((const struct sockaddr *)&address, text, sizeof text);
    /* An IPv4 address that came to an IPv6 socket is still that. */
    const char *mapped = "::ffff:";
    bool is_mapped = strncmp(text, mapped, strlen(mapped)) == 0 && strchr(text, '.') != NULL;
    return arena_printf(arena, "%s", is_mapped ? text + strlen(mapped) : text);
}

const char *transport_host(const Transport *transport, Arena *arena)
{
    return host_of(transport, uv_tcp_getpeername, arena);
}

const char *transport_own_host(const Transport *transport, Arena *arena)
{
    return host_of(transport, uv_tcp_getsockname, arena);
}

void transport_listen_unpaced(uv_tcp_t *listener, TransportPacing *usual)
{
    static const char control[] = "reno"; /* which all systems have, and anyone may ask for */
    int socket;
    socklen_t length = sizeof usual->control - 1;
    *usual = (TransportPacing){0};
    if (uv_fileno((uv_handle_t *)listener, &socket) != 0 ||
        getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, usual->control, &length) != 0)
        return;
    (void)setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, control, sizeof control - 1);
}

void transport_pace(Transport *transport, const TransportPacing *usual)
{
    Arena *arena = arena_new(0);
    const char *host = transport_host(transport, arena);
    bool is_within = strcmp(host, transport_own_host(transport, arena)) == 0;
    arena_free(arena);
    int socket;
    if (is_within || usual->control[0] == '\0' ||
        uv_fileno((uv_handle_t *)&transport->socket, &socket) != 0)
        return;
    (void)setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, usual->control,
                     (socklen_t)strlen(usual->control));
}

/* ---- Sending ----------------------------------------------------------------------------- */

/* Bytes in memory, or in a file. */
typedef struct Part {
    const char *data; /* NULL: in the file */
    int descriptor;
    int64_t position, bytes;
} Part;

typedef struct Sending {
    uv_write_t request; /* first: a uv_write_t * is a Sending * */
    Transport *transport;
    Buffer bytes;
    int64_t total_bytes;
    void (*let_go)(void *owner, bool is_unreadable); /* of pieces; or NULL */
    void *owner;
    Part only, *parts; /* what is gone is taken out of them */
    int32_t part_count, part;
    bool has_files, is_unreadable;
    Buffer chunk;
    struct Sending *next;
} Sending;

static void sending_free(Sending *sending)
{
    sending->transport->unsent_bytes -= sending->total_bytes;
    buffer_free(&sending->bytes);
    buffer_free(&sending->chunk);
    if (sending->parts != &sending->only)
        memory_free(sending->parts);
    if (sending->let_go != NULL)
        sending->let_go(sending->owner, sending->is_unreadable);
    memory_free(sending);
}

static void sending_done(uv_write_t *request, int status)
{
    Sending *sending = (Sending *)request;
    Transport *transport = sending->transport;
    sending_free(sending);
    if (status != 0)
        transport_close(transport);
    else if (!transport->is_closing)
        transport->on_change(transport);
}

static Sending *sending_new(Transport *transport, Buffer bytes, int64_t total_bytes)
{
    Sending *sending = memory_allocate_zeroed((int64_t)sizeof *sending);
    sending->transport = transport;
    sending->bytes = bytes;
    sending->total_bytes = total_bytes;
    sending->only = (Part){.data = bytes.data, .bytes = bytes.length};
    sending->parts = &sending->only;
    sending->part_count = 1;
    transport->unsent_bytes += total_bytes;
    return sending;
}

/* All of it, from memory. */
static void sending_write(Sending *sending)
{
    Transport *transport = sending->transport;
    uv_buf_t only, *buffers = &only;
    if (sending->part_count > 1)
        buffers = memory_allocate((int64_t)sizeof(uv_buf_t) * sending->part_count);
    for (int32_t i = 0; i < sending->part_count; i++)
        buffers[i] = uv_buf_init((char *)sending->parts[i].data, (unsigned)sending->parts[i].bytes);
    transport->handed_bytes += sending->total_bytes;
    int code = uv_write(&sending->request, (uv_stream_t *)&transport->socket, buffers,
                        (unsigned)sending->part_count, sending_done);
    if (buffers != &only)
        memory_free(buffers);
    if (code == 0)
        return;
    sending_free(sending);
    transport_close(transport);
}

/* ---- From files -------------------------------------------------------------------------- */

/* Straight from the file to the socket, without libuv, which has no part in it: when the socket is
 * full it is given some bytes to write, and tells when they are gone. What is sent was written or
 * looked at not long ago, so that it is in the system's memory still, as a rule. Of a client that
 * takes minutes for it the next bytes are asked for when the ones before are under way; what is not
 * in memory by then all connections wait for. */

static void transport_go_on(Transport *transport);

static void sending_moved(uv_write_t *request, int status)
{
    Transport *transport = ((Sending *)request)->transport;
    if (status != 0)
        transport_close(transport);
    if (transport->is_closing)
        return; /* what is left goes with the transport */
    transport_go_on(transport);
    if (!transport->is_closing)
        transport->on_change(transport);
}

/* They are handed on. */
static void sending_take(Sending *sending, Part *part, int64_t bytes)
{
    sending->transport->handed_bytes += bytes;
    if (part->data != NULL)
        part->data += bytes;
    else
        part->position += bytes;
    part->bytes -= bytes;
}

/* Some bytes by libuv, behind whatever it has to write. False: they cannot be had. */
static bool sending_wait(Sending *sending)
{
    Part *part = &sending->parts[sending->part];
    uv_buf_t buffer = uv_buf_init((char *)part->data, (unsigned)part->bytes);
    if (part->data == NULL) {
        int64_t wanted = part->bytes < CHUNK_BYTES ? part->bytes : CHUNK_BYTES;
        sending->chunk.length = 0;
        char *into = buffer_reserve(&sending->chunk, wanted);
        ssize_t got = pread(part->descriptor, into, (size_t)wanted, part->position);
        sending->is_unreadable = got <= 0;
        if (got <= 0)
            return false;
        int advised =
            posix_fadvise(part->descriptor, part->position + got, AHEAD_BYTES, POSIX_FADV_WILLNEED);
        (void)advised; /* it would only have been faster */
        buffer = uv_buf_init(into, (unsigned)got);
    }
    sending_take(sending, part, (int64_t)buffer.len);
    return uv_write(&sending->request, (uv_stream_t *)&sending->transport->socket, &buffer, 1,
                    sending_moved) == 0;
}

/* Of one part as much as there is room for; 0: there is none, -1: the socket or the file is of no
 * use. */
static int64_t part_push(Part *part, int socket, bool is_last, bool *is_unreadable)
{
    off_t at = part->position;
    ssize_t sent =
        part->data != NULL
            ? send(socket, part->data, (size_t)part->bytes, MSG_NOSIGNAL | (is_last ? 0 : MSG_MORE))
            : sendfile(socket, part->descriptor, &at, (size_t)part->bytes);
    if (sent > 0)
        return sent;
    *is_unreadable = part->data == NULL && (sent == 0 || errno == EIO);
    return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* Whether all of it is gone. */
static bool sending_push(Sending *sending)
{
    Transport *transport = sending->transport;
    int socket;
    bool is_good = uv_fileno((uv_handle_t *)&transport->socket, &socket) == 0;
    /* What libuv has to write stands before it. */
    bool has_room = queued_bytes(transport) == 0;
    while (is_good && has_room && sending->part < sending->part_count) {
        Part *part = &sending->parts[sending->part];
        int64_t sent = 0;
        if (part->bytes > 0)
            sent = part_push(part, socket, sending->part + 1 == sending->part_count,
                             &sending->is_unreadable);
        is_good = sent >= 0;
        if (sent > 0)
            sending_take(sending, part, sent);
        sending->part += part->bytes == 0;
        has_room = sent > 0 || part->bytes == 0;
    }
    bool is_done = sending->part == sending->part_count;
    if (is_good && !is_done)
        is_good = sending_wait(sending);
    if (!is_good)
        transport_close(transport);
    return is_done;
}

static void transport_go_on(Transport *transport)
{
    while (transport->first != NULL && !transport->is_closing) {
        Sending *sending = transport->first;
        if (sending->has_files && !sending_push(sending))
            return;
        transport->first = sending->next;
        if (sending->has_files)
            sending_free(sending);
        else
            sending_write(sending);
    }
}

/* At once, unless there is one with files before it. */
static void transport_put(Transport *transport, Sending *sending)
{
    bool is_next = transport->first == NULL;
    if (is_next && !sending->has_files) {
        sending_write(sending);
        return;
    }
    *(is_next ? &transport->first : &transport->last->next) = sending;
    transport->last = sending;
    if (is_next)
        transport_go_on(transport);
}

void transport_free_parts(Transport *transport)
{
    while (transport->first != NULL) {
        Sending *next = transport->first->next;
        sending_free(transport->first);
        transport->first = next;
    }
    tls_session_free(transport->tls);
    buffer_free(&transport->received);
}

/* ---- What is sent ------------------------------------------------------------------------ */

/* As they are on the wire. */
static void transport_write(Transport *transport, Buffer bytes)
{
    transport_put(transport, sending_new(transport, bytes, bytes.length));
}

static void transport_seal(Transport *transport, Buffer bytes)
{
    Buffer sealed = {0};
    tls_session_put(transport->tls, buffer_str(&bytes), &sealed);
    buffer_free(&bytes);
    transport_write(transport, sealed);
}

void transport_send(Transport *transport, Buffer bytes)
{
    if (transport->tls == NULL)
        transport_write(transport, bytes);
    else
        transport_seal(transport, bytes);
}

static void add_part(Sending *sending, const char *data, int64_t bytes)
{
    if (bytes > 0)
        sending->parts[sending->part_count++] = (Part){.data = data, .bytes = bytes};
}

static void add_piece(Sending *sending, const MessagePiece *piece)
{
    const PartitionRead *read = piece->read;
    int64_t at = 0;
    for (int32_t i = 0; read != NULL && i < read->span_count; i++) {
        const ReadSpan *span = &read->spans[i];
        add_part(sending, piece->bytes.data + at, span->at - at);
        sending->parts[sending->part_count++] = (Part){
            .descriptor = read->descriptor, .position = span->position, .bytes = span->bytes};
        sending->has_files = true;
        at = span->at;
    }
    add_part(sending, piece->bytes.data + at, piece->bytes.length - at);
}

/* Bytes and pieces in their order. */
static void list_parts(Sending *sending, const MessagePieces *pieces)
{
    int64_t room = 1, at = 0;
    for (int32_t i = 0; i < pieces->count; i++)
        room += 2 + (pieces->items[i].read != NULL ? 2 * pieces->items[i].read->span_count : 0);
    sending->parts = memory_allocate((int64_t)sizeof(Part) * room);
    sending->part_count = 0;
    for (int32_t i = 0; i < pieces->count; i++) {
        const MessagePiece *piece = &pieces->items[i];
        add_part(sending, sending->bytes.data + at, piece->at - at);
        add_piece(sending, piece);
        at = piece->at;
    }
    add_part(sending, sending->bytes.data + at, sending->bytes.length - at);
}

void transport_send_pieces(Transport *transport, Buffer bytes, const MessagePieces *pieces,
                           void (*let_go)(void *owner, bool is_unreadable), void *owner)
{
    Sending *sending = sending_new(transport, bytes, bytes.length + pieces->bytes);
    sending->let_go = let_go;
    sending->owner = owner;
    list_parts(sending, pieces);
    if (transport->tls == NULL) {
        transport_put(transport, sending);
        return;
    }
    Buffer all = {0};
    buffer_reserve(&all, sending->total_bytes);
    for (int32_t i = 0; i < sending->part_count; i++) {
        assert(sending->parts[i].data != NULL);
        buffer_append(&all, sending->parts[i].data, sending->parts[i].bytes);
    }
    sending_free(sending);
    transport_seal(transport, all);
}

/* ---- Receiving --------------------------------------------------------------------------- */

static void count_failure(const Transport *transport)
{
    metric_add(metric_get(METRIC_COUNTER, "weir_hub_handshakes_failed_total", "",
                          "Connections of Kafka clients that did not come through TLS.", 1),
               1);
    log_event(LOG_DEBUG, "hub", "a handshake failed: %s", tls_session_reason(transport->tls));
}

/* Sealed bytes have come. False: the connection is over. */
static bool transport_unseal(Transport *transport, Str sealed)
{
    Buffer out = {0};
    TlsState state = tls_session_take(transport->tls, sealed, &transport->received, &out);
    if (state == TLS_FAILED)
        count_failure(transport);
    /* Why it failed is on its way when the socket closes: uv_try_write puts it into the system. */
    uv_buf_t piece = uv_buf_init(out.data, (unsigned)out.length);
    if (out.length > 0 && (state == TLS_FAILED || state == TLS_ENDED)) {
        int sent = uv_try_write((uv_stream_t *)&transport->socket, &piece, 1);
        (void)sent; /* who does not read will not hear it */
        buffer_free(&out);
    } else if (out.length > 0) {
        transport_write(transport, out);
    } else {
        buffer_free(&out);
    }
    return state != TLS_FAILED && state != TLS_ENDED && !transport->is_closing;
}

static void read_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    Transport *transport = (Transport *)handle;
    *out = transport->tls == NULL
               ? uv_buf_init(buffer_reserve(&transport->received, READ_BYTES), READ_BYTES)
               : uv_buf_init(memory_allocate(READ_BYTES), READ_BYTES);
}

static void read_done(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    Transport *transport = (Transport *)stream;
    bool is_over = count < 0;
    if (transport->tls == NULL && count > 0)
        transport->received.length += count;
    else if (transport->tls != NULL && count > 0)
        is_over = !transport_unseal(transport, str_make(buffer->base, count));
    if (transport->tls != NULL)
        memory_free(buffer->base);
    /* What came last before the end is a request still. */
    if (!transport->is_closing && count > 0)
        transport->on_change(transport);
    if (is_over)
        transport_close(transport);
}

bool transport_start(Transport *transport, TlsServer *tls)
{
    if (tls != NULL)
        transport->tls = tls_session_new(tls);
    /* Who is gone without a word is found out; sockets within the machine know it at once. */
    uv_tcp_nodelay(&transport->socket, 1);
    uv_tcp_keepalive(&transport->socket, 1, KEEPALIVE_SECONDS);
    return uv_read_start((uv_stream_t *)&transport->socket, read_allocate, read_done) == 0;
}

void transport_read(Transport *transport, bool reads)
{
    if (reads)
        uv_read_start((uv_stream_t *)&transport->socket, read_allocate, read_done);
    else
        uv_read_stop((uv_stream_t *)&transport->socket);
}
