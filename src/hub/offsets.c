/* Commits as records, and the newest of each in memory. */
#include "hub/offsets.h"

#include <assert.h>

#include "base/bigendian.h"
#include "base/map.h"
#include "base/memory.h"
#include "log/record.h"
#include "log/segment.h"

enum { KEY_VERSION = 1, VALUE_VERSION = 3, READ_BYTES = 1 << 20 };

struct Offsets {
    World *world;
    Arena *arena;
    Partition *partition;
    Map *entries; /* key of the record -> CommittedOffset */
};

/* ---- Keys and values ------------------------------------------------------------------------- */

static void put_number(Buffer *out, int64_t number, int32_t bytes)
{
    char wide[8];
    store_be64(wide, (uint64_t)number);
    buffer_append(out, wide + 8 - bytes, bytes);
}

static void put_text(Buffer *out, Str text)
{
    put_number(out, text.length, 2);
    buffer_append_str(out, text);
}

static void key_write(Buffer *out, Str group, Str topic, int32_t partition)
{
    out->length = 0;
    put_number(out, KEY_VERSION, 2);
    put_text(out, group);
    put_text(out, topic);
    put_number(out, partition, 4);
}

static void value_write_offset(Buffer *out, const CommittedOffset *committed)
{
    out->length = 0;
    put_number(out, VALUE_VERSION, 2);
    put_number(out, committed->offset, 8);
    put_number(out, committed->leader_epoch, 4);
    put_text(out, committed->metadata);
    put_number(out, committed->committed_ms, 8);
}

static int64_t take_number(ByteReader *reader, int32_t bytes)
{
    uint64_t number = 0;
    for (int32_t i = 0; i < bytes; i++)
        number = number << 8 | byte_reader_u8(reader);
    return bytes == 4 ? (int32_t)number : bytes == 2 ? (int16_t)number : (int64_t)number;
}

static Str take_text(ByteReader *reader)
{
    int64_t length = take_number(reader, 2);
    return length < 0 ? (Str){0} : byte_reader_take(reader, length);
}

static void remember(Offsets *offsets, Str key, const CommittedOffset *committed)
{
    CommittedOffset *entry = map_find(offsets->entries, key);
    if (entry == NULL) {
        entry = ARENA_NEW(offsets->arena, CommittedOffset);
        entry->group = str_copy(offsets->arena, committed->group);
        entry->topic = str_copy(offsets->arena, committed->topic);
        map_put(offsets->entries, key, entry);
    }
    CommittedOffset before = *entry;
    *entry = *committed;
    entry->group = before.group;
    entry->topic = before.topic;
    /* Most say the same again and again. */
    entry->metadata = str_equal(before.metadata, committed->metadata)
                          ? before.metadata
                          : str_copy(offsets->arena, committed->metadata);
}

