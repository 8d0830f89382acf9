#include "hub/keys.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "hub/hex.h"
#include "hub/kept.h"
#include "hub/ledger.h"

#define KEY_PREFIX "weir_"

enum {
    SECRET_BYTES = 43, /* of 62 letters and digits: 256 bits */
    CHECK_BYTES = 6,
    BURST_US = 1000 * 1000, /* what may be used at once of a limit by the second */
    FIELD_COUNT = 9,
};

/* What is left of a key's limits; it outlives a new reading of the file. */
typedef struct KeyUse {
    char id[KEY_ID_BYTES + 1];
    int64_t updated_us;
    double records, bytes; /* that may be produced at once; below 0: too much was */
} KeyUse;

struct Keys {
    World *world;
    Arena *own;
    pthread_mutex_t mutex; /* guards the rest */
    Ledger ledger;
    Arena *arena; /* of the keys */
    List keys;    /* Key * */
    KeyUse *uses;
    int32_t use_count;
};

/* ---- Texts ------------------------------------------------------------------------------- */

static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static void put_number(char *out, int32_t count, uint64_t number)
{
    for (int32_t i = count - 1; i >= 0; i--, number /= 62)
        out[i] = letters[number % 62];
}

/* Without bias: numbers above the last multiple of 62 are not taken. */
static void put_random(World *world, char *out, int32_t count)
{
    for (int32_t i = 0; i < count;) {
        uint64_t random = world->kind->random_u64(world);
        for (int32_t k = 0; k < 8 && i < count; k++, random >>= 8)
            if ((random & 255) < 248)
                out[i++] = letters[(random & 255) % 62];
    }
}

static void key_hash(Str text, uint8_t out[KEY_HASH_BYTES])
{
    unsigned int length = 0;
    int is_done = EVP_Digest(text.data, (size_t)text.length, out, &length, EVP_sha256(), NULL);
    assert(is_done == 1 && length == KEY_HASH_BYTES);
}

/* weir_ID_SECRET_ and the check of all that. */
static bool text_is_whole(Str text)
{
    const int64_t head = (int64_t)strlen(KEY_PREFIX) + KEY_ID_BYTES + 1 + SECRET_BYTES + 1;
    char check[CHECK_BYTES];
    if (text.length != head + CHECK_BYTES || !str_has_prefix(text, STR(KEY_PREFIX)))
        return false;
    put_number(check, CHECK_BYTES, crc32c(0, text.data, head));
    return memcmp(text.data + head, check, CHECK_BYTES) == 0;
}

/* ---- The file ---------------------------------------------------------------------------- */

static bool parse_key(Arena *arena, Str line, Key *key)
{
    Str fields[FIELD_COUNT];
    int64_t roles;
    for (int32_t i = 0; i < FIELD_COUNT; i++) {
        if (line.data == NULL)
            return false;
        fields[i] = str_split(line, '\t', &line);
    }
    if (line.data != NULL || fields[0].length != KEY_ID_BYTES)
        return false;
    memcpy(key->id, fields[0].data, KEY_ID_BYTES);
    key->name = str_terminated(arena, fields[1]);
    key->topics = str_terminated(arena, fields[3]);
    bool is_whole = str_parse_int64(fields[2], &roles) &&
                    str_parse_int64(fields[4], &key->records_per_second) &&
                    str_parse_int64(fields[5], &key->bytes_per_second) &&
                    str_parse_int64(fields[6], &key->created_us) &&
                    str_parse_int64(fields[7], &key->expires_us) &&
                    hex_parse(fields[8], key->hash, KEY_HASH_BYTES);
    key->roles = is_whole ? (uint32_t)roles : 0;
    return is_whole;
}

