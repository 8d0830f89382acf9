/* Memory for many small things of keyed state that come and go: rows, mostly.
 *
 * Blocks are cut from slabs by size class and go back to the free list of their class, so that
 * state which stays as large as it is takes no memory anew. Large blocks come from the heap. The
 * caller remembers how many bytes a block has. One thread at a time. */
#ifndef WEIR_STATE_BLOCKS_H
#define WEIR_STATE_BLOCKS_H

#include <stdint.h>

enum {
    BLOCKS_FINE_MAX = 512,    /* steps of 16 bytes up to here */
    BLOCKS_COARSE_MAX = 4096, /* steps of 256 bytes up to here, the heap above */
    BLOCKS_CLASSES = BLOCKS_FINE_MAX / 16 + (BLOCKS_COARSE_MAX - BLOCKS_FINE_MAX) / 256 + 1,
};

typedef struct BlockFree BlockFree;
typedef struct BlockSlab BlockSlab;

/* Zero-initialise; blocks_close gives all of it back, except the large blocks. */
typedef struct Blocks {
    BlockFree *free[BLOCKS_CLASSES];
    BlockSlab *slabs;
    char *at, *end;     /* what is left of the newest slab */
    int64_t slab_bytes; /* of the next slab */
    int64_t held_bytes; /* slabs and large blocks */
} Blocks;

/* Uninitialised, aligned to 16 bytes. `bytes` > 0. */
void *blocks_take(Blocks *blocks, int64_t bytes);
/* `bytes` as it was taken. NULL is allowed. */
void blocks_give(Blocks *blocks, void *block, int64_t bytes);
void blocks_close(Blocks *blocks);

#endif
