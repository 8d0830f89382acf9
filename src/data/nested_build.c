/* Building nested values: each open value collects slots, NULLs and a variable part; its end
 * puts them behind each other, into the variable part of the value around it. */
#include "data/nested.h"

#include <math.h>

#include "base/hash.h"
#include "base/memory.h"

enum { PLACE_BYTES = 8, MAP_SCAN_MAX = 8 };

/* Children of one kind: an ARRAY's elements, a MAP's keys or values, or a ROW's fields. */
typedef struct Run {
    Type child;        /* of arrays; a ROW's are its type's children */
    Physical physical; /* of arrays */
    int32_t width;     /* bytes of a slot; of all slots of a ROW */
    int32_t count;     /* children so far; of a ROW all fields */
    bool has_places;   /* a text or nested child was put */
    Buffer nulls;      /* one byte a child */
    Buffer slots;      /* places count from the start of `variable` */
    Buffer variable;
} Run;

struct NestedLevel {
    Type type;
    Run runs[2];  /* a MAP's values are in the second */
    int32_t next; /* the field of a ROW, or the child of a MAP, that comes next */
    /* Where the slots of a ROW begin, kept while the type stays the same. */
    const Type *offsets_of;
    int32_t *offsets;
    int32_t offset_capacity;
    int32_t *picks; /* scratch of a MAP with keys that come twice, or a hash of its keys */
    int64_t pick_capacity;
};

void nested_builder_free(NestedBuilder *builder)
{
    for (int32_t i = 0; i < builder->level_capacity; i++) {
        NestedLevel *level = builder->levels[i];
        for (int32_t r = 0; r < 2; r++) {
            buffer_free(&level->runs[r].nulls);
            buffer_free(&level->runs[r].slots);
            buffer_free(&level->runs[r].variable);
        }
        memory_free(level->offsets);
        memory_free(level->picks);
        memory_free(level);
    }
    memory_free(builder->levels);
    buffer_free(&builder->out);
    *builder = (NestedBuilder){0};
}

static NestedLevel *builder_top(const NestedBuilder *builder)
{
    assert(builder->depth > 0);
    return builder->levels[builder->depth - 1];
}

static void run_reset(Run *run, Type child)
{
    run->child = child;
    run->physical = type_physical(child);
    run->width = nested_slot_bytes(child);
    run->count = 0;
    run->has_places = false;
    run->nulls.length = 0;
    run->slots.length = 0;
    run->variable.length = 0;
}

/* Slots of all fields, all NULL so far. */
static void level_begin_row(NestedLevel *level, Type type)
{
    int32_t count = type.child_count;
    if (level->offsets == NULL || level->offsets_of != type.children) {
        if (level->offset_capacity < count + 1) {
            int64_t bytes = (int64_t)sizeof(int32_t) * (count + 1);
            level->offsets = memory_resize(level->offsets, bytes);
            level->offset_capacity = count + 1;
        }
        int32_t at = 0;
        for (int32_t i = 0; i < count; i++) {
            level->offsets[i] = at;
            at += nested_slot_bytes(type.children[i]);
        }
        level->offsets[count] = at;
        level->offsets_of = type.children;
    }
    Run *run = &level->runs[0];
    run_reset(run, type_simple(TYPE_NULL));
    run->count = count;
    run->width = level->offsets[count];
    memset(buffer_reserve(&run->nulls, count), 1, (size_t)count);
    run->nulls.length = count;
    memset(buffer_reserve(&run->slots, run->width), 0, (size_t)run->width);
    run->slots.length = run->width;
}

void nested_begin(NestedBuilder *builder, Type type)
{
    assert(type_is_nested(type));
    if (builder->depth == 0)
        builder->out.length = 0;
    if (builder->depth == builder->level_capacity) {
        int32_t capacity = builder->level_capacity + 1;
        builder->levels = memory_resize(builder->levels, (int64_t)sizeof(NestedLevel *) * capacity);
        builder->levels[builder->depth] = memory_allocate_zeroed(sizeof(NestedLevel));
        builder->level_capacity = capacity;
    }
    NestedLevel *level = builder->levels[builder->depth++];
    level->type = type;
    level->next = 0;
    if (type.id == TYPE_ROW) {
        level_begin_row(level, type);
    } else if (type.id == TYPE_ARRAY) {
        run_reset(&level->runs[0], type.children[0]);
    } else {
        run_reset(&level->runs[0], nested_key_type(type));
        run_reset(&level->runs[1], nested_value_type(type));
    }
}

