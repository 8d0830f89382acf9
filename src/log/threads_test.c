/* Many threads at one log: writers who wait until they are durable, readers, compaction and
 * retention meanwhile, and few open files. Meant for the thread sanitizer, too. */
#include "base/testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "log/batch_testing.h"
#include "log/log.h"

enum { WRITERS = 6, APPENDS = 150, PARTITIONS = 3 };

static Log *log_;
static Partition *partitions[PARTITIONS];
static _Atomic bool is_over;
static _Atomic int64_t progress_count, failures;
static int64_t written[WRITERS][APPENDS]; /* at which offset */

static void on_progress(void *context, Partition *partition)
{
    (void)context;
    (void)partition;
    progress_count++;
}

static void *write_all(void *argument)
{
    intptr_t writer = (intptr_t)argument;
    Partition *partition = partitions[writer % PARTITIONS];
    Buffer batch = {0};
    for (int32_t i = 0; i < APPENDS; i++) {
        char value[32], key[8];
        snprintf(value, sizeof value, "%d.%d", (int)writer, (int)i);
        snprintf(key, sizeof key, "%d", (int)(i % 7));
        test_batch(&batch, &(TestBatch){.timestamp_ms = 1, .key = key, .value = value});
        Appended appended;
        Status status = partition_append(partition, batch.data, batch.length, &appended, NULL);
        failures += status != OK || appended.verdict != APPEND_DONE;
        if (status == OK)
            status = partition_wait(partition, appended.end_offset, NULL);
        failures += status != OK;
        written[writer][i] = appended.base_offset;
    }
    buffer_free(&batch);
    return NULL;
}

/* From the start, again and again, whatever is there. */
static void *read_all(void *argument)
{
    Partition *partition = partitions[(intptr_t)argument];
    Buffer bytes = {0}, window = {0};
    PartitionRead in_place = {0};
    while (!is_over) {
        PartitionOffsets offsets;
        partition_offsets(partition, &offsets);
        for (int64_t offset = offsets.start_offset; offset < offsets.high_watermark;) {
            bytes.length = 0;
            Status status = partition_read(partition,
                                           &(ReadRequest){.offset = offset,
                                                          .bytes_max = 300,
                                                          .at_least_one = true,
                                                          .level = READ_ACKNOWLEDGED},
                                           &bytes, NULL);
            /* Retention may have been faster. */
            failures += status != OK && status != ERR_NOT_FOUND;
            BatchHeader header;
            if (bytes.length == 0 || !batch_read_header(buffer_str(&bytes), &header))
                break;
            offset = batch_end_offset(&header);
        }
        Status status = partition_read_in_place(partition,
                                                &(ReadRequest){.offset = offsets.start_offset,
                                                               .bytes_max = 100 * 1000,
                                                               .at_least_one = true,
                                                               .level = READ_ACKNOWLEDGED},
                                                &in_place, &window, NULL);
        failures += status != OK && status != ERR_NOT_FOUND;
        partition_read_reset(&in_place);
        int64_t found, found_ms;
        failures += partition_find_time(partition, 1, &found, &found_ms, NULL) != OK;
    }
    buffer_free(&bytes);
    buffer_free(&window);
    partition_read_free(&in_place);
    return NULL;
}

static void *tend(void *argument)
{
    (void)argument;
    while (!is_over) {
        failures += partition_compact(partitions[0], NULL) != OK;
        world_system()->kind->sleep_us(world_system(), 2000);
    }
    return NULL;
}

