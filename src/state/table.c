/* Keyed state in open-addressing tables over slabs. */
#include "state/internal.h"

#include "base/memory.h"
#include "state/cold.h"

enum {
    SLOTS_MIN = 16,         /* once there are any */
    PREFETCH_SLOTS = 8192,  /* tables with fewer slots stay in the cache by themselves */
    TEXT_WASTE_MIN = 65536, /* do not compact key bytes for less */
    TEXT_WIDE_MIN = 512,    /* to compact these would take as much again for a while */
    REUSE_BYTES_MAX = 1 << 20,
    REUSE_SLOTS_PER_KEY = 8,
    SLAB_GROUPS_FROM = 64, /* about a million entries */
    SLABS_PER_GROUP = 8,
};

/* Slabs of large tables are made some at a time: memory comes in large pages then. */
static int32_t slab_group(int32_t first)
{
    return first < SLAB_GROUPS_FROM ? 1 : SLABS_PER_GROUP;
}

static void table_add_slabs(StateTable *table)
{
    int32_t bits = SLAB_FIRST_BITS + table->slab_count;
    if (bits > SLAB_LAST_BITS)
        bits = SLAB_LAST_BITS;
    int32_t count = slab_group(table->slab_count);
    int64_t bytes = (int64_t)table->entry_bytes << bits;
    int64_t list_bytes = (int64_t)sizeof(uint8_t *) * (table->slab_count + count);
    table->slabs = memory_resize(table->slabs, list_bytes);
    uint8_t *memory = memory_allocate_zeroed(bytes * count);
    for (int32_t i = 0; i < count; i++)
        table->slabs[table->slab_count++] = memory + bytes * i;
    table->slab_bytes += (bytes + (int64_t)sizeof(uint8_t *)) * count;
}

static int64_t table_slab_room(const StateTable *table)
{
    int64_t doubled = SLAB_LAST_BITS - SLAB_FIRST_BITS + 1;
    if (table->slab_count <= doubled)
        return ((int64_t)(1 << SLAB_FIRST_BITS) << table->slab_count) - (1 << SLAB_FIRST_BITS);
    return (((int64_t)2 << SLAB_LAST_BITS) - (1 << SLAB_FIRST_BITS)) +
           ((table->slab_count - doubled) << SLAB_LAST_BITS);
}

/* The next free entry says which comes behind it: looked at one by one, each is waited for. Inlined
 * always: a function that only prefetches has no effect that gcc knows of, and its call goes. */
static inline __attribute__((always_inline)) void table_prefetch_free(const StateTable *table)
{
    if (table->free_index == 0)
        return;
    const uint8_t *entry = table_entry(table, table->free_index - 1);
    __builtin_prefetch(entry, 1);
    __builtin_prefetch(entry + table->entry_bytes - 1, 1);
}

/* An entry with zeroed value; returns its number plus one. */
static uint32_t table_new_entry(StateTable *table, uint64_t hash)
{
    uint32_t index;
    if (table->free_index != 0) {
        index = table->free_index - 1;
        Entry *entry = (Entry *)(void *)table_entry(table, index);
        assert(entry->hash == 0);
        table->free_index = (uint32_t)entry->word;
        table_prefetch_free(table);
        memset(entry, 0, (size_t)table->entry_bytes);
    } else {
        assert(table->entry_end < UINT32_MAX - 16);
        if (table->entry_end == table_slab_room(table))
            table_add_slabs(table);
        index = table->entry_end++;
    }
    /* Slabs are zero behind entry_end: one memset for many entries costs less than many. */
    Entry *entry = (Entry *)(void *)table_entry(table, index);
    entry->hash = hash_plain(hash) | table->color | ENTRY_DIRTY | ENTRY_CHANGED;
    table->count++;
    return index + 1;
}

static StrView table_keep_view(StateTable *table, StrView view)
{
    if (view.length <= STR_VIEW_INLINE_MAX)
        return view;
    if (view.length >= TEXT_WIDE_MIN) {
        char *bytes = memory_allocate(view.length);
        memcpy(bytes, view.pointer, view.length);
        table->text_wide += view.length;
        return str_view_borrow(str_make(bytes, view.length));
    }
    if (table->text == NULL)
        table->text = arena_new(0);
    table->text_live += view.length;
    return str_view_copy(table->text, str_view_str(&view));
}

