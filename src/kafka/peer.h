/* Who is at the other end of a connection: how he comes in, as whom, and for how long.
 *
 *     SaslHandshake ─> SaslAuthenticate, once or twice ─> open ─> … ─> again, if logins end
 *
 * With version 0 of the handshake the tokens that follow are frames without a header. */
#ifndef WEIR_KAFKA_PEER_H
#define WEIR_KAFKA_PEER_H

#include "base/buffer.h"
#include "base/world.h"
#include "hub/keys.h"
#include "hub/users.h"

typedef struct Peer Peer;
typedef struct Logins Logins;

typedef enum Mechanism {
    MECHANISM_NONE = 0,
    MECHANISM_SCRAM_SHA_256 = SCRAM_SHA_256,
    MECHANISM_SCRAM_SHA_512 = SCRAM_SHA_512,
    MECHANISM_PLAIN = 3,
} Mechanism;

enum { MECHANISM_COUNT = 3 };

/* "PLAIN"; those that there are, from 1 on. */
const char *mechanism_name(Mechanism mechanism);
/* MECHANISM_NONE: there is none of that name. */
Mechanism mechanism_of(Str name);

typedef struct LoginsConfig {
    uint32_t mechanisms; /* bits, 1 << Mechanism; 0: nobody has to log in */
    Users *users;        /* borrowed; NULL without mechanisms */
    Keys *keys;          /* borrowed; may be NULL: none are known */
    int64_t lifetime_ms; /* of a login; 0: as long as the connection */
} LoginsConfig;

/* What the sessions of a broker share: who there is, and who has failed lately. */
Logins *logins_new(World *world, const LoginsConfig *config);
/* NULL is allowed. */
void logins_free(Logins *logins);
const LoginsConfig *logins_config(const Logins *logins);

typedef struct PeerOrigin {
    const char *host;      /* the client's address, or "" within the process */
    const char *told_host; /* where he is sent for all else; NULL as "" */
    int32_t told_port;
    const char *subject; /* of his certificate, as RFC 2253 has it; NULL: he has none */
    bool is_inner;       /* within the process: he may everything */
    bool takes_files;    /* the system can send to him what lies in files */
} PeerOrigin;

Peer *peer_new(Logins *logins, const PeerOrigin *origin);
/* NULL is allowed. */
void peer_free(Peer *peer);

/* The principal without "User:", as of now. */
const char *peer_user(const Peer *peer);
const char *peer_host(const Peer *peer);
const char *peer_told_host(const Peer *peer);
int32_t peer_told_port(const Peer *peer);
bool peer_is_inner(const Peer *peer);
bool peer_takes_files(const Peer *peer);
/* The key that he has come in with; NULL: it was none. */
const Key *peer_key(const Peer *peer);

/* Whether he may ask for anything: he is known, his login is not over and still what it was. */
bool peer_is_open(Peer *peer);
/* Nothing more can come of it: what is on its way is sent, then the connection closes. */
bool peer_has_failed(const Peer *peer);
/* He is not in yet. */
bool peer_is_greeting(const Peer *peer);
/* The next frame is a token. */
bool peer_takes_token(const Peer *peer);

/* When his token may be looked at, by the monotonic clock: 0 for now; later where others from his
 * address have failed lately. To be asked once, before the token is taken. False: too many wait; he
 * has failed, too. */
bool peer_take_slot(Peer *peer, int64_t *start_us);

typedef enum PeerVerdict {
    PEER_GOES_ON, /* there is an answer, and it is the client's turn */
    PEER_IS_OPEN, /* there is an answer, and he is in */
    PEER_REFUSED, /* there is a reason */
} PeerVerdict;

/* Begin with a mechanism. False: it is none of those that there are. */
bool peer_handshake(Peer *peer, Mechanism mechanism, bool has_headers);
/* Whether it is his turn to send a token. */
bool peer_expects_token(const Peer *peer);
/* Take his token; the answer is appended to `answer`, the reason is for him to read. */
PeerVerdict peer_take_token(Peer *peer, Str token, Buffer *answer, const char **reason);
/* How long the login lasts, in milliseconds; 0: as long as the connection. */
int64_t peer_lifetime_ms(const Peer *peer);

#endif
