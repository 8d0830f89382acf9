/* Compaction and transactions: whoever gets what a client gets, the first offsets of what was
 * aborted and the markers in the log, reads what was committed, whatever compaction has taken and
 * whether or not the snapshot of the producers is there. */
#include "base/testing.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "log/batch_testing.h"
#include "log/log.h"
#include "log/record.h"
#include "log/segment.h"

enum { SEGMENT_BYTES = 400 };

static char folder[64];
static Log *log_;
static Partition *partition;
static PartitionConfig config;
static Buffer batch, text;

static void open_log(void)
{
    Error error = {0};
    if (log_open(world_system(), folder, &(LogOptions){0}, &log_, &error) != OK ||
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
    snprintf(folder, sizeof folder, "/tmp/weir-compact-XXXXXX");
    assert_non_null(mkdtemp(folder));
    config = partition_config_default;
    config.retention_ms = -1;
    config.is_deleted = false;
    config.is_compacted = true;
    config.segment_bytes = SEGMENT_BYTES;
    config.delete_retention_ms = -1; /* what has got its time goes with the next compaction */
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
    one.timestamp_ms = 1;
    test_batch(&batch, &one);
    if (partition_append(partition, batch.data, batch.length, &appended, &error) != OK)
        fail_msg("%s %s", error.code, error.text);
    return appended;
}

static Appended write_in_transaction(int64_t producer_id, int32_t sequence, const char *key)
{
    return append((TestBatch){.has_producer = true,
                              .is_transactional = true,
                              .producer_id = producer_id,
                              .sequence = sequence,
                              .key = key,
                              .value = "x"});
}

static void end_transaction(int64_t producer_id, bool is_commit)
{
    Appended appended;
    assert_int_equal(
        partition_end_transaction(partition, producer_id, 0, is_commit, &appended, NULL), OK);
    assert_int_equal(appended.verdict, APPEND_DONE);
}

/* So much that all before is in segments that are complete. */
static void fill(void)
{
    for (int32_t i = 0; i < 4; i++)
        append((TestBatch){.key = "fill", .value = "y", .padding = 150});
    assert_int_equal(log_flush(log_, NULL), OK);
}

static void compact(int32_t times)
{
    Error error = {0};
    for (int32_t i = 0; i < times; i++)
        if (partition_compact(partition, &error) != OK)
            fail_msg("%s %s", error.code, error.text);
}

static void remove_with_suffix(const char *suffix)
{
    Arena *arena = arena_new(0);
    List names = {0};
    const char *path = arena_printf(arena, "%s/orders/0", folder);
    assert_int_equal(world_system()->kind->list(world_system(), path, arena, &names, NULL), OK);
    for (int32_t i = 0; i < names.count; i++) {
        const char *name = LIST_AT(names, i, const char);
        if (str_has_suffix(str_from(name), str_from(suffix)))
            assert_int_equal(remove(arena_printf(arena, "%s/%s", path, name)), 0);
    }
    arena_free(arena);
}

/* ---- What a client does ---------------------------------------------------------------------- */

typedef struct Told {
    int64_t producer_id, first_offset;
    bool is_over;
} Told;

static void take_batch(Str bytes, const BatchHeader *header, Told *told, int32_t count)
{
    Buffer scratch = {0};
    RecordReader reader;
    Told *of = NULL;
    for (int32_t i = 0; i < count && of == NULL; i++)
        if (!told[i].is_over && told[i].producer_id == header->producer_id &&
            told[i].first_offset < batch_end_offset(header))
            of = &told[i];
    bool is_marker = batch_has(header, BATCH_IS_CONTROL);
    bool is_left_out = of != NULL && batch_has(header, BATCH_IS_TRANSACTIONAL);
    assert_true(record_reader_open(&reader, bytes, &scratch));
    for (Record record; record_read(&reader, &record);) {
        bool is_abort = is_marker && record.key.data[3] == 0;
        if (is_abort && of != NULL)
            of->is_over = true;
        if (is_marker)
            buffer_printf(&text, "%s%lld ", is_abort ? "abort@" : "commit@",
                          (long long)record.offset);
        else if (!is_left_out && !str_is(record.key, "fill"))
            buffer_printf(&text, "%.*s@%lld ", (int)record.key.length, record.key.data,
                          (long long)record.offset);
    }
    assert_false(reader.is_damaged);
    buffer_free(&scratch);
}

/* All that is read, with the markers, without the filling. */
static const char *read_as_client(void)
{
    Buffer bytes = {0};
    Arena *arena = arena_new(0);
    List aborted = {0};
    Told told[16];
    ReadRequest request = {.bytes_max = 1 << 20, .at_least_one = true, .level = READ_COMMITTED};
    text.length = 0;
    for (int64_t at = 0;; at = 0) {
        bytes.length = 0;
        assert_int_equal(partition_read(partition, &request, &bytes, NULL), OK);
        if (bytes.length == 0)
            break;
        aborted.count = 0;
        partition_find_aborted(partition, request.offset, INT64_MAX, arena, &aborted);
        assert_true(aborted.count <= 16);
        for (int32_t i = 0; i < aborted.count; i++) {
            const AbortedTransaction *one = LIST_AT(aborted, i, AbortedTransaction);
            told[i] = (Told){.producer_id = one->producer_id, .first_offset = one->first_offset};
        }
        for (BatchHeader header; at < bytes.length; at += header.bytes) {
            assert_true(batch_read_header(str_make(bytes.data + at, bytes.length - at), &header));
            take_batch(str_make(bytes.data + at, header.bytes), &header, told, aborted.count);
            request.offset = batch_end_offset(&header);
        }
    }
    buffer_free(&bytes);
    arena_free(arena);
    return buffer_terminated(&text);
}

static int32_t count_aborted(void)
{
    Arena *arena = arena_new(0);
    List aborted = {0};
    partition_find_aborted(partition, 0, INT64_MAX, arena, &aborted);
    arena_free(arena);
    return aborted.count;
}

static int64_t behind_stable(void)
{
    PartitionOffsets offsets;
    partition_offsets(partition, &offsets);
    return offsets.end_offset - offsets.stable_offset;
}

/* ---- The folder of an older version ---------------------------------------------------------- */

/* The batch at the offset goes from the first segment, as if compaction had taken it. */
static void take_out(int64_t offset)
{
    char path[128];
    Arena *arena = arena_new(0);
    Str content;
    snprintf(path, sizeof path, "%s/orders/0/%020d.log", folder, 0);
    assert_int_equal(world_read_file(world_system(), path, 1 << 20, arena, &content, NULL), OK);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    Files *files = files_new(world_system(), 2);
    Segment *segment = log_segment_new(folder, log_identity("orders/0"), 0);
    BatchHeader header;
    bool is_found = false;
    for (int64_t at = 0; at < content.length; at += header.bytes) {
        char *bytes = (char *)content.data + at;
        assert_true(batch_read_header(str_make(bytes, content.length - at), &header));
        if (header.base_offset == offset) {
            is_found = true;
            continue;
        }
        batch_seal(bytes, segment->identity, ftell(file));
        assert_int_equal(fwrite(bytes, 1, (size_t)header.bytes, file), header.bytes);
    }
    assert_true(is_found);
    assert_int_equal(fclose(file), 0);
    log_segment_free(segment, files);
    files_free(files);
    arena_free(arena);
}

/* Stopped, without markers at the offsets (ascending, up to -1), and without snapshots. */
static void open_without(const int64_t *markers)
{
    close_log();
    for (int32_t i = 0; markers[i] >= 0; i++)
        take_out(markers[i]);
    remove_with_suffix(".index");
    remove_with_suffix(".producers");
    open_log();
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void test_what_was_committed_is_read_after_the_marker_has_gone(void **state)
{
    (void)state;
    write_in_transaction(1, 0, "a"); /* 0 */
    end_transaction(1, false);
    write_in_transaction(1, 1, "b"); /* 2 */
    end_transaction(1, true);
    fill();
    assert_string_equal(read_as_client(), "abort@1 b@2 commit@3 ");
    compact(1);
    assert_string_equal(read_as_client(), "abort@1 b@2 commit@3 ");
    fill();
    compact(3);
    assert_string_equal(read_as_client(), "b@2 commit@3 ");
    assert_int_equal(count_aborted(), 0);
    /* The newest snapshot is older than that. */
    crash_log();
    open_log();
    assert_string_equal(read_as_client(), "b@2 commit@3 ");
    assert_int_equal(count_aborted(), 0);
    close_log();
    remove_with_suffix(".producers");
    open_log();
    assert_string_equal(read_as_client(), "b@2 commit@3 ");
    assert_int_equal(behind_stable(), 0);
}

/* What was aborted is not kept in mind for ever. */
static void test_aborted_transactions_are_forgotten(void **state)
{
    (void)state;
    for (int32_t i = 0; i < 40; i++) {
        write_in_transaction(1, i, "a");
        end_transaction(1, false);
        if (i % 4 == 3)
            fill();
        if (i % 4 == 3)
            compact(1);
    }
    assert_true(count_aborted() <= 8);
    int64_t version = partition_aborted_version(partition);
    fill();
    compact(2);
    assert_int_equal(count_aborted(), 0);
    assert_true(partition_aborted_version(partition) > version);
    compact(1);
    /* The marker of the last one, whose batch is the last of its producer. */
    const char *left = read_as_client();
    assert_non_null(strstr(left, "abort@"));
    assert_null(strstr(left + 1, "abort@"));
    assert_null(strstr(left, "a@"));
}

static void test_a_marker_outlives_its_transaction(void **state)
{
    (void)state;
    write_in_transaction(1, 0, "a"); /* 0 */
    end_transaction(1, true);
    write_in_transaction(2, 0, "b"); /* 2: what follows is the last of its producer */
    end_transaction(2, true);
    fill();
    compact(4);
    assert_string_equal(read_as_client(), "a@0 commit@1 b@2 commit@3 ");
    append((TestBatch){.key = "a", .value = "new"}); /* 8 */
    write_in_transaction(1, 1, "c");
    end_transaction(1, true);
    fill();
    compact(1); /* takes the record; it was there, so the marker stays and gets no time */
    assert_string_equal(read_as_client(), "commit@1 b@2 commit@3 a@8 c@9 commit@10 ");
    compact(1); /* gives the marker its time */
    assert_string_equal(read_as_client(), "commit@1 b@2 commit@3 a@8 c@9 commit@10 ");
    compact(1);
    assert_string_equal(read_as_client(), "b@2 commit@3 a@8 c@9 commit@10 ");
}

static void test_the_last_batch_of_a_producer_is_known_without_its_records(void **state)
{
    (void)state;
    TestBatch one = {.has_producer = true, .producer_id = 7, .key = "a", .value = "1"};
    for (one.sequence = 0; one.sequence < 3; one.sequence++)
        assert_int_equal(append(one).verdict, APPEND_DONE);
    write_in_transaction(8, 0, "b"); /* 3 */
    end_transaction(8, false);
    append((TestBatch){.key = "a", .value = "2"}); /* 5 */
    fill();
    compact(4);
    assert_string_equal(read_as_client(), "abort@4 a@5 ");
    for (int32_t way = 0; way < 3; way++) {
        one.sequence = 2;
        assert_int_equal(append(one).verdict, APPEND_REPEATED);
        assert_int_equal(append(one).base_offset, 2);
        assert_int_equal(write_in_transaction(8, 0, "b").verdict, APPEND_REPEATED);
        one.sequence = 4;
        assert_int_equal(append(one).verdict, APPEND_OUT_OF_ORDER);
        assert_int_equal(behind_stable(), 0);
        close_log();
        remove_with_suffix(".producers");
        open_log();
        compact(1);
    }
}

/* A power cut takes the batch behind it, which was not durable. */
static void test_the_last_durable_batch_of_a_producer_is_known(void **state)
{
    (void)state;
    TestBatch one = {.has_producer = true, .producer_id = 7, .key = "a", .value = "1"};
    append(one);
    append((TestBatch){.key = "a", .value = "2"});
    fill();
    append((TestBatch){.key = "fill", .value = "y", .padding = 280}); /* a segment of its own */
    assert_int_equal(log_flush(log_, NULL), OK);
    one.sequence = 1;
    int64_t lost = append(one).base_offset;
    compact(3);
    crash_log();
    char path[128];
    FileInfo info;
    test_batch(&batch, &one);
    snprintf(path, sizeof path, "%s/orders/0/%020" PRId64 ".log", folder, lost);
    if (world_system()->kind->stat(world_system(), path, &info, NULL) != OK)
        snprintf(path, sizeof path, "%s/orders/0/%020" PRId64 ".log", folder, lost - 1);
    assert_int_equal(world_system()->kind->stat(world_system(), path, &info, NULL), OK);
    assert_int_equal(truncate(path, info.size_bytes - batch.length), 0);
    remove_with_suffix(".producers");
    open_log();
    one.sequence = 0;
    assert_int_equal(append(one).verdict, APPEND_REPEATED);
    assert_int_equal(append(one).base_offset, 0);
}

/* Earlier versions took markers away while what was committed stayed, and began to do so with the
 * second compaction. */
static void test_the_folder_of_an_earlier_version_does_not_freeze(void **state)
{
    (void)state;
    static const int64_t first_markers[] = {1, 3, -1};
    write_in_transaction(1, 0, "a"); /* 0 */
    end_transaction(1, true);
    write_in_transaction(2, 0, "b"); /* 2 */
    end_transaction(2, true);
    fill();
    compact(2);
    open_without(first_markers);
    assert_int_equal(behind_stable(), 0);
    assert_string_equal(read_as_client(), "a@0 b@2 ");
    /* An abort and a transaction that goes on are not of what was there before. */
    int64_t aborted = write_in_transaction(1, 1, "c").base_offset;
    end_transaction(1, false);
    int64_t open = write_in_transaction(2, 1, "d").base_offset;
    assert_int_equal(log_flush(log_, NULL), OK);
    crash_log();
    remove_with_suffix(".producers");
    open_log();
    assert_int_equal(behind_stable(), 1);
    char expected[64];
    snprintf(expected, sizeof expected, "a@0 b@2 abort@%lld ", (long long)aborted + 1);
    assert_string_equal(read_as_client(), expected);
    assert_int_equal(aborted + 2, open);
    end_transaction(2, true);
    assert_int_equal(log_flush(log_, NULL), OK);
    assert_int_equal(behind_stable(), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_what_was_committed_is_read_after_the_marker_has_gone),
        CASE(test_aborted_transactions_are_forgotten),
        CASE(test_a_marker_outlives_its_transaction),
        CASE(test_the_last_batch_of_a_producer_is_known_without_its_records),
        CASE(test_the_last_durable_batch_of_a_producer_is_known),
        CASE(test_the_folder_of_an_earlier_version_does_not_freeze),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
