/* Cells into columns, and cells from and to text: see cell.h. */
#include "connect/mysql/cell.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "data/decimal.h"
#include "data/real.h"

/* ---- civil times ---- */

static bool civil_is_zero(const Cell *cell)
{
    return cell->civil.month == 0 || cell->civil.day == 0;
}

static bool cell_micros(const Cell *cell, Timestamp *out)
{
    if (!civil_is_valid(cell->civil.year, cell->civil.month, cell->civil.day))
        return false;
    int64_t days = days_from_civil(cell->civil.year, cell->civil.month, cell->civil.day);
    int64_t seconds = cell->civil.hour * 3600 + cell->civil.minute * 60 + cell->civil.second;
    *out = days * MICROS_PER_DAY + seconds * MICROS_PER_SECOND + cell->civil.microsecond;
    return true;
}

/* ---- into columns ---- */

static bool put_null(const Outlet *outlet, Batch *batch, int32_t row, int32_t capacity,
                     const char *what, const char **why)
{
    if (!outlet->type.is_nullable) {
        *why = what;
        return false;
    }
    Column *column = &batch->columns[outlet->column];
    if (outlet->physical == PHYSICAL_STRING)
        ((StrView *)column->values)[row] = (StrView){0};
    column_set_null(column, batch->arena, row, capacity);
    return true;
}

static bool cell_to_int64(const Cell *cell, int64_t *out)
{
    switch (cell->kind) {
    case CELL_INT: *out = cell->integer; return true;
    case CELL_UINT: *out = cell->integer; return cell->integer >= 0;
    case CELL_DECIMAL:
        *out = (int64_t)cell->wide;
        return cell->scale == 0 && cell->wide >= INT64_MIN && cell->wide <= INT64_MAX;
    case CELL_BYTES: {
        uint64_t value = 0;
        for (int64_t i = 0; i < cell->text.length; i++)
            value = value << 8 | (uint8_t)cell->text.data[i];
        *out = (int64_t)value;
        return cell->text.length <= 8 && *out >= 0;
    }
    case CELL_NULL:
    case CELL_REAL:
    case CELL_FLOAT:
    case CELL_DATE:
    case CELL_DATETIME:
    case CELL_INSTANT:
    case CELL_TIME:
    case CELL_TEXT: return false;
    }
    return false;
}

static bool put_integer(const Outlet *outlet, const Cell *cell, Column *column, int32_t row)
{
    int64_t value = 0;
    if (!cell_to_int64(cell, &value))
        return false;
    switch ((int)outlet->type.id) {
    case TYPE_BOOLEAN: ((uint8_t *)column->values)[row] = value != 0; return true;
    case TYPE_TINYINT:
        ((int8_t *)column->values)[row] = (int8_t)value;
        return value >= INT8_MIN && value <= INT8_MAX;
    case TYPE_SMALLINT:
        ((int16_t *)column->values)[row] = (int16_t)value;
        return value >= INT16_MIN && value <= INT16_MAX;
    case TYPE_INT:
        ((int32_t *)column->values)[row] = (int32_t)value;
        return value >= INT32_MIN && value <= INT32_MAX;
    default: ((int64_t *)column->values)[row] = value; return true;
    }
}

static bool put_decimal(const Outlet *outlet, const Cell *cell, Column *column, int32_t row)
{
    Int128 value = 0;
    int32_t scale = 0;
    if (cell->kind == CELL_DECIMAL) {
        value = cell->wide;
        scale = cell->scale;
    } else if (cell->kind == CELL_UINT) {
        value = (Int128)(uint64_t)cell->integer;
    } else {
        int64_t narrow = 0;
        if (!cell_to_int64(cell, &narrow))
            return false;
        value = narrow;
    }
    if (scale != outlet->type.scale && !decimal_rescale(value, scale, outlet->type.scale, &value))
        return false;
    ((Int128 *)column->values)[row] = value;
    return decimal_fits(value, outlet->type.precision);
}

static bool put_real(const Outlet *outlet, const Cell *cell, Column *column, int32_t row)
{
    double value = 0;
    int64_t integer = 0;
    if (cell->kind == CELL_REAL || cell->kind == CELL_FLOAT)
        value = cell->real;
    else if (cell->kind == CELL_UINT)
        value = (double)(uint64_t)cell->integer;
    else if (cell_to_int64(cell, &integer))
        value = (double)integer;
    else
        return false;
    if (outlet->type.id == TYPE_FLOAT)
        ((float *)column->values)[row] = (float)value;
    else
        ((double *)column->values)[row] = value;
    return true;
}

