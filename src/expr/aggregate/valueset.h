/* A multiset of values in heap memory: what DISTINCT and retractable MIN and MAX keep.
 *
 *     entries  [ value, count | value, count | … ]   in order of arrival
 *     slots    open addressing, entry index + 1       once there are more than a few
 *     heap     entry indexes, the best value on top   for MIN and MAX only
 *
 * A count may pass zero (a row taken back before it came); a value is present while its count
 * is above zero. Entries at zero stay until they are half of all and are then swept, so that
 * adding and removing cost O(1), or O(log n) with the heap, in the long run. */
#ifndef WEIR_EXPR_AGGREGATE_VALUESET_H
#define WEIR_EXPR_AGGREGATE_VALUESET_H

#include "base/buffer.h"
#include "data/batch.h"

typedef struct ValueEntry {
    union {
        uint64_t words[2]; /* fixed-width values, sign-extended */
        StrView text;      /* long ones in heap memory of their own */
    };
    int64_t count;
    uint32_t hash;
    bool is_in_heap;
} ValueEntry;

typedef struct ValueSet ValueSet;
struct ValueSet {
    Physical physical; /* PHYSICAL_STRING also for several columns as bytes */
    bool is_max;       /* of the heap */
    bool has_heap;
    int32_t entry_count, entry_capacity;
    int32_t zero_count;    /* entries whose count is 0 */
    int64_t present_count; /* entries whose count is above 0 */
    int32_t slot_count;    /* a power of two, or 0 */
    int32_t heap_count, heap_capacity;
    ValueEntry *entries;
    uint32_t *slots;
    uint32_t *heap;
    uint64_t inner[6]; /* the accumulator that distinct values are fed to */
};

ValueSet *valueset_new(Physical physical, bool has_heap, bool is_max);
void valueset_free(ValueSet *set);

/* A value as an entry's key; a text is borrowed. -0.0 is 0.0 and every NaN the same. */
ValueEntry valueset_key(const Column *column, int32_t row);
ValueEntry valueset_key_text(Str text);

/* Fetch into the cache, without waiting, what valueset_add of the key will look at: first the slot,
 * then the entry that it names. The set itself is there already. */
void valueset_fetch_slot(const ValueSet *set, const ValueEntry *key);
void valueset_fetch_entry(const ValueSet *set, const ValueEntry *key);

/* Add `weight` to the key's count. Returns 1 when the value became present, -1 when it went
 * away, else 0. */
int valueset_add(ValueSet *set, const ValueEntry *key, int64_t weight);

/* The best present value, or NULL. */
const ValueEntry *valueset_best(ValueSet *set);

/* The order of two values: < 0, 0 or > 0. */
int valueset_compare(Physical physical, const ValueEntry *a, const ValueEntry *b);

/* Write an entry's value to a flat column. */
void valueset_put(const ValueSet *set, const ValueEntry *entry, Column *out, Arena *arena,
                  int32_t row);

/* One value alone, as snapshots hold it. */
void valueset_save_value(Physical physical, const ValueEntry *entry, Buffer *out);
ValueEntry valueset_load_value(Physical physical, ByteReader *in);

/* Entries only; the reader makes the set. */
void valueset_save(const ValueSet *set, Buffer *out);
bool valueset_load(ValueSet *set, ByteReader *in);

#endif
