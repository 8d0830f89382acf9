/* The calendar from 0000 to 9999 and below, and zones with their gaps and overlaps. */
#include "base/testing.h"

#include "data/datetime.h"
#include "data/tzrule.h"

static Timestamp at(const char *text)
{
    Timestamp micros;
    assert_true(timestamp_parse(str_from(text), ' ', &micros));
    return micros;
}

static void days_count_through_all_years(void **state)
{
    (void)state;
    int32_t expected = days_from_civil(-400, 1, 1);
    assert_int_equal(days_from_civil(1970, 1, 1), 0);
    assert_int_equal(days_from_civil(0, 1, 1), -719528);
    assert_int_equal(days_from_civil(9999, 12, 31), 2932896);
    for (int32_t year = -400; year <= 10000; year++)
        for (int32_t month = 1; month <= 12; month++)
            for (int32_t day = 1; day <= 31; day++) {
                if (!civil_is_valid(year, month, day))
                    continue;
                int32_t y, m, d;
                civil_from_days(expected, &y, &m, &d);
                if (days_from_civil(year, month, day) != expected || y != year || m != month ||
                    d != day)
                    fail_msg("%d-%d-%d", year, month, day);
                expected++;
            }
    assert_true(civil_is_valid(2000, 2, 29) && !civil_is_valid(1900, 2, 29));
    assert_false(civil_is_valid(2024, 13, 1) || civil_is_valid(2024, 4, 31));
}

static void civil_time_goes_both_ways_before_1970(void **state)
{
    (void)state;
    CivilTime civil = civil_from_micros(-1);
    assert_int_equal(civil.year, 1969);
    assert_int_equal(civil.second, 59);
    assert_int_equal(civil.nanosecond, 999999000);
    assert_true(micros_from_civil(&civil) == -1);
    civil = civil_from_micros(at("0000-01-01 00:00:00"));
    assert_int_equal(civil.year, 0);
    assert_int_equal(floor_div(-7, 2), -4);
    assert_int_equal(floor_mod(-7, 2), 1);
    assert_int_equal(floor_div(-8, 2), -4);
    assert_true(timestamp_add_months(at("2024-01-31 10:00:00"), 1) == at("2024-02-29 10:00:00"));
    assert_true(timestamp_add_months(at("2024-03-31 10:00:00"), -13) == at("2023-02-28 10:00:00"));
    assert_true(timestamp_add_months(at("1969-01-31 00:00:01"), 12) == at("1970-01-31 00:00:01"));
}

