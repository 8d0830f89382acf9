/* What the hub keeps in files beside the log, as a disk may give it back: keys, users, access
 * rules, quotas, the catalogue of topics. The first byte says which file the others are, and
 * whether its checksum is made right, so that a change gets behind it.
 *
 * The answer is what stands there or an error with a code; and what stands there can be changed,
 * and is read again with that change. */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "hub/acls.h"
#include "hub/keys.h"
#include "hub/quotas.h"
#include "hub/topics.h"
#include "hub/users.h"
#include "sim/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { IS_MENDED = 0x80, CATALOGUE_AT = 4, ITERATIONS = 4096 };

static const char *const names[] = {"keys", "users", "acls", "quotas", "topics"};

enum { FILES = (int)(sizeof names / sizeof names[0]) };

/* Only damage that is named. */
static bool is_good(Status status, const Error *error)
{
    if (status != OK && (status != ERR_CORRUPT || error->code[0] != 'W'))
        fprintf(stderr, "%s %s %s\n", status_name(status), error->code, error->text);
    assert(status == OK || (status == ERR_CORRUPT && error->code[0] == 'W'));
    return status == OK;
}

/* There is room for one more. */
static bool is_done(Status status, const Error *error)
{
    if (status != OK && status != ERR_LIMIT)
        fprintf(stderr, "%s %s %s\n", status_name(status), error->code, error->text);
    assert(status == OK || status == ERR_LIMIT);
    return status == OK;
}

static void put(SimWorld *world, int32_t file, bool is_mended, Str content)
{
    Buffer out = {0};
    char path[64];
    snprintf(path, sizeof path, "hub/%s", names[file]);
    if (is_mended && file != CATALOGUE_AT)
        buffer_printf(&out, "weir %s 1 crc32c %08x\n", names[file],
                      crc32c(0, content.data, content.length));
    buffer_append_str(&out, content);
    if (is_mended && file == CATALOGUE_AT)
        buffer_append_u32(&out, crc32c(0, out.data, out.length));
    sim_world_put(world, path, buffer_str(&out));
    buffer_free(&out);
}

static void try_keys(World *world)
{
    Error error = {0};
    Keys *keys;
    if (!is_good(keys_open(world, "hub", &keys, &error), &error))
        return;
    Arena *arena = arena_new(0);
    List list = {0};
    char text[KEY_TEXT_BYTES_MAX];
    Key found;
    keys_list(keys, arena, &list);
    for (int32_t i = 0; i < list.count; i++)
        key_may(LIST_AT(list, i, Key), KEY_PRODUCE, STR("orders"));
    int32_t count = keys_count(keys);
    const Key one = {.name = "a name", .roles = KEY_CONSUME, .topics = "t*"};
    bool is_new = is_done(keys_create(keys, &one, text, &error), &error);
    keys_close(keys);
    assert(is_good(keys_open(world, "hub", &keys, &error), &error));
    assert(keys_count(keys) == count + is_new);
    assert(!is_new || keys_find(keys, str_from(text), arena, &found));
    keys_close(keys);
    arena_free(arena);
}

static void try_users(World *world)
{
    static const uint8_t salted[SCRAM_BYTES_MAX] = {1};
    Error error = {0};
    Users *users;
    if (!is_good(users_open(world, "hub", &users, &error), &error))
        return;
    int32_t count = users_count(users);
    for (int32_t i = 0; i < count; i++)
        assert(user_name_is_valid(str_from(users_at(users, i)->name)));
    count += users_find(users, STR("a user")) == NULL;
    const UserChange change = {.name = STR("a user"),
                               .kind = SCRAM_SHA_256,
                               .iterations = ITERATIONS,
                               .salt = STR("salt"),
                               .salted = salted};
    bool is_new = is_done(users_change(users, &change, 1, &error), &error);
    users_close(users);
    assert(is_good(users_open(world, "hub", &users, &error), &error));
    assert(!is_new || (users_count(users) == count && users_find(users, STR("a user")) != NULL));
    users_close(users);
}

