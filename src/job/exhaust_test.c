/* Memory runs out: while a checkpoint is written, while it is read, and at any moment of a whole
 * job with its threads. The process ends with its one message, and the next run goes on exactly. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/exhaust_testing.h"
#include "base/log.h"
#include "job/job.h"
#include "job/snapshot.h"
#include "sql/sql.h"

enum {
    EVENTS = 6000,
    EVENTS_PER_FILE = 100,
    EVENTS_PER_SECOND = 10,
    WINDOW_SECONDS = 60,
    MINUTES = EVENTS / EVENTS_PER_SECOND / WINDOW_SECONDS,
    STORES = 5,
};

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-exhaust-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    Error error;
    return world_remove_tree(world_system(), folder, &error) != OK;
}

/* ---- Checkpoints --------------------------------------------------------------------------- */

enum { PIECES = 3, NUMBERS = 2000 };

static Buffer make_piece(int64_t id)
{
    Buffer bytes = {0};
    for (int64_t k = 0; k < NUMBERS; k++)
        buffer_append_u64(&bytes, (uint64_t)(k * id));
    return bytes;
}

static Store *open_store(void)
{
    char path[128];
    Error error = {0};
    Store *store = NULL;
    snprintf(path, sizeof path, "%s/checkpoints", folder);
    if (store_open(world_system(), path, NULL, &store, &error) != OK)
        abort();
    return store;
}

static void write_snapshot(void *context)
{
    const int64_t *id = context;
    Error error = {0};
    Store *store = open_store();
    Arena *arena = arena_new(0);
    SnapshotHead head = {.id = *id, .shard_count = 1};
    SnapshotWriter *writer = snapshot_writer_new(store, snapshot_place(arena, *id), &head);
    int32_t entry = snapshot_writer_entry(writer, "window", "window", STATE_OPERATOR, 0);
    Buffer bytes = make_piece(*id);
    for (int32_t i = 0; i < PIECES; i++)
        if (snapshot_writer_add(writer, entry, PIECE_RECORDS, buffer_str(&bytes), &error) != OK)
            abort();
    if (snapshot_writer_end(writer, NULL, &error) != OK)
        abort();
    buffer_free(&bytes);
    snapshot_writer_free(writer);
    arena_free(arena);
    store_close(store);
}

static void read_snapshot(void *context)
{
    const int64_t *id = context;
    Error error = {0};
    Store *store = open_store();
    Snapshot *snapshot = NULL;
    Buffer wanted = make_piece(*id), found = {0};
    if (snapshot_open_id(store, *id, &snapshot, &error) != OK ||
        snapshot->entries[0].record_count != PIECES)
        abort();
    for (int32_t i = 0; i < PIECES; i++) {
        found.length = 0;
        if (snapshot_read(snapshot, &snapshot->entries[0].records[i], &found, &error) != OK ||
            !str_equal(buffer_str(&found), buffer_str(&wanted)))
            abort();
    }
    buffer_free(&wanted);
    buffer_free(&found);
    snapshot_close(snapshot);
    store_close(store);
}

/* The checkpoint before is there and whole, the new one is there once it is complete. */
static void check_snapshots(void *context, bool has_completed)
{
    int64_t id = *(int64_t *)context, before = id - 1;
    Arena *arena = arena_new(0);
    Error error = {0};
    int64_t *ids;
    int32_t count;
    Store *store = open_store();
    assert_int_equal(snapshot_list(store, arena, &ids, &count, &error), OK);
    store_close(store);
    assert_int_equal(count, has_completed ? 2 : 1);
    assert_int_equal(ids[0], has_completed ? id : before);
    read_snapshot(&before);
    if (has_completed)
        read_snapshot(&id);
    arena_free(arena);
}

