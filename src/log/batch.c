/* The header of a batch, and whether what came from outside may be kept. */
#include "log/batch.h"

#include <assert.h>
#include <string.h>

#include "base/bigendian.h"
#include "base/hash.h"
#include "base/planted.h"
#include "log/record.h"

enum { MAGIC = 2, BATCH_CHECKSUM_AT = 17, BATCH_LAST_DELTA_AT = 23 };

bool batch_read_header(Str bytes, BatchHeader *out)
{
    if (bytes.length < BATCH_HEADER_BYTES)
        return false;
    const char *at = bytes.data;
    *out = (BatchHeader){
        .base_offset = (int64_t)load_be64(at),
        .bytes = (int64_t)(int32_t)load_be32(at + 8) + BATCH_PREFIX_BYTES,
        .leader_epoch = (int32_t)load_be32(at + 12),
        .checksum = load_be32(at + 17),
        .attributes = load_be16(at + 21),
        .last_offset_delta = (int32_t)load_be32(at + 23),
        .base_timestamp_ms = (int64_t)load_be64(at + 27),
        .max_timestamp_ms = (int64_t)load_be64(at + 35),
        .producer_id = (int64_t)load_be64(at + 43),
        .producer_epoch = (int16_t)load_be16(at + 51),
        .base_sequence = (int32_t)load_be32(at + 53),
        .record_count = (int32_t)load_be32(at + 57),
    };
    return at[16] == MAGIC && out->base_offset >= 0 && out->bytes >= BATCH_HEADER_BYTES &&
           out->bytes <= BATCH_BYTES_MAX && out->last_offset_delta >= 0 && out->record_count >= 0 &&
           out->record_count - 1 <= out->last_offset_delta &&
           out->base_offset <= INT64_MAX - out->last_offset_delta - 1;
}

static uint32_t batch_checksum(const char *batch, int64_t bytes)
{
    return crc32c(0, batch + BATCH_CHECKED_AT, bytes - BATCH_CHECKED_AT);
}

bool batch_is_intact(Str batch)
{
    assert(batch.length >= BATCH_HEADER_BYTES);
    return load_be32(batch.data + 17) == batch_checksum(batch.data, batch.length);
}

void batch_write_header(char *batch, int64_t bytes, const BatchHeader *header)
{
    assert(bytes >= BATCH_HEADER_BYTES && bytes <= BATCH_BYTES_MAX);
    store_be64(batch, (uint64_t)header->base_offset);
    store_be32(batch + 8, (uint32_t)(bytes - BATCH_PREFIX_BYTES));
    store_be32(batch + 12, (uint32_t)header->leader_epoch);
    batch[16] = MAGIC;
    store_be16(batch + 21, (uint16_t)header->attributes);
    store_be32(batch + 23, (uint32_t)header->last_offset_delta);
    store_be64(batch + 27, (uint64_t)header->base_timestamp_ms);
    store_be64(batch + 35, (uint64_t)header->max_timestamp_ms);
    store_be64(batch + 43, (uint64_t)header->producer_id);
    store_be16(batch + 51, (uint16_t)header->producer_epoch);
    store_be32(batch + 53, (uint32_t)header->base_sequence);
    store_be32(batch + 57, (uint32_t)header->record_count);
    store_be32(batch + 17, batch_checksum(batch, bytes));
}

void batch_set_offset(char *batch, int64_t base_offset)
{
    store_be64(batch, (uint64_t)base_offset);
}

/* With the last offset delta, because a search for an offset goes by it and does not compare the
 * checksum. */
static uint32_t seal_of(const char *batch, uint32_t identity, int64_t position)
{
    char sealed[8 + BATCH_PREFIX_BYTES + 4 + 4];
    if (planted(PLANTED_LOG_PLACE_NOT_SEALED))
        identity = 0, position = 0;
    store_be64(sealed, (uint64_t)position);
    memcpy(sealed + 8, batch, BATCH_PREFIX_BYTES);
    memcpy(sealed + 20, batch + BATCH_CHECKSUM_AT, 4);
    memcpy(sealed + 24, batch + BATCH_LAST_DELTA_AT, 4);
    return crc32c(identity, sealed, sizeof sealed);
}

void batch_seal(char *batch, uint32_t identity, int64_t position)
{
    store_be32(batch + 12, seal_of(batch, identity, position));
}

bool batch_is_sealed(Str batch_header, uint32_t identity, int64_t position)
{
    assert(batch_header.length >= BATCH_HEADER_BYTES);
    return load_be32(batch_header.data + 12) == seal_of(batch_header.data, identity, position) ||
           planted(PLANTED_LOG_SEAL_IGNORED);
}

bool batch_has_old_seal(Str batch_header)
{
    assert(batch_header.length >= BATCH_HEADER_BYTES);
    const char *batch = batch_header.data;
    return load_be32(batch + 12) ==
           crc32c(crc32c(0, batch, BATCH_PREFIX_BYTES), batch + BATCH_LAST_DELTA_AT, 4);
}

void batch_unseal(char *batch)
{
    store_be32(batch + 12, 0);
}

static const char *find_fault_of_header(Str batch, const BatchHeader *header)
{
    if (header->bytes != batch.length)
        return "the length of the batch is not that of its bytes";
    if (!batch_is_intact(batch))
        return "the checksum of the batch is wrong";
    if (header->base_offset != 0 || header->record_count != header->last_offset_delta + 1)
        return "the offsets of the batch do not count its records from 0";
    if ((header->attributes & ~BATCH_KNOWN_ATTRIBUTES) != 0 ||
        batch_has(header, BATCH_HAS_HORIZON) || batch_codec(header) >= CODEC_COUNT)
        return "the batch has attributes that are not known";
    bool has_producer = header->producer_id >= 0;
    if (has_producer && (header->producer_epoch < 0 || header->base_sequence < 0) &&
        !batch_has(header, BATCH_IS_CONTROL))
        return "the producer of the batch has no epoch or no sequence";
    if (!has_producer && batch_has(header, BATCH_IS_TRANSACTIONAL))
        return "the batch is of a transaction and has no producer";
    return NULL;
}

const char *batch_find_fault(Str batch, const BatchHeader *header, bool needs_keys, Buffer *scratch)
{
    const char *fault = find_fault_of_header(batch, header);
    if (fault != NULL)
        return fault;
    RecordReader reader;
    if (!record_reader_open(&reader, batch, scratch))
        return "the records of the batch do not unpack";
    int64_t expected = 0;
    for (Record record; record_read(&reader, &record); expected++) {
        if (record.offset != expected)
            return "the offsets of the records do not count from 0";
        if (needs_keys && !record.has_key)
            return "a record without a key in a topic that is compacted";
        if (record.timestamp_ms > header->max_timestamp_ms &&
            !batch_has(header, BATCH_USES_APPEND_TIME))
            return "a record is later than the largest timestamp of its batch";
    }
    return reader.is_damaged ? "a record of the batch is not whole" : NULL;
}
