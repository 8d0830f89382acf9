/* Size classes over slabs that double. */
#include "state/blocks.h"

#include <assert.h>
#include <stddef.h>

#include "base/memory.h"

enum { SLAB_BYTES_MIN = 8192, SLAB_BYTES_MAX = 256 * 1024 };

struct BlockFree {
    BlockFree *next;
};

struct BlockSlab {
    BlockSlab *older;
    int64_t bytes;
};

/* The class of a size, and the bytes that its blocks have. */
static int32_t block_class(int64_t bytes, int64_t *rounded)
{
    assert(bytes > 0 && bytes <= BLOCKS_COARSE_MAX);
    if (bytes <= BLOCKS_FINE_MAX) {
        int64_t index = (bytes + 15) / 16;
        *rounded = index * 16;
        return (int32_t)index - 1;
    }
    int64_t index = (bytes - BLOCKS_FINE_MAX + 255) / 256;
    *rounded = BLOCKS_FINE_MAX + index * 256;
    return BLOCKS_FINE_MAX / 16 - 1 + (int32_t)index;
}

static void blocks_grow(Blocks *blocks)
{
    int64_t bytes = blocks->slab_bytes < SLAB_BYTES_MIN ? SLAB_BYTES_MIN : blocks->slab_bytes;
    blocks->slab_bytes = bytes < SLAB_BYTES_MAX ? 2 * bytes : bytes;
    BlockSlab *slab = memory_allocate(bytes);
    *slab = (BlockSlab){.older = blocks->slabs, .bytes = bytes};
    static_assert(sizeof(BlockSlab) == 16, "blocks stay aligned behind it");
    blocks->slabs = slab;
    blocks->at = (char *)slab + sizeof *slab;
    blocks->end = (char *)slab + bytes;
    blocks->held_bytes += bytes;
}

/* What is left of a slab that is too small for the next block becomes free blocks. */
static void blocks_use_rest(Blocks *blocks)
{
    while (blocks->end - blocks->at >= 16) {
        int64_t left = blocks->end - blocks->at, rounded;
        int64_t bytes = left <= BLOCKS_FINE_MAX ? left / 16 * 16 : BLOCKS_FINE_MAX;
        int32_t class = block_class(bytes, &rounded);
        BlockFree *block = (BlockFree *)(void *)blocks->at;
        block->next = blocks->free[class];
        blocks->free[class] = block;
        blocks->at += rounded;
    }
}

void *blocks_take(Blocks *blocks, int64_t bytes)
{
    if (bytes > BLOCKS_COARSE_MAX) {
        blocks->held_bytes += bytes;
        return memory_allocate(bytes);
    }
    int64_t rounded;
    int32_t class = block_class(bytes, &rounded);
    BlockFree *block = blocks->free[class];
    if (block != NULL) {
        blocks->free[class] = block->next;
        return block;
    }
    if (blocks->end - blocks->at < rounded) {
        blocks_use_rest(blocks);
        blocks_grow(blocks);
    }
    assert(blocks->end - blocks->at >= rounded);
    void *taken = blocks->at;
    blocks->at += rounded;
    return taken;
}

void blocks_give(Blocks *blocks, void *block, int64_t bytes)
{
    if (block == NULL)
        return;
    if (bytes > BLOCKS_COARSE_MAX) {
        blocks->held_bytes -= bytes;
        memory_free(block);
        return;
    }
    int64_t rounded;
    int32_t class = block_class(bytes, &rounded);
    BlockFree *free_block = block;
    free_block->next = blocks->free[class];
    blocks->free[class] = free_block;
}

void blocks_close(Blocks *blocks)
{
    while (blocks->slabs != NULL) {
        BlockSlab *slab = blocks->slabs;
        blocks->slabs = slab->older;
        memory_free(slab);
    }
    *blocks = (Blocks){0};
}
