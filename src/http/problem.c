/* Errors as RFC 9457 asks for them. */
#include "http/internal.h"

void http_problem(HttpRequest *request, unsigned int status, const char *code, const char *title,
                  const char *detail, const char *suggestion)
{
    const HttpConfig *config = &request->server->config;
    request->status = status;
    request->etag = NULL;
    request->body.length = 0;
    if (config->problem != NULL && config->problem(request, code, detail))
        return;
    request->content_type = "application/problem+json";
    JsonWriter json = {.out = &request->body};
    json_begin_object(&json);
    json_key(&json, "type");
    json_text(&json, arena_printf(request->arena, "/errors/%s", code));
    json_key(&json, "title");
    json_text(&json, title);
    json_key(&json, "status");
    json_int(&json, status);
    json_key(&json, "detail");
    json_text(&json, detail);
    json_key(&json, "instance");
    json_text(&json, request->path);
    json_key(&json, "code");
    json_text(&json, code);
    json_key(&json, "request_id");
    json_text(&json, request->id);
    if (suggestion != NULL) {
        json_key(&json, "suggestions");
        json_begin_array(&json);
        json_text(&json, suggestion);
        json_end_array(&json);
    }
    json_end_object(&json);
}
