/* Multisets of values: a small hash table over a dense array, and a heap over that. */
#include "expr/aggregate/valueset.h"

#include "base/hash.h"
#include "base/memory.h"
#include "expr/functions/order.h"

enum {
    SCAN_MAX = 8, /* entries that are searched without a table */
    ENTRY_CAPACITY_MIN = 4,
    SLOT_COUNT_MIN = 32,
    ZERO_MIN = 16, /* entries at zero that are not worth a sweep */
};

ValueSet *valueset_new(Physical physical, bool has_heap, bool is_max)
{
    assert(physical != PHYSICAL_NONE);
    ValueSet *set = memory_allocate_zeroed(sizeof(ValueSet));
    set->physical = physical;
    set->has_heap = has_heap;
    set->is_max = is_max;
    return set;
}

static void entry_free(const ValueSet *set, ValueEntry *entry)
{
    if (set->physical == PHYSICAL_STRING && entry->text.length > STR_VIEW_INLINE_MAX)
        memory_free((void *)(uintptr_t)entry->text.pointer);
}

void valueset_free(ValueSet *set)
{
    if (set == NULL)
        return;
    for (int32_t i = 0; i < set->entry_count; i++)
        entry_free(set, &set->entries[i]);
    memory_free(set->entries);
    memory_free(set->slots);
    memory_free(set->heap);
    memory_free(set);
}

/* ---- Keys ------------------------------------------------------------------------------ */

static uint32_t hash_words(const uint64_t *words)
{
    return (uint32_t)hash_u64(words[0] ^ words[1] * 0x9e3779b97f4a7c15ULL);
}

ValueEntry valueset_key_text(Str text)
{
    ValueEntry entry = {.text = str_view_borrow(text)};
    entry.hash = (uint32_t)hash_bytes(text.data, text.length);
    return entry;
}

static uint64_t real_word(double value)
{
    uint64_t word;
    if (value != value)
        return 0x7ff8000000000000ULL;
    value = value == 0 ? 0 : value;
    memcpy(&word, &value, sizeof word);
    return word;
}

ValueEntry valueset_key(const Column *column, int32_t row)
{
    int32_t index = column_index(column, row);
    ValueEntry entry = {0};
    int64_t word = 0;
    switch (column->physical) {
    case PHYSICAL_BOOL: word = ((const uint8_t *)column->values)[index]; break;
    case PHYSICAL_I8: word = ((const int8_t *)column->values)[index]; break;
    case PHYSICAL_I16: word = ((const int16_t *)column->values)[index]; break;
    case PHYSICAL_I32: word = ((const int32_t *)column->values)[index]; break;
    case PHYSICAL_I64: word = ((const int64_t *)column->values)[index]; break;
    case PHYSICAL_F32:
        word = (int64_t)real_word((double)((const float *)column->values)[index]);
        break;
    case PHYSICAL_F64: word = (int64_t)real_word(((const double *)column->values)[index]); break;
    case PHYSICAL_I128:
        memcpy(entry.words, (const Int128 *)column->values + index, sizeof entry.words);
        entry.hash = hash_words(entry.words);
        return entry;
    case PHYSICAL_STRING:
        return valueset_key_text(str_view_str((const StrView *)column->values + index));
    case PHYSICAL_NONE: assert(!"no value");
    }
    entry.words[0] = (uint64_t)word;
    entry.hash = hash_words(entry.words);
    return entry;
}

static bool entry_equal(const ValueSet *set, const ValueEntry *a, const ValueEntry *b)
{
    if (a->hash != b->hash)
        return false;
    if (set->physical == PHYSICAL_STRING)
        return str_view_equal(&a->text, &b->text);
    return a->words[0] == b->words[0] && a->words[1] == b->words[1];
}

/* ---- The heap -------------------------------------------------------------------------- */

int valueset_compare(Physical physical, const ValueEntry *a, const ValueEntry *b)
{
    if (physical == PHYSICAL_STRING)
        return str_view_compare(&a->text, &b->text);
    if (physical == PHYSICAL_I128) {
        Int128 left, right;
        memcpy(&left, a->words, sizeof left);
        memcpy(&right, b->words, sizeof right);
        return (left > right) - (left < right);
    }
    if (physical == PHYSICAL_F32 || physical == PHYSICAL_F64) {
        double left, right;
        memcpy(&left, a->words, sizeof left);
        memcpy(&right, b->words, sizeof right);
        return (left > right) - (left < right);
    }
    int64_t left = (int64_t)a->words[0], right = (int64_t)b->words[0];
    return (left > right) - (left < right);
}

static bool entry_is_better(const ValueSet *set, uint32_t a, uint32_t b)
{
    int order = valueset_compare(set->physical, &set->entries[a], &set->entries[b]);
    return set->is_max ? order > 0 : order < 0;
}

