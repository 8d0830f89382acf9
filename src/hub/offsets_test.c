/* Committed offsets on a real file system: what counts, what is forgotten, and what transactions
 * make of it, before and after the topic is read again. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "hub/offsets.h"

static char folder[64];
static Topics *topics;
static Offsets *offsets;

/* A world whose disk is full at times. */
static WorldKind kind;
static World world = {.kind = &kind};
static bool is_full;

static Status write_if_it_fits(File *file, const void *bytes, int64_t length, Error *error)
{
    return is_full ? fail(error, ERR_FULL, "WR5004", "no space left")
                   : world_system()->kind->write(file, bytes, length, error);
}

static void open_all(void)
{
    Error error = {0};
    if (topics_open(&world, folder, &(LogOptions){0}, &topics, &error) != OK ||
        offsets_open(&world, topics, &offsets, &error) != OK)
        fail_msg("%s %s", error.code, error.text);
}

static void close_all(void)
{
    offsets_free(offsets);
    assert_int_equal(topics_close(topics, NULL), OK);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-offsets-XXXXXX");
    assert_non_null(mkdtemp(folder));
    kind = *world_system()->kind;
    kind.write = write_if_it_fits;
    open_all();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_all();
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
    return 0;
}

static CommittedOffset offset_of(const char *group, const char *topic, int64_t offset)
{
    return (CommittedOffset){.group = str_from(group),
                             .topic = str_from(topic),
                             .offset = offset,
                             .leader_epoch = -1,
                             .metadata = STR("note"),
                             .committed_ms = offset};
}

static void commit(const char *group, const char *topic, int64_t offset)
{
    int64_t end_offset;
    CommittedOffset one = offset_of(group, topic, offset);
    assert_int_equal(offsets_commit(offsets, (CommitProducer){-1, -1}, &one, 1, &end_offset, NULL),
                     OK);
}

static void commit_within(int64_t producer, const char *group, int64_t offset)
{
    int64_t end_offset;
    CommittedOffset one = offset_of(group, "t", offset);
    assert_int_equal(
        offsets_commit(offsets, (CommitProducer){producer, 0}, &one, 1, &end_offset, NULL), OK);
}

static void end(int64_t producer, bool is_commit)
{
    Appended appended;
    assert_int_equal(partition_end_transaction(offsets_partition(offsets), producer, 0, is_commit,
                                               &appended, NULL),
                     OK);
    offsets_end_transaction(offsets, producer, is_commit);
}

static int64_t found(const char *group, const char *topic)
{
    const CommittedOffset *one = offsets_find(offsets, str_from(group), str_from(topic), 0);
    return one != NULL ? one->offset : -1;
}

static void forget(OffsetsFilter filter, bool says_something)
{
    int64_t end_offset;
    assert_int_equal(offsets_forget(offsets, &filter, &end_offset, NULL), OK);
    assert_int_equal(end_offset > 0, says_something);
}

static bool is_named_a(void *context, Str group)
{
    (void)context;
    return str_is(group, "a");
}

static void test_forgets_what_the_filter_says(void **state)
{
    (void)state;
    static const char *const groups[] = {"a", "b", "c"};
    for (int32_t i = 0; i < 3; i++) {
        commit(groups[i], "t", 10 * (i + 1));
        commit(groups[i], "u", 10 * (i + 1) + 1);
    }
    forget((OffsetsFilter){.group = STR("nobody"), .partition = -1}, false);
    forget((OffsetsFilter){.topic = STR("t"), .partition = 7}, false);
    forget((OffsetsFilter){.group = STR("b"), .topic = STR("t"), .partition = 0}, true);
    forget((OffsetsFilter){.partition = -1, .before_ms = 31, .is_free = is_named_a}, true);
    for (int32_t i = 0; i < 2; i++) {
        assert_int_equal(found("a", "t"), -1);
        assert_int_equal(found("a", "u"), -1);
        assert_int_equal(found("b", "t"), -1);
        assert_int_equal(found("b", "u"), 21);
        assert_int_equal(found("c", "t"), 30);
        close_all();
        open_all();
    }
    forget((OffsetsFilter){.partition = -1, .before_ms = 31}, true);
    assert_int_equal(offsets_count(offsets), 1);
    assert_int_equal(found("c", "u"), 31);
}

static void test_transactions_count_when_they_are_committed(void **state)
{
    (void)state;
    commit("a", "t", 1);
    commit_within(5, "a", 2);
    commit_within(6, "b", 3);
    for (int32_t i = 0; i < 2; i++) {
        assert_int_equal(found("a", "t"), 1);
        assert_int_equal(found("b", "t"), -1);
        assert_true(offsets_are_pending(offsets, STR("a"), STR("t"), 0));
        assert_true(offsets_are_pending(offsets, STR("b"), STR("t"), 0));
        close_all();
        open_all();
    }
    end(5, true);
    end(6, false);
    for (int32_t i = 0; i < 2; i++) {
        assert_int_equal(found("a", "t"), 2);
        assert_int_equal(found("b", "t"), -1);
        assert_false(offsets_are_pending(offsets, STR("a"), STR("t"), 0));
        assert_false(offsets_are_pending(offsets, STR("b"), STR("t"), 0));
        close_all();
        open_all();
    }
}

