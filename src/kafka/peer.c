#include "kafka/peer.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/base64.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "kafka/scram_server.h"

enum {
    HOSTS_MAX = 256, /* whose failures are remembered */
    HOST_BYTES = 64,
    FORGET_US = 60 * 1000 * 1000,  /* a failure counts so long */
    SLOT_US = 100 * 1000,          /* between logins, doubled by each failure … */
    SLOT_US_MAX = 1000 * 1000,     /* … up to that */
    WAIT_US_MAX = 5 * 1000 * 1000, /* for a slot; who would wait longer is refused */
    PASSWORD_BYTES_MAX = 1024,
};

/* An address that logins have failed from. */
typedef struct FailedHost {
    char host[HOST_BYTES];
    int32_t failures;
    int64_t failed_us, free_us; /* the last time; when the next login may be looked at */
} FailedHost;

struct Logins {
    World *world;
    LoginsConfig config;
    ScramSecret secret;
    FailedHost hosts[HOSTS_MAX];
};

typedef enum PeerState {
    PEER_NEW,     /* nothing is known of him */
    PEER_CHOSEN,  /* the mechanism is; a token is expected */
    PEER_PROVING, /* his second token is expected */
    PEER_OPEN,
    PEER_FAILED,
} PeerState;

struct Peer {
    Logins *logins;
    Arena *arena;
    const char *host, *told_host;
    int32_t told_port;
    bool is_inner, takes_files, has_logged_in;
    bool is_raw; /* tokens come without headers */
    PeerState state;
    Mechanism mechanism;
    ScramServer scram;
    const char *user;
    Key *key;                            /* NULL: none */
    uint8_t stored_key[SCRAM_BYTES_MAX]; /* as it was when he came in */
    ScramKind stored_kind;
    int64_t users_version;
    int64_t ends_us; /* by the monotonic clock; 0: never */
};

/* ---- Mechanisms -------------------------------------------------------------------------- */

const char *mechanism_name(Mechanism mechanism)
{
    if (mechanism == MECHANISM_PLAIN)
        return "PLAIN";
    assert(mechanism != MECHANISM_NONE);
    return scram_name((ScramKind)mechanism);
}

Mechanism mechanism_of(Str name)
{
    for (int32_t i = 1; i <= MECHANISM_COUNT; i++)
        if (str_is(name, mechanism_name((Mechanism)i)))
            return (Mechanism)i;
    return MECHANISM_NONE;
}

/* ---- What sessions share ----------------------------------------------------------------- */

Logins *logins_new(World *world, const LoginsConfig *config)
{
    Logins *logins = memory_allocate_zeroed((int64_t)sizeof *logins);
    logins->world = world;
    logins->config = *config;
    logins->secret = scram_secret_new(world);
    return logins;
}

void logins_free(Logins *logins)
{
    memory_free(logins);
}

const LoginsConfig *logins_config(const Logins *logins)
{
    return &logins->config;
}

/* The entry of the host; if it has none, the one that has waited longest is given up for it, if
 * `makes`, else NULL. */
static FailedHost *find_host(Logins *logins, const char *host, bool makes)
{
    FailedHost *oldest = &logins->hosts[0];
    for (int32_t i = 0; i < HOSTS_MAX; i++) {
        FailedHost *at = &logins->hosts[i];
        if (at->failures > 0 && strcmp(at->host, host) == 0)
            return at;
        if (at->failed_us < oldest->failed_us)
            oldest = at;
    }
    if (!makes)
        return NULL;
    *oldest = (FailedHost){0};
    snprintf(oldest->host, sizeof oldest->host, "%s", host);
    return oldest;
}

static void note_failure(Peer *peer)
{
    Logins *logins = peer->logins;
    int64_t now_us = world_monotonic_us(logins->world);
    FailedHost *host = find_host(logins, peer->host, true);
    if (now_us - host->failed_us > FORGET_US)
        host->failures = 0;
    host->failures++;
    host->failed_us = now_us;
    metric_add(metric_get(METRIC_COUNTER, "weir_hub_logins_failed_total", "",
                          "Logins of Kafka clients with a name or password that is not known.", 1),
               1);
}

