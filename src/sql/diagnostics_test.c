/* What people see when their SQL is wrong, to the character. */
#include "base/testing.h"

#include <string.h>

#include "sql/extension.h"
#include "sql/sql.h"

typedef struct Case {
    const char *sql;
    const char *code;
    const char *shown; /* from the source line on, without the line "explain" */
} Case;

static Diagnostics *parse(Arena *arena, const char *sql, SqlScript **script)
{
    Source *source = ARENA_NEW(arena, Source);
    *source = (Source){.name = "test.sql", .text = str_from(sql)};
    Diagnostics *list = diagnostics_new(arena, source);
    Status status = sql_parse(source, arena, list, script);
    assert_int_equal(status == OK, diagnostics_error_count(list) == 0);
    return list;
}

static const char *rendered(Arena *arena, const Diagnostics *list, bool use_color)
{
    Buffer out = {0};
    diagnostics_render(list, use_color, &out);
    const char *text = str_terminated(arena, buffer_str(&out));
    buffer_free(&out);
    return text;
}

static const char *shown_part(Arena *arena, const char *text)
{
    const char *start = strstr(text, "   |\n");
    assert_non_null(start);
    const char *end = strstr(text, "   = explain");
    assert_non_null(end);
    return str_terminated(arena, str_make(start + 5, end - start - 5));
}