static void heap_sink(ValueSet *set, int32_t at)
{
    uint32_t *heap = set->heap;
    for (;;) {
        int32_t child = 2 * at + 1;
        if (child >= set->heap_count)
            return;
        if (child + 1 < set->heap_count && entry_is_better(set, heap[child + 1], heap[child]))
            child++;
        if (!entry_is_better(set, heap[child], heap[at]))
            return;
        uint32_t swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
        at = child;
    }
}

static void heap_push(ValueSet *set, uint32_t entry)
{
    if (set->heap_count == set->heap_capacity) {
        set->heap_capacity = set->heap_capacity == 0 ? 4 : set->heap_capacity * 2;
        set->heap = memory_resize(set->heap, set->heap_capacity * (int64_t)sizeof(uint32_t));
    }
    int32_t at = set->heap_count++;
    set->heap[at] = entry;
    set->entries[entry].is_in_heap = true;
    while (at > 0) {
        int32_t parent = (at - 1) / 2;
        if (!entry_is_better(set, set->heap[at], set->heap[parent]))
            return;
        uint32_t swap = set->heap[at];
        set->heap[at] = set->heap[parent];
        set->heap[parent] = swap;
        at = parent;
    }
}

const ValueEntry *valueset_best(ValueSet *set)
{
    assert(set->has_heap);
    while (set->heap_count > 0) {
        ValueEntry *top = &set->entries[set->heap[0]];
        if (top->count > 0)
            return top;
        top->is_in_heap = false;
        set->heap[0] = set->heap[--set->heap_count];
        heap_sink(set, 0);
    }
    return NULL;
}

/* ---- The table ------------------------------------------------------------------------- */

static void slots_insert(ValueSet *set, uint32_t entry)
{
    uint32_t mask = (uint32_t)set->slot_count - 1;
    uint32_t at = set->entries[entry].hash & mask;
    while (set->slots[at] != 0)
        at = (at + 1) & mask;
    set->slots[at] = entry + 1;
}

/* Room for twice the entries there are. */
static void slots_build(ValueSet *set)
{
    int32_t count = SLOT_COUNT_MIN;
    while (count < set->entry_count * 4)
        count *= 2;
    memory_free(set->slots);
    set->slots = memory_allocate_zeroed(count * (int64_t)sizeof(uint32_t));
    set->slot_count = count;
    for (int32_t i = 0; i < set->entry_count; i++)
        slots_insert(set, (uint32_t)i);
}

static ValueEntry *valueset_find(const ValueSet *set, const ValueEntry *key)
{
    if (set->slot_count == 0) {
        for (int32_t i = 0; i < set->entry_count; i++)
            if (entry_equal(set, &set->entries[i], key))
                return &set->entries[i];
        return NULL;
    }
    uint32_t mask = (uint32_t)set->slot_count - 1;
    for (uint32_t at = key->hash & mask; set->slots[at] != 0; at = (at + 1) & mask) {
        ValueEntry *entry = &set->entries[set->slots[at] - 1];
        if (entry_equal(set, entry, key))
            return entry;
    }
    return NULL;
}

void valueset_fetch_slot(const ValueSet *set, const ValueEntry *key)
{
    if (set->slot_count > 0)
        __builtin_prefetch(&set->slots[key->hash & ((uint32_t)set->slot_count - 1)]);
    else
        __builtin_prefetch(set->entries);
}

void valueset_fetch_entry(const ValueSet *set, const ValueEntry *key)
{
    if (set->slot_count == 0)
        return;
    uint32_t slot = set->slots[key->hash & ((uint32_t)set->slot_count - 1)];
    if (slot != 0)
        __builtin_prefetch(&set->entries[slot - 1]);
}

/* Drop the entries at zero; the others keep their order. */
static void valueset_sweep(ValueSet *set)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < set->entry_count; i++) {
        ValueEntry *entry = &set->entries[i];
        if (entry->count == 0)
            entry_free(set, entry);
        else
            set->entries[kept++] = *entry;
    }
    set->entry_count = kept;
    set->zero_count = 0;
    memory_free(set->slots);
    set->slots = NULL;
    set->slot_count = 0;
    if (kept > SCAN_MAX)
        slots_build(set);
    if (!set->has_heap)
        return;
    set->heap_count = 0;
    for (int32_t i = 0; i < kept; i++) {
        set->entries[i].is_in_heap = false;
        if (set->entries[i].count > 0)
            heap_push(set, (uint32_t)i);
    }
}

