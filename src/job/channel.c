/* Rings of a power of two between two threads: each end owns one index and reads the other's. */
#include "job/channel.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/memory.h"

/* ---- Wakers ------------------------------------------------------------------------------ */

struct Waker {
    World *world; /* its monotonic clock is CLOCK_MONOTONIC */
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    _Atomic bool is_signaled;
    bool is_waiting; /* under the mutex */
};

Waker *waker_new(World *world)
{
    Waker *waker = memory_allocate_zeroed(sizeof *waker);
    waker->world = world;
    pthread_mutex_init(&waker->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&waker->condition, &attributes);
    pthread_condattr_destroy(&attributes);
    return waker;
}

void waker_free(Waker *waker)
{
    if (waker == NULL)
        return;
    pthread_cond_destroy(&waker->condition);
    pthread_mutex_destroy(&waker->mutex);
    memory_free(waker);
}

/* The exchange is sequentially consistent: whoever puts a message before it is seen by the owner
 * that clears the flag after it and looks again. */
void waker_wake(Waker *waker)
{
    if (atomic_exchange(&waker->is_signaled, true))
        return;
    pthread_mutex_lock(&waker->mutex);
    if (waker->is_waiting)
        pthread_cond_signal(&waker->condition);
    pthread_mutex_unlock(&waker->mutex);
}

static struct timespec deadline_after(World *world, int64_t timeout_us)
{
    int64_t deadline_us = world_monotonic_us(world) + timeout_us;
    return (struct timespec){.tv_sec = deadline_us / 1000000,
                             .tv_nsec = deadline_us % 1000000 * 1000};
}

bool waker_is_waiting(Waker *waker)
{
    pthread_mutex_lock(&waker->mutex);
    bool is_waiting = waker->is_waiting;
    pthread_mutex_unlock(&waker->mutex);
    return is_waiting;
}

void waker_wait(Waker *waker, int64_t timeout_us)
{
    if (atomic_exchange(&waker->is_signaled, false) || timeout_us == 0)
        return;
    struct timespec deadline = {0};
    if (timeout_us > 0)
        deadline = deadline_after(waker->world, timeout_us);
    pthread_mutex_lock(&waker->mutex);
    waker->is_waiting = true;
    int result = 0;
    while (!atomic_load(&waker->is_signaled) && result != ETIMEDOUT) {
        if (timeout_us < 0)
            result = pthread_cond_wait(&waker->condition, &waker->mutex);
        else
            result = pthread_cond_timedwait(&waker->condition, &waker->mutex, &deadline);
    }
    waker->is_waiting = false;
    pthread_mutex_unlock(&waker->mutex);
    /* An exchange, not a store: it must see what the waking thread wrote before. */
    atomic_exchange(&waker->is_signaled, false);
}

/* ---- Channels ---------------------------------------------------------------------------- */

enum { CACHE_LINE_BYTES = 64 };

/* `head` is written by the reader, `tail` by the writer; both only grow. The padding keeps the
 * two threads from pulling one cache line to and fro. */
typedef struct Ring {
    _Atomic uint32_t head;
    char head_padding[CACHE_LINE_BYTES - sizeof(uint32_t)];
    _Atomic uint32_t tail;
    char tail_padding[CACHE_LINE_BYTES - sizeof(uint32_t)];
} Ring;

static_assert((CHANNEL_MESSAGES_MAX & (CHANNEL_MESSAGES_MAX - 1)) == 0, "indexes are masked");

struct Channel {
    Ring forward, backward;
    Message messages[CHANNEL_MESSAGES_MAX];
    Batch *used[CHANNEL_MESSAGES_MAX];
    Waker *reader, *writer;
    int64_t bytes_max;
    _Atomic int64_t forward_bytes, backward_bytes; /* of the batches in the rings */
};

/* The slot to write next, or -1. */
static int32_t ring_free_slot(const Ring *ring)
{
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    assert(tail - head <= CHANNEL_MESSAGES_MAX);
    if (tail - head == CHANNEL_MESSAGES_MAX)
        return -1;
    return (int32_t)(tail & (CHANNEL_MESSAGES_MAX - 1));
}

