#include "kafka/appender.h"

#include <pthread.h>

#include "base/memory.h"

struct Appender {
    void (*on_done)(void *context);
    void *context;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t moved;
    Append *first, *last;
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

static void *appender_main(void *context)
{
    Appender *appender = context;
    for (;;) {
        pthread_mutex_lock(&appender->lock);
        while (appender->first == NULL && !appender->is_stopping)
            pthread_cond_wait(&appender->moved, &appender->lock);
        Append *append = appender->first;
        if (append != NULL)
            appender->first = append->next;
        pthread_mutex_unlock(&appender->lock);
        if (append == NULL)
            return NULL;
        appender_do(appender, append);
    }
}

Status appender_new(void (*on_done)(void *context), void *context, Appender **out, Error *error)
{
    Appender *appender = memory_allocate_zeroed((int64_t)sizeof *appender);
    appender->on_done = on_done;
    appender->context = context;
    pthread_mutex_init(&appender->lock, NULL);
    pthread_cond_init(&appender->moved, NULL);
    if (pthread_create(&appender->thread, NULL, appender_main, appender) == 0) {
        *out = appender;
        return OK;
    }
    pthread_cond_destroy(&appender->moved);
    pthread_mutex_destroy(&appender->lock);
    memory_free(appender);
    return fail_thread(error, "to append");
}

void appender_free(Appender *appender)
{
    if (appender == NULL)
        return;
    pthread_mutex_lock(&appender->lock);
    appender->is_stopping = true;
    pthread_cond_signal(&appender->moved);
    pthread_mutex_unlock(&appender->lock);
    pthread_join(appender->thread, NULL);
    pthread_cond_destroy(&appender->moved);
    pthread_mutex_destroy(&appender->lock);
    memory_free(appender);
}

void append_submit(Appender *appender, Append *append)
{
    append->next = NULL;
    pthread_mutex_lock(&appender->lock);
    if (appender->first == NULL)
        appender->first = append;
    else
        appender->last->next = append;
    appender->last = append;
    pthread_cond_signal(&appender->moved);
    pthread_mutex_unlock(&appender->lock);
}
