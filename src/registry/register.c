/* A schema gets its number, and its place in a subject. */
#include "registry/internal.h"

bool subject_is_named(Str name)
{
    bool is_good = name.length > 0 && name.length <= SUBJECT_BYTES_MAX;
    for (int64_t i = 0; i < name.length; i++)
        is_good = is_good && (unsigned char)name.data[i] >= ' ' && name.data[i] != 0x7f;
    return is_good;
}

const RegistryVersion *registry_look_up(const Subjects *registry, const RegistrySubject *subject,
                                        const RegistrySchema *schema, bool takes_deleted)
{
    Buffer identity = {0};
    schema_identity(&identity, schema);
    const RegistrySchema *known = map_find(registry->texts, buffer_str(&identity));
    buffer_free(&identity);
    for (int32_t i = known != NULL && subject != NULL ? subject->count - 1 : -1; i >= 0; i--) {
        const RegistryVersion *version = &subject->versions[i];
        if (version->schema->id == known->id && (takes_deleted || !version->is_deleted))
            return version;
    }
    return NULL;
}

bool check_may_write(const Subjects *registry, Arena *arena, const RegistrySubject *subject,
                     RegistryRefusal *refusal)
{
    Str mode = registry_mode(registry, subject);
    if (str_is(mode, "READWRITE"))
        return true;
    return registry_refuse(refusal, arena, REFUSED_OPERATION,
                           "the mode is %.*s: nothing is changed", STR_ARGS(mode));
}

bool check_subjects(const Subjects *registry, Arena *arena, const RegistrySubject *subject,
                    RegistryRefusal *refusal)
{
    if (subject != NULL || map_count(registry->subjects) < SUBJECTS_MAX)
        return true;
    return registry_refuse(refusal, arena, REFUSED_TOO_LARGE,
                           "there cannot be more than %d subjects: delete some for good",
                           (int)SUBJECTS_MAX);
}

static bool check_new(Subjects *registry, Arena *arena, const RegistrySubject *subject,
                      const RegistryRequest *request, RegistryRefusal *refusal)
{
    RegistryCheck check = {.subject = subject, .schema = &request->schema};
    List why = {0};
    int32_t next = subject != NULL && subject->count > 0
                       ? subject->versions[subject->count - 1].number + 1
                       : 1;
    if (request->id >= 0)
        return registry_refuse(refusal, arena, REFUSED_OPERATION,
                               "numbers are given here: a schema cannot bring its own");
    if (request->version > 0 && request->version != next)
        return registry_refuse(refusal, arena, REFUSED_BAD_SCHEMA,
                               "the next version is %d, not %lld", next,
                               (long long)request->version);
    if (!registry_check(registry, arena, &check, &why, refusal))
        return false;
    if (why.count == 0)
        return true;
    Buffer text = {0};
    for (int32_t i = 0; i < why.count; i++)
        buffer_printf(&text, "%s%s", i == 0 ? "" : "; ", LIST_AT(why, i, const char));
    registry_refuse(refusal, arena, REFUSED_INCOMPATIBLE,
                    "the schema is incompatible with an earlier one of its subject: %s",
                    buffer_terminated(&text));
    buffer_free(&text);
    return false;
}

/* Whether there is room for the schema; NULL: it is there already. */
static bool check_room(const Subjects *registry, Arena *arena, const RegistrySubject *subject,
                       const RegistrySchema *schema, RegistryRefusal *refusal)
{
    if (!check_subjects(registry, arena, subject, refusal))
        return false;
    if (subject != NULL && subject->count >= VERSIONS_MAX)
        return registry_refuse(refusal, arena, REFUSED_TOO_LARGE,
                               "a subject cannot have more than %d versions, with those that are "
                               "deleted: delete some for good",
                               (int)VERSIONS_MAX);
    if (schema != NULL && registry->schema_bytes + schema->text.length > SCHEMA_BYTES_MAX)
        return registry_refuse(refusal, arena, REFUSED_TOO_LARGE,
                               "all schemas together cannot have more than %d bytes: delete some "
                               "for good",
                               (int)SCHEMA_BYTES_MAX);
    return true;
}

/* The version that it gets; one before it that has it, is deleted, and that nothing refers to, goes
 * for good. */
static void put_new(Subjects *registry, Str name, RegistrySubject *subject, RegistrySchema *schema)
{
    int32_t next = 1;
    for (int32_t i = 0; subject != NULL && i < subject->count; i++) {
        const RegistryVersion *version = &subject->versions[i];
        next = version->number + 1;
        if (version->is_deleted && version->schema->id == schema->id &&
            !version_is_referenced(registry, name, version->number, true))
            topic_drop_version(registry, name, version->number);
    }
    topic_put_version(registry, name, next, schema, false);
}

bool registry_register(Subjects *registry, Arena *arena, Str name, const RegistryRequest *request,
                       int32_t *id, RegistryRefusal *refusal)
{
    if (!subject_is_named(name))
        return registry_refuse(refusal, arena, REFUSED_BAD_SUBJECT,
                               "`%.*s` cannot be a subject's name", STR_ARGS(name));
    if (!registry_begin_change(registry, arena, refusal))
        return false;
    RegistrySubject *subject = map_find(registry->subjects, name);
    const RegistryVersion *known = registry_look_up(registry, subject, &request->schema, false);
    if (known != NULL && (request->id < 0 || request->id == known->schema->id)) {
        *id = known->schema->id;
        return true;
    }
    if (!check_may_write(registry, arena, subject, refusal) ||
        !request_recheck(registry, arena, request, refusal) ||
        !check_new(registry, arena, subject, request, refusal))
        return false;
    Buffer identity = {0};
    schema_identity(&identity, &request->schema);
    const RegistrySchema *same = map_find(registry->texts, buffer_str(&identity));
    buffer_free(&identity);
    RegistrySchema schema = request->schema;
    if (!check_room(registry, arena, subject, same == NULL ? &schema : NULL, refusal))
        return false;
    if (same == NULL && registry->id_max >= INT32_MAX)
        return registry_refuse(refusal, arena, REFUSED_STORE, "there are no numbers left");
    schema.id = same != NULL ? same->id : (int32_t)(registry->id_max + 1);
    *id = schema.id;
    put_new(registry, name, subject, &schema);
    return registry_commit(registry, arena, refusal);
}
