/* The ring of blocks and its threads. */
#include "connect/filesystem/blocks.h"

#include <pthread.h>
#include <time.h>

#include "base/memory.h"
#include "connect/filesystem/stream.h"

enum {
    BLOCK_BYTES = 1 << 20,
    RECORD_BYTES_MAX = 64 << 20,
    THREADS_MAX = 16,
    SLOTS_SPARE = 2,
    WAIT_US = 50 * 1000,
};

typedef enum SlotState { SLOT_FREE, SLOT_BUSY, SLOT_DONE } SlotState;

typedef struct SlotBatch {
    Batch *batch;
    int64_t end; /* of its last record in the block */
    FileMark mark;
} SlotBatch;

typedef struct Slot {
    SlotState state;
    const FoundFile *file;
    char *block;
    int64_t capacity, length;
    int64_t offset; /* of the block in the file */
    bool is_file_end, is_gone;
    FileMark mark; /* at the end of the block */
    /* The file ends with this block only because it is damaged behind it. */
    bool is_damaged;
    Buffer torn; /* what was read behind the last whole record */
    SlotBatch *batches;
    int32_t batch_count, batch_capacity;
    int32_t delivered;
    Buffer rejects; /* entries: batches before it, offset, code, reason, record */
    int64_t rejects_read;
    Status status;
    Error error;
} Slot;

typedef struct QueuedFile {
    const FoundFile *file;
    int64_t offset;
    FileMark mark; /* where offset > 0 */
    struct QueuedFile *next;
} QueuedFile;

typedef struct BlocksWorker {
    Blocks *blocks;
    pthread_t thread;
    bool has_thread;
    Arena *arena;
    Decoder *decoder;
    Slot *slot;      /* being decoded */
    int64_t decoded; /* bytes of it in front of what the decoder sees */
} BlocksWorker;

struct Blocks {
    BlocksSpec spec;
    struct Metric *holder; /* of the memory that the workers take */
    Arena *arena;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    Slot *slots;
    int32_t slot_count;
    int64_t taken;     /* slots handed to workers so far */
    int64_t delivered; /* slots taken out so far */
    QueuedFile *first, *last;
    bool is_reading;
    bool is_stopping;
    bool is_interrupted;
    bool has_failed;
    /* Touched by the one worker that reads. */
    FileStream *stream;
    const FoundFile *file;
    int64_t offset; /* of the next byte that goes into a block */
    FileMark mark;  /* of the file, there */
    Buffer carry;   /* read, but behind the last whole record */
    BlocksWorker workers[THREADS_MAX];
    int32_t worker_count;
};

static void slot_reject(void *context, int64_t offset, Str record, const char *code,
                        const char *reason)
{
    BlocksWorker *worker = context;
    Slot *slot = worker->slot;
    buffer_append_u32(&slot->rejects, (uint32_t)slot->batch_count);
    buffer_append_u64(&slot->rejects, (uint64_t)(worker->decoded + offset));
    buffer_append_bytes(&slot->rejects, str_from(code));
    buffer_append_u8(&slot->rejects, 0);
    buffer_append_bytes(&slot->rejects, str_from(reason));
    buffer_append_u8(&slot->rejects, 0);
    buffer_append_bytes(&slot->rejects, record);
}

static void slot_room(Slot *slot, int64_t bytes)
{
    if (slot->capacity >= bytes)
        return;
    slot->block = memory_resize(slot->block, bytes + DECODER_PADDING);
    slot->capacity = bytes;
}

static Status reader_open_stream(Blocks *blocks, Error *error)
{
    World *world = blocks->spec.world;
    const char *path = blocks->file->path;
    FileInfo info;
    if (blocks->offset > 0)
        TRY(mark_resume(world, path, blocks->offset, &blocks->mark, &blocks->stream, error));
    else
        TRY(stream_open(world, path, 0, &blocks->stream, error));
    TRY(world->kind->stat(world, path, &info, error));
    blocks->mark.size_bytes = info.size_bytes;
    blocks->mark.modified_us = info.modified_us;
    return OK;
}