static const Case mistakes[] = {
    {"SELECT a FROM t WHERE x != 1;", "WR1015",
     " 1 | SELECT a FROM t WHERE x != 1;\n"
     "   |                         ^^\n"
     "   = help: write `<>`\n"},
    {"SELECT a == 1;", "WR1016",
     " 1 | SELECT a == 1;\n"
     "   |          ^^\n"
     "   = help: write `=`\n"},
    {"SELECT a b c FROM t;", "WR1017",
     " 1 | SELECT a b c FROM t;\n"
     "   |            ^ expected `,` before this\n"},
    {"SELECT a, FROM t;", "WR1017",
     " 1 | SELECT a, FROM t;\n"
     "   |         ^ nothing follows it\n"},
    {"CREATE TABLE t (a INT b INT);", "WR1017",
     " 1 | CREATE TABLE t (a INT b INT);\n"
     "   |                       ^ expected `,` before this\n"},
    {"SELECT a FROM t", "WR1011",
     " 1 | SELECT a FROM t\n"
     "   |                ^ the statement ends here\n"
     "   = help: statements of a file end with `;`\n"},
    {"SELEC a;", "WR1012",
     " 1 | SELEC a;\n"
     "   | ^^^^^\n"
     "   = help: did you mean `SELECT`?\n"},
    {"SELECT a FROM t GROPU BY a;", "WR1012",
     " 1 | SELECT a FROM t GROPU BY a;\n"
     "   |                 ^^^^^\n"
     "   = help: did you mean `GROUP`?\n"},
    {"SELECT a FORM t;", "WR1012",
     " 1 | SELECT a FORM t;\n"
     "   |          ^^^^\n"
     "   = help: did you mean `FROM`?\n"},
    {"INSERT INTO t (a) VALUE (1);", "WR1012",
     " 1 | INSERT INTO t (a) VALUE (1);\n"
     "   |                   ^^^^^\n"
     "   = help: did you mean `VALUES`?\n"},
    {"SELECT year FROM t;", "WR1013",
     " 1 | SELECT year FROM t;\n"
     "   |        ^^^^ expected an expression\n"
     "   = help: to use it as a name put it in backticks: `year`\n"},
    {"CREATE TABLE t (end TIMESTAMP(3));", "WR1013",
     " 1 | CREATE TABLE t (end TIMESTAMP(3));\n"
     "   |                 ^^^ expected a column name\n"
     "   = help: to use it as a name put it in backticks: `end`\n"},
    {"UPSERT INTO t SELECT 1;", "WR1025",
     " 1 | UPSERT INTO t SELECT 1;\n"
     "   | ^^^^^^\n"
     "   = help: use INSERT INTO; a sink with a primary key updates rows in place\n"},
    {"SELECT a LIMIT 5, 10;", "WR1026",
     " 1 | SELECT a LIMIT 5, 10;\n"
     "   |          ^^^^^^^^^^^\n"
     "   = help: write LIMIT 10 OFFSET 5\n"},
    {"CREATE TABLE t (a INT, PRIMARY KEY (a));", "WR1023",
     " 1 | CREATE TABLE t (a INT, PRIMARY KEY (a));\n"
     "   |                        ^^^^^^^^^^^^^^^\n"
     "   = help: write PRIMARY KEY (a) NOT ENFORCED\n"
     "   = note: Flink doesn't support ENFORCED mode for PRIMARY KEY constraint; weir likewise "
     "does not own\n"
     "           the data and trusts that the key is unique\n"},
    {"CREATE TABLE t (a DATETIME);", "WR1028",
     " 1 | CREATE TABLE t (a DATETIME);\n"
     "   |                   ^^^^^^^^\n"
     "   = help: the type is called TIMESTAMP(3) in Flink SQL\n"},
    {"CREATE TABLE t (a INT UNIQUE);", "WR1024",
     " 1 | CREATE TABLE t (a INT UNIQUE);\n"
     "   |                       ^^^^^^\n"
     "   = note: the only constraints are NOT NULL and PRIMARY KEY ... NOT ENFORCED\n"},
    {"SELECT INTERVAL '100' SECOND;", "WR1021",
     " 1 | SELECT INTERVAL '100' SECOND;\n"
     "   |                 ^^^^^\n"
     "   = help: say how many digits the field has: INTERVAL '100' SECOND(3)\n"
     "   = note: the first field of an interval has 2 digits unless given\n"},
    {"SELECT INTERVAL '1:99' HOUR TO MINUTE;", "WR1020",
     " 1 | SELECT INTERVAL '1:99' HOUR TO MINUTE;\n"
     "   |                 ^^^^^^ expected 'hours:minutes', as in '12:30'\n"},
    {"SELECT INTERVAL 5 MINUTE;", "WR1020",
     " 1 | SELECT INTERVAL 5 MINUTE;\n"
     "   |                 ^\n"
     "   = help: write INTERVAL '5'\n"},
    {"SELECT DATE '2023-02-29';", "WR1022",
     " 1 | SELECT DATE '2023-02-29';\n"
     "   |             ^^^^^^^^^^^^\n"
     "   = help: write it as DATE '2024-02-29'\n"},
    {"SELECT 'open;\n", "WR1003",
     " 1 | SELECT 'open;\n"
     "   |        ^ it starts here\n"
     "   = help: close it with '; a quote inside a string is doubled: 'it''s'\n"},
    {"SELECT `open;\n", "WR1005",
     " 1 | SELECT `open;\n"
     "   |        ^ it starts here\n"
     "   = help: close it with ` on the same line; a ` inside a name is doubled\n"},
    {"SELECT 1 /* open;", "WR1004",
     " 1 | SELECT 1 /* open;\n"
     "   |          ^^ it starts here\n"
     "   = help: close it with */; comments do not nest\n"},
    {"SELECT 2nd FROM t;", "WR1006",
     " 1 | SELECT 2nd FROM t;\n"
     "   |        ^^^\n"
     "   = help: if this is a name, put it in backticks: `2nd`\n"},
    {"SELECT X'1';", "WR1008",
     " 1 | SELECT X'1';\n"
     "   |        ^^^^\n"
     "   = help: X'...' holds an even number of hexadecimal digits\n"},
    {"SELECT (a FROM t;", "WR1010",
     " 1 | SELECT (a FROM t;\n"
     "   |           ^^^^\n"},
    {"SELECT * FROM t TABLESAMPLE BERNOULLI (1);", "WR1027",
     " 1 | SELECT * FROM t TABLESAMPLE BERNOULLI (1);\n"
     "   |                 ^^^^^^^^^^^\n"
     "   = note: weir understands Flink SQL 1.20 except for what its documentation lists\n"},
    {"SELECT * FROM t MATCH_RECOGNIZE (PATTERN (a b{2) DEFINE a AS TRUE);", "WR1010",
     " 1 | SELECT * FROM t MATCH_RECOGNIZE (PATTERN (a b{2) DEFINE a AS TRUE);\n"
     "   |                                                ^\n"},
    {"SELECT * FROM t AS x MATCH_RECOGNIZE (PATTERN (a) DEFINE a AS TRUE);", "WR1010",
     " 1 | SELECT * FROM t AS x MATCH_RECOGNIZE (PATTERN (a) DEFINE a AS TRUE);\n"
     "   |                      ^^^^^^^^^^^^^^^\n"
     "   = help: it follows a table or a query in parentheses; the alias goes behind it\n"},
    {"SELECT * FROM t MATCH_RECOGNIZE (PATTERN (a b+*) DEFINE a AS TRUE);", "WR1010",
     " 1 | SELECT * FROM t MATCH_RECOGNIZE (PATTERN (a b+*) DEFINE a AS TRUE);\n"
     "   |                                               ^\n"},
    {"CREATE MATERIALIZED TABLE m FRESHNESS = INTERVAL '0' SECOND AS SELECT 1;", "WR1034",
     " 1 | CREATE MATERIALIZED TABLE m FRESHNESS = INTERVAL '0' SECOND AS SELECT 1;\n"
     "   |                                         ^^^^^^^^^^^^^^^^^^^\n"
     "   = help: units are SECOND, MINUTE, HOUR and DAY: INTERVAL '30' SECOND\n"},
    {"SELECT EXTRACT(MINUT FROM t);", "WR1035",
     " 1 | SELECT EXTRACT(MINUT FROM t);\n"
     "   |                ^^^^^\n"
     "   = help: did you mean `MINUTE`?\n"},
    {"CREATE TABLE t (a INT) WITH (connector = 'print');", "WR1010",
     " 1 | CREATE TABLE t (a INT) WITH (connector = 'print');\n"
     "   |                              ^^^^^^^^^\n"
     "   = help: write 'connector'\n"},
    {"CREATE TABLE t (a INT) WITH ('connector' = \"print\");", "WR1014",
     " 1 | CREATE TABLE t (a INT) WITH ('connector' = \"print\");\n"
     "   |                                            ^^^^^^^\n"
     "   = help: write 'print'\n"},
    {"CREATE TABLE t (a INT, WATERMRK FOR ts AS ts);", "WR1012",
     " 1 | CREATE TABLE t (a INT, WATERMRK FOR ts AS ts);\n"
     "   |                        ^^^^^^^^\n"
     "   = help: did you mean `WATERMARK`?\n"},
    {"SELECT a::INT;", "WR1002",
     " 1 | SELECT a::INT;\n"
     "   |         ^^\n"
     "   = help: a cast is written CAST(value AS type)\n"},
    {"SELECT 1 MINUS SELECT 2;", "WR1010",
     " 1 | SELECT 1 MINUS SELECT 2;\n"
     "   |          ^^^^^\n"
     "   = help: the operator is called EXCEPT\n"},
    {"SELECT f(a => 1, 2);", "WR1036",
     " 1 | SELECT f(a => 1, 2);\n"
     "   |                  ^\n"
     "   = help: name all arguments of a call, or none\n"},
};

