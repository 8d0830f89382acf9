/* Size classes over slabs. */
#include "state/blocks.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"

enum {
    SLAB_BYTES = 16384,
    SLAB_HEAD_BYTES = 64,
    REGION_SLABS = 64,
    REGION_BYTES = (REGION_SLABS + 1) * SLAB_BYTES, /* with what aligns them */
    SPARE_MIN = 16, /* slabs without blocks that keep their memory, or … */
    SPARE_PART = 8, /* … this part of all, if that is more */
};

/* At the start of its 16 KiB. */
struct BlockSlab {
    BlockRegion *region;
    BlockSlab *next, *previous; /* of the class's slabs with room, or of the spare ones */
    void *free_block;           /* one that was given back holds the next one */
    int32_t block_bytes;
    int32_t used_bytes; /* from the start of the slab; behind it nothing was ever taken */
    int32_t live_count;
    int32_t class_index;
};

static_assert(sizeof(BlockSlab) <= SLAB_HEAD_BYTES, "the head leaves room for blocks");

struct BlockRegion {
    BlockRegion *older;       /* of all */
    BlockRegion *next_vacant; /* of those with vacant slabs */
    void *addresses;
    uint8_t *first;  /* slab, aligned */
    uint64_t vacant; /* a bit for each slab that has no memory */
};

static_assert(REGION_SLABS == 64, "a bit for each");

/* Before a block that has memory of its own. */
struct LargeBlock {
    LargeBlock *next, *previous;
};

/* ---- Sizes ----------------------------------------------------------------------------- */

/* Above 256 bytes: 288, 320, … 512, 576, … 1024, 1152, … 2048. */
static inline int32_t class_of(int64_t bytes)
{
    if (bytes <= BLOCKS_FINE_MAX)
        return (int32_t)((bytes + (bytes == 0) + 7) / 8);
    int32_t power = 63 - __builtin_clzll((unsigned long long)(bytes - 1));
    int64_t step = (int64_t)1 << (power - 3);
    int64_t eighth = (bytes - ((int64_t)1 << power) + step - 1) / step;
    return BLOCKS_FINE_CLASSES + (power - 8) * 8 + (int32_t)eighth;
}

static int32_t class_bytes(int32_t index)
{
    if (index <= BLOCKS_FINE_CLASSES)
        return index * 8;
    int32_t power = 8 + (index - BLOCKS_FINE_CLASSES - 1) / 8;
    int32_t eighth = (index - BLOCKS_FINE_CLASSES - 1) % 8 + 1;
    return (1 << power) + eighth * (1 << (power - 3));
}

/* ---- Slabs ----------------------------------------------------------------------------- */

static void region_new(Blocks *blocks)
{
    BlockRegion *region = memory_allocate((int64_t)sizeof *region);
    char *addresses = memory_reserve(REGION_BYTES);
    uintptr_t beyond = (uintptr_t)addresses % SLAB_BYTES;
    *region = (BlockRegion){.older = blocks->regions,
                            .next_vacant = blocks->vacant,
                            .addresses = addresses,
                            .first = (uint8_t *)addresses + (SLAB_BYTES - beyond) % SLAB_BYTES,
                            .vacant = UINT64_MAX};
    blocks->regions = blocks->vacant = region;
}

static void slab_unlink(BlockSlab **list, BlockSlab *slab)
{
    if (slab->previous != NULL)
        slab->previous->next = slab->next;
    else
        *list = slab->next;
    if (slab->next != NULL)
        slab->next->previous = slab->previous;
    slab->next = NULL;
    slab->previous = NULL;
}

static void slab_link(BlockSlab **list, BlockSlab *slab)
{
    slab->previous = NULL;
    slab->next = *list;
    if (*list != NULL)
        (*list)->previous = slab;
    *list = slab;
}

static BlockSlab *slab_occupy(Blocks *blocks)
{
    if (blocks->vacant == NULL)
        region_new(blocks);
    BlockRegion *region = blocks->vacant;
    int32_t at = __builtin_ctzll(region->vacant);
    region->vacant &= region->vacant - 1;
    if (region->vacant == 0)
        blocks->vacant = region->next_vacant;
    BlockSlab *slab = (BlockSlab *)(void *)(region->first + (int64_t)at * SLAB_BYTES);
    memory_occupy(SLAB_BYTES);
    slab->region = region;
    blocks->slab_count++;
    blocks->held_bytes += SLAB_BYTES;
    return slab;
}

static void slab_vacate(Blocks *blocks, BlockSlab *slab)
{
    BlockRegion *region = slab->region;
    if (region->vacant == 0) {
        region->next_vacant = blocks->vacant;
        blocks->vacant = region;
    }
    region->vacant |= (uint64_t)1 << (((uint8_t *)slab - region->first) / SLAB_BYTES);
    memory_vacate(slab, SLAB_BYTES);
    blocks->slab_count--;
    blocks->held_bytes -= SLAB_BYTES;
}

