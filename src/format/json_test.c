/* The json format: what is read, what is refused, what is written, byte for byte. */
#include "base/testing.h"

#include "format/format_testing.h"

static FormatBench *open_bench(const Field *fields, int32_t count, const char *const *options)
{
    Schema schema = {.fields = fields, .count = count};
    FormatBench *bench = bench_new("json", &schema, options);
    Error error = {0};
    if (bench_open(bench, &error) != OK)
        fail_msg("%s", error.text);
    return bench;
}

static void expect(FormatBench *bench, const char *text, const char *rows, const char *rejects)
{
    for (int32_t capacity = 2; capacity <= 64; capacity *= 4) {
        Buffer out = {0};
        bench->rejects.length = 0;
        bench_decode(bench, str_from(text), capacity, &out);
        assert_string_equal(buffer_terminated(&out), rows);
        if (rejects[0] == '\0')
            assert_string_equal(buffer_terminated(&bench->rejects), "");
        else
            assert_non_null(strstr(buffer_terminated(&bench->rejects), rejects));
        buffer_free(&out);
    }
}

static void records_are_found_whatever_stands_between_them(void **state)
{
    (void)state;
    Field fields[] = {{STR("a"), type_simple(TYPE_BIGINT)}, {STR("b"), type_string()}};
    FormatBench *bench = open_bench(fields, 2, NULL);
    expect(
        bench,
        "{\"a\":1,\"b\":\"x\"}\n\n  \r\n{ \"b\" : \"long enough to be outside\" , \"a\" : -2 }\r\n"
        "{\"a\":3}\n{}\n{\"b\":null,\"c\":{\"a\":[1,{\"b\":2}],\"x\":\"}\"},\"a\":4} trailing\n"
        "{\"a\":5,\"a\":6}",
        "+I 1|x\n+I -2|long enough to be outside\n+I 3|\\N\n+I \\N|\\N\n+I 4|\\N\n+I 6|\\N\n", "");
    bench_free(bench);
}

static void a_bad_line_is_rejected_and_the_next_one_read(void **state)
{
    (void)state;
    Field fields[] = {{STR("a"), type_simple(TYPE_INT)}, {STR("b"), type_string()}};
    FormatBench *bench = open_bench(fields, 2, NULL);
    expect(bench, "{\"a\":1}\n{\"a\":\n{\"a\":2}", "+I 1|\\N\n+I 2|\\N\n",
           "8 WR3501 the record ends where a value");
    expect(bench, "{\"a\":1}\n{\"a\":\"x}\n{\"a\":2}", "+I 1|\\N\n+I 2|\\N\n",
           "8 WR3501 a string is not closed");
    expect(bench, "{\"a\":1}\n{\"b\":\"\xff\"}\n{\"a\":2}", "+I 1|\\N\n+I 2|\\N\n",
           "8 WR3501 the record is not utf-8");
    expect(bench, "[1]\n{\"a\":2}", "+I 2|\\N\n", "0 WR3501 the record is not a json object");
    expect(bench, "{\"a\" 1}\n{\"a\":2}", "+I 2|\\N\n", "0 WR3501 malformed json: a colon");
    expect(bench, "{\"a\":1 \"b\":2}\n{\"a\":2}", "+I 2|\\N\n", "0 WR3501 malformed json: a comma");
    expect(bench, "{\"a\":1,}\n{\"a\":2}", "+I 2|\\N\n", "0 WR3501");
    expect(bench, "{\"a\":1\n{\"a\":2}", "+I 2|\\N\n", "0 WR3501 the record ends where a comma");
    expect(bench, "{\"c\":[1,2\n{\"a\":2}", "+I 2|\\N\n", "0 WR3501 the record ends inside");
    expect(bench, "{\"b\":\"\\x\"}\n{\"a\":2}", "+I 2|\\N\n", "0 WR3502 field `b`");
    expect(bench, "{\"a\":tru}\n{\"a\":2}", "+I 2|\\N\n", "0 WR3502 field `a`: tru is not");
    expect(bench, "{\"a\":?}\n{\"a\":2}", "+I 2|\\N\n", "0 WR3501");
    expect(bench, "garbage\n{\"a\":2}\nmore\n", "+I 2|\\N\n", "16 WR3501");
    expect(bench, "{\"a\":2147483648}\n{\"a\":2}", "+I 2|\\N\n",
           "0 WR3502 field `a`: 2147483648 is not a value of type INT");
    bench_free(bench);
}

