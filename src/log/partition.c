/* Appending to a partition and making it durable. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/bigendian.h"
#include "base/memory.h"
#include "base/planted.h"
#include "log/internal.h"
#include "log/record.h"

enum { MARKER_ABORT = 0, MARKER_COMMIT = 1 };

static const int64_t DAY_MS = INT64_C(86400000);

const PartitionConfig partition_config_default = {
    .segment_bytes = 1 << 30,
    .segment_ms = 7 * DAY_MS,
    .index_interval_bytes = INDEX_INTERVAL_BYTES,
    .message_bytes_max = 1048588,
    .flush_messages = 1,
    .flush_ms = INT64_MAX,
    .retention_ms = 7 * DAY_MS,
    .retention_bytes = -1,
    .is_deleted = true,
    .delete_retention_ms = DAY_MS,
    .min_cleanable_dirty_ratio = 0.5,
    .timestamp_before_max_ms = INT64_MAX,
    .timestamp_after_max_ms = INT64_MAX,
};

/* ---- Life ------------------------------------------------------------------------------------ */

static char *text_join(const char *first, const char *joint, const char *last)
{
    Buffer text = {0};
    buffer_append_text(&text, first);
    buffer_append_text(&text, joint);
    buffer_append_text(&text, last);
    buffer_terminated(&text);
    return text.data;
}

Partition *partition_new(Log *log, const char *name, const PartitionConfig *config)
{
    Partition *partition = memory_allocate_zeroed((int64_t)sizeof *partition);
    partition->log = log;
    partition->name = text_join(name, "", "");
    partition->folder = text_join(log->folder, "/", name);
    partition->identity = log_identity(name);
    partition->config = *config;
    partition->producers = producers_new();
    pthread_mutex_init(&partition->append_lock, NULL);
    pthread_mutex_init(&partition->sync_lock, NULL);
    pthread_mutex_init(&partition->lock, NULL);
    pthread_cond_init(&partition->durable_moved, NULL);
    return partition;
}

void partition_free(Partition *partition)
{
    if (partition == NULL)
        return;
    for (int32_t i = 0; i < partition->segment_count; i++) {
        assert(partition->segments[i]->users == 0);
        log_segment_free(partition->segments[i], partition->log->files);
    }
    memory_free(partition->segments);
    producers_free(partition->producers);
    pthread_cond_destroy(&partition->durable_moved);
    pthread_mutex_destroy(&partition->lock);
    pthread_mutex_destroy(&partition->sync_lock);
    pthread_mutex_destroy(&partition->append_lock);
    memory_free(partition->stopped);
    memory_free(partition->name);
    memory_free(partition->folder);
    memory_free(partition);
}

const char *partition_name(const Partition *partition)
{
    return partition->name;
}

void partition_set_config(Partition *partition, const PartitionConfig *config)
{
    pthread_mutex_lock(&partition->lock);
    partition->config = *config;
    pthread_mutex_unlock(&partition->lock);
}

Status partition_check(const Partition *partition, Error *error)
{
    if (partition->is_removed)
        return fail(error, ERR_NOT_FOUND, "WR5304", "partition `%s` has been removed",
                    partition->name);
    if (partition->stopped == NULL)
        return OK;
    if (error != NULL)
        *error = *partition->stopped;
    return partition->stopped->status;
}

Status partition_stop(Partition *partition, const Error *error)
{
    if (partition->stopped == NULL) {
        partition->stopped = memory_allocate((int64_t)sizeof *partition->stopped);
        *partition->stopped = *error;
    }
    return error->status;
}

void partition_tell(Partition *partition)
{
    const LogOptions *options = &partition->log->options;
    if (options->on_progress != NULL)
        options->on_progress(options->context, partition);
}

/* ---- Segments -------------------------------------------------------------------------------- */

Segment *partition_new_segment(const Partition *partition, int64_t base_offset)
{
    Segment *segment = log_segment_new(partition->folder, partition->identity, base_offset);
    segment->allows_old_seals = base_offset < partition->mark.old_seals_end;
    return segment;
}

void partition_add_segment(Partition *partition, Segment *segment)
{
    if (partition->segment_count == partition->segment_capacity) {
        partition->segment_capacity =
            partition->segment_capacity == 0 ? 2 : partition->segment_capacity * 2;
        partition->segments = memory_resize(partition->segments, (int64_t)sizeof(Segment *) *
                                                                     partition->segment_capacity);
    }
    partition->segments[partition->segment_count++] = segment;
}

