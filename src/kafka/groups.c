/* The state machine of groups; see the header. */
#include "kafka/groups.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/memory.h"

struct Groups {
    World *world;
    Arena *arena;
    Map *all; /* name -> Group */
    bool has_changed;
};

static char *text_new(Str text)
{
    char *copy = memory_allocate(text.length + 1);
    if (text.length > 0)
        memcpy(copy, text.data, (size_t)text.length);
    copy[text.length] = '\0';
    return copy;
}

static void member_free(Member *member)
{
    memory_free(member->id);
    memory_free(member->client_id);
    memory_free(member->host);
    memory_free(member->instance_id);
    arena_free(member->arena);
    buffer_free(&member->assignment);
    memory_free(member);
}

static void group_free(Group *group)
{
    memory_free(group->members);
    memory_free(group->protocol_type);
    memory_free(group->name);
    memory_free(group);
}

Groups *groups_new(World *world)
{
    Arena *arena = arena_new(0);
    Groups *groups = ARENA_NEW(arena, Groups);
    *groups = (Groups){.world = world, .arena = arena, .all = map_new(arena)};
    return groups;
}

void groups_free(Groups *groups)
{
    if (groups == NULL)
        return;
    for (int32_t i = 0; i < groups_count(groups); i++) {
        Group *group = groups_at(groups, i);
        for (int32_t j = 0; j < group->member_count; j++)
            member_free(group->members[j]);
        group_free(group);
    }
    arena_free(groups->arena);
}

int32_t groups_count(const Groups *groups)
{
    return map_count(groups->all);
}

Group *groups_at(const Groups *groups, int32_t index)
{
    return map_value_at(groups->all, index);
}

Group *groups_find(const Groups *groups, Str name)
{
    return map_find(groups->all, name);
}

Group *groups_get(Groups *groups, Str name)
{
    Group *group = groups_find(groups, name);
    if (group != NULL)
        return group;
    group = memory_allocate_zeroed((int64_t)sizeof *group);
    group->name = text_new(name);
    group->emptied_us = world_monotonic_us(groups->world);
    map_put(groups->all, name, group);
    return group;
}

void groups_delete(Groups *groups, Group *group)
{
    assert(group->member_count == 0);
    map_remove(groups->all, str_from(group->name));
    group_free(group);
}

Member *group_find(const Group *group, Str member_id)
{
    for (int32_t i = 0; i < group->member_count; i++)
        if (str_is(member_id, group->members[i]->id))
            return group->members[i];
    return NULL;
}

Member *group_find_instance(const Group *group, Str instance_id)
{
    for (int32_t i = 0; i < group->member_count; i++)
        if (group->members[i]->instance_id != NULL &&
            str_is(instance_id, group->members[i]->instance_id))
            return group->members[i];
    return NULL;
}

static void member_name(Groups *groups, Member *member, Str client_id, Str host)
{
    Buffer id = {0};
    World *world = groups->world;
    buffer_printf(&id, "%.*s-%016" PRIx64 "%016" PRIx64, STR_ARGS(client_id),
                  world->kind->random_u64(world), world->kind->random_u64(world));
    member->id = text_new(buffer_str(&id));
    buffer_free(&id);
    member->client_id = text_new(client_id);
    member->host = text_new(host);
}

Member *group_add(Groups *groups, Group *group, Str client_id, Str host)
{
    Member *member = memory_allocate_zeroed((int64_t)sizeof *member);
    member_name(groups, member, client_id, host);
    member->arena = arena_new(0);
    member->is_pending = true;
    group_hear(groups, member);
    if (group->member_count == group->member_capacity) {
        group->member_capacity = group->member_capacity == 0 ? 4 : group->member_capacity * 2;
        group->members =
            memory_resize(group->members, (int64_t)sizeof(Member *) * group->member_capacity);
    }
    group->members[group->member_count++] = member;
    return member;
}

void group_renew(Groups *groups, Group *group, Member *member, Str client_id, Str host)
{
    assert(member->instance_id != NULL && group_find(group, str_from(member->id)) == member);
    memory_free(member->id);
    memory_free(member->client_id);
    memory_free(member->host);
    member_name(groups, member, client_id, host);
    member->has_joined = false;
    group_hear(groups, member);
    groups->has_changed = true; /* calls of the one it was may wait */
}

