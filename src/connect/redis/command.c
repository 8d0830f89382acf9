/* The table of commands and the encoder. Texts of values follow the Flink Redis connector
 * (jeff-zou): dates as days, times and timestamps as milliseconds, bytes as base64. A row as a
 * hash is weir's own and writes values as people read them. */
#include "connect/redis/command.h"

#include <assert.h>

#include "base/base64.h"
#include "connect/redis/resp.h"
#include "data/datetime.h"
#include "data/value.h"

enum { NANOS_PER_MILLI = 1000000 };

static const RedisCommand commands[] = {
    {"SET", 2, 1, "DEL", false, false, "key, value"},
    {"HSET", 3, 2, "HDEL", false, false, "key, field, value"},
    {"RPUSH", 2, 1, NULL, false, false, "key, value"},
    {"LPUSH", 2, 1, NULL, false, false, "key, value"},
    {"INCRBY", 2, 1, NULL, true, false, "key, delta"},
    {"INCRBYFLOAT", 2, 1, NULL, true, false, "key, delta"},
    {"DECRBY", 2, 1, NULL, true, false, "key, delta"},
    {"HINCRBY", 3, 2, NULL, true, false, "key, field, delta"},
    {"HINCRBYFLOAT", 3, 2, NULL, true, false, "key, field, delta"},
    {"ZINCRBY", 3, 1, NULL, true, false, "key, delta, member"},
    {"SADD", 2, 1, "SREM", false, true, "key, member"},
    {"ZADD", 3, 1, "ZREM", false, true, "key, score, member"},
    {"PFADD", 2, 1, NULL, false, false, "key, value"},
    {"PUBLISH", 2, 1, NULL, false, false, "channel, value"},
    {"SREM", 2, 1, NULL, false, false, "key, member"},
    {"ZREM", 2, 1, NULL, false, false, "key, member"},
    {"DEL", 1, 1, NULL, false, false, "key"},
    {"HDEL", 2, 2, NULL, false, false, "key, field"},
};

int32_t redis_command_count(void)
{
    return (int32_t)(sizeof commands / sizeof commands[0]);
}

const RedisCommand *redis_command_at(int32_t index)
{
    assert(index >= 0 && index < redis_command_count());
    return &commands[index];
}

const RedisCommand *redis_command_find(Str name)
{
    for (int32_t i = 0; i < redis_command_count(); i++)
        if (str_equal_ignoring_case(name, str_from(commands[i].name)))
            return &commands[i];
    return NULL;
}

/* Rounded down, before 1970 as well. */
static int64_t millis_of_nanos(Int128 nanos)
{
    return (int64_t)(nanos / NANOS_PER_MILLI) - (nanos % NANOS_PER_MILLI < 0);
}

void redis_append_text(Buffer *out, const Value *value, bool is_plain)
{
    if (type_is_bytes(value->type)) {
        base64_encode(out, value->text);
    } else if (!is_plain && (value->type.id == TYPE_DATE || value->type.id == TYPE_TIME)) {
        buffer_printf(out, "%lld", (long long)value->integer);
    } else if (!is_plain && type_is_timestamp(value->type)) {
        int64_t millis = type_physical(value->type) == PHYSICAL_I128
                             ? millis_of_nanos(value->wide)
                             : floor_div(value->integer, MICROS_PER_MILLI);
        buffer_printf(out, "%lld", (long long)millis);
    } else {
        value_print(out, value, VALUE_PLAIN, NULL);
    }
}

static void append_value(const RedisEncoder *encoder, Buffer *out, const Value *value)
{
    if (value->is_null)
        buffer_append_text(out, "null");
    else
        redis_append_text(out, value, encoder->structure == REDIS_HASH);
}

static Value declared_value(const RedisEncoder *encoder, const Batch *batch, int32_t row,
                            int32_t column)
{
    return value_get(&batch->columns[encoder->position[column]], row);
}

