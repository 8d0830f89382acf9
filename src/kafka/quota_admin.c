/* What clients may produce and consume a second: set, shown, and charged for. */
#include <math.h>

#include "kafka/access.h"

static const char *const keys[QUOTA_KIND_COUNT] = {"producer_byte_rate", "consumer_byte_rate"};
static const char NOT_LIMITED[] = "Only producer_byte_rate and consumer_byte_rate are limited, of "
                                  "users and client ids";

enum { MATCH_EXACT = 0, MATCH_DEFAULT = 1, MATCH_SPECIFIED = 2 };

/* ---- DescribeClientQuotas -------------------------------------------------------------------- */

static bool component_fits(const QuotaName *name, const Message *component)
{
    switch (message_number(component, "match_type")) {
    case MATCH_EXACT:
        return name->scope == QUOTA_OF_ONE &&
               str_equal(name->name, message_bytes(component, "match"));
    case MATCH_DEFAULT: return name->scope == QUOTA_OF_DEFAULT;
    default: return name->scope != QUOTA_OF_ANY;
    }
}

static bool quota_fits(const Message *request, const Quota *quota)
{
    int32_t has = (quota->user.scope != QUOTA_OF_ANY) + (quota->client.scope != QUOTA_OF_ANY);
    int32_t count = message_count(request, "components");
    for (int32_t i = 0; i < count; i++) {
        const Message *component = message_item(request, "components", i);
        bool is_user = str_is(message_bytes(component, "entity_type"), "user");
        bool is_client = str_is(message_bytes(component, "entity_type"), "client-id");
        if ((!is_user && !is_client) ||
            !component_fits(is_user ? &quota->user : &quota->client, component))
            return false;
    }
    return message_number(request, "strict") == 0 || has == count;
}

static void put_entity(Call *call, Message *out, const char *type, const QuotaName *name)
{
    if (name->scope == QUOTA_OF_ANY)
        return;
    Message *entity = message_append(out, "entity", call->arena);
    message_set_text(entity, "entity_type", type);
    if (name->scope == QUOTA_OF_ONE)
        message_set_bytes(entity, "entity_name", str_copy(call->arena, name->name));
}

static void describe_quota(Call *call, const Quota *quota)
{
    Message *entry = message_append(call->response, "entries", call->arena);
    put_entity(call, entry, "user", &quota->user);
    put_entity(call, entry, "client-id", &quota->client);
    for (int32_t i = 0; i < QUOTA_KIND_COUNT; i++) {
        if (quota->rates[i] == 0)
            continue;
        Message *value = message_append(entry, "values", call->arena);
        int64_t bits;
        memcpy(&bits, &quota->rates[i], sizeof bits);
        message_set_text(value, "key", keys[i]);
        message_set_number(value, "value", bits);
    }
}

/* Kafka's own words for types that it has not. */
static WireError check_components(Call *call, const char **message)
{
    const Message *request = call->request;
    WireError code = call_check_cluster(call, ACL_DESCRIBE_CONFIGS);
    for (int32_t i = 0; code == WIRE_NONE && i < message_count(request, "components"); i++) {
        Str type = message_bytes(message_item(request, "components", i), "entity_type");
        if (str_is(type, "user") || str_is(type, "client-id") || str_is(type, "ip"))
            continue;
        *message =
            arena_printf(call->arena, "Custom entity type '%.*s' not supported", STR_ARGS(type));
        code = WIRE_UNSUPPORTED_VERSION;
    }
    return code;
}

CallState handle_describe_quotas(Call *call)
{
    const Quotas *quotas = call->broker->config.quotas;
    const char *message = NULL;
    WireError code = check_components(call, &message);
    message_set_number(call->response, "error_code", code);
    message_set_text(call->response, "error_message", message);
    if (code == WIRE_NONE)
        message_set_empty(call->response, "entries");
    for (int32_t i = 0; code == WIRE_NONE && quotas != NULL && i < quotas_count(quotas); i++)
        if (quota_fits(call->request, quotas_at(quotas, i)))
            describe_quota(call, quotas_at(quotas, i));
    return CALL_DONE;
}

/* ---- AlterClientQuotas ----------------------------------------------------------------------- */

static bool name_is_plain(Str name)
{
    for (int64_t i = 0; i < name.length; i++)
        if ((unsigned char)name.data[i] < ' ')
            return false;
    return name.length <= QUOTA_NAME_BYTES_MAX;
}

