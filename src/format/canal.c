/* The canal-json format: flat messages of Alibaba's Canal. Its other types of records, which are
 * DDL, say so themselves. */
#include "format/formats.h"
#include "format/json_changes.h"

static const ChangeType canal_types[] = {
    {STR("\"INSERT\""), CHANGE_INSERT}, {STR("\"UPDATE\""), CHANGE_UPDATE},
    {STR("\"DELETE\""), CHANGE_DELETE}, {STR("\"CREATE\""), CHANGE_SKIP},
    {STR("\"TRUNCATE\""), CHANGE_LOSS}, {STR("\"ERASE\""), CHANGE_LOSS},
};

static const JsonMetadataField canal_fields[] = {
    {"database", JSON_METADATA_TEXT, 0},   {"table", JSON_METADATA_TEXT, 0},
    {"sqlType", JSON_METADATA_NUMBERS, 0}, {"pkNames", JSON_METADATA_TEXTS, 0},
    {"ts", JSON_METADATA_MILLIS, 0},       {"es", JSON_METADATA_MILLIS, 0},
};

static const ChangeDialect canal_dialect = {
    .types = canal_types,
    .type_count = sizeof canal_types / sizeof canal_types[0],
    .has_lists = true,
    .marks_ddl = true,
    .has_filters = true,
    .metadata = canal_fields,
    .before = "{\"data\":[",
    .behind_insert = "],\"type\":\"INSERT\"}",
    .behind_delete = "],\"type\":\"DELETE\"}",
};

static Status canal_open(Arena *arena, const DecoderSpec *spec, Decoder **out, Error *error)
{
    return json_changes_open(arena, spec, &canal_dialect, out, error);
}

static const DecoderKind canal_decoder = {
    .open = canal_open,
    .decode = json_changes_decode,
    .decode_message = json_changes_message,
    .last_record_end = json_changes_last_end,
    .close = json_changes_close,
};

static Status canal_encoder_open(Arena *arena, const EncoderSpec *spec, Encoder **out, Error *error)
{
    return json_changes_encoder_open(arena, spec, &canal_dialect, out, error);
}

static const EncoderKind canal_encoder = {
    .open = canal_encoder_open,
    .encode = json_changes_encode,
    .close = json_changes_encoder_close,
};

/* In the order of canal_fields. */
static const MetadataSpec canal_metadata[] = {
    {.key = "database", .type = "STRING", .help = "The database that the row is of."},
    {.key = "table", .type = "STRING", .help = "The table that the row is of."},
    {.key = "sql-type",
     .type = "MAP<STRING, INT>",
     .help = "The type of each column, by the numbers of JDBC."},
    {.key = "pk-names", .type = "ARRAY<STRING>", .help = "The columns of the primary key."},
    {.key = "ingestion-timestamp",
     .type = "TIMESTAMP_LTZ(3)",
     .help = "When Canal dealt with the change: `ts`."},
    {.key = "event-timestamp",
     .type = "TIMESTAMP_LTZ(3)",
     .help = "When the change was made in the database: `es`."},
};

static const OptionSpec canal_options[] = {
    {.key = "database.include",
     .type = OPTION_TEXT,
     .help = "Read changes of databases only whose whole name matches this regular expression."},
    {.key = "table.include",
     .type = OPTION_TEXT,
     .help = "Read changes of tables only whose whole name matches this regular expression."},
    JSON_CHANGE_OPTIONS,
};

const Format canal_format = {
    .info = {.name = "canal-json",
             .summary = "Change records of Canal: new rows, and of the old ones what changed.",
             .options = canal_options,
             .option_count = sizeof canal_options / sizeof canal_options[0],
             .decodes = CHANGELOG_ALL,
             .encodes = CHANGELOG_ALL,
             .reads_fields = true,
             .metadata = canal_metadata,
             .metadata_count = sizeof canal_metadata / sizeof canal_metadata[0]},
    .decoder = &canal_decoder,
    .encoder = &canal_encoder,
};
