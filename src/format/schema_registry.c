/* Requests to a schema registry over libcurl. The API: Confluent Platform, Schema Registry API. */
#include "format/schema_registry.h"

#include <stdio.h>
#include <string.h>

#include "base/backoff.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "expr/json/document.h"
#include "format/formats.h"
#include "store/s3_curl.h"

enum {
    ANSWER_BYTES_MAX = 8 << 20,
    CONNECT_MS_MAX = 5 * 1000,
    REQUEST_MS_MAX = 10 * 1000,
    TRIES_MAX = 6,
    PAUSE_FIRST_US = 200 * 1000,
    PAUSE_MOST_US = 3 * 1000 * 1000,
    REFERENCES_MAX = 1000,
    REFERENCE_DEPTH_MAX = 64,
    CODE_NO_SCHEMA = 40403,
    CODE_NO_SUBJECT = 40401,
};

struct SchemaRegistry {
    const LocalRegistry *local; /* that is asked; NULL: the servers are */
    World *world;
    const CurlApi *api;
    CURL *curl;
    Arena *arena; /* of its life */
    const char *urls[8];
    int32_t url_count;
    const char *user, *token;                 /* "name:password"; NULL: none */
    const char *trusted, *own, *own_password; /* certificates; NULL: none */
};

/* A request and what came of it. */
typedef struct Exchange {
    const SchemaRegistry *registry;
    const char *path;
    Str body;
    Buffer answer;
    bool has_too_much;
    long status;
    char why[CURL_ERROR_SIZE];
} Exchange;

/* ---- Opening ------------------------------------------------------------------------------- */

static const char *text_option(SchemaRegistry *registry, const OptionSet *options,
                               const char *prefix, const char *key)
{
    Str text = format_option_text(options, prefix, key);
    return text.data == NULL ? NULL : str_terminated(registry->arena, text);
}

static Status urls_open(SchemaRegistry *registry, Str list, Error *error)
{
    while (list.data != NULL && registry->url_count < 8) {
        Str url = str_trim(str_split(list, ',', &list));
        while (url.length > 0 && url.data[url.length - 1] == '/')
            url.length--;
        if (!str_has_prefix(url, STR("http://")) && !str_has_prefix(url, STR("https://")))
            return fail(
                error, ERR_INVALID, "WR3514",
                "`%.*s` is no address of a schema registry: it begins with http:// or https://",
                STR_ARGS(url));
        registry->urls[registry->url_count++] = str_terminated(registry->arena, url);
    }
    return OK;
}

static Status auth_open(SchemaRegistry *registry, const OptionSet *options, const char *prefix,
                        Error *error)
{
    Str source = format_option_text(options, prefix, "basic-auth.credentials-source");
    Str bearer = format_option_text(options, prefix, "bearer-auth.credentials-source");
    registry->user = text_option(registry, options, prefix, "basic-auth.user-info");
    registry->token = text_option(registry, options, prefix, "bearer-auth.token");
    /* URL: the name stands in the address, where libcurl finds it. */
    if (source.data != NULL && !str_is(source, "USER_INFO") && !str_is(source, "URL"))
        return fail(error, ERR_INVALID, "WR3514",
                    "'%sbasic-auth.credentials-source' is USER_INFO or URL, not %.*s", prefix,
                    STR_ARGS(source));
    if (bearer.data != NULL && !str_is(bearer, "STATIC_TOKEN"))
        return fail(error, ERR_INVALID, "WR3514",
                    "'%sbearer-auth.credentials-source' is STATIC_TOKEN, not %.*s", prefix,
                    STR_ARGS(bearer));
    if (str_is(source, "URL"))
        registry->user = NULL;
    return OK;
}

Status schema_registry_open(Arena *arena, const SchemaRegistrySpec *spec, SchemaRegistry **out,
                            Error *error)
{
    const OptionSet *options = spec->options;
    const char *prefix = spec->prefix;
    SchemaRegistry *registry = *out = ARENA_NEW(arena, SchemaRegistry);
    registry->arena = arena;
    registry->world = spec->world;
    if (!format_option_has(options, prefix, "url")) {
        registry->local = spec->local;
        if (spec->local != NULL)
            return OK;
        return fail(error, ERR_INVALID, "WR3435",
                    "no schema registry is named in '%surl', and there is no data folder for a hub "
                    "of this process that has one",
                    prefix);
    }
    TRY(urls_open(registry, format_option_text(options, prefix, "url"), error));
    TRY(auth_open(registry, options, prefix, error));
    registry->trusted = text_option(registry, options, prefix, "ssl.truststore.location");
    registry->own = text_option(registry, options, prefix, "ssl.keystore.location");
    registry->own_password = text_option(registry, options, prefix, "ssl.keystore.password");
    TRY(curl_load(&registry->api, error));
    registry->curl = memory_expect(registry->api->curl_easy_init());
    return OK;
}

