/* The heap, counted. */
#include "base/memory.h"

#include <assert.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static _Atomic int64_t used_bytes;

static void *memory_count(void *pointer, int64_t bytes)
{
    if (pointer == NULL) {
        fprintf(stderr, "error[WR9001]: out of memory: %lld bytes asked, %lld in use\n",
                (long long)bytes, (long long)memory_used_bytes());
        abort();
    }
    atomic_fetch_add_explicit(&used_bytes, (int64_t)malloc_usable_size(pointer),
                              memory_order_relaxed);
    return pointer;
}

void *memory_allocate(int64_t bytes)
{
    assert(bytes >= 0);
    return memory_count(malloc(bytes > 0 ? (size_t)bytes : 1), bytes);
}

void *memory_allocate_zeroed(int64_t bytes)
{
    assert(bytes >= 0);
    return memory_count(calloc(1, bytes > 0 ? (size_t)bytes : 1), bytes);
}

void *memory_resize(void *pointer, int64_t bytes)
{
    assert(bytes >= 0);
    if (pointer != NULL)
        atomic_fetch_sub_explicit(&used_bytes, (int64_t)malloc_usable_size(pointer),
                                  memory_order_relaxed);
    return memory_count(realloc(pointer, bytes > 0 ? (size_t)bytes : 1), bytes);
}

void memory_free(void *pointer)
{
    if (pointer == NULL)
        return;
    atomic_fetch_sub_explicit(&used_bytes, (int64_t)malloc_usable_size(pointer),
                              memory_order_relaxed);
    free(pointer);
}

int64_t memory_used_bytes(void)
{
    return atomic_load_explicit(&used_bytes, memory_order_relaxed);
}
