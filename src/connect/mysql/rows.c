/* Opening row events: see rows.h. */
#include "connect/mysql/rows.h"

#include <assert.h>

#include "connect/mysql/wire.h"

typedef struct RowsType {
    uint8_t type;
    RowsKind kind;
    bool is_v2;
    bool is_compressed;
} RowsType;

static const RowsType ROWS_TYPES[] = {
    {EVENT_WRITE_ROWS_V1, ROWS_WRITE, false, false},
    {EVENT_UPDATE_ROWS_V1, ROWS_UPDATE, false, false},
    {EVENT_DELETE_ROWS_V1, ROWS_DELETE, false, false},
    {EVENT_WRITE_ROWS, ROWS_WRITE, true, false},
    {EVENT_UPDATE_ROWS, ROWS_UPDATE, true, false},
    {EVENT_DELETE_ROWS, ROWS_DELETE, true, false},
    {EVENT_PARTIAL_UPDATE_ROWS, ROWS_UPDATE, true, false},
    {EVENT_MARIA_WRITE_ROWS_COMPRESSED_V1, ROWS_WRITE, false, true},
    {EVENT_MARIA_UPDATE_ROWS_COMPRESSED_V1, ROWS_UPDATE, false, true},
    {EVENT_MARIA_DELETE_ROWS_COMPRESSED_V1, ROWS_DELETE, false, true},
    {EVENT_MARIA_WRITE_ROWS_COMPRESSED, ROWS_WRITE, true, true},
    {EVENT_MARIA_UPDATE_ROWS_COMPRESSED, ROWS_UPDATE, true, true},
    {EVENT_MARIA_DELETE_ROWS_COMPRESSED, ROWS_DELETE, true, true},
};

static const RowsType *rows_type(uint8_t type)
{
    for (size_t i = 0; i < sizeof ROWS_TYPES / sizeof *ROWS_TYPES; i++)
        if (ROWS_TYPES[i].type == type)
            return &ROWS_TYPES[i];
    return NULL;
}

bool rows_is_event(uint8_t type, RowsKind *kind)
{
    const RowsType *found = rows_type(type);
    if (found != NULL)
        *kind = found->kind;
    return found != NULL;
}

Status rows_open(const BinlogFormat *format, const Event *event, Buffer *inflated, RowsEvent *out,
                 Error *error)
{
    const RowsType *type = rows_type(event->type);
    assert(type != NULL);
    *out = (RowsEvent){.kind = type->kind, .is_partial = event->type == EVENT_PARTIAL_UPDATE_ROWS};
    ByteReader reader = byte_reader(event->body);
    out->table_id = byte_reader_u32(&reader);
    if (!format->is_table_id_short)
        out->table_id |= (uint64_t)byte_reader_u16(&reader) << 32;
    (void)byte_reader_u16(&reader); /* flags */
    if (type->is_v2) {
        uint16_t extra = byte_reader_u16(&reader);
        if (extra < 2)
            return event_fail(event, "the extra part of a row event is malformed", error);
        (void)byte_reader_take(&reader, extra - 2);
    }
    uint64_t count = wire_lenenc(&reader);
    if (reader.is_short || count > TABLE_COLUMNS_MAX)
        return event_fail(event, "a row event is cut short", error);
    out->column_count = (int32_t)count;
    int64_t bytes = ((int64_t)count + 7) / 8;
    out->present[0] = (const uint8_t *)byte_reader_take(&reader, bytes).data;
    out->present[1] = out->present[0];
    if (type->kind == ROWS_UPDATE)
        out->present[1] = (const uint8_t *)byte_reader_take(&reader, bytes).data;
    if (reader.is_short)
        return event_fail(event, "a row event is cut short", error);
    Str rows = byte_reader_take(&reader, byte_reader_left(&reader));
    if (type->is_compressed) {
        inflated->length = 0;
        TRY(event_inflate(rows, inflated, error));
        rows = buffer_str(inflated);
    }
    out->at = (const uint8_t *)rows.data;
    out->end = out->at + rows.length;
    return OK;
}

bool rows_image(const RowsEvent *rows, int32_t which, RowImage *out)
{
    int32_t present = 0;
    for (int32_t i = 0; i < (rows->column_count + 7) / 8; i++) {
        uint8_t bits = rows->present[which][i];
        if (i == rows->column_count / 8)
            bits &= (uint8_t)((1 << (rows->column_count & 7)) - 1);
        present += __builtin_popcount(bits);
    }
    int64_t bytes = (present + 7) / 8;
    out->nulls = rows->at;
    out->values = rows->at + bytes;
    return bytes <= rows->end - rows->at;
}
