/* Messages to rows: the value and the key by their formats, and what Kafka says of the message.
 *
 * A batch is filled in the order value, the metadata that its format knows, key, metadata of
 * the message, and brought into the node's order at its
 * end. Where value and key both have a column, the value's counts; the key's is read for messages
 * without a value only, which delete by it. */
#include <string.h>

#include "connect/kafka/kafka.h"
#include "data/nested.h"

enum {
    BATCH_BYTES_MAX = 8 * 1024 * 1024,
    ROWS_SPARE = 64, /* for a message that may give several; with more the batch grows */
};

/* A column of the node that stands in a part. */
typedef struct PartColumns {
    const DecoderKind *kind; /* NULL: the part is not read */
    Decoder *decoder;
    int32_t *columns; /* of the part's schema */
    int32_t count;
    int32_t first;     /* in the batch */
    int32_t *metadata; /* of the format's list */
    int32_t metadata_count;
} PartColumns;

struct KafkaRows {
    SourceReader *reader;
    KafkaRecord record;
    PartColumns value, key;
    int32_t *metadata; /* which, of the batch's columns behind value and key */
    int32_t metadata_count;
    Schema schema;    /* of the batch while it is filled */
    int32_t *outputs; /* column of the node of each; -1: of the key, for deletions */
    int32_t *twins;   /* of such a one: the column of the batch that gets it */
    bool is_upsert, takes_nulls;
    int32_t rows_per_message; /* for which there must be room */
    int64_t bytes;            /* of the messages in the batch */
    const rd_kafka_message_t *message;
    bool is_rejected;
    NestedBuilder builder;
};

static void rows_reject_message(KafkaRows *rows, Str record, const char *code, const char *reason)
{
    const rd_kafka_message_t *message = rows->message;
    char position[300];
    snprintf(position, sizeof position, "%s/%d:%lld", rd_kafka_topic_name(message->rkt),
             message->partition, (long long)message->offset);
    rows->is_rejected = true;
    if (rows->reader->dead_letters == NULL)
        return;
    deadletters_add(rows->reader->dead_letters,
                    &(DeadLetter){.table = rows->reader->node->source.table->name,
                                  .stage = STAGE_DECODE,
                                  .code = code,
                                  .reason = reason,
                                  .position = str_from(position),
                                  .bytes = record});
}

static void rows_reject(void *context, int64_t offset, Str record, const char *code,
                        const char *reason)
{
    (void)offset;
    rows_reject_message(context, record, code, reason);
}

/* ---- Opening ------------------------------------------------------------------------------- */

static int32_t part_place(const KafkaPart *part, int32_t physical)
{
    for (int32_t i = 0; i < part->schema.count; i++)
        if (part->physical[i] == physical)
            return i;
    return -1;
}

static void rows_add(KafkaRows *rows, Field field, int32_t output, int32_t twin)
{
    Field *fields = (Field *)rows->schema.fields;
    fields[rows->schema.count] = field;
    rows->outputs[rows->schema.count] = output;
    rows->twins[rows->schema.count++] = twin;
}

static void rows_add_values(KafkaRows *rows, const PlanNode *node)
{
    for (int32_t i = 0; i < node->schema.count; i++) {
        int32_t place = node->source.columns[i] < 0
                            ? -1
                            : part_place(&rows->record.value, node->source.columns[i]);
        if (place < 0)
            continue;
        rows->value.columns[rows->value.count++] = place;
        rows_add(rows, node->schema.fields[i], i, -1);
    }
}

/* Metadata, which are the format's from KAFKA_METADATA_COUNT on. */
static void rows_add_metadata(KafkaRows *rows, const PlanNode *node, bool is_formats)
{
    for (int32_t i = 0; i < node->schema.count; i++) {
        int32_t which = -node->source.columns[i] - 1;
        if (which < 0 || (which >= KAFKA_METADATA_COUNT) != is_formats)
            continue;
        if (is_formats)
            rows->value.metadata[rows->value.metadata_count++] = which - KAFKA_METADATA_COUNT;
        else
            rows->metadata[rows->metadata_count++] = which;
        rows_add(rows, node->schema.fields[i], i, -1);
    }
}