/* Many bad lines among good ones, across the windows of the index. */
static void windows_shrink_and_grow(void **state)
{
    (void)state;
    Field fields[] = {{STR("a"), type_simple(TYPE_INT)}, {STR("b"), type_string()}};
    FormatBench *bench = open_bench(fields, 2, NULL);
    Buffer text = {0};
    Buffer rows = {0};
    int32_t bad = 0;
    for (int32_t i = 0; i < 5000; i++) {
        if (i % 977 == 5 || (i > 3000 && i < 3050)) {
            buffer_append_text(&text, "{\"b\":\"never closed\n");
            bad++;
            continue;
        }
        buffer_printf(&text, "{\"a\":%d,\"pad\":\"%0*d\",\"b\":\"\t%d\"}\n", i, i % 200 + 1, 0, i);
        buffer_printf(&rows, "+I %d|\t%d\n", i, i);
    }
    Buffer out = {0};
    bench_decode(bench, buffer_str(&text), 2048, &out);
    assert_int_equal(out.length, rows.length);
    assert_memory_equal(out.data, rows.data, rows.length);
    for (int64_t i = 0; i < bench->rejects.length; i++)
        bad -= bench->rejects.data[i] == '\n';
    assert_int_equal(bad, 0);
    buffer_free(&text);
    buffer_free(&rows);
    buffer_free(&out);
    bench_free(bench);
}

static void only_wanted_columns_are_read(void **state)
{
    (void)state;
    Field fields[] = {
        {STR("a"), type_simple(TYPE_INT)},
        {STR("a_rather_long_name_that_is_not_remembered_as_it_stands"), type_simple(TYPE_INT)},
        {STR("na\"me"), type_simple(TYPE_INT)}};
    Schema schema = {.fields = fields, .count = 3};
    FormatBench *bench = bench_new("json", &schema, NULL);
    bench_want(bench, (const int32_t[]){2, 1}, 2);
    assert_int_equal(bench_open(bench, NULL), OK);
    const char *const line =
        "{\"a\":\"not read\",\"a_rather_long_name_that_is_not_remembered_as_it_stands\":7,"
        "\"na\\\"me\":8}\n";
    Buffer text = {0};
    for (int32_t i = 0; i < 3; i++)
        buffer_append_text(&text, line);
    expect(bench, buffer_terminated(&text), "+I 8|7\n+I 8|7\n+I 8|7\n", "");
    buffer_free(&text);
    bench_free(bench);
}

typedef struct ReadCase {
    Type type;
    const char *value, *expected; /* NULL: rejected */
} ReadCase;

static void read_case(const ReadCase *test)
{
    Field fields[] = {{STR("v"), test->type}};
    FormatBench *bench = open_bench(fields, 1, NULL);
    Buffer text = {0};
    Buffer out = {0};
    buffer_printf(&text, "{\"v\":%s}\n{\"v\":null}\n", test->value);
    bench_decode(bench, buffer_str(&text), 4, &out);
    char expected[256];
    if (test->expected == NULL)
        snprintf(expected, sizeof expected, "+I \\N\n");
    else
        snprintf(expected, sizeof expected, "+I %s\n+I \\N\n", test->expected);
    if (strcmp(buffer_terminated(&out), expected) != 0)
        fail_msg("%s: %s", test->value, out.data);
    assert_int_equal(bench->rejects.length > 0, test->expected == NULL);
    buffer_free(&text);
    buffer_free(&out);
    bench_free(bench);
}

