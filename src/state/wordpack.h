/* Inside state/: words without the zero bytes at their ends. Counts are small and sums not much
 * larger; a double that is a whole number has its zeros below.
 *
 *     code: bytes that follow │ bytes left out below them << 4,  then those bytes */
#ifndef WEIR_STATE_WORDPACK_H
#define WEIR_STATE_WORDPACK_H

#include "base/buffer.h"

enum { WORDPACK_BYTES_MAX = 1 + 8 };

/* Behind the word, which may be written beyond: there is room for WORDPACK_BYTES_MAX. */
static inline char *wordpack_put(char *at, uint64_t word)
{
    if (word == 0) {
        *at = 0;
        return at + 1;
    }
    int32_t below = __builtin_ctzll(word) / 8;
    word >>= 8 * below;
    int32_t count = 8 - __builtin_clzll(word) / 8;
    *at = (char)(count | below << 4);
    memcpy(at + 1, &word, sizeof word);
    return at + 1 + count;
}

/* A malformed one counts as short. */
static inline uint64_t wordpack_take(ByteReader *in)
{
    uint8_t code = byte_reader_u8(in);
    int32_t count = code & 15, below = code >> 4;
    if (count + below > 8)
        in->is_short = true;
    Str bytes = byte_reader_take(in, count);
    if (in->is_short || count == 0)
        return 0;
    uint64_t word = 0;
    memcpy(&word, bytes.data, (size_t)count);
    return word << (8 * below);
}

#endif