static void rows_add_keys(KafkaRows *rows, const PlanNode *node)
{
    rows->key.first = rows->schema.count;
    int32_t values = rows->schema.count;
    for (int32_t i = 0; i < node->schema.count; i++) {
        int32_t column = node->source.columns[i];
        int32_t place = column < 0 ? -1 : part_place(&rows->record.key, column);
        bool is_in_value = place >= 0 && part_place(&rows->record.value, column) >= 0;
        if (place < 0 || (is_in_value && !rows->is_upsert))
            continue;
        int32_t twin = -1;
        for (int32_t v = 0; is_in_value && v < values; v++)
            if (rows->outputs[v] == i)
                twin = v;
        rows->key.columns[rows->key.count++] = place;
        rows_add(rows, node->schema.fields[i], is_in_value ? -1 : i, twin);
    }
}

static Status part_open(KafkaRows *rows, PartColumns *columns, const KafkaPart *part,
                        const FormatInfo *format, const char *prefix, Error *error)
{
    const SourceReader *reader = rows->reader;
    columns->kind = format_find(str_from(format->name))->decoder;
    DecoderSpec spec = {
        .record = &part->schema,
        .columns = columns->columns,
        .column_count = columns->count,
        .first_column = columns->first,
        .metadata = columns->metadata,
        .metadata_count = columns->metadata_count,
        .options = reader->node->source.table->options.options,
        .prefix = prefix,
        .zone = reader->zone,
        .world = reader->world,
        .registry = embedded_hub_registry(kafka_hub(reader->node->source.table, reader->hub)),
        .reject = rows_reject,
        .reject_context = rows,
    };
    return columns->kind->open(reader->arena, &spec, &columns->decoder, error);
}

static KafkaRows *rows_new(SourceReader *reader)
{
    const PlanNode *node = reader->node;
    const TableOptions *options = &node->source.table->options;
    Arena *arena = reader->arena;
    KafkaRows *rows = ARENA_NEW(arena, KafkaRows);
    rows->reader = reader;
    rows->is_upsert = kafka_is_upsert(node->source.table);
    rows->takes_nulls = strcmp(options->format->name, "raw") == 0;
    rows->rows_per_message = options->format->decodes == CHANGELOG_APPEND ? 1 : ROWS_SPARE;
    kafka_record_of(arena, node->source.table, &rows->record);
    int32_t most = node->schema.count * 2;
    rows->schema.fields = ARENA_ARRAY(arena, Field, most + 1);
    rows->outputs = ARENA_ARRAY(arena, int32_t, most + 1);
    rows->twins = ARENA_ARRAY(arena, int32_t, most + 1);
    rows->value.columns = ARENA_ARRAY(arena, int32_t, most + 1);
    rows->key.columns = ARENA_ARRAY(arena, int32_t, most + 1);
    rows->metadata = ARENA_ARRAY(arena, int32_t, most + 1);
    rows->value.metadata = ARENA_ARRAY(arena, int32_t, most + 1);
    rows_add_values(rows, node);
    rows_add_metadata(rows, node, true);
    rows_add_keys(rows, node);
    rows_add_metadata(rows, node, false);
    return rows;
}

Status kafka_rows_open(SourceReader *reader, KafkaRows **out, Error *error)
{
    const TableOptions *options = &reader->node->source.table->options;
    KafkaRows *rows = *out = rows_new(reader);
    TRY(part_open(rows, &rows->value, &rows->record.value, options->format, options->format_prefix,
                  error));
    if (rows->record.key.schema.count == 0 || (rows->key.count == 0 && !rows->is_upsert))
        return OK;
    return part_open(rows, &rows->key, &rows->record.key, options->key_format, options->key_prefix,
                     error);
}

