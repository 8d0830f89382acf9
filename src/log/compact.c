/* Compaction: of each key the last value stays.
 *
 * A first walk over the segments that are complete and not yet compacted notes the last offset of
 * each key, a second one over all complete segments writes those records that are not superseded
 * into new segments, which take the place of the old ones. Batches keep their offsets, so there are
 * gaps.
 *
 * A tombstone (a record without a value) gets a time when it is first seen, and goes with the first
 * compaction after it. Records of aborted transactions go at once. The marker of a transaction gets
 * its time when nothing else of the transaction was found any more: so who reads the log alone
 * knows of each record whether it was committed. The last batch of a producer stays, without
 * records if need be, for its sequence. Segments are merged as far as segment.bytes allows. */
#include <assert.h>
#include <inttypes.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/planted.h"
#include "log/internal.h"
#include "log/record.h"

enum {
    KEYS_MIN = 1024,
    KEYS_MAX = 4 * 1024 * 1024,
    COPY_BYTES = 1 << 20,
    ENDED = -2,
    NOT_KNOWN = -3
};

/* ---- Keys ------------------------------------------------------------------------------------ */

typedef struct KeySlot {
    Hash128 key;
    int64_t offset; /* NO_OFFSET: empty */
} KeySlot;

typedef struct Keys {
    KeySlot *slots; /* open addressing */
    int64_t capacity, count;
} Keys;

static KeySlot *keys_slot(const Keys *keys, Hash128 key)
{
    int64_t at = (int64_t)(key.low & (uint64_t)(keys->capacity - 1));
    while (keys->slots[at].offset != NO_OFFSET &&
           (keys->slots[at].key.low != key.low || keys->slots[at].key.high != key.high))
        at = (at + 1) & (keys->capacity - 1);
    return &keys->slots[at];
}

static void keys_resize(Keys *keys, int64_t capacity)
{
    Keys old = *keys;
    *keys = (Keys){.slots = memory_allocate((int64_t)sizeof(KeySlot) * capacity),
                   .capacity = capacity,
                   .count = old.count};
    for (int64_t i = 0; i < capacity; i++)
        keys->slots[i].offset = NO_OFFSET;
    for (int64_t i = 0; i < old.capacity; i++)
        if (old.slots[i].offset != NO_OFFSET)
            *keys_slot(keys, old.slots[i].key) = old.slots[i];
    memory_free(old.slots);
}

static void keys_note(Keys *keys, Str key, int64_t offset)
{
    if (keys->count * 4 >= keys->capacity * 3)
        keys_resize(keys, keys->capacity == 0 ? KEYS_MIN : keys->capacity * 2);
    Hash128 hash = hash_bytes_128(key.data, key.length);
    KeySlot *slot = keys_slot(keys, hash);
    keys->count += slot->offset == NO_OFFSET;
    *slot = (KeySlot){.key = hash, .offset = offset};
}

/* NO_OFFSET: it is not there. */
static int64_t keys_find(const Keys *keys, Str key)
{
    return keys_slot(keys, hash_bytes_128(key.data, key.length))->offset;
}

static bool keys_supersede(const Keys *keys, const Record *record)
{
    const KeySlot *slot = keys_slot(keys, hash_bytes_128(record->key.data, record->key.length));
    return slot->offset > record->offset ||
           (planted(PLANTED_LOG_NEWEST_COMPACTED) && slot->offset == record->offset);
}

/* ---- One compaction -------------------------------------------------------------------------- */

typedef struct Compaction {
    Partition *partition;
    Arena *arena;
    PartitionConfig config;
    int64_t now_ms;
    bool tends;
    List segments; /* Segment *, held; those that are compacted */
    List aborted;  /* AbortedTransaction * */
    int64_t dirty_from;
    Keys keys;
    Keys last_batches; /* of each producer, or NOT_KNOWN: it may be any */
    Keys open;         /* producer -> its last batch in the transaction, or ENDED */
    Buffer scratch, rewritten;
} Compaction;

static bool is_aborted(const Compaction *run, const BatchHeader *header)
{
    if (!batch_has(header, BATCH_IS_TRANSACTIONAL))
        return false;
    for (int32_t i = 0; i < run->aborted.count; i++) {
        const AbortedTransaction *aborted = LIST_AT(run->aborted, i, AbortedTransaction);
        if (aborted->producer_id == header->producer_id &&
            aborted->first_offset <= header->base_offset &&
            aborted->marker_offset > header->base_offset)
            return true;
    }
    return false;
}

