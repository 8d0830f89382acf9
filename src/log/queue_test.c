/* What waits to be made durable, while a sync takes long. */
#include "base/testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "log/batch_testing.h"
#include "log/log.h"

enum { FLUSHERS = 2, MOMENT_US = 20 * 1000, AWAIT_MS = 10 * 1000 };

/* A world whose syncs of segments are counted, and can be held up. */
static WorldKind kind;
static World world = {.kind = &kind};
static _Atomic bool is_stuck, is_failing;
static _Atomic int32_t begun_count, stuck_count;

/* The log notes from time to time how far it is; that does not count. */
static _Atomic(File *) marks;

static Status open_noting_marks(World *of, const char *path, FileMode mode, File **out,
                                Error *error)
{
    TRY(world_system()->kind->open(of, path, mode, out, error));
    if (strstr(path, "/marks.tmp") != NULL)
        marks = *out;
    else if (marks == *out)
        marks = NULL; /* it is closed, and its memory another one's */
    return OK;
}

static Status counted_sync(File *file, Error *error)
{
    if (file == marks)
        return world_system()->kind->sync(file, error);
    stuck_count++;
    begun_count++;
    while (is_stuck)
        usleep(500);
    stuck_count--;
    return is_failing ? fail(error, ERR_IO, "WR5009", "the disk is gone")
                      : world_system()->kind->sync(file, error);
}

typedef struct Bench {
    char folder[64];
    Log *log;
    Partition *one, *other;
} Bench;

static int set_up(void **state)
{
    Bench *bench = test_calloc(1, sizeof *bench);
    kind = *world_system()->kind;
    kind.sync = counted_sync;
    kind.open = open_noting_marks;
    *bench = (Bench){.folder = "/tmp/weir-queue-XXXXXX"};
    assert_non_null(mkdtemp(bench->folder));
    assert_int_equal(log_open(&world, bench->folder, &(LogOptions){0}, &bench->log, NULL), OK);
    assert_int_equal(log_partition(bench->log, "t/0", &partition_config_default, &bench->one, NULL),
                     OK);
    assert_int_equal(
        log_partition(bench->log, "t/1", &partition_config_default, &bench->other, NULL), OK);
    assert_int_equal(log_start(bench->log, FLUSHERS, NULL, NULL), OK);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    Bench *bench = *state;
    log_stop(bench->log);
    partition_release(bench->one);
    partition_release(bench->other);
    assert_int_equal(log_close(bench->log, NULL), OK);
    assert_int_equal(world_remove_tree(world_system(), bench->folder, NULL), OK);
    test_free(bench);
    return 0;
}

static int tear_down_broken(void **state)
{
    Bench *bench = *state;
    is_failing = false;
    log_stop(bench->log);
    partition_release(bench->one);
    partition_release(bench->other);
    assert_int_equal(log_close(bench->log, NULL), ERR_IO);
    assert_int_equal(world_remove_tree(world_system(), bench->folder, NULL), OK);
    test_free(bench);
    return 0;
}

static int64_t append(Partition *partition)
{
    Buffer batch = {0};
    Appended appended;
    test_batch(&batch, &(TestBatch){.timestamp_ms = 1});
    assert_int_equal(partition_append(partition, batch.data, batch.length, &appended, NULL), OK);
    assert_int_equal(appended.verdict, APPEND_DONE);
    buffer_free(&batch);
    return appended.end_offset;
}

static void await_begun(int32_t count)
{
    for (int32_t i = 0; begun_count < count && i < AWAIT_MS; i++)
        usleep(1000);
    assert_int_equal(begun_count, count);
}

static void test_what_comes_during_a_sync_is_made_durable_by_one_more(void **state)
{
    Bench *bench = *state;
    is_stuck = true;
    begun_count = 0;
    append(bench->one);
    await_begun(1);
    append(bench->one);
    usleep(MOMENT_US); /* in which another thread could take it */
    append(bench->one);
    usleep(MOMENT_US);
    int64_t end = append(bench->one);
    is_stuck = false;
    assert_int_equal(partition_wait(bench->one, end, NULL), OK);
    assert_int_equal(begun_count, 2);
}

static void test_a_sync_that_takes_long_leaves_a_thread_for_others(void **state)
{
    Bench *bench = *state;
    is_stuck = true;
    begun_count = 0;
    append(bench->one);
    await_begun(1);
    append(bench->one);
    usleep(MOMENT_US); /* the second thread does not wait for the first one's sync */
    append(bench->other);
    await_begun(2);
    assert_int_equal(stuck_count, 2);
    is_stuck = false;
    assert_int_equal(partition_wait(bench->one, 2, NULL), OK);
    assert_int_equal(partition_wait(bench->other, 1, NULL), OK);
}

static void *remove_one(void *context)
{
    return (void *)(intptr_t)log_remove(((Bench *)context)->log, "t/0", NULL);
}

static void test_what_is_removed_during_its_sync_is_not_queued_again(void **state)
{
    Bench *bench = *state;
    pthread_t remover;
    void *status;
    is_stuck = true;
    begun_count = 0;
    append(bench->one);
    await_begun(1);
    append(bench->one);
    assert_int_equal(pthread_create(&remover, NULL, remove_one, bench), 0);
    usleep(MOMENT_US);
    is_stuck = false;
    pthread_join(remover, &status);
    assert_int_equal((intptr_t)status, OK);
    assert_int_equal(partition_wait(bench->other, append(bench->other), NULL), OK);
}

static void *await_one_record(void *partition)
{
    return (void *)(intptr_t)partition_wait(partition, 1, NULL);
}

/* Each thread is within a sync that fails: what waits in the queue would wait for ever. */
static void test_who_waits_behind_a_failure_hears_of_it(void **state)
{
    enum { MORE = 4 };
    Bench *bench = *state;
    Partition *more[MORE];
    pthread_t waiters[MORE];
    for (int32_t i = 0; i < MORE; i++) {
        char name[8];
        snprintf(name, sizeof name, "u/%d", i);
        assert_int_equal(log_partition(bench->log, name, &partition_config_default, &more[i], NULL),
                         OK);
    }
    is_stuck = true;
    begun_count = 0;
    append(bench->one);
    append(bench->other);
    await_begun(FLUSHERS);
    for (int32_t i = 0; i < MORE; i++) {
        append(more[i]);
        assert_int_equal(pthread_create(&waiters[i], NULL, await_one_record, more[i]), 0);
    }
    usleep(MOMENT_US);
    is_failing = true;
    is_stuck = false;
    for (int32_t i = 0; i < MORE; i++) {
        void *status;
        pthread_join(waiters[i], &status);
        assert_int_equal((intptr_t)status, ERR_IO);
        partition_release(more[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_comes_during_a_sync_is_made_durable_by_one_more,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_sync_that_takes_long_leaves_a_thread_for_others,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_removed_during_its_sync_is_not_queued_again,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_who_waits_behind_a_failure_hears_of_it, set_up,
                                        tear_down_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