/* ---- Slots ------------------------------------------------------------------------------ */

static void table_set_slots(StateTable *table, uint32_t count)
{
    uint32_t old_count = table->slot_count;
    assert(count > old_count);
    Slot *slots = memory_allocate_scattered((int64_t)sizeof(Slot) * count);
    for (uint32_t i = 0; i < old_count; i++) {
        Slot slot = table->slots[i];
        if (slot.index == INDEX_NONE)
            continue;
        uint32_t at = slot_home(slot.tag, count);
        while (slots[at].index != INDEX_NONE)
            at = slot_after(at, count);
        slots[at] = slot;
    }
    memory_free(table->slots);
    table->slots = slots;
    table->slot_count = count;
}

static void table_grow_slots(StateTable *table)
{
    uint64_t grown = table->slot_count + (uint64_t)table->slot_count / 2;
    grown = grown < SLOTS_MIN ? SLOTS_MIN : grown;
    table_set_slots(table, grown < UINT32_MAX ? (uint32_t)grown : UINT32_MAX);
}

void table_reserve(StateTable *table, int64_t keys)
{
    int64_t slots = keys / 3 * 4 + SLOTS_MIN;
    if (slots > table->slot_count && slots < UINT32_MAX)
        table_set_slots(table, (uint32_t)slots);
}

/* Room for one more at a load of three quarters; half of that where a hand goes through the slots
 * and empties them (cold.h): they fill up to twice the mean before it comes by again. */
static inline void table_need_slot(StateTable *table)
{
    if ((uint64_t)table->count * (table->cold == NULL ? 4 : 8) >= (uint64_t)table->slot_count * 3)
        table_grow_slots(table);
}

static void table_place_entry(StateTable *table, uint32_t index)
{
    const Entry *entry = (const Entry *)(const void *)table_entry(table, index);
    if (entry->hash == 0 || index + 1 == table->null_index)
        return;
    uint32_t tag = hash_tag(entry->hash);
    uint32_t at = slot_home(tag, table->slot_count);
    while (table->slots[at].index != INDEX_NONE)
        at = slot_after(at, table->slot_count);
    table->slots[at] = (Slot){.tag = tag, .index = index + 1};
}

/* Give the appended entries their slots: the table is about to be searched. */
static __attribute__((noinline)) void table_place_appended(StateTable *table)
{
    uint32_t first = table->entry_end - table->appended;
    table->appended = 0;
    while ((uint64_t)table->count * 4 >= (uint64_t)table->slot_count * 3)
        table_grow_slots(table);
    for (uint32_t i = first; i < table->entry_end; i++)
        table_place_entry(table, i);
}

static inline bool probe_matches(const Entry *entry, const Probe *probe)
{
    if (probe->view == NULL)
        return entry->word == probe->word;
    return hash_plain(entry->hash) == probe->hash && str_view_equal(&entry->view, probe->view);
}

/* The entry, or NULL and the empty slot where it belongs. The table has slots. */
static inline uint8_t *table_probe(const StateTable *table, const Probe *probe, uint32_t *slot)
{
    uint32_t tag = hash_tag(probe->hash);
    uint32_t count = table->slot_count;
    uint32_t at = slot_home(tag, count);
    for (;; at = slot_after(at, count)) {
        Slot found = table->slots[at];
        if (found.index == INDEX_NONE)
            break;
        if (found.tag != tag)
            continue;
        uint8_t *entry = table_entry(table, found.index - 1);
        if (probe_matches((const Entry *)(void *)entry, probe))
            return entry;
    }
    *slot = at;
    return NULL;
}

static uint8_t *table_insert_at(StateTable *table, const Probe *probe, uint32_t slot)
{
    uint32_t index = table_new_entry(table, probe->hash);
    uint8_t *bytes = table_entry(table, index - 1);
    Entry *entry = (Entry *)(void *)bytes;
    if (probe->view == NULL)
        entry->word = probe->word;
    else
        entry->view = table_keep_view(table, *probe->view);
    table->slots[slot] = (Slot){.tag = hash_tag(probe->hash), .index = index};
    return bytes;
}