void nested_field(NestedBuilder *builder, int32_t field)
{
    NestedLevel *level = builder_top(builder);
    assert(level->type.id == TYPE_ROW);
    assert(field >= 0 && field < level->type.child_count);
    level->next = field;
}

/* Where the next child goes. */
typedef struct Target {
    Run *run;
    Physical physical;
    int32_t width;
    char *slot;
} Target;

static Target level_next(NestedLevel *level, bool is_null)
{
    if (level->type.id != TYPE_ROW) {
        bool is_map = level->type.id != TYPE_ARRAY;
        Run *run = &level->runs[is_map ? level->next & 1 : 0];
        level->next++;
        run->count++;
        buffer_append_u8(&run->nulls, is_null);
        char *slot = buffer_reserve(&run->slots, run->width);
        if (run->width > 0)
            memset(slot, 0, (size_t)run->width);
        run->slots.length += run->width;
        return (Target){run, run->physical, run->width, slot};
    }
    int32_t field = level->next++;
    assert(field < level->type.child_count);
    Run *run = &level->runs[0];
    int32_t width = level->offsets[field + 1] - level->offsets[field];
    char *slot = run->slots.data + level->offsets[field];
    run->nulls.data[field] = (char)is_null;
    if (is_null && width > 0)
        memset(slot, 0, (size_t)width);
    return (Target){run, type_physical(level->type.children[field]), width, slot};
}

void nested_put_null(NestedBuilder *builder)
{
    (void)level_next(builder_top(builder), true);
}

static const float ONE_NAN_F32 = NAN;
static const double ONE_NAN_F64 = (double)NAN;

static void target_put_fixed(Target target, const void *bytes)
{
    assert(target.physical != PHYSICAL_STRING && target.width > 0);
    memcpy(target.slot, bytes, (size_t)target.width);
    if (target.physical == PHYSICAL_F32) {
        float value;
        memcpy(&value, bytes, sizeof value);
        if (isnan(value))
            memcpy(target.slot, &ONE_NAN_F32, sizeof value);
    } else if (target.physical == PHYSICAL_F64) {
        double value;
        memcpy(&value, bytes, sizeof value);
        if (isnan(value))
            memcpy(target.slot, &ONE_NAN_F64, sizeof value);
    }
}

static void target_put_str(Target target, Str bytes)
{
    assert(target.physical == PHYSICAL_STRING);
    assert(bytes.length >= 0 && bytes.length <= UINT32_MAX);
    uint32_t place[2] = {(uint32_t)target.run->variable.length, (uint32_t)bytes.length};
    memcpy(target.slot, place, sizeof place);
    target.run->has_places = true;
    buffer_append_str(&target.run->variable, bytes);
}

void nested_put_fixed(NestedBuilder *builder, const void *bytes)
{
    target_put_fixed(level_next(builder_top(builder), false), bytes);
}

void nested_put_str(NestedBuilder *builder, Str bytes)
{
    target_put_str(level_next(builder_top(builder), false), bytes);
}

void nested_put_column(NestedBuilder *builder, const Column *column, int32_t row)
{
    if (column->physical == PHYSICAL_NONE || column_is_null(column, row)) {
        nested_put_null(builder);
        return;
    }
    int32_t index = column_index(column, row);
    if (column->physical == PHYSICAL_STRING) {
        nested_put_str(builder, str_view_str((const StrView *)column->values + index));
        return;
    }
    int64_t width = physical_bytes(column->physical);
    nested_put_fixed(builder, (const char *)column->values + index * width);
}