void log_segment_hold(Segment *segment)
{
    segment->users++;
}

void log_segment_let_go(Partition *partition, Segment *segment)
{
    assert(segment->users > 0);
    if (--segment->users == 0 && segment->is_removed)
        log_segment_free(segment, partition->log->files);
}

void partition_drop_segment(Partition *partition, int32_t index)
{
    Segment *segment = partition->segments[index];
    partition->segment_count--;
    memmove(&partition->segments[index], &partition->segments[index + 1],
            sizeof(Segment *) * (size_t)(partition->segment_count - index));
    segment->is_removed = true;
    log_segment_hold(segment);
    log_segment_let_go(partition, segment);
}

/* Under sync_lock. */
static Status partition_sync_locked(Partition *partition, Segment *segment, Error *error)
{
    Log *log = partition->log;
    if (log_is_broken(log, error) && !planted(PLANTED_LOG_SYNC_RETRIED))
        return ERR_IO;
    Error why = {0};
    Status status = files_borrow(log->files, &segment->writer, FILE_APPEND, error);
    if (status != OK)
        return status;
    status =
        planted(PLANTED_LOG_NOT_SYNCED) ? OK : log->world->kind->sync(segment->writer.file, &why);
    if (status != OK && planted(PLANTED_LOG_SYNC_RETRIED))
        status = log->world->kind->sync(segment->writer.file, &why);
    files_return(log->files, &segment->writer);
    if (status == OK)
        return OK;
    if (error != NULL)
        *error = why;
    return log_break(log, status, &why);
}

/* One at a time: of two syncs of a file at once the system tells only one that it has failed, and
 * the other one would acknowledge what is lost. */
Status partition_sync(Partition *partition, Segment *segment, Error *error)
{
    pthread_mutex_lock(&partition->sync_lock);
    Status status = partition_sync_locked(partition, segment, error);
    pthread_mutex_unlock(&partition->sync_lock);
    return status;
}

Status partition_sync_folder(Partition *partition, Error *error)
{
    Log *log = partition->log;
    if (planted(PLANTED_LOG_FOLDER_NOT_SYNCED))
        return OK;
    Error why = {0};
    Status status = log->world->kind->sync_folder(log->world, partition->folder, &why);
    if (status == OK)
        return OK;
    if (error != NULL)
        *error = why;
    return status == ERR_LIMIT ? status : log_break(log, status, &why);
}

static const char *snapshot_path(const Partition *partition, int64_t offset, Arena *arena)
{
    return arena_printf(arena, "%s/%020" PRId64 ".producers", partition->folder, offset);
}

Status partition_write_snapshot(Partition *partition, Error *error)
{
    Arena *arena = arena_new(0);
    Buffer snapshot = {0};
    producers_write(partition->producers, partition->identity, partition->end_offset, &snapshot);
    Status status =
        log_replace_file(partition->log, snapshot_path(partition, partition->end_offset, arena),
                         buffer_str(&snapshot), error);
    buffer_free(&snapshot);
    arena_free(arena);
    return status;
}

void partition_remove_snapshot(Partition *partition, int64_t offset)
{
    Arena *arena = arena_new(0);
    World *world = partition->log->world;
    Status removed = world->kind->remove(world, snapshot_path(partition, offset, arena), NULL);
    (void)removed; /* it may not be there, and one too many does no harm */
    arena_free(arena);
}

static void partition_move_durable(Partition *partition, int64_t end_offset)
{
    if (end_offset > partition->mark.durable_end)
        partition->mark.durable_end = end_offset;
    pthread_cond_broadcast(&partition->durable_moved);
}

/* The file of the new segment. A file of that name is left from a roll that failed: it is empty.
 * Once it is there nothing may come behind the old one: a start would cut that for what the new one
 * holds. */
static Status segment_make(Partition *partition, Segment *segment, Error *error)
{
    Files *files = partition->log->files;
    TRY(files_borrow(files, &segment->writer, FILE_APPEND, error));
    files_return(files, &segment->writer);
    Error why = {0};
    Status status = partition_sync_folder(partition, &why);
    if (status == OK)
        return OK;
    if (error != NULL)
        *error = why;
    return log_break(partition->log, status, &why);
}

