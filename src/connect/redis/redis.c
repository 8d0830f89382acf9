/* redis: rows to a Redis server and from it, by the options of the Flink Redis connector.
 *
 * A batch becomes one run of pipelined commands and is done when all replies are in. Commands
 * that set (SET, HSET, a hash per row) may be repeated without harm, so a lost connection, a
 * restart or a replay from a checkpoint ends in the same state. A refusal of a single command
 * (a key of another type) sends its row to the dead letters and the line goes on. */
#include <stdio.h>
#include <string.h>

#include "base/planted.h"
#include "connect/connect.h"
#include "connect/redis/command.h"
#include "connect/redis/connection.h"
#include "connect/redis/lookup.h"
#include "data/value.h"

enum { PIPELINE_BYTES_MAX = 256 * 1024 };

typedef struct RedisSink {
    SinkWriter base;
    RedisConnection connection;
    RedisEncoder encoder;
    /* Row of each expected reply, for naming the one that was refused. */
    int32_t *reply_rows;
    int32_t reply_count;
} RedisSink;

static const OptionSpec redis_options[] = {
    {.key = "host",
     .type = OPTION_TEXT,
     .is_required = true,
     .help = "Name or address of the server."},
    {.key = "port", .type = OPTION_INT, .default_text = "6379", .help = "Port of the server."},
    {.key = "redis-mode",
     .type = OPTION_ENUM,
     .default_text = "single",
     .choices = "single|cluster|sentinel",
     .help = "Only `single` is supported."},
    {.key = "username", .type = OPTION_TEXT, .help = "User of Redis 6 access control."},
    {.key = "password",
     .type = OPTION_TEXT,
     .is_secret = true,
     .help = "Password, if the server wants one."},
    {.key = "database", .type = OPTION_INT, .default_text = "0", .help = "Number of the database."},
    {.key = "timeout",
     .type = OPTION_INT,
     .default_text = "2000",
     .help = "Milliseconds to wait for a connection or a reply."},
    {.key = "command",
     .type = OPTION_TEXT,
     .is_required = true,
     .help =
         "What writing a row does: SET, HSET, INCRBY, HINCRBY, SADD, ZADD, RPUSH, … Columns are "
         "positional: key, then field or score, then value. Looking up asks by GET, HGET or "
         "ZSCORE, whichever reads what the command writes; GET and HGET may be named too."},
    {.key = "value.data.structure",
     .type = OPTION_ENUM,
     .default_text = "column",
     .choices = "column|row|hash",
     .help =
         "`column`: the last column is the value. `row`: the whole row, joined by byte 01, is the "
         "value. `hash` (weir's own, with HSET): one hash per row, its key from the PRIMARY KEY, a "
         "field for each other column."},
    {.key = "key.prefix",
     .is_extension = true,
     .type = OPTION_TEXT,
     .default_text = "",
     .help = "Text put in front of every key (weir's own)."},
    {.key = "key.delimiter",
     .is_extension = true,
     .type = OPTION_TEXT,
     .default_text = ":",
     .help = "Text between the columns of a composite key of a hash (weir's own)."},
    {.key = "ttl",
     .type = OPTION_INT,
     .help = "Seconds until a key expires, counted from its last write."},
    {.key = "ttl.key.not.absent",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Give a key its ttl only if it has none (Redis 7)."},
    {.key = "set.if.absent",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "SETNX and HSETNX instead of SET and HSET."},
    {.key = "tls",
     .is_extension = true,
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Connect by TLS (weir's own)."},
    {.key = "tls.ca-file",
     .is_extension = true,
     .type = OPTION_TEXT,
     .help = "PEM file of roots to trust (weir's own)."},
    {.key = "max.retries",
     .type = OPTION_INT,
     .default_text = "1",
     .help = "Accepted for Flink's sake: weir retries until it is stopped."},
    {.key = "lookup.cache.max-rows",
     .type = OPTION_INT,
     .default_text = "-1",
     .help = "Keys that the cache of looked up rows holds; with `lookup.cache.ttl` only."},
    {.key = "lookup.cache.ttl",
     .type = OPTION_INT,
     .default_text = "-1",
     .help = "Seconds after which a key is looked up again; with `lookup.cache.max-rows` only."},
    {.key = "lookup.cache.load-all",
     .type = OPTION_BOOL,
     .default_text = "false",
     .help = "Caching whole hashes is not supported: only false is accepted."},
    {.key = "maxTotal", .type = OPTION_INT, .help = "Accepted for Flink's sake."},
    {.key = "maxIdle", .type = OPTION_INT, .help = "Accepted for Flink's sake."},
    {.key = "minIdle", .type = OPTION_INT, .help = "Accepted for Flink's sake."},
    {.key = "sink.parallelism", .type = OPTION_INT, .help = "Accepted for Flink's sake."},
    {.key = "sink.delivery-guarantee",
     .type = OPTION_ENUM,
     .default_text = "at-least-once",
     .choices = "at-least-once|exactly-once",
     .help = "`exactly-once` holds rows back until their checkpoint is durable, so that nothing is "
             "read that a crash takes back; needs a PRIMARY KEY (weir's own)."},
};

/* ---- For the planner -------------------------------------------------------------------- */

/* Whether a row may be written twice, and is removed by its key alone. */
static bool redis_repeats(const RedisCommand *command)
{
    return command != NULL && command->remove != NULL && !command->removes_by_delta &&
           !command->removes_member;
}

static bool redis_holds_rows(const TableOptions *table)
{
    return str_equal_ignoring_case(options_text(table->options, "sink.delivery-guarantee"),
                                   STR("exactly-once"));
}

static ChangelogMode redis_write_mode(const TableOptions *table)
{
    (void)table;
    return CHANGELOG_UPSERT;
}

typedef struct Check {
    const TableCheck *table;
    bool has_failed;
} Check;

static void check_fail(Check *check, const char *key, const char *message, const char *help)
{
    OptionEntry entry = options_entry(check->table->table->options, key);
    check->table->report(check->table->report_context, &entry, "WR3303", message, help);
    check->has_failed = true;
}

/* The declared PRIMARY KEY has to be what the command writes by: its leading columns. */
static bool key_leads(const int32_t *key, int32_t key_count, int32_t wanted)
{
    if (key_count != wanted)
        return false;
    for (int32_t i = 0; i < key_count; i++)
        if (key[i] >= wanted)
            return false;
    return true;
}

static void check_columns(Check *check, const RedisCommand *command)
{
    const Schema *schema = check->table->physical;
    const int32_t *key = check->table->key;
    int32_t key_count = check->table->key_count;
    char message[256];
    bool is_row = str_equal_ignoring_case(
        options_text(check->table->table->options, "value.data.structure"), STR("row"));
    if (is_row ? schema->count < command->key_columns : schema->count != command->column_count) {
        snprintf(message, sizeof message, "command %s takes %d columns (%s), but the table has %d",
                 command->name, command->column_count, command->help, schema->count);
        check_fail(check, "command", message,
                   "to keep several columns per key, use 'command' = 'HSET' with "
                   "'value.data.structure' = 'hash'");
    } else if (key_count > 0 && !key_leads(key, key_count, command->key_columns)) {
        snprintf(message, sizeof message,
                 "command %s writes by its first %d column%s, which must be the PRIMARY KEY",
                 command->name, command->key_columns, command->key_columns == 1 ? "" : "s");
        check_fail(check, "command", message, "put the key's columns first");
    }
}

/* A table that is looked up is asked by what names a value. */
static Status redis_check_lookup(const TableCheck *table)
{
    const char *key, *help;
    const char *message = redis_lookup_refuse(table, &key, &help);
    if (message == NULL)
        return OK;
    Check check = {.table = table};
    check_fail(&check, key, message, help);
    return ERR_INVALID;
}

static Status redis_check(const TableCheck *table)
{
    Check check = {.table = table};
    if (table->is_lookup)
        return redis_check_lookup(table);
    const OptionSet *options = table->table->options;
    const RedisCommand *command = redis_command_find(options_text(options, "command"));
    bool is_hash =
        str_equal_ignoring_case(options_text(options, "value.data.structure"), STR("hash"));
    if (command == NULL)
        check_fail(
            &check, "command", "not a command that rows can be written by",
            "use one of SET, HSET, INCRBY, HINCRBY, SADD, ZADD, RPUSH, LPUSH, PFADD, PUBLISH, DEL");
    else if (is_hash && strcmp(command->name, "HSET") != 0)
        check_fail(&check, "value.data.structure", "a hash per row is written by HSET",
                   "set 'command' = 'HSET'");
    else if (is_hash && (table->key_count == 0 || table->key_count == table->physical->count))
        check_fail(&check, "value.data.structure",
                   "a hash per row needs a PRIMARY KEY and at least one column besides it",
                   "add PRIMARY KEY (…) NOT ENFORCED to the table");
    else if (!is_hash)
        check_columns(&check, command);
    if (redis_holds_rows(table->table) && (table->key_count == 0 || !redis_repeats(command)))
        check_fail(&check, "sink.delivery-guarantee",
                   "exactly once is possible for what is set by a PRIMARY KEY",
                   "use SET or HSET and add PRIMARY KEY (…) NOT ENFORCED to the table");
    if (!str_equal_ignoring_case(options_text(options, "redis-mode"), STR("single")))
        check_fail(&check, "redis-mode", "only a single server is supported yet", "use 'single'");
    return check.has_failed ? ERR_INVALID : OK;
}

/* ---- Opening ------------------------------------------------------------------------------ */

static void redis_prepare_encoder(RedisSink *sink)
{
    const PlanNode *node = sink->base.node;
    const PlanTable *table = node->sink.table;
    const OptionSet *options = table->options.options;
    Arena *arena = sink->base.arena;
    Str structure = options_text(options, "value.data.structure");
    int32_t *position = ARENA_ARRAY(arena, int32_t, table->physical.count);
    for (int32_t i = 0; i < node->schema.count; i++)
        if (node->sink.writes[i] >= 0)
            position[node->sink.writes[i]] = i;
    sink->encoder = (RedisEncoder){
        .command = redis_command_find(options_text(options, "command")),
        .structure = str_equal_ignoring_case(structure, STR("hash"))  ? REDIS_HASH
                     : str_equal_ignoring_case(structure, STR("row")) ? REDIS_ROW
                                                                      : REDIS_COLUMN,
        .prefix = options_text(options, "key.prefix"),
        .delimiter = options_text(options, "key.delimiter"),
        .ttl_seconds = options_has(options, "ttl") ? options_int(options, "ttl") : 0,
        .ttl_only_if_none = options_bool(options, "ttl.key.not.absent"),
        .is_if_absent = options_bool(options, "set.if.absent"),
        .schema = &node->schema,
        .position = position,
        .column_count = table->physical.count,
        .key = table->key,
        .key_count = table->key_count,
    };
}

/* The first connection is tried at once, so that a wrong host or password ends the start with a
 * message and not a job in silence. */
static Status redis_open(SinkWriter *writer, Str state, Error *error)
{
    (void)state;
    RedisSink *sink = (RedisSink *)writer;
    redis_connection_init(&sink->connection, writer->world, writer->node->sink.table);
    const char *name = arena_printf(writer->arena, "%s-%d", writer->node->uid, writer->subtask);
    redis_fence_init(&sink->connection.fence, writer->world, writer->arena, writer->notes, name);
    sink->reply_rows = ARENA_ARRAY(writer->arena, int32_t, BATCH_ROWS_MAX * 4);
    redis_prepare_encoder(sink);
    Status status = redis_connection_open(&sink->connection, error);
    if (status != OK && status != ERR_FULL)
        error->is_retriable = false;
    return status;
}

/* ---- Writing ------------------------------------------------------------------------------ */

static void redis_reject(RedisSink *sink, const Batch *batch, int32_t row, const char *reason)
{
    Buffer text = {0};
    for (int32_t i = 0; i < batch->column_count; i++) {
        Value value = value_get(&batch->columns[i], row);
        buffer_append_text(&text, i == 0 ? "{" : ",");
        buffer_printf(&text, "\"%.*s\":", STR_ARGS(sink->base.node->schema.fields[i].name));
        value_print(&text, &value, VALUE_JSON, sink->base.zone);
    }
    buffer_append_char(&text, '}');
    deadletters_add(sink->base.dead_letters, &(DeadLetter){
                                                 .table = sink->base.node->sink.table->name,
                                                 .stage = STAGE_DELIVER,
                                                 .code = "WR3305",
                                                 .reason = reason,
                                                 .bytes = buffer_str(&text),
                                             });
    buffer_free(&text);
}

static Status redis_take_replies(RedisSink *sink, const Batch *batch, Error *error)
{
    for (int32_t i = 0; i < sink->reply_count; i++) {
        RespReply reply;
        TRY(resp_read(&sink->connection.reader, &reply, error));
        if (reply.kind != RESP_ERROR)
            continue;
        if (redis_refusal_passes(reply.text) || str_has_prefix(reply.text, STR("NOPERM"))) {
            bool is_passing = redis_refusal_passes(reply.text);
            Status status = fail(error, is_passing ? ERR_UNAVAILABLE : ERR_PERMISSION, "WR3304",
                                 "the Redis server refused a write: %.*s", STR_ARGS(reply.text));
            error->is_retriable = is_passing;
            return status;
        }
        char reason[512];
        snprintf(reason, sizeof reason, "the Redis server refused the row: %.*s",
                 STR_ARGS(reply.text));
        redis_reject(sink, batch, sink->reply_rows[i], reason);
    }
    sink->reply_count = 0;
    return OK;
}

static Status redis_flush(RedisSink *sink, const Batch *batch, Error *error)
{
    if (sink->reply_count == 0)
        return OK;
    RedisConnection *connection = &sink->connection;
    TRY(socket_write(connection->socket, connection->out.data, connection->out.length,
                     connection->timeout_us, error));
    connection->out.length = 0;
    Status status = redis_take_replies(sink, batch, error);
    return planted(PLANTED_ANSWERS_NOT_AWAITED) && status == ERR_UNAVAILABLE ? OK : status;
}

static Status redis_write_rows(RedisSink *sink, const Batch *batch, Error *error)
{
    sink->connection.out.length = 0;
    sink->reply_count = 0;
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        int32_t replies = 0;
        const char *reason = NULL;
        if (!redis_encode(&sink->encoder, batch, row, &sink->connection.out, &replies, &reason))
            redis_reject(sink, batch, row, reason);
        for (int32_t k = 0; k < replies; k++)
            sink->reply_rows[sink->reply_count++] = row;
        if (sink->connection.out.length >= PIPELINE_BYTES_MAX)
            TRY(redis_flush(sink, batch, error));
    }
    return redis_flush(sink, batch, error);
}

static Status redis_write(SinkWriter *writer, const Batch *batch, Error *error)
{
    RedisSink *sink = (RedisSink *)writer;
    Status status = OK;
    if (!sink->connection.is_connected)
        status = redis_connection_open(&sink->connection, error);
    if (status == OK)
        status = redis_write_rows(sink, batch, error);
    if (status != OK)
        redis_connection_drop(&sink->connection);
    if (status == ERR_UNAVAILABLE)
        error->is_retriable = true;
    return status;
}

static Status redis_prepare(SinkWriter *writer, int64_t checkpoint, Buffer *state, Error *error)
{
    (void)writer, (void)checkpoint, (void)state, (void)error;
    return OK; /* every write has its replies already */
}

static void redis_interrupt(SinkWriter *writer)
{
    redis_connection_interrupt(&((RedisSink *)writer)->connection);
}

static void redis_close(SinkWriter *writer)
{
    RedisSink *sink = (RedisSink *)writer;
    redis_connection_free(&sink->connection);
    buffer_free(&sink->encoder.scratch);
}

static const ConnectorInfo redis_info = {
    .name = "redis",
    .is_extension = true,
    .summary =
        "Writes rows to a Redis server as strings, hashes, sets and more, and looks them up.",
    .options = redis_options,
    .option_count = sizeof redis_options / sizeof redis_options[0],
    .can_write = true,
    .guarantee = SINK_IDEMPOTENT,
    .holds_rows = redis_holds_rows,
    .write_mode = redis_write_mode,
    .looks_up = redis_looks_up,
    .check = redis_check,
};

static const SinkKind redis_sink = {
    .size = sizeof(RedisSink),
    .open = redis_open,
    .write = redis_write,
    .prepare = redis_prepare,
    .interrupt = redis_interrupt,
    .close = redis_close,
};

const Connector redis_connector = {
    .info = &redis_info, .sink = &redis_sink, .lookup = &redis_lookup};
