/* Partitions on a real file system: what is appended is read again, what a crash or a stop leaves
 * is taken up, retention and compaction leave what they must. test/sim/log takes the disk away. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/batch_testing.h"
#include "log/checked.h"
#include "log/fsck.h"
#include "log/log.h"

static char folder[64];
static Log *log_;
static Partition *partition;
static PartitionConfig config;
static Buffer batch, text;

/* The system with a clock that can be put forward. */
static int64_t ahead_us;

static int64_t monotonic_us(World *of)
{
    return world_system()->kind->monotonic_us(of) + ahead_us;
}

static int64_t now_us(World *of)
{
    return world_system()->kind->now_us(of) + ahead_us;
}

static void open_log(void)
{
    static WorldKind kind;
    static World world = {.kind = &kind};
    Error error = {0};
    kind = *world_system()->kind;
    kind.monotonic_us = monotonic_us;
    kind.now_us = now_us;
    kind.uptime_us = NULL; /* so that the clock is believed at once */
    if (log_open(&world, folder, &(LogOptions){.open_files_max = 4}, &log_, &error) != OK ||
        log_partition(log_, "orders/0", &config, &partition, &error) != OK)
        fail_msg("%s %s", error.code, error.text);
}

static void close_log(void)
{
    partition_release(partition);
    Log *closing = log_;
    log_ = NULL;
    assert_int_equal(log_close(closing, NULL), OK);
}

/* As a crash of the process does it. */
static void crash_log(void)
{
    if (log_ != NULL && partition != NULL)
        partition_release(partition);
    log_abandon(log_);
    log_ = NULL;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/weir-log-XXXXXX");
    assert_non_null(mkdtemp(folder));
    config = partition_config_default;
    config.retention_ms = -1;
    open_log();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    crash_log();
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
    buffer_free(&batch);
    buffer_free(&text);
    return 0;
}

static Appended append(TestBatch one)
{
    Appended appended;
    Error error = {0};
    test_batch(&batch, &one);
    if (partition_append(partition, batch.data, batch.length, &appended, &error) != OK)
        fail_msg("%s %s", error.code, error.text);
    return appended;
}

static void flush(void)
{
    assert_int_equal(log_flush(log_, NULL), OK);
}

/* All records from an offset on, by reads of `bytes_max`. */
static const char *read_from(int64_t offset, int64_t bytes_max, ReadLevel level)
{
    Buffer bytes = {0};
    text.length = 0;
    for (;;) {
        bytes.length = 0;
        Error error = {0};
        Status status = partition_read(
            partition,
            &(ReadRequest){
                .offset = offset, .bytes_max = bytes_max, .at_least_one = true, .level = level},
            &bytes, &error);
        if (status != OK)
            fail_msg("%s %s %s", status_name(status), error.code, error.text);
        if (bytes.length == 0)
            break;
        test_print(buffer_str(&bytes), &text);
        BatchHeader header;
        for (int64_t at = 0; at < bytes.length; at += header.bytes)
            assert_true(batch_read_header(str_make(bytes.data + at, bytes.length - at), &header));
        assert_true(batch_end_offset(&header) > offset);
        offset = batch_end_offset(&header);
    }
    buffer_free(&bytes);
    return buffer_terminated(&text);
}

static PartitionOffsets offsets(void)
{
    PartitionOffsets out;
    partition_offsets(partition, &out);
    return out;
}

static void test_reads_what_was_appended(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 3; i++) {
        Appended appended = append((TestBatch){.records = 2, .timestamp_ms = 1000 * i});
        assert_int_equal(appended.verdict, APPEND_DONE);
        assert_int_equal(appended.base_offset, 2 * i);
        assert_int_equal(appended.end_offset, 2 * i + 2);
    }
    assert_string_equal(read_from(0, 1000, READ_ACKNOWLEDGED), "");
    flush();
    const char *all = "0@0 -=value 0\n1@1 -=value 1\n2@1000 -=value 0\n3@1001 -=value 1\n"
                      "4@2000 -=value 0\n5@2001 -=value 1\n";
    assert_string_equal(read_from(0, 100000, READ_ACKNOWLEDGED), all);
    assert_string_equal(read_from(0, 1, READ_ACKNOWLEDGED), all);
    /* Whole batches: the one that has the offset comes with what is before it. */
    assert_string_equal(read_from(5, 1, READ_ACKNOWLEDGED), "4@2000 -=value 0\n5@2001 -=value 1\n");
    assert_int_equal(
        partition_read(partition, &(ReadRequest){.offset = 7, .bytes_max = 1}, &batch, NULL),
        ERR_NOT_FOUND);
}

