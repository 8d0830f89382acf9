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

static Store *open_store(void)
{
    Error error = {0};
    Store *store = NULL;
    assert_int_equal(store_open(world_system(), folder, NULL, &store, &error), OK);
    return store;
}

/* What the rest of an operator says in checkpoint `id`. */
static Str rest_of(int64_t id, int32_t shard)
{
    static char text[64];
    snprintf(text, sizeof text, "rest %lld of shard %d", (long long)id, shard);
    return str_from(text);
}

static void add(SnapshotWriter *writer, const char *uid, StateRole role, int32_t shard,
                PieceKind kind, Str bytes)
{
    Error error = {0};
    int32_t entry = snapshot_writer_entry(writer, uid, "its label", role, shard);
    assert_int_equal(snapshot_writer_add(writer, entry, kind, bytes, &error), OK);
}

enum { ZEROS = 100 }; /* behind the position: without them it is shorter */

static Str position_of(Arena *arena)
{
    char *bytes = arena_allocate(arena, 8 + ZEROS + 1);
    memset(bytes, 0, 8 + ZEROS);
    memcpy(bytes, "position", 8);
    bytes[8 + ZEROS] = '.';
    return str_make(bytes, 8 + ZEROS + 1);
}

/* Two shards of an operator with records and a rest; a position; in odd ones a sink. */
static void write_snapshot(Store *store, int64_t id, SnapshotFiles *chain, bool is_full)
{
    Error error = {0};
    Arena *arena = arena_new(0);
    SnapshotHead head = {.id = id, .time_us = 1234567, .shard_count = 2};
    SnapshotWriter *writer = snapshot_writer_new(store, snapshot_place(arena, id), &head);
    for (int32_t shard = 0; shard < 2; shard++) {
        add(writer, "window-1", STATE_OPERATOR, shard, PIECE_REST, rest_of(id, shard));
        for (int32_t i = 0; i < 3; i++)
            add(writer, "window-1", STATE_OPERATOR, shard, PIECE_RECORDS,
                str_from(arena_printf(arena, "<%lld.%d.%d>", (long long)id, shard, i)));
    }
    add(writer, "orders", STATE_SOURCE, 0, PIECE_REST, position_of(arena));
    if (id % 2 == 1)
        add(writer, "sink", STATE_SINK, 0, PIECE_REST, STR("to commit"));
    assert_int_equal(snapshot_writer_end(writer, is_full ? NULL : chain, &error), OK);
    if (is_full)
        chain->count = 0;
    snapshot_files_append(chain, snapshot_writer_file(writer));
    snapshot_writer_free(writer);
    arena_free(arena);
}

static void expect_records(const Snapshot *snapshot, const StateEntry *entry, const char *wanted)
{
    Buffer bytes = {0};
    Error error = {0};
    for (int32_t i = 0; i < entry->record_count; i++)
        assert_int_equal(snapshot_read(snapshot, &entry->records[i], &bytes, &error), OK);
    assert_string_equal(buffer_terminated(&bytes), wanted);
    buffer_free(&bytes);
}

static void expect_rest(const Snapshot *snapshot, const StateEntry *entry, Str wanted)
{
    Buffer bytes = {0};
    Error error = {0};
    assert_int_equal(snapshot_read(snapshot, &entry->rest, &bytes, &error), OK);
    assert_true(str_equal(buffer_str(&bytes), wanted));
    buffer_free(&bytes);
}

static void expect_snapshot(const Snapshot *snapshot)
{
    assert_int_equal(snapshot->head.time_us, 1234567);
    assert_false(snapshot->head.is_end);
    assert_int_equal(snapshot->head.shard_count, 2);
    assert_int_equal(snapshot->entry_count, 3);
    for (int32_t shard = 0; shard < 2; shard++) {
        const StateEntry *entry = &snapshot->entries[shard];
        assert_string_equal(entry->uid, "window-1");
        assert_string_equal(entry->label, "its label");
        assert_int_equal(entry->role, STATE_OPERATOR);
        assert_int_equal(entry->shard, shard);
        expect_rest(snapshot, entry, rest_of(4, shard));
        expect_records(snapshot, entry,
                       shard == 0 ? "<3.0.0><3.0.1><3.0.2><4.0.0><4.0.1><4.0.2>"
                                  : "<3.1.0><3.1.1><3.1.2><4.1.0><4.1.1><4.1.2>");
    }
    const StateEntry *position = snapshot_find(snapshot, STATE_SOURCE, "orders");
    Arena *arena = arena_new(0);
    expect_rest(snapshot, position, position_of(arena));
    arena_free(arena);
    assert_true(position->rest.length < ZEROS);
    assert_int_equal(position->record_count, 0);
    /* What the newest one does not have is not part of it, be it in an earlier file. */
    assert_null(snapshot_find(snapshot, STATE_SINK, "sink"));
}

