/* Sessions, their partitions, and who rests where. */
#include "kafka/fetch_sessions.h"

#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

enum { BUCKETS_MIN = 8, PLACES_MIN = 64, MOVED_MAX = 64 * 1024 };

/* A topic's name or id, of all partitions that were asked for with it in a row. */
typedef struct TopicName {
    int32_t users;
    char text[];
} TopicName;

typedef struct Queue {
    FetchPartition *first, *last;
} Queue;

/* Where somebody rests, or has rested. */
typedef struct Place {
    Partition *partition; /* NULL: it is free */
    Queue queue;
} Place;

struct FetchSession {
    FetchSessions *sessions;
    char *user; /* NULL: it is not kept */
    int32_t id, epoch;
    bool is_by_id, is_committed;
    int64_t created_us, used_us;
    int64_t version;
    FetchPartition *first, *last; /* of all */
    FetchPartition **buckets;
    int32_t bucket_count, count, ready_count;
    Queue ready;
};

struct FetchSessions {
    World *world;
    uint64_t seed; /* of the buckets: which of them meet must be nobody's choice */
    int32_t ids[FETCH_SESSIONS_MAX]; /* beside the sessions, so that one is found soon */
    FetchSession *kept[FETCH_SESSIONS_MAX];
    int32_t kept_count, partition_count;
    Place *places; /* open addressing */
    int32_t place_count, places_used;
    pthread_mutex_t lock; /* of the rest */
    Partition **moved;
    int32_t moved_count, moved_capacity;
    bool are_all_moved; /* they were too many to name */
};

/* ---- Queues ---------------------------------------------------------------------------------- */

static void queue_append(Queue *queue, FetchPartition *one)
{
    one->next = NULL;
    one->before = queue->last;
    *(queue->last != NULL ? &queue->last->next : &queue->first) = one;
    queue->last = one;
}

static void queue_remove(Queue *queue, FetchPartition *one)
{
    *(one->before != NULL ? &one->before->next : &queue->first) = one->next;
    *(one->next != NULL ? &one->next->before : &queue->last) = one->before;
}

/* ---- Places ---------------------------------------------------------------------------------- */

/* The partition's place, or the free one where it belongs. */
static Place *place_of(const FetchSessions *sessions, const Partition *partition)
{
    uint64_t mask = (uint64_t)sessions->place_count - 1;
    uint64_t at = hash_u64((uint64_t)(uintptr_t)partition) & mask;
    while (sessions->places[at].partition != NULL && sessions->places[at].partition != partition)
        at = (at + 1) & mask;
    return &sessions->places[at];
}

/* Into a table that is a quarter full at most, without those where nobody rests any more. */
static void places_rebuild(FetchSessions *sessions)
{
    Place *old = sessions->places;
    int32_t old_count = sessions->place_count, used = 0, count = PLACES_MIN;
    for (int32_t i = 0; i < old_count; i++)
        used += old[i].queue.first != NULL;
    while (count < used * 4)
        count *= 2;
    sessions->places = memory_allocate_zeroed((int64_t)sizeof(Place) * count);
    sessions->place_count = count;
    sessions->places_used = used;
    for (int32_t i = 0; i < old_count; i++)
        if (old[i].queue.first != NULL)
            *place_of(sessions, old[i].partition) = old[i];
    memory_free(old);
}

static void become_ready(FetchPartition *one)
{
    FetchSession *session = one->session;
    if (one->rests_at == NULL)
        return;
    queue_remove(&place_of(session->sessions, one->rests_at)->queue, one);
    one->rests_at = NULL;
    queue_append(&session->ready, one);
    session->ready_count++;
}

void fetch_partition_rest(FetchPartition *one, Partition *partition)
{
    FetchSession *session = one->session;
    FetchSessions *sessions = session->sessions;
    assert(one->rests_at == NULL && one->buffer < 0);
    if (sessions->places_used * 2 >= sessions->place_count)
        places_rebuild(sessions);
    Place *place = place_of(sessions, partition);
    sessions->places_used += place->partition == NULL;
    place->partition = partition;
    queue_remove(&session->ready, one);
    session->ready_count--;
    one->rests_at = partition;
    queue_append(&place->queue, one);
}

