/* jdbc: tables of MySQL, MariaDB and PostgreSQL, by the options of Flink's JDBC connector. */
#include <stdio.h>

#include "connect/jdbc/jdbc.h"
#include "plan/lookup.h"

static const OptionSpec jdbc_options[] = {
    {.key = "url",
     .type = OPTION_TEXT,
     .is_required = true,
     .help = "The database: jdbc:mysql://host:3306/db, jdbc:mariadb://… or "
             "jdbc:postgresql://host:5432/db. Of the parameters behind ? those for TLS (sslMode, "
             "useSSL, sslmode), currentSchema and socketTimeout are looked at: how long the "
             "server may be silent while it owes an answer, five minutes unless said (an hour "
             "where the whole table is read), 0 for ever; of PostgreSQL in seconds, of MySQL in "
             "milliseconds."},
    {.key = "table-name",
     .type = OPTION_TEXT,
     .is_required = true,
     .help = "The table in the database, perhaps with its schema."},
    {.key = "driver",
     .type = OPTION_TEXT,
     .help = "Accepted for Flink's sake: the URL says which database it is."},
    {.key = "username", .type = OPTION_TEXT, .help = "User; with `password` only."},
    {.key = "password", .type = OPTION_TEXT, .is_secret = true, .help = "The user's password."},
    {.key = "connection.max-retry-timeout",
     .type = OPTION_DURATION,
     .default_text = "60 s",
     .help = "Accepted for Flink's sake: weir tries to connect until the job is stopped."},
    {.key = "lookup.cache",
     .type = OPTION_ENUM,
     .default_text = "NONE",
     .choices = "NONE|PARTIAL",
     .help = "Whether rows that were looked up are kept for the next time."},
    LOOKUP_PARTIAL_OPTIONS,
    {.key = "lookup.cache.max-rows",
     .type = OPTION_INT,
     .default_text = "-1",
     .help = "Older name of `lookup.partial-cache.max-rows`; counts with `lookup.cache.ttl` only."},
    {.key = "lookup.cache.ttl",
     .type = OPTION_DURATION,
     .default_text = "10 s",
     .help = "Older name of `lookup.partial-cache.expire-after-write`; counts with "
             "`lookup.cache.max-rows` only."},
    {.key = "lookup.cache.caching-missing-key",
     .type = OPTION_BOOL,
     .default_text = "true",
     .help = "Older name of `lookup.partial-cache.cache-missing-key`."},
    {.key = "filter.handling.policy",
     .type = OPTION_ENUM,
     .default_text = "always",
     .choices = "always|never",
     .help = "Accepted for Flink's sake."},
    {.key = "scan.partition.column",
     .type = OPTION_TEXT,
     .help = "A column of integers: the table is read range by range of it, and rows outside of "
             "the bounds not at all. Given with the other three or not at all."},
    {.key = "scan.partition.num", .type = OPTION_INT, .help = "How many ranges."},
    {.key = "scan.partition.lower-bound",
     .type = OPTION_INT,
     .help = "The least value of the first range."},
    {.key = "scan.partition.upper-bound",
     .type = OPTION_INT,
     .help = "The largest value of the last range."},
    {.key = "scan.fetch-size",
     .type = OPTION_INT,
     .default_text = "0",
     .help = "How many rows are fetched at once; 0: as many as a batch holds."},
    {.key = "scan.auto-commit",
     .type = OPTION_BOOL,
     .default_text = "true",
     .help = "Accepted for Flink's sake: rows always come through a cursor."},
    {.key = "sink.buffer-flush.max-rows",
     .type = OPTION_INT,
     .default_text = "100",
     .help = "Send the rows that wait once there are so many, at the next look, 20 times a second; "
             "0: only the interval counts."},
    {.key = "sink.buffer-flush.interval",
     .type = OPTION_DURATION,
     .default_text = "1 s",
     .help = "Send the rows that have waited for so long; 0: only their number counts."},
    {.key = "sink.max-retries",
     .type = OPTION_INT,
     .default_text = "3",
     .help = "Accepted for Flink's sake: weir tries until it is stopped."},
    {.key = "sink.parallelism", .type = OPTION_INT, .help = "Accepted for Flink's sake."},
    {.key = "sink.delivery-guarantee",
     .type = OPTION_ENUM,
     .is_extension = true,
     .default_text = "at-least-once",
     .choices = "at-least-once|exactly-once",
     .help = "exactly-once: rows become visible with the checkpoint, in one transaction with a "
             "record of it in the table `weir_commits`. Flink's tables have at-least-once only."},
    {.key = "sink.exactly-once.memory",
     .type = OPTION_BYTES,
     .is_extension = true,
     .default_text = "32 mb",
     .help = "Rows that wait for the checkpoint beyond this lie in the table `weir_staged`."},
};

static bool jdbc_looks_up(const TableOptions *table, LookupInfo *out)
{
    const OptionSet *options = table->options;
    *out = (LookupInfo){0};
    int64_t rows = options_int(options, "lookup.cache.max-rows");
    int64_t ttl_us = options_duration_us(options, "lookup.cache.ttl");
    if (str_equal_ignoring_case(options_text(options, "lookup.cache"), STR("PARTIAL")))
        out->cache = lookup_cache_partial(options);
    else if (rows > 0 && ttl_us > 0)
        out->cache = (LookupCache){.kind = LOOKUP_CACHE_PARTIAL,
                                   .rows_max = rows,
                                   .expire_after_write_us = ttl_us,
                                   .keeps_missing =
                                       options_bool(options, "lookup.cache.caching-missing-key")};
    return true;
}

