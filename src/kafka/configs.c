/* Describing and changing the configuration of topics; what else has one. */
#include <assert.h>

#include "kafka/access.h"

enum {
    RESOURCE_TOPIC = 2,
    RESOURCE_BROKER = 4,
    RESOURCE_BROKER_LOGGER = 8,
    RESOURCE_CLIENT_METRICS = 16,
    RESOURCE_GROUP = 32,
};
enum { SOURCE_TOPIC = 1, SOURCE_DEFAULT = 5 };
enum { STEP_SET = 0, STEP_DELETE = 1, STEP_APPEND = 2, STEP_SUBTRACT = 3 };

static const int32_t resource_types[] = {RESOURCE_TOPIC, RESOURCE_BROKER, RESOURCE_BROKER_LOGGER,
                                         RESOURCE_CLIENT_METRICS, RESOURCE_GROUP};

enum { RESOURCE_TYPES = sizeof resource_types / sizeof resource_types[0] };

static bool has_resources(int64_t type)
{
    for (int32_t i = 0; i < RESOURCE_TYPES; i++)
        if (resource_types[i] == type)
            return true;
    return false;
}

WireError read_configs(Call *call, const Message *asked, List *configs, const char **message)
{
    for (int32_t i = 0; i < message_count(asked, "configs"); i++) {
        const Message *item = message_item(asked, "configs", i);
        Str name = message_bytes(item, "name"), value = message_bytes(item, "value");
        *message = config_find_fault(name, value, call->arena);
        if (*message != NULL)
            return WIRE_INVALID_CONFIG;
        ConfigEntry *entry = ARENA_NEW(call->arena, ConfigEntry);
        entry->name = str_terminated(call->arena, name);
        entry->value = str_terminated(call->arena, value);
        list_append(configs, call->arena, entry);
    }
    return WIRE_NONE;
}

/* ---- DescribeConfigs ------------------------------------------------------------------------- */

static int32_t type_number(const ConfigKey *key)
{
    switch (key->type) {
    case CONFIG_INT: return 3;
    case CONFIG_LONG: return 5;
    case CONFIG_DOUBLE: return 6;
    case CONFIG_CHOICE: break;
    }
    return strcmp(key->name, "cleanup.policy") == 0 ? 7 /* a list */ : 2 /* text */;
}

static bool is_asked_for(const Message *resource, Str name)
{
    int32_t count = message_count(resource, "configuration_keys");
    for (int32_t i = 0; i < count; i++)
        if (str_equal(message_bytes(message_item(resource, "configuration_keys", i), ""), name))
            return true;
    return message_is_null(resource, "configuration_keys");
}

static void add_synonym(Call *call, Message *config, const char *name, const char *value,
                        int32_t source)
{
    Message *synonym = message_append(config, "synonyms", call->arena);
    message_set_text(synonym, "name", name);
    message_set_text(synonym, "value", value);
    message_set_number(synonym, "source", source);
}

static Message *append_config(Call *call, const ConfigKey *key, const char *set, Message *answer)
{
    Message *config = message_append(answer, "configs", call->arena);
    message_set_text(config, "name", key->name);
    message_set_text(config, "value", set != NULL ? set : key->standard);
    message_set_number(config, "config_source", set != NULL ? SOURCE_TOPIC : SOURCE_DEFAULT);
    return config;
}

void append_configs(Call *call, const List *configs, Message *answer)
{
    for (int32_t i = 0; i < config_key_count(); i++) {
        const ConfigKey *key = config_key_at(i);
        append_config(call, key, config_find_value(configs, str_from(key->name)), answer);
    }
}

static void describe_key(Call *call, const ConfigKey *key, const Topic *topic, Message *answer)
{
    const char *set = config_find_value(&topic->configs, str_from(key->name));
    Message *config = append_config(call, key, set, answer);
    message_set_number(config, "config_type", type_number(key));
    if (message_number(call->request, "include_documentation") != 0)
        message_set_text(config, "documentation", key->help);
    if (message_number(call->request, "include_synonyms") == 0)
        return;
    if (set != NULL)
        add_synonym(call, config, key->name, set, SOURCE_TOPIC);
    add_synonym(call, config, key->name, key->standard, SOURCE_DEFAULT);
}