static Status keys_parse(Keys *keys, Str text, Error *error)
{
    Arena *arena = arena_new(0);
    List found = {0};
    int32_t number = 1;
    bool is_whole = true;
    while (is_whole && text.length > 0) {
        Key *key = ARENA_NEW(arena, Key);
        *key = (Key){0};
        number++;
        is_whole = found.count < KEYS_MAX && parse_key(arena, str_split(text, '\n', &text), key);
        list_append(&found, arena, key);
    }
    if (!is_whole) {
        arena_free(arena);
        return ledger_fail(&keys->ledger, number, error);
    }
    arena_free(keys->arena);
    keys->arena = arena;
    keys->keys = found;
    return OK;
}

/* Read it again if it is another one. */
static Status keys_look(Keys *keys, Error *error)
{
    Arena *arena = arena_new(0);
    bool has_changed;
    Str lines;
    Status status = ledger_look(&keys->ledger, arena, &has_changed, &lines, error);
    if (status == OK && has_changed)
        status = keys_parse(keys, lines, error);
    arena_free(arena);
    return status;
}

static Status keys_write(Keys *keys, Error *error)
{
    Buffer out = {0};
    for (int32_t i = 0; i < keys->keys.count; i++) {
        const Key *key = LIST_AT(keys->keys, i, Key);
        buffer_printf(&out, "%s\t%s\t%u\t%s\t%lld\t%lld\t%lld\t%lld\t", key->id, key->name,
                      key->roles, key->topics, (long long)key->records_per_second,
                      (long long)key->bytes_per_second, (long long)key->created_us,
                      (long long)key->expires_us);
        hex_append(&out, key->hash, KEY_HASH_BYTES);
        buffer_append_char(&out, '\n');
    }
    Status status = ledger_write(&keys->ledger, buffer_str(&out), error);
    buffer_free(&out);
    return status;
}

Status keys_open(World *world, const char *folder, Keys **out, Error *error)
{
    Arena *own = arena_new(0);
    Keys *keys = ARENA_NEW(own, Keys);
    *keys = (Keys){.world = world,
                   .own = own,
                   .ledger = ledger_make(world, own, folder, "keys", "weir keys 1", "`weir key`"),
                   .arena = arena_new(0)};
    pthread_mutex_init(&keys->mutex, NULL);
    Status status = world->kind->make_folder(world, folder, error);
    if (status == OK)
        status = keys_look(keys, error);
    if (status == OK)
        *out = keys;
    else
        keys_close(keys);
    return status;
}

void keys_close(Keys *keys)
{
    if (keys == NULL)
        return;
    pthread_mutex_destroy(&keys->mutex);
    memory_free(keys->uses);
    arena_free(keys->arena);
    arena_free(keys->own);
}

/* ---- Changing ---------------------------------------------------------------------------- */

static const Key *keys_of(const Keys *keys, Str id_or_name)
{
    for (int32_t i = 0; i < keys->keys.count; i++) {
        const Key *key = LIST_AT(keys->keys, i, Key);
        if (str_is(id_or_name, key->id) || str_is(id_or_name, key->name))
            return key;
    }
    return NULL;
}

static Status keys_fail_new(const Keys *keys, const Key *like, Error *error)
{
    if (keys->keys.count == KEYS_MAX)
        return fail(error, ERR_LIMIT, "WR5503", "there are %d keys, and no more can be", KEYS_MAX);
    Status status = fail(error, ERR_INVALID, "WR5503", "there is a key `%s` already", like->name);
    error_hint(error, "revoke it first, or give the new one another name");
    return status;
}

