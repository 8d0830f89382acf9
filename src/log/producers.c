/* A hash table of producers, and the list of what was aborted. */
#include "log/producers.h"

#include <assert.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/planted.h"

enum {
    SLOTS_MIN = 16,
    SNAPSHOT_MAGIC = 0x33505057,         /* "WPP3" */
    SNAPSHOT_UNTIMED_MAGIC = 0x32505057, /* "WPP2": used_ms is what producers said */
    SNAPSHOT_OLD_MAGIC = 0x31505057,     /* "WPP1": so, sealed without the partition's identity */
};

/* A transaction whose end is written and may not be durable yet. */
typedef struct Decided {
    int64_t first_offset, marker_offset;
} Decided;

struct Producers {
    Producer *slots; /* open addressing; an id below 0 is an empty slot */
    int32_t slot_count, count;
    int64_t oldest_offset; /* of the transactions that go on, or NO_OFFSET */
    AbortedTransaction *aborted;
    int32_t aborted_count, aborted_capacity;
    int64_t aborted_version;
    int64_t clean_end, decided_end; /* 0 but during a replay */
    Decided *decided;
    int32_t decided_count, decided_capacity;
};

static void slots_clear(Producers *producers, int32_t slot_count)
{
    producers->slots = memory_allocate_zeroed((int64_t)sizeof(Producer) * slot_count);
    producers->slot_count = slot_count;
    producers->count = 0;
    for (int32_t i = 0; i < slot_count; i++)
        producers->slots[i].id = -1;
}

Producers *producers_new(void)
{
    Producers *producers = memory_allocate_zeroed((int64_t)sizeof *producers);
    producers->oldest_offset = NO_OFFSET;
    return producers;
}

void producers_reset(Producers *producers)
{
    memory_free(producers->slots);
    memory_free(producers->aborted);
    memory_free(producers->decided);
    *producers = (Producers){.oldest_offset = NO_OFFSET};
}

void producers_free(Producers *producers)
{
    if (producers == NULL)
        return;
    producers_reset(producers);
    memory_free(producers);
}

/* The producer's slot, or the empty one where it belongs. */
static Producer *slot_of(const Producers *producers, int64_t id)
{
    uint64_t mask = (uint64_t)producers->slot_count - 1;
    uint64_t at = hash_u64((uint64_t)id) & mask;
    while (producers->slots[at].id >= 0 && producers->slots[at].id != id)
        at = (at + 1) & mask;
    return &producers->slots[at];
}

const Producer *producers_find(const Producers *producers, int64_t id)
{
    if (producers->count == 0 || id < 0)
        return NULL;
    const Producer *slot = slot_of(producers, id);
    return slot->id == id ? slot : NULL;
}

/* Into a table of that many slots, without those that `before_ms` outlives. */
static void producers_resize(Producers *producers, int32_t slot_count, int64_t before_ms)
{
    Producer *old = producers->slots;
    int32_t old_count = producers->slot_count;
    slots_clear(producers, slot_count);
    for (int32_t i = 0; i < old_count; i++) {
        if (old[i].id < 0 || (old[i].used_ms < before_ms && old[i].transaction_offset == NO_OFFSET))
            continue;
        *slot_of(producers, old[i].id) = old[i];
        producers->count++;
    }
    memory_free(old);
}

static Producer *producers_get(Producers *producers, int64_t id)
{
    assert(id >= 0);
    if (producers->slots == NULL)
        slots_clear(producers, SLOTS_MIN);
    else if (producers->count * 4 >= producers->slot_count * 3)
        producers_resize(producers, producers->slot_count * 2, INT64_MIN);
    Producer *slot = slot_of(producers, id);
    if (slot->id < 0) {
        *slot = (Producer){
            .id = id, .epoch = -1, .transaction_offset = NO_OFFSET, .later_offset = NO_OFFSET};
        producers->count++;
    }
    return slot;
}

static int32_t sequence_after(int32_t sequence, int32_t steps)
{
    return (int32_t)(((int64_t)sequence + steps) & INT32_MAX);
}

const Producer *producers_next(const Producers *producers, const Producer *after)
{
    for (int32_t i = after == NULL ? 0 : (int32_t)(after - producers->slots) + 1;
         i < producers->slot_count; i++)
        if (producers->slots[i].id >= 0)
            return &producers->slots[i];
    return NULL;
}

int32_t producers_next_sequence(const Producers *producers, int64_t id, int16_t epoch)
{
    const Producer *producer = producers_find(producers, id);
    if (producer == NULL || producer->epoch != epoch || producer->batch_count == 0)
        return 0;
    return sequence_after(producer->batches[producer->batch_count - 1].last_sequence, 1);
}