static void test_goes_on_after_stop_and_crash(void **state)
{
    (void)state;
    config.segment_bytes = 300;
    partition_set_config(partition, &config);
    int64_t count = 0;
    for (int32_t round = 0; round < 8; round++) {
        for (int32_t i = 0; i < 5; i++, count++)
            assert_int_equal(append((TestBatch){.timestamp_ms = count}).base_offset, count);
        flush();
        if (round % 2 == 0)
            close_log();
        else
            crash_log();
        open_log();
        assert_int_equal(offsets().end_offset, count);
        assert_int_equal(offsets().durable_end, count);
    }
    assert_true(offsets().segment_count > 8);
    Buffer expected = {0};
    for (int64_t i = 0; i < count; i++)
        buffer_printf(&expected, "%lld@%lld -=value 0\n", (long long)i, (long long)i);
    assert_string_equal(read_from(0, 200, READ_ACKNOWLEDGED), buffer_terminated(&expected));
    buffer_free(&expected);
}

static char *segment_path(int64_t base, const char *suffix)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/orders/0/%020lld%s", folder, (long long)base, suffix);
    return path;
}

/* A few bytes of the file become others. */
static void damage(const char *path, int64_t at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, at, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, at, SEEK_SET);
    fputc(byte ^ 1, file);
    fclose(file);
}

static void test_damage_below_the_mark_stops_it(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 5; i++)
        append((TestBatch){.timestamp_ms = 5});
    flush();
    assert_int_equal(log_write_marks(log_, NULL), OK);
    append((TestBatch){.timestamp_ms = 5});
    flush();
    crash_log();
    damage(segment_path(0, ".log"), 3 * batch.length + 40);
    Error error = {0};
    assert_int_equal(log_open(world_system(), folder, &(LogOptions){0}, &log_, NULL), OK);
    assert_int_equal(log_partition(log_, "orders/0", &config, &partition, &error), ERR_CORRUPT);
    assert_string_equal(error.code, "WR5301");
    char expected[128];
    snprintf(expected, sizeof expected, "at byte %lld, from offset 3 on",
             (long long)(3 * batch.length));
    assert_non_null(strstr(error.text, expected));
    damage(segment_path(0, ".log"), 3 * batch.length + 40);
    /* Above the mark it is a torn end. */
    damage(segment_path(0, ".log"), 5 * batch.length + 40);
    assert_int_equal(log_partition(log_, "orders/0", &config, &partition, NULL), OK);
    assert_int_equal(offsets().end_offset, 5);
}

static const char *fsck(void)
{
    Arena *arena = arena_new(0);
    FsckReport report;
    assert_int_equal(fsck_log(world_system(), folder, arena, &report, NULL), OK);
    text.length = 0;
    for (int32_t i = 0; i < report.partitions.count; i++) {
        const FsckPartition *one = LIST_AT(report.partitions, i, FsckPartition);
        buffer_printf(&text, "%s %lld-%lld %lld\n", one->name, (long long)one->start_offset,
                      (long long)one->end_offset, (long long)one->records);
    }
    for (int32_t i = 0; i < report.findings.count; i++) {
        const FsckFinding *one = LIST_AT(report.findings, i, FsckFinding);
        buffer_printf(&text, "%s %lld %lld: %s\n", fsck_kind_name(one->kind),
                      (long long)one->position, (long long)one->offset, one->text);
    }
    arena_free(arena);
    return buffer_terminated(&text);
}

static void test_fsck_tells_torn_from_damaged(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 4; i++)
        append((TestBatch){.timestamp_ms = 5, .padding = 100});
    test_batch(&batch, &(TestBatch){.timestamp_ms = 5});
    flush();
    assert_int_equal(log_write_marks(log_, NULL), OK);
    append((TestBatch){.timestamp_ms = 5});
    flush();
    int64_t bytes = offsets().bytes;
    crash_log();
    assert_string_equal(fsck(), "orders/0 0-5 5\n");
    damage(segment_path(0, ".log"), bytes - 1);
    char expected[200];
    snprintf(expected, sizeof expected, "orders/0 0-4 4\ntorn %lld 4: %s\n",
             (long long)(bytes - batch.length), "the checksum of a batch is wrong");
    assert_string_equal(fsck(), expected);
    damage(segment_path(0, ".log"), 0);
    assert_string_equal(fsck(), "orders/0 0-0 0\n"
                                "damaged 0 0: a batch belongs elsewhere, or its offset or length "
                                "is not as it was written\n"
                                "damaged -1 0: the end of what was acknowledged is missing\n");
    damage(segment_path(0, ".log"), 0);
    open_log();
    assert_int_equal(offsets().end_offset, 4);
}