static Status keys_add(Keys *keys, const Key *like, char text[KEY_TEXT_BYTES_MAX], Error *error)
{
    TRY(keys_look(keys, error));
    if (keys_of(keys, str_from(like->name)) != NULL || keys->keys.count == KEYS_MAX)
        return keys_fail_new(keys, like, error);
    Key *key = arena_copy(keys->arena, like, (int64_t)sizeof *like);
    key->name = arena_printf(keys->arena, "%s", like->name);
    key->topics = arena_printf(keys->arena, "%s", like->topics);
    key->created_us = world_clock_us(keys->world);
    put_random(keys->world, key->id, KEY_ID_BYTES);
    key->id[KEY_ID_BYTES] = '\0';
    char secret[SECRET_BYTES + 1] = "", check[CHECK_BYTES + 1] = "";
    put_random(keys->world, secret, SECRET_BYTES);
    int length = snprintf(text, KEY_TEXT_BYTES_MAX, KEY_PREFIX "%s_%s_", key->id, secret);
    put_number(check, CHECK_BYTES, crc32c(0, text, length));
    snprintf(text + length, KEY_TEXT_BYTES_MAX - (size_t)length, "%s", check);
    key_hash(str_from(text), key->hash);
    list_append(&keys->keys, keys->arena, key);
    return keys_write(keys, error);
}

Status keys_create(Keys *keys, const Key *like, char text[KEY_TEXT_BYTES_MAX], Error *error)
{
    File *held;
    TRY(ledger_hold(&keys->ledger, &held, error));
    pthread_mutex_lock(&keys->mutex);
    Status status = keys_add(keys, like, text, error);
    pthread_mutex_unlock(&keys->mutex);
    return ledger_release(&keys->ledger, held, status, error);
}

static Status keys_remove(Keys *keys, Str id_or_name, Error *error)
{
    TRY(keys_look(keys, error));
    const Key *gone = keys_of(keys, id_or_name);
    if (gone == NULL) {
        Status status =
            fail(error, ERR_NOT_FOUND, "WR5502", "there is no key `%.*s`", STR_ARGS(id_or_name));
        error_hint(error, "`weir key list` shows names and ids");
        return status;
    }
    int32_t kept = 0;
    for (int32_t i = 0; i < keys->keys.count; i++)
        if (keys->keys.items[i] != gone)
            keys->keys.items[kept++] = keys->keys.items[i];
    keys->keys.count = kept;
    return keys_write(keys, error);
}

Status keys_revoke(Keys *keys, Str id_or_name, Error *error)
{
    File *held;
    TRY(ledger_hold(&keys->ledger, &held, error));
    pthread_mutex_lock(&keys->mutex);
    Status status = keys_remove(keys, id_or_name, error);
    pthread_mutex_unlock(&keys->mutex);
    return ledger_release(&keys->ledger, held, status, error);
}

/* ---- Asking ------------------------------------------------------------------------------ */

/* A file that cannot be read now: what was known before counts. */
static void keys_refresh(Keys *keys)
{
    Error error = {0};
    if (!ledger_is_due(&keys->ledger))
        return;
    if (keys_look(keys, &error) != OK)
        log_event(LOG_WARN, "hub", "keys: %s", error.text);
}

int32_t keys_count(Keys *keys)
{
    pthread_mutex_lock(&keys->mutex);
    keys_refresh(keys);
    int32_t count = keys->keys.count;
    pthread_mutex_unlock(&keys->mutex);
    return count;
}

static void copy_key(Arena *arena, const Key *key, Key *out)
{
    *out = *key;
    out->name = arena_printf(arena, "%s", key->name);
    out->topics = arena_printf(arena, "%s", key->topics);
}

void keys_list(Keys *keys, Arena *arena, List *out)
{
    pthread_mutex_lock(&keys->mutex);
    for (int32_t i = 0; i < keys->keys.count; i++) {
        Key *copy = ARENA_NEW(arena, Key);
        copy_key(arena, LIST_AT(keys->keys, i, Key), copy);
        list_append(out, arena, copy);
    }
    pthread_mutex_unlock(&keys->mutex);
}

