/* The json format, writing. */
#include "format/formats.h"
#include "format/json_write.h"

static Status json_encoder_open(Arena *arena, const EncoderSpec *spec, Encoder **out, Error *error)
{
    JsonObject *object = ARENA_NEW(arena, JsonObject);
    TRY(json_object_open(arena, spec, object, error));
    *out = (Encoder *)object;
    return OK;
}

static const char *json_encode(Encoder *encoder, const Batch *batch, int32_t row, Buffer *out)
{
    return json_object_write((const JsonObject *)encoder, batch, row, out);
}

static void json_encoder_close(Encoder *encoder)
{
    (void)encoder;
}

const EncoderKind json_encoder = {
    .open = json_encoder_open,
    .encode = json_encode,
    .close = json_encoder_close,
};
