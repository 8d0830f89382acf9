/* Records of the topic, as Confluent's registry writes and reads them.
 *
 *     {"keytype":"SCHEMA","subject":"s","version":1,"magic":1}
 *                       {"subject":"s","version":1,"id":7,"schema":"…","deleted":false}
 *     {"keytype":"DELETE_SUBJECT","subject":"s","magic":0}   {"subject":"s","version":3}
 *     {"keytype":"CONFIG","subject":null,"magic":0}          {"compatibilityLevel":"FULL"}
 *     {"keytype":"MODE","subject":"s","magic":0}             {"mode":"READONLY"}
 *     {"magic":0,"keytype":"NOOP"}                           {"maxId":7}
 *
 * A record without a value takes back what was under its key. The value of NOOP is our own, and so
 * is the order in its key: Confluent's looks at neither, and writes its own NOOP the other way
 * round, so that compaction leaves ours. */
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "expr/json/write.h"
#include "registry/internal.h"

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

static bool take_schema(Subjects *registry, JsonElement key, const JsonElement *value)
{
    int32_t number, id;
    JsonElement deleted;
    RegistryRequest request;
    RegistryRefusal ignored;
    Str name = find_text(key, "subject");
    if (name.data == NULL || !find_number(key, "version", 1, &number))
        return false;
    if (value == NULL) {
        state_drop_version(registry, name, number);
        return true;
    }
    if (!find_number(*value, "id", 0, &id) ||
        !request_take(registry->scratch, *value, &request, &ignored))
        return false;
    RegistryVersion version = {.number = number,
                               .schema = state_keep_schema(registry, id, &request.schema)};
    version.is_deleted =
        json_find_typed(*value, "deleted", JSON_BOOL, &deleted) && json_element_bool(deleted);
    state_put_version(registry, state_subject(registry, name), version);
    return true;
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
    state_remove(registry, name, version, is_for_good);
    return true;
}

static bool take_setting(Subjects *registry, JsonElement key, const JsonElement *value,
                         bool is_mode)
{
    Str name = find_text(key, "subject");
    Str text = value != NULL ? find_text(*value, is_mode ? "mode" : "compatibilityLevel") : STR("");
    state_set(registry, name, is_mode, text);
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
    arena_reset(registry->scratch);
    bool is_read = take(registry, record);
    state_tidy(registry);
    if (!is_read && registry->unread_count++ == 0)
        log_event(LOG_WARN, "registry",
                  "the record at offset %lld of `" SCHEMAS_TOPIC
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
    buffer_append_text(&key, "{\"magic\":0,\"keytype\":\"NOOP\"}");
    buffer_printf(&value, "{\"maxId\":%lld}", (long long)registry->id_max);
    put_record(registry, &key, &value);
}
