/* The debezium-json format: change records with the row before and after.
 *
 * A record is read in two walks: the first finds op, before and after at the top level, the
 * second reads the rows they hold. Rules: Flink 1.20, DebeziumJsonDeserializationSchema. */
#include "format/formats.h"
#include "format/json_lines.h"
#include "format/json_row.h"
#include "format/json_write.h"

enum { ROWS_PER_RECORD = 2 };

static const char *const CODE_MALFORMED = "WR3501";
static const char *const CODE_CHANGE = "WR3506";

typedef struct DebeziumDecoder {
    JsonLines lines;
    JsonRow row;
    bool has_schema; /* schema-include */
} DebeziumDecoder;

/* Where the parts of a record lie; a NULL `at` says that there is none, or null. */
typedef struct DebeziumRecord {
    JsonWalk before, after, payload;
    Str op;
} DebeziumRecord;

/* Take one member's value: nested ones as a walk to start at, `op` as text. */
static bool record_member(JsonRow *row, JsonWalk *walk, Str key, DebeziumRecord *record)
{
    uint32_t position;
    JsonWalk start = *walk;
    char c = json_walk_next(walk, &position);
    if (!json_begins_value(c))
        return json_row_fail(row, CODE_MALFORMED, "malformed json: a value is expected");
    if (c != '{' && c != '[') {
        if (str_is(key, "\"op\""))
            record->op = json_walk_scalar(walk, position);
        return true;
    }
    if (!json_walk_skip_nested(walk, &position))
        return json_row_fail(row, CODE_MALFORMED, "the record ends inside a value");
    if (str_is(key, "\"before\""))
        record->before = start;
    else if (str_is(key, "\"after\""))
        record->after = start;
    else if (str_is(key, "\"payload\""))
        record->payload = start;
    return true;
}

/* The object at the walk: all its members. */
static bool record_scan(JsonRow *row, JsonWalk *walk, DebeziumRecord *record)
{
    uint32_t position;
    *record = (DebeziumRecord){0};
    if (json_walk_next(walk, &position) != '{')
        return json_row_fail(row, CODE_MALFORMED, "the record is not a json object");
    char c = json_walk_next(walk, &position);
    while (c != '}') {
        Str key = json_walk_scalar(walk, position);
        uint32_t colon;
        if (c != '"' || json_walk_next(walk, &colon) != ':')
            return json_row_fail(row, CODE_MALFORMED, "malformed json: a field name is expected");
        if (!record_member(row, walk, key, record))
            return false;
        c = json_walk_next(walk, &position);
        if (c == '}')
            break;
        if (c != ',')
            return json_row_fail(row, CODE_MALFORMED,
                                 "malformed json: a comma or a closing brace is expected");
        c = json_walk_next(walk, &position);
        if (c == '}')
            return json_row_fail(row, CODE_MALFORMED, "malformed json: a field name is expected");
    }
    return true;
}

static bool record_row(JsonRow *row, JsonWalk *walk, const char *part, RowKind kind, int32_t index)
{
    if (walk->at == NULL)
        return json_row_fail(row, CODE_CHANGE, "the \"%s\" field of the record is null", part);
    if (!json_row_read(row, walk, index))
        return false;
    row->batch->kinds[index] = (uint8_t)kind;
    return true;
}

static bool record_emit(JsonRow *row, DebeziumRecord *record)
{
    Batch *batch = row->batch;
    int32_t at = batch->row_count;
    if (str_is(record->op, "\"c\"") || str_is(record->op, "\"r\"")) {
        if (!record_row(row, &record->after, "after", ROW_INSERT, at))
            return false;
        batch->row_count = at + 1;
    } else if (str_is(record->op, "\"u\"")) {
        if (record->before.at == NULL)
            return json_row_fail(
                row, CODE_CHANGE,
                "the \"before\" field of UPDATE message is null; if this is the Debezium Postgres "
                "connector, the table must have REPLICA IDENTITY FULL");
        if (!record_row(row, &record->before, "before", ROW_UPDATE_BEFORE, at) ||
            !record_row(row, &record->after, "after", ROW_UPDATE_AFTER, at + 1))
            return false;
        batch->row_count = at + 2;
    } else if (str_is(record->op, "\"d\"")) {
        if (!record_row(row, &record->before, "before", ROW_DELETE, at))
            return false;
        batch->row_count = at + 1;
    } else {
        return json_row_fail(row, CODE_CHANGE, "unknown \"op\" value %.*s",
                             STR_ARGS(record->op.length > 0 ? record->op : STR("null")));
    }
    return true;
}

