/* Growing byte buffers and their bounds-checked reader. */
#include "base/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { BUFFER_BYTES_MIN = 64 };

void buffer_free(Buffer *buffer)
{
    memory_free(buffer->data);
    *buffer = (Buffer){0};
}

void buffer_grow(Buffer *buffer, int64_t bytes)
{
    assert(bytes >= 0);
    int64_t needed = buffer->length + bytes;
    int64_t capacity = buffer->capacity > 0 ? buffer->capacity : BUFFER_BYTES_MIN;
    while (capacity < needed)
        capacity *= 2;
    buffer->data = memory_resize(buffer->data, capacity);
    buffer->capacity = capacity;
}

void buffer_append_str(Buffer *buffer, Str str)
{
    buffer_append(buffer, str.data, str.length);
}

void buffer_append_text(Buffer *buffer, const char *terminated)
{
    buffer_append(buffer, terminated, (int64_t)strlen(terminated));
}

void buffer_printf(Buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(length >= 0);
    vsnprintf(buffer_reserve(buffer, length + 1), (size_t)length + 1, format, again);
    va_end(again);
    buffer->length += length;
}

void buffer_append_bytes(Buffer *buffer, Str bytes)
{
    assert(bytes.length >= 0 && bytes.length <= UINT32_MAX);
    buffer_append_u32(buffer, (uint32_t)bytes.length);
    buffer_append_str(buffer, bytes);
}

const char *buffer_terminated(Buffer *buffer)
{
    *buffer_reserve(buffer, 1) = '\0';
    return buffer->data;
}
