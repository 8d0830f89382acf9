/* A heap that moves what it holds. */
#include "state/packs.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"

enum {
    CHUNK_BYTES = 1 << 20,
    CHUNK_BYTES_FIRST = 1 << 12, /* small tables have small chunks, which double */
    ALIGNMENT = 8,
    CHUNK_BYTES_MAPPED = 1 << 16, /* from here on they come straight from the system */
    CHUNK_BYTES_LARGE = MEMORY_LARGE_PAGE,
    CHUNKS_LARGE_FROM = 16 * CHUNK_BYTES_LARGE, /* of all: one that is half empty is little then */
    LINE_BYTES = 64,
    AHEAD_HOMES = 4 << 10,  /* bytes in front of what is moved whose homes are asked for … */
    AHEAD_BYTES = 8 << 10,  /* … and which are asked for themselves */
    HOLES_PART = 16,        /* of all: then chunks are emptied … */
    CURRENT_HOLES_PART = 4, /* … that which is filled now from this part of itself on */
    TIDY_BYTES = 4 << 20,   /* gone through in one call */
};

typedef struct Block {
    void **home; /* NULL: a hole */
    uint32_t bytes;
    uint32_t chunk;
} Block;

typedef struct Chunk {
    uint8_t *bytes; /* NULL: free for the next one */
    int64_t size, used, holes;
} Chunk;

struct Packs {
    Chunk *chunks;
    int32_t count, capacity;
    int32_t current; /* is filled now; -1: none */
    int64_t bytes, holes;
};

/* A whole chunk of each size that nobody has now, for all: pages that the system gives are cleared
 * first. */
static void *_Atomic chunk_spare, *_Atomic chunk_spare_large;

static void *_Atomic *chunk_spare_of(int64_t size)
{
    return size == CHUNK_BYTES         ? &chunk_spare
           : size == CHUNK_BYTES_LARGE ? &chunk_spare_large
                                       : NULL;
}

static uint8_t *chunk_allocate(int64_t size)
{
    void *_Atomic *spare = chunk_spare_of(size);
    uint8_t *found = spare == NULL ? NULL : atomic_exchange(spare, NULL);
    if (found != NULL)
        return found;
    return size < CHUNK_BYTES_MAPPED ? memory_allocate(size) : memory_map(size);
}

static void chunk_free(const Chunk *chunk)
{
    void *_Atomic *spare = chunk_spare_of(chunk->size);
    void *bytes = chunk->bytes;
    if (spare != NULL && bytes != NULL)
        bytes = atomic_exchange(spare, bytes);
    if (bytes != NULL && chunk->size >= CHUNK_BYTES_MAPPED)
        memory_unmap(bytes, chunk->size);
    else
        memory_free(bytes);
}

Packs *packs_new(void)
{
    Packs *packs = memory_allocate_zeroed((int64_t)sizeof *packs);
    packs->current = -1;
    return packs;
}

void packs_free(Packs *packs)
{
    if (packs == NULL)
        return;
    for (int32_t i = 0; i < packs->count; i++)
        chunk_free(&packs->chunks[i]);
    memory_free(packs->chunks);
    memory_free(packs);
}

int64_t packs_bytes(const Packs *packs)
{
    int64_t live = packs->bytes - packs->holes;
    return live + live / (HOLES_PART - 1) + (int64_t)sizeof(Chunk) * packs->capacity;
}

static void packs_drop(Packs *packs, int32_t at)
{
    Chunk *chunk = &packs->chunks[at];
    packs->bytes -= chunk->size;
    packs->holes -= chunk->holes;
    chunk_free(chunk);
    *chunk = (Chunk){0};
}

static int32_t packs_free_place(Packs *packs)
{
    for (int32_t i = 0; i < packs->count; i++)
        if (packs->chunks[i].bytes == NULL)
            return i;
    if (packs->count == packs->capacity) {
        packs->capacity = packs->capacity == 0 ? 4 : packs->capacity * 2;
        packs->chunks = memory_resize(packs->chunks, (int64_t)sizeof(Chunk) * packs->capacity);
    }
    return packs->count++;
}

