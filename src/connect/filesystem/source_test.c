/* Reading files: order, partitions, packed files, positions, and what is not read. */
#include "base/testing.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "connect/filesystem/filesystem_testing.h"

static const Field number_field[] = {{STR("n"), {.id = TYPE_INT, .is_nullable = true}}};
static const Schema numbers = {.fields = number_field, .count = 1};

static void expect_all(TestTable *test, int32_t threads, const char *expected)
{
    Buffer out = {0};
    SourceReader *reader = test_source(test, (Str){0}, threads);
    assert_int_equal(test_read(reader, &out, INT64_MAX), ERR_END);
    assert_string_equal(buffer_terminated(&out), expected);
    reader->kind->close(reader);
    buffer_free(&out);
}

static void files_are_read_in_the_order_of_their_paths(void **state)
{
    (void)state;
    TestTable *test = test_table(&numbers, 0, "json", NULL);
    test_put(test, "b.json", STR("{\"n\":3}\n{\"n\":4}"));
    test_put(test, "a/x.json", STR("{\"n\":1}\n\n{\"n\":2}\n"));
    test_put(test, "a/.hidden", STR("{\"n\":91}"));
    test_put(test, "_temporary/x", STR("{\"n\":92}"));
    test_put(test, "c", STR(""));
    /* Nobody writes into this pipe: opening it would wait for ever. */
    assert_int_equal(mkfifo(arena_printf(test->arena, "%s/pipe", test->folder), 0600), 0);
    test_put(test, "d", STR("bad\n{\"n\":5}\nworse"));
    expect_all(test, 1, "1\n2\n3\n4\n5\n");
    expect_all(test, 4, "1\n2\n3\n4\n5\n");
    assert_int_equal(deadletters_count(test->letters), 4);
    test_drop(test);
}

static void packed_files_are_unpacked(void **state)
{
    (void)state;
    TestTable *test = test_table(&numbers, 0, "json", NULL);
    char packed[4096];
    const char text[] = "{\"n\":1}\n{\"n\":2}\n";
    z_stream gzip = {.next_in = (Bytef *)(uintptr_t)text, .avail_in = sizeof text - 1};
    gzip.next_out = (Bytef *)packed;
    gzip.avail_out = sizeof packed;
    assert_int_equal(deflateInit2(&gzip, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&gzip, Z_FINISH), Z_STREAM_END);
    int64_t length = (int64_t)gzip.total_out;
    deflateEnd(&gzip);
    memcpy(packed + length, packed, (size_t)length);
    test_put(test, "a.json.gz", str_make(packed, length * 2));
    size_t zstd = ZSTD_compress(packed, sizeof packed, text, sizeof text - 1, 3);
    test_put(test, "b.json.zst", str_make(packed, (int64_t)zstd));
    expect_all(test, 2, "1\n2\n1\n2\n1\n2\n");
    test_put(test, "c.json.zst", str_make(packed, (int64_t)zstd - 3));
    SourceReader *reader = test_source(test, (Str){0}, 1);
    Buffer out = {0};
    assert_int_equal(test_read(reader, &out, INT64_MAX), ERR_DECODE);
    reader->kind->close(reader);
    buffer_free(&out);
    test_drop(test);
}

static void partitions_and_metadata_come_from_the_path(void **state)
{
    (void)state;
    const Field fields[] = {{STR("n"), type_simple(TYPE_INT)},
                            {STR("day"), type_simple(TYPE_DATE)},
                            {STR("shop"), type_string()},
                            {STR("name"), type_string()},
                            {STR("size"), type_simple(TYPE_BIGINT)}};
    Schema physical = {.fields = fields, .count = 3};
    TestTable *test = test_table(&physical, 2, "json", NULL);
    /* The node shows file.name and file.size behind the physical columns. */
    test->node.schema = (Schema){.fields = fields, .count = 5};
    test_put(test, "day=2024-01-02/shop=a%2Fb/x.json", STR("{\"n\":1,\"day\":\"ignored\"}\n"));
    test_put(test, "day=__DEFAULT_PARTITION__/shop=c/y.json", STR("{\"n\":2}\n"));
    SourceReader *reader = test_source(test, (Str){0}, 1);
    int32_t columns[] = {0, 1, 2, -2, -3};
    memcpy((int32_t *)(uintptr_t)test->node.source.columns, columns, sizeof columns);
    reader->kind->close(reader);
    SourceReader *again = arena_allocate_zeroed(test->arena, filesystem_source.size);
    *again = *reader;
    Error error = {0};
    assert_int_equal(filesystem_source.open(again, (Str){0}, &error), OK);
    Buffer out = {0};
    assert_int_equal(test_read(again, &out, INT64_MAX), ERR_END);
    assert_string_equal(buffer_terminated(&out), "1|2024-01-02|a/b|x.json|24\n2|null|c|y.json|8\n");
    again->kind->close(again);
    buffer_free(&out);
    test_drop(test);
}

