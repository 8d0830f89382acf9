/* Requests of producers with a transactional id. */
#include <assert.h>

#include "kafka/access.h"
#include "log/segment.h"

enum { PRODUCE_ABORTABLE_FROM = 11, OFFSETS_JOIN_FROM = 5, END_RENEWS_FROM = 5 };

static const TransactionPartition offsets_partition_zero = {
    .topic = {.data = OFFSETS_TOPIC, .length = sizeof OFFSETS_TOPIC - 1}};

/* ---- Who asks, and what to answer ------------------------------------------------------------ */

static TransactionProducer read_producer(const Call *call)
{
    const Message *request = call->request;
    return (TransactionProducer){.id = message_bytes(request, "transactional_id"),
                                 .producer_id = message_number(request, "producer_id"),
                                 .epoch = (int16_t)message_number(request, "producer_epoch")};
}

/* Clients know that they are fenced from this version on. */
static WireError verdict_error(const Call *call, TransactionVerdict verdict, int32_t fenced_from)
{
    switch (verdict) {
    case TRANSACTION_GOOD: return WIRE_NONE;
    case TRANSACTION_UNKNOWN: return WIRE_INVALID_PRODUCER_ID_MAPPING;
    case TRANSACTION_FENCED:
        return call->version.number >= fenced_from ? WIRE_PRODUCER_FENCED
                                                   : WIRE_INVALID_PRODUCER_EPOCH;
    case TRANSACTION_BUSY: return WIRE_CONCURRENT_TRANSACTIONS;
    case TRANSACTION_WRONG_STATE:
    case TRANSACTION_PENDING: break;
    }
    /* Clients know that they can abort and go on. */
    bool is_abortable =
        call->api->key == PRODUCE_KEY && call->version.number >= PRODUCE_ABORTABLE_FROM;
    return is_abortable ? WIRE_TRANSACTION_ABORTABLE : WIRE_INVALID_TXN_STATE;
}

/* Clients ask again. */
static WireError unavailable(Status status, const Error *error)
{
    WireError code = broker_error(status, error);
    (void)code;
    return WIRE_COORDINATOR_NOT_AVAILABLE;
}

static void set_deadline(Call *call, int64_t wait_us)
{
    if (call->deadline_us == 0)
        call->deadline_us = world_monotonic_us(call->broker->world) + wait_us;
}

/* What was just written of the transaction has to be durable before the answer. */
static void promise_transaction(Call *call, const Transaction *transaction)
{
    set_deadline(call, COMMIT_TIMEOUT_US);
    call_promise(call, transactions_partition(call->broker->transactions), transaction->written_end,
                 call->response);
}

static CallState answer(Call *call, WireError code)
{
    message_set_number(call->response, "error_code", code);
    return CALL_DONE;
}

static CallState wait_for_promises(Call *call, WireError late)
{
    return call_promises_are_kept(call, late) ? CALL_DONE : CALL_WAITS;
}

/* ---- InitProducerId -------------------------------------------------------------------------- */

static CallState refuse_producer(Call *call, WireError code)
{
    message_set_number(call->response, "producer_id", -1);
    message_set_number(call->response, "producer_epoch", -1);
    return answer(call, code);
}

static TransactionProducer read_new_producer(const Call *call)
{
    TransactionProducer asks = read_producer(call);
    if (call->version.number < 3)
        asks.producer_id = asks.epoch = -1;
    return asks;
}

/* It is kept as terminated text. */
static bool id_is_valid(Str id)
{
    return id.length > 0 && memchr(id.data, '\0', (size_t)id.length) == NULL;
}

CallState init_transactional(Call *call)
{
    if (call->promise_count > 0)
        return wait_for_promises(call, WIRE_COORDINATOR_NOT_AVAILABLE);
    TransactionProducer asks = read_new_producer(call);
    int64_t timeout_ms = message_number(call->request, "transaction_timeout_ms");
    WireError refused = call_check(call, ACL_WRITE, ACL_TRANSACTION, asks.id);
    if (refused != WIRE_NONE || !id_is_valid(asks.id))
        return refuse_producer(call, refused != WIRE_NONE ? refused : WIRE_INVALID_REQUEST);
    if (timeout_ms <= 0 || timeout_ms > TRANSACTION_TIMEOUT_MS_MAX)
        return refuse_producer(call, WIRE_INVALID_TRANSACTION_TIMEOUT);
    Error error = {0};
    TransactionAnswer found = {0};
    Status status = broker_transactions(call->broker, &error);
    if (status == OK)
        status = transactions_init(call->broker->transactions, &asks, (int32_t)timeout_ms, &found,
                                   &error);
    if (status != OK)
        return refuse_producer(call, unavailable(status, &error));
    if (found.verdict == TRANSACTION_BUSY && !call->is_late) {
        set_deadline(call, TRANSACTION_WAIT_US);
        return CALL_WAITS;
    }
    if (found.verdict != TRANSACTION_GOOD)
        return refuse_producer(call, verdict_error(call, found.verdict, 4));
    message_set_number(call->response, "producer_id", found.transaction->producer_id);
    message_set_number(call->response, "producer_epoch", found.transaction->epoch);
    call->deadline_us = 0;
    promise_transaction(call, found.transaction);
    return wait_for_promises(call, WIRE_COORDINATOR_NOT_AVAILABLE);
}

