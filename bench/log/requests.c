/* Requests of Kafka's protocol over the durable log, without a network: what a record costs, for
 * bench/instructions.
 *
 * Usage: requests FOLDER produce RECORDS      batches of 100 records of 100 bytes, each made
 * durable requests FOLDER fetch                all that is there, a megabyte at a time */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bigendian.h"
#include "base/world.h"
#include "kafka/broker.h"
#include "log/batch_testing.h"

enum { PRODUCE = 0, FETCH = 1, BATCH_RECORDS = 100, VALUE_BYTES = 100, FETCH_BYTES = 1 << 20 };

typedef struct Bench {
    Topics *topics;
    Partition *partition;
    Logins *logins;
    Peer *peer;
    Broker *broker;
    Buffer request, answer;
} Bench;

static void must(Status status, const Error *error)
{
    if (status == OK)
        return;
    fprintf(stderr, "requests: %s %s\n", error->code, error->text);
    exit(1);
}

static void put(Buffer *out, int64_t value, int32_t bytes)
{
    for (int32_t i = bytes - 1; i >= 0; i--)
        buffer_append_u8(out, (uint8_t)(value >> (8 * i)));
}

static void put_name(Buffer *out, const char *text)
{
    put(out, (int64_t)strlen(text), 2);
    buffer_append_text(out, text);
}

static void begin_request(Buffer *out, int32_t api, int32_t version)
{
    out->length = 0;
    put(out, api, 2);
    put(out, version, 2);
    put(out, 1, 4);
    put_name(out, "c");
}

/* Its only topic and partition. */
static void put_place(Buffer *out)
{
    put(out, 1, 4);
    put_name(out, "t");
    put(out, 1, 4);
    put(out, 0, 4);
}

static Call *begin_call(Bench *bench)
{
    Call *call = call_new(bench->broker, bench->peer, buffer_str(&bench->request));
    assert(call != NULL);
    bench->answer.length = 0;
    return call;
}

static void bench_open(Bench *bench, const char *folder)
{
    World *world = world_system();
    Error error = {0};
    List none = {0};
    must(topics_open(world, folder, &(LogOptions){0}, &bench->topics, &error), &error);
    Topic *topic = topics_find(bench->topics, STR("t"));
    if (topic == NULL)
        must(topics_create(bench->topics, STR("t"), 1, &none, &topic, &error), &error);
    must(topics_partition(bench->topics, topic, 0, &bench->partition, &error), &error);
    bench->logins = logins_new(world, &(LoginsConfig){0});
    bench->peer = peer_new(bench->logins, &(PeerOrigin){.host = "h", .takes_files = true});
    bench->broker = broker_new(world, bench->topics, &(BrokerConfig){.logins = bench->logins});
}

static void bench_close(Bench *bench)
{
    Error error = {0};
    broker_free(bench->broker);
    peer_free(bench->peer);
    logins_free(bench->logins);
    must(topics_close(bench->topics, &error), &error);
    buffer_free(&bench->request);
    buffer_free(&bench->answer);
}

static void produce(Bench *bench, const Buffer *batch)
{
    Buffer *out = &bench->request;
    Error error = {0};
    begin_request(out, PRODUCE, 3);
    put(out, -1, 2); /* no transaction */
    put(out, -1, 2); /* acks=all */
    put(out, 60000, 4);
    put_place(out);
    put(out, batch->length, 4);
    buffer_append_str(out, buffer_str(batch));
    Call *call = begin_call(bench);
    CallState state = call_run(call, false, &bench->answer);
    assert(state == CALL_WAITS);
    must(log_flush(topics_log(bench->topics), &error), &error);
    state = call_run(call, false, &bench->answer);
    assert(state == CALL_DONE);
    assert(load_be16(bench->answer.data + 4 + 4 + 4 + 3 + 4 + 4) == 0);
    call_free(call);
}

static void produce_all(Bench *bench, int64_t records)
{
    Buffer batch = {0};
    test_batch(&batch, &(TestBatch){.records = BATCH_RECORDS,
                                    .timestamp_ms = 1,
                                    .value = ".",
                                    .padding = VALUE_BYTES - 1});
    for (int64_t i = 0; i < records; i += BATCH_RECORDS)
        produce(bench, &batch);
    buffer_free(&batch);
}

/* How many bytes of records. */
static int64_t fetch(Bench *bench, int64_t offset)
{
    enum { OF_PARTITION = 4 + 4 + 4 + 4 + 3 + 4 + 4, RECORDS_AT = OF_PARTITION + 22 };
    Buffer *out = &bench->request;
    begin_request(out, FETCH, 4);
    put(out, -1, 4);
    put(out, 0, 4);
    put(out, 1, 4);
    put(out, FETCH_BYTES, 4);
    put(out, 0, 1);
    put_place(out);
    put(out, offset, 8);
    put(out, FETCH_BYTES, 4);
    Call *call = begin_call(bench);
    CallState state = call_run(call, false, &bench->answer);
    assert(state == CALL_DONE && load_be16(bench->answer.data + OF_PARTITION) == 0);
    int64_t bytes = (int32_t)load_be32(bench->answer.data + RECORDS_AT);
    call_free(call);
    return bytes;
}

static void fetch_all(Bench *bench)
{
    PartitionOffsets offsets;
    partition_offsets(bench->partition, &offsets);
    int64_t batch_bytes = offsets.bytes / (offsets.end_offset / BATCH_RECORDS), offset = 0;
    while (offset < offsets.end_offset) {
        int64_t bytes = fetch(bench, offset);
        assert(bytes > 0 && bytes % batch_bytes == 0);
        offset += bytes / batch_bytes * BATCH_RECORDS;
    }
}

int main(int count, char **arguments)
{
    bool produces = count == 4 && strcmp(arguments[2], "produce") == 0;
    if (!produces && (count != 3 || strcmp(arguments[2], "fetch") != 0)) {
        fprintf(stderr, "usage: requests FOLDER produce RECORDS\n       requests FOLDER fetch\n");
        return 64;
    }
    Bench bench = {0};
    bench_open(&bench, arguments[1]);
    if (produces)
        produce_all(&bench, strtoll(arguments[3], NULL, 10));
    else
        fetch_all(&bench);
    bench_close(&bench);
    return 0;
}
