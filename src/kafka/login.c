/* Logging in: SaslHandshake and SaslAuthenticate; and who may: the verifiers of SCRAM. */
#include <assert.h>

#include "kafka/access.h"

/* ---- SaslHandshake, SaslAuthenticate --------------------------------------------------------- */

static CallState answer_code(Call *call, WireError code)
{
    message_set_number(call->response, "error_code", code);
    return CALL_DONE;
}

CallState handle_sasl_handshake(Call *call)
{
    const LoginsConfig *config = logins_config(call->broker->config.logins);
    bool has_come_in = peer_is_open(call->peer);
    for (int32_t i = 1; i <= MECHANISM_COUNT; i++)
        if ((config->mechanisms >> i & 1) != 0)
            message_set_text(message_append(call->response, "mechanisms", call->arena), "",
                             mechanism_name((Mechanism)i));
    if (config->mechanisms == 0 || (has_come_in && config->lifetime_ms == 0) ||
        peer_expects_token(call->peer))
        return answer_code(call, WIRE_ILLEGAL_SASL_STATE);
    Mechanism mechanism = mechanism_of(message_bytes(call->request, "mechanism"));
    bool is_known = peer_handshake(call->peer, mechanism, call->version.number >= 1);
    return answer_code(call, is_known ? WIRE_NONE : WIRE_UNSUPPORTED_SASL_MECHANISM);
}

/* The bytes of the answer are the arena's. */
static void answer_token(Call *call)
{
    Buffer answer = {0};
    const char *reason = NULL;
    PeerVerdict verdict =
        peer_take_token(call->peer, message_bytes(call->request, "auth_bytes"), &answer, &reason);
    Str bytes = answer.length > 0 ? str_copy(call->arena, buffer_str(&answer)) : STR("");
    buffer_free(&answer);
    message_set_bytes(call->response, "auth_bytes", bytes);
    if (verdict == PEER_IS_OPEN)
        message_set_number(call->response, "session_lifetime_ms", peer_lifetime_ms(call->peer));
    if (verdict != PEER_REFUSED)
        return;
    message_set_number(call->response, "error_code", WIRE_SASL_AUTHENTICATION_FAILED);
    message_set_text(call->response, "error_message", reason);
}

CallState handle_sasl_authenticate(Call *call)
{
    if (!peer_expects_token(call->peer)) {
        message_set_text(call->response, "error_message",
                         "SaslAuthenticate request received after successful authentication");
        message_set_bytes(call->response, "auth_bytes", STR(""));
        return answer_code(call, WIRE_ILLEGAL_SASL_STATE);
    }
    if (!call->has_begun && !peer_take_slot(call->peer, &call->deadline_us)) {
        message_set_text(call->response, "error_message",
                         "Too many logins from this address have failed");
        message_set_bytes(call->response, "auth_bytes", STR(""));
        return answer_code(call, WIRE_SASL_AUTHENTICATION_FAILED);
    }
    if (call->deadline_us != 0 && !call->is_late)
        return CALL_WAITS;
    answer_token(call);
    return CALL_DONE;
}

/* ---- DescribeUserScramCredentials ------------------------------------------------------------ */

static bool describe_user(Call *call, const User *user, Message *result)
{
    for (int32_t k = SCRAM_SHA_256; k <= SCRAM_SHA_512; k++) {
        const Verifier *verifier = user_verifier(user, (ScramKind)k);
        if (verifier == NULL)
            continue;
        Message *item = message_append(result, "credential_infos", call->arena);
        message_set_number(item, "mechanism", k);
        message_set_number(item, "iterations", verifier->iterations);
    }
    return message_count(result, "credential_infos") > 0;
}

static void describe_asked(Call *call, Str name, int32_t times)
{
    Users *users = logins_config(call->broker->config.logins)->users;
    const User *user = users != NULL ? users_find(users, name) : NULL;
    Message *result = message_append(call->response, "results", call->arena);
    message_set_bytes(result, "user", name);
    if (times > 1) {
        message_set_number(result, "error_code", WIRE_DUPLICATE_RESOURCE);
        message_set_text(result, "error_message",
                         arena_printf(call->arena,
                                      "Cannot describe SCRAM credentials for the same user twice "
                                      "in a single request: %.*s",
                                      STR_ARGS(name)));
    } else if (user == NULL || !describe_user(call, user, result)) {
        message_set_number(result, "error_code", WIRE_RESOURCE_NOT_FOUND);
        message_set_text(result, "error_message",
                         arena_printf(call->arena,
                                      "Attempt to describe a user credential that does not exist: "
                                      "%.*s",
                                      STR_ARGS(name)));
    }
}

static int32_t count_asked(const Message *request, Str name)
{
    int32_t count = 0;
    for (int32_t i = 0; i < message_count(request, "users"); i++)
        count += str_equal(message_bytes(message_item(request, "users", i), "name"), name);
    return count;
}

CallState handle_describe_scram(Call *call)
{
    Users *users = logins_config(call->broker->config.logins)->users;
    int32_t count = message_count(call->request, "users");
    if (call_is_refused(call, ACL_DESCRIBE, ACL_CLUSTER, STR(ACL_CLUSTER_NAME)))
        return CALL_DONE;
    if (users != NULL)
        users_refresh(users);
    for (int32_t i = 0; i < count; i++) {
        Str name = message_bytes(message_item(call->request, "users", i), "name");
        bool is_first = true;
        for (int32_t k = 0; k < i && is_first; k++)
            is_first =
                !str_equal(message_bytes(message_item(call->request, "users", k), "name"), name);
        if (is_first)
            describe_asked(call, name, count_asked(call->request, name));
    }
    for (int32_t i = 0; count == 0 && users != NULL && i < users_count(users); i++) {
        Message *result = message_append(call->response, "results", call->arena);
        const User *user = users_at(users, i);
        message_set_text(result, "user", user->name);
        bool is_any = describe_user(call, user, result);
        assert(is_any);
    }
    return CALL_DONE;
}

