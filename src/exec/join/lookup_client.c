/* Asking a connector for rows by key. */
#include "exec/join/lookup_client.h"

#include <assert.h>
#include <pthread.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/memory.h"
#include "exec/operators.h"

enum {
    READERS_MAX = 4,
    PAUSE_FIRST_US = 100 * 1000,
    PAUSE_MAX_US = 5 * 1000 * 1000,
    PAUSE_STEP_US = 50 * 1000,
};

typedef enum SlotState { SLOT_FREE, SLOT_ASKED, SLOT_RUNNING, SLOT_DONE } SlotState;

/* A request on its way through. */
typedef struct Slot {
    SlotState state;
    LookupRequest *request;
    Status status;
    Error error;
    LookupRows rows;
} Slot;

/* A reader with the thread that uses it, when async. */
typedef struct Worker {
    LookupClient *client;
    LookupReader *reader;
    pthread_t thread;
    bool has_thread, is_open;
} Worker;

struct LookupClient {
    Operator *op;
    const LookupKind *kind;
    bool is_async;
    Worker workers[READERS_MAX];
    int32_t worker_count;
    Slot *slots;
    int32_t slot_count, slot_capacity;
    pthread_mutex_t mutex; /* guards what follows, and slots and workers while threads run */
    pthread_cond_t asked, answered;
    bool is_closing;
    _Atomic bool is_interrupted;
    Metric *requests, *retries;
};

static bool client_is_stopping(const LookupClient *client)
{
    const _Atomic bool *flag = client->op->task->is_stopping;
    return atomic_load(&client->is_interrupted) ||
           (flag != NULL && atomic_load_explicit(flag, memory_order_relaxed));
}

bool lookup_client_pause(LookupClient *client, int64_t pause_us)
{
    World *world = client->op->task->world;
    while (pause_us > 0 && !client_is_stopping(client)) {
        int64_t step_us = pause_us < PAUSE_STEP_US ? pause_us : PAUSE_STEP_US;
        world->kind->sleep_us(world, step_us);
        pause_us -= step_us;
    }
    return !client_is_stopping(client);
}

LookupReader *lookup_make_reader(const LookupKind *kind, const PlanNode *node,
                                 const TaskContext *task)
{
    LookupReader *reader = arena_allocate_zeroed(task->query, kind->size);
    *reader = (LookupReader){.kind = kind,
                             .node = node,
                             .keys = node->lookup_join.join.keys[1].columns,
                             .key_count = node->lookup_join.join.keys[1].count,
                             .timeout_us = node->lookup_join.timeout_us,
                             .world = task->world,
                             .arena = arena_new(0),
                             .dead_letters = task->dead_letters,
                             .zone = task->settings->zone};
    return reader;
}

LookupClient *lookup_client_new(Operator *op, const LookupKind *kind)
{
    const PlanNode *node = op->node;
    LookupClient *client = memory_allocate_zeroed((int64_t)sizeof *client);
    client->op = op;
    client->kind = kind;
    client->is_async = node->lookup_join.is_async;
    int32_t capacity = node->lookup_join.capacity;
    client->worker_count = !client->is_async ? 1 : capacity < READERS_MAX ? capacity : READERS_MAX;
    for (int32_t i = 0; i < client->worker_count; i++) {
        LookupReader *reader = lookup_make_reader(kind, node, op->task);
        client->workers[i] = (Worker){.client = client, .reader = reader};
    }
    pthread_mutex_init(&client->mutex, NULL);
    pthread_cond_init(&client->asked, NULL);
    pthread_cond_init(&client->answered, NULL);
    client->requests = metric_get(METRIC_COUNTER, "weir_lookup_keys_total", operator_labels(op, ""),
                                  "Keys that a table outside was asked for.", 1);
    client->retries = metric_get(METRIC_COUNTER, "weir_lookup_retries_total",
                                 operator_labels(op, ""), "Look-ups that were tried again.", 1);
    return client;
}

