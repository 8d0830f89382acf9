/* The debezium-json format: change records with the row before and after.
 *
 * A record is read in two walks: the first finds op, before and after at the top level, the
 * second reads the rows they hold; metadata are read in walks of their own. Rules: Flink 1.20,
 * DebeziumJsonDeserializationSchema. */
#include "format/formats.h"
#include "format/json_lines.h"
#include "format/json_members.h"
#include "format/json_metadata.h"
#include "format/json_write.h"

static const char *const CODE_CHANGE = "WR3506";

/* The objects whose members are metadata: the record; with schema-include its "payload", else the
 * record again; what that says of the change's source. */
enum { PLACE_RECORD, PLACE_PAYLOAD, PLACE_SOURCE, PLACE_COUNT };

typedef struct DebeziumDecoder {
    JsonLines lines;
    JsonRow row;
    JsonMetadata metadata[PLACE_COUNT];
    bool has_schema; /* schema-include */
} DebeziumDecoder;

enum { MEMBER_BEFORE, MEMBER_AFTER, MEMBER_OP, MEMBER_SOURCE, MEMBER_COUNT };

static const JsonMetadataField debezium_fields[] = {
    {"schema", JSON_METADATA_TEXT, PLACE_RECORD},   {"ts_ms", JSON_METADATA_MILLIS, PLACE_PAYLOAD},
    {"ts_ms", JSON_METADATA_MILLIS, PLACE_SOURCE},  {"db", JSON_METADATA_TEXT, PLACE_SOURCE},
    {"schema", JSON_METADATA_TEXT, PLACE_SOURCE},   {"table", JSON_METADATA_TEXT, PLACE_SOURCE},
    {"source", JSON_METADATA_PAIRS, PLACE_PAYLOAD},
};

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

/* For the rows of the record from `first` on. */
static bool record_metadata(DebeziumDecoder *decoder, const JsonWalk walks[PLACE_COUNT],
                            int32_t first)
{
    int32_t end = decoder->row.batch->row_count;
    for (int32_t place = 0; place < PLACE_COUNT; place++) {
        JsonMetadata *metadata = &decoder->metadata[place];
        if (metadata->count == 0)
            continue;
        if (walks[place].at == NULL)
            json_metadata_read_none(metadata, first, end);
        else if (!json_metadata_read(metadata, walks[place], first, end))
            return json_row_fail(&decoder->row, metadata->row.code, "%s", metadata->row.reason);
    }
    return true;
}

static bool record_take(DebeziumDecoder *decoder, JsonWalk *walk)
{
    JsonRow *row = &decoder->row;
    JsonMember members[MEMBER_COUNT] = {{.key = STR("\"before\"")},
                                        {.key = STR("\"after\"")},
                                        {.key = STR("\"op\"")},
                                        {.key = STR("\"source\"")}};
    JsonMember payload = {.key = STR("\"payload\"")};
    JsonWalk walks[PLACE_COUNT] = {[PLACE_RECORD] = *walk};
    int32_t first = row->batch->row_count;
    if (decoder->has_schema) {
        if (!json_members_scan(row, walk, &payload, 1))
            return false;
        if (payload.nested.at == NULL)
            return json_row_fail(row, CODE_CHANGE, "the \"payload\" field is null");
        walk = &payload.nested;
    }
    walks[PLACE_PAYLOAD] = *walk;
    if (!json_members_scan(row, walk, members, MEMBER_COUNT) || !record_emit(row, members))
        return false;
    walks[PLACE_SOURCE] = members[MEMBER_SOURCE].nested;
    if (record_metadata(decoder, walks, first))
        return true;
    row->batch->row_count = first;
    return false;
}

static bool debezium_record(void *context, JsonWalk *walk, const char **code, const char **reason)
{
    DebeziumDecoder *decoder = context;
    JsonWalk start = *walk;
    uint32_t position;
    /* A tombstone. */
    if (json_walk_next(&start, &position) == 'n' &&
        str_is(json_walk_scalar(&start, position), "null"))
        return true;
    if (record_take(decoder, walk))
        return true;
    *code = decoder->row.code;
    *reason = decoder->row.reason;
    return false;
}

static Status debezium_open(Arena *arena, const DecoderSpec *spec, Decoder **out, Error *error)
{
    DebeziumDecoder *decoder = ARENA_NEW(arena, DebeziumDecoder);
    TRY(json_row_open(arena, spec, false, &decoder->row, error));
    for (int32_t place = 0; place < PLACE_COUNT; place++)
        TRY(json_metadata_open(arena, spec, debezium_fields, place, &decoder->metadata[place],
                               error));
    decoder->has_schema = format_option_bool(spec->options, spec->prefix, "schema-include");
    decoder->lines = (JsonLines){.record = debezium_record,
                                 .context = decoder,
                                 .rows_per_record = ROWS_PER_CHANGE,
                                 .drops_rejects = decoder->row.ignores_errors};
    json_lines_open(&decoder->lines, spec);
    *out = (Decoder *)decoder;
    return OK;
}

static void debezium_begin(DebeziumDecoder *decoder, Batch *into, int32_t capacity)
{
    batch_need_kinds(into, capacity);
    json_row_begin(&decoder->row, into, capacity);
    for (int32_t place = 0; place < PLACE_COUNT; place++)
        json_metadata_begin(&decoder->metadata[place], into, capacity);
}

static void debezium_decode(Decoder *base, Str block, Batch *into, int32_t capacity, int64_t *used)
{
    DebeziumDecoder *decoder = (DebeziumDecoder *)base;
    debezium_begin(decoder, into, capacity);
    json_lines_decode(&decoder->lines, block, into, capacity, used);
    batch_select_all(into);
}

static void debezium_decode_message(Decoder *base, Str message, Batch *into, int32_t capacity)
{
    DebeziumDecoder *decoder = (DebeziumDecoder *)base;
    debezium_begin(decoder, into, capacity);
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
    for (int32_t place = 0; place < PLACE_COUNT; place++)
        json_metadata_close(&decoder->metadata[place]);
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
