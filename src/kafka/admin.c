/* What there is, and making and removing topics; ids of producers. */
#include <assert.h>

#include "kafka/internal.h"

/* ---- ApiVersions ----------------------------------------------------------------------------- */

CallState handle_api_versions(Call *call)
{
    for (int32_t i = 0; i < api_count(); i++) {
        Message *item = message_append(call->response, "api_keys", call->arena);
        message_set_number(item, "api_key", api_at(i)->key);
        message_set_number(item, "min_version", api_at(i)->first);
        message_set_number(item, "max_version", api_at(i)->last);
    }
    return CALL_DONE;
}

/* ---- Topics ---------------------------------------------------------------------------------- */

static WireError create_topic(Broker *broker, Str name, int32_t partitions, const List *configs,
                              Topic **out)
{
    Error error = {0};
    Status status = topics_create(broker->topics, name, partitions, configs, out, &error);
    return status == OK ? WIRE_NONE : broker_error(status, &error);
}

static void append_number(Message *value, const char *field, int64_t number, Arena *arena)
{
    message_set_number(message_append(value, field, arena), "", number);
}

static void describe_topic(Call *call, Message *answer, const Topic *topic)
{
    for (int32_t i = 0; i < topic->partition_count; i++) {
        Message *partition = message_append(answer, "partitions", call->arena);
        message_set_number(partition, "partition_index", i);
        message_set_number(partition, "leader_id", NODE_ID);
        message_set_number(partition, "leader_epoch", -1);
        append_number(partition, "replica_nodes", NODE_ID, call->arena);
        append_number(partition, "isr_nodes", NODE_ID, call->arena);
    }
}

static void answer_topic(Call *call, Str name, const Topic *topic, WireError code)
{
    Message *answer = message_append(call->response, "topics", call->arena);
    message_set_number(answer, "error_code", code);
    message_set_bytes(answer, "name", name);
    message_set_number(answer, "is_internal", topic_is_internal(name));
    message_set_number(answer, "topic_authorized_operations", ALL_OPERATIONS);
    if (topic != NULL)
        describe_topic(call, answer, topic);
}

static void answer_asked(Call *call, Str name)
{
    Broker *broker = call->broker;
    Topic *topic = topics_find(broker->topics, name);
    /* Before version 4 clients could not say that they do not want it. */
    bool may_create = broker->config.creates_topics &&
                      (call->version.number < 4 ||
                       message_number(call->request, "allow_auto_topic_creation") != 0);
    WireError code = WIRE_NONE;
    if (topic == NULL && !topic_name_is_valid(name))
        code = WIRE_INVALID_TOPIC;
    else if (topic == NULL && !may_create)
        code = WIRE_UNKNOWN_TOPIC_OR_PARTITION;
    else if (topic == NULL)
        code = create_topic(broker, name, broker->config.default_partitions, &(List){0}, &topic);
    answer_topic(call, name, topic, code);
}

CallState handle_metadata(Call *call)
{
    Broker *broker = call->broker;
    Message *node = message_append(call->response, "brokers", call->arena);
    message_set_number(node, "node_id", NODE_ID);
    message_set_text(node, "host", broker->config.host);
    message_set_number(node, "port", broker->config.port);
    message_set_text(call->response, "cluster_id", "weir");
    message_set_number(call->response, "controller_id", NODE_ID);
    message_set_number(call->response, "cluster_authorized_operations", ALL_OPERATIONS);
    int32_t count = message_count(call->request, "topics");
    bool wants_all =
        message_is_null(call->request, "topics") || (call->version.number == 0 && count == 0);
    for (int32_t i = 0; wants_all && i < topics_count(broker->topics); i++) {
        const Topic *topic = topics_at(broker->topics, i);
        answer_topic(call, str_from(topic->name), topic, WIRE_NONE);
    }
    for (int32_t i = 0; i < count; i++)
        answer_asked(call, message_bytes(message_item(call->request, "topics", i), "name"));
    return CALL_DONE;
}

/* ---- CreateTopics, DeleteTopics -------------------------------------------------------------- */

static WireError read_configs(Call *call, const Message *asked, List *configs, const char **message)
{
    for (int32_t i = 0; i < message_count(asked, "configs"); i++) {
        const Message *item = message_item(asked, "configs", i);
        Str name = message_bytes(item, "name"), value = message_bytes(item, "value");
        *message = config_find_fault(name, value, call->arena);
        if (*message != NULL)
            return WIRE_INVALID_CONFIG;
        ConfigEntry *entry = ARENA_NEW(call->arena, ConfigEntry);
        entry->name = str_terminated(call->arena, name);
        entry->value = str_terminated(call->arena, value);
        list_append(configs, call->arena, entry);
    }
    return WIRE_NONE;
}

