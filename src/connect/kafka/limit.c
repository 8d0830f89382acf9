/* How large a message may be.
 *
 * The cluster judges batches by 'max.message.bytes' of their topic and refuses one as a whole, with
 * all good messages in it, and with it the transaction that it is of. So what a topic takes is
 * asked for, batches are kept below that, and a message that is too large alone is not sent. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "connect/kafka/kafka.h"

enum {
    ASK_MS = 5 * 1000,
    STEP_MS = 100,
    BATCH_HEAD_BYTES = 61, /* of a batch in Kafka's second format */
    RECORD_HEAD_BYTES = 3, /* attributes, and time and offset as the first of a batch has them */
};

static int64_t limit_of(rd_kafka_event_t *event)
{
    const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(event);
    size_t count = 0, entry_count = 0;
    const rd_kafka_ConfigResource_t **resources =
        result == NULL ? NULL : rd_kafka_DescribeConfigs_result_resources(result, &count);
    if (count != 1 || rd_kafka_ConfigResource_error(resources[0]) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    const rd_kafka_ConfigEntry_t **entries =
        rd_kafka_ConfigResource_configs(resources[0], &entry_count);
    for (size_t i = 0; i < entry_count; i++) {
        int64_t limit;
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), "max.message.bytes") == 0 &&
            value != NULL && str_parse_int64(str_from(value), &limit))
            return limit;
    }
    return 0;
}

int64_t kafka_topic_limit(KafkaClient *client, const char *topic)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client->handle);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client->handle, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_AdminOptions_set_request_timeout(options, ASK_MS, NULL, 0);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_DescribeConfigs(client->handle, &resource, 1, options, queue);
    rd_kafka_event_t *event = NULL;
    for (int32_t waited = 0; event == NULL && waited < ASK_MS + STEP_MS; waited += STEP_MS) {
        if (atomic_load(&client->is_interrupted))
            break;
        event = rd_kafka_queue_poll(queue, STEP_MS);
    }
    int64_t limit = event == NULL ? 0 : limit_of(event);
    if (limit == 0)
        log_event(LOG_DEBUG, "kafka", "topic '%s': its max.message.bytes are not known", topic);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return limit;
}

static int64_t number_bytes(int64_t number)
{
    uint64_t rest = (uint64_t)number << 1; /* zigzag of what is not negative */
    int64_t bytes = 1;
    while (rest > 127) {
        rest >>= 7;
        bytes++;
    }
    return bytes;
}

static int64_t text_bytes(const void *data, int64_t length)
{
    return data == NULL ? 1 : number_bytes(length) + length;
}

int64_t kafka_message_bytes(const KafkaMessage *message)
{
    int64_t bytes = RECORD_HEAD_BYTES + text_bytes(message->key.data, message->key.length) +
                    text_bytes(message->value.data, message->value.length);
    size_t count = 0, size;
    const char *name;
    const void *value;
    while (message->headers != NULL &&
           rd_kafka_header_get_all(message->headers, count, &name, &value, &size) ==
               RD_KAFKA_RESP_ERR_NO_ERROR) {
        bytes += text_bytes(name, (int64_t)strlen(name)) + text_bytes(value, (int64_t)size);
        count++;
    }
    bytes += number_bytes((int64_t)count);
    return BATCH_HEAD_BYTES + number_bytes(bytes) + bytes;
}