static Buffer many_lines(int32_t count)
{
    Buffer text = {0};
    for (int32_t i = 0; i < count; i++) {
        if (i % 1000 == 7)
            buffer_append_text(&text, "this is no json\n");
        buffer_printf(&text, "{\"pad\":\"%0*d\",\"n\":%d}\n", i % 97 + 1, 0, i);
    }
    return text;
}

/* Stop behind every so many rows, and go on from the position: nothing lost, nothing twice, and
 * each bad line reported once. */
static void reading_goes_on_from_any_position(void **state)
{
    (void)state;
    enum { ROWS = 60000 };
    TestTable *test = test_table(&numbers, 0, "json", NULL);
    Buffer text = many_lines(ROWS);
    test_put(test, "a.json", buffer_str(&text));
    test_put(test, "b.json", STR("{\"n\":-1}\n"));
    Buffer expected = {0};
    for (int32_t i = 0; i < ROWS; i++)
        buffer_printf(&expected, "%d\n", i);
    buffer_append_text(&expected, "-1\n");
    Buffer out = {0};
    Buffer position = {0};
    Status status = OK;
    for (int32_t threads = 1; status != ERR_END; threads = threads % 5 + 1) {
        SourceReader *reader = test_source(test, buffer_str(&position), threads);
        status = test_read(reader, &out, 3000);
        position.length = 0;
        reader->kind->snapshot(reader, &position);
        reader->kind->close(reader);
    }
    assert_int_equal(out.length, expected.length);
    assert_memory_equal(out.data, expected.data, expected.length);
    assert_int_equal(deadletters_count(test->letters), ROWS / 1000);
    buffer_free(&text);
    buffer_free(&expected);
    buffer_free(&out);
    buffer_free(&position);
    test_drop(test);
}

/* Threads that have time make the blocks. */
typedef struct Helpers {
    SourceReader *reader;
    atomic_int next, calls;
    atomic_bool is_over;
} Helpers;

static void helpers_call(const void *context)
{
    atomic_fetch_add(&((Helpers *)(uintptr_t)context)->calls, 1);
}

static void *helpers_run(void *context)
{
    Helpers *helpers = context;
    int32_t helper = atomic_fetch_add(&helpers->next, 1);
    while (!atomic_load(&helpers->is_over))
        if (!helpers->reader->kind->help(helpers->reader, helper))
            sched_yield();
    return NULL;
}

static void helpers_make_what_is_read_in_order(void **state)
{
    (void)state;
    enum { ROWS = 100000, HELPERS = 3 };
    TestTable *test = test_table(&numbers, 0, "json", NULL);
    Buffer text = many_lines(ROWS);
    assert_true(text.length > 4 << 20); /* several blocks */
    test_put(test, "a.json", buffer_str(&text));
    test_put(test, "b.json", STR("{\"n\":100000}\n"));
    Helpers helpers = {0};
    SourceReader *reader = helpers.reader =
        test_source_helped(test, HELPERS, helpers_call, &helpers);
    assert_true(reader->kind->never_waits(reader));
    assert_false(reader->kind->is_ready(reader));
    Batch *batch;
    assert_int_equal(reader->kind->poll(reader, &batch, NULL), ERR_AGAIN);
    pthread_t threads[HELPERS];
    for (int32_t i = 0; i < HELPERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, helpers_run, &helpers), 0);
    int64_t next = 0;
    for (;;) {
        while (!reader->kind->is_ready(reader))
            sched_yield();
        Status status = reader->kind->poll(reader, &batch, NULL);
        if (status == ERR_END)
            break;
        assert_int_equal(status, OK);
        for (int32_t row = 0; row < batch->row_count; row++)
            assert_int_equal(value_get(&batch->columns[0], row).integer, next++);
        batch_free(batch);
    }
    assert_int_equal(next, ROWS + 1);
    assert_int_equal(deadletters_count(test->letters), ROWS / 1000);
    atomic_store(&helpers.is_over, true);
    for (int32_t i = 0; i < HELPERS; i++)
        pthread_join(threads[i], NULL);
    assert_true(atomic_load(&helpers.calls) > 5);
    assert_true(reader->kind->is_ready(reader));
    reader->kind->close(reader);
    buffer_free(&text);
    test_drop(test);
}