void fetch_partition_requeue(FetchPartition *one)
{
    assert(one->rests_at == NULL);
    queue_remove(&one->session->ready, one);
    queue_append(&one->session->ready, one);
}

/* ---- What has moved -------------------------------------------------------------------------- */

void fetch_sessions_moved(FetchSessions *sessions, Partition *partition)
{
    pthread_mutex_lock(&sessions->lock);
    int32_t count = sessions->moved_count;
    bool is_known =
        sessions->are_all_moved || (count > 0 && sessions->moved[count - 1] == partition);
    if (!is_known && count == MOVED_MAX) {
        sessions->are_all_moved = true;
    } else if (!is_known) {
        if (count == sessions->moved_capacity) {
            sessions->moved_capacity = count == 0 ? 64 : count * 2;
            sessions->moved = memory_resize(sessions->moved, (int64_t)sizeof(Partition *) *
                                                                 sessions->moved_capacity);
        }
        sessions->moved[sessions->moved_count++] = partition;
    }
    pthread_mutex_unlock(&sessions->lock);
}

static void wake_place(const Place *place)
{
    while (place->queue.first != NULL)
        become_ready(place->queue.first);
}

void fetch_sessions_wake(FetchSessions *sessions)
{
    pthread_mutex_lock(&sessions->lock);
    Partition **moved = sessions->moved;
    int32_t count = sessions->moved_count;
    bool are_all_moved = sessions->are_all_moved;
    sessions->moved = NULL;
    sessions->moved_count = sessions->moved_capacity = 0;
    sessions->are_all_moved = false;
    pthread_mutex_unlock(&sessions->lock);
    for (int32_t i = 0; are_all_moved && i < sessions->place_count; i++)
        wake_place(&sessions->places[i]);
    for (int32_t i = 0; !are_all_moved && i < count; i++)
        wake_place(place_of(sessions, moved[i]));
    memory_free(moved);
}

/* ---- Life ------------------------------------------------------------------------------------ */

FetchSessions *fetch_sessions_new(World *world)
{
    FetchSessions *sessions = memory_allocate_zeroed((int64_t)sizeof *sessions);
    sessions->world = world;
    sessions->seed = world->kind->random_u64(world);
    pthread_mutex_init(&sessions->lock, NULL);
    places_rebuild(sessions);
    return sessions;
}

void fetch_sessions_free(FetchSessions *sessions)
{
    if (sessions == NULL)
        return;
    while (sessions->kept_count > 0)
        fetch_session_free(sessions->kept[0]);
    pthread_mutex_destroy(&sessions->lock);
    memory_free(sessions->places);
    memory_free(sessions->moved);
    memory_free(sessions);
}

FetchSession *fetch_session_new(FetchSessions *sessions, bool is_by_id)
{
    FetchSession *session = memory_allocate_zeroed((int64_t)sizeof *session);
    session->sessions = sessions;
    session->is_by_id = is_by_id;
    return session;
}

/* It is kept no more. */
static void let_go(FetchSession *session)
{
    FetchSessions *sessions = session->sessions;
    int32_t at = 0;
    while (sessions->kept[at] != session)
        at++;
    assert(at < sessions->kept_count);
    int32_t last = --sessions->kept_count;
    sessions->kept[at] = sessions->kept[last];
    sessions->ids[at] = sessions->ids[last];
    sessions->partition_count -= session->count;
    memory_free(session->user);
    session->user = NULL;
}

static TopicName *name_of(const FetchPartition *one)
{
    return (TopicName *)(one->topic.data - offsetof(TopicName, text));
}

/* Requests name a topic and then its partitions: that of the last one is the same most often. */
static Str name_share(const FetchSession *session, Str topic)
{
    if (session->last != NULL && str_equal(session->last->topic, topic)) {
        name_of(session->last)->users++;
        return session->last->topic;
    }
    TopicName *name = memory_allocate((int64_t)sizeof *name + topic.length);
    name->users = 1;
    memcpy(name->text, topic.data, (size_t)topic.length);
    return str_make(name->text, topic.length);
}

