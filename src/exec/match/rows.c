/* Rows with the time and the link that matching needs. */
#include "exec/match/rows.h"

#include "state/served_key.h"

void match_rows_new(const RowLayout *layout, Blocks *heap, const Batch *batch, MatchRow **out)
{
    for (int32_t i = 0; i < batch->selection.count; i++) {
        int32_t row = selection_row(batch->selection, i);
        uint8_t *stored = blocks_take(heap, row_size(layout, batch, row));
        row_write(layout, batch, row, stored);
        out[i] = (MatchRow *)(void *)stored;
        *out[i] = (MatchRow){0};
    }
}

/* One value of a row, and the memory in which it lies. */
typedef struct Cell {
    Int128 bytes;
    Value value;
} Cell;

static void cell_read(const RowLayout *layout, const MatchRow *row, int32_t column, Cell *cell,
                      Arena *arena)
{
    Column one = {.type = layout->types[column],
                  .physical = type_physical(layout->types[column]),
                  .values = &cell->bytes};
    match_rows_gather(layout, &row, 1, column, &one, arena);
    cell->value = value_get(&one, 0);
}

int match_row_compare(const RowLayout *layout, const MatchRow *a, const MatchRow *b,
                      const PlanMatchOrder *by, Arena *arena)
{
    Cell left, right;
    cell_read(layout, a, by->column, &left, arena);
    cell_read(layout, b, by->column, &right, arena);
    if (left.value.is_null || right.value.is_null) {
        int order = (int)right.value.is_null - (int)left.value.is_null;
        return by->has_nulls_last ? -order : order;
    }
    int order = served_value_compare(&left.value, &right.value);
    return by->is_descending ? -order : order;
}

void match_row_save(const RowLayout *layout, const MatchRow *row, Buffer *out)
{
    buffer_append_u64(out, (uint64_t)row->time);
    row_save(layout, (const uint8_t *)row, out);
}

MatchRow *match_row_load(const RowLayout *layout, Blocks *heap, ByteReader *in)
{
    Timestamp time = (Timestamp)byte_reader_u64(in);
    MatchRow *row = (MatchRow *)(void *)row_load(layout, heap, in);
    if (row != NULL)
        *row = (MatchRow){.time = time};
    return row;
}
