/* Joining a group, sharing its partitions, leaving it. */
#include <assert.h>

#include "base/bigendian.h"
#include "kafka/access.h"

enum { SESSION_MS_LEAST = 1000, SESSION_MS_MOST = 1800000, REBALANCE_MS_MOST = 3600000 };

static const int64_t MS = 1000;

/* ---- FindCoordinator ------------------------------------------------------------------------- */

static void name_coordinator(Call *call, Str key, Message *answer)
{
    bool is_group = message_number(call->request, "key_type") == 0;
    WireError code = call_check(call, ACL_DESCRIBE, is_group ? ACL_GROUP : ACL_TRANSACTION, key);
    message_set_number(answer, "error_code", code);
    if (code != WIRE_NONE) {
        message_set_number(answer, "node_id", -1);
        message_set_number(answer, "port", -1);
        return;
    }
    message_set_number(answer, "node_id", NODE_ID);
    call_tell_address(call, answer);
}

/* This one coordinates all groups and all transactions. */
CallState handle_find_coordinator(Call *call)
{
    if (call->version.number < 4)
        name_coordinator(call, message_bytes(call->request, "key"), call->response);
    for (int32_t i = 0; i < message_count(call->request, "coordinator_keys"); i++) {
        const Message *key = message_item(call->request, "coordinator_keys", i);
        Message *answer = message_append(call->response, "coordinators", call->arena);
        message_set_bytes(answer, "key", message_bytes(key, ""));
        name_coordinator(call, message_bytes(key, ""), answer);
    }
    return CALL_DONE;
}

/* ---- JoinGroup ------------------------------------------------------------------------------- */

static void keep_protocols(Member *member, const Message *request)
{
    arena_reset(member->arena);
    member->protocols = (List){0};
    for (int32_t i = 0; i < message_count(request, "protocols"); i++) {
        const Message *item = message_item(request, "protocols", i);
        GroupProtocol *protocol = ARENA_NEW(member->arena, GroupProtocol);
        protocol->name = str_copy(member->arena, message_bytes(item, "name"));
        protocol->metadata = str_copy(member->arena, message_bytes(item, "metadata"));
        list_append(&member->protocols, member->arena, protocol);
    }
}

static List asked_protocols(Call *call)
{
    List protocols = {0};
    for (int32_t i = 0; i < message_count(call->request, "protocols"); i++) {
        GroupProtocol *protocol = ARENA_NEW(call->arena, GroupProtocol);
        protocol->name = message_bytes(message_item(call->request, "protocols", i), "name");
        list_append(&protocols, call->arena, protocol);
    }
    return protocols;
}

/* The member with that id. An instance id, if it is given, has to be its own: where another one has
 * come with it since, the older one has to end. */
static WireError find_by_names(const Group *group, Str id, Str instance, Member **out)
{
    Member *known =
        instance.length > 0 ? group_find_instance(group, instance) : group_find(group, id);
    if (known == NULL)
        return WIRE_UNKNOWN_MEMBER_ID;
    *out = known;
    return str_is(id, known->id) ? WIRE_NONE : WIRE_FENCED_INSTANCE_ID;
}

/* What a consumer has subscribed to, as it stands at the beginning of what it says to a protocol:
 * a version, then the names. All of it if it is something else. */
static Str subscription_topics(Str metadata)
{
    int64_t at = 6;
    if (metadata.length < at)
        return metadata;
    for (uint32_t left = load_be32(metadata.data + 2); left > 0; left--) {
        if (metadata.length - at < 2)
            return metadata;
        at += 2 + load_be16(metadata.data + at);
        if (at > metadata.length)
            return metadata;
    }
    return str_make(metadata.data + 2, at - 2);
}

/* Whether a member says what it said, or at least nothing that would change who reads what. */
static bool says_the_same(const Message *request, const Member *member, bool of_topics_only)
{
    bool is_consumer =
        of_topics_only && str_equal(message_bytes(request, "protocol_type"), STR("consumer"));
    bool is_same = message_count(request, "protocols") == member->protocols.count;
    for (int32_t i = 0; is_same && i < member->protocols.count; i++) {
        const GroupProtocol *before = LIST_AT(member->protocols, i, GroupProtocol);
        const Message *now = message_item(request, "protocols", i);
        Str text = message_bytes(now, "metadata"), old = before->metadata;
        is_same = str_equal(message_bytes(now, "name"), before->name) &&
                  (is_consumer ? str_equal(subscription_topics(text), subscription_topics(old))
                               : str_equal(text, old));
    }
    return is_same;
}

