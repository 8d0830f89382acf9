/* Single values: in and out of columns, equality. How they print is in print.c. */
#include "data/value.h"

static int64_t integer_get(Physical physical, const void *values, int32_t index)
{
    switch (physical) {
    case PHYSICAL_BOOL: return ((const uint8_t *)values)[index];
    case PHYSICAL_I8: return ((const int8_t *)values)[index];
    case PHYSICAL_I16: return ((const int16_t *)values)[index];
    case PHYSICAL_I32: return ((const int32_t *)values)[index];
    case PHYSICAL_I64: return ((const int64_t *)values)[index];
    case PHYSICAL_I128:
    case PHYSICAL_F32:
    case PHYSICAL_F64:
    case PHYSICAL_STRING:
    case PHYSICAL_NONE: break;
    }
    assert(!"not an integer");
    return 0;
}

Value value_get(const Column *column, int32_t row)
{
    Value value = {.type = column->type};
    int32_t index = column_index(column, row);
    if (column->physical == PHYSICAL_NONE || column_is_null(column, row))
        value.is_null = true;
    else if (column->physical == PHYSICAL_STRING)
        value.text = str_view_str((const StrView *)column->values + index);
    else if (column->physical == PHYSICAL_I128)
        value.wide = ((const Int128 *)column->values)[index];
    else if (column->physical == PHYSICAL_F32)
        value.real = (double)((const float *)column->values)[index];
    else if (column->physical == PHYSICAL_F64)
        value.real = ((const double *)column->values)[index];
    else
        value.integer = integer_get(column->physical, column->values, index);
    return value;
}

void value_set(Column *column, Arena *arena, int32_t row, int32_t capacity, const Value *value)
{
    int32_t index = column_index(column, row);
    if (value->is_null || column->physical == PHYSICAL_NONE) {
        column_set_null(column, arena, row, capacity);
        return;
    }
    assert(type_physical(value->type) == column->physical);
    if (column->valid != NULL)
        bitmap_set(column->valid, index, true);
    switch (column->physical) {
    case PHYSICAL_BOOL: ((uint8_t *)column->values)[index] = value->integer != 0; break;
    case PHYSICAL_I8: ((int8_t *)column->values)[index] = (int8_t)value->integer; break;
    case PHYSICAL_I16: ((int16_t *)column->values)[index] = (int16_t)value->integer; break;
    case PHYSICAL_I32: ((int32_t *)column->values)[index] = (int32_t)value->integer; break;
    case PHYSICAL_I64: ((int64_t *)column->values)[index] = value->integer; break;
    case PHYSICAL_I128: ((Int128 *)column->values)[index] = value->wide; break;
    case PHYSICAL_F32: ((float *)column->values)[index] = (float)value->real; break;
    case PHYSICAL_F64: ((double *)column->values)[index] = value->real; break;
    case PHYSICAL_STRING:
        ((StrView *)column->values)[index] = str_view_copy(arena, value->text);
        break;
    case PHYSICAL_NONE: break;
    }
}

Column value_column(Arena *arena, const Value *value)
{
    Column column = column_new_constant(arena, value->type);
    value_set(&column, arena, 0, 1, value);
    if (!value->is_null)
        column.valid = NULL;
    return column;
}

bool value_equal(const Value *a, const Value *b)
{
    if (!type_equal(a->type, b->type) || a->is_null != b->is_null)
        return false;
    if (a->is_null)
        return true;
    switch (type_physical(a->type)) {
    case PHYSICAL_STRING: return str_equal(a->text, b->text);
    case PHYSICAL_I128: return a->wide == b->wide;
    case PHYSICAL_F32:
    case PHYSICAL_F64: return a->real == b->real || (a->real != a->real && b->real != b->real);
    case PHYSICAL_BOOL:
    case PHYSICAL_I8:
    case PHYSICAL_I16:
    case PHYSICAL_I32:
    case PHYSICAL_I64: return a->integer == b->integer;
    case PHYSICAL_NONE: break;
    }
    return true;
}