void kafka_rows_close(KafkaRows *rows)
{
    if (rows == NULL)
        return;
    if (rows->value.decoder != NULL)
        rows->value.kind->close(rows->value.decoder);
    if (rows->key.decoder != NULL)
        rows->key.kind->close(rows->key.decoder);
    nested_builder_free(&rows->builder);
}

/* ---- Metadata ------------------------------------------------------------------------------ */

static Str rows_headers(KafkaRows *rows, Type type, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t size;
    nested_begin(&rows->builder, type);
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) ==
                           RD_KAFKA_RESP_ERR_NO_ERROR;
             i++) {
            nested_put_str(&rows->builder, str_from(name));
            if (value == NULL)
                nested_put_null(&rows->builder);
            else
                nested_put_str(&rows->builder, str_make(value, (int64_t)size));
        }
    }
    nested_end(&rows->builder);
    return nested_result(&rows->builder);
}

static const char *timestamp_type_text(rd_kafka_timestamp_type_t type)
{
    switch (type) {
    case RD_KAFKA_TIMESTAMP_CREATE_TIME: return "CreateTime";
    case RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME: return "LogAppendTime";
    case RD_KAFKA_TIMESTAMP_NOT_AVAILABLE: break;
    }
    return "NoTimestampType";
}

static Value rows_metadata(KafkaRows *rows, Type type, KafkaMetadata which)
{
    const rd_kafka_message_t *message = rows->message;
    rd_kafka_timestamp_type_t time_type;
    int64_t time_ms = rd_kafka_message_timestamp(message, &time_type);
    Value value = {.type = type};
    switch (which) {
    case KAFKA_TOPIC: value.text = str_from(rd_kafka_topic_name(message->rkt)); break;
    case KAFKA_PARTITION: value.integer = message->partition; break;
    case KAFKA_HEADERS: value.text = rows_headers(rows, type, message); break;
    case KAFKA_OFFSET: value.integer = message->offset; break;
    case KAFKA_TIMESTAMP: value.integer = time_ms * MICROS_PER_MILLI; break;
    case KAFKA_TIMESTAMP_TYPE: value.text = str_from(timestamp_type_text(time_type)); break;
    /* This librdkafka does not hand it on. */
    case KAFKA_LEADER_EPOCH:
    case KAFKA_METADATA_COUNT: value.is_null = true; break;
    }
    return value;
}

/* Of the batch, which may have grown. */
static int32_t batch_capacity(const Batch *batch, int32_t row)
{
    int32_t rows = batch->row_count > row ? batch->row_count : row + 1;
    return rows > BATCH_ROWS_MAX ? rows : BATCH_ROWS_MAX;
}

static void batch_put(Batch *batch, int32_t column, int32_t row, const Value *value)
{
    Column *into = &batch->columns[column];
    if (value->is_null) {
        column_set_null(into, batch->arena, row, batch_capacity(batch, row));
        return;
    }
    if (into->valid != NULL)
        bitmap_set(into->valid, row, true);
    value_set(into, batch->arena, row, batch_capacity(batch, row), value);
}

static void rows_put_metadata(KafkaRows *rows, Batch *batch, int32_t row)
{
    int32_t first = rows->schema.count - rows->metadata_count;
    for (int32_t i = 0; i < rows->metadata_count; i++) {
        Value value = rows_metadata(rows, rows->schema.fields[first + i].type,
                                    (KafkaMetadata)rows->metadata[i]);
        batch_put(batch, first + i, row, &value);
    }
}

/* ---- Messages ------------------------------------------------------------------------------ */

Batch *kafka_rows_begin(KafkaRows *rows)
{
    rows->bytes = 0;
    Batch *batch = batch_new(&rows->schema, BATCH_ROWS_MAX);
    if (rows->is_upsert)
        batch_need_kinds(batch, BATCH_ROWS_MAX);
    return batch;
}

bool kafka_rows_has_room(const KafkaRows *rows, const Batch *batch)
{
    return batch->row_count + rows->rows_per_message <= BATCH_ROWS_MAX &&
           rows->bytes < BATCH_BYTES_MAX;
}