/* As Kafka writes it; within the process there is none. */
static Str host_of(const Call *call)
{
    const char *host = peer_host(call->peer);
    return str_from(host[0] != '\0' ? arena_printf(call->arena, "/%s", host) : "");
}

/* A static member that comes again takes the place of the one that it was. Where all have what they
 * read and it has subscribed to the same, that stays so, as in Kafka: it is told no other leader
 * than before, by its old id if it would share anew without being asked (below version 9). */
static void take_place(Call *call, Group *group, Member *member)
{
    bool stays = group->state == GROUP_STABLE && says_the_same(call->request, member, true);
    bool can_skip = call->version.number >= 9;
    Str leader = {0};
    if (stays && !can_skip)
        leader = str_copy(call->arena, str_from(group->leader->id));
    group_renew(call->broker->groups, group, member, call->client_id, host_of(call));
    if (stays)
        call->kept_leader = can_skip ? str_copy(call->arena, str_from(group->leader->id)) : leader;
}

/* A member that joins once more and says nothing new, as its answer was lost, or it has missed a
 * rebalance in which it kept its place. A leader that comes when all have what they read wants to
 * share anew. */
static bool changes_nothing(const Call *call, const Group *group, const Member *member)
{
    bool is_shared =
        group->state == GROUP_SYNCING || (group->state == GROUP_STABLE && member != group->leader);
    return is_shared && !member->is_pending && says_the_same(call->request, member, false);
}

/* The member that asks, made if it is new; or what is wrong. */
static WireError find_joiner(Call *call, Group *group, Member **out)
{
    Groups *groups = call->broker->groups;
    Str id = message_bytes(call->request, "member_id");
    Str instance = message_bytes(call->request, "group_instance_id");
    bool is_static = call->version.number >= 5 && instance.length > 0;
    if (id.length > 0) {
        WireError code = find_by_names(group, id, is_static ? instance : (Str){0}, out);
        if (code == WIRE_NONE && changes_nothing(call, group, *out))
            call->kept_leader = str_copy(call->arena, str_from(group->leader->id));
        return code;
    }
    *out = is_static ? group_find_instance(group, instance) : NULL;
    if (*out != NULL) {
        take_place(call, group, *out);
        return WIRE_NONE;
    }
    *out = group_add(groups, group, call->client_id, host_of(call));
    if (is_static)
        member_set_instance(*out, instance);
    return call->version.number >= 4 && !is_static ? WIRE_MEMBER_ID_REQUIRED : WIRE_NONE;
}

static WireError check_join(Call *call, const Group *group, const Member *member)
{
    const Message *request = call->request;
    int64_t session_ms = message_number(request, "session_timeout_ms");
    Str type = message_bytes(request, "protocol_type");
    List protocols = asked_protocols(call);
    if (session_ms < SESSION_MS_LEAST || session_ms > SESSION_MS_MOST)
        return WIRE_INVALID_SESSION_TIMEOUT;
    bool fits = group_accepts(group, member, type, &protocols);
    return type.length > 0 && protocols.count > 0 && fits ? WIRE_NONE
                                                          : WIRE_INCONSISTENT_GROUP_PROTOCOL;
}

/* Whose place it would take, whose protocols do not count then; NULL: it is new. */
static const Member *find_known(const Call *call, const Group *group)
{
    Str id = message_bytes(call->request, "member_id");
    Str instance = message_bytes(call->request, "group_instance_id");
    return id.length == 0 && instance.length > 0 ? group_find_instance(group, instance)
                                                 : group_find(group, id);
}

