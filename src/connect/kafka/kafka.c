/* kafka and upsert-kafka: topics as tables, by the options of Flink's connectors. */
#include "connect/kafka/kafka.h"
#include "connect/kafka/coordinator.h"

#include <string.h>

/* Properties that nobody may read over a shoulder; the others pass by their prefix. */
#define KAFKA_PROPERTIES                                                                           \
    {.key = "properties.bootstrap.servers",                                                        \
     .type = OPTION_TEXT,                                                                          \
     .help = "HOST:PORT of some of the cluster's brokers, with commas between them. Without it "   \
             "the topics are those of the hub in the data folder of this process."},               \
        {.key = "properties.group.id",                                                             \
         .type = OPTION_TEXT,                                                                      \
         .help = "The group whose offsets `group-offsets` begins at, and which is told at each "   \
                 "checkpoint how far it is read."},                                                \
        {.key = "properties.auto.offset.reset",                                                    \
         .type = OPTION_ENUM,                                                                      \
         .choices = "earliest|latest|none",                                                        \
         .help = "What happens when records that are to be read next are gone, or a group has no " \
                 "offset. Without it the job stops and says so."},                                 \
        {.key = "properties.sasl.jaas.config",                                                     \
         .type = OPTION_TEXT,                                                                      \
         .is_secret = true,                                                                        \
         .help = "Name and password as Java's client takes them."},                                \
        {.key = "properties.sasl.password",                                                        \
         .type = OPTION_TEXT,                                                                      \
         .is_secret = true,                                                                        \
         .help = "The password, with properties.sasl.username."},                                  \
        {.key = "properties.ssl.key.password",                                                     \
         .type = OPTION_TEXT,                                                                      \
         .is_secret = true,                                                                        \
         .help = "Of the client's own key."},                                                      \
        {.key = "properties.ssl.keystore.password",                                                \
         .type = OPTION_TEXT,                                                                      \
         .is_secret = true,                                                                        \
         .help = "Of the PKCS#12 file in properties.ssl.keystore.location."},                      \
        {.key = "properties.ssl.truststore.password",                                              \
         .type = OPTION_TEXT,                                                                      \
         .is_secret = true,                                                                        \
         .help = "Accepted for Flink's sake: roots to trust are a PEM file."},                     \
    {                                                                                              \
        .key = "properties.#", .type = OPTION_TEXT,                                                \
        .help =                                                                                    \
            "Any property of Kafka's client, or of librdkafka. Those that only Java has a use "    \
            "for are passed over."                                                                 \
    }

#define KAFKA_PARTS                                                                                \
    {.key = "key.fields-prefix",                                                                   \
     .type = OPTION_TEXT,                                                                          \
     .default_text = "",                                                                           \
     .help = "What the names of the key's columns begin with, that its format does not see."},     \
    {                                                                                              \
        .key = "value.fields-include", .type = OPTION_ENUM, .default_text = "ALL",                 \
        .choices = "ALL|EXCEPT_KEY",                                                               \
        .help = "Whether the columns of the key stand in the value, too."                          \
    }

#define KAFKA_BOUNDS                                                                               \
    {.key = "scan.bounded.mode",                                                                   \
     .type = OPTION_ENUM,                                                                          \
     .default_text = "unbounded",                                                                  \
     .choices = "unbounded|latest-offset|group-offsets|timestamp|specific-offsets",                \
     .help = "Where reading ends; the offsets are looked up at the start."},                       \
        {.key = "scan.bounded.specific-offsets",                                                   \
         .type = OPTION_TEXT,                                                                      \
         .help = "As scan.startup.specific-offsets: the first offsets that are not read."},        \
        {.key = "scan.bounded.timestamp-millis",                                                   \
         .type = OPTION_INT,                                                                       \
         .help = "Milliseconds since 1970: records from then on are not read."},                   \
        {.key = "scan.topic-partition-discovery.interval",                                         \
         .type = OPTION_DURATION,                                                                  \
         .default_text = "5 min",                                                                  \
         .help = "How often to look for new partitions and topics; 0: never."},                    \
        {.key = "scan.watermark.idle-timeout",                                                     \
         .type = OPTION_DURATION,                                                                  \
         .help = "A partition without records for so long does not hold event time back; without " \
                 "it, table.exec.source.idle-timeout says so."},                                   \
        {.key = "scan.watermark.emit.strategy",                                                    \
         .type = OPTION_ENUM,                                                                      \
         .default_text = "on-periodic",                                                            \
         .choices = "on-periodic|on-event",                                                        \
         .help = "Accepted for Flink's sake: rows are late as if each row moved event time."},     \
    {                                                                                              \
        .key = "scan.parallelism", .type = OPTION_INT, .help = "Accepted for Flink's sake."        \
    }

