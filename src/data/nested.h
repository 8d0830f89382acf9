/* ARRAY, MAP, MULTISET and ROW values as bytes.
 *
 * A nested value is one run of bytes behind a StrView, like a text: it is appended, hashed,
 * kept in state and sent on as it is. All numbers are little-endian and unaligned, offsets
 * count from the value's first byte, and nested values inside it have the same form again:
 *
 *   ROW        nulls ⌈fields/8⌉ │ one slot a field │ variable part
 *   ARRAY      u32 count │ nulls ⌈count/8⌉ │ one slot an element │ variable part
 *   MAP        u32 bytes of the keys │ the keys as an ARRAY │ the values as an ARRAY
 *   MULTISET   a MAP from the element to an INT count
 *
 * A slot has the bytes of the child's physical; texts and nested children have u32 offset and
 * u32 length there, and their bytes in the variable part, in order and without gaps. A set bit
 * says NULL; the slot under it is zero. So two rows or arrays are the same value exactly when
 * their bytes are the same (reals by their bits, every NaN as one).
 *
 * A MAP keeps the order in which its keys came first, and of the values of one key the last.
 * Its bytes are therefore equal for equal maps built in the same order only, as in Flink, whose
 * GROUP BY tells such maps apart too; nested_equal compares maps as sets of entries, which is
 * what `=` does. */
#ifndef WEIR_DATA_NESTED_H
#define WEIR_DATA_NESTED_H

#include "base/buffer.h"
#include "data/batch.h"
#include "data/value.h"

/* ---- Reading --------------------------------------------------------------------------- */

/* The elements of an ARRAY, or the keys or values of a MAP. Borrows the value's bytes. */
typedef struct NestedArray {
    const char *base; /* the value's first byte: offsets count from here */
    int32_t count;
    int32_t width;   /* bytes of a slot */
    bool has_places; /* the elements are texts or nested */
} NestedArray;

typedef struct NestedMap {
    NestedArray keys;
    NestedArray values;
} NestedMap;

/* `element` is the child's type. */
NestedArray nested_array(Str bytes, Type element);

/* Of a MAP or MULTISET. */
NestedMap nested_map(Str bytes, Type type);

/* The types of the keys and of the values of a MAP; element and INT for a MULTISET. */
Type nested_key_type(Type map);
Type nested_value_type(Type map);

/* Bytes of a child's slot: 8 for texts and nested values. */
int32_t nested_slot_bytes(Type child);

/* Where a field's slot begins in values of the ROW type. */
int32_t nested_row_slot(Type row, int32_t field);

static inline bool nested_array_is_null(const NestedArray *array, int32_t index)
{
    assert(index >= 0 && index < array->count);
    return (array->base[4 + index / 8] >> (index % 8)) & 1;
}

static inline const char *nested_array_slot(const NestedArray *array, int32_t index)
{
    assert(index >= 0 && index < array->count);
    return array->base + 4 + (array->count + (int64_t)7) / 8 + (int64_t)index * array->width;
}

static inline bool nested_row_is_null(const char *base, int32_t field)
{
    return (base[field / 8] >> (field % 8)) & 1;
}

/* The bytes of a text or nested child that lies in this slot of the value at `base`. */
static inline Str nested_slot_str(const char *base, const char *slot)
{
    uint32_t place[2];
    memcpy(place, slot, sizeof place);
    return str_make(base + place[0], place[1]);
}

/* The bytes of an element that is not NULL: the same exactly for the same values. */
static inline Str nested_array_bytes(const NestedArray *array, int32_t index)
{
    const char *slot = nested_array_slot(array, index);
    return array->has_places ? nested_slot_str(array->base, slot) : str_make(slot, array->width);
}

/* Index of the key that lies in the slot, or -1; `is_null` asks for the NULL key. */
int32_t nested_map_find(const NestedMap *map, Type key_type, const char *base, const char *slot);

/* A child as a value; texts borrow. */
Value nested_slot_value(const char *base, const char *slot, Type child);
Value nested_array_value(const NestedArray *array, int32_t index, Type element);
Value nested_row_value(Str bytes, Type row, int32_t field);

/* Write a child into row `row` of a flat column of the child's physical; texts borrow. */
void nested_slot_load(Column *into, int32_t row, const char *base, const char *slot);

/* ---- Comparing and checking ------------------------------------------------------------ */

/* The same value: NULLs inside are equal to each other, and maps may differ in order. */
bool nested_equal(Str a, Str b, Type type);

/* A MAP in the value, or the value itself, has NULL for a key. */
bool nested_has_null_key(Str bytes, Type type);

/* Well-formed for the type, in the one form that this file's builder gives. Bytes that come
 * from outside (checkpoints) are checked before they are read. */
bool nested_is_valid(Str bytes, Type type);

/* As value_print; the value is not NULL. */
void nested_print(Buffer *out, const Value *value, ValueStyle style, const struct TimeZone *zone);

/* ---- Building -------------------------------------------------------------------------- */

/* Builds one value after the other; children are put in order, nested ones between a begin
 * and its end. Zero-initialise; free with nested_builder_free. */
typedef struct NestedLevel NestedLevel;
typedef struct NestedBuilder {
    NestedLevel **levels;
    int32_t level_capacity;
    int32_t depth; /* values begun and not ended */
    Buffer out;    /* the value, when the outermost has ended */
} NestedBuilder;

void nested_builder_free(NestedBuilder *builder);

/* An ARRAY, MAP, MULTISET or ROW begins: the next child of the one around it, or a new value.
 * A MAP's children are key, value, key, value …; a MULTISET's element, count, …. */
void nested_begin(NestedBuilder *builder, Type type);

/* The ROW's next child is this field: fields may come in any order, of one that comes twice
 * the last is kept, and those that do not come are NULL. */
void nested_field(NestedBuilder *builder, int32_t field);

void nested_put_null(NestedBuilder *builder);
/* A child that is not NULL, from the bytes of its physical; not for texts and nested ones. */
void nested_put_fixed(NestedBuilder *builder, const void *bytes);
/* A text, or the bytes of a nested value of the child's type. */
void nested_put_str(NestedBuilder *builder, Str bytes);
/* From a column, a slot of another value, a value: of the child's physical, NULL or not. */
void nested_put_column(NestedBuilder *builder, const Column *column, int32_t row);
void nested_put_slot(NestedBuilder *builder, const char *base, const char *slot);
void nested_put_value(NestedBuilder *builder, const Value *value);
/* The element of another array, NULL or not. */
void nested_put_element(NestedBuilder *builder, const NestedArray *array, int32_t index);

void nested_end(NestedBuilder *builder);

/* Give up what has been begun: the next begin is the outermost again. */
void nested_abandon(NestedBuilder *builder);

/* The finished value, borrowed until the next begin. */
Str nested_result(const NestedBuilder *builder);

#endif