static void test_damage_that_is_read_stops_it(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 5; i++)
        append((TestBatch){.timestamp_ms = 5});
    flush();
    damage(segment_path(0, ".log"), 3 * batch.length + 63);
    Error error = {0};
    Buffer bytes = {0};
    assert_int_equal(partition_read(partition, &(ReadRequest){.bytes_max = 10000}, &bytes, &error),
                     ERR_CORRUPT);
    assert_int_equal(bytes.length, 0);
    Appended appended;
    test_batch(&batch, &(TestBatch){.timestamp_ms = 5});
    assert_int_equal(partition_append(partition, batch.data, batch.length, &appended, NULL),
                     ERR_CORRUPT);
    buffer_free(&bytes);
}

/* Batches of which some are larger than the window through which they are looked at. */
static void append_sizes(void)
{
    static const int32_t paddings[] = {10, 40000, 100, 300000, 32600, 70000, 5, 32500, 200000, 90};
    for (int32_t i = 0; i < 10; i++)
        append((TestBatch){.records = 1 + i % 3, .timestamp_ms = i, .padding = paddings[i]});
    flush();
}

/* What a client would get of it. */
static void join_spans(const PartitionRead *read, Buffer *out)
{
    int64_t at = 0;
    out->length = 0;
    for (int32_t i = 0; i < read->span_count; i++) {
        const ReadSpan *span = &read->spans[i];
        buffer_append(out, read->bytes.data + at, span->at - at);
        char *into = buffer_reserve(out, span->bytes);
        assert_int_equal(pread(read->descriptor, into, (size_t)span->bytes, span->position),
                         span->bytes);
        out->length += span->bytes;
        at = span->at;
    }
    buffer_append(out, read->bytes.data + at, read->bytes.length - at);
}

/* What is sent from files is what is read. */
static void read_all_in_place(void)
{
    Buffer bytes = {0}, joined = {0}, window = {0};
    PartitionRead read = {0};
    int32_t spans = 0;
    for (int64_t offset = 0; offset <= offsets().end_offset; offset++)
        for (int64_t bytes_max = 1; bytes_max < 4000000; bytes_max = bytes_max * 3 + 1000) {
            for (int32_t is_any = 0; is_any < 2; is_any++) {
                ReadRequest request = {
                    .offset = offset, .bytes_max = bytes_max, .at_least_one = is_any != 0};
                bytes.length = 0;
                partition_read_reset(&read);
                assert_int_equal(partition_read(partition, &request, &bytes, NULL), OK);
                assert_int_equal(partition_read_in_place(partition, &request, &read, &window, NULL),
                                 OK);
                join_spans(&read, &joined);
                assert_int_equal(joined.length, bytes.length);
                assert_int_equal(partition_read_length(&read), bytes.length);
                if (bytes.length > 0)
                    assert_memory_equal(joined.data, bytes.data, (size_t)bytes.length);
                spans += read.span_count;
            }
        }
    assert_true(spans > 0);
    partition_read_free(&read);
    buffer_free(&bytes);
    buffer_free(&joined);
    buffer_free(&window);
}

static void test_what_is_sent_from_files_is_what_is_read(void **state)
{
    (void)state;
    append_sizes();
    read_all_in_place();
    close_log();
    open_log(); /* where nothing is known of it */
    read_all_in_place();
}

static void test_what_is_to_be_sent_outlives_its_topic(void **state)
{
    (void)state;
    append_sizes();
    Buffer joined = {0}, window = {0};
    PartitionRead read = {0};
    ReadRequest request = {.offset = 1, .bytes_max = 1, .at_least_one = true}; /* one batch */
    assert_int_equal(partition_read_in_place(partition, &request, &read, &window, NULL), OK);
    assert_true(read.span_count > 0);
    partition_release(partition);
    assert_int_equal(log_remove(log_, "orders/0", NULL), OK);
    partition = NULL;
    join_spans(&read, &joined);
    assert_true(batch_is_intact(buffer_str(&joined)));
    partition_read_free(&read);
    buffer_free(&joined);
    buffer_free(&window);
}

/* Of four files that may be open, two for those who do not read what they are sent; the others get
 * it from memory. */