ProducerVerdict producers_judge(const Producers *producers, const BatchHeader *header,
                                ProducerBatch *earlier)
{
    const Producer *producer = producers_find(producers, header->producer_id);
    if (producer == NULL)
        return PRODUCER_MAY_WRITE;
    if (header->producer_epoch < producer->epoch)
        return PRODUCER_IS_FENCED;
    if (batch_has(header, BATCH_IS_CONTROL))
        return PRODUCER_MAY_WRITE;
    if (header->producer_epoch > producer->epoch)
        return header->base_sequence == 0 ? PRODUCER_MAY_WRITE : PRODUCER_OUT_OF_ORDER;
    int32_t last_sequence = sequence_after(header->base_sequence, header->last_offset_delta);
    for (int32_t i = 0; i < producer->batch_count; i++) {
        *earlier = producer->batches[i];
        if (earlier->first_sequence == header->base_sequence &&
            earlier->last_sequence == last_sequence)
            return PRODUCER_REPEATS;
    }
    int32_t expected = producer->batch_count == 0 ? 0 : sequence_after(earlier->last_sequence, 1);
    if (header->base_sequence != expected)
        return PRODUCER_OUT_OF_ORDER;
    bool is_outside =
        producer->transaction_offset != NO_OFFSET && !batch_has(header, BATCH_IS_TRANSACTIONAL);
    return is_outside ? PRODUCER_IN_TRANSACTION : PRODUCER_MAY_WRITE;
}

/* ---- Transactions ---------------------------------------------------------------------------- */

static void producers_find_oldest(Producers *producers)
{
    int64_t oldest = INT64_MAX;
    for (int32_t i = 0; i < producers->slot_count; i++) {
        const Producer *producer = &producers->slots[i];
        if (producer->id >= 0 && producer->transaction_offset != NO_OFFSET &&
            producer->transaction_offset < oldest)
            oldest = producer->transaction_offset;
    }
    producers->oldest_offset = oldest == INT64_MAX ? NO_OFFSET : oldest;
}

void producers_forget_aborted(Producers *producers, int64_t offset)
{
    int32_t kept = 0;
    if (planted(PLANTED_LOG_ABORT_KEPT))
        return;
    for (int32_t i = 0; i < producers->aborted_count; i++)
        if (producers->aborted[i].marker_offset >= offset)
            producers->aborted[kept++] = producers->aborted[i];
    producers->aborted_version += kept < producers->aborted_count;
    producers->aborted_count = kept;
}

int64_t producers_aborted_version(const Producers *producers)
{
    return producers->aborted_version;
}

static void aborted_append(Producers *producers, AbortedTransaction aborted)
{
    if (producers->aborted_count == producers->aborted_capacity) {
        producers->aborted_capacity =
            producers->aborted_capacity == 0 ? 8 : producers->aborted_capacity * 2;
        producers->aborted = memory_resize(producers->aborted, (int64_t)sizeof(AbortedTransaction) *
                                                                   producers->aborted_capacity);
    }
    producers->aborted[producers->aborted_count++] = aborted;
}

static void decided_append(Producers *producers, Decided decided)
{
    if (producers->decided_count == producers->decided_capacity) {
        producers->decided_capacity =
            producers->decided_capacity == 0 ? 8 : producers->decided_capacity * 2;
        producers->decided = memory_resize(producers->decided,
                                           (int64_t)sizeof(Decided) * producers->decided_capacity);
    }
    producers->decided[producers->decided_count++] = decided;
}

static void producers_end(Producers *producers, Producer *producer, int64_t marker_offset,
                          bool is_commit)
{
    int64_t first_offset = producer->transaction_offset;
    producer->later_offset = NO_OFFSET;
    if (first_offset == NO_OFFSET)
        return;
    if (!is_commit)
        aborted_append(producers, (AbortedTransaction){.producer_id = producer->id,
                                                       .first_offset = first_offset,
                                                       .marker_offset = marker_offset});
    decided_append(producers, (Decided){first_offset, marker_offset});
    producer->transaction_offset = NO_OFFSET;
    if (producers->oldest_offset == first_offset)
        producers_find_oldest(producers);
}

static void producer_add_batch(Producer *producer, const BatchHeader *header)
{
    if (producer->batch_count == PRODUCER_BATCHES) {
        memmove(producer->batches, producer->batches + 1,
                sizeof(ProducerBatch) * (PRODUCER_BATCHES - 1));
        producer->batch_count--;
    }
    producer->batches[producer->batch_count++] = (ProducerBatch){
        .first_sequence = header->base_sequence,
        .last_sequence = sequence_after(header->base_sequence, header->last_offset_delta),
        .base_offset = header->base_offset,
        .end_offset = batch_end_offset(header),
        .timestamp_ms = header->max_timestamp_ms};
}

