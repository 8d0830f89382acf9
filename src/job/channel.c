/* Rings of a power of two between two threads: each end owns one index and reads the other's. */
#include "job/channel.h"

#include <assert.h>
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

/* ---- Wakers ------------------------------------------------------------------------------ */

enum {
    BRISK_US = 100, /* a sleep that was shorter has cost more than it saved */
    SPIN_US = 50,   /* so the next one begins so much later */
};

typedef enum WakerState {
    WAKER_CALM,
    WAKER_SIGNALED, /* since the owner's last wait */
    WAKER_WAITING,  /* the owner sleeps in the kernel, or is about to */
} WakerState;

struct Waker {
    World *world;           /* its monotonic clock is CLOCK_MONOTONIC */
    _Atomic uint32_t state; /* a WakerState */
    bool is_brisk;          /* the owner's last sleep was short */
};

Waker *waker_new(World *world)
{
    Waker *waker = memory_allocate_zeroed(sizeof *waker);
    waker->world = world;
    return waker;
}

void waker_free(Waker *waker)
{
    memory_free(waker);
}

/* The exchange is sequentially consistent: whoever puts a message before it is seen by the owner
 * that clears the state after it and looks again. */
void waker_wake(Waker *waker)
{
    if (atomic_exchange(&waker->state, WAKER_SIGNALED) == WAKER_WAITING)
        syscall(SYS_futex, &waker->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

bool waker_is_waiting(Waker *waker)
{
    return atomic_load(&waker->state) == WAKER_WAITING;
}

/* An exchange, not a store: the owner must see what the waking thread wrote before. */
static bool waker_hear(Waker *waker)
{
    return atomic_exchange(&waker->state, WAKER_CALM) == WAKER_SIGNALED;
}

/* Messages come in quick succession: going to sleep and being woken would take both threads longer
 * than the next one does. Whoever else is ready for this core has it meanwhile. */
static bool waker_spin(Waker *waker, int64_t until_us)
{
    do {
        sched_yield();
        if (atomic_load(&waker->state) == WAKER_SIGNALED)
            return waker_hear(waker);
    } while (world_monotonic_us(waker->world) < until_us);
    return false;
}

/* Until the state is another or `deadline_us` has come (< 0: without limit). */
static void waker_sleep(Waker *waker, int64_t deadline_us)
{
    struct timespec deadline = {.tv_sec = deadline_us / 1000000,
                                .tv_nsec = deadline_us % 1000000 * 1000};
    long result = 0;
    while (atomic_load(&waker->state) == WAKER_WAITING && !(result < 0 && errno == ETIMEDOUT))
        result = syscall(SYS_futex, &waker->state, FUTEX_WAIT_BITSET_PRIVATE, WAKER_WAITING,
                         deadline_us < 0 ? NULL : &deadline, NULL, FUTEX_BITSET_MATCH_ANY);
}

void waker_wait(Waker *waker, int64_t timeout_us)
{
    if (waker_hear(waker) || timeout_us == 0)
        return;
    int64_t now_us = world_monotonic_us(waker->world);
    int64_t deadline_us = timeout_us < 0 ? -1 : now_us + timeout_us;
    bool has_spun = waker->is_brisk && (timeout_us < 0 || timeout_us > SPIN_US);
    if (has_spun) {
        if (waker_spin(waker, now_us + SPIN_US))
            return;
        now_us += SPIN_US;
    }
    uint32_t calm = WAKER_CALM;
    if (atomic_compare_exchange_strong(&waker->state, &calm, WAKER_WAITING))
        waker_sleep(waker, deadline_us);
    /* Time that was up, or another spin that would have been for nothing, is no quick succession.
     */
    int64_t slept_us = world_monotonic_us(waker->world) - now_us;
    waker->is_brisk = waker_hear(waker) && slept_us < (has_spun ? SPIN_US : BRISK_US);
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
    /* The writer's: of used batches, how often it has asked for one, and how many were left then at
     * the least. */
    int32_t asked, left_least;
};

enum { ASKED_MAX = 256 };

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
    channel->left_least = CHANNEL_MESSAGES_MAX;
    return channel;
}

void channel_limit(Channel *channel, int64_t bytes)
{
    assert(bytes > 0);
    channel->bytes_max = bytes;
}

static Batch *channel_next_used(Channel *channel)
{
    int32_t slot = ring_filled_slot(&channel->backward);
    if (slot < 0)
        return NULL;
    Batch *batch = channel->used[slot];
    ring_advance(&channel->backward.head);
    atomic_fetch_sub(&channel->backward_bytes, batch_bytes(batch));
    return batch;
}

void channel_free(Channel *channel)
{
    if (channel == NULL)
        return;
    Message message;
    channel->writer = NULL;
    while (channel_take(channel, &message))
        batch_free(message.batch);
    for (Batch *batch = channel_next_used(channel); batch != NULL;
         batch = channel_next_used(channel))
        batch_free(batch);
    memory_free(channel);
}

void channel_connect(Channel *channel, Waker *reader, Waker *writer)
{
    channel->reader = reader;
    channel->writer = writer;
}

static int32_t ring_count(const Ring *ring)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    return (int32_t)(tail - head);
}

