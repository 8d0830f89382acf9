/* How fast JSON lines become columns, against simdjson alone reading the same three fields of
 * the same lines, on one core, in turns. Prints the best of each and their ratio. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "format/format_testing.h"
#include "scan.h"

enum { LINES = 200000, ROUNDS = 15, BLOCK_BYTES = 1 << 20 };

static Buffer lines_make(void)
{
    Buffer out = {0};
    for (int32_t i = 0; i < LINES; i++) {
        uint64_t random = (uint64_t)i * 0x9e3779b97f4a7c15ULL >> 20;
        buffer_printf(&out,
                      "{\"id\":%d,\"store\":%d,\"customer\":\"c-%06d\",\"amount\":%d.%02d,"
                      "\"currency\":\"EUR\",\"ts\":\"2024-03-%02d %02d:%02d:%02d.%03d\","
                      "\"status\":\"paid\",\"note\":\"order %07d\"}\n",
                      1000000 + i, (int)(random % 1000), (int)(random % 999983),
                      (int)(random % 997), (int)(random % 100), i / 20000 + 1, i / 3600 % 24,
                      i / 60 % 60, i % 60, (int)(random % 1000), i);
    }
    memset(buffer_reserve(&out, DECODER_PADDING), 0, DECODER_PADDING);
    return out;
}

/* Blocks of about a mebibyte, as the filesystem source cuts them. */
static int64_t decode_lines(FormatBench *bench, Batch *batch, Str text)
{
    const DecoderKind *kind = bench->format->decoder;
    int64_t rows = 0;
    for (int64_t start = 0; start < text.length;) {
        int64_t left = text.length - start;
        Str block = str_make(text.data + start, left < BLOCK_BYTES ? left : BLOCK_BYTES);
        if (block.length < left)
            block.length = kind->last_record_end(bench->decoder, block);
        for (int64_t at = 0; at < block.length;) {
            int64_t used;
            batch_reset(batch, &bench->wanted, BATCH_ROWS_MAX);
            kind->decode(bench->decoder, str_make(block.data + at, block.length - at), batch,
                         BATCH_ROWS_MAX, &used);
            rows += batch->row_count;
            at += used;
        }
        start += block.length;
    }
    return rows;
}

int main(void)
{
    World *world = world_system();
    Buffer text = lines_make();
    const Field fields[] = {
        {STR("id"), type_simple(TYPE_BIGINT)}, {STR("store"), type_simple(TYPE_INT)},
        {STR("customer"), type_string()},      {STR("amount"), type_decimal(10, 2)},
        {STR("currency"), type_string()},      {STR("ts"), type_timestamp(3)},
        {STR("status"), type_string()},        {STR("note"), type_string()}};
    Schema schema = {.fields = fields, .count = 8};
    FormatBench *bench = bench_new("json", &schema, NULL);
    bench_want(bench, (const int32_t[]){1, 3, 5}, 3);
    if (bench_open(bench, NULL) != OK)
        return EXIT_FAILURE;
    Batch *batch = batch_new(&bench->wanted, BATCH_ROWS_MAX);
    int64_t best[2] = {INT64_MAX, INT64_MAX};
    uint64_t sum = 0;
    for (int32_t round = 0; round < ROUNDS; round++) {
        int64_t rows[2] = {0, 0};
        int64_t start = world_monotonic_us(world);
        rows[0] = decode_lines(bench, batch, buffer_str(&text));
        int64_t middle = world_monotonic_us(world);
        sum += scan_lines(text.data, text.length, &rows[1]);
        int64_t end = world_monotonic_us(world);
        if (rows[0] != LINES || rows[1] != LINES)
            return EXIT_FAILURE;
        best[0] = middle - start < best[0] ? middle - start : best[0];
        best[1] = end - middle < best[1] ? end - middle : best[1];
    }
    printf("lines: %d of %.0f bytes, checksum %" PRIu64 "\n", LINES, (double)text.length / LINES,
           sum);
    printf("weir, into columns:     %6.0f MB/s\n", (double)text.length / (double)best[0]);
    printf("simdjson alone:         %6.0f MB/s\n", (double)text.length / (double)best[1]);
    printf("json_decode ratio: %.2f\n", (double)best[1] / (double)best[0]);
    batch_free(batch);
    bench_free(bench);
    buffer_free(&text);
    return EXIT_SUCCESS;
}
