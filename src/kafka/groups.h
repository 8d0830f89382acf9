/* Consumer groups: who is in one, who reads what, and when that has to be decided anew.
 *
 *     EMPTY ── join ──> PREPARING ── all have joined, or time is over ──> SYNCING
 *                           ^                                               │ the leader assigns
 *                           └── join, leave, a member that is silent ── STABLE
 *
 * A static member that is late to a rebalance keeps its place in it until its session ends, as in
 * Kafka; who has an assignment and never asks for it is taken out, static or not.
 *
 * In memory only: after a restart members join again, and go on at the offsets that were committed.
 */
#ifndef WEIR_KAFKA_GROUPS_H
#define WEIR_KAFKA_GROUPS_H

#include "base/buffer.h"
#include "base/list.h"
#include "base/map.h"
#include "base/world.h"

typedef enum GroupState { GROUP_EMPTY, GROUP_PREPARING, GROUP_SYNCING, GROUP_STABLE } GroupState;

typedef struct GroupProtocol {
    Str name, metadata;
} GroupProtocol;

typedef struct Member {
    char *id, *client_id, *host;
    char *instance_id; /* NULL: it is not static */
    Arena *arena;      /* of its protocols */
    List protocols;    /* GroupProtocol *, what it prefers first */
    Buffer assignment;
    int64_t session_us, rebalance_us;
    int64_t heard_us;
    bool is_pending; /* it has an id and has not joined with it */
    bool has_joined; /* for the next generation */
    bool has_synced; /* it has asked what it reads in this generation */
} Member;

typedef struct Group {
    char *name;
    GroupState state;
    int32_t generation;
    char *protocol_type;
    Str protocol; /* of the generation; the leader's own text */
    Member *leader;
    Member **members;
    int32_t member_count, member_capacity;
    int64_t deadline_us; /* of PREPARING; behind it, for all to have synced; 0: they have */
    int64_t emptied_us;  /* when it was made, or its last member left */
} Group;

typedef struct Groups Groups;

Groups *groups_new(World *world);
void groups_free(Groups *groups);

int32_t groups_count(const Groups *groups);
Group *groups_at(const Groups *groups, int32_t index);
/* NULL: there is none. */
Group *groups_find(const Groups *groups, Str name);
Group *groups_get(Groups *groups, Str name);

/* It has no members. */
void groups_delete(Groups *groups, Group *group);

Member *group_find(const Group *group, Str member_id);
Member *group_find_instance(const Group *group, Str instance_id);
/* With an id of its own; it has not joined. `host`: where it comes from. */
Member *group_add(Groups *groups, Group *group, Str client_id, Str host);

/* It joins for the next generation, which is now prepared. */
void group_join(Groups *groups, Group *group, Member *member);
/* It is gone, and if the others have to share anew they are told to. */
void group_remove(Groups *groups, Group *group, Member *member);
void member_set_instance(Member *member, Str instance_id);
/* A static member that has come back: it has another id and keeps its place, what it reads too. */
void group_renew(Groups *groups, Group *group, Member *member, Str client_id, Str host);
/* What it has said to that protocol; borrowed, empty if nothing. */
Str member_metadata(const Member *member, Str protocol);
void group_set_protocol_type(Group *group, Str type);

/* It asks what it reads, now or when the leader has decided. */
void group_sync(Groups *groups, Member *member);
/* The leader has decided. */
void group_assign(Groups *groups, Group *group);
void group_hear(Groups *groups, Member *member);

/* Whether a member of this type and these protocols fits: those that have joined, other than `but`,
 * are of the type and have one of them in common. Members that have an id and nothing else yet do
 * not count. */
/* `group` may be NULL. */
bool group_accepts(const Group *group, const Member *but, Str type, const List *protocols);

/* Drop silent members, end what has waited too long. */
void groups_tick(Groups *groups);

/* Whether something has happened since the last time that calls may wait for. */
bool groups_take_change(Groups *groups);

#endif