static void numbers_follow_the_reading_table(void **state)
{
    (void)state;
    const ReadCase cases[] = {
        {type_simple(TYPE_BOOLEAN), "true", "true"},
        {type_simple(TYPE_BOOLEAN), "\" TRUE \"", "true"},
        {type_simple(TYPE_BOOLEAN), "\"yes\"", "false"},
        {type_simple(TYPE_BOOLEAN), "1", "false"},
        {type_simple(TYPE_TINYINT), "-128", "-128"},
        {type_simple(TYPE_TINYINT), "128", NULL},
        {type_simple(TYPE_SMALLINT), "\" 12 \"", "12"},
        {type_simple(TYPE_INT), "12.9", "12"},
        {type_simple(TYPE_INT), "-12.9", "-12"},
        {type_simple(TYPE_INT), "1e3", "1000"},
        {type_simple(TYPE_INT), "\"12.9\"", NULL},
        {type_simple(TYPE_INT), "\"\"", NULL},
        {type_simple(TYPE_INT), "true", NULL},
        {type_simple(TYPE_INT), "01", NULL},
        {type_simple(TYPE_INT), "\"\\u0031\"", "1"},
        {type_simple(TYPE_BIGINT), "9223372036854775807", "9223372036854775807"},
        {type_simple(TYPE_BIGINT), "-9223372036854775808", "-9223372036854775808"},
        {type_simple(TYPE_BIGINT), "9223372036854775808", NULL},
        {type_simple(TYPE_BIGINT), "1e30", NULL},
        {type_simple(TYPE_DOUBLE), "1.5e3", "1500.0"},
        {type_simple(TYPE_DOUBLE), "\"NaN\"", "NaN"},
        {type_simple(TYPE_DOUBLE), "\"x\"", NULL},
        {type_simple(TYPE_FLOAT), "0.1", "0.1"},
        {type_decimal(10, 2), "12.345", "12.35"},
        {type_decimal(10, 2), "\"-12.345\"", "-12.35"},
        {type_decimal(10, 2), "123456789", "\\N"},
        {type_decimal(10, 2), "99999999.999", "\\N"},
        {type_decimal(10, 2), "12345678.99", "12345678.99"},
        {type_decimal(10, 2), "1e2", "100.00"},
        {type_decimal(10, 2), "-0.5", "-0.50"},
        {type_decimal(10, 2), "\"1.2.3\"", NULL},
        {type_decimal(38, 0), "12345678901234567890123456789012345678",
         "12345678901234567890123456789012345678"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        read_case(&cases[i]);
}

static void texts_and_times_follow_the_reading_table(void **state)
{
    (void)state;
    const ReadCase cases[] = {
        {type_string(), "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"",
         "a\"\\/\b\f\n\r\t\xc3\xa9\xf0\x9f\x98\x80"},
        {type_string(), "\"\\ud83d!\"", "\xef\xbf\xbd!"},
        {type_string(), "\"\\u12\"", NULL},
        {type_string(), "1.50", "1.50"},
        {type_string(), "-x", NULL},
        {type_string(), "false", "false"},
        {type_string(), "{ \"a b\" : [ 1 , \"x \\\" y\" ] }", "{\"a b\":[1,\"x \\\" y\"]}"},
        {type_string(), "\"\"", ""},
        {type_char(2), "\"abcdef\"", "abcdef"},
        {type_bytes(), "\"Zm9v\"", "foo"},
        {type_bytes(), "\"?\"", NULL},
        {type_simple(TYPE_DATE), "\"2024-02-29\"", "2024-02-29"},
        {type_simple(TYPE_DATE), "\"2023-02-29\"", NULL},
        {type_simple(TYPE_DATE), "20240229", NULL},
        {type_simple(TYPE_TIME), "\"08:05:03.999\"", "08:05:03"},
        {type_simple(TYPE_TIME), "\"08:05\"", NULL},
        {type_timestamp(3), "\"2024-01-02 08:05:03\"", "2024-01-02 08:05:03"},
        {type_timestamp(3), "\"2024-01-02 08:05:03.1239\"", "2024-01-02 08:05:03.123"},
        {type_timestamp(9), "\"2024-01-02 08:05:03.123456789\"", "2024-01-02 08:05:03.123456789"},
        {type_timestamp(3), "\"2024-01-02T08:05:03\"", NULL},
        {type_timestamp(3), "\"2024-01-02\"", NULL},
        {type_timestamp(3), "\"2024-01-02 08:05:03.1234567890\"", NULL},
        {type_timestamp(3), "\"0001-01-01 00:00:00\"", "0001-01-01 00:00:00"},
        {type_timestamp_ltz(3), "\"2024-01-02 08:05:03.5Z\"", "2024-01-02 08:05:03.5Z"},
        {type_timestamp_ltz(3), "\"2024-01-02 08:05:03+00:00\"", NULL},
        {type_timestamp_ltz(3), "\"2024-01-02 08:05:03\"", NULL},
        {type_simple(TYPE_INTERVAL_MONTHS), "15", "15"},
        {type_simple(TYPE_INTERVAL_MILLIS), "1500", "1500"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        read_case(&cases[i]);
}

static void options_change_the_rules(void **state)
{
    (void)state;
    Field fields[] = {{STR("a"), type_simple(TYPE_INT)}, {STR("t"), type_timestamp(3)}};
    const char *const ignores[] = {"ignore-parse-errors", "true", NULL};
    FormatBench *bench = open_bench(fields, 2, ignores);
    expect(bench, "{\"a\":\"x\",\"t\":\"2024-01-02 00:00:00\"}\nnonsense\n{\"a\":1}\n",
           "+I \\N|2024-01-02 00:00:00\n+I 1|\\N\n", "");
    bench_free(bench);
    const char *const missing[] = {"fail-on-missing-field", "true", NULL};
    bench = open_bench(fields, 2, missing);
    expect(bench, "{\"a\":1}\n{\"a\":1,\"t\":null}\n", "+I 1|\\N\n",
           "0 WR3503 field `t` is missing");
    bench_free(bench);
    const char *const iso[] = {"timestamp-format.standard", "ISO-8601", NULL};
    bench = open_bench(fields, 2, iso);
    expect(bench, "{\"t\":\"2024-01-02T08:05\"}\n{\"t\":\"2024-01-02 08:05:00\"}\n",
           "+I \\N|2024-01-02 08:05:00\n", "WR3502");
    bench_free(bench);
    const char *const both[] = {"fail-on-missing-field", "true", "ignore-parse-errors", "true",
                                NULL};
    Schema schema = {.fields = fields, .count = 2};
    bench = bench_new("json", &schema, both);
    assert_int_equal(bench_open(bench, NULL), ERR_INVALID);
    bench_free(bench);
}

static void messages_may_span_lines(void **state)
{
    (void)state;
    Field fields[] = {{STR("a"), type_simple(TYPE_INT)}};
    FormatBench *bench = open_bench(fields, 1, NULL);
    Batch *batch = batch_new(&bench->wanted, 4);
    const DecoderKind *kind = bench->format->decoder;
    kind->decode_message(bench->decoder, STR("{\n \"a\"\n:\n 1\n}"), batch, 4);
    kind->decode_message(bench->decoder, STR(""), batch, 4);
    kind->decode_message(bench->decoder, STR("{\"a\":2"), batch, 4);
    kind->decode_message(bench->decoder, STR("{\"a\":3}"), batch, 4);
    Buffer out = {0};
    bench_print(batch, &out);
    assert_string_equal(buffer_terminated(&out), "+I 1\n+I 3\n");
    assert_string_equal(buffer_terminated(&bench->rejects),
                        "0 WR3501 the record ends where a comma or a closing brace is expected\n");
    assert_int_equal(kind->last_record_end(bench->decoder, STR("{}\n{}")), 3);
    assert_int_equal(kind->last_record_end(bench->decoder, STR("{}")), 0);
    buffer_free(&out);
    batch_free(batch);
    bench_free(bench);
}

static void write_case(Type type, const char *plain, const char *const *options,
                       const char *expected)
{
    Field field = {STR("v\""), type};
    Schema schema = {.fields = &field, .count = 1};
    FormatBench *bench = bench_new("json", &schema, options);
    assert_int_equal(bench_open_encoder(bench, NULL), OK);
    Batch *batch = batch_new(&schema, 1);
    Value value = {.type = type, .is_null = plain == NULL};
    if (plain != NULL)
        assert_true(value_parse(str_from(plain), type, &value));
    value_set(&batch->columns[0], batch->arena, 0, 1, &value);
    batch->row_count = 1;
    batch_select_all(batch);
    Buffer out = {0};
    bench->format->encoder->encode(bench->encoder, batch, 0, &out);
    assert_string_equal(buffer_terminated(&out), expected);
    buffer_free(&out);
    batch_free(batch);
    bench_free(bench);
}

static void writing_follows_flinks_rules(void **state)
{
    (void)state;
    const char *const plain[] = {"encode.decimal-as-plain-number", "true", NULL};
    const char *const skips[] = {"encode.ignore-null-fields", "true", NULL};
    const char *const iso[] = {"timestamp-format.standard", "ISO-8601", NULL};
    write_case(type_string(), NULL, NULL, "{\"v\\\"\":null}");
    write_case(type_string(), NULL, skips, "{}");
    write_case(type_string(), "a/\"\\\n\x1f\xc3\xa9", NULL,
               "{\"v\\\"\":\"a/\\\"\\\\\\n\\u001F\xc3\xa9\"}");
    write_case(type_decimal(10, 2), "100.00", NULL, "{\"v\\\"\":1E+2}");
    write_case(type_decimal(10, 2), "100.00", plain, "{\"v\\\"\":100}");
    write_case(type_decimal(10, 2), "10.50", plain, "{\"v\\\"\":10.5}");
    write_case(type_decimal(10, 2), "0.00", plain, "{\"v\\\"\":0}");
    write_case(type_decimal(20, 9), "0.000000027", NULL, "{\"v\\\"\":2.7E-8}");
    write_case(type_simple(TYPE_DOUBLE), "1.0E10", NULL, "{\"v\\\"\":1.0E10}");
    write_case(type_simple(TYPE_DOUBLE), "NaN", NULL, "{\"v\\\"\":\"NaN\"}");
    write_case(type_simple(TYPE_BOOLEAN), "true", NULL, "{\"v\\\"\":true}");
    write_case(type_bytes(), "foo", NULL, "{\"v\\\"\":\"Zm9v\"}");
    write_case(type_simple(TYPE_DATE), "2024-01-02", NULL, "{\"v\\\"\":\"2024-01-02\"}");
    write_case(type_simple(TYPE_TIME), "08:05:00", NULL, "{\"v\\\"\":\"08:05:00\"}");
    write_case(type_timestamp(6), "2024-01-02 08:05:00.12", NULL,
               "{\"v\\\"\":\"2024-01-02 08:05:00.12\"}");
    write_case(type_timestamp(6), "2024-01-02 08:05:00", iso,
               "{\"v\\\"\":\"2024-01-02T08:05:00\"}");
    write_case(type_timestamp_ltz(3), "2024-01-02 08:05:00Z", NULL,
               "{\"v\\\"\":\"2024-01-02 08:05:00Z\"}");
}

/* id INT, a ARRAY<INT>, m MAP<STRING, INT>, r ROW<x INT, y ARRAY<STRING>> */
static FormatBench *open_nested(const char *const *options, Arena *arena)
{
    Type *fields = ARENA_ARRAY(arena, Type, 2);
    Str *names = ARENA_ARRAY(arena, Str, 2);
    fields[0] = type_simple(TYPE_INT);
    fields[1] = type_array(arena, type_string());
    names[0] = STR("x");
    names[1] = STR("y");
    Field columns[] = {{STR("id"), type_simple(TYPE_INT)},
                       {STR("a"), type_array(arena, type_simple(TYPE_INT))},
                       {STR("m"), type_map(arena, type_string(), type_simple(TYPE_INT))},
                       {STR("r"), type_row(fields, names, 2)}};
    return open_bench(arena_copy(arena, columns, sizeof columns), 4, options);
}

static void nested_values_are_built_on_the_way(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    FormatBench *bench = open_nested(NULL, arena);
    expect(
        bench,
        "{\"id\":1,\"a\":[1, 2 ,null],\"m\":{\"k\":1,\"n\":null},\"r\":{\"x\":1,\"y\":[\"p\"]}}\n"
        "{\"r\":{\"q\":{\"x\":[7]},\"y\":[\"a\\n\",\"\"],\"x\":2},\"m\":{},\"a\":[],\"id\":2}\n"
        "{\"id\":3,\"a\":null,\"m\":{\"a\":1,\"b\":2,\"a\":3},\"r\":{}}\n"
        "{\"id\":4}",
        "+I 1|[1,2,null]|{\"k\":1,\"n\":null}|{\"x\":1,\"y\":[\"p\"]}\n"
        "+I 2|[]|{}|{\"x\":2,\"y\":[\"a\\n\",\"\"]}\n"
        "+I 3|\\N|{\"a\":3,\"b\":2}|{\"x\":null,\"y\":null}\n"
        "+I 4|\\N|\\N|\\N\n",
        "");
    expect(bench, "{\"a\":5}\n{\"id\":2}", "+I 2|\\N|\\N|\\N\n",
           "0 WR3502 field `a`: 5 is not a value of type ARRAY<INT>");
    expect(bench, "{\"a\":[1,\"x\"]}", "",
           "0 WR3502 field `a[]`: \"x\" is not a value of type INT");
    expect(bench, "{\"m\":{\"k\":[1]}}", "",
           "0 WR3502 field `m{}`: [1] is not a value of type INT");
    expect(bench, "{\"r\":{\"y\":[\"p\",{\"z\":1}],\"x\":{}}}", "",
           "0 WR3502 field `r.x`: {} is not a value of type INT");
    expect(bench, "{\"a\":[1,2\n{\"id\":2}", "+I 2|\\N|\\N|\\N\n", "0 WR3501 the record ends");
    expect(bench, "{\"a\":[1,]}", "", "0 WR3501 malformed json: an element");
    expect(bench, "{\"a\":[1 2]}", "", "0 WR3501 malformed json: a comma or a closing bracket");
    expect(bench, "{\"m\":{\"k\" 1}}", "", "0 WR3501 malformed json: a colon");
    expect(bench, "{\"m\":{1:1}}", "", "0 WR3501 malformed json: a key");
    expect(bench, "{\"r\":{\"x\":1,}}", "", "0 WR3501");
    bench_free(bench);
    arena_free(arena);
}

static void nested_errors_may_be_ignored_one_by_one(void **state)
{
    (void)state;
    const char *const ignores[] = {"ignore-parse-errors", "true", NULL};
    const char *const strict[] = {"fail-on-missing-field", "true", NULL};
    Arena *arena = arena_new(0);
    FormatBench *bench = open_nested(ignores, arena);
    expect(bench,
           "{\"id\":2,\"a\":5,\"m\":[1],\"r\":3}\n"
           "{\"id\":3,\"a\":[\"7\",\"x\",3.9],\"m\":{\"k\":\"y\"},\"r\":{\"x\":\"z\"}}\n"
           "{\"id\":6,\"a\":\"\",\"m\":\"\",\"r\":\"\"}",
           "+I 2|\\N|\\N|\\N\n+I 3|[7,null,3]|{\"k\":null}|{\"x\":null,\"y\":null}\n"
           "+I 6|\\N|\\N|\\N\n",
           "");
    bench_free(bench);
    bench = open_nested(strict, arena);
    expect(bench, "{\"id\":1,\"a\":[],\"m\":{},\"r\":{\"x\":1}}", "",
           "0 WR3503 field `y` is missing");
    bench_free(bench);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_found_whatever_stands_between_them),
        cmocka_unit_test(a_bad_line_is_rejected_and_the_next_one_read),
        cmocka_unit_test(windows_shrink_and_grow),
        cmocka_unit_test(only_wanted_columns_are_read),
        cmocka_unit_test(numbers_follow_the_reading_table),
        cmocka_unit_test(texts_and_times_follow_the_reading_table),
        cmocka_unit_test(options_change_the_rules),
        cmocka_unit_test(messages_may_span_lines),
        cmocka_unit_test(writing_follows_flinks_rules),
        cmocka_unit_test(nested_values_are_built_on_the_way),
        cmocka_unit_test(nested_errors_may_be_ignored_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