void schema_registry_close(SchemaRegistry *registry)
{
    if (registry != NULL && registry->curl != NULL)
        registry->api->curl_easy_cleanup(registry->curl);
}

/* ---- One request --------------------------------------------------------------------------- */

static size_t exchange_take(char *bytes, size_t one, size_t length, void *user)
{
    (void)one;
    Exchange *exchange = user;
    exchange->has_too_much = exchange->answer.length + (int64_t)length > ANSWER_BYTES_MAX;
    if (exchange->has_too_much)
        return 0;
    buffer_append(&exchange->answer, bytes, (int64_t)length);
    return length;
}

static void exchange_prepare(const SchemaRegistry *registry, Exchange *exchange, const char *url)
{
    const CurlApi *api = registry->api;
    CURL *curl = registry->curl;
    api->curl_easy_reset(curl); /* keeps the connection */
    api->curl_easy_setopt(curl, CURLOPT_URL, url);
    api->curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    api->curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    api->curl_easy_setopt(curl, CURLOPT_USERAGENT, "weir");
    api->curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS_MAX);
    api->curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)REQUEST_MS_MAX);
    api->curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, exchange->why);
    api->curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, exchange_take);
    api->curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    if (exchange->body.data != NULL) {
        api->curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.length);
        api->curl_easy_setopt(curl, CURLOPT_POSTFIELDS, exchange->body.data);
    }
    if (registry->user != NULL) {
        api->curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        api->curl_easy_setopt(curl, CURLOPT_USERPWD, registry->user);
    }
    if (registry->token != NULL) {
        api->curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        api->curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, registry->token);
    }
    if (registry->trusted != NULL)
        api->curl_easy_setopt(curl, CURLOPT_CAINFO, registry->trusted);
    if (registry->own != NULL) {
        bool is_p12 = str_has_suffix(str_from(registry->own), STR(".p12"));
        api->curl_easy_setopt(curl, CURLOPT_SSLCERT, registry->own);
        api->curl_easy_setopt(curl, CURLOPT_SSLCERTTYPE, is_p12 ? "P12" : "PEM");
        if (!is_p12)
            api->curl_easy_setopt(curl, CURLOPT_SSLKEY, registry->own);
        if (registry->own_password != NULL)
            api->curl_easy_setopt(curl, CURLOPT_KEYPASSWD, registry->own_password);
    }
}

/* Names and passwords in an address are not for messages. */
static const char *url_shown(const char *url)
{
    const char *at = strrchr(url, '@');
    return at == NULL ? url : at + 1;
}

/* Ask one server. ERR_UNAVAILABLE: it does not answer, or not now. */
static Status exchange_once(const SchemaRegistry *registry, Exchange *exchange, const char *server,
                            Error *error)
{
    const CurlApi *api = registry->api;
    Buffer url = {0};
    buffer_printf(&url, "%s%s", server, exchange->path);
    exchange->answer.length = 0;
    exchange->why[0] = '\0';
    exchange_prepare(registry, exchange, buffer_terminated(&url));
    struct curl_slist *headers =
        api->curl_slist_append(NULL, "accept: application/vnd.schemaregistry.v1+json");
    headers =
        api->curl_slist_append(headers, "content-type: application/vnd.schemaregistry.v1+json");
    api->curl_easy_setopt(registry->curl, CURLOPT_HTTPHEADER, headers);
    CURLcode code = api->curl_easy_perform(registry->curl);
    api->curl_slist_free_all(headers);
    buffer_free(&url);
    exchange->status = 0;
    api->curl_easy_getinfo(registry->curl, CURLINFO_RESPONSE_CODE, &exchange->status);
    bool is_busy = exchange->status == 429 || exchange->status >= 500;
    if (code == CURLE_OK && !is_busy)
        return OK;
    const char *why = exchange->has_too_much     ? "its answer is too large"
                      : code == CURLE_OK         ? "it is not able to answer now"
                      : exchange->why[0] != '\0' ? exchange->why
                                                 : api->curl_easy_strerror(code);
    bool is_ours = code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE ||
                   code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_URL_MALFORMAT;
    Status status = fail(error, is_ours ? ERR_INVALID : ERR_UNAVAILABLE, "WR3514",
                         "the schema registry %s: %s", url_shown(server), why);
    if (error != NULL)
        error->is_retriable = !is_ours;
    return status;
}

