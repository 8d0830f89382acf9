/* A growing run of bytes: what encoders write to and sockets read into.
 *
 * Writers append at the end. Little-endian fixed-width numbers and length-prefixed bytes
 * have their own calls, because snapshots, keys and wire formats all need them. A
 * ByteReader is the other direction: every take is bounds-checked, and a short buffer sets
 * a sticky flag instead of reading past the end. */
#ifndef WEIR_BASE_BUFFER_H
#define WEIR_BASE_BUFFER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

/* Zero-initialise; free with buffer_free. */
typedef struct Buffer {
    char *data;
    int64_t length;
    int64_t capacity;
} Buffer;

void buffer_free(Buffer *buffer);

/* Move to memory with room for `bytes` more. */
void buffer_grow(Buffer *buffer, int64_t bytes);

/* Room for `bytes` more; returns where they go. The caller adds to `length` itself. */
static inline char *buffer_reserve(Buffer *buffer, int64_t bytes)
{
    if (buffer->capacity - buffer->length < bytes)
        buffer_grow(buffer, bytes);
    return buffer->data + buffer->length;
}

static inline void buffer_append(Buffer *buffer, const void *bytes, int64_t length)
{
    if (length == 0)
        return;
    memcpy(buffer_reserve(buffer, length), bytes, (size_t)length);
    buffer->length += length;
}

void buffer_append_str(Buffer *buffer, Str str);
void buffer_append_text(Buffer *buffer, const char *terminated);

static inline void buffer_append_char(Buffer *buffer, char c)
{
    *buffer_reserve(buffer, 1) = c;
    buffer->length++;
}

void buffer_printf(Buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline void buffer_append_u8(Buffer *buffer, uint8_t value)
{
    buffer_append(buffer, &value, sizeof value);
}

static inline void buffer_append_u16(Buffer *buffer, uint16_t value)
{
    buffer_append(buffer, &value, sizeof value);
}

static inline void buffer_append_u32(Buffer *buffer, uint32_t value)
{
    buffer_append(buffer, &value, sizeof value);
}

static inline void buffer_append_u64(Buffer *buffer, uint64_t value)
{
    buffer_append(buffer, &value, sizeof value);
}

/* A u32 length, then the bytes. */
void buffer_append_bytes(Buffer *buffer, Str bytes);

/* Terminate behind the last byte without counting the terminator; returns the text. */
const char *buffer_terminated(Buffer *buffer);

static inline Str buffer_str(const Buffer *buffer)
{
    return str_make(buffer->data, buffer->length);
}

/* Borrows its bytes. After a short read all takes give zeros and `is_short` stays true. */
typedef struct ByteReader {
    const char *at;
    const char *end;
    bool is_short;
} ByteReader;

static inline ByteReader byte_reader(Str bytes)
{
    return (ByteReader){.at = bytes.data, .end = bytes.data + bytes.length};
}

static inline int64_t byte_reader_left(const ByteReader *reader)
{
    return reader->is_short ? 0 : reader->end - reader->at;
}

static inline void byte_reader_copy(ByteReader *reader, void *out, int64_t length)
{
    if (byte_reader_left(reader) < length) {
        reader->is_short = true;
        memset(out, 0, (size_t)length);
        return;
    }
    memcpy(out, reader->at, (size_t)length);
    reader->at += length;
}

static inline uint8_t byte_reader_u8(ByteReader *reader)
{
    uint8_t value;
    byte_reader_copy(reader, &value, sizeof value);
    return value;
}

static inline uint16_t byte_reader_u16(ByteReader *reader)
{
    uint16_t value;
    byte_reader_copy(reader, &value, sizeof value);
    return value;
}

static inline uint32_t byte_reader_u32(ByteReader *reader)
{
    uint32_t value;
    byte_reader_copy(reader, &value, sizeof value);
    return value;
}

static inline uint64_t byte_reader_u64(ByteReader *reader)
{
    uint64_t value;
    byte_reader_copy(reader, &value, sizeof value);
    return value;
}

/* The next `length` bytes, borrowed. */
static inline Str byte_reader_take(ByteReader *reader, int64_t length)
{
    if (length < 0 || byte_reader_left(reader) < length) {
        reader->is_short = true;
        return (Str){0};
    }
    Str taken = str_make(reader->at, length);
    reader->at += length;
    return taken;
}

/* A u32 length, then that many bytes, borrowed. */
static inline Str byte_reader_bytes(ByteReader *reader)
{
    uint32_t length = byte_reader_u32(reader);
    return byte_reader_take(reader, length);
}

#endif
