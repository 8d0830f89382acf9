/* Sending messages, and hearing what becomes of them.
 *
 * The client tries again by itself for as long as it takes; a message is given up only when the
 * cluster will never take it. If that is the message's own fault (it is too large), its bytes go to
 * the dead letters; else the job ends with the reason. In a transaction it has to be known before:
 * what the cluster refuses there takes all of the transaction along. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connect/kafka/kafka.h"

enum {
    FLUSH_STEP_MS = 100,
    FULL_STEP_MS = 20,
    QUEUE_BYTES = 64 * 1024 * 1024, /* that wait to be sent, where memory has no limit */
    QUEUE_SHARE = 8,                /* the part of a limit */
    QUEUE_BYTES_MIN = 1024 * 1024,
    BATCH_BYTES = 1000000, /* the client's own bound */
    BATCH_BYTES_MIN = 128,
    BYTES_KBYTE = 1024,
};

/* How long the cluster is waited for where a row names a topic that is new, which is as long as it
 * takes; and when one that was not there is asked for again. */
static const int64_t ASK_US = INT64_MAX / 4, ASK_AGAIN_US = 10 * 1000 * 1000;

/* ---- What becomes of messages -------------------------------------------------------------- */

static bool is_own_fault(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || code == RD_KAFKA_RESP_ERR_INVALID_MSG ||
           code == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE || code == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
           code == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP ||
           code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
}

/* Rows name their topics by a pattern, so a name that the cluster does not allow is the row's. */
static bool is_fault_of_topic(const KafkaProducer *producer, rd_kafka_resp_err_t code)
{
    return producer->first == NULL && code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
}

static void producer_set_aside(KafkaProducer *producer, Str bytes, const char *reason)
{
    char text[400];
    snprintf(text, sizeof text, "the Kafka cluster does not take the message: %s", reason);
    deadletters_add(producer->writer->dead_letters,
                    &(DeadLetter){.table = producer->writer->node->sink.table->name,
                                  .stage = STAGE_DELIVER,
                                  .code = "WR3430",
                                  .reason = text,
                                  .bytes = bytes});
}

static void producer_fail(KafkaProducer *producer, rd_kafka_resp_err_t code)
{
    if (producer->has_failed)
        return;
    char reason[512];
    producer->has_failed = true;
    rd_kafka_resp_err_t fatal =
        code == RD_KAFKA_RESP_ERR__FATAL
            ? rd_kafka_fatal_error(producer->client.handle, reason, sizeof reason)
            : code;
    bool is_fenced = fatal == RD_KAFKA_RESP_ERR__FENCED ||
                     fatal == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
                     fatal == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
    (void)fail(&producer->failure, is_fenced ? ERR_INVALID : ERR_PERMISSION,
               is_fenced ? "WR3431" : "WR3429", "messages cannot be written: %s",
               code == RD_KAFKA_RESP_ERR__FATAL ? reason : rd_kafka_err2str(code));
}

/* Whose message it was, the cluster does not say: it refuses all of a batch. */
static void producer_fail_refused(KafkaProducer *producer, rd_kafka_resp_err_t code)
{
    if (producer->has_failed)
        return;
    producer->has_failed = true;
    (void)fail(&producer->failure, ERR_INVALID, "WR3436",
               "a message in a transaction is not taken by the Kafka cluster: %s",
               rd_kafka_err2str(code));
    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        error_hint(&producer->failure,
                   "the next run asks for 'max.message.bytes' of the topic anew; where the user "
                   "may not ask (DescribeConfigs), set 'properties.message.max.bytes' to it");
}

static void producer_reported(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    (void)handle;
    KafkaProducer *producer = opaque;
    rd_kafka_resp_err_t code = message->err;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return;
    bool is_row = is_own_fault(code) || is_fault_of_topic(producer, code);
    if (is_row && producer->is_exact)
        producer_fail_refused(producer, code);
    else if (is_row)
        producer_set_aside(producer, str_make(message->payload, (int64_t)message->len),
                           rd_kafka_err2str(code));
    else
        producer_fail(producer, code);
}

/* Its id and epoch stand nowhere else. */
static int producer_measured(rd_kafka_t *handle, char *json, size_t length, void *opaque)
{
    (void)handle, (void)length;
    KafkaProducer *producer = opaque;
    const char *id = strstr(json, "\"producer_id\":");
    const char *epoch = strstr(json, "\"producer_epoch\":");
    if (id != NULL && epoch != NULL) {
        producer->id = strtoll(strchr(id, ':') + 1, NULL, 10);
        producer->epoch = (int32_t)strtol(strchr(epoch, ':') + 1, NULL, 10);
    }
    return 0; /* the text stays the client's */
}

