/* The notes of a data folder with each bit flipped and cut at each length: who asks is told, or has
 * the right answer. */
#include "base/testing.h"
#include "base/unsynced_testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job/place.h"

static char home[64];

/* There are thousands of files. */
static WorldKind kind;
static World world;

static int set_up(void **state)
{
    (void)state;
    snprintf(home, sizeof home, "/tmp/weir-place-XXXXXX");
    assert_non_null(mkdtemp(home));
    unsynced_world(&world, &kind);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(world_remove_tree(world_system(), home, NULL), OK);
    return 0;
}

static void put(const char *name, Str content)
{
    char path[256];
    File *file;
    snprintf(path, sizeof path, "%s/%s", home, name);
    (void)!world.kind->remove(&world, path, NULL);
    assert_int_equal(world.kind->open(&world, path, FILE_CREATE, &file, NULL), OK);
    assert_int_equal(world.kind->write(file, content.data, content.length, NULL), OK);
    assert_int_equal(world.kind->close(file, NULL), OK);
}

/* What can be asked, as a text. */
static Status ask(Arena *arena, const char **answer, Error *error)
{
    Places places;
    Charge charge;
    Str script;
    TRY(place_find(&world, arena, home, "old", &places, error));
    TRY(place_in_charge(&world, arena, home, "old", &charge, error));
    TRY(world_read_file(&world, place_of_script(arena, charge.data_dir), 1 << 20, arena, &script,
                        error));
    TRY(place_check_script(&world, charge.data_dir, script, error));
    *answer = arena_printf(arena, "%s %s %s %.*s", places.checkpoints, places.savepoints,
                           charge.pipeline, STR_ARGS(script));
    return OK;
}

static void look(const char *name, Str content, const char *how, int64_t at)
{
    Arena *arena = arena_new(0);
    const char *answer = NULL;
    Error error = {0};
    put(name, content);
    Status status = ask(arena, &answer, &error);
    if (status == OK)
        fail_msg("%s, %s at %lld: not found: %s", name, how, (long long)at, answer);
    if (status != ERR_CORRUPT || strstr(error.text, home) == NULL)
        fail_msg("%s, %s at %lld: %s", name, how, (long long)at, error.text);
    arena_free(arena);
}

static void damage(const char *name)
{
    Arena *arena = arena_new(0);
    Str whole;
    const char *path = arena_printf(arena, "%s/%s", home, name);
    assert_int_equal(world_read_file(&world, path, 1 << 20, arena, &whole, NULL), OK);
    char *other = arena_copy(arena, whole.data, whole.length);
    for (int64_t at = 0; at < whole.length; at++)
        for (int32_t bit = 0; bit < 8; bit++) {
            other[at] ^= (char)(1 << bit);
            look(name, str_make(other, whole.length), "a bit", at);
            other[at] ^= (char)(1 << bit);
        }
    for (int64_t length = 0; length < whole.length; length++)
        look(name, str_make(whole.data, length), "cut", length);
    put(name, whole);
    arena_free(arena);
}

static void test_damage_to_notes_is_found(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Error error = {0};
    const char *answer;
    const Places places = {.checkpoints = "s3://bucket/checkpoints/old",
                           .savepoints = "/backup/savepoints"};
    assert_int_equal(place_note(&world, home, "old", &places, &error), OK);
    assert_int_equal(place_prepare(&world, home, "new", "old", STR("SELECT 1;\n"), &error), OK);
    assert_int_equal(place_replace(&world, home, "old", "new", &error), OK);
    assert_int_equal(ask(arena, &answer, &error), OK);
    assert_string_equal(answer, "s3://bucket/checkpoints/old /backup/savepoints new SELECT 1;\n");
    damage("jobs/old/places");
    damage("jobs/old/replaced");
    damage("deployed/new/replaces");
    damage("deployed/new/script.sql");
    assert_int_equal(ask(arena, &answer, &error), OK);
    arena_free(arena);
}

static void test_notes_of_older_versions_are_read(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    Error error = {0};
    const char *answer;
    assert_int_equal(place_prepare(&world, home, "new", "old", STR("SELECT 1;\n"), &error), OK);
    assert_int_equal(place_replace(&world, home, "old", "new", &error), OK);
    put("jobs/old/places", STR("checkpoints=/c\nsavepoints=/s\n"));
    put("jobs/old/replaced", STR("new\n"));
    put("deployed/new/replaces", STR("old\n"));
    assert_int_equal(ask(arena, &answer, &error), OK);
    assert_string_equal(answer, "/c /s new SELECT 1;\n");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_damage_to_notes_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_notes_of_older_versions_are_read, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