static void test_few_files_stay_open_for_what_is_to_be_sent(void **state)
{
    (void)state;
    enum { COUNT = 4 };
    Partition *all[COUNT];
    PartitionRead reads[COUNT] = {0}, again = {0};
    Buffer window = {0}, joined = {0};
    ReadRequest request = {.bytes_max = 1 << 20, .at_least_one = true};
    test_batch(&batch, &(TestBatch){.padding = 40000});
    for (int32_t i = 0; i < COUNT; i++) {
        char name[16];
        Appended appended;
        snprintf(name, sizeof name, "many/%d", (int)i);
        assert_int_equal(log_partition(log_, name, &config, &all[i], NULL), OK);
        assert_int_equal(partition_append(all[i], batch.data, batch.length, &appended, NULL), OK);
    }
    flush();
    for (int32_t i = 0; i < COUNT; i++) {
        assert_int_equal(partition_read_in_place(all[i], &request, &reads[i], &window, NULL), OK);
        assert_int_equal(reads[i].span_count, i < COUNT / 2);
        join_spans(&reads[i], &joined);
        assert_int_equal(joined.length, batch.length);
        assert_true(batch_is_intact(buffer_str(&joined)));
    }
    /* What is open already costs no other file, and what is sent is none any more. */
    assert_int_equal(partition_read_in_place(all[0], &request, &again, &window, NULL), OK);
    assert_int_equal(again.span_count, 1);
    partition_read_reset(&reads[1]);
    partition_read_reset(&reads[2]);
    assert_int_equal(partition_read_in_place(all[2], &request, &reads[2], &window, NULL), OK);
    assert_int_equal(reads[2].span_count, 1);
    for (int32_t i = 0; i < COUNT; i++) {
        partition_read_free(&reads[i]);
        partition_release(all[i]);
    }
    partition_read_free(&again);
    buffer_free(&window);
    buffer_free(&joined);
}

/* A span is damaged, and read: what the log says. */
static Status read_damaged(void)
{
    damage(segment_path(0, ".log"), 300000);
    Error error = {0};
    Buffer window = {0};
    PartitionRead read = {0};
    ReadRequest request = {.bytes_max = 4000000, .at_least_one = true};
    Status status = partition_read_in_place(partition, &request, &read, &window, &error);
    if (status != OK) {
        assert_int_equal(partition_read_length(&read), 0);
        assert_null(read.segment);
        assert_int_equal(partition_read(partition, &request, &window, NULL), status);
    }
    partition_read_free(&read);
    buffer_free(&window);
    return status;
}

static void test_damage_in_what_is_to_be_sent_stops_it(void **state)
{
    (void)state;
    append_sizes();
    close_log();
    open_log();
    assert_int_equal(read_damaged(), ERR_CORRUPT);
}

/* Its checksum was compared when it came, and is when it has been long ago. */
static void test_what_is_to_be_sent_is_looked_at_now_and_then(void **state)
{
    (void)state;
    append_sizes();
    assert_int_equal(read_damaged(), OK);
    damage(segment_path(0, ".log"), 300000); /* it is well again */
    ahead_us += CHECKED_FOR_US;
    read_all_in_place();
    ahead_us += CHECKED_FOR_US / 2;
    assert_int_equal(read_damaged(), OK); /* it was compared then */
    ahead_us += CHECKED_FOR_US / 2;
    damage(segment_path(0, ".log"), 300000);
    assert_int_equal(read_damaged(), ERR_CORRUPT);
}

static void test_indexes_are_made_again(void **state)
{
    (void)state;
    config.segment_bytes = 3000;
    config.index_interval_bytes = 100;
    partition_set_config(partition, &config);
    for (int32_t i = 0; i < 100; i++)
        append((TestBatch){.timestamp_ms = 10 * i});
    flush();
    close_log();
    int64_t got = 0;
    char before[48], after[48];
    const char *path = segment_path(0, ".index");
    FILE *file = fopen(path, "rb");
    assert_int_equal(fread(before, 1, sizeof before, file), sizeof before);
    fclose(file);
    for (int32_t way = 0; way < 3; way++) {
        if (way == 0)
            damage(path, 60);
        else if (way == 1)
            damage(path, 10);
        else
            remove(path);
        open_log();
        int64_t found_ms;
        assert_int_equal(partition_find_time(partition, 105, &got, &found_ms, NULL), OK);
        assert_int_equal(got, 11);
        assert_int_equal(found_ms, 110);
        read_from(5, 100, READ_ACKNOWLEDGED);
        close_log();
        file = fopen(path, "rb");
        assert_non_null(file);
        assert_int_equal(fread(after, 1, sizeof after, file), sizeof after);
        /* The table may be coarser, the summary is the same. */
        assert_memory_equal(before + 8, after + 8, 32);
        fclose(file);
    }
    open_log();
}

