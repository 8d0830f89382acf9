/* weir schema: the schemas of a registry, the hub's or another with Confluent's API. */
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"
#include "expr/json/document.h"
#include "store/s3_curl.h"

enum { CONNECT_MS_MAX = 5 * 1000, REQUEST_MS_MAX = 30 * 1000, ANSWER_BYTES_MAX = 64 << 20 };

static const Flag schema_flags[] = {
    {"url", 0, FLAG_VALUE, "URL", "Address of the registry (http://127.0.0.1:8084)."},
    {"key", 0, FLAG_VALUE, "KEY", "A key of the hub, or NAME:PASSWORD."},
    {"ca", 0, FLAG_VALUE, "FILE", "Certificates to trust (PEM)."},
    {"type", 0, FLAG_VALUE, "TYPE", "register, check: AVRO (default), JSON or PROTOBUF."},
    {"version", 0, FLAG_VALUE, "N|latest", "show, check: the version (latest)."},
};

/* ---- Asking ---------------------------------------------------------------------------------- */

typedef struct Ask {
    Cli *cli;
    Buffer answer;
    JsonDocument *document;
    JsonElement root;
} Ask;

static size_t take_answer(char *bytes, size_t one, size_t length, void *user)
{
    (void)one;
    Ask *ask = user;
    if (ask->answer.length + (int64_t)length > ANSWER_BYTES_MAX)
        return 0;
    buffer_append(&ask->answer, bytes, (int64_t)length);
    return length;
}

static void set_login(const CurlApi *api, CURL *curl, const Cli *cli)
{
    const char *key = cli_value(cli, "key");
    const char *ca = cli_value(cli, "ca");
    if (ca != NULL)
        api->curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
    if (key == NULL)
        return;
    bool has_name = strchr(key, ':') != NULL;
    api->curl_easy_setopt(curl, CURLOPT_HTTPAUTH,
                          has_name ? (long)CURLAUTH_BASIC : (long)CURLAUTH_BEARER);
    api->curl_easy_setopt(curl, has_name ? CURLOPT_USERPWD : CURLOPT_XOAUTH2_BEARER, key);
}

static CURLcode perform(const CurlApi *api, CURL *curl, Ask *ask, const char *url, Str body)
{
    struct curl_slist *headers =
        api->curl_slist_append(NULL, "content-type: application/vnd.schemaregistry.v1+json");
    api->curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    api->curl_easy_setopt(curl, CURLOPT_URL, url);
    api->curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    api->curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    api->curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS_MAX);
    api->curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)REQUEST_MS_MAX);
    api->curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    api->curl_easy_setopt(curl, CURLOPT_WRITEDATA, ask);
    if (body.data != NULL) {
        api->curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.length);
        api->curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data);
    }
    set_login(api, curl, ask->cli);
    CURLcode code = api->curl_easy_perform(curl);
    api->curl_slist_free_all(headers);
    return code;
}

/* What it refuses with, or that it is none. */
static Status judge(Ask *ask, const char *url, long http, Error *error)
{
    JsonElement message;
    bool is_json = ask->answer.length > 0 && json_document_parse(ask->document, ask->answer.data,
                                                                 ask->answer.length, &ask->root);
    if (is_json && http >= 200 && http <= 299)
        return OK;
    bool has_text = is_json && json_find_typed(ask->root, "message", JSON_STRING, &message);
    Str text = has_text ? json_element_string(message) : STR("it does not answer in json");
    Status status = http == 404                  ? ERR_NOT_FOUND
                    : http == 401 || http == 403 ? ERR_PERMISSION
                                                 : ERR_INVALID;
    return fail(error, status, "WR7053", "the schema registry %s refuses: %ld %.*s", url, http,
                (int)(text.length < 1200 ? text.length : 1200), text.data);
}