/* For what takes its time: the lock is given up, and nobody removes the segment or the folder. */
static void partition_begin_unlocked(Partition *partition, Segment *segment)
{
    log_segment_hold(segment);
    partition->flush_count++;
    pthread_mutex_unlock(&partition->lock);
}

static void partition_end_unlocked(Partition *partition, Segment *segment)
{
    pthread_mutex_lock(&partition->lock);
    log_segment_let_go(partition, segment);
    partition->flush_count--;
    if (partition->is_removed)
        pthread_cond_broadcast(&partition->durable_moved);
}

/* All that takes its time, without the lock; whether the old one is durable now. */
static Status roll_files(Partition *partition, Segment *old, Segment *next, Str snapshot,
                         bool *is_durable, Error *error)
{
    Arena *arena = arena_new(0);
    Status status = partition_sync(partition, old, error);
    *is_durable = status == OK;
    if (status == OK)
        status = log_replace_file(
            partition->log, snapshot_path(partition, next->base_offset, arena), snapshot, error);
    if (status == OK)
        status = log_segment_write_index(old, partition->log->files, error);
    if (status == OK)
        status = segment_make(partition, next, error);
    arena_free(arena);
    return status;
}

Status partition_roll(Partition *partition, Error *error)
{
    Segment *old = partition_active(partition);
    Segment *next = partition_new_segment(partition, partition->end_offset);
    Buffer snapshot = {0};
    bool is_durable;
    producers_write(partition->producers, partition->identity, partition->end_offset, &snapshot);
    partition_begin_unlocked(partition, old);
    Status status = roll_files(partition, old, next, buffer_str(&snapshot), &is_durable, error);
    buffer_free(&snapshot);
    partition_end_unlocked(partition, old);
    if (is_durable)
        partition_move_durable(partition, next->base_offset);
    if (status == OK)
        status = partition_check(partition, error);
    if (status != OK) {
        log_segment_free(next, partition->log->files);
        return status;
    }
    assert(partition_active(partition) == old && partition->end_offset == next->base_offset);
    log_segment_seal(old);
    if (partition->segment_count > 1)
        partition_remove_snapshot(partition,
                                  partition->segments[partition->segment_count - 2]->base_offset);
    partition_add_segment(partition, next);
    return OK;
}

static Status roll_behind_old_seals(Partition *partition, Error *error)
{
    Segment *active = partition_active(partition);
    if (active->bytes > 0 && active->allows_old_seals) {
        partition->mark.old_seals_end = partition->end_offset;
        return partition_roll(partition, error);
    }
    active->allows_old_seals = false;
    partition->mark.old_seals_end = active->base_offset;
    return OK;
}

/* A full disk is no reason not to read: then both kinds are taken until the next start. */
Status partition_end_old_seals(Partition *partition, Error *error)
{
    if (partition->mark.old_seals_end != OLD_SEALS_EVERYWHERE)
        return OK;
    pthread_mutex_lock(&partition->append_lock);
    pthread_mutex_lock(&partition->lock);
    Status status = roll_behind_old_seals(partition, error);
    if (status != OK)
        partition->mark.old_seals_end = OLD_SEALS_EVERYWHERE;
    pthread_mutex_unlock(&partition->lock);
    pthread_mutex_unlock(&partition->append_lock);
    return status == ERR_FULL || status == ERR_LIMIT ? OK : status;
}

/* ---- Appending ------------------------------------------------------------------------------- */

bool partition_is_strict(const Partition *partition)
{
    return partition->config.flush_messages <= 1;
}

int64_t partition_high_watermark(const Partition *partition)
{
    return partition_is_strict(partition) ? partition->mark.durable_end : partition->end_offset;
}

static Status refuse(Appended *out, AppendVerdict verdict, const char *reason)
{
    out->verdict = verdict;
    out->reason = reason;
    return OK;
}

static bool time_is_wrong(const PartitionConfig *config, const BatchHeader *header, int64_t now_ms)
{
    if (config->uses_append_time)
        return false;
    int64_t ahead_ms;
    if (__builtin_sub_overflow(header->max_timestamp_ms, now_ms, &ahead_ms))
        return true;
    return ahead_ms > config->timestamp_after_max_ms || ahead_ms < -config->timestamp_before_max_ms;
}

