/* Column by column: the widths of all keys first, then the bytes. */
#include "data/sortkey.h"

#include <assert.h>
#include <math.h>

enum { TAG_NULL_FIRST = 0, TAG_VALUE = 1, TAG_NULL_LAST = 2 };

bool sortkey_is_possible(Type type)
{
    switch (type.id) {
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
    case TYPE_ROW: return false;
    case TYPE_NULL:
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_DECIMAL:
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
    case TYPE_INTERVAL_MONTHS:
    case TYPE_INTERVAL_MILLIS: break;
    }
    return true;
}

static int64_t text_width(Str text)
{
    int64_t width = text.length + 2;
    for (int64_t i = 0; i < text.length; i++)
        width += text.data[i] == '\0';
    return width;
}

static void widths_add(const Column *column, Selection rows, int64_t *widths)
{
    if (column->physical != PHYSICAL_STRING) {
        int64_t width = 1 + physical_bytes(column->physical);
        for (int32_t i = 0; i < rows.count; i++)
            widths[i] += width;
        return;
    }
    const StrView *views = column->values;
    for (int32_t i = 0; i < rows.count; i++) {
        int32_t row = selection_row(rows, i);
        widths[i]++;
        if (!column_is_null(column, row))
            widths[i] += text_width(str_view_str(&views[column_index(column, row)]));
    }
}

static char *put_big_endian(char *at, Uint128 bits, int32_t bytes)
{
    for (int32_t i = bytes - 1; i >= 0; i--)
        *at++ = (char)(uint8_t)(bits >> (8 * i));
    return at;
}

static char *put_signed(char *at, Int128 value, int32_t bytes)
{
    return put_big_endian(at, (Uint128)value ^ (Uint128)1 << (8 * bytes - 1), bytes);
}

static char *put_f32(char *at, float value)
{
    uint32_t bits;
    value = isnan(value) ? NAN : value == 0.0F ? 0.0F : value;
    memcpy(&bits, &value, sizeof bits);
    return put_big_endian(at, bits >> 31 ? ~bits : bits | (uint32_t)1 << 31, 4);
}

static char *put_f64(char *at, double value)
{
    uint64_t bits;
    value = isnan(value) ? (double)NAN : value == 0.0 ? 0.0 : value;
    memcpy(&bits, &value, sizeof bits);
    return put_big_endian(at, bits >> 63 ? ~bits : bits | (uint64_t)1 << 63, 8);
}

static char *put_text(char *at, Str text)
{
    for (int64_t i = 0; i < text.length; i++) {
        *at++ = text.data[i];
        if (text.data[i] == '\0')
            *at++ = (char)0xff;
    }
    *at++ = '\0';
    *at++ = '\0';
    return at;
}

static char *put_value(char *at, const Column *column, int32_t index)
{
    const void *values = column->values;
    switch (column->physical) {
    case PHYSICAL_NONE: return at;
    case PHYSICAL_BOOL: return put_big_endian(at, ((const uint8_t *)values)[index], 1);
    case PHYSICAL_I8: return put_signed(at, ((const int8_t *)values)[index], 1);
    case PHYSICAL_I16: return put_signed(at, ((const int16_t *)values)[index], 2);
    case PHYSICAL_I32: return put_signed(at, ((const int32_t *)values)[index], 4);
    case PHYSICAL_I64: return put_signed(at, ((const int64_t *)values)[index], 8);
    case PHYSICAL_I128: return put_signed(at, ((const Int128 *)values)[index], 16);
    case PHYSICAL_F32: return put_f32(at, ((const float *)values)[index]);
    case PHYSICAL_F64: return put_f64(at, ((const double *)values)[index]);
    case PHYSICAL_STRING: return put_text(at, str_view_str((const StrView *)values + index));
    }
    return at;
}

/* One column of one row; NULLs of fixed width take their room all the same. */
static char *put_cell(char *at, const Column *column, int32_t row, const SortColumn *order)
{
    if (column->physical == PHYSICAL_NONE || column_is_null(column, row)) {
        int32_t width = column->physical == PHYSICAL_STRING ? 0 : physical_bytes(column->physical);
        *at++ = order->has_nulls_last ? TAG_NULL_LAST : TAG_NULL_FIRST;
        memset(at, 0, (size_t)width);
        return at + width;
    }
    *at++ = TAG_VALUE;
    char *end = put_value(at, column, column_index(column, row));
    for (; order->is_descending && at < end; at++)
        *at = (char)~*at;
    return end;
}

void sortkeys_make(const Batch *batch, const SortColumn *columns, int32_t column_count,
                   Selection rows, Arena *arena, Str *keys)
{
    assert(column_count >= 0 && rows.count >= 0);
    int64_t *widths = ARENA_ARRAY(arena, int64_t, rows.count + 1);
    for (int32_t c = 0; c < column_count; c++)
        widths_add(&batch->columns[columns[c].column], rows, widths);
    int64_t total = 0;
    for (int32_t i = 0; i < rows.count; i++)
        total += widths[i];
    char *bytes = arena_allocate(arena, total + 1);
    char **ends = arena_allocate(arena, (int64_t)sizeof(char *) * (rows.count + 1));
    for (int32_t i = 0; i < rows.count; i++) {
        keys[i] = str_make(bytes, widths[i]);
        ends[i] = bytes;
        bytes += widths[i];
    }
    for (int32_t c = 0; c < column_count; c++) {
        const Column *column = &batch->columns[columns[c].column];
        for (int32_t i = 0; i < rows.count; i++)
            ends[i] = put_cell(ends[i], column, selection_row(rows, i), &columns[c]);
    }
    for (int32_t i = 0; i < rows.count; i++)
        assert(ends[i] == keys[i].data + keys[i].length);
}
