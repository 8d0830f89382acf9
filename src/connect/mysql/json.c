/* Binary JSON: see json.h.
 *
 *   object: count, bytes, count x (key offset, key length), count x (type, value or offset), …
 *   array:  count, bytes, count x (type, value or offset), …
 *
 * "Small" documents have 2-byte numbers, "large" ones 4-byte numbers. Offsets count from the
 * start of the object or array, behind its type byte. */
#include "connect/mysql/json.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "connect/mysql/value.h"
#include "data/decimal.h"

typedef enum JsonType {
    JSON_SMALL_OBJECT = 0,
    JSON_LARGE_OBJECT = 1,
    JSON_SMALL_ARRAY = 2,
    JSON_LARGE_ARRAY = 3,
    JSON_LITERAL = 4,
    JSON_INT16 = 5,
    JSON_UINT16 = 6,
    JSON_INT32 = 7,
    JSON_UINT32 = 8,
    JSON_INT64 = 9,
    JSON_UINT64 = 10,
    JSON_DOUBLE = 11,
    JSON_TEXT = 12,
    JSON_OPAQUE = 15,
} JsonType;

/* Documents share nothing, so their text cannot be much longer than their bytes; offsets that
 * point at the same place again and again could make it so. */
enum { JSON_EXPANSION_MAX = 64, JSON_EXPANSION_SLACK = 4096 };

typedef struct JsonPrinter {
    Buffer *out;
    int64_t out_max; /* bytes */
} JsonPrinter;

static bool json_print_value(JsonPrinter *printer, uint8_t type, Str bytes, int32_t depth);

static uint64_t little_endian(const char *at, int32_t bytes)
{
    uint64_t value = 0;
    memcpy(&value, at, (size_t)bytes);
    return value;
}

/* A length in 7-bit groups, lowest first. */
static bool json_take_length(Str *bytes, int64_t *length)
{
    uint64_t value = 0;
    for (int32_t i = 0; i < 5 && i < bytes->length; i++) {
        uint8_t byte = (uint8_t)bytes->data[i];
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            *bytes = str_make(bytes->data + i + 1, bytes->length - i - 1);
            *length = (int64_t)value;
            return *length <= bytes->length;
        }
    }
    return false;
}

/* As MySQL prints it: the fewest digits that read back as the same number, with an exponent below
 * 1e-15, and from 1e15 on unless digits stand behind the point. Reference: MySQL's
 * include/m_string.h, MAX_DECPT_FOR_F_FORMAT. */
static void json_print_double(Buffer *out, double real)
{
    enum { DIGITS_MIN = 15, DIGITS_MAX = 17, POINT_MIN = -14, POINT_MAX = 15 };
    char text[40];                                             /* d.ddde±xx */
    int precision = fabs(real) < DBL_MIN ? 0 : DIGITS_MIN - 1; /* behind the first digit */
    do
        snprintf(text, sizeof text, "%.*e", precision, fabs(real));
    while (++precision < DIGITS_MAX && strtod(text, NULL) != fabs(real));
    char *exponent = strchr(text, 'e');
    int64_t power = 0;
    bool is_parsed = str_parse_int64(str_from(exponent + 2), &power);
    assert(is_parsed);
    int point = (exponent[1] == '-' ? -(int)power : (int)power) + 1; /* it stands behind so many */
    int count = 1;
    for (const char *at = text + 2; at < exponent; at++)
        text[count++] = *at;
    while (count > 1 && text[count - 1] == '0')
        count--;
    if (signbit(real))
        buffer_append_char(out, '-');
    if (point < POINT_MIN || (point > POINT_MAX && count <= point)) {
        buffer_printf(out, "%c%s%.*se%d", text[0], count > 1 ? "." : "", count - 1, text + 1,
                      point - 1);
        return;
    }
    for (int i = point < 0 ? point : 0; i < count || i < point; i++) {
        if (i == point)
            buffer_append_text(out, point <= 0 ? "0." : ".");
        buffer_append_char(out, i < 0 || i >= count ? '0' : text[i]);
    }
    if (count <= point)
        buffer_append_text(out, ".0");
}

