/* The route table, and the API description that is made from it: there is no route without a
 * line there. */
#include "serve/internal.h"

#include <string.h>

const Route serve_routes[] = {
    {"/v1/tables", serve_list_tables, "List the materialized tables.", ""},
    {"/v1/tables/{name}", serve_describe_table, "Schema, key, watermark and freshness of a table.",
     ""},
    {"/v1/tables/{name}/rows", serve_list_rows,
     "A page of rows in key order. Any column filters: column=value, or column=op:value with op "
     "one of eq, ne, lt, le, gt, ge.",
     "limit,cursor"},
    {"/v1/tables/{name}/rows/{key}", serve_get_row,
     "One row by its key; the columns of a composite key are separated by commas.", ""},
    {"/v1/tables/{name}/changes", serve_follow_changes,
     "The table's changes as server-sent events; `since` or Last-Event-ID resumes behind a "
     "sequence number.",
     "since"},
    {"/livez", serve_live, "The process is alive.", ""},
    {"/readyz", serve_ready, "The pipeline does its work.", ""},
    {"/metrics", serve_show_metrics, "Metrics in the Prometheus text format.", ""},
    {"/buildz", serve_show_build, "Version and pipeline.", ""},
    {"/openapi.json", serve_show_openapi, "This description.", ""},
};
const int32_t serve_route_count = (int32_t)(sizeof serve_routes / sizeof serve_routes[0]);

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

static void put_parameters(JsonWriter *json, const Route *route)
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

void serve_show_openapi(Request *request)
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
    for (int32_t i = 0; i < serve_route_count; i++) {
        const Route *route = &serve_routes[i];
        json_key(&json, route->pattern);
        json_begin_object(&json);
        json_key(&json, "get");
        json_begin_object(&json);
        json_key(&json, "summary");
        json_text(&json, route->summary);
        put_parameters(&json, route);
        json_key(&json, "responses");
        json_begin_object(&json);
        put_response(&json, "200", "The answer.");
        put_response(&json, "default", "A problem, as application/problem+json.");
        json_end_object(&json);
        json_end_object(&json);
        json_end_object(&json);
    }
    json_end_object(&json);
    json_end_object(&json);
}
