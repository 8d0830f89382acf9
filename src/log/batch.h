/* Record batches as Kafka's protocol defines them (version 2, "magic 2"): the unit that is written,
 * kept and read, as it was received.
 *
 *      0  base offset            8      of the first record
 *      8  length                 4      of all that follows
 *     12  leader epoch           4      always 0 here; on disk the seal
 *     16  magic                  1      2
 *     17  checksum               4      CRC32C of all that follows
 *     21  attributes             2
 *     23  last offset delta      4
 *     27  base timestamp         8      ms; or when tombstones may go (BATCH_HAS_HORIZON)
 *     35  largest timestamp      8
 *     43  producer id            8      -1: none
 *     51  producer epoch         2
 *     53  base sequence          4
 *     57  number of records      4
 *     61  records                       log/record.h, compressed together
 *
 * Base offset and leader epoch are not under the checksum of the format, so they are set where the
 * batch lies. On disk the leader epoch, which one machine has no use for, is the seal: a CRC32C
 * that begins with the segment's identity (log/segment.h) and goes on over the position in its
 * file, the base offset, the length, the checksum and the last offset delta. A whole batch that a
 * disk has put in the place of another one, or given back for it, does not have the seal of that
 * place.
 *
 * Before there were places in it the seal was of base offset, length and last offset delta; which
 * segments may still have that one is in the marks (log/internal.h). */
#ifndef WEIR_LOG_BATCH_H
#define WEIR_LOG_BATCH_H

#include "base/buffer.h"
#include "base/status.h"
#include "log/codec.h"

enum {
    BATCH_HEADER_BYTES = 61,
    BATCH_PREFIX_BYTES = 12, /* base offset and length: what the length does not count */
    BATCH_CHECKED_AT = 21,   /* from here on bytes are under the checksum */
    BATCH_BYTES_MAX = 256 * 1024 * 1024, /* on disk or unpacked; topics set less */
};

enum {
    BATCH_CODEC_MASK = 7,
    BATCH_USES_APPEND_TIME = 8,
    BATCH_IS_TRANSACTIONAL = 16,
    BATCH_IS_CONTROL = 32,
    BATCH_HAS_HORIZON = 64,
    BATCH_KNOWN_ATTRIBUTES = 127,
};

typedef struct BatchHeader {
    int64_t base_offset;
    int64_t bytes; /* of the whole batch */
    int32_t leader_epoch;
    uint32_t checksum;
    int32_t attributes;
    int32_t last_offset_delta;
    int64_t base_timestamp_ms, max_timestamp_ms;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t record_count;
} BatchHeader;

/* Read the header at the start of `bytes`, which may hold more or less than one batch. False if
 * there is no whole header or its numbers cannot be; the checksum is not looked at. */
bool batch_read_header(Str bytes, BatchHeader *out);

static inline Codec batch_codec(const BatchHeader *header)
{
    return (Codec)(header->attributes & BATCH_CODEC_MASK);
}

static inline bool batch_has(const BatchHeader *header, int32_t attribute)
{
    return (header->attributes & attribute) != 0;
}

/* The offset behind its last one. */
static inline int64_t batch_end_offset(const BatchHeader *header)
{
    return header->base_offset + header->last_offset_delta + 1;
}

/* Whether the checksum of a whole batch is that of its bytes. */
bool batch_is_intact(Str batch);

/* Write the header; sets length and checksum by what lies behind it. `batch` is the whole batch. */
void batch_write_header(char *batch, int64_t bytes, const BatchHeader *header);

/* The checksum stays right. */
void batch_set_offset(char *batch, int64_t base_offset);
/* Seal it, for the disk: it goes to `position` of the segment with that identity. */
void batch_seal(char *batch, uint32_t identity, int64_t position);
/* Whether it was sealed for that place, and is as it was then, but for its records. */
bool batch_is_sealed(Str batch_header, uint32_t identity, int64_t position);
/* The same of a seal without a place. */
bool batch_has_old_seal(Str batch_header);
/* The leader epoch becomes 0, for readers. */
void batch_unseal(char *batch);

/* Why a batch that came from outside is not taken, or NULL if it may be: `batch` is exactly one
 * batch with an intact checksum, its offsets count from 0 without a gap, each record is whole, and
 * none is later than the largest timestamp. With `needs_keys` each has a key. `scratch` is used for
 * what is unpacked. The reason is a constant. */
const char *batch_find_fault(Str batch, const BatchHeader *header, bool needs_keys,
                             Buffer *scratch);

#endif
