/* The maxwell-json format: records of Maxwell's daemon. */
#include "format/formats.h"
#include "format/json_changes.h"

static const ChangeType maxwell_types[] = {
    {STR("\"insert\""), CHANGE_INSERT},        {STR("\"update\""), CHANGE_UPDATE},
    {STR("\"delete\""), CHANGE_DELETE},        {STR("\"bootstrap-insert\""), CHANGE_INSERT},
    {STR("\"bootstrap-start\""), CHANGE_SKIP}, {STR("\"bootstrap-complete\""), CHANGE_SKIP},
    {STR("\"database-create\""), CHANGE_SKIP}, {STR("\"database-alter\""), CHANGE_SKIP},
    {STR("\"table-create\""), CHANGE_SKIP},    {STR("\"table-alter\""), CHANGE_SKIP},
    {STR("\"database-drop\""), CHANGE_LOSS},   {STR("\"table-drop\""), CHANGE_LOSS},
};

static const JsonMetadataField maxwell_fields[] = {
    {"database", JSON_METADATA_TEXT, 0},
    {"table", JSON_METADATA_TEXT, 0},
    {"primary_key_columns", JSON_METADATA_TEXTS, 0},
    {"ts", JSON_METADATA_SECONDS, 0},
};

static const ChangeDialect maxwell_dialect = {
    .types = maxwell_types,
    .type_count = sizeof maxwell_types / sizeof maxwell_types[0],
    .has_lists = false,
    .marks_ddl = false,
    .has_filters = false,
    .metadata = maxwell_fields,
    .before = "{\"data\":",
    .behind_insert = ",\"type\":\"insert\"}",
    .behind_delete = ",\"type\":\"delete\"}",
};

static Status maxwell_open(Arena *arena, const DecoderSpec *spec, Decoder **out, Error *error)
{
    return json_changes_open(arena, spec, &maxwell_dialect, out, error);
}

static const DecoderKind maxwell_decoder = {
    .open = maxwell_open,
    .decode = json_changes_decode,
    .decode_message = json_changes_message,
    .last_record_end = json_changes_last_end,
    .close = json_changes_close,
};

static Status maxwell_encoder_open(Arena *arena, const EncoderSpec *spec, Encoder **out,
                                   Error *error)
{
    return json_changes_encoder_open(arena, spec, &maxwell_dialect, out, error);
}

static const EncoderKind maxwell_encoder = {
    .open = maxwell_encoder_open,
    .encode = json_changes_encode,
    .close = json_changes_encoder_close,
};

/* In the order of maxwell_fields. */
static const MetadataSpec maxwell_metadata[] = {
    {.key = "database", .type = "STRING", .help = "The database that the row is of."},
    {.key = "table", .type = "STRING", .help = "The table that the row is of."},
    {.key = "primary-key-columns",
     .type = "ARRAY<STRING>",
     .help = "The columns of the primary key."},
    {.key = "ingestion-timestamp",
     .type = "TIMESTAMP_LTZ(3)",
     .help = "When the change was made in the database: `ts`."},
};

static const OptionSpec maxwell_options[] = {
    JSON_CHANGE_OPTIONS,
};

const Format maxwell_format = {
    .info = {.name = "maxwell-json",
             .summary = "Change records of Maxwell: the new row, and of the old one what changed.",
             .options = maxwell_options,
             .option_count = sizeof maxwell_options / sizeof maxwell_options[0],
             .decodes = CHANGELOG_ALL,
             .encodes = CHANGELOG_ALL,
             .reads_fields = true,
             .metadata = maxwell_metadata,
             .metadata_count = sizeof maxwell_metadata / sizeof maxwell_metadata[0]},
    .decoder = &maxwell_decoder,
    .encoder = &maxwell_encoder,
};