static void name_drop(const FetchPartition *one)
{
    TopicName *name = name_of(one);
    if (--name->users == 0)
        memory_free(name);
}

static void partition_drop(FetchPartition *one)
{
    FetchSession *session = one->session;
    become_ready(one);
    queue_remove(&session->ready, one);
    session->ready_count--;
    *(one->before_of_all != NULL ? &one->before_of_all->next_of_all : &session->first) =
        one->next_of_all;
    *(one->next_of_all != NULL ? &one->next_of_all->before_of_all : &session->last) =
        one->before_of_all;
    session->count--;
    session->sessions->partition_count -= session->user != NULL;
    name_drop(one);
    memory_free(one);
}

void fetch_session_free(FetchSession *session)
{
    if (session == NULL)
        return;
    if (session->user != NULL)
        let_go(session);
    while (session->first != NULL)
        partition_drop(session->first);
    memory_free(session->buckets);
    memory_free(session);
}

/* ---- Those that are kept --------------------------------------------------------------------- */

/* Who has to go for one of that size: one that nobody has used for long, or a smaller one that is
 * not young any more. NULL: nobody. */
static FetchSession *find_victim(const FetchSessions *sessions, int32_t count, int64_t now_us)
{
    FetchSession *oldest = sessions->kept[0], *smallest = NULL;
    for (int32_t i = 0; i < sessions->kept_count; i++) {
        FetchSession *one = sessions->kept[i];
        if (one->used_us < oldest->used_us)
            oldest = one;
        bool is_safe = now_us - one->created_us <= FETCH_SESSION_SAFE_US;
        if (!is_safe && (smallest == NULL || one->count < smallest->count))
            smallest = one;
    }
    bool is_stale = now_us - oldest->used_us > FETCH_SESSION_SAFE_US;
    if (is_stale)
        return oldest;
    return smallest != NULL && smallest->count < count ? smallest : NULL;
}

static bool is_taken(const FetchSessions *sessions, int32_t id)
{
    for (int32_t i = 0; i < sessions->kept_count; i++)
        if (sessions->ids[i] == id)
            return true;
    return false;
}

bool fetch_session_keep(FetchSession *session, const char *user)
{
    FetchSessions *sessions = session->sessions;
    int64_t now_us = world_monotonic_us(sessions->world);
    assert(session->user == NULL);
    bool is_full = sessions->kept_count == FETCH_SESSIONS_MAX;
    FetchSession *victim = is_full ? find_victim(sessions, session->count, now_us) : NULL;
    int32_t others = sessions->partition_count - (victim != NULL ? victim->count : 0);
    if ((is_full && victim == NULL) || others + session->count > FETCH_PARTITIONS_MAX)
        return false;
    fetch_session_free(victim);
    /* Those of a hub that has been started anew are none of its own. */
    do
        session->id = (int32_t)(sessions->world->kind->random_u64(sessions->world) & INT32_MAX);
    while (session->id == 0 || is_taken(sessions, session->id));
    session->epoch = 1;
    session->created_us = session->used_us = now_us;
    int64_t bytes = (int64_t)strlen(user) + 1;
    session->user = memory_allocate(bytes);
    memcpy(session->user, user, (size_t)bytes);
    sessions->partition_count += session->count;
    sessions->ids[sessions->kept_count] = session->id;
    sessions->kept[sessions->kept_count++] = session;
    return true;
}

FetchSession *fetch_session_find(FetchSessions *sessions, int32_t id, const char *user)
{
    for (int32_t i = 0; i < sessions->kept_count; i++) {
        FetchSession *session = sessions->kept[i];
        if (sessions->ids[i] != id || strcmp(session->user, user) != 0)
            continue;
        session->used_us = world_monotonic_us(sessions->world);
        return session;
    }
    return NULL;
}

