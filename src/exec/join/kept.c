/* Rows that a join keeps. */
#include "exec/join/kept.h"

#include <assert.h>
#include <string.h>

#include "data/rowcode.h"

/* Of a row in a checkpoint, beside its kind: it is in compact form. Without it, as all were written
 * before there was one, it is in the code of rows. */
enum { KEPT_IS_COMPACT = 4 };

static_assert(sizeof(KeptRow) % 8 == 0, "a header of rows");

void kept_open(KeptRows *kept, Arena *arena, const Schema *schema)
{
    *kept =
        (KeptRows){.layout = row_layout(arena, schema, (int32_t)sizeof(KeptRow)), .schema = schema};
}

void kept_close(KeptRows *kept)
{
    blocks_close(&kept->heap);
    batch_free(kept->one);
    *kept = (KeptRows){0};
}

int64_t kept_bytes(const KeptRows *kept)
{
    return kept->heap.held_bytes;
}

void kept_add(KeptRows *kept, const Batch *batch, Selection rows, KeptRow **out)
{
    uint8_t *const *bytes = (uint8_t *const *)(void *)out;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        void *added = blocks_take(&kept->heap, row_size(kept->layout, batch, row));
        out[i] = added;
        *out[i] = (KeptRow){.kind = (uint8_t)batch_kind(batch, row)};
    }
    rows_write(kept->layout, batch, rows, bytes);
}

void kept_remove(KeptRows *kept, KeptRow *row)
{
    uint8_t *bytes = (uint8_t *)row;
    blocks_give(&kept->heap, bytes, row_stored_size(kept->layout, bytes));
}

void kept_save(const KeptRows *kept, const KeptRow *row, Buffer *out)
{
    buffer_append_u8(out, row->kind | KEPT_IS_COMPACT);
    row_save(kept->layout, (const uint8_t *)row, out);
}

static KeptRow *kept_load_code(KeptRows *kept, RowKind kind, ByteReader *in)
{
    Str bytes = byte_reader_bytes(in);
    if (kept->one == NULL)
        kept->one = batch_new(kept->schema, 1);
    batch_reset(kept->one, kept->schema, 1);
    if (in->is_short || !rowcode_read(bytes, kept->one, 1, kind))
        return NULL;
    KeptRow *row;
    kept_add(kept, kept->one, (Selection){.count = 1}, &row);
    return row;
}

KeptRow *kept_load(KeptRows *kept, ByteReader *in)
{
    uint8_t form = byte_reader_u8(in);
    uint8_t kind = form & (uint8_t)~KEPT_IS_COMPACT;
    if (in->is_short || kind > ROW_DELETE)
        return NULL;
    if (kind == form)
        return kept_load_code(kept, (RowKind)kind, in);
    uint8_t *bytes = row_load(kept->layout, &kept->heap, in);
    if (bytes == NULL)
        return NULL;
    KeptRow *row = (KeptRow *)(void *)bytes;
    *row = (KeptRow){.kind = kind};
    return row;
}

Batch kept_batch(const KeptRows *kept, const KeptRow *row, Arena *arena)
{
    const RowLayout *layout = kept->layout;
    const uint8_t *bytes = (const uint8_t *)row;
    Batch batch = {.column_count = layout->column_count,
                   .row_count = 1,
                   .columns = ARENA_ARRAY(arena, Column, layout->column_count + 1),
                   .selection = {.count = 1}};
    for (int32_t i = 0; i < layout->column_count; i++) {
        batch.columns[i] = column_new(arena, layout->types[i], 1);
        row_gather(layout, i, &bytes, 1, &batch.columns[i], arena);
    }
    return batch;
}
