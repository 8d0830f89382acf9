/* A network of its own, under virtual time: one server, links to it, and faults that a seed draws.
 *
 *     weir ── write ──> up:   pieces, each with the time when it comes ──> server.receive
 *      <───── read ──── down: pieces, each with the time when it comes <── what it answers
 *
 * Bytes of one direction keep their order; links know nothing of each other. Whoever waits lets
 * time go on: the next piece comes, and the server answers it there and then. What was sent before
 * a process died comes all the same, and may come late. */
#ifndef WEIR_TEST_SIM_NETWORK_H
#define WEIR_TEST_SIM_NETWORK_H

#include "base/buffer.h"
#include "base/network.h"

typedef struct SimNetwork SimNetwork;

/* What goes wrong; shares are of 1,000. */
typedef struct NetFaults {
    int64_t latency_us, jitter_us; /* each piece takes the one, and up to the other more */
    int32_t in_pieces;             /* links whose bytes come in pieces of some bytes, or of one */
    int32_t bad_links;             /* links that fail in one of the ways of network.c … */
    int32_t bad_left;              /* … until so many have */
    int32_t troubles;              /* how often the server dies or stands still */
    bool is_late;                  /* what is held up comes after its link was given up */
} NetFaults;

/* The other side; calls come in the order of the virtual time. */
typedef struct SimServer {
    const char *host;
    int32_t port;
    void *context;
    /* Take whole requests from the front of `in`: how many bytes. */
    int64_t (*receive)(void *context, int64_t peer, int64_t now_us, Str in, Buffer *answer);
    /* It is started again: what it had on its disk is there, and no connection. */
    void (*restart)(void *context, int64_t now_us, uint64_t *chance);
} SimServer;

SimNetwork *sim_network_new(uint64_t seed, const NetFaults *faults, const SimServer *server);
void sim_network_free(SimNetwork *network);

/* The process that had the links is gone, or (not `is_kill`) its machine. */
void sim_network_abandon(SimNetwork *network, int64_t now_us, bool is_kill);

/* The server closes a connection, and reads nothing more of it. False if there is none. */
bool sim_network_hang_up(SimNetwork *network, int64_t peer);

/* All that is under way comes. */
void sim_network_settle(SimNetwork *network, int64_t now_us);

/* Links and the server have failed so often. */
int64_t sim_network_failures(const SimNetwork *network);

/* Of a SimWorld; without a network no host is known. */
extern const NetworkKind sim_network_kind;

#endif
