/* Test files as text, what differs, what an update writes, and cases that must fail. */
#include "base/testing.h"

#include "base/arena.h"
#include "trial/difference.h"
#include "trial/trial.h"

static Arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static TrialFile *parse(const char *text)
{
    TrialFile *file = NULL;
    Error error = {0};
    Status status = trial_parse("t.test", str_from(text), arena, &file, &error);
    if (status != OK)
        fail_msg("%s", error.text);
    return file;
}

static void assert_mistake(const char *text, const char *message)
{
    TrialFile *file = NULL;
    Error error = {0};
    assert_int_equal(trial_parse("t.test", str_from(text), arena, &file, &error), ERR_INVALID);
    assert_string_equal(error.text, message);
    assert_string_equal(error.code, "WR7020");
}

static void assert_text(Str text, const char *expected)
{
    assert_string_equal(str_terminated(arena, text), expected);
}

/* ---- The text of a file ------------------------------------------------------------------------
 */

static void test_sections_have_their_text_and_place(void **state)
{
    (void)state;
    const TrialFile *file = parse("# About.\n"
                                  "--- setup\n"
                                  "CREATE TABLE t (a INT);\n"
                                  "\n"
                                  "=== one\n"
                                  "--- sql\n"
                                  "SELECT a\n"
                                  "FROM t\n"
                                  "--- feed t\n"
                                  "(1)\n"
                                  "\n"
                                  "--- expect changes of q in any order\n"
                                  "+I[1]\n"
                                  "\n"
                                  "\n"
                                  "=== two\n"
                                  "# Why.\n"
                                  "--- differs from flink: because\n"
                                  "--- sql\n"
                                  "SELECT 1\n"
                                  "--- expect rows\n"
                                  "+I[1]");
    assert_int_equal(file->setup.count, 1);
    assert_text(LIST_AT(file->setup, 0, SectionBody)->text, "CREATE TABLE t (a INT);\n");
    assert_int_equal(file->cases.count, 2);
    const TrialCase *one = LIST_AT(file->cases, 0, TrialCase);
    assert_text(one->title, "one");
    assert_int_equal(one->line, 5);
    assert_text(LIST_AT(one->sql, 0, SectionBody)->text, "SELECT a\nFROM t\n");
    assert_int_equal(one->steps.count, 2);
    const TrialStep *feed = LIST_AT(one->steps, 0, TrialStep);
    assert_int_equal(feed->kind, STEP_FEED);
    assert_text(feed->table, "t");
    assert_text(feed->body.text, "(1)\n");
    assert_int_equal(feed->body.first_line, 10);
    const TrialStep *expect = LIST_AT(one->steps, 1, TrialStep);
    assert_int_equal(expect->kind, STEP_EXPECT_CHANGES);
    assert_text(expect->table, "q");
    assert_true(expect->is_any_order);
    assert_text(expect->body.text, "+I[1]\n");
    const TrialCase *two = LIST_AT(file->cases, 1, TrialCase);
    assert_text(two->difference, "because");
    assert_text(LIST_AT(two->steps, 0, TrialStep)->body.text, "+I[1]");
}

static void test_time_moves_as_written(void **state)
{
    (void)state;
    const TrialFile *file = parse("=== one\n--- sql\nSELECT 1\n--- advance clock 90 s\n"
                                  "--- advance watermark t to 1970-01-01 00:01:00\n"
                                  "--- advance watermark t to '1970-01-01T00:01:00.5'\n"
                                  "--- expect rows\n");
    const TrialCase *test = LIST_AT(file->cases, 0, TrialCase);
    assert_int_equal(LIST_AT(test->steps, 0, TrialStep)->clock_us, 90 * 1000000);
    assert_int_equal(LIST_AT(test->steps, 1, TrialStep)->watermark, 60 * 1000000);
    assert_int_equal(LIST_AT(test->steps, 2, TrialStep)->watermark, 60500000);
}

