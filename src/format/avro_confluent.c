/* The formats avro-confluent and debezium-avro-confluent: records of Avro whose schemas a registry
 * keeps; those of the second are changes.
 *
 *     0 │ number of the writer's schema, 4 bytes, the highest first │ Avro's binary data
 *
 * A schema is asked for when its number is first met, and resolved against the table's once. While
 * the registry does not answer, the record waits: whoever reads asks for trouble() and comes again.
 * What is written is registered when the writer opens, so that a schema which the registry refuses
 * stops the job before its first row. */
#include "base/bigendian.h"
#include "format/avro_change.h"
#include "format/avro_table.h"
#include "format/avro_write.h"
#include "format/formats.h"
#include "format/schema_registry.h"

enum {
    HEAD_BYTES = 5,
    FORGET_US = 30 * 1000 * 1000, /* that a number is not known … */
    UNKNOWN_MAX = 64,             /* … of so many: records that are none have any number */
    SCHEMAS_MAX = 10000,          /* of a topic */
};

static const OptionSpec confluent_options[] = {
    {.key = "url",
     .type = OPTION_TEXT,
     .help = "The address of the schema registry, http://… or https://…; several with commas "
             "between. Without it that of the hub in this process (Flink needs it)."},
    {.key = "subject",
     .type = OPTION_TEXT,
     .help = "Under which what is written is registered; without it TOPIC-value or TOPIC-key."},
    {.key = "schema",
     .type = OPTION_TEXT,
     .help = "The Avro schema to write by and to read as, whose fields are the table's columns; "
             "without "
             "it, it is made of the columns."},
    AVRO_TIMESTAMP_OPTION(true),
    {.key = "ssl.truststore.location",
     .type = OPTION_TEXT,
     .help = "Certificates to trust, a PEM file."},
    {.key = "ssl.truststore.password",
     .type = OPTION_TEXT,
     .is_secret = true,
     .help = "Accepted for Flink's sake: a PEM file of certificates has none."},
    {.key = "ssl.keystore.location",
     .type = OPTION_TEXT,
     .help = "The client's certificate and key, a PEM or .p12 file."},
    {.key = "ssl.keystore.password",
     .type = OPTION_TEXT,
     .is_secret = true,
     .help = "The password of that file."},
    {.key = "basic-auth.credentials-source",
     .type = OPTION_TEXT,
     .help = "USER_INFO: `basic-auth.user-info`; URL: the address has them."},
    {.key = "basic-auth.user-info",
     .type = OPTION_TEXT,
     .is_secret = true,
     .help = "Name and password as NAME:PASSWORD."},
    {.key = "bearer-auth.credentials-source",
     .type = OPTION_TEXT,
     .help = "STATIC_TOKEN: `bearer-auth.token`."},
    {.key = "bearer-auth.token",
     .type = OPTION_TEXT,
     .is_secret = true,
     .help = "A token to show."},
    {.key = "properties",
     .type = OPTION_TEXT,
     .help = "Accepted for Flink's sake: properties of a client in Java."},
};

/* Without a world only the registry of this process can be asked. */
static Status check_reach(const World *world, const OptionSet *options, const char *prefix,
                          Error *error)
{
    if (world != NULL || !format_option_has(options, prefix, "url"))
        return OK;
    return fail(error, ERR_INVALID, "WR3505",
                "records whose schemas another registry keeps cannot be checked here");
}

/* The schema that the table stands for. */
static Status own_schema(Arena *arena, const AvroTable *asked, bool is_change, Str *json,
                         AvroSchema **out, Error *error)
{
    AvroTable table = *asked;
    Schema envelope;
    if (is_change) {
        envelope = avro_change_envelope(arena, asked->record);
        table.record = &envelope;
    }
    return avro_table_schema(arena, &table, json, out, error);
}

/* ---- Reading ------------------------------------------------------------------------------- */

/* A schema that was met. */
typedef struct KnownSchema {
    struct KnownSchema *next;
    uint32_t id;
    AvroReader *reader;   /* of avro-confluent, … */
    AvroChanges *changes; /* … of debezium-avro-confluent */
    const char *reason;   /* why its records cannot be read; NULL: they can */
} KnownSchema;

