/* Versions and subjects, deleted and gone. What is deleted is still found by its number, so that
 * what was written by it can be read; what is gone is not. */
#include <stdio.h>

#include "registry/internal.h"

static bool refuse_subject(RegistryRefusal *refusal, Arena *arena, Str name)
{
    return registry_refuse(refusal, arena, REFUSED_SUBJECT, "Subject '%.*s' not found.",
                           STR_ARGS(name));
}

static bool schema_refers(const RegistrySchema *schema, Str name, int32_t number)
{
    for (int32_t i = 0; i < schema->reference_count; i++)
        if (schema->references[i].version == number &&
            str_equal(schema->references[i].subject, name))
            return true;
    return false;
}

bool version_is_referenced(const Subjects *registry, Str name, int32_t number, bool by_deleted)
{
    for (int32_t i = 0; i < map_count(registry->subjects); i++) {
        const RegistrySubject *subject = map_value_at(registry->subjects, i);
        for (int32_t k = 0; k < subject->count; k++)
            if ((by_deleted || !subject->versions[k].is_deleted) &&
                schema_refers(subject->versions[k].schema, name, number))
                return true;
    }
    return false;
}

/* A schema that is deleted can still be read by, as long as what it refers to is not gone. */
static bool check_references(const Subjects *registry, Arena *arena, Str name, int32_t number,
                             bool is_for_good, RegistryRefusal *refusal)
{
    if (!version_is_referenced(registry, name, number, is_for_good))
        return true;
    return registry_refuse(
        refusal, arena, REFUSED_IS_REFERENCED, "schemas refer to version %d of subject `%.*s`%s",
        number, STR_ARGS(name),
        is_for_good ? "; those that are deleted, but not for good, count too" : "");
}

/* A subject without versions has no settings either. */
static void drop_settings(Subjects *registry, const RegistrySubject *subject)
{
    if (subject->level.length > 0)
        topic_put_setting(registry, false, subject->name, (Str){0});
    if (subject->mode.length > 0)
        topic_put_setting(registry, true, subject->name, (Str){0});
}

static bool check_version(const RegistrySubject *subject, const RegistryVersion *version,
                          bool is_for_good, Arena *arena, RegistryRefusal *refusal)
{
    if (version->is_deleted && !is_for_good)
        return registry_refuse(
            refusal, arena, REFUSED_VERSION_IS_DELETED,
            "Subject '%.*s' Version %d was soft deleted. Set permanent=true to delete "
            "permanently",
            STR_ARGS(subject->name), version->number);
    if (!version->is_deleted && is_for_good)
        return registry_refuse(
            refusal, arena, REFUSED_VERSION_IS_LIVE,
            "Subject '%.*s' Version %d was not deleted first before being permanently "
            "deleted",
            STR_ARGS(subject->name), version->number);
    return true;
}

bool registry_remove_version(Subjects *registry, Arena *arena, Str name, int32_t *gone,
                             bool is_for_good, RegistryRefusal *refusal)
{
    if (registry_find_subject(registry, name) == NULL)
        return refuse_subject(refusal, arena, name);
    if (!registry_begin_change(registry, arena, refusal))
        return false;
    const RegistrySubject *subject = registry_find_subject(registry, name);
    const RegistryVersion *version = subject_find_version(subject, *gone);
    if (subject == NULL || subject->count == 0)
        return refuse_subject(refusal, arena, name);
    if (version == NULL)
        return registry_refuse(refusal, arena, REFUSED_VERSION, "Version %d not found.", *gone);
    *gone = version->number;
    if (!check_may_write(registry, arena, subject, refusal) ||
        !check_version(subject, version, is_for_good, arena, refusal) ||
        !check_references(registry, arena, name, version->number, is_for_good, refusal))
        return false;
    if (is_for_good) {
        topic_drop_version(registry, name, version->number);
        topic_put_id_max(registry);
    } else {
        topic_put_version(registry, name, version->number, version->schema, true);
        if (subject_live_count(subject) == 1)
            drop_settings(registry, subject);
    }
    return registry_commit(registry, arena, refusal);
}

static bool check_subject(const Subjects *registry, const RegistrySubject *subject,
                          bool is_for_good, Arena *arena, RegistryRefusal *refusal)
{
    if (!check_may_write(registry, arena, subject, refusal))
        return false;
    int32_t live = subject_live_count(subject);
    if (live == 0 && !is_for_good)
        return registry_refuse(
            refusal, arena, REFUSED_SUBJECT_IS_DELETED,
            "Subject '%.*s' was soft deleted. Set permanent=true to delete permanently",
            STR_ARGS(subject->name));
    if (live > 0 && is_for_good)
        return registry_refuse(
            refusal, arena, REFUSED_SUBJECT_IS_LIVE,
            "Subject '%.*s' was not deleted first before being permanently deleted",
            STR_ARGS(subject->name));
    for (int32_t i = 0; i < subject->count; i++) {
        const RegistryVersion *version = &subject->versions[i];
        if ((is_for_good || !version->is_deleted) &&
            !check_references(registry, arena, subject->name, version->number, is_for_good,
                              refusal))
            return false;
    }
    return true;
}

bool registry_remove_subject(Subjects *registry, Arena *arena, Str name, bool is_for_good,
                             List *gone, RegistryRefusal *refusal)
{
    if (registry_find_subject(registry, name) == NULL)
        return refuse_subject(refusal, arena, name);
    if (!registry_begin_change(registry, arena, refusal))
        return false;
    const RegistrySubject *subject = registry_find_subject(registry, name);
    if (subject == NULL || subject->count == 0)
        return refuse_subject(refusal, arena, name);
    if (!check_subject(registry, subject, is_for_good, arena, refusal))
        return false;
    int32_t last = 0;
    for (int32_t i = 0; i < subject->count; i++) {
        const RegistryVersion *version = &subject->versions[i];
        if (!is_for_good && version->is_deleted)
            continue;
        int32_t *number = ARENA_NEW(arena, int32_t);
        *number = last = version->number;
        list_append(gone, arena, number);
        if (is_for_good)
            topic_drop_version(registry, name, version->number);
    }
    if (is_for_good) {
        topic_put_id_max(registry);
    } else {
        topic_put_removal(registry, name, last);
        drop_settings(registry, subject);
    }
    return registry_commit(registry, arena, refusal);
}
