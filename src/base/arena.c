/* Arena: a list of chunks, the newest first; only the newest has room. */
#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum {
    ARENA_ALIGNMENT = 16,
    ARENA_CHUNK_BYTES_DEFAULT = 4096,
    ARENA_CHUNK_BYTES_MAX = 1 << 20,
    /* One large round, after a stall or a flood, would else be held for good, in each of a hundred
     * arenas at another moment. */
    ARENA_ROUNDS = 128,
    ARENA_SPARE_MAX = 4, /* a kept chunk may be so many times what any round of these has needed */
};

typedef struct Chunk {
    struct Chunk *next;
    int64_t capacity; /* bytes behind the header */
    int64_t used;
    int64_t padding; /* keeps what follows aligned to 16 bytes */
} Chunk;

static_assert(sizeof(Chunk) % ARENA_ALIGNMENT == 0, "a chunk's bytes must start aligned");

struct Arena {
    Chunk *chunks;
    int64_t next_chunk_bytes;
    int64_t held_bytes;
    int64_t used_bytes_max; /* of the rounds since it was last looked at */
    int32_t round_count;
    struct Metric *holder; /* for whom chunks count, whoever takes and frees them */
};

Arena *arena_new(int64_t chunk_bytes)
{
    assert(chunk_bytes >= 0);
    Arena *arena = memory_allocate_zeroed(sizeof(Arena));
    arena->holder = memory_holder();
    arena->next_chunk_bytes = chunk_bytes > 0 ? chunk_bytes : ARENA_CHUNK_BYTES_DEFAULT;
    return arena;
}

static void arena_free_chunks(Arena *arena, Chunk *keep)
{
    Chunk *chunk = arena->chunks;
    struct Metric *before = memory_hold(arena->holder);
    while (chunk != NULL) {
        Chunk *next = chunk->next;
        if (chunk != keep) {
            arena->held_bytes -= chunk->capacity;
            memory_free(chunk);
        }
        chunk = next;
    }
    arena->chunks = keep;
    memory_hold(before);
}

void arena_free(Arena *arena)
{
    if (arena == NULL)
        return;
    arena_free_chunks(arena, NULL);
    memory_free(arena);
}

/* Whether the chunk is much larger than rounds have been for long. */
static bool arena_is_roomy(Arena *arena, const Chunk *chunk, int64_t used_bytes)
{
    if (used_bytes > arena->used_bytes_max)
        arena->used_bytes_max = used_bytes;
    if (++arena->round_count < ARENA_ROUNDS)
        return false;
    bool is_roomy = chunk->capacity > ARENA_CHUNK_BYTES_DEFAULT &&
                    chunk->capacity / ARENA_SPARE_MAX > arena->used_bytes_max;
    if (is_roomy)
        arena->next_chunk_bytes = arena->used_bytes_max > ARENA_CHUNK_BYTES_DEFAULT
                                      ? arena->used_bytes_max
                                      : ARENA_CHUNK_BYTES_DEFAULT;
    arena->round_count = 0;
    arena->used_bytes_max = 0;
    return is_roomy;
}

void arena_reset(Arena *arena)
{
    Chunk *largest = arena->chunks;
    int64_t used_bytes = 0;
    if (largest == NULL)
        return;
    for (Chunk *chunk = arena->chunks; chunk != NULL; chunk = chunk->next) {
        used_bytes += chunk->used;
        if (chunk->capacity > largest->capacity)
            largest = chunk;
    }
    if (arena_is_roomy(arena, largest, used_bytes))
        largest = NULL;
    arena_free_chunks(arena, largest);
    if (largest != NULL) {
        largest->next = NULL;
        largest->used = 0;
    }
}

static void arena_grow(Arena *arena, int64_t bytes)
{
    int64_t capacity = arena->next_chunk_bytes;
    if (capacity < bytes)
        capacity = bytes;
    struct Metric *before = memory_hold(arena->holder);
    Chunk *chunk = memory_allocate((int64_t)sizeof(Chunk) + capacity);
    memory_hold(before);
    chunk->next = arena->chunks;
    chunk->capacity = capacity;
    chunk->used = 0;
    arena->chunks = chunk;
    arena->held_bytes += capacity;
    if (arena->next_chunk_bytes < ARENA_CHUNK_BYTES_MAX)
        arena->next_chunk_bytes *= 2;
}

void *arena_allocate(Arena *arena, int64_t bytes)
{
    assert(bytes >= 0);
    int64_t rounded = (bytes + ARENA_ALIGNMENT - 1) & ~(int64_t)(ARENA_ALIGNMENT - 1);
    if (arena->chunks == NULL || arena->chunks->capacity - arena->chunks->used < rounded)
        arena_grow(arena, rounded);
    char *base = (char *)(arena->chunks + 1);
    void *result = base + arena->chunks->used;
    arena->chunks->used += rounded;
    return result;
}

void *arena_allocate_zeroed(Arena *arena, int64_t bytes)
{
    void *result = arena_allocate(arena, bytes);
    memset(result, 0, (size_t)bytes);
    return result;
}

void *arena_copy(Arena *arena, const void *source, int64_t bytes)
{
    void *result = arena_allocate(arena, bytes);
    if (bytes > 0)
        memcpy(result, source, (size_t)bytes);
    return result;
}

char *arena_printf(Arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(length >= 0);
    char *text = arena_allocate(arena, length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

int64_t arena_bytes(const Arena *arena)
{
    return arena->held_bytes;
}