static bool json_print_number(JsonPrinter *printer, uint8_t type, Str bytes)
{
    int32_t width = type <= JSON_UINT16 ? 2 : type <= JSON_UINT32 ? 4 : 8;
    if (bytes.length < width)
        return false;
    uint64_t raw = little_endian(bytes.data, width);
    switch (type) {
    case JSON_INT16: buffer_printf(printer->out, "%d", (int)(int16_t)raw); return true;
    case JSON_INT32: buffer_printf(printer->out, "%d", (int)(int32_t)raw); return true;
    case JSON_INT64: buffer_printf(printer->out, "%lld", (long long)raw); return true;
    case JSON_DOUBLE: break;
    default: buffer_printf(printer->out, "%llu", (unsigned long long)raw); return true;
    }
    double real;
    memcpy(&real, &raw, sizeof real);
    if (!isfinite(real))
        return false;
    json_print_double(printer->out, real);
    return true;
}

static void json_print_time(JsonPrinter *printer, uint8_t type, uint64_t packed)
{
    bool is_negative = (int64_t)packed < 0;
    uint64_t value = is_negative ? (uint64_t) - (int64_t)packed : packed;
    unsigned micro = (unsigned)(value & 0xffffff);
    uint64_t whole = value >> 24;
    unsigned second = (unsigned)(whole & 63), minute = (unsigned)(whole >> 6 & 63);
    unsigned hour = (unsigned)(whole >> 12 & (type == MYSQL_TIME ? 1023 : 31));
    unsigned day = (unsigned)(whole >> 17 & 31), month = (unsigned)(whole >> 22 & 0x1ffff);
    if (type == MYSQL_TIME)
        buffer_printf(printer->out, "\"%s%02u:%02u:%02u.%06u\"", is_negative ? "-" : "", hour,
                      minute, second, micro);
    else if (type == MYSQL_DATE)
        buffer_printf(printer->out, "\"%04u-%02u-%02u\"", month / 13, month % 13, day);
    else
        buffer_printf(printer->out, "\"%04u-%02u-%02u %02u:%02u:%02u.%06u\"", month / 13,
                      month % 13, day, hour, minute, second, micro);
}

static bool json_print_opaque(JsonPrinter *printer, Str bytes)
{
    if (bytes.length < 1)
        return false;
    uint8_t type = (uint8_t)bytes.data[0];
    Str value = str_make(bytes.data + 1, bytes.length - 1);
    int64_t length = 0;
    if (!json_take_length(&value, &length))
        return false;
    value.length = length;
    if (type == MYSQL_NEWDECIMAL && length >= 2) {
        BinlogColumn column = {
            .type = MYSQL_NEWDECIMAL,
            .meta = (uint16_t)((uint8_t)value.data[0] | (uint8_t)value.data[1] << 8)};
        Cell cell;
        const char *why = NULL;
        Buffer scratch = {0};
        const uint8_t *at = (const uint8_t *)value.data + 2;
        bool is_read =
            value_prepare(&column) && value_read(&column, at, (const uint8_t *)value.data + length,
                                                 &scratch, &cell, &why) != NULL;
        if (is_read)
            cell_print(printer->out, &cell);
        buffer_free(&scratch);
        return is_read;
    }
    if ((type == MYSQL_DATE || type == MYSQL_TIME || type == MYSQL_DATETIME ||
         type == MYSQL_TIMESTAMP) &&
        length == 8) {
        json_print_time(printer, type, little_endian(value.data, 8));
        return true;
    }
    /* MySQL prints other opaque values as base64 with their type. */
    buffer_printf(printer->out, "\"base64:type%d:", (int)type);
    base64_encode(printer->out, value);
    buffer_append_char(printer->out, '"');
    return true;
}

/* Whether the value lies in its entry itself. */
static bool json_is_inline(uint8_t type, bool is_large)
{
    return type == JSON_LITERAL || type == JSON_INT16 || type == JSON_UINT16 ||
           (is_large && (type == JSON_INT32 || type == JSON_UINT32));
}