static void test_finds_offsets_by_time(void **state)
{
    (void)state;
    config.segment_bytes = 1000;
    config.index_interval_bytes = 1;
    partition_set_config(partition, &config);
    for (int32_t i = 0; i < 50; i++)
        append(
            (TestBatch){.records = 2, .timestamp_ms = 100 * i, .codec = (Codec)(i % CODEC_COUNT)});
    /* Time goes back. */
    append((TestBatch){.timestamp_ms = 50});
    flush();
    static const int64_t cases[][3] = {{0, 0, 0},        {1, 1, 1},        {2, 2, 100},
                                       {2450, 50, 2500}, {4900, 98, 4900}, {4901, 99, 4901},
                                       {4902, -1, -1},   {-5, 0, 0},       {50, 2, 100}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t offset, found_ms;
        assert_int_equal(partition_find_time(partition, cases[i][0], &offset, &found_ms, NULL), OK);
        assert_int_equal(offset, cases[i][1]);
        assert_int_equal(found_ms, cases[i][2]);
    }
}

static TestBatch of_producer(int16_t epoch, int32_t sequence, int32_t records)
{
    return (TestBatch){.has_producer = true,
                       .producer_id = 9,
                       .epoch = epoch,
                       .sequence = sequence,
                       .records = records,
                       .timestamp_ms = 1000};
}

static void test_keeps_a_batch_of_a_producer_once(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 7; i++)
        assert_int_equal(append(of_producer(0, 2 * i, 2)).base_offset, 2 * i);
    for (int32_t way = 0; way < 4; way++) {
        Appended again = append(of_producer(0, 12, 2));
        assert_int_equal(again.verdict, APPEND_REPEATED);
        assert_int_equal(again.base_offset, 12);
        assert_int_equal(again.end_offset, 14);
        assert_int_equal(append(of_producer(0, 4, 2)).verdict, APPEND_REPEATED);
        /* Only five are known, and a part of one is none of them. */
        assert_int_equal(append(of_producer(0, 2, 2)).verdict, APPEND_OUT_OF_ORDER);
        assert_int_equal(append(of_producer(0, 12, 1)).verdict, APPEND_OUT_OF_ORDER);
        assert_int_equal(append(of_producer(0, 16, 1)).verdict, APPEND_OUT_OF_ORDER);
        flush();
        if (way % 2 == 0)
            crash_log();
        else
            close_log();
        open_log();
    }
    assert_int_equal(append(of_producer(1, 5, 1)).verdict, APPEND_OUT_OF_ORDER);
    assert_int_equal(append(of_producer(1, 0, 1)).verdict, APPEND_DONE);
    assert_int_equal(append(of_producer(0, 14, 2)).verdict, APPEND_FENCED);
    assert_int_equal(append(of_producer(1, 1, 1)).base_offset, 15);
}

/* What records say of their time is not when their producer was there. */
static void test_old_timestamps_do_not_make_a_producer_forgotten(void **state)
{
    (void)state;
    TestBatch old = of_producer(0, 0, 2);
    old.timestamp_ms = 1;
    assert_int_equal(append(old).verdict, APPEND_DONE);
    for (int32_t way = 0; way < 3; way++) {
        flush();
        assert_int_equal(log_tick(log_, NULL), OK);
        assert_int_equal(append(old).verdict, APPEND_REPEATED);
        old.sequence = 7;
        assert_int_equal(append(old).verdict, APPEND_OUT_OF_ORDER);
        old.sequence = 0;
        if (way == 0)
            crash_log();
        else
            close_log();
        open_log();
    }
    /* Eight days later it is. */
    ahead_us = INT64_C(8) * 86400 * 1000000;
    assert_int_equal(log_tick(log_, NULL), OK);
    ahead_us = 0;
    assert_int_equal(append(old).verdict, APPEND_DONE);
}

static void test_sequences_wrap_around(void **state)
{
    (void)state;
    assert_int_equal(append(of_producer(0, INT32_MAX - 1, 2)).verdict, APPEND_DONE);
    assert_int_equal(append(of_producer(0, 0, 3)).verdict, APPEND_DONE);
    assert_int_equal(append(of_producer(0, 0, 3)).verdict, APPEND_REPEATED);
    assert_int_equal(append(of_producer(0, 3, 1)).verdict, APPEND_DONE);
}

static Appended append_transactional(int64_t producer_id, int32_t sequence, const char *value)
{
    return append((TestBatch){.has_producer = true,
                              .is_transactional = true,
                              .producer_id = producer_id,
                              .sequence = sequence,
                              .timestamp_ms = 1,
                              .key = "k",
                              .value = value});
}

static void end_transaction(int64_t producer_id, bool is_commit)
{
    Appended appended;
    assert_int_equal(
        partition_end_transaction(partition, producer_id, 0, is_commit, &appended, NULL), OK);
    assert_int_equal(appended.verdict, APPEND_DONE);
}

