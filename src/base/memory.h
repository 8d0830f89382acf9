/* The one door to the heap.
 *
 * Allocation here never returns NULL: running out of address space ends the process with a
 * message, because every caller would do the same. Budgets are enforced above, at batch
 * boundaries. The bytes in use are counted, so that metrics and limits need no guessing. */
#ifndef WEIR_BASE_MEMORY_H
#define WEIR_BASE_MEMORY_H

#include <stdint.h>

/* Uninitialised memory of `bytes` (>= 0), aligned for any type; free with memory_free. */
void *memory_allocate(int64_t bytes);

/* The same, zeroed. */
void *memory_allocate_zeroed(int64_t bytes);

/* Grow or shrink, moving if needed; `pointer` may be NULL. */
void *memory_resize(void *pointer, int64_t bytes);

/* NULL is allowed. */
void memory_free(void *pointer);

/* Bytes handed out and not yet freed, by the allocator's own accounting. */
int64_t memory_used_bytes(void);

#endif
