/* Unpacking transactions: see payload.h. */
#include "connect/mysql/payload.h"

#include <assert.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/memory.h"
#include "connect/mysql/wire.h"

enum {
    FIELD_END = 0,
    FIELD_SIZE = 1,
    FIELD_COMPRESSION = 2,
    FIELD_UNPACKED_SIZE = 3,
    COMPRESSION_ZSTD = 0,
    COMPRESSION_NONE = 255,
    PAYLOAD_STEP_BYTES = 256 * 1024,
};

static const uint64_t PAYLOAD_BYTES_MAX = (uint64_t)1 << 32;
static const uint64_t PAYLOAD_RATIO_MAX = 20000;

void payload_free(Payload *payload)
{
    ZSTD_freeDCtx(payload->unpacker);
    buffer_free(&payload->window);
    *payload = (Payload){0};
}

Status payload_open(Payload *payload, const Event *event, Error *error)
{
    ByteReader reader = byte_reader(event->body);
    uint64_t compression = COMPRESSION_NONE, size = 0, unpacked = 0;
    for (uint64_t field = wire_lenenc(&reader); field != FIELD_END; field = wire_lenenc(&reader)) {
        Str value = wire_lenenc_bytes(&reader);
        if (reader.is_short)
            return event_fail(event, "a compressed transaction is cut short", error);
        ByteReader number = byte_reader(value);
        if (field == FIELD_SIZE)
            size = wire_lenenc(&number);
        else if (field == FIELD_COMPRESSION)
            compression = wire_lenenc(&number);
        else if (field == FIELD_UNPACKED_SIZE)
            unpacked = wire_lenenc(&number);
    }
    if (reader.is_short || size > (uint64_t)byte_reader_left(&reader))
        return event_fail(event, "a compressed transaction is cut short", error);
    if (compression != COMPRESSION_ZSTD && compression != COMPRESSION_NONE)
        return event_fail(event, "a transaction is compressed in an unknown way", error);
    payload->packed = byte_reader_take(&reader, (int64_t)size);
    payload->left = compression == COMPRESSION_NONE ? size : unpacked;
    if (payload->left > PAYLOAD_BYTES_MAX || payload->left / PAYLOAD_RATIO_MAX > size)
        return fail(error, ERR_LIMIT, "WR3122", "a compressed transaction claims %llu bytes",
                    (unsigned long long)payload->left);
    payload->window.length = 0;
    payload->taken = 0;
    payload->is_open = true;
    ZSTD_freeDCtx(payload->unpacker);
    payload->unpacker = compression == COMPRESSION_ZSTD ? memory_expect(ZSTD_createDCtx()) : NULL;
    return OK;
}

/* More unpacked bytes in the window. */
static Status payload_step(Payload *payload, Error *error)
{
    Event frame = {.type = EVENT_TRANSACTION_PAYLOAD, .size = (uint32_t)payload->packed.length};
    if (payload->taken > 0) {
        int64_t left = payload->window.length - payload->taken;
        memmove(payload->window.data, payload->window.data + payload->taken, (size_t)left);
        payload->window.length = left;
        payload->taken = 0;
    }
    if (payload->left == 0 || payload->packed.length == 0)
        return event_fail(&frame, "a compressed transaction ends too early", error);
    int64_t room = payload->left < PAYLOAD_STEP_BYTES ? (int64_t)payload->left : PAYLOAD_STEP_BYTES;
    char *into = buffer_reserve(&payload->window, room);
    ZSTD_inBuffer in = {.src = payload->packed.data, .size = (size_t)payload->packed.length};
    ZSTD_outBuffer out = {.dst = into, .size = (size_t)room};
    if (payload->unpacker == NULL) {
        memcpy(into, payload->packed.data, (size_t)room);
        in.pos = out.pos = (size_t)room;
    } else {
        size_t code = ZSTD_decompressStream(payload->unpacker, &out, &in);
        if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
            memory_exhausted(0);
        if (ZSTD_isError(code))
            return event_fail(&frame, "a compressed transaction does not unpack", error);
    }
    payload->packed.data += in.pos;
    payload->packed.length -= (int64_t)in.pos;
    payload->window.length += (int64_t)out.pos;
    payload->left -= out.pos;
    if (in.pos == 0 && out.pos == 0)
        return event_fail(&frame, "a compressed transaction ends too early", error);
    return OK;
}

Status payload_next(Payload *payload, Event *out, Error *error)
{
    assert(payload->is_open);
    for (;;) {
        int64_t held = payload->window.length - payload->taken;
        const char *at = payload->window.data + payload->taken;
        if (held == 0 && payload->left == 0) {
            payload->is_open = false;
            return ERR_END;
        }
        uint32_t size = 0;
        if (held >= EVENT_HEADER_BYTES)
            memcpy(&size, at + 9, sizeof size);
        if (size != 0 && size <= held) {
            payload->taken += size;
            return event_parse_inner(str_make(at, size), out, error);
        }
        TRY(payload_step(payload, error));
    }
}
