/* Tokens of a login, whoever sends them: what is no mechanism's message is refused. The first byte
 * says which mechanism; a line end is between the first token and the second. */
#include <stddef.h>
#include <string.h>

#include "kafka/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_mechanism(Users *users, Mechanism mechanism, Str first, Str second)
{
    Logins *logins =
        logins_new(world_system(), &(LoginsConfig){.mechanisms = 1u << mechanism, .users = users});
    Peer *peer = peer_new(logins, &(PeerOrigin){.host = "h"});
    Buffer answer = {0};
    const char *reason = NULL;
    if (peer_handshake(peer, mechanism, true)) {
        PeerVerdict verdict = peer_take_token(peer, first, &answer, &reason);
        if (verdict == PEER_GOES_ON)
            verdict = peer_take_token(peer, second, &answer, &reason);
        if (verdict == PEER_IS_OPEN)
            __builtin_trap(); /* nobody knows a password */
    }
    buffer_free(&answer);
    peer_free(peer);
    logins_free(logins);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Users *users;
    Error error;
    if (users == NULL && users_open(world_system(), "/tmp/weir-login-fuzz", &users, &error) != OK)
        return 0;
    if (size < 2)
        return 0;
    Str rest, all = str_make((const char *)data + 1, (int64_t)size - 1);
    Mechanism mechanism = (Mechanism)(data[0] % MECHANISM_COUNT + 1);
    Str first = mechanism == MECHANISM_PLAIN ? all : str_split(all, '\n', &rest);
    try_mechanism(users, mechanism, first, mechanism == MECHANISM_PLAIN ? (Str){0} : rest);
    return 0;
}
