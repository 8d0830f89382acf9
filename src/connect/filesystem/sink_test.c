/* Writing files: what is visible when, what a restart makes of it, and a full disk. */
#include "base/testing.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "connect/filesystem/filesystem_testing.h"

static const Field fields[] = {{STR("n"), {.id = TYPE_INT, .is_nullable = true}},
                               {STR("day"), {.id = TYPE_VARCHAR, .is_nullable = true}}};
static const Schema schema = {.fields = fields, .count = 2};

static Batch *rows_make(int32_t first, int32_t count, const char *day)
{
    Batch *batch = batch_new(&schema, BATCH_ROWS_MAX);
    for (int32_t i = 0; i < count; i++) {
        ((int32_t *)batch->columns[0].values)[i] = first + i;
        if (day == NULL)
            column_set_null(&batch->columns[1], batch->arena, i, BATCH_ROWS_MAX);
        else
            ((StrView *)batch->columns[1].values)[i] = str_view_copy(batch->arena, str_from(day));
    }
    batch->row_count = count;
    batch_select_all(batch);
    return batch;
}

static void write_rows(SinkWriter *writer, int32_t first, int32_t count, const char *day)
{
    Batch *batch = rows_make(first, count, day);
    Error error = {0};
    if (writer->kind->write(writer, batch, &error) != OK)
        fail_msg("%s", error.text);
    batch_free(batch);
}

static void prepare(SinkWriter *writer, int64_t checkpoint, Buffer *state)
{
    Error error = {0};
    state->length = 0;
    if (writer->kind->prepare(writer, checkpoint, state, &error) != OK)
        fail_msg("%s", error.text);
}

static void expect_visible(const TestTable *test, const char *expected)
{
    Buffer out = {0};
    test_list(test, false, &out);
    assert_string_equal(buffer_terminated(&out), expected);
    buffer_free(&out);
}

static int32_t count_hidden(const TestTable *test)
{
    Arena *arena = arena_new(0);
    List all = {0};
    List visible = {0};
    assert_int_equal(paths_find_hidden(world_system(), arena, test->folder, &all, NULL), OK);
    assert_int_equal(paths_find(world_system(), arena, test->folder, &visible, NULL), OK);
    int32_t count = all.count - visible.count;
    arena_free(arena);
    return count;
}

static void files_show_when_their_checkpoint_is_durable(void **state)
{
    (void)state;
    const char *const options[] = {"sink.rolling-policy.file-size", "1 b", NULL};
    TestTable *test = test_table(&schema, 1, "json", options);
    SinkWriter *writer = test_sink(test, (Str){0});
    Buffer saved = {0};
    write_rows(writer, 1, 1, "a b");
    write_rows(writer, 2, 1, "a b"); /* closes the first file, as it is large enough */
    prepare(writer, 7, &saved);
    expect_visible(test, "");
    assert_int_equal(writer->kind->commit(writer, 6, NULL), OK);
    expect_visible(test, "");
    assert_int_equal(writer->kind->commit(writer, 7, NULL), OK);
    expect_visible(test, "day=a b/: {\"n\":1}\n");
    assert_int_equal(writer->kind->finish(writer, NULL), OK);
    prepare(writer, 8, &saved);
    assert_int_equal(writer->kind->commit(writer, 8, NULL), OK);
    expect_visible(test, "day=a b/: {\"n\":1}\nday=a b/: {\"n\":2}\n");
    assert_int_equal(count_hidden(test), 0);
    writer->kind->close(writer);
    buffer_free(&saved);
    test_drop(test);
}

static void partitions_are_folders_with_escaped_values(void **state)
{
    (void)state;
    TestTable *test = test_table(&schema, 1, "csv", NULL);
    SinkWriter *writer = test_sink(test, (Str){0});
    Buffer saved = {0};
    write_rows(writer, 1, 1, "x:y/z");
    write_rows(writer, 2, 1, NULL);
    write_rows(writer, 3, 1, "");
    write_rows(writer, 4, 2, "x:y/z");
    assert_int_equal(writer->kind->finish(writer, NULL), OK);
    prepare(writer, 1, &saved);
    assert_int_equal(writer->kind->commit(writer, 1, NULL), OK);
    expect_visible(test, "day=__DEFAULT_PARTITION__/: 2\n3\nday=x%3Ay%2Fz/: 1\n4\n5\n");
    writer->kind->close(writer);
    buffer_free(&saved);
    test_drop(test);
}