bool peer_take_slot(Peer *peer, int64_t *start_us)
{
    Logins *logins = peer->logins;
    int64_t now_us = world_monotonic_us(logins->world);
    FailedHost *host = find_host(logins, peer->host, false);
    *start_us = 0;
    if (host == NULL || peer->state == PEER_PROVING || now_us - host->failed_us > FORGET_US)
        return true;
    int64_t slot_us = SLOT_US;
    for (int32_t i = 1; i < host->failures && slot_us < SLOT_US_MAX; i++)
        slot_us *= 2;
    *start_us = (host->free_us > now_us ? host->free_us : now_us) +
                (slot_us < SLOT_US_MAX ? slot_us : SLOT_US_MAX);
    if (*start_us - now_us > WAIT_US_MAX) {
        peer->state = PEER_FAILED;
        return false;
    }
    host->free_us = *start_us;
    return true;
}

/* ---- Peers ------------------------------------------------------------------------------- */

Peer *peer_new(Logins *logins, const PeerOrigin *origin)
{
    Arena *arena = arena_new(0);
    Peer *peer = ARENA_NEW(arena, Peer);
    *peer = (Peer){
        .logins = logins,
        .arena = arena,
        .host = arena_printf(arena, "%s", origin->host),
        .told_host = arena_printf(arena, "%s", origin->told_host != NULL ? origin->told_host : ""),
        .told_port = origin->told_port,
        .is_inner = origin->is_inner,
        .takes_files = origin->takes_files,
        .user = origin->subject != NULL ? arena_printf(arena, "%s", origin->subject) : "ANONYMOUS",
    };
    if (origin->is_inner || logins->config.mechanisms == 0)
        peer->state = PEER_OPEN;
    return peer;
}

void peer_free(Peer *peer)
{
    if (peer == NULL)
        return;
    arena_free(peer->arena);
}

const char *peer_user(const Peer *peer)
{
    return peer->user;
}

const char *peer_host(const Peer *peer)
{
    return peer->host;
}

const char *peer_told_host(const Peer *peer)
{
    return peer->told_host;
}

int32_t peer_told_port(const Peer *peer)
{
    return peer->told_port;
}

bool peer_is_inner(const Peer *peer)
{
    return peer->is_inner;
}

bool peer_takes_files(const Peer *peer)
{
    return peer->takes_files;
}

const Key *peer_key(const Peer *peer)
{
    return peer->key;
}

/* Whether the user still is there with the password that he came in with. */
static bool user_is_as_before(Peer *peer)
{
    Users *users = peer->logins->config.users;
    users_refresh(users);
    if (users_version(users) == peer->users_version)
        return true;
    peer->users_version = users_version(users);
    const User *user = users_find(users, str_from(peer->user));
    const Verifier *verifier = user != NULL ? user_verifier(user, peer->stored_kind) : NULL;
    return verifier != NULL && CRYPTO_memcmp(verifier->stored_key, peer->stored_key,
                                             (size_t)scram_bytes(peer->stored_kind)) == 0;
}

bool peer_is_open(Peer *peer)
{
    if (peer->state != PEER_OPEN)
        return false;
    if (!peer->has_logged_in)
        return true;
    bool is_over = peer->ends_us != 0 && world_monotonic_us(peer->logins->world) >= peer->ends_us;
    bool is_known = peer->key != NULL ? keys_have(peer->logins->config.keys, peer->key)
                                      : user_is_as_before(peer);
    if (is_over || !is_known)
        peer->state = PEER_FAILED;
    return peer->state == PEER_OPEN;
}

bool peer_has_failed(const Peer *peer)
{
    return peer->state == PEER_FAILED;
}

bool peer_is_greeting(const Peer *peer)
{
    return peer->state < PEER_OPEN;
}

bool peer_expects_token(const Peer *peer)
{
    return peer->state == PEER_CHOSEN || peer->state == PEER_PROVING;
}

bool peer_takes_token(const Peer *peer)
{
    return peer->is_raw && peer_expects_token(peer);
}

int64_t peer_lifetime_ms(const Peer *peer)
{
    return peer->logins->config.lifetime_ms;
}

/* ---- Logging in -------------------------------------------------------------------------- */

bool peer_handshake(Peer *peer, Mechanism mechanism, bool has_headers)
{
    bool is_known =
        mechanism != MECHANISM_NONE && (peer->logins->config.mechanisms >> mechanism & 1) != 0;
    bool is_same = !peer->has_logged_in || mechanism == peer->mechanism;
    peer->state = is_known && is_same ? PEER_CHOSEN : PEER_FAILED;
    peer->mechanism = mechanism;
    peer->is_raw = !has_headers;
    return peer->state != PEER_FAILED;
}

