/* The address to listen on. */
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "http/internal.h"

typedef struct Address {
    struct sockaddr_storage storage;
    socklen_t length;
    int port;
    bool is_loopback;
} Address;

static Status address_parse(const char *text, Address *out, Error *error)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    int64_t port = -1;
    if (colon == NULL || !str_parse_int64(str_from(colon + 1), &port) || port < 0 || port > 65535 ||
        colon - text >= (int64_t)sizeof host) {
        Status status =
            fail(error, ERR_INVALID, "WR6016", "`%s` is not an address to listen on", text);
        error_hint(error, "write HOST:PORT, such as 127.0.0.1:8083 or [::1]:8083");
        return status;
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - text), text);
    size_t length = strlen(host);
    *out = (Address){.port = (int)port};
    struct sockaddr_in *four = (struct sockaddr_in *)&out->storage;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&out->storage;
    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        out->length = sizeof *six;
        if (inet_pton(AF_INET6, host + 1, &six->sin6_addr) == 1) {
            out->is_loopback = IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
            return OK;
        }
    }
    if (strcmp(host, "localhost") == 0)
        snprintf(host, sizeof host, "127.0.0.1");
    four->sin_family = AF_INET;
    four->sin_port = htons((uint16_t)port);
    out->length = sizeof *four;
    if (inet_pton(AF_INET, host, &four->sin_addr) != 1) {
        Status status =
            fail(error, ERR_INVALID, "WR6016", "`%s` is not an address to listen on", text);
        error_hint(error, "write an IP address and a port, such as 127.0.0.1:8083");
        return status;
    }
    out->is_loopback = (ntohl(four->sin_addr.s_addr) >> 24) == 127;
    return OK;
}

static Status address_listen(const Address *address, int *descriptor, Error *error)
{
    int family = address->storage.ss_family;
    int made = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;
    if (made >= 0)
        setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (made < 0 || bind(made, (const struct sockaddr *)&address->storage, address->length) != 0 ||
        listen(made, 128) != 0) {
        if (made >= 0)
            close(made);
        Status status = fail(error, ERR_UNAVAILABLE, "WR6017",
                             "could not listen on port %d: it is in use", address->port);
        error_hint(error, "choose another with --listen HOST:PORT, or port 0 for any free one");
        return status;
    }
    *descriptor = made;
    return OK;
}

/* Nobody listens on the way, and who comes has to say who he is. */
static bool config_is_safe(const HttpConfig *config)
{
    return config->tls.cert != NULL && (config->tls.client_ca != NULL || config->guard != NULL);
}

Status listener_open(const HttpConfig *config, int *descriptor, bool *is_local, Error *error)
{
    char fallback[32];
    Address address;
    snprintf(fallback, sizeof fallback, "127.0.0.1:%d", (int)config->port_default);
    TRY(address_parse(config->listen != NULL ? config->listen : fallback, &address, error));
    *is_local = address.is_loopback;
    if (!address.is_loopback && !config->allows_plaintext && !config_is_safe(config)) {
        Status status = fail(error, ERR_PERMISSION, "WR6018",
                             "refusing to listen on `%s`: it is reachable from other machines, and "
                             "this listener has neither TLS nor credentials",
                             config->listen);
        error_hint(error, "listen on 127.0.0.1 behind a proxy that has them, or insist with "
                          "--allow-plaintext");
        return status;
    }
    Status status = address_listen(&address, descriptor, error);
    if (status == OK || config->listen != NULL)
        return status;
    TRY(address_parse("127.0.0.1:0", &address, error));
    return address_listen(&address, descriptor, error);
}

char *listener_url(Arena *arena, int descriptor, const char *scheme)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    char host[INET6_ADDRSTRLEN] = "";
    int named = getsockname(descriptor, (struct sockaddr *)&bound, &length);
    assert(named == 0);
    if (bound.ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&bound;
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
        return arena_printf(arena, "%s://[%s]:%d", scheme, host, ntohs(six->sin6_port));
    }
    const struct sockaddr_in *four = (const struct sockaddr_in *)&bound;
    inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
    return arena_printf(arena, "%s://%s:%d", scheme, host, ntohs(four->sin_port));
}