static inline uint8_t *table_put(StateTable *table, const Probe *probe)
{
    if (table->appended > 0)
        table_place_appended(table);
    table_need_slot(table);
    uint32_t slot = 0;
    uint8_t *entry = table_probe(table, probe, &slot);
    if (entry == NULL)
        entry = table_insert_at(table, probe, slot);
    return entry_value(table, entry);
}

uint8_t *table_put_null(StateTable *table, uint64_t hash)
{
    if (table->null_index == INDEX_NONE) {
        if (table->appended > 0)
            table_place_appended(table);
        table->null_index = table_new_entry(table, hash);
    }
    return entry_value(table, table_entry(table, table->null_index - 1));
}

uint8_t *table_get_null(const StateTable *table)
{
    if (table->null_index == INDEX_NONE)
        return NULL;
    return entry_value(table, table_entry(table, table->null_index - 1));
}

static inline uint8_t *table_get(const StateTable *table, const Probe *probe)
{
    uint32_t slot;
    /* Slots that are late are seen from nowhere else, so the table is constant to the caller. */
    if (table->appended > 0)
        table_place_appended((StateTable *)(uintptr_t)table);
    if (table->slots == NULL)
        return NULL;
    uint8_t *entry = table_probe(table, probe, &slot);
    return entry == NULL ? NULL : entry_value(table, entry);
}

uint8_t *table_put_at_hand(StateTable *table, const Probe *probe)
{
    return table_put(table, probe);
}

uint8_t *table_get_at_hand(const StateTable *table, const Probe *probe)
{
    return table_get(table, probe);
}

/* Where an entry lies is the table's own affair: it is constant to the caller. */
static inline void table_fetch_one(const StateTable *table, const Probe *probe)
{
    if (table->cold != NULL)
        cold_fetch_one((StateTable *)(uintptr_t)table, probe);
}

uint8_t *table_put_probe(StateTable *table, const Probe *probe)
{
    table_fetch_one(table, probe);
    return table_put(table, probe);
}

uint8_t *table_get_probe(const StateTable *table, const Probe *probe)
{
    table_fetch_one(table, probe);
    return table_get(table, probe);
}

/* ---- Changes ---------------------------------------------------------------------------- */

/* The value is about to change: what a checkpoint under way still needs of it is saved first. */
static inline void entry_touch(StateTable *table, Entry *entry)
{
    if ((entry->hash & ENTRY_COLOR) != table->color)
        table_save_before_change(table, entry);
    entry->hash |= ENTRY_DIRTY | ENTRY_CHANGED;
}

void table_touch(StateTable *table, const uint8_t *value)
{
    if (table->keyed != NULL)
        entry_touch(table, value_entry(table, value));
}

static inline uint8_t *value_touched(StateTable *table, uint8_t *value)
{
    table_touch(table, value);
    return value;
}

static void table_clear_values(StateTable *table)
{
    if (table->codec == NULL || table->codec->clear == NULL || table->count == 0)
        return;
    for (uint32_t i = 0; i < table->entry_end; i++) {
        uint8_t *entry = table_entry(table, i);
        if (((const Entry *)(void *)entry)->hash != 0)
            table->codec->clear(table->owner, entry_value(table, entry));
    }
}

/* ---- The public face -------------------------------------------------------------------- */

StateTable *table_new(const TableKey *key, int32_t value_bytes)
{
    assert(value_bytes >= 0 && value_bytes % 8 == 0);
    StateTable *table = memory_allocate_zeroed((int64_t)sizeof *table);
    table->key = key;
    table->key_bytes = key->kind == TABLE_KEY_WORD ? 8 : (int32_t)sizeof(StrView);
    table->value_bytes = value_bytes;
    table->entry_bytes = (int32_t)sizeof(uint64_t) + table->key_bytes + value_bytes;
    return table;
}

void table_describe(StateTable *table, const TableCodec *codec, void *owner)
{
    assert(table->count == 0);
    table->codec = codec;
    table->owner = owner;
}

static void table_free_wide(StateTable *table, Entry *entry)
{
    table->text_wide -= entry->view.length;
    memory_free((void *)(uintptr_t)entry->view.pointer);
}

