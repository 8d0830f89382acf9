/* XXH3 from libxxhash; CRC32C by the instruction of SSE4.2. */
#include "base/hash.h"

#include <stddef.h>
#include <string.h>
#include <xxhash.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

uint64_t hash_bytes(const void *bytes, int64_t length)
{
    return XXH3_64bits(length > 0 ? bytes : "", (size_t)length);
}

uint64_t hash_bytes_seeded(const void *bytes, int64_t length, uint64_t seed)
{
    return XXH3_64bits_withSeed(length > 0 ? bytes : "", (size_t)length, seed);
}

Hash128 hash_bytes_128(const void *bytes, int64_t length)
{
    XXH128_hash_t hash = XXH3_128bits(length > 0 ? bytes : "", (size_t)length);
    return (Hash128){.low = hash.low64, .high = hash.high64};
}

/* One bit at a time; only for machines without the instruction. */
static uint32_t crc32c_portable(uint32_t crc, const unsigned char *at, int64_t length)
{
    for (int64_t i = 0; i < length; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0x82f63b78U & (0U - (crc & 1)));
    }
    return crc;
}

#if defined(__x86_64__)
static uint64_t word_at(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

__attribute__((target("sse4.2"))) static uint32_t
crc32c_sse42(uint32_t crc, const unsigned char *at, int64_t length)
{
    uint64_t wide = crc;
    for (; length >= 8; length -= 8, at += 8)
        wide = __builtin_ia32_crc32di(wide, word_at(at));
    crc = (uint32_t)wide;
    for (; length > 0; length--, at++)
        crc = __builtin_ia32_crc32qi(crc, *at);
    return crc;
}

enum { LANE_BYTES = 1024, RUN_BYTES = 3 * LANE_BYTES };

/* One instruction takes three cycles and one can begin in each: three lanes, side by side. What
 * the first two come to is moved to the end of the third, by x^(8 n - 33) modulo the polynomial
 * for the n bytes behind them: the last word's own 64 bits, and one that the product is short of,
 * make up for the rest. */
__attribute__((target("sse4.2,pclmul"))) static uint32_t
crc32c_lanes(uint32_t crc, const unsigned char *at, int64_t length)
{
    const __m128i over_two = _mm_cvtsi32_si128(0xa51b6135),
                  over_one = _mm_cvtsi32_si128(0x170076fa);
    for (; length >= RUN_BYTES; length -= RUN_BYTES, at += RUN_BYTES) {
        uint64_t first = crc, second = 0, third = 0;
        const unsigned char *lane = at;
        for (; lane < at + LANE_BYTES - 8; lane += 8) {
            first = _mm_crc32_u64(first, word_at(lane));
            second = _mm_crc32_u64(second, word_at(lane + LANE_BYTES));
            third = _mm_crc32_u64(third, word_at(lane + 2 * LANE_BYTES));
        }
        first = _mm_crc32_u64(first, word_at(lane));
        second = _mm_crc32_u64(second, word_at(lane + LANE_BYTES));
        __m128i moved =
            _mm_xor_si128(_mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)first), over_two, 0),
                          _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)second), over_one, 0));
        crc = (uint32_t)_mm_crc32_u64(third, word_at(lane + 2 * LANE_BYTES) ^
                                                 (uint64_t)_mm_cvtsi128_si64(moved));
    }
    return crc32c_sse42(crc, at, length);
}
#endif

uint32_t crc32c(uint32_t crc, const void *bytes, int64_t length)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (length >= RUN_BYTES && __builtin_cpu_supports("pclmul"))
        return ~crc32c_lanes(crc, bytes, length);
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_sse42(crc, bytes, length);
#endif
    return ~crc32c_portable(crc, bytes, length);
}
