/* The protocol without the network: a request in bytes, an answer in bytes.
 *
 * A call may have to wait, for records to be durable or to come: then it is run again whenever a
 * high watermark has moved, and at its deadline. All calls come from one thread. */
#ifndef WEIR_KAFKA_BROKER_H
#define WEIR_KAFKA_BROKER_H

#include "hub/acls.h"
#include "hub/quotas.h"
#include "hub/topics.h"
#include "kafka/appender.h"
#include "kafka/peer.h"
#include "kafka/room.h"
#include "kafka/schema.h"

typedef struct Broker Broker;
typedef struct Call Call;

typedef struct BrokerConfig {
    int32_t default_partitions;   /* of topics that are made without saying */
    bool creates_topics;          /* when a client asks for one that is not there */
    int64_t offsets_retention_ms; /* of groups without members; 0: for ever */
    Logins *logins;               /* borrowed, as the next */
    Acls *acls;                   /* NULL: everybody may everything */
    Quotas *quotas;               /* NULL: there are none */
    Appender *appender;           /* which outlives all calls; NULL: calls append by themselves */
    Room *room;                   /* for their requests; NULL: as much as comes */
} BrokerConfig;

Broker *broker_new(World *world, Topics *topics, const BrokerConfig *config);
void broker_free(Broker *broker);

/* A request without its length, or a token if the session takes one. Its bytes are copied; the
 * session stays as long as the call. NULL: what came is no request, or not allowed yet, and the
 * connection is of no use any more. */
Call *call_new(Broker *broker, Peer *peer, Str request);
/* What it has given to the appender stays until that is done with it. NULL is allowed. */
void call_free(Call *call);

typedef enum CallState {
    CALL_DONE,   /* the answer has been appended to `out`, with its length */
    CALL_SILENT, /* there is none */
    CALL_WAITS,
} CallState;

/* `is_held`: a call before it in its connection holds it, see call_is_held_by. */
CallState call_run(Call *call, bool is_held, Buffer *out);
/* Whether it has to wait for one that came before it in its connection: of two that write, what the
 * first one writes is not on its way yet; or the first one commits offsets, and this one would not
 * see them, or let others have the partitions without them. */
bool call_is_held_by(const Call *call, const Call *before);
/* Whether there are such. */
bool call_may_be_held(const Call *call);
/* Of an answer that is done: records that belong into it and stay where they are until call_free.
 * Counted in its length, not in `out`. */
const MessagePieces *call_pieces(const Call *call);
/* The files did not give them: who asks again gets them when they have been looked at. */
void call_distrust_pieces(Call *call);

/* From any thread: there may be something new in the partition. */
void broker_moved(Broker *broker, Partition *partition);
/* What happens by itself in groups and transactions; to be called often. Whether calls that wait
 * should be run. */
bool broker_tick(Broker *broker);
/* The part of it that follows from what has become durable. */
bool broker_advance(Broker *broker);
/* Whether there is anything that can happen by itself. */
bool broker_needs_ticks(const Broker *broker);

/* Of a call that is over: how long nothing more is read of its connection, in microseconds. */
int64_t call_muted_us(const Call *call);

/* When to run it at the latest, by the monotonic clock. */
int64_t call_deadline_us(const Call *call);

#endif
