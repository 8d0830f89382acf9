#include "hub/users.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/buffer.h"
#include "base/log.h"
#include "hub/hex.h"
#include "hub/ledger.h"

enum { FIELD_COUNT = 6, SALT_BYTES = 16, ITERATIONS = 8192 };

struct Users {
    World *world;
    Arena *own;
    Ledger ledger;
    Arena *arena; /* of the list */
    List list;    /* User * */
    int64_t version;
};

bool user_name_is_valid(Str name)
{
    for (int64_t i = 0; i < name.length; i++)
        if ((unsigned char)name.data[i] < ' ' || name.data[i] == 0x7f)
            return false;
    return name.length > 0 && name.length <= USER_NAME_BYTES_MAX;
}

/* ---- The file ---------------------------------------------------------------------------- */

static bool parse_kind(Str name, ScramKind *out)
{
    *out = str_is(name, scram_name(SCRAM_SHA_512)) ? SCRAM_SHA_512 : SCRAM_SHA_256;
    return str_is(name, scram_name(*out));
}

static User *find_in(const List *list, Str name)
{
    for (int32_t i = 0; i < list->count; i++)
        if (str_is(name, LIST_AT(*list, i, User)->name))
            return LIST_AT(*list, i, User);
    return NULL;
}

static User *get_in(List *list, Arena *arena, Str name)
{
    User *user = find_in(list, name);
    if (user != NULL)
        return user;
    user = ARENA_NEW(arena, User);
    *user = (User){.name = str_terminated(arena, name)};
    list_append(list, arena, user);
    return user;
}

static bool parse_line(Arena *arena, Str line, List *list)
{
    Str fields[FIELD_COUNT];
    ScramKind kind;
    int64_t iterations;
    for (int32_t i = 0; i < FIELD_COUNT; i++) {
        if (line.data == NULL)
            return false;
        fields[i] = str_split(line, '\t', &line);
    }
    if (line.data != NULL || !user_name_is_valid(fields[0]) || !parse_kind(fields[1], &kind) ||
        !str_parse_int64(fields[2], &iterations) || iterations < 1 || iterations > INT32_MAX)
        return false;
    Verifier *verifier = &get_in(list, arena, fields[0])->verifiers[kind - 1];
    *verifier = (Verifier){.iterations = (int32_t)iterations,
                           .salt_bytes = (int32_t)(fields[3].length / 2)};
    return list->count <= USERS_MAX && fields[3].length <= 2 * USER_SALT_BYTES_MAX &&
           hex_parse(fields[3], verifier->salt, verifier->salt_bytes) &&
           hex_parse(fields[4], verifier->stored_key, scram_bytes(kind)) &&
           hex_parse(fields[5], verifier->server_key, scram_bytes(kind));
}

static Status users_look(Users *users, Error *error)
{
    Arena *arena = arena_new(0), *scratch = arena_new(0);
    bool has_changed;
    Str lines;
    List list = {0};
    Status status = ledger_look(&users->ledger, scratch, &has_changed, &lines, error);
    for (int32_t number = 2; status == OK && lines.length > 0; number++)
        if (!parse_line(arena, str_split(lines, '\n', &lines), &list))
            status = ledger_fail(&users->ledger, number, error);
    arena_free(scratch);
    if (status != OK || !has_changed) {
        arena_free(arena);
        return status;
    }
    arena_free(users->arena);
    users->arena = arena;
    users->list = list;
    users->version++;
    return OK;
}

static Status users_write(Users *users, Error *error)
{
    Buffer out = {0};
    for (int32_t i = 0; i < users->list.count; i++) {
        const User *user = LIST_AT(users->list, i, User);
        for (int32_t k = SCRAM_SHA_256; k <= SCRAM_SHA_512; k++) {
            const Verifier *verifier = user_verifier(user, (ScramKind)k);
            if (verifier == NULL)
                continue;
            buffer_printf(&out, "%s\t%s\t%d\t", user->name, scram_name((ScramKind)k),
                          verifier->iterations);
            hex_append(&out, verifier->salt, verifier->salt_bytes);
            buffer_append_char(&out, '\t');
            hex_append(&out, verifier->stored_key, scram_bytes((ScramKind)k));
            buffer_append_char(&out, '\t');
            hex_append(&out, verifier->server_key, scram_bytes((ScramKind)k));
            buffer_append_char(&out, '\n');
        }
    }
    Status status = ledger_write(&users->ledger, buffer_str(&out), error);
    buffer_free(&out);
    users->version++;
    return status;
}

Status users_open(World *world, const char *folder, Users **out, Error *error)
{
    Arena *own = arena_new(0);
    Users *users = ARENA_NEW(own, Users);
    *users =
        (Users){.world = world,
                .own = own,
                .ledger = ledger_make(world, own, folder, "users", "weir users 1", "`weir user`"),
                .arena = arena_new(0)};
    Status status = world->kind->make_folder(world, folder, error);
    if (status == OK)
        status = users_look(users, error);
    if (status == OK)
        *out = users;
    else
        users_close(users);
    return status;
}

void users_close(Users *users)
{
    if (users == NULL)
        return;
    arena_free(users->arena);
    arena_free(users->own);
}

/* ---- Asking ------------------------------------------------------------------------------ */

/* A file that cannot be read now: what was known before counts. */
void users_refresh(Users *users)
{
    Error error = {0};
    if (ledger_is_due(&users->ledger) && users_look(users, &error) != OK)
        log_event(LOG_WARN, "hub", "users: %s", error.text);
}

int64_t users_version(const Users *users)
{
    return users->version;
}