/* GET, or POST with a body. */
static Status ask_for(Ask *ask, const char *path, Str body, Error *error)
{
    const char *given = cli_value(ask->cli, "url");
    const char *server = given != NULL ? given : "http://127.0.0.1:8084";
    const CurlApi *api;
    TRY(curl_load(&api, error));
    CURL *curl = api->curl_easy_init();
    ask->answer.length = 0;
    long http = 0;
    size_t length = strlen(server);
    while (length > 0 && server[length - 1] == '/')
        length--;
    const char *url = arena_printf(ask->cli->arena, "%.*s%s", (int)length, server, path);
    CURLcode code = curl != NULL ? perform(api, curl, ask, url, body) : CURLE_OUT_OF_MEMORY;
    if (curl != NULL) {
        api->curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http);
        api->curl_easy_cleanup(curl);
    }
    if (code == CURLE_OK)
        return judge(ask, server, http, error);
    return fail(error, code == CURLE_URL_MALFORMAT ? ERR_INVALID : ERR_UNAVAILABLE, "WR7053",
                "the schema registry %s does not answer: %s", server,
                api->curl_easy_strerror(code));
}

/* A name as a segment of a path. */
static const char *segment(Arena *arena, const char *text)
{
    Buffer out = {0};
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        bool is_plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                        (*at >= '0' && *at <= '9') || strchr("-._~", *at) != NULL;
        if (is_plain)
            buffer_append_char(&out, (char)*at);
        else
            buffer_printf(&out, "%%%02X", *at);
    }
    const char *escaped = str_terminated(arena, buffer_str(&out));
    buffer_free(&out);
    return escaped;
}

static ExitCode print(Ask *ask, Buffer *text)
{
    Buffer *out = ask->cli->is_json ? &ask->answer : text;
    buffer_append_char(out, '\n');
    return report_output(ask->cli, out);
}

static int64_t number_of(JsonElement object, const char *name)
{
    JsonElement value;
    return json_find_typed(object, name, JSON_INT, &value) ? json_element_int(value) : 0;
}

static Str text_of(JsonElement object, const char *name, Str standard)
{
    JsonElement value;
    return json_find_typed(object, name, JSON_STRING, &value) ? json_element_string(value)
                                                              : standard;
}

/* ---- Actions --------------------------------------------------------------------------------- */

static Status schema_list(Ask *ask, Buffer *out, Error *error)
{
    Str key;
    JsonElement one;
    TRY(ask_for(ask, "/schemas?latestOnly=true", (Str){0}, error));
    if (json_element_type(ask->root) != JSON_ARRAY)
        return OK;
    for (JsonChildren children = json_children(ask->root); json_next(&children, &key, &one);)
        buffer_printf(out, "%s%.*s  version %lld  id %lld  %.*s", out->length > 0 ? "\n" : "",
                      STR_ARGS(text_of(one, "subject", STR("?"))),
                      (long long)number_of(one, "version"), (long long)number_of(one, "id"),
                      STR_ARGS(text_of(one, "schemaType", STR("AVRO"))));
    if (out->length == 0)
        report_note(ask->cli, "there is no schema");
    return OK;
}

static const char *version_of(const Cli *cli)
{
    const char *version = cli_value(cli, "version");
    return version != NULL ? segment(cli->arena, version) : "latest";
}

static Status schema_show(Ask *ask, const char *subject, Buffer *out, Error *error)
{
    Arena *arena = ask->cli->arena;
    TRY(ask_for(ask,
                arena_printf(arena, "/subjects/%s/versions/%s", segment(arena, subject),
                             version_of(ask->cli)),
                (Str){0}, error));
    buffer_append_str(out, text_of(ask->root, "schema", STR("")));
    report_note(ask->cli, "version %lld, id %lld, %.*s", (long long)number_of(ask->root, "version"),
                (long long)number_of(ask->root, "id"),
                STR_ARGS(text_of(ask->root, "schemaType", STR("AVRO"))));
    return OK;
}

/* The request that has the file as its schema. */
static Status read_schema(Cli *cli, const char *path, Str *out, Error *error)
{
    Source source;
    const char *type = cli_value(cli, "type");
    Buffer body = {0};
    JsonWriter json = {.out = &body};
    TRY(load_source(cli, path, &source, error));
    json_begin_object(&json);
    json_key(&json, "schema");
    json_str(&json, source.text);
    if (type != NULL) {
        json_key(&json, "schemaType");
        json_text(&json, type);
    }
    json_end_object(&json);
    *out = str_copy(cli->arena, buffer_str(&body));
    buffer_free(&body);
    return OK;
}

