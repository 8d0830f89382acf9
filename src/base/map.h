/* A map from text to pointer for plan-time work: catalogs, options, name look-ups. Keeps
 * insertion order as long as nothing is removed. Not for hot paths; keyed state is in state/. */
#ifndef WEIR_BASE_MAP_H
#define WEIR_BASE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

typedef struct Map Map;

Map *map_new(Arena *arena);

/* The value, or NULL. */
void *map_find(const Map *map, Str key);

/* Add or replace; the key is copied, the value borrowed. */
void map_put(Map *map, Str key, void *value);

/* The last entry takes its place. False if there was none. */
bool map_remove(Map *map, Str key);

int32_t map_count(const Map *map);

/* Entry `index` of 0 … count - 1. */
Str map_key_at(const Map *map, int32_t index);
void *map_value_at(const Map *map, int32_t index);

#endif
