/* A client of Kafka's protocol that is no faster and no slower with one server than with another.
 *
 *     client produce ADDRESS TOPIC PARTITIONS BYTES SECONDS [RATE]
 *         by librdkafka, acks=all: as much as it can, or RATE records a second
 *         -> records=N seconds=S p50_us=… p99_us=…    from the call to the acknowledgement
 *     client write ADDRESS TOPIC PARTITIONS BYTES SECONDS
 *         Produce requests on a bare socket, acks=all, five on their way as with the Java client; a
 *         batch that was made once and holds what librdkafka would put into one
 *         -> records=N seconds=S
 *     client consume ADDRESS TOPIC PARTITIONS SECONDS
 *         by librdkafka, from the beginning to the end, or for so long
 *         -> records=N bytes=N seconds=S
 *     client fetch ADDRESS TOPIC PARTITIONS SECONDS
 *         Fetch requests on a bare socket, one on its way for each partition; what comes is not
 * looked at, so that the server and the network are all that counts
 *         -> bytes=N seconds=S
 *     client ready ADDRESS
 *         waits until ApiVersions is answered -> ready */
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

enum {
    LATENCIES_MAX = 8 * 1000 * 1000,
    FETCH_BYTES = 1024 * 1024,
    ANSWER_BYTES_MAX = 64 * 1024 * 1024,
    PARTITIONS_MAX = 64,
    VALUE_BYTES_MAX = 1024 * 1024,
    READY_SECONDS = 60,
    BATCH_BYTES_MAX = 1000 * 1000, /* librdkafka's batch.size and batch.num.messages */
    BATCH_RECORDS_MAX = 10000,
    ON_THEIR_WAY = 5,
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void check(bool is_good, const char *what)
{
    if (is_good)
        return;
    fprintf(stderr, "client: %s\n", what);
    exit(1);
}

/* ---- librdkafka ---------------------------------------------------------------------------- */

static int32_t *latencies;
static int64_t acknowledged, refused;

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *context)
{
    (void)client;
    (void)context;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        refused++;
        return;
    }
    int64_t took_us = now_us() - (int64_t)(intptr_t)message->_private;
    if (acknowledged < LATENCIES_MAX)
        latencies[acknowledged] = (int32_t)took_us;
    acknowledged++;
}

static rd_kafka_t *client_new(rd_kafka_type_t type, const char *address,
                              const char *const *settings)
{
    char why[512];
    rd_kafka_conf_t *config = rd_kafka_conf_new();
    rd_kafka_conf_set(config, "bootstrap.servers", address, why, sizeof why);
    for (int i = 0; settings[i] != NULL; i += 2)
        check(rd_kafka_conf_set(config, settings[i], settings[i + 1], why, sizeof why) ==
                  RD_KAFKA_CONF_OK,
              why);
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(config, on_delivery);
    rd_kafka_t *client = rd_kafka_new(type, config, why, sizeof why);
    check(client != NULL, why);
    return client;
}

static int compare_latencies(const void *a, const void *b)
{
    return (*(const int32_t *)a > *(const int32_t *)b) -
           (*(const int32_t *)a < *(const int32_t *)b);
}

/* Bytes that do not repeat: nothing gains by packing them. */
static void fill_random(char *value, int bytes)
{
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < bytes; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        value[i] = (char)random;
    }
}

static void produce(const char *address, const char *topic, int partitions, int bytes,
                    double seconds, double rate)
{
    static const char *const settings[] = {
        "acks", "all", "linger.ms", "5", "queue.buffering.max.messages", "200000", NULL};
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, address, settings);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    char *value = malloc((size_t)bytes);
    latencies = malloc(sizeof *latencies * LATENCIES_MAX);
    check(value != NULL && latencies != NULL && bytes <= VALUE_BYTES_MAX, "no memory");
    fill_random(value, bytes);
    int64_t sent = 0, begun = now_us(), until = begun + (int64_t)(seconds * 1e6);
    for (int64_t now = begun; now < until; now = now_us()) {
        rd_kafka_poll(client, 0);
        if (rate > 0 && (double)sent >= rate * (double)(now - begun) / 1e6) {
            rd_kafka_poll(client, 1);
            continue;
        }
        if (rd_kafka_produce(handle, (int32_t)(sent / 16 % partitions), RD_KAFKA_MSG_F_COPY, value,
                             (size_t)bytes, NULL, 0, (void *)(intptr_t)now) == 0)
            sent++;
        else
            rd_kafka_poll(client, 10);
    }
    check(rd_kafka_flush(client, 60 * 1000) == RD_KAFKA_RESP_ERR_NO_ERROR, "records are left over");
    double took = (double)(now_us() - begun) / 1e6;
    check(refused == 0 && acknowledged == sent, "records were refused");
    int64_t count = acknowledged < LATENCIES_MAX ? acknowledged : LATENCIES_MAX;
    qsort(latencies, (size_t)count, sizeof *latencies, compare_latencies);
    printf("records=%lld seconds=%.3f p50_us=%d p99_us=%d\n", (long long)acknowledged, took,
           latencies[count / 2], latencies[count * 99 / 100]);
    rd_kafka_topic_destroy(handle);
    rd_kafka_destroy(client);
}

