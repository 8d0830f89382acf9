/* The avro format: records in Avro's binary form, or in its JSON, without the schema, which is the
 * table's own. Whoever wrote them must have had the same one. */
#include "format/avro_default.h"
#include "format/avro_json.h"
#include "format/avro_read.h"
#include "format/avro_table.h"
#include "format/avro_write.h"
#include "format/formats.h"

static const OptionSpec avro_options[] = {
    {.key = "encoding",
     .type = OPTION_ENUM,
     .default_text = "binary",
     .choices = "binary|json",
     .help = "How records are written; files are always binary."},
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

static bool encoding_is_json(const OptionSet *options, const char *prefix)
{
    return str_equal_ignoring_case(format_option_text(options, prefix, "encoding"), STR("json"));
}

/* ---- Reading ------------------------------------------------------------------------------- */

typedef struct AvroDecoder {
    AvroReader *reader;
    AvroReading reading;
    const AvroSchema *schema;
    JsonDocument *document; /* NULL: records are binary */
    Buffer bytes;           /* of a record in JSON */
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
    decoder->schema = schema;
    if (encoding_is_json(spec->options, spec->prefix))
        decoder->document = json_document_new();
    decoder->reject = spec->reject;
    decoder->reject_context = spec->reject_context;
    *out = (Decoder *)decoder;
    return OK;
}

/* The record in JSON as binary data; NULL, or why it is none. */
static const char *avro_take_json(AvroDecoder *decoder, Str message)
{
    JsonElement root;
    decoder->bytes.length = 0;
    if (message.length == 0 ||
        !json_document_parse(decoder->document, message.data, message.length, &root))
        return "it is no json";
    return avro_json_encode(decoder->schema, root, &decoder->bytes)
               ? NULL
               : "it is no record of the table's schema in avro's json";
}

static void avro_message(Decoder *base, Str message, Batch *into, int32_t capacity)
{
    AvroDecoder *decoder = (AvroDecoder *)base;
    const char *problem = decoder->document != NULL ? avro_take_json(decoder, message) : NULL;
    Str data = decoder->document != NULL ? buffer_str(&decoder->bytes) : message;
    if (problem != NULL)
        decoder->reject(decoder->reject_context, 0, message, "WR3511", problem);
    else if (!avro_read_message(decoder->reader, &decoder->reading, data, into, capacity))
        decoder->reject(decoder->reject_context, 0, message, decoder->reading.code,
                        decoder->reading.reason);
    batch_select_all(into);
}

static void avro_close(Decoder *base)
{
    AvroDecoder *decoder = (AvroDecoder *)base;
    avro_reading_free(&decoder->reading);
    json_document_free(decoder->document);
    buffer_free(&decoder->bytes);
}

static const DecoderKind avro_decoder = {
    .open = avro_open,
    .decode_message = avro_message,
    .close = avro_close,
};

/* ---- Writing ------------------------------------------------------------------------------- */

typedef struct AvroEncoder {
    AvroWriter *writer;
    const AvroSchema *schema;
    bool is_json;
    Buffer bytes; /* of a record that becomes JSON */
} AvroEncoder;

static Status avro_encoder_open(Arena *arena, const EncoderSpec *spec, Encoder **out, Error *error)
{
    AvroEncoder *encoder = ARENA_NEW(arena, AvroEncoder);
    Str json;
    AvroSchema *schema;
    AvroTable table = {.record = spec->record, .options = spec->options, .prefix = spec->prefix};
    TRY(avro_table_schema(arena, &table, &json, &schema, error));
    TRY(avro_writer_new(arena, spec, schema, &encoder->writer, error));
    encoder->schema = schema;
    encoder->is_json = encoding_is_json(spec->options, spec->prefix);
    *out = (Encoder *)encoder;
    return OK;
}

static const char *avro_encode(Encoder *base, const Batch *batch, int32_t row, Buffer *out)
{
    AvroEncoder *encoder = (AvroEncoder *)base;
    if (!encoder->is_json)
        return avro_write(encoder->writer, batch, row, out);
    encoder->bytes.length = 0;
    const char *problem = avro_write(encoder->writer, batch, row, &encoder->bytes);
    if (problem == NULL)
        avro_json_print(encoder->schema, buffer_str(&encoder->bytes), out);
    return problem;
}

static void avro_encoder_close(Encoder *base)
{
    buffer_free(&((AvroEncoder *)base)->bytes);
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