static bool put_timestamp(const Outlet *outlet, const Cell *cell, Column *column, int32_t row)
{
    static const int64_t unit[7] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    Timestamp micros = 0;
    bool is_instant = outlet->type.id == TYPE_TIMESTAMP_LTZ;
    if (cell->kind == CELL_INSTANT) {
        micros = cell->integer;
        if (!is_instant)
            micros = timezone_to_local(outlet->zone, micros);
    } else {
        if ((cell->kind != CELL_DATETIME && cell->kind != CELL_DATE) || !cell_micros(cell, &micros))
            return false;
        if (is_instant)
            micros = timezone_to_utc(outlet->zone, micros);
    }
    if (outlet->type.precision < 6)
        micros -= floor_mod(micros, unit[outlet->type.precision]);
    if (outlet->physical == PHYSICAL_I128)
        ((Int128 *)column->values)[row] = (Int128)micros * 1000;
    else
        ((int64_t *)column->values)[row] = micros;
    return true;
}

static void put_binary_text(const Outlet *outlet, Str bytes, Buffer *out)
{
    static const char digits[] = "0123456789abcdef";
    if (outlet->binary == BINARY_HEX) {
        for (int64_t i = 0; i < bytes.length; i++) {
            buffer_append_char(out, digits[(uint8_t)bytes.data[i] >> 4]);
            buffer_append_char(out, digits[(uint8_t)bytes.data[i] & 15]);
        }
        return;
    }
    base64_encode(out, bytes);
    for (int64_t i = 0; outlet->binary == BINARY_BASE64_URL && i < out->length; i++)
        out->data[i] = out->data[i] == '+' ? '-' : out->data[i] == '/' ? '_' : out->data[i];
}

static bool put_text(const Outlet *outlet, const Cell *cell, Batch *batch, int32_t row)
{
    StrView *view = (StrView *)batch->columns[outlet->column].values + row;
    if (cell->kind == CELL_TEXT || (cell->kind == CELL_BYTES && type_is_bytes(outlet->type))) {
        *view = str_view_copy(batch->arena, cell->text);
        return true;
    }
    Buffer text = {0};
    if (cell->kind == CELL_BYTES && outlet->binary != BINARY_BYTES)
        put_binary_text(outlet, cell->text, &text);
    else if (cell->kind == CELL_INSTANT) {
        timestamp_print(&text, timezone_to_local(outlet->zone, cell->integer), cell->scale, ' ');
    } else {
        cell_print(&text, cell);
    }
    *view = str_view_copy(batch->arena, buffer_str(&text));
    buffer_free(&text);
    return true;
}

/* BIT as Flink has it: the lowest byte first. */
static bool put_bits(const Outlet *outlet, const Cell *cell, Batch *batch, int32_t row)
{
    char bytes[8];
    int64_t length = cell->text.length;
    if (length > 8)
        return false;
    for (int64_t i = 0; i < length; i++)
        bytes[i] = cell->text.data[length - 1 - i];
    ((StrView *)batch->columns[outlet->column].values)[row] =
        str_view_borrow(str_make(bytes, length));
    return true;
}

static const char *put_value(const Outlet *outlet, const Cell *cell, Batch *batch, int32_t row)
{
    Column *column = &batch->columns[outlet->column];
    switch ((int)outlet->type.id) {
    case TYPE_BOOLEAN:
    case TYPE_TINYINT:
    case TYPE_SMALLINT:
    case TYPE_INT:
    case TYPE_BIGINT:
        return put_integer(outlet, cell, column, row)
                   ? NULL
                   : "a number does not fit the declared type; declare a wider one, "
                     "DECIMAL(20, 0) for BIGINT UNSIGNED";
    case TYPE_DECIMAL:
        return put_decimal(outlet, cell, column, row)
                   ? NULL
                   : "a number does not fit the declared DECIMAL";
    case TYPE_FLOAT:
    case TYPE_DOUBLE: return put_real(outlet, cell, column, row) ? NULL : "a value is not a number";
    case TYPE_DATE: {
        Timestamp micros = 0;
        if (cell->kind != CELL_DATE || !cell_micros(cell, &micros))
            return "a value is not a date";
        ((int32_t *)column->values)[row] =
            (int32_t)(micros / MICROS_PER_DAY - (micros % MICROS_PER_DAY < 0 ? 1 : 0));
        return NULL;
    }
    case TYPE_TIME:
        if (cell->kind != CELL_TIME || cell->integer < 0 || cell->integer >= MICROS_PER_DAY)
            return "a TIME is outside of one day; declare the column as STRING";
        ((int32_t *)column->values)[row] = (int32_t)(cell->integer / MICROS_PER_MILLI);
        return NULL;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMP_LTZ:
        return put_timestamp(outlet, cell, column, row) ? NULL : "a value is not a date and time";
    default: return put_text(outlet, cell, batch, row) ? NULL : "a value is not text";
    }
}