static bool json_print_entry(JsonPrinter *printer, Str document, int64_t entry, bool is_large,
                             int32_t depth)
{
    int32_t width = is_large ? 4 : 2;
    uint8_t type = (uint8_t)document.data[entry];
    if (json_is_inline(type, is_large))
        return json_print_value(printer, type, str_make(document.data + entry + 1, width), depth);
    int64_t offset = (int64_t)little_endian(document.data + entry + 1, width);
    if (offset >= document.length)
        return false;
    return json_print_value(printer, type,
                            str_make(document.data + offset, document.length - offset), depth);
}

static bool json_print_container(JsonPrinter *printer, uint8_t type, Str bytes, int32_t depth)
{
    bool is_large = type == JSON_LARGE_OBJECT || type == JSON_LARGE_ARRAY;
    bool is_object = type == JSON_SMALL_OBJECT || type == JSON_LARGE_OBJECT;
    int32_t width = is_large ? 4 : 2;
    if (bytes.length < 2 * width || depth >= JSON_DEPTH_MAX)
        return false;
    int64_t count = (int64_t)little_endian(bytes.data, width);
    int64_t size = (int64_t)little_endian(bytes.data + width, width);
    int64_t keys = 2 * width;
    int64_t entries = keys + (is_object ? count * (width + 2) : 0);
    if (size > bytes.length || entries + count * (width + 1) > size)
        return false;
    bytes.length = size;
    buffer_append_char(printer->out, is_object ? '{' : '[');
    for (int64_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append_text(printer->out, ", ");
        if (is_object) {
            const char *key = bytes.data + keys + i * (width + 2);
            int64_t offset = (int64_t)little_endian(key, width);
            int64_t length = (int64_t)little_endian(key + width, 2);
            if (offset + length > size)
                return false;
            json_append_quoted(printer->out, str_make(bytes.data + offset, length));
            buffer_append_text(printer->out, ": ");
        }
        if (!json_print_entry(printer, bytes, entries + i * (width + 1), is_large, depth + 1))
            return false;
    }
    buffer_append_char(printer->out, is_object ? '}' : ']');
    return true;
}

static bool json_print_literal(JsonPrinter *printer, Str bytes)
{
    static const char *const words[] = {"null", "true", "false"};
    if (bytes.length < 1 || (uint8_t)bytes.data[0] > 2)
        return false;
    buffer_append_text(printer->out, words[(uint8_t)bytes.data[0]]);
    return true;
}

static bool json_print_value(JsonPrinter *printer, uint8_t type, Str bytes, int32_t depth)
{
    if (printer->out->length > printer->out_max)
        return false;
    int64_t length = 0;
    switch (type) {
    case JSON_SMALL_OBJECT:
    case JSON_LARGE_OBJECT:
    case JSON_SMALL_ARRAY:
    case JSON_LARGE_ARRAY: return json_print_container(printer, type, bytes, depth);
    case JSON_LITERAL: return json_print_literal(printer, bytes);
    case JSON_INT16:
    case JSON_UINT16:
    case JSON_INT32:
    case JSON_UINT32:
    case JSON_INT64:
    case JSON_UINT64:
    case JSON_DOUBLE: return json_print_number(printer, type, bytes);
    case JSON_TEXT:
        if (!json_take_length(&bytes, &length))
            return false;
        json_append_quoted(printer->out, str_make(bytes.data, length));
        return true;
    case JSON_OPAQUE: return json_print_opaque(printer, bytes);
    default: return false;
    }
}

bool mysql_json_print(Str bytes, Buffer *out)
{
    if (bytes.length == 0) {
        buffer_append_text(out, "null");
        return true;
    }
    JsonPrinter printer = {.out = out,
                           .out_max = out->length + bytes.length * JSON_EXPANSION_MAX +
                                      JSON_EXPANSION_SLACK};
    return json_print_value(&printer, (uint8_t)bytes.data[0],
                            str_make(bytes.data + 1, bytes.length - 1), 0);
}
