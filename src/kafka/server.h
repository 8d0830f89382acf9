/* The hub on the network: one thread and libuv, over a Broker.
 *
 * Requests of a connection are answered in their order, as the protocol wants it. Sizes,
 * connections and answers in memory have limits; a connection that breaks one is closed. */
#ifndef WEIR_KAFKA_SERVER_H
#define WEIR_KAFKA_SERVER_H

#include "base/tls.h"
#include "hub/acls.h"
#include "hub/quotas.h"
#include "hub/topics.h"
#include "kafka/peer.h"

typedef struct Hub Hub;

enum { HUB_LISTENERS_MAX = 16 };

typedef struct HubConfig {
    World *world;
    const char *folder;
    const char *listen;    /* HOST:PORT, or several with commas between them; port 0: any. NULL:
                              nowhere */
    const char *advertise; /* HOST:PORT as clients are told who came there, of several the first
                              for those of the first, …; NULL or empty: where it listens, or, if
                              that is all addresses, the one that a client came to */
    TlsFiles tls;          /* `cert` NULL: plain */
    LoginsConfig logins;   /* who has to log in, and how */
    Acls *acls;            /* borrowed; NULL: everybody may everything */
    Quotas *quotas;        /* borrowed; NULL: there are none */
    bool allows_plaintext; /* beyond this machine */
    bool creates_topics;   /* when a client asks for one that is not there */
    int32_t default_partitions;
    int64_t offsets_retention_ms; /* of groups without members; 0: for ever */
    int64_t disk_reserve_bytes;   /* LogOptions.reserve_bytes */
} HubConfig;

/* Open the log and listen. WR5402: the address does not do; WR5403: it would be open to whoever
 * comes; WR5108: the certificate does not do. */
Status hub_open(const HubConfig *config, Hub **out, Error *error);

/* Its topics, for others in this process; see topics_lock. */
Topics *hub_topics(Hub *hub);

/* HOST:PORT as it was bound: the first; all of them, NULL if there is none. */
const char *hub_address(const Hub *hub);
const char *hub_addresses(const Hub *hub);

/* Serve until hub_stop, or until a sync fails: then the status says so, and the process has to end.
 */
Status hub_run(Hub *hub, Error *error);

/* From any thread. */
void hub_stop(Hub *hub);

/* A client in this process, from any thread: one end of a pair of sockets whose other end the hub
 * serves as a connection. -1 if the system has none left. */
int hub_connect(Hub *hub);

/* Close the log, cleanly if it can be, and free it all. */
Status hub_close(Hub *hub, Error *error);

#endif
