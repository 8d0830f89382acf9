#include "kafka/address.h"

#include <stdio.h>
#include <string.h>

Status address_fail(const char *listen, const char *why, Error *error)
{
    Status status = fail(error, ERR_INVALID, "WR5402", "cannot listen at `%s`: %s", listen, why);
    error_hint(error, "HOST:PORT is needed, such as 127.0.0.1:9092");
    return status;
}

bool address_split(Arena *arena, const char *text, const char **host, int *port)
{
    const char *colon = strrchr(text, ':');
    int64_t number;
    if (colon == NULL || colon == text || !str_parse_int64(str_from(colon + 1), &number) ||
        number < 0 || number > 65535)
        return false;
    Str name = str_make(text, colon - text);
    if (name.length > 2 && name.data[0] == '[' && name.data[name.length - 1] == ']')
        name = str_make(name.data + 1, name.length - 2);
    *host = str_terminated(arena, name);
    *port = (int)number;
    return true;
}

bool address_is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)address;
        return (ntohl(four->sin_addr.s_addr) >> 24) == 127;
    }
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

bool address_is_any(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return ((const struct sockaddr_in *)address)->sin_addr.s_addr == INADDR_ANY;
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

bool host_is_any(const char *host)
{
    struct sockaddr_storage address = {0};
    bool is_number = uv_ip4_addr(host, 0, (struct sockaddr_in *)&address) == 0 ||
                     uv_ip6_addr(host, 0, (struct sockaddr_in6 *)&address) == 0;
    return is_number && address_is_any(&address);
}

Status address_resolve(uv_loop_t *loop, const char *listen, const char *host, int port,
                       struct sockaddr_storage *out, Error *error)
{
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    uv_getaddrinfo_t request;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    int code = uv_getaddrinfo(loop, &request, NULL, host, service, &hints);
    if (code != 0)
        return address_fail(listen, uv_strerror(code), error);
    memcpy(out, request.addrinfo->ai_addr, request.addrinfo->ai_addrlen);
    uv_freeaddrinfo(request.addrinfo);
    return OK;
}