void producers_note(Producers *producers, const BatchHeader *header, bool is_commit, int64_t now_ms)
{
    if (header->producer_id < 0)
        return;
    Producer *producer = producers_get(producers, header->producer_id);
    if (producer->epoch != header->producer_epoch)
        producer->batch_count = 0;
    producer->epoch = header->producer_epoch;
    producer->used_ms = now_ms;
    if (batch_has(header, BATCH_IS_CONTROL)) {
        producers_end(producers, producer, header->base_offset, is_commit);
        return;
    }
    producer_add_batch(producer, header);
    /* What compaction has left of a transaction was committed, whether its marker is there or not.
     */
    if (!batch_has(header, BATCH_IS_TRANSACTIONAL) || header->base_offset < producers->clean_end)
        return;
    if (producer->transaction_offset == NO_OFFSET) {
        producer->transaction_offset = header->base_offset;
        if (producers->oldest_offset == NO_OFFSET)
            producers->oldest_offset = header->base_offset;
    } else if (producer->transaction_offset < producers->decided_end &&
               header->base_offset >= producers->decided_end &&
               producer->later_offset == NO_OFFSET) {
        producer->later_offset = header->base_offset;
    }
}

void producers_begin_replay(Producers *producers, int64_t clean_end, int64_t decided_end)
{
    producers->clean_end = clean_end;
    producers->decided_end = decided_end;
}

/* One that began below the end of what is decided, and whose marker is not found: an earlier
 * version has taken the marker in a compaction, and what was aborted in the one before. So what is
 * left was committed, and what comes behind is of another transaction. */
void producers_end_replay(Producers *producers)
{
    for (int32_t i = 0; i < producers->slot_count; i++) {
        Producer *producer = &producers->slots[i];
        if (producer->id >= 0 && producer->transaction_offset < producers->decided_end)
            producer->transaction_offset = producer->later_offset;
        producer->later_offset = NO_OFFSET;
    }
    producers_forget_aborted(producers, producers->clean_end);
    producers_find_oldest(producers);
    producers->clean_end = producers->decided_end = 0;
}

int64_t producers_stable_offset(Producers *producers, int64_t high_watermark, int64_t durable_end)
{
    assert(durable_end <= high_watermark);
    int64_t stable = high_watermark;
    if (producers->oldest_offset != NO_OFFSET && producers->oldest_offset < stable)
        stable = producers->oldest_offset;
    int32_t kept = 0;
    for (int32_t i = 0; i < producers->decided_count; i++) {
        Decided decided = producers->decided[i];
        if (decided.marker_offset < durable_end)
            continue;
        producers->decided[kept++] = decided;
        if (decided.marker_offset >= high_watermark)
            stable = decided.first_offset < stable ? decided.first_offset : stable;
    }
    producers->decided_count = kept;
    return stable;
}

const AbortedTransaction *producers_next_aborted(const Producers *producers, int64_t from,
                                                 int64_t to, const AbortedTransaction *after)
{
    const AbortedTransaction *end = producers->aborted + producers->aborted_count;
    const AbortedTransaction *at = after == NULL ? producers->aborted : after + 1;
    for (; at < end; at++)
        if (at->marker_offset >= from && at->first_offset < to)
            return at;
    return NULL;
}

void producers_expire(Producers *producers, int64_t before_ms, int64_t start_offset)
{
    if (producers->slots != NULL)
        producers_resize(producers, producers->slot_count, before_ms);
    producers_forget_aborted(producers, start_offset);
}

/* ---- Snapshots ------------------------------------------------------------------------------- */

static void producer_write(const Producer *producer, Buffer *out)
{
    buffer_append_u64(out, (uint64_t)producer->id);
    buffer_append_u64(out, (uint64_t)producer->transaction_offset);
    buffer_append_u64(out, (uint64_t)producer->used_ms);
    buffer_append_u16(out, (uint16_t)producer->epoch);
    buffer_append_u16(out, (uint16_t)producer->batch_count);
    for (int32_t i = 0; i < producer->batch_count; i++) {
        const ProducerBatch *batch = &producer->batches[i];
        buffer_append_u32(out, (uint32_t)batch->first_sequence);
        buffer_append_u32(out, (uint32_t)batch->last_sequence);
        buffer_append_u64(out, (uint64_t)batch->base_offset);
        buffer_append_u64(out, (uint64_t)batch->end_offset);
        buffer_append_u64(out, (uint64_t)batch->timestamp_ms);
    }
}

