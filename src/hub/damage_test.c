/* Every file of the hub's folder with each bit flipped, cut at each length, with a block of its own
 * in another one's place: what is read then is what was written, or an error that names the file.
 */
#include "base/testing.h"
#include "base/unsynced_testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/acls.h"
#include "hub/kept.h"
#include "hub/keys.h"
#include "hub/offsets.h"
#include "hub/quotas.h"
#include "hub/users.h"
#include "log/batch_testing.h"

static char folder[64];

/* There are thousands of files. */
static WorldKind kind;
static World world;

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-damage-XXXXXX");
    assert_non_null(mkdtemp(folder));
    unsynced_world(&world, &kind);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
    return 0;
}

/* Read what is there and print it. */
typedef Status Reader(Arena *arena, const char **text, Error *error);

static Status read_keys(Arena *arena, const char **text, Error *error)
{
    Keys *keys;
    List list = {0};
    TRY(keys_open(&world, folder, &keys, error));
    keys_list(keys, arena, &list);
    *text = "";
    for (int32_t i = 0; i < list.count; i++) {
        const Key *key = LIST_AT(list, i, Key);
        Buffer hash = {0};
        for (int32_t k = 0; k < KEY_HASH_BYTES; k++)
            buffer_printf(&hash, "%02x", key->hash[k]);
        *text = arena_printf(arena, "%s%s %s %u %s %lld %s;", *text, key->id, key->name, key->roles,
                             key->topics, (long long)key->expires_us, buffer_terminated(&hash));
        buffer_free(&hash);
    }
    keys_close(keys);
    return OK;
}

static Status read_users(Arena *arena, const char **text, Error *error)
{
    Users *users;
    TRY(users_open(&world, folder, &users, error));
    *text = "";
    for (int32_t i = 0; i < users_count(users); i++) {
        const User *user = users_at(users, i);
        const Verifier *verifier = user_verifier(user, SCRAM_SHA_256);
        uint32_t sum = 0;
        for (size_t k = 0; verifier != NULL && k < sizeof *verifier; k++)
            sum = sum * 31 + ((const uint8_t *)verifier)[k];
        *text = arena_printf(arena, "%s%s %x;", *text, user->name, sum);
    }
    users_close(users);
    return OK;
}

static Status read_acls(Arena *arena, const char **text, Error *error)
{
    Acls *acls;
    TRY(acls_open(&world, folder, NULL, &acls, error));
    *text = arena_printf(arena, "%d:", acls_are_on(acls));
    for (int32_t i = 0; i < acls_count(acls); i++) {
        const Acl *acl = acls_at(acls, i);
        *text = arena_printf(arena, "%s%d %d %.*s %.*s %.*s %d %d;", *text, (int)acl->type,
                             (int)acl->pattern, STR_ARGS(acl->name), STR_ARGS(acl->principal),
                             STR_ARGS(acl->host), (int)acl->operation, (int)acl->permission);
    }
    acls_close(acls);
    return OK;
}

static Status read_quotas(Arena *arena, const char **text, Error *error)
{
    Quotas *quotas;
    TRY(quotas_open(&world, folder, &quotas, error));
    *text = "";
    for (int32_t i = 0; i < quotas_count(quotas); i++) {
        const Quota *quota = quotas_at(quotas, i);
        *text = arena_printf(arena, "%s%.*s %lld;", *text, STR_ARGS(quota->user.name),
                             (long long)quota->rates[QUOTA_PRODUCE]);
    }
    quotas_close(quotas);
    return OK;
}

static Status read_topics(Arena *arena, const char **text, Error *error)
{
    Topics *topics;
    TRY(topics_open(&world, folder, &(LogOptions){0}, &topics, error));
    *text = "";
    for (int32_t i = 0; i < topics_count(topics); i++) {
        const Topic *topic = topics_at(topics, i);
        *text = arena_printf(arena, "%s%s %d;", *text, topic->name, topic->partition_count);
    }
    return topics_close(topics, error);
}

/* What groups have committed is in a topic of the log. */
static Status read_offsets(Arena *arena, const char **text, Error *error)
{
    Topics *topics;
    Offsets *offsets;
    TRY(topics_open(&world, folder, &(LogOptions){0}, &topics, error));
    Status status = offsets_open(&world, topics, &offsets, error);
    if (status == OK) {
        *text = "";
        static const char *const groups[] = {"a", "b", "c"};
        for (int32_t i = 0; i < 3; i++) {
            const CommittedOffset *one = offsets_find(offsets, str_from(groups[i]), STR("t"), 0);
            *text = arena_printf(arena, "%s%s %lld;", *text, groups[i],
                                 one == NULL ? -1LL : (long long)one->offset);
        }
        offsets_free(offsets);
    }
    Status closed = topics_close(topics, NULL);
    return status != OK ? status : closed;
}