static void parsing_is_strict(void **state)
{
    (void)state;
    int32_t value;
    Timestamp micros;
    __int128 nanos;
    assert_true(at("2024-01-02 03:04:05.1234569") == at("2024-01-02 03:04:05.123456"));
    assert_true(at("2024-01-02") == at("2024-01-02 00:00"));
    assert_true(timestamp_parse(STR("2024-01-02T03:04:05"), 'T', &micros));
    assert_false(timestamp_parse(STR("2024-01-02T03:04:05"), ' ', &micros));
    assert_true(timestamp_parse_nanos(STR("1969-12-31 23:59:59.999999999"), ' ', &nanos));
    assert_true(nanos == -1);
    assert_true(timestamp_parse_nanos(STR("9999-12-31 23:59:59.999999999"), ' ', &nanos));
    assert_true(time_parse(STR("08:05:03.1239"), &value) && value == 29103123);
    const char *const wrong[] = {"",
                                 "2024-1-02",
                                 "2024-02-30",
                                 "2024-01-02 ",
                                 "2024-01-02 3:04",
                                 "2024-01-02 24:00:00",
                                 "2024-01-02 23:60:00",
                                 "2024-01-02 23:59:60",
                                 "2024-01-02 23:59:59.",
                                 "2024-01-02 23:59:59.1x",
                                 "2024-01-02 23:59:59Z",
                                 "2024-01-02 23:5",
                                 "-024-01-02",
                                 "2024-01-02 23:59:5"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(timestamp_parse(str_from(wrong[i]), ' ', &micros));
    assert_false(date_parse(STR("2024/01/02"), &value));
    assert_false(time_parse(STR("08"), &value));
}

static void printing_pads_and_cuts(void **state)
{
    (void)state;
    Buffer out = {0};
    date_print(&out, days_from_civil(7, 3, 4));
    buffer_append_char(&out, ' ');
    date_print(&out, days_from_civil(-1, 12, 31));
    buffer_append_char(&out, ' ');
    date_print(&out, days_from_civil(12345, 1, 1));
    buffer_append_char(&out, ' ');
    timestamp_print(&out, -1, 6, 'T');
    buffer_append_char(&out, ' ');
    timestamp_print(&out, at("2024-01-02 03:04:05.678"), 1, ' ');
    buffer_append_char(&out, ' ');
    timestamp_print_nanos(&out, -1, 9, ' ');
    buffer_append_char(&out, ' ');
    time_print(&out, 29103120, 3);
    assert_string_equal(buffer_terminated(&out),
                        "0007-03-04 -0001-12-31 +12345-01-01 1969-12-31T23:59:59.999999 "
                        "2024-01-02 03:04:05.6 1969-12-31 23:59:59.999999999 08:05:03.120");
    buffer_free(&out);
}

static const TimeZone *zone(const char *name)
{
    const TimeZone *found;
    Error error = {0};
    if (timezone_find(world_system(), str_from(name), &found, &error) != OK)
        fail_msg("%s: %s", name, error.text);
    assert_true(str_is(timezone_name(found), name));
    return found;
}

static void zones_know_gaps_and_overlaps(void **state)
{
    (void)state;
    const TimeZone *york = zone("America/New_York");
    assert_ptr_equal(york, zone("America/New_York"));
    /* The gap of 2024-03-10, 02:00 to 03:00: shifted forward. */
    assert_true(timezone_to_utc(york, at("2024-03-10 01:59:59")) == at("2024-03-10 06:59:59"));
    assert_true(timezone_to_utc(york, at("2024-03-10 02:30:00")) == at("2024-03-10 07:30:00"));
    assert_true(timezone_to_local(york, at("2024-03-10 07:30:00")) == at("2024-03-10 03:30:00"));
    assert_true(timezone_to_utc(york, at("2024-03-10 03:00:00")) == at("2024-03-10 07:00:00"));
    /* The overlap of 2024-11-03, 01:00 to 02:00: the earlier offset. */
    assert_true(timezone_to_utc(york, at("2024-11-03 01:30:00")) == at("2024-11-03 05:30:00"));
    assert_true(timezone_to_local(york, at("2024-11-03 06:30:00")) == at("2024-11-03 01:30:00"));
    assert_true(timezone_to_utc(york, at("2024-11-03 02:00:00")) == at("2024-11-03 07:00:00"));
    /* By the rule, long after the table of the file has ended; and before it begins. */
    assert_int_equal(timezone_offset_at(york, at("2999-07-01 00:00:00")), -4 * 3600);
    assert_int_equal(timezone_offset_at(york, at("2999-01-01 00:00:00")), -5 * 3600);
    assert_int_equal(timezone_offset_at(york, at("1850-01-01 00:00:00")), -17762);
    assert_true(timezone_to_utc(york, at("2999-07-01 00:00:00")) == at("2999-07-01 04:00:00"));
    /* South of the equator summer spans the new year; Lord Howe moves by half an hour. */
    assert_int_equal(timezone_offset_at(zone("Australia/Sydney"), at("2050-01-01 00:00:00")),
                     11 * 3600);
    const TimeZone *howe = zone("Australia/Lord_Howe");
    assert_true(timezone_to_utc(howe, at("2024-04-07 01:45:00")) == at("2024-04-06 14:45:00"));
    /* Samoa skipped a whole day. */
    const TimeZone *apia = zone("Pacific/Apia");
    assert_true(timezone_to_utc(apia, at("2011-12-30 12:00:00")) == at("2011-12-30 22:00:00"));
    assert_true(timezone_to_local(apia, at("2011-12-30 10:00:00")) == at("2011-12-31 00:00:00"));
}

static void zones_have_names_or_fixed_offsets(void **state)
{
    (void)state;
    assert_int_equal(timezone_offset_at(zone("GMT+08:00"), 0), 8 * 3600);
    assert_int_equal(timezone_offset_at(zone("GMT-3"), 0), -3 * 3600);
    assert_int_equal(timezone_offset_at(zone("GMT+05:30"), 0), 19800);
    assert_int_equal(timezone_offset_at(zone("Asia/Shanghai"), at("2024-01-01 00:00:00")), 28800);
    assert_int_equal(timezone_offset_at(zone("Asia/Shanghai"), at("2200-07-01 00:00:00")), 28800);
    assert_true(timezone_to_local(zone("UTC"), 5) == 5);
    assert_true(timezone_to_local(zone("GMT+08:00"), TIMESTAMP_MAX) == TIMESTAMP_MAX);
    assert_true(timezone_to_utc(zone("GMT+08:00"), TIMESTAMP_MIN) == TIMESTAMP_MIN);
    const char *const wrong[] = {"PST",       "EST",        "CST",           "",
                                 "GMT+19:00", "GMT+8:5",    "../etc/passwd", "/etc/localtime",
                                 "+08:00",    "GMT+08:60",  "tzdata.zi",     "america/new_york",
                                 "Asia",      "GMT+08:00x", "right/UTC",     "GMT+-8"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const TimeZone *found;
        Error error = {0};
        if (timezone_find(world_system(), str_from(wrong[i]), &found, &error) != ERR_INVALID)
            fail_msg("'%s' was taken for a zone", wrong[i]);
        assert_non_null(strstr(error.hint, "America/Los_Angeles"));
    }
}

static void rules_of_all_forms_are_read(void **state)
{
    (void)state;
    TzRule rule;
    assert_true(tzrule_parse(STR("<+0330>-3:30"), &rule));
    assert_int_equal(tzrule_offset_at(&rule, 0), 12600);
    assert_true(tzrule_parse(STR("<-02>2<-01>,M3.5.0/-1,M10.5.0/0"), &rule));
    assert_int_equal(rule.start.second, -3600);
    /* J60 is 1 March in every year, 59 is 29 February in leap years. */
    assert_true(tzrule_parse(STR("AAA0BBB,J60/0,J61/1"), &rule));
    assert_int_equal(tzrule_offset_at(&rule, at("2024-03-01 00:00:00") / MICROS_PER_SECOND), 3600);
    assert_int_equal(tzrule_offset_at(&rule, at("2023-03-01 00:00:00") / MICROS_PER_SECOND), 3600);
    assert_int_equal(tzrule_offset_at(&rule, at("2024-02-29 12:00:00") / MICROS_PER_SECOND), 0);
    assert_true(tzrule_parse(STR("AAA0BBB,59/0,60/1"), &rule));
    assert_int_equal(tzrule_offset_at(&rule, at("2024-02-29 12:00:00") / MICROS_PER_SECOND), 3600);
    const char *const wrong[] = {"",
                                 "A1",
                                 "AAA",
                                 "AAA0BBB",
                                 "AAA0BBB,",
                                 "AAA0BBB,M1",
                                 "AAA0BBB,J1,",
                                 "AAA0BBB,M13.1.1,J1",
                                 "<AAA0",
                                 "AAA0BBB,J1,J2x"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(tzrule_parse(str_from(wrong[i]), &rule));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_count_through_all_years),
        cmocka_unit_test(civil_time_goes_both_ways_before_1970),
        cmocka_unit_test(parsing_is_strict),
        cmocka_unit_test(printing_pads_and_cuts),
        cmocka_unit_test(zones_know_gaps_and_overlaps),
        cmocka_unit_test(zones_have_names_or_fixed_offsets),
        cmocka_unit_test(rules_of_all_forms_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
