/* debezium-json and raw: change records to row kinds and back. */
#include "base/testing.h"

#include "format/format_testing.h"

static const Field fields[] = {{STR("id"), {.id = TYPE_INT, .is_nullable = true}},
                               {STR("v"), {.id = TYPE_VARCHAR, .is_nullable = true}}};
static const Schema schema = {.fields = fields, .count = 2};

static void expect(const char *const *options, const char *text, const char *rows,
                   const char *rejects)
{
    FormatBench *bench = bench_new("debezium-json", &schema, options);
    assert_int_equal(bench_open(bench, NULL), OK);
    for (int32_t capacity = 2; capacity <= 8; capacity++) {
        Buffer out = {0};
        bench->rejects.length = 0;
        bench_decode(bench, str_from(text), capacity, &out);
        assert_string_equal(buffer_terminated(&out), rows);
        if (rejects[0] == '\0')
            assert_int_equal(bench->rejects.length, 0);
        else
            assert_non_null(strstr(buffer_terminated(&bench->rejects), rejects));
        buffer_free(&out);
    }
    bench_free(bench);
}

static void operations_become_row_kinds(void **state)
{
    (void)state;
    expect(NULL,
           "{\"op\":\"c\",\"before\":null,\"after\":{\"id\":1,\"v\":\"a\"},\"source\":{\"op\":1}}\n"
           "{\"after\":{\"id\":2,\"v\":\"b\"},\"op\":\"r\"}\n"
           "null\n"
           "{\"before\":{\"id\":1,\"v\":\"a\"},\"after\":{\"id\":1,\"v\":\"c\"},\"op\":\"u\"}\n"
           "{\"before\":{\"id\":2,\"v\":null},\"after\":null,\"op\":\"d\"}\n",
           "+I 1|a\n+I 2|b\n-U 1|a\n+U 1|c\n-D 2|\\N\n", "");
}