static Str producer_key(const BatchHeader *header)
{
    return str_make((const char *)&header->producer_id, sizeof header->producer_id);
}

/* To be asked of each batch in turn. Of a marker: whether it may go once its time has come, because
 * there was nothing else of its transaction. The one before has noted durably that it has been
 * here, so that a start does not take a snapshot's word for an aborted transaction whose marker is
 * gone. */
static bool follow_transaction(Compaction *run, const BatchHeader *header)
{
    if (!batch_has(header, BATCH_IS_TRANSACTIONAL))
        return false;
    bool is_marker = batch_has(header, BATCH_IS_CONTROL);
    bool is_empty = is_marker && keys_find(&run->open, producer_key(header)) < 0;
    keys_note(&run->open, producer_key(header), is_marker ? ENDED : header->base_offset);
    return is_empty && header->base_offset < run->dirty_from;
}

static bool is_last_of_producer(const Compaction *run, const BatchHeader *header)
{
    if (header->producer_id < 0 || batch_has(header, BATCH_IS_CONTROL))
        return false;
    int64_t last = keys_find(&run->last_batches, producer_key(header));
    return last == header->base_offset || last == NOT_KNOWN;
}

/* The batch without its records, into run->rewritten. */
static Str empty_batch(Compaction *run, const BatchHeader *header)
{
    BatchHeader empty = *header;
    empty.attributes &= ~(BATCH_CODEC_MASK | BATCH_HAS_HORIZON);
    empty.record_count = 0;
    run->rewritten.length = 0;
    buffer_reserve(&run->rewritten, BATCH_HEADER_BYTES);
    run->rewritten.length = BATCH_HEADER_BYTES;
    batch_write_header(run->rewritten.data, BATCH_HEADER_BYTES, &empty);
    return buffer_str(&run->rewritten);
}

static Status fail_at(const BatchCursor *cursor, const char *fault, Error *error)
{
    return log_segment_fail_damaged(cursor->segment, cursor->position, cursor->expected_offset,
                                    fault, error);
}

/* Whether the walk is at the end of the segment; damage is an error. */
static Status end_walk(BatchCursor *cursor, Status status, Error *error)
{
    if (status == ERR_END && cursor->fault != NULL)
        status = fail_at(cursor, cursor->fault, error);
    cursor_close(cursor);
    return status == ERR_END ? OK : status;
}

static Status note_keys_of(Compaction *run, Segment *segment, Error *error)
{
    BatchCursor cursor;
    cursor_open(&cursor, segment, run->partition->log->files, 0, segment->bytes);
    cursor.allows_gaps = true;
    Str batch;
    Status status;
    while ((status = cursor_next(&cursor, &batch, error)) == OK) {
        RecordReader reader;
        if (batch_has(&cursor.header, BATCH_IS_CONTROL) || is_aborted(run, &cursor.header))
            continue;
        bool is_open = record_reader_open(&reader, batch, &run->scratch);
        for (Record record; is_open && record_read(&reader, &record);)
            if (record.has_key)
                keys_note(&run->keys, record.key, record.offset);
        if (!is_open || reader.is_damaged) {
            status = fail_at(&cursor, "the records of a batch are damaged", error);
            break;
        }
    }
    return end_walk(&cursor, status, error);
}

/* As far as memory allows; the segments behind that wait for the next time. */
static Status note_keys(Compaction *run, Error *error)
{
    keys_resize(&run->keys, KEYS_MIN);
    for (int32_t i = 0; i < run->segments.count; i++) {
        Segment *segment = LIST_AT(run->segments, i, Segment);
        if (segment->end_offset <= run->dirty_from)
            continue;
        if (run->keys.count > KEYS_MAX) {
            pthread_mutex_lock(&run->partition->lock);
            for (int32_t j = i; j < run->segments.count; j++)
                log_segment_let_go(run->partition, LIST_AT(run->segments, j, Segment));
            pthread_mutex_unlock(&run->partition->lock);
            run->segments.count = i;
            break;
        }
        TRY(note_keys_of(run, segment, error));
    }
    return OK;
}