static Status exchange_send(const SchemaRegistry *registry, Exchange *exchange, Error *error)
{
    Status status = ERR_UNAVAILABLE;
    for (int32_t i = 0; i < registry->url_count && status == ERR_UNAVAILABLE; i++)
        status = exchange_once(registry, exchange, registry->urls[i], error);
    return status;
}

/* ---- What it answers ----------------------------------------------------------------------- */

/* Of an answer that is none of 2xx: {"error_code": 40403, "message": "Schema not found"}. */
static Status refusal_tell(const Exchange *exchange, JsonElement root, bool is_json, Error *error)
{
    JsonElement code, message;
    int64_t number = exchange->status;
    Str text = STR("");
    if (is_json && json_find_typed(root, "error_code", JSON_INT, &code))
        number = json_element_int(code);
    if (is_json && json_find_typed(root, "message", JSON_STRING, &message))
        text = json_element_string(message);
    Status status = number == CODE_NO_SCHEMA || number == CODE_NO_SUBJECT || number == 404
                        ? ERR_NOT_FOUND
                    : exchange->status == 401 || exchange->status == 403 ? ERR_PERMISSION
                                                                         : ERR_INVALID;
    return fail(error, status, "WR3514", "the schema registry %s refuses: %lld%s%.*s",
                url_shown(exchange->registry->urls[0]), (long long)number,
                text.length > 0 ? " " : "", (int)(text.length < 600 ? text.length : 600),
                text.data);
}

/* The answer, or what it refuses with. */
static Status exchange_read(const Exchange *exchange, JsonDocument *document, JsonElement *root,
                            Error *error)
{
    bool is_json =
        exchange->answer.length > 0 &&
        json_document_parse(document, exchange->answer.data, exchange->answer.length, root);
    if (exchange->status < 200 || exchange->status > 299)
        return refusal_tell(exchange, *root, is_json, error);
    if (is_json)
        return OK;
    return fail(error, ERR_INVALID, "WR3514",
                "the schema registry %s does not answer in json: it seems to be none",
                url_shown(exchange->registry->urls[0]));
}

static Status exchange_member(const Exchange *exchange, JsonElement root, const char *name,
                              JsonType type, JsonElement *out, Error *error)
{
    if (json_find_typed(root, name, type, out))
        return OK;
    return fail(error, ERR_INVALID, "WR3514",
                "the schema registry %s answers without \"%s\": it seems to be none",
                url_shown(exchange->registry->urls[0]), name);
}

/* In a path, all but letters, digits and -._~ as %XX. */
static void append_segment(Buffer *out, Str text)
{
    for (int64_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c >= '0' && c <= '9') || (c != '\0' && strchr("-._~", c) != NULL);
        if (is_plain)
            buffer_append_char(out, c);
        else
            buffer_printf(out, "%%%02X", (unsigned char)c);
    }
}

/* ---- Schemas and those whose names they use -------------------------------------------------- */

/* A version of a subject. */
typedef struct Reference {
    Str subject;
    int64_t version;
} Reference;

typedef struct Finding {
    SchemaRegistry *registry;
    Arena *arena;
    List before; /* Str *: texts, in order */
    Map *seen;   /* paths that were asked */
    int32_t depth;
    Error *error;
} Finding;

static void take_references(Finding *self, JsonElement root, List *out)
{
    JsonElement list, item, subject, version;
    Str key;
    if (!json_find_typed(root, "references", JSON_ARRAY, &list))
        return;
    for (JsonChildren children = json_children(list); json_next(&children, &key, &item);) {
        if (!json_find_typed(item, "subject", JSON_STRING, &subject) ||
            !json_find_typed(item, "version", JSON_INT, &version))
            continue;
        Reference *reference = ARENA_NEW(self->arena, Reference);
        *reference = (Reference){str_copy(self->arena, json_element_string(subject)),
                                 json_element_int(version)};
        list_append(out, self->arena, reference);
    }
}

static Status find_references(Finding *self, const List *references);

