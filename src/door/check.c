/* Whether records are what their topic's table says. */
#include "door/internal.h"

#include "base/memory.h"

typedef struct Refusal {
    Arena *arena;
    const char *code, *reason; /* of the record in hand */
} Refusal;

static void refuse(void *context, int64_t offset, Str record, const char *code, const char *reason)
{
    (void)offset;
    (void)record;
    Refusal *refusal = context;
    refusal->code = arena_printf(refusal->arena, "%s", code);
    refusal->reason = arena_printf(refusal->arena, "%.*s", (int)REASON_BYTES, reason);
}

static Status check_by_table(Arena *arena, const DoorTable *table, DoorRecord *records,
                             int32_t count, Error *error)
{
    Refusal refusal = {.arena = arena};
    int32_t *columns = ARENA_ARRAY(arena, int32_t, table->record->count);
    for (int32_t i = 0; i < table->record->count; i++)
        columns[i] = i;
    DecoderSpec spec = {
        .record = table->record,
        .columns = columns,
        .column_count = table->record->count,
        .options = table->options,
        .prefix = table->prefix,
        .zone = table->zone,
        .reject = refuse,
        .reject_context = &refusal,
    };
    Decoder *decoder;
    const DecoderKind *kind = table->format->decoder;
    TRY(kind->open(arena, &spec, &decoder, error));
    Batch *batch = batch_new(table->record, BATCH_ROWS_MAX);
    for (int32_t i = 0; i < count; i++) {
        refusal.code = NULL;
        /* A change of a row gives two. */
        if (batch->row_count + 2 > BATCH_ROWS_MAX)
            batch_reset(batch, table->record, BATCH_ROWS_MAX);
        kind->decode_message(decoder, records[i].value, batch, BATCH_ROWS_MAX);
        if (refusal.code != NULL) {
            records[i].code = refusal.code;
            records[i].reason = refusal.reason;
        }
    }
    batch_free(batch);
    kind->close(decoder);
    return OK;
}

Status door_check(HttpRequest *request, const DoorTable *table, DoorRecord *records, int32_t count,
                  Error *error)
{
    if (table != NULL)
        return check_by_table(request->arena, table, records, count, error);
    JsonRecords *json = json_records_new();
    for (int32_t i = 0; i < count; i++) {
        records[i].reason = json_records_fault(json, records[i].value);
        records[i].code = records[i].reason != NULL ? "WR3501" : NULL;
    }
    json_records_free(json);
    return OK;
}
