/* GET: topics, and records from an offset or a time on. */
#include "base/base64.h"
#include "door/internal.h"
#include "log/segment.h"

/* ---- Topics ------------------------------------------------------------------------------ */

static void put_partitions(JsonWriter *json, Topics *topics, Topic *topic)
{
    json_key(json, "partitions");
    json_begin_array(json);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        Partition *partition;
        PartitionOffsets offsets;
        Error error = {0};
        json_begin_object(json);
        json_key(json, "partition");
        json_int(json, i);
        if (topics_partition(topics, topic, i, &partition, &error) == OK) {
            partition_offsets(partition, &offsets);
            json_key(json, "start_offset");
            json_int(json, offsets.start_offset);
            json_key(json, "end_offset");
            json_int(json, offsets.high_watermark);
            json_key(json, "bytes");
            json_int(json, offsets.bytes);
        } else {
            json_key(json, "error");
            json_text(json, error.text);
        }
        json_end_object(json);
    }
    json_end_array(json);
}

static void put_table(HttpRequest *request, JsonWriter *json, const DoorTable *table)
{
    json_key(json, "table");
    if (table == NULL) {
        json_null(json);
        return;
    }
    json_begin_object(json);
    json_key(json, "name");
    json_text(json, table->name);
    json_key(json, "format");
    json_text(json, table->record.format->info.name);
    json_key(json, "columns");
    json_begin_array(json);
    for (int32_t i = 0; i < table->record.record.count; i++) {
        json_begin_object(json);
        json_key(json, "name");
        json_str(json, table->record.record.fields[i].name);
        json_key(json, "type");
        json_text(json, type_text(request->arena, table->record.record.fields[i].type));
        json_end_object(json);
    }
    json_end_array(json);
    json_end_object(json);
}

/* Whether the key, if there is one, is good for reading the topic. */
static bool may_see(const HttpRequest *request, const Topic *topic)
{
    const Key *key = request->principal;
    return key == NULL || key_may(key, KEY_CONSUME, str_from(topic->name));
}

void door_list_topics(HttpRequest *request)
{
    Topics *topics = door_of(request)->config.topics;
    JsonWriter json = {.out = &request->body};
    json_begin_object(&json);
    json_key(&json, "schema");
    json_text(&json, "weir.v1.TopicList");
    json_key(&json, "items");
    json_begin_array(&json);
    topics_lock(topics);
    for (int32_t i = 0; i < topics_count(topics); i++) {
        const Topic *topic = topics_at(topics, i);
        if (!may_see(request, topic))
            continue;
        json_begin_object(&json);
        json_key(&json, "name");
        json_text(&json, topic->name);
        json_key(&json, "partitions");
        json_int(&json, topic->partition_count);
        json_end_object(&json);
    }
    topics_unlock(topics);
    json_end_array(&json);
    json_end_object(&json);
}

void door_describe_topic(HttpRequest *request)
{
    Door *door = door_of(request);
    Topics *topics = door->config.topics;
    DoorTopic found;
    if (!door_find_topic(request, request->segments[0], false, 1, &found))
        return;
    JsonWriter json = {.out = &request->body};
    json_begin_object(&json);
    json_key(&json, "name");
    json_text(&json, found.name);
    topics_lock(topics);
    Topic *topic = topics_find(topics, str_from(found.name));
    if (topic != NULL) {
        put_partitions(&json, topics, topic);
        json_key(&json, "config");
        json_begin_object(&json);
        for (int32_t i = 0; i < topic->configs.count; i++) {
            const ConfigEntry *entry = LIST_AT(topic->configs, i, ConfigEntry);
            json_key(&json, entry->name);
            json_text(&json, entry->value);
        }
        json_end_object(&json);
    }
    topics_unlock(topics);
    put_table(request, &json, door_table(door, found.name));
    json_end_object(&json);
}

/* ---- Records ----------------------------------------------------------------------------- */

typedef struct Get {
    HttpRequest *request;
    Partition *partition;
    int64_t next_offset, limit, count;
    JsonRecords *json_records;
    JsonWriter json;
    List aborted; /* AbortedTransaction * */
    Buffer unpacked, padded;
} Get;

/* JSON as it is, other text as text, other bytes in base64. */
static void put_value(Get *get, const char *name, bool is_there, Str value)
{
    JsonWriter *json = &get->json;
    if (!is_there) {
        json_key(json, name);
        json_null(json);
        return;
    }
    get->padded.length = 0;
    buffer_append_str(&get->padded, value);
    memset(buffer_reserve(&get->padded, HTTP_PADDING), 0, HTTP_PADDING);
    if (json_records_fault(get->json_records, buffer_str(&get->padded)) == NULL) {
        json_key(json, name);
        json_raw(json, value);
    } else if (json_records_is_utf8(value)) {
        json_key(json, arena_printf(get->request->arena, "%s_text", name));
        json_str(json, value);
    } else {
        Buffer text = {0};
        base64_encode(&text, value);
        json_key(json, arena_printf(get->request->arena, "%s_base64", name));
        json_str(json, buffer_str(&text));
        buffer_free(&text);
    }
}

static void put_record(Get *get, const Record *record)
{
    JsonWriter *json = &get->json;
    json_begin_object(json);
    json_key(json, "offset");
    json_int(json, record->offset);
    json_key(json, "timestamp");
    json_int(json, record->timestamp_ms);
    json_key(json, "key");
    if (!record->has_key)
        json_null(json);
    else
        json_str(json, record->key);
    put_value(get, "value", record->has_value, record->value);
    json_end_object(json);
    get->count++;
}