static bool needs_roll(const Partition *partition, const BatchHeader *header)
{
    const Segment *active = partition_active(partition);
    const PartitionConfig *config = &partition->config;
    if (active->bytes == 0)
        return false;
    int64_t age_ms = header->max_timestamp_ms - active->first_timestamp_ms;
    return active->bytes + header->bytes > config->segment_bytes ||
           active->bytes + header->bytes > UINT32_MAX ||
           partition->end_offset - active->base_offset > INT32_MAX - header->last_offset_delta ||
           (active->first_timestamp_ms != NO_TIMESTAMP && age_ms > config->segment_ms);
}

/* What a failed write has left goes again; if that fails too, nobody knows what is there. */
static Status write_file(const Partition *partition, Segment *active, Str batch, bool *is_cut_back,
                         Error *error)
{
    World *world = partition->log->world;
    Files *files = partition->log->files;
    Error ignored = {0};
    TRY(files_borrow(files, &active->writer, FILE_APPEND, error));
    Status status = world->kind->write(active->writer.file, batch.data, batch.length, error);
    files_return(files, &active->writer);
    if (status != OK)
        *is_cut_back =
            world->kind->truncate(world, active->log_path, active->bytes, &ignored) == OK;
    return status;
}

/* Readers do not wait for it: the lock is given up meanwhile. */
static Status write_batch(Partition *partition, Str batch, Error *error)
{
    Segment *active = partition_active(partition);
    Error why = {0};
    bool is_cut_back = true;
    partition_begin_unlocked(partition, active);
    Status status = write_file(partition, active, batch, &is_cut_back, &why);
    partition_end_unlocked(partition, active);
    if (!is_cut_back)
        status = partition_stop(partition, &why);
    if (status == OK)
        status = partition_check(partition, &why);
    if (status != OK && error != NULL)
        *error = why;
    return status;
}

/* The end of a transaction is made durable at once, whatever the topic says: without it the
 * transaction would be open again. */
static void queue_if_due(Partition *partition, bool is_marker, int64_t now_ms)
{
    int64_t waiting = partition->end_offset - partition->mark.durable_end;
    if (partition->unflushed_since_ms == NO_TIMESTAMP)
        partition->unflushed_since_ms = now_ms;
    if (is_marker || waiting >= partition->config.flush_messages)
        log_queue(partition->log, partition);
}

/* The batch has been looked at, the producer may write it. */
static Status append_batch(Partition *partition, char *batch, BatchHeader *header, bool is_commit,
                           Error *error)
{
    int64_t now_ms = log_now_ms(partition->log);
    header->base_offset = partition->end_offset;
    if (partition->config.uses_append_time) {
        header->attributes |= BATCH_USES_APPEND_TIME;
        header->max_timestamp_ms = now_ms;
        batch_write_header(batch, header->bytes, header);
    }
    batch_set_offset(batch, header->base_offset);
    if (needs_roll(partition, header))
        TRY(partition_roll(partition, error));
    log_segment_seal_batch(partition_active(partition), batch);
    TRY(write_batch(partition, str_make(batch, header->bytes), error));
    Segment *active = partition_active(partition);
    Str head = str_make(batch, BATCH_HEADER_BYTES);
    checked_note(&active->checked, active->bytes, header->bytes,
                 world_monotonic_us(partition->log->world));
    log_segment_note(active, head, header, partition->config.index_interval_bytes);
    producers_note(partition->producers, header, is_commit, now_ms);
    partition->end_offset = active->end_offset;
    queue_if_due(partition, batch_has(header, BATCH_IS_CONTROL), now_ms);
    return OK;
}

