/* Levels and modes, of subjects and of all. */
#include "registry/internal.h"

static bool put_setting(Subjects *registry, Arena *arena, bool is_mode, Str subject, Str value,
                        RegistryRefusal *refusal)
{
    if (subject.data != NULL && !subject_is_named(subject))
        return registry_refuse(refusal, arena, REFUSED_BAD_SUBJECT,
                               "`%.*s` cannot be a subject's name", STR_ARGS(subject));
    if (!registry_begin_change(registry, arena, refusal))
        return false;
    if (subject.data != NULL && value.length > 0 &&
        !check_subjects(registry, arena, map_find(registry->subjects, subject), refusal))
        return false;
    topic_put_setting(registry, is_mode, subject, value);
    return registry_commit(registry, arena, refusal);
}

bool registry_set_level(Subjects *registry, Arena *arena, Str subject, Str level,
                        RegistryRefusal *refusal)
{
    LevelDemand ignored;
    if (level.length > 0 && !level_demand(level, &ignored))
        return registry_refuse(
            refusal, arena, REFUSED_BAD_LEVEL,
            "the level is NONE, BACKWARD, FORWARD or FULL, or one of the last three with "
            "_TRANSITIVE");
    return put_setting(registry, arena, false, subject, level, refusal);
}

bool registry_set_mode(Subjects *registry, Arena *arena, Str subject, Str mode,
                       RegistryRefusal *refusal)
{
    if (mode.length > 0 && !str_is(mode, "READWRITE") && !str_is(mode, "READONLY"))
        return registry_refuse(refusal, arena, REFUSED_BAD_MODE,
                               "the mode is READWRITE or READONLY");
    return put_setting(registry, arena, true, subject, mode, refusal);
}
