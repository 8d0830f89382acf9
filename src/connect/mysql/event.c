/* Frames and small events: see event.h. */
#include "connect/mysql/event.h"

#include <libdeflate.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum {
    FORMAT_VERSION_BYTES = 50,
    FORMAT_FIXED_BYTES = 57, /* binlog version, server version, creation, header length */
    BINLOG_VERSION = 4,
    FORMAT_MADE_AT = 52, /* in the body: when the server was started; 0 in its later files */
    FLAG_IN_USE = 1,
    LOAD_FIXED_BYTES = 13, /* file, where the names stand in the text, what to do with duplicates */
    INFLATED_BYTES_MAX = 1 << 30,
    INFLATE_RATIO_MAX = 1100, /* deflate cannot do better than 1:1032 */
};

Status event_fail(const Event *event, const char *what, Error *error)
{
    return fail(error, ERR_DECODE, "WR3121",
                "a binlog event is damaged (type %d, %u bytes, ending at %u): %s", event->type,
                event->size, event->next_position, what);
}

static void event_take_header(Str bytes, Event *out)
{
    ByteReader reader = byte_reader(bytes);
    out->timestamp = byte_reader_u32(&reader);
    out->type = byte_reader_u8(&reader);
    out->server_id = byte_reader_u32(&reader);
    out->size = byte_reader_u32(&reader);
    out->next_position = byte_reader_u32(&reader);
    out->flags = byte_reader_u16(&reader);
    out->body = str_make(reader.at, byte_reader_left(&reader));
}

/* Checksums exist since MySQL 5.6.1 and MariaDB 5.3; then every format description has one. */
static bool version_has_checksums(const char *version)
{
    int major = 0, minor = 0, patch = 0;
    if (sscanf(version, "%d.%d.%d", &major, &minor, &patch) < 2)
        return false;
    if (strstr(version, "MariaDB") != NULL)
        return major > 5 || minor >= 3;
    return major > 5 || (major == 5 && (minor > 6 || (minor == 6 && patch >= 1)));
}

static Status format_read(BinlogFormat *format, Event *event, Error *error)
{
    Str body = event->body;
    if (body.length < FORMAT_FIXED_BYTES)
        return event_fail(event, "the format description is too short", error);
    uint16_t version = (uint16_t)((uint8_t)body.data[0] | (uint8_t)body.data[1] << 8);
    if (version != BINLOG_VERSION || (uint8_t)body.data[56] != EVENT_HEADER_BYTES)
        return event_fail(event, "it is not of binlog version 4", error);
    memcpy(format->server_version, body.data + 2, FORMAT_VERSION_BYTES);
    format->server_version[FORMAT_VERSION_BYTES] = '\0';
    uint32_t made = 0;
    memcpy(&made, body.data + FORMAT_MADE_AT, sizeof made);
    format->is_after_start = made != 0;
    format->has_checksum = false;
    bool has_trailer = version_has_checksums(format->server_version);
    if (has_trailer && body.length >= FORMAT_FIXED_BYTES + 5) {
        format->has_checksum = body.data[body.length - 5] == 1;
        event->body.length -= EVENT_CHECKSUM_BYTES;
    }
    int64_t table_map = FORMAT_FIXED_BYTES + EVENT_TABLE_MAP - 1;
    format->is_table_id_short = table_map < body.length && body.data[table_map] == 6;
    return OK;
}

static Status event_verify(const Event *event, Str bytes, Error *error)
{
    uint32_t stated = 0;
    memcpy(&stated, bytes.data + bytes.length - EVENT_CHECKSUM_BYTES, sizeof stated);
    uint32_t actual = 0;
    size_t covered = (size_t)bytes.length - EVENT_CHECKSUM_BYTES;
    if (event->type == EVENT_FORMAT && (event->flags & FLAG_IN_USE) != 0) {
        /* The flag is set after the checksum was computed. */
        char header[EVENT_HEADER_BYTES];
        memcpy(header, bytes.data, sizeof header);
        header[17] = (char)(header[17] & ~FLAG_IN_USE);
        actual = libdeflate_crc32(0, header, sizeof header);
        actual = libdeflate_crc32(actual, bytes.data + sizeof header, covered - sizeof header);
    } else {
        actual = libdeflate_crc32(0, bytes.data, covered);
    }
    return actual == stated ? OK : event_fail(event, "its checksum does not match", error);
}

Status event_parse(BinlogFormat *format, Str bytes, Event *out, Error *error)
{
    *out = (Event){0};
    if (bytes.length < EVENT_HEADER_BYTES) {
        out->size = (uint32_t)bytes.length;
        return event_fail(out, "it is shorter than its header", error);
    }
    event_take_header(bytes, out);
    if (out->size != bytes.length)
        return event_fail(out, "its size is not the one it states", error);
    if (out->type == EVENT_FORMAT) {
        TRY(format_read(format, out, error));
        return format->has_checksum ? event_verify(out, bytes, error) : OK;
    }
    if (!format->has_checksum)
        return OK;
    if (out->body.length < EVENT_CHECKSUM_BYTES)
        return event_fail(out, "it has no room for its checksum", error);
    out->body.length -= EVENT_CHECKSUM_BYTES;
    return event_verify(out, bytes, error);
}

Status event_parse_inner(Str bytes, Event *out, Error *error)
{
    BinlogFormat none = {0};
    return event_parse(&none, bytes, out, error);
}