/* The rows in between go on, and what is in doubt is only whether the name fits: with "day=" and
 * escapes it has to have 255 bytes at most. */
static void a_partition_that_cannot_be_a_folder_is_a_dead_letter(void **state)
{
    (void)state;
    const char *const formats[] = {"csv", "parquet", "avro"};
    for (int32_t i = 0; i < 3; i++) {
        TestTable *test = test_table(&schema, 1, formats[i], NULL);
        SinkWriter *writer = test_sink(test, (Str){0});
        writer->dead_letters = test->letters;
        Buffer saved = {0};
        char name[256] = {0};
        memset(name, 'x', 251);
        write_rows(writer, 1, 1, name);
        name[251] = 'x';
        write_rows(writer, 2, 2, name);
        memset(name, ':', 84);
        name[84] = '\0';
        write_rows(writer, 4, 1, name);
        write_rows(writer, 5, 1, "short");
        assert_int_equal(writer->kind->finish(writer, NULL), OK);
        prepare(writer, 1, &saved);
        assert_int_equal(writer->kind->commit(writer, 1, NULL), OK);
        assert_int_equal(deadletters_count(test->letters), 3);
        Arena *arena = arena_new(0);
        List visible = {0};
        assert_int_equal(paths_find(world_system(), arena, test->folder, &visible, NULL), OK);
        assert_int_equal(visible.count, 2);
        arena_free(arena);
        writer->kind->close(writer);
        buffer_free(&saved);
        test_drop(test);
    }
}

/* Two pipelines write to one folder, and both are killed before their first checkpoint. */
static void a_run_removes_what_its_own_dead_ones_left(void **state)
{
    (void)state;
    TestTable *test = test_table(&schema, 1, "csv", NULL);
    const char *notes[2];
    Buffer saved = {0};
    for (int32_t i = 0; i < 2; i++) {
        notes[i] = arena_printf(test->arena, "%s/.notes-%d", test->folder, i);
        SinkWriter *writer = test_sink_of(test, notes[i]);
        write_rows(writer, 1, 1, "a");
        prepare(writer, 1, &saved); /* the file is there, but not the checkpoint */
        writer->kind->close(writer);
    }
    assert_int_equal(count_hidden(test), 4); /* two files and two notes */
    SinkWriter *writer = test_sink_of(test, notes[0]);
    assert_int_equal(count_hidden(test), 3);
    write_rows(writer, 2, 1, "a");
    assert_int_equal(writer->kind->finish(writer, NULL), OK);
    prepare(writer, 1, &saved);
    assert_int_equal(writer->kind->commit(writer, 1, NULL), OK);
    writer->kind->close(writer);
    expect_visible(test, "day=a/: 2\n");
    assert_int_equal(count_hidden(test), 2); /* of the other one */
    /* From here on savepoints may need what is in progress, so another beginning takes nothing. */
    writer = test_sink_of(test, notes[1]);
    write_rows(writer, 3, 1, "a");
    prepare(writer, 1, &saved);
    assert_int_equal(writer->kind->commit(writer, 1, NULL), OK);
    writer->kind->close(writer);
    assert_int_equal(count_hidden(test), 1);
    writer = test_sink_of(test, notes[1]);
    writer->kind->close(writer);
    assert_int_equal(count_hidden(test), 2); /* and a note */
    buffer_free(&saved);
    test_drop(test);
}