/* Whether so many bytes more are too many. The other end may have taken some out meanwhile: whoever
 * is refused is woken after that. */
static bool channel_is_heavy(const Channel *channel, const Ring *ring,
                             const _Atomic int64_t *inside, int64_t bytes)
{
    int64_t there = atomic_load(inside);
    if (bytes == 0 || there == 0)
        return false;
    return there > channel->bytes_max - bytes ||
           (there + bytes > CHANNEL_SMALL_BYTES && ring_count(ring) >= CHANNEL_WIDE_MAX);
}

bool channel_put(Channel *channel, const Message *message)
{
    assert((message->kind == MESSAGE_BATCH) == (message->batch != NULL));
    int32_t slot = ring_free_slot(&channel->forward);
    if (slot < 0 ||
        channel_is_heavy(channel, &channel->forward, &channel->forward_bytes, message->bytes))
        return false;
    channel->messages[slot] = *message;
    atomic_fetch_add(&channel->forward_bytes, message->bytes);
    ring_advance(&channel->forward.tail);
    if (channel->reader != NULL)
        waker_wake(channel->reader);
    return true;
}

/* What was left over each time is more than is needed: a reader that stood still once would leave a
 * ring full of batches behind, each of which grows, in its turn, to the size of the largest. */
Batch *channel_reuse(Channel *channel)
{
    Batch *batch = channel_next_used(channel);
    int32_t left = ring_count(&channel->backward);
    if (left < channel->left_least)
        channel->left_least = left;
    if (++channel->asked < ASKED_MAX)
        return batch;
    for (int32_t i = 0; i < channel->left_least; i++)
        batch_free(channel_next_used(channel));
    channel->asked = 0;
    channel->left_least = CHANNEL_MESSAGES_MAX;
    return batch;
}

/* The writer is woken once half of what the ring takes is free: waking it for every slot would make
 * the two threads run in lock step. */
static bool channel_has_room_again(const Channel *channel)
{
    int32_t count = ring_count(&channel->forward);
    if (count <= CHANNEL_WIDE_MAX / 2)
        return true;
    int64_t small_bytes =
        channel->bytes_max < CHANNEL_SMALL_BYTES ? channel->bytes_max : CHANNEL_SMALL_BYTES;
    return count <= CHANNEL_MESSAGES_MAX / 2 &&
           atomic_load(&channel->forward_bytes) <= small_bytes / 2;
}

bool channel_take(Channel *channel, Message *out)
{
    int32_t slot = ring_filled_slot(&channel->forward);
    if (slot < 0)
        return false;
    *out = channel->messages[slot];
    ring_advance(&channel->forward.head);
    atomic_fetch_sub(&channel->forward_bytes, out->bytes);
    if (channel->writer != NULL && channel_has_room_again(channel))
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
        channel_is_heavy(channel, &channel->backward, &channel->backward_bytes, bytes)) {
        batch_free(batch);
        return;
    }
    channel->used[slot] = batch;
    atomic_fetch_add(&channel->backward_bytes, bytes);
    ring_advance(&channel->backward.tail);
}
