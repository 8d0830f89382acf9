/* A child holds a lock; who holds none, or has the file open only, is not taken for it. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/lockholder.h"
#include "base/testing.h"

/* A child that has the file open, and locked if told; it says so before this returns. */
static pid_t child_start(const char *path, bool locks)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int file = open(path, O_RDWR | O_CLOEXEC);
        if (file < 0 || (locks && flock(file, LOCK_EX | LOCK_NB) != 0) ||
            write(ready[1], "r", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    char word;
    close(ready[1]);
    assert_int_equal(read(ready[0], &word, 1), 1);
    close(ready[0]);
    return child;
}

static void child_end(pid_t child)
{
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void test_the_process_that_holds_it_is_found(void **unused)
{
    (void)unused;
    char path[] = "/tmp/weir-lock-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(lockholder_find(path), 0);
    pid_t reader = child_start(path, false);
    assert_int_equal(lockholder_find(path), 0);
    pid_t holder = child_start(path, true);
    assert_int_equal(lockholder_find(path), holder);
    child_end(holder);
    assert_int_equal(lockholder_find(path), 0);
    child_end(reader);
    assert_int_equal(lockholder_find("/tmp/weir-lock-that-is-not-there"), 0);
    close(file);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_process_that_holds_it_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