void nested_put_slot(NestedBuilder *builder, const char *base, const char *slot)
{
    Target target = level_next(builder_top(builder), false);
    if (target.physical == PHYSICAL_STRING)
        target_put_str(target, nested_slot_str(base, slot));
    else
        target_put_fixed(target, slot);
}

void nested_put_element(NestedBuilder *builder, const NestedArray *array, int32_t index)
{
    if (nested_array_is_null(array, index))
        nested_put_null(builder);
    else
        nested_put_slot(builder, array->base, nested_array_slot(array, index));
}

void nested_put_value(NestedBuilder *builder, const Value *value)
{
    if (value->is_null) {
        nested_put_null(builder);
        return;
    }
    Target target = level_next(builder_top(builder), false);
    uint8_t bit = value->integer != 0;
    float real = (float)value->real;
    switch (target.physical) {
    case PHYSICAL_STRING: target_put_str(target, value->text); break;
    case PHYSICAL_BOOL: target_put_fixed(target, &bit); break;
    /* The low bytes of the number are the narrower number. */
    case PHYSICAL_I8:
    case PHYSICAL_I16:
    case PHYSICAL_I32:
    case PHYSICAL_I64: target_put_fixed(target, &value->integer); break;
    case PHYSICAL_I128: target_put_fixed(target, &value->wide); break;
    case PHYSICAL_F32: target_put_fixed(target, &real); break;
    case PHYSICAL_F64: target_put_fixed(target, &value->real); break;
    case PHYSICAL_NONE: assert(!"a value of no type"); break;
    }
}

/* ---- Keys that come twice -------------------------------------------------------------- */

static Str run_bytes(const Run *run, int32_t index)
{
    const char *slot = run->slots.data + (int64_t)index * run->width;
    if (run->physical == PHYSICAL_STRING)
        return nested_slot_str(run->variable.data, slot);
    return str_make(slot, run->width);
}

static bool run_same(const Run *run, int32_t a, int32_t b)
{
    return run->nulls.data[a] == run->nulls.data[b] &&
           (run->nulls.data[a] || str_equal(run_bytes(run, a), run_bytes(run, b)));
}

static int32_t *level_scratch(NestedLevel *level, int64_t count)
{
    if (level->pick_capacity < count) {
        level->picks = memory_resize(level->picks, (int64_t)sizeof(int32_t) * count);
        level->pick_capacity = count;
    }
    return level->picks;
}

/* The keys that stay, in out[0 … n), and for each the value it takes, in out[count … count + n).
 * Returns n. Few keys are compared with each other, many are hashed. */
static int32_t keys_pick(NestedLevel *level)
{
    const Run *keys = &level->runs[0];
    int32_t count = keys->count;
    int64_t buckets = 0;
    if (count > MAP_SCAN_MAX)
        for (buckets = 16; buckets < (int64_t)count * 2;)
            buckets *= 2;
    int32_t *out = level_scratch(level, (int64_t)count * 2 + buckets);
    int32_t *table = out + (int64_t)count * 2;
    if (buckets > 0)
        memset(table, 0xff, sizeof(int32_t) * (size_t)buckets);
    int32_t kept = 0;
    for (int32_t i = 0; i < count; i++) {
        int32_t found = buckets > 0 ? -1 : 0;
        int64_t at = 0;
        if (buckets > 0) {
            Str bytes = run_bytes(keys, i);
            at = (int64_t)(hash_bytes(bytes.data, bytes.length) & (uint64_t)(buckets - 1));
            while (table[at] >= 0 && !run_same(keys, out[table[at]], i))
                at = (at + 1) & (buckets - 1);
            found = table[at];
        } else {
            while (found < kept && !run_same(keys, out[found], i))
                found++;
        }
        if (found < 0 || found == kept) {
            found = kept++;
            out[found] = i;
            if (buckets > 0)
                table[at] = found;
        }
        out[count + found] = i;
    }
    return kept;
}

/* ---- Putting together ------------------------------------------------------------------ */

/* The i-th child that stays. */
static int32_t pick_at(const int32_t *picks, int32_t index)
{
    return picks == NULL ? index : picks[index];
}