/* A number that the registry did not know. */
typedef struct UnknownId {
    uint32_t id;
    int64_t until_us; /* monotonic; 0: the place is free */
} UnknownId;

typedef struct ConfluentDecoder {
    Arena *arena;
    DecoderSpec spec;
    bool is_change;
    SchemaRegistry *registry;
    const AvroSchema *own; /* of the table */
    AvroReading reading;
    KnownSchema *known; /* the last that was met first */
    int32_t known_count;
    UnknownId unknown[UNKNOWN_MAX];
    int32_t next_unknown;
    Error trouble;
} ConfluentDecoder;

/* By what the records of a schema are read. */
static Status confluent_resolve(ConfluentDecoder *decoder, const AvroSchema *writer,
                                KnownSchema *out, Error *error)
{
    if (decoder->is_change)
        return avro_changes_new(decoder->arena, &decoder->spec, writer, decoder->own, &out->changes,
                                error);
    return avro_reader_new(decoder->arena, &decoder->spec, writer, decoder->own, &out->reader,
                           error);
}

static Status open_decoder(Arena *arena, const DecoderSpec *spec, bool is_change, Decoder **out,
                           Error *error)
{
    ConfluentDecoder *decoder = ARENA_NEW(arena, ConfluentDecoder);
    Str json;
    AvroSchema *own;
    KnownSchema ignored;
    TRY(check_reach(spec->world, spec->options, spec->prefix, error));
    decoder->arena = arena;
    decoder->spec = *spec;
    decoder->is_change = is_change;
    AvroTable table = {.record = spec->record,
                       .options = spec->options,
                       .prefix = spec->prefix,
                       .has_schema_option = true};
    TRY(own_schema(arena, &table, is_change, &json, &own, error));
    decoder->own = own;
    /* What the columns and an option say must go together by themselves. */
    TRY(confluent_resolve(decoder, own, &ignored, error));
    SchemaRegistrySpec where = {.world = spec->world,
                                .options = spec->options,
                                .prefix = spec->prefix,
                                .local = spec->registry};
    TRY(schema_registry_open(arena, &where, &decoder->registry, error));
    *out = (Decoder *)decoder;
    return OK;
}

static Status confluent_open(Arena *arena, const DecoderSpec *spec, Decoder **out, Error *error)
{
    return open_decoder(arena, spec, false, out, error);
}

static Status change_open(Arena *arena, const DecoderSpec *spec, Decoder **out, Error *error)
{
    return open_decoder(arena, spec, true, out, error);
}

static bool confluent_is_unknown(const ConfluentDecoder *decoder, uint32_t id)
{
    if (decoder->spec.world == NULL)
        return false;
    int64_t now_us = world_monotonic_us(decoder->spec.world);
    for (int32_t i = 0; i < UNKNOWN_MAX; i++)
        if (decoder->unknown[i].id == id && decoder->unknown[i].until_us > now_us)
            return true;
    return false;
}

static void confluent_note_unknown(ConfluentDecoder *decoder, uint32_t id)
{
    if (decoder->spec.world == NULL)
        return;
    decoder->unknown[decoder->next_unknown] =
        (UnknownId){id, world_monotonic_us(decoder->spec.world) + FORGET_US};
    decoder->next_unknown = (decoder->next_unknown + 1) % UNKNOWN_MAX;
}

/* A schema that was found, resolved or with the reason why not. */
static KnownSchema *confluent_keep(ConfluentDecoder *decoder, uint32_t id, const AvroSource *source)
{
    KnownSchema *known = ARENA_NEW(decoder->arena, KnownSchema);
    AvroSchema *writer;
    Map *ignored;
    Error refusal = {0};
    Status status = avro_schema_read(decoder->arena, source, &ignored, &writer, &refusal);
    if (status == OK)
        status = confluent_resolve(decoder, writer, known, &refusal);
    if (status != OK)
        known->reason = arena_printf(decoder->arena, "schema %u: %s", id, refusal.text);
    known->id = id;
    decoder->known_count++;
    return known;
}