void member_set_instance(Member *member, Str instance_id)
{
    assert(member->instance_id == NULL);
    member->instance_id = text_new(instance_id);
}

Str member_metadata(const Member *member, Str protocol)
{
    for (int32_t i = 0; i < member->protocols.count; i++) {
        const GroupProtocol *one = LIST_AT(member->protocols, i, GroupProtocol);
        if (str_equal(one->name, protocol))
            return one->metadata;
    }
    return STR("");
}

void group_set_protocol_type(Group *group, Str type)
{
    memory_free(group->protocol_type);
    group->protocol_type = text_new(type);
}

void group_hear(Groups *groups, Member *member)
{
    member->heard_us = world_monotonic_us(groups->world);
}

/* ---- Generations ----------------------------------------------------------------------------- */

static bool member_supports(const Member *member, Str protocol)
{
    for (int32_t i = 0; i < member->protocols.count; i++)
        if (str_equal(LIST_AT(member->protocols, i, GroupProtocol)->name, protocol))
            return true;
    return false;
}

static bool all_support(const Group *group, const Member *but, Str protocol)
{
    for (int32_t i = 0; i < group->member_count; i++) {
        const Member *member = group->members[i];
        if (member != but && !member->is_pending && !member_supports(member, protocol))
            return false;
    }
    return true;
}

bool group_accepts(const Group *group, const Member *but, Str type, const List *protocols)
{
    bool is_alone = true;
    for (int32_t i = 0; group != NULL && i < group->member_count; i++)
        is_alone &= group->members[i] == but || group->members[i]->is_pending;
    if (is_alone)
        return true;
    bool fits = str_is(type, group->protocol_type);
    for (int32_t i = 0; fits && i < protocols->count; i++)
        if (all_support(group, but, LIST_AT(*protocols, i, GroupProtocol)->name))
            return true;
    return false;
}

/* What the leader prefers of that which all have. */
static void choose_protocol(Group *group)
{
    const List *protocols = &group->leader->protocols;
    for (int32_t i = 0; i < protocols->count; i++) {
        group->protocol = LIST_AT(*protocols, i, GroupProtocol)->name;
        if (all_support(group, NULL, group->protocol))
            return;
    }
}

static void take_out(Groups *groups, Group *group, Member *member)
{
    int32_t at = 0;
    while (group->members[at] != member)
        at++;
    group->member_count--;
    group->emptied_us = world_monotonic_us(groups->world);
    memmove(&group->members[at], &group->members[at + 1],
            sizeof(Member *) * (size_t)(group->member_count - at));
    if (group->leader == member)
        group->leader = NULL;
    member_free(member);
}

/* Who is late goes, but for static members: those are expected back, and the others share with them
 * in mind. */
static void take_out_late(Groups *groups, Group *group)
{
    for (int32_t i = group->member_count - 1; i >= 0; i--) {
        Member *member = group->members[i];
        if (!member->has_joined && !member->is_pending && member->instance_id == NULL)
            take_out(groups, group, member);
    }
}

/* The one before if it is here, else another one that is; false: none is, but some keep a place. */
static bool choose_leader(Group *group)
{
    bool is_kept = false;
    Member *joined = NULL;
    for (int32_t i = 0; i < group->member_count; i++) {
        Member *member = group->members[i];
        is_kept |= !member->is_pending;
        joined = joined == NULL && member->has_joined ? member : joined;
    }
    if (group->leader == NULL || !group->leader->has_joined)
        group->leader = joined != NULL ? joined : group->leader;
    return joined != NULL || !is_kept;
}

/* All who take part are waited for as long as the most patient one says. */
static int64_t end_of_wait_us(const Groups *groups, const Group *group)
{
    int64_t longest_us = 0;
    for (int32_t i = 0; i < group->member_count; i++)
        if (group->members[i]->rebalance_us > longest_us)
            longest_us = group->members[i]->rebalance_us;
    return world_monotonic_us(groups->world) + longest_us;
}

