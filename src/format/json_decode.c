/* The json format, reading. */
#include "format/formats.h"
#include "format/json_lines.h"
#include "format/json_row.h"

typedef struct JsonDecoder {
    JsonLines lines;
    JsonRow row;
} JsonDecoder;

static bool json_record(void *context, JsonWalk *walk, const char **code, const char **reason)
{
    JsonRow *row = context;
    Batch *batch = row->batch;
    if (!json_row_read(row, walk, batch->row_count)) {
        *code = row->code;
        *reason = row->reason;
        return false;
    }
    if (batch->kinds != NULL)
        batch->kinds[batch->row_count] = ROW_INSERT;
    batch->row_count++;
    return true;
}

static Status json_decoder_open(Arena *arena, const DecoderSpec *spec, Decoder **out, Error *error)
{
    JsonDecoder *decoder = ARENA_NEW(arena, JsonDecoder);
    TRY(json_row_open(arena, spec, true, &decoder->row, error));
    decoder->lines = (JsonLines){.record = json_record,
                                 .context = &decoder->row,
                                 .rows_per_record = 1,
                                 .drops_rejects = decoder->row.ignores_errors};
    json_lines_open(&decoder->lines, spec);
    *out = (Decoder *)decoder;
    return OK;
}

static void json_decode(Decoder *base, Str block, Batch *into, int32_t capacity, int64_t *used)
{
    JsonDecoder *decoder = (JsonDecoder *)base;
    json_row_begin(&decoder->row, into, capacity);
    json_lines_decode(&decoder->lines, block, into, capacity, used);
    batch_select_all(into);
}

static void json_decode_message(Decoder *base, Str message, Batch *into, int32_t capacity)
{
    JsonDecoder *decoder = (JsonDecoder *)base;
    json_row_begin(&decoder->row, into, capacity);
    json_lines_message(&decoder->lines, message);
    batch_select_all(into);
}

static int64_t json_last_record_end(Decoder *base, Str bytes)
{
    (void)base;
    return json_lines_last_end(bytes);
}

static void json_decoder_close(Decoder *base)
{
    JsonDecoder *decoder = (JsonDecoder *)base;
    json_lines_close(&decoder->lines);
    json_row_close(&decoder->row);
}

const DecoderKind json_decoder = {
    .open = json_decoder_open,
    .decode = json_decode,
    .decode_message = json_decode_message,
    .last_record_end = json_last_record_end,
    .close = json_decoder_close,
};