int32_t fetch_session_id(const FetchSession *session)
{
    return session->user != NULL ? session->id : 0;
}

int32_t fetch_session_epoch(const FetchSession *session)
{
    return session->epoch;
}

void fetch_session_next_epoch(FetchSession *session)
{
    session->epoch = session->epoch == INT32_MAX ? 1 : session->epoch + 1;
}

bool fetch_session_is_by_id(const FetchSession *session)
{
    return session->is_by_id;
}

/* ---- Partitions of a session ----------------------------------------------------------------- */

/* The link that leads to it, or the last one of its bucket. */
static FetchPartition **link_to(const FetchSession *session, Str topic, int32_t index)
{
    uint64_t seed = session->sessions->seed;
    uint64_t name = hash_bytes_seeded(topic.data, topic.length, seed);
    uint64_t hash = hash_u64(hash_combine(name, (uint64_t)index) ^ seed);
    FetchPartition **link = &session->buckets[hash & ((uint64_t)session->bucket_count - 1)];
    while (*link != NULL && ((*link)->index != index || !str_equal((*link)->topic, topic)))
        link = &(*link)->next_in_bucket;
    return link;
}

static void buckets_grow(FetchSession *session)
{
    if (session->count < session->bucket_count)
        return;
    session->bucket_count = session->bucket_count == 0 ? BUCKETS_MIN : session->bucket_count * 2;
    memory_free(session->buckets);
    session->buckets =
        memory_allocate_zeroed((int64_t)sizeof(FetchPartition *) * session->bucket_count);
    for (FetchPartition *one = session->first; one != NULL; one = one->next_of_all) {
        one->next_in_bucket = NULL;
        *link_to(session, one->topic, one->index) = one;
    }
}

static FetchPartition *partition_add(FetchSession *session, Str topic, int32_t index)
{
    static const FetchState nothing = {.code = -1};
    buckets_grow(session);
    FetchPartition *one = memory_allocate((int64_t)sizeof *one);
    *one = (FetchPartition){.session = session,
                            .topic = name_share(session, topic),
                            .index = index,
                            .buffer = -1,
                            .told = nothing,
                            .before_of_all = session->last};
    *(session->last != NULL ? &session->last->next_of_all : &session->first) = one;
    session->last = one;
    queue_append(&session->ready, one);
    *link_to(session, topic, index) = one;
    session->ready_count++;
    session->count++;
    session->sessions->partition_count += session->user != NULL;
    return one;
}

bool fetch_session_put(FetchSession *session, Str topic, int32_t index, int64_t offset,
                       int64_t bytes_max)
{
    FetchPartition *one = session->count > 0 ? *link_to(session, topic, index) : NULL;
    int32_t count = session->user != NULL ? session->sessions->partition_count : session->count;
    if (one == NULL && count == FETCH_PARTITIONS_MAX)
        return false;
    if (one == NULL)
        one = partition_add(session, topic, index);
    one->offset = offset;
    one->bytes_max = bytes_max;
    become_ready(one);
    return true;
}

void fetch_session_forget(FetchSession *session, Str topic, int32_t index)
{
    FetchPartition **link = session->count > 0 ? link_to(session, topic, index) : NULL;
    if (link == NULL || *link == NULL)
        return;
    FetchPartition *one = *link;
    *link = one->next_in_bucket;
    partition_drop(one);
}

int32_t fetch_session_count(const FetchSession *session)
{
    return session->count;
}

int32_t fetch_session_ready_count(const FetchSession *session)
{
    return session->ready_count;
}

FetchPartition *fetch_session_first(const FetchSession *session)
{
    return session->first;
}

FetchPartition *fetch_session_first_ready(const FetchSession *session)
{
    return session->ready.first;
}

void fetch_session_check(FetchSession *session, int64_t version, bool is_committed)
{
    if (session->version == version && session->is_committed == is_committed)
        return;
    session->version = version;
    session->is_committed = is_committed;
    for (FetchPartition *one = session->first; one != NULL; one = one->next_of_all)
        become_ready(one);
}
