/* A ring of slots under one lock: a batch takes a hundred times as long to make as the lock. */
#include "connect/nexmark/ahead.h"

#include <assert.h>
#include <pthread.h>

#include "base/ceiling.h"
#include "base/memory.h"

enum { SLOTS = 8, THREADS_MAX = SLOTS - 1 }; /* the taker makes the eighth */

/* Of what the process may have, that part at the most. */
enum { WAITING_BYTES_MAX = 64 << 20, WAITING_PART = 16 };

typedef struct AheadSlot {
    AheadPlan plan;
    Batch *batch; /* NULL: not made yet */
} AheadSlot;

struct Ahead {
    AheadSpec spec;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t has_room, is_made;
    AheadSlot slots[SLOTS];
    int64_t planned, taken; /* numbers of batches: slot number modulo SLOTS */
    int64_t last_bytes;     /* of the batch that was made last */
    int32_t sleeping;       /* threads that wait for room */
    bool is_over;           /* nothing more can be planned */
    bool is_closing;
    pthread_t threads[THREADS_MAX];
    int32_t thread_count;
};

static bool ahead_has_room(const Ahead *ahead)
{
    int64_t waiting = ahead->planned - ahead->taken;
    return waiting == 0 || (waiting < SLOTS && (waiting + 1) * ahead->last_bytes <=
                                                   ceiling_share(WAITING_PART, WAITING_BYTES_MAX));
}

/* Plan the next batch and make it; false if there is no room, or nothing to plan. The lock is held
 * before and after, not meanwhile. */
static bool ahead_make_one(Ahead *ahead)
{
    if (ahead->is_over || !ahead_has_room(ahead))
        return false;
    AheadSlot *slot = &ahead->slots[ahead->planned % SLOTS];
    assert(slot->batch == NULL);
    if (!ahead->spec.plan(ahead->spec.context, &slot->plan)) {
        ahead->is_over = true;
        return false;
    }
    ahead->planned++;
    pthread_mutex_unlock(&ahead->lock);
    Batch *batch = ahead->spec.make(ahead->spec.context, &slot->plan);
    pthread_mutex_lock(&ahead->lock);
    slot->batch = batch;
    ahead->last_bytes = batch_bytes(batch);
    pthread_cond_signal(&ahead->is_made);
    return true;
}

static void *ahead_run(void *context)
{
    Ahead *ahead = context;
    memory_hold(ahead->spec.holder);
    pthread_mutex_lock(&ahead->lock);
    while (!ahead->is_closing) {
        if (ahead_make_one(ahead))
            continue;
        ahead->sleeping++;
        pthread_cond_wait(&ahead->has_room, &ahead->lock);
        ahead->sleeping--;
    }
    pthread_mutex_unlock(&ahead->lock);
    return NULL;
}

Ahead *ahead_open(Arena *arena, const AheadSpec *spec)
{
    Ahead *ahead = ARENA_NEW(arena, Ahead);
    *ahead = (Ahead){.spec = *spec};
    pthread_mutex_init(&ahead->lock, NULL);
    pthread_cond_init(&ahead->has_room, NULL);
    pthread_cond_init(&ahead->is_made, NULL);
    int32_t wanted = spec->threads < THREADS_MAX ? spec->threads : THREADS_MAX;
    for (; ahead->thread_count < wanted; ahead->thread_count++) {
        if (pthread_create(&ahead->threads[ahead->thread_count], NULL, ahead_run, ahead) != 0)
            break;
    }
    return ahead;
}

bool ahead_help(Ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    bool was_over = ahead->is_over;
    bool has_made = ahead_make_one(ahead);
    bool has_ended = ahead->is_over && !was_over; /* which ahead_take has to say */
    pthread_mutex_unlock(&ahead->lock);
    return has_made || has_ended;
}

bool ahead_is_ready(Ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    bool is_ready = ahead->taken < ahead->planned ? ahead->slots[ahead->taken % SLOTS].batch != NULL
                                                  : ahead->is_over;
    pthread_mutex_unlock(&ahead->lock);
    return is_ready;
}

bool ahead_take(Ahead *ahead, AheadPlan *plan, Batch **batch)
{
    pthread_mutex_lock(&ahead->lock);
    AheadSlot *slot = &ahead->slots[ahead->taken % SLOTS];
    while (ahead->taken == ahead->planned || slot->batch == NULL) {
        if (ahead_make_one(ahead))
            continue;
        if (ahead->taken == ahead->planned)
            break;
        pthread_cond_wait(&ahead->is_made, &ahead->lock);
    }
    bool has_one = ahead->taken < ahead->planned;
    if (has_one) {
        *plan = slot->plan;
        *batch = slot->batch;
        slot->batch = NULL;
        ahead->taken++;
    }
    /* Who has filled the ring sleeps until half of it is empty, not for one batch. */
    if (ahead->sleeping > 0 && !ahead->is_over && ahead->planned - ahead->taken <= SLOTS / 2)
        pthread_cond_broadcast(&ahead->has_room);
    pthread_mutex_unlock(&ahead->lock);
    return has_one;
}

void ahead_close(Ahead *ahead)
{
    if (ahead == NULL)
        return;
    pthread_mutex_lock(&ahead->lock);
    ahead->is_closing = true;
    pthread_cond_broadcast(&ahead->has_room);
    pthread_mutex_unlock(&ahead->lock);
    for (int32_t i = 0; i < ahead->thread_count; i++)
        pthread_join(ahead->threads[i], NULL);
    for (int32_t i = 0; i < SLOTS; i++)
        batch_free(ahead->slots[i].batch);
    pthread_cond_destroy(&ahead->is_made);
    pthread_cond_destroy(&ahead->has_room);
    pthread_mutex_destroy(&ahead->lock);
}
