/* Health, metrics and what is running. */
#include "serve/internal.h"

#include "base/metrics.h"

void serve_live(Request *request)
{
    request->content_type = "text/plain; charset=utf-8";
    buffer_append_text(&request->body, "ok\n");
}

void serve_ready(Request *request)
{
    const ServeConfig *config = &request->server->config;
    Buffer why = {0};
    if (config->is_ready == NULL || config->is_ready(config->ready_context, &why)) {
        request->content_type = "text/plain; charset=utf-8";
        buffer_append_text(&request->body, "ready\n");
    } else {
        serve_problem(request, MHD_HTTP_SERVICE_UNAVAILABLE, "WR6010", "not ready",
                      buffer_terminated(&why), NULL);
    }
    buffer_free(&why);
}

void serve_show_metrics(Request *request)
{
    request->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_print(&request->body);
}

void serve_show_build(Request *request)
{
    JsonWriter json = {.out = &request->body};
    json_begin_object(&json);
    json_key(&json, "name");
    json_text(&json, "weir");
    json_key(&json, "version");
    json_text(&json, WEIR_VERSION);
    json_key(&json, "pipeline");
    json_text(&json, request->server->config.pipeline);
    json_end_object(&json);
}