/* Killed after the checkpoint, with more written behind it. */
static void a_restart_cuts_what_the_checkpoint_does_not_cover(void **state)
{
    (void)state;
    TestTable *test = test_table(&schema, 1, "json", NULL);
    SinkWriter *writer = test_sink(test, (Str){0});
    Buffer saved = {0};
    Buffer later = {0};
    write_rows(writer, 1, 2, "a");
    prepare(writer, 1, &saved);
    assert_int_equal(writer->kind->commit(writer, 1, NULL), OK);
    write_rows(writer, 3, 1000, "a");
    write_rows(writer, 1, 1, "b");
    prepare(writer, 2, &later); /* durable files, but the checkpoint never completed */
    writer->kind->close(writer);
    assert_int_equal(count_hidden(test), 2);

    writer = test_sink(test, buffer_str(&saved));
    assert_int_equal(count_hidden(test), 1);
    write_rows(writer, 8, 1, "a");
    assert_int_equal(writer->kind->finish(writer, NULL), OK);
    prepare(writer, 2, &saved);
    writer->kind->close(writer);
    expect_visible(test, "");

    /* In doubt: the checkpoint is durable, the commit did not happen; and then it happened. */
    for (int32_t i = 0; i < 2; i++) {
        writer = test_sink(test, buffer_str(&saved));
        expect_visible(test, "day=a/: {\"n\":1}\n{\"n\":2}\n{\"n\":8}\n");
        assert_int_equal(count_hidden(test), 0);
        writer->kind->close(writer);
    }
    buffer_free(&saved);
    buffer_free(&later);
    test_drop(test);
}

static void a_file_that_lost_bytes_is_refused(void **state)
{
    (void)state;
    TestTable *test = test_table(&schema, 1, "json", NULL);
    SinkWriter *writer = test_sink(test, (Str){0});
    Buffer saved = {0};
    write_rows(writer, 1, 2, "a");
    prepare(writer, 1, &saved);
    writer->kind->close(writer);
    Arena *arena = arena_new(0);
    List files = {0};
    World *world = world_system();
    assert_int_equal(paths_find_hidden(world, arena, test->folder, &files, NULL), OK);
    const char *path = LIST_AT(files, 0, FoundFile)->path;
    assert_int_equal(world->kind->truncate(world, path, 3, NULL), OK);
    SinkWriter *again = arena_allocate_zeroed(test->arena, filesystem_sink.size);
    *again = *writer;
    Error error = {0};
    assert_int_equal(filesystem_sink.open(again, buffer_str(&saved), &error), ERR_LOST);
    filesystem_sink.close(again);
    arena_free(arena);
    buffer_free(&saved);
    test_drop(test);
}

static int32_t folder_syncs;
static Status count_folder_sync(World *world, const char *path, Error *error)
{
    (void)world;
    folder_syncs++;
    return world_system()->kind->sync_folder(world_system(), path, error);
}

static int32_t renames_left; /* before one fails */
static Status rename_some(World *world, const char *from, const char *to, Error *error)
{
    (void)world;
    if (renames_left-- == 0)
        return fail(error, ERR_FULL, "WR0000", "no room");
    return world_system()->kind->rename(world_system(), from, to, error);
}

/* The runtime opens again until there is room; what was restored then counts once. The first
 * rename is done, of another partition: its folder is still to be synced. */
static void a_full_disk_at_the_start_is_waited_for(void **state)
{
    (void)state;
    const char *const options[] = {"sink.rolling-policy.file-size", "30 b", NULL};
    WorldKind kind = *world_system()->kind;
    kind.rename = rename_some;
    kind.sync_folder = count_folder_sync;
    World world = {.kind = &kind};
    TestTable *test = test_table(&schema, 1, "json", options);
    SinkWriter *writer = test_sink(test, (Str){0});
    Buffer saved = {0};
    write_rows(writer, 1, 4, "b");
    write_rows(writer, 1, 4, "a"); /* closes the file before it, as it is large enough */
    write_rows(writer, 5, 1, "a");
    prepare(writer, 1, &saved);
    writer->kind->close(writer);

    SinkWriter *again = arena_allocate_zeroed(test->arena, filesystem_sink.size);
    *again = *writer;
    again->world = &world;
    Error error = {0};
    renames_left = 1;
    assert_int_equal(filesystem_sink.open(again, buffer_str(&saved), &error), ERR_FULL);
    assert_true(error.is_retriable);
    folder_syncs = 0;
    assert_int_equal(filesystem_sink.open(again, buffer_str(&saved), NULL), OK);
    assert_int_equal(folder_syncs, 4); /* two partitions, the table, and what holds it */
    write_rows(again, 6, 4, "a");
    write_rows(again, 10, 1, "a");
    assert_int_equal(filesystem_sink.finish(again, NULL), OK);
    prepare(again, 2, &saved);
    assert_int_equal(filesystem_sink.commit(again, 2, NULL), OK);
    expect_visible(test, "day=a/: {\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n"
                         "day=a/: {\"n\":5}\n{\"n\":6}\n{\"n\":7}\n{\"n\":8}\n{\"n\":9}\n"
                         "day=a/: {\"n\":10}\n"
                         "day=b/: {\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n");
    assert_int_equal(count_hidden(test), 0);
    filesystem_sink.close(again);
    buffer_free(&saved);
    test_drop(test);
}

