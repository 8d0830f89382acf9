/* For tests: files of the log as a version left them whose seals said nothing of the place. */
#ifndef WEIR_LOG_OLD_TESTING_H
#define WEIR_LOG_OLD_TESTING_H

#include <assert.h>

#include "base/bigendian.h"
#include "base/hash.h"
#include "log/batch.h"

static inline void old_seal(char *batch)
{
    store_be32(batch + 12, crc32c(crc32c(0, batch, BATCH_PREFIX_BYTES), batch + 23, 4));
}

/* Returns the hash of the content, for the index. */
static inline uint64_t old_segment(Buffer *segment)
{
    uint64_t hash = 0;
    BatchHeader header;
    for (int64_t at = 0;
         batch_read_header(str_make(segment->data + at, segment->length - at), &header);
         at += header.bytes) {
        old_seal(segment->data + at);
        hash = hash_combine(hash, hash_bytes(segment->data + at, BATCH_HEADER_BYTES));
    }
    return hash;
}

/* What begins with a magic number and has its checksum at the end of its head. */
static inline void old_checked(Buffer *content, const char *magic, int64_t head_bytes)
{
    Buffer check = {0};
    memcpy(content->data, magic, 4);
    buffer_append_u32(&check, crc32c(0, content->data, head_bytes - 4));
    memcpy(content->data + head_bytes - 4, check.data, 4);
    buffer_free(&check);
}

static inline void old_index(Buffer *index, uint64_t content_hash)
{
    enum { HASH_AT = 32, HEAD_BYTES = 48 };
    Buffer hash = {0};
    buffer_append_u64(&hash, content_hash);
    memcpy(index->data + HASH_AT, hash.data, 8);
    buffer_free(&hash);
    old_checked(index, "WIX1", HEAD_BYTES);
}

static inline void old_snapshot(Buffer *snapshot)
{
    old_checked(snapshot, "WPP1", snapshot->length);
}

static inline void old_marks(Buffer *marks)
{
    ByteReader reader = byte_reader(str_make(marks->data, marks->length - 4));
    Buffer old = {0};
    byte_reader_take(&reader, 4);
    buffer_append_text(&old, "WPM1");
    while (byte_reader_left(&reader) > 0) {
        buffer_append_bytes(&old, byte_reader_bytes(&reader));
        for (int32_t i = 0; i < 4; i++)
            buffer_append_u64(&old, byte_reader_u64(&reader));
        byte_reader_u64(&reader);
    }
    assert(!reader.is_short);
    buffer_append_u32(&old, crc32c(0, old.data, old.length));
    buffer_free(marks);
    *marks = old;
}

#endif
