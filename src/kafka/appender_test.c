/* Who is behind whom, and who is not. */
#include "base/testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "kafka/appender.h"

enum { THREADS = 4, PARTITIONS = 16, EACH = 200, AWAIT_MS = 10 * 1000 };

static _Atomic int32_t running[PARTITIONS], done[PARTITIONS], faults, let_go_count;
static _Atomic bool is_stuck;

/* Nothing of a partition is looked at, where something else is written in place of a batch. */
static Partition *partition_of(int32_t index)
{
    return (Partition *)(intptr_t)(index + 1);
}

/* Its bytes are its place in the order of its partition. */
static void write_in_order(Append *append)
{
    int32_t index = (int32_t)(intptr_t)append->partition - 1;
    faults += running[index]++ != 0;
    while (is_stuck && index == 0)
        usleep(200);
    if (append->bytes % 16 == index)
        usleep(50); /* some take longer */
    faults += done[index] != append->bytes;
    done[index]++;
    running[index]--;
}

static void let_go(void *owner)
{
    (void)owner;
    let_go_count++;
}

static void ignore(void *context)
{
    (void)context;
}

static Append appends[EACH][PARTITIONS];

static Appender *begin(void)
{
    Appender *appender;
    faults = let_go_count = 0;
    for (int32_t i = 0; i < PARTITIONS; i++)
        done[i] = running[i] = 0;
    assert_int_equal(appender_new(THREADS, ignore, NULL, &appender, NULL), OK);
    return appender;
}

static void submit(Appender *appender, int32_t i, int32_t index)
{
    appends[i][index] = (Append){
        .partition = partition_of(index), .bytes = i, .write = write_in_order, .let_go = let_go};
    append_submit(appender, &appends[i][index]);
}

static void test_each_partition_keeps_its_order(void **state)
{
    (void)state;
    Appender *appender = begin();
    for (int32_t i = 0; i < EACH; i++)
        for (int32_t j = 0; j < PARTITIONS; j++)
            submit(appender, i, j);
    appender_free(appender); /* behind all that is queued */
    assert_int_equal(faults, 0);
    assert_int_equal(let_go_count, EACH * PARTITIONS);
    for (int32_t j = 0; j < PARTITIONS; j++)
        assert_int_equal(done[j], EACH);
}

static void test_one_that_is_stuck_keeps_no_other_waiting(void **state)
{
    (void)state;
    Appender *appender = begin();
    is_stuck = true;
    for (int32_t i = 0; i < EACH; i++)
        submit(appender, i, 0);
    for (int32_t i = 0; i < EACH; i++)
        submit(appender, i, 1);
    for (int32_t i = 0; done[1] < EACH && i < AWAIT_MS; i++)
        usleep(1000);
    assert_int_equal(done[1], EACH);
    assert_int_equal(done[0], 0);
    is_stuck = false;
    appender_free(appender);
    assert_int_equal(done[0], EACH);
    assert_int_equal(faults, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_partition_keeps_its_order),
        cmocka_unit_test(test_one_that_is_stuck_keeps_no_other_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