static void test_mistakes(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        SqlScript *script = NULL;
        Diagnostics *list = parse(arena, mistakes[i].sql, &script);
        assert_int_equal(diagnostics_error_count(list), 1);
        assert_int_equal(script->statements.count, 0);
        assert_string_equal(diagnostics_at(list, 0)->code, mistakes[i].code);
        assert_string_equal(shown_part(arena, rendered(arena, list, false)), mistakes[i].shown);
    }
    arena_free(arena);
}

/* Carets stand in display columns: two for wide characters, none for combining ones, four for
 * a tab. */
static void test_caret_columns(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    SqlScript *script = NULL;
    Diagnostics *list = parse(arena, "SELECT 1;\n\tSELECT '日本 e\xCC\x81', \"größe\";\n", &script);
    assert_string_equal(rendered(arena, list, false),
                        "error[WR1014]: double quotes have no meaning here\n"
                        "  --> test.sql:2:18\n"
                        "   |\n"
                        " 2 |     SELECT '日本 e\xCC\x81', \"größe\";\n"
                        "   |                      ^^^^^^^\n"
                        "   = help: names stand in backticks: `größe`; strings in single quotes: "
                        "'größe'\n"
                        "   = explain: weir explain-error WR1014   docs: /errors/WR1014\n");
    assert_int_equal(script->statements.count, 1);
    arena_free(arena);
}

