/* Bytes without the zeros among them. */
#include "base/sparse.h"

#include <assert.h>
#if defined(__SSSE3__)
#include <tmmintrin.h>
#endif

enum { WORD_BYTES = 8, MASKS = 256, NOWHERE = 0x80, SAMPLE_BYTES = 4096 };

/* For each mask, which byte goes where: made anew for each call, since that takes a microsecond. */
typedef struct Moves {
    uint8_t from[MASKS][WORD_BYTES];
} Moves;

#if defined(__SSSE3__)

static uint32_t word_mask(const uint8_t *word)
{
    __m128i zeros =
        _mm_cmpeq_epi8(_mm_loadl_epi64((const __m128i *)(const void *)word), _mm_setzero_si128());
    return ~(uint32_t)_mm_movemask_epi8(zeros) & (MASKS - 1);
}

static void word_move(const uint8_t *from, const uint8_t *moves, uint8_t *to)
{
    __m128i word = _mm_loadl_epi64((const __m128i *)(const void *)from);
    __m128i order = _mm_loadl_epi64((const __m128i *)(const void *)moves);
    _mm_storel_epi64((__m128i *)(void *)to, _mm_shuffle_epi8(word, order));
}

#else

static uint32_t word_mask(const uint8_t *word)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < WORD_BYTES; i++)
        mask |= (uint32_t)(word[i] != 0) << i;
    return mask;
}

static void word_move(const uint8_t *from, const uint8_t *moves, uint8_t *to)
{
    for (int32_t i = 0; i < WORD_BYTES; i++)
        to[i] = moves[i] == NOWHERE ? 0 : from[moves[i]];
}

#endif

static void moves_to_front(Moves *moves)
{
    memset(moves, NOWHERE, sizeof *moves);
    for (uint32_t mask = 0; mask < MASKS; mask++)
        for (uint8_t i = 0, n = 0; i < WORD_BYTES; i++)
            if ((mask >> i & 1) != 0)
                moves->from[mask][n++] = i;
}

static void moves_back(Moves *moves)
{
    memset(moves, NOWHERE, sizeof *moves);
    for (uint32_t mask = 0; mask < MASKS; mask++)
        for (uint8_t i = 0, n = 0; i < WORD_BYTES; i++)
            if ((mask >> i & 1) != 0)
                moves->from[mask][i] = n++;
}

void sparse_pack(Str bytes, Buffer *out)
{
    assert(bytes.length <= INT32_MAX);
    Moves moves;
    moves_to_front(&moves);
    buffer_append_u32(out, (uint32_t)bytes.length);
    int64_t words = (bytes.length + WORD_BYTES - 1) / WORD_BYTES;
    uint8_t *to = (uint8_t *)buffer_reserve(out, words * (1 + WORD_BYTES)), *start = to;
    const uint8_t *from = (const uint8_t *)bytes.data;
    uint8_t last[WORD_BYTES] = {0};
    for (int64_t left = bytes.length; left > 0; left -= WORD_BYTES, from += WORD_BYTES) {
        if (left < WORD_BYTES)
            from = memcpy(last, from, (size_t)left);
        uint32_t mask = word_mask(from);
        *to++ = (uint8_t)mask;
        word_move(from, moves.from[mask], to);
        to += __builtin_popcount(mask);
    }
    out->length += to - start;
}

bool sparse_is_worth(Str bytes)
{
    int64_t count = bytes.length < SAMPLE_BYTES ? bytes.length : SAMPLE_BYTES;
    const char *from = bytes.data + (bytes.length - count) / 2;
    int64_t zeros = 0;
    for (int64_t i = 0; i < count; i++)
        zeros += from[i] == 0;
    return zeros * WORD_BYTES > count + count / 4;
}

bool sparse_unpack(Str packed, Buffer *out)
{
    ByteReader in = byte_reader(packed);
    int64_t length = byte_reader_u32(&in), left = byte_reader_left(&in);
    int64_t words = (length + WORD_BYTES - 1) / WORD_BYTES;
    if (in.is_short || words > left)
        return false;
    Moves moves;
    moves_back(&moves);
    uint8_t *to = (uint8_t *)buffer_reserve(out, words * WORD_BYTES);
    const uint8_t *from = (const uint8_t *)packed.data + packed.length - left;
    for (; words > 0 && left > 0; words--, to += WORD_BYTES) {
        uint32_t mask = *from++;
        int32_t count = __builtin_popcount(mask);
        if (--left < count)
            return false;
        uint8_t last[WORD_BYTES] = {0};
        if (left < WORD_BYTES)
            memcpy(last, from, (size_t)left);
        word_move(left < WORD_BYTES ? last : from, moves.from[mask], to);
        from += count;
        left -= count;
    }
    if (words > 0 || left > 0)
        return false;
    out->length += length;
    return true;
}