static void test_mistakes_are_named_with_their_line(void **state)
{
    (void)state;
    assert_mistake("", "t.test:1: the file has no case (`=== title`)");
    assert_mistake("x\n", "t.test:1: text outside of a section; comments begin with #");
    assert_mistake("--- sql\n", "t.test:1: `--- sql` before the first case (`=== title`)");
    assert_mistake("=== a\n--- expect rows\n", "t.test:1: the case has no `--- sql`");
    assert_mistake("=== a\n--- sql\nSELECT 1\n", "t.test:1: the case ends without `--- expect`");
    assert_mistake("=== a\n--- sql\nSELECT 1\n--- feed t\n(1)\n=== b\n",
                   "t.test:4: the case ends without `--- expect`");
    assert_mistake("=== a\n--- sq\n",
                   "t.test:2: there is no section `--- sq`: setup, sql, pipeline, "
                   "feed, advance, expect");
    assert_mistake("=== a\n--- sql\n--- setup\n",
                   "t.test:3: `--- setup` stands alone, before the first case");
    assert_mistake("=== a\n--- sql\n--- feed\n", "t.test:3: `--- feed` needs the name of a table");
    assert_mistake("=== a\n--- sql\n--- feed t\n--- sql\n",
                   "t.test:4: `--- sql` comes before what is fed and expected");
    assert_mistake(
        "=== a\n--- sql\n--- expect nothing\n",
        "t.test:3: `--- expect` takes changes, rows, error, dead letters, plan or output");
    assert_mistake("=== a\n--- sql\n--- expect rows in any order\n",
                   "t.test:3: `in any order` is not understood here");
    assert_mistake("=== a\n--- sql\n--- expect error\n--- expect rows\n",
                   "t.test:3: nothing comes after `--- expect error`");
    assert_mistake("=== a\n--- sql\n--- advance clock soon\n",
                   "t.test:3: `soon` is no duration, such as 10 s");
    assert_mistake("=== a\n--- sql\n--- advance watermark t to noon\n",
                   "t.test:3: `noon` is no time, such as 2024-01-01 00:01:00");
}

static void test_rows_may_go_on_over_lines(void **state)
{
    (void)state;
    SectionBody body = {.text = STR("# none\n"
                                    "(1, 'a)')\n"
                                    "\n"
                                    "-U (2,\n"
                                    "  'it''s')\n"
                                    "+U  (3, (4))\n"
                                    "5\n"),
                        .first_line = 10};
    static const struct {
        RowKind kind;
        int32_t line;
        bool is_good;
        const char *values;
    } expected[] = {
        {ROW_INSERT, 11, true, "(1, 'a)')"},
        {ROW_UPDATE_BEFORE, 13, true, "(2,\n  'it''s')"},
        {ROW_UPDATE_AFTER, 15, true, "(3, (4))"},
        {ROW_INSERT, 16, false, "5"},
    };
    FedCursor cursor = fed_cursor(&body);
    FedRow row;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(fed_next(&cursor, &row));
        assert_int_equal(row.kind, expected[i].kind);
        assert_int_equal(row.line, expected[i].line);
        assert_int_equal(row.is_good, expected[i].is_good);
        assert_text(row.values, expected[i].values);
    }
    assert_false(fed_next(&cursor, &row));
}

/* ---- Differences -------------------------------------------------------------------------------
 */

static void assert_difference(const char *expected, const char *actual, const char *shown)
{
    Buffer out = {0};
    lines_compare(lines_split(arena, str_from(expected)), lines_split(arena, str_from(actual)), 2,
                  false, &out);
    assert_string_equal(buffer_terminated(&out), shown);
    buffer_free(&out);
}

static void test_differences_keep_what_is_common(void **state)
{
    (void)state;
    assert_difference("a\nb\nc\n", "a\nc\n", "    a\n  - b\n    c\n");
    assert_difference("a\nc\n", "a\nb\nc\n", "    a\n  + b\n    c\n");
    assert_difference("a\n", "b\n", "  - a\n  + b\n");
    assert_difference("", "b\n", "  + b\n");
    assert_difference("a\nb\nc\nd\n", "b\nc\nx\nd\n", "  - a\n    b\n    c\n  + x\n    d\n");
    assert_difference("a", "a\n", "    a\n");
}

