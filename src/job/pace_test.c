/* How much of a task's time saving takes, and when it is over. */
#include "base/testing.h"

#include "job/pace.h"

enum { INTERVAL_US = 1000 * 1000, STEP_US = 300 };

static void test_takes_an_eighth_at_first_and_all_in_the_end(void **state)
{
    (void)state;
    assert_int_equal(pace_rest_us(STEP_US, 0, INTERVAL_US), 7 * STEP_US);
    assert_int_equal(pace_rest_us(STEP_US, INTERVAL_US / 8, INTERVAL_US), 3 * STEP_US);
    assert_int_equal(pace_rest_us(STEP_US, INTERVAL_US / 4, INTERVAL_US), STEP_US);
    assert_int_equal(pace_rest_us(STEP_US, INTERVAL_US / 2, INTERVAL_US), 0);
    assert_int_equal(pace_rest_us(STEP_US, 0, 0), 0);
    assert_int_equal(pace_rest_us(INTERVAL_US, 0, INTERVAL_US), PACE_REST_US_MAX);
}

/* However much there is to save: no checkpoint takes longer than the one behind it may wait, if it
 * could be taken in half of that at once. */
static void test_is_over_before_the_next_checkpoint(void **state)
{
    (void)state;
    for (int64_t work_us = 0; work_us <= INTERVAL_US / 2; work_us += STEP_US) {
        int64_t now_us = 0;
        for (int64_t saved_us = 0; saved_us < work_us; saved_us += STEP_US) {
            now_us += STEP_US;
            now_us += pace_rest_us(STEP_US, now_us, INTERVAL_US);
        }
        assert_true(now_us >= work_us && now_us <= INTERVAL_US + STEP_US);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_an_eighth_at_first_and_all_in_the_end),
        cmocka_unit_test(test_is_over_before_the_next_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