/* ---- AddPartitionsToTxn, AddOffsetsToTxn ----------------------------------------------------- */

/* The partitions that are asked for, each with its answer, which is `refused` if that is not none;
 * whether there are all of them. */
static bool collect_partitions(Call *call, TransactionPartition *partitions, WireError refused,
                               int32_t *count)
{
    bool are_there = true;
    for (int32_t i = 0; i < message_count(call->request, "topics"); i++) {
        const Message *asked = message_item(call->request, "topics", i);
        Str name = message_bytes(asked, "name");
        const Topic *topic = topics_find(call->broker->topics, name);
        Message *answers = message_append(call->response, "topics", call->arena);
        message_set_bytes(answers, "name", name);
        for (int32_t j = 0; j < message_count(asked, "partitions"); j++) {
            int64_t index = message_number(message_item(asked, "partitions", j), "");
            bool is_there = topic != NULL && index >= 0 && index < topic->partition_count &&
                            !topic_is_internal(name);
            WireError code = refused;
            if (code == WIRE_NONE)
                code = call_check(call, ACL_WRITE, ACL_TOPIC, name);
            if (code == WIRE_NONE && !is_there)
                code = WIRE_UNKNOWN_TOPIC_OR_PARTITION;
            Message *item = message_append(answers, "partitions", call->arena);
            message_set_number(item, "partition_index", index);
            message_set_number(item, "error_code", code);
            partitions[(*count)++] = (TransactionPartition){.topic = name, .index = (int32_t)index};
            are_there &= code == WIRE_NONE;
        }
    }
    return are_there;
}

WireError join_transaction(Call *call, const TransactionProducer *asks,
                           const TransactionPartition *partitions, int32_t count, bool *waits)
{
    Error error = {0};
    TransactionAnswer found = {0};
    Status status = broker_transactions(call->broker, &error);
    if (status == OK)
        status =
            transactions_add(call->broker->transactions, asks, partitions, count, &found, &error);
    if (status != OK)
        return unavailable(status, &error);
    *waits = found.verdict == TRANSACTION_BUSY;
    for (int32_t i = 0; found.verdict == TRANSACTION_GOOD && i < count; i++)
        *waits |= transactions_judge(call->broker->transactions, asks, partitions[i].topic,
                                     partitions[i].index) == TRANSACTION_PENDING;
    return verdict_error(call, found.verdict, INT32_MAX);
}

/* Of the transaction itself: what the request asks, or why not. */
static WireError add(Call *call, const TransactionPartition *partitions, int32_t count)
{
    Error error = {0};
    TransactionProducer asks = read_producer(call);
    TransactionAnswer found = {0};
    Status status = broker_transactions(call->broker, &error);
    if (status == OK)
        status =
            transactions_add(call->broker->transactions, &asks, partitions, count, &found, &error);
    if (status != OK)
        return unavailable(status, &error);
    if (found.verdict == TRANSACTION_GOOD) {
        set_deadline(call, COMMIT_TIMEOUT_US);
        bool has_one_code = call->api->key == ADD_OFFSETS_KEY;
        call_promise(call, transactions_partition(call->broker->transactions),
                     found.transaction->written_end, has_one_code ? call->response : NULL);
    }
    return verdict_error(call, found.verdict, 2);
}

static WireError check_transaction(Call *call)
{
    return call_check(call, ACL_WRITE, ACL_TRANSACTION,
                      message_bytes(call->request, "transactional_id"));
}

