/* XXH3 from libxxhash; CRC32C by the SSE4.2 instruction or by table. */
#include "base/hash.h"

#include <stddef.h>
#include <string.h>
#include <xxhash.h>

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
__attribute__((target("sse4.2"))) static uint32_t
crc32c_sse42(uint32_t crc, const unsigned char *at, int64_t length)
{
    uint64_t wide = crc;
    for (; length >= 8; length -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; length > 0; length--, at++)
        crc = __builtin_ia32_crc32qi(crc, *at);
    return crc;
}
#endif

uint32_t crc32c(uint32_t crc, const void *bytes, int64_t length)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_sse42(crc, bytes, length);
#endif
    return ~crc32c_portable(crc, bytes, length);
}
