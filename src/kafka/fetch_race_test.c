/* A fetch of what is committed, while compaction takes what was aborted and forgets that it was:
 * between the moment when records are read and the one when the answer says which are to be left
 * out. The disk of this test has it done in the middle of the first read. */
#include "base/testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bigendian.h"
#include "kafka/broker.h"
#include "log/batch_testing.h"

enum { FETCH = 1, COMMITTED = 1, PRODUCER = 7, TIMES = 5 };

static char folder[64];
static WorldKind kind;
static World world = {.kind = &kind};
static Topics *topics;
static Partition *partition;
static bool is_due; /* the next read is one in the middle of which compaction comes */

static int32_t count_aborted(void)
{
    Arena *arena = arena_new(0);
    List aborted = {0};
    partition_find_aborted(partition, 0, INT64_MAX, arena, &aborted);
    arena_free(arena);
    return aborted.count;
}

static Status read_at_while_compacted(File *file, int64_t offset, void *into, int64_t bytes,
                                      int64_t *got, Error *error)
{
    Status status = world_system()->kind->read_at(file, offset, into, bytes, got, error);
    if (!is_due)
        return status;
    is_due = false;
    for (int32_t i = 0; i < TIMES && count_aborted() > 0; i++)
        assert_int_equal(partition_compact(partition, NULL), OK);
    assert_int_equal(count_aborted(), 0);
    return status;
}

static void append(const char *key, bool is_transactional)
{
    Buffer batch = {0};
    Appended appended;
    test_batch(&batch, &(TestBatch){.timestamp_ms = 1,
                                    .key = key,
                                    .value = "x",
                                    .padding = 200,
                                    .has_producer = is_transactional,
                                    .is_transactional = is_transactional,
                                    .producer_id = PRODUCER});
    assert_int_equal(partition_append(partition, batch.data, batch.length, &appended, NULL), OK);
    assert_int_equal(appended.verdict, APPEND_DONE);
    buffer_free(&batch);
}

static int set_up(void **state)
{
    (void)state;
    Topic *topic;
    List configs = {0};
    Arena *arena = arena_new(0);
    ConfigEntry entries[] = {
        {"cleanup.policy", "compact"}, {"segment.bytes", "400"}, {"delete.retention.ms", "0"}};
    for (int32_t i = 0; i < 3; i++)
        list_append(&configs, arena, &entries[i]);
    kind = *world_system()->kind;
    kind.read_at = read_at_while_compacted;
    snprintf(folder, sizeof folder, "/tmp/weir-race-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(topics_open(&world, folder, &(LogOptions){0}, &topics, NULL), OK);
    assert_int_equal(topics_create(topics, STR("t"), 1, &configs, &topic, NULL), OK);
    assert_int_equal(topics_partition(topics, topic, 0, &partition, NULL), OK);
    arena_free(arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(topics_close(topics, NULL), OK);
    assert_int_equal(world_remove_tree(world_system(), folder, NULL), OK);
    return 0;
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

static void print_request(Buffer *out, int64_t offset)
{
    put(out, FETCH, 2);
    put(out, 4, 2); /* the version */
    put(out, 1, 4);
    put_name(out, "c");
    put(out, -1, 4);
    put(out, 0, 4);
    put(out, 1, 4);
    put(out, 1 << 20, 4);
    put(out, COMMITTED, 1);
    put(out, 1, 4);
    put_name(out, "t");
    put(out, 1, 4);
    put(out, 0, 4);
    put(out, offset, 8);
    put(out, 1 << 20, 4);
}

/* Of an answer. */
typedef struct Fetched {
    int64_t stable_offset;
    int32_t aborted;
    Str records;
} Fetched;

static Fetched read_answer(const Buffer *answer)
{
    enum { ABORTED_BYTES = 16 };
    const char *at = answer->data + 4 + 4 + 4 + 4 + 3 + 4 + 4; /* of the partition, its error */
    assert_int_equal(load_be16(at), 0);
    Fetched fetched = {.stable_offset = (int64_t)load_be64(at + 10),
                       .aborted = (int32_t)load_be32(at + 18)};
    const char *length =
        at + 22 + (int64_t)(fetched.aborted > 0 ? fetched.aborted : 0) * ABORTED_BYTES;
    int32_t bytes = (int32_t)load_be32(length);
    fetched.records = str_make(length + 4, bytes > 0 ? bytes : 0);
    assert_true(fetched.records.data + fetched.records.length <= answer->data + answer->length);
    return fetched;
}

/* Behind the last of the batches. */
static int64_t end_of(Str batches, int64_t offset)
{
    BatchHeader header;
    for (int64_t at = 0; at < batches.length; at += header.bytes) {
        assert_true(batch_read_header(str_make(batches.data + at, batches.length - at), &header));
        offset = batch_end_offset(&header);
    }
    return offset;
}

static void test_what_was_aborted_is_not_told_when_compaction_forgets_it(void **state)
{
    (void)state;
    Appended appended;
    append("gone", true);
    assert_int_equal(partition_end_transaction(partition, PRODUCER, 0, false, &appended, NULL), OK);
    for (int32_t i = 0; i < 4; i++)
        append("kept", false);
    assert_int_equal(log_flush(topics_log(topics), NULL), OK);
    Logins *logins = logins_new(&world, &(LoginsConfig){0});
    Peer *peer = peer_new(logins, &(PeerOrigin){.host = "h"});
    Broker *broker = broker_new(&world, topics, &(BrokerConfig){.logins = logins});
    Buffer request = {0}, answer = {0}, text = {0};
    assert_int_equal(count_aborted(), 1);
    is_due = true;
    int64_t offset = 0, length = 0;
    for (int32_t i = 0; i < 2 || length > 0; i++) {
        int64_t before = text.length;
        answer.length = request.length = 0;
        print_request(&request, offset);
        Call *call = call_new(broker, peer, buffer_str(&request));
        assert_non_null(call);
        assert_int_equal(call_run(call, false, &answer), CALL_DONE);
        assert_int_equal(call_pieces(call)->count, 0);
        assert_false(is_due);
        Fetched fetched = read_answer(&answer);
        length = fetched.records.length;
        offset = end_of(fetched.records, offset);
        test_print(fetched.records, &text);
        bool has_gone = strstr(buffer_terminated(&text) + before, "gone=") != NULL;
        assert_true(!has_gone || fetched.aborted > 0);
        call_free(call);
    }
    assert_non_null(strstr(text.data, "kept="));
    buffer_free(&request);
    buffer_free(&answer);
    buffer_free(&text);
    broker_free(broker);
    peer_free(peer);
    logins_free(logins);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_what_was_aborted_is_not_told_when_compaction_forgets_it, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
