/* The options table of mysql-cdc, and reading it. */
#include <assert.h>
#include <string.h>

#include "connect/mysql/source.h"

#define FOR_FLINK "Accepted so that files of Flink run as they are; weir has no need of it."

static const OptionSpec mysql_cdc_options[] = {
    {.key = "hostname",
     .type = OPTION_TEXT,
     .is_required = true,
     .help = "Name or address of the server; a path starting with / is a unix socket."},
    {.key = "port", .type = OPTION_INT, .default_text = "3306", .help = "TCP port of the server."},
    {.key = "username",
     .type = OPTION_TEXT,
     .is_required = true,
     .help = "Account with SELECT, REPLICATION SLAVE and REPLICATION CLIENT (BINLOG MONITOR)."},
    {.key = "password",
     .type = OPTION_TEXT,
     .is_required = true,
     .is_secret = true,
     .help = "Its password."},
    {.key = "database-name",
     .type = OPTION_TEXT,
     .is_required = true,
     .help = "Database to read; a regular expression that the whole name must match."},
    {.key = "table-name",
     .type = OPTION_TEXT,
     .is_required = true,
     .help = "Table to read; a regular expression: several physical tables may feed one table."},
    {.key = "server-id",
     .type = OPTION_TEXT,
     .help = "Number under which the server knows this reader, or a range `5400-5408` to choose "
             "from; it must differ from every other replica's. Random in 5400-6400 by default."},
    {.key = "server-time-zone",
     .type = OPTION_TEXT,
     .help = "Zone that TIMESTAMP columns are shown in; the pipeline's local zone by default."},
    {.key = "scan.startup.mode",
     .type = OPTION_ENUM,
     .default_text = "initial",
     .choices = "initial|earliest-offset|latest-offset|specific-offset|timestamp|snapshot",
     .help = "`initial` reads the tables, then the changes since; `snapshot` only the tables; the "
             "others only changes, from a position."},
    {.key = "scan.startup.specific-offset.file",
     .type = OPTION_TEXT,
     .help = "Binlog file to start in."},
    {.key = "scan.startup.specific-offset.pos",
     .type = OPTION_INT,
     .default_text = "4",
     .help = "Byte position in that file, of the start of an event."},
    {.key = "scan.startup.specific-offset.gtid-set",
     .type = OPTION_TEXT,
     .help = "Transactions that are not to be read, as MySQL or MariaDB write them."},
    {.key = "scan.startup.specific-offset.skip-events",
     .type = OPTION_INT,
     .default_text = "0",
     .help = "Events to leave out behind the position."},
    {.key = "scan.startup.specific-offset.skip-rows",
     .type = OPTION_INT,
     .default_text = "0",
     .help = "Rows to leave out behind the position."},
    {.key = "scan.startup.timestamp-millis",
     .type = OPTION_INT,
     .help = "Changes from this moment on, in milliseconds since 1970."},
    {.key = "scan.incremental.snapshot.enabled",
     .type = OPTION_BOOL,
     .default_text = "true",
     .help = FOR_FLINK},
    {.key = "scan.incremental.snapshot.chunk.size",
     .type = OPTION_INT,
     .default_text = "8096",
     .help = "Rows that one query of the snapshot asks for at least."},
    {.key = "scan.incremental.snapshot.chunk.key-column", .type = OPTION_TEXT, .help = FOR_FLINK},
    {.key = "scan.incremental.snapshot.backfill.skip",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = FOR_FLINK},
    {.key = "scan.incremental.snapshot.unbounded-chunk-first.enabled",
     .type = OPTION_BOOL,
     .default_text = "true",
     .help = FOR_FLINK},
    {.key = "scan.incremental.close-idle-reader.enabled",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = FOR_FLINK},
    {.key = "scan.snapshot.fetch.size",
     .type = OPTION_INT,
     .default_text = "1024",
     .help = FOR_FLINK},
    {.key = "scan.newly-added-table.enabled",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Accepted for Flink's sake: tables created while weir runs are always read, from "
             "their first row on."},
    {.key = "scan.read-changelog-as-append-only.enabled",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Give every row as an insert; the metadata column row_kind tells what it was."},
    {.key = "scan.parse.online.schema.changes.enabled",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Accepted for Flink's sake: the renames of gh-ost and pt-osc are always followed."},
    {.key = "chunk-meta.group.size", .type = OPTION_INT, .default_text = "1000", .help = FOR_FLINK},
    {.key = "chunk-key.even-distribution.factor.lower-bound",
     .type = OPTION_DOUBLE,
     .default_text = "0.05",
     .help = FOR_FLINK},
    {.key = "chunk-key.even-distribution.factor.upper-bound",
     .type = OPTION_DOUBLE,
     .default_text = "1000.0",
     .help = FOR_FLINK},
    {.key = "connect.timeout",
     .type = OPTION_DURATION,
     .default_text = "30 s",
     .help = "How long to wait for a connection."},
    {.key = "connect.max-retries",
     .type = OPTION_INT,
     .default_text = "3",
     .help = "Attempts to connect at the start; a running job tries without end."},
    {.key = "connection.pool.size", .type = OPTION_INT, .default_text = "20", .help = FOR_FLINK},
    {.key = "heartbeat.interval",
     .type = OPTION_DURATION,
     .default_text = "30 s",
     .help = "A server silent for longer is taken for lost; it is asked to speak three times as "
             "often."},
    {.key = "debezium.binary.handling.mode",
     .type = OPTION_ENUM,
     .default_text = "bytes",
     .choices = "bytes|none|base64|base64-url-safe|hex",
     .help = "How BLOB and BINARY columns become text where STRING is declared for them."},
    {.key = "debezium.snapshot.locking.mode",
     .type = OPTION_ENUM,
     .default_text = "none",
     .choices = "none|minimal|extended",
     .help = "Other than `none`: on MySQL, find the snapshot's position under FLUSH TABLES WITH "
             "READ LOCK, held for milliseconds. MariaDB never needs it."},
    {.key = "jdbc.properties.sslMode",
     .type = OPTION_ENUM,
     .default_text = "PREFERRED",
     .choices = "DISABLED|PREFERRED|REQUIRED|VERIFY_CA|VERIFY_IDENTITY",
     .help = "TLS: never, if offered, always, with a trusted certificate, made out to the host."},
    {.key = "jdbc.properties.sslCa",
     .type = OPTION_TEXT,
     .help = "PEM file of the authorities to trust; the system's by default."},
    {.key = "jdbc.properties.sslCert",
     .type = OPTION_TEXT,
     .help = "PEM file of the client's own certificate."},
    {.key = "jdbc.properties.sslKey",
     .type = OPTION_TEXT,
     .help = "PEM file of the client certificate's key."},
    {.key = "use.legacy.json.format",
     .type = OPTION_BOOL,
     .default_text = "true",
     .help = "Accepted for Flink's sake: JSON text has a blank behind commas and colons, as the "
             "server prints it."},
    {.key = "scan.parallelism", .type = OPTION_INT, .help = FOR_FLINK},
};

static const char *const mysql_cdc_free_prefixes[] = {"jdbc.properties.", "debezium.", NULL};

/* In the order of SourceMetadata. */
static const MetadataSpec mysql_cdc_metadata[] = {
    {"table_name", "STRING NOT NULL", false, "Name of the physical table."},
    {"database_name", "STRING NOT NULL", false, "Name of its database."},
    {"op_ts", "TIMESTAMP_LTZ(3) NOT NULL", false,
     "When the change was made on the server; 1970-01-01 for rows of the snapshot."},
    {"row_kind", "STRING NOT NULL", false, "+I, -U, +U or -D."},
};

static bool mysql_cdc_is_bounded(const TableOptions *table)
{
    return str_equal_ignoring_case(options_text(table->options, "scan.startup.mode"),
                                   STR("snapshot"));
}

static bool mysql_cdc_reads_anew(const TableOptions *table)
{
    Str mode = options_text(table->options, "scan.startup.mode");
    return mysql_cdc_is_bounded(table) || str_equal_ignoring_case(mode, STR("initial")) ||
           str_equal_ignoring_case(mode, STR("earliest-offset"));
}

static ChangelogMode mysql_cdc_read_mode(const TableOptions *table)
{
    if (options_bool(table->options, "scan.read-changelog-as-append-only.enabled"))
        return CHANGELOG_APPEND;
    return mysql_cdc_is_bounded(table) ? CHANGELOG_APPEND : CHANGELOG_ALL;
}

static Status mysql_cdc_check(const TableCheck *check)
{
    const OptionSet *options = check->table->options;
    OptionReport *report = check->report;
    void *context = check->report_context;
    if (check->is_sink)
        return OK; /* the planner refuses it: can_write is false */
    Status status = OK;
    TableFilter *filter = NULL;
    Error error = {0};
    if (table_filter_new(options_text(options, "database-name"),
                         options_text(options, "table-name"), &filter, &error) != OK) {
        bool is_table = strstr(error.text, "'table-name'") != NULL;
        OptionEntry entry = options_entry(options, is_table ? "table-name" : "database-name");
        report(context, &entry, error.code, error.text,
               "names are regular expressions: write a literal dot as \\.");
        status = ERR_INVALID;
    }
    table_filter_free(filter);
    Str mode = options_text(options, "scan.startup.mode");
    OptionEntry entry = options_entry(options, "scan.startup.mode");
    if (str_equal_ignoring_case(mode, STR("timestamp")) &&
        !options_has(options, "scan.startup.timestamp-millis")) {
        report(context, &entry, "WR3124", "the start mode `timestamp` needs a time",
               "set 'scan.startup.timestamp-millis'");
        status = ERR_INVALID;
    }
    if (str_equal_ignoring_case(mode, STR("specific-offset")) &&
        options_text(options, "scan.startup.specific-offset.file").length == 0 &&
        options_text(options, "scan.startup.specific-offset.gtid-set").length == 0) {
        report(context, &entry, "WR3124", "the start mode `specific-offset` needs a position",
               "set 'scan.startup.specific-offset.file' and '.pos', or '.gtid-set'");
        status = ERR_INVALID;
    }
    return status;
}

const ConnectorInfo mysql_cdc_info = {
    .name = "mysql-cdc",
    .summary = "Reads tables of MySQL or MariaDB: their rows, then every change from the binlog.",
    .options = mysql_cdc_options,
    .option_count = sizeof mysql_cdc_options / sizeof *mysql_cdc_options,
    .free_prefixes = mysql_cdc_free_prefixes,
    .metadata = mysql_cdc_metadata,
    .metadata_count = sizeof mysql_cdc_metadata / sizeof *mysql_cdc_metadata,
    .can_read = true,
    .is_bounded = mysql_cdc_is_bounded,
    .reads_anew = mysql_cdc_reads_anew,
    .read_mode = mysql_cdc_read_mode,
    .append_only_option = "scan.read-changelog-as-append-only.enabled",
    .check = mysql_cdc_check,
};

/* ---- reading ---- */

static int32_t choice_of(Str text, const char *const *choices, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        if (str_equal_ignoring_case(text, str_from(choices[i])))
            return i;
    return 0;
}

/* Terminated text, or NULL when not given. */
static const char *optional_text(const OptionSet *options, const char *key)
{
    return options_has(options, key) ? options_terminated(options, key) : NULL;
}

static void read_tls(const OptionSet *options, MysqlEndpoint *endpoint)
{
    static const char *const modes[] = {"DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA",
                                        "VERIFY_IDENTITY"};
    int32_t mode = choice_of(options_text(options, "jdbc.properties.sslMode"), modes, 5);
    endpoint->tls = mode == 0   ? MYSQL_TLS_OFF
                    : mode == 1 ? MYSQL_TLS_PREFERRED
                                : MYSQL_TLS_REQUIRED;
    if (endpoint->target.path != NULL)
        endpoint->tls = MYSQL_TLS_OFF;
    endpoint->tls_options.verify = mode == 4   ? TLS_VERIFY_FULL
                                   : mode == 3 ? TLS_VERIFY_CA
                                               : TLS_VERIFY_NONE;
    endpoint->tls_options.host = endpoint->target.host;
    endpoint->tls_options.ca_file = optional_text(options, "jdbc.properties.sslCa");
    endpoint->tls_options.cert_file = optional_text(options, "jdbc.properties.sslCert");
    endpoint->tls_options.key_file = optional_text(options, "jdbc.properties.sslKey");
}

static Status read_server_id(const OptionSet *options, SourceOptions *out, Error *error)
{
    enum { SERVER_ID_FIRST = 5400, SERVER_ID_LAST = 6400 };
    out->server_id_first = SERVER_ID_FIRST;
    out->server_id_last = SERVER_ID_LAST;
    if (!options_has(options, "server-id"))
        return OK;
    Str last_text;
    Str text = options_text(options, "server-id");
    Str first_text = str_split(text, '-', &last_text);
    int64_t first = 0, last = 0;
    bool is_good = str_parse_int64(str_trim(first_text), &first);
    last = first;
    if (last_text.data != NULL)
        is_good = is_good && str_parse_int64(str_trim(last_text), &last);
    if (!is_good || first < 1 || last < first || last > UINT32_MAX)
        return fail(error, ERR_INVALID, "WR3124",
                    "'server-id' must be a number or a range such as 5400-5408, not `%.*s`",
                    STR_ARGS(text));
    out->server_id_first = (uint32_t)first;
    out->server_id_last = (uint32_t)last;
    return OK;
}

Status mysql_source_read_options(MysqlSource *source, Error *error)
{
    static const char *const modes[] = {"initial",       "snapshot",        "earliest-offset",
                                        "latest-offset", "specific-offset", "timestamp"};
    static const char *const binaries[] = {"bytes", "base64", "base64-url-safe", "hex"};
    const OptionSet *options = source->reader.node->source.table->options.options;
    SourceOptions *out = &source->options;
    const char *host = options_terminated(options, "hostname");
    MysqlEndpoint *endpoint = &out->endpoint;
    endpoint->target = (SocketTarget){.host = host, .port = (int32_t)options_int(options, "port")};
    if (host[0] == '/')
        endpoint->target.path = host;
    endpoint->user = options_terminated(options, "username");
    endpoint->password = options_text(options, "password");
    endpoint->connect_timeout_us = options_duration_us(options, "connect.timeout");
    endpoint->query_timeout_us = (int64_t)600 * 1000000;
    read_tls(options, endpoint);
    out->mode = (StartMode)choice_of(options_text(options, "scan.startup.mode"), modes, 6);
    out->binary =
        (BinaryMode)choice_of(options_text(options, "debezium.binary.handling.mode"), binaries, 4);
    out->chunk_rows = options_int(options, "scan.incremental.snapshot.chunk.size");
    out->heartbeat_us = options_duration_us(options, "heartbeat.interval");
    out->connect_retries = options_int(options, "connect.max-retries");
    out->is_append_only = options_bool(options, "scan.read-changelog-as-append-only.enabled");
    out->may_lock = !str_equal_ignoring_case(
        options_text(options, "debezium.snapshot.locking.mode"), STR("none"));
    if (options_has(options, "scan.startup.timestamp-millis"))
        out->timestamp_ms = options_int(options, "scan.startup.timestamp-millis");
    out->file = optional_text(options, "scan.startup.specific-offset.file");
    out->gtid_set = options_text(options, "scan.startup.specific-offset.gtid-set");
    out->offset = options_int(options, "scan.startup.specific-offset.pos");
    out->skip_events = options_int(options, "scan.startup.specific-offset.skip-events");
    out->skip_rows = options_int(options, "scan.startup.specific-offset.skip-rows");
    out->zone = source->reader.zone;
    if (options_has(options, "server-time-zone"))
        TRY(timezone_find(source->reader.world, options_text(options, "server-time-zone"),
                          &out->zone, error));
    return read_server_id(options, out, error);
}