static Status jdbc_fail(const TableCheck *check, const char *key, const char *message,
                        const char *help)
{
    const OptionSet *options = check->table->options;
    OptionEntry entry = options_entry(options, key);
    check->report(check->report_context, &entry, "WR3313", message, help);
    return ERR_INVALID;
}

static bool type_is_read(Type type)
{
    switch (type.id) {
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_DECIMAL:
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP: return true;
    case TYPE_NULL:
    case TYPE_TIMESTAMP_LTZ:
    case TYPE_INTERVAL_MONTHS:
    case TYPE_INTERVAL_MILLIS:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
    case TYPE_ROW: break;
    }
    return false;
}

static Status jdbc_check_columns(const TableCheck *check, JdbcKind kind)
{
    char message[256];
    for (int32_t i = 0; i < check->physical->count; i++) {
        const Field *field = &check->physical->fields[i];
        if (check->is_sink ? jdbc_writes_type(kind, field->type) : type_is_read(field->type))
            continue;
        snprintf(message, sizeof message, "column `%.*s` has a type that the connector does not %s",
                 (int)(field->name.length < 100 ? field->name.length : 100), field->name.data,
                 check->is_sink ? "write" : "read");
        return jdbc_fail(check, "connector", message,
                         check->is_sink
                             ? "types are numbers, texts, bytes, BOOLEAN, DATE, TIME, TIMESTAMP, "
                               "TIMESTAMP_LTZ, and ARRAY of these in PostgreSQL"
                             : "types are numbers, texts, bytes, BOOLEAN, DATE, TIME and "
                               "TIMESTAMP");
    }
    return OK;
}

static bool jdbc_is_exact(const TableOptions *table)
{
    return str_equal_ignoring_case(options_text(table->options, "sink.delivery-guarantee"),
                                   STR("exactly-once"));
}

static SinkGuarantee jdbc_guarantee(const TableOptions *table)
{
    return jdbc_is_exact(table) ? SINK_TRANSACTIONAL : SINK_IDEMPOTENT;
}

static ChangelogMode jdbc_write_mode(const TableOptions *table)
{
    return table->has_primary_key ? CHANGELOG_UPSERT : CHANGELOG_APPEND;
}

static const char *const partition_keys[] = {"scan.partition.column", "scan.partition.num",
                                             "scan.partition.lower-bound",
                                             "scan.partition.upper-bound"};

static Status jdbc_check_scan(const TableCheck *check)
{
    enum { KEYS = sizeof partition_keys / sizeof partition_keys[0] };
    const OptionSet *options = check->table->options;
    int32_t given = 0, last = 0;
    for (int32_t i = 0; i < KEYS; i++) {
        given += options_has(options, partition_keys[i]);
        last = options_has(options, partition_keys[i]) ? i : last;
    }
    if (options_int(options, "scan.fetch-size") < 0)
        return jdbc_fail(check, "scan.fetch-size", "it is not negative", NULL);
    if (given == 0)
        return OK;
    if (given < KEYS)
        return jdbc_fail(check, partition_keys[last],
                         "the four options of `scan.partition` are given together or not at all",
                         NULL);
    if (options_int(options, "scan.partition.num") < 1)
        return jdbc_fail(check, "scan.partition.num", "there is at least one range", NULL);
    if (options_int(options, "scan.partition.lower-bound") >
        options_int(options, "scan.partition.upper-bound"))
        return jdbc_fail(check, "scan.partition.lower-bound",
                         "it is not larger than `scan.partition.upper-bound`", NULL);
    return OK;
}

static bool jdbc_is_bounded(const TableOptions *table)
{
    (void)table;
    return true;
}

static Status jdbc_check_numbers(const TableCheck *check)
{
    const OptionSet *options = check->table->options;
    if (options_int(options, "sink.buffer-flush.max-rows") < 0)
        return jdbc_fail(check, "sink.buffer-flush.max-rows", "it is not negative", NULL);
    if (options_bytes(options, "sink.exactly-once.memory") <= 0)
        return jdbc_fail(check, "sink.exactly-once.memory", "some memory is needed", NULL);
    return OK;
}

static Status jdbc_check(const TableCheck *check)
{
    const OptionSet *options = check->table->options;
    Arena *arena = arena_new(0);
    JdbcUrl url = {0};
    const char *mistake = jdbc_url_parse(arena, options_text(options, "url"), &url);
    Status status = OK;
    if (mistake != NULL)
        status = jdbc_fail(check, "url", "not a URL of a database that can be reached", mistake);
    arena_free(arena);
    TRY(status);
    if (options_has(options, "username") != options_has(options, "password"))
        return jdbc_fail(check, options_has(options, "username") ? "username" : "password",
                         "`username` and `password` are given together or not at all", NULL);
    TRY(jdbc_check_numbers(check));
    TRY(jdbc_check_scan(check));
    return jdbc_check_columns(check, url.kind);
}

static const ConnectorInfo jdbc_info = {
    .name = "jdbc",
    .summary =
        "Reads a table of MySQL, MariaDB or PostgreSQL once, writes to it, looks its rows up.",
    .options = jdbc_options,
    .option_count = sizeof jdbc_options / sizeof jdbc_options[0],
    .can_read = true,
    .can_write = true,
    .is_bounded = jdbc_is_bounded,
    .guarantee = SINK_IDEMPOTENT,
    .guarantee_of = jdbc_guarantee,
    .rewinds_if = "if it does not change while the job is away",
    .saves_rows = true,
    .place_option = "table-name",
    .write_mode = jdbc_write_mode,
    .looks_up = jdbc_looks_up,
    .check = jdbc_check,
};

const Connector jdbc_connector = {
    .info = &jdbc_info, .source = &jdbc_source, .sink = &jdbc_sink, .lookup = &jdbc_lookup};