static void table_free_all_wide(StateTable *table)
{
    for (uint32_t i = 0; table->text_wide > 0 && i < table->entry_end; i++) {
        Entry *entry = (Entry *)(void *)table_entry(table, i);
        if (entry->hash != 0 && entry->view.length >= TEXT_WIDE_MIN)
            table_free_wide(table, entry);
    }
    assert(table->text_wide == 0);
}

static void table_free_entries(StateTable *table)
{
    table_free_all_wide(table);
    for (int32_t i = 0; i < table->slab_count; i += slab_group(i))
        memory_free(table->slabs[i]);
    memory_free(table->slabs);
    memory_free(table->slots);
    arena_free(table->text);
}

void table_clear(StateTable *table)
{
    if (table->keyed != NULL)
        keyed_empty(table->keyed, table);
    if (table->cold != NULL)
        cold_clear(table);
    table_clear_values(table);
    table_free_entries(table);
    *table = (StateTable){.key = table->key,
                          .key_bytes = table->key_bytes,
                          .value_bytes = table->value_bytes,
                          .entry_bytes = table->entry_bytes,
                          .codec = table->codec,
                          .owner = table->owner,
                          .cold = table->cold,
                          .keyed = table->keyed,
                          .id = table->id,
                          .position = table->position,
                          .used_round = table->used_round,
                          .is_in_use = table->is_in_use,
                          .color = table->color};
}

void table_shrink(StateTable *table)
{
    bool has_null = table->null_index != INDEX_NONE;
    if (table->count > has_null || table->slab_count == 0)
        return;
    Buffer kept = {0};
    uint64_t hash = 0;
    if (has_null) {
        const uint8_t *value = table_get_null(table);
        hash = value_entry(table, value)->hash;
        value_save(table, value, &kept);
    }
    table_clear_values(table);
    table_free_entries(table);
    table->slabs = NULL;
    table->slots = NULL;
    table->text = NULL;
    table->slab_count = 0;
    table->slot_count = 0;
    table->entry_end = table->free_index = table->null_index = table->appended = 0;
    table->count = table->slab_bytes = table->text_live = table->text_dead = 0;
    if (has_null) {
        uint8_t *value = table_put_null(table, hash);
        ByteReader in = byte_reader(buffer_str(&kept));
        bool is_sound = value_load(table, value, &in);
        assert(is_sound);
        value_entry(table, value)->hash = hash;
    }
    buffer_free(&kept);
    /* All others have been saved before they were put away. */
    table->save_end = table->save_cursor < table->save_end ? table->entry_end : 0;
    table->save_cursor = 0;
}

bool table_reuse(StateTable *table)
{
    int64_t slots = table->slot_count;
    if (table->count * REUSE_SLOTS_PER_KEY < slots || table_bytes(table) > REUSE_BYTES_MAX)
        return false;
    assert(table->keyed == NULL);
    table_clear_values(table);
    if (slots > 0)
        memset(table->slots, 0, (size_t)slots * sizeof(Slot));
    table_free_all_wide(table);
    if (table->text != NULL)
        arena_reset(table->text);
    for (uint32_t i = 0; i < table->entry_end;) {
        Place place = entry_place(i);
        uint32_t used = place.size < table->entry_end - i ? place.size : table->entry_end - i;
        memset(table->slabs[place.slab], 0, (size_t)used * (size_t)table->entry_bytes);
        i += used;
    }
    table->entry_end = 0;
    table->free_index = INDEX_NONE;
    table->null_index = INDEX_NONE;
    table->appended = 0;
    table->count = 0;
    table->text_live = 0;
    table->text_dead = 0;
    return true;
}

void table_free(StateTable *table)
{
    if (table == NULL)
        return;
    if (table->keyed != NULL)
        keyed_remove(table->keyed, table);
    cold_free(table);
    table_clear(table);
    memory_free(table);
}

void table_spill(StateTable *table, Spill *spill)
{
    assert(table->keyed != NULL && table->codec != NULL && table->cold == NULL);
    table->cold = cold_new(table, spill);
}

int64_t table_count(const StateTable *table)
{
    return table->count + (table->cold == NULL ? 0 : cold_count(table->cold));
}

