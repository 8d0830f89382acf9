/* What the two sides of a deployment say to each other, with each bit flipped and cut at each
 * length. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/deploy/deploy.h"

static char home[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(home, sizeof home, "/tmp/weir-request-XXXXXX");
    assert_non_null(mkdtemp(home));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(world_remove_tree(world_system(), home, NULL), OK);
    return 0;
}

typedef Status Getter(Arena *arena, Error *error);

static Status get_request(Arena *arena, Error *error)
{
    DeployRequest request;
    return deploy_request_get(world_system(), home, arena, &request, error);
}

static Status get_answer(Arena *arena, Error *error)
{
    DeployAnswer answer;
    return deploy_answer_get(world_system(), home, arena, &answer, error);
}

static void look(const char *path, Str content, Getter *get, const char *how, int64_t at)
{
    Arena *arena = arena_new(0);
    Error error = {0};
    FILE *file = remove(path) == 0 ? fopen(path, "w") : NULL;
    assert_non_null(file);
    assert_int_equal(fwrite(content.data, 1, (size_t)content.length, file), content.length);
    assert_int_equal(fclose(file), 0);
    if (get(arena, &error) != ERR_CORRUPT || strcmp(error.code, "WR7062") != 0)
        fail_msg("%s, %s at %lld: not found", path, how, (long long)at);
    arena_free(arena);
}

static void damage(const char *name, Getter *get)
{
    char path[128];
    Arena *arena = arena_new(0);
    Str whole;
    snprintf(path, sizeof path, "%s/deploy/%s", home, name);
    assert_int_equal(world_read_file(world_system(), path, 1 << 20, arena, &whole, NULL), OK);
    assert_int_equal(get(arena, NULL), OK);
    char *other = arena_copy(arena, whole.data, whole.length);
    for (int64_t at = 0; at < whole.length; at++)
        for (int32_t bit = 0; bit < 8; bit++) {
            other[at] ^= (char)(1 << bit);
            look(path, str_make(other, whole.length), get, "a bit", at);
            other[at] ^= (char)(1 << bit);
        }
    for (int64_t length = 0; length < whole.length; length++)
        look(path, str_make(whole.data, length), get, "cut", length);
    arena_free(arena);
}

static void test_damage_is_found(void **state)
{
    (void)state;
    Error error = {0};
    const DeployRequest request = {.id = "1",
                                   .replaces = "old",
                                   .name = "new",
                                   .source = "new.sql",
                                   .begin = {.at = BEGIN_EARLIEST},
                                   .script = STR("SELECT 1;\n")};
    const DeployAnswer answer = {.id = "1", .state = DEPLOY_DONE, .text = STR("it is done")};
    assert_int_equal(deploy_request_put(world_system(), home, &request, &error), OK);
    assert_int_equal(deploy_answer_put(world_system(), home, &answer, &error), OK);
    damage("request", get_request);
    damage("answer", get_answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_damage_is_found, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
