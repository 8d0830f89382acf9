/* What there is, and ids of producers. */
#include <assert.h>

#include "kafka/access.h"

/* ---- ApiVersions ----------------------------------------------------------------------------- */

/* Version 2 of transactions (KIP-890): clients add no partitions, and have another epoch after each
 * end. Others go on with version 1. */
static void tell_features(Call *call)
{
    static const char transactions[] = "transaction.version";
    enum { FIRST = 0, LAST = 2 };
    Message *supported = message_append(call->response, "supported_features", call->arena);
    message_set_text(supported, "name", transactions);
    message_set_number(supported, "min_version", FIRST);
    message_set_number(supported, "max_version", LAST);
    Message *finalized = message_append(call->response, "finalized_features", call->arena);
    message_set_text(finalized, "name", transactions);
    message_set_number(finalized, "min_version_level", LAST);
    message_set_number(finalized, "max_version_level", LAST);
    message_set_number(call->response, "finalized_features_epoch", 1); /* they never change */
}

CallState handle_api_versions(Call *call)
{
    tell_features(call);
    for (int32_t i = 0; i < api_count(); i++) {
        Message *item = message_append(call->response, "api_keys", call->arena);
        message_set_number(item, "api_key", api_at(i)->key);
        message_set_number(item, "min_version", api_at(i)->first);
        message_set_number(item, "max_version", api_at(i)->last);
    }
    return CALL_DONE;
}

/* ---- Topics ---------------------------------------------------------------------------------- */

static void append_number(Message *value, const char *field, int64_t number, Arena *arena)
{
    message_set_number(message_append(value, field, arena), "", number);
}

static bool is_of_partitions(const Call *call)
{
    return call->api->key == DESCRIBE_TOPIC_PARTITIONS_KEY;
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
        if (!is_of_partitions(call))
            continue;
        message_set_empty(partition, "eligible_leader_replicas");
        message_set_empty(partition, "last_known_elr");
    }
}

static void answer_topic(Call *call, Str name, const Topic *topic, WireError code)
{
    Message *answer = message_append(call->response, "topics", call->arena);
    message_set_number(answer, "error_code", code);
    message_set_bytes(answer, "name", name);
    if (topic != NULL)
        message_set_bytes(answer, "topic_id", str_make(topic->id, TOPIC_ID_BYTES));
    message_set_number(answer, "is_internal", topic_is_internal(name));
    const char *asks = is_of_partitions(call) ? NULL : "include_topic_authorized_operations";
    message_set_number(answer, "topic_authorized_operations",
                       code == WIRE_NONE ? call_operations(call, asks, ACL_TOPIC, name)
                                         : ACL_UNASKED);
    if (topic != NULL)
        describe_topic(call, answer, topic);
}

/* By id, if one is given that is not 0. */
static bool answer_id(Call *call, const Message *asked)
{
    static const char none[TOPIC_ID_BYTES] = {0};
    Str id = message_bytes(asked, "topic_id");
    bool is_by_id = id.length > 0 && !str_equal(id, str_make(none, TOPIC_ID_BYTES));
    if (!is_by_id)
        return false;
    const Topic *topic = topics_find_id(call->broker->topics, id);
    WireError code = topic == NULL
                         ? WIRE_UNKNOWN_TOPIC_ID
                         : call_check(call, ACL_DESCRIBE, ACL_TOPIC, str_from(topic->name));
    if (code == WIRE_NONE) {
        answer_topic(call, str_from(topic->name), topic, WIRE_NONE);
        return true;
    }
    answer_topic(call, call->version.number >= 12 ? (Str){0} : STR(""), NULL, code);
    int32_t last = message_count(call->response, "topics") - 1;
    message_set_bytes((Message *)message_item(call->response, "topics", last), "topic_id", id);
    return true;
}

static void answer_asked(Call *call, Str name)
{
    Broker *broker = call->broker;
    Topic *topic = topics_find(broker->topics, name);
    WireError refused = call_check(call, ACL_DESCRIBE, ACL_TOPIC, name);
    if (refused != WIRE_NONE) {
        answer_topic(call, name, NULL, refused);
        return;
    }
    /* Before version 4 clients could not say that they do not want it. */
    bool may_create = broker->config.creates_topics &&
                      (call->version.number < 4 ||
                       message_number(call->request, "allow_auto_topic_creation") != 0);
    WireError code = WIRE_NONE;
    if (topic == NULL && !topic_name_is_valid(name))
        code = WIRE_INVALID_TOPIC;
    else if (topic == NULL && !may_create)
        code = WIRE_UNKNOWN_TOPIC_OR_PARTITION;
    else if (topic == NULL && !call_may_create(call, name))
        code = WIRE_TOPIC_AUTHORIZATION_FAILED;
    else if (topic == NULL)
        code = broker_create_topic(broker, name, broker->config.default_partitions, &(List){0},
                                   &topic);
    answer_topic(call, name, topic, code);
}

