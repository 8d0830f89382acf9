/* For tests of two syncs of a file or folder at once: of a failure the system tells only one of
 * them. The first one stays within until the second has come in beside it, or has had time to, and
 * then fails; the second one hears nothing.
 *
 * A second that is rightly kept out costs the test that time; however slow the machine is, it never
 * fails for it. */
#ifndef WEIR_BASE_SYNCS_TESTING_H
#define WEIR_BASE_SYNCS_TESTING_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>

typedef struct Syncs {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    int count;                    /* that have come in */
    bool has_second_begun;        /* it is about to sync */
    int (*second)(void *context); /* what the other thread does */
    void *context;
    int second_result;
} Syncs;

#define SYNCS_INIT                                                                                 \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER                       \
    }

enum { SYNCS_WAIT_MS = 300 };

/* What a sync answers: 0 or EIO. */
static inline int syncs_answer(Syncs *syncs)
{
    pthread_mutex_lock(&syncs->lock);
    bool is_first = ++syncs->count == 1;
    pthread_cond_broadcast(&syncs->moved);
    while (is_first && !syncs->has_second_begun)
        pthread_cond_wait(&syncs->moved, &syncs->lock);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += SYNCS_WAIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    int waited = 0;
    while (is_first && syncs->count < 2 && waited == 0)
        waited = pthread_cond_timedwait(&syncs->moved, &syncs->lock, &until);
    pthread_mutex_unlock(&syncs->lock);
    return is_first ? EIO : 0;
}

static inline void *syncs_run_second(void *argument)
{
    Syncs *syncs = argument;
    pthread_mutex_lock(&syncs->lock);
    while (syncs->count == 0)
        pthread_cond_wait(&syncs->moved, &syncs->lock);
    pthread_mutex_unlock(&syncs->lock);
    syncs->second_result = syncs->second(syncs->context);
    return NULL;
}

/* The second says this right before it syncs. */
static inline void syncs_begin_second(Syncs *syncs)
{
    pthread_mutex_lock(&syncs->lock);
    syncs->has_second_begun = true;
    pthread_cond_broadcast(&syncs->moved);
    pthread_mutex_unlock(&syncs->lock);
}

/* `first` in this thread, `syncs->second` in another as soon as the first is within. */
static inline int syncs_run(Syncs *syncs, int (*first)(void *context))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, syncs_run_second, syncs) != 0)
        return -1;
    int result = first(syncs->context);
    pthread_join(thread, NULL);
    return result;
}

#endif
