/* Dead letters: what stands in the file, and what happens when it cannot be written. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/metrics.h"
#include "state/deadletter.h"

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
    assert_true(str_has_suffix(
        first, STR("\"table\":\"orders\",\"stage\":\"decode\",\"code\":\"WR4001\","
                   "\"reason\":\"not a \\\"number\\\"\",\"position\":\"orders.json:7\","
                   "\"text\":\"{\\\"a\\\":x}\"}")));
    assert_true(str_has_suffix(second, STR("\"base64\":\"/wABAg==\"}")));
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
    (void)!deadletters_sync(letters, &error);
    assert_int_equal(metric_value(lost), before + 1);
    deadletters_close(letters);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters_are_lines_of_json),
        cmocka_unit_test(test_letters_of_an_earlier_run_stay),
        cmocka_unit_test(test_names_cannot_leave_the_folder),
        cmocka_unit_test(test_what_cannot_be_written_is_counted),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
