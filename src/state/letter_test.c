/* Dead letters as lines: what is written comes back, and what was damaged since is told. */
#include "base/testing.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "state/letter.h"

static const char line[] =
    "{\"ts\":\"2026-01-01T00:00:00.000Z\",\"pipeline\":\"p\",\"table\":\"t\",\"stage\":\"decode\","
    "\"code\":\"WR3501\",\"reason\":\"a \\\"b\\\" \\u00e9\\u20ac\\n\\\\\",\"position\":\"f:7\","
    "\"format\":\"csv\",\"text\":\"x,1\"}";

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
    static const char bytes[] =
        "{\"ts\":\"\",\"table\":\"\",\"stage\":\"\",\"code\":\"\",\"reason\":\"\","
        "\"position\":\"\",\"base64\":\"/wABAg==\",\"replayed\":\"1\"}";
    assert_true(letter_parse(STR(bytes), arena, &letter));
    assert_true(str_is(letter.replayed, "1"));
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

/* A line without a checksum has the members of an older weir, all of them, in its order. */
static void test_members_that_an_older_version_did_not_write_need_a_checksum(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Letter letter;
    const char *others[] = {
        "{\"ts\":\"\",\"table\":\"\",\"stage\":\"\",\"code\":\"\",\"reason\":\"\","
        "\"position\":\"\",\"text\":\"\",\"later\":\"\"}",
        "{\"ts\":\"\",\"table\":\"\",\"stage\":\"\",\"code\":\"\",\"reason\":\"\",\"text\":\"\"}",
        "{\"ts\":\"\",\"table\":\"\",\"code\":\"\",\"stage\":\"\",\"reason\":\"\","
        "\"position\":\"\",\"text\":\"\"}",
        "{\"ts\":\"\",\"table\":\"\",\"stage\":\"\",\"code\":\"\",\"reason\":\"\","
        "\"position\":\"\"}",
        "{\"ts\":\"\",\"ts\":\"\",\"table\":\"\",\"stage\":\"\",\"code\":\"\",\"reason\":\"\","
        "\"position\":\"\",\"text\":\"\"}",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(letter_parse(str_from(others[i]), arena, &letter));
    const char *inner = "{\"ts\":\"\",\"later\":\"?\",\"text\":\"x\"";
    uint32_t check = crc32c(0, inner, (int64_t)strlen(inner));
    const char *sealed = arena_printf(arena, "%s,\"crc32c\":\"%08x\"}", inner, check);
    assert_true(letter_parse(str_from(sealed), arena, &letter));
    assert_true(str_is(letter.bytes, "x"));
    sealed = arena_printf(arena, "%s,\"crc32c\":\"%08X\"}", inner, check);
    assert_false(letter_parse(str_from(sealed), arena, &letter));
    arena_free(arena);
}

/* What a reader was given. */
typedef struct Seen {
    int32_t whole, damaged, cut;
    Buffer records, kept, positions;
} Seen;

static bool see(void *context, Str text, const Letter *letter)
{
    Seen *seen = context;
    seen->cut += letter->is_cut;
    seen->damaged += letter->is_damaged;
    seen->whole += !letter->is_damaged;
    if (!letter->is_damaged) {
        buffer_append_str(&seen->records, letter->bytes);
        buffer_append_char(&seen->records, ';');
        return true;
    }
    assert_true(str_is(letter->code, "WR4425") && str_is(letter->stage, "damaged"));
    assert_true(str_equal(letter->bytes, text));
    buffer_append_str(&seen->kept, text);
    buffer_append_text(&seen->kept, letter->is_cut ? "" : "\n");
    buffer_append_str(&seen->positions, letter->position);
    buffer_append_char(&seen->positions, ';');
    return true;
}

static void seen_free(Seen *seen)
{
    buffer_free(&seen->records);
    buffer_free(&seen->kept);
    buffer_free(&seen->positions);
    *seen = (Seen){0};
}

static Status see_file(const char *path, Str content, Seen *seen)
{
    Error error = {0};
    int64_t offset = 0;
    File *file;
    World *world = world_system();
    /* Thousands of them: neither synced nor cut, which some file systems take for a sync. */
    unlink(path);
    assert_int_equal(world->kind->open(world, path, FILE_CREATE, &file, &error), OK);
    assert_int_equal(world->kind->write(file, content.data, content.length, &error), OK);
    assert_int_equal(world->kind->close(file, &error), OK);
    return letters_read(world_system(), path, &offset, &(LetterTaker){.take = see, .context = seen},
                        &error);
}

static void test_only_whole_lines_are_read(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "letter-test-%d.jsonl", (int)getpid());
    Arena *arena = arena_new(0);
    Error error = {0};
    int64_t offset = 0;
    Seen seen = {0};
    const LetterTaker all = {.take = see, .context = &seen};
    const LetterTaker one = {.take = see, .context = &seen, .count_max = 1};
    World *world = world_system();
    assert_int_equal(letters_read(world, path, &offset, &all, &error), OK);
    const char *text = arena_printf(arena, "%s\nno letter\n%s\n%s\n%.20s", line, line, line, line);
    assert_int_equal(world_replace_file(world, path, str_from(text), &error), OK);
    assert_int_equal(letters_read(world, path, &offset, &one, &error), OK);
    assert_int_equal(seen.whole, 1);
    assert_int_equal(offset, (int64_t)strlen(line) + 1);
    assert_int_equal(letters_read(world, path, &offset, &all, &error), OK);
    assert_int_equal(seen.whole, 3);
    assert_int_equal(offset, (int64_t)strlen(text) - 20);
    /* What is none is there for who wants to write the file anew, and says where it was, also to
     * who did not begin at the beginning. */
    assert_int_equal(seen.damaged, 2);
    assert_int_equal(seen.cut, 1);
    assert_string_equal(buffer_terminated(&seen.kept),
                        arena_printf(arena, "no letter\n%.20s", line));
    assert_string_equal(buffer_terminated(&seen.positions),
                        arena_printf(arena, "%s:2;%s:5;", path, path));
    seen_free(&seen);
    /* A line that is longer than what is read at a time. */
    char *big = memset(arena_allocate(arena, (3 << 20) + 1), 'x', 3 << 20);
    big[3 << 20] = '\0';
    Buffer lines = {0};
    letter_append(&lines, &(Letter){.table = STR("t"), .bytes = str_make(big, 3 << 20)});
    buffer_append_text(&lines, line);
    buffer_append_char(&lines, '\n');
    assert_int_equal(see_file(path, buffer_str(&lines), &seen), OK);
    assert_int_equal(seen.whole, 2);
    seen_free(&seen);
    buffer_free(&lines);
    assert_int_equal(world->kind->remove(world, path, &error), OK);
    arena_free(arena);
}