static void add_begin(Call *call)
{
    TransactionPartition *partitions =
        ARENA_ARRAY(call->arena, TransactionPartition, count_asked_partitions(call->request) + 1);
    int32_t count = 0;
    WireError code = check_transaction(call);
    if (!collect_partitions(call, partitions, code, &count) && code == WIRE_NONE)
        code = WIRE_OPERATION_NOT_ATTEMPTED;
    if (code == WIRE_NONE)
        code = add(call, partitions, count);
    if (code != WIRE_NONE)
        call_refuse_all(call, code);
}

CallState handle_add_partitions(Call *call)
{
    if (!call->has_begun)
        add_begin(call);
    return wait_for_promises(call, WIRE_COORDINATOR_NOT_AVAILABLE);
}

CallState handle_add_offsets(Call *call)
{
    if (!call->has_begun) {
        WireError code = check_transaction(call);
        if (code == WIRE_NONE)
            code = call_check(call, ACL_READ, ACL_GROUP, message_bytes(call->request, "group_id"));
        if (code == WIRE_NONE)
            code = add(call, &offsets_partition_zero, 1);
        message_set_number(call->response, "error_code", code);
    }
    return wait_for_promises(call, WIRE_COORDINATOR_NOT_AVAILABLE);
}

/* ---- TxnOffsetCommit ------------------------------------------------------------------------- */

/* A consumer that names itself has to be one of the group's present generation. */
static WireError judge_member(Call *call)
{
    bool is_named =
        call->version.number >= 3 && (message_number(call->request, "generation_id") >= 0 ||
                                      message_bytes(call->request, "member_id").length > 0 ||
                                      message_bytes(call->request, "group_instance_id").length > 0);
    Str name = message_bytes(call->request, "group_id");
    if (!is_named || group_is_free_for(call, groups_find(call->broker->groups, name)))
        return WIRE_NONE;
    Group *group;
    Member *member;
    return find_member(call, &group, &member);
}

/* Whether it may, and the transaction takes it. `*waits`: that is not known yet. */
static WireError judge_commit(Call *call, const TransactionProducer *asks, bool *waits)
{
    Error error = {0};
    WireError refusal = check_transaction(call);
    if (refusal == WIRE_NONE)
        refusal = call_check(call, ACL_READ, ACL_GROUP, message_bytes(call->request, "group_id"));
    if (refusal == WIRE_NONE)
        refusal = judge_member(call);
    if (refusal == WIRE_NONE && call->version.number >= OFFSETS_JOIN_FROM)
        refusal = join_transaction(call, asks, &offsets_partition_zero, 1, waits);
    if (refusal != WIRE_NONE || *waits)
        return refusal;
    Status status = broker_transactions(call->broker, &error);
    if (status != OK)
        return unavailable(status, &error);
    TransactionVerdict verdict =
        transactions_judge(call->broker->transactions, asks, STR(OFFSETS_TOPIC), 0);
    return verdict_error(call, verdict, INT32_MAX);
}

/* False: it has to wait. */
static bool commit_begin(Call *call)
{
    TransactionProducer asks = read_producer(call);
    bool waits = false;
    WireError refusal = judge_commit(call, &asks, &waits);
    set_deadline(call, COMMIT_TIMEOUT_US);
    if (waits && !call->is_late)
        return false;
    if (waits)
        refusal = WIRE_CONCURRENT_TRANSACTIONS;
    CommittedOffset *commits;
    int32_t count = collect_commits(call, refusal, &commits);
    if (count > 0)
        submit_commits(call, (CommitProducer){asks.producer_id, asks.epoch}, commits, count);
    return true;
}

CallState handle_transaction_commit(Call *call)
{
    if (!call->is_submitted)
        call->is_submitted = commit_begin(call);
    return call->is_submitted ? wait_for_commits(call) : CALL_WAITS;
}

/* ---- EndTxn ---------------------------------------------------------------------------------- */

static WireError end_begin(Call *call)
{
    Error error = {0};
    TransactionProducer asks = read_producer(call);
    TransactionAnswer found = {0};
    WireError refused = check_transaction(call);
    if (refused != WIRE_NONE)
        return refused;
    Status status = broker_transactions(call->broker, &error);
    if (status == OK)
        status = transactions_end(call->broker->transactions, &asks,
                                  message_number(call->request, "committed") != 0,
                                  call->version.number >= END_RENEWS_FROM, &found, &error);
    if (status != OK)
        return unavailable(status, &error);
    if (found.verdict == TRANSACTION_GOOD)
        call->transaction = found.transaction;
    call->ended_count = found.ended_count;
    set_deadline(call, TRANSACTION_WAIT_US);
    return verdict_error(call, found.verdict, 2);
}