/* ---- A compacted topic with transactions ------------------------------------------------------
 */

/* What an aborted transaction is known by: until its marker comes, what is its producer's counts
 * not. */
typedef struct Told {
    int64_t producer_id, first_offset;
    bool is_over;
} Told;

enum { TOLD_MAX = 16 };

static Told *told_of(Told *told, int32_t count, const BatchHeader *header)
{
    for (int32_t i = 0; i < count; i++)
        if (!told[i].is_over && told[i].producer_id == header->producer_id &&
            told[i].first_offset < batch_end_offset(header))
            return &told[i];
    return NULL;
}

/* As a client takes it: records and markers, but for records of what was aborted. */
static const char *take_batch(Arena *arena, const char *text, Str bytes, Told *told, int32_t count)
{
    Buffer scratch = {0};
    RecordReader reader;
    assert_true(record_reader_open(&reader, bytes, &scratch));
    Told *of = told_of(told, count, &reader.header);
    bool is_marker = batch_has(&reader.header, BATCH_IS_CONTROL);
    bool is_left_out = of != NULL && batch_has(&reader.header, BATCH_IS_TRANSACTIONAL);
    for (Record record; record_read(&reader, &record);) {
        if (is_marker && of != NULL && record.key.data[3] == 0)
            of->is_over = true;
        if (!is_marker && !is_left_out)
            text = arena_printf(arena, "%s%lld %.*s=%.*s;", text, (long long)record.offset,
                                STR_ARGS(record.key), STR_ARGS(record.value));
    }
    assert_false(reader.is_damaged);
    buffer_free(&scratch);
    return text;
}

static int32_t find_told(Partition *partition, int64_t from, Arena *arena, Told told[TOLD_MAX])
{
    List aborted = {0};
    partition_find_aborted(partition, from, INT64_MAX, arena, &aborted);
    assert_true(aborted.count <= TOLD_MAX);
    for (int32_t i = 0; i < aborted.count; i++) {
        const AbortedTransaction *one = LIST_AT(aborted, i, AbortedTransaction);
        told[i] = (Told){.producer_id = one->producer_id, .first_offset = one->first_offset};
    }
    return aborted.count;
}

static Status take_partition(Partition *partition, Arena *arena, const char **text, Error *error)
{
    Buffer bytes = {0};
    Told told[TOLD_MAX];
    PartitionOffsets offsets;
    partition_offsets(partition, &offsets);
    ReadRequest request = {.offset = offsets.start_offset,
                           .bytes_max = 200,
                           .at_least_one = true,
                           .level = READ_COMMITTED};
    Status status;
    do {
        bytes.length = 0;
        status = partition_read(partition, &request, &bytes, error);
        int32_t count = find_told(partition, request.offset, arena, told);
        BatchHeader header;
        for (int64_t at = 0; status == OK && at < bytes.length; at += header.bytes) {
            assert_true(batch_read_header(str_make(bytes.data + at, bytes.length - at), &header));
            *text = take_batch(arena, *text, str_make(bytes.data + at, header.bytes), told, count);
            request.offset = batch_end_offset(&header);
        }
    } while (status == OK && bytes.length > 0);
    buffer_free(&bytes);
    *text = arena_printf(arena, "%s %lld to %lld", *text, (long long)offsets.stable_offset,
                         (long long)offsets.end_offset);
    return status;
}

/* What is undecided, too, which those who read what is committed do not get to see. */
static Status take_written(Partition *partition, Arena *arena, const char **text, Error *error)
{
    Buffer bytes = {0};
    PartitionOffsets offsets;
    partition_offsets(partition, &offsets);
    ReadRequest request = {.offset = offsets.stable_offset, .bytes_max = 1 << 20};
    Status status = OK;
    while (status == OK && request.offset < offsets.end_offset) {
        bytes.length = 0;
        status = partition_read(partition, &request, &bytes, error);
        BatchHeader header;
        for (int64_t at = 0; status == OK && at < bytes.length; at += header.bytes) {
            assert_true(batch_read_header(str_make(bytes.data + at, bytes.length - at), &header));
            request.offset = batch_end_offset(&header);
        }
    }
    *text = arena_printf(arena, "%s to %lld", *text, (long long)request.offset);
    buffer_free(&bytes);
    return status;
}

