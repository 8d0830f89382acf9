/* Looking at groups from outside, and removing them and their offsets. */
#include "base/bigendian.h"
#include "base/log.h"
#include "kafka/access.h"

/* ---- ListGroups, DescribeGroups -------------------------------------------------------------- */

static const char *state_name(GroupState state)
{
    switch (state) {
    case GROUP_EMPTY: return "Empty";
    case GROUP_PREPARING: return "PreparingRebalance";
    case GROUP_SYNCING: return "CompletingRebalance";
    case GROUP_STABLE: break;
    }
    return "Stable";
}

static void describe_member(Call *call, const Group *group, const Member *member, Message *answer)
{
    Message *item = message_append(answer, "members", call->arena);
    message_set_text(item, "member_id", member->id);
    message_set_text(item, "group_instance_id", member->instance_id);
    message_set_text(item, "client_id", member->client_id);
    message_set_text(item, "client_host", member->host);
    message_set_bytes(item, "member_metadata", member_metadata(member, group->protocol));
    Str assignment = buffer_str(&member->assignment);
    message_set_bytes(item, "member_assignment", assignment.data != NULL ? assignment : STR(""));
}

/* A group without members that has committed, or that is known to have had some. */
static bool group_is_known(const Broker *broker, Str name)
{
    if (groups_find(broker->groups, name) != NULL)
        return true;
    for (int32_t i = 0; broker->offsets != NULL && i < offsets_count(broker->offsets); i++)
        if (str_equal(offsets_at(broker->offsets, i)->group, name))
            return true;
    return false;
}

static bool passes(const Message *request, const char *field, const char *text)
{
    int32_t count = message_count(request, field);
    for (int32_t i = 0; i < count; i++)
        if (str_equal_ignoring_case(message_bytes(message_item(request, field, i), ""),
                                    str_from(text)))
            return true;
    return count == 0;
}

static void list_group(Call *call, Str name, const Group *group)
{
    const char *state = state_name(group != NULL ? group->state : GROUP_EMPTY);
    bool may_know = call_check_cluster(call, ACL_DESCRIBE) == WIRE_NONE ||
                    call_may(call, ACL_DESCRIBE, ACL_GROUP, name);
    if (!may_know || !passes(call->request, "states_filter", state) ||
        !passes(call->request, "types_filter", "classic"))
        return;
    bool has_type = group != NULL && group->protocol_type != NULL;
    Message *answer = message_append(call->response, "groups", call->arena);
    message_set_bytes(answer, "group_id", name);
    message_set_text(answer, "protocol_type", has_type ? group->protocol_type : "");
    message_set_text(answer, "group_state", state);
    message_set_text(answer, "group_type", "classic");
}

/* Those that have committed, if anybody has ever. */
static void open_offsets(Broker *broker)
{
    Error error = {0};
    if (topics_find(broker->topics, STR(OFFSETS_TOPIC)) != NULL &&
        broker_offsets(broker, &error) != OK)
        log_event(LOG_WARN, "hub", "%s", error.text);
}

CallState handle_list_groups(Call *call)
{
    Broker *broker = call->broker;
    open_offsets(broker);
    Map *listed = map_new(call->arena);
    for (int32_t i = 0; i < groups_count(broker->groups); i++) {
        Group *group = groups_at(broker->groups, i);
        map_put(listed, str_from(group->name), group);
        list_group(call, str_from(group->name), group);
    }
    for (int32_t i = 0; broker->offsets != NULL && i < offsets_count(broker->offsets); i++) {
        Str name = offsets_at(broker->offsets, i)->group;
        if (map_find(listed, name) != NULL)
            continue;
        map_put(listed, name, broker);
        list_group(call, name, NULL);
    }
    return CALL_DONE;
}

static void refuse_group(Call *call, Message *answer, Str name)
{
    message_set_number(answer, "error_code", WIRE_GROUP_ID_NOT_FOUND);
    message_set_text(answer, "error_message",
                     arena_printf(call->arena, "Group %.*s not found.", STR_ARGS(name)));
}

CallState handle_describe_groups(Call *call)
{
    open_offsets(call->broker);
    for (int32_t i = 0; i < message_count(call->request, "groups"); i++) {
        Str name = message_bytes(message_item(call->request, "groups", i), "");
        const Group *group = groups_find(call->broker->groups, name);
        Message *answer = message_append(call->response, "groups", call->arena);
        message_set_bytes(answer, "group_id", name);
        WireError refused = call_check(call, ACL_DESCRIBE, ACL_GROUP, name);
        message_set_number(answer, "error_code", refused);
        message_set_number(answer, "authorized_operations", ACL_UNASKED);
        if (refused != WIRE_NONE)
            continue;
        message_set_number(answer, "authorized_operations",
                           call_operations(call, "include_authorized_operations", ACL_GROUP, name));
        bool is_known = group_is_known(call->broker, name);
        message_set_text(answer, "group_state",
                         group != NULL ? state_name(group->state)
                         : is_known    ? state_name(GROUP_EMPTY)
                                       : "Dead");
        if (!is_known && call->version.number >= 6)
            refuse_group(call, answer, name);
        const char *type = group != NULL ? group->protocol_type : NULL;
        message_set_text(answer, "protocol_type", type != NULL ? type : "");
        bool has_protocol = group != NULL && group->protocol.data != NULL;
        message_set_bytes(answer, "protocol_data", has_protocol ? group->protocol : STR(""));
        for (int32_t j = 0; group != NULL && j < group->member_count; j++)
            if (!group->members[j]->is_pending)
                describe_member(call, group, group->members[j], answer);
    }
    return CALL_DONE;
}