/* It has ended: who has asked goes on, unless somebody else has come meanwhile. A new id has to be
 * durable before he hears of it: after a crash it would be another one. */
static CallState answer_ended(Call *call)
{
    const Transaction *transaction = call->transaction;
    TransactionProducer asks = read_producer(call);
    if (call->version.number < END_RENEWS_FROM)
        return answer(call, WIRE_NONE);
    if (!transaction_goes_on(transaction, &asks))
        return refuse_producer(call, WIRE_PRODUCER_FENCED);
    message_set_number(call->response, "producer_id", transaction->producer_id);
    message_set_number(call->response, "producer_epoch", transaction->epoch);
    if (transaction->producer_id == asks.producer_id)
        return answer(call, WIRE_NONE);
    call->deadline_us = 0;
    promise_transaction(call, transaction);
    return wait_for_promises(call, WIRE_COORDINATOR_NOT_AVAILABLE);
}

/* Answered when all markers are durable: who reads then what is committed sees it. */
CallState handle_end_transaction(Call *call)
{
    if (call->promise_count > 0)
        return wait_for_promises(call, WIRE_COORDINATOR_NOT_AVAILABLE);
    WireError code = call->has_begun ? WIRE_NONE : end_begin(call);
    if (code != WIRE_NONE)
        return refuse_producer(call, code);
    if (call->transaction->ended_count >= call->ended_count)
        return answer_ended(call);
    return call->is_late ? refuse_producer(call, WIRE_COORDINATOR_NOT_AVAILABLE) : CALL_WAITS;
}

/* ---- Produce --------------------------------------------------------------------------------- */

WireError judge_transaction(Call *call, Str topic, int64_t partition, Str records)
{
    BatchHeader header;
    if (!batch_read_header(records, &header) || !batch_has(&header, BATCH_IS_TRANSACTIONAL))
        return WIRE_NONE;
    if (call->broker->transactions == NULL)
        return WIRE_INVALID_PRODUCER_ID_MAPPING;
    TransactionProducer asks = {.id = message_bytes(call->request, "transactional_id"),
                                .producer_id = header.producer_id,
                                .epoch = header.producer_epoch};
    TransactionVerdict verdict =
        transactions_judge(call->broker->transactions, &asks, topic, (int32_t)partition);
    return verdict_error(call, verdict, INT32_MAX);
}

/* ---- DescribeTransactions, ListTransactions, DescribeProducers ------------------------------- */

static void describe_transaction(Call *call, const Transaction *transaction, Message *out)
{
    message_set_text(out, "transaction_state", transaction_state_name(transaction->state));
    message_set_number(out, "transaction_timeout_ms", transaction->timeout_ms);
    bool has_begun = transaction->state != TRANSACTION_EMPTY;
    message_set_number(out, "transaction_start_time_ms",
                       has_begun ? transaction->started_ms : NO_TIMESTAMP);
    message_set_number(out, "producer_id", transaction->producer_id);
    message_set_number(out, "producer_epoch", transaction->epoch);
    Map *topics = map_new(call->arena);
    for (int32_t i = 0; i < transaction->partition_count; i++) {
        const TransactionPartition *partition = &transaction->partitions[i];
        if (!call_may(call, ACL_DESCRIBE, ACL_TOPIC, partition->topic))
            continue;
        Message *topic = map_find(topics, partition->topic);
        if (topic == NULL) {
            topic = message_append(out, "topics", call->arena);
            message_set_bytes(topic, "topic", str_copy(call->arena, partition->topic));
            map_put(topics, partition->topic, topic);
        }
        message_set_number(message_append(topic, "partitions", call->arena), "", partition->index);
    }
}

CallState handle_describe_transactions(Call *call)
{
    const Transactions *transactions = call->broker->transactions;
    for (int32_t i = 0; i < message_count(call->request, "transactional_ids"); i++) {
        Str id = message_bytes(message_item(call->request, "transactional_ids", i), "");
        const Transaction *transaction =
            transactions != NULL ? transactions_find(transactions, id) : NULL;
        Message *out = message_append(call->response, "transaction_states", call->arena);
        message_set_bytes(out, "transactional_id", id);
        message_set_text(out, "transaction_state", "");
        WireError code = call_check(call, ACL_DESCRIBE, ACL_TRANSACTION, id);
        if (code == WIRE_NONE && transaction == NULL)
            code = WIRE_TRANSACTIONAL_ID_NOT_FOUND;
        message_set_number(out, "error_code", code);
        if (code == WIRE_NONE)
            describe_transaction(call, transaction, out);
    }
    return CALL_DONE;
}

