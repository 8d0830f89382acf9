/* Keyed state in open-addressing tables over slabs. */
#include "state/table.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/nested.h"
#include "data/rowcode.h"

enum {
    SLAB_FIRST_BITS = 3,   /* entries in the first slab, doubling from there */
    SLAB_LAST_BITS = 14,   /* … until slabs have this many each */
    SLOTS_MIN = 16,        /* once there are any */
    PREFETCH_SLOTS = 8192, /* tables with fewer slots stay in the cache by themselves */
    PREFETCH_AHEAD = 8,
    TEXT_WASTE_MIN = 65536, /* do not compact key bytes for less */
    REUSE_BYTES_MAX = 1 << 20,
    REUSE_SLOTS_PER_KEY = 8,
    INDEX_NONE = 0,
};

/* A slot holds the low half of the hash, which also places it, and the entry's number plus
 * one; 0 is empty. So probing and growing do not touch the entries. */
typedef struct Slot {
    uint32_t tag;
    uint32_t index;
} Slot;

/* Before the value in memory. A free entry has hash 0 and the next free number as its word. */
typedef struct Entry {
    uint64_t hash;
    union {
        uint64_t word;
        StrView view; /* only 16 bytes long in tables of views */
    };
} Entry;

struct StateTable {
    const TableKey *key;
    int32_t key_bytes; /* 8 or 16 */
    int32_t value_bytes;
    int32_t entry_bytes;
    Slot *slots;
    uint32_t slot_mask; /* slot count - 1; 0 while there are none */
    uint8_t **slabs;
    int32_t slab_count;
    uint32_t entry_end;  /* entries ever used */
    uint32_t free_index; /* 1 + the first free entry, or 0 */
    uint32_t null_index; /* 1 + the entry of the NULL key, or 0 */
    uint32_t appended;   /* the last so many entries have no slots yet */
    int64_t count;
    Arena *text; /* bytes of long keys; made on first use */
    int64_t text_live, text_dead;
    int64_t slab_bytes;
};

static bool physical_is_word(Physical physical)
{
    return physical != PHYSICAL_STRING && physical != PHYSICAL_I128 && physical != PHYSICAL_NONE;
}

TableKey table_key(Arena *arena, const Type *types, int32_t count)
{
    assert(count >= 0);
    TableKey key = {.kind = TABLE_KEY_BYTES, .count = count};
    key.types = arena_copy(arena, types, (int64_t)sizeof(Type) * count);
    if (count != 1)
        return key;
    Physical physical = type_physical(types[0]);
    if (physical_is_word(physical))
        key.kind = TABLE_KEY_WORD;
    else if (physical == PHYSICAL_STRING)
        key.kind = TABLE_KEY_TEXT;
    return key;
}

/* ---- The keys of a batch ---------------------------------------------------------------- */

static uint64_t word_of_f64(double value)
{
    if (isnan(value))
        value = (double)NAN;
    value = value == 0.0 ? 0.0 : value;
    uint64_t word;
    memcpy(&word, &value, sizeof word);
    return word;
}

static double word_as_f64(uint64_t word)
{
    double value;
    memcpy(&value, &word, sizeof value);
    return value;
}

#define KEY_WORDS(type, expression)                                                                \
    for (int32_t i = 0; i < rows.count; i++) {                                                     \
        type value = ((const type *)column->values)[column_index(column, selection_row(rows, i))]; \
        words[i] = (expression);                                                                   \
    }                                                                                              \
    break

