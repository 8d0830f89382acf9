/* The durable log against the file system under it, in one run and one folder.
 *
 * Usage: log FOLDER [SECONDS]
 *
 * Durable appends of single records by many threads are held against fdatasync after each write, by
 * one thread; batches of records against write of the same bytes, and reading them against pread.
 */
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/world.h"
#include "log/batch_testing.h"
#include "log/log.h"

enum { THREADS_MAX = 64, BATCH_RECORDS = 100, PARTITIONS_MAX = 16, ROUNDS = 3 };

static World *world;
static const char *folder;
static double seconds = 3;

static int64_t deadline_us(void)
{
    return world_monotonic_us(world) + (int64_t)(seconds * 1e6);
}

static void must(Status status, const Error *error)
{
    if (status == OK)
        return;
    fprintf(stderr, "log: %s %s\n", error->code, error->text);
    exit(1);
}

static File *open_plain(FileMode mode)
{
    File *file;
    char path[4096];
    Error error = {0};
    snprintf(path, sizeof path, "%s/plain", folder);
    must(world->kind->open(world, path, mode, &file, &error), &error);
    return file;
}

/* Writes of that many bytes, each followed by fdatasync: how many a second. */
static double plain_syncs(int64_t bytes)
{
    File *file = open_plain(FILE_CREATE);
    char *text = calloc(1, (size_t)bytes);
    Error error = {0};
    int64_t began = world_monotonic_us(world), until = deadline_us(), count = 0;
    for (; world_monotonic_us(world) < until; count++) {
        must(world->kind->write(file, text, bytes, &error), &error);
        must(world->kind->sync(file, &error), &error);
    }
    double passed = (double)(world_monotonic_us(world) - began) / 1e6;
    must(world->kind->close(file, &error), &error);
    free(text);
    return (double)count / passed;
}

/* ---- The log --------------------------------------------------------------------------------- */

static Log *opened;
static Partition *partitions[PARTITIONS_MAX];
static _Atomic int64_t appended_count, append_until_us;
static int32_t partition_count, record_bytes;

static void open_log(int32_t count)
{
    char path[4096];
    Error error = {0};
    snprintf(path, sizeof path, "%s/log", folder);
    must(world_remove_tree(world, path, &error), &error);
    must(log_open(world, path, &(LogOptions){0}, &opened, &error), &error);
    partition_count = count;
    for (int32_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "bench/%d", (int)i);
        PartitionConfig config = partition_config_default;
        config.retention_ms = -1;
        must(log_partition(opened, path, &config, &partitions[i], &error), &error);
    }
    must(log_start(opened, 2, NULL, &error), &error);
}

static void close_log(void)
{
    Error error = {0};
    for (int32_t i = 0; i < partition_count; i++)
        partition_release(partitions[i]);
    log_stop(opened);
    must(log_close(opened, &error), &error);
}

static void *append_durably(void *argument)
{
    Partition *partition = partitions[(intptr_t)argument % partition_count];
    Buffer batch = {0};
    Error error = {0};
    int64_t count = 0;
    for (; world_monotonic_us(world) < append_until_us; count++) {
        test_batch(&batch, &(TestBatch){.timestamp_ms = 1, .value = ".", .padding = record_bytes});
        Appended appended;
        must(partition_append(partition, batch.data, batch.length, &appended, &error), &error);
        assert(appended.verdict == APPEND_DONE);
        must(partition_wait(partition, appended.end_offset, &error), &error);
    }
    buffer_free(&batch);
    atomic_fetch_add(&appended_count, count);
    return NULL;
}