static bool is_state_name(Str name)
{
    for (int32_t state = TRANSACTION_EMPTY; state <= TRANSACTION_COMPLETE_ABORT; state++)
        if (str_is(name, transaction_state_name((TransactionState)state)))
            return true;
    return str_is(name, "Dead") || str_is(name, "PrepareEpochFence");
}

/* Whether the list of filters, when there is any, has the text or the number. */
static bool passes(const Message *request, const char *field, Str text, int64_t number)
{
    int32_t count = message_count(request, field);
    for (int32_t i = 0; i < count; i++) {
        const Message *item = message_item(request, field, i);
        bool is_it = text.data != NULL ? str_equal(message_bytes(item, ""), text)
                                       : message_number(item, "") == number;
        if (is_it)
            return true;
    }
    return count == 0;
}

static bool is_asked_for(const Call *call, const Transaction *transaction)
{
    int64_t now_ms = world_now_us(call->broker->world) / 1000;
    int64_t least_ms =
        call->version.number >= 1 ? message_number(call->request, "duration_filter") : -1;
    bool is_long = least_ms < 0 || (transaction->partition_count > 0 &&
                                    now_ms - transaction->started_ms > least_ms);
    return is_long &&
           passes(call->request, "state_filters",
                  str_from(transaction_state_name(transaction->state)), 0) &&
           passes(call->request, "producer_id_filters", (Str){0}, transaction->producer_id);
}

CallState handle_list_transactions(Call *call)
{
    const Transactions *transactions = call->broker->transactions;
    for (int32_t i = 0; i < message_count(call->request, "state_filters"); i++) {
        Str name = message_bytes(message_item(call->request, "state_filters", i), "");
        if (!is_state_name(name))
            message_set_bytes(message_append(call->response, "unknown_state_filters", call->arena),
                              "", name);
    }
    int32_t count = transactions != NULL ? transactions_count(transactions) : 0;
    for (int32_t i = 0; i < count; i++) {
        const Transaction *transaction = transactions_at(transactions, i);
        if (!is_asked_for(call, transaction) ||
            !call_may(call, ACL_DESCRIBE, ACL_TRANSACTION, str_from(transaction->id)))
            continue;
        Message *out = message_append(call->response, "transaction_states", call->arena);
        message_set_text(out, "transactional_id", transaction->id);
        message_set_number(out, "producer_id", transaction->producer_id);
        message_set_text(out, "transaction_state", transaction_state_name(transaction->state));
    }
    return CALL_DONE;
}

static WireError describe_producers(Call *call, Str topic, int64_t index, Message *out)
{
    Partition *partition;
    WireError code = call_partition(call, ACL_READ, topic, index, &partition);
    if (code != WIRE_NONE)
        return code;
    List producers = {0};
    partition_list_producers(partition, call->arena, &producers);
    for (int32_t i = 0; i < producers.count; i++) {
        const Producer *producer = LIST_AT(producers, i, Producer);
        Message *item = message_append(out, "active_producers", call->arena);
        int32_t count = producer->batch_count;
        message_set_number(item, "producer_id", producer->id);
        message_set_number(item, "producer_epoch", producer->epoch);
        message_set_number(item, "last_sequence",
                           count > 0 ? producer->batches[count - 1].last_sequence : -1);
        message_set_number(item, "last_timestamp",
                           count > 0 ? producer->batches[count - 1].timestamp_ms
                                     : producer->used_ms);
        message_set_number(item, "coordinator_epoch", 0);
        message_set_number(item, "current_txn_start_offset", producer->transaction_offset);
    }
    return WIRE_NONE;
}

CallState handle_describe_producers(Call *call)
{
    for (int32_t i = 0; i < message_count(call->request, "topics"); i++) {
        const Message *topic = message_item(call->request, "topics", i);
        Message *answers = message_append(call->response, "topics", call->arena);
        message_set_bytes(answers, "name", message_bytes(topic, "name"));
        for (int32_t j = 0; j < message_count(topic, "partition_indexes"); j++) {
            int64_t index = message_number(message_item(topic, "partition_indexes", j), "");
            Message *out = message_append(answers, "partitions", call->arena);
            message_set_number(out, "partition_index", index);
            message_set_number(out, "error_code",
                               describe_producers(call, message_bytes(topic, "name"), index, out));
        }
    }
    return CALL_DONE;
}