/* What he may do with the hub itself, for who may know. */
static void answer_operations(Call *call)
{
    bool may_know = call_check_cluster(call, ACL_DESCRIBE) == WIRE_NONE;
    int32_t bits = call_operations(call, "include_cluster_authorized_operations", ACL_CLUSTER,
                                   STR(ACL_CLUSTER_NAME));
    message_set_number(call->response, "cluster_authorized_operations",
                       may_know || bits == ACL_UNASKED ? bits : 0);
}

void call_tell_address(const Call *call, Message *answer)
{
    const char *host = peer_told_host(call->peer);
    /* Who is within the process has come to none, and does not look at it. */
    message_set_text(answer, "host", host[0] != '\0' ? host : "127.0.0.1");
    message_set_number(answer, "port", peer_told_port(call->peer));
}

/* All that he may know of. */
static void answer_all(Call *call)
{
    const Topics *topics = call->broker->topics;
    for (int32_t i = 0; i < topics_count(topics); i++) {
        const Topic *topic = topics_at(topics, i);
        if (call_may(call, ACL_DESCRIBE, ACL_TOPIC, str_from(topic->name)))
            answer_topic(call, str_from(topic->name), topic, WIRE_NONE);
    }
}

CallState handle_metadata(Call *call)
{
    Message *node = message_append(call->response, "brokers", call->arena);
    message_set_number(node, "node_id", NODE_ID);
    call_tell_address(call, node);
    message_set_text(call->response, "cluster_id", "weir");
    message_set_number(call->response, "controller_id", NODE_ID);
    answer_operations(call);
    int32_t count = message_count(call->request, "topics");
    bool wants_all =
        message_is_null(call->request, "topics") || (call->version.number == 0 && count == 0);
    if (wants_all)
        answer_all(call);
    for (int32_t i = 0; i < count; i++) {
        const Message *asked = message_item(call->request, "topics", i);
        if (!answer_id(call, asked))
            answer_asked(call, message_bytes(asked, "name"));
    }
    return CALL_DONE;
}

/* ---- DescribeTopicPartitions ----------------------------------------------------------------- */

/* There is room for all in one answer, whatever limit is asked for: no cursor is ever given out, so
 * that none comes back. */
CallState handle_describe_topic_partitions(Call *call)
{
    int32_t count = message_count(call->request, "topics");
    if (count == 0)
        answer_all(call);
    for (int32_t i = 0; i < count; i++) {
        Str name = message_bytes(message_item(call->request, "topics", i), "name");
        WireError code;
        const Topic *topic = call_find_topic(call, name, false, ACL_DESCRIBE, &code);
        answer_topic(call, name, topic, code);
    }
    message_set_number(call->response, "next_cursor", -1);
    return CALL_DONE;
}

/* ---- DescribeCluster ------------------------------------------------------------------------- */

CallState handle_describe_cluster(Call *call)
{
    Message *response = call->response;
    message_set_text(response, "cluster_id", "weir");
    message_set_number(response, "controller_id", NODE_ID);
    message_set_number(response, "endpoint_type", message_number(call->request, "endpoint_type"));
    answer_operations(call);
    Message *node = message_append(response, "brokers", call->arena);
    message_set_number(node, "broker_id", NODE_ID);
    call_tell_address(call, node);
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
    if (!call_may_write_somewhere(call))
        code = call_check_cluster(call, ACL_IDEMPOTENT_WRITE);
    if (code == WIRE_NONE && !goes_on) {
        Error error = {0};
        Status status = topics_next_producer_id(call->broker->topics, &id, &error);
        code = status == OK ? WIRE_NONE : broker_error(status, &error);
    }
    message_set_number(call->response, "error_code", code);
    message_set_number(call->response, "producer_id", code == WIRE_NONE ? id : -1);
    message_set_number(call->response, "producer_epoch", code == WIRE_NONE ? epoch : -1);
    return CALL_DONE;
}
