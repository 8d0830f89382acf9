/* The network of the operating system: non-blocking sockets, eventfd, poll. */
#include "base/network.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { KEEPALIVE_IDLE_SECONDS = 60, KEEPALIVE_INTERVAL_SECONDS = 10, KEEPALIVE_PROBES = 6 };

static_assert(sizeof(struct sockaddr_storage) <= NET_ADDRESS_BYTES, "an address has room");

static NetFound system_find(World *world, const char *host, int32_t port, NetAddress *out,
                            int32_t *count, const char **why)
{
    (void)world;
    char service[16];
    snprintf(service, sizeof service, "%d", (int)port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(host, service, &hints, &found);
    *count = 0;
    *why = code == 0 ? "" : gai_strerror(code);
    if (code != 0)
        return code == EAI_AGAIN || code == EAI_SYSTEM ? NET_FIND_LATER : NET_NO_SUCH_HOST;
    for (struct addrinfo *at = found; at != NULL && *count < NET_ADDRESSES_MAX; at = at->ai_next) {
        NetAddress *address = &out[(*count)++];
        address->length = (int32_t)at->ai_addrlen;
        memcpy(address->bytes, at->ai_addr, at->ai_addrlen);
    }
    freeaddrinfo(found);
    return NET_FOUND;
}

static int system_find_path(World *world, const char *path, NetAddress *out)
{
    (void)world;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, length);
    memcpy(out->bytes, &address, sizeof address);
    out->length = (int32_t)sizeof address;
    return 0;
}

static void system_set_options(int link, int family)
{
    int on = 1, idle = KEEPALIVE_IDLE_SECONDS, interval = KEEPALIVE_INTERVAL_SECONDS;
    int probes = KEEPALIVE_PROBES;
    if (family == AF_UNIX)
        return;
    setsockopt(link, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(link, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(link, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(link, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(link, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static int system_connect(World *world, const NetAddress *address, bool *is_there)
{
    (void)world;
    struct sockaddr_storage name;
    memcpy(&name, address->bytes, (size_t)address->length);
    int link = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (link < 0)
        return -errno;
    system_set_options(link, name.ss_family);
    *is_there = connect(link, (const struct sockaddr *)&name, (socklen_t)address->length) == 0;
    if (*is_there || errno == EINPROGRESS || errno == EINTR)
        return link;
    int code = errno;
    close(link);
    return -code;
}

static int system_verdict(World *world, int link)
{
    (void)world;
    int code = 0;
    socklen_t size = sizeof code;
    getsockopt(link, SOL_SOCKET, SO_ERROR, &code, &size);
    return -code;
}

static int64_t system_read(World *world, int link, void *into, int64_t bytes_max)
{
    (void)world;
    ssize_t count = recv(link, into, (size_t)bytes_max, 0);
    return count >= 0 ? count : -errno;
}

static int64_t system_write(World *world, int link, const void *bytes, int64_t length)
{
    (void)world;
    ssize_t count = send(link, bytes, (size_t)length, MSG_NOSIGNAL);
    return count >= 0 ? count : -errno;
}

static void system_close(World *world, int link)
{
    (void)world;
    close(link);
}

static int system_bell(World *world)
{
    (void)world;
    int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return bell >= 0 ? bell : -errno;
}

static void system_ring(World *world, int bell)
{
    (void)world;
    uint64_t one = 1;
    ssize_t done = write(bell, &one, sizeof one);
    (void)done;
}

static int system_wait(World *world, int link, int bell, int events, int64_t deadline_us)
{
    int asked = ((events & NET_READ) != 0 ? POLLIN : 0) | ((events & NET_WRITE) != 0 ? POLLOUT : 0);
    struct pollfd fds[2] = {{.fd = bell, .events = POLLIN}, {.fd = link, .events = (short)asked}};
    for (;;) {
        int64_t left_us = deadline_us - world_monotonic_us(world);
        int timeout_ms = left_us <= 0           ? 0
                         : left_us > 3600000000 ? 3600000
                                                : (int)(left_us / 1000) + 1;
        int ready = poll(fds, link >= 0 ? 2 : 1, timeout_ms);
        if (ready < 0 && errno != EINTR)
            return -errno;
        if (ready > 0)
            return fds[0].revents != 0 ? NET_RUNG : NET_READY;
        if (ready == 0 && left_us <= 1000)
            return NET_TIMEOUT;
    }
}

const NetworkKind network_system = {
    .find = system_find,
    .find_path = system_find_path,
    .connect = system_connect,
    .verdict = system_verdict,
    .read = system_read,
    .write = system_write,
    .close = system_close,
    .bell = system_bell,
    .ring = system_ring,
    .wait = system_wait,
};