/* ---- DeleteGroups, OffsetDelete -------------------------------------------------------------- */

static WireError delete_group(Call *call, Str name, Message *answer)
{
    Broker *broker = call->broker;
    Group *group = groups_find(broker->groups, name);
    WireError refused = call_check(call, ACL_DELETE, ACL_GROUP, name);
    if (refused != WIRE_NONE)
        return refused;
    if (group != NULL && group->member_count > 0)
        return WIRE_NON_EMPTY_GROUP;
    if (!group_is_known(broker, name))
        return WIRE_GROUP_ID_NOT_FOUND;
    WireError code = WIRE_NONE;
    if (broker->offsets != NULL)
        code = call_forget(call, &(OffsetsFilter){.group = name, .partition = -1}, answer);
    if (code == WIRE_NONE && group != NULL)
        groups_delete(broker->groups, group);
    return code;
}

CallState handle_delete_groups(Call *call)
{
    if (call->has_begun)
        return call_forgets(call);
    open_offsets(call->broker);
    for (int32_t i = 0; i < message_count(call->request, "groups_names"); i++) {
        Str name = message_bytes(message_item(call->request, "groups_names", i), "");
        Message *answer = message_append(call->response, "results", call->arena);
        message_set_bytes(answer, "group_id", name);
        message_set_number(answer, "error_code", delete_group(call, name, answer));
    }
    return call_forgets(call);
}

/* Whether the member has said that it reads the topic: a version, then a list of names. */
static bool member_reads(const Member *member, Str protocol, Str topic)
{
    ByteReader reader = byte_reader(member_metadata(member, protocol));
    byte_reader_take(&reader, 2);
    Str count = byte_reader_take(&reader, 4);
    int64_t left = reader.is_short ? 0 : (int32_t)load_be32(count.data);
    for (; left > 0 && !reader.is_short; left--) {
        Str length = byte_reader_take(&reader, 2);
        Str name = reader.is_short ? (Str){0} : byte_reader_take(&reader, load_be16(length.data));
        if (!reader.is_short && str_equal(name, topic))
            return true;
    }
    return false;
}

static bool group_reads(const Group *group, Str topic)
{
    bool is_of_consumers = group != NULL && group->protocol_type != NULL &&
                           strcmp(group->protocol_type, "consumer") == 0;
    for (int32_t i = 0; is_of_consumers && i < group->member_count; i++)
        if (member_reads(group->members[i], group->protocol, topic))
            return true;
    return false;
}

static WireError delete_offset(Call *call, Str group, Str topic, const Message *asked,
                               Message *answer)
{
    const Topic *found = topics_find(call->broker->topics, topic);
    int64_t partition = message_number(asked, "partition_index");
    WireError refused = call_check(call, ACL_READ, ACL_TOPIC, topic);
    if (refused != WIRE_NONE)
        return refused;
    if (found == NULL || partition < 0 || partition >= found->partition_count)
        return WIRE_UNKNOWN_TOPIC_OR_PARTITION;
    if (group_reads(groups_find(call->broker->groups, group), topic))
        return WIRE_GROUP_SUBSCRIBED_TO_TOPIC;
    OffsetsFilter filter = {.group = group, .topic = topic, .partition = (int32_t)partition};
    return call->broker->offsets != NULL ? call_forget(call, &filter, answer) : WIRE_NONE;
}

CallState handle_offset_delete(Call *call)
{
    if (call->has_begun)
        return call_forgets(call);
    open_offsets(call->broker);
    Str group = message_bytes(call->request, "group_id");
    if (call_is_refused(call, ACL_DELETE, ACL_GROUP, group))
        return CALL_DONE;
    if (!group_is_known(call->broker, group)) {
        message_set_number(call->response, "error_code", WIRE_GROUP_ID_NOT_FOUND);
        return CALL_DONE;
    }
    for (int32_t i = 0; i < message_count(call->request, "topics"); i++) {
        const Message *topic = message_item(call->request, "topics", i);
        Str name = message_bytes(topic, "name");
        Message *answers = message_append(call->response, "topics", call->arena);
        message_set_bytes(answers, "name", name);
        for (int32_t j = 0; j < message_count(topic, "partitions"); j++) {
            const Message *asked = message_item(topic, "partitions", j);
            Message *answer = message_append(answers, "partitions", call->arena);
            message_set_number(answer, "partition_index", message_number(asked, "partition_index"));
            message_set_number(answer, "error_code",
                               delete_offset(call, group, name, asked, answer));
        }
    }
    return call_forgets(call);
}