int32_t users_count(const Users *users)
{
    return users->list.count;
}

const User *users_at(const Users *users, int32_t index)
{
    assert(index >= 0 && index < users->list.count);
    return LIST_AT(users->list, index, User);
}

const User *users_find(const Users *users, Str name)
{
    return find_in(&users->list, name);
}

const Verifier *user_verifier(const User *user, ScramKind kind)
{
    assert(kind >= SCRAM_SHA_256 && kind <= SCRAM_SHA_512);
    const Verifier *verifier = &user->verifiers[kind - 1];
    return verifier->iterations > 0 ? verifier : NULL;
}

bool user_knows(const User *user, Str password)
{
    bool has_short = user_verifier(user, SCRAM_SHA_256) != NULL;
    ScramKind kind = has_short ? SCRAM_SHA_256 : SCRAM_SHA_512;
    const Verifier *verifier = user_verifier(user, kind);
    uint8_t salted[SCRAM_BYTES_MAX], key[SCRAM_BYTES_MAX], stored[SCRAM_BYTES_MAX];
    if (verifier == NULL ||
        !scram_salt(kind, password, str_make((const char *)verifier->salt, verifier->salt_bytes),
                    verifier->iterations, salted))
        return false;
    scram_client_key(kind, salted, key);
    scram_hash(kind, key, stored);
    OPENSSL_cleanse(salted, sizeof salted);
    OPENSSL_cleanse(key, sizeof key);
    return CRYPTO_memcmp(stored, verifier->stored_key, (size_t)scram_bytes(kind)) == 0;
}

/* ---- Changing ---------------------------------------------------------------------------- */

static void apply_change(Users *users, const UserChange *change)
{
    if (change->salted == NULL) {
        User *user = find_in(&users->list, change->name);
        if (user != NULL)
            user->verifiers[change->kind - 1] = (Verifier){0};
        return;
    }
    assert(change->salt.length <= USER_SALT_BYTES_MAX && user_name_is_valid(change->name));
    Verifier *verifier =
        &get_in(&users->list, users->arena, change->name)->verifiers[change->kind - 1];
    uint8_t key[SCRAM_BYTES_MAX];
    *verifier =
        (Verifier){.iterations = change->iterations, .salt_bytes = (int32_t)change->salt.length};
    memcpy(verifier->salt, change->salt.data, (size_t)change->salt.length);
    scram_client_key(change->kind, change->salted, key);
    scram_hash(change->kind, key, verifier->stored_key);
    scram_server_key(change->kind, change->salted, verifier->server_key);
    OPENSSL_cleanse(key, sizeof key);
}

/* Under the hold. What cannot be written is read anew at the next look. */
static Status users_apply(Users *users, const UserChange *changes, int32_t count, Error *error)
{
    TRY(users_look(users, error));
    if (users->list.count + count > USERS_MAX)
        return fail(error, ERR_LIMIT, "WR5505", "there are %d users, and no more than %d can be",
                    users->list.count, USERS_MAX);
    for (int32_t i = 0; i < count; i++)
        apply_change(users, &changes[i]);
    int32_t kept = 0;
    for (int32_t i = 0; i < users->list.count; i++) {
        User *user = LIST_AT(users->list, i, User);
        if (user_verifier(user, SCRAM_SHA_256) != NULL ||
            user_verifier(user, SCRAM_SHA_512) != NULL)
            users->list.items[kept++] = user;
    }
    users->list.count = kept;
    Status status = users_write(users, error);
    if (status != OK)
        ledger_forget(&users->ledger);
    return status;
}

Status users_change(Users *users, const UserChange *changes, int32_t count, Error *error)
{
    File *held;
    TRY(ledger_hold(&users->ledger, &held, error));
    Status status = users_apply(users, changes, count, error);
    return ledger_release(&users->ledger, held, status, error);
}

Status users_set_password(Users *users, Str name, Str password, Error *error)
{
    UserChange changes[SCRAM_KIND_COUNT];
    uint8_t salted[SCRAM_KIND_COUNT][SCRAM_BYTES_MAX], salts[SCRAM_KIND_COUNT][SALT_BYTES];
    for (int32_t i = 0; i < SCRAM_KIND_COUNT; i++) {
        for (int32_t k = 0; k < SALT_BYTES; k += 8) {
            uint64_t random = users->world->kind->random_u64(users->world);
            memcpy(salts[i] + k, &random, 8);
        }
        changes[i] = (UserChange){.name = name,
                                  .kind = (ScramKind)(i + 1),
                                  .iterations = ITERATIONS,
                                  .salt = str_make((const char *)salts[i], SALT_BYTES),
                                  .salted = salted[i]};
        bool is_salted =
            scram_salt(changes[i].kind, password, changes[i].salt, ITERATIONS, salted[i]);
        assert(is_salted);
    }
    Status status = users_change(users, changes, SCRAM_KIND_COUNT, error);
    OPENSSL_cleanse(salted, sizeof salted);
    return status;
}

Status users_revoke(Users *users, Str name, Error *error)
{
    TRY(users_look(users, error));
    if (users_find(users, name) == NULL) {
        Status status =
            fail(error, ERR_NOT_FOUND, "WR5506", "there is no user `%.*s`", STR_ARGS(name));
        error_hint(error, "`weir user list` shows them");
        return status;
    }
    UserChange changes[] = {{.name = name, .kind = SCRAM_SHA_256},
                            {.name = name, .kind = SCRAM_SHA_512}};
    return users_change(users, changes, SCRAM_KIND_COUNT, error);
}