/* Partitions come and go, while they are flushed and compacted. */
static void *come_and_go(void *argument)
{
    (void)argument;
    Buffer batch = {0};
    for (int32_t i = 0; !is_over; i++) {
        char name[16];
        Partition *partition;
        PartitionConfig config = partition_config_default;
        config.segment_bytes = 500;
        config.is_compacted = true;
        config.is_deleted = false;
        snprintf(name, sizeof name, "gone/%d", (int)i);
        failures += log_partition(log_, name, &config, &partition, NULL) != OK;
        for (int32_t j = 0; j < 10; j++) {
            Appended appended;
            test_batch(&batch, &(TestBatch){.timestamp_ms = 1, .key = "k"});
            failures +=
                partition_append(partition, batch.data, batch.length, &appended, NULL) != OK;
        }
        failures += log_remove(log_, name, NULL) != OK;
        partition_release(partition);
    }
    buffer_free(&batch);
    return NULL;
}

static void open_all(const char *folder)
{
    assert_int_equal(log_open(world_system(), folder,
                              &(LogOptions){.open_files_max = 3, .on_progress = on_progress}, &log_,
                              NULL),
                     OK);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        PartitionConfig config = partition_config_default;
        char name[16];
        config.segment_bytes = 1000;
        config.retention_ms = -1;
        config.is_compacted = i == 0;
        config.is_deleted = i != 0;
        config.retention_bytes = i == 1 ? 3000 : -1;
        snprintf(name, sizeof name, "t/%d", (int)i);
        assert_int_equal(log_partition(log_, name, &config, &partitions[i], NULL), OK);
    }
}

static void close_all(void)
{
    for (int32_t i = 0; i < PARTITIONS; i++)
        partition_release(partitions[i]);
    assert_int_equal(log_close(log_, NULL), OK);
}

/* The partition that nothing takes from has all: each where its writer was told. */
static void check_all(void)
{
    Buffer bytes = {0}, text = {0};
    buffer_append_char(&text, '\n');
    for (int64_t offset = 0; offset < APPENDS * (WRITERS / PARTITIONS);) {
        bytes.length = 0;
        assert_int_equal(partition_read(partitions[2],
                                        &(ReadRequest){.offset = offset, .bytes_max = 100000},
                                        &bytes, NULL),
                         OK);
        assert_true(bytes.length > 0);
        test_print(buffer_str(&bytes), &text);
        BatchHeader header;
        for (int64_t at = 0; at < bytes.length; at += header.bytes) {
            assert_true(batch_read_header(str_make(bytes.data + at, bytes.length - at), &header));
            offset = batch_end_offset(&header);
        }
    }
    const char *lines = buffer_terminated(&text);
    for (int32_t writer = 2; writer < WRITERS; writer += PARTITIONS) {
        for (int32_t i = 0; i < APPENDS; i++) {
            char line[64];
            snprintf(line, sizeof line, "\n%lld@1 %d=%d.%d\n", (long long)written[writer][i],
                     (int)(i % 7), (int)writer, (int)i);
            assert_non_null(strstr(lines, line));
        }
    }
    buffer_free(&bytes);
    buffer_free(&text);
}

static void test_threads_share_a_log(void **state)
{
    (void)state;
    char folder[] = "/tmp/weir-log-XXXXXX";
    assert_non_null(mkdtemp(folder));
    open_all(folder);
    assert_int_equal(log_start(log_, 2, NULL, NULL), OK);
    pthread_t writers[WRITERS], readers[PARTITIONS], tender, traveller;
    for (intptr_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, write_all, (void *)i), 0);
    for (intptr_t i = 0; i < PARTITIONS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_all, (void *)i), 0);
    assert_int_equal(pthread_create(&tender, NULL, tend, NULL), 0);
    assert_int_equal(pthread_create(&traveller, NULL, come_and_go, NULL), 0);
    for (int32_t i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    is_over = true;
    for (int32_t i = 0; i < PARTITIONS; i++)
        pthread_join(readers[i], NULL);
    pthread_join(tender, NULL);
    pthread_join(traveller, NULL);
    log_stop(log_);
    assert_int_equal(failures, 0);
    assert_true(progress_count > 0);
    check_all();
    close_all();
    open_all(folder);
    check_all();
    close_all();
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads_share_a_log)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
