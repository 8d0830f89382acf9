/* Inside state/: how a table lies in memory. */
#ifndef WEIR_STATE_INTERNAL_H
#define WEIR_STATE_INTERNAL_H

#include <assert.h>
#include <math.h>
#include <string.h>

#include "state/keyed.h"
#include "state/table.h"

enum {
    SLAB_FIRST_BITS = 3, /* entries in the first slab, doubling from there */
    SLAB_LAST_BITS = 14, /* … until slabs have this many each */
    INDEX_NONE = 0,
};

/* What the low bits of a hash in an entry say; those of the hash itself are left out, everywhere.
 */
enum {
    ENTRY_COLOR = 1,     /* as the table's: nothing to save before the value changes */
    ENTRY_DIRTY = 2,     /* changed since it was last saved */
    ENTRY_PERSISTED = 4, /* some checkpoint has it: its end must be told to the next */
    ENTRY_CHANGED = 8,   /* its page (cold.h) does not have it as it is */
    ENTRY_USED = 16,     /* was wanted again since it was last thought of putting it away */
    ENTRY_FLAGS = 31,
    HASH_FLAG_BITS = 5,
};

/* A slot holds 32 bits of the hash, which also place it, and the entry's number plus one; 0 is
 * empty. So probing and growing do not touch the entries. The bits, as a fraction, say how far from
 * the start of the slots its place is: there may be any number of slots, which grow by half at a
 * time and are then between half and three quarters full (10.7 to 16 bytes per key, where doubling
 * takes up to 21), and growing goes through old and new ones in order. */
typedef struct Slot {
    uint32_t tag;
    uint32_t index;
} Slot;

/* Before the value in memory. A free entry has hash 0 and the next free number as its word. */
typedef struct Entry {
    uint64_t hash; /* with flags */
    union {
        uint64_t word;
        StrView view; /* only 16 bytes long in tables of views */
    };
} Entry;

/* The entries that are not at hand (cold.h). */
typedef struct Cold Cold;

struct StateTable {
    const TableKey *key;
    int32_t key_bytes; /* 8 or 16 */
    int32_t value_bytes;
    int32_t entry_bytes;
    Slot *slots;
    uint32_t slot_count;
    uint8_t **slabs;
    int32_t slab_count;
    uint32_t entry_end;  /* entries ever used */
    uint32_t free_index; /* 1 + the first free entry, or 0 */
    uint32_t null_index; /* 1 + the entry of the NULL key, or 0 */
    uint32_t appended;   /* the last so many entries have no slots yet */
    int64_t count;       /* at hand */
    Arena *text;         /* bytes of long keys; made on first use */
    int64_t text_live, text_dead;
    int64_t text_wide; /* bytes of very long ones, each of which has its own memory */
    int64_t slab_bytes;
    const TableCodec *codec; /* NULL: values are plain, and never saved */
    void *owner;
    Cold *cold;        /* NULL: all are at hand */
    KeyedState *keyed; /* which saves it, or NULL */
    KeyedId id;
    int32_t position;   /* among its tables */
    uint8_t color;      /* that of its KeyedState */
    int64_t used_round; /* of keyed_make_room, before which it was last used */
    bool is_in_use;     /* among those that are looked at in the next */
    bool is_persisted;  /* some checkpoint has the table */
    bool is_saving;     /* a pass is under way … */
    bool saves_all;     /* … of all entries, not only of those that have changed … */
    uint32_t save_cursor, save_end; /* … and has come so far */
    bool is_leaving;                /* with the end of that it is the heir's */
    KeyedHeir heir;
};

static_assert((ENTRY_COLOR | ENTRY_DIRTY) == TABLE_MARK_BITS, "what table_touch sets is the mark");

static inline uint64_t hash_plain(uint64_t hash)
{
    return hash & ~(uint64_t)ENTRY_FLAGS;
}

static inline uint32_t hash_tag(uint64_t hash)
{
    return (uint32_t)(hash >> HASH_FLAG_BITS);
}

/* Where the search for a tag begins, among `count` slots. */
static inline uint32_t slot_home(uint32_t tag, uint32_t count)
{
    return (uint32_t)(((uint64_t)tag * count) >> 32);
}

static inline uint32_t slot_after(uint32_t at, uint32_t count)
{
    return at + 1 == count ? 0 : at + 1;
}

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

static inline void value_save(const StateTable *table, const uint8_t *value, Buffer *out)
{
    if (table->codec->save != NULL)
        table->codec->save(table->owner, value, out);
    else
        buffer_append(out, value, table->value_bytes);
}

