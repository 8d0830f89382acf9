/* What is too large is refused by name, and in no time: a short text that means something huge, and
 * a long one. */
#include "plan/plan_testing.h"

enum { SCRIPT_TIMES_MAX = 4000 };

#define TABLE_T                                                                                    \
    "CREATE TABLE t (a BIGINT, s STRING) WITH ('connector' = 'datagen');\n"                        \
    "CREATE TABLE o (a BIGINT) WITH ('connector' = 'print');\n"

/* `text` with each @ replaced by the number i - 1 and each # by i. */
static void append_numbered(Buffer *out, const char *text, int32_t i)
{
    for (; *text != '\0'; text++) {
        if (*text == '@' || *text == '#')
            buffer_printf(out, "%d", *text == '@' ? i - 1 : i);
        else
            buffer_append_char(out, *text);
    }
}

/* before, `repeated` numbered 1 … times, after. */
static Planned planned_repeated(const char *before, const char *repeated, int32_t times,
                                const char *after)
{
    assert_true(times <= SCRIPT_TIMES_MAX);
    Buffer script = {0};
    buffer_append_text(&script, before);
    for (int32_t i = 1; i <= times; i++)
        append_numbered(&script, repeated, i);
    append_numbered(&script, after, times);
    Planned planned = planned_make(buffer_terminated(&script));
    buffer_free(&script);
    return planned;
}

static void assert_fits(const char *before, const char *repeated, int32_t times, const char *after)
{
    Planned planned = planned_repeated(before, repeated, times, after);
    for (int32_t i = 0; i < diagnostics_count(planned.diagnostics); i++)
        fprintf(stderr, "%s\n", diagnostics_at(planned.diagnostics, i)->message);
    assert_int_equal(planned.status, OK);
    planned_free(&planned);
}

/* The first finding. */
static void assert_refused(const char *code, const char *message, const char *before,
                           const char *repeated, int32_t times, const char *after)
{
    Planned planned = planned_repeated(before, repeated, times, after);
    assert_int_not_equal(planned.status, OK);
    assert_string_equal(diagnostics_at(planned.diagnostics, 0)->code, code);
    assert_string_equal(diagnostics_at(planned.diagnostics, 0)->message, message);
    planned_free(&planned);
}

#define VIEW_0 TABLE_T "CREATE VIEW v0 AS SELECT a FROM t;\n"
#define INSERT "INSERT INTO o SELECT a FROM v#;"
#define INSERT_ONE "INSERT INTO o SELECT 1 FROM v#;"

/* Views that hold the one before twice are planned as a graph, not as a tree. */
static void test_views_that_double(void **state)
{
    (void)state;
    static const char *const views[] = {
        "CREATE VIEW v# AS SELECT a FROM v@ UNION ALL SELECT a + 1 FROM v@;\n",
        "CREATE VIEW v# AS SELECT x.a FROM v@ AS x JOIN v@ AS y ON x.a = y.a;\n",
        "CREATE VIEW v# AS SELECT a + a AS a FROM v@ WHERE a + a > 3;\n",
        "CREATE VIEW v# AS SELECT a FROM v@ WHERE a IN (SELECT a FROM v@);\n",
        "CREATE VIEW v# AS SELECT a FROM v@ x WHERE EXISTS (SELECT 1 FROM v@ y WHERE y.a = x.a);\n",
        "CREATE VIEW v# AS SELECT a + (SELECT MAX(a) FROM v@) AS a FROM v@;\n",
    };
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
        assert_fits(VIEW_0, views[i], 30, INSERT);
}

/* INSERT of an expression within itself. */
static const char *nested(const char *before, const char *inner, const char *after, int32_t times)
{
    static Buffer text;
    text.length = 0;
    buffer_append_text(&text, "INSERT INTO o SELECT ");
    for (int32_t i = 0; i < times; i++)
        buffer_append_text(&text, before);
    buffer_append_text(&text, inner);
    for (int32_t i = 0; i < times; i++)
        buffer_append_text(&text, after);
    buffer_append_text(&text, " FROM t;");
    return buffer_terminated(&text);
}

static void test_values_that_double(void **state)
{
    (void)state;
    const char *too_wide = "a type has at most 10000 fields and elements within each other";
    assert_fits(VIEW_0, "CREATE VIEW v# AS SELECT ROW(a, a) AS a FROM v@;\n", 10, INSERT_ONE);
    assert_refused("WR2039", too_wide, VIEW_0, "CREATE VIEW v# AS SELECT ROW(a, a) AS a FROM v@;\n",
                   30, INSERT_ONE);
    assert_refused("WR2039", too_wide, VIEW_0, "CREATE VIEW v# AS SELECT MAP[a, a] AS a FROM v@;\n",
                   30, INSERT_ONE);
    const char *too_many = "an expression has at most 100000 parts";
    assert_fits(TABLE_T, "", 0, nested("NULLIF(", "a", ", 1)", 10));
    assert_refused("WR2039", too_many, TABLE_T, "", 0, nested("NULLIF(", "a", ", 1)", 60));
    assert_refused("WR2039", too_many, TABLE_T, "", 0,
                   nested("CASE WHEN a BETWEEN SYMMETRIC 1 AND (", "a", ") THEN a END", 60));
}

static void test_width(void **state)
{
    (void)state;
    assert_refused("WR2039", "a table has at most 2000 columns", "CREATE TABLE w (c INT",
                   ", c# INT", 2000, ") WITH ('connector' = 'datagen');");
    assert_fits(TABLE_T "CREATE VIEW w AS SELECT a", ", a", 1999, " FROM t;");
    const char *too_wide = "a query has at most 2000 columns";
    assert_refused("WR2039", too_wide, TABLE_T "CREATE VIEW w AS SELECT a", ", a", 2000,
                   " FROM t;");
    assert_refused("WR2039", too_wide, TABLE_T "INSERT INTO o VALUES (1", ", 1", 2000, ");");
    assert_refused("WR2039", too_wide, VIEW_0 "CREATE VIEW w AS SELECT v0.*", ", v0.*", 2000,
                   " FROM v0;");
    assert_refused("WR2039", "a join has at most 2000 columns", TABLE_T "CREATE TABLE w (c0 INT",
                   ", c# INT", 1998,
                   ") WITH ('connector' = 'datagen');\n"
                   "INSERT INTO o SELECT a FROM t JOIN w ON a = c0;");
}

/* Each statement is small, all of them are not. */
static void test_size(void **state)
{
    (void)state;
    assert_refused("WR2039", "the script is too large to plan",
                   "CREATE TABLE t (c INT) WITH ('connector' = 'datagen');\n",
                   "ALTER TABLE t ADD c# INT;\n", 1900, "");
}

/* Beyond the limit errors are counted and cost nothing. */
static void test_errors(void **state)
{
    (void)state;
    Planned planned =
        planned_repeated(TABLE_T, "INSERT INTO o SELECT b# FROM t;\n", SCRIPT_TIMES_MAX, "");
    assert_int_equal(diagnostics_count(planned.diagnostics), DIAGNOSTICS_ERRORS_MAX);
    assert_int_equal(diagnostics_error_count(planned.diagnostics), SCRIPT_TIMES_MAX);
    planned_free(&planned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views_that_double), cmocka_unit_test(test_values_that_double),
        cmocka_unit_test(test_width), cmocka_unit_test(test_size), cmocka_unit_test(test_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