static void begin_generation(Groups *groups, Group *group)
{
    take_out_late(groups, group);
    if (!choose_leader(group)) {
        group->deadline_us = end_of_wait_us(groups, group);
        return;
    }
    group->generation++;
    groups->has_changed = true;
    group->state = GROUP_EMPTY;
    for (int32_t i = 0; i < group->member_count; i++) {
        Member *member = group->members[i];
        if (member->is_pending)
            continue;
        group->state = GROUP_SYNCING;
        member->has_joined = member->has_synced = false;
        member->assignment.length = 0;
        group_hear(groups, member);
    }
    group->deadline_us = end_of_wait_us(groups, group);
    if (group->state == GROUP_SYNCING)
        choose_protocol(group);
    else
        group->protocol = (Str){0};
}

static bool all_have_joined(const Group *group)
{
    for (int32_t i = 0; i < group->member_count; i++)
        if (!group->members[i]->has_joined && !group->members[i]->is_pending)
            return false;
    return true;
}

static void prepare(Groups *groups, Group *group)
{
    if (group->state != GROUP_PREPARING) {
        group->deadline_us = end_of_wait_us(groups, group);
        group->state = GROUP_PREPARING;
        group->protocol = (Str){0};
        groups->has_changed = true;
    }
    if (all_have_joined(group))
        begin_generation(groups, group);
}

void group_join(Groups *groups, Group *group, Member *member)
{
    member->is_pending = false;
    member->has_joined = true;
    group_hear(groups, member);
    prepare(groups, group);
}

void group_remove(Groups *groups, Group *group, Member *member)
{
    bool was_pending = member->is_pending;
    take_out(groups, group, member);
    if (!was_pending)
        prepare(groups, group);
}

void group_sync(Groups *groups, Member *member)
{
    member->has_synced = true;
    group_hear(groups, member);
}

void group_assign(Groups *groups, Group *group)
{
    group->state = GROUP_STABLE;
    groups->has_changed = true;
    for (int32_t i = 0; i < group->member_count; i++)
        if (group->members[i]->has_synced)
            group_hear(groups, group->members[i]);
}

/* ---- Time ------------------------------------------------------------------------------------ */

/* Whoever waits in a join or a sync is heard by that. */
static bool member_waits(const Group *group, const Member *member)
{
    return (group->state == GROUP_PREPARING && member->has_joined) ||
           (group->state == GROUP_SYNCING && member->has_synced);
}

static void drop_silent(Groups *groups, Group *group, int64_t now_us)
{
    for (int32_t i = group->member_count - 1; i >= 0; i--) {
        Member *member = group->members[i];
        if (!member_waits(group, member) && now_us - member->heard_us > member->session_us) {
            group_remove(groups, group, member);
            i = i < group->member_count ? i : group->member_count;
        }
    }
}

/* What they were to read is read by nobody, however often they say that they are alive. */
static void drop_unsynced(Groups *groups, Group *group)
{
    int32_t count = group->member_count;
    for (int32_t i = count - 1; i >= 0; i--)
        if (!group->members[i]->has_synced && !group->members[i]->is_pending)
            take_out(groups, group, group->members[i]);
    group->deadline_us = 0;
    if (group->member_count < count)
        prepare(groups, group);
}

static void group_tick(Groups *groups, Group *group, int64_t now_us)
{
    drop_silent(groups, group, now_us);
    if (group->deadline_us == 0 || now_us < group->deadline_us)
        return;
    if (group->state == GROUP_PREPARING)
        begin_generation(groups, group);
    else if (group->state == GROUP_SYNCING || group->state == GROUP_STABLE)
        drop_unsynced(groups, group);
}

void groups_tick(Groups *groups)
{
    int64_t now_us = world_monotonic_us(groups->world);
    for (int32_t i = groups_count(groups) - 1; i >= 0; i--) {
        Group *group = groups_at(groups, i);
        group_tick(groups, group, now_us);
        /* Whoever had an id never joined with it. */
        if (group->member_count == 0 && group->generation == 0)
            groups_delete(groups, group);
    }
}

bool groups_take_change(Groups *groups)
{
    bool has_changed = groups->has_changed;
    groups->has_changed = false;
    return has_changed;
}
