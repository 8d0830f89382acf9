/* Dead letters: what stands in the file, and what happens when it cannot be written. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/metrics.h"
#include "state/deadletter.h"
#include "state/letter.h"
#include "state/lettermark.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "deadletter-test-%d", (int)getpid());
    return world_remove_tree(world_system(), folder, NULL) == OK ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return world_remove_tree(world_system(), folder, NULL) == OK ? 0 : -1;
}

static Str read_letters(Arena *arena, const char *name)
{
    Str text = {0};
    const char *path = arena_printf(arena, "%s/%s", folder, name);
    assert_int_equal(world_read_file(world_system(), path, 1 << 20, arena, &text, NULL), OK);
    return text;
}

/* A line that is whole, without its checksum. */
static Str unsealed(Arena *arena, Str line)
{
    Letter letter;
    assert_true(letter_parse(line, arena, &letter));
    assert_true(str_find(line, STR(",\"crc32c\":\"")) > 0);
    Buffer text = {0};
    letter_append_unsealed(&text, line);
    line = str_copy(arena, buffer_str(&text));
    buffer_free(&text);
    return line;
}

static void test_letters_are_lines_of_json(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    DeadLetters *letters = deadletters_open(world_system(), folder);
    deadletters_add(letters, &(DeadLetter){.table = STR("orders"),
                                           .stage = STAGE_DECODE,
                                           .code = "WR4001",
                                           .reason = "not a \"number\"",
                                           .position = STR("orders.json:7"),
                                           .bytes = STR("{\"a\":x}")});
    deadletters_add(letters, &(DeadLetter){.table = STR("orders"),
                                           .stage = STAGE_LATE,
                                           .code = "WR4302",
                                           .reason = "late",
                                           .position = STR(""),
                                           .bytes = str_make("\xff\x00\x01\x02", 4)});
    Error error = {0};
    assert_int_equal(deadletters_sync(letters, &error), OK);
    Str text = read_letters(arena, "orders.jsonl");
    Str rest = text;
    Str first = str_split(rest, '\n', &rest);
    Str second = str_split(rest, '\n', &rest);
    assert_true(str_has_prefix(first, STR("{\"ts\":\"20")));
    /* Behind it each line has its checksum. */
    assert_true(
        str_has_suffix(unsealed(arena, first),
                       STR("\"table\":\"orders\",\"stage\":\"decode\",\"code\":\"WR4001\","
                           "\"reason\":\"not a \\\"number\\\"\",\"position\":\"orders.json:7\","
                           "\"text\":\"{\\\"a\\\":x}\"}")));
    assert_true(str_has_suffix(unsealed(arena, second), STR("\"base64\":\"/wABAg==\"}")));
    assert_int_equal(rest.length, 0);
    assert_int_equal(deadletters_count(letters), 2);
    deadletters_close(letters);
    arena_free(arena);
}

static void test_letters_of_an_earlier_run_stay(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    for (int32_t run = 0; run < 2; run++) {
        DeadLetters *letters = deadletters_open(world_system(), folder);
        deadletters_add(letters, &(DeadLetter){.table = STR("kept"),
                                               .stage = STAGE_DECODE,
                                               .code = "WR4001",
                                               .reason = "bad",
                                               .position = STR("1"),
                                               .bytes = STR("x")});
        deadletters_close(letters);
    }
    Str rest = read_letters(arena, "kept.jsonl");
    (void)str_split(rest, '\n', &rest);
    (void)str_split(rest, '\n', &rest);
    assert_int_equal(rest.length, 0);
    assert_non_null(rest.data);
    arena_free(arena);
}

static void test_names_cannot_leave_the_folder(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    List names = {0};
    DeadLetters *letters = deadletters_open(world_system(), folder);
    deadletters_add(letters, &(DeadLetter){.table = STR("../../evil/x"),
                                           .stage = STAGE_DECODE,
                                           .code = "WR4001",
                                           .reason = "bad",
                                           .position = STR(""),
                                           .bytes = STR("x")});
    deadletters_add(letters, &(DeadLetter){.table = STR("../../evil_x"),
                                           .stage = STAGE_DECODE,
                                           .code = "WR4001",
                                           .reason = "bad",
                                           .position = STR(""),
                                           .bytes = STR("x")});
    deadletters_close(letters);
    World *world = world_system();
    assert_int_equal(world->kind->list(world, folder, arena, &names, NULL), OK);
    int32_t found = 0;
    for (int32_t i = 0; i < names.count; i++)
        found += str_has_prefix(str_from(LIST_AT(names, i, char)), STR("t_.._.._evil_x-"));
    assert_int_equal(found, 2);
    arena_free(arena);
}