static void test_differences_are_coloured_on_a_terminal(void **state)
{
    (void)state;
    Buffer out = {0};
    lines_compare(lines_split(arena, STR("a\nb\n")), lines_split(arena, STR("a\nc\n")), 0, true,
                  &out);
    assert_string_equal(buffer_terminated(&out), "  a\n\033[31m- b\033[0m\n\033[32m+ c\033[0m\n");
    buffer_free(&out);
}

/* ---- Cases -------------------------------------------------------------------------------------
 */

/* The report of the file's only case, "" if it passes. */
static const char *run(const char *text)
{
    const TrialFile *file = parse(text);
    TrialOptions options = {0};
    TrialResult result = {0};
    trial_run(world_system(), file, LIST_AT(file->cases, 0, TrialCase), &options, &result);
    const char *report = str_terminated(arena, buffer_str(&result.report));
    assert_int_equal(result.is_passed, report[0] == '\0');
    trial_result_free(&result);
    return report;
}

#define COUNT                                                                                      \
    "=== a\n--- sql\nCREATE TABLE t (k INT, v INT NOT NULL);\n"                                    \
    "SELECT k, COUNT(*) FROM t GROUP BY k\n"

static void test_a_case_that_holds_passes(void **state)
{
    (void)state;
    assert_string_equal(
        run(COUNT "--- feed t\n(1, 1)\n(1, 2)\n--- expect changes\n+I[1, 1]\n-U[1, 1]\n+U[1, 2]\n"
                  "--- feed t\n(2, 2)\n--- expect changes\n+I[2, 1]\n--- expect rows\n"
                  "+I[2, 1]\n+I[1, 2]\n"),
        "");
}

static void test_a_case_that_does_not_hold_fails(void **state)
{
    (void)state;
    assert_string_equal(run(COUNT "--- feed t\n(1, 1)\n--- expect changes\n+I[1, 2]\n"),
                        "t.test:7: changes differ (- expected, + actual)\n"
                        "    - +I[1, 2]\n    + +I[1, 1]\n");
    assert_string_equal(run(COUNT "--- feed t\n(1, 1)\n--- expect rows\n"),
                        "t.test:7: rows differ (- expected, + actual)\n    + +I[1, 1]\n");
    assert_string_equal(run(COUNT "--- feed t\n(1, 1)\n--- expect changes of x\n"),
                        "t.test:7: nothing is written to `x`, only to `query`\n");
    assert_string_equal(run(COUNT "--- expect error\nWR2041\n"),
                        "t.test:5: an error is expected, but the statements are right\n");
}

static void test_what_is_fed_must_fit_its_table(void **state)
{
    (void)state;
    assert_string_equal(run(COUNT "--- feed u\n(1, 1)\n--- expect changes\n"),
                        "t.test:5: no statement of the case reads table `u`\n");
    assert_string_equal(run(COUNT "--- feed t\n(1)\n--- expect changes\n"),
                        "t.test:6: error[WR2032]: the row has 1 value, not 2\n");
    assert_string_equal(run(COUNT "--- feed t\n(1, NULL)\n--- expect changes\n"),
                        "t.test:6: error[WR2105]: column `v` is NOT NULL\n");
    assert_string_equal(run(COUNT "--- feed t\n(3000000000, 1)\n--- expect changes\n"),
                        "t.test:6: error[WR2103]: the value does not fit INT\n");
    assert_string_equal(run(COUNT "--- feed t\nx\n--- expect changes\n"),
                        "t.test:6: a row is needed, such as (1, 'a') or -D (1, 'a')\n");
}

static void test_dead_letters_must_be_named(void **state)
{
    (void)state;
    const char *text = COUNT "--- feed t\n(1, 1)\n--- expect changes\n+I[1, 1]\n";
    assert_string_equal(run(text), "");
    assert_string_equal(run("=== a\n--- sql\nCREATE TABLE t (v INT);\nSELECT 1 / v FROM t\n"
                            "--- feed t\n(0)\n--- expect changes\n"),
                        "t.test:1: dead letters that no `--- expect dead letters` names\n"
                        "    + t WR4101\n");
}