static bool is_aborted(const Get *get, const BatchHeader *header)
{
    for (int32_t i = 0; i < get->aborted.count; i++) {
        const AbortedTransaction *one = LIST_AT(get->aborted, i, AbortedTransaction);
        if (batch_has(header, BATCH_IS_TRANSACTIONAL) && one->producer_id == header->producer_id &&
            header->base_offset >= one->first_offset && header->base_offset < one->marker_offset)
            return true;
    }
    return false;
}

/* False when there are enough. */
static bool get_batch(Get *get, Str batch)
{
    RecordReader reader;
    Record record;
    BatchHeader header;
    if (!batch_read_header(batch, &header))
        return false;
    bool is_hidden = batch_has(&header, BATCH_IS_CONTROL) || is_aborted(get, &header);
    if (is_hidden || !record_reader_open(&reader, batch, &get->unpacked)) {
        get->next_offset = batch_end_offset(&header);
        return true;
    }
    while (record_read(&reader, &record)) {
        if (record.offset < get->next_offset)
            continue;
        if (get->count == get->limit)
            return false;
        put_record(get, &record);
        get->next_offset = record.offset + 1;
    }
    get->next_offset = batch_end_offset(&header);
    return get->count < get->limit;
}

/* Batches, and which of them are to be left out. */
static Status get_batches(Get *get, Buffer *bytes, Error *error)
{
    ReadRequest read = {.offset = get->next_offset,
                        .bytes_max = READ_BYTES_MAX,
                        .at_least_one = true,
                        .level = READ_COMMITTED};
    Status status;
    int64_t version;
    do {
        version = partition_aborted_version(get->partition);
        bytes->length = 0;
        get->aborted.count = 0;
        status = partition_read(get->partition, &read, bytes, error);
        PartitionOffsets offsets;
        partition_offsets(get->partition, &offsets);
        partition_find_aborted(get->partition, get->next_offset, offsets.high_watermark,
                               get->request->arena, &get->aborted);
    } while (partition_aborted_version(get->partition) != version);
    return status;
}

static Status get_read(Get *get, Error *error)
{
    Buffer bytes = {0};
    Status status = get_batches(get, &bytes, error);
    Str left = buffer_str(&bytes);
    bool wants_more = status == OK;
    while (wants_more && left.length > 0) {
        BatchHeader header;
        if (!batch_read_header(left, &header))
            break;
        wants_more = get_batch(get, str_make(left.data, header.bytes));
        left = str_make(left.data + header.bytes, left.length - header.bytes);
    }
    buffer_free(&bytes);
    return status;
}

static void get_answer(Get *get, const DoorTopic *topic, int64_t partition)
{
    HttpRequest *request = get->request;
    JsonWriter *json = &get->json;
    Error error = {0};
    json_begin_object(json);
    json_key(json, "topic");
    json_text(json, topic->name);
    json_key(json, "partition");
    json_int(json, partition);
    json_key(json, "records");
    json_begin_array(json);
    Status status = get_read(get, &error);
    json_end_array(json);
    PartitionOffsets offsets;
    partition_offsets(get->partition, &offsets);
    json_key(json, "next_offset");
    json_int(json, get->next_offset);
    json_key(json, "end_offset");
    json_int(json, offsets.high_watermark);
    json_end_object(json);
    const Key *principal = request->principal;
    if (principal != NULL)
        keys_charge(door_of(request)->config.keys, principal, get->count, request->body.length);
    if (status == ERR_NOT_FOUND && error.code[0] == '\0')
        http_problem(request, MHD_HTTP_RANGE_NOT_SATISFIABLE, "WR6040", "offset out of range",
                     arena_printf(request->arena, "the partition has the offsets %lld to %lld",
                                  (long long)offsets.start_offset,
                                  (long long)offsets.high_watermark),
                     "what was before is gone by retention");
    else if (status != OK)
        door_fail(request, &error);
}

/* Where to begin. False with a problem set. */
static bool get_find_start(Get *get)
{
    HttpRequest *request = get->request;
    int64_t time_ms;
    PartitionOffsets offsets;
    Error error = {0};
    partition_offsets(get->partition, &offsets);
    if (!http_number(request, "offset", 0, INT64_MAX, offsets.start_offset, &get->next_offset) ||
        !http_number(request, "time", 0, INT64_MAX, NO_TIMESTAMP, &time_ms) ||
        !http_number(request, "limit", 1, READ_RECORDS_MAX, READ_RECORDS_DEFAULT, &get->limit))
        return false;
    if (time_ms == NO_TIMESTAMP)
        return true;
    int64_t found_ms;
    if (partition_find_time(get->partition, time_ms, &get->next_offset, &found_ms, &error) != OK) {
        door_fail(request, &error);
        return false;
    }
    if (get->next_offset == NO_OFFSET)
        get->next_offset = offsets.high_watermark;
    return true;
}

void door_get_records(HttpRequest *request)
{
    DoorTopic topic;
    int64_t partition;
    Error error = {0};
    if (!door_find_topic(request, request->segments[0], false, 1, &topic) ||
        !http_number(request, "partition", 0, topic.partition_count - 1, 0, &partition))
        return;
    if (door_hold(request, &topic, (int32_t)partition, &error) != OK) {
        door_fail(request, &error);
        return;
    }
    Get get = {.request = request,
               .partition = topic.partitions[partition],
               .json_records = json_records_new(),
               .json = {.out = &request->body}};
    if (get_find_start(&get))
        get_answer(&get, &topic, partition);
    json_records_free(get.json_records);
    buffer_free(&get.unpacked);
    buffer_free(&get.padded);
    door_release(&topic);
}