/* Another one to be filled, for at least one block of this size. */
static void packs_add_chunk(Packs *packs, int64_t bytes)
{
    int64_t size = packs->bytes < CHUNK_BYTES_FIRST ? CHUNK_BYTES_FIRST : packs->bytes;
    size = size < CHUNK_BYTES ? size : CHUNK_BYTES;
    size = packs->bytes < CHUNKS_LARGE_FROM ? size : CHUNK_BYTES_LARGE;
    size = size > bytes ? size : bytes;
    int32_t before = packs->current;
    if (before >= 0 && packs->chunks[before].holes == packs->chunks[before].used)
        packs_drop(packs, before);
    packs->current = packs_free_place(packs);
    packs->chunks[packs->current] = (Chunk){.bytes = chunk_allocate(size), .size = size};
    packs->bytes += size;
}

void *packs_allocate(Packs *packs, int64_t bytes)
{
    bytes = (bytes + (int64_t)sizeof(Block) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    assert(bytes < UINT32_MAX);
    int32_t at = packs->current;
    if (at < 0 || packs->chunks[at].size - packs->chunks[at].used < bytes)
        packs_add_chunk(packs, bytes);
    Chunk *chunk = &packs->chunks[packs->current];
    Block *block = (Block *)(void *)(chunk->bytes + chunk->used);
    chunk->used += bytes;
    *block = (Block){.bytes = (uint32_t)bytes, .chunk = (uint32_t)packs->current};
    return block + 1;
}

void packs_settle(void *pack, void **home)
{
    ((Block *)pack - 1)->home = home;
}

void packs_release(Packs *packs, void *pack)
{
    if (pack == NULL)
        return;
    Block *block = (Block *)pack - 1;
    int32_t at = (int32_t)block->chunk;
    Chunk *chunk = &packs->chunks[at];
    block->home = NULL;
    chunk->holes += block->bytes;
    packs->holes += block->bytes;
    if (at != packs->current && chunk->holes == chunk->used)
        packs_drop(packs, at);
}

/* The chunk with most holes, -1 if there are none. */
static int32_t packs_worst(const Packs *packs)
{
    int32_t worst = -1;
    for (int32_t i = 0; i < packs->count; i++) {
        const Chunk *chunk = &packs->chunks[i];
        int64_t least = i == packs->current ? chunk->used / CURRENT_HOLES_PART : 0;
        if (chunk->holes > least && (worst < 0 || chunk->holes > packs->chunks[worst].holes))
            worst = i;
    }
    return worst;
}

/* What is moved next, and its homes, which lie anywhere: each was waited for, which took longer
 * than all else here. */
static int64_t packs_look_ahead(const Chunk *chunk, int64_t ahead, int64_t offset)
{
    while (ahead < offset + AHEAD_HOMES && ahead < chunk->used) {
        const Block *block = (const Block *)(const void *)(chunk->bytes + ahead);
        if (block->home != NULL)
            __builtin_prefetch(block->home, 1);
        for (int64_t at = 0; at < block->bytes; at += LINE_BYTES)
            __builtin_prefetch(chunk->bytes + ahead + AHEAD_BYTES + at);
        ahead += block->bytes;
    }
    return ahead;
}

static void packs_empty(Packs *packs, int32_t at)
{
    int64_t used = packs->chunks[at].used, ahead = 0;
    if (at == packs->current)
        packs->current = -1;
    for (int64_t offset = 0; offset < used;) {
        Block *block = (Block *)(void *)(packs->chunks[at].bytes + offset);
        ahead = packs_look_ahead(&packs->chunks[at], ahead, offset);
        offset += block->bytes;
        if (block->home == NULL)
            continue;
        assert(*block->home == block + 1);
        int64_t bytes = (int64_t)block->bytes - (int64_t)sizeof(Block);
        void *moved = packs_allocate(packs, bytes);
        memcpy(moved, block + 1, (size_t)bytes);
        packs_settle(moved, block->home);
        *block->home = moved;
    }
    packs_drop(packs, at);
}

void packs_tidy(Packs *packs)
{
    int64_t done = 0;
    while (packs->holes > packs->bytes / HOLES_PART && packs->bytes > CHUNK_BYTES_FIRST &&
           done < TIDY_BYTES) {
        int32_t worst = packs_worst(packs);
        if (worst < 0)
            return;
        done += packs->chunks[worst].used;
        packs_empty(packs, worst);
    }
}