Status event_inflate(Str bytes, Buffer *out, Error *error)
{
    Event frame = {.size = (uint32_t)bytes.length};
    if (bytes.length < 2)
        return event_fail(&frame, "a compressed part is too short", error);
    uint8_t head = (uint8_t)bytes.data[0];
    int64_t width = head & 7;
    if ((head & 0x80) == 0 || (head >> 4 & 7) != 0 || width < 1 || width > 4 ||
        bytes.length < 1 + width)
        return event_fail(&frame, "a compressed part has an unknown form", error);
    uint64_t length = 0;
    for (int64_t i = 0; i < width; i++)
        length = length << 8 | (uint8_t)bytes.data[1 + i];
    if (length > INFLATED_BYTES_MAX || length > (uint64_t)bytes.length * INFLATE_RATIO_MAX)
        return fail(error, ERR_LIMIT, "WR3122", "a compressed event claims %llu bytes",
                    (unsigned long long)length);
    struct libdeflate_decompressor *inflater = memory_expect(libdeflate_alloc_decompressor());
    char *into = buffer_reserve(out, (int64_t)length);
    size_t got = 0;
    enum libdeflate_result result = libdeflate_zlib_decompress(
        inflater, bytes.data + 1 + width, (size_t)(bytes.length - 1 - width), into, length, &got);
    libdeflate_free_decompressor(inflater);
    if (result != LIBDEFLATE_SUCCESS || got != length)
        return event_fail(&frame, "a compressed part does not unpack", error);
    out->length += (int64_t)length;
    return OK;
}

/* The databases that a statement touches. */
static void query_read_touched(ByteReader *reader, QueryEvent *out)
{
    enum { TOUCHED_MAX = 16 }; /* 254 stands for more */
    uint8_t count = byte_reader_u8(reader);
    out->has_touched = true;
    out->touched = str_make("", 1);
    if (count > TOUCHED_MAX)
        return;
    const char *start = reader->at;
    for (uint8_t i = 0; i < count && !reader->is_short; i++)
        while (byte_reader_u8(reader) != 0) /* 0 at the end, too */
            continue;
    if (!reader->is_short && count > 0)
        out->touched = str_make(start, reader->at - start);
}

/* Variables of the session, each a code and a value whose length hangs on the code. Those of
 * interest come first; from one that is not known on, nothing can be read. */
static void query_read_session(Str bytes, QueryEvent *out)
{
    enum { FLAGS, SQL_MODE, CATALOG_OLD, AUTO_INCREMENT, CHARSETS, TIME_ZONE, CATALOG };
    enum {
        TIME_NAMES = CATALOG + 1,
        DATABASE_CHARSET,
        UPDATED_TABLES,
        EVENT_BYTES,
        INVOKER,
        TOUCHED
    };
    enum { NO_BACKSLASH_ESCAPES = 1 << 20 };
    ByteReader reader = byte_reader(bytes);
    while (byte_reader_left(&reader) > 0 && !reader.is_short) {
        switch (byte_reader_u8(&reader)) {
        case FLAGS:
        case AUTO_INCREMENT: (void)byte_reader_u32(&reader); break;
        case SQL_MODE:
            out->is_backslash_plain = (byte_reader_u64(&reader) & NO_BACKSLASH_ESCAPES) != 0;
            break;
        case CATALOG_OLD: (void)byte_reader_take(&reader, byte_reader_u8(&reader) + 1); break;
        case CHARSETS:
            out->client_collation = byte_reader_u16(&reader);
            (void)byte_reader_u16(&reader); /* of the connection */
            out->server_collation = byte_reader_u16(&reader);
            break;
        case TIME_ZONE:
        case CATALOG: (void)byte_reader_take(&reader, byte_reader_u8(&reader)); break;
        case TIME_NAMES:
        case DATABASE_CHARSET: (void)byte_reader_u16(&reader); break;
        case UPDATED_TABLES: (void)byte_reader_u64(&reader); break;
        case EVENT_BYTES: (void)byte_reader_u32(&reader); break;
        case INVOKER:
            (void)byte_reader_take(&reader, byte_reader_u8(&reader)); /* user */
            (void)byte_reader_take(&reader, byte_reader_u8(&reader)); /* host */
            break;
        case TOUCHED: query_read_touched(&reader, out); return;
        default: return;
        }
    }
}

Status event_read_query(const Event *event, Buffer *scratch, QueryEvent *out, Error *error)
{
    ByteReader reader = byte_reader(event->body);
    uint32_t thread_id = byte_reader_u32(&reader);
    (void)byte_reader_u32(&reader); /* execution time */
    uint8_t database_bytes = byte_reader_u8(&reader);
    (void)byte_reader_u16(&reader); /* error */
    uint16_t status_bytes = byte_reader_u16(&reader);
    if (event->type == EVENT_EXECUTE_LOAD)
        (void)byte_reader_take(&reader, LOAD_FIXED_BYTES);
    *out = (QueryEvent){.thread_id = thread_id};
    query_read_session(byte_reader_take(&reader, status_bytes), out);
    out->database = byte_reader_take(&reader, database_bytes);
    (void)byte_reader_u8(&reader);
    if (reader.is_short)
        return event_fail(event, "a statement is cut short", error);
    out->sql = byte_reader_take(&reader, byte_reader_left(&reader));
    if (event->type != EVENT_MARIA_QUERY_COMPRESSED)
        return OK;
    int64_t start = scratch->length;
    TRY(event_inflate(out->sql, scratch, error));
    out->sql = str_make(scratch->data + start, scratch->length - start);
    return OK;
}

Status event_read_rotate(const Event *event, RotateEvent *out, Error *error)
{
    ByteReader reader = byte_reader(event->body);
    out->position = byte_reader_u64(&reader);
    out->file = byte_reader_take(&reader, byte_reader_left(&reader));
    if (reader.is_short || out->file.length == 0 || out->file.length > 512)
        return event_fail(event, "it names no file", error);
    return OK;
}