static void test_what_cannot_be_written_is_counted(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Metric *lost = metric_get(METRIC_COUNTER, "weir_dead_letter_write_failures_total", "", "", 1);
    int64_t before = metric_value(lost);
    const char *inside = arena_printf(arena, "%s/blocked/x", folder);
    const char *file = arena_printf(arena, "%s/blocked", folder);
    assert_int_equal(world_replace_file(world_system(), file, STR("a file"), NULL), OK);
    DeadLetters *letters = deadletters_open(world_system(), inside);
    deadletters_add(letters, &(DeadLetter){.table = STR("t"),
                                           .stage = STAGE_DECODE,
                                           .code = "WR4001",
                                           .reason = "bad",
                                           .position = STR(""),
                                           .bytes = STR("x")});
    Error error = {0};
    assert_int_not_equal(deadletters_sync(letters, &error), OK);
    assert_int_equal(metric_value(lost), before + 1);
    assert_int_not_equal(deadletters_trouble(letters, &error), OK);
    assert_string_equal(error.code, "WR5002");
    deadletters_close(letters);
    arena_free(arena);
}

/* ---- Checkpoints --------------------------------------------------------------------------- */

static void add(DeadLetters *letters, const char *what)
{
    deadletters_add(letters, &(DeadLetter){.table = STR("t"),
                                           .stage = STAGE_COMPUTE,
                                           .code = "WR4101",
                                           .reason = "bad",
                                           .position = STR(""),
                                           .bytes = str_from(what)});
}

/* The texts of the letters of `t`, with a space behind each. */
static const char *read_texts(Arena *arena)
{
    Buffer texts = {0};
    Str rest = read_letters(arena, "t.jsonl");
    while (rest.length > 0) {
        Str line = str_split(rest, '\n', &rest);
        Letter letter;
        assert_true(letter_parse(line, arena, &letter) && letter.is_text);
        buffer_printf(&texts, "%.*s ", STR_ARGS(letter.bytes));
    }
    const char *text = arena_printf(arena, "%s", buffer_terminated(&texts));
    buffer_free(&texts);
    return text;
}

static void hear(void *context, const char *text)
{
    *(const char **)context = strstr(text, "changed") != NULL ? "changed" : "moved";
}

/* What the next one does who opens the folder; what it says. */
static const char *settle(Arena *arena, Str state)
{
    LetterMark *mark;
    LetterState noted;
    Error error = {0};
    const char *heard = "";
    assert_int_equal(lettermark_read(world_system(), folder, arena, &mark, &error), OK);
    assert_non_null(mark);
    assert_string_equal(str_terminated(arena, mark->writer), "pipe");
    assert_true(deadletters_decode_state(state, arena, &noted));
    assert_int_equal(lettermark_settle(world_system(), folder, mark, &noted.lengths,
                                       &(LetterNotice){hear, &heard}, &error),
                     OK);
    assert_int_equal(lettermark_read(world_system(), folder, arena, &mark, &error), OK);
    assert_null(mark);
    return heard;
}

static DeadLetters *begin(int64_t checkpoint, Str state)
{
    DeadLetters *letters = deadletters_open(world_system(), folder);
    Error error = {0};
    assert_int_equal(deadletters_begin(letters, "pipe", checkpoint, state, &error), OK);
    return letters;
}

static void test_what_is_behind_a_barrier_waits_for_the_checkpoint(void **state)
{
    (void)state;
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
    Arena *arena = arena_new(0);
    Error error = {0};
    Buffer noted = {0};
    DeadLetters *letters = begin(6, (Str){0});
    DeadLetters *a = deadletters_of_task(letters), *b = deadletters_of_task(letters);
    add(a, "a1");
    deadletters_pass(a, 7);
    add(a, "a2");
    add(b, "b1");
    deadletters_pass(b, 7);
    add(b, "b2");
    assert_int_equal(deadletters_checkpoint(letters, 7, &noted, &error), OK);
    assert_string_equal(read_texts(arena), "a1 b1 ");
    add(a, "a3");
    deadletters_close(letters);
    assert_string_equal(read_texts(arena), "a1 b1 a2 b2 a3 ");
    assert_string_equal(settle(arena, buffer_str(&noted)), "");
    assert_string_equal(read_texts(arena), "a1 b1 ");
    buffer_free(&noted);
    arena_free(arena);
}

