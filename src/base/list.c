/* Growing arrays of pointers. */
#include "base/list.h"

#include <string.h>

void list_append(List *list, Arena *arena, void *item)
{
    if (list->count == list->capacity) {
        int32_t capacity = list->capacity > 0 ? list->capacity * 2 : 4;
        void **items = ARENA_ARRAY(arena, void *, capacity);
        if (list->count > 0)
            memcpy(items, list->items, (size_t)list->count * sizeof(void *));
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
}

List list_copy(Arena *arena, const List *list)
{
    List copy = {0};
    for (int32_t i = 0; i < list->count; i++)
        list_append(&copy, arena, list->items[i]);
    return copy;
}