bool outlet_put(const Outlet *outlet, const Cell *cell, Batch *batch, int32_t row, int32_t capacity,
                const char **why)
{
    assert(row < capacity);
    if (outlet->is_exact && cell->kind == CELL_TEXT) {
        ((StrView *)batch->columns[outlet->column].values)[row] =
            str_view_copy(batch->arena, cell->text);
        return true;
    }
    if (cell->kind == CELL_NULL)
        return put_null(outlet, batch, row, capacity, "NULL in a column declared NOT NULL", why);
    bool is_civil = cell->kind == CELL_DATE || cell->kind == CELL_DATETIME;
    if (is_civil && civil_is_zero(cell) && outlet->physical != PHYSICAL_STRING)
        return put_null(outlet, batch, row, capacity, "a zero date in a column declared NOT NULL",
                        why);
    if (cell->kind == CELL_BYTES && outlet->is_exact)
        return put_bits(outlet, cell, batch, row);
    const char *trouble = put_value(outlet, cell, batch, row);
    if (trouble != NULL)
        *why = trouble;
    return trouble == NULL;
}

/* ---- as text ---- */

static void print_time(Buffer *out, int64_t micros, int32_t scale)
{
    uint64_t value = micros < 0 ? (uint64_t)-micros : (uint64_t)micros;
    uint64_t seconds = value / 1000000;
    buffer_printf(out, "%s%02llu:%02llu:%02llu", micros < 0 ? "-" : "",
                  (unsigned long long)(seconds / 3600), (unsigned long long)(seconds / 60 % 60),
                  (unsigned long long)(seconds % 60));
    if (scale > 0) {
        char digits[8];
        snprintf(digits, sizeof digits, "%06u", (unsigned)(value % 1000000));
        buffer_append_char(out, '.');
        buffer_append(out, digits, scale);
    }
}

void cell_print(Buffer *out, const Cell *cell)
{
    switch (cell->kind) {
    case CELL_NULL: buffer_append_text(out, "NULL"); return;
    case CELL_INT: buffer_printf(out, "%lld", (long long)cell->integer); return;
    case CELL_UINT: buffer_printf(out, "%llu", (unsigned long long)cell->integer); return;
    case CELL_REAL: real_print_double(out, cell->real); return;
    case CELL_FLOAT: real_print_float(out, (float)cell->real); return;
    case CELL_DECIMAL: decimal_print(out, cell->wide, cell->scale); return;
    case CELL_DATE:
        buffer_printf(out, "%04u-%02u-%02u", cell->civil.year, cell->civil.month, cell->civil.day);
        return;
    case CELL_DATETIME:
        buffer_printf(out, "%04u-%02u-%02u ", cell->civil.year, cell->civil.month, cell->civil.day);
        print_time(
            out,
            (int64_t)(cell->civil.hour * 3600 + cell->civil.minute * 60 + cell->civil.second) *
                    MICROS_PER_SECOND +
                cell->civil.microsecond,
            cell->scale);
        return;
    case CELL_INSTANT: timestamp_print(out, cell->integer, cell->scale, ' '); return;
    case CELL_TIME: print_time(out, cell->integer, cell->scale); return;
    case CELL_TEXT: buffer_append_str(out, cell->text); return;
    case CELL_BYTES:
        for (int64_t i = 0; i < cell->text.length; i++)
            buffer_printf(out, "%02x", (uint8_t)cell->text.data[i]);
        return;
    }
}

void cell_print_literal(Buffer *out, const Cell *cell)
{
    bool is_plain = cell->kind == CELL_NULL || cell->kind == CELL_INT || cell->kind == CELL_UINT ||
                    cell->kind == CELL_DECIMAL || cell->kind == CELL_REAL ||
                    cell->kind == CELL_FLOAT;
    if (is_plain) {
        cell_print(out, cell);
        return;
    }
    Buffer text = {0};
    cell_print(&text, cell);
    if (cell->kind == CELL_BYTES) {
        buffer_printf(out, "x'%.*s'", (int)text.length, text.data);
    } else {
        buffer_append_text(out, "_utf8mb4 x'");
        for (int64_t i = 0; i < text.length; i++)
            buffer_printf(out, "%02x", (uint8_t)text.data[i]);
        buffer_append_char(out, '\'');
    }
    buffer_free(&text);
}

/* ---- from text ---- */