/* The schema of the number; NULL: there is none. Only trouble that is no matter of the record is a
 * failure. */
static Status confluent_find(ConfluentDecoder *decoder, uint32_t id, KnownSchema **out,
                             Error *error)
{
    KnownSchema **link = &decoder->known;
    while (*link != NULL && (*link)->id != id)
        link = &(*link)->next;
    KnownSchema *known = *out = *link;
    if (known != NULL) {
        *link = known->next;
    } else {
        AvroSource source;
        if (confluent_is_unknown(decoder, id))
            return OK;
        Status status = schema_registry_find(decoder->registry, decoder->arena, id, &source, error);
        if (status == ERR_NOT_FOUND) {
            confluent_note_unknown(decoder, id);
            return OK;
        }
        TRY(status);
        if (decoder->known_count >= SCHEMAS_MAX)
            return fail(error, ERR_LIMIT, "WR3514", "records of more than %d schemas were read",
                        (int)SCHEMAS_MAX);
        known = *out = confluent_keep(decoder, id, &source);
    }
    known->next = decoder->known;
    decoder->known = known;
    return OK;
}

static void confluent_reject(const ConfluentDecoder *decoder, Str message, const char *code,
                             const char *reason)
{
    decoder->spec.reject(decoder->spec.reject_context, 0, message, code, reason);
}

static void confluent_message(Decoder *base, Str message, Batch *into, int32_t capacity)
{
    ConfluentDecoder *decoder = (ConfluentDecoder *)base;
    KnownSchema *known;
    decoder->trouble.status = OK;
    if (message.length < HEAD_BYTES || message.data[0] != 0) {
        confluent_reject(decoder, message, "WR3511",
                         "the record does not begin with a zero and the number of its schema");
        return;
    }
    Status status = confluent_find(decoder, load_be32(message.data + 1), &known, &decoder->trouble);
    decoder->trouble.status = status;
    if (status != OK)
        return;
    if (known == NULL || known->reason != NULL) {
        confluent_reject(decoder, message, "WR3513",
                         known != NULL ? known->reason
                                       : "the schema registry knows no schema of its number");
        return;
    }
    Str data = str_make(message.data + HEAD_BYTES, message.length - HEAD_BYTES);
    if (decoder->is_change)
        batch_need_kinds(into, capacity);
    bool is_good = decoder->is_change
                       ? avro_changes_read(known->changes, &decoder->reading, data, into, capacity)
                       : avro_read_message(known->reader, &decoder->reading, data, into, capacity);
    if (!is_good)
        confluent_reject(decoder, message, decoder->reading.code, decoder->reading.reason);
    batch_select_all(into);
}

static Status confluent_trouble(Decoder *base, Error *error)
{
    const Error *trouble = &((ConfluentDecoder *)base)->trouble;
    if (trouble->status != OK && error != NULL)
        *error = *trouble;
    return trouble->status;
}

static void confluent_close(Decoder *base)
{
    ConfluentDecoder *decoder = (ConfluentDecoder *)base;
    avro_reading_free(&decoder->reading);
    schema_registry_close(decoder->registry);
}

static const DecoderKind confluent_decoder = {
    .open = confluent_open,
    .decode_message = confluent_message,
    .trouble = confluent_trouble,
    .close = confluent_close,
};

static const DecoderKind change_decoder = {
    .open = change_open,
    .decode_message = confluent_message,
    .trouble = confluent_trouble,
    .close = confluent_close,
};

/* ---- Writing ------------------------------------------------------------------------------- */

typedef struct ConfluentEncoder {
    AvroWriter *writer;        /* of avro-confluent, … */
    AvroChangeWriter *changes; /* … of debezium-avro-confluent */
    char head[HEAD_BYTES];
} ConfluentEncoder;

static Status confluent_subject(Arena *arena, const EncoderSpec *spec, Str *out, Error *error)
{
    *out = format_option_text(spec->options, spec->prefix, "subject");
    if (out->length > 0)
        return OK;
    if (spec->topic == NULL)
        return fail(error, ERR_INVALID, "WR3505",
                    "'%ssubject' is needed for writing: there is no topic to name it after",
                    spec->prefix);
    *out = str_from(arena_printf(arena, "%s-%s", spec->topic, spec->is_key ? "key" : "value"));
    return OK;
}