/* Open the next file of the queue if none is open. */
static Status reader_open_file(Blocks *blocks, Error *error)
{
    if (blocks->stream != NULL)
        return OK;
    pthread_mutex_lock(&blocks->lock);
    QueuedFile *queued = blocks->first;
    assert(queued != NULL);
    blocks->first = queued->next;
    if (blocks->first == NULL)
        blocks->last = NULL;
    pthread_mutex_unlock(&blocks->lock);
    blocks->file = queued->file;
    blocks->offset = queued->offset;
    blocks->mark = queued->mark;
    blocks->carry.length = 0;
    memory_free(queued);
    return reader_open_stream(blocks, error);
}

/* What was read of the file, and how it was. */
static Status reader_mark(Blocks *blocks, Slot *slot, Error *error)
{
    FileMark *mark = &blocks->mark;
    Str bytes = str_make(slot->block, slot->length);
    if (slot->offset == 0)
        mark_head(mark, bytes);
    if (slot->length > 0)
        mark_tail(mark, bytes);
    if (slot->is_file_end && !slot->is_damaged) {
        int64_t end = stream_position(blocks->stream);
        if (end < mark->size_bytes)
            return mark_fail(blocks->file->path, "became shorter while it was read", error);
        mark->size_bytes = end;
    }
    slot->mark = *mark;
    return OK;
}

/* Behind what was unpacked last the file is damaged: what is whole in front of that is its end. */
static int64_t reader_end_damaged(Blocks *blocks, BlocksWorker *worker, Slot *slot)
{
    int64_t end =
        blocks->spec.kind->last_record_end(worker->decoder, str_make(slot->block, slot->length));
    slot->is_damaged = slot->is_file_end = true;
    slot->torn.length = 0;
    buffer_append(&slot->torn, slot->block + end, slot->length - end);
    slot->length = end;
    return end;
}

/* The next block of whole records into the slot: what was carried over, and what follows. */
static Status reader_fill(Blocks *blocks, BlocksWorker *worker, Slot *slot, Error *error)
{
    int64_t wanted = BLOCK_BYTES;
    int64_t end = 0;
    slot_room(slot, wanted > blocks->carry.length ? wanted : blocks->carry.length);
    if (blocks->carry.length > 0)
        memcpy(slot->block, blocks->carry.data, (size_t)blocks->carry.length);
    slot->length = blocks->carry.length;
    while (end == 0 && !slot->is_file_end) {
        slot_room(slot, wanted);
        int64_t got = 0;
        Status status = OK;
        if (slot->length < wanted)
            status = stream_read(blocks->stream, slot->block + slot->length, wanted - slot->length,
                                 &got, error);
        slot->length += got;
        if (status == ERR_DECODE && blocks->spec.passes_damage) {
            end = reader_end_damaged(blocks, worker, slot);
            break;
        }
        TRY(status);
        slot->is_file_end = slot->length < wanted;
        Str bytes = str_make(slot->block, slot->length);
        end = slot->is_file_end ? slot->length
                                : blocks->spec.kind->last_record_end(worker->decoder, bytes);
        /* A record beyond all measure is cut, and refused by the decoder. */
        if (end == 0 && wanted >= RECORD_BYTES_MAX)
            end = slot->length;
        wanted *= 2;
    }
    blocks->carry.length = 0;
    buffer_append(&blocks->carry, slot->block + end, slot->length - end);
    slot->length = end;
    memset(slot->block + end, 0, DECODER_PADDING);
    slot->offset = blocks->offset;
    blocks->offset += end;
    return reader_mark(blocks, slot, error);
}

static void reader_read(Blocks *blocks, BlocksWorker *worker, Slot *slot)
{
    slot->status = reader_open_file(blocks, &slot->error);
    slot->file = blocks->file;
    slot->is_gone =
        slot->status == ERR_NOT_FOUND && blocks->offset == 0 && blocks->spec.passes_damage;
    slot->is_file_end = slot->is_gone;
    slot->is_damaged = false;
    slot->length = 0;
    if (slot->is_gone)
        slot->status = OK;
    else if (slot->status == OK)
        slot->status = reader_fill(blocks, worker, slot, &slot->error);
    if (slot->status != OK || slot->is_file_end) {
        stream_close(blocks->stream);
        blocks->stream = NULL;
    }
}

