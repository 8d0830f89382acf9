/* Look-ups: one command for each key, all of a request in one pipeline.
 *
 *     written by          read by            columns
 *     SET, INCRBY, …      GET key            key, value
 *     HSET, HINCRBY, …    HGET key field     key, field, value
 *     ZADD, ZINCRBY       ZSCORE key member  key, score, member
 *     a row (byte 01)     GET key            all that the row has
 *     a hash per row      HMGET key fields   the PRIMARY KEY, a field for each other column
 *
 * A key has one row or none. Values are read as the sink writes them. */
#include "connect/redis/lookup.h"

#include <stdio.h>

#include "base/base64.h"
#include "connect/redis/command.h"
#include "connect/redis/connection.h"
#include "data/value.h"

enum { KEYS_MAX = 512 };

typedef enum ReadBy { READ_GET, READ_HGET, READ_ZSCORE, READ_ROW, READ_HASH, READ_NONE } ReadBy;

typedef struct RedisLookup {
    LookupReader base;
    RedisConnection connection;
    ReadBy read_by;
    Str prefix, delimiter;
    int32_t *key_at;     /* by physical column: which column of the keys it is, or -1 */
    int32_t *fetched_at; /* by physical column: which column of the rows it is, or -1 */
    Buffer text, bytes;
    char reason[200]; /* why a value cannot be read */
} RedisLookup;

/* ---- What a table allows ----------------------------------------------------------------- */

static bool option_is(const OptionSet *options, const char *key, const char *value)
{
    return str_equal_ignoring_case(options_text(options, key), str_from(value));
}

static ReadBy table_read_by(const TableOptions *table)
{
    static const struct {
        const char *command;
        ReadBy read_by;
    } reads[] = {{"GET", READ_GET},           {"SET", READ_GET},    {"INCRBY", READ_GET},
                 {"INCRBYFLOAT", READ_GET},   {"DECRBY", READ_GET}, {"DEL", READ_GET},
                 {"HGET", READ_HGET},         {"HSET", READ_HGET},  {"HINCRBY", READ_HGET},
                 {"HINCRBYFLOAT", READ_HGET}, {"HDEL", READ_HGET},  {"ZADD", READ_ZSCORE},
                 {"ZINCRBY", READ_ZSCORE},    {"ZREM", READ_ZSCORE}};
    const OptionSet *options = table->options;
    if (option_is(options, "value.data.structure", "hash"))
        return READ_HASH;
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        if (!option_is(options, "command", reads[i].command))
            continue;
        bool is_row = option_is(options, "value.data.structure", "row");
        return !is_row ? reads[i].read_by : reads[i].read_by == READ_GET ? READ_ROW : READ_NONE;
    }
    return READ_NONE;
}

bool redis_looks_up(const TableOptions *table, LookupInfo *out)
{
    const OptionSet *options = table->options;
    int64_t rows = options_int(options, "lookup.cache.max-rows");
    int64_t seconds = options_int(options, "lookup.cache.ttl");
    *out = (LookupInfo){.is_async = true};
    if (rows > 0 && seconds > 0)
        out->cache = (LookupCache){.kind = LOOKUP_CACHE_PARTIAL,
                                   .rows_max = rows,
                                   .expire_after_write_us = seconds * MICROS_PER_SECOND};
    return true;
}

static bool check_has_key(const TableCheck *check, int32_t column)
{
    for (int32_t i = 0; i < check->lookup_key_count; i++)
        if (check->lookup_keys[i] == column)
            return true;
    return false;
}

static const char *refuse_columns(const TableCheck *check, ReadBy read_by, const char **help)
{
    int32_t wanted = read_by == READ_GET ? 2 : 3;
    if (read_by != READ_ROW && check->physical->count != wanted) {
        *help = read_by == READ_GET    ? "its columns are key and value"
                : read_by == READ_HGET ? "its columns are key, field and value"
                                       : "its columns are key, score and member";
        return "the table has not the columns of the command";
    }
    bool has_all = check_has_key(check, 0) && (read_by != READ_HGET || check_has_key(check, 1)) &&
                   (read_by != READ_ZSCORE || check_has_key(check, 2));
    *help = read_by == READ_HGET     ? "compare the first two columns: key and field"
            : read_by == READ_ZSCORE ? "compare the first and the third column: key and member"
                                     : "compare the first column, the key";
    return has_all ? NULL : "what names a value in Redis is not compared";
}