/* More partitions than the process may have files open. */
static void many_partitions_do_not_need_as_many_open_files(void **state)
{
    (void)state;
    enum { PARTITIONS = 400 };
    struct rlimit before;
    TestTable *test = test_table(&schema, 1, "json", NULL);
    SinkWriter *writer = test_sink(test, (Str){0});
    Buffer saved = {0};
    Buffer expected = {0};
    getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit few = {.rlim_cur = 200, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int32_t checkpoint = 1; checkpoint <= 2; checkpoint++) {
        for (int32_t i = 0; i < PARTITIONS; i++) {
            char day[16];
            snprintf(day, sizeof day, "d%03d", i);
            write_rows(writer, checkpoint, 1, day);
            if (checkpoint == 1)
                buffer_printf(&expected, "day=d%03d/: {\"n\":1}\n{\"n\":2}\n", i);
        }
        prepare(writer, checkpoint, &saved);
        assert_int_equal(writer->kind->commit(writer, checkpoint, NULL), OK);
    }
    assert_int_equal(writer->kind->finish(writer, NULL), OK);
    prepare(writer, 3, &saved);
    assert_int_equal(writer->kind->commit(writer, 3, NULL), OK);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    expect_visible(test, buffer_terminated(&expected));
    writer->kind->close(writer);
    buffer_free(&saved);
    buffer_free(&expected);
    test_drop(test);
}

/* A power cut must not take the name of a file that a checkpoint counts on; and a folder that got
 * many files is synced once. */
static void folders_are_durable_before_the_checkpoint_and_once(void **state)
{
    (void)state;
    const char *const options[] = {"sink.rolling-policy.file-size", "1 b", NULL};
    WorldKind kind = *world_system()->kind;
    kind.sync_folder = count_folder_sync;
    World world = {.kind = &kind};
    TestTable *test = test_table(&schema, 1, "json", options);
    SinkWriter *writer = test_sink(test, (Str){0});
    Buffer saved = {0};
    writer->world = &world;
    for (int32_t i = 0; i < 20; i++)
        write_rows(writer, i, 1, "a"); /* each closes the file before it */
    folder_syncs = 0;
    prepare(writer, 1, &saved);
    assert_int_equal(folder_syncs, 3); /* the partition, the table, and what holds it */
    assert_int_equal(writer->kind->commit(writer, 1, NULL), OK);
    assert_int_equal(folder_syncs, 6);
    write_rows(writer, 20, 1, "a");
    prepare(writer, 2, &saved);
    folder_syncs = 0;
    prepare(writer, 3, &saved); /* nothing is new */
    assert_int_equal(folder_syncs, 0);
    writer->kind->close(writer);
    buffer_free(&saved);
    test_drop(test);
}

