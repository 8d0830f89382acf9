/* The API of Confluent's schema registry: its routes, what they share, and schemas by number. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "door/internal.h"

#define CONTENT_TYPE "application/vnd.schemaregistry.v1+json"

enum { LIST_MAX = 1000 }; /* schemas of an answer */

enum {
    READS = KEY_CONSUME | KEY_PRODUCE | DOOR_REGISTRY,
    WRITES = KEY_PRODUCE | DOOR_REGISTRY | DOOR_SUBJECT,
    RULES = KEY_ADMIN | DOOR_REGISTRY | DOOR_SUBJECT,
    RULES_ALL = KEY_ADMIN | DOOR_REGISTRY | DOOR_ALL,
};

static const HttpRoute routes[] = {
    {"GET", "/schemas", schemas_list, "Schemas of subjects.",
     "subjectPrefix,deleted,latestOnly,offset,limit", READS},
    {"GET", "/schemas/types", schemas_types, "The types that schemas may have.", "", READS},
    {"GET", "/schemas/ids/{id}", schemas_get, "The schema of a number.", "", READS},
    {"GET", "/schemas/ids/{id}/schema", schemas_get_text, "Its text alone.", "", READS},
    {"GET", "/schemas/ids/{id}/subjects", schemas_get_subjects, "Subjects that have it.", "deleted",
     READS},
    {"GET", "/schemas/ids/{id}/versions", schemas_get_versions, "Versions that have it.", "deleted",
     READS},
    {"GET", "/subjects", subjects_list, "The subjects.", "subjectPrefix,deleted,deletedOnly",
     READS},
    {"POST", "/subjects/{subject}", subjects_look_up, "The version that has a schema.",
     "deleted,normalize", READS},
    {"DELETE", "/subjects/{subject}", subjects_delete, "Delete all versions.", "permanent", RULES},
    {"GET", "/subjects/{subject}/versions", versions_list, "Numbers of its versions.",
     "deleted,deletedOnly", READS},
    {"POST", "/subjects/{subject}/versions", versions_register, "Register a schema.", "normalize",
     WRITES},
    {"GET", "/subjects/{subject}/versions/{version}", versions_get, "The schema of a version.",
     "deleted", READS},
    {"DELETE", "/subjects/{subject}/versions/{version}", versions_delete, "Delete a version.",
     "permanent", RULES},
    {"GET", "/subjects/{subject}/versions/{version}/schema", versions_get_text, "Its text alone.",
     "deleted", READS},
    {"GET", "/subjects/{subject}/versions/{version}/referencedby", versions_get_users,
     "Numbers of the schemas that refer to it.", "", READS},
    {"POST", "/compatibility/subjects/{subject}/versions", compatibility_post,
     "Whether a schema could be registered.", "verbose,normalize", READS},
    {"POST", "/compatibility/subjects/{subject}/versions/{version}", compatibility_post,
     "Whether a schema is compatible with that version.", "verbose,normalize", READS},
    {"GET", "/config", level_get, "How schemas have to be compatible.", "", READS},
    {"PUT", "/config", level_put, "Set it for all subjects.", "", RULES_ALL},
    {"DELETE", "/config", level_delete, "Back to BACKWARD.", "", RULES_ALL},
    {"GET", "/config/{subject}", level_get, "How those of the subject have to be.",
     "defaultToGlobal", READS},
    {"PUT", "/config/{subject}", level_put, "Set it for the subject.", "", RULES},
    {"DELETE", "/config/{subject}", level_delete, "Back to that of all.", "", RULES},
    {"GET", "/mode", mode_get, "Whether schemas may be registered.", "", READS},
    {"PUT", "/mode", mode_put, "Set it for all subjects.", "", RULES_ALL},
    {"GET", "/mode/{subject}", mode_get, "Whether those of the subject may.", "defaultToGlobal",
     READS},
    {"PUT", "/mode/{subject}", mode_put, "Set it for the subject.", "", RULES},
    {"DELETE", "/mode/{subject}", mode_delete, "Back to that of all.", "", RULES},
};

const HttpRoute *door_registry_routes(int32_t *count)
{
    *count = (int32_t)(sizeof routes / sizeof routes[0]);
    return routes;
}

/* ---- Answers --------------------------------------------------------------------------------- */

static void put_error(HttpRequest *request, int64_t code, const char *text)
{
    JsonWriter json = {.out = &request->body};
    request->content_type = CONTENT_TYPE;
    request->body.length = 0;
    json_begin_object(&json);
    json_key(&json, "error_code");
    json_int(&json, code);
    json_key(&json, "message");
    json_text(&json, text);
    json_end_object(&json);
}