#define KAFKA_SINK                                                                                 \
    {.key = "sink.delivery-guarantee",                                                             \
     .type = OPTION_ENUM,                                                                          \
     .default_text = "at-least-once",                                                              \
     .choices = "none|at-least-once|exactly-once",                                                 \
     .help = "`exactly-once` writes in transactions that commit with the checkpoint; who reads "   \
             "them must do so with isolation.level = read_committed."},                            \
        {.key = "sink.transactional-id-prefix",                                                    \
         .type = OPTION_TEXT,                                                                      \
         .help = "What the names of the transactions begin with; another one for each sink."},     \
        {.key = "sink.transaction-naming-strategy",                                                \
         .type = OPTION_ENUM,                                                                      \
         .default_text = "INCREMENTING",                                                           \
         .choices = "INCREMENTING|POOLING",                                                        \
         .help = "Accepted for Flink's sake: each writer has two names, which it uses by turns."}, \
        {.key = "sink.in-doubt-transaction",                                                       \
         .type = OPTION_ENUM,                                                                      \
         .default_text = "fail",                                                                   \
         .choices = "fail|committed",                                                              \
         .help =                                                                                   \
             "What a transaction is taken for of which an older version has not saved whether "    \
             "it was committed (WR3437)."},                                                        \
    {                                                                                              \
        .key = "sink.parallelism", .type = OPTION_INT, .help = "Accepted for Flink's sake."        \
    }

static const OptionSpec kafka_options[] = {
    {.key = "topic",
     .type = OPTION_TEXT,
     .help = "The topic, or several with ';' between them; of these each row that is written names "
             "its own in the metadata column `topic`."},
    {.key = "topic-pattern",
     .type = OPTION_TEXT,
     .help = "A regular expression that whole names match: of all topics that are read, or of "
             "those that rows may name in the metadata column `topic`."},
    KAFKA_PROPERTIES,
    {.key = "key.fields",
     .type = OPTION_TEXT,
     .help = "Columns that stand in the key of a message, with ';' between them."},
    KAFKA_PARTS,
    {.key = "scan.startup.mode",
     .type = OPTION_ENUM,
     .default_text = "group-offsets",
     .choices = "earliest-offset|latest-offset|group-offsets|timestamp|specific-offsets",
     .help = "Where reading begins, when there is no checkpoint."},
    {.key = "scan.startup.specific-offsets",
     .type = OPTION_TEXT,
     .help = "partition:0,offset:42;partition:1,offset:300"},
    {.key = "scan.startup.timestamp-millis",
     .type = OPTION_INT,
     .help = "Milliseconds since 1970: begin with the first record from then on."},
    KAFKA_BOUNDS,
    {.key = "sink.partitioner",
     .type = OPTION_ENUM,
     .default_text = "default",
     .choices = "default|fixed|round-robin",
     .help = "`default`: by the key as Kafka's own client does, else in runs; `fixed`: each writer "
             "has one partition; `round-robin`: in turn."},
    KAFKA_SINK,
};

static const OptionSpec upsert_kafka_options[] = {
    {.key = "topic",
     .type = OPTION_TEXT,
     .is_required = true,
     .help = "The topic, or several with ';' between them; of these each row that is written names "
             "its own in the metadata column `topic`."},
    KAFKA_PROPERTIES,
    KAFKA_PARTS,
    KAFKA_BOUNDS,
    {.key = "sink.buffer-flush.max-rows",
     .type = OPTION_INT,
     .default_text = "0",
     .help = "Of rows that wait only the last of each key is written, and all when there are so "
             "many; with sink.buffer-flush.interval only."},
    {.key = "sink.buffer-flush.interval",
     .type = OPTION_DURATION,
     .default_text = "0 s",
     .help = "How long rows wait at the most; 0: they are written at once."},
    KAFKA_SINK,
};

static const char *const kafka_free_prefixes[] = {"properties.", NULL};

