/* What fetches follow: their partitions, and, of a session (KIP-227), what its client was told of
 * them, so that the next request and its answer hold only what has changed.
 *
 *     asked for ──> ready ── nothing is new ──> at rest ── its partition has moved ──> ready …
 *
 * What is at rest costs nothing, however many there are. Those that are ready are in the order in
 * which they are served: who has got something goes to the end.
 *
 * All calls come from one thread, but for fetch_sessions_moved. */
#ifndef WEIR_KAFKA_FETCH_SESSIONS_H
#define WEIR_KAFKA_FETCH_SESSIONS_H

#include "base/world.h"
#include "log/partition.h"

/* As Kafka has them: max.incremental.fetch.session.cache.slots and
 * min.incremental.fetch.session.eviction.ms. */
enum { FETCH_SESSIONS_MAX = 1000, FETCH_SESSION_SAFE_US = 120 * 1000 * 1000 };
/* Of all sessions that are kept together, and of each that is not. */
enum { FETCH_PARTITIONS_MAX = 1000 * 1000 };

typedef struct FetchSessions FetchSessions;
typedef struct FetchSession FetchSession;
typedef struct FetchPartition FetchPartition;

/* What an answer says of a partition besides its records. */
typedef struct FetchState {
    int32_t code; /* a WireError */
    int64_t high_watermark, stable_offset, start_offset;
} FetchState;

struct FetchPartition {
    FetchSession *session;
    Str topic; /* its name, or its id; shared with its neighbours of the same topic */
    int32_t index;
    int64_t offset, bytes_max; /* as it was asked for */
    FetchState seen, told;     /* when it was looked at last; what the client knows */
    int32_t buffer;            /* of the call that has looked at it, with its records; -1: none */
    int64_t aborted_version;   /* of the partition, before they were read */
    FetchPartition *next_of_all, *before_of_all; /* in the order in which they were asked for */
    FetchPartition *next, *before;               /* among those that are ready, or at rest there: */
    Partition *rests_at;                         /* NULL: it is ready; compared only */
    FetchPartition *next_in_bucket;
};

FetchSessions *fetch_sessions_new(World *world);
/* NULL is allowed. Those that are not kept have been freed before. */
void fetch_sessions_free(FetchSessions *sessions);

/* From any thread: there may be something new in the partition. */
void fetch_sessions_moved(FetchSessions *sessions, Partition *partition);
/* Whoever rests at what has moved since the last call becomes ready. */
void fetch_sessions_wake(FetchSessions *sessions);

/* A session of one request, empty; `is_by_id` says how it names topics. */
FetchSession *fetch_session_new(FetchSessions *sessions, bool is_by_id);
/* NULL is allowed; one that is kept is no more. */
void fetch_session_free(FetchSession *session);

/* Keep it for this user's next requests, under a new id; one that is of less use may have to go.
 * False: there is no room, and it stays as it was. */
bool fetch_session_keep(FetchSession *session, const char *user);
/* One that is kept and his; it counts as used. NULL: there is none. */
FetchSession *fetch_session_find(FetchSessions *sessions, int32_t id, const char *user);

/* 0: it is not kept. */
int32_t fetch_session_id(const FetchSession *session);
/* The number that the next request has to have. */
int32_t fetch_session_epoch(const FetchSession *session);
void fetch_session_next_epoch(FetchSession *session);
bool fetch_session_is_by_id(const FetchSession *session);

/* It is asked for, from now on or in another way: it is ready. The name is copied: that it is one
 * of a topic, and so short, is the caller's business. False: there is no room for more. */
bool fetch_session_put(FetchSession *session, Str topic, int32_t index, int64_t offset,
                       int64_t bytes_max);
/* It is asked for no more, if it was. */
void fetch_session_forget(FetchSession *session, Str topic, int32_t index);

int32_t fetch_session_count(const FetchSession *session);
int32_t fetch_session_ready_count(const FetchSession *session);
/* NULL: there is none. Go on by `next_of_all` and `next`. */
FetchPartition *fetch_session_first(const FetchSession *session);
FetchPartition *fetch_session_first_ready(const FetchSession *session);

/* All are ready, if `version` or what is read, which is all or what is committed, is another one
 * than at the last call. */
void fetch_session_check(FetchSession *session, int64_t version, bool is_committed);

/* Nothing is new in it until this partition moves. */
void fetch_partition_rest(FetchPartition *one, Partition *partition);
/* It stays ready, behind all others. */
void fetch_partition_requeue(FetchPartition *one);

#endif