const char *redis_lookup_refuse(const TableCheck *check, const char **key, const char **help)
{
    const OptionSet *options = check->table->options;
    ReadBy read_by = table_read_by(check->table);
    *key = "lookup.cache.load-all";
    *help = "leave it out";
    if (options_bool(options, *key))
        return "caching whole hashes is not supported";
    *key = "redis-mode";
    *help = "use 'single'";
    if (!option_is(options, *key, "single"))
        return "only a single server is supported yet";
    *key = "command";
    *help = "use GET or HGET";
    if (read_by == READ_NONE)
        return "there is no command that looks up what this one writes";
    if (read_by != READ_HASH)
        return refuse_columns(check, read_by, help);
    *key = "value.data.structure";
    *help = "declare PRIMARY KEY (…) NOT ENFORCED and compare all of its columns";
    bool has_all = check->key_count > 0 && check->key_count < check->physical->count;
    for (int32_t i = 0; i < check->key_count; i++)
        has_all &= check_has_key(check, check->key[i]);
    return has_all ? NULL : "a hash per row is looked up by its PRIMARY KEY";
}

/* ---- Connecting -------------------------------------------------------------------------- */

static Status lookup_open(LookupReader *reader, Error *error)
{
    RedisLookup *self = (RedisLookup *)reader;
    const PlanNode *node = reader->node;
    const PlanTable *table = node->lookup_join.table;
    if (self->connection.socket == NULL) {
        redis_connection_init(&self->connection, reader->world, table);
        self->read_by = table_read_by(&table->options);
        self->prefix = options_text(table->options.options, "key.prefix");
        self->delimiter = options_text(table->options.options, "key.delimiter");
        self->key_at = ARENA_ARRAY(reader->arena, int32_t, table->physical.count);
        self->fetched_at = ARENA_ARRAY(reader->arena, int32_t, table->physical.count);
        for (int32_t i = 0; i < table->physical.count; i++)
            self->key_at[i] = self->fetched_at[i] = -1;
        for (int32_t i = 0; i < node->lookup_join.fetched.count; i++)
            self->fetched_at[node->lookup_join.columns[i]] = i;
        for (int32_t i = 0; i < reader->key_count; i++)
            self->key_at[node->lookup_join.columns[reader->keys[i]]] = i;
    }
    Status status = redis_connection_open(&self->connection, error);
    /* A wrong host or password ends the start with a message and not a job in silence. */
    if (status != OK)
        error->is_retriable = false;
    return status;
}

/* ---- Asking ------------------------------------------------------------------------------ */

static void put_key_column(RedisLookup *self, const Batch *keys, int32_t row, int32_t physical)
{
    Value value = value_get(&keys->columns[self->key_at[physical]], row);
    self->text.length = 0;
    redis_append_text(&self->text, &value, self->read_by == READ_HASH);
    resp_argument(&self->connection.out, buffer_str(&self->text));
}

static void put_name(RedisLookup *self, const Batch *keys, int32_t row)
{
    const PlanTable *table = self->base.node->lookup_join.table;
    int32_t count = self->read_by == READ_HASH ? table->key_count : 1;
    self->text.length = 0;
    buffer_append_str(&self->text, self->prefix);
    for (int32_t i = 0; i < count; i++) {
        int32_t physical = self->read_by == READ_HASH ? table->key[i] : 0;
        Value value = value_get(&keys->columns[self->key_at[physical]], row);
        if (i > 0)
            buffer_append_str(&self->text, self->delimiter);
        redis_append_text(&self->text, &value, self->read_by == READ_HASH);
    }
    resp_argument(&self->connection.out, buffer_str(&self->text));
}

static bool column_is_in_key(const PlanTable *table, int32_t column)
{
    for (int32_t i = 0; i < table->key_count; i++)
        if (table->key[i] == column)
            return true;
    return false;
}

/* All fields of the row, those that nobody reads as well: only a row without any is none. */
static void put_hash_fields(RedisLookup *self, const Batch *keys, int32_t row)
{
    const PlanTable *table = self->base.node->lookup_join.table;
    Buffer *out = &self->connection.out;
    resp_begin(out, 2 + table->physical.count - table->key_count);
    resp_argument(out, STR("HMGET"));
    put_name(self, keys, row);
    for (int32_t i = 0; i < table->physical.count; i++)
        if (!column_is_in_key(table, i))
            resp_argument(out, table->physical.fields[i].name);
}