int32_t lookup_client_keys_max(const LookupClient *client)
{
    if (!client->is_async)
        return client->kind->keys_max;
    int32_t share = client->op->node->lookup_join.capacity / client->worker_count;
    share = share < 1 ? 1 : share;
    return share < client->kind->keys_max ? share : client->kind->keys_max;
}

/* ---- One call, until it succeeds --------------------------------------------------------- */

/* `slot` NULL: open. */
static Status worker_call(Worker *worker, Slot *slot, Error *error)
{
    LookupClient *client = worker->client;
    if (slot == NULL)
        return client->kind->open(worker->reader, error);
    return client->kind->find(worker->reader, slot->request->keys, &slot->rows, error);
}

static Status worker_insist(Worker *worker, Slot *slot, Error *error)
{
    LookupClient *client = worker->client;
    Backoff backoff = {.first_us = PAUSE_FIRST_US, .most_us = PAUSE_MAX_US};
    for (;;) {
        *error = (Error){0};
        if (slot != NULL)
            lookup_rows_clear(&slot->rows);
        Status status = worker_call(worker, slot, error);
        if (status == OK || !error->is_retriable)
            return status;
        if (client_is_stopping(client))
            return ERR_CANCELLED;
        metric_add(client->retries, 1);
        log_event(LOG_WARN, "lookup", "%s: %s; trying again", client->op->node->label, error->text);
        if (!lookup_client_pause(client, backoff_take_us(&backoff, client->op->task->world)))
            return ERR_CANCELLED;
    }
}

/* ---- Threads ----------------------------------------------------------------------------- */

static Slot *client_next_asked(LookupClient *client)
{
    for (int32_t i = 0; i < client->slot_count; i++)
        if (client->slots[i].state == SLOT_ASKED)
            return &client->slots[i];
    return NULL;
}

static void *worker_main(void *context)
{
    Worker *worker = context;
    LookupClient *client = worker->client;
    pthread_mutex_lock(&client->mutex);
    while (!client->is_closing) {
        Slot *slot = client_next_asked(client);
        if (slot == NULL) {
            pthread_cond_wait(&client->asked, &client->mutex);
            continue;
        }
        slot->state = SLOT_RUNNING;
        pthread_mutex_unlock(&client->mutex);
        Error error;
        Status status = worker_insist(worker, slot, &error);
        pthread_mutex_lock(&client->mutex);
        slot->status = status;
        slot->error = error;
        slot->state = SLOT_DONE;
        pthread_cond_signal(&client->answered);
    }
    pthread_mutex_unlock(&client->mutex);
    return NULL;
}

static Status client_start_threads(LookupClient *client)
{
    for (int32_t i = 0; i < client->worker_count; i++) {
        Worker *worker = &client->workers[i];
        if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0)
            return fail_thread(client->op->task->error, "for look-ups");
        worker->has_thread = true;
    }
    return OK;
}

Status lookup_client_open(LookupClient *client)
{
    for (int32_t i = 0; i < client->worker_count; i++) {
        Worker *worker = &client->workers[i];
        Error error;
        worker->is_open = true; /* close is due even after a failed open */
        Status status = worker_insist(worker, NULL, &error);
        if (status != OK) {
            *client->op->task->error = error;
            return status;
        }
    }
    return client->is_async ? client_start_threads(client) : OK;
}

/* ---- Running ----------------------------------------------------------------------------- */

/* Threads that just came back look for another slot that is asked, so the slots move only under
 * the mutex. */
