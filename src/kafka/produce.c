/* Produce: batches are given to the appender; the answer waits until they are durable. */
#include <assert.h>

#include "kafka/access.h"
#include "log/segment.h"

enum { PRODUCE_IDS_FROM = 13, PRODUCE_JOINS_FROM = 12 };

static WireError verdict_error(AppendVerdict verdict)
{
    switch (verdict) {
    case APPEND_DONE:
    case APPEND_REPEATED: return WIRE_NONE;
    case APPEND_DAMAGED: return WIRE_CORRUPT_MESSAGE;
    case APPEND_INVALID: return WIRE_INVALID_RECORD;
    case APPEND_TOO_LARGE: return WIRE_MESSAGE_TOO_LARGE;
    case APPEND_WRONG_TIME: return WIRE_INVALID_TIMESTAMP;
    case APPEND_FENCED: return WIRE_INVALID_PRODUCER_EPOCH;
    case APPEND_OUT_OF_ORDER: return WIRE_OUT_OF_ORDER_SEQUENCE;
    case APPEND_IN_TRANSACTION: return WIRE_INVALID_TXN_STATE;
    }
    return WIRE_UNKNOWN;
}

static bool is_transactional(Str records)
{
    BatchHeader header;
    return batch_read_header(records, &header) && batch_has(&header, BATCH_IS_TRANSACTIONAL);
}

static void produce_collect(Call *call, const Topic *topic, Partition *partition,
                            const Message *asked, Message *answer)
{
    CallAppend *append = &call->appends[call->append_count++];
    Str records = message_bytes(asked, "records");
    partition_hold(partition);
    /* The bytes are the call's own. */
    append->append =
        (Append){.partition = partition, .batch = (char *)records.data, .bytes = records.length};
    append->to = (TransactionPartition){.topic = str_from(topic->name),
                                        .index = (int32_t)message_number(asked, "index")};
    append->is_transactional = is_transactional(records);
    append->answer = answer;
}

static WireError produce_batch(Call *call, const Topic *found, const Message *asked,
                               Message *answer)
{
    Partition *partition;
    Str topic = str_from(found->name);
    WireError code =
        broker_partition(call->broker, topic, message_number(asked, "index"), &partition);
    Str records = message_bytes(asked, "records");
    if (code != WIRE_NONE)
        return code;
    if (topic_is_internal(topic))
        return WIRE_INVALID_TOPIC;
    if (records.length == 0)
        return WIRE_CORRUPT_MESSAGE;
    produce_collect(call, found, partition, asked, answer);
    return WIRE_NONE;
}

/* ---- On their way ---------------------------------------------------------------------------- */

/* The partitions of the batches that belong to a transaction become part of it; the producer is
 * that of the first one, and each batch is judged by its own later. */
static WireError produce_join(Call *call, bool *waits)
{
    TransactionPartition *partitions =
        ARENA_ARRAY(call->arena, TransactionPartition, call->append_count + 1);
    TransactionProducer asks = {.id = message_bytes(call->request, "transactional_id")};
    int32_t count = 0;
    for (int32_t i = 0; i < call->append_count; i++) {
        const CallAppend *append = &call->appends[i];
        BatchHeader header;
        if (!append->is_transactional)
            continue;
        bool is_header =
            batch_read_header(str_make(append->append.batch, append->append.bytes), &header);
        assert(is_header);
        if (count == 0) {
            asks.producer_id = header.producer_id;
            asks.epoch = header.producer_epoch;
        }
        partitions[count++] = append->to;
    }
    return count > 0 ? join_transaction(call, &asks, partitions, count, waits) : WIRE_NONE;
}

static bool has_transaction(const Call *call)
{
    for (int32_t i = 0; i < call->append_count; i++)
        if (call->appends[i].is_transactional)
            return true;
    return false;
}

/* What was judged of a transaction holds when its batch is written: the markers that end it go the
 * same way, behind it. */
static void produce_append(Call *call, CallAppend *append)
{
    if (call->broker->config.appender != NULL)
        call_submit(call, &append->append);
    else
        append_run(&append->append);
}

/* All batches that are without fault are given on. False: the transaction does not take them yet,
 * or others of the connection that were sent before wait for theirs. */