static void assign_all(rd_kafka_t *client, const char *topic, int partitions)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(client, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* librdkafka (2.0) fetches nothing for up to a second once its queue is full: the faster the
 * server, the more of the time it sleeps (once 512,000 records a second, else 2.3 million). So the
 * queue is large. */
static void consume(const char *address, const char *topic, int partitions, double seconds)
{
    static const char *const settings[] = {"group.id",
                                           "bench",
                                           "enable.auto.commit",
                                           "false",
                                           "enable.partition.eof",
                                           "true",
                                           "fetch.error.backoff.ms",
                                           "0",
                                           "check.crcs",
                                           "false",
                                           "queued.min.messages",
                                           "10000000",
                                           "queued.max.messages.kbytes",
                                           "1000000",
                                           NULL};
    enum { RUN_MAX = 10000 };
    rd_kafka_message_t *run[RUN_MAX];
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, address, settings);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(client);
    assign_all(client, topic, partitions);
    int64_t records = 0, bytes = 0, begun = 0, until = INT64_MAX;
    int at_end = 0;
    while (now_us() < until) {
        ssize_t count = rd_kafka_consume_batch_queue(queue, 1000, run, RUN_MAX);
        if (begun == 0 && count > 0) {
            begun = now_us();
            until = begun + (int64_t)(seconds * 1e6);
        }
        for (ssize_t i = 0; i < count; i++) {
            at_end += run[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
            records += run[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR;
            bytes += run[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR ? (int64_t)run[i]->len : 0;
            rd_kafka_message_destroy(run[i]);
        }
        if (at_end == partitions)
            break;
    }
    printf("records=%lld bytes=%lld seconds=%.3f\n", (long long)records, (long long)bytes,
           (double)(now_us() - begun) / 1e6);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

/* ---- A bare socket ------------------------------------------------------------------------- */

typedef struct Frame {
    uint8_t bytes[512];
    size_t length;
} Frame;

static void put(Frame *frame, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        frame->bytes[frame->length++] = (uint8_t)(value >> (8 * i));
}

static void put_text(Frame *frame, const char *text)
{
    size_t length = strlen(text);
    put(frame, length, 2);
    memcpy(frame->bytes + frame->length, text, length);
    frame->length += length;
}

static void frame_begin(Frame *frame, int api, int version, int correlation)
{
    frame->length = 4;
    put(frame, (uint64_t)api, 2);
    put(frame, (uint64_t)version, 2);
    put(frame, (uint64_t)correlation, 4);
    put_text(frame, "bench");
}

static void write_all(int socket, Frame *frame)
{
    size_t length = frame->length;
    frame->length = 0;
    put(frame, length - 4, 4);
    check(send(socket, frame->bytes, length, MSG_NOSIGNAL) == (ssize_t)length,
          "the server is gone");
}

static void read_all(int socket, uint8_t *into, size_t length)
{
    while (length > 0) {
        ssize_t got = recv(socket, into, length, 0);
        check(got > 0, "the server is gone");
        into += got;
        length -= (size_t)got;
    }
}

static uint64_t get(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static int connect_to(const char *address)
{
    char host[64];
    const char *colon = strrchr(address, ':');
    check(colon != NULL && colon - address < (ptrdiff_t)sizeof host, "ADDRESS is IP:PORT");
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = '\0';
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
    check(inet_pton(AF_INET, host, &to.sin_addr) == 1, "ADDRESS is IP:PORT");
    int made = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(made, (struct sockaddr *)&to, sizeof to) == 0)
        return made;
    close(made);
    return -1;
}

/* Fetch version 4: the oldest that both have, and all of it at fixed places for one partition. */
static void send_fetch(int socket, const char *topic, int partition, int64_t offset)
{
    Frame frame;
    frame_begin(&frame, 1, 4, partition);
    put(&frame, UINT32_MAX, 4); /* no replica */
    put(&frame, 0, 4);          /* ms to wait */
    put(&frame, 1, 4);          /* for so many bytes */
    put(&frame, FETCH_BYTES, 4);
    put(&frame, 0, 1); /* uncommitted, too */
    put(&frame, 1, 4);
    put_text(&frame, topic);
    put(&frame, 1, 4);
    put(&frame, (uint64_t)partition, 4);
    put(&frame, (uint64_t)offset, 8);
    put(&frame, FETCH_BYTES, 4);
    write_all(socket, &frame);
}

/* The offset behind the last whole batch of an answer, 0 at the end of the partition. */
static int64_t next_offset(const uint8_t *answer, size_t length, const char *topic, int64_t offset)
{
    /* correlation, throttle, topics, name, partitions, then the partition itself */
    const uint8_t *at = answer + 4 + 4 + 4 + 2 + strlen(topic) + 4;
    check(get(at + 4, 2) == 0, "Fetch was refused");
    int64_t aborted = (int32_t)get(at + 22, 4);
    at += 26 + (aborted > 0 ? 16 * aborted : 0);
    int64_t left = (int32_t)get(at, 4);
    at += 4;
    check(at + left <= answer + length, "an answer is cut off");
    int64_t next = 0;
    while (left >= 61) {
        int64_t size = 12 + (int64_t)get(at + 8, 4);
        if (size > left)
            break;
        next = (int64_t)get(at, 8) + (int64_t)get(at + 23, 4) + 1;
        at += size;
        left -= size;
    }
    (void)offset;
    return next;
}

/* CRC-32C, bit by bit: it is worked out once. */
static uint32_t crc32c(const uint8_t *at, size_t length)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < length; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

static uint8_t *store(uint8_t *at, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        *at++ = (uint8_t)(value >> (8 * i));
    return at;
}

static uint8_t *store_varint(uint8_t *at, int64_t value)
{
    uint64_t rest = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    for (; rest >= 0x80; rest >>= 7)
        *at++ = (uint8_t)(rest | 0x80);
    *at++ = (uint8_t)rest;
    return at;
}

/* A record batch, version 2, with records without keys. (Kafka's documentation, Record Batch.) */
static size_t make_batch(uint8_t *batch, int bytes, int *records)
{
    enum { AT_LENGTH = 8, AT_CRC = 17, AT_ATTRIBUTES = 21, AT_RECORDS = 61, RECORD_HEAD_MAX = 24 };
    char *value = malloc((size_t)bytes);
    check(value != NULL, "no memory");
    fill_random(value, bytes);
    uint8_t *at = batch + AT_RECORDS;
    for (*records = 0; *records < BATCH_RECORDS_MAX; (*records)++) {
        uint8_t head[RECORD_HEAD_MAX], *end = head;
        *end++ = 0;                        /* attributes */
        end = store_varint(end, 0);        /* time, behind the batch's */
        end = store_varint(end, *records); /* offset, likewise */
        end = store_varint(end, -1);       /* no key */
        end = store_varint(end, bytes);
        int64_t length = (end - head) + bytes + 1;
        if (length + 2 * RECORD_HEAD_MAX > BATCH_BYTES_MAX - (at - batch))
            break;
        at = store_varint(at, length);
        memcpy(at, head, (size_t)(end - head));
        memcpy(at + (end - head), value, (size_t)bytes);
        at += length;
        at[-1] = 0; /* no headers */
    }
    free(value);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    store(batch, 0, 8);
    store(batch + AT_LENGTH, (uint64_t)(at - batch - 12), 4);
    store(batch + 12, 0, 4);
    batch[16] = 2;
    uint8_t *into = store(batch + AT_ATTRIBUTES, 0, 2);
    into = store(into, (uint64_t)*records - 1, 4);
    into = store(into, now_ms, 8);
    into = store(into, now_ms, 8);
    into = store(into, UINT64_MAX, 8); /* nobody's: no producer id, epoch, sequence */
    into = store(into, UINT64_MAX, 2);
    into = store(into, UINT64_MAX, 4);
    store(into, (uint64_t)*records, 4);
    store(batch + AT_CRC, crc32c(batch + AT_ATTRIBUTES, (size_t)(at - batch - AT_ATTRIBUTES)), 4);
    return (size_t)(at - batch);
}

/* Produce version 3, of one partition. */
static void send_produce(int socket, const char *topic, int partition, const uint8_t *batch,
                         size_t length)
{
    Frame frame;
    frame_begin(&frame, 0, 3, partition);
    put(&frame, UINT16_MAX, 2); /* no transaction */
    put(&frame, UINT16_MAX, 2); /* acks=all */
    put(&frame, 30 * 1000, 4);  /* ms to wait */
    put(&frame, 1, 4);
    put_text(&frame, topic);
    put(&frame, 1, 4);
    put(&frame, (uint64_t)partition, 4);
    put(&frame, length, 4);
    size_t head = frame.length;
    frame.length = 0;
    put(&frame, head - 4 + length, 4);
    check(send(socket, frame.bytes, head, MSG_NOSIGNAL | MSG_MORE) == (ssize_t)head,
          "the server is gone");
    while (length > 0) {
        ssize_t sent = send(socket, batch, length, MSG_NOSIGNAL);
        check(sent > 0, "the server is gone");
        batch += sent;
        length -= (size_t)sent;
    }
}

static void read_produced(int socket, const char *topic)
{
    uint8_t answer[512];
    read_all(socket, answer, 4);
    size_t length = get(answer, 4);
    check(length <= sizeof answer, "an answer is too long");
    read_all(socket, answer, length);
    /* correlation, topics, name, partitions, partition, then the error */
    check(get(answer + 4 + 4 + 2 + strlen(topic) + 4 + 4, 2) == 0, "Produce was refused");
}

static void write_batches(const char *address, const char *topic, int partitions, int bytes,
                          double seconds)
{
    int socket = connect_to(address);
    uint8_t *batch = malloc(BATCH_BYTES_MAX);
    check(socket >= 0, "no connection");
    check(batch != NULL, "no memory");
    check(partitions > 0 && bytes <= BATCH_BYTES_MAX / 2, "records are too large for a batch");
    int records;
    size_t length = make_batch(batch, bytes, &records);
    int64_t sent = 0, answered = 0, begun = now_us(), until = begun + (int64_t)(seconds * 1e6);
    while (now_us() < until || answered < sent) {
        if (sent - answered < ON_THEIR_WAY && now_us() < until) {
            send_produce(socket, topic, (int)(sent % partitions), batch, length);
            sent++;
        } else {
            read_produced(socket, topic);
            answered++;
        }
    }
    printf("records=%lld seconds=%.3f\n", (long long)answered * records,
           (double)(now_us() - begun) / 1e6);
}

static void fetch(const char *address, const char *topic, int partitions, double seconds)
{
    check(partitions <= PARTITIONS_MAX, "too many partitions");
    int socket = connect_to(address);
    check(socket >= 0, "no connection");
    int64_t offsets[PARTITIONS_MAX] = {0}, bytes = 0;
    uint8_t *answer = malloc(ANSWER_BYTES_MAX);
    check(answer != NULL, "no memory");
    int64_t begun = now_us(), until = begun + (int64_t)(seconds * 1e6);
    for (int i = 0; i < partitions; i++)
        send_fetch(socket, topic, i, 0);
    if (partitions == 1)
        send_fetch(socket, topic, 0, 0); /* the server has something to do meanwhile */
    while (now_us() < until) {
        uint8_t head[4];
        read_all(socket, head, sizeof head);
        size_t length = get(head, 4);
        check(length <= ANSWER_BYTES_MAX, "an answer is too long");
        read_all(socket, answer, length);
        bytes += (int64_t)length;
        int partition = (int)get(answer, 4);
        check(partition < partitions, "an answer that nobody asked for");
        offsets[partition] = next_offset(answer, length, topic, offsets[partition]);
        send_fetch(socket, topic, partition, offsets[partition]);
    }
    printf("bytes=%lld seconds=%.3f\n", (long long)bytes, (double)(now_us() - begun) / 1e6);
}

static void ready(const char *address)
{
    int64_t until = now_us() + (int64_t)READY_SECONDS * 1000000;
    while (now_us() < until) {
        int socket = connect_to(address);
        if (socket < 0) {
            usleep(500);
            continue;
        }
        Frame frame;
        uint8_t head[4];
        frame_begin(&frame, 18, 0, 1);
        write_all(socket, &frame);
        if (recv(socket, head, sizeof head, MSG_WAITALL) == sizeof head) {
            printf("ready\n");
            return;
        }
        close(socket);
    }
    check(false, "it did not become ready");
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    if (strcmp(what, "produce") == 0 && argc >= 7)
        produce(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]), atof(argv[6]),
                argc > 7 ? atof(argv[7]) : 0);
    else if (strcmp(what, "write") == 0 && argc == 7)
        write_batches(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]), atof(argv[6]));
    else if (strcmp(what, "consume") == 0 && argc == 6)
        consume(argv[2], argv[3], atoi(argv[4]), atof(argv[5]));
    else if (strcmp(what, "fetch") == 0 && argc == 6)
        fetch(argv[2], argv[3], atoi(argv[4]), atof(argv[5]));
    else if (strcmp(what, "ready") == 0)
        ready(argv[2]);
    else
        check(false,
              "produce | write | consume | fetch | ready ADDRESS …: see the head of client.c");
    return 0;
}
