/* Rows to messages: key and value by their formats, headers and time from metadata columns. */
#include <string.h>

#include "connect/kafka/kafka.h"
#include "data/nested.h"

/* The key or the value. */
typedef struct EncodedPart {
    const KafkaPart *part;
    const EncoderKind *kind;
    Encoder *encoder; /* NULL: there is none */
    bool takes_nulls; /* its one column may be no bytes at all */
    int32_t column;   /* of the batch: that one */
    Buffer bytes;
} EncodedPart;

struct KafkaEncoder {
    KafkaRecord record;
    EncodedPart value, key;
    bool is_upsert;
    KafkaTargets *targets;             /* NULL: one topic takes all */
    int32_t timestamp, headers, topic; /* columns of the batch, or -1 */
    Type headers_type;
};

/* What goes into the part's column. */
static int32_t part_input(const PlanNode *node, const KafkaPart *part, int32_t column)
{
    for (int32_t i = 0; i < node->schema.count; i++)
        if (node->sink.writes[i] == part->physical[column])
            return i;
    return -1;
}

static Status part_open(const SinkWriter *writer, EncodedPart *part, bool is_key, Error *error)
{
    const TableOptions *table = &writer->node->sink.table->options;
    const FormatInfo *format = is_key ? table->key_format : table->format;
    const Schema *record = &part->part->schema;
    int32_t *columns = ARENA_ARRAY(writer->arena, int32_t, record->count + 1);
    List topics = kafka_topics_named(writer->arena, table->options);
    for (int32_t i = 0; i < record->count; i++)
        columns[i] = part_input(writer->node, part->part, i);
    part->takes_nulls = strcmp(format->name, "raw") == 0;
    part->column = columns[0];
    part->kind = format_find(str_from(format->name))->encoder;
    EncoderSpec spec = {
        .record = record,
        .columns = columns,
        .options = table->options,
        .prefix = is_key ? table->key_prefix : table->format_prefix,
        .zone = writer->zone,
        .world = writer->world,
        .registry = embedded_hub_registry(kafka_hub(writer->node->sink.table, writer->hub)),
        .topic = topics.count == 1 ? LIST_AT(topics, 0, char) : NULL,
        .is_key = is_key,
    };
    return part->kind->open(writer->arena, &spec, &part->encoder, error);
}

static void encoder_find_metadata(KafkaEncoder *encoder, const PlanNode *node)
{
    encoder->timestamp = encoder->headers = encoder->topic = -1;
    for (int32_t i = 0; i < node->schema.count; i++) {
        if (node->sink.writes[i] == -KAFKA_TIMESTAMP - 1)
            encoder->timestamp = i;
        if (node->sink.writes[i] == -KAFKA_TOPIC - 1)
            encoder->topic = i;
        if (node->sink.writes[i] != -KAFKA_HEADERS - 1)
            continue;
        encoder->headers = i;
        encoder->headers_type = node->schema.fields[i].type;
    }
}

Status kafka_encoder_open(SinkWriter *writer, KafkaEncoder **out, Error *error)
{
    const PlanTable *table = writer->node->sink.table;
    KafkaEncoder *encoder = *out = ARENA_NEW(writer->arena, KafkaEncoder);
    kafka_record_of(writer->arena, table, &encoder->record);
    encoder->is_upsert = kafka_is_upsert(table);
    encoder->value.part = &encoder->record.value;
    encoder->key.part = &encoder->record.key;
    encoder_find_metadata(encoder, writer->node);
    TRY(kafka_targets_open(writer->arena, table->options.options, &encoder->targets, error));
    TRY(part_open(writer, &encoder->value, false, error));
    if (encoder->record.key.schema.count == 0)
        return OK;
    return part_open(writer, &encoder->key, true, error);
}

static void part_close(EncodedPart *part)
{
    if (part->encoder != NULL)
        part->kind->close(part->encoder);
    buffer_free(&part->bytes);
}

void kafka_encoder_close(KafkaEncoder *encoder)
{
    if (encoder == NULL)
        return;
    part_close(&encoder->value);
    part_close(&encoder->key);
    kafka_targets_close(encoder->targets);
}

/* NULL of a raw column is no bytes at all, which is not the same as none. */
static const char *part_encode(EncodedPart *part, const Batch *batch, int32_t row, Str *out)
{
    if (part->takes_nulls && column_is_null(&batch->columns[part->column], row))
        return NULL;
    part->bytes.length = 0;
    const char *problem = part->kind->encode(part->encoder, batch, row, &part->bytes);
    buffer_reserve(&part->bytes, 1);
    *out = buffer_str(&part->bytes);
    return problem;
}

static rd_kafka_headers_t *encode_headers(const KafkaEncoder *encoder, const Batch *batch,
                                          int32_t row)
{
    const Column *column = &batch->columns[encoder->headers];
    if (column_is_null(column, row))
        return NULL;
    Value map = value_get(column, row);
    NestedMap entries = nested_map(map.text, encoder->headers_type);
    Type name_type = nested_key_type(encoder->headers_type);
    Type value_type = nested_value_type(encoder->headers_type);
    rd_kafka_headers_t *headers = rd_kafka_headers_new((size_t)entries.keys.count);
    for (int32_t i = 0; i < entries.keys.count; i++) {
        Value name = nested_array_value(&entries.keys, i, name_type);
        Value value = nested_array_value(&entries.values, i, value_type);
        if (name.is_null)
            continue;
        rd_kafka_header_add(headers, name.text.data, name.text.length,
                            value.is_null ? NULL : value.text.data,
                            value.is_null ? 0 : value.text.length);
    }
    return headers;
}

static const char *encode_topic(const KafkaEncoder *encoder, const Batch *batch, int32_t row,
                                Str *out)
{
    if (encoder->targets == NULL)
        return NULL;
    if (encoder->topic >= 0 && !column_is_null(&batch->columns[encoder->topic], row))
        *out = value_get(&batch->columns[encoder->topic], row).text;
    return kafka_targets_refuse(encoder->targets, *out);
}

const char *kafka_encode(KafkaEncoder *encoder, const Batch *batch, int32_t row, KafkaMessage *out)
{
    *out = (KafkaMessage){0};
    const char *problem = encode_topic(encoder, batch, row, &out->topic);
    bool is_deletion =
        encoder->is_upsert && row_kind_is_retraction((uint8_t)batch_kind(batch, row));
    if (problem == NULL && !is_deletion)
        problem = part_encode(&encoder->value, batch, row, &out->value);
    if (problem == NULL && encoder->key.encoder != NULL)
        problem = part_encode(&encoder->key, batch, row, &out->key);
    if (problem != NULL)
        return problem;
    if (encoder->timestamp >= 0 && !column_is_null(&batch->columns[encoder->timestamp], row)) {
        Value time = value_get(&batch->columns[encoder->timestamp], row);
        out->timestamp_ms = floor_div(time.integer, MICROS_PER_MILLI);
        if (out->timestamp_ms < 0)
            return "a record cannot have a timestamp before 1970";
    }
    if (encoder->headers >= 0)
        out->headers = encode_headers(encoder, batch, row);
    return NULL;
}
