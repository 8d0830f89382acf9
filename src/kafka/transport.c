#include "kafka/transport.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/metrics.h"

enum { READ_BYTES = 64 * 1024, KEEPALIVE_SECONDS = 60 };

void transport_init(Transport *transport, uv_loop_t *loop)
{
    uv_tcp_init(loop, &transport->socket);
}

void transport_free_parts(Transport *transport)
{
    tls_session_free(transport->tls);
    buffer_free(&transport->received);
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

/* ---- Sending ----------------------------------------------------------------------------- */

typedef struct Sending {
    uv_write_t request; /* first */
    Transport *transport;
    Buffer bytes;
    int64_t total_bytes;
    void (*let_go)(void *owner); /* of pieces; or NULL */
    void *owner;
} Sending;

static void sending_free(Sending *sending)
{
    sending->transport->unsent_bytes -= sending->total_bytes;
    buffer_free(&sending->bytes);
    if (sending->let_go != NULL)
        sending->let_go(sending->owner);
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
    transport->unsent_bytes += total_bytes;
    return sending;
}

/* As they are on the wire. */
static void sending_begin(Sending *sending, const uv_buf_t *parts, int32_t count)
{
    Transport *transport = sending->transport;
    if (uv_write(&sending->request, (uv_stream_t *)&transport->socket, parts, (unsigned)count,
                 sending_done) == 0)
        return;
    sending_free(sending);
    transport_close(transport);
}

static void transport_write(Transport *transport, Buffer bytes)
{
    uv_buf_t part = uv_buf_init(bytes.data, (unsigned)bytes.length);
    sending_begin(sending_new(transport, bytes, bytes.length), &part, 1);
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

/* Bytes and pieces in their order. */
static int32_t list_parts(const Buffer *bytes, const MessagePieces *pieces, uv_buf_t *parts)
{
    int32_t count = 0;
    int64_t at = 0;
    for (int32_t i = 0; i < pieces->count; i++) {
        const MessagePiece *piece = &pieces->items[i];
        parts[count++] = uv_buf_init(bytes->data + at, (unsigned)(piece->at - at));
        parts[count++] = uv_buf_init((char *)piece->bytes.data, (unsigned)piece->bytes.length);
        at = piece->at;
    }
    parts[count++] = uv_buf_init(bytes->data + at, (unsigned)(bytes->length - at));
    return count;
}

void transport_send_pieces(Transport *transport, Buffer bytes, const MessagePieces *pieces,
                           void (*let_go)(void *owner), void *owner)
{
    int64_t size = (int64_t)sizeof(uv_buf_t) * (2 * pieces->count + 1);
    uv_buf_t *parts = memory_allocate(size);
    int32_t count = list_parts(&bytes, pieces, parts);
    if (transport->tls == NULL) {
        Sending *sending = sending_new(transport, bytes, bytes.length + pieces->bytes);
        sending->let_go = let_go;
        sending->owner = owner;
        sending_begin(sending, parts, count);
    } else {
        Buffer all = {0};
        buffer_reserve(&all, bytes.length + pieces->bytes);
        for (int32_t i = 0; i < count; i++)
            buffer_append(&all, parts[i].base, (int64_t)parts[i].len);
        buffer_free(&bytes);
        let_go(owner);
        transport_seal(transport, all);
    }
    memory_free(parts);
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