static void test_a_checkpoint_is_complete_or_not_there(void **state)
{
    (void)state;
    int64_t id = 1;
    write_snapshot(&id);
    id = 2;
    ExhaustResult result = exhaust_run(
        &(Exhaust){.operation = write_snapshot, .context = &id, .after = check_snapshots});
    assert_string_equal(result.wrong != NULL ? result.wrong : "", "");
    assert_true(result.attempts > 5);
    result = exhaust_run(&(Exhaust){.operation = read_snapshot, .context = &id});
    assert_string_equal(result.wrong != NULL ? result.wrong : "", "");
    assert_true(result.attempts > 5);
}

/* ---- A whole job ----------------------------------------------------------------------------- */

static const char *pipeline(Arena *arena, const char *base)
{
    return arena_printf(
        arena,
        "SET 'execution.checkpointing.interval' = '10 ms';\n"
        "CREATE TABLE events (store INT, amount BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)\n"
        "  WITH ('connector' = 'filesystem', 'path' = '%s/in', 'format' = 'json');\n"
        "CREATE TABLE windows (w TIMESTAMP(0), store INT, n BIGINT, total BIGINT)\n"
        "  WITH ('connector' = 'filesystem', 'path' = '%s/out', 'format' = 'csv');\n"
        "INSERT INTO windows SELECT window_start, store, COUNT(*), SUM(amount) FROM TABLE(\n"
        "  TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '%d' SECOND))\n"
        "  GROUP BY window_start, window_end, store;\n",
        base, base, WINDOW_SECONDS);
}

/* The attempt before had removed its last checkpoint when it ended: nothing is left to do. */
static bool is_over;

static void run_job(void *context)
{
    const char *base = context;
    if (is_over)
        return;
    Arena *arena = arena_new(0);
    Source source = {.name = "exhaust.sql", .text = str_from(pipeline(arena, base))};
    PlanContext planning = {.world = world_system(), .registry = connect_registry()};
    Diagnostics *diagnostics = diagnostics_new(arena, &source);
    Plan *plan;
    Error error = {0};
    if (plan_script(&planning, &source, arena, diagnostics, &plan) != OK)
        abort();
    JobOptions options = {
        .pipeline = "exhaust", .data_dir = arena_printf(arena, "%s/data", base), .parallelism = 2};
    Job *job;
    if (job_open(world_system(), plan, &options, &job, &error) != OK ||
        job_run(job, &error) != OK) {
        fprintf(stderr, "%s %s\n", error.code, error.text);
        abort();
    }
    job_close(job);
    arena_free(arena);
}

/* A second has EVENTS_PER_SECOND events, so that each window's numbers can be worked out. */
static void write_events(const char *base)
{
    Buffer text = {0};
    Error error = {0};
    Arena *arena = arena_new(0);
    World *world = world_system();
    assert_int_equal(world->kind->make_folder(world, arena_printf(arena, "%s/in", base), &error),
                     OK);
    for (int32_t i = 0; i < EVENTS; i++) {
        int32_t second = i / EVENTS_PER_SECOND;
        buffer_printf(&text, "{\"store\":%d,\"amount\":%d,\"ts\":\"2024-01-01 00:%02d:%02d\"}\n",
                      i % STORES, i, second / 60, second % 60);
        if ((i + 1) % EVENTS_PER_FILE != 0)
            continue;
        const char *path = arena_printf(arena, "%s/in/%06d", base, i);
        assert_int_equal(world_replace_file(world, path, buffer_str(&text), &error), OK);
        text.length = 0;
    }
    buffer_free(&text);
    arena_free(arena);
}

/* The numbers of `store` in the window that begins with minute `minute`. */
static void expect_window(int32_t minute, int32_t store, int64_t *count, int64_t *total)
{
    int32_t first = minute * WINDOW_SECONDS * EVENTS_PER_SECOND;
    *count = *total = 0;
    for (int32_t i = first; i < EVENTS && i < first + WINDOW_SECONDS * EVENTS_PER_SECOND; i++) {
        *count += i % STORES == store;
        *total += i % STORES == store ? i : 0;
    }
}