/* Single records by that many threads: how many are durable in a second. */
static double durable_appends(int32_t threads, int32_t count)
{
    open_log(count);
    pthread_t running[THREADS_MAX];
    int64_t began = world_monotonic_us(world);
    append_until_us = deadline_us();
    appended_count = 0;
    for (intptr_t i = 0; i < threads; i++)
        pthread_create(&running[i], NULL, append_durably, (void *)i);
    for (int32_t i = 0; i < threads; i++)
        pthread_join(running[i], NULL);
    double passed = (double)(world_monotonic_us(world) - began) / 1e6;
    close_log();
    return (double)appended_count / passed;
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

static double rate(int64_t bytes, int64_t began)
{
    return (double)bytes / (double)(world_monotonic_us(world) - began);
}

/* The best of several rounds, in bytes per microsecond. */
typedef struct Rates {
    double append, read, write, pread;
} Rates;

static void keep_best(double *best, double found)
{
    *best = found > *best ? found : *best;
}

static void measure_log(const Buffer *batch, int64_t count, Rates *best)
{
    Buffer copy = {0}, out = {0};
    Error error = {0};
    open_log(1);
    int64_t began = world_monotonic_us(world), end_offset = 0;
    for (int64_t i = 0; i < count; i++) {
        copy.length = 0;
        buffer_append_str(&copy, buffer_str(batch));
        Appended appended;
        must(partition_append(partitions[0], copy.data, copy.length, &appended, &error), &error);
        end_offset = appended.end_offset;
    }
    must(partition_wait(partitions[0], end_offset, &error), &error);
    keep_best(&best->append, rate(count * batch->length, began));
    began = world_monotonic_us(world);
    for (int64_t offset = 0; offset < end_offset;) {
        out.length = 0;
        must(partition_read(partitions[0], &(ReadRequest){.offset = offset, .bytes_max = 1 << 20},
                            &out, &error),
             &error);
        offset += out.length / batch->length * BATCH_RECORDS;
    }
    keep_best(&best->read, rate(count * batch->length, began));
    close_log();
    buffer_free(&copy);
    buffer_free(&out);
}

static void measure_plain(const Buffer *batch, int64_t count, Rates *best)
{
    Error error = {0};
    Buffer out = {0};
    File *file = open_plain(FILE_CREATE);
    int64_t began = world_monotonic_us(world);
    for (int64_t i = 0; i < count; i++)
        must(world->kind->write(file, batch->data, batch->length, &error), &error);
    must(world->kind->sync(file, &error), &error);
    keep_best(&best->write, rate(count * batch->length, began));
    must(world->kind->close(file, &error), &error);
    file = open_plain(FILE_READ);
    int64_t got = 1;
    buffer_reserve(&out, 1 << 20);
    began = world_monotonic_us(world);
    for (int64_t at = 0; got > 0; at += got)
        must(world->kind->read_at(file, at, out.data, 1 << 20, &got, &error), &error);
    keep_best(&best->pread, rate(count * batch->length, began));
    must(world->kind->close(file, &error), &error);
    buffer_free(&out);
}

static void measure_bytes(void)
{
    Buffer batch = {0};
    test_batch(&batch, &(TestBatch){.records = BATCH_RECORDS,
                                    .timestamp_ms = 1,
                                    .value = ".",
                                    .padding = record_bytes});
    int64_t count = (int64_t)(seconds * 100e6) / batch.length;
    Rates best = {0};
    for (int32_t round = 0; round < ROUNDS; round++) {
        measure_log(&batch, count, &best);
        measure_plain(&batch, count, &best);
    }
    printf("append %d B: %.0f MB/s, %.2f million records/s, ratio %.2f of write\n",
           (int)record_bytes, best.append, best.append / (double)batch.length * BATCH_RECORDS,
           best.append / best.write);
    printf("read %d B: %.0f MB/s, ratio %.2f of pread\n", (int)record_bytes, best.read,
           best.read / best.pread);
    buffer_free(&batch);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 64;
    world = world_system();
    folder = argv[1];
    if (argc > 2)
        seconds = strtod(argv[2], NULL);
    record_bytes = 100;
    double before = plain_syncs(record_bytes);
    static const int32_t cases[][2] = {{1, 1}, {8, 1}, {64, 1}, {64, 16}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double durable = durable_appends(cases[i][0], cases[i][1]);
        double after = plain_syncs(record_bytes);
        printf("durable: %d threads, %d partitions: %.0f records/s, ratio %.2f of fdatasync "
               "(%.0f/s before, %.0f/s after)\n",
               (int)cases[i][0], (int)cases[i][1], durable, durable * 2 / (before + after), before,
               after);
        before = after;
    }
    measure_bytes();
    record_bytes = 1024;
    measure_bytes();
    return 0;
}
