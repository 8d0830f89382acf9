/* Memory for rows, by size.
 *
 *   regions   one piece of the system's memory each, cut into slabs of 16 KiB
 *   slab      rows of one size class; its head says which and what is free
 *
 * A row finds its slab by its address. A slab without rows goes to the next class that wants one; a
 * region without slabs in use goes back to the system, unless it is the only idle one. Rows that
 * would waste a slab are allocated by themselves. */
#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "state/rows.h"

enum {
    SLAB_BYTES = 16384,
    SLAB_HEAD_BYTES = 64,
    ROW_BYTES_MAX = 2048, /* in slabs */
    FINE_BYTES_MAX = 256, /* classes 8 bytes apart; above, eighths of a power of two */
    FINE_CLASSES = FINE_BYTES_MAX / 8,
    CLASS_COUNT = FINE_CLASSES + 3 * 8 + 1,
    REGION_SLABS_FIRST = 2,
    REGION_SLABS_MAX = 64,
};

typedef struct Slab Slab;
typedef struct Region Region;

/* At the start of its 16 KiB. */
struct Slab {
    Region *region;
    Slab *next, *previous; /* of the class's slabs with room, or of the idle slabs */
    void *free_row;        /* a freed row holds the next one */
    int32_t row_bytes;
    int32_t used_bytes; /* from the start of the slab; behind it nothing was ever allocated */
    int32_t live_count;
    int32_t class_index;
};

static_assert(sizeof(Slab) <= SLAB_HEAD_BYTES, "the head leaves room for rows");

struct Region {
    Region *next, *previous;
    uint8_t *first; /* slab, aligned */
    int32_t slab_count;
    int32_t used_count; /* slabs ever used */
    int32_t live_count; /* slabs in use */
};

/* Before a row that has memory of its own. */
typedef struct LargeRow LargeRow;
struct LargeRow {
    LargeRow *next, *previous;
};

struct RowHeap {
    Slab *with_room[CLASS_COUNT];
    Slab *idle;
    LargeRow *large;
    Region *regions; /* the newest first: the only one with slabs never used */
    int32_t idle_region_count;
    int64_t bytes;
};

/* ---- Sizes ----------------------------------------------------------------------------- */

/* Above 256 bytes: 288, 320, … 512, 576, … 1024, 1152, … 2048. */
static int32_t class_of(int64_t bytes)
{
    if (bytes <= FINE_BYTES_MAX)
        return (int32_t)((bytes + 7) / 8);
    int32_t power = 63 - __builtin_clzll((unsigned long long)(bytes - 1));
    int64_t step = (int64_t)1 << (power - 3);
    int64_t eighth = (bytes - ((int64_t)1 << power) + step - 1) / step;
    return FINE_CLASSES + (power - 8) * 8 + (int32_t)eighth;
}

static int32_t class_bytes(int32_t index)
{
    if (index <= FINE_CLASSES)
        return index * 8;
    int32_t power = 8 + (index - FINE_CLASSES - 1) / 8;
    int32_t eighth = (index - FINE_CLASSES - 1) % 8 + 1;
    return (1 << power) + eighth * (1 << (power - 3));
}

/* ---- Regions --------------------------------------------------------------------------- */

static int64_t region_bytes(const Region *region)
{
    return (int64_t)sizeof *region + (int64_t)(region->slab_count + 1) * SLAB_BYTES;
}

static void region_new(RowHeap *heap)
{
    int32_t count = heap->regions == NULL ? REGION_SLABS_FIRST : heap->regions->slab_count * 2;
    count = count < REGION_SLABS_MAX ? count : REGION_SLABS_MAX;
    Region shape = {.slab_count = count, .next = heap->regions};
    Region *region = memory_allocate(region_bytes(&shape));
    *region = shape;
    uintptr_t behind = (uintptr_t)(region + 1);
    region->first = (uint8_t *)(region + 1) + (SLAB_BYTES - behind % SLAB_BYTES) % SLAB_BYTES;
    if (heap->regions != NULL)
        heap->regions->previous = region;
    heap->regions = region;
    heap->bytes += region_bytes(region);
    heap->idle_region_count++;
}

static void slab_unlink(Slab **list, Slab *slab)
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

static void slab_link(Slab **list, Slab *slab)
{
    slab->previous = NULL;
    slab->next = *list;
    if (*list != NULL)
        (*list)->previous = slab;
    *list = slab;
}

static Slab *slab_take(RowHeap *heap)
{
    Slab *slab = heap->idle;
    if (slab != NULL) {
        slab_unlink(&heap->idle, slab);
    } else {
        Region *region = heap->regions;
        if (region == NULL || region->used_count == region->slab_count) {
            region_new(heap);
            region = heap->regions;
        }
        slab = (Slab *)(void *)(region->first + (int64_t)region->used_count * SLAB_BYTES);
        region->used_count++;
        slab->region = region;
    }
    if (slab->region->live_count++ == 0)
        heap->idle_region_count--;
    return slab;
}

