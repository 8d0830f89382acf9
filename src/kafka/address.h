/* Where to listen: HOST:PORT as people write it. */
#ifndef WEIR_KAFKA_ADDRESS_H
#define WEIR_KAFKA_ADDRESS_H

#include <uv.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"

/* WR5402, with the reason. */
Status address_fail(const char *listen, const char *why, Error *error);

/* Cut HOST:PORT, where HOST may stand in brackets; the host is copied into the arena. */
Status address_split(Arena *arena, const char *listen, const char **host, int *port, Error *error);

/* The first address that the host has; it waits for the resolver. */
Status address_resolve(uv_loop_t *loop, const char *listen, const char *host, int port,
                       struct sockaddr_storage *out, Error *error);

/* Whether only this machine can reach it. */
bool address_is_loopback(const struct sockaddr_storage *address);

#endif
