/* For the tests, fuzzers and benches of formats: options without a planner, and rows as text.
 *
 * The options are a list of key and value, ended by NULL; what is not given takes the format's
 * default. Include in one file of a program only: it defines the functions of plan/options.h. */
#ifndef WEIR_FORMAT_FORMAT_TESTING_H
#define WEIR_FORMAT_FORMAT_TESTING_H

#include <assert.h>
#include <stdio.h>

#include "data/value.h"
#include "format/format.h"

struct OptionSet {
    const FormatInfo *format;
    const char *const *pairs;
};

static const char *testing_option(const OptionSet *options, const char *key)
{
    const char *name = strchr(key, '.') + 1;
    for (int32_t i = 0; options->pairs[i] != NULL; i += 2)
        if (strcmp(options->pairs[i], name) == 0)
            return options->pairs[i + 1];
    for (int32_t i = 0; i < options->format->option_count; i++)
        if (strcmp(options->format->options[i].key, name) == 0)
            return options->format->options[i].default_text;
    assert(!"an option that the format does not declare");
    return NULL;
}

bool options_has(const OptionSet *options, const char *key)
{
    return testing_option(options, key) != NULL;
}

Str options_text(const OptionSet *options, const char *key)
{
    const char *text = testing_option(options, key);
    return text == NULL ? (Str){0} : str_from(text);
}

bool options_bool(const OptionSet *options, const char *key)
{
    return strcmp(testing_option(options, key), "true") == 0;
}

/* A decoder or encoder of a format, for all columns of a schema or some of them. */
typedef struct FormatBench {
    Arena *arena;
    const Format *format;
    OptionSet options;
    Schema schema;
    Schema wanted;
    int32_t columns[32];
    Decoder *decoder;
    Encoder *encoder;
    int64_t block;  /* position of the block being decoded */
    Buffer rejects; /* "offset code reason\n" */
} FormatBench;

static void bench_reject(void *context, int64_t offset, Str record, const char *code,
                         const char *reason)
{
    (void)record;
    FormatBench *bench = context;
    buffer_printf(&bench->rejects, "%lld %s %s\n", (long long)(bench->block + offset), code,
                  reason);
}

static inline FormatBench *bench_new(const char *format, const Schema *schema,
                                     const char *const *options)
{
    static const char *const none[] = {NULL};
    Arena *arena = arena_new(0);
    FormatBench *bench = ARENA_NEW(arena, FormatBench);
    bench->arena = arena;
    bench->format = format_find(str_from(format));
    assert(bench->format != NULL && schema->count <= 32);
    bench->options = (OptionSet){&bench->format->info, options == NULL ? none : options};
    bench->schema = *schema;
    bench->wanted = *schema;
    for (int32_t i = 0; i < schema->count; i++)
        bench->columns[i] = i;
    return bench;
}

static inline void bench_want(FormatBench *bench, const int32_t *columns, int32_t count)
{
    memcpy(bench->columns, columns, sizeof(int32_t) * (size_t)count);
    bench->wanted = schema_pick(bench->arena, &bench->schema, columns, count);
}

/* The last `count` of what is wanted are metadata, by their numbers. */
static inline Status bench_open_metadata(FormatBench *bench, const int32_t *metadata, int32_t count,
                                         Error *error)
{
    DecoderSpec spec = {.record = &bench->schema,
                        .columns = bench->columns,
                        .column_count = bench->wanted.count - count,
                        .metadata = metadata,
                        .metadata_count = count,
                        .options = &bench->options,
                        .prefix = "format.",
                        .zone = timezone_utc(),
                        .reject = bench_reject,
                        .reject_context = bench};
    return bench->format->decoder->open(bench->arena, &spec, &bench->decoder, error);
}

static inline Status bench_open(FormatBench *bench, Error *error)
{
    return bench_open_metadata(bench, NULL, 0, error);
}

static inline Status bench_open_encoder(FormatBench *bench, Error *error)
{
    EncoderSpec spec = {.record = &bench->schema,
                        .columns = bench->columns,
                        .options = &bench->options,
                        .prefix = "format.",
                        .zone = timezone_utc()};
    return bench->format->encoder->open(bench->arena, &spec, &bench->encoder, error);
}

/* "+I a|b|c\n" for each row, in plain style, NULL as \N. */
static inline void bench_print(const Batch *batch, Buffer *out)
{
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        buffer_append_text(out, row_kind_text(batch_kind(batch, row)));
        for (int32_t c = 0; c < batch->column_count; c++) {
            buffer_append_char(out, c == 0 ? ' ' : '|');
            Value value = value_get(&batch->columns[c], row);
            if (value.is_null)
                buffer_append_text(out, "\\N");
            else
                value_print(out, &value, VALUE_PLAIN, NULL);
        }
        buffer_append_char(out, '\n');
    }
}

/* Decode all of `text` in batches of `capacity` rows; rows as text go to `out`. */
static inline void bench_decode(FormatBench *bench, Str text, int32_t capacity, Buffer *out)
{
    const DecoderKind *kind = bench->format->decoder;
    char *block = arena_allocate_zeroed(bench->arena, text.length + DECODER_PADDING);
    if (text.length > 0)
        memcpy(block, text.data, (size_t)text.length);
    Batch *batch = batch_new(&bench->wanted, capacity);
    for (int64_t at = 0; at < text.length;) {
        int64_t used = 0;
        batch_reset(batch, &bench->wanted, capacity);
        bench->block = at;
        kind->decode(bench->decoder, str_make(block + at, text.length - at), batch, capacity,
                     &used);
        assert(used > 0);
        assert(batch->row_count <= capacity || bench->format->info.decodes == CHANGELOG_ALL);
        bench_print(batch, out);
        at += used;
    }
    batch_free(batch);
}

static inline void bench_free(FormatBench *bench)
{
    if (bench->decoder != NULL)
        bench->format->decoder->close(bench->decoder);
    if (bench->encoder != NULL)
        bench->format->encoder->close(bench->encoder);
    buffer_free(&bench->rejects);
    arena_free(bench->arena);
}

#endif
