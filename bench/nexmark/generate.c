/* How fast nexmark events are made, field by field, beside a plain loop that stores as many
 * bytes, eight at a time. One core; a batch stays in the cache, as on its way through a query. */
#include <stdio.h>
#include <time.h>

#include "connect/nexmark/generator.h"

enum { ROWS = BATCH_ROWS_MAX, BATCHES = 2000, ROUNDS = 5 };

static const NexmarkConfig config = {
    .proportions = {1, 3, 46},
    .total = 50,
    .sizes = {200, 500, 100},
    .hot_auctions = 2,
    .hot_bidders = 4,
    .hot_sellers = 4,
    .delay_us = 0.1,
    .seed = 1,
};

/* Of processor time: other loads do not count. */
static double seconds_now(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

typedef struct Measured {
    double rate; /* million events a second */
    double bytes;
} Measured;

/* Bytes of values that a run has given. */
static double run_bytes(const NexmarkRun *run, NexmarkField field, const void *values)
{
    const NexmarkFieldInfo *info = nexmark_field(field);
    int32_t count = run->row_counts[info->kind];
    if (info->shape != NEXMARK_TEXT)
        return (double)count * (double)sizeof(int64_t);
    double bytes = 0;
    for (int32_t i = 0; i < count; i++)
        bytes += ((const StrView *)values)[run->rows[info->kind][i]].length;
    return bytes;
}

static Measured measure(const NexmarkTables *tables, const NexmarkField *fields, int32_t count)
{
    static StrView values[ROWS];
    Arena *arena = arena_new(1 << 20);
    double best = 1e9, bytes = 0;
    for (int32_t round = 0; round < ROUNDS; round++) {
        double start = seconds_now();
        bytes = 0;
        for (int32_t b = 0; b < BATCHES; b++) {
            arena_reset(arena);
            NexmarkRun run = nexmark_run(&config, tables, 1, 1 + (int64_t)b * ROWS, ROWS, arena);
            for (int32_t i = 0; i < count; i++) {
                nexmark_fill(&run, fields[i], values);
                if (b == 0)
                    bytes += run_bytes(&run, fields[i], values) * BATCHES;
            }
        }
        double took = seconds_now() - start;
        best = took < best ? took : best;
    }
    arena_free(arena);
    return (Measured){.rate = (double)ROWS * BATCHES / best / 1e6, .bytes = bytes};
}

/* Million events a second whose bytes are only stored, eight at a time. */
static double store_rate(double bytes_per_event)
{
    static uint64_t sink[ROWS * 16];
    volatile uint64_t *out = sink; /* each store is made */
    int64_t words = (int64_t)(bytes_per_event * ROWS / 8);
    words = words < 1 ? 1 : words > ROWS * 16 ? ROWS * 16 : words;
    double best = 1e9;
    for (int32_t round = 0; round < ROUNDS; round++) {
        double start = seconds_now();
        for (int32_t b = 0; b < BATCHES; b++) {
            for (int64_t i = 0; i < words; i++)
                out[i] = (uint64_t)i;
        }
        double took = seconds_now() - start;
        best = took < best ? took : best;
    }
    return (double)ROWS * BATCHES / best / 1e6;
}

static void report(const char *what, const NexmarkTables *tables, const NexmarkField *fields,
                   int32_t count)
{
    Measured found = measure(tables, fields, count);
    double per_event = found.bytes / ((double)ROWS * BATCHES);
    printf("%-28s %7.1f M events/s %6.1f bytes/event", what, found.rate, per_event);
    if (per_event >= 1)
        printf(", as fast as %.2f of the stores", found.rate / store_rate(per_event));
    printf("\n");
}

int main(void)
{
    static const NexmarkField q0[] = {BID_AUCTION, BID_BIDDER, BID_PRICE, BID_TIME, BID_EXTRA};
    static const NexmarkField numbers[] = {BID_AUCTION, BID_BIDDER, BID_PRICE, BID_TIME};
    Arena *arena = arena_new(1 << 20);
    const NexmarkTables *tables = nexmark_tables(arena, &config);
    report("order and times", tables, NULL, 0);
    report("q0: bids without their URLs", tables, q0, 5);
    report("the same without `extra`", tables, numbers, 4);
    static const char *const kinds[] = {"person", "auction", "bid"};
    for (int32_t f = 0; f < NEXMARK_FIELDS; f++) {
        NexmarkField field = (NexmarkField)f;
        char name[32];
        snprintf(name, sizeof name, "%s.%s", kinds[nexmark_field(field)->kind],
                 nexmark_field(field)->name);
        report(name, tables, &field, 1);
    }
    arena_free(arena);
    return 0;
}