static Status append_judged(Partition *partition, char *batch, BatchHeader *header, Appended *out,
                            Error *error)
{
    ProducerBatch earlier;
    if (partition->end_offset >= LOG_OFFSET_MAX - header->last_offset_delta)
        return refuse(out, APPEND_INVALID, "the partition has no offsets left");
    switch (producers_judge(partition->producers, header, &earlier)) {
    case PRODUCER_MAY_WRITE: break;
    case PRODUCER_REPEATS:
        out->base_offset = earlier.base_offset;
        out->end_offset = earlier.end_offset;
        if (partition->config.uses_append_time)
            out->append_time_ms = earlier.timestamp_ms;
        return refuse(out, APPEND_REPEATED, NULL);
    case PRODUCER_IS_FENCED:
        return refuse(out, APPEND_FENCED, "another producer has a higher epoch");
    case PRODUCER_OUT_OF_ORDER:
        return refuse(out, APPEND_OUT_OF_ORDER, "the sequence does not follow the last one");
    case PRODUCER_IN_TRANSACTION:
        return refuse(out, APPEND_IN_TRANSACTION, "the producer has a transaction that is open");
    }
    bool is_commit =
        batch_has(header, BATCH_IS_CONTROL) && marker_is_commit(str_make(batch, header->bytes));
    TRY(append_batch(partition, batch, header, is_commit, error));
    out->base_offset = header->base_offset;
    out->end_offset = partition->end_offset;
    if (partition->config.uses_append_time)
        out->append_time_ms = header->max_timestamp_ms;
    return OK;
}

static Status append_locked(Partition *partition, char *batch, BatchHeader *header, Appended *out,
                            Error *error)
{
    pthread_mutex_lock(&partition->append_lock);
    pthread_mutex_lock(&partition->lock);
    int64_t acknowledged = partition_high_watermark(partition);
    Status status = log_is_broken(partition->log, error) ? ERR_IO : OK;
    if (status == OK)
        status = partition_check(partition, error);
    if (status == OK)
        status = append_judged(partition, batch, header, out, error);
    bool has_moved =
        partition_high_watermark(partition) != acknowledged || partition->stopped != NULL;
    pthread_mutex_unlock(&partition->lock);
    pthread_mutex_unlock(&partition->append_lock);
    if (has_moved)
        partition_tell(partition);
    return status;
}

Status partition_append(Partition *partition, char *batch, int64_t bytes, Appended *out,
                        Error *error)
{
    *out = (Appended){
        .base_offset = NO_OFFSET, .end_offset = NO_OFFSET, .append_time_ms = NO_TIMESTAMP};
    BatchHeader header;
    pthread_mutex_lock(&partition->lock);
    PartitionConfig config = partition->config;
    pthread_mutex_unlock(&partition->lock);
    if (!batch_read_header(str_make(batch, bytes), &header))
        return refuse(out, APPEND_DAMAGED, "there is no batch");
    if (header.bytes != bytes || !batch_is_intact(str_make(batch, bytes)))
        return refuse(out, APPEND_DAMAGED, "length or checksum of the batch is wrong");
    if (bytes > config.message_bytes_max || bytes > config.segment_bytes)
        return refuse(out, APPEND_TOO_LARGE, "the batch is larger than max.message.bytes");
    if (batch_has(&header, BATCH_IS_CONTROL))
        return refuse(out, APPEND_INVALID, "producers do not write markers");
    Buffer scratch = {0};
    const char *fault =
        batch_find_fault(str_make(batch, bytes), &header, config.is_compacted, &scratch);
    buffer_free(&scratch);
    if (fault != NULL)
        return refuse(out, APPEND_INVALID, fault);
    if (time_is_wrong(&config, &header, log_now_ms(partition->log)))
        return refuse(out, APPEND_WRONG_TIME, "a timestamp is too far from now");
    if (!config.uses_reserve)
        TRY(log_take_room(partition->log, bytes, error));
    return append_locked(partition, batch, &header, out, error);
}

/* ---- Markers --------------------------------------------------------------------------------- */

bool marker_is_commit(Str batch)
{
    RecordReader reader;
    Record record;
    Buffer scratch = {0};
    bool is_commit = record_reader_open(&reader, batch, &scratch) &&
                     record_read(&reader, &record) && record.key.length >= 4 &&
                     load_be16(record.key.data + 2) == MARKER_COMMIT;
    buffer_free(&scratch);
    return is_commit;
}

