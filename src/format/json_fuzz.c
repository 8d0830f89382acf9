/* Any bytes through the readers of json and of changes in json: no crash, every byte used up, no
 * row beyond the capacity. */
#include <stdlib.h>

#include "format/format_testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_format(const char *format, const char *const *options, Str text)
{
    Arena *arena = arena_new(0);
    Type parts[] = {type_simple(TYPE_INT), type_array(arena, type_string())};
    Str names[] = {STR("a"), STR("b")};
    Type row = type_row(parts, names, 2);
    const Field fields[] = {
        {STR("k"), type_array(arena, row)}, {STR("l"), type_map(arena, type_string(), row)},
        {STR("a"), type_simple(TYPE_INT)},  {STR("b"), type_string()},
        {STR("c"), type_decimal(20, 4)},    {STR("d"), type_timestamp(3)},
        {STR("e"), type_simple(TYPE_DATE)}, {STR("f"), type_simple(TYPE_DOUBLE)},
        {STR("g"), type_bytes()},           {STR("h"), type_simple(TYPE_BOOLEAN)},
        {STR("i"), type_timestamp_ltz(9)},  {STR("j"), type_simple(TYPE_TIME)},
    };
    Schema schema = {.fields = fields, .count = sizeof fields / sizeof fields[0]};
    FormatBench *bench = bench_new(format, &schema, options);
    Error error = {0};
    if (bench_open(bench, &error) != OK)
        abort();
    Buffer out = {0};
    bench_decode(bench, text, 7, &out);
    Batch *batch = batch_new(&schema, 2);
    bench->format->decoder->decode_message(bench->decoder, text, batch, 2);
    int64_t end = bench->format->decoder->last_record_end(bench->decoder, text);
    assert(end >= 0 && end <= text.length);
    batch_free(batch);
    buffer_free(&out);
    bench_free(bench);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *const ignores[] = {"ignore-parse-errors", "true", "timestamp-format.standard",
                                   "ISO-8601", NULL};
    /* On the heap at its exact size, so that reading beyond it is seen. */
    Str text = str_make((const char *)data, (int64_t)size);
    fuzz_format("json", NULL, text);
    fuzz_format("json", ignores, text);
    fuzz_format("canal-json", NULL, text);
    fuzz_format("debezium-json", NULL, text);
    fuzz_format("maxwell-json", ignores, text);
    return 0;
}
