/* Text map: an array of entries and an open-addressing index over it. */
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

/* The slot of the key, or -1. */
static int64_t map_slot_of(const Map *map, Str key, uint64_t hash)
{
    if (map->slot_count == 0)
        return -1;
    uint64_t mask = (uint64_t)map->slot_count - 1;
    for (uint64_t at = hash & mask; map->slots[at] != 0; at = (at + 1) & mask) {
        const Entry *entry = &map->entries[map->slots[at] - 1];
        if (entry->hash == hash && str_equal(entry->key, key))
            return (int64_t)at;
    }
    return -1;
}

static int32_t map_index_of(const Map *map, Str key, uint64_t hash)
{
    int64_t slot = map_slot_of(map, key, hash);
    return slot < 0 ? -1 : map->slots[slot] - 1;
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

static void map_widen(Map *map, int32_t slot_count)
{
    map->slots = ARENA_ARRAY(map->arena, int32_t, slot_count);
    map->slot_count = slot_count;
    for (int32_t i = 0; i < map->count; i++)
        map_place(map, i);
}

/* Nobody finds his way over a free slot: who stands behind it and belongs in front moves up. */
static void map_free_slot(Map *map, uint64_t slot)
{
    uint64_t mask = (uint64_t)map->slot_count - 1;
    for (uint64_t at = (slot + 1) & mask; map->slots[at] != 0; at = (at + 1) & mask) {
        uint64_t home = map->entries[map->slots[at] - 1].hash & mask;
        if (((at - home) & mask) < ((at - slot) & mask))
            continue;
        map->slots[slot] = map->slots[at];
        slot = at;
    }
    map->slots[slot] = 0;
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
        map_widen(map, slots);
}

bool map_remove(Map *map, Str key)
{
    int64_t slot = map_slot_of(map, key, hash_bytes(key.data, key.length));
    if (slot < 0)
        return false;
    int32_t index = map->slots[slot] - 1;
    map_free_slot(map, (uint64_t)slot);
    Entry last = map->entries[map->count - 1];
    if (index < map->count - 1) {
        map->slots[map_slot_of(map, last.key, last.hash)] = index + 1;
        map->entries[index] = last;
    }
    map->count--;
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