Status partition_end_transaction(Partition *partition, int64_t producer_id, int16_t producer_epoch,
                                 bool is_commit, Appended *out, Error *error)
{
    *out = (Appended){
        .base_offset = NO_OFFSET, .end_offset = NO_OFFSET, .append_time_ms = NO_TIMESTAMP};
    char key[4] = {0}, value[6] = {0};
    store_be16(key + 2, is_commit ? MARKER_COMMIT : MARKER_ABORT);
    int64_t now_ms = log_now_ms(partition->log);
    BatchHeader header = {.attributes = BATCH_IS_CONTROL | BATCH_IS_TRANSACTIONAL,
                          .base_timestamp_ms = now_ms,
                          .producer_id = producer_id,
                          .producer_epoch = producer_epoch,
                          .base_sequence = -1};
    Buffer batch = {0};
    BatchWriter writer;
    batch_begin(&writer, &batch, &header);
    batch_add(&writer, &(Record){.timestamp_ms = now_ms,
                                 .has_key = true,
                                 .has_value = true,
                                 .key = str_make(key, sizeof key),
                                 .value = str_make(value, sizeof value)});
    batch_finish(&writer);
    bool is_header = batch_read_header(buffer_str(&batch), &header);
    assert(is_header);
    Status status = append_locked(partition, batch.data, &header, out, error);
    buffer_free(&batch);
    return status;
}

/* ---- Durability ------------------------------------------------------------------------------ */

/* What was written before the sync began is durable behind it. */
static Status flush_to(Partition *partition, Segment *active, int64_t end_offset, Error *error)
{
    Status status = partition_sync(partition, active, error);
    pthread_mutex_lock(&partition->lock);
    log_segment_let_go(partition, active);
    partition->flush_count--;
    int64_t durable = partition->mark.durable_end;
    if (status == OK)
        partition_move_durable(partition, end_offset);
    pthread_cond_broadcast(&partition->durable_moved);
    /* The file could not even be opened: later, perhaps. */
    if (status != OK && !log_is_broken(partition->log, NULL) && !partition->is_removed)
        log_queue(partition->log, partition);
    if (partition->is_removed)
        status = OK;
    bool has_moved = partition->mark.durable_end != durable;
    pthread_mutex_unlock(&partition->lock);
    if (has_moved)
        partition_tell(partition);
    return status;
}

Status partition_flush(Partition *partition, Error *error)
{
    pthread_mutex_lock(&partition->lock);
    Status status = log_is_broken(partition->log, error) ? ERR_IO : OK;
    int64_t end_offset = partition->end_offset;
    bool has_nothing = partition->stopped != NULL || partition->is_removed ||
                       partition->mark.durable_end >= end_offset;
    if (status != OK || has_nothing) {
        pthread_cond_broadcast(&partition->durable_moved);
        pthread_mutex_unlock(&partition->lock);
        return status;
    }
    Segment *active = partition_active(partition);
    log_segment_hold(active);
    partition->flush_count++;
    partition->unflushed_since_ms = NO_TIMESTAMP;
    pthread_mutex_unlock(&partition->lock);
    return flush_to(partition, active, end_offset, error);
}

Status partition_wait(Partition *partition, int64_t end_offset, Error *error)
{
    pthread_mutex_lock(&partition->lock);
    Status status = OK;
    while (status == OK && partition->mark.durable_end < end_offset) {
        status = log_is_broken(partition->log, error) ? ERR_IO : partition_check(partition, error);
        if (status == OK)
            pthread_cond_wait(&partition->durable_moved, &partition->lock);
    }
    pthread_mutex_unlock(&partition->lock);
    return status;
}

void partition_offsets(Partition *partition, PartitionOffsets *out)
{
    pthread_mutex_lock(&partition->lock);
    int64_t high_watermark = partition_high_watermark(partition);
    *out = (PartitionOffsets){
        .start_offset = partition->mark.start_offset,
        .end_offset = partition->end_offset,
        .durable_end = partition->mark.durable_end,
        .high_watermark = high_watermark,
        .stable_offset = producers_stable_offset(partition->producers, high_watermark,
                                                 partition->mark.durable_end),
        .max_timestamp_ms = NO_TIMESTAMP,
        .segment_count = partition->segment_count,
    };
    for (int32_t i = 0; i < partition->segment_count; i++) {
        const Segment *segment = partition->segments[i];
        out->bytes += segment->bytes;
        if (segment->max_timestamp_ms > out->max_timestamp_ms)
            out->max_timestamp_ms = segment->max_timestamp_ms;
    }
    pthread_mutex_unlock(&partition->lock);
}