static void records_that_are_no_changes_are_rejected(void **state)
{
    (void)state;
    const char *const good = "{\"after\":{\"id\":2},\"op\":\"c\"}\n";
    const struct {
        const char *text, *reject;
    } cases[] = {
        {"{\"op\":\"x\"}\n", "WR3506 unknown \"op\" value \"x\""},
        {"{\"after\":{}}\n", "WR3506 unknown \"op\" value null"},
        {"{\"op\":\"u\",\"before\":null,\"after\":{\"id\":1}}\n", "REPLICA IDENTITY FULL"},
        {"{\"op\":\"u\",\"before\":{\"id\":1},\"after\":null}\n", "\"after\" field"},
        {"{\"op\":\"d\",\"before\":null}\n", "\"before\" field"},
        {"{\"op\":\"c\",\"after\":{\"id\":\"x\"}}\n", "WR3502 field `id`"},
        {"{\"op\":\"c\",\"after\":{\"id\":1}\n", "WR3501"},
        {"{\"op\":\"c\",\"after\":[1]}\n", "WR3501"},
        {"[]\n", "WR3501"},
        {"{\"op\"}\n", "WR3501"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Buffer text = {0};
        buffer_append_text(&text, good);
        buffer_append_text(&text, cases[i].text);
        buffer_append_text(&text, good);
        expect(NULL, buffer_terminated(&text), "+I 2|\\N\n+I 2|\\N\n", cases[i].reject);
        buffer_free(&text);
    }
}

static void the_schema_wrapper_is_taken_off(void **state)
{
    (void)state;
    const char *const options[] = {"schema-include", "true", NULL};
    expect(options,
           "{\"schema\":{\"a\":[1]},\"payload\":{\"op\":\"c\",\"after\":{\"id\":1,\"v\":\"a\"}}}\n"
           "{\"op\":\"c\",\"after\":{\"id\":1}}\n",
           "+I 1|a\n", "WR3506 the \"payload\" field is null");
}

/* Wanted: v; then all the metadata there is, and source.database once more. */
static void metadata_stand_behind_the_columns(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    const Field wanted[] = {{STR("v"), type_string()},
                            {STR("a"), type_string()},
                            {STR("b"), type_timestamp_ltz(3)},
                            {STR("c"), type_timestamp_ltz(3)},
                            {STR("d"), type_string()},
                            {STR("e"), type_string()},
                            {STR("f"), type_string()},
                            {STR("g"), type_map(arena, type_string(), type_string())},
                            {STR("h"), type_string()}};
    const int32_t metadata[] = {0, 1, 2, 3, 4, 5, 6, 3};
    for (int32_t wraps = 0; wraps < 2; wraps++) {
        const char *const options[] = {"schema-include", "true", NULL};
        FormatBench *bench = bench_new("debezium-json", &schema, wraps ? options : NULL);
        bench_want(bench, (const int32_t[]){1}, 1);
        bench->wanted = (Schema){.fields = wanted, .count = 9};
        assert_int_equal(bench_open_metadata(bench, metadata, 8, NULL), OK);
        static const char *const records[] = {
            "{\"before\":{\"v\":\"x\"},\"after\":{\"v\":\"y\"},\"op\":\"u\",\"ts_ms\":"
            "1589373560798,"
            "\"source\":{\"ts_ms\":1589373560000,\"db\":\"shop\",\"schema\":\"public\",\"table\":"
            "\"orders\",\"snapshot\":false,\"lsn\":null,\"pos\":{\"a\":[1]}}}",
            "{\"after\":{\"v\":\"z\"},\"op\":\"c\",\"source\":null}",
            "{\"after\":{\"v\":\"-\"},\"op\":\"c\",\"source\":{\"ts_ms\":\"soon\"}}",
            "{\"after\":{\"v\":\"-\"},\"op\":\"c\",\"ts_ms\":9223372036854775807}",
            "{\"after\":{\"v\":\"w\"},\"op\":\"c\",\"source\":{\"db\":7}}",
        };
        Buffer in = {0}, out = {0}, expected = {0};
        for (size_t i = 0; i < sizeof records / sizeof records[0]; i++)
            buffer_printf(&in, wraps ? "{\"schema\":{\"k\":[ 1]},\"payload\":%s}\n" : "%s\n",
                          records[i]);
        bench_decode(bench, buffer_str(&in), 16, &out);
        const char *given = wraps ? "{\"k\":[1]}" : "\\N";
        const char *source =
            "2020-05-13 12:39:20.798Z|2020-05-13 12:39:20Z|shop|public|orders|"
            "{\"ts_ms\":\"1589373560000\",\"db\":\"shop\",\"schema\":\"public\",\"table\":"
            "\"orders\","
            "\"snapshot\":\"false\",\"lsn\":null,\"pos\":\"{\\\"a\\\":[1]}\"}|shop";
        buffer_printf(&expected, "-U x|%s|%s\n+U y|%s|%s\n", given, source, given, source);
        buffer_printf(&expected, "+I z|%s|\\N|\\N|\\N|\\N|\\N|\\N|\\N\n", given);
        buffer_printf(&expected, "+I w|%s|\\N|\\N|7|\\N|\\N|{\"db\":\"7\"}|7\n", given);
        assert_string_equal(buffer_terminated(&out), buffer_terminated(&expected));
        const char *rejects = buffer_terminated(&bench->rejects);
        assert_non_null(strstr(rejects, "WR3502 field `ts_ms`: \"soon\""));
        assert_non_null(strstr(rejects, "WR3502 field `ts_ms` is out of the range of times"));
        buffer_free(&in);
        buffer_free(&out);
        buffer_free(&expected);
        bench_free(bench);
    }
    arena_free(arena);
}

static void writing_knows_two_operations(void **state)
{
    (void)state;
    FormatBench *bench = bench_new("debezium-json", &schema, NULL);
    assert_int_equal(bench_open_encoder(bench, NULL), OK);
    Batch *batch = batch_new(&schema, 4);
    batch->row_count = 4;
    batch_select_all(batch);
    batch_need_kinds(batch, 4);
    Buffer out = {0};
    for (int32_t i = 0; i < 4; i++) {
        batch->kinds[i] = (uint8_t)i;
        bench->format->encoder->encode(bench->encoder, batch, i, &out);
        buffer_append_char(&out, '\n');
    }
    const char *const insert = "{\"before\":null,\"after\":{\"id\":0,\"v\":\"\"},\"op\":\"c\"}\n";
    const char *const delete = "{\"before\":{\"id\":0,\"v\":\"\"},\"after\":null,\"op\":\"d\"}\n";
    Buffer expected = {0};
    const char *const lines[] = {insert, delete, insert, delete};
    for (int32_t i = 0; i < 4; i++)
        buffer_append_text(&expected, lines[i]);
    assert_string_equal(buffer_terminated(&out), buffer_terminated(&expected));
    buffer_free(&out);
    buffer_free(&expected);
    batch_free(batch);
    bench_free(bench);
}

static void raw_is_the_message_itself(void **state)
{
    (void)state;
    Field field = {STR("n"), type_simple(TYPE_INT)};
    Schema one = {.fields = &field, .count = 1};
    FormatBench *bench = bench_new("raw", &one, NULL);
    assert_int_equal(bench_open(bench, NULL), OK);
    assert_int_equal(bench_open_encoder(bench, NULL), OK);
    Batch *batch = batch_new(&one, 2);
    bench->format->decoder->decode_message(bench->decoder, STR("\x01\x02\x03\x04"), batch, 2);
    bench->format->decoder->decode_message(bench->decoder, STR("\x01"), batch, 2);
    assert_int_equal(batch->row_count, 1);
    assert_int_equal(((int32_t *)batch->columns[0].values)[0], 0x01020304);
    assert_true(bench->rejects.length > 0);
    Buffer out = {0};
    bench->format->encoder->encode(bench->encoder, batch, 0, &out);
    assert_true(str_is(buffer_str(&out), "\x01\x02\x03\x04"));
    buffer_free(&out);
    batch_free(batch);
    bench_free(bench);
    field.type = type_string();
    bench = bench_new("raw", &one, NULL);
    assert_int_equal(bench_open(bench, NULL), OK);
    bench_decode(bench, STR("a b\n\nc"), 2, &out);
    assert_string_equal(buffer_terminated(&out), "+I a b\n+I \n+I c\n");
    buffer_free(&out);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_become_row_kinds),
        cmocka_unit_test(records_that_are_no_changes_are_rejected),
        cmocka_unit_test(the_schema_wrapper_is_taken_off),
        cmocka_unit_test(metadata_stand_behind_the_columns),
        cmocka_unit_test(writing_knows_two_operations),
        cmocka_unit_test(raw_is_the_message_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