static WireError create_asked(Call *call, const Message *asked, Message *answer,
                              const char **message)
{
    Broker *broker = call->broker;
    Str name = message_bytes(asked, "name");
    int64_t partitions = message_number(asked, "num_partitions");
    int64_t replicas = message_number(asked, "replication_factor");
    List configs = {0};
    if (!topic_name_is_valid(name))
        return WIRE_INVALID_TOPIC;
    if (topics_find(broker->topics, name) != NULL)
        return WIRE_TOPIC_ALREADY_EXISTS;
    if (message_count(asked, "assignments") > 0)
        return WIRE_INVALID_REPLICA_ASSIGNMENT;
    partitions = partitions == -1 ? broker->config.default_partitions : partitions;
    if (partitions < 1 || partitions > TOPIC_PARTITIONS_MAX)
        return WIRE_INVALID_PARTITIONS;
    if (replicas != -1 && replicas != 1)
        return WIRE_INVALID_REPLICATION_FACTOR;
    WireError code = read_configs(call, asked, &configs, message);
    message_set_number(answer, "num_partitions", partitions);
    message_set_number(answer, "replication_factor", 1);
    if (code != WIRE_NONE || message_number(call->request, "validate_only") != 0)
        return code;
    Topic *topic;
    return create_topic(broker, name, (int32_t)partitions, &configs, &topic);
}

CallState handle_create_topics(Call *call)
{
    for (int32_t i = 0; i < message_count(call->request, "topics"); i++) {
        const Message *asked = message_item(call->request, "topics", i);
        Message *answer = message_append(call->response, "topics", call->arena);
        message_set_bytes(answer, "name", message_bytes(asked, "name"));
        message_set_number(answer, "num_partitions", -1);
        message_set_number(answer, "replication_factor", -1);
        const char *message = NULL;
        message_set_number(answer, "error_code", create_asked(call, asked, answer, &message));
        message_set_text(answer, "error_message", message);
    }
    return CALL_DONE;
}

/* With what groups have committed of it: a topic that is made anew begins anew. */
static Status delete_topic(Broker *broker, Topic *topic, Error *error)
{
    if (topics_find(broker->topics, STR(OFFSETS_TOPIC)) != NULL) {
        TRY(broker_offsets(broker, error));
        TRY(offsets_forget_topic(broker->offsets, str_from(topic->name), error));
    }
    return topics_delete(broker->topics, topic, error);
}

CallState handle_delete_topics(Call *call)
{
    for (int32_t i = 0; i < message_count(call->request, "topic_names"); i++) {
        Str name = message_bytes(message_item(call->request, "topic_names", i), "");
        Topic *topic = topics_find(call->broker->topics, name);
        Error error = {0};
        WireError code = WIRE_UNKNOWN_TOPIC_OR_PARTITION;
        if (topic != NULL && topic_is_internal(name)) {
            code = WIRE_INVALID_TOPIC;
        } else if (topic != NULL) {
            Status status = delete_topic(call->broker, topic, &error);
            code = status == OK ? WIRE_NONE : broker_error(status, &error);
        }
        Message *answer = message_append(call->response, "responses", call->arena);
        message_set_bytes(answer, "name", name);
        message_set_number(answer, "error_code", code);
    }
    return CALL_DONE;
}

/* ---- InitProducerId -------------------------------------------------------------------------- */

CallState handle_init_producer_id(Call *call)
{
    int64_t id = message_number(call->request, "producer_id");
    int64_t epoch = message_number(call->request, "producer_epoch");
    WireError code = WIRE_NONE;
    bool goes_on = call->version.number >= 3 && id >= 0 && epoch >= 0 && epoch < INT16_MAX - 1;
    epoch = goes_on ? epoch + 1 : 0;
    if (!message_is_null(call->request, "transactional_id"))
        return init_transactional(call);
    if (!goes_on) {
        Error error = {0};
        Status status = topics_next_producer_id(call->broker->topics, &id, &error);
        code = status == OK ? WIRE_NONE : broker_error(status, &error);
    }
    message_set_number(call->response, "error_code", code);
    message_set_number(call->response, "producer_id", code == WIRE_NONE ? id : -1);
    message_set_number(call->response, "producer_epoch", code == WIRE_NONE ? epoch : -1);
    return CALL_DONE;
}
