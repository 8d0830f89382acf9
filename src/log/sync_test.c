/* Two syncs of a segment at once, of which the system tells only one that it has failed: nothing is
 * acknowledged that the disk may have lost. */
#include "base/testing.h"

#include <stdlib.h>

#include "base/syncs_testing.h"
#include "log/batch_testing.h"
#include "log/internal.h"

static Syncs syncs = SYNCS_INIT;
static char folder[] = "/tmp/weir-sync-test-XXXXXX";
static WorldKind kind;
static World world = {.kind = &kind};
static Log *log_;
static Partition *partition;

static Status sync_file(File *file, Error *error)
{
    (void)file;
    return syncs_answer(&syncs) == 0 ? OK : fail(error, ERR_IO, "WR5009", "the disk is broken");
}

static void append(void)
{
    Buffer batch = {0};
    Appended appended;
    test_batch(&batch, &(TestBatch){.timestamp_ms = 1});
    assert_int_equal(partition_append(partition, batch.data, batch.length, &appended, NULL), OK);
    assert_int_equal(appended.verdict, APPEND_DONE);
    buffer_free(&batch);
}

static int flush(void *context)
{
    (void)context;
    return (int)log_flush(log_, NULL);
}

/* Another batch waits for a sync, and another thread makes it: not from the queue, which has the
 * partition back only when the first sync is over, but as what is done every second makes one. */
static int append_and_flush(void *context)
{
    (void)context;
    append();
    syncs_begin_second(&syncs);
    return (int)partition_flush(partition, NULL);
}

static void test_a_second_sync_of_a_segment_hides_no_failure(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    kind = *world_system()->kind;
    assert_int_equal(log_open(&world, folder, &(LogOptions){0}, &log_, NULL), OK);
    assert_int_equal(log_partition(log_, "orders/0", &partition_config_default, &partition, NULL),
                     OK);
    kind.sync = sync_file;
    append();
    syncs.second = append_and_flush;
    assert_int_equal(syncs_run(&syncs, flush), ERR_IO);
    assert_int_equal(syncs.second_result, ERR_IO);
    assert_int_equal(syncs.count, 1);
    assert_true(log_is_broken(log_, NULL));
    PartitionOffsets offsets;
    partition_offsets(partition, &offsets);
    assert_int_equal(offsets.end_offset, 2);
    assert_int_equal(offsets.durable_end, 0);
    assert_int_equal(offsets.high_watermark, 0);
    partition_release(partition);
    log_abandon(log_);
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_second_sync_of_a_segment_hides_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
