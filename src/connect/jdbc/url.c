/* JDBC URLs. */
#include "connect/jdbc/jdbc.h"

typedef struct UrlKind {
    const char *prefix;
    JdbcKind kind;
    int32_t port;
} UrlKind;

static const UrlKind kinds[] = {
    {"jdbc:mysql://", JDBC_MYSQL, 3306},
    {"jdbc:mariadb://", JDBC_MYSQL, 3306},
    {"jdbc:postgresql://", JDBC_POSTGRES, 5432},
};

/* Without data if it is not there. */
static Str url_parameter(const JdbcUrl *url, const char *key)
{
    Str rest = url->parameters;
    while (rest.length > 0) {
        Str pair = str_split(rest, '&', &rest);
        Str value = {0};
        Str name = str_split(pair, '=', &value);
        if (str_equal_ignoring_case(name, str_from(key)))
            return value.data == NULL ? STR("") : value;
    }
    return (Str){0};
}

/* As pgjdbc and Connector/J have it; there nothing ends a silence unless one asks for it. */
static const char *read_silence(JdbcUrl *out)
{
    enum { SILENCE_SECONDS = 300 }; /* a lock is waited for 50 seconds in MySQL */
    out->silence_us = SILENCE_SECONDS * MICROS_PER_SECOND;
    Str text = url_parameter(out, "socketTimeout");
    if (text.data == NULL)
        return NULL;
    bool is_mysql = out->kind == JDBC_MYSQL;
    /* MariaDB's library counts whole seconds as milliseconds of 32 bits. */
    int64_t count, most = is_mysql ? INT32_MAX - 1000 : INT32_MAX / 1000;
    if (!str_parse_int64(text, &count) || count < 0 || count > most)
        return is_mysql ? "its socketTimeout is no number of milliseconds"
                        : "its socketTimeout is no number of seconds";
    out->says_silence = true;
    out->silence_us = count * (is_mysql ? MICROS_PER_MILLI : MICROS_PER_SECOND);
    return NULL;
}

const char *jdbc_url_parse(Arena *arena, Str text, JdbcUrl *out)
{
    const UrlKind *found = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (str_has_prefix(text, str_from(kinds[i].prefix)))
            found = &kinds[i];
    if (found == NULL)
        return "it begins with jdbc:mysql://, jdbc:mariadb:// or jdbc:postgresql://";
    Str rest =
        str_make(text.data + strlen(found->prefix), text.length - (int64_t)strlen(found->prefix));
    Str address = str_split(rest, '?', &rest);
    *out = (JdbcUrl){.kind = found->kind, .port = found->port, .parameters = rest};
    Str database = {0};
    Str place = str_split(address, '/', &database);
    if (place.length > 0 && place.data[0] == '[') {
        /* An IPv6 address has colons of its own. */
        place = str_make(place.data + 1, place.length - 1);
        Str host = str_split(place, ']', &place);
        out->host = str_terminated(arena, host);
        if (place.length > 0 && place.data[0] == ':')
            place = str_make(place.data + 1, place.length - 1);
    } else {
        out->host = str_terminated(arena, str_split(place, ':', &place));
    }
    int64_t port = found->port;
    if (place.length > 0 && (!str_parse_int64(place, &port) || port < 1 || port > 65535))
        return "its port is no number between 1 and 65535";
    if (out->host[0] == '\0')
        return "it names no host";
    out->port = (int32_t)port;
    out->database = database.data == NULL ? "" : str_terminated(arena, database);
    return read_silence(out);
}

const char *jdbc_url_parameter(Arena *arena, const JdbcUrl *url, const char *key)
{
    Str value = url_parameter(url, key);
    return value.data == NULL ? NULL : str_terminated(arena, value);
}