/* They are pending from the moment on in which they were taken, unless they cannot be written. */
static void test_transactions_are_pending_before_they_are_written(void **state)
{
    (void)state;
    CommittedOffset one = offset_of("a", "t", 4), other = offset_of("b", "t", 5);
    commit("a", "t", 1);
    OffsetsWrite first, second;
    offsets_begin(offsets, (CommitProducer){5, 0}, &one, 1, &first);
    offsets_begin(offsets, (CommitProducer){5, 0}, &other, 1, &second);
    assert_true(offsets_are_pending(offsets, STR("a"), STR("t"), 0));
    assert_true(offsets_are_pending(offsets, STR("b"), STR("t"), 0));
    assert_int_equal(offsets_append(offsets, &first, NULL), OK);
    assert_int_equal(offsets_finish(offsets, &first, OK, NULL), OK);
    assert_int_equal(offsets_finish(offsets, &second, ERR_FULL, NULL), ERR_FULL);
    assert_true(offsets_are_pending(offsets, STR("a"), STR("t"), 0));
    assert_false(offsets_are_pending(offsets, STR("b"), STR("t"), 0));
    end(5, true);
    assert_int_equal(found("a", "t"), 4);
    assert_int_equal(found("b", "t"), -1);
}

/* A topic that goes takes what transactions have committed of it, written or on its way. */
static void test_transactions_lose_what_is_forgotten(void **state)
{
    (void)state;
    commit_within(5, "a", 2);
    commit_within(5, "b", 3);
    CommittedOffset one = offset_of("a", "t", 4);
    OffsetsWrite write;
    offsets_begin(offsets, (CommitProducer){5, 0}, &one, 1, &write);
    forget((OffsetsFilter){.group = STR("a"), .partition = -1}, true);
    assert_int_equal(offsets_append(offsets, &write, NULL), OK);
    assert_int_equal(offsets_finish(offsets, &write, OK, NULL), OK);
    for (int32_t i = 0; i < 2; i++) {
        assert_false(offsets_are_pending(offsets, STR("a"), STR("t"), 0));
        assert_true(offsets_are_pending(offsets, STR("b"), STR("t"), 0));
        close_all();
        open_all();
    }
    end(5, true);
    for (int32_t i = 0; i < 2; i++) {
        assert_int_equal(found("a", "t"), -1);
        assert_int_equal(found("b", "t"), 3);
        close_all();
        open_all();
    }
}

/* What was written last counts, whenever the transaction ends. */
static void test_a_later_commit_outlives_a_transaction(void **state)
{
    (void)state;
    commit_within(5, "a", 2);
    commit("a", "t", 9);
    end(5, true);
    assert_int_equal(found("a", "t"), 9);
    close_all();
    open_all();
    assert_int_equal(found("a", "t"), 9);
}

/* Begun, appended and finished one after the other, among others of that kind. */
static OffsetsWrite begin(const CommittedOffset *one, int64_t producer)
{
    OffsetsWrite write;
    offsets_begin(offsets, (CommitProducer){producer, producer < 0 ? -1 : 0}, one, 1, &write);
    return write;
}

static void append(OffsetsWrite *write)
{
    assert_int_equal(offsets_append(offsets, write, NULL), OK);
}

static void finish(OffsetsWrite *write)
{
    assert_int_equal(offsets_finish(offsets, write, OK, NULL), OK);
}

static void test_commits_on_their_way(void **state)
{
    (void)state;
    CommittedOffset old = offset_of("a", "t", 1), new = offset_of("a", "t", 2);
    OffsetsWrite first = begin(&old, -1), second = begin(&new, -1);
    assert_int_equal(found("a", "t"), -1);
    append(&first);
    append(&second);
    finish(&second);
    finish(&first); /* what stands behind it counts */
    assert_int_equal(found("a", "t"), 2);
    /* Sequences of a producer are those of their turn. */
    CommittedOffset within[] = {offset_of("b", "t", 3), offset_of("b", "u", 4)};
    first = begin(&within[0], 5);
    second = begin(&within[1], 5);
    append(&first);
    append(&second);
    finish(&first);
    finish(&second);
    end(5, true);
    OffsetsWrite failed = begin(&old, -1);
    assert_int_equal(offsets_finish(offsets, &failed, ERR_FULL, NULL), ERR_FULL);
    for (int32_t i = 0; i < 2; i++) {
        assert_int_equal(found("a", "t"), 2);
        assert_int_equal(found("b", "t"), 3);
        assert_int_equal(found("b", "u"), 4);
        close_all();
        open_all();
    }
}

