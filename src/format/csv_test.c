/* The csv format: how records are cut, what is read, what is written, byte for byte. */
#include "base/testing.h"

#include "format/format_testing.h"

static FormatBench *open_bench(const Field *fields, int32_t count, const char *const *options)
{
    Schema schema = {.fields = fields, .count = count};
    FormatBench *bench = bench_new("csv", &schema, options);
    Error error = {0};
    if (bench_open(bench, &error) != OK)
        fail_msg("%s", error.text);
    return bench;
}

static void expect(FormatBench *bench, const char *text, const char *rows, const char *rejects)
{
    for (int32_t capacity = 1; capacity <= 64; capacity *= 8) {
        Buffer out = {0};
        bench->rejects.length = 0;
        bench_decode(bench, str_from(text), capacity, &out);
        assert_string_equal(buffer_terminated(&out), rows);
        assert_string_equal(buffer_terminated(&bench->rejects), rejects);
        buffer_free(&out);
    }
}

static void records_are_cut_as_jackson_cuts_them(void **state)
{
    (void)state;
    Field fields[] = {{STR("a"), type_string()}, {STR("b"), type_string()}};
    FormatBench *bench = open_bench(fields, 2, NULL);
    expect(bench,
           "x,y\n\n\"q,1\",\"say \"\"hi\"\"\"\r\n\"two\nlines\",z\na\"b,c \n\"p\" ,\nlast,one",
           "+I x|y\n+I q,1|say \"hi\"\n+I two\nlines|z\n+I a\"b|c \n+I p|\n+I last|one\n", "");
    expect(bench, "a\nb,c\nd,e,f\ng,h,\n", "+I b|c\n+I g|h\n",
           "0 WR3508 row length mismatch: 2 fields expected but was 1\n"
           "6 WR3508 too many entries: expected at most 2 but was 3\n");
    expect(bench, "a,\"open\nb,c\n\"x\"y,z\nd,e\n", "+I b|c\n+I d|e\n",
           "0 WR3508 expected the column separator behind a closing quote\n"
           "12 WR3508 expected the column separator behind a closing quote\n");
    assert_int_equal(
        bench->format->decoder->last_record_end(bench->decoder, STR("a,b\n\"c\nd\",e\n\"f\ng")),
        12);
    assert_int_equal(bench->format->decoder->last_record_end(bench->decoder, STR("a,b\nc")), 4);
    bench_free(bench);
}

static void options_change_how_records_are_cut(void **state)
{
    (void)state;
    Field fields[] = {{STR("a"), type_string()}, {STR("b"), type_simple(TYPE_INT)}};
    const char *const first[] = {"field-delimiter",
                                 "\\t",
                                 "quote-character",
                                 "'",
                                 "escape-character",
                                 "\\",
                                 "allow-comments",
                                 "true",
                                 "null-literal",
                                 "n/a",
                                 NULL};
    FormatBench *bench = open_bench(fields, 2, first);
    expect(bench, "# comment\n'a\tb'\t1\nx\\ty\\tz\t2\nn/a\t'n/a'\n'it\\'s'\t3\n",
           "+I a\tb|1\n+I x\ty\tz|2\n+I \\N|\\N\n+I it's|3\n", "");
    bench_free(bench);
    const char *const second[] = {"disable-quote-character", "true", "ignore-parse-errors", "true",
                                  NULL};
    bench = open_bench(fields, 2, second);
    expect(bench, "\"a\",x\nb\nc,1,2\nd, 4 \n", "+I \"a\"|\\N\n+I b|\\N\n+I d|4\n", "");
    bench_free(bench);
    const char *const wrong[] = {"field-delimiter", "ab", NULL};
    Schema schema = {.fields = fields, .count = 2};
    bench = bench_new("csv", &schema, wrong);
    assert_int_equal(bench_open(bench, NULL), ERR_INVALID);
    bench_free(bench);
}

