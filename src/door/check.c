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

/* The decoder of a table's values, and the encoder of its keys. */
typedef struct Checker {
    Arena *arena;
    const TopicRecord *record;
    Refusal refusal;
    Decoder *decoder;
    Encoder *encoder; /* NULL: the table has no key */
    Batch *batch;
    Buffer key;
} Checker;

static Status checker_open(Checker *checker, HttpRequest *request, const DoorTable *table,
                           Error *error)
{
    Arena *arena = request->arena;
    const TopicRecord *record = &table->record;
    *checker = (Checker){.arena = arena, .record = record, .refusal = {.arena = arena}};
    int32_t *columns = ARENA_ARRAY(arena, int32_t, record->record.count);
    for (int32_t i = 0; i < record->record.count; i++)
        columns[i] = i;
    DecoderSpec spec = {
        .record = &record->record,
        .columns = columns,
        .column_count = record->record.count,
        .options = table->options,
        .prefix = record->prefix,
        .zone = table->zone,
        .registry = &door_of(request)->schemas,
        .reject = refuse,
        .reject_context = &checker->refusal,
    };
    TRY(record->format->decoder->open(arena, &spec, &checker->decoder, error));
    checker->batch = batch_new(&record->record, BATCH_ROWS_MAX);
    if (record->key.count == 0 || record->key_format == NULL || record->key_format->encoder == NULL)
        return OK;
    EncoderSpec key = {
        .record = &record->key,
        .columns = record->key_columns,
        .options = table->options,
        .prefix = record->key_prefix,
        .zone = table->zone,
        .registry = &door_of(request)->schemas,
        .topic = record->topic,
        .is_key = true,
    };
    return record->key_format->encoder->open(arena, &key, &checker->encoder, error);
}

static void checker_close(Checker *checker)
{
    if (checker->encoder != NULL)
        checker->record->key_format->encoder->close(checker->encoder);
    if (checker->decoder != NULL)
        checker->record->format->decoder->close(checker->decoder);
    if (checker->batch != NULL)
        batch_free(checker->batch);
    buffer_free(&checker->key);
}

static bool is_key_column(const TopicRecord *record, int32_t column)
{
    for (int32_t i = 0; i < record->key.count; i++)
        if (record->key_columns[i] == column)
            return true;
    return false;
}

/* The rows of a record from `first` on: what is declared NOT NULL has to be there, of a tombstone
 * in the key. */
static void checker_find_nulls(Checker *checker, int32_t first, DoorRecord *record)
{
    const Schema *schema = &checker->record->record;
    const Batch *batch = checker->batch;
    for (int32_t row = first; row < batch->row_count; row++) {
        for (int32_t i = 0; i < schema->count; i++) {
            if (schema->fields[i].type.is_nullable || !column_is_null(&batch->columns[i], row) ||
                (record->is_tombstone && !is_key_column(checker->record, i)))
                continue;
            record->code = "WR6044";
            record->reason = arena_printf(checker->arena, "`%.*s` is NOT NULL and has no value",
                                          STR_ARGS(schema->fields[i].name));
            return;
        }
    }
}

static Status checker_take(Checker *checker, DoorRecord *record, Error *error)
{
    const DecoderKind *kind = checker->record->format->decoder;
    Batch *batch = checker->batch;
    /* A change of a row gives two. */
    if (batch->row_count + 2 > BATCH_ROWS_MAX)
        batch_reset(batch, &checker->record->record, BATCH_ROWS_MAX);
    int32_t first = batch->row_count;
    checker->refusal.code = NULL;
    kind->decode_message(checker->decoder, record->value, batch, BATCH_ROWS_MAX);
    if (kind->trouble != NULL)
        TRY(kind->trouble(checker->decoder, error));
    record->code = checker->refusal.code;
    record->reason = checker->refusal.reason;
    if (record->code == NULL)
        checker_find_nulls(checker, first, record);
    if (record->code != NULL || checker->encoder == NULL || batch->row_count == first)
        return OK;
    checker->key.length = 0;
    const char *fault = checker->record->key_format->encoder->encode(
        checker->encoder, batch, batch->row_count - 1, &checker->key);
    record->has_key = fault == NULL;
    record->key = str_copy(checker->arena, buffer_str(&checker->key));
    if (fault != NULL) {
        record->code = "WR3510";
        record->reason = arena_printf(checker->arena, "%s", fault);
    }
    return OK;
}

static Status check_by_table(HttpRequest *request, const DoorTable *table, DoorRecord *records,
                             int32_t count, Error *error)
{
    Checker checker;
    Status status = checker_open(&checker, request, table, error);
    for (int32_t i = 0; status == OK && i < count; i++)
        status = checker_take(&checker, &records[i], error);
    checker_close(&checker);
    return status;
}

Status door_check(HttpRequest *request, const DoorTable *table, DoorRecord *records, int32_t count,
                  Error *error)
{
    if (table != NULL)
        return check_by_table(request, table, records, count, error);
    JsonRecords *json = json_records_new();
    for (int32_t i = 0; i < count; i++) {
        records[i].reason = json_records_fault(json, records[i].value);
        records[i].code = records[i].reason != NULL ? "WR3501" : NULL;
    }
    json_records_free(json);
    return OK;
}
