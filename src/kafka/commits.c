/* Offsets of groups: committed durably, and fetched. */
#include <assert.h>

#include "kafka/internal.h"

enum { METADATA_BYTES_MAX = 4096 };

/* ---- OffsetCommit ---------------------------------------------------------------------------- */

/* Members of the generation may, and whoever assigns partitions to itself while the group has no
 * members. */
static WireError may_commit(Call *call)
{
    Str id = message_bytes(call->request, "member_id");
    const Group *group =
        groups_find(call->broker->groups, message_bytes(call->request, "group_id"));
    if (id.length == 0 && message_number(call->request, "generation_id") < 0) {
        bool is_free = group == NULL || group->state == GROUP_EMPTY;
        return is_free ? WIRE_NONE : WIRE_UNKNOWN_MEMBER_ID;
    }
    Group *joined;
    Member *member;
    WireError code = find_member(call, &joined, &member);
    bool is_syncing = code == WIRE_NONE && joined->state == GROUP_SYNCING;
    return is_syncing ? WIRE_REBALANCE_IN_PROGRESS : code;
}

static WireError check_commit(Call *call, const Topic *topic, const Message *asked)
{
    int64_t partition = message_number(asked, "partition_index");
    (void)call;
    if (topic == NULL || partition < 0 || partition >= topic->partition_count)
        return WIRE_UNKNOWN_TOPIC_OR_PARTITION;
    return message_bytes(asked, "committed_metadata").length > METADATA_BYTES_MAX
               ? WIRE_OFFSET_METADATA_TOO_LARGE
               : WIRE_NONE;
}

/* The commits that are well-formed; of the others the answer says why. */
static int32_t collect_commits(Call *call, CommittedOffset *commits)
{
    int32_t count = 0;
    WireError refusal = may_commit(call);
    int64_t now_ms = world_now_us(call->broker->world) / 1000;
    for (int32_t i = 0; i < message_count(call->request, "topics"); i++) {
        const Message *asked_topic = message_item(call->request, "topics", i);
        Str name = message_bytes(asked_topic, "name");
        const Topic *topic = topics_find(call->broker->topics, name);
        Message *answers = message_append(call->response, "topics", call->arena);
        message_set_bytes(answers, "name", name);
        for (int32_t j = 0; j < message_count(asked_topic, "partitions"); j++) {
            const Message *asked = message_item(asked_topic, "partitions", j);
            WireError code = refusal != WIRE_NONE ? refusal : check_commit(call, topic, asked);
            Message *answer = message_append(answers, "partitions", call->arena);
            int64_t partition = message_number(asked, "partition_index");
            message_set_number(answer, "partition_index", partition);
            message_set_number(answer, "error_code", code);
            if (code != WIRE_NONE)
                continue;
            int64_t epoch =
                call->version.number >= 6 ? message_number(asked, "committed_leader_epoch") : -1;
            commits[count++] =
                (CommittedOffset){.group = message_bytes(call->request, "group_id"),
                                  .topic = name,
                                  .partition = (int32_t)partition,
                                  .offset = message_number(asked, "committed_offset"),
                                  .leader_epoch = (int32_t)epoch,
                                  .metadata = message_bytes(asked, "committed_metadata"),
                                  .committed_ms = now_ms};
        }
    }
    return count;
}

/* All that had no error get this one. */
static void refuse_all(Call *call, WireError code)
{
    for (int32_t i = 0; i < message_count(call->response, "topics"); i++) {
        const Message *topic = message_item(call->response, "topics", i);
        for (int32_t j = 0; j < message_count(topic, "partitions"); j++) {
            Message *answer = (Message *)message_item(topic, "partitions", j);
            if (message_number(answer, "error_code") == WIRE_NONE)
                message_set_number(answer, "error_code", code);
        }
    }
}

static int32_t count_partitions(const Message *request)
{
    int32_t count = 0;
    for (int32_t i = 0; i < message_count(request, "topics"); i++)
        count += message_count(message_item(request, "topics", i), "partitions");
    return count;
}

