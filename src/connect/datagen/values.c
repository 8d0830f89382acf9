/* Values of one column at a time. */
#include <float.h>

#include "connect/datagen/internal.h"
#include "data/nested.h"
#include "data/value.h"

/* SplitMix64: fast, and good enough for made-up data. (Steele, Lea, Flood: "Fast splittable
 * pseudorandom number generators", 2014.) */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/* Below `range`, or any number when range is 0. */
static inline uint64_t random_below(uint64_t *state, uint64_t range)
{
    uint64_t bits = random_next(state);
    return range == 0 ? bits : (uint64_t)(((Uint128)bits * range) >> 64);
}

static inline double random_unit(uint64_t *state)
{
    return (double)(random_next(state) >> 11) * 0x1.0p-53;
}

bool datagen_sequence_fits(const DatagenField *field)
{
    return type_is_numeric(field->type) || type_is_text(field->type);
}

/* ---- Bounds ------------------------------------------------------------------------------ */

static Int128 power_of_ten(int32_t exponent)
{
    Int128 power = 1;
    for (int32_t i = 0; i < exponent; i++)
        power *= 10;
    return power;
}

static void bounds_of_type(DatagenField *field)
{
    switch (field->type.id) {
    case TYPE_TINYINT: field->least = INT8_MIN, field->greatest = INT8_MAX; break;
    case TYPE_SMALLINT: field->least = INT16_MIN, field->greatest = INT16_MAX; break;
    case TYPE_INT:
    case TYPE_INTERVAL_MONTHS: field->least = INT32_MIN, field->greatest = INT32_MAX; break;
    case TYPE_BIGINT:
    case TYPE_INTERVAL_MILLIS: field->least = INT64_MIN, field->greatest = INT64_MAX; break;
    case TYPE_DECIMAL:
        field->least = 0;
        field->greatest = power_of_ten(field->type.precision) - 1;
        break;
    case TYPE_FLOAT: field->real_least = 0, field->real_greatest = (double)FLT_MAX; break;
    case TYPE_DOUBLE: field->real_least = 0, field->real_greatest = DBL_MAX; break;
    case TYPE_NULL:
    case TYPE_BOOLEAN:
    case TYPE_CHAR:
    case TYPE_VARCHAR:
    case TYPE_BINARY:
    case TYPE_VARBINARY:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_MULTISET:
    case TYPE_ROW: break;
    }
}

static bool bound_read(const DatagenField *field, Str text, Int128 *whole, double *real)
{
    Value value;
    if (text.length == 0)
        return true;
    if (!type_is_numeric(field->type) || !value_parse(str_trim(text), field->type, &value))
        return false;
    if (field->type.id == TYPE_DECIMAL)
        *whole = value.wide;
    else if (type_is_integer(field->type))
        *whole = value.integer;
    else
        *real = value.real;
    return true;
}

const char *datagen_bind_bounds(DatagenField *field, Str least, Str greatest)
{
    bounds_of_type(field);
    if (!bound_read(field, least, &field->least, &field->real_least))
        return "`min` is not a value of the column's type";
    if (!bound_read(field, greatest, &field->greatest, &field->real_greatest))
        return "`max` is not a value of the column's type";
    if (field->greatest < field->least || field->real_greatest < field->real_least)
        return "`max` is below `min`";
    return NULL;
}

/* ---- Filling ----------------------------------------------------------------------------- */

static void column_put_whole(Column *column, int32_t row, Int128 value)
{
    switch (column->physical) {
    case PHYSICAL_BOOL:
    case PHYSICAL_I8: ((int8_t *)column->values)[row] = (int8_t)value; break;
    case PHYSICAL_I16: ((int16_t *)column->values)[row] = (int16_t)value; break;
    case PHYSICAL_I32: ((int32_t *)column->values)[row] = (int32_t)value; break;
    case PHYSICAL_I64: ((int64_t *)column->values)[row] = (int64_t)value; break;
    case PHYSICAL_I128: ((Int128 *)column->values)[row] = value; break;
    case PHYSICAL_F32: ((float *)column->values)[row] = (float)value; break;
    case PHYSICAL_F64: ((double *)column->values)[row] = (double)value; break;
    case PHYSICAL_NONE:
    case PHYSICAL_STRING: assert(!"not a number"); break;
    }
}

static void fill_sequence(const DatagenField *field, const DatagenFill *fill, Column *column)
{
    Int128 unit = field->type.id == TYPE_DECIMAL ? power_of_ten(field->type.scale) : 1;
    for (int32_t row = 0; row < fill->rows; row++) {
        int64_t number = field->start + fill->first_row + row;
        if (column->physical != PHYSICAL_STRING) {
            column_put_whole(column, row, number * unit);
            continue;
        }
        char text[24];
        int length = snprintf(text, sizeof text, "%lld", (long long)number);
        ((StrView *)column->values)[row] = str_view_copy(fill->arena, str_make(text, length));
    }
}

static void fill_whole(const DatagenField *field, const DatagenFill *fill, Column *column)
{
    Uint128 range = (Uint128)(field->greatest - field->least) + 1;
    if (range <= (Uint128)UINT64_MAX + 1) {
        uint64_t narrow = (uint64_t)range; /* 0: all of 64 bits */
        for (int32_t row = 0; row < fill->rows; row++)
            column_put_whole(column, row, field->least + random_below(fill->random, narrow));
        return;
    }
    for (int32_t row = 0; row < fill->rows; row++) {
        Uint128 high = random_next(fill->random);
        Uint128 bits = high << 64 | random_next(fill->random);
        column_put_whole(column, row, field->least + (Int128)(bits % range));
    }
}