static void keys_words(const Column *column, Selection rows, uint64_t *words)
{
    switch (column->physical) {
    case PHYSICAL_BOOL: KEY_WORDS(uint8_t, value);
    case PHYSICAL_I8: KEY_WORDS(int8_t, (uint64_t)(int64_t)value);
    case PHYSICAL_I16: KEY_WORDS(int16_t, (uint64_t)(int64_t)value);
    case PHYSICAL_I32: KEY_WORDS(int32_t, (uint64_t)(int64_t)value);
    case PHYSICAL_I64: KEY_WORDS(int64_t, (uint64_t)value);
    case PHYSICAL_F32: KEY_WORDS(float, word_of_f64((double)value));
    case PHYSICAL_F64: KEY_WORDS(double, word_of_f64(value));
    case PHYSICAL_NONE:
    case PHYSICAL_I128:
    case PHYSICAL_STRING: assert(false);
    }
}

static const uint8_t *keys_nulls(const Column *column, Selection rows, Arena *arena)
{
    if (column->valid == NULL)
        return NULL;
    uint8_t *nulls = arena_allocate(arena, rows.count);
    uint8_t any = 0;
    for (int32_t i = 0; i < rows.count; i++) {
        nulls[i] = column_is_null(column, selection_row(rows, i));
        any |= nulls[i];
    }
    return any ? nulls : NULL;
}

static void keys_texts(const Column *column, Selection rows, StrView *views)
{
    const StrView *values = column->values;
    for (int32_t i = 0; i < rows.count; i++)
        views[i] = values[column_index(column, selection_row(rows, i))];
}

/* Rowcode of all rows in one buffer, then views into a copy of it that the arena owns. */
static void keys_bytes(const Batch *batch, const int32_t *columns, int32_t count, Selection rows,
                       Arena *arena, StrView *views)
{
    int64_t *ends = arena_allocate(arena, (int64_t)sizeof(int64_t) * rows.count);
    Buffer bytes = {0};
    for (int32_t i = 0; i < rows.count; i++) {
        rowcode_write(&bytes, batch, selection_row(rows, i), columns, count);
        ends[i] = bytes.length;
    }
    const char *kept = arena_copy(arena, bytes.data, bytes.length);
    buffer_free(&bytes);
    for (int32_t i = 0; i < rows.count; i++) {
        int64_t start = i == 0 ? 0 : ends[i - 1];
        views[i] = str_view_borrow(str_make(kept + start, ends[i] - start));
    }
}

static const uint64_t *keys_hashes(const Batch *batch, const int32_t *columns, int32_t count,
                                   Selection rows, Arena *arena)
{
    uint64_t *by_row = arena_allocate(arena, (int64_t)sizeof(uint64_t) * batch->row_count);
    rowcode_hash(batch, columns, count, rows, by_row);
    for (int32_t i = 0; i < rows.count; i++) {
        uint64_t hash = by_row[selection_row(rows, i)];
        by_row[i] = hash + (hash == 0); /* rows ascend, so position i is read already */
    }
    return by_row;
}

TableKeys table_keys(const TableKey *key, const Batch *batch, const int32_t *columns,
                     Selection rows, Arena *arena)
{
    assert(rows.count <= batch->row_count);
    TableKeys keys = {.count = rows.count};
    keys.hashes = keys_hashes(batch, columns, key->count, rows, arena);
    if (key->kind == TABLE_KEY_WORD) {
        uint64_t *words = arena_allocate(arena, (int64_t)sizeof(uint64_t) * rows.count);
        keys_words(&batch->columns[columns[0]], rows, words);
        keys.words = words;
    } else {
        StrView *views = arena_allocate(arena, (int64_t)sizeof(StrView) * rows.count);
        if (key->kind == TABLE_KEY_TEXT)
            keys_texts(&batch->columns[columns[0]], rows, views);
        else
            keys_bytes(batch, columns, key->count, rows, arena, views);
        keys.views = views;
    }
    if (key->kind != TABLE_KEY_BYTES)
        keys.nulls = keys_nulls(&batch->columns[columns[0]], rows, arena);
    return keys;
}

/* ---- Entries ---------------------------------------------------------------------------- */

/* Where an entry lies. */
typedef struct Place {
    uint32_t slab;
    uint32_t offset; /* in entries */
    uint32_t size;   /* of the slab, in entries */
} Place;