static WireError join_begin(Call *call)
{
    const Message *request = call->request;
    Str name = message_bytes(request, "group_id");
    WireError refused = call_check(call, ACL_READ, ACL_GROUP, name);
    if (refused != WIRE_NONE || name.length == 0)
        return refused != WIRE_NONE ? refused : WIRE_INVALID_GROUP_ID;
    /* Who is refused leaves no group behind. */
    Group *group = groups_find(call->broker->groups, name);
    WireError code = check_join(call, group, group != NULL ? find_known(call, group) : NULL);
    if (code == WIRE_NONE && group == NULL && message_bytes(request, "member_id").length > 0)
        code = WIRE_UNKNOWN_MEMBER_ID;
    if (code != WIRE_NONE)
        return code;
    if (group == NULL)
        group = groups_get(call->broker->groups, name);
    Member *member;
    code = find_joiner(call, group, &member);
    if (code != WIRE_NONE && code != WIRE_MEMBER_ID_REQUIRED)
        return code;
    int64_t session_ms = message_number(request, "session_timeout_ms");
    int64_t rebalance_ms =
        call->version.number >= 1 ? message_number(request, "rebalance_timeout_ms") : session_ms;
    rebalance_ms =
        rebalance_ms < 0 || rebalance_ms > REBALANCE_MS_MOST ? REBALANCE_MS_MOST : rebalance_ms;
    member->session_us = session_ms * MS;
    member->rebalance_us = rebalance_ms * MS;
    call->member_id = str_copy(call->arena, str_from(member->id));
    if (code == WIRE_MEMBER_ID_REQUIRED)
        return code;
    call->generation = group->generation + (call->kept_leader.data == NULL);
    if (call->kept_leader.data != NULL)
        return WIRE_NONE;
    keep_protocols(member, request);
    group_set_protocol_type(group, message_bytes(request, "protocol_type"));
    call->deadline_us = world_monotonic_us(call->broker->world) + (rebalance_ms + session_ms) * MS;
    group_join(call->broker->groups, group, member);
    return WIRE_NONE;
}

static void answer_members(Call *call, const Group *group)
{
    for (int32_t i = 0; i < group->member_count; i++) {
        const Member *member = group->members[i];
        if (member->is_pending)
            continue;
        Message *item = message_append(call->response, "members", call->arena);
        message_set_text(item, "member_id", member->id);
        message_set_text(item, "group_instance_id", member->instance_id);
        message_set_bytes(item, "metadata", member_metadata(member, group->protocol));
    }
}

static CallState answer_join(Call *call, WireError code, const Group *group)
{
    bool is_good = code == WIRE_NONE;
    message_set_number(call->response, "error_code", code);
    message_set_number(call->response, "generation_id", is_good ? group->generation : -1);
    message_set_bytes(call->response, "protocol_name", is_good ? group->protocol : STR(""));
    message_set_text(call->response, "protocol_type", is_good ? group->protocol_type : NULL);
    bool is_kept = is_good && call->kept_leader.data != NULL;
    Str leader = is_good ? str_from(group->leader->id) : STR("");
    leader = is_kept ? call->kept_leader : leader;
    bool leads = is_good && str_equal(call->member_id, leader);
    message_set_bytes(call->response, "leader", leader);
    bool is_shared = is_good && group->state == GROUP_STABLE;
    message_set_number(call->response, "skip_assignment", is_kept && leads && is_shared);
    Str id =
        call->member_id.data != NULL ? call->member_id : message_bytes(call->request, "member_id");
    message_set_bytes(call->response, "member_id", id.data != NULL ? id : STR(""));
    if (leads)
        answer_members(call, group);
    return CALL_DONE;
}

/* Why one that has joined is not there any more. */
static WireError missing_joiner(const Call *call, const Group *group)
{
    Member *other;
    Str instance = message_bytes(call->request, "group_instance_id");
    return group == NULL ? WIRE_UNKNOWN_MEMBER_ID
                         : find_by_names(group, call->member_id, instance, &other);
}

CallState handle_join_group(Call *call)
{
    if (!call->has_begun) {
        WireError code = join_begin(call);
        if (code != WIRE_NONE)
            return answer_join(call, code, NULL);
    }
    const Group *group =
        groups_find(call->broker->groups, message_bytes(call->request, "group_id"));
    const Member *member = group != NULL ? group_find(group, call->member_id) : NULL;
    if (member == NULL)
        return answer_join(call, missing_joiner(call, group), NULL);
    bool is_there = group->generation >= call->generation && !member->has_joined &&
                    (group->state == GROUP_SYNCING || group->state == GROUP_STABLE);
    if (is_there)
        return answer_join(call, WIRE_NONE, group);
    if (group->state == GROUP_PREPARING && !member->has_joined)
        return answer_join(call, WIRE_REBALANCE_IN_PROGRESS, NULL);
    return call->is_late ? answer_join(call, WIRE_REBALANCE_IN_PROGRESS, NULL) : CALL_WAITS;
}

/* ---- Members that have joined ---------------------------------------------------------------- */

bool group_is_free_for(const Call *call, const Group *group)
{
    return message_number(call->request, "generation_id") < 0 &&
           (group == NULL || group->state == GROUP_EMPTY);
}