static PeerVerdict refuse(Peer *peer, const char *why, const char **reason)
{
    peer->state = PEER_FAILED;
    note_failure(peer);
    *reason = why;
    return PEER_REFUSED;
}

/* He is in; who was in before stays who he was. */
static PeerVerdict let_in(Peer *peer, Str user, const char **reason)
{
    if (peer->has_logged_in && !str_is(user, peer->user))
        return refuse(peer, "Cannot change principals during re-authentication", reason);
    int64_t lifetime_ms = peer->logins->config.lifetime_ms;
    peer->user = str_terminated(peer->arena, user);
    peer->has_logged_in = true;
    peer->is_raw = false;
    peer->state = PEER_OPEN;
    peer->ends_us =
        lifetime_ms > 0 ? world_monotonic_us(peer->logins->world) + lifetime_ms * 1000 : 0;
    return PEER_IS_OPEN;
}

static PeerVerdict let_user_in(Peer *peer, const User *user, ScramKind kind, const char **reason)
{
    const Verifier *verifier = user_verifier(user, kind);
    peer->stored_kind = kind;
    memcpy(peer->stored_key, verifier->stored_key, sizeof peer->stored_key);
    peer->users_version = users_version(peer->logins->config.users);
    return let_in(peer, str_from(user->name), reason);
}

static PeerVerdict take_plain(Peer *peer, Str token, const char **reason)
{
    static const char WRONG[] = "Authentication failed: Invalid username or password";
    Str rest = token;
    Str authorization = str_split(rest, '\0', &rest);
    Str name = rest.data != NULL ? str_split(rest, '\0', &rest) : (Str){0};
    Str password = rest;
    const LoginsConfig *config = &peer->logins->config;
    bool is_whole = name.length > 0 && password.length > 0 &&
                    password.length <= PASSWORD_BYTES_MAX &&
                    (authorization.length == 0 || str_equal(authorization, name));
    if (!is_whole)
        return refuse(peer, WRONG, reason);
    Key *key = ARENA_NEW(peer->arena, Key);
    if (config->keys != NULL && keys_find(config->keys, password, peer->arena, key) &&
        str_is(name, key->name)) {
        peer->key = key;
        return let_in(peer, name, reason);
    }
    users_refresh(config->users);
    const User *user = users_find(config->users, name);
    if (user == NULL || !user_knows(user, password))
        return refuse(peer, WRONG, reason);
    bool has_short = user_verifier(user, SCRAM_SHA_256) != NULL;
    return let_user_in(peer, user, has_short ? SCRAM_SHA_256 : SCRAM_SHA_512, reason);
}

static const char *wrong_scram(Peer *peer)
{
    return peer->mechanism == MECHANISM_SCRAM_SHA_512
               ? "Authentication failed during authentication due to invalid credentials with SASL "
                 "mechanism SCRAM-SHA-512"
               : "Authentication failed during authentication due to invalid credentials with SASL "
                 "mechanism SCRAM-SHA-256";
}

static PeerVerdict take_scram(Peer *peer, Str token, Buffer *answer, const char **reason)
{
    Users *users = peer->logins->config.users;
    ScramKind kind = (ScramKind)peer->mechanism;
    ScramServer *scram = &peer->scram;
    if (peer->state == PEER_CHOSEN) {
        Str name;
        if (!scram_server_begin(scram, kind, token, peer->arena, &name))
            return refuse(peer, wrong_scram(peer), reason);
        users_refresh(users);
        const User *user = users_find(users, name);
        scram_server_challenge(scram, peer->logins->world, peer->arena,
                               user != NULL ? user_verifier(user, kind) : NULL,
                               &peer->logins->secret, answer);
        peer->state = PEER_PROVING;
        return PEER_GOES_ON;
    }
    const User *user = users_find(users, scram->user);
    if (user == NULL || user_verifier(user, kind) == NULL ||
        !scram_server_finish(scram, token, answer))
        return refuse(peer, wrong_scram(peer), reason);
    return let_user_in(peer, user, kind, reason);
}

PeerVerdict peer_take_token(Peer *peer, Str token, Buffer *answer, const char **reason)
{
    assert(peer_expects_token(peer));
    return peer->mechanism == MECHANISM_PLAIN ? take_plain(peer, token, reason)
                                              : take_scram(peer, token, answer, reason);
}
