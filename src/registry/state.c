/* What the topic has said: subjects with their versions, and schemas by number and by text. */
#include <stdio.h>
#include <stdlib.h>

#include "registry/internal.h"

enum { SPARE_BYTES = 1 << 20 }; /* memory below which nothing is made anew */

void schema_identity(Buffer *out, const RegistrySchema *schema)
{
    buffer_append_str(out, schema->type);
    buffer_append_char(out, '\0');
    buffer_append_str(out, schema->attached);
    buffer_append_char(out, '\0');
    buffer_append_str(out, schema->text);
}

RegistrySubject *state_subject(Subjects *registry, Str name)
{
    RegistrySubject *subject = map_find(registry->subjects, name);
    if (subject != NULL)
        return subject;
    subject = ARENA_NEW(registry->arena, RegistrySubject);
    subject->name = str_copy(registry->arena, name);
    map_put(registry->subjects, subject->name, subject);
    return subject;
}

/* ---- Schemas --------------------------------------------------------------------------------- */

static RegistrySchema *copy_schema(Subjects *registry, int32_t id, const RegistrySchema *schema)
{
    Arena *arena = registry->arena;
    RegistrySchema *copy = ARENA_NEW(arena, RegistrySchema);
    *copy = (RegistrySchema){.id = id,
                             .type = str_copy(arena, schema->type),
                             .text = str_copy(arena, schema->text),
                             .attached = str_copy(arena, schema->attached),
                             .reference_count = schema->reference_count};
    copy->references = ARENA_ARRAY(arena, RegistryReference, schema->reference_count + 1);
    for (int32_t i = 0; i < schema->reference_count; i++) {
        const RegistryReference *reference = &schema->references[i];
        copy->references[i] = (RegistryReference){.name = str_copy(arena, reference->name),
                                                  .subject = str_copy(arena, reference->subject),
                                                  .version = reference->version};
    }
    return copy;
}

RegistrySchema *state_keep_schema(Subjects *registry, int32_t id, const RegistrySchema *schema)
{
    Buffer identity = {0};
    schema_identity(&identity, schema);
    RegistrySchema *known = map_find(registry->texts, buffer_str(&identity));
    if (known == NULL || known->id != id) {
        known = copy_schema(registry, id, schema);
        registry->schema_bytes += identity.length;
        char text[24];
        int length = snprintf(text, sizeof text, "%d", id);
        map_put(registry->texts, buffer_str(&identity), known);
        map_put(registry->schemas, str_make(text, length), known);
    }
    buffer_free(&identity);
    if (id > registry->id_max)
        registry->id_max = id;
    return known;
}

/* Another schema of that number that is in use: those who write to the topic by themselves may
 * have given it twice. */
static RegistrySchema *find_twin(const Subjects *registry, int32_t id)
{
    for (int32_t i = 0; i < map_count(registry->subjects); i++) {
        const RegistrySubject *subject = map_value_at(registry->subjects, i);
        for (int32_t k = 0; k < subject->count; k++)
            if (subject->versions[k].schema->id == id && subject->versions[k].schema->use_count > 0)
                return subject->versions[k].schema;
    }
    return NULL;
}

/* A schema is known as long as a version has it. */
static void drop_use(Subjects *registry, RegistrySchema *schema)
{
    char text[24];
    Buffer identity = {0};
    if (--schema->use_count > 0)
        return;
    schema_identity(&identity, schema);
    registry->schema_bytes -= identity.length;
    if (map_find(registry->texts, buffer_str(&identity)) == schema)
        map_remove(registry->texts, buffer_str(&identity));
    Str number = str_make(text, snprintf(text, sizeof text, "%d", schema->id));
    if (map_find(registry->schemas, number) == schema) {
        map_remove(registry->schemas, number);
        RegistrySchema *twin = find_twin(registry, schema->id);
        if (twin != NULL)
            map_put(registry->schemas, number, twin);
    }
    buffer_free(&identity);
}

/* ---- Versions -------------------------------------------------------------------------------- */

