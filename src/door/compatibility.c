/* How schemas have to be compatible, whether one is, and whether any may be registered: as
 * Confluent's schema registry has it. */
#include "door/internal.h"
#include "expr/json/document.h"

/* The subject of the path; no data: all. */
static Str about(const HttpRequest *request)
{
    return request->segment_count > 0 ? request->segments[0] : (Str){0};
}

static void put_member(Schemas *schemas, const char *name, Str value)
{
    json_begin_object(&schemas->json);
    json_key(&schemas->json, name);
    json_str(&schemas->json, value);
    json_end_object(&schemas->json);
}

/* A member of the body. */
static Str body_text(const HttpRequest *request, const char *name)
{
    JsonDocument *document = json_document_new();
    JsonElement root, value;
    Str text = {0};
    if (json_document_parse(document, request->content.data, request->content.length, &root) &&
        json_find_typed(root, name, JSON_STRING, &value))
        text = str_copy(request->arena, json_element_string(value));
    json_document_free(document);
    return text;
}

/* ---- Settings -------------------------------------------------------------------------------- */

/* Of a subject its own alone, unless it is asked for what counts. */
static void setting_get(HttpRequest *request, bool is_mode)
{
    Schemas schemas;
    if (!schemas_begin(&schemas, request))
        return;
    Str name = about(request);
    const RegistrySubject *subject =
        name.data != NULL ? registry_find_subject(schemas.registry, name) : NULL;
    Str own = subject == NULL ? STR("") : is_mode ? subject->mode : subject->level;
    bool is_good = name.data == NULL || own.length > 0 || schemas_flag(&schemas, "defaultToGlobal");
    if (is_good)
        put_member(&schemas, is_mode ? "mode" : "compatibilityLevel",
                   is_mode ? registry_mode(schemas.registry, subject)
                           : registry_level(schemas.registry, subject));
    else
        schemas_refuse(&schemas, is_mode ? REFUSED_NO_MODE : REFUSED_NO_LEVEL,
                       "Subject '%.*s' does not have subject-level %s configured",
                       (int)(name.length < 256 ? name.length : 256), name.data,
                       is_mode ? "mode" : "compatibility");
    schemas_end(&schemas, is_good);
}

static void setting_put(HttpRequest *request, bool is_mode)
{
    Schemas schemas;
    const char *member = is_mode ? "mode" : "compatibility";
    if (!schemas_begin(&schemas, request))
        return;
    Str value = body_text(request, member);
    bool is_good;
    if (value.length == 0)
        is_good = schemas_refuse(&schemas, is_mode ? REFUSED_BAD_MODE : REFUSED_BAD_LEVEL,
                                 "the request has no \"%s\"", member);
    else if (is_mode)
        is_good = registry_set_mode(schemas.registry, request->arena, about(request), value,
                                    &schemas.refusal);
    else
        is_good = registry_set_level(schemas.registry, request->arena, about(request), value,
                                     &schemas.refusal);
    put_member(&schemas, member, value);
    schemas_end(&schemas, is_good);
}

/* Answers with what it was. */
static void setting_delete(HttpRequest *request, bool is_mode)
{
    Schemas schemas;
    if (!schemas_begin(&schemas, request))
        return;
    Arena *arena = request->arena;
    Str name = about(request);
    const RegistrySubject *subject =
        name.data != NULL ? registry_find_subject(schemas.registry, name) : NULL;
    Str was = str_copy(arena, is_mode ? registry_mode(schemas.registry, subject)
                                      : registry_level(schemas.registry, subject));
    Str own = subject == NULL ? STR("") : is_mode ? subject->mode : subject->level;
    bool is_good;
    if (name.data != NULL && own.length == 0)
        is_good = schemas_refuse(&schemas, REFUSED_SUBJECT, "Subject '%.*s' not found.",
                                 (int)(name.length < 256 ? name.length : 256), name.data);
    else if (is_mode)
        is_good = registry_set_mode(schemas.registry, arena, name, (Str){0}, &schemas.refusal);
    else
        is_good = registry_set_level(schemas.registry, arena, name, (Str){0}, &schemas.refusal);
    put_member(&schemas, is_mode ? "mode" : "compatibilityLevel", was);
    schemas_end(&schemas, is_good);
}

void level_get(HttpRequest *request)
{
    setting_get(request, false);
}

void level_put(HttpRequest *request)
{
    setting_put(request, false);
}

void level_delete(HttpRequest *request)
{
    setting_delete(request, false);
}

void mode_get(HttpRequest *request)
{
    setting_get(request, true);
}

void mode_put(HttpRequest *request)
{
    setting_put(request, true);
}

void mode_delete(HttpRequest *request)
{
    setting_delete(request, true);
}

/* ---- Whether one is -------------------------------------------------------------------------- */

static bool find_check(Schemas *schemas, RegistryCheck *check)
{
    const HttpRequest *request = schemas->request;
    int32_t number = 0;
    bool is_of_one = request->segment_count > 1;
    check->subject = registry_find_subject(schemas->registry, request->segments[0]);
    if (!is_of_one)
        return true;
    if (!schemas_version_number(schemas, &number))
        return false;
    check->version = subject_find_version(check->subject, number);
    if (check->version != NULL && !check->version->is_deleted)
        return true;
    check->version = NULL;
    /* Beside nothing, all is compatible. */
    if (number == 0) {
        check->subject = NULL;
        return true;
    }
    if (schemas_subject(schemas, false) != NULL)
        schemas_refuse(schemas, REFUSED_VERSION, "Version %d not found.", number);
    return false;
}

static void put_verdict(Schemas *schemas, const List *why)
{
    JsonWriter *json = &schemas->json;
    json_begin_object(json);
    json_key(json, "is_compatible");
    json_bool(json, why->count == 0);
    if (schemas_flag(schemas, "verbose")) {
        json_key(json, "messages");
        json_begin_array(json);
        for (int32_t i = 0; i < why->count; i++)
            json_text(json, LIST_AT(*why, i, const char));
        json_end_array(json);
    }
    json_end_object(json);
}

void compatibility_post(HttpRequest *request)
{
    Schemas schemas;
    RegistryRequest asked;
    RegistryCheck check = {0};
    List why = {0};
    if (!schemas_begin_with(&schemas, request, &asked))
        return;
    bool is_good = find_check(&schemas, &check);
    check.schema = &asked.schema;
    is_good =
        is_good && registry_check(schemas.registry, request->arena, &check, &why, &schemas.refusal);
    if (is_good)
        put_verdict(&schemas, &why);
    schemas_end(&schemas, is_good);
}