static bool debezium_record(void *context, JsonWalk *walk, const char **code, const char **reason)
{
    DebeziumDecoder *decoder = context;
    JsonRow *row = &decoder->row;
    DebeziumRecord record;
    JsonWalk start = *walk;
    uint32_t position;
    /* A tombstone. */
    if (json_walk_next(&start, &position) == 'n' &&
        str_is(json_walk_scalar(&start, position), "null"))
        return true;
    bool is_read = record_scan(row, walk, &record);
    if (is_read && decoder->has_schema) {
        JsonWalk payload = record.payload;
        is_read = payload.at != NULL
                      ? record_scan(row, &payload, &record)
                      : json_row_fail(row, CODE_CHANGE, "the \"payload\" field is null");
    }
    if (is_read && record_emit(row, &record))
        return true;
    *code = row->code;
    *reason = row->reason;
    return false;
}

static Status debezium_open(Arena *arena, const DecoderSpec *spec, Decoder **out, Error *error)
{
    DebeziumDecoder *decoder = ARENA_NEW(arena, DebeziumDecoder);
    TRY(json_row_open(arena, spec, false, &decoder->row, error));
    decoder->has_schema = format_option_bool(spec->options, spec->prefix, "schema-include");
    decoder->lines = (JsonLines){.record = debezium_record,
                                 .context = decoder,
                                 .rows_per_record = ROWS_PER_RECORD,
                                 .drops_rejects = decoder->row.ignores_errors};
    json_lines_open(&decoder->lines, spec);
    *out = (Decoder *)decoder;
    return OK;
}

static void debezium_decode(Decoder *base, Str block, Batch *into, int32_t capacity, int64_t *used)
{
    DebeziumDecoder *decoder = (DebeziumDecoder *)base;
    batch_need_kinds(into, capacity);
    json_row_begin(&decoder->row, into, capacity);
    json_lines_decode(&decoder->lines, block, into, capacity, used);
    batch_select_all(into);
}

static void debezium_decode_message(Decoder *base, Str message, Batch *into, int32_t capacity)
{
    DebeziumDecoder *decoder = (DebeziumDecoder *)base;
    batch_need_kinds(into, capacity);
    json_row_begin(&decoder->row, into, capacity);
    json_lines_message(&decoder->lines, message);
    batch_select_all(into);
}

static int64_t debezium_last_record_end(Decoder *base, Str bytes)
{
    (void)base;
    return json_lines_last_end(bytes);
}

static void debezium_close(Decoder *base)
{
    DebeziumDecoder *decoder = (DebeziumDecoder *)base;
    json_lines_close(&decoder->lines);
    json_row_close(&decoder->row);
}

const DecoderKind debezium_decoder = {
    .open = debezium_open,
    .decode = debezium_decode,
    .decode_message = debezium_decode_message,
    .last_record_end = debezium_last_record_end,
    .close = debezium_close,
};

static Status debezium_encoder_open(Arena *arena, const EncoderSpec *spec, Encoder **out,
                                    Error *error)
{
    if (format_option_bool(spec->options, spec->prefix, "schema-include"))
        return fail(error, ERR_INVALID, "WR3505",
                    "debezium-json serialization does not support schema-include");
    JsonObject *object = ARENA_NEW(arena, JsonObject);
    TRY(json_object_open(arena, spec, object, error));
    *out = (Encoder *)object;
    return OK;
}

static const char *debezium_encode(Encoder *encoder, const Batch *batch, int32_t row, Buffer *out)
{
    const JsonObject *object = (const JsonObject *)encoder;
    const char *problem;
    if (row_kind_is_retraction((uint8_t)batch_kind(batch, row))) {
        buffer_append_text(out, "{\"before\":");
        problem = json_object_write(object, batch, row, out);
        buffer_append_text(out, ",\"after\":null,\"op\":\"d\"}");
    } else {
        buffer_append_text(out, "{\"before\":null,\"after\":");
        problem = json_object_write(object, batch, row, out);
        buffer_append_text(out, ",\"op\":\"c\"}");
    }
    return problem;
}

static void debezium_encoder_close(Encoder *encoder)
{
    (void)encoder;
}

const EncoderKind debezium_encoder = {
    .open = debezium_encoder_open,
    .encode = debezium_encode,
    .close = debezium_encoder_close,
};
