/* Rows to messages: key and value by their formats, headers and time from metadata columns. */
#include <string.h>

#include "connect/kafka/kafka.h"
#include "data/nested.h"

struct KafkaEncoder {
    const EncoderKind *value_kind, *key_kind; /* of the key NULL: there is none */
    Encoder *value, *key;
    KafkaRecord record;
    bool is_upsert, takes_nulls, key_takes_nulls;
    int32_t value_column, key_column; /* of raw: the only one */
    int32_t timestamp, headers;       /* columns of the batch, or -1 */
    Type headers_type;
    Buffer value_bytes, key_bytes;
};

static Status part_open(const SinkWriter *writer, const KafkaPart *part, const FormatInfo *format,
                        const char *prefix, const EncoderKind **kind, Encoder **out, Error *error)
{
    const PlanNode *node = writer->node;
    int32_t *columns = ARENA_ARRAY(writer->arena, int32_t, part->schema.count + 1);
    for (int32_t i = 0; i < part->schema.count; i++)
        for (int32_t k = 0; k < node->schema.count; k++)
            if (node->sink.writes[k] == part->physical[i])
                columns[i] = k;
    *kind = format_find(str_from(format->name))->encoder;
    EncoderSpec spec = {
        .record = &part->schema,
        .columns = columns,
        .options = node->sink.table->options.options,
        .prefix = prefix,
        .zone = writer->zone,
    };
    return (*kind)->open(writer->arena, &spec, out, error);
}

static int32_t part_first_column(const PlanNode *node, const KafkaPart *part)
{
    for (int32_t k = 0; part->schema.count > 0 && k < node->schema.count; k++)
        if (node->sink.writes[k] == part->physical[0])
            return k;
    return -1;
}

static void encoder_find_metadata(KafkaEncoder *encoder, const PlanNode *node)
{
    encoder->timestamp = encoder->headers = -1;
    for (int32_t i = 0; i < node->schema.count; i++) {
        if (node->sink.writes[i] == -KAFKA_TIMESTAMP - 1)
            encoder->timestamp = i;
        if (node->sink.writes[i] != -KAFKA_HEADERS - 1)
            continue;
        encoder->headers = i;
        encoder->headers_type = node->schema.fields[i].type;
    }
}

Status kafka_encoder_open(SinkWriter *writer, KafkaEncoder **out, Error *error)
{
    const PlanTable *table = writer->node->sink.table;
    const TableOptions *options = &table->options;
    KafkaEncoder *encoder = *out = ARENA_NEW(writer->arena, KafkaEncoder);
    kafka_record_of(writer->arena, table, &encoder->record);
    encoder->is_upsert = kafka_is_upsert(table);
    encoder->takes_nulls = strcmp(options->format->name, "raw") == 0;
    encoder->value_column = part_first_column(writer->node, &encoder->record.value);
    encoder_find_metadata(encoder, writer->node);
    TRY(part_open(writer, &encoder->record.value, options->format, options->format_prefix,
                  &encoder->value_kind, &encoder->value, error));
    if (encoder->record.key.schema.count == 0)
        return OK;
    encoder->key_takes_nulls = strcmp(options->key_format->name, "raw") == 0;
    encoder->key_column = part_first_column(writer->node, &encoder->record.key);
    return part_open(writer, &encoder->record.key, options->key_format, options->key_prefix,
                     &encoder->key_kind, &encoder->key, error);
}

void kafka_encoder_close(KafkaEncoder *encoder)
{
    if (encoder == NULL)
        return;
    if (encoder->value != NULL)
        encoder->value_kind->close(encoder->value);
    if (encoder->key != NULL)
        encoder->key_kind->close(encoder->key);
    buffer_free(&encoder->value_bytes);
    buffer_free(&encoder->key_bytes);
}

/* The bytes of a part; NULL of a raw column is no bytes at all, which is not the same as none. */
static const char *part_encode(const EncoderKind *kind, Encoder *encoder, bool takes_nulls,
                               int32_t column, const Batch *batch, int32_t row, Buffer *bytes,
                               Str *out)
{
    *out = (Str){0};
    if (takes_nulls && column_is_null(&batch->columns[column], row))
        return NULL;
    bytes->length = 0;
    const char *problem = kind->encode(encoder, batch, row, bytes);
    buffer_reserve(bytes, 1);
    *out = buffer_str(bytes);
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

const char *kafka_encode(KafkaEncoder *encoder, const Batch *batch, int32_t row, KafkaMessage *out)
{
    *out = (KafkaMessage){0};
    const char *problem = NULL;
    bool is_deletion =
        encoder->is_upsert && row_kind_is_retraction((uint8_t)batch_kind(batch, row));
    if (!is_deletion)
        problem =
            part_encode(encoder->value_kind, encoder->value, encoder->takes_nulls,
                        encoder->value_column, batch, row, &encoder->value_bytes, &out->value);
    if (problem == NULL && encoder->key != NULL)
        problem = part_encode(encoder->key_kind, encoder->key, encoder->key_takes_nulls,
                              encoder->key_column, batch, row, &encoder->key_bytes, &out->key);
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
