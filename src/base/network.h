/* Connections as the system has them: what base/socket.c stands on, and what a simulated world
 * brings itself.
 *
 * A connection is a number, `link`; so is a bell, which wakes whoever waits. Nothing blocks but
 * `find` and `wait`. What fails gives -errno. One thread has a link; a bell may be rung from any.
 */
#ifndef WEIR_BASE_NETWORK_H
#define WEIR_BASE_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/world.h"

enum { NET_ADDRESS_BYTES = 128, NET_ADDRESSES_MAX = 16 };

/* Where a server is, in the network's own words. */
typedef struct NetAddress {
    _Alignas(8) uint8_t bytes[NET_ADDRESS_BYTES];
    int32_t length;
} NetAddress;

typedef enum NetFound {
    NET_FOUND,
    NET_FIND_LATER, /* nobody could say, or not now */
    NET_NO_SUCH_HOST,
} NetFound;

typedef enum NetWait { NET_READ = 1, NET_WRITE = 2 } NetWait;

typedef enum NetWoken {
    NET_READY, /* what was waited for is there, or the link has failed */
    NET_RUNG,
    NET_TIMEOUT,
} NetWoken;

struct NetworkKind {
    /* The addresses of a host, in the order in which to try them; *why says what else is. */
    NetFound (*find)(World *world, const char *host, int32_t port, NetAddress *out, int32_t *count,
                     const char **why);
    /* Of a unix socket. -ENAMETOOLONG when the path has no room in an address. */
    int (*find_path)(World *world, const char *path, NetAddress *out);
    /* Begin to connect: a link, or -errno. `*is_there` if it is connected already; if not, it is
     * writable when that is decided, and `verdict` says how. */
    int (*connect)(World *world, const NetAddress *address, bool *is_there);
    int (*verdict)(World *world, int link);
    /* Some bytes: how many; 0: the other side has closed it; -EAGAIN: none now. */
    int64_t (*read)(World *world, int link, void *into, int64_t bytes_max);
    int64_t (*write)(World *world, int link, const void *bytes, int64_t length);
    void (*close)(World *world, int link); /* of a bell, too */
    int (*bell)(World *world);
    void (*ring)(World *world, int bell); /* for good */
    /* Until one of `events` (NetWait) is there, the bell is rung or the world's monotonic clock
     * shows the deadline; link < 0: only those. NetWoken or -errno. */
    int (*wait)(World *world, int link, int bell, int events, int64_t deadline_us);
};

/* That of the operating system: TCP and unix sockets. */
extern const NetworkKind network_system;

static inline const NetworkKind *world_network(const World *world)
{
    return world->kind->network != NULL ? world->kind->network : &network_system;
}

#endif
