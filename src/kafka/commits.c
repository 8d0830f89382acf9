/* Offsets of groups: committed durably, and fetched. */
#include <assert.h>

#include "base/log.h"
#include "kafka/access.h"

enum { METADATA_BYTES_MAX = 4096 };

/* ---- OffsetCommit ---------------------------------------------------------------------------- */

/* Members of the generation may, and whoever assigns partitions to itself while the group has no
 * members. */
static WireError may_commit(Call *call)
{
    Str id = message_bytes(call->request, "member_id");
    Str name = message_bytes(call->request, "group_id");
    const Group *group = groups_find(call->broker->groups, name);
    WireError refused = call_check(call, ACL_READ, ACL_GROUP, name);
    if (refused != WIRE_NONE)
        return refused;
    if (group_is_free_for(call, group))
        return WIRE_NONE;
    bool is_static = message_bytes(call->request, "group_instance_id").length > 0;
    if (id.length == 0 && !is_static && message_number(call->request, "generation_id") < 0)
        return WIRE_UNKNOWN_MEMBER_ID;
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

/* As the client has said, in versions in which it can. */
static int32_t leader_epoch(const Call *call, const Message *asked)
{
    int32_t first = call->api->key == TRANSACTION_COMMIT_KEY ? 2 : 6;
    return call->version.number >= first ? (int32_t)message_number(asked, "committed_leader_epoch")
                                         : -1;
}

int32_t collect_commits(Call *call, WireError refusal, CommittedOffset **out)
{
    int32_t count = 0;
    CommittedOffset *commits =
        ARENA_ARRAY(call->arena, CommittedOffset, count_asked_partitions(call->request) + 1);
    bool is_denied = refusal == WIRE_GROUP_AUTHORIZATION_FAILED ||
                     refusal == WIRE_TRANSACTION_AUTHORIZATION_FAILED;
    *out = commits;
    int64_t now_ms = world_now_us(call->broker->world) / 1000;
    for (int32_t i = 0; i < message_count(call->request, "topics"); i++) {
        const Message *asked_topic = message_item(call->request, "topics", i);
        Str name = message_bytes(asked_topic, "name");
        const Topic *topic = topics_find(call->broker->topics, name);
        Message *answers = message_append(call->response, "topics", call->arena);
        message_set_bytes(answers, "name", name);
        WireError refused = is_denied ? refusal : call_check(call, ACL_READ, ACL_TOPIC, name);
        refused = refused != WIRE_NONE ? refused : refusal;
        for (int32_t j = 0; j < message_count(asked_topic, "partitions"); j++) {
            const Message *asked = message_item(asked_topic, "partitions", j);
            WireError code = refused != WIRE_NONE ? refused : check_commit(call, topic, asked);
            Message *answer = message_append(answers, "partitions", call->arena);
            int64_t partition = message_number(asked, "partition_index");
            message_set_number(answer, "partition_index", partition);
            message_set_number(answer, "error_code", code);
            if (code != WIRE_NONE)
                continue;
            commits[count++] =
                (CommittedOffset){.group = message_bytes(call->request, "group_id"),
                                  .topic = name,
                                  .partition = (int32_t)partition,
                                  .offset = message_number(asked, "committed_offset"),
                                  .leader_epoch = leader_epoch(call, asked),
                                  .metadata = message_bytes(asked, "committed_metadata"),
                                  .committed_ms = now_ms};
        }
    }
    return count;
}

/* They count as soon as they are appended, whether anybody still waits for that or not. */
static void commit_append(CallCommit *commit)
{
    commit->append.status =
        offsets_append(commit->broker->offsets, &commit->write, &commit->append.error);
}

static void commit_finish(CallCommit *commit)
{
    commit->append.status = offsets_finish(commit->broker->offsets, &commit->write,
                                           commit->append.status, &commit->append.error);
}

static void commit_write(Append *append)
{
    CallCommit *commit = (CallCommit *)append;
    commit_append(commit);
    topics_lock(commit->broker->topics);
    commit_finish(commit);
    topics_unlock(commit->broker->topics);
}

void submit_commits(Call *call, CommitProducer producer, const CommittedOffset *commits,
                    int32_t count)
{
    CallCommit *commit = ARENA_NEW(call->arena, CallCommit);
    Partition *partition = offsets_partition(call->broker->offsets);
    *commit = (CallCommit){.append = {.partition = partition, .write = commit_write},
                           .broker = call->broker};
    call->commit = commit;
    if (call->deadline_us == 0)
        call->deadline_us = world_monotonic_us(call->broker->world) + COMMIT_TIMEOUT_US;
    offsets_begin(call->broker->offsets, producer, commits, count, &commit->write);
    if (call->broker->config.appender != NULL) {
        call_submit(call, &commit->append);
        return;
    }
    commit_append(commit);
    commit_finish(commit);
    commit->append.is_done = true;
}

static WireError commit_error(const Call *call, const Append *append)
{
    WireError code = broker_error(append->status, &append->error);
    /* Producers ask again. */
    return call->api->key == TRANSACTION_COMMIT_KEY ? WIRE_COORDINATOR_NOT_AVAILABLE : code;
}

CallState wait_for_commits(Call *call)
{
    CallCommit *commit = call->commit;
    bool is_done = commit == NULL || commit->append.is_done;
    if (!is_done && !call->is_late)
        return CALL_WAITS;
    if (commit != NULL && !commit->is_settled) {
        commit->is_settled = true;
        if (!is_done)
            call_refuse_all(call, WIRE_REQUEST_TIMED_OUT);
        else if (commit->append.status != OK)
            call_refuse_all(call, commit_error(call, &commit->append));
        else
            call_promise(call, offsets_partition(call->broker->offsets), commit->write.end_offset,
                         NULL);
    }
    return call_promises_are_kept(call, WIRE_REQUEST_TIMED_OUT) ? CALL_DONE : CALL_WAITS;
}

static void commit_begin(Call *call)
{
    CommittedOffset *commits;
    int32_t count = collect_commits(call, may_commit(call), &commits);
    if (count == 0)
        return;
    Error error = {0};
    Status status = broker_offsets(call->broker, &error);
    if (status != OK)
        call_refuse_all(call, broker_error(status, &error));
    else
        submit_commits(call, (CommitProducer){-1, -1}, commits, count);
}

CallState handle_offset_commit(Call *call)
{
    if (!call->has_begun)
        commit_begin(call);
    return wait_for_commits(call);
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

/* Of what is decided by a transaction that goes on nothing is told to whoever asks for that. */
static bool is_unstable(const Call *call, Str group, Str topic, int32_t partition)
{
    return message_number(call->request, "require_stable") != 0 &&
           offsets_are_pending(call->broker->offsets, group, topic, partition);
}

static void fetch_all(Call *call, Str group, Message *out)
{
    const Offsets *offsets = call->broker->offsets;
    Map *topics = map_new(call->arena);
    for (int32_t i = 0; i < offsets_count(offsets); i++) {
        const CommittedOffset *committed = offsets_at(offsets, i);
        if (!str_equal(committed->group, group) ||
            !call_may(call, ACL_DESCRIBE, ACL_TOPIC, committed->topic))
            continue;
        Message *answers = map_find(topics, committed->topic);
        if (answers == NULL) {
            answers = message_append(out, "topics", call->arena);
            message_set_bytes(answers, "name", committed->topic);
            map_put(topics, committed->topic, answers);
        }
        Message *answer = message_append(answers, "partitions", call->arena);
        bool waits = is_unstable(call, group, committed->topic, committed->partition);
        answer_offset(answer, committed->partition, waits ? NULL : committed);
        if (waits)
            message_set_number(answer, "error_code", WIRE_UNSTABLE_OFFSET_COMMIT);
    }
}

static void fetch_one(Call *call, Str group, Str topic, int32_t partition, Message *answer)
{
    const Offsets *offsets = call->broker->offsets;
    WireError refused = call_check(call, ACL_DESCRIBE, ACL_TOPIC, topic);
    bool is_pending = is_unstable(call, group, topic, partition);
    answer_offset(
        answer, partition,
        is_pending || refused != WIRE_NONE ? NULL : offsets_find(offsets, group, topic, partition));
    if (refused != WIRE_NONE)
        message_set_number(answer, "error_code", refused);
    else if (is_pending)
        message_set_number(answer, "error_code", WIRE_UNSTABLE_OFFSET_COMMIT);
}

/* Of one group, as `asked` says it, which is the request itself in older versions. */
static void fetch_group(Call *call, const Message *asked, Message *out)
{
    Error error = {0};
    Str group = message_bytes(asked, "group_id");
    WireError refused = call_check(call, ACL_DESCRIBE, ACL_GROUP, group);
    if (refused != WIRE_NONE) {
        message_set_number(out, "error_code", refused);
        return;
    }
    Status status = broker_offsets(call->broker, &error);
    if (status != OK) {
        message_set_number(out, "error_code", broker_error(status, &error));
        return;
    }
    if (message_is_null(asked, "topics"))
        fetch_all(call, group, out);
    for (int32_t i = 0; i < message_count(asked, "topics"); i++) {
        const Message *topic = message_item(asked, "topics", i);
        Str name = message_bytes(topic, "name");
        Message *answers = message_append(out, "topics", call->arena);
        message_set_bytes(answers, "name", name);
        for (int32_t j = 0; j < message_count(topic, "partition_indexes"); j++) {
            int64_t partition = message_number(message_item(topic, "partition_indexes", j), "");
            fetch_one(call, group, name, (int32_t)partition,
                      message_append(answers, "partitions", call->arena));
        }
    }
}

CallState handle_offset_fetch(Call *call)
{
    if (call->version.number < 8)
        fetch_group(call, call->request, call->response);
    for (int32_t i = 0; i < message_count(call->request, "groups"); i++) {
        const Message *asked = message_item(call->request, "groups", i);
        Message *out = message_append(call->response, "groups", call->arena);
        message_set_bytes(out, "group_id", message_bytes(asked, "group_id"));
        fetch_group(call, asked, out);
    }
    return CALL_DONE;
}

/* ---- Forgetting ------------------------------------------------------------------------------ */

WireError call_forget(Call *call, const OffsetsFilter *filter, Message *answer)
{
    Error error = {0};
    int64_t end_offset = 0;
    Offsets *offsets = call->broker->offsets;
    Status status = offsets_forget(offsets, filter, &end_offset, &error);
    if (status != OK)
        return broker_error(status, &error);
    call_promise(call, offsets_partition(offsets), end_offset, answer);
    call->forgets_begun = offsets_begun(offsets);
    return WIRE_NONE;
}

/* What was on its way is taken back behind it: only when that is written it is known how far the
 * topic has to be durable. */
CallState call_forgets(Call *call)
{
    const Offsets *offsets = call->broker->offsets;
    if (call->deadline_us == 0)
        call->deadline_us = world_monotonic_us(call->broker->world) + COMMIT_TIMEOUT_US;
    bool is_known = call->forgets_begun == 0 || offsets_are_finished(offsets, call->forgets_begun);
    if (!is_known && !call->is_late)
        return CALL_WAITS;
    for (int32_t i = 0; call->forgets_begun > 0 && i < call->promise_count; i++)
        call->promises[i].end_offset = is_known ? offsets_end(offsets) : INT64_MAX;
    call->forgets_begun = 0;
    return call_promises_are_kept(call, WIRE_REQUEST_TIMED_OUT) ? CALL_DONE : CALL_WAITS;
}

/* Who waits for it hears when it is done, or that it is not; the log says why. */
void broker_settle_offsets(Broker *broker)
{
    if (broker->offsets == NULL || !offsets_owe(broker->offsets))
        return;
    Error error = {0};
    if (offsets_settle(broker->offsets, &error) != OK)
        log_event(LOG_DEBUG, "hub", "offsets are still to be taken back: %s", error.text);
}

/* ---- Old offsets ----------------------------------------------------------------------------- */

/* Groups without members, and none since long before. */
static bool group_is_free(void *context, Str name)
{
    const Broker *broker = context;
    const Group *group = groups_find(broker->groups, name);
    int64_t retention_us = broker->config.offsets_retention_ms * 1000;
    return group == NULL || (group->member_count == 0 &&
                             world_monotonic_us(broker->world) - group->emptied_us >= retention_us);
}

/* Members come back behind a restart: until then nothing is forgotten. */
void broker_expire_offsets(Broker *broker)
{
    static const int64_t EVERY_US = INT64_C(60) * 1000 * 1000, GRACE_US = 60 * EVERY_US;
    int64_t now_us = world_monotonic_us(broker->world);
    int64_t retention_ms = broker->config.offsets_retention_ms;
    int64_t grace_us = retention_ms * 1000 < GRACE_US ? retention_ms * 1000 : GRACE_US;
    if (retention_ms == 0 || now_us - broker->looked_us < EVERY_US ||
        now_us - broker->started_us < grace_us ||
        topics_find(broker->topics, STR(OFFSETS_TOPIC)) == NULL)
        return;
    broker->looked_us = now_us;
    Error error = {0};
    int64_t end_offset;
    OffsetsFilter old = {.partition = -1,
                         .before_ms = world_now_us(broker->world) / 1000 - retention_ms,
                         .is_free = group_is_free,
                         .context = broker};
    Status status = broker_offsets(broker, &error);
    if (status == OK)
        status = offsets_forget(broker->offsets, &old, &end_offset, &error);
    if (status != OK)
        log_event(LOG_WARN, "hub", "old offsets stay: %s", error.text);
}
