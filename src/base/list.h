/* A growing array of pointers in an arena: children of trees, columns, statements. */
#ifndef WEIR_BASE_LIST_H
#define WEIR_BASE_LIST_H

#include <stdint.h>

#include "base/arena.h"

/* Zero-initialise. Items are borrowed; the array lives in the arena given to append. */
typedef struct List {
    void **items;
    int32_t count;
    int32_t capacity;
} List;

void list_append(List *list, Arena *arena, void *item);

/* A list of its own with the same items. */
List list_copy(Arena *arena, const List *list);

/* `for (int32_t i = 0; i < list.count; i++) { Column *c = LIST_AT(list, i, Column); … }` */
#define LIST_AT(list, index, type) ((type *)(list).items[(index)])

#endif