static void slot_add_batch(Slot *slot, Batch *batch, int64_t end)
{
    if (slot->batch_count == slot->batch_capacity) {
        slot->batch_capacity = slot->batch_capacity == 0 ? 8 : slot->batch_capacity * 2;
        slot->batches =
            memory_resize(slot->batches, slot->batch_capacity * (int64_t)sizeof *slot->batches);
    }
    SlotBatch *added = &slot->batches[slot->batch_count++];
    *added = (SlotBatch){batch, end, slot->mark};
    mark_tail(&added->mark, str_make(slot->block, end));
}

static void slot_decode(Blocks *blocks, BlocksWorker *worker, Slot *slot)
{
    int64_t at = 0;
    worker->slot = slot;
    while (at < slot->length) {
        worker->decoded = at;
        Batch *batch = batch_new(blocks->spec.batch, BATCH_ROWS_MAX);
        int64_t used = 0;
        Str rest = str_make(slot->block + at, slot->length - at);
        blocks->spec.kind->decode(worker->decoder, rest, batch, BATCH_ROWS_MAX, &used);
        assert(used > 0);
        at += used;
        if (batch->row_count > 0)
            slot_add_batch(slot, batch, at);
        else
            batch_free(batch);
    }
}

/* Behind its rows. */
static void slot_reject_rest(Slot *slot, BlocksWorker *worker)
{
    Buffer reason = {0};
    buffer_printf(&reason, "%s: it cannot be read behind byte %lld of what is packed in it",
                  slot->error.text, (long long)(slot->offset + slot->length));
    worker->slot = slot;
    worker->decoded = slot->length;
    slot_reject(worker, 0, buffer_str(&slot->torn), BLOCKS_DAMAGED, buffer_terminated(&reason));
    buffer_free(&reason);
}

/* Whether a worker may begin a block. */
static bool blocks_can_take(const Blocks *blocks)
{
    return !blocks->is_reading && !blocks->has_failed &&
           blocks->taken < blocks->delivered + blocks->slot_count &&
           (blocks->stream != NULL || blocks->first != NULL);
}

static void worker_take_block(Blocks *blocks, BlocksWorker *worker)
{
    Slot *slot = &blocks->slots[blocks->taken++ % blocks->slot_count];
    assert(slot->state == SLOT_FREE);
    slot->state = SLOT_BUSY;
    blocks->is_reading = true;
    pthread_mutex_unlock(&blocks->lock);

    reader_read(blocks, worker, slot);

    pthread_mutex_lock(&blocks->lock);
    blocks->is_reading = false;
    blocks->has_failed |= slot->status != OK;
    pthread_cond_broadcast(&blocks->changed);
    pthread_mutex_unlock(&blocks->lock);
    if (blocks->spec.helpers > 0)
        blocks->spec.call_helpers(blocks->spec.call_context);

    if (slot->status == OK)
        slot_decode(blocks, worker, slot);
    if (slot->status == OK && slot->is_damaged)
        slot_reject_rest(slot, worker);

    pthread_mutex_lock(&blocks->lock);
    slot->state = SLOT_DONE;
    pthread_cond_broadcast(&blocks->changed);
}

bool blocks_help(Blocks *blocks, int32_t helper)
{
    assert(blocks->spec.helpers > 0 && helper < blocks->spec.helpers);
    if (helper >= blocks->worker_count)
        return false;
    pthread_mutex_lock(&blocks->lock);
    bool can_take = !blocks->is_interrupted && blocks_can_take(blocks);
    if (can_take)
        worker_take_block(blocks, &blocks->workers[helper]);
    pthread_mutex_unlock(&blocks->lock);
    return can_take;
}

static void *worker_run(void *context)
{
    BlocksWorker *worker = context;
    Blocks *blocks = worker->blocks;
    memory_hold(blocks->holder);
    pthread_mutex_lock(&blocks->lock);
    while (!blocks->is_stopping) {
        if (blocks_can_take(blocks))
            worker_take_block(blocks, worker);
        else
            pthread_cond_wait(&blocks->changed, &blocks->lock);
    }
    pthread_mutex_unlock(&blocks->lock);
    return NULL;
}