/* What of a batch stays: into run->rewritten, or all of it. `may_go`: the marker that it is. */
static bool rewrite_batch(Compaction *run, const BatchHeader *header, Str batch, bool may_go,
                          Str *kept)
{
    bool is_marker = batch_has(header, BATCH_IS_CONTROL);
    bool has_horizon = batch_has(header, BATCH_HAS_HORIZON);
    bool is_over = has_horizon && header->base_timestamp_ms <= run->now_ms;
    BatchHeader like = *header;
    if (!has_horizon) {
        like.attributes |= BATCH_HAS_HORIZON;
        like.base_timestamp_ms = run->now_ms + run->config.delete_retention_ms;
    }
    run->rewritten.length = 0;
    int32_t dropped = 0, mortal = 0;
    BatchWriter writer;
    batch_begin(&writer, &run->rewritten, &like);
    RecordReader reader;
    if (!record_reader_open(&reader, batch, &run->scratch))
        return false;
    for (Record record; record_read(&reader, &record);) {
        bool is_mortal = is_marker ? may_go : !record.has_value;
        bool stays = is_marker || (record.has_key && !keys_supersede(&run->keys, &record));
        if (!stays || (is_mortal && is_over)) {
            dropped++;
            continue;
        }
        mortal += is_mortal;
        batch_add(&writer, &record);
    }
    bool needs_horizon = mortal > 0 && !has_horizon;
    if (writer.header.record_count == 0)
        *kept = (Str){0};
    else if (dropped == 0 && !needs_horizon)
        *kept = batch;
    else {
        batch_finish(&writer);
        batch_set_offset(run->rewritten.data, header->base_offset);
        *kept = buffer_str(&run->rewritten);
    }
    return !reader.is_damaged;
}

/* The new segment that is being written. */
typedef struct Output {
    Segment *segment;
    File *file;
    const char *aside;
    Buffer waiting;
} Output;

static Status output_write(Compaction *run, Output *output, Error *error)
{
    World *world = run->partition->log->world;
    Status status =
        output->waiting.length == 0
            ? OK
            : world->kind->write(output->file, output->waiting.data, output->waiting.length, error);
    output->waiting.length = 0;
    return status;
}

static Status output_add(Compaction *run, Output *output, Str batch, Error *error)
{
    BatchHeader header;
    bool is_header = batch_read_header(batch, &header);
    assert(is_header);
    buffer_append_str(&output->waiting, batch);
    char *copy = output->waiting.data + output->waiting.length - batch.length;
    log_segment_seal_batch(output->segment, copy);
    log_segment_note(output->segment, str_make(copy, BATCH_HEADER_BYTES), &header,
                     run->config.index_interval_bytes);
    return output->waiting.length < COPY_BYTES ? OK : output_write(run, output, error);
}

static Status compact_segment(Compaction *run, Segment *segment, Output *output, Error *error)
{
    BatchCursor cursor;
    cursor_open(&cursor, segment, run->partition->log->files, 0, segment->bytes);
    cursor.allows_gaps = true;
    Str batch, kept;
    Status status;
    while ((status = cursor_next(&cursor, &batch, error)) == OK) {
        const BatchHeader *header = &cursor.header;
        bool may_go = follow_transaction(run, header);
        kept = (Str){0};
        if (batch_has(header, BATCH_IS_CONTROL) || !is_aborted(run, header))
            if (!rewrite_batch(run, header, batch, may_go, &kept))
                status = fail_at(&cursor, "the records of a batch are damaged", error);
        if (status == OK && kept.length == 0 && is_last_of_producer(run, header))
            kept = empty_batch(run, header);
        if (status == OK && kept.length > 0)
            status = output_add(run, output, kept, error);
        if (status != OK)
            break;
    }
    output->segment->end_offset = segment->end_offset;
    return end_walk(&cursor, status, error);
}

/* How many segments from `first` on go into one: never more than the limit, even if all stays. */
static int32_t group_size(const Compaction *run, int32_t first)
{
    int64_t base = LIST_AT(run->segments, first, Segment)->base_offset;
    int64_t bytes = 0;
    int32_t count = 0;
    while (first + count < run->segments.count) {
        const Segment *segment = LIST_AT(run->segments, first + count, Segment);
        bytes += segment->bytes;
        bool fits = bytes <= run->config.segment_bytes && segment->end_offset - base <= INT32_MAX;
        if (count > 0 && !fits)
            break;
        count++;
    }
    return count;
}