/* ---- Opening ------------------------------------------------------------------------------- */

/* Java's client drops idempotence without a word where 'acks' is less than all. */
static bool wants_idempotence(const OptionSet *options)
{
    Str acks = kafka_property(options, "acks");
    return (acks.data == NULL || str_is(acks, "all") || str_is(acks, "-1")) &&
           !str_is(options_text(options, "sink.delivery-guarantee"), "none");
}

/* More than one message: no larger than that. A message that is larger goes alone. */
static int64_t producer_batch_bytes(const KafkaProducer *producer)
{
    const OptionSet *options = producer->writer->node->sink.table->options.options;
    int64_t bytes;
    Str given = kafka_property(options, "batch.size");
    if (given.data == NULL || !str_parse_int64(given, &bytes))
        bytes = BATCH_BYTES;
    for (int32_t i = 0; i < map_count(producer->topics); i++) {
        const KafkaTopic *topic = map_value_at(producer->topics, i);
        if (topic->limit_bytes > 0 && topic->limit_bytes < bytes)
            bytes = topic->limit_bytes;
    }
    return bytes < BATCH_BYTES_MIN ? BATCH_BYTES_MIN : bytes;
}

static Status producer_connect(KafkaProducer *producer, const char *transactional_id, Error *error)
{
    char batch[24];
    snprintf(batch, sizeof batch, "%lld", (long long)producer_batch_bytes(producer));
    const PlanTable *table = producer->writer->node->sink.table;
    int64_t limit = producer->writer->memory_bytes / QUEUE_SHARE;
    limit = limit <= 0 ? (int64_t)QUEUE_BYTES : limit;
    char kbytes[24];
    snprintf(
        kbytes, sizeof kbytes, "%lld",
        (long long)(limit < QUEUE_BYTES_MIN ? QUEUE_BYTES_MIN / BYTES_KBYTE : limit / BYTES_KBYTE));
    bool is_exact = transactional_id != NULL;
    bool is_idempotent = is_exact || wants_idempotence(table->options.options);
    KafkaSetting settings[] = {
        {"enable.idempotence", is_idempotent ? "true" : "false", is_exact},
        {"partitioner", "murmur2_random", false},
        {"queue.buffering.max.kbytes", kbytes, false},
        {"queue.buffering.max.messages", "1000000", false},
        {"reconnect.backoff.max.ms", "1000", false},
        {"batch.size", batch, true},
        /* Without transactions: for as long as it takes. */
        {is_exact ? "transaction.timeout.ms" : "message.timeout.ms", is_exact ? "900000" : "0",
         false},
        {is_exact ? "transactional.id" : NULL, transactional_id, true},
        {"statistics.interval.ms", "200", true},
        {NULL, NULL, false},
    };
    producer->client.measured = is_exact ? producer_measured : NULL;
    producer->id = -1;
    TRY(kafka_client_open(&producer->client, producer->writer->arena, RD_KAFKA_PRODUCER, table,
                          settings, error));
    return OK;
}

static void topic_ask_limit(KafkaProducer *producer, KafkaTopic *topic)
{
    topic->limit_bytes = kafka_topic_limit(&producer->client, topic->name);
    topic->limit_asked_us = world_monotonic_us(producer->writer->world);
}

static Status topic_find(KafkaProducer *producer, KafkaTopic *topic, int64_t timeout_us,
                         Error *error)
{
    const rd_kafka_metadata_t *metadata;
    TRY(kafka_client_topic(&producer->client, topic->name, timeout_us, &metadata, error));
    topic->asked_us = world_monotonic_us(producer->writer->world);
    Status status = OK;
    bool is_known = !kafka_topic_is_unknown(metadata);
    if (is_known && metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR)
        status = fail(error, ERR_PERMISSION, "WR3429", "topic '%s' cannot be written: %s",
                      topic->name, rd_kafka_err2str(metadata->topics[0].err));
    else if (is_known)
        topic->partition_count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    if (status != OK || !is_known)
        return status;
    topic->handle = rd_kafka_topic_new(producer->client.handle, topic->name, NULL);
    topic_ask_limit(producer, topic);
    return OK;
}

