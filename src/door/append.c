/* Records into batches, batches into partitions. */
#include "door/internal.h"

#include "base/memory.h"

enum {
    RECORD_OVERHEAD = 64, /* of a record in a batch, at the most, without headers */
};

/* What one partition gets of a request. */
typedef struct Lot {
    HttpRequest *request;
    const DoorAppend *append;
    int32_t partition;
    Buffer batch;
    BatchWriter writer;
    int32_t *members; /* of the batch in hand, as indexes of records */
    int32_t member_count;
    int32_t sequence, batch_count;
    bool is_letters;
    int64_t end_offset;
    int64_t now_ms;
} Lot;

static void lot_begin_batch(Lot *lot)
{
    BatchHeader like = {
        .base_timestamp_ms = lot->now_ms,
        .producer_id = lot->append->producer_id,
        .producer_epoch = lot->append->producer_id >= 0 ? 0 : -1,
        .base_sequence = lot->append->producer_id >= 0 ? lot->sequence : -1,
    };
    lot->batch.length = 0;
    lot->member_count = 0;
    batch_begin(&lot->writer, &lot->batch, &like);
}

static const char *verdict_code(AppendVerdict verdict)
{
    switch (verdict) {
    case APPEND_DONE:
    case APPEND_REPEATED: return NULL;
    case APPEND_TOO_LARGE: return "WR6033";
    case APPEND_FENCED:
    case APPEND_OUT_OF_ORDER:
    case APPEND_DAMAGED:
    case APPEND_INVALID:
    case APPEND_WRONG_TIME:
    case APPEND_IN_TRANSACTION: return "WR6035";
    }
    return "WR6035";
}

static Status fail_another_body(Error *error)
{
    return fail(error, ERR_INVALID, "WR6034",
                "the Idempotency-Key has been used with another body");
}

static Status lot_write_batch(Lot *lot, Error *error)
{
    if (lot->member_count == 0)
        return OK;
    batch_finish(&lot->writer);
    Appended appended;
    TRY(partition_append(lot->append->topic->partitions[lot->partition], lot->batch.data,
                         lot->batch.length, &appended, error));
    /* Of the same body other records were set aside the first time, as the table was then. */
    if (appended.verdict == APPEND_OUT_OF_ORDER && !lot->is_letters)
        return fail_another_body(error);
    const char *code = verdict_code(appended.verdict);
    for (int32_t i = 0; i < lot->member_count; i++) {
        DoorRecord *record = &lot->append->records[lot->members[i]];
        record->code = code;
        record->reason = appended.reason;
        record->offset = code == NULL ? appended.base_offset + i : NO_OFFSET;
    }
    if (code == NULL && appended.end_offset > lot->end_offset)
        lot->end_offset = appended.end_offset;
    lot->sequence += lot->member_count;
    lot->batch_count++;
    return OK;
}

/* Key, value and headers, as batch_add will take them. */
static Status lot_add(Lot *lot, int32_t index, Str headers, Error *error)
{
    DoorRecord *from = &lot->append->records[index];
    int64_t bytes = from->value.length + from->key.length + headers.length + RECORD_OVERHEAD;
    if (lot->member_count > 0 &&
        lot->batch.length + bytes > lot->append->topic->message_bytes_max) {
        TRY(lot_write_batch(lot, error));
        lot_begin_batch(lot);
    }
    Record record = {
        .offset = lot->member_count,
        .timestamp_ms = lot->now_ms,
        .has_key = from->has_key,
        .has_value = !from->is_tombstone,
        .key = from->key,
        .value = from->value,
        .headers = headers,
    };
    batch_add(&lot->writer, &record);
    lot->members[lot->member_count++] = index;
    return OK;
}

static void lot_open(Lot *lot, HttpRequest *request, const DoorAppend *append, int32_t partition)
{
    *lot = (Lot){
        .request = request,
        .append = append,
        .partition = partition,
        .sequence = append->first_sequence,
        .members = memory_allocate((int64_t)sizeof(int32_t) * (append->count + 1)),
        .now_ms = world_clock_us(door_of(request)->config.world) / 1000,
    };
    lot_begin_batch(lot);
}