static Status open_encoder(Arena *arena, const EncoderSpec *spec, bool is_change, Encoder **out,
                           Error *error)
{
    ConfluentEncoder *encoder = ARENA_NEW(arena, ConfluentEncoder);
    SchemaRegistry *registry = NULL;
    AvroSchema *schema;
    Str json, subject;
    uint32_t id = 0;
    TRY(check_reach(spec->world, spec->options, spec->prefix, error));
    AvroTable table = {.record = spec->record,
                       .options = spec->options,
                       .prefix = spec->prefix,
                       .has_schema_option = true};
    TRY(own_schema(arena, &table, is_change, &json, &schema, error));
    TRY(is_change ? avro_change_writer_new(arena, spec, schema, &encoder->changes, error)
                  : avro_writer_new(arena, spec, schema, &encoder->writer, error));
    TRY(confluent_subject(arena, spec, &subject, error));
    SchemaRegistrySpec where = {.world = spec->world,
                                .options = spec->options,
                                .prefix = spec->prefix,
                                .local = spec->registry};
    Status status = schema_registry_open(arena, &where, &registry, error);
    if (status == OK)
        status = schema_registry_put(registry, subject, json, &id, error);
    schema_registry_close(registry);
    store_be32(encoder->head + 1, id);
    *out = (Encoder *)encoder;
    return status;
}

static Status confluent_encoder_open(Arena *arena, const EncoderSpec *spec, Encoder **out,
                                     Error *error)
{
    return open_encoder(arena, spec, false, out, error);
}

static Status change_encoder_open(Arena *arena, const EncoderSpec *spec, Encoder **out,
                                  Error *error)
{
    return open_encoder(arena, spec, true, out, error);
}

static const char *confluent_encode(Encoder *base, const Batch *batch, int32_t row, Buffer *out)
{
    ConfluentEncoder *encoder = (ConfluentEncoder *)base;
    buffer_append(out, encoder->head, HEAD_BYTES);
    return encoder->changes != NULL ? avro_change_write(encoder->changes, batch, row, out)
                                    : avro_write(encoder->writer, batch, row, out);
}

static void confluent_encoder_close(Encoder *encoder)
{
    (void)encoder;
}

static const EncoderKind confluent_encoder = {
    .open = confluent_encoder_open,
    .encode = confluent_encode,
    .close = confluent_encoder_close,
};

static const EncoderKind change_encoder = {
    .open = change_encoder_open,
    .encode = confluent_encode,
    .close = confluent_encoder_close,
};

/* Whether a schema that an option gives goes with the columns is seen when the format opens. */
static Status confluent_check(Arena *arena, const Schema *record, const OptionSet *options,
                              const char *prefix, Error *error)
{
    AvroTable table = {
        .record = record, .options = options, .prefix = prefix, .has_schema_option = true};
    AvroSchema *ignored;
    Str json;
    return avro_table_schema(arena, &table, &json, &ignored, error);
}

const Format avro_confluent_format = {
    .info = {.name = "avro-confluent",
             .summary = "Records of Apache Avro whose schemas a schema registry keeps.",
             .options = confluent_options,
             .option_count = sizeof confluent_options / sizeof confluent_options[0],
             .decodes = CHANGELOG_APPEND,
             .encodes = CHANGELOG_APPEND,
             .is_of_messages = true,
             .asks_registry = true,
             .check = confluent_check},
    .decoder = &confluent_decoder,
    .encoder = &confluent_encoder,
};

const Format debezium_avro_format = {
    .info = {.name = "debezium-avro-confluent",
             .summary =
                 "Change records of Debezium in Avro, whose schemas a schema registry keeps.",
             .options = confluent_options,
             .option_count = sizeof confluent_options / sizeof confluent_options[0],
             .decodes = CHANGELOG_ALL,
             .encodes = CHANGELOG_ALL,
             .is_of_messages = true,
             .asks_registry = true,
             .check = confluent_check},
    .decoder = &change_decoder,
    .encoder = &change_encoder,
};