static void test_reads_back_what_was_written(void **state)
{
    (void)state;
    Error error = {0};
    Store *store = open_store();
    SnapshotFiles chain = {0};
    write_snapshot(store, 3, &chain, true);
    write_snapshot(store, 4, &chain, false);
    Snapshot *snapshot = NULL;
    assert_int_equal(snapshot_open_id(store, 4, &snapshot, &error), OK);
    assert_int_equal(snapshot->head.id, 4);
    expect_snapshot(snapshot);
    /* As a savepoint it stands for itself. */
    Arena *arena = arena_new(0);
    const char *path = arena_printf(arena, "%s-saved", folder);
    Store *other = NULL;
    assert_int_equal(store_open(world_system(), path, NULL, &other, &error), OK);
    assert_int_equal(snapshot_copy(snapshot, other, "", 4, &error), OK);
    snapshot_close(snapshot);
    Snapshot *saved = NULL;
    assert_int_equal(snapshot_open_at(world_system(), path, NULL, &saved, &error), OK);
    expect_snapshot(saved);
    assert_int_equal(saved->files.count, 1);
    /* And a checkpoint can be told by its path. */
    const char *checkpoint = arena_printf(arena, "%s/chk-4/", folder);
    snapshot_close(saved);
    assert_int_equal(snapshot_open_at(world_system(), checkpoint, NULL, &saved, &error), OK);
    expect_snapshot(saved);
    snapshot_close(saved);
    assert_int_equal(snapshot_open_at(world_system(), "/tmp/weir-no-such", NULL, &saved, &error),
                     ERR_NOT_FOUND);
    store_close(other);
    assert_int_equal(world_remove_tree(world_system(), path, &error), OK);
    snapshot_files_free(&chain);
    store_close(store);
    arena_free(arena);
}

static void replace_file(const char *path, Str content)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(content.data, 1, (size_t)content.length, file), content.length);
    assert_int_equal(fclose(file), 0);
}

static Status read_all(Store *store, Error *error)
{
    Snapshot *snapshot = NULL;
    Buffer bytes = {0};
    Status status = snapshot_open_id(store, 4, &snapshot, error);
    for (int32_t i = 0; status == OK && i < snapshot->entry_count; i++) {
        const StateEntry *entry = &snapshot->entries[i];
        for (int32_t k = 0; status == OK && k < entry->record_count; k++)
            status = snapshot_read(snapshot, &entry->records[k], &bytes, error);
        if (status == OK)
            status = snapshot_read(snapshot, &entry->rest, &bytes, error);
    }
    buffer_free(&bytes);
    snapshot_close(snapshot);
    return status;
}

/* Every byte flipped, and the file cut at every length: the damage is found, and the file named, or
 * it was in bytes that are no longer part of any checkpoint. */
static void damage_file(Store *store, const char *name, bool may_be_unused)
{
    Arena *arena = arena_new(0);
    const char *path = arena_printf(arena, "%s/%s", folder, name);
    Error error = {0};
    Str good;
    int32_t found = 0;
    assert_int_equal(world_read_file(world_system(), path, 1 << 20, arena, &good, &error), OK);
    for (int64_t at = 0; at < good.length; at++) {
        char *bad = arena_copy(arena, good.data, good.length);
        bad[at] ^= 0x10;
        replace_file(path, str_make(bad, good.length));
        Status status = read_all(store, &error);
        assert_true(status == ERR_CORRUPT || (status == OK && may_be_unused));
        found += status == ERR_CORRUPT;
        if (status == ERR_CORRUPT)
            assert_true(strstr(error.text, path) != NULL && strcmp(error.code, "WR4402") == 0);
        replace_file(path, str_make(good.data, at));
        assert_int_equal(read_all(store, &error), ERR_CORRUPT);
    }
    assert_true(found > good.length / 2);
    assert_int_equal(world_system()->kind->remove(world_system(), path, &error), OK);
    assert_int_equal(read_all(store, &error), ERR_CORRUPT);
    assert_non_null(strstr(error.text, path));
    replace_file(path, good);
    assert_int_equal(read_all(store, &error), OK);
    arena_free(arena);
}

