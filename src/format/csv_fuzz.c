/* Any bytes through the csv reader, and what was read through the writer and back: the same
 * rows. */
#include <stdlib.h>

#include "format/format_testing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_types(const char *const *options, Str text)
{
    const Field fields[] = {
        {STR("a"), type_simple(TYPE_INT)}, {STR("b"), type_string()},
        {STR("c"), type_decimal(20, 4)},   {STR("d"), type_timestamp(3)},
        {STR("e"), type_bytes()},
    };
    Schema schema = {.fields = fields, .count = sizeof fields / sizeof fields[0]};
    FormatBench *bench = bench_new("csv", &schema, options);
    Error error = {0};
    if (bench_open(bench, &error) != OK)
        abort();
    Buffer out = {0};
    bench_decode(bench, text, 3, &out);
    int64_t end = bench->format->decoder->last_record_end(bench->decoder, text);
    assert(end >= 0 && end <= text.length);
    buffer_free(&out);
    bench_free(bench);
}

static void fuzz_round_trip(Str text)
{
    const Field fields[] = {{STR("a"), type_string()}, {STR("b"), type_string()}};
    Schema schema = {.fields = fields, .count = 2};
    FormatBench *bench = bench_new("csv", &schema, NULL);
    if (bench_open(bench, NULL) != OK || bench_open_encoder(bench, NULL) != OK)
        abort();
    Batch *batch = batch_new(&schema, 2048);
    int64_t used;
    bench->format->decoder->decode(bench->decoder, text, batch, 2048, &used);
    Buffer first = {0};
    Buffer bytes = {0};
    Buffer second = {0};
    bench_print(batch, &first);
    for (int32_t row = 0; row < batch->row_count; row++) {
        bench->format->encoder->encode(bench->encoder, batch, row, &bytes);
        buffer_append_char(&bytes, '\n');
    }
    bench_decode(bench, buffer_str(&bytes), 2048, &second);
    assert(str_equal(buffer_str(&first), buffer_str(&second)));
    buffer_free(&first);
    buffer_free(&bytes);
    buffer_free(&second);
    batch_free(batch);
    bench_free(bench);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *const escapes[] = {"escape-character",
                                   "\\",
                                   "quote-character",
                                   "'",
                                   "null-literal",
                                   "n",
                                   "allow-comments",
                                   "true",
                                   NULL};
    Str text = str_make((const char *)data, (int64_t)size);
    fuzz_types(NULL, text);
    fuzz_types(escapes, text);
    if (size > 0)
        fuzz_round_trip(text);
    return 0;
}
