/* A small Redis server for the simulated network: RESP2, the commands that the sink and look-ups
 * send for strings and hashes, an append-only file that keeps all it has answered, or (as by
 * `appendfsync everysec`) all but the last second. */
#ifndef WEIR_TEST_SIM_REDIS_H
#define WEIR_TEST_SIM_REDIS_H

#include "sim/network.h"

typedef struct SimRedis SimRedis;

SimRedis *sim_redis_new(uint64_t seed, bool keeps_all);
void sim_redis_free(SimRedis *redis);

/* Of `redis`, as host `redis`, port 6379. */
SimServer sim_redis_server(SimRedis *redis);
/* So that CLIENT KILL has something to end. */
void sim_redis_connect(SimRedis *redis, SimNetwork *network);

/* Refuse so many of 1,000 writes for want of memory. */
void sim_redis_refuse(SimRedis *redis, int32_t share);

/* A durable string. */
void sim_redis_put(SimRedis *redis, const char *key, const char *text);

/* What is there below a prefix, a line each: "17=400" or, of a hash, "3 n=1 total=400". */
void sim_redis_print(const SimRedis *redis, Str prefix, Buffer *out);

/* The changes that were made below a prefix, in their order; lines as above, or a key alone when it
 * went. NULL behind the last. What a restart has lost is not among them. */
const char *sim_redis_change(const SimRedis *redis, Str prefix, int64_t *at);

#endif