static void put_command(RedisLookup *self, const Batch *keys, int32_t row)
{
    Buffer *out = &self->connection.out;
    switch (self->read_by) {
    case READ_GET:
    case READ_ROW:
        resp_begin(out, 2);
        resp_argument(out, STR("GET"));
        put_name(self, keys, row);
        break;
    case READ_HGET:
    case READ_ZSCORE:
        resp_begin(out, 3);
        resp_argument(out, self->read_by == READ_HGET ? STR("HGET") : STR("ZSCORE"));
        put_name(self, keys, row);
        put_key_column(self, keys, row, self->read_by == READ_HGET ? 1 : 2);
        break;
    case READ_HASH: put_hash_fields(self, keys, row); break;
    case READ_NONE: assert(!"refused by the check"); break;
    }
}

/* ---- Answers ----------------------------------------------------------------------------- */

static bool text_read(RedisLookup *self, Str text, Type type, Value *out)
{
    bool is_plain = self->read_by == READ_HASH;
    *out = (Value){.type = type};
    if (type_is_bytes(type)) {
        self->bytes.length = 0;
        bool is_good = base64_decode(&self->bytes, text);
        out->text = buffer_str(&self->bytes);
        return is_good;
    }
    bool is_number = type.id == TYPE_DATE || type.id == TYPE_TIME || type_is_timestamp(type);
    if (is_plain || !is_number)
        return value_parse(text, type, out);
    if (!str_parse_int64(text, &out->integer))
        return false;
    if (type_is_timestamp(type) && type_physical(type) == PHYSICAL_I128)
        out->wide = (Int128)out->integer * 1000000;
    else if (type_is_timestamp(type))
        out->integer *= MICROS_PER_MILLI;
    return true;
}

typedef struct LookupRow {
    RedisLookup *self;
    Batch *batch;
    int32_t row;
    const char *reason; /* why it cannot be read; or NULL */
} LookupRow;

/* Physical column `physical` of the row as text; `null` stands for NULL, as the sink writes it. */
static void row_put(LookupRow *at, int32_t physical, Str text, bool is_null)
{
    RedisLookup *self = at->self;
    int32_t column = self->fetched_at[physical];
    if (column < 0)
        return;
    Column *into = &at->batch->columns[column];
    Type type = self->base.node->lookup_join.fetched.fields[column].type;
    Value value;
    bool is_word = self->read_by != READ_HASH && str_is(text, "null");
    if (is_null || is_word) {
        column_set_null(into, at->batch->arena, at->row, LOOKUP_ROWS_CAPACITY);
    } else if (text_read(self, text, type, &value)) {
        value_set(into, at->batch->arena, at->row, LOOKUP_ROWS_CAPACITY, &value);
    } else {
        self->bytes.length = 0;
        type_print(&self->bytes, type_nullable(type));
        snprintf(self->reason, sizeof self->reason, "'%.*s' is no %s",
                 (int)(text.length < 100 ? text.length : 100), text.data,
                 buffer_terminated(&self->bytes));
        at->reason = self->reason;
    }
}

/* The columns that were asked by are known. */
static void row_put_keys(LookupRow *at, const Batch *keys, int32_t key)
{
    const RedisLookup *self = at->self;
    for (int32_t i = 0; i < self->base.key_count; i++) {
        Value value = value_get(&keys->columns[i], key);
        value_set(&at->batch->columns[self->base.keys[i]], at->batch->arena, at->row,
                  LOOKUP_ROWS_CAPACITY, &value);
    }
}

/* Equalities with columns that no command takes. */
static bool row_fits(const LookupRow *at, const Batch *keys, int32_t key)
{
    const RedisLookup *self = at->self;
    for (int32_t i = 0; i < self->base.key_count; i++) {
        Value wanted = value_get(&keys->columns[i], key);
        Value value = value_get(&at->batch->columns[self->base.keys[i]], at->row);
        if (value.is_null || !value_equal(&value, &wanted))
            return false;
    }
    return true;
}

static Status redis_refused(const RedisLookup *self, Str text, Error *error)
{
    bool is_passing = redis_refusal_passes(text);
    Status status = fail(error, is_passing ? ERR_UNAVAILABLE : ERR_PERMISSION, "WR3304",
                         "the Redis server refused to look up in table `%.*s`: %.*s",
                         STR_ARGS(self->base.node->lookup_join.table->name), STR_ARGS(text));
    error->is_retriable = is_passing;
    return status;
}

/* The parts of a row that is one value, joined by byte 01. */
static void row_put_parts(LookupRow *at, Str text)
{
    int32_t count = at->self->base.node->lookup_join.table->physical.count;
    for (int32_t i = 0; i < count; i++) {
        bool is_missing = text.data == NULL;
        Str part = is_missing ? (Str){0} : str_split(text, '\x01', &text);
        row_put(at, i, part, is_missing);
    }
}

