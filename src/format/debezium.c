/* The debezium-json format: change records with the row before and after.
 *
 * A record is read in two walks: the first finds op, before and after at the top level, the
 * second reads the rows they hold. Rules: Flink 1.20, DebeziumJsonDeserializationSchema. */
#include "format/formats.h"
#include "format/json_lines.h"
#include "format/json_members.h"
#include "format/json_row.h"
#include "format/json_write.h"

static const char *const CODE_CHANGE = "WR3506";

typedef struct DebeziumDecoder {
    JsonLines lines;
    JsonRow row;
    bool has_schema; /* schema-include */
} DebeziumDecoder;

enum { MEMBER_BEFORE, MEMBER_AFTER, MEMBER_OP, MEMBER_COUNT };

static bool record_row(JsonRow *row, JsonWalk *walk, const char *part, RowKind kind, int32_t index)
{
    if (walk->at == NULL)
        return json_row_fail(row, CODE_CHANGE, "the \"%s\" field of the record is null", part);
    if (!json_row_read(row, walk, index))
        return false;
    row->batch->kinds[index] = (uint8_t)kind;
    return true;
}

static bool record_emit(JsonRow *row, JsonMember members[MEMBER_COUNT])
{
    Batch *batch = row->batch;
    int32_t at = batch->row_count;
    Str op = members[MEMBER_OP].scalar;
    JsonWalk *before = &members[MEMBER_BEFORE].nested, *after = &members[MEMBER_AFTER].nested;
    if (str_is(op, "\"c\"") || str_is(op, "\"r\"")) {
        if (!record_row(row, after, "after", ROW_INSERT, at))
            return false;
        batch->row_count = at + 1;
    } else if (str_is(op, "\"u\"")) {
        if (before->at == NULL)
            return json_row_fail(
                row, CODE_CHANGE,
                "the \"before\" field of UPDATE message is null; if this is the Debezium Postgres "
                "connector, the table must have REPLICA IDENTITY FULL");
        if (!record_row(row, before, "before", ROW_UPDATE_BEFORE, at) ||
            !record_row(row, after, "after", ROW_UPDATE_AFTER, at + 1))
            return false;
        batch->row_count = at + 2;
    } else if (str_is(op, "\"d\"")) {
        if (!record_row(row, before, "before", ROW_DELETE, at))
            return false;
        batch->row_count = at + 1;
    } else {
        return json_row_fail(row, CODE_CHANGE, "unknown \"op\" value %.*s",
                             STR_ARGS(op.length > 0 ? op : STR("null")));
    }
    return true;
}

static bool debezium_record(void *context, JsonWalk *walk, const char **code, const char **reason)
{
    DebeziumDecoder *decoder = context;
    JsonRow *row = &decoder->row;
    JsonMember members[MEMBER_COUNT] = {
        {.key = STR("\"before\"")}, {.key = STR("\"after\"")}, {.key = STR("\"op\"")}};
    JsonMember payload = {.key = STR("\"payload\"")};
    JsonWalk start = *walk;
    uint32_t position;
    /* A tombstone. */
    if (json_walk_next(&start, &position) == 'n' &&
        str_is(json_walk_scalar(&start, position), "null"))
        return true;
    bool is_read = true;
    if (decoder->has_schema) {
        is_read = json_members_scan(row, walk, &payload, 1);
        if (is_read && payload.nested.at == NULL)
            is_read = json_row_fail(row, CODE_CHANGE, "the \"payload\" field is null");
        walk = &payload.nested;
    }
    if (is_read && json_members_scan(row, walk, members, MEMBER_COUNT) && record_emit(row, members))
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
                                 .rows_per_record = ROWS_PER_CHANGE,
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
