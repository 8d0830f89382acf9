/* A disk that is nearly full: what a start writes anew has room, and takes none if it does not. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "log/batch_testing.h"
#include "log/log.h"

enum { DISK_BYTES = 1000 * 1000, RESERVE_BYTES = 100 * 1000, BATCH_BYTES = 10 * 1000 };

static WorldKind kind;
static World world = {.kind = &kind};
static char folder[] = "/tmp/weir-room-test-XXXXXX";
static const char LOG_NAME[] = "00000000000000000000.log";
static int64_t left_bytes;
static File *aside; /* what is written beside a segment */

static bool disk_room(World *of, const char *path, int64_t *free_bytes, int64_t *all_bytes)
{
    (void)of;
    (void)path;
    *free_bytes = left_bytes;
    *all_bytes = DISK_BYTES;
    return true;
}

static Status open_noted(World *of, const char *path, FileMode mode, File **out, Error *error)
{
    Status status = world_system()->kind->open(of, path, mode, out, error);
    if (status == OK && strstr(path, ".log.new") != NULL)
        aside = *out;
    return status;
}

static Status write_full(File *file, const void *bytes, int64_t length, Error *error)
{
    if (file != aside)
        return world_system()->kind->write(file, bytes, length, error);
    (void)world_system()->kind->write(file, bytes, length / 2, NULL);
    return fail(error, ERR_FULL, "WR5004", "no space left on device");
}

static Log *open_log(const char *path)
{
    Log *log;
    LogOptions options = {.reserve_bytes = RESERVE_BYTES};
    assert_int_equal(log_open(&world, path, &options, &log, NULL), OK);
    return log;
}

static Status append(Partition *partition)
{
    Buffer batch = {0};
    Appended appended;
    test_batch(&batch, &(TestBatch){.timestamp_ms = 1, .padding = BATCH_BYTES});
    left_bytes -= batch.length;
    Status status = partition_append(partition, batch.data, batch.length, &appended, NULL);
    if (status != OK)
        left_bytes += batch.length;
    buffer_free(&batch);
    return status;
}

/* The files as they would be found after a kill now. */
static Str copy_file(Arena *arena, const char *name, const char *to)
{
    World *system = world_system();
    Str content = {0};
    if (world_read_file(system, arena_printf(arena, "%s/%s", folder, name), 1 << 24, arena,
                        &content, NULL) == OK)
        assert_int_equal(
            world_replace_file(system, arena_printf(arena, "%s/%s", to, name), content, NULL), OK);
    return content;
}

static void test_what_is_left_is_enough_to_start_again(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    World *system = world_system();
    assert_non_null(mkdtemp(folder));
    const char *killed = arena_printf(arena, "%s-killed", folder);
    const char *partition_name = arena_printf(arena, "t/0/%s", LOG_NAME);
    kind = *system->kind;
    kind.disk_room = disk_room;
    kind.open = open_noted;
    left_bytes = DISK_BYTES;
    PartitionConfig lazy = partition_config_default;
    lazy.flush_messages = INT64_MAX;
    Partition *partition;
    Log *log = open_log(folder);
    assert_int_equal(log_partition(log, "t/0", &lazy, &partition, NULL), OK);

    assert_int_equal(system->kind->make_folder(system, arena_printf(arena, "%s/t/0", killed), NULL),
                     OK);
    int32_t count = 0;
    for (; append(partition) == OK; count++) {
        copy_file(arena, "marks", killed);
        copy_file(arena, partition_name, killed);
        kind.disk_room = NULL;
        FileInfo anew;
        aside = NULL;
        Log *other = open_log(killed);
        Partition *started;
        assert_int_equal(log_partition(other, "t/0", &lazy, &started, NULL), OK);
        PartitionOffsets offsets;
        partition_offsets(started, &offsets);
        assert_int_equal(offsets.end_offset, count + 1);
        partition_release(started);
        /* What was written anew is a segment of its own. */
        List names = {0};
        const char *place = arena_printf(arena, "%s/t/0", killed);
        assert_int_equal(system->kind->list(system, place, arena, &names, NULL), OK);
        const char *last = NULL;
        for (int32_t i = 0; i < names.count; i++)
            if (str_has_suffix(str_from(LIST_AT(names, i, const char)), STR(".log")))
                last = LIST_AT(names, i, const char);
        assert_non_null(last);
        assert_int_equal(
            system->kind->stat(system, arena_printf(arena, "%s/%s", place, last), &anew, NULL), OK);
        if (aside != NULL)
            assert_true(anew.size_bytes <= left_bytes);
        assert_int_equal(log_close(other, NULL), OK);
        assert_int_equal(world_remove_tree(system, killed, NULL), OK);
        assert_int_equal(system->kind->make_folder(system, place, NULL), OK);
        kind.disk_room = disk_room;
    }
    assert_true(count > (DISK_BYTES - RESERVE_BYTES) / BATCH_BYTES - 5);

    partition_release(partition);
    assert_int_equal(log_close(log, NULL), OK);
    assert_int_equal(world_remove_tree(system, killed, NULL), OK);
    assert_int_equal(world_remove_tree(system, folder, NULL), OK);
    arena_free(arena);
}

static void test_a_start_without_room_leaves_nothing(void **state)
{
    (void)state;
    Arena *arena = arena_new(0);
    World *system = world_system();
    snprintf(folder, sizeof folder, "/tmp/weir-room-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    const char *killed = arena_printf(arena, "%s-killed", folder);
    const char *place = arena_printf(arena, "%s/t/0", killed);
    left_bytes = DISK_BYTES;
    Log *log = open_log(folder);
    Partition *partition, *started;
    assert_int_equal(log_partition(log, "t/0", &partition_config_default, &partition, NULL), OK);
    assert_int_equal(append(partition), OK);
    assert_int_equal(system->kind->make_folder(system, place, NULL), OK);
    copy_file(arena, arena_printf(arena, "t/0/%s", LOG_NAME), killed);
    partition_release(partition);
    assert_int_equal(log_close(log, NULL), OK);

    log = open_log(killed);
    kind.write = write_full;
    assert_int_equal(log_partition(log, "t/0", &partition_config_default, &started, NULL),
                     ERR_FULL);
    List names = {0};
    assert_int_equal(system->kind->list(system, place, arena, &names, NULL), OK);
    assert_int_equal(names.count, 1);
    kind.write = system->kind->write;
    assert_int_equal(log_partition(log, "t/0", &partition_config_default, &started, NULL), OK);
    partition_release(started);
    assert_int_equal(log_close(log, NULL), OK);
    assert_int_equal(world_remove_tree(system, killed, NULL), OK);
    assert_int_equal(world_remove_tree(system, folder, NULL), OK);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_left_is_enough_to_start_again),
        cmocka_unit_test(test_a_start_without_room_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