/* Workers would stand still with a pipe that nobody writes to, or until a folder has something new.
 */
static void some_sources_wait(void **state)
{
    (void)state;
    const char *const watched[] = {"source.monitor-interval", "1 ms", NULL};
    TestTable *test = test_table(&numbers, 0, "json", watched);
    SourceReader *reader = test_source(test, (Str){0}, 1);
    assert_false(reader->kind->never_waits(reader));
    reader->kind->close(reader);
    test_drop(test);
    test = test_table(&numbers, 0, "json", NULL);
    reader = test_source(test, (Str){0}, 1);
    assert_true(reader->kind->never_waits(reader));
    reader->kind->close(reader);
    assert_int_equal(rmdir(test->folder), 0);
    assert_int_equal(mkfifo(test->folder, 0600), 0);
    assert_false(reader->kind->never_waits(reader));
    assert_int_equal(unlink(test->folder), 0);
    assert_int_equal(mkdir(test->folder, 0700), 0);
    test_drop(test);
}

static void monitored_folders_give_new_files_once(void **state)
{
    (void)state;
    const char *const options[] = {"source.monitor-interval", "1 ms", "source.path.regex-pattern",
                                   ".*\\.json", NULL};
    TestTable *test = test_table(&numbers, 0, "json", options);
    Buffer out = {0};
    Buffer position = {0};
    test_put(test, "a.json", STR("{\"n\":1}\n"));
    SourceReader *reader = test_source(test, (Str){0}, 1);
    assert_int_equal(test_read(reader, &out, 1), OK);
    test_put(test, "0.json", STR("{\"n\":2}\n"));
    test_put(test, "other.txt", STR("{\"n\":9}\n"));
    assert_int_equal(test_read(reader, &out, 1), OK);
    Batch *batch;
    for (int32_t i = 0; i < 3; i++)
        assert_int_equal(reader->kind->poll(reader, &batch, NULL), ERR_AGAIN);
    reader->kind->snapshot(reader, &position);
    reader->kind->close(reader);
    test_put(test, "b.json", STR("{\"n\":3}\n"));
    reader = test_source(test, buffer_str(&position), 2);
    assert_int_equal(test_read(reader, &out, 1), OK);
    assert_string_equal(buffer_terminated(&out), "1\n2\n3\n");
    reader->kind->interrupt(reader);
    assert_int_equal(reader->kind->poll(reader, &batch, NULL), ERR_CANCELLED);
    reader->kind->close(reader);
    buffer_free(&out);
    buffer_free(&position);
    test_drop(test);
}

/* Not by the time it is listed, but by the time it is its turn: in rows and as a whole. */
static void a_file_that_goes_away_unread_has_no_rows(void **state)
{
    (void)state;
    const char *const options[] = {"source.monitor-interval", "1 ms", NULL};
    const char *const formats[] = {"json", "avro"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        TestTable *test = test_table(&numbers, 0, formats[i], options);
        test_put(test, "a", STR("{\"n\":1}\n"));
        SourceReader *reader = test_source(test, (Str){0}, 0);
        const char *path = arena_printf(test->arena, "%s/a", test->folder);
        assert_int_equal(world_system()->kind->remove(world_system(), path, NULL), OK);
        Batch *batch = NULL;
        Error error = {0};
        for (int32_t j = 0; j < 3; j++)
            assert_int_equal(reader->kind->poll(reader, &batch, &error), ERR_AGAIN);
        assert_int_equal(deadletters_count(test->letters), 0);
        assert_int_equal(reader->progress.bytes_total, 0);
        /* It is read when it is back; as Avro it is damaged. */
        test_put(test, "a", STR("{\"n\":1}\n"));
        while (batch == NULL && deadletters_count(test->letters) == 0)
            (void)!reader->kind->poll(reader, &batch, &error);
        assert_int_equal(batch != NULL, i == 0);
        batch_free(batch);
        reader->kind->close(reader);
        test_drop(test);
    }
}

