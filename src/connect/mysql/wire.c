/* Packets: see wire.h. */
#include "connect/mysql/wire.h"

#include <assert.h>
#include <string.h>

enum { WIRE_HEADER_BYTES = 4, WIRE_CHUNK_BYTES = 0xffffff, WIRE_READ_BYTES = 256 * 1024 };

/* A window that grew for one large row is given back when it is empty. */
enum { WIRE_KEEP_BYTES = 4 * 1024 * 1024 };

void wire_free(Wire *wire)
{
    buffer_free(&wire->in);
    buffer_free(&wire->joined);
}

void wire_reset(Wire *wire)
{
    wire->in.length = 0;
    wire->taken = 0;
    wire->joined.length = 0;
    wire->is_joining = false;
    wire->sequence = 0;
}

static int64_t wire_peek_length(const Wire *wire)
{
    if (wire->in.length - wire->taken < WIRE_HEADER_BYTES)
        return -1;
    const uint8_t *at = (const uint8_t *)wire->in.data + wire->taken;
    return (int64_t)at[0] | (int64_t)at[1] << 8 | (int64_t)at[2] << 16;
}

bool wire_is_ready(const Wire *wire)
{
    int64_t length = wire_peek_length(wire);
    return length >= 0 && wire->in.length - wire->taken >= WIRE_HEADER_BYTES + length;
}

static void wire_make_room(Wire *wire)
{
    int64_t left = wire->in.length - wire->taken;
    assert(left >= 0);
    if (left == 0 && wire->in.capacity > WIRE_KEEP_BYTES)
        buffer_free(&wire->in);
    else if (wire->taken > 0 && wire->in.capacity - wire->in.length < WIRE_READ_BYTES)
        memmove(wire->in.data, wire->in.data + wire->taken, (size_t)left);
    else
        return;
    wire->in.length = left;
    wire->taken = 0;
}

static Status wire_fill(Wire *wire, int64_t timeout_us, Error *error)
{
    wire_make_room(wire);
    char *into = buffer_reserve(&wire->in, WIRE_READ_BYTES);
    int64_t got = 0;
    Status status = socket_read(wire->socket, into, wire->in.capacity - wire->in.length, timeout_us,
                                &got, error);
    wire->in.length += got;
    wire->bytes_read += got;
    return status == ERR_END ? ERR_UNAVAILABLE : status;
}

Status wire_read(Wire *wire, int64_t timeout_us, Str *payload, Error *error)
{
    for (;;) {
        while (!wire_is_ready(wire))
            TRY(wire_fill(wire, timeout_us, error));
        int64_t length = wire_peek_length(wire);
        const char *at = wire->in.data + wire->taken + WIRE_HEADER_BYTES;
        wire->sequence = (uint8_t)(wire->in.data[wire->taken + 3] + 1);
        wire->taken += WIRE_HEADER_BYTES + length;
        if (length < WIRE_CHUNK_BYTES && !wire->is_joining) {
            *payload = str_make(at, length);
            return OK;
        }
        if (!wire->is_joining)
            wire->joined.length = 0;
        wire->is_joining = true;
        if (wire->joined.length + length > WIRE_PAYLOAD_BYTES_MAX)
            return fail(error, ERR_LIMIT, "WR3103", "the server sent more than %lld bytes at once",
                        (long long)WIRE_PAYLOAD_BYTES_MAX);
        buffer_append(&wire->joined, at, length);
        if (length < WIRE_CHUNK_BYTES) {
            wire->is_joining = false;
            *payload = buffer_str(&wire->joined);
            return OK;
        }
    }
}

Status wire_write(Wire *wire, Str payload, int64_t timeout_us, Error *error)
{
    int64_t done = 0;
    for (;;) {
        int64_t length = payload.length - done;
        if (length > WIRE_CHUNK_BYTES)
            length = WIRE_CHUNK_BYTES;
        char header[WIRE_HEADER_BYTES] = {(char)(length & 0xff), (char)(length >> 8 & 0xff),
                                          (char)(length >> 16), (char)wire->sequence++};
        TRY(socket_write(wire->socket, header, sizeof header, timeout_us, error));
        TRY(socket_write(wire->socket, payload.data + done, length, timeout_us, error));
        done += length;
        if (length < WIRE_CHUNK_BYTES)
            return OK;
    }
}

uint64_t wire_lenenc(ByteReader *reader)
{
    uint8_t first = byte_reader_u8(reader);
    if (first < 0xfb)
        return first;
    if (first == 0xfc)
        return byte_reader_u16(reader);
    if (first == 0xfd) {
        uint64_t low = byte_reader_u16(reader);
        return low | (uint64_t)byte_reader_u8(reader) << 16;
    }
    if (first == 0xfe)
        return byte_reader_u64(reader);
    reader->is_short = true;
    return 0;
}

Str wire_lenenc_bytes(ByteReader *reader)
{
    uint64_t length = wire_lenenc(reader);
    if (length > (uint64_t)byte_reader_left(reader)) {
        reader->is_short = true;
        return (Str){0};
    }
    return byte_reader_take(reader, (int64_t)length);
}

Str wire_terminated(ByteReader *reader)
{
    int64_t left = byte_reader_left(reader);
    const char *end = left > 0 ? memchr(reader->at, '\0', (size_t)left) : NULL;
    if (end == NULL) {
        reader->is_short = true;
        return (Str){0};
    }
    Str text = byte_reader_take(reader, end - reader->at);
    (void)byte_reader_u8(reader);
    return text;
}

void wire_append_lenenc(Buffer *out, uint64_t value)
{
    if (value < 0xfb) {
        buffer_append_u8(out, (uint8_t)value);
    } else if (value <= UINT16_MAX) {
        buffer_append_u8(out, 0xfc);
        buffer_append_u16(out, (uint16_t)value);
    } else if (value <= 0xffffff) {
        buffer_append_u8(out, 0xfd);
        buffer_append_u16(out, (uint16_t)(value & 0xffff));
        buffer_append_u8(out, (uint8_t)(value >> 16));
    } else {
        buffer_append_u8(out, 0xfe);
        buffer_append_u64(out, value);
    }
}
