/* Records by their varints. */
#include "log/record.h"

#include <assert.h>

enum { VARINT_BYTES_MAX = 10 };

/* Timestamps far apart have deltas that do not fit: they wrap, as in Java, and so come back. */
static int64_t wrap_add(int64_t time, int64_t delta)
{
    return (int64_t)((uint64_t)time + (uint64_t)delta);
}

static int64_t wrap_subtract(int64_t time, int64_t base)
{
    return (int64_t)((uint64_t)time - (uint64_t)base);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int64_t read_varint(ByteReader *reader)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 7 * VARINT_BYTES_MAX; shift += 7) {
        uint8_t byte = byte_reader_u8(reader);
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
    }
    reader->is_short = true;
    return 0;
}

/* Bytes behind their length; null where that is -1. */
static bool read_nullable(ByteReader *reader, Str *out)
{
    int64_t length = read_varint(reader);
    *out = (Str){0};
    if (length == -1)
        return false;
    if (length < 0)
        reader->is_short = true;
    else
        *out = byte_reader_take(reader, length);
    return true;
}

static Str read_headers(ByteReader *reader)
{
    const char *start = reader->at;
    int64_t count = read_varint(reader);
    if (count < 0)
        reader->is_short = true;
    for (int64_t i = 0; i < count && !reader->is_short; i++) {
        Str ignored;
        if (!read_nullable(reader, &ignored)) /* its name */
            reader->is_short = true;
        read_nullable(reader, &ignored);
    }
    return str_make(start, reader->at - start);
}

bool record_reader_open(RecordReader *reader, Str batch, Buffer *scratch)
{
    *reader = (RecordReader){0};
    bool is_header = batch_read_header(batch, &reader->header);
    assert(is_header && batch.length == reader->header.bytes);
    Str records = str_make(batch.data + BATCH_HEADER_BYTES, batch.length - BATCH_HEADER_BYTES);
    Codec codec = batch_codec(&reader->header);
    scratch->length = 0;
    reader->left = reader->header.record_count;
    if (codec != CODEC_NONE && reader->left > 0) {
        if (codec >= CODEC_COUNT || !codec_unpack(codec, records, BATCH_BYTES_MAX, scratch))
            return false;
        records = buffer_str(scratch);
    }
    reader->bytes = byte_reader(records);
    return true;
}

static bool read_fields(RecordReader *reader, ByteReader *bytes, Record *out)
{
    const BatchHeader *header = &reader->header;
    byte_reader_u8(bytes); /* attributes: none are defined */
    int64_t timestamp_delta = read_varint(bytes);
    int64_t offset_delta = read_varint(bytes);
    *out = (Record){0};
    out->has_key = read_nullable(bytes, &out->key);
    out->has_value = read_nullable(bytes, &out->value);
    out->headers = read_headers(bytes);
    out->offset = header->base_offset + offset_delta;
    bool has_append_time = batch_has(header, BATCH_USES_APPEND_TIME);
    out->timestamp_ms = wrap_add(header->base_timestamp_ms, timestamp_delta);
    if (has_append_time)
        out->timestamp_ms = header->max_timestamp_ms;
    return !bytes->is_short && byte_reader_left(bytes) == 0 && offset_delta >= 0 &&
           offset_delta <= header->last_offset_delta;
}

bool record_read(RecordReader *reader, Record *out)
{
    if (reader->left == 0) {
        reader->is_damaged |= byte_reader_left(&reader->bytes) != 0;
        return false;
    }
    int64_t length = read_varint(&reader->bytes);
    Str whole = length < 0 ? (Str){0} : byte_reader_take(&reader->bytes, length);
    ByteReader fields = byte_reader(whole);
    if (length < 0 || reader->bytes.is_short || !read_fields(reader, &fields, out)) {
        reader->is_damaged = true;
        return false;
    }
    reader->left--;
    return true;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void write_varint(Buffer *out, int64_t value)
{
    uint64_t left = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    char *at = buffer_reserve(out, VARINT_BYTES_MAX);
    int32_t length = 0;
    for (; left >= 128; left >>= 7)
        at[length++] = (char)(left | 128);
    at[length++] = (char)left;
    out->length += length;
}

static int32_t varint_bytes(int64_t value)
{
    uint64_t left = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    int32_t length = 1;
    for (; left >= 128; left >>= 7)
        length++;
    return length;
}

static int64_t nullable_bytes(bool is_there, Str bytes)
{
    return is_there ? varint_bytes(bytes.length) + bytes.length : 1;
}

static void write_nullable(Buffer *out, bool is_there, Str bytes)
{
    write_varint(out, is_there ? bytes.length : -1);
    if (is_there)
        buffer_append_str(out, bytes);
}

void record_begin_headers(Buffer *out, int32_t count)
{
    write_varint(out, count);
}

void record_add_header(Buffer *out, Str name, Str value)
{
    write_nullable(out, true, name);
    write_nullable(out, true, value);
}

void batch_begin(BatchWriter *writer, Buffer *out, const BatchHeader *like)
{
    *writer = (BatchWriter){.out = out, .start = out->length, .header = *like};
    writer->header.record_count = 0;
    writer->header.max_timestamp_ms = like->record_count > 0 ? like->max_timestamp_ms : -1;
    buffer_reserve(out, BATCH_HEADER_BYTES);
    out->length += BATCH_HEADER_BYTES;
}

void batch_add(BatchWriter *writer, const Record *record)
{
    BatchHeader *header = &writer->header;
    int64_t time_delta = wrap_subtract(record->timestamp_ms, header->base_timestamp_ms);
    int64_t offset_delta = record->offset - header->base_offset;
    assert(offset_delta >= 0 && offset_delta <= INT32_MAX);
    Str no_headers = str_make("", 1); /* the number 0 */
    Str headers = record->headers.length > 0 ? record->headers : no_headers;
    write_varint(writer->out, 1 + varint_bytes(time_delta) + varint_bytes(offset_delta) +
                                  nullable_bytes(record->has_key, record->key) +
                                  nullable_bytes(record->has_value, record->value) +
                                  headers.length);
    buffer_append_u8(writer->out, 0);
    write_varint(writer->out, time_delta);
    write_varint(writer->out, offset_delta);
    write_nullable(writer->out, record->has_key, record->key);
    write_nullable(writer->out, record->has_value, record->value);
    buffer_append_str(writer->out, headers);
    header->record_count++;
    if (offset_delta > header->last_offset_delta)
        header->last_offset_delta = (int32_t)offset_delta;
    if (record->timestamp_ms > header->max_timestamp_ms)
        header->max_timestamp_ms = record->timestamp_ms;
}

void batch_finish(BatchWriter *writer)
{
    Buffer *out = writer->out;
    int64_t records_at = writer->start + BATCH_HEADER_BYTES;
    if (batch_codec(&writer->header) != CODEC_NONE) {
        Buffer packed = {0};
        codec_pack(batch_codec(&writer->header),
                   str_make(out->data + records_at, out->length - records_at), &packed);
        out->length = records_at;
        buffer_append_str(out, buffer_str(&packed));
        buffer_free(&packed);
    }
    batch_write_header(out->data + writer->start, out->length - writer->start, &writer->header);
}