static KafkaTopic *topic_add(KafkaProducer *producer, Str name)
{
    KafkaTopic *topic = ARENA_NEW(producer->arena, KafkaTopic);
    *topic = (KafkaTopic){.name = str_terminated(producer->arena, name)};
    map_put(producer->topics, str_from(topic->name), topic);
    return topic;
}

/* Those that the table names have to be there; by a pattern they are found when rows come. */
static Status producer_find_topics(KafkaProducer *producer, Error *error)
{
    const PlanTable *table = producer->writer->node->sink.table;
    List names = kafka_topics_named(producer->arena, table->options.options);
    for (int32_t i = 0; i < names.count; i++) {
        Str name = str_from(LIST_AT(names, i, char));
        if (map_find(producer->topics, name) != NULL)
            continue;
        KafkaTopic *topic = topic_add(producer, name);
        producer->first = producer->first != NULL ? producer->first : topic;
        TRY(topic_find(producer, topic, KAFKA_START_TIMEOUT_US, error));
        if (topic->handle != NULL)
            continue;
        Status status =
            fail(error, ERR_NOT_FOUND, "WR3424", "topic '%s' of table `%.*s` does not exist",
                 topic->name, STR_ARGS(table->name));
        error_hint(error, "make it, or mend the option 'topic'");
        return status;
    }
    return OK;
}

Status kafka_producer_topic(KafkaProducer *producer, Str name, KafkaTopic **out, Error *error)
{
    *out = producer->first;
    if (name.data == NULL)
        return OK;
    *out = map_find(producer->topics, name);
    if (*out == NULL)
        *out = topic_add(producer, name);
    int64_t now_us = world_monotonic_us(producer->writer->world);
    if ((*out)->handle != NULL ||
        ((*out)->asked_us != 0 && now_us - (*out)->asked_us < ASK_AGAIN_US))
        return OK;
    return topic_find(producer, *out, ASK_US, error);
}

static void topics_release(KafkaProducer *producer)
{
    for (int32_t i = 0; i < map_count(producer->topics); i++) {
        KafkaTopic *topic = map_value_at(producer->topics, i);
        if (topic->handle != NULL)
            rd_kafka_topic_destroy(topic->handle);
        topic->handle = NULL;
    }
}

/* The bound of batches is to be known before the client is made: one looks, another one sends. */
static Status producer_connect_anew(KafkaProducer *producer, const char *transactional_id,
                                    Error *error)
{
    topics_release(producer);
    rd_kafka_destroy(producer->client.handle);
    producer->client.handle = NULL;
    TRY(producer_connect(producer, transactional_id, error));
    for (int32_t i = 0; i < map_count(producer->topics); i++) {
        KafkaTopic *topic = map_value_at(producer->topics, i);
        topic->handle = rd_kafka_topic_new(producer->client.handle, topic->name, NULL);
    }
    return OK;
}

Status kafka_producer_open(KafkaProducer *producer, SinkWriter *writer,
                           const char *transactional_id, Error *error)
{
    producer->writer = writer;
    producer->arena = arena_new(0);
    producer->topics = map_new(producer->arena);
    producer->first = NULL;
    producer->noted = NULL;
    producer->has_failed = false;
    kafka_client_init(&producer->client, writer->world);
    TRY(kafka_client_embed(&producer->client, writer->node->sink.table, writer->hub, error));
    producer->client.reported = producer_reported;
    Str codec = kafka_property(writer->node->sink.table->options.options, "compression.type");
    if (codec.data == NULL)
        codec = kafka_property(writer->node->sink.table->options.options, "compression.codec");
    producer->is_compressed = codec.data != NULL && !str_is(codec, "none");
    producer->is_exact = transactional_id != NULL;
    int64_t batch_bytes = producer_batch_bytes(producer);
    TRY(producer_connect(producer, transactional_id, error));
    TRY(producer_find_topics(producer, error));
    return producer_batch_bytes(producer) < batch_bytes
               ? producer_connect_anew(producer, transactional_id, error)
               : OK;
}

void kafka_producer_close(KafkaProducer *producer)
{
    if (producer->writer == NULL)
        return;
    topics_release(producer);
    if (producer->client.handle != NULL) {
        rd_kafka_purge(producer->client.handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                                    RD_KAFKA_PURGE_F_NON_BLOCKING);
        rd_kafka_poll(producer->client.handle, 0);
    }
    kafka_client_close(&producer->client);
    arena_free(producer->arena);
    producer->writer = NULL;
}

