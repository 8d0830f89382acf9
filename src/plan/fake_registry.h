/* Connectors that exist for the planner's tests only: one of each kind. */
#ifndef WEIR_PLAN_FAKE_REGISTRY_H
#define WEIR_PLAN_FAKE_REGISTRY_H

#include "plan/connector.h"

static inline ChangelogMode fake_all(const TableOptions *table)
{
    (void)table;
    return CHANGELOG_ALL;
}

static inline ChangelogMode fake_cdc_mode(const TableOptions *table)
{
    return options_bool(table->options, "flat") ? CHANGELOG_APPEND : CHANGELOG_ALL;
}

static inline ChangelogMode fake_upsert_mode(const TableOptions *table)
{
    return options_bool(table->options, "flat") ? CHANGELOG_APPEND : CHANGELOG_UPSERT;
}

static inline ChangelogMode fake_upsert(const TableOptions *table)
{
    (void)table;
    return CHANGELOG_UPSERT;
}

static inline ChangelogMode fake_append(const TableOptions *table)
{
    (void)table;
    return CHANGELOG_APPEND;
}

static inline bool fake_is_bounded(const TableOptions *table)
{
    return options_has(table->options, "number-of-rows");
}

static inline bool fake_is_file(const TableOptions *table)
{
    return !options_has(table->options, "source.monitor-interval");
}

static const OptionSpec FAKE_GEN_OPTIONS[] = {
    {.key = "rows-per-second", .type = OPTION_INT, .default_text = "10000"},
    {.key = "number-of-rows", .type = OPTION_INT},
    {.key = "fields.#.kind", .type = OPTION_ENUM, .choices = "random|sequence"},
    {.key = "fields.#.min", .type = OPTION_TEXT},
    {.key = "fields.#.max", .type = OPTION_TEXT},
};

static const OptionSpec FAKE_CDC_OPTIONS[] = {
    {.key = "hostname", .type = OPTION_TEXT, .is_required = true, .help = "the server"},
    {.key = "port", .type = OPTION_INT, .default_text = "3306"},
    {.key = "username", .type = OPTION_TEXT},
    {.key = "password", .type = OPTION_TEXT, .is_secret = true},
    {.key = "connect.timeout", .type = OPTION_DURATION, .default_text = "30 s"},
    {.key = "scan.startup.mode",
     .type = OPTION_ENUM,
     .default_text = "initial",
     .choices = "initial|earliest-offset|latest-offset"},
    {.key = "flat", .type = OPTION_BOOL, .default_text = "false"},
};

static const OptionSpec FAKE_UPSERT_OPTIONS[] = {
    {.key = "flat", .type = OPTION_BOOL, .default_text = "false"},
};

static const MetadataSpec FAKE_CDC_METADATA[] = {
    {"op_ts", "TIMESTAMP_LTZ(3) NOT NULL", false, "when the change was made"},
    {"row_kind", "STRING NOT NULL", false, "the kind of change"},
    {"table_name", "STRING NOT NULL", false, "the table"},
};

static const OptionSpec FAKE_FILE_OPTIONS[] = {
    {.key = "path", .type = OPTION_TEXT, .is_required = true, .help = "a folder or file"},
    {.key = "source.monitor-interval", .type = OPTION_DURATION},
    {.key = "sink.rolling-policy.file-size", .type = OPTION_BYTES, .default_text = "128 mb"},
};

static const OptionSpec FAKE_REDIS_OPTIONS[] = {
    {.key = "host", .type = OPTION_TEXT, .default_text = "localhost"},
    {.key = "ttl", .type = OPTION_INT, .default_text = "0"},
};

static const OptionSpec FAKE_JSON_OPTIONS[] = {
    {.key = "ignore-parse-errors", .type = OPTION_BOOL, .default_text = "false"},
};

static const char *const FAKE_CDC_FREE[] = {"debezium.", NULL};

static const ConnectorInfo FAKE_DATAGEN = {.name = "datagen",
                                           .options = FAKE_GEN_OPTIONS,
                                           .option_count = 5,
                                           .can_read = true,
                                           .is_bounded = fake_is_bounded};
static const ConnectorInfo FAKE_CDC = {.name = "mysql-cdc",
                                       .options = FAKE_CDC_OPTIONS,
                                       .option_count = 7,
                                       .free_prefixes = FAKE_CDC_FREE,
                                       .metadata = FAKE_CDC_METADATA,
                                       .metadata_count = 3,
                                       .can_read = true,
                                       .append_only_option = "flat",
                                       .read_mode = fake_cdc_mode};
static const ConnectorInfo FAKE_UPSERT = {.name = "upsert-source",
                                          .options = FAKE_UPSERT_OPTIONS,
                                          .option_count = 1,
                                          .can_read = true,
                                          .is_extension = true,
                                          .append_only_option = "flat",
                                          .read_mode = fake_upsert_mode};
static const ConnectorInfo FAKE_FILE = {.name = "filesystem",
                                        .options = FAKE_FILE_OPTIONS,
                                        .option_count = 3,
                                        .can_read = true,
                                        .can_write = true,
                                        .takes_format = true,
                                        .needs_format = true,
                                        .guarantee = SINK_TRANSACTIONAL,
                                        .is_bounded = fake_is_file,
                                        .write_mode = fake_append};
static const ConnectorInfo FAKE_REDIS = {.name = "redis",
                                         .options = FAKE_REDIS_OPTIONS,
                                         .option_count = 2,
                                         .can_write = true,
                                         .guarantee = SINK_IDEMPOTENT,
                                         .write_mode = fake_upsert};
static const ConnectorInfo FAKE_PRINT = {
    .name = "print", .can_write = true, .write_mode = fake_all};
static const ConnectorInfo *const FAKE_CONNECTORS[] = {&FAKE_DATAGEN, &FAKE_CDC,   &FAKE_UPSERT,
                                                       &FAKE_FILE,    &FAKE_REDIS, &FAKE_PRINT};

static const FormatInfo FAKE_JSON = {.name = "json",
                                     .options = FAKE_JSON_OPTIONS,
                                     .option_count = 1,
                                     .decodes = CHANGELOG_APPEND,
                                     .encodes = CHANGELOG_APPEND};
static const FormatInfo FAKE_DEBEZIUM = {
    .name = "debezium-json", .decodes = CHANGELOG_ALL, .encodes = CHANGELOG_ALL};
static const FormatInfo *const FAKE_FORMATS[] = {&FAKE_JSON, &FAKE_DEBEZIUM};

static const Registry FAKE_REGISTRY = {.connectors = FAKE_CONNECTORS,
                                       .connector_count = 6,
                                       .formats = FAKE_FORMATS,
                                       .format_count = 2};

#endif
