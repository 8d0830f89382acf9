/* Looking through text sixteen bytes at a time. Comparing so many at once costs an instruction a
 * byte, where a loop over bytes costs some eight: reading CSV was three quarters such loops. */
#ifndef WEIR_BASE_SCAN_H
#define WEIR_BASE_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { SCAN_BYTES = 4, SCAN_BLOCK = 16 };

typedef uint8_t ScanBlock __attribute__((vector_size(SCAN_BLOCK)));
typedef int8_t ScanSigns __attribute__((vector_size(SCAN_BLOCK)));

/* Up to four bytes to look for. */
typedef struct ScanSet {
    ScanBlock each[SCAN_BYTES]; /* one of the bytes in all places */
} ScanSet;

/* Fewer than four: one of them again. */
static inline ScanSet scan_set(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    const ScanBlock zero = {0};
    return (ScanSet){{zero + a, zero + b, zero + c, zero + d}};
}

static inline ScanBlock scan_load(const char *at)
{
    ScanBlock block;
    memcpy(&block, at, sizeof block);
    return block;
}

/* The first place whose byte is not 0, or SCAN_BLOCK. */
static inline int scan_first(ScanSigns found)
{
    uint64_t halves[2];
    memcpy(halves, &found, sizeof halves);
    if (halves[0] != 0)
        return __builtin_ctzll(halves[0]) / 8;
    return halves[1] != 0 ? 8 + __builtin_ctzll(halves[1]) / 8 : SCAN_BLOCK;
}

/* The first of them in [at, end), or `end`. */
static inline const char *scan_to(const char *at, const char *end, const ScanSet *set)
{
    for (; end - at >= SCAN_BLOCK; at += SCAN_BLOCK) {
        ScanBlock block = scan_load(at);
        int first = scan_first((block == set->each[0]) | (block == set->each[1]) |
                               (block == set->each[2]) | (block == set->each[3]));
        if (first < SCAN_BLOCK)
            return at + first;
    }
    for (; at < end; at++) {
        uint8_t byte = (uint8_t)*at;
        if (byte == set->each[0][0] || byte == set->each[1][0] || byte == set->each[2][0] ||
            byte == set->each[3][0])
            break;
    }
    return at;
}

/* Whether a byte cannot stand in a JSON text as it is, or begins more than one byte: below a blank
 * as a signed number, a quote or a backslash. */
static inline bool scan_is_json_special(char c)
{
    return (int8_t)c < 0x20 || c == '"' || c == '\\';
}

/* The first such byte in [at, end), or `end`. */
static inline const char *scan_to_json_special(const char *at, const char *end)
{
    for (; end - at >= SCAN_BLOCK; at += SCAN_BLOCK) {
        ScanBlock block = scan_load(at);
        int first = scan_first(((ScanSigns)block < 0x20) | (block == '"') | (block == '\\'));
        if (first < SCAN_BLOCK)
            return at + first;
    }
    while (at < end && !scan_is_json_special(*at))
        at++;
    return at;
}

#endif