static void test_cases_and_answers_are_json_for_programs(void **state)
{
    (void)state;
    const TrialFile *file = parse("--- setup\nCREATE TABLE t (v INT);\n"
                                  "=== a\n--- differs from flink: why\n--- sql\n"
                                  "SELECT 1 / v FROM t\n--- feed t\n(1)\n-D (1)\n(0)\n"
                                  "--- advance clock 2 s\n--- expect changes\n+I[x]\n");
    const TrialCase *test = LIST_AT(file->cases, 0, TrialCase);
    TrialOptions options = {.has_answer = true};
    TrialResult result = {0};
    trial_run(world_system(), file, test, &options, &result);
    Buffer out = {0};
    JsonWriter json = {.out = &out};
    Error error = {0};
    json_begin_object(&json);
    assert_int_equal(trial_export(world_system(), file, test, arena, &json, &error), OK);
    json_end_object(&json);
    assert_string_equal(
        buffer_terminated(&out),
        "{\"file\":\"t.test\",\"line\":3,\"title\":\"a\",\"differs\":\"why\","
        "\"setup\":\"CREATE TABLE t (v INT);\\n\",\"sql\":\"SELECT 1 / v FROM t\\n\",\"steps\":["
        "{\"feed\":\"t\",\"rows\":[\"+I (1)\",\"-D (1)\",\"+I (0)\"]},"
        "{\"clock_us\":2000000},"
        "{\"expect\":\"changes\",\"of\":\"\",\"any order\":false,\"lines\":[\"+I[x]\"]}]}");
    const char *answer = buffer_terminated(&result.answer);
    assert_non_null(strstr(answer, "{\"passed\":false,\"report\":\"t.test:12: changes differ"));
    assert_non_null(strstr(
        answer, "\"errors\":[],\"extensions\":[],\"sinks\":{\"query\":{\"changes\":[\"+I[1]\","
                "\"-D[1]\"],\"rows\":[]}},\"dead letters\":[\"t WR4101\"]}"));
    buffer_free(&out);
    trial_result_free(&result);
}

static void test_an_update_changes_the_lines_that_fail_only(void **state)
{
    (void)state;
    const TrialFile *file = parse("# Head.  \n=== a\n--- sql\nCREATE TABLE t (v INT);\n"
                                  "SELECT v FROM t\n--- feed t\n(1)\n--- expect changes\n"
                                  "+I[1]\n\n\n--- feed t\n(2)\n--- expect changes\n\n"
                                  "--- expect rows\n+I[7]\n+I[8]\n\n"
                                  "=== b\n--- sql\nSELECT x\n--- expect error");
    TrialOptions options = {0};
    TrialResult results[2] = {0};
    for (int32_t i = 0; i < 2; i++)
        trial_run(world_system(), file, LIST_AT(file->cases, i, TrialCase), &options, &results[i]);
    Buffer out = {0};
    trial_update(file, results, &out);
    assert_string_equal(buffer_terminated(&out),
                        "# Head.  \n=== a\n--- sql\nCREATE TABLE t (v INT);\n"
                        "SELECT v FROM t\n--- feed t\n(1)\n--- expect changes\n"
                        "+I[1]\n\n\n--- feed t\n(2)\n--- expect changes\n+I[2]\n\n"
                        "--- expect rows\n+I[1]\n+I[2]\n\n"
                        "=== b\n--- sql\nSELECT x\n--- expect error\n"
                        "error[WR2045]: column `x` cannot be used here: SELECT without FROM "
                        "takes constants only\n");
    buffer_free(&out);
    trial_result_free(&results[0]);
    trial_result_free(&results[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections_have_their_text_and_place),
        cmocka_unit_test(test_time_moves_as_written),
        cmocka_unit_test(test_mistakes_are_named_with_their_line),
        cmocka_unit_test(test_rows_may_go_on_over_lines),
        cmocka_unit_test(test_differences_keep_what_is_common),
        cmocka_unit_test(test_differences_are_coloured_on_a_terminal),
        cmocka_unit_test(test_a_case_that_holds_passes),
        cmocka_unit_test(test_a_case_that_does_not_hold_fails),
        cmocka_unit_test(test_what_is_fed_must_fit_its_table),
        cmocka_unit_test(test_dead_letters_must_be_named),
        cmocka_unit_test(test_cases_and_answers_are_json_for_programs),
        cmocka_unit_test(test_an_update_changes_the_lines_that_fail_only),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
