/* Bytes of a connection to and fro: libuv, and TLS where it is asked for.
 *
 * A Transport stands first in the struct of its owner, who is told when something has come, gone or
 * ended. All on the thread of the loop. */
#ifndef WEIR_KAFKA_TRANSPORT_H
#define WEIR_KAFKA_TRANSPORT_H

#include <uv.h>

#include "base/buffer.h"
#include "base/tls.h"
#include "kafka/schema.h"

typedef struct Transport Transport;

struct Transport {
    uv_tcp_t socket; /* first: a uv_handle_t * is a Transport * */
    TlsSession *tls; /* NULL: plain */
    Buffer received; /* plain bytes; the owner takes away what it has used */
    int64_t unsent_bytes;
    int64_t handed_bytes; /* to libuv, or to the socket itself */
    /* Those that are not given to libuv yet: the first one has parts in files, the others stand
     * behind it. */
    struct Sending *first, *last;
    bool is_closing;
    /* Bytes have come, or some that were sent are gone. */
    void (*on_change)(Transport *transport);
    /* The last call: nothing refers to it any more. */
    void (*on_closed)(Transport *transport);
};

/* Of a zeroed one whose calls are set. */
void transport_init(Transport *transport, uv_loop_t *loop);

/* Whatever it holds, in `on_closed`. */
void transport_free_parts(Transport *transport);

/* Begin to read, with TLS unless `tls` is NULL. False: it is of no use. */
bool transport_start(Transport *transport, TlsServer *tls);

/* Read on, or not. */
void transport_read(Transport *transport, bool reads);

/* How many bytes the system has taken so far; and whether there are more for it. */
int64_t transport_taken_bytes(const Transport *transport);
bool transport_has_more(const Transport *transport);

/* Whether bytes may be sent: the handshake is over, if there is one. */
bool transport_is_open(const Transport *transport);

/* The other side's address without its port, in the arena; "" within the process. */
const char *transport_host(const Transport *transport, Arena *arena);
/* The address on this side, in the same way. */
const char *transport_own_host(const Transport *transport, Arena *arena);

/* How the system would have a socket paced: the name of its congestion control, or "". */
typedef struct TransportPacing {
    char control[16]; /* TCP_CA_NAME_MAX, with its end */
} TransportPacing;

/* Within this machine there is nothing to be paced: who is accepted sends by Reno, from the
 * beginning. A system whose default is BBR sets a timer for each piece that a socket sends, and
 * goes on with that when BBR is taken from a socket that has begun with it: in a virtual machine
 * more than half of what it costs to send from files (0.29 instead of 0.12 processor seconds for a
 * gigabyte in batches of 90 kB). */
void transport_listen_unpaced(uv_tcp_t *listener, TransportPacing *usual);
/* Whoever was accepted from elsewhere is sent to as the system would have it. */
void transport_pace(Transport *transport, const TransportPacing *usual);

/* Takes the bytes over. */
void transport_send(Transport *transport, Buffer bytes);
/* The same, with pieces between the bytes, which stay where they are until `let_go` is called;
 * `is_unreadable`: a file did not give what it should have, and the connection is of no use any
 * more. With TLS there are no spans of files among them. */
void transport_send_pieces(Transport *transport, Buffer bytes, const MessagePieces *pieces,
                           void (*let_go)(void *owner, bool is_unreadable), void *owner);

/* Once is enough; `on_closed` comes later. */
void transport_close(Transport *transport);

#endif