static void put_column(RedisEncoder *encoder, const Batch *batch, int32_t row, int32_t column,
                       Buffer *out)
{
    Value value = declared_value(encoder, batch, row, column);
    encoder->scratch.length = 0;
    append_value(encoder, &encoder->scratch, &value);
    resp_argument(out, buffer_str(&encoder->scratch));
}

/* The key of Redis: the prefix and the first key column, or all of them for a hash. */
static void put_key(RedisEncoder *encoder, const Batch *batch, int32_t row, Buffer *out)
{
    int32_t count = encoder->structure == REDIS_HASH ? encoder->key_count : 1;
    encoder->scratch.length = 0;
    buffer_append_str(&encoder->scratch, encoder->prefix);
    for (int32_t i = 0; i < count; i++) {
        Value value = declared_value(encoder, batch, row,
                                     encoder->structure == REDIS_HASH ? encoder->key[i] : 0);
        if (i > 0)
            buffer_append_str(&encoder->scratch, encoder->delimiter);
        append_value(encoder, &encoder->scratch, &value);
    }
    resp_argument(out, buffer_str(&encoder->scratch));
}

static void put_row_text(RedisEncoder *encoder, const Batch *batch, int32_t row, Buffer *out)
{
    encoder->scratch.length = 0;
    for (int32_t i = 0; i < encoder->column_count; i++) {
        Value value = declared_value(encoder, batch, row, i);
        if (i > 0)
            buffer_append_char(&encoder->scratch, '\x01');
        append_value(encoder, &encoder->scratch, &value);
    }
    resp_argument(out, buffer_str(&encoder->scratch));
}

/* The negative of a number's text. */
static void put_negated(RedisEncoder *encoder, const Batch *batch, int32_t row, int32_t column,
                        Buffer *out)
{
    Value value = declared_value(encoder, batch, row, column);
    encoder->scratch.length = 0;
    append_value(encoder, &encoder->scratch, &value);
    Str text = buffer_str(&encoder->scratch);
    if (text.length > 0 && text.data[0] == '-') {
        resp_argument(out, str_make(text.data + 1, text.length - 1));
        return;
    }
    Buffer negated = {0};
    buffer_append_char(&negated, '-');
    buffer_append_str(&negated, text);
    resp_argument(out, buffer_str(&negated));
    buffer_free(&negated);
}

static void put_expiry(RedisEncoder *encoder, const Batch *batch, int32_t row, Buffer *out,
                       int32_t *replies)
{
    if (encoder->ttl_seconds == 0)
        return;
    resp_begin(out, encoder->ttl_only_if_none ? 4 : 3);
    resp_argument(out, STR("EXPIRE"));
    put_key(encoder, batch, row, out);
    resp_argument_int(out, encoder->ttl_seconds);
    if (encoder->ttl_only_if_none)
        resp_argument(out, STR("NX"));
    (*replies)++;
}

static bool is_key_column(const RedisEncoder *encoder, int32_t column)
{
    for (int32_t i = 0; i < encoder->key_count; i++)
        if (encoder->key[i] == column)
            return true;
    return false;
}

/* Fields of the row that are (or are not) NULL, apart from the key. */
static int32_t count_fields(const RedisEncoder *encoder, const Batch *batch, int32_t row,
                            bool is_null)
{
    int32_t count = 0;
    for (int32_t i = 0; i < encoder->column_count; i++)
        if (!is_key_column(encoder, i) && declared_value(encoder, batch, row, i).is_null == is_null)
            count++;
    return count;
}