/* Whatever is to be forgotten while a commit is on its way takes that with it. */
static void test_commits_that_are_forgotten_on_their_way(void **state)
{
    (void)state;
    CommittedOffset one = offset_of("a", "t", 1), other = offset_of("b", "t", 2);
    commit("a", "t", 7);
    OffsetsWrite first = begin(&one, -1), second = begin(&other, -1);
    append(&first);
    forget((OffsetsFilter){.group = STR("a"), .partition = -1}, true);
    int64_t begun = offsets_begun(offsets);
    append(&second);
    int64_t end = offsets_end(offsets);
    finish(&first);
    assert_false(offsets_are_finished(offsets, begun));
    finish(&second);
    /* Only now the end is known: the first one has been taken back behind the second. */
    assert_true(offsets_are_finished(offsets, begun));
    assert_int_equal(offsets_end(offsets), end + 1);
    commit("c", "t", 3);
    assert_true(offsets_are_finished(offsets, begun));
    for (int32_t i = 0; i < 2; i++) {
        assert_int_equal(found("a", "t"), -1);
        assert_int_equal(found("b", "t"), 2);
        assert_int_equal(found("c", "t"), 3);
        close_all();
        open_all();
    }
    /* Not what was begun later. */
    forget((OffsetsFilter){.group = STR("b"), .partition = -1}, true);
    first = begin(&other, -1);
    append(&first);
    finish(&first);
    assert_int_equal(found("b", "t"), 2);
}

/* A commit of "a" that is forgotten on its way, and cannot be taken back. */
static void leave_owed(void)
{
    CommittedOffset one = offset_of("a", "t", 1);
    OffsetsWrite write = begin(&one, -1);
    append(&write);
    forget((OffsetsFilter){.group = STR("a"), .partition = -1}, false);
    is_full = true;
    assert_int_equal(offsets_finish(offsets, &write, OK, NULL), ERR_FULL);
    assert_int_equal(offsets_settle(offsets, NULL), ERR_FULL);
    is_full = false;
    assert_true(offsets_owe(offsets));
    assert_false(offsets_are_finished(offsets, offsets_begun(offsets)));
    assert_int_equal(found("a", "t"), -1);
}

static void test_what_cannot_be_taken_back_is_taken_back_later(void **state)
{
    (void)state;
    leave_owed();
    assert_int_equal(offsets_settle(offsets, NULL), OK);
    assert_false(offsets_owe(offsets));
    assert_true(offsets_are_finished(offsets, offsets_begun(offsets)));
    close_all();
    open_all();
    assert_int_equal(found("a", "t"), -1);
    leave_owed();
    commit("b", "t", 2); /* takes it along */
    assert_false(offsets_owe(offsets));
    close_all();
    open_all();
    assert_int_equal(found("a", "t"), -1);
    assert_int_equal(found("b", "t"), 2);
}

/* The group is there again before what it had is taken back. */
static void test_what_is_taken_back_leaves_later_commits(void **state)
{
    (void)state;
    leave_owed();
    commit("a", "t", 5);
    assert_int_equal(offsets_settle(offsets, NULL), OK);
    assert_int_equal(found("a", "t"), 5);
    close_all();
    open_all();
    assert_int_equal(found("a", "t"), 5);
    /* Written before the one that is forgotten is finished. */
    CommittedOffset one = offset_of("a", "t", 6), next = offset_of("a", "t", 7);
    OffsetsWrite first = begin(&one, -1);
    forget((OffsetsFilter){.group = STR("a"), .partition = -1}, true);
    OffsetsWrite second = begin(&next, -1);
    append(&first);
    append(&second);
    finish(&first);
    finish(&second);
    assert_false(offsets_owe(offsets));
    for (int32_t i = 0; i < 2; i++) {
        assert_int_equal(found("a", "t"), 7);
        close_all();
        open_all();
    }
    /* In a transaction: it stays when that is committed, and only then. */
    for (int32_t is_commit = 0; is_commit < 2; is_commit++) {
        forget((OffsetsFilter){.group = STR("a"), .partition = -1}, is_commit == 0);
        leave_owed();
        commit_within(5, "a", 8);
        assert_true(offsets_owe(offsets));
        end(5, is_commit != 0);
        assert_int_equal(offsets_settle(offsets, NULL), OK);
        assert_false(offsets_owe(offsets));
        for (int32_t i = 0; i < 2; i++) {
            assert_int_equal(found("a", "t"), is_commit ? 8 : -1);
            close_all();
            open_all();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commits_on_their_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_commits_that_are_forgotten_on_their_way, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_taken_back_is_taken_back_later, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_taken_back_leaves_later_commits, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_forgets_what_the_filter_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_transactions_count_when_they_are_committed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_transactions_are_pending_before_they_are_written,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_transactions_lose_what_is_forgotten, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_later_commit_outlives_a_transaction, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
