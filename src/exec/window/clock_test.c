/* Slices and firing times: below 1970, with offsets, and where clocks change. */
#include "base/testing.h"

#include "exec/window/clock.h"

static Timestamp at(const char *text)
{
    Timestamp time = 0;
    assert_true(timestamp_parse(str_from(text), 'T', &time));
    return time;
}

static WindowClock clock_of(WindowKind kind, int64_t size_ms, int64_t slide_ms, int64_t offset_ms)
{
    WindowSpec spec = {
        .kind = kind, .size_ms = size_ms, .slide_ms = slide_ms, .offset_ms = offset_ms};
    return window_clock(&spec, NULL);
}

static void test_slices_are_cut_by_floor(void **state)
{
    (void)state;
    WindowClock clock = clock_of(WINDOW_TUMBLE, 10000, 10000, 0);
    assert_int_equal(window_slice(&clock, at("1970-01-01T00:00:09.999")), 0);
    assert_int_equal(window_slice(&clock, at("1970-01-01T00:00:10")), 1);
    assert_int_equal(window_slice(&clock, at("1969-12-31T23:59:59.999")), -1);
    assert_int_equal(window_slice_start(&clock, -1), at("1969-12-31T23:59:50"));
    clock = clock_of(WINDOW_TUMBLE, 10000, 10000, -3000);
    assert_int_equal(window_slice(&clock, at("1970-01-01T00:00:06.999")), 0);
    assert_int_equal(window_slice(&clock, at("1970-01-01T00:00:07")), 1);
    assert_int_equal(window_slice_start(&clock, 1), at("1970-01-01T00:00:07"));
    /* A week starts on Thursday. */
    clock = clock_of(WINDOW_TUMBLE, 7LL * MILLIS_PER_DAY, 7LL * MILLIS_PER_DAY, 0);
    int64_t week = window_slice(&clock, at("2024-07-10T12:00:00"));
    assert_int_equal(window_slice_start(&clock, week), at("2024-07-04T00:00:00"));
}

static void test_windows_are_named_by_their_last_slice(void **state)
{
    (void)state;
    WindowClock hop = clock_of(WINDOW_HOP, 30000, 10000, 0);
    assert_int_equal(window_first_slice(&hop, 6), 4);
    assert_int_equal(window_last_of(&hop, 4), 6);
    WindowClock cumulate = clock_of(WINDOW_CUMULATE, 30000, 10000, 0);
    assert_int_equal(window_first_slice(&cumulate, 5), 3);
    assert_int_equal(window_last_of(&cumulate, 3), 5);
    assert_int_equal(window_first_slice(&cumulate, -1), -3);
    assert_int_equal(window_last_of(&cumulate, -3), -1);
}

static void test_a_window_fires_at_its_last_millisecond(void **state)
{
    (void)state;
    WindowClock clock = clock_of(WINDOW_TUMBLE, 10000, 10000, 0);
    assert_int_equal(window_fired(&clock, at("1970-01-01T00:00:09.998")), -1);
    assert_int_equal(window_fired(&clock, at("1970-01-01T00:00:09.999")), 0);
    assert_int_equal(window_fired(&clock, at("1969-12-31T23:59:59.998")), -2);
    assert_int_equal(window_fired(&clock, TIMESTAMP_MIN), INT64_MIN);
    assert_int_equal(window_fired(&clock, TIMESTAMP_MAX), INT64_MAX);
}

static WindowClock clock_in(const char *zone_name, int64_t size_ms)
{
    const TimeZone *zone = NULL;
    assert_int_equal(timezone_find(world_system(), str_from(zone_name), &zone, NULL), OK);
    WindowSpec spec = {
        .kind = WINDOW_TUMBLE, .size_ms = size_ms, .slide_ms = size_ms, .is_local_time = true};
    return window_clock(&spec, zone);
}

static Timestamp fires(const WindowClock *clock, const char *local_start)
{
    return window_time(clock, window_slice(clock, at(local_start)));
}

static void test_clock_changes(void **state)
{
    (void)state;
    WindowClock hour = clock_in("America/Los_Angeles", 3600000);
    assert_int_equal(fires(&hour, "2021-03-14T01:00:00"), at("2021-03-14T09:59:59.999"));
    assert_int_equal(fires(&hour, "2021-03-14T02:00:00"), at("2021-03-14T10:00:00"));
    assert_int_equal(fires(&hour, "2021-03-14T03:00:00"), at("2021-03-14T10:59:59.999"));
    assert_int_equal(fires(&hour, "2021-11-07T00:00:00"), at("2021-11-07T07:59:59.999"));
    assert_int_equal(fires(&hour, "2021-11-07T01:00:00"), at("2021-11-07T09:59:59.999"));
    assert_int_equal(fires(&hour, "2021-11-07T02:00:00"), at("2021-11-07T10:59:59.999"));
    WindowClock day = clock_in("America/Los_Angeles", MILLIS_PER_DAY);
    assert_int_equal(fires(&day, "2021-03-14T00:00:00"), at("2021-03-15T06:59:59.999"));
    assert_int_equal(fires(&day, "2021-03-13T00:00:00"), at("2021-03-14T07:59:59.999"));
}

static void test_what_has_fired_agrees_with_when_it_fires(void **state)
{
    (void)state;
    static const char *const zones[] = {"America/Los_Angeles", "Australia/Lord_Howe", "Asia/Tokyo"};
    static const char *const days[] = {"2021-03-13T00:00:00", "2021-11-06T00:00:00",
                                       "2021-04-02T12:00:00", "2021-10-01T12:00:00"};
    for (int32_t z = 0; z < 3; z++) {
        WindowClock clock = clock_in(zones[z], 600000);
        for (int32_t d = 0; d < 4; d++) {
            int64_t before = INT64_MIN;
            for (int64_t step = 0; step < 3 * 24 * 20; step++) {
                Timestamp watermark = at(days[d]) + step * 180 * MICROS_PER_SECOND - 1000;
                int64_t fired = window_fired(&clock, watermark);
                assert_true(window_time(&clock, fired) <= watermark);
                assert_true(window_time(&clock, fired + 1) > watermark);
                assert_true(fired >= before);
                before = fired;
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices_are_cut_by_floor),
        cmocka_unit_test(test_windows_are_named_by_their_last_slice),
        cmocka_unit_test(test_a_window_fires_at_its_last_millisecond),
        cmocka_unit_test(test_clock_changes),
        cmocka_unit_test(test_what_has_fired_agrees_with_when_it_fires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
