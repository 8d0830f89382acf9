/* A copy of a whole table. */
#include "exec/join/lookup_full.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/memory.h"

struct LookupFull {
    Operator *op;
    const SourceKind *kind;
    pthread_t thread;
    bool has_thread;
    _Atomic bool is_read, is_interrupted;
    _Atomic(SourceReader *) reader; /* of the reading under way */
    pthread_mutex_t mutex;          /* an interrupt must not meet a close */
    Arena *arena;                   /* of the reading under way, or the last one */
    Batch **batches;
    int32_t batch_count, batch_capacity;
    Status status;
    Error error;
    bool is_taken;      /* what has been read is with the operator */
    int64_t started_us; /* the reading under way, or the last one */
    int64_t next_us;    /* when to read again; 0: never */
    Metric records;
};

LookupFull *lookup_full_new(Operator *op)
{
    const PlanNode *scan = op->node->lookup_join.scan;
    assert(scan != NULL && scan->kind == PLAN_SOURCE);
    LookupFull *full = memory_allocate_zeroed((int64_t)sizeof *full);
    full->op = op;
    full->kind = connector_find(scan->source.table->connector)->source;
    full->is_taken = true;
    assert(full->kind != NULL);
    pthread_mutex_init(&full->mutex, NULL);
    return full;
}

static bool full_is_stopping(const LookupFull *full)
{
    const _Atomic bool *flag = full->op->task->is_stopping;
    return atomic_load(&full->is_interrupted) ||
           (flag != NULL && atomic_load_explicit(flag, memory_order_relaxed));
}

static void full_keep(LookupFull *full, Batch *batch)
{
    if (full->batch_count == full->batch_capacity) {
        full->batch_capacity = full->batch_capacity == 0 ? 16 : full->batch_capacity * 2;
        full->batches =
            memory_resize(full->batches, (int64_t)sizeof(Batch *) * full->batch_capacity);
    }
    full->batches[full->batch_count++] = batch;
}

/* One that is larger than any, in pieces of the usual size. */
static void full_take(LookupFull *full, Batch *batch)
{
    if (batch->row_count <= BATCH_ROWS_MAX) {
        full_keep(full, batch);
        return;
    }
    Column *columns = arena_allocate(batch->arena, (int64_t)sizeof(Column) * batch->column_count);
    for (int32_t first = 0; first < batch->row_count; first += BATCH_ROWS_MAX) {
        Batch window = batch_window(batch, first, columns);
        full_keep(full, batch_copy(&window));
    }
    batch_free(batch);
}

static Status full_poll(LookupFull *full, SourceReader *reader)
{
    for (;;) {
        Batch *batch = NULL;
        Status status = full->kind->poll(reader, &batch, &full->error);
        if (status == OK)
            full_take(full, batch);
        else if (status == ERR_END)
            return OK;
        else if (status != ERR_AGAIN)
            return status;
        if (full_is_stopping(full))
            return ERR_CANCELLED;
    }
}

static Status full_read(LookupFull *full)
{
    const TaskContext *task = full->op->task;
    SourceReader *reader = arena_allocate_zeroed(full->arena, full->kind->size);
    reader->kind = full->kind;
    reader->node = full->op->node->lookup_join.scan;
    reader->world = task->world;
    reader->arena = full->arena;
    reader->dead_letters = task->dead_letters;
    reader->zone = task->settings->zone;
    reader->records = &full->records;
    reader->decode_threads = 1;
    atomic_store(&full->reader, reader);
    full->error = (Error){0};
    Status status = full->kind->open(reader, (Str){0}, &full->error);
    if (status == OK)
        status = full_poll(full, reader);
    pthread_mutex_lock(&full->mutex);
    atomic_store(&full->reader, NULL);
    full->kind->close(reader);
    pthread_mutex_unlock(&full->mutex);
    return status;
}

static void full_drop(LookupFull *full)
{
    for (int32_t i = 0; i < full->batch_count; i++)
        batch_free(full->batches[i]);
    full->batch_count = 0;
}

static void full_begin(LookupFull *full)
{
    full_drop(full);
    arena_free(full->arena);
    full->arena = arena_new(0);
    full->is_taken = false;
    full->started_us = world_now_us(full->op->task->world);
    full->status = OK;
    atomic_store(&full->is_read, false);
}

/* A reading has ended. */
static void full_schedule(LookupFull *full)
{
    const LookupCache *cache = &full->op->node->lookup_join.cache;
    int64_t now_us = world_now_us(full->op->task->world);
    full->next_us = 0;
    if (cache->reload_us > 0) {
        full->next_us = (cache->reloads_at_rate ? full->started_us : now_us) + cache->reload_us;
    } else if (cache->reload_days > 0) {
        int64_t today = floor_div(now_us, MICROS_PER_DAY) * MICROS_PER_DAY;
        full->next_us = today + cache->reload_at_us;
        if (full->next_us <= now_us)
            full->next_us += cache->reload_days * MICROS_PER_DAY;
    }
}

Status lookup_full_open(LookupFull *full)
{
    full_begin(full);
    Status status = full_read(full);
    if (status != OK) {
        *full->op->task->error = full->error;
        return status;
    }
    atomic_store(&full->is_read, true);
    full_schedule(full);
    return OK;
}

static void *full_main(void *context)
{
    LookupFull *full = context;
    full->status = full_read(full);
    atomic_store(&full->is_read, true);
    return NULL;
}

void lookup_full_tick(LookupFull *full, int64_t now_us)
{
    if (full->next_us == 0 || now_us < full->next_us || full->has_thread)
        return;
    full_begin(full);
    full->has_thread = pthread_create(&full->thread, NULL, full_main, full) == 0;
    if (!full->has_thread)
        full->is_taken = true;
}

/* The old copy stays when the new one could not be read. */
bool lookup_full_take(LookupFull *full, List *batches, Arena *arena)
{
    if (full->is_taken || !atomic_load(&full->is_read))
        return false;
    if (full->has_thread) {
        pthread_join(full->thread, NULL);
        full->has_thread = false;
        full_schedule(full);
    }
    full->is_taken = true;
    if (full->status != OK) {
        log_event(LOG_WARN, "lookup", "%s: the table could not be read anew: %s",
                  full->op->node->label, full->error.text);
        full_drop(full);
        return false;
    }
    for (int32_t i = 0; i < full->batch_count; i++)
        list_append(batches, arena, full->batches[i]);
    full->batch_count = 0;
    return true;
}

void lookup_full_interrupt(LookupFull *full)
{
    atomic_store(&full->is_interrupted, true);
    pthread_mutex_lock(&full->mutex);
    SourceReader *reader = atomic_load(&full->reader);
    if (reader != NULL && full->kind->interrupt != NULL)
        full->kind->interrupt(reader);
    pthread_mutex_unlock(&full->mutex);
}

void lookup_full_close(LookupFull *full)
{
    if (full == NULL)
        return;
    lookup_full_interrupt(full);
    if (full->has_thread)
        pthread_join(full->thread, NULL);
    full_drop(full);
    memory_free(full->batches);
    arena_free(full->arena);
    pthread_mutex_destroy(&full->mutex);
    memory_free(full);
}