static void small_file(Buffer *out)
{
    static const Letter letters[] = {
        {.ts = STR("2026-01-01T00:00:00.000Z"),
         .pipeline = STR("p"),
         .table = STR("t"),
         .stage = STR("decode"),
         .code = STR("WR3501"),
         .reason = STR("\"b\"\n"),
         .position = STR("f:7"),
         .format = STR("csv"),
         .bytes = STR("a")},
        {.table = STR("t"), .bytes = STR("b\xff")},
        {.table = STR("t"), .bytes = STR("{\"c\":1}")},
    };
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
        letter_append(out, &letters[i]);
    /* One of them was replayed. */
    Buffer replayed = {0};
    letter_append(&replayed, &letters[0]);
    letter_append_replayed(out, str_make(replayed.data, replayed.length - 1), "17-ab");
    buffer_free(&replayed);
}

static const char *const records[] = {"a;", "b\xff;", "{\"c\":1};", "a;"};

enum { RECORDS = sizeof records / sizeof records[0] };

/* All but those from `first` on, so many. */
static const char *records_without(Arena *arena, int32_t first, int32_t count)
{
    const char *text = "";
    for (int32_t i = 0; i < RECORDS; i++)
        if (i < first || i >= first + count)
            text = arena_printf(arena, "%s%s", text, records[i]);
    return text;
}

/* The line that is damaged is named, and the others are there. Only two whose border is damaged
 * are lost both. */
static void test_each_flipped_bit_is_found_and_hides_no_other_line(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "letter-flip-%d.jsonl", (int)getpid());
    Arena *arena = arena_new(0);
    Buffer file = {0};
    small_file(&file);
    Seen seen = {0};
    assert_int_equal(see_file(path, buffer_str(&file), &seen), OK);
    assert_string_equal(buffer_terminated(&seen.records), records_without(arena, 0, 0));
    assert_int_equal(seen.damaged, 0);
    int32_t number = 0;
    for (int64_t at = 0; at < file.length; at++) {
        bool is_end = file.data[at] == '\n';
        for (int32_t bit = 0; bit < 8; bit++) {
            arena_reset(arena);
            seen_free(&seen);
            file.data[at] ^= (char)(1 << bit);
            assert_int_equal(see_file(path, buffer_str(&file), &seen), OK);
            file.data[at] ^= (char)(1 << bit);
            assert_string_equal(buffer_terminated(&seen.records),
                                records_without(arena, number, is_end ? 2 : 1));
            assert_true(seen.damaged == 1 || seen.damaged == 2);
            const char *named = arena_printf(arena, "%s:%d;", path, number + 1);
            assert_true(str_has_prefix(buffer_str(&seen.positions), str_from(named)));
        }
        number += is_end;
    }
    seen_free(&seen);
    buffer_free(&file);
    unlink(path);
    arena_free(arena);
}

/* A file that is cut between two lines is told by its length alone (deadletter.c). */
static void test_each_cut_within_a_line_is_found(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "letter-cut-%d.jsonl", (int)getpid());
    Arena *arena = arena_new(0);
    Buffer file = {0};
    small_file(&file);
    Seen seen = {0};
    int32_t number = 0;
    for (int64_t length = 0; length < file.length; length++) {
        arena_reset(arena);
        seen_free(&seen);
        assert_int_equal(see_file(path, str_make(file.data, length), &seen), OK);
        bool is_between = length == 0 || file.data[length - 1] == '\n';
        assert_string_equal(buffer_terminated(&seen.records),
                            records_without(arena, number, RECORDS));
        assert_int_equal(seen.cut, !is_between);
        assert_int_equal(seen.damaged, !is_between);
        number += file.data[length] == '\n';
        /* Somebody went on writing behind it. */
        if (is_between)
            continue;
        Buffer longer = {0};
        buffer_append(&longer, file.data, length);
        buffer_append_char(&longer, '\n');
        buffer_append_str(&longer, buffer_str(&file));
        seen_free(&seen);
        assert_int_equal(see_file(path, buffer_str(&longer), &seen), OK);
        bool lacks_only_end = file.data[length] == '\n';
        assert_int_equal(seen.damaged, !lacks_only_end);
        assert_int_equal(seen.whole, number + RECORDS);
        buffer_free(&longer);
    }
    seen_free(&seen);
    buffer_free(&file);
    unlink(path);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_fields_come_back),
        cmocka_unit_test(test_what_is_cut_short_or_something_else_is_no_letter),
        cmocka_unit_test(test_members_that_an_older_version_did_not_write_need_a_checksum),
        cmocka_unit_test(test_only_whole_lines_are_read),
        cmocka_unit_test(test_each_flipped_bit_is_found_and_hides_no_other_line),
        cmocka_unit_test(test_each_cut_within_a_line_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
