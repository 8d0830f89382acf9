/* Keys for machines: who may produce to, consume from and manage which topics, and how fast.
 *
 *     weir_KEYID_SECRETSECRETSECRETSECRETSECRETSECRETSECRET_CHECK
 *
 * The file DIR/keys has a line per key, with the SHA-256 of it: the key itself is shown once and is
 * nowhere. The secret has 256 bits, so a plain hash will do; CHECK tells a mistyped key, and
 * scanners what they have found. */
#ifndef WEIR_HUB_KEYS_H
#define WEIR_HUB_KEYS_H

#include <pthread.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/status.h"
#include "base/world.h"

enum { KEY_ID_BYTES = 8, KEY_TEXT_BYTES_MAX = 96, KEY_HASH_BYTES = 32, KEYS_MAX = 10000 };

typedef enum KeyRole {
    KEY_CONSUME = 1,
    KEY_PRODUCE = 2,
    KEY_ADMIN = 4, /* and all of the others */
} KeyRole;

typedef struct Key {
    char id[KEY_ID_BYTES + 1];
    const char *name;
    uint32_t roles;     /* bits of KeyRole */
    const char *topics; /* patterns separated by commas; `*` at an end stands for any text */
    int64_t records_per_second, bytes_per_second; /* 0: no limit */
    int64_t created_us, expires_us;               /* 0: never */
    uint8_t hash[KEY_HASH_BYTES];
} Key;

typedef struct Keys Keys;

/* Read the file in `folder`, if there is one. Close with keys_close. WR5501: a line of it is none.
 */
Status keys_open(World *world, const char *folder, Keys **out, Error *error);
void keys_close(Keys *keys);

/* A new key with what `like` says; `text` gets the key, to be shown once. Durable when OK. */
Status keys_create(Keys *keys, const Key *like, char text[KEY_TEXT_BYTES_MAX], Error *error);

/* ERR_NOT_FOUND (WR5502): there is none with that id or name. */
Status keys_revoke(Keys *keys, Str id_or_name, Error *error);

int32_t keys_count(Keys *keys);

/* All of them (Key *), copied into the arena. */
void keys_list(Keys *keys, Arena *arena, List *out);

/* Whoever has this key, copied into the arena; false: nobody has, or it has expired. From any
 * thread. What another process has created or revoked counts within a second. */
bool keys_find(Keys *keys, Str text, Arena *arena, Key *out);

/* Whether the key, as it was found, is still one, and not over. From any thread. */
bool keys_have(Keys *keys, const Key *key);

/* Whether the key is good for that role and topic; to produce to the topic of schemas takes the
 * role admin. */
bool key_may(const Key *key, KeyRole role, Str topic);

/* What it has used of its limits: 0 if it may go on, or how many microseconds to wait. */
int64_t keys_throttle(Keys *keys, const Key *key);
/* It has produced so much, or read by HTTP. */
void keys_charge(Keys *keys, const Key *key, int64_t records, int64_t bytes);

#endif
