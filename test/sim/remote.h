/* A pipeline whose other end is across a network: a Redis server, written to and looked up.
 *
 *     changes of orders ──┬── GROUP BY ──────── totals, a hash by store, at least once by key
 *                         ├──────────────────── latest, a string by id, at least once by key
 *     files of events ────┼── JOIN ──────────── kept, a hash by id, exactly once by key
 *                         └── JOIN dims (Redis) named, files, exactly once
 */
#ifndef WEIR_TEST_SIM_REMOTE_H
#define WEIR_TEST_SIM_REMOTE_H

#include "sim/network.h"
#include "sim/scenario.h"

typedef struct RemoteFaults {
    NetFaults net;
    bool loses;       /* a server that dies has lost up to a second of what it had confirmed */
    int32_t refusals; /* of 1,000 writes, for want of memory */
} RemoteFaults;

extern const char remote_script[];

/* The server and the network of a world that is about to begin, in place of the last ones. */
void remote_begin(SimWorld *world, uint64_t seed, const RemoteFaults *faults);
void remote_end(void);

/* As scenario_check. */
const char *remote_check(const Scenario *scenario, SimWorld *world, Arena *arena);

/* Something has gone wrong out there by now. */
bool remote_has_failed(void);

#endif
