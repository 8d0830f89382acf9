/* Reading and skipping values of row events: see value.h. */
#include "connect/mysql/value.h"

#include <assert.h>
#include <string.h>

#include "connect/mysql/json.h"
#include "data/decimal.h"

/* Bytes of 0 to 9 digits in a packed decimal. */
static const uint8_t DIGIT_BYTES[10] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};

enum { DECIMAL_DIGITS_MAX = 65, GROUP_DIGITS = 9 };

int32_t value_decimal_bytes(int32_t precision, int32_t scale)
{
    int32_t whole = precision - scale;
    return whole / GROUP_DIGITS * 4 + DIGIT_BYTES[whole % GROUP_DIGITS] + scale / GROUP_DIGITS * 4 +
           DIGIT_BYTES[scale % GROUP_DIGITS];
}

static uint64_t read_big(const uint8_t *at, int32_t bytes)
{
    uint64_t value = 0;
    for (int32_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static uint64_t read_little(const uint8_t *at, int32_t bytes)
{
    uint64_t value = 0;
    for (int32_t i = bytes; i > 0; i--)
        value = value << 8 | at[i - 1];
    return value;
}

static int32_t fraction_bytes(uint16_t meta)
{
    return (meta + 1) / 2;
}

/* Bits or members in (meta & 0xff, meta >> 8) as BIT, ENUM and SET have them. */
static bool value_prepare_packed(BinlogColumn *column)
{
    int32_t bytes = column->meta & 0xff;
    if (column->type == MYSQL_BIT)
        bytes = (column->meta >> 8) + ((column->meta & 0xff) > 0 ? 1 : 0);
    column->fixed_bytes = (int16_t)bytes;
    return bytes >= 1 && bytes <= 8;
}

bool value_prepare(BinlogColumn *column)
{
    column->fixed_bytes = -1;
    column->length_bytes = 0;
    switch (column->type) {
    case MYSQL_TINY:
    case MYSQL_YEAR: column->fixed_bytes = 1; return true;
    case MYSQL_SHORT: column->fixed_bytes = 2; return true;
    case MYSQL_INT24:
    case MYSQL_DATE:
    case MYSQL_NEWDATE:
    case MYSQL_TIME: column->fixed_bytes = 3; return true;
    case MYSQL_LONG:
    case MYSQL_FLOAT:
    case MYSQL_TIMESTAMP: column->fixed_bytes = 4; return true;
    case MYSQL_LONGLONG:
    case MYSQL_DOUBLE:
    case MYSQL_DATETIME: column->fixed_bytes = 8; return true;
    case MYSQL_NULL: column->fixed_bytes = 0; return true;
    case MYSQL_TIMESTAMP2:
        column->fixed_bytes = (int16_t)(4 + fraction_bytes(column->meta));
        return column->meta <= 6;
    case MYSQL_DATETIME2:
        column->fixed_bytes = (int16_t)(5 + fraction_bytes(column->meta));
        return column->meta <= 6;
    case MYSQL_TIME2:
        column->fixed_bytes = (int16_t)(3 + fraction_bytes(column->meta));
        return column->meta <= 6;
    case MYSQL_NEWDECIMAL: {
        int32_t precision = column->meta & 0xff, scale = column->meta >> 8;
        if (precision < 1 || precision > DECIMAL_DIGITS_MAX || scale > precision)
            return false;
        column->fixed_bytes = (int16_t)value_decimal_bytes(precision, scale);
        return true;
    }
    case MYSQL_BIT:
    case MYSQL_ENUM:
    case MYSQL_SET: return value_prepare_packed(column);
    case MYSQL_STRING:
    case MYSQL_VARCHAR:
    case MYSQL_VARCHAR_COMPRESSED:
    case MYSQL_VAR_STRING: column->length_bytes = column->meta > 255 ? 2 : 1; return true;
    case MYSQL_BLOB:
    case MYSQL_TINY_BLOB:
    case MYSQL_MEDIUM_BLOB:
    case MYSQL_LONG_BLOB:
    case MYSQL_BLOB_COMPRESSED:
    case MYSQL_GEOMETRY:
    case MYSQL_JSON:
    case MYSQL_VECTOR:
        column->length_bytes = (uint8_t)column->meta;
        return column->meta >= 1 && column->meta <= 4;
    default: return false;
    }
}

const uint8_t *value_skip(const BinlogColumn *column, const uint8_t *at, const uint8_t *end)
{
    int64_t left = end - at;
    if (column->fixed_bytes >= 0)
        return column->fixed_bytes <= left ? at + column->fixed_bytes : NULL;
    if (column->length_bytes > left)
        return NULL;
    int64_t length = (int64_t)read_little(at, column->length_bytes);
    if (length > left - column->length_bytes)
        return NULL;
    return at + column->length_bytes + length;
}

/* ---- numbers ---- */

static void read_integer(const BinlogColumn *column, const uint8_t *at, Cell *out)
{
    int32_t shift = 64 - 8 * column->fixed_bytes;
    uint64_t raw = 0;
    memcpy(&raw, at, (size_t)column->fixed_bytes);
    out->kind = CELL_INT;
    if (!column->is_unsigned)
        out->integer = (int64_t)(raw << shift) >> shift;
    else {
        out->integer = (int64_t)raw;
        out->kind = column->fixed_bytes == 8 ? CELL_UINT : CELL_INT;
    }
}

/* The next group of `digits` digits; the sign is mixed into every byte of negative numbers. */
static uint64_t read_digits(const uint8_t **at, int32_t digits, uint8_t mask, uint8_t *flip)
{
    uint64_t value = 0;
    for (int32_t bytes = DIGIT_BYTES[digits]; bytes > 0; bytes--) {
        value = value << 8 | (uint8_t)(**at ^ mask ^ *flip);
        *flip = 0;
        (*at)++;
    }
    return value;
}

static const uint32_t POWER10[10] = {1,      10,      100,      1000,      10000,
                                     100000, 1000000, 10000000, 100000000, 1000000000};

/* More digits than an Int128 holds: as text. */
static void read_long_decimal(const uint8_t *at, int32_t whole, int32_t scale, Buffer *scratch,
                              Cell *out)
{
    uint8_t flip = 0x80;
    uint8_t mask = (*at & 0x80) != 0 ? 0 : 0xff;
    int64_t start = scratch->length;
    if (mask != 0)
        buffer_append_char(scratch, '-');
    int64_t first = scratch->length;
    for (int32_t left = whole; left > 0;) {
        int32_t digits = left % GROUP_DIGITS != 0 ? left % GROUP_DIGITS : GROUP_DIGITS;
        buffer_printf(scratch, "%0*llu", digits,
                      (unsigned long long)read_digits(&at, digits, mask, &flip));
        left -= digits;
    }
    int64_t zeros = 0;
    while (first + zeros < scratch->length - 1 && scratch->data[first + zeros] == '0')
        zeros++;
    memmove(scratch->data + first, scratch->data + first + zeros,
            (size_t)(scratch->length - first - zeros));
    scratch->length -= zeros;
    if (scratch->length == first)
        buffer_append_char(scratch, '0');
    if (scale > 0)
        buffer_append_char(scratch, '.');
    for (int32_t left = scale; left > 0;) {
        int32_t digits = left < GROUP_DIGITS ? left : GROUP_DIGITS;
        buffer_printf(scratch, "%0*llu", digits,
                      (unsigned long long)read_digits(&at, digits, mask, &flip));
        left -= digits;
    }
    out->kind = CELL_TEXT;
    out->text = str_make(scratch->data + start, scratch->length - start);
}

static void read_decimal(const BinlogColumn *column, const uint8_t *at, Buffer *scratch, Cell *out)
{
    int32_t precision = column->meta & 0xff, scale = column->meta >> 8;
    if (precision > DECIMAL_PRECISION_MAX) {
        read_long_decimal(at, precision - scale, scale, scratch, out);
        return;
    }
    uint8_t flip = 0x80;
    uint8_t mask = (*at & 0x80) != 0 ? 0 : 0xff;
    out->kind = CELL_DECIMAL;
    out->scale = scale;
    if (precision <= 18) {
        int64_t narrow = 0;
        for (int32_t left = precision - scale; left > 0;) {
            int32_t digits = left % GROUP_DIGITS != 0 ? left % GROUP_DIGITS : GROUP_DIGITS;
            narrow = narrow * POWER10[digits] + (int64_t)read_digits(&at, digits, mask, &flip);
            left -= digits;
        }
        for (int32_t left = scale; left > 0;) {
            int32_t digits = left < GROUP_DIGITS ? left : GROUP_DIGITS;
            narrow = narrow * POWER10[digits] + (int64_t)read_digits(&at, digits, mask, &flip);
            left -= digits;
        }
        out->wide = mask != 0 ? -narrow : narrow;
        return;
    }
    Uint128 wide = 0;
    for (int32_t left = precision - scale; left > 0;) {
        int32_t digits = left % GROUP_DIGITS != 0 ? left % GROUP_DIGITS : GROUP_DIGITS;
        wide = wide * POWER10[digits] + read_digits(&at, digits, mask, &flip);
        left -= digits;
    }
    for (int32_t left = scale; left > 0;) {
        int32_t digits = left < GROUP_DIGITS ? left : GROUP_DIGITS;
        wide = wide * POWER10[digits] + read_digits(&at, digits, mask, &flip);
        left -= digits;
    }
    out->wide = mask != 0 ? -(Int128)wide : (Int128)wide;
}

/* ---- times ---- */

static uint32_t read_fraction(const uint8_t *at, uint16_t meta)
{
    static const uint32_t scale[4] = {0, 10000, 100, 1};
    int32_t bytes = fraction_bytes(meta);
    return (uint32_t)read_big(at, bytes) * scale[bytes];
}

static void read_datetime2(const BinlogColumn *column, const uint8_t *at, Cell *out)
{
    int64_t packed = (int64_t)read_big(at, 5) - 0x8000000000;
    uint64_t value = packed < 0 ? 0 : (uint64_t)packed;
    uint32_t month = (uint32_t)(value >> 22);
    out->kind = CELL_DATETIME;
    out->scale = column->meta;
    out->civil.year = (uint16_t)(month / 13);
    out->civil.month = (uint8_t)(month % 13);
    out->civil.day = (uint8_t)(value >> 17 & 31);
    out->civil.hour = (uint8_t)(value >> 12 & 31);
    out->civil.minute = (uint8_t)(value >> 6 & 63);
    out->civil.second = (uint8_t)(value & 63);
    out->civil.microsecond = read_fraction(at + 5, column->meta);
}

static void read_time2(const BinlogColumn *column, const uint8_t *at, Cell *out)
{
    /* The whole is one big-endian number around an offset, so that negative times borrow from
     * the fraction; scaled to 3 bytes of time and 3 of fraction. */
    int32_t extra = fraction_bytes(column->meta);
    int64_t packed = (int64_t)read_big(at, 3 + extra) - ((int64_t)0x800000 << (8 * extra));
    bool is_negative = packed < 0;
    uint64_t value = (uint64_t)(is_negative ? -packed : packed);
    static const uint32_t scale[4] = {0, 10000, 100, 1};
    uint64_t fraction = (value & (((uint64_t)1 << (8 * extra)) - 1)) * scale[extra];
    uint64_t whole = value >> (8 * extra);
    int64_t seconds =
        (int64_t)((whole >> 12 & 1023) * 3600 + (whole >> 6 & 63) * 60 + (whole & 63));
    int64_t micros = seconds * MICROS_PER_SECOND + (int64_t)fraction;
    out->kind = CELL_TIME;
    out->scale = column->meta;
    out->integer = is_negative ? -micros : micros;
}

static void read_instant(const BinlogColumn *column, const uint8_t *at, Cell *out)
{
    bool is_new = column->type == MYSQL_TIMESTAMP2;
    uint64_t seconds = is_new ? read_big(at, 4) : read_little(at, 4);
    uint32_t fraction = is_new ? read_fraction(at + 4, column->meta) : 0;
    out->kind = CELL_INSTANT;
    out->scale = is_new ? column->meta : 0;
    out->integer = (int64_t)seconds * MICROS_PER_SECOND + fraction;
    if (seconds == 0 && fraction == 0)
        *out = (Cell){.kind = CELL_DATETIME}; /* 0000-00-00 00:00:00 */
}

/* The forms of MySQL 5.5 and before: decimal digits in a number. */
static void read_old_datetime(const uint8_t *at, Cell *out)
{
    uint64_t value = read_little(at, 8);
    uint64_t date = value / 1000000, time = value % 1000000;
    out->kind = CELL_DATETIME;
    out->scale = 0;
    out->civil.year = (uint16_t)(date / 10000);
    out->civil.month = (uint8_t)(date / 100 % 100);
    out->civil.day = (uint8_t)(date % 100);
    out->civil.hour = (uint8_t)(time / 10000);
    out->civil.minute = (uint8_t)(time / 100 % 100);
    out->civil.second = (uint8_t)(time % 100);
    out->civil.microsecond = 0;
}

static void read_old_time(const uint8_t *at, Cell *out)
{
    int32_t value = (int32_t)(read_little(at, 3) << 8) >> 8;
    int32_t digits = value < 0 ? -value : value;
    int64_t seconds = digits / 10000 * 3600 + digits / 100 % 100 * 60 + digits % 100;
    out->kind = CELL_TIME;
    out->scale = 0;
    out->integer = (value < 0 ? -seconds : seconds) * MICROS_PER_SECOND;
}

static void read_date(const uint8_t *at, Cell *out)
{
    uint32_t value = (uint32_t)read_little(at, 3);
    out->kind = CELL_DATE;
    out->civil.day = (uint8_t)(value & 31);
    out->civil.month = (uint8_t)(value >> 5 & 15);
    out->civil.year = (uint16_t)(value >> 9);
    out->civil.hour = out->civil.minute = out->civil.second = 0;
    out->civil.microsecond = 0;
}

/* ---- text ---- */

static bool read_enum(const BinlogColumn *column, const uint8_t *at, Cell *out, const char **why)
{
    uint64_t number = read_little(at, column->fixed_bytes);
    const MysqlColumn *schema = column->schema;
    out->kind = CELL_TEXT;
    out->text = STR("");
    if (number == 0) /* the empty string that stands for invalid values */
        return true;
    if (schema == NULL || schema->member_count == 0) {
        out->kind = CELL_INT;
        out->integer = (int64_t)number;
        return true;
    }
    if (number > (uint64_t)schema->member_count) {
        *why = "an ENUM value has no member in the table's definition";
        return false;
    }
    out->text = schema->members[number - 1];
    return true;
}

static bool read_set(const BinlogColumn *column, const uint8_t *at, Buffer *scratch, Cell *out,
                     const char **why)
{
    uint64_t bits = read_little(at, column->fixed_bytes);
    const MysqlColumn *schema = column->schema;
    if (schema == NULL || schema->member_count == 0) {
        out->kind = CELL_INT;
        out->integer = (int64_t)bits;
        return true;
    }
    if (schema->member_count < 64 && bits >> schema->member_count != 0) {
        *why = "a SET value has no member in the table's definition";
        return false;
    }
    int64_t start = scratch->length;
    for (int32_t i = 0; i < schema->member_count; i++) {
        if ((bits >> i & 1) == 0)
            continue;
        if (scratch->length > start)
            buffer_append_char(scratch, ',');
        buffer_append_str(scratch, schema->members[i]);
    }
    out->kind = CELL_TEXT;
    out->text =
        str_make(scratch->length > start ? scratch->data + start : "", scratch->length - start);
    return true;
}

static void read_text(const BinlogColumn *column, Str bytes, Buffer *scratch, Cell *out)
{
    out->kind = CELL_TEXT;
    out->text = bytes;
    if (column->charset == CHARSET_UTF8 || column->charset == CHARSET_UNKNOWN)
        return;
    if (column->charset != CHARSET_LATIN1) {
        out->kind = CELL_BYTES;
        return;
    }
    for (int64_t i = 0; i < bytes.length; i++) {
        if ((uint8_t)bytes.data[i] < 0x80)
            continue;
        int64_t start = scratch->length;
        charset_convert(CHARSET_LATIN1, bytes, scratch);
        out->text = str_make(scratch->data + start, scratch->length - start);
        return;
    }
}

static bool read_json(Str bytes, Buffer *scratch, Cell *out, const char **why)
{
    int64_t start = scratch->length;
    out->kind = CELL_TEXT;
    if (!mysql_json_print(bytes, scratch)) {
        *why = "a JSON value is malformed or nested too deep";
        return false;
    }
    out->text = str_make(scratch->data + start, scratch->length - start);
    return true;
}

/* Types with a length in front. */
static bool read_variable(const BinlogColumn *column, Str bytes, Buffer *scratch, Cell *out,
                          const char **why)
{
    switch (column->type) {
    case MYSQL_JSON: return read_json(bytes, scratch, out, why);
    case MYSQL_GEOMETRY:
    case MYSQL_VECTOR:
        out->kind = CELL_BYTES;
        out->text = bytes;
        return true;
    case MYSQL_BLOB_COMPRESSED:
    case MYSQL_VARCHAR_COMPRESSED:
        *why = "a COMPRESSED column cannot be read from the binlog";
        return false;
    default: read_text(column, bytes, scratch, out); return true;
    }
}

/* BINARY(n) loses its trailing zero bytes in the binlog. */
static void read_padded(const BinlogColumn *column, Buffer *scratch, Cell *out)
{
    int64_t length = column->schema != NULL ? column->schema->length : 0;
    if (length <= out->text.length)
        return;
    int64_t start = scratch->length;
    buffer_append_str(scratch, out->text);
    memset(buffer_reserve(scratch, length - out->text.length), 0,
           (size_t)(length - out->text.length));
    scratch->length += length - out->text.length;
    out->text = str_make(scratch->data + start, length);
}

const uint8_t *value_read(const BinlogColumn *column, const uint8_t *at, const uint8_t *end,
                          Buffer *scratch, Cell *out, const char **why)
{
    const uint8_t *next = value_skip(column, at, end);
    if (next == NULL) {
        *why = "a row event ends within a value";
        return NULL;
    }
    bool is_good = true;
    switch (column->type) {
    case MYSQL_TINY:
    case MYSQL_SHORT:
    case MYSQL_INT24:
    case MYSQL_LONG:
    case MYSQL_LONGLONG: read_integer(column, at, out); break;
    case MYSQL_YEAR:
        out->kind = CELL_INT;
        out->integer = *at == 0 ? 0 : *at + 1900;
        break;
    case MYSQL_FLOAT: {
        float real;
        memcpy(&real, at, sizeof real);
        out->kind = CELL_FLOAT;
        out->real = (double)real;
        break;
    }
    case MYSQL_DOUBLE:
        memcpy(&out->real, at, sizeof out->real);
        out->kind = CELL_REAL;
        break;
    case MYSQL_NEWDECIMAL: read_decimal(column, at, scratch, out); break;
    case MYSQL_DATE:
    case MYSQL_NEWDATE: read_date(at, out); break;
    case MYSQL_DATETIME2: read_datetime2(column, at, out); break;
    case MYSQL_TIMESTAMP:
    case MYSQL_TIMESTAMP2: read_instant(column, at, out); break;
    case MYSQL_TIME2: read_time2(column, at, out); break;
    case MYSQL_DATETIME: read_old_datetime(at, out); break;
    case MYSQL_TIME: read_old_time(at, out); break;
    case MYSQL_NULL: out->kind = CELL_NULL; break;
    case MYSQL_BIT:
        out->kind = CELL_BYTES;
        out->text = str_make((const char *)at, column->fixed_bytes);
        break;
    case MYSQL_ENUM: is_good = read_enum(column, at, out, why); break;
    case MYSQL_SET: is_good = read_set(column, at, scratch, out, why); break;
    default: {
        const char *bytes = (const char *)at + column->length_bytes;
        is_good =
            read_variable(column, str_make(bytes, (const char *)next - bytes), scratch, out, why);
        if (column->type == MYSQL_STRING && column->charset == CHARSET_BINARY)
            read_padded(column, scratch, out);
        break;
    }
    }
    return is_good ? next : NULL;
}
