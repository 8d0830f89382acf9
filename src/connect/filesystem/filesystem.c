/* filesystem: tables as folders of files, by the options of Flink's connector. */
#include "connect/filesystem/bulk_kind.h"
#include "connect/filesystem/commit.h"
#include "connect/filesystem/internal.h"
#include "connect/filesystem/layout.h"
#include "plan/lookup.h"

static const OptionSpec filesystem_options[] = {
    {.key = "path",
     .type = OPTION_TEXT,
     .is_required = true,
     .help =
         "The folder or file, as a path or a file: URI. Names that begin with . or _ are passed "
         "over."},
    {.key = "source.monitor-interval",
     .type = OPTION_DURATION,
     .help =
         "Look for new files this often and never end. Each file is read once, by its name, and "
         "as it is when it is found: move files to their place when they are whole."},
    {.key = "source.path.regex-pattern",
     .type = OPTION_TEXT,
     .help = "Read only files whose whole path matches."},
    {.key = "source.report-statistics",
     .type = OPTION_ENUM,
     .default_text = "ALL",
     .choices = "ALL|NONE",
     .help = "Accepted for Flink's sake."},
    {.key = "partition.default-name",
     .type = OPTION_TEXT,
     .default_text = "__DEFAULT_PARTITION__",
     .help = "The folder name that stands for NULL and the empty text."},
    {.key = "sink.rolling-policy.file-size",
     .type = OPTION_BYTES,
     .default_text = "128 MB",
     .help = "Begin a new file when one has reached this size."},
    {.key = "sink.rolling-policy.rollover-interval",
     .type = OPTION_DURATION,
     .default_text = "30 min",
     .help = "Begin a new file when one has been open for this long."},
    {.key = "sink.rolling-policy.inactivity-interval",
     .type = OPTION_DURATION,
     .default_text = "30 min",
     .help = "Finish a file when nothing was written to it for this long."},
    {.key = "sink.rolling-policy.check-interval",
     .type = OPTION_DURATION,
     .default_text = "1 min",
     .help = "How often the two intervals are looked at."},
    {.key = "sink.partition-commit.trigger",
     .type = OPTION_ENUM,
     .default_text = "process-time",
     .choices = "process-time|partition-time",
     .help = "What must pass a partition's beginning: the clock, or the watermark."},
    {.key = "sink.partition-commit.delay",
     .type = OPTION_DURATION,
     .default_text = "0 s",
     .help = "How long after its beginning a partition is complete."},
    {.key = "sink.partition-commit.policy.kind",
     .type = OPTION_TEXT,
     .help = "What is done for a complete partition: success-file writes an empty file."},
    {.key = "sink.partition-commit.success-file.name",
     .type = OPTION_TEXT,
     .default_text = "_SUCCESS",
     .help = "The name of that file."},
    {.key = "sink.partition-commit.watermark-time-zone",
     .type = OPTION_TEXT,
     .default_text = "UTC",
     .help = "The zone in which partition-time reads the times of partitions."},
    {.key = "partition.time-extractor.kind",
     .type = OPTION_TEXT,
     .default_text = "default",
     .help = "How partition-time finds the time of a partition; there is only 'default'."},
    {.key = "partition.time-extractor.timestamp-pattern",
     .type = OPTION_TEXT,
     .help = "The time of a partition, with $column for the columns' values: '$day $hour:00:00'; "
             "without it the first column is the time."},
    {.key = "partition.time-extractor.timestamp-formatter",
     .type = OPTION_TEXT,
     .default_text = "yyyy-MM-dd HH:mm:ss",
     .help = "The form of that time; there is no other yet."},
    {.key = "auto-compaction",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Accepted for Flink's sake: files are not merged."},
    {.key = "sink.shuffle-by-partition.enable",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Accepted for Flink's sake."},
    {.key = "sink.parallelism", .type = OPTION_INT, .help = "Accepted for Flink's sake."},
    {.key = "lookup.cache",
     .is_extension = true,
     .type = OPTION_ENUM,
     .default_text = "FULL",
     .choices = "NONE|FULL",
     .help = "FULL: look-ups ask a copy of the files in memory. Not one of Flink's."},
    LOOKUP_FULL_OPTIONS,
};

static const MetadataSpec filesystem_metadata[METADATA_COUNT] = {
    [METADATA_PATH] = {.key = "file.path",
                       .type = "STRING NOT NULL",
                       .help = "The whole path of the file."},
    [METADATA_NAME] = {.key = "file.name",
                       .type = "STRING NOT NULL",
                       .help = "The name of the file."},
    [METADATA_SIZE] = {.key = "file.size",
                       .type = "BIGINT NOT NULL",
                       .help = "The size of the file in bytes."},
    [METADATA_MODIFIED] = {.key = "file.modification-time",
                           .type = "TIMESTAMP_LTZ(3) NOT NULL",
                           .help = "When the file was last written to."},
};

static bool filesystem_is_bounded(const TableOptions *table)
{
    return !options_has(table->options, "source.monitor-interval");
}

/* Flink looks up no files. Here look-ups ask a copy of them in memory. */
static bool filesystem_looks_up(const TableOptions *table, LookupInfo *out)
{
    *out = (LookupInfo){.cache = lookup_cache_full(table->options)};
    return str_equal_ignoring_case(options_text(table->options, "lookup.cache"), STR("FULL"));
}

/* Report a mistake at the option it is made in. */
static Status check_fail(const TableCheck *check, const char *key, const Error *error)
{
    const OptionSet *options = check->table->options;
    OptionEntry entry = options_entry(options, key);
    check->report(check->report_context, &entry, error->code, error->text,
                  error->hint[0] == '\0' ? NULL : error->hint);
    return ERR_INVALID;
}

static Status filesystem_check(const TableCheck *check)
{
    const OptionSet *options = check->table->options;
    Error error = {0};
    Arena *arena = arena_new(0);
    const char *path;
    Status status = path_of_option(arena, options_text(options, "path"), &path, &error);
    arena_free(arena);
    if (status != OK)
        status = check_fail(check, "path", &error);
    if (status == OK && check->table->format->is_of_messages &&
        bulk_kind_find(check->table->format) == NULL) {
        (void)fail(
            &error, ERR_INVALID, "WR3406",
            "the format %s is one of messages: it does not say where a record of a file ends",
            check->table->format->name);
        status = check_fail(check, "format", &error);
    }
    const char *key = NULL;
    const char *problem = check->is_sink ? commits_check(options, &key) : NULL;
    if (problem != NULL) {
        (void)fail(&error, ERR_INVALID, "WR3406", "%s", problem);
        status = check_fail(check, key, &error);
    }
    static const char monitor[] = "source.monitor-interval";
    if (status == OK && check->is_lookup && options_has(options, monitor)) {
        (void)fail(&error, ERR_INVALID, "WR3406", "a copy needs an end of the files");
        error_hint(&error, "leave it out: 'lookup.full-cache.…' says when the files are read anew");
        status = check_fail(check, monitor, &error);
    }
    return status == OK && check->is_lookup ? lookup_cache_check(check) : status;
}

static const ConnectorInfo filesystem_info = {
    .name = "filesystem",
    .summary = "Reads and writes files in a folder: json, csv, parquet, avro and others.",
    .options = filesystem_options,
    .option_count = sizeof filesystem_options / sizeof filesystem_options[0],
    .metadata = filesystem_metadata,
    .metadata_count = METADATA_COUNT,
    .can_read = true,
    .can_write = true,
    .takes_format = true,
    .needs_format = true,
    .reads_fields = true,
    .takes_bounds = true,
    .can_overwrite = true,
    .guarantee = SINK_TRANSACTIONAL,
    .place_option = "path",
    .is_bounded = filesystem_is_bounded,
    .looks_up = filesystem_looks_up,
    .check = filesystem_check,
};

extern const Connector filesystem_connector;
const Connector filesystem_connector = {
    .info = &filesystem_info,
    .source = &filesystem_source,
    .sink = &filesystem_sink,
};
