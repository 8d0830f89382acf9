/* A connection to a Redis server, by the options of a table: for the sink and for look-ups. */
#ifndef WEIR_CONNECT_REDIS_CONNECTION_H
#define WEIR_CONNECT_REDIS_CONNECTION_H

#include "connect/redis/fence.h"
#include "connect/redis/resp.h"
#include "plan/plan.h"

struct RedisConnection {
    Socket *socket;
    Socket *_Atomic interruptible; /* the same, for the thread that interrupts */
    RespReader reader;
    Buffer out; /* commands not sent yet */
    int64_t timeout_us;
    const PlanTable *table;
    bool is_connected;
    bool was_connected;
    RedisFence fence; /* of a sink */
};

/* Nothing is connected yet. */
void redis_connection_init(RedisConnection *connection, World *world, const PlanTable *table);
/* Connect, by TLS where it is wanted, sign in and choose the database. */
Status redis_connection_open(RedisConnection *connection, Error *error);
/* Send one command and take its reply, also an error. */
Status redis_connection_ask(RedisConnection *connection, const Str *arguments, int32_t count,
                            RespReply *reply, Error *error);
/* What came half is dropped. */
void redis_connection_drop(RedisConnection *connection);
/* From another thread. */
void redis_connection_interrupt(RedisConnection *connection);
void redis_connection_free(RedisConnection *connection);

/* Refusals that pass: the server is full, loading, or for the moment a replica. */
bool redis_refusal_passes(Str text);

#endif
