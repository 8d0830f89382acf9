/* Slices in order of time. */
#include "exec/window/slices.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

void slices_open(Slices *slices, KeyedState *keyed, const TableKey *key, int32_t value_bytes,
                 const TableCodec *codec, void *owner)
{
    *slices = (Slices){.key = key,
                       .value_bytes = value_bytes,
                       .codec = codec,
                       .owner = owner,
                       .keyed = keyed,
                       .mark = keyed_mark(keyed)};
}

void slices_spill(Slices *slices, Spill *spill)
{
    assert(slices_count(slices) == 0);
    slices->spill = spill;
}

/* Position of the first slice with at least this number. */
static int32_t slices_search(const Slices *slices, int64_t number)
{
    int32_t low = slices->first, high = slices->end;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (slices->items[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Where it is if no slice is missing between it and the last one, or -1. */
static int32_t slices_guess(const Slices *slices, int64_t number)
{
    if (slices->first == slices->end)
        return -1;
    int64_t distance = slices->items[slices->end - 1].number - number;
    if (distance < 0 || distance >= slices_count(slices))
        return -1;
    int32_t at = slices->end - 1 - (int32_t)distance;
    return slices->items[at].number == number ? at : -1;
}

/* Room for one more at the end; the gap in front is closed when it is half of all. */
static void slices_need_room(Slices *slices)
{
    if (slices->end < slices->capacity)
        return;
    int32_t count = slices_count(slices);
    if (slices->first > 0 && slices->first >= slices->capacity / 2) {
        memmove(slices->items, slices->items + slices->first, sizeof(Slice) * (size_t)count);
        slices->first = 0;
        slices->end = count;
        return;
    }
    slices->capacity = slices->capacity == 0 ? 16 : slices->capacity * 2;
    slices->items =
        memory_resize(slices->items, (int64_t)sizeof(Slice) * (int64_t)slices->capacity);
}

StateTable *slices_find(Slices *slices, int64_t number)
{
    if (slices->recent >= slices->first && slices->recent < slices->end &&
        slices->items[slices->recent].number == number)
        return slices->items[slices->recent].table;
    int32_t at = slices_guess(slices, number);
    if (at < 0)
        at = slices_search(slices, number);
    if (at == slices->end || slices->items[at].number != number)
        return NULL;
    slices->recent = at;
    return slices->items[at].table;
}

/* An empty table, which keeps its memory from slice to slice. */
static StateTable *slices_new_table(Slices *slices, int64_t number)
{
    StateTable *table;
    if (slices->spare_count > 0) {
        table = slices->spare[--slices->spare_count];
    } else {
        table = table_new(slices->key, slices->value_bytes);
        table_describe(table, slices->codec, slices->owner);
    }
    keyed_add(slices->keyed, (KeyedId){.kind = SLICES_KEYED_KIND, .number = number}, table);
    if (slices->spill != NULL)
        table_spill(table, slices->spill);
    return table;
}

StateTable *slices_get(Slices *slices, int64_t number)
{
    StateTable *found = slices_find(slices, number);
    if (found != NULL)
        return found;
    slices_need_room(slices);
    int32_t at = slices_search(slices, number);
    memmove(slices->items + at + 1, slices->items + at, sizeof(Slice) * (size_t)(slices->end - at));
    StateTable *table = slices_new_table(slices, number);
    slices->items[at] = (Slice){.number = number, .table = table};
    slices->end++;
    slices->recent = at;
    return table;
}

const Slice *slices_from(const Slices *slices, int64_t number)
{
    int32_t at = slices_search(slices, number);
    return at == slices->end ? NULL : &slices->items[at];
}

/* Nobody has it any more. */
static void slices_take_back(void *context, StateTable *table)
{
    Slices *slices = context;
    if (slices->spill == NULL && slices->spare_count < SLICES_SPARE_MAX && table_reuse(table))
        slices->spare[slices->spare_count++] = table;
    else
        table_free(table);
}

void slices_drop(Slices *slices, int64_t number)
{
    int32_t at = slices_search(slices, number);
    if (at == slices->end || slices->items[at].number != number)
        return;
    StateTable *table = slices->items[at].table;
    if (at == slices->first) {
        slices->first++;
    } else {
        memmove(slices->items + at, slices->items + at + 1,
                sizeof(Slice) * (size_t)(slices->end - at - 1));
        slices->end--;
    }
    if (slices->spill == NULL) {
        keyed_let_go(slices->keyed, table, (KeyedHeir){slices, slices_take_back});
    } else {
        keyed_remove(slices->keyed, table);
        slices_take_back(slices, table);
    }
}

void slices_free(Slices *slices)
{
    while (slices->end > slices->first)
        table_free(slices->items[--slices->end].table);
    while (slices->spare_count > 0)
        table_free(slices->spare[--slices->spare_count]);
    memory_free(slices->items);
    slices->items = NULL;
    slices->first = slices->end = slices->capacity = 0;
}
