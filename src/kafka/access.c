#include "kafka/access.h"

#include <string.h>

static bool operation_is(AclOperation operation, uint32_t set)
{
    return (1u << operation & set) != 0;
}

/* A key's roles in Kafka's words. What is not about one topic, and changes more than the key's own
 * topics, takes a key for all of them. */
static bool key_permits(const Key *key, AclOperation operation, AclType type, Str name)
{
    const uint32_t reading = 1u << ACL_READ | 1u << ACL_DESCRIBE | 1u << ACL_DESCRIBE_CONFIGS;
    const uint32_t writing = 1u << ACL_WRITE | 1u << ACL_DESCRIBE | 1u << ACL_DESCRIBE_CONFIGS |
                             1u << ACL_CREATE | 1u << ACL_IDEMPOTENT_WRITE;
    bool is_admin = (key->roles & KEY_ADMIN) != 0;
    bool reads = is_admin || (key->roles & KEY_CONSUME) != 0;
    bool writes = is_admin || (key->roles & KEY_PRODUCE) != 0;
    switch (type) {
    case ACL_TOPIC:
        return (operation_is(operation, reading) && key_may(key, KEY_CONSUME, name)) ||
               (operation_is(operation, writing) && key_may(key, KEY_PRODUCE, name)) ||
               key_may(key, KEY_ADMIN, name);
    case ACL_GROUP: return is_admin || (reads && operation_is(operation, reading));
    case ACL_TRANSACTION: return writes;
    case ACL_CLUSTER: break;
    }
    return (writes && operation == ACL_IDEMPOTENT_WRITE) ||
           (is_admin && strcmp(key->topics, "*") == 0);
}

static AclAsker asker_of(const Call *call)
{
    return (AclAsker){.user = peer_user(call->peer), .host = peer_host(call->peer)};
}

bool call_may(Call *call, AclOperation operation, AclType type, Str name)
{
    const Acls *acls = call->broker->config.acls;
    const Key *key = peer_key(call->peer);
    if (peer_is_inner(call->peer))
        return true;
    if (key != NULL)
        return key_permits(key, operation, type, name);
    if (acls == NULL || !acls_are_on(acls))
        return true;
    AclAsker asker = asker_of(call);
    return acls_allow(acls, &asker, operation, type, name);
}

WireError call_check(Call *call, AclOperation operation, AclType type, Str name)
{
    if (call_may(call, operation, type, name))
        return WIRE_NONE;
    switch (type) {
    case ACL_TOPIC: return WIRE_TOPIC_AUTHORIZATION_FAILED;
    case ACL_GROUP: return WIRE_GROUP_AUTHORIZATION_FAILED;
    case ACL_TRANSACTION: return WIRE_TRANSACTION_AUTHORIZATION_FAILED;
    case ACL_CLUSTER: break;
    }
    return WIRE_CLUSTER_AUTHORIZATION_FAILED;
}

WireError call_check_cluster(Call *call, AclOperation operation)
{
    return call_check(call, operation, ACL_CLUSTER, STR(ACL_CLUSTER_NAME));
}

bool call_may_create(Call *call, Str topic)
{
    return call_check_cluster(call, ACL_CREATE) == WIRE_NONE ||
           call_may(call, ACL_CREATE, ACL_TOPIC, topic);
}

bool call_may_write_somewhere(Call *call)
{
    const Acls *acls = call->broker->config.acls;
    const Key *key = peer_key(call->peer);
    AclAsker asker = asker_of(call);
    if (key != NULL)
        return (key->roles & (KEY_PRODUCE | KEY_ADMIN)) != 0;
    return peer_is_inner(call->peer) || acls == NULL ||
           acls_allow_any(acls, &asker, ACL_WRITE, ACL_TOPIC);
}

int32_t call_operations(Call *call, const char *field, AclType type, Str name)
{
    static const AclOperation of_topics[] = {
        ACL_READ,  ACL_WRITE,    ACL_CREATE,           ACL_DELETE,
        ACL_ALTER, ACL_DESCRIBE, ACL_DESCRIBE_CONFIGS, ACL_ALTER_CONFIGS,
    };
    static const AclOperation of_groups[] = {
        ACL_READ, ACL_DESCRIBE, ACL_DELETE, ACL_DESCRIBE_CONFIGS, ACL_ALTER_CONFIGS,
    };
    static const AclOperation of_cluster[] = {
        ACL_CREATE,           ACL_CLUSTER_ACTION, ACL_DESCRIBE_CONFIGS, ACL_ALTER_CONFIGS,
        ACL_IDEMPOTENT_WRITE, ACL_ALTER,          ACL_DESCRIBE,
    };
    const AclOperation *all = type == ACL_TOPIC   ? of_topics
                              : type == ACL_GROUP ? of_groups
                                                  : of_cluster;
    size_t bytes = type == ACL_TOPIC   ? sizeof of_topics
                   : type == ACL_GROUP ? sizeof of_groups
                                       : sizeof of_cluster;
    int32_t bits = 0;
    if (field != NULL && message_number(call->request, field) == 0)
        return ACL_UNASKED;
    for (size_t i = 0; i < bytes / sizeof all[0]; i++)
        bits |= call_may(call, all[i], type, name) ? 1 << all[i] : 0;
    return bits;
}

WireError call_partition(Call *call, AclOperation operation, Str topic, int64_t index,
                         Partition **out)
{
    WireError code = call_check(call, operation, ACL_TOPIC, topic);
    return code != WIRE_NONE ? code : broker_partition(call->broker, topic, index, out);
}

bool call_is_refused(Call *call, AclOperation operation, AclType type, Str name)
{
    WireError code = call_check(call, operation, type, name);
    if (code != WIRE_NONE)
        message_set_number(call->response, "error_code", code);
    return code != WIRE_NONE;
}
