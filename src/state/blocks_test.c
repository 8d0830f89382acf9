/* Blocks keep what is written into them, are used again, and go back to the system. */
#include <string.h>

#include "base/testing.h"

#include "base/ceiling.h"
#include "base/hash.h"
#include "base/memory.h"
#include "state/blocks.h"

/* ThreadSanitizer notes each access, in memory that counts as the process's own. */
#if defined(__SANITIZE_THREAD__)
enum { HAS_SHADOW = true };
#else
enum { HAS_SHADOW = false };
#endif

enum { LIVE = 1000, MIB = 1 << 20 };

static uint64_t next_seed(uint64_t *seed)
{
    *seed = hash_u64(*seed + 0x9e3779b97f4a7c15ULL);
    return *seed >> 11;
}

static void blocks_of_all_sizes_keep_what_is_in_them(void **state)
{
    (void)state;
    Blocks blocks = {0};
    uint8_t *taken[LIVE] = {0};
    int64_t sizes[LIVE] = {0}, most = 0;
    uint64_t seed = 7;
    for (int32_t round = 0; round < 20000; round++) {
        int32_t at = (int32_t)(next_seed(&seed) % LIVE);
        for (int64_t i = 0; taken[at] != NULL && i < sizes[at]; i++)
            assert_int_equal(taken[at][i], (uint8_t)at);
        blocks_give(&blocks, taken[at], sizes[at]);
        sizes[at] = (int64_t)(next_seed(&seed) % (round % 50 == 0 ? 5000 : 300));
        taken[at] = blocks_take(&blocks, sizes[at]);
        assert_int_equal((uintptr_t)taken[at] % 8, 0);
        memset(taken[at], at, (size_t)sizes[at]);
        if (round == 2000)
            most = blocks.held_bytes;
    }
    assert_true(blocks.held_bytes < most * 2);
    for (int32_t i = 0; i < LIVE; i++) {
        assert_true(blocks_used_bytes(&blocks) > 0);
        blocks_give(&blocks, taken[i], sizes[i]);
    }
    assert_int_equal(blocks_used_bytes(&blocks), 0);
    blocks_close(&blocks);
    assert_int_equal(blocks.held_bytes, 0);
}

/* The same again takes nothing anew. */
static void blocks_are_used_again(void **state)
{
    (void)state;
    Blocks blocks = {0};
    uint8_t *taken[LIVE];
    int64_t held = 0;
    for (int32_t round = 0; round < 20; round++) {
        for (int32_t i = 0; i < LIVE; i++)
            taken[i] = blocks_take(&blocks, 1 + i * 3 % 2500);
        assert_true(round == 0 || blocks.held_bytes == held);
        held = blocks.held_bytes;
        assert_true(blocks_used_bytes(&blocks) > held - (int64_t)64 * 1024);
        for (int32_t i = 0; i < LIVE; i++)
            blocks_give(&blocks, taken[i], 1 + i * 3 % 2500);
        assert_int_equal(blocks_used_bytes(&blocks), 0);
    }
    blocks_close(&blocks);
}

/* Of many blocks those at the end of every second megabyte stay: the rest goes back to the system,
 * and counts no more, though each piece of memory lies between others that are in use. */
static void memory_goes_back_between_others(void **state)
{
    (void)state;
    enum { COUNT = 64 * 1024, BYTES = 1024, STRIDE = 2048 };
    Blocks blocks = {0};
    int64_t used = memory_used_bytes();
    static uint8_t *taken[COUNT];
    for (int32_t i = 0; i < COUNT; i++) {
        taken[i] = blocks_take(&blocks, BYTES);
        memset(taken[i], i / STRIDE, BYTES);
    }
    int64_t held = blocks.held_bytes, resident = ceiling_resident_bytes();
    assert_true(held >= (int64_t)COUNT * BYTES);
    assert_true(memory_used_bytes() - used >= held);
    for (int32_t i = 0; i < COUNT; i++)
        if (i % STRIDE != 0)
            blocks_give(&blocks, taken[i], BYTES);
    assert_true(blocks.held_bytes < MIB);
    assert_true(memory_used_bytes() - used < MIB);
    if (resident > held && !HAS_SHADOW) /* not where the tools of a test keep what is freed */
        assert_true(ceiling_resident_bytes() < resident - held / 8 * 7);
    for (int32_t i = 0; i < COUNT; i += STRIDE)
        for (int32_t k = 0; k < BYTES; k++)
            assert_int_equal(taken[i][k], i / STRIDE);
    blocks_close(&blocks);
    assert_int_equal(memory_used_bytes(), used);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_of_all_sizes_keep_what_is_in_them),
        cmocka_unit_test(blocks_are_used_again),
        cmocka_unit_test(memory_goes_back_between_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
