/* Nested values: reading children, equality, and checking bytes that are not trusted. */
#include "data/nested.h"

#include <math.h>

enum { ARRAY_COUNT_BYTES = 4, PLACE_BYTES = 8 };

static uint32_t read_u32(const char *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static int64_t bitmap_bytes(int64_t count)
{
    return (count + 7) / 8;
}

int32_t nested_slot_bytes(Type child)
{
    Physical physical = type_physical(child);
    return physical == PHYSICAL_STRING ? PLACE_BYTES : physical_bytes(physical);
}

int32_t nested_row_slot(Type row, int32_t field)
{
    assert(row.id == TYPE_ROW);
    assert(field >= 0 && field <= row.child_count);
    int64_t at = bitmap_bytes(row.child_count);
    for (int32_t i = 0; i < field; i++)
        at += nested_slot_bytes(row.children[i]);
    return (int32_t)at;
}

NestedArray nested_array(Str bytes, Type element)
{
    assert(bytes.length >= ARRAY_COUNT_BYTES);
    return (NestedArray){.base = bytes.data,
                         .count = (int32_t)read_u32(bytes.data),
                         .width = nested_slot_bytes(element),
                         .has_places = type_physical(element) == PHYSICAL_STRING};
}

Type nested_key_type(Type map)
{
    assert(map.id == TYPE_MAP || map.id == TYPE_MULTISET);
    return map.children[0];
}

Type nested_value_type(Type map)
{
    assert(map.id == TYPE_MAP || map.id == TYPE_MULTISET);
    return map.id == TYPE_MAP ? map.children[1] : type_not_null(type_simple(TYPE_INT));
}

NestedMap nested_map(Str bytes, Type type)
{
    assert(bytes.length >= ARRAY_COUNT_BYTES);
    int64_t key_bytes = read_u32(bytes.data);
    Str keys = str_make(bytes.data + ARRAY_COUNT_BYTES, key_bytes);
    int64_t rest = bytes.length - ARRAY_COUNT_BYTES - key_bytes;
    NestedMap map = {
        .keys = nested_array(keys, nested_key_type(type)),
        .values = nested_array(str_make(keys.data + key_bytes, rest), nested_value_type(type))};
    assert(map.keys.count == map.values.count);
    return map;
}

Value nested_slot_value(const char *base, const char *slot, Type child)
{
    Value value = {.type = child};
    switch (type_physical(child)) {
    case PHYSICAL_NONE: value.is_null = true; break;
    case PHYSICAL_BOOL: value.integer = (uint8_t)*slot; break;
    case PHYSICAL_I8: value.integer = (int8_t)*slot; break;
    case PHYSICAL_I16: {
        int16_t number;
        memcpy(&number, slot, sizeof number);
        value.integer = number;
        break;
    }
    case PHYSICAL_I32: value.integer = (int32_t)read_u32(slot); break;
    case PHYSICAL_I64: memcpy(&value.integer, slot, sizeof value.integer); break;
    case PHYSICAL_I128: memcpy(&value.wide, slot, sizeof value.wide); break;
    case PHYSICAL_F32: {
        float number;
        memcpy(&number, slot, sizeof number);
        value.real = (double)number;
        break;
    }
    case PHYSICAL_F64: memcpy(&value.real, slot, sizeof value.real); break;
    case PHYSICAL_STRING: value.text = nested_slot_str(base, slot); break;
    }
    return value;
}

Value nested_array_value(const NestedArray *array, int32_t index, Type element)
{
    if (nested_array_is_null(array, index))
        return (Value){.type = element, .is_null = true};
    return nested_slot_value(array->base, nested_array_slot(array, index), element);
}

Value nested_row_value(Str bytes, Type row, int32_t field)
{
    assert(field >= 0 && field < row.child_count);
    if (nested_row_is_null(bytes.data, field))
        return (Value){.type = row.children[field], .is_null = true};
    return nested_slot_value(bytes.data, bytes.data + nested_row_slot(row, field),
                             row.children[field]);
}

void nested_slot_load(Column *into, int32_t row, const char *base, const char *slot)
{
    assert(!into->is_constant || row == 0);
    if (into->physical == PHYSICAL_STRING) {
        ((StrView *)into->values)[row] = str_view_borrow(nested_slot_str(base, slot));
        return;
    }
    int32_t width = physical_bytes(into->physical);
    memcpy((char *)into->values + (int64_t)row * width, slot, (size_t)width);
}

/* ---- Comparing ------------------------------------------------------------------------- */

static bool type_holds_map(Type type)
{
    if (type.id == TYPE_MAP || type.id == TYPE_MULTISET)
        return true;
    for (int32_t i = 0; i < type.child_count; i++)
        if (type_holds_map(type.children[i]))
            return true;
    return false;
}

static bool slot_equal(const char *base_a, const char *slot_a, const char *base_b,
                       const char *slot_b, Type child)
{
    if (type_physical(child) != PHYSICAL_STRING)
        return memcmp(slot_a, slot_b, (size_t)nested_slot_bytes(child)) == 0;
    Str a = nested_slot_str(base_a, slot_a);
    Str b = nested_slot_str(base_b, slot_b);
    return type_is_nested(child) ? nested_equal(a, b, child) : str_equal(a, b);
}

static bool element_equal(const NestedArray *a, int32_t at_a, const NestedArray *b, int32_t at_b,
                          Type element)
{
    bool is_null = nested_array_is_null(a, at_a);
    if (is_null || nested_array_is_null(b, at_b))
        return is_null == nested_array_is_null(b, at_b);
    return slot_equal(a->base, nested_array_slot(a, at_a), b->base, nested_array_slot(b, at_b),
                      element);
}

int32_t nested_map_find(const NestedMap *map, Type key_type, const char *base, const char *slot)
{
    for (int32_t i = 0; i < map->keys.count; i++) {
        if (nested_array_is_null(&map->keys, i) != (slot == NULL))
            continue;
        if (slot == NULL ||
            slot_equal(map->keys.base, nested_array_slot(&map->keys, i), base, slot, key_type))
            return i;
    }
    return -1;
}

static bool map_equal(Str bytes_a, Str bytes_b, Type type)
{
    NestedMap a = nested_map(bytes_a, type);
    NestedMap b = nested_map(bytes_b, type);
    if (a.keys.count != b.keys.count)
        return false;
    Type key_type = nested_key_type(type);
    for (int32_t i = 0; i < a.keys.count; i++) {
        bool is_null = nested_array_is_null(&a.keys, i);
        int32_t at = i;
        if (!element_equal(&a.keys, i, &b.keys, i, key_type))
            at = nested_map_find(&b, key_type, a.keys.base,
                                 is_null ? NULL : nested_array_slot(&a.keys, i));
        if (at < 0 || !element_equal(&a.values, i, &b.values, at, nested_value_type(type)))
            return false;
    }
    return true;
}

static bool array_equal(Str bytes_a, Str bytes_b, Type element)
{
    NestedArray a = nested_array(bytes_a, element);
    NestedArray b = nested_array(bytes_b, element);
    if (a.count != b.count)
        return false;
    for (int32_t i = 0; i < a.count; i++)
        if (!element_equal(&a, i, &b, i, element))
            return false;
    return true;
}

static bool row_equal(Str a, Str b, Type type)
{
    int32_t at = nested_row_slot(type, 0);
    for (int32_t i = 0; i < type.child_count; i++) {
        bool is_null = nested_row_is_null(a.data, i);
        if (is_null != nested_row_is_null(b.data, i))
            return false;
        if (!is_null && !slot_equal(a.data, a.data + at, b.data, b.data + at, type.children[i]))
            return false;
        at += nested_slot_bytes(type.children[i]);
    }
    return true;
}

bool nested_equal(Str a, Str b, Type type)
{
    assert(type_is_nested(type));
    if (str_equal(a, b))
        return true;
    if (!type_holds_map(type))
        return false;
    if (type.id == TYPE_ROW)
        return row_equal(a, b, type);
    if (type.id == TYPE_ARRAY)
        return array_equal(a, b, type.children[0]);
    return map_equal(a, b, type);
}

static bool array_has_null_key(const NestedArray *array, Type element)
{
    if (!type_holds_map(element))
        return false;
    for (int32_t i = 0; i < array->count; i++)
        if (!nested_array_is_null(array, i) &&
            nested_has_null_key(nested_array_bytes(array, i), element))
            return true;
    return false;
}

bool nested_has_null_key(Str bytes, Type type)
{
    assert(type_is_nested(type));
    if (!type_holds_map(type))
        return false;
    if (type.id == TYPE_ARRAY) {
        NestedArray array = nested_array(bytes, type.children[0]);
        return array_has_null_key(&array, type.children[0]);
    }
    bool has_null = false;
    for (int32_t i = 0; type.id == TYPE_ROW && !has_null && i < type.child_count; i++) {
        Value child = nested_row_value(bytes, type, i);
        has_null = !child.is_null && type_is_nested(child.type) &&
                   nested_has_null_key(child.text, child.type);
    }
    if (type.id == TYPE_ROW)
        return has_null;
    NestedMap map = nested_map(bytes, type);
    for (int32_t i = 0; i < map.keys.count; i++)
        has_null = has_null || nested_array_is_null(&map.keys, i);
    return has_null || array_has_null_key(&map.keys, nested_key_type(type)) ||
           array_has_null_key(&map.values, nested_value_type(type));
}

/* ---- Checking -------------------------------------------------------------------------- */

/* Walks the slots of one value and follows where its variable part should be. */
typedef struct Check {
    Str bytes;
    int64_t variable; /* where the next child's bytes must begin */
} Check;

static bool slot_is_zero(const char *slot, int32_t width)
{
    for (int32_t i = 0; i < width; i++)
        if (slot[i] != 0)
            return false;
    return true;
}

/* Every NaN is written as one. */
static bool real_is_canonical(const char *slot, Physical physical)
{
    float single = NAN;
    double wide = (double)NAN;
    if (physical == PHYSICAL_F32) {
        float value;
        memcpy(&value, slot, sizeof value);
        return !isnan(value) || memcmp(slot, &single, sizeof single) == 0;
    }
    double value;
    memcpy(&value, slot, sizeof value);
    return !isnan(value) || memcmp(slot, &wide, sizeof wide) == 0;
}

static bool check_slot(Check *check, int64_t at, bool is_null, Type child)
{
    const char *slot = check->bytes.data + at;
    Physical physical = type_physical(child);
    if (is_null)
        return slot_is_zero(slot, nested_slot_bytes(child));
    if (physical == PHYSICAL_NONE)
        return false;
    if (physical == PHYSICAL_BOOL)
        return (uint8_t)*slot <= 1;
    if (physical == PHYSICAL_F32 || physical == PHYSICAL_F64)
        return real_is_canonical(slot, physical);
    if (physical != PHYSICAL_STRING)
        return true;
    int64_t offset = read_u32(slot);
    int64_t length = read_u32(slot + 4);
    if (offset != check->variable || length > check->bytes.length - offset)
        return false;
    check->variable += length;
    Str bytes = str_make(check->bytes.data + offset, length);
    return !type_is_nested(child) || nested_is_valid(bytes, child);
}

/* No bits behind the last child. */
static bool bitmap_ends(const char *nulls, int64_t count)
{
    return count % 8 == 0 || (uint8_t)nulls[count / 8] >> (count % 8) == 0;
}

static bool array_is_valid(Str bytes, Type element)
{
    if (bytes.length < ARRAY_COUNT_BYTES)
        return false;
    int64_t count = read_u32(bytes.data);
    int32_t width = nested_slot_bytes(element);
    int64_t slots = ARRAY_COUNT_BYTES + bitmap_bytes(count);
    if (count > INT32_MAX || slots + count * width > bytes.length ||
        !bitmap_ends(bytes.data + ARRAY_COUNT_BYTES, count))
        return false;
    NestedArray array = nested_array(bytes, element);
    Check check = {.bytes = bytes, .variable = slots + count * width};
    for (int32_t i = 0; i < array.count; i++)
        if (!check_slot(&check, slots + (int64_t)i * width, nested_array_is_null(&array, i),
                        element))
            return false;
    return check.variable == bytes.length;
}

static bool row_is_valid(Str bytes, Type type)
{
    int64_t at = bitmap_bytes(type.child_count);
    int64_t header = nested_row_slot(type, type.child_count);
    if (header > bytes.length || !bitmap_ends(bytes.data, type.child_count))
        return false;
    Check check = {.bytes = bytes, .variable = header};
    for (int32_t i = 0; i < type.child_count; i++) {
        if (!check_slot(&check, at, nested_row_is_null(bytes.data, i), type.children[i]))
            return false;
        at += nested_slot_bytes(type.children[i]);
    }
    return check.variable == bytes.length;
}

static bool map_is_valid(Str bytes, Type type)
{
    if (bytes.length < ARRAY_COUNT_BYTES)
        return false;
    int64_t key_bytes = read_u32(bytes.data);
    if (key_bytes > bytes.length - ARRAY_COUNT_BYTES)
        return false;
    Str keys = str_make(bytes.data + ARRAY_COUNT_BYTES, key_bytes);
    Str values = str_make(keys.data + key_bytes, bytes.length - ARRAY_COUNT_BYTES - key_bytes);
    return array_is_valid(keys, nested_key_type(type)) &&
           array_is_valid(values, nested_value_type(type)) &&
           read_u32(keys.data) == read_u32(values.data);
}

bool nested_is_valid(Str bytes, Type type)
{
    assert(type_is_nested(type));
    if (type.id == TYPE_ROW)
        return row_is_valid(bytes, type);
    if (type.id == TYPE_ARRAY)
        return array_is_valid(bytes, type.children[0]);
    return map_is_valid(bytes, type);
}