/* Fields that became NULL go, so the hash is always just this row. */
static void encode_hash(RedisEncoder *encoder, const Batch *batch, int32_t row, Buffer *out,
                        int32_t *replies)
{
    for (int pass = 0; pass < 2; pass++) {
        bool removes = pass == 0;
        int32_t fields = count_fields(encoder, batch, row, removes);
        if (fields == 0)
            continue;
        resp_begin(out, 2 + fields * (removes ? 1 : 2));
        resp_argument(out, removes ? STR("HDEL") : STR("HSET"));
        put_key(encoder, batch, row, out);
        for (int32_t i = 0; i < encoder->column_count; i++) {
            if (is_key_column(encoder, i) ||
                declared_value(encoder, batch, row, i).is_null != removes)
                continue;
            resp_argument(out, encoder->schema->fields[encoder->position[i]].name);
            if (!removes)
                put_column(encoder, batch, row, i, out);
        }
        (*replies)++;
    }
    put_expiry(encoder, batch, row, out, replies);
}

static const char *put_name(const RedisEncoder *encoder)
{
    bool is_string = str_is(str_from(encoder->command->name), "SET");
    bool is_hash = str_is(str_from(encoder->command->name), "HSET");
    if (encoder->is_if_absent && (is_string || is_hash))
        return is_string ? "SETNX" : "HSETNX";
    return encoder->command->name;
}

static void encode_put(RedisEncoder *encoder, const Batch *batch, int32_t row, Buffer *out,
                       int32_t *replies)
{
    const RedisCommand *command = encoder->command;
    bool is_row = encoder->structure == REDIS_ROW;
    int32_t plain = is_row ? command->key_columns : command->column_count;
    resp_begin(out, 1 + plain + (is_row ? 1 : 0));
    resp_argument(out, str_from(put_name(encoder)));
    put_key(encoder, batch, row, out);
    for (int32_t i = 1; i < plain; i++)
        put_column(encoder, batch, row, i, out);
    if (is_row)
        put_row_text(encoder, batch, row, out);
    (*replies)++;
    put_expiry(encoder, batch, row, out, replies);
}

static void encode_remove(RedisEncoder *encoder, const Batch *batch, int32_t row, Buffer *out,
                          int32_t *replies)
{
    const RedisCommand *command = encoder->command;
    if (encoder->structure == REDIS_HASH) {
        resp_begin(out, 2);
        resp_argument(out, STR("DEL"));
        put_key(encoder, batch, row, out);
    } else if (command->removes_by_delta) {
        /* The delta is the last column, but for ZINCRBY the second of three. */
        int32_t delta =
            command->column_count == 3 && command->key_columns == 1 ? 1 : command->column_count - 1;
        resp_begin(out, 1 + command->column_count);
        resp_argument(out, str_from(command->name));
        put_key(encoder, batch, row, out);
        for (int32_t i = 1; i < command->column_count; i++) {
            if (i == delta)
                put_negated(encoder, batch, row, i, out);
            else
                put_column(encoder, batch, row, i, out);
        }
    } else if (command->remove != NULL) {
        int32_t last = command->column_count - 1;
        bool has_second = command->removes_member || command->key_columns == 2;
        resp_begin(out, has_second ? 3 : 2);
        resp_argument(out, str_from(command->remove));
        put_key(encoder, batch, row, out);
        if (has_second)
            put_column(encoder, batch, row, command->removes_member ? last : 1, out);
    } else {
        return;
    }
    (*replies)++;
}

bool redis_encode(RedisEncoder *encoder, const Batch *batch, int32_t row, Buffer *out,
                  int32_t *replies, const char **reason)
{
    RowKind kind = batch_kind(batch, row);
    if (kind == ROW_UPDATE_BEFORE)
        return true;
    int32_t named =
        encoder->structure == REDIS_HASH ? encoder->key_count : encoder->command->key_columns;
    for (int32_t i = 0; i < named; i++) {
        int32_t column = encoder->structure == REDIS_HASH ? encoder->key[i] : i;
        if (declared_value(encoder, batch, row, column).is_null) {
            *reason = "a column of the key is NULL";
            return false;
        }
    }
    if (kind == ROW_DELETE)
        encode_remove(encoder, batch, row, out, replies);
    else if (encoder->structure == REDIS_HASH)
        encode_hash(encoder, batch, row, out, replies);
    else
        encode_put(encoder, batch, row, out, replies);
    return true;
}
