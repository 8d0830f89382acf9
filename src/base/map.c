/* Text map: an array in insertion order and an open-addressing index over it. */
#include "base/map.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"

typedef struct Entry {
    Str key;
    void *value;
    uint64_t hash;
} Entry;

struct Map {
    Arena *arena;
    Entry *entries;
    int32_t count;
    int32_t capacity;
    int32_t *slots; /* index + 1 of an entry, 0 = free; a power of two, at most half full */
    int32_t slot_count;
};

Map *map_new(Arena *arena)
{
    Map *map = ARENA_NEW(arena, Map);
    map->arena = arena;
    return map;
}

static int32_t map_index_of(const Map *map, Str key, uint64_t hash)
{
    if (map->slot_count == 0)
        return -1;
    uint64_t mask = (uint64_t)map->slot_count - 1;
    for (uint64_t at = hash & mask; map->slots[at] != 0; at = (at + 1) & mask) {
        const Entry *entry = &map->entries[map->slots[at] - 1];
        if (entry->hash == hash && str_equal(entry->key, key))
            return map->slots[at] - 1;
    }
    return -1;
}

/* Its slot, where there is none for its key. */
static void map_place(Map *map, int32_t index)
{
    uint64_t mask = (uint64_t)map->slot_count - 1;
    uint64_t at = map->entries[index].hash & mask;
    while (map->slots[at] != 0)
        at = (at + 1) & mask;
    map->slots[at] = index + 1;
}

static void map_rebuild(Map *map, int32_t slot_count)
{
    if (slot_count == map->slot_count)
        memset(map->slots, 0, sizeof(int32_t) * (size_t)slot_count);
    else
        map->slots = ARENA_ARRAY(map->arena, int32_t, slot_count);
    map->slot_count = slot_count;
    for (int32_t i = 0; i < map->count; i++)
        map_place(map, i);
}

void *map_find(const Map *map, Str key)
{
    int32_t index = map_index_of(map, key, hash_bytes(key.data, key.length));
    return index < 0 ? NULL : map->entries[index].value;
}

void map_put(Map *map, Str key, void *value)
{
    uint64_t hash = hash_bytes(key.data, key.length);
    int32_t index = map_index_of(map, key, hash);
    if (index >= 0) {
        map->entries[index].value = value;
        return;
    }
    if (map->count == map->capacity) {
        int32_t capacity = map->capacity > 0 ? map->capacity * 2 : 8;
        Entry *entries = ARENA_ARRAY(map->arena, Entry, capacity);
        if (map->count > 0)
            memcpy(entries, map->entries, (size_t)map->count * sizeof(Entry));
        map->entries = entries;
        map->capacity = capacity;
    }
    map->entries[map->count++] =
        (Entry){.key = str_copy(map->arena, key), .value = value, .hash = hash};
    int32_t slots = map->slot_count > 0 ? map->slot_count : 16;
    while (slots < map->count * 2)
        slots *= 2;
    if (slots == map->slot_count)
        map_place(map, map->count - 1);
    else
        map_rebuild(map, slots);
}

bool map_remove(Map *map, Str key)
{
    int32_t index = map_index_of(map, key, hash_bytes(key.data, key.length));
    if (index < 0)
        return false;
    memmove(&map->entries[index], &map->entries[index + 1],
            (size_t)(map->count - index - 1) * sizeof(Entry));
    map->count--;
    map_rebuild(map, map->slot_count);
    return true;
}

int32_t map_count(const Map *map)
{
    return map->count;
}

Str map_key_at(const Map *map, int32_t index)
{
    assert(index >= 0 && index < map->count);
    return map->entries[index].key;
}

void *map_value_at(const Map *map, int32_t index)
{
    assert(index >= 0 && index < map->count);
    return map->entries[index].value;
}