static void try_acls(World *world)
{
    const Acl rule = {ACL_TOPIC, ACL_PREFIXED, STR("t"), STR("User:eve"),
                      STR("*"),  ACL_READ,     ACL_DENY};
    Error error = {0};
    Acls *acls;
    if (!is_good(acls_open(world, "hub", "User:root", &acls, &error), &error))
        return;
    const AclAsker eve = {"eve", "10.0.0.1"};
    acls_allow(acls, &eve, ACL_READ, ACL_TOPIC, STR("tall"));
    acls_allow_any(acls, &eve, ACL_WRITE, ACL_TOPIC);
    bool is_new = is_done(acls_add(acls, &rule, 1, &error), &error);
    int32_t count = acls_count(acls);
    acls_close(acls);
    assert(is_good(acls_open(world, "hub", "User:root", &acls, &error), &error));
    assert(acls_count(acls) == count);
    assert(!is_new || !acls_allow(acls, &eve, ACL_READ, ACL_TOPIC, STR("tall")));
    acls_close(acls);
}

static void try_quotas(World *world)
{
    Error error = {0};
    Quotas *quotas;
    if (!is_good(quotas_open(world, "hub", &quotas, &error), &error))
        return;
    const Quota quota = {.user = {QUOTA_OF_ONE, STR("a user")}, .rates = {1000, -1}};
    quotas_charge(quotas, QUOTA_PRODUCE, STR("alice"), STR("client"), 1000);
    bool is_new = is_done(quotas_set(quotas, &quota, &error), &error);
    int32_t count = quotas_count(quotas);
    quotas_close(quotas);
    assert(is_good(quotas_open(world, "hub", &quotas, &error), &error));
    assert(quotas_count(quotas) == count && (count > 0 || !is_new));
    int64_t wait_us = quotas_charge(quotas, QUOTA_PRODUCE, STR("a user"), STR("c"), 1 << 20);
    assert(wait_us >= 0 && wait_us <= QUOTA_WAIT_US_MAX && (wait_us > 0 || !is_new));
    quotas_close(quotas);
}

static void try_topics(World *world)
{
    Error error = {0};
    Topics *topics;
    Topic *topic;
    List none = {0};
    int64_t producer_id, next_id;
    if (!is_good(topics_open(world, "hub", &(LogOptions){0}, &topics, &error), &error))
        return;
    int32_t count = topics_count(topics);
    for (int32_t i = 0; i < count; i++) {
        topic = topics_at(topics, i);
        assert(topic_name_is_valid(str_from(topic->name)));
        assert(topics_find(topics, str_from(topic->name)) == topic);
        assert(topics_find_id(topics, str_make(topic->id, TOPIC_ID_BYTES)) == topic);
    }
    bool is_new = topics_find(topics, STR("a-new-one")) == NULL;
    if (is_new)
        assert(topics_create(topics, STR("a-new-one"), 2, &none, &topic, &error) == OK);
    bool has_ids = is_done(topics_next_producer_id(topics, &producer_id, &error), &error);
    assert(topics_close(topics, &error) == OK);
    assert(is_good(topics_open(world, "hub", &(LogOptions){0}, &topics, &error), &error));
    assert(topics_count(topics) == count + is_new);
    if (has_ids && is_done(topics_next_producer_id(topics, &next_id, &error), &error))
        assert(next_id > producer_id);
    topic = topics_find(topics, STR("a-new-one"));
    assert(topic != NULL && topics_delete(topics, topic, &error) == OK);
    assert(topics_close(topics, &error) == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const trials[FILES])(World *) = {try_keys, try_users, try_acls, try_quotas,
                                                   try_topics};
    if (size == 0)
        return 0;
    log_configure(LOG_OFF, LOG_TEXT, false);
    SimWorld *world = sim_world_new(1);
    int32_t file = (data[0] & ~IS_MENDED) % FILES;
    put(world, file, (data[0] & IS_MENDED) != 0,
        str_make((const char *)data + 1, (int64_t)size - 1));
    trials[file](&world->base);
    sim_world_free(world);
    return 0;
}
