/* Hashes. hash_bytes and hash_u64 spread keys over shards and tables and are stable: they
 * stand in checkpoints. crc32c guards bytes on disk. */
#ifndef WEIR_BASE_HASH_H
#define WEIR_BASE_HASH_H

#include <stdint.h>

/* XXH3, 64 bits. */
uint64_t hash_bytes(const void *bytes, int64_t length);

/* The same with a seed: for tables whose keys strangers choose, who must not know what meets. */
uint64_t hash_bytes_seeded(const void *bytes, int64_t length, uint64_t seed);

typedef struct Hash128 {
    uint64_t low, high;
} Hash128;

/* XXH3, 128 bits: for keys that are told apart by their hash alone. */
Hash128 hash_bytes_128(const void *bytes, int64_t length);

/* A bijective mixer for one word (the finaliser of MurmurHash3). */
static inline uint64_t hash_u64(uint64_t value)
{
    value ^= value >> 33;
    value *= 0xff51afd7ed558ccdULL;
    value ^= value >> 33;
    value *= 0xc4ceb9fe1a85ec53ULL;
    value ^= value >> 33;
    return value;
}

static inline uint64_t hash_combine(uint64_t a, uint64_t b)
{
    return hash_u64(a * 31 + b);
}

/* Castagnoli CRC, by instruction where the processor has it; start with crc = 0. */
uint32_t crc32c(uint32_t crc, const void *bytes, int64_t length);

#endif
