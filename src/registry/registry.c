/* The registry's life, and its topic followed and written to. */
#include "registry/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

enum { CATCH_UP_MAX = 100 }; /* times that others may write before a change gives up */

bool registry_refuse(RegistryRefusal *refusal, Arena *arena, int32_t code, const char *format, ...)
{
    char text[ERROR_TEXT_BYTES + 512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    *refusal = (RegistryRefusal){code, arena_printf(arena, "%s", text)};
    return false;
}

static bool refuse_store(RegistryRefusal *refusal, Arena *arena, const Error *error)
{
    return registry_refuse(refusal, arena, REFUSED_STORE, "%s: %s", error->code, error->text);
}

/* ---- Life ------------------------------------------------------------------------------------ */

/* Nothing is known. */
static void registry_forget(Subjects *registry)
{
    arena_free(registry->arena);
    state_begin(registry);
    registry->tidy_bytes = 0;
    registry->next_offset = 0;
    registry->id_max = 0;
    registry->unread_count = 0;
}

static void registry_leave_topic(Subjects *registry)
{
    if (registry->journal == NULL)
        return;
    partition_release(journal_partition(registry->journal));
    journal_free(registry->journal);
    registry->journal = NULL;
    registry_forget(registry);
}

Subjects *registry_new(World *world, Topics *topics)
{
    Subjects *registry = memory_allocate_zeroed((int64_t)sizeof *registry);
    registry->world = world;
    registry->topics = topics;
    registry->scratch = arena_new(0);
    registry->key_document = json_document_new();
    registry->value_document = json_document_new();
    pthread_mutex_init(&registry->lock, NULL);
    registry_forget(registry);
    return registry;
}

void registry_free(Subjects *registry)
{
    if (registry == NULL)
        return;
    registry_leave_topic(registry);
    json_document_free(registry->key_document);
    json_document_free(registry->value_document);
    arena_free(registry->arena);
    arena_free(registry->scratch);
    pthread_mutex_destroy(&registry->lock);
    memory_free(registry);
}

/* ---- Following ------------------------------------------------------------------------------- */

/* Have the topic that is there now; `makes`: or make it. Under the lock of the topics. */
static Status find_topic(Subjects *registry, bool makes, Error *error)
{
    Topic *topic = topics_find(registry->topics, STR(SCHEMAS_TOPIC));
    bool is_same = topic != NULL && memcmp(topic->id, registry->topic_id, TOPIC_ID_BYTES) == 0;
    if (registry->journal != NULL && is_same)
        return OK;
    registry_leave_topic(registry);
    if (topic == NULL && !makes)
        return OK;
    TRY(journal_open(registry->world, registry->topics, SCHEMAS_TOPIC, &registry->journal, error));
    partition_hold(journal_partition(registry->journal));
    topic = topics_find(registry->topics, STR(SCHEMAS_TOPIC));
    memcpy(registry->topic_id, topic->id, TOPIC_ID_BYTES);
    return OK;
}

/* What is written to a topic that loses old records would be lost with them. */
static Status check_topic(Subjects *registry, Error *error)
{
    const Topic *topic = topics_find(registry->topics, STR(SCHEMAS_TOPIC));
    const char *fault =
        topic_find_fault(STR(SCHEMAS_TOPIC), topic->partition_count, &topic->configs);
    if (fault == NULL)
        return OK;
    return fail(error, ERR_INVALID, "WR5405",
                "no schema is written to the topic `" SCHEMAS_TOPIC
                "` as it is: %s; set cleanup.policy to compact, or, if it has several partitions, "
                "let it be made anew",
                fault);
}

static Status registry_follow(Subjects *registry, bool makes, Error *error)
{
    topics_lock(registry->topics);
    Status status = find_topic(registry, makes, error);
    if (status == OK && makes)
        status = check_topic(registry, error);
    topics_unlock(registry->topics);
    if (status == OK && registry->journal != NULL)
        status =
            journal_follow(registry->journal, &registry->next_offset, topic_take, registry, error);
    return status;
}

bool registry_begin(Subjects *registry, Arena *arena, RegistryRefusal *refusal)
{
    Error error = {0};
    pthread_mutex_lock(&registry->lock);
    if (registry_follow(registry, false, &error) == OK)
        return true;
    pthread_mutex_unlock(&registry->lock);
    return refuse_store(refusal, arena, &error);
}

void registry_end(Subjects *registry)
{
    pthread_mutex_unlock(&registry->lock);
}

/* ---- Changes --------------------------------------------------------------------------------- */

/* Wait, without the lock, until what is written is durable. */
static Status registry_await(Subjects *registry, int64_t end_offset, Error *error)
{
    Partition *partition = journal_partition(registry->journal);
    partition_hold(partition);
    pthread_mutex_unlock(&registry->lock);
    Status status = partition_wait(partition, end_offset, error);
    pthread_mutex_lock(&registry->lock);
    partition_release(partition);
    return status;
}

bool registry_begin_change(Subjects *registry, Arena *arena, RegistryRefusal *refusal)
{
    Error error = {0};
    for (int32_t i = 0; i < CATCH_UP_MAX; i++) {
        Status status = registry_follow(registry, true, &error);
        int64_t end = status == OK ? journal_end(registry->journal) : 0;
        if (status == OK && registry->next_offset >= end) {
            journal_begin(registry->journal, -1, -1);
            return true;
        }
        if (status == OK)
            status = registry_await(registry, end, &error);
        if (status != OK)
            return refuse_store(refusal, arena, &error);
    }
    return registry_refuse(refusal, arena, REFUSED_STORE,
                           "a transaction is open in the topic `" SCHEMAS_TOPIC
                           "`, or others write to it");
}

bool registry_commit(Subjects *registry, Arena *arena, RegistryRefusal *refusal)
{
    Error error = {0};
    int64_t end_offset;
    Status status = journal_write(registry->journal, &end_offset, &error);
    if (status == OK)
        status = registry_await(registry, end_offset, &error);
    if (status == OK)
        status = registry_follow(registry, false, &error);
    if (status == OK)
        return true;
    return error.status == ERR_LIMIT ? registry_refuse(refusal, arena, REFUSED_TOO_LARGE, "%s: %s",
                                                       error.code, error.text)
                                     : refuse_store(refusal, arena, &error);
}

/* ---- Looking --------------------------------------------------------------------------------- */

const RegistrySchema *registry_find_id(const Subjects *registry, int64_t id)
{
    char text[24];
    return map_find(registry->schemas,
                    str_make(text, snprintf(text, sizeof text, "%lld", (long long)id)));
}

const RegistrySubject *registry_find_subject(const Subjects *registry, Str name)
{
    return map_find(registry->subjects, name);
}

static int compare_names(const void *a, const void *b)
{
    return str_compare((*(const RegistrySubject *const *)a)->name,
                       (*(const RegistrySubject *const *)b)->name);
}

void registry_list(const Subjects *registry, Str prefix, Arena *arena, List *out)
{
    for (int32_t i = 0; i < map_count(registry->subjects); i++) {
        RegistrySubject *subject = map_value_at(registry->subjects, i);
        if (str_has_prefix(subject->name, prefix))
            list_append(out, arena, subject);
    }
    if (out->count > 0)
        qsort(out->items, (size_t)out->count, sizeof *out->items, compare_names);
}

int32_t subject_live_count(const RegistrySubject *subject)
{
    int32_t count = 0;
    for (int32_t i = 0; subject != NULL && i < subject->count; i++)
        count += !subject->versions[i].is_deleted;
    return count;
}

const RegistryVersion *subject_find_version(const RegistrySubject *subject, int32_t number)
{
    for (int32_t i = subject != NULL ? subject->count - 1 : -1; i >= 0; i--) {
        const RegistryVersion *version = &subject->versions[i];
        if (number == 0 ? !version->is_deleted : version->number == number)
            return version;
    }
    return NULL;
}

Str registry_level(const Subjects *registry, const RegistrySubject *subject)
{
    if (subject != NULL && subject->level.length > 0)
        return subject->level;
    return registry->all.level.length > 0 ? registry->all.level : STR("BACKWARD");
}

Str registry_mode(const Subjects *registry, const RegistrySubject *subject)
{
    if (subject != NULL && subject->mode.length > 0)
        return subject->mode;
    return registry->all.mode.length > 0 ? registry->all.mode : STR("READWRITE");
}
