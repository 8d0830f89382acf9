/* The avro format: records in Avro's binary form without the schema, which is the table's own.
 * Whoever wrote them must have had the same one. */
#include "format/avro_read.h"
#include "format/avro_table.h"
#include "format/avro_write.h"
#include "format/formats.h"

static const OptionSpec avro_options[] = {
    {.key = "encoding",
     .type = OPTION_ENUM,
     .default_text = "binary",
     .choices = "binary",
     .help = "How records are written; Flink's other one, json, is not there."},
    {.key = "codec",
     .type = OPTION_ENUM,
     .default_text = "snappy",
     .choices = "snappy|null|deflate|zstandard",
     .help = "How files are packed that the filesystem connector writes."},
    AVRO_TIMESTAMP_OPTION(false),
};

static Status table_derive(Arena *arena, const AvroTable *table, Str *json, Error *error)
{
    Buffer text = {0};
    bool is_legacy = format_option_bool(table->options, table->prefix, "timestamp_mapping.legacy");
    Status status = avro_schema_derive(arena, table->record, is_legacy, &text, error);
    *json = str_copy(arena, buffer_str(&text));
    buffer_free(&text);
    return status;
}

Status avro_table_schema(Arena *arena, const AvroTable *table, Str *json, AvroSchema **out,
                         Error *error)
{
    if (table->has_schema_option && format_option_has(table->options, table->prefix, "schema"))
        *json = format_option_text(table->options, table->prefix, "schema");
    else
        TRY(table_derive(arena, table, json, error));
    return avro_schema_parse(arena, *json, out, error);
}

Status avro_table_check(Arena *arena, const Schema *record, const OptionSet *options,
                        const char *prefix, Error *error)
{
    AvroTable table = {.record = record, .options = options, .prefix = prefix};
    AvroSchema *ignored;
    Str json;
    return avro_table_schema(arena, &table, &json, &ignored, error);
}

/* ---- Reading ------------------------------------------------------------------------------- */

typedef struct AvroDecoder {
    AvroReader *reader;
    AvroReading reading;
    FormatReject *reject;
    void *reject_context;
} AvroDecoder;

static Status avro_open(Arena *arena, const DecoderSpec *spec, Decoder **out, Error *error)
{
    AvroDecoder *decoder = ARENA_NEW(arena, AvroDecoder);
    Str json;
    AvroSchema *schema;
    AvroTable table = {.record = spec->record, .options = spec->options, .prefix = spec->prefix};
    TRY(avro_table_schema(arena, &table, &json, &schema, error));
    TRY(avro_reader_new(arena, spec, schema, schema, &decoder->reader, error));
    decoder->reject = spec->reject;
    decoder->reject_context = spec->reject_context;
    *out = (Decoder *)decoder;
    return OK;
}

static void avro_message(Decoder *base, Str message, Batch *into, int32_t capacity)
{
    AvroDecoder *decoder = (AvroDecoder *)base;
    if (!avro_read_message(decoder->reader, &decoder->reading, message, into, capacity))
        decoder->reject(decoder->reject_context, 0, message, decoder->reading.code,
                        decoder->reading.reason);
    batch_select_all(into);
}

static void avro_close(Decoder *base)
{
    avro_reading_free(&((AvroDecoder *)base)->reading);
}

static const DecoderKind avro_decoder = {
    .open = avro_open,
    .decode_message = avro_message,
    .close = avro_close,
};

/* ---- Writing ------------------------------------------------------------------------------- */

static Status avro_encoder_open(Arena *arena, const EncoderSpec *spec, Encoder **out, Error *error)
{
    Str json;
    AvroSchema *schema;
    AvroWriter *writer;
    AvroTable table = {.record = spec->record, .options = spec->options, .prefix = spec->prefix};
    TRY(avro_table_schema(arena, &table, &json, &schema, error));
    TRY(avro_writer_new(arena, spec, schema, &writer, error));
    *out = (Encoder *)writer;
    return OK;
}

static const char *avro_encode(Encoder *encoder, const Batch *batch, int32_t row, Buffer *out)
{
    return avro_write((AvroWriter *)encoder, batch, row, out);
}

static void avro_encoder_close(Encoder *encoder)
{
    (void)encoder;
}

static const EncoderKind avro_encoder = {
    .open = avro_encoder_open,
    .encode = avro_encode,
    .close = avro_encoder_close,
};

const Format avro_format = {
    .info = {.name = "avro",
             .summary = "Records of Apache Avro, by a schema that is made of the table's columns.",
             .options = avro_options,
             .option_count = sizeof avro_options / sizeof avro_options[0],
             .decodes = CHANGELOG_APPEND,
             .encodes = CHANGELOG_APPEND,
             .is_of_messages = true,
             .check = avro_table_check},
    .decoder = &avro_decoder,
    .encoder = &avro_encoder,
};
