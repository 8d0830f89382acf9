/* Subjects and their versions, as Confluent's schema registry has them. */
#include "door/internal.h"

/* ---- Subjects -------------------------------------------------------------------------------- */

void subjects_list(HttpRequest *request)
{
    Schemas schemas;
    List subjects = {0};
    if (!schemas_begin(&schemas, request))
        return;
    bool takes_deleted = schemas_flag(&schemas, "deleted");
    bool takes_only_deleted = schemas_flag(&schemas, "deletedOnly");
    registry_list(schemas.registry, http_param(request, "subjectPrefix"), request->arena,
                  &subjects);
    json_begin_array(&schemas.json);
    for (int32_t i = 0; i < subjects.count; i++) {
        const RegistrySubject *subject = LIST_AT(subjects, i, RegistrySubject);
        bool is_live = subject_live_count(subject) > 0;
        if (subject->count > 0 && (takes_only_deleted ? !is_live : is_live || takes_deleted))
            json_str(&schemas.json, subject->name);
    }
    json_end_array(&schemas.json);
    schemas_end(&schemas, true);
}

void subjects_look_up(HttpRequest *request)
{
    Schemas schemas;
    RegistryRequest asked;
    if (!schemas_begin_with(&schemas, request, &asked))
        return;
    bool takes_deleted = schemas_flag(&schemas, "deleted");
    const RegistrySubject *subject = schemas_subject(&schemas, takes_deleted);
    bool is_good = subject != NULL;
    const RegistryVersion *version =
        is_good ? registry_look_up(schemas.registry, subject, &asked.schema, takes_deleted) : NULL;
    if (version != NULL)
        schemas_put_version(&schemas, subject, version);
    else if (is_good)
        is_good = schemas_refuse(&schemas, REFUSED_SCHEMA, "Schema not found");
    schemas_end(&schemas, is_good);
}

void subjects_delete(HttpRequest *request)
{
    Schemas schemas;
    List gone = {0};
    if (!schemas_begin(&schemas, request))
        return;
    bool is_good =
        registry_remove_subject(schemas.registry, request->arena, request->segments[0],
                                schemas_flag(&schemas, "permanent"), &gone, &schemas.refusal);
    json_begin_array(&schemas.json);
    for (int32_t i = 0; i < gone.count; i++)
        json_int(&schemas.json, *LIST_AT(gone, i, int32_t));
    json_end_array(&schemas.json);
    schemas_end(&schemas, is_good);
}

/* ---- Versions -------------------------------------------------------------------------------- */

void versions_list(HttpRequest *request)
{
    Schemas schemas;
    if (!schemas_begin(&schemas, request))
        return;
    bool takes_only_deleted = schemas_flag(&schemas, "deletedOnly");
    bool takes_deleted = takes_only_deleted || schemas_flag(&schemas, "deleted");
    const RegistrySubject *subject = schemas_subject(&schemas, takes_deleted);
    json_begin_array(&schemas.json);
    for (int32_t i = 0; subject != NULL && i < subject->count; i++) {
        const RegistryVersion *version = &subject->versions[i];
        if (takes_only_deleted ? version->is_deleted : takes_deleted || !version->is_deleted)
            json_int(&schemas.json, version->number);
    }
    json_end_array(&schemas.json);
    schemas_end(&schemas, subject != NULL);
}

void versions_register(HttpRequest *request)
{
    Schemas schemas;
    RegistryRequest asked;
    int32_t id = 0;
    const Key *principal = request->principal;
    if (principal != NULL)
        keys_charge(door_of(request)->config.keys, principal, 1, request->content.length);
    if (!schemas_begin_with(&schemas, request, &asked))
        return;
    bool is_good = registry_register(schemas.registry, request->arena, request->segments[0], &asked,
                                     &id, &schemas.refusal);
    json_begin_object(&schemas.json);
    json_key(&schemas.json, "id");
    json_int(&schemas.json, id);
    json_end_object(&schemas.json);
    schemas_end(&schemas, is_good);
}

void versions_get(HttpRequest *request)
{
    Schemas schemas;
    if (!schemas_begin(&schemas, request))
        return;
    const RegistryVersion *version = schemas_version(&schemas, schemas_flag(&schemas, "deleted"));
    if (version != NULL)
        schemas_put_version(&schemas, registry_find_subject(schemas.registry, request->segments[0]),
                            version);
    schemas_end(&schemas, version != NULL);
}

void versions_get_text(HttpRequest *request)
{
    Schemas schemas;
    if (!schemas_begin(&schemas, request))
        return;
    const RegistryVersion *version = schemas_version(&schemas, schemas_flag(&schemas, "deleted"));
    if (version != NULL)
        buffer_append_str(&request->body, version->schema->text);
    schemas_end(&schemas, version != NULL);
}

static bool refers(const RegistrySchema *schema, Str subject, int32_t number)
{
    for (int32_t i = 0; i < schema->reference_count; i++)
        if (schema->references[i].version == number &&
            str_equal(schema->references[i].subject, subject))
            return true;
    return false;
}

static void put_users(Schemas *schemas, const RegistryVersion *version)
{
    List subjects = {0};
    int32_t last_id = -1;
    Str name = schemas->request->segments[0];
    registry_list(schemas->registry, (Str){0}, schemas->request->arena, &subjects);
    json_begin_array(&schemas->json);
    for (int32_t i = 0; i < subjects.count; i++) {
        const RegistrySubject *subject = LIST_AT(subjects, i, RegistrySubject);
        for (int32_t k = 0; k < subject->count; k++) {
            const RegistrySchema *schema = subject->versions[k].schema;
            if (subject->versions[k].is_deleted || schema->id == last_id ||
                !refers(schema, name, version->number))
                continue;
            json_int(&schemas->json, schema->id);
            last_id = schema->id;
        }
    }
    json_end_array(&schemas->json);
}

void versions_get_users(HttpRequest *request)
{
    Schemas schemas;
    if (!schemas_begin(&schemas, request))
        return;
    const RegistryVersion *version = schemas_version(&schemas, true);
    if (version != NULL)
        put_users(&schemas, version);
    schemas_end(&schemas, version != NULL);
}

void versions_delete(HttpRequest *request)
{
    Schemas schemas;
    int32_t number;
    if (!schemas_begin(&schemas, request))
        return;
    bool is_good =
        schemas_version_number(&schemas, &number) &&
        registry_remove_version(schemas.registry, request->arena, request->segments[0], &number,
                                schemas_flag(&schemas, "permanent"), &schemas.refusal);
    json_int(&schemas.json, number);
    schemas_end(&schemas, is_good);
}