void state_put_version(Subjects *registry, RegistrySubject *subject, RegistryVersion version)
{
    int32_t at = subject->count;
    while (at > 0 && subject->versions[at - 1].number >= version.number)
        at--;
    version.schema->use_count++;
    if (at < subject->count && subject->versions[at].number == version.number) {
        RegistrySchema *old = subject->versions[at].schema;
        subject->versions[at] = version;
        drop_use(registry, old);
        return;
    }
    if (subject->count == subject->capacity) {
        subject->capacity = subject->capacity * 2 + 2;
        RegistryVersion *wider = ARENA_ARRAY(registry->arena, RegistryVersion, subject->capacity);
        for (int32_t i = 0; i < subject->count; i++)
            wider[i] = subject->versions[i];
        subject->versions = wider;
    }
    for (int32_t i = subject->count; i > at; i--)
        subject->versions[i] = subject->versions[i - 1];
    subject->versions[at] = version;
    subject->count++;
}

/* A subject of which nothing is left is none. */
static void drop_if_empty(Subjects *registry, const RegistrySubject *subject)
{
    if (subject != &registry->all && subject->count == 0 && subject->level.length == 0 &&
        subject->mode.length == 0)
        map_remove(registry->subjects, subject->name);
}

static void drop_version(Subjects *registry, RegistrySubject *subject, int32_t number)
{
    for (int32_t i = 0; i < subject->count; i++) {
        if (subject->versions[i].number != number)
            continue;
        RegistrySchema *schema = subject->versions[i].schema;
        for (int32_t k = i; k + 1 < subject->count; k++)
            subject->versions[k] = subject->versions[k + 1];
        subject->count--;
        drop_use(registry, schema);
        break;
    }
    drop_if_empty(registry, subject);
}

void state_drop_version(Subjects *registry, Str name, int32_t number)
{
    RegistrySubject *subject = map_find(registry->subjects, name);
    if (subject != NULL)
        drop_version(registry, subject, number);
}

void state_remove(Subjects *registry, Str name, int32_t last, bool is_for_good)
{
    RegistrySubject *subject = map_find(registry->subjects, name);
    if (subject == NULL)
        return;
    for (int32_t i = 0; i < subject->count; i++)
        subject->versions[i].is_deleted |= subject->versions[i].number <= last;
    int32_t gone = 0;
    while (is_for_good && gone < subject->count && subject->versions[gone].number <= last)
        gone++;
    for (; gone > 0; gone--)
        drop_version(registry, subject, subject->versions[gone - 1].number);
}

void state_set(Subjects *registry, Str name, bool is_mode, Str value)
{
    RegistrySubject *subject = name.data != NULL ? state_subject(registry, name) : &registry->all;
    Str *setting = is_mode ? &subject->mode : &subject->level;
    if (!str_equal(*setting, value))
        *setting = str_copy(registry->arena, value);
    drop_if_empty(registry, subject);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

void state_begin(Subjects *registry)
{
    registry->arena = arena_new(0);
    registry->subjects = map_new(registry->arena);
    registry->schemas = map_new(registry->arena);
    registry->texts = map_new(registry->arena);
    registry->all = (RegistrySubject){0};
    registry->schema_bytes = 0;
}

static void copy_subject(Subjects *registry, const RegistrySubject *from, RegistrySubject *to)
{
    to->level = str_copy(registry->arena, from->level);
    to->mode = str_copy(registry->arena, from->mode);
    for (int32_t i = 0; i < from->count; i++) {
        RegistryVersion version = from->versions[i];
        version.schema = state_keep_schema(registry, version.schema->id, version.schema);
        state_put_version(registry, to, version);
    }
}

/* What is replaced and dropped stays in the arena until all is copied to another. That is done when
 * it has doubled since the last time, so that it costs no more than taking the records did. */
void state_tidy(Subjects *registry)
{
    if (arena_bytes(registry->arena) < 2 * registry->tidy_bytes + SPARE_BYTES)
        return;
    Arena *old = registry->arena;
    const Map *subjects = registry->subjects;
    RegistrySubject all = registry->all;
    state_begin(registry);
    copy_subject(registry, &all, &registry->all);
    for (int32_t i = 0; i < map_count(subjects); i++) {
        const RegistrySubject *subject = map_value_at(subjects, i);
        copy_subject(registry, subject, state_subject(registry, subject->name));
    }
    registry->tidy_bytes = arena_bytes(registry->arena);
    arena_free(old);
}