/* A record of another version is not ours: it is left out. */
static void take_record(Offsets *offsets, const Record *record)
{
    ByteReader key = byte_reader(record->key), value = byte_reader(record->value);
    CommittedOffset committed = {0};
    if (take_number(&key, 2) != KEY_VERSION)
        return;
    committed.group = take_text(&key);
    committed.topic = take_text(&key);
    committed.partition = (int32_t)take_number(&key, 4);
    if (!record->has_value) {
        map_remove(offsets->entries, record->key);
        return;
    }
    if (take_number(&value, 2) != VALUE_VERSION)
        return;
    committed.offset = take_number(&value, 8);
    committed.leader_epoch = (int32_t)take_number(&value, 4);
    committed.metadata = take_text(&value);
    committed.committed_ms = take_number(&value, 8);
    if (!key.is_short && !value.is_short)
        remember(offsets, record->key, &committed);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void take_batches(Offsets *offsets, Str batches, int64_t *offset)
{
    Buffer scratch = {0};
    BatchHeader header;
    for (int64_t at = 0; at < batches.length; at += header.bytes) {
        bool is_header =
            batch_read_header(str_make(batches.data + at, batches.length - at), &header);
        assert(is_header);
        RecordReader reader;
        bool is_open =
            record_reader_open(&reader, str_make(batches.data + at, header.bytes), &scratch);
        for (Record record; is_open && record_read(&reader, &record);)
            take_record(offsets, &record);
        *offset = batch_end_offset(&header);
    }
    buffer_free(&scratch);
}

static Status read_all(Offsets *offsets, Error *error)
{
    PartitionOffsets bounds;
    partition_offsets(offsets->partition, &bounds);
    Buffer bytes = {0};
    Status status = OK;
    for (int64_t offset = bounds.start_offset; status == OK && offset < bounds.end_offset;) {
        bytes.length = 0;
        status = partition_read(offsets->partition,
                                &(ReadRequest){.offset = offset,
                                               .bytes_max = READ_BYTES,
                                               .at_least_one = true,
                                               .level = READ_WRITTEN},
                                &bytes, error);
        if (bytes.length == 0)
            break;
        take_batches(offsets, buffer_str(&bytes), &offset);
    }
    buffer_free(&bytes);
    return status;
}

static Status open_topic(Offsets *offsets, Topics *topics, Error *error)
{
    Topic *topic = topics_find(topics, STR(OFFSETS_TOPIC));
    if (topic == NULL) {
        ConfigEntry compact = {"cleanup.policy", "compact"};
        ConfigEntry segment = {"segment.bytes", "16777216"};
        List configs = {0};
        list_append(&configs, offsets->arena, &compact);
        list_append(&configs, offsets->arena, &segment);
        TRY(topics_create(topics, STR(OFFSETS_TOPIC), 1, &configs, &topic, error));
    }
    return topics_partition(topics, topic, 0, &offsets->partition, error);
}

Status offsets_open(World *world, Topics *topics, Offsets **out, Error *error)
{
    Arena *arena = arena_new(0);
    Offsets *offsets = ARENA_NEW(arena, Offsets);
    *offsets = (Offsets){.world = world, .arena = arena, .entries = map_new(arena)};
    Status status = open_topic(offsets, topics, error);
    if (status == OK)
        status = read_all(offsets, error);
    *out = status == OK ? offsets : NULL;
    if (status != OK)
        arena_free(arena);
    return status;
}

void offsets_free(Offsets *offsets)
{
    if (offsets != NULL)
        arena_free(offsets->arena);
}

/* ---- Commits --------------------------------------------------------------------------------- */

static void commit_begin(const Offsets *offsets, BatchWriter *writer, Buffer *batch)
{
    BatchHeader like = {.base_timestamp_ms = world_now_us(offsets->world) / 1000,
                        .producer_id = -1,
                        .producer_epoch = -1,
                        .base_sequence = -1};
    batch_begin(writer, batch, &like);
}

/* An empty value takes back what was committed. */
static void commit_add(BatchWriter *writer, Str key, Str value)
{
    batch_add(writer, &(Record){.offset = writer->header.record_count,
                                .timestamp_ms = writer->header.base_timestamp_ms,
                                .has_key = true,
                                .has_value = value.length > 0,
                                .key = key,
                                .value = value});
}

static Status commit_write(Offsets *offsets, BatchWriter *writer, int64_t *end_offset, Error *error)
{
    Appended appended;
    batch_finish(writer);
    TRY(partition_append(offsets->partition, writer->out->data, writer->out->length, &appended,
                         error));
    if (appended.verdict != APPEND_DONE)
        return fail(error, ERR_LIMIT, "WR5404", "offsets cannot be committed: %s", appended.reason);
    *end_offset = appended.end_offset;
    return OK;
}

Status offsets_commit(Offsets *offsets, const CommittedOffset *committed, int32_t count,
                      Partition **partition, int64_t *end_offset, Error *error)
{
    assert(count > 0);
    Buffer batch = {0}, key = {0}, value = {0};
    BatchWriter writer;
    commit_begin(offsets, &writer, &batch);
    for (int32_t i = 0; i < count; i++) {
        key_write(&key, committed[i].group, committed[i].topic, committed[i].partition);
        value_write_offset(&value, &committed[i]);
        commit_add(&writer, buffer_str(&key), buffer_str(&value));
    }
    Status status = commit_write(offsets, &writer, end_offset, error);
    for (int32_t i = 0; status == OK && i < count; i++) {
        key_write(&key, committed[i].group, committed[i].topic, committed[i].partition);
        remember(offsets, buffer_str(&key), &committed[i]);
    }
    *partition = offsets->partition;
    buffer_free(&batch);
    buffer_free(&key);
    buffer_free(&value);
    return status;
}

Status offsets_forget_topic(Offsets *offsets, Str topic, Error *error)
{
    Buffer batch = {0};
    BatchWriter writer;
    commit_begin(offsets, &writer, &batch);
    for (int32_t i = offsets_count(offsets) - 1; i >= 0; i--) {
        if (!str_equal(offsets_at(offsets, i)->topic, topic))
            continue;
        Str key = str_copy(offsets->arena, map_key_at(offsets->entries, i));
        commit_add(&writer, key, (Str){0});
        map_remove(offsets->entries, key);
    }
    int64_t end_offset;
    Status status =
        writer.header.record_count > 0 ? commit_write(offsets, &writer, &end_offset, error) : OK;
    buffer_free(&batch);
    return status;
}

const CommittedOffset *offsets_find(const Offsets *offsets, Str group, Str topic, int32_t partition)
{
    Buffer key = {0};
    key_write(&key, group, topic, partition);
    const CommittedOffset *found = map_find(offsets->entries, buffer_str(&key));
    buffer_free(&key);
    return found;
}

int32_t offsets_count(const Offsets *offsets)
{
    return map_count(offsets->entries);
}

const CommittedOffset *offsets_at(const Offsets *offsets, int32_t index)
{
    return map_value_at(offsets->entries, index);
}