static WireError describe_resource(Call *call, const Message *asked, Message *answer)
{
    int64_t type = message_number(asked, "resource_type");
    const Topic *topic = topics_find(call->broker->topics, message_bytes(asked, "resource_name"));
    if (!has_resources(type))
        return WIRE_INVALID_REQUEST;
    if (type == RESOURCE_GROUP)
        return call_check(call, ACL_DESCRIBE_CONFIGS, ACL_GROUP,
                          message_bytes(asked, "resource_name"));
    if (type != RESOURCE_TOPIC) /* there are flags of the program */
        return call_check_cluster(call, ACL_DESCRIBE_CONFIGS);
    WireError refused =
        call_check(call, ACL_DESCRIBE_CONFIGS, ACL_TOPIC, message_bytes(asked, "resource_name"));
    if (refused != WIRE_NONE || topic == NULL)
        return refused != WIRE_NONE ? refused : WIRE_UNKNOWN_TOPIC_OR_PARTITION;
    for (int32_t i = 0; i < config_key_count(); i++)
        if (is_asked_for(asked, str_from(config_key_at(i)->name)))
            describe_key(call, config_key_at(i), topic, answer);
    return WIRE_NONE;
}

CallState handle_describe_configs(Call *call)
{
    for (int32_t i = 0; i < message_count(call->request, "resources"); i++) {
        const Message *asked = message_item(call->request, "resources", i);
        Message *answer = message_append(call->response, "results", call->arena);
        message_set_number(answer, "resource_type", message_number(asked, "resource_type"));
        message_set_bytes(answer, "resource_name", message_bytes(asked, "resource_name"));
        message_set_number(answer, "error_code", describe_resource(call, asked, answer));
    }
    return CALL_DONE;
}

/* ---- AlterConfigs ---------------------------------------------------------------------------- */

static void put_entry(Call *call, List *configs, Str name, const char *value)
{
    for (int32_t i = 0; i < configs->count; i++) {
        if (!str_is(name, LIST_AT(*configs, i, ConfigEntry)->name))
            continue;
        if (value != NULL)
            LIST_AT(*configs, i, ConfigEntry)->value = value;
        else
            configs->items[i] = configs->items[--configs->count];
        return;
    }
    if (value == NULL)
        return;
    ConfigEntry *entry = ARENA_NEW(call->arena, ConfigEntry);
    *entry = (ConfigEntry){str_terminated(call->arena, name), value};
    list_append(configs, call->arena, entry);
}

/* A list with an item more, or less. */
static const char *change_list(Call *call, const char *before, Str item, bool is_more)
{
    Buffer out = {0};
    Str rest = str_from(before);
    while (rest.length > 0) {
        Str one = str_split(rest, ',', &rest);
        if (!str_equal(one, item))
            buffer_printf(&out, "%s%.*s", out.length > 0 ? "," : "", STR_ARGS(one));
    }
    if (is_more)
        buffer_printf(&out, "%s%.*s", out.length > 0 ? "," : "", STR_ARGS(item));
    const char *text = str_terminated(call->arena, buffer_str(&out));
    buffer_free(&out);
    return text;
}

static WireError take_step(Call *call, const Message *step, List *configs, const char **message)
{
    Str name = message_bytes(step, "name"), value = message_bytes(step, "value");
    const ConfigKey *key = config_find_key(name);
    int64_t operation = message_number(step, "config_operation");
    *message = config_find_fault(name, value, call->arena);
    if (operation == STEP_SET) {
        if (*message == NULL)
            put_entry(call, configs, name, str_terminated(call->arena, value));
        return *message == NULL ? WIRE_NONE : WIRE_INVALID_CONFIG;
    }
    if (key == NULL || operation < STEP_SET || operation > STEP_SUBTRACT)
        return key == NULL ? WIRE_INVALID_CONFIG : WIRE_INVALID_REQUEST;
    *message = NULL;
    if (operation == STEP_DELETE) {
        put_entry(call, configs, name, NULL);
        return WIRE_NONE;
    }
    if (key->type != CONFIG_CHOICE) {
        *message = arena_printf(call->arena,
                                "Config value append is not allowed for config key: %s", key->name);
        return WIRE_INVALID_CONFIG;
    }
    const char *set = config_find_value(configs, name);
    const char *changed =
        change_list(call, set != NULL ? set : key->standard, value, operation == STEP_APPEND);
    *message = config_find_fault(name, str_from(changed), call->arena);
    if (*message == NULL)
        put_entry(call, configs, name, changed);
    return *message == NULL ? WIRE_NONE : WIRE_INVALID_CONFIG;
}

