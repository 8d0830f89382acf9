/* Rows that wait to be written. */
#include "base/memory.h"
#include "connect/jdbc/sink.h"
#include "data/rowcode.h"

static void rows_take(JdbcRows *rows, Batch *batch)
{
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity == 0 ? 8 : rows->capacity * 2;
        rows->batches = memory_resize(rows->batches, (int64_t)sizeof(Batch *) * rows->capacity);
    }
    rows->batches[rows->count++] = batch;
    rows->row_count += batch->row_count;
    rows->bytes += batch_bytes(batch);
}

void jdbc_rows_add(JdbcRows *rows, const Schema *schema, const Batch *batch)
{
    int32_t count = batch->selection.count;
    Batch *last = rows->count > 0 ? rows->batches[rows->count - 1] : NULL;
    if (last == NULL || last->row_count + count > BATCH_ROWS_MAX) {
        last = batch_new(schema, BATCH_ROWS_MAX);
        rows_take(rows, last);
    }
    rows->bytes -= batch_bytes(last);
    batch_append(last, batch, batch->selection, BATCH_ROWS_MAX);
    rows->bytes += batch_bytes(last);
    rows->row_count += count;
}

void jdbc_rows_clear(JdbcRows *rows)
{
    for (int32_t i = 0; i < rows->count; i++)
        batch_free(rows->batches[i]);
    memory_free(rows->batches);
    *rows = (JdbcRows){0};
}

void jdbc_rows_move(JdbcRows *into, JdbcRows *from)
{
    assert(into->count == 0);
    jdbc_rows_clear(into);
    *into = *from;
    *from = (JdbcRows){0};
}

int32_t jdbc_batch_save(const Batch *batch, int32_t row, int64_t bytes_max, Buffer *out)
{
    int64_t begin = out->length;
    uint32_t count = 0;
    buffer_append_u32(out, 0);
    for (; row < batch->row_count; row++) {
        int64_t start = out->length;
        buffer_append_u32(out, 0);
        buffer_append_u8(out, (uint8_t)batch_kind(batch, row));
        rowcode_write(out, batch, row, NULL, batch->column_count);
        if (count > 0 && out->length - begin > bytes_max) {
            out->length = start;
            break;
        }
        uint32_t length = (uint32_t)(out->length - start - (int64_t)sizeof length);
        memcpy(out->data + start, &length, sizeof length);
        count++;
    }
    memcpy(out->data + begin, &count, sizeof count);
    return row;
}

bool jdbc_batch_load(JdbcRows *rows, const Schema *schema, Str bytes)
{
    ByteReader reader = byte_reader(bytes);
    uint32_t count = byte_reader_u32(&reader);
    if (reader.is_short || count > BATCH_ROWS_MAX)
        return false;
    Batch *batch = batch_new(schema, BATCH_ROWS_MAX);
    bool is_whole = true;
    for (uint32_t i = 0; is_whole && i < count; i++) {
        Str row = byte_reader_bytes(&reader);
        is_whole = !reader.is_short && row.length > 0 && (uint8_t)row.data[0] <= ROW_DELETE &&
                   rowcode_read(str_make(row.data + 1, row.length - 1), batch, BATCH_ROWS_MAX,
                                (RowKind)row.data[0]);
    }
    is_whole = is_whole && byte_reader_left(&reader) == 0;
    if (is_whole)
        rows_take(rows, batch);
    else
        batch_free(batch);
    return is_whole;
}