static void test_without_a_checkpoint_all_of_the_run_goes(void **state)
{
    (void)state;
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
    Arena *arena = arena_new(0);
    Error error = {0};
    DeadLetters *letters = begin(0, (Str){0});
    add(letters, "old");
    assert_int_equal(deadletters_sync(letters, &error), OK);
    assert_int_equal(deadletters_settle(letters, &error), OK);
    deadletters_close(letters);
    letters = begin(0, (Str){0});
    add(letters, "new");
    deadletters_close(letters);
    assert_string_equal(read_texts(arena), "old new ");
    assert_string_equal(settle(arena, (Str){0}), "");
    assert_string_equal(read_texts(arena), "old ");
    arena_free(arena);
}

static void test_a_file_that_somebody_has_changed_is_left_alone(void **state)
{
    (void)state;
    for (int32_t round = 0; round < 2; round++) {
        assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
        Arena *arena = arena_new(0);
        Error error = {0};
        Buffer noted = {0};
        DeadLetters *letters = begin(0, (Str){0});
        add(letters, "first");
        assert_int_equal(deadletters_checkpoint(letters, 1, &noted, &error), OK);
        add(letters, "second");
        deadletters_close(letters);
        const char *path = arena_printf(arena, "%s/t.jsonl", folder);
        Str text = str_make(memset(arena_allocate(arena, 4000), 'x', 4000), 4000);
        if (round == 0)
            assert_int_equal(world_system()->kind->remove(world_system(), path, &error), OK);
        else
            assert_int_equal(world_replace_file(world_system(), path, text, &error), OK);
        assert_string_equal(settle(arena, buffer_str(&noted)), round == 0 ? "moved" : "changed");
        if (round == 1)
            assert_int_equal(read_letters(arena, "t.jsonl").length, 4000);
        buffer_free(&noted);
        arena_free(arena);
    }
}

static void test_a_file_that_is_taken_away_meanwhile_begins_anew(void **state)
{
    (void)state;
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
    Arena *arena = arena_new(0);
    Error error = {0};
    Buffer noted = {0};
    DeadLetters *letters = begin(0, (Str){0});
    add(letters, "first");
    assert_int_equal(deadletters_sync(letters, &error), OK);
    const char *path = arena_printf(arena, "%s/t.jsonl", folder);
    assert_int_equal(world_system()->kind->remove(world_system(), path, &error), OK);
    assert_int_equal(deadletters_checkpoint(letters, 1, &noted, &error), OK);
    add(letters, "second");
    assert_int_equal(deadletters_checkpoint(letters, 2, &noted, &error), OK);
    assert_string_equal(read_texts(arena), "second ");
    deadletters_close(letters);
    buffer_free(&noted);
    arena_free(arena);
}

static void test_with_much_behind_a_barrier_sources_wait(void **state)
{
    (void)state;
    Error error = {0};
    Buffer noted = {0};
    DeadLetters *letters = deadletters_open(world_system(), NULL);
    DeadLetters *task = deadletters_of_task(letters);
    static char megabyte[(1 << 20) + 1];
    memset(megabyte, 'x', sizeof megabyte - 1);
    deadletters_pass(task, 1);
    for (int32_t i = 0; i < 8; i++) {
        assert_true(deadletters_has_room(task));
        add(task, megabyte);
    }
    assert_false(deadletters_has_room(task));
    assert_int_equal(deadletters_checkpoint(letters, 1, &noted, &error), OK);
    assert_true(deadletters_has_room(task));
    deadletters_close(letters);
    buffer_free(&noted);
}

static void ring(void *context)
{
    ++*(int32_t *)context;
}

