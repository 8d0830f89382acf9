/* The one door to the heap.
 *
 * Allocation here never returns NULL: when memory runs out the process ends with one message and
 * MEMORY_EXIT_CODE, as if it had been killed, and the next run resumes from the last checkpoint
 * (docs/decisions/0014). Budgets are enforced above, at batch boundaries. The bytes in use are
 * counted, so that metrics and limits need no guessing. */
#ifndef WEIR_BASE_MEMORY_H
#define WEIR_BASE_MEMORY_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* "Try again": what held the memory is gone with the process. */
enum { MEMORY_EXIT_CODE = 75 };

/* Uninitialised memory of `bytes` (>= 0), aligned for any type; free with memory_free. */
void *memory_allocate(int64_t bytes);

/* The same, zeroed. */
void *memory_allocate_zeroed(int64_t bytes);

/* The same, for what will be read and then written at places all over it: its pages are made at
 * once. Else each is made twice, first as the zeroes that all processes share, and to give those up
 * interrupts every other core that runs a thread of this one. */
void *memory_allocate_scattered(int64_t bytes);

/* Grow or shrink, moving if needed; `pointer` may be NULL. */
void *memory_resize(void *pointer, int64_t bytes);

/* NULL is allowed. */
void memory_free(void *pointer);

/* Whole pages straight from the system, which has them back at once when they are given up: for
 * large pieces that come and go between others. Of MEMORY_LARGE_PAGE bytes or a multiple, they are
 * large pages where the system has some. */
enum { MEMORY_LARGE_PAGE = 2 * 1024 * 1024 };
void *memory_map(int64_t bytes);
void memory_unmap(void *pointer, int64_t bytes);

/* Addresses of whole pages, yet without memory. A piece of them has some from memory_occupy, which
 * makes it count, until memory_vacate, which gives it back to the system. `occupied_bytes`: those
 * pieces that still have some. */
void *memory_reserve(int64_t bytes);
void memory_unreserve(void *pointer, int64_t bytes, int64_t occupied_bytes);
void memory_occupy(int64_t bytes);
void memory_vacate(void *pointer, int64_t bytes);

/* Bytes handed out and not yet freed, by the allocator's own accounting. */
int64_t memory_used_bytes(void);

/* What a library has allocated by itself; NULL says that it could not. */
void *memory_expect(void *pointer);

/* End the process as said above; `bytes` is what was asked for, 0 if unknown. For libraries that
 * say by a code of their own that memory ran out. From any thread; one of them gets its message
 * out. */
void memory_exhausted(int64_t bytes) __attribute__((noreturn));

/* The same with a message of the caller's. */
void memory_end(const char *text, int length) __attribute__((noreturn));

/* From now on what this thread allocates and frees counts for this holder, a gauge of bytes (see
 * ceiling_holder; NULL: nobody's); returns the one before. */
struct Metric *memory_hold(struct Metric *holder);

/* For whom they count now. */
struct Metric *memory_holder(void);

/* For tests: the allocation of this number, counted from now on in all threads, fails, and all
 * behind it. 0: none. */
void memory_fail_at(int64_t number);

#ifdef __cplusplus
}
#endif

#endif
