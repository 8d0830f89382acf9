/* Channels and wakers: order, bounds, reuse, and two threads that must not lose a wake. */
#include "base/testing.h"

#include <pthread.h>

#include "job/channel.h"

static Schema one_column(void)
{
    static Field field;
    field = (Field){.name = STR("a"), .type = type_simple(TYPE_BIGINT)};
    return (Schema){.fields = &field, .count = 1};
}

static Message watermark(int64_t value)
{
    return (Message){.kind = MESSAGE_WATERMARK, .value = value};
}

static void test_takes_in_order_and_refuses_when_full(void **state)
{
    (void)state;
    Channel *channel = channel_new();
    Message out;
    assert_true(channel_is_empty(channel));
    assert_false(channel_take(channel, &out));
    /* Several rounds, so that the indexes pass the end of the ring. */
    int64_t written = 0, read = 0;
    for (int32_t round = 0; round < 5; round++) {
        Message message = watermark(written);
        while (channel_put(channel, &message))
            message = watermark(++written);
        assert_int_equal(written - read, CHANNEL_MESSAGES_MAX);
        for (int32_t i = 0; i < 7; i++) {
            assert_true(channel_take(channel, &out));
            assert_int_equal(out.value, read);
            read++;
        }
    }
    while (channel_take(channel, &out))
        assert_int_equal(out.value, read++);
    assert_int_equal(read, written);
    channel_free(channel);
}

static void test_gives_used_batches_back(void **state)
{
    (void)state;
    Schema schema = one_column();
    Channel *channel = channel_new();
    assert_null(channel_reuse(channel));
    Batch *batch = batch_new(&schema, 4);
    channel_recycle(channel, batch);
    assert_ptr_equal(channel_reuse(channel), batch);
    /* More than the ring holds are freed; so is what lies in it at the end. */
    channel_recycle(channel, batch);
    for (int32_t i = 0; i < CHANNEL_MESSAGES_MAX + 3; i++)
        channel_recycle(channel, batch_new(&schema, 4));
    Message message = {.kind = MESSAGE_BATCH, .batch = batch_new(&schema, 4)};
    assert_true(channel_put(channel, &message));
    channel_free(channel);
}

/* A reader that stood still once leaves many behind; who needs three of them keeps three. */
static void test_lets_used_batches_go_that_nobody_needs(void **state)
{
    (void)state;
    enum { MANY = 40, NEEDED = 3, TURNS = 1000 };
    Schema schema = one_column();
    Channel *channel = channel_new();
    for (int32_t i = 0; i < MANY; i++)
        channel_recycle(channel, batch_new(&schema, 4));
    for (int32_t i = 0; i < TURNS; i++) {
        Batch *taken[NEEDED];
        for (int32_t k = 0; k < NEEDED; k++)
            assert_non_null(taken[k] = channel_reuse(channel));
        for (int32_t k = 0; k < NEEDED; k++)
            channel_recycle(channel, taken[k]);
    }
    int32_t left = 0;
    for (Batch *batch = channel_reuse(channel); batch != NULL; batch = channel_reuse(channel)) {
        batch_free(batch);
        left++;
    }
    assert_int_equal(left, NEEDED);
    channel_free(channel);
}

static void test_holds_so_many_bytes_but_always_one_batch(void **state)
{
    (void)state;
    Schema schema = one_column();
    Channel *channel = channel_new();
    channel_limit(channel, 1000);
    Message message = {.kind = MESSAGE_BATCH, .batch = batch_new(&schema, 4), .bytes = 5000};
    Message next = {.kind = MESSAGE_BATCH, .batch = batch_new(&schema, 4), .bytes = 600}, out;
    assert_true(channel_put(channel, &message));
    assert_false(channel_put(channel, &next));
    Message mark = watermark(7);
    assert_true(channel_put(channel, &mark));
    assert_true(channel_take(channel, &out));
    assert_ptr_equal(out.batch, message.batch);
    assert_true(channel_put(channel, &next));
    assert_false(
        channel_put(channel, &(Message){.kind = MESSAGE_BATCH, .batch = out.batch, .bytes = 401}));
    assert_true(channel_take(channel, &mark) && mark.value == 7);
    assert_true(channel_take(channel, &next));
    /* Used batches that hold more than the channel may are not kept. */
    (void)arena_allocate(out.batch->arena, 2000);
    channel_recycle(channel, out.batch);
    assert_null(channel_reuse(channel));
    batch_free(next.batch);
    channel_free(channel);
}

