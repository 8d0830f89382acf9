/* Sessions of fetches: who is ready, who rests, which are kept and which have to go. */
#include "base/testing.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "kafka/fetch_sessions.h"

static WorldKind kind;
static World world = {.kind = &kind};
static int64_t now_us;
static FetchSessions *sessions;
static char places[64]; /* stand for partitions, which are only compared */

static int64_t told_us(World *of)
{
    (void)of;
    return now_us;
}

static int set_up(void **state)
{
    (void)state;
    kind = *world_system()->kind;
    kind.monotonic_us = told_us;
    now_us = 1;
    sessions = fetch_sessions_new(&world);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fetch_sessions_free(sessions);
    return 0;
}

static Partition *place(int32_t index)
{
    return (Partition *)&places[index];
}

static FetchSession *session_of(int32_t count)
{
    FetchSession *session = fetch_session_new(sessions, false);
    for (int32_t i = 0; i < count; i++)
        assert_true(fetch_session_put(session, STR("t"), i, i, 100));
    return session;
}

/* The indexes of those that are ready, in their order. */
static const char *ready(const FetchSession *session)
{
    static char text[256];
    int length = 0;
    text[0] = '\0';
    int32_t count = 0;
    for (FetchPartition *one = fetch_session_first_ready(session); one != NULL; one = one->next) {
        length += snprintf(text + length, sizeof text - (size_t)length, "%d ", (int)one->index);
        count++;
    }
    assert_int_equal(count, fetch_session_ready_count(session));
    return text;
}

static void test_what_rests_is_ready_when_its_partition_moves(void **state)
{
    (void)state;
    FetchSession *one = session_of(3), *other = session_of(1);
    assert_string_equal(ready(one), "0 1 2 ");
    fetch_partition_rest(fetch_session_first_ready(one), place(0));
    fetch_partition_rest(fetch_session_first_ready(one), place(1));
    fetch_partition_rest(fetch_session_first_ready(other), place(0));
    assert_string_equal(ready(one), "2 ");
    fetch_sessions_moved(sessions, place(0));
    fetch_sessions_moved(sessions, place(9)); /* where nobody rests */
    assert_string_equal(ready(one), "2 ");
    fetch_sessions_wake(sessions);
    assert_string_equal(ready(one), "2 0 ");
    assert_string_equal(ready(other), "0 ");
    fetch_sessions_wake(sessions);
    fetch_partition_requeue(fetch_session_first_ready(one));
    assert_string_equal(ready(one), "0 2 ");
    fetch_session_free(one);
    fetch_session_free(other);
}

static void test_what_is_asked_for_anew_is_ready(void **state)
{
    (void)state;
    FetchSession *session = session_of(2);
    fetch_partition_rest(fetch_session_first_ready(session), place(0));
    fetch_partition_rest(fetch_session_first_ready(session), place(1));
    assert_true(fetch_session_put(session, STR("t"), 1, 77, 5));
    assert_true(fetch_session_put(session, STR("u"), 1, 0, 5));
    assert_string_equal(ready(session), "1 1 ");
    assert_int_equal(fetch_session_first_ready(session)->offset, 77);
    fetch_session_forget(session, STR("t"), 0);
    fetch_session_forget(session, STR("t"), 5);
    fetch_session_forget(session, STR("t"), 1);
    assert_int_equal(fetch_session_count(session), 1);
    assert_string_equal(ready(session), "1 ");
    fetch_session_free(session);
}

static void test_another_version_makes_all_ready(void **state)
{
    (void)state;
    FetchSession *session = session_of(2);
    fetch_session_check(session, 4, true);
    fetch_partition_rest(fetch_session_first_ready(session), place(0));
    fetch_session_check(session, 4, true);
    assert_string_equal(ready(session), "1 ");
    fetch_session_check(session, 5, true);
    assert_string_equal(ready(session), "1 0 ");
    fetch_session_free(session);
}

/* What rests behind the last commit has more to give to who reads all. */
static void test_another_isolation_makes_all_ready(void **state)
{
    (void)state;
    FetchSession *session = session_of(2);
    for (int32_t round = 0; round < 2; round++) {
        fetch_session_check(session, 4, round == 0);
        fetch_partition_rest(fetch_session_first_ready(session), place(0));
        fetch_session_check(session, 4, round == 0);
        assert_int_equal(fetch_session_ready_count(session), 1);
    }
    fetch_session_check(session, 4, true);
    assert_int_equal(fetch_session_ready_count(session), 2);
    fetch_session_free(session);
}

