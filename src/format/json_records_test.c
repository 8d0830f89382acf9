/* JSON of requests: taken apart, checked, looked into. */
#include "base/testing.h"

#include "format/format.h"
#include "format/json_records.h"

/* With the bytes behind it that may be read. */
static Str padded(Buffer *room, const char *text)
{
    room->length = 0;
    buffer_append_text(room, text);
    memset(buffer_reserve(room, DECODER_PADDING), ',', DECODER_PADDING);
    return buffer_str(room);
}

static void values_are_told_from_what_is_none(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{}",
        "[]",
        " {\"a\" : 1 } ",
        "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":\"}\"}",
        "\"x\\\"\"",
        "-0.5e+10",
        "true",
        "[[[]],{}]",
        "0",
        "null",
        "1E3",
        "{\"a\":\"\\u00e9\",\"b\":\"\303\251\"}",
    };
    static const char *const bad[] = {
        "",           " ",       "{",     "}",        "[1,]",
        "{\"a\":1,}", "{\"a\"}", "{a:1}", "[1 2]",    "01",
        "1.",         "-",       "1e",    "tru",      "nul",
        "'x'",        "{} {}",   "[1],",  "{\"a\":}", "{\"a\":1]",
        "\"x",        "[,1]",    "{,}",   "\"a\" 1",  "{\"a\":1 \"b\":2}",
        "\"\377\"",   "\"\n\"",  "+1",    "[1,,2]",   "{\"a\",1}",
        ".5",         "[:]",
    };
    JsonRecords *records = json_records_new();
    Buffer room = {0};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (json_records_fault(records, padded(&room, good[i])) != NULL)
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (json_records_fault(records, padded(&room, bad[i])) == NULL)
            fail_msg("taken: %s", bad[i]);
    Buffer deep = {0};
    for (int32_t i = 0; i < 100000; i++)
        buffer_append_char(&deep, '[');
    assert_non_null(json_records_fault(records, padded(&room, buffer_terminated(&deep))));
    buffer_free(&deep);
    buffer_free(&room);
    json_records_free(records);
}

static void expect_split(const char *text, const char *wanted)
{
    JsonRecords *records = json_records_new();
    Arena *arena = arena_new(0);
    Buffer room = {0}, out = {0};
    Str *found;
    int32_t count;
    const char *fault = json_records_split(records, padded(&room, text), arena, &found, &count);
    for (int32_t i = 0; fault == NULL && i < count; i++)
        buffer_printf(&out, "<%.*s>", STR_ARGS(found[i]));
    assert_string_equal(fault != NULL ? fault : buffer_terminated(&out), wanted);
    buffer_free(&room);
    buffer_free(&out);
    arena_free(arena);
    json_records_free(records);
}

static void arrays_are_taken_apart(void **state)
{
    (void)state;
    expect_split("[]", "");
    expect_split(" {\"a\":[1,2]} \n", "<{\"a\":[1,2]}>");
    expect_split("[ {\"a\":1} , 2 ,\"x,]\", [3,4] ]\n", "<{\"a\":1}><2><\"x,]\"><[3,4]>");
    expect_split("[1", "the array does not end");
    expect_split("[1 2]", "the array does not end");
    expect_split("[1,]", "an array element is no value");
    expect_split("[{\"a\":1", "an array element does not end");
    expect_split("[1] 2", "something follows the array");
    expect_split("[] 2", "something follows the array");
    expect_split("  ", "it is empty");
}

static void members_are_found(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"{\"a\":1,\"b\":\"x\\ty\"}", "b", "x\ty"},
        {"{\"a\":{\"b\":1},\"c\":[2],\"b\": 3 }", "b", "3"},
        {"{\"b\":true}", "b", "true"},
        {"{\"b\":null}", "b", NULL},
        {"{\"b\":{}}", "b", NULL},
        {"{\"a\":1}", "b", NULL},
        {"[1]", "b", NULL},
        {"{}", "b", NULL},
    };
    JsonRecords *records = json_records_new();
    Buffer room = {0}, scratch = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Str value = {0};
        bool is_found = json_records_member(records, padded(&room, cases[i][0]),
                                            str_from(cases[i][1]), &scratch, &value);
        assert_int_equal(is_found, cases[i][2] != NULL);
        if (is_found && !str_is(value, cases[i][2]))
            fail_msg("%s: got %.*s", cases[i][0], STR_ARGS(value));
    }
    buffer_free(&room);
    buffer_free(&scratch);
    json_records_free(records);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_told_from_what_is_none),
        cmocka_unit_test(arrays_are_taken_apart),
        cmocka_unit_test(members_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
