/* The hub at work while the disk does not answer: who does not need it is served. */
#include "base/testing.h"

#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bigendian.h"
#include "base/memory.h"
#include "hub/transactions_testing.h"
#include "kafka/server.h"
#include "log/batch_testing.h"

enum {
    PRODUCE = 0,
    FETCH = 1,
    OFFSET_COMMIT = 8,
    OFFSET_FETCH = 9,
    API_VERSIONS = 18,
    CREATE_TOPICS = 19,
    INIT_PRODUCER = 22,
    END_TRANSACTION = 26,
    VALUE_BYTES = 600
};
enum { TIMED_OUT = 7, INVALID_EPOCH = 47, HOUR_MS = 60 * 60 * 1000 };
/* As long as a client may take nothing of its answer, and be still within a request that others
 * wait for; in what steps that goes by. */
enum { TAKE_US = 600 * 1000 * 1000, ARRIVE_US = 30 * 1000 * 1000, LEAP_US = 2 * 1000 * 1000 };

/* A world whose disk gets stuck: in writes or in syncs. */
static WorldKind kind;
static World world = {.kind = &kind};
static _Atomic bool writes_are_stuck, syncs_are_stuck;
static _Atomic bool one_goes; /* of those that are stuck */
static _Atomic int32_t waiting, waited;

static void wait_while(_Atomic bool *is_stuck)
{
    if (!*is_stuck)
        return;
    waiting++;
    waited++;
    while (*is_stuck && !atomic_exchange(&one_goes, false))
        usleep(500);
    waiting--;
}

static Status stuck_write(File *file, const void *bytes, int64_t length, Error *error)
{
    wait_while(&writes_are_stuck);
    return world_system()->kind->write(file, bytes, length, error);
}

/* The log notes from time to time how far it is; that is nobody's request, and never stuck. */
static _Atomic(File *) marks;

static Status open_noting_marks(World *of, const char *path, FileMode mode, File **out,
                                Error *error)
{
    TRY(world_system()->kind->open(of, path, mode, out, error));
    if (strstr(path, "/marks.tmp") != NULL)
        marks = *out;
    else if (marks == *out)
        marks = NULL; /* it is closed, and its memory another one's */
    return OK;
}

static Status stuck_sync(File *file, Error *error)
{
    if (file != marks)
        wait_while(&syncs_are_stuck);
    return world_system()->kind->sync(file, error);
}

/* Its clock goes on by leaps. */
static _Atomic int64_t ahead_us;

static int64_t leaping_monotonic_us(World *of)
{
    return world_system()->kind->monotonic_us(of) + ahead_us;
}

typedef struct Bench {
    char folder[64];
    Hub *hub;
    pthread_t thread;
    int writer, reader; /* connections */
} Bench;