static BlockSlab *slab_take_spare(Blocks *blocks)
{
    BlockSlab *slab = blocks->spare;
    slab_unlink(&blocks->spare, slab);
    blocks->spare_count--;
    return slab;
}

static BlockSlab *slab_new(Blocks *blocks, int32_t class_index)
{
    BlockSlab *slab = blocks->spare != NULL ? slab_take_spare(blocks) : slab_occupy(blocks);
    *slab = (BlockSlab){.region = slab->region,
                        .block_bytes = class_bytes(class_index),
                        .used_bytes = SLAB_HEAD_BYTES,
                        .class_index = class_index};
    slab_link(&blocks->with_room[class_index], slab);
    blocks->idle_count++;
    return slab;
}

/* It has no blocks. The only one of its class with room stays as it is: the next block comes there.
 */
static void slab_give(Blocks *blocks, BlockSlab *slab)
{
    if (slab->next == NULL && slab->previous == NULL) {
        blocks->idle_count++;
        return;
    }
    slab_unlink(&blocks->with_room[slab->class_index], slab);
    slab_link(&blocks->spare, slab);
    blocks->spare_count++;
    while (blocks->spare_count > SPARE_MIN && blocks->spare_count > blocks->slab_count / SPARE_PART)
        slab_vacate(blocks, slab_take_spare(blocks));
}

/* ---- Blocks ---------------------------------------------------------------------------- */

static bool slab_has_room(const BlockSlab *slab)
{
    return slab->free_block != NULL || slab->used_bytes + slab->block_bytes <= SLAB_BYTES;
}

static void *large_take(Blocks *blocks, int64_t bytes)
{
    LargeBlock *large = memory_allocate((int64_t)sizeof *large + bytes);
    *large = (LargeBlock){.next = blocks->large};
    if (blocks->large != NULL)
        blocks->large->previous = large;
    blocks->large = large;
    blocks->held_bytes += (int64_t)sizeof *large + bytes;
    return large + 1;
}

static void large_give(Blocks *blocks, void *block, int64_t bytes)
{
    LargeBlock *large = (LargeBlock *)block - 1;
    if (large->previous != NULL)
        large->previous->next = large->next;
    else
        blocks->large = large->next;
    if (large->next != NULL)
        large->next->previous = large->previous;
    blocks->held_bytes -= (int64_t)sizeof *large + bytes;
    memory_free(large);
}

void *blocks_take(Blocks *blocks, int64_t bytes)
{
    assert(bytes >= 0);
    if (bytes > BLOCKS_SLAB_MAX)
        return large_take(blocks, bytes);
    int32_t class_index = class_of(bytes);
    BlockSlab *slab = blocks->with_room[class_index];
    if (slab == NULL)
        slab = slab_new(blocks, class_index);
    void *block = slab->free_block;
    if (block != NULL) {
        memcpy(&slab->free_block, block, sizeof slab->free_block);
    } else {
        block = (uint8_t *)slab + slab->used_bytes;
        slab->used_bytes += slab->block_bytes;
    }
    if (slab->live_count++ == 0)
        blocks->idle_count--;
    if (!slab_has_room(slab))
        slab_unlink(&blocks->with_room[class_index], slab);
    return block;
}

void blocks_give(Blocks *blocks, void *block, int64_t bytes)
{
    if (block == NULL)
        return;
    if (bytes > BLOCKS_SLAB_MAX) {
        large_give(blocks, block, bytes);
        return;
    }
    BlockSlab *slab = (BlockSlab *)((uintptr_t)block & ~(uintptr_t)(SLAB_BYTES - 1));
    assert(slab->live_count > 0 && slab->block_bytes >= bytes);
    if (!slab_has_room(slab))
        slab_link(&blocks->with_room[slab->class_index], slab);
    memcpy(block, &slab->free_block, sizeof slab->free_block);
    slab->free_block = block;
    if (--slab->live_count == 0)
        slab_give(blocks, slab);
}

int64_t blocks_used_bytes(const Blocks *blocks)
{
    return blocks->held_bytes - (blocks->spare_count + blocks->idle_count) * SLAB_BYTES;
}

void blocks_close(Blocks *blocks)
{
    for (BlockRegion *region = blocks->regions, *older; region != NULL; region = older) {
        older = region->older;
        int32_t occupied = REGION_SLABS - __builtin_popcountll(region->vacant);
        memory_unreserve(region->addresses, REGION_BYTES, (int64_t)occupied * SLAB_BYTES);
        memory_free(region);
    }
    for (LargeBlock *large = blocks->large, *next; large != NULL; large = next) {
        next = large->next;
        memory_free(large);
    }
    *blocks = (Blocks){0};
}
