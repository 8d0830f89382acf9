/* Memory with one lifetime: allocate by moving a pointer, free all of it at once.
 *
 * A job's plan lives in one arena, the temporaries of a batch in another that is reset
 * after each batch, the strings of a batch in the batch's own. Allocation cannot fail.
 * An arena belongs to one thread at a time. */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include <stdint.h>

typedef struct Arena Arena;

/* An empty arena, whose memory counts for whoever makes it (memory_hold); free with arena_free.
 * `chunk_bytes` is the size of its first chunk, 0 for the default of 4 KiB; later chunks double up
 * to 1 MiB. No memory is taken before first use. */
Arena *arena_new(int64_t chunk_bytes);

/* NULL is allowed. */
void arena_free(Arena *arena);

/* Forget everything allocated. The largest chunk is kept for the next round, unless it has been
 * much larger than needed for many rounds. */
void arena_reset(Arena *arena);

/* Uninitialised memory, aligned to 16 bytes, valid until reset or free. */
void *arena_allocate(Arena *arena, int64_t bytes);

/* The same, zeroed. */
void *arena_allocate_zeroed(Arena *arena, int64_t bytes);

/* A copy of `bytes` bytes; not terminated. */
void *arena_copy(Arena *arena, const void *source, int64_t bytes);

/* A terminated string made like printf. */
char *arena_printf(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes of the chunks held. */
int64_t arena_bytes(const Arena *arena);

/* One zeroed object, or a zeroed array of `count`. */
#define ARENA_NEW(arena, type) ((type *)arena_allocate_zeroed((arena), (int64_t)sizeof(type)))
#define ARENA_ARRAY(arena, type, count)                                                            \
    ((type *)arena_allocate_zeroed((arena), (int64_t)sizeof(type) * (int64_t)(count)))

#endif