static const MetadataSpec kafka_metadata[KAFKA_METADATA_COUNT] = {
    [KAFKA_TOPIC] = {.key = "topic",
                     .type = "STRING NOT NULL",
                     .is_writable = true,
                     .help = "The topic of the record; to be written where the table has several."},
    [KAFKA_PARTITION] = {.key = "partition",
                         .type = "INT NOT NULL",
                         .help = "The partition of the record."},
    [KAFKA_HEADERS] = {.key = "headers",
                       .type = "MAP<STRING, BYTES> NOT NULL",
                       .is_writable = true,
                       .help = "The headers of the record."},
    [KAFKA_LEADER_EPOCH] = {.key = "leader-epoch",
                            .type = "INT",
                            .help = "Always NULL: this client does not hand it on."},
    [KAFKA_OFFSET] = {.key = "offset",
                      .type = "BIGINT NOT NULL",
                      .help = "The offset of the record in its partition."},
    [KAFKA_TIMESTAMP] = {.key = "timestamp",
                         .type = "TIMESTAMP_LTZ(3) NOT NULL",
                         .is_writable = true,
                         .help = "The time of the record."},
    [KAFKA_TIMESTAMP_TYPE] = {.key = "timestamp-type",
                              .type = "STRING NOT NULL",
                              .help = "CreateTime, LogAppendTime or NoTimestampType."},
};

/* ---- For the planner ----------------------------------------------------------------------- */

static bool kafka_is_bounded(const TableOptions *table)
{
    return !str_is(options_text(table->options, "scan.bounded.mode"), "unbounded");
}

static bool kafka_reads_anew(const TableOptions *table)
{
    return str_is(options_text(table->options, "scan.startup.mode"), "earliest-offset");
}

static SinkGuarantee kafka_guarantee_of(const TableOptions *table)
{
    return str_is(options_text(table->options, "sink.delivery-guarantee"), "exactly-once")
               ? SINK_TRANSACTIONAL
               : SINK_AT_LEAST_ONCE;
}

static SinkGuarantee upsert_kafka_guarantee_of(const TableOptions *table)
{
    return kafka_guarantee_of(table) == SINK_TRANSACTIONAL ? SINK_TRANSACTIONAL : SINK_IDEMPOTENT;
}

static const char *kafka_writer_name(Arena *arena, const TableOptions *table, const char **option)
{
    *option = "sink.transactional-id-prefix";
    if (kafka_guarantee_of(table) != SINK_TRANSACTIONAL)
        return NULL;
    Str servers = options_text(table->options, "properties.bootstrap.servers");
    Str prefix = options_text(table->options, *option);
    return arena_printf(arena, "kafka %.*s %.*s", STR_ARGS(servers), STR_ARGS(prefix));
}

static ChangelogMode upsert_kafka_mode(const TableOptions *table)
{
    (void)table;
    return CHANGELOG_UPSERT;
}

typedef struct Check {
    const TableCheck *table;
    const OptionSet *options;
    Arena *arena;
    bool is_upsert;
    bool has_failed;
} Check;

static void check_fail(Check *check, const char *key, const char *code, const char *message,
                       const char *help)
{
    OptionEntry entry = options_entry(check->options, key);
    check->table->report(check->table->report_context, &entry, code, message, help);
    check->has_failed = true;
}

static bool writes_topic(const Check *check)
{
    for (int32_t i = 0; i < check->table->written_count; i++)
        if (check->table->written[i] == KAFKA_TOPIC)
            return true;
    return false;
}

static void check_topics(Check *check)
{
    const OptionSet *options = check->options;
    bool has_pattern = !check->is_upsert && options_has(options, "topic-pattern");
    int32_t count = kafka_topics_named(check->arena, options).count;
    KafkaPattern *pattern = NULL;
    Error error = {0};
    if (options_has(options, "topic") == has_pattern)
        check_fail(check, "topic", "WR3421",
                   has_pattern ? "'topic' and 'topic-pattern' exclude each other"
                               : "one of 'topic' and 'topic-pattern' is needed",
                   NULL);
    else if (has_pattern &&
             kafka_pattern_new(options_text(options, "topic-pattern"), &pattern, &error) != OK)
        check_fail(check, "topic-pattern", error.code, error.text, NULL);
    else if (!has_pattern && count == 0)
        check_fail(check, "topic", "WR3421", "'topic' names none", NULL);
    else if (check->table->is_sink && count != 1 && !writes_topic(check))
        check_fail(check, has_pattern ? "topic-pattern" : "topic", "WR3421",
                   "a row for one of several topics has to say which, and there is no column for "
                   "the metadata `topic`",
                   "declare one that can be written: topic STRING NOT NULL METADATA");
    kafka_pattern_free(pattern);
}

/* The format has a form for them. */
static void check_columns(Check *check, const Schema *columns, const FormatInfo *format,
                          const char *prefix, const char *key)
{
    Error error = {0};
    if (format == NULL || format->check == NULL ||
        format->check(check->arena, columns, check->options, prefix, &error) == OK)
        return;
    check_fail(check, key, arena_printf(check->arena, "%s", error.code),
               arena_printf(check->arena, "%s", error.text), NULL);
}