/* The key into the columns of this row. */
static bool rows_take_key(KafkaRows *rows, Batch *batch, int32_t row)
{
    const rd_kafka_message_t *message = rows->message;
    int32_t count = batch->row_count;
    bool is_raw = rows->key.kind == format_find(STR("raw"))->decoder;
    if (message->key == NULL && !is_raw) {
        rows_reject_message(rows, str_make(message->payload, (int64_t)message->len), "WR3433",
                            "the message has no key, but columns of the table stand in it");
        return false;
    }
    batch->row_count = row;
    uint8_t kind = batch->kinds == NULL ? ROW_INSERT : batch->kinds[row]; /* the value's to say */
    rows->key.kind->decode_message(rows->key.decoder,
                                   str_make(message->key, (int64_t)message->key_len), batch,
                                   batch_capacity(batch, row));
    bool is_read = batch->row_count == row + 1;
    batch->row_count = count;
    if (batch->kinds != NULL)
        batch->kinds[row] = kind;
    if (!is_read && !rows->is_rejected && !rows->is_upsert)
        return false; /* a format that passes over what it cannot read */
    return is_read;
}

/* A message without a value takes its key's row away. */
static void rows_take_tombstone(KafkaRows *rows, Batch *batch)
{
    int32_t row = batch->row_count;
    for (int32_t i = 0; i < rows->value.count; i++)
        column_set_null(&batch->columns[i], batch->arena, row, BATCH_ROWS_MAX);
    if (!rows_take_key(rows, batch, row))
        return;
    for (int32_t i = rows->key.first; i < rows->key.first + rows->key.count; i++) {
        if (rows->twins[i] < 0)
            continue;
        Value value = value_get(&batch->columns[i], row);
        batch_put(batch, rows->twins[i], row, &value);
    }
    rows_put_metadata(rows, batch, row);
    batch->kinds[row] = ROW_DELETE;
    batch->row_count = row + 1;
}

static void rows_take_message(KafkaRows *rows, const rd_kafka_message_t *message, Batch *batch)
{
    int32_t first = batch->row_count;
    rows->message = message;
    rows->is_rejected = false;
    rows->bytes += (int64_t)(message->len + message->key_len);
    if (message->payload == NULL && rows->is_upsert) {
        rows_take_tombstone(rows, batch);
        return;
    }
    if (message->payload == NULL && !rows->takes_nulls)
        return;
    rows->value.kind->decode_message(rows->value.decoder,
                                     str_make(message->payload, (int64_t)message->len), batch,
                                     BATCH_ROWS_MAX);
    for (int32_t row = first; row < batch->row_count; row++) {
        if (rows->key.decoder != NULL && !rows_take_key(rows, batch, row)) {
            batch->row_count = first;
            return;
        }
        rows_put_metadata(rows, batch, row);
        if (rows->is_upsert)
            batch->kinds[row] = ROW_UPDATE_AFTER;
    }
}

/* A part that could not be read through no fault of the message. */
static Status part_trouble(const PartColumns *part, Error *error)
{
    bool can_have = part->decoder != NULL && part->kind->trouble != NULL;
    return can_have ? part->kind->trouble(part->decoder, error) : OK;
}

Status kafka_rows_take(KafkaRows *rows, const rd_kafka_message_t *message, Batch *batch,
                       Error *error)
{
    int32_t first = batch->row_count;
    rows_take_message(rows, message, batch);
    Status status = part_trouble(&rows->value, error);
    if (status == OK)
        status = part_trouble(&rows->key, error);
    if (status != OK)
        batch->row_count = first;
    return status;
}

void kafka_rows_end(KafkaRows *rows, Batch *batch)
{
    int32_t count = rows->reader->node->schema.count;
    Column *arranged = arena_allocate(batch->arena, (int64_t)sizeof(Column) * (count + 1));
    for (int32_t i = 0; i < rows->schema.count; i++)
        if (rows->outputs[i] >= 0)
            arranged[rows->outputs[i]] = batch->columns[i];
    batch->columns = arranged;
    batch->column_count = count;
    batch_select_all(batch);
}
