/* Reading dead letters back: what the writer writes, and what is no letter. */
#include "base/testing.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "state/letter.h"

static const char line[] =
    "{\"ts\":\"2026-01-01T00:00:00.000Z\",\"pipeline\":\"p\",\"table\":\"t\",\"stage\":\"decode\","
    "\"code\":\"WR3501\",\"reason\":\"a \\\"b\\\" \\u00e9\\u20ac\\n\\\\\",\"position\":\"f:7\","
    "\"format\":\"csv\",\"later\":\"?\",\"text\":\"x,1\"}";

static void test_all_fields_come_back(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Letter letter;
    assert_true(letter_parse(STR(line), arena, &letter));
    assert_true(str_is(letter.ts, "2026-01-01T00:00:00.000Z"));
    assert_true(str_is(letter.pipeline, "p") && str_is(letter.table, "t"));
    assert_true(str_is(letter.stage, "decode") && str_is(letter.code, "WR3501"));
    assert_true(str_is(letter.reason, "a \"b\" é€\n\\"));
    assert_true(str_is(letter.position, "f:7") && str_is(letter.format, "csv"));
    assert_true(letter.is_text && str_is(letter.bytes, "x,1"));
    assert_int_equal(letter.replayed.length, 0);
    assert_true(letter_parse(STR("{\"base64\":\"/wABAg==\"}"), arena, &letter));
    assert_false(letter.is_text);
    assert_true(str_equal(letter.bytes, str_make("\xff\x00\x01\x02", 4)));
    arena_free(arena);
}

static void test_what_is_cut_short_or_something_else_is_no_letter(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Letter letter;
    for (int64_t length = 0; length < (int64_t)strlen(line); length++) {
        /* In memory of its own, so that reading beyond is noticed. */
        char *cut = arena_allocate(arena, length + 1);
        memcpy(cut, line, (size_t)length);
        assert_false(letter_parse(str_make(cut, length), arena, &letter));
    }
    const char *others[] = {"{\"a\":1}",      "{\"a\" \"b\"}",        "[\"a\"]",
                            "{\"a\":\"b\"}x", "{\"text\":\"\\u12\"}", "{\"base64\":\"*\"}",
                            "{\"a\":\"\\q\"}"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(letter_parse(str_from(others[i]), arena, &letter));
    arena_free(arena);
}

static bool count(void *context, Str text, const Letter *letter)
{
    (void)text, (void)letter;
    ++*(int32_t *)context;
    return true;
}

static bool ignore(void *context, Str text, const Letter *letter)
{
    (void)context, (void)text, (void)letter;
    return true;
}

static void keep(void *context, Str bytes)
{
    buffer_append_str(context, bytes);
}

static void test_only_whole_lines_are_read(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "letter-test-%d.jsonl", (int)getpid());
    Arena *arena = arena_new(0);
    Error error = {0};
    int64_t offset = 0;
    int32_t found = 0;
    const LetterTaker all = {.take = count, .context = &found};
    const LetterTaker one = {.take = count, .context = &found, .count_max = 1};
    World *world = world_system();
    assert_int_equal(letters_read(world, path, &offset, &all, &error), OK);
    const char *text = arena_printf(arena, "%s\nno letter\n%s\n%s\n%.20s", line, line, line, line);
    assert_int_equal(world_replace_file(world, path, str_from(text), &error), OK);
    assert_int_equal(letters_read(world, path, &offset, &one, &error), OK);
    assert_int_equal(found, 1);
    assert_int_equal(offset, (int64_t)strlen(line) + 1);
    assert_int_equal(letters_read(world, path, &offset, &all, &error), OK);
    assert_int_equal(found, 3);
    assert_int_equal(offset, (int64_t)strlen(text) - 20);
    /* What is none is there for who wants to write the file anew. */
    Buffer kept = {0};
    const LetterTaker none = {.take = ignore, .keep = keep, .context = &kept};
    offset = 0;
    assert_int_equal(letters_read(world, path, &offset, &none, &error), OK);
    text = arena_printf(arena, "no letter\n%.20s", line);
    assert_string_equal(buffer_terminated(&kept), text);
    buffer_free(&kept);
    /* A line that is longer than what is read at a time. */
    char *big = memset(arena_allocate(arena, (3 << 20) + 1), 'x', 3 << 20);
    big[3 << 20] = '\0';
    text = arena_printf(arena, "{\"text\":\"%s\"}\n%s\n", big, line);
    assert_int_equal(world_replace_file(world, path, str_from(text), &error), OK);
    offset = 0;
    assert_int_equal(letters_read(world, path, &offset, &all, &error), OK);
    assert_int_equal(found, 5);
    assert_int_equal(world->kind->remove(world, path, &error), OK);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_fields_come_back),
        cmocka_unit_test(test_what_is_cut_short_or_something_else_is_no_letter),
        cmocka_unit_test(test_only_whole_lines_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