static Status take_hash(LookupRow *at, const RespReply *head, bool *has_row, Error *error)
{
    RedisLookup *self = at->self;
    const PlanTable *table = self->base.node->lookup_join.table;
    int64_t left = head->integer;
    for (int32_t i = 0; i < table->physical.count; i++) {
        if (column_is_in_key(table, i))
            continue;
        RespReply item;
        if (left-- <= 0)
            return fail(error, ERR_DECODE, "WR3302", "the Redis server's answer is no reply");
        TRY(resp_read_open(&self->connection.reader, &item, error));
        *has_row |= item.kind == RESP_TEXT;
        row_put(at, i, item.text, item.kind != RESP_TEXT);
    }
    return OK;
}

static Status take_reply(LookupRow *at, bool *has_row, Error *error)
{
    RedisLookup *self = at->self;
    RespReply reply;
    TRY(resp_read_open(&self->connection.reader, &reply, error));
    if (reply.kind == RESP_ERROR && str_has_prefix(reply.text, STR("WRONGTYPE"))) {
        *has_row = true;
        at->reason = "the key holds a value of another kind";
        return OK;
    }
    if (reply.kind == RESP_ERROR)
        return redis_refused(self, reply.text, error);
    if (reply.kind == RESP_ARRAY)
        return take_hash(at, &reply, has_row, error);
    *has_row = reply.kind == RESP_TEXT;
    if (!*has_row)
        return OK;
    if (self->read_by == READ_ROW)
        row_put_parts(at, reply.text);
    else
        row_put(at,
                self->read_by == READ_GET    ? 1
                : self->read_by == READ_HGET ? 2
                                             : 1,
                reply.text, false);
    return OK;
}

static void row_reject(const LookupRow *at, const Batch *keys, int32_t key)
{
    const RedisLookup *self = at->self;
    Buffer text = {0};
    for (int32_t i = 0; i < keys->column_count; i++) {
        Value value = value_get(&keys->columns[i], key);
        buffer_append_text(&text, i == 0 ? "" : ", ");
        value_print(&text, &value, VALUE_PLAIN, NULL);
    }
    DeadLetter letter = {.table = self->base.node->lookup_join.table->name,
                         .stage = STAGE_DECODE,
                         .code = "WR3306",
                         .reason = at->reason,
                         .bytes = buffer_str(&text)};
    deadletters_add(self->base.dead_letters, &letter);
    buffer_free(&text);
}

static Status take_row(RedisLookup *self, const Batch *keys, int32_t key, LookupRows *rows,
                       Error *error)
{
    LookupRow at = {.self = self};
    bool has_row = false;
    at.batch = lookup_rows_add(rows, key, &at.row);
    row_put_keys(&at, keys, key);
    Status status = take_reply(&at, &has_row, error);
    if (status == OK && has_row && at.reason != NULL)
        row_reject(&at, keys, key);
    if (status != OK || !has_row || at.reason != NULL || !row_fits(&at, keys, key))
        lookup_rows_drop(rows);
    return status;
}

static Status lookup_find_all(RedisLookup *self, const Batch *keys, LookupRows *rows, Error *error)
{
    RedisConnection *connection = &self->connection;
    if (!connection->is_connected)
        TRY(redis_connection_open(connection, error));
    connection->out.length = 0;
    for (int32_t i = 0; i < keys->row_count; i++)
        put_command(self, keys, i);
    TRY(socket_write(connection->socket, connection->out.data, connection->out.length,
                     connection->timeout_us, error));
    for (int32_t i = 0; i < keys->row_count; i++)
        TRY(take_row(self, keys, i, rows, error));
    return OK;
}

static Status lookup_find(LookupReader *reader, const Batch *keys, LookupRows *rows, Error *error)
{
    RedisLookup *self = (RedisLookup *)reader;
    Status status = lookup_find_all(self, keys, rows, error);
    if (status != OK)
        redis_connection_drop(&self->connection);
    if (status == ERR_UNAVAILABLE)
        error->is_retriable = true;
    return status;
}

static void lookup_interrupt(LookupReader *reader)
{
    redis_connection_interrupt(&((RedisLookup *)reader)->connection);
}

static void lookup_close(LookupReader *reader)
{
    RedisLookup *self = (RedisLookup *)reader;
    redis_connection_free(&self->connection);
    buffer_free(&self->text);
    buffer_free(&self->bytes);
}

const LookupKind redis_lookup = {
    .size = sizeof(RedisLookup),
    .keys_max = KEYS_MAX,
    .open = lookup_open,
    .find = lookup_find,
    .interrupt = lookup_interrupt,
    .close = lookup_close,
};