static bool put_of_bytes(Channel *channel, const Schema *schema, int64_t bytes)
{
    Message message = {.kind = MESSAGE_BATCH, .batch = batch_new(schema, 4), .bytes = bytes};
    bool is_taken = channel_put(channel, &message);
    if (!is_taken)
        batch_free(message.batch);
    return is_taken;
}

static void test_holds_fewer_batches_of_wide_rows(void **state)
{
    (void)state;
    Schema schema = one_column();
    Channel *channel = channel_new();
    int32_t count = 0;
    while (put_of_bytes(channel, &schema, CHANNEL_SMALL_BYTES))
        count++;
    assert_int_equal(count, CHANNEL_WIDE_MAX);
    Message out;
    assert_true(channel_take(channel, &out));
    batch_free(out.batch);
    assert_true(put_of_bytes(channel, &schema, CHANNEL_SMALL_BYTES));
    channel_free(channel);

    channel = channel_new();
    for (count = 0; put_of_bytes(channel, &schema, 1000); count++)
        ;
    assert_int_equal(count, CHANNEL_MESSAGES_MAX);
    channel_free(channel);
}

enum { STRESS_MESSAGES = 200000 };

typedef struct Stress {
    Channel *channel;
    Waker *reader, *writer;
} Stress;

static void *stress_write(void *context)
{
    Stress *stress = context;
    Schema schema = one_column();
    for (int64_t i = 0; i < STRESS_MESSAGES; i++) {
        Message message = watermark(i);
        if (i % 8 == 0) {
            Batch *batch = channel_reuse(stress->channel);
            if (batch == NULL)
                batch = batch_new(&schema, 1);
            else
                batch_reset(batch, &schema, 1);
            ((int64_t *)batch->columns[0].values)[0] = i;
            batch->row_count = 1;
            message = (Message){.kind = MESSAGE_BATCH, .batch = batch, .value = i};
        }
        while (!channel_put(stress->channel, &message))
            waker_wait(stress->writer, -1);
    }
    return NULL;
}

/* Both sides wait without a timeout: a lost wake would hang the test. */
static void test_threads_meet_without_losing_a_wake(void **state)
{
    (void)state;
    Stress stress = {channel_new(), waker_new(world_system()), waker_new(world_system())};
    channel_connect(stress.channel, stress.reader, stress.writer);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stress_write, &stress), 0);
    for (int64_t i = 0; i < STRESS_MESSAGES; i++) {
        Message message;
        while (!channel_take(stress.channel, &message))
            waker_wait(stress.reader, -1);
        assert_int_equal(message.value, i);
        if (message.kind == MESSAGE_BATCH) {
            assert_int_equal(((int64_t *)message.batch->columns[0].values)[0], i);
            channel_recycle(stress.channel, message.batch);
        }
    }
    pthread_join(thread, NULL);
    channel_free(stress.channel);
    waker_free(stress.reader);
    waker_free(stress.writer);
}

static void test_waits_no_longer_than_told(void **state)
{
    (void)state;
    Waker *waker = waker_new(world_system());
    waker_wait(waker, 0);
    waker_wait(waker, 1000);
    waker_wake(waker);
    waker_wake(waker);
    waker_wait(waker, -1); /* returns: it was woken before */
    waker_wait(waker, 1000);
    waker_free(waker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_in_order_and_refuses_when_full),
        cmocka_unit_test(test_gives_used_batches_back),
        cmocka_unit_test(test_lets_used_batches_go_that_nobody_needs),
        cmocka_unit_test(test_holds_fewer_batches_of_wide_rows),
        cmocka_unit_test(test_holds_so_many_bytes_but_always_one_batch),
        cmocka_unit_test(test_threads_meet_without_losing_a_wake),
        cmocka_unit_test(test_waits_no_longer_than_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
