/* Records of the topic, as Confluent's registry writes and reads them.
 *
 *     {"keytype":"SCHEMA","subject":"s","version":1,"magic":1}
 *                       {"subject":"s","version":1,"id":7,"schema":"…","deleted":false}
 *     {"keytype":"DELETE_SUBJECT","subject":"s","magic":0}   {"subject":"s","version":3}
 *     {"keytype":"CONFIG","subject":null,"magic":0}          {"compatibilityLevel":"FULL"}
 *     {"keytype":"MODE","subject":"s","magic":0}             {"mode":"READONLY"}
 *     {"keytype":"NOOP","magic":0}                           {"maxId":7}
 *
 * A record without a value takes back what was under its key. The value of NOOP is our own;
 * Confluent's looks at none. */
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "expr/json/write.h"
#include "registry/internal.h"

void schema_identity(Buffer *out, const RegistrySchema *schema)
{
    buffer_append_str(out, schema->type);
    buffer_append_char(out, '\0');
    buffer_append_str(out, schema->attached);
    buffer_append_char(out, '\0');
    buffer_append_str(out, schema->text);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool find_number(JsonElement object, const char *name, int64_t least, int32_t *out)
{
    JsonElement value;
    if (!json_find_typed(object, name, JSON_INT, &value))
        return false;
    int64_t number = json_element_int(value);
    *out = (int32_t)number;
    return number >= least && number <= INT32_MAX;
}

static Str find_text(JsonElement object, const char *name)
{
    JsonElement value;
    return json_find_typed(object, name, JSON_STRING, &value) ? json_element_string(value)
                                                              : (Str){0};
}

/* The schema with what the value says, known from here on. */
static RegistrySchema *keep_schema(Subjects *registry, int32_t id, RegistrySchema *schema)
{
    Buffer identity = {0};
    schema->id = id;
    schema_identity(&identity, schema);
    RegistrySchema *known = map_find(registry->texts, buffer_str(&identity));
    if (known == NULL || known->id != id) {
        known = ARENA_NEW(registry->arena, RegistrySchema);
        *known = *schema;
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

static void put_version(Subjects *registry, RegistrySubject *subject, RegistryVersion version)
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

static bool take_schema(Subjects *registry, JsonElement key, const JsonElement *value)
{
    int32_t number, id;
    JsonElement deleted;
    RegistryRequest request;
    RegistryRefusal ignored;
    Str name = find_text(key, "subject");
    if (name.data == NULL || !find_number(key, "version", 1, &number))
        return false;
    RegistrySubject *subject = registry_subject(registry, name);
    if (value == NULL)
        drop_version(registry, subject, number);
    bool is_good = value != NULL && find_number(*value, "id", 0, &id) &&
                   request_take(registry->arena, *value, &request, &ignored);
    if (is_good) {
        RegistryVersion version = {.number = number,
                                   .schema = keep_schema(registry, id, &request.schema)};
        version.is_deleted =
            json_find_typed(*value, "deleted", JSON_BOOL, &deleted) && json_element_bool(deleted);
        put_version(registry, subject, version);
    }
    drop_if_empty(registry, subject);
    return is_good || value == NULL;
}

/* Up to a version all are deleted, or gone. */
static bool take_removal(Subjects *registry, JsonElement key, const JsonElement *value,
                         bool is_for_good)
{
    int32_t version;
    Str name = find_text(key, "subject");
    if (name.data == NULL)
        return false;
    if (value == NULL)
        return true;
    if (!find_number(*value, "version", 0, &version))
        return false;
    RegistrySubject *subject = registry_subject(registry, name);
    while (is_for_good && subject->count > 0 && subject->versions[0].number <= version)
        drop_version(registry, subject, subject->versions[0].number);
    for (int32_t i = 0; i < subject->count; i++)
        subject->versions[i].is_deleted |= subject->versions[i].number <= version;
    drop_if_empty(registry, subject);
    return true;
}

static bool take_setting(Subjects *registry, JsonElement key, const JsonElement *value,
                         bool is_mode)
{
    Str name = find_text(key, "subject");
    Str text = value != NULL ? find_text(*value, is_mode ? "mode" : "compatibilityLevel") : STR("");
    RegistrySubject *subject =
        name.data != NULL ? registry_subject(registry, name) : &registry->all;
    *(is_mode ? &subject->mode : &subject->level) = str_copy(registry->arena, text);
    drop_if_empty(registry, subject);
    return true;
}

static bool take(Subjects *registry, const Record *record)
{
    JsonElement key, parsed;
    const JsonElement *value = record->has_value ? &parsed : NULL;
    if (!record->has_key ||
        !json_document_parse(registry->key_document, record->key.data, record->key.length, &key) ||
        (record->has_value && !json_document_parse(registry->value_document, record->value.data,
                                                   record->value.length, &parsed)))
        return false;
    Str type = find_text(key, "keytype");
    int32_t id;
    if (str_is(type, "SCHEMA"))
        return take_schema(registry, key, value);
    if (str_is(type, "DELETE_SUBJECT") || str_is(type, "CLEAR_SUBJECT"))
        return take_removal(registry, key, value, str_is(type, "CLEAR_SUBJECT"));
    if (str_is(type, "CONFIG") || str_is(type, "MODE"))
        return take_setting(registry, key, value, str_is(type, "MODE"));
    if (str_is(type, "NOOP") && value != NULL && find_number(*value, "maxId", 0, &id) &&
        id > registry->id_max)
        registry->id_max = id;
    return str_is(type, "NOOP") || str_is(type, "CONTEXT");
}

void topic_take(void *context, const BatchHeader *header, const Record *record)
{
    (void)header;
    Subjects *registry = context;
    if (!take(registry, record) && registry->unread_count++ == 0)
        log_event(LOG_WARN, "registry",
                  "the record at offset %lld of `" REGISTRY_TOPIC
                  "` is none of a registry; it and others like it are passed over",
                  (long long)record->offset);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void put_key(Buffer *out, const char *type, Str subject, int32_t version)
{
    buffer_printf(out, "{\"keytype\":\"%s\",\"subject\":", type);
    if (subject.data != NULL)
        json_append_quoted(out, subject);
    else
        buffer_append_text(out, "null");
    if (version > 0)
        buffer_printf(out, ",\"version\":%d,\"magic\":1}", version);
    else
        buffer_append_text(out, ",\"magic\":0}");
}

static void put_record(Subjects *registry, Buffer *key, Buffer *value)
{
    journal_add(registry->journal, buffer_str(key), buffer_str(value));
    buffer_free(key);
    buffer_free(value);
}

void topic_put_version(Subjects *registry, Str subject, int32_t version,
                       const RegistrySchema *schema, bool is_deleted)
{
    Buffer key = {0}, value = {0};
    put_key(&key, "SCHEMA", subject, version);
    buffer_append_text(&value, "{\"subject\":");
    json_append_quoted(&value, subject);
    buffer_printf(&value, ",\"version\":%d,\"id\":%d", version, schema->id);
    if (!str_is(schema->type, "AVRO")) {
        buffer_append_text(&value, ",\"schemaType\":");
        json_append_quoted(&value, schema->type);
    }
    buffer_append_str(&value, schema->attached);
    buffer_append_text(&value, ",\"schema\":");
    json_append_quoted(&value, schema->text);
    buffer_printf(&value, ",\"deleted\":%s}", is_deleted ? "true" : "false");
    put_record(registry, &key, &value);
}

void topic_drop_version(Subjects *registry, Str subject, int32_t version)
{
    Buffer key = {0}, value = {0};
    put_key(&key, "SCHEMA", subject, version);
    put_record(registry, &key, &value);
}

void topic_put_removal(Subjects *registry, Str subject, int32_t version)
{
    Buffer key = {0}, value = {0};
    put_key(&key, "DELETE_SUBJECT", subject, 0);
    buffer_append_text(&value, "{\"subject\":");
    json_append_quoted(&value, subject);
    buffer_printf(&value, ",\"version\":%d}", version);
    put_record(registry, &key, &value);
}

void topic_put_setting(Subjects *registry, bool is_mode, Str subject, Str text)
{
    Buffer key = {0}, value = {0};
    put_key(&key, is_mode ? "MODE" : "CONFIG", subject, 0);
    if (text.length > 0)
        buffer_printf(&value, "{\"%s\":\"%.*s\"}", is_mode ? "mode" : "compatibilityLevel",
                      STR_ARGS(text));
    put_record(registry, &key, &value);
}

void topic_put_id_max(Subjects *registry)
{
    Buffer key = {0}, value = {0};
    buffer_append_text(&key, "{\"keytype\":\"NOOP\",\"magic\":0}");
    buffer_printf(&value, "{\"maxId\":%lld}", (long long)registry->id_max);
    put_record(registry, &key, &value);
}