static bool parse_unsigned(Str text, uint64_t *out)
{
    uint64_t value = 0;
    for (int64_t i = 0; i < text.length; i++) {
        uint8_t digit = (uint8_t)(text.data[i] - '0');
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return text.length > 0;
}

static bool parse_integer(const MysqlColumn *column, Str text, Cell *out)
{
    uint64_t value = 0;
    bool is_negative = text.length > 0 && text.data[0] == '-';
    if (!parse_unsigned(is_negative ? str_make(text.data + 1, text.length - 1) : text, &value))
        return false;
    bool is_wide = column->is_unsigned && column->type == MYSQL_LONGLONG;
    out->kind = is_wide ? CELL_UINT : CELL_INT;
    out->integer = is_negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* Digits of fixed width at fixed places, as MySQL prints them. */
static uint32_t digits_at(Str text, int64_t at, int32_t count)
{
    uint32_t value = 0;
    for (int64_t i = at; i < at + count && i < text.length; i++)
        value = value * 10 + (uint32_t)(uint8_t)(text.data[i] - '0');
    return value;
}

static uint32_t parse_fraction(Str text, int64_t point)
{
    uint32_t value = 0;
    for (int64_t i = 0; i < 6; i++) {
        bool is_there = point + 1 + i < text.length && text.data[point] == '.';
        value = value * 10 + (is_there ? (uint32_t)(uint8_t)(text.data[point + 1 + i] - '0') : 0);
    }
    return value;
}

static bool parse_datetime(const MysqlColumn *column, Str text, Cell *out)
{
    bool is_date = column->type == MYSQL_DATE;
    if (text.length < (is_date ? 10 : 19) || text.data[4] != '-')
        return false;
    *out = (Cell){.kind = is_date ? CELL_DATE : CELL_DATETIME, .scale = column->scale};
    out->civil.year = (uint16_t)digits_at(text, 0, 4);
    out->civil.month = (uint8_t)digits_at(text, 5, 2);
    out->civil.day = (uint8_t)digits_at(text, 8, 2);
    if (!is_date) {
        out->civil.hour = (uint8_t)digits_at(text, 11, 2);
        out->civil.minute = (uint8_t)digits_at(text, 14, 2);
        out->civil.second = (uint8_t)digits_at(text, 17, 2);
        out->civil.microsecond = parse_fraction(text, 19);
    }
    /* The session's zone is UTC. */
    Timestamp micros = 0;
    if (column->type == MYSQL_TIMESTAMP2 && !civil_is_zero(out) && cell_micros(out, &micros))
        *out = (Cell){.kind = CELL_INSTANT, .scale = column->scale, .integer = micros};
    return true;
}

static bool parse_time(const MysqlColumn *column, Str text, Cell *out)
{
    bool is_negative = text.length > 0 && text.data[0] == '-';
    if (is_negative)
        text = str_make(text.data + 1, text.length - 1);
    Str rest;
    Str hours = str_split(text, ':', &rest);
    uint64_t hour = 0;
    if (rest.length < 5 || !parse_unsigned(hours, &hour) || hour > 1000)
        return false;
    int64_t seconds = (int64_t)hour * 3600 + digits_at(rest, 0, 2) * 60 + digits_at(rest, 3, 2);
    int64_t micros = seconds * MICROS_PER_SECOND + parse_fraction(rest, 5);
    *out = (Cell){.kind = CELL_TIME, .scale = column->scale};
    out->integer = is_negative ? -micros : micros;
    return true;
}

static bool parse_decimal(const MysqlColumn *column, Str text, Cell *out)
{
    bool is_overflow = false;
    if (column->length > DECIMAL_PRECISION_MAX) {
        *out = (Cell){.kind = CELL_TEXT, .text = text};
        return true;
    }
    out->kind = CELL_DECIMAL;
    out->scale = column->scale;
    return decimal_parse(text, DECIMAL_PRECISION_MAX, column->scale, &out->wide, &is_overflow);
}

bool cell_parse(const MysqlColumn *column, Str text, Cell *out)
{
    if (text.data == NULL) {
        out->kind = CELL_NULL;
        return true;
    }
    switch ((int)column->type) {
    case MYSQL_TINY:
    case MYSQL_SHORT:
    case MYSQL_INT24:
    case MYSQL_LONG:
    case MYSQL_LONGLONG:
    case MYSQL_YEAR: return parse_integer(column, text, out);
    case MYSQL_FLOAT:
    case MYSQL_DOUBLE:
        out->kind = column->type == MYSQL_FLOAT ? CELL_FLOAT : CELL_REAL;
        return real_parse(text, &out->real);
    case MYSQL_NEWDECIMAL: return parse_decimal(column, text, out);
    case MYSQL_DATE:
    case MYSQL_DATETIME2:
    case MYSQL_TIMESTAMP2: return parse_datetime(column, text, out);
    case MYSQL_TIME2: return parse_time(column, text, out);
    default:
        out->kind = column->charset == CHARSET_BINARY ? CELL_BYTES : CELL_TEXT;
        out->text = text;
        return true;
    }
}
