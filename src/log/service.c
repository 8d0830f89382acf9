/* The log's own threads. */
#include <assert.h>

#include "base/log.h"
#include "base/memory.h"
#include "log/internal.h"

enum { FLUSHERS_MAX = 16, TICKER_COUNT = 3, TICK_US = 1000 * 1000, NAP_US = 50 * 1000 };

/* Something that is done about each second, for as long as it takes. */
typedef struct Ticker {
    LogService *service;
    Status (*tick)(Log *log, Error *error);
    pthread_t thread;
} Ticker;

struct LogService {
    Log *log;
    void (*on_failure)(void *context);
    pthread_t flushers[FLUSHERS_MAX];
    Ticker tickers[TICKER_COUNT];
    int32_t flusher_count, ticker_count;
    bool has_told;
    _Atomic bool is_stopping;
};

static void service_tell(LogService *service, const Error *error)
{
    pthread_mutex_lock(&service->log->queue_lock);
    bool is_first = !service->has_told;
    service->has_told = true;
    pthread_mutex_unlock(&service->log->queue_lock);
    if (!is_first)
        return;
    log_event(LOG_ERROR, "log", "%s", error->text);
    if (service->on_failure != NULL)
        service->on_failure(service->log->options.context);
}

/* Partitions that are waiting are flushed by as many threads as there are: the file system makes
 * one commit of syncs that meet. */
static void *service_flush(void *argument)
{
    LogService *service = argument;
    Log *log = service->log;
    Error error = {0};
    Status status = OK;
    while (status == OK) {
        pthread_mutex_lock(&log->queue_lock);
        while (log->queue_first == NULL && log->broken == NULL && !service->is_stopping)
            pthread_cond_wait(&log->queue_moved, &log->queue_lock);
        bool is_over = log->queue_first == NULL;
        pthread_mutex_unlock(&log->queue_lock);
        if (is_over)
            break;
        status = log_flush(log, &error);
        if (status == OK || log_is_broken(log, NULL))
            continue;
        log_event(LOG_WARN, "log", "%s", error.text);
        log->world->kind->sleep_us(log->world, NAP_US);
        status = OK;
    }
    if (log_is_broken(log, &error))
        service_tell(service, &error);
    return NULL;
}

static void *service_tick(void *argument)
{
    const Ticker *ticker = argument;
    LogService *service = ticker->service;
    World *world = service->log->world;
    Error error = {0};
    int64_t next_us = world_monotonic_us(world) + TICK_US;
    while (!service->is_stopping) {
        world->kind->sleep_us(world, NAP_US);
        if (world_monotonic_us(world) < next_us)
            continue;
        next_us = world_monotonic_us(world) + TICK_US;
        if (ticker->tick(service->log, &error) != OK || log_is_broken(service->log, &error)) {
            service_tell(service, &error);
            break;
        }
    }
    return NULL;
}

/* Marks do not wait until a large partition is compacted: what was acknowledged meanwhile could be
 * cut by a start after a crash, and nobody would know. */
static Status (*const duties[TICKER_COUNT])(Log *log, Error *error) = {log_keep_marks, log_clean,
                                                                       log_compact};

Status log_start(Log *log, int32_t flusher_count, void (*on_failure)(void *context), Error *error)
{
    assert(log->service == NULL && flusher_count > 0 && flusher_count <= FLUSHERS_MAX);
    LogService *service = memory_allocate_zeroed((int64_t)sizeof *service);
    service->log = log;
    service->on_failure = on_failure;
    log->service = service;
    bool is_good = true;
    for (int32_t i = 0; is_good && i < TICKER_COUNT; i++) {
        Ticker *ticker = &service->tickers[i];
        *ticker = (Ticker){.service = service, .tick = duties[i]};
        is_good = pthread_create(&ticker->thread, NULL, service_tick, ticker) == 0;
        service->ticker_count += is_good;
    }
    for (int32_t i = 0; is_good && i < flusher_count; i++) {
        is_good = pthread_create(&service->flushers[i], NULL, service_flush, service) == 0;
        service->flusher_count += is_good;
    }
    if (is_good)
        return OK;
    log_stop(log);
    return fail_thread(error, "to write the log");
}

void log_stop(Log *log)
{
    LogService *service = log->service;
    if (service == NULL)
        return;
    service->is_stopping = true;
    pthread_mutex_lock(&log->queue_lock);
    pthread_cond_broadcast(&log->queue_moved);
    pthread_mutex_unlock(&log->queue_lock);
    for (int32_t i = 0; i < service->flusher_count; i++)
        pthread_join(service->flushers[i], NULL);
    for (int32_t i = 0; i < service->ticker_count; i++)
        pthread_join(service->tickers[i].thread, NULL);
    memory_free(service);
    log->service = NULL;
}
