/* Whole batches in the place of others, as a disk leaves them that writes a block elsewhere or
 * gives back another one: nobody reads them. And the folder of a version whose seals said nothing
 * of the place. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "log/batch_testing.h"
#include "log/fsck.h"
#include "log/log.h"
#include "log/old_testing.h"

enum {
    PARTITIONS = 3,
    BATCHES = 10, /* in each partition, of one size, with an offset each */
    BATCHES_OF_SEGMENT = 4,
    PADDING = 40000, /* they are sent from their file */
};

static const char *const names[PARTITIONS] = {"orders/0", "orders/1", "letters/0"};
static char folder[64];
static Log *log_;
static Partition *partitions[PARTITIONS];
static PartitionConfig config;
static Buffer batch, content;

static Status open_partition(int32_t p)
{
    return log_partition(log_, names[p], &config, &partitions[p], NULL);
}

static void open_log(void)
{
    assert_int_equal(log_open(world_system(), folder, &(LogOptions){0}, &log_, NULL), OK);
}

static void open_all(void)
{
    open_log();
    for (int32_t p = 0; p < PARTITIONS; p++)
        assert_int_equal(open_partition(p), OK);
}

static void leave_all(bool is_crash)
{
    for (int32_t p = 0; p < PARTITIONS; p++)
        if (partitions[p] != NULL)
            partition_release(partitions[p]);
    memset(partitions, 0, sizeof partitions);
    Log *leaving = log_;
    log_ = NULL;
    if (is_crash)
        log_abandon(leaving);
    else
        assert_int_equal(log_close(leaving, NULL), OK);
}

/* The next batch of a producer that each partition has, by its offset. */
static AppendVerdict append(int32_t p, int64_t offset)
{
    Appended appended;
    char value[16];
    snprintf(value, sizeof value, "%d.%02d", (int)p, (int)offset);
    test_batch(&batch, &(TestBatch){.timestamp_ms = 1000 * (p + 1) + offset,
                                    .value = value,
                                    .padding = PADDING,
                                    .has_producer = true,
                                    .producer_id = 7 + p,
                                    .sequence = (int32_t)offset});
    assert_int_equal(partition_append(partitions[p], batch.data, batch.length, &appended, NULL),
                     OK);
    return appended.verdict;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-place-XXXXXX");
    assert_non_null(mkdtemp(folder));
    config = partition_config_default;
    config.retention_ms = -1;
    test_batch(&batch, &(TestBatch){.value = "0.00", .padding = PADDING});
    config.segment_bytes = (BATCHES_OF_SEGMENT + 1) * batch.length - 1;
    open_all();
    for (int32_t p = 0; p < PARTITIONS; p++)
        for (int32_t i = 0; i < BATCHES; i++)
            assert_int_equal(append(p, i), APPEND_DONE);
    assert_int_equal(log_flush(log_, NULL), OK);
    assert_int_equal(log_write_marks(log_, NULL), OK);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (log_ != NULL)
        leave_all(true);
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
    buffer_free(&batch);
    buffer_free(&content);
    return 0;
}

/* ---- Files ----------------------------------------------------------------------------------- */

static const char *path_of(int32_t p, int64_t offset, const char *suffix)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s/%020lld%s", folder, names[p], (long long)offset, suffix);
    return path;
}

static bool is_there(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file != NULL)
        fclose(file);
    return file != NULL;
}

static void read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    content.length = 0;
    enum { PIECE = 4096 };
    size_t got;
    do {
        got = fread(buffer_reserve(&content, PIECE), 1, PIECE, file);
        content.length += (int64_t)got;
    } while (got > 0);
    fclose(file);
}