static void test_partitions_of_a_topic_share_its_name(void **state)
{
    (void)state;
    FetchSession *session = session_of(3);
    assert_true(fetch_session_put(session, STR("u"), 0, 0, 1));
    FetchPartition *first = fetch_session_first(session);
    const char *name = first->topic.data;
    assert_ptr_equal(first->next_of_all->topic.data, name);
    assert_ptr_equal(first->next_of_all->next_of_all->topic.data, name);
    /* It outlives the one that has brought it. */
    fetch_session_forget(session, STR("t"), 0);
    fetch_session_forget(session, STR("t"), 1);
    first = fetch_session_first(session);
    assert_int_equal(first->index, 2);
    assert_true(str_is(first->topic, "t") && str_is(first->next_of_all->topic, "u"));
    fetch_session_free(session);
}

/* The indexes would all be in one bucket, if one could know which one that is. */
static void test_nobody_chooses_what_meets(void **state)
{
    (void)state;
    enum { COUNT = 1000, BUCKETS = 4096, MET_MAX = 30 };
    FetchSession *session = fetch_session_new(sessions, false);
    for (int32_t index = 0; fetch_session_count(session) < COUNT; index++)
        if (hash_combine(hash_bytes("t", 1), (uint64_t)index) % BUCKETS == 0)
            assert_true(fetch_session_put(session, STR("t"), index, 0, 1));
    int32_t most = 0;
    for (FetchPartition *one = fetch_session_first(session); one != NULL; one = one->next_of_all) {
        int32_t met = 0;
        for (const FetchPartition *at = one; at != NULL; at = at->next_in_bucket)
            met++;
        most = met > most ? met : most;
    }
    assert_in_range(most, 1, MET_MAX);
    fetch_session_free(session);
}

static void test_no_session_is_larger_than_all_may_be(void **state)
{
    (void)state;
    FetchSession *session = session_of(FETCH_PARTITIONS_MAX);
    assert_false(fetch_session_put(session, STR("t"), FETCH_PARTITIONS_MAX, 0, 1));
    assert_true(fetch_session_put(session, STR("t"), 0, 7, 1)); /* it is there */
    assert_int_equal(fetch_session_count(session), FETCH_PARTITIONS_MAX);
    fetch_session_free(session);
}

static void test_moves_that_are_too_many_to_name_wake_all(void **state)
{
    (void)state;
    FetchSession *session = session_of(1);
    fetch_partition_rest(fetch_session_first_ready(session), place(0));
    for (int32_t i = 0; i < 200000; i++)
        fetch_sessions_moved(sessions, place(1 + i % 2));
    fetch_sessions_wake(sessions);
    assert_string_equal(ready(session), "0 ");
    fetch_session_free(session);
}

static void test_a_session_is_its_users(void **state)
{
    (void)state;
    FetchSession *session = session_of(1);
    assert_int_equal(fetch_session_id(session), 0);
    assert_true(fetch_session_keep(session, "alice"));
    int32_t id = fetch_session_id(session);
    assert_true(id > 0);
    assert_int_equal(fetch_session_epoch(session), 1);
    assert_ptr_equal(fetch_session_find(sessions, id, "alice"), session);
    assert_null(fetch_session_find(sessions, id, "bob"));
    assert_null(fetch_session_find(sessions, id == 1 ? 2 : id - 1, "alice"));
    fetch_session_free(session);
    assert_null(fetch_session_find(sessions, id, "alice"));
}

static int32_t kept(int32_t partitions)
{
    FetchSession *session = session_of(partitions);
    int32_t id = fetch_session_keep(session, "a") ? fetch_session_id(session) : 0;
    if (id == 0)
        fetch_session_free(session);
    return id;
}

static void test_which_session_has_to_go(void **state)
{
    (void)state;
    int32_t first = kept(2), small = kept(1);
    for (int32_t i = 2; i < FETCH_SESSIONS_MAX; i++)
        assert_true(kept(3) > 0);
    /* They are young: none goes, also for a larger one. */
    now_us += FETCH_SESSION_SAFE_US;
    assert_int_equal(kept(10), 0);
    /* They are not, but all are in use: the smallest goes for a larger one only. */
    now_us += 1;
    assert_non_null(fetch_session_find(sessions, small, "a"));
    FetchSession *session = session_of(1);
    assert_true(fetch_session_keep(session, "a")); /* for that of those that nobody uses … */
    assert_null(fetch_session_find(sessions, first, "a"));
    assert_non_null(fetch_session_find(sessions, small, "a"));
}