static void fill_real(const DatagenField *field, const DatagenFill *fill, Column *column)
{
    for (int32_t row = 0; row < fill->rows; row++) {
        double part = random_unit(fill->random);
        double value = field->real_least * (1 - part) + field->real_greatest * part;
        if (column->physical == PHYSICAL_F32)
            ((float *)column->values)[row] = (float)value;
        else
            ((double *)column->values)[row] = value;
    }
}

/* Text is made of hexadecimal digits, sixteen from each random word. */
static void fill_text(const DatagenField *field, const DatagenFill *fill, Column *column)
{
    static const char digits[16] = "0123456789abcdef";
    bool is_bytes = type_is_bytes(field->type);
    int32_t per_word = is_bytes ? 8 : 16;
    for (int32_t row = 0; row < fill->rows; row++) {
        int64_t length = field->length;
        if (field->is_var_len)
            length = 1 + (int64_t)random_below(fill->random, (uint64_t)length);
        char small[STR_VIEW_INLINE_MAX];
        char *text = length <= STR_VIEW_INLINE_MAX ? small : arena_allocate(fill->arena, length);
        uint64_t bits = 0;
        for (int64_t i = 0; i < length; i++) {
            if (i % per_word == 0)
                bits = random_next(fill->random);
            text[i] = is_bytes ? (char)(bits & 0xff) : digits[bits & 15];
            bits >>= is_bytes ? 8 : 4;
        }
        ((StrView *)column->values)[row] = str_view_borrow(str_make(text, length));
    }
}

static void fill_time(const DatagenField *field, const DatagenFill *fill, Column *column)
{
    bool is_ltz = field->type.id == TYPE_TIMESTAMP_LTZ;
    int64_t day = floor_div(fill->local, MICROS_PER_DAY);
    int64_t millis = floor_mod(fill->local, MICROS_PER_DAY) / MICROS_PER_MILLI;
    /* To the precision of the column: digits that it cannot show are not there. */
    int64_t unit = 1;
    for (int32_t i = field->type.precision; i < 6; i++)
        unit *= 10;
    for (int32_t row = 0; row < fill->rows; row++) {
        if (field->type.id == TYPE_DATE || field->type.id == TYPE_TIME) {
            column_put_whole(column, row, field->type.id == TYPE_DATE ? day : millis);
            continue;
        }
        Timestamp when = is_ltz ? fill->utc : fill->local;
        if (field->max_past_us > 0)
            when -= (int64_t)random_below(fill->random, (uint64_t)field->max_past_us + 1);
        when = floor_div(when, unit) * unit;
        column_put_whole(column, row,
                         column->physical == PHYSICAL_I128 ? (Int128)when * 1000 : when);
    }
}

static void fill_nulls(const DatagenField *field, const DatagenFill *fill, Column *column)
{
    for (int32_t row = 0; row < fill->rows; row++)
        if ((random_next(fill->random) >> 32) < field->null_threshold)
            column_set_null(column, fill->arena, row, fill->rows);
}

/* The values of one child for all rows, `each` of them a row. */
static Column fill_child(const DatagenField *child, const DatagenFill *fill, int32_t each)
{
    DatagenFill inner = *fill;
    inner.rows = fill->rows * each;
    Column column = column_new(fill->arena, child->type, inner.rows);
    datagen_fill(child, &inner, &column);
    return column;
}

static void fill_nested(const DatagenField *field, const DatagenFill *fill, Column *column)
{
    bool is_row = field->type.id == TYPE_ROW, is_multiset = field->type.id == TYPE_MULTISET;
    int32_t each = is_row ? 1 : (int32_t)field->length;
    Column *children =
        arena_allocate(fill->arena, (int64_t)sizeof(Column) * (field->child_count + 1));
    for (int32_t i = 0; i < field->child_count; i++)
        children[i] = fill_child(&field->children[i], fill, each);
    Value one = {.type = type_simple(TYPE_INT), .integer = 1};
    NestedBuilder builder = {0};
    for (int32_t row = 0; row < fill->rows; row++) {
        nested_begin(&builder, field->type);
        for (int32_t k = row * each; k < (row + 1) * each; k++) {
            for (int32_t i = 0; i < field->child_count; i++)
                nested_put_column(&builder, &children[i], k);
            if (is_multiset)
                nested_put_value(&builder, &one);
        }
        nested_end(&builder);
        ((StrView *)column->values)[row] = str_view_copy(fill->arena, nested_result(&builder));
    }
    nested_builder_free(&builder);
}

void datagen_fill(const DatagenField *field, const DatagenFill *fill, Column *column)
{
    assert(column->physical == field->physical && !column->is_constant);
    bool is_time = type_is_timestamp(field->type) || field->type.id == TYPE_DATE ||
                   field->type.id == TYPE_TIME;
    if (field->is_sequence) {
        fill_sequence(field, fill, column);
    } else if (type_is_nested(field->type)) {
        fill_nested(field, fill, column);
    } else if (is_time) {
        fill_time(field, fill, column);
    } else if (field->physical == PHYSICAL_STRING) {
        fill_text(field, fill, column);
    } else if (field->physical == PHYSICAL_F32 || field->physical == PHYSICAL_F64) {
        fill_real(field, fill, column);
    } else if (field->physical == PHYSICAL_BOOL) {
        for (int32_t row = 0; row < fill->rows; row++)
            ((uint8_t *)column->values)[row] = random_next(fill->random) & 1;
    } else {
        fill_whole(field, fill, column);
    }
    if (field->null_threshold > 0)
        fill_nulls(field, fill, column);
}