static void *run_hub(void *context)
{
    Error error = {0};
    Status status = hub_run(((Bench *)context)->hub, &error);
    return (void *)(intptr_t)status;
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

/* Send a request with this body. */
static void ask(int socket, int32_t api, int32_t version, const Buffer *body)
{
    Buffer out = {0};
    put(&out, 8 + 3 + body->length, 4);
    put(&out, api, 2);
    put(&out, version, 2);
    put(&out, api, 4); /* the correlation */
    put_name(&out, "c");
    buffer_append_str(&out, buffer_str(body));
    assert_int_equal(send(socket, out.data, (size_t)out.length, 0), out.length);
    buffer_free(&out);
}

/* The answer without its length and correlation; waits as long as it takes. */
static void hear(int socket, int32_t api, Buffer *answer)
{
    char head[8];
    assert_int_equal(recv(socket, head, sizeof head, MSG_WAITALL), sizeof head);
    assert_int_equal(load_be32(head + 4), api);
    answer->length = (int64_t)load_be32(head) - 4;
    buffer_grow(answer, 0);
    assert_int_equal(recv(socket, answer->data, (size_t)answer->length, MSG_WAITALL),
                     answer->length);
}

static bool has_answer(int socket)
{
    char byte;
    return recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

static void create_topic(Bench *bench, const char *name, const char *setting, const char *value)
{
    Buffer body = {0}, answer = {0};
    put(&body, 1, 4);
    put_name(&body, name);
    put(&body, 1, 4);
    put(&body, 1, 2);
    put(&body, 0, 4);
    put(&body, 1, 4);
    put_name(&body, setting);
    put_name(&body, value);
    put(&body, 1000, 4);
    put(&body, 0, 1); /* not only a check */
    ask(bench->writer, CREATE_TOPICS, 2, &body);
    hear(bench->writer, CREATE_TOPICS, &answer);
    assert_int_equal(load_be16(answer.data + 4 + 4 + 3), 0);
    buffer_free(&body);
    buffer_free(&answer);
}

/* The body of a Produce. */
static Buffer produce_body(const char *topic, int32_t acks, int32_t value_bytes)
{
    Buffer body = {0}, batch = {0};
    test_batch(&batch, &(TestBatch){.timestamp_ms = 1, .value = "v", .padding = value_bytes});
    put(&body, -1, 2); /* no transaction */
    put(&body, acks, 2);
    put(&body, 60000, 4);
    put(&body, 1, 4);
    put_name(&body, topic);
    put(&body, 1, 4);
    put(&body, 0, 4);
    put(&body, batch.length, 4);
    buffer_append_str(&body, buffer_str(&batch));
    buffer_free(&batch);
    return body;
}

static void ask_produce_to(Bench *bench, const char *topic)
{
    Buffer body = produce_body(topic, -1, VALUE_BYTES);
    ask(bench->writer, PRODUCE, 3, &body);
    buffer_free(&body);
}

static void ask_produce(Bench *bench)
{
    ask_produce_to(bench, "t");
}

static void hear_produced(Bench *bench, int64_t offset)
{
    Buffer answer = {0};
    hear(bench->writer, PRODUCE, &answer);
    const char *partition = answer.data + 4 + 3 + 4;
    assert_int_equal(load_be16(partition + 4), 0);
    assert_int_equal(load_be64(partition + 6), offset);
    buffer_free(&answer);
}

static void ask_commit(Bench *bench, int64_t offset)
{
    Buffer body = {0};
    put_name(&body, "g");
    put(&body, -1, 4); /* no member of the group */
    put_name(&body, "");
    put(&body, -1, 8);
    put(&body, 1, 4);
    put_name(&body, "t");
    put(&body, 1, 4);
    put(&body, 0, 4);
    put(&body, offset, 8);
    put_name(&body, "");
    ask(bench->writer, OFFSET_COMMIT, 2, &body);
    buffer_free(&body);
}

static void hear_committed(Bench *bench)
{
    Buffer answer = {0};
    hear(bench->writer, OFFSET_COMMIT, &answer);
    assert_int_equal(load_be16(answer.data + 4 + 3 + 4 + 4), 0);
    buffer_free(&answer);
}

static void ask_what_is_committed(int client)
{
    Buffer body = {0};
    put_name(&body, "g");
    put(&body, 1, 4);
    put_name(&body, "t");
    put(&body, 1, 4);
    put(&body, 0, 4);
    ask(client, OFFSET_FETCH, 1, &body);
    buffer_free(&body);
}

static int64_t hear_what_is_committed(int client)
{
    Buffer answer = {0};
    hear(client, OFFSET_FETCH, &answer);
    int64_t offset = (int64_t)load_be64(answer.data + 4 + 3 + 4 + 4);
    buffer_free(&answer);
    return offset;
}

/* What another client is told. */
static int64_t committed(Bench *bench)
{
    ask_what_is_committed(bench->reader);
    return hear_what_is_committed(bench->reader);
}

static void check_is_served(int socket)
{
    Buffer body = {0}, answer = {0};
    ask(socket, API_VERSIONS, 0, &body);
    hear(socket, API_VERSIONS, &answer);
    assert_int_equal(load_be16(answer.data), 0);
    buffer_free(&answer);
}

/* The body of a Fetch from the beginning on. */
static Buffer fetch_body(const char *topic, int32_t wait_ms, int32_t bytes_min, int32_t bytes_max)
{
    Buffer body = {0};
    put(&body, -1, 4);
    put(&body, wait_ms, 4);
    put(&body, bytes_min, 4);
    put(&body, bytes_max, 4);
    put(&body, 0, 1);
    put(&body, 1, 4);
    put_name(&body, topic);
    put(&body, 1, 4);
    put(&body, 0, 4);
    put(&body, 0, 8);
    put(&body, bytes_max, 4);
    return body;
}

/* Another client asks what the hub can do, and reads what is acknowledged: `bytes` of it. */
static void check_others_are_served(Bench *bench, bool has_records)
{
    check_is_served(bench->reader);
    Buffer body = fetch_body("t", 0, 1, 1 << 20), answer = {0};
    ask(bench->reader, FETCH, 4, &body);
    hear(bench->reader, FETCH, &answer);
    const char *partition = answer.data + 4 + 4 + 3 + 4;
    assert_int_equal(load_be16(partition + 4), 0);
    assert_true((load_be32(partition + 26) > VALUE_BYTES) == has_records);
    buffer_free(&body);
    buffer_free(&answer);
}

/* Time goes by, and the hub looks at its clock: it has one that waits a little. */
static void leap(Bench *bench)
{
    Buffer body = fetch_body("t", 1, 1 << 20, 1 << 20), answer = {0};
    ahead_us += LEAP_US;
    ask(bench->reader, FETCH, 4, &body);
    hear(bench->reader, FETCH, &answer);
    buffer_free(&body);
    buffer_free(&answer);
}

static bool is_closed(int socket)
{
    return poll(&(struct pollfd){.fd = socket}, 1, 0) == 1;
}

/* The folder is that of a hub where the producer 7 has the last epoch under the id "x". */
static void leave_last_epoch(const Bench *bench)
{
    Topics *topics;
    assert_int_equal(topics_open(world_system(), bench->folder, &(LogOptions){0}, &topics, NULL),
                     OK);
    test_transaction_at_last_epoch(topics, STR("x"), 7, TRANSACTION_COMPLETE_ABORT);
    assert_int_equal(topics_close(topics, NULL), OK);
}

static int set_up(void **state)
{
    Bench *bench = memory_allocate_zeroed((int64_t)sizeof *bench);
    kind = *world_system()->kind;
    kind.monotonic_us = leaping_monotonic_us;
    kind.open = open_noting_marks;
    kind.write = stuck_write;
    kind.sync = stuck_sync;
    snprintf(bench->folder, sizeof bench->folder, "/tmp/weir-server-XXXXXX");
    if (mkdtemp(bench->folder) == NULL)
        return -1;
    if (*state != NULL)
        leave_last_epoch(bench);
    HubConfig config = {.world = &world, .folder = bench->folder, .default_partitions = 1};
    Error error = {0};
    if (hub_open(&config, &bench->hub, &error) != OK ||
        pthread_create(&bench->thread, NULL, run_hub, bench) != 0)
        return -1;
    bench->writer = hub_connect(bench->hub);
    bench->reader = hub_connect(bench->hub);
    *state = bench;
    create_topic(bench, "t", "segment.bytes", "1000");
    return 0;
}

static int tear_down(void **state)
{
    Bench *bench = *state;
    void *status;
    writes_are_stuck = syncs_are_stuck = false;
    close(bench->writer);
    close(bench->reader);
    hub_stop(bench->hub);
    pthread_join(bench->thread, &status);
    Error error = {0};
    bool is_good = (intptr_t)status == OK && hub_close(bench->hub, &error) == OK;
    is_good = world_remove_tree(world_system(), bench->folder, &error) == OK && is_good;
    memory_free(bench);
    return is_good ? 0 : -1;
}

static void await_stuck(void)
{
    while (waiting == 0)
        usleep(500);
}

/* One goes on, until another one is stuck. */
static void await_next_stuck(void)
{
    int32_t before = waited;
    one_goes = true;
    while (waited == before)
        usleep(500);
}

static void test_a_write_that_takes_long_keeps_nobody_else_waiting(void **state)
{
    Bench *bench = *state;
    ask_produce(bench);
    hear_produced(bench, 0);
    writes_are_stuck = true;
    ask_produce(bench);
    await_stuck();
    check_others_are_served(bench, true);
    assert_false(has_answer(bench->writer));
    writes_are_stuck = false;
    hear_produced(bench, 1);
}

/* The second batch does not fit into the segment any more. */
static void test_the_end_of_a_segment_keeps_no_reader_waiting(void **state)
{
    Bench *bench = *state;
    ask_produce(bench);
    hear_produced(bench, 0);
    syncs_are_stuck = true;
    ask_produce(bench);
    await_stuck();
    check_others_are_served(bench, true);
    ask_produce(bench);
    check_others_are_served(bench, true);
    assert_false(has_answer(bench->writer));
    syncs_are_stuck = false;
    hear_produced(bench, 1);
    hear_produced(bench, 2);
}

/* It counts when it is written, and is answered when it is durable. */
static void test_a_commit_that_takes_long_keeps_nobody_else_waiting(void **state)
{
    Bench *bench = *state;
    ask_commit(bench, 1);
    hear_committed(bench);
    assert_int_equal(committed(bench), 1);
    writes_are_stuck = true;
    ask_commit(bench, 2);
    await_stuck();
    ask_commit(bench, 3);
    ask_what_is_committed(bench->writer);
    check_others_are_served(bench, false);
    assert_int_equal(committed(bench), 1);
    assert_false(has_answer(bench->writer));
    writes_are_stuck = false;
    hear_committed(bench);
    hear_committed(bench);
    assert_int_equal(hear_what_is_committed(bench->writer), 3); /* its own are seen */
    assert_int_equal(committed(bench), 3);
}

/* Whoever has asked for it is gone before it is done: it is done all the same. */
static void test_a_client_that_goes_while_it_waits(void **state)
{
    Bench *bench = *state;
    writes_are_stuck = true;
    ask_produce(bench);
    await_stuck();
    close(bench->writer);
    check_others_are_served(bench, false);
    writes_are_stuck = false;
    bench->writer = hub_connect(bench->hub);
    ask_produce(bench);
    hear_produced(bench, 1);
    check_others_are_served(bench, true);
}

enum { FLOODERS = 5, FLOOD_REQUESTS = 60, FLOOD_VALUE_BYTES = 900 * 1000, QUIET_ROUNDS = 100 };

/* A client that does not wait for answers. */
typedef struct Flooder {
    int socket;
    int64_t sent, requests;
} Flooder;

/* As much as the socket takes; whether it took anything. */
static bool flood(Flooder *flooder, Str frame)
{
    int64_t before = flooder->sent;
    while (flooder->requests < FLOOD_REQUESTS) {
        int64_t at = flooder->sent % frame.length;
        ssize_t sent = send(flooder->socket, frame.data + at, (size_t)(frame.length - at),
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent <= 0)
            break;
        flooder->sent += sent;
        flooder->requests = flooder->sent / frame.length;
    }
    return flooder->sent > before;
}

/* Until all is sent, or nobody could send any more for a while; how many bytes that were. */
static int64_t flood_all(Flooder *flooders, Str frame)
{
    for (int32_t quiet = 0; quiet < QUIET_ROUNDS; quiet++) {
        bool are_done = true;
        for (int32_t i = 0; i < FLOODERS; i++) {
            quiet = flood(&flooders[i], frame) ? 0 : quiet;
            are_done = are_done && flooders[i].requests == FLOOD_REQUESTS;
        }
        if (are_done)
            break;
        usleep(5000);
    }
    int64_t sent = 0;
    for (int32_t i = 0; i < FLOODERS; i++)
        sent += flooders[i].sent;
    return sent;
}

/* Nothing is lost of it, and who sends little goes on. */
static void test_a_flood_waits_in_its_sockets_while_the_disk_does(void **state)
{
    Bench *bench = *state;
    create_topic(bench, "u", "retention.ms", "-1");
    Flooder flooders[FLOODERS] = {0};
    for (int32_t i = 0; i < FLOODERS; i++)
        flooders[i].socket = hub_connect(bench->hub);
    Buffer body = produce_body("u", 0, FLOOD_VALUE_BYTES), frame = {0};
    put(&frame, 8 + 3 + body.length, 4);
    put(&frame, PRODUCE, 2);
    put(&frame, 3, 2);
    put(&frame, 1, 4);
    put_name(&frame, "c");
    buffer_append_str(&frame, buffer_str(&body));
    int64_t all = FLOODERS * FLOOD_REQUESTS * frame.length;
    int64_t before = memory_used_bytes();
    writes_are_stuck = true;
    /* It comes to that, however long the hub takes, and never further. */
    while (flood_all(flooders, buffer_str(&frame)) < 60 << 20)
        continue;
    assert_true(flood_all(flooders, buffer_str(&frame)) < 80 << 20);
    assert_true(memory_used_bytes() - before < 100 << 20);
    check_others_are_served(bench, false);
    Flooder gone = {.socket = hub_connect(bench->hub)}; /* in the midst of a request */
    assert_true(flood(&gone, str_make(frame.data, frame.length / 2)));
    close(gone.socket);
    writes_are_stuck = false;
    while (flood_all(flooders, buffer_str(&frame)) < all)
        usleep(1000);
    for (int32_t i = 0; i < FLOODERS; i++)
        check_is_served(flooders[i].socket);
    ask_produce_to(bench, "u");
    hear_produced(bench, FLOODERS * FLOOD_REQUESTS);
    for (int32_t i = 0; i < FLOODERS; i++)
        close(flooders[i].socket);
    buffer_free(&body);
    buffer_free(&frame);
}

/* ---- Room ------------------------------------------------------------------------------------ */

enum { BEHIND_BYTES = 70 << 20 };

/* Another client's Produce that needs some. */
static void check_room_is_left(Bench *bench, int64_t offset)
{
    if (offset == 0)
        create_topic(bench, "v", "retention.ms", "-1");
    Buffer body = produce_body("v", -1, 100 * 1000);
    ask(bench->writer, PRODUCE, 3, &body);
    hear_produced(bench, offset);
    buffer_free(&body);
}

static void test_who_announces_much_keeps_nobody_waiting(void **state)
{
    Bench *bench = *state;
    Buffer head = {0};
    char byte;
    put(&head, 99 << 20, 4);
    put(&head, PRODUCE, 2);
    assert_int_equal(send(bench->reader, head.data, (size_t)head.length, 0), head.length);
    check_is_served(bench->writer); /* so that the hub has had time to read it */
    check_room_is_left(bench, 0);
    /* Nobody had to wait, so that it was left alone. */
    assert_int_equal(recv(bench->reader, &byte, 1, MSG_DONTWAIT), -1);
    buffer_free(&head);
}

/* Behind what it asks for it has more bytes than there is room. */
static void test_who_waits_for_records_keeps_nobody_waiting(void **state)
{
    Bench *bench = *state;
    create_topic(bench, "u", "retention.ms", "-1");
    Buffer body = fetch_body("u", HOUR_MS, 1, 1 << 20), answer = {0};
    memset(buffer_reserve(&body, BEHIND_BYTES), 0, BEHIND_BYTES);
    body.length += BEHIND_BYTES;
    ask(bench->reader, FETCH, 4, &body);
    check_room_is_left(bench, 0);
    check_room_is_left(bench, 1);
    assert_false(has_answer(bench->reader));
    ask_produce_to(bench, "u");
    hear_produced(bench, 0);
    hear(bench->reader, FETCH, &answer);
    buffer_free(&body);
    buffer_free(&answer);
}

static void send_zeros(int socket, int64_t bytes)
{
    char *zeros = memory_allocate_zeroed(bytes);
    assert_int_equal(send(socket, zeros, (size_t)bytes, MSG_NOSIGNAL), bytes);
    memory_free(zeros);
}

/* All the room there is, for a request that goes on however slowly; then it does not, and the next
 * one comes to its turn. */
static void test_who_goes_on_is_waited_for(void **state)
{
    Bench *bench = *state;
    create_topic(bench, "v", "retention.ms", "-1");
    Buffer head = {0}, body = produce_body("v", -1, 100 * 1000);
    put(&head, 99 << 20, 4);
    int slow = hub_connect(bench->hub);
    assert_int_equal(send(slow, head.data, (size_t)head.length, 0), head.length);
    send_zeros(slow, 1 << 20); /* more than fits into the socket */
    ask(bench->writer, PRODUCE, 3, &body);
    for (int32_t round = 0; round < 5; round++) {
        for (int32_t i = 0; i < ARRIVE_US / 3 / LEAP_US; i++)
            leap(bench);
        send_zeros(slow, 13 << 20);
        assert_false(has_answer(bench->writer));
    }
    int64_t from_us = ahead_us;
    while (!is_closed(slow))
        leap(bench);
    assert_true(ahead_us - from_us > ARRIVE_US / 2);
    hear_produced(bench, 0);
    close(slow);
    buffer_free(&head);
    buffer_free(&body);
}

/* Who takes nothing of an answer for long is left; whoever else there is goes on. */
static void test_a_client_that_does_not_read_is_left(void **state)
{
    Bench *bench = *state;
    create_topic(bench, "u", "retention.ms", "-1");
    Buffer body = produce_body("u", -1, FLOOD_VALUE_BYTES);
    for (int32_t i = 0; i < 5; i++) {
        ask(bench->writer, PRODUCE, 3, &body);
        hear_produced(bench, i);
    }
    buffer_free(&body);
    body = fetch_body("u", 0, 1, 50 << 20);
    int stopped = hub_connect(bench->hub);
    ask(stopped, FETCH, 4, &body);
    buffer_free(&body);
    while (!has_answer(stopped))
        usleep(500);
    check_is_served(bench->reader);
    int64_t from_us = ahead_us;
    while (!is_closed(stopped))
        leap(bench);
    assert_true(ahead_us - from_us > TAKE_US / 2);
    check_others_are_served(bench, false);
    close(stopped);
}

/* The file is cut short behind what was looked at when it came: who asked is left, and whoever asks
 * again is told why. */
static void test_a_file_that_ends_too_early_is_found_out(void **state)
{
    Bench *bench = *state;
    enum { PARTITION_ERROR_AT = 4 + 4 + 2 + 1 + 4 + 4, STORAGE_ERROR = 56 };
    char pattern[128];
    glob_t found;
    create_topic(bench, "u", "retention.ms", "-1");
    Buffer body = produce_body("u", -1, FLOOD_VALUE_BYTES), answer = {0};
    ask(bench->writer, PRODUCE, 3, &body);
    hear_produced(bench, 0);
    buffer_free(&body);
    snprintf(pattern, sizeof pattern, "%s/u.*/0/*.log", bench->folder);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_int_equal(truncate(found.gl_pathv[0], FLOOD_VALUE_BYTES / 2), 0);
    globfree(&found);
    body = fetch_body("u", 0, 1, 50 << 20);
    int first = hub_connect(bench->hub);
    ask(first, FETCH, 4, &body);
    char part[4096];
    while (recv(first, part, sizeof part, 0) > 0)
        continue;
    close(first);
    ask(bench->reader, FETCH, 4, &body);
    hear(bench->reader, FETCH, &answer);
    assert_int_equal(load_be16(answer.data + PARTITION_ERROR_AT), STORAGE_ERROR);
    buffer_free(&body);
    buffer_free(&answer);
    check_others_are_served(bench, false);
}

/* It is made durable at the end, when there are no connections left to tell of it. */
static void test_an_end_with_records_that_are_not_durable_yet(void **state)
{
    Bench *bench = *state;
    create_topic(bench, "u", "flush.messages", "1000");
    ask_produce_to(bench, "u");
    hear_produced(bench, 0);
}

/* ---- Transactions ---------------------------------------------------------------------------- */

static void put_short(Buffer *out, Str text)
{
    put(out, text.length + 1, 1);
    buffer_append_str(out, text);
}

/* Behind the header's tags: a producer begins, under an id or none. */
static int64_t ask_producer(Bench *bench, Str id)
{
    Buffer body = {0}, answer = {0};
    put(&body, 0, 1);
    if (id.length > 0)
        put_short(&body, id);
    else
        put(&body, 0, 1);
    put(&body, 60000, 4);
    put(&body, -1, 8);
    put(&body, -1, 2);
    put(&body, 0, 1);
    ask(bench->writer, INIT_PRODUCER, 4, &body);
    hear(bench->writer, INIT_PRODUCER, &answer);
    assert_int_equal(load_be16(answer.data + 5), 0);
    int64_t producer_id = (int64_t)load_be64(answer.data + 7);
    buffer_free(&body);
    buffer_free(&answer);
    return producer_id;
}

static void ask_produce_in_transaction(Bench *bench, int64_t producer_id, int16_t epoch,
                                       int32_t timeout_ms)
{
    Buffer body = {0}, batch = {0};
    test_batch(&batch, &(TestBatch){.timestamp_ms = 1,
                                    .value = "v",
                                    .has_producer = true,
                                    .is_transactional = true,
                                    .producer_id = producer_id,
                                    .epoch = epoch});
    assert_true(batch.length < 127);
    put(&body, 0, 1);
    put_short(&body, STR("x"));
    put(&body, -1, 2);
    put(&body, timeout_ms, 4);
    put(&body, 2, 1);
    put_short(&body, STR("t"));
    put(&body, 2, 1);
    put(&body, 0, 4);
    put_short(&body, buffer_str(&batch));
    put(&body, 0, 3); /* tags */
    ask(bench->writer, PRODUCE, 12, &body);
    buffer_free(&body);
    buffer_free(&batch);
}

static void hear_refused(Bench *bench, int32_t code)
{
    Buffer answer = {0};
    hear(bench->writer, PRODUCE, &answer);
    assert_int_equal(load_be16(answer.data + 1 + 1 + 2 + 1 + 4), code);
    buffer_free(&answer);
}

/* The first waits for what says that the partition belongs to the transaction, and the others for
 * it. */
static void test_time_that_is_over_lets_the_next_one_go(void **state)
{
    Bench *bench = *state;
    int64_t producer_id = ask_producer(bench, STR("x"));
    ask_produce(bench);
    hear_produced(bench, 0);
    syncs_are_stuck = true;
    ask_produce_in_transaction(bench, producer_id, 0, 300);
    ask_produce_in_transaction(bench, producer_id, 1, HOUR_MS); /* which it does not have */
    hear_refused(bench, TIMED_OUT);
    hear_refused(bench, INVALID_EPOCH);
}

/* The one that ends is told of it when no crash can give him another one any more. */
static void test_a_new_producer_id_is_told_when_it_is_durable(void **state)
{
    Bench *bench = *state;
    Buffer body = {0}, answer = {0};
    int64_t other = ask_producer(bench, STR("")); /* now the hub has ids at hand … */
    ask_produce(bench);
    hear_produced(bench, 0); /* … and its files open */
    put(&body, 0, 1);
    put_short(&body, STR("x"));
    put(&body, 7, 8);
    put(&body, INT16_MAX, 2);
    put(&body, 0, 2); /* abort; tags */
    syncs_are_stuck = true;
    ask(bench->writer, END_TRANSACTION, 5, &body);
    await_stuck();      /* that it is to end */
    await_next_stuck(); /* that it has */
    check_others_are_served(bench, true);
    assert_false(has_answer(bench->writer));
    syncs_are_stuck = false;
    hear(bench->writer, END_TRANSACTION, &answer);
    assert_int_equal(load_be16(answer.data + 5), 0);
    assert_int_equal(load_be64(answer.data + 7), other + 1);
    assert_int_equal(load_be16(answer.data + 15), 0);
    buffer_free(&body);
    buffer_free(&answer);
}

int main(void)
{
    bool has_last_epoch = true;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_write_that_takes_long_keeps_nobody_else_waiting,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_end_of_a_segment_keeps_no_reader_waiting, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_commit_that_takes_long_keeps_nobody_else_waiting,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_client_that_goes_while_it_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_flood_waits_in_its_sockets_while_the_disk_does,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_client_that_does_not_read_is_left, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_who_announces_much_keeps_nobody_waiting, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_who_waits_for_records_keeps_nobody_waiting, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_who_goes_on_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_that_ends_too_early_is_found_out, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_an_end_with_records_that_are_not_durable_yet, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_time_that_is_over_lets_the_next_one_go, set_up,
                                        tear_down),
        cmocka_unit_test_prestate_setup_teardown(test_a_new_producer_id_is_told_when_it_is_durable,
                                                 set_up, tear_down, &has_last_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