static void write_file(const char *path)
{
    FILE *file = fopen(path, is_there(path) ? "r+b" : "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(content.data, 1, (size_t)content.length, file), content.length);
    fclose(file);
}

typedef struct Spot {
    int32_t partition;
    int64_t base;
    int32_t index; /* of the batch in the segment */
} Spot;

/* Its bytes, with the seal that is on the disk. */
static void take_batch(Spot spot, Buffer *out)
{
    read_file(path_of(spot.partition, spot.base, ".log"));
    out->length = 0;
    buffer_append(out, content.data + spot.index * batch.length, batch.length);
}

static void put_batch(Spot spot, const Buffer *bytes)
{
    const char *path = path_of(spot.partition, spot.base, ".log");
    read_file(path);
    memcpy(content.data + spot.index * batch.length, bytes->data, (size_t)bytes->length);
    write_file(path);
}

static int32_t damaged_by_fsck(void)
{
    Arena *arena = arena_new(0);
    FsckReport report;
    assert_int_equal(fsck_log(world_system(), folder, arena, &report, NULL), OK);
    int32_t damaged = report.damaged;
    arena_free(arena);
    return damaged;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* From the offset to the end, which must be what was appended, as long as it is not refused. */
static Status read_from(int32_t p, int64_t offset, bool is_in_place)
{
    Buffer window = {0}, bytes = {0};
    PartitionRead read = {0};
    Status status = OK;
    PartitionOffsets offsets;
    partition_offsets(partitions[p], &offsets);
    while (status == OK && offset < offsets.end_offset) {
        ReadRequest request = {.offset = offset, .bytes_max = 100000, .level = READ_WRITTEN};
        bytes.length = 0;
        if (is_in_place)
            status = partition_read_in_place(partitions[p], &request, &read, &window, NULL);
        else
            status = partition_read(partitions[p], &request, &bytes, NULL);
        BatchHeader header;
        Str got = is_in_place ? buffer_str(&read.bytes) : buffer_str(&bytes);
        if (status != OK)
            break;
        assert_true(batch_read_header(got, &header));
        assert_int_equal(header.base_offset, offset);
        assert_int_equal(header.leader_epoch, 0);
        assert_int_equal(header.producer_id, 7 + p);
        offset = is_in_place ? read.end_offset : offset + bytes.length / header.bytes;
        partition_read_reset(&read);
    }
    partition_read_free(&read);
    buffer_free(&window);
    buffer_free(&bytes);
    return status;
}

static Status find_time(int32_t p, int64_t offset)
{
    int64_t found, found_ms;
    Status status =
        partition_find_time(partitions[p], 1000 * (p + 1) + offset, &found, &found_ms, NULL);
    if (status == OK)
        assert_int_equal(found, offset);
    return status;
}

enum {
    READ_ALL,
    READ_FROM_IT,
    READ_ALL_IN_PLACE,
    READ_IT_IN_PLACE,
    FIND_TIME,
    AFTER_STOP,
    AFTER_CRASH,
    WITHOUT_INDEX,
    WAYS,
};

/* The batch has the offset base + index; what somebody hears who comes to it in that way. */
static Status come_to(Spot spot, int32_t way)
{
    int64_t offset = spot.base + spot.index;
    int32_t p = spot.partition;
    switch (way) {
    case READ_ALL: return read_from(p, 0, false);
    case READ_FROM_IT: return read_from(p, offset, false);
    case READ_ALL_IN_PLACE: return read_from(p, 0, true);
    case READ_IT_IN_PLACE: return read_from(p, offset, true);
    case FIND_TIME: return find_time(p, offset);
    default: break;
    }
    leave_all(way == AFTER_CRASH);
    if (way == WITHOUT_INDEX)
        remove(path_of(p, spot.base, ".index"));
    open_log();
    Status status = open_partition(p);
    return status == OK ? read_from(p, offset, false) : status;
}

static void test_what_belongs_elsewhere_is_not_read(void **state)
{
    (void)state;
    static const Spot spots[] = {{0, 4, 1}, {0, 8, 1}};
    static const Spot others[][5] = {
        {{0, 4, 2}, {0, 0, 1}, {0, 8, 0}, {1, 4, 1}, {2, 4, 1}},
        {{0, 8, 0}, {0, 4, 1}, {0, 0, 3}, {1, 8, 1}, {2, 8, 1}},
    };
    Buffer right = {0}, other = {0};
    for (size_t s = 0; s < sizeof spots / sizeof spots[0]; s++) {
        take_batch(spots[s], &right);
        for (size_t o = 0; o < sizeof others[0] / sizeof others[0][0]; o++) {
            take_batch(others[s][o], &other);
            for (int32_t way = 0; way < WAYS; way++) {
                put_batch(spots[s], &other);
                assert_int_equal(come_to(spots[s], way), ERR_CORRUPT);
                leave_all(true);
                assert_true(damaged_by_fsck() > 0);
                put_batch(spots[s], &right);
                open_all();
                assert_int_equal(come_to(spots[s], way), OK);
                leave_all(true);
                assert_int_equal(damaged_by_fsck(), 0);
                open_all();
            }
        }
    }
    buffer_free(&right);
    buffer_free(&other);
}

/* Those of its neighbour, which end at the same offset and have as many bytes. */
static void test_indexes_and_snapshots_of_others_are_not_taken(void **state)
{
    (void)state;
    for (int32_t way = 0; way < 2; way++) {
        leave_all(false);
        for (int64_t base = 0; base < BATCHES; base += BATCHES_OF_SEGMENT) {
            read_file(path_of(1, base, ".index"));
            write_file(path_of(0, base, ".index"));
        }
        read_file(path_of(1, BATCHES, ".producers"));
        write_file(path_of(0, BATCHES, ".producers"));
        open_all();
        if (way == 0)
            assert_int_equal(append(0, BATCHES - 1), APPEND_REPEATED);
        for (int64_t offset = 0; offset < BATCHES; offset++)
            assert_int_equal(find_time(0, offset), OK);
    }
    assert_int_equal(append(0, BATCHES), APPEND_DONE);
    assert_int_equal(append(1, BATCHES), APPEND_DONE);
    assert_int_equal(read_from(0, 0, true), OK);
}

/* ---- Of an older version --------------------------------------------------------------------- */

static void write_segment_as_before(int32_t p, int64_t base)
{
    const char *path = path_of(p, base, ".log");
    read_file(path);
    uint64_t hash = old_segment(&content);
    write_file(path);
    path = path_of(p, base, ".index");
    if (!is_there(path))
        return;
    read_file(path);
    old_index(&content, hash);
    write_file(path);
}

static void write_marks_as_before(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/marks", folder);
    read_file(path);
    old_marks(&content);
    assert_int_equal(remove(path), 0);
    write_file(path);
}

/* All that is in the folder becomes what a version has left that knew of no places. */
static void write_folder_as_before(bool is_crash)
{
    static const int64_t snapshots[] = {BATCHES_OF_SEGMENT, 2 * BATCHES_OF_SEGMENT, BATCHES};
    leave_all(is_crash);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        for (int64_t base = 0; base < BATCHES; base += BATCHES_OF_SEGMENT)
            write_segment_as_before(p, base);
        for (size_t i = 0; i < sizeof snapshots / sizeof snapshots[0]; i++) {
            const char *path = path_of(p, snapshots[i], ".producers");
            if (!is_there(path))
                continue;
            read_file(path);
            old_snapshot(&content);
            write_file(path);
        }
    }
    write_marks_as_before();
    assert_int_equal(damaged_by_fsck(), 0);
}

static void expect_all(int64_t end_offset)
{
    for (int32_t p = 0; p < PARTITIONS; p++) {
        PartitionOffsets offsets;
        partition_offsets(partitions[p], &offsets);
        assert_int_equal(offsets.end_offset, end_offset);
        assert_int_equal(read_from(p, 0, false), OK);
        assert_int_equal(read_from(p, 0, true), OK);
        for (int64_t offset = 0; offset < end_offset; offset++)
            assert_int_equal(find_time(p, offset), OK);
        assert_int_equal(append(p, end_offset - 1), APPEND_REPEATED);
    }
}

static void expect_magic(const char *path, const char *magic)
{
    read_file(path);
    assert_memory_equal(content.data, magic, 4);
}

static void goes_on_with_an_older_folder(bool is_crash)
{
    char marks[128];
    snprintf(marks, sizeof marks, "%s/marks", folder);
    write_folder_as_before(is_crash);
    assert_int_equal(damaged_by_fsck(), 0);
    open_log();
    expect_magic(marks, "WPM1"); /* who only looks leaves it as it is */
    for (int32_t p = 0; p < PARTITIONS; p++) {
        assert_int_equal(open_partition(p), OK);
        /* Before there is anything that the old one would cut. */
        expect_magic(marks, "WPM2");
    }
    expect_all(BATCHES);
    expect_magic(path_of(0, 0, ".index"), "WIX1"); /* it was good enough */
    for (int32_t p = 0; p < PARTITIONS; p++)
        assert_int_equal(append(p, BATCHES), APPEND_DONE);
    assert_int_equal(log_flush(log_, NULL), OK);
    for (int32_t i = 0; i < 4; i++) {
        leave_all(i % 2 == 0);
        assert_int_equal(damaged_by_fsck(), 0);
        open_all();
        expect_all(BATCHES + 1);
    }
}

static void test_the_folder_of_an_older_version_goes_on(void **state)
{
    (void)state;
    goes_on_with_an_older_folder(false);
}

static void test_the_folder_of_an_older_version_that_crashed_goes_on(void **state)
{
    (void)state;
    goes_on_with_an_older_folder(true);
}

/* What has been written since has its place, and nothing else counts there; where the old is, both
 * do. */
static void test_an_old_seal_counts_only_where_it_is_old(void **state)
{
    (void)state;
    static const Spot old = {0, 4, 1}, recent = {0, BATCHES, 0}, misplaced = {1, BATCHES, 0};
    Buffer right = {0}, other = {0};
    write_folder_as_before(false);
    open_all();
    for (int32_t p = 0; p < PARTITIONS; p++)
        assert_int_equal(append(p, BATCHES), APPEND_DONE);
    assert_int_equal(log_flush(log_, NULL), OK);
    assert_int_equal(log_write_marks(log_, NULL), OK);
    for (int32_t way = 0; way < 3; way++) {
        take_batch(recent, &right);
        take_batch(way == 0 ? old : way == 1 ? misplaced : recent, &other);
        if (way == 2)
            old_seal(other.data);
        put_batch(recent, &other);
        assert_int_equal(read_from(0, BATCHES, false), ERR_CORRUPT);
        leave_all(true);
        assert_true(damaged_by_fsck() > 0);
        put_batch(recent, &right);
        open_all();
        expect_all(BATCHES + 1);
    }
    take_batch(recent, &other);
    put_batch(old, &other);
    assert_int_equal(read_from(0, 0, false), ERR_CORRUPT);
    buffer_free(&right);
    buffer_free(&other);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_what_belongs_elsewhere_is_not_read),
        CASE(test_indexes_and_snapshots_of_others_are_not_taken),
        CASE(test_the_folder_of_an_older_version_goes_on),
        CASE(test_the_folder_of_an_older_version_that_crashed_goes_on),
        CASE(test_an_old_seal_counts_only_where_it_is_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