/* Slab k holds 8 << k entries until they are 16 Ki each: entry i + 8 has its slab's number in
 * its top bit's place. */
static inline Place entry_place(uint32_t index)
{
    uint32_t number = index + (1U << SLAB_FIRST_BITS);
    if (number < 2U << SLAB_LAST_BITS) {
        uint32_t top = 31U - (uint32_t)__builtin_clz(number);
        return (Place){
            .slab = top - SLAB_FIRST_BITS, .offset = number - (1U << top), .size = 1U << top};
    }
    return (Place){.slab = SLAB_LAST_BITS - SLAB_FIRST_BITS - 1 + (number >> SLAB_LAST_BITS),
                   .offset = number & ((1U << SLAB_LAST_BITS) - 1),
                   .size = 1U << SLAB_LAST_BITS};
}

static inline uint8_t *table_entry(const StateTable *table, uint32_t index)
{
    Place place = entry_place(index);
    return table->slabs[place.slab] + (int64_t)place.offset * table->entry_bytes;
}

static inline uint8_t *entry_value(const StateTable *table, uint8_t *entry)
{
    return entry + sizeof(uint64_t) + table->key_bytes;
}

static inline Entry *value_entry(const StateTable *table, const uint8_t *value)
{
    const void *entry = value - table->key_bytes - sizeof(uint64_t);
    return (Entry *)(uintptr_t)entry;
}

static void table_add_slab(StateTable *table)
{
    int32_t bits = SLAB_FIRST_BITS + table->slab_count;
    if (bits > SLAB_LAST_BITS)
        bits = SLAB_LAST_BITS;
    int64_t bytes = (int64_t)table->entry_bytes << bits;
    int64_t list_bytes = (int64_t)sizeof(uint8_t *) * (table->slab_count + 1);
    table->slabs = memory_resize(table->slabs, list_bytes);
    table->slabs[table->slab_count++] = memory_allocate_zeroed(bytes);
    table->slab_bytes += bytes + (int64_t)sizeof(uint8_t *);
}

static int64_t table_slab_room(const StateTable *table)
{
    int64_t doubled = SLAB_LAST_BITS - SLAB_FIRST_BITS + 1;
    if (table->slab_count <= doubled)
        return ((int64_t)(1 << SLAB_FIRST_BITS) << table->slab_count) - (1 << SLAB_FIRST_BITS);
    return (((int64_t)2 << SLAB_LAST_BITS) - (1 << SLAB_FIRST_BITS)) +
           ((table->slab_count - doubled) << SLAB_LAST_BITS);
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
        memset(entry, 0, (size_t)table->entry_bytes);
    } else {
        assert(table->entry_end < UINT32_MAX - 16);
        if (table->entry_end == table_slab_room(table))
            table_add_slab(table);
        index = table->entry_end++;
    }
    /* Slabs are zero behind entry_end: one memset for many entries costs less than many. */
    Entry *entry = (Entry *)(void *)table_entry(table, index);
    entry->hash = hash;
    table->count++;
    return index + 1;
}

static StrView table_keep_view(StateTable *table, StrView view)
{
    if (view.length <= STR_VIEW_INLINE_MAX)
        return view;
    if (table->text == NULL)
        table->text = arena_new(0);
    table->text_live += view.length;
    return str_view_copy(table->text, str_view_str(&view));
}

/* ---- Slots ------------------------------------------------------------------------------ */

static void table_grow_slots(StateTable *table)
{
    uint32_t old_count = table->slots == NULL ? 0 : table->slot_mask + 1;
    uint32_t count = old_count == 0 ? SLOTS_MIN : old_count * 2;
    assert(count > old_count);
    Slot *slots = memory_allocate_zeroed((int64_t)sizeof(Slot) * count);
    uint32_t mask = count - 1;
    for (uint32_t i = 0; i < old_count; i++) {
        Slot slot = table->slots[i];
        if (slot.index == INDEX_NONE)
            continue;
        uint32_t at = slot.tag & mask;
        while (slots[at].index != INDEX_NONE)
            at = (at + 1) & mask;
        slots[at] = slot;
    }
    memory_free(table->slots);
    table->slots = slots;
    table->slot_mask = mask;
}

