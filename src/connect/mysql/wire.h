/* MySQL packets over a socket.
 *
 * A packet is a 3-byte length, a sequence number and the payload; a payload of 2^24 - 1 bytes
 * goes on in the next packet. Reading keeps one growing window of received bytes, and hands
 * out payloads that lie in it. Reference: MySQL 8.0 Source Code Documentation, "MySQL
 * Packets"; MariaDB Knowledge Base, "0 - Packet". */
#ifndef WEIR_CONNECT_MYSQL_WIRE_H
#define WEIR_CONNECT_MYSQL_WIRE_H

#include "base/buffer.h"
#include "base/socket.h"
#include "base/status.h"

/* What a server may send in one logical packet: max_allowed_packet is 1 GiB at the most. */
static const int64_t WIRE_PAYLOAD_BYTES_MAX = ((int64_t)1 << 30) + (1 << 20);

typedef struct Wire {
    Socket *socket;
    Buffer in;     /* received; [taken, in.length) is not yet read */
    int64_t taken; /* bytes */
    Buffer joined; /* a payload of several packets */
    bool is_joining;
    uint8_t sequence; /* of the next packet */
    int64_t bytes_read;
} Wire;

void wire_free(Wire *wire);

/* Forget what was received, for a new connection. */
void wire_reset(Wire *wire);

/* The next payload, valid until the next call. ERR_AGAIN when it is not complete in time:
 * what came so far is kept. */
Status wire_read(Wire *wire, int64_t timeout_us, Str *payload, Error *error);

/* Whether wire_read would return without waiting. */
bool wire_is_ready(const Wire *wire);

Status wire_write(Wire *wire, Str payload, int64_t timeout_us, Error *error);

/* Numbers of the protocol; each marks the reader short when the bytes do not suffice. */
uint64_t wire_lenenc(ByteReader *reader);
Str wire_lenenc_bytes(ByteReader *reader);
Str wire_terminated(ByteReader *reader); /* up to a zero byte, which is taken too */
void wire_append_lenenc(Buffer *out, uint64_t value);

#endif