bool door_registry_problem(HttpRequest *request, const char *code, const char *detail)
{
    if (request->route == NULL || (request->route->role & DOOR_REGISTRY) == 0)
        return false;
    put_error(request, request->status, arena_printf(request->arena, "%s: %s", code, detail));
    return true;
}

static void schemas_init(Schemas *schemas, HttpRequest *request)
{
    *schemas = (Schemas){.request = request,
                         .registry = door_of(request)->config.registry,
                         .json = {.out = &request->body}};
    request->content_type = CONTENT_TYPE;
}

static void answer_refusal(Schemas *schemas)
{
    int32_t code = schemas->refusal.code;
    schemas->request->status = (unsigned int)(code < 1000 ? code : code / 100);
    put_error(schemas->request, code, schemas->refusal.text);
}

bool schemas_begin(Schemas *schemas, HttpRequest *request)
{
    schemas_init(schemas, request);
    if (registry_begin(schemas->registry, request->arena, &schemas->refusal))
        return true;
    answer_refusal(schemas);
    return false;
}

void schemas_end(Schemas *schemas, bool is_good)
{
    registry_end(schemas->registry);
    if (!is_good)
        answer_refusal(schemas);
}

bool schemas_refuse(Schemas *schemas, int32_t code, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return registry_refuse(&schemas->refusal, schemas->request->arena, code, "%s", text);
}

void schemas_put_schema(Schemas *schemas, const RegistrySchema *schema)
{
    JsonWriter *json = &schemas->json;
    if (!str_is(schema->type, "AVRO")) {
        json_key(json, "schemaType");
        json_str(json, schema->type);
    }
    json_key(json, "schema");
    json_str(json, schema->text);
    buffer_append_str(json->out, schema->attached);
}

void schemas_put_version(Schemas *schemas, const RegistrySubject *subject,
                         const RegistryVersion *version)
{
    JsonWriter *json = &schemas->json;
    json_begin_object(json);
    json_key(json, "subject");
    json_str(json, subject->name);
    json_key(json, "version");
    json_int(json, version->number);
    json_key(json, "id");
    json_int(json, version->schema->id);
    schemas_put_schema(schemas, version->schema);
    json_end_object(json);
}

/* ---- What requests say ----------------------------------------------------------------------- */

bool schemas_flag(const Schemas *schemas, const char *name)
{
    return str_equal_ignoring_case(http_param(schemas->request, name), STR("true"));
}

const RegistrySubject *schemas_subject(Schemas *schemas, bool takes_deleted)
{
    Str name = schemas->request->segments[0];
    const RegistrySubject *subject = registry_find_subject(schemas->registry, name);
    if (subject != NULL && subject->count > 0 && (takes_deleted || subject_live_count(subject) > 0))
        return subject;
    schemas_refuse(schemas, REFUSED_SUBJECT, "Subject '%.*s' not found.",
                   (int)(name.length < 256 ? name.length : 256), name.data);
    return NULL;
}

bool schemas_version_number(Schemas *schemas, int32_t *out)
{
    int64_t number = 0;
    Str text = schemas->request->segments[1];
    *out = 0;
    if (str_equal_ignoring_case(text, STR("latest")) || str_is(text, "-1"))
        return true;
    if (!str_parse_int64(text, &number) || number < 1 || number > INT32_MAX)
        return schemas_refuse(schemas, REFUSED_BAD_VERSION,
                              "The specified version '%.*s' is not a valid version id. Allowed "
                              "values are between [1, 2^31-1] and the string \"latest\"",
                              (int)(text.length < 64 ? text.length : 64), text.data);
    *out = (int32_t)number;
    return true;
}

const RegistryVersion *schemas_version(Schemas *schemas, bool takes_deleted)
{
    int32_t number;
    if (!schemas_version_number(schemas, &number))
        return NULL;
    const RegistrySubject *subject = schemas_subject(schemas, takes_deleted);
    const RegistryVersion *version = subject_find_version(subject, number);
    if (version != NULL && (takes_deleted || !version->is_deleted))
        return version;
    if (subject != NULL)
        schemas_refuse(schemas, REFUSED_VERSION, "Version %d not found.", number);
    return NULL;
}

bool schemas_begin_with(Schemas *schemas, HttpRequest *request, RegistryRequest *out)
{
    schemas_init(schemas, request);
    if (registry_read_request(request->arena, request->content, out, &schemas->refusal) &&
        registry_canonize(schemas->registry, request->arena, out,
                          schemas_flag(schemas, "normalize"), &schemas->refusal))
        return schemas_begin(schemas, request);
    answer_refusal(schemas);
    return false;
}