int64_t table_bytes(const StateTable *table)
{
    return table_bytes_at_hand(table) + (table->cold == NULL ? 0 : cold_bytes(table->cold));
}

int64_t table_bytes_at_hand(const StateTable *table)
{
    int64_t slots = table->slot_count;
    int64_t text = table->text == NULL ? 0 : arena_bytes(table->text);
    return (int64_t)sizeof *table + slots * (int64_t)sizeof(Slot) + table->slab_bytes + text +
           table->text_wide;
}

/* In tables too large for the cache: have what the keys to come need on its way. */
static inline void table_prefetch(const StateTable *table, const TableKeys *keys, int32_t at)
{
    if (at + 2 * PREFETCH_AHEAD < keys->count)
        table_prefetch_slot(table, keys->hashes[at + 2 * PREFETCH_AHEAD]);
    if (at + PREFETCH_AHEAD < keys->count)
        table_prefetch_entry(table, keys->hashes[at + PREFETCH_AHEAD]);
}

Status table_make_room(StateTable *table, Error *error)
{
    return table->cold == NULL ? OK : cold_make_room(table, error);
}

Status table_put_away(StateTable *table, Error *error)
{
    return table->cold == NULL ? OK : cold_make_idle_room(table, cold_share(table), error);
}

int32_t table_expect_from(const StateTable *table, const StateTable *from,
                          const uint8_t *const *values, int32_t count)
{
    uint64_t hashes[COLD_EXPECT_MAX];
    for (int32_t first = 0; table->cold != NULL && first < count; first += COLD_EXPECT_MAX) {
        int32_t some = count - first < COLD_EXPECT_MAX ? count - first : COLD_EXPECT_MAX;
        for (int32_t i = 0; i < some; i++)
            hashes[i] = table_hash_of(from, values[first + i]);
        int32_t expected = cold_expect((StateTable *)(uintptr_t)table, hashes, some);
        if (expected < some)
            return first + expected;
    }
    return count;
}

void table_find_or_insert(StateTable *table, const TableKeys *keys, int32_t first, int32_t count,
                          uint8_t **values)
{
    assert(first >= 0 && count >= 0 && first + count <= keys->count);
    assert((keys->words != NULL) == (table->key->kind == TABLE_KEY_WORD) || keys->count == 0);
    bool is_large = table->slot_count > PREFETCH_SLOTS;
    /* What is to be saved is when all have been found: saving in between, each of the next keys
     * would be waited for. */
    bool is_saving = table->is_saving;
    if (table->cold != NULL)
        cold_fetch(table, keys, first, count);
    for (int32_t i = 0; i < count; i++) {
        int32_t at = first + i;
        if (is_large)
            table_prefetch(table, keys, at);
        if (keys->nulls != NULL && keys->nulls[at]) {
            values[i] = table_put_null(table, keys->hashes[at]);
        } else {
            Probe probe = keys_probe(keys, at);
            values[i] = table_put(table, &probe);
        }
        if (!is_saving && table->keyed != NULL)
            entry_touch(table, value_entry(table, values[i]));
    }
    if (is_saving)
        table_save_touched(table, values, count);
}

void table_find(const StateTable *table, const TableKeys *keys, int32_t first, int32_t count,
                uint8_t **values)
{
    assert(first >= 0 && count >= 0 && first + count <= keys->count);
    bool is_large = table->slot_count > PREFETCH_SLOTS;
    if (table->cold != NULL)
        cold_fetch((StateTable *)(uintptr_t)table, keys, first, count);
    for (int32_t i = 0; i < count; i++) {
        int32_t at = first + i;
        if (is_large)
            table_prefetch(table, keys, at);
        if (keys->nulls != NULL && keys->nulls[at]) {
            values[i] = table_get_null(table);
            continue;
        }
        Probe probe = keys_probe(keys, at);
        values[i] = table_get(table, &probe);
    }
}

uint8_t *table_find_or_insert_from(StateTable *table, const StateTable *from, const uint8_t *value)
{
    assert(table->key->kind == from->key->kind);
    const Entry *entry = value_entry(from, value);
    if (table_is_null_entry(from, entry))
        return value_touched(table, table_put_null(table, entry->hash));
    Probe probe = entry_probe(from, entry);
    return value_touched(table, table_put_probe(table, &probe));
}

