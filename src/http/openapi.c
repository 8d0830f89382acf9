/* The API description, made from the routes. */
#include <string.h>

#include "http/internal.h"

static void put_parameter(JsonWriter *json, Str name, const char *where, bool is_required)
{
    json_begin_object(json);
    json_key(json, "name");
    json_str(json, name);
    json_key(json, "in");
    json_text(json, where);
    json_key(json, "required");
    json_bool(json, is_required);
    json_key(json, "schema");
    json_begin_object(json);
    json_key(json, "type");
    json_text(json, "string");
    json_end_object(json);
    json_end_object(json);
}

static void put_parameters(JsonWriter *json, const HttpRoute *route)
{
    json_key(json, "parameters");
    json_begin_array(json);
    Str rest = str_from(route->pattern);
    while (rest.data != NULL) {
        Str segment = str_split(rest, '/', &rest);
        if (segment.length > 2 && segment.data[0] == '{')
            put_parameter(json, str_make(segment.data + 1, segment.length - 2), "path", true);
    }
    rest = str_from(route->parameters);
    while (rest.length > 0)
        put_parameter(json, str_split(rest, ',', &rest), "query", false);
    json_end_array(json);
}

static void put_response(JsonWriter *json, const char *status, const char *text)
{
    json_key(json, status);
    json_begin_object(json);
    json_key(json, "description");
    json_text(json, text);
    json_end_object(json);
}

/* Routes of one path stand together in the table. */
static void put_routes(JsonWriter *json, const HttpRoute *routes, int32_t count, Arena *arena)
{
    for (int32_t i = 0; i < count; i++) {
        const HttpRoute *route = &routes[i];
        bool is_first = i == 0 || strcmp(routes[i - 1].pattern, route->pattern) != 0;
        bool is_last = i + 1 == count || strcmp(routes[i + 1].pattern, route->pattern) != 0;
        if (is_first) {
            json_key(json, route->pattern);
            json_begin_object(json);
        }
        json_key_str(json, str_to_lower(arena, str_from(route->method)));
        json_begin_object(json);
        json_key(json, "summary");
        json_text(json, route->summary);
        put_parameters(json, route);
        json_key(json, "responses");
        json_begin_object(json);
        put_response(json, "200", "The answer.");
        put_response(json, "default", "A problem, as application/problem+json.");
        json_end_object(json);
        json_end_object(json);
        if (is_last)
            json_end_object(json);
    }
}

void http_show_openapi(HttpRequest *request)
{
    JsonWriter json = {.out = &request->body};
    json_begin_object(&json);
    json_key(&json, "openapi");
    json_text(&json, "3.1.0");
    json_key(&json, "info");
    json_begin_object(&json);
    json_key(&json, "title");
    json_text(&json, "weir");
    json_key(&json, "version");
    json_text(&json, WEIR_VERSION);
    json_end_object(&json);
    json_key(&json, "paths");
    json_begin_object(&json);
    put_routes(&json, request->server->config.routes, request->server->config.route_count,
               request->arena);
    json_end_object(&json);
    json_end_object(&json);
}