/* Room for one more at a load of three quarters. */
static inline void table_need_slot(StateTable *table)
{
    uint64_t count = table->slots == NULL ? 0 : (uint64_t)table->slot_mask + 1;
    if ((uint64_t)table->count * 4 >= count * 3)
        table_grow_slots(table);
}

static void table_place_entry(StateTable *table, uint32_t index)
{
    const Entry *entry = (const Entry *)(const void *)table_entry(table, index);
    if (entry->hash == 0 || index + 1 == table->null_index)
        return;
    uint32_t tag = (uint32_t)entry->hash;
    uint32_t at = tag & table->slot_mask;
    while (table->slots[at].index != INDEX_NONE)
        at = (at + 1) & table->slot_mask;
    table->slots[at] = (Slot){.tag = tag, .index = index + 1};
}

/* Give the appended entries their slots: the table is about to be searched. */
static __attribute__((noinline)) void table_place_appended(StateTable *table)
{
    uint32_t first = table->entry_end - table->appended;
    table->appended = 0;
    while (table->slots == NULL ||
           (uint64_t)table->count * 4 >= ((uint64_t)table->slot_mask + 1) * 3)
        table_grow_slots(table);
    for (uint32_t i = first; i < table->entry_end; i++)
        table_place_entry(table, i);
}

/* What is looked for: one key, whatever kind it is. */
typedef struct Probe {
    uint64_t hash;
    uint64_t word;
    const StrView *view; /* NULL for words */
} Probe;

static inline bool probe_matches(const Entry *entry, const Probe *probe)
{
    if (probe->view == NULL)
        return entry->word == probe->word;
    return entry->hash == probe->hash && str_view_equal(&entry->view, probe->view);
}