/* What stands at the path; all that it builds upon is asked for before. */
static Status find_text(Finding *self, const char *path, Str *out)
{
    Exchange exchange = {.registry = self->registry, .path = path};
    JsonDocument *document = json_document_new();
    JsonElement root = {0}, schema;
    List references = {0};
    Status status = exchange_send(self->registry, &exchange, self->error);
    if (status == OK)
        status = exchange_read(&exchange, document, &root, self->error);
    if (status == OK)
        status = exchange_member(&exchange, root, "schema", JSON_STRING, &schema, self->error);
    if (status == OK) {
        *out = str_copy(self->arena, json_element_string(schema));
        take_references(self, root, &references);
    }
    json_document_free(document);
    buffer_free(&exchange.answer);
    return status == OK ? find_references(self, &references) : status;
}

static Status find_references(Finding *self, const List *references)
{
    Status status = OK;
    self->depth++;
    for (int32_t i = 0; status == OK && i < references->count; i++) {
        const Reference *reference = LIST_AT(*references, i, Reference);
        Buffer path = {0};
        buffer_append_text(&path, "/subjects/");
        append_segment(&path, reference->subject);
        buffer_printf(&path, "/versions/%lld?deleted=true", (long long)reference->version);
        Str *text = ARENA_NEW(self->arena, Str);
        bool is_new = map_find(self->seen, buffer_str(&path)) == NULL;
        if (is_new && (self->depth > REFERENCE_DEPTH_MAX || self->before.count >= REFERENCES_MAX))
            status =
                fail(self->error, ERR_INVALID, "WR3514",
                     "a schema of the registry refers to more than %d others", (int)REFERENCES_MAX);
        if (is_new && status == OK) {
            map_put(self->seen, buffer_str(&path), text);
            status = find_text(self, buffer_terminated(&path), text);
            list_append(&self->before, self->arena, text);
        }
        buffer_free(&path);
    }
    self->depth--;
    return status;
}

Status schema_registry_find(SchemaRegistry *registry, Arena *arena, uint32_t id, AvroSource *out,
                            Error *error)
{
    char path[64];
    *out = (AvroSource){0};
    if (registry->local != NULL)
        return registry->local->find(registry->local->context, arena, id, out, error);
    snprintf(path, sizeof path, "/schemas/ids/%u", id);
    Finding finding = {
        .registry = registry, .arena = arena, .seen = map_new(arena), .error = error};
    TRY(find_text(&finding, path, &out->text));
    Str *before = ARENA_ARRAY(arena, Str, finding.before.count + 1);
    for (int32_t i = 0; i < finding.before.count; i++)
        before[i] = *LIST_AT(finding.before, i, Str);
    out->before = before;
    out->before_count = finding.before.count;
    return OK;
}

/* ---- Registering ----------------------------------------------------------------------------- */

static Status put_tries(SchemaRegistry *registry, Exchange *exchange, Error *error)
{
    Backoff backoff = {.first_us = PAUSE_FIRST_US, .most_us = PAUSE_MOST_US};
    Status status = exchange_send(registry, exchange, error);
    for (int32_t tries = 1; status == ERR_UNAVAILABLE && tries < TRIES_MAX; tries++) {
        log_event(LOG_WARN, "format", "%s; trying again", error->text);
        registry->world->kind->sleep_us(registry->world,
                                        backoff_take_us(&backoff, registry->world));
        status = exchange_send(registry, exchange, error);
    }
    return status;
}

Status schema_registry_put(SchemaRegistry *registry, Str subject, Str schema, uint32_t *id,
                           Error *error)
{
    Buffer path = {0}, body = {0};
    if (registry->local != NULL)
        return registry->local->put(registry->local->context, subject, schema, id, error);
    buffer_append_text(&path, "/subjects/");
    append_segment(&path, subject);
    buffer_append_text(&path, "/versions");
    JsonWriter json = {.out = &body};
    json_begin_object(&json);
    json_key(&json, "schema");
    json_str(&json, schema);
    json_end_object(&json);
    Exchange exchange = {
        .registry = registry, .path = buffer_terminated(&path), .body = buffer_str(&body)};
    JsonDocument *document = json_document_new();
    JsonElement root = {0}, number;
    Status status = put_tries(registry, &exchange, error);
    if (status == OK)
        status = exchange_read(&exchange, document, &root, error);
    if (status == OK)
        status = exchange_member(&exchange, root, "id", JSON_INT, &number, error);
    if (status == OK)
        *id = (uint32_t)json_element_int(number);
    json_document_free(document);
    buffer_free(&exchange.answer);
    buffer_free(&path);
    buffer_free(&body);
    return status;
}