static void append_nulls(Buffer *out, const Run *run, const int32_t *picks, int32_t count)
{
    int32_t bytes = (count + 7) / 8;
    char *at = buffer_reserve(out, bytes);
    if (bytes > 0)
        memset(at, 0, (size_t)bytes);
    for (int32_t i = 0; i < count; i++)
        if (run->nulls.data[pick_at(picks, i)])
            at[i / 8] = (char)(at[i / 8] | (1 << (i % 8)));
    out->length += bytes;
}

/* A place, with its bytes moved behind what is in `out`, which began at `start`. */
static void place_move(Buffer *out, int64_t start, int64_t slot_at, const Run *run)
{
    uint32_t place[2];
    memcpy(place, out->data + slot_at, sizeof place);
    Str bytes = str_make(run->variable.data + place[0], place[1]);
    place[0] = (uint32_t)(out->length - start);
    buffer_append_str(out, bytes);
    memcpy(out->data + slot_at, place, sizeof place);
}

static void append_array(Buffer *out, const Run *run, const int32_t *picks, int32_t count)
{
    int64_t start = out->length;
    buffer_append_u32(out, (uint32_t)count);
    append_nulls(out, run, picks, count);
    int64_t slots = out->length;
    if (picks == NULL) {
        buffer_append_str(out, buffer_str(&run->slots));
    } else {
        for (int32_t i = 0; i < count; i++)
            buffer_append(out, run->slots.data + (int64_t)picks[i] * run->width, run->width);
    }
    if (run->physical != PHYSICAL_STRING)
        return;
    for (int32_t i = 0; i < count; i++)
        if (!run->nulls.data[pick_at(picks, i)])
            place_move(out, start, slots + (int64_t)i * PLACE_BYTES, run);
}

static void append_row(Buffer *out, const NestedLevel *level)
{
    const Run *run = &level->runs[0];
    int64_t start = out->length;
    append_nulls(out, run, NULL, run->count);
    int64_t slots = out->length;
    buffer_append_str(out, buffer_str(&run->slots));
    if (!run->has_places)
        return;
    for (int32_t i = 0; i < run->count; i++)
        if (!run->nulls.data[i] && type_physical(level->type.children[i]) == PHYSICAL_STRING)
            place_move(out, start, slots + level->offsets[i], run);
}

static void append_map(Buffer *out, NestedLevel *level)
{
    assert(level->next % 2 == 0);
    int32_t count = level->runs[0].count;
    int32_t kept = keys_pick(level);
    const int32_t *keys = kept == count ? NULL : level->picks;
    const int32_t *values = kept == count ? NULL : level->picks + count;
    int64_t start = out->length;
    buffer_append_u32(out, 0);
    append_array(out, &level->runs[0], keys, kept);
    uint32_t bytes = (uint32_t)(out->length - start - 4);
    memcpy(out->data + start, &bytes, sizeof bytes);
    append_array(out, &level->runs[1], values, kept);
}

void nested_end(NestedBuilder *builder)
{
    NestedLevel *level = builder_top(builder);
    builder->depth--;
    Target target = {0};
    Buffer *out = &builder->out;
    if (builder->depth > 0) {
        target = level_next(builder_top(builder), false);
        assert(target.physical == PHYSICAL_STRING);
        out = &target.run->variable;
    }
    int64_t start = out->length;
    if (level->type.id == TYPE_ROW)
        append_row(out, level);
    else if (level->type.id == TYPE_ARRAY)
        append_array(out, &level->runs[0], NULL, level->runs[0].count);
    else
        append_map(out, level);
    assert(out->length <= UINT32_MAX);
    if (target.slot != NULL) {
        uint32_t place[2] = {(uint32_t)start, (uint32_t)(out->length - start)};
        memcpy(target.slot, place, sizeof place);
        target.run->has_places = true;
    }
}

void nested_abandon(NestedBuilder *builder)
{
    builder->depth = 0;
    builder->out.length = 0;
}

Str nested_result(const NestedBuilder *builder)
{
    assert(builder->depth == 0);
    return buffer_str(&builder->out);
}