static Status write_group(Compaction *run, int32_t first, int32_t count, Output *output,
                          Error *error)
{
    Log *log = run->partition->log;
    TRY(log->world->kind->open(log->world, output->aside, FILE_CREATE, &output->file, error));
    Status status = OK;
    for (int32_t i = first; status == OK && i < first + count; i++)
        status = compact_segment(run, LIST_AT(run->segments, i, Segment), output, error);
    if (status == OK)
        status = output_write(run, output, error);
    Error why = {0};
    if (status == OK && (status = log->world->kind->sync(output->file, &why)) != OK) {
        if (error != NULL)
            *error = why;
        status = log_break(log, status, &why);
    }
    Status closed = log->world->kind->close(output->file, status == OK ? error : NULL);
    return status == OK ? closed : status;
}

/* A file that stays although it was to go would be taken for the truth by a start. */
static Status remove_old(Compaction *run, const char *path, Error *error)
{
    Log *log = run->partition->log;
    Error why = {0};
    Status status = log->world->kind->remove(log->world, path, &why);
    if (status == OK || status == ERR_NOT_FOUND)
        return OK;
    *error = why;
    return log_break(log, status, &why);
}

/* The new segment takes the place of the first of the group, then the others go, in their order: at
 * any moment a start finds each offset in one of them. Under the lock. */
static Status swap_group(Compaction *run, int32_t first, int32_t count, Output *output,
                         Error *error)
{
    Partition *partition = run->partition;
    World *world = partition->log->world;
    Segment *old = LIST_AT(run->segments, first, Segment);
    TRY(partition_check(partition, error)); /* it may have been removed meanwhile */
    TRY(remove_old(run, old->index_path, error));
    TRY(world->kind->rename(world, output->aside, old->log_path, error));
    Status synced = partition_sync_folder(partition, error);
    if (synced != OK) /* the file is another one already than readers take it for */
        return log_break(partition->log, synced, error);
    int32_t at = 0;
    while (partition->segments[at] != old)
        at++;
    for (int32_t i = 1; i < count; i++) {
        Segment *merged = partition->segments[at + 1];
        assert(merged == LIST_AT(run->segments, first + i, Segment));
        TRY(remove_old(run, merged->log_path, error));
        TRY(remove_old(run, merged->index_path, error));
        partition_drop_segment(partition, at + 1);
    }
    old->is_removed = true; /* freed when the compaction lets go of it */
    partition->segments[at] = output->segment;
    Status status = log_segment_write_index(output->segment, partition->log->files, error);
    log_segment_seal(output->segment);
    output->segment = NULL;
    return status;
}

static Status compact_group(Compaction *run, int32_t first, int32_t count, Error *error)
{
    Partition *partition = run->partition;
    Segment *old = LIST_AT(run->segments, first, Segment);
    Output output = {.segment = partition_new_segment(partition, old->base_offset),
                     .aside = arena_printf(run->arena, "%s.new", old->log_path)};
    Status status = write_group(run, first, count, &output, error);
    if (status == OK) {
        pthread_mutex_lock(&partition->lock);
        status = swap_group(run, first, count, &output, error);
        pthread_mutex_unlock(&partition->lock);
    }
    log_segment_free(output.segment, partition->log->files);
    buffer_free(&output.waiting);
    return status;
}

/* ---- What to compact ------------------------------------------------------------------------- */

/* Segments that are complete, decided, and old enough. Under the lock. */
static int32_t count_compactable(Partition *partition, int64_t now_ms)
{
    /* With flush.messages above 1 readers see ends that a power cut can undo. */
    int64_t durable_end = partition->mark.durable_end;
    int64_t limit = producers_stable_offset(partition->producers, durable_end, durable_end);
    int32_t count = 0;
    while (count + 1 < partition->segment_count) {
        const Segment *segment = partition->segments[count];
        bool is_young =
            segment->max_timestamp_ms > now_ms - partition->config.min_compaction_lag_ms;
        if (segment->end_offset > limit ||
            (is_young && partition->config.min_compaction_lag_ms > 0))
            break;
        count++;
    }
    return count;
}

/* What comes behind it can be lost, and then it is the last one. */
static int64_t last_durable(const Partition *partition, const Producer *producer)
{
    for (int32_t i = producer->batch_count - 1; i >= 0; i--)
        if (producer->batches[i].end_offset <= partition->mark.durable_end)
            return producer->batches[i].base_offset;
    return NOT_KNOWN;
}

/* The last batch of each producer; and what compaction has left of those that were aborted below
 * `dirty_from` is at most their markers, which may go now. Under the lock. */