static void test_sees_every_damage(void **state)
{
    (void)state;
    Store *store = open_store();
    damage_file(store, "chk-4/MANIFEST", false);
    damage_file(store, "shared/state-4", false);
    damage_file(store, "shared/state-3", true);
    store_close(store);
}

static bool is_there(const char *name)
{
    Arena *arena = arena_new(0);
    FileInfo info;
    Status status = world_system()->kind->stat(
        world_system(), arena_printf(arena, "%s/%s", folder, name), &info, NULL);
    arena_free(arena);
    return status == OK;
}

/* Data without a manifest is a first attempt that was cut short, or damage. */
static void test_tells_a_beginning_from_a_loss(void **state)
{
    (void)state;
    Error error = {0};
    Store *store = open_store();
    Arena *arena = arena_new(0);
    SnapshotFiles chain = {0};
    assert_int_equal(snapshot_check_found(store, &error), OK);
    write_snapshot(store, 1, &chain, true);
    snapshot_files_free(&chain);
    assert_int_equal(store_remove(store, "chk-1/MANIFEST", &error), OK);
    assert_int_equal(snapshot_check_found(store, &error), OK);
    replace_file(arena_printf(arena, "%s/shared/state-8", folder), STR("later"));
    assert_int_equal(snapshot_check_found(store, &error), ERR_CORRUPT);
    assert_int_equal(snapshot_note_beginning(store, 5, &error), OK);
    assert_int_equal(snapshot_check_found(store, &error), ERR_CORRUPT);
    assert_int_equal(snapshot_note_beginning(store, 7, &error), OK);
    assert_int_equal(snapshot_check_found(store, &error), OK);
    assert_true(is_there("shared/begin-7") && !is_there("shared/begin-5"));
    replace_file(arena_printf(arena, "%s/shared/state-9", folder), STR("second"));
    assert_int_equal(snapshot_check_found(store, &error), ERR_CORRUPT);
    assert_string_equal(error.code, "WR4402");
    assert_int_equal(store_remove(store, "shared/state-9", &error), OK);
    assert_int_equal(snapshot_check_found(store, &error), OK);
    /* The first one that was complete is noted, as nothing else tells it from an attempt. */
    assert_int_equal(snapshot_note_made(store, 8, &error), OK);
    assert_int_equal(snapshot_check_found(store, &error), ERR_CORRUPT);
    assert_non_null(strstr(error.text, "checkpoint 8"));
    assert_int_equal(snapshot_note_made(store, 12, &error), OK);
    int64_t made = 0;
    assert_int_equal(snapshot_last_made(store, &made, &error), OK);
    assert_true(made == 12 && !is_there("shared/made-8"));
    assert_int_equal(snapshot_note_beginning(store, made, &error), OK);
    assert_int_equal(snapshot_check_found(store, &error), OK);
    replace_file(arena_printf(arena, "%s/shared/state-13", folder), STR("first"));
    assert_int_equal(snapshot_check_found(store, &error), OK);
    assert_int_equal(snapshot_remove_all(store, 13, &error), OK);
    assert_false(is_there("shared/begin-12") || is_there("shared/made-12") ||
                 is_there("shared/state-13"));
    store_close(store);
    arena_free(arena);
}

