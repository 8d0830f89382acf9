/* Columns of a terminal. */
#include "base/display.h"

#include "base/testing.h"

static void expect_shown(const char *text, int32_t columns_max, const char *expected,
                         int32_t expected_columns)
{
    Buffer out = {0};
    int32_t columns = display_append(&out, str_from(text), columns_max);
    assert_string_equal(buffer_terminated(&out), expected);
    assert_int_equal(columns, expected_columns);
    buffer_free(&out);
}

static void test_columns(void **state)
{
    (void)state;
    assert_int_equal(display_columns(STR("")), 0);
    assert_int_equal(display_columns(STR("abc")), 3);
    assert_int_equal(display_columns(STR("äöü")), 3);
    assert_int_equal(display_columns(STR("日本")), 4);
    assert_int_equal(display_columns(STR("e\xCC\x81")), 1); /* e and a combining acute */
    assert_int_equal(display_columns(STR("a\tb\nc")), 7);
    assert_int_equal(display_columns(STR("\x1b[31m")), 5);
    assert_int_equal(display_columns(STR("\xFF\xFE")), 2);
}

static void test_cutting(void **state)
{
    (void)state;
    expect_shown("abc", 10, "abc", 3);
    expect_shown("abcdefghij", 10, "abcdefghij", 10);
    expect_shown("abcdefghijk", 10, "abcdefg...", 10);
    /* A wide character does not fit by half. */
    expect_shown("日本語日本語", 10, "日本語...", 9);
    expect_shown("abcd", 2, "..", 2);
    expect_shown("abcd", 0, "", 0);
}

static void test_nothing_steers_the_terminal(void **state)
{
    (void)state;
    expect_shown("\x1b[31mred", 20, "\xEF\xBF\xBD[31mred", 8);
    expect_shown("a\nb\tc\r", 20, "a\\nb\\tc\\r", 9);
    expect_shown("x\xE2\x80\xAEy", 20, "x\xEF\xBF\xBDy", 3);
    expect_shown("\xC3", 20, "\xEF\xBF\xBD", 1);
}

static void test_frames(void **state)
{
    (void)state;
    Buffer out = {0};
    const Str cells[] = {STR("id"), STR("日本"), STR("longer than it may be")};
    const int32_t widths[] = {4, 6, 9};
    display_rule(&out, widths, 3);
    display_row(&out, cells, widths, 3);
    assert_string_equal(buffer_terminated(&out), "+------+--------+-----------+\n"
                                                 "|   id |   日本 | longer... |\n");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_cutting),
        cmocka_unit_test(test_nothing_steers_the_terminal),
        cmocka_unit_test(test_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
