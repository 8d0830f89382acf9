/* The keys of the rows of a batch. */
#include "state/internal.h"

#include "data/rowcode.h"

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
        /* Rows ascend: position i is read. */
        by_row[i] = table_hash_of_key(by_row[selection_row(rows, i)]);
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
