/* The rows, compact, under their keys. */
#include "exec/held.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"
#include "state/rows.h"
#include "state/table.h"

enum { HEADER_BYTES = 8 }; /* the row's kind */

struct HeldRows {
    Arena *arena, *scratch;
    const Schema *schema;
    const int32_t *key;
    TableKey shape;
    StateTable *table; /* key -> uint8_t * */
    RowLayout *layout;
    Blocks heap;
};

HeldRows *held_new(const Schema *schema, const int32_t *key, int32_t key_count)
{
    Arena *arena = arena_new(0);
    HeldRows *held = ARENA_NEW(arena, HeldRows);
    Type *types = ARENA_ARRAY(arena, Type, key_count + 1);
    for (int32_t i = 0; i < key_count; i++)
        types[i] = schema->fields[key[i]].type;
    held->arena = arena;
    held->scratch = arena_new(0);
    held->schema = schema;
    held->key = key;
    held->shape = table_key(arena, types, key_count);
    held->table = table_new(&held->shape, (int32_t)sizeof(uint8_t *));
    held->layout = row_layout(arena, schema, HEADER_BYTES);
    return held;
}

void held_free(HeldRows *held)
{
    if (held == NULL)
        return;
    table_free(held->table);
    blocks_close(&held->heap);
    arena_free(held->scratch);
    arena_free(held->arena);
}

int64_t held_count(const HeldRows *held)
{
    return table_count(held->table);
}

void held_clear(HeldRows *held)
{
    table_clear(held->table);
    blocks_close(&held->heap);
}

static uint8_t *held_row(const uint8_t *value)
{
    uint8_t *row;
    memcpy(&row, value, sizeof row);
    return row;
}

void held_add(HeldRows *held, const Batch *batch)
{
    Selection rows = batch->selection;
    TableKeys keys = table_keys(&held->shape, batch, held->key, rows, held->scratch);
    uint8_t **values = arena_allocate(held->scratch, (int64_t)sizeof(uint8_t *) * rows.count);
    table_find_or_insert(held->table, &keys, 0, rows.count, values);
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t at = selection_row(rows, i);
        uint8_t *old = held_row(values[i]);
        if (old != NULL)
            blocks_give(&held->heap, old, row_stored_size(held->layout, old));
        uint8_t *row = blocks_take(&held->heap, row_size(held->layout, batch, at));
        memset(row, 0, HEADER_BYTES);
        row[0] = (uint8_t)batch_kind(batch, at);
        assert(row[0] != ROW_UPDATE_BEFORE);
        row_write(held->layout, batch, at, row);
        memcpy(values[i], &row, sizeof(uint8_t *));
    }
    arena_reset(held->scratch);
}

/* ---- Out ----------------------------------------------------------------------------------- */

static void held_fill(const HeldRows *held, uint8_t *const *rows, int32_t count, Arena *arena,
                      Batch *out)
{
    int32_t columns = held->schema->count;
    *out = (Batch){.column_count = columns,
                   .row_count = count,
                   .columns = ARENA_ARRAY(arena, Column, columns + 1),
                   .selection = {.count = count},
                   .kinds = arena_allocate(arena, count)};
    for (int32_t i = 0; i < count; i++)
        out->kinds[i] = rows[i][0];
    for (int32_t i = 0; i < columns; i++) {
        out->columns[i] = column_new(arena, held->schema->fields[i].type, count);
        row_gather(held->layout, i, (const uint8_t *const *)rows, count, &out->columns[i], arena);
    }
}

bool held_next(const HeldRows *held, int64_t *cursor, Arena *arena, Batch *out)
{
    uint8_t **values = arena_allocate(arena, (int64_t)sizeof(uint8_t *) * BATCH_ROWS_MAX);
    int32_t count = table_next_run(held->table, cursor, values, BATCH_ROWS_MAX);
    for (int32_t i = 0; i < count; i++)
        values[i] = held_row(values[i]);
    if (count > 0)
        held_fill(held, values, count, arena, out);
    return count > 0;
}

/* ---- Checkpoints --------------------------------------------------------------------------- */

void held_save(const HeldRows *held, Buffer *out)
{
    int64_t cursor = 0;
    for (;;) {
        const uint8_t *value = table_next(held->table, &cursor);
        if (value == NULL)
            return;
        const uint8_t *row = held_row(value);
        buffer_append_u8(out, row[0]);
        row_save(held->layout, row, out);
    }
}

/* As many as a batch holds at once, so that their keys are made as those of other rows. */
static bool held_load_run(HeldRows *held, Blocks *heap, ByteReader *reader)
{
    Arena *arena = arena_new(0);
    uint8_t **rows = ARENA_ARRAY(arena, uint8_t *, BATCH_ROWS_MAX);
    int32_t count = 0;
    bool is_whole = true;
    while (is_whole && count < BATCH_ROWS_MAX && byte_reader_left(reader) > 0) {
        uint8_t kind = byte_reader_u8(reader);
        rows[count] = row_load(held->layout, heap, reader);
        is_whole = rows[count] != NULL && kind <= ROW_DELETE && kind != ROW_UPDATE_BEFORE;
        if (is_whole)
            rows[count++][0] = kind;
    }
    if (is_whole && count > 0) {
        Batch batch;
        held_fill(held, rows, count, arena, &batch);
        held_add(held, &batch);
    }
    arena_free(arena);
    return is_whole;
}

bool held_load(HeldRows *held, Str bytes)
{
    Blocks blocks = {0}, *heap = &blocks;
    ByteReader reader = byte_reader(bytes);
    bool is_whole = true;
    while (is_whole && byte_reader_left(&reader) > 0)
        is_whole = held_load_run(held, heap, &reader);
    blocks_close(heap);
    return is_whole;
}