/* The entry, or NULL and the empty slot where it belongs. The table has slots. */
static inline uint8_t *table_probe(const StateTable *table, const Probe *probe, uint32_t *slot)
{
    uint32_t tag = (uint32_t)probe->hash;
    uint32_t at = tag & table->slot_mask;
    for (;; at = (at + 1) & table->slot_mask) {
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
    table->slots[slot] = (Slot){.tag = (uint32_t)probe->hash, .index = index};
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

static uint8_t *table_put_null(StateTable *table, uint64_t hash)
{
    if (table->null_index == INDEX_NONE) {
        if (table->appended > 0)
            table_place_appended(table);
        table->null_index = table_new_entry(table, hash);
    }
    return entry_value(table, table_entry(table, table->null_index - 1));
}

static uint8_t *table_get_null(const StateTable *table)
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

void table_clear(StateTable *table)
{
    for (int32_t i = 0; i < table->slab_count; i++)
        memory_free(table->slabs[i]);
    memory_free(table->slabs);
    memory_free(table->slots);
    arena_free(table->text);
    *table = (StateTable){.key = table->key,
                          .key_bytes = table->key_bytes,
                          .value_bytes = table->value_bytes,
                          .entry_bytes = table->entry_bytes};
}

bool table_reuse(StateTable *table)
{
    int64_t slots = table->slots == NULL ? 0 : (int64_t)table->slot_mask + 1;
    if (table->count * REUSE_SLOTS_PER_KEY < slots || table_bytes(table) > REUSE_BYTES_MAX)
        return false;
    if (slots > 0)
        memset(table->slots, 0, (size_t)slots * sizeof(Slot));
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
    table_clear(table);
    memory_free(table);
}

int64_t table_count(const StateTable *table)
{
    return table->count;
}

int64_t table_bytes(const StateTable *table)
{
    int64_t slots = table->slots == NULL ? 0 : (int64_t)table->slot_mask + 1;
    int64_t text = table->text == NULL ? 0 : arena_bytes(table->text);
    return (int64_t)sizeof *table + slots * (int64_t)sizeof(Slot) + table->slab_bytes + text;
}

static inline Probe keys_probe(const TableKeys *keys, int32_t at)
{
    if (keys->words != NULL)
        return (Probe){.hash = keys->hashes[at], .word = keys->words[at]};
    return (Probe){.hash = keys->hashes[at], .view = &keys->views[at]};
}

/* In tables too large for the cache: have the slots of the keys to come on their way. */
static inline void table_prefetch(const StateTable *table, const TableKeys *keys, int32_t at)
{
    if (at < keys->count && table->slots != NULL)
        __builtin_prefetch(&table->slots[(uint32_t)keys->hashes[at] & table->slot_mask]);
}

/* And the entry that the slot, which has come by now, most likely points to. */
static inline void table_prefetch_entry(const StateTable *table, const TableKeys *keys, int32_t at)
{
    if (at >= keys->count || table->slots == NULL)
        return;
    Slot slot = table->slots[(uint32_t)keys->hashes[at] & table->slot_mask];
    if (slot.index != INDEX_NONE)
        __builtin_prefetch(table_entry(table, slot.index - 1));
}

void table_find_or_insert(StateTable *table, const TableKeys *keys, int32_t first, int32_t count,
                          uint8_t **values)
{
    assert(first >= 0 && count >= 0 && first + count <= keys->count);
    assert((keys->words != NULL) == (table->key->kind == TABLE_KEY_WORD) || keys->count == 0);
    bool is_large = table->slot_mask >= PREFETCH_SLOTS;
    for (int32_t i = 0; i < count; i++) {
        int32_t at = first + i;
        if (is_large) {
            table_prefetch(table, keys, at + 2 * PREFETCH_AHEAD);
            table_prefetch_entry(table, keys, at + PREFETCH_AHEAD);
        }
        if (keys->nulls != NULL && keys->nulls[at]) {
            values[i] = table_put_null(table, keys->hashes[at]);
            continue;
        }
        Probe probe = keys_probe(keys, at);
        values[i] = table_put(table, &probe);
    }
}

void table_find(const StateTable *table, const TableKeys *keys, int32_t first, int32_t count,
                uint8_t **values)
{
    assert(first >= 0 && count >= 0 && first + count <= keys->count);
    bool is_large = table->slot_mask >= PREFETCH_SLOTS;
    for (int32_t i = 0; i < count; i++) {
        int32_t at = first + i;
        if (is_large) {
            table_prefetch(table, keys, at + 2 * PREFETCH_AHEAD);
            table_prefetch_entry(table, keys, at + PREFETCH_AHEAD);
        }
        if (keys->nulls != NULL && keys->nulls[at]) {
            values[i] = table_get_null(table);
            continue;
        }
        Probe probe = keys_probe(keys, at);
        values[i] = table_get(table, &probe);
    }
}

/* Whether the entry is the one for the NULL of a single-column key. */
static bool table_is_null_entry(const StateTable *table, const Entry *entry)
{
    if (table->null_index == INDEX_NONE)
        return false;
    return (const uint8_t *)entry == table_entry(table, table->null_index - 1);
}

static Probe entry_probe(const StateTable *table, const Entry *entry)
{
    if (table->key->kind == TABLE_KEY_WORD)
        return (Probe){.hash = entry->hash, .word = entry->word};
    return (Probe){.hash = entry->hash, .view = &entry->view};
}

uint8_t *table_find_or_insert_from(StateTable *table, const StateTable *from, const uint8_t *value)
{
    assert(table->key->kind == from->key->kind);
    const Entry *entry = value_entry(from, value);
    if (table_is_null_entry(from, entry))
        return table_put_null(table, entry->hash);
    Probe probe = entry_probe(from, entry);
    return table_put(table, &probe);
}

uint8_t *table_find_from(const StateTable *table, const StateTable *from, const uint8_t *value)
{
    assert(table->key->kind == from->key->kind);
    const Entry *entry = value_entry(from, value);
    if (table_is_null_entry(from, entry))
        return table_get_null(table);
    Probe probe = entry_probe(from, entry);
    return table_get(table, &probe);
}

uint8_t *table_append_from(StateTable *table, const StateTable *from, const uint8_t *value)
{
    assert(table->key->kind == from->key->kind);
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
    uint32_t mask = table->slot_mask;
    for (uint32_t at = (hole + 1) & mask; table->slots[at].index != INDEX_NONE;
         at = (at + 1) & mask) {
        uint32_t home = table->slots[at].tag & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
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
        if (entry->hash != 0)
            entry->view = str_view_copy(table->text, str_view_str(&entry->view));
    }
    table->text_dead = 0;
    arena_free(old);
}

void table_delete(StateTable *table, uint8_t *value)
{
    Entry *entry = value_entry(table, value);
    assert(entry->hash != 0 && table->count > 0);
    if (table->appended > 0)
        table_place_appended(table);
    uint32_t index;
    if (table_is_null_entry(table, entry)) {
        index = table->null_index;
        table->null_index = INDEX_NONE;
    } else {
        uint32_t at = (uint32_t)entry->hash & table->slot_mask;
        while (table_entry(table, table->slots[at].index - 1) != (uint8_t *)entry)
            at = (at + 1) & table->slot_mask;
        index = table->slots[at].index;
        table_remove_slot(table, at);
        if (table->key_bytes == sizeof(StrView) && entry->view.length > STR_VIEW_INLINE_MAX) {
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

uint8_t *table_next(const StateTable *table, int64_t *cursor)
{
    while (*cursor < table->entry_end) {
        uint8_t *entry = table_entry(table, (uint32_t)(*cursor)++);
        if (((const Entry *)(void *)entry)->hash != 0)
            return entry_value(table, entry);
    }
    return NULL;
}

/* Slab by slab. */
int32_t table_next_run(const StateTable *table, int64_t *cursor, uint8_t **values, int32_t room)
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

uint64_t table_hash_of(const StateTable *table, const uint8_t *value)
{
    return value_entry(table, value)->hash;
}

/* ---- Keys out and in -------------------------------------------------------------------- */

static void word_to_column(Column *column, int32_t row, uint64_t word)
{
    switch (column->physical) {
    case PHYSICAL_BOOL: ((uint8_t *)column->values)[row] = (uint8_t)word; break;
    case PHYSICAL_I8: ((int8_t *)column->values)[row] = (int8_t)word; break;
    case PHYSICAL_I16: ((int16_t *)column->values)[row] = (int16_t)word; break;
    case PHYSICAL_I32: ((int32_t *)column->values)[row] = (int32_t)word; break;
    case PHYSICAL_I64: ((int64_t *)column->values)[row] = (int64_t)word; break;
    case PHYSICAL_F32: ((float *)column->values)[row] = (float)word_as_f64(word); break;
    case PHYSICAL_F64: ((double *)column->values)[row] = word_as_f64(word); break;
    case PHYSICAL_NONE:
    case PHYSICAL_I128:
    case PHYSICAL_STRING: assert(false);
    }
}

void table_read_key(const StateTable *table, const uint8_t *value, Batch *into, int32_t capacity)
{
    const Entry *entry = value_entry(table, value);
    int32_t row = into->row_count;
    assert(entry->hash != 0 && row < capacity);
    if (table->key->kind == TABLE_KEY_BYTES) {
        Batch shell = {.column_count = table->key->count,
                       .row_count = row,
                       .columns = into->columns,
                       .selection = {.count = row},
                       .arena = into->arena};
        bool is_read = rowcode_read(str_view_str(&entry->view), &shell, capacity, ROW_INSERT);
        assert(is_read);
        return;
    }
    Column *column = &into->columns[0];
    if (table_is_null_entry(table, entry)) {
        column_set_null(column, into->arena, row, capacity);
        return;
    }
    if (table->key->kind == TABLE_KEY_WORD)
        word_to_column(column, row, entry->word);
    else
        ((StrView *)column->values)[row] = str_view_copy(into->arena, str_view_str(&entry->view));
    if (column->valid != NULL)
        bitmap_set(column->valid, row, true);
}

#define KEY_VALUES(type, expression)                                                               \
    for (int32_t i = 0; i < count; i++) {                                                          \
        uint64_t word = value_entry(table, values[i])->word;                                       \
        ((type *)column->values)[first + i] = (expression);                                        \
    }                                                                                              \
    return true

/* Whether the keys are words of a kind that is written at one go. */
static bool words_to_column(const StateTable *table, const uint8_t *const *values, int32_t count,
                            Column *column, int32_t first)
{
    switch (column->physical) {
    case PHYSICAL_I32: KEY_VALUES(int32_t, (int32_t)word);
    case PHYSICAL_I64: KEY_VALUES(int64_t, (int64_t)word);
    case PHYSICAL_BOOL:
    case PHYSICAL_I8:
    case PHYSICAL_I16:
    case PHYSICAL_F32:
    case PHYSICAL_F64:
    case PHYSICAL_NONE:
    case PHYSICAL_I128:
    case PHYSICAL_STRING: break;
    }
    return false;
}

void table_read_keys(const StateTable *table, const uint8_t *const *values, int32_t count,
                     Batch *into, int32_t capacity)
{
    int32_t first = into->row_count;
    assert(count >= 0 && first + count <= capacity);
    bool is_plain = table->key->kind == TABLE_KEY_WORD && table->null_index == INDEX_NONE &&
                    into->columns[0].valid == NULL;
    if (is_plain && words_to_column(table, values, count, &into->columns[0], first))
        return;
    for (int32_t i = 0; i < count; i++) {
        into->row_count = first + i;
        table_read_key(table, values[i], into, capacity);
    }
    into->row_count = first;
}

void table_save_key(const StateTable *table, const uint8_t *value, Buffer *out)
{
    const Entry *entry = value_entry(table, value);
    assert(entry->hash != 0);
    buffer_append_u64(out, entry->hash);
    bool is_null = table_is_null_entry(table, entry);
    buffer_append_u8(out, is_null ? 0 : 1);
    if (is_null)
        return;
    if (table->key->kind == TABLE_KEY_WORD)
        buffer_append_u64(out, entry->word);
    else
        buffer_append_bytes(out, str_view_str(&entry->view));
}

uint8_t *table_load_key(StateTable *table, ByteReader *in)
{
    Probe probe = {.hash = byte_reader_u64(in)};
    uint8_t tag = byte_reader_u8(in);
    if (in->is_short || probe.hash == 0 || tag > 1)
        return NULL;
    if (tag == 0)
        return table->key->kind == TABLE_KEY_BYTES ? NULL : table_put_null(table, probe.hash);
    StrView view = {0};
    if (table->key->kind == TABLE_KEY_WORD) {
        probe.word = byte_reader_u64(in);
    } else {
        Str text = byte_reader_bytes(in);
        bool is_nested = table->key->kind == TABLE_KEY_TEXT && type_is_nested(table->key->types[0]);
        if (in->is_short || (is_nested && !nested_is_valid(text, table->key->types[0])))
            return NULL;
        view = str_view_borrow(text);
        probe.view = &view;
    }
    return in->is_short ? NULL : table_put(table, &probe);
}

uint64_t table_peek_hash(const ByteReader *in)
{
    ByteReader ahead = *in;
    return byte_reader_u64(&ahead);
}
