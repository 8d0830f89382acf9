/* What is known of a file's bytes, also against a list of all that was noted. */
#include "base/testing.h"

#include <string.h>

#include "log/checked.h"

enum { MB = CHECKED_PIECE_BYTES };

static Checked checked;

static int tear_down(void **state)
{
    (void)state;
    checked_free(&checked);
    return 0;
}

static void test_nothing_is_known_at_first(void **state)
{
    (void)state;
    assert_false(checked_has(&checked, 0, 1, 0));
}

static void test_ranges_that_touch_are_one(void **state)
{
    (void)state;
    checked_note(&checked, 1000, 500, 1);
    checked_note(&checked, 1500, 3 * MB, 2);
    checked_note(&checked, 400, 600, 3);
    assert_true(checked_has(&checked, 400, 1100 + 3 * MB, 4));
    assert_false(checked_has(&checked, 399, 2, 4));
    assert_false(checked_has(&checked, 400, 1101 + 3 * MB, 4));
    assert_false(checked_has(&checked, 10 * MB, 1, 4));
}

/* Beyond what 32 bits count. */
static void test_files_may_be_large(void **state)
{
    (void)state;
    int64_t far = INT64_C(5) << 30;
    checked_note(&checked, far + 7, 3 * MB, 1);
    assert_true(checked_has(&checked, far + 7, 3 * MB, 1));
    assert_false(checked_has(&checked, far + 6, 3 * MB, 1));
    assert_false(checked_has(&checked, (INT64_C(1) << 30) + 7, 1, 1));
}

/* What lies between two ranges of a piece was never looked at. */
static void test_a_gap_is_not_filled(void **state)
{
    (void)state;
    checked_note(&checked, 0, 1000, 1);
    checked_note(&checked, 1001, 1000, 1);
    assert_false(checked_has(&checked, 0, 2001, 1));
    assert_false(checked_has(&checked, 1000, 1, 1));
    assert_true(checked_has(&checked, 1001, 1000, 1));
}

static void test_what_was_compared_long_ago_is_not_known(void **state)
{
    (void)state;
    checked_note(&checked, 0, 100, 5);
    checked_note(&checked, 100, 100, 5 + CHECKED_FOR_US - 1);
    assert_true(checked_has(&checked, 0, 200, 5 + CHECKED_FOR_US - 1));
    assert_false(checked_has(&checked, 0, 200, 5 + CHECKED_FOR_US)); /* as old as its oldest byte */
    checked_note(&checked, 100, 50, 5 + CHECKED_FOR_US);
    assert_false(checked_has(&checked, 0, 100, 5 + CHECKED_FOR_US));
    assert_true(checked_has(&checked, 100, 50, 5 + CHECKED_FOR_US));
}

/* It never says more than there is. */
static void test_it_never_knows_what_was_not_noted(void **state)
{
    (void)state;
    enum { UNIT = MB / 4, UNITS = 40, LIFE = CHECKED_FOR_US };
    int64_t noted_us[UNITS], now_us = 0;
    uint64_t seed = 1;
    int32_t hits = 0;
    memset(noted_us, 0xff, sizeof noted_us); /* -1 */
    for (int32_t round = 0; round < 20000; round++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        int64_t from = (int64_t)(seed >> 33) % UNITS, count = 1 + (int64_t)(seed >> 50) % 6;
        count = count < UNITS - from ? count : UNITS - from;
        now_us += LIFE / 50;
        if (round % 2 == 0) {
            checked_note(&checked, from * UNIT, count * UNIT, now_us);
            for (int64_t i = from; i < from + count; i++)
                noted_us[i] = now_us;
        } else if (checked_has(&checked, from * UNIT, count * UNIT, now_us)) {
            hits++;
            for (int64_t i = from; i < from + count; i++)
                assert_true(noted_us[i] >= 0 && now_us - noted_us[i] < LIFE);
        }
    }
    assert_true(hits > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_nothing_is_known_at_first, tear_down),
        cmocka_unit_test_teardown(test_ranges_that_touch_are_one, tear_down),
        cmocka_unit_test_teardown(test_files_may_be_large, tear_down),
        cmocka_unit_test_teardown(test_a_gap_is_not_filled, tear_down),
        cmocka_unit_test_teardown(test_what_was_compared_long_ago_is_not_known, tear_down),
        cmocka_unit_test_teardown(test_it_never_knows_what_was_not_noted, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