/* Into a zeroed value. */
static inline bool value_load(const StateTable *table, uint8_t *value, ByteReader *in)
{
    if (table->codec->load != NULL)
        return table->codec->load(table->owner, value, in);
    Str bytes = byte_reader_take(in, table->value_bytes);
    if (!in->is_short)
        memcpy(value, bytes.data, (size_t)bytes.length);
    return !in->is_short;
}

enum { PREFETCH_AHEAD = 8 }; /* keys between the slot and the entry, and the entry and its use */

static inline void table_prefetch_slot(const StateTable *table, uint64_t hash)
{
    if (table->slots != NULL)
        __builtin_prefetch(&table->slots[slot_home(hash_tag(hash), table->slot_count)]);
}

/* The entry that the slot, which has come by now, most likely points to. */
static inline void table_prefetch_entry(const StateTable *table, uint64_t hash)
{
    if (table->slots == NULL)
        return;
    Slot slot = table->slots[slot_home(hash_tag(hash), table->slot_count)];
    if (slot.index == INDEX_NONE)
        return;
    const uint8_t *entry = table_entry(table, slot.index - 1);
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + table->entry_bytes - 1);
}

/* Whether the entry is the one for the NULL of a single-column key. */
static inline bool table_is_null_entry(const StateTable *table, const Entry *entry)
{
    if (table->null_index == INDEX_NONE)
        return false;
    return (const uint8_t *)entry == table_entry(table, table->null_index - 1);
}

/* Slots for so many keys in all. */
void table_reserve(StateTable *table, int64_t keys);

/* What is looked for: one key, whatever kind it is. */
typedef struct Probe {
    uint64_t hash;
    uint64_t word;
    const StrView *view; /* NULL for words */
} Probe;

static inline Probe keys_probe(const TableKeys *keys, int32_t at)
{
    if (keys->words != NULL)
        return (Probe){.hash = keys->hashes[at], .word = keys->words[at]};
    return (Probe){.hash = keys->hashes[at], .view = &keys->views[at]};
}

static inline Probe entry_probe(const StateTable *table, const Entry *entry)
{
    uint64_t hash = hash_plain(entry->hash);
    if (table->key->kind == TABLE_KEY_WORD)
        return (Probe){.hash = hash, .word = entry->word};
    return (Probe){.hash = hash, .view = &entry->view};
}

/* The hash of key columns as it stands in entries. */
static inline uint64_t table_hash_of_key(uint64_t hash)
{
    hash = hash_plain(hash);
    return hash != 0 ? hash : ENTRY_FLAGS + 1;
}

/* Among the entries that are at hand, whatever is in pages. */
uint8_t *table_put_at_hand(StateTable *table, const Probe *probe);
uint8_t *table_get_at_hand(const StateTable *table, const Probe *probe);
int64_t table_bytes_at_hand(const StateTable *table);
/* The entry is no more, whatever has been or is to be saved of it. */
void table_remove(StateTable *table, Entry *entry);

/* The value of a key, made if it is not there; or NULL. The NULL of a single-column key has an
 * entry of its own, which is always at hand. */
uint8_t *table_put_probe(StateTable *table, const Probe *probe);
uint8_t *table_put_null(StateTable *table, uint64_t hash);
uint8_t *table_get_probe(const StateTable *table, const Probe *probe);
uint8_t *table_get_null(const StateTable *table);

/* In keyed.c: the entry as it was at the barrier goes into the checkpoint under way; and the end of
 * one that some checkpoint has, into the next. */
void table_save_before_change(StateTable *table, Entry *entry);
void table_save_end(StateTable *table, Entry *entry);
/* table_touch of many at once, while a pass is under way. */
void table_save_touched(StateTable *table, uint8_t *const *values, int32_t count);
/* A value that is not at hand goes into the checkpoint under way, as it is saved. */
void table_save_record(StateTable *table, const Probe *probe, Str value);
void keyed_empty(KeyedState *keyed, StateTable *table);
/* The table has so many bytes more in memory, before it makes room. */
void keyed_note_growth(const StateTable *table, int64_t bytes);
/* Entries of a table that spills come to hand: there is to be made room for them. */
void keyed_enter_use(StateTable *table);
static inline void keyed_note_use(StateTable *table)
{
    if (!table->is_in_use)
        keyed_enter_use(table);
}

/* Nothing is at hand but the NULL key, maybe: give up the memory that entries had. */
void table_shrink(StateTable *table);

static inline uint64_t word_of_f64(double value)
{
    if (isnan(value))
        value = (double)NAN;
    value = value == 0.0 ? 0.0 : value;
    uint64_t word;
    memcpy(&word, &value, sizeof word);
    return word;
}

static inline double word_as_f64(uint64_t word)
{
    double value;
    memcpy(&value, &word, sizeof value);
    return value;
}

#endif