static Slab *slab_new(RowHeap *heap, int32_t class_index)
{
    Slab *slab = slab_take(heap);
    *slab = (Slab){.region = slab->region,
                   .row_bytes = class_bytes(class_index),
                   .used_bytes = SLAB_HEAD_BYTES,
                   .class_index = class_index};
    slab_link(&heap->with_room[class_index], slab);
    return slab;
}

static void region_free(RowHeap *heap, Region *region)
{
    for (int32_t i = 0; i < region->used_count; i++) {
        Slab *slab = (Slab *)(void *)(region->first + (int64_t)i * SLAB_BYTES);
        slab_unlink(&heap->idle, slab);
    }
    if (region->previous != NULL)
        region->previous->next = region->next;
    else
        heap->regions = region->next;
    if (region->next != NULL)
        region->next->previous = region->previous;
    heap->bytes -= region_bytes(region);
    heap->idle_region_count--;
    memory_free(region);
}

/* ---- Rows ------------------------------------------------------------------------------ */

RowHeap *row_heap_new(void)
{
    RowHeap *heap = memory_allocate_zeroed((int64_t)sizeof *heap);
    heap->bytes = (int64_t)sizeof *heap;
    return heap;
}

static bool slab_has_room(const Slab *slab)
{
    return slab->free_row != NULL || slab->used_bytes + slab->row_bytes <= SLAB_BYTES;
}

static uint8_t *large_allocate(RowHeap *heap, int64_t bytes)
{
    LargeRow *large = memory_allocate((int64_t)sizeof *large + bytes);
    *large = (LargeRow){.next = heap->large};
    if (heap->large != NULL)
        heap->large->previous = large;
    heap->large = large;
    heap->bytes += (int64_t)sizeof *large + bytes;
    return (uint8_t *)(large + 1);
}

static void large_release(RowHeap *heap, uint8_t *row, int64_t bytes)
{
    LargeRow *large = (LargeRow *)(void *)row - 1;
    if (large->previous != NULL)
        large->previous->next = large->next;
    else
        heap->large = large->next;
    if (large->next != NULL)
        large->next->previous = large->previous;
    heap->bytes -= (int64_t)sizeof *large + bytes;
    memory_free(large);
}

uint8_t *row_heap_allocate(RowHeap *heap, int64_t bytes)
{
    assert(bytes >= 0);
    if (bytes > ROW_BYTES_MAX)
        return large_allocate(heap, bytes);
    int32_t class_index = class_of(bytes > 8 ? bytes : 8);
    Slab *slab = heap->with_room[class_index];
    if (slab == NULL)
        slab = slab_new(heap, class_index);
    uint8_t *row = slab->free_row;
    if (row != NULL) {
        memcpy(&slab->free_row, row, sizeof slab->free_row);
    } else {
        row = (uint8_t *)slab + slab->used_bytes;
        slab->used_bytes += slab->row_bytes;
    }
    slab->live_count++;
    if (!slab_has_room(slab))
        slab_unlink(&heap->with_room[class_index], slab);
    return row;
}

static void slab_free(RowHeap *heap, Slab *slab)
{
    slab_unlink(&heap->with_room[slab->class_index], slab);
    slab_link(&heap->idle, slab);
    Region *region = slab->region;
    if (--region->live_count > 0)
        return;
    heap->idle_region_count++;
    if (heap->idle_region_count > 1)
        region_free(heap, region);
}

void row_heap_release(RowHeap *heap, uint8_t *row, int64_t bytes)
{
    if (bytes > ROW_BYTES_MAX) {
        large_release(heap, row, bytes);
        return;
    }
    Slab *slab = (Slab *)((uintptr_t)row & ~(uintptr_t)(SLAB_BYTES - 1));
    assert(slab->live_count > 0 && slab->row_bytes >= bytes);
    if (!slab_has_room(slab))
        slab_link(&heap->with_room[slab->class_index], slab);
    memcpy(row, &slab->free_row, sizeof slab->free_row);
    slab->free_row = row;
    if (--slab->live_count == 0)
        slab_free(heap, slab);
}

void row_heap_free(RowHeap *heap)
{
    if (heap == NULL)
        return;
    for (Region *region = heap->regions; region != NULL;) {
        Region *next = region->next;
        memory_free(region);
        region = next;
    }
    for (LargeRow *large = heap->large; large != NULL;) {
        LargeRow *next = large->next;
        memory_free(large);
        large = next;
    }
    memory_free(heap);
}

int64_t row_heap_bytes(const RowHeap *heap)
{
    return heap->bytes;
}