/* Also that the producers go on where they were: a snapshot of them may be lost, not be another. */
static Status read_accounts(Arena *arena, const char **text, Error *error)
{
    Topics *topics;
    Partition *partition;
    TRY(topics_open(&world, folder, &(LogOptions){0}, &topics, error));
    Status status =
        topics_partition(topics, topics_find(topics, STR("accounts")), 0, &partition, error);
    *text = "";
    if (status == OK)
        status = take_partition(partition, arena, text, error);
    if (status == OK)
        status = take_written(partition, arena, text, error);
    for (int32_t id = 1; status == OK && id <= 3; id++)
        *text = arena_printf(arena, "%s, %d", *text, partition_next_sequence(partition, id, 0));
    Status closed = topics_close(topics, NULL);
    return status != OK ? status : closed;
}

/* ---- Damage -------------------------------------------------------------------------------- */

typedef struct Subject {
    const char *path; /* of the file */
    Str whole;
    Reader *read;
    const char *expected;
    bool may_be_unused; /* a part of the file says nothing that is not said elsewhere */
    bool is_slow;       /* one bit of each byte has to do */
} Subject;

static void put(const char *path, Str content)
{
    File *file;
    /* Cutting a file is a sync to some file systems. */
    assert_int_equal(world.kind->remove(&world, path, NULL), OK);
    assert_int_equal(world.kind->open(&world, path, FILE_CREATE_PRIVATE, &file, NULL), OK);
    assert_int_equal(world.kind->write(file, content.data, content.length, NULL), OK);
    assert_int_equal(world.kind->close(file, NULL), OK);
}

static void look(Subject *subject, Str content, const char *how, int64_t at)
{
    Arena *arena = arena_new(0);
    const char *text = NULL;
    Error error = {0};
    put(subject->path, content);
    Status status = subject->read(arena, &text, &error);
    if (status == OK && (!subject->may_be_unused || strcmp(text, subject->expected) != 0))
        fail_msg("%s, %s at %lld: not found: %s, expected %s", subject->path, how, (long long)at,
                 text, subject->expected);
    if (status != OK && (status != ERR_CORRUPT || strstr(error.text, folder) == NULL))
        fail_msg("%s, %s at %lld: %s %s", subject->path, how, (long long)at, error.code,
                 error.text);
    arena_free(arena);
}

/* So long a block in the place of another one. */
static void move_blocks(Subject *subject, int64_t block)
{
    Str whole = subject->whole;
    for (int64_t from = 0; from + block <= whole.length; from += block)
        for (int64_t to = 0; to + block <= whole.length; to += block) {
            Buffer other = {0};
            buffer_append_str(&other, whole);
            memcpy(other.data + to, whole.data + from, (size_t)block);
            if (memcmp(other.data, whole.data, (size_t)whole.length) != 0)
                look(subject, buffer_str(&other), "a block", to);
            buffer_free(&other);
        }
}

static void damage(Subject *subject)
{
    Arena *arena = arena_new(0);
    Error error = {0};
    if (world_read_file(&world, subject->path, 1 << 20, arena, &subject->whole, &error) != OK ||
        subject->read(arena, &subject->expected, &error) != OK)
        fail_msg("%s: %s", subject->path, error.text);
    Str whole = subject->whole;
    Buffer other = {0};
    buffer_append_str(&other, whole);
    for (int64_t at = 0; at < whole.length; at++)
        for (int32_t bit = 0; bit < 8; bit++) {
            if (subject->is_slow && bit != at % 8)
                continue;
            other.data[at] ^= (char)(1 << bit);
            look(subject, buffer_str(&other), "a bit", at);
            other.data[at] ^= (char)(1 << bit);
        }
    for (int64_t length = 0; length < whole.length; length++)
        look(subject, str_make(whole.data, length), "cut", length);
    move_blocks(subject, 16);
    put(subject->path, whole);
    buffer_free(&other);
    arena_free(arena);
}

static void damage_file(const char *name, Reader *read)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    damage(&(Subject){.path = path, .read = read});
}

static void test_keys(void **state)
{
    (void)state;
    Keys *keys;
    char text[KEY_TEXT_BYTES_MAX];
    assert_int_equal(keys_open(&world, folder, &keys, NULL), OK);
    const Key one = {.name = "one", .roles = KEY_CONSUME, .topics = "t*"};
    const Key two = {.name = "two", .roles = KEY_ADMIN, .topics = "*", .expires_us = 4};
    assert_int_equal(keys_create(keys, &one, text, NULL), OK);
    assert_int_equal(keys_create(keys, &two, text, NULL), OK);
    keys_close(keys);
    damage_file("keys", read_keys);
}

