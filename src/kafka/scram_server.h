/* The server's side of SCRAM (RFC 5802): two messages come, two go.
 *
 *     n,,n=user,r=CLIENT           ─>
 *                                  <─  r=CLIENT SERVER,s=SALT,i=4096
 *     c=biws,r=CLIENT SERVER,p=…   ─>
 *                                  <─  v=SIGNATURE
 *
 * Who asks for a user that is not there gets a challenge like any other, always the same one. */
#ifndef WEIR_KAFKA_SCRAM_SERVER_H
#define WEIR_KAFKA_SCRAM_SERVER_H

#include "base/buffer.h"
#include "hub/users.h"

typedef struct ScramServer {
    ScramKind kind;
    Str user, greeting;      /* the latter: what is before the first message's own part */
    Str first;               /* his first message without that */
    Str client_nonce, nonce; /* his, and both sides' */
    Str challenge;
    Verifier verifier;
} ScramServer;

/* What salts of users that are not there are made of. */
typedef struct ScramSecret {
    uint8_t bytes[SCRAM_BYTES_MAX];
} ScramSecret;

ScramSecret scram_secret_new(World *world);

/* His first message; `user` is decoded. False: it is none, or asks for what there is not. */
bool scram_server_begin(ScramServer *scram, ScramKind kind, Str message, Arena *arena, Str *user);

/* `verifier` NULL: there is no such user. */
void scram_server_challenge(ScramServer *scram, World *world, Arena *arena,
                            const Verifier *verifier, const ScramSecret *secret, Buffer *out);

/* His second message, with the proof. False: he does not know the password. */
bool scram_server_finish(const ScramServer *scram, Str message, Buffer *out);

#endif