static void expect_aborted(int64_t from, int64_t to, const char *expected)
{
    Arena *arena = arena_new(0);
    List aborted = {0};
    partition_find_aborted(partition, from, to, arena, &aborted);
    text.length = 0;
    for (int32_t i = 0; i < aborted.count; i++) {
        const AbortedTransaction *one = LIST_AT(aborted, i, AbortedTransaction);
        buffer_printf(&text, "%lld:%lld-%lld ", (long long)one->producer_id,
                      (long long)one->first_offset, (long long)one->marker_offset);
    }
    assert_string_equal(buffer_terminated(&text), expected);
    arena_free(arena);
}

static void test_transactions_are_read_when_they_have_ended(void **state)
{
    (void)state;
    append_transactional(1, 0, "a"); /* 0 */
    append_transactional(2, 0, "b"); /* 1 */
    append((TestBatch){.timestamp_ms = 1});
    flush();
    assert_int_equal(offsets().stable_offset, 0);
    end_transaction(1, true);                     /* 3 */
    assert_int_equal(offsets().stable_offset, 0); /* not durable yet */
    flush();
    assert_int_equal(offsets().stable_offset, 1);
    end_transaction(2, false); /* 4 */
    flush();
    for (int32_t way = 0; way < 3; way++) {
        assert_int_equal(offsets().stable_offset, 5);
        expect_aborted(0, 5, "2:1-4 ");
        expect_aborted(0, 1, "");
        expect_aborted(4, 5, "2:1-4 ");
        if (way == 0)
            close_log();
        else
            crash_log();
        open_log();
    }
    append_transactional(1, 1, "c");
    flush();
    crash_log();
    open_log();
    assert_int_equal(offsets().stable_offset, 5);
    assert_int_equal(append(of_producer(0, 0, 1)).verdict, APPEND_DONE);
}

static void test_retention_takes_whole_segments(void **state)
{
    (void)state;
    test_batch(&batch, &(TestBatch){.timestamp_ms = 1});
    config.segment_bytes = 3 * batch.length;
    config.retention_bytes = 5 * batch.length;
    partition_set_config(partition, &config);
    for (int32_t i = 0; i < 10; i++) /* segments of 3, 3, 3 and 1 */
        append((TestBatch){.timestamp_ms = 1});
    flush();
    assert_int_equal(log_tick(log_, NULL), OK);
    assert_int_equal(offsets().start_offset, 3);
    crash_log();
    open_log();
    assert_int_equal(offsets().start_offset, 3);
    assert_int_equal(offsets().bytes, 7 * batch.length);
    config.retention_bytes = -1;
    config.retention_ms = 1000;
    partition_set_config(partition, &config);
    assert_int_equal(log_tick(log_, NULL), OK);
    assert_int_equal(offsets().start_offset, 10);
    assert_int_equal(offsets().bytes, 0);
    assert_int_equal(append((TestBatch){.timestamp_ms = INT64_C(99999999999999)}).base_offset, 10);
    flush();
    assert_int_equal(log_tick(log_, NULL), OK);
    assert_int_equal(partition_delete_before(partition, 12, NULL), ERR_NOT_FOUND);
    assert_int_equal(offsets().start_offset, 10);
    assert_int_equal(partition_delete_before(partition, 11, NULL), OK);
    close_log();
    open_log();
    assert_int_equal(offsets().start_offset, 11);
    assert_string_equal(read_from(11, 100, READ_ACKNOWLEDGED), "");
}