static void test_more_than_the_user_allows_is_trouble(void **state)
{
    (void)state;
    int32_t rings = 0;
    Arena *arena = arena_new(0);
    Error error = {0};
    Buffer noted = {0};
    DeadLetters *letters = deadletters_open(world_system(), NULL);
    assert_int_equal(deadletters_begin(letters, "pipe", 0, (Str){0}, &error), OK);
    deadletters_limit(letters, &(LetterLimits){.most = 3}, ring, &rings);
    add(letters, "1");
    add(letters, "2");
    assert_int_equal(deadletters_trouble(letters, &error), OK);
    assert_int_equal(deadletters_checkpoint(letters, 1, &noted, &error), OK);
    deadletters_close(letters);
    /* What the checkpoint has counted counts on. */
    letters = deadletters_open(world_system(), NULL);
    assert_int_equal(deadletters_begin(letters, "pipe", 1, buffer_str(&noted), &error), OK);
    deadletters_limit(letters, &(LetterLimits){.most = 3}, ring, &rings);
    add(letters, "3");
    assert_int_equal(deadletters_trouble(letters, &error), OK);
    add(letters, "4");
    add(letters, "5");
    assert_int_equal(rings, 1);
    assert_int_equal(deadletters_trouble(letters, &error), ERR_LIMIT);
    assert_string_equal(error.code, "WR4421");
    assert_non_null(strstr(error.text, "table `t`"));
    assert_non_null(strstr(error.text, "WR4101, such as: bad"));
    deadletters_close(letters);
    letters = deadletters_open(world_system(), NULL);
    deadletters_limit(letters, &(LetterLimits){.most_per_minute = 5}, ring, &rings);
    for (int32_t i = 0; i < 5; i++)
        add(letters, "x");
    assert_int_equal(deadletters_trouble(letters, &error), OK);
    add(letters, "x");
    assert_int_equal(deadletters_trouble(letters, &error), ERR_LIMIT);
    deadletters_close(letters);
    buffer_free(&noted);
    arena_free(arena);
}

/* A mark that says something else would cut letters that are for good. */
static void test_damage_to_the_mark_is_found(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Error error = {0};
    LetterMark *mark;
    LetterMark first = {.writer = STR("p"), .checkpoint = 7};
    LetterLength length = {.name = STR("t.jsonl"), .bytes = 1234, .check = 5678};
    list_append(&first.lengths, arena, &length);
    assert_int_equal(lettermark_write(world_system(), folder, &first, &error), OK);
    const char *path = arena_printf(arena, "%s/.writer", folder);
    Str whole = read_letters(arena, ".writer");
    char *other = arena_copy(arena, whole.data, whole.length);
    for (int64_t at = 0; at < 9 * whole.length; at++) {
        /* Eight bits of each byte, then each length. */
        int64_t byte = at / 8 < whole.length ? at / 8 : 0;
        int64_t bytes = at / 8 < whole.length ? whole.length : at - 8 * whole.length;
        char bit = (char)(at / 8 < whole.length ? 1 << at % 8 : 0);
        other[byte] ^= bit;
        FILE *file = remove(path) == 0 ? fopen(path, "w") : NULL;
        assert_non_null(file);
        assert_int_equal(fwrite(other, 1, (size_t)bytes, file), bytes);
        assert_int_equal(fclose(file), 0);
        other[byte] ^= bit;
        Status status = lettermark_read(world_system(), folder, arena, &mark, &error);
        if (status == OK) {
            /* The end of its line, and bits of base64 that say nothing. */
            assert_int_equal(mark->checkpoint, 7);
            assert_int_equal(LIST_AT(mark->lengths, 0, LetterLength)->bytes, 1234);
            continue;
        }
        assert_string_equal(error.code, "WR4420");
        assert_non_null(strstr(error.text, path));
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters_are_lines_of_json),
        cmocka_unit_test(test_letters_of_an_earlier_run_stay),
        cmocka_unit_test(test_names_cannot_leave_the_folder),
        cmocka_unit_test(test_what_cannot_be_written_is_counted),
        cmocka_unit_test(test_what_is_behind_a_barrier_waits_for_the_checkpoint),
        cmocka_unit_test(test_without_a_checkpoint_all_of_the_run_goes),
        cmocka_unit_test(test_a_file_that_somebody_has_changed_is_left_alone),
        cmocka_unit_test(test_a_file_that_is_taken_away_meanwhile_begins_anew),
        cmocka_unit_test(test_with_much_behind_a_barrier_sources_wait),
        cmocka_unit_test(test_more_than_the_user_allows_is_trouble),
        cmocka_unit_test(test_damage_to_the_mark_is_found),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