static void values_are_read_by_type(void **state)
{
    (void)state;
    const struct {
        Type type;
        const char *value, *expected;
    } cases[] = {
        {type_simple(TYPE_BOOLEAN), " True ", "true"},
        {type_simple(TYPE_BOOLEAN), "1", "false"},
        {type_simple(TYPE_TINYINT), " 127 ", "127"},
        {type_simple(TYPE_TINYINT), "128", NULL},
        {type_simple(TYPE_INT), "", NULL},
        {type_simple(TYPE_INT), "1.5", NULL},
        {type_simple(TYPE_DOUBLE), "1e3", "1000.0"},
        {type_decimal(5, 2), " 1.005 ", "1.01"},
        {type_decimal(5, 2), "1000", "\\N"},
        {type_decimal(5, 2), "", NULL},
        {type_string(), "", ""},
        {type_string(), " a ", " a "},
        {type_simple(TYPE_DATE), "2024-02-29", "2024-02-29"},
        {type_simple(TYPE_TIME), "08:05", "08:05:00"},
        {type_simple(TYPE_TIME), "08:05:03.125", "08:05:03.125"},
        {type_timestamp(3), "2024-01-02 08:05:03.5", "2024-01-02 08:05:03.5"},
        {type_timestamp(3), "2024-01-02T08:05:03", NULL},
        {type_timestamp_ltz(3), "2024-01-02 08:05:03Z", "2024-01-02 08:05:03Z"},
        {type_bytes(), "Zm9v", "foo"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Field fields[] = {{STR("v"), cases[i].type}, {STR("w"), type_string()}};
        FormatBench *bench = open_bench(fields, 2, NULL);
        Buffer text = {0};
        Buffer out = {0};
        buffer_printf(&text, "%s,end\n", cases[i].value);
        bench_decode(bench, buffer_str(&text), 4, &out);
        char expected[128] = "";
        if (cases[i].expected != NULL)
            snprintf(expected, sizeof expected, "+I %s|end\n", cases[i].expected);
        if (strcmp(buffer_terminated(&out), expected) != 0)
            fail_msg("%s: %s", cases[i].value, out.data);
        buffer_free(&text);
        buffer_free(&out);
        bench_free(bench);
    }
}

static void write_case(Type type, const char *plain, const char *const *options,
                       const char *expected)
{
    Field fields[] = {{STR("a"), type}, {STR("b"), type_simple(TYPE_INT)}};
    Schema schema = {.fields = fields, .count = 2};
    FormatBench *bench = bench_new("csv", &schema, options);
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

static void writing_quotes_as_jackson_does(void **state)
{
    (void)state;
    const char *const plain[] = {"write-bigdecimal-in-scientific-notation", "false", NULL};
    const char *const literal[] = {"null-literal", "NULL", NULL};
    const char *const escape[] = {"escape-character", "\\", NULL};
    const char *const bare[] = {"disable-quote-character", "true", NULL};
    write_case(type_string(), "hello", NULL, "hello,0");
    write_case(type_string(), "hello world", NULL, "\"hello world\",0");
    write_case(type_string(), "a,\"b\"", NULL, "\"a,\"\"b\"\"\",0");
    write_case(type_string(), "a\"b\\", escape, "\"a\\\"b\\\\\",0");
    write_case(type_string(), "a,b", bare, "a,b,0");
    write_case(type_string(), "a-b/c:d", NULL, "a-b/c:d,0");
    write_case(type_string(), "", NULL, ",0");
    write_case(type_string(), NULL, NULL, ",0");
    write_case(type_string(), NULL, literal, "NULL,0");
    write_case(type_string(), "123456789012345678901234", NULL, "123456789012345678901234,0");
    write_case(type_string(), "1234567890123456789012345", NULL, "\"1234567890123456789012345\",0");
    write_case(type_string(), "\xc3\xa9", NULL, "\xc3\xa9,0");
    write_case(type_decimal(10, 2), "100000.00", NULL, "\"1E+5\",0");
    write_case(type_decimal(10, 2), "100000.00", plain, "100000,0");
    write_case(type_decimal(10, 2), "10.50", NULL, "10.5,0");
    write_case(type_simple(TYPE_DOUBLE), "1.0E10", NULL, "1.0E10,0");
    write_case(type_timestamp(3), "2018-10-12 12:12:12", NULL, "\"2018-10-12 12:12:12\",0");
    write_case(type_simple(TYPE_DATE), "2018-10-12", NULL, "2018-10-12,0");
    write_case(type_simple(TYPE_TIME), "08:05:00", NULL, "08:05,0");
    write_case(type_simple(TYPE_BOOLEAN), "false", NULL, "false,0");
    write_case(type_bytes(), "foo", NULL, "Zm9v,0");
}

/* A quote that is never closed must not swallow the block, nor take forever. */
static void open_quotes_cost_their_line_only(void **state)
{
    (void)state;
    Field fields[] = {{STR("a"), type_string()}, {STR("b"), type_string()}};
    FormatBench *bench = open_bench(fields, 2, NULL);
    Buffer text = {0};
    for (int32_t i = 0; i < 20000; i++)
        buffer_append_text(&text, i % 2 == 0 ? "\"never,closed\\n\n" : "a,b\n");
    buffer_append_text(&text, "end,it");
    Buffer out = {0};
    bench_decode(bench, buffer_str(&text), 2048, &out);
    assert_true(out.length > 8);
    assert_memory_equal(out.data + out.length - 10, "+I end|it\n", 10);
    buffer_free(&text);
    buffer_free(&out);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_cut_as_jackson_cuts_them),
        cmocka_unit_test(options_change_how_records_are_cut),
        cmocka_unit_test(values_are_read_by_type),
        cmocka_unit_test(writing_quotes_as_jackson_does),
        cmocka_unit_test(open_quotes_cost_their_line_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