/* The schemas of another cluster's records are not those of the hub in this process. */
static void check_registry(Check *check, const FormatInfo *format, const char *prefix,
                           const char *key)
{
    const OptionSet *options = check->options;
    if (format == NULL || !format->asks_registry ||
        !options_has(options, "properties.bootstrap.servers") ||
        options_has(options, arena_printf(check->arena, "%surl", prefix)))
        return;
    check_fail(check, key, "WR3435",
               arena_printf(check->arena,
                            "the table is of a cluster, and names no schema registry in '%surl'",
                            prefix),
               "name the registry of the cluster; only tables without "
               "'properties.bootstrap.servers' have that of the hub in this process");
}

static void check_parts(Check *check)
{
    const OptionSet *options = check->options;
    const TableCheck *table = check->table;
    bool has_format = table->table->key_format != NULL;
    bool has_fields = !check->is_upsert && options_has(options, "key.fields");
    bool includes_key =
        str_equal_ignoring_case(options_text(options, "value.fields-include"), STR("ALL"));
    if (check->is_upsert && !has_format)
        check_fail(check, "key.format", "WR3421", "upsert-kafka needs 'key.format'", NULL);
    else if (!check->is_upsert && has_format && !has_fields)
        check_fail(check, "key.format", "WR3421",
                   "'key.format' needs the columns of the key: 'key.fields'", NULL);
    else if (has_fields && !has_format)
        check_fail(check, "key.fields", "WR3421", "'key.fields' needs a 'key.format'", NULL);
    if (options_text(options, "key.fields-prefix").length > 0 && includes_key)
        check_fail(check, "key.fields-prefix", "WR3421",
                   "a prefix keeps the key's columns apart from the value's, which therefore must "
                   "not have them",
                   "set 'value.fields-include' = 'EXCEPT_KEY'");
    KafkaRecord record;
    ColumnList key = {table->key, table->key_count};
    const char *option;
    const char *problem = kafka_record_make(check->arena, options, table->physical,
                                            check->is_upsert ? &key : NULL, &record, &option);
    if (problem != NULL)
        check_fail(check, option, "WR3421", problem, NULL);
    else if (record.value.schema.count == 0)
        check_fail(check, "value.fields-include", "WR3421", "no column is left for the value",
                   NULL);
    if (problem != NULL)
        return;
    bool is_whole = options_has(options, "format");
    check_registry(check, table->table->format, table->table->format_prefix,
                   is_whole ? "format" : "value.format");
    check_registry(check, table->table->key_format, table->table->key_prefix, "key.format");
    check_columns(check, &record.value.schema, table->table->format, table->table->format_prefix,
                  is_whole ? "format" : "value.format");
    if (record.key.schema.count > 0)
        check_columns(check, &record.key.schema, table->table->key_format, table->table->key_prefix,
                      "key.format");
}

static bool is_append_format(const FormatInfo *format)
{
    return format == NULL ||
           (format->decodes == CHANGELOG_APPEND && format->encodes == CHANGELOG_APPEND);
}

static void check_formats(Check *check)
{
    const TableOptions *table = check->table->table;
    if (table->format->is_bulk || (table->key_format != NULL && table->key_format->is_bulk))
        check_fail(check, "format", "WR3421", "this format is one of files, not of messages", NULL);
    if (!is_append_format(table->key_format))
        check_fail(check, "key.format", "WR3421", "a key cannot be a change", NULL);
    if (check->is_upsert && check->table->key_count == 0)
        check_fail(check, "connector", "WR3421", "upsert-kafka tables need a PRIMARY KEY",
                   "add PRIMARY KEY (…) NOT ENFORCED to the table");
    else if (check->is_upsert && !is_append_format(table->format))
        check_fail(check, "value.format", "WR3421",
                   "upsert-kafka tells changes by keys: its format must be one of plain rows",
                   "use json, csv, raw or avro");
    else if (!check->is_upsert && check->table->key_count > 0 && is_append_format(table->format))
        check_fail(
            check, "format", "WR3421",
            "messages of this format are rows that only come, for which a PRIMARY KEY cannot "
            "be promised",
            "leave the PRIMARY KEY out, or use 'connector' = 'upsert-kafka'");
}

