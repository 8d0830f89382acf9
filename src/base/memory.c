/* The heap, counted. */
#include "base/memory.h"

#include <assert.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/ceiling.h"
#include "base/metrics.h"

static const char CODE[] = "WR5201";

enum { SCATTERED_BYTES_MIN = 64 * 1024 }; /* for less, the call costs as much as the faults */

static _Atomic int64_t used_bytes;
static _Atomic bool is_ending;
static _Atomic int64_t allowed = INT64_MAX; /* allocations until they fail on purpose */
static _Thread_local Metric *holder;        /* NULL: nobody's */

/* Nothing here may ask for memory, nor wait for a lock that another thread holds. */
void memory_end(const char *text, int length)
{
    if (atomic_exchange(&is_ending, true))
        for (;;)
            pause();
    ssize_t done = write(STDERR_FILENO, text, (size_t)length);
    (void)done;
    _exit(MEMORY_EXIT_CODE);
}

void memory_exhausted(int64_t bytes)
{
    char text[512];
    int length = snprintf(
        text, sizeof text,
        "error[%s]: out of memory: %lld bytes asked for, %lld in use\n"
        "   = help: give the process more memory, or the pipeline less to keep; it resumes from "
        "its last checkpoint\n"
        "   = explain: weir explain-error %s\n",
        CODE, (long long)bytes, (long long)memory_used_bytes(), CODE);
    memory_end(text, length);
}

void *memory_expect(void *pointer)
{
    if (pointer == NULL)
        memory_exhausted(0);
    return pointer;
}

void memory_fail_at(int64_t number)
{
    atomic_store(&allowed, number == 0 ? INT64_MAX : number - 1);
}

static bool memory_is_refused(void)
{
    return atomic_load_explicit(&allowed, memory_order_relaxed) != INT64_MAX &&
           atomic_fetch_sub(&allowed, 1) <= 0;
}

Metric *memory_hold(Metric *next)
{
    Metric *before = holder;
    holder = next;
    return before;
}

Metric *memory_holder(void)
{
    return holder;
}

static void memory_note(int64_t bytes)
{
    atomic_fetch_add_explicit(&used_bytes, bytes, memory_order_relaxed);
    if (holder != NULL)
        metric_add(holder, bytes);
}

static void *memory_count(void *pointer, int64_t bytes)
{
    if (pointer == NULL || memory_is_refused())
        memory_exhausted(bytes);
    memory_note((int64_t)malloc_usable_size(pointer));
    return pointer;
}

void *memory_allocate(int64_t bytes)
{
    assert(bytes >= 0);
    ceiling_admit(bytes);
    return memory_count(malloc(bytes > 0 ? (size_t)bytes : 1), bytes);
}

/* Large tables are read at random: with pages of 4 KB nearly each look also waits for the address
 * to be translated, and making them costs a fault for every page. The kernel gives large ones where
 * it has some and may. */
static void memory_prefer_huge_pages(char *pointer, int64_t bytes)
{
    if (pointer == NULL || bytes < 2 * MEMORY_LARGE_PAGE)
        return;
    uintptr_t first =
        ((uintptr_t)pointer + MEMORY_LARGE_PAGE - 1) & ~(uintptr_t)(MEMORY_LARGE_PAGE - 1);
    uintptr_t end = ((uintptr_t)pointer + (uintptr_t)bytes) & ~(uintptr_t)(MEMORY_LARGE_PAGE - 1);
    if (first < end)
        madvise((void *)first, end - first, MADV_HUGEPAGE); /* a wish: failing is no harm */
}

void *memory_allocate_zeroed(int64_t bytes)
{
    assert(bytes >= 0);
    ceiling_admit(bytes);
    void *pointer = calloc(1, bytes > 0 ? (size_t)bytes : 1);
    memory_prefer_huge_pages(pointer, bytes);
    return memory_count(pointer, bytes);
}

void *memory_allocate_scattered(int64_t bytes)
{
    void *pointer = memory_allocate_zeroed(bytes);
#ifdef MADV_POPULATE_WRITE
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)pointer + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)pointer + (uintptr_t)bytes) & ~(page - 1);
    if (bytes >= SCATTERED_BYTES_MIN)
        madvise((void *)first, end - first, MADV_POPULATE_WRITE); /* older kernels do not know it */
#endif
    return pointer;
}

void *memory_resize(void *pointer, int64_t bytes)
{
    assert(bytes >= 0);
    ceiling_admit(bytes);
    if (pointer != NULL)
        memory_note(-(int64_t)malloc_usable_size(pointer));
    return memory_count(realloc(pointer, bytes > 0 ? (size_t)bytes : 1), bytes);
}

void memory_free(void *pointer)
{
    if (pointer == NULL)
        return;
    memory_note(-(int64_t)malloc_usable_size(pointer));
    free(pointer);
}

void *memory_reserve(int64_t bytes)
{
    assert(bytes > 0);
    void *pointer =
        mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pointer == MAP_FAILED || memory_is_refused())
        memory_exhausted(bytes);
    return pointer;
}

void memory_unreserve(void *pointer, int64_t bytes, int64_t occupied_bytes)
{
    memory_note(-occupied_bytes);
    int result = munmap(pointer, (size_t)bytes);
    assert(result == 0);
}

void memory_occupy(int64_t bytes)
{
    assert(bytes > 0);
    ceiling_admit(bytes);
    memory_note(bytes);
}

void memory_vacate(void *pointer, int64_t bytes)
{
    memory_note(-bytes);
    int result = madvise(pointer, (size_t)bytes, MADV_DONTNEED);
    assert(result == 0);
}

/* Large pages begin at a multiple of their size. The last such place is taken, and what lies before
 * and behind goes back: the system gives addresses from high to low, so the next piece ends where
 * this one begins, and both are one mapping, of which a process may have some 65,000. */
static void *reserve_large(int64_t bytes)
{
    char *pages = memory_reserve(bytes + MEMORY_LARGE_PAGE);
    int64_t behind = (int64_t)((uintptr_t)pages & (MEMORY_LARGE_PAGE - 1));
    char *first = pages + MEMORY_LARGE_PAGE - behind;
    memory_unreserve(pages, MEMORY_LARGE_PAGE - behind, 0);
    if (behind > 0)
        memory_unreserve(first + bytes, behind, 0);
    madvise(first, (size_t)bytes, MADV_HUGEPAGE); /* a wish: failing is no harm */
    return first;
}

void *memory_map(int64_t bytes)
{
    memory_occupy(bytes);
    return bytes % MEMORY_LARGE_PAGE == 0 ? reserve_large(bytes) : memory_reserve(bytes);
}

void memory_unmap(void *pointer, int64_t bytes)
{
    memory_unreserve(pointer, bytes, bytes);
}

int64_t memory_used_bytes(void)
{
    return atomic_load_explicit(&used_bytes, memory_order_relaxed);
}
