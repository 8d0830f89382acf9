/* Checkpoints on disk: what is written comes back, and every damage is seen. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "job/snapshot.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-snapshot-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    Error error;
    return world_remove_tree(world_system(), folder, &error) != OK;
}

static Snapshot *make_snapshot(int64_t id)
{
    Snapshot *snapshot = snapshot_new(id, 2);
    snapshot->time_us = 1234567;
    for (int32_t shard = 0; shard < 2; shard++) {
        StateEntry *entry =
            snapshot_add(snapshot, "window-1", "window aggregate", STATE_OPERATOR, shard);
        for (int32_t i = 0; i < 100; i++)
            buffer_append_u32(&entry->bytes, (uint32_t)(i * (shard + 1)));
    }
    StateEntry *entry = snapshot_add(snapshot, "orders", "source orders", STATE_SOURCE, 0);
    buffer_append_text(&entry->bytes, "position");
    snapshot_add(snapshot, "sink", "sink out", STATE_SINK, 0);
    return snapshot;
}

static void write_snapshot(int64_t id)
{
    Error error = {0};
    Snapshot *snapshot = make_snapshot(id);
    assert_int_equal(snapshot_write(world_system(), folder, snapshot, &error), OK);
    snapshot_free(snapshot);
}

static void test_reads_back_what_was_written(void **state)
{
    (void)state;
    write_snapshot(7);
    Error error = {0};
    Snapshot *read, *wanted = make_snapshot(7);
    assert_int_equal(snapshot_read(world_system(), folder, 7, &read, &error), OK);
    assert_int_equal(read->id, 7);
    assert_int_equal(read->time_us, wanted->time_us);
    assert_false(read->is_end);
    assert_int_equal(read->shard_count, 2);
    assert_int_equal(read->entry_count, wanted->entry_count);
    for (int32_t i = 0; i < read->entry_count; i++) {
        assert_string_equal(read->entries[i].uid, wanted->entries[i].uid);
        assert_string_equal(read->entries[i].label, wanted->entries[i].label);
        assert_int_equal(read->entries[i].role, wanted->entries[i].role);
        assert_int_equal(read->entries[i].shard, wanted->entries[i].shard);
        assert_true(
            str_equal(buffer_str(&read->entries[i].bytes), buffer_str(&wanted->entries[i].bytes)));
    }
    snapshot_free(read);
    snapshot_free(wanted);
}

static void replace_file(const char *path, Str content)
{
    Error error = {0};
    assert_int_equal(world_replace_file(world_system(), path, content, &error), OK);
}

/* Every byte of both files flipped, and both files cut at every length. */
static void test_sees_every_damage(void **state)
{
    (void)state;
    write_snapshot(8);
    const char *const names[] = {"STATE", "MANIFEST"};
    Arena *arena = arena_new(0);
    for (int32_t n = 0; n < 2; n++) {
        const char *path = arena_printf(arena, "%s/chk-8/%s", folder, names[n]);
        Error error = {0};
        Str good;
        assert_int_equal(world_read_file(world_system(), path, 1 << 20, arena, &good, &error), OK);
        int64_t step = good.length > 400 ? 7 : 1;
        for (int64_t at = 0; at < good.length; at += step) {
            char *bad = arena_copy(arena, good.data, good.length);
            bad[at] ^= 0x10;
            replace_file(path, str_make(bad, good.length));
            Snapshot *read;
            assert_int_equal(snapshot_read(world_system(), folder, 8, &read, &error), ERR_CORRUPT);
            assert_string_equal(error.code, "WR4402");
            replace_file(path, str_make(good.data, at));
            assert_int_equal(snapshot_read(world_system(), folder, 8, &read, &error), ERR_CORRUPT);
        }
        replace_file(path, good);
    }
    Snapshot *read;
    Error error = {0};
    assert_int_equal(snapshot_read(world_system(), folder, 8, &read, &error), OK);
    snapshot_free(read);
    const char *state_path = arena_printf(arena, "%s/chk-8/STATE", folder);
    assert_int_equal(world_system()->kind->remove(world_system(), state_path, &error), OK);
    assert_int_equal(snapshot_read(world_system(), folder, 8, &read, &error), ERR_CORRUPT);
    assert_non_null(strstr(error.text, state_path));
    arena_free(arena);
}

static void test_lists_newest_first_and_clears_leftovers(void **state)
{
    (void)state;
    write_snapshot(9);
    write_snapshot(10);
    Error error = {0};
    World *world = world_system();
    Arena *arena = arena_new(0);
    const char *leftover = arena_printf(arena, "%s/chk-11.tmp", folder);
    assert_int_equal(world->kind->make_folder(world, leftover, &error), OK);
    const char *stranger = arena_printf(arena, "%s/chk-x", folder);
    assert_int_equal(world->kind->make_folder(world, stranger, &error), OK);
    assert_int_equal(snapshot_remove(world, folder, 9, &error), OK);
    int64_t *ids;
    int32_t count;
    assert_int_equal(snapshot_list(world, folder, arena, &ids, &count, &error), OK);
    assert_int_equal(ids[0], 10);
    for (int32_t i = 1; i < count; i++)
        assert_true(ids[i] < ids[i - 1] && ids[i] != 9);
    FileInfo info;
    assert_int_equal(world->kind->stat(world, leftover, &info, &error), ERR_NOT_FOUND);
    assert_int_equal(snapshot_list(world, "/tmp/weir-no-such-folder", arena, &ids, &count, &error),
                     OK);
    assert_int_equal(count, 0);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_back_what_was_written),
        cmocka_unit_test(test_sees_every_damage),
        cmocka_unit_test(test_lists_newest_first_and_clears_leftovers),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
