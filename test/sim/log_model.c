/* Batches by their numbers; see the header. */
#include "sim/log_model.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "log/batch_testing.h"

enum { EVEN_VALUE_BYTES = 100 };

const char *const model_names[MODEL_PARTITIONS] = {"plain/0", "keyed/0", "plain/1", "keyed/1"};

PartitionConfig model_config(int32_t partition)
{
    PartitionConfig config = partition_config_default;
    config.segment_bytes = 2500;
    config.index_interval_bytes = 300;
    config.retention_ms = -1;
    if (partition == MODEL_PLAIN)
        config.retention_bytes = MODEL_RETENTION_BYTES;
    config.is_compacted = model_is_keyed(partition);
    config.is_deleted = !config.is_compacted;
    config.delete_retention_ms = 20;
    config.min_cleanable_dirty_ratio = 0.2;
    return config;
}

Model *model_new(void)
{
    return calloc(1, sizeof(Model));
}

void model_free(Model *model)
{
    for (int32_t p = 0; p < MODEL_PARTITIONS; p++)
        free(model->partitions[p].batches);
    free(model);
}

bool model_fails(Model *model, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (model->wrong[0] == '\0')
        vsnprintf(model->wrong, sizeof model->wrong, format, args);
    va_end(args);
    return false;
}

/* ---- Batches --------------------------------------------------------------------------------- */

static void next_of_producer(const ModelPartition *partition, ModelBatch *batch, uint64_t *chance)
{
    int32_t producer = batch->producer = (int32_t)random_below(chance, MODEL_PRODUCERS);
    if (producer > 0 && partition->is_in_transaction[producer] && random_below(chance, 3) == 0) {
        batch->is_marker = true;
        batch->is_commit = random_below(chance, 2) == 0;
        batch->count = 1;
        return;
    }
    batch->sequence = partition->next_sequence[producer];
}

static const char *batch_value(const ModelBatch *batch, char value[32])
{
    value[0] = '\0';
    if (!batch->is_tombstone)
        snprintf(value, 32, "v%lld-", (long long)batch->value);
    return value;
}

static void make_even(ModelBatch *batch)
{
    char value[32];
    batch->count = 1;
    batch->codec = CODEC_NONE;
    batch->is_tombstone = false;
    batch->padding = EVEN_VALUE_BYTES - (int32_t)strlen(batch_value(batch, value));
}

ModelBatch model_next(Model *model, int32_t p, uint64_t *chance, int64_t now_ms)
{
    const ModelPartition *partition = &model->partitions[p];
    ModelBatch batch = {.base_offset = partition->end_offset,
                        .timestamp_ms = now_ms,
                        .value = ++model->next_value,
                        .count = 1 + (int32_t)random_below(chance, 4),
                        .key = (int32_t)random_below(chance, MODEL_KEYS),
                        .padding = (int32_t)random_below(chance, 300),
                        .producer = -1};
    if (random_below(chance, 2) == 0)
        batch.codec = (int32_t)random_below(chance, CODEC_COUNT);
    batch.is_tombstone = model_is_keyed(p) && random_below(chance, 5) == 0;
    if (model->is_even)
        make_even(&batch);
    if (model_has_producers(p))
        next_of_producer(partition, &batch, chance);
    return batch;
}

static const char *batch_key(const ModelBatch *batch, char key[16])
{
    snprintf(key, 16, "key %d", (int)batch->key);
    return key;
}

void model_print(const ModelBatch *batch, Buffer *out)
{
    assert(!batch->is_marker);
    char value[32], key[16];
    test_batch(out, &(TestBatch){.records = batch->count,
                                 .timestamp_ms = batch->timestamp_ms,
                                 .key = batch_key(batch, key),
                                 .value = batch_value(batch, value),
                                 .codec = (Codec)batch->codec,
                                 .has_producer = batch->producer >= 0,
                                 .is_transactional = batch->producer > 0,
                                 .producer_id = batch->producer,
                                 .sequence = batch->sequence,
                                 .padding = batch->is_tombstone ? 0 : batch->padding});
}