static void test_keeps_what_is_needed_and_nothing_else(void **state)
{
    (void)state;
    Error error = {0};
    Store *store = open_store();
    Arena *arena = arena_new(0);
    SnapshotFiles chain = {0};
    write_snapshot(store, 7, &chain, true);
    write_snapshot(store, 8, &chain, false);
    write_snapshot(store, 10, &chain, false);
    assert_int_equal(snapshot_remove(store, 8, &error), OK);
    assert_int_equal(snapshot_remove(store, 7, &error), OK);
    assert_int_equal(snapshot_remove(store, 4, &error), OK);
    assert_int_equal(snapshot_remove(store, 3, &error), OK);
    assert_false(is_there("chk-7") || is_there("chk-8") || is_there("shared/state-4"));
    assert_true(is_there("shared/state-7") && is_there("shared/state-8"));
    write_snapshot(store, 11, &chain, true);
    assert_int_equal(snapshot_remove(store, 10, &error), OK);
    assert_false(is_there("shared/state-7") || is_there("shared/state-10"));
    /* A run that was cut short has left these. */
    replace_file(arena_printf(arena, "%s/shared/state-12", folder), STR("no manifest"));
    replace_file(arena_printf(arena, "%s/shared/state-13.tmp", folder), STR("half"));
    replace_file(arena_printf(arena, "%s/shared/mine", folder), STR("a stranger"));
    assert_int_equal(snapshot_sweep(store, &error), OK);
    assert_false(is_there("shared/state-12") || is_there("shared/state-13.tmp"));
    assert_true(is_there("shared/state-11") && is_there("shared/mine"));
    int64_t *ids;
    int32_t count;
    assert_int_equal(snapshot_list(store, arena, &ids, &count, &error), OK);
    assert_int_equal(count, 1);
    assert_int_equal(ids[0], 11);
    snapshot_files_free(&chain);
    store_close(store);
    arena_free(arena);
}

/* ---- Blocks ------------------------------------------------------------------------------ */

static int32_t writes;

/* The disk is full in the middle of every other write. */
static Status write_when_there_is_room(File *file, const void *bytes, int64_t length, Error *error)
{
    if (writes++ % 2 == 0) {
        assert_int_equal(world_system()->kind->write(file, bytes, length / 2, error), OK);
        return fail(error, ERR_FULL, "WR5003", "no room");
    }
    return world_system()->kind->write(file, bytes, length, error);
}

static Str piece_of(Arena *arena, int32_t number, int64_t length)
{
    char *bytes = arena_allocate(arena, length);
    for (int64_t i = 0; i < length; i++)
        bytes[i] = (char)(1 + (i * 7 + number) % 250);
    return str_make(bytes, length);
}

static void test_pieces_of_any_length_survive_a_full_disk(void **state)
{
    (void)state;
    enum { MB = 1 << 20 };
    static const int64_t lengths[] = {1,  MB - 1, 1,      MB - 2, 3,          MB,
                                      MB, 5,      MB + 1, 700000, MB - 77777, 300000};
    enum { COUNT = sizeof lengths / sizeof lengths[0] };
    WorldKind kind = *world_system()->kind;
    kind.write = write_when_there_is_room;
    World world = {.kind = &kind};
    Error error = {0};
    Store *store = NULL;
    assert_int_equal(store_open(&world, folder, NULL, &store, &error), OK);
    Arena *arena = arena_new(0);
    SnapshotHead head = {.id = 20, .time_us = 1234567, .shard_count = 1};
    SnapshotWriter *writer = snapshot_writer_new(store, snapshot_place(arena, 20), &head);
    int32_t entry = snapshot_writer_entry(writer, "window-1", "its label", STATE_OPERATOR, 0);
    writes = 0;
    for (int32_t i = 0; i < COUNT; i++) {
        Str piece = piece_of(arena, i, lengths[i]);
        Status status;
        do
            status = snapshot_writer_add(writer, entry, PIECE_RECORDS, piece, &error);
        while (status == ERR_FULL);
        assert_int_equal(status, OK);
    }
    Status status;
    do
        status = snapshot_writer_end(writer, NULL, &error);
    while (status == ERR_FULL);
    assert_int_equal(status, OK);
    snapshot_writer_free(writer);
    Snapshot *snapshot = NULL;
    assert_int_equal(snapshot_open_id(store, 20, &snapshot, &error), OK);
    assert_int_equal(snapshot->entries[0].record_count, COUNT);
    assert_true(writes > 10);
    for (int32_t i = 0; i < COUNT; i++) {
        Buffer bytes = {0};
        assert_int_equal(snapshot_read(snapshot, &snapshot->entries[0].records[i], &bytes, &error),
                         OK);
        assert_true(str_equal(buffer_str(&bytes), piece_of(arena, i, lengths[i])));
        buffer_free(&bytes);
    }
    snapshot_close(snapshot);
    store_close(store);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tells_a_beginning_from_a_loss),
        cmocka_unit_test(test_reads_back_what_was_written),
        cmocka_unit_test(test_sees_every_damage),
        cmocka_unit_test(test_keeps_what_is_needed_and_nothing_else),
        cmocka_unit_test(test_pieces_of_any_length_survive_a_full_disk),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