/* A run that comes to an end must not leave out what it has found. */
static void a_file_that_goes_away_ends_a_bounded_run(void **state)
{
    (void)state;
    TestTable *test = test_table(&numbers, 0, "json", NULL);
    Buffer out = {0};
    test_put(test, "a", STR("{\"n\":1}\n"));
    SourceReader *reader = test_source(test, (Str){0}, 0);
    const char *path = arena_printf(test->arena, "%s/a", test->folder);
    assert_int_equal(world_system()->kind->remove(world_system(), path, NULL), OK);
    assert_int_equal(test_read(reader, &out, INT64_MAX), ERR_NOT_FOUND);
    reader->kind->close(reader);
    buffer_free(&out);
    test_drop(test);
}

/* Read two batches of a.csv, change it, and go on from there: the status, and what came then. */
static Status goes_on_after(TestTable *test, Str before, const char *name, const Str *after,
                            Buffer *out)
{
    Buffer position = {0};
    Buffer first = {0};
    test_put(test, name, before);
    SourceReader *reader = test_source(test, (Str){0}, 2);
    assert_int_equal(test_read(reader, &first, 3000), OK);
    reader->kind->snapshot(reader, &position);
    reader->kind->close(reader);
    const char *path = arena_printf(test->arena, "%s/%s", test->folder, name);
    assert_int_equal(world_system()->kind->remove(world_system(), path, NULL), OK);
    if (after != NULL)
        test_put(test, name, *after);
    Error error = {0};
    out->length = 0;
    Status status = test_source_try(test, buffer_str(&position), 2, &reader, &error);
    if (status == OK)
        status = test_read(reader, out, INT64_MAX);
    reader->kind->close(reader);
    if (after != NULL)
        assert_int_equal(world_system()->kind->remove(world_system(), path, NULL), OK);
    buffer_free(&first);
    buffer_free(&position);
    return status;
}

static Str pack(Arena *arena, Str text)
{
    int64_t room = (int64_t)compressBound((uLong)text.length) + 64;
    char *packed = arena_allocate(arena, room);
    z_stream gzip = {.next_in = (Bytef *)(uintptr_t)text.data, .avail_in = (uInt)text.length};
    gzip.next_out = (Bytef *)packed;
    gzip.avail_out = (uInt)room;
    assert_int_equal(deflateInit2(&gzip, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&gzip, Z_FINISH), Z_STREAM_END);
    int64_t length = (int64_t)gzip.total_out;
    deflateEnd(&gzip);
    return str_make(packed, length);
}

static Str join(Arena *arena, Str a, Str b)
{
    return str_from(arena_printf(arena, "%.*s%.*s", STR_ARGS(a), STR_ARGS(b)));
}

/* What is left of the rows 0 … 19,999 behind the two batches, and one more if it is there. */
static void expect_rest(Buffer *out, bool has_more)
{
    Buffer expected = {0};
    for (int32_t i = 2 * BATCH_ROWS_MAX; i < 20000 + has_more; i++)
        buffer_printf(&expected, "%d\n", i);
    assert_string_equal(buffer_terminated(out), buffer_terminated(&expected));
    buffer_free(&expected);
}

