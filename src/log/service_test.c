/* A compaction that takes long: marks, flushes by the clock and retention go on meanwhile. */
#include "base/testing.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "log/batch_testing.h"
#include "log/log.h"

enum { SECONDS_MAX = 20 };

static WorldKind kind;
static World world = {.kind = &kind};
static char folder[] = "/tmp/weir-service-test-XXXXXX";
static Log *log_;
static _Atomic bool is_held, is_compacting;

static void nap(void)
{
    world_system()->kind->sleep_us(world_system(), 5000);
}

/* Where a compacted segment is written beside the old one. */
static Status held_open(World *of, const char *path, FileMode mode, File **out, Error *error)
{
    if (strstr(path, "compacted") != NULL && strstr(path, ".log.new") != NULL) {
        is_compacting = true;
        while (is_held)
            nap();
    }
    return world_system()->kind->open(of, path, mode, out, error);
}

static Partition *open_partition(const char *name, PartitionConfig config)
{
    Partition *partition;
    assert_int_equal(log_partition(log_, name, &config, &partition, NULL), OK);
    return partition;
}

static void append(Partition *partition, int32_t count)
{
    Buffer batch = {0};
    for (int32_t i = 0; i < count; i++) {
        Appended appended;
        test_batch(&batch, &(TestBatch){.timestamp_ms = 1, .key = "k", .padding = 100});
        assert_int_equal(partition_append(partition, batch.data, batch.length, &appended, NULL),
                         OK);
        assert_int_equal(appended.verdict, APPEND_DONE);
    }
    buffer_free(&batch);
}

static PartitionOffsets offsets_of(Partition *partition)
{
    PartitionOffsets offsets;
    partition_offsets(partition, &offsets);
    return offsets;
}

static Str read_marks(Arena *arena)
{
    char path[96];
    Str content;
    snprintf(path, sizeof path, "%s/marks", folder);
    assert_int_equal(world_read_file(world_system(), path, 1 << 20, arena, &content, NULL), OK);
    return content;
}

static void test_a_compaction_keeps_nothing_else_waiting(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    PartitionConfig compacted = partition_config_default, lazy = compacted, expiring = compacted;
    compacted.is_compacted = true;
    compacted.is_deleted = false;
    compacted.segment_bytes = expiring.segment_bytes = 500;
    lazy.flush_messages = INT64_MAX;
    lazy.flush_ms = 1;
    Partition *first = open_partition("compacted/0", compacted);
    is_held = true;
    assert_int_equal(log_start(log_, 1, NULL, NULL), OK);
    append(first, 20);
    int32_t naps = 0, naps_max = SECONDS_MAX * 200;
    while (!is_compacting && naps++ < naps_max)
        nap();
    assert_true(is_compacting);

    Str before = read_marks(arena);
    Partition *second = open_partition("lazy/0", lazy),
              *third = open_partition("short/0", expiring);
    append(second, 1);
    append(third, 20);
    bool has_news = false;
    while (!(has_news && offsets_of(second).durable_end == 1 &&
             offsets_of(third).start_offset == 20) &&
           naps++ < naps_max) {
        nap();
        Str now = read_marks(arena);
        has_news = has_news || now.length > before.length;
    }
    assert_true(has_news);
    assert_int_equal(offsets_of(second).durable_end, 1);
    assert_int_equal(offsets_of(third).start_offset, 20);
    assert_true(is_held);
    is_held = false;
    log_stop(log_);
    partition_release(first);
    partition_release(second);
    partition_release(third);
    assert_int_equal(log_close(log_, NULL), OK);
    arena_free(arena);
}

int main(void)
{
    assert(mkdtemp(folder) != NULL);
    kind = *world_system()->kind;
    kind.open = held_open;
    Status opened = log_open(&world, folder, &(LogOptions){0}, &log_, NULL);
    assert(opened == OK);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_compaction_keeps_nothing_else_waiting),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    Status removed = world_remove_tree(world_system(), folder, NULL);
    return failed + (removed != OK);
}