/* ---- Sending ------------------------------------------------------------------------------- */

Status kafka_producer_poll(KafkaProducer *producer, Error *error)
{
    rd_kafka_poll(producer->client.handle, 0);
    TRY(embedded_hub_trouble(producer->client.hub, error));
    if (!producer->has_failed)
        return OK;
    if (error != NULL)
        *error = producer->failure;
    return producer->failure.status;
}

static rd_kafka_resp_err_t producer_put(KafkaProducer *producer, const KafkaTopic *topic,
                                        const KafkaMessage *message, int32_t partition)
{
    if (message->headers == NULL)
        return rd_kafka_producev(
            producer->client.handle, RD_KAFKA_V_RKT(topic->handle), RD_KAFKA_V_PARTITION(partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_VALUE((void *)message->value.data, (size_t)message->value.length),
            RD_KAFKA_V_KEY(message->key.data, (size_t)message->key.length),
            RD_KAFKA_V_TIMESTAMP(message->timestamp_ms), RD_KAFKA_V_END);
    return rd_kafka_producev(
        producer->client.handle, RD_KAFKA_V_RKT(topic->handle), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_VALUE((void *)message->value.data, (size_t)message->value.length),
        RD_KAFKA_V_KEY(message->key.data, (size_t)message->key.length),
        RD_KAFKA_V_TIMESTAMP(message->timestamp_ms), RD_KAFKA_V_HEADERS(message->headers),
        RD_KAFKA_V_END);
}

/* The headers are the client's once it has taken them. */
static Status producer_give_up(KafkaProducer *producer, const KafkaMessage *message,
                               rd_kafka_resp_err_t code, Error *error)
{
    if (message->headers != NULL)
        rd_kafka_headers_destroy(message->headers);
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return ERR_CANCELLED;
    if (is_own_fault(code) || is_fault_of_topic(producer, code)) {
        producer_set_aside(producer, message->value, rd_kafka_err2str(code));
        return OK;
    }
    /* The reason may be on its way. */
    if (code == RD_KAFKA_RESP_ERR__STATE)
        rd_kafka_poll(producer->client.handle, FULL_STEP_MS);
    producer_fail(producer, code);
    return kafka_producer_poll(producer, error);
}

/* Whether the topic takes it, as far as that is known here. Alone in its batch, only the message
 * itself is refused; so what is compressed is left to the cluster where no transaction hangs on
 * it. */
static bool topic_takes(KafkaProducer *producer, KafkaTopic *topic, const KafkaMessage *message)
{
    if (topic->limit_bytes == 0 || (producer->is_compressed && !producer->is_exact))
        return true;
    int64_t bytes = kafka_message_bytes(message);
    if (bytes <= topic->limit_bytes)
        return true;
    /* It may have been raised. */
    if (world_monotonic_us(producer->writer->world) - topic->limit_asked_us > ASK_AGAIN_US)
        topic_ask_limit(producer, topic);
    return topic->limit_bytes == 0 || bytes <= topic->limit_bytes;
}

Status kafka_producer_send(KafkaProducer *producer, KafkaTopic *topic, const KafkaMessage *message,
                           int32_t partition, Error *error)
{
    if (topic->handle == NULL) {
        char reason[KAFKA_ID_BYTES + 32];
        snprintf(reason, sizeof reason, "there is no topic '%.*s'", KAFKA_ID_BYTES, topic->name);
        if (message->headers != NULL)
            rd_kafka_headers_destroy(message->headers);
        producer_set_aside(producer, message->value, reason);
        return OK;
    }
    if (!topic_takes(producer, topic, message))
        return producer_give_up(producer, message, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, error);
    producer->noted = producer->noted != NULL ? producer->noted : topic->name;
    rd_kafka_resp_err_t code;
    while ((code = producer_put(producer, topic, message, partition)) ==
           RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        rd_kafka_poll(producer->client.handle, FULL_STEP_MS);
        if (atomic_load(&producer->client.is_interrupted))
            break;
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? OK
                                              : producer_give_up(producer, message, code, error);
}

Status kafka_producer_flush(KafkaProducer *producer, Error *error)
{
    while (rd_kafka_flush(producer->client.handle, FLUSH_STEP_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (atomic_load(&producer->client.is_interrupted))
            return ERR_CANCELLED;
        TRY(kafka_producer_poll(producer, error));
    }
    return kafka_producer_poll(producer, error);
}