static void a_half_read_file_goes_on_only_as_itself(void **state)
{
    (void)state;
    TestTable *test = test_table(&numbers, 0, "csv", NULL);
    Arena *arena = test->arena;
    Buffer out = {0};
    Buffer text = {0};
    for (int32_t i = 0; i < 20000; i++)
        buffer_printf(&text, "%d\n", i);
    Str rows = buffer_str(&text);
    Str more = join(arena, rows, STR("20000\n"));
    Str short_one = str_make(rows.data, 100);
    Str cut = str_make(rows.data, rows.length / 2);
    Str moved = join(arena, STR("7\n"), rows);
    /* The first bytes are the same, and so is the size; those before the position are not. */
    Str touched = join(arena, rows, STR(""));
    ((char *)(uintptr_t)touched.data)[17000] = '5';
    assert_int_equal(goes_on_after(test, rows, "a.csv", &rows, &out), ERR_END);
    expect_rest(&out, false);
    assert_int_equal(goes_on_after(test, rows, "a.csv", &more, &out), ERR_END);
    expect_rest(&out, true);
    assert_int_equal(goes_on_after(test, rows, "a.csv", &short_one, &out), ERR_LOST);
    assert_int_equal(goes_on_after(test, rows, "a.csv", &moved, &out), ERR_LOST);
    assert_int_equal(goes_on_after(test, rows, "a.csv", &touched, &out), ERR_LOST);
    assert_int_equal(goes_on_after(test, rows, "a.csv", NULL, &out), ERR_LOST);
    assert_int_equal(out.length, 0);
    Str packed = pack(arena, rows);
    Str packed_more = pack(arena, more);
    Str packed_cut = str_make(packed.data, 2000);
    Str packed_moved = pack(arena, moved);
    Str packed_half = pack(arena, str_make(cut.data, 4000));
    assert_int_equal(goes_on_after(test, packed, "a.csv.gz", &packed, &out), ERR_END);
    expect_rest(&out, false);
    assert_int_equal(goes_on_after(test, packed, "a.csv.gz", &packed_more, &out), ERR_END);
    expect_rest(&out, true);
    assert_int_equal(goes_on_after(test, packed, "a.csv.gz", &packed_cut, &out), ERR_LOST);
    assert_int_equal(goes_on_after(test, packed, "a.csv.gz", &packed_half, &out), ERR_LOST);
    assert_int_equal(goes_on_after(test, packed, "a.csv.gz", &packed_moved, &out), ERR_LOST);
    assert_int_equal(out.length, 0);
    buffer_free(&out);
    buffer_free(&text);
    test_drop(test);
}

/* A file that is done is read once by name; that another one has the name now is told, and after
 * a restart it is no start. */
static void a_file_that_is_done_is_not_taken_for_another(void **state)
{
    (void)state;
    TestTable *test = test_table(&numbers, 0, "csv", NULL);
    Buffer out = {0};
    Buffer position = {0};
    Error error = {0};
    test_put(test, "a.csv", STR("1\n2\n"));
    SourceReader *reader = test_source(test, (Str){0}, 1);
    assert_int_equal(test_read(reader, &out, INT64_MAX), ERR_END);
    reader->kind->snapshot(reader, &position);
    reader->kind->close(reader);
    out.length = 0;
    /* A copy is as good, and what came behind is not read. */
    const char *const same[] = {"1\n2\n", "1\n2\n3\n"};
    for (int32_t i = 0; i < 2; i++) {
        test_put(test, "a.csv", str_from(same[i]));
        test_put(test, "b.csv", STR("4\n"));
        reader = test_source(test, buffer_str(&position), 1);
        assert_int_equal(test_read(reader, &out, INT64_MAX), ERR_END);
        reader->kind->close(reader);
    }
    assert_string_equal(buffer_terminated(&out), "4\n4\n");
    const char *const others[] = {"5\n2\n", "1\n", "5\n2\n8\n"};
    for (int32_t i = 0; i < 3; i++) {
        test_put(test, "a.csv", str_from(others[i]));
        assert_int_equal(test_source_try(test, buffer_str(&position), 1, &reader, &error),
                         ERR_LOST);
        assert_string_equal(error.code, "WR3414");
        reader->kind->close(reader);
    }
    buffer_free(&out);
    buffer_free(&position);
    test_drop(test);
}