static void test_users(void **state)
{
    (void)state;
    Users *users;
    assert_int_equal(users_open(&world, folder, &users, NULL), OK);
    assert_int_equal(users_set_password(users, STR("alice"), STR("secret"), NULL), OK);
    users_close(users);
    damage_file("users", read_users);
}

/* One bit is between a rule that denies and one that allows. */
static void test_access_rules(void **state)
{
    (void)state;
    Acls *acls;
    assert_int_equal(acls_open(&world, folder, NULL, &acls, NULL), OK);
    const Acl rules[] = {
        {ACL_TOPIC, ACL_LITERAL, STR("t"), STR("User:*"), STR("*"), ACL_READ, ACL_ALLOW},
        {ACL_TOPIC, ACL_LITERAL, STR("t"), STR("User:eve"), STR("*"), ACL_READ, ACL_DENY}};
    assert_int_equal(acls_add(acls, rules, 2, NULL), OK);
    acls_close(acls);
    damage_file("acls", read_acls);
}

static void test_quotas(void **state)
{
    (void)state;
    Quotas *quotas;
    assert_int_equal(quotas_open(&world, folder, &quotas, NULL), OK);
    Quota quota = {.user = {QUOTA_OF_ONE, STR("alice")}, .rates = {1000, 2000}};
    assert_int_equal(quotas_set(quotas, &quota, NULL), OK);
    quotas_close(quotas);
    damage_file("quotas", read_quotas);
}

/* As an older version wrote it, without a checksum. */
static void test_a_file_of_an_older_version_is_read(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/acls", folder);
    fclose(fopen(path, "w"));
    Arena *arena = arena_new(0);
    const char *text = NULL;
    put(path, STR("weir acls 1\n2\t3\tt\tUser:eve\t*\t3\t2\n"));
    assert_int_equal(read_acls(arena, &text, NULL), OK);
    assert_string_equal(text, "1:2 3 t User:eve * 3 2;");
    arena_free(arena);
}

static void test_the_catalogue_of_topics(void **state)
{
    (void)state;
    Topics *topics;
    Topic *topic;
    List none = {0};
    assert_int_equal(topics_open(&world, folder, &(LogOptions){0}, &topics, NULL), OK);
    assert_int_equal(topics_create(topics, STR("orders"), 3, &none, &topic, NULL), OK);
    assert_int_equal(topics_create(topics, STR("clicks"), 1, &none, &topic, NULL), OK);
    assert_int_equal(topics_close(topics, NULL), OK);
    damage_file("topics", read_topics);
}

static void commit(Offsets *offsets, const char *group, int64_t offset)
{
    int64_t end_offset;
    const CommittedOffset one = {.group = str_from(group),
                                 .topic = STR("t"),
                                 .offset = offset,
                                 .leader_epoch = -1,
                                 .committed_ms = offset};
    assert_int_equal(offsets_commit(offsets, (CommitProducer){-1, -1}, &one, 1, &end_offset, NULL),
                     OK);
}

/* The index and the snapshot of producers may be made anew from the log. */
static void damage_kept(const char *name, bool may_be_unused)
{
    List names = {0};
    Arena *arena = arena_new(0);
    assert_int_equal(world.kind->list(&world, folder, arena, &names, NULL), OK);
    const char *path = arena_printf(arena, "%s/%s", folder, name);
    for (int32_t i = 0; i < names.count; i++)
        if (str_has_prefix(str_from(LIST_AT(names, i, const char)), STR(OFFSETS_TOPIC ".")))
            path = arena_printf(arena, "%s/%s/0/%s", folder, LIST_AT(names, i, const char), name);
    if (strcmp(name, "marks") == 0)
        path = arena_printf(arena, "%s/marks", folder);
    Subject subject = {
        .path = path, .read = read_offsets, .may_be_unused = may_be_unused, .is_slow = true};
    damage(&subject);
    arena_free(arena);
}

static void test_what_is_kept_in_topics(void **state)
{
    (void)state;
    Topics *topics;
    Offsets *offsets;
    assert_int_equal(topics_open(&world, folder, &(LogOptions){0}, &topics, NULL), OK);
    assert_int_equal(offsets_open(&world, topics, &offsets, NULL), OK);
    commit(offsets, "a", 1);
    commit(offsets, "b", 2);
    commit(offsets, "a", 3);
    offsets_free(offsets);
    assert_int_equal(topics_close(topics, NULL), OK);
    damage_kept("00000000000000000000.log", false);
    damage_kept("00000000000000000000.index", true);
    damage_kept("00000000000000000003.producers", true);
    damage_kept("marks", false);
}