static void check_sink(Check *check)
{
    const OptionSet *options = check->options;
    bool is_exact = kafka_guarantee_of(check->table->table) == SINK_TRANSACTIONAL;
    const char *key;
    const char *problem = is_exact ? kafka_end_refuse(options, &key) : NULL;
    if (problem != NULL)
        check_fail(check, arena_printf(check->arena, "properties.%s", key), "WR3421", problem,
                   NULL);
    if (is_exact && !options_has(options, "sink.transactional-id-prefix"))
        check_fail(check, "sink.delivery-guarantee", "WR3421",
                   "exactly once needs 'sink.transactional-id-prefix'", NULL);
    if (!check->is_upsert && check->table->table->key_format != NULL &&
        str_is(options_text(options, "sink.partitioner"), "round-robin"))
        check_fail(check, "sink.partitioner", "WR3421",
                   "messages with keys cannot go round-robin: those of one key would not stay in "
                   "order",
                   NULL);
    if (check->is_upsert && (options_int(options, "sink.buffer-flush.max-rows") > 0) !=
                                (options_duration_us(options, "sink.buffer-flush.interval") > 0))
        check_fail(
            check, "sink.buffer-flush.max-rows", "WR3421",
            "'sink.buffer-flush.max-rows' and 'sink.buffer-flush.interval' must be set to be "
            "greater than zero together to enable sink buffer flushing",
            NULL);
}

static void check_positions(Check *check)
{
    const char *option;
    const char *problem = kafka_positions_check(check->options, check->is_upsert, &option);
    if (problem != NULL)
        check_fail(check, option, "WR3421", problem, NULL);
}

static void check_properties(Check *check)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *key = "properties.bootstrap.servers";
    Error error = {0};
    if (kafka_properties(check->arena, check->options, conf, &key, &error) != OK)
        check_fail(check, key, error.code, error.text, NULL);
    rd_kafka_conf_destroy(conf);
}

static Status check_all(const TableCheck *table, bool is_upsert)
{
    Check check = {.table = table,
                   .options = table->table->options,
                   .arena = arena_new(0),
                   .is_upsert = is_upsert};
    check_topics(&check);
    check_parts(&check);
    check_formats(&check);
    check_properties(&check);
    if (table->is_sink)
        check_sink(&check);
    else
        check_positions(&check);
    arena_free(check.arena);
    return check.has_failed ? ERR_INVALID : OK;
}

static Status kafka_check(const TableCheck *table)
{
    return check_all(table, false);
}

static Status upsert_kafka_check(const TableCheck *table)
{
    return check_all(table, true);
}

static const ConnectorInfo kafka_info = {
    .name = "kafka",
    .summary = "Reads and writes topics of Apache Kafka, or of anything that speaks its protocol.",
    .options = kafka_options,
    .option_count = sizeof kafka_options / sizeof kafka_options[0],
    .free_prefixes = kafka_free_prefixes,
    .metadata = kafka_metadata,
    .metadata_count = KAFKA_METADATA_COUNT,
    .can_read = true,
    .can_write = true,
    .takes_format = true,
    .needs_format = true,
    .takes_key_format = true,
    .guarantee = SINK_AT_LEAST_ONCE,
    .guarantee_of = kafka_guarantee_of,
    .writer_name = kafka_writer_name,
    .place_option = "topic",
    .is_bounded = kafka_is_bounded,
    .reads_anew = kafka_reads_anew,
    .check = kafka_check,
};

static const ConnectorInfo upsert_kafka_info = {
    .name = "upsert-kafka",
    .summary = "Topics as tables with a key: a message is the newest row of its key, one without a "
               "value deletes it.",
    .options = upsert_kafka_options,
    .option_count = sizeof upsert_kafka_options / sizeof upsert_kafka_options[0],
    .free_prefixes = kafka_free_prefixes,
    .metadata = kafka_metadata,
    .metadata_count = KAFKA_METADATA_COUNT,
    .can_read = true,
    .can_write = true,
    .takes_format = true,
    .needs_format = true,
    .takes_key_format = true,
    .guarantee = SINK_IDEMPOTENT,
    .guarantee_of = upsert_kafka_guarantee_of,
    .writer_name = kafka_writer_name,
    .place_option = "topic",
    .is_bounded = kafka_is_bounded,
    .read_mode = upsert_kafka_mode,
    .write_mode = upsert_kafka_mode,
    .check = upsert_kafka_check,
};

extern const Connector kafka_connector, upsert_kafka_connector;
const Connector kafka_connector = {
    .info = &kafka_info,
    .source = &kafka_source,
    .sink = &kafka_sink,
};
const Connector upsert_kafka_connector = {
    .info = &upsert_kafka_info,
    .source = &kafka_source,
    .sink = &kafka_sink,
};