uint8_t *table_find_from(const StateTable *table, const StateTable *from, const uint8_t *value)
{
    assert(table->key->kind == from->key->kind);
    const Entry *entry = value_entry(from, value);
    if (table_is_null_entry(from, entry))
        return table_get_null(table);
    Probe probe = entry_probe(from, entry);
    return table_get_probe(table, &probe);
}

void table_find_run_from(const StateTable *table, const StateTable *from,
                         const uint8_t *const *values, int32_t count, uint8_t **found)
{
    for (int32_t i = -2 * PREFETCH_AHEAD; i < count; i++) {
        if (i + 2 * PREFETCH_AHEAD < count)
            table_prefetch_slot(table, table_hash_of(from, values[i + 2 * PREFETCH_AHEAD]));
        if (i >= -PREFETCH_AHEAD && i + PREFETCH_AHEAD < count)
            table_prefetch_entry(table, table_hash_of(from, values[i + PREFETCH_AHEAD]));
        if (i >= 0)
            found[i] = table_find_from(table, from, values[i]);
    }
}

uint8_t *table_append_from(StateTable *table, const StateTable *from, const uint8_t *value)
{
    assert(table->key->kind == from->key->kind && table->cold == NULL);
    const Entry *source = value_entry(from, value);
    if (table_is_null_entry(from, source)) {
        assert(table->null_index == INDEX_NONE);
        return table_put_null(table, source->hash);
    }
    /* Behind all others, so that the appended ones are the last; a table that has had deletions
     * fills its gaps first. */
    if (table->free_index != 0) {
        Probe probe = entry_probe(from, source);
        return table_put(table, &probe);
    }
    uint32_t index = table_new_entry(table, source->hash);
    Entry *entry = (Entry *)(void *)table_entry(table, index - 1);
    if (table->key->kind == TABLE_KEY_WORD)
        entry->word = source->word;
    else
        entry->view = table_keep_view(table, source->view);
    table->appended++;
    return entry_value(table, (uint8_t *)entry);
}