/* From what is set now, item by item; or all anew. */
static WireError change(Call *call, const Message *asked, bool by_step, const char **message)
{
    Topic *topic = topics_find(call->broker->topics, message_bytes(asked, "resource_name"));
    int64_t type = message_number(asked, "resource_type");
    Str name = message_bytes(asked, "resource_name");
    WireError refused = type == RESOURCE_TOPIC
                            ? call_check(call, ACL_ALTER_CONFIGS, ACL_TOPIC, name)
                            : call_check_cluster(call, ACL_ALTER_CONFIGS);
    if (refused != WIRE_NONE)
        return refused;
    if (type != RESOURCE_TOPIC) {
        *message = "only the configuration of topics can be changed; what else there is are flags "
                   "of the program";
        return WIRE_INVALID_REQUEST;
    }
    if (topic == NULL)
        return WIRE_UNKNOWN_TOPIC_OR_PARTITION;
    List configs = {0};
    for (int32_t i = 0; by_step && i < topic->configs.count; i++) {
        const ConfigEntry *entry = LIST_AT(topic->configs, i, ConfigEntry);
        put_entry(call, &configs, str_from(entry->name), entry->value);
    }
    WireError code = by_step ? WIRE_NONE : read_configs(call, asked, &configs, message);
    for (int32_t i = 0; by_step && code == WIRE_NONE && i < message_count(asked, "configs"); i++)
        code = take_step(call, message_item(asked, "configs", i), &configs, message);
    if (code == WIRE_NONE && topic_is_kept(name) && !by_step)
        topic_complete(&configs, call->arena);
    if (code == WIRE_NONE)
        *message = topic_find_fault(name, 1, &configs);
    if (code == WIRE_NONE && *message != NULL)
        code = WIRE_POLICY_VIOLATION;
    if (code != WIRE_NONE || message_number(call->request, "validate_only") != 0)
        return code;
    Error error = {0};
    Status status = topics_set_configs(call->broker->topics, topic, &configs, &error);
    return status == OK ? WIRE_NONE : broker_error(status, &error);
}

static CallState alter(Call *call, bool by_step)
{
    for (int32_t i = 0; i < message_count(call->request, "resources"); i++) {
        const Message *asked = message_item(call->request, "resources", i);
        Message *answer = message_append(call->response, "responses", call->arena);
        const char *message = NULL;
        message_set_number(answer, "error_code", change(call, asked, by_step, &message));
        message_set_text(answer, "error_message", message);
        message_set_number(answer, "resource_type", message_number(asked, "resource_type"));
        message_set_bytes(answer, "resource_name", message_bytes(asked, "resource_name"));
    }
    return CALL_DONE;
}

CallState handle_alter_configs(Call *call)
{
    return alter(call, false);
}

CallState handle_alter_configs_by_step(Call *call)
{
    return alter(call, true);
}

/* ---- ListConfigResources --------------------------------------------------------------------- */

static void append_resource(Call *call, Str name, int32_t type)
{
    Message *out = message_append(call->response, "config_resources", call->arena);
    message_set_bytes(out, "resource_name", name);
    message_set_number(out, "resource_type", type);
}

/* Those of one type; of groups and of metrics there are none. */
static void list_resources(Call *call, int64_t type)
{
    const Topics *topics = call->broker->topics;
    for (int32_t i = 0; type == RESOURCE_TOPIC && i < topics_count(topics); i++)
        append_resource(call, str_from(topics_at(topics, i)->name), RESOURCE_TOPIC);
    if (type == RESOURCE_BROKER || type == RESOURCE_BROKER_LOGGER)
        append_resource(call, str_from(arena_printf(call->arena, "%d", NODE_ID)), (int32_t)type);
}

/* Who names no types wants all; in version 0 those of metrics. */
CallState handle_list_config_resources(Call *call)
{
    int32_t count = message_count(call->request, "resource_types");
    WireError code = call_check_cluster(call, ACL_DESCRIBE_CONFIGS);
    for (int32_t i = 0; code == WIRE_NONE && i < count; i++)
        if (!has_resources(message_number(message_item(call->request, "resource_types", i), "")))
            code = WIRE_UNSUPPORTED_VERSION;
    message_set_number(call->response, "error_code", code);
    if (code != WIRE_NONE)
        return CALL_DONE;
    for (int32_t i = 0; i < count; i++)
        list_resources(call, message_number(message_item(call->request, "resource_types", i), ""));
    bool wants_all = call->version.number > 0 && count == 0;
    for (int32_t i = 0; wants_all && i < RESOURCE_TYPES; i++)
        list_resources(call, resource_types[i]);
    return CALL_DONE;
}
