/* Groups by a clock that is told: who is waited for, who keeps a place, and who is taken out. */
#include "base/testing.h"

#include <string.h>

#include "kafka/groups.h"

enum { SECOND_US = 1000 * 1000, SESSION_US = 10 * SECOND_US, REBALANCE_US = 4 * SECOND_US };

static WorldKind kind;
static World world = {.kind = &kind};
static int64_t now_us;
static Groups *groups;
static Group *group;
static const GroupProtocol range = {{"range", 5}, {"t", 1}};

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
    groups = groups_new(&world);
    group = groups_get(groups, STR("g"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    groups_free(groups);
    return 0;
}

/* Time goes by in steps of a second. */
static void pass(int32_t seconds)
{
    for (int32_t i = 0; i < seconds; i++) {
        now_us += SECOND_US;
        groups_tick(groups);
    }
}

/* It asks to join; with a name, it is static. */
static Member *join(const char *instance)
{
    Member *member = group_add(groups, group, STR("c"), STR("/h"));
    if (instance != NULL)
        member_set_instance(member, str_from(instance));
    member->session_us = SESSION_US;
    member->rebalance_us = REBALANCE_US;
    list_append(&member->protocols, member->arena, (void *)&range);
    group_set_protocol_type(group, STR("consumer"));
    group_join(groups, group, member);
    return member;
}

/* All of them ask what they read, the leader last. */
static void share(Member *const *members, int32_t count)
{
    assert_int_equal(group->state, GROUP_SYNCING);
    for (int32_t i = 0; i < count; i++)
        group_sync(groups, members[i]);
    group_assign(groups, group);
}

/* A group of two, which have what they read. */
static void make_pair(const char *first, const char *second, Member *pair[2])
{
    pair[0] = join(first);
    pair[1] = join(second);
    group_join(groups, group, pair[0]);
    assert_int_equal(group->generation, 2);
    assert_ptr_equal(group->leader, pair[0]);
    share(pair, 2);
}

static void test_a_dynamic_member_that_is_late_is_out(void **state)
{
    (void)state;
    Member *pair[2];
    make_pair(NULL, NULL, pair);
    group_join(groups, group, pair[0]);
    pass(3);
    assert_int_equal(group->state, GROUP_PREPARING);
    pass(1);
    assert_int_equal(group->generation, 3);
    assert_int_equal(group->member_count, 1);
    assert_ptr_equal(group->members[0], pair[0]);
}

static void test_a_static_member_that_is_late_keeps_its_place(void **state)
{
    (void)state;
    Member *pair[2];
    make_pair("first", "second", pair);
    group_join(groups, group, pair[0]);
    pass(4);
    assert_int_equal(group->state, GROUP_SYNCING);
    assert_int_equal(group->generation, 3);
    assert_ptr_equal(group_find_instance(group, STR("second")), pair[1]);
    share(pair, 2); /* it has come back in time */
    for (int32_t i = 0; i < 20; i++) {
        group_hear(groups, pair[0]);
        group_hear(groups, pair[1]);
        pass(1);
    }
    assert_int_equal(group->state, GROUP_STABLE);
    assert_int_equal(group->generation, 3);
}

static void test_its_place_goes_when_its_session_ends(void **state)
{
    (void)state;
    Member *pair[2];
    make_pair("first", "second", pair);
    for (int32_t i = 0; i < 2; i++)
        pair[i]->rebalance_us = 60 * SECOND_US;
    group_join(groups, group, pair[0]);
    for (int32_t i = 0; i < 59; i++) {
        group_hear(groups, pair[1]); /* it is alive, and late */
        pass(1);
    }
    assert_int_equal(group->state, GROUP_PREPARING);
    pass(1);
    assert_int_equal(group->state, GROUP_SYNCING);
    share(pair, 1);
    for (int32_t i = 0; i < 11; i++) {
        assert_int_equal(group->member_count, 2);
        group_hear(groups, pair[0]);
        pass(1);
    }
    assert_int_equal(group->member_count, 1);
    assert_int_equal(group->state, GROUP_PREPARING);
}

static void test_a_leader_that_is_late_leads_no_more(void **state)
{
    (void)state;
    Member *pair[2];
    make_pair("first", "second", pair);
    group_join(groups, group, pair[1]);
    pass(4);
    assert_ptr_equal(group->leader, pair[1]);
    assert_int_equal(group->member_count, 2);
    assert_int_equal(group->state, GROUP_SYNCING);
}

static void test_where_nobody_comes_those_who_keep_a_place_are_waited_for(void **state)
{
    (void)state;
    Member *pair[2], *third;
    make_pair("first", "second", pair);
    third = join(NULL);
    group_remove(groups, group, third);
    int32_t generation = group->generation;
    pass(5);
    assert_int_equal(group->generation, generation);
    assert_int_equal(group->member_count, 2);
    assert_int_equal(group->state, GROUP_PREPARING);
    pass(10); /* their sessions end */
    assert_int_equal(group->member_count, 0);
    assert_int_equal(group->state, GROUP_EMPTY);
}

static void test_who_never_asks_what_it_reads_is_out(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 2; i++) { /* static or not */
        const char *name = i == 0 ? NULL : "second";
        Member *pair[2];
        pair[0] = join(NULL);
        pair[1] = join(name);
        group_join(groups, group, pair[0]);
        share(pair, 1);
        for (int32_t j = 0; j < 3; j++) {
            group_hear(groups, pair[0]);
            group_hear(groups, pair[1]);
            pass(1);
        }
        assert_int_equal(group->state, GROUP_STABLE);
        pass(1);
        assert_int_equal(group->state, GROUP_PREPARING);
        assert_int_equal(group->member_count, 1);
        group_remove(groups, group, pair[0]);
    }
}

static void test_who_waits_for_the_leader_is_not_silent(void **state)
{
    (void)state;
    Member *pair[2];
    make_pair(NULL, NULL, pair);
    for (int32_t i = 0; i < 2; i++)
        pair[i]->rebalance_us = 60 * SECOND_US;
    for (int32_t i = 0; i < 2; i++)
        group_join(groups, group, pair[i]);
    group_sync(groups, pair[1]);
    for (int32_t i = 0; i < 30; i++) {
        group_hear(groups, pair[0]); /* it thinks, and says that it is alive */
        pass(1);
    }
    assert_int_equal(group->member_count, 2);
    share(pair, 2);
    pass(5);
    assert_int_equal(group->state, GROUP_STABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_dynamic_member_that_is_late_is_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_static_member_that_is_late_keeps_its_place, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_its_place_goes_when_its_session_ends, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_leader_that_is_late_leads_no_more, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            test_where_nobody_comes_those_who_keep_a_place_are_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_never_asks_what_it_reads_is_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_who_waits_for_the_leader_is_not_silent, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
