/* Fetch and ListOffsets. Sessions are not kept: a session id of 0 tells the client to say each time
 * all that it wants. */
#include <assert.h>

#include "kafka/access.h"
#include "log/segment.h"

enum {
    TIMESTAMP_LATEST = -1,
    TIMESTAMP_EARLIEST = -2,
    TIMESTAMP_LARGEST = -3,
    TIMESTAMP_EARLIEST_HERE = -4, /* not moved to another store: there is none */
    TIMESTAMP_LATEST_ELSEWHERE = -5,
    FETCH_BYTES_MAX = 64 * 1024 * 1024,
    FETCH_IDS_FROM = 13,
};

/* ---- Fetch ----------------------------------------------------------------------------------- */

/* What is left of the answer's size, and whether anything in it cannot wait. */
typedef struct Fetching {
    int64_t bytes_left, bytes;
    bool is_committed;
    bool has_error;
} Fetching;

static void fetch_aborted(Call *call, Partition *partition, int64_t from, Str records,
                          Message *answer)
{
    BatchHeader header = {0};
    for (int64_t at = 0; at < records.length; at += header.bytes)
        batch_read_header(str_make(records.data + at, records.length - at), &header);
    List aborted = {0};
    partition_find_aborted(partition, from, batch_end_offset(&header), call->arena, &aborted);
    message_set_empty(answer, "aborted_transactions");
    for (int32_t i = 0; i < aborted.count; i++) {
        const AbortedTransaction *one = LIST_AT(aborted, i, AbortedTransaction);
        Message *item = message_append(answer, "aborted_transactions", call->arena);
        message_set_number(item, "producer_id", one->producer_id);
        message_set_number(item, "first_offset", one->first_offset);
    }
}

static WireError fetch_partition(Call *call, const Topic *topic, const Message *asked,
                                 Fetching *fetching, Message *answer)
{
    Partition *partition;
    WireError code = broker_partition(call->broker, str_from(topic->name),
                                      message_number(asked, "partition"), &partition);
    if (code != WIRE_NONE)
        return code;
    int64_t most = message_number(asked, "partition_max_bytes");
    ReadRequest request = {
        .offset = message_number(asked, "fetch_offset"),
        .bytes_max = most < fetching->bytes_left ? most : fetching->bytes_left,
        .at_least_one = fetching->bytes == 0,
        .level = fetching->is_committed ? READ_COMMITTED : READ_ACKNOWLEDGED,
    };
    Buffer *records = &call->records[call->record_buffer_count++];
    Error error = {0};
    Status status = OK;
    if (request.bytes_max > 0)
        status = partition_read(partition, &request, records, &error);
    PartitionOffsets offsets;
    partition_offsets(partition, &offsets);
    message_set_number(answer, "high_watermark", offsets.high_watermark);
    message_set_number(answer, "last_stable_offset", offsets.stable_offset);
    message_set_number(answer, "log_start_offset", offsets.start_offset);
    if (status == ERR_NOT_FOUND && error.code[0] == '\0')
        return WIRE_OFFSET_OUT_OF_RANGE;
    if (status != OK)
        return broker_error(status, &error);
    if (fetching->is_committed)
        fetch_aborted(call, partition, request.offset, buffer_str(records), answer);
    message_set_bytes(answer, "records",
                      records->length > 0 ? buffer_str(records) : str_make("", 0));
    fetching->bytes += records->length;
    fetching->bytes_left -= records->length;
    return WIRE_NONE;
}

static void fetch_all(Call *call, Fetching *fetching)
{
    const Message *request = call->request;
    for (int32_t i = 0; i < call->record_buffer_count; i++)
        buffer_free(&call->records[i]);
    call->record_buffer_count = 0;
    call->records = ARENA_ARRAY(call->arena, Buffer, count_asked_partitions(request) + 1);
    for (int32_t i = 0; i < message_count(request, "topics"); i++) {
        const Message *topic = message_item(request, "topics", i);
        WireError missing;
        const Topic *found = call_topic(call, topic, "topic", FETCH_IDS_FROM, ACL_READ, &missing);
        Message *answers = message_append(call->response, "responses", call->arena);
        call_name_topic(call, topic, "topic", FETCH_IDS_FROM, answers);
        for (int32_t j = 0; j < message_count(topic, "partitions"); j++) {
            const Message *asked = message_item(topic, "partitions", j);
            Message *answer = message_append(answers, "partitions", call->arena);
            message_set_number(answer, "partition_index", message_number(asked, "partition"));
            message_set_number(answer, "high_watermark", NO_OFFSET);
            message_set_number(answer, "last_stable_offset", NO_OFFSET);
            message_set_number(answer, "log_start_offset", NO_OFFSET);
            message_set_number(answer, "preferred_read_replica", -1);
            message_set_bytes(answer, "records", str_make("", 0));
            WireError code =
                found != NULL ? fetch_partition(call, found, asked, fetching, answer) : missing;
            message_set_number(answer, "error_code", code);
            fetching->has_error |= code != WIRE_NONE;
        }
    }
}

static const Schema *response_schema(const Call *call)
{
    for (int32_t i = 0; i < api_count(); i++)
        if (api_at(i) == call->api)
            return call->broker->schemas[i].response;
    assert(!"the call is of the table");
    return NULL;
}