typedef struct Writer {
    Topics *topics;
    Partition *partition;
    int32_t sequences[4]; /* of producers 1, 2 and 3 */
} Writer;

static void write_account(Writer *writer, int32_t producer, const char *key, const char *value)
{
    Buffer batch = {0};
    Appended appended;
    test_batch(&batch, &(TestBatch){.timestamp_ms = 1,
                                    .key = key,
                                    .value = value,
                                    .has_producer = true,
                                    .is_transactional = producer > 1,
                                    .producer_id = producer,
                                    .sequence = writer->sequences[producer]++});
    assert_int_equal(partition_append(writer->partition, batch.data, batch.length, &appended, NULL),
                     OK);
    assert_int_equal(appended.verdict, APPEND_DONE);
    buffer_free(&batch);
}

static void end_accounts(Writer *writer, int32_t producer, bool is_commit)
{
    Appended appended;
    assert_int_equal(
        partition_end_transaction(writer->partition, producer, 0, is_commit, &appended, NULL), OK);
    assert_int_equal(appended.verdict, APPEND_DONE);
}

/* Committed and aborted, compacted and not, one that goes on, in several segments. */
static void write_accounts(Writer *writer)
{
    Topic *topic;
    List configs = {0};
    Arena *arena = arena_new(0);
    ConfigEntry entries[] = {{"cleanup.policy", "compact"},
                             {"segment.bytes", "300"},
                             {"delete.retention.ms", "86400000"}};
    for (int32_t i = 0; i < 3; i++)
        list_append(&configs, arena, &entries[i]);
    assert_int_equal(topics_open(&world, folder, &(LogOptions){0}, &writer->topics, NULL), OK);
    assert_int_equal(topics_create(writer->topics, STR("accounts"), 1, &configs, &topic, NULL), OK);
    assert_int_equal(topics_partition(writer->topics, topic, 0, &writer->partition, NULL), OK);
    for (int32_t round = 0; round < 2; round++) {
        write_account(writer, 1, "alice", "1");
        write_account(writer, 2, "bob", "2");
        write_account(writer, 3, "carol", "an aborted one");
        end_accounts(writer, 3, false);
        write_account(writer, 2, "bob", round == 0 ? "3" : "");
        end_accounts(writer, 2, true);
        write_account(writer, 1, "alice", "4");
        write_account(writer, 3, "dave", "another aborted one");
        end_accounts(writer, 3, false);
        assert_int_equal(log_flush(topics_log(writer->topics), NULL), OK);
        if (round == 0)
            assert_int_equal(partition_compact(writer->partition, NULL), OK);
    }
    write_account(writer, 2, "erin", "undecided");
    assert_int_equal(log_flush(topics_log(writer->topics), NULL), OK);
    arena_free(arena);
}

/* Each file of the topic's partition, and the marks. */
static void damage_accounts(void)
{
    const char *text;
    Error error = {0};
    List names = {0}, files = {0};
    Arena *arena = arena_new(0);
    const char *of_topic = NULL;
    int32_t segments = 0;
    assert_int_equal(world.kind->list(&world, folder, arena, &names, NULL), OK);
    for (int32_t i = 0; i < names.count; i++)
        if (str_has_prefix(str_from(LIST_AT(names, i, const char)), STR("accounts.")))
            of_topic = arena_printf(arena, "%s/%s/0", folder, LIST_AT(names, i, const char));
    assert_non_null(of_topic);
    /* A start keeps one of the snapshots. */
    assert_int_equal(read_accounts(arena, &text, &error), OK);
    assert_int_equal(world.kind->list(&world, of_topic, arena, &files, NULL), OK);
    for (int32_t i = 0; i < files.count; i++) {
        const char *name = LIST_AT(files, i, const char);
        bool is_segment = str_has_suffix(str_from(name), STR(".log"));
        segments += is_segment;
        damage(&(Subject){.path = arena_printf(arena, "%s/%s", of_topic, name),
                          .read = read_accounts,
                          .may_be_unused = !is_segment,
                          .is_slow = true});
    }
    assert_true(segments > 2);
    arena_free(arena);
    damage_file("marks", read_accounts);
}

static void test_a_compacted_topic_with_transactions(void **state)
{
    (void)state;
    Writer writer = {0};
    write_accounts(&writer);
    assert_int_equal(topics_close(writer.topics, NULL), OK);
    damage_accounts();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_users, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_access_rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_quotas, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_of_an_older_version_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_catalogue_of_topics, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_kept_in_topics, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_compacted_topic_with_transactions, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
