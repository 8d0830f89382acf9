/* A request taken apart: the route that its path names, its parameters, its headers. */
#include <assert.h>
#include <string.h>

#include "http/internal.h"

enum {
    /* Instead of a count of parameters. */
    PARAMS_BROKEN = -1,
    PARAMS_TOO_MANY = -2,
};

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_decode(Arena *arena, Str text, bool is_query, Str *out)
{
    char *to = arena_allocate(arena, text.length + 1);
    int64_t length = 0;
    for (int64_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '%') {
            if (i + 2 >= text.length || hex_value(text.data[i + 1]) < 0 ||
                hex_value(text.data[i + 2]) < 0)
                return false;
            c = (char)(hex_value(text.data[i + 1]) << 4 | hex_value(text.data[i + 2]));
            i += 2;
        } else if (c == '+' && is_query) {
            c = ' ';
        }
        if (c == '\0')
            return false;
        to[length++] = c;
    }
    to[length] = '\0';
    *out = str_make(to, length);
    return true;
}

Str http_param(const HttpRequest *request, const char *name)
{
    for (int32_t i = 0; i < request->param_count; i++)
        if (str_is(request->params[i].name, name))
            return request->params[i].value;
    return (Str){0};
}

/* Segments taken by {…} go to request->segments; the last one of a pattern stays undecoded, since
 * a key is split before it is decoded. */
static bool route_matches(const HttpRoute *route, HttpRequest *request)
{
    Str pattern = str_from(route->pattern + 1);
    Str path = str_from(request->path + 1);
    request->segment_count = 0;
    while (pattern.data != NULL && path.data != NULL) {
        Str wanted = str_split(pattern, '/', &pattern);
        Str given = str_split(path, '/', &path);
        if (wanted.data[0] != '{') {
            if (!str_equal(wanted, given))
                return false;
            continue;
        }
        if (given.length == 0)
            return false;
        Str *into = &request->segments[request->segment_count++];
        if (str_is(wanted, "{key}"))
            *into = given;
        else if (!http_decode(request->arena, given, false, into))
            return false;
    }
    return pattern.data == NULL && path.data == NULL;
}

static enum MHD_Result take_param(void *context, enum MHD_ValueKind kind, const char *key,
                                  const char *value)
{
    (void)kind;
    HttpRequest *request = context;
    const int32_t room = (int32_t)(sizeof request->params / sizeof request->params[0]);
    if (request->param_count == room) {
        request->param_count = PARAMS_TOO_MANY;
        return MHD_NO;
    }
    HttpParam *param = &request->params[request->param_count];
    if (!http_decode(request->arena, str_from(key), true, &param->name) ||
        !http_decode(request->arena, str_from(value != NULL ? value : ""), true, &param->value)) {
        request->param_count = PARAMS_BROKEN;
        return MHD_NO;
    }
    request->param_count++;
    return MHD_YES;
}

bool http_number(HttpRequest *request, const char *name, int64_t least, int64_t most,
                 int64_t fallback, int64_t *out)
{
    Str text = http_param(request, name);
    *out = fallback;
    if (text.data == NULL || (str_parse_int64(text, out) && *out >= least && *out <= most))
        return true;
    http_problem(request, MHD_HTTP_BAD_REQUEST, "WR6006",
                 arena_printf(request->arena, "%s out of range", name),
                 arena_printf(request->arena, "%s must be a number from %lld to %lld", name,
                              (long long)least, (long long)most),
                 NULL);
    return false;
}

const char *http_header(const HttpRequest *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

void http_add_header(HttpRequest *request, const char *name, const char *value)
{
    assert(request->header_count < HTTP_HEADERS_MAX);
    request->headers[request->header_count++] = (HttpHeader){name, value};
}

static bool method_is(const char *given, const char *of_route)
{
    return strcmp(given, of_route) == 0 ||
           (strcmp(given, MHD_HTTP_METHOD_HEAD) == 0 && strcmp(of_route, MHD_HTTP_METHOD_GET) == 0);
}

/* The path is known, but not with this method. */
static void refuse_method(HttpRequest *request)
{
    Buffer allowed = {0};
    const HttpConfig *config = &request->server->config;
    for (int32_t i = 0; i < config->route_count; i++) {
        const HttpRoute *route = &config->routes[i];
        if (!route_matches(route, request))
            continue;
        bool answers_head = strcmp(route->method, MHD_HTTP_METHOD_GET) == 0;
        buffer_printf(&allowed, "%s%s%s", allowed.length > 0 ? ", " : "", route->method,
                      answers_head ? ", HEAD" : "");
    }
    const char *text = str_terminated(request->arena, buffer_str(&allowed));
    buffer_free(&allowed);
    http_problem(request, MHD_HTTP_METHOD_NOT_ALLOWED, "WR6013", "method not allowed",
                 arena_printf(request->arena, "here is only %s", text), NULL);
    http_add_header(request, "Allow", text);
}

const HttpRoute *request_find_route(HttpRequest *request)
{
    const HttpConfig *config = &request->server->config;
    const HttpRoute *route = NULL;
    bool is_path_known = false;
    for (int32_t i = 0; route == NULL && i < config->route_count; i++) {
        if (!route_matches(&config->routes[i], request))
            continue;
        is_path_known = true;
        if (method_is(request->method, config->routes[i].method))
            route = &config->routes[i];
    }
    if (route == NULL && is_path_known) {
        refuse_method(request);
        return NULL;
    }
    if (route == NULL) {
        http_problem(request, MHD_HTTP_NOT_FOUND, "WR6012", "no such resource",
                     "there is nothing at this path", "GET /openapi.json lists what there is");
        return NULL;
    }
    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, take_param, request);
    if (request->param_count >= 0)
        return route;
    bool is_broken = request->param_count == PARAMS_BROKEN;
    request->param_count = 0;
    http_problem(request, MHD_HTTP_BAD_REQUEST, is_broken ? "WR6014" : "WR6007",
                 is_broken ? "broken query" : "too many parameters",
                 is_broken ? "a percent escape in the query is not one"
                           : "a filter left out would give rows that were not asked for",
                 NULL);
    return NULL;
}