static Status schema_register(Ask *ask, const char *subject, const char *path, Buffer *out,
                              Error *error)
{
    Arena *arena = ask->cli->arena;
    Str body;
    TRY(read_schema(ask->cli, path, &body, error));
    TRY(ask_for(ask, arena_printf(arena, "/subjects/%s/versions", segment(arena, subject)), body,
                error));
    buffer_printf(out, "%lld", (long long)number_of(ask->root, "id"));
    return OK;
}

static Status schema_check(Ask *ask, const char *subject, const char *path, Buffer *out,
                           Error *error)
{
    Arena *arena = ask->cli->arena;
    Str body, key;
    JsonElement list, one;
    TRY(read_schema(ask->cli, path, &body, error));
    TRY(ask_for(ask,
                arena_printf(arena, "/compatibility/subjects/%s/versions/%s?verbose=true",
                             segment(arena, subject), version_of(ask->cli)),
                body, error));
    if (!json_find_typed(ask->root, "messages", JSON_ARRAY, &list))
        return OK;
    for (JsonChildren children = json_children(list); json_next(&children, &key, &one);)
        if (json_element_type(one) == JSON_STRING)
            buffer_printf(out, "%s%.*s", out->length > 0 ? "\n" : "",
                          STR_ARGS(json_element_string(one)));
    return OK;
}

static bool is_compatible(const Ask *ask)
{
    JsonElement verdict;
    return json_find_typed(ask->root, "is_compatible", JSON_BOOL, &verdict) &&
           json_element_bool(verdict);
}

/* ---- The command ----------------------------------------------------------------------------- */

typedef enum SchemaAction { SCHEMA_LIST, SCHEMA_SHOW, SCHEMA_REGISTER, SCHEMA_CHECK } SchemaAction;

static ExitCode schema_do(Ask *ask, SchemaAction action, const char *subject, const char *path)
{
    Buffer out = {0};
    Error error = {0};
    Status status = ERR_INTERNAL;
    switch (action) {
    case SCHEMA_LIST: status = schema_list(ask, &out, &error); break;
    case SCHEMA_SHOW: status = schema_show(ask, subject, &out, &error); break;
    case SCHEMA_REGISTER: status = schema_register(ask, subject, path, &out, &error); break;
    case SCHEMA_CHECK: status = schema_check(ask, subject, path, &out, &error); break;
    }
    ExitCode code = EXIT_OK;
    if (status != OK)
        code = report_failure(ask->cli, &error);
    else if (out.length > 0 || ask->cli->is_json)
        code = print(ask, &out);
    bool is_bad = status == OK && action == SCHEMA_CHECK && !is_compatible(ask);
    if (status == OK && action == SCHEMA_CHECK)
        report_note(ask->cli, is_bad ? "not compatible" : "compatible");
    buffer_free(&out);
    return code == EXIT_OK && is_bad ? EXIT_CHECK_FAILED : code;
}

static ExitCode schema_run(Cli *cli)
{
    static const struct {
        const char *name;
        int32_t arguments;
    } actions[] = {{"list", 1}, {"show", 2}, {"register", 3}, {"check", 3}};
    const char *name = LIST_AT(cli->arguments, 0, const char);
    int32_t count = cli->arguments.count, found = -1;
    for (int32_t i = 0; i < 4; i++)
        if (strcmp(name, actions[i].name) == 0 && count == actions[i].arguments)
            found = i;
    if (found < 0)
        return report_usage(cli, "WR7003",
                            "weir schema list, show SUBJECT, register SUBJECT FILE or check "
                            "SUBJECT FILE",
                            "`weir schema` does not take this");
    Ask ask = {.cli = cli, .document = json_document_new()};
    ExitCode code = schema_do(&ask, (SchemaAction)found,
                              count > 1 ? LIST_AT(cli->arguments, 1, const char) : NULL,
                              count > 2 ? LIST_AT(cli->arguments, 2, const char) : NULL);
    json_document_free(ask.document);
    buffer_free(&ask.answer);
    return code;
}

const Command schema_command = {
    .name = "schema",
    .arguments = "list|show SUBJECT|register SUBJECT FILE|check SUBJECT FILE",
    .summary = "Schemas of the hub, or of another schema registry.",
    .details = "FILE may be - (standard input). check asks whether the schema may follow those "
               "that the\nsubject has, and answers 1 if not.",
    .flags = schema_flags,
    .flag_count = sizeof schema_flags / sizeof schema_flags[0],
    .argument_min = 1,
    .argument_max = 3,
    .run = schema_run,
};