/* Sequences and open transactions after all batches there are. */
static void follow_producers(ModelPartition *partition)
{
    for (int32_t i = 0; i < MODEL_PRODUCERS; i++) {
        partition->next_sequence[i] = 0;
        partition->is_in_transaction[i] = false;
    }
    for (int32_t i = 0; i < partition->count; i++) {
        const ModelBatch *batch = &partition->batches[i];
        if (batch->producer < 0)
            continue;
        if (!batch->is_marker)
            partition->next_sequence[batch->producer] = batch->sequence + batch->count;
        partition->is_in_transaction[batch->producer] = batch->producer > 0 && !batch->is_marker;
    }
}

void model_add(Model *model, int32_t p, const ModelBatch *batch)
{
    ModelPartition *partition = &model->partitions[p];
    if (partition->count == partition->capacity) {
        partition->capacity = partition->capacity == 0 ? 16 : partition->capacity * 2;
        partition->batches =
            realloc(partition->batches, sizeof(ModelBatch) * (size_t)partition->capacity);
    }
    assert(batch->base_offset == partition->end_offset);
    partition->batches[partition->count++] = *batch;
    partition->end_offset += batch->count;
    follow_producers(partition);
}

void model_note(Model *model, int32_t p, Partition *opened)
{
    ModelPartition *partition = &model->partitions[p];
    PartitionOffsets offsets;
    partition_offsets(opened, &offsets);
    if (offsets.high_watermark > partition->acknowledged)
        partition->acknowledged = offsets.high_watermark;
    partition->start_offset = offsets.start_offset;
    bool is_short = p == MODEL_PLAIN && !partition->has_lost && offsets.start_offset > 0 &&
                    offsets.bytes < MODEL_RETENTION_BYTES;
    if (is_short)
        model_fails(model, "retention has left %lld bytes of %d", (long long)offsets.bytes,
                    MODEL_RETENTION_BYTES);
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static const ModelBatch *find_batch(const ModelPartition *partition, int64_t offset)
{
    int32_t low = 0, high = partition->count;
    while (high - low > 1) {
        int32_t middle = low + (high - low) / 2;
        if (partition->batches[middle].base_offset <= offset)
            low = middle;
        else
            high = middle;
    }
    const ModelBatch *batch = low < partition->count ? &partition->batches[low] : NULL;
    return batch != NULL && offset < batch->base_offset + batch->count ? batch : NULL;
}

static bool record_is_right(const ModelBatch *batch, const Record *record)
{
    char value[32], key[16];
    int64_t length = (int64_t)strlen(batch_value(batch, value));
    return record->timestamp_ms == batch->timestamp_ms + record->offset - batch->base_offset &&
           record->has_key && str_is(record->key, batch_key(batch, key)) &&
           record->has_value == !batch->is_tombstone &&
           str_has_prefix(record->value, str_from(value)) &&
           record->value.length == length + (batch->is_tombstone ? 0 : batch->padding);
}

/* What is read of a partition. */
typedef struct Reading {
    Model *model;
    int32_t partition;
    Partition *opened;
    int64_t start, end;
    char *is_seen; /* from `start` on */
    Arena *arena;
    List aborted; /* Told *, for what is committed; else empty */
} Reading;

/* What a client is told of an aborted transaction, and whether its marker has come. */
typedef struct Told {
    int64_t producer_id, first_offset;
    bool is_over;
} Told;

/* Of what was read, up to `end`; as in the answer to a fetch. */
static void be_told(Reading *reading, int64_t offset, int64_t end)
{
    List aborted = {0};
    partition_find_aborted(reading->opened, offset, end, reading->arena, &aborted);
    reading->aborted.count = 0;
    for (int32_t i = 0; i < aborted.count; i++) {
        const AbortedTransaction *one = LIST_AT(aborted, i, AbortedTransaction);
        Told *told = ARENA_NEW(reading->arena, Told);
        *told = (Told){.producer_id = one->producer_id, .first_offset = one->first_offset};
        list_append(&reading->aborted, reading->arena, told);
    }
}

/* As clients do it: from its first offset on all that is the producer's is left out, until there is
 * the marker of an abort. */
static bool is_left_out(const Reading *reading, const BatchHeader *header)
{
    for (int32_t i = 0; i < reading->aborted.count; i++) {
        const Told *told = LIST_AT(reading->aborted, i, Told);
        if (!told->is_over && told->producer_id == header->producer_id &&
            told->first_offset < batch_end_offset(header))
            return batch_has(header, BATCH_IS_TRANSACTIONAL);
    }
    return false;
}

static void see_marker(Reading *reading, const BatchHeader *header, const Record *record)
{
    bool is_abort = record->key.length == 4 && record->key.data[3] == 0;
    for (int32_t i = 0; is_abort && i < reading->aborted.count; i++) {
        Told *told = LIST_AT(reading->aborted, i, Told);
        told->is_over |= told->producer_id == header->producer_id &&
                         told->first_offset < batch_end_offset(header);
    }
}

static bool see_batch(Reading *reading, Str bytes, const BatchHeader *header, Buffer *scratch)
{
    const ModelPartition *partition = &reading->model->partitions[reading->partition];
    const char *name = model_names[reading->partition];
    RecordReader reader;
    if (header->leader_epoch != 0 || !record_reader_open(&reader, bytes, scratch))
        return model_fails(reading->model, "%s: a damaged batch at %lld", name,
                           (long long)header->base_offset);
    for (Record record; record_read(&reader, &record);) {
        const ModelBatch *batch = find_batch(partition, record.offset);
        bool is_marker = batch_has(header, BATCH_IS_CONTROL);
        bool is_right = batch != NULL && batch->is_marker == is_marker &&
                        (is_marker || record_is_right(batch, &record));
        if (!is_right || record.offset >= reading->end)
            return model_fails(reading->model, "%s: another record at offset %lld", name,
                               (long long)record.offset);
        if (is_marker)
            see_marker(reading, header, &record);
        if (record.offset >= reading->start && (is_marker || !is_left_out(reading, header)))
            reading->is_seen[record.offset - reading->start] = 1;
    }
    return !reader.is_damaged || model_fails(reading->model, "%s: a damaged record", name);
}

static bool read_all(Reading *reading, ReadLevel level, Status *status, Error *error)
{
    Buffer bytes = {0}, scratch = {0};
    bool is_right = true;
    int64_t offset = reading->start;
    while (is_right && offset < reading->end) {
        bytes.length = 0;
        *status = partition_read(
            reading->opened,
            &(ReadRequest){
                .offset = offset, .bytes_max = 700, .at_least_one = true, .level = level},
            &bytes, error);
        if (*status != OK || bytes.length == 0)
            break;
        BatchHeader header;
        if (level == READ_COMMITTED)
            be_told(reading, offset, reading->end);
        for (int64_t at = 0; is_right && at < bytes.length; at += header.bytes) {
            is_right =
                batch_read_header(str_make(bytes.data + at, bytes.length - at), &header) &&
                batch_end_offset(&header) > offset &&
                see_batch(reading, str_make(bytes.data + at, header.bytes), &header, &scratch);
            offset = batch_end_offset(&header);
        }
    }
    buffer_free(&bytes);
    buffer_free(&scratch);
    return is_right || model_fails(reading->model, "%s: what is read is no batch",
                                   model_names[reading->partition]);
}

/* The marker that ends the batch's transaction, or NULL. */
static const ModelBatch *find_marker(const ModelPartition *partition, const ModelBatch *batch)
{
    for (const ModelBatch *at = batch; at < partition->batches + partition->count; at++)
        if (at->is_marker && at->producer == batch->producer)
            return at;
    return NULL;
}

static bool is_of_aborted(const ModelPartition *partition, const ModelBatch *batch)
{
    const ModelBatch *marker = batch->producer > 0 ? find_marker(partition, batch) : NULL;
    return marker != NULL && !marker->is_commit;
}

/* Whether the batch has a value of that key for those who read what is committed. */
static bool has_value_of(const ModelPartition *partition, const ModelBatch *batch, int32_t key)
{
    return !batch->is_marker && batch->key == key && !is_of_aborted(partition, batch);
}

/* May the record that was not seen be gone? A later one of its key must be there. */
static bool is_superseded(const Reading *reading, const ModelBatch *batch, int64_t offset)
{
    const ModelPartition *partition = &reading->model->partitions[reading->partition];
    if (offset < batch->base_offset + batch->count - 1 &&
        batch->base_offset + batch->count <= reading->end)
        return true;
    for (int32_t i = 0; i < partition->count; i++) {
        const ModelBatch *later = &partition->batches[i];
        if (later->base_offset > offset && later->base_offset < reading->end &&
            has_value_of(partition, later, batch->key))
            return true;
    }
    return false;
}

/* A tombstone may be gone, if nothing of its key that is older is there. */
static bool is_buried(const Reading *reading, const ModelBatch *batch, int64_t offset)
{
    const ModelPartition *partition = &reading->model->partitions[reading->partition];
    if (!batch->is_tombstone)
        return false;
    for (int64_t older = reading->start; older < offset; older++) {
        if (reading->is_seen[older - reading->start] != 0 &&
            has_value_of(partition, find_batch(partition, older), batch->key))
            return false;
    }
    return true;
}

/* May compaction have taken what was not seen at the offset? */
static bool may_miss(const Reading *reading, const ModelBatch *batch, int64_t offset)
{
    const ModelPartition *partition = &reading->model->partitions[reading->partition];
    return model_is_keyed(reading->partition) &&
           (batch->is_marker || is_of_aborted(partition, batch) ||
            is_superseded(reading, batch, offset) || is_buried(reading, batch, offset));
}

static bool all_is_there(const Reading *reading)
{
    const ModelPartition *partition = &reading->model->partitions[reading->partition];
    for (int64_t offset = reading->start; offset < reading->end; offset++) {
        const ModelBatch *batch = find_batch(partition, offset);
        if (reading->is_seen[offset - reading->start] == 0 && !may_miss(reading, batch, offset))
            return model_fails(reading->model, "%s: offset %lld of %lld to %lld is missing",
                               model_names[reading->partition], (long long)offset,
                               (long long)reading->start, (long long)reading->end);
    }
    return true;
}

/* ---- Transactions ---------------------------------------------------------------------------- */

static bool check_committed(Reading *reading, Status *status, Error *error)
{
    const ModelPartition *partition = &reading->model->partitions[reading->partition];
    PartitionOffsets offsets;
    partition_offsets(reading->opened, &offsets);
    int64_t stable = offsets.high_watermark;
    for (int32_t i = partition->count - 1; i >= 0; i--) {
        const ModelBatch *batch = &partition->batches[i];
        const ModelBatch *marker = find_marker(partition, batch);
        if (batch->producer > 0 && batch->base_offset < stable &&
            (marker == NULL || marker->base_offset >= offsets.high_watermark))
            stable = batch->base_offset;
    }
    if (stable != offsets.stable_offset)
        return model_fails(reading->model, "the stable offset is %lld, not %lld",
                           (long long)offsets.stable_offset, (long long)stable);
    memset(reading->is_seen, 0, (size_t)(reading->end - reading->start) + 1);
    reading->end = stable;
    if (!read_all(reading, READ_COMMITTED, status, error) || *status != OK)
        return *status != OK;
    for (int64_t offset = reading->start; offset < stable; offset++) {
        const ModelBatch *batch = find_batch(partition, offset);
        bool is_committed = batch->is_marker || !is_of_aborted(partition, batch);
        bool is_seen = reading->is_seen[offset - reading->start] != 0;
        if (is_committed != is_seen && (is_seen || !may_miss(reading, batch, offset)))
            return model_fails(reading->model, "offset %lld is %s", (long long)offset,
                               is_committed ? "committed and not read" : "aborted and read");
    }
    return true;
}

/* The last batch of each producer, sent again. */
static bool check_repeats(const Reading *reading, Status *status, Error *error)
{
    const ModelPartition *partition = &reading->model->partitions[reading->partition];
    bool is_done[MODEL_PRODUCERS] = {false};
    Buffer bytes = {0};
    for (int32_t i = partition->count - 1; i >= 0; i--) {
        const ModelBatch *batch = &partition->batches[i];
        if (batch->producer < 0 || batch->is_marker || is_done[batch->producer])
            continue;
        is_done[batch->producer] = true;
        Appended appended;
        model_print(batch, &bytes);
        *status = partition_append(reading->opened, bytes.data, bytes.length, &appended, error);
        bool is_right = *status != OK || (appended.verdict == APPEND_REPEATED &&
                                          appended.base_offset == batch->base_offset);
        if (!is_right || *status != OK) {
            buffer_free(&bytes);
            return is_right ||
                   model_fails(reading->model, "offset %lld was sent again and is taken as new",
                               (long long)batch->base_offset);
        }
    }
    buffer_free(&bytes);
    return true;
}

static bool check_opened(Reading *reading, Status *status, Error *error)
{
    if (!read_all(reading, READ_WRITTEN, status, error) || *status != OK)
        return *status != OK;
    if (!all_is_there(reading))
        return false;
    if (!model_has_producers(reading->partition))
        return true;
    return check_repeats(reading, status, error) &&
           (*status != OK || check_committed(reading, status, error));
}

static bool forget_end(Model *model, int32_t p, int64_t end_offset)
{
    ModelPartition *partition = &model->partitions[p];
    if (end_offset < partition->acknowledged || end_offset > partition->end_offset)
        return model_fails(model, "%s ends at %lld; %lld was acknowledged, %lld written",
                           model_names[p], (long long)end_offset,
                           (long long)partition->acknowledged, (long long)partition->end_offset);
    partition->has_lost |= end_offset < partition->end_offset;
    while (partition->count > 0 &&
           partition->batches[partition->count - 1].base_offset >= end_offset)
        partition->count--;
    const ModelBatch *last =
        partition->count > 0 ? &partition->batches[partition->count - 1] : NULL;
    if (last != NULL && last->base_offset + last->count > end_offset)
        return model_fails(model, "%s ends within a batch", model_names[p]);
    partition->end_offset = end_offset;
    follow_producers(partition);
    return true;
}

bool model_check(Model *model, int32_t p, Partition *opened, bool is_new, Status *status,
                 Error *error)
{
    ModelPartition *partition = &model->partitions[p];
    PartitionOffsets offsets;
    *status = OK;
    partition_offsets(opened, &offsets);
    if (is_new && offsets.start_offset > partition->start_offset)
        return model_fails(model, "%s starts at %lld, not %lld", model_names[p],
                           (long long)offsets.start_offset, (long long)partition->start_offset);
    if (is_new && !forget_end(model, p, offsets.end_offset))
        return false;
    Reading reading = {.model = model,
                       .partition = p,
                       .opened = opened,
                       .start = offsets.start_offset,
                       .end = offsets.end_offset,
                       .arena = arena_new(0)};
    reading.is_seen = arena_allocate_zeroed(reading.arena, reading.end - reading.start + 1);
    bool is_right = check_opened(&reading, status, error);
    arena_free(reading.arena);
    return is_right;
}
