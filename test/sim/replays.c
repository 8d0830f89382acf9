/* A replay that is cut short at every call. */
#include "sim/replays.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "base/random.h"
#include "job/replay.h"
#include "job/snapshot.h"
#include "sim/world.h"
#include "state/letter.h"

enum { LETTERS = 12, RECORD_ONE_IN = 3, RUNS_MAX = 20 };

static const char letters_path[] = "weir-data/dead-letters/t.jsonl";
static const char replay_folder[] = "weir-data/dead-letters/replay/p/t/";

static char wrong[512];

/* Letters of a pipeline that has a checkpoint; each third is a record. */
static SimWorld *replays_begin(uint64_t seed)
{
    SimWorld *world = sim_world_new(seed);
    Buffer text = {0};
    for (int32_t i = 0; i < LETTERS; i++) {
        char record[32];
        snprintf(record, sizeof record, "record %d", i);
        Letter letter = {.ts = STR("2024-01-01T00:00:00.000Z"),
                         .pipeline = STR("p"),
                         .table = STR("t"),
                         .stage = STR("decode"),
                         .code = STR("WR3501"),
                         .format = str_from(i % RECORD_ONE_IN == 0 ? "csv" : ""),
                         .bytes = str_from(record)};
        letter_append(&text, &letter);
    }
    sim_world_put(world, letters_path, buffer_str(&text));
    buffer_free(&text);
    sim_world_put(world, "weir-data/jobs/p/checkpoints/none", STR(""));
    Error error;
    Store *store;
    Status status = store_open(&world->base, "weir-data/jobs/p/checkpoints", NULL, &store, &error);
    assert(status == OK);
    SnapshotHead head = {.id = 7, .shard_count = 1};
    SnapshotWriter *writer = snapshot_writer_new(store, "chk-7", &head);
    status = snapshot_writer_end(writer, NULL, &error);
    assert(status == OK);
    (void)status;
    snapshot_writer_free(writer);
    store_close(store);
    disk_sync_all(world->disk);
    world->changes = 0;
    return world;
}

static void replays_notice(void *context, const char *text)
{
    (void)context, (void)text;
}

/* True when nothing is left to do. */
static bool replays_run(SimWorld *world)
{
    ReplayRequest request = {
        .data_dir = "weir-data", .table = STR("t"), .notice = {replays_notice, NULL}};
    ReplayResult result;
    Error error = {0};
    Status status = replay_letters(&world->base, &request, &result, &error);
    return status == OK || (status == ERR_INVALID && strcmp(error.code, "WR4423") == 0);
}

static int32_t count_of(Str text, Str what)
{
    int32_t count = 0;
    for (int64_t at = str_find(text, what); at >= 0; at = str_find(text, what)) {
        count++;
        text = str_make(text.data + at + what.length, text.length - at - what.length);
    }
    return count;
}

static const char *replays_check(SimWorld *world, Arena *arena)
{
    Buffer given = {0};
    List paths = {0};
    disk_list_files(world->disk, arena, &paths);
    wrong[0] = '\0';
    for (int32_t i = 0; i < paths.count; i++) {
        const char *path = LIST_AT(paths, i, const char);
        if (!str_has_prefix(str_from(path), str_from(replay_folder)))
            continue;
        if (!str_has_suffix(str_from(path), STR(".csv")))
            snprintf(wrong, sizeof wrong, "%s was left behind", path);
        buffer_append_str(&given, inode_content(disk_find(world->disk, path)));
    }
    Str letters = inode_content(disk_find(world->disk, letters_path));
    for (int32_t i = 0; i < LETTERS; i++) {
        Str record = str_from(arena_printf(arena, "record %d\n", i));
        int32_t times = count_of(buffer_str(&given), record);
        if (times != (i % RECORD_ONE_IN == 0))
            snprintf(wrong, sizeof wrong, "record %d was given back %d times", i, times);
    }
    if (count_of(letters, STR("\n")) != LETTERS ||
        count_of(letters, STR("\"replayed\":")) != LETTERS / RECORD_ONE_IN)
        snprintf(wrong, sizeof wrong, "the letters are not as they should be:\n%.*s",
                 letters.length < 300 ? (int)letters.length : 300, letters.data);
    buffer_free(&given);
    return wrong[0] == '\0' ? NULL : wrong;
}

const char *replays_trial(uint64_t seed, int64_t number)
{
    SimWorld *world = replays_begin(seed);
    bool is_done = replays_run(world);
    assert(is_done);
    int64_t changes = world->changes;
    sim_world_free(world);

    uint64_t chance = hash_combine(seed, (uint64_t)number);
    world = replays_begin(seed);
    world->faults.cut_at = 1 + (number - 1) % changes;
    world->faults.cuts_after = (number - 1) / changes % 2 == 1;
    bool is_kill = random_below(&chance, 2) == 0;
    is_done = false;
    for (int32_t run = 0; run < RUNS_MAX && !is_done; run++) {
        bool is_job = run > 0 && random_below(&chance, 2) == 0;
        Error error = {0};
        if (is_job)
            (void)!replay_finish(&world->base, "weir-data", "p", &error);
        else
            is_done = replays_run(world) && !world->is_off;
        world = sim_world_restart(world, random_next(&chance), is_kill);
        world->faults.cut_at = random_below(&chance, 3) == 0 ? 1 + random_below(&chance, 12) : 0;
    }
    Arena *arena = arena_new(0);
    const char *what = is_done ? replays_check(world, arena) : "a replay does not come to its end";
    arena_free(arena);
    sim_world_free(world);
    return what;
}