static void test_long_and_unsafe_lines(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    SqlScript *script = NULL;
    Buffer sql = {0};
    buffer_append_text(&sql, "SELECT '");
    for (int i = 0; i < 1000; i++)
        buffer_append_char(&sql, 'x');
    buffer_append_text(&sql, "\x1b[2J', a != b;");
    const char *text = rendered(arena, parse(arena, buffer_terminated(&sql), &script), true);
    assert_null(strstr(text, "[2J'\x1b"));
    assert_null(strstr(text, "\x1b[2J"));
    const char *plain = rendered(arena, parse(arena, buffer_terminated(&sql), &script), false);
    assert_null(strchr(plain, '\x1b'));
    const char *line = strstr(plain, " 1 | ...");
    const char *caret = strstr(plain, "^^");
    assert_non_null(line);
    assert_non_null(caret);
    const char *line_end = strchr(line, '\n');
    const char *caret_line = line_end + 1;
    const char *sign = strstr(line, "!=");
    /* U+FFFD stands for the escape: three bytes, one column. */
    assert_int_equal(caret - caret_line, sign - line - 2);
    buffer_free(&sql);
    arena_free(arena);
}

static void test_several_errors_in_one_go(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    SqlScript *script = NULL;
    Diagnostics *list = parse(arena,
                              "SELECT a != 1 FROM t LIMIT 1, 2;\n"
                              "SELECT 1;\n"
                              "CREATE TABLE t (value INT, time BIGINT, b TEXT, PRIMARY KEY (b));\n"
                              "EXECUTE STATEMENT SET BEGIN\n"
                              "  INSERT INTO a SELECT CASE WHEN b THEN END FROM t;\n"
                              "  INSERT INTO b SELECT 1;\n"
                              "  INSERT INTO c SELECT \"x\";\n"
                              "END;\n"
                              "SELECT 2\n"
                              "SELECT 3;\n",
                              &script);
    static const char *const codes[] = {"WR1015", "WR1026", "WR1013", "WR1013", "WR1028",
                                        "WR1023", "WR1010", "WR1014", "WR1011"};
    int32_t count = (int32_t)(sizeof(codes) / sizeof(codes[0]));
    assert_int_equal(diagnostics_error_count(list), count);
    for (int32_t i = 0; i < count; i++)
        assert_string_equal(diagnostics_at(list, i)->code, codes[i]);
    assert_int_equal(script->statements.count, 2); /* SELECT 1 and SELECT 3 */
    arena_free(arena);
}

static void test_error_limit(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    SqlScript *script = NULL;
    Buffer sql = {0};
    for (int i = 0; i < DIAGNOSTICS_ERRORS_MAX + 5; i++)
        buffer_append_text(&sql, "SELEC 1;\n");
    Diagnostics *list = parse(arena, buffer_terminated(&sql), &script);
    assert_int_equal(diagnostics_error_count(list), DIAGNOSTICS_ERRORS_MAX + 5);
    assert_int_equal(diagnostics_count(list), DIAGNOSTICS_ERRORS_MAX);
    assert_non_null(strstr(rendered(arena, list, false), "\n5 more errors are not shown\n"));
    buffer_free(&sql);
    arena_free(arena);
}

/* The example of the command line's contract, made by hand as the planner would. */
/* What a password is set to is not shown, wherever on the line the mistake is. */
static void test_secrets_are_not_shown(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    const char *sql = "CREATE TABLE t (a INT) WITH ('password' = 'it''s me', 'key.token'='x', "
                      "'secret' = '${env:S}', 'b' 'c');";
    SqlScript *script = NULL;
    const char *text = rendered(arena, parse(arena, sql, &script), false);
    assert_null(strstr(text, "me'"));
    assert_non_null(strstr(text, "'password' = '********', 'key.token'='*', 'secret' = '${env:S}', "
                                 "'b' 'c'"));
    arena_free(arena);
}