void producers_write(const Producers *producers, uint32_t identity, int64_t end_offset, Buffer *out)
{
    int64_t start = out->length;
    buffer_append_u32(out, SNAPSHOT_MAGIC);
    buffer_append_u64(out, (uint64_t)end_offset);
    buffer_append_u32(out, (uint32_t)producers->count);
    for (int32_t i = 0; i < producers->slot_count; i++)
        if (producers->slots[i].id >= 0)
            producer_write(&producers->slots[i], out);
    buffer_append_u32(out, (uint32_t)producers->aborted_count);
    for (int32_t i = 0; i < producers->aborted_count; i++) {
        buffer_append_u64(out, (uint64_t)producers->aborted[i].producer_id);
        buffer_append_u64(out, (uint64_t)producers->aborted[i].first_offset);
        buffer_append_u64(out, (uint64_t)producers->aborted[i].marker_offset);
    }
    buffer_append_u32(out, crc32c(identity, out->data + start, out->length - start));
}

static bool producer_read(Producers *producers, ByteReader *reader, int64_t end_offset)
{
    Producer read = {.id = (int64_t)byte_reader_u64(reader), .later_offset = NO_OFFSET};
    read.transaction_offset = (int64_t)byte_reader_u64(reader);
    read.used_ms = (int64_t)byte_reader_u64(reader);
    read.epoch = (int16_t)byte_reader_u16(reader);
    read.batch_count = (int16_t)byte_reader_u16(reader);
    if (read.id < 0 || read.batch_count < 0 || read.batch_count > PRODUCER_BATCHES ||
        read.transaction_offset < NO_OFFSET || read.transaction_offset >= end_offset)
        return false;
    for (int32_t i = 0; i < read.batch_count; i++) {
        ProducerBatch *batch = &read.batches[i];
        batch->first_sequence = (int32_t)byte_reader_u32(reader);
        batch->last_sequence = (int32_t)byte_reader_u32(reader);
        batch->base_offset = (int64_t)byte_reader_u64(reader);
        batch->end_offset = (int64_t)byte_reader_u64(reader);
        batch->timestamp_ms = (int64_t)byte_reader_u64(reader);
    }
    *producers_get(producers, read.id) = read;
    return !reader->is_short;
}

static bool producers_read_all(Producers *producers, ByteReader *reader, int64_t end_offset)
{
    if ((int64_t)byte_reader_u64(reader) != end_offset)
        return false;
    bool is_good = true;
    for (uint32_t left = byte_reader_u32(reader); is_good && left > 0; left--)
        is_good = producer_read(producers, reader, end_offset);
    for (uint32_t left = byte_reader_u32(reader); !reader->is_short && left > 0; left--) {
        AbortedTransaction aborted = {.producer_id = (int64_t)byte_reader_u64(reader)};
        aborted.first_offset = (int64_t)byte_reader_u64(reader);
        aborted.marker_offset = (int64_t)byte_reader_u64(reader);
        is_good = is_good && aborted.first_offset >= 0 &&
                  aborted.first_offset <= aborted.marker_offset &&
                  aborted.marker_offset < end_offset;
        aborted_append(producers, aborted);
    }
    return is_good && !reader->is_short && byte_reader_left(reader) == 0;
}

/* No producer was here later than now: the clock may have gone back. */
static void producers_set_used(Producers *producers, bool is_timed, int64_t now_ms)
{
    for (int32_t i = 0; i < producers->slot_count; i++) {
        Producer *producer = &producers->slots[i];
        if (producer->id >= 0 && (!is_timed || producer->used_ms > now_ms))
            producer->used_ms = now_ms;
    }
}

bool producers_read(Producers *producers, Str snapshot, uint32_t identity, bool allows_old,
                    int64_t end_offset, int64_t now_ms)
{
    producers_reset(producers);
    if (snapshot.length < 4)
        return false;
    Str body = str_make(snapshot.data, snapshot.length - 4);
    ByteReader tail = byte_reader(str_make(snapshot.data + body.length, 4));
    ByteReader reader = byte_reader(body);
    uint32_t magic = byte_reader_u32(&reader);
    bool is_old = allows_old && magic == SNAPSHOT_OLD_MAGIC;
    bool is_timed = magic == SNAPSHOT_MAGIC;
    if ((is_old || is_timed || magic == SNAPSHOT_UNTIMED_MAGIC) &&
        byte_reader_u32(&tail) == crc32c(is_old ? 0 : identity, body.data, body.length) &&
        producers_read_all(producers, &reader, end_offset)) {
        producers_find_oldest(producers);
        producers_set_used(producers, is_timed, now_ms);
        return true;
    }
    producers_reset(producers);
    return false;
}