/* A limit on the size of files stands for the full device: the same answer of write, EFBIG for
 * ENOSPC. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_is_waited_for(void **state)
{
    (void)state;
    enum { ROUNDS = 40 };
    signal(SIGXFSZ, SIG_IGN);
    TestTable *test = test_table(&schema, 0, "json", NULL);
    SinkWriter *writer = test_sink(test, (Str){0});
    Buffer saved = {0};
    Buffer expected = {0};
    int32_t failures = 0;
    buffer_append_text(&expected, ": ");
    for (int32_t i = 0; i < ROUNDS; i++) {
        if (i == ROUNDS / 2)
            limit_files(300000);
        Batch *batch = rows_make(i * 2000, 2000, "a");
        Error error = {0};
        while (writer->kind->write(writer, batch, &error) != OK) {
            assert_int_equal(error.status, ERR_FULL);
            assert_true(error.is_retriable);
            if (++failures == 3)
                limit_files(RLIM_INFINITY);
        }
        batch_free(batch);
        for (int32_t n = i * 2000; n < (i + 1) * 2000; n++)
            buffer_printf(&expected, "{\"n\":%d,\"day\":\"a\"}\n", n);
    }
    assert_int_equal(failures, 3);
    assert_int_equal(writer->kind->finish(writer, NULL), OK);
    prepare(writer, 1, &saved);
    assert_int_equal(writer->kind->commit(writer, 1, NULL), OK);
    expect_visible(test, buffer_terminated(&expected));
    writer->kind->close(writer);
    buffer_free(&saved);
    buffer_free(&expected);
    test_drop(test);
}

static void intervals_roll_files_over(void **state)
{
    (void)state;
    const char *const options[] = {"sink.rolling-policy.rollover-interval",
                                   "10 s",
                                   "sink.rolling-policy.inactivity-interval",
                                   "5 s",
                                   "sink.rolling-policy.check-interval",
                                   "1 s",
                                   NULL};
    TestTable *test = test_table(&schema, 1, "json", options);
    SinkWriter *writer = test_sink(test, (Str){0});
    Buffer saved = {0};
    int64_t now_us = world_now_us(world_system());
    write_rows(writer, 1, 1, "a");
    assert_int_equal(writer->kind->tick(writer, now_us + 3000000, NULL), OK);
    prepare(writer, 1, &saved);
    assert_int_equal(writer->kind->commit(writer, 1, NULL), OK);
    expect_visible(test, "");
    assert_int_equal(writer->kind->tick(writer, now_us + 6000000, NULL), OK);
    prepare(writer, 2, &saved);
    assert_int_equal(writer->kind->commit(writer, 2, NULL), OK);
    expect_visible(test, "day=a/: {\"n\":1}\n");
    writer->kind->close(writer);
    buffer_free(&saved);
    test_drop(test);
}

/* The only hidden file that is not being written. */
static bool has_success(const TestTable *test, const char *partition)
{
    char path[4096];
    FileInfo info;
    snprintf(path, sizeof path, "%s/%s/_SUCCESS", test->folder, partition);
    return world_system()->kind->stat(world_system(), path, &info, NULL) == OK;
}

static void commit(SinkWriter *writer, int64_t checkpoint, Buffer *saved)
{
    prepare(writer, checkpoint, saved);
    assert_int_equal(writer->kind->commit(writer, checkpoint, NULL), OK);
}

static void partitions_are_complete_when_the_watermark_says_so(void **state)
{
    (void)state;
    const char *const options[] = {"sink.partition-commit.trigger",
                                   "partition-time",
                                   "sink.partition-commit.delay",
                                   "1 min",
                                   "sink.partition-commit.policy.kind",
                                   "success-file",
                                   "partition.time-extractor.timestamp-pattern",
                                   "2024-05-01 $day:00",
                                   NULL};
    TestTable *test = test_table(&schema, 1, "json", options);
    SinkWriter *writer = test_sink(test, (Str){0});
    Buffer saved = {0};
    Timestamp ten;
    assert_true(timestamp_parse(STR("2024-05-01 10:00:00"), ' ', &ten));
    write_rows(writer, 1, 1, "10:00");
    write_rows(writer, 2, 1, "10:01");
    assert_int_equal(writer->kind->advance(writer, ten + 60 * MICROS_PER_SECOND, NULL), OK);
    commit(writer, 1, &saved);
    expect_visible(test, "");
    assert_int_equal(writer->kind->advance(writer, ten + 60 * MICROS_PER_SECOND + 1000, NULL), OK);
    prepare(writer, 2, &saved);
    assert_false(has_success(test, "day=10%3A00"));
    writer->kind->close(writer); /* in doubt */
    writer = test_sink(test, buffer_str(&saved));
    assert_true(has_success(test, "day=10%3A00"));
    assert_false(has_success(test, "day=10%3A01"));
    expect_visible(test, "day=10%3A00/: {\"n\":1}\n");
    /* A late row opens it again, and the end of input completes all. */
    write_rows(writer, 3, 1, "10:00");
    assert_int_equal(writer->kind->finish(writer, NULL), OK);
    commit(writer, 3, &saved);
    assert_true(has_success(test, "day=10%3A01"));
    expect_visible(test, "day=10%3A00/: {\"n\":1}\nday=10%3A00/: {\"n\":3}\n"
                         "day=10%3A01/: {\"n\":2}\n");
    writer->kind->close(writer);
    buffer_free(&saved);
    test_drop(test);
}