/* Every line of the visible files below out/ is a window that was expected, and each is there once.
 */
static void check_output(const char *base)
{
    bool is_there[MINUTES][STORES] = {0};
    int32_t lines = 0;
    Arena *arena = arena_new(0);
    Error error = {0};
    World *world = world_system();
    List names = {0};
    const char *out = arena_printf(arena, "%s/out", base);
    assert_int_equal(world->kind->list(world, out, arena, &names, &error), OK);
    for (int32_t i = 0; i < names.count; i++) {
        const char *name = LIST_AT(names, i, const char);
        if (name[0] == '.' || name[0] == '_')
            continue;
        Str text;
        const char *path = arena_printf(arena, "%s/%s", out, name);
        assert_int_equal(world_read_file(world, path, 1 << 20, arena, &text, &error), OK);
        while (text.length > 0) {
            const char *line = str_terminated(arena, str_split(text, '\n', &text));
            int minute, store;
            long long count, total;
            int64_t wanted_count, wanted_total;
            assert_int_equal(sscanf(line, "\"2024-01-01 00:%d:00\",%d,%lld,%lld", &minute, &store,
                                    &count, &total),
                             4);
            assert_in_range(minute, 0, MINUTES - 1);
            assert_in_range(store, 0, STORES - 1);
            assert_false(is_there[minute][store]);
            is_there[minute][store] = true;
            expect_window(minute, store, &wanted_count, &wanted_total);
            assert_int_equal(count, wanted_count);
            assert_int_equal(total, wanted_total);
            lines++;
        }
    }
    assert_int_equal(lines, MINUTES * STORES);
    arena_free(arena);
}

static bool has_entry(const char *path, Arena *arena, bool is_checkpoint)
{
    List names = {0};
    World *world = world_system();
    if (world->kind->list(world, path, arena, &names, NULL) != OK)
        return false;
    for (int32_t i = 0; i < names.count; i++) {
        Str name = str_from(LIST_AT(names, i, const char));
        bool is_hidden = name.data[0] == '.' || name.data[0] == '_';
        if (is_checkpoint ? str_has_prefix(name, STR("chk-")) : !is_hidden)
            return true;
    }
    return false;
}

/* From the first file that can be seen on there is a checkpoint, until the job is over. */
static void note_the_end(void *context, bool has_completed)
{
    const char *base = context;
    Arena *arena = arena_new(0);
    const char *checkpoints = arena_printf(arena, "%s/data/jobs/exhaust/checkpoints", base);
    is_over = !has_completed && !has_entry(checkpoints, arena, true) &&
              has_entry(arena_printf(arena, "%s/out", base), arena, false);
    arena_free(arena);
}

/* Each run goes a little further than the one before, whose checkpoint it resumes from. */
static void test_a_job_goes_on_exactly(void **state)
{
    (void)state;
#ifdef __SANITIZE_THREAD__ /* which took 160 s for all of them */
    static const int64_t steps[] = {131};
#else
    static const int64_t steps[] = {5, 23, 131};
#endif
    int64_t attempts = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        char base[128];
        snprintf(base, sizeof base, "%s/job-%d", folder, (int)i);
        write_events(base);
        is_over = false;
        ExhaustResult result = exhaust_run(&(Exhaust){.operation = run_job,
                                                      .context = base,
                                                      .first = steps[i],
                                                      .step = steps[i],
                                                      .after = note_the_end});
        assert_string_equal(result.wrong != NULL ? result.wrong : "", "");
        attempts += result.attempts;
        check_output(base);
    }
    print_message("%lld runs of a job\n", (long long)attempts);
}

int main(void)
{
    log_configure(LOG_OFF, LOG_TEXT, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_checkpoint_is_complete_or_not_there),
        cmocka_unit_test(test_a_job_goes_on_exactly),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