static const char *read_entity(const Message *entry, Quota *out)
{
    int32_t count = message_count(entry, "entity");
    for (int32_t i = 0; i < count; i++) {
        const Message *entity = message_item(entry, "entity", i);
        Str type = message_bytes(entity, "entity_type");
        bool is_user = str_is(type, "user");
        QuotaName *name = is_user ? &out->user : &out->client;
        if (!is_user && !str_is(type, "client-id"))
            return NOT_LIMITED;
        if (name->scope != QUOTA_OF_ANY)
            return "An entity type stands there twice";
        name->name = message_bytes(entity, "entity_name");
        name->scope = message_is_null(entity, "entity_name") ? QUOTA_OF_DEFAULT : QUOTA_OF_ONE;
        if (!name_is_plain(name->name))
            return "A name has control characters, or is too long";
    }
    return count > 0 ? NULL : "Invalid empty client quota entity";
}

static const char *read_rates(const Message *entry, Quota *out)
{
    for (int32_t i = 0; i < message_count(entry, "ops"); i++) {
        const Message *op = message_item(entry, "ops", i);
        int64_t bits = message_number(op, "value");
        double rate;
        int32_t kind = 0;
        memcpy(&rate, &bits, sizeof rate);
        while (kind < QUOTA_KIND_COUNT && !str_is(message_bytes(op, "key"), keys[kind]))
            kind++;
        if (kind == QUOTA_KIND_COUNT)
            return NOT_LIMITED;
        if (message_number(op, "remove") != 0)
            rate = 0;
        else if (!isfinite(rate) || rate < 1)
            return "A rate is a number of bytes a second, from 1 on";
        out->rates[kind] = rate;
    }
    return NULL;
}

static WireError alter_entry(Call *call, const Message *entry, const char **message)
{
    Quota quota = {.rates = {-1, -1}};
    WireError code = call_check_cluster(call, ACL_ALTER_CONFIGS);
    if (code != WIRE_NONE)
        return code;
    *message = read_entity(entry, &quota);
    if (*message == NULL)
        *message = read_rates(entry, &quota);
    if (*message != NULL || call->broker->config.quotas == NULL)
        return WIRE_INVALID_REQUEST;
    if (message_number(call->request, "validate_only") != 0)
        return WIRE_NONE;
    Error error = {0};
    Status status = quotas_set(call->broker->config.quotas, &quota, &error);
    return status == OK ? WIRE_NONE : broker_error(status, &error);
}

CallState handle_alter_quotas(Call *call)
{
    for (int32_t i = 0; i < message_count(call->request, "entries"); i++) {
        const Message *entry = message_item(call->request, "entries", i);
        Message *answer = message_append(call->response, "entries", call->arena);
        const char *message = NULL;
        message_set_number(answer, "error_code", alter_entry(call, entry, &message));
        message_set_text(answer, "error_message", message);
        for (int32_t k = 0; k < message_count(entry, "entity"); k++) {
            const Message *entity = message_item(entry, "entity", k);
            Message *out = message_append(answer, "entity", call->arena);
            message_set_bytes(out, "entity_type", message_bytes(entity, "entity_type"));
            if (!message_is_null(entity, "entity_name"))
                message_set_bytes(out, "entity_name", message_bytes(entity, "entity_name"));
        }
    }
    return CALL_DONE;
}

/* ---- Charging -------------------------------------------------------------------------------- */

/* By the limits of the key that he has come in with. */
static int64_t charge_key(Call *call)
{
    const Key *key = peer_key(call->peer);
    Keys *all = logins_config(call->broker->config.logins)->keys;
    if (key == NULL || call->api->key != PRODUCE_KEY ||
        (key->records_per_second == 0 && key->bytes_per_second == 0))
        return 0;
    keys_charge(all, key, call->record_count, call->bytes.length);
    return keys_throttle(all, key);
}

int64_t call_charge(Call *call)
{
    Quotas *quotas = call->broker->config.quotas;
    bool is_produce = call->api->key == PRODUCE_KEY;
    if (peer_is_inner(call->peer) || (!is_produce && call->api->key != FETCH_KEY))
        return 0;
    int64_t wait_us = charge_key(call);
    if (quotas != NULL) {
        int64_t bytes = is_produce ? call->bytes.length : call->fetched_bytes;
        int64_t more_us = quotas_charge(quotas, is_produce ? QUOTA_PRODUCE : QUOTA_CONSUME,
                                        str_from(peer_user(call->peer)), call->client_id, bytes);
        wait_us = more_us > wait_us ? more_us : wait_us;
    }
    if (wait_us > QUOTA_WAIT_US_MAX)
        wait_us = QUOTA_WAIT_US_MAX;
    message_set_number(call->response, "throttle_time_ms", (wait_us + 999) / 1000);
    return wait_us;
}
