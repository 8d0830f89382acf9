/* Memory for many small things of keyed state that come and go: rows, mostly.
 *
 *     regions   a megabyte of addresses each, cut into slabs of 16 KiB
 *     slab      blocks of one size class; its head says which, and what is free
 *
 * A block finds its slab by its address. A slab without blocks goes to the next class that wants
 * one, so that state which stays as large as it is takes no memory anew; of those beyond some
 * spare ones the memory goes back to the system, so that state which shrinks takes less, whatever
 * lies beside it. Blocks that would waste a slab are allocated by themselves. The caller remembers
 * how many bytes a block has. One thread at a time. */
#ifndef WEIR_STATE_BLOCKS_H
#define WEIR_STATE_BLOCKS_H

#include <stdint.h>

enum {
    BLOCKS_FINE_MAX = 256,  /* classes 8 bytes apart; above, eighths of a power of two … */
    BLOCKS_SLAB_MAX = 2048, /* … up to here, in slabs */
    BLOCKS_FINE_CLASSES = BLOCKS_FINE_MAX / 8,
    BLOCKS_CLASSES = BLOCKS_FINE_CLASSES + 3 * 8 + 1,
};

typedef struct BlockSlab BlockSlab;
typedef struct BlockRegion BlockRegion;
typedef struct LargeBlock LargeBlock;

/* Zero-initialise; blocks_close gives all of it back. */
typedef struct Blocks {
    BlockSlab *with_room[BLOCKS_CLASSES];
    BlockSlab *spare;     /* slabs without blocks that have their memory still */
    BlockRegion *regions; /* all … */
    BlockRegion *vacant;  /* … and those with slabs that have no memory */
    LargeBlock *large;
    int64_t slab_count;              /* with memory */
    int64_t spare_count, idle_count; /* of these without blocks: spare; ready for their class */
    int64_t held_bytes;              /* slabs with memory, and large blocks */
} Blocks;

/* Uninitialised, aligned to 8 bytes. `bytes` >= 0. */
void *blocks_take(Blocks *blocks, int64_t bytes);
/* `bytes` as it was taken. NULL is allowed. */
void blocks_give(Blocks *blocks, void *block, int64_t bytes);
/* What goes when the blocks do: held_bytes but for slabs that have none. */
int64_t blocks_used_bytes(const Blocks *blocks);
/* With all blocks. */
void blocks_close(Blocks *blocks);

#endif
