/* The first of up to four bytes in a text, sixteen bytes at a time. */
#ifndef WEIR_BASE_SCAN_H
#define WEIR_BASE_SCAN_H

#include <stdint.h>
#include <string.h>

enum { SCAN_BYTES = 4, SCAN_BLOCK = 16 };

typedef uint8_t ScanBlock __attribute__((vector_size(SCAN_BLOCK)));

typedef struct ScanSet {
    ScanBlock each[SCAN_BYTES]; /* one of the bytes in all places */
} ScanSet;

/* Fewer than four: one of them again. */
static inline ScanSet scan_set(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    const ScanBlock zero = {0};
    return (ScanSet){{zero + a, zero + b, zero + c, zero + d}};
}

/* The first of them in [at, end), or `end`. Comparing sixteen at once costs an instruction a byte,
 * where a loop over bytes costs some eight: reading CSV was three quarters such loops. */
static inline const char *scan_to(const char *at, const char *end, const ScanSet *set)
{
    while (end - at >= SCAN_BLOCK) {
        ScanBlock block;
        memcpy(&block, at, sizeof block);
        ScanBlock found = (ScanBlock)((block == set->each[0]) | (block == set->each[1]) |
                                      (block == set->each[2]) | (block == set->each[3]));
        uint64_t halves[2];
        memcpy(halves, &found, sizeof halves);
        if (halves[0] != 0)
            return at + __builtin_ctzll(halves[0]) / 8;
        if (halves[1] != 0)
            return at + 8 + __builtin_ctzll(halves[1]) / 8;
        at += SCAN_BLOCK;
    }
    for (; at < end; at++) {
        uint8_t byte = (uint8_t)*at;
        if (byte == set->each[0][0] || byte == set->each[1][0] || byte == set->each[2][0] ||
            byte == set->each[3][0])
            break;
    }
    return at;
}

#endif