WireError find_member(Call *call, Group **group, Member **member)
{
    Str id = message_bytes(call->request, "member_id");
    Str name = message_bytes(call->request, "group_id");
    WireError refused = call_check(call, ACL_READ, ACL_GROUP, name);
    *member = NULL;
    *group = groups_find(call->broker->groups, name);
    if (refused != WIRE_NONE || *group == NULL)
        return refused != WIRE_NONE ? refused : WIRE_UNKNOWN_MEMBER_ID;
    WireError code =
        find_by_names(*group, id, message_bytes(call->request, "group_instance_id"), member);
    if (code == WIRE_NONE && (*member)->is_pending)
        code = WIRE_UNKNOWN_MEMBER_ID;
    if (code != WIRE_NONE)
        return code;
    if (message_number(call->request, "generation_id") != (*group)->generation)
        return WIRE_ILLEGAL_GENERATION;
    group_hear(call->broker->groups, *member);
    return WIRE_NONE;
}

static void take_assignments(Call *call, Group *group)
{
    for (int32_t i = 0; i < message_count(call->request, "assignments"); i++) {
        const Message *item = message_item(call->request, "assignments", i);
        Member *member = group_find(group, message_bytes(item, "member_id"));
        if (member == NULL)
            continue;
        member->assignment.length = 0;
        buffer_append_str(&member->assignment, message_bytes(item, "assignment"));
    }
    group_assign(call->broker->groups, group);
}

CallState handle_sync_group(Call *call)
{
    Group *group;
    Member *member;
    WireError code = find_member(call, &group, &member);
    if (!call->has_begun && code == WIRE_NONE)
        call->deadline_us = world_monotonic_us(call->broker->world) + member->rebalance_us;
    if (code == WIRE_NONE && group->state == GROUP_PREPARING)
        code = WIRE_REBALANCE_IN_PROGRESS;
    if (code == WIRE_NONE)
        group_sync(call->broker->groups, member);
    if (code == WIRE_NONE && group->state == GROUP_SYNCING && member == group->leader)
        take_assignments(call, group);
    if (code == WIRE_NONE && group->state == GROUP_SYNCING) {
        if (!call->is_late)
            return CALL_WAITS;
        code = WIRE_REBALANCE_IN_PROGRESS;
    }
    message_set_number(call->response, "error_code", code);
    if (code == WIRE_NONE) {
        message_set_text(call->response, "protocol_type", group->protocol_type);
        message_set_bytes(call->response, "protocol_name", group->protocol);
    }
    Str assignment = code == WIRE_NONE ? buffer_str(&member->assignment) : (Str){0};
    message_set_bytes(call->response, "assignment",
                      assignment.data != NULL ? str_copy(call->arena, assignment) : STR(""));
    return CALL_DONE;
}

CallState handle_heartbeat(Call *call)
{
    Group *group;
    Member *member;
    WireError code = find_member(call, &group, &member);
    if (code == WIRE_NONE && group->state == GROUP_PREPARING)
        code = WIRE_REBALANCE_IN_PROGRESS;
    message_set_number(call->response, "error_code", code);
    return CALL_DONE;
}

/* ---- LeaveGroup ------------------------------------------------------------------------------ */

static WireError leave(Call *call, Group *group, Str id, Str instance)
{
    Member *member = NULL;
    if (group == NULL)
        return WIRE_UNKNOWN_MEMBER_ID;
    WireError code = find_by_names(group, id, instance, &member);
    /* An administrator takes out a static member by that name alone. */
    if (code == WIRE_FENCED_INSTANCE_ID && id.length == 0)
        code = WIRE_NONE;
    if (code == WIRE_NONE)
        group_remove(call->broker->groups, group, member);
    return code;
}

CallState handle_leave_group(Call *call)
{
    const Message *request = call->request;
    Group *group = groups_find(call->broker->groups, message_bytes(request, "group_id"));
    if (call_is_refused(call, ACL_READ, ACL_GROUP, message_bytes(request, "group_id")))
        return CALL_DONE;
    if (call->version.number < 3) {
        message_set_number(call->response, "error_code",
                           leave(call, group, message_bytes(request, "member_id"), (Str){0}));
        return CALL_DONE;
    }
    for (int32_t i = 0; i < message_count(request, "members"); i++) {
        const Message *asked = message_item(request, "members", i);
        Message *answer = message_append(call->response, "members", call->arena);
        Str id = message_bytes(asked, "member_id");
        Str instance = message_bytes(asked, "group_instance_id");
        message_set_bytes(answer, "member_id", id);
        message_set_bytes(answer, "group_instance_id", instance);
        message_set_number(answer, "error_code", leave(call, group, id, instance));
    }
    return CALL_DONE;
}
