/* Records of the hub's own topics, written and read. */
#include "hub/journal.h"

#include <assert.h>

enum { READ_BYTES = 1 << 20 };

struct Journal {
    World *world;
    Arena *arena;
    Partition *partition;
    Buffer batch;
    BatchWriter writer;
};

/* ---- Numbers and text ------------------------------------------------------------------------ */

void put_number(Buffer *out, int64_t number, int32_t bytes)
{
    char wide[8];
    store_be64(wide, (uint64_t)number);
    buffer_append(out, wide + 8 - bytes, bytes);
}

void put_text(Buffer *out, Str text)
{
    put_number(out, text.length, 2);
    buffer_append_str(out, text);
}

int64_t take_number(ByteReader *reader, int32_t bytes)
{
    uint64_t number = 0;
    for (int32_t i = 0; i < bytes; i++)
        number = number << 8 | byte_reader_u8(reader);
    switch (bytes) {
    case 1: return (int8_t)number;
    case 2: return (int16_t)number;
    case 4: return (int32_t)number;
    default: return (int64_t)number;
    }
}

Str take_text(ByteReader *reader)
{
    int64_t length = take_number(reader, 2);
    return length < 0 ? (Str){0} : byte_reader_take(reader, length);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static Status journal_open_topic(Journal *journal, Topics *topics, const char *name, Error *error)
{
    Topic *topic = topics_find(topics, str_from(name));
    assert(topic_is_kept(str_from(name)));
    if (topic == NULL)
        TRY(topics_create(topics, str_from(name), 1, &(List){0}, &topic, error));
    return topics_partition(topics, topic, 0, &journal->partition, error);
}

Status journal_open(World *world, Topics *topics, const char *topic, Journal **out, Error *error)
{
    Arena *arena = arena_new(0);
    Journal *journal = ARENA_NEW(arena, Journal);
    *journal = (Journal){.world = world, .arena = arena};
    Status status = journal_open_topic(journal, topics, topic, error);
    *out = status == OK ? journal : NULL;
    if (status != OK)
        arena_free(arena);
    return status;
}

void journal_free(Journal *journal)
{
    if (journal == NULL)
        return;
    buffer_free(&journal->batch);
    arena_free(journal->arena);
}

Partition *journal_partition(const Journal *journal)
{
    return journal->partition;
}

int64_t journal_end(const Journal *journal)
{
    PartitionOffsets offsets;
    partition_offsets(journal->partition, &offsets);
    return offsets.end_offset;
}

bool journal_is_durable(const Journal *journal, int64_t end_offset)
{
    PartitionOffsets offsets;
    partition_offsets(journal->partition, &offsets);
    return offsets.high_watermark >= end_offset;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool is_of_aborted(const List *aborted, const BatchHeader *header)
{
    for (int32_t i = 0; i < aborted->count; i++) {
        const AbortedTransaction *one = LIST_AT(*aborted, i, AbortedTransaction);
        if (one->producer_id == header->producer_id && one->first_offset <= header->base_offset &&
            header->base_offset < one->marker_offset)
            return true;
    }
    return false;
}

static void take_batch(Str batch, const BatchHeader *header, Buffer *scratch, JournalTake *take,
                       void *context)
{
    RecordReader reader;
    bool is_open = record_reader_open(&reader, batch, scratch);
    for (Record record; is_open && record_read(&reader, &record);)
        take(context, header, &record);
}

/* Batches that were read as one piece; `offset` comes to be behind them. */
static void take_batches(Str batches, const List *aborted, int64_t *offset, JournalTake *take,
                         void *context)
{
    Buffer scratch = {0};
    BatchHeader header;
    for (int64_t at = 0; at < batches.length; at += header.bytes) {
        bool is_header =
            batch_read_header(str_make(batches.data + at, batches.length - at), &header);
        assert(is_header);
        bool is_left_out =
            batch_has(&header, BATCH_IS_CONTROL) ||
            (batch_has(&header, BATCH_IS_TRANSACTIONAL) && is_of_aborted(aborted, &header));
        if (!is_left_out)
            take_batch(str_make(batches.data + at, header.bytes), &header, &scratch, take, context);
        *offset = batch_end_offset(&header);
    }
    buffer_free(&scratch);
}

/* Batches, and the aborted transactions that are among them. */
static Status read_some(const Journal *journal, const ReadRequest *request, Buffer *bytes,
                        Arena *arena, List *aborted, Error *error)
{
    Status status;
    int64_t version;
    do {
        version = partition_aborted_version(journal->partition);
        bytes->length = 0;
        aborted->count = 0;
        status = partition_read(journal->partition, request, bytes, error);
        partition_find_aborted(journal->partition, request->offset, INT64_MAX, arena, aborted);
    } while (partition_aborted_version(journal->partition) != version);
    return status;
}

static Status read_all(Journal *journal, ReadLevel level, int64_t *offset, JournalTake *take,
                       void *context, Error *error)
{
    PartitionOffsets bounds;
    partition_offsets(journal->partition, &bounds);
    int64_t end = level == READ_COMMITTED ? bounds.stable_offset : bounds.end_offset;
    Buffer bytes = {0};
    Status status = OK;
    if (*offset < bounds.start_offset)
        *offset = bounds.start_offset;
    while (status == OK && *offset < end) {
        Arena *arena = arena_new(0);
        List aborted = {0};
        ReadRequest request = {
            .offset = *offset, .bytes_max = READ_BYTES, .at_least_one = true, .level = level};
        status = read_some(journal, &request, &bytes, arena, &aborted, error);
        bool is_end = bytes.length == 0;
        if (!is_end)
            take_batches(buffer_str(&bytes), &aborted, offset, take, context);
        arena_free(arena);
        if (is_end)
            break;
    }
    buffer_free(&bytes);
    return status;
}

Status journal_read(Journal *journal, JournalTake *take, void *context, Error *error)
{
    int64_t offset = 0;
    return read_all(journal, READ_WRITTEN, &offset, take, context, error);
}

Status journal_follow(Journal *journal, int64_t *offset, JournalTake *take, void *context,
                      Error *error)
{
    return read_all(journal, READ_COMMITTED, offset, take, context, error);
}

/* ---- Writing --------------------------------------------------------------------------------- */

void journal_begin(Journal *journal, int64_t producer_id, int16_t producer_epoch)
{
    BatchHeader like = {.base_timestamp_ms = world_now_us(journal->world) / 1000,
                        .producer_id = producer_id,
                        .producer_epoch = producer_epoch,
                        .base_sequence = -1};
    if (producer_id >= 0) {
        like.attributes = BATCH_IS_TRANSACTIONAL;
        like.base_sequence =
            partition_next_sequence(journal->partition, producer_id, producer_epoch);
    }
    journal->batch.length = 0;
    batch_begin(&journal->writer, &journal->batch, &like);
}

void journal_add(Journal *journal, Str key, Str value)
{
    const BatchHeader *header = &journal->writer.header;
    batch_add(&journal->writer, &(Record){.offset = header->record_count,
                                          .timestamp_ms = header->base_timestamp_ms,
                                          .has_key = true,
                                          .has_value = value.length > 0,
                                          .key = key,
                                          .value = value});
}

void journal_take(Journal *journal, Buffer *out)
{
    batch_finish(&journal->writer);
    out->length = 0;
    buffer_append_str(out, buffer_str(&journal->batch));
}

Status journal_write(Journal *journal, int64_t *end_offset, Error *error)
{
    *end_offset = 0;
    if (journal->writer.header.record_count == 0)
        return OK;
    Appended appended;
    batch_finish(&journal->writer);
    TRY(partition_append(journal->partition, journal->batch.data, journal->batch.length, &appended,
                         error));
    if (appended.verdict != APPEND_DONE)
        return fail(error, ERR_LIMIT, "WR5404", "`%s` does not take a record: %s",
                    partition_name(journal->partition), appended.reason);
    *end_offset = appended.end_offset;
    return OK;
}