CallState handle_fetch(Call *call)
{
    const Message *request = call->request;
    if (!call->has_begun)
        call->deadline_us = world_monotonic_us(call->broker->world) +
                            message_number(request, "max_wait_ms") * INT64_C(1000);
    int64_t most = message_number(request, "max_bytes");
    Fetching fetching = {.bytes_left = most < FETCH_BYTES_MAX ? most : FETCH_BYTES_MAX,
                         .is_committed = message_number(request, "isolation_level") == 1};
    call->response = message_new(call->arena, response_schema(call));
    fetch_all(call, &fetching);
    call->fetched_bytes = fetching.bytes;
    bool is_enough = fetching.has_error || fetching.bytes >= message_number(request, "min_bytes") ||
                     message_number(request, "max_wait_ms") <= 0 || call->record_buffer_count == 0;
    return is_enough || call->is_late ? CALL_DONE : CALL_WAITS;
}

/* ---- ListOffsets ----------------------------------------------------------------------------- */

/* The first record that is not earlier, below the high watermark. */
static WireError find_time(Partition *partition, int64_t timestamp_ms, int64_t high_watermark,
                           int64_t *offset, int64_t *found_ms)
{
    Error error = {0};
    Status status = partition_find_time(partition, timestamp_ms, offset, found_ms, &error);
    if (status != OK)
        return broker_error(status, &error);
    if (*offset >= high_watermark) {
        *offset = NO_OFFSET;
        *found_ms = NO_TIMESTAMP;
    }
    return WIRE_NONE;
}

static WireError list_offset(Call *call, Str topic, const Message *asked, Message *answer)
{
    Partition *partition;
    WireError code = call_partition(call, ACL_DESCRIBE, topic,
                                    message_number(asked, "partition_index"), &partition);
    if (code != WIRE_NONE)
        return code;
    bool is_committed = message_number(call->request, "isolation_level") == 1;
    int64_t timestamp = message_number(asked, "timestamp");
    int64_t offset = NO_OFFSET, found_ms = NO_TIMESTAMP;
    PartitionOffsets offsets;
    partition_offsets(partition, &offsets);
    switch (timestamp) {
    case TIMESTAMP_EARLIEST:
    case TIMESTAMP_EARLIEST_HERE: offset = offsets.start_offset; break;
    case TIMESTAMP_LATEST:
        offset = is_committed ? offsets.stable_offset : offsets.high_watermark;
        break;
    case TIMESTAMP_LATEST_ELSEWHERE: break;
    case TIMESTAMP_LARGEST: timestamp = offsets.max_timestamp_ms; [[fallthrough]];
    default: code = find_time(partition, timestamp, offsets.high_watermark, &offset, &found_ms);
    }
    message_set_number(answer, "offset", offset);
    message_set_number(answer, "timestamp", found_ms);
    return code;
}

CallState handle_list_offsets(Call *call)
{
    for (int32_t i = 0; i < message_count(call->request, "topics"); i++) {
        const Message *topic = message_item(call->request, "topics", i);
        Message *answers = message_append(call->response, "topics", call->arena);
        message_set_bytes(answers, "name", message_bytes(topic, "name"));
        for (int32_t j = 0; j < message_count(topic, "partitions"); j++) {
            const Message *asked = message_item(topic, "partitions", j);
            Message *answer = message_append(answers, "partitions", call->arena);
            message_set_number(answer, "partition_index", message_number(asked, "partition_index"));
            message_set_number(answer, "offset", NO_OFFSET);
            message_set_number(answer, "timestamp", NO_TIMESTAMP);
            message_set_number(answer, "leader_epoch", -1);
            message_set_number(answer, "error_code",
                               list_offset(call, message_bytes(topic, "name"), asked, answer));
        }
    }
    return CALL_DONE;
}

/* ---- OffsetForLeaderEpoch -------------------------------------------------------------------- */

/* There has been one leader ever: what a client has read of it is still so. */
CallState handle_leader_epoch(Call *call)
{
    for (int32_t i = 0; i < message_count(call->request, "topics"); i++) {
        const Message *topic = message_item(call->request, "topics", i);
        Str name = message_bytes(topic, "topic");
        Message *answers = message_append(call->response, "topics", call->arena);
        message_set_bytes(answers, "topic", name);
        for (int32_t j = 0; j < message_count(topic, "partitions"); j++) {
            const Message *asked = message_item(topic, "partitions", j);
            Message *answer = message_append(answers, "partitions", call->arena);
            Partition *partition;
            PartitionOffsets offsets = {.high_watermark = NO_OFFSET};
            WireError code = call_partition(call, ACL_DESCRIBE, name,
                                            message_number(asked, "partition"), &partition);
            if (code == WIRE_NONE)
                partition_offsets(partition, &offsets);
            message_set_number(answer, "error_code", code);
            message_set_number(answer, "partition", message_number(asked, "partition"));
            message_set_number(answer, "leader_epoch", message_number(asked, "leader_epoch"));
            message_set_number(answer, "end_offset", offsets.high_watermark);
        }
    }
    return CALL_DONE;
}