static void a_file_that_changes_while_watched_is_passed_over(void **state)
{
    (void)state;
    const char *const options[] = {"source.monitor-interval", "1 ms", NULL};
    TestTable *test = test_table(&numbers, 0, "csv", options);
    Buffer out = {0};
    Buffer position = {0};
    Batch *batch;
    test_put(test, "a.csv", STR("1\n2\n"));
    SourceReader *reader = test_source(test, (Str){0}, 1);
    assert_int_equal(test_read(reader, &out, 1), OK);
    assert_int_equal(reader->kind->poll(reader, &batch, NULL), ERR_AGAIN);
    test_put(test, "a.csv", STR("9\n"));
    for (int32_t i = 0; i < 3; i++)
        assert_int_equal(reader->kind->poll(reader, &batch, NULL), ERR_AGAIN);
    test_put(test, "b.csv", STR("3\n"));
    assert_int_equal(test_read(reader, &out, 1), OK);
    reader->kind->snapshot(reader, &position);
    reader->kind->close(reader);
    /* It was told, so it is no reason not to start. */
    reader = test_source(test, buffer_str(&position), 1);
    reader->kind->close(reader);
    assert_string_equal(buffer_terminated(&out), "1\n2\n3\n");
    buffer_free(&out);
    buffer_free(&position);
    test_drop(test);
}

static void csv_records_may_span_lines_and_blocks(void **state)
{
    (void)state;
    enum { ROWS = 400, PAD = 5000 };
    const Field fields[] = {{STR("n"), type_simple(TYPE_INT)}, {STR("text"), type_string()}};
    Schema schema = {.fields = fields, .count = 2};
    TestTable *test = test_table(&schema, 0, "csv", NULL);
    Buffer text = {0};
    Buffer expected = {0};
    for (int32_t i = 0; i < ROWS; i++) {
        buffer_printf(&text, "%d,\"line\n%0*d\"\n", i, PAD, i);
        buffer_printf(&expected, "%d|line\n%0*d\n", i, PAD, i);
    }
    test_put(test, "a.csv", buffer_str(&text));
    Buffer out = {0};
    SourceReader *reader = test_source(test, (Str){0}, 3);
    assert_int_equal(test_read(reader, &out, INT64_MAX), ERR_END);
    assert_int_equal(out.length, expected.length);
    assert_memory_equal(out.data, expected.data, expected.length);
    reader->kind->close(reader);
    buffer_free(&text);
    buffer_free(&expected);
    buffer_free(&out);
    test_drop(test);
}

static void escapes_go_both_ways(void **state)
{
    (void)state;
    Buffer escaped = {0};
    Buffer plain = {0};
    const char *const text = "a:b/c=d %e\"\n\x7f{\xc3\xa9}";
    path_escape(&escaped, str_from(text));
    assert_string_equal(buffer_terminated(&escaped), "a%3Ab%2Fc%3Dd %25e%22%0A%7F%7B\xc3\xa9}");
    path_unescape(&plain, buffer_str(&escaped));
    assert_string_equal(buffer_terminated(&plain), text);
    plain.length = 0;
    path_unescape(&plain, STR("%4x%4"));
    assert_string_equal(buffer_terminated(&plain), "%4x%4");
    Arena *arena = arena_new(0);
    const char *path;
    assert_int_equal(path_of_option(arena, STR("file:///data/x/"), &path, NULL), OK);
    assert_string_equal(path, "/data/x");
    assert_int_equal(path_of_option(arena, STR("file:/data"), &path, NULL), OK);
    assert_string_equal(path, "/data");
    assert_int_equal(path_of_option(arena, STR("s3://bucket"), &path, NULL), ERR_INVALID);
    assert_int_equal(path_of_option(arena, STR(""), &path, NULL), ERR_INVALID);
    arena_free(arena);
    buffer_free(&escaped);
    buffer_free(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_in_the_order_of_their_paths),
        cmocka_unit_test(packed_files_are_unpacked),
        cmocka_unit_test(partitions_and_metadata_come_from_the_path),
        cmocka_unit_test(reading_goes_on_from_any_position),
        cmocka_unit_test(helpers_make_what_is_read_in_order),
        cmocka_unit_test(some_sources_wait),
        cmocka_unit_test(monitored_folders_give_new_files_once),
        cmocka_unit_test(a_file_that_goes_away_unread_has_no_rows),
        cmocka_unit_test(a_file_that_goes_away_ends_a_bounded_run),
        cmocka_unit_test(a_half_read_file_goes_on_only_as_itself),
        cmocka_unit_test(a_file_that_is_done_is_not_taken_for_another),
        cmocka_unit_test(a_file_that_changes_while_watched_is_passed_over),
        cmocka_unit_test(csv_records_may_span_lines_and_blocks),
        cmocka_unit_test(escapes_go_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