static void test_compaction_keeps_the_last_of_each_key(void **state)
{
    (void)state;
    config.is_deleted = false;
    config.is_compacted = true;
    config.segment_bytes = 400;
    config.delete_retention_ms = 3600 * 1000;
    partition_set_config(partition, &config);
    Appended refused = append((TestBatch){.timestamp_ms = 1});
    assert_int_equal(refused.verdict, APPEND_INVALID);
    append((TestBatch){.timestamp_ms = 1, .key = "a", .value = "1"});
    append((TestBatch){.timestamp_ms = 2, .key = "b", .value = "1", .codec = CODEC_ZSTD});
    append((TestBatch){.timestamp_ms = 3, .key = "a", .value = "2", .codec = CODEC_LZ4});
    append((TestBatch){.timestamp_ms = 4, .key = "c", .value = ""});
    append((TestBatch){.timestamp_ms = 5, .key = "b", .value = ""});
    append_transactional(1, 0, "not"); /* 5 */
    end_transaction(1, false);
    append_transactional(1, 1, "yes"); /* 7 */
    end_transaction(1, true);
    for (int32_t i = 0; i < 20; i++)
        append((TestBatch){.timestamp_ms = 10 + i, .key = "d", .value = "1", .records = 2});
    flush();
    assert_int_equal(partition_compact(partition, NULL), OK);
    PartitionOffsets before = offsets();
    assert_int_equal(before.end_offset, 49);
    for (int32_t way = 0; way < 4; way++) {
        const char *left = read_from(0, 1000, READ_COMMITTED);
        assert_non_null(strstr(left, "2@3 a=2\n3@4 c=-\n4@5 b=-\n"));
        assert_null(strstr(left, "a=1"));
        assert_null(strstr(left, "b=1"));
        assert_null(strstr(left, "k=not"));
        assert_non_null(strstr(left, "7@1 k=yes\n"));
        assert_non_null(strstr(left, "48@30 d=1\n"));
        assert_null(strstr(left, "10@11 d=1\n"));
        assert_int_equal(offsets().end_offset, 49);
        if (way % 2 == 0)
            crash_log();
        else
            close_log();
        open_log();
        assert_int_equal(partition_compact(partition, NULL), OK);
    }
    /* Tombstones and markers go when their time has come. */
    close_log();
    remove(segment_path(0, ".index"));
    open_log();
    config.delete_retention_ms = -1;
    partition_set_config(partition, &config);
    append((TestBatch){.timestamp_ms = 50, .key = "e", .value = ""});
    for (int32_t i = 0; i < 20; i++)
        append((TestBatch){.timestamp_ms = 60 + i, .key = "d", .value = "1"});
    flush();
    assert_int_equal(partition_compact(partition, NULL), OK);
    assert_non_null(strstr(read_from(0, 1000, READ_COMMITTED), "e=-"));
    assert_int_equal(partition_compact(partition, NULL), OK);
    assert_null(strstr(read_from(0, 1000, READ_COMMITTED), "e=-"));
    assert_non_null(strstr(read_from(0, 1000, READ_COMMITTED), "b=-"));
}

static void test_append_time_is_set(void **state)
{
    (void)state;
    config.uses_append_time = true;
    partition_set_config(partition, &config);
    Appended appended = append((TestBatch){.timestamp_ms = 5, .records = 2});
    assert_true(appended.append_time_ms > INT64_C(1600000000000));
    flush();
    char expected[100];
    snprintf(expected, sizeof expected, "0@%lld -=value 0\n1@%lld -=value 1\n",
             (long long)appended.append_time_ms, (long long)appended.append_time_ms);
    assert_string_equal(read_from(0, 100, READ_ACKNOWLEDGED), expected);
}

static void test_relaxed_topics_are_acknowledged_when_written(void **state)
{
    (void)state;
    config.flush_messages = 3;
    partition_set_config(partition, &config);
    append((TestBatch){.timestamp_ms = 5});
    assert_int_equal(offsets().high_watermark, 1);
    flush();
    assert_int_equal(offsets().durable_end, 0);
    append((TestBatch){.timestamp_ms = 5, .records = 2});
    flush();
    assert_int_equal(offsets().durable_end, 3);
    append((TestBatch){.timestamp_ms = 5});
    config.flush_ms = 0;
    partition_set_config(partition, &config);
    assert_int_equal(log_tick(log_, NULL), OK);
    assert_int_equal(offsets().durable_end, 4);
}

/* Neither the next segment nor the marks have a file then: it passes, and nothing is lost. */
/* What was acknowledged when it was written can be deleted before it is durable; a power cut takes
 * the records, and not the word. What comes then is not below the start. */
static void test_what_was_deleted_and_lost_hides_nothing(void **state)
{
    (void)state;
    PartitionOffsets offsets;
    char path[128];
    struct stat info;
    Buffer out = {0};
    config.flush_messages = 1000;
    partition_set_config(partition, &config);
    append((TestBatch){.records = 3});
    assert_int_equal(log_flush(log_, NULL), OK);
    snprintf(path, sizeof path, "%s/orders/0/%020d.log", folder, 0);
    assert_int_equal(stat(path, &info), 0);
    append((TestBatch){.records = 5});
    assert_int_equal(partition_delete_before(partition, 7, NULL), OK);
    crash_log();
    assert_int_equal(truncate(path, info.st_size), 0);
    open_log();
    partition_offsets(partition, &offsets);
    assert_int_equal(offsets.start_offset, 3);
    assert_int_equal(offsets.end_offset, 3);
    append((TestBatch){.records = 1, .value = "new"});
    assert_int_equal(
        partition_read(partition, &(ReadRequest){.offset = 3, .bytes_max = 1000}, &out, NULL), OK);
    assert_true(out.length > 0);
    buffer_free(&out);
}

