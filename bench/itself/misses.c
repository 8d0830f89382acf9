/* What a cache miss costs on this machine: a line of a table of so many MB is read and written at a
 * place that chance chooses.
 *
 *     misses MB -> independent_ns=… dependent_ns=…
 *
 * Independent: the next place is known before this one has come, so that several are under way.
 * Dependent: it is read from this one, as in a chain. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { LINE_BYTES = 64, TOUCHES = 20 * 1000 * 1000 };

typedef struct Line {
    uint64_t value;
    uint64_t rest[7];
} Line;

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Source: Sebastiano Vigna, splitmix64. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

/* `feedback` is all ones or nothing: whether the place depends on what was read. */
static double touch_ns(Line *lines, uint64_t count, uint64_t feedback)
{
    uint64_t last = 0;
    double began = now_ns();
    for (uint64_t i = 0; i < TOUCHES; i++) {
        Line *line = &lines[(unsigned __int128)mix(i ^ (last & feedback)) * count >> 64];
        last = ++line->value;
    }
    double took = now_ns() - began;
    return last == 0 ? 0 : took / TOUCHES;
}

int main(int argc, char **argv)
{
    uint64_t count = argc == 2 ? strtoull(argv[1], NULL, 10) * 1000000 / LINE_BYTES : 0;
    if (count == 0) {
        fprintf(stderr, "usage: misses MB\n");
        return 64;
    }
    Line *lines = mmap(NULL, count * LINE_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (lines == MAP_FAILED) {
        perror("misses");
        return 1;
    }
    double independent = touch_ns(lines, count, 0);
    printf("independent_ns=%.1f dependent_ns=%.1f\n", independent,
           touch_ns(lines, count, UINT64_MAX));
    return 0;
}
