/* The options of the formats that speak JSON, and typed access under a format's prefix. */
#include <assert.h>
#include <stdio.h>

#include "format/formats.h"

enum { OPTION_KEY_BYTES = 128 };

static const OptionSpec json_option_specs[] = {
    {.key = "fail-on-missing-field",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Treat a record without one of the columns as malformed."},
    {.key = "ignore-parse-errors",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Set fields that cannot be read to NULL and skip records that are not json."},
    {.key = "timestamp-format.standard",
     .type = OPTION_ENUM,
     .default_text = "SQL",
     .choices = "SQL|ISO-8601",
     .help = "How timestamps are written: 2024-01-02 08:05:00.1 or 2024-01-02T08:05:00.1."},
    {.key = "map-null-key.mode",
     .type = OPTION_ENUM,
     .default_text = "FAIL",
     .choices = "FAIL|DROP|LITERAL",
     .help = "What to do with a NULL key of a map when writing."},
    {.key = "map-null-key.literal",
     .type = OPTION_TEXT,
     .default_text = "null",
     .help = "The key that stands for NULL in mode LITERAL."},
    {.key = "encode.decimal-as-plain-number",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Write decimals without an exponent."},
    {.key = "encode.ignore-null-fields",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Leave fields that are NULL out when writing."},
    {.key = "decode.json-parser.enabled",
     .type = OPTION_BOOL,
     .default_text = "true",
     .help = "Accepted for Flink's sake: there is one reader only, and it is a streaming one."},
};

/* As json, but a change record always has all columns and is read in one way. */
static const OptionSpec debezium_option_specs[] = {
    {.key = "schema-include",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Records are wrapped as {\"schema\": …, \"payload\": …}."},
    JSON_CHANGE_OPTIONS,
};

/* In the order of debezium_fields. */
static const MetadataSpec debezium_metadata[] = {
    {.key = "schema",
     .type = "STRING",
     .help =
         "What stands in `schema` of the record, as JSON: with schema-include that of its rows."},
    {.key = "ingestion-timestamp",
     .type = "TIMESTAMP_LTZ(3)",
     .help = "When Debezium dealt with the change: `ts_ms`."},
    {.key = "source.timestamp",
     .type = "TIMESTAMP_LTZ(3)",
     .help = "When the change was made in the database: `source.ts_ms`."},
    {.key = "source.database", .type = "STRING", .help = "The database: `source.db`."},
    {.key = "source.schema", .type = "STRING", .help = "The schema in it: `source.schema`."},
    {.key = "source.table", .type = "STRING", .help = "The table: `source.table`."},
    {.key = "source.properties",
     .type = "MAP<STRING, STRING>",
     .help = "All that Debezium says of where the change is from: `source`."},
};

const Format json_format = {
    .info = {.name = "json",
             .summary = "One JSON object for each row.",
             .options = json_option_specs,
             .option_count = sizeof json_option_specs / sizeof json_option_specs[0],
             .decodes = CHANGELOG_APPEND,
             .encodes = CHANGELOG_APPEND,
             .reads_fields = true},
    .decoder = &json_decoder,
    .encoder = &json_encoder,
};

const Format debezium_format = {
    .info = {.name = "debezium-json",
             .summary = "Change records of Debezium: the row before and after.",
             .options = debezium_option_specs,
             .option_count = sizeof debezium_option_specs / sizeof debezium_option_specs[0],
             .decodes = CHANGELOG_ALL,
             .encodes = CHANGELOG_ALL,
             .reads_fields = true,
             .metadata = debezium_metadata,
             .metadata_count = sizeof debezium_metadata / sizeof debezium_metadata[0]},
    .decoder = &debezium_decoder,
    .encoder = &debezium_encoder,
};

static void option_key(char key[OPTION_KEY_BYTES], const char *prefix, const char *name)
{
    int length = snprintf(key, OPTION_KEY_BYTES, "%s%s", prefix, name);
    assert(length > 0 && length < OPTION_KEY_BYTES);
}

bool format_option_bool(const OptionSet *options, const char *prefix, const char *name)
{
    char key[OPTION_KEY_BYTES];
    option_key(key, prefix, name);
    return options_bool(options, key);
}

Str format_option_text(const OptionSet *options, const char *prefix, const char *name)
{
    char key[OPTION_KEY_BYTES];
    option_key(key, prefix, name);
    return options_text(options, key);
}

bool format_option_has(const OptionSet *options, const char *prefix, const char *name)
{
    char key[OPTION_KEY_BYTES];
    option_key(key, prefix, name);
    return options_has(options, key);
}