/* The slot to read next, or -1. */
static int32_t ring_filled_slot(const Ring *ring)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (tail == head)
        return -1;
    return (int32_t)(head & (CHANNEL_MESSAGES_MAX - 1));
}

static void ring_advance(_Atomic uint32_t *index)
{
    uint32_t value = atomic_load_explicit(index, memory_order_relaxed);
    atomic_store_explicit(index, value + 1, memory_order_release);
}

Channel *channel_new(void)
{
    Channel *channel = memory_allocate_zeroed(sizeof(Channel));
    channel->bytes_max = INT64_MAX;
    return channel;
}

void channel_limit(Channel *channel, int64_t bytes)
{
    assert(bytes > 0);
    channel->bytes_max = bytes;
}

void channel_free(Channel *channel)
{
    if (channel == NULL)
        return;
    Message message;
    channel->writer = NULL;
    while (channel_take(channel, &message))
        batch_free(message.batch);
    for (Batch *batch = channel_reuse(channel); batch != NULL; batch = channel_reuse(channel))
        batch_free(batch);
    memory_free(channel);
}

void channel_connect(Channel *channel, Waker *reader, Waker *writer)
{
    channel->reader = reader;
    channel->writer = writer;
}

/* Whether so many bytes more are too many. The other end may have taken some out meanwhile: whoever
 * is refused is woken after that. */
static bool channel_is_heavy(const Channel *channel, const _Atomic int64_t *inside, int64_t bytes)
{
    int64_t there = atomic_load(inside);
    return bytes > 0 && there > 0 && there > channel->bytes_max - bytes;
}

bool channel_put(Channel *channel, const Message *message)
{
    assert((message->kind == MESSAGE_BATCH) == (message->batch != NULL));
    int32_t slot = ring_free_slot(&channel->forward);
    if (slot < 0 || channel_is_heavy(channel, &channel->forward_bytes, message->bytes))
        return false;
    channel->messages[slot] = *message;
    atomic_fetch_add(&channel->forward_bytes, message->bytes);
    ring_advance(&channel->forward.tail);
    if (channel->reader != NULL)
        waker_wake(channel->reader);
    return true;
}

Batch *channel_reuse(Channel *channel)
{
    int32_t slot = ring_filled_slot(&channel->backward);
    if (slot < 0)
        return NULL;
    Batch *batch = channel->used[slot];
    ring_advance(&channel->backward.head);
    atomic_fetch_sub(&channel->backward_bytes, batch_bytes(batch));
    return batch;
}

/* The writer is woken once half of the ring is free: waking it for every slot would make the two
 * threads run in lock step. */
bool channel_take(Channel *channel, Message *out)
{
    int32_t slot = ring_filled_slot(&channel->forward);
    if (slot < 0)
        return false;
    *out = channel->messages[slot];
    ring_advance(&channel->forward.head);
    atomic_fetch_sub(&channel->forward_bytes, out->bytes);
    uint32_t head = atomic_load_explicit(&channel->forward.head, memory_order_relaxed);
    uint32_t tail = atomic_load_explicit(&channel->forward.tail, memory_order_relaxed);
    if (channel->writer != NULL && tail - head <= CHANNEL_MESSAGES_MAX / 2)
        waker_wake(channel->writer);
    return true;
}

bool channel_is_empty(const Channel *channel)
{
    return ring_filled_slot(&channel->forward) < 0;
}

void channel_recycle(Channel *channel, Batch *batch)
{
    int32_t slot = ring_free_slot(&channel->backward);
    int64_t bytes = batch_bytes(batch);
    if (slot < 0 || bytes > channel->bytes_max ||
        channel_is_heavy(channel, &channel->backward_bytes, bytes)) {
        batch_free(batch);
        return;
    }
    channel->used[slot] = batch;
    atomic_fetch_add(&channel->backward_bytes, bytes);
    ring_advance(&channel->backward.tail);
}