/* ---- AlterUserScramCredentials --------------------------------------------------------------- */

/* What is wrong with a change by itself. */
static WireError check_change(const Users *users, const Message *asked, bool sets,
                              const char **message)
{
    Str name = message_bytes(asked, "name");
    int64_t kind = message_number(asked, "mechanism");
    if (name.length == 0) {
        *message = "Username must not be empty";
        return WIRE_UNACCEPTABLE_CREDENTIAL;
    }
    if (kind != SCRAM_SHA_256 && kind != SCRAM_SHA_512) {
        *message = "Unknown SCRAM mechanism";
        return WIRE_UNSUPPORTED_SASL_MECHANISM;
    }
    const User *user = users_find(users, name);
    if (!sets) {
        *message = "Attempt to delete a user credential that does not exist";
        return user != NULL && user_verifier(user, (ScramKind)kind) != NULL
                   ? WIRE_NONE
                   : WIRE_RESOURCE_NOT_FOUND;
    }
    int64_t iterations = message_number(asked, "iterations");
    Str salt = message_bytes(asked, "salt");
    *message = !user_name_is_valid(name) ? "The name has control characters, or is too long"
               : salt.length == 0 || salt.length > USER_SALT_BYTES_MAX
                   ? "The salt is empty, or too long"
               : message_bytes(asked, "salted_password").length != scram_bytes((ScramKind)kind)
                   ? "The salted password has another length than the mechanism's hash"
               : iterations < SCRAM_ITERATIONS_LEAST ? "Too few iterations"
               : iterations > SCRAM_ITERATIONS_MOST  ? "Too many iterations"
                                                     : NULL;
    return *message == NULL ? WIRE_NONE : WIRE_UNACCEPTABLE_CREDENTIAL;
}

/* How many changes of the request are of this user's verifier of this kind. */
static int32_t count_changes(const Message *request, const char *field, const Message *asked)
{
    int32_t count = 0;
    for (int32_t i = 0; i < message_count(request, field); i++) {
        const Message *item = message_item(request, field, i);
        count += str_equal(message_bytes(item, "name"), message_bytes(asked, "name")) &&
                 message_number(item, "mechanism") == message_number(asked, "mechanism");
    }
    return count;
}

static WireError judge_change(Call *call, const Message *asked, bool sets, const char **message)
{
    const Users *users = logins_config(call->broker->config.logins)->users;
    WireError refused = call_check_cluster(call, ACL_ALTER);
    if (refused != WIRE_NONE || users == NULL)
        return refused != WIRE_NONE ? refused : WIRE_UNSUPPORTED_SASL_MECHANISM;
    if (count_changes(call->request, "deletions", asked) +
            count_changes(call->request, "upsertions", asked) >
        1) {
        *message = "A user credential cannot be altered twice in the same request";
        return WIRE_DUPLICATE_RESOURCE;
    }
    return check_change(users, asked, sets, message);
}

/* One answer for each user: what is wrong with any of his changes is wrong with all of them. */
static Message *result_of(Call *call, Str name)
{
    for (int32_t i = 0; i < message_count(call->response, "results"); i++) {
        const Message *result = message_item(call->response, "results", i);
        if (str_equal(message_bytes(result, "user"), name))
            return (Message *)result;
    }
    Message *result = message_append(call->response, "results", call->arena);
    message_set_bytes(result, "user", name);
    return result;
}

static const char *const change_fields[] = {"deletions", "upsertions"};

static int32_t collect_changes(Call *call, UserChange *changes)
{
    int32_t count = 0;
    for (int32_t sets = 0; sets <= 1; sets++)
        for (int32_t i = 0; i < message_count(call->request, change_fields[sets]); i++) {
            const Message *asked = message_item(call->request, change_fields[sets], i);
            Str name = message_bytes(asked, "name");
            if (message_number(result_of(call, name), "error_code") != WIRE_NONE)
                continue;
            changes[count++] = (UserChange){
                .name = name,
                .kind = (ScramKind)message_number(asked, "mechanism"),
                .iterations = sets ? (int32_t)message_number(asked, "iterations") : 0,
                .salt = sets ? message_bytes(asked, "salt") : (Str){0},
                .salted =
                    sets ? (const uint8_t *)message_bytes(asked, "salted_password").data : NULL,
            };
        }
    return count;
}

CallState handle_alter_scram(Call *call)
{
    Users *users = logins_config(call->broker->config.logins)->users;
    int32_t most = 1;
    if (users != NULL)
        users_refresh(users);
    for (int32_t sets = 0; sets <= 1; sets++)
        for (int32_t i = 0; i < message_count(call->request, change_fields[sets]); i++, most++) {
            const Message *asked = message_item(call->request, change_fields[sets], i);
            const char *message = NULL;
            Message *result = result_of(call, message_bytes(asked, "name"));
            WireError code = judge_change(call, asked, sets != 0, &message);
            if (code == WIRE_NONE || message_number(result, "error_code") != WIRE_NONE)
                continue;
            message_set_number(result, "error_code", code);
            message_set_text(result, "error_message", message);
        }
    UserChange *changes = ARENA_ARRAY(call->arena, UserChange, most);
    int32_t count = collect_changes(call, changes);
    Error error = {0};
    if (count == 0 || users_change(users, changes, count, &error) == OK)
        return CALL_DONE;
    WireError code = broker_error(error.status, &error);
    for (int32_t i = 0; i < count; i++)
        message_set_number(result_of(call, changes[i].name), "error_code", code);
    return CALL_DONE;
}
