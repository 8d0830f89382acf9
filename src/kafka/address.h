/* Where to listen: HOST:PORT as people write it. */
#ifndef WEIR_KAFKA_ADDRESS_H
#define WEIR_KAFKA_ADDRESS_H

#include <uv.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"

/* WR5402: it cannot be listened at, with the reason. */
Status address_fail(const char *listen, const char *why, Error *error);

/* Cut HOST:PORT, where HOST may stand in brackets; the host is copied into the arena. False: there
 * is no port. */
bool address_split(Arena *arena, const char *text, const char **host, int *port);

/* The first address that the host has; it waits for the resolver. */
Status address_resolve(uv_loop_t *loop, const char *listen, const char *host, int port,
                       struct sockaddr_storage *out, Error *error);

/* Whether only this machine can reach it. */
bool address_is_loopback(const struct sockaddr_storage *address);
/* Whether it stands for all addresses of this machine. */
bool address_is_any(const struct sockaddr_storage *address);
/* The same of a text; a name is none. */
bool host_is_any(const char *host);

#endif