/* Close the gap: later members of the run move up to where probing still finds them. */
static void table_remove_slot(StateTable *table, uint32_t hole)
{
    uint32_t count = table->slot_count;
    for (uint32_t at = slot_after(hole, count); table->slots[at].index != INDEX_NONE;
         at = slot_after(at, count)) {
        uint32_t home = slot_home(table->slots[at].tag, count);
        uint32_t from_home = at >= home ? at - home : at + count - home;
        uint32_t from_hole = at >= hole ? at - hole : at + count - hole;
        if (from_home >= from_hole) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = (Slot){0};
}

static void table_compact_text(StateTable *table)
{
    Arena *old = table->text;
    table->text = arena_new(0);
    for (uint32_t i = 0; i < table->entry_end; i++) {
        Entry *entry = (Entry *)(void *)table_entry(table, i);
        if (entry->hash != 0 && entry->view.length < TEXT_WIDE_MIN)
            entry->view = str_view_copy(table->text, str_view_str(&entry->view));
    }
    table->text_dead = 0;
    arena_free(old);
}

void table_delete(StateTable *table, uint8_t *value)
{
    Entry *entry = value_entry(table, value);
    assert(entry->hash != 0 && table->count > 0);
    if (table->keyed != NULL)
        table_save_end(table, entry);
    table_remove(table, entry);
}

void table_remove(StateTable *table, Entry *entry)
{
    uint8_t *value = entry_value(table, (uint8_t *)entry);
    if (table->codec != NULL && table->codec->clear != NULL)
        table->codec->clear(table->owner, value);
    if (table->appended > 0)
        table_place_appended(table);
    uint32_t index;
    if (table_is_null_entry(table, entry)) {
        index = table->null_index;
        table->null_index = INDEX_NONE;
    } else {
        uint32_t at = slot_home(hash_tag(entry->hash), table->slot_count);
        while (table_entry(table, table->slots[at].index - 1) != (uint8_t *)entry)
            at = slot_after(at, table->slot_count);
        index = table->slots[at].index;
        table_remove_slot(table, at);
        if (table->key_bytes == sizeof(StrView) && entry->view.length >= TEXT_WIDE_MIN) {
            table_free_wide(table, entry);
        } else if (table->key_bytes == sizeof(StrView) &&
                   entry->view.length > STR_VIEW_INLINE_MAX) {
            table->text_live -= entry->view.length;
            table->text_dead += entry->view.length;
        }
    }
    entry->hash = 0;
    if (table->key_bytes == sizeof(StrView))
        entry->view = (StrView){0};
    entry->word = table->free_index;
    table->free_index = index;
    table->count--;
    if (table->text_dead > TEXT_WASTE_MIN && table->text_dead > table->text_live)
        table_compact_text(table);
}

/* Entries in pages come first; behind this those at hand, by number. */
static const int64_t CURSOR_AT_HAND = ((int64_t)1 << 32) + 1;

/* Of the entries in pages; behind the last of them the cursor goes on to those at hand. */
static int32_t table_next_cold(const StateTable *table, int64_t *cursor, uint8_t **values,
                               int32_t room)
{
    int32_t count = 0;
    if (*cursor < CURSOR_AT_HAND)
        count = cold_next_run((StateTable *)(uintptr_t)table, cursor, values, room);
    if (count == 0 && *cursor < CURSOR_AT_HAND)
        *cursor = CURSOR_AT_HAND;
    return count;
}

static uint8_t *table_next_at_hand(const StateTable *table, int64_t *cursor)
{
    while (*cursor < table->entry_end) {
        uint8_t *entry = table_entry(table, (uint32_t)(*cursor)++);
        if (((const Entry *)(void *)entry)->hash != 0)
            return entry_value(table, entry);
    }
    return NULL;
}

/* Slab by slab. */
static int32_t table_run_at_hand(const StateTable *table, int64_t *cursor, uint8_t **values,
                                 int32_t room)
{
    int32_t count = 0;
    while (count < room && *cursor < table->entry_end) {
        Place place = entry_place((uint32_t)*cursor);
        uint8_t *entry = table->slabs[place.slab] + (int64_t)place.offset * table->entry_bytes;
        int64_t left = table->entry_end - *cursor;
        int64_t steps = place.size - place.offset;
        steps = steps < left ? steps : left;
        steps = steps < room - count ? steps : room - count;
        for (int64_t i = 0; i < steps; i++, entry += table->entry_bytes) {
            values[count] = entry_value(table, entry);
            count += ((const Entry *)(const void *)entry)->hash != 0;
        }
        *cursor += steps;
    }
    return count;
}

uint8_t *table_next(const StateTable *table, int64_t *cursor)
{
    if (table->cold == NULL)
        return table_next_at_hand(table, cursor);
    uint8_t *value = NULL;
    if (table_next_cold(table, cursor, &value, 1) > 0)
        return value;
    *cursor -= CURSOR_AT_HAND;
    value = table_next_at_hand(table, cursor);
    *cursor += CURSOR_AT_HAND;
    return value;
}

int32_t table_next_run(const StateTable *table, int64_t *cursor, uint8_t **values, int32_t room)
{
    if (table->cold == NULL)
        return table_run_at_hand(table, cursor, values, room);
    int32_t count = table_next_cold(table, cursor, values, room);
    if (count > 0)
        return count;
    *cursor -= CURSOR_AT_HAND;
    count = table_run_at_hand(table, cursor, values, room);
    *cursor += CURSOR_AT_HAND;
    return count;
}

int32_t table_read_run(const StateTable *table, int64_t *cursor, uint8_t **values, int32_t room)
{
    if (table->cold == NULL)
        return table_run_at_hand(table, cursor, values, room);
    if (*cursor < CURSOR_AT_HAND) {
        int32_t count = cold_read_run((StateTable *)(uintptr_t)table, cursor, values, room);
        if (count > 0)
            return count;
        *cursor = CURSOR_AT_HAND;
    }
    *cursor -= CURSOR_AT_HAND;
    int32_t count = table_run_at_hand(table, cursor, values, room);
    *cursor += CURSOR_AT_HAND;
    return count;
}

uint64_t table_hash_of(const StateTable *table, const uint8_t *value)
{
    return hash_plain(value_entry(table, value)->hash);
}
