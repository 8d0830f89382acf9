/* What a cache miss costs on this machine: a line of a table of so many MB is read and written at a
 * place that chance chooses.
 *
 *     misses MB -> independent_ns=… dependent_ns=…
 *
 * Independent: the next place is known before this one has come, so that several are under way.
 * Dependent: it is read from this one, as in a chain. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { LINE_BYTES = 64, TOUCHES = 10 * 1000 * 1000, ROUNDS = 3 };

typedef struct Line {
    uint64_t value;
    uint64_t rest[7];
} Line;

/* Of this thread's processor time: another load on the machine does not count. */
static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
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

/* The best of some rounds. Inlined for each kind: were `is_chain` only known at run time, the
 * processor would wait for what was read in either. */
static inline __attribute__((always_inline)) double touch_ns(Line *lines, uint64_t count,
                                                             bool is_chain)
{
    double best = 1e9;
    uint64_t last = 0;
    for (int32_t round = 0; round < ROUNDS; round++) {
        double began = now_ns();
        for (uint64_t i = 0; i < TOUCHES; i++) {
            Line *line =
                &lines[(unsigned __int128)mix(is_chain ? i + (last << 32) : i) * count >> 64];
            last = ++line->value;
        }
        double each = (now_ns() - began) / TOUCHES;
        best = each < best ? each : best;
    }
    return best;
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
    double independent = touch_ns(lines, count, false);
    printf("independent_ns=%.1f dependent_ns=%.1f\n", independent, touch_ns(lines, count, true));
    return 0;
}