static void test_the_smallest_goes_for_a_larger_one(void **state)
{
    (void)state;
    int32_t ids[FETCH_SESSIONS_MAX];
    for (int32_t i = 0; i < FETCH_SESSIONS_MAX; i++)
        ids[i] = kept(i == 7 ? 2 : 4);
    now_us += FETCH_SESSION_SAFE_US + 1;
    for (int32_t i = 0; i < FETCH_SESSIONS_MAX; i++)
        assert_non_null(fetch_session_find(sessions, ids[i], "a"));
    assert_int_equal(kept(2), 0);
    assert_true(kept(3) > 0);
    assert_null(fetch_session_find(sessions, ids[7], "a"));
    assert_int_equal(kept(4), 0); /* the one of three is young */
}

/* What goes gives its room away, and nothing goes for one that finds none. */
static void test_who_goes_makes_room(void **state)
{
    (void)state;
    enum { LARGE = FETCH_PARTITIONS_MAX - FETCH_SESSIONS_MAX + 1 };
    int32_t ids[FETCH_SESSIONS_MAX];
    for (int32_t i = 0; i < FETCH_SESSIONS_MAX; i++)
        ids[i] = kept(i == 0 ? LARGE : 1);
    now_us += FETCH_SESSION_SAFE_US + 1;
    assert_non_null(fetch_session_find(sessions, ids[0], "a"));
    assert_int_equal(kept(3), 0); /* the room of one is not enough */
    for (int32_t i = 0; i < FETCH_SESSIONS_MAX; i++)
        assert_non_null(fetch_session_find(sessions, ids[i], "a"));
    now_us += FETCH_SESSION_SAFE_US + 1;
    for (int32_t i = 1; i < FETCH_SESSIONS_MAX; i++)
        assert_non_null(fetch_session_find(sessions, ids[i], "a"));
    assert_true(kept(3) > 0); /* for the large one */
    assert_null(fetch_session_find(sessions, ids[0], "a"));
}

/* Anything in any order, against the plainest model. */
static void test_as_a_model_has_it(void **state)
{
    (void)state;
    enum { PARTITIONS = 300, SESSIONS = 3, STEPS = 60000 };
    static int32_t rests[SESSIONS * PARTITIONS]; /* 0: not there, 1: ready, 2 + n: rests at n */
    memset(rests, 0, sizeof rests);
    uint64_t chance = 3;
    FetchSession *all[SESSIONS];
    for (int32_t s = 0; s < SESSIONS; s++)
        all[s] = fetch_session_new(sessions, false);
    for (int32_t step = 0; step < STEPS; step++) {
        int32_t s = (int32_t)random_below(&chance, SESSIONS);
        int32_t index = (int32_t)random_below(&chance, PARTITIONS);
        int32_t at = (int32_t)random_below(&chance, (int64_t)sizeof places);
        switch (random_below(&chance, 6)) {
        case 0:
            fetch_session_forget(all[s], STR("t"), index);
            rests[s * PARTITIONS + index] = 0;
            break;
        case 1:
            fetch_sessions_moved(sessions, place(at));
            fetch_sessions_wake(sessions);
            for (int32_t i = 0; i < SESSIONS * PARTITIONS; i++)
                if (rests[i] == 2 + at)
                    rests[i] = 1;
            break;
        case 2:
        case 3: {
            FetchPartition *one = fetch_session_first_ready(all[s]);
            if (one == NULL)
                break;
            rests[s * PARTITIONS + one->index] = 2 + at;
            fetch_partition_rest(one, place(at));
            break;
        }
        default:
            assert_true(fetch_session_put(all[s], STR("t"), index, step, 1));
            rests[s * PARTITIONS + index] = 1;
        }
    }
    for (int32_t s = 0; s < SESSIONS; s++) {
        int32_t ready_count = 0, count = 0, seen = 0;
        for (int32_t i = 0; i < PARTITIONS; i++) {
            count += rests[s * PARTITIONS + i] > 0;
            ready_count += rests[s * PARTITIONS + i] == 1;
        }
        assert_int_equal(fetch_session_count(all[s]), count);
        assert_int_equal(fetch_session_ready_count(all[s]), ready_count);
        for (FetchPartition *one = fetch_session_first(all[s]); one != NULL;
             one = one->next_of_all, seen++)
            assert_ptr_equal(one->rests_at, rests[s * PARTITIONS + one->index] == 1
                                                ? NULL
                                                : place(rests[s * PARTITIONS + one->index] - 2));
        assert_int_equal(seen, count);
        fetch_session_free(all[s]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_rests_is_ready_when_its_partition_moves, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_asked_for_anew_is_ready, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_version_makes_all_ready, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_isolation_makes_all_ready, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_partitions_of_a_topic_share_its_name, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_nobody_chooses_what_meets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_session_is_larger_than_all_may_be, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_moves_that_are_too_many_to_name_wake_all, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_session_is_its_users, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_which_session_has_to_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_smallest_goes_for_a_larger_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_goes_makes_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_as_a_model_has_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