static void partitions_are_complete_after_a_delay(void **state)
{
    (void)state;
    const char *const options[] = {"sink.partition-commit.policy.kind", "success-file", NULL};
    TestTable *test = test_table(&schema, 1, "json", options);
    SinkWriter *writer = test_sink(test, (Str){0});
    Buffer saved = {0};
    write_rows(writer, 1, 1, "a");
    commit(writer, 1, &saved);
    assert_true(has_success(test, "day=a"));
    expect_visible(test, "day=a/: {\"n\":1}\n");
    writer->kind->close(writer);
    buffer_free(&saved);
    test_drop(test);
}

/* Bulk files end with every checkpoint, and are read back by the source. */
static void bulk_files_go_out_and_come_back(const char *format)
{
    TestTable *test = test_table(&schema, 1, format, NULL);
    SinkWriter *writer = test_sink(test, (Str){0});
    Buffer saved = {0};
    write_rows(writer, 1, 2, "a");
    write_rows(writer, 3, 1, "b");
    prepare(writer, 1, &saved);
    assert_int_equal(writer->kind->commit(writer, 1, NULL), OK);
    write_rows(writer, 4, 1, "c");
    prepare(writer, 2, &saved);
    writer->kind->close(writer);
    writer = test_sink(test, buffer_str(&saved));
    writer->kind->close(writer);
    Buffer out = {0};
    SourceReader *reader = test_source(test, (Str){0}, 1);
    assert_int_equal(test_read(reader, &out, INT64_MAX), ERR_END);
    assert_string_equal(buffer_terminated(&out), "1|a\n2|a\n3|b\n4|c\n");
    reader->kind->close(reader);
    buffer_free(&out);
    buffer_free(&saved);
    test_drop(test);
}

static void parquet_files_go_out_and_come_back(void **state)
{
    (void)state;
    bulk_files_go_out_and_come_back("parquet");
}

static void avro_files_go_out_and_come_back(void **state)
{
    (void)state;
    bulk_files_go_out_and_come_back("avro");
}

/* ---- INSERT OVERWRITE ------------------------------------------------------------------ */

static TestTable *overwritten_table(int32_t partitions, const char *const *options)
{
    TestTable *test = test_table(&schema, partitions, "json", options);
    test->node.sink.is_overwrite = true;
    return test;
}

static void old_files_go_when_the_input_has_ended(void **state)
{
    (void)state;
    const char *const options[] = {"sink.rolling-policy.file-size", "1 b", NULL};
    TestTable *test = overwritten_table(0, options);
    test_put(test, "old", STR("1\n"));
    test_put(test, "below/old", STR("2\n"));
    test_put(test, "_hidden", STR("3\n"));
    SinkWriter *writer = test_sink(test, (Str){0});
    Buffer saved = {0};
    write_rows(writer, 1, 1, "a");
    write_rows(writer, 2, 1, "a");
    commit(writer, 1, &saved);
    expect_visible(test, "below/old: 2\nold: 1\n");
    /* The file that is complete waits on. */
    writer->kind->close(writer);
    writer = test_sink(test, buffer_str(&saved));
    write_rows(writer, 3, 1, "a");
    assert_int_equal(writer->kind->finish(writer, NULL), OK);
    prepare(writer, 2, &saved);
    expect_visible(test, "below/old: 2\nold: 1\n");
    assert_int_equal(writer->kind->commit(writer, 2, NULL), OK);
    expect_visible(test, ": {\"n\":1,\"day\":\"a\"}\n: {\"n\":2,\"day\":\"a\"}\n"
                         ": {\"n\":3,\"day\":\"a\"}\n");
    assert_int_equal(count_hidden(test), 1);
    writer->kind->close(writer);
    buffer_free(&saved);
    test_drop(test);
}

