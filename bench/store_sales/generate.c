/* Writes the payments that the store-sales comparison reads: one JSON object a line, about 160
 * bytes, the same bytes for the same arguments on every machine.
 *
 *     generate ROWS HOURS > FILE
 *
 * Event time moves on evenly over the hours, and each event may lie up to DISORDER_MS behind its
 * turn, within the watermark's delay, so nothing is late. Some stores sell more than others. */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STORES = 1000,
    CUSTOMERS = 2000000,
    DISORDER_MS = 4000,
    AMOUNT_CENTS_MAX = 50000,
    LINE_BYTES_MAX = 256,
    BUFFER_BYTES = 1 << 20,
};

/* 2026-01-05 09:00:00 as milliseconds into its day; runs stay within that day. */
static const int64_t DAY_START_MS = 9 * INT64_C(3600000);
static const int64_t DAY_MS = 24 * INT64_C(3600000);

static const char *const STATUSES[] = {"paid", "paid", "paid", "authorized"};
static const char *const METHODS[] = {"card", "cash", "transfer", "wallet"};

typedef struct Generator {
    uint64_t state;
    int64_t rows, span_ms;
} Generator;

/* splitmix64 (Steele, Lea, Flood 2014): the same sequence everywhere. */
static uint64_t generator_next(Generator *generator)
{
    uint64_t z = (generator->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static int64_t generator_below(Generator *generator, int64_t bound)
{
    return (int64_t)(generator_next(generator) % (uint64_t)bound);
}

static int generator_line(Generator *generator, int64_t row, char *line)
{
    int64_t turn_ms = (int64_t)((double)generator->span_ms * (double)row / (double)generator->rows);
    int64_t at_ms = DAY_START_MS + turn_ms - generator_below(generator, DISORDER_MS);
    if (at_ms < DAY_START_MS)
        at_ms = DAY_START_MS;
    /* The smaller of two draws: low numbers are the busier stores. */
    int64_t store = generator_below(generator, STORES), other = generator_below(generator, STORES);
    if (other < store)
        store = other;
    int64_t cents = 1 + generator_below(generator, AMOUNT_CENTS_MAX);
    int64_t seconds = at_ms / 1000;
    return snprintf(
        line, LINE_BYTES_MAX,
        "{\"id\":%" PRId64 ",\"store_id\":%" PRId64 ",\"amount\":%" PRId64 ".%02d"
        ",\"paid_at\":\"2026-01-05 %02d:%02d:%02d.%03d\",\"status\":\"%s\""
        ",\"customer\":\"c-%07" PRId64 "\",\"method\":\"%s\",\"till\":%d,\"unit\":\"EUR\"}\n",
        row + 10000000, store + 1, cents / 100, (int)(cents % 100), (int)(seconds / 3600),
        (int)(seconds / 60 % 60), (int)(seconds % 60), (int)(at_ms % 1000),
        STATUSES[generator_below(generator, 4)], generator_below(generator, CUSTOMERS),
        METHODS[generator_below(generator, 4)], (int)generator_below(generator, 12));
}

int main(int argc, char **argv)
{
    Generator generator = {.state = 2026};
    if (argc == 3) {
        generator.rows = strtoll(argv[1], NULL, 10);
        generator.span_ms = (int64_t)(strtod(argv[2], NULL) * 3600000);
    }
    if (generator.rows <= 0 || generator.span_ms <= 0 ||
        generator.span_ms > DAY_MS - DAY_START_MS) {
        fprintf(stderr, "usage: generate ROWS HOURS > FILE (at most 15 hours)\n");
        return 64;
    }
    setvbuf(stdout, NULL, _IOFBF, BUFFER_BYTES);
    for (int64_t row = 0; row < generator.rows; row++) {
        char line[LINE_BYTES_MAX];
        int length = generator_line(&generator, row, line);
        if (length >= LINE_BYTES_MAX || fwrite(line, 1, (size_t)length, stdout) != (size_t)length) {
            fprintf(stderr, "generate: could not write row %" PRId64 "\n", row);
            return 74;
        }
    }
    return fflush(stdout) == 0 ? 0 : 74;
}
