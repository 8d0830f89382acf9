/* Looking at access rules, making and removing them. */
#include <assert.h>

#include "kafka/access.h"

static const char DISABLED[] = "No Authorizer is configured.";

static bool text_is_plain(Str text)
{
    for (int64_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return false;
    return text.length <= ACL_TEXT_BYTES_MAX;
}

/* What a request of the kind meets before anything else. */
static WireError check_admin(Call *call, AclOperation operation, const char **message)
{
    const Acls *acls = call->broker->config.acls;
    *message = NULL;
    WireError code = call_check_cluster(call, operation);
    if (code == WIRE_NONE && (acls == NULL || !acls_are_on(acls))) {
        *message = DISABLED;
        code = WIRE_SECURITY_DISABLED;
    }
    return code;
}

/* ---- DescribeAcls ---------------------------------------------------------------------------- */

/* False: it names what there is not. */
static bool read_filter(const Message *asked, AclFilter *out)
{
    *out = (AclFilter){
        .type = (int32_t)message_number(asked, "resource_type_filter"),
        .pattern = (int32_t)message_number(asked, "pattern_type_filter"),
        .operation = (int32_t)message_number(asked, "operation"),
        .permission = (int32_t)message_number(asked, "permission_type"),
        .name = message_bytes(asked, "resource_name_filter"),
        .principal = message_bytes(asked, "principal_filter"),
        .host = message_bytes(asked, "host_filter"),
    };
    return out->type >= ACL_ANY && out->pattern >= ACL_ANY && out->pattern <= ACL_PREFIXED &&
           out->operation >= ACL_ANY && out->operation <= ACL_OPERATION_LAST &&
           out->permission >= ACL_ANY && out->permission <= ACL_ALLOW;
}

static Message *resource_of(Call *call, const Acl *acl)
{
    for (int32_t i = 0; i < message_count(call->response, "resources"); i++) {
        const Message *resource = message_item(call->response, "resources", i);
        if (message_number(resource, "resource_type") == acl->type &&
            message_number(resource, "pattern_type") == acl->pattern &&
            str_equal(message_bytes(resource, "resource_name"), acl->name))
            return (Message *)resource;
    }
    Message *resource = message_append(call->response, "resources", call->arena);
    message_set_number(resource, "resource_type", acl->type);
    message_set_bytes(resource, "resource_name", str_copy(call->arena, acl->name));
    message_set_number(resource, "pattern_type", acl->pattern);
    return resource;
}

static void put_entry(Call *call, const Acl *acl, Message *out)
{
    message_set_bytes(out, "principal", str_copy(call->arena, acl->principal));
    message_set_bytes(out, "host", str_copy(call->arena, acl->host));
    message_set_number(out, "operation", acl->operation);
    message_set_number(out, "permission_type", acl->permission);
}

CallState handle_describe_acls(Call *call)
{
    const Acls *acls = call->broker->config.acls;
    const char *message;
    AclFilter filter;
    WireError code = check_admin(call, ACL_DESCRIBE, &message);
    if (code == WIRE_NONE && !read_filter(call->request, &filter))
        code = WIRE_INVALID_REQUEST;
    message_set_number(call->response, "error_code", code);
    message_set_text(call->response, "error_message", message);
    for (int32_t i = 0; code == WIRE_NONE && i < acls_count(acls); i++) {
        const Acl *acl = acls_at(acls, i);
        if (acl_fits(acl, &filter))
            put_entry(call, acl, message_append(resource_of(call, acl), "acls", call->arena));
    }
    return CALL_DONE;
}

/* ---- CreateAcls ------------------------------------------------------------------------------ */

static WireError read_acl(const Message *asked, Acl *out, const char **message)
{
    int64_t type = message_number(asked, "resource_type");
    int64_t pattern = message_number(asked, "resource_pattern_type");
    int64_t operation = message_number(asked, "operation");
    int64_t permission = message_number(asked, "permission_type");
    *out = (Acl){.type = (AclType)type,
                 .pattern = (AclPattern)pattern,
                 .name = message_bytes(asked, "resource_name"),
                 .principal = message_bytes(asked, "principal"),
                 .host = message_bytes(asked, "host"),
                 .operation = (AclOperation)operation,
                 .permission = (AclPermission)permission};
    *message =
        type < ACL_TOPIC || type > ACL_TRANSACTION
            ? "Rules are kept of topics, groups, the cluster and transactional ids"
        : pattern != ACL_LITERAL && pattern != ACL_PREFIXED     ? "Invalid patternType"
        : operation < ACL_ALL || operation > ACL_OPERATION_LAST ? "Invalid operation"
        : permission != ACL_DENY && permission != ACL_ALLOW     ? "Invalid permissionType"
        : out->name.length == 0 ? "Resource name should not be empty"
        : type == ACL_CLUSTER && !str_is(out->name, ACL_CLUSTER_NAME)
            ? "The only valid name for the CLUSTER resource is " ACL_CLUSTER_NAME
        : str_find(out->principal, STR(":")) < 1
            ? "Could not parse principal from it (no colon is present separating the principal "
              "type from the principal name)"
        : !text_is_plain(out->name) || !text_is_plain(out->principal) || !text_is_plain(out->host)
            ? "A text has control characters, or is too long"
            : NULL;
    return *message == NULL ? WIRE_NONE : WIRE_INVALID_REQUEST;
}

CallState handle_create_acls(Call *call)
{
    int32_t count = message_count(call->request, "creations"), good_count = 0;
    Acl *good = ARENA_ARRAY(call->arena, Acl, count + 1);
    Message **answers = ARENA_ARRAY(call->arena, Message *, count + 1);
    const char *refusal;
    WireError refused = check_admin(call, ACL_ALTER, &refusal);
    for (int32_t i = 0; i < count; i++) {
        const char *message = refusal;
        WireError code = refused;
        Message *answer = message_append(call->response, "results", call->arena);
        if (code == WIRE_NONE)
            code =
                read_acl(message_item(call->request, "creations", i), &good[good_count], &message);
        if (code == WIRE_NONE)
            answers[good_count++] = answer;
        message_set_number(answer, "error_code", code);
        message_set_text(answer, "error_message", message);
    }
    Error error = {0};
    if (good_count == 0 || acls_add(call->broker->config.acls, good, good_count, &error) == OK)
        return CALL_DONE;
    WireError code = broker_error(error.status, &error);
    for (int32_t i = 0; i < good_count; i++)
        message_set_number(answers[i], "error_code", code);
    return CALL_DONE;
}

/* ---- DeleteAcls ------------------------------------------------------------------------------ */

/* What goes is known before it does: the answers say it. */
static void answer_matches(Call *call, const AclFilter *filter, Message *answer)
{
    const Acls *acls = call->broker->config.acls;
    for (int32_t i = 0; i < acls_count(acls); i++) {
        const Acl *acl = acls_at(acls, i);
        if (!acl_fits(acl, filter))
            continue;
        Message *item = message_append(answer, "matching_acls", call->arena);
        message_set_number(item, "resource_type", acl->type);
        message_set_bytes(item, "resource_name", str_copy(call->arena, acl->name));
        message_set_number(item, "pattern_type", acl->pattern);
        put_entry(call, acl, item);
    }
}

CallState handle_delete_acls(Call *call)
{
    int32_t count = message_count(call->request, "filters"), good_count = 0;
    AclFilter *good = ARENA_ARRAY(call->arena, AclFilter, count + 1);
    const char *message;
    WireError refused = check_admin(call, ACL_ALTER, &message);
    for (int32_t i = 0; i < count; i++) {
        WireError code = refused;
        Message *answer = message_append(call->response, "filter_results", call->arena);
        if (code == WIRE_NONE &&
            !read_filter(message_item(call->request, "filters", i), &good[good_count]))
            code = WIRE_INVALID_REQUEST;
        if (code == WIRE_NONE)
            answer_matches(call, &good[good_count++], answer);
        message_set_number(answer, "error_code", code);
        message_set_text(answer, "error_message", message);
    }
    Error error = {0};
    if (good_count == 0 || acls_remove(call->broker->config.acls, good, good_count, &error) == OK)
        return CALL_DONE;
    WireError code = broker_error(error.status, &error);
    for (int32_t i = 0; i < count; i++) {
        Message *answer = (Message *)message_item(call->response, "filter_results", i);
        if (message_number(answer, "error_code") == WIRE_NONE)
            message_set_number(answer, "error_code", code);
    }
    return CALL_DONE;
}