/* The end comes while a checkpoint that does not know of it waits for its commit. */
static void old_files_stay_until_the_checkpoint_of_the_end(void **state)
{
    (void)state;
    for (int32_t partitions = 0; partitions < 2; partitions++) {
        TestTable *test = overwritten_table(partitions, NULL);
        test_put(test, "day=a/old", STR("1\n"));
        SinkWriter *writer = test_sink(test, (Str){0});
        Buffer saved = {0};
        write_rows(writer, 2, 1, "a");
        prepare(writer, 1, &saved);
        assert_int_equal(writer->kind->finish(writer, NULL), OK);
        assert_int_equal(writer->kind->commit(writer, 1, NULL), OK);
        expect_visible(test, "day=a/old: 1\n");
        prepare(writer, 2, &saved);
        expect_visible(test, "day=a/old: 1\n");
        assert_int_equal(writer->kind->commit(writer, 2, NULL), OK);
        expect_visible(test,
                       partitions == 0 ? ": {\"n\":2,\"day\":\"a\"}\n" : "day=a/: {\"n\":2}\n");
        assert_int_equal(count_hidden(test), 0);
        writer->kind->close(writer);
        buffer_free(&saved);
        test_drop(test);
    }
}

/* A savepoint that is older than the end: the file that was in progress can be seen meanwhile, and
 * more of the same run. They are not touched, unless by what overwrites. */
static void an_older_checkpoint_goes_on_beside_the_files_that_came_later(void **state)
{
    (void)state;
    static const char *const options[] = {"sink.rolling-policy.file-size", "20 b", NULL};
    for (int32_t is_overwrite = 0; is_overwrite < 2; is_overwrite++) {
        TestTable *test = test_table(&schema, 1, "json", options);
        test->node.sink.is_overwrite = is_overwrite != 0;
        Buffer saved = {0};
        Buffer later = {0};
        Buffer expected = {0};
        buffer_append_text(&expected, "day=a/: {\"n\":1}\n{\"n\":2}\n{\"n\":3}\n"
                                      "day=a/: {\"n\":4}\n");
        SinkWriter *writer = test_sink(test, (Str){0});
        write_rows(writer, 1, 2, "a");
        commit(writer, 1, &saved);
        for (int32_t run = 0; run < 2; run++) {
            write_rows(writer, 3, 1, "a");
            write_rows(writer, 4, 1, "a"); /* closes the file before it, if it has three rows */
            assert_int_equal(writer->kind->finish(writer, NULL), OK);
            commit(writer, 2, &later);
            if (run == 1 && is_overwrite == 0)
                buffer_append_text(&expected, "day=a/: {\"n\":3}\n{\"n\":4}\n");
            expect_visible(test, buffer_terminated(&expected));
            assert_int_equal(count_hidden(test), 0);
            writer->kind->close(writer);
            if (run == 0)
                writer = test_sink(test, buffer_str(&saved));
        }
        buffer_free(&saved);
        buffer_free(&later);
        buffer_free(&expected);
        test_drop(test);
    }
}

static void no_rows_leave_an_empty_table(void **state)
{
    (void)state;
    TestTable *test = overwritten_table(0, NULL);
    test_put(test, "old", STR("1\n"));
    SinkWriter *writer = test_sink(test, (Str){0});
    Buffer saved = {0};
    assert_int_equal(writer->kind->finish(writer, NULL), OK);
    commit(writer, 1, &saved);
    expect_visible(test, "");
    assert_int_equal(count_hidden(test), 0);
    writer->kind->close(writer);
    buffer_free(&saved);
    test_drop(test);
}