static Status worker_start(Blocks *blocks, BlocksWorker *worker, Error *error)
{
    worker->blocks = blocks;
    worker->arena = arena_new(0);
    DecoderSpec spec = blocks->spec.decoder;
    spec.reject = slot_reject;
    spec.reject_context = worker;
    TRY(blocks->spec.kind->open(worker->arena, &spec, &worker->decoder, error));
    worker->has_thread = blocks->spec.threads > 0 && blocks->spec.helpers == 0;
    if (!worker->has_thread || pthread_create(&worker->thread, NULL, worker_run, worker) == 0)
        return OK;
    blocks->spec.kind->close(worker->decoder);
    return fail_thread(error, "to read files");
}

Status blocks_open(Arena *arena, const BlocksSpec *spec, Blocks **out, Error *error)
{
    Blocks *blocks = ARENA_NEW(arena, Blocks);
    blocks->spec = *spec;
    blocks->holder = memory_holder();
    int32_t workers = spec->helpers > 0 ? spec->helpers : spec->threads;
    workers = workers < THREADS_MAX ? workers : THREADS_MAX;
    if (workers == 0)
        workers = 1;
    blocks->slot_count = workers + SLOTS_SPARE;
    blocks->slots = ARENA_ARRAY(arena, Slot, blocks->slot_count);
    pthread_mutex_init(&blocks->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&blocks->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    *out = blocks;
    for (int32_t i = 0; i < workers; i++) {
        Status status = worker_start(blocks, &blocks->workers[i], error);
        if (status != OK) {
            arena_free(blocks->workers[i].arena);
            return status;
        }
        blocks->worker_count++;
    }
    return OK;
}

static void slot_clear(Slot *slot)
{
    for (int32_t i = slot->delivered; i < slot->batch_count; i++)
        batch_free(slot->batches[i].batch);
    slot->batch_count = 0;
    slot->delivered = 0;
    slot->rejects.length = 0;
    slot->rejects_read = 0;
    slot->state = SLOT_FREE;
}

static void blocks_stop_workers(Blocks *blocks)
{
    pthread_mutex_lock(&blocks->lock);
    blocks->is_stopping = true;
    pthread_cond_broadcast(&blocks->changed);
    pthread_mutex_unlock(&blocks->lock);
    for (int32_t i = 0; i < blocks->worker_count; i++) {
        BlocksWorker *worker = &blocks->workers[i];
        if (worker->has_thread)
            pthread_join(worker->thread, NULL);
        blocks->spec.kind->close(worker->decoder);
        arena_free(worker->arena);
    }
}

void blocks_end(Blocks *blocks)
{
    blocks_stop_workers(blocks);
    for (int32_t i = 0; i < blocks->slot_count; i++) {
        Slot *slot = &blocks->slots[i];
        slot_clear(slot);
        memory_free(slot->block);
        memory_free(slot->batches);
        buffer_free(&slot->rejects);
        buffer_free(&slot->torn);
    }
    while (blocks->first != NULL) {
        QueuedFile *next = blocks->first->next;
        memory_free(blocks->first);
        blocks->first = next;
    }
    stream_close(blocks->stream);
    buffer_free(&blocks->carry);
    pthread_cond_destroy(&blocks->changed);
    pthread_mutex_destroy(&blocks->lock);
}

void blocks_add(Blocks *blocks, const FoundFile *file, int64_t offset, const FileMark *mark)
{
    QueuedFile *queued = memory_allocate_zeroed(sizeof *queued);
    *queued = (QueuedFile){.file = file, .offset = offset};
    if (offset > 0)
        queued->mark = *mark;
    pthread_mutex_lock(&blocks->lock);
    if (blocks->last == NULL)
        blocks->first = queued;
    else
        blocks->last->next = queued;
    blocks->last = queued;
    pthread_cond_broadcast(&blocks->changed);
    pthread_mutex_unlock(&blocks->lock);
}

void blocks_interrupt(Blocks *blocks)
{
    pthread_mutex_lock(&blocks->lock);
    blocks->is_interrupted = true;
    pthread_cond_broadcast(&blocks->changed);
    pthread_mutex_unlock(&blocks->lock);
}

/* Rejects that were met before batch `index` was full; all that are left for the last. */
static void slot_report(Slot *slot, int32_t index, BlocksReject *reject, void *context)
{
    Str left = str_make(slot->rejects.data + slot->rejects_read,
                        slot->rejects.length - slot->rejects_read);
    ByteReader reader = byte_reader(left);
    while (byte_reader_left(&reader) > 0) {
        ByteReader start = reader;
        uint32_t before = byte_reader_u32(&reader);
        if (before > (uint32_t)index) {
            reader = start;
            break;
        }
        int64_t offset = (int64_t)byte_reader_u64(&reader);
        const char *code = byte_reader_bytes(&reader).data;
        byte_reader_u8(&reader);
        const char *reason = byte_reader_bytes(&reader).data;
        byte_reader_u8(&reader);
        Str record = byte_reader_bytes(&reader);
        assert(!reader.is_short);
        reject(context, slot->file, slot->offset + offset, record, code, reason);
    }
    slot->rejects_read = slot->rejects.length - byte_reader_left(&reader);
}

/* Of a file or block: there is something to come behind what was delivered. */
static bool blocks_has_more(const Blocks *blocks)
{
    return blocks->taken > blocks->delivered || blocks->stream != NULL || blocks->first != NULL ||
           blocks->is_reading;
}

bool blocks_is_ready(Blocks *blocks)
{
    pthread_mutex_lock(&blocks->lock);
    const Slot *slot = &blocks->slots[blocks->delivered % blocks->slot_count];
    bool is_ready = slot->state == SLOT_DONE || blocks->is_interrupted || !blocks_has_more(blocks);
    pthread_mutex_unlock(&blocks->lock);
    return is_ready;
}

/* Wait until the slot that is next in order is done; who has helpers, does not. */
static Status blocks_wait(Blocks *blocks, Slot **out)
{
    World *world = blocks->spec.world;
    int64_t until_us = world->kind->monotonic_us(world) + WAIT_US;
    struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
    Status status = OK;
    pthread_mutex_lock(&blocks->lock);
    Slot *slot = &blocks->slots[blocks->delivered % blocks->slot_count];
    while (slot->state != SLOT_DONE && status == OK) {
        if (blocks->is_interrupted)
            status = ERR_CANCELLED;
        else if (!blocks_has_more(blocks))
            status = ERR_END;
        else if (blocks->spec.helpers > 0)
            status = ERR_AGAIN;
        else if (blocks->spec.threads == 0)
            worker_take_block(blocks, &blocks->workers[0]);
        else if (pthread_cond_timedwait(&blocks->changed, &blocks->lock, &until) != 0)
            status = slot->state == SLOT_DONE ? OK : ERR_AGAIN;
    }
    pthread_mutex_unlock(&blocks->lock);
    *out = slot;
    return status;
}

static void blocks_release(Blocks *blocks, Slot *slot)
{
    pthread_mutex_lock(&blocks->lock);
    slot_clear(slot);
    blocks->delivered++;
    pthread_cond_broadcast(&blocks->changed);
    pthread_mutex_unlock(&blocks->lock);
}

Status blocks_next(Blocks *blocks, BlocksItem *out, BlocksReject *reject, void *context,
                   Error *error)
{
    Slot *slot;
    TRY(blocks_wait(blocks, &slot));
    if (slot->status != OK) {
        if (error != NULL)
            *error = slot->error;
        return slot->status;
    }
    *out = (BlocksItem){
        .file = slot->file, .end_offset = slot->offset + slot->length, .mark = slot->mark};
    if (slot->delivered < slot->batch_count) {
        int32_t index = slot->delivered++;
        slot_report(slot, index, reject, context);
        out->batch = slot->batches[index].batch;
        out->end_offset = slot->offset + slot->batches[index].end;
        out->mark = slot->batches[index].mark;
    }
    if (slot->delivered < slot->batch_count)
        return OK;
    slot_report(slot, INT32_MAX, reject, context);
    out->end_offset = slot->offset + slot->length;
    out->mark = slot->mark;
    out->is_file_end = slot->is_file_end;
    out->is_gone = slot->is_gone;
    blocks_release(blocks, slot);
    return OK;
}
