/* The raw format: one column that is the whole message. Numbers are fixed-width binary. */
#include <assert.h>

#include "format/formats.h"

enum { RAW_BYTES_MAX = 8 };

static const OptionSpec raw_option_specs[] = {
    {.key = "charset",
     .type = OPTION_ENUM,
     .default_text = "UTF-8",
     .choices = "UTF-8",
     .help = "The character set of text; UTF-8 is the only one there is."},
    {.key = "endianness",
     .type = OPTION_ENUM,
     .default_text = "big-endian",
     .choices = "big-endian|little-endian",
     .help = "The byte order of numbers."},
};

typedef struct RawFormat {
    Type type;
    Physical physical;
    bool is_little;
    bool is_wanted; /* false: the column is not read, rows are counted only */
    int32_t column;
    FormatReject *reject;
    void *reject_context;
} RawFormat;

static Status raw_open(Arena *arena, const Schema *record, const OptionSet *options,
                       const char *prefix, RawFormat **out, Error *error)
{
    RawFormat *raw = ARENA_NEW(arena, RawFormat);
    if (record->count != 1)
        return fail(error, ERR_INVALID, "WR3509",
                    "the raw format takes exactly one physical column, not %d", record->count);
    raw->type = record->fields[0].type;
    raw->physical = type_physical(raw->type);
    bool is_taken = type_is_text(raw->type) || type_is_bytes(raw->type) ||
                    type_is_integer(raw->type) || raw->type.id == TYPE_FLOAT ||
                    raw->type.id == TYPE_DOUBLE || raw->type.id == TYPE_BOOLEAN;
    if (!is_taken)
        return fail(error, ERR_INVALID, "WR3509", "the raw format does not take type %s",
                    type_text(arena, raw->type));
    raw->is_little = str_is(format_option_text(options, prefix, "endianness"), "little-endian");
    *out = raw;
    return OK;
}

static Status raw_decoder_open(Arena *arena, const DecoderSpec *spec, Decoder **out, Error *error)
{
    RawFormat *raw;
    TRY(raw_open(arena, spec->record, spec->options, spec->prefix, &raw, error));
    raw->is_wanted = spec->column_count > 0;
    raw->column = spec->first_column;
    raw->reject = spec->reject;
    raw->reject_context = spec->reject_context;
    *out = (Decoder *)raw;
    return OK;
}

static void bytes_in_order(const RawFormat *raw, const char *from, char *to, int32_t count)
{
    for (int32_t i = 0; i < count; i++)
        to[raw->is_little ? i : count - 1 - i] = from[i];
}

/* The row is there: its value has been set, or is NULL. */
static void raw_count(Batch *into)
{
    if (into->kinds != NULL)
        into->kinds[into->row_count] = ROW_INSERT;
    into->row_count++;
    batch_select_all(into);
}

static void raw_take(RawFormat *raw, Str message, int64_t offset, Batch *into, int32_t capacity)
{
    int32_t row = into->row_count;
    Column *column = raw->is_wanted ? &into->columns[raw->column] : NULL;
    int32_t width = physical_bytes(raw->physical);
    assert(row < capacity);
    if (column != NULL && raw->physical == PHYSICAL_STRING) {
        ((StrView *)column->values)[row] = str_view_copy(into->arena, message);
    } else if (column != NULL) {
        if (message.length != width) {
            if (raw->reject != NULL)
                raw->reject(raw->reject_context, offset, message, "WR3502",
                            "the message has not the width of the column's type");
            return;
        }
        char *value = (char *)column->values + (int64_t)row * width;
        bytes_in_order(raw, message.data, value, width);
        if (raw->physical == PHYSICAL_BOOL)
            *value = *value != 0;
    }
    if (column != NULL && column->valid != NULL)
        bitmap_set(column->valid, row, true);
    raw_count(into);
}

static void raw_decode(Decoder *base, Str block, Batch *into, int32_t capacity, int64_t *used)
{
    RawFormat *raw = (RawFormat *)base;
    int64_t at = 0;
    while (at < block.length && into->row_count < capacity) {
        const char *end = memchr(block.data + at, '\n', (size_t)(block.length - at));
        int64_t length = end == NULL ? block.length - at : end - block.data - at;
        raw_take(raw, str_make(block.data + at, length), at, into, capacity);
        at += length + 1;
    }
    *used = at < block.length ? at : block.length;
}

/* A message that is there without a value is a row with NULL. */
static void raw_decode_message(Decoder *base, Str message, Batch *into, int32_t capacity)
{
    RawFormat *raw = (RawFormat *)base;
    if (message.data != NULL) {
        raw_take(raw, message, 0, into, capacity);
        return;
    }
    if (raw->is_wanted)
        column_set_null(&into->columns[raw->column], into->arena, into->row_count, capacity);
    raw_count(into);
}

static int64_t raw_last_record_end(Decoder *base, Str bytes)
{
    (void)base;
    const char *last = bytes.length == 0 ? NULL : memrchr(bytes.data, '\n', (size_t)bytes.length);
    return last == NULL ? 0 : last - bytes.data + 1;
}

static void raw_close(Decoder *base)
{
    (void)base;
}

static const DecoderKind raw_decoder = {
    .open = raw_decoder_open,
    .decode = raw_decode,
    .decode_message = raw_decode_message,
    .last_record_end = raw_last_record_end,
    .close = raw_close,
};

static Status raw_encoder_open(Arena *arena, const EncoderSpec *spec, Encoder **out, Error *error)
{
    RawFormat *raw;
    TRY(raw_open(arena, spec->record, spec->options, spec->prefix, &raw, error));
    raw->column = spec->columns[0];
    *out = (Encoder *)raw;
    return OK;
}

/* NULL is written as nothing. */
static const char *raw_encode(Encoder *base, const Batch *batch, int32_t row, Buffer *out)
{
    const RawFormat *raw = (const RawFormat *)base;
    const Column *column = &batch->columns[raw->column];
    if (column_is_null(column, row))
        return NULL;
    int32_t index = column_index(column, row);
    if (raw->physical == PHYSICAL_STRING) {
        buffer_append_str(out, str_view_str((const StrView *)column->values + index));
        return NULL;
    }
    int32_t width = physical_bytes(raw->physical);
    char bytes[RAW_BYTES_MAX];
    bytes_in_order(raw, (const char *)column->values + (int64_t)index * width, bytes, width);
    buffer_append(out, bytes, width);
    return NULL;
}

static void raw_encoder_close(Encoder *base)
{
    (void)base;
}

static const EncoderKind raw_encoder = {
    .open = raw_encoder_open,
    .encode = raw_encode,
    .close = raw_encoder_close,
};

const Format raw_format = {
    .info = {.name = "raw",
             .summary = "The whole message as one column.",
             .options = raw_option_specs,
             .option_count = sizeof raw_option_specs / sizeof raw_option_specs[0],
             .decodes = CHANGELOG_APPEND,
             .encodes = CHANGELOG_APPEND},
    .decoder = &raw_decoder,
    .encoder = &raw_encoder,
};