static bool produce_submit(Call *call)
{
    bool waits = false;
    WireError refused = WIRE_NONE;
    if (has_transaction(call)) {
        waits = call->is_held;
        if (!waits && call->version.number >= PRODUCE_JOINS_FROM)
            refused = produce_join(call, &waits);
    }
    if (waits && !call->is_late)
        return false;
    for (int32_t i = 0; i < call->append_count; i++) {
        CallAppend *append = &call->appends[i];
        WireError code = waits                      ? WIRE_REQUEST_TIMED_OUT
                         : append->is_transactional ? refused
                                                    : WIRE_NONE;
        if (code == WIRE_NONE && append->is_transactional)
            code = judge_transaction(call, append->to.topic, append->to.index,
                                     str_make(append->append.batch, append->append.bytes));
        message_set_number(append->answer, "error_code", code);
        append->is_settled = code != WIRE_NONE;
        if (code == WIRE_NONE)
            produce_append(call, append);
    }
    return true;
}

static WireError settle_append(Call *call, const CallAppend *append)
{
    const Append *done = &append->append;
    Message *answer = append->answer;
    if (done->status != OK)
        return broker_error(done->status, &done->error);
    WireError code = verdict_error(done->appended.verdict);
    if (code != WIRE_NONE) {
        message_set_text(answer, "error_message", done->appended.reason);
        return code;
    }
    PartitionOffsets offsets;
    partition_offsets(done->partition, &offsets);
    message_set_number(answer, "base_offset", done->appended.base_offset);
    message_set_number(answer, "log_append_time_ms", done->appended.append_time_ms);
    message_set_number(answer, "log_start_offset", offsets.start_offset);
    call->record_count += done->appended.end_offset - done->appended.base_offset;
    call_promise(call, done->partition, done->appended.end_offset, answer);
    return WIRE_NONE;
}

/* Whether all batches have been appended, or are waited for no longer. */
static bool produce_settle(Call *call)
{
    bool is_all = true;
    for (int32_t i = 0; i < call->append_count; i++) {
        CallAppend *append = &call->appends[i];
        bool is_done = append->append.is_done;
        if (append->is_settled)
            continue;
        append->is_settled = is_done || call->is_late;
        is_all = is_all && append->is_settled;
        if (append->is_settled)
            message_set_number(append->answer, "error_code",
                               is_done ? settle_append(call, append) : WIRE_REQUEST_TIMED_OUT);
    }
    return is_all;
}

static void produce_all(Call *call)
{
    const Message *request = call->request;
    int64_t acks = message_number(request, "acks");
    bool has_wrong_acks = acks < -1 || acks > 1;
    WireError refused = WIRE_NONE;
    if (!message_is_null(request, "transactional_id"))
        refused = call_check(call, ACL_WRITE, ACL_TRANSACTION,
                             message_bytes(request, "transactional_id"));
    call->deadline_us = world_monotonic_us(call->broker->world) +
                        message_number(request, "timeout_ms") * INT64_C(1000);
    call->appends = ARENA_ARRAY(call->arena, CallAppend, count_asked_partitions(request) + 1);
    for (int32_t i = 0; i < message_count(request, "topics"); i++) {
        const Message *topic = message_item(request, "topics", i);
        Message *answers = message_append(call->response, "topics", call->arena);
        WireError missing;
        const Topic *found = call_topic(call, topic, "name", PRODUCE_IDS_FROM, ACL_WRITE, &missing);
        call_name_topic(call, topic, "name", PRODUCE_IDS_FROM, answers);
        for (int32_t j = 0; j < message_count(topic, "partitions"); j++) {
            const Message *asked = message_item(topic, "partitions", j);
            Message *answer = message_append(answers, "partitions", call->arena);
            message_set_number(answer, "index", message_number(asked, "index"));
            message_set_number(answer, "base_offset", NO_OFFSET);
            message_set_number(answer, "log_append_time_ms", NO_TIMESTAMP);
            message_set_number(answer, "log_start_offset", NO_OFFSET);
            WireError code = refused != WIRE_NONE ? refused
                             : has_wrong_acks     ? WIRE_INVALID_REQUIRED_ACKS
                             : found == NULL      ? missing
                                                  : produce_batch(call, found, asked, answer);
            message_set_number(answer, "error_code", code);
        }
    }
}

bool call_is_to_write(const Call *call)
{
    return call->api->key == PRODUCE_KEY && !call->is_submitted;
}

CallState handle_produce(Call *call)
{
    if (!call->has_begun)
        produce_all(call);
    if (!call->is_submitted)
        call->is_submitted = produce_submit(call);
    if (!call->is_submitted)
        return CALL_WAITS;
    if (message_number(call->request, "acks") == 0)
        return CALL_SILENT;
    if (!produce_settle(call))
        return CALL_WAITS;
    return call_promises_are_kept(call, WIRE_REQUEST_TIMED_OUT) ? CALL_DONE : CALL_WAITS;
}