/* ---- By number ------------------------------------------------------------------------------- */

static const RegistrySchema *find_schema(Schemas *schemas)
{
    int64_t id;
    Str text = schemas->request->segments[0];
    const RegistrySchema *schema =
        str_parse_int64(text, &id) ? registry_find_id(schemas->registry, id) : NULL;
    if (schema == NULL)
        schemas_refuse(schemas, REFUSED_SCHEMA, "Schema %.*s not found",
                       (int)(text.length < 32 ? text.length : 32), text.data);
    return schema;
}

void schemas_get(HttpRequest *request)
{
    Schemas schemas;
    if (!schemas_begin(&schemas, request))
        return;
    const RegistrySchema *schema = find_schema(&schemas);
    if (schema != NULL) {
        json_begin_object(&schemas.json);
        schemas_put_schema(&schemas, schema);
        json_end_object(&schemas.json);
    }
    schemas_end(&schemas, schema != NULL);
}

void schemas_get_text(HttpRequest *request)
{
    Schemas schemas;
    if (!schemas_begin(&schemas, request))
        return;
    const RegistrySchema *schema = find_schema(&schemas);
    if (schema != NULL)
        buffer_append_str(&request->body, schema->text);
    schemas_end(&schemas, schema != NULL);
}

static bool counts(const RegistryVersion *version, const RegistrySchema *schema, bool takes_deleted)
{
    return version->schema->id == schema->id && (takes_deleted || !version->is_deleted);
}

static void put_places(Schemas *schemas, const RegistrySchema *schema, bool names_versions)
{
    List subjects = {0};
    JsonWriter *json = &schemas->json;
    bool takes_deleted = schemas_flag(schemas, "deleted");
    registry_list(schemas->registry, (Str){0}, schemas->request->arena, &subjects);
    json_begin_array(json);
    for (int32_t i = 0; i < subjects.count; i++) {
        const RegistrySubject *subject = LIST_AT(subjects, i, RegistrySubject);
        bool is_named = false;
        for (int32_t k = 0; k < subject->count; k++) {
            if (!counts(&subject->versions[k], schema, takes_deleted))
                continue;
            if (!names_versions && !is_named)
                json_str(json, subject->name);
            is_named = true;
            if (!names_versions)
                continue;
            json_begin_object(json);
            json_key(json, "subject");
            json_str(json, subject->name);
            json_key(json, "version");
            json_int(json, subject->versions[k].number);
            json_end_object(json);
        }
    }
    json_end_array(json);
}

static void get_places(HttpRequest *request, bool names_versions)
{
    Schemas schemas;
    if (!schemas_begin(&schemas, request))
        return;
    const RegistrySchema *schema = find_schema(&schemas);
    if (schema != NULL)
        put_places(&schemas, schema, names_versions);
    schemas_end(&schemas, schema != NULL);
}

void schemas_get_versions(HttpRequest *request)
{
    get_places(request, true);
}

void schemas_get_subjects(HttpRequest *request)
{
    get_places(request, false);
}

void schemas_types(HttpRequest *request)
{
    request->content_type = CONTENT_TYPE;
    buffer_append_text(&request->body, "[\"JSON\",\"PROTOBUF\",\"AVRO\"]");
}

/* ---- All ------------------------------------------------------------------------------------- */

void schemas_list(HttpRequest *request)
{
    Schemas schemas;
    List subjects = {0};
    int64_t offset, limit, at = 0;
    if (!http_number(request, "offset", 0, INT64_MAX, 0, &offset) ||
        !http_number(request, "limit", -1, INT64_MAX, LIST_MAX, &limit) ||
        !schemas_begin(&schemas, request))
        return;
    bool takes_deleted = schemas_flag(&schemas, "deleted");
    bool is_latest_only = schemas_flag(&schemas, "latestOnly");
    if (limit < 0 || limit > LIST_MAX)
        limit = LIST_MAX;
    registry_list(schemas.registry, http_param(request, "subjectPrefix"), request->arena,
                  &subjects);
    json_begin_array(&schemas.json);
    for (int32_t i = 0; i < subjects.count; i++) {
        const RegistrySubject *subject = LIST_AT(subjects, i, RegistrySubject);
        const RegistryVersion *latest = subject_find_version(subject, 0);
        for (int32_t k = 0; k < subject->count; k++) {
            const RegistryVersion *version = &subject->versions[k];
            if ((version->is_deleted && !takes_deleted) || (is_latest_only && version != latest) ||
                at++ < offset || at > offset + limit)
                continue;
            schemas_put_version(&schemas, subject, version);
        }
    }
    json_end_array(&schemas.json);
    schemas_end(&schemas, true);
}