static void test_render_like_the_contract(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Source source = {.name = "pipelines/revenue.sql",
                     .text = STR("\n\n\n\n\n\nSELECT SUM(amout) FROM orders")};
    Diagnostics *list = diagnostics_new(arena, &source);
    Str columns[] = {STR("id"), STR("user_id"), STR("amount"), STR("status"), STR("ts")};
    Diagnostic *d = diagnostics_add(list, DIAGNOSTIC_ERROR, "WR2041", span_make(17, 22),
                                    "column `%s` not found in table `%s`", "amout", "orders");
    diagnostic_label(d, "not a column of `orders`");
    assert_true(diagnostic_suggest(d, columns, 5, STR("amout")));
    diagnostic_note(d, "columns are id, user_id, amount, status, ts");
    assert_string_equal(rendered(arena, list, false),
                        "error[WR2041]: column `amout` not found in table `orders`\n"
                        "  --> pipelines/revenue.sql:7:12\n"
                        "   |\n"
                        " 7 | SELECT SUM(amout) FROM orders\n"
                        "   |            ^^^^^ not a column of `orders`\n"
                        "   = help: did you mean `amount`?\n"
                        "   = note: columns are id, user_id, amount, status, ts\n"
                        "   = explain: weir explain-error WR2041   docs: /errors/WR2041\n");
    Error error = {0};
    assert_int_equal(diagnostics_status(list, &error), ERR_INVALID);
    assert_string_equal(error.code, "WR2041");
    assert_string_equal(error.hint, "did you mean `amount`?");
    arena_free(arena);
}

static void test_json(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    SqlScript *script = NULL;
    Diagnostics *list = parse(arena, "SELECT 'é', a != 1;", &script);
    Buffer out = {0};
    JsonWriter json = {.out = &out};
    diagnostics_write_json(list, &json);
    assert_string_equal(
        buffer_terminated(&out),
        "[{\"level\":\"error\",\"code\":\"WR1015\",\"message\":\"`!=` is not an operator of Flink "
        "SQL\",\"file\":\"test.sql\",\"line\":1,\"column\":15,\"span\":{\"start\":15,\"end\":17},"
        "\"label\":null,\"helps\":[\"write `<>`\"],\"notes\":[],\"suggestions\":[],\"fix\":{"
        "\"span\":{\"start\":15,\"end\":17},\"replacement\":\"<>\",\"applicability\":"
        "\"machine-applicable\"}}]");
    buffer_free(&out);
    arena_free(arena);
}

static void test_suggestions(void **state)
{
    (void)state;
    Str names[] = {STR("amount"), STR("amounts"), STR("status"), STR("AMOUT"), STR("am"), STR("x")};
    Str best[SUGGESTIONS_MAX];
    assert_int_equal(diagnostics_find_similar(names, 6, STR("amout"), best), 3);
    assert_true(str_is(best[0], "AMOUT"));
    assert_true(str_is(best[1], "amount"));
    assert_true(str_is(best[2], "amounts"));
    assert_int_equal(diagnostics_find_similar(names, 6, STR("stat"), best), 1);
    assert_true(str_is(best[0], "status"));
    assert_int_equal(diagnostics_find_similar(names, 6, STR("zzzzzz"), best), 0);
    assert_int_equal(diagnostics_find_similar(names, 6, STR("y"), best), 0);
    assert_int_equal(diagnostics_find_similar(names, 0, STR("y"), best), 0);
}