static void commit_begin(Call *call)
{
    CommittedOffset *commits =
        ARENA_ARRAY(call->arena, CommittedOffset, count_partitions(call->request) + 1);
    int32_t count = collect_commits(call, commits);
    if (count == 0)
        return;
    Error error = {0};
    Partition *partition;
    int64_t end_offset = 0;
    Status status = broker_offsets(call->broker, &error);
    if (status == OK)
        status =
            offsets_commit(call->broker->offsets, commits, count, &partition, &end_offset, &error);
    if (status != OK) {
        refuse_all(call, broker_error(status, &error));
        return;
    }
    call->promises = ARENA_ARRAY(call->arena, Promise, 1);
    partition_hold(partition);
    call->promises[call->promise_count++] = (Promise){partition, end_offset, NULL};
    call->deadline_us = world_monotonic_us(call->broker->world) + COMMIT_TIMEOUT_US;
}

CallState handle_offset_commit(Call *call)
{
    if (!call->has_begun)
        commit_begin(call);
    if (call->promise_count == 0)
        return CALL_DONE;
    PartitionOffsets offsets;
    partition_offsets(call->promises[0].partition, &offsets);
    bool is_kept = offsets.high_watermark >= call->promises[0].end_offset;
    if (!is_kept && !call->is_late)
        return CALL_WAITS;
    if (!is_kept)
        refuse_all(call, WIRE_REQUEST_TIMED_OUT);
    return CALL_DONE;
}

/* ---- OffsetFetch ----------------------------------------------------------------------------- */

static void answer_offset(Message *answer, int32_t partition, const CommittedOffset *committed)
{
    message_set_number(answer, "partition_index", partition);
    message_set_number(answer, "committed_offset", committed != NULL ? committed->offset : -1);
    message_set_number(answer, "committed_leader_epoch",
                       committed != NULL ? committed->leader_epoch : -1);
    bool has_metadata = committed != NULL && committed->metadata.length > 0;
    message_set_bytes(answer, "metadata", has_metadata ? committed->metadata : STR(""));
}

static void fetch_all(Call *call, Str group)
{
    const Offsets *offsets = call->broker->offsets;
    Map *topics = map_new(call->arena);
    for (int32_t i = 0; i < offsets_count(offsets); i++) {
        const CommittedOffset *committed = offsets_at(offsets, i);
        if (!str_equal(committed->group, group))
            continue;
        Message *answers = map_find(topics, committed->topic);
        if (answers == NULL) {
            answers = message_append(call->response, "topics", call->arena);
            message_set_bytes(answers, "name", committed->topic);
            map_put(topics, committed->topic, answers);
        }
        answer_offset(message_append(answers, "partitions", call->arena), committed->partition,
                      committed);
    }
}

static void fetch_asked(Call *call, Str group)
{
    for (int32_t i = 0; i < message_count(call->request, "topics"); i++) {
        const Message *asked = message_item(call->request, "topics", i);
        Str name = message_bytes(asked, "name");
        Message *answers = message_append(call->response, "topics", call->arena);
        message_set_bytes(answers, "name", name);
        for (int32_t j = 0; j < message_count(asked, "partition_indexes"); j++) {
            int32_t partition =
                (int32_t)message_number(message_item(asked, "partition_indexes", j), "");
            answer_offset(message_append(answers, "partitions", call->arena), partition,
                          offsets_find(call->broker->offsets, group, name, partition));
        }
    }
}

CallState handle_offset_fetch(Call *call)
{
    Error error = {0};
    Str group = message_bytes(call->request, "group_id");
    Status status = broker_offsets(call->broker, &error);
    if (status != OK)
        message_set_number(call->response, "error_code", broker_error(status, &error));
    else if (message_is_null(call->request, "topics"))
        fetch_all(call, group);
    else
        fetch_asked(call, group);
    return CALL_DONE;
}
