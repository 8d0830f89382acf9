/* Making, changing and removing topics and their records. */
#include "kafka/access.h"
#include "log/segment.h"

WireError broker_create_topic(Broker *broker, Str name, int32_t partitions, const List *configs,
                              Topic **out)
{
    Error error = {0};
    Status status = topics_create(broker->topics, name, partitions, configs, out, &error);
    return status == OK ? WIRE_NONE : broker_error(status, &error);
}

/* ---- CreateTopics, DeleteTopics -------------------------------------------------------------- */

static WireError create_asked(Call *call, const Message *asked, Message *answer,
                              const char **message)
{
    Broker *broker = call->broker;
    Str name = message_bytes(asked, "name");
    int64_t partitions = message_number(asked, "num_partitions");
    int64_t replicas = message_number(asked, "replication_factor");
    List configs = {0};
    if (!call_may_create(call, name)) {
        *message = "Authorization failed.";
        return WIRE_TOPIC_AUTHORIZATION_FAILED;
    }
    if (!topic_name_is_valid(name))
        return WIRE_INVALID_TOPIC;
    if (topics_find(broker->topics, name) != NULL)
        return WIRE_TOPIC_ALREADY_EXISTS;
    if (message_count(asked, "assignments") > 0)
        return WIRE_INVALID_REPLICA_ASSIGNMENT;
    if (partitions == -1)
        partitions = topic_is_kept(name) ? 1 : broker->config.default_partitions;
    if (partitions < 1 || partitions > TOPIC_PARTITIONS_MAX)
        return WIRE_INVALID_PARTITIONS;
    if (replicas != -1 && replicas != 1)
        return WIRE_INVALID_REPLICATION_FACTOR;
    WireError code = read_configs(call, asked, &configs, message);
    if (topic_is_kept(name))
        topic_complete(&configs, call->arena);
    if (code == WIRE_NONE)
        *message = topic_find_fault(name, (int32_t)partitions, &configs);
    if (*message != NULL && code == WIRE_NONE)
        code = WIRE_POLICY_VIOLATION;
    if (call_may(call, ACL_DESCRIBE_CONFIGS, ACL_TOPIC, name)) {
        message_set_number(answer, "num_partitions", partitions);
        message_set_number(answer, "replication_factor", 1);
        if (code == WIRE_NONE)
            append_configs(call, &configs, answer);
    }
    if (code != WIRE_NONE)
        return code;
    if (message_number(call->request, "validate_only") != 0)
        return code;
    Topic *topic;
    code = broker_create_topic(broker, name, (int32_t)partitions, &configs, &topic);
    if (code == WIRE_NONE)
        message_set_bytes(answer, "topic_id", str_make(topic->id, TOPIC_ID_BYTES));
    return code;
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
static WireError delete_topic(Call *call, Topic *topic, Message *answer)
{
    Error error = {0};
    Broker *broker = call->broker;
    WireError code = WIRE_NONE;
    Status status = OK;
    bool has_offsets = topics_find(broker->topics, STR(OFFSETS_TOPIC)) != NULL;
    if (has_offsets)
        status = broker_offsets(broker, &error);
    if (status == OK && has_offsets) {
        OffsetsFilter filter = {.topic = str_from(topic->name), .partition = -1};
        code = call_forget(call, &filter, answer);
    }
    if (status == OK && code == WIRE_NONE)
        status = topics_delete(broker->topics, topic, &error);
    return status == OK ? code : broker_error(status, &error);
}

static WireError delete_asked(Call *call, Topic *topic, WireError missing, Message *answer)
{
    if (topic == NULL)
        return missing;
    WireError code = call_check(call, ACL_DELETE, ACL_TOPIC, str_from(topic->name));
    if (code != WIRE_NONE || topic_is_internal(str_from(topic->name)))
        return code != WIRE_NONE ? code : WIRE_INVALID_TOPIC;
    return delete_topic(call, topic, answer);
}

/* From version 6 on by name or by id. */
CallState handle_delete_topics(Call *call)
{
    const Message *request = call->request;
    Topics *topics = call->broker->topics;
    if (call->has_begun)
        return call_forgets(call);
    const char *field = call->version.number >= 6 ? "topics" : "topic_names";
    for (int32_t i = 0; i < message_count(request, field); i++) {
        const Message *asked = message_item(request, field, i);
        bool is_by_id = call->version.number >= 6 && message_is_null(asked, "name");
        Str name = message_bytes(asked, call->version.number >= 6 ? "name" : "");
        Topic *topic = is_by_id ? topics_find_id(topics, message_bytes(asked, "topic_id"))
                                : topics_find(topics, name);
        Message *answer = message_append(call->response, "responses", call->arena);
        message_set_bytes(answer, "name", name);
        if (is_by_id && topic != NULL &&
            call_may(call, ACL_DESCRIBE, ACL_TOPIC, str_from(topic->name)))
            message_set_text(answer, "name", str_terminated(call->arena, str_from(topic->name)));
        if (call->version.number >= 6 && topic != NULL)
            message_set_bytes(answer, "topic_id",
                              str_copy(call->arena, str_make(topic->id, TOPIC_ID_BYTES)));
        WireError missing = is_by_id ? WIRE_UNKNOWN_TOPIC_ID
                            : call_may(call, ACL_DELETE, ACL_TOPIC, name)
                                ? WIRE_UNKNOWN_TOPIC_OR_PARTITION
                                : WIRE_TOPIC_AUTHORIZATION_FAILED;
        message_set_number(answer, "error_code", delete_asked(call, topic, missing, answer));
    }
    return call_forgets(call);
}

/* ---- CreatePartitions ------------------------------------------------------------------------ */

static WireError add_partitions(Call *call, const Message *asked, const char **message)
{
    Str name = message_bytes(asked, "name");
    Topic *topic = topics_find(call->broker->topics, name);
    int64_t count = message_number(asked, "count");
    WireError refused = call_check(call, ACL_ALTER, ACL_TOPIC, name);
    if (refused != WIRE_NONE || topic == NULL)
        return refused != WIRE_NONE ? refused : WIRE_UNKNOWN_TOPIC_OR_PARTITION;
    if (topic_is_internal(name))
        return WIRE_INVALID_TOPIC;
    if (message_count(asked, "assignments") > 0)
        return WIRE_INVALID_REPLICA_ASSIGNMENT;
    if (topic_is_kept(name)) {
        *message = topic_find_fault(name, 0, &topic->configs);
        return WIRE_POLICY_VIOLATION;
    }
    if (count <= topic->partition_count || count > TOPIC_PARTITIONS_MAX) {
        *message = arena_printf(call->arena,
                                "The topic %s currently has %d partition(s); %lld would not be an "
                                "increase, or is more than %d.",
                                topic->name, topic->partition_count, (long long)count,
                                TOPIC_PARTITIONS_MAX);
        return WIRE_INVALID_PARTITIONS;
    }
    if (message_number(call->request, "validate_only") != 0)
        return WIRE_NONE;
    Error error = {0};
    Status status = topics_add_partitions(call->broker->topics, topic, (int32_t)count, &error);
    return status == OK ? WIRE_NONE : broker_error(status, &error);
}

CallState handle_create_partitions(Call *call)
{
    for (int32_t i = 0; i < message_count(call->request, "topics"); i++) {
        const Message *asked = message_item(call->request, "topics", i);
        Message *answer = message_append(call->response, "results", call->arena);
        const char *message = NULL;
        message_set_bytes(answer, "name", message_bytes(asked, "name"));
        message_set_number(answer, "error_code", add_partitions(call, asked, &message));
        message_set_text(answer, "error_message", message);
    }
    return CALL_DONE;
}

/* ---- DeleteRecords --------------------------------------------------------------------------- */

enum { ALL_RECORDS = -1 };

static WireError delete_records(Call *call, Str name, const Message *asked, int64_t *start_offset)
{
    Partition *partition;
    WireError code = call_partition(call, ACL_DELETE, name,
                                    message_number(asked, "partition_index"), &partition);
    if (code != WIRE_NONE)
        return code;
    const Topic *topic = topics_find(call->broker->topics, name);
    if (topic_is_kept(name) || !config_of(&topic->configs).is_deleted)
        return WIRE_POLICY_VIOLATION; /* what is compacted would not be whole */
    PartitionOffsets offsets;
    partition_offsets(partition, &offsets);
    int64_t before = message_number(asked, "offset");
    before = before == ALL_RECORDS ? offsets.high_watermark : before;
    if (before < 0 || before > offsets.high_watermark)
        return WIRE_OFFSET_OUT_OF_RANGE;
    Error error = {0};
    Status status = partition_delete_before(partition, before, &error);
    if (status == ERR_NOT_FOUND && error.code[0] == '\0')
        return WIRE_OFFSET_OUT_OF_RANGE;
    if (status != OK)
        return broker_error(status, &error);
    partition_offsets(partition, &offsets);
    *start_offset = offsets.start_offset;
    return WIRE_NONE;
}

CallState handle_delete_records(Call *call)
{
    for (int32_t i = 0; i < message_count(call->request, "topics"); i++) {
        const Message *topic = message_item(call->request, "topics", i);
        Str name = message_bytes(topic, "name");
        Message *answers = message_append(call->response, "topics", call->arena);
        message_set_bytes(answers, "name", name);
        for (int32_t j = 0; j < message_count(topic, "partitions"); j++) {
            const Message *asked = message_item(topic, "partitions", j);
            Message *answer = message_append(answers, "partitions", call->arena);
            int64_t start_offset = NO_OFFSET;
            WireError code = delete_records(call, name, asked, &start_offset);
            message_set_number(answer, "partition_index", message_number(asked, "partition_index"));
            message_set_number(answer, "low_watermark", start_offset);
            message_set_number(answer, "error_code", code);
        }
    }
    return CALL_DONE;
}

/* ---- DescribeLogDirs, ListPartitionReassignments --------------------------------------------- */

static bool is_asked_for(const Message *request, const Topic *topic, int32_t index)
{
    if (message_is_null(request, "topics"))
        return true;
    for (int32_t i = 0; i < message_count(request, "topics"); i++) {
        const Message *asked = message_item(request, "topics", i);
        if (!str_is(message_bytes(asked, "topic"), topic->name))
            continue;
        for (int32_t j = 0; j < message_count(asked, "partitions"); j++)
            if (message_number(message_item(asked, "partitions", j), "") == index)
                return true;
    }
    return false;
}

static void describe_sizes(Call *call, Topic *topic, Message *folder)
{
    Message *answers = NULL;
    for (int32_t i = 0; i < topic->partition_count; i++) {
        Partition *partition;
        if (!is_asked_for(call->request, topic, i) ||
            broker_partition(call->broker, str_from(topic->name), i, &partition) != WIRE_NONE)
            continue;
        if (answers == NULL) {
            answers = message_append(folder, "topics", call->arena);
            message_set_text(answers, "name", topic->name);
        }
        PartitionOffsets offsets;
        partition_offsets(partition, &offsets);
        Message *answer = message_append(answers, "partitions", call->arena);
        message_set_number(answer, "partition_index", i);
        message_set_number(answer, "partition_size", offsets.bytes);
    }
}

/* One folder holds all. */
CallState handle_describe_log_dirs(Call *call)
{
    Topics *topics = call->broker->topics;
    if (call_is_refused(call, ACL_DESCRIBE, ACL_CLUSTER, STR(ACL_CLUSTER_NAME)))
        return CALL_DONE;
    Message *folder = message_append(call->response, "results", call->arena);
    message_set_text(folder, "log_dir", topics_folder(topics));
    message_set_number(folder, "total_bytes", -1);
    message_set_number(folder, "usable_bytes", -1);
    for (int32_t i = 0; i < topics_count(topics); i++)
        describe_sizes(call, topics_at(topics, i), folder);
    return CALL_DONE;
}

/* There is nowhere to move a partition to. */
CallState handle_list_reassignments(Call *call)
{
    (void)call_is_refused(call, ACL_DESCRIBE, ACL_CLUSTER, STR(ACL_CLUSTER_NAME));
    return CALL_DONE;
}