static void partitions_without_rows_stay(void **state)
{
    (void)state;
    const char *const options[] = {"sink.partition-commit.policy.kind", "success-file", NULL};
    TestTable *test = overwritten_table(1, options);
    test_put(test, "day=a/old", STR("1\n"));
    test_put(test, "day=b/old", STR("2\n"));
    SinkWriter *writer = test_sink(test, (Str){0});
    Buffer saved = {0};
    write_rows(writer, 3, 1, "b");
    commit(writer, 1, &saved);
    assert_false(has_success(test, "day=b"));
    assert_int_equal(writer->kind->finish(writer, NULL), OK);
    commit(writer, 2, &saved);
    expect_visible(test, "day=a/old: 1\nday=b/: {\"n\":3}\n");
    assert_true(has_success(test, "day=b"));
    writer->kind->close(writer);
    buffer_free(&saved);
    test_drop(test);
}

static int32_t removals_left;
static Status remove_some(World *world, const char *path, Error *error)
{
    (void)world;
    if (removals_left-- <= 0)
        return fail(error, ERR_IO, "WR0000", "no more");
    return world_system()->kind->remove(world_system(), path, error);
}

/* Killed in the middle of the commit: all new files can be seen, and one of the old ones has gone.
 */
static void a_restart_takes_away_the_old_files_that_are_left(void **state)
{
    (void)state;
    WorldKind kind = *world_system()->kind;
    kind.remove = remove_some;
    World world = {.kind = &kind};
    TestTable *test = overwritten_table(1, NULL);
    test_put(test, "day=a/old", STR("1\n"));
    test_put(test, "day=b/old", STR("2\n"));
    SinkWriter *writer = test_sink(test, (Str){0});
    Buffer saved = {0};
    write_rows(writer, 3, 1, "a");
    write_rows(writer, 4, 1, "b");
    assert_int_equal(writer->kind->finish(writer, NULL), OK);
    prepare(writer, 1, &saved);
    writer->world = &world;
    removals_left = 1;
    Error error = {0};
    assert_int_equal(writer->kind->commit(writer, 1, &error), ERR_IO);
    writer->kind->close(writer);
    Buffer out = {0};
    test_list(test, false, &out);
    assert_true(str_find(buffer_str(&out), STR("old")) >= 0);
    buffer_free(&out);

    writer = test_sink(test, buffer_str(&saved));
    expect_visible(test, "day=a/: {\"n\":3}\nday=b/: {\"n\":4}\n");
    writer->kind->close(writer);
    /* What comes when all is done is nobody's business. */
    test_put(test, "day=a/later", STR("5\n"));
    writer = test_sink(test, buffer_str(&saved));
    expect_visible(test, "day=a/later: 5\nday=a/: {\"n\":3}\nday=b/: {\"n\":4}\n");
    assert_int_equal(count_hidden(test), 0);
    writer->kind->close(writer);
    buffer_free(&saved);
    test_drop(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_show_when_their_checkpoint_is_durable),
        cmocka_unit_test(partitions_are_folders_with_escaped_values),
        cmocka_unit_test(a_partition_that_cannot_be_a_folder_is_a_dead_letter),
        cmocka_unit_test(a_run_removes_what_its_own_dead_ones_left),
        cmocka_unit_test(a_restart_cuts_what_the_checkpoint_does_not_cover),
        cmocka_unit_test(a_file_that_lost_bytes_is_refused),
        cmocka_unit_test(a_full_disk_at_the_start_is_waited_for),
        cmocka_unit_test(many_partitions_do_not_need_as_many_open_files),
        cmocka_unit_test(folders_are_durable_before_the_checkpoint_and_once),
        cmocka_unit_test(a_full_disk_is_waited_for),
        cmocka_unit_test(intervals_roll_files_over),
        cmocka_unit_test(partitions_are_complete_when_the_watermark_says_so),
        cmocka_unit_test(partitions_are_complete_after_a_delay),
        cmocka_unit_test(parquet_files_go_out_and_come_back),
        cmocka_unit_test(avro_files_go_out_and_come_back),
        cmocka_unit_test(old_files_go_when_the_input_has_ended),
        cmocka_unit_test(old_files_stay_until_the_checkpoint_of_the_end),
        cmocka_unit_test(an_older_checkpoint_goes_on_beside_the_files_that_came_later),
        cmocka_unit_test(no_rows_leave_an_empty_table),
        cmocka_unit_test(partitions_without_rows_stay),
        cmocka_unit_test(a_restart_takes_away_the_old_files_that_are_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