static void test_goes_on_when_files_may_be_opened_again(void **state)
{
    (void)state;
    Error error = {0};
    struct rlimit before;
    append((TestBatch){.padding = 100});
    config.segment_bytes = 300;
    partition_set_config(partition, &config);
    getrlimit(RLIMIT_NOFILE, &before);
    int next = dup(0);
    assert_int_equal(close(next), 0);
    struct rlimit none = {.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    test_batch(&batch, &(TestBatch){.padding = 100});
    Appended appended;
    Status appending = partition_append(partition, batch.data, batch.length, &appended, &error);
    Status marking = log_write_marks(log_, NULL);
    Status ticking = log_tick(log_, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(appending, ERR_LIMIT);
    assert_string_equal(error.code, "WR5008");
    assert_int_equal(marking, ERR_LIMIT);
    assert_int_equal(ticking, OK);
    assert_false(log_is_broken(log_, NULL));
    assert_int_equal(append((TestBatch){.padding = 100}).base_offset, 1);
    flush();
    assert_int_equal(offsets().segment_count, 2);
    assert_int_equal(offsets().durable_end, 2);
    assert_int_equal(log_tick(log_, NULL), OK);
}

/* With one file that may be opened a new segment is made, and its folder cannot be synced: what
 * came behind the old one then would be cut at the next start. */
static void test_takes_nothing_behind_a_segment_that_is_half_made(void **state)
{
    (void)state;
    Error error = {0};
    struct rlimit before;
    append((TestBatch){.padding = 100});
    flush();
    config.segment_bytes = 300;
    partition_set_config(partition, &config);
    getrlimit(RLIMIT_NOFILE, &before);
    int next = dup(0);
    assert_int_equal(close(next), 0);
    struct rlimit one = {.rlim_cur = (rlim_t)next + 1, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &one), 0);
    test_batch(&batch, &(TestBatch){.padding = 200});
    Appended appended;
    Status rolling = partition_append(partition, batch.data, batch.length, &appended, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(rolling, ERR_LIMIT);
    assert_true(log_is_broken(log_, NULL));
    test_batch(&batch, &(TestBatch){0});
    assert_int_not_equal(partition_append(partition, batch.data, batch.length, &appended, &error),
                         OK);
    crash_log();
    open_log();
    assert_int_equal(append((TestBatch){0}).base_offset, 1);
}

static void test_limits_are_kept(void **state)
{
    (void)state;
    config.message_bytes_max = 200;
    config.timestamp_after_max_ms = 1000;
    partition_set_config(partition, &config);
    assert_int_equal(append((TestBatch){.padding = 200}).verdict, APPEND_TOO_LARGE);
    assert_int_equal(append((TestBatch){.timestamp_ms = INT64_C(99999999999999)}).verdict,
                     APPEND_WRONG_TIME);
    test_batch(&batch, &(TestBatch){0});
    batch.data[batch.length - 1] ^= 1;
    Appended appended;
    assert_int_equal(partition_append(partition, batch.data, batch.length, &appended, NULL), OK);
    assert_int_equal(appended.verdict, APPEND_DAMAGED);
    assert_int_equal(partition_append(partition, batch.data, 7, &appended, NULL), OK);
    assert_int_equal(appended.verdict, APPEND_DAMAGED);
    Log *second;
    Error error = {0};
    assert_int_equal(log_open(world_system(), folder, &(LogOptions){0}, &second, &error),
                     ERR_UNAVAILABLE);
    assert_string_equal(error.code, "WR5303");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_reads_what_was_appended),
        CASE(test_goes_on_after_stop_and_crash),
        CASE(test_damage_below_the_mark_stops_it),
        CASE(test_fsck_tells_torn_from_damaged),
        CASE(test_damage_that_is_read_stops_it),
        CASE(test_what_is_sent_from_files_is_what_is_read),
        CASE(test_what_is_to_be_sent_outlives_its_topic),
        CASE(test_few_files_stay_open_for_what_is_to_be_sent),
        CASE(test_damage_in_what_is_to_be_sent_stops_it),
        CASE(test_what_is_to_be_sent_is_looked_at_now_and_then),
        CASE(test_indexes_are_made_again),
        CASE(test_finds_offsets_by_time),
        CASE(test_keeps_a_batch_of_a_producer_once),
        CASE(test_old_timestamps_do_not_make_a_producer_forgotten),
        CASE(test_sequences_wrap_around),
        CASE(test_transactions_are_read_when_they_have_ended),
        CASE(test_retention_takes_whole_segments),
        CASE(test_compaction_keeps_the_last_of_each_key),
        CASE(test_append_time_is_set),
        CASE(test_relaxed_topics_are_acknowledged_when_written),
        CASE(test_what_was_deleted_and_lost_hides_nothing),
        CASE(test_goes_on_when_files_may_be_opened_again),
        CASE(test_takes_nothing_behind_a_segment_that_is_half_made),
        CASE(test_limits_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
