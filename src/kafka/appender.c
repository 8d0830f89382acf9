#include "kafka/appender.h"

#include <assert.h>
#include <pthread.h>

#include "base/hash.h"
#include "base/memory.h"

/* More than there are threads by far, so that partitions hardly ever wait for one another. */
enum { LANES = 64 };

/* What is queued for the partitions that are told to it. */
typedef struct Lane {
    Append *first, *last;
    bool is_running; /* by a thread, which has taken one out */
    struct Lane *next_ready;
} Lane;

struct Appender {
    void (*on_done)(void *context);
    void *context;
    pthread_t threads[APPENDER_THREADS_MAX];
    int32_t thread_count;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t moved;
    Lane lanes[LANES];
    Lane *first_ready, *last_ready; /* have something, and no thread */
    bool is_stopping;
};

void append_run(Append *append)
{
    if (append->write != NULL)
        append->write(append);
    else
        append->status = partition_append(append->partition, append->batch, append->bytes,
                                          &append->appended, &append->error);
    append->is_done = true;
}

/* Who waits hears of what is acknowledged later; if it was before `is_done` could be seen, or is
 * never, by nobody else than this. */
static bool tells_of_itself(const Append *append)
{
    PartitionOffsets offsets;
    if (append->write != NULL || append->status != OK || append->appended.verdict != APPEND_DONE)
        return false;
    partition_offsets(append->partition, &offsets);
    return offsets.high_watermark < append->appended.end_offset;
}

static void appender_do(const Appender *appender, Append *append)
{
    append_run(append);
    if (!tells_of_itself(append))
        appender->on_done(appender->context);
    append->let_go(append->owner);
}

/* ---- Lanes; under the lock ------------------------------------------------------------------- */

static Lane *lane_of(Appender *appender, const Append *append)
{
    return &appender->lanes[hash_u64((uint64_t)(uintptr_t)append->partition) % LANES];
}

/* Behind the others that are ready, so that each partition has its turn. */
static void lane_be_ready(Appender *appender, Lane *lane)
{
    assert(lane->first != NULL && !lane->is_running);
    lane->next_ready = NULL;
    *(appender->first_ready == NULL ? &appender->first_ready : &appender->last_ready->next_ready) =
        lane;
    appender->last_ready = lane;
    pthread_cond_signal(&appender->moved);
}

/* The first append of a lane that no other thread takes anything from meanwhile. */
static Append *lane_begin(Appender *appender, Lane **out)
{
    Lane *lane = appender->first_ready;
    *out = lane;
    if (lane == NULL)
        return NULL;
    appender->first_ready = lane->next_ready;
    Append *append = lane->first;
    lane->first = append->next;
    lane->is_running = true;
    return append;
}

static void lane_end(Appender *appender, Lane *lane)
{
    lane->is_running = false;
    if (lane->first != NULL)
        lane_be_ready(appender, lane);
}

/* ---- Threads --------------------------------------------------------------------------------- */

/* Who stops leaves nothing behind but what others run, who go on with it. */
static void *appender_main(void *context)
{
    Appender *appender = context;
    Lane *lane;
    pthread_mutex_lock(&appender->lock);
    for (;;) {
        while (appender->first_ready == NULL && !appender->is_stopping)
            pthread_cond_wait(&appender->moved, &appender->lock);
        Append *append = lane_begin(appender, &lane);
        if (append == NULL)
            break;
        pthread_mutex_unlock(&appender->lock);
        appender_do(appender, append);
        pthread_mutex_lock(&appender->lock);
        lane_end(appender, lane);
    }
    pthread_mutex_unlock(&appender->lock);
    return NULL;
}

Status appender_new(int32_t threads, void (*on_done)(void *context), void *context, Appender **out,
                    Error *error)
{
    assert(threads > 0 && threads <= APPENDER_THREADS_MAX);
    Appender *appender = memory_allocate_zeroed((int64_t)sizeof *appender);
    appender->on_done = on_done;
    appender->context = context;
    pthread_mutex_init(&appender->lock, NULL);
    pthread_cond_init(&appender->moved, NULL);
    bool is_good = true;
    while (is_good && appender->thread_count < threads) {
        pthread_t *thread = &appender->threads[appender->thread_count];
        is_good = pthread_create(thread, NULL, appender_main, appender) == 0;
        appender->thread_count += is_good;
    }
    if (is_good) {
        *out = appender;
        return OK;
    }
    appender_free(appender);
    return fail_thread(error, "to append");
}

void appender_free(Appender *appender)
{
    if (appender == NULL)
        return;
    pthread_mutex_lock(&appender->lock);
    appender->is_stopping = true;
    pthread_cond_broadcast(&appender->moved);
    pthread_mutex_unlock(&appender->lock);
    for (int32_t i = 0; i < appender->thread_count; i++)
        pthread_join(appender->threads[i], NULL);
    pthread_cond_destroy(&appender->moved);
    pthread_mutex_destroy(&appender->lock);
    memory_free(appender);
}

void append_submit(Appender *appender, Append *append)
{
    append->next = NULL;
    pthread_mutex_lock(&appender->lock);
    Lane *lane = lane_of(appender, append);
    bool is_first = lane->first == NULL;
    *(is_first ? &lane->first : &lane->last->next) = append;
    lane->last = append;
    if (is_first && !lane->is_running)
        lane_be_ready(appender, lane);
    pthread_mutex_unlock(&appender->lock);
}