static void lot_close(Lot *lot)
{
    buffer_free(&lot->batch);
    memory_free(lot->members);
}

/* The records of a partition, in the order in which they came. */
static Status append_lot(HttpRequest *request, const DoorAppend *append, int32_t partition,
                         int64_t *end_offset, Error *error)
{
    TRY(door_hold(request, append->topic, partition, error));
    Lot lot;
    lot_open(&lot, request, append, partition);
    Status status = OK;
    for (int32_t i = 0; status == OK && i < append->count; i++)
        if (append->records[i].code == NULL && append->records[i].partition == partition)
            status = lot_add(&lot, i, (Str){0}, error);
    if (status == OK)
        status = lot_write_batch(&lot, error);
    *end_offset = lot.end_offset;
    lot_close(&lot);
    return status;
}

Status door_check_key(HttpRequest *request, DoorTopic *topic, int64_t producer_id,
                      int32_t first_sequence, Error *error)
{
    for (int32_t p = 0; p < topic->partition_count; p++) {
        if (door_hold(request, topic, p, NULL) != OK)
            continue;
        int32_t known = partition_first_sequence(topic->partitions[p], producer_id);
        if (known >= 0 && known != first_sequence)
            return fail_another_body(error);
    }
    return OK;
}

Status door_append(HttpRequest *request, const DoorAppend *append, Error *error)
{
    const DoorTopic *topic = append->topic;
    int64_t *ends = ARENA_ARRAY(request->arena, int64_t, topic->partition_count);
    memset(ends, 0, sizeof(int64_t) * (size_t)topic->partition_count);
    bool *has_any = ARENA_ARRAY(request->arena, bool, topic->partition_count);
    memset(has_any, 0, (size_t)topic->partition_count);
    for (int32_t i = 0; i < append->count; i++)
        if (append->records[i].code == NULL)
            has_any[append->records[i].partition] = true;
    Status status = OK;
    for (int32_t p = 0; status == OK && p < topic->partition_count; p++)
        if (has_any[p])
            status = append_lot(request, append, p, &ends[p], error);
    /* One sync is for all of them. */
    for (int32_t p = 0; status == OK && append->waits && p < topic->partition_count; p++)
        if (ends[p] > 0)
            status = partition_wait(topic->partitions[p], ends[p], error);
    return status;
}

/* ---- Dead letters ------------------------------------------------------------------------ */

/* As a record has them: their number, then each. */
static void put_headers(Buffer *out, const DoorRecord *record, const char *caller)
{
    const char *const headers[][2] = {
        {"weir.code", record->code}, {"weir.reason", record->reason}, {"weir.caller", caller}};
    out->length = 0;
    record_begin_headers(out, 3);
    for (int32_t i = 0; i < 3; i++)
        record_add_header(out, str_from(headers[i][0]),
                          str_from(headers[i][1] != NULL ? headers[i][1] : ""));
}

static Status append_letters(Lot *lot, Error *error)
{
    Buffer headers = {0};
    Status status = OK;
    const DoorAppend *append = lot->append;
    for (int32_t i = 0; status == OK && i < append->count; i++) {
        put_headers(&headers, &append->records[i], append->caller);
        status = lot_add(lot, i, buffer_str(&headers), error);
    }
    if (status == OK)
        status = lot_write_batch(lot, error);
    buffer_free(&headers);
    return status;
}

Status door_append_letters(HttpRequest *request, const DoorAppend *append, Error *error)
{
    TRY(door_hold(request, append->topic, 0, error));
    Lot lot;
    lot_open(&lot, request, append, 0);
    lot.is_letters = true;
    Status status = append_letters(&lot, error);
    if (status == OK && lot.end_offset > 0)
        status = partition_wait(append->topic->partitions[0], lot.end_offset, error);
    lot_close(&lot);
    return status;
}
