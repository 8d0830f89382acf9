/* Users of the hub: names with salted verifiers of their passwords (base/scram.h), from which no
 * password comes back. The file FOLDER/users has a line for each user and kind of hash:
 *
 *     NAME \t SCRAM-SHA-256 \t ITERATIONS \t SALT \t STORED KEY \t SERVER KEY        in hexadecimal
 *
 * Calls come from one thread at a time. */
#ifndef WEIR_HUB_USERS_H
#define WEIR_HUB_USERS_H

#include "base/list.h"
#include "base/scram.h"
#include "base/status.h"
#include "base/world.h"

enum { USERS_MAX = 10000, USER_NAME_BYTES_MAX = 255, USER_SALT_BYTES_MAX = 64 };
enum { SCRAM_ITERATIONS_MOST = 16384 };

typedef struct Verifier {
    int32_t iterations; /* 0: there is none of this kind */
    int32_t salt_bytes;
    uint8_t salt[USER_SALT_BYTES_MAX];
    uint8_t stored_key[SCRAM_BYTES_MAX], server_key[SCRAM_BYTES_MAX];
} Verifier;

typedef struct User {
    const char *name;
    Verifier verifiers[SCRAM_KIND_COUNT]; /* that of ScramKind k is the one before k */
} User;

typedef struct Users Users;

/* Read the file in `folder`, if there is one. Close with users_close. WR5501: a line is none. */
Status users_open(World *world, const char *folder, Users **out, Error *error);
/* NULL is allowed. */
void users_close(Users *users);

/* Whether the name does: no control characters, not empty, not too long. */
bool user_name_is_valid(Str name);

/* What another process has changed counts within a second; or at once, if a look is demanded. */
void users_refresh(Users *users);
/* Another number when anybody has changed. */
int64_t users_version(const Users *users);

int32_t users_count(const Users *users);
/* In the order of the file; until the next call that changes or refreshes. */
const User *users_at(const Users *users, int32_t index);
/* NULL: nobody has that name. */
const User *users_find(const Users *users, Str name);

/* NULL: of this kind there is none. */
const Verifier *user_verifier(const User *user, ScramKind kind);

/* Whether that is the password; takes as long as PBKDF2 with that many iterations. */
bool user_knows(const User *user, Str password);

/* A change of one verifier: it becomes that of `salted`, or goes if that is NULL. */
typedef struct UserChange {
    Str name;
    ScramKind kind;
    int32_t iterations;
    Str salt;
    const uint8_t *salted; /* scram_bytes of them */
} UserChange;

/* All of them, durably, or none. Names are valid, salts not too long. WR5505: too many users. */
Status users_change(Users *users, const UserChange *changes, int32_t count, Error *error);

/* A verifier of each kind of the password. The name is valid. */
Status users_set_password(Users *users, Str name, Str password, Error *error);
/* ERR_NOT_FOUND (WR5506): there is none of that name. */
Status users_revoke(Users *users, Str name, Error *error);

#endif