bool keys_find(Keys *keys, Str text, Arena *arena, Key *out)
{
    uint8_t hash[KEY_HASH_BYTES];
    bool is_found = false;
    if (!text_is_whole(text))
        return false;
    key_hash(text, hash);
    pthread_mutex_lock(&keys->mutex);
    keys_refresh(keys);
    for (int32_t i = 0; i < keys->keys.count && !is_found; i++) {
        const Key *key = LIST_AT(keys->keys, i, Key);
        is_found = CRYPTO_memcmp(key->hash, hash, KEY_HASH_BYTES) == 0 &&
                   (key->expires_us == 0 || world_clock_us(keys->world) < key->expires_us);
        if (is_found)
            copy_key(arena, key, out);
    }
    pthread_mutex_unlock(&keys->mutex);
    return is_found;
}

bool keys_have(Keys *keys, const Key *key)
{
    bool is_there = false;
    pthread_mutex_lock(&keys->mutex);
    keys_refresh(keys);
    for (int32_t i = 0; i < keys->keys.count && !is_there; i++)
        is_there = memcmp(LIST_AT(keys->keys, i, Key)->hash, key->hash, KEY_HASH_BYTES) == 0;
    pthread_mutex_unlock(&keys->mutex);
    return is_there && (key->expires_us == 0 || world_clock_us(keys->world) < key->expires_us);
}

bool key_may(const Key *key, KeyRole role, Str topic)
{
    /* Who writes there writes what counts for all subjects. */
    if (role == KEY_PRODUCE && str_is(topic, SCHEMAS_TOPIC))
        role = KEY_ADMIN;
    if ((key->roles & (uint32_t)(role | KEY_ADMIN)) == 0)
        return false;
    Str rest = str_from(key->topics);
    while (rest.data != NULL) {
        Str pattern = str_split(rest, ',', &rest);
        bool is_prefix = str_has_suffix(pattern, STR("*"));
        if (is_prefix ? str_has_prefix(topic, str_make(pattern.data, pattern.length - 1))
                      : str_equal(topic, pattern))
            return true;
    }
    return false;
}

/* ---- Limits ------------------------------------------------------------------------------ */

static KeyUse *keys_use(Keys *keys, const Key *key, int64_t now_us)
{
    for (int32_t i = 0; i < keys->use_count; i++)
        if (strcmp(keys->uses[i].id, key->id) == 0)
            return &keys->uses[i];
    keys->uses = memory_resize(keys->uses, (int64_t)sizeof(KeyUse) * (keys->use_count + 1));
    KeyUse *use = &keys->uses[keys->use_count++];
    *use = (KeyUse){.updated_us = now_us,
                    .records = (double)key->records_per_second,
                    .bytes = (double)key->bytes_per_second};
    memcpy(use->id, key->id, sizeof use->id);
    return use;
}

static void refill(double *left, int64_t per_second, int64_t passed_us)
{
    double most = (double)per_second * BURST_US / 1e6;
    *left += (double)per_second * (double)passed_us / 1e6;
    *left = *left > most ? most : *left;
}

static int64_t wait_us(double left, int64_t per_second)
{
    return per_second == 0 || left > 0 ? 0 : (int64_t)((1 - left) / (double)per_second * 1e6);
}

int64_t keys_throttle(Keys *keys, const Key *key)
{
    pthread_mutex_lock(&keys->mutex);
    int64_t now_us = world_monotonic_us(keys->world);
    KeyUse *use = keys_use(keys, key, now_us);
    refill(&use->records, key->records_per_second, now_us - use->updated_us);
    refill(&use->bytes, key->bytes_per_second, now_us - use->updated_us);
    use->updated_us = now_us;
    int64_t for_records = wait_us(use->records, key->records_per_second);
    int64_t for_bytes = wait_us(use->bytes, key->bytes_per_second);
    pthread_mutex_unlock(&keys->mutex);
    return for_records > for_bytes ? for_records : for_bytes;
}

void keys_charge(Keys *keys, const Key *key, int64_t records, int64_t bytes)
{
    pthread_mutex_lock(&keys->mutex);
    KeyUse *use = keys_use(keys, key, world_monotonic_us(keys->world));
    use->records -= (double)records;
    use->bytes -= (double)bytes;
    pthread_mutex_unlock(&keys->mutex);
}
