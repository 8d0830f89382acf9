/* Health, metrics and what is running. */
#include "base/metrics.h"
#include "http/internal.h"

void http_show_live(HttpRequest *request)
{
    request->content_type = "text/plain; charset=utf-8";
    buffer_append_text(&request->body, "ok\n");
}

void http_show_ready(HttpRequest *request)
{
    const HttpConfig *config = &request->server->config;
    Buffer why = {0};
    if (config->is_ready == NULL || config->is_ready(config->ready_context, &why)) {
        request->content_type = "text/plain; charset=utf-8";
        buffer_append_text(&request->body, "ready\n");
    } else {
        http_problem(request, MHD_HTTP_SERVICE_UNAVAILABLE, "WR6010", "not ready",
                     buffer_terminated(&why), NULL);
    }
    buffer_free(&why);
}

void http_show_metrics(HttpRequest *request)
{
    request->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_print(&request->body);
}

void http_show_build(HttpRequest *request)
{
    JsonWriter json = {.out = &request->body};
    json_begin_object(&json);
    json_key(&json, "name");
    json_text(&json, "weir");
    json_key(&json, "version");
    json_text(&json, WEIR_VERSION);
    json_key(&json, "pipeline");
    json_text(&json, request->server->config.name);
    json_end_object(&json);
}