static void begin_producers(Compaction *run)
{
    Producers *producers = run->partition->producers;
    keys_resize(&run->open, KEYS_MIN);
    keys_resize(&run->last_batches, KEYS_MIN);
    for (const Producer *at = NULL; (at = producers_next(producers, at)) != NULL;) {
        Str key = str_make((const char *)&at->id, sizeof at->id);
        if (at->batch_count > 0)
            keys_note(&run->last_batches, key, last_durable(run->partition, at));
    }
    producers_forget_aborted(producers, run->dirty_from);
}

static Status begin_compaction(Compaction *run, Error *error)
{
    Partition *partition = run->partition;
    TRY(partition_check(partition, error));
    if (partition->is_tended)
        return OK;
    partition->is_tended = run->tends = true;
    int32_t count = count_compactable(partition, run->now_ms);
    run->config = partition->config;
    run->dirty_from = partition->mark.clean_end;
    int64_t end_offset = 0;
    for (int32_t i = 0; i < count; i++) {
        log_segment_hold(partition->segments[i]);
        list_append(&run->segments, run->arena, partition->segments[i]);
        end_offset = partition->segments[i]->end_offset;
    }
    if (end_offset > partition->mark.gaps_end)
        partition->mark.gaps_end = end_offset;
    begin_producers(run);
    const AbortedTransaction *aborted = NULL;
    while ((aborted = producers_next_aborted(partition->producers, 0, end_offset, aborted)) != NULL)
        list_append(&run->aborted, run->arena,
                    arena_copy(run->arena, aborted, (int64_t)sizeof *aborted));
    return OK;
}

static Status run_compaction(Compaction *run, Error *error)
{
    if (run->segments.count == 0)
        return OK;
    /* Before the first gap is there. */
    TRY(log_write_marks(run->partition->log, error));
    TRY(note_keys(run, error));
    int64_t end_offset = 0;
    for (int32_t first = 0; first < run->segments.count;) {
        int32_t count = group_size(run, first);
        end_offset = LIST_AT(run->segments, first + count - 1, Segment)->end_offset;
        TRY(compact_group(run, first, count, error));
        first += count;
    }
    /* A merged segment that a power cut brings back has what was superseded: it must not count as
     * clean, or a tombstone could go before what it is for. */
    pthread_mutex_lock(&run->partition->lock);
    Status status = partition_sync_folder(run->partition, error);
    if (status == OK)
        run->partition->mark.clean_end = end_offset;
    pthread_mutex_unlock(&run->partition->lock);
    return status;
}

Status partition_compact(Partition *partition, Error *error)
{
    Arena *arena = arena_new(0);
    Compaction run = {.partition = partition, .arena = arena, .now_ms = log_now_ms(partition->log)};
    Error why = {0};
    pthread_mutex_lock(&partition->lock);
    Status status = begin_compaction(&run, &why);
    pthread_mutex_unlock(&partition->lock);
    if (status == OK)
        status = run_compaction(&run, &why);
    pthread_mutex_lock(&partition->lock);
    for (int32_t i = 0; i < run.segments.count; i++)
        log_segment_let_go(partition, LIST_AT(run.segments, i, Segment));
    if (run.tends)
        partition->is_tended = false;
    pthread_cond_broadcast(&partition->durable_moved);
    if (status == ERR_CORRUPT)
        status = partition_stop(partition, &why);
    pthread_mutex_unlock(&partition->lock);
    if (status == ERR_CORRUPT)
        partition_tell(partition);
    memory_free(run.keys.slots);
    memory_free(run.last_batches.slots);
    memory_free(run.open.slots);
    buffer_free(&run.scratch);
    buffer_free(&run.rewritten);
    arena_free(arena);
    if (status != OK && error != NULL)
        *error = why;
    return status;
}

Status partition_compact_if_dirty(Partition *partition, Error *error)
{
    pthread_mutex_lock(&partition->lock);
    Status status = partition_check(partition, error);
    int64_t dirty = 0, all = 0;
    int32_t count = status == OK && partition->config.is_compacted
                        ? count_compactable(partition, log_now_ms(partition->log))
                        : 0;
    for (int32_t i = 0; i < count; i++) {
        const Segment *segment = partition->segments[i];
        all += segment->bytes;
        dirty += segment->end_offset > partition->mark.clean_end ? segment->bytes : 0;
    }
    double least = partition->config.min_cleanable_dirty_ratio * (double)all;
    pthread_mutex_unlock(&partition->lock);
    return dirty > 0 && (double)dirty >= least ? partition_compact(partition, error) : status;
}