static void client_need_slots(LookupClient *client, LookupRequest *requests, int32_t count)
{
    pthread_mutex_lock(&client->mutex);
    if (count > client->slot_capacity) {
        client->slots = memory_resize(client->slots, (int64_t)sizeof(Slot) * count);
        for (int32_t i = client->slot_capacity; i < count; i++)
            client->slots[i] = (Slot){.rows = {.schema = &client->op->node->lookup_join.fetched}};
        client->slot_capacity = count;
    }
    for (int32_t i = 0; i < count; i++) {
        client->slots[i].state = SLOT_FREE;
        client->slots[i].request = &requests[i];
        requests[i].rows = &client->slots[i].rows;
        metric_add(client->requests, requests[i].keys->row_count);
    }
    client->slot_count = count;
    pthread_mutex_unlock(&client->mutex);
}

static Status client_run_here(LookupClient *client, LookupDone *done, void *context)
{
    for (int32_t i = 0; i < client->slot_count; i++) {
        Error error;
        Status status = worker_insist(&client->workers[0], &client->slots[i], &error);
        if (status != OK) {
            *client->op->task->error = error;
            return status;
        }
        TRY(done(context, client->slots[i].request));
    }
    return OK;
}

/* Wait, with the mutex held, until the slot is done, or any if `slot` is NULL; which. */
static Slot *client_wait(LookupClient *client, Slot *slot)
{
    for (;;) {
        for (int32_t i = 0; slot == NULL && i < client->slot_count; i++)
            if (client->slots[i].state == SLOT_DONE)
                return &client->slots[i];
        if (slot != NULL && slot->state == SLOT_DONE)
            return slot;
        pthread_cond_wait(&client->answered, &client->mutex);
    }
}

static Status slot_finish(LookupClient *client, Slot *slot, LookupDone *done, void *context)
{
    if (slot->status == OK)
        return done(context, slot->request);
    *client->op->task->error = slot->error;
    return slot->status;
}

/* All slots come back, also after a failure: they refer to the caller's keys. */
static Status client_run_async(LookupClient *client, LookupDone *done, void *context)
{
    bool is_ordered = client->op->node->lookup_join.is_ordered;
    Status status = OK;
    pthread_mutex_lock(&client->mutex);
    for (int32_t i = 0; i < client->slot_count; i++)
        client->slots[i].state = SLOT_ASKED;
    pthread_cond_broadcast(&client->asked);
    for (int32_t i = 0; i < client->slot_count; i++) {
        Slot *slot = client_wait(client, is_ordered ? &client->slots[i] : NULL);
        slot->state = SLOT_FREE;
        pthread_mutex_unlock(&client->mutex);
        if (status == OK)
            status = slot_finish(client, slot, done, context);
        pthread_mutex_lock(&client->mutex);
    }
    pthread_mutex_unlock(&client->mutex);
    return status;
}

Status lookup_client_run(LookupClient *client, LookupRequest *requests, int32_t count,
                         LookupDone *done, void *context)
{
    if (count == 0)
        return OK;
    client_need_slots(client, requests, count);
    return client->is_async ? client_run_async(client, done, context)
                            : client_run_here(client, done, context);
}

void lookup_client_interrupt(LookupClient *client)
{
    atomic_store(&client->is_interrupted, true);
    for (int32_t i = 0; client->kind->interrupt != NULL && i < client->worker_count; i++)
        client->kind->interrupt(client->workers[i].reader);
}

void lookup_client_close(LookupClient *client)
{
    if (client == NULL)
        return;
    pthread_mutex_lock(&client->mutex);
    client->is_closing = true;
    pthread_cond_broadcast(&client->asked);
    pthread_mutex_unlock(&client->mutex);
    for (int32_t i = 0; i < client->worker_count; i++) {
        Worker *worker = &client->workers[i];
        if (worker->has_thread)
            pthread_join(worker->thread, NULL);
        if (worker->is_open)
            client->kind->close(worker->reader);
        arena_free(worker->reader->arena);
    }
    for (int32_t i = 0; i < client->slot_capacity; i++)
        lookup_rows_free(&client->slots[i].rows);
    memory_free(client->slots);
    pthread_mutex_destroy(&client->mutex);
    pthread_cond_destroy(&client->asked);
    pthread_cond_destroy(&client->answered);
    memory_free(client);
}
