/* The ceiling: who holds what is known, and above it the process ends with a message. */
#include "base/testing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/ceiling.h"
#include "base/memory.h"
#include "base/metrics.h"

enum { MIB = 1024 * 1024, ROOM_MIB = 64 };

static void memory_counts_for_its_holder(void **state)
{
    (void)state;
    Metric *mine = ceiling_holder("mine"), *other = ceiling_holder("a \"quoted\" one");
    Metric *before = memory_hold(mine);
    void *block = memory_allocate(3 * MIB);
    memset(block, 1, 3 * MIB);
    Arena *arena = arena_new(0);
    assert_ptr_equal(memory_hold(other), mine);
    /* An arena stays with whoever made it. */
    memset(arena_allocate(arena, 5 * MIB), 1, 5 * MIB);
    block = memory_resize(block, 1 * MIB);
    int64_t held = metric_value(mine);
    assert_in_range(held, 8 * MIB, 9 * MIB);
    char text[256], small[8];
    assert_true(ceiling_describe(text, sizeof text) > 0);
    assert_int_equal(strncmp(text, "8 MiB by mine, ", strlen("8 MiB by mine, ")), 0);
    assert_non_null(strstr(text, " MiB by libraries and between what is in use"));
    assert_int_equal(ceiling_describe(small, sizeof small), (int)sizeof small - 1);
    memory_hold(mine);
    memory_free(block);
    arena_free(arena);
    memory_hold(before);
    /* What the other one's resizing took from the block is still with it. */
    assert_int_equal(metric_value(mine) + metric_value(other), 0);
}

/* In a process of its own: takes memory until it is stopped. */
static int take_all(int64_t piece_bytes, int output)
{
    dup2(output, STDERR_FILENO);
    int64_t limit = ceiling_resident_bytes() + (int64_t)ROOM_MIB * MIB;
    ceiling_set(limit);
    memory_hold(ceiling_holder("the glutton"));
    for (int64_t taken = 0; taken < 4 * limit; taken += piece_bytes) {
        char *piece = memory_allocate(piece_bytes);
        memset(piece, 1, (size_t)piece_bytes);
    }
    return 0;
}

static void above_the_ceiling_the_process_ends(void **state)
{
    (void)state;
    const int64_t pieces[] = {100, 64 * 1024, 8 * MIB};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0)
            _exit(take_all(pieces[i], ends[1]));
        close(ends[1]);
        char text[1024] = {0};
        assert_true(read(ends[0], text, sizeof text - 1) > 0);
        close(ends[0]);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), MEMORY_EXIT_CODE);
        assert_non_null(strstr(text, "error[WR4412]"));
        assert_non_null(strstr(text, "by the glutton"));
    }
}

static void without_a_limit_nothing_is_looked_at(void **state)
{
    (void)state;
    ceiling_set(0);
    memory_free(memory_allocate(64 * MIB));
    assert_false(ceiling_is_passed());
    assert_true(ceiling_resident_bytes() > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: a process that is forked hears of this one, once that has looked. */
        cmocka_unit_test(above_the_ceiling_the_process_ends),
        cmocka_unit_test(memory_counts_for_its_holder),
        cmocka_unit_test(without_a_limit_nothing_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