static ValueEntry *valueset_append(ValueSet *set, const ValueEntry *key)
{
    if (set->entry_count == set->entry_capacity) {
        set->entry_capacity =
            set->entry_capacity == 0 ? ENTRY_CAPACITY_MIN : set->entry_capacity * 2;
        set->entries =
            memory_resize(set->entries, set->entry_capacity * (int64_t)sizeof(ValueEntry));
    }
    uint32_t index = (uint32_t)set->entry_count++;
    ValueEntry *entry = &set->entries[index];
    *entry = *key;
    entry->count = 0;
    entry->is_in_heap = false;
    if (set->physical == PHYSICAL_STRING && key->text.length > STR_VIEW_INLINE_MAX) {
        char *copy = memory_allocate(key->text.length);
        memcpy(copy, key->text.pointer, key->text.length);
        entry->text.pointer = copy;
    }
    set->zero_count++;
    if (set->slot_count > 0 && set->entry_count * 2 <= set->slot_count)
        slots_insert(set, index);
    else if (set->entry_count > SCAN_MAX)
        slots_build(set);
    return entry;
}

int valueset_add(ValueSet *set, const ValueEntry *key, int64_t weight)
{
    if (weight == 0)
        return 0;
    ValueEntry *entry = valueset_find(set, key);
    if (entry == NULL)
        entry = valueset_append(set, key);
    int64_t before = entry->count;
    entry->count += weight;
    int64_t after = entry->count;
    set->zero_count += (after == 0) - (before == 0);
    int change = (after > 0) - (before > 0);
    set->present_count += change;
    if (set->has_heap && change > 0 && !entry->is_in_heap)
        heap_push(set, (uint32_t)(entry - set->entries));
    if (set->zero_count > ZERO_MIN && set->zero_count * 2 > set->entry_count)
        valueset_sweep(set);
    return change;
}

/* ---- Values in and out ----------------------------------------------------------------- */

void valueset_put(const ValueSet *set, const ValueEntry *entry, Column *out, Arena *arena,
                  int32_t row)
{
    assert(out->physical == set->physical);
    double real;
    memcpy(&real, entry->words, sizeof real);
    switch (out->physical) {
    case PHYSICAL_BOOL: ((uint8_t *)out->values)[row] = (uint8_t)entry->words[0]; break;
    case PHYSICAL_I8: ((int8_t *)out->values)[row] = (int8_t)entry->words[0]; break;
    case PHYSICAL_I16: ((int16_t *)out->values)[row] = (int16_t)entry->words[0]; break;
    case PHYSICAL_I32: ((int32_t *)out->values)[row] = (int32_t)entry->words[0]; break;
    case PHYSICAL_I64: ((int64_t *)out->values)[row] = (int64_t)entry->words[0]; break;
    case PHYSICAL_F32: ((float *)out->values)[row] = (float)real; break;
    case PHYSICAL_F64: ((double *)out->values)[row] = real; break;
    case PHYSICAL_I128: memcpy((Int128 *)out->values + row, entry->words, 16); break;
    case PHYSICAL_STRING:
        ((StrView *)out->values)[row] = str_view_copy(arena, str_view_str(&entry->text));
        break;
    case PHYSICAL_NONE: assert(!"no value");
    }
}

void valueset_save_value(Physical physical, const ValueEntry *entry, Buffer *out)
{
    if (physical == PHYSICAL_STRING) {
        buffer_append_bytes(out, str_view_str(&entry->text));
        return;
    }
    buffer_append_u64(out, entry->words[0]);
    if (physical == PHYSICAL_I128)
        buffer_append_u64(out, entry->words[1]);
}

ValueEntry valueset_load_value(Physical physical, ByteReader *in)
{
    if (physical == PHYSICAL_STRING)
        return valueset_key_text(byte_reader_bytes(in));
    ValueEntry entry = {.words = {byte_reader_u64(in), 0}};
    if (physical == PHYSICAL_I128)
        entry.words[1] = byte_reader_u64(in);
    entry.hash = hash_words(entry.words);
    return entry;
}

void valueset_save(const ValueSet *set, Buffer *out)
{
    int32_t live = set == NULL ? 0 : set->entry_count - set->zero_count;
    buffer_append_u32(out, (uint32_t)live);
    for (int32_t i = 0; set != NULL && i < set->entry_count; i++) {
        const ValueEntry *entry = &set->entries[i];
        if (entry->count == 0)
            continue;
        buffer_append_u64(out, (uint64_t)entry->count);
        valueset_save_value(set->physical, entry, out);
    }
}

bool valueset_load(ValueSet *set, ByteReader *in)
{
    uint32_t live = byte_reader_u32(in);
    for (uint32_t i = 0; i < live && !in->is_short; i++) {
        int64_t count = (int64_t)byte_reader_u64(in);
        ValueEntry key = valueset_load_value(set->physical, in);
        if (in->is_short || count == 0)
            return false;
        (void)valueset_add(set, &key, count);
    }
    return !in->is_short;
}