/* What a fix says must make the text right. */
static void test_fixes_mend(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "SELECT a != 1;",
        "SELECT a == 1;",
        "SELECT a, FROM t;",
        "SELECT a FROM t",
        "SELECT a FORM t;",
        "SELECT year FROM t;",
        "SELECT \"a\" FROM t;",
        "SELECT 1 LIMIT 5, 10;",
        "SELECT INTERVAL 5 MINUTE;",
        "SELECT a b c FROM t;",
        "CREATE TABLE t (a TEXT);",
        "CREATE TABLE t (a INT PRIMARY KEY);",
        "UPSERT INTO t SELECT 1;",
        "CREATE TABLE t (a INT) WITH ('a' = 'b',);",
    };
    Arena *arena = arena_new(0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        SqlScript *script = NULL;
        Diagnostics *list = parse(arena, wrong[i], &script);
        assert_int_equal(diagnostics_count(list), 1);
        const Diagnostic *d = diagnostics_at(list, 0);
        assert_true(d->has_fix);
        const char *mended = arena_printf(arena, "%.*s%s%s", d->fix_span.start, wrong[i],
                                          d->fix_text, wrong[i] + d->fix_span.end);
        list = parse(arena, mended, &script);
        if (diagnostics_count(list) > 0)
            print_error("%s\n", mended);
        assert_int_equal(diagnostics_count(list), 0);
    }
    arena_free(arena);
}

/* A finding for the Flink that was asked for only, beside errors and not one of them. */
static void test_extensions_are_found_for_a_target(void **state)
{
    (void)state;
    static const char sql[] = "SELECT a FROM t QUALIFY b = 1;";
    static const struct {
        FlinkVersion target;
        int32_t count;
    } cases[] = {{FLINK_UNKNOWN, 0}, {FLINK_1_20, 1}, {FLINK_2_0, 0}, {FLINK_2_3, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Arena *arena = arena_new(0);
        Source source = {.name = "test.sql", .text = str_from(sql)};
        Diagnostics *list = diagnostics_new(arena, &source);
        diagnostics_set_target(list, cases[i].target);
        SqlScript *script;
        assert_int_equal(sql_parse(&source, arena, list, &script), OK);
        assert_int_equal(diagnostics_extension_count(list), cases[i].count);
        assert_int_equal(diagnostics_count(list), cases[i].count);
        assert_int_equal(diagnostics_error_count(list), 0);
        if (cases[i].count > 0)
            assert_string_equal(extension_name((Extension)diagnostics_at(list, 0)->extension),
                                "QUALIFY");
        arena_free(arena);
    }
}

/* The count goes on where the list does not. */
static void test_extensions_have_a_limit(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Buffer text = {0};
    for (int32_t i = 0; i < DIAGNOSTICS_EXTENSIONS_MAX + 3; i++)
        buffer_append_text(&text, "SHOW TABLES ILIKE 'a';\n");
    Source source = {.name = "test.sql", .text = buffer_str(&text)};
    Diagnostics *list = diagnostics_new(arena, &source);
    diagnostics_set_target(list, FLINK_1_20);
    SqlScript *script;
    assert_int_equal(sql_parse(&source, arena, list, &script), OK);
    assert_int_equal(diagnostics_count(list), DIAGNOSTICS_EXTENSIONS_MAX);
    assert_int_equal(diagnostics_extension_count(list), DIAGNOSTICS_EXTENSIONS_MAX + 3);
    assert_non_null(strstr(rendered(arena, list, false), "\n3 more extensions are not shown\n"));
    buffer_free(&text);
    arena_free(arena);
}

static void test_versions_of_flink(void **state)
{
    (void)state;
    assert_int_equal(flink_version_find(STR("1.20")), FLINK_1_20);
    assert_int_equal(flink_version_find(STR("2.3")), FLINK_2_3);
    assert_int_equal(flink_version_find(STR("1.2")), FLINK_UNKNOWN);
    assert_int_equal(flink_version_find(STR("")), FLINK_UNKNOWN);
    Buffer list = {0};
    flink_version_list(&list, " ");
    assert_string_equal(buffer_terminated(&list), "1.20 2.0 2.1 2.2 2.3");
    buffer_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_caret_columns),
        cmocka_unit_test(test_long_and_unsafe_lines),
        cmocka_unit_test(test_several_errors_in_one_go),
        cmocka_unit_test(test_error_limit),
        cmocka_unit_test(test_secrets_are_not_shown),
        cmocka_unit_test(test_render_like_the_contract),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_suggestions),
        cmocka_unit_test(test_fixes_mend),
        cmocka_unit_test(test_extensions_are_found_for_a_target),
        cmocka_unit_test(test_extensions_have_a_limit),
        cmocka_unit_test(test_versions_of_flink),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
